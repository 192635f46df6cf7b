#!/usr/bin/perl

# What the pages of docs/systems show to an operator is what nginx takes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Tls;

my $t = Test::OhttpRelay->new->has(qw/openssl http2/);

certificate($t, 'tls');
$t->write_file('jwks.json', '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}');
$t->write_file('chutes-models.json', '{"data":[]}');
$t->write_file('near', "\1\0\x20" . 'k' x 32 . "\0\4\0\1\0\1");

my $accounts = "ohttp_relay_jwt_issuer accounts { jwks %%TESTDIR%%/jwks.json; iss a; aud b; }\n";
my $listens = 0;

for my $page (sort glob $t->root . '/docs/systems/*.md') {
    my ($name) = $page =~ m{([^/]+)$};

    for my $shown ($t->read_file($page) =~ /^```nginx\n(.*?)^```$/gms) {

        # what an operator has to put there, and names that only DNS knows
        $shown =~ s{/(?:etc|var/lib|run)/ohttp-relay/(?:keys/)?}{%%TESTDIR%%/}g;
        $shown =~ s/<128 hexadecimal digits[^>]*>/'ab' x 64/ge;
        $shown =~ s/^.*\{ \.\.\. \}\n//mg;
        $shown =~ s{https://[\w.]+\.[a-z]+(?=[/;])(?=[^\n]*;)}{https://localhost}g if $shown !~ /iss +https/;
        $shown =~ s{^( *)listen 443 (.*)}{"$1listen 127.0.0.1:808" . $listens++ % 9 . " $2\n"
            . "$1ssl_certificate %%TESTDIR%%/tls.crt;\n$1ssl_certificate_key %%TESTDIR%%/tls.key;"}gem;
        $shown = $accounts . $shown if $shown =~ /jwt=accounts/ && $shown !~ /jwt_issuer accounts/;

        # a location alone stands in a server
        $shown = "server { listen 127.0.0.1:8099;\n$shown}\n" if $shown =~ /\A *location/;

        my ($code, $printed) = $t->nginx_t($shown);
        is($code, 0, "the configuration of $name") or diag($printed);
        is(join("\n", grep { /\[(?:warn|error)\]/ && !/"listen \.\.\. http2"/ } split /\n/, $printed), '', 'has nothing to warn about');
    }
}

cmp_ok($listens, '>', 3, 'there are some');

$t->done;
