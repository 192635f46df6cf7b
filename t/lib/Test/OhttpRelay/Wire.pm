package Test::OhttpRelay::Wire;

# One end of an HTTP/1.1 connection, spoken by hand. The client and the fake gateway
# are both made of it. Nothing here waits longer than PATIENCE seconds.

use strict;
use warnings;

use IO::Select;
use Socket qw/SOL_SOCKET SO_LINGER/;
use Time::HiRes ();

use constant PATIENCE => 15;

sub new {
    my ($class, $socket, %self) = @_;
    $socket->autoflush(1);
    return bless { socket => $socket, in => '', ended => '', %self }, $class;
}

sub socket { $_[0]{socket} }

# How the connection ended as seen from here: '', "closed", "reset" or "silent".

sub ended { $_[0]{ended} }

# Sends all the bytes. False when the other side is gone or does not read.

sub send {
    my ($self, $bytes) = @_;
    my $sent = $self->send_some($bytes, PATIENCE);
    return $sent == length $bytes;
}

# Sends until the other side has taken nothing for so many seconds; returns how much went out.

sub send_some {
    my ($self, $bytes, $patience) = @_;

    my $socket = $self->{socket};
    my $done = 0;
    local $SIG{PIPE} = 'IGNORE';

    $socket->blocking(0);
    while ($done < length $bytes) {
        my $n = syswrite($socket, $bytes, 65536, $done);
        if (defined $n) {
            $done += $n;
            next;
        }

        last unless $!{EAGAIN} || $!{EWOULDBLOCK} || $!{EINTR};
        last unless IO::Select->new($socket)->can_write($patience);
    }

    $socket->blocking(1);
    return $done;
}

# Reads once more into the buffer. False at the end of the connection.

sub fill {
    my ($self, $patience) = @_;

    return 0 if $self->{ended} eq 'closed' || $self->{ended} eq 'reset';

    my $socket = $self->{socket};
    my $pending = $socket->can('pending') && $socket->pending;
    my $got;

    if (!$pending && !IO::Select->new($socket)->can_read($patience // PATIENCE)) {
        $self->{ended} = 'silent';
        return 0;
    }

    my $n = sysread($socket, $got, 65536);
    if (!$n) {
        $self->{ended} = defined $n ? 'closed' : 'reset';
        return 0;
    }

    $self->{ended} = '';
    $self->{in} .= $got;
    $self->seen($got);
    return 1;
}

# Called with every piece that is read; the gateway keeps them.

sub seen { }

# What a read left in the buffer and what still comes until the other side closes.

sub rest {
    my ($self) = @_;
    1 while $self->fill;
    my $rest = $self->{in};
    $self->{in} = '';
    return $rest;
}

# True when the other side has closed, or closes now, and sent nothing more.

sub at_end {
    my ($self) = @_;
    return $self->{in} eq '' && !$self->fill && $self->{ended} ne 'silent';
}

# True when something can be read within so many seconds (an end counts).

sub readable {
    my ($self, $patience) = @_;
    return 1 if $self->{in} ne '';
    return IO::Select->new($self->{socket})->can_read($patience) ? 1 : 0;
}

# The bytes up to and including an end mark; undef when the connection ends first.

sub until {
    my ($self, $mark) = @_;

    my $at;
    while (($at = index($self->{in}, $mark)) < 0) {
        return undef unless $self->fill;
    }

    return substr($self->{in}, 0, $at + length $mark, '');
}

# The next so many bytes, or fewer when the connection ends first.

sub take {
    my ($self, $length) = @_;
    while (length $self->{in} < $length) {
        last unless $self->fill;
    }

    return substr($self->{in}, 0, $length, '');
}

# Whatever has come, at least one byte; undef at the end.

sub piece {
    my ($self) = @_;
    return undef if $self->{in} eq '' && !$self->fill;
    my $piece = $self->{in};
    $self->{in} = '';
    return $piece;
}

# The data of the next transfer chunk, '' for the last one; undef when there is none.

sub chunk {
    my ($self) = @_;

    my $line = $self->until("\r\n");
    return undef unless defined $line && $line =~ /^([0-9a-f]+)/i;

    my $size = hex $1;
    if ($size == 0) {
        return defined $self->until("\r\n") ? '' : undef;
    }

    my $data = $self->take($size + 2);
    return undef if length $data < $size + 2;
    return substr($data, 0, $size);
}

sub send_chunk {
    my ($self, $data) = @_;
    return $self->send(sprintf("%x\r\n%s\r\n", length $data, $data));
}

sub end_chunks { $_[0]->send("0\r\n\r\n") }

# Reads a body as its head frames it into the message, and says there how it ended.
# A request without framing has none; an answer without framing lasts until the close.

sub read_body {
    my ($self, $message, $is_answer) = @_;

    my $length = $message->header('Content-Length');

    if ($message->chunked) {
        my $data = '';
        while (defined($data = $self->chunk)) {
            $message->{body} .= $data;
            if ($data eq '') {
                $message->{complete} = 1;
                last;
            }
        }

    } elsif (defined $length) {
        $message->{body} .= $self->take($length - length $message->{body});
        $message->{complete} = length $message->{body} == $length;

    } elsif ($is_answer) {
        $message->{body} .= $self->rest;
        $message->{complete} = $self->{ended} eq 'closed';

    } else {
        $message->{complete} = 1;
    }

    return $message;
}

# close ends the connection in order, reset throws it away (the peer sees ECONNRESET).

sub close {
    my ($self) = @_;
    my $socket = delete $self->{socket} or return;
    $self->{ended} = 'closed';
    CORE::close($socket);
}

# Leaves the connection to another process that has it as well.

sub leave {
    my ($self) = @_;
    my $socket = delete $self->{socket} or return;
    $self->{ended} = 'closed';
    $socket->isa('IO::Socket::SSL')
        ? $socket->close(SSL_no_shutdown => 1) : CORE::close($socket);
}

sub reset {
    my ($self) = @_;
    my $socket = delete $self->{socket} or return;
    $self->{ended} = 'closed';
    setsockopt($socket, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0));
    $socket->isa('IO::Socket::SSL')
        ? $socket->close(SSL_no_shutdown => 1) : CORE::close($socket);
}

1;
