#!/usr/bin/perl

# Pieces are passed on as they come, in both directions and at the same time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Time::HiRes qw/sleep/;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->http(<<'EOC');
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; keepalive 4; keepalive_timeout 60s; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        location = /relay { ohttp_relay_pass llm; }
    }
EOC

my $gateway = $t->gateway(8081);
$t->run;

my $chunked = 'message/ohttp-chunked-req';
my $first = $t->sealed(64);

# Each step below waits for the one before to arrive, so it hangs where a piece is held back.

my $client = $t->client;
$client->send($client->head('POST', '/relay', 'Content-Type' => $chunked,
    'Transfer-Encoding' => 'chunked'));
$client->send_chunk($first);
my $conn = $gateway->accept;
ok($conn && $conn->request, 'the head goes out while the request is open');
is($conn->chunk, $first, 'the first chunk arrives');
$client->send_chunk('second');
is($conn->chunk, 'second', 'the second chunk arrives');

$conn->start_chunks;
is($client->answer_head->status, 200, "the answer's head comes while the request is open");
$conn->send_chunk('one');
is($client->chunk, 'one', 'the first piece of the answer comes');
$client->send_chunk('third');
is($conn->chunk, 'third', 'the request goes on');
$conn->send_chunk('two');
is($client->chunk, 'two', 'and so does the answer');
$client->end_chunks;
is($conn->chunk, '', 'the request ends');
$conn->send_chunk('three');
is($client->chunk, 'three', 'the answer outlives it');
$conn->end_chunks;
is($client->chunk, '', 'and ends');

# Single bytes.

$client = $t->client;
$client->send($client->head('POST', '/relay', 'Content-Type' => $chunked,
    'Transfer-Encoding' => 'chunked'));
$client->send_chunk($_) for split //, $first;
$client->end_chunks;
my $request = $conn->request;
ok($request, 'the next request uses the same connection');
is($conn->body->body, $first, 'a request byte by byte');
$conn->start_chunks;
for my $byte (qw/a b c d/) {
    $conn->send_chunk($byte);
    $client->answer_head if $byte eq 'a';
    is($client->chunk, $byte, "byte $byte of the answer at once");
}

$conn->end_chunks;
is($client->chunk, '', 'and its end');

# With a declared length on both sides.

$client = $t->client;
$client->send($client->head('POST', '/relay', 'Content-Type' => 'message/ohttp-req',
    'Content-Length' => 100) . $first);
ok($conn->request, 'a request with a length goes out before it is whole');
is($conn->take(64), $first, 'its first bytes arrive');
$client->send('x' x 36);
is($conn->take(36), 'x' x 36, 'and its last');
$conn->{current}{complete} = 1;
$conn->send($conn->answer_head(200, undef, 'Content-Length' => 8) . 'four');
my $answer = $client->answer_head;
is($answer->header('Content-Length'), 8, 'an answer with a length comes before it is whole');
is($client->take(4), 'four', 'its first bytes arrive');
$conn->send('more');
is($client->take(4), 'more', 'and its last');

# An early answer: the gateway says no, and the rest of the request need not come.

$client = $t->client;
$client->send($client->head('POST', '/relay', 'Content-Type' => $chunked,
    'Transfer-Encoding' => 'chunked'));
$client->send_chunk($first);
$conn->request;
$conn->chunk;
my $json = '{"error":"too long for this model"}';
$conn->send($conn->answer_head(422, 'application/json', 'Content-Length' => length $json) . $json);
$answer = $client->answer;
is($answer->status, 422, 'an early answer passes');
is($answer->body, $json, 'whole');
ok($conn->at_end, 'its connection, with half a request on it, is given up');

# An early answer that lasts while the request goes on.

$client = $t->client;
$client->send($client->head('POST', '/relay', 'Content-Type' => $chunked,
    'Transfer-Encoding' => 'chunked'));
$client->send_chunk($first);
$conn = $gateway->accept;
$conn->request;
$conn->chunk;
$conn->start_chunks;
$conn->send_chunk('early');
$client->answer_head;
is($client->chunk, 'early', 'a stream answered early');
for my $n (1 .. 20) {
    $client->send_chunk("piece $n");
    $conn->chunk eq "piece $n" or fail("piece $n of an upload after the early answer");
}

# Now so much that the gateway's socket is full for a while.

my $block = 'x' x (1 << 20);
$t->run_daemon(sub {
    $client->send_chunk($block) for 1 .. 16;
    $client->end_chunks;
    sleep 60;
});
sleep 0.5;
my ($got, $data) = (0, '');
$got += length $data while defined($data = $conn->chunk) && $data ne '';
is($got, 16 << 20, 'takes 16 MiB of upload');
is($data, '', 'to its end');
$conn->end_chunks;
is($client->chunk, '', 'and then ends');
$t->end_peers;

# The same over HTTP/2.

$client = $t->start('/relay', http => 2, type => $chunked, feed => 1);
$client->write($first);
$request = $conn->request;
ok($request, 'HTTP/2: the head goes out while the request is open');
is($conn->chunk, $first, 'HTTP/2: the first piece arrives');
$client->write('second');
is($conn->chunk, 'second', 'HTTP/2: the second piece arrives');
$conn->start_chunks;
$conn->send_chunk('one');
ok($t->waitfor('the answer', sub { $client->so_far eq 'one' }), 'HTTP/2: the answer begins');
$client->write('third');
is($conn->chunk, 'third', 'HTTP/2: the request goes on');
$client->end_body;
is($conn->chunk, '', 'HTTP/2: and ends');
$conn->send_chunk('two');
$conn->end_chunks;
$answer = $client->answer;
is($answer->body, 'onetwo', 'HTTP/2: the whole answer');
is($answer->says, '200', 'HTTP/2: which is complete');

# A client that goes away in the middle: the gateway is told by the end of the connection.

$client = $t->client;
$client->send($client->head('POST', '/relay', 'Content-Type' => $chunked,
    'Transfer-Encoding' => 'chunked'));
$client->send_chunk($first);
$conn->request;
$conn->chunk;
$client->close;
is($conn->chunk, undef, 'a request cut off by its client never ends well');
like($t->logged(7), qr/ client_closed /, 'and is counted as such');

$client = $t->start('/relay');
$conn = $gateway->accept;
$conn->request;
$conn->body;
$conn->start_chunks;
$conn->send_chunk('one');
$client->answer_head;
is($client->chunk, 'one', 'an answer begins');
$client->close;
$conn->send_chunk('more') for 1 .. 3;
ok($conn->at_end, 'when its client is gone the gateway is let go');
like($t->logged(8), qr/ client_closed /, 'which is counted as such');

$t->done;
