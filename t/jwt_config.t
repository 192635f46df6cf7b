#!/usr/bin/perl

# What is wrong with an issuer of JWTs is refused in one line that says it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use POSIX qw/mkfifo/;

my $t = Test::OhttpRelay->new->has(qw/access-peer/);
my $keys = $t->access->jwks;

my $jwks = "jwks $keys->{jwks};";
my $iss = 'iss https://accounts.example;';
my $aud = 'aud relay;';

$t->write_file('secret', 'x' x 32);
chmod 0600, $t->dir . '/secret';
$t->write_file('short', 'x' x 31);
chmod 0600, $t->dir . '/short';
$t->write_file('private', '{"keys":[{"kty":"oct","k":"AAAA"}]}');
$t->write_file('large', ' ' x 65537);
$t->write_file('open', $t->read_file($keys->{jwks}));
chmod 0666, $t->dir . '/open';
mkfifo($t->dir . '/pipe', 0600) or die "mkfifo: $!\n";
$t->{written}{pipe} = 1;

my @wrong = (
    ["$iss $aud", qr/JWT issuer "a" has neither "jwks" nor "secret_file"/],
    ["$jwks secret_file secret; $iss $aud", qr/JWT issuer "a" has both "jwks" and "secret_file"/],
    ["$jwks $aud", qr/JWT issuer "a" has no "iss"/],
    ["$jwks iss ''; $aud", qr/JWT issuer "a" has no "iss"/],
    ["$jwks $iss aud '';", qr/JWT issuer "a" has an empty "aud"/],
    ["$jwks $iss $aud scope 'a b';", qr/JWT issuer "a" has a "scope" that is not one word/],
    ["$jwks $iss $aud scope '';", qr/JWT issuer "a" has a "scope" that is not one word/],
    ["$jwks $iss $aud leeway 301s;", qr/JWT issuer "a" has a "leeway" of more than 300s/],
    ["$jwks $iss $aud leeway x;", qr/"leeway" directive invalid value/],
    ["$jwks $iss $iss $aud", qr/"iss" directive is duplicate/],
    ["$jwks $jwks $iss $aud", qr/"jwks" directive is duplicate/],
    ["$jwks $iss $aud rate 5;", qr/"rate" directive wants a rate/],
    ["$jwks $iss $aud issuer x;", qr/unknown directive "issuer"/],
    ["$jwks $iss $aud gateways nobody;", qr/"a" is good for gateway "nobody"/],
    ["jwks nothing; $iss $aud", qr{/nothing": it cannot be opened \(2: }],
    ["jwks .; $iss $aud", qr/": it is not a regular file/],
    ["jwks pipe; $iss $aud", qr{/pipe": it is not a regular file}],
    ["jwks large; $iss $aud", qr{/large": it has more than 65536 bytes}],
    ["jwks open; $iss $aud", qr{/open": it is writable by its group or by others}],
    ["jwks private; $iss $aud", qr{/private": it has a private or secret key}],
    ["jwks secret; $iss $aud", qr{/secret": it is not JSON}],
    ["secret_file short; $iss $aud", qr{/short".*32}],
    ["secret_file nothing; $iss $aud", qr{/nothing" failed \(2: }],
);

for my $wrong (@wrong) {
    my ($block, $line) = @$wrong;
    my ($code, $printed) = nginx_t("ohttp_relay_jwt_issuer a { $block }");
    my @emerg = grep { /\[emerg\]/ } split /\n/, $printed;
    ok($code != 0 && @emerg == 1 && $emerg[0] =~ $line, "refused: $block") or diag($printed);
}

my $good = "ohttp_relay_jwt_issuer a { $jwks $iss $aud }";
my ($code, $printed) = nginx_t("$good $good");
like($printed, qr/\[emerg\] duplicate JWT issuer "a"/, 'a name twice');

($code, $printed) = nginx_t("ohttp_relay_jwt_issuer a/b { $jwks $iss $aud }");
like($printed, qr/\[emerg\] invalid name "a\/b"/, 'a name that is none');

($code, $printed) = nginx_t("$good ohttp_relay_jwt_issuer b { secret_file secret; $iss $aud
    scope ohttp; leeway 300s; rate 60r/m burst=20; gateways llm; }");
is($code, 0, 'what is right is taken') or diag($printed);
unlike($printed, qr/"aud"/, 'without a word about the audience');

($code, $printed) = nginx_t("ohttp_relay_jwt_issuer a { $jwks $iss }");
ok($code == 0 && $printed =~ /\[warn\] JWT issuer "a" has no "aud"/, 'no audience is warned about');

# ---- workers of another user

SKIP: {
    skip 'not root', 4 if $>;

    my $of = getpwnam('www-data') // skip 'no user www-data', 4;
    my $closed = $t->write_file('closed', $t->read_file($keys->{jwks}));
    my $block = "ohttp_relay_jwt_issuer a { jwks closed; $iss $aud }";

    chmod 0600, $closed;
    ($code, $printed) = nginx_t($block, 'user www-data;');
    ok($code != 0 && $printed =~ /\[emerg\].*closed": workers, which run as user "www-data"/,
        'a file that workers cannot read');

    chown $of, 0, $closed;
    is((nginx_t($block, 'user www-data;'))[0], 0, 'their own they can');

    my ($other) = grep { defined && $_ != $of } map { scalar getpwnam($_) } qw/nobody daemon bin/;
    chown $other, 0, $closed;
    chmod 0644, $closed;
    ($code, $printed) = nginx_t($block, 'user www-data;');
    ok($code != 0 && $printed =~ /\[emerg\].*closed": it belongs neither to root nor/,
        'the file of a stranger');

    chown 0, 0, $closed;
    is((nginx_t($block, 'user www-data;'))[0], 0, 'one of root that all may read');
}

$t->waive('alerts', 'nginx -t writes there as well', qr{/closed":});
$t->done;


sub nginx_t {
    my ($blocks, $user) = @_;

    my $inside = "    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; }
    $blocks
    server { listen 127.0.0.1:8080; location = /relay { ohttp_relay_pass llm; } }\n";

    my $conf = $t->expand(Test::OhttpRelay::in_http($inside));
    $conf =~ s/^user root;$/$user/m if $user;
    $t->write_file('tested.conf', $conf);

    return Test::OhttpRelay::run_command($t->{nginx}, '-t', '-p', $t->dir . '/', '-c',
        $t->dir . '/tested.conf', '-e', $t->dir . '/tested.log');
}
