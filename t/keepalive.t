#!/usr/bin/perl

# Connections to a gateway are kept, never shared, and nothing is ever sent twice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new;

$t->http(<<'EOC');
    ohttp_relay_gateway llm   { url http://127.0.0.1:8081/a; insecure on; keepalive 4; keepalive_timeout 60s; }
    ohttp_relay_gateway twin  { url http://127.0.0.1:8081/b; insecure on; keepalive 4; keepalive_timeout 60s; }
    ohttp_relay_gateway few   { url http://127.0.0.1:8081/c; insecure on; keepalive 4; keepalive_timeout 60s; keepalive_requests 2; }
    ohttp_relay_gateway brief { url http://127.0.0.1:8081/d; insecure on; keepalive 4; keepalive_timeout 1s; }
    ohttp_relay_gateway none  { url http://127.0.0.1:8081/e; insecure on; keepalive 0; keepalive_timeout 60s; }
    ohttp_relay_gateway one   { url http://127.0.0.1:8081/f; insecure on; keepalive 1; keepalive_timeout 60s; }

    ohttp_relay_gateway get   { url http://127.0.0.1:8081/g; insecure on; profile dstack-e2ee; replay_window off; keepalive 4;
                                keepalive_timeout 60s; read_timeout 500ms; }

    server {
        listen 127.0.0.1:8080;
        location /get/ { ohttp_relay_pass get; }
        location ~ ^/to/(?<name>[a-z]+)$ { ohttp_relay_pass $name; }
    }
EOC

my $gateway = $t->gateway(8081);
$t->run;

# An exchange on a connection the gateway has, or on the next one.

sub exchange {
    my ($name, $conn) = @_;
    my $client = $t->start("/to/$name");
    $conn //= $gateway->accept;
    my $request = $conn->request;
    $conn->answer;
    my $answer = $client->answer;
    return ($conn, $request ? $answer->says : 'not asked');
}

sub chunked_exchange {
    my ($conn) = @_;
    my $client = $t->start('/to/llm', type => 'message/ohttp-chunked-req');
    my $request = $conn->request;
    $conn->body;
    $conn->start_chunks;
    $conn->send_chunk('a');
    $conn->end_chunks;
    return $client->answer->says;
}

my ($conn, $says) = exchange('llm');
is($says, '200', 'a first request');
for my $n (2 .. 5) {
    (undef, $says) = exchange('llm', $conn);
    is($says, '200', "request $n on the same connection");
}

is(chunked_exchange($conn), '200', 'a stream on the same connection');
(undef, $says) = exchange('llm', $conn);
is($says, '200', 'and the next one after it');
ok(!$gateway->asked, 'one connection in all');

# Two gateways at one address

my ($twin, $twin_says) = exchange('twin');
is($twin_says, '200', 'another gateway at the same address has a connection of its own');
(undef, $says) = exchange('llm', $conn);
is($says, '200', 'the first keeps its own');
(undef, $twin_says) = exchange('twin', $twin);
is($twin_says, '200', 'and so does the second');
ok(!$gateway->asked, 'no third one');

# A kept connection that breaks under a request: one 502, one hit, and no second try.

my $client = $t->start('/to/llm');
my $request = $conn->request;
ok($request, 'a request on the kept connection');
$conn->reset;
is($client->answer->says, '502 gateway_error', 'which is reset: one 502');
ok(!$gateway->asked(0.5), 'and no other connection is tried');

$client = $t->start('/to/twin');
$twin->request;
$twin->body;
$twin->close;
is($client->answer->says, '502 gateway_error', 'closed after the whole request: one 502');
ok(!$gateway->asked(0.5), 'and no second try');

for my $how (qw/reset close/) {
    $client = $t->start('/to/llm');
    $conn = $gateway->accept;
    $conn->request;
    $conn->$how;
    is($client->answer->says, '502 gateway_error', "a new connection, $how after the head: one 502");
    ok(!$gateway->asked(0.3), 'no second try');

    $client = $t->start('/to/llm');
    $conn = $gateway->accept;
    $conn->$how;
    is($client->answer->says, '502 gateway_error', "a new connection, $how at once: one 502");
    ok(!$gateway->asked(0.3), 'no second try');
}

# Nor is there for a GET, which nginx would send again.

for my $how (qw/reset close wait/) {
    my @get = ('/get/v1/models', type => undef, method => 'GET', body => undef);
    $client = $t->start(@get);
    $conn = $gateway->accept;
    $conn->request;
    $conn->answer(200, 'application/json', '{}');
    is($client->answer->says, '200', 'a list');

    $client = $t->start(@get);
    is($conn->request->target, '/g/v1/models', 'and another one on the same connection');
    $conn->$how if $how ne 'wait';
    is($client->answer->says, $how eq 'wait' ? '504 gateway_timeout' : '502 gateway_error', "$how: one error");
    ok(!$gateway->asked(0.3), 'and no second try');
    $conn->close;
}

# A gateway that closes an idle connection is asked over a new one.

($conn) = exchange('llm');
$conn->close;
$t->waitfor('the relay to notice', sub {
    my $hex = sprintf ':%04X', $t->port(8081);
    !grep { /$hex \w+ 08 / } split /\n/, $t->read_file('/proc/net/tcp');
});
($conn, $says) = exchange('llm');
is($says, '200', 'a connection closed while idle costs nothing');

# What must end a connection

for (['Connection: close', sub { $_[0]->answer(200, undef, 'x', 'Connection' => 'close') }],
    ['Connection: x, Close', sub { $_[0]->answer(200, undef, 'x', 'Connection' => 'x, Close') }],
    ['HTTP/1.0', sub { $_[0]->body; $_[0]->send("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx") }],
    ['bytes after the answer', sub { $_[0]->body; $_[0]->send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy") }])
{
    my ($what, $answer) = @$_;
    $client = $t->start('/to/one');
    $conn = $gateway->accept;
    $conn->request;
    $answer->($conn);
    is($client->answer->says, '200', "$what: an answer");
    ok($conn->at_end, "$what: the connection is not kept");
}

# Bytes that come while a connection is idle belong to nobody.

($conn) = exchange('one');
$conn->send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged");
ok($conn->at_end, 'an answer nobody asked for ends the connection');
($conn, $says) = exchange('one');
is($says, '200', 'the next request has its own answer');
(undef, $says) = exchange('one', $conn);
is($says, '200', 'on a connection that is kept again');

# Bounds

($conn) = exchange('few');
(undef, $says) = exchange('few', $conn);
is($says, '200', 'two requests where two are allowed');
ok($conn->at_end, 'then the connection ends');

($conn) = exchange('brief');
ok($conn->at_end, 'an idle connection ends after keepalive_timeout');

($conn) = exchange('none');
ok($conn->at_end, 'keepalive 0 keeps none');

$t->done;
