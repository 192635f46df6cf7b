#!/usr/bin/perl

# The access log tells how each request ended, by stable words.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->http(<<'EOC');
    ohttp_relay_gateway llm  { url http://127.0.0.1:8081/gateway; insecure on; keepalive 0; read_timeout 1s; max_body 2k; }
    ohttp_relay_gateway gone { url http://127.0.0.1:8083/gateway; insecure on; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        location ~ ^/to/(?<name>.*)$ { ohttp_relay_pass $name; ohttp_relay_early_data_header on; }
        location = /deny   { ohttp_relay_pass llm; deny all; }
        location = /health { ohttp_relay_status health; }
        location = /plain  { return 200 plain; }
    }
EOC

my $gateway = $t->gateway(8081);
$t->run;

my $count = 0;
my $suite = 'x25519/hkdf-sha256/aes-128-gcm';

# Sends a request, lets the sub play the gateway where there is one, and compares the line.

sub line {
    my ($expected, $target, $opt, $sub) = @_;
    for my $http (1, 2) {
        my $client = $t->start($target, %$opt, http => $http);
        if ($sub) {
            my $conn = $gateway->accept;
            $conn->request;
            $conn->body;
            $sub->($conn);
        }

        $client->answer;
        is($t->logged(++$count), $expected, "$expected, HTTP/$http");
    }
}

line("llm ok 200 $suite", '/to/llm', {}, sub { $_[0]->answer });
line('llm ok 200 x25519/hkdf-sha256/chacha20poly1305', '/to/llm',
    { body => $t->sealed(300, "\x01\x00\x20\x00\x01\x00\x03") }, sub { $_[0]->answer });
line("llm ok 200 $suite", '/to/llm', { type => 'message/ohttp-chunked-req', chunked => 1 }, sub { $_[0]->answer });
line('llm ok 200 other/hkdf-sha256/other', '/to/llm',
    { body => $t->sealed(300, "\x01\xfe\xfe\x00\x01\x12\x34") }, sub { $_[0]->answer });
line("llm ok 201 $suite", '/to/llm', {}, sub { $_[0]->answer(201) });
line("llm gateway_refused 422 $suite", '/to/llm', {}, sub { $_[0]->answer(422, 'application/json', '{}') });
line("llm gateway_error 502 $suite", '/to/llm', {}, sub { $_[0]->answer(422, 'text/html', '{}') });
line("llm gateway_error 502 $suite", '/to/llm', {}, sub { $_[0]->reset });
line("llm gateway_timeout 504 $suite", '/to/llm', {}, sub { sleep 2 });
line("gone gateway_error 502 $suite", '/to/gone', {});
line('- gateway_unknown 404 -', '/to/nobody', {});
line('llm method_not_allowed 405 -', '/to/llm', { method => 'PUT' });
line('llm unsupported_media_type 415 -', '/to/llm', { type => 'a/b' });
line('llm malformed_request 400 -', '/to/llm?x', {});
line('llm malformed_request 400 -', '/to/llm', { body => 'x' });
line('llm payload_too_large 413 -', '/to/llm', { body => $t->sealed(3000) });
line('llm too_early 425 -', '/to/llm', { headers => ['Early-Data' => '1'] });
line('llm gateway_not_allowed 403 -', '/deny', {});
line('- - 200 -', '/health', { method => 'GET', type => undef, body => undef });
line('- - 200 -', '/plain', { method => 'GET', type => undef, body => undef });

$t->done;
