#!/usr/bin/perl

# A row that drains, or is gone, lets its streams end; one that is down cuts them at once, in every
# worker, however old the row is that they came to, and never so that it could be taken for an end.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2/);
my $registry = $t->registry;
my $workers = 3;

sub configure {
    my ($gateway, $location) = @_;
    $t->http(<<"EOC");
    ohttp_relay_registry registry.json interval=100ms;

    ohttp_relay_gateway block { url http://127.0.0.1:8081/block; insecure on; }
    $gateway

    server {
        listen 127.0.0.1:8080 reuseport;
        listen 127.0.0.1:8082 http2 reuseport;

        add_header X-Worker \$pid;
        location ~ ^/to/(?<name>.*)\$ { ohttp_relay_pass \$name; }
        $location
    }
EOC
    $t->write_file('nginx.conf', "worker_processes $workers;\n" . $t->read_file('nginx.conf'));
}

my $pin = 'cert-sha256:' . '00' x 32;
$t->write_file('keys', '{"key_id":"1"}');

$registry->row(llm => 8081)->row(other => 8081)->row(tls => 8081,
    url => 'https://127.0.0.1:' . $t->port(8081) . '/tls', ssl_pin => $pin);
$registry->write;

configure('ohttp_relay_gateway with-keys { url http://127.0.0.1:8081/keys; insecure on; keys_file keys; }',
    'location = /keys { ohttp_relay_keys with-keys; }');
my $gateway = $t->gateway(8081);
$t->run;

my $chunked = 'message/ohttp-chunked-req';
my %worker;

# A stream that is half way: the client, the gateway's end and, over HTTP/1.1, what has come of its answer.

sub stream {
    my ($name, %opt) = @_;
    my $client = $t->start("/to/$name", type => $chunked, %opt);
    my $conn = $gateway->accept;
    is($conn->request->target, "/$name", "a stream to $name");
    $conn->body;
    $conn->start_chunks;
    $conn->send_chunk('first');

    my $answer;
    if (($opt{http} // 1) == 2) {
        $t->waitfor('the first bytes', sub { $client->so_far eq 'first' });
    } else {
        $answer = $client->answer_head;
        $worker{ $answer->header('X-Worker') }++;
    }

    return [$client, $conn, $answer];
}

sub ends_well {
    my ($stream, $name) = @_;
    my ($client, $conn, $answer) = @$stream;
    $conn->send_chunk('last');
    $conn->end_chunks;
    $answer ? $client->read_body($answer, 1) : ($answer = $client->answer);
    is($answer->says, '200', "$name: it ends well");
    is($answer->body, 'firstlast', "$name: and is whole");
    $_->close for $client, $conn;
}

sub left_alone {
    my ($conn) = @_;
    $conn->rest;
    return $conn->ended ne 'silent';
}

sub is_cut {
    my ($stream, $name) = @_;
    my ($client, $conn, $answer) = @$stream;
    $answer ? $client->read_body($answer, 1) : ($answer = $client->answer);
    is($answer->says, '200 cut', "$name: it is cut");
    ok(left_alone($conn), "$name: and its gateway left alone");
    $_->close for $client, $conn;
}

# ---- each worker has streams

my %streams;

# until there are two of them in each
for (1 .. 200) {
    last if $workers == grep { $_ >= 2 } values %worker;
    push @{ $streams{llm} }, stream('llm');
}
is(scalar keys %worker, $workers, 'all workers have streams');

push @{ $streams{llm} }, stream('llm', http => 2) for 1 .. 2;
push @{ $streams{other} }, map { stream('other', http => $_) } 1, 2;
push @{ $streams{block} }, map { stream('block', http => $_) } 1, 2;

# ---- drain, change and removal do nothing to them

$registry->change(llm => admin => 'drain')->publish;
is($t->post('/to/llm')->says, '503 gateway_unavailable', 'one that drains gets no more');
ends_well(shift @{ $streams{llm} }, 'drained');

$registry->change(llm => admin => 'up', max_body => '1m')->publish;
push @{ $streams{llm} }, stream('llm'), stream('llm', http => 2);
ends_well(shift @{ $streams{llm} }, 'changed');

$registry->drop('llm')->publish;
is($t->post('/to/llm')->says, '404 gateway_unknown', 'one that is gone gets no more');
ends_well(shift @{ $streams{llm} }, 'gone');

# ---- down cuts all of them, those of three rows ago too

$registry->row(llm => 8081, admin => 'down')->publish;
is($t->post('/to/llm')->says, '503 gateway_unavailable', 'one that is down gets no more');
is_cut($_, 'down') for @{ delete $streams{llm} };
ends_well($_, 'of others') for map { shift @$_ } @streams{qw/other block/};

# ---- whatever state a request is in

# The relay asks for the body when the request has its place; then so much of it is sent.

sub begin {
    my ($type, $part) = @_;
    my $client = $t->client;
    $client->send($client->head('POST', '/to/llm', 'Content-Type' => $type, 'Transfer-Encoding' => 'chunked',
        Expect => '100-continue'));
    like($client->until("\r\n\r\n"), qr/ 100 /, 'the relay waits for the body');
    $client->send_chunk($part) if length $part;
    return $client;
}

my %states = (
    'its body has not begun' => sub { begin($chunked, '') },
    'its body is half there, and collected' => sub { begin('message/ohttp-req', $t->sealed(5000)) },
    'its body is half there, and passed on' => sub {
        my $client = begin($chunked, $t->sealed(5000));
        my $conn = $gateway->accept;
        $conn->request;
        return ($client, $conn);
    },
    'its gateway greets nobody' => sub {
        my $client = $t->start('/to/tls');
        my $conn = $gateway->accept;
        $conn->take(1);
        return ($client, $conn);
    },
    (map { my $http = $_; ("its gateway thinks, HTTP/$http" => sub {
        my $client = $t->start('/to/llm', http => $http);
        my $conn = $gateway->accept;
        $conn->request;
        $conn->body;
        return ($client, $conn);
    }) } 1, 2),
    (map { my $http = $_; ("an error is held back, HTTP/$http" => sub {
        my $client = $t->start('/to/llm', http => $http);
        my $conn = $gateway->accept;
        $conn->request;
        $conn->body;
        $conn->send($conn->answer_head(429, 'application/json', 'Content-Length' => 100) . '{"a":');
        return ($client, $conn);
    }) } 1, 2),
);

for my $state (sort keys %states) {
    $registry->change($_ => admin => 'up') for qw/llm tls/;
    $registry->publish;
    my ($client, $conn) = $states{$state}->();

    $registry->change($_ => admin => 'down') for qw/llm tls/;
    $registry->publish;
    my $answer = $client->answer;
    is($answer->says, '503 gateway_unavailable', "$state: it is told so");
    ok($answer->header('Retry-After'), "$state: and when to come back");
    ok(left_alone($conn), "$state: its gateway is left alone") if $conn;
    $_->close for grep { $_ } $client, $conn;
}

# where only the end of the connection ends an answer

$registry->change(llm => admin => 'up')->publish;
my $old = $t->client;
$old->send($old->head('POST', '/to/llm', 'Content-Type' => $chunked, 'Content-Length' => 300)
    =~ s{HTTP/1\.1}{HTTP/1.0}r . $t->sealed(300));
my $conn = $gateway->accept;
$conn->request;
$conn->body;
$conn->start_chunks;
$conn->send_chunk('first');
my $answer = $old->answer_head;
$registry->change(llm => admin => 'down')->publish;
$old->read_body($answer, 1);
is($old->ended, 'reset', 'HTTP/1.0: a reset is no end');
$_->close for $old, $conn;

# ---- workers of before hear it too, whatever else nginx watches by then

$registry->change(llm => admin => 'up')->publish;
my @late = (stream('llm'), stream('llm', http => 2), stream('llm'));
configure('', '');
$t->reload;
ends_well(pop @late, 'reloaded');
$registry->change(llm => admin => 'down')->publish;
is_cut($_, 'reloaded, and down') for @late;
ends_well($_, 'of others, reloaded') for map { @$_ } @streams{qw/other block/};
$t->waitfor('old workers to end', sub { $workers == (my @now = $t->workers) });

# ---- a request that is cut is counted as what it was told

like(join("\n", $t->log_lines), qr/^llm gateway_unavailable 200 /m, 'a cut stream is in the log as one');

$t->done;
