#!/usr/bin/perl

# The program ohttp-relay-agent judges a TDX quote against Intel's collateral and what it is told.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;
use Test::OhttpRelay::Agent;

my ($from, $time, $until) = (1750329147, 1750385400, 1752919235);

my $quote = data('tdx/dcapqvl-tdx_quote');
my $collateral = data('tdx/dcapqvl-tdx_quote_collateral.json');
my $mrtd = '91eb2b44d141d4ece09f0c75c2c53d247a3c68edd7fafe8a3520c942a604a407de03ae6dc5f87f27428b2538873118b7';
my @rtmr = (
    '44c0197b39157fdd7a4dcc44767f9d6b0bb3977c7a8e347b8492f827fe9d9e5c48aca29b220b80b6a540cf994b9bc9c0',
    '0084452c01668329d4bc06acdf58a7205c26743304509973949e5619bf81a6a7aea8c323c173019b3093d54e579e9378',
    'd833feef2cd945148aa38ead2c53e9b7f138190aaaebfc551dccd829fc207aa3ba80b70870d7330733642e01d48c3132',
    '0' x 96,
);
my $report_data = '9a9d48e7f6799642d3d1b34e1e5e1742d4bb02dd6ddd551862c1211d35c304f9'
    . 'eca3efdbb481601c163cf52493d6e44aed55d51ec39b7e518fadb92c2b523f20';

sub tdx {
    my ($at, @more) = @_;
    return agent(undef, qw/verify --kind tdx --root/, data('tdx/intel_sgx_root.der'), '--collateral', $collateral,
        '--at', $at, @more, $quote);
}

sub answer { return (tdx(@_))[1] =~ s/\n//r }

my @any = '--any-measurement';

# At its time, from when the identity of the enclave is issued to when a list of revoked certificates ends.

is(answer($time, @any), 'accepted: tdx, root: hardware, until: ' . ($time + 600) . ', tcb: UpToDate, any measurement',
    'at its time');
like(answer($from, @any), qr/^accepted/, 'from the first second');
like(answer($until - 1, @any), qr/^accepted: .*, until: $until,/, 'to the last, and not beyond');
is(answer($from - 1, @any), 'refused: TCB info or QE identity is not yet valid', 'not before');
is(answer($until, @any), 'refused: a revocation list has expired', 'not after');
is((tdx($until, @any))[0], 1, 'which is 1');

# Measurements: none asked for is none allowed, and zeros are none.

is(answer($time), 'refused: the measurements are not allowed', 'no measurement');
is((tdx($time, '--mrtd', $mrtd))[0], 0, 'the right MRTD');
is((tdx($time, '--mrtd', '0' x 95 . '1'))[0], 1, 'a wrong one');
is((tdx($time, '--mrtd', $mrtd, map { ('--rtmr', "$_=$rtmr[$_]") } 0 .. 2))[0], 0, 'with three RTMRs');
is((tdx($time, '--mrtd', $mrtd, '--rtmr', "3=$rtmr[3]"))[0], 1, 'zeros are no measurement');
is((tdx($time, '--mrtd', $mrtd, '--rtmr', "1=$rtmr[0]"))[0], 1, 'a right one in another place');
is((tdx($time, '--event', 'compose-hash=' . 'aa' x 32))[0], 1, 'an event without a log');
is(answer($time, @any, '--event-log', write_file('log', '[]')), 'refused: the event log is not that of the quote',
    'the log of another one');
is((tdx($time, @any, '--event-log', write_file('log', '[')))[0], 2, 'a log that is none');

is((tdx($time, @any, '--report-data', $report_data))[0], 0, 'the right report data');
is((tdx($time, @any, '--report-data', $report_data =~ s/0$/1/r))[0], 1, 'other report data');
is((tdx($time, @any, '--tcb', 'OutOfDate'))[0], 1, 'another status is allowed');
is((tdx($time, @any, '--tcb', 'OutOfDate', '--tcb', 'UpToDate'))[0], 0, 'both are');
is((tdx($time, @any, '--min-tcb-evaluation', 17))[0], 0, 'of that evaluation');
is((tdx($time, @any, '--min-tcb-evaluation', 18))[0], 1, 'not of a later one');
is((tdx($time, @any, '--root', data('nitro/aws_root_g1.pem')))[0], 1, 'not by another root');

# The quote cut, or changed; collateral that is not Intel's, or none.

my $content = read_data($quote);
my $right = $quote;

$quote = write_file('quote', substr($content, 0, 4000));
is((tdx($time, @any))[0], 2, 'malformed if it is cut');
substr($content, 568, 1) ^= "\1";
$quote = write_file('quote', $content);
is((tdx($time, @any))[0], 1, 'refused with a bit turned');
$quote = data('nitro/nitro-20260212T175602Z-65ce3118.cose');
is((tdx($time, @any))[0], 2, 'a document of Nitro is malformed');
$quote = $right;

$content = read_data($collateral);
$collateral = write_file('collateral', $content =~ s/UpToDate/OutOfDat/r);
is((tdx($time, @any))[0], 1, 'collateral that has been changed');
$collateral = write_file('collateral', '{}');
is((tdx($time, @any))[0], 3, 'collateral that is none');
$collateral = data('tdx/dcapqvl-tdx_quote_collateral.json');

my $json = decode_json((tdx($time, @any, '--json'))[1]);
is("$json->{answer} $json->{tcb} $json->{root}", 'accepted UpToDate hardware', 'as JSON');

# Arguments.

my @right = (qw/verify --kind tdx --any-measurement --root/, data('tdx/intel_sgx_root.der'), '--at', $time);

my %wrong = (
    'no collateral' => [@right],
    'collateral that is not there' => [@right, '--collateral', data('none')],
    'a nonce' => [@right, '--collateral', $collateral, '--nonce', '00'],
    'an unknown status' => [@right, '--collateral', $collateral, '--tcb', 'Fine'],
    'RTMR 4' => [@right, '--collateral', $collateral, '--rtmr', "4=$rtmr[0]"],
    'an unknown event' => [@right, '--collateral', $collateral, '--event', 'system-ready=00'],
    'report data that is short' => [@right, '--collateral', $collateral, '--report-data', '00'],
    'collateral for Nitro' => [@right, '--kind', 'aws-nitro', '--collateral', $collateral],
);

for my $name (sort keys %wrong) {
    my ($code, $out, $err) = agent(undef, @{ $wrong{$name} }, $quote);
    is($code, 3, "$name: 3");
    like($err, qr/\S/, 'and says why');
}

my ($code, $out) = agent(undef, 'dump', $quote);
is($code, 0, 'dump');
like($out, qr/^mrtd: $mrtd$/m, 'the MRTD');
like($out, qr/^report_data: $report_data$/m, 'the report data');

done_testing();
