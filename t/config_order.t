#!/usr/bin/perl

# Debugging that is switched on behind the http block prints nothing of a client either.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2 debug/);

my $inside = <<'EOC';
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; }

    server {
        listen 127.0.0.1:8080 default_server;
        listen 127.0.0.1:8082 http2 default_server;
        server_name other.example;
        location / { return 204; }
    }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        server_name relay.example;
        location = /relay { ohttp_relay_pass llm; }
    }
EOC

# The same blocks, with "events" and "error_log" at the end.

my $text = Test::OhttpRelay::in_http($inside);
$text =~ s/^events (\{.*?^\})\n//ms;
my $globals = $t->expand('%%TEST_GLOBALS%%') =~ s/^error_log .*\n//mr;
$text =~ s/%%TEST_GLOBALS%%/$globals/;
$text .= "events { debug_connection 127.0.0.1/8; }\nerror_log %%TESTDIR%%/error.log debug;\n";

$t->write_file_expand('nginx.conf', $text);
$t->waive('canary', 'a shared listener has addresses in the log of others', qr/^error\.log: client (?:address|port) \S+$/);

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

for my $http (1, 2) {
    is($t->post('/relay', http => $http)->says, '200', "a request, HTTP/$http") for 1, 2;
    is($t->post('/', http => $http, headers => ['Host' => 'other.example'])->status, 204, 'one of the neighbours');
}

like($t->read_file('error.log'), qr/\[warn\].*"debug_connection"/, 'the log says that one thing has no effect');
like($t->read_file('error.log'), qr/\[debug\]/, 'and others have');
unlike($t->read_file('error.log'), qr/http header: "(?:Cookie|Authorization|User-Agent)/i, 'no header of a request');

$t->done;
