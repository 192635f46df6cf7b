#!/usr/bin/perl

# Rows of the registry bring files of keys, and take them away: watched while they are there, the
# same in all workers, and nothing is left of them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw/sha256_hex/;
use Test::More;
use Test::OhttpRelay;
use Time::HiRes qw/sleep/;

my $t = Test::OhttpRelay->new;
my $registry = $t->registry;
my %keys = map { $_ => list(bare(ord, $_)) } 'a' .. 'z';

put('block', $keys{b});
put('one', $keys{a});
$registry->row('one', 8081, keys_file => 'one.keys', keys_max_age => '5m');

$t->http(<<'EOC');
    ohttp_relay_registry registry.json interval=100ms;
    ohttp_relay_pool og { keys shared; }
    ohttp_relay_gateway block { url http://127.0.0.1:8081/block; insecure on; keys_file block.keys; }

    server {
        listen 127.0.0.1:8080;
        location = /keys/one     { ohttp_relay_keys one; }
        location = /keys/og      { ohttp_relay_keys og; }
        location ~ ^/k/([^/]+)$  { ohttp_relay_keys $1; }
        location ~ ^/to/([^/]+)$ { ohttp_relay_pass $1; }
        location = /status       { ohttp_relay_status json; }
    }
EOC
$t->write_file('nginx.conf', "worker_processes 4;\n" . $t->read_file('nginx.conf'));
$registry->row('first', 8081, keys_file => 'first.keys', pool => 'og');
put('first', $keys{f});
my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$registry->write;
$t->run;

# ---- there from the beginning

follows('/keys/one', $keys{a}, 'a row of the first registry');
is(get('/keys/one')->header('ETag'), '"' . sha256_hex($keys{a}) . '"', 'with its ETag');
is(get('/keys/one')->header('Cache-Control'), 'public, max-age=300', 'as long as it says');
follows('/keys/og', $keys{f}, 'and a pool');
put('one', list(bare(ord 'a', 'a'), bare(2, 'b')));
follows('/keys/one', list(bare(ord 'a', 'a'), bare(2, 'b')), 'it is watched');

# ---- rows that come

put($_, $keys{n}) for qw/new also/;
$registry->row('new', 8081, keys_file => 'new.keys')->row('also', 8081, keys_file => 'also.keys', keys_format => 'list')
    ->row('mute', 8081)->publish;
follows("/k/$_", $keys{n}, "a row that comes: $_") for qw/new also/;
is(get('/k/mute')->says, '404 gateway_unknown', 'one without keys publishes none');
put('new', $keys{m});
follows('/k/new', $keys{m}, 'its file is watched');
all('/k/also', $keys{n}, 'and each for itself');

# ---- without a file, or with a broken one: it serves, and nobody knows its keys

$registry->row('late', 8081, keys_file => 'late.keys')
    ->row('strict', 8081, keys_file => 'late.keys', unknown_key => 422)->publish;
$t->waitfor('the complaint', sub { errors('late') });
like($t->read_file('error.log'), qr/\[error\] [^\n]*late\.keys" is not taken over, and nothing can be used in its place/, 'one line');
sleep 2.2;
is(errors('late'), 1, 'and no second one');
my %files = map { (split m{/}, $_->{name})[-1] => $_ } @{ get('/status')->json->{files} };
is_deeply([sort keys %files], [qw/late.keys registry.json/], 'the status has the registry and what fails');
ok($files{'late.keys'}{broken} && $files{'late.keys'}{generation} == 0, 'and how');
ok(!$files{'registry.json'}{broken} && $files{'registry.json'}{generation} > 1, 'each');
is(get('/k/late')->says, '503 gateway_unavailable', 'there are no keys to publish yet');
is($t->post('/to/late')->says, '200', 'the gateway serves');
is($t->post('/to/strict')->says, '503 gateway_unavailable', 'but where key ids are asked for, nobody can say');
put('late', 'no keys');
$t->waitfor('the complaint', sub { errors('late') > 1 });
is($t->post('/to/strict')->says, '503 gateway_unavailable', 'a broken file is none');
put('late', $keys{l});
follows('/k/late', $keys{l}, 'once it is there it is published');
$t->waitfor('all workers', sub { all_say('/to/strict', body => sealed(ord 'l')) eq '200' });
is($t->post('/to/strict', body => sealed(9))->says, '422 unknown_key', 'and key ids are known');

# ---- rows that change, and go

$registry->change('new', max_body => '1m')->publish;
all('/k/new', $keys{m}, 'a row that changes keeps its keys, without a moment in between');
put('new', $keys{o});
follows('/k/new', $keys{o}, 'and is watched on');
$registry->change('new', keys_file => 'also.keys')->publish;
follows('/k/new', $keys{n}, 'another file has other keys');
$registry->drop('new')->publish;
is(get('/k/new')->says, '404 gateway_unknown', 'a row that is gone has none');
ok(!exists get('/status')->json->{gateways}{new}{state}, 'nor a state, but its figures');
all('/k/also', $keys{n}, 'the one with the same file has');

# ---- a changed key: neither another row nor a reload is a way around it

put('also', list(bare(ord 'n', 'z')));
$t->waitfor('the alarm', sub { $t->read_file('error.log') =~ /\[crit\] [^\n]*also\.keys": the public key of key id \d+ has changed/ });
all('/k/also', $keys{n}, 'a changed key waits');
$registry->change('also', max_body => '2m')->publish;
all('/k/also', $keys{n}, 'also when the row changes');
$registry->drop('also')->publish;
$registry->row('also', 8081, keys_file => 'also.keys')->publish;
all('/k/also', $keys{n}, 'or goes and comes back');
$t->reload_whole;
follows('/k/also', $keys{n}, 'or nginx is reloaded');
kill KILL => my @old = $t->workers;
$t->waitfor('new workers', sub { 4 <= grep { my $pid = $_; !grep { $_ == $pid } @old } $t->workers });
$t->waitfor('an answer', sub { eval { get('/k/also')->status } });
follows('/k/also', $keys{n}, 'or workers die');
put('also', $keys{n});

# ---- a pool whose members come and go

put($_, $keys{f}) for qw/second third/;
$registry->row($_, 8081, keys_file => "$_.keys", pool => 'og') for qw/second third/;
$registry->publish;
all('/keys/og', $keys{f}, 'members that agree change nothing');
put('third', $keys{g});
$t->waitfor('the alarm', sub { $t->read_file('error.log') =~ /\[crit\] [^\n]*pool og: gateway "third" has other keys/ });
all('/keys/og', $keys{f}, 'one that does not, neither');
$registry->change('third', admin => 'drain')->publish;
put($_, $keys{h}) for qw/first second/;
follows('/keys/og', $keys{h}, 'one that is drained has no voice');
my $shown;
$t->waitfor('the state', sub { $shown = get('/status')->json->{gateways}; ($shown->{third}{state} // '') eq 'unavailable' }, 15);
is($shown->{third}{admin}, 'drain', 'the status says what is wanted of it');
is("$shown->{first}{admin} $shown->{first}{state} $shown->{first}{pool}", 'up ready og', 'and of the others');
is($shown->{first}{keys}{sha256}, sha256_hex($keys{h}), 'and their keys');
$registry->drop(qw/first second/)->change('third', admin => 'up')->publish;
follows('/keys/og', $keys{g}, 'who is left is the pool');
$registry->drop('third')->publish;
all('/keys/og', $keys{g}, 'a pool that nobody is in keeps its keys') if get('/keys/og')->status == 200;

# ---- many, again and again, more than there may be at a time: slots are used anew

my ($before, $since);
for my $round (1 .. 5) {

    # files that nobody has used for half a minute make room
    if ($round == 4) {
        sleep 0.5 while time - $since < 42;
        $before = memory();
    }

    put("many-$round-$_", $keys{q}) for 1 .. 1000;
    $registry->row("many-$_", 8081, keys_file => "many-$round-$_.keys") for 1 .. 1000;
    $registry->publish;
    $since = time;
    follows("/k/many-$_", $keys{q}, "row $_ of 1000, round $round") for 1, 1000;
    unlink map { $t->dir . "/many-$round-$_.keys" } 1 .. 1000 if $round < 5;
}
unlike($t->read_file('error.log'), qr/is not watched/, 'there are never too many');
SKIP: {
    skip('a sanitizer keeps what was freed', 1) if $t->{nginx} =~ m{/asan/};
    cmp_ok(memory() - $before, '<', 48 * 1024, 'and the memory does not grow');
}
put('many-5-7', $keys{r});
follows('/k/many-7', $keys{r}, 'one among many is seen');

# ---- figures

is($t->post('/to/many-7')->says, '200', 'a request to a row');
$t->waitfor('its figures', sub { (get('/status')->json->{gateways}{'many-7'} // {})->{requests}{ok} }, 15);
ok(get('/status')->json->{figures}{keys_file_failures} >= 2, 'failures are counted');

$t->waive('alerts', 'workers were killed', qr/exited on signal 9/);
$t->done;


sub bare { my ($id, $letter) = @_; return chr($id) . "\0\x20" . $letter x 32 . "\0\x08\0\1\0\1\0\1\0\3" }

sub list { return join '', map { pack('n', length) . $_ } @_ }

sub sealed { return chr($_[0]) . "\0\x20\0\1\0\1" . join '', map { chr int rand 256 } 1 .. 100 }

sub get { $t->post($_[0], method => 'GET', type => undef, body => undef, @_[1 .. $#_]) }

sub put {
    my ($name, $content) = @_;
    $t->write_file("$name.new", $content);
    chmod 0644, $t->dir . "/$name.new";
    rename $t->dir . "/$name.new", $t->dir . "/$name.keys" or die "rename: $!\n";
    $t->{written}{"$name.keys"} = 1;
    delete $t->{written}{"$name.new"};
}

sub errors { my ($name) = @_; return scalar(() = $t->read_file('error.log') =~ /\[error\] [^\n]*\b$name\.keys/g) }

sub memory { my $kib = 0; $kib += $_ for map { $t->read_file("/proc/$_/status") =~ /VmRSS:\s+(\d+)/ } $t->workers; return $kib }

sub all_say { my %says; $says{ $t->post(@_)->says }++ for 1 .. 20; return join ' ', sort keys %says }

# in each worker, as good as certainly
sub all {
    my ($target, $content, $name) = @_;
    my %got;
    $got{ get($target)->body }++ for 1 .. 30;
    ok(keys %got == 1 && $got{$content}, $name) or diag(map { "$got{$_} times " . unpack('H*', $_) . "\n" } keys %got);
}

sub follows {
    my ($target, $content, $name) = @_;
    $t->waitfor($name, sub { get($target)->body eq $content }, 25);
    sleep 1.2;
    all($target, $content, $name);
}
