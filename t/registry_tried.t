#!/usr/bin/perl

# What the log says of the gateways that a request was tried with is theirs, although the registry
# has none of them any more.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new;
my $registry = $t->registry;

# Nobody listens on 8083.

$registry->row(gone => 8083, pool => 'both', weight => 65535)->row(there => 8081, pool => 'both');
$registry->pool(both => keys => 'shared');
$registry->write;

$t->http(<<'EOC');
    ohttp_relay_registry registry.json interval=100ms;
    log_format tried '$ohttp_relay_gateway $upstream_addr $upstream_status';

    server {
        listen 127.0.0.1:8080;
        access_log tried.log tried;
        location = / { ohttp_relay_pass both; }
    }
EOC

my $gateway = $t->gateway(8081);
$t->run;
$t->{written}{'tried.log'} = 1;

my $client = $t->start('/');
my $conn = $gateway->accept;
ok($conn && $conn->request, 'the second one has it');

# The memory of the rows that are gone has other rows in it now.

$registry->drop('gone', 'there', 'both');
$registry->row("other-$_" => 8085) for 1 .. 50;
$registry->publish;

$conn->body;
$conn->answer;
is($client->answer->says, '200', 'and answers when both are gone');
$_->close for $client, $conn;

my @addr = map { '127.0.0.1:' . $t->port($_) } 8083, 8081;
$t->waitfor('the log', sub { $t->read_file('tried.log') });
is($t->read_file('tried.log'), "there $addr[0], $addr[1] 502, 200\n", 'each has its address in the log');

$t->done;
