#!/usr/bin/perl

# A token comes back when not one byte of its request went to a gateway, and only then.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Tls;

my $t = Test::OhttpRelay->new->has(qw/access-peer openssl ssl http2/);
my $access = $t->access;
my $key = $access->issuer_key('demo');

certificate($t, 'gateway');

$t->http(<<"EOC");
    ohttp_relay_gateway refused { url http://127.0.0.1:8085/gateway; insecure on; replay_window 300s; }
    ohttp_relay_gateway pinned  { url https://127.0.0.1:8083/gateway; ssl_pin cert-sha256:@{[ '00' x 32 ]}; }
    ohttp_relay_gateway plain   { url https://127.0.0.1:8081/gateway; ssl_pin cert-sha256:@{[ '00' x 32 ]}; }
    ohttp_relay_gateway busy    { url http://127.0.0.1:8081/gateway; insecure on; max_in_flight 1; }
    ohttp_relay_gateway llm     { url http://127.0.0.1:8081/gateway; insecure on; replay_window 300s; }

    ohttp_relay_token_key demo {
        key      $key->{spki};
        issuer   issuer.example;
        expires  2099-01-01T00:00:00Z;
    }

    ohttp_relay_token_key paced {
        key      $key->{spki};
        issuer   issuer.example;
        origin   paced.example;
        uses     100;
        rate     1r/h burst=1;
        expires  2099-01-01T00:00:00Z;
    }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        location ~ ^/to/(?<name>.*)\$ { ohttp_relay_pass \$name; ohttp_relay_auth token=demo token=paced; }
    }
EOC

my $gateway = $t->gateway(8081);
my $tls = $t->gateway(8083, tls => { SSL_cert_file => $t->dir . '/gateway.crt', SSL_key_file => $t->dir . '/gateway.key' }, answer => sub { $_[0]->answer });
$t->run;

sub token { ($access->tokens($key, direct => 1, issuer => 'issuer.example'))[0] }
sub with { (headers => [Authorization => "PrivateToken token=$_[0]"]) }

# Whether a token is still good: at a gateway that answers.

sub is_good {
    my ($token, $what) = @_;
    my $client = $t->start('/to/llm', with($token));
    my $conn = $gateway->accept;
    $conn->request;
    $conn->body;
    $conn->answer;
    is($client->answer->says, '200', "$what: the token is still good");
}

sub is_spent {
    my ($token, $what) = @_;
    is($t->post('/to/llm', with($token))->says, '401 token_spent', "$what: the token is spent");
}

# ---- nothing has left

my $token = token();
is($t->post('/to/refused', with($token))->says, '502 gateway_error', 'a gateway that is not there');
is_good($token, 'a gateway that is not there');

$token = token();
is($t->post('/to/refused', with($token), http => 2)->says, '502 gateway_error', 'the same over HTTP/2');
is_good($token, 'the same over HTTP/2');

$token = token();
is($t->post('/to/pinned', with($token))->says, '502 gateway_error', 'a gateway with another certificate');
is_good($token, 'a gateway with another certificate');
is($tls->bytes, '', 'which got no byte');

$token = token();
my $sealed = $t->sealed;
is($t->post('/to/refused', with($token), body => $sealed)->says, '502 gateway_error', 'one sealed request');
is($t->post('/to/refused', with($token), body => $sealed)->says, '502 gateway_error',
    'can be sent again, for its claim came back as well');
is($t->post('/to/refused', with($token))->says, '502 gateway_error', 'a third time');
is($t->post('/to/refused', with($token))->says, '502 gateway_error', 'a fourth time');
is($t->post('/to/refused', with($token))->says, '401 token_spent', 'but a token comes back three times only');

$token = token();
my ($held) = $t->start('/to/busy', with(token()));
my $conn = $gateway->accept;
$conn->request;
is($t->post('/to/busy', with($token))->says, '503 gateway_unavailable', 'a gateway that takes no more');
$conn->body;
$conn->answer;
is($held->answer->says, '200', 'than one');
is_good($token, 'a gateway that takes no more');

# ---- a rate that has to be waited for does not use up the sealed request

($token) = $access->tokens($key, direct => 1, issuer => 'issuer.example', origin => 'paced.example');
is_good($token, 'a token with a rate');
$sealed = $t->sealed;
is($t->post('/to/llm', with($token), body => $sealed)->says, '429 rate_limited', "is too fast ($_)") for 1 .. 6;
is_good(token(), 'another one');

# ---- something has

my %after = (
    'a gateway that resets' => [sub { $_[0]->reset }, '502 gateway_error'],
    'a gateway that says junk' => [sub { $_[0]->send("junk\r\n\r\n"); $_[0]->close }, '502 gateway_error'],
    'a gateway with an error' => [sub { $_[0]->answer(503, 'application/json', '{}') }, '503'],
);

for my $what (sort keys %after) {
    my ($end, $says) = @{ $after{$what} };
    $token = token();
    my $client = $t->start('/to/llm', with($token));
    my $conn = $gateway->accept;
    $conn->request;
    $conn->body;
    $end->($conn);
    is($client->answer->says, $says, $what);
    is_spent($token, $what);
}

# ---- a client that leaves

$token = token();
my $client = $t->start('/to/llm', with($token));
$conn = $gateway->accept;
$conn->request;
$client->close;
$conn->at_end;
is_spent($token, 'a client that leaves while a gateway works');

$t->done;
