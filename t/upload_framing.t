#!/usr/bin/perl

# An upload whose bytes are mostly framing neither hangs for ever nor fails when it is honest.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::H2;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->http(<<'EOC');
    ohttp_relay_gateway one  { url http://127.0.0.1:8081/gateway; insecure on; keepalive 0; max_in_flight 1; }
    ohttp_relay_gateway many { url http://127.0.0.1:8081/gateway; insecure on; keepalive 0; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        location = /brief { ohttp_relay_pass one; client_body_timeout 1s; }
        location = /relay { ohttp_relay_pass one; }
        location = /small { ohttp_relay_pass many; client_body_buffer_size 1k; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

my %type = (single => 'message/ohttp-req', chunked => 'message/ohttp-chunked-req');
my $count = 0;

sub begin {
    my ($target, $type) = @_;
    my $client = $t->client;
    $client->send($client->head('POST', $target, 'Content-Type' => $type,
        'Transfer-Encoding' => 'chunked'));
    return $client;
}

sub place_is_free {
    my ($after) = @_;
    like($t->logged(++$count), qr/^one client_closed /, "$after is counted as client_closed");
    is($t->post('/relay')->says, '200', "and the place after $after is free");
    ++$count;
}

# Fewer bytes than tell what it is, in more framing than any buffer holds.

my @flood = ("1\r\nX\r\n", ('1;' . 'a' x 4000 . "\r\nX\r\n") x 5);

for my $kind (sort keys %type) {
    my $client = begin('/brief', $type{$kind});
    $client->send($_) for @flood;
    $client->rest;
    is($client->ended, 'closed', "$kind: a flood of framing ends by client_body_timeout");
    place_is_free("a flood ($kind)");

    # Without any time-out: the end of the connection is enough.
    $client = begin('/relay', $type{$kind});
    $client->send($_) for @flood;
    $client->close;
    place_is_free("a flood and an end ($kind)");

    $client = begin('/brief', $type{$kind});
    $client->send("3\r\n\x01\x00\x20\r\n");
    $client->rest;
    is($client->ended, 'closed', "$kind: three bytes and silence end by client_body_timeout");
    place_is_free("a silence ($kind)");
}

# The same silence over HTTP/2

my $h2 = Test::OhttpRelay::H2->connect(canary => $t->canary, port => $t->port(8082));
my $id = $h2->open('POST', '/brief', type => $type{chunked}, chunked => 1);
$h2->data($id, "\x01\x00\x20", 0);
$h2->wait($id);
ok($h2->over($id), 'HTTP/2: three bytes and silence end by client_body_timeout');
place_is_free('a silence (HTTP/2)');

# Honest clients that write byte by byte; the longest envelope that is known needs the most
# of them before it can be told from a short one.

my %header = (x25519 => "\x01\x00\x20\x00\x01\x00\x01", 'mlkem1024-p384' => "\x01\x00\x51\x00\x02\x00\x02");

for my $kem (sort keys %header) {
    for my $kind (sort keys %type) {
        my $sealed = $t->sealed(1800, $header{$kem});
        $gateway->forget;

        for my $pieces ('at once', 'one by one') {
            my $client = begin('/small', $type{$kind});
            my @chunks = map { "1\r\n$_\r\n" } split //, $sealed;
            $client->send($_) for $pieces eq 'at once' ? join('', @chunks) : @chunks;
            $client->end_chunks;
            is($client->answer->says, '200', "$kem, $kind: chunks of one byte, $pieces");
        }

        my @bodies = map { $_->body } $gateway->wait_requests(2);
        ok(@bodies == 2 && !(grep { $_ ne $sealed } @bodies), "$kem, $kind: all of it arrives");
    }
}

# Long chunk extensions of an honest client do no harm.

$gateway->forget;
my $sealed = $t->sealed(60);
my $client = begin('/small', $type{chunked});
$client->send('1;' . 'a' x 1000 . "\r\n$_\r\n") for split //, $sealed;
$client->end_chunks;
is($client->answer->says, '200', 'chunks with long extensions');
is(($gateway->wait_requests(1))[0]->body, $sealed, 'arrive without them');

$t->done;
