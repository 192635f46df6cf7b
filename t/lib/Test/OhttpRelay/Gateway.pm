package Test::OhttpRelay::Gateway;

# A fake gateway. It listens on a port and writes down every byte it gets.
# A test either plays it by hand,
#
#     my $gateway = $t->gateway(8081);
#     my $conn = $gateway->accept;  my $request = $conn->request;  $conn->answer(200);
#
# or gives it a sub, called once per request in processes of their own:
#
#     my $gateway = $t->gateway(8081, answer => sub { my ($conn, $request) = @_; ... });

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw/sleep time/;

use Test::OhttpRelay::Message;

# folder: where it keeps what it saw; port: the real one; tls: options of IO::Socket::SSL.

sub new {
    my ($class, %self) = @_;

    my $self = bless { count => 0, limit => 1 << 20, %self }, $class;

    $self->{listener} = IO::Socket::INET->new(
        Proto => 'tcp', LocalAddr => $self->{address} // '127.0.0.1', LocalPort => $self->{port},
        Listen => 511, ReuseAddr => 1,
    ) or die "cannot listen on port $self->{port}: $!\n";

    if ($self->{tls}) {
        require IO::Socket::SSL;
        $self->{context} = IO::Socket::SSL::SSL_Context->new(
            SSL_server => 1, SSL_session_id_context => 'gateway', %{ $self->{tls} },
        ) or die "TLS of the gateway: $IO::Socket::SSL::SSL_ERROR\n";
    }

    return $self;
}

# The next connection, its TLS handshake done; undef when none comes or TLS fails.

sub accept {
    my ($self, $patience) = @_;

    return undef unless IO::Select->new($self->{listener})->can_read($patience // 10);
    my $socket = $self->{listener}->accept or return undef;

    return $self->greet($socket, ++$self->{count});
}

# True when a connection is waiting, or comes within so many seconds.

sub asked { IO::Select->new($_[0]{listener})->can_read($_[1] // 0) ? 1 : 0 }

sub greet {
    my ($self, $socket, $number) = @_;

    my $conn = Test::OhttpRelay::Gateway::Conn->new(
        $socket, name => "$self->{folder}/$self->{name}.$number", number => $number,
        limit => $self->{limit}, sealed => $self->{sealed}, requests => 0,
    );

    $conn->keep('bytes', '');
    return $conn unless $self->{tls};

    my $done = IO::Socket::SSL->start_SSL(
        $socket, SSL_server => 1, SSL_reuse_ctx => $self->{context}, Timeout => 10,
        %{ $self->{tls} },
    );
    if (!$done) {
        $conn->keep('tls', "failed: $IO::Socket::SSL::SSL_ERROR\n");
        return undef;
    }

    my $peer = $socket->peer_certificate('commonName') // '';
    my $server = $socket->get_servername // '';
    my $again = $socket->get_session_reused ? 'resumed' : 'full';
    $conn->keep('tls', "$again name=$server client=$peer\n");

    return $conn;
}

# Serves until killed, each connection in a process of its own.

sub serve {
    my ($self) = @_;

    $SIG{CHLD} = 'IGNORE';
    my @children;

    for ( ;; ) {
        my $socket = $self->{listener}->accept or next;
        my $number = ++$self->{count};
        my $pid = fork // die "fork: $!\n";
        next if $pid;

        CORE::close($self->{listener});
        my $conn = $self->greet($socket, $number);
        $self->talk($conn) if $conn;
        POSIX::_exit(0);
    }
}

sub talk {
    my ($self, $conn) = @_;

    while (my $request = $conn->request) {
        $self->{answer}->($conn, $request);
        last unless $conn->socket && $conn->body->complete;
    }

    $conn->close;
}

# What it has seen: the requests in order (a body is there once it was read), the number
# of connections, the TLS notes, and the bytes of one connection or of all.

sub requests {
    my ($self) = @_;

    my @requests;

    for my $name ($self->kept('head')) {
        my $request = Test::OhttpRelay::Message->new(slurp($name), from => $name);
        ($request->{connection}) = $name =~ /\.(\d+)\.\d+\.head$/;
        my $body = $name =~ s/head$/body/r;
        $request->{body} = slurp($body) if -e $body;
        $request->{complete} = -e $body ? 1 : 0;
        push @requests, $request;
    }

    return @requests;
}

sub connections { scalar(my @names = $_[0]->kept('bytes')) }
sub handshakes  { map { slurp($_) =~ s/\n//r } $_[0]->kept('tls') }
sub bytes       { join '', map { slurp($_) } $_[0]->kept('bytes') }

# The requests, once there are so many of them; fewer after ten seconds.

sub wait_requests {
    my ($self, $count) = @_;

    my $end = time + 10;
    my @requests;

    while ((@requests = grep { $_->complete } $self->requests) < $count && time < $end) {
        sleep 0.01;
    }

    return @requests;
}

# Forgets what it has seen so far.

sub forget { unlink map { $_[0]->kept($_) } qw/head body bytes tls/ }

sub kept {
    my ($self, $kind) = @_;
    my @names = glob "$self->{folder}/$self->{name}.*.$kind";
    my %order = map { $_ => /\.(\d+)(?:\.(\d+))?\.$kind$/ && $1 * 100_000 + ($2 // 0) } @names;
    @names = sort { $order{$a} <=> $order{$b} } @names;
    return @names;
}

sub slurp {
    my ($name) = @_;
    open my $file, '<:raw', $name or return '';
    local $/;
    return scalar(<$file>) // '';
}


package Test::OhttpRelay::Gateway::Conn;

use strict;
use warnings;

use parent -norequire, 'Test::OhttpRelay::Wire';

use Time::HiRes qw/sleep time/;

use Test::OhttpRelay::Wire;

# Everything read goes to a file of this connection, up to the gateway's limit.

sub seen {
    my ($self, $bytes) = @_;

    my $room = $self->{limit} - ($self->{kept} // 0);
    return if $room <= 0;

    $self->{kept} += length $bytes;
    open my $file, '>>:raw', "$self->{name}.bytes" or die "$self->{name}: $!\n";
    print $file substr($bytes, 0, $room);
}

sub keep {
    my ($self, $kind, $bytes) = @_;
    open my $file, '>:raw', "$self->{name}.$kind.part" or die "$self->{name}: $!\n";
    print $file $bytes;
    CORE::close($file);
    rename "$self->{name}.$kind.part", "$self->{name}.$kind";
}

sub number { $_[0]{number} }

# The head of the next request; undef when there is none.

sub request {
    my ($self) = @_;

    my $head = $self->until("\r\n\r\n") // return undef;

    $self->{current} = Test::OhttpRelay::Message->new($head);
    $self->{requests}++;
    $self->keep(sprintf('%d.head', $self->{requests}), $head);

    return $self->{current};
}

# Reads the rest of the current request's body, once.

sub body {
    my ($self) = @_;

    my $request = $self->{current};
    if (!$request->{complete} && $self->{socket}) {
        $self->read_body($request);
        $self->keep(sprintf('%d.body', $self->{requests}), $request->{body})
            if $request->{complete};
    }

    return $request;
}

# Reads a body of any size without keeping it; returns its length and whether it ended well.

sub swallow {
    my ($self) = @_;

    my $request = $self->{current};
    my $left = $request->header('Content-Length');
    my ($data, $total) = ('', 0);

    if ($request->chunked) {
        while (defined($data = $self->chunk) && $data ne '') {
            $total += length $data;
        }

        $request->{complete} = defined $data;

    } else {
        while ($total < $left && ($data = $self->take($left - $total > 65536 ? 65536 : $left - $total)) ne '') {
            $total += length $data;
        }

        $request->{complete} = $total == $left;
    }

    return ($total, $request->{complete});
}

# Waits until the relay has read all that was sent, so that what comes next comes by itself.
# True when it has, or has closed.

sub settled {
    my ($self) = @_;

    my $socket = $self->{socket} or return 1;
    my ($own, $peer) = map { sprintf '%08X:%04X', unpack('V', $_->[0]), $_->[1] }
        [$socket->sockaddr, $socket->sockport], [$socket->peeraddr, $socket->peerport];
    my $end = time + Test::OhttpRelay::Wire::PATIENCE;

    while (time < $end) {
        my $table = Test::OhttpRelay::Gateway::slurp('/proc/net/tcp');
        my ($sent) = $table =~ /$own $peer \w+ (\w+):/;
        my ($state, $waiting) = $table =~ /$peer $own (\w+) \w+:(\w+)/;

        return 1 if !defined $waiting || $state ne '01'
            || hex($waiting) == 0 && hex($sent // 0) == 0;
        sleep 0.001;
    }

    return 0;
}

# An answer with a length. Without arguments: 200 and a sealed body.

sub answer {
    my ($self, $status, $type, $body, @fields) = @_;

    $self->body;
    $body //= "\0$self->{sealed}\r\n\xff";
    return $self->send($self->answer_head($status, $type,
        'Content-Length' => length $body, @fields) . $body);
}

# The bytes of an answer's head.

sub answer_head {
    my ($self, $status, $type, @fields) = @_;

    my $head = 'HTTP/1.1 ' . ($status // 200) . " Said\r\n";
    unshift @fields, 'Content-Type' => $type // 'message/ohttp-res';

    while (my ($name, $value) = splice @fields, 0, 2) {
        $head .= "$name: $value\r\n";
    }

    return "$head\r\n";
}

# A chunked answer's head; send_chunk and end_chunks do the rest.

sub start_chunks {
    my ($self, $status, $type, @fields) = @_;
    return $self->send($self->answer_head($status, $type // 'message/ohttp-chunked-res',
        'Transfer-Encoding' => 'chunked', @fields));
}

1;
