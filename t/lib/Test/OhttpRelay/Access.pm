package Test::OhttpRelay::Access;

# The issuer, the clients and the identity provider of a test: tokens and JWTs by libraries
# that others maintain, through one process of t/peers/access-peer. It starts with the first
# question and ends with the test; its files stand in the folder access.
#
#     my $key = $t->access->issuer_key('issuer');      # $key->{spki}, {token_key_id}, ...
#     my ($token) = $t->access->tokens($key, issuer => 'issuer.example');
#     my $keys = $t->access->jwks;                     # $keys->{jwks} is the file
#     my $jwt = $t->access->jwt($keys, kid => 'rs256-a', claims => { sub => 'someone@example' });
#
# What a client would send is planted at once, in all forms: see Test::OhttpRelay::Canary.

use strict;
use warnings;

use IO::Select;
use JSON::PP;
use MIME::Base64 ();

use Test::OhttpRelay::Canary;

my $json = JSON::PP->new->utf8->canonical->allow_nonref->max_depth(10_000);

# Claims that name a person.
my @personal = qw/sub email jti/;

sub new {
    my ($class, $t) = @_;

    my $self = bless { t => $t, folder => $t->dir . '/access', in => '', sets => 0 }, $class;

    mkdir $self->{folder} or die "$self->{folder}: $!\n";
    $t->{written}{'access/'} = 1;

    return $self;
}

# ---- PrivateTokens

# A fresh issuer key (RSA 2048). Files: spki and pem (RSASSA-PSS), rsa and rsa_pem (the same
# key as rsaEncryption), private_pem. Texts: token_key and rsa_key (base64url), token_key_id
# and rsa_key_id (hex).

sub issuer_key {
    my ($self, $name) = @_;
    return $self->ask('issuer-key', out => "$self->{folder}/keys", name => $name // 'issuer');
}

# Tokens for a challenge, in base64url: issuer, origin ("a,b"), context (hex), count (1).
# nonce (hex) gives all of them the same. Blind issuance, 0.2 s each; signer => 'library' has
# also the issuer's part done by the library, a second each. direct => 1 signs without
# blindness, a millisecond each, and so do type, digest, key_id (hex) and salt, which put
# something wrong into the token.

sub tokens {
    my ($self, $key, %opt) = @_;
    $opt{'key-id'} = delete $opt{key_id} if exists $opt{key_id};
    my $made = $self->ask('tokens', key_of($key), %opt);
    return map { $self->plant(token => $_) } @{ $made->{tokens} };
}

# Whether a token verifies, by the library and by OpenSSL, and its fields in hex.

sub verify_token {
    my ($self, $key, $token) = @_;
    return $self->ask('verify', key_of($key), token => $token);
}

# The challenges that a client finds in a WWW-Authenticate field.

sub challenges {
    my ($self, $header) = @_;
    return @{ $self->ask('challenge', header => $header)->{challenges} };
}

# The Authorization field with which a client answers it; quoted => 1 for quotes.

sub respond {
    my ($self, $key, $header, %opt) = @_;
    my $made = $self->ask('respond', key_of($key), header => $header, %opt);
    $self->plant(token => $made->{token});
    return $made->{authorization};
}

# A client of an issuer that is under test: what to post (type and body), and then the
# tokens out of the answer's body. token_key is the issuer's, in base64url; further options
# as those of tokens; batch => 1 for several in one message.

sub request {
    my ($self, $token_key, %opt) = @_;
    my $made = $self->ask('request', 'token-key' => $token_key, %opt);
    return { %$made, batch => $opt{batch}, body => decode($made->{body}) };
}

sub finish {
    my ($self, $request, $body) = @_;
    my $made = $self->ask('finish', id => $request->{id}, batch => $request->{batch},
        body => encode($body));
    return map { defined && $self->plant(token => $_) } @{ $made->{tokens} };
}

sub key_of { my ($key) = @_; return (key => $key->{key}, name => $key->{name}) }

# ---- JWTs

# A key set: jwks (the file of public keys), secrets (that of the HS256 secret), keys (the
# public JWKs), files (by kid: pem, der and jwk of the public key). The kids are rs256-NAME
# and so on; NAME is a, then b, unless given. algs: "RS256,ES256".

sub jwks {
    my ($self, %opt) = @_;
    $opt{name} //= chr(ord('a') + $self->{sets}++);
    return $self->ask('jwks', out => "$self->{folder}/jwks-$opt{name}", %opt);
}

# A JWT of the library: kid, claims and header (hashes), alg when not that of the key.

sub jwt {
    my ($self, $keys, %opt) = @_;
    $self->plant_claims($opt{claims});
    return $self->plant(jwt => $self->ask('jwt', key => $keys->{key}, %opt)->{jwt});
}

# A JWT that the library would not make: header and payload as bytes, sign (an algorithm,
# none by default) with the kid of a set or a file (with). der => 1: an ES256 signature in DER.
# Test::OhttpRelay::Forged has many of them.

sub raw_jwt {
    my ($self, %opt) = @_;

    my $keys = delete $opt{keys};
    $opt{key} = $keys->{key} if $keys;

    my ($header, $payload) = delete @opt{qw/header payload/};
    $self->plant_claims(eval { $json->decode($payload) });

    return $self->plant(jwt => $self->ask('jwt', %opt, 'header-bytes' => encode($header),
        'payload-bytes' => encode($payload))->{jwt});
}

# What the library reads out of a JWT: claims and header; dies when it refuses it.

sub verify_jwt {
    my ($self, $keys, $jwt, %opt) = @_;
    return $self->ask('jwt-verify', jwks => $keys->{jwks}, token => $jwt, %opt);
}

sub plant_claims {
    my ($self, $claims) = @_;

    return unless ref $claims eq 'HASH';

    for my $name (grep { defined $claims->{$_} && !ref $claims->{$_} } @personal) {
        my $value = $claims->{$name};
        $self->plant($name => $value) if length $value >= Test::OhttpRelay::Canary->SHORTEST;
    }
}

sub plant { my ($self, @what) = @_; return $self->{t}->canary->plant(@what) }

# ---- the process

sub decode { MIME::Base64::decode_base64url($_[0]) }
sub encode { MIME::Base64::encode_base64url($_[0]) }

# One command and its answer; dies with what went wrong.

sub ask {
    my ($self, $command, %opt) = @_;

    $self->start if !$self->{pid};
    local $SIG{PIPE} = 'IGNORE';

    syswrite $self->{to}, $json->encode({ command => $command, %opt }) . "\n";
    my $answer = $json->decode($self->line);
    $answer->{ok} or die "access peer: $command: $answer->{error}\n";

    return $answer;
}

sub line {
    my ($self) = @_;

    while ($self->{in} !~ /\n/) {
        my $there = IO::Select->new($self->{from})->can_read(60);
        my $n = $there && sysread $self->{from}, $self->{in}, 65_536, length $self->{in};
        $n or die 'access peer: no answer: ' . $self->{t}->read_file('access/stderr') . "\n";
    }

    $self->{in} =~ s/^(.*\n)//;
    return $1;
}

sub start {
    my ($self) = @_;

    pipe(my $input, $self->{to}) or die "pipe: $!\n";
    pipe($self->{from}, my $output) or die "pipe: $!\n";

    $self->{pid} = $self->{t}->run_program('access/stderr', { in => $input, out => $output },
        'node', $self->{t}->access_peer, 'batch');
}

1;
