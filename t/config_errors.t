#!/usr/bin/perl

# Wrong configuration is refused with one clear line, doubtful configuration is warned about.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Tls;

my $t = Test::OhttpRelay->new->has(qw/openssl/);
certificate($t, 'ca');

# the one error that is found when the log is open already
$t->waive('alerts', 'it is about such lines', qr/ohttp_relay_zone is too small/);

my $llm = "ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; }\n";
my $pass = 'location = /relay { ohttp_relay_pass llm; }';
my $pin = 'spki-sha256:' . 'ab' x 32;

sub server { "server { listen 127.0.0.1:8080; @_ }\n" }
sub gateway { "ohttp_relay_gateway llm { @_ }\n" . server($pass) }

# What is refused: a name, what the line must speak of, the http block, what stands outside of it.

my @refused = (
    ['an unknown gateway', 'nobody', $llm . server('location / { ohttp_relay_pass nobody; }')],
    ['pass without a name', 'ohttp_relay_pass', $llm . server('location / { ohttp_relay_pass; }')],
    ['pass twice', 'duplicate', $llm . server('location / { ohttp_relay_pass llm; ohttp_relay_pass llm; }')],
    ['pass at the server', 'ohttp_relay_pass', $llm . server('ohttp_relay_pass llm;')],
    ['a duplicate gateway', 'llm', $llm . $llm . server($pass)],
    ['a gateway without url', 'url', gateway('insecure on;')],
    ['a gateway without a name', 'ohttp_relay_gateway', "ohttp_relay_gateway { url https://a.test/; }\n"],
    ['a name with odd letters', 'name', "ohttp_relay_gateway a/b { url https://a.test/; }\n"],
    (map { ["$_ to pass to clients", 'payment', gateway("url https://a.test/; pass_response_header $_;")] }
        qw/X-Upto-Session x-upto-spent X-PAYMENT X-Payment-Response PAYMENT-REQUIRED payment-response/),
    ['http without insecure', 'insecure', gateway('url http://127.0.0.1:8081/;')],
    ['http with insecure off', 'insecure', gateway('url http://127.0.0.1:8081/; insecure off;')],
    ['another scheme', 'url', gateway('url ftp://127.0.0.1:8081/; insecure on;')],
    ['a user in the url', 'url', gateway('url http://me:secret@127.0.0.1:8081/; insecure on;')],
    ['a fragment in the url', 'url', gateway('url "http://127.0.0.1:8081/#a"; insecure on;')],
    ['a blank in the url', 'url', gateway('url "http://127.0.0.1:8081/a b"; insecure on;')],
    ['a port beyond all', 'url', gateway('url http://127.0.0.1:70000/; insecure on;')],
    ['two urls', 'url', gateway('url http://127.0.0.1:8081/; url http://127.0.0.1:8083/; insecure on;')],
    ['a host that does not exist', 'host', gateway('url http://no.such.host.invalid/; insecure on;')],
    ['an unknown word', 'proxy_pass', gateway('url http://127.0.0.1:8081/; insecure on; proxy_pass x;')],
    ['a variable in a header', 'variable', gateway('url http://127.0.0.1:8081/; insecure on; request_header X-Client $remote_addr;')],
    ['a variable inside a header', 'variable', gateway('url http://127.0.0.1:8081/; insecure on; request_header X-Client "a ${remote_addr}";')],
    ['a line break in a header', 'request_header', gateway("url http://127.0.0.1:8081/; insecure on; request_header X-A \"a\r\nX-B: c\";")],
    ['a wrong header name', 'request_header', gateway('url http://127.0.0.1:8081/; insecure on; request_header "X A" a;')],
    ['a header of the relay itself', 'request_header', gateway('url http://127.0.0.1:8081/; insecure on; request_header Content-Length 5;')],
    ['a framing header to pass', 'pass_response_header', gateway('url http://127.0.0.1:8081/; insecure on; pass_response_header Transfer-Encoding;')],
    ['an unknown media type', 'media_types', gateway('url http://127.0.0.1:8081/; insecure on; media_types text/html;')],
    ['a size that is none', 'max_body', gateway('url http://127.0.0.1:8081/; insecure on; max_body many;')],
    ['a time that is none', 'read_timeout', gateway('url http://127.0.0.1:8081/; insecure on; read_timeout long;')],
    ['a bad pin', 'ssl_pin', gateway('url https://127.0.0.1:8081/; ssl_pin spki-sha256:abcd;')],
    ['a pin of another kind', 'ssl_pin', gateway('url https://127.0.0.1:8081/; ssl_pin sha1:' . 'ab' x 20 . ';')],
    ['an address without name or pin', 'ssl_name', gateway('url https://127.0.0.1:8081/;')],
    ['a variable for the name', 'ssl_name', gateway('url https://127.0.0.1:8081/; ssl_name $host;')],
    ['a pin for plain http', 'ssl_pin', gateway("url http://127.0.0.1:8081/; insecure on; ssl_pin $pin;")],
    ['tls and a pin', 'ssl_pin', "ohttp_relay_tls ours { trusted_certificate %%TESTDIR%%/ca.crt; }\n"
        . gateway("url https://127.0.0.1:8081/; tls ours; ssl_pin $pin;")],
    ['an unknown tls block', 'nothing', gateway('url https://127.0.0.1:8081/; ssl_name a.test; tls nothing;')],
    ['a duplicate tls block', 'ours', "ohttp_relay_tls ours { trusted_certificate %%TESTDIR%%/ca.crt; }\n" x 2 . $llm . server($pass)],
    ['a CA file that is not there', 'missing', "ohttp_relay_tls ours { trusted_certificate %%TESTDIR%%/missing.pem; }\n"
        . gateway('url https://127.0.0.1:8081/; ssl_name a.test; tls ours;')],
    ['a certificate without key', 'certificate_key', "ohttp_relay_tls ours { trusted_certificate %%TESTDIR%%/ca.crt; certificate %%TESTDIR%%/ca.crt; }\n"
        . gateway('url https://127.0.0.1:8081/; ssl_name a.test; tls ours;')],
    ['an old protocol', 'TLSv1.1', "ohttp_relay_tls ours { trusted_certificate %%TESTDIR%%/ca.crt; protocols TLSv1.1; }\n"
        . gateway('url https://127.0.0.1:8081/; ssl_name a.test; tls ours;')],
    ['auth that is not off', 'ohttp_relay_auth', $llm . server('location / { ohttp_relay_pass llm; ohttp_relay_auth token; }')],
    ['an unknown status page', 'xml', server('location / { ohttp_relay_status xml; }')],
    ['a star for CORS', 'ohttp_relay_cors', $llm . server('location / { ohttp_relay_pass llm; ohttp_relay_cors *; }')],
    ['an origin with a path', 'ohttp_relay_cors', $llm . server('location / { ohttp_relay_pass llm; ohttp_relay_cors https://a.example/; }')],
    ['a zone that is too small', 'ohttp_relay_zone', "ohttp_relay_zone 1k;\n" . $llm . server($pass)],
    ['a zone that is too small for what is there', 'ohttp_relay_zone', "ohttp_relay_zone 32k;\n"
        . join('', map { "ohttp_relay_gateway g$_ { url http://127.0.0.1:8081/; insecure on; }\n" } 1 .. 5)
        . server('location / { ohttp_relay_pass g1; }')],
    ['a debug log in the location', 'debug', $llm . server('location = /relay { ohttp_relay_pass llm; error_log %%TESTDIR%%/debug.log debug; }')],
    ['a debug log at the server', 'debug', $llm . server("error_log %%TESTDIR%%/debug.log debug; $pass")],
    ['a debug log in http', 'debug', "error_log %%TESTDIR%%/debug.log debug;\n" . $llm . server($pass)],
    ['a debug log outside', 'debug', $llm . server($pass), "error_log %%TESTDIR%%/debug.log debug;\n"],
    ['a body in a file', 'client_body_in_file_only', $llm . server("client_body_in_file_only on; $pass")],
    ['a body in a file, cleaned', 'client_body_in_file_only', $llm . server("client_body_in_file_only clean; $pass")],
);

push @refused, ['a body read early', 'client_body_early_read', $llm . server("client_body_early_read on; $pass")]
    if $t->version >= 1031005;

for (@refused) {
    my ($name, $about, $inside, $outside) = @$_;
    my ($code, $said) = $t->nginx_t($inside, $outside);
    my @lines = grep { /\[(?:emerg|alert|crit)\]/ } split /\n/, $said;

    isnt($code, 0, "$name is refused");
    is(scalar @lines, 1, 'with one line') or diag($said);
    like($lines[0] // '', qr/\Q$about\E/, "which speaks of $about");
    unlike($said, qr/secret/, 'and repeats no secret');
}

# What is accepted.

my @accepted = (
    ['an ordinary relay', $llm . server($pass)],
    ['an empty location', server('location / { }')],
    ['all the words', "ohttp_relay_zone 1m; ohttp_relay_dumpable on; ohttp_relay_early_data_header on;\n"
        . 'ohttp_relay_gateway all { url http://127.0.0.1:8081/a?b=c; insecure on; request_header X-A "b c";'
        . ' pass_response_header X-B X-C; media_types message/ohttp-req; max_body 1m; connect_timeout 1s; send_timeout 2s;'
        . " read_timeout 3m; keepalive 3; keepalive_timeout 4s; keepalive_requests 5; max_in_flight 6; }\n"
        . server('location / { ohttp_relay_pass all; ohttp_relay_auth off; ohttp_relay_cors https://a.example; }')],
    ['pins', gateway("url https://127.0.0.1:8081/; ssl_pin $pin cert-sha256:" . 'AB:' x 31 . 'ab; ssl_name a.test;')],
    ['a gateway by a variable', $llm . server('location ~ ^/(?<gw>.*)$ { ohttp_relay_pass $gw; }')],
);

for (@accepted) {
    my ($name, $inside) = @$_;
    my ($code, $said) = $t->nginx_t($inside);
    is($code, 0, "$name is accepted") or diag($said);
}

# Each once, however many locations there are.

my (undef, $said) = $t->nginx_t($llm . server($pass . ' location = /b { ohttp_relay_pass llm; }'
    . ' location = /c { ohttp_relay_pass llm; }'));
is(scalar(() = $said =~ /ohttp_relay_auth/g), 1, 'a relay without credentials says so once') or diag($said);
is(scalar(() = $said =~ /\[warn\].*TLS/g), 1, 'a relay without TLS is warned about once') or diag($said);

$t->done;
