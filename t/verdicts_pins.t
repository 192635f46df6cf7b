#!/usr/bin/perl

# A verdict names the certificate that was attested: no other one gets a byte of a request.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Tls;

my $t = Test::OhttpRelay->new->has(qw/ssl openssl/);
my $registry = $t->registry;
my $verdicts = $t->verdicts;

certificate($t, 'ca');
my $server = certificate($t, 'server', issuer => 'ca', names => ['gateway.test']);
certificate($t, 'other', issuer => 'ca', names => ['gateway.test']);
my ($cert, $spki, $wrong) = (pin_cert($t, 'server'), pin_spki($t, 'server'), pin_spki($t, 'other'));

$t->http(<<"EOC");
    ohttp_relay_registry registry.json interval=100ms;
    ohttp_relay_verdicts verdicts.json interval=100ms;
    ohttp_relay_tls ours { trusted_certificate %%TESTDIR%%/ca.crt; }

    ohttp_relay_gateway free { url https://127.0.0.1:8081/free; tls ours; ssl_name gateway.test; keepalive 0; }

    server {
        listen 127.0.0.1:8080;
        location ~ ^/to/(?<name>.*)\$ { ohttp_relay_pass \$name; }
    }
EOC

# A row by an authority, one by a pin, each with kept connections and without; two that share
# their keys, of which one is as good as never asked first.

my %ca = (tls => 'ours', ssl_name => 'gateway.test');
my %rows = (
    ca => { %ca, keepalive => 0 }, 'ca-kept' => { %ca, keepalive_timeout => '60s' },
    pin => { ssl_pin => [$cert], keepalive => 0 }, 'pin-kept' => { ssl_pin => [$spki], keepalive_timeout => '60s' },
    'pin-wrong' => { ssl_pin => [$wrong], keepalive => 0 },
    'one' => { %ca, keepalive => 0, pool => 'shared', weight => 65535 }, 'two' => { %ca, keepalive => 0, pool => 'shared' },
);

my %url = map { $_ => 'https://127.0.0.1:' . $t->port(8081) . "/$_" } keys %rows;

$registry->{policies} = { p => { kind => 'aws-nitro', max_age => 600, allow => [{ pcr0 => '00' x 48 }] } };
$registry->row($_ => 8081, url => $url{$_}, insecure => undef, attestation => 'require', policy => 'p', %{ $rows{$_} })
    for keys %rows;
$registry->pool(shared => keys => 'shared');
$registry->write;

# All of these have a verdict with these pins.

sub attest {
    my ($names, @pins) = @_;
    $verdicts->good($_ => $url{$_}, tls_pins => [@pins]) for @$names;
    return $verdicts;
}

attest([keys %rows], $spki)->write;

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer }, tls => $server);
$t->run;

sub says { $t->post("/to/$_[0]")->says }
sub refusals { scalar(() = $t->read_file('error.log') =~ /\[error\] [^\n]*gateway matches no $_[0], it shows \Q$spki\E/g) }
sub head_of { my ($name) = @_; return grep { $_->head =~ m{^POST /$name } } $gateway->requests }

# ---- what it shows is what was attested

is(says($_), '200', "it is the one attested: $_") for qw/ca ca-kept pin pin-kept/;

$gateway->forget;
is(says($_), '200', "again: $_") for qw/ca ca pin pin free free/;
is(join(' ', map { /^(\w+)/ } $gateway->handshakes), 'full full full full full resumed',
    'it shows its certificate each time, where another one need not');

attest([keys %rows], $wrong, $cert)->publish;
is(says($_), '200', "one of two: $_") for qw/ca ca-kept pin pin-kept/;

is(scalar(() = $gateway->handshakes), 8, 'and the connections that were kept still serve');

# ---- it is not

attest([keys %rows], $wrong)->publish;
$gateway->forget;
is(says($_), '502 gateway_error', "it is another one: $_") for qw/ca ca-kept pin pin-kept/;
is(refusals('verdict on it'), 4, 'which is an error, on kept connections too');

attest([keys %rows], $spki =~ s/spki/cert/r)->publish;
is(says($_), '502 gateway_error', "a digest of the wrong kind: $_") for qw/ca ca-kept pin pin-kept/;
is(scalar(() = $gateway->requests), 0, 'and not a byte of a request was sent');

# ---- neither pin stands for the other, nor for the authority

attest([keys %rows], $spki)->publish;
is(says($_), '200', "what is right again is served: $_") for qw/ca ca-kept pin pin-kept/;
is(says('pin-wrong'), '502 gateway_error', 'but for the pin of its row');
is(refusals('"ssl_pin"'), 1, 'which is said');

$registry->change(ca => ssl_name => 'elsewhere.test')->publish;
is(says('ca'), '502 gateway_error', 'an attested key with a wrong name');

# ---- the verdict names none

attest([keys %rows])->publish;
is(says($_), '200', "whatever it shows: $_") for qw/ca-kept pin pin-kept/;

# ---- of two that share their keys the right one serves

attest(['two'], $cert);
attest(['one'], $wrong)->publish;
$gateway->forget;
is(says('shared'), '200', 'another one with the same key') for 1 .. 5;
is(scalar(my @one = head_of('one')), 0, 'the wrong one gets nothing');
is(refusals('verdict on it'), 9, 'and is left out');
like($t->read_file('error.log'), qr/\[error\] [^\n]*gateway "one" is left out for 60000ms: it shows a key that is not its own/,
    'which is said');

$t->done;
