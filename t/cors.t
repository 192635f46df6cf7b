#!/usr/bin/perl

# Browsers of listed origins may ask, those of others may not.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->http(<<'EOC');
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; keepalive 0; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        location = /relay  { ohttp_relay_pass llm; ohttp_relay_cors https://chat.example https://two.example:8443; }
        location = /closed { ohttp_relay_pass llm; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub {
    $_[0]->answer(200, undef, undef, 'Access-Control-Allow-Origin' => '*');
});
$t->run;

sub preflight {
    my ($http, $origin, $target, @more) = @_;
    return $t->post($target // '/relay', http => $http, method => 'OPTIONS', type => undef, body => undef,
        headers => ['Origin' => $origin, 'Access-Control-Request-Method' => 'POST',
            'Access-Control-Request-Headers' => 'content-type, x-' . $t->canary->word, @more]);
}

for my $http (1, 2) {
    for my $origin ('https://chat.example', 'https://two.example:8443') {
        my $answer = preflight($http, $origin);
        is($answer->status, 204, "preflight of $origin, HTTP/$http");
        is($answer->body, '', 'has no body');
        is($answer->header('Access-Control-Allow-Origin'), $origin, 'names the origin');
        like($answer->header('Access-Control-Allow-Methods'), qr/^POST(?:, OPTIONS)?$/, 'and the method');
        like($answer->header('Access-Control-Allow-Headers'), qr/\bcontent-type\b/i, 'and the headers');
        unlike($answer->header('Access-Control-Allow-Headers'), qr/\*|canary/i, 'from a list of its own');
        like($answer->header('Access-Control-Max-Age'), qr/^\d+$/, 'and how long it holds');
        like($answer->header('Vary') // '', qr/\bOrigin\b/i, 'and varies by origin');
        is($answer->header('Access-Control-Allow-Credentials'), undef, 'without cookies');
        is($answer->header('Content-Length') // 0, 0, 'length nothing');

        $answer = $t->post('/relay', http => $http, headers => ['Origin' => $origin]);
        is($answer->says, '200', "a request of $origin, HTTP/$http");
        is($answer->header('Access-Control-Allow-Origin'), $origin, 'may be read by it');
        like($answer->header('Vary') // '', qr/\bOrigin\b/i, 'and varies by origin');

        $answer = $t->post('/relay', http => $http, type => 'a/b', headers => ['Origin' => $origin]);
        is($answer->says, '415 unsupported_media_type', 'an error');
        is($answer->header('Access-Control-Allow-Origin'), $origin, 'may be read as well');
    }

    for my $origin ('https://evil.example', 'http://chat.example', 'https://chat.example.evil.example',
        'https://chat.example:444', 'https://xchat.example', 'null', 'https://chat.exampl')
    {
        my $answer = preflight($http, $origin);
        is($answer->header('Access-Control-Allow-Origin'), undef, "nothing for $origin, HTTP/$http");
        unlike($answer->head, qr/access-control/i, 'no list of anything');

        $answer = $t->post('/relay', http => $http, headers => ['Origin' => $origin]);
        is($answer->header('Access-Control-Allow-Origin'), undef, 'and its request may not be read');
    }

    my $answer = $t->post('/closed', http => $http, headers => ['Origin' => 'https://chat.example']);
    is($answer->says, '200', "a location without CORS, HTTP/$http");
    is($answer->header('Access-Control-Allow-Origin'), undef, 'has no word for browsers');
    is(preflight($http, 'https://chat.example', '/closed')->says, '405 method_not_allowed', 'and no preflight');
}

is(scalar(grep { $_->method ne 'POST' } $gateway->requests), 0, 'no preflight reaches the gateway');
ok((grep { / preflight 204 / } $t->log_lines), 'a preflight is counted as such');

$t->done;
