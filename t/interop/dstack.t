#!/usr/bin/perl

# Dstack's field encryption through the relay. No package has a client of it, so both ends are our
# own, with true keys: what one seals the other opens, and both have hashed the same bytes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Interop;

my $t = Test::OhttpRelay->new;
my $others = Test::OhttpRelay::Interop->new($t)->has(qw/python/);

my %instance = map { $_->[0] => $others->python('dstack_gateway.py', $t->port($_->[1]), $_->[0])->ready }
    ['one', 8081], ['two', 8083];
my %key = map { $_ => $instance{$_}->port } keys %instance;

$t->http(<<"EOC");
    ohttp_relay_gateway one { url http://127.0.0.1:8081; insecure on; profile dstack-e2ee; pool dstack; selector $key{one}; }
    ohttp_relay_gateway two { url http://127.0.0.1:8083; insecure on; profile dstack-e2ee; pool dstack; selector $key{two}; }
    ohttp_relay_pool dstack { select header:X-Model-Pub-Key; default one; }

    server {
        listen 127.0.0.1:8080;
        location / { ohttp_relay_pass dstack; }
    }
EOC

$t->run;

sub asked {
    my ($name) = @_;
    my @lines;
    push @lines, $instance{$name}->line while $instance{$name}->prints(0);
    return @lines;
}

for (['one'], ['one', $key{one}], ['two', $key{two}], ['two', "04$key{two}"]) {
    my ($name, @key) = @$_;
    my $how = @key ? 'by its key' : 'by default';
    my $client = $others->python('dstack_client.py', 'http://127.0.0.1:' . $t->port(8080), "hello $name", @key);
    my ($code, $printed) = $client->finish;

    is($code, 0, "the client of $name ends well, $how") or diag($client->log);
    is($printed, "report True $key{$name}\nanswer true $name heard: hello $name\nsignature True\n"
        . "refused 400 e2ee_replay_detected\n", "report, sealed answer and signature of $name, $how; once");

    my @lines = asked($name);
    is(join(' ', map { (split / /)[0] } @lines), 'GET POST GET', "all of it from $name");
    is(scalar(my @others = asked($name eq 'one' ? 'two' : 'one')), 0, 'and nothing from the other');
    is((split / /, $lines[1])[2], 'Host,Content-Type,X-Signing-Algo,X-Client-Pub-Key,X-Model-Pub-Key,X-E2EE-Version,'
        . 'X-E2EE-Nonce,X-E2EE-Timestamp,Content-Length', 'with what is listed');
}

$t->done;
