#!/usr/bin/perl

# A relay location serves the relay and nothing else: what would share it is refused.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new;

my $llm = "ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; }\n";
my $pass = 'ohttp_relay_pass llm;';

sub server { "server { listen 127.0.0.1:8080; @_ }\n" }
sub gateway { "ohttp_relay_gateway llm { url http://127.0.0.1:8081/; insecure on; @_ }\n" . server("location = /r { $pass }") }

# Other handlers, in both orders: whichever came last must not win in silence.

my @handlers = ('proxy_pass http://127.0.0.1:8083;', 'fastcgi_pass 127.0.0.1:8083;', 'uwsgi_pass 127.0.0.1:8083;',
    'scgi_pass 127.0.0.1:8083;', 'memcached_pass 127.0.0.1:8083;', 'empty_gif;', 'stub_status;',
    map { "ohttp_relay_status $_;" } qw/health json prometheus/);

my @refused = map {
    ["$_ behind ohttp_relay_pass", 'content handler', $llm . server("location = /both { $pass $_ }")],
    ["$_ before ohttp_relay_pass", 'content handler', $llm . server("location = /both { $_ $pass }")],
} @handlers;

# As parts of the location around them "if" and "limit_except" are bound by it.

push @refused, (
    ['proxy_pass in "if"', '', $llm . server("location = /r { $pass if (\$http_a) { proxy_pass http://127.0.0.1:8083; } }")],
    ['proxy_pass in "limit_except"', '', $llm . server("location = /r { $pass limit_except POST { proxy_pass http://127.0.0.1:8083; } }")],
);

# Copies of requests

push @refused, (
    ['mirror', 'mirror', $llm . server("location = /r { $pass mirror /copy; } location = /copy { internal; }")],
    ['mirror of the server', 'mirror', $llm . server("mirror /copy; location = /r { $pass } location = /copy { internal; }")],
    ['mirror around a nested location', 'mirror', $llm
        . server("location /r { mirror /copy; location /r/in { $pass } } location = /copy { internal; }")],
    ['mirror outside', 'mirror', "mirror /copy;\n" . $llm . server("location = /r { $pass } location = /copy { internal; }")],
    ['mirror in a named location', 'mirror', $llm . server("location \@r { $pass mirror /copy; } location = /copy { internal; }")],
);

# Sizes that leave no room for an answer behind its head, and origins that are none

push @refused, map { ["buffer_size $_", 'buffer_size', gateway("buffer_size $_;")] } qw/0 1 1k 1024 4095 none/;
push @refused, map { ["ohttp_relay_cors $_", 'ohttp_relay_cors', $llm . server("location = /r { $pass ohttp_relay_cors $_; }")] }
    '*', 'null', 'chat.example', 'https://chat.example *', 'https://chat.example/', 'ftp://chat.example',
    'https://chat.example/a', 'https://*.chat.example', 'https://Chat.example', 'https://$host', 'https://', 'https://:8443',
    'https://chat.example:443', 'http://chat.example:80', 'https://chat.example:', 'https://chat.example:08443',
    'https://chat.example:65536', 'https://me@chat.example', 'https://[::1', '"https://a.example https://b.example"',
    qq{"https://chat.example\r\nX-A:"};

for (@refused) {
    my ($name, $about, $inside) = @$_;
    my ($code, $said) = $t->nginx_t($inside);
    my @lines = grep { /\[(?:emerg|alert|crit)\]/ } split /\n/, $said;

    isnt($code, 0, "$name is refused");
    is(scalar @lines, 1, 'with one line') or diag($said);
    like($lines[0] // '', qr/\Q$about\E/, "which speaks of $about") if $about ne '';
}

my @accepted = (
    ['a mirror beside it', $llm . server("location = /r { $pass } location = /site { mirror /copy; } location = /copy { internal; }")],
    ['mirror off in the location', "mirror /copy;\n" . $llm . server("location = /r { $pass mirror off; } location = /copy { internal; }")],
    ['other handlers beside it', $llm . server("location = /r { $pass }"
        . join '', 'set $memcached_key a;', map { "location = /h$_ { $handlers[$_] }" } 0 .. $#handlers)],
    ['return in an "if"', $llm . server("location = /r { if (\$http_a) { return 403; } $pass }")],
    ['a small buffer', gateway('buffer_size 4k;')],
    ['two origins', $llm . server("location = /r { $pass ohttp_relay_cors https://a.example http://b.example:8000; }")],
    ['origins of all kinds', $llm . server("location = /r { $pass ohttp_relay_cors http://localhost https://xn--a-1.example:80 http://a.example:443 'http://[::1]:8080' http://127.0.0.1; }")],
);

for (@accepted) {
    my ($name, $inside) = @$_;
    my ($code, $said) = $t->nginx_t($inside);
    is($code, 0, "$name is accepted") or diag($said);
}

# What an nginx built for debugging can print of some clients

SKIP: {
    skip 'no debug here', 3 unless $t->built_with('debug');

    my $text = Test::OhttpRelay::in_http($llm . server("location = /r { $pass }"));
    $text =~ s/(worker_connections [^;]*;)/$1 debug_connection 127.0.0.0\/8;/;
    $t->write_file_expand('nginx.conf', $text);

    my ($code, $said) = $t->nginx_t;
    my @lines = grep { /\[emerg\]/ } split /\n/, $said;
    isnt($code, 0, 'debug_connection is refused');
    is(scalar @lines, 1, 'with one line') or diag($said);
    like($lines[0] // '', qr/debug_connection/, 'which speaks of it');
}

$t->done;
