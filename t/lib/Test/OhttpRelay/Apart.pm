package Test::OhttpRelay::Apart;

# One exchange over HTTP/2 by a client in a process of its own, so that a test can play the
# gateway meanwhile.

use strict;
use warnings;

use IO::Select;
use POSIX ();
use Storable qw/nstore retrieve/;

use Test::OhttpRelay::H2;

# Options as those of Test::OhttpRelay::post; feed: the body comes through write() and
# end_body() while the exchange runs.

sub start {
    my ($class, $t, $target, %opt) = @_;

    my $name = 'apart-' . ++$t->{exchanges};
    my $self = bless { t => $t, name => $name }, $class;

    $t->{written}{"$name.$_"} = 1 for qw/answer body/;
    pipe(my $input, $self->{feed}) or die "pipe: $!\n";
    $self->{feed}->autoflush(1);

    $self->{pid} = fork // die "fork: $!\n";
    if (!$self->{pid}) {
        $SIG{$_} = 'DEFAULT' for qw/INT TERM HUP ALRM/;
        # What the test has open must end when the test says so.
        POSIX::close($_) for grep { $_ > 2 && $_ != fileno $input }
            map { m{/(\d+)$} } glob '/proc/self/fd/*';
        eval { $self->exchange($input, $target, %opt); 1 } or print STDERR "# client: $@";
        POSIX::_exit(0);
    }

    CORE::close($input);
    return $self;
}

sub exchange {
    my ($self, $input, $target, %opt) = @_;

    my $t = $self->{t};
    my $base = $t->dir . "/$self->{name}";
    my $client = Test::OhttpRelay::H2->connect(canary => $t->canary, tls => $opt{tls},
        port => $t->port($opt{port} // 8082));
    my $id = $client->open($opt{method} // 'POST', $target, %opt);

    CORE::open(my $body, '>:raw', "$base.body") or die "$base.body: $!\n";
    $client->{streams}{$id}{sink} = sub { syswrite $body, $_[0] };
    $client->data($id, $opt{body}, 1) if defined $opt{body};

    my $select = IO::Select->new($client->socket, $opt{feed} ? $input : ());

    while (!$client->over($id)) {
        my @ready = $client->readable(0) ? $client->socket : $select->can_read(30);
        last unless @ready;

        if (grep { $_ == $input } @ready) {
            my $n = sysread $input, my $bytes, 65_536;
            $client->data($id, $bytes, !$n);
            $select->remove($input) if !$n;

        } else {
            $client->pump or last;
        }
    }

    CORE::close($body);
    $client->{streams}{$id}{body} = $t->read_file("$base.body");
    nstore($client->answer($id), "$base.part");
    rename "$base.part", "$base.answer";
}

sub write    { my ($self, $bytes) = @_; syswrite $self->{feed}, $bytes }
sub end_body { CORE::close(delete $_[0]{feed}) }

# Ends the client in the middle of it all.

sub close {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    CORE::kill(KILL => $pid);
    waitpid $pid, 0;
}

# What has come of the answer's body by now.

sub so_far { $_[0]{t}->read_file("$_[0]{name}.body") }

# The answer, once it has ended.

sub answer {
    my ($self) = @_;

    $self->end_body if $self->{feed};
    waitpid delete $self->{pid}, 0;

    my $answer = eval { retrieve($self->{t}->dir . "/$self->{name}.answer") };
    return $answer // Test::OhttpRelay::Message->new('');
}

sub DESTROY { $_[0]->close if $_[0]{pid} }

1;
