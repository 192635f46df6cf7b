#!/usr/bin/perl

# Beside ordinary sites: theirs work as ever, and nothing of theirs touches sealed bodies.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->waive('canary', 'the ordinary site keeps its own logs', qr/^site\./);

mkdir $t->dir . '/html';
$t->write_file('html/page.html', '<html><head></head><body>' . 'a page of this site ' x 200 . '</body></html>');
$t->write_file('html/error.html', 'our own error page');

my $sub = $t->built_with('http_sub') ? 'sub_filter sealed opened; sub_filter_once off; sub_filter_types *;' : '';
my $addition = $t->built_with('http_addition')
    ? 'add_before_body /html/error.html; add_after_body /html/error.html; addition_types *;' : '';

$t->http(<<"EOC");
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; keepalive 0; }

    charset_map koi8-r utf-8 { E6 D096; }

    gzip on;
    gzip_types *;
    gzip_proxied any;
    gzip_min_length 1;
    gzip_http_version 1.0;
    log_format site '\$remote_addr "\$request" \$status \$ohttp_relay_result';

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        server_name relay.example;
        root %%TESTDIR%%;

        $sub
        $addition
        ssi on;
        ssi_types *;
        charset koi8-r;
        charset_types *;
        source_charset utf-8;
        expires 1h;
        add_header X-Operator constant always;
        error_page 404 415 502 /html/error.html;

        location = /relay { ohttp_relay_pass llm; }
    }

    server {
        listen 127.0.0.1:8083;
        root %%TESTDIR%%/html;
        access_log %%TESTDIR%%/site.access site;
        error_log %%TESTDIR%%/site.error info;
        error_page 404 /error.html;
        client_max_body_size 1k;

        location / { }
        location = /proxy { proxy_pass http://127.0.0.1:8081/site; proxy_pass_request_headers off; }
        location = /plain404 { return 404; }
    }
EOC

my $gateway = $t->gateway(8081);
$t->run;

my @gzip = ('Accept-Encoding' => 'gzip, deflate, br', 'Accept' => '*/*');
my $sealed = 'sealed <!--#echo var="remote_addr" --><head></head>' . 'sealed words ' x 500 . "\xd0\x96\0";

for my $http (1, 2) {
    for my $chunks (0, 1) {
        my $client = $t->start('/relay', http => $http, headers => [@gzip]);
        my $conn = $gateway->accept;
        $conn->request;
        $conn->body;

        if ($chunks) {
            $conn->start_chunks(200, 'message/ohttp-chunked-res');
            $conn->send_chunk($sealed);
            $conn->end_chunks;
        } else {
            $conn->answer(200, 'message/ohttp-res', $sealed);
        }

        my $answer = $client->answer;
        my $name = ($chunks ? 'a stream' : 'a body') . ", HTTP/$http";
        ok($answer->body eq $sealed, "$name passes byte for byte");
        is($answer->says, '200', "$name ends well");
        is($answer->header('Content-Encoding'), undef, "$name is not compressed");
        is($answer->header('Content-Length'), $chunks ? undef : length $sealed, "$name keeps its length");
        like($answer->header('Content-Type'), qr{^message/ohttp-(?:chunked-)?res$}, "$name keeps its type");
    }

    # Errors of gateway and relay are as exact.

    my $client = $t->start('/relay', http => $http, headers => [@gzip]);
    my $conn = $gateway->accept;
    $conn->request;
    my $json = '{"error":"sealed ' . 'again ' x 200 . '"}';
    $conn->answer(422, 'application/json', $json);
    is($client->answer->body, $json, "an error of the gateway, HTTP/$http");

    my $answer = $t->post('/relay', http => $http, type => 'a/b', headers => [@gzip]);
    is($answer->says, '415 unsupported_media_type', "an error of the relay, HTTP/$http");
    is($answer->header('Content-Encoding'), undef, 'is not compressed either');
}

# The site beside it

sub get { $t->post($_[0], port => 8083, method => 'GET', type => undef, body => undef, headers => ['Host' => 'site.example', @gzip]) }

my $answer = get('/page.html');
is($answer->status, 200, 'a page of the site');
is($answer->header('Content-Encoding'), 'gzip', 'is compressed');
$answer = $t->post('/page.html', port => 8083, method => 'GET', type => undef, body => undef);
like($answer->body, qr/a page of this site/, 'and readable without');
$answer = $t->post('/missing', port => 8083, method => 'GET', type => undef, body => undef);
is($answer->status, 404, 'a page that is missing');
is($answer->body, 'our own error page', "has the site's error page");
$answer = $t->post('/page.html', port => 8083, type => 'a/b', body => 'x' x 2000);
is($answer->status, 413, 'a body too large');
like($answer->header('Content-Type'), qr{^text/html}, "has nginx's own error");
is($answer->header('Proxy-Status'), undef, 'and nothing of the relay');

my $client = $t->start('/proxy', port => 8083, method => 'GET', type => undef, body => undef,
    headers => ['Host' => 'site.example']);
my $conn = $gateway->accept;
$conn->request;
$conn->answer(502, 'text/html', 'theirs', 'Set-Cookie' => 'a=b');
$answer = $client->answer;
is($answer->body, 'theirs', 'proxy_pass of the site');
is($answer->header('Set-Cookie'), 'a=b', 'keeps all of its headers');
$conn->close;

my $log = $t->read_file('site.access');
is(scalar(() = $log =~ /^127\.0\.0\.\d+ "/mg), 5, "the site's log has its clients");
unlike($log, qr{/relay}, 'and nothing of the relay');
like($t->read_file('site.error'), qr/client: 127\.0\.0\.\d+, server: /, 'and so has its error log');

$t->done;
