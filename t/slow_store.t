#!/usr/bin/perl

# While a store takes its time nothing is lost: bodies go on coming, clients that leave get their
# token back, and no answer comes twice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::H2;
use Time::HiRes qw/sleep/;

my $t = Test::OhttpRelay->new->has(qw/access-peer redis http2/);
my $access = $t->access;
my $key = $access->issuer_key('demo');
my $secret = $t->write_file('secret', join '', map { chr int rand 256 } 1 .. 40);
chmod 0600, $secret;

# Claims or refunds are held back as long as there is a file of this name.

my %held = map { $_ => $t->dir . "/hold.$_" } qw/SET EVALSHA/;
$t->fake_redis(8380, real => $t->redis, script => sub {
    my ($conn, $name) = @_;
    if ($held{$name} && -e $held{$name}) {
        $t->write_file("held.$name", '');
        sleep 0.02 while -e $held{$name};
    }
    $conn->pass;
});

$t->http(<<"EOC");
    ohttp_relay_secret $secret;
    ohttp_relay_store  redis redis://127.0.0.1:8380/2 timeout=20s;

    ohttp_relay_gateway llm  { url http://127.0.0.1:8081/gateway; insecure on; replay_window 300s; }
    ohttp_relay_gateway gone { url http://127.0.0.1:8085/gateway; insecure on; replay_window 300s; }

    ohttp_relay_token_key demo { key $key->{spki}; issuer issuer.example; expires 2099-01-01T00:00:00Z; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        location ~ ^/to/(?<name>.*)\$ { ohttp_relay_pass \$name; ohttp_relay_auth token=demo; client_body_timeout 1s; }
        location = /status { ohttp_relay_status json; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;
$t->waitfor('the store', sub { $t->post('/status', method => 'GET', body => undef, type => undef)->body =~ /"store":"ok"/ });

sub token { ($access->tokens($key, direct => 1, issuer => 'issuer.example'))[0] }
sub with { (headers => [Authorization => "PrivateToken token=$_[0]"]) }

sub hold { unlink $t->dir . "/held.$_[0]"; $t->write_file("hold.$_[0]", '') }
sub held { my ($name) = @_; $t->waitfor("a $name to be held", sub { -e $t->dir . "/held.$name" }) }
sub release { unlink $held{ $_[0] } }

# The connection that a request has been sent on, all but so much of its body.

sub send_request {
    my ($http, $target, $token, $body, $type, $first) = @_;

    my $client;
    if ($http == 2) {
        $client = Test::OhttpRelay::H2->connect(canary => $t->canary, port => $t->port(8082));
        my $id = $client->open('POST', $target, type => $type, body => $body, with($token));
        $client->data($id, substr($body, 0, $first), $first == length $body);

    } else {
        $client = $t->client(8080);
        $client->send($client->head('POST', $target, 'Content-Type' => $type,
            'Content-Length' => length $body, Authorization => "PrivateToken token=$token"));
        $client->send(substr $body, 0, $first);
    }

    return $client;
}

sub send_more {
    my ($http, $client, $bytes, $last) = @_;
    $http == 2 ? $client->data(1, $bytes, $last) : $client->send($bytes);
}

# ---- a body that comes meanwhile

for my $http (1, 2) {
    for my $type ('message/ohttp-req', 'message/ohttp-chunked-req') {
        my ($token, $body) = (token(), $t->sealed(30_000));
        hold('SET');
        my $client = send_request($http, '/to/llm', $token, $body, $type, 2000);
        held('SET');
        send_more($http, $client, substr($body, 2000, 8000), 0);

        # longer than client_body_timeout
        sleep 1.3;
        release('SET');
        send_more($http, $client, substr($body, 10_000), 1);

        is($client->answer->says, '200', "a $type over HTTP/$http whose claim takes its time");
        is(($gateway->wait_requests(1))[-1]->body =~ /\Q@{[ substr $body, -500 ]}\E/ ? 1 : 0, 1, 'arrives');
        $gateway->forget;
        is($t->post('/to/llm', with($token))->says, '401 token_spent', 'and its token is spent');
    }
}

# ---- clients that leave

for my $what (qw/SET EVALSHA/) {
    for my $end (qw/1:close 1:reset 2:close 2:reset 2:cancel/) {
        my ($http, $how) = split /:/, $end;
        my ($token, $body) = (token(), $t->sealed);
        hold($what);
        my $client = send_request($http, $what eq 'SET' ? '/to/llm' : '/to/gone', $token, $body,
            'message/ohttp-req', length $body);
        held($what);
        $how eq 'cancel' ? $client->cancel(1) : $client->$how;
        sleep 0.2;
        release($what);

        my $named = $what eq 'SET' ? 'a claim' : 'a refund';
        my $says = '';
        $t->waitfor("$named to be given back", sub {
            ($says = $t->post('/to/llm', with($token), body => $body)->says) eq '200';
        });
        is($says, '200', "$how over HTTP/$http beside $named gives token and request back");
    }
}

# ---- one after the other on a connection

hold('EVALSHA');
my ($token, $body) = (token(), $t->sealed);
my $client = send_request(1, '/to/gone', $token, $body, 'message/ohttp-req', length $body);
held('EVALSHA');
$client->send($client->head('POST', '/to/llm', 'Content-Type' => 'message/ohttp-req',
    'Content-Length' => length $body, Authorization => "PrivateToken token=$token") . $body);
release('EVALSHA');
is($client->answer->says, '502 gateway_error', 'an answer waits for the refund');
is($client->answer->says, '200', 'so that the next request has the token');

# ---- nginx ends

hold('SET');
$body = $t->sealed;
$client = send_request(2, '/to/llm', token(), $body, 'message/ohttp-req', length $body);
held('SET');
$t->signal('QUIT');
sleep 0.2;
release('SET');
is($client->answer->says, '200', 'a relay that is told to end lets in whom it has asked for');

$t->done;
