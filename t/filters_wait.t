#!/usr/bin/perl

# Filters that hold a head back until they have seen the body hold no answer of the relay.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my ($modules) = qx{${\($ENV{TEST_NGINX_BINARY} || '/usr/sbin/nginx')} -V 2>&1} =~ /--modules-path=(\S+)/;
my @there = grep { -e "$modules/ngx_http_${_}_filter_module.so" } qw/xslt image/;

$ENV{TEST_NGINX_GLOBALS} = join ' ', $ENV{TEST_NGINX_GLOBALS} // (),
    map { "load_module $modules/ngx_http_${_}_filter_module.so;" } @there;

my $t = Test::OhttpRelay->new->has(qw/http2/);

my %filter = (
    xslt => 'xslt_stylesheet %%TESTDIR%%/any.xsl; xslt_types *;',
    image => 'image_filter resize 10 10;',
    trailer => 'add_trailer X-Trailer appended;',
);
my @names = ('trailer', @there);

$t->write_file('any.xsl', '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">'
    . '<xsl:template match="/">other</xsl:template></xsl:stylesheet>');
$t->http(<<"EOC");
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; keepalive 0; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
@{[ map { "location = /$_ { ohttp_relay_pass llm; $filter{$_} }\n" } @names ]}
    }
EOC

my $chunked = 'message/ohttp-chunked-req';
my $gateway = $t->gateway(8081, answer => sub {
    my ($conn, $request) = @_;
    return $conn->answer unless $request->chunked;
    $conn->body;
    $conn->start_chunks;
    $conn->send_chunk($_) for qw/a piece/;
    $conn->end_chunks;
});
$t->run;

for my $http (1, 2) {
    for my $name (@names) {
        my $answer = $t->post("/$name", http => $http);
        is($answer->says, '200', "$name: an answer, HTTP/$http");
        like($answer->body, qr/^\0sealed\w+\r\n\xff$/, 'as it was');
        is($answer->header('Content-Length'), length $answer->body, 'with its length');

        $answer = $t->post("/$name", http => $http, type => $chunked);
        is($answer->says, '200', "$name: a stream, HTTP/$http");
        is($answer->body, 'apiece', 'as it was');

        $answer = $t->post("/$name", http => $http, type => 'a/b');
        is($answer->says, '415 unsupported_media_type', "$name: an error, HTTP/$http");
    }
}

$t->done;
