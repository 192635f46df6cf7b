#!/usr/bin/perl

# Without Redis, on_failure=local and on_failure=grace let requests in, up to the bounds that
# docs/tokens.md names, and Redis is told afterwards.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Spending;
use Time::HiRes qw/sleep time/;

my $t = Test::OhttpRelay->new->has(qw/access-peer redis/);
my $spending = Test::OhttpRelay::Spending->new($t);
my $redis = $t->redis(persist => 1);

# What the third relay talks to: the same server, but for what the file "mode" says.

my $fake = $t->fake_redis(8380, real => $redis, script => sub {
    my ($conn, @words) = @_;
    my $mode = $t->read_file('mode');

    return $conn->close if $mode eq 'away';

    my @claims = grep { /\bohr:s:/ } map { "@$_" } $conn->so_far;
    return $conn->error('TRYAGAIN not now') if $mode eq 'busy' && "@words" =~ /\bohr:s:/ && @claims == 1;
    return $conn->pass;
});

sub mode { $t->write_file('mode', $_[0]) }

sub timed { Test::OhttpRelay::Spending::timed(@_) }

mode('');
my $local = 'timeout=500ms on_failure=local size=1m';
$spending->run("redis redis://127.0.0.1:8379 $local", workers => 2);
$spending->beside(8082, "redis redis://127.0.0.1:8379 $local");

my @ports = (8080, 8082);
sub at { $spending->spend($_[0], port => $_[1], to => $_[2] // '/token') }
sub at_both { my ($token) = @_; return join ', ', map { at($token, $_) } @ports }

# ---- an outage

my ($before, $both, $back, $many, $lost) = map { $spending->token } 1 .. 5;
is(at($before, 8080), '200', 'a token before the outage');
is(at($back, 8080, '/gone'), '502 gateway_error', 'and one that is given back');
my $uses = $spending->token(origin => 'uses.example');
is(at($uses, 8080, '/uses'), '200', 'one of three uses as well');

$redis->stop;

is(at($before, 8080), '401 token_spent', 'what was spent before stays spent where it was');
is(at($back, 8080), '200', 'what was given back before can be spent');
is(at($both, 8080), '200', 'a new token is let in');
is(at($both, 8080), '401 token_spent', 'once');
is(at($both, 8082), '200', 'and once at a relay that knows nothing of it');
is(at($both, 8082), '401 token_spent', 'which is the bound: one for each relay');
is(at($before, 8082), '200', 'also of what was spent before');

my %says;
$says{ $_->answer->says }++ for map { $spending->start($many) } 1 .. 32;
is_deeply(\%says, { '200' => 1, '401 token_spent' => 31 }, 'of 32 at all workers one is let in');

my @says = map { at($lost, 8080, '/gone') } 1 .. 2;
is("@says", '502 gateway_error 502 gateway_error', 'a token comes back in the outage');
is(at($lost, 8080), '200', 'and can be spent');

@says = map { at($uses, 8080, '/uses') } 1 .. 3;
is("@says", '200 200 401 token_spent', 'uses go on where they stood');

my $sealed = $t->sealed;
is($spending->seal($sealed), '200', 'a sealed request in the outage');
is($spending->seal($sealed), '409 replay_detected', 'is known again');

# ---- and its end

$redis->start;
$spending->wait_state('ok', $_) for @ports;
my @keys = map { Test::OhttpRelay::Spending::redis_key($spending->key_of_token($_)) } $both, $back, $many, $lost;
$t->waitfor('the journal to be told', sub { $redis->command('EXISTS', @keys) == @keys });
$t->waitfor('and the sealed request', sub {
    $redis->command('EXISTS', Test::OhttpRelay::Spending::redis_key($spending->key_of_sealed($sealed))) });

is(at_both($_), '401 token_spent, 401 token_spent', 'what was spent in the outage stays spent') for $both, $many, $lost, $back;
is(at_both($before), '401 token_spent, 401 token_spent', 'and what was spent before');
is($spending->seal($sealed, port => 8082), '409 replay_detected', 'a sealed request as well, at both');
my $new = $spending->token;
is(at_both($new), '200, 401 token_spent', 'a new token is let in once at both');

# The two that both have let in.

my $figure = sub { my ($name) = @_; my $sum = 0; $sum += $spending->figure($name, $_) // 0 for @ports; $sum };
$t->waitfor('the figures', sub { $figure->('double_spends_total') == 2 });
is($figure->('double_spends_total'), 2, 'each second spend is counted');
is($figure->('journal'), 0, 'nothing is left to be told');

# ---- Redis is back, and has not been told yet

mode('away');
$spending->beside(8083, "redis redis://127.0.0.1:8380 $local", state => '');
my $untold = $spending->token;
is(at($untold, 8083), '200', 'a token in an outage');
unlink $fake->file;
mode('busy');
$spending->wait_state('ok', 8083);
$t->waitfor('the first attempt', sub { grep { /\bohr:s:/ } $fake->said });
is(at($untold, 8083), '401 token_spent', 'is not let in by a Redis that does not know it yet');
is(at($untold, 8080), '401 token_spent', 'and then is known everywhere');
is(at($new, 8083), '401 token_spent', 'as others are');
$spending->end(8083);

# ---- grace

$spending->end(8082);
my $grace = 'timeout=500ms on_failure=grace=20/s,2s';
$spending->reload("redis redis://127.0.0.1:8379 $grace", workers => 2);
$spending->wait_state('ok');
$new = $spending->token;
is(at($new, 8080), '200', 'with grace, too, a token is let in');
is(at($new, 8080), '401 token_spent', 'once');

# Frozen, so that a claim and a connection both take all the time they may. Had the answer
# of the second one to wait as well, it would be at twice the time.

$redis->freeze;
my $gone = $spending->token;
my ($says, $took) = timed(sub { at($gone, 8080, '/gone') });
is($says, '502 gateway_error', 'a token that is let in by grace and would come back');
ok($took > 0.4 && $took < 0.9, "there is nothing to give back, and no wait for it: $took s");

my $start = time;
my ($let, $last, $refused) = (0, 0, 0);
$redis->thaw;
$redis->stop;
$spending->wait_state('down');

while (time - $start < 2.6) {
    if (at($new, 8080) eq '200') {
        $let++;
        $last = time - $start;

    } else {
        $refused++;
    }

    sleep 0.005;
}

ok($let >= 20 && $let <= 2 * 20 + 4, "all workers let in 20 a second for 2 s, even a spent token: $let");
ok($refused > 20, "and no more: $refused were refused");
ok($last < 2.1, "the last one at $last s");
is(at($new, 8080), '503 store_unavailable', 'then it is closed');
my $in_vain = time;

$redis->start;
$spending->wait_state('ok');
is(at($new, 8080), '401 token_spent', 'afterwards all is exact again');
is(at($spending->token, 8080), '200', 'and goes on');
$redis->stop;
my $flaps = join ' ', map { at($new, 8080) } 1 .. 4;

SKIP: {
    skip 'it took so long that this is an outage of its own', 1 if time - $in_vain > 1.8;
    is($flaps, join(' ', ('503 store_unavailable') x 4), 'a server that comes and goes has no new grace');
}

$spending->done;
