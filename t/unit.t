#!/usr/bin/perl

# Copyright (C) the ngx_ohttp_relay_module authors

# The unit tests of the parsers: runs what unit-build has left in
# $BUILD/unit, one program for each t/unit/*.c, and reports their results.

###############################################################################

use warnings;
use strict;

use Test::More;

use File::Basename qw/ basename /;
use File::Spec;
use FindBin;

###############################################################################

my $root = File::Spec->catdir($FindBin::Bin, File::Spec->updir());
my $build = File::Spec->rel2abs($ENV{BUILD} || 'build', $root);

my @sources = map { basename($_, '.c') } glob("\Q$FindBin::Bin\E/unit/*.c");
my %programs = map { basename($_) => $_ }
	grep { -f && -x } glob("\Q$build\E/unit/*");

ok(@sources > 0, 'there are unit tests');

foreach my $name (@sources) {
	ok($programs{$name}, "$name was built: make unit-build");
}

foreach my $name (sort keys %programs) {
	subtest $name => sub { run_program($programs{$name}) };
}

done_testing();

###############################################################################

# one result for each line of TAP; the plan and the exit code must agree

sub run_program {
	my ($program) = @_;

	my ($count, $failed, $planned) = (0, 0, 'no plan');

	local $ENV{ASAN_OPTIONS} = 'detect_stack_use_after_return=1';
	local $ENV{TEST_NGINX_DATA} = File::Spec->catdir($FindBin::Bin, 'data');

	my $pid = open(my $out, '-|', $program);

	if (!$pid) {
		fail("cannot run it: $!");
		return;
	}

	while (my $line = <$out>) {
		chomp $line;

		if ($line =~ /^(not )?ok (\d+)(?: - (.*))?$/) {
			$count++;
			$failed++ if $1;

			ok(!$1 && $2 == $count, $3);

		} elsif ($line =~ /^1\.\.(\d+)$/) {
			$planned = $1;

		} else {
			diag($line);
		}
	}

	close $out;

	is($planned, $count, 'all results were reported');
	is($?, $failed ? 256 : 0, 'it ended as its results say');
}

###############################################################################
