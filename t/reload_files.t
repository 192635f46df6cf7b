#!/usr/bin/perl

# The list of watched files may change from reload to reload, and stay as it is in the next.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/access-peer/);
my $access = $t->access;
my (%set, %kid);

for my $name (qw/first second third/) {
    $set{$name} = $access->jwks;
    $kid{$name} = 'rs256-' . chr(ord('a') + keys %kid);
    $t->write_file("$name.json", $t->read_file($set{$name}{jwks}));
}

sub configure {
    my @issuers = map { "ohttp_relay_jwt_issuer $_ { jwks $_.json; iss https://$_.example; aud relay; }" } @_;
    my $accepted = join ' ', map { "jwt=$_" } @_;
    $t->http(<<"EOC");
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; }
    @issuers
    server {
        listen 127.0.0.1:8080;
        location = /relay { ohttp_relay_pass llm; ohttp_relay_auth $accepted; }
    }
EOC
}

sub says {
    my ($name) = @_;
    my $jwt = $access->jwt($set{$name}, kid => $kid{$name},
        claims => { iss => "https://$name.example", aud => 'relay', sub => 'alice', exp => time + 600 });
    return $t->post('/relay', headers => [Authorization => "Bearer $jwt"])->says;
}

sub accepts {
    my ($what, %expected) = @_;
    $t->waitfor($what, sub { !grep { says($_) ne $expected{$_} } keys %expected });
    is(says($_), $expected{$_}, "$what: $_") for sort keys %expected;
}

my ($yes, $no) = ('200', '401 credential_invalid');

configure(qw/first second/);
my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;
accepts('two files', first => $yes, second => $yes, third => $no);

# a list of the same size, so that nginx has to be told

my @steps = (
    ['another one of them', [qw/first third/], { first => $yes, second => $no, third => $yes }],
    ['the same list', [qw/first third/], { first => $yes, second => $no, third => $yes }],
    ['the same list again', [qw/first third/], { first => $yes, second => $no, third => $yes }],
    ['one less', [qw/third/], { first => $no, second => $no, third => $yes }],
    ['another one', [qw/second/], { first => $no, second => $yes, third => $no }],
    ['the first list', [qw/first second/], { first => $yes, second => $yes, third => $no }],
    ['another order', [qw/second first/], { first => $yes, second => $yes, third => $no }],
    ['the same order', [qw/second first/], { first => $yes, second => $yes, third => $no }],
);

for my $step (@steps) {
    my ($what, $names, $expected) = @$step;
    configure(@$names);
    $t->reload;
    $t->waitfor('the old worker to go', sub { 1 == (my @workers = $t->workers) });
    accepts($what, %$expected);
}

# ---- and the files are watched still

$t->write_file('new.json', $t->read_file($set{third}{jwks}));
rename $t->dir . '/new.json', $t->dir . '/first.json' or die "rename: $!\n";
$t->waitfor('the new content', sub { says('first') eq $no });
is(says('first'), $no, 'a file that changes is taken over after all that');

$t->done;
