package Bench::Load;

# Requests per second and CPU time per request, in rounds that take turns, and the time that a
# piece of a stream spends on its way.

use strict;
use warnings;

use List::Util qw/sum/;
use POSIX ();

use Bench::Servers qw/apart directory run_client start_nginx stop/;

use Exporter qw/import/;
our @EXPORT_OK = qw/first_chunk median throughput/;

use constant { ROUNDS => 20, SECONDS => 1, CONNECTIONS => 16, STREAMS => 400 };

my @kinds = qw/relay proxy/;

sub throughput {
    my ($gateway) = @_;

    my %nginx = map { $_ => start_nginx($_, $gateway, prefix => [apart('worker')]) } @kinds;
    my $script = wrk_script();
    my %rounds;

    # the first round warms up
    for my $round (0 .. ROUNDS) {

        # each comes first as often as the other
        for my $kind ($round % 2 ? @kinds : reverse @kinds) {
            my $one = one_round($nginx{$kind}, $script);
            push @{$rounds{$kind}}, $one if $round;
        }
    }

    stop($_->{pid}) for values %nginx;

    # rounds side by side saw the same machine: what others do on it leaves the ratio
    my $ratio = median(map {
        $rounds{relay}[$_]{per_second} / $rounds{proxy}[$_]{per_second}
    } 0 .. ROUNDS - 1);

    return (ratio => $ratio, map { $_ => summary(@{$rounds{$_}}) } @kinds);
}

sub summary {
    my (@rounds) = @_;

    return {
        per_second => median(map { $_->{per_second} } @rounds),
        cpu_us => 1e6 * sum(map { $_->{cpu} } @rounds) / sum(map { $_->{requests} } @rounds),
    };
}

sub one_round {
    my ($nginx, $script) = @_;

    my $before = cpu_seconds($nginx->{pid});

    open my $out, '-|', apart('others'), 'wrk', '-t1', '-c' . CONNECTIONS, '-d' . SECONDS, '-s', $script,
        "http://127.0.0.1:$nginx->{port}/relay" or die "wrk: $!\n";
    my $said = join '', <$out>;
    close $out or die "wrk has failed:\n$said";

    my ($requests) = $said =~ /^\s*(\d+) requests in/m;
    my ($per_second) = $said =~ m{^Requests/sec:\s+([\d.]+)}m;

    $requests && $said !~ /Non-2xx|Socket errors/
        or die "not all requests were answered:\n$said";

    return {
        requests => $requests,
        per_second => $per_second,
        cpu => cpu_seconds($nginx->{pid}) - $before,
    };
}

sub wrk_script {
    my $path = directory() . '/post.lua';

    open my $file, '>', $path or die "$path: $!\n";
    print $file <<'EOS';
wrk.method = "POST"
wrk.headers["Content-Type"] = "message/ohttp-req"
wrk.body = "\1\0\32\0\1\0\1" .. string.rep("x", 1017)
EOS
    close $file;

    return $path;
}

# utime and stime of a process of one thread

sub cpu_seconds {
    my ($pid) = @_;

    open my $file, '<', "/proc/$pid/stat" or die "/proc/$pid/stat: $!\n";
    my @fields = split ' ', <$file> =~ s/^.*\) //sr;

    return ($fields[11] + $fields[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# Milliseconds from the gateway's write of a chunk to its arrival at the client: of the first,
# which the gateway writes together with the head, and of the second.

sub first_chunk {
    my ($gateway) = @_;

    my @nginx = map { start_nginx($_, $gateway, path => '/stream') } @kinds;
    my @late;

    for my $line (run_client('first', (map { $_->{port} } @nginx), STREAMS)) {
        my ($place, $first, $next) = split ' ', $line;
        push @{$late[$place]{first}}, $first / 1e6;
        push @{$late[$place]{next}}, $next / 1e6;
    }

    stop($_->{pid}) for @nginx;

    return map {
        my $late = $late[$_];
        $kinds[$_] => { map { $_ => median(@{$late->{$_}}) } qw/first next/ };
    } 0 .. 1;
}

sub median {
    my @sorted = sort { $a <=> $b } @_;
    return ($sorted[$#sorted / 2] + $sorted[@sorted / 2]) / 2;
}

1;
