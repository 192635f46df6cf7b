package Test::OhttpRelay::Resp;

# One end of a connection in Redis' protocol, versions 2 and 3: the test as a client of a real
# server, and the fake server.

use strict;
use warnings;

use parent 'Test::OhttpRelay::Wire';

use IO::Socket::INET;

use Test::OhttpRelay::Wire;

# A client's connection. Options: port (a real one); tls: options of IO::Socket::SSL.

sub connect {
    my ($class, %opt) = @_;

    my $socket = IO::Socket::INET->new(Proto => 'tcp', PeerAddr => '127.0.0.1',
        PeerPort => $opt{port}, Timeout => 10) or return undef;

    if ($opt{tls}) {
        require IO::Socket::SSL;
        IO::Socket::SSL->start_SSL($socket, %{ $opt{tls} }) or return undef;
    }

    return $class->new($socket, raw => '');
}

# How a server will name this connection.

sub address { $_[0]{socket}->sockhost . ':' . $_[0]{socket}->sockport }

# Sends one command, as its words.

sub send_command {
    my ($self, @words) = @_;
    return $self->send(command_bytes(@words));
}

sub command_bytes {
    my (@words) = @_;
    return join '', "*" . @words . "\r\n", map { "\$" . length($_) . "\r\n$_\r\n" } @words;
}

# One whole exchange. An error of the server is an object that reads as its text; the test
# dies when the connection ends first.

sub ask {
    my ($self, @words) = @_;
    $self->send_command(@words);
    return $self->value;
}

# The next value: a text, undef, or a list; raw keeps its bytes.

sub value {
    my ($self) = @_;
    $self->{raw} = '';
    return $self->next_value;
}

sub raw { $_[0]{raw} }

sub next_value {
    my ($self) = @_;

    my $line = $self->line;
    my ($type, $rest) = $line =~ /^(.)(.*)\z/s or die "redis: an empty line\n";

    return $rest if $type =~ /[+:,(]/;
    return Test::OhttpRelay::Resp::Error->new($rest) if $type eq '-';
    return undef if $type eq '_' || $type =~ /[\$*]/ && $rest == -1;
    return $rest eq 't' ? 1 : 0 if $type eq '#';
    return $self->bytes($rest) if $type eq '$';
    return substr $self->bytes($rest), 4 if $type eq '=';
    return [ map { scalar $self->next_value } 1 .. $rest ] if $type =~ /[*~>]/;
    return [ map { scalar $self->next_value } 1 .. 2 * $rest ] if $type eq '%';

    die "redis: not a reply: $line\n";
}

sub line {
    my ($self) = @_;
    my $line = $self->until("\r\n") // die 'redis: the connection ' . $self->ended . "\n";
    $self->{raw} .= $line;
    return substr $line, 0, -2;
}

sub bytes {
    my ($self, $length) = @_;
    my $bytes = $self->take($length + 2);
    die 'redis: the connection ' . $self->ended . "\n" if length $bytes < $length + 2;
    $self->{raw} .= $bytes;
    return substr $bytes, 0, -2;
}

# The bytes of a reply (version 2). A text is a bulk string, undef nothing, a list an array;
# a reference to a text is sent as what it looks like: \'OK', \42, \'-LOADING wait'.

sub reply_bytes {
    my ($value) = @_;

    return "\$-1\r\n" unless defined $value;

    if (ref $value eq 'ARRAY') {
        return join '', '*' . @$value . "\r\n", map { reply_bytes($_) } @$value;
    }

    if (ref $value) {
        return "$$value\r\n" if $$value =~ /^-\D/;
        return ($$value =~ /^-?\d+\z/ ? ':' : '+') . "$$value\r\n";
    }

    return "\$" . length($value) . "\r\n$value\r\n";
}


package Test::OhttpRelay::Resp::Error;

use strict;
use warnings;

use overload '""' => sub { ${ $_[0] } }, 'eq' => sub { "$_[0]" eq "$_[1]" }, fallback => 1;

sub new {
    my ($class, $text) = @_;
    return bless \$text, $class;
}

1;
