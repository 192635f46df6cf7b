#!/usr/bin/perl

# A request sealed to a key that the gateway does not have is refused, where its block says so,
# before a token is spent.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Time::HiRes qw/sleep/;

use constant TYPE => 'https://iana.org/assignments/http-problem-types#ohttp-key';

my $t = Test::OhttpRelay->new->has(qw/http2 access-peer/);
my $access = $t->access;
my $key = $access->issuer_key;

put('keys', list(bare(1), bare(200)));
put('json', '{"key_id":7,"public_key":"aa"}');

my $gateway = 'url http://127.0.0.1:8081/gateway; insecure on;';

$t->http(<<"EOC");
    ohttp_relay_gateway g400 { $gateway keys_file keys; unknown_key 400; }
    ohttp_relay_gateway g422 { $gateway keys_file keys; unknown_key 422; replay_window 300s; }
    ohttp_relay_gateway pass { $gateway keys_file keys; unknown_key pass; }
    ohttp_relay_gateway def  { $gateway keys_file keys; }
    ohttp_relay_gateway json { $gateway keys_file json; unknown_key 400; }

    ohttp_relay_token_key demo { key $key->{spki}; issuer issuer.example; origin relay.example; expires 2037-01-01T00:00:00Z; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        location ~ ^/to/(?<name>.*)\$ { ohttp_relay_pass \$name; }
        location = /token { ohttp_relay_pass g422; ohttp_relay_auth token=demo; }
    }
EOC
$t->write_file('nginx.conf', "worker_processes 2;\n" . $t->read_file('nginx.conf'));

my $peer = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

for my $http (1, 2) {
    for my $type ('message/ohttp-req', 'message/ohttp-chunked-req') {
        for my $status (400, 422) {
            my $answer = post("g$status", 9, http => $http, type => $type);
            is($answer->says, "$status unknown_key", "a key id nobody has, $type, HTTP/$http");
            is($answer->json->{type}, TYPE, 'has the registered type');
            is($answer->json->{status}, $status, 'and its status');
            like($answer->header('Content-Type'), qr{^application/problem\+json}, 'as a problem');
            like($answer->header('Proxy-Status'), qr/details="unknown_key"/, 'which Proxy-Status names');
            is(post("g$status", $_, http => $http, type => $type)->says, '200', "key id $_ passes") for 1, 200;
        }
    }
    is(post('pass', 9, http => $http)->says, '200', "passed on, HTTP/$http");
    is(post('def', 9, http => $http)->says, '200', 'and so by default');
    is(post('json', 7, http => $http)->says, '200', 'the key id of JSON');
    is(post('json', 1, http => $http)->says, '400 unknown_key', 'and no other');
    is(post('g400', 1, http => $http, chunked => 1)->says, '200', 'in chunks');
    is(post('g400', 2, http => $http, chunked => 1)->says, '400 unknown_key', 'in chunks');
}

# The id alone decides.

for my $suite ("\xfa\xce\0\1\0\1", "\x64\x7a\xff\xff\xff\xff", "\0\x51\0\2\0\3") {
    is($t->post('/to/g400', body => "\1$suite" . 'x' x 2000)->says, '200', 'a suite is never refused: ' . unpack 'H*', $suite);
    is($t->post('/to/g400', body => "\2$suite" . 'x' x 2000)->says, '400 unknown_key', 'the id is');
}

# Nothing is spent.

my ($token) = $access->tokens($key, issuer => 'issuer.example', origin => 'relay.example', count => 1);
my @auth = (headers => [Authorization => "PrivateToken token=$token"]);
my $before = $peer->requests;
for my $id (2, 3) {
    is($t->post('/token', body => sealed($id), @auth)->says, '422 unknown_key', 'with a token');
}
is($t->post('/token', body => sealed(3))->says, '401 credential_required', 'who has none is asked for one first');
my $sealed = sealed(1);
is($t->post('/token', body => $sealed, @auth)->says, '200', 'which is good afterwards');
is($t->post('/token', body => sealed(1), @auth)->says, '401 token_spent', 'and then no more');
is(scalar($peer->requests) - $before, 1, 'and one request reached the gateway');

# The first bytes are enough.

my $client = $t->client(8080);
$client->send($client->head('POST', '/to/g400', 'Content-Type' => 'message/ohttp-req', 'Content-Length' => 5000));
$client->send(substr sealed(9), 0, 7);
is($client->answer->says, '400 unknown_key', 'nobody waits for the rest');

# Keys come and go.

put('keys', list(bare(9)));
$t->waitfor('the new keys', sub { post('g400', 9)->says eq '200' });
sleep 1.2;
is(post('g400', 9)->says, '200', 'a new key id passes') for 1 .. 10;
is(post('g422', 1)->says, '422 unknown_key', 'an old one does not') for 1 .. 10;
$t->reload;
is(post('g422', 1)->says, '422 unknown_key', 'nor after a reload');
put('keys', 'broken');
$t->waitfor('the complaint', sub { $t->read_file('error.log') =~ /keys" is not taken over/ });
is(post('g400', 9)->says, '200', 'a broken file changes nothing');
ok((grep { / unknown_key 422 / } $t->log_lines), 'the log has the word');

$t->done;


sub bare { return chr($_[0]) . "\0\x20" . chr(ord('a') + $_[0] % 26) x 32 . "\0\x04\0\1\0\1" }

sub list { return join '', map { pack('n', length) . $_ } @_ }

sub sealed { return chr($_[0]) . "\0\x20\0\1\0\1" . join '', map { chr int rand 256 } 1 .. 100 }

sub post { my ($name, $id, @more) = @_; return $t->post("/to/$name", body => sealed($id), @more) }

sub put {
    my ($name, $content) = @_;
    $t->write_file("$name.new", $content);
    chmod 0644, $t->dir . "/$name.new";
    rename $t->dir . "/$name.new", $t->dir . "/$name" or die "rename: $!\n";
    $t->{written}{$name} = 1;
    delete $t->{written}{"$name.new"};
}
