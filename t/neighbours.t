#!/usr/bin/perl

# Locations beside a relay location, on the same server, behave as on a server without one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2 http_sub/);

$t->waive('canary', 'ordinary locations keep their own logs', qr/^(?:site|plain)\./);

mkdir $t->dir . '/html';
mkdir $t->dir . "/html/$_" for qw/site sub/;
my $page = '<html><head></head><!--#echo var="request_method" -->' . 'a word of this site ' x 100 . "</html>\n";
$t->write_file("html/$_", $page) for qw{site/index.html site/page.html sub/index.html};
$t->write_file('html/site/missing.html', 'our own <!--#echo var="status" --> page, a word of it');

# Everything that leads a request from one location to another or changes what it gets.

$t->write_file_expand('site.conf', <<'EOC');
    root %%TESTDIR%%/html;
    ssi on;
    sub_filter 'a word' 'two words';
    sub_filter_once off;
    gzip on;
    gzip_min_length 1;
    add_header X-Site here always;
    recursive_error_pages on;
    client_max_body_size 1k;
    error_page 400 405 /site/missing.html;

    rewrite ^/old/(.*)$ /site/$1 break;
    rewrite ^/older/(.*)$ /site/$1 last;

    location /site/          { error_page 404 /site/missing.html; }
    location /sub/           { index nothing.html index.html; }
    location /tried/         { try_files $uri $uri/ @named; }
    location /triedpage/     { try_files $uri /site/page.html; }
    location @named          { rewrite ^ /site/page.html break; }
    location /legacy/        { rewrite ^/legacy/(.*)$ /site/$1 break; }
    location /legacyproxy/   { rewrite ^/legacyproxy(.*)$ /site$1 break; proxy_pass http://127.0.0.1:8086; proxy_http_version 1.1; proxy_set_header Connection ''; }
    location /broken/        { break; root %%TESTDIR%%/html/site; error_page 404 = @named; }
    location /stopped/       { if ($arg_a) { return 403; } error_page 403 /site/missing.html; break; return 404; }
    location /denied/        { deny all; error_page 403 =200 /site/page.html; }
    location /moved          { return 301 /site/; }
    location /text           { return 200 "a word for $http_user_agent"; }
    location /accel/         { proxy_pass http://127.0.0.1:8086; }
    location /hidden/        { internal; alias %%TESTDIR%%/html/site/; }
    location /badgateway/    { proxy_pass http://127.0.0.1:8087; error_page 502 @named; }
EOC

$t->http(<<'EOC');
    log_format site '$status "$request" "$uri" "$args" "$http_user_agent" $body_bytes_sent';

    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; keepalive 0; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        access_log %%TESTDIR%%/site.access site;
        error_log  %%TESTDIR%%/site.error info;
        include    %%TESTDIR%%/site.conf;

        location = /relay { ohttp_relay_pass llm; access_log %%TESTDIR%%/access.log relay; }
    }

    server {
        listen 127.0.0.1:8083;
        listen 127.0.0.1:8084 http2;
        access_log %%TESTDIR%%/plain.access site;
        error_log  %%TESTDIR%%/plain.error info;
        include    %%TESTDIR%%/site.conf;
    }

    server {
        listen 127.0.0.1:8086;
        access_log off;
        error_log  %%TESTDIR%%/plain.backend;
        root %%TESTDIR%%/html;
        location /accel/ { add_header X-Accel-Redirect /hidden/page.html; return 200; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

sub ask {
    my ($port, $http, $request) = @_;
    my ($method, $target, @fields) = @$request;
    my $body = $method eq 'POST' ? 'x' x 2000 : undef;
    my $answer = $t->post($target, port => $port, http => $http, method => $method, type => undef,
        body => $body, headers => ['User-Agent' => 'a visitor', $http == 1 ? ('Connection' => 'close') : (), @fields]);
    my @fields_said = grep { !/^(?:date|connection):/i } split /\r\n/, $answer->head;
    return ($answer, join("\n", map { s/^([\w-]+:)/lc $1/er } @fields_said) =~ s/example:\d+/example/r);
}

my @gzip = ('Accept-Encoding' => 'gzip');
my @requests = (
    (map { ['GET', $_] } qw{/site/index.html /site/ /site/none /sub/ /sub/none /site /tried/any
        /tried/ /triedpage/any /old/page.html /old/none /older/page.html /older/none /legacy/page.html
        /legacy/none /legacyproxy/page.html /legacyproxy/none /broken/page.html /broken/none /stopped/x
        /stopped/x?a=1 /denied/x /moved /text /accel/x /hidden/x /badgateway/x /none}),
    (map { ['GET', $_, @gzip] } qw{/site/ /old/page.html /legacy/page.html /tried/any /denied/x /site/none}),
    ['HEAD', '/site/'], ['HEAD', '/legacy/page.html'], ['DELETE', '/site/'],
    ['POST', '/site/'], ['POST', '/legacy/page.html'], ['POST', '/tried/any'],
    ['GET', '/accel/x', 'Range' => 'bytes=0-9'], ['GET', '/legacyproxy/page.html', 'Range' => 'bytes=0-9'],
    ['GET', '/site/', 'If-None-Match' => '*'], ['GET', '/site/', 'Expect' => 'wonders'],
);

for my $http (1, 2) {
    my ($relays, $plains) = $http == 1 ? (8080, 8083) : (8082, 8084);

    for my $request (@requests) {
        my $name = join(' ', @$request) . ", HTTP/$http";
        my ($answer, $head) = ask($relays, $http, $request);
        my ($expected, $expected_head) = ask($plains, $http, $request);

        is($head, $expected_head, "$name: status and headers");
        ok($answer->body eq $expected->body, "$name: body") or diag($answer->body);
        is($answer->complete, $expected->complete, "$name: its end");
        unlike($answer->head . $answer->body, qr/proxy-status|ohttp/i, "$name: nothing of the relay");
    }

    is($t->post('/relay', port => $relays, http => $http)->says, '200', "the relay works beside it, HTTP/$http");
}

# The site was what it should be, not twice the same nonsense.

like((ask(8083, 1, ['GET', '/site/']))[0]->body, qr/^<html><head><\/head>GETtwo words/, 'the site without a relay');
like((ask(8080, 1, ['GET', '/site/']))[0]->body, qr/^<html><head><\/head>GETtwo words/, 'and the site with one');

# Its log has the same lines, with what its operator wants to know.

my @logs = map { $t->waitfor("the lines of $_", sub {
    my @lines = split /\n/, $t->read_file("$_.access");
    @lines >= 2 * @requests + 1 && join "\n", @lines;
}) } qw/site plain/;
is($logs[0], $logs[1], 'the access log is the same');
like($logs[0], qr{"a visitor"}, 'and has the visitors');
is(scalar(my @lines = $t->log_lines), 2, 'the log of the relay has its own requests only');

$t->done;
