#!/usr/bin/perl

# Which key ids a gateway of a pool has may stand in its file of keys, and changes with it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new;

# A list of key configurations for X25519, of these ids.

sub keys_file {
    my ($name, @ids) = @_;
    my $new = $t->write_file("$name.new", join '', map { "\0\x29" . chr($_) . "\0\x20" . (chr($_) x 32) . "\0\4\0\1\0\1" } @ids);
    $t->{written}{"$name.keys"} = 1;
    rename $new, $t->dir . "/$name.keys" or die "rename: $!\n";
}

keys_file(a => 1, 2);
keys_file(b => 3);
keys_file(c => 7);
keys_file(d => 7, 8);

my %at = map { $_ => "url http://127.0.0.1:8081/$_; insecure on;" } qw/a b c d e/;

$t->http(<<"EOC");
    ohttp_relay_gateway a { $at{a} pool own; keys_file a.keys; keys_max_age 1s; }
    ohttp_relay_gateway b { $at{b} pool own; keys_file b.keys; keys_max_age 1s; }
    ohttp_relay_gateway e { $at{e} pool own; key_ids 4; }
    ohttp_relay_pool own { select key_id; }

    ohttp_relay_gateway c { $at{c} pool all; keys_file c.keys; weight 65535; max_body 400; }
    ohttp_relay_gateway d { $at{d} pool all; keys_file d.keys; }
    ohttp_relay_pool all { select key_id; keys shared; }

    server {
        listen 127.0.0.1:8080;
        location = /own { ohttp_relay_pass own; }
        location = /all { ohttp_relay_pass all; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

sub goes {
    my ($target, $id, $length) = @_;
    $gateway->forget;
    my $says = $t->post($target, body => $t->sealed($length // 300, chr($id) . "\0\x20\0\1\0\1"))->says;
    return join ' ', $says, map { $_->target } $gateway->requests;
}

is(goes('/own', 1), '200 /a', 'an id of a file');
is(goes('/own', 2), '200 /a', 'another one of it');
is(goes('/own', 3), '200 /b', 'one of another file');
is(goes('/own', 4), '200 /e', 'one of the configuration');
is(goes('/own', 5), '404 gateway_unknown', 'one that nobody has');

# ---- the file changes

keys_file(b => 5);
$t->waitfor('the new keys', sub { goes('/own', 5) eq '200 /b' });
is(goes('/own', 3), '404 gateway_unknown', 'an id that is gone');

keys_file(b => 5, 1, 4);
$t->waitfor('the new keys', sub { goes('/own', 1) eq '404 gateway_unknown' });
is(goes('/own', 4), '404 gateway_unknown', 'an id that two have is nobody\'s');
is(goes('/own', 5), '200 /b', 'others are');
like($t->read_file('error.log'), qr/\[error\].* pool "own": 2 gateways have key id 1, and keys are not shared/, 'and the log says so');

# ---- where keys are shared, who has the key does the work

is(goes('/all', 7), '200 /c', 'one of two by weight');
is(goes('/all', 7, 500), '200 /d', 'the other one does what it does not');
is(goes('/all', 8), '200 /d', 'nobody else has the key');
is(goes('/all', 8, 500), '200 /d', 'nor the limit');
is(goes('/all', 1), '404 gateway_unknown', 'and a key of nobody is nobody\'s');

# ---- what is wrong with it

sub refused { ($t->nginx_t(join "\n", @_, 'server { listen 127.0.0.1:8083; location / { ohttp_relay_pass p; } }'))[1] }

my $shared = 'ohttp_relay_pool p { select key_id; keys shared; }';
like(refused('ohttp_relay_pool p { select key_id; }', "ohttp_relay_gateway a { $at{a} pool p; }"),
    qr/gateway "a": its pool chooses by key id, and it has neither "key_ids" nor a "keys_file"/, 'neither');
like(refused($shared, "ohttp_relay_gateway a { $at{a} pool p; keys_file a.keys; replay_window 5s; }",
    "ohttp_relay_gateway b { $at{b} pool p; keys_file b.keys; }"), qr/"replay_window" is not that of gateway/,
    'two rules for what is new');
like(refused($shared, "ohttp_relay_gateway a { $at{a} pool p; keys_file a.keys; replay_window 5s; }",
    "ohttp_relay_gateway b { $at{b} pool p; key_ids 9; }"), qr/"replay_window" is not that of gateway/, 'beside ids that are given');

$t->done;
