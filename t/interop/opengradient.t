#!/usr/bin/perl

# OpenGradient's own clients, unmodified, through the relay: the SDK, and og-veil with OpenAI's
# library in front of it. What is behind the relay signs as their enclaves do, and so each answer
# has been verified by the client.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Interop;
use Test::OhttpRelay::Tls;

my $t = Test::OhttpRelay->new->has(qw/openssl access-peer/);
my $others = Test::OhttpRelay::Interop->new($t)->has(qw/python/);
my $json = JSON::PP->new->utf8->canonical;
my $dir = $t->dir;

# As an enclave makes it for itself: for "localhost", where the relay knows but an address.

certificate($t, 'enclave', cn => 'localhost', names => ['localhost']);
my $pin = pin_cert($t, 'enclave');
my $capture = "$dir/captured/enclave.capture";

$others->python('opengradient/gateway.py', '--port', $t->port(8081), '--row', "$dir/enclave.row",
    '--capture', $capture, '--cert', "$dir/enclave.crt", '--key', "$dir/enclave.key")->ready;
$others->python('opengradient/gateway.py', '--port', $t->port(8083), '--row', "$dir/stale.row",
    '--capture', "$dir/captured/stale.capture")->ready;
my $chain = $others->python('opengradient/registry.py', "$dir/registered.row")->ready;
my $full = $t->gateway(8085);

my %row = map { $_ => $json->decode($t->read_file("$_.row")) } qw/enclave stale/;
my $id = $row{enclave}{tee_id};
$t->write_file('registered.row', $json->encode($row{enclave}));

my $access = $t->access;
my $keys = $access->jwks(algs => 'ES256');
my $issuer = $access->issuer_key('issuer');
my $accounts = 'https://project.supabase.example/auth/v1';

my $enclave = "url https://127.0.0.1:8081/v1/ohttp; ssl_pin $pin;";

$t->http(<<"EOC");
    ohttp_relay_gateway og-1     { $enclave pool og; selector 0x$id; billing_frame strip; }
    ohttp_relay_gateway og-pass  { $enclave billing_frame pass; }
    ohttp_relay_gateway og-reject { $enclave billing_frame reject; }
    ohttp_relay_gateway og-small { $enclave max_body 100; }
    ohttp_relay_gateway og-full  { url http://127.0.0.1:8085/; insecure on; max_in_flight 1; }
    ohttp_relay_gateway og-402   { url https://127.0.0.1:8081/early/402; ssl_pin $pin; }
    ohttp_relay_gateway og-413   { url https://127.0.0.1:8081/early/413; ssl_pin $pin; }
    ohttp_relay_pool og { select header:X-TEE-ID; keys per-gateway; default og-1; }

    ohttp_relay_jwt_issuer accounts { jwks $keys->{jwks}; iss $accounts; aud authenticated; rate 100r/s burst=100; }
    ohttp_relay_token_key plan { key $issuer->{spki}; issuer issuer.example; context none; expires 2100-01-01T00:00:00Z; }

    log_format bill '\$ohttp_relay_gateway \$ohttp_relay_result \$status \$ohttp_relay_cost_opg \$ohttp_relay_cost_usd \$ohttp_relay_opg_price_usd';

    server {
        listen 127.0.0.1:8080;
        access_log %%TESTDIR%%/access.log relay;
        access_log %%TESTDIR%%/bill.log bill;

        location = /api/v1/chat/ohttp         { ohttp_relay_pass og; }
        location = /paid/api/v1/chat/ohttp    { ohttp_relay_pass og; ohttp_relay_auth jwt=accounts token=plan; }
        location ~ ^/(?<name>og-[a-z0-9]+)/api/v1/chat/ohttp\$ { ohttp_relay_pass \$name; }
    }
EOC
$t->run;

my $client = $others->python('opengradient/client.py')->ready;
my $relay = 'http://127.0.0.1:' . $t->port(8080);
my $bearer = 'Bearer ' . $t->canary->word;
my $mark = $t->canary->body;
my $count = 0;

# What one of the clients makes of it, told in one word where that is enough.

sub asked {
    my (%ask) = @_;

    $ask{how} //= 'high';
    $ask{tee} = { %{ $ask{tee} // $row{enclave} } };
    $ask{tee}{tee_id} = delete $ask{id} if $ask{id};
    $ask{url} //= $relay . (delete $ask{at} // '') . ($ask{how} eq 'low' ? '/api/v1/chat/ohttp' : '');
    $ask{content} = "case: $ask{case} $mark";
    $ask{headers} //= { Authorization => $bearer };
    $ask{$_} = $ask{$_} ? JSON::PP::true : JSON::PP::false for qw/stream tools/;

    $client->say($json->encode(\%ask));
    $count++ unless $ask{how} eq 'openai';
    return $json->decode($client->line);
}

sub billed {
    my @lines;
    $t->waitfor("$count lines in bill.log", sub { (@lines = split /\n/, $t->read_file('bill.log')) >= $count });
    return $lines[-1];
}

sub is_said {
    my ($answer, $case, $name) = @_;
    is($answer->{content}, "you said: case: $case $mark", $name) or diag($json->encode($answer));
}

# ---- answers, by either client, to the id in each of its forms

my $answer;

for my $how (qw/high low/) {
    for my $form ($id, "0x$id", uc $id) {
        $answer = asked(how => $how, case => 'plain', id => $form);
        is_said($answer, 'plain', "$how, one answer to " . substr $form, 0, 4);
        is($answer->{tee_id}, "0x$id", 'signed by the enclave');
        is(billed(), 'og-1 ok 200 1234567890 0.001234 1.234', 'the relay knows the price');

        $answer = asked(how => $how, case => 'plain', id => $form, stream => 1);
        is_said($answer, 'plain', "$how, a stream");
        cmp_ok($answer->{frames}, '>', 4, 'of several chunks');
        is(billed(), 'og-1 ok 200 - - -', 'without a price');
    }

    for my $stream (0, 1) {
        $answer = asked(how => $how, case => 'plain', stream => $stream, tools => 1);
        is($answer->{kind}, 'ok', "$how, calls of tools" . ($stream ? ' in a stream' : '')) or diag($json->encode($answer));
        like($answer->{content} // '', qr/"weather"/, 'are what was signed');
    }
}

# ---- the bill between chunks

for my $case (qw/bill bill-first/) {
    $answer = asked(case => $case, stream => 1);
    is($answer->{kind}, 'ok', "$case: a bill that is taken out") or diag($json->encode($answer));
    is(billed(), 'og-1 ok 200 1234567890 0.001234 1.234', 'and read');

    $answer = asked(case => $case, stream => 1, at => '/og-pass');
    is($answer->{kind}, 'InvalidTag', "$case: one that passes is nothing that the client can open");
    like(billed(), qr/^og-pass (?:ok|client_closed) 200 - - -$/, 'nor the relay reads');

    $answer = asked(case => $case, stream => 1, at => '/og-reject');
    is($answer->{kind}, 'ChunkedEncodingError', "$case: one that is rejected ends the answer");
    is(billed(), 'og-reject gateway_error 200 - - -', 'which is an error of the gateway');
}

# ---- an answer that ends too early, in two ways that the client tells apart

$answer = asked(case => 'reset', stream => 1);
is($answer->{kind}, 'ChunkedEncodingError', 'a stream that is cut');
ok($answer->{network}, 'is an error of the network');
is(billed(), 'og-1 gateway_error 200 - - -', 'and of the gateway');

$answer = asked(case => 'unfinished', stream => 1);
is($answer->{kind}, 'VerificationError', 'a stream that ends without its last chunk');
like($answer->{message}, qr/missing final marker/, 'is not');
is(billed(), 'og-1 ok 200 - - -', 'and for the relay it has ended');

$answer = asked(case => 'reset');
is($answer->{kind}, 'RelayError', 'no answer at all');
is($answer->{status}, 502, 'is the relay\'s to tell');
like($answer->{message}, qr/^The gateway could not be reached or/, 'in a sentence');

# ---- errors, as the client shows them

sub is_error {
    my ($status, $message, $name, %ask) = @_;
    for my $stream (0, 1) {
        my $answer = asked(stream => $stream, %ask);
        is("$answer->{kind} " . ($answer->{status} // ''), "RelayError $status", "$name: $status") or diag($json->encode($answer));
        like($answer->{message}, $message, 'what it says');
    }
}

is_error(402, qr/^Session expired or exhausted$/, 'a gateway that wants to be paid', case => 'status-402');
is_error(402, qr/^Session expired or exhausted$/, 'one that does not even read', at => '/og-402', case => 'x' x 2_000_000);
is_error(413, qr/^encapsulated request too large$/, 'a gateway with a limit', case => 'status-413');
is_error(413, qr/^encapsulated request too large$/, 'one that does not even read', at => '/og-413', case => 'x' x 2_000_000);
is_error(503, qr/^Pricing unavailable: no feed$/, 'a gateway without prices', case => 'status-503');
is_error(500, qr/^provider broke$/, 'a gateway whose provider broke', case => 'status-500');
is_error(502, qr/^The gateway could not be reached or/, 'a gateway that does not let the relay in', case => 'status-401');
is_error(413, qr/^The sealed request is larger/, 'a limit of the relay', at => '/og-small', case => 'plain');
is_error(404, qr/\bTEE is not active in the registry\b/, 'an enclave that nobody knows', case => 'plain', tee => $row{stale});
is_error(404, qr/\bTEE is not active in the registry\b/, 'the same with 0x', case => 'plain', tee => $row{stale},
    id => "0x$row{stale}{tee_id}");
is_error(404, qr/^No gateway of this name/, 'a location without one', case => 'plain', at => '/og-none');
is_error(400, qr/^malformed encapsulated request$/, 'a key that the enclave does not have', case => 'plain',
    tee => { %{ $row{enclave} }, ohttp_public_key => $row{stale}{ohttp_public_key} });

$answer = asked(case => 'inner-400');
is("$answer->{kind} $answer->{status} $answer->{message}", 'RelayError 400 the model says no', 'an error that is sealed');
is(billed(), 'og-1 ok 200 - - -', 'is none that the relay could know');

my $held = $t->start('/og-full/api/v1/chat/ohttp');
my $conn = $full->accept;
$conn->request;
is_error(503, qr/^The gateway takes no more requests/, 'a gateway that is full', case => 'plain', at => '/og-full');
$conn->answer;
is($held->answer->says, '200', 'as long as another one is there');
$count++;

# ---- who may: an account, or a token that says nothing of it; both by auth_headers()

my %claims = (sub => $t->canary->word . '-account', aud => 'authenticated', iss => $accounts, exp => time + 3600);
my $jwt = $access->jwt($keys, kid => 'es256-a', claims => \%claims);
my $old = $access->jwt($keys, kid => 'es256-a', claims => { %claims, exp => time - 3600 });
my ($token) = $access->tokens($issuer, issuer => 'issuer.example');

is_said(asked(at => '/paid', case => 'plain', headers => { Authorization => "Bearer $jwt" }), 'plain', 'with a JWT');
is_said(asked(at => '/paid', case => 'plain', headers => { Authorization => "PrivateToken token=$token" }), 'plain',
    'with a blind token');
is_error(401, qr/^The token has been used before/, 'a token again', at => '/paid', case => 'plain',
    headers => { Authorization => "PrivateToken token=$token" });
is_error(401, qr/^The credential has expired/, 'an old JWT', at => '/paid', case => 'plain',
    headers => { Authorization => "Bearer $old" });
is_error(401, qr/^The credential is not one/, 'no JWT', at => '/paid', case => 'plain');
is_error(401, qr/^Send a credential/, 'nothing', at => '/paid', case => 'plain', headers => {});

# ---- the registry is asked by the client itself, and the relay must agree

my $rpc = "http://127.0.0.1:$chain->{port}";
is_said(asked(case => 'plain', rpc => $rpc), 'plain', 'an enclave out of the registry');
is_said(asked(case => 'plain', rpc => $rpc, stream => 1), 'plain', 'and a stream of it');

unlink "$dir/registered.row";
$answer = asked(case => 'plain', rpc => $rpc);
$count--;
is($answer->{kind}, 'RuntimeError', 'an empty registry');
like($answer->{message}, qr/^No active OHTTP-capable/, 'is seen by the client');

$t->write_file('registered.row', $json->encode($row{stale}));
is_error(404, qr/\bTEE is not active in the registry\b/, 'one that the relay does not know yet', case => 'plain', rpc => $rpc);

# ---- og-veil: a server for OpenAI's library on the machine of the user

$t->write_file('registered.row', $json->encode($row{enclave}));
mkdir "$dir/veil";
$t->write_file('veil/session.json', $json->encode({ access_token => $jwt, config => {
    supabase_url => 'http://127.0.0.1:1', supabase_anon_key => 'x', chat_api_base_url => "$relay/paid",
    tee_registry_rpc_url => $rpc, tee_registry_address => '0x703cB174AEadB35D611858369B4b1111dC9Abda6' } }));
$t->{written}{'veil/'} = 1;

my $veil = $others->start({ OG_VEIL_HOME => "$dir/veil" }, "$others->{cache}/venv/bin/og-veil", 'serve', '-f',
    '--port', $t->port(8086));
$t->waitfor('og-veil', sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port(8086)) }, 90);

my @veiled = (how => 'openai', url => 'http://127.0.0.1:' . $t->port(8086) . '/v1', model => 'gpt-4.1');

for my $stream (0, 1) {
    $answer = asked(@veiled, case => 'plain', stream => $stream);
    is_said($answer, 'plain', 'og-veil' . ($stream ? ', a stream' : ''));
}

is_said(asked(@veiled, case => 'bill', stream => 1), 'bill', 'a bill does not disturb it');

# A cut makes it try once more, and that is another request: sealed anew.

my $before = () = $t->read_file($capture) =~ /\n/g;
is_said(asked(@veiled, case => 'reset-once', stream => 1), 'reset-once', 'a stream that was cut is asked for again');
my @sealed = map { $json->decode($_)->{enc} } split /\n/, $t->read_file($capture);
@sealed = @sealed[$before .. $#sealed];
is(scalar @sealed, 2, 'in two requests');
isnt($sealed[0], $sealed[1], 'that have nothing in common');

$answer = asked(@veiled, case => 'status-402');
is($answer->{status}, 402, 'an error keeps its status');
like($answer->{message}, qr/Session expired or exhausted/, 'and its words');

# An expired session: the file is read anew, the account is asked to log in again.

$t->write_file('veil/session.json', $t->read_file('veil/session.json') =~ s/\Q$jwt/$old/r);
utime time + 10, time + 10, "$dir/veil/session.json";
$answer = asked(@veiled, case => 'plain');
is($answer->{status}, 401, 'an expired session');
like($answer->{message}, qr/The credential has expired.*og-veil login/s, 'is told to the user, with the way out');
$veil->stop;

# ---- what the enclave has seen of all these: three fields

my %names;
for (split /\n/, $t->read_file($capture)) {
    my $seen = $json->decode($_);
    $names{ join ' ', sort map { lc $_->[0] } @{ $seen->{headers} } }++;
}

is(join(',', sort keys %names), 'content-length content-type host', 'the enclave hears three fields, and nothing of a person');
is($t->read_file('captured/stale.capture'), '', 'one that is not registered hears nothing');

$client->stop;
$t->done;
