#!/usr/bin/perl

# What a client is told when its credential is not taken, in which order things are looked
# at, and what is counted.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/access-peer http2/);
my $access = $t->access;

my $key = $access->issuer_key('demo');
my $old = $access->issuer_key('old');
my $paced = $access->issuer_key('paced');
my $keys = $access->jwks;
my $chat = 'https://chat.example';

$t->http(<<"EOC");
    ohttp_relay_gateway llm     { url http://127.0.0.1:8081/gateway; insecure on; max_body 4k; replay_window 1h; }
    ohttp_relay_gateway fine    { url http://127.0.0.1:8081/fine; insecure on; max_body 8k; }
    ohttp_relay_gateway refused { url http://127.0.0.1:8085/gateway; insecure on; max_body 8k; }

    ohttp_relay_token_key demo  { key $key->{spki}; issuer issuer.example; expires 2099-01-01T00:00:00Z; gateways llm refused; }
    ohttp_relay_token_key old   { key $old->{spki}; issuer issuer.example; expires 2020-01-01T00:00:00Z; }
    ohttp_relay_token_key paced { key $paced->{spki}; issuer issuer.example; expires 2099-01-01T00:00:00Z; uses 9; rate 1r/h; }

    ohttp_relay_jwt_issuer accounts { jwks $keys->{jwks}; iss https://accounts.example; aud relay; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        ohttp_relay_auth token=demo token=old token=paced;
        ohttp_relay_cors $chat;

        location ~ ^/to/(?<name>.*) { ohttp_relay_pass \$name; }
        location = /both    { ohttp_relay_pass llm; ohttp_relay_auth token=demo jwt=accounts; }
        location = /jwt     { ohttp_relay_pass llm; ohttp_relay_auth jwt=accounts; }
        location = /metrics { ohttp_relay_status prometheus; }
        location = /status  { ohttp_relay_status json; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

sub token { ($access->tokens($_[0] // $key, direct => 1, issuer => 'issuer.example'))[0] }
sub bare { (headers => [Authorization => "PrivateToken token=$_[0]"]) }
sub sealed { "\1\0\x20\0\1\0\1" . join '', map { chr int rand 256 } 1 .. 100 }
sub says { my ($path, @opt) = @_; return $t->post($path, body => sealed(), @opt)->says }
sub get { $t->post($_[0], method => 'GET', type => undef, body => undef) }

# ---- each code

my ($spent, $slow, $replayed) = (token(), token($paced), sealed());
is(says('/to/llm', bare($spent), body => $replayed), '200', 'a token');
is(says('/to/llm', bare($slow)), '200', 'one of more uses');

# path, what is sent, status, code, challenges (none: undef), Retry-After
my @codes = (
    ['/to/llm', [], 401, 'credential_required', 3],
    ['/to/llm', [headers => [Authorization => undef, 'Proxy-Authorization' => undef]], 401, 'credential_required', 3],
    ['/to/llm', [bare('AAI' . 'x' x 469)], 401, 'credential_invalid', 3],
    ['/to/llm', [bare(token($old))], 401, 'credential_expired', 3],
    ['/to/llm', [bare($spent)], 401, 'token_spent', 3],
    ['/to/fine', [bare(token())], 403, 'gateway_not_allowed'],
    ['/to/llm', [bare($slow)], 429, 'rate_limited', undef, qr/^3[56]\d\d$/],
    ['/to/llm', [bare(token()), body => $replayed], 409, 'replay_detected'],
    ['/to/llm', [headers => [Authorization => 'PrivateToken token=AAI', 'Proxy-Authorization' => 'PrivateToken token=AAI']], 400, 'malformed_request'],
    ['/jwt', [headers => [Authorization => 'Bearer a.b.c']], 401, 'credential_invalid', 0],
    ['/both', [headers => [Authorization => undef]], 401, 'credential_required', 1],
);

for my $http (1, 2) {
    for (@codes) {
        my ($path, $opt, $status, $code, $challenges, $retry) = @$_;
        my $answer = $t->post($path, body => sealed(), @$opt, http => $http);
        my $name = "$code, HTTP/$http";
        my $body = $answer->json;

        is($answer->says, "$status $code", "$name: $path");
        is($answer->header('Content-Type'), 'application/problem+json', "$name: a problem");
        is_deeply([@$body{qw/type status/}], ["urn:ohttp-relay:problem:$code", $status], "$name: by its type");
        ok($body->{title} && $body->{detail} && $body->{error}{message} eq $body->{detail}, "$name: in words");
        is_deeply([sort keys %$body], [qw/detail error status title type/], "$name: and no more");
        my $kind = $status == 400 ? 'error' : 'denied';
        is($answer->header('Proxy-Status'), qq{ohttp-relay; error=http_request_$kind; details="$code"}, "$name: for proxies");
        is($answer->header('Cache-Control'), 'no-store', "$name: nobody keeps it");
        like($answer->header('Retry-After') // 'none', $retry // qr/^none$/, "$name: how long to wait");

        my $asked = $answer->header('WWW-Authenticate');
        is(defined $asked, defined $challenges, "$name: challenges where another credential would do");
        is(scalar(() = $asked =~ /PrivateToken challenge="/g), $challenges, "$name: all of them") if defined $asked;
        is(($asked // '') =~ /\bBearer\b/ ? 1 : 0, $path =~ /jwt|both/ && defined $challenges ? 1 : 0, "$name: and for a JWT where it would do");
        unlike($answer->head . $answer->body, qr/canary/, "$name: nothing of what was sent");
    }
}

# ---- what comes before the credential

my @before = (
    ['another method', '405 method_not_allowed', method => 'PUT'],
    ['GET', '405 method_not_allowed', method => 'GET', type => undef, body => undef],
    ['OPTIONS of nobody', '405 method_not_allowed', method => 'OPTIONS', type => undef, body => undef],
    ['OPTIONS of another origin', '405 method_not_allowed', method => 'OPTIONS', type => undef, body => undef, headers => [Origin => 'https://evil.example']],
    ['another type', '415 unsupported_media_type', type => 'text/plain'],
    ['a query', '400 malformed_request', path => '/to/llm?a=b'],
    ['no body', '400 malformed_request', body => ''],
    ['more than any gateway takes', '413 payload_too_large', body => 'x' x 8193],
);

for (@before) {
    my ($name, $says, %opt) = @$_;
    my $path = delete $opt{path} // '/to/llm';

    for my $http (1, 2) {
        is($t->post($path, body => sealed(), %opt, http => $http)->says, $says, "$name, HTTP/$http, without a credential");
    }

    my $token = token();
    is($t->post($path, body => sealed(), %opt, headers => [@{ $opt{headers} // [] }, Authorization => "PrivateToken token=$token"])->says,
        $says, "$name with a token");
    is(says('/to/llm', bare($token)), '200', "$name: which is still good");
}

is(says('/to/llm', body => 'x' x 5000), '401 credential_required', 'more than this gateway takes comes after it');
is(says('/to/none'), '401 credential_required', 'and so does a gateway that is not there');
my $token = token();
is(says('/to/llm', bare($token), body => "\1\0\x20\0\1\0\1" . 'x' x 5000), '413 payload_too_large', 'it is said then');
is(says('/to/none', bare($token)), '404 gateway_unknown', 'both of it');
is(says('/to/llm', bare($token)), '200', 'and costs nothing');

# ---- browsers

my @ask = (Origin => $chat, 'Access-Control-Request-Method' => 'POST', 'Access-Control-Request-Headers' => 'authorization');
for my $http (1, 2) {
    my $preflight = $t->post('/to/llm', method => 'OPTIONS', type => undef, body => undef, http => $http,
        headers => [@ask, Authorization => undef, 'Proxy-Authorization' => undef]);
    is($preflight->status, 204, "a preflight needs no credential, HTTP/$http");
    like($preflight->header('Access-Control-Allow-Headers'), qr/\bauthorization\b/, 'and allows one to be sent');

    my $refused = $t->post('/to/llm', http => $http, headers => [Origin => $chat]);
    is($refused->says, '401 credential_required', 'its request does');
    is($refused->header('Access-Control-Allow-Origin'), $chat, 'and may read the refusal');
    like($refused->header('Access-Control-Expose-Headers'), qr/\bWWW-Authenticate\b/, 'with what would do');
}

# ---- what is counted

$t->logged(10);
my (%logged, @lines);
@lines = $t->log_lines;
$logged{ (split / /)[1] }++ for @lines;
ok($logged{$_}, "the log has $_") for map { $_->[3] } @codes;

is(says('/to/refused', bare(token())), '502 gateway_error', 'a token that comes back');

my $metrics;
$t->waitfor('the figures', sub {
    $metrics = get('/metrics')->body;
    my ($required) = $metrics =~ /^ohttp_relay_requests_total\{gateway="llm",result="credential_required"\} (\d+)$/m;
    return $required >= 7 && $metrics =~ /^ohttp_relay_store_refunds_total [1-9]/m;
}, 25);

for my $code (map { $_->[3] } @codes) {
    my $counted = 0;
    $counted += $1 while $metrics =~ /^ohttp_relay_requests_total\{gateway="[^"]*",result="$code"\} (\d+)$/mg;
    is($counted, $logged{$code}, "as many $code are counted");
}

my %store = $metrics =~ /^ohttp_relay_store_(\w+) (\d+)$/mg;
my %kind = $metrics =~ /^# TYPE ohttp_relay_store_(\w+) (\w+)$/mg;
is_deeply([sort keys %kind], [sort keys %store], 'each figure of the store has a type');
is($kind{$_}, /_total$/ ? 'counter' : 'gauge', "$_ has the right one") for sort keys %kind;
is($store{refused_total}, 6, 'what the store refused: two spent, two paced, two replayed');
# where the token or its rate was refused, the sealed request has its claim back
is($store{refunds_total}, 5, 'what came back');
is($store{unknown_total}, 0, 'it could always be asked');
is($store{full}, 0, 'it is not full');
is($store{size_bytes}, 67108864, 'its size');
cmp_ok($store{used_bytes}, '<', $store{size_bytes}, 'of which a part is used');
cmp_ok($store{names}, '>', 10, 'what it remembers');
is(get('/status')->json->{store}, 'ok', 'how it fares');

$t->done;
