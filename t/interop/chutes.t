#!/usr/bin/perl

# Chutes behind the relay: the transport of the package chutes-e2ee, unmodified, is the client.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP;
use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Interop;

my $t = Test::OhttpRelay->new;
my $others = Test::OhttpRelay::Interop->new($t)->has(qw/python/);

my $chute = '0c3f2a52-4d0e-5b6b-9a53-0f1ad7a3a001';
my $other = '0c3f2a52-4d0e-5b6b-9a53-0f1ad7a3a002';
chmod 0644, $t->write_file('models.json', encode_json({ data => [$chute] }));

$t->http(<<'EOC');
    ohttp_relay_gateway chutes {
        url http://127.0.0.1:8081; insecure on;
        profile chutes-e2e; confidential_models %%TESTDIR%%/models.json;
        request_header Authorization "Bearer cpk_of_the_relay";
    }

    server {
        listen 127.0.0.1:8080;
        location / { ohttp_relay_pass chutes; }
    }
EOC

my $api = $others->python('chutes_api.py', $t->port(8081), $chute, $other)->ready;
$t->run;
my $relay = 'http://127.0.0.1:' . $t->port(8080);

# What a client says of an exchange, and what the API was asked meanwhile.

sub client { $others->python('chutes_client.py', $relay, @_) }

sub exchange {
    my ($code, $printed) = client(@_)->finish;
    is($code, 0, "the client ends well: @_");
    my @asked;
    push @asked, decode_json($api->line) while $api->prints(0);
    return ([map { decode_json($_) } split /\n/, $printed], \@asked);
}

my ($said, $asked) = exchange('models');
is_deeply($said, [{ status => 200, ids => ['model', 'open-model'] }], 'the list of models');

($said, $asked) = exchange('chat', 'model', 'hello there');
is($said->[0]{status}, 200, 'a sealed request');
is($said->[0]{body}{choices}[0]{message}{content}, 'You said: hello there', 'and its answer, opened by the client');
is(join(', ', map { $_->{line} } @$asked), "GET /v1/models, GET /e2e/instances/$chute, POST /e2e/invoke",
    'by the calls that a client makes');

my %allowed = map { $_ => 1 } qw/Host Authorization Content-Type Content-Length X-Chute-Id X-Instance-Id X-E2E-Nonce
    X-E2E-Stream X-E2E-Path/;
is(join(',', grep { !$allowed{$_} } map { keys %{ $_->{headers} } } @$asked), '', 'with no header that is not listed');
is(join(',', map { $_->{headers}{Authorization} } @$asked), join(',', ('Bearer cpk_of_the_relay') x 3),
    'and the key of the relay on all of them');
is($asked->[2]{headers}{'X-E2E-Path'}, '/v1/chat/completions', 'the inner path is the one that was called');

($said) = exchange('again', 'model', 'once', $chute);
is($said->[0]{status}, 200, 'a nonce');
is_deeply($said->[1], { status => 403, body => { detail => 'Invalid, expired, or already-used nonce' } },
    'works once, and the client can read why');

($said) = exchange('chat', 'model', 'too much');
is_deeply($said, [{ status => 402, body => { detail => { message => 'quota', quota_reset_timestamp => 1790000000 } } }],
    'a quota is passed on as it is');

# each event comes before the next one is sent

my $client = client('stream', 'model', 'one two three');
is(decode_json($client->line)->{type}, 'text/event-stream', 'a stream begins');
for my $word (qw/one two three/) {
    is(decode_json(decode_json($client->line)->{event} =~ s/^data: //r)->{choices}[0]{delta}{content}, $word,
        "$word comes");
    $api->say('go on');
}
my ($code, $rest) = $client->finish;
is($code, 0, 'it ends well');
my @rest = map { decode_json($_)->{event} } split /\n/, $rest;
is($rest[-1], '[DONE]', 'with its end');
$api->line while $api->prints(0);

# what the relay keeps for itself

my $detail = 'No E2E-capable instances available';

($said, $asked) = exchange('chat', 'open-model', 'hello');
is($said->[0]{failed}, 404, 'a model that is not confidential');
is($said->[0]{body}{detail}, $detail, 'has no instances here');
is(join(', ', map { $_->{line} } @$asked), 'GET /v1/models', 'and is not asked for');

($said) = exchange('chat', $other, 'hello');
is($said->[0]{failed}, 404, 'nor by its id');

($said, $asked) = exchange('plain', 'in clear');
is($said->[0]{status}, 404, 'what the client would send in clear');
is(scalar @$asked, 0, 'goes nowhere');

$t->done;
