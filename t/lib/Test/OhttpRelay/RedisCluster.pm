package Test::OhttpRelay::RedisCluster;

# A real Redis cluster on loopback, of servers of Test::OhttpRelay::Redis.
#
#     my $cluster = $t->redis_cluster(masters => 3, replicas => 1);
#     $cluster->node_of('ohr:x')->command(qw/GET ohr:x/);
#     $cluster->kill_master(0);  $cluster->wait_takeover(0);
#
# Node I listens on the logical port 8701 + I: the masters first, in the order of their slots,
# then the replicas, node masters + I being the first one of node I. Options: masters (3),
# replicas (0) of each master, timeout (1500 ms), and those of a server but port.

use strict;
use warnings;

use Test::OhttpRelay::Redis;

use constant SLOTS => 16384;

sub new {
    my ($class, $t, %opt) = @_;

    my $self = bless { t => $t, nodes => [], masters => delete $opt{masters} // 3 }, $class;
    my $replicas = (delete $opt{replicas} // 0) * $self->{masters};
    my $timeout = delete $opt{timeout} // 1500;
    my $config = delete $opt{config} // '';

    for my $i (0 .. $self->{masters} + $replicas - 1) {
        my $logical = 8701 + $i;
        push @{ $self->{nodes} }, Test::OhttpRelay::Redis->new($t, %opt, port => $logical,
            config => join "\n", 'cluster-enabled yes', "cluster-node-timeout $timeout",
                'cluster-port ' . $t->port("bus of $logical"), 'cluster-config-file nodes.conf',
                $opt{tls} ? 'tls-cluster yes' : (), $config)->start;
    }

    $self->join_nodes;
    $self->share_slots;
    $self->follow;
    $self->wait_ok;

    return $self;
}

sub nodes  { @{ $_[0]{nodes} } }
sub node   { $_[0]{nodes}[ $_[1] ] }
sub living { grep { $_->pid } $_[0]->nodes }
sub ports  { map { $_->port } $_[0]->nodes }

# ---- building it

sub join_nodes {
    my ($self) = @_;

    my $epoch = 0;
    my ($first, @others) = $self->nodes;
    $_->command(qw/CLUSTER SET-CONFIG-EPOCH/, ++$epoch) for $self->nodes;
    $first->command(qw/CLUSTER MEET 127.0.0.1/, $_->port, $self->{t}->port("bus of $_->{logical}"))
        for @others;

    my $all = $self->nodes;
    $self->{t}->waitfor('the nodes to know each other', sub {
        !grep { $_->command(qw/CLUSTER INFO/) !~ /^cluster_known_nodes:$all\r$/m
            || $_->command(qw/CLUSTER NODES/) =~ /handshake/ } $self->nodes;
    });
}

sub share_slots {
    my ($self) = @_;

    for my $i (0 .. $self->{masters} - 1) {
        $self->node($i)->command(qw/CLUSTER ADDSLOTSRANGE/,
            int($i * SLOTS / $self->{masters}), int(($i + 1) * SLOTS / $self->{masters}) - 1);
    }
}

sub follow {
    my ($self) = @_;

    my @replicas = $self->nodes;
    splice @replicas, 0, $self->{masters};

    for my $i (0 .. $#replicas) {
        $replicas[$i]->command(qw/CLUSTER REPLICATE/, id($self->node($i % $self->{masters})));
    }

    $self->{t}->waitfor('the replicas to follow', sub {
        !grep { $_->info('replication', 'master_link_status') ne 'up' } @replicas;
    });
}

# Waits until each living node says that the cluster works.

sub wait_ok {
    my ($self) = @_;
    $self->{t}->waitfor('the cluster to work', sub {
        !grep { $_->command(qw/CLUSTER INFO/) !~ /^cluster_state:ok\r$/m } $self->living;
    });
}

sub id { $_[0]->command(qw/CLUSTER MYID/) }

# ---- who has what

# The slot of a key: CRC-16/XMODEM of the key, or of what stands in its first braces.

sub slot_of {
    my ($key) = @_;

    $key = $1 if $key =~ /^[^{]*\{([^}]+)\}/s;

    my $crc = 0;
    for my $byte (unpack 'C*', $key) {
        $crc ^= $byte << 8;
        $crc = $crc & 0x8000 ? $crc << 1 ^ 0x1021 : $crc << 1 for 1 .. 8;
        $crc &= 0xffff;
    }

    return $crc % SLOTS;
}

# A key of the slots of node I when the cluster was made.

sub key_for {
    my ($self, $i, $prefix) = @_;

    for my $n (1 .. 10_000) {
        my $key = ($prefix // 'key') . $n;
        return $key if int(slot_of($key) * $self->{masters} / SLOTS) == $i;
    }

    die "no key for node $i\n";
}

# The node that is master of a slot, or of the slot of a key, as living ones see it.

sub node_of { my ($self, $key) = @_; return $self->owner(slot_of($key)) }

sub owner {
    my ($self, $slot) = @_;
    my ($witness) = $self->living;
    return $self->owner_seen_by($witness, $slot);
}

sub owner_seen_by {
    my ($self, $witness, $slot) = @_;

    for my $range (@{ $witness->command(qw/CLUSTER SLOTS/) }) {
        my ($from, $to, $master) = @$range;
        next if $slot < $from || $slot > $to;
        my ($node) = grep { $_->port == $master->[1] } $self->nodes;
        return $node;
    }

    return undef;
}

# ---- faults and changes

# Ends a node as a crash does; start_node lets it join again.

sub kill_master {
    my ($self, $i) = @_;
    $self->node($i)->kill;
}

sub start_node {
    my ($self, $i) = @_;
    $self->node($i)->start;
    $self->wait_ok;
}

# Waits until a replica has taken over the slots of node I, and all that live agree; returns
# the new master.

sub wait_takeover {
    my ($self, $i) = @_;

    my $slot = int($i * SLOTS / $self->{masters});
    my $old = $self->node($i);
    my $new;

    $self->{t}->waitfor("a replica to take over from node $i", sub {
        my @masters = map { $self->owner_seen_by($_, $slot) // $old } $self->living;
        $new = $masters[0];
        !grep { $_ == $old || $_ != $new } @masters;
    });
    $self->wait_ok;

    return $new;
}

# Has the first replica of node I take its place, without a loss; returns it.

sub failover {
    my ($self, $i) = @_;
    $self->node($self->{masters} + $i)->command(qw/CLUSTER FAILOVER/);
    return $self->wait_takeover($i);
}

# Begins to move a slot to node I: a key that its owner lacks is then answered with ASK.
# settle_slot moves what is there and ends it: from then on the old owner answers MOVED.

sub migrate_slot {
    my ($self, $slot, $i) = @_;
    my ($from, $to) = ($self->owner($slot), $self->node($i));
    $to->command(qw/CLUSTER SETSLOT/, $slot, 'IMPORTING', id($from));
    $from->command(qw/CLUSTER SETSLOT/, $slot, 'MIGRATING', id($to));
}

sub settle_slot {
    my ($self, $slot, $i) = @_;

    my ($from, $to) = ($self->owner($slot), $self->node($i));
    my @auth = defined $to->{password} ? ('AUTH', $to->{password}) : ();

    while (my @keys = @{ $from->command(qw/CLUSTER GETKEYSINSLOT/, $slot, 100) }) {
        $from->command(qw/MIGRATE 127.0.0.1/, $to->port, '', 0, 5000, @auth, 'KEYS', @keys);
    }

    for my $node ($to, $from) {
        $node->command(qw/CLUSTER SETSLOT/, $slot, 'NODE', id($to));
    }

    $self->{t}->waitfor("all to know the new owner of slot $slot", sub {
        !grep { ($self->owner_seen_by($_, $slot) // 0) != $to } $self->living;
    });
}

# ---- watching it

sub monitor { $_->monitor for $_[0]->living }

# The commands that others than the test have sent to any living node.

sub commands { map { $_->commands } $_[0]->living }
sub said     { my ($self, @names) = @_; return map { $_->said(@names) } $self->living }

1;
