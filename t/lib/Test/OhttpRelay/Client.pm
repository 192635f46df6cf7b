package Test::OhttpRelay::Client;

# A client connection to the relay over HTTP/1.1, from an address of its own.

use strict;
use warnings;

use parent 'Test::OhttpRelay::Wire';

use IO::Socket::INET;

use Test::OhttpRelay::Message;

# canary, port (a real one); tls: options of IO::Socket::SSL, or 1.

sub connect {
    my ($class, %opt) = @_;

    my $canary = $opt{canary};
    my $socket = IO::Socket::INET->new(
        Proto => 'tcp', PeerAddr => '127.0.0.1', PeerPort => $opt{port},
        LocalAddr => $opt{address} // $canary->address, Timeout => 10,
    ) or die "cannot connect to port $opt{port}: $!\n";

    $canary->port($socket->sockport);

    if ($opt{tls}) {
        require IO::Socket::SSL;
        my %tls = ref $opt{tls} ? %{ $opt{tls} } : ();
        IO::Socket::SSL->start_SSL($socket, SSL_verify_mode => 0, %tls)
            or die "TLS with the relay failed: $IO::Socket::SSL::SSL_ERROR\n";
    }

    return $class->new($socket, canary => $canary);
}

# The bytes of a request's head, with the canaries. Fields given by the test replace
# planted ones of the same name; undef leaves one out.

sub head {
    my ($self, $method, $target, @fields) = @_;

    my %fields = ('Host' => 'relay.example', $self->{canary}->headers);
    my @order = sort keys %fields;

    while (my ($name, $value) = splice @fields, 0, 2) {
        my ($same) = grep { lc $_ eq lc $name } @order;
        delete $fields{$same} if defined $same;
        @order = grep { lc $_ ne lc $name } @order;
        next unless defined $value;
        push @order, $name;
        $fields{$name} = $value;
    }

    return "$method $target HTTP/1.1\r\n"
        . join('', map { "$_: $fields{$_}\r\n" } @order) . "\r\n";
}

# Sends a request with its body; chunked sends it as two transfer chunks.

sub request {
    my ($self, $method, $target, $body, %opt) = @_;

    my @fields = @{ $opt{headers} // [] };
    unshift @fields, 'Content-Type' => $opt{type} if defined $opt{type};

    if ($opt{chunked}) {
        my $half = int(length($body) / 2);
        my $head = $self->head($method, $target, 'Transfer-Encoding' => 'chunked', @fields);
        $self->send($head);
        $self->send_chunk($_) for grep { length } substr($body, 0, $half), substr($body, $half);
        $self->end_chunks;

    } else {
        unshift @fields, 'Content-Length' => length $body if defined $body;
        $self->send($self->head($method, $target, @fields) . ($body // ''));
    }

    $self->{method} = $method;
    return $self;
}

# The answer's head; 1xx answers before it are put aside.

sub answer_head {
    my ($self) = @_;

    my (@interim, $answer);

    do {
        my $head = $self->until("\r\n\r\n") // $self->{in};
        $answer = Test::OhttpRelay::Message->new($head, interim => \@interim);
    } while ($answer->status =~ /^1/ && push @interim, $answer->status);

    return $answer;
}

sub answer {
    my ($self) = @_;

    my $answer = $self->answer_head;
    my $empty = $answer->status =~ /^(?:204|304)$/ || ($self->{method} // '') eq 'HEAD';

    if ($empty) {
        $answer->{complete} = 1;

    } elsif ($answer->status) {
        $self->read_body($answer, 1);
    }

    $answer->show;
    return $answer;
}

1;
