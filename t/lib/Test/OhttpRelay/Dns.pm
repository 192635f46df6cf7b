package Test::OhttpRelay::Dns;

# A name server that says what it was told last. It answers questions for A and AAAA over UDP:
#
#     my $dns = Test::OhttpRelay::Dns->new($t, 8053);
#     $dns->says('gateway.test' => ['127.0.0.1', '::1']);    # or: 'nxdomain', 'servfail', 'silent'
#     $dns->asked('gateway.test');                           # how often, for either type
#
# A name that it was told nothing of does not exist.

use strict;
use warnings;

use IO::Socket::INET;
use Socket qw/AF_INET6 inet_aton inet_pton/;

my %code = (nxdomain => 3, servfail => 2);

sub new {
    my ($class, $t, $logical, %opt) = @_;

    my $self = bless {
        t => $t, zone => {}, ttl => $opt{ttl} // 1, log => $t->dir . '/captured/dns.log',
        port => $t->port($logical),
    }, $class;

    $self->write;
    my $socket = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1',
        LocalPort => $self->{port}) or die "cannot bind port $self->{port}: $!\n";
    $t->run_daemon(sub { $self->serve($socket) });

    return $self;
}

# What nginx's "resolver" takes.

sub address { "127.0.0.1:$_[0]{port}" }

sub says {
    my ($self, %names) = @_;
    $self->{zone} = { %{ $self->{zone} }, %names };
    return $self->write;
}

# Replaced as a whole: a question never sees half of it.

sub write {
    my ($self) = @_;
    my %zone = %{ $self->{zone} };
    $self->{t}->write_file('zone.new', join '', map {
        "$_ " . join(' ', ref $zone{$_} ? @{ $zone{$_} } : $zone{$_}) . "\n"
    } sort keys %zone);
    rename $self->{t}->dir . '/zone.new', $self->{t}->dir . '/zone' or die "rename: $!\n";
    $self->{t}{written}{zone} = 1;
    return $self;
}

sub asked {
    my ($self, $name) = @_;
    return scalar(() = Test::OhttpRelay::Gateway::slurp($self->{log}) =~ /^\Q$name\E /mg);
}

sub serve {
    my ($self, $socket) = @_;

    while (my $peer = $socket->recv(my $packet, 512)) {
        my $answer = $self->answer($packet) // next;
        $socket->send($answer, 0, $peer);
    }
}

sub answer {
    my ($self, $packet) = @_;

    my ($id) = unpack 'n', $packet;
    my ($at, @labels) = (12);
    while (my $length = ord substr $packet, $at, 1) {
        push @labels, substr $packet, $at + 1, $length;
        $at += 1 + $length;
    }
    my $type = unpack 'n', substr $packet, $at + 1, 2;
    my $question = substr $packet, 12, $at + 5 - 12;
    my $name = join '.', @labels;

    open my $log, '>>', $self->{log} or die "dns.log: $!\n";
    print $log "$name $type\n";
    close $log;

    my %zone = map { /^(\S+) (.*)/ } split /\n/, Test::OhttpRelay::Gateway::slurp($self->{t}->dir . '/zone');
    my $says = $zone{$name} // 'nxdomain';
    return undef if $says eq 'silent';

    my $code = $code{$says} // 0;
    my @data = $code ? () : map { $type == 28 ? inet_pton(AF_INET6, $_) : inet_aton($_) }
        grep { /:/ ? $type == 28 : $type == 1 } split / /, $says;

    return pack('n6', $id, 0x8180 | $code, 1, scalar @data, 0, 0) . $question
        . join '', map { pack('n3 N n/a', 0xc00c, $type, 1, $self->{ttl}, $_) } @data;
}

1;
