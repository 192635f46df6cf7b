#!/usr/bin/perl

# The program ohttp-relay-agent judges a document against what it is told, and its exit code says how.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;
use Test::OhttpRelay::Agent;

my $root = data('nitro/aws_root_g1.pem');

my %document = (
    'nitro-20260212T175602Z-65ce3118' => 1770918962,
    'nitro-20251225T160419Z-54ae0f97' => 1766678659,
    'nitro-20251225T082046Z-1c921bd7' => 1766650846,
    'nitro-20251110T172010Z-8e5652f3' => 1762795210,
    'nitro-20250415T153857Z-f8fab7fa' => 1744731537,
);

sub nitro {
    my ($name, $at, @more) = @_;
    my @any = grep({ /^--(?:pcr|any)/ } @more) ? () : '--any-measurement';
    return agent(undef, qw/verify --kind aws-nitro --root/, $root, '--at', $at, @any, @more,
        $name =~ m{/} ? $name : data("nitro/$name.cose"));
}

# Each document at its own time, and at no other; by another root not at all.

for my $name (sort keys %document) {
    my $at = $document{$name};
    my $debug = $name =~ /1c921bd7/;
    my ($code, $out) = nitro($name, $at);

    if ($debug) {
        is("$code $out", "1 refused: it is a debug enclave\n", "$name is refused");
        ($code, $out) = nitro($name, $at, '--allow-debug');
        like($out, qr/, debug allowed$/, 'what was allowed is said');

    } else {
        like($out, qr/^accepted: aws-nitro, root: hardware, until: \d+, any measurement$/, "$name is accepted");
    }

    is($code, 0, 'and the code is 0');
    is((nitro($name, $at + 4 * 3600))[0], 1, 'not four hours later');
    is((nitro($name, $at - 24 * 3600))[0], 1, 'not a day before');
    is((nitro($name, $at, '--root', data('tdx/intel_sgx_root.der')))[0], 1, 'not by another root');
    is((nitro($name, $at, '--nonce', '00' x 20))[0], 1, 'not with another nonce');

    my $content = read_data(data("nitro/$name.cose"));
    my $short = write_file('short', substr($content, 0, length($content) - 1));
    is((nitro($short, $at))[0], 2, 'malformed without its last byte');

    substr($content, 3000, 1) ^= "\1";
    my $flipped = write_file('flipped', $content);
    is((nitro($flipped, $at, '--allow-debug'))[0], 1, 'refused with one bit turned');
}

# Measurements: none asked for is none allowed.

my ($main, $time) = ('nitro-20260212T175602Z-65ce3118', 1770918962);
my $pcr0 = '9baef83909784e4d2cb84466c02931bb8125e948b62029029e80bfa1698bfd7069408e4ab20d1c99c859e8f774cce0ff';
my $zero = '0' x 96;

my ($code, $out) = agent(undef, qw/verify --kind aws-nitro --root/, $root, '--at', $time, data("nitro/$main.cose"));
is("$code $out", "1 refused: the measurements are not allowed\n", 'neither --pcr nor --any-measurement');

is((nitro($main, $time, '--pcr', "0=$pcr0"))[0], 0, 'the right PCR 0');
is((nitro($main, $time, '--pcr', '0=' . uc $pcr0))[0], 0, 'in capitals');
is((nitro($main, $time, '--pcr', "0=$zero"))[0], 1, 'a wrong one');
is((nitro($main, $time, '--pcr', "0=$zero", '--pcr', "0=$pcr0"))[0], 0, 'one of two');
is((nitro($main, $time, '--pcr', "0=$pcr0", '--pcr', "1=$pcr0"))[0], 1, 'a right one and a wrong one');
is((nitro($main, $time, '--pcr', "3=$zero"))[0], 1, 'zeros are no measurement');
is((nitro('nitro-20251225T082046Z-1c921bd7', 1766650846, '--pcr', "0=$zero", '--allow-debug'))[0], 1,
    'not even of a debug enclave');

is((nitro($main, $time, '--nonce', '0123456789abcdef0123456789abcdef01234567'))[0], 0, 'the right nonce');
is((nitro($main, $time + 1200))[0], 1, 'it is too old');
is((nitro($main, $time + 1200, '--max-age', 1800))[0], 0, 'unless it may be older');

# From the standard input, and as JSON.

($code, $out) = agent(data("nitro/$main.cose"), qw/verify --kind aws-nitro --any-measurement --json --root/, $root,
    '--at', $time, '-');
my $json = decode_json($out);
is($code, 0, 'the standard input');
is($json->{answer}, 'accepted', 'the answer in JSON');
is($json->{valid_until}, $time + 600, 'until when it is good');
is($json->{root}, 'hardware', 'whose root it is');
is($json->{evidence_sha256}, '65ce3118757bd0428142776bc2d715ca0a785ac8b872fedf7edc1fbd9ad10070', 'what was judged');

($code, $out) = nitro($main, $time, '--json', '--root', data('tdx/intel_sgx_root.der'));
is(decode_json($out)->{root}, 'test-root', 'a root that is none of the hardware');
is(decode_json($out)->{answer}, 'refused', 'and what it did not sign');

# A certificate that the evidence does not name.

is((nitro($main, $time, '--bind', 'nitriding', '--tls', $root))[0], 1, 'another certificate than the one it names');
($code, $out) = nitro('nitro-20250415T153857Z-f8fab7fa', 1744731537, '--bind', 'nitriding', '--tls', $root);
like($out, qr/^refused: user_data is not that of nitriding$/, 'evidence that names none');

# What is no document.

is((nitro(write_file('empty', ''), $time))[0], 2, 'nothing is malformed');
is((nitro(write_file('text', "not evidence\n"), $time))[0], 2, 'text is');
is((nitro(write_file('long', "\x84" x 100_000), $time))[0], 2, 'what is too long is');

# Arguments.

my @right = (qw/verify --kind aws-nitro --any-measurement --root/, $root, '--at', $time);
my $file = data("nitro/$main.cose");

my %wrong = (
    'no command' => [],
    'an unknown command' => ['judge'],
    'no file' => [@right],
    'two files' => [@right, $file, $file],
    'a file that is not there' => [@right, data('none')],
    'a folder' => [@right, data('nitro')],
    'an unknown option' => [@right, '--force', $file],
    'an option without a value' => [@right, $file, '--nonce'],
    'an unknown kind' => [@right, '--kind', 'sgx', $file],
    'no time' => [qw/verify --kind aws-nitro --any-measurement --root/, $root, $file],
    'no root' => [qw/verify --kind aws-nitro --any-measurement --at/, $time, $file],
    'a time that is none' => [@right, '--at', 'now', $file],
    'a time below zero' => [@right, '--at', '-1', $file],
    'a root that is none' => [@right, '--root', $file, $file],
    'PCR 32' => [@right, '--pcr', "32=$pcr0", $file],
    'a PCR without a number' => [@right, '--pcr', "=$pcr0", $file],
    'a PCR that is short' => [@right, '--pcr', '0=00', $file],
    'a nonce of half a byte' => [@right, '--nonce', '012', $file],
    'an empty nonce' => [@right, '--nonce', '', $file],
    'an unknown binding' => [@right, '--bind', 'trust', '--tls', $root, $file],
    'a binding without a certificate' => [@right, '--bind', 'nitriding', $file],
    'a certificate without a binding' => [@right, '--tls', $root, $file],
    'OpenGradient without keys' => [@right, '--bind', 'opengradient', '--tls', $root, $file],
    'dump without a file' => ['dump'],
    'keyconfig without a file' => ['keyconfig', '--list'],
);

for my $name (sort keys %wrong) {
    my ($code, $out, $err) = agent(undef, @{ $wrong{$name} });
    is($code, 3, "$name: 3");
    like($err, qr/\S/, 'and says why');
}

# What stands in a document: lines of plain text, whatever it holds.

($code, $out) = agent(undef, 'dump', $file);
is($code, 0, 'dump');
like($out, qr/^pcr0: $pcr0$/m, 'a PCR');
like($out, qr/^nonce: 0123456789abcdef0123456789abcdef01234567$/m, 'the nonce');
like($out, qr/^time: 2026-02-12T17:56:02Z \($time\)$/m, 'the time');
unlike($out, qr/[^\n -~]/, 'plain text');
is((agent(undef, 'dump', write_file('text', "\e[2J")))[0], 2, 'what is none is not dumped');

# Keys in each form become one list.

my $config = "\1\0\x20" . "\2" x 32 . "\0\4\0\1\0\3";
my $list = "\0\x29$config";
my $object = encode_json({ key_id => 1, kem_id => 32, kdf_id => 1, aead_id => 3, public_key => '02' x 32,
    key_config => 'AQAg' . 'AgIC' x 10 . 'AgIABAABAAM=' });

for my $form (['bare', $config], ['list', $list], ['json', $object]) {
    my ($name, $content) = @$form;
    my $file = write_file('keys', $content);

    ($code, $out) = agent(undef, qw/keyconfig --list/, $file);
    is("$code $out", "0 $list", "$name: the list");
    ($code, $out) = agent(undef, 'keyconfig', $file);
    like($out, qr/^form: $name\nkeys: 1\n.*\nkey 1: kem 0x0020, .*, kdf 0x0001 aead 0x0003$/m, 'in words');
}

is((agent(undef, 'keyconfig', write_file('keys', "$config\0")))[0], 2, 'a byte behind a key');
is((agent(undef, 'keyconfig', write_file('keys', $object =~ s/"aead_id":3/"aead_id":1/r)))[0], 1,
    'JSON that disagrees with itself');
is((agent(undef, 'keyconfig', write_file('keys', "\1\x7f\x20" . substr($config, 3))))[0], 1, 'a KEM that nobody knows');

done_testing();
