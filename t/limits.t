#!/usr/bin/perl

# A gateway gets no more streams at a time than it may, and each place is given back.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->http(<<'EOC');
    ohttp_relay_gateway two   { url http://127.0.0.1:8081/gateway; insecure on; max_in_flight 2; keepalive 0; }
    ohttp_relay_gateway other { url http://127.0.0.1:8081/gateway; insecure on; max_in_flight 2; keepalive 0; }
    ohttp_relay_gateway gone  { url http://127.0.0.1:8083/gateway; insecure on; max_in_flight 1; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        location ~ ^/to/(?<name>.*)$ { ohttp_relay_pass $name; }
    }
EOC

my $gateway = $t->gateway(8081);
$t->run;

sub hold {
    my ($name, %opt) = @_;
    my $client = $t->start("/to/$name", %opt);
    my $conn = $gateway->accept;
    $conn->request;
    $conn->body;
    return ($client, $conn);
}

sub release {
    my ($client, $conn) = @_;
    $conn->answer;
    is($client->answer->says, '200', 'one that was held is answered');
}

# Each way in which a place is given back; after it there must be two again, and not three.

my %back = (
    'an answer' => sub { release(@_) },
    'a client that leaves' => sub { $_[0]->close; $_[1]->at_end },
    'a gateway that fails' => sub { $_[1]->reset; $_[0]->answer },
    'a stream cut off' => sub {
        $_[1]->start_chunks;
        $_[1]->send_chunk('x');
        $_[0]->answer_head;
        $_[1]->reset;
        $_[0]->rest;
    },
);

for my $how (sort keys %back) {
    my @first = hold('two');
    my @second = hold('two', http => 2);

    for my $http (1, 2) {
        my $answer = $t->post('/to/two', http => $http);
        is($answer->says, '503 gateway_unavailable', "a third stream, HTTP/$http");
        like($answer->header('Retry-After') // '', qr/^[1-9]\d*$/, 'is told when to come again');
    }

    ok(!$gateway->asked, 'and the gateway is not');

    my @else = hold('other');
    release(@else);

    $back{$how}->(@first);
    my $client;
    my @again = $t->waitfor("the place after $how", sub {
        $client = $t->start('/to/two');
        $gateway->asked(0.5) && $gateway->accept;
    });
    $again[0]->request;
    is($t->post('/to/two')->says, '503 gateway_unavailable', "after $how there is one place and no more");
    release($client, @again);
    release(@second);
}

# A gateway that is not there holds nothing, and neither does a refusal.

is($t->post('/to/gone')->says, '502 gateway_error', "attempt $_ at a gateway that is not there") for 1 .. 3;
is($t->post('/to/two', body => 'x')->says, '400 malformed_request', 'a refusal') for 1 .. 3;
my @one = hold('two');
my @two = hold('two');
release(@one);
release(@two);

# Over a reload too.

@one = hold('two');
$t->reload;
@two = hold('two');
is($t->post('/to/two')->says, '503 gateway_unavailable', 'streams of old workers count');
release(@one);
release(@two);

$t->done;
