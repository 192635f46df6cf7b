#!/usr/bin/perl

# A gateway whose attestation is required gets a request only as long as a verdict lets it, and
# a request that does not get there has cost nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/access-peer/);
my $access = $t->access;
my $key = $access->issuer_key('demo');
my $registry = $t->registry;
my $verdicts = $t->verdicts;

$t->http(<<"EOC");
    ohttp_relay_registry registry.json interval=100ms;
    ohttp_relay_verdicts verdicts.json interval=100ms;

    ohttp_relay_gateway block { url http://127.0.0.1:8081/block; insecure on; attestation require; policy p; }
    ohttp_relay_gateway free  { url http://127.0.0.1:8081/free; insecure on; }

    ohttp_relay_token_key demo { key $key->{spki}; issuer issuer.example; expires 2099-01-01T00:00:00Z; }

    server {
        listen 127.0.0.1:8080;
        location ~ ^/to/(?<name>.*)\$ { ohttp_relay_pass \$name; ohttp_relay_auth token=demo; }
    }
EOC

$registry->{policies} = {
    p => { kind => 'aws-nitro', max_age => 600, allow => [{ pcr0 => '00' x 48 }], note => "caf\xe9 / \"x\"" },
    pinned => { kind => 'pinned', key_config_sha256 => ['00' x 32] },
    bound => { kind => 'tdx', bind => { scheme => 'nitriding', tls => 'cert-sha256' } },
};
$registry->row(row => 8081, policy => 'p', attestation => undef);
$registry->row(pinned => 8081, policy => 'pinned', attestation => 'require');
$registry->row(bound => 8081, policy => 'bound', attestation => 'require');
$registry->row(loose => 8081, policy => 'p', attestation => 'off');
$registry->write;

my %url = map { $_ => 'http://127.0.0.1:' . $t->port(8081) . "/$_" } qw/block row pinned bound/;

my ($code, $said) = $t->nginx_t;
is($code, 0, 'there need not be verdicts when nginx starts');
like($said, qr/\[warn\] [^\n]*verdicts\.json" is not taken over now: it cannot be opened \(2:/, 'which it says');

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

sub token { ($access->tokens($key, direct => 1, issuer => 'issuer.example'))[0] }
sub post { $t->post("/to/$_[0]", headers => [Authorization => 'PrivateToken token=' . ($_[1] // token())]) }
sub says { post(@_)->says }
sub errors { scalar(() = $t->read_file('error.log') =~ /\[error\] [^\n]*$_[0]/g) }

my ($yes, $no) = ('200', '503 gateway_not_attested');

# ---- nothing is known

is(says($_), $no, "without verdicts nothing is attested: $_") for qw/block row pinned/;
is(says($_), $yes, "what need not be is served: $_") for qw/free loose/;

my $token = token();
my $response = post('block', $token);
like($response->header('Retry-After'), qr/^\d+$/, 'a client may try again');
is($response->json->{error}{code}, 'gateway_not_attested', 'and knows why');
is(errors('verdicts\.json'), 0, 'that they are not there yet is no error');

# ---- a verdict that counts

$verdicts->good(block => $url{block})->good(row => $url{row})->good(pinned => $url{pinned}, policy => 'pinned');
$verdicts->publish;
is(says($_), $yes, "a good verdict lets requests to $_") for qw/block row pinned/;
is(says('block', $token), $yes, 'the token of the request that was refused is still good');
like($t->read_file('error.log'), qr/\[notice\] [^\n]*gateway "row" is attested: it is ok/, 'a good one is noted');

# ---- each rule

my @rules = (
    ['another entry', row => entry_sha256 => '00' x 32],
    ['another kind', row => kind => 'tdx'],
    ['it is refused', row => state => 'refused', reason => 'PCR0 is another one'],
    ['its keys are in conflict', row => state => 'key_conflict'],
    ['it is pinned where evidence is asked for', row => state => 'pinned'],
    ['it goes back to a test root', row => root => 'test-root'],
    ['its time is over', row => valid_until => time - 1],
    ['it is of the future', row => verified_at => time + 3600],
    ['evidence where it is to be pinned', pinned => state => 'ok', evidence_sha256 => '11' x 32],
    ['a pinned one whose time is over', pinned => valid_until => time - 1],
    ['pins that cannot be checked', row => tls_pins => ['cert-sha256:' . '00' x 32]],
);

for my $rule (@rules) {
    my ($what, $name, %members) = @$rule;
    my $token = token();

    $verdicts->good($name => $url{$name}, policy => $name eq 'row' ? 'p' : $name);
    $verdicts->change($name, %members)->publish;
    is(says($name, $token), $no, "no request: $what");

    $verdicts->good($name => $url{$name}, policy => $name eq 'row' ? 'p' : $name)->publish;
    is(says($name, $token), $yes, 'until a good one comes, and the token is good');
}

like($t->read_file('error.log'),
    qr/\[error\] [^\n]*gateway "row" is not attested, its evidence was refused: PCR0 is another one/,
    'a refusal is logged with its reason');
like($t->read_file('error.log'), qr/\[warn\] [^\n]*gateway "row" is not attested, its verdict is for another entry/,
    'and so is a verdict that does not count');

$verdicts->change('row', state => 'stale')->publish;
is(says('row'), $yes, 'what could not be renewed is good until its end');

$verdicts->drop('row')->publish;
is(says('row'), $no, 'no verdict is no good one');
is(says('block'), $yes, 'each has its own');
$verdicts->good(row => $url{row});

$verdicts->good(bound => $url{bound}, policy => 'bound')->publish;
is(says('bound'), $no, 'a policy that binds the certificate wants pins');

# ---- the age of the file

$verdicts->publish($verdicts->text(written_at => time - 60, ttl => 30));
is(says($_), $no, "verdicts that are too old: $_") for qw/block row/;
is(says('pinned'), $yes, 'but for what is pinned');
is(errors('the verdicts in "verdicts\.json" have lapsed'), 1, 'one line says it');

$verdicts->publish($verdicts->text(written_at => time + 3600));
is(says($_), $no, "verdicts of the future: $_") for qw/block row pinned/;

$verdicts->publish;
is(says($_), $yes, "newer ones again: $_") for qw/block row pinned/;

# ---- a file that must not count

my $late = $verdicts->text(seq => $verdicts->{seq} - 1, gateways => {});
is($verdicts->refused($late), 'is not taken over, its last good content stays in use: its "seq" is smaller than that of '
    . 'the verdicts in force', 'what was written before is refused');
is(says('row'), $yes, 'and changes nothing');

like($verdicts->refused('{'), qr/: line 1: this is not JSON, it ends too early$/, 'half a file is refused');
like($verdicts->refused($verdicts->text(peer => 1)), qr/: unknown member "peer"$/, 'and one with more than it may have');
my $moving = $verdicts->text;
$moving =~ s/"kind":"aws-nitro"/"kind":"aws-nitro","url":"http:\/\/x\/"/;
like($verdicts->refused($moving), qr/: gateway "\w+": unknown member "url"$/, 'and one that says where a gateway is');
like($verdicts->refused(sub { unlink $verdicts->file }), qr/: it cannot be opened /, 'and none at all');
is(says('row'), $yes, 'the last good one stays in use');

$verdicts->{boot_id} = 'ff' x 32;
$verdicts->publish($verdicts->text(seq => 0));
is(says('row'), $yes, 'a machine that was started anew counts anew');

# ---- what a verdict is about

$registry->{policies}{p}{max_age} = 601;
$registry->publish;
is(says($_), $no, "with another policy it is about something else: $_") for qw/block row/;

$verdicts->good($_ => $url{$_}) for qw/block row/;
$verdicts->publish;
is(says($_), $yes, "until there is one for that: $_") for qw/block row/;

$registry->drop('row', 'loose');
my $policy = delete $registry->{policies}{p};
$registry->publish;
is(says('block'), $no, 'a policy that is gone lets nothing to a block');
is(says('free'), $yes, 'others are not concerned');

$registry->{policies}{p} = $policy;
$registry->publish;
is(says('block'), $yes, 'and lets again when it is back');

# ---- streams

my $slow = $t->gateway(8083);
$registry->row(slow => 8083, policy => 'p', attestation => undef)->publish;
$verdicts->good(slow => my $url = 'http://127.0.0.1:' . $t->port(8083) . '/slow')->publish;

my $client = $t->start('/to/slow', headers => [Authorization => 'PrivateToken token=' . token()]);
my $conn = $slow->accept;
$conn->request;
$conn->body;
$verdicts->change('slow', state => 'refused')->publish;
is(says('slow'), $no, 'a refusal stops new requests at once');
$conn->answer;
is($client->answer->says, '200', 'and lets those end that are under way');

$t->done;
