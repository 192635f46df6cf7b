#!/usr/bin/perl

# A gateway that answers early and closes at once: its answer passes, however the upload fails.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Socket qw/IPPROTO_TCP TCP_NODELAY/;
use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Tls;
use Time::HiRes qw/sleep/;

my $t = Test::OhttpRelay->new->has(qw/http2 ssl openssl/);

my $server = certificate($t, 'gateway');
my $pin = pin_cert($t, 'gateway');

$t->http(<<"EOC");
    ohttp_relay_gateway plain { url http://127.0.0.1:8081/; insecure on; keepalive 4; }
    ohttp_relay_gateway tls   { url https://127.0.0.1:8083/; ssl_pin $pin; keepalive 4; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        location ~ ^/to/(?<name>[a-z]+)\$ { ohttp_relay_pass \$name; }
    }
EOC

my %gateway = (plain => $t->gateway(8081), tls => $t->gateway(8083, tls => $server));
$t->run;
my ($worker) = $t->workers;

# What the gateway sends, and what must come of it.

my $json = '{"error":"too long for this model"}';
my $head = "HTTP/1.1 200 OK\r\nContent-Type: message/ohttp-res\r\n";
my @answers = (
    ['an error', "HTTP/1.1 413 Too Large\r\nContent-Type: application/json\r\nContent-Length: "
        . length($json) . "\r\n\r\n$json", '413', $json, 'gateway_refused'],
    ['an answer with a length', "${head}Content-Length: 20000\r\n\r\n" . 'a' x 20_000, '200', 'a' x 20_000, 'ok'],
    ['an answer in chunks', "${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", '200', 'abc', 'ok'],
    ['half of an answer', "${head}Content-Length: 6\r\n\r\nabc", '200 cut', 'abc', 'gateway_error'],
    ['half of the chunks', "${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", '200 cut', 'abc', 'gateway_error'],
    ['an answer without framing', "$head\r\nabc", '200 cut', 'abc', 'gateway_error'],
    ['half of an error', "HTTP/1.1 413 Too Large\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n$json",
        '502 gateway_error', undef, 'gateway_error'],
    ['half of a head', $head, '502 gateway_error', undef, 'gateway_error'],
    ['nothing', '', '502 gateway_error', undef, 'gateway_error'],
);

my $count = 0;

for my $name (qw/plain tls/) {
    for my $type (qw{message/ohttp-req message/ohttp-chunked-req}) {
        for my $http (1, 2) {
            for (@answers) {
                my ($what, $bytes, $says, $body, $result) = @$_;
                my $client = begin($name, $type, $http);
                my $conn = $gateway{$name}->accept;
                $conn->request;
                setsockopt($conn->socket, IPPROTO_TCP, TCP_NODELAY, 1);

                # The relay wakes up to more of the upload first, and then to a gateway that has
                # answered and gone: it closes with bytes unread, so its kernel sends a reset.
                kill STOP => $worker;
                more($client, $http);
                $conn->send($bytes) if $bytes ne '';
                $conn->reset;
                sleep 0.02;
                kill CONT => $worker;

                my $answer = $client->answer;
                $client->close;
                my $case = "$name, $type, HTTP/$http: $what";
                is($answer->says, $says, $case);
                ok($answer->body eq $body, "$case, its bytes") if defined $body;
                like($t->logged(++$count), qr/^$name $result /, "$case, counted as $result");
                ok(!$gateway{$name}->asked, "$case: nothing is sent again");
            }
        }
    }
}

# A request of which more is to come; over HTTP/2 that is its rest.

sub begin {
    my ($name, $type, $http) = @_;
    my $sealed = $t->sealed;

    if ($http == 2) {
        my $client = $t->start("/to/$name", http => 2, type => $type, feed => 1,
            $type =~ /chunked/ ? () : (headers => ['Content-Length' => 1000 + length $sealed]));
        $client->write($sealed);
        return $client;
    }

    my $client = $t->client;
    $client->send($client->head('POST', "/to/$name", 'Content-Type' => $type,
        $type =~ /chunked/ ? ('Transfer-Encoding' => 'chunked') : ('Content-Length' => 100_000)));
    $type =~ /chunked/ ? $client->send_chunk($sealed) : $client->send($sealed);
    $client->{chunked} = $type =~ /chunked/;
    return $client;
}

sub more {
    my ($client, $http) = @_;
    my $block = 'x' x 1000;
    $http == 2 ? $client->write($block)
        : $client->{chunked} ? $client->send_chunk($block) : $client->send($block);
    sleep 0.02;
}

$t->done;
