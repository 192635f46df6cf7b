#!/usr/bin/perl

# The log of published keys: a line for each change, and a chain that shows what was taken out.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw/sha256_hex/;
use JSON::PP qw/decode_json/;
use Test::More;
use Test::OhttpRelay;
use Time::HiRes qw/sleep/;

my $t = Test::OhttpRelay->new;
my @names = qw/a b og/;
my %keys = map { $_ => list(bare(ord, $_)) } 'a' .. 'z';

put($_, $keys{x}) for qw/a b/;
configure();
$t->gateway(8081, answer => sub { $_[0]->answer });
my $started = time;
$t->run;

sub configure {
    my (%opt) = @_;
    my $gateway = 'url http://127.0.0.1:8081/gateway; insecure on; pool og;';
    my $file = $opt{file} // 'epochs.jsonl';
    my $more = $opt{more} // '';
    $t->http(<<"EOC");
    ohttp_relay_epochs  $file;
    ohttp_relay_pool    og { keys shared; }
    ohttp_relay_gateway a  { $gateway keys_file a.keys; keys_format list; }
    ohttp_relay_gateway b  { $gateway keys_file b.keys; }
    $more
    server {
        listen 127.0.0.1:8080;
        location = /keys/a { ohttp_relay_keys a; }
        location = /epochs { alias %%TESTDIR%%/epochs.jsonl; default_type application/jsonl; etag on; }
    }
EOC
    $t->write_file('nginx.conf', "worker_processes 3;\n" . $t->read_file('nginx.conf'));
}

# ---- from the beginning

my @lines = settled(3, 'all that is published at first');
is_deeply([sort map { $_->{gateway} } @lines], \@names, 'each gateway and each pool');
is($_->{sha256}, sha256_hex($keys{x}), "$_->{gateway}: the hash of the bytes that are published") for @lines;
like(get('/keys/a')->header('ETag'), qr/^"$lines[0]{sha256}"$/, 'which is its ETag');
is(join(' ', map { $_->{seq} } @lines), '1 2 3', 'in order');
is($lines[0]{previous}, '0' x 64, 'from nothing');
cmp_ok(abs($_->{time} - $started), '<', 60, 'with the time') for $lines[0];
cmp_ok(length((split /\n/, $t->read_file('epochs.jsonl'))[0]), '<', 512, 'a line is short');

# ---- changes

put('a', $keys{y});
@lines = settled(4, 'a change');
is("$lines[3]{gateway} $lines[3]{sha256}", 'a ' . sha256_hex($keys{y}), 'is a line');
put('b', $keys{y});
@lines = settled(6, 'and one that the pool agrees on');
is(join(' ', sort map { $_->{gateway} } @lines[4, 5]), 'b og', 'is two');
put('a', 'no keys');
$t->waitfor('the complaint', sub { $t->read_file('error.log') =~ /a\.keys" is not taken over/ });
put('a', $keys{y});
settled(6, 'what is not published is not in it');

is(get('/epochs')->body, $t->read_file('epochs.jsonl'), 'nginx serves it as it is');

# ---- reloads and restarts: nothing twice, and the chain goes on

$t->reload for 1 .. 4;
$t->reload_whole;
settled(6, 'reloads add nothing');
kill KILL => my @old = $t->workers;
$t->waitfor('new workers', sub { 3 <= grep { my $pid = $_; !grep { $_ == $pid } @old } $t->workers });
settled(6, 'nor does the end of workers');
put('a', $keys{z});
settled(7, 'they go on with it');

# two workers that read files, as there are during a reload

for my $letter ('k' .. 'p') {
    put($_, $keys{$letter}) for qw/a b/;
    $t->reload;
}
$t->waitfor('the last keys', sub { my @all = lines(); $all[-1]{sha256} eq sha256_hex($keys{p}) });
$t->reload_whole;
sleep 2.2;
@lines = lines();
my %pairs;
$pairs{"$lines[$_]{gateway} $lines[$_]{sha256}"}++ for 7 .. $#lines;
is(join(' ', grep { $pairs{$_} > 1 } sort keys %pairs), '', 'none of them writes what the other has written');
my $count = settled(scalar @lines, 'and the chain holds');

$t->quit;
$t->run;
sleep 2.2;
settled($count, 'a restart adds nothing');
$t->quit;
put($_, $keys{q}) for qw/a b/;
$t->run;
@lines = settled($count += 3, 'but what has changed meanwhile');

# ---- what a crash leaves behind

for my $torn (
    ['half a line', '{"seq":' . ($count + 1) . ',"time":17', 0],
    ['a byte', '{', 0],
    ['a line without its end', undef, 1],
) {
    my ($name, $left, $counts) = @$torn;
    $t->crash;
    $left //= sprintf '{"seq":%d,"time":1,"gateway":"gone","sha256":"%s","previous":"%s"}', $count + 1, 'ab' x 32,
        sha256_hex((split /\n/, $t->read_file('epochs.jsonl'))[-1]);
    open my $file, '>>', $t->dir . '/epochs.jsonl';
    print $file $left;
    close $file;
    my $letter = ('r', 's', 'u')[$counts ? 2 : $left eq '{' ? 1 : 0];
    put($_, $keys{$letter}) for qw/a b/;
    $t->run;
    @lines = settled($count += 3 + $counts, "$name is ended");
    is($lines[-1]{seq}, $count, 'and the chain goes on');
    like($t->read_file('epochs.jsonl'), qr/^\Q$left\E$/m, 'with what is there left as it is');
}

# ---- nginx's own signal opens it anew

rename $t->dir . '/epochs.jsonl', $t->dir . '/epochs.1';
$t->signal('USR1');
$t->waitfor('a new file', sub { -e $t->dir . '/epochs.jsonl' });
sleep 0.5;
put($_, $keys{v}) for qw/a b/;
$t->waitfor('lines in it', sub { 3 == (() = $t->read_file('epochs.jsonl') =~ /\n/g) });
$t->write_file('both', $t->read_file('epochs.1') . $t->read_file('epochs.jsonl'));
is((verify('both'))[0], 0, 'a chain over both');
is((verify('epochs.jsonl'))[0], 0, 'and in its second part');

# ---- the script sees what was done to a log, and how relays differ

my $all = $t->read_file('both');
my @text = split /^/, $all;
for (
    ['a line is taken out', join '', @text[0 .. 2, 4 .. $#text]],
    ['two change places', join '', @text[0, 2, 1, 3 .. $#text]],
    ['a hash is changed', $all =~ s/"sha256":"\K./f/r],
    ['a time is changed', $all =~ s/"time":\K\d/9/r],
    ['the first one is taken out and the next one made the first', join('', @text[1 .. $#text]) =~ s/"seq":2/"seq":1/r],
) {
    $t->write_file('forged', $_->[1]);
    my ($code, $said) = verify('forged');
    is($code, 1, "$_->[0]: it is seen") or diag($said);
}
$t->write_file('other', join '', @text[0 .. 2]);
my ($code, $said) = verify('both', 'other');
like($said, qr/^a @{[ sha256_hex($keys{y}) ]}: only in \S+both$/m, 'what one relay has published and the other has not');

# ---- what is no such log is not touched

for (['a file of another kind', "a line\n"], ['one that is not text', "\0" x 100], ['JSON', qq({"seq":1}\n)], ['an end of no line', 'x' x 2000000]) {
    my ($name, $content) = @$_;
    $t->write_file('foreign', $content);
    configure(file => 'foreign');
    my ($code, $said) = $t->nginx_t;
    isnt($code, 0, "$name is refused");
    like($said, qr/\[emerg\] [^\n]*foreign": it is no log of published keys/, 'with a line about it');
    is($t->read_file('foreign'), $content, 'and stays as it is');
}
configure(more => 'ohttp_relay_epochs other.jsonl;');
like(($t->nginx_t)[1], qr/\[emerg\] "ohttp_relay_epochs" directive is duplicate/, 'there is one log');

$t->waive('alerts', 'workers were killed, files refused', qr/exited on signal 9|it is no log of published keys/);
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

# those that are a part of the chain
sub lines { return map { decode_json($_) } grep { /\}\n?$/ } split /^/, $t->read_file('epochs.jsonl') }

sub verify { return Test::OhttpRelay::run_command($^X, $t->root . '/t/verify-epochs', map { $t->dir . "/$_" } @_) }

# so many lines, no more, and the chain holds
sub settled {
    my ($count, $name) = @_;
    $t->waitfor($name, sub { lines() >= $count }, 20);
    sleep 1.3;
    my ($code, $said) = verify('epochs.jsonl');
    is($code, 0, "$name: a chain") or diag($said);
    my @lines = lines();
    is(scalar @lines, $count, "of $count lines");
    return @lines;
}
