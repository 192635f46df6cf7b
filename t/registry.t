#!/usr/bin/perl

# Rows of the registry are served, changed and taken back while nginx runs, like blocks.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new;
my $registry = $t->registry;

$t->http(<<'EOC');
    ohttp_relay_registry registry.json interval=100ms;

    ohttp_relay_gateway block { url http://127.0.0.1:8081/block; insecure on; }
    ohttp_relay_gateway in-og { url http://127.0.0.1:8081/in-og; insecure on; pool og; selector block; }
    ohttp_relay_pool og { select header:X-TEE-ID; default first; }

    server {
        listen 127.0.0.1:8080;

        location = /block { ohttp_relay_pass block; }
        location = /first { ohttp_relay_pass first; }
        location = /og    { ohttp_relay_pass og; }
        location = /live  { ohttp_relay_pass live; }
        location ~ ^/to/(?<name>.*)$ { ohttp_relay_pass $name; }

        location = /status { ohttp_relay_status json; }
    }
EOC

my $id = join '', map { ('0' .. '9', 'a' .. 'f')[rand 16] } 1 .. 64;

$registry->pool(live => select => 'path', keys => 'per-gateway');
$registry->pool(empty => keys => 'shared');
$registry->row(first => 8081, pool => 'og', selector => "0x$id");
$registry->row(other => 8083, pool => 'live', selector => 'other');
$registry->write;

my %gateway = map { $_->[0] => $t->gateway($_->[1], answer => sub { $_[0]->answer }) } ['a', 8081], ['b', 8083];
$t->run;

# What a request is answered with, and what a gateway was asked for.

sub goes {
    my ($target, %opt) = @_;
    $_->forget for values %gateway;
    my $says = $t->post($target, %opt)->says;
    return join ' ', $says, map { $_->target } map { $_->requests } values %gateway;
}

sub tee { (headers => ['X-TEE-ID' => $_[0]]) }

# ---- as the file was when nginx was started

is(goes('/block'), '200 /block', 'a block');
is(goes('/first'), '200 /first', 'a row by its name');
is(goes('/to/first'), '200 /first', 'a row by a variable');
is(goes('/to/live'), '404 gateway_unknown', 'a pool of the file by a variable, without a selector');
is(goes('/to/other'), '200 /other', 'a row of it by its own name');
is(goes('/to/nobody'), '404 gateway_unknown', 'nobody');
is(goes('/to/empty'), '503 gateway_unavailable', 'a pool without any gateway');
is(goes('/og'), '200 /first', 'a row is the default of a pool of the configuration');
is(goes('/og', tee($_)), '200 /first', "a row that joins it: $_") for $id, "0x$id", uc $id, '0X' . uc $id;
is(goes('/og', tee('block')), '200 /in-og', 'beside a block');
is(goes('/og', tee('x')), '404 gateway_unknown', 'and nobody else');

# ---- rows come

is(goes('/to/third'), '404 gateway_unknown', 'a row that is not there yet');
$registry->row(third => 8083, pool => 'og', selector => 'Third')->publish;
is(goes('/to/third'), '200 /third', 'is there without a reload');
is(goes('/og', tee('thirD')), '200 /third', 'and in its pool');
is(goes('/og', tee($id)), '200 /first', 'beside those that were there');

my $two = join '', reverse split //, $id;
$registry->change(third => selector => $two)->publish;
is(goes('/og', tee('third')), '404 gateway_unknown', 'a selector is replaced');
is(goes('/og', tee($_)), '200 /third', "by one without 0x, asked for as $_") for $two, "0x$two", uc $two;

# ---- rows change

$registry->change(first => url => 'http://127.0.0.1:' . $t->port(8083) . '/moved')->publish;
is(goes('/first'), '200 /moved', 'another URL');
is(goes('/og'), '200 /moved', 'in the pool as well');

$registry->change(first => max_body => '1k', media_types => ['message/ohttp-req'])->publish;
is(goes('/first', body => $t->sealed(2000)), '413 payload_too_large', 'another limit');
is(goes('/first', type => 'message/ohttp-chunked-req'), '415 unsupported_media_type', 'other media types');
is(goes('/first', body => $t->sealed(1000)), '200 /moved', 'and within them');

# the door's own limit is the largest of those that are there

my @large = (headers => ['Content-Length' => 200_000_000]);
is(goes('/to/nobody', @large), '413 payload_too_large', 'more than any gateway takes');
$registry->row(large => 8083, max_body => '300m')->publish;
is(goes('/to/nobody', @large), '404 gateway_unknown', 'one comes that takes more');
$registry->drop('large')->publish;
is(goes('/to/nobody', @large), '413 payload_too_large', 'and goes');

# what has not changed goes on with its connections

sub connection { my ($name) = @_; goes("/to/$name"); return ($gateway{b}->requests)[0]{connection} }

$registry->change(other => keepalive_timeout => '1h')->change(third => keepalive_timeout => '1h')->publish;
my ($other, $third) = map { connection($_) } qw/other third/;
$registry->change(third => max_body => '2m')->publish;
is(connection('other'), $other, 'an idle connection of a row that stays');
isnt(connection('third'), $third, 'but not of one that has changed');

$registry->change(first => request_header => { Authorization => 'Bearer constant', 'X-Two' => 'b c' })->publish;
goes('/first');
my ($request) = $gateway{b}->requests;
is($request->header('Authorization'), 'Bearer constant', 'a constant header');
is($request->header('X-Two'), 'b c', 'and another one');

# ---- rows drain, and come back

$registry->change(first => admin => 'drain')->publish;
is(goes('/first'), '503 gateway_unavailable', 'no new request comes to one that drains');
is(goes('/og'), '503 gateway_unavailable', 'nor by its pool: no other has its key');
is(goes('/og', tee($two)), '200 /third', 'which serves on');
ok($t->post('/first')->header('Retry-After'), 'who asks is told to wait');

$registry->change(first => admin => 'up')->publish;
is(goes('/first'), '200 /moved', 'one that is up again');

$registry->change(first => admin => 'down')->publish;
is(goes('/first'), '503 gateway_unavailable', 'nor to one that is down');
$registry->change(first => admin => undef)->publish;

# ---- rows go

$registry->drop('third')->publish;
is(goes('/to/third'), '404 gateway_unknown', 'a row that was taken back is unknown');
is(goes('/og', tee($two)), '404 gateway_unknown', 'in its pool as well');

$registry->drop('first', 'other')->publish;
is(goes('/first'), '404 gateway_unknown', 'also one that the configuration names');
is(goes('/og'), '404 gateway_unknown', 'and as a default');
is(goes('/og', tee('block')), '200 /in-og', 'the block stays');
is(goes('/live'), '503 gateway_unavailable', 'a pool that has lost all its gateways');

$registry->drop('live', 'empty')->publish;
is(goes('/live'), '404 gateway_unknown', 'a pool that was taken back is unknown');
is(goes('/block'), '200 /block', 'a block is not touched by all this');

$registry->row(first => 8081)->publish;
is(goes('/first'), '200 /first', 'a row that comes back');

# ---- figures

my $status = $t->post('/status', method => 'GET', body => undef, type => undef)->body;
like($status, qr/"registry_gateways":\d+/, 'how many there are stands in the status');

$t->done;
