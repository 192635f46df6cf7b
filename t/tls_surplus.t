#!/usr/bin/perl

# A gateway that sends more than it was asked for: no other client ever gets the surplus.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Tls;

my $t = Test::OhttpRelay->new->has(qw/ssl openssl/);

my $server = certificate($t, 'gateway');
my $pin = pin_spki($t, 'gateway');

$t->http(<<"EOC");
    ohttp_relay_gateway tls   { url https://127.0.0.1:8081/; ssl_pin $pin; buffer_size 4k; keepalive 4; keepalive_timeout 60s; }
    ohttp_relay_gateway plain { url http://127.0.0.1:8083/; insecure on; buffer_size 4k; keepalive 4; keepalive_timeout 60s; }

    server {
        listen 127.0.0.1:8080;
        location = /tls   { ohttp_relay_pass tls; }
        location = /plain { ohttp_relay_pass plain; }
    }
EOC

my %gateway = (tls => $t->gateway(8081, tls => $server), plain => $t->gateway(8083));
$t->run;

# An answer of so many bytes in all, by length or in chunks.

sub answer {
    my ($size, $chunked, $fill) = @_;
    my $head = "HTTP/1.1 200 OK\r\nContent-Type: message/ohttp-res\r\n";

    if (!$chunked) {
        $head .= sprintf "Content-Length: %05d\r\n\r\n", $size - length($head) - length("Content-Length: 12345\r\n\r\n");
        return $head . $fill x ($size - length $head);
    }

    $head .= "Transfer-Encoding: chunked\r\n\r\n";
    my $data = $size - length($head) - length("1234\r\n\r\n0\r\n\r\n");
    return sprintf "%s%04x\r\n%s\r\n0\r\n\r\n", $head, $data, $fill x $data;
}

# nginx reads the head and what fits behind it, then the body where the head had ended.

my $head = length answer(1000, 0, 'a') =~ s/\r\n\r\n.*/\r\n\r\n/sr;
my %edge = ('the buffer' => 4096, 'twice the buffer' => 8192, 'the buffer and its rest' => 4096 + 4096 - $head,
    'a record' => 16_384 - 100);
my $smuggled = answer(1000, 0, 'S');

for my $how (qw/tls plain/) {
    for my $chunked (0, 1) {
        for my $edge (sort keys %edge) {
            for my $off (-1 .. 1) {
                my $name = "$how, " . ($chunked ? 'chunks' : 'a length') . ", $edge" . ($off ? sprintf ' %+d', $off : '');
                my $answer = answer($edge{$edge} + $off, $chunked, 'a');

                my $client = $t->start("/$how");
                my $conn = $gateway{$how}->accept;
                $conn->request;
                $conn->body;
                $conn->send($answer . $smuggled);
                my $got = $client->answer;
                is($got->says, '200', "$name: the answer");
                ok($got->body =~ /^a+$/, "$name: and no more");

                # Another client: its own answer on its own connection
                my $other = $t->start("/$how");
                my $next = $gateway{$how}->accept;
                ok($next, "$name: the next client has another connection") or last;
                $next->request;
                $next->answer(200, undef, 'own', 'Connection' => 'close');
                is($other->answer->body, 'own', "$name: and its own answer");
                $_->close for $conn, $next;
            }
        }
    }

    # Exact answers of the same sizes leave a connection that serves again.

    my $conn;
    for my $edge (sort keys %edge) {
        my $client = $t->start("/$how");
        $conn //= $gateway{$how}->accept;
        $conn->request;
        $conn->body;
        $conn->send(answer($edge{$edge}, 0, 'a'));
        is($client->answer->says, '200', "$how, $edge: an exact answer");
    }

    ok(!$gateway{$how}->asked, "$how: exact answers share a connection");

    # What comes while it is idle belongs to nobody.

    $conn->send($smuggled);
    $conn->rest;
    is($conn->ended =~ /closed|reset/ && 1, 1, "$how: an answer nobody asked for ends the connection");
}

$t->done;
