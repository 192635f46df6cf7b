#!/usr/bin/perl

# Whose the file of verdicts is, and whose its folder: who can write to either lets requests to
# any enclave that he likes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new;
plan(skip_all => 'files of other users need root') if $> != 0;

my $registry = $t->registry;
my $verdicts = $t->verdicts;

# the agent's folder, and a user who is neither root nor that of nginx

my $folder = $t->dir . '/run';
mkdir $folder or die "mkdir: $!\n";
my $file = "$folder/verdicts.json";
my ($name, undef, $uid) = getpwnam 'daemon';
plan(skip_all => 'no user daemon here') if !defined $uid;

sub configure {
    my ($options) = @_;
    return <<"EOC";
    ohttp_relay_registry registry.json interval=100ms;
    ohttp_relay_verdicts run/verdicts.json interval=100ms $options;

    server {
        listen 127.0.0.1:8080;
        location = /relay { ohttp_relay_pass row; }
    }
EOC
}

$registry->{policies} = { p => { kind => 'aws-nitro' } };
$registry->row(row => 8081, policy => 'p', attestation => undef)->write;
my $url = 'http://127.0.0.1:' . $t->port(8081) . '/row';

# Puts a new file into its place; after the sub has done something to it.

sub put {
    my ($sub) = @_;
    open my $new, '>:raw', "$file.new" or die "$file.new: $!\n";
    print $new $verdicts->text;
    close $new;
    chmod 0644, "$file.new";
    $sub->("$file.new") if $sub;
    rename "$file.new", $file or die "rename: $!\n";
}

sub restore {
    chown 0, 0, $folder;
    chmod 0755, $folder;
    unlink $file, "$folder/target";
    put();
}

my @wrong = (
    ['a file of another user', sub { put(sub { chown $uid, -1, $_[0] }) }, qr/it belongs neither to root nor/],
    ['a file that its group may write', sub { put(sub { chmod 0664, $_[0] }) }, qr/it is writable by its group/],
    ['a file that others may write', sub { put(sub { chmod 0646, $_[0] }) }, qr/it is writable by its group or by others/],
    ['a folder of another user', sub { chown $uid, -1, $folder; put() }, qr/its folder belongs neither to root nor/],
    ['a folder that its group may write', sub { chmod 0775, $folder; put() }, qr/its folder is writable/],
    ['a folder that others may write', sub { chmod 01777, $folder; put() }, qr/its folder is writable/],
    ['a symbolic link', sub { put(); rename $file, "$folder/target"; symlink 'target', $file }, qr/it is a symbolic link/],
    ['a pipe', sub { unlink $file; system('mkfifo', '-m', '644', $file) == 0 or die }, qr/it is not a regular file/],
    ['a folder', sub { unlink $file; mkdir $file }, qr/it is not a regular file/],
    ['a file that is too large', sub { put(sub { open my $f, '>>', $_[0]; print $f ' ' x (4 << 20); close $f }) },
        qr/it has more than 4194304 bytes/],
);

sub undo { rmdir $file; restore() }

# ---- when nginx starts

$verdicts->good(row => $url);

for my $wrong (@wrong) {
    my ($what, $do, $error) = @$wrong;
    restore();
    $do->();
    my ($code, $said) = $t->nginx_t(configure(''));
    is($code, 1, "at start: $what");
    like($said, qr/\[emerg\] [^\n]*run\/verdicts\.json": $error/, 'is refused, with the reason');
    undo();
}

is(($t->nginx_t(configure('user=daemon')))[0], 0, 'what is right stays right with another user');
chown $uid, -1, $file, $folder;
is(($t->nginx_t(configure('user=daemon')))[0], 0, 'the user who is named may have file and folder');
is(($t->nginx_t(configure('user=nobody')))[0], 1, 'nobody else may');
$t->waive('alerts', 'nginx -t writes there as well', qr/\[emerg\] [^\n]*verdicts\.json": it(?:s folder)? belongs neither/);

# ---- while it runs

restore();
$t->http(configure(''));
my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

sub says { $t->post('/relay')->says }
$t->waitfor('the first verdict', sub { says() eq '200' });

for my $wrong (@wrong) {
    my ($what, $do, $error) = @$wrong;
    my $before = length $t->read_file('error.log');
    $verdicts->good(row => $url, state => 'refused');

    $do->();
    $t->waitfor("a line about $what", sub { substr($t->read_file('error.log'), $before) =~ /\[error\] [^\n]*verdicts\.json" [^\n]*$error/ });
    is(says(), '200', "later: $what changes nothing");

    undo();
    $t->waitfor('a right one', sub { says() eq '503 gateway_not_attested' });
    is(says(), '503 gateway_not_attested', 'a right one is taken over');

    $verdicts->good(row => $url);
    put();
    $t->waitfor('a good one', sub { says() eq '200' });
}

system('rm', '-r', $folder) == 0 or die;
$t->done;
