#!/usr/bin/perl

# No refusal of a profile costs a token, and none of them, nor a gateway that is away, leaves in a
# log what a client has put into its path, its query or its headers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Points qw/BASE_POINT/;

my $t = Test::OhttpRelay->new->has(qw/http2 access-peer/);
my $access = $t->access;
my $key = $access->issuer_key('demo');
my ($one, $two) = (BASE_POINT, 'cd' x 64);
my $chute = '0c3f2a52-4d0e-5b6b-9a53-0f1ad7a3a001';
$t->write_file('models.json', qq({"data":["$chute"]}));
chmod 0644, $t->dir . '/models.json';

# Nobody listens on 8085.

$t->http(<<"EOC");
    ohttp_relay_gateway d-1 { url http://127.0.0.1:8081; insecure on; profile dstack-e2ee; pool d; selector $one; max_body 1k; }
    ohttp_relay_pool d { select header:X-Model-Pub-Key; default d-1; }
    ohttp_relay_gateway away { url http://127.0.0.1:8085; insecure on; profile dstack-e2ee; }
    ohttp_relay_gateway near { url http://127.0.0.1:8081; insecure on; profile near-e2ee; }
    ohttp_relay_gateway chutes { url http://127.0.0.1:8081; insecure on; profile chutes-e2e; confidential_models %%TESTDIR%%/models.json; }

    ohttp_relay_token_key demo { key $key->{spki}; issuer issuer.example; expires 2099-01-01T00:00:00Z; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        error_log %%TESTDIR%%/error.log info;
        ohttp_relay_auth token=demo;
        location /d/ { ohttp_relay_pass d; }
        location /away/ { ohttp_relay_pass away; }
        location /near/ { ohttp_relay_pass near; }
        location /chutes/ { ohttp_relay_pass chutes; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer(200, 'application/json', '{}', 'X-E2EE-Applied' => 'true') });
$t->run;

my @tokens = map { $access->tokens($key, direct => 1, issuer => "issuer.example") } 0 .. 3;
my $word = $t->canary->word;
my $nonces = 0;

# A request of a profile with a token; headers in place of those that are right.

sub asked {
    my ($token, $target, %opt) = @_;
    my %headers = ('X-Signing-Algo' => 'ecdsa', 'X-Client-Pub-Key' => $one, 'X-Model-Pub-Key' => $one,
        'X-E2EE-Nonce' => 'n' x 20 . ++$nonces, 'X-E2EE-Timestamp' => time, %{ delete $opt{change} // {} });
    return $t->post($target, type => 'application/json', body => '{}', %opt, headers => [
        Authorization => "PrivateToken token=$token", map { ($_ => $headers{$_}) } grep { defined $headers{$_} } sort keys %headers]);
}

my $chat = '/v1/chat/completions';
my @get = (method => 'GET', type => undef, body => undef);
my %none = map { $_ => undef } qw/X-Signing-Algo X-Client-Pub-Key X-Model-Pub-Key X-E2EE-Nonce X-E2EE-Timestamp/;
my %sealed = (type => 'application/octet-stream', body => 'x' x 2000);
my %instance = ('X-Chute-Id' => $chute, 'X-Instance-Id' => 'i', 'X-E2E-Nonce' => 'n' x 20);
my $used = 'u' x 20;
my $now = time;

is(asked($tokens[0], "/d$chat", change => { 'X-E2EE-Nonce' => $used, 'X-E2EE-Timestamp' => $now })->status, 200, 'a request');

my @refused = (
    ['no key headers', 400, "/d$chat", change => \%none],
    ['a wrong nonce', 400, "/d$chat", change => { 'X-E2EE-Nonce' => "$word $word" }],
    ['a wrong version', 400, "/d$chat", change => { 'X-E2EE-Version' => $word }],
    ['a time long ago', 400, "/d$chat", change => { 'X-E2EE-Timestamp' => 1 }],
    ['a time of words', 400, "/d$chat", change => { 'X-E2EE-Timestamp' => $word }],
    ['an unknown instance', 400, "/d$chat", change => { 'X-Model-Pub-Key' => $two }],
    ['no instance that could be', 400, "/d$chat", change => { 'X-Model-Pub-Key' => $word }],
    ['a replay', 400, "/d$chat", change => { 'X-E2EE-Nonce' => $used, 'X-E2EE-Timestamp' => $now }],
    ['plaintext completions', 400, '/d/v1/completions'],
    ['another path', 404, "/d/v1/$word"],
    ['a path behind one', 404, "/d$chat/$word"],
    ['a query', 400, "/d$chat?user=$word"],
    ['another parameter', 400, "/d/v1/attestation/report?user=$word", @get],
    ['a wrong value', 400, "/d/v1/attestation/report?nonce=$word", @get],
    ['a GET with a body', 400, "/d/v1/signature/$word", @get, body => '{}'],
    ['a GET of an unknown instance', 404, "/d/v1/signature/$word", @get, change => { 'X-Model-Pub-Key' => $two }],
    ['another method', 405, "/d/v1/signature/$word", method => 'DELETE'],
    ['another type', 415, "/d$chat", type => "text/$word"],
    ['a body that is compressed', 415, "/d$chat", change => { 'Content-Encoding' => 'gzip' }],
    ['no body', 400, "/d$chat", body => ''],
    ['no body, in chunks', 400, "/d$chat", body => '', chunked => 1],
    ['a body too large', 413, "/d$chat", body => 'x' x 1025],
    ['a gateway that is away', 502, "/away$chat", change => { 'X-E2EE-Nonce' => $word }],
    ['the same by GET', 502, "/away/v1/signature/$word", @get],
    ['near: no key headers', 400, "/near$chat", change => \%none],
    ['chutes: no headers', 400, '/chutes/e2e/invoke', %sealed],
    ['chutes: a wrong one', 400, '/chutes/e2e/invoke', %sealed, change => { %instance, 'X-E2E-Path' => "/$word?$word" }],
    ['chutes: another model', 404, '/chutes/e2e/invoke', %sealed, change => { %instance, 'X-Chute-Id' => $word }],
    ['chutes: its instances', 404, "/chutes/e2e/instances/$word", @get],
    ['chutes: a short body', 400, '/chutes/e2e/invoke', %sealed, body => 'x', change => \%instance],
    ['chutes: plaintext', 404, "/chutes$chat"],
);

my $heard = $gateway->requests;

for my $http (1, 2) {
    for (@refused) {
        my ($name, $status, $target, %opt) = @$_;
        my $answer = asked($tokens[$http], $target, http => $http, %opt);
        is($answer->status, $status, "$name, HTTP/$http");
        unlike($answer->head . $answer->body, qr/$word/, 'nothing of it comes back');
    }

    is(scalar(my @now = $gateway->requests), $heard, "none of these reached a gateway, HTTP/$http");
    is(asked($tokens[$http], "/d$chat", http => $http)->status, 200, "and the token is as good as new, HTTP/$http");
    $heard++;
    is(asked($tokens[$http], "/d$chat", http => $http)->says, '401 token_spent', "once, HTTP/$http");
}

# a nonce that was not taken, as the credential was not good, is still to be taken

my %fresh = (change => { 'X-E2EE-Nonce' => 'f' x 20, 'X-E2EE-Timestamp' => time });
is(asked($tokens[1], "/d$chat", %fresh)->says, '401 token_spent', 'a token that is spent');
is(asked($tokens[3], "/d$chat", %fresh)->status, 200, 'does not spend the nonce either');

$t->done;
