package Test::OhttpRelay::Forged;

# Credentials that must be refused, each with what is wrong with it. A test offers all of
# them, after a good one that differs in nothing else:
#
#     my %keys = (keys => $t->access->jwks, other => $t->access->jwks);
#     for (forged_jwts($t->access, %keys, claims => { iss => ..., exp => time + 600 })) {
#         my ($name, $jwt) = @$_;  ...
#     }

use strict;
use warnings;

use Exporter qw/import/;
use JSON::PP;
use MIME::Base64 qw/decode_base64url encode_base64url/;

our @EXPORT = qw/forged_jwts forged_tokens/;

my $json = JSON::PP->new->utf8->canonical;
my $digits = join '', 'A' .. 'Z', 'a' .. 'z', 0 .. 9, '-_';

# keys: the set that is trusted; other: one that is not; claims: good ones, with exp (an
# integer) and sub. The forged ones are of RS256 and ES256, unless they say otherwise.

sub forged_jwts {
    my ($access, %opt) = @_;
    return (
        unsigned_jwts($access, %opt), confused_jwts($access, %opt), header_jwts($access, %opt),
        claims_jwts($access, %opt), signature_jwts($access, %opt), shape_jwts($access, %opt),
    );
}

# One made by hand: kid and sign as they should be, unless given; head and claims are
# changes, and with undef leave something out.

sub jwt {
    my ($access, $opt, %change) = @_;

    my $kid = kid($opt->{keys}, $change{kid} // 'rs256');
    my %header = (alg => 'RS256', kid => $kid, %{ $change{head} // {} });
    my %claims = (%{ $opt->{claims} }, %{ $change{claims} // {} });

    for my $part (\%header, \%claims) {
        delete $part->{$_} for grep { !defined $part->{$_} } keys %$part;
    }

    my %with = $change{with} ? (with => $change{with}) : (keys => $change{keys} // $opt->{keys});

    return $access->raw_jwt(kid => kid($change{keys} // $opt->{keys}, $change{kid} // 'rs256'),
        sign => $change{sign} // 'RS256', header => $change{header} // $json->encode(\%header),
        payload => $change{payload} // $json->encode(\%claims), der => $change{der}, %with);
}

# The kid of a set that begins so.

sub kid {
    my ($keys, $start) = @_;
    my ($kid) = grep { /^\Q$start\E-/ } sort keys %{ $keys->{files} };
    return $kid // die "no key $start in the set\n";
}

sub unsigned_jwts {
    my ($access, %opt) = @_;

    my $signature = (split /\./, jwt($access, \%opt))[2];

    return map {
        my $jwt = jwt($access, \%opt, head => { alg => $_ }, sign => 'none');
        ["alg $_ without a signature", $jwt], ["alg $_ with one", $jwt . $signature];
    } qw/none None NONE nOnE/;
}

# A public key taken for a secret.

sub confused_jwts {
    my ($access, %opt) = @_;

    my @forged;

    for my $kid (qw/rs256 es256/) {
        my $files = $opt{keys}{files}{ kid($opt{keys}, $kid) };

        for my $form (sort keys %$files) {
            push @forged, map { ["$_ with the public $kid key as $form", jwt($access, \%opt,
                kid => $kid, head => { alg => $_ }, sign => $_, with => $files->{$form})] }
                qw/HS256 HS384 HS512/;
        }
    }

    my $empty = $access->{t}->write_file('access/empty', '');
    return @forged, ['HS256 with an empty secret',
        jwt($access, \%opt, head => { alg => 'HS256' }, sign => 'HS256', with => $empty)];
}

sub header_jwts {
    my ($access, %opt) = @_;

    my $jwt = sub { jwt($access, \%opt, @_) };
    my $kid = kid($opt{keys}, 'rs256');

    return (
        ['an algorithm in lower case', $jwt->(head => { alg => 'rs256' })],
        ['no algorithm', $jwt->(head => { alg => undef })],
        ['an algorithm that is no text', $jwt->(head => { alg => ['RS256'] })],
        ['an algorithm with something behind it', $jwt->(head => { alg => "RS256\0" })],
        ['another algorithm of the same key', $jwt->(head => { alg => 'RS512' }, sign => 'RS512')],
        ['PSS with a key of PKCS #1', $jwt->(head => { alg => 'PS256' }, sign => 'PS256')],
        ['the kid of a key of another kind', $jwt->(head => { kid => kid($opt{keys}, 'es256') })],
        ['a kid that is not in the set', $jwt->(head => { kid => 'unknown-' . $opt{claims}{sub} })],
        ['a kid with something behind it', $jwt->(head => { kid => "$kid\0" })],
        ['no kid among several keys', $jwt->(head => { kid => undef })],
        ['a kid that is no text', $jwt->(head => { kid => 1 })],
        ['crit', $jwt->(head => { crit => ['exp'] })],
        ['crit with nothing in it', $jwt->(head => { crit => [] })],
        ['b64 false', $jwt->(head => { crit => ['b64'], b64 => JSON::PP::false })],
        ['a strange type', $jwt->(head => { typ => 'JWE' })],
        ['algorithm twice', $jwt->(header => qq/{"alg":"none","kid":"$kid","alg":"RS256"}/)],
        ['algorithm twice, once escaped', $jwt->(header => qq/{"alg":"RS256","kid":"$kid","\\u0061lg":"none"}/)],
        ['kid twice', $jwt->(header => qq/{"alg":"RS256","kid":"x","kid":"$kid"}/)],
        ['a header that is a list', $jwt->(header => qq/[{"alg":"RS256","kid":"$kid"}]/)],
        ['a header that is no JSON', $jwt->(header => qq/{alg:"RS256",kid:"$kid"}/)],
        ['a header with a comma at its end', $jwt->(header => qq/{"alg":"RS256","kid":"$kid",}/)],
        ['a header with more behind it', $jwt->(header => qq/{"alg":"RS256","kid":"$kid"}{}/)],
        ['an empty header', $jwt->(header => '')],
    );
}

sub claims_jwts {
    my ($access, %opt) = @_;

    my $jwt = sub { jwt($access, \%opt, @_) };
    my $exp = $opt{claims}{exp};
    my $text = $json->encode($opt{claims});
    my $with = sub { my ($more) = @_; $jwt->(payload => $text =~ s/\}\z/,$more}/r) };
    # as a text of JSON, which may be no number of Perl
    my $exp_is = sub { my ($new) = @_; $jwt->(payload => $text =~ s/"exp":\d+/"exp":$new/r) };

    return (
        ['expired', $jwt->(claims => { exp => time - 3600 })],
        ['no exp', $jwt->(claims => { exp => undef })],
        (map { ["exp $_", $exp_is->($_)] } qq/"$exp"/, "$exp.5", "$exp.0", '99e9', 'null', 'true',
            "[$exp]", "-$exp", '0', '99999999999999999999', "0$exp", "+$exp", '1e999'),
        ['exp twice', $with->('"exp":' . ($exp + 1))],
        ['exp twice, once escaped', $with->('"e\\u0078p":' . ($exp + 1))],
        ['nbf to come', $jwt->(claims => { nbf => time + 3600 })],
        ['nbf that is a text', $jwt->(claims => { nbf => '1' . time })],
        ['iat to come', $jwt->(claims => { iat => time + 3600 })],
        ['claims that are a list', $jwt->(payload => "[$text]")],
        ['claims that are a text', $jwt->(payload => $json->allow_nonref->encode($text))],
        ['claims with more behind them', $jwt->(payload => "$text$text")],
        ['claims cut short', $jwt->(payload => substr $text, 0, -1)],
        ['claims after a byte order mark', $jwt->(payload => "\xef\xbb\xbf$text")],
        ['claims with bytes that are no UTF-8', $with->(qq/"x":"\xff\xfe"/)],
        ['claims with a null byte behind them', $jwt->(payload => "$text\0")],
        ['claims as deep as they are long', $with->('"x":' . '[' x 1500 . ']' x 1500)],
        ['no claims', $jwt->(payload => '{}')],
        ['empty claims', $jwt->(payload => '')],
    );
}

sub signature_jwts {
    my ($access, %opt) = @_;

    my $jwt = sub { jwt($access, \%opt, @_) };
    my %es = (kid => 'es256', head => { alg => 'ES256' }, sign => 'ES256');
    my $good = $jwt->();
    my $es = $jwt->(%es);
    my ($signed, $signature) = $good =~ /^(.*)\.(.*)/;
    my ($es_signed) = $es =~ /^(.*)\./;
    my ($later) = $jwt->(claims => { exp => $opt{claims}{exp} + 1 }) =~ /^(.*)\./;

    return (
        ['the signature of another key', $jwt->(keys => $opt{other})],
        ['the ES256 signature of another key', $jwt->(%es, keys => $opt{other})],
        ['the signature of other claims', "$later.$signature"],
        ['a signature with one bit changed', "$signed." . change($signature)],
        ['a signature too short', "$signed." . substr($signature, 0, -4)],
        ['a signature too long', "$signed.${signature}AAAA"],
        ['no signature', "$signed."],
        ['an ES256 signature in DER', $jwt->(%es, der => JSON::PP::true)],
        ['an ES256 signature of nothing but zeros', "$es_signed." . encode_base64url("\0" x 64)],
        ['an ES256 signature of 63 bytes', substr($es, 0, -2)],
        ['an empty ES256 signature', "$es_signed."],
    );
}

sub shape_jwts {
    my ($access, %opt) = @_;

    my $good = jwt($access, \%opt);
    my ($header, $claims, $signature) = split /\./, $good;

    return (
        ['two parts', "$header.$claims"],
        ['four parts', "$good.$signature"],
        ['five parts', "$header..$claims.$signature.$signature"],
        ['an empty part before it', ".$good"],
        ['padding', "$good=="],
        ['padding inside', "$header=.$claims.$signature"],
        ['the characters of plain base64', "$header.$claims." . plain($signature)],
        ['a last character with more bits', last_bits($good)],
        ['a character that is none of base64', "$header.${claims}\$.$signature"],
        ['more than 8 KB', jwt($access, \%opt, claims => { filler => 'x' x 9000 })],
    );
}

# The same bytes in the other alphabet. Hardly ever do both have the same text.

sub plain {
    my ($text) = @_;
    my $plain = $text =~ tr{-_}{+/}r;
    return $plain ne $text ? $plain : substr($text, 0, -2) . '+/';
}

# The last of 342 characters has four bits that stand for nothing.

sub last_bits {
    my ($text) = @_;
    my $at = index $digits, substr $text, -1;
    return substr($text, 0, -1) . substr $digits, $at ^ 1, 1;
}

sub change {
    my ($text) = @_;
    my $at = index $digits, substr $text, 20, 1;
    substr $text, 20, 1, substr $digits, $at ^ 1, 1;
    return $text;
}

# Tokens for one challenge: key is the trusted one, other is not; issuer, origin and context
# as for Test::OhttpRelay::Access::tokens.

sub forged_tokens {
    my ($access, %opt) = @_;

    my ($key, $other) = delete @opt{qw/key other/};
    my $token = sub { my ($with, @change) = @_; return $access->tokens($with, %opt, direct => 1, @change) };
    my ($good) = $token->($key);
    my ($second) = $token->($key);
    my $bytes = decode_base64url($good);
    my $of_second = substr decode_base64url($second), 98;

    my $context = $opt{context} ? '' : '42' x 32;
    my ($nonce_changed, $signature_changed) = ($bytes, $bytes);
    substr($nonce_changed, 10, 1) ^= "\1";
    substr($signature_changed, 353, 1) ^= "\1";

    return (
        ['type 1', $token->($key, type => 1)],
        ['a type of grease', $token->($key, type => 0x1a1a)],
        ['type 0xda7a', $token->($key, type => 0xda7a)],
        ['another issuer', $token->($key, issuer => 'other.example')],
        ['another origin', $token->($key, origin => 'other.example')],
        ['another context', $token->($key, context => $context)],
        ['the digest of nothing', $token->($key, digest => '00' x 32)],
        ['the key id of another key', $token->($key, key_id => $other->{token_key_id})],
        ['the key id of the same key as rsaEncryption', $token->($key, key_id => $key->{rsa_key_id})],
        ['the signature of another key', $token->($other, key_id => $key->{token_key_id})],
        ['another key and its id', $token->($other)],
        ['salt 0', $token->($key, salt => 0)],
        ['salt 32', $token->($key, salt => 32)],
        ['the signature of another token', encode_base64url(substr($bytes, 0, 98) . $of_second)],
        ['a nonce with one bit changed', encode_base64url($nonce_changed)],
        ['a signature with one bit changed', encode_base64url($signature_changed)],
        ['a signature of zeros', encode_base64url(substr($bytes, 0, 98) . "\0" x 256)],
        ['a signature above the modulus', encode_base64url(substr($bytes, 0, 98) . "\xff" x 256)],
        ['a byte too few', encode_base64url(substr $bytes, 0, -1)],
        ['a byte too many', encode_base64url("$bytes\0")],
        ['plain base64', plain($good)],
        ['a character that is none of base64', substr($good, 0, 100) . '$' . substr $good, 101],
        ['an empty token', ''],
    );
}

1;
