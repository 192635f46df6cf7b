#!/usr/bin/perl

# A sealed request that came before is refused, where the gateway's block says so.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->http(<<'EOC');
    ohttp_relay_gateway once { url http://127.0.0.1:8081/gateway; insecure on; replay_window 300s; }
    ohttp_relay_gateway any  { url http://127.0.0.1:8081/gateway; insecure on; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        location = /once { ohttp_relay_pass once; }
        location = /any  { ohttp_relay_pass any; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

# A sealed request with an encapsulated key of its own.

sub sealed {
    my ($header) = @_;
    my $key = join '', map { chr int rand 256 } 1 .. 1700;
    return ($header // "\1\0\x20\0\1\0\1") . $key;
}

my $sealed = sealed();
is($t->post('/once', body => $sealed)->says, '200', 'a sealed request');
is($t->post('/once', body => $sealed)->says, '409 replay_detected', 'and again');
is($t->post('/once', body => $sealed, http => 2)->says, '409 replay_detected', 'over HTTP/2');
is($t->post('/once', body => $sealed, chunked => 1)->says, '409 replay_detected', 'in chunks');
is($t->post('/once', body => $sealed, type => 'message/ohttp-chunked-req', chunked => 1)->says,
    '409 replay_detected', 'as one of the other kind');
is($t->post('/once', body => substr($sealed, 0, 100))->says, '409 replay_detected', 'cut short');
is($t->post('/any', body => $sealed)->says, '200', 'a gateway that does not ask for it takes it');

for my $kem ("\0\x10", "\x64\x7a", "\xfa\xce") {
    my $sealed = sealed("\1$kem\0\1\0\1");
    my $name = unpack 'H*', $kem;
    is($t->post('/once', body => $sealed)->says, '200', "KEM $name");
    is($t->post('/once', body => $sealed)->says, '409 replay_detected', "KEM $name again");
}

$sealed = sealed();
my %says;
my @sent = map { $t->start('/once', body => $sealed) } 1 .. 20;
$says{ $_->answer->says }++ for @sent;
is_deeply(\%says, { '200' => 1, '409 replay_detected' => 19 }, 'of twenty at once one passes');

$sealed = sealed();
my $client = $t->client(8080);
$client->send($client->head('POST', '/once', 'Content-Type' => 'message/ohttp-req',
    'Content-Length' => length $sealed));
$client->send($_) for map { substr $sealed, $_ * 10, 10 } 0 .. 169;
$client->send(substr $sealed, 1700);
is($client->answer->says, '200', 'one that comes in small pieces');
is($t->post('/once', body => $sealed)->says, '409 replay_detected', 'is remembered as well');

# One of an unknown KEM that has less than what would be enough.

$sealed = substr sealed("\1\xab\xcd\0\1\0\1"), 0, 25;
is($t->post('/once', body => $sealed, chunked => 1)->says, '200', 'a short one in two chunks');
is($t->post('/once', body => $sealed)->says, '409 replay_detected', 'is the same in one piece');
$client = $t->client(8080);
$client->send($client->head('POST', '/once', 'Content-Type' => 'message/ohttp-req',
    'Transfer-Encoding' => 'chunked'));
for my $piece (unpack '(a5)*', $sealed) {
    $client->send_chunk($piece);
    select undef, undef, undef, 0.05;
}
$client->end_chunks;
is($client->answer->says, '409 replay_detected', 'and in small pieces');

$t->done;
