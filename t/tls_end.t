#!/usr/bin/perl

# An answer that only the end of a TLS connection ends has ended well if TLS says so.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Tls;

my $t = Test::OhttpRelay->new->has(qw/http2 ssl openssl/);

certificate($t, 'ca');
my $server = certificate($t, 'gateway', issuer => 'ca', names => ['gateway.test']);
my $pin = pin_cert($t, 'gateway');

$t->http(<<"EOC");
    ohttp_relay_tls ours { trusted_certificate %%TESTDIR%%/ca.crt; }
    ohttp_relay_gateway pinned { url https://127.0.0.1:8081/; ssl_pin $pin; keepalive 4; }
    ohttp_relay_gateway named  { url https://127.0.0.1:8081/; tls ours; ssl_name gateway.test; keepalive 4; }
    ohttp_relay_gateway old    { url https://127.0.0.1:8083/; ssl_pin $pin; keepalive 4; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        location ~ ^/to/(?<name>[a-z]+)\$ { ohttp_relay_pass \$name; }
    }
EOC

my %gateway = map { $_->[0] => $_->[1] } (
    ['new' => $t->gateway(8081, tls => $server)],
    ['old' => $t->gateway(8083, tls => { %$server, SSL_version => 'TLSv1_2' })],
);
$t->run;

my %end = (
    'with close_notify' => sub { $_[0]->close },
    'without close_notify' => sub { (delete $_[0]{socket})->close(SSL_no_shutdown => 1) },
    'by a reset' => sub { $_[0]->reset },
);

# How an answer is framed, what is sent of it, and which ends it takes well.

my $head = "HTTP/1.1 200 OK\r\nContent-Type: message/ohttp-res\r\n";
my @framing = (
    ['no framing', "$head\r\nabc", 'with close_notify'],
    ['no framing, HTTP/1.0', $head =~ s{/1.1}{/1.0}r . "\r\nabc", 'with close_notify'],
    ['no framing, Connection: close', "${head}Connection: close\r\n\r\nabc", 'with close_notify'],
    ['a length', "${head}Content-Length: 3\r\n\r\nabc", sort keys %end],
    ['half of a length', "${head}Content-Length: 6\r\n\r\nabc"],
    ['chunks', "${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", sort keys %end],
    ['half of the chunks', "${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"],
);

my $count = 0;

for my $name (qw/named old pinned/) {
    my $gateway = $gateway{ $name eq 'old' ? 'old' : 'new' };

    for my $http (1, 2) {
        for (@framing) {
            my ($framing, $bytes, @well) = @$_;

            for my $end (sort keys %end) {

                my $client = $t->start("/to/$name", http => $http);
                my $conn = $gateway->accept;
                $conn->request;
                $conn->body;
                $conn->send($bytes);

                # All that came has been passed on before the connection ends.
                my $answer;
                if ($http == 1) {
                    $answer = $client->answer_head;
                    $client->fill while index($client->{in}, 'abc') < 0 && !$client->ended;
                    $end{$end}->($conn);
                    $client->read_body($answer, 1);
                    $client->close;

                } else {
                    $t->waitfor('the bytes', sub { $client->so_far eq 'abc' });
                    $end{$end}->($conn);
                    $answer = $client->answer;
                }

                my $ends_well = grep { $_ eq $end } @well;
                is($answer->says, $ends_well ? '200' : '200 cut', "$name: $framing, ended $end, HTTP/$http");
                my $result = $ends_well ? 'ok' : 'gateway_error';
                like($t->logged(++$count), qr/^$name $result 200 /, "counted as $result");
            }
        }
    }
}

$t->done;
