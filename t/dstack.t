#!/usr/bin/perl

# The profile dstack-e2ee: texts sealed field by field pass, with the headers that name their keys
# and no others, to the instance that is meant; what is not sealed does not pass.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw/sha256_hex/;
use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Points qw/BASE_POINT/;

my $t = Test::OhttpRelay->new->has(qw/http2/);

sub hex_of { join '', map { ('0' .. '9', 'a' .. 'f')[rand 16] } 1 .. $_[0] }

my ($one, $two, $three, $client_key) = (hex_of(128), hex_of(128), hex_of(64), BASE_POINT);

$t->http(<<"EOC");
    ohttp_relay_gateway alone {
        url http://127.0.0.1:8081/base/; insecure on; profile dstack-e2ee; replay_window off; max_body 100k;
        request_header Authorization "Bearer of the relay";
        pass_response_header X-Queue;
    }

    ohttp_relay_gateway d-1 { url http://127.0.0.1:8083; insecure on; profile dstack-e2ee; pool d; selector 0x04$one; }
    ohttp_relay_gateway d-2 { url http://127.0.0.1:8084; insecure on; profile dstack-e2ee; pool d; selector $two; }
    ohttp_relay_gateway d-3 { url http://127.0.0.1:8084; insecure on; profile dstack-e2ee; pool d; selector $three; }
    ohttp_relay_pool d { select header:X-Model-Pub-Key; default d-1; }

    ohttp_relay_gateway s-1 { url http://127.0.0.1:8083; insecure on; profile dstack-e2ee; pool s; selector $one; }
    ohttp_relay_pool s { select header:X-Model-Pub-Key; }

    ohttp_relay_gateway f-1 { url http://127.0.0.1:8085; insecure on; profile dstack-e2ee; pool f; }
    ohttp_relay_gateway f-2 { url http://127.0.0.1:8084/two; insecure on; profile dstack-e2ee; pool f; }
    ohttp_relay_pool f { keys shared; }

    ohttp_relay_gateway near { url http://127.0.0.1:8081; insecure on; profile near-e2ee; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        location /alone/ { ohttp_relay_pass alone; ohttp_relay_cors https://chat.example; }
        location /other  { ohttp_relay_pass alone; }
        location /pool/  { ohttp_relay_pass d; }
        location /set/   { ohttp_relay_pass s; }
        location /any/   { ohttp_relay_pass f; }
        location /near/  { ohttp_relay_pass near; }
        location /v1/    { ohttp_relay_pass alone; }
        location = /v1/models { ohttp_relay_pass alone; }
        location ~ ^/re/ { ohttp_relay_pass alone; }
    }
EOC

my %sealed = ('X-E2EE-Applied' => 'true', 'X-E2EE-Version' => 2, 'X-E2EE-Algo' => 'ecdsa');

my $gateway = $t->gateway(8081);
my %instance = map { $_->[0] => $t->gateway($_->[1], answer => sub {
    $_[0]->answer(200, 'application/json', '{}', 'X-E2EE-Applied' => 'true')
}) } ['one', 8083], ['two', 8084];

$t->run;

# Headers of a client, those given in place of the usual ones; undef leaves one out.

sub keys_of {
    my (%change) = @_;
    my %headers = ('X-Signing-Algo' => 'ecdsa', 'X-Client-Pub-Key' => $client_key,
        'X-Model-Pub-Key' => $one, %change);
    return map { ($_ => $headers{$_}) } grep { defined $headers{$_} } sort keys %headers;
}

sub v2 { keys_of('X-E2EE-Version' => 2, 'X-E2EE-Nonce' => 'n' x 16, 'X-E2EE-Timestamp' => time, @_) }

my $body = $t->sealed(5000);

sub chat {
    my ($target, %opt) = @_;
    return $t->start($target, type => 'application/json', body => $body, headers => [keys_of()], %opt);
}

sub get { $t->start($_[0], method => 'GET', type => undef, body => undef, @_[1 .. $#_]) }

# An exchange in which the gateway's side is played by the sub.

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

# What one is refused with: status, type of the error, or the relay's own code.

sub refused {
    my ($answer) = @_;
    my $error = ($answer->json // {})->{error} // {};
    return join ' ', $answer->status, $answer->code eq '' ? $error->{type} // '' : $answer->code;
}

# ---- the request that the gateway gets

my $upper = uc $client_key;

for my $http (1, 2) {
    for (['a length', chunked => 0], ['chunks', chunked => 1]) {
        my ($name, @framing) = @$_;

        my ($request, $answer) = answered(chat('/alone/v1/chat/completions', http => $http, @framing,
            type => 'Application/JSON; charset=UTF-8', headers => [v2('X-Signing-Algo' => ' ECDSA ',
                'X-Client-Pub-Key' => $upper, 'X-E2EE-Timestamp' => 1790000000, 'X-Request-Hash' => 'f' x 64,
                'X-User-Tier' => 'premium', 'X-E2EE-Extra' => $t->canary->word, 'Accept-Encoding' => 'gzip',
                'Accept' => 'text/event-stream', 'X-Queue' => $t->canary->word)]),
            200, 'application/json', $body, %sealed);

        is($request->head, join("\r\n", 'POST /base/v1/chat/completions HTTP/1.1',
            'Host: 127.0.0.1:' . $t->port(8081), 'Authorization: Bearer of the relay',
            'Content-Type: application/json', 'X-Signing-Algo: ecdsa', "X-Client-Pub-Key: $client_key",
            "X-Model-Pub-Key: $one", 'X-E2EE-Version: 2', 'X-E2EE-Nonce: ' . 'n' x 16,
            'X-E2EE-Timestamp: 1790000000', 'Content-Length: 5000', '', ''),
            "with $name, HTTP/$http: the head has what is listed, in this order");
        is(sha256_hex($request->body), sha256_hex($body), "and the body is the client's, $name, HTTP/$http");
        is($answer->says, '200', "an answer, $name, HTTP/$http");
        is(sha256_hex($answer->body), sha256_hex($body), "and its body is the gateway's, $name, HTTP/$http");
    }

    my ($request, $answer) = answered(get('/alone/v1/attestation/report?nonce=' . 'A' x 64 . '&signing_algo=ed25519',
        http => $http, headers => [v2()]), 200, 'application/json', $body);
    is($request->head, join("\r\n", 'GET /base/v1/attestation/report?signing_algo=ed25519&nonce=' . 'a' x 64 . ' HTTP/1.1',
        'Host: 127.0.0.1:' . $t->port(8081), 'Authorization: Bearer of the relay', '', ''),
        "a report is asked for with nothing of the client but its query, HTTP/$http");
    is($answer->says, '200', "and passes, HTTP/$http");
    is(sha256_hex($answer->body), sha256_hex($body), "as it is, HTTP/$http");

    ($request, $answer) = answered(get('/alone/v1/signature/chatcmpl-1.a_B?signing_algo=ecdsa', http => $http),
        200, 'application/json', '{"text":"x"}');
    is($request->start, 'GET /base/v1/signature/chatcmpl-1.a_B?signing_algo=ecdsa HTTP/1.1', "a signature, HTTP/$http");
    is($answer->body, '{"text":"x"}', "and what it is, HTTP/$http");

    ($request) = answered(get('/alone/v1/signature/x?model=other%2Fname&signing_algo=ecdsa', http => $http),
        200, 'application/json', '{"text":"x"}');
    is($request->start, 'GET /base/v1/signature/x?signing_algo=ecdsa&model=other%2Fname HTTP/1.1', "of a model, HTTP/$http");
}

my ($request, $answer) = answered(chat('/alone/v1/chat/completions'), 200, 'application/json', $body, %sealed);
like($request->head, qr/^X-Model-Pub-Key: $one\r\nContent-Length: /m, 'version 1: no header that the client has not sent');

for ('/other/v1/models', '/v1/models', '/alone/v1/models', '/alone/x/../v1/models', '/alone//v1/%6dodels') {
    ($request, $answer) = answered(get($_), 200, 'application/json', '{}');
    is($request->start, 'GET /base/v1/models HTTP/1.1', "$_ is the list of models");
}

($request, $answer) = answered(chat('/v1/chat/completions'), 200, 'application/json', '{}', %sealed);
is($request->start, 'POST /base/v1/chat/completions HTTP/1.1', 'a location may be the beginning of the path itself');

# ---- what is refused before a gateway hears of it

$t->waitfor('no connection to be left', sub { !$gateway->asked });

my $word = $t->canary->word;
my %missing = map { $_ => undef } qw/X-Signing-Algo X-Client-Pub-Key X-Model-Pub-Key/;

my @refused = (
    ['no key headers', '400 e2ee_header_missing', keys_of(%missing)],
    (map { ["no $_", '400 e2ee_header_missing', keys_of($_ => undef)] } sort keys %missing),
    (map { ["an empty $_", '400 e2ee_header_missing', keys_of($_ => '')] } sort keys %missing),
    ['a nonce without a time', '400 e2ee_header_missing', keys_of('X-E2EE-Nonce' => 'n' x 16)],
    ['a time without a nonce', '400 e2ee_header_missing', keys_of('X-E2EE-Timestamp' => 1790000000)],
    ['version 2 without both', '400 e2ee_header_missing', keys_of('X-E2EE-Version' => 2)],
    ['an algorithm', '400 e2ee_invalid_signing_algo', keys_of('X-Signing-Algo' => 'rsa')],
    ['two algorithms', '400 e2ee_invalid_signing_algo', keys_of('X-Signing-Algo' => "ecdsa\r\nX-Signing-Algo: ecdsa")],
    ['a key that is no hex', '400 e2ee_invalid_public_key', keys_of('X-Client-Pub-Key' => 'g' x 128)],
    ['a key with a blank', '400 e2ee_invalid_public_key', keys_of('X-Client-Pub-Key' => substr($one, 0, 64) . ' ' . substr($one, 0, 63))],
    ['a key with 0x', '400 e2ee_invalid_public_key', keys_of('X-Client-Pub-Key' => "0x$client_key")],
    ['a key of half a byte', '400 e2ee_invalid_public_key', keys_of('X-Client-Pub-Key' => substr $client_key, 1)],
    ['a key of the other algorithm', '400 e2ee_invalid_public_key', keys_of('X-Client-Pub-Key' => 'a' x 64)],
    ['the same for ed25519', '400 e2ee_invalid_public_key', keys_of('X-Signing-Algo' => 'ed25519', 'X-Model-Pub-Key' => $three)],
    ['a key of 65 bytes that begins otherwise', '400 e2ee_invalid_public_key', keys_of('X-Client-Pub-Key' => "02$client_key")],
    ['a key of 66 bytes', '400 e2ee_invalid_public_key', keys_of('X-Client-Pub-Key' => "0404$client_key")],
    ['a key that is no point', '400 e2ee_invalid_public_key', keys_of('X-Client-Pub-Key' => '11' x 64)],
    ['a point that is none', '400 e2ee_invalid_public_key', keys_of('X-Client-Pub-Key' => '00' x 64)],
    ['a key that shares no secret', '400 e2ee_invalid_public_key', keys_of('X-Signing-Algo' => 'ed25519',
        'X-Client-Pub-Key' => '01' . '00' x 31, 'X-Model-Pub-Key' => $three)],
    ['a wrong key of the model', '400 e2ee_invalid_public_key', keys_of('X-Model-Pub-Key' => 'zz')],
    ['two keys of the model', '400 e2ee_invalid_public_key', keys_of('X-Model-Pub-Key' => "$one\r\nx-model-pub-key: $one")],
    ['version 3', '400 e2ee_invalid_version', v2('X-E2EE-Version' => 3)],
    ['a version that is no number', '400 e2ee_invalid_version', v2('X-E2EE-Version' => $word)],
    ['a nonce of 15 characters', '400 e2ee_invalid_nonce', v2('X-E2EE-Nonce' => 'n' x 15)],
    ['a nonce of 257', '400 e2ee_invalid_nonce', v2('X-E2EE-Nonce' => 'n' x 257)],
    ['a nonce with a blank', '400 e2ee_invalid_nonce', v2('X-E2EE-Nonce' => 'n' x 16 . ' n')],
    ['a nonce of other bytes', '400 e2ee_invalid_nonce', v2('X-E2EE-Nonce' => "\xc3\xa4" x 10)],
    ['two nonces', '400 e2ee_invalid_nonce', v2('X-E2EE-Nonce' => 'n' x 16 . "\r\nX-E2EE-Nonce: " . 'm' x 16)],
    (map { ["the time $_", '400 e2ee_invalid_timestamp', v2('X-E2EE-Timestamp' => $_)] }
        'now', '-1', '+1', '1.5', '01790000000', '179000000000', '1e9'),
);

my $lines = scalar(my @before = $t->log_lines);

for my $http (1, 2) {
    for (@refused) {
        my ($name, $expected, @headers) = @$_;

        if ($http == 2) {    # a field that hides in another's value stays in one there
            next if grep { /\r\n/ } @headers;
        }

        my $answer = chat('/alone/v1/chat/completions', headers => \@headers, http => $http)->answer;
        is(refused($answer), $expected, "$name, HTTP/$http");
        is($answer->header('Content-Type'), 'application/json', "$name: typed as the system's, HTTP/$http");
        is_deeply([@{ $answer->json->{error} }{qw/param code/}], [undef, undef], "$name: and shaped, HTTP/$http");
        unlike($answer->body, qr/$word/, "$name: nothing comes back, HTTP/$http");
        like($t->logged(++$lines), qr/^alone malformed_request 400 /, "$name: counted, HTTP/$http");
    }
}

like($answer = chat('/alone/v1/chat/completions', headers => [keys_of(%missing)])->answer->header('Proxy-Status'),
    qr/^ohttp-relay; error=http_request_error; details="malformed_request"$/, 'the relay says that it was it');

my @paths = (
    ['plaintext completions', '400 invalid_e2ee_request', '/alone/v1/completions'],
    ['another path', '404 not_found', '/alone/v1/embeddings'],
    ['no path', '404 not_found', '/alone/'],
    ['one behind it', '404 not_found', '/alone/v1/chat/completions/'],
    ['one before it', '404 not_found', '/alone/x/v1/chat/completions'],
    ['capitals', '404 not_found', '/alone/V1/chat/completions'],
    ['a name that goes on', '404 not_found', '/otherv1/chat/completions'],
    ['a regular expression', '404 not_found', '/re/v1/chat/completions'],
    ['an escaped slash', '404 not_found', '/alone/v1/chat%2f..%2fx'],
    ['a query', '400 malformed_request', '/alone/v1/chat/completions?a=b'],
    ['another type', '415 unsupported_media_type', '/alone/v1/chat/completions', type => 'text/plain'],
    ['no type', '415 unsupported_media_type', '/alone/v1/chat/completions', type => undef],
    ['two types', '415 unsupported_media_type', '/alone/v1/chat/completions', type => "application/json\r\nContent-Type: application/json"],
    ['a body that is compressed', '415 unsupported_media_type', '/alone/v1/chat/completions', headers => [keys_of(), 'Content-Encoding' => 'gzip']],
    ['one of two codings', '415 unsupported_media_type', '/alone/v1/chat/completions', chunked => 1,
        headers => [keys_of(), 'Content-Encoding' => "\r\nContent-Encoding: br"]],
    ['a sealed request of another kind', '415 unsupported_media_type', '/alone/v1/chat/completions', type => 'message/ohttp-req'],
    ['no body', '400 malformed_request', '/alone/v1/chat/completions', body => ''],
    ['no body in chunks', '400 malformed_request', '/alone/v1/chat/completions', body => '', chunked => 1],
    ['a body too large', '413 payload_too_large', '/alone/v1/chat/completions', body => $t->sealed(102_401)],
    ['the same in chunks', '413 payload_too_large', '/alone/v1/chat/completions', body => $t->sealed(102_401), chunked => 1],
    ['another method', '405 method_not_allowed', '/alone/v1/chat/completions', method => 'PUT'],
);

for (@paths) {
    my ($name, $expected, $target, @opt) = @$_;
    is(refused(chat($target, @opt)->answer), $expected, $name);
}

is(chat('/alone/v1/chat/completions', method => 'PUT')->answer->header('Allow'), 'POST, OPTIONS', 'which method there is');
is($t->post('/alone/v1/models')->header('Allow'), 'GET, OPTIONS', 'and where browsers may ask');
is($t->post('/near/v1/models')->header('Allow'), 'GET', 'and where they may not');

my $report = '/alone/v1/attestation/report';
my $nonce = 'nonce=' . 'a' x 64;

my @queries = (
    ['an unknown parameter', "$report?$nonce&user=$word"],
    ['a parameter twice', "$report?$nonce&$nonce"],
    ['a short nonce', "$report?nonce=aa"],
    ['an escape', "$report?signing_algo=%65cdsa"],
    ['another algorithm', "$report?signing_algo=rsa"],
    ['no value', "$report?nonce"],
    ['an empty value', "$report?nonce="],
    ['an "&" at the end', "$report?$nonce&"],
    ['an "&" at the beginning', "$report?&$nonce"],
    ['a semicolon', "$report?$nonce;signing_algo=ecdsa"],
    ['a parameter of another path', "/alone/v1/signature/a?$nonce"],
    ['two models', '/alone/v1/signature/a?model=a&model=b'],
    ['one where there is none', '/alone/v1/models?a=b'],
);

is(refused(get($_->[1])->answer), '400 malformed_request', "in a query: $_->[0]") for @queries;

is(refused(get('/alone/v1/signature/')->answer), '404 not_found', 'a signature of nothing');
is(refused(get("/alone/v1/signature/a%20b")->answer), '404 not_found', 'an id with a blank');
is(refused(get("/alone/v1/signature/a%2fb")->answer), '404 not_found', 'an id with a slash');
is(refused(get('/alone/v1/signature/' . 'a' x 129)->answer), '404 not_found', 'an id too long');
is(refused(get('/alone/v1/metrics')->answer), '404 not_found', 'figures are nobody\'s business');
is(refused(get('/alone/v1/chat/completions')->answer), '405 method_not_allowed', 'a completion by GET');
is(refused(get($report, body => 'x')->answer), '400 malformed_request', 'a GET with a body');
is(refused(get($report, method => 'POST', body => 'x')->answer), '405 method_not_allowed', 'a report by POST');
is(get($report, method => 'HEAD')->answer->status, 405, 'and by HEAD');

ok(!$gateway->asked, 'none of these has reached the gateway');

# ---- the answer

for my $http (1, 2) {
    my $chat = sub { chat('/alone/v1/chat/completions', http => $http) };

    my ($request, $answer) = answered($chat->(), 200, 'application/json', $body, %sealed, 'X-E2EE-Alg' => 'ecdsa',
        'X-Queue' => 7, map { ($_ => 'planted') } qw/Set-Cookie X-Request-Id X-Upto-Session X-Accel-Redirect Server ETag
            X-Accel-Buffering X-E2EE-Other/);
    is($answer->says, '200', "an answer with many headers, HTTP/$http");
    is($answer->header('X-E2EE-Applied'), 'true', "says that it is sealed, HTTP/$http");
    is($answer->header($_), 'ecdsa', "has $_, HTTP/$http") for qw/X-E2EE-Algo X-E2EE-Alg/;
    is($answer->header('X-E2EE-Version'), 2, "and the version, HTTP/$http");
    is($answer->header('X-Queue'), 7, "and what the block passes, HTTP/$http");
    unlike($answer->head, qr/planted/, "and nothing else, HTTP/$http");

    for (['false', 'X-E2EE-Applied' => 'false'], ['nothing'], ['something else', 'X-E2EE-Applied' => '1'],
        ['both', 'X-E2EE-Applied' => 'true', 'x-e2ee-applied' => 'false'])
    {
        my ($name, @headers) = @$_;
        my (undef, $answer) = answered($chat->(), 200, 'application/json', $body, @headers);
        is($answer->says, '502 gateway_error', "an answer that says $name of sealing, HTTP/$http");
        unlike($answer->body, qr/sealed/, "goes nowhere, HTTP/$http");
    }

    for (['HTML', 'text/html'], ['OHTTP', 'message/ohttp-res'], ['bytes', 'application/octet-stream']) {
        my (undef, $answer) = answered($chat->(), 200, $_->[1], $body, %sealed);
        is($answer->says, '502 gateway_error', "an answer of $_->[0], HTTP/$http");
    }

    (undef, $answer) = answered($chat->(), 200, 'application/json', $body, %sealed, 'Content-Encoding' => 'gzip');
    is($answer->says, '502 gateway_error', "an answer that is compressed although nobody asked, HTTP/$http");
    (undef, $answer) = answered($chat->(), 400, 'application/json', $body, 'Content-Encoding' => 'gzip');
    is($answer->says, '502 gateway_error', "nor is an error, HTTP/$http");
    (undef, $answer) = answered(get($report, http => $http), 200, 'text/html', '<html>');
    is($answer->says, '502 gateway_error', "a report that is none, HTTP/$http");

    # errors are the gateway's own, and say nothing of sealing

    my $error = '{"error":{"message":"no", "type":"e2ee_decryption_failed","param":null,"code":null}}';

    for my $status (400, 404, 429, 500) {
        my (undef, $answer) = answered($chat->(), $status, 'application/json', $error);
        is($answer->status, $status, "an error $status, HTTP/$http");
        is($answer->body, $error, "as it is, HTTP/$http");
    }

    (undef, $answer) = answered($chat->(), 401, 'application/json', '{"detail":"Invalid token"}');
    is($answer->says, '502 gateway_error', "the relay's own credential is its own matter, HTTP/$http");
}

# an event stream passes as it comes

my $client = chat('/alone/v1/chat/completions');
my $conn = $gateway->accept;
$conn->request;
$conn->body;
$conn->start_chunks(200, 'text/event-stream', %sealed, 'X-Accel-Buffering' => 'no');
is($client->answer_head->header('Content-Type'), 'text/event-stream', 'an event stream begins');
for my $event ("data: {\"a\":1}\n\n", "data: {\"a\":2}\n\n", "data: [DONE]\n\n") {
    $conn->send_chunk($event);
    is($client->chunk, $event, 'an event comes before the next is sent');
}
$conn->end_chunks;
is($client->chunk, '', 'and it ends');
$conn->close;

$client = chat('/alone/v1/chat/completions');
$conn = $gateway->accept;
$conn->request;
$conn->body;
$conn->start_chunks(200, 'text/event-stream', %sealed);
$conn->send_chunk("data: {\"a\":1}\n\n");
$conn->close;
ok(!$client->answer->complete, 'one that breaks off does not end well');

# ---- a browser

$answer = $t->post('/alone/v1/chat/completions', method => 'OPTIONS', type => undef, body => undef,
    headers => [Origin => 'https://chat.example', 'Access-Control-Request-Method' => 'POST']);
is($answer->status, 204, 'a browser asks first');
like($answer->header('Access-Control-Allow-Headers'), qr/\bx-client-pub-key\b.*\bx-e2ee-nonce\b/, 'and may send the headers');
(undef, $answer) = answered(chat('/alone/v1/chat/completions', headers => [keys_of(), Origin => 'https://chat.example']),
    200, 'application/json', '{}', %sealed);
like($answer->header('Access-Control-Expose-Headers'), qr/X-E2EE-Applied/, 'and read the others');

# ---- which instance it is

sub goes {
    my ($client) = @_;
    my $says = refused($client->answer);
    my @reached = grep { scalar(my @requests = $instance{$_}->requests) } sort keys %instance;
    $_->forget for values %instance;
    return join ' ', $says =~ s/ $//r, @reached;
}

sub chooses { goes(chat("/pool/v1/chat/completions", headers => [keys_of(@_)])) }

$_->forget for values %instance;

is(chooses('X-Model-Pub-Key' => $one), '200 one', 'an instance by its key');
is(chooses('X-Model-Pub-Key' => "04$one"), '200 one', 'with 04 before it');
is(chooses('X-Model-Pub-Key' => uc "04$two"), '200 two', 'another, in capitals');
is(chooses('X-Model-Pub-Key' => $three, 'X-Client-Pub-Key' => $three, 'X-Signing-Algo' => 'ed25519'), '200 two',
    'and by its other key');
is(chooses('X-Model-Pub-Key' => hex_of(128)), '400 e2ee_model_key_mismatch', 'an unknown key');
is(chooses('X-Model-Pub-Key' => undef), '400 e2ee_header_missing', 'no key');
like($t->read_file('access.log'), qr/ - gateway_unknown 400 /, 'which is counted as what it is');

for my $path ('/v1/attestation/report', '/v1/signature/x', '/v1/models') {
    is(goes(get("/pool$path", headers => ['X-Model-Pub-Key' => $two])), '200 two', "$path of the instance with a key");
    is(goes(get("/pool$path")), '200 one', "$path of the default one");
    is(goes(get("/set$path")), '404 gateway_unknown', "$path of none where there is no default");
    is(goes(get("/pool$path", headers => ['X-Model-Pub-Key' => $client_key])), '404 gateway_unknown', "$path of an unknown one");
}

# where keys are shared another one may do it, with a head of its own

for (1 .. 8) {
    is(refused(chat('/any/v1/chat/completions')->answer), '200 ', 'a chat by whoever is there');
    is(refused(get('/any/v1/models')->answer), '200 ', 'and a list');
}
is(join(' ', sort keys %{ { map { $_->target => 1 } $instance{two}->requests } }), '/two/v1/chat/completions /two/v1/models',
    'to the path of the one that it was');

# ---- NEAR: two headers, and no word on sealing

my @near = ('X-Signing-Algo' => 'ed25519', 'X-Client-Pub-Key' => 'AB' x 32);

($request, $answer) = answered(chat('/near/v1/chat/completions', headers => [@near, 'X-Encryption-Version' => 2,
    'X-Encrypt-All-Fields' => 'True', 'X-E2EE-Version' => 2]), 200, 'application/json', $body);
is($request->head, join("\r\n", 'POST /v1/chat/completions HTTP/1.1', 'Host: 127.0.0.1:' . $t->port(8081),
    'Content-Type: application/json', 'X-Signing-Algo: ed25519', 'X-Client-Pub-Key: ' . 'ab' x 32, 'X-Encryption-Version: 2',
    'X-Encrypt-All-Fields: true', 'Content-Length: 5000', '', ''), 'near-e2ee: two headers are enough');
is($answer->says, '200', 'and the answer passes');
is(sha256_hex($answer->body), sha256_hex($body), 'as it is');

($request, $answer) = answered(get('/near/v1/attestation/report?include_tls_fingerprint=true'), 200, 'application/json', '{}');
is($request->start, 'GET /v1/attestation/report?include_tls_fingerprint=true HTTP/1.1', 'with a parameter of its own');

for (['no key', @near[0, 1]], ['no algorithm', @near[2, 3]], ['nothing'], ['a key too long', @near[0, 1], $near[2] => 'ab' x 64],
    ['a wrong key of a model', @near, 'X-Model-Pub-Key' => 'ab'], ['another version', @near, 'X-Encryption-Version' => 3])
{
    my ($name, @headers) = @$_;
    is(refused(chat('/near/v1/chat/completions', headers => \@headers)->answer), '400 bad_request', "near-e2ee: $name");
}

$t->done;
