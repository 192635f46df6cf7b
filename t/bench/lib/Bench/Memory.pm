package Bench::Memory;

# What an open stream takes: the growth of the worker's resident memory over many of them.

use strict;
use warnings;

use List::Util qw/sum/;

use Bench::Loads qw/load_of/;
use Bench::Servers qw/release start_client start_nginx stop/;

use Exporter qw/import/;
our @EXPORT_OK = qw/connection_memory stream_memory/;

# opened before the first look, so that what nginx touches once is not counted
use constant WARM_UP => 100;

# Bytes per stream of a load with requests of this kind (single, chunked), and how many of them
# came to a good end.

sub stream_memory {
    my ($load, $gateway, $kind, $n) = @_;

    my ($nginx_kind, $status, @file) = load_of($load, WARM_UP + $n);
    my $nginx = start_nginx($nginx_kind, $gateway, path => '/idle');
    my $opened = 0;

    my $arguments = sub {
        my ($n) = @_;
        my @arguments = ('hold', $nginx->{port}, $n, $kind, map { ($_, $opened) } @file);

        $opened += $n;
        return @arguments;
    };

    my $measured = growth($nginx, $n, $arguments, sub { release($gateway) });

    stop($nginx->{pid});
    return $measured;
}

# Bytes per client connection that is kept alive after a request answered by nginx itself.

sub connection_memory {
    my ($gateway, $n) = @_;

    my $nginx = start_nginx('direct', $gateway);
    my $measured = growth($nginx, $n, sub { ('idle', $nginx->{port}, $_[0]) }, sub { });

    stop($nginx->{pid});
    return $measured;
}

sub growth {
    my ($nginx, $n, $arguments, $release) = @_;

    my $some = start_client($arguments->(WARM_UP));
    my $before = resident($nginx->{pid});
    my $all = start_client($arguments->($n));
    my $bytes = (resident($nginx->{pid}) - $before) / $n;

    $release->();

    my $complete = sum(map { $_->() // 0 } $some, $all);

    return { bytes => $bytes, complete => $complete - WARM_UP };
}

sub resident {
    my ($pid) = @_;

    open my $file, '<', "/proc/$pid/status" or die "/proc/$pid/status: $!\n";
    my ($kib) = map { /^VmRSS:\s+(\d+) kB/ ? $1 : () } <$file>;
    return $kib * 1024;
}

1;
