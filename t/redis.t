#!/usr/bin/perl

# Tokens are spent once across workers and across relays that share a Redis, and Redis learns
# nothing of them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/access-peer redis/);
my $access = $t->access;
my $key = $access->issuer_key('demo');
my $secret = $t->write_file('secret', join '', map { chr int rand 256 } 1 .. 40);
chmod 0600, $secret;

my $redis = $t->redis(monitor => 1);

my $http = <<"EOC";
    ohttp_relay_secret $secret;
    ohttp_relay_store  redis redis://127.0.0.1:8379/2 timeout=2s;

    ohttp_relay_gateway llm  { url http://127.0.0.1:8081/gateway; insecure on; replay_window 300s; }
    ohttp_relay_gateway gone { url http://127.0.0.1:8085/gateway; insecure on; replay_window 300s; }

    ohttp_relay_token_key demo {
        key      $key->{spki};
        issuer   issuer.example;
        expires  2099-01-01T00:00:00Z;
    }

    ohttp_relay_token_key more {
        key      $key->{spki};
        issuer   issuer.example;
        origin   relay.example;
        uses     3 per 1h;
        expires  2099-01-01T00:00:00Z;
    }

    ohttp_relay_token_key paced {
        key      $key->{spki};
        issuer   issuer.example;
        origin   paced.example;
        uses     100;
        rate     1r/m burst=2;
        expires  2099-01-01T00:00:00Z;
    }

    server {
        listen 127.0.0.1:8080 reuseport;
        location ~ ^/to/(?<name>.*)\$ { ohttp_relay_pass \$name; ohttp_relay_auth token=demo token=more token=paced; }
        location = /status { ohttp_relay_status json; }
    }
EOC

# A second relay beside the first, in a folder of its own.

$t->http($http);
my $first = $t->read_file('nginx.conf');
$t->write_file('nginx.conf', "worker_processes 4;\n$first");

mkdir $t->dir . '/second' or die;
(my $second = $first) =~ s/(listen 127\.0\.0\.1:)\d+ reuseport/$1 . $t->port(8082)/e;
my $dir = $t->dir;
$second =~ s{\Q$dir\E/(nginx.pid|error.log|access.log|\w+_temp)}{$dir/second/$1}g;
$t->write_file('second.conf', $second);

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;
$t->run_program('second.log', $t->{nginx}, '-p', "$dir/second/", '-c', "$dir/second.conf", '-e', "$dir/second/error.log");
$t->waitforsocket(8082);
$t->waitfor('the store', sub { $t->post('/status', method => 'GET', body => undef, type => undef)->body =~ /"store":"ok"/ });

sub token { ($access->tokens($key, direct => 1, issuer => 'issuer.example', @_))[0] }
sub with { (headers => [Authorization => "PrivateToken token=$_[0]"]) }

# ---- once

for my $round (1 .. 3) {
    my $token = token();
    my %says;
    my @sent = map { $t->start('/to/llm', with($token), port => $_ % 2 ? 8080 : 8082) } 1 .. 64;
    $says{ $_->answer->says }++ for @sent;
    is_deeply(\%says, { '200' => 1, '401 token_spent' => 63 }, "of 64 at two relays one is let in ($round)");
}

my $sealed = $t->sealed;
is($t->post('/to/llm', with(token()), body => $sealed)->says, '200', 'a sealed request');
my $token = token();
is($t->post('/to/llm', with($token), body => $sealed, port => 8082)->says, '409 replay_detected',
    'is known at the other relay');
is($t->post('/to/llm', with($token), port => 8082)->says, '200', 'where the token was not spent');

# ---- given back

$token = token();
my $request = $t->sealed;
is($t->post('/to/gone', with($token), body => $request)->says, '502 gateway_error', "a gateway that is not there ($_)") for 1 .. 3;
is($t->post('/to/llm', with($token), body => $request, port => 8082)->says, '200', 'gives token and request back');
is($t->post('/to/llm', with($token))->says, '401 token_spent', 'to be used once');

$token = token();
is($t->post('/to/gone', with($token))->says, '502 gateway_error', 'it gives back') for 1 .. 4;
is($t->post('/to/gone', with($token))->says, '401 token_spent', 'three times at most');

# ---- more often

$token = token(origin => 'relay.example');
my @says = map { $t->post('/to/llm', with($token), port => $_ % 2 ? 8080 : 8082)->says } 1 .. 4;
is("@says", '200 200 200 401 token_spent', 'a token of three uses has three, at both');

$token = token(origin => 'paced.example');
@says = map { $t->post('/to/llm', with($token))->says } 1 .. 3;
is("@says", '200 200 429 rate_limited', 'a token with a rate');
my $wait = $t->post('/to/llm', with($token))->header('Retry-After');
ok($wait >= 50 && $wait <= 60, "says when: in $wait s");

# ---- what Redis has

$redis->command('SELECT', 2);
my @keys = sort @{ $redis->command('KEYS', '*') };
ok(@keys > 5, 'Redis has ' . @keys . ' keys');
is(scalar(grep { !/^ohr:/ } @keys), 0, 'all with the prefix');
my @without = grep { $redis->command('TTL', $_) < 0 && !/^ohr:(?:epoch|k:|\w*count|\w*beat)/ } @keys;
is("@without", '', 'what is remembered ends some day');

kill QUIT => $t->read_file('second/nginx.pid');
$t->waitfor('the second to end', sub { !-e "$dir/second/nginx.pid" });
unlike($t->read_file('second/error.log'), qr/\[(?:alert|emerg|crit)\]/, 'the second relay has no complaint');

$t->done;
