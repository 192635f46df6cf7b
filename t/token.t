#!/usr/bin/perl

# A token lets one request in, and whoever has none is told how to get one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/access-peer http2/);
my $access = $t->access;

my $key = $access->issuer_key('demo');
my $other = $access->issuer_key('other');
my %issuer = (issuer => 'issuer.example');
my %fixed = (%issuer, origin => 'relay.example', context => '5a' x 32);

$t->http(<<"EOC");
    ohttp_relay_gateway llm  { url http://127.0.0.1:8081/gateway; insecure on; }
    ohttp_relay_gateway fine { url http://127.0.0.1:8081/fine; insecure on; }

    ohttp_relay_token_key demo {
        key      $key->{spki};
        issuer   issuer.example;
        expires  2099-01-01T00:00:00Z;
    }

    ohttp_relay_token_key fixed {
        key      $key->{rsa_pem};
        issuer   issuer.example;
        origin   relay.example;
        context  @{[ '5A' x 32 ]};
        expires  2099-01-01T00:00:00Z;
        gateways fine;
    }

    ohttp_relay_token_key old {
        key      $other->{pem};
        issuer   issuer.example;
        expires  2020-01-01T00:00:00Z;
    }

    access_log %%TESTDIR%%/access.log relay;

    log_format tier '\$time_iso8601 \$ohttp_relay_auth \$ohttp_relay_tier \$ohttp_relay_result';

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        location = /demo { ohttp_relay_pass llm; ohttp_relay_auth token=demo; }
        location = /old  { ohttp_relay_pass llm; ohttp_relay_auth token=old; }
        location = /open { ohttp_relay_pass llm; ohttp_relay_auth off; }

        location ~ ^/any/(?<name>.*) {
            ohttp_relay_pass \$name;
            ohttp_relay_auth token=demo token=fixed;
            access_log %%TESTDIR%%/tier.log tier;
        }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

sub token { ($access->tokens($key, direct => 1, %issuer, @_))[0] }

sub with { my ($name, $value) = @_; return (headers => [$name => $value]) }
sub bare { with(Authorization => "PrivateToken token=$_[0]") }

sub says { my ($path, @opt) = @_; return $t->post($path, @opt)->says }

# ---- once

my ($blind) = $access->tokens($key, %issuer, signer => 'library');

is(says('/demo', bare($blind)), '200', 'a token of a blind issuance by a library lets in');
is(says('/demo', bare($blind)), '401 token_spent', 'and once only');
is(says('/demo', bare($blind), http => 2), '401 token_spent', 'also over HTTP/2');
is(says('/any/fine', bare($blind)), '401 token_spent', 'also elsewhere');

my $nonce = 'ab' x 32;
is(says('/demo', bare(token(nonce => $nonce))), '200', 'a token with a nonce');
is(says('/demo', bare(token(nonce => $nonce))), '401 token_spent', 'another one with the same');

# ---- how it is written

my %forms = (
    'quoted' => sub { with(Authorization => qq{PrivateToken token="$_[0]"}) },
    'in Proxy-Authorization' => sub { with('Proxy-Authorization' => "PrivateToken token=$_[0]") },
    'in a scheme of other case' => sub { with(Authorization => "privatetoken   token=$_[0]") },
    'among other parameters' =>
        sub { with(Authorization => qq{PrivateToken a="b, token=\\"x", token = "$_[0]" ,, extensions=AAAA=}) },
    'beside another credential' =>
        sub { (headers => [Authorization => 'Basic YTpi', 'Proxy-Authorization' => "PrivateToken token=$_[0]"]) },
);

for my $form (sort keys %forms) {
    my $token = token();
    is(says('/demo', $forms{$form}->($token)), '200', "a token $form");
    is(says('/demo', bare($token)), '401 token_spent', "which is spent then: $form");
}

my $twice = token();
is(says('/demo', headers => [Authorization => "PrivateToken token=$twice",
    'Proxy-Authorization' => "PrivateToken token=$twice"]), '400 malformed_request', 'two tokens are refused');
is(says('/demo', with(Authorization => "PrivateToken token=$twice, token=$twice")),
    '401 credential_invalid', 'and two in one credential');
is(says('/demo', with(Authorization => 'PrivateToken nothing=here')),
    '401 credential_invalid', 'and a credential without a token');
is(says('/demo', bare($twice)), '200', 'none of which spends any');

# ---- what is asked for

my $refused = $t->post('/demo');
is($refused->says, '401 credential_required', 'without a token there is a refusal');
is(scalar($access->challenges($refused->header('WWW-Authenticate'))), 1, 'with a challenge');
is($refused->header('Cache-Control'), 'no-store', 'which nobody keeps');

my $answer = $access->respond($key, $refused->header('WWW-Authenticate'));
is(says('/demo', with(Authorization => $answer)), '200', 'that a client can answer');

$refused = $t->post('/any/fine', http => 2);
my @challenges = $access->challenges($refused->header('WWW-Authenticate'));
is(scalar @challenges, 2, 'each plan of a location has a challenge of its own');

# ---- what is no token

my $good = token();
my %wrong = (
    'of an unknown key' => [($access->tokens($other, direct => 1, %issuer))[0], 'credential_invalid'],
    'of another issuer' => [token(issuer => 'evil.example'), 'credential_invalid'],
    'of another origin' => [token(origin => 'evil.example'), 'credential_invalid'],
    'of another context' => [token(context => '00' x 32), 'credential_invalid'],
    'with another digest' => [token(digest => 'ff' x 32), 'credential_invalid'],
    'with a salt of no length' => [token(salt => 0), 'credential_invalid'],
    'of another type' => [token(type => 1), 'credential_required'],
    'of a type of grease' => [token(type => 0x1132), 'credential_required'],
    'that is short' => [substr($good, 0, 468), 'credential_required'],
    'of no length' => ['', 'credential_invalid'],
    'that is no base64url' => ['+' . substr($good, 1), 'credential_invalid'],
);

for my $what (sort keys %wrong) {
    my ($token, $code) = @{ $wrong{$what} };
    my $answer = $t->post('/demo', bare($token));
    is($answer->says, "401 $code", "a token $what");
    like($answer->header('WWW-Authenticate'), qr/^PrivateToken challenge="/, "and what would do: $what");
}

for my $place (3, 50, 100, 140, 300, 471) {
    my $flipped = $good;
    substr($flipped, $place, 1) =~ tr/A-Za-z0-9_-/B-ZAb-za1-90A-/;
    isnt($flipped, $good, "character $place is changed");
    like(says('/demo', bare($flipped)), qr/^401 credential_(?:invalid|required)$/, "and refused");
}

my ($expired) = $access->tokens($other, direct => 1, %issuer);
is(says('/old', bare($expired)), '401 credential_expired', 'a token of a key that has expired');

# ---- plans

is(says('/any/llm', bare(token(%fixed))), '403 gateway_not_allowed', 'a plan that is not good for a gateway');
my $fixed = token(%fixed);
is(says('/any/llm', bare($fixed)), '403 gateway_not_allowed', 'says so');
is(says('/any/fine', bare($fixed)), '200', 'and spends nothing');
is(says('/demo', bare(token(%fixed))), '401 credential_invalid', 'a plan that a location does not list');
is(says('/open'), '200', 'a location that asks for nothing');
is(says('/open', bare($fixed)), '200', 'takes no notice of a token');

# ---- refusals spend nothing

is(says('/demo', bare($good), type => 'text/plain'), '415 unsupported_media_type', 'a wrong type');
is(says('/demo?a=b', bare($good)), '400 malformed_request', 'a query');
is(says('/demo', bare($good), body => 'short'), '400 malformed_request', 'no envelope');
is(says('/demo', bare($good), body => "\1\0\x20\0\1\0\1short"), '400 malformed_request', 'half an envelope');
is(says('/any/none', bare($good)), '404 gateway_unknown', 'no gateway');
is(says('/demo', bare($good)), '200', 'after all of which the token is still good');

# ---- a nonce or a key says nothing to a gateway

my %heads = map { $_->head => 1 } grep { $_->target eq '/gateway' } $gateway->requests;
is(scalar keys %heads, 1, 'the gateway sees the same head with and without a token');

my %tiers = map { s/^\S+ //r => 1 } split /\n/, $t->read_file('tier.log');
ok($tiers{'token fixed ok'}, 'a log may tell the plan');
ok($tiers{'- - credential_required'}, 'or that there was none');

$t->done;
