#!/usr/bin/perl

# Tokens of a window are good in it and in the next one, and no longer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw/sha256_hex/;
use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/access-peer/);
my $access = $t->access;
my $key = $access->issuer_key('demo');

$t->http(<<"EOC");
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; }

    ohttp_relay_token_key demo {
        key      $key->{spki};
        issuer   issuer.example;
        origin   relay.example,other.example:8443;
        context  window=30d;
    }

    server {
        listen 127.0.0.1:8080;
        location = /demo { ohttp_relay_pass llm; ohttp_relay_auth token=demo; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

my $length = 30 * 86400;
my %challenge = (issuer => 'issuer.example', origin => 'relay.example,other.example:8443');

sub token {
    my ($ago, %opt) = @_;
    my $context = sha256_hex('ohr-window' . pack 'Q>Q>', $length, int(time / $length) - $ago);
    return ($access->tokens($key, direct => 1, %challenge, context => $context, %opt))[0];
}

sub says { $t->post('/demo', headers => [Authorization => "PrivateToken token=$_[0]"])->says }

is(says(token(0)), '200', 'a token of this window');
is(says(token(1)), '200', 'a token of the window before');
is(says(token(2)), '401 credential_expired', 'a token of one further back');
is(says(token(5)), '401 credential_expired', 'or of five');
is(says(token(-1)), '401 credential_invalid', 'a token of a window to come');

my $nonce = 'cd' x 32;
is(says(token(1, nonce => $nonce)), '200', 'a nonce of the window before');
is(says(token(0, nonce => $nonce)), '401 token_spent', 'is spent in this one too');

my $refused = $t->post('/demo');
my $answer = $access->respond($key, $refused->header('WWW-Authenticate'));
is($t->post('/demo', headers => [Authorization => $answer])->says, '200', 'the challenge is that of the window');

$t->done;
