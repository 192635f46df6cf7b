#!/usr/bin/perl

# What a client names is one of the registered gateways of a pool, or nothing at all.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2/);

my ($one, $two) = map { join '', map { ('0' .. '9', 'a' .. 'f')[rand 16] } 1 .. 64 } 1 .. 2;
my $upper = uc $two;

$t->http(<<"EOC");
    ohttp_relay_gateway og-1 { url http://127.0.0.1:8081/v1/ohttp; insecure on; pool og; selector 0x$one; }
    ohttp_relay_gateway og-2 { url http://127.0.0.1:8083/v1/ohttp; insecure on; pool og; selector $upper;
                               max_body 1k; media_types message/ohttp-req; }
    ohttp_relay_gateway og-3 { url http://127.0.0.1:8084/v1/ohttp; insecure on; pool og; selector Node-3; }

    ohttp_relay_pool og { select header:X-TEE-ID; keys per-gateway; default og-1; }

    ohttp_relay_gateway strict-1 { url http://127.0.0.1:8081/strict; insecure on; pool strict; selector one; }
    ohttp_relay_gateway strict-2 { url http://127.0.0.1:8085/strict; insecure on; pool strict; selector two;
                                   max_in_flight 1; }
    ohttp_relay_pool strict { select header:X-TEE-ID; }

    ohttp_relay_gateway url-1 { url http://127.0.0.1:8081/v1/ohttp; insecure on; pool url; }
    ohttp_relay_gateway url-2 { url http://127.0.0.1:8083/v1/ohttp?a=b; insecure on; pool url; }
    ohttp_relay_pool url { select target:OHTTP-Target; }

    ohttp_relay_gateway way-1 { url http://127.0.0.1:8081/way; insecure on; pool way; }
    ohttp_relay_gateway way-2 { url http://127.0.0.1:8083/way; insecure on; pool way; selector 0xBEEF; }
    ohttp_relay_pool way { select path; default way-1; }

    ohttp_relay_gateway bare { url http://127.0.0.1:8084/bare; insecure on; }

    log_format told '\$http_x_tee_id \$http_ohttp_target \$ohttp_relay_gateway';

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        location = /og     { ohttp_relay_pass og; ohttp_relay_cors https://chat.example; }
        location = /strict { ohttp_relay_pass strict; }
        location = /url    { ohttp_relay_pass url; }
        location /way/     { ohttp_relay_pass way; }
        location ~ ^/to/(?<name>.*)\$ { ohttp_relay_pass \$name; }
        location = /told   { ohttp_relay_pass og; access_log %%TESTDIR%%/told.log told; }
        location = /host   { ohttp_relay_pass \$host; }
    }
EOC

my %gateway = map { $_->[0] => $t->gateway($_->[1], answer => sub { $_[0]->answer }) }
    ['a', 8081], ['b', 8083], ['c', 8084];
$t->run;

# What a request is answered with, and the gateways that it has reached.

my $lines = 0;

sub goes {
    my ($target, %opt) = @_;
    $_->forget for values %gateway;
    my $says = $t->post($target, %opt)->says;
    $lines++;
    my @reached = grep { scalar(my @requests = $gateway{$_}->requests) } sort keys %gateway;
    return join ' ', $says, @reached;
}

my $word = $t->canary->word;
my $urls = 'http://127.0.0.1:' . $t->port(8081);
my $second = 'http://127.0.0.1:' . $t->port(8083);

sub tee { ('X-TEE-ID' => $_[0]) }
sub url { ('OHTTP-Target' => $_[0]) }

# a second field hides in the value of the first
sub twice { ($_[0] => "$_[1]\r\n$_[2]: $_[3]") }

my @cases = (
    ['the id as registered, with 0x', '200 a', '/og', headers => [tee("0x$one")]],
    ['the id without 0x', '200 a', '/og', headers => [tee($one)]],
    ['capitals', '200 a', '/og', headers => [tee('0X' . uc $one)]],
    ['capitals without 0x', '200 a', '/og', headers => [tee(uc $one)]],
    ['blanks around it', '200 b', '/og', headers => [tee("  0x$two\t ")]],
    ['one registered in capitals without 0x', '200 b', '/og', headers => [tee("0x$two")]],
    ['a name in any case', '200 c', '/og', headers => [tee('nODE-3')]],
    ['nothing is the default', '200 a', '/og'],
    ['an empty one is the default', '200 a', '/og', headers => [tee('')]],
    ['blanks are the default', '200 a', '/og', headers => [tee(" \t ")]],
    ['an empty one beside another is refused', '400 malformed_request', '/og', headers => [twice('X-TEE-ID', '', 'X-TEE-ID', $two)]],
    ['another one is unknown', '404 gateway_unknown', '/og', headers => [tee($word)]],
    ['one digit less is unknown', '404 gateway_unknown', '/og', headers => [tee(substr $one, 1)]],
    ['one digit more is unknown', '404 gateway_unknown', '/og', headers => [tee("${one}0")]],
    ['0x twice is unknown', '404 gateway_unknown', '/og', headers => [tee("0x0x$one")]],
    ['0x alone is unknown', '404 gateway_unknown', '/og', headers => [tee('0x')]],
    ['0x before a name is unknown', '404 gateway_unknown', '/og', headers => [tee('0xnode-3')]],
    ['two in a line are unknown', '404 gateway_unknown', '/og', headers => [tee("$one, $two")]],
    ['the name of its gateway is unknown', '404 gateway_unknown', '/og', headers => [tee('og-1')]],
    ['a long one is unknown', '404 gateway_unknown', '/og', headers => [tee($word x 100)]],
    ['two that differ are refused', '400 malformed_request', '/og', headers => [twice('X-TEE-ID', $one, 'X-TEE-ID', $two)]],
    ['two of the same are refused', '400 malformed_request', '/og', headers => [twice('X-TEE-ID', $one, 'x-tee-id', $one)]],
    ['two unknown ones are refused', '400 malformed_request', '/og', headers => [twice('X-TEE-ID', $word, 'X-TEE-ID', $word)]],
    ['the first unknown, the second not', '400 malformed_request', '/og', headers => [twice('x-tee-id', $word, 'X-TEE-ID', $one)]],

    ['max_body of the one chosen', '413 payload_too_large', '/og', headers => [tee($two)], body => $t->sealed(2000)],
    ['which is not that of another', '200 a', '/og', headers => [tee($one)], body => $t->sealed(2000)],
    ['max_body in chunks', '413 payload_too_large', '/og', headers => [tee($two)], body => $t->sealed(2000), chunked => 1],
    ['media types of the one chosen', '415 unsupported_media_type', '/og', headers => [tee($two)],
        type => 'message/ohttp-chunked-req'],
    ['which are not those of another', '200 c', '/og', headers => [tee('node-3')], type => 'message/ohttp-chunked-req'],

    ['no default, one named', '200 a', '/strict', headers => [tee('one')]],
    ['no default, nobody named', '404 gateway_unknown', '/strict'],
    ['no default, an empty name', '404 gateway_unknown', '/strict', headers => [tee('')]],
    ['a header that the pool does not read', '404 gateway_unknown', '/strict', headers => ['X-Tee-Id-2' => 'one']],

    ['a registered URL', '200 a', '/url', headers => [url("$urls/v1/ohttp")]],
    ['one with a query', '200 b', '/url', headers => [url("$second/v1/ohttp?a=b")]],
    (map { ["no other URL: $_->[0]", '404 gateway_unknown', '/url', headers => [url($_->[1])]] }
        ['a gateway that is not of the pool', 'http://127.0.0.1:' . $t->port(8084) . '/bare'],
        ['another path', "$urls/v1/other"],
        ['a longer path', "$urls/v1/ohttp/"],
        ['a shorter path', "$urls/v1/ohtt"],
        ['a query', "$urls/v1/ohttp?$word"],
        ['a fragment', "$urls/v1/ohttp#$word"],
        ['without its query', "$second/v1/ohttp"],
        ['dots', "$urls/v1/x/../ohttp"],
        ['an escaped slash', "$urls/v1%2fohttp"],
        ['another port', 'http://127.0.0.1:1/v1/ohttp'],
        ['no port', 'http://127.0.0.1/v1/ohttp'],
        ['a user', 'http://me@127.0.0.1:' . $t->port(8081) . '/v1/ohttp'],
        ['a registered user part', "http://127.0.0.1:" . $t->port(8081) . '@127.0.0.1:' . $t->port(8084) . '/v1/ohttp'],
        ['another scheme', 'https://127.0.0.1:' . $t->port(8081) . '/v1/ohttp'],
        ['capitals', uc "$urls/v1/ohttp"],
        ['a path alone', '/v1/ohttp'],
        ['a host alone', '127.0.0.1:' . $t->port(8081)],
        ['two of them', "$urls/v1/ohttp, $urls/v1/ohttp"],
        ['nothing', '']),
    ['no URL at all', '404 gateway_unknown', '/url'],
    ['two URLs', '400 malformed_request', '/url', headers => [twice('OHTTP-Target', "$urls/v1/ohttp", 'OHTTP-Target', "$urls/v1/ohttp")]],

    ['the last segment', '200 b', '/way/0xbeef'],
    ['the last of many', '200 b', '/way/a/b/BeeF'],
    ['no segment is the default', '200 a', '/way/'],
    ['an unknown segment', '404 gateway_unknown', "/way/$word"],
    ['the name of its gateway', '404 gateway_unknown', '/way/way-2'],
    ['an escaped segment is what it stands for', '200 b', '/way/%62eef'],
    ['an escaped slash', '404 gateway_unknown', '/way/beef%2f..%2fbare'],
    ['a byte of zero', '404 gateway_unknown', '/way/beef%01'],
    ['a header does not choose by path', '404 gateway_unknown', '/way/nobody', headers => [tee('beef')]],

    ['a pool by a variable', '200 b', '/to/og', headers => [tee($two)]],
    ['a gateway of a pool by its own name', '200 c', '/to/og-3', headers => [tee($one)]],
    ['neither', '404 gateway_unknown', "/to/$word"],
    ['a path of a pool', '404 gateway_unknown', '/to/og/og-1'],
    ['a path that climbs', '404 gateway_unknown', '/to/x%2f..%2f'],
    ['an address', '404 gateway_unknown', '/to/127.0.0.1:' . $t->port(8081)],
    ['a URL', '404 gateway_unknown', "/to/http:%2f%2f127.0.0.1:" . $t->port(8081) . '%2fv1%2fohttp'],
);

# Names nobody has registered are looked up and forgotten.

push @cases, map { ["unknown $_", '404 gateway_unknown', '/og', headers => [tee(sprintf '%064x', $_)]] } 1 .. 40;

for my $http (1, 2) {
    for (@cases) {
        my ($name, $expected, $target, %opt) = @$_;
        is(goes($target, %opt, http => $http), $expected, "$name, HTTP/$http");
    }
}

# Hosts and absolute forms lead nowhere: a name is a name.

for (
    ['Host of another gateway', 'og', '127.0.0.1:' . $t->port(8084), ('200 a') x 2],
    ['Host with a user', 'og', 'me@127.0.0.1:' . $t->port(8084),
        $t->version < 1_029_004 ? '200 a' : '400 malformed_request', '400 malformed_request'],
    ['Host that is a pool', 'host', 'og', ('200 a') x 2],
    ['Host that is an address', 'host', '127.0.0.1', ('404 gateway_unknown') x 2],
    ['Host and a port', 'host', 'nobody:' . $t->port(8084), ('404 gateway_unknown') x 2],
) {
    my ($name, $path, $host, $expected, $absolute) = @$_;
    is(raw("/$path", $host), $expected, $name);
    is(raw("http://$host/$path", 'relay.test'), $absolute, "$name, as an absolute form");
}

is(raw('http://127.0.0.1:' . $t->port(8084) . '/bare', 'og'), '404', 'an absolute form is but its path');

# The authority of HTTP/2 is no more than that, and a Host beside it nothing.

for (
    ['og', '127.0.0.1:' . $t->port(8084), '200 a'], ['host', '127.0.0.1:' . $t->port(8084), '404 gateway_unknown'],
    ['host', 'og', '200 a'], ['host', 'OG', '200 a'], ['host', 'og:1', '200 a'], ['host', 'nobody', '404 gateway_unknown'],
    ['bare', 'bare', '404'],
) {
    my ($path, $authority, $expected) = @$_;
    is(goes("/$path", http => 2, headers => [Host => $authority]), $expected, "an authority: $authority for /$path");
    is(goes("/$path", http => 2, headers => [Host => $authority, host => '127.0.0.1:' . $t->port(8084)]) =~ /c$/ ? 'another' : '',
        '', 'and a Host beside it leads nowhere else');
}

sub raw {
    my ($target, $host) = @_;
    $_->forget for values %gateway;
    my $client = $t->client;
    my $body = $t->sealed;
    $client->send("POST $target HTTP/1.1\r\nHost: $host\r\nContent-Type: message/ohttp-req\r\n"
        . 'Content-Length: ' . length($body) . "\r\nConnection: close\r\n\r\n$body");
    my $answer = $client->answer;
    $lines++;
    return join ' ', $answer->says, grep { scalar(my @requests = $gateway{$_}->requests) } sort keys %gateway;
}

# The id goes no further: not to the gateway, not into a log. What is logged is the gateway.

$_->forget for values %gateway;
is($t->post('/og', headers => [tee("0x$two"), url($urls)], http => $_)->says, '200', "one more, HTTP/$_") for 1, 2;
my $bytes = join '', map { $_->bytes } values %gateway;
unlike($bytes, qr/$one|$two|tee-id|ohttp-target/i, 'the gateway is not told the id');
$lines += 2;
like($t->logged($lines), qr/^og-2 ok 200 /, 'the log has the name of the gateway');
unlike($t->read_file('access.log') . $t->logs, qr/$one|$two|tee-id/i, 'and no log the id');

# Nor where the format asks for it.

is($t->post('/told', headers => [tee(@$_)])->says, $$_[1], 'a request that a log would like to know more of')
    for ["0x$two", '200'], [$word, '404 gateway_unknown'];
is(scalar(my @told = $t->waitfor('two lines', sub { (my @lines = $t->read_file('told.log') =~ /.+/g) == 2 })), 1, 'is logged');
is($t->read_file('told.log'), "- - og-2\n- - -\n", 'without the id');

# Where each has a key of its own, no other one does the work of a gateway that cannot.

my $played = $t->gateway(8085);
my $held = $t->start('/strict', headers => [tee('two')]);
my $conn = $played->accept;
$conn->request;
$conn->body;
is(goes('/strict', headers => [tee('two')]), '503 gateway_unavailable', 'a gateway that is full is unavailable');
is(goes('/strict', headers => [tee('one')]), '200 a', 'the other one of the pool is not');
$conn->answer;
is($held->answer->says, '200', 'the one that was there is answered');

# Pages that have to send the header may ask whether they may.

my $preflight = $t->post('/og', method => 'OPTIONS', type => undef, body => undef, headers => [
    'Origin' => 'https://chat.example', 'Access-Control-Request-Method' => 'POST',
    'Access-Control-Request-Headers' => 'x-tee-id']);
is($preflight->status, 204, 'a preflight is answered');
like($preflight->header('Access-Control-Allow-Headers'), qr/\bx-tee-id\b/, 'and allows the header');

$t->done;
