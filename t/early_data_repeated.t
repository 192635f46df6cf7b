#!/usr/bin/perl

# Where Early-Data is trusted, none that is invalid, repeated or hidden switches it off.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->http(<<'EOC');
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        ohttp_relay_early_data_header on;
        location = /trusted  { ohttp_relay_pass llm; }
        location = /listed   { ohttp_relay_pass llm; ohttp_relay_cors https://chat.example; }
        location = /if       { if ($http_early_data = 0) { set $a b; } ohttp_relay_pass llm; }
        location = /ignored  { ohttp_relay_pass llm; ohttp_relay_early_data_header off; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

# Values of the field in the order of its lines, behind many other fields as well.

my %lines = (
    'once' => ['1'], 'twice' => [1, 1], 'then 0' => [1, 0], '0 before' => [0, 1], '0 twice' => [0, 0],
    'a list' => ['1, 0'], 'a word' => ['x'], 'nothing' => [''], 'a boolean' => ['?0'], 'a long one' => ['0' x 3000],
    'in the middle' => [0, 0, 1, 0, 0], 'a number' => ['1.0'],
);

sub ask {
    my ($target, $http, $name, @values) = @_;
    # The first value stands in the field's line, the others in lines of their own.
    my $value = join "\r\n$name: ", @values;
    my @more = map { ("X-More-$_" => $_) } 1 .. 40;
    return $t->post($target, http => $http, port => $http == 1 ? 8080 : 8082,
        headers => [@more, $name => $value])->says;
}

for my $http (1, 2) {
    for my $how (sort keys %lines) {
        for my $target (qw{/trusted /listed /if}) {
            is(ask($target, $http, 'Early-Data', @{ $lines{$how} }), '425 too_early', "$target: $how, HTTP/$http");
        }

        is(ask('/ignored', $http, 'Early-Data', @{ $lines{$how} }), '200', "/ignored: $how, HTTP/$http");
    }

    is(ask('/trusted', $http, 'eARLY-dATA', 1), '425 too_early', "in another spelling, HTTP/$http");
    is(ask('/trusted', $http, $_, 1), '200', "$_ is another field, HTTP/$http") for qw/Early-Data2 X-Early-Data Early/;
    is($t->post($_, http => $http, port => $http == 1 ? 8080 : 8082)->says, '200', "$_ without the field, HTTP/$http")
        for qw{/trusted /listed /if};
}

unlike(join('', map { $_->head } $gateway->requests), qr/early/i, 'no gateway sees the field');

$t->done;
