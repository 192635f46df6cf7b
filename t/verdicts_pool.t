#!/usr/bin/perl

# A request that chooses among gateways gets to none that is not attested, and to no other one
# either unless the key is theirs as well. A verdict with pins counts at https:// alone.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Tls;

my $t = Test::OhttpRelay->new->has(qw/openssl ssl/);
my $registry = $t->registry;
my $verdicts = $t->verdicts;

$t->http(<<'EOC');
    ohttp_relay_registry registry.json interval=100ms;
    ohttp_relay_verdicts verdicts.json interval=100ms;

    server {
        listen 127.0.0.1:8080;
        location ~ ^/to/(?<name>.*)$ { ohttp_relay_pass $name; }
    }
EOC

my $tls = $t->gateway(8085, tls => certificate($t, 'gateway'), answer => sub { $_[0]->answer });
my $pin = pin_spki($t, 'gateway');

$registry->{policies} = { p => { kind => 'tdx' }, bound => { kind => 'tdx', bind => { tls => 'spki-sha256' } } };
my %port = (one => 8081, two => 8083, 'both-1' => 8081, 'both-2' => 8083);
my %url;
for my $name (sort keys %port) {
    $registry->row($name => $port{$name}, policy => 'p', attestation => undef,
        $name =~ /both/ ? (pool => 'both') : (pool => 'og', selector => $name));
    $url{$name} = 'http://127.0.0.1:' . $t->port($port{$name}) . "/$name";
}
$url{bound} = 'https://127.0.0.1:' . $t->port(8085) . '/bound';
$registry->row(bound => 8085, url => $url{bound}, insecure => undef, ssl_pin => $pin, policy => 'bound', attestation => undef);
$registry->pool(og => select => 'header:X-TEE-ID', default => 'one');
$registry->pool(both => keys => 'shared');
$registry->write;
$verdicts->write;

my @gateway = map { $t->gateway($_, answer => sub { $_[0]->answer }) } 8081, 8083;
$t->run;

my $no = '503 gateway_not_attested';

# What a request is answered with, and who got it.

sub goes {
    my ($name, @headers) = @_;
    $_->forget for @gateway;
    my $says = $t->post("/to/$name", headers => \@headers)->says;
    return join ' ', $says, map { $_->target } map { $_->requests } @gateway;
}

sub judged { $verdicts->good($_[0] => $url{$_[0]}, @_[1 .. $#_])->publish }

# ---- each has a key of its own

is(goes('og'), $no, 'without verdicts there is nobody');
judged('two');
is(goes('og'), $no, 'the default is not attested, and nobody takes its place');
is(goes('og', 'X-TEE-ID' => 'one'), $no, 'nor that of one who is named');
is(goes('og', 'X-TEE-ID' => 'two'), '200 /two', 'the other one is');
judged('one');
is(goes('og'), '200 /one', 'each when its verdict has come');

# ---- they share a key

is(goes('both'), $no, 'of two nobody is attested');
judged('both-2');
is_deeply([map { goes('both') } 1 .. 6], [('200 /both-2') x 6], 'who is does the work of both');
judged('both-1');
my %seen = map { goes('both') => 1 } 1 .. 40;
is_deeply([sort keys %seen], ['200 /both-1', '200 /both-2'], 'then both do');
judged('both-2', state => 'refused');
is_deeply([map { goes('both') } 1 .. 6], [('200 /both-1') x 6], 'and who is refused gets nothing any more');

# ---- pins

judged('bound', policy => 'bound');
is(goes('bound'), $no, 'a policy that binds the certificate wants pins');
judged('bound', policy => 'bound', tls_pins => [$pin]);
is(goes('bound'), '200', 'a verdict that has them counts');
is(scalar($tls->requests), 1, 'and leads there') ;

$t->done;
