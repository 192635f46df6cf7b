#!/usr/bin/perl

# A request that comes before the TLS handshake is done could be a replay: 425.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Tls;

my $t = Test::OhttpRelay->new->has(qw/openssl ssl/);

certificate($t, 'relay');

$t->http(<<'EOC');
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; }

    server {
        listen 127.0.0.1:8080 ssl;
        listen 127.0.0.1:8082;

        ssl_certificate      %%TESTDIR%%/relay.crt;
        ssl_certificate_key  %%TESTDIR%%/relay.key;
        ssl_protocols        TLSv1.3;
        ssl_session_cache    shared:tls:1m;
        ssl_early_data       on;

        location = /relay   { ohttp_relay_pass llm; }
        location = /trusted { ohttp_relay_pass llm; ohttp_relay_early_data_header on; }
        location = /plain   { return 200 "early=$ssl_early_data"; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

my $port = $t->port(8080);
my $session = $t->dir . '/session';
my $body = $t->sealed(200);

sub request {
    my ($method, $target) = @_;
    return "$method $target HTTP/1.1\r\nHost: relay.example\r\nCookie: " . $t->canary->word
        . "\r\nContent-Type: message/ohttp-req\r\nContent-Length: " . length($body)
        . "\r\nConnection: close\r\n\r\n$body";
}

# What openssl prints of a connection that resumes the session and sends this early.

sub early {
    my ($bytes) = @_;
    my $file = $t->write_file('early', $bytes);
    my (undef, $said) = Test::OhttpRelay::run_command('sh', '-c', "exec openssl s_client -connect 127.0.0.1:$port"
        . ' -bind ' . $t->canary->address . ":0 -tls1_3 -sess_in $session -early_data $file -ign_eof </dev/null");
    return $said;
}

$t->write_file('first', request('POST', '/relay'));
my (undef, $said) = Test::OhttpRelay::run_command('sh', '-c', "exec openssl s_client -connect 127.0.0.1:$port"
    . ' -bind ' . $t->canary->address . ":0 -tls1_3 -sess_out $session -ign_eof < " . $t->dir . '/first');
$t->{written}{session} = 1;
like($said, qr{HTTP/1.1 200 }, 'a request after the handshake');

$said = early(request('POST', '/plain'));
like($said, qr/Early data was accepted/, 'this nginx takes early data');
# Whether it still knows depends on how fast the handshake ends.
like($said, qr{HTTP/1.1 200 .*early=1?}s, 'and answers it');

$gateway->forget;
$said = early(request('POST', '/relay'));
like($said, qr/Early data was accepted/, 'the relay location gets it too');
like($said, qr{HTTP/1.1 425 }, 'and refuses it');
like($said, qr/"code":"too_early"/, 'by its code');
is(scalar(my @requests = $gateway->requests), 0, 'the gateway sees none of it');

# The header of a proxy in front counts only where it is trusted.

my @plain = (port => 8082, headers => ['Early-Data' => '1']);
is($t->post('/relay', @plain)->says, '200', 'Early-Data is ignored');
is($t->post('/trusted', @plain)->says, '425 too_early', 'unless a directive trusts it');
is($t->post('/trusted', port => 8082, headers => ['Early-Data' => $_])->says, '425 too_early',
    "Early-Data: $_, which is invalid, is taken for 1") for qw/0 11/;
is($t->post('/trusted', port => 8082)->says, '200', 'and neither is none');

is(scalar(@requests = $gateway->wait_requests(2)), 2, 'these reached the gateway');
unlike(join('', map { $_->head } @requests), qr/early/i, 'without the header');

$t->done;
