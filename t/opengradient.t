#!/usr/bin/perl

# OpenGradient: its clients choose an enclave by X-TEE-ID, its gateways speak of payment, and
# neither hears what is not for it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Tls;

my $t = Test::OhttpRelay->new->has(qw/http2 ssl openssl/);

# As the enclave makes it for itself: for "localhost", while the registry has an address.

my $server = certificate($t, 'enclave', cn => 'localhost', names => ['localhost']);
my $pin = pin_cert($t, 'enclave');
certificate($t, 'other', cn => 'localhost', names => ['localhost']);
my $wrong = pin_cert($t, 'other');

my ($one, $two, $three) = map { join '', map { ('0' .. '9', 'a' .. 'f')[rand 16] } 1 .. 64 } 1 .. 3;

$t->http(<<"EOC");
    keepalive_requests 20000;

    ohttp_relay_gateway og-1 { url https://127.0.0.1:8081/v1/ohttp; ssl_pin $pin; pool og; selector 0x$one;
                               billing_frame strip; }
    ohttp_relay_gateway og-2 { url http://127.0.0.1:8083/v1/ohttp; insecure on; pool og; selector $two;
                               billing_frame strip;
                               pass_response_header X-Inference-Cost-OPG X-Inference-Cost-USD X-Inference-Price-OPG-USD; }
    ohttp_relay_gateway og-3 { url https://127.0.0.1:8081/v1/ohttp; ssl_pin $wrong; pool og; selector 0x$three; }
    ohttp_relay_pool og { select header:X-TEE-ID; keys per-gateway; default og-1; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        location = /api/v1/chat/ohttp { ohttp_relay_pass og; ohttp_relay_cors https://chat.example; }
    }
EOC

my %gateway = (1 => $t->gateway(8081, tls => $server), 2 => $t->gateway(8083));
$t->run;

my $path = '/api/v1/chat/ohttp';
my $word = $t->canary->word;

# An exchange with one of the two enclaves, played by the sub, or answered with these bytes.

sub played {
    my ($number, $sub, %opt) = @_;
    my $client = $t->start($path, headers => ['X-TEE-ID' => $number == 1 ? $one : $two, @{ delete $opt{fields} // [] }], %opt);
    my $conn = $gateway{$number}->accept or return $client->answer;
    my $request = $conn->request;
    $sub->($conn, $request);
    my $answer = $client->answer;
    $conn->close;
    return wantarray ? ($answer, $request) : $answer;
}

# Which enclave: by any spelling of its id, and none is the default.

for my $http (1, 2) {
    for (['as the SDK sends it', $one], ['as og-veil does', "0x$one"], ['in capitals', uc "0x$one"], ['with blanks', "  $one "],
        ['empty', ''], ['not at all', undef])
    {
        my ($name, $id) = @$_;
        my $client = $t->start($path, http => $http, headers => ['X-TEE-ID' => $id]);
        my $conn = $gateway{1}->accept;
        ok($conn, "an id $name reaches the enclave, HTTP/$http") or next;
        $conn->request;
        $conn->answer;
        is($client->answer->says, '200', 'which answers');
        $conn->close;
    }

    is(join(',', grep { !/^(?:full|resumed) name= / } $gateway{1}->handshakes), '', 'by its certificate, and no name');
    $gateway{1}->forget;
    my $client = $t->start($path, http => $http, headers => ['X-TEE-ID' => $three]);
    my $conn = $gateway{1}->accept;
    is($client->answer->says, '502 gateway_error', "another certificate of the same name is another enclave, HTTP/$http");
    is(scalar(my @requests = $gateway{1}->requests), 0, 'and hears nothing');
    $gateway{1}->forget;
}

# One that is not registered. og-veil shows the text, and ghost tries another one when it has these words.

for my $http (1, 2) {
    for ($word, 'f' x 64, "0x$two$two", "$one,$two") {
        my $answer = $t->post($path, http => $http, headers => ['X-TEE-ID' => $_]);
        is($answer->says, '404 gateway_unknown', "an unknown id, HTTP/$http");
        my $problem = $answer->json;
        like($problem->{detail}, qr/\bTEE is not active in the registry\b/, 'its detail has the words');
        is($problem->{error}{message}, $problem->{detail}, 'its error as well');
        unlike($answer->body, qr/$word/, 'and nothing of what was asked for');
    }
}

# Ten thousand of them leave nothing behind.

my ($worker) = $t->workers;

sub pages { (split ' ', $t->read_file("/proc/$worker/statm"))[1] }

sub many {
    my ($from, $count) = @_;
    my $client = $t->client;
    my $body = $t->sealed(60);
    my $head = "POST $path HTTP/1.1\r\nHost: relay.example\r\nContent-Type: message/ohttp-req\r\nContent-Length: "
        . length($body) . "\r\nX-TEE-ID: ";
    my $wrong = 0;

    for (my $i = $from; $i < $from + $count; $i += 100) {
        $client->send(join '', map { $head . sprintf('%064x', $_) . "\r\n\r\n$body" } $i .. $i + 99);
        $client->answer->says eq '404 gateway_unknown' or $wrong++ for 1 .. 100;
    }

    $client->close;
    return $wrong;
}

is(many(1, 1000), 0, 'a thousand unknown ids');
my $before = pages();
is(many(1001, 10_000), 0, 'ten thousand more');
my $grown = 4096 * (pages() - $before);
SKIP: {
    skip 'a sanitizer remembers more', 1 if $ENV{TEST_NGINX_BINARY} && $ENV{TEST_NGINX_BINARY} =~ /asan/;
    cmp_ok($grown, '<', 256 * 1024, 'take no memory');
}

# Never a redirect: a client would turn POST into GET and go there.

for my $http (1, 2) {
    for my $status (300 .. 308) {
        my $answer = played(2, sub { $_[0]->answer($status, 'application/json', '{}', Location => '/elsewhere') }, http => $http);
        is($answer->says, '502 gateway_error', "$status of an enclave, HTTP/$http");
        is($answer->header('Location'), undef, 'leads nowhere');
    }

    for (["$path/"], ["$path?$word"], ['/api/v1/chat'], ['/'], [$path, 'GET'], [$path, 'HEAD'], [$path, 'PUT'],
        [$path, 'OPTIONS'])
    {
        my ($target, $method) = @$_;
        my $answer = $t->post($target, http => $http, method => $method // 'POST', $method ? (body => undef) : ());
        like($answer->status, qr/^4/, ($method // 'POST') . " $target is no redirect, HTTP/$http");
        is($answer->header('Location'), undef, 'either');
    }
}

# Payment is a matter between relay and enclave.

my @from_gateway = map { $_ => 'planted' } qw/X-Upto-Session X-Upto-Spent X-Payment-Response X-Payment PAYMENT-RESPONSE
    PAYMENT-REQUIRED X-Settlement-Type X-Tee-Signature X-Tee-Id Set-Cookie X-Accel-Redirect WWW-Authenticate Server
    Alt-Svc ETag Content-Encoding/;
my @from_client = map { $_ => $word } qw/X-Payment payment-signature X-Upto-Session X-Settlement-Type X-Request-Hash
    X-User-Tier X-OHTTP-Stream OHTTP-Target/;
my @priced = ('X-Inference-Cost-OPG' => '77', 'X-Inference-Cost-USD' => '0.77', 'X-Inference-Price-OPG-USD' => '1.07');

for my $http (1, 2) {
    for my $number (1, 2) {
        for (['message/ohttp-res', 200], ['message/ohttp-chunked-res', 200], ['application/json', 402], ['application/json', 503]) {
            my ($type, $status) = @$_;
            my ($answer, $request) = played($number, sub { $_[0]->answer($status, $type, '{}', @from_gateway, @priced) },
                http => $http, fields => [@from_client, 'Accept-Encoding' => 'gzip, deflate']);
            my $name = "$status $type of enclave $number, HTTP/$http";
            is($answer->status, $status, $name);
            unlike($answer->head, qr/planted/, 'nothing of a payment reaches the client');
            is(join(' ', sort map { lc } grep { /inference/i } $answer->names), $number == 1 ? ''
                : 'x-inference-cost-opg x-inference-cost-usd x-inference-price-opg-usd', 'prices do where they may');
            is(join(' ', sort map { lc } $request->names), 'content-length content-type host', 'the enclave hears three fields');
        }
    }
}

# Every request may have either kind of answer: the flag that asks for a stream is sealed.

for my $http (1, 2) {
    for my $asked (qw{message/ohttp-req message/ohttp-chunked-req}) {
        for my $said (qw{message/ohttp-res message/ohttp-chunked-res}) {
            for my $length (0, 1) {
                my $body = 'n' x 32 . "\x10" . 's' x 16 . "\0" . 'f' x 16;
                my ($answer, $request) = played(2, sub {
                    my ($conn) = @_;
                    $conn->body;
                    return $conn->answer(200, $said, $body) if $length;
                    $conn->start_chunks(200, $said);
                    $conn->send_chunk($_) for unpack '(a20)*', $body;
                    $conn->end_chunks;
                }, type => $asked, http => $http);
                is($answer->says, '200', "$asked is answered by $said, HTTP/$http");
                is($answer->header('Content-Type'), $said, 'and the client knows');
                is($answer->body, $body, 'byte for byte');
                is($request->header('Content-Type'), $asked, 'as the enclave knew');
            }
        }
    }
}

# A gateway that answers before it has read what it was sent, and hangs up.

for my $http (1, 2) {
    for my $number (1, 2) {
        for my $status (402, 413) {
            my $json = qq({"error":"encapsulated request too large or unpaid"});
            my $answer = played($number, sub {
                my ($conn) = @_;
                $conn->send($conn->answer_head($status, 'application/json', 'Content-Length' => length $json,
                    'PAYMENT-REQUIRED' => 'planted') . $json);
                $conn->settled;
                $conn->reset;
            }, http => $http, body => $t->sealed(3 << 20));
            is($answer->says, $status, "$status before the body was read, enclave $number, HTTP/$http");
            is($answer->body, $json, 'can be read');
            unlike($answer->head, qr/planted/, 'and asks the client for nothing');
        }
    }
}

# Errors of the relay speak to its three readers.

for my $http (1, 2) {
    for (['405', method => 'PUT'], ['415', type => 'application/json'], ['400', body => $t->sealed(54)],
        ['404', headers => ['X-TEE-ID' => 'nobody']], ['413', body => $t->sealed(21 << 20)])
    {
        my ($status, %opt) = @$_;
        my $answer = $t->post($path, http => $http, %opt);
        my $problem = $answer->json;
        is($answer->status, $status, "$status, HTTP/$http");
        ok(defined $problem->{detail} && !ref $problem->{detail}, 'detail is a text, for the SDK');
        is(ref $problem->{error}, 'HASH', 'error is an object, for libraries of OpenAI');
        is($answer->header('Content-Type'), 'application/problem+json', 'and all of it a problem');
        is($answer->header('Location'), undef, 'never a redirect');
    }
}

my $least = "\x01\x00\x20\x00\x01\x00\x03" . 'e' x 32 . 't' x 16;
is(scalar(played(2, sub { $_[0]->answer }, body => $least))->says, '200', 'the shortest request there can be');
is($t->post($path, body => substr($least, 0, -1))->says, '400 malformed_request', 'and one byte less');

$t->done;
