#!/usr/bin/perl

# What the relay refuses before it asks a gateway, over HTTP/1.1 and HTTP/2 alike.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->http(<<'EOC');
    ohttp_relay_gateway llm    { url http://127.0.0.1:8081/gateway; insecure on; max_body 2k; }
    ohttp_relay_gateway single { url http://127.0.0.1:8081/gateway; insecure on; media_types message/ohttp-req; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        location = /relay  { ohttp_relay_pass llm; }
        location = /single { ohttp_relay_pass single; }
        location ~ ^/any/(?<name>.*)$ { ohttp_relay_pass $name; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

my $chunked = 'message/ohttp-chunked-req';
my $short = $t->sealed(100);
my $x25519 = "\x01\x00\x20\x00\x01\x00\x01";
my $p256 = "\x01\x00\x10\x00\x01\x00\x01";
my $unknown = "\x01\xfe\xfe\x00\x01\x00\x01";

my @refused = (
    ['GET', '405 method_not_allowed', method => 'GET', type => undef, body => undef],
    ['PUT', '405 method_not_allowed', method => 'PUT', body => $short],
    ['DELETE', '405 method_not_allowed', method => 'DELETE', type => undef, body => undef],
    ['OPTIONS', '405 method_not_allowed', method => 'OPTIONS', type => undef, body => undef],
    ['an unknown method', '405 method_not_allowed', method => 'BREW', body => $short],

    ['no type', '415 unsupported_media_type', type => undef],
    ['another type', '415 unsupported_media_type', type => 'application/json'],
    ['a longer type', '415 unsupported_media_type', type => 'message/ohttp-reqx'],
    ['a type in front', '415 unsupported_media_type', type => 'xmessage/ohttp-req'],
    ['a shorter type', '415 unsupported_media_type', type => 'message/ohttp-re'],
    ['the type in a parameter', '415 unsupported_media_type', type => 'text/plain; a=message/ohttp-req'],
    ['a list of types', '415 unsupported_media_type', type => 'text/plain, message/ohttp-req'],
    ['a second type', '415 unsupported_media_type', type => "message/ohttp-req\r\nContent-Type: text/plain"],
    ['a second type of the same', '415 unsupported_media_type', type => "message/ohttp-req\r\ncontent-type: message/ohttp-req"],
    ['a second type in front', '415 unsupported_media_type', type => "text/plain\r\nContent-Type: message/ohttp-req"],
    ['a type for answers', '415 unsupported_media_type', type => 'message/ohttp-res'],
    ['chunked where the gateway takes none', '415 unsupported_media_type', type => $chunked, target => '/single'],

    ['a query', '400 malformed_request', target => '/relay?id=' . $t->canary->word],
    ['an empty body', '400 malformed_request', body => ''],
    ['no body at all', '400 malformed_request', body => undef],
    ['an empty body in chunks', '400 malformed_request', body => '', chunked => 1],
    ['six bytes', '400 malformed_request', body => substr($x25519, 0, 6)],
    ['X25519, one byte short', '400 malformed_request', body => $x25519 . 'x' x 47],
    ['X25519 in chunks, one byte short', '400 malformed_request', body => $x25519 . 'x' x 47, chunked => 1],
    ['P-256, one byte short', '400 malformed_request', body => $p256 . 'x' x 80],
    ['a chunked request, one byte short', '400 malformed_request', body => $x25519 . 'x' x 48, type => $chunked],
    ['an empty chunked request', '400 malformed_request', body => '', chunked => 1, type => $chunked],

    ['too much, declared', '413 payload_too_large', body => $t->sealed(2049)],
    ['too much, in chunks', '413 payload_too_large', body => $t->sealed(2049), chunked => 1],
    ['too much, far, in chunks', '413 payload_too_large', body => $t->sealed(90_000), chunked => 1],
    ['too much for a chunked request, declared', '413 payload_too_large', body => $t->sealed(2049), type => $chunked],
);

for my $http (1, 2) {
    for (@refused) {
        my ($name, $says, %opt) = @$_;
        my $answer = $t->post(delete $opt{target} // '/relay', %opt, http => $http);
        is($answer->says, $says, "$name, HTTP/$http");
        is($answer->header('Allow'), 'POST', "says what is allowed, HTTP/$http") if $says =~ /^405/;
    }

    my $head = $t->post('/relay', method => 'HEAD', type => undef, body => undef, http => $http);
    is($head->status, 405, "HEAD, HTTP/$http");
    is($head->body, '', "HEAD gets no body, HTTP/$http");
}

is($gateway->connections, 0, 'none of it reached the gateway');

# A stream over the limit has begun to flow when the limit is passed; it never ends well.

for my $http (1, 2) {
    my $answer = $t->post('/relay', type => $chunked, body => $t->sealed(90_000), chunked => 1, http => $http);
    is($answer->status, 413, "a stream that grows too large, HTTP/$http");
    my @whole = grep { $_->complete } $gateway->requests;
    is(scalar @whole, $http - 1, "the gateway gets no complete request of it, HTTP/$http");
    is($t->post('/relay', http => $http)->says, '200', "and serves the next one, HTTP/$http");
}

$gateway->forget;

my @accepted = (
    ['any case', type => 'Message/OHTTP-Req'],
    ['parameters', type => 'message/ohttp-req ; a=b; charset=x'],
    ['a parameter without blank', type => 'message/ohttp-req;a=b'],
    ['the other type', type => 'MESSAGE/ohttp-chunked-REQ; q', body => $x25519 . 'x' x 49],
    ['X25519, just enough', body => $x25519 . 'x' x 48],
    ['P-256, just enough', body => $p256 . 'x' x 81],
    ['an unknown KEM, header only', body => $unknown],
    ['as much as may be, declared', body => $t->sealed(2048)],
    ['as much as may be, in chunks', body => $t->sealed(2048), chunked => 1],
);

for my $http (1, 2) {
    for (@accepted) {
        my ($name, %opt) = @$_;
        is($t->post('/relay', %opt, http => $http)->says, '200', "$name, HTTP/$http");
    }
}

is(scalar $gateway->wait_requests(18), 18, 'all of it reached the gateway');

# What no gateway here could accept is refused before it is asked whose it is.

is($t->post('/any/nobody', method => 'GET', type => undef, body => undef)->says, '405 method_not_allowed',
    'a method for a gateway that is not there');
is($t->post('/any/nobody', type => 'text/plain')->says, '415 unsupported_media_type', 'and a media type');
is($t->post('/any/nobody')->says, '404 gateway_unknown', 'and then the gateway');

# Expect: a refusal that the head decides comes instead of the 100.

for (['405 method_not_allowed', 'PUT', '/relay', 'message/ohttp-req', 100],
    ['415 unsupported_media_type', 'POST', '/relay', 'text/plain', 100],
    ['400 malformed_request', 'POST', '/relay?x', 'message/ohttp-req', 100],
    ['413 payload_too_large', 'POST', '/relay', 'message/ohttp-req', 4096])
{
    my ($says, $method, $target, $type, $length) = @$_;
    my $client = $t->client;
    $client->send($client->head($method, $target, 'Content-Type' => $type,
        'Content-Length' => $length, 'Expect' => '100-continue'));
    my $answer = $client->answer_head;
    $client->read_body($answer, 1);
    is($answer->says, $says, "$says at once");
    is(join(',', $answer->interim), '', 'no 100 before it');
}

for my $type ('message/ohttp-req', $chunked) {
    my $client = $t->client;
    $client->send($client->head('POST', '/relay', 'Content-Type' => $type,
        'Content-Length' => length $short, 'Expect' => '100-continue'));
    like($client->until("\r\n\r\n"), qr{^HTTP/1.1 100 }, "$type: a 100 where the body is wanted");
    $client->send($short);
    is($client->answer->says, '200', "$type: and then the answer");
}

$t->done;
