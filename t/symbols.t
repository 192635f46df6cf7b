#!/usr/bin/perl

# Copyright (C) ohttp_relay contributors

# The module cannot open what it relays: it refers to no function that would.

use warnings;
use strict;

use Test::More;

use Cwd qw/ abs_path /;
use File::Basename qw/ dirname /;
use File::Temp qw/ tempdir /;

my $top = dirname(dirname(abs_path(__FILE__)));
my $module = $ENV{TEST_NGINX_MODULE}
    || "$top/build/ngx_ohttp_relay_module.so";

plan(skip_all => 'no C compiler') if system('cc --version >/dev/null 2>&1');
plan(tests => 10);

my $dir = tempdir(CLEANUP => 1);

is(symbols($module), 0, 'no private key, decrypt or sign function');

is(symbols(library('EVP_PKEY_free')), 0, 'a harmless function is accepted');

for my $function (
    qw/
    PEM_read_bio_PrivateKey d2i_AutoPrivateKey SSL_CTX_use_PrivateKey_file
    EVP_PKEY_decrypt_init EVP_DigestSignFinal EVP_DecryptInit_ex dlsym
    /)
{
    isnt(symbols(library($function)), 0, "$function is found");
}

isnt(symbols("$dir/absent.so"), 0, 'a module that cannot be read is no pass');


sub library {
    my ($function) = @_;

    open my $cc, '|-', 'cc', '-shared', '-fPIC', '-o', "$dir/$function.so",
        '-x', 'c', '-'
        or die "cannot run cc: $!\n";

    print $cc "void $function(void);\nvoid f(void) { $function(); }\n";
    close $cc or die "cc failed\n";

    return "$dir/$function.so";
}


sub symbols {
    my ($file) = @_;

    return system("$top/.ci/symbols '$file' >'$dir/out' 2>&1") >> 8;
}
