#!/usr/bin/perl

# The real Redis servers, the cluster and the fake one of the harness do what tests rely on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/redis/);

my @pids;
my $word = $t->canary->word;

# ---- one server

my $redis = $t->redis(monitor => 1);
push @pids, $redis->pid;

is($redis->command(qw/SET a/, "1\r\n2"), 'OK', 'a real server answers');
is($redis->command(qw/GET a/), "1\r\n2", 'and keeps what it is told');
is_deeply($redis->command(qw/MGET a b/), ["1\r\n2", undef], 'lists and nothing are told apart');
ok(!eval { $redis->command(qw/INCR a/) }, 'an error is no value');
like($redis->reply(qw/INCR a/), qr/^ERR value is not an integer/, 'but can be had');
is($redis->info('server', 'tcp_port'), $redis->port, 'it is on the port of the test');

is(scalar(my @none = $redis->commands), 0, 'commands of the test are not counted');
my $other = Test::OhttpRelay::Resp->connect(port => $redis->port);
$other->ask('SET', 'k"\\ x', "\0\xff\n");
$other->ask('GET', 'k"\\ x');
$other->ask('EVAL', 'return redis.call("SET", KEYS[1], "l")', 1, 'm');
my @seen = $redis->commands;
is_deeply($seen[0]{words}, ['SET', 'k"\\ x', "\0\xff\n"], 'those of others are, byte for byte');
is_deeply([$redis->said('get')], ['GET k"\\ x'], 'or only some of them');
is($seen[-1]{from}, 'lua', 'and what a script does');

$other->ask('SET', 'leaked', "\x01$word\x02");
$redis->commands;
is(join(' ', $t->check_canary), 'captured/redis-8379.monitor: header value', 'a canary that it is told is found');
truncate $t->dir . '/captured/redis-8379.monitor', 0;

my $raw = pack 'N*', map { int rand 1 << 32 } 1 .. 8;
$t->canary->plant(secret => $raw);
$other->ask('SET', 'leaked', $raw);
$redis->commands;
like(join(' ', $t->check_canary), qr/redis-8379.monitor: secret/, 'also as bytes that MONITOR escapes');
truncate $t->dir . '/captured/redis-8379.monitor', 0;

# ---- its faults

$redis->freeze;
ok(my $late = Test::OhttpRelay::Resp->connect(port => $redis->port), 'a frozen server takes a connection');
$late->send_command('PING');
ok(!$late->readable(0.2), 'and answers nothing');
$redis->thaw;
is($late->value, 'PONG', 'until it thaws');

$redis->kill;
ok(!IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $redis->port), 'a killed one is not there');
$redis->start;
push @pids, $redis->pid;
is($redis->command(qw/GET a/), undef, 'and has forgotten all when it is started again');
$other = Test::OhttpRelay::Resp->connect(port => $redis->port);
$other->ask(qw/SET again 1/);
is(($redis->said)[-1], 'SET again 1', 'its monitor goes on');
$redis->stop;

# ---- other ways to set it up

my $kept = $t->redis(port => 8380, persist => 1, password => 'pass', unix => 1);
push @pids, $kept->pid;
$kept->command(qw/SET a kept/);
$kept->kill;
is($kept->start->command(qw/GET a/), 'kept', 'with persistence it remembers');
push @pids, $kept->pid;
like($kept->connect(anonymous => 1)->ask(qw/GET a/), qr/^NOAUTH /, 'with a password it asks for it');
ok(-S $kept->unix, 'it listens on a socket of a file');

$kept->command('SET', 'b', $word);
like(join(' ', $t->check_canary), qr{redis-8380/appendonly\S*: header value}, 'a canary on its disk is found');
$kept->command('FLUSHALL');
$kept->command('BGREWRITEAOF');
$t->waitfor('the file to be rewritten', sub { !$t->check_canary });
$kept->stop;

my $acl = $t->redis(port => 8381, acl => "user relay on >pw ~ohr:* +set +get\n");
push @pids, $acl->pid;
my $relay = $acl->connect(user => 'relay', password => 'pw');
is($relay->ask(qw/SET ohr:a 1/), 'OK', 'a user of an ACL may what it says');
like($relay->ask(qw/SET a 1/), qr/^NOPERM /, 'and nothing else');
$acl->set_acl("user relay on >pw ~ohr:* +get\n");
like($acl->connect(user => 'relay', password => 'pw')->ask(qw/SET ohr:a 1/), qr/^NOPERM /,
    'rights change while it runs');
$acl->stop;

SKIP: {
    skip 'no TLS in Perl here', 3 unless eval { require IO::Socket::SSL; 1 };

    my $tls = $t->redis(port => 8382, tls => 'clients', monitor => 1);
    push @pids, $tls->pid;
    is($tls->command('PING'), 'PONG', 'a server of TLS');
    is($tls->commands, 0, 'can be watched');
    my $plain = Test::OhttpRelay::Resp->connect(port => $tls->port);
    ok(!eval { $plain->ask('PING'); 1 }, 'and speaks nothing else');
    $tls->stop;
}

# ---- a fake one

my $real = $t->redis(port => 8383);
push @pids, $real->pid;

my $fake = $t->fake_redis(8384, real => $real, script => sub {
    my ($conn, @words) = @_;
    return if $conn->usual(@words);
    return $conn->pass if $words[1] eq 'pass';
    return $conn->lose if $words[1] eq 'lose';
    return $conn->raw("*1000000000\r\n\$-5\r\n") if $words[1] eq 'garbage';
    return $conn->reply([\'OK', \42, \'-LOADING wait', 'bulk', undef, ['in']]) if $words[1] eq 'all';
    return $conn->close if $words[1] eq 'close';
    return $conn->reset if $words[1] eq 'reset';
    return $conn->error('READONLY not here') if $conn->index == 1 && $conn->number == 3;
});

my $client = Test::OhttpRelay::Resp->connect(port => $fake->port);
is($client->ask('PING'), 'PONG', 'a fake server knows the usual');
is($client->ask(qw/SET pass 1/), 'OK', 'it can hand on a command');
is($client->ask(qw/GET pass/), '1', 'and its reply');
$client->send_command(qw/SET lose 2/);
ok(!$client->readable(0.2), 'or lose the reply');
is($real->command(qw/GET lose/), '2', 'of a command that was carried out');
my $all = $client->ask(qw/GET all/);
is("@$all[0 .. 3]", 'OK 42 LOADING wait bulk', 'it can say anything');
is(ref $all->[2], 'Test::OhttpRelay::Resp::Error', 'errors as well');
is_deeply([@$all[4, 5]], [undef, ['in']], 'and nothing, and lists');
$client->send_command(qw/GET garbage/);
is($client->until("\r\n"), "*1000000000\r\n", 'and rubbish');
$client = Test::OhttpRelay::Resp->connect(port => $fake->port);
$client->send_command(qw/GET close/);
ok(!$client->fill && $client->ended eq 'closed', 'it can close');
$client = Test::OhttpRelay::Resp->connect(port => $fake->port);
is($client->ask(qw/GET first/), 'READONLY not here', 'it can count');
$client->send_command(qw/GET reset/);
ok(!$client->fill && $client->ended eq 'reset', 'it can reset');
is(join('|', $fake->said('set')), 'SET pass 1|SET lose 2', 'it knows what it was told');

my $played = $t->fake_redis(8385);
$client = Test::OhttpRelay::Resp->connect(port => $played->port);
$client->send_command('GET', "by hand $word");
my $conn = $played->accept;
is_deeply([$conn->command], ['GET', "by hand $word"], 'it can be played by hand');
$conn->reply(\'OK');
is($client->value, 'OK', 'and answer');
is(join(' ', $t->check_canary), 'captured/redis-8385.commands: header value', 'a canary that it is told is found');
unlink $played->file;
$real->stop;

# ---- the end

is(scalar(grep { kill 0, $_ } @pids), 0, 'servers that were stopped are gone');

my $busy = $t->redis(port => 8387, monitor => 1);
$client = Test::OhttpRelay::Resp->connect(port => $busy->port);
$client->send(join '', map { Test::OhttpRelay::Resp::command_bytes('SET', $_, 'x' x 1000) } 1 .. 2000, $word);
$client->value for 1 .. 2001;
$t->end_peers;
is(join(' ', $t->check_canary), 'captured/redis-8387.monitor: header value', 'what it was told last is written down too');
unlink $busy->{capture};

my $last = $t->redis(port => 8386, monitor => 1);
$last->freeze;
@pids = ($last->pid, $last->{watcher});
is(scalar(grep { kill 0, $_ } @pids), 2, 'a frozen server and its monitor');
$t->end_peers;
is(scalar(grep { kill 0, $_ } @pids), 0, 'end with the test');

for my $death (q{die "on purpose\n"}, q{kill 'KILL', $$}) {
    my ($code, $printed) = Test::OhttpRelay::run_command($^X, '-I' . $t->root . '/t/lib', '-e',
        q{use Test::OhttpRelay; $| = 1; my $t = Test::OhttpRelay->new; my $r = $t->redis;
        print "server ", $r->pid, " in ", $t->dir, "\n"; } . $death);
    my ($pid, $dir) = $printed =~ /^server (\d+) in (.*)/;
    ok($pid, 'a test that starts a server');
    $t->waitfor('the server to end', sub { !kill 0, $pid });
    ok(!kill(0, $pid), "and then says $death leaves nothing behind");
    File::Path::remove_tree($dir);
}

$t->done;
