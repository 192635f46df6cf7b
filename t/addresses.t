#!/usr/bin/perl

# A gateway with several addresses: while connecting each is tried, once, and never afterwards.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new;

# A name with two addresses, for nginx alone: it gets its own /etc/hosts.

my $hosts = $t->write_file('hosts', "127.0.0.1 localhost twice.test\n127.0.0.2 twice.test\n");
my $nginx = $t->write_file('nginx', <<"EOS");
#!/bin/sh
exec unshare -m sh -c 'mount --bind $hosts /etc/hosts && exec $t->{nginx} "\$@"' nginx "\$@"
EOS
chmod 0755, $nginx;
system("unshare -m mount --bind $hosts /etc/hosts >/dev/null 2>&1") == 0
    or plan(skip_all => 'cannot mount a file in a namespace of its own');
$t->{nginx} = $nginx;

my $port = $t->port(8081);

$t->http(<<"EOC");
    ohttp_relay_gateway llm  { url http://twice.test:$port/; insecure on; connect_timeout 2s; keepalive 0; }
    ohttp_relay_gateway kept { url http://twice.test:$port/; insecure on; connect_timeout 2s; keepalive 4; keepalive_timeout 60s; }

    server {
        listen 127.0.0.1:8080;
        location = /relay { ohttp_relay_pass llm; }
        location = /kept  { ohttp_relay_pass kept; }
    }
EOC

# The second address is there. The first one takes the connections that fill its queue, and
# then the kernel answers none.

my $gateway = $t->gateway(8081, address => '127.0.0.2');
my $full = listener('127.0.0.1');
my @queue = map {
    IO::Socket::INET->new(Proto => 'tcp', PeerAddr => '127.0.0.1', PeerPort => $port, Blocking => 0)
} 1 .. 8;
$t->run;

sub listener {
    my ($address) = @_;
    return IO::Socket::INET->new(Proto => 'tcp', LocalAddr => $address, LocalPort => $port,
        Listen => 1, ReuseAddr => 1) // die "cannot listen on $address: $!\n";
}

# Requests side by side: those that wait for the dead address go on to the living one, whatever
# the others have done meanwhile.

my $requests = 6;
my @clients = map { $t->start('/relay') } 1 .. $requests;

for my $n (1 .. $requests) {
    my $conn = $gateway->accept;
    ok($conn && $conn->request, "request $n arrives") or next;
    $conn->answer;
    $conn->close;
}

is($_->answer->says, '200', 'each has its answer') for @clients;

# A living address that breaks off has got the request: nobody else gets it.

@queue = ();
undef $full;
$full = listener('127.0.0.1');
$full->blocking(0);

for my $n (1 .. 4) {
    my $client = $t->start('/relay');
    my ($first, $second);
    $t->waitfor('a connection', sub { $first = $full->accept // ($gateway->asked && $gateway->accept) });
    $first = Test::OhttpRelay::Gateway::Conn->new($first, name => $t->dir . "/captured/first.$n", limit => 0)
        unless $first->isa('Test::OhttpRelay::Gateway::Conn');
    $first->until("\r\n\r\n");
    $first->reset;
    is($client->answer->says, '502 gateway_error', "request $n, broken off by one address: 502");
    ok(!$gateway->asked(0.2) && !$full->accept, 'and the other is not asked');
}

# With nobody there each address is tried, and then it is over.

undef $full;
delete $gateway->{listener};
is($t->post('/relay')->says, '502 gateway_error', 'nobody is there');
is(() = $t->read_file('error.log') =~ /connect\(\) failed/g, 2, 'two addresses were tried');

$t->done;
