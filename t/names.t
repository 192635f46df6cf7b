#!/usr/bin/perl

# The names of gateways are resolved while nginx runs: changes are followed, failures outlived.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::IP;
use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Dns;

my $t = Test::OhttpRelay->new;
my $dns = Test::OhttpRelay::Dns->new($t, 8053);
my $resolver = $dns->address;
my ($port, $held_port, $six_port) = map { $t->port($_) } 8081, 8083, 8084;

# Gateways' addresses, which may look like those of clients.
$t->{written}{'where.log'} = 1;

# nginx takes its own time after this many seconds: what is asked for anew is so every 5.

my $inside = <<"EOC";
    ohttp_relay_registry registry.json interval=100ms;
    resolver $resolver;
    resolver_timeout 5s;

    ohttp_relay_gateway moves { url http://Moves.test:$port/moves; insecure on; keepalive 4; keepalive_timeout 60s; }
    ohttp_relay_gateway early { url http://early.test:$port/early; insecure on; replay_window 300s; }
    ohttp_relay_gateway late  { url http://late.test:$port/late; insecure on; }
    ohttp_relay_gateway two   { url http://two.test:$port/two; insecure on; keepalive 0; connect_timeout 2s; }
    ohttp_relay_gateway held  { url http://held.test:$held_port/held; insecure on; keepalive_timeout 60s; }
    ohttp_relay_gateway pair  { url http://two.test:$held_port/pair; insecure on; keepalive 0; profile dstack-e2ee; replay_window off; }
    ohttp_relay_gateway six   { url http://six.test:$six_port/six; insecure on; }
    ohttp_relay_gateway fixed { url http://127.0.0.1:$port/fixed; insecure on; }

    log_format where '\$ohttp_relay_gateway \$upstream_addr';

    server {
        listen 127.0.0.1:8080;
        access_log %%TESTDIR%%/where.log where;
        location = /v1/models { ohttp_relay_pass pair; }
        location ~ ^/to/(?<name>.*)\$ { ohttp_relay_pass \$name; }
    }
EOC

my $registry = $t->registry;
$registry->write;
$t->http($inside);

my ($code, $printed) = $t->nginx_t;
is($code, 0, 'the configuration is right');
is($dns->asked('moves.test'), 0, 'and nobody was asked for it');

my $one = $t->gateway(8081, answer => sub { $_[0]->answer });
my $two = $t->gateway(8081, answer => sub { $_[0]->answer }, address => '127.0.0.2', name => 'two');

my $held = $t->gateway(8083);

$dns->says('moves.test' => ['127.0.0.1'], 'two.test' => ['127.0.0.1', '127.0.0.2'], 'late.test' => 'silent',
    'held.test' => ['127.0.0.1'], 'six.test' => ['::1']);
$t->run;

sub goes { $t->post("/to/$_[0]", @_[1 .. $#_])->says }
sub logged { return scalar(() = $t->read_file('error.log') =~ /$_[0]/g) }
sub requests { my ($gateway) = @_; return scalar(my @requests = $gateway->requests) }
sub comes { my ($name) = @_; $t->waitfor("$name to work", sub { goes($name) eq '200' }) }

# A name that does not exist, and one of which nothing is heard: no request is kept waiting,
# or claimed.

my $body = $t->sealed;
my $answer = $t->post('/to/early', body => $body);
is($answer->says, '503 gateway_unavailable', 'no such name');
ok($answer->header('Retry-After') >= 1, 'not yet');
is(goes('late'), '503 gateway_unavailable', 'no answer for the name');
is(goes('fixed'), '200', 'which does not concern others');
$t->waitfor('a line of it', sub { logged(qr/\[warn\].* gateway "early": "early.test" cannot be resolved \(3: Host not found\), it has no address yet/) });

ok(comes('moves'), 'a name, in whatever case');
like(($one->requests)[-1]->head, qr/^Host: Moves\.test:$port\r$/m, 'which the gateway sees as it was written');
ok(comes('two'), 'a name with two addresses');
my ($first, $second) = (requests($one), requests($two));
is(goes('two'), '200', 'serves') for 1 .. 4;
is(requests($one) - $first, 2, 'and one of them has half of it');
is(requests($two) - $second, 2, 'the other one the rest');

# What has been sent to one address goes to no other, a GET neither: one of the two begins with the
# first address.

for (1, 2) {
    my $client;
    $t->waitfor('an address', sub {
        $client = $t->start('/v1/models', type => undef, method => 'GET', body => undef);
        $held->asked(0.2);
    });
    my $conn = $held->accept;
    $conn->request;
    $conn->close;
    is($client->answer->says, '502 gateway_error', 'an address that takes a request and closes: one error');
    ok(!$held->asked(0.3), 'and no second try');
}

SKIP: {
    my $six = IO::Socket::IP->new(LocalHost => '::1', LocalPort => $six_port, Listen => 5, ReuseAddr => 1)
        or skip('no IPv6 here', 1);
    $t->run_daemon(sub {
        while (my $socket = $six->accept) {
            my $conn = Test::OhttpRelay::Gateway::Conn->new($socket, name => $t->dir . '/captured/six', limit => 0,
                sealed => $t->canary->body);
            $conn->request;
            $conn->body;
            $conn->answer;
            $conn->close;
        }
    });
    close $six;
    ok(comes('six'), 'a name with an IPv6 address');
}

# A request that is on its way when its gateway moves.

my $client;
$t->waitfor('its gateway', sub { $client = $t->start('/to/held'); $held->asked(0.2) });
my $conn = $held->accept;
$conn->request;
$conn->body;
$dns->says('held.test' => ['127.0.0.2']);

# Rows of the registry: a changed one has the addresses of before, one that goes takes none from a
# request that is on its way, and one whose name is still asked for may go as well.

$dns->says('row.test' => ['127.0.0.1'], 'quiet.test' => 'silent');
$registry->row(row => 8081, url => "http://row.test:$port/row");
$registry->row(gone => 8083, url => "http://row.test:$held_port/gone");
$registry->row(quiet => 8081, url => "http://quiet.test:$port/quiet")->publish;
ok(comes('row'), 'a row with a name');
is(goes('quiet'), '503 gateway_unavailable', 'one that is not resolved');

my $going;
$t->waitfor('a row by name', sub { $going = $t->start('/to/gone'); $held->asked(0.2) });
my $last = $held->accept;
$last->request;
$last->body;

$registry->change(row => max_body => '1m')->drop('gone', 'quiet')->publish;
is(goes('row'), '200', 'a row that has changed has its addresses at once');
is(goes($_), '404 gateway_unknown', "$_ has gone") for qw/gone quiet/;
$last->answer;
is($going->answer->says, '200', 'but what was on its way ends');
ok($last->at_end, 'and its connection with it');

# They come later.

$dns->says('early.test' => ['127.0.0.1'], 'late.test' => ['127.0.0.2']);
ok(comes('early'), 'it exists now');
is(goes('early', body => $body), '200', 'and nothing was claimed when it did not');
is(goes('early', body => $body), '409 replay_detected', 'but is now');
$t->waitfor('a line of it', sub { logged(qr/\[notice\].* gateway "early": its name is resolved again/) });
ok(comes('late'), 'there is an answer now');

# It moves: what is on its way ends, what is idle is closed, and new requests go there.

sub at { my ($gateway) = @_; my $n = requests($gateway); goes('moves'); return requests($gateway) > $n }

ok(at($one), 'it is in one place');
my $asked = $dns->asked('moves.test');
$dns->says('moves.test' => ['127.0.0.2']);
$t->waitfor('the other place', sub { at($two) });
is(goes('moves'), '200', 'and works there') for 1 .. 3;
ok($dns->asked('moves.test') > $asked, 'for it was asked again');

$t->waitfor('the other to move', sub { logged(qr/gateway "held" has other addresses/) });
$conn->answer;
is($client->answer->says, '200', 'what was on its way ends where it began');
$t->waitfor('its line', sub { $t->read_file('where.log') =~ /^held 127\.0\.0\.1:$held_port$/m });
ok($conn->at_end, 'and its connection is not kept');

# The name server fails, in all ways: the last addresses serve.

for my $failure (qw/servfail nxdomain/) {
    my $lines = logged(qr/\[warn\].* gateway "moves": "moves.test" cannot be resolved .*, the last addresses serve/);
    $dns->says('moves.test' => $failure);
    $t->waitfor('the failure', sub { logged(qr/gateway "moves": .* the last addresses serve/) > $lines });
    is(goes('moves'), '200', "$failure: the last address serves");

    $lines = logged(qr/gateway "moves": its name is resolved again/);
    $dns->says('moves.test' => ['127.0.0.2']);
    $t->waitfor('the end of it', sub { logged(qr/gateway "moves": its name is resolved again/) > $lines });
}

# Also to those who come after a reload, who have not heard of them; an old worker with a
# question under way ends.

$dns->says('moves.test' => 'silent', 'late.test' => 'silent');
$asked = $dns->asked('moves.test') + $dns->asked('late.test');
$t->waitfor('a question', sub { $dns->asked('moves.test') + $dns->asked('late.test') > $asked });
$t->reload_whole;
is(goes('moves'), '200', 'after a reload, without a name server: the last address');

# Unless the gateway has another name.

$t->http($inside =~ s/Moves\.test/elsewhere.test/r);
$t->reload_whole;
is(goes('moves'), '503 gateway_unavailable', 'with another name it has none');
$dns->says('elsewhere.test' => ['127.0.0.1']);
ok(comes('moves'), 'until that is known');

$t->done;
