#!/usr/bin/perl

# A pool with shared keys publishes what its gateways agree on: never two answers, and none that
# a single gateway has made up.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw/sha256_hex/;
use JSON::PP ();
use Test::More;
use Test::OhttpRelay;
use Time::HiRes qw/sleep/;

use constant AGE => 8;

my $t = Test::OhttpRelay->new;

my %keys = (old => list(bare(1, 'a')), both => list(bare(1, 'a'), bare(2, 'b')), new => list(bare(2, 'b')),
    changed => list(bare(2, 'z')), only => bare(1, 'a'));

put($_, $keys{old}) for qw/a b c/;
put('d', $keys{only});
put('late', $keys{both});

sub configure {
    my (@more) = @_;
    my $gateway = 'url http://127.0.0.1:8081/gateway; insecure on;';
    my $age = 'keys_max_age ' . AGE . 's;';
    $t->http(<<"EOC");
    ohttp_relay_pool og   { keys shared; }
    ohttp_relay_pool odd  { keys shared; }
    ohttp_relay_pool mute { keys shared; }

    ohttp_relay_gateway a { $gateway keys_file a.keys; $age pool og; }
    ohttp_relay_gateway b { $gateway keys_file b.keys; pool og; }
    ohttp_relay_gateway c { $gateway keys_file c.keys; $age pool og; }
    ohttp_relay_gateway d { $gateway keys_file d.keys; $age pool og; keys_format list; }
    ohttp_relay_gateway e { $gateway pool og; }
    ohttp_relay_gateway f { $gateway keys_file a.keys; pool odd; }
    ohttp_relay_gateway g { $gateway keys_file late.keys; pool odd; }
    ohttp_relay_gateway h { $gateway pool mute; }
    @more

    server {
        listen 127.0.0.1:8080;
        location = /keys/og  { ohttp_relay_keys og; }
        location = /keys/odd { ohttp_relay_keys odd; }
        location ~ ^/k/(?<name>[a-z]+)\$ { ohttp_relay_keys \$name; }
        location = /status   { ohttp_relay_status json; }
    }
EOC
    $t->write_file('nginx.conf', "worker_processes 4;\n" . $t->read_file('nginx.conf'));
}

configure();
$t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

# ---- agreed from the beginning: in all workers, at once

all('/keys/og', $keys{old}, 'what all gateways have, however their files are written');
my $answer = get('/keys/og');
is($answer->header('ETag'), '"' . sha256_hex($keys{old}) . '"', 'with its hash');
is($answer->header('Cache-Control'), 'public, max-age=' . AGE, 'as long as the shortest of them says');
is($answer->header('Content-Type'), 'application/ohttp-keys', 'and the type');
is($answer->header('Vary'), undef, 'the same for everybody');
is(get('/keys/og', headers => ['If-None-Match' => '"' . sha256_hex($keys{old}) . '"'])->status, 304, 'who knows it gets none');
is(get('/k/og')->body, $keys{old}, 'by a name in the path as well');
is(get('/k/mute')->says, '404 gateway_unknown', 'a pool without keys publishes nothing');
is(get('/keys/odd')->says, '503 gateway_unavailable', 'nor does one that has never agreed');
$t->waitfor('the alarm', sub { crits('odd') });
is_deeply(get('/status')->json->{pools}{odd}{keys}, { sha256 => undef, conflict => JSON::PP::true() }, 'the status says so');
like($t->read_file('error.log'), qr/\[crit\] [^\n]*pool odd: gateway "g" has other keys than "f"; nothing is published/,
    'and the log says who has what');

# ---- one after the other: the old bytes stay until all have the new ones

put($_, $keys{both}) for qw/a b/;
$t->waitfor('the alarm', sub { crits('og') });
all('/keys/og', $keys{old}, 'as long as they differ, the old bytes stay');
like($t->read_file('error.log'), qr/\[crit\] [^\n]*pool og: gateway "c" has other keys than "a"; what was published before/,
    'with an alarm');
sleep 2.2;
is(crits('og'), 1, 'and no second one');
my $status = get('/status')->json;
is_deeply($status->{pools}{og}{keys}, { sha256 => sha256_hex($keys{old}), conflict => JSON::PP::true() }, 'the status says so');
is_deeply($status->{pools}{odd}{keys}, { sha256 => sha256_hex($keys{both}), conflict => JSON::PP::false() },
    'and that the other one agrees by now');
is_deeply($status->{gateways}{a}{keys}, { sha256 => sha256_hex($keys{both}), conflict => JSON::PP::false() }, 'and what each has');
is($status->{gateways}{a}{pool}, 'og', 'and where it belongs');
ok(!exists $status->{pools}{mute}, 'a pool without keys is not shown');
$t->reload;
all('/keys/og', $keys{old}, 'a reload changes nothing');
kill KILL => my @old = $t->workers;
$t->waitfor('new workers', sub { 4 <= grep { my $pid = $_; !grep { $_ == $pid } @old } $t->workers });
$t->waitfor('an answer', sub { eval { get('/keys/og')->status } });
all('/keys/og', $keys{old}, 'nor do new workers');
put($_, $keys{both}) for qw/c d/;
follows('/keys/og', $keys{both}, 'once they agree, the new ones are published');

# A gateway that agrees with nobody is alone, not in charge.

put('b', list(bare(7, 'q')));
$t->waitfor('the alarm', sub { crits('og') > 1 });
all('/keys/og', $keys{both}, 'one that has other keys changes nothing');
put('b', 'no keys');
put('c', 'no keys');
$t->waitfor('complaints', sub { $t->read_file('error.log') =~ /c\.keys" is not taken over/ });
all('/keys/og', $keys{both}, 'nor do broken files');
put($_, $keys{both}) for qw/b c/;

# ---- all at once, written one by one: no alarm

sleep 1.5;
my $alarms = crits('og');
put($_, $keys{new}) for qw/a b c d/;
follows('/keys/og', $keys{new}, 'they go on together');
cmp_ok(crits('og'), '<=', $alarms, 'without an alarm');

# ---- another key under the same id

put($_, $keys{changed}) for qw/a b c d/;
$t->waitfor('the alarm', sub { $t->read_file('error.log') =~ /a\.keys": the public key of key id 2 has changed/ });
all('/keys/og', $keys{new}, 'a changed key waits');
my ($age) = get('/keys/og')->header('Cache-Control') =~ /max-age=(\d+)/;
cmp_ok($age, '<=', AGE, 'and clients hear how long');
put('b', $keys{new});
put($_, $keys{new}) for qw/a c d/;

# ---- another gateway, by a reload

put('late', $keys{old});
configure('ohttp_relay_gateway i { url http://127.0.0.1:8081/; insecure on; keys_file late.keys; pool og; }');
$t->reload_whole;
all('/keys/og', $keys{new}, 'one that comes with other keys changes nothing');
put('late', $keys{new});
follows('/keys/odd', $keys{new}, 'a pool agrees at last');
all('/keys/og', $keys{new}, 'and the other one again');

$t->waitfor('the figures', sub { get('/status')->json->{figures}{keys_conflicts} >= 4 }, 15);
is(get('/status')->json->{no_gateway}{requests}{keys} > 0 ? 1 : 0, 1, 'publications of pools are counted');

$t->waive('alerts', 'workers were killed', qr/exited on signal 9/);
$t->done;


sub bare { my ($id, $letter) = @_; return chr($id) . "\0\x20" . $letter x 32 . "\0\x08\0\1\0\1\0\1\0\3" }

sub list { return join '', map { pack('n', length) . $_ } @_ }

sub get { $t->post($_[0], method => 'GET', type => undef, body => undef, @_[1 .. $#_]) }

sub put {
    my ($name, $content) = @_;
    $t->write_file("$name.new", $content);
    chmod 0644, $t->dir . "/$name.new";
    rename $t->dir . "/$name.new", $t->dir . "/$name.keys" or die "rename: $!\n";
    $t->{written}{"$name.keys"} = 1;
    delete $t->{written}{"$name.new"};
}

sub crits { my ($name) = @_; return scalar(() = $t->read_file('error.log') =~ /\[crit\] [^\n]*pool $name: gateway/g) }

# in each worker, as good as certainly
sub all {
    my ($target, $content, $name) = @_;
    my %got;
    $got{ get($target)->body }++ for 1 .. 30;
    ok(keys %got == 1 && $got{$content}, $name) or diag(map { unpack('H*', $_) . "\n" } keys %got);
}

sub follows {
    my ($target, $content, $name) = @_;
    $t->waitfor($name, sub { get($target)->body eq $content }, 25);
    sleep 1.2;
    all($target, $content, $name);
}
