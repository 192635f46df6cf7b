#!/usr/bin/perl

# Gateways of NEAR's line behind the relay: at /ohttp, with their API key added by the relay
# and their bare keys passed on. Client and gateway are two implementations that are not ours,
# in all four combinations.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Interop;
use Test::OhttpRelay::Tls;

my $t = Test::OhttpRelay->new->has(qw/http2 openssl/);
my $others = Test::OhttpRelay::Interop->new($t)->has(qw/go peer/);
my $dir = $t->dir;
my $word = $t->canary->word;
my $question = 'what may nobody read? ' . $t->canary->body;

certificate($t, 'ca');
certificate($t, 'relay', issuer => 'ca', names => ['IP:127.0.0.1']);
my $jwks = $t->access->jwks;

my $capture = "$dir/captured/near.capture";
$others->go('gateway', '--listen', '127.0.0.1:' . $t->port(8081), '--keys-out', "$dir/near.keys",
    '--capture', $capture)->ready;
$others->go('gateway', '--listen', '127.0.0.1:' . $t->port(8083), '--off', '--capture', "$dir/captured/off.capture")->ready;
$others->peer('gateway', '--listen', '127.0.0.1:' . $t->port(8084), '--keys-out', "$dir/rust.keys",
    '--capture', "$dir/captured/rust.capture", '--delay-ms', 0)->ready;

my $near = 'url http://127.0.0.1:8081/ohttp; insecure on; keys_file near.keys; max_body 10m;';
my $key = 'request_header Authorization "Bearer t";';

$t->http(<<"EOC");
    ohttp_relay_gateway near    { $near $key keys_format as-is; }
    ohttp_relay_gateway listed  { $near $key keys_format list; }
    ohttp_relay_gateway keyless { $near }
    ohttp_relay_gateway off     { url http://127.0.0.1:8083/ohttp; insecure on; $key }
    ohttp_relay_gateway rust    { url http://127.0.0.1:8084/any; insecure on; keys_file rust.keys; }

    ohttp_relay_jwt_issuer accounts { jwks $jwks->{jwks}; iss https://accounts.example; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 ssl http2;
        ssl_certificate     %%TESTDIR%%/relay.crt;
        ssl_certificate_key %%TESTDIR%%/relay.key;

        location = /ohttp                       { ohttp_relay_pass near; }
        location = /paid/ohttp                  { ohttp_relay_pass near; ohttp_relay_auth jwt=accounts; }
        location = /keyless                     { ohttp_relay_pass keyless; }
        location = /off                         { ohttp_relay_pass off; }
        location = /rust                        { ohttp_relay_pass rust; }
        location = /.well-known/ohttp-gateway   { ohttp_relay_keys near; }
        location = /v1/ohttp/config             { ohttp_relay_keys near; }
        location = /list                        { ohttp_relay_keys listed; }
        location = /rust/keys                   { ohttp_relay_keys rust; }
    }
EOC
$t->run;

my %relay = (1 => 'http://127.0.0.1:' . $t->port(8080), 2 => 'https://127.0.0.1:' . $t->port(8082));

# ---- keys

my $bare = $t->read_file('near.keys');
is(unpack('H6', $bare), '010020', 'the gateway has a bare configuration of key 1');

for my $target ('/.well-known/ohttp-gateway', '/v1/ohttp/config') {
    my $answer = $t->post($target, method => 'GET', type => undef, body => undef);
    is($answer->header('Content-Type'), 'application/ohttp-keys', "$target has its type");
    ok($answer->body eq $bare, 'and the very bytes, without a length');
}

is($t->post('/list', method => 'GET', type => undef, body => undef)->body,
    pack('n', length $bare) . $bare, 'the list of RFC 9458 has the length before them');

# ---- clients and gateways of two kinds

for my $http (1, 2) {
    for my $aead (qw/aes128gcm chacha20poly1305/) {
        for my $keys (qw{/.well-known/ohttp-gateway /list}) {
            my $form = $keys eq '/list' ? 'list' : 'bare';
            my ($outer, @said) = go_chat($http, '/ohttp', $keys, $aead, $form);
            is($outer, "HTTP/$http message/ohttp-res", "Go to Go, HTTP/$http, $aead, $form");
            is(text(@said), "You asked: $question", 'the answer opens');

            ($outer, @said) = go_chat($http, '/ohttp', $keys, $aead, $form, 'stream');
            is($outer, "HTTP/$http message/ohttp-chunked-res", 'a single request may have a chunked answer');
            is(text(@said), "You asked: $question", 'which opens to its end');
        }

        my (undef, @said) = go_chat($http, '/rust', '/rust/keys', $aead, 'list');
        like(text(@said), qr/^You asked: \Q$question\E/, "Go to Rust, HTTP/$http, $aead");
    }
}

$t->write_file('near.list', pack('n', length $bare) . $bare);
my %length;

for my $aead (qw/aes128gcm chacha20poly1305/) {
    for my $how ([], ['--chunked'], ['--chunked', '--request-chunks', 3]) {
        for my $to (['/ohttp', 'near.list', 'Go'], ['/rust', 'rust.keys', 'Rust']) {
            my ($code, $said) = rust($to, '--suite', $aead, '--raw-answer', "$dir/captured/answer", @$how);
            is($code, 0, "Rust to $to->[2], $aead @$how") or diag($said);
            like($said, qr/You asked: \Q$question\E/, 'the answer opens to its end') if $to->[2] eq 'Go' && !@$how;
            $length{$aead} = -s "$dir/captured/answer" if $to->[2] eq 'Go' && !@$how;
        }
    }
}

is($length{chacha20poly1305} - $length{aes128gcm}, 16, 'nonces of 16 and of 32 bytes pass');

# ---- both ways at once

for my $http (1, 2) {
    my $client = go($http, '/ohttp', '--keys', "$relay{$http}/list", '--path', '/v1/echo', '--interactive');
    like($client->line, qr/^keys 200/, "a conversation, HTTP/$http");
    $client->line;

    my @said;
    for my $piece (qw/one two three/) {
        $client->say("$piece $question");
        push @said, $client->until(qr/^piece "echo $piece /);
        pass("$piece comes back before the next is sent");
    }

    my ($code, $rest) = $client->finish;
    is($code, 0, 'it ends well');
    is($rest, qq/piece "farewell"\nend\n/, 'with what was said last');
    is($said[0], sprintf('outer HTTP/%s 200 message/ohttp-chunked-res', $http == 1 ? '1.1' : '2.0'), 'chunked');
}

# The fourth pair: a chunked request with a single answer.

my $client = go(1, '/ohttp', '--keys', "$relay{1}/list", '--interactive');
$client->say(JSON::PP::encode_json({ messages => [{ content => $question }] }));
my ($code, $said) = $client->finish;
is($code, 0, 'a chunked request') or diag($said);
like($said, qr{^outer HTTP/1.1 200 message/ohttp-res$}m, 'may have a single answer');

# ---- what the gateway got

my @seen = map { JSON::PP::decode_json($_) } split /\n/, $t->read_file($capture);
my (%heads, %keys);

for my $seen (grep { $_->{outer} } @seen) {
    my $type = $seen->{outer}{'Content-Type'}[0];
    $heads{$type}{ JSON::PP->new->canonical->encode($seen->{outer}) }++;
    $keys{ join ' ', $seen->{host}, $seen->{target}, @{ $seen->{outer}{Authorization} } }++;
    is($seen->{length} >= 0 ? 'length' : $seen->{transfer}[0],
        $type =~ /chunked/ ? 'chunked' : 'length', 'the framing of its type') or diag($type);
}

is_deeply([sort keys %heads], [qw{message/ohttp-chunked-req message/ohttp-req}], 'both types, unchanged');
is(join(' | ', keys %{ $heads{'message/ohttp-req'} }),
    '{"Authorization":["Bearer t"],"Content-Length":["N"],"Content-Type":["message/ohttp-req"]}',
    'one head for all single requests') if relength(\%heads);
is(join(' | ', keys %{ $heads{'message/ohttp-chunked-req'} }),
    '{"Authorization":["Bearer t"],"Content-Type":["message/ohttp-chunked-req"],"Incremental":["?1"]}',
    'one for all chunked ones');
is(join(' | ', keys %keys), '127.0.0.1:' . $t->port(8081) . ' /ohttp Bearer t', 'to one target, with one key');

# ---- credentials

my $jwt = $t->access->jwt($jwks, kid => 'rs256-a', claims => {
    iss => 'https://accounts.example', sub => "user-$word", exp => time + 600 });

for my $http (1, 2) {
    $said = said(go($http, '/paid/ohttp', '--keys', "$relay{$http}/list", '--outer', "Authorization: Bearer $jwt",
        '--header', 'Authorization: Bearer inner', '--method', 'GET', '--path', '/v1/models'));
    like($said, qr/^inner 200 application\/json$/m, "a JWT for the relay, HTTP/$http: the gateway has its own key");
    is(last_authorization(), 'Bearer t', 'and never sees the JWT');

    $said = said(go($http, '/keyless', '--keys', "$relay{$http}/list", '--outer', "Authorization: Bearer t",
        '--outer', 'x-api-key: t', '--method', 'GET', '--path', '/v1/models'));
    like($said, qr/^outer \S+ 200 message\/ohttp-res\ninner 401 /m, 'without a key of the relay: sealed 401');
    is(last_authorization(), '', "for a client's own never arrives");
}

is($t->post('/paid/ohttp', headers => [Authorization => undef])->says, '401 credential_required', 'no JWT, no request');

# ---- errors

$said = said(go(1, '/ohttp', '--keys', "$relay{1}/list", '--method', 'GET', '--path', '/v1/nothing'));
like($said, qr/^outer \S+ 200 message\/ohttp-res\ninner 404 /m, 'an inner error is sealed in 200');

my $answer = $t->post('/ohttp');
is($answer->status, 400, 'what was never sealed gets 400');
is($answer->header('Content-Type'), 'application/json', 'the JSON of the gateway');
like(decoded($answer)->{error}{message}, qr/^OHTTP decapsulation failed: /, 'with its words');
is(decoded($answer)->{error}{type}, 'bad_request', 'and its type');

rust(['/ohttp', 'near.list'], '--raw-out', "$dir/captured/single");
my $single = $t->read_file('captured/single');
is($t->post('/ohttp', body => $single)->says, '200', 'sealed bytes under their type');
is($t->post('/ohttp', body => $single, type => 'message/ohttp-chunked-req', chunked => 1)->status, 400,
    'are refused by the gateway under the other');
is($t->post('/ohttp', body => '')->says, '400 malformed_request', 'an empty request ends at the relay');

$answer = $t->post('/off');
is($answer->status, 404, 'a gateway without OHTTP');
is($answer->body, qq/{"error":{"code":null,"message":"OHTTP not enabled","param":null,"type":"not_found"}}\n/,
    'says so byte for byte');
is($t->logged(scalar(@{[$t->log_lines]})), 'off gateway_refused 404 x25519/hkdf-sha256/aes-128-gcm', 'and is counted');

$t->done;


# A Go client at a target of the relay.

sub go {
    my ($http, $target, @more) = @_;
    return $others->go('client', '--relay', "$relay{$http}$target", '--ca', "$dir/ca.crt",
        '--bind', $t->canary->address, '--outer', "Cookie: $word", '--outer', "User-Agent: $word", @more);
}

# All that it says.

sub said {
    my ($client) = @_;
    my ($code, $said) = $client->finish;
    is($code, 0, 'the client is content') or diag($said . $client->log);
    return $said;
}

# One question: version and type of the outer answer, and what stood in it.

sub go_chat {
    my ($http, $target, $keys, $aead, $form, $stream) = @_;

    my $said = said(go($http, $target, '--keys', "$relay{$http}$keys", '--aead', $aead, '--body', JSON::PP::encode_json(
        { stream => $stream ? \1 : \0, messages => [{ role => 'user', content => $question }] })));

    like($said, qr/^form $form$/m, "keys as $form");
    like($said, qr/^inner 200 /m, 'inner 200');
    my ($version, $type) = $said =~ m{^outer HTTP/(\d)\S* 200 (\S+)$}m;
    return ('HTTP/' . ($version // '') . ' ' . ($type // ''), $said =~ /^piece (.*)$/mg);
}

sub text {
    my $all = join '', map { JSON::PP->new->allow_nonref->decode($_) } @_;
    return join '', map { $_->{message}{content} // $_->{delta}{content} } map { @{ $_->{choices} } }
        map { JSON::PP::decode_json($_) } grep { /^\{/ } map { s/^data: //r } split /\n/, $all;
}

sub rust {
    my ($to, @more) = @_;
    return $others->peer('client', '--relay', "$relay{1}$to->[0]", '--keys', "$dir/$to->[1]",
        '--bind', $t->canary->address, '--prompt', $question, '--header', "Cookie: $word", @more)->finish;
}

# Their lengths aside, which are the only thing that may differ.

sub relength {
    my ($heads) = @_;
    my %same;
    $same{ s/("Content-Length":\[")\d+/$1N/r }++ for keys %{ $heads->{'message/ohttp-req'} };
    return $heads->{'message/ohttp-req'} = \%same;
}

sub last_authorization {
    my ($outer) = reverse grep { $_->{outer} } map { JSON::PP::decode_json($_) } split /\n/, $t->read_file($capture);
    return join ' ', @{ $outer->{outer}{Authorization} // [] };
}

sub decoded { JSON::PP::decode_json($_[0]->body) }
