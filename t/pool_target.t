#!/usr/bin/perl

# A header that names a whole URL: the bytes of one that is registered, and none that means the same.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2/);
my $registry = $t->registry;
my $port = $t->port(8081);

# The path of each is its own, so that the gateway shows which was chosen; "none" is never to be chosen.

my %url = (
    plain   => "http://127.0.0.1:$port/plain",
    slash   => "http://127.0.0.1:$port/slash/",
    without => "http://127.0.0.1:$port/slash",
    escaped => "http://127.0.0.1:$port/%65scaped",
    query   => "http://127.0.0.1:$port/query?a=b&c=%20",
    bare    => "http://127.0.0.1:$port",
    scheme  => "HTTP://127.0.0.1:$port/scheme",
    upper   => "http://LocalHost:$port/Upper",
    dot     => "http://127.0.0.1:$port/./dot",
);

my $blocks = join '', map { "    ohttp_relay_gateway b-$_ { url $url{$_}; insecure on; pool blocks; }\n" } sort keys %url;

# a name in a row is for a resolver
$registry->row("r-$_", 8081, url => $url{$_}, pool => 'rows') for grep { $_ ne 'upper' } sort keys %url;
$registry->pool(rows => select => 'target:OHTTP-Target');
$registry->write;

$t->http(<<"EOC");
    ohttp_relay_registry registry.json interval=100ms;
$blocks
    ohttp_relay_gateway none { url http://127.0.0.1:8083/none; insecure on; }
    ohttp_relay_pool blocks { select target:OHTTP-Target; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        location = /blocks { ohttp_relay_pass blocks; }
        location = /rows   { ohttp_relay_pass rows; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
my $none = $t->gateway(8083, answer => sub { $_[0]->answer });
$t->run;

sub goes {
    my ($pool, $url, $http) = @_;
    $gateway->forget;
    my $says = $t->post("/$pool", headers => ['OHTTP-Target' => $url], http => $http)->says;
    return join ' ', $says, map { $_->target } $gateway->requests;
}

my %path = map { $_ => $url{$_} =~ m{^\w+://[^/]*(/.*)?$} ? $1 // '/' : die } keys %url;

for my $http (1, 2) {
    for my $name (sort keys %url) {
        is(goes('blocks', $url{$name}, $http), "200 $path{$name}", "a block: $url{$name}, HTTP/$http");
        is(goes('rows', $url{$name}, $http), $name eq 'upper' ? '404 gateway_unknown' : "200 $path{$name}",
            "a row: $url{$name}, HTTP/$http");
    }
}

# What means the same, or could be taken for it.

for my $other (
    "http://127.0.0.1:$port/", "http://127.0.0.1:$port?", "http://127.0.0.1:$port#",
    "http://127.0.0.1:$port/plain/", "http://127.0.0.1:$port/Plain", "http://127.0.0.1:$port/plai%6e",
    "http://127.0.0.1:$port/plain?", "http://127.0.0.1:$port/plain#", "http://127.0.0.1:$port//plain",
    "http://127.0.0.1:$port/x/../plain", "http://127.0.0.1:$port/slash//", "http://127.0.0.1:$port/escaped",
    "http://127.0.0.1:$port/query?c=%20&a=b", "http://127.0.0.1:$port/query", "http://127.0.0.1:$port/query?a=b&c=+",
    "HTTP://127.0.0.1:$port/plain", "http://127.0.0.1:$port/scheme", "Http://127.0.0.1:$port/scheme",
    "http://127.0.0.1:0$port/plain", "http://127.0.0.1:/plain", 'http://127.0.0.1:80/plain', "http://127.0.0.1.:$port/plain",
    "http://localhost:$port/Upper", "http://LOCALHOST:$port/Upper", "http://LocalHost:$port/upper", "http://localhost:$port/plain",
    "http://127.1:$port/plain", "http://2130706433:$port/plain", "http://[::ffff:127.0.0.1]:$port/plain",
    "http://a\@127.0.0.1:$port/plain", "http://127.0.0.1:$port\@127.0.0.1:$port/plain", "http://127.0.0.1:$port/dot",
    "http:\\\\127.0.0.1:$port\\plain", "//127.0.0.1:$port/plain", "127.0.0.1:$port/plain", '/plain',
    'http://127.0.0.1:' . $t->port(8083) . '/none', 'http://127.0.0.1:' . $t->port(8083) . '/plain',
    "http://127.0.0.1:$port/plain, http://127.0.0.1:$port/plain", "<http://127.0.0.1:$port/plain>", "\"http://127.0.0.1:$port/plain\"",
    "http://127.0.0.1:$port/plai", "ttp://127.0.0.1:$port/plain",
) {
    is(goes($_, $other, 1), '404 gateway_unknown', "$_: $other is nobody's") for qw/blocks rows/;
}

is(scalar(my @asked = $none->requests), 0, 'the gateway outside of the pool was never asked');

# A row that comes is known by its bytes alone, and not any more when it goes.

$registry->row(late => 8081, url => "http://127.0.0.1:$port/Late", pool => 'rows')->publish;
is(goes('rows', "http://127.0.0.1:$port/Late", 1), '200 /Late', 'a row that comes');
is(goes('rows', "http://127.0.0.1:$port/late", 1), '404 gateway_unknown', 'and no other');
$registry->change(late => admin => 'drain')->publish;
is(goes('rows', "http://127.0.0.1:$port/Late", 1), '503 gateway_unavailable', 'one that drains');
$registry->drop('late')->publish;
is(goes('rows', "http://127.0.0.1:$port/Late", 1), '404 gateway_unknown', 'one that is gone');

$t->done;
