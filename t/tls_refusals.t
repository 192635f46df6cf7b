#!/usr/bin/perl

# What nginx refuses because of TLS has the relay's shape too, and is never a redirect.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Tls;

my $t = Test::OhttpRelay->new->has(qw/http2 openssl ssl/);

certificate($t, $_) for qw/ca relay stranger/;
certificate($t, 'client', issuer => 'ca');

$t->write_file('page.html', 'a page of the operator');
$t->http(<<'EOC');
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; }

    ssl_certificate      %%TESTDIR%%/relay.crt;
    ssl_certificate_key  %%TESTDIR%%/relay.key;
    root                 %%TESTDIR%%;
    error_page           400 421 495 496 /page.html;
    error_page           497 https://elsewhere.example/;

    server {
        listen 127.0.0.1:8080 ssl;
        listen 127.0.0.1:8082 ssl http2;
        server_name relay.example;
        ssl_client_certificate %%TESTDIR%%/ca.crt;
        ssl_verify_client on;
        location = /relay { ohttp_relay_pass llm; }
        location = /page.html { }
    }

    server {
        listen 127.0.0.1:8080 ssl;
        listen 127.0.0.1:8082 ssl http2;
        server_name second.example;
        ssl_client_certificate %%TESTDIR%%/ca.crt;
        ssl_verify_client on;
        location = /relay { ohttp_relay_pass llm; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

sub shows {
    my ($name) = @_;
    return { SSL_cert_file => $t->dir . "/$name.crt", SSL_key_file => $t->dir . "/$name.key",
        SSL_hostname => 'relay.example' };
}

for my $http (1, 2) {
    my %how = (http => $http, port => $http == 1 ? 8080 : 8082);
    my @other = (headers => ['Host' => 'second.example']);

    is($t->post('/relay', %how, tls => shows('client'))->says, '200', "a client with a certificate, HTTP/$http");

    for my $case (['no certificate', '400 malformed_request', tls => 1],
        ['a certificate of nobody', '400 malformed_request', tls => shows('stranger')],
        ['another server than that of the handshake', '421 malformed_request', tls => shows('client'), @other])
    {
        my ($name, $says, %opt) = @$case;
        my $answer = $t->post('/relay', %how, %opt);
        is($answer->says, $says, "$name, HTTP/$http");
        is($answer->header('Location'), undef, 'no redirect');
    }
}

my $answer = $t->post('/relay', port => 8080);
is($answer->says, '400 malformed_request', 'plain HTTP to the port of HTTPS');
is($answer->header('Location'), undef, 'no redirect');

$t->waitfor('their lines', sub { 7 == grep { / malformed_request 4(?:00|21) / } $t->log_lines });
pass('each is counted by its code');
is(scalar(my @requests = $gateway->requests), 2, 'the gateway sees none of it');

$t->done;
