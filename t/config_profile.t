#!/usr/bin/perl

# What has no meaning with a profile, or is missing, is refused with one clear line.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new;
my $list = $t->write_file('models.json', '{"data":["a"]}');
chmod 0644, $list;
my $wrong = $t->write_file('wrong.json', '{"data":[1]}');
chmod 0644, $wrong;
my $open = $t->write_file('open.json', '{"data":["a"]}');
chmod 0666, $open;

my $url = 'url http://127.0.0.1:8081; insecure on;';

sub gateway { "ohttp_relay_gateway $_[0] { $_[2] $_[1] }\n" }
sub server { "server { listen 127.0.0.1:8080; location / { ohttp_relay_pass $_[0]; } }\n" }
sub one { gateway('a', $_[0], $_[1] // $url) . server('a') }
sub pool { "ohttp_relay_pool p { $_[0] }\n" }
sub member { gateway($_[0], "pool p; $_[1]", $url) }

my $key = $t->write_file('keys', "\1\0\x20" . 'x' x 32 . "\0\4\0\1\0\1");
my $chutes = "profile chutes-e2e; confidential_models $list;";

my @refused = (
    ['an unknown profile', 'invalid value "mesh"', one('profile mesh;')],
    ['a profile twice', '"profile" directive is duplicate', one('profile ohttp; profile ohttp;')],
    ['a list without the profile', '"confidential_models" needs "profile chutes-e2e"', one("confidential_models $list;")],
    ['a list for another', '"confidential_models" needs "profile chutes-e2e"', one("profile dstack-e2ee; confidential_models $list;")],
    ['no list', '"profile chutes-e2e" needs "confidential_models"', one('profile chutes-e2e;')],
    ['a list twice', '"confidential_models" directive is duplicate', one("$chutes confidential_models off;")],
    ['a list that is not there', 'nowhere.json', one('profile chutes-e2e; confidential_models nowhere.json;')],
    ['a list that is none', 'one of its "data" is neither', one("profile chutes-e2e; confidential_models $wrong;")],
    ['a list that all may write', 'open.json', one("profile chutes-e2e; confidential_models $open;")],
    (map { my $profile = $_; map { ["$_ with $profile", 'need "profile ohttp"', one(($profile eq 'chutes-e2e' ? $chutes
            : "profile $profile;") . " $_;")] }
        'media_types message/ohttp-req', "keys_file $key", 'billing_frame strip' } qw/dstack-e2ee chutes-e2e near-e2ee/),
    ['a query in the URL', '"url" has a query', one('profile dstack-e2ee;', 'url http://127.0.0.1:8081/a?b=c; insecure on;')],
    ['a window for Chutes', '"replay_window" has no meaning with its profile', one("$chutes replay_window 5s;")],
    ['a window for NEAR', '"replay_window" has no meaning with its profile', one('profile near-e2ee; replay_window 5s;')],
    ['two profiles in a pool', 'gateway "b": its "profile" is not that of the others', pool('keys shared;')
        . member('a', 'profile dstack-e2ee;') . member('b', 'profile near-e2ee;') . server('p')],
    ['OHTTP beside another', 'gateway "b": its "profile" is not that of the others', pool('keys shared;')
        . member('a', 'profile near-e2ee;') . member('b', '') . server('p')],
    ['a pool by path', 'chooses by path or key id', pool('select path;')
        . member('a', 'selector x; profile dstack-e2ee;') . server('p')],
    ['a pool by key id', 'need "profile ohttp"', pool('select key_id;')
        . member('a', 'key_ids 1; profile dstack-e2ee;') . server('p')],
);

for (@refused) {
    my ($name, $says, $text) = @$_;
    my ($code, $said) = $t->nginx_t($text);
    my @lines = grep { /\[emerg\]/ } split /\n/, $said;
    isnt($code, 0, "$name is refused");
    is(scalar @lines, 1, "$name: one line");
    like($lines[0] // '', qr/\Q$says\E/, "$name: it says why");
}

my @accepted = (
    ['the profile ohttp', one('profile ohttp; media_types message/ohttp-req; replay_window 5s; billing_frame pass;')],
    ['dstack-e2ee', one('profile dstack-e2ee;')],
    ['dstack-e2ee with a window', one('profile dstack-e2ee; replay_window 5s;')],
    ['near-e2ee', one('profile near-e2ee; replay_window off; billing_frame pass;')],
    ['chutes-e2e with a list', one($chutes)],
    ['chutes-e2e without', one('profile chutes-e2e; confidential_models off;')],
    ['a pool of one profile', pool('select header:X-Model-Pub-Key;') . member('a', 'selector aa; profile dstack-e2ee;')
        . member('b', 'selector bb; profile dstack-e2ee;') . server('p')],
    ['a key of 65 bytes', pool('select header:X-Model-Pub-Key;') . member('a', 'selector 0x04' . 'ab' x 64
        . '; profile dstack-e2ee;') . server('p')],
);

for (@accepted) {
    my ($name, $text) = @$_;
    my ($code, $said) = $t->nginx_t($text);
    is($code, 0, "$name is accepted") or diag($said);
}

$t->done;
