#!/usr/bin/perl

# What a configuration must say about attestation, and what it must not: one clear line each.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new;
my $registry = $t->registry;
my $verdicts = $t->verdicts;

$registry->{policies} = { p => { kind => 'aws-nitro' } };
$registry->write;
$verdicts->write;

my $files = 'ohttp_relay_registry registry.json; ohttp_relay_verdicts verdicts.json;';
my $more = 'server { listen 127.0.0.1:8080; location / { ohttp_relay_pass a; ohttp_relay_auth off; } }';

sub block { "ohttp_relay_gateway a { url http://127.0.0.1:8081/; insecure on; $_[0] }" }

sub config {
    my ($inside) = @_;
    return $t->nginx_t("    $inside\n    $more\n");
}

sub accepts {
    my ($what, $inside) = @_;
    my ($code, $said) = config($inside);
    is($code, 0, $what) or diag($said);
    return $said;
}

sub refuses {
    my ($what, $inside, $reason) = @_;
    my ($code, $said) = config($inside);
    is($code, 1, $what);
    is(scalar(() = $said =~ /\[emerg\]/g), 1, 'with one line');
    like($said, $reason, 'that says why');
}

accepts('attestation with all that belongs to it', "$files " . block('attestation require; policy p;'));
accepts('in any order', block('policy p; attestation require;') . " $files");
accepts('off, with a policy', block('attestation off; policy p;'));
accepts('verdicts that nobody asks for', 'ohttp_relay_verdicts verdicts.json; ' . block(''));
accepts('addresses for the agent', block('evidence_url https://203.0.113.7/x?y=z; keys_url https://enclave.example/keys;'));

refuses('no policy', "$files " . block('attestation require;'), qr/gateway "a": "attestation require" needs a "policy" in \S+:\d+$/m);
refuses('no verdicts', 'ohttp_relay_registry registry.json; ' . block('attestation require; policy p;'),
    qr/gateway "a": "attestation require" needs "ohttp_relay_verdicts" in \S+:\d+$/m);
refuses('no registry', 'ohttp_relay_verdicts verdicts.json; ' . block('attestation require; policy p;'),
    qr/gateway "a": "attestation require" needs "ohttp_relay_registry", which has the policies in \S+:\d+$/m);
refuses('a policy that is not there', "$files " . block('attestation require; policy q;'),
    qr/gateway "a": its policy "q" is not in the registry in \S+:\d+/);
refuses('a policy twice', "$files " . block('policy p; policy p;'), qr/"policy" directive is duplicate/);
refuses('a policy that could be none', "$files " . block('policy "a b";'), qr/invalid name "a b"/);
refuses('attestation of a third kind', "$files " . block('attestation warn; policy p;'), qr/invalid value "warn"/);
refuses('no address', block('evidence_url enclave.example/x;'), qr/"evidence_url" directive wants http/);
refuses('an address with a name in it', block('keys_url https://a@enclave.example/x;'), qr/"keys_url" directive wants http/);
refuses('two addresses', block('keys_url https://a.example/; keys_url https://a.example/;'), qr/"keys_url" directive is duplicate/);

$registry->row(row => 8081, policy => 'p', attestation => undef)->write;
refuses('rows without verdicts', 'ohttp_relay_registry registry.json; ' . block(''),
    qr/registry\.json": gateway "row": "attestation require" needs "ohttp_relay_verdicts" in/);
accepts('rows with verdicts', "$files " . block(''));
$registry->drop('row')->write;

my $registered = 'ohttp_relay_registry registry.json; ' . block('');
accepts('all options', "$registered ohttp_relay_verdicts verdicts.json interval=250ms user=root test_roots=off;");
like(accepts('test roots', "$registered ohttp_relay_verdicts verdicts.json test_roots=on;"),
    qr/\[warn\] [^\n]*"test_roots=on" lets verdicts count/, 'which are warned about');
refuses('a file twice', "$registered ohttp_relay_verdicts verdicts.json; ohttp_relay_verdicts verdicts.json;",
    qr/"ohttp_relay_verdicts" directive is duplicate/);
refuses("an interval of $_", "$registered ohttp_relay_verdicts verdicts.json interval=$_;", qr/a time from 100ms to 1m/)
    for '99ms', '61s', '0', 'x', '';
refuses('a user who is not there', "$registered ohttp_relay_verdicts verdicts.json user=nobody-at-all;",
    qr/there is no user "nobody-at-all"/);
refuses("an option $_", "$registered ohttp_relay_verdicts verdicts.json $_;", qr/takes but "interval=", "user=" and/)
    for 'test_roots=yes', 'ttl=5', 'on';

my %broken = (
    'half of it' => ['{"version":1', qr/line 1: this is not JSON/],
    'another version' => [$verdicts->text(version => 2), qr/"version" is wrong/],
    'more than it may have' => [$verdicts->text(x => 1), qr/unknown member "x"/],
    'no list of gateways' => [$verdicts->text(gateways => []), qr/"gateways" must be an object/],
);
for my $what (sort keys %broken) {
    $verdicts->write($broken{$what}[0]);
    refuses("a file with $what", "$files " . block(''), qr/verdicts\.json": $broken{$what}[1]/);
}

# ---- a test root counts where it is said that it may

$registry->row(row => 8081, policy => 'p', attestation => undef)->write;
$verdicts->good(row => 'http://127.0.0.1:' . $t->port(8081) . '/row', root => 'test-root')->write;

$t->http(<<'EOC');
    ohttp_relay_registry registry.json interval=100ms;
    ohttp_relay_verdicts verdicts.json interval=100ms test_roots=on;
    server { listen 127.0.0.1:8080; location / { ohttp_relay_pass row; } }
EOC
my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;
is($t->post('/')->says, '200', 'a test root counts where it may');
like($t->read_file('error.log'), qr/\[warn\] [^\n]*test root/, 'and the log says that it may');

$t->done;
