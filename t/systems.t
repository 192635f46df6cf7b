#!/usr/bin/perl

# The table of systems is whole: each capability once, each test that it names is there and
# each word is explained. And no page of docs/systems names or links what is not there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

my $root = "$FindBin::Bin/..";
my $docs = "$root/docs/systems";
my $page = slurp("$docs/README.md");

my @rows = map { [split / *\| */, $_] } grep { /^\| \d+ \|/ } split /\n/, $page;
is_deeply([map { $_->[1] } @rows], [1 .. 45], 'each capability has its row');

my %note = map { $_ => 1 } $page =~ /^(\d+)\. /mg;
my %used;

for my $row (@rows) {
    my (undef, $number, $name, @cells) = @$row;
    my $tests = @cells > 5 ? pop @cells : '';

    is(scalar @cells, 5, "$number, $name: a word for each of five systems");
    is(scalar(grep { !/^(?:yes|policy|-|(?:part|no) (\d+))$/ || $1 && !$note{$1} } @cells), 0, 'and each is explained');
    $used{$_} = 1 for map { /(\d+)$/ } @cells;
    ok($tests, 'what is served is tested') if grep { /^(?:yes|policy|part)/ } @cells;
}

is_deeply([sort keys %note], [sort keys %used], 'no note is left over');

for my $file (glob "$docs/*.md") {
    my $text = slurp($file);
    my ($name) = $file =~ m{([^/]+)$};

    my @tests = $text =~ m{`(t/[\w/.-]+)`}g;
    is(join(' ', grep { !-e "$root/$_" } @tests), '', "$name names tests that there are");

    my @links = $text =~ /\]\(([^)#:]+)(?:#[^)]*)?\)/g;
    is(join(' ', grep { !-e "$docs/$_" } @links), '', 'and links pages that there are');

    my @anchors = $text =~ /\]\(([^)#:]+#[^)]+)\)/g;
    is(join(' ', grep { !has_heading($_) } @anchors), '', 'at headings that there are');
}

done_testing();


sub has_heading {
    my ($file, $anchor) = split /#/, $_[0];
    return grep { lc s/[^\w -]//gr =~ tr/ /-/r eq $anchor } slurp("$docs/$file") =~ /^#+ (.*)$/mg;
}

sub slurp {
    my ($file) = @_;
    open my $handle, '<', $file or return '';
    local $/;
    return scalar <$handle>;
}
