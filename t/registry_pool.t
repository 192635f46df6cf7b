#!/usr/bin/perl

# Gateways of a pool that come and go: those that hold the same key stand in for each other, no one
# else does, and who has chosen before a change does not come to what is no more.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Points qw/BASE_POINT/;

my $t = Test::OhttpRelay->new->has(qw/access-peer/);
my $registry = $t->registry;
my $access = $t->access;
my $key = $access->issuer_key('demo');

my $plan = "key $key->{spki}; issuer issuer.example; expires 2099-01-01T00:00:00Z;";

# Nobody listens on 8085.

$registry->pool(any => keys => 'shared');
$registry->pool(ids => select => 'key_id');
$registry->pool(urls => select => 'target:OHTTP-Target');
$registry->row(a => 8081, pool => 'any', weight => 65535);
$registry->row(b => 8083, pool => 'any');
$registry->row(k1 => 8081, pool => 'ids', key_ids => [1, 2]);
$registry->row(k3 => 8083, pool => 'ids', key_ids => 3);
$registry->row(u => 8081, pool => 'urls');
$registry->row(og => 8081, pool => 'plans', selector => '1a');
$registry->pool(sealed => select => 'header:X-Model-Pub-Key');
$registry->write;

$t->http(<<"EOC");
    ohttp_relay_registry registry.json interval=100ms;

    ohttp_relay_gateway block { url http://127.0.0.1:8083/block; insecure on; pool plans; selector 2b; }
    ohttp_relay_pool plans { select header:X-TEE-ID; }

    ohttp_relay_token_key pooled { $plan gateways plans; }
    ohttp_relay_token_key member { $plan context @{[ '02' x 32 ]}; gateways og; }

    server {
        listen 127.0.0.1:8080;
        location ~ ^/to/(?<name>.*)\$ { ohttp_relay_pass \$name; }
        location = /v1/chat/completions { ohttp_relay_pass sealed; }
        location = /any { ohttp_relay_pass any; }
        location = /ids { ohttp_relay_pass ids; }
        location = /plans { ohttp_relay_pass plans; ohttp_relay_auth token=pooled token=member; }
        location ~ ^/plan/(?<name>.*)\$ { ohttp_relay_pass \$name; ohttp_relay_auth token=pooled token=member; }
        location = /host { ohttp_relay_pass \$host; }
    }
EOC

my %gateway = map { $_->[0] => $t->gateway($_->[1], answer => sub { $_[0]->answer }) } ['1', 8081], ['2', 8083];
$t->run;

sub goes {
    my ($target, %opt) = @_;
    $_->forget for values %gateway;
    my $says = $t->post($target, %opt)->says;
    return join ' ', $says, map { $_->target } map { $_->requests } values %gateway;
}

sub id { (body => $t->sealed(300, chr($_[0]) . "\0\x20\0\1\0\1")) }

# ---- keys that are shared

my %seen;
$seen{ goes('/any') }++ for 1 .. 20;
ok($seen{'200 /a'}, 'one by weight');

$registry->change(a => admin => 'drain')->publish;
is(goes('/any'), '200 /b', 'the other one does the work of one that drains') for 1 .. 3;
$registry->change(a => admin => 'down')->publish;
is(goes('/any'), '200 /b', 'and of one that is down') for 1 .. 3;
$registry->change(a => admin => 'up', url => 'http://127.0.0.1:' . $t->port(8085) . '/a')->publish;
is(goes('/any'), '200 /b', 'and of one that cannot be reached') for 1 .. 3;
$registry->change(b => admin => 'drain')->publish;
is(goes('/any'), '502 gateway_error', 'unless it drains itself');
$registry->change(a => admin => 'down')->publish;
is(goes('/any'), '503 gateway_unavailable', 'and if no one is there, no one is');
$registry->drop('a', 'b')->publish;
is(goes('/any'), '503 gateway_unavailable', 'or if the pool is empty');
$registry->row(c => 8083, pool => 'any')->publish;
is(goes('/any'), '200 /c', 'until one comes');

# ---- what is not there: what its clients speak is not known, and that is not their fault

my %json = (type => 'application/json', body => '{}', headers => ['X-Signing-Algo' => 'ecdsa',
    'X-Client-Pub-Key' => BASE_POINT, 'X-Model-Pub-Key' => 'ab' x 64]);
my %get = (type => undef, body => undef, method => 'GET');
my $chat = '/v1/chat/completions';

for ([\%json, 'JSON'], [\%get, 'a GET'], [{}, 'a sealed request']) {
    my ($opt, $what) = @$_;
    is(goes('/to/sealed', %$opt), '503 gateway_unavailable', "$what for a pool that is empty");
    is(goes('/to/nobody', %$opt), '404 gateway_unknown', "$what for a name that is none");
    ok($t->post('/to/sealed', %$opt)->header('Retry-After') >= 1, 'and when to come again');
}

is(goes("/plan/$_", %json), '415 unsupported_media_type', "whether there is $_ is not for everybody") for qw/nobody sealed og/;
is(goes("/plan/$_", %get), '405 method_not_allowed', 'by no method') for qw/nobody sealed og/;
is(goes("/plan/$_"), '401 credential_required', 'who has a credential may know') for qw/nobody sealed og/;

$registry->row(d => 8081, pool => 'sealed', profile => 'dstack-e2ee', replay_window => 'off', selector => 'ab' x 64)->publish;
is(goes($chat, %json), '502 gateway_error /d/v1/chat/completions', 'one that comes');
is(goes($chat, %json, headers => [@{ $json{headers} }[0 .. 3], 'X-Model-Pub-Key' => 'cd' x 64]), '400', 'others are unknown to it');
$registry->change(d => admin => 'drain')->publish;
is(goes($chat, %json), '503 gateway_unavailable', 'one that drains');
$registry->drop('d')->publish;
is(goes($chat, %json), '503 gateway_unavailable', 'one that goes');

# ---- keys by their ids

is(goes('/ids', id(2)), '200 /k1', 'who holds the key');
is(goes('/ids', id(3)), '200 /k3', 'another one');
is(goes('/ids', id(4)), '404 gateway_unknown', 'nobody');

# a body that takes its time: the choice is made when it is there, among those that are there then

sub begin {
    my $client = $t->client;
    $client->send($client->head('POST', '/ids', 'Content-Type' => 'message/ohttp-chunked-req',
        'Transfer-Encoding' => 'chunked', Expect => '100-continue'));
    like($client->until("\r\n\r\n"), qr/ 100 /, 'a request that waits for its body');
    return $client;
}

sub finish {
    my ($client, $id) = @_;
    $_->forget for values %gateway;
    my (undef, $body) = id($id);
    $client->send_chunk($body);
    $client->end_chunks;
    my $says = $client->answer->says;
    $client->close;
    return join ' ', $says, map { $_->target } map { $_->requests } values %gateway;
}

my @late = map { begin() } 1 .. 3;
$registry->drop('k3')->row(new => 8083, pool => 'ids', key_ids => [3])->publish;
is(finish(shift @late, 3), '200 /new', 'comes to who holds the key now');
$registry->change(new => admin => 'drain')->publish;
is(finish(shift @late, 3), '503 gateway_unavailable', 'and not to one that drains meanwhile');
$registry->drop('ids', 'k1', 'new')->publish;
is(finish(shift @late, 3), '404 gateway_unknown', 'nor into a pool that is gone');

# ---- a plan for a pool covers those that join it, one for a row covers that row

sub token { ($access->tokens($key, direct => 1, issuer => 'issuer.example', @_))[0] }

sub with {
    my ($id, @token) = @_;
    return (headers => ['X-TEE-ID' => $id, Authorization => 'PrivateToken token=' . token(@token)]);
}

my @member = (context => '02' x 32);

is(goes('/plans', with('1a')), '200 /og', 'the pool\'s plan: a row');
is(goes('/plans', with('2b')), '200 /block', 'the pool\'s plan: a block');
is(goes('/plans', with('1a', @member)), '200 /og', 'the row\'s plan: that row');
is(goes('/plans', with('2b', @member)), '403 gateway_not_allowed', 'the row\'s plan: no other');
is(goes('/plan/c', with('1a')), '403 gateway_not_allowed', 'neither is good for all');
$registry->row(late => 8083, pool => 'plans', selector => '3c')->publish;
is(goes('/plans', with('3c')), '200 /late', 'the pool\'s plan: a row that came later');
is(goes('/plan/late', with('3c')), '200 /late', 'by its own name too');
$registry->drop('og')->publish;
is(goes('/plans', with('1a', @member)), '404 gateway_unknown', 'a row that is gone');

# ---- nothing that a client says becomes an address

my $urls = 'http://127.0.0.1:' . $t->port(8081);

sub url { (headers => ['OHTTP-Target' => $_[0]]) }

is(goes('/to/urls', url("$urls/u")), '200 /u', 'a registered URL');

for my $url ("$urls/late", "$urls/u/", "$urls/u/../late", "$urls/u%2f..%2flate", "$urls/u?x", "$urls/u#x", "$urls//u", "$urls/./u",
    'http://127.0.0.1:' . $t->port(8083) . '/u', 'http://me@127.0.0.1:' . $t->port(8081) . '/u', '//127.0.0.1:' . $t->port(8081) . '/u',
    'http://127.0.0.1/u', 'http://127.1:' . $t->port(8081) . '/u', 'http://localhost:' . $t->port(8081) . '/u', '/u', 'u', '')
{
    is(goes('/to/urls', url($url)), '404 gateway_unknown', "no other: $url");
}

for my $name ('..%2fu', 'u%2f..', 'u/..', 'u%00', 'U', 'u%20', '127.0.0.1:' . $t->port(8081), 'http:%2f%2f127.0.0.1:' . $t->port(8081) . '%2fu',
    'me@u', 'u:80', '%75%2f', 'registry.json')
{
    like(goes("/to/$name"), qr/^4\d\d(?: [a-z_]+)?$/, "no name of a row: $name");
}

is(goes('/to/%75'), '200 /u', 'an escaped letter is that letter');

sub raw {
    my ($target, $host) = @_;
    $_->forget for values %gateway;
    my $client = $t->client;
    my $body = $t->sealed;
    $client->send("POST $target HTTP/1.1\r\nHost: $host\r\nContent-Type: message/ohttp-req\r\n"
        . 'Content-Length: ' . length($body) . "\r\nConnection: close\r\n\r\n$body");
    my $says = $client->answer->says;
    return join ' ', $says, map { $_->target } map { $_->requests } values %gateway;
}

is(raw('/host', 'u'), '200 /u', 'a Host that is the name of a row');
is(raw('/host', $_), '404 gateway_unknown', "a Host that is none: $_")
    for '127.0.0.1:' . $t->port(8081), 'v', 'u.u', '[::1]:' . $t->port(8081);
is(raw("http://v/to/u", 'relay.test'), '200 /u', 'an absolute form is but its path');
is(raw("$urls/late", 'u'), '404', 'and not an address');

$t->done;
