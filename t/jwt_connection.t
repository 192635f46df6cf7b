#!/usr/bin/perl

# A connection that brings one token again and again: what was found out about that token holds
# for its bytes alone, for the issuer's block that it was asked of, for the keys of then, and no
# longer than the token does.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/access-peer/);
my $access = $t->access;
my @sets = map { $access->jwks } 1 .. 2;

my $file = $t->dir . '/jwks.json';
publish(0);

$t->http(<<"EOC");
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; keepalive 8; }

    ohttp_relay_jwt_issuer accounts {
        jwks jwks.json;  iss https://accounts.example;  aud relay;  leeway 0s;
    }
    ohttp_relay_jwt_issuer others {
        jwks jwks.json;  iss https://accounts.example;  aud relay;  scope none;
    }

    server {
        listen 127.0.0.1:8080;
        large_client_header_buffers 4 8k;
        location = /relay { ohttp_relay_pass llm; ohttp_relay_auth jwt=accounts; }
        location = /others { ohttp_relay_pass llm; ohttp_relay_auth jwt=others; }
        location = /both { ohttp_relay_pass llm; ohttp_relay_auth jwt=others jwt=accounts; }
    }
EOC

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

my $good = jwt();
my $client = $t->client;

is(says('/relay', $good), '200', "request $_ with a token") for 1 .. 4;

# ---- its bytes

my @parts = split /\./, $good;
my $accounts = qr/^401 credential_invalid$/;

for my $n (0 .. 2) {
    my @changed = @parts;
    $changed[$n] =~ s/(.{7})(.)/$1 . ($2 eq 'A' ? 'B' : 'A')/e;
    like(says('/relay', plant(join '.', @changed)), $accounts, "another byte in part $n");
    is(says('/relay', $good), '200', 'and the right one again');
}

like(says('/relay', plant(substr $good, 0, -4)), $accounts, 'a token that is shorter');
like(says('/relay', plant($good . 'AAAA')), $accounts, 'one that is longer');
is(says('/relay', undef), '401 credential_required', 'none at all');
is(says('/relay', $good), '200', 'and the right one again');

my $long = jwt(fill => 'x' x 2000);
is(says('/relay', $long), '200', "request $_ with a long token") for 1 .. 3;
is(says('/relay', $good), '200', 'and the short one again');

# ---- the issuer's block

like(says('/others', $good), $accounts, 'another block does not take its word for it');
is(says('/both', $good), '200', "request $_ where one of two blocks does") for 1 .. 2;

# ---- its end

my $short = jwt(exp => time + 3);
my $said = '';
$t->waitfor('the end of a token', sub {
    $said .= ' ' . says('/relay', $short);
    $said =~ /expired/;
});
like($said, qr/^(?: 200)+ 401 credential_expired$/, 'an expired token is not remembered any longer');

# ---- the keys

is(says('/relay', $good), '200', 'the first token');
publish(1);
$t->waitfor('the new keys', sub { says('/relay', $good) ne '200' });
like(says('/relay', $good), $accounts, 'its key is gone, and so is what was known of it');

$t->done;


sub publish {
    $t->write_file('jwks.new', $t->read_file($sets[$_[0]]{jwks}));
    chmod 0644, $t->dir . '/jwks.new';
    rename $t->dir . '/jwks.new', $file or die "rename: $!\n";
    $t->{written}{'jwks.json'} = 1;
    delete $t->{written}{'jwks.new'};
}

sub plant { $access->plant(jwt => $_[0]) }

sub jwt {
    return $access->jwt($sets[0], kid => 'es256-a',
        claims => { iss => 'https://accounts.example', aud => 'relay', exp => time + 600, @_ });
}

# All on one connection.

sub says {
    my ($target, $jwt) = @_;
    return $client->request('POST', $target, $t->sealed, type => 'message/ohttp-req',
        headers => [Authorization => defined $jwt ? "Bearer $jwt" : undef])->answer->says;
}
