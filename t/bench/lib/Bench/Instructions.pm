package Bench::Instructions;

# Instructions per request, counted by callgrind. The difference of a long and a short run
# leaves the start out.

use strict;
use warnings;

use Bench::Loads qw/load_of/;
use Bench::Servers qw/directory run_client start_nginx stop/;

use Exporter qw/import/;
our @EXPORT_OK = qw/instructions profile/;

use constant { SHORT => 200, LONG => 2200 };

# Returns the instructions per request of a load, and the files of both runs.

sub instructions {
    my ($name, $gateway) = @_;

    my @runs = map { count($name, $gateway, $_) } SHORT, LONG;

    return {
        per_request => ($runs[1]{total} - $runs[0]{total}) / (LONG - SHORT),
        files => [map { $_->{file} } @runs],
    };
}

sub count {
    my ($name, $gateway, $requests) = @_;

    my $file = directory() . "/callgrind.$name.$requests";
    my ($kind, @load) = load_of($name, LONG);
    my $nginx = start_nginx($kind, $gateway, prefix => ['valgrind', '--tool=callgrind',
        '-q', "--callgrind-out-file=$file"]);

    run_client('send', $nginx->{port}, $requests, @load);
    stop($nginx->{pid}, 'QUIT');

    open my $out, '<', $file or die "$file: $!\n";
    my ($total) = map { /^(?:summary|totals):\s+(\d+)/ ? $1 : () } <$out>;
    defined $total or die "callgrind has counted nothing\n";

    return { total => $total, file => $file };
}

# The functions that take the most per request: [name, inclusive, self]. What nginx does not
# export goes by its address.

sub profile {
    my ($measured, $top) = @_;

    my @self = map { functions($_, 'no') } @{$measured->{files}};
    my @inclusive = map { functions($_, 'yes') } @{$measured->{files}};
    my $per = sub {
        my ($of, $name) = @_;
        return (($of->[1]{$name} || 0) - ($of->[0]{$name} || 0)) / (LONG - SHORT);
    };
    my @all = map { [$_, $per->(\@inclusive, $_), $per->(\@self, $_)] } keys %{$self[1]};

    return {
        inclusive => [top($top, sort { $b->[1] <=> $a->[1] } @all)],
        self => [top($top, sort { $b->[2] <=> $a->[2] } @all)],
    };
}

sub top {
    my ($n, @all) = @_;
    return @all > $n ? @all[0 .. $n - 1] : @all;
}

sub functions {
    my ($file, $inclusive) = @_;

    my %count;

    open my $out, '-|', 'callgrind_annotate', '--threshold=100', '--auto=no',
        '--show-percs=no', "--inclusive=$inclusive", $file or die "callgrind_annotate: $!\n";

    while (my $line = <$out>) {
        $count{$2} += $1 =~ tr/,//dr if $line =~ /^\s*([\d,]+)\s+\S*?:(\S+)(?: \[|$)/;
    }

    close $out or die "callgrind_annotate has failed\n";
    return \%count;
}

1;
