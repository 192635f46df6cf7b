#!/usr/bin/perl

# The profile dstack-e2ee takes a nonce with its time once, as long as the time is not far from now;
# and that it could not ask is never called a replay.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Points qw/BASE_POINT OTHER_POINT/;

my $t = Test::OhttpRelay->new->has(qw/redis http2/);
my $secret = $t->write_file('secret', join '', map { chr int rand 256 } 1 .. 40);
chmod 0600, $secret;
my $redis = $t->redis(monitor => 1);

$t->http(<<"EOC");
    ohttp_relay_secret $secret;
    ohttp_relay_store  redis redis://127.0.0.1:8379/2 timeout=500ms;

    ohttp_relay_gateway d     { url http://127.0.0.1:8081; insecure on; profile dstack-e2ee; }
    ohttp_relay_gateway short { url http://127.0.0.1:8081; insecure on; profile dstack-e2ee; replay_window 20s; }
    ohttp_relay_gateway off   { url http://127.0.0.1:8081; insecure on; profile dstack-e2ee; replay_window off; }
    ohttp_relay_gateway gone  { url http://127.0.0.1:8085; insecure on; profile dstack-e2ee; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        location /d/     { ohttp_relay_pass d; }
        location /short/ { ohttp_relay_pass short; }
        location /off/   { ohttp_relay_pass off; }
        location /gone/  { ohttp_relay_pass gone; }
        location = /status { ohttp_relay_status json; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer(200, 'application/json', '{}', 'X-E2EE-Applied' => 'true') });
$t->run;

sub wait_state {
    my ($state) = @_;
    $t->waitfor("the store to be $state", sub {
        $t->post('/status', method => 'GET', body => undef, type => undef)->body =~ /"store":"\Q$state\E"/
    });
}

my $nonces = 0;

sub nonce { $t->canary->word . ++$nonces }

# What a request with this nonce and time is answered with.

sub chat {
    my ($name, $nonce, $time, %opt) = @_;

    my %headers = ('X-Signing-Algo' => 'ecdsa', 'X-Client-Pub-Key' => BASE_POINT, 'X-Model-Pub-Key' => 'cd' x 64,
        'X-E2EE-Version' => 2, 'X-E2EE-Nonce' => $nonce, 'X-E2EE-Timestamp' => $time, %{ $opt{change} // {} });
    my $answer = $t->post("/$name/v1/chat/completions", type => 'application/json',
        headers => [map { ($_ => $headers{$_}) } grep { defined $headers{$_} } sort keys %headers], %opt);
    return $answer if $opt{whole};

    my $error = ($answer->json // {})->{error} // {};
    my $type = $answer->code eq '' ? $error->{type} // '' : $answer->code;
    return $answer->status . ($type eq '' ? '' : " $type");
}

# The nonces go to the gateway, which must have them, and to nobody else.

$t->waive(canary => 'the nonce is the header that is looked for', qr{^captured/8081\.\S+: header value$});

wait_state('ok');

my ($nonce, $now) = (nonce(), time);
is(chat('d', $nonce, $now), '200', 'a nonce with its time');
is(chat('d', $nonce, $now), '400 e2ee_replay_detected', 'and again');
is(chat('d', $nonce, $now, http => 2), '400 e2ee_replay_detected', 'over HTTP/2');
is(chat('d', $nonce, $now, body => '{"another":"one"}'), '400 e2ee_replay_detected', 'with another body');
is(chat('d', $nonce, $now, change => { 'X-Signing-Algo' => 'ECDSA' }), '400 e2ee_replay_detected', 'in another spelling');
is(chat('d', $nonce, $now, change => { 'X-E2EE-Version' => undef }), '400 e2ee_replay_detected', 'without the version');
is(chat('d', $nonce, $now, change => { 'X-E2EE-Version' => 1 }), '400 e2ee_replay_detected', 'with another version');
is(chat('d', $nonce, $now, change => { 'X-Client-Pub-Key' => OTHER_POINT }), '400 e2ee_replay_detected', 'for another key');
is(chat('d', $nonce, $now - 1), '200', 'with another time it is another one');
is(chat('d', "$nonce.", $now), '200', 'and so is another nonce');
is(chat('d', $nonce, $now, change => { 'X-Signing-Algo' => 'ed25519', 'X-Client-Pub-Key' => 'ab' x 32,
    'X-Model-Pub-Key' => 'cd' x 32 }), '200', 'and another algorithm');
like($t->read_file('access.log'), qr/ d replay_detected 400 /, 'replays are counted');

my $answer = chat('d', $nonce, $now, whole => 1);
is($answer->header('Content-Type'), 'application/json', 'the error is shaped as the system\'s');
ok(exists $answer->json->{error}{code} && !defined $answer->json->{error}{code}, 'in all of it');

for my $far (-1000, -302, 302, 1000) {
    is(chat('d', nonce(), time + $far), '400 e2ee_invalid_timestamp', "a time $far seconds from now");
}

for my $near (-290, -150, 150, 290) {
    my ($nonce, $time) = (nonce(), time + $near);
    is(chat('d', $nonce, $time), '200', "a time $near seconds from now");
    is(chat('d', $nonce, $time), '400 e2ee_replay_detected', 'once');
}

# What is good in the future is remembered until it is not good any more.

my ($ahead, $time) = (nonce(), time + 290);
$redis->command('SELECT', 2);
my %before = map { $_ => 1 } @{ $redis->command('KEYS', '*') };
is(chat('d', $ahead, $time), '200', 'a time ahead');
my ($key) = grep { !$before{$_} } @{ $redis->command('KEYS', '*') };
cmp_ok($redis->command('TTL', $key), '>=', 885, 'is remembered as long as it could come again, by any clock');

is(chat('short', nonce(), time - 25), '400 e2ee_invalid_timestamp', 'a shorter window');
is(chat('short', nonce(), time - 15), '200', 'has what is in it');

($nonce, $now) = (nonce(), time - 10_000);
is(chat('off', $nonce, $now), '200', 'nobody asks for a time') for 1, 2;

my %none = ('X-E2EE-Version' => undef, 'X-E2EE-Nonce' => undef, 'X-E2EE-Timestamp' => undef);
is(chat('d', undef, undef, change => \%none), '200', 'version 1 has nothing to tell one from another') for 1, 2;
is(chat('d', undef, undef, change => { %none, 'X-E2EE-Version' => 1 }), '200', 'nor if it says so') for 1, 2;

($nonce, $now) = (nonce(), time);
is(chat('gone', $nonce, $now), '502 gateway_error', 'what has not reached its gateway') for 1, 2;

my %says;
($nonce, $now) = (nonce(), time);
my %headers = ('X-Signing-Algo' => 'ecdsa', 'X-Client-Pub-Key' => BASE_POINT, 'X-Model-Pub-Key' => 'cd' x 64,
    'X-E2EE-Nonce' => $nonce, 'X-E2EE-Timestamp' => $now);
my @sent = map { $t->start('/d/v1/chat/completions', type => 'application/json', headers => [%headers]) } 1 .. 20;
$says{ $_->answer->status }++ for @sent;
is_deeply(\%says, { 200 => 1, 400 => 19 }, 'of twenty at once one passes');

# ---- the store does not answer

my $reached = $gateway->requests;
$redis->freeze;
($nonce, $now) = (nonce(), time);
$answer = chat('d', $nonce, $now, whole => 1);
is($answer->says, '503 store_unavailable', 'a store that hangs is no replay');
is($answer->header('Content-Type'), 'application/problem+json', 'and says so as the relay does');
ok($answer->header('Retry-After') >= 1, 'with a time to try again');
is(chat('d', undef, undef, change => \%none), '200', 'who has no nonce asks nobody');
$redis->thaw;
wait_state('ok');

like(join("\n", $redis->said), qr/^SET ohr:/m, 'the store was asked');
$redis->stop;
wait_state('down');
is(chat('d', nonce(), time), '503 store_unavailable', 'a store that is away is no replay');
is(chat('d', $nonce, $now), '503 store_unavailable', 'nor for what came before');
is(scalar(my @now = $gateway->requests), $reached + 1, 'none of them has reached the gateway');

is(index(join("\n", $redis->said), $t->canary->word), -1, 'the store hears no nonce');

$t->done;
