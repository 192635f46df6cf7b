#!/usr/bin/perl

# A client that dribbles the rest of an upload, after its answer came, holds no place.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::H2;
use Time::HiRes qw/sleep/;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->http(<<'EOC');
    ohttp_relay_gateway one { url http://127.0.0.1:8081/gateway; insecure on; keepalive 0; max_in_flight 1; max_body 4k; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        lingering_time 100s;
        lingering_timeout 50s;

        location = /relay { ohttp_relay_pass one; }
    }
EOC

my $gateway = $t->gateway(8081);
$t->run;

my $json = '{"error":{"message":"too long"}}';

# Half a request of 4000 bytes, at the gateway or (if it is to be refused) not.

sub half {
    my ($type, $gateway_waits) = @_;
    my $client = $t->client;
    my $sealed = $t->sealed(2000);

    if ($type =~ /chunked/) {
        $client->send($client->head('POST', '/relay', 'Content-Type' => $type,
            'Transfer-Encoding' => 'chunked'));
        $client->send_chunk($sealed);

    } else {
        $client->send($client->head('POST', '/relay', 'Content-Type' => $type,
            'Content-Length' => 4000) . $sealed);
    }

    return ($client, $gateway_waits ? take() : ());
}

sub take {
    my $conn = $gateway->accept;
    $conn->request;
    return $conn;
}

# The next request finds a place while the first client still has one byte after another.

sub next_one {
    my ($first, $name) = @_;

    my $client = $t->waitfor("a place after $name", sub {
        $first->send('x') unless $first->isa('Test::OhttpRelay::H2');
        my $client = $t->start('/relay');
        $gateway->asked(0.2) && $client;
    });
    ok($client, "$name: the next request has its place");

    my $conn = take();
    $conn->answer;
    is($client->answer->says, '200', "$name: and its answer");
}

for my $type ('message/ohttp-req', 'message/ohttp-chunked-req') {
    my ($client, $conn) = half($type, 1);
    $conn->send($conn->answer_head(413, 'application/json', 'Content-Length' => length $json) . $json);
    my $answer = $client->answer;
    is($answer->body, $json, "$type: an error of the gateway before the upload has ended");
    $conn->at_end;
    next_one($client, "$type, after an early error");
    $client->reset;

    ($client, $conn) = half($type, 1);
    $conn->reset;
    is($client->answer->says, '502 gateway_error', "$type: a gateway that dies before the upload has ended");
    next_one($client, "$type, after an early 502");
    $client->reset;

    # Half a stream of an answer, then the gateway dies: the client is cut, and stays.
    ($client, $conn) = half($type, 1);
    $conn->start_chunks;
    $conn->send_chunk('begun');
    $client->answer_head;
    $conn->reset;
    next_one($client, "$type, after a cut");
    $client->reset;
}

# What the relay itself refuses in the middle of a body

my ($client, $conn) = half('message/ohttp-chunked-req', 1);
$client->send_chunk($t->sealed(3000));
is($client->answer->says, '413 payload_too_large', 'a stream that grows too large at the gateway');
next_one($client, 'after it');
$client->reset;

# It is read with the head, or after it

for my $pause (0, 0.2) {
    $client = $t->client;
    my $head = $client->head('POST', '/relay', 'Content-Type' => 'message/ohttp-req',
        'Transfer-Encoding' => 'chunked');
    my $chunk = sprintf "%x\r\n%s\r\n", 5000, $t->sealed(5000);
    $client->send($pause ? $head : $head . $chunk);
    sleep $pause;
    $client->send($chunk) if $pause;
    is($client->answer->says, '413 payload_too_large', 'a body that grows too large before the gateway is asked');
    next_one($client, "after that, $pause s after its head");
    $client->reset;
}

# A stream of HTTP/2 that is answered and not ended

my $h2 = Test::OhttpRelay::H2->connect(canary => $t->canary, port => $t->port(8082));
my $id = $h2->open('POST', '/relay', type => 'message/ohttp-chunked-req', chunked => 1);
$h2->data($id, $t->sealed(2000), 0);
$conn = take();
$conn->send($conn->answer_head(413, 'application/json', 'Content-Length' => length $json) . $json);
is($h2->answer($id)->body, $json, 'HTTP/2: an error of the gateway before the upload has ended');
$conn->at_end;
next_one($h2, 'HTTP/2, after an early error');
$h2->reset;

$t->done;
