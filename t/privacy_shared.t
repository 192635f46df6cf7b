#!/usr/bin/perl

# A listener shared with other sites: their logs stay, the relay keeps its own silence.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2 realip/);

$t->waive('canary', 'the other site keeps its own logs', qr/^other\./);

$t->http(<<'EOC');
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; keepalive 0; }

    log_format address '$remote_addr "$request" "$http_user_agent"';
    access_log %%TESTDIR%%/access.log relay;

    server {
        listen 127.0.0.1:8080 default_server;
        listen 127.0.0.1:8082 http2 default_server;
        server_name other.example;

        error_log  %%TESTDIR%%/other.error info;
        access_log %%TESTDIR%%/other.access address;

        location / { root %%TESTDIR%%/nothing; }
    }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        server_name relay.example;

        set_real_ip_from 127.0.0.0/8;
        real_ip_header X-Forwarded-For;

        location = /relay { ohttp_relay_pass llm; }
        location / { root %%TESTDIR%%/nothing; }
    }
EOC

my $gateway = $t->gateway(8081);
my ($code, $said) = $t->nginx_t;
is($code, 0, 'the configuration is accepted');
is(scalar(grep { /\[warn\].*shared/ } split /\n/, $said), 2, 'with a warning for each shared listener')
    or diag($said);
$t->run;

for my $http (1, 2) {
    # The relay's own requests, good and bad
    for my $sub (sub { $_[0]->answer }, sub { $_[0]->reset }) {
        my $client = $t->start('/relay', http => $http);
        my $conn = $gateway->accept;
        $conn->request;
        $conn->body;
        $sub->($conn);
        $client->answer;
    }

    $t->post('/relay?' . $t->canary->word, http => $http);
    $t->post('/relay', type => 'a/b', http => $http);
    $t->post('/missing', http => $http);

    # The neighbour's
    $t->post('/theirs', http => $http, method => 'GET', type => undef, body => undef,
        headers => ['Host' => 'other.example']);
}

like($t->read_file('error.log'), qr/\[error\] .* upstream, client: , server: relay\.example/, 'the relay writes its errors');
unlike($t->read_file('error.log'), qr/client:? ?[0-9]|request: "|referrer: "/, 'without a client');
is(scalar(() = $t->read_file('other.access') =~ m{^127\.0\.0\.\d+ "\w+ /theirs}mg), 2, "the neighbour's access log has its clients");
is(scalar(() = $t->read_file('other.error') =~ m{client: 127\.0\.0\.\d+, server: other\.example, request: "\w+ /theirs}g), 2,
    "the neighbour's error log as well");
unlike($t->read_file('other.access') . $t->read_file('other.error'), qr{/relay}, 'and nothing of the relay');

# One socket serves a wildcard and the other addresses of its port, unless they are bound.

my $port = $t->port(8083);
my $llm = 'ohttp_relay_gateway llm { url http://127.0.0.1:8081/; insecure on; } ';
my $relay = 'location = /relay { ohttp_relay_pass llm; }';

sub shared { scalar(() = ($t->nginx_t($llm . "@_"))[1] =~ /\[warn\][^\n]*shared/g) }

is(shared("server { listen $port; } server { listen 127.0.0.1:$port; $relay }"), 1, 'an address beside a wildcard of others');
is(shared("server { listen $port; $relay } server { listen 127.0.0.1:$port; }"), 1, 'a wildcard beside an address of others');
is(shared("server { listen $port; } server { listen 127.0.0.1:$port bind; $relay }"), 0, 'not an address that is bound');
is(shared("server { listen $port; $relay } server { listen 127.0.0.1:$port bind; }"), 0, 'not others that are bound');
is(shared("server { listen 127.0.0.2:$port; } server { listen 127.0.0.1:$port; $relay }"), 0, 'not two addresses');

# At "debug" the neighbour's log would have the headers of a request until its server is known.

my $debug = "error_log %%TESTDIR%%/debug.log debug; server_name other.example;";

for (["listen 127.0.0.1:$port;", "listen 127.0.0.1:$port;"], ["listen $port;", "listen 127.0.0.1:$port;"],
    ["listen 127.0.0.1:$port;", "listen $port;"])
{
    my ($theirs, $ours) = @$_;
    ($code, $said) = $t->nginx_t($llm . "server { $theirs $debug } server { $ours $relay }");
    my @lines = grep { /\[emerg\]/ } split /\n/, $said;
    isnt($code, 0, "$theirs with a debug log, and $ours of a relay");
    is(scalar @lines, 1, 'is refused in one line');
    like($lines[0] // '', qr/debug.*"other\.example"/, 'which says whose log it is');
}

is(($t->nginx_t($llm . "server { listen 127.0.0.2:$port; $debug } server { listen 127.0.0.1:$port; $relay }"))[0], 0,
    'a debug log of others on an address of their own');

$t->done;
