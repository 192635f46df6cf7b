#!/usr/bin/perl

# A registry that its JSON Schema refuses is refused by nginx, and one that nginx takes is a good one by
# the schema: whoever writes the file can check it with any validator.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Interop;

my $t = Test::OhttpRelay->new;
alarm 600;
my $others = Test::OhttpRelay::Interop->new($t)->has(qw/python/);
my $json = JSON::PP->new->canonical;
my %said;
my $schema = $t->root . '/docs/registry.schema.json';

my $validator = $others->python('schema.py', $schema)->ready;
is($validator->port, 'https://json-schema.org/draft/2020-12/schema', 'the schema is one');

my $registry = $t->registry;
my $key = 'ssl_pin cert-sha256:' . 'ab' x 32 . ';';

$t->http(<<"EOC");
    ohttp_relay_registry registry.json;
    ohttp_relay_verdicts verdicts.json;
    ohttp_relay_tls enclaves { verify_depth 1; }
    ohttp_relay_gateway block { url https://127.0.0.1:8081/; $key }

    server {
        listen 127.0.0.1:8080;
        location = /relay { ohttp_relay_pass block; }
    }
EOC
$t->write_file('row.keys', "\1\0\x20" . 'k' x 32 . "\0\4\0\1\0\1");
$t->verdicts->write;

# A file with everything in it that goes together.

my %row = (
    url => 'https://203.0.113.7/v1/ohttp', ssl_pin => ['cert-sha256:' . 'ab' x 32, 'spki-sha256:' . 'cd' x 32],
    request_header => { Authorization => 'Bearer t' }, pass_response_header => ['X-Cost', 'X-Price'],
    media_types => 'message/ohttp-req', max_body => '20m', buffer_size => '16k', connect_timeout => '5s',
    send_timeout => '1m', read_timeout => '300s', keepalive => 64, keepalive_requests => 1000,
    keepalive_timeout => '60s', max_in_flight => 0, pool => 'og', selector => '0x' . 'ef' x 32, weight => 3,
    keys_file => 'row.keys', keys_format => 'list', keys_max_age => '1h', unknown_key => 422,
    keys_url => 'https://203.0.113.7/v1/ohttp/config', evidence_url => 'https://203.0.113.7/enclave/attestation',
    attestation => 'require', policy => 'p', admin => 'drain',
);

sub whole {
    my (%row) = @_;
    return {
        version => 1, gateways => { row => \%row }, pools => { og => { select => 'header:X-TEE-ID' } },
        policies => { p => { kind => 'aws-nitro', max_age => 600, allow => [{ pcr0 => 'ab' x 48 }],
            bind => { tls => 'cert-sha256' } } },
    };
}

my %least = (url => 'https://203.0.113.7/', attestation => 'off', ssl_pin => 'cert-sha256:' . 'ab' x 32);
my $true = JSON::PP::true;

is(both(whole(%row)), 'taken by both', 'a registry with everything in it') or diag(nginx(whole(%row)));
is(both(whole(%least)), 'taken by both', 'a row with no more than it needs');
is(both({ version => 1 }), 'taken by both', 'an empty one');

# ---- what is wrong to both

my %wrong = (
    'no version' => sub { delete $_->{version} },
    'another version' => sub { $_->{version} = 2 },
    'a version in quotes' => sub { $_->{version} = '1' },
    'an unknown member' => sub { $_->{colour} = 'red' },
    'an unknown member of a row' => sub { $_->{gateways}{row}{colour} = 'red' },
    'an unknown member of a pool' => sub { $_->{pools}{og}{colour} = 'red' },
    'rows in an array' => sub { $_->{gateways} = [] },
    'pools in an array' => sub { $_->{pools} = [] },
    'policies in an array' => sub { $_->{policies} = [] },
    'a row that is none' => sub { $_->{gateways}{row} = 'url' },
    'a pool that is none' => sub { $_->{pools}{og} = 'path' },
    'a policy that is none' => sub { $_->{policies}{p} = 'tdx' },
    'a policy without its kind' => sub { delete $_->{policies}{p}{kind} },
    'a policy that binds what there is not' => sub { $_->{policies}{p}{bind}{tls} = 'sha1' },
    'a name with a blank' => sub { $_->{gateways}{'a row'} = { %least } },
    'a name without letters' => sub { $_->{gateways}{''} = { %least } },
    'a name that is too long' => sub { $_->{gateways}{ 'x' x 65 } = { %least } },
    'a name of a pool with a slash' => sub { $_->{pools}{'o/g'} = { keys => 'shared' } },
    'no url' => sub { delete $_->{gateways}{row}{url} },
    'no policy' => sub { delete $_->{gateways}{row}{policy} },
    'no policy, and none said to be needed' => sub { delete @{ $_->{gateways}{row} }{qw/policy attestation/} },
);

for my $name (sort keys %wrong) {
    local $_ = whole(%row);
    $wrong{$name}->();
    is(both($_), 'refused by both', $name);
}

# ---- each member with values of all types

my @values = ($true, undef, -1, 1.5, '', { A => 'b' }, ['x', 'y'], [1, 'x']);
my $members = $json->decode($t->read_file($schema))->{'$defs'}{gateway}{properties};
my %count;

for my $member (sort keys %$members) {
    my @wrong;

    for my $value (@values) {
        my $whole = whole(%least, $member => $value);
        my $says = both($whole);
        $count{$says}++;

        push @wrong, $json->allow_nonref->encode($value) . ": $says" if $says eq 'taken by nginx alone';

        # A schema knows types and words; what else is wrong with a value nginx finds.
        push @wrong, $json->allow_nonref->encode($value) . ": $says, " . nginx($whole)
            if $says eq 'taken by the schema alone' && (!defined $value || ref $value eq 'HASH' || nginx($whole) =~
                /wrong type|unknown member|must be an object|must have 1 to 256|must not be negative/)
                && !($member eq 'request_header' && ref $value eq 'HASH');
    }

    is(join("\n", @wrong), '', "$member of all types");
}

cmp_ok($count{'refused by both'}, '>', 150, 'which is mostly refused by both');
cmp_ok($count{'taken by both'}, '>', 3, 'and here and there taken by both');

# ---- what the documentation shows

my @examples = grep { /"gateways"/ && /"url"/ } $t->read_file($t->root . '/docs/directives.md') =~ /^```json\n(.*?)^```/msg;
ok(scalar @examples, 'the documentation has examples');
is(validated($json->decode(s/<64 hexadecimal digits>/'0' x 64/ger)), 'ok', 'and the schema takes them') for @examples;

$validator->done;
$t->done;


sub both {
    my ($whole) = @_;
    my ($schema, $nginx) = (validated($whole) eq 'ok', nginx($whole) eq '');
    return $schema && $nginx ? 'taken by both' : $schema ? 'taken by the schema alone'
        : $nginx ? 'taken by nginx alone' : 'refused by both';
}

sub validated {
    my ($whole) = @_;
    $validator->say($json->encode($whole));
    return $validator->line;
}

# What nginx has against it.

sub nginx {
    my $text = $json->encode($_[0]);

    return $said{$text} //= do {
        $registry->write($text);
        my ($code, $said) = $t->nginx_t;
        $code ? $said : '';
    };
}
