#!/usr/bin/perl

# What is wrong with "ohttp_relay_store redis" is said in one line, and nothing is connected to
# while a configuration is tested.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new;
my $secret = $t->write_file('secret', 's' x 40);
my $file = $t->write_file('password', "word\n");
my $empty = $t->write_file('empty', "\n");
my $port = $t->port(8379);

sub config {
    my ($store, $without) = @_;
    return ($without ? '' : "ohttp_relay_secret $secret;\n") . "ohttp_relay_store $store;\n"
        . "ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; replay_window 1h; }\n"
        . "server { listen 127.0.0.1:8080; location /relay { ohttp_relay_pass llm; } }\n";
}

for (
    ['redis', 'needs an address'],
    ['redis http://127.0.0.1', 'none of redis://'],
    ['redis redis://u:p@127.0.0.1', 'a password is in "password_file"'],
    ['redis redis://127.0.0.1:99999', 'none of redis://'],
    ['redis redis://127.0.0.1,', 'none of redis://'],
    ['redis redis://127.0.0.1/x', 'none of redis://'],
    ['redis redis://127.0.0.1/', 'none of redis://'],
    ['redis unix:relative', 'none of redis://'],
    ['redis redis://no-such-host.invalid', 'host not found'],
    ['redis redis://u@127.0.0.1', 'no "password_file"'],
    ["redis redis://u\@127.0.0.1 user=v password_file=$file", 'two users'],
    ['redis redis://u@127.0.0.1 password_file=/none', 'failed'],
    ["redis redis://127.0.0.1 password_file=$empty", 'has no password'],
    ['redis redis://127.0.0.1/1 db=2', 'two numbers'],
    ['redis redis://127.0.0.1 db=x', 'wrong number of the database'],
    ['redis redis://127.0.0.1/1 cluster', 'has only one'],
    ['redis unix:/x cluster', 'by a path'],
    ['redis redis://127.0.0.1 timeout=0', 'wrong "timeout"'],
    ['redis redis://127.0.0.1 on_failure=open', 'none of closed, local'],
    ['redis redis://127.0.0.1 on_failure=grace=0/s,1s', 'wrong "grace"'],
    ['redis redis://127.0.0.1 on_failure=grace=5', 'wrong "grace"'],
    ['redis redis://127.0.0.1 on_data_loss=no', 'neither closed nor'],
    ['redis redis://127.0.0.1 prefix=a/b', 'other than letters'],
    ['redis redis://127.0.0.1 size=1k', 'below 1m'],
    ['redis redis://127.0.0.1 what=1', 'has no parameter "what=1"'],
    ['redis redis://127.0.0.1 ssl_name=a', 'parameters of TLS'],
) {
    my ($store, $says) = @$_;
    my ($code, $printed) = $t->nginx_t(config($store));
    like($printed, qr/\[emerg\].*\Q$says\E/, $store);
    is($code . ' ' . (() = $printed =~ /\[emerg\]/g), '1 1', 'is refused in one line');
}

my ($code, $printed) = $t->nginx_t(config('redis redis://127.0.0.1', 'without'));
like($printed, qr/\[emerg\].*needs "ohttp_relay_secret"/, 'without a secret it is refused');

for my $store ("redis redis://127.0.0.1:$port", "redis REDIS://[::1]:$port,127.0.0.1:$port/3",
    "redis unix:/none/redis.sock user=relay password_file=$file", "redis redis://u\@127.0.0.1:$port password_file=$file cluster",
    "redis rediss://127.0.0.1:$port ssl_name=redis.example timeout=20ms on_failure=grace=10/s,5s")
{
    ($code, $printed) = $t->nginx_t(config($store));
    is($code, 0, "$store is taken") or diag($printed);
}

$t->done;
