#!/usr/bin/perl

# The ways to a Redis: TLS with a verified name, a user with the least rights, a socket of a
# file, another database; and relays that share uses and rates in it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Spending;
use Test::OhttpRelay::Tls;

my $t = Test::OhttpRelay->new->has(qw/access-peer redis openssl ssl/);
my $spending = Test::OhttpRelay::Spending->new($t);
my $access = $t->access;

# As docs/tokens.md gives them to the relay's user.

my ($documented) = $t->read_file($t->root . '/docs/tokens.md') =~ /^ACL SETUSER relay on >password (.+?)^```/ms;
my ($rights) = $documented =~ s/\s+/ /gr =~ /^(.+?)\s*$/;
like($rights, qr/^~ohr:\* resetchannels -\@all \+/, "the documented rights: $rights");

my $redis = $t->redis(tls => 1, unix => 1, monitor => 1, acl => "user relay on >s3cret $rights\nuser blind on >s3cret ~ohr:* -\@all +set +get +incr +time\n");
my $plain = $t->redis(port => 8380, password => 'other');

my ($good, $wrong, $other) = map { $t->write_file("password.$_->[0]", $_->[1]) }
    ['good', "s3cret\n"], ['wrong', "secret\n"], ['other', "other\r\nnot this\n"];
certificate($t, 'other-ca');

my $ca = 'trusted_certificate=' . $t->dir . '/redis-ca.crt';
my $login = "password_file=$good";
my $url = 'redis rediss://relay@127.0.0.1:8379/1';

my $keys = $access->jwks;
my $jwt = $access->jwt($keys, kid => 'es256-a', claims => { iss => 'https://accounts.example', sub => 'someone-or-other', exp => time + 600 });
my %jwt = (
    more => "ohttp_relay_jwt_issuer accounts { jwks $keys->{jwks}; iss https://accounts.example; rate 1r/h burst=4; }",
    more_server => 'location = /jwt { ohttp_relay_pass llm; ohttp_relay_auth jwt=accounts; }'
        . ' location = /lost { ohttp_relay_pass gone; ohttp_relay_auth jwt=accounts; }',
);

$spending->run("$url $ca $login timeout=1s", %jwt);
$spending->beside(8082, 'redis unix:' . $redis->unix . " user=relay $login db=1 timeout=1s", state => '', %jwt);

# ---- TLS

my $token = $spending->token;
is($spending->spend($token), '200', 'over TLS, as a user with a password');
is($spending->spend($token), '401 token_spent', 'a token is spent once');
is($redis->command('DBSIZE'), 0, 'not in the database 0');
my $look = $redis->connect;
$look->ask('SELECT', 1);
ok($look->ask('EXISTS', Test::OhttpRelay::Spending::redis_key($spending->key_of_token($token))), 'but in that of the address');

my @refused = (
    ['another authority', "$url trusted_certificate=%%TESTDIR%%/other-ca.crt $login", qr/fails in the TLS handshake/],
    ['the system authorities', "$url $login", qr/fails in the TLS handshake/],
    ['another name', "$url $ca ssl_name=other.example $login", qr/fails in the TLS handshake/],
    ['a server without TLS', 'redis rediss://127.0.0.1:8380', qr/does not answer in time|fails in the TLS handshake/],
    ['no TLS', 'redis redis://relay@127.0.0.1:8379 ' . $login, qr/does not speak the protocol|has closed the connection/],
    ['a wrong password', $url =~ s/relay/relay/r . " $ca password_file=$wrong", qr/\[crit\].*refuses the user, the password/],
    ['no such user', $url =~ s/relay@/nobody@/r . " $ca $login", qr/\[crit\].*refuses the user, the password/],
    ['no password', "redis rediss://127.0.0.1:8379 $ca", qr/\[crit\].*wants a user or a password/],
    ['a user who may not look', $url =~ s{relay@(.*)/1}{blind\@$1}r . " $ca $login", qr/\[crit\].*does not let this user run INFO/],
    ['a user who may not select', $url =~ s{relay@}{blind\@}r . " $ca $login", qr/\[crit\].*refuses the user, the password or the database/],
);

my $port = 8083;
for (@refused) {
    my ($what, $store, $told) = @$_;
    $spending->beside(++$port, "$store timeout=300ms", state => '');
    $t->waitfor("it to be told of $what", sub { $spending->log($port) =~ $told });
    is($spending->spend($spending->token, port => $port), '503 store_unavailable', $what);
    is(scalar(my @lines = $spending->log($port) =~ /$told/g), 1, 'is told once');
    $spending->end($port);
}

$spending->beside(++$port, 'redis rediss://relay@localhost:' . $redis->port . "/1 $ca $login timeout=1s");
is($spending->spend($token, port => $port), '401 token_spent', 'the name of a host');
$spending->end($port);
$spending->beside(++$port, "$url ssl_name=localhost $ca $login timeout=1s");
is($spending->spend($token, port => $port), '401 token_spent', 'or another name that is the right one');
$spending->end($port);
$spending->beside(++$port, "redis redis://127.0.0.1:8380 password_file=$other prefix=my-relays timeout=1s");
is($spending->spend($token, port => $port), '200', 'another server has another memory');
is(scalar(grep { !/^my-relays:/ } @{ $plain->command('KEYS', '*') }), 0, 'and keys with the prefix');
$spending->end($port);

# ---- a socket of a file, and a relay beside the first

$spending->wait_state('ok', 8082);
is($spending->spend($token, port => 8082), '401 token_spent', 'by the socket of a file');
$token = $spending->token;
is($spending->spend($token, port => 8082), '200', 'a token');
is($spending->spend($token), '401 token_spent', 'is known to the other relay');

my $uses = $spending->token(origin => 'uses.example');
is($spending->spend($uses, to => '/unused'), '502 gateway_error', 'a use is given back');
my @says = map { $spending->spend($uses, to => '/uses', port => $_ % 2 ? 8080 : 8082) } 1 .. 4;
is("@says", '200 200 200 401 token_spent', 'three uses are three, at both');

sub bearer { my ($to, $at) = @_; return $t->post($to, headers => [Authorization => "Bearer $jwt"], port => $at) }

@says = map { bearer('/jwt', $_ % 2 ? 8080 : 8082)->says } 1 .. 3;
is(bearer('/lost', 8080)->says, '502 gateway_error', 'a rate is given back as well');
push @says, map { bearer('/jwt', $_ % 2 ? 8080 : 8082)->says } 4 .. 6;
is("@says", '200 200 200 200 429 rate_limited 429 rate_limited', 'a subject has one rate at both');
my $wait = bearer('/jwt', 8082)->header('Retry-After');
ok($wait > 3000 && $wait <= 3600, "which says when: in $wait s");
is($spending->spend($spending->token, to => '/gone'), '502 gateway_error', 'a token is given back');

# ---- the rights

my @named = map { uc s/^\+//r } grep { /^\+/ } split / /, $rights;
my %used = map {
    my @words = @{ $_->{words} };
    uc($words[0]) . ($words[0] =~ /^(?:SCRIPT|CLUSTER)$/i ? '|' . uc $words[1] : '') => 1
} grep { $_->{words}[0] !~ /^AUTH$/i } $redis->commands;
my @cluster = ('CLUSTER|SLOTS', 'ASKING');
is(join(' ', sort keys %used), join(' ', sort grep { my $right = $_; !grep { $_ eq $right } @cluster } @named),
    'the documented rights are those that are used');
is_deeply([sort grep { my $right = $_; grep { $_ eq $right } @cluster } @named], [sort @cluster], 'with those of a cluster');

# A right that is taken away is told, and nothing is let in; all is well when it is back.

$redis->set_acl("user relay on >s3cret $rights -set\n");
is($spending->spend($spending->token), '503 store_unavailable', 'without a right nothing is let in') for 1 .. 2;
is(scalar(grep { /command: NOPERM|does not let this user run SET/ } $spending->crit), 1, 'one line tells of it');
$redis->set_acl("user relay on >s3cret $rights\n");
$spending->kick($redis);
$spending->wait_state('ok');
is($spending->spend($spending->token), '200', 'with it all is well');

$spending->done;
