#!/usr/bin/perl

# What an ohttp_relay_tls block names is used: revocation, chains, passwords, ciphers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Tls;

my $t = Test::OhttpRelay->new->has(qw/ssl openssl/);
my $dir = $t->dir;

certificate($t, 'ca');
my %server = map { $_ => certificate($t, $_, issuer => 'ca', names => ['gateway.test']) } qw/good revoked/;

sub openssl {
    my ($code, $printed) = Test::OhttpRelay::run_command('openssl', @_);
    die "openssl: $printed\n" if $code;
}

# A list that revokes one of the two, and one that revokes nothing

$t->write_file('ca.conf', "[ca]\ndefault_ca = ours\n[ours]\ndatabase = $dir/index\ncrlnumber = $dir/number\n"
    . "default_md = sha256\ndefault_crl_days = 7\ncertificate = $dir/ca.crt\nprivate_key = $dir/ca.key\n");
$t->write_file('number', "01\n");
$t->write_file('index', '');
openssl('ca', '-config', "$dir/ca.conf", '-gencrl', '-out', "$dir/empty.crl");
openssl('ca', '-config', "$dir/ca.conf", '-revoke', "$dir/revoked.crt");
openssl('ca', '-config', "$dir/ca.conf", '-gencrl', '-out', "$dir/one.crl");

# A key behind a password, and a gateway that wants to see its certificate

certificate($t, 'relay', issuer => 'ca', cn => 'the relay');
my $password = $t->canary->plant('password' . $t->canary->word);
openssl('pkey', '-in', "$dir/relay.key", '-aes256', '-passout', "pass:$password", '-out', "$dir/locked.key");
$t->write_file('password', "$password\n");
$t->write_file('wrong', "wrong\n");

my %tls = (
    revoking => "trusted_certificate $dir/ca.crt; crl $dir/one.crl;",
    careful  => "trusted_certificate $dir/ca.crt; crl $dir/empty.crl;",
    locked   => "trusted_certificate $dir/ca.crt; certificate $dir/relay.crt; certificate_key $dir/locked.key; password_file $dir/password;",
    narrow   => "trusted_certificate $dir/ca.crt; protocols TLSv1.2; ciphers ECDHE-ECDSA-AES256-GCM-SHA384;",
    other    => "trusted_certificate $dir/ca.crt; protocols TLSv1.2; ciphers ECDHE-ECDSA-AES128-GCM-SHA256;",
);

# tls block, port of the gateway, what comes of it

my %case = (
    'good-revoking' => [8081, '200'], 'revoked-revoking' => [8083, '502 gateway_error'],
    'revoked-careful' => [8083, '200'], 'good-careful' => [8081, '200'],
    'asked-locked' => [8084, '200'], 'asked-careful' => [8084, '502 gateway_error'],
    'choosy-narrow' => [8085, '200'], 'choosy-other' => [8085, '502 gateway_error'],
);

my $blocks = join('', map { "    ohttp_relay_tls $_ { $tls{$_} }\n" } sort keys %tls)
    . join '', map { "    ohttp_relay_gateway $_ { url https://127.0.0.1:$case{$_}[0]/; tls " . s/.*-//r
        . "; ssl_name gateway.test; keepalive 0; }\n" } sort keys %case;

$t->http(<<"EOC");
$blocks
    server {
        listen 127.0.0.1:8080;
        location ~ ^/to/(?<name>[a-z-]+)\$ { ohttp_relay_pass \$name; }
    }
EOC

my @answer = (answer => sub { $_[0]->answer });
my %gateway = (
    8081 => $t->gateway(8081, tls => $server{good}, @answer),
    8083 => $t->gateway(8083, tls => $server{revoked}, @answer),
    8084 => $t->gateway(8084, tls => { %{ $server{good} }, SSL_verify_mode => 3, SSL_ca_file => "$dir/ca.crt" }, @answer),
    8085 => $t->gateway(8085, tls => { %{ $server{good} }, SSL_version => 'TLSv1_2',
        SSL_cipher_list => 'ECDHE-ECDSA-AES256-GCM-SHA384' }, @answer),
);
$t->run;

for my $name (sort keys %case) {
    is($t->post("/to/$name")->says, $case{$name}[1], "$name, $_") for qw/first second/;
}

# A session is used again where a name was verified, and nowhere else (t/tls.t: pins).

$gateway{8081}->forget;
$t->post('/to/good-careful') for 1 .. 3;
like(($gateway{8081}->handshakes)[-1], qr/^resumed name=gateway\.test/, 'a session of a verified gateway is resumed');
like(($gateway{8084}->handshakes)[-1], qr/client=the relay$/, 'the certificate behind the password arrives');

# What cannot be used is refused with one line, and without the password in it.

my $gateway = "ohttp_relay_gateway llm { url https://127.0.0.1:8081/; ssl_name gateway.test; tls wrong; }\n"
    . "server { listen 127.0.0.1:8080; location = /r { ohttp_relay_pass llm; } }\n";

for (['a wrong password', "certificate $dir/relay.crt; certificate_key $dir/locked.key; password_file $dir/wrong;"],
    ['a password file that is not there', "certificate $dir/relay.crt; certificate_key $dir/locked.key; password_file $dir/none;"],
    ['a key of another certificate', "certificate $dir/relay.crt; certificate_key $dir/good.key;"],
    ['a list that is not there', "crl $dir/none.crl;"], ['a list that is none', "crl $dir/password;"],
    ['ciphers that do not exist', 'ciphers NONSENSE;'])
{
    my ($name, $wrong) = @$_;
    my ($code, $said) = $t->nginx_t("ohttp_relay_tls wrong { trusted_certificate $dir/ca.crt; $wrong }\n$gateway");
    isnt($code, 0, "$name is refused");
    is(scalar(grep { /\[emerg\]/ } split /\n/, $said), 1, 'with one line') or diag($said);
    unlike($said, qr/\Q$password\E/, 'without a password');
}

$t->{written}{$_} = 1 for qw/index index.attr index.old number number.old one.crl empty.crl locked.key/;
$t->done;
