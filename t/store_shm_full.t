#!/usr/bin/perl

# A full store refuses what it has no room for and forgets nothing, until something in it
# expires; and a key whose expiry is raised.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw/sha256/;
use POSIX qw/strftime/;
use Test::More;
use Test::OhttpRelay;
use Time::HiRes qw/sleep time/;

my $t = Test::OhttpRelay->new->has(qw/access-peer/);
my $access = $t->access;
my $key = $access->issuer_key('demo');
my $state = $t->dir . '/spent.state';

# %opt: size, expires.

sub configure {
    my (%opt) = @_;

    $t->http(<<"EOC");
    ohttp_relay_gateway llm     { url http://127.0.0.1:8081/gateway; insecure on; replay_window 1h; }
    ohttp_relay_gateway refused { url http://127.0.0.1:8085/gateway; insecure on; replay_window 1h; }

    ohttp_relay_token_key demo {
        key      $key->{spki};
        issuer   issuer.example;
        expires  @{[ $opt{expires} // '2099-01-01T00:00:00Z' ]};
    }

    ohttp_relay_store shm size=1m state=$state;

    server {
        listen 127.0.0.1:8080;
        keepalive_requests 100000;
        location = /demo    { ohttp_relay_pass llm; ohttp_relay_auth token=demo; }
        location = /open    { ohttp_relay_pass llm; ohttp_relay_auth off; }
        location = /refused { ohttp_relay_pass refused; ohttp_relay_auth off; }
        location = /status  { ohttp_relay_status json; }
    }

    server {
        listen 127.0.0.1:8081;
        keepalive_requests 100000;
        location / { access_log off; return 200; }
    }
EOC
}

# A state file (see src/store/state.h) in which one epoch has so many names and ends then.

sub write_state {
    my ($names, $expires) = @_;

    my $head = 'ohrstate' . pack('NN', 1, 96) . 'complete' . "\0" x 16 . pack('q>q>q>', 0, 0, time) . "\0" x 32;
    my $sum = $head;
    my $epoch = pack 'CCx6a8Q>q>Q>Q>', 2, 0, 'of-old', 1, $expires, $names, 0;
    my $random = join '', map { pack 'N4', map { 1 + int rand 0xfffffff0 } 1 .. 4 } 1 .. $names;
    my $end = "\xff" . "\0" x 47;

    substr $sum, 16, 24, "\0" x 24;
    $t->write_file('spent.state', $head . $epoch . $random . $end . sha256($sum . $epoch . $random . $end));
    delete $t->{written}{'spent.state'};
    chmod 0600, $state;
}

sub sealed { "\1\0\x20\0\1\0\1" . join '', map { chr int rand 256 } 1 .. 60 }
sub status { $t->post('/status', method => 'GET', type => undef, body => undef)->json }
sub lines { my ($pattern) = @_; return scalar(my @found = $t->read_file('error.log') =~ /$pattern/g) }

# On one connection.

my $client;
sub send_sealed {
    my ($sealed, $target) = @_;
    $client->request('POST', $target // '/open', $sealed, type => 'message/ohttp-req');
    return $client->answer->says;
}

# ---- it becomes full

# what expires, and with its margin of five minutes is dropped, in some seconds
my $dropped = int(time) + 20;
write_state(41000, $dropped - 300);
configure();
$t->run;
$client = $t->client;

my (@passed, $says);
for (1 .. 20_000) {
    my $sealed = sealed();
    $says = send_sealed($sealed);
    last if $says ne '200';
    push @passed, $sealed;
}

note("passed ", scalar @passed, ", left ", $dropped - time);
cmp_ok(scalar @passed, '>', 100, 'sealed requests pass as long as there is room');
is($says, '503 store_unavailable', 'then they are refused');

$client->request('POST', '/open', sealed(), type => 'message/ohttp-req');
my $answer = $client->answer;
is($answer->says, '503 store_unavailable', 'the next one as well');
is($answer->header('Retry-After'), 1, 'and is to be sent again later');
is(send_sealed(sealed(), '/refused'), '503 store_unavailable', 'at another gateway as well');
is(status()->{store}, 'full', 'the status page says why');
is(lines(qr/\[crit\].*ohttp_relay_store: the store of 1048576 bytes is full/), 1, 'and one line of the log');

my ($token) = $access->tokens($key, direct => 1, issuer => 'issuer.example');
my $demo = sub { $t->post('/demo', body => $_[0], headers => [Authorization => "PrivateToken token=$token"])->says };
is($demo->(sealed()), '503 store_unavailable', 'a token has no room either');

my %says;
$says{ send_sealed($_) }++ for @passed[0 .. 49, -50 .. -1];
is_deeply(\%says, { '409 replay_detected' => 100 }, 'nothing is forgotten');
cmp_ok(time, '<', $dropped, 'all of this before anything expires');

# ---- and has room again

$t->waitfor('room', sub { send_sealed(sealed()) eq '200' }, 30);
cmp_ok(time, '>', $dropped - 1, 'there is room when something expires');
is($demo->(sealed()), '200', 'also for the token, which was not spent');
is(status()->{store}, 'ok', 'the status page is content');
%says = ();
$says{ send_sealed($_) }++ for @passed[0 .. 49, -50 .. -1];
is_deeply(\%says, { '409 replay_detected' => 100 }, 'what has not expired is there');
$t->quit;

# ---- too much for a smaller one

write_state(60000, time + 1000);
my $failed = eval { $t->run; '' } // $@;
like($failed, qr/\[emerg\].*what is in state file "\Q$state\E" has no room in a store of 1048576 bytes: raise size=/,
    'a state file that is too large for the store');
unlink $state;

# ---- an expiry that is raised

configure();
my $soon = strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + 600));
configure(expires => $soon);
$t->run;
($token) = $access->tokens($key, direct => 1, issuer => 'issuer.example');
is($demo->(sealed()), '200', 'a token of a key that expires soon');
configure();
$t->reload_whole;
is($demo->(sealed()), '401 token_spent', 'raised before, what was spent stays spent');
$t->quit;
$t->run;
is($demo->(sealed()), '401 token_spent', 'over a restart as well');
$t->quit;

unlink $state;
configure(expires => '2020-01-01T00:00:00Z');
$t->run;
is($demo->(sealed()), '401 credential_expired', 'a token of a key that has expired');
configure();
$t->reload_whole;
is(lines(qr/\[crit\].*ohttp_relay_store: the expiry of "demo" was raised after it had passed/), 1, 'raised afterwards, a line says so');
is($demo->(sealed()), '503 store_unavailable', 'and its tokens are refused');
is($t->post('/open', body => sealed())->says, '200', 'and nothing else');
is(status()->{store}, 'raised', 'the status page says why');
$t->quit;
$t->run;
is($demo->(sealed()), '503 store_unavailable', 'a restart with the state file does not help');
configure(expires => '2020-01-01T00:00:00Z');
$t->reload_whole;
is(status()->{store}, 'ok', 'set back, all is well');
is($demo->(sealed()), '401 credential_expired', 'and the token has expired');

$t->waive('alerts', 'a state file is too large', qr/has no room in a store/);
$t->done;
