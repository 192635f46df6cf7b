#!/usr/bin/perl

# What a request to a row has claimed is given back when the row is down before a byte was sent.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Time::HiRes qw/sleep/;

my $t = Test::OhttpRelay->new->has(qw/access-peer redis http2/);
my $registry = $t->registry;
my $secret = $t->write_file('secret', join '', map { chr int rand 256 } 1 .. 40);
chmod 0600, $secret;
my $access = $t->access;
my $key = $access->issuer_key('demo');

# Claims are held back as long as there is a file of this name; as many as it says come before.

my $hold = $t->dir . '/hold';
my $passed = 0;
$t->fake_redis(8380, real => $t->redis, script => sub {
    my ($conn, $name) = @_;
    $passed = 0 unless -e $hold;
    if ($name eq 'SET' && -e $hold && $passed++ >= $t->read_file($hold)) {
        $t->write_file('held', '');
        sleep 0.02 while -e $hold;
    }
    $conn->pass;
});

$registry->row(once => 8081, replay_window => '300s');
$registry->row(away => 8083, replay_window => '300s');
$registry->write;

$t->http(<<"EOC");
    ohttp_relay_registry registry.json interval=100ms;
    ohttp_relay_secret $secret;
    ohttp_relay_store  redis redis://127.0.0.1:8380/2 timeout=20s;
    ohttp_relay_token_key demo { key $key->{spki}; issuer issuer.example; expires 2099-01-01T00:00:00Z; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        location ~ ^/to/(?<name>.*)\$ { ohttp_relay_pass \$name; }
        location = /paid { ohttp_relay_pass once; ohttp_relay_auth token=demo; }
        location = /status { ohttp_relay_status json; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
my $silent = $t->gateway(8083);
$t->run;
$t->waitfor('the store', sub { $t->post('/status', method => 'GET', body => undef, type => undef)->body =~ /"store":"ok"/ });
$t->{written}{$_} = 1 for qw/hold held/;

sub sealed { "\1\0\x20\0\1\0\1" . join '', map { chr int rand 256 } 1 .. 300 }

my $first = sealed();
is($t->post('/to/once', body => $first)->says, '200', 'a request that must be new');
is($t->post('/to/once', body => $first)->says, '409 replay_detected', 'and is but once');

for my $http (1, 2) {
    my $sealed = sealed();

    unlink $t->dir . '/held';
    $t->write_file('hold', 0);
    my $client = $t->start('/to/once', body => $sealed, http => $http);
    $t->waitfor('the claim', sub { -e $t->dir . '/held' });

    $registry->change(once => admin => 'down')->publish;
    is($client->answer->says, '503 gateway_unavailable', "HTTP/$http: nobody waits for a claim of one that is down");

    unlink $hold;
    $registry->change(once => admin => undef)->publish;

    my $says;
    $t->waitfor('the claim to be given back', sub { ($says = $t->post('/to/once', body => $sealed)->says) eq '200' });
    is($says, '200', "HTTP/$http: it was given back");
    is($t->post('/to/once', body => $sealed)->says, '409 replay_detected', "HTTP/$http: once");
}

# with the first of two claims to give back, the second one may still come: it must not be the last word

for my $http (1, 2) {
    my $sealed = sealed();
    my $token = ($access->tokens($key, direct => 1, issuer => 'issuer.example'))[0];
    my @paid = (body => $sealed, headers => [Authorization => "PrivateToken token=$token"]);

    unlink $t->dir . '/held';
    $t->write_file('hold', 1);
    my $client = $t->start('/paid', @paid, http => $http);
    $t->waitfor('the second claim', sub { -e $t->dir . '/held' });

    $registry->change(once => admin => 'down')->publish;
    $gateway->forget;
    unlink $hold;
    is($client->answer->says, '503 gateway_unavailable', "HTTP/$http: of two claims the second is open");
    is(scalar(my @requests = $gateway->requests), 0, "HTTP/$http: nothing has come to the gateway");

    $registry->change(once => admin => undef)->publish;
    my $says;
    $t->waitfor('both to be given back', sub { ($says = $t->post('/paid', @paid)->says) eq '200' });
    is($says, '200', "HTTP/$http: both were given back");
}

# a byte that was sent may have been seen

my $sealed = sealed();
my $client = $t->start('/to/away', body => $sealed);
my $conn = $silent->accept;
$conn->request;
$conn->body;
$registry->change(away => admin => 'down')->publish;
is($client->answer->says, '503 gateway_unavailable', 'one that was sent is cut');
$_->close for $client, $conn;
$registry->change(away => admin => 'up')->publish;
is($t->post('/to/away', body => $sealed)->says, '409 replay_detected', 'and nothing is given back');

$t->done;
