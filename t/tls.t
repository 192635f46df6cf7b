#!/usr/bin/perl

# Who a gateway is: certificates, names, pins, and no way around them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Tls;

my $t = Test::OhttpRelay->new->has(qw/ssl openssl/);

certificate($t, 'ca');
certificate($t, 'otherca');
my $server = certificate($t, 'server', issuer => 'ca', names => ['gateway.test', '*.wild.test']);
my $alone = certificate($t, 'alone', cn => 'nobody.test');
my $old = certificate($t, 'old', issuer => 'ca', names => ['gateway.test']);
certificate($t, 'relay', issuer => 'ca', cn => 'the relay');

my %pin = (cert => pin_cert($t, 'alone'), spki => pin_spki($t, 'alone'),
    wrong_cert => pin_cert($t, 'server'), wrong_spki => pin_spki($t, 'server'),
    colons => pin_cert($t, 'alone') =~ s/(?<=:)([0-9a-f]+)/uc join ':', unpack '(a2)*', $1/er);

# One gateway per case: which port it is on, what else stands in its block, what must come
# of it. 8081 shows a certificate for gateway.test by the CA, 8083 one of its own making.

my %case = (
    'good'          => [8081, 'tls ours; ssl_name gateway.test;', '200'],
    'wildcard'      => [8081, 'tls ours; ssl_name a.wild.test;', '200'],
    'wrong-name'    => [8081, 'tls ours; ssl_name other.test;', '502 gateway_error'],
    'wrong-ca'      => [8081, 'tls others; ssl_name gateway.test;', '502 gateway_error'],
    'system-ca'     => [8081, 'ssl_name gateway.test;', '502 gateway_error'],
    'self-signed'   => [8083, 'tls ours; ssl_name nobody.test;', '502 gateway_error'],
    'pin-cert'      => [8083, "ssl_pin $pin{cert};", '200'],
    'pin-spki'      => [8083, "ssl_pin $pin{spki};", '200'],
    'pin-colons'    => [8083, "ssl_pin $pin{colons};", '200'],
    'pin-one-of'    => [8083, "ssl_pin $pin{wrong_cert} $pin{spki};", '200'],
    'pin-name'      => [8083, "ssl_pin $pin{cert}; ssl_name any.test;", '200'],
    'pin-wrong'     => [8083, "ssl_pin $pin{wrong_cert};", '502 gateway_error'],
    'pin-wrong-key' => [8083, "ssl_pin $pin{wrong_spki};", '502 gateway_error'],
    'pin-no-digest-swap' => [8083, 'ssl_pin ' . $pin{spki} =~ s/spki/cert/r . ';', '502 gateway_error'],
    'pin-other'     => [8081, "ssl_pin $pin{cert};", '502 gateway_error'],
    'old-tls'       => [8084, 'tls ours; ssl_name gateway.test;', '502 gateway_error'],
    'client'        => [8085, 'tls client; ssl_name gateway.test;', '200'],
    'no-client'     => [8085, 'tls ours; ssl_name gateway.test;', '502 gateway_error'],
    'plain'         => [8086, 'tls ours; ssl_name gateway.test;', '502 gateway_error'],
);

my $blocks = join '', map {
    "    ohttp_relay_gateway $_ { url https://127.0.0.1:$case{$_}[0]/; keepalive 0; connect_timeout 5s; $case{$_}[1] }\n"
} sort keys %case;

$t->http(<<"EOC");
    ohttp_relay_tls ours   { trusted_certificate %%TESTDIR%%/ca.crt; }
    ohttp_relay_tls others { trusted_certificate %%TESTDIR%%/otherca.crt; }
    ohttp_relay_tls client {
        trusted_certificate %%TESTDIR%%/ca.crt;
        certificate         %%TESTDIR%%/relay.crt;
        certificate_key     %%TESTDIR%%/relay.key;
        protocols           TLSv1.2 TLSv1.3;
        verify_depth        1;
    }

$blocks
    server {
        listen 127.0.0.1:8080;
        location ~ ^/to/(?<name>[a-z-]+)\$ { ohttp_relay_pass \$name; }
    }
EOC

my @answer = (answer => sub { $_[0]->answer });
my %gateway = (
    8081 => $t->gateway(8081, tls => $server, @answer),
    8083 => $t->gateway(8083, tls => $alone, @answer),
    8084 => $t->gateway(8084, tls => { %$old, SSL_version => 'TLSv1_1', SSL_cipher_list => 'ALL:@SECLEVEL=0' }, @answer),
    8085 => $t->gateway(8085, tls => { %$server, SSL_verify_mode => 3, SSL_ca_file => $t->dir . '/ca.crt' }, @answer),
    8086 => $t->gateway(8086),
);
$t->run_daemon(sub {
    while (my $conn = $gateway{8086}->accept(60)) {
        $conn->piece;
        $conn->send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain");
        $conn->close;
    }
});
$t->run;

for my $name (sort keys %case) {
    my ($port, undef, $says) = @{ $case{$name} };
    my $gateway = $gateway{$port};

    # Twice, so that a session or a cached verdict would show.
    for my $time ('first', 'second') {
        $gateway->forget;
        is($t->post("/to/$name")->says, $says, "$name, $time");
        is(scalar(my @requests = $gateway->requests), $says eq '200' ? 1 : 0, "$name, $time: the gateway's part");
        unlike($gateway->bytes, qr/ohttp|sealed/, "$name, $time: nothing leaks") if $says ne '200';
    }
}

# The name that is asked for, and the certificate that the relay shows

$gateway{$_}->forget for keys %gateway;
$t->post('/to/good');
like(($gateway{8081}->handshakes)[0], qr/name=gateway\.test client=$/, 'SNI is the name, and no certificate unasked');
$t->post('/to/pin-name');
like(($gateway{8083}->handshakes)[0], qr/name=any\.test/, 'SNI of a pinned gateway is its ssl_name');
$t->post('/to/pin-cert');
unlike(($gateway{8083}->handshakes)[-1], qr/name=127/, 'an address is no SNI');
$t->post('/to/client');
like(($gateway{8085}->handshakes)[-1], qr/client=the relay$/, 'the client certificate arrives');

# A session of one gateway opens nothing for another at the same address.

$gateway{8083}->forget;
for my $round (1 .. 3) {
    is($t->post('/to/pin-cert')->says, '200', "round $round: the right pin");
    is($t->post('/to/pin-wrong')->says, '502 gateway_error', "round $round: the wrong pin at the same address");
    is($t->post('/to/good')->says, '200', "round $round: the right name");
    is($t->post('/to/wrong-name')->says, '502 gateway_error', "round $round: the wrong name at the same address");
    is($t->post('/to/wrong-ca')->says, '502 gateway_error', "round $round: the wrong CA at the same address");
}

is(scalar(my @got = $gateway{8083}->requests), 3, 'only the right ones got through');
ok(!(grep { /^resumed/ } $gateway{8083}->handshakes), 'a pin is never skipped by resumption');

$t->done;
