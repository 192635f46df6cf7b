#!/usr/bin/perl

# Neither logs nor figures nor the state file know a credential, its subject, or anything
# that somebody without the secret could compute from one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw/hmac_sha256 sha256/;
use MIME::Base64 qw/decode_base64url/;
use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/access-peer http2/);
my $access = $t->access;

my $key = $access->issuer_key('demo');
my $keys = $access->jwks;
my $state = $t->dir . '/spent.state';
my $secret = join '', map { chr int rand 256 } 1 .. 40;
$t->write_file('secret', $secret);
chmod 0600, $t->dir . '/secret';

$t->http(<<"EOC");
    ohttp_relay_secret secret;
    ohttp_relay_store  shm size=1m state=$state;

    ohttp_relay_gateway llm     { url http://127.0.0.1:8081/gateway; insecure on; replay_window 1h; read_timeout 1s; }
    ohttp_relay_gateway refused { url http://127.0.0.1:8085/gateway; insecure on; }

    ohttp_relay_token_key demo  { key $key->{spki}; issuer issuer.example; expires 2099-01-01T00:00:00Z; }
    ohttp_relay_jwt_issuer accounts { jwks $keys->{jwks}; iss https://accounts.example; aud relay; rate 1r/h burst=2; }

    log_format access '\$time_iso8601 [\$remote_addr] \$remote_user \$ohttp_relay_gateway \$ohttp_relay_result'
                      ' \$ohttp_relay_auth \$ohttp_relay_tier \$ohttp_relay_suite \$status';
    access_log %%TESTDIR%%/more.log access;

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        location ~ ^/to/(?<name>.*) { ohttp_relay_pass \$name; ohttp_relay_auth token=demo jwt=accounts; }
        location = /metrics { ohttp_relay_status prometheus; }
        location = /status  { ohttp_relay_status json; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub {
    my ($conn) = @_;
    return $conn->reset if $conn->{asked}++ % 7 == 3;
    $conn->answer;
});
$t->run;

my @subjects = map { "person-$_-$$\@mail.example" } 1 .. 3;
my @tokens = $access->tokens($key, direct => 1, issuer => 'issuer.example', count => 12);
my ($broken) = $access->tokens($key, direct => 1, issuer => 'other.example');

sub jwt {
    my ($subject, %claims) = @_;
    return $access->jwt($keys, kid => 'rs256-a', claims => { iss => 'https://accounts.example', aud => 'relay',
        exp => time + 600, sub => $subject, email => $subject, jti => "jti-$subject", %claims });
}

# ---- all that can happen to a credential

sub with { my ($value) = @_; return (headers => [Authorization => $value]) }

for my $http (1, 2) {
    my $sealed = $t->sealed;
    my @some = splice @tokens, 0, 6;

    $t->post('/to/llm', with("PrivateToken token=$_"), http => $http) for @some[0 .. 3], $some[0];
    $t->post('/to/refused', with("PrivateToken token=$some[4]"), http => $http);
    $t->post('/to/nowhere', with("PrivateToken token=$some[4]"), http => $http);
    $t->post('/to/llm', with("PrivateToken token=$some[$_]"), body => $sealed, http => $http) for 4, 5;
    $t->post('/to/llm', with("PrivateToken token=$broken"), http => $http);
    $t->post('/to/llm', with(qq{PrivateToken token="$broken}), http => $http);

    for my $subject (@subjects) {
        $t->post('/to/llm', with('Bearer ' . jwt($subject)), http => $http) for 1 .. 3;
        $t->post('/to/llm', with('Bearer ' . jwt($subject, exp => time - 600)), http => $http);
        $t->post('/to/llm', with('Bearer ' . jwt($subject, aud => $subject)), http => $http);
        $t->post('/to/llm', with('Bearer ' . jwt($subject) . $subject), http => $http);
        $t->post('/to/llm', with('Bearer ' . jwt($subject) . 'x' x 9000), http => $http);
    }

    $t->post('/to/llm', headers => [Authorization => "PrivateToken token=$broken", 'Proxy-Authorization' => "PrivateToken token=$broken"], http => $http);
    $t->post("/to/llm?$broken", with("PrivateToken token=$broken"), http => $http);
}

my $client = $t->client;
$client->send($client->head('POST', '/to/llm', Authorization => "PrivateToken token=$broken\r\n folded", 'Content-Length' => 5));
$client->answer;
$client = $t->client;
$client->send($client->head('POST', '/to/llm', "Authorization\0" => "PrivateToken token=$broken", 'Content-Length' => 5));
$client->answer;

# ---- what is left of it

my %results = map { $_ => 1 } map { (split / /)[1] } $t->log_lines;
ok($results{$_}, "there was $_") for qw/ok gateway_error token_spent replay_detected credential_invalid credential_expired
    rate_limited malformed_request/;

for my $page ('/metrics', '/status') {
    my $body = $t->post($page, method => 'GET', type => undef, body => undef)->body;
    is(join(', ', $t->canary->found($body, sealed => 1)), '', "$page names nothing");
}

$t->reload_whole;
is($t->quit, 0, 'nginx ends');

my $file = $t->read_file($state);
is(join(', ', $t->canary->found($file, sealed => 1)), '', 'nor does the state file');

# The name of a token: HMAC-SHA256 of these parts, each after its length, cut to 16 bytes.

sub name {
    my ($under, $nonce) = @_;
    my $bytes = join '', map { pack('N', length) . $_ } 'token', pack('H*', $key->{token_key_id}), $nonce;
    return substr hmac_sha256($bytes, $under), 0, 16;
}

open my $planted, '<', $t->dir . '/planted' or die "planted: $!\n";
my @nonces = map { /^form ([0-9a-f]{64}) token nonce$/ ? pack('H*', $1) : () } <$planted>;
is(scalar @nonces, 13, 'all tokens are looked for');

my ($known, $guessed, $plain) = (0, 0, 0);
for my $nonce (@nonces) {
    $known += index($file, name($secret, $nonce)) >= 0;
    $guessed += index($file, name('no ohttp_relay_secret was given', $nonce)) >= 0;
    $plain += index($file, substr $_, 0, 8) >= 0 for $nonce, sha256($nonce), name('', $nonce);
}

# one of each six came with a sealed request that was there before
is($known, 10, 'what was spent stands there under the secret');
is($guessed + $plain, 0, 'and not under anything that others know');

$t->done;
