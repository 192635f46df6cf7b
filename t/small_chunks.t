#!/usr/bin/perl

# However a gateway cuts its answer into chunks, the bytes are the same.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Tls;

my $t = Test::OhttpRelay->new->has(qw/http2 ssl openssl/);

my $server = certificate($t, 'gateway');
my $pin = pin_cert($t, 'gateway');

$t->http(<<"EOC");
    ohttp_relay_gateway narrow { url http://127.0.0.1:8081/; insecure on; buffer_size 4k; keepalive 4; }
    ohttp_relay_gateway usual  { url http://127.0.0.1:8081/; insecure on; keepalive 4; }
    ohttp_relay_gateway wide   { url http://127.0.0.1:8081/; insecure on; buffer_size 64k; keepalive 4; }
    ohttp_relay_gateway tls    { url https://127.0.0.1:8083/; ssl_pin $pin; keepalive 4; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        location ~ ^/to/(?<name>[a-z]+)\$ { ohttp_relay_pass \$name; }
    }
EOC

# A body in which no two places look alike, cut by a pattern of sizes and of framing.

my $body = join '', map { pack 'N', $_ * 2_654_435_761 % 4_294_967_296 } 1 .. 20_000;

my %cut = (
    'one byte each' => [1],
    'one and two' => [1, 2],
    'growing' => [1 .. 200],
    'around the buffers' => [4095, 4096, 4097, 8191, 1, 8192, 8193, 1],
    'around a record' => [16_383, 1, 16_384, 1, 16_385],
    'all at once' => [length $body],
);

my %size = (
    plain => sub { sprintf '%x', $_[0] },
    'leading zeros' => sub { sprintf '%012X', $_[0] },
    extensions => sub { sprintf '%x;name="va\\"lue";more', $_[0] },
);

sub chunks {
    my ($sizes, $size) = @_;
    my ($at, $n, $out) = (0, 0, '');

    while ($at < length $body) {
        my $piece = substr $body, $at, $sizes->[$n++ % @$sizes];
        $out .= $size->(length $piece) . "\r\n$piece\r\n";
        $at += length $piece;
    }

    return "${out}0\r\n\r\n";
}

# The end of a request's body tells the gateway which of them it is.

my @tried = map { my $cut = $_; map { [$cut, $_] } sort keys %size } sort keys %cut;

sub answer {
    my ($conn) = @_;
    my ($cut, $size) = @{ $tried[substr $conn->body->body, -4] };
    $conn->start_chunks;
    $conn->send(chunks($cut{$cut}, $size{$size}));
}

my $plain = $t->gateway(8081, answer => \&answer);
my $tls = $t->gateway(8083, answer => \&answer, tls => $server);
$t->run;

for my $name (qw/narrow usual wide tls/) {
    for my $http (1, 2) {
        for my $n (0 .. $#tried) {
            my $answer = $t->post("/to/$name", http => $http, type => 'message/ohttp-chunked-req',
                body => $t->sealed . sprintf '%04d', $n);
            is($answer->says, '200', "$name: chunks of $tried[$n][0], $tried[$n][1], HTTP/$http");
            ok($answer->body eq $body, 'byte for byte');
        }
    }
}

# What ends exactly where it says leaves a connection that serves again.

is($plain->connections, 3, 'each gateway has used one connection');
is($tls->connections, 1, 'and so has the one with TLS');

$t->done;
