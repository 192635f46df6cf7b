#!/usr/bin/perl

# A JWT of a trusted issuer lets requests in, for as long as it and its key are good.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Forged;

my $t = Test::OhttpRelay->new->has(qw/access-peer http2/);
my $access = $t->access;

my $keys = $access->jwks;
my $other = $access->jwks;
my $token_key = $access->issuer_key('demo');
my $file = $t->write_file('jwks.json', $t->read_file($keys->{jwks}));
my $secret = $t->write_file('hs256.key', 'k' x 48);

$t->http(<<"EOC");
    ohttp_relay_gateway llm  { url http://127.0.0.1:8081/gateway; insecure on; }
    ohttp_relay_gateway fine { url http://127.0.0.1:8081/gateway; insecure on; }

    ohttp_relay_jwt_issuer accounts {
        jwks     $file;
        iss      https://accounts.example;
        aud      relay;
        scope    ohttp;
        leeway   5s;
        gateways llm;
    }

    ohttp_relay_jwt_issuer slow {
        jwks     $other->{jwks};
        iss      https://slow.example;
        rate     1r/h burst=3;
    }

    ohttp_relay_jwt_issuer same {
        jwks     $file;
        iss      https://accounts.example;
        aud      elsewhere;
    }

    ohttp_relay_jwt_issuer shared {
        secret_file $secret;
        iss         https://accounts.example;
    }

    ohttp_relay_token_key other {
        key      $token_key->{spki};
        issuer   other.example;
        expires  2099-01-01T00:00:00Z;
        gateways llm;
    }

    ohttp_relay_token_key demo {
        key      $token_key->{spki};
        issuer   issuer.example;
        expires  2099-01-01T00:00:00Z;
    }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        location = /jwt    { ohttp_relay_pass llm; ohttp_relay_auth jwt=accounts; }
        location = /fine   { ohttp_relay_pass fine; ohttp_relay_auth jwt=accounts; }
        location = /slow   { ohttp_relay_pass llm; ohttp_relay_auth jwt=slow; }
        location = /same   { ohttp_relay_pass llm; ohttp_relay_auth jwt=same; }
        location = /shared { ohttp_relay_pass llm; ohttp_relay_auth jwt=shared; }
        location = /both   { ohttp_relay_pass llm; ohttp_relay_auth token=demo jwt=accounts jwt=slow; }
        location = /beside { ohttp_relay_pass fine; ohttp_relay_auth token=demo token=other jwt=accounts; }
    }
EOC

$t->write_file('nginx.conf', "worker_processes 2;\n" . $t->read_file('nginx.conf'));

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

my %good = (iss => 'https://accounts.example', aud => 'relay', scope => 'a ohttp b', sub => 'somebody@people.example');

sub claims { return { %good, exp => time + 600, @_ } }
sub jwt { my ($kid, @claims) = @_; return $access->jwt($keys, kid => $kid, claims => claims(@claims)) }
sub with { return (headers => [Authorization => "Bearer $_[0]"]) }
sub says { my ($path, $jwt, @opt) = @_; return $t->post($path, with($jwt), @opt)->says }

# ---- good ones

for my $kid (qw/rs256-a es256-a ps256-a eddsa-a/) {
    my $jwt = jwt($kid);
    is(says('/jwt', $jwt), '200', "$kid");
    is(says('/jwt', $jwt), '200', "$kid again");
    is(says('/jwt', $jwt, http => 2), '200', "$kid over HTTP/2");
    is(says('/same', $jwt), '401 credential_invalid', "$kid is no good for another block");
    is(says('/fine', $jwt), '403 gateway_not_allowed', "$kid is no good for another gateway");
}

my %forms = (
    'an audience among others' => [aud => ['x', 'relay']],
    'a scope in a list' => [scope => undef, scp => ['ohttp', 'x']],
    'a time within the leeway' => [exp => time - 2],
    'times in the past' => [nbf => time - 10, iat => time - 10],
);

for my $what (sort keys %forms) {
    my %claims = %{ claims(@{ $forms{$what} }) };
    delete $claims{$_} for grep { !defined $claims{$_} } keys %claims;
    is(says('/jwt', $access->jwt($keys, kid => 'rs256-a', claims => \%claims)), '200', $what);
}

for my $typ ('at+jwt', 'AT+JWT', 'JWT', 'application/at+jwt') {
    is(says('/jwt', $access->jwt($keys, kid => 'es256-a', claims => claims(), header => { typ => $typ })),
        '200', "typ $typ");
}

is($t->post('/jwt', headers => [Authorization => undef, 'Proxy-Authorization' => 'bearer ' . jwt('rs256-a')])->says, '200',
    'in Proxy-Authorization');

# ---- and others

my %wrong = (
    'another issuer' => [iss => 'https://evil.example'],
    'another audience' => [aud => 'relays'],
    'no audience' => [aud => undef],
    'another scope' => [scope => 'ohttps'],
    'not yet' => [nbf => time + 600],
    'made in the future' => [iat => time + 600],
);

for my $what (sort keys %wrong) {
    my %claims = %{ claims(@{ $wrong{$what} }) };
    delete $claims{$_} for grep { !defined $claims{$_} } keys %claims;
    is(says('/jwt', $access->jwt($keys, kid => 'rs256-a', claims => \%claims)),
        '401 credential_invalid', $what);
}

is(says('/jwt', jwt('rs256-a', exp => time - 60)), '401 credential_expired', 'an expired one says so');

my $refused = $t->post('/jwt', headers => [Authorization => undef]);
is($refused->says, '401 credential_required', 'without a JWT there is a refusal');
like($refused->header('WWW-Authenticate'), qr/^Bearer\b/, 'that asks for one');

for (forged_jwts($access, keys => $keys, other => $other, claims => claims())) {
    my ($name, $jwt) = @$_;
    like(says('/jwt', $jwt), qr/^(?:401 credential_(?:invalid|expired)|4(?:00|31) malformed_request)$/, "forged: $name");
}

is($t->post('/jwt', headers => [Authorization => 'Bearer ' . jwt('rs256-a'),
    'Proxy-Authorization' => 'Bearer ' . jwt('rs256-a')])->says, '400 malformed_request', 'two are refused');

my $shared = $access->raw_jwt(header => '{"alg":"HS256"}',
    payload => '{"iss":"https://accounts.example","exp":' . (time + 600) . '}', sign => 'HS256', with => $secret);
is(says('/shared', $shared), '200', 'HS256 with the key that is configured as such');
like(says('/jwt', $shared), qr/^401 /, 'is nothing elsewhere');
like(says('/shared', jwt('rs256-a')), qr/^401 /, 'and takes nothing else');

# ---- rates

sub slow { $access->jwt($other, kid => 'rs256-b', claims => { iss => 'https://slow.example', exp => time + 600, sub => $_[0] }) }

my @subjects = map { "subject-$_-of-this-test" } 1, 2;
my %says;
$says{ says('/slow', slow($subjects[0])) }++ for 1 .. 5;
is_deeply(\%says, { '200' => 3, '429 rate_limited' => 2 }, 'a subject has a rate, whatever its JWTs are');
is(says('/slow', slow($subjects[1])), '200', 'and another one its own');
like($t->post('/slow', with(slow($subjects[0])))->header('Retry-After'), qr/^(?:3[0-9]{3}|[1-9][0-9]{2,3})$/, 'it says when');

# ---- no token is spent beside a JWT

my ($token) = $access->tokens($token_key, direct => 1, issuer => 'issuer.example');
my $both = sub { (headers => [Authorization => "Bearer $_[0]", 'Proxy-Authorization' => "PrivateToken token=$token"]) };
is($t->post('/both', $both->(jwt('rs256-a')))->says, '200', 'a JWT and a token') for 1, 2;
is($t->post('/both', $both->(slow($subjects[0])))->says, '429 rate_limited', 'a JWT over its rate and a token');
is($t->post('/both', $both->(jwt('rs256-a', aud => 'x')))->says, '200', 'a JWT that is no good and a token');
is($t->post('/both', $both->(jwt('rs256-a', aud => 'x')))->says, '401 token_spent', 'which is spent only then');

# ---- a JWT that is good, but not for this gateway, beside a token

($token) = $access->tokens($token_key, direct => 1, issuer => 'other.example');
is($t->post('/beside', $both->(jwt('rs256-a')))->says, '403 gateway_not_allowed', 'a token for another gateway, too');
($token) = $access->tokens($token_key, direct => 1, issuer => 'issuer.example');
is($t->post('/beside', $both->(jwt('rs256-a')))->says, '200', 'one that is good for it');
is($t->post('/beside', $both->(jwt('rs256-a')))->says, '401 token_spent', 'and is spent');

# ---- keys that change

my $before = jwt('rs256-a');
is(says('/jwt', $before), '200', 'before a change of keys');

sub replace { my ($content) = @_; rename $t->write_file('new.json', $content), $file or die "rename: $!\n" }

my $errors = sub { scalar(my @lines = $t->read_file('error.log') =~ /\[error\].*\Q$file\E/g) };

replace('{"keys":');
$t->waitfor('a complaint', sub { $errors->() });
is(says('/jwt', $before), '200', 'a broken file changes nothing');
is(says('/jwt', jwt('es256-a')), '200', 'not even for JWTs that are new');

replace($t->read_file($other->{jwks}));
$t->waitfor('the other keys', sub { says('/jwt', $before) ne '200' });
# in the other worker, which looks once a second
sleep 2;
$t->waitfor('the other keys everywhere', sub { !grep { says('/jwt', $before) eq '200' } 1 .. 10 });
is(says('/jwt', $before), '401 credential_invalid', 'a JWT that was good is not with other keys');
is(says('/jwt', $access->jwt($other, kid => 'rs256-b', claims => claims())), '200', 'and those are good') for 1 .. 4;
is($errors->(), 2, 'a broken file is one line for each block that reads it');

$t->reload;
is(says('/jwt', $before), '401 credential_invalid', 'after a reload as well');

$t->done;
