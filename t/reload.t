#!/usr/bin/perl

# A reload or an orderly end drops no request.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Time::HiRes qw/sleep/;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->http(<<'EOC');
    ohttp_relay_gateway llm  { url http://127.0.0.1:8081/gateway; insecure on; keepalive 8; }
    ohttp_relay_gateway slow { url http://127.0.0.1:8083/gateway; insecure on; keepalive 8; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        location = /relay { ohttp_relay_pass llm; }
        location = /slow  { ohttp_relay_pass slow; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
my $slow = $t->gateway(8083);
$t->run;

# Clients that ask without pause; each writes down how its requests ended.

sub load {
    my ($name) = @_;
    return $t->run_daemon(sub {
        my %ends;
        until (-e $t->dir . '/enough') {
            my $says = eval { $t->post('/relay')->says } // 'no connection';
            $ends{$says}++;
        }
        $t->write_file("ends.$name", join ' ', map { "$_=$ends{$_}" } sort keys %ends);
    });
}

# Streams that are half way.

my @open;

sub open_streams {
    for my $http (1, 1, 1, 2) {
        my $client = $t->start('/slow', http => $http, type => 'message/ohttp-chunked-req');
        my $conn = $slow->accept;
        $conn->request;
        $conn->body;
        $conn->start_chunks;
        $conn->send_chunk('first');
        push @open, [$client, $conn];
    }
}

sub finish_streams {
    my ($name) = @_;
    for (@open) {
        my ($client, $conn) = @$_;
        $conn->send_chunk('last');
        $conn->end_chunks;
        my $answer = $client->answer;
        is($answer->body, 'firstlast', "a stream outlives $name");
        is($answer->says, '200', 'and is complete');
        $conn->close;
    }

    @open = ();
}

load($_) for 1 .. 2;
for my $round (1 .. 3) {
    open_streams();
    $t->reload;
    finish_streams("reload $round");

    # nginx ends an old worker's HTTP/2 connections that have no stream yet.
    $t->waitfor('the old worker to go', sub { 1 == $t->workers });
}

$t->write_file('enough', '');
$t->waitfor('the clients to end', sub { 2 == grep { -e $t->dir . "/ends.$_" } 1 .. 2 });
for my $name (1 .. 2) {
    like($t->read_file("ends.$name"), qr/^200=\d+$/, 'every request of the load got its answer');
    $t->{written}{"ends.$name"} = 1;
}

$t->waitfor('the old workers to go', sub { 1 == $t->workers });
pass('old workers end when their streams do');

# A reload with a mistake in it changes nothing.

my $good = $t->read_file('nginx.conf');
$t->write_file('nginx.conf', $good =~ s/ohttp_relay_pass slow/ohttp_relay_pass nobody/r);
ok(!eval { $t->reload; 1 }, 'a wrong configuration is not taken');
is($t->post('/relay')->says, '200', 'and the old one goes on');
$t->write_file('nginx.conf', $good);
$t->waive('alerts', 'the refused reload says so', qr/nobody/);

# An orderly end waits for what is on its way.

open_streams();
$t->signal('QUIT');
$t->waitfor('the listeners to close', sub { !eval { $t->client } });
finish_streams('an orderly end');
is($t->quit, 0, 'and then nginx is gone');

$t->done;
