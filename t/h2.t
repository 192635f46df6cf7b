#!/usr/bin/perl

# Many streams on one HTTP/2 connection do not disturb each other.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Time::HiRes qw/sleep/;

my $t = Test::OhttpRelay->new->has(qw/http2 nghttp/);

$t->http(<<'EOC');
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; keepalive 8; }

    server {
        listen 127.0.0.1:8082 http2;
        location = /relay { ohttp_relay_pass llm; }
    }
EOC

my $gateway = $t->gateway(8081);
$t->run;

my $url = 'http://127.0.0.1:' . $t->port(8082) . '/relay';

# Streams of one connection: curl sends all of them before the first is answered.

my $n = 12;
my $client = $t->start('/relay', http => 2, type => 'message/ohttp-chunked-req',
    curl => ['--parallel', '--parallel-max', $n + 1, map { ('-o', $t->dir . "/stream.$_", $url) } 1 .. $n]);
$t->{written}{"stream.$_"} = 1 for 1 .. $n;

my @conn;
for (0 .. $n) {
    my $conn = $gateway->accept or last;
    $conn->request;
    push @conn, $conn;
}

is(scalar @conn, $n + 1, 'each stream has a connection to the gateway');
$_->body for @conn;
$_->start_chunks for @conn;

# One breaks, one is answered by an error, the others go on.

$conn[0]->send_chunk('cut here');
$conn[0]->reset;
$conn[$_]->send_chunk("stream $_,") for 1 .. $n;
$conn[$_]->send_chunk(" still $_") for reverse 1 .. $n;
$conn[$_]->end_chunks for 1 .. $n;

my $answer = $client->answer;
isnt($answer->{exit}, 0, 'curl tells of the broken stream');
my @bodies = sort map { $t->read_file($_) } map({ "stream.$_" } 1 .. $n), "$client->{name}.body";
is_deeply(\@bodies, [sort 'cut here', map { "stream $_, still $_" } 1 .. $n], 'and all others are whole');

# A client that resets its stream: the gateway is let go.

$client = $t->start('/relay', http => 2);
my $conn = (grep { $_->readable(0.2) } @conn[1 .. $n])[0] || $gateway->accept;
$conn->request;
$conn->body;
$conn->start_chunks;
$conn->send_chunk('x');
$t->waitfor('the first byte', sub { $client->so_far eq 'x' });
$client->kill;
my $gone = 0;
for (1 .. 500) {
    last if $gone = $conn->readable(0) && $conn->at_end;
    $conn->send_chunk('more');
    sleep 0.01;
}

ok($gone, 'a client that goes away ends the connection to the gateway');

# Trailers and a declared length that is wrong

sub nghttp {
    my (@args) = @_;
    my $file = $t->write_file('nghttp.sent', $t->sealed(200));
    my $pid = open(my $pipe, '-|') // die "fork: $!\n";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec 'nghttp', '-v', '-n', '-t', 10, '-d', $file, '-H', 'content-type: message/ohttp-req',
            '-H', 'cookie: ' . $t->canary->word, '-H', 'user-agent: ' . $t->canary->word, @args, $url;
    }

    return $pipe;
}

my $pipe = nghttp('--trailer', 'x-trailer: ' . $t->canary->word);
$conn = (grep { $_->socket && $_->readable(0.2) } @conn[1 .. $n])[0] || $gateway->accept;
my $request = $conn->request;
is($conn->body->body, $t->read_file('nghttp.sent'), 'a request with trailers arrives');
$conn->answer;
my $said = do { local $/; readline $pipe };
like($said, qr/:status: 200/, 'and is answered');
unlike($gateway->bytes, qr/x-trailer/i, 'its trailers are dropped');

$pipe = nghttp('-H', 'content-length: 300');
$said = do { local $/; readline $pipe };
unlike($said, qr/:status: 200/, 'a body shorter than it declares is no request');
$pipe = nghttp('-H', 'content-length: 100');
$said = do { local $/; readline $pipe };
unlike($said, qr/:status: 200/, 'and neither is a longer one');

$t->done;
