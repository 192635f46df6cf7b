package Test::OhttpRelay::Interop;

# Programs made of what others wrote, as clients and gateways of a test: Python with the
# packages of t/interop/requirements.txt, Node, the two peers, and any other program.
#
#     my $others = Test::OhttpRelay::Interop->new($t)->has(qw/python/);
#     my $gateway = $others->python('gateway.py', '--port', $t->port(8081));
#     $gateway->ready;                             # once it has printed "ready"
#     my $client = $others->python('client.py', $url);
#     $client->line;                               # what it prints, line by line
#     my ($code, $printed) = $client->finish;      # the rest of it, and its exit code
#
# Scripts are looked for beside the test. What they say on standard error goes to a log
# in the folder of the test. They end with it.

use strict;
use warnings;

use IO::Select;
use POSIX ();
use Test::More ();
use Time::HiRes qw/time/;

use Test::OhttpRelay;

sub new {
    my ($class, $t) = @_;
    my $cache = $ENV{TEST_INTEROP_CACHE} || Test::OhttpRelay->root . '/t/.cache';
    return bless { t => $t, cache => $cache, started => 0 }, $class;
}

# Skips the test where one of these is missing: python, node, go (its peer), peer. In CI it fails.

sub has {
    my ($self, @needs) = @_;

    for my $need (@needs) {
        my $there = $need eq 'python' ? -e "$self->{cache}/venv/installed.txt"
            : $need eq 'go' ? -x "$self->{cache}/go-peer"
            : $need eq 'peer' ? -x $self->{t}->peer
            : Test::OhttpRelay::is_program($need);
        next if $there;

        my $why = "no $need here: make interop installs it";
        Test::More::plan(skip_all => $why) unless $ENV{CI};
        Test::More::plan(tests => 1);
        Test::More::fail($why);
        exit 1;
    }

    return $self;
}

# Starts a program; a hash before its arguments is added to its environment.

sub python { my ($self, @command) = @_; $self->script("$self->{cache}/venv/bin/python", @command) }
sub node   { my ($self, @command) = @_; $self->script('node', @command) }
sub go     { my ($self, @command) = @_; $self->start("$self->{cache}/go-peer", @command) }
sub peer   { my ($self, @command) = @_; $self->start($self->{t}->peer, @command) }

sub script {
    my ($self, $interpreter, @command) = @_;
    my %more = ref $command[0] ? %{ shift @command } : ();
    my $script = shift @command;
    $script = "$FindBin::Bin/$script" if $script =~ /^\w[\w-]*(?:\/[\w-]+)*\.\w+$/;
    return $self->start(\%more, $interpreter, $script, @command);
}

sub start {
    my ($self, @command) = @_;

    my %more = ref $command[0] ? %{ shift @command } : ();
    my ($name) = join(' ', @command[0, 1]) =~ m{([\w-]+)(?:\.\w+)?$};
    $name = ($name // 'program') . '-' . ++$self->{started};

    # no proxy between programs on loopback, and nothing of this user's
    local %ENV = (
        %ENV, NO_PROXY => '127.0.0.1,localhost', no_proxy => '127.0.0.1,localhost',
        PYTHONUNBUFFERED => 1, PYTHONDONTWRITEBYTECODE => 1, HOME => $self->{t}->dir, %more,
    );

    pipe my $theirs_in, my $in or die "pipe: $!\n";
    pipe my $out, my $theirs_out or die "pipe: $!\n";
    $in->autoflush(1);
    my $pid = $self->{t}->run_program("$name.log", { in => $theirs_in, out => $theirs_out }, @command);

    return Test::OhttpRelay::Interop::Program->new(
        t => $self->{t}, name => $name, pid => $pid, in => $in, out => $out);
}


package Test::OhttpRelay::Interop::Program;

use strict;
use warnings;

use POSIX qw/:sys_wait_h/;
use Time::HiRes qw/time/;

# A first import of large packages takes its time on a busy machine.

use constant PATIENCE => 90;

sub new {
    my ($class, %self) = @_;
    return bless { buffer => '', %self }, $class;
}

sub pid { $_[0]{pid} }

# The next line that it prints, without its end; undef when it prints no more.

sub line {
    my ($self, $patience) = @_;

    my $end = time + ($patience // PATIENCE);

    my $at;
    while (($at = index($self->{buffer}, "\n")) < 0) {
        my $left = $end - time;
        die "$self->{name} prints nothing\n" . $self->log
            if $left <= 0 || !IO::Select->new($self->{out})->can_read($left);
        return undef unless sysread $self->{out}, $self->{buffer}, 65536, length $self->{buffer};
    }

    return substr substr($self->{buffer}, 0, $at + 1, ''), 0, $at;
}

# The lines up to and including one that matches; dies when it ends before.

sub until {
    my ($self, $pattern) = @_;

    my @lines;
    while (!@lines || $lines[-1] !~ $pattern) {
        push @lines, $self->line // die join("\n", "$self->{name} ends without $pattern:", @lines,
            $self->log);
    }

    return @lines;
}

# True when it prints, or ends, within so many seconds.

sub prints {
    my ($self, $patience) = @_;
    return $self->{buffer} =~ /\n/ || IO::Select->new($self->{out})->can_read($patience // 0) ? 1 : 0;
}

# Waits for its first line: "ready", and then maybe the port it listens on.

sub ready {
    my ($self) = @_;
    my $line = $self->line // '(its end)';
    $line =~ /^ready\b ?(.*)/ or die "$self->{name} says $line\n" . $self->log;
    $self->{port} = $1;
    return $self;
}

sub port { $_[0]{port} }

# Writes a line to its standard input; done() ends that.

sub say {
    my ($self, $text) = @_;
    local $SIG{PIPE} = 'IGNORE';
    return print { $self->{in} } "$text\n";
}

sub done { close delete $_[0]{in} if $_[0]{in} }

# Waits for its end: its exit code (or signal) and what it had still to print.

sub finish {
    my ($self) = @_;

    $self->done;
    my $printed = '';
    while (defined(my $line = $self->line)) {
        $printed .= "$line\n";
    }

    waitpid $self->{pid}, 0;
    my $status = $?;
    $self->{t}{pids} = [ grep { $_ != $self->{pid} } @{ $self->{t}{pids} } ];

    return ($status >> 8 || $status & 127, $printed . $self->{buffer});
}

# Ends it now.

sub stop {
    my ($self, $signal) = @_;
    $self->done;
    $self->{t}->end_program($self->{pid}, $signal);
}

# What it said on standard error.

sub log { $_[0]{t}->read_file("$_[0]{name}.log") }

1;
