#!/usr/bin/perl

# Tokens that are not genuine, and what is no credential at all, are refused and cost
# nothing: no token, no worker, no place in the store.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Forged;

my $t = Test::OhttpRelay->new->has(qw/access-peer http2/);
my $access = $t->access;

my $key = $access->issuer_key('demo');
my $other = $access->issuer_key('other');
my %challenge = (issuer => 'issuer.example', origin => 'relay.example');
my %fixed = (%challenge, context => '5a' x 32);

$t->http(<<"EOC");
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; }

    ohttp_relay_token_key demo {
        key      $key->{spki};
        issuer   issuer.example;
        origin   relay.example;
        expires  2099-01-01T00:00:00Z;
    }

    ohttp_relay_token_key fixed {
        key      $key->{spki};
        issuer   issuer.example;
        origin   relay.example;
        context  @{[ '5a' x 32 ]};
        expires  2099-01-01T00:00:00Z;
    }

    large_client_header_buffers 4 64k;

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        keepalive_requests 10000;

        location = /demo    { ohttp_relay_pass llm; ohttp_relay_auth token=demo; }
        location = /fixed   { ohttp_relay_pass llm; ohttp_relay_auth token=fixed; }
        location = /metrics { ohttp_relay_status prometheus; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;
my @workers = $t->workers;

sub bare { (headers => [Authorization => "PrivateToken token=$_[0]"]) }
sub says { my ($path, @opt) = @_; return $t->post($path, @opt)->says }

my $granted = 0;
sub good {
    my ($path, $what, %opt) = @_;
    my ($token) = $access->tokens($key, direct => 1, %opt);
    is(says($path, bare($token)), '200', $what);
    $granted++;
}

# ---- forged ones

for (['/demo', %challenge], ['/fixed', %fixed]) {
    my ($path, %opt) = @$_;

    good($path, "$path: a genuine one", %opt);

    for (forged_tokens($access, key => $key, other => $other, %opt)) {
        my ($name, $token) = @$_;

        for my $http (1, 2) {
            my $answer = $t->post($path, bare($token), http => $http);
            like($answer->says, qr/^401 credential_(?:invalid|required)$/, "$path, HTTP/$http: $name");
            like($answer->header('WWW-Authenticate') // '', qr/^PrivateToken challenge="/, 'and told what would do');
        }

        like(says($path, headers => ['Proxy-Authorization' => qq{PrivateToken token="$token"}]), qr/^401 /, 'in the other header as well');
    }

    good($path, "$path: another genuine one", %opt);
}

# ---- what is no credential

srand 42;
sub bytes { join '', map { chr((1 .. 9, 11, 12, 14 .. 255)[rand 252]) } 1 .. $_[0] }
sub letters { join '', map { ('A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_')[rand 64] } 1 .. $_[0] }

my ($genuine) = $access->tokens($key, direct => 1, %challenge);

my @strange = (
    (map { ["$_ random bytes", bytes($_)] } 1 .. 12, 100, 472, 1000, 30_000),
    (map { ["a scheme and $_ random bytes", 'PrivateToken ' . bytes($_)] } 1 .. 12, 100, 472, 1000, 30_000),
    (map { ["a token of $_ random bytes", 'PrivateToken token=' . bytes($_)] } 1 .. 12, 100, 472, 1000, 30_000),
    (map { ["a quoted token of $_ random bytes", 'PrivateToken token="' . bytes($_) . '"'] } 1 .. 12, 100, 472, 1000, 30_000),
    (map { ["a token of $_ random letters", 'PrivateToken token=' . letters($_)] } 1 .. 8, 471 .. 475, 8192, 50_000),
    (map { ["a token of the right type and $_ random letters", 'PrivateToken token=AAI' . letters($_)] } 468 .. 472),
    (map { ["a Bearer of $_ random bytes", 'Bearer ' . bytes($_)] } 0 .. 8, 1000, 30_000),
    ['a scheme alone', 'PrivateToken'], ['a scheme and a blank', 'PrivateToken '], ['a scheme and commas', 'PrivateToken ,,,,'],
    ['an empty value', ''], ['blanks', '   '], ['an open quote', 'PrivateToken token="' . letters(472)],
    ['an open escape', 'PrivateToken token="' . letters(472) . '\\'], ['a parameter without value', 'PrivateToken token'],
    ['an equals sign', 'PrivateToken ='], ['no name', 'PrivateToken =' . letters(472)],
    ['thousands of parameters', 'PrivateToken ' . join ', ', map { "p$_=v" } 1 .. 4000],
    ['thousands of empty parameters', 'PrivateToken ' . ',' x 50_000],
    ['thousands of tokens', 'PrivateToken ' . join ', ', map { 'token=AAI' } 1 .. 4000],
    ['thousands of escapes', 'PrivateToken a="' . '\\"' x 20_000 . '"'],
    ['a genuine token with a byte before it', "PrivateToken token=\x80$genuine"],
    ['a genuine token with a byte behind it', "PrivateToken token=$genuine\xff"],
    ['a genuine token of another scheme', "Bearer $genuine"],
    ['a genuine token without a scheme', $genuine],
    ['a genuine token twice', "PrivateToken token=$genuine, token=$genuine"],
);

# All of HTTP/1.1 on one connection; nginx itself refuses what no field value may have.

my $refused = qr/^(?:401 credential_(?:invalid|required)|400 malformed_request)$/;

for my $header ('Authorization', 'Proxy-Authorization') {
    for (@strange) {
        my ($name, $value) = @$_;
        my $answer = $t->post('/demo', headers => [$header => $value]);
        like($answer->says, $refused, "$name in $header");
    }
}

for (@strange[grep { $_ % 4 == 0 } 0 .. $#strange], $strange[-7], $strange[-8], $strange[-10]) {
    my ($name, $value) = @$_;
    my $answer = $t->post('/demo', http => 2, headers => ['Authorization' => $value, 'Proxy-Authorization' => 'PrivateToken x=y']);
    like($answer->says, $refused, "$name over HTTP/2");
}

my $client = $t->client;
my %says;
for (1 .. 500) {
    my $token = 'AAI' . letters(469);
    $client->request('POST', '/demo', $t->sealed, type => 'message/ohttp-req', bare($token));
    $says{ $client->answer->says }++;
}
is_deeply(\%says, { '401 credential_invalid' => 500 }, 'five hundred random tokens on one connection');

is(says('/demo', bare($genuine)), '200', 'the token that was in some of it has not been spent');
$granted++;

# ---- and nothing came of it

is_deeply([sort $t->workers], [sort @workers], 'the workers are those of the start');
is(scalar(my @requests = $gateway->requests), $granted, 'the gateway got the genuine ones');

my $metrics = $t->post('/metrics', method => 'GET', type => undef, body => undef)->body;
like($metrics, qr/^ohttp_relay_store_names $granted$/m, 'the store remembers as many');
like($metrics, qr/^ohttp_relay_store_granted_total $granted$/m, 'and was asked for no more');
like($metrics, qr/^ohttp_relay_store_refused_total 0$/m, 'none of which it refused');
like($metrics, qr/^ohttp_relay_store_unknown_total 0$/m, 'or could not answer');

$t->done;
