#!/usr/bin/perl

# The peers that issue tokens and sign JWTs are what the other tests take them for.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw/sha256_hex/;
use JSON::PP;
use MIME::Base64 qw/decode_base64url encode_base64url/;
use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Forged;

my $t = Test::OhttpRelay->new->has(qw/access-peer openssl/);
my $access = $t->access;

# ---- an issuer key

my $key = $access->issuer_key('one');
my $spki = $t->read_file($key->{spki});

is(length $spki, 342, 'an issuer key has 342 bytes');
is(unpack('H*', substr $spki, 0, 21), '30820152303d06092a864886f70d01010a3030a00d',
    'and is of RSASSA-PSS');
is($key->{token_key_id}, sha256_hex($spki), 'its id is the digest of these bytes');
is(decode_base64url($key->{token_key}), $spki, 'it is given in base64url too');
is($key->{rsa_key_id}, sha256_hex($t->read_file($key->{rsa})), 'the same key as rsaEncryption has another id');

# ---- tokens

my @tokens = $access->tokens($key, issuer => 'issuer.example', origin => 'relay.example', count => 2);
push @tokens, $access->tokens($key, issuer => 'issuer.example', origin => 'relay.example',
    signer => 'library');

is(scalar @tokens, 3, 'as many tokens as were asked for');
is(length $_, 472, 'a token has 472 characters') for @tokens;
is(openssl_says($key, $_), 'Verified OK', 'openssl verifies a blindly signed token') for @tokens;

my %nonces = map { substr(decode_base64url($_), 2, 32) => 1 } @tokens;
is(keys %nonces, 3, 'each with a nonce of its own');
is(unpack('x34 H64', decode_base64url($tokens[0])),
    '651fff5ba1aa20249d010a9a9b872129b6bd87c2823da096249ff6e72f678824',
    'the digest is that of issuer and origin');
is(unpack('x66 H64', decode_base64url($tokens[0])), $key->{token_key_id}, 'and the key id that of the key');

my $nonce = 'a5' x 32;
my @same = map { $access->tokens($key, issuer => 'issuer.example', nonce => $nonce) } 1 .. 2;
isnt($same[0], $same[1], 'two tokens of one nonce');
is(unpack('x2 H64', decode_base64url($_)), $nonce, 'have that nonce') for @same;
is(openssl_says($key, $_), 'Verified OK', 'and are good') for @same;

my ($context) = $access->tokens($key, issuer => 'issuer.example', context => '42' x 32);
is(unpack('x34 H64', decode_base64url($context)),
    sha256_hex("\0\2\0\16issuer.example\40" . "\x42" x 32 . "\0\0"), 'a context is in the digest');

my @direct = $access->tokens($key, issuer => 'issuer.example', direct => 1, count => 20);
is(scalar(grep { openssl_says($key, $_) eq 'Verified OK' } @direct), 20, 'direct tokens are good as well');

my ($salt) = $access->tokens($key, issuer => 'issuer.example', salt => 0);
isnt(openssl_says($key, $salt), 'Verified OK', 'a token of salt 0 is not');

my $seen = $access->verify_token($key, $tokens[0]);
ok($seen->{library} && $seen->{openssl}, 'the library itself verifies a token');

my $bad = decode_base64url($tokens[0]) ^ "\0" x 100 . "\1";
$seen = $access->verify_token($key, encode_base64url($bad));
ok(!$seen->{library} && !$seen->{openssl}, 'and no changed one');

# ---- header fields

my $challenge = "\0\2\0\16issuer.example\0\0\15relay.example";
my $header = sprintf 'PrivateToken challenge="%s", token-key="%s", max-age="7200"',
    padded($challenge), padded($spki);

my @challenges = $access->challenges($header);
is(scalar @challenges, 1, 'a client finds the challenge');
is($challenges[0]{issuer_name}, 'issuer.example', 'with its issuer');
is("@{ $challenges[0]{origin_info} }", 'relay.example', 'and its origin');
is($challenges[0]{token_key_id}, $key->{token_key_id}, 'and its key');
is($challenges[0]{max_age}, 7200, 'and its age');
is($challenges[0]{challenge_digest}, sha256_hex($challenge), 'and its digest');

like($access->respond($key, $header), qr/^PrivateToken token=[\w-]{472}$/, 'it answers with a token');
my ($token) = $access->respond($key, $header, quoted => 1) =~ /^PrivateToken token="([\w-]{472})"$/;
is(openssl_says($key, $token), 'Verified OK', 'in quotes if it must be');
is(unpack('x34 H64', decode_base64url($token)), sha256_hex($challenge), 'for this challenge');
ok(!eval { $access->respond($access->issuer_key('two'), $header) }, 'but not with the key of another issuer');

# ---- a client of an issuer that is not here

my $request = $access->request($key->{token_key}, issuer => 'issuer.example');
is($request->{type}, 'application/private-token-request', 'a request has its type');
is(length $request->{body}, 259, 'and its length');
is(unpack('H*', substr $request->{body}, 0, 3), '0002' . substr($key->{token_key_id}, -2),
    'and names the key by its last byte');

($token) = $access->finish($request, blind_signature($key, substr $request->{body}, 3));
is(openssl_says($key, $token), 'Verified OK', 'what openssl signs blindly becomes a token');
ok(!eval { $access->finish($access->request($key->{token_key}, issuer => 'issuer.example'), "\1" x 256) },
    'what it did not sign does not');

$request = $access->request($key->{token_key}, issuer => 'issuer.example', count => 2, batch => 1);
is(length $request->{body}, 2 + 2 * 259, 'a batch of requests is one message');

my @answers = map { blind_signature($key, substr $request->{body}, 5 + 259 * $_, 256) } 0, 1;
my $items = "\1\0\2$answers[0]" . "\0";
@tokens = $access->finish($request, pack('n', 0x4000 | length $items) . $items);
is(openssl_says($key, $tokens[0]), 'Verified OK', 'of which one is signed');
ok(!$tokens[1], 'and one is not');

# ---- JWTs

my $keys = $access->jwks;
my $set = decode_json($t->read_file($keys->{jwks}));

is(join(' ', map { "$_->{kid}:$_->{alg}:$_->{use}" } @{ $set->{keys} }),
    'rs256-a:RS256:sig es256-a:ES256:sig ps256-a:PS256:sig eddsa-a:EdDSA:sig', 'a key set');
is(join(' ', map { grep { /^(?:d|p|q|k|dp|dq|qi)$/ } keys %$_ } @{ $set->{keys} }), '',
    'without anything private');

my %claims = (sub => 'someone-' . $t->canary->word, scope => 'relay');
for my $kid (map { $_->{kid} } @{ $set->{keys} }) {
    my $read = $access->verify_jwt($keys, $access->jwt($keys, kid => $kid, claims => \%claims));
    is($read->{claims}{sub}, $claims{sub}, "the library signs and reads with $kid");

    my $raw = $access->raw_jwt(keys => $keys, kid => $kid, sign => $read->{header}{alg},
        header => encode_json($read->{header}), payload => encode_json(\%claims));
    is($access->verify_jwt($keys, $raw)->{claims}{sub}, $claims{sub}, 'and so do we');
}

my $jwt = $access->jwt($keys, kid => 'rs256-a', alg => 'RS512', claims => \%claims);
my ($text, $signature) = $jwt =~ /^(.*)\.([^.]*)$/;
is(head_of($jwt)->{alg}, 'RS512', 'another algorithm than that of the key');
is(openssl_verifies($keys->{files}{'rs256-a'}{pem}, $text, decode_base64url($signature), '-sha512'),
    'Verified OK', 'is signed well');
ok(!eval { $access->verify_jwt($keys, $jwt) }, 'and refused by the library');

my $secret = $access->jwt($keys, kid => 'hs256-a', claims => \%claims);
is($access->verify_jwt({ jwks => $keys->{secrets} }, $secret)->{claims}{sub}, $claims{sub}, 'a secret');

my $public = $t->read_file($keys->{files}{'rs256-a'}{pem});
my $confused = $access->raw_jwt(header => '{"alg":"HS256","kid":"rs256-a"}', payload => '{"sub":"a","sub":"b"}',
    sign => 'HS256', with => $keys->{files}{'rs256-a'}{pem});
my ($signed, $mac) = $confused =~ /^(.*)\.([^.]*)$/;
is($mac, encode_base64url(Digest::SHA::hmac_sha256($signed, $public)), 'a public key as a secret');
is(decode_base64url(($signed =~ /\.(.*)/)[0]), '{"sub":"a","sub":"b"}', 'and claims byte for byte');

like($access->raw_jwt(header => '{"alg":"nOnE"}', payload => '{}'), qr/^[\w-]+\.[\w-]+\.$/, 'no signature at all');
ok(!eval { $access->verify_jwt($keys, $confused) }, 'the library refuses confusion');

# ---- what must be refused

my $others = $access->jwks;
my $exp = time + 600;
my %keys = (keys => $keys, other => $others, claims => { %claims, exp => $exp });
my @forged = forged_jwts($access, %keys);
my @taken = map { $_->[0] } grep { eval { $access->verify_jwt($keys, $_->[1]); 1 } } @forged;

# nothing is wrong with their signatures
my @lax = (
    'no kid among several keys', 'a kid that is no text', 'a strange type', 'algorithm twice',
    'kid twice', 'no exp', "exp $exp.5", "exp $exp.0", 'exp 99e9', 'exp 99999999999999999999',
    'exp 1e999', 'exp twice', 'exp twice, once escaped', 'iat to come',
    'claims after a byte order mark', 'claims with bytes that are no UTF-8',
    'claims as deep as they are long', 'no claims', 'padding',
    'the characters of plain base64', 'a last character with more bits', 'more than 8 KB',
);

my %seen = map { $_->[1] => 1 } @forged;
is(keys %seen, @forged, 'forged JWTs, no two alike: ' . @forged);
ok(eval { $access->verify_jwt($keys, Test::OhttpRelay::Forged::jwt($access, \%keys)) },
    'the library takes the one that they are made of');
is_deeply([sort @taken], [sort @lax], 'and of the others only those in which it is laxer than we are');

my $two = $access->issuer_key('two');
is(unpack('x66 H64', decode_base64url($access->tokens($two, issuer => 'issuer.example'))),
    $two->{token_key_id}, 'a key that is made again is another one');
@forged = forged_tokens($access, key => $key, other => $two, issuer => 'issuer.example');
%seen = map { $_->[1] => 1 } @forged;
is(keys %seen, @forged, 'forged tokens, no two alike: ' . @forged);
is(scalar(grep { $_->[1] eq '' || !eval { $access->verify_token($key, $_->[1])->{openssl} } } @forged), 16,
    'of which so many do not verify');

# ---- what a client sends may stand nowhere

my ($canary) = $access->tokens($key, issuer => 'issuer.example', direct => 1);
my $bytes = decode_base64url($canary);
$nonce = substr $bytes, 2, 32;

my %leaks = (
    'a whole token' => "x $canary x",
    'the first half of one' => substr($canary, 0, 100),
    'its end' => substr($canary, 100),
    'its nonce' => "\n$nonce\n",
    'its nonce in hex' => unpack('H*', $nonce),
    'its nonce in HEX' => uc unpack('H*', $nonce),
    'the hash of its nonce' => sha256_hex($nonce),
    'the hash of it' => sha256_hex($bytes),
    'a JWT' => $secret,
    'the claims of one' => (split /\./, $secret)[1],
    'the signature of one' => (split /\./, $secret)[2],
    'a subject' => "sub=$claims{sub};",
    'a subject in base64' => encode_base64url(qq/{"a":"$claims{sub}"}/),
);

for my $leak (sort keys %leaks) {
    my $file = $t->write_file('leak', "before\0$leaks{$leak}\0after");
    delete $t->{written}{leak};
    isnt(join(' ', $t->check_canary), '', "$leak in a file is found");
    unlink $file;
}

$t->write_file('access/kept', $canary);
delete $t->{written}{'access/kept'};
is(join(' ', $t->check_canary), '', 'what the peers keep for themselves is no leak');

my $pid = $access->{pid};
ok(kill(0, $pid), 'the peer runs as long as the test');
$t->end_peers;
ok(!kill(0, $pid), 'and no longer');

$t->done;


sub openssl_says {
    my ($key, $token) = @_;
    my $bytes = decode_base64url($token);
    return openssl_verifies($key->{pem}, substr($bytes, 0, 98), substr($bytes, 98), qw/-sha384
        -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:48/);
}

sub openssl_verifies {
    my ($pem, $signed, $signature, @how) = @_;

    my ($code, $printed) = Test::OhttpRelay::run_command(qw/openssl dgst/, @how,
        '-verify', $pem, '-signature', $t->write_file('access/signature', $signature),
        $t->write_file('access/signed', $signed));
    return $printed =~ s/\n.*//sr;
}

sub blind_signature {
    my ($key, $blinded) = @_;

    $t->write_file('access/blinded', $blinded);
    my ($code, $printed) = Test::OhttpRelay::run_command(qw/openssl pkeyutl -decrypt -pkeyopt
        rsa_padding_mode:none -inkey/, $key->{private_pem}, '-in', $t->dir . '/access/blinded',
        '-out', $t->dir . '/access/blindly');
    die $printed if $code;
    return $t->read_file('access/blindly');
}

sub padded {
    my ($bytes) = @_;
    my $text = encode_base64url($bytes);
    return $text . '=' x (-length($text) % 4);
}

sub head_of { decode_json(decode_base64url((split /\./, $_[0])[0])) }
