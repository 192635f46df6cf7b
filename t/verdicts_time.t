#!/usr/bin/perl

# A verdict ends at its time, in each worker, and nothing but a new one brings it back: no file
# that says it holds longer, no reload, no worker that comes later.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Time::HiRes ();

my $t = Test::OhttpRelay->new->has(qw/access-peer/);
my $access = $t->access;
my $key = $access->issuer_key('demo');
my $registry = $t->registry;
my $verdicts = $t->verdicts;

$t->http(<<"EOC");
    ohttp_relay_registry registry.json interval=100ms;
    ohttp_relay_verdicts verdicts.json interval=100ms;

    ohttp_relay_token_key demo { key $key->{spki}; issuer issuer.example; expires 2099-01-01T00:00:00Z; }

    server {
        listen 127.0.0.1:8080;
        location ~ ^/to/(?<name>.*)\$ { ohttp_relay_pass \$name; ohttp_relay_auth token=demo; }
        location ~ ^/open/(?<name>.*)\$ { ohttp_relay_pass \$name; }
        location = /alive { return 204; }
    }
EOC
$t->write_file('nginx.conf', "worker_processes 2;\n" . $t->read_file('nginx.conf'));

$registry->{policies} = { p => { kind => 'aws-nitro' }, pinned => { kind => 'pinned' } };
my %url;
for my $name (qw/short long aged pinned/) {
    $registry->row($name => 8081, policy => $name eq 'pinned' ? $name : 'p', attestation => undef);
    $url{$name} = 'http://127.0.0.1:' . $t->port(8081) . "/$name";
    $verdicts->good($name => $url{$name}, policy => $name eq 'pinned' ? $name : 'p');
}
$registry->write;
$verdicts->write;

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

sub token { ($access->tokens($key, direct => 1, issuer => 'issuer.example'))[0] }
sub says { $t->post("/to/$_[0]", headers => [Authorization => 'PrivateToken token=' . ($_[1] // token())])->says }
sub errors { scalar(() = $t->read_file('error.log') =~ /\[error\] [^\n]*$_[0]/g) }

# in each worker, as good as certainly
sub all_say {
    my ($name, $says, $what) = @_;
    my %said;
    $said{ $t->post("/open/$name")->says }++ for 1 .. 20;
    is_deeply([keys %said], [$says], $what);
}

my ($yes, $no) = ('200', '503 gateway_not_attested');

# ---- the end of a verdict, under traffic

all_say($_, $yes, "in each worker: $_") for qw/short long pinned/;

my $end = time + 4;
$verdicts->good(short => $url{short}, valid_until => $end)->publish;

my ($before, $after) = (0);
$t->waitfor('the verdict to lapse', sub {
    my ($asked, $says, $now) = (Time::HiRes::time(), $t->post('/open/short')->says, Time::HiRes::time());
    $before = $asked if $says eq $yes;
    $after = $now if $says eq $no;
    return $after;
});
cmp_ok($before, '<', $end, 'it lets requests until its time is over');
# clocks that are read in different ways differ by some milliseconds
cmp_ok($after, '>=', $end - 0.1, 'and not a second less');

my $token = token();
is(says('short', $token), $no, 'a request that comes too late');
all_say('short', $no, 'in each worker');
is(says('long'), $yes, 'others are not concerned');
is(errors('gateway "short" is not attested, its verdict has lapsed'), 1, 'one line says it');

# ---- the same one does not hold longer because somebody says so

$verdicts->change('short', valid_until => time + 600)->publish;
all_say('short', $no, 'nor with a later end');

$t->reload_whole;
all_say('short', $no, 'nor after a reload');
is(says('long'), $yes, 'which changes nothing for others');

my %old = map { $_ => 1 } $t->workers;
kill KILL => keys %old;
$t->waitfor('new workers', sub { 2 == grep { !$old{$_} } $t->workers });
$t->waitfor('an answer', sub { eval { $t->post('/alive', method => 'GET', type => undef, body => undef)->status == 204 } });
$t->waive('alerts', 'workers were killed', qr/exited on signal 9/);
all_say('short', $no, 'nor in a worker that comes later');
is(errors('gateway "short" is not attested, its verdict has lapsed'), 1, 'and nobody says it again');
is(scalar(() = $t->read_file('error.log') =~ /\[notice\] [^\n]*gateway "short" is attested/g), 1, 'or that it is attested');

$verdicts->good(short => $url{short})->publish;
all_say('short', $yes, 'a new one lets requests again');
is(says('short', $token), $yes, 'and the token of the one that was refused is still good');

# a verdict that holds longer than before, and has not lapsed yet: it holds until its first end

$end = time + 4;
$verdicts->good(aged => $url{aged}, valid_until => $end)->publish;
$verdicts->change('aged', valid_until => $end + 600)->publish;
$t->waitfor('its first end', sub { $t->post('/open/aged')->says eq $no });
all_say('aged', $no, 'a verdict with two ends ends at the first');
$verdicts->good(aged => $url{aged})->publish;

# ---- the program that writes them is dead

$end = time + 4;
$verdicts->{ttl} = 3;
$verdicts->publish($verdicts->text(written_at => time + 1));
$t->waitfor('the file to lapse', sub { $t->post('/open/long')->says eq $no });
cmp_ok(Time::HiRes::time(), '>=', $end - 0.1, 'they end when nobody writes new ones in time');
all_say($_, $no, "each of them: $_") for qw/short long/;
all_say('pinned', $yes, 'but for what is pinned');
is(errors('the verdicts in "verdicts\.json" have lapsed'), 1, 'one line says it');

$t->reload_whole;
all_say('long', $no, 'a reload brings nothing back');

$verdicts->{ttl} = 900;
$verdicts->publish($verdicts->text(seq => $verdicts->{seq}));
all_say('long', $no, 'nor does what calls itself the same file');

$verdicts->publish;
all_say('long', $yes, 'a new file does');

# ---- a reload goes on with what is in force, if the file is not there or is an old one

my $file = $t->read_file($verdicts->file);
unlink $verdicts->file;
$t->reload_whole;
all_say('long', $yes, 'a reload without a file');

$verdicts->write($verdicts->text(seq => $verdicts->{seq} - 1, gateways => {}));
$t->reload_whole;
all_say('long', $yes, 'a reload with an older one');
like($t->read_file('error.log'), qr/\[warn\] [^\n]*verdicts\.json" is not taken over now: its "seq" is smaller/, 'which it says');

$verdicts->write('{');
ok(!eval { $t->reload; 1 }, 'a reload with a broken one is refused');
$t->waive('alerts', 'workers were killed, a reload was refused',
    qr/exited on signal 9|verdicts\.json": line 1: this is not JSON/);
all_say('long', $yes, 'and changes nothing');

$verdicts->drop('long')->publish;
all_say('long', $no, 'the file is followed as before');

$t->done;
