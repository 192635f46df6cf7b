#!/usr/bin/perl

# To a client of HTTP/1.0 a whole answer ends well, and one that is cut ends in a reset.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new;

$t->http(<<'EOC');
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; read_timeout 1s; keepalive 4; }

    server {
        listen 127.0.0.1:8080;
        location = /relay { ohttp_relay_pass llm; }
    }
EOC

my $gateway = $t->gateway(8081);
$t->run;

# A request of HTTP/1.0 with its whole body, and the connection on which it came to the gateway.

my $conn;
my $count = 0;

sub begin {
    my ($type, @fields) = @_;
    my $client = $t->client;
    my $sealed = $t->sealed;
    $client->send($client->head('POST', '/relay', 'Content-Type' => $type,
        'Content-Length' => length $sealed, @fields) =~ s{HTTP/1.1}{HTTP/1.0}r . $sealed);
    $conn = $gateway->accept if !$conn || !$conn->socket || !$conn->readable(5) || $conn->at_end;
    my $request = $conn->request;
    is($conn->body->body, $sealed, "$type: the request arrives") if $request;
    return $client;
}

sub result {
    my ($client, $result, $name) = @_;
    $client->close;
    like($t->logged(++$count), qr/^llm $result 200 /, "$name: counted as $result");
}

my $head = "HTTP/1.1 200 OK\r\nContent-Type: message/ohttp-chunked-res\r\n";
my %rest = (
    'chunks' => ["Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "3\r\ndef\r\n0\r\n\r\n"],
    'a length' => ["Content-Length: 6\r\n\r\nabc", 'def'],
);
my %cut = (closes => sub { $_[0]->close }, resets => sub { $_[0]->reset }, 'falls silent' => sub { },
    'talks nonsense' => sub { $_[0]->send("no chunk\r\n") });

for my $type (qw{message/ohttp-req message/ohttp-chunked-req}) {
    for my $framing (sort keys %rest) {
        for my $keep (0, 1) {
            my ($first, $second) = @{ $rest{$framing} };
            my @fields = $keep ? ('Connection' => 'keep-alive') : ();
            my $name = "$type, $framing" . ($keep ? ', keep-alive' : '');

            # A whole answer
            my $client = begin($type, @fields);
            $conn->send($head . $first);
            my $answer = $client->answer_head;
            $client->fill while index($client->{in}, 'abc') < 0 && !$client->ended;
            $conn->send($second);
            is($answer->header('Transfer-Encoding'), undef, "$name: no chunks to HTTP/1.0");
            $client->read_body($answer, 1);
            is($answer->says, '200', "$name: a whole answer ends well");
            is($answer->body, 'abcdef', "$name: with all of its bytes");
            ok($client->at_end && $client->ended eq 'closed', "$name: and so does the connection")
                if $framing eq 'chunks';
            result($client, 'ok', $name);

            for my $how (sort keys %cut) {
                next if $how eq 'talks nonsense' && $framing ne 'chunks';
                next if $how eq 'falls silent' && ($keep || $type =~ /chunked/);

                $client = begin($type, @fields);
                $conn->send($head . $first);
                $answer = $client->answer_head;
                $client->fill while index($client->{in}, 'abc') < 0 && !$client->ended;
                $cut{$how}->($conn);
                $client->read_body($answer, 1);
                is($answer->says, '200 cut', "$name: a gateway that $how cuts it");
                is($answer->body, 'abc', "$name: after what came before");
                is($client->ended, 'reset', "$name: by a reset, where nothing else can tell") if $framing eq 'chunks';
                result($client, $how eq 'falls silent' ? 'gateway_timeout' : 'gateway_error', "$name, $how");
                $conn->close if $conn->socket;
                undef $conn;
            }
        }
    }
}

# Errors have a length, and nobody resets them.

my $client = $t->client;
$client->send($client->head('POST', '/relay', 'Content-Type' => 'a/b', 'Content-Length' => 3)
    =~ s{HTTP/1.1}{HTTP/1.0}r . 'abc');
my $answer = $client->answer;
is($answer->says, '415 unsupported_media_type', 'an error of the relay');
ok($client->at_end && $client->ended eq 'closed', 'ends the connection in order');

$t->done;
