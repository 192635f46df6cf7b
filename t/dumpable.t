#!/usr/bin/perl

# Workers leave no core file with heads and addresses in it, unless the operator wants them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

# The kernel gives the files of a process that must not be dumped to root, so the owner tells.

$> == 0 and defined getpwnam('nobody') && defined getgrnam('nogroup')
    or plan(skip_all => 'needs root, and nobody');

my $relay = "    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; }\n"
    . '    server { listen 127.0.0.1:8080; location = /relay { ohttp_relay_pass llm; } }';
my $site = '    server { listen 127.0.0.1:8080; error_log %%TESTDIR%%/error.log crit; location = /relay { return 200; } }';

my %case = (
    'a relay' => [$relay, 'root'],
    'a relay with ohttp_relay_dumpable off' => ["    ohttp_relay_dumpable off;\n$relay", 'root'],
    'a relay with ohttp_relay_dumpable on' => ["    ohttp_relay_dumpable on;\n$relay", 'nobody'],
    'no relay' => [$site, 'nobody'],
);

my $t = Test::OhttpRelay->new;

for my $name (sort keys %case) {
    my ($inside, $owner) = @{ $case{$name} };

    $t->http("$inside\n");
    $t->write_file('nginx.conf', $t->read_file('nginx.conf') =~ s{^user root;}{user nobody nogroup;}mr);
    unlink $t->dir . '/nginx.pid';
    $t->run;

    # A worker takes its user first and the rest of its ways before it serves.
    $t->post('/relay', method => 'GET', type => undef, body => undef);
    my ($worker) = $t->workers;
    is(scalar getpwuid((stat "/proc/$worker/environ")[4]), $owner, "$name: files of a worker are those of $owner");
    is($t->quit, 0, "$name: nginx ends in order");
}

$t->done;
