#!/usr/bin/perl

# A gateway that takes no connection, no bytes, or gives none is given up in its time, and the
# one place that it has is free again.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->http(<<'EOC');
    ohttp_relay_gateway full   { url http://127.0.0.1:8081/; insecure on; connect_timeout 1s; max_in_flight 1; }
    ohttp_relay_gateway deaf   { url http://127.0.0.1:8083/; insecure on; send_timeout 1s; max_in_flight 1; keepalive 0; max_body 64m; }
    ohttp_relay_gateway silent { url http://127.0.0.1:8083/; insecure on; read_timeout 1s; max_in_flight 1; keepalive 0; }
    ohttp_relay_gateway shaken { url https://127.0.0.1:8083/; ssl_name a.test; connect_timeout 1s; max_in_flight 1; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        location ~ ^/to/(?<name>[a-z]+)$ { ohttp_relay_pass $name; }
    }
EOC

# A listener whose queue is full: the kernel answers no further connection.

my $listener = IO::Socket::INET->new(Proto => 'tcp', LocalAddr => '127.0.0.1', LocalPort => $t->port(8081),
    Listen => 1, ReuseAddr => 1) or die "cannot listen: $!\n";
my @queue = map { IO::Socket::INET->new(Proto => 'tcp', PeerAddr => '127.0.0.1', PeerPort => $t->port(8081),
    Blocking => 0) } 1 .. 4;

my $gateway = $t->gateway(8083);
$t->run;

my $count = 0;

for my $http (1, 2) {
    my @how = (http => $http, type => 'message/ohttp-chunked-req');

    is($t->post('/to/full', @how)->says, '504 gateway_timeout', "no connection, HTTP/$http");
    like($t->logged(++$count), qr/^full gateway_timeout 504 /, 'counted as gateway_timeout');

    my $client = $t->start('/to/shaken', @how);
    my $conn = $gateway->accept;
    is($client->answer->says, '504 gateway_timeout', "no TLS handshake, HTTP/$http");
    $conn->close;

    $client = $t->start('/to/silent', @how);
    $conn = $gateway->accept;
    $conn->request;
    $conn->body;
    is($client->answer->says, '504 gateway_timeout', "no answer, HTTP/$http");
    $conn->close;
    $count += 2;
}

# More than both sides' buffers hold, and nobody reads it.

for my $type (qw{message/ohttp-req message/ohttp-chunked-req}) {
    my $client = $t->client;
    my $size = 48 * 1024 * 1024;
    $client->send($client->head('POST', '/to/deaf', 'Content-Type' => $type, 'Content-Length' => $size));
    $client->send($t->sealed);
    my $conn = $gateway->accept;
    $client->send_some('x' x ($size - 1000), 3);
    is($client->answer->says, '504 gateway_timeout', "a gateway that does not read, $type");
    $client->close;
    $conn->close;
    like($t->logged(++$count), qr/^deaf gateway_timeout 504 /, 'counted as gateway_timeout');
}

$t->done;
