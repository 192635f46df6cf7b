#!/usr/bin/perl

# A plan that is good for a pool is good for all of its gateways; a refusal spends nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/access-peer http2/);
my $access = $t->access;

my $key = $access->issuer_key('demo');
my %at = map { $_ => "insecure on; url http://127.0.0.1:8081/$_;" } qw/one two k1 k2 alone/;

my $plan = <<"EOC";
        key      $key->{spki};
        issuer   issuer.example;
        expires  2099-01-01T00:00:00Z;
EOC

$t->http(<<"EOC");
    ohttp_relay_gateway one   { $at{one} pool og; selector 1a; }
    ohttp_relay_gateway two   { $at{two} pool og; selector 2b; }
    ohttp_relay_pool    og    { select header:X-TEE-ID; }

    ohttp_relay_gateway k1    { $at{k1} pool keys; key_ids 1; }
    ohttp_relay_gateway k2    { $at{k2} pool keys; key_ids 2; max_body 400; }
    ohttp_relay_pool    keys  { select key_id; }

    ohttp_relay_gateway alone { $at{alone} }

    ohttp_relay_token_key all    { $plan }
    ohttp_relay_token_key pooled { $plan context @{[ '01' x 32 ]}; gateways og keys; }
    ohttp_relay_token_key member { $plan context @{[ '02' x 32 ]}; gateways two k2; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        location ~ ^/to/(?<name>.*)\$ {
            ohttp_relay_pass \$name;
            ohttp_relay_auth token=all token=pooled token=member;
        }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

my %context = (all => [], pooled => [context => '01' x 32], member => [context => '02' x 32]);

sub token { ($access->tokens($key, direct => 1, issuer => 'issuer.example', @{ $context{ $_[0] } }))[0] }

sub says {
    my ($pool, $token, $fields, @opt) = @_;
    return $t->post("/to/$pool", @opt, headers => [Authorization => "PrivateToken token=$token", @$fields])->says;
}

sub tee { ['X-TEE-ID' => $_[0]] }
sub to_key { (body => $t->sealed(300, chr($_[0]) . "\x00\x20\x00\x01\x00\x01")) }

for my $http (1, 2) {
    my @way = (http => $http);

    is(says('og', token('pooled'), tee('0x1A'), @way), '200', "a plan for the pool, HTTP/$http");
    is(says('og', token('pooled'), tee('2b'), @way), '200', 'covers each gateway of it');
    is(says('two', token('pooled'), [], @way), '200', 'by its own name as well');
    is(says('keys', token('pooled'), [], to_key(1), @way), '200', 'and one chosen by its key');
    is(says('alone', token('pooled'), [], @way), '403 gateway_not_allowed', 'and no other');

    my $token = token('member');
    is(says('og', $token, tee('1a'), @way), '403 gateway_not_allowed', "a plan for one of them, HTTP/$http");
    is(says('keys', $token, [], to_key(1), @way), '403 gateway_not_allowed', 'is not for another that a key chooses');
    is(says('keys', $token, [], to_key(1), chunked => 1, @way), '403 gateway_not_allowed', 'in any framing');
    is(says('og', $token, tee('2b'), @way), '200', 'and is for that one');
    is(says('og', $token, tee('2b'), @way), '401 token_spent', 'once');
    is(says('keys', token('member'), [], to_key(2), @way), '200', 'and for the one that has the key');

    my $kept = token('all');
    my $unknown = $t->canary->word;
    is(says('og', $kept, tee($unknown), @way), '404 gateway_unknown', "an unknown gateway, HTTP/$http");
    is(says('og', $kept, [], @way), '404 gateway_unknown', 'no gateway');
    is(says('og', $kept, ['X-TEE-ID' => "1a\r\nX-TEE-ID: 1a"], @way), '400 malformed_request', 'two');
    is(says('keys', $kept, [], to_key(9), @way), '404 gateway_unknown', 'an unknown key');
    is(says('keys', $kept, [], to_key(9), chunked => 1, @way), '404 gateway_unknown', 'an unknown key in chunks');
    is(says('keys', $kept, [], body => $t->sealed(500, "\x02\x00\x20\x00\x01\x00\x01"), @way), '413 payload_too_large', 'too much');
    is(says('og', $kept, tee('1a'), @way), '200', 'spend nothing');
    is(says('og', $kept, tee('1a'), @way), '401 token_spent', 'that is left');

    is($t->post('/to/og', headers => tee($unknown), @way)->says, '401 credential_required',
        "who shows nothing does not learn which are known, HTTP/$http");
    is($t->post('/to/keys', to_key(9), @way)->says, '401 credential_required', 'nor which keys');
}

$t->done;
