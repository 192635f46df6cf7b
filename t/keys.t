#!/usr/bin/perl

# The keys of a gateway are published: the same bytes for everybody, from a file that is watched.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw/sha256_hex/;
use Test::More;
use Test::OhttpRelay;
use Time::HiRes qw/sleep/;

use constant AGE => 10;

my $t = Test::OhttpRelay->new->has(qw/http2/);

my $json = '{"key_id":1,"kem_id":32,"kdf_id":1,"aead_id":3,"public_key":"' . 'ab' x 32 . '"}';
my %keys = (
    bare => bare(1, 'a'),
    list => list(bare(1, 'a')),
    two  => list(bare(1, 'a'), bare(2, 'b')),
    pq   => list("\3\x64\x7a" . 'p' x 1216 . "\0\4\0\1\0\3", "\4\xfa\xce" . 'q' x 5000 . "\0\4\0\1\0\3"),
);

put('llm', $keys{list});
put('bare', $keys{bare});
put('json', $json);
put('slow', $keys{list});

my $gateway = 'url http://127.0.0.1:8081/gateway; insecure on;';

$t->http(<<"EOC");
    ohttp_relay_gateway llm  { $gateway keys_file llm.keys; }
    ohttp_relay_gateway bare { $gateway keys_file bare.keys; }
    ohttp_relay_gateway rfc  { $gateway keys_file bare.keys; keys_format list; }
    ohttp_relay_gateway json { $gateway keys_file json.keys; keys_max_age 5m; }
    ohttp_relay_gateway slow { $gateway keys_file slow.keys; keys_max_age @{[ AGE ]}s; }

    ohttp_relay_gateway mute { $gateway }

    ohttp_relay_auth token=none;
    ohttp_relay_token_key none { key %%TESTDIR%%/none.spki; issuer issuer.example; expires 2037-01-01T00:00:00Z; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        gzip on;
        gzip_min_length 1;
        gzip_types application/json application/ohttp-keys;

        location = /keys/llm  { ohttp_relay_keys llm; sub_filter_types *; sub_filter a X; sub_filter_once off; }
        location = /keys/bare { ohttp_relay_keys bare; }
        location = /keys/rfc  { ohttp_relay_keys rfc; }
        location = /keys/json { ohttp_relay_keys json; sub_filter_types *; sub_filter key_id X; }
        location = /keys/slow { ohttp_relay_keys slow; }
        location = /keys/web  { ohttp_relay_keys llm; ohttp_relay_cors https://chat.example; }
        location ~ ^/named/(?<gw>[^/]+)\$   { ohttp_relay_keys \$gw; }
        location = /named/by/llm            { ohttp_relay_keys \$http_x_gateway; }
        location = /keys/not  { ohttp_relay_keys llm; limit_except GET { deny all; } }
        location /keys/in      { ohttp_relay_keys llm; location = /keys/in/relay { ohttp_relay_pass llm; } }
        location = /relay     { ohttp_relay_pass llm; }
        location = /metrics   { ohttp_relay_status prometheus; }
        location = /status    { ohttp_relay_status json; }
    }
EOC
$t->write_file('nginx.conf', "worker_processes 2;\n" . $t->read_file('nginx.conf'));
system('openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 2>/dev/null'
    . " | openssl pkey -pubout -outform DER -out '" . $t->dir . "/none.spki'") == 0 or die "openssl failed\n";

$t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

# ---- one answer for everybody

my %heads;
for my $http (1, 2) {
    my $answer = get('/keys/llm', http => $http, headers => ['Accept-Encoding' => 'gzip', 'Origin' => 'https://chat.example',
        'Cookie' => 'a=b', 'Accept' => 'text/html', 'Range' => 'bytes=0-3', 'If-Modified-Since' => 'Thu, 01 Jan 2037 00:00:00 GMT']);
    is($answer->status, 200, "keys, HTTP/$http");
    is($answer->body, $keys{list}, 'byte by byte');
    is($answer->header('Content-Type'), 'application/ohttp-keys', 'with their type');
    is($answer->header('ETag'), '"' . sha256_hex($keys{list}) . '"', 'an ETag, the hash of the bytes');
    is($answer->header('Cache-Control'), 'public, max-age=3600', 'how long they are good');
    is($answer->header('Content-Length') // length $answer->body, length $keys{list}, 'and their length');
    is_deeply([sort map { lc } grep { !/^(?:Server|Connection)$/i } $answer->names],
        [qw/cache-control content-length content-type date etag/], 'and no other header');

    $answer = get('/keys/llm', http => $http, method => 'HEAD');
    is($answer->status . $answer->body, '200', 'HEAD has no body');
    is($answer->header('ETag'), '"' . sha256_hex($keys{list}) . '"', 'and the same ETag');

    for my $method (qw/POST PUT DELETE OPTIONS/) {
        my $answer = $t->post('/keys/llm', http => $http, method => $method);
        is($answer->says, '405 method_not_allowed', $method);
        is($answer->header('Allow'), 'GET, HEAD', 'Allow says what is');
    }
}

is(get('/keys/llm?x=' . $t->canary->word)->body, $keys{list}, 'a query changes nothing');
is(get('/keys/in')->status, 200, 'no credential is asked for');
is($t->post('/relay')->says, '401 credential_required', 'other than on a relay');
is($t->post('/keys/in/relay')->says, '401 credential_required', 'also inside');
is($t->post('/keys/not', method => 'DELETE')->says, '403 gateway_not_allowed', 'limit_except is a part of it');
is(get('/keys/not')->body, $keys{list}, 'and does not hide it');

# ---- If-None-Match

my $tag = sha256_hex($keys{list});
for my $known (qq/"$tag"/, qq{W/"$tag"}, qq/"x" , "$tag"/, qq/"a,b","$tag"/, '*') {
    for my $http (1, 2) {
        my $answer = get('/keys/llm', http => $http, headers => ['If-None-Match' => $known]);
        is($answer->status . $answer->body, '304', "who knows $known gets none, HTTP/$http");
        is($answer->header('ETag'), qq/"$tag"/, 'but the ETag');
        is($answer->header('Cache-Control'), 'public, max-age=3600', 'and how long they are good');
    }
}
is(get('/keys/llm', headers => ['If-None-Match' => $_])->body, $keys{list}, "who knows $_ gets them")
    for $tag, qq/"$tag/, qq/$tag"/, '"x"', qq/x "$tag"/, '""', qq/"\\"$tag"/, 'W/', '*, *';

# ---- forms

is(get('/keys/bare')->body, $keys{bare}, 'one bare key is published as it is');
is(get('/keys/rfc')->body, list($keys{bare}), 'or as a list');
is(get('/keys/rfc')->header('ETag'), '"' . sha256_hex(list($keys{bare})) . '"', 'with the hash of that');
is(get('/keys/json', headers => ['Accept-Encoding' => 'gzip'])->body, $json, 'JSON is published as it is');
is(get('/keys/json')->header('Content-Type'), 'application/json', 'with its type');
is(get('/keys/json')->header('Cache-Control'), 'public, max-age=300', 'as long as the configuration says');

# ---- by a name in the path, and by no other

is(get("/named/$_")->body, get("/keys/$_")->body, "by its name: $_") for qw/llm bare json/;
is(get('/named/llm', headers => ['If-None-Match' => qq/"$tag"/])->status, 304, 'with its ETag');
is(get("/named/$_")->says, '404 gateway_unknown', "nothing is published as $_") for qw/nobody mute/;
is(get('/named/by/llm', headers => ['X-Gateway' => 'llm'])->body, $keys{list}, 'a header may say what the path says');
is(get('/named/by/llm', headers => ['X-Gateway' => $_])->says, '404 gateway_unknown', "but not '$_'") for 'bare', 'll', '';

# ---- browsers

my $answer = get('/keys/web', headers => ['Origin' => 'https://chat.example']);
is($answer->header('Access-Control-Allow-Origin'), 'https://chat.example', 'a listed origin may read them');
is($answer->body, $keys{list}, 'and reads the same');
is(get('/keys/web', headers => ['Origin' => 'https://evil.example'])->header('Access-Control-Allow-Origin'), undef,
    'others may not');

# ---- changes

put('llm', $keys{two});
follows('/keys/llm', $keys{two}, 'a new key');
put('llm', $keys{pq});
follows('/keys/llm', $keys{pq}, 'keys after quantum computers, and of a KEM nobody knows');

for my $bad ('', 'x', '<html>', $keys{two} . 'x', substr($keys{two}, 0, -1), "\0" x 65536, 'x' x 70000) {
    my $lines = errors('llm');
    put('llm', $bad);
    $t->waitfor('the complaint', sub { errors('llm') > $lines });
    all('/keys/llm', $keys{pq}, 'the last good ones stay, not ' . substr($bad, 0, 10));
}
my $lines = errors('llm');
unlink $t->dir . '/llm.keys';
$t->waitfor('the complaint', sub { errors('llm') > $lines });
sleep 2.2;
is(errors('llm'), $lines + 1, 'with one line');
all('/keys/llm', $keys{pq}, 'also without a file');

ok(!eval { $t->reload; 1 }, 'a reload without it is refused');
all('/keys/llm', $keys{pq}, 'and changes nothing');
put('llm', $keys{pq});
$t->reload;
all('/keys/llm', $keys{pq}, 'nor does a reload with it');
put('llm', $keys{list});
follows('/keys/llm', $keys{list}, 'and it is watched again');

# ---- another key under the same id

my $other = list(bare(1, 'z'));
put('slow', $other);
$t->waitfor('the alarm', sub { crits() > 0 });
my $since = time;
all('/keys/slow', $keys{list}, 'a changed key: the old bytes stay published');
like($t->read_file('error.log'), qr/\[crit\] [^\n]*slow\.keys": the public key of key id 1 has changed/, 'there is an alarm');
is(errors('slow'), 0, 'which is all that the log says of it');

my ($age) = get('/keys/slow')->header('Cache-Control') =~ /^public, max-age=(\d+)$/;
cmp_ok($age, '<=', AGE, 'clients hear of what is left');
sleep 2.1;
my ($less) = get('/keys/slow')->header('Cache-Control') =~ /^public, max-age=(\d+)$/;
cmp_ok($less, '<', $age, 'which gets less');

$t->reload;
all('/keys/slow', $keys{list}, 'a reload keeps them too');
my ($left) = get('/keys/slow')->header('Cache-Control') =~ /^public, max-age=(\d+)$/;
cmp_ok($left, '<=', $less, 'and does not begin anew');

kill KILL => my @old = $t->workers;
$t->waitfor('new workers', sub { 2 == grep { my $pid = $_; !grep { $_ == $pid } @old } $t->workers });
$t->waitfor('an answer', sub { eval { get('/keys/slow')->status } });
all('/keys/slow', $keys{list}, 'a new worker as well') if time - $since < AGE - 1;
is(crits(), 1, 'one alarm, however often it is looked at');

follows('/keys/slow', $other, 'when the old bytes have lapsed, the new ones are published');
cmp_ok(time - $since, '>=', AGE - 1, 'not earlier');
is(get('/keys/slow')->header('Cache-Control'), 'public, max-age=' . AGE, 'for the whole time');

put('slow', list(bare(1, 'y')));
$t->waitfor('the second alarm', sub { crits() > 2 });
put('slow', $other);
sleep 2.2;
all('/keys/slow', $other, 'who puts the old key back, keeps it');
is(get('/keys/slow')->header('Cache-Control'), 'public, max-age=' . AGE, 'and the wait is over');

# A reload is no way around it, nor one that watches other files.

put('slow', list(bare(1, 'x')));
$t->write_file('nginx.conf', $t->read_file('nginx.conf') =~ s/(ohttp_relay_gateway) llm/$1 more { $gateway keys_file json.keys; }\n$&/r);
$t->reload;
all('/keys/slow', $other, 'a reload with another list of files keeps the old bytes');
put('slow', list(bare(1, 'z'), bare(9, 'n')));
follows('/keys/slow', list(bare(1, 'z'), bare(9, 'n')), 'and what has the old key is taken at once');

$t->waitfor('the figures', sub { get('/status')->json->{figures}{keys_conflicts} >= 3 }, 15);
my $figures = get('/status')->json->{figures};
is($figures->{keys_conflicts}, 3, 'conflicts are counted');
is($figures->{keys_files_in_conflict}, 0, 'none is left');
cmp_ok($figures->{keys_file_failures}, '>=', 8, 'and so is what was not taken over');
like(get('/metrics')->body, qr/^ohttp_relay_requests_total\{gateway="llm",result="keys"\} [1-9]/m, 'publications are results');
like(get('/metrics')->body, qr/^ohttp_relay_keys_conflicts_total 3$/m, 'Prometheus has them');

ok((grep { / keys 200 / } $t->log_lines), 'the log says that keys were published') or diag(join "\n", ($t->log_lines)[0 .. 3]);
$t->waive('alerts', 'workers were killed, a reload was refused, keys have changed',
    qr/exited on signal 9|llm\.keys"|slow\.keys"/);

# ---- what is wrong at the start

my $server = 'server { listen 127.0.0.1:8080; location = /k { ohttp_relay_keys g; } }';
my $block = "ohttp_relay_gateway g { $gateway";

put('bad', 'no keys');
for (
    ['a broken file', 'bad\.keys": it is neither', "$block keys_file bad.keys; } $server"],
    ['no file', 'none\.keys"', "$block keys_file none.keys; } $server"],
    ['JSON as a list', '"keys_format" is "list"', "$block keys_file json.keys; keys_format list; } $server"],
    ['an unknown format', 'keys_format|invalid value', "$block keys_file json.keys; keys_format der; } $server"],
    ['a format without keys', 'need "keys_file"', "$block keys_format list; } $server"],
    ['no keys to publish', 'has no "keys_file"', "$block } $server"],
    ['an age of nothing', 'keys_max_age', "$block keys_file json.keys; keys_max_age 0; } $server"],
    ['an age of two days', 'keys_max_age', "$block keys_file json.keys; keys_max_age 2d; } $server"],
    ['unknown_key without keys', 'need "keys_file"', "$block unknown_key 400; } $server"],
    ['unknown_key with JSON without an id', 'no "key_id"', "$block keys_file plain.keys; unknown_key 422; } $server"],
    ['another status', 'unknown_key|invalid value', "$block keys_file json.keys; unknown_key 404; } $server"],
    ['a gateway nobody knows', 'no gateway or pool "h"', "$block keys_file json.keys; } " . $server =~ s/keys g/keys h/r],
    ['a pool whose gateways have their own', 'gateway by gateway', "ohttp_relay_pool p { select header:X-Id; }"
        . " $block keys_file json.keys; pool p; selector a; } " . $server =~ s/keys g/keys p/r],
    ['a pool from which requests choose', 'gateway by gateway', "ohttp_relay_pool p { select header:X-Id; keys shared; }"
        . " $block keys_file json.keys; pool p; selector a; } " . $server =~ s/keys g/keys p/r],
    ['a pool without keys', 'pool "p" has no gateway with a "keys_file"', "ohttp_relay_pool p { keys shared; } $block pool p; } " . $server =~ s/keys g/keys p/r],
    ['keys and a relay', 'another content handler', "$block keys_file json.keys; } " . $server =~ s/keys g;/keys g; ohttp_relay_pass g;/r],
    ['a relay and keys', 'another content handler', "$block keys_file json.keys; } " . $server =~ s/ohttp_relay_keys/ohttp_relay_pass g; $&/r],
    ['keys and a proxy', 'another content handler', "$block keys_file json.keys; } " . $server =~ s/keys g;/keys g; proxy_pass http:\/\/127.0.0.1:8081;/r],
    ['keys twice', 'duplicate', "$block keys_file json.keys; } " . $server =~ s/keys g;/keys g; ohttp_relay_keys g;/r],
) {
    my ($name, $about, $inside) = @$_;
    put('plain', '{"a":1}');
    my ($code, $said) = $t->nginx_t($inside);
    isnt($code, 0, "$name is refused");
    like($said, qr/\[emerg\] [^\n]*(?:$about)/, 'with a line about it');
    is(scalar(() = $said =~ /\[emerg\]/g), 1, 'and no other');
}

$t->done;


# RFC 9458, section 3.1: X25519, two suites
sub bare { my ($id, $letter) = @_; return chr($id) . "\0\x20" . $letter x 32 . "\0\x08\0\1\0\1\0\1\0\3" }

sub list { return join '', map { pack('n', length) . $_ } @_ }

sub get { $t->post($_[0], method => 'GET', type => undef, body => undef, @_[1 .. $#_]) }

# never half a file
sub put {
    my ($name, $content) = @_;
    $t->write_file("$name.new", $content);
    chmod 0644, $t->dir . "/$name.new";
    rename $t->dir . "/$name.new", $t->dir . "/$name.keys" or die "rename: $!\n";
    $t->{written}{"$name.keys"} = 1;
    delete $t->{written}{"$name.new"};
}

sub errors { my ($name) = @_; return scalar(() = $t->read_file('error.log') =~ /\[error\] [^\n]*\b$name\.keys/g) }
sub crits { return scalar(() = $t->read_file('error.log') =~ /\[crit\] [^\n]*slow\.keys/g) }

# in each worker, as good as certainly
sub all {
    my ($target, $content, $name) = @_;
    my %got;
    $got{ get($target)->body }++ for 1 .. 20;
    ok(keys %got == 1 && $got{$content}, $name) or diag(map { unpack('H*', $_) . "\n" } keys %got);
}

sub follows {
    my ($target, $content, $name) = @_;
    $t->waitfor($name, sub { get($target)->body eq $content }, 20);
    sleep 1.2;
    all($target, $content, $name);
}
