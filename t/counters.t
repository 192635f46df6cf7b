#!/usr/bin/perl

# Counters belong to the name of a gateway: they outlive reloads, also without the gateway, until
# their place is needed; and no worker's end loses or keeps anything.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Time::HiRes qw/sleep/;

use constant ZONE => 64 * 1024;

my $t = Test::OhttpRelay->new;
my $gateway = $t->gateway(8081, answer => sub {
    my ($conn, $request) = @_;
    sleep 0.05 while $request->target eq '/slow' && !-e $t->dir . '/go';
    $conn->answer;
});

sub fulls { return scalar(() = $t->read_file('error.log') =~ /\[warn\] [^\n]*ohttp_relay_zone is full: gateway "row-/g) }

sub configure {
    my ($size, %paths) = @_;
    my $registry = delete $paths{registry} ? 'ohttp_relay_registry registry.json;' : '';
    my @blocks = map { "ohttp_relay_gateway $_ { url http://127.0.0.1:8081/$paths{$_}; insecure on; max_in_flight 3; }\n" }
        sort keys %paths;
    $t->http(<<"EOC");
    ohttp_relay_zone $size;
    $registry
    @blocks
    server {
        listen 127.0.0.1:8080;
        location ~ ^/to/(?<name>.*)\$ { ohttp_relay_pass \$name; }
        location = /status { ohttp_relay_status json; }
    }
EOC
    $t->write_file('nginx.conf', "worker_processes 2;\n" . $t->read_file('nginx.conf'));
}

sub reload { configure(@_); $t->reload_whole }

sub gateways { $t->post('/status', method => 'GET', type => undef, body => undef)->json->{gateways} }

# until a step of the figures has shown it
sub shows {
    my ($what, $sub) = @_;
    my $seen;
    ok(eval { $t->waitfor($what, sub { $sub->($seen = gateways()) }, 25) }, $what)
        or diag(join ', ', map { "$_: $seen->{$_}{requests}{ok} ok, $seen->{$_}{in_flight} on their way" } sort keys %$seen);
}

sub ok_of { my ($seen, $name) = @_; return $seen->{$name} ? $seen->{$name}{requests}{ok} : 'none' }

# How many gateways there is room for is asked, not known.

my $room = 0;
$room++ while $room < 100 && fits($room + 1);
cmp_ok($room, '>=', 4, 'there is room for some');
cmp_ok($room, '<', 100, 'and an end of it');

sub fits {
    my ($n) = @_;
    configure(ZONE, map { ("g$_" => 'gateway') } 1 .. $n);
    return !($t->nginx_t)[0];
}

# ---- names

configure(ZONE, first => 'gateway', second => 'gateway');
$t->run;
is($t->post('/to/first')->says, '200', 'a request') for 1 .. 3;
is($t->post('/to/second')->says, '200', 'and one to another gateway');
reload(ZONE, third => 'gateway', second => 'gateway');
is($t->post('/to/first')->says, '404 gateway_unknown', 'a gateway is taken out');
is($t->post('/to/second')->says, '200', 'the other one stays');
shows('its figures go on', sub { ok_of($_[0], 'second') == 2 });
is(ok_of(gateways(), 'first'), 3, 'and those of the one that is gone are kept');
reload(ZONE, first => 'gateway', third => 'gateway');
is($t->post('/to/first')->says, '200', 'it comes back');
shows('with its figures', sub { ok_of($_[0], 'first') == 4 });

# ---- room: who has not been used for the longest time goes first, and begins anew

my @more = map { "m$_" } 1 .. $room - 2;
reload(ZONE, first => 'gateway', map { ($_ => 'gateway') } @more);
my $seen = gateways();
ok(!$seen->{second}, 'the one that left first has made room');
is(ok_of($seen, 'first'), 4, 'one that is in use has not');
ok($seen->{third}, 'nor has the one that left last');
is(scalar(keys %$seen), $room, 'all is taken');
is($t->post("/to/$more[-1]")->says, '200', 'a new one counts');
shows('from nothing', sub { ok_of($_[0], $more[-1]) == 1 });
is(ok_of(gateways(), $more[0]), 0, 'each for itself');

# ---- in flight: a worker that dies leaves none behind

reload(ZONE, first => 'gateway', slow => 'slow');
my @waiting = map { $t->start('/to/slow') } 1 .. 3;
$t->waitfor('them to arrive', sub { 3 == grep { $_->target eq '/slow' } $gateway->requests });
shows('three are on their way', sub { $_[0]{slow}{in_flight} == 3 });
is($t->post('/to/slow')->says, '503 gateway_unavailable', 'and no more may be');

my @old = $t->workers;
kill KILL => @old;
$t->waitfor('new workers', sub { 2 == grep { my $pid = $_; !grep { $_ == $pid } @old } $t->workers });
shows('none of them is left', sub { $_[0]{slow}{in_flight} == 0 });
$t->write_file('go', '');
is($t->post('/to/slow')->says, '200', 'and its place is free');

# What dead workers used is not in use any more: there is room for as many others.

reload(ZONE, map { ("n$_" => 'gateway') } 1 .. $room - 2);
reload(ZONE, map { ("o$_" => 'gateway') } 1 .. 2);
reload(ZONE, map { ("p$_" => 'gateway') } 1 .. $room - 2);
is(scalar(grep { /^p/ } keys %{ gateways() }), $room - 2, 'new gateways find room again and again');

# ---- more than there is room for: they serve, and are counted together

my $registry = $t->registry;
$registry->row("row-$_", 8081) for 1 .. $room + 5;
$registry->row("row-$_", 8081, max_in_flight => 1) for $room + 4, $room + 5;
$registry->write;
my $lines = fulls();
configure(ZONE, registry => 1);
$t->reload_whole;
is($t->post("/to/row-$_")->says, '200', "a row without room serves: $_") for 1, $room, $room + 4, $room + 5;
is(fulls(), $lines + 1, 'there is one line about it');
shows('they are counted together', sub { my ($seen) = @_; ($seen->{'(others)'} // return)->{requests}{ok} >= 1 });
my $now = gateways();
my $sum = 0;
$sum += $_->{requests}{ok} for map { $now->{$_} } grep { /^row-|^\(/ } keys %$now;
is($sum, 4, 'and none is lost');

$t->waive('alerts', 'workers were killed, zones were tried', qr/exited on signal 9|ohttp_relay_zone is too small/);
$t->done;
