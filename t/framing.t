#!/usr/bin/perl

# How a body is framed toward a gateway depends on the media type alone.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->http(<<'EOC');
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; keepalive 0; max_body 1m; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        location = /relay { ohttp_relay_pass llm; }
    }
EOC

my $gateway = $t->gateway(8081);
$t->run;

for my $http (1, 2) {
    for my $chunked (0, 1) {
        my $client = 'HTTP/' . $http . ($chunked ? ' without a length' : ' with a length');

        for my $size (60, 20_000, 700_000) {
            my $body = $t->sealed($size);

            my $exchange = $t->start('/relay', http => $http, chunked => $chunked, body => $body);
            my $conn = $gateway->accept;
            my $request = $conn->request;
            is($request->header('Content-Length'), $size, "ohttp-req, $client: $size declared");
            ok(!$request->chunked, 'and no chunks');
            ok($conn->body->body eq $body, 'whole');
            $conn->answer;
            is($exchange->answer->says, '200', 'and answered');

            $exchange = $t->start('/relay', http => $http, chunked => $chunked, body => $body,
                type => 'message/ohttp-chunked-req');
            $conn = $gateway->accept;
            $request = $conn->request;
            ok($request->chunked, "ohttp-chunked-req, $client: $size in chunks");
            is($request->header('Content-Length'), undef, 'and no length');
            is($request->header('Incremental'), '?1', 'and Incremental');
            ok($conn->body->body eq $body, 'whole');
            $conn->answer;
            is($exchange->answer->says, '200', 'and answered');
        }
    }
}

# What has no length is collected, and the gateway is asked when it is known.

my $body = $t->sealed(5000);
my $client = $t->client;
$client->send($client->head('POST', '/relay', 'Content-Type' => 'message/ohttp-req',
    'Transfer-Encoding' => 'chunked'));
$client->send_chunk(substr $body, 0, 3000);
ok(!$gateway->asked(0.3), 'no connection to the gateway before the length is known');
$client->send_chunk(substr $body, 3000);
$client->end_chunks;
my $conn = $gateway->accept;
is($conn->request->header('Content-Length'), 5000, 'then the length of it all');
is($conn->body->body, $body, 'and the bytes');
$conn->answer;
is($client->answer->says, '200', 'and the answer');

# A client that ends before its chunks end has sent no request.

$client = $t->client;
$client->send($client->head('POST', '/relay', 'Content-Type' => 'message/ohttp-req',
    'Transfer-Encoding' => 'chunked'));
$client->send_chunk($body);
$client->close;
is($t->logged(26) =~ /(client_closed)/ && $1, 'client_closed', 'a client that goes away is counted as such');
ok(!$gateway->asked, 'and nothing of it reaches the gateway');

# Trailers are not passed on.

$client = $t->client;
$client->send($client->head('POST', '/relay', 'Content-Type' => 'message/ohttp-chunked-req',
    'Transfer-Encoding' => 'chunked', 'Trailer' => 'X-Trailer'));
$client->send_chunk($body);
$client->send("0\r\nX-Trailer: " . $t->canary->word . "\r\n\r\n");
$conn = $gateway->accept;
$conn->request;
is($conn->body->body, $body, 'a request with trailers arrives');
ok($conn->body->complete, 'and ends without them');
$conn->answer;
is($client->answer->says, '200', 'and is answered');

# Framing that cannot be trusted is refused.

for (["0x10\r\n", 'a chunk size with a prefix'], ["zz\r\n", 'a chunk size of letters'],
    ["fffffffffffffffff\r\n", 'a chunk size beyond all'])
{
    my ($bytes, $name) = @$_;
    $client = $t->client;
    $client->send($client->head('POST', '/relay', 'Content-Type' => 'message/ohttp-req',
        'Transfer-Encoding' => 'chunked') . $bytes . 'x' x 100);
    is($client->answer->says, '400 malformed_request', $name);
}

$client = $t->client;
$client->send($client->head('POST', '/relay', 'Content-Type' => 'message/ohttp-req',
    'Content-Length' => 60, 'Transfer-Encoding' => 'chunked') . "0\r\n\r\n");
is($client->answer->says, '400 malformed_request', 'both a length and chunks');
ok(!$gateway->asked, 'none of these reached the gateway');

$t->done;
