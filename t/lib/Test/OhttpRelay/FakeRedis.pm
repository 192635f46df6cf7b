package Test::OhttpRelay::FakeRedis;

# A fake Redis for the faults that a real one does not show. A test either plays it by hand,
#
#     my $fake = $t->fake_redis(8380);
#     my $conn = $fake->accept;  my @words = $conn->command;  $conn->reply(\'OK');
#
# or gives it a sub, called once per command in a process of each connection:
#
#     my $fake = $t->fake_redis(8380, script => sub {
#         my ($conn, @words) = @_;
#         return if $conn->usual(@words);         # AUTH, HELLO, PING and their like
#         return $conn->raw("*1000000000\r\n");   # or reply, close, reset, or nothing at all
#     });
#
# With real => $t->redis it can also stand between a client and a real server: pass hands a
# command on and answers with the reply, lose hands it on and keeps the reply to itself.
#
# Each command is written down before the sub is called; done() looks into that too.

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use POSIX ();

use Test::OhttpRelay::Gateway;
use Test::OhttpRelay::Resp;

# port: the real one; folder and name: where commands are written down.

sub new {
    my ($class, %self) = @_;

    my $self = bless { count => 0, %self }, $class;

    $self->{listener} = IO::Socket::INET->new(
        Proto => 'tcp', LocalAddr => '127.0.0.1', LocalPort => $self->{port},
        Listen => 511, ReuseAddr => 1,
    ) or die "cannot listen on port $self->{port}: $!\n";

    return $self;
}

sub port { $_[0]{port} }

# The next connection; undef when none comes.

sub accept {
    my ($self, $patience) = @_;

    return undef unless IO::Select->new($self->{listener})->can_read($patience // 10);
    my $socket = $self->{listener}->accept or return undef;

    return $self->greet($socket);
}

sub greet {
    my ($self, $socket) = @_;
    return Test::OhttpRelay::FakeRedis::Conn->new($socket, number => ++$self->{count},
        file => $self->file, real => $self->{real}, raw => '', index => 0);
}

# Serves until killed, each connection in a process of its own.

sub serve {
    my ($self) = @_;

    $SIG{CHLD} = 'IGNORE';

    for ( ;; ) {
        my $socket = $self->{listener}->accept or next;
        my $conn = $self->greet($socket);
        my $pid = fork // die "fork: $!\n";
        next if $pid;

        CORE::close($self->{listener});
        $self->talk($conn);
        POSIX::_exit(0);
    }
}

sub talk {
    my ($self, $conn) = @_;

    while (my @words = $conn->command) {
        $self->{script}->($conn, @words);
        last unless $conn->socket;
    }

    $conn->close;
}

# The commands of all connections so far, each a list of words.

sub commands { read_commands($_[0]->file) }

# As lines of text; those of some names when they are given.

sub said {
    my ($self, @names) = @_;
    my %wanted = map { uc $_ => 1 } @names;
    return map { join ' ', @$_ } grep { !@names || $wanted{ uc $_->[0] } } $self->commands;
}

sub file { "$_[0]{folder}/$_[0]{name}.commands" }

sub read_commands {
    my ($file) = @_;

    my @commands;
    my $left = Test::OhttpRelay::Gateway::slurp($file);

    while ($left =~ s/^\*(\d+)\r\n//) {
        my @words;
        for (1 .. $1) {
            $left =~ s/^\$(\d+)\r\n// or last;
            push @words, substr $left, 0, $1, '';
            substr $left, 0, 2, '';
        }

        push @commands, \@words;
    }

    return @commands;
}


package Test::OhttpRelay::FakeRedis::Conn;

use strict;
use warnings;

use parent -norequire, 'Test::OhttpRelay::Resp';

use POSIX ();

# number: of this connection, from 1; index: of the current command on it, from 1.

sub number { $_[0]{number} }
sub index  { $_[0]{index} }

# All commands of all connections until now, the current one included.

sub so_far { Test::OhttpRelay::FakeRedis::read_commands($_[0]{file}) }

# The words of the next command; none when the connection ends. Waits as long as it takes.

sub command {
    my ($self) = @_;

    $self->readable(undef);
    my $words = eval { $self->value };
    return unless ref $words eq 'ARRAY' && @$words;

    # one write, so that those of other connections do not mix with it
    open my $file, '>>:raw', $self->{file} or die "$self->{file}: $!\n";
    syswrite $file, Test::OhttpRelay::Resp::command_bytes(@$words);
    CORE::close($file);

    $self->{index}++;
    $self->{words} = $words;
    return @$words;
}

sub reply { $_[0]->send(Test::OhttpRelay::Resp::reply_bytes($_[1])) }
sub error { $_[0]->send("-$_[1]\r\n") }
sub raw   { @_ > 1 ? $_[0]->send($_[1]) : $_[0]{raw} }

# Answers what a client says before it comes to the point. False when it was something else.

sub usual {
    my ($self, @words) = @_;

    my $name = uc $words[0];

    if ($name eq 'PING') {
        $self->reply(\'PONG');

    } elsif ($name eq 'HELLO') {
        $self->error('ERR unknown command');

    } elsif ($name =~ /^(?:AUTH|SELECT|CLIENT|READONLY|ASKING)$/) {
        $self->reply(\'OK');

    } else {
        return 0;
    }

    return 1;
}

# Hands the current command to the real server and returns the bytes of its reply.

sub lose {
    my ($self) = @_;

    my $behind = $self->{behind} //= $self->{real}->connect(anonymous => 1);
    $behind->ask(@{ $self->{words} });

    return $behind->raw;
}

sub pass { $_[0]->send($_[0]->lose) }

1;
