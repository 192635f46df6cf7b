#!/usr/bin/perl

# Suites that the relay has no use for pass as any other: other curves, other hashes, and
# post-quantum keys of more than a thousand bytes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Interop;

my $t = Test::OhttpRelay->new;
my $others = Test::OhttpRelay::Interop->new($t)->has(qw/go/);
my $dir = $t->dir;

# What the relay calls them, to whom they are names and lengths.

my %kem = (
    p256 => 'p256', p384 => 'p384', p521 => 'p521', x448 => 'x448', xwing => 'mlkem768-x25519',
    kyber => 'x25519-kyber768',
);
my %kdf = (sha256 => 'hkdf-sha256', sha384 => 'hkdf-sha384', sha512 => 'hkdf-sha512');
my %aead = (aes128gcm => 'aes-128-gcm', aes256gcm => 'aes-256-gcm', chacha20poly1305 => 'chacha20poly1305');

my ($gateways, $locations) = ('', '');
my $port = 8081;

for my $kem (sort keys %kem) {
    $others->go('gateway', '--kem', $kem, '--listen', '127.0.0.1:' . $t->port($port),
        '--keys-out', "$dir/$kem.keys", '--capture', "$dir/captured/$kem.capture")->ready;
    $gateways .= "ohttp_relay_gateway $kem { url http://127.0.0.1:$port/ohttp; insecure on;\n"
        . "    request_header Authorization \"Bearer t\"; keys_file $kem.keys; unknown_key 422; }\n";
    $locations .= "location = /$kem { ohttp_relay_pass $kem; }\n"
        . "location = /keys/$kem { ohttp_relay_keys $kem; }\n";
    $port++;
}

$t->http("$gateways server { listen 127.0.0.1:8080; $locations }");
$t->run;

my $relay = 'http://127.0.0.1:' . $t->port(8080);
my $body = JSON::PP::encode_json({ messages => [{ content => 'suites' }] });
my $count = 0;

for my $kem (sort keys %kem) {
    for my $kdf (sort keys %kdf) {
        for my $aead (sort keys %aead) {
            my $interactive = $count % 2;
            my $client = $others->go('client', '--relay', "$relay/$kem", '--keys', "$relay/keys/$kem",
                '--kdf', $kdf, '--aead', $aead, '--bind', $t->canary->address,
                $interactive ? '--interactive' : ('--body', $body));
            $client->say($body) if $interactive;
            my ($code, $said) = $client->finish;

            my $name = join ', ', $kem, $kdf, $aead, $interactive ? 'chunked' : 'single';
            is($code, 0, $name) or diag($said . $client->log);
            like($said, qr/You asked: suites/, 'its answer opens');
            is($t->logged(2 * ++$count), "$kem ok 200 $kem{$kem}/$kdf{$kdf}/$aead{$aead}", 'under its name');
        }
    }
}

$t->done;
