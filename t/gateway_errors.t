#!/usr/bin/perl

# What a gateway says of an error: JSON passes as it is, the rest becomes an error of the relay.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->http(<<'EOC');
    ohttp_relay_gateway llm     { url http://127.0.0.1:8081/gateway; insecure on; keepalive 0; read_timeout 1s; }
    ohttp_relay_gateway nobody  { url http://127.0.0.1:8083/gateway; insecure on; connect_timeout 1s; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        location = /relay  { ohttp_relay_pass llm; }
        location = /nobody { ohttp_relay_pass nobody; }
    }
EOC

my $gateway = $t->gateway(8081);
$t->run;

my $count = 0;

# An exchange in which the gateway's side is played by the sub.

sub played {
    my ($http, $sub) = @_;
    my $client = $t->start('/relay', http => $http);
    my $conn = $gateway->accept;
    $conn->request;
    $conn->body;
    $sub->($conn);
    my $answer = $client->answer;
    $conn->close;
    $count++;
    return $answer;
}

sub answered {
    my ($http, @answer) = @_;
    return played($http, sub { $_[0]->answer(@answer) });
}

my $json = '{"error":{"message":"no", "n":1.0e3,  "x":"\u00e9"}}';
my $problem = '{"type":"https://iana.org/assignments/http-problem-types#ohttp-key","title":"key identifier unknown"}';
my $html = '<html><body>nginx</body></html>';

for my $http (1, 2) {
    for my $status (400, 402, 403, 404, 409, 413, 418, 422, 429, 500, 501, 503, 529) {
        my $answer = answered($http, $status, 'application/json', $json, 'Retry-After' => 3);
        is($answer->status, $status, "$status with JSON, HTTP/$http");
        is($answer->body, $json, "$status: as it is, HTTP/$http");
        is($answer->header('Content-Type'), 'application/json', "$status: its type, HTTP/$http");
        is($answer->header('Retry-After'), 3, "$status: when to come again, HTTP/$http");
        ok($answer->complete, "$status: whole, HTTP/$http");
    }

    like($t->logged($count), qr/^llm gateway_refused 529 /, 'counted as gateway_refused');

    my $answer = answered($http, 400, 'application/problem+json', $problem);
    is($answer->status, 400, "a key problem, HTTP/$http");
    is($answer->body, $problem, "as it is, HTTP/$http");
    is($answer->header('Content-Type'), 'application/problem+json', "its type, HTTP/$http");

    (my $date = $problem) =~ s/#ohttp-key/#date/;
    $answer = answered($http, 400, 'application/problem+json', $date);
    is($answer->status . $answer->body, "400$date", "a clock that is wrong, HTTP/$http");

    $answer = answered($http, 422, 'Application/JSON; charset=utf-8', $json);
    is($answer->body, $json, "JSON in another spelling, HTTP/$http");

    # Neither payment nor session is any business of the gateway.

    $answer = answered($http, 402, 'application/json', $json, map { ($_ => 'planted') } qw/
        Set-Cookie WWW-Authenticate Payment-Required X-Payment X-Payment-Response PAYMENT-RESPONSE
        Location Accept-Payment/);
    is($answer->status, 402, "402, HTTP/$http");
    unlike($answer->head, qr/planted/, "without its headers, HTTP/$http");

    # These speak of the relay's own credential.

    for my $status (401, 407) {
        $answer = answered($http, $status, 'application/json', $json, 'WWW-Authenticate' => 'Bearer');
        is($answer->says, '502 gateway_error', "$status becomes 502, HTTP/$http");
        is($answer->header('WWW-Authenticate'), undef, "with no challenge, HTTP/$http");
        unlike($answer->body, qr/"no"/, "and none of its body, HTTP/$http");
    }

    for my $status (400, 403, 404, 429, 500, 502, 503) {
        is(answered($http, $status, 'text/html', $html)->says, '502 gateway_error', "$status with HTML, HTTP/$http");
    }

    is(answered($http, 504, 'text/html', $html)->says, '504 gateway_timeout', "504 with HTML, HTTP/$http");
    is(answered($http, 400, 'message/ohttp-res', 'x')->says, '502 gateway_error', "an error typed as an answer, HTTP/$http");
    is(answered($http, 500, 'application/jsonx', $json)->says, '502 gateway_error', "a type like JSON, HTTP/$http");
    is(answered($http, 500, 'text/plain; a=application/json', $json)->says, '502 gateway_error', "JSON in a parameter, HTTP/$http");

    for my $status (300, 301, 302, 304, 307, 308) {
        $answer = answered($http, $status, 'text/html', $html, 'Location' => 'http://127.0.0.1/elsewhere');
        is($answer->says, '502 gateway_error', "$status is not followed, HTTP/$http");
        is($answer->header('Location'), undef, "and not passed on, HTTP/$http");
    }

    # 64 KiB at most, whatever the framing

    for my $size (65_536, 65_537, 400_000) {
        my $big = '{"error":"' . 'x' x ($size - 12) . '"}';
        my $says = $size > 65_536 ? '502 gateway_error' : '422';

        $answer = answered($http, 422, 'application/json', $big);
        is($answer->says, $says, "$size bytes of JSON with a length, HTTP/$http");
        ok($answer->body eq $big, "whole, HTTP/$http") if $says eq '422';

        $answer = played($http, sub {
            my ($conn) = @_;
            $conn->start_chunks(422, 'application/json');
            $conn->send_chunk($_) for unpack '(a30000)*', $big;
            $conn->end_chunks;
        });
        is($answer->says, $says, "$size bytes of JSON in chunks, HTTP/$http");
        ok($answer->body eq $big, "whole, HTTP/$http") if $says eq '422';
    }

    # One that is too long is not waited for, and its connection is of no use any more.

    $answer = played($http, sub {
        my ($conn) = @_;
        $conn->start_chunks(422, 'application/json');
        $conn->send_chunk('x' x 30_000) for 1 .. 3;
        $conn->send_some("186a0\r\n" . 'x' x 100_000, 1);
        ok($conn->at_end, "JSON without end is given up, HTTP/$http");
    });
    is($answer->says, '502 gateway_error', "JSON without end, HTTP/$http");
    like($t->logged($count), qr/^llm gateway_error 502 /, "counted at once, HTTP/$http");

    # An error that is cut off, or stops, is not passed on in part.

    $answer = played($http, sub {
        $_[0]->send($_[0]->answer_head(422, 'application/json', 'Content-Length' => 1000) . $json);
        $_[0]->close;
    });
    is($answer->says, '502 gateway_error', "JSON cut off, HTTP/$http");

    $answer = played($http, sub {
        $_[0]->start_chunks(422, 'application/json');
        $_[0]->send_chunk($json);
        sleep 2;
    });
    is($answer->says, '504 gateway_timeout', "JSON that stops, HTTP/$http");

    is(played($http, sub { sleep 2 })->says, '504 gateway_timeout', "a gateway that says nothing, HTTP/$http");
    like($t->logged($count), qr/^llm gateway_timeout 504 /, 'counted as gateway_timeout');
    is($t->post('/nobody', http => $http)->says, '502 gateway_error', "a gateway that is not there, HTTP/$http");
    like($t->logged(++$count), qr/^nobody gateway_error 502 /, 'counted as gateway_error');
}

$t->done;
