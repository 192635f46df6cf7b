#!/usr/bin/perl

# What a request costs is asked for when its first bytes are there: nobody has a body collected
# for a token that is spent.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::H2;

my $t = Test::OhttpRelay->new->has(qw/access-peer http2/);
my $access = $t->access;
my $key = $access->issuer_key('demo');

$t->http(<<"EOC");
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; replay_window 300s; max_body 100k; }
    ohttp_relay_token_key demo { key $key->{spki}; issuer issuer.example; expires 2099-01-01T00:00:00Z; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        location = /llm { ohttp_relay_pass llm; ohttp_relay_auth token=demo; client_body_timeout 1s; }
        location = /slow { ohttp_relay_pass llm; ohttp_relay_auth token=demo; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

sub token { ($access->tokens($key, direct => 1, issuer => 'issuer.example'))[0] }
sub with { (headers => [Authorization => "PrivateToken token=$_[0]"]) }
sub is_good { is($t->post('/llm', with($_[0]))->says, '200', "$_[1]: the token is still good") }

# A request of one piece whose length is not declared, as far as these bytes.

sub begin {
    my ($http, $target, $token, $bytes) = @_;

    my $client;
    if ($http == 2) {
        $client = Test::OhttpRelay::H2->connect(canary => $t->canary, port => $t->port(8082));
        $client->open('POST', $target, type => 'message/ohttp-req', feed => 1, with($token));
        $client->data(1, $bytes, 0);

    } else {
        $client = $t->client(8080);
        $client->send($client->head('POST', $target, 'Content-Type' => 'message/ohttp-req',
            'Transfer-Encoding' => 'chunked', Authorization => "PrivateToken token=$token"));
        $client->send_chunk($bytes);
    }

    return $client;
}

sub go_on {
    my ($http, $client, $bytes) = @_;
    $http == 2 ? $client->data(1, $bytes, 0) : $client->send_chunk($bytes);
}

my $spent = token();
is($t->post('/llm', with($spent))->says, '200', 'a token');

for my $http (1, 2) {
    is(begin($http, '/slow', $spent, $t->sealed(2000))->answer->says, '401 token_spent',
        "a spent one is refused before the body ends, over HTTP/$http");

    my $sealed = $t->sealed(50_000);
    $gateway->forget;
    my $client = begin($http, '/slow', token(), substr $sealed, 0, 2000);
    go_on($http, $client, substr $sealed, 2000);
    is($gateway->asked, 0, 'a good one is collected first');
    $http == 2 ? $client->data(1, '', 1) : $client->end_chunks;
    is($client->answer->says, '200', 'and let in');
    my ($request) = $gateway->wait_requests(1);
    is($request->header('Content-Length'), 50_000, 'with its length');
    ok($request->body eq $sealed, 'and whole');

    my $token = token();
    $client = begin($http, '/slow', $token, $t->sealed(2000));
    go_on($http, $client, 'x' x 60_000) for 1, 2;
    is($client->answer->says, '413 payload_too_large', "one that becomes too large, over HTTP/$http");
    is_good($token, 'too large');

    $token = token();
    $client = begin($http, '/llm', $token, $t->sealed(2000));
    is($client->answer->status, 0, "a client that does not go on, over HTTP/$http");
    is_good($token, 'no more bytes');

    $token = token();
    $client = begin($http, '/slow', $token, $t->sealed(2000));
    select undef, undef, undef, 0.2;
    $client->reset;
    select undef, undef, undef, 0.2;
    is_good($token, "a client that leaves, over HTTP/$http");
}

$t->done;
