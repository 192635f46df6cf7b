#!/usr/bin/perl

# A request whose body somebody else has read or thrown away is refused, and harms nobody.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2 http_auth_request/);

$t->http(<<'EOC');
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; keepalive 0; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        error_log %%TESTDIR%%/error.log crit;
        access_log off;

        location = /relay { ohttp_relay_pass llm; access_log %%TESTDIR%%/access.log relay; }
        location @relay   { ohttp_relay_pass llm; access_log %%TESTDIR%%/access.log relay; }

        location = /small    { client_max_body_size 1k; error_page 413 = @relay; }
        location = /read     { client_max_body_size 1k; error_page 413 = @relay; proxy_pass http://127.0.0.1:8083/ok; proxy_pass_request_headers off; }
        location = /bad      { error_page 502 = @relay; proxy_pass http://127.0.0.1:8084; }
        location = /accel    { proxy_pass http://127.0.0.1:8083/named; proxy_pass_request_headers off; }
        location = /redirect { proxy_pass http://127.0.0.1:8083/uri; proxy_pass_request_headers off; }
        location = /page     { error_page 404 /relay; return 404; }
        location /tried      { try_files $uri @relay; }
        location /kept       { error_page 403 = @relay; return 403; }

        location = /allowed  { auth_request /yes; ohttp_relay_pass llm; }
        location = /refused  { auth_request /no; ohttp_relay_pass llm; }
        location = /unknown  { auth_request /who; ohttp_relay_pass llm; }
        location = /turned   { auth_request /relay; ohttp_relay_pass llm; }
        location = /yes { proxy_pass http://127.0.0.1:8083/ok; proxy_pass_request_headers off; }
        location = /no  { return 403; }
        location = /who { return 401; }
    }

    server {
        listen 127.0.0.1:8083;
        access_log off;
        location = /ok    { return 200 ok; }
        location = /named { add_header X-Accel-Redirect @relay; return 200; }
        location = /uri   { add_header X-Accel-Redirect /relay; return 200; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

my @workers = $t->workers;

# What must come of a request that has been somewhere else, by where it went: with a length
# and with chunks, for both media types.

my %says = (
    '/small' => '400 malformed_request',
    '/read' => '400 malformed_request',
    '/bad' => '400 malformed_request',
    '/accel' => '400 malformed_request',
    '/redirect' => '405 method_not_allowed',
    '/page' => '405 method_not_allowed',
    '/refused' => '403 gateway_not_allowed',
    '/unknown' => '401 credential_required',
    '/turned' => '500 gateway_unavailable',
);

my @types = qw{message/ohttp-req message/ohttp-chunked-req};

for my $http (1, 2) {
    for my $type (@types) {
        for my $chunked (0, 1) {
            my @how = (http => $http, type => $type, chunked => $chunked);
            my $name = "$type, " . ($chunked ? 'in pieces' : 'with a length') . ", HTTP/$http";

            for my $target (sort keys %says) {
                next if $chunked && $target eq '/small';
                is($t->post($target, @how, body => $t->sealed(3000))->says, $says{$target}, "$target, $name");
            }
        }
    }
}

is(scalar(my @none = $gateway->requests), 0, 'the gateway sees nothing of them');

# Only a part of the body is there when the core throws the rest away.

for my $type (@types) {
    my $client = $t->client;
    $client->send($client->head('POST', '/small', 'Content-Type' => $type, 'Content-Length' => 5000)
        . $t->sealed(2000));
    is($client->answer->says, '400 malformed_request', "part of a body that is thrown away, $type");
    $client->send('x' x 3000);
    $client->close;

    $client = $t->client;
    $client->send($client->head('POST', '/small', 'Content-Type' => $type, 'Content-Length' => 5000));
    is($client->answer->says, '400 malformed_request', "none of a body that is thrown away, $type");
    $client->close;
}

# Where nobody has touched the body the request is served, whole.

for my $http (1, 2) {
    for my $target (qw{/relay /tried /kept /allowed}) {
        for my $type (@types) {
            for my $size (300, 100_000) {
                my $sealed = $t->sealed($size);
                $gateway->forget;
                is($t->post($target, http => $http, type => $type, body => $sealed)->says, '200',
                    "$target is served, $size bytes of $type, HTTP/$http");
                my ($request) = $gateway->wait_requests(1);
                ok($request && $request->body eq $sealed, 'and arrives whole');
            }
        }
    }
}

is_deeply([sort $t->workers], [sort @workers], 'no worker has died');

$t->done;
