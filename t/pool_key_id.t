#!/usr/bin/perl

# The key that a request is sealed to is told by its first byte, and chooses the gateway that has it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->http(<<'EOC');
    ohttp_relay_gateway k1 { url http://127.0.0.1:8081/k; insecure on; pool keys; key_ids 1 2 0x0A; max_body 1k; }
    ohttp_relay_gateway k2 { url http://127.0.0.1:8083/k; insecure on; pool keys; key_ids 0 255;
                             media_types message/ohttp-req; max_body 8k; }
    ohttp_relay_gateway k3 { url http://127.0.0.1:8085/k; insecure on; pool keys; key_ids 0x41; max_in_flight 1; }

    ohttp_relay_pool keys { select key_id; }

    ohttp_relay_gateway once { url http://127.0.0.1:8084/k; insecure on; pool replay; key_ids 1; replay_window 300s; }
    ohttp_relay_gateway more { url http://127.0.0.1:8084/k; insecure on; pool replay; key_ids 2; }
    ohttp_relay_pool replay { select key_id; }

    ohttp_relay_gateway single { url http://127.0.0.1:8084/k; insecure on; pool singles; key_ids 1;
                                 media_types message/ohttp-req; }
    ohttp_relay_pool singles { select key_id; keys per-gateway; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        location = /keys    { ohttp_relay_pass keys; }
        location = /replay  { ohttp_relay_pass replay; }
        location = /singles { ohttp_relay_pass singles; }
        location = /dripped { ohttp_relay_pass keys; }
    }
EOC

my %gateway = map { $_->[0] => $t->gateway($_->[1], answer => sub { $_[0]->answer }) }
    ['a', 8081], ['b', 8083], ['c', 8084];
my $played = $t->gateway(8085);
$t->run;

my $suite = "\x00\x20\x00\x01\x00\x01";
my $chunked = 'message/ohttp-chunked-req';
my $lines = 0;

sub sealed_to { my ($id, $size) = @_; return $t->sealed($size // 300, chr($id) . $suite) }

sub goes {
    my ($target, %opt) = @_;
    $_->forget for values %gateway;
    my $says = $t->post($target, %opt)->says;
    $lines++;
    return join ' ', $says, grep { scalar(my @requests = $gateway{$_}->requests) } sort keys %gateway;
}

my @cases = (
    ['an id', '200 a', '/keys', body => sealed_to(1)],
    ['a second id of the same', '200 a', '/keys', body => sealed_to(2)],
    ['one that is written in hex', '200 a', '/keys', body => sealed_to(10)],
    ['the id 0', '200 b', '/keys', body => sealed_to(0)],
    ['the id 255', '200 b', '/keys', body => sealed_to(255)],
    ['an unknown id', '404 gateway_unknown', '/keys', body => sealed_to(3)],
    ['another unknown id', '404 gateway_unknown', '/keys', body => sealed_to(254)],
    ['an unknown KEM', '200 a', '/keys', body => $t->sealed(300, "\x01\xfe\xfe\x00\x01\x00\x01")],
    ['six bytes', '400 malformed_request', '/keys', body => "\x01" . substr($suite, 1)],
    ['no byte', '400 malformed_request', '/keys', body => ''],
    ['no byte in chunks', '400 malformed_request', '/keys', body => '', chunked => 1],
    ['six bytes in chunks', '400 malformed_request', '/keys', body => "\x01" . substr($suite, 1), chunked => 1],
    ['an unknown id that is too short', '400 malformed_request', '/keys', body => "\x03$suite"],
    ['a known id that is too short, in chunks', '400 malformed_request', '/keys', body => "\x01$suite", chunked => 1],

    ['without a length', '200 a', '/keys', body => sealed_to(1), chunked => 1],
    ['an unknown id without a length', '404 gateway_unknown', '/keys', body => sealed_to(3), chunked => 1],
    ['an unknown id, and a lot', '404 gateway_unknown', '/keys', body => sealed_to(3, 7000), chunked => 1],
    ['a chunked request', '200 a', '/keys', body => sealed_to(1), type => $chunked, chunked => 1],
    ['a chunked request with a length', '200 a', '/keys', body => sealed_to(1), type => $chunked],
    ['a chunked request to an unknown id', '404 gateway_unknown', '/keys', body => sealed_to(9), type => $chunked],
    ['a chunked request to who takes none', '415 unsupported_media_type', '/keys', body => sealed_to(0), type => $chunked],
    ['a chunked request to a pool of such', '415 unsupported_media_type', '/singles', body => sealed_to(1), type => $chunked],
    ['another method', '405 method_not_allowed', '/keys', method => 'PUT', body => sealed_to(1)],

    ['more than it takes', '413 payload_too_large', '/keys', body => sealed_to(1, 1025)],
    ['as much as it takes', '200 a', '/keys', body => sealed_to(1, 1024)],
    ['as much as another takes', '200 b', '/keys', body => sealed_to(0, 8192)],
    ['more than any takes', '413 payload_too_large', '/keys', body => sealed_to(0, 8193)],
    ['more than it takes, in chunks', '413 payload_too_large', '/keys', body => sealed_to(1, 3000), chunked => 1],
    ['as much as another takes, in chunks', '200 b', '/keys', body => sealed_to(0, 8192), chunked => 1],
    ['more than any takes, in chunks', '413 payload_too_large', '/keys', body => sealed_to(0, 20_000), chunked => 1],
);

for my $http (1, 2) {
    for (@cases) {
        my ($name, $expected, $target, %opt) = @$_;
        is(goes($target, %opt, http => $http), $expected, "$name, HTTP/$http");
    }
}

# Each id at its place: three times as many as there are gateways would show a slip.

for my $id (0 .. 255) {
    my $expected = $id == 1 || $id == 2 || $id == 10 ? '200 a' : $id == 0 || $id == 255 ? '200 b' : '404 gateway_unknown';
    next if $id == 0x41;
    my $got = goes('/keys', body => sealed_to($id));
    $got eq $expected or is($got, $expected, "the id $id");
}

pass('no id leads to a gateway that does not have it');

# The first bytes come one by one: nobody is asked before there are enough.

$_->forget for values %gateway;
my $client = $t->client;
my $body = sealed_to(255);
$client->send("POST /dripped HTTP/1.1\r\nHost: a\r\nContent-Type: message/ohttp-req\r\nConnection: close\r\n"
    . 'Content-Length: ' . length($body) . "\r\n\r\n");
for (0 .. 7) {
    select undef, undef, undef, 0.02;
    $client->send(substr $body, $_, 1);
}
$client->send(substr $body, 8);
is($client->answer->says, '200', 'a body that drips is answered');
is(scalar(my @requests = $gateway{b}->requests), 1, 'by the gateway that has the key');
is(scalar(@requests = $gateway{a}->requests), 0, 'and by no other');
$lines++;
like($t->logged($lines), qr{^k2 ok 200 x25519/}, 'the log names it');

# A place is taken once the key is known, and given back.

for my $http (1, 2) {
    my $held = $t->start('/keys', body => sealed_to(0x41), http => $http);
    my $conn = $played->accept;
    $conn->request;
    $conn->body;
    is(goes('/keys', body => sealed_to(0x41), http => $http), '503 gateway_unavailable', "a gateway is full, HTTP/$http");
    is(goes('/keys', body => sealed_to(1), http => $http), '200 a', "the next one is not, HTTP/$http");
    $conn->answer;
    is($held->answer->says, '200', "the one that was there is answered, HTTP/$http");
    $conn->close;
}

# What the gateway wants holds: a request is new there, or it is not asked.

my $same = sealed_to(1);
is(goes('/replay', body => $same), '200 c', 'a new request');
is(goes('/replay', body => $same), '409 replay_detected', 'is new once');
is(goes('/replay', body => $same, chunked => 1, http => 2), '409 replay_detected', 'in any framing');
my $free = sealed_to(2);
is(goes('/replay', body => $free), '200 c', 'where nobody asks') for 1 .. 2;

$t->done;
