#!/usr/bin/perl

# A gateway that was left out is back when it can be connected to again, whatever connection to it was
# kept meanwhile.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new;

$t->http(<<'EOC');
    ohttp_relay_gateway held  { url http://127.0.0.1:8083/; insecure on; pool both; weight 65535; eject 300ms; }
    ohttp_relay_gateway other { url http://127.0.0.1:8081/; insecure on; pool both; }
    ohttp_relay_pool both { keys shared; }

    server {
        listen 127.0.0.1:8080;
        location = / { ohttp_relay_pass both; }
    }
EOC

$t->gateway(8081, answer => sub { $_[0]->answer });
my $held = $t->gateway(8083);
$t->run;

my $client = $t->start('/');
my $conn = $held->accept;
ok($conn && $conn->request, 'a first connection');
$conn->body;
close $held->{listener};

is($t->post('/')->says, '200', 'it takes no second one: the other gateway');
like($t->read_file('error.log'), qr/gateway "held" is left out/, 'does all the work');
$conn->answer;
is($client->answer->says, '200', 'the first one is kept');
$client->close;

$t->gateway(8083, answer => sub { $_[0]->answer });
my $kept = IO::Select->new($conn->{socket});
$t->waitfor('it to be back', sub {
    my $client = $t->start('/');
    $conn->answer if $kept->can_read(0.1) && $conn->request;
    is($client->answer->says, '200', 'each request is answered');
    return $t->read_file('error.log') =~ /gateway "held" is back/;
});
$conn->close;

$t->done;
