#!/usr/bin/perl

# Every kind of listener is as silent as the other: IPv6, UNIX, wildcards, several on a port.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use IO::Socket::IP;
use IO::Socket::UNIX;
use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Client;

my $t = Test::OhttpRelay->new;

IO::Socket::IP->new(LocalHost => '::1', Listen => 1) or plan(skip_all => 'no IPv6 here');

my %port = map { $_ => $t->port($_) } 8080, 8082, 8083, 8084, 8085;

$t->http(<<"EOC");
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; keepalive 0; }

    log_format address '[\$remote_addr]';
    access_log %%TESTDIR%%/access.log relay;
    access_log %%TESTDIR%%/address.log address;

    server {
        listen [::1]:$port{8080};
        listen unix:%%TESTDIR%%/relay.sock;
        listen $port{8082};
        listen 127.0.0.1:$port{8083};
        listen 127.0.0.9:$port{8083};
        listen *:$port{8084};
        listen [::]:$port{8085} ipv6only=off;

        location = /relay { ohttp_relay_pass llm; }
        location / { return 404; }
    }

    server {
        listen *:$port{8083};
        server_name second;
        location = /relay { ohttp_relay_pass llm; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub {
    my ($conn) = @_;
    $conn->body;
    $conn->{current}->body =~ /break$/ ? $conn->reset : $conn->answer;
});

my ($code, $said) = $t->nginx_t;
is($code, 0, 'the configuration is accepted') or diag($said);
unlike($said, qr/shared/, 'and no listener is taken for a shared one');
$t->run;

# Each way to a listener: its name, and a fresh connection.

sub inet { my ($to, $port) = @_; sub { IO::Socket::INET->new(PeerAddr => $to, PeerPort => $port,
    LocalAddr => $t->canary->address, Proto => 'tcp') } }
sub inet6 { my ($port) = @_; sub { IO::Socket::IP->new(PeerHost => '::1', PeerPort => $port, Type => SOCK_STREAM) } }

my %to = (
    'IPv6' => inet6($port{8080}),
    'UNIX' => sub { IO::Socket::UNIX->new(Peer => $t->dir . '/relay.sock') },
    'a port alone' => inet('127.0.0.1', $port{8082}),
    'one address of a port' => inet('127.0.0.1', $port{8083}),
    'another address of it' => inet('127.0.0.9', $port{8083}),
    'any other address of it' => inet('127.0.0.1', $port{8083}),
    'a wildcard' => inet('127.0.0.1', $port{8084}),
    'both families, IPv4' => inet('127.0.0.1', $port{8085}),
    'both families, IPv6' => inet6($port{8085}),
);

my $word = $t->canary->word;

sub client {
    my ($name) = @_;
    my $socket = $to{$name}->() or die "$name: $!\n";
    $t->canary->port($socket->sockport) unless $socket->isa('IO::Socket::UNIX');
    return Test::OhttpRelay::Client->new($socket, canary => $t->canary);
}

sub post {
    my ($name, $sealed) = @_;
    return client($name)->request('POST', '/relay', $sealed, type => 'message/ohttp-req')->answer->says;
}

for my $name (sort keys %to) {
    is(post($name, $t->sealed), '200', "$name: a request is relayed");
    is(post($name, $t->sealed . 'break'), '502 gateway_error', "$name: one that fails is written about");

    for my $bytes ("POST /relay HTTP/1.1\r\nHost: $word", "$word $word\r\n\r\n", "\x16\x03\x01\x02\x00$word", "POST /$word HTTP/1.1\r\nHost: a/$word\r\n\r\n",
        "POST /relay/$word" . 'x' x 9000 . " HTTP/1.1\r\n")
    {
        my $client = client($name);
        $client->send($bytes);
        shutdown $client->socket, 1;
        $client->rest;
    }
}

my @lines = grep { !/\[warn\]/ } split /\n/, $t->read_file('error.log');
is(scalar(grep { /\[error\].*upstream/ } @lines), scalar keys %to, 'each failure has its line');
is(join("\n", grep { /client:? ?[^:,\s]|client "|unix:.*client|::1(?!\])/ } @lines), '', 'no line has an address');
unlike($t->read_file('address.log'), qr/\[.+\]/, 'and $remote_addr is empty on all of them');

$t->done;
