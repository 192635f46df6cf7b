#!/usr/bin/perl

# Of an answer only listed fields pass; what cannot be an answer becomes a 502.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->http(<<'EOC');
    ohttp_relay_gateway llm {
        url                   http://127.0.0.1:8081/gateway;
        insecure              on;
        keepalive             0;
        pass_response_header  X-Inference-Cost-USD X-Queue;
        read_timeout          10s;
    }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        location = /relay { ohttp_relay_pass llm; }
        location /inside/ { return 200 "inside"; }
    }
EOC

my $gateway = $t->gateway(8081);
$t->run;

# An exchange in which the gateway sends just these bytes and closes.

sub answered {
    my ($bytes, %opt) = @_;
    my $client = $t->start('/relay', %opt);
    my $conn = $gateway->accept or return;
    $conn->request;
    $conn->body;
    $conn->send($bytes);
    $conn->close;
    return $client->answer;
}

sub head { join("\r\n", @_) . "\r\n\r\n" }

my @passing = ('Content-Type: message/ohttp-res', 'Content-Length: 3', 'Cache-Control: no-store, private',
    'Retry-After: 7', 'Incremental: ?1', 'Date: Tue, 15 Nov 1994 08:12:31 GMT',
    'X-Inference-Cost-USD: 0.02', 'x-queue: 12');
my @dropped = map { "$_: planted" } qw/Set-Cookie Set-Cookie2 Alt-Svc Location Refresh Link NEL
    Report-To Strict-Transport-Security ETag Last-Modified WWW-Authenticate X-Gw-Id Vary Via Age Expires
    X-Powered-By Content-Encoding Content-Disposition Access-Control-Allow-Origin Accept-Ranges
    Trailer Upgrade Keep-Alive Proxy-Authenticate Clear-Site-Data P3P X-Inference-Cost X-Queue-Id/;
my @accel = ('X-Accel-Redirect: /inside/x', 'X-Accel-Expires: 60', 'X-Accel-Limit-Rate: 1',
    'X-Accel-Buffering: yes', 'X-Accel-Charset: koi8-r');

for my $http (1, 2) {
    my $answer = answered(head('HTTP/1.1 200 OK', @passing, @dropped, @accel, 'Server: gateway/1') . 'abc',
        http => $http);

    is($answer->says, '200', "an answer with many fields, HTTP/$http");
    is($answer->body, 'abc', "its body, HTTP/$http");
    unlike($answer->head, qr/planted|gateway\/1|x-accel|\/inside/i, "nothing unlisted, HTTP/$http");
    like($answer->head, qr/^\Q$_\E\r$/mi, "passes $_, HTTP/$http") for grep { !/^Date/ } @passing;
    is(() = $answer->head =~ /^Date:/gmi, 1, "one Date, HTTP/$http");

    my %may = map { lc s/:.*//r => 1 } @passing, 'Server:', 'Connection:';
    is(join(',', grep { !$may{lc $_} } $answer->names), '', "no other name, HTTP/$http");

    # What Connection names is for the relay, wherever it stands.

    $answer = answered(head('HTTP/1.1 200 OK', 'X-Queue: 12', 'Cache-Control: public',
        'Connection: keep-alive, x-queue ,RETRY-AFTER', 'Retry-After: 7', 'X-Inference-Cost-USD: 0.02',
        'Date: Tue, 15 Nov 1994 08:12:31 GMT', 'Connection: cache-control', 'Connection: date, close',
        'Content-Length: 3') . 'abc', http => $http);
    is($answer->body, 'abc', "an answer with fields for the relay, HTTP/$http");
    is($answer->header($_), undef, "$_ goes no further, HTTP/$http") for qw/X-Queue Retry-After/;
    is($answer->header('Cache-Control'), 'no-store', "nor does Cache-Control, HTTP/$http");
    unlike($answer->header('Date'), qr/1994/, "nor does Date, HTTP/$http");
    is($answer->header('X-Inference-Cost-USD'), '0.02', "others do, HTTP/$http");

    # Without a list the answer still says that nobody may store it.

    $answer = answered(head('HTTP/1.1 200 OK', 'Content-Type: message/ohttp-res', 'Content-Length: 3') . 'abc',
        http => $http);
    is($answer->header('Cache-Control'), 'no-store', "no-store where the gateway says nothing, HTTP/$http");

    # 1xx

    $answer = answered(head('HTTP/1.1 100 Continue') . head('HTTP/1.1 103 Early Hints', 'Link: </a>; rel=preload')
        . head('HTTP/1.1 102 Processing', 'X-Queue: 99')
        . head('HTTP/1.1 200 OK', 'Content-Type: message/ohttp-res', 'Content-Length: 3') . 'abc', http => $http);
    is($answer->says, '200', "an answer after three 1xx, HTTP/$http");
    is($answer->body, 'abc', "its body, HTTP/$http");
    is(join(',', $answer->interim), '', "the 1xx are swallowed, HTTP/$http");
    is($answer->header('X-Queue'), undef, "with their fields, HTTP/$http");

    # Framing

    for (['without a reason', head('HTTP/1.1 200', 'Content-Length: 3') . 'abc'],
        ['of HTTP/1.0', head('HTTP/1.0 200 OK', 'Content-Length: 3') . 'abc'],
        ['in chunks', head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') . "1;x=y\r\na\r\n2\r\nbc\r\n0\r\nT: x\r\n\r\n"],
        ['with more than it declared', head('HTTP/1.1 200 OK', 'Content-Length: 3') . 'abcdefgh'],
        ['in chunks and with more after', head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') . "3\r\nabc\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"])
    {
        my ($name, $bytes) = @$_;
        $answer = answered($bytes, http => $http);
        is($answer->body, 'abc', "an answer $name, HTTP/$http");
        is($answer->says, '200', "is complete, HTTP/$http");
        is($answer->header('T'), undef, "and has no trailer, HTTP/$http");
    }

    # Empty answers

    $answer = answered(head('HTTP/1.1 200 OK', 'Content-Type: message/ohttp-res', 'Content-Length: 0'), http => $http);
    is($answer->says, '200', "an empty answer, HTTP/$http");
    is($answer->body, '', "stays empty, HTTP/$http");
}

# What is no answer

my $long = 'X-Long: ' . 'x' x 200_000;
my @junk = (
    ['HTTP/0.9', "hello, this is a body\n"],
    ['junk', join '', map { chr int rand 256 } 1 .. 400],
    ['another protocol', "SSH-2.0-OpenSSH_9.2\r\n"],
    ['HTTP/2', head('HTTP/2 200 OK', 'Content-Length: 3') . 'abc'],
    ['a status of two digits', head('HTTP/1.1 20 OK', 'Content-Length: 3') . 'abc'],
    ['a status beyond all', head('HTTP/1.1 999 OK', 'Content-Length: 3') . 'abc'],
    ['nothing', ''],
    ['half a status line', 'HTTP/1.1 2'],
    ['half a head', "HTTP/1.1 200 OK\r\nContent-Type: message/ohttp-res\r\n"],
    ['only a 100', head('HTTP/1.1 100 Continue')],
    ['a protocol switch', head('HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket')],
    ['a head too large', head('HTTP/1.1 200 OK', $long, 'Content-Length: 3') . 'abc'],
    ['a field without colon', head('HTTP/1.1 200 OK', 'Content-Length 3') . 'abc'],
    ['a blank before a colon', head('HTTP/1.1 200 OK', 'Content-Length : 3') . 'abc'],
    ['a folded field', head('HTTP/1.1 200 OK', 'X-A: b', ' c', 'Content-Length: 3') . 'abc'],
    ['two lengths', head('HTTP/1.1 200 OK', 'Content-Length: 3', 'Content-Length: 4') . 'abcd'],
    ['a length that is no number', head('HTTP/1.1 200 OK', 'Content-Length: 3x') . 'abc'],
    ['a length and chunks', head('HTTP/1.1 200 OK', 'Content-Length: 3', 'Transfer-Encoding: chunked') . "3\r\nabc\r\n0\r\n\r\n"],
    ['an unknown coding', head('HTTP/1.1 200 OK', 'Transfer-Encoding: gzip') . 'abc'],
);

for my $http (1, 2) {
    for (@junk) {
        my ($name, $bytes) = @$_;
        my $answer = answered($bytes, http => $http);
        is($answer->says, '502 gateway_error', "$name, HTTP/$http");
    }
}

$t->done;
