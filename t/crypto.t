#!/usr/bin/perl

# Real keys end to end: what one program seals only the other opens.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Tls;

my $t = Test::OhttpRelay->new->has(qw/peer openssl ssl/);

certificate($t, 'enclave', cn => 'enclave');
certificate($t, 'relay', names => ['IP:127.0.0.1']);
my $pin = pin_spki($t, 'enclave');

$t->http(<<"EOC");
    ohttp_relay_gateway demo { url https://127.0.0.1:8081/gateway; ssl_pin $pin; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8084 ssl;
        ssl_certificate     %%TESTDIR%%/relay.crt;
        ssl_certificate_key %%TESTDIR%%/relay.key;
        location = /relay { ohttp_relay_pass demo; }
    }
EOC

my $dir = $t->dir;
my ($keys, $capture) = ("$dir/keys", "$dir/captured/peer.capture");

$t->run_daemon(sub {
    open STDOUT, '>', "$dir/peer.log";
    open STDERR, '>&', \*STDOUT;
    exec $t->peer, 'gateway', '--listen', '127.0.0.1:' . $t->port(8081), '--tls-cert', "$dir/enclave.crt",
        '--tls-key', "$dir/enclave.key", '--keys-out', $keys, '--capture', $capture, '--delay-ms', 5;
});
$t->waitforsocket(8081);
$t->run;

my $secret = $t->canary->body;
my $word = $t->canary->word;

sub ask {
    my (@args) = @_;
    return Test::OhttpRelay::run_command($t->peer, 'client', '--keys', $keys, '--bind', $t->canary->address,
        '--prompt', "tell me about $secret", map({ ('--header', "$_: $word") } qw/Cookie User-Agent X-Forwarded-For/),
        @args);
}

my $asked = 0;

for my $suite (qw/aes128gcm chacha20poly1305/) {
    for my $how ([], ['--chunked'], ['--chunked', '--request-chunks', 4]) {
        for my $relay ('http://127.0.0.1:' . $t->port(8080), 'https://127.0.0.1:' . $t->port(8084)) {
            my ($exit, $said) = ask('--relay', "$relay/relay", '--suite', $suite, '--insecure', @$how);
            my $name = join ' ', $suite, $relay =~ /^(\w+)/, @$how;
            is($exit, 0, "$name: the answer opens, to its last chunk") or diag($said);
            like($said, qr/\Q$secret\E/, "$name: and speaks of the question");
            $asked++;
        }
    }
}

my $got = $t->read_file($capture);
is(scalar(my @lines = split /\n/, $got), $asked, 'the gateway opened each of them');
is(scalar(grep { /tell me about \Q$secret\E/ } @lines), $asked, 'and read the question');
like($t->logged($_), qr/^demo ok 200 /, 'the relay counts them') for $asked;
is(scalar(grep { m{ x25519/hkdf-sha256/aes-128-gcm$} } $t->log_lines), $asked / 2, 'by suite');
is(scalar(grep { m{ x25519/hkdf-sha256/chacha20poly1305$} } $t->log_lines), $asked / 2, 'both suites');

# A key that the gateway does not have: its problem reaches the client.

my $wrong = $t->read_file('keys');
substr($wrong, 2, 1) = chr(ord(substr $wrong, 2, 1) ^ 0x55);
$t->write_file('keys', $wrong);
my ($exit, $said) = ask('--relay', 'http://127.0.0.1:' . $t->port(8080) . '/relay');
isnt($exit, 0, 'an unknown key identifier fails');
like($said, qr/\b400\b/, 'with 400');
like($said, qr/#ohttp-key/, "and the gateway's own problem");

# One changed bit anywhere is no message any more.

is($t->post('/relay', body => $t->sealed(200))->status, 400, 'bytes that were never sealed are refused by the gateway');

$t->done;
