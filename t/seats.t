#!/usr/bin/perl

# What workers know of gateways together belongs to names: those that nobody uses make room.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new;
$t->waive(alerts => 'a worker is killed', qr/exited on signal 9/);

# A thousand gateways of a generation, and in front of them a pool with one that is gone.

sub generation {
    my ($name, $count) = @_;

    my $inside = join '', map {
        "    ohttp_relay_gateway $name-$_ { url http://127.0.0.1:8081/; insecure on; keepalive 0; }\n"
    } 1 .. $count;

    $t->http(<<"EOC");
    ohttp_relay_zone 128m;
$inside
    ohttp_relay_gateway $name-gone { url http://127.0.0.1:8083/; insecure on; pool far; weight 65535; eject 1h; }
    ohttp_relay_gateway $name-near { url http://127.0.0.1:8081/; insecure on; pool far; }
    ohttp_relay_pool far { keys shared; }

    server {
        listen 127.0.0.1:8080;
        location = /relay { ohttp_relay_pass far; }
    }
EOC
}

sub matches { return scalar(() = $t->read_file('error.log') =~ /$_[0]/g) }

sub is_shared {
    my ($name, $count) = @_;
    is($t->post('/relay')->says, '200', "$name: one does the other's work") for 1 .. 3;
    is(matches(qr/connect\(\) failed .*gateway: $name-gone/), $count, 'which is left out');
}

$t->gateway(8081, answer => sub { $_[0]->answer });

generation('a', 1000);
$t->run;
is_shared('a', 1);

# A worker that dies has given nothing back; the next one finds what it knew.

kill KILL => my ($worker) = $t->workers;
$t->waitfor('another worker', sub { my @now = $t->workers; @now && $now[0] != $worker });
is_shared('a', 1);

for my $name ('b' .. 'e') {
    generation($name, 1000);
    $t->reload_whole;
    is_shared($name, 1);
}

is(matches(qr/cannot be attested or ejected/), 0, 'all had a seat');

# Names that had to go are new when they return, those of the last time are not.

generation('e', 1000);
$t->reload_whole;
is_shared('e', 1);
generation('a', 1000);
$t->reload_whole;
is_shared('a', 2);

# More than there are seats: one line for each that has none, and they serve all the same.

generation('f', 2100);
$t->quit;
$t->run;
is($t->post('/relay')->says, '200', 'without a seat it works') for 1 .. 3;
is(matches(qr/\[error\].* gateway "f-gone": more than 2048 names .*cannot be attested or ejected/), 1, 'which is said');
is(matches(qr/connect\(\) failed .*gateway: f-gone/), 3, 'but is tried each time');

$t->done;
