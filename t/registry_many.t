#!/usr/bin/perl

# A thousand rows and several workers; and memory that does not grow with what has been.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new;
my $registry = $t->registry;
my ($workers, $rows) = (3, 1000);

$t->http(<<'EOC');
    ohttp_relay_registry registry.json interval=100ms;
    ohttp_relay_pool og { select header:X-TEE-ID; }

    server {
        listen 127.0.0.1:8080;
        location = /og { ohttp_relay_pass og; }
        location ~ ^/to/(?<name>.*)$ { ohttp_relay_pass $name; }
    }
EOC
$t->write_file('nginx.conf', "worker_processes $workers;\n" . $t->read_file('nginx.conf'));

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
my $slow = $t->gateway(8083);

sub id { sprintf '%064x', $_[0] }

$registry->row('first', 8081, pool => 'og', selector => id(0));
$registry->write;
$t->run;

# ---- all of them come at once

$registry->row("og-$_", 8081, pool => 'og', selector => id($_), request_header => { Authorization => "Bearer $_" })
    for 1 .. $rows;
$registry->publish;

for my $n (0, 1, $rows / 2, $rows) {
    $gateway->forget;
    is($t->post('/og', headers => ['X-TEE-ID' => id($n)])->says, '200', "the gateway of id $n");
    my ($request) = $gateway->requests;
    is($request->header('Authorization') // '-', $n ? "Bearer $n" : '-', 'is the one');
}

is($t->post('/og', headers => ['X-TEE-ID' => id($rows + 1)])->says, '404 gateway_unknown', 'there is no other');

# ---- one changes, and no other is touched

my $before = length $t->read_file('error.log');
$registry->row('og-7', 8083, pool => 'og', selector => id(7))->publish;
like(substr($t->read_file('error.log'), $before), qr/registry: 1001 gateways, 1 changed or gone/, 'one row is another one');

# ---- rows come and go, for a long time, and one stream stays

my $client = $t->start('/to/og-7', type => 'message/ohttp-chunked-req');
my $conn = $slow->accept;
$conn->request;
$conn->body;
$conn->start_chunks;
$conn->send_chunk('first');
my $answer = $client->answer_head;

$registry->drop(map { "og-$_" } 1 .. $rows);
my @most = (0, 0);

for my $generation (1 .. 200) {
    $registry->row("og-$_", 8081, pool => 'og', selector => id($_), max_body => "${generation}m") for 1 .. 100;
    $registry->publish;
    $t->post("/og", headers => ["X-TEE-ID" => id($generation % 100)]);

    my $kib = 0;
    $kib += $_ for map { $t->read_file("/proc/$_/status") =~ /VmRSS:\s+(\d+)/ } $t->workers;
    my $half = $generation > 100;
    $most[$half] = $kib if $kib > $most[$half];
}

# what a generation takes is 1 MiB and more
SKIP: {
    skip('a sanitizer keeps what was freed', 1) if $t->{nginx} =~ m{/asan/};
    cmp_ok($most[1] - $most[0], '<', 8192, 'memory does not grow over 200 generations');
}

$conn->send_chunk('last');
$conn->end_chunks;
$client->read_body($answer, 1);
is($answer->says, '200', 'a stream has outlived 200 generations');
is($answer->body, 'firstlast', 'and is whole');
$_->close for $client, $conn;

$t->done;
