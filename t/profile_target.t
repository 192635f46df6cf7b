#!/usr/bin/perl

# However a client writes what it asks for, a gateway of a profile hears the paths, the parameters
# and the headers of the profile, in its own spelling, or nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Points qw/BASE_POINT/;

my $t = Test::OhttpRelay->new->has(qw/http2/);
my $key = BASE_POINT;
my $chute = '0c3f2a52-4d0e-5b6b-9a53-0f1ad7a3a001';

$t->http(<<'EOC');
    ohttp_relay_gateway alone  { url http://127.0.0.1:8081/base; insecure on; profile dstack-e2ee; replay_window off; }
    ohttp_relay_gateway chutes { url http://127.0.0.1:8081; insecure on; profile chutes-e2e; confidential_models off; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        location / { ohttp_relay_pass alone; }
        location /named/ { ohttp_relay_pass alone; }
        location /chutes/ { ohttp_relay_pass chutes; }
        location ~ ^/free/(?<name>[^/]+)/ { ohttp_relay_pass $name; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer(200, 'application/json', '{}', 'X-E2EE-Applied' => 'true') });
$t->run;

my $fields = "Host: a\r\nX-Signing-Algo: ecdsa\r\nX-Client-Pub-Key: $key\r\nX-Model-Pub-Key: $key\r\n";
my $json = "Content-Type: application/json\r\nContent-Length: 2\r\n";
my $head = join "\r\n", 'POST /base/v1/chat/completions HTTP/1.1', 'Host: 127.0.0.1:' . $t->port(8081),
    'Content-Type: application/json', 'X-Signing-Algo: ecdsa', "X-Client-Pub-Key: $key", "X-Model-Pub-Key: $key",
    'Content-Length: 2', '', '';

# A head as it is written here: the status of the answer, and the heads that the gateway got for it.

sub asked {
    my ($start, $lines, $body) = @_;

    my $client = $t->client;
    $client->send("$start HTTP/1.1\r\n$lines\r\n" . ($body // ''));
    my $status = $client->answer->status;
    my @heads = map { $_->head } $gateway->requests;
    $gateway->forget;

    return ($status, @heads);
}

sub post { asked("POST $_[0]", $fields . $json, '{}') }
sub get { asked("GET $_[0]", "Host: a\r\n") }

# ---- the target

my $chat = '/v1/chat/completions';

for ($chat, "/named$chat", "//named//v1//chat/completions", "/named/./x/..$chat", '/named/v1/chat/%63ompletions',
    '/named/v1%2fchat%2fcompletions', "/named/%2e%2e$chat", "$chat?", "$chat#completions", "$chat#?a=b",
    "http://other.example$chat", "http://other.example:99/named$chat")
{
    is_deeply([post($_)], [200, $head], "$_: the path of the profile, and the host of the gateway");
}

for ("$chat;a=b", "$chat%3fa", "$chat%20", "$chat%23", "$chat/", "$chat/..", '/v1/completions', '/named/..%2fv1/completions',
    '/v1/keys', '/v1/metrics', '/metrics', "/free/alone$chat", '/named', "/named/base$chat", "$chat%00", "/../named$chat",
    "$chat??", "$chat?a", '\\v1\\chat\\completions', 'v1/chat/completions', '*', "http://a:b\@other.example$chat")
{
    my ($status, @heads) = post($_);
    like($status, qr/^40[045]$/, "$_: is refused");
    is(scalar @heads, 0, 'and no gateway hears of it');
}

my %target = (
    '/v1/signature/a..b' => '/base/v1/signature/a..b',
    '/v1/signature/%61%2d1' => '/base/v1/signature/a-1',
    '/v1/signature/...' => '/base/v1/signature/...',
    '/v1/signature/a#b?c' => '/base/v1/signature/a',
    '/v1/models#a' => '/base/v1/models',
    '/v1/attestation/report?signing_algo=ECDSA#x' => '/base/v1/attestation/report?signing_algo=ecdsa',
    "/chutes/e2e/instances/$chute" => "/e2e/instances/$chute",
);

for (sort keys %target) {
    my ($status, @heads) = get($_);
    is($status, 200, "$_: passes");
    like($heads[0] // '', qr{^GET \Q$target{$_}\E HTTP/1\.1\r\nHost: [^\r]*\r\n\r\n$}, 'as the profile writes it');
}

for (qw{/v1/signature/%2e%2e /v1/signature/%2e /v1/signature/.. /v1/signature/a;b /v1/signature/a%3fb /v1/signature/a%23b
    /v1/signature/a%0d%0ab /v1/signature/a%c3%a4 /v1/signature/a/b /v1/models;a /chutes/e2e/instances/%2e%2e
    /chutes/e2e/instances/a%3fb /chutes/e2e/instances/a%2f..})
{
    my ($status, @heads) = get($_);
    like($status, qr/^40[04]$/, "$_: is refused");
    is(scalar @heads, 0, 'before any gateway hears of it');
}

# ---- headers

my %odd = (
    'a line that goes on' => "X-E2EE-Version: 1\r\n 2\r\n",
    'a line that goes on from nothing' => "X-E2EE-Nonce:\r\n nnnnnnnnnnnnnnnn\r\n",
    'a blank before the colon' => "X-E2EE-Version : 1\r\n",
    'a return in a value' => "X-E2EE-Version: 1\rX-User-Tier: premium\r\n",
    'a zero byte' => "X-E2EE-Version: 1\0\r\n",
    'a length and chunks' => "Transfer-Encoding: chunked\r\n",
    'a coding of the transfer' => "Transfer-Encoding: gzip\r\n",
);

for (sort keys %odd) {
    my ($status, @heads) = asked("POST $chat", $fields . $json . $odd{$_}, '{}');
    like($status, qr/^(?:400|501)$/, "$_: is refused");
    is(scalar @heads, 0, 'and goes nowhere');
}

my %other = (
    'a line feed alone' => "X-Other: 1\nX-User-Tier: premium\r\n",
    'underscores' => "X_E2EE_Version: 1\r\nX_User_Tier: premium\r\n",
    'another protocol' => "Connection: upgrade, X-Model-Pub-Key\r\nUpgrade: h2c\r\n",
    'what asks for another method' => "X-HTTP-Method-Override: DELETE\r\nX-Original-URL: /v1/keys\r\n",
    'what asks for a part' => "Range: bytes=0-1\r\nIf-Match: \"a\"\r\nIf-Unmodified-Since: Mon, 01 Jan 2001 00:00:00 GMT\r\n",
    'names of a browser' => "Origin: https://a.example\r\nCookie: a=b\r\nReferer: https://a.example/\r\n",
);

for (sort keys %other) {
    is_deeply([asked("POST $chat", $fields . $json . $other{$_}, '{}')], [200, $head], "$_: is not heard of");
}

is_deeply([asked("POST $chat", "${fields}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n",
    "2;a=b\r\n{}\r\n0\r\nX-User-Tier: premium\r\n\r\n")], [200, $head], 'nor of trailers and what stands beside chunks');

for (['chunks', "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"], ['a body', "Content-Length: 2\r\n", '{}']) {
    my ($name, $line, $body) = @$_;
    is_deeply([asked('GET /v1/models', "Host: a\r\n$line", $body)], [400], "a GET with $name goes nowhere");
}

is($t->post('/v1/models', method => 'GET', type => undef, http => 2, @$_)->says, '400 malformed_request',
    'nor does one over HTTP/2') for [chunked => 1, body => '{}'], [body => '{}'];
is(scalar(my @heads = $gateway->requests), 0, 'so that nothing is with a gateway that it does not expect');

$t->done;
