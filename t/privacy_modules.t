#!/usr/bin/perl

# Modules around the relay have seen the client: what they know does not get into its logs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw/encode_base64/;
use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::H2;

my $t = Test::OhttpRelay->new->has(qw/http2 realip/);

# Each variable of the format stands in brackets, which must be empty.

my @client = qw/remote_addr remote_user http_cookie http_user_agent http_x_forwarded_for http_referer http_origin
    http_authorization http_host cookie_session args query_string is_args arg_a request_body
    proxy_add_x_forwarded_for content_type realip_remote_addr/;
my $format = join ' ', '$ohttp_relay_result', '$request', map { "[\$$_]" } @client;

$t->write_file('passwords', "someone:{PLAIN}word\n");

$t->http(<<"EOC");
    ohttp_relay_gateway llm  { url http://127.0.0.1:8081/gateway; insecure on; keepalive 0; }
    ohttp_relay_gateway gone { url http://127.0.0.1:8083/gateway; insecure on; }

    log_format all '$format';
    limit_req_zone \$binary_remote_addr zone=slow:1m rate=1r/m;
    limit_req_zone \$http_x_forwarded_for zone=named:1m rate=1000r/s;
    limit_req_zone \$remote_addr zone=address:1m rate=1000r/s;

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        access_log %%TESTDIR%%/access.log relay;
        access_log %%TESTDIR%%/all.log all;

        set_real_ip_from 127.0.0.0/8;
        real_ip_header X-Forwarded-For;

        location = /relay  { ohttp_relay_pass llm; }
        location = /gone   { ohttp_relay_pass gone; }
        location = /slow   { ohttp_relay_pass llm; limit_req zone=slow burst=50; }
        location = /keyed  { ohttp_relay_pass llm; limit_req zone=named; limit_req zone=address; }
        location = /basic  { ohttp_relay_pass llm; auth_basic closed; auth_basic_user_file %%TESTDIR%%/passwords; }
        location = /if     { if (\$http_cookie ~ nomatch) { return 403; } if (\$arg_a = x) { return 403; } ohttp_relay_pass llm; }

        location = /rewrite {
            rewrite_log on;
            rewrite nomatch /other;
            if (\$http_cookie ~ nomatch) { return 403; }
            if (\$http_x_forwarded_for ~ nomatch) { return 403; }
            if (\$args ~ nomatch) { return 403; }
            rewrite ^(.*)\$ \$1 break;
            ohttp_relay_pass llm;
        }
    }

    server {
        listen 127.0.0.1:8086 proxy_protocol;
        access_log %%TESTDIR%%/all.log all;
        location = /relay { ohttp_relay_pass llm; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

my $word = $t->canary->word;
my $logged = 0;

# The last line that was written about a request, which must be empty of its client.

sub nothing_logged {
    my ($name) = @_;
    my @lines;
    $logged++;
    $t->waitfor("the line about $name", sub { (@lines = split /\n/, $t->read_file('all.log')) >= $logged });
    like($lines[-1], qr{^\w+ POST /\w+(?: HTTP/[\d.]+)? \[}, "$name: the request line has the path only");
    my @values = $lines[-1] =~ /\[(.*?)\]/g;
    my @named = map { $values[$_] !~ /^-?$/ ? "$client[$_]=$values[$_]" : () } 0 .. $#client;
    is("@named", '', "$name: no variable knows the client");
    return $lines[-1];
}

# A client that asks and ends its connection, all of which nginx reads in this order.

sub leaves {
    my ($http) = @_;
    my $client;

    if ($http == 1) {
        $client = $t->start('/slow');

    } else {
        $client = Test::OhttpRelay::H2->connect(canary => $t->canary, port => $t->port(8082));
        my $id = $client->open('POST', '/slow', type => 'message/ohttp-req', chunked => 1);
        $client->data($id, $t->sealed, 1);
    }

    shutdown $client->socket, 1;
    return $client;
}

for my $http (1, 2) {
    my %how = (http => $http, type => 'message/ohttp-req');

    is($t->post('/relay', %how)->says, '200', "a request, HTTP/$http");
    nothing_logged("a request, HTTP/$http");
    is($t->post("/relay?a=$word", %how)->says, '400 malformed_request', 'a query');
    nothing_logged("a query, HTTP/$http");
    is($t->post('/gone', %how)->says, '502 gateway_error', 'a gateway that is not there');
    nothing_logged("a body that nobody has taken, HTTP/$http");
    is($t->post('/keyed', %how)->says, '200', 'limits by header and address');
    nothing_logged("limits by header and address, HTTP/$http");
    is($t->post("/$_?a=$word", %how)->says, '400 malformed_request', "variables asked for by $_"),
        nothing_logged("$_ with a query, HTTP/$http") for qw/if rewrite/;
    is($t->post("/$_", %how)->says, '200', "variables asked for by $_"), nothing_logged("$_, HTTP/$http") for qw/if rewrite/;

    # Wrong passwords, users that are not there, credentials that are none
    my $user = $t->canary->plant(encode_base64("$word:word", ''));
    my $wrong = $t->canary->plant(encode_base64("someone:$word", ''));
    for my $credential ("Basic $user", "Basic $wrong", "Basic $word", $word) {
        is($t->post('/basic', %how, headers => ['Authorization' => $credential])->says, '401 credential_required', 'a wrong credential');
        nothing_logged("a wrong credential, HTTP/$http");
    }

    # Delayed by limit_req, and the client goes away before the relay is asked.
    $t->post('/slow', %how), nothing_logged("the first of a limit, HTTP/$http") if $http == 1;
    my $client = leaves($http);
    like(nothing_logged("a client that leaves a queue, HTTP/$http"), qr/^client_closed /, 'counted as client_closed');
}

# Where nginx waits for the PROXY protocol and something else comes, or something broken

my @broken = (
    $t->client->head('POST', "/relay?$word", 'Content-Type' => 'message/ohttp-req') . $t->sealed,
    "PROXY TCP4 $word 127.0.0.1 5555 80\r\n", "PROXY NONSENSE $word\r\n", "PROXY $word",
    "PROXY TCP4 198.51.100.1 127.0.0.1 $word 80\r\n", "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04$word",
);

for my $bytes (@broken) {
    my $client = $t->client(8086);
    $client->send($bytes);
    shutdown $client->socket, 1;
    $client->rest;
    isnt($client->ended, 'silent', 'a broken PROXY protocol header ends the connection');
}

is($t->post('/relay', port => 8080)->says, '200', 'and nginx goes on');

unlike($t->read_file('error.log'), qr/nomatch|was not found|password mismatch|broken header/, 'no line of other modules about a client');

$t->done;
