#!/usr/bin/perl

# A wrong pool is refused with one clear line.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new;

my $url = 'url http://127.0.0.1:8081/gateway; insecure on;';

sub gateway { "ohttp_relay_gateway $_[0] { $url $_[1] }\n" }
sub pool { "ohttp_relay_pool $_[0] { $_[1] }\n" }
sub server { "server { listen 127.0.0.1:8080; location / { ohttp_relay_pass $_[0]; } }\n" }
sub og { pool('og', $_[0]) . gateway('a', 'pool og; selector 0xAA;') . server('og') }

my $header = 'select header:X-TEE-ID;';
my $a = gateway('a', 'pool og; selector 0xAA;');

my @refused = (
    ['a pool without a name', 'ohttp_relay_pool', "ohttp_relay_pool { $header }\n"],
    ['a name with odd letters', 'name', pool('a/b', $header)],
    ['a pool twice', 'duplicate ohttp_relay_pool "og"', pool('og', $header) . og($header)],
    ['an unknown word', 'hash', og("$header hash on;")],
    ['no select', 'select', og('keys per-gateway;')],
    ['an empty pool', 'no gateway is in it', pool('og', $header) . server('og')],
    ['the name of a gateway', 'ohttp_relay_pool "a": a gateway has the same name',
        pool('a', $header) . gateway('a', 'pool a; selector b;') . server('a')],
    ['select twice', '"select" directive is duplicate', og("$header select path;")],
    ['keys twice', '"keys" directive is duplicate', og("$header keys shared; keys shared;")],
    ['select of nothing', 'header:NAME', og('select cookie:a;')],
    ['select of a header without name', 'name of a header', og('select header:;')],
    ['select of a wrong name', 'name of a header', og('select "header:X TEE";')],
    ['select of a name that nginx drops', 'name of a header', og('select header:X_TEE_ID;')],
    (map { ["select of $_", 'means something else', og("select header:$_;")] } 'Host', 'host', 'Content-Type', 'Cookie',
        'Authorization', 'Proxy-Authorization', 'Origin', 'Early-Data', 'Connection'),
    ['a target that is the host', 'means something else', og('select target:Host;')],
    ['keys of another kind', 'per-gateway', og("$header keys mine;")],
    ['a default that is not there', '"default" is not the name', og("$header default b;")],
    ['a default of another pool', '"default" is not the name', og("$header default b;") . gateway('b', '')],
    ['a default that nobody misses', '"default" has no meaning', pool('og', 'keys shared; default a;')
        . gateway('a', 'pool og;') . server('og')],
    ['a default for keys', '"default" has no meaning', pool('og', 'select key_id; default a;')
        . gateway('a', 'pool og; key_ids 1;') . server('og')],

    ['an unknown pool', 'gateway "a": there is no pool "ogg"', gateway('a', 'pool ogg; selector b;') . server('a')],
    ['a pool twice in a block', '"pool" directive is duplicate', og($header) . gateway('b', 'pool og; pool og; selector b;')],
    ['a selector twice in a block', '"selector" directive is duplicate', og($header) . gateway('b', 'pool og; selector b; selector c;')],
    ['a selector without a pool', 'need a "pool"', gateway('a', 'selector b;') . server('a')],
    ['key ids without a pool', 'need a "pool"', gateway('a', 'key_ids 1;') . server('a')],
    ['a weight without a pool', 'need a "pool"', gateway('a', 'weight 1;') . server('a')],
    ['no selector', 'gateway "b": it has no "selector"', og($header) . gateway('b', 'pool og;')],
    ['the same selector', 'gateway "b": the same would choose gateway "a"', og($header) . gateway('b', 'pool og; selector aa;')],
    ['a selector with a blank', 'visible characters', og($header) . gateway('b', 'pool og; selector "b c";')],
    ['an empty selector', 'visible characters', og($header) . gateway('b', 'pool og; selector "";')],
    ['a selector that is too long', 'visible characters', og($header) . gateway('b', 'pool og; selector ' . 'b' x 129 . ';')],
    ['a selector that nobody asks for', 'does not choose by a "selector"', og('select target:OHTTP-Target;')],
    ['a selector where any will do', 'does not choose by a "selector"', og('keys shared;')],
    ['key ids that nobody asks for', 'does not choose by "key_ids"', og($header) . gateway('b', 'pool og; selector b; key_ids 1;')],
    ['no key ids', 'gateway "a": its pool chooses by key id', pool('og', 'select key_id;') . gateway('a', 'pool og;') . server('og')],
    ['the same URL', 'the same would choose', pool('og', 'select target:OHTTP-Target;')
        . gateway('a', 'pool og;') . gateway('b', 'pool og;') . server('og')],
    ['the same key id', 'the same would choose', pool('og', 'select key_id;')
        . gateway('a', 'pool og; key_ids 1 2;') . gateway('b', 'pool og; key_ids 3 2;') . server('og')],
    ['a key id twice', 'twice', pool('og', 'select key_id;') . gateway('a', 'pool og; key_ids 1 2 0x01;') . server('og')],
    ['key ids twice', '"key_ids" directive is duplicate', pool('og', 'select key_id;')
        . gateway('a', 'pool og; key_ids 1; key_ids 2;') . server('og')],
    (map { ["a key id that is none: $_", 'key_ids', pool('og', 'select key_id;') . gateway('a', "pool og; key_ids $_;") . server('og')] }
        '256', '0x100', '-1', 'a', '0x', '0xg', '1,2', '""'),
    (map { ["a weight that is none: $_", 'weight', pool('og', 'keys shared;') . gateway('a', "pool og; weight $_;") . server('og')] }
        '0', '65536', '-1', 'much'),
    ['one key, and two rules for what is new', '"replay_window" is not that of gateway "a"', pool('og', 'keys shared;')
        . gateway('a', 'pool og; replay_window 5s;') . gateway('b', 'pool og;') . server('og')],
    ['a location for nobody', 'no gateway or pool "nobody"', og($header) . 'server { listen 127.0.0.1:8083; location / { ohttp_relay_pass nobody; } }'],
);

for (@refused) {
    my ($name, $about, $inside) = @$_;
    my ($code, $said) = $t->nginx_t($inside);
    my @lines = grep { /\[(?:emerg|alert|crit)\]/ } split /\n/, $said;

    isnt($code, 0, "$name is refused");
    is(scalar @lines, 1, 'with one line') or diag($said);
    like($lines[0] // '', qr/\Q$about\E/, "which speaks of $about");
    like($lines[0] // '', qr/\.conf:\d+$/, 'and says where');
}

my @accepted = (
    ['a header', og("$header keys per-gateway; default a;")],
    ['the pool behind its gateways', $a . server('og') . pool('og', $header)],
    ['a default without a selector', og("$header default b;") . gateway('b', 'pool og; weight 65535;')],
    ['a URL', pool('og', 'select target:OHTTP-Target;') . gateway('a', 'pool og;') . server('og')],
    ['a path', og('select path;')],
    ['key ids', pool('og', 'select key_id;') . gateway('a', 'pool og; key_ids 0 0x01 0XfF 16;' =~ s/0X/0x/r) . server('og')],
    ['all key ids', pool('og', 'select key_id;') . gateway('a', 'pool og; key_ids ' . join(' ', 0 .. 255) . ';') . server('og')],
    ['shared keys', pool('og', 'keys shared;') . gateway('a', 'pool og;') . gateway('b', 'pool og; weight 2;') . server('og')],
    ['the same selector where keys are shared', og("$header keys shared;") . gateway('b', 'pool og; selector AA;')],
    ['a long selector', og($header) . gateway('b', 'pool og; selector 0x' . 'b' x 128 . ';')],
    ['a pool that no location names', og($header) =~ s/ohttp_relay_pass og/ohttp_relay_pass a/r],
    ['many', pool('og', $header) . join('', map { gateway("g$_", sprintf 'pool og; selector %064x;', $_) } 1 .. 300) . server('og')],
);

for (@accepted) {
    my ($name, $inside) = @$_;
    my ($code, $said) = $t->nginx_t($inside);
    is($code, 0, "$name is accepted") or diag($said);
}

$t->done;
