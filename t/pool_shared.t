#!/usr/bin/perl

# Gateways that hold the same key do each other's work, until a byte was sent; no others do.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Tls;

my $t = Test::OhttpRelay->new->has(qw/openssl ssl http2/);

certificate($t, 'gateway');
my $wrong = 'cert-sha256:' . '00' x 32;
my $right = pin_spki($t, 'gateway');

# Nobody listens on 8085; 8084 speaks TLS, 8086 is played by hand.

$t->http(<<"EOC");
    ohttp_relay_gateway a { url http://127.0.0.1:8081/a; insecure on; pool any; weight 3; }
    ohttp_relay_gateway b { url http://127.0.0.1:8083/bb; insecure on; pool any; }
    ohttp_relay_pool any { keys shared; }

    ohttp_relay_gateway gone  { eject off; url http://127.0.0.1:8085/x; insecure on; pool fails; weight 65535; max_in_flight 1; }
    ohttp_relay_gateway there { url http://127.0.0.1:8081/there; insecure on; pool fails; max_in_flight 1;
                                request_header X-Plan gold; }
    ohttp_relay_pool fails { keys shared; }

    ohttp_relay_gateway forged { eject off; url https://127.0.0.1:8084/forged; ssl_pin $wrong; pool pinned; weight 65535; }
    ohttp_relay_gateway known  { url https://127.0.0.1:8084/known; ssl_pin $right; pool pinned; }
    ohttp_relay_pool pinned { keys shared; }

    ohttp_relay_gateway mixed-1 { eject off; url http://127.0.0.1:8085/x; insecure on; pool mixed; weight 65535; }
    ohttp_relay_gateway mixed-2 { url https://127.0.0.1:8084/mixed; ssl_pin $right; pool mixed; }
    ohttp_relay_pool mixed { keys shared; }

    ohttp_relay_gateway lost-1 { eject off; url http://127.0.0.1:8085/1; insecure on; pool lost; max_in_flight 1; }
    ohttp_relay_gateway lost-2 { eject off; url http://127.0.0.1:8085/2; insecure on; pool lost; max_in_flight 1; }
    ohttp_relay_pool lost { keys shared; }

    ohttp_relay_gateway own-1 { url http://127.0.0.1:8085/x; insecure on; pool own; selector one; }
    ohttp_relay_gateway own-2 { url http://127.0.0.1:8081/own; insecure on; pool own; selector two; }
    ohttp_relay_pool own { select header:X-TEE-ID; default own-1; }

    ohttp_relay_gateway played { url http://127.0.0.1:8086/p; insecure on; pool begun; weight 65535; max_in_flight 1; keepalive 0; }
    ohttp_relay_gateway spare  { url http://127.0.0.1:8081/spare; insecure on; pool begun; }
    ohttp_relay_pool begun { keys shared; }

    ohttp_relay_gateway n1 { url http://127.0.0.1:8081/n; insecure on; pool named; selector north; }
    ohttp_relay_gateway n2 { url http://127.0.0.1:8081/n; insecure on; pool named; selector NORTH; }
    ohttp_relay_gateway s1 { url http://127.0.0.1:8085/s; insecure on; pool named; selector south; }
    ohttp_relay_pool named { select header:X-TEE-ID; keys shared; default n2; }

    ohttp_relay_gateway k1 { url http://127.0.0.1:8085/k; insecure on; pool keys; key_ids 1 2; weight 65535; }
    ohttp_relay_gateway k2 { url http://127.0.0.1:8083/k; insecure on; pool keys; key_ids 2 3; }
    ohttp_relay_pool keys { select key_id; keys shared; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        location ~ ^/to/(?<name>.*)\$ { ohttp_relay_pass \$name; }
        location = /status { ohttp_relay_status json; }
    }
EOC

my $certificate = { SSL_cert_file => $t->dir . '/gateway.crt', SSL_key_file => $t->dir . '/gateway.key' };
my %gateway = map { $_->[0] => $t->gateway($_->[1], answer => sub { $_[0]->answer }, @$_[2 .. $#$_]) }
    ['a', 8081], ['b', 8083], ['tls', 8084, tls => $certificate];
my $played = $t->gateway(8086);
$t->run;

my $lines = 0;
my $chunked = 'message/ohttp-chunked-req';

# How a request ended, and the gateway that the log names.

sub goes {
    my ($pool, %opt) = @_;
    my $says = $t->post("/to/$pool", %opt)->says;
    my ($name) = split / /, $t->logged(++$lines);
    return "$says $name";
}

sub forget { $_->forget for values %gateway }
sub asked { return scalar(my @requests = $gateway{$_[0]}->requests) }

# By weight, each request for itself.

my %count;
$count{ goes('any') }++ for 1 .. 80;
is(join(' ', sort keys %count), '200 a 200 b', 'all of the pool have work');
cmp_ok($count{'200 a'}, '>', $count{'200 b'}, 'who has more weight has more');

# The one that cannot be connected to: another one gets the request, under its own head.

my @forms = (
    ['with a length'], ['without one', chunked => 1], ['in chunks', type => $chunked, chunked => 1],
    ['in chunks, with a length', type => $chunked], ['a larger one', body => $t->sealed(200_000)],
    ['a larger one without a length', body => $t->sealed(200_000), chunked => 1],
);

for my $http (1, 2) {
    for (@forms) {
        my ($form, @opt) = @$_;
        forget();
        is(goes('fails', @opt, http => $http), '200 there', "nobody is there: another one, $form, HTTP/$http");
        my @requests = $gateway{a}->requests;
        is(scalar @requests, 1, 'is asked once');
        like($requests[0]->head, qr{^POST /there HTTP/1\.1\r\n}, 'under its own path');
        like($requests[0]->head, qr{^X-Plan: gold\r$}m, 'with its own constants');
        like($requests[0]->head, qr{^Host: 127\.0\.0\.1:@{[ $t->port(8081) ]}\r$}m, 'and its own host');
        ok($requests[0]->complete, 'and gets the whole');

        is(goes('pinned', @opt, http => $http), '200 known', "not the right key: another one, $form, HTTP/$http");
        is(goes('mixed', @opt, http => $http), '200 mixed-2', "from plain to TLS, $form, HTTP/$http");
    }

    like(goes('lost', http => $http), qr/^502 gateway_error lost-[12]$/, "nobody is there at all, HTTP/$http") for 1 .. 3;
    unlike(join('', map { $_->bytes } values %gateway), qr{/forged|/x }, 'nothing was sent to those left out');
}

# Where each has its own key, nobody else is asked.

forget();
for my $http (1, 2) {
    is(goes('own', http => $http), '502 gateway_error own-1', "its own key: nobody else, HTTP/$http");
    is(goes('own', headers => ['X-TEE-ID' => 'one'], http => $http), '502 gateway_error own-1', 'named or not');
    is(goes('gone', http => $http), '502 gateway_error gone', 'and one that is named as a gateway has no other');
}
is(asked('a'), 0, 'the other one was not asked');

# Not a byte may have left.

for my $http (1, 2) {
    forget();
    my $client = $t->start('/to/begun', http => $http);
    my $conn = $played->accept;
    $conn->request;
    $conn->reset;
    is($client->answer->says, '502 gateway_error', "a gateway that breaks off, HTTP/$http");
    $lines++;
    is(asked('a'), 0, 'and no other one has the request');

    my $held = $t->start('/to/begun', http => $http);
    $conn = $played->accept;
    $conn->request;
    $conn->body;
    is(goes('begun', http => $http), '200 spare', "one that is full leaves it to another one, HTTP/$http");
    $conn->answer;
    is($held->answer->says, '200', 'and ends what it has');
    $lines++;
    $conn->close;
}

# The same key by name and by id.

my %names;
$names{ goes('named', headers => ['X-TEE-ID' => 'North']) }++ for 1 .. 40;
$names{ goes('named') }++ for 1 .. 20;
is(join(' ', sort keys %names), '200 n1 200 n2', 'gateways of one name share its work');
is(goes('named', headers => ['X-TEE-ID' => 'south']), '502 gateway_error s1', 'those of another have no part in it');
is(goes('named', headers => ['X-TEE-ID' => 'west']), '404 gateway_unknown -', 'and a name of nobody is unknown');

my $suite = "\x00\x20\x00\x01\x00\x01";
is(goes('keys', body => $t->sealed(300, "\x02$suite"), http => $_), '200 k2', "another one has this key, HTTP/$_") for 1, 2;
is(goes('keys', body => $t->sealed(300, "\x03$suite"), http => $_), '200 k2', "this key is there, HTTP/$_") for 1, 2;
is(goes('keys', body => $t->sealed(300, "\x01$suite"), http => $_), '502 gateway_error k1', "nobody else has this key, HTTP/$_") for 1, 2;

# All places have been given back: those with one place have it.

is(goes('fails'), '200 there', 'there is a place still');

$t->done;
