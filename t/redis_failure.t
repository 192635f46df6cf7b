#!/usr/bin/perl

# A Redis that is away, hangs, is slow or loses a reply: on_failure=closed lets nothing in that
# it has not granted, spends nothing twice, and blocks nobody.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Spending;
use Time::HiRes qw/sleep time/;

my $t = Test::OhttpRelay->new->has(qw/access-peer redis http2/);
my $spending = Test::OhttpRelay::Spending->new($t);
my $gateway = $spending->gateway;
my $redis = $t->redis(persist => 1);

# Between the second relay and the server, as the file "mode" says: nothing (all is handed on),
# or what to do with a command of a name, "SET hold".

my $fake = $t->fake_redis(8380, real => $redis, script => sub {
    my ($conn, @words) = @_;
    my ($name, $fault) = split ' ', $t->read_file('mode');
    my $claim = "@words" =~ /\bohr:[segr]:/;

    # a reply that comes behind a lost one would be taken for it
    if ($conn->{lost}) {
        $conn->lose;
        return $claim && $conn->close;
    }

    # claims and refunds alone, not what the relay asks about the server
    return $conn->pass if ($name // '') ne $words[0] || !$claim;

    my @claimed = map { $_->[1] } grep { $_->[0] eq $name && "@$_" =~ /\bohr:[segr]:/ } $conn->so_far;
    my $again = grep { $_ eq $words[1] } @claimed[0 .. $#claimed - 1];

    if ($fault eq 'hold') {
        sleep 0.02 until -e $t->dir . '/go';
        return $conn->pass;
    }

    if ($fault eq 'delay') {
        sleep 0.3;
        return $conn->pass;
    }

    return if $fault eq 'ignore';
    return $conn->pass if $fault eq 'first' && $again;

    # "last": the first name is lost once, the second one always
    if ($fault eq 'last' && $words[1] eq $claimed[0]) {
        return $conn->pass if $again;
        $conn->{lost} = 1;
        return $conn->lose;
    }

    $conn->lose;
    return $conn->close;
});

# The names of all faults of a round begin anew, on a connection that is good.

sub mode {
    my ($mode) = @_;
    if ($spending->master(8082)) {
        $t->write_file('mode', '');
        $spending->wait_state('ok', 8082);
        $t->waitfor('a claim', sub { $t->post('/sealed', port => 8082)->says eq '200' });
    }

    unlink $fake->file, $t->dir . '/go';
    $t->write_file('mode', $mode);
}

sub go { $t->write_file('go', '') }

sub wait_claim {
    my ($count, $name) = @_;
    $t->waitfor('a claim', sub { asked($name // 'SET') >= $count });
}

sub asked { my ($name) = @_; return scalar grep { /\bohr:[segr]:/ } $fake->said($name) }

mode('');
$spending->run('redis redis://127.0.0.1:8379 timeout=500ms');

my $first = $spending->token;
is($spending->spend($first), '200', 'a token');
my @workers = $t->workers;

# ---- it hangs

my $requests = $gateway->requests;
my $token = $spending->token;
$redis->freeze;

my $start = time;
my $client = $spending->start($token);
my ($says, $took) = Test::OhttpRelay::Spending::timed(sub { $t->post('/open')->says });
is($says, '200', 'a request without credentials is answered');
ok(!$client->readable(0) && $took < 0.4, "while a claim waits: $took s");

my $answer = $client->answer;
$took = time - $start;
is($answer->says, '503 store_unavailable', 'a claim that Redis does not answer');
ok($took > 0.4 && $took < 2, "is refused when its time is over: $took s");
ok($answer->header('Retry-After') >= 1, 'with a time to try again');

my @frozen = map { $spending->start($spending->token) } 1 .. 8;
is(join(' ', map { $_->answer->says } @frozen), join(' ', ('503 store_unavailable') x 8), 'and so are others');
$spending->wait_state('down');
($says, $took) = Test::OhttpRelay::Spending::timed(sub { $spending->spend($spending->token) });
is($says, '503 store_unavailable', 'then all are');
ok($took < 0.4, "without a wait: $took s");
is(scalar(my @now = $gateway->requests), $requests + 1, 'nothing of them has reached the gateway');

$redis->thaw;
$spending->wait_state('ok');
is($spending->spend($spending->token), '200', 'it recovers');
is($spending->spend($first), '401 token_spent', 'with all that was spent');
my @says = map { $spending->spend($token) } 1 .. 2;
ok($says[1] eq '401 token_spent', "what was asked in vain is good at most once: $says[0], $says[1]");

# ---- it is away

$requests = $gateway->requests;
$redis->stop;
@says = map { scalar $spending->spend($spending->token) } 1 .. 5;
is(join(' ', @says), join(' ', ('503 store_unavailable') x 5), 'connections are refused');
is(scalar(@now = $gateway->requests), $requests, 'and nothing reaches the gateway');
is($t->post('/open')->says, '200', 'what needs no store is let in');
$redis->start;
$spending->wait_state('ok');
is($spending->spend($spending->token), '200', 'it recovers again');
is($spending->spend($first), '401 token_spent', 'as it was');
is_deeply([sort $t->workers], [sort @workers], 'in the same worker');
my @lines = grep { /\[error\].*redis 127/ } split /\n/, $spending->log;
ok(@lines <= 6, 'and has told of it in ' . @lines . ' lines');

# ---- a reply is lost

$spending->beside(8082, 'redis redis://127.0.0.1:8380 timeout=2s');

sub at_second { (port => 8082, @_) }

mode('SET first');
$token = $spending->token;
is($spending->spend($token, at_second()), '200', 'a reply that was lost is asked for again');
my @sets = grep { /\bohr:s:/ } $fake->said('SET');
is(scalar(@sets), 2, 'once');
is($sets[0], $sets[1], 'with the same words');
is($spending->spend($token, at_second()), '401 token_spent', 'and the token is spent');

mode('SET first');
$token = $spending->token;
my %says;
$says{ $_->answer->says }++ for map { $spending->start($token, at_second()) } 1 .. 16;
is_deeply(\%says, { '200' => 1, '401 token_spent' => 15 }, 'of 16 whose replies were lost one is let in');

# The reply to the second name is lost again on a connection that has just been good.

mode('SET last');
my $other = $t->start('/sealed', at_second());
wait_claim(1);
$client = $t->start('/sealed', at_second());
is($other->answer->says, '200', 'a reply that was lost');
is($client->answer->says, '503 store_unavailable', 'and one that is lost twice');
is(asked('SET'), 4, 'is asked for once more and no more');

mode('EVALSHA first');
$token = $spending->token(origin => 'uses.example');
is($spending->spend($token, at_second(to => '/uses')), '503 store_unavailable', 'a use whose reply is lost');
is(asked('EVALSHA'), 1, 'would count twice and is not asked for again');
mode('');
@says = map { $spending->spend($token, at_second(to => '/uses')) } 1 .. 3;
is("@says", '200 200 401 token_spent', 'it counts as one');

# ---- clients meanwhile

mode('SET hold');
$token = $spending->token;
$client = $spending->start($token, at_second());
wait_claim(1);
$client->close;
$t->waitfor('the relay to notice', sub { $t->read_file('relay-8082/access.log') =~ / 499 /});
go();
my $key = Test::OhttpRelay::Spending::redis_key($spending->key_of_token($token));
$t->waitfor('the token to come back', sub { $fake->said('EVALSHA') && !$redis->command('EXISTS', $key) });
mode('');
is($spending->spend($token), '200', 'the token of a client that left during its claim comes back');
is($spending->spend($token), '401 token_spent', 'to be used once');

for my $http (1, 2) {
    my $sealed = $t->sealed(3000);

    mode('SET hold');
    $gateway->forget;

    if ($http == 1) {
        $client = $t->client(8082);
        $client->send($client->head('POST', '/sealed', 'Content-Type' => 'message/ohttp-chunked-req',
            'Content-Length' => 3000) . substr $sealed, 0, 2000);
        $client->{method} = 'POST';

    } else {
        $client = $t->start('/sealed', http => 2, feed => 1, port => 8182, type => 'message/ohttp-chunked-req');
        $client->write(substr $sealed, 0, 2000);
    }

    wait_claim(1);
    ok(!$gateway->requests, "a request whose claim waits (HTTP/$http)");
    $http == 1 ? $client->send(substr $sealed, 2000) : $client->write(substr $sealed, 2000);
    $client->end_body if $http == 2;
    sleep 0.1;
    ok(!$gateway->requests, 'stays here as its body goes on');
    go();
    is($client->answer->says, '200', 'and is let in afterwards');
    is(($gateway->wait_requests(1))[0]->body, $sealed, 'as a whole');
}

mode('SET delay');
is($t->post('/sealed', at_second(body => $t->sealed(200_000)))->says, '200', 'a slow Redis and a large body');
is($t->post('/sealed', port => 8182, http => 2, body => $t->sealed(200_000))->says, '200', 'over HTTP/2 as well');

# ---- what would be given back

mode('EVALSHA ignore');
$token = $spending->token;
($says, $took) = Test::OhttpRelay::Spending::timed(sub { $spending->spend($token, at_second(to => '/gone')) });
is($says, '502 gateway_error', 'a token that Redis does not take back');
ok($took > 1.5 && $took < 4, "the answer waits for as long as Redis may take: $took s");
mode('');
is($spending->spend($token), '401 token_spent', 'and the token stays spent');

# ---- a worker that is to end

$spending->wait_state('ok', 8082);
mode('SET hold');
$client = $spending->start($spending->token, at_second());
wait_claim(1);
my @old = Test::OhttpRelay::children($spending->master(8082));
kill HUP => $spending->master(8082);
$t->waitfor('a new worker', sub { Test::OhttpRelay::children($spending->master(8082)) > @old });
sleep 0.1;
go();
is($client->answer->says, '200', 'a claim outlives a reload');
$client->close;
$start = time;
$t->waitfor('the old worker to end', sub { Test::OhttpRelay::children($spending->master(8082)) == @old });
$took = time - $start;
ok($took < 1, "the old worker ends then, and not when a claim would have been over: $took s");
$spending->wait_state('ok', 8082);

mode('SET hold');
$client = $spending->start($spending->token, at_second());
wait_claim(1);
kill QUIT => $spending->master(8082);
sleep 0.1;
go();
is($client->answer->says, '200', 'and the end of nginx');
$client->close;
$spending->end(8082);

$spending->done;
