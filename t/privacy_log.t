#!/usr/bin/perl

# The logs of a relay listener do not know who the client is, whatever goes wrong.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Tls;

my $t = Test::OhttpRelay->new->has(qw/http2 openssl ssl realip/);

certificate($t, 'relay');

$t->http(<<'EOC');
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; keepalive 0; read_timeout 1s; }

    log_format address '[$remote_addr]';
    client_header_timeout 1s;
    keepalive_timeout     1s;

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        listen 127.0.0.1:8084 ssl;

        ssl_certificate     %%TESTDIR%%/relay.crt;
        ssl_certificate_key %%TESTDIR%%/relay.key;
        access_log %%TESTDIR%%/access.log relay;
        access_log %%TESTDIR%%/address.log address;

        location = /relay { ohttp_relay_pass llm; }
        location = /deny  { ohttp_relay_pass llm; deny all; }
        location / { return 404; }
    }

    server {
        listen 127.0.0.1:8085;
        set_real_ip_from 127.0.0.0/8;
        real_ip_header X-Forwarded-For;
        location = /relay { ohttp_relay_pass llm; }
        location = /deny  { ohttp_relay_pass llm; deny all; }
        location / { return 404; }
    }

    server {
        listen 127.0.0.1:8086 proxy_protocol;
        set_real_ip_from 127.0.0.0/8;
        real_ip_header proxy_protocol;
        location = /relay { ohttp_relay_pass llm; }
        location / { return 404; }
    }
EOC

my $gateway = $t->gateway(8081);
$t->run;

my $word = $t->canary->word;

sub raw {
    my ($port, $bytes) = @_;
    my $client = $t->client($port);
    $client->send($bytes);
    $client->rest;
}

# Things that make nginx write lines: before, while and after a request is read.

my %nonsense = (
    'nothing' => '',
    'half a request line' => "POST /relay-$word",
    'half a head' => "POST /relay HTTP/1.1\r\nHost: $word\r\nCookie: $word",
    'a long line' => "POST /relay/$word" . 'x' x 9000 . " HTTP/1.1\r\n",
    'a long field' => "POST /relay HTTP/1.1\r\nHost: $word\r\nCookie: $word" . 'x' x 40_000 . "\r\n\r\n",
    'a wrong request line' => "$word $word $word\r\n\r\n",
    'a wrong field' => "POST /relay HTTP/1.1\r\nHost: $word\r\nX-\x01$word: a\r\n\r\n",
    'a wrong host' => "POST /relay HTTP/1.1\r\nHost: a/$word\r\n\r\n",
    'no host' => "POST /relay HTTP/1.1\r\nReferer: $word\r\n\r\n",
    'a wrong length' => "POST /relay HTTP/1.1\r\nHost: $word\r\nContent-Length: x$word\r\n\r\n",
    'an unknown path' => "POST /$word?$word HTTP/1.1\r\nHost: $word\r\nReferer: $word\r\nConnection: close\r\n\r\n",
    'a wrong escape' => "POST /%zz$word HTTP/1.1\r\nHost: $word\r\nConnection: close\r\n\r\n",
    'a tunnel' => "CONNECT $word:443 HTTP/1.1\r\nHost: $word\r\n\r\n",
    'HTTP/0.9' => "GET /$word\r\n",
    'TLS' => "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03$word",
);

for my $name (sort keys %nonsense) {
    raw($_, $nonsense{$name}) for 8080, 8082, 8084, 8085;
    raw(8086, $nonsense{$name});
    raw(8086, "PROXY TCP4 198.51.100.253 127.0.0.1 5555 80\r\n$nonsense{$name}");
}

$t->canary->plant('198.51.100.253');

# Requests that fail at the gateway, on each listener

for my $how (['reset'], ['close'], ['answer', 500, 'text/html', 'x'], ['start_chunks']) {
    my ($act, @with) = @$how;
    for my $case ([8080], [8082, http => 2], [8084, tls => 1], [8085]) {
        my ($port, %opt) = @$case;
        my $client = $t->start('/relay', port => $port, %opt);
        my $conn = $gateway->accept;
        $conn->request;
        $conn->body;
        $conn->$act(@with);
        $conn->reset;
        $client->answer;
    }

    my $client = $t->client(8086);
    $client->send("PROXY TCP4 198.51.100.253 127.0.0.1 5555 80\r\n");
    $client->request('POST', '/relay', $t->sealed, type => 'message/ohttp-req');
    my $conn = $gateway->accept;
    $conn->request;
    $conn->body;
    $conn->$act(@with);
    $conn->reset;
    $client->answer;
}

$t->post('/deny', port => $_) for 8080, 8085;
is($t->post('/relay?' . $word, port => $_)->status, 400, "a query on $_") for 8080, 8085;

# Connections that are kept and then time out, or that the client drops while it waits

my $client = $t->client;
$client->request('POST', '/relay', 'x', type => 'message/ohttp-req');
is($client->answer->status, 400, 'a connection that is kept');
ok($client->at_end, 'and times out');
$client = $t->start('/relay');
my $conn = $gateway->accept;
$conn->request;
$client->close;
ok($conn->body && $conn->at_end, 'a client that goes away while the gateway thinks');

# A field of the log that names the client may be there if it is empty.

my @lines = grep { /\[error\]/ } split /\n/, $t->read_file('error.log');
cmp_ok(scalar @lines, '>', 10, 'there was much to write about');
is(join("\n", grep { /client:? ?[^:,\s]|client "/ } @lines), '', 'of nobody');
is(join("\n", grep { /(?:request|host|referrer): "/ } @lines), '', 'without request, host or referrer');
unlike($t->read_file('address.log'), qr/\[.+\]/, 'and $remote_addr is empty');

$t->done;
