#!/usr/bin/perl

# Of many requests with one token at the same time one is let in: by one nginx with several
# workers, across a reload.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/access-peer/);
my $access = $t->access;
my $key = $access->issuer_key('demo');

$t->http(<<"EOC");
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; }

    ohttp_relay_token_key demo {
        key      $key->{spki};
        issuer   issuer.example;
        expires  2099-01-01T00:00:00Z;
    }

    server {
        listen 127.0.0.1:8080 reuseport;
        location = /demo { ohttp_relay_pass llm; ohttp_relay_auth token=demo; }
    }
EOC

$t->write_file('nginx.conf', "worker_processes 4;\n" . $t->read_file('nginx.conf'));

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

my @tokens = $access->tokens($key, direct => 1, issuer => 'issuer.example', count => 3);

# Sends them all before it reads any answer.

sub storm {
    my ($token, $count) = @_;
    my %says;
    my @sent = map {
        $t->start('/demo', headers => [Authorization => "PrivateToken token=$token"])
    } 1 .. $count;
    $says{ $_->answer->says }++ for @sent;
    return \%says;
}

for my $token (@tokens) {
    is_deeply(storm($token, 64), { '200' => 1, '401 token_spent' => 63 }, 'of 64 one is let in');
}

is(scalar(my @requests = $gateway->requests), 3, 'and the gateway got one of each');

$t->reload;
is_deeply(storm($tokens[0], 8), { '401 token_spent' => 8 }, 'none after a reload');

$t->done;
