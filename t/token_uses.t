#!/usr/bin/perl

# Tokens of several uses: how many, for how long, how fast.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Time::HiRes qw/sleep time/;

my $t = Test::OhttpRelay->new->has(qw/access-peer http2/);
my $access = $t->access;

# name => [what its block says, its issuer's key]
my %plans = map { $_->[0] => { says => $_->[1], key => $access->issuer_key($_->[0]) } } (
    ['five', 'uses 5;'],
    ['short', 'uses 5 per 3s;'],
    ['slow', 'uses 50; rate 1r/s burst=2;'],
    ['hour', 'uses 4; rate 1r/h burst=3;'],
    ['many', 'uses 1000000;'],
);

my $blocks = join '', map {
    "    ohttp_relay_token_key $_ { key $plans{$_}{key}{spki}; issuer issuer.example;"
        . " expires 2099-01-01T00:00:00Z; $plans{$_}{says} }\n"
} sort keys %plans;
my $locations = join '', map {
    "        location = /$_ { ohttp_relay_pass llm; ohttp_relay_auth token=$_; }\n"
    . "        location = /refused/$_ { ohttp_relay_pass refused; ohttp_relay_auth token=$_; }\n"
} sort keys %plans;

$t->http(<<"EOC");
    ohttp_relay_gateway llm     { url http://127.0.0.1:8081/gateway; insecure on; }
    ohttp_relay_gateway refused { url http://127.0.0.1:8085/gateway; insecure on; }

$blocks
    server {
        listen 127.0.0.1:8080 reuseport;
        listen 127.0.0.1:8082 http2;
$locations
    }
EOC

$t->write_file('nginx.conf', "worker_processes 4;\n" . $t->read_file('nginx.conf'));

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

sub token { ($access->tokens($plans{ $_[0] }{key}, direct => 1, issuer => 'issuer.example'))[0] }
sub with { (headers => [Authorization => "PrivateToken token=$_[0]"]) }
sub answer { my ($path, $token, @opt) = @_; return $t->post($path, with($token), @opt) }
sub says { answer(@_)->says }

# What the answers to so many requests say, one after the other.

sub all { my ($path, $token, $count) = @_; return [map { says($path, $token) } 1 .. $count] }

# ---- how many

my $token = token('five');
is_deeply(all('/five', $token, 7), [('200') x 5, ('401 token_spent') x 2], 'a token of five uses');
my $spent = answer('/five', $token, http => 2);
is($spent->says, '401 token_spent', 'is used up over HTTP/2 as well');
like($spent->header('WWW-Authenticate'), qr/^PrivateToken challenge="/, 'it says what would do');
is($spent->header('Retry-After'), undef, 'and that waiting would not');
is(says('/five', token('five')), '200', 'another one has its own');
is(says('/slow', token('five')), '401 credential_invalid', 'the key of another plan does not count');

my ($blind) = $access->tokens($plans{five}{key}, issuer => 'issuer.example');
is_deeply(all('/five', $blind, 6), [('200') x 5, '401 token_spent'], 'one of a blind issuance');
is_deeply(all('/many', token('many'), 20), [('200') x 20], 'one of a million uses');

# ---- at the same time

$token = token('five');
my %says;
my @sent = map { $t->start('/five', with($token)) } 1 .. 64;
$says{ $_->answer->says }++ for @sent;
is_deeply(\%says, { '200' => 5, '401 token_spent' => 59 }, 'of 64 at once five are let in');

$t->reload_whole;
is(says('/five', $token), '401 token_spent', 'and none after a reload');

# ---- for how long

$token = token('short');
my $first = time;
is(says('/short', $token), '200', 'a token for some seconds');
is(says('/short', $token), '200', 'twice') if time < $first + 2;
sleep 0.1 while time < $first + 3.2;
is(says('/short', $token), '401 token_spent', 'and then no more');
$token = token('short');
is_deeply(all('/short', $token, 5), [('200') x 5], 'all its uses in time');
is(says('/short', $token), '401 token_spent', 'and no more of those');

# ---- how fast

$token = token('hour');
is_deeply(all('/hour', $token, 4), [('200') x 3, '429 rate_limited'], 'a rate lets a burst in');
my $limited = answer('/hour', $token);
is($limited->says, '429 rate_limited', 'and then says to wait');
like($limited->header('Retry-After'), qr/^3(?:600|5[5-9]\d)$/, 'until the next use');
is($limited->header('WWW-Authenticate'), undef, 'and asks for no other token');
is(says('/hour', token('hour')), '200', 'each token for itself');

$token = token('slow');
my $start = time;
my $passed = 0;
while (time < $start + 4) {
    my $answer = answer('/slow', $token);
    $passed++ if $answer->says eq '200';
    like($answer->header('Retry-After'), qr/^1$/, 'wait a second') if $answer->says ne '200';
    sleep 0.25;
}
my $elapsed = time - $start;
cmp_ok($passed, '<=', 2 + int $elapsed, 'a rate holds over some seconds');
cmp_ok($passed, '>=', 4, 'and lets in what it may');

# ---- what comes back

$token = token('five');
is(says('/refused/five', $token), '502 gateway_error', 'a gateway that is not there');
is(says('/refused/five', $token), '502 gateway_error', 'once more');
is_deeply(all('/five', $token, 6), [('200') x 5, '401 token_spent'], 'costs no use');

$token = token('five');
is(says('/refused/five', $token), '502 gateway_error', 'a use comes back') for 1 .. 3;
is(says('/refused/five', $token), '502 gateway_error', 'but not a fourth time');
is_deeply(all('/five', $token, 5), [('200') x 4, '401 token_spent'], 'for one token');

$token = token('hour');
is(says('/refused/hour', $token), '502 gateway_error', 'a use with a rate comes back') for 1, 2;
is_deeply(all('/hour', $token, 4), [('200') x 3, '429 rate_limited'], 'and so does its part of the rate');

$t->done;
