#!/usr/bin/perl

# The clients that the other tests here run are those that were asked for, unmodified.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Interop;

my $t = Test::OhttpRelay->new;
my $others = Test::OhttpRelay::Interop->new($t)->has(qw/python/);

open my $list, '<', "$FindBin::Bin/requirements.in" or die "requirements.in: $!\n";
my %wanted = map { /^([\w-]+)==(\S+)/ ? ($1 => $2) : () } <$list>;
ok(%wanted > 3, 'there are clients');

# Each with the sums of its files, as its package has them.

my ($code, $printed) = $others->python('clients.py', sort keys %wanted)->finish;
is($code, 0, 'their files are those of the packages') or diag($printed);

my %there = $printed =~ /^(\S+) (\S+)$/mg;
is($there{$_}, $wanted{$_}, "$_ $wanted{$_}") for sort keys %wanted;

$t->done;
