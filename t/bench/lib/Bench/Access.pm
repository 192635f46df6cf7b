package Bench::Access;

# What it costs to ask who sends a request, in rounds that take turns: requests that pass, and
# requests that are refused.

use strict;
use warnings;

use Bench::Loads qw/load_of verifications/;
use Bench::Servers qw/apart refusal run_helper start_nginx start_redis stop/;

use Exporter qw/import/;
our @EXPORT_OK = qw/access/;

# of tokens, each is good for one request
use constant { ROUNDS => 10, REQUESTS => 2000 };

my @order = qw/relay unasked_token token redis unasked_jwt jwt none random keyed forged/;

# Returns the rounds, each a hash by load with wall and cpu, microseconds per request, and with
# "verify", those of one signature; and why a kind of nginx is not among them.

sub access {
    my ($gateway) = @_;

    my %load = map { $_ => [load_of($_, (1 + ROUNDS) * REQUESTS)] } @order;
    my ($nginx, $skipped, $redis) = start_all($gateway);
    my @loads = grep { $nginx->{$load{$_}[0]} } @order;
    my @rounds;

    # the first round warms up
    for my $round (0 .. ROUNDS) {
        my %one = (verify => each_of(verifications([apart('worker')], REQUESTS)));

        for my $load ($round % 2 ? @loads : reverse @loads) {
            my ($kind, $status, @file) = @{$load{$load}};
            $one{$load} = one_load($nginx->{$kind}, $status,
                map { ($_, $round * REQUESTS) } @file);
        }

        push @rounds, \%one if $round;
    }

    stop($_->{pid}) for values %$nginx;
    stop($redis) if $redis;

    return (\@rounds, $skipped);
}

sub start_all {
    my ($gateway) = @_;

    my (%skipped, $redis);
    my %nginx = (relay => start_nginx('relay', $gateway, prefix => [apart('worker')]));

    for my $kind (qw/token redis jwt/) {
        my $why = refusal($kind, $gateway);

        if (!defined $why && $kind eq 'redis') {
            $redis = start_redis() or $why = 'no redis-server here';
        }

        if (defined $why) {
            $skipped{$kind} = $why;
            next;
        }

        $nginx{$kind} = start_nginx($kind, $gateway, prefix => [apart('worker')]);
    }

    return (\%nginx, \%skipped, $redis);
}

sub one_load {
    my ($nginx, $status, @credentials) = @_;

    return each_of(split ' ', run_helper([apart('others')], 'client', 'load',
        $nginx->{port}, REQUESTS, $status, $nginx->{pid}, @credentials));
}

# Nanoseconds of all as microseconds of one.

sub each_of {
    my ($wall, $cpu) = @_;
    return { wall => $wall / REQUESTS / 1000, cpu => $cpu / REQUESTS / 1000 };
}

1;
