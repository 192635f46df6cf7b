#!/usr/bin/perl

# The head that a gateway gets is a constant: nothing of the client is in it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->http(<<'EOC');
    ohttp_relay_gateway llm {
        url             http://127.0.0.1:8081/v1/ohttp;
        insecure        on;
        request_header  Authorization "Bearer of the relay";
        request_header  X-Plan gold;
    }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        location = /relay { ohttp_relay_pass llm; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

# Fields that proxies, browsers and load balancers add, and fields nobody has heard of.

my @known = map { ($_, $t->canary->word) } qw/
    X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Port True-Client-IP CF-Connecting-IP CF-Ray
    X-Client-IP X-Cluster-Client-IP Fastly-Client-IP Sec-CH-UA Sec-Fetch-Site DNT Priority
    Accept Accept-Encoding If-None-Match Range Max-Forwards Proxy-Connection Keep-Alive
    X-Amzn-Trace-Id tracestate b3 X-TEE-ID X-Accel-Redirect Alt-Used Date Expires Server Warning
    Trailer Pragma Cache-Control Content-Language Content-Encoding Early-Data HTTP2-Settings/;
my @random = map {
    (join('', map { ('a' .. 'z', 'A' .. 'Z', '-')[rand 53] } 1 .. 4 + rand 12) . "-$_"
        => $t->canary->word . rand)
} 1 .. 200;

# A head as the gateway must get it, the order of its fields left open.

sub expected {
    my (%fields) = @_;
    $fields{Host} = '127.0.0.1:' . $t->port(8081);
    $fields{Authorization} = 'Bearer of the relay';
    $fields{'X-Plan'} = 'gold';
    return join "\n", 'POST /v1/ohttp HTTP/1.1', sort map { "$_: $fields{$_}" } keys %fields;
}

sub got {
    my ($request) = @_;
    my ($start, @fields) = split /\r\n/, $request->head;
    return join "\n", $start, sort @fields;
}

my %heads;

for my $type ('message/ohttp-req', 'message/ohttp-chunked-req') {
    my $expected = $type =~ /chunked/
        ? expected('Content-Type' => $type, 'Transfer-Encoding' => 'chunked', 'Incremental' => '?1')
        : expected('Content-Type' => $type, 'Content-Length' => 300);

    my @clients = (
        ['HTTP/1.1', http => 1],
        ['HTTP/2', http => 2],
        ['HTTP/1.1 in chunks', http => 1, chunked => 1],
        ['HTTP/2 without a length', http => 2, chunked => 1],
        ['the fields that identify', http => 1, headers => [@known]],
        ['the fields that identify, HTTP/2', http => 2,
            headers => [@known, map { ($_ => undef) } qw/Proxy-Connection Keep-Alive HTTP2-Settings/]],
        ['two hundred unknown fields', http => 1, headers => [@random]],
        ['two hundred unknown fields, HTTP/2', http => 2, headers => [@random]],
        ['Connection: close', http => 1, headers => ['Connection' => 'close, X-Plan']],
        ['TE and Upgrade', http => 1, headers => ['TE' => 'trailers', 'Upgrade' => 'websocket',
            'Connection' => 'upgrade, TE']],
        ['its own Incremental', http => 1, headers => ['Incremental' => '?0']],
        ['another Incremental', http => 1, headers => ['Incremental' => '?1']],
        ['a spelling of the type', http => 1, type => uc($type) . '; tracked=' . $t->canary->word],
        ['Expect', http => 1, headers => ['Expect' => '100-continue']],
    );

    for (@clients) {
        my ($name, %opt) = @$_;
        $gateway->forget;
        is($t->post('/relay', type => $type, %opt)->says, '200', "$type with $name");
        my ($request) = $gateway->wait_requests(1);
        is(got($request), $expected, "head with $name");
        $heads{$type}{$request->head} = 1;
    }

    is(scalar keys %{ $heads{$type} }, 1, "$type: byte-identical heads for all of them");
}

$t->done;
