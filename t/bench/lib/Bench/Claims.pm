package Bench::Claims;

# How many claims a second the room "store" makes, without the relay around it: the module of
# t/bench/store_module asks it, with 256 questions on their way at a time.

use strict;
use warnings;

use Cwd qw/abs_path/;
use HTTP::Tiny;

use Bench::Load qw/median/;
use Bench::Servers qw/apart build_directory refusal start_nginx start_redis stop/;

use Exporter qw/import/;
our @EXPORT_OK = qw/claims/;

use constant { ROUNDS => 5, CLAIMS => 200000, DEPTH => 256 };

my $source = abs_path(__FILE__) =~ s{lib/Bench/Claims\.pm$}{store_module}r;

# Returns the claims per second by kind of store (shm, redis), and why one is not there.

sub claims {
    my ($gateway) = @_;

    my (%claims, %skipped);
    my $module = build_module();

    for my $store (qw/shm redis/) {
        my $kind = "claims_$store";
        my $why = $module ? refusal($kind, $gateway, store_module => $module)
                          : 'no t/bench/store_module here';
        my $redis;

        if (!defined $why && $store eq 'redis') {
            $redis = start_redis() or $why = 'no redis-server here';
        }

        if (defined $why) {
            $skipped{$store} = $why;
            next;
        }

        my $nginx = start_nginx($kind, $gateway, store_module => $module,
            prefix => [apart('worker')]);

        $claims{$store} = median(map { one_round($nginx, $_) } 1 .. ROUNDS);
        stop($nginx->{pid});
        stop($redis) if $redis;
    }

    return (\%claims, \%skipped);
}

# All claims of a round are new, and are granted.

sub one_round {
    my ($nginx, $round) = @_;

    my $url = "http://127.0.0.1:$nginx->{port}/store?do=bench&name=round$round&n=" . CLAIMS
        . '&depth=' . DEPTH;
    my $response = HTTP::Tiny->new(timeout => 60)->get($url);
    my ($granted, $per_second) = $response->{content} =~ /^granted:(\d+) .*per_second:(\d+)/
        or die "no claims:\n$response->{content}\n";

    $granted == CLAIMS or die "not all claims were granted:\n$response->{content}\n";
    return $per_second;
}

# The file of the module, made when a source is newer; undef without its sources.

sub build_module {
    return if !-e "$source/config";

    my $to = abs_path(build_directory()) . '/bench/store';
    my $module = "$to/ngx_ohttp_store_bench_module.so";
    my @from = map { glob } "$source/*", "$source/../../../src/store/*",
        "$source/../../../src/codec/*";

    if (!-e $module || grep { -M $_ < -M $module } @from) {
        local @ENV{qw/SOURCE TO/} = ($source, $to);

        system('bash', '-c', <<'EOS') == 0 or die "cannot build the module of the store\n";
cd "${NGINX_SRC:-/usr/share/nginx/src}" && . ./conf_flags && rm -rf "$TO" && mkdir -p "$TO" &&
./configure "${NGX_CONF_FLAGS[@]}" --with-cc="${CC:-cc}" --with-cc-opt='-g -O2 -fPIC' \
    --with-ld-opt=-fPIC --add-dynamic-module="$SOURCE" --builddir="$TO" > "$TO.log" 2>&1 &&
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -f "$TO/Makefile" modules >> "$TO.log" 2>&1
EOS
    }

    return $module;
}

1;
