#!/usr/bin/perl

# What is wrong with token keys, the secret, the store in shared memory, and with what a
# location asks for, is refused in one line that says it and where it stands.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX qw/mkfifo/;
use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/access-peer openssl/);
my $key = $t->access->issuer_key('demo');
my $other = $t->access->issuer_key('other');

# ---- files

sub file {
    my ($name, $content, $mode) = @_;
    $t->write_file($name, $content);
    chmod $mode // 0644, $t->dir . "/$name" or die "chmod: $!\n";
}

sub openssl {
    my ($name, @command) = @_;
    my ($code, $said) = Test::OhttpRelay::run_command('openssl', @command, '-out', $t->dir . "/$name");
    $code == 0 or die "openssl @command: $said\n";
    $t->{written}{$name} = 1;
}

sub public {
    my ($name, @options) = @_;
    openssl("$name.private", 'genpkey', @options);
    openssl("$name.pem", 'pkey', '-in', $t->dir . "/$name.private", '-pubout');
}

public('small', -algorithm => 'RSA', -pkeyopt => 'rsa_keygen_bits:1024');
public('large', -algorithm => 'RSA', -pkeyopt => 'rsa_keygen_bits:3072');
public('three', -algorithm => 'RSA', -pkeyopt => 'rsa_keygen_bits:2048', -pkeyopt => 'rsa_keygen_pubexp:3');
public('curve', -algorithm => 'EC', -pkeyopt => 'ec_paramgen_curve:P-256');
public('edwards', -algorithm => 'ED25519');
public('sha256', -algorithm => 'RSA-PSS', -pkeyopt => 'rsa_keygen_bits:2048', -pkeyopt => 'rsa_pss_keygen_md:sha256',
    -pkeyopt => 'rsa_pss_keygen_mgf1_md:sha256', -pkeyopt => 'rsa_pss_keygen_saltlen:32');
public('huge', -algorithm => 'RSA', -pkeyopt => 'rsa_keygen_bits:4096');
openssl('certificate', 'req', '-x509', '-new', '-key', $t->dir . '/three.private', '-subj', '/CN=issuer');
chmod 0644, glob $t->dir . '/*.private';

my $der = $t->read_file($key->{spki});
file('longer', "$der\0");
file('shorter', substr $der, 0, -1);
file('changed', do { my $bad = $der; substr($bad, 5, 1) ^= "\1"; $bad });
file('even', do { my $bad = $der; substr($bad, 338, 1) ^= "\1"; $bad });
file('text', "this is no key\n");
file('nothing', '');
file('too_large', 'x' x 8193);
file('open', $der, 0666);
file('secret', 'x' x 32, 0600);
file('secret.short', 'x' x 31, 0600);
file('secret.long', 'x' x 4097, 0600);
file('secret.open', 'x' x 32, 0622);
file('secret.read', 'x' x 32, 0644);
file('state.open', '', 0666);
mkfifo($t->dir . '/pipe', 0600) or die "mkfifo: $!\n";
$t->{written}{pipe} = 1;

# ---- what is refused

my $issuer = 'issuer issuer.example;';
my $expires = 'expires 2099-01-01T00:00:00Z;';
my $rest = "$issuer $expires";
my $k = "key $key->{spki};";

# An http block with these blocks, and in the location this.

sub inside {
    my ($blocks, $location, $gateway) = @_;
    $location //= '';
    $gateway //= '';
    return "ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; $gateway }\n$blocks\n"
        . "server { listen 127.0.0.1:8080; location = /relay { ohttp_relay_pass llm; $location } }\n";
}

sub of_plan { return inside("ohttp_relay_token_key a { $_[0] }", 'ohttp_relay_auth token=a;') }
sub store { return inside("ohttp_relay_store $_[0];") }

my $pss = qr/"key" directive wants a public RSA key of 2048 bits/;
my $place = qr{ in \S+/tested\.conf:\d+$}m;

my @wrong = (
    # token keys: the key
    ['no key', of_plan($rest), qr/token key "a" has no "key"/],
    ['a key twice', of_plan("$k $k $rest"), qr/"key" directive is duplicate/],
    ['a key that is not there', of_plan("key missing; $rest"), qr{/missing" failed \(2: }],
    ['a folder for a key', of_plan("key .; $rest"), qr/must be a file that only its owner can write/],
    ['a pipe for a key', of_plan("key pipe; $rest"), qr{/pipe" must be a file}],
    ['a key that others can write', of_plan("key open; $rest"), qr{/open" must be a file that only its owner can write}],
    ['an empty file', of_plan("key nothing; $rest"), qr{/nothing" must have 1 to 8192 bytes}],
    ['a large file', of_plan("key too_large; $rest"), qr{/too_large" must have 1 to 8192 bytes}],
    ['some text', of_plan("key text; $rest"), qr/"key" directive holds neither DER nor PEM/],
    ['a private key', of_plan("key $key->{private_pem}; $rest"), qr/"key" directive holds something else than a public key/],
    ['a certificate', of_plan("key certificate; $rest"), qr/"key" directive holds something else than a public key/],
    ['1024 bits', of_plan("key small.pem; $rest"), $pss],
    ['3072 bits', of_plan("key large.pem; $rest"), $pss],
    ['4096 bits', of_plan("key huge.pem; $rest"), $pss],
    ['an exponent of 3', of_plan("key three.pem; $rest"), $pss],
    ['an EC key', of_plan("key curve.pem; $rest"), $pss],
    ['an Ed25519 key', of_plan("key edwards.pem; $rest"), $pss],
    ['PSS with SHA-256', of_plan("key sha256.pem; $rest"), $pss],
    ['a byte too many', of_plan("key longer; $rest"), $pss],
    ['a byte too few', of_plan("key shorter; $rest"), $pss],
    ['a head with one bit changed', of_plan("key changed; $rest"), $pss],
    ['an exponent with one bit changed', of_plan("key even; $rest"), qr/"key" directive (?:wants a modulus of 2048 bits and the exponent 65537|is no public key)/],

    # token keys: the challenge
    ['no issuer', of_plan("$k $expires"), qr/token key "a" has no "issuer"/],
    ['an issuer twice', of_plan("$k $issuer $rest"), qr/"issuer" directive is duplicate/],
    ['an issuer with a scheme', of_plan("$k issuer https://issuer.example; $expires"), qr/"issuer" directive wants a host/],
    ['an issuer with a path', of_plan("$k issuer issuer.example/a; $expires"), qr/"issuer" directive wants a host/],
    ['an empty issuer', of_plan("$k issuer ''; $expires"), qr/"issuer" directive wants a host/],
    ['two issuers', of_plan("$k issuer a.example,b.example; $expires"), qr/"issuer" directive wants a host/],
    ['an origin twice', of_plan("$k origin a.example; origin b.example; $rest"), qr/"origin" directive is duplicate/],
    ['an origin with a blank', of_plan("$k origin 'a.example, b.example'; $rest"), qr/"origin" directive wants hosts/],
    ['an origin that ends with a comma', of_plan("$k origin a.example,; $rest"), qr/"origin" directive wants hosts/],
    ['a long origin', of_plan("$k origin " . join(',', map { "host-$_.example" } 1 .. 90) . "; $rest"), qr/"origin" directive wants hosts.*1024/],
    ['a context twice', of_plan("$k context none; context none; $rest"), qr/"context" directive is duplicate/],
    ['a short context', of_plan("$k context @{[ 'ab' x 31 ]}; $rest"), qr/"context" directive wants "none"/],
    ['a context of other digits', of_plan("$k context @{[ 'xy' x 32 ]}; $rest"), qr/"context" directive wants "none"/],
    ['a short window', of_plan("$k context window=59s; $issuer"), qr/"context" directive wants a window from 1m to 366d/],
    ['a long window', of_plan("$k context window=367d; $issuer"), qr/"context" directive wants a window from 1m to 366d/],
    ['a window that is none', of_plan("$k context window=often; $issuer"), qr/"context" directive wants a window/],

    # token keys: the plan
    ['uses twice', of_plan("$k uses 2; uses 2; $rest"), qr/"uses" directive is duplicate/],
    ['no uses', of_plan("$k uses 0; $rest"), qr/"uses" directive wants a number from 1 to 1000000/],
    ['too many uses', of_plan("$k uses 1000001; $rest"), qr/"uses" directive wants a number from 1 to 1000000/],
    ['uses that are no number', of_plan("$k uses few; $rest"), qr/"uses" directive wants a number/],
    ['half a sentence', of_plan("$k uses 5 per; $rest"), qr/"uses" directive takes a number/],
    ['another word', of_plan("$k uses 5 in 10s; $rest"), qr/"uses" directive takes a number/],
    ['per no time', of_plan("$k uses 5 per 0; $rest"), qr/"uses" directive wants a time/],
    ['per for one use', of_plan("$k uses 1 per 10s; $rest"), qr/token key "a" works once/],
    ['a rate for one use', of_plan("$k rate 1r/s; $rest"), qr/token key "a" works once/],
    ['a rate without a unit', of_plan("$k uses 5; rate 5; $rest"), qr/"rate" directive wants a rate/],
    ['a rate of nothing', of_plan("$k uses 5; rate 0r/s; $rest"), qr/"rate" directive wants a rate/],
    ['a burst of nothing', of_plan("$k uses 5; rate 1r/s burst=0; $rest"), qr/"rate" directive wants a burst from 1 to 1000000/],
    ['something for a burst', of_plan("$k uses 5; rate 1r/s nodelay; $rest"), qr/"rate" directive takes "burst="/],
    ['expires twice', of_plan("$k $expires $rest"), qr/"expires" directive is duplicate/],
    (map { ["expires $_", of_plan("$k $issuer expires '$_';"), qr/"expires" directive wants a time as in 2027-01-01T00:00:00Z/] }
        '2099-02-30T00:00:00Z', '2099-13-01T00:00:00Z', '2099-00-01T00:00:00Z', '2099-01-00T00:00:00Z',
        '2099-01-01T24:00:00Z', '2099-01-01T00:60:00Z', '2099-01-01T00:00:60Z', '2099-01-01', '2099-01-01T00:00:00',
        '2099-01-01 00:00:00Z', '2099-01-01T00:00:00+00:00', '4070908800', '1970-01-01T00:00:00Z'),
    ['gateways twice', of_plan("$k gateways llm; gateways llm; $rest"), qr/"gateways" directive is duplicate/],
    ['a gateway twice', of_plan("$k gateways llm llm; $rest"), qr/"gateways" directive names a gateway twice/],
    ['an unknown gateway', of_plan("$k gateways llm nobody; $rest"), qr/"a" is good for gateway "nobody", which is not registered,/],
    ['an unknown word', of_plan("$k url http://a.example/; $rest"), qr/unknown directive "url"/],
    ['too many words', of_plan("key a b; $rest"), qr/invalid number of arguments in "key" directive/],

    # several
    ['a name twice', inside("ohttp_relay_token_key a { $k $rest } ohttp_relay_token_key a { key $other->{spki}; $rest }"), qr/duplicate token key "a"/],
    ['a plan twice', inside("ohttp_relay_token_key a { $k $rest } ohttp_relay_token_key b { key $key->{rsa_pem}; uses 5; $rest }"),
        qr/token key "b" has the key and the challenge of "a"/],
    ['a name that is none', inside("ohttp_relay_token_key a/b { $k $rest }"), qr/invalid name "a\/b"/],
    ['no name', inside("ohttp_relay_token_key { $k $rest }"), qr/invalid number of arguments in "ohttp_relay_token_key"/],

    # what a location asks for
    ['an unknown token key', inside('', 'ohttp_relay_auth token=b;'), qr/ohttp_relay_auth names "token=b", which is not configured,/],
    ['an unknown JWT issuer', inside("ohttp_relay_token_key a { $k $rest }", 'ohttp_relay_auth token=a jwt=a;'), qr/ohttp_relay_auth names "jwt=a", which is not configured,/],
    ['a token of no name', inside('', 'ohttp_relay_auth token=;'), qr/ohttp_relay_auth names "token=", which is not configured,/],
    ['off and more', inside("ohttp_relay_token_key a { $k $rest }", 'ohttp_relay_auth off token=a;'), qr/"ohttp_relay_auth" directive takes "off", or/],
    ['on', inside('', 'ohttp_relay_auth on;'), qr/"ohttp_relay_auth" directive takes "off", or/],
    ['auth twice', inside('', 'ohttp_relay_auth off; ohttp_relay_auth off;'), qr/"ohttp_relay_auth" directive is duplicate/],
    ['auth of nothing', inside('', 'ohttp_relay_auth;'), qr/invalid number of arguments in "ohttp_relay_auth"/],
    ['one name twice', inside("ohttp_relay_token_key a { $k $rest }", 'ohttp_relay_auth token=a token=a;'), qr/"ohttp_relay_auth" directive names "token=a" twice/],

    # replay_window
    (map { ["a replay window of $_", inside('', '', "replay_window $_;"), qr/"replay_window" directive wants "off" or a time from 1s to 1d/] }
        '0', '2d', 'long', '-1s', '86401s', 'on'),
    ['a replay window twice', inside('', '', 'replay_window off; replay_window 5s;'), qr/"replay_window" directive is duplicate/],

    # the secret
    ['a short secret', inside('ohttp_relay_secret secret.short;'), qr{/secret\.short" must have 32 to 4096 bytes}],
    ['a long secret', inside('ohttp_relay_secret secret.long;'), qr{/secret\.long" must have 32 to 4096 bytes}],
    ['no such secret', inside('ohttp_relay_secret missing;'), qr{/missing" failed \(2: }],
    ['a secret that others can write', inside('ohttp_relay_secret secret.open;'), qr{/secret\.open" must be a file that only its owner can write}],
    ['a pipe for a secret', inside('ohttp_relay_secret pipe;'), qr{/pipe" must be a file}],
    ['a secret twice', inside('ohttp_relay_secret secret; ohttp_relay_secret secret;'), qr/"ohttp_relay_secret" directive is duplicate/],
    ['a secret in a location', inside('', 'ohttp_relay_secret secret;'), qr/"ohttp_relay_secret" directive is not allowed here/],

    # the store
    ['an unknown store', store('memory'), qr/unknown kind of store "memory"/],
    ['no store', store(''), qr/invalid number of arguments in "ohttp_relay_store"/],
    ['two stores', inside('ohttp_relay_store shm; ohttp_relay_store shm;'), qr/"ohttp_relay_store" directive is duplicate/],
    ['a small size', store('shm size=1023k'), qr/"size=1023k" is too small, 1m is the least/],
    ['a size that is none', store('shm size=much'), qr/"size=much" is no size/],
    ['no size', store('shm size='), qr/"size=" is /],
    ['a size twice', store('shm size=2m size=2m'), qr/"size=2m" is a duplicate/],
    ['no state file', store('shm state='), qr/"state=" names no file/],
    ['a folder', store('shm state=%%TESTDIR%%/'), qr/state=\S+" names no file/],
    ['a folder without its slash', store('shm state=%%TESTDIR%%'), qr/state file "\S+" is not a regular file/],
    ['a folder that is not there', store('shm state=%%TESTDIR%%/missing/state'), qr/state file "\S+" cannot be written in its folder/],
    ['a pipe', store('shm state=%%TESTDIR%%/pipe'), qr/state file "\S+" is not a regular file/],
    ['a state file that others can write', store('shm state=%%TESTDIR%%/state.open'), qr/state file "\S+" can be written by others/],
    ['a state file twice', store('shm state=%%TESTDIR%%/a state=%%TESTDIR%%/b'), qr/"state=\S+" is a duplicate/],
    ['a policy that is none', store('shm on_data_loss=maybe'), qr/"on_data_loss=maybe" is neither "closed" nor "accept"/],
    ['a policy twice', store('shm on_data_loss=accept on_data_loss=accept'), qr/"on_data_loss=accept" is a duplicate/],
    ['an unknown parameter', store('shm timeout=50ms'), qr/"timeout=50ms" is none of size=, state= and on_data_loss=/],
    ['a store in a server', inside('', 'ohttp_relay_store shm;'), qr/"ohttp_relay_store" directive is not allowed here/],
);

for (@wrong) {
    my ($name, $inside, $line) = @$_;
    my ($code, $said) = within_seconds($inside);
    my @lines = grep { /\[(?:emerg|alert|crit)\]/ } split /\n/, $said;
    ok($code == 1 && @lines == 1 && $lines[0] =~ $line && $lines[0] =~ $place, "$name is refused") or diag("$code\n$said");
}

# What would wait for ever is a failure of its own.

sub within_seconds {
    my ($inside) = @_;
    my $conf = $t->write_file_expand('tested.conf', Test::OhttpRelay::in_http($inside));
    my @answer = Test::OhttpRelay::run_command('timeout', 10, $t->{nginx}, '-t', '-p', $t->dir . '/', '-c', $conf,
        '-e', $t->dir . '/tested.log');
    unlink $t->dir . '/tested.log';
    return @answer;
}

# ---- what is warned about, and what is right

my %fine = (
    'an expiry that is past' => [of_plan("$k $issuer expires 2020-01-01T00:00:00Z;"), qr/\[warn\] the tokens of token key "a" have expired$place/m],
    'no expiry' => [of_plan("$k $issuer"), qr/\[warn\] token key "a" never expires: what is spent has to be remembered for ever$place/m],
    'a secret that others can read' => [inside('ohttp_relay_secret secret.read;'), qr{\[warn\] "\S+/secret\.read" is a secret that others can read$place}m],
);

for my $name (sort keys %fine) {
    my ($inside, $line) = @{ $fine{$name} };
    my ($code, $said) = within_seconds($inside);
    ok($code == 0 && $said =~ $line, "$name is warned about") or diag($said);
}

my @right = (
    ['a key in DER', of_plan("$k $rest")],
    ['a key in PEM', of_plan("key $key->{pem}; $rest")],
    ['rsaEncryption in DER', of_plan("key $key->{rsa}; $rest")],
    ['rsaEncryption in PEM', of_plan("key $key->{rsa_pem}; $rest")],
    ['windows without an expiry', of_plan("$k $issuer context window=1m;")],
    ['all there is', of_plan("$k $rest origin a.example,b.example:8443; context @{[ 'aB' x 32 ]}; uses 50 per 10m; rate 5r/s burst=10; gateways llm;")],
    ['one key in two plans', inside("ohttp_relay_token_key a { $k $rest } ohttp_relay_token_key b { $k $rest origin b.example; }")],
    ['a leap day', of_plan("$k $issuer expires 2096-02-29T23:59:59Z;")],
    ['a store', store('shm size=1m state=%%TESTDIR%%/spent on_data_loss=accept')],
    ['a secret', inside('ohttp_relay_secret secret; ohttp_relay_store shm;')],
    ['a replay window', inside('', '', 'replay_window 1d;')],
);

for (@right) {
    my ($name, $inside) = @$_;
    my ($code, $said) = within_seconds($inside);
    my @lines = grep { /\[\w+\]/ && !/ohttp_relay_auth is off|without TLS|TLS/ } split /\n/, $said;
    ok($code == 0 && !@lines, "$name is taken") or diag($said);
}

ok(!-e $t->dir . '/spent', 'and no file is made');

# ---- the id of a key is that of its RSASSA-PSS form, whatever was given

# A plan of the same key that has ended does not take it along.

$t->http(inside("ohttp_relay_token_key old { $k $issuer origin old.example; expires 2020-01-01T00:00:00Z; }
    ohttp_relay_token_key a { key $key->{rsa_pem}; $rest }", 'ohttp_relay_auth token=a token=old;'));
my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;
my ($challenge) = $t->access->challenges($t->post('/relay')->header('WWW-Authenticate'));
my ($token) = $t->access->tokens($key, issuer => 'issuer.example', direct => 1);
is($t->post('/relay', headers => [Authorization => "PrivateToken token=$token"])->says, '200', 'a key as rsaEncryption is converted');
($token) = $t->access->tokens($key, issuer => 'issuer.example', origin => 'old.example', direct => 1);
is($t->post('/relay', headers => [Authorization => "PrivateToken token=$token"])->says, '401 credential_expired', 'a plan that has ended');
unlike($t->read_file('error.log'), qr/\[crit\]/, 'is no matter for the store');

$t->done;
