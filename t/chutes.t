#!/usr/bin/perl

# The profile chutes-e2e: at the root of a host it has what the client-side proxies of Chutes call,
# for confidential models alone, and nothing that would carry plaintext.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw/sha256_hex/;
use MIME::Base64 qw/encode_base64url/;
use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2 access-peer/);
my $access = $t->access;
my $key = $access->issuer_key('demo');

my ($good, $bad, $later) = map { join '-', map { unpack 'H*', pack 'N', rand 2**32 } 1 .. 4 } 1 .. 3;

sub list {
    my ($name, $content) = @_;
    $t->write_file("$name.new", $content);
    chmod 0644, $t->dir . "/$name.new";
    rename $t->dir . "/$name.new", $t->dir . "/$name" or die "rename: $!\n";
    $t->{written}{$name} = 1;
}

my $models = qq({"object":"list","data":[{"id":"m","chute_id":"$good","root":"m","created":1,"confidential_compute":true},)
    . qq({"id":"n","chute_id":"$bad","confidential_compute":false}]});
list('models.json', $models);
list('first.json', qq({"data":["$good"]}));
list('other.json', qq({"data":["$bad"]}));

$t->http(<<"EOC");
    ohttp_relay_gateway chutes {
        url http://127.0.0.1:8081; insecure on; profile chutes-e2e; confidential_models %%TESTDIR%%/models.json;
        request_header Authorization "Bearer cpk_of_the_relay";
    }

    ohttp_relay_gateway any { url http://127.0.0.1:8081/any; insecure on; profile chutes-e2e; confidential_models off; }

    ohttp_relay_gateway c-1 { url http://127.0.0.1:8085; insecure on; profile chutes-e2e; pool c;
                              confidential_models %%TESTDIR%%/first.json; }
    ohttp_relay_gateway c-2 { url http://127.0.0.1:8083; insecure on; profile chutes-e2e; pool c;
                              confidential_models %%TESTDIR%%/other.json; }
    ohttp_relay_pool c { keys shared; }

    ohttp_relay_token_key demo { key $key->{spki}; issuer issuer.example; uses 100; expires 2099-01-01T00:00:00Z; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        location / { ohttp_relay_pass chutes; }
        location /any/ { ohttp_relay_pass any; }
        location /pool/ { ohttp_relay_pass c; }
        location /paid/ { ohttp_relay_pass chutes; ohttp_relay_auth token=demo; }
        location = /status { ohttp_relay_status prometheus; }
    }
EOC

my $gateway = $t->gateway(8081);
my $second = $t->gateway(8083, answer => sub { $_[0]->answer(200, 'application/octet-stream', 'x') });
$t->run;

my $nonce = encode_base64url(join '', map { chr int rand 256 } 1 .. 24);
my $body = $t->sealed(5000);

sub headers_of {
    my (%change) = @_;
    my %headers = ('X-Chute-Id' => $good, 'X-Instance-Id' => 'instance-1', 'X-E2E-Nonce' => $nonce,
        'X-E2E-Stream' => 'false', 'X-E2E-Path' => '/v1/chat/completions', %change);
    return map { ($_ => $headers{$_}) } grep { defined $headers{$_} } sort keys %headers;
}

# A client of Chutes sends its own key, whatever the relay does with it.

my @own = (Authorization => 'Bearer cpk_' . $t->canary->word);

sub invoke {
    my ($target, %opt) = @_;
    return $t->start($target, type => 'application/octet-stream', body => $body,
        headers => [headers_of(), @own], %opt);
}

sub get { $t->start($_[0], method => 'GET', type => undef, body => undef, headers => [@own], @_[1 .. $#_]) }

sub played {
    my ($client, $sub) = @_;
    my $conn = $gateway->accept;
    my $request = $conn->request;
    $conn->body;
    $sub->($conn);
    my $answer = $client->answer;
    $conn->close;
    return ($request, $answer);
}

sub answered {
    my ($client, @answer) = @_;
    return played($client, sub { $_[0]->answer(@answer) });
}

# What one is refused with: status, the relay's code or the "detail" of the system.

sub refused {
    my ($answer) = @_;
    return $answer->says if $answer->code ne '';
    return join ' ', $answer->status, ($answer->json // {})->{detail} // '';
}

# ---- the routes of a stock proxy

for my $http (1, 2) {
    for (['a length', chunked => 0], ['chunks', chunked => 1]) {
        my ($name, @framing) = @$_;

        my ($request, $answer) = answered(invoke('/e2e/invoke', http => $http, @framing, headers => [@own,
            headers_of('X-E2E-Stream' => 'False', 'X-E2E-More' => $t->canary->word, 'x-api-key' => $t->canary->word,
                'Accept-Encoding' => 'gzip, deflate', 'Accept' => '*/*')]), 200, 'application/octet-stream', $body,
            'X-Chutes-Quota-Total' => 5, 'X-Chutes-RL-User' => 1, 'X-Chutes-Secret' => 'planted', 'Set-Cookie' => 'planted');

        is($request->head, join("\r\n", 'POST /e2e/invoke HTTP/1.1', 'Host: 127.0.0.1:' . $t->port(8081),
            'Authorization: Bearer cpk_of_the_relay', 'Content-Type: application/octet-stream', "X-Chute-Id: $good",
            'X-Instance-Id: instance-1', "X-E2E-Nonce: $nonce", 'X-E2E-Stream: false', 'X-E2E-Path: /v1/chat/completions',
            'Content-Length: 5000', '', ''), "with $name, HTTP/$http: what is listed, and the key of the relay");
        is(sha256_hex($request->body), sha256_hex($body), "the body is the client's, $name, HTTP/$http");
        is($answer->says, '200', "an answer, $name, HTTP/$http");
        is(sha256_hex($answer->body), sha256_hex($body), "is the gateway's, $name, HTTP/$http");
        is($answer->header('X-Chutes-Quota-Total'), 5, "with its quota, $name, HTTP/$http");
        is($answer->header('X-Chutes-RL-User'), 1, "and rate, $name, HTTP/$http");
        unlike($answer->head, qr/planted/, "and nothing that is not listed, $name, HTTP/$http");
    }

    for my $path ('/v1/models', '/model_aliases/', "/e2e/instances/$good") {
        my ($request, $answer) = answered(get($path, http => $http), 200, 'application/json', $models);
        is($request->head, join("\r\n", "GET $path HTTP/1.1", 'Host: 127.0.0.1:' . $t->port(8081),
            'Authorization: Bearer cpk_of_the_relay', '', ''), "$path by the relay's key, HTTP/$http");
        is($answer->body, $models, "and its answer, HTTP/$http");
    }

    my (undef, $answer) = answered(get('/model_aliases/', http => $http), 404, 'application/json', '{"detail":"Not Found"}');
    is($answer->status, 404, "no aliases is an answer, HTTP/$http");
    is($answer->body, '{"detail":"Not Found"}', "that passes, HTTP/$http");

    # what the clients read in errors

    my %errors = (
        403 => '{"detail":"Invalid, expired, or already-used nonce"}',
        402 => '{"detail":{"message":"quota exceeded", "quota_reset_timestamp":1790000000}}',
        404 => '{"detail":"No active instances found for this chute"}',
        410 => '{"detail":"Instance is no longer active"}',
        429 => '{"detail":"Instance is at maximum capacity, try again later"}',
        502 => '{"detail":"Instance requires key exchange, try a different instance"}',
        503 => '{"detail":"This chute is currently disabled."}',
    );

    for my $status (sort keys %errors) {
        my (undef, $answer) = answered(invoke('/e2e/invoke', http => $http), $status, 'application/json', $errors{$status});
        is($answer->status, $status, "$status passes, HTTP/$http");
        is($answer->body, $errors{$status}, "$status: as it is, HTTP/$http");
    }

    (undef, $answer) = answered(invoke('/e2e/invoke', http => $http), 401, 'application/json', '{"detail":"key"}');
    is($answer->says, '502 gateway_error', "401 speaks of the relay's key, HTTP/$http");

    for (['JSON', 'application/json'], ['HTML', 'text/html'], ['nothing', 'message/ohttp-res']) {
        (undef, $answer) = answered(invoke('/e2e/invoke', http => $http), 200, $_->[1], $body);
        is($answer->says, '502 gateway_error', "an answer of $_->[0], HTTP/$http");
    }

    (undef, $answer) = answered(get('/v1/models', http => $http), 200, 'application/json', 'x', 'Content-Encoding' => 'gzip');
    is($answer->says, '502 gateway_error', "an answer that is compressed, HTTP/$http");
}

# ---- events, each before the next

my $client = invoke('/e2e/invoke', headers => [@own, headers_of('X-E2E-Stream' => 'true')]);
my $conn = $gateway->accept;
$conn->request;
$conn->body;
$conn->start_chunks(200, 'text/event-stream');
is($client->answer_head->header('Content-Type'), 'text/event-stream', 'a stream begins');
for my $event ('{"e2e_init":"AA"}', '{"e2e":"BB"}', '{"usage":{}}', '[DONE]') {
    $conn->send_chunk("data: $event\n\n");
    is($client->chunk, "data: $event\n\n", "$event comes before the next is sent");
}
$conn->end_chunks;
is($client->chunk, '', 'and it ends');
$conn->close;

# ---- what is refused before the gateway hears of it

my $lines = scalar(my @before = $t->log_lines);

my @plain = ('/v1/chat/completions', '/v1/completions', '/v1/messages', '/v1/responses',
    '/v1/embeddings', '/e2e/other', '/e2e/invoke/', '/e2e/invoke/x', '/e2e/instances/', '/model_aliases', '/');

for my $http (1, 2) {
    for my $path (@plain) {
        my $answer = $t->post($path, type => 'application/json', body => '{"model":"m"}', headers => [@own], http => $http);
        is(refused($answer), '404 Not Found', "POST $path, HTTP/$http");
        is($answer->json->{error}{type}, 'proxy_error', "typed as those of a proxy, HTTP/$http");
        like($t->logged(++$lines), qr/^chutes gateway_unknown 404 /, "and counted, HTTP/$http");
    }
}

is(refused(get('/v1/chat/completions')->answer), '404 Not Found', 'also by GET');
is(refused($t->post('/v1/models', headers => [@own])), '405 method_not_allowed', 'POST where there is a GET');
is(refused(get('/e2e/invoke')->answer), '405 method_not_allowed', 'GET where there is a POST');
is(refused(get('/v1/models?user=me')->answer), '400 malformed_request', 'a query');
is(refused(invoke('/e2e/invoke?a=b')->answer), '400 malformed_request', 'the same');
is(refused(get("/e2e/instances/$good%2fx")->answer), '404 Not Found', 'an id with an escaped slash');
is(refused(get('/e2e/instances/..')->answer), '404 Not Found', 'an id that is one');
is(refused(get('/e2e/instances/' . 'a' x 65)->answer), '404 Not Found', 'an id too long');
is(refused(invoke('/e2e/invoke', type => 'application/json')->answer), '422 Content-Type must be application/octet-stream', 'JSON');
is(refused(invoke('/e2e/invoke', type => undef)->answer), '422 Content-Type must be application/octet-stream', 'no type');
is(refused(invoke('/e2e/invoke', body => '')->answer), '400 Empty request body', 'no body');
is(refused(invoke('/e2e/invoke', body => 'x' x 1115)->answer), '400 Empty request body', 'one byte too few');
is(refused(invoke('/e2e/invoke', body => 'x' x 1115, chunked => 1)->answer), '400 Empty request body', 'in chunks as well');

my $word = $t->canary->word;

my @wrong = (
    (map { ["no $_", $_ => undef] } qw/X-Chute-Id X-Instance-Id X-E2E-Nonce/),
    (map { ["two of $_->[0]", $_->[0] => "$_->[1]\r\n$_->[0]: $_->[1]"] } ['X-Chute-Id', $good], ['X-Instance-Id', 'i'],
        ['X-E2E-Nonce', $nonce], ['X-E2E-Path', '/a'], ['X-E2E-Stream', 'true']),
    ['an id with a slash', 'X-Instance-Id' => 'a/b'],
    ['an id too long', 'X-Instance-Id' => 'a' x 65],
    ['a nonce too short', 'X-E2E-Nonce' => 'abc'],
    ['a nonce with a blank', 'X-E2E-Nonce' => 'abcdefgh ijklmnop'],
    ['a stream that is neither', 'X-E2E-Stream' => '1'],
    ['a path with a query', 'X-E2E-Path' => "/v1/chat?$word"],
    ['a path with dots', 'X-E2E-Path' => '/v1/../x'],
    ['a path that is none', 'X-E2E-Path' => 'http://127.0.0.1/'],
    ['a path too long', 'X-E2E-Path' => '/' . 'a' x 128],
);

for (@wrong) {
    my ($name, %change) = @$_;
    is(refused(invoke('/e2e/invoke', headers => [@own, headers_of(%change)])->answer), '400 Invalid E2E headers', $name);
}

# ---- which models

my $none = '404 No E2E-capable instances available';

sub wants { invoke('/e2e/invoke', headers => [@own, headers_of('X-Chute-Id' => $_[0])]) }

is(refused(wants($bad)->answer), $none, 'a model that is not confidential');
is(refused(get("/e2e/instances/$bad")->answer), $none, 'nor are its instances shown');
is(refused(wants($later)->answer), $none, 'one that nobody knows');
is(refused(get("/e2e/instances/$good%2f..%2f$bad")->answer), $none, 'one on a way around');
is(refused(wants(uc $good)->answer), $none, 'one by almost the right name') if $good ne uc $good;
is(wants($bad)->answer->json->{error}{type}, 'proxy_error', 'typed as those of a proxy');
like($t->read_file('access.log'), qr/ chutes gateway_not_allowed 404 /, 'and counted');

ok(!$gateway->asked, 'none of these has reached the gateway');

my ($request, $answer) = answered(invoke('/any/e2e/invoke', headers => [@own, headers_of('X-Chute-Id' => $bad)]),
    200, 'application/octet-stream', 'x');
is($request->start, 'POST /any/e2e/invoke HTTP/1.1', 'a gateway that does not ask takes any');
is($request->header('Authorization'), undef, 'and has no key if the relay has none for it');

is(invoke('/pool/e2e/invoke', headers => [@own, headers_of('X-Chute-Id' => $bad)])->answer->says, '200',
    'of several gateways one that has it') for 1 .. 8;

# the list changes, is broken, is taken away

sub takes { my ($chute) = @_; return get("/e2e/instances/$chute") }

list('models.json', qq({"data":["$good","$later"]}));
$t->waitfor('the new list', sub { $t->read_file('error.log') =~ /models\.json" has changed and was taken over/ });
(undef, $answer) = answered(takes($later), 200, 'application/json', '{}');
is($answer->says, '200', 'a list that changes is taken over');

list('models.json', '{"data":"none"}');
$t->waitfor('a complaint', sub { $t->read_file('error.log') =~ /models\.json" is not taken over.*: it has no array "data"/ });
(undef, $answer) = answered(takes($later), 200, 'application/json', '{}');
is($answer->says, '200', 'the last good one serves while the file is broken');
my $figures = get('/status')->answer->body;
like($figures, qr/^ohttp_relay_models_files_broken 1$/m, 'which the figures show');
like($figures, qr/^ohttp_relay_models_file_failures_total 1$/m, 'and how often it was');

unlink $t->dir . '/models.json';
$t->waitfor('the list to be gone', sub { refused(takes($bad)->answer) ne $none });
$answer = takes($good)->answer;
is($answer->says, '503 gateway_not_attested', 'without a list no model is served');
ok($answer->header('Retry-After') >= 1, 'for the time being');
is(wants($good)->answer->says, '503 gateway_not_attested', 'by no path');
(undef, $answer) = answered(get('/v1/models'), 200, 'application/json', '{}');
is($answer->says, '200', 'what is about no model is served');

list('models.json', qq({"data":[]}));
$t->waitfor('an empty list', sub { refused(takes($good)->answer) eq $none });
pass('an empty list is a list: of no model');

list('models.json', $models);
$t->waitfor('the first list', sub {
    my $client = takes($good);
    my $conn = $gateway->accept(0.2) or return 0;
    $conn->request;
    $conn->answer(200, 'application/json', '{}');
    my $status = $client->answer->status;
    $conn->close;
    $status == 200;
});
pass('it serves again');

# ---- a credential of the relay's

is(refused(invoke('/paid/e2e/invoke')->answer), '401 credential_required', 'the key of Chutes is no credential here');
is(refused(get('/paid/v1/models')->answer), '401 credential_required', 'for no path');

my ($token) = $access->tokens($key, direct => 1, issuer => 'issuer.example');
my @token = (Authorization => "PrivateToken token=$token");
($request, $answer) = answered(invoke('/paid/e2e/invoke', headers => [@token, headers_of()]), 200, 'application/octet-stream', 'x');
is($answer->says, '200', 'a token is');
is($request->header('Authorization'), 'Bearer cpk_of_the_relay', 'and goes no further');
(undef, $answer) = answered(get('/paid/v1/models', headers => [@token]), 200, 'application/json', '{}');
is($answer->says, '200', 'also for a list');
is(refused(invoke('/paid/e2e/invoke', headers => [@token, headers_of('X-E2E-Nonce' => undef)])->answer),
    '400 Invalid E2E headers', 'headers are looked at before a token is spent');

$t->done;
