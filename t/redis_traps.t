#!/usr/bin/perl

# A Redis that answers and cannot be believed: nothing is let in, it is told once, nobody
# crashes, and it goes on when it is mended. And what Redis learns: nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::MD5 qw/md5/;
use Digest::SHA qw/sha1 sha256 sha512/;
use MIME::Base64 qw/decode_base64url encode_base64url/;
use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Spending;
use Time::HiRes ();

my $t = Test::OhttpRelay->new->has(qw/access-peer redis/);
my $spending = Test::OhttpRelay::Spending->new($t);
my $gateway = $spending->gateway;
my $redis = $t->redis;

# ---- replies that are wrong

# What the fake server says to a claim; all else it hands on to the real one.

my %replies = (
    'what is not the protocol'  => "HTTP/1.1 200 OK\r\n\r\n",
    'an empty line'             => "\r\n",
    'a huge array'              => "*1000000000\r\n",
    'an array in an array'      => "*1\r\n" x 64,
    'a huge string'             => "\$1000000000\r\n" . 'x' x 70_000,
    'a length below zero'       => "\$-5\r\n",
    'a reply cut in its middle' => "\$8\r\nabc",
    'nothing at all'            => '',
    'LOADING'                   => "-LOADING Redis is loading the dataset in memory\r\n",
    'READONLY'                  => "-READONLY You can't write against a read only replica.\r\n",
    'MASTERDOWN'                => "-MASTERDOWN Link with MASTER is down\r\n",
    'BUSY'                      => "-BUSY Redis is busy running a script.\r\n",
    'OOM'                       => "-OOM command not allowed when used memory > 'maxmemory'.\r\n",
    'NOPERM'                    => "-NOPERM this user has no permissions to run the 'set' command\r\n",
    'WRONGTYPE'                 => "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
    'MISCONF'                   => "-MISCONF Redis is configured to save RDB snapshots\r\n",
    'NOREPLICAS'                => "-NOREPLICAS Not enough good replicas to write.\r\n",
    'CLUSTERDOWN'               => "-CLUSTERDOWN The cluster is down\r\n",
    'MOVED'                     => "-MOVED 1 127.0.0.1:1\r\n",
    'ASK'                       => "-ASK 1 127.0.0.1:1\r\n",
    'an error without a word'   => "-\r\n",
    'a number'                  => ":1\r\n",
    'a status'                  => "+OK\r\n",
    'an empty array'            => "*0\r\n",
    'an empty string'           => "\$0\r\n\r\n",
    'a value that is no id'     => "\$16\r\n0123456789abcdef\r\n",
    'the reply to another one'  => ":7\r\n\$-1\r\n",
);

# what somebody has to mend; all else ends the connection, or may pass
my %told = map { $_ => 1 } qw/OOM NOPERM WRONGTYPE MISCONF/, 'an error without a word';

my $fake = $t->fake_redis(8380, real => $redis, script => sub {
    my ($conn, @words) = @_;
    my $case = $t->read_file('case');

    # one reply is missing, and all others come too early
    return $conn->lose if $case eq 'early' && $words[0] eq 'INCR';

    return $conn->pass if !exists $replies{$case} || "@words" !~ /\bohr:[se]:/;
    $conn->raw($replies{$case}) unless $case =~ /^a reply cut/ && $conn->{cut}++;
});

sub play { $t->write_file('case', $_[0]) }

play('');
$spending->beside(8082, 'redis redis://127.0.0.1:8380 timeout=250ms on_failure=closed');
my ($worker) = Test::OhttpRelay::children($spending->master(8082));
is($spending->spend($spending->token, port => 8082), '200', 'a token');

for my $what (sort keys %replies) {
    my $requests = $gateway->requests;
    my $crit = $spending->crit(8082);

    play($what);
    my @sent = map { $t->start('/sealed', port => 8082) } 1 .. 3;
    is(join(', ', map { $_->answer->says } @sent), join(', ', ('503 store_unavailable') x 3), $what);
    is(scalar(my @now = $gateway->requests), $requests, 'lets nothing in');
    is(scalar($spending->crit(8082)) - $crit, $told{$what} ? 1 : 0, 'and is told once at most');

    play('');
    $spending->wait_state('ok', 8082);
    $t->waitfor('it to recover', sub { $t->post('/sealed', port => 8082)->says eq '200' });
    pass('it recovers');
}

# Each of them gets the reply to the next one: the nothing that grants the second would be
# taken for the first, which was spent before.

my $spent = $spending->token;
is($spending->spend($spent, port => 8082), '200', 'a token');
Time::HiRes::sleep(0.3);
play('early');
my @early = map { $spending->start($_, port => 8082) } $spent, $spending->token;
isnt($early[0]->answer->status, 200, 'replies out of step let in nothing that was spent');
$_->answer for $early[1];
play('');
$spending->wait_state('ok', 8082);
is($spending->spend($spent, port => 8082), '401 token_spent', 'it recovers');

is((Test::OhttpRelay::children($spending->master(8082)))[0], $worker, 'the worker has lived on');
is($t->post('/open', port => 8082)->says, '200', 'and serves');
like($spending->log(8082), qr/\[error\].*$_/, "told: $_") for 'does not speak the protocol', 'does not answer in time',
    'is loading, or a replica', 'gives the reply to another question';
$spending->end(8082);

# ---- a server that would forget

$redis->monitor;
$spending->run('redis redis://127.0.0.1:8379 timeout=500ms');
my @tokens = map { $spending->token } 1 .. 3;
is($spending->spend($_), '200', 'a token') for @tokens;

# Three claims are refused, one line tells why, and nothing gets to the gateway.

sub refused {
    my ($state, $why) = @_;
    my $requests = $gateway->requests;
    $spending->wait_state($state);
    my @sent = $spending->start($spending->token);
    push @sent, $state eq 'expiry_raised' ? $spending->start($spending->token) : $t->start('/sealed') for 1 .. 2;
    is(join(', ', map { $_->answer->says } @sent), join(', ', ('503 store_unavailable') x 3), "$state: nothing is let in");
    is(scalar(my @now = $gateway->requests), $requests, 'nothing reaches the gateway');
    is(scalar(grep { /$why/ } $spending->crit), 1, "one line tells of it");
    is($t->post('/open')->says, '200', 'what needs no store is let in');
}

sub recovers {
    my ($what, $old) = @_;
    $spending->wait_state('ok');
    my $token = $spending->token;
    is($spending->spend($token), '200', $what);
    is($spending->spend($_), '401 token_spent', 'nothing is forgotten') for $token, $old // ();
}

$redis->command(qw/CONFIG SET maxmemory-policy allkeys-lru/);
$spending->kick($redis);
refused('evicting', qr/may evict what was spent: its maxmemory-policy is not noeviction/);
$redis->command(qw/CONFIG SET maxmemory-policy noeviction/);
$spending->kick($redis);
recovers('a policy that is mended', $tokens[0]);

$redis->command(qw/CONFIG SET maxmemory-policy volatile-ttl/);
$spending->wait_state('evicting');
pass('a policy that changes is noticed on a connection that stays');
$redis->command(qw/CONFIG SET maxmemory-policy noeviction/);
$spending->kick($redis);
$spending->wait_state('ok');

# ---- scripts that are forgotten

my $returned = $spending->token;
$redis->command(qw/SCRIPT FLUSH/);
is($spending->spend($returned, to => '/gone'), '502 gateway_error', 'a refund whose script is gone');
is($spending->spend($returned), '200', 'is done, as it is loaded again');
$redis->command(qw/SCRIPT FLUSH/);
is($spending->spend($spending->token(origin => 'uses.example'), to => '/uses'), '200', 'and so is a use');

# ---- no memory

$redis->command(qw/CONFIG SET maxmemory 1/);
is(join(', ', map { $spending->spend($spending->token) } 1 .. 3), join(', ', ('503 store_unavailable') x 3), 'no memory');
is(scalar(grep { /does not carry out a command: OOM/ } $spending->crit), 1, 'one line tells of it');
$redis->command(qw/CONFIG SET maxmemory 0/);
$spending->kick($redis);
recovers('memory again', $tokens[0]);

# ---- a replica

$redis->command('REPLICAOF', '127.0.0.1', $t->port(8999));
is($spending->spend($spending->token), '503 store_unavailable', 'a server that has become a replica') for 1 .. 2;
$spending->wait_state('down');
like($spending->log, qr/\[error\].*is loading, or a replica/, 'is told');
$redis->command('REPLICAOF', 'NO', 'ONE');
recovers('and a master again', $tokens[0]);

# ---- a replica and its master

my $second = $t->redis(port => 8381);
$second->command('REPLICAOF', '127.0.0.1', $redis->port);
$t->waitfor('the replica', sub { $second->info('replication', 'master_link_status') eq 'up' });
$spending->beside(8083, 'redis redis://127.0.0.1:8381,127.0.0.1:8379 timeout=500ms');
my $copied = $spending->token;
is($spending->spend($copied, port => 8083), '200', 'of several servers the one that is a master is asked');
is($spending->spend($copied), '401 token_spent', 'as others ask it');
# which waits for what was written on the same connection
$redis->command('SET', 'ohr:f:{AAAAAAAAAAAAAAAAAAAAAA}', 1);
$redis->command('WAIT', 1, 1000);
$second->command('REPLICAOF', 'NO', 'ONE');
$redis->command('REPLICAOF', '127.0.0.1', $second->port);
$spending->kick($redis);
$t->waitfor('its successor', sub { $spending->spend($copied, port => 8083) ne '503 store_unavailable' });
is($spending->spend($copied, port => 8083), '401 token_spent', 'its successor knows what was spent');
$spending->end(8083);
$redis->command('REPLICAOF', 'NO', 'ONE');
$second->stop;
$spending->wait_state('ok');

# ---- a key that holds something else

my $uses = $spending->token(origin => 'uses.example');
is($spending->spend($uses, to => '/uses'), '200', 'a use');
my (undef, $tag) = $spending->key_of_token($uses);
$redis->command('SET', "ohr:g:{$tag}", 'rubbish');
is($spending->spend($uses, to => '/uses'), '503 store_unavailable', 'what is not a state of uses is no yes') for 1 .. 2;
$redis->command('DEL', "ohr:g:{$tag}");
$redis->command('LPUSH', "ohr:g:{$tag}", 'rubbish');
is($spending->spend($uses, to => '/uses'), '503 store_unavailable', 'nor is a list') for 1 .. 2;
is(scalar(grep { /WRONGTYPE/ } $spending->crit), 1, 'one line tells of it');
is($spending->spend($spending->token), '200', 'others are let in');

# ---- an expiry that is raised

$spending->reload('redis redis://127.0.0.1:8379 timeout=500ms', expires => 2100);
refused('expiry_raised', qr/the expiry of "demo" has been raised/);
is($spending->spend($spending->token(origin => 'uses.example'), to => '/uses'), '200', 'another key is as it was');
$spending->reload('redis redis://127.0.0.1:8379 timeout=500ms');
recovers('an expiry that is set back', $tokens[0]);
$spending->reload('redis redis://127.0.0.1:8379 timeout=500ms', expires => 2098);
recovers('or lowered', $tokens[0]);

my $meanwhile = $spending->token;
is($spending->spend($meanwhile), '200', 'a token that is spent while it is lowered');

$spending->reload('redis redis://127.0.0.1:8379 timeout=500ms');
$spending->wait_state('ok');
is($spending->spend($meanwhile), '401 token_spent', 'is known when it is set back');

my $until = sub { $redis->command('EXPIRETIME', 'ohr:s:{' . ($spending->key_of_token($_[0]))[1] . '}') };
my $fresh = $spending->token;
is($spending->spend($fresh), '200', 'one that is spent then');
is($until->($meanwhile), $until->($fresh), 'and both are known until the same time');

# ---- data that is gone

my %kept = map { $_ => $redis->command('GET', $_) } 'ohr:epoch', 'ohr:count';
$redis->stop;
$redis->start;
refused('data_loss', qr/has lost data: its marker is another one/);
$redis->command('SET', 'ohr:epoch', $kept{'ohr:epoch'});
$redis->command('SET', 'ohr:count', $kept{'ohr:count'} + 100);
$spending->kick($redis);
recovers('data that is back');

my $token = $spending->token;
is($spending->spend($token), '200', 'a token');
Time::HiRes::sleep(0.3);
$redis->command('FLUSHALL');
my $first;
$t->waitfor('a claim to notice', sub { ($first = $spending->spend($token)) ne '401 token_spent' });
is($first, '503 store_unavailable', 'after FLUSHALL what was spent is not let in again');
$spending->wait_state('data_loss');
$spending->kick($redis);
$spending->wait_state('data_loss');
is($spending->spend($spending->token), '503 store_unavailable', 'not even on a new connection');
is(scalar(grep { /has lost data/ } $spending->crit), 2, 'one more line tells of it');
$spending->reload('redis redis://127.0.0.1:8379 timeout=500ms');
$spending->wait_state('data_loss');
pass('a reload alone changes nothing');
$spending->reload('redis redis://127.0.0.1:8379 timeout=500ms on_data_loss=accept');
$spending->wait_state('ok');
is($spending->spend($tokens[1]), '200', 'accepted, a token can be spent once more');
is($spending->spend($tokens[1]), '401 token_spent', 'and no more');
$spending->reload('redis redis://127.0.0.1:8379 timeout=500ms');
recovers('what was accepted is the data from now on', $tokens[1]);

# an older state of the same data

Time::HiRes::sleep(0.3);
$token = $spending->token;
is($spending->spend($token), '200', 'a token that an older copy of the data does not have');
$redis->command('SET', 'ohr:count', 1);
$redis->command('DEL', Test::OhttpRelay::Spending::redis_key($spending->key_of_token($token)));
Time::HiRes::sleep(0.3);
is($spending->spend($token), '503 store_unavailable', 'is not let in again');
refused('data_loss', qr/its counter has gone back/);

# ---- what Redis was told

my @commands = map { $_->{words} } $redis->commands;
ok(@commands > 100, 'Redis has seen ' . @commands . ' commands');

my %keys = map { $_ => 1 } grep { /^ohr:/ } map { @$_ } @commands;
my @other = grep { !/^ohr:(?:epoch|count|k:\{[\w-]{11}\}|[segrf]:\{[\w-]{22}\})\z/ } keys %keys;
is("@other", '', 'keys are names and nothing else');
my @args = grep { $_->[0] =~ /^(?:SET|GET|DEL|INCR)$/i && $_->[1] !~ /^ohr:/ } @commands;
is(scalar(@args), 0, 'all of them with the prefix');

# That a token is there shows that these are the names; that nobody can compute them, what
# anybody would try who has a token, or its nonce, without the secret.

my $expected = Test::OhttpRelay::Spending::redis_key($spending->key_of_token($token));
ok($keys{$expected}, 'the key of a token is an HMAC under the secret');
my $all = join ' ', keys %keys;
my @found;

for my $spent ($token, @tokens, $uses) {
    my $bytes = decode_base64url($spent);
    my ($type, $nonce, $digest, $id, $mac) = unpack 'a2 a32 a32 a32 a*', $bytes;
    my @texts = ($spent, $bytes, $nonce, "$id$nonce", "$nonce$id", $mac, "token$id$nonce", "token$nonce",
        substr($bytes, 0, 98), join('', map { pack 'N/a', $_ } 'token', $id, $nonce));

    for my $name (map { my $text = $_; $text, map { $_->($text) } \&md5, \&sha1, \&sha256, \&sha512 } @texts) {
        my $short = substr $name, 0, 12;
        push @found, $spent if $all =~ /\Q@{[ substr encode_base64url($short), 0, 15 ]}\E|\Q@{[ unpack 'H*', $short ]}\E/;
    }

    for my $guess ('', "\0" x 32, 'secret') {
        my (undef, $tag) = $spending->key_of_token($spent, $guess);
        push @found, $spent if index($all, $tag) >= 0;
    }
}

is("@found", '', 'no key can be computed without it');

$spending->done;
