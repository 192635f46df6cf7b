#!/usr/bin/perl

# The program ohttp-relay-agent judges a report of SEV-SNP against the certificates of its chip.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay::Agent;

my ($from, $until) = (1680549823, 1901474623);
my $measurement = unpack 'x144 H96', read_data(data('snp/sev-milan-report'));
my $report_data = unpack 'x80 H128', read_data(data('snp/sev-milan-report'));
my @any = '--any-measurement';

sub snp {
    my ($at, @more) = @_;
    my $file = @more && $more[-1] =~ m{/} ? pop @more : data('snp/sev-milan-report');
    return agent(undef, qw/verify --kind sev-snp --root/, data('snp/amd_ark_milan.pem'), '--collateral',
        data('snp/sev-milan-chain.pem'), '--at', $at, @more, $file);
}

my ($code, $out) = snp($from, @any);
is("$code $out", '0 accepted: sev-snp, root: hardware, until: ' . ($from + 600) . ", any measurement\n", 'a report');
is((snp($from - 1, @any))[0], 1, 'not before its certificate');
is((snp($until, @any))[0], 1, 'not after it');

is((snp($from))[0], 1, 'no measurement');
is((snp($from, '--measurement', $measurement))[0], 0, 'the right measurement');
is((snp($from, '--measurement', '1' x 96))[0], 1, 'a wrong one');
is((snp($from, @any, '--report-data', $report_data))[0], 0, 'the right report data');
is((snp($from, @any, '--report-data', '1' x 128))[0], 1, 'other report data');
is((snp($from, @any, '--min-tcb', '0300000000000873'))[0], 0, 'versions that are new enough');
is((snp($from, @any, '--min-tcb', '0300000000000874'))[0], 1, 'an older one');
is((snp($from, '--root', data('snp/amd_ark_genoa.pem'), @any))[0], 1, 'the root of another product');
is((snp($from, '--collateral', data('snp/amd_ark_milan.pem'), @any))[0], 3, 'collateral that is none');

my $content = read_data(data('snp/sev-milan-report'));
is((snp($from, @any, write_file('short', substr($content, 0, 1183))))[0], 2, 'malformed without its last byte');
substr($content, 0x90, 1) ^= "\1";
is((snp($from, @any, write_file('turned', $content)))[0], 1, 'refused with a bit turned');

is((snp($from, @any, '--nonce', '00'))[0], 3, 'a nonce is none of it');
is((snp($from, '--measurement', '00'))[0], 3, 'a measurement that is short');

($code, $out) = agent(undef, 'dump', data('snp/sev-milan-report'));
is($code, 0, 'dump');
like($out, qr/^measurement: $measurement$/m, 'the measurement');

done_testing();
