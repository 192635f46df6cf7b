#!/usr/bin/perl

# The program ohttp-relay-agent knows a gateway without evidence by its hashes, or by what it says of itself, and never
# calls it attested.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw/sha256_hex/;
use JSON::PP;
use Test::More;
use Test::OhttpRelay::Agent;

my $config = "\1\0\x20" . "\2" x 32 . "\0\4\0\1\0\3";
my $keys = write_file('keys', $config);
my $hash = sha256_hex("\0\x29$config");
my $root = data('tdx/intel_sgx_root.der');
my $pin = 'cert-sha256:' . sha256_hex(read_data($root));

my @right = (qw/verify --kind pinned --at 1770000000 --key-sha256/, $hash, '--pin', $pin, '--tls', $root);

my ($code, $out) = agent(undef, @right, $keys);
is("$code $out", "0 pinned: pinned, root: operator, until: 1770000600\n", 'pinned, and not more');

($code, $out) = agent(undef, @right, '--json', $keys);
my $json = decode_json($out);
is("$json->{answer} $json->{root} @{$json->{tls_pins}}", "pinned operator $pin", 'in JSON too');

is((agent(undef, @right, write_file('list', "\0\x29$config")))[0], 0, 'the keys in another form');
is((agent(undef, @right, '--not-after', 1770000000, $keys))[0], 1, 'not when the pins have ended');
is((agent(undef, @right, write_file('other', $config =~ tr/\2/\3/r)))[0], 1, 'not with other keys');
is((agent(undef, @right, '--tls', data('nitro/aws_root_g1.pem'), $keys))[0], 1, 'not with another certificate');
is((agent(undef, @right, write_file('none', 'keys')))[0], 2, 'malformed keys');

my %wrong = (
    'no pin' => [qw/verify --kind pinned --at 1 --key-sha256/, $hash, '--tls', $root],
    'no certificate' => [qw/verify --kind pinned --at 1 --key-sha256/, $hash, '--pin', $pin],
    'a root' => [@right, '--root', $root],
    'any measurement' => [@right, '--any-measurement'],
    'a pin that is none' => [@right, '--pin', 'sha256:00'],
    'a hash that is short' => [@right, '--key-sha256', '00'],
    'a pin for Nitro' => [@right, '--kind', 'aws-nitro', '--root', $root],
);

for my $name (sort keys %wrong) {
    is((agent(undef, @{ $wrong{$name} }, $keys))[0], 3, "$name: 3");
}

# What a host says about itself, signed by a key that nobody vouches for: it is at best the key that it had before.

my $statement = "$FindBin::Bin/fuzz/corpus/secure_enclave/statement";
my @enclave = (qw/verify --kind secure-enclave --at 1770000000/);

($code, $out) = agent(undef, @enclave, '--any-measurement', '--json', $statement);
$json = decode_json($out);
is("$code $json->{answer} $json->{root}", '0 self-asserted none', 'a statement is self-asserted');
my $first = $json->{key_sha256};
like($first, qr/^[0-9a-f]{64}$/, 'its key is to be remembered');

is((agent(undef, @enclave, $statement))[0], 1, 'no key is known');
is((agent(undef, @enclave, '--key-sha256', $first, $statement))[0], 0, 'the key that it had');
is((agent(undef, @enclave, '--key-sha256', '0' x 63 . '1', $statement))[0], 1, 'another one');
is((agent(undef, @enclave, '--key-sha256', $first, '--node', 'ab' x 32, $statement))[0], 0, 'the node');
is((agent(undef, @enclave, '--key-sha256', $first, '--node', 'ac' x 32, $statement))[0], 1, 'another node');
is((agent(undef, @enclave, '--key-sha256', $first, '--at', 1770001000, $statement))[0], 1, 'later');
is((agent(undef, @enclave, '--key-sha256', $first, '--root', $root, $statement))[0], 3, 'there is no root of it');

done_testing();
