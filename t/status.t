#!/usr/bin/perl

# The pages for operators: they say how the relay fares and never what one client did.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Time::HiRes qw/sleep time/;

my $t = Test::OhttpRelay->new;

$t->http(<<'EOC');
    ohttp_relay_gateway llm   { url http://127.0.0.1:8081/gateway; insecure on; }
    ohttp_relay_gateway other { url http://127.0.0.1:8083/gateway; insecure on; }

    server {
        listen 127.0.0.1:8080;

        location ~ ^/to/(?<name>.*)$ { ohttp_relay_pass $name; }
        location = /health  { ohttp_relay_status health; }
        location = /status  { ohttp_relay_status json; }
        location = /metrics { ohttp_relay_status prometheus; }
        location = /closed  { ohttp_relay_status prometheus; deny all; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

sub get { $t->post($_[0], method => $_[1] // 'GET', type => undef, body => undef) }

sub figures {
    my %figures = get('/metrics')->body =~ /^([a-z_]+(?:\{[^}]*\})?) (\S+)$/mg;
    return \%figures;
}

my $health = get('/health');
is($health->status, 200, 'health');
is_deeply($health->json, { status => 'ok' }, 'says that it is well and no more');
like($health->header('Content-Type'), qr{^application/json}, 'in JSON');
is(get('/health', 'HEAD')->body, '', 'HEAD is answered as well');
isnt(get('/health', 'DELETE')->status, 200, 'but no other method');
is(get('/closed')->status, 403, 'the operator may close a page');

# A step begins here, late in a second: it is ten seconds long all the same.

sleep 0.01 while time - int time < 0.8;
my $step = time;

my $metrics = get('/metrics');
is($metrics->status, 200, 'metrics');
like($metrics->header('Content-Type'), qr{^text/plain}, 'in the text format');
for my $line (split /\n/, $metrics->body) {
    $line =~ /^(?:# (?:HELP|TYPE) ohttp_relay_\w+ .+|ohttp_relay_\w+(?:\{\w+="[^"]*"(?:,\w+="[^"]*")*\})? [0-9.e+]+)$/
        or fail("a line of it: $line");
}

# What clients invent makes no new series.

my @series = sort keys %{ figures() };
$t->post('/to/' . $t->canary->word . $_) for 1 .. 5;
$t->post('/to/llm', method => 'X' . uc $t->canary->word);
$t->post('/to/llm', type => $t->canary->word . '/x');
$t->post('/to/llm', body => chr(rand 256) . "\xfe" . chr($_) . "\0\1\0\1" . 'x' x 60) for 1 .. 5;
$t->post('/to/llm') for 1 .. 4;
my $expected = 9;

$t->waitfor('the figures of these requests', sub {
    figures()->{'ohttp_relay_requests_total{gateway="llm",result="ok"}'} >= $expected
}, 20);
my $move = time;
cmp_ok($move - $step, '>=', 9.9, 'which come ten seconds after the last ones');
my $figures = figures();
is_deeply([sort keys %$figures], \@series, 'the series follow from the configuration alone');
is($figures->{'ohttp_relay_requests_total{gateway="llm",result="ok"}'}, 9, 'requests by gateway and result');
is($figures->{'ohttp_relay_requests_total{gateway="",result="gateway_unknown"}'}, 5, 'and those for none');

for my $name (qw/request_bytes response_bytes gateway_first_byte_seconds/) {
    my $count = $figures->{qq/ohttp_relay_${name}_count{gateway="llm"}/};
    cmp_ok($count // 0, '>=', 9, "$name: as many as there were");
    is($figures->{qq/ohttp_relay_${name}_bucket{gateway="llm",le="+Inf"}/}, $count, "$name: in buckets");
    ok(!exists $figures->{qq/ohttp_relay_${name}_sum{gateway="llm"}/}, "$name: no sum, which would tell of one");
}

cmp_ok($figures->{'ohttp_relay_gateway_connect_seconds_count{gateway="llm"}'}, '>=', 1, 'connects are timed');

# The JSON page says the same.

my $status = get('/status')->json;
is($status->{status}, 'ok', 'the JSON page');
is($status->{gateways}{llm}{requests}{ok}, 9, 'has the same figures');
is_deeply([sort keys %{ $status->{gateways} }], [qw/llm other/], 'for each gateway');
is($status->{gateways}{llm}{admin}, 'up', 'what the operator wants of it');
is($status->{gateways}{llm}{state}, 'ready', 'whether it takes requests');
is_deeply($status->{gateways}{llm}{attestation}, { state => 'off' }, 'and whether it is attested');
ok(!exists $status->{gateways}{llm}{keys}, 'it publishes no keys');
is($figures->{'ohttp_relay_gateway_ready{gateway="llm"}'}, 1, 'Prometheus knows that as well');
is_deeply([@$status{qw/pools files/}], [{}, []], 'there is no pool, and no file');
is_deeply(get('/health')->json, { status => 'ok' }, 'health still says no more');

# Requests flow all the time, the figures move in steps: the next one is ten seconds later.

my $text = sub { my $now = figures(); join ',', map { "$_=$now->{$_}" } sort keys %$now };
my $last = $text->();
$t->waitfor('the figures to move while requests flow', sub {
    sleep 0.1;
    $t->post('/to/llm');
    return $text->() ne $last;
}, 20);
cmp_ok(time - $move, '>', 9.5, 'in steps of ten seconds');

# What is in flight is among them, and figures outlive a reload.

my $before = figures()->{'ohttp_relay_requests_total{gateway="llm",result="ok"}'};
$t->reload;
cmp_ok(figures()->{'ohttp_relay_requests_total{gateway="llm",result="ok"}'}, '>=', $before, 'a reload loses no figure');
unlike(get('/metrics')->body . get('/status')->head, qr/canary|127\.0\.0/, 'no page names a client');

$t->done;
