#!/usr/bin/perl

# Every error on a relay location has the relay's one shape, also those that nginx makes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->write_file('users', "someone:{PLAIN}word\n");
$t->write_file('page.html', 'a page of the operator');
$t->http(<<'EOC');
    ohttp_relay_gateway llm  { url http://127.0.0.1:8081/gateway; insecure on; keepalive 0; read_timeout 1s; max_body 8k; }
    ohttp_relay_gateway busy { url http://127.0.0.1:8081/gateway; insecure on; keepalive 0; max_in_flight 1; }

    limit_req_zone $server_port zone=rate:1m rate=1r/m;
    limit_req_zone $server_protocol zone=rate429:1m rate=1r/m;

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        root %%TESTDIR%%;

        client_max_body_size 1k;
        client_body_timeout 1s;
        client_header_buffer_size 1k;
        large_client_header_buffers 2 4k;
        error_page 400 403 404 405 413 414 415 494 500 501 502 503 504 505 /page.html;
        error_page 401 =200 /page.html;

        location = /relay { ohttp_relay_pass llm; }
        location ~ ^/to/(?<name>.*)$ { ohttp_relay_pass $name; }
        location = /own {
            ohttp_relay_pass llm;
            error_page 405 415 502 =200 /page.html;
            proxy_intercept_errors on;
        }

        location = /deny   { ohttp_relay_pass llm; deny all; }
        location = /auth   { ohttp_relay_pass llm; auth_basic "secret"; auth_basic_user_file %%TESTDIR%%/users; }
        location = /rate   { ohttp_relay_pass llm; limit_req zone=rate; }
        location = /rate429 { ohttp_relay_pass llm; limit_req zone=rate429; limit_req_status 429; }
        location = /return { return 418; ohttp_relay_pass llm; }
        location = /return500 { return 500; ohttp_relay_pass llm; }
        location = /page.html { }
    }
EOC

my $gateway = $t->gateway(8081);
$t->run;

# Asserts the shape of one error. The code is what users act on, so it stands in five places.

sub shape {
    my ($answer, $status, $code, $name) = @_;

    my $body = $answer->json;

    subtest $name => sub {
        is($answer->status, $status, 'status');
        is($answer->header('Content-Type'), 'application/problem+json', 'type');
        is($answer->header('Cache-Control'), 'no-store', 'not stored');
        like($answer->header('Proxy-Status') // '', qr/^\S[^;]*; ?error=[a-z_]+/, 'Proxy-Status');
        is($answer->header('Location'), undef, 'no redirect');
        ok($answer->complete, 'complete');
        is(ref $body, 'HASH', 'body is JSON') or return;
        is($body->{type}, "urn:ohttp-relay:problem:$code", 'problem type');
        is($body->{status}, $status, 'status in the body');
        like($body->{title}, qr/\S/, 'title');
        like($body->{detail}, qr/^[A-Z].+\S$/, 'detail');
        is_deeply($body->{error}, { message => $body->{detail}, type => 'relay_error', param => undef,
            code => $code }, 'the error object of the chat APIs');
        is(join(',', sort keys %$body), 'detail,error,status,title,type', 'nothing else');
        unlike($answer->body, qr/canary|127\.0\.0/, 'names nobody');
    };
}

for my $http (1, 2) {
    my %h = (http => $http);

    shape($t->post('/relay', %h, method => 'PUT'), 405, 'method_not_allowed', "405, HTTP/$http");
    shape($t->post('/relay', %h, type => 'a/b'), 415, 'unsupported_media_type', "415, HTTP/$http");
    shape($t->post('/relay', %h, body => 'x'), 400, 'malformed_request', "400, HTTP/$http");
    shape($t->post('/relay?a', %h), 400, 'malformed_request', "400 for a query, HTTP/$http");
    shape($t->post('/relay', %h, body => $t->sealed(9000)), 413, 'payload_too_large', "413, HTTP/$http");
    shape($t->post('/relay', %h, body => $t->sealed(9000), chunked => 1), 413, 'payload_too_large', "413 in chunks, HTTP/$http");
    shape($t->post('/to/nobody', %h), 404, 'gateway_unknown', "404, HTTP/$http");

    shape($t->post('/deny', %h), 403, 'gateway_not_allowed', "deny, HTTP/$http");
    shape($t->post('/auth', %h, headers => ['Authorization' => undef]), 401, 'credential_required', "auth_basic, HTTP/$http");
    shape($t->post('/return', %h), 418, 'malformed_request', "another 4xx, HTTP/$http");
    shape($t->post('/return500', %h), 500, 'gateway_unavailable', "another 5xx, HTTP/$http");
    shape($t->post('/own', %h, method => 'GET', type => undef, body => undef), 405, 'method_not_allowed',
        "error_page in the location, HTTP/$http");
    shape($t->post('/own', %h, type => 'a/b'), 415, 'unsupported_media_type', "and for another, HTTP/$http");
}

# limit_req counts over both versions of HTTP here, so one is enough

$t->start('/rate');
ok($gateway->accept, 'a first request within the rate');
shape($t->post('/rate'), 503, 'rate_limited', 'limit_req');
$t->start('/rate429');
ok($gateway->accept, 'a first request within the other rate');
shape($t->post('/rate429'), 429, 'rate_limited', 'limit_req with 429');

# The gateway's side

for my $http (1, 2) {
    my $client = $t->start('/relay', http => $http);
    my $conn = $gateway->accept;
    $conn->request;
    $conn->reset;
    shape($client->answer, 502, 'gateway_error', "502, HTTP/$http");

    $client = $t->start('/own', http => $http);
    $conn = $gateway->accept;
    $conn->request;
    $conn->reset;
    shape($client->answer, 502, 'gateway_error', "502 in spite of error_page, HTTP/$http");

    $client = $t->start('/relay', http => $http);
    $conn = $gateway->accept;
    shape($client->answer, 504, 'gateway_timeout', "504, HTTP/$http");

    $client = $t->start('/to/busy', http => $http);
    $conn = $gateway->accept;
    my $answer = $t->post('/to/busy', http => $http);
    shape($answer, 503, 'gateway_unavailable', "503, HTTP/$http");
    like($answer->header('Retry-After') // '', qr/^\d+$/, 'says when to come again');
    $conn->request;
    $conn->answer;
    is($client->answer->says, '200', 'the one in flight is not disturbed');
}

# The core's body limit does not stand in the way of the gateway's

my $client = $t->start('/relay', body => $t->sealed(8000));
my $conn = $gateway->accept;
ok($conn && $conn->request, 'client_max_body_size is not what counts');
$conn->answer;
is($client->answer->says, '200', 'max_body is');

# Request lines and heads that cannot be read

sub raw {
    my ($bytes) = @_;
    my $client = $t->client;
    $client->send($bytes);
    return $client->answer;
}

my $word = $t->canary->word;

shape(raw("POST /relay/" . $word . 'x' x 9000 . " HTTP/1.1\r\nHost: a\r\n\r\n"), 414, 'malformed_request', 'a request line too long');
shape($t->post('/relay', headers => ['X-Long' => $word . 'x' x 9000]), 431, 'malformed_request', 'a header too large');
shape($t->post('/relay', headers => [map { ("X-Long-$_" => $word . 'x' x 3500) } 1 .. 3]), 431, 'malformed_request',
    'headers too large together');
shape(raw("POST /relay HTTP/1.1\r\n\r\n"), 400, 'malformed_request', 'no Host');
shape(raw("POST /relay HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400, 'malformed_request', 'a wrong Host');
shape(raw("POST /relay HTTP/1.1\r\nHost: a\r\nContent-Length: 1x\r\n\r\n"), 400, 'malformed_request', 'a wrong length');
shape(raw("$word\r\n\r\n"), 400, 'malformed_request', 'no request at all');
shape(raw("POST /relay HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: $_\r\n\r\n"), 501, 'malformed_request', "a coding of $_")
    for 'gzip', 'gzip, chunked', 'identity';
shape(raw("POST /relay HTTP/3.0\r\nHost: a\r\n\r\n"), 505, 'malformed_request', 'an unknown version');
shape(raw("TRACE /relay HTTP/1.1\r\nHost: a\r\n\r\n"), 405, 'method_not_allowed', 'a method that nginx refuses');

# A client that stops sending

$client = $t->client;
$client->send($client->head('POST', '/relay', 'Content-Type' => 'message/ohttp-req', 'Content-Length' => 1000)
    . $t->sealed(200));
my $answer = $client->answer;
like($answer->status, qr/^(?:408|0)$/, 'a client that stops sending gets a 408 or nothing');
$t->waitfor('its line', sub { grep { / client_closed 408 / } $t->log_lines });
pass('and is counted as client_closed');

$t->done;
