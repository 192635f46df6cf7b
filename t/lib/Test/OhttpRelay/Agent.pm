package Test::OhttpRelay::Agent;

# Runs the program ohttp-relay-agent, and reads and writes the files that it is given.

use strict;
use warnings;

use Exporter 'import';
use File::Basename qw/dirname/;
use File::Temp qw/tempdir/;
use Test::More;

our @EXPORT = qw/agent read_data write_file data/;

my $t = dirname(__FILE__) . '/../../..';
my $program = $ENV{TEST_OHTTP_AGENT} || "$t/../build/ohttp-relay-agent";
my $dir = tempdir(CLEANUP => 1);

-x $program or plan(skip_all => 'no ohttp-relay-agent: make build');

# Its exit code, standard output and standard error; input is a file, or undef.

sub agent {
    my ($input, @args) = @_;
    my $pid = fork // die "fork: $!";

    if (!$pid) {
        open STDIN, '<', $input || '/dev/null' or die;
        open STDOUT, '>', "$dir/out" or die;
        open STDERR, '>', "$dir/err" or die;
        exec $program, @args;
        die;
    }

    waitpid $pid, 0;
    return ($? & 127 ? "signal $?" : $? >> 8, read_data("$dir/out"), read_data("$dir/err"));
}

sub read_data {
    my ($path) = @_;
    open my $fh, '<:raw', $path or die "$path: $!";
    local $/;
    return scalar <$fh>;
}

# A file in a folder of its own, gone at the end.

sub write_file {
    my ($name, $content) = @_;
    open my $fh, '>:raw', "$dir/$name" or die "$dir/$name: $!";
    print $fh $content;
    close $fh;
    return "$dir/$name";
}

# A file of t/data.

sub data { return "$t/data/$_[0]" }

1;
