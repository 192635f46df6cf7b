#!/usr/bin/perl

# An answer that its gateway cuts off never looks like one that has ended.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->http(<<'EOC');
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; keepalive 0; read_timeout 1s; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        location = /relay { ohttp_relay_pass llm; }
    }
EOC

my $gateway = $t->gateway(8081);
$t->run;

# How an answer is framed, what was sent of it, and what the gateway then does.

my %begun = (
    'a length' => ["Content-Length: 100\r\n\r\n", 'abc'],
    'chunks' => ["Transfer-Encoding: chunked\r\n\r\n", "3\r\nabc\r\n"],
    'half a chunk' => ["Transfer-Encoding: chunked\r\n\r\n", "64\r\nabc"],
    'a last chunk without its end' => ["Transfer-Encoding: chunked\r\n\r\n", "3\r\nabc\r\n0\r\n"],
);
my %then = (
    'closes' => [sub { $_[0]->close }, 'gateway_error'],
    'resets' => [sub { $_[0]->reset }, 'gateway_error'],
    'falls silent' => [sub { }, 'gateway_timeout'],
);

my @tried = map { my $framing = $_; map { [$framing, $_] } sort keys %then } sort keys %begun;
push @tried, ['chunks', $_] for qw/junk overflow/;
$then{junk} = [sub { $_[0]->send("not a chunk size\r\n") }, 'gateway_error'];
$then{overflow} = [sub { $_[0]->send("ffffffffffffffffff\r\n") }, 'gateway_error'];

my $count = 0;

for my $http (1, 2) {
    for (@tried) {
        my ($framing, $what) = @$_;
        my ($head, $part) = @{ $begun{$framing} };
        my ($act, $result) = @{ $then{$what} };

        my $client = $t->start('/relay', http => $http, type => 'message/ohttp-chunked-req');
        my $conn = $gateway->accept;
        $conn->request;
        $conn->body;
        $conn->send("HTTP/1.1 200 OK\r\nContent-Type: message/ohttp-chunked-res\r\n$head$part");
        my $name = "$framing, then it $what, HTTP/$http";

        # The client has seen the beginning before the gateway breaks off.
        if ($http == 1) {
            my $answer = $client->answer_head;
            $act->($conn);
            $client->read_body($answer, 1);
            is($answer->says, '200 cut', $name);
            is($answer->body, 'abc', 'what came before was passed on') unless $framing =~ /half/;
            $client->close;

        } else {
            $t->waitfor('the first bytes', sub { $client->so_far eq 'abc' });
            $act->($conn);
            my $answer = $client->answer;
            is($answer->says, '200 cut', $name);
            is($answer->body, 'abc', 'what came before was passed on');
        }

        like($t->logged(++$count), qr/^llm $result 200 /, "counted as $result");
    }
}

# Without any framing only a reset can be told from the end.

my $client = $t->start('/relay');
my $conn = $gateway->accept;
$conn->request;
$conn->body;
$conn->send("HTTP/1.1 200 OK\r\nContent-Type: message/ohttp-res\r\n\r\nabc");
my $answer = $client->answer_head;
$conn->reset;
$client->read_body($answer, 1);
is($answer->says, '200 cut', 'a reset of an answer without framing');

$t->done;
