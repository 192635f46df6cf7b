#!/usr/bin/perl

# Many streams on one HTTP/2 connection do not disturb each other.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::H2;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->http(<<'EOC');
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; keepalive 0; }

    server {
        listen 127.0.0.1:8082 http2;
        location = /relay { ohttp_relay_pass llm; }
    }
EOC

my $gateway = $t->gateway(8081);
$t->run;

my $h2 = Test::OhttpRelay::H2->connect(canary => $t->canary, port => $t->port(8082));

# Opens a stream with its whole request and takes it in at the gateway.

sub exchange {
    my (%opt) = @_;
    my $id = $h2->open('POST', '/relay', type => 'message/ohttp-chunked-req', chunked => 1);
    $h2->data($id, $t->sealed, 1);
    my $conn = $gateway->accept or return;
    $conn->request;
    $conn->body;
    return ($id, $conn);
}

my (%conn, @ids);
for (1 .. 12) {
    my ($id, $conn) = exchange();
    $conn{$id} = $conn;
    push @ids, $id;
}

is(scalar(grep { $_ } values %conn), 12, 'each stream of a connection reaches the gateway by itself');

# They are answered in turns, and one of them breaks.

my $broken = $ids[5];
$_->start_chunks for values %conn;
for my $round (1 .. 3) {
    for my $id (reverse @ids) {
        $conn{$id}->send_chunk("$id,$round;");
        $h2->wait($id, sub { $_[0]{body} =~ /$id,$round;$/ });
    }
}

$conn{$broken}->reset;
my $answer = $h2->answer($broken);
is($answer->says, '200 cut', 'a stream that its gateway breaks off is cut');
ok(defined $answer->{reset} && $answer->{reset} != 0, 'by RST_STREAM with an error');

for my $id (grep { $_ != $broken } @ids) {
    $conn{$id}->end_chunks;
    $answer = $h2->answer($id);
    is($answer->body, "$id,1;$id,2;$id,3;", "stream $id has its own bytes");
    is($answer->says, '200', 'and is complete');
}

# A stream that the client resets: its gateway is let go, the others stay.

my ($first, $first_conn) = exchange();
my ($second, $second_conn) = exchange();
$_->start_chunks for $first_conn, $second_conn;
$_->send_chunk('begun') for $first_conn, $second_conn;
$h2->wait($_, sub { $_[0]{body} eq 'begun' }) for $first, $second;
$h2->cancel($first);
ok($first_conn->at_end, 'a stream that the client resets ends its connection to the gateway');
$second_conn->end_chunks;
is($h2->answer($second)->says, '200', 'and no other');

# A request that is reset half way never becomes a whole one.

my $half = $h2->open('POST', '/relay', type => 'message/ohttp-chunked-req', chunked => 1);
$h2->data($half, $t->sealed, 0);
my $conn = $gateway->accept;
$conn->request;
ok(length $conn->chunk, 'half a request');
$h2->cancel($half);
is($conn->chunk, undef, 'which the client resets does not end well');

# A length that is false

my $sealed = $t->sealed;

for my $length (100, 1000) {
    my $false = $h2->open('POST', '/relay', type => 'message/ohttp-req', chunked => 1,
        headers => ['Content-Length' => $length]);
    $h2->data($false, $sealed, 1);
    if (my $conn = $gateway->accept(0.5)) {
        $conn->request;
        ok(!$conn->body->complete, "a length of $length for 300 bytes: no whole request");
    }
    is($h2->answer($false)->status =~ /^(?:400|0)$/ && 1, 1, "and no answer to one");
    last if $h2->ended;
}

ok(!$gateway->asked, 'nothing else reached the gateway');

$t->done;
