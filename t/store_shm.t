#!/usr/bin/perl

# What was spent is kept in shared memory: among workers and over reloads, and over restarts
# in a state= file.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw/sha256 sha256_hex/;
use MIME::Base64 qw/decode_base64url/;
use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/access-peer/);
my $access = $t->access;
my $key = $access->issuer_key('demo');
my $several = $access->issuer_key('several');
my $state = $t->dir . '/spent.state';

# %opt: store (the directive's arguments), more (outside of http).

sub configure {
    my (%opt) = @_;
    my $store = defined $opt{store} ? "ohttp_relay_store shm $opt{store};" : '';

    my $inside = <<"EOC";
    ohttp_relay_gateway llm     { url http://127.0.0.1:8081/gateway; insecure on; replay_window 1h; }
    ohttp_relay_gateway refused { url http://127.0.0.1:8085/gateway; insecure on; }

    ohttp_relay_token_key demo {
        key      $key->{spki};
        issuer   issuer.example;
        expires  2099-01-01T00:00:00Z;
    }

    ohttp_relay_token_key several {
        key      $several->{spki};
        issuer   issuer.example;
        expires  2099-01-01T00:00:00Z;
        uses     3;
    }

    $store

    server {
        listen 127.0.0.1:8080 reuseport;
        location = /demo    { ohttp_relay_pass llm; ohttp_relay_auth token=demo token=several; }
        location = /refused { ohttp_relay_pass refused; ohttp_relay_auth token=demo; }
        location = /open    { ohttp_relay_pass llm; ohttp_relay_auth off; }
        location = /metrics { ohttp_relay_status prometheus; }
        location = /status  { ohttp_relay_status json; }
    }
EOC

    $t->write_file_expand('nginx.conf', ($opt{more} // "worker_processes 4;\n") . Test::OhttpRelay::in_http($inside));
}

sub token { ($access->tokens($_[0] // $key, direct => 1, issuer => 'issuer.example'))[0] }
sub says { my ($token, @opt) = @_; $t->post('/demo', headers => [Authorization => "PrivateToken token=$token"], @opt)->says }

# A sealed request with an encapsulated key of its own.
sub sealed { "\1\0\x20\0\1\0\1" . join '', map { chr int rand 256 } 1 .. 200 }
sub open_says { $t->post('/open', body => $_[0])->says }

# How often the log has such a line.
sub lines { my ($pattern) = @_; return scalar(my @found = $t->read_file('error.log') =~ /$pattern/g) }

my $forgets = qr/\[notice\].*ohttp_relay_store: without a state= file each restart forgets/;

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });

# ---- without a directive

configure();
$t->run;
is(lines($forgets), 1, 'without a state file a line says what a restart reopens');

my ($once, $sealed) = (token(), sealed());
is(says($once), '200', 'a token');
my %says;
$says{ says($once) }++ for 1 .. 16;
is_deeply(\%says, { '401 token_spent' => 16 }, 'is spent for all workers');
is(open_says($sealed), '200', 'a sealed request');

$t->reload_whole;
is(says($once), '401 token_spent', 'a reload keeps what was spent');
is(open_says($sealed), '409 replay_detected', 'and which sealed requests came');
is(lines($forgets), 1, 'and says nothing of a restart');

like($t->post('/metrics', method => 'GET', type => undef, body => undef)->body,
    qr/^ohttp_relay_store_size_bytes 67108864$/m, 'it has 64 MiB');

configure(store => 'size=1m');
is((eval { $t->reload_whole; 1 } ? 'taken' : $@), "the reload failed\n", 'a reload with another size is refused');
is(lines(qr/\[emerg\].*ohttp_relay_store: size cannot be changed from 67108864 to 1048576 bytes by a reload/), 1, 'in one line');
is(says($once), '401 token_spent', 'the store of before is still there');
is(says(token()), '200', 'and at work');

is($t->quit, 0, 'nginx ends');
configure();
$t->run;
is(says($once), '200', 'a restart forgets');
is(lines($forgets), 2, 'and says so');
$t->quit;

# ---- with a state file

configure(store => "size=2m state=$state");
ok(!-e $state, 'there is no state file');
is(($t->nginx_t)[0], 0, 'nginx -t');
ok(!-e $state, 'makes none');

$t->run;
ok(-e $state, 'a start makes one');
is((stat $state)[2] & 07777, 0600, 'which is for its owner alone');

my $used = token($several);
my $returned = token();
($once, $sealed) = (token(), sealed());
is(says($once), '200', 'a token');
is(says($used), '200', 'one use of three');
is(open_says($sealed), '200', 'a sealed request');
is($t->post('/refused', headers => [Authorization => "PrivateToken token=$returned"])->says, '502 gateway_error',
    'a token that comes back') for 1 .. 3;

my $is = sub { join ' ', (stat $state)[1, 7, 9], sha256_hex($t->read_file($state)) };
my $before = $is->();
is(($t->nginx_t)[0], 0, 'nginx -t beside a running nginx');
is($is->(), $before, 'leaves the file alone');

sub restart { is($t->quit, 0, 'nginx ends'); $t->run }

restart();
is(lines($forgets), 2, 'with a state file nothing is said of forgetting');
is(says($once), '401 token_spent', 'a restart keeps what was spent');
is(says($used), '200', 'and that two uses are left');
is(open_says($sealed), '409 replay_detected', 'and which sealed requests came');
is($t->post('/refused', headers => [Authorization => "PrivateToken token=$returned"])->says, '502 gateway_error',
    'and that a token is not spent');
is(says($returned), '401 token_spent', 'but has come back often enough');

$t->reload_whole;
is(says($used), '200', 'the third use, after a reload');
restart();
is(says($used), '401 token_spent', 'and no fourth one after another restart');
is(says($once), '401 token_spent', 'what was spent two starts ago is spent');

is($t->stop, 0, 'nginx ends at once');
$t->run;
is(says($once), '401 token_spent', 'and that is an end in order as well');

is($t->quit, 0, 'nginx ends');
$before = $is->();
is(($t->nginx_t)[0], 0, 'nginx -t while no nginx runs');
is($is->(), $before, 'leaves the file alone');

# ---- what is in it

my $file = $t->read_file($state);
for my $token ($once, $used, $returned) {
    my $bytes = decode_base64url($token);
    my $nonce = substr $bytes, 2, 32;
    my @telling = map { substr $_, 0, 8 } $nonce, sha256($nonce), sha256($bytes), substr($bytes, 98);
    ok(!(grep { index($file, $_) >= 0 } @telling), 'nothing of a token, and no hash of it');
}
ok(index($file, substr $sealed, 7, 8) < 0, 'nor of a sealed request');

# ---- a state file that comes and goes with a reload

configure();
$t->run;
$once = token();
is(says($once), '200', 'a token without a state file');
configure(store => "size=64m state=$state.second");
$t->reload_whole;
restart();
is(says($once), '401 token_spent', 'a file that came with a reload has what was spent before');
$t->quit;

# ---- one process

configure(store => "state=$state.single", more => "master_process off;\n");
$t->run;
$once = token();
is(says($once), '200', 'without a master');
is(says($once), '401 token_spent', 'a token is spent');
restart();
is(says($once), '401 token_spent', 'and stays so over a restart');

$t->waive('alerts', 'a reload is refused', qr/size cannot be changed/);
$t->done;
