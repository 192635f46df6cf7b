#!/usr/bin/perl

# A body of any size passes in flat memory, and the slower side sets the pace.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->http(<<'EOC');
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; max_body 2g; keepalive 0; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        location = /relay { ohttp_relay_pass llm; }
    }
EOC

my $mib = $ENV{TEST_NGINX_UNSAFE} ? 1024 : 128;
my $block = $t->sealed(1 << 20);
my $chunked = 'message/ohttp-chunked-req';
my $gateway = $t->gateway(8081, limit => 65_536);
alarm 600 if $ENV{TEST_NGINX_UNSAFE};
$t->run;

# Peak memory of the worker in KiB, as the kernel kept it.

my ($worker) = $t->workers;
sub peak { $t->read_file("/proc/$worker/status") =~ /^VmHWM:\s+(\d+)/m ? $1 : 0 }

sub exchange_small {
    my $client = $t->start('/relay', type => $chunked, @_);
    my $conn = $gateway->accept;
    $conn->request;
    $conn->answer;
    is($client->answer->says, '200', 'a small exchange first');
}

exchange_small();
my $flat = peak();

# The writing side runs in a process of its own.

my %length = ('in chunks' => undef, 'with a length' => $mib << 20);

for my $how (sort keys %length) {
    my $client = $t->client;
    my $writer = $t->run_daemon(sub {
        $client->send($client->head('POST', '/relay',
            'Content-Type' => defined $length{$how} ? 'message/ohttp-req' : $chunked,
            defined $length{$how} ? ('Content-Length' => $length{$how})
                : ('Transfer-Encoding' => 'chunked')));
        for (1 .. $mib) {
            defined $length{$how} ? $client->send($block) : $client->send_chunk($block);
        }
        $client->end_chunks unless defined $length{$how};
        sleep 60;
    });

    my $conn = $gateway->accept;
    $conn->request;
    my ($total, $complete) = $conn->swallow;
    is($total, $mib << 20, "a request of $mib MiB $how arrives");
    ok($complete, 'and is complete');

    # The answer is as large.
    my $reply = $t->run_daemon(sub {
        $conn->start_chunks;
        $conn->send_chunk($block) for 1 .. $mib;
        $conn->end_chunks;
        sleep 60;
    });

    is($client->answer_head->status, 200, 'its answer begins');
    my ($data, $size) = ('', 0);
    while (defined($data = $client->chunk) && $data ne '') {
        $size += length $data;
    }

    is($size, $mib << 20, "an answer of $mib MiB arrives");
    is($data, '', 'and ends well');
    $t->end_peers;
    $conn->close;
}

cmp_ok(peak() - $flat, '<', 4096, 'peak memory of the worker grew by less than 4 MiB');

# HTTP/2, with a client in a process of its own.

exchange_small(http => 2);
$flat = peak();
my $client = $t->start('/relay', http => 2, body => $block x 32, type => $chunked);
my $conn = $gateway->accept;
$conn->request;
is(($conn->swallow)[0], 32 << 20, 'HTTP/2: a request of 32 MiB arrives');
$conn->start_chunks;
my $sent = 0;
$sent += $conn->send_chunk($block) for 1 .. 32;
$conn->end_chunks;
is($sent, 32, 'HTTP/2: the answer is taken');
my $answer = $client->answer;
ok($answer->body eq $block x 32, 'HTTP/2: and arrives byte for byte');
is($answer->says, '200', 'HTTP/2: complete');
cmp_ok(peak() - $flat, '<', 4096, 'HTTP/2: memory stays flat');

# Back-pressure. Socket buffers hold some, the relay holds nearly nothing.

$client = $t->client;
$client->send($client->head('POST', '/relay', 'Content-Type' => $chunked,
    'Transfer-Encoding' => 'chunked'));
$client->send_chunk($block);
$conn = $gateway->accept;
$conn->request;
$sent = 0;
for (1 .. 64) {
    my $part = $client->send_some(sprintf("%x\r\n%s\r\n", length $block, $block), 1);
    $sent += $part;
    last if $part < length $block;
}

cmp_ok($sent, '<', 48 << 20, 'a gateway that does not read stops the client');
$client->close;
$conn->close;

$client = $t->start('/relay');
$conn = $gateway->accept;
$conn->request;
$conn->body;
$conn->start_chunks;
$client->answer_head;
$sent = 0;
for (1 .. 64) {
    my $part = $conn->send_some(sprintf("%x\r\n%s\r\n", length $block, $block), 1);
    $sent += $part;
    last if $part < length $block;
}

cmp_ok($sent, '<', 48 << 20, 'a client that does not read stops the gateway');
$client->close;
$conn->close;
cmp_ok(peak() - $flat, '<', 4096, 'and the relay keeps none of it');

$t->done;
