#!/usr/bin/perl

# The real Redis cluster of the harness works, loses a master, and moves slots.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/redis/);

my $cluster = $t->redis_cluster(masters => 3, replicas => 1, password => 'word');
my @pids = map { $_->pid } $cluster->nodes;

is(scalar(@pids), 6, 'three masters and a replica of each');
is($cluster->node(0)->command('CLUSTER', 'KEYSLOT', $_), Test::OhttpRelay::RedisCluster::slot_of($_),
    "the slot of '$_'") for 'foo', 'ohr:{tag}:x', '{}x', 'a{b}{c}', '123456789';

$cluster->monitor;

for my $i (0 .. 2) {
    my $key = $cluster->key_for($i);
    is($cluster->node_of($key), $cluster->node($i), "node $i has a key of its own");
    is($cluster->node($i)->command('SET', $key, $i), 'OK', 'and takes it');
    like($cluster->node($i - 1)->reply('GET', $key), qr/^MOVED \d+ 127\.0\.0\.1:@{[ $cluster->node($i)->port ]}$/,
        'another says where it is');
}

# ---- a slot that moves

my $key = $cluster->key_for(0);
my $slot = Test::OhttpRelay::RedisCluster::slot_of($key);
my $missing = "{$key}x";

$cluster->migrate_slot($slot, 1);
is($cluster->node(0)->command('GET', $key), '0', 'a key that has not moved yet');
like($cluster->node(0)->reply('GET', $missing), qr/^ASK $slot /, 'one that may be elsewhere');
$cluster->settle_slot($slot, 1);
like($cluster->node(0)->reply('GET', $key), qr/^MOVED $slot /, 'one that has moved');
is($cluster->node_of($key)->command('GET', $key), '0', 'is where it went');

# ---- masters that go

$key = $cluster->key_for(2);
is($cluster->failover(2), $cluster->node(5), 'a replica takes over when told to');
is($cluster->node_of($key)->command('GET', $key), '2', 'and has what its master had');

$key = $cluster->key_for(1);
$cluster->node(1)->command(qw/WAIT 1 1000/);
$cluster->kill_master(1);
is($cluster->wait_takeover(1), $cluster->node(4), 'a replica takes over from a master that is gone');
is($cluster->node_of($key)->command('GET', $key), '1', 'and has what it had');
$cluster->start_node(1);
is($cluster->node_of($key), $cluster->node(4), 'the old master comes back as a replica');

my $client = Test::OhttpRelay::Resp->connect(port => $cluster->node_of($key)->port);
$client->ask('AUTH', 'word');
$client->ask('GET', $key);
is(join('|', $cluster->said('GET')), "GET $key", 'commands of others are seen wherever they go');

$t->end_peers;
is(scalar(grep { kill 0, $_ } @pids), 0, 'all end with the test');

$t->done;
