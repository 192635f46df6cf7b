#!/usr/bin/perl

# When it is not known what was spent, nothing that began before is let in, unless the
# configuration accepts that. A state file belongs to one nginx.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Time::HiRes qw/sleep time/;

my $t = Test::OhttpRelay->new->has(qw/access-peer/);
my $access = $t->access;
my $key = $access->issuer_key('demo');
my $new = $access->issuer_key('new');
my $state = $t->dir . '/spent.state';
my $loss = qr/\[crit\].*ohttp_relay_store: state file "\Q$state\E" (?:was not completed|is broken).*answered with "store_unavailable"/;

# The replay window in seconds: short enough to wait for two of them.
my $window = 5;

sub conf {
    my (%opt) = @_;
    my $store = $opt{store} // "state=$state";
    my $also = !$opt{also} ? '' : <<"EOC";
    ohttp_relay_token_key new { key $new->{spki}; issuer issuer.example; expires 2099-01-01T00:00:00Z; }
EOC
    my $names = $opt{also} ? 'token=demo token=day token=new' : 'token=demo token=day';

    return <<"EOC";
    ohttp_relay_gateway llm   { url http://127.0.0.1:8081/gateway; insecure on; }
    ohttp_relay_gateway short { url http://127.0.0.1:8081/gateway; insecure on; replay_window ${window}s; }

    ohttp_relay_token_key demo { key $key->{spki}; issuer issuer.example; expires 2099-01-01T00:00:00Z; }
    ohttp_relay_token_key day  { key $key->{spki}; issuer day.example; context window=1d; }
    $also
    ohttp_relay_store shm size=2m $store;

    server {
        listen 127.0.0.1:@{[ $opt{port} // 8080 ]};
        location = /demo   { ohttp_relay_pass llm; ohttp_relay_auth $names; }
        location = /open   { ohttp_relay_pass short; ohttp_relay_auth off; }
        location = /status { ohttp_relay_status json; }
    }
EOC
}

sub configure { $t->http(conf(@_)) }
sub token { ($access->tokens($_[0] // $key, direct => 1, issuer => 'issuer.example'))[0] }
sub answer { my ($token) = @_; $t->post('/demo', headers => [Authorization => "PrivateToken token=$token"]) }
sub says { answer(@_)->says }
sub sealed { "\1\0\x20\0\1\0\1" . join '', map { chr int rand 256 } 1 .. 200 }
sub open_says { $t->post('/open', body => $_[0])->says }
sub lines { my ($pattern) = @_; return scalar(my @found = $t->read_file('error.log') =~ /$pattern/g) }
sub store_is { $t->post('/status', method => 'GET', type => undef, body => undef)->json->{store} }

# A token of today, by a client that answers the challenge.

sub token_of_today {
    my $refused = $t->post('/demo')->header('WWW-Authenticate');
    my ($challenge) = reverse $refused =~ /(PrivateToken [^,]+, token-key="[^"]*")/g;
    return $access->respond($key, $challenge);
}

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });

configure();
$t->run;
my ($once, $unused, $sealed) = (token(), token(), sealed());
my $today = token_of_today();
is(says($once), '200', 'a token');
is($t->post('/demo', headers => [Authorization => $today])->says, '200', 'and one of a window');
is(store_is(), 'ok', 'all is well');

# The claim is made in the second half of its epoch, so that the next one is near.

sleep 0.02 while time / $window - int(time / $window) < 0.6;
is(open_says($sealed), '200', 'a sealed request');
my $claimed = time;

# ---- a loss

$t->crash->run;
is(lines($loss), 1, 'after a crash one line says so');
is(store_is(), 'data_loss', 'and the status page');
is(open_says($sealed), '503 store_unavailable', 'a sealed request cannot be judged');

my $refused = answer($once);
is($refused->says, '503 store_unavailable', 'a token that was spent cannot be judged');
is($refused->header('Retry-After'), 1, 'and is to be sent again later');
is(says($unused), '503 store_unavailable', 'nor can one that was not');
is($t->post('/demo', headers => [Authorization => $today])->says, '503 store_unavailable', 'nor one of a window');
is(scalar(my @seen = $gateway->requests), 3, 'and none of these reaches the gateway');

configure(also => 1);
sleep 1.1;
$t->reload_whole;
my $of_new = token($new);
is(says($of_new), '200', 'tokens of a key that comes after it are good');
is(says($of_new), '401 token_spent', 'once');
is(says($once), '503 store_unavailable', 'those of others are not');

# An answer other than 503 must not come before the time of the claim has passed.

my $later = $t->waitfor('sealed requests to be judged', sub {
    my $says = open_says($sealed);
    return $says ne '503 store_unavailable' && $says;
}, 3 * $window);
is($later, '200', 'sealed requests are let in again');
cmp_ok(time - $claimed, '>', $window, 'when none of before can be a replay any more');

$t->quit;
$t->run;
is(says($once), '503 store_unavailable', 'a restart in order does not mend it');
is(says($of_new), '401 token_spent', 'and loses nothing');
is(lines(qr/\[crit\].*ohttp_relay_store: what began before the data loss of/), 1, 'but says it once more');

# ---- it is accepted

configure(also => 1, store => "state=$state on_data_loss=accept");
$t->reload_whole;
is(lines(qr/\[warn\].*ohttp_relay_store: a loss of data is accepted/), 1, 'a reload accepts the loss, which a line says');
is(says($once), '200', 'and a token can be spent once more');
is(says($once), '401 token_spent', 'and not again');
is(says($of_new), '401 token_spent', 'what is known stays spent');
is(store_is(), 'ok', 'all is well');

$t->crash->run;
is(says($unused), '200', 'accepted in advance, nothing is refused after a crash');
is(says($unused), '401 token_spent', 'but what is spent now');
is(lines(qr/\[warn\].*state file "\Q$state\E" was not completed.*can be spent once more/), 1, 'and a line warns');
$t->quit;

# ---- a file that is broken

configure();
my $good = $t->read_file($state);
my %broken = (
    'cut short' => substr($good, 0, -10), 'empty' => '', 'longer' => $good . "\0",
    'something else' => "some text\n" x 100,
    'with one bit changed' => do { my $bad = $good; substr($bad, 150, 1) ^= "\4"; $bad },
    'of another version' => do { my $bad = $good; substr($bad, 11, 1) = "\2"; $bad },
);

my $before = lines($loss);

for my $how (sort keys %broken) {
    $t->write_file('spent.state', $broken{$how});
    chmod 0600, $state;
    delete $t->{written}{'spent.state'};
    $t->run;
    is(says($unused), '503 store_unavailable', "a file that is $how: nothing is let in");
    is(lines($loss), ++$before, 'one line says so');
    is($t->read_file("$state.broken"), $broken{$how}, 'and the file is put aside');
    $t->quit;
}

# ---- closed without a file

configure(store => 'on_data_loss=closed');
$t->run;
is(says(token()), '503 store_unavailable', 'closed without a file refuses after each start');
is(lines(qr/\[notice\].*ohttp_relay_store: what began before this start is answered/), 1, 'and says so');
$t->quit;

# ---- two of them

unlink $state;
configure();
$t->run;
$once = token();
is(says($once), '200', 'a token');

my $second = Test::OhttpRelay::in_http(conf(port => 8090));
$t->write_file_expand('second.conf', $second);
my $text = $t->read_file('second.conf') =~ s/(nginx\.pid|error\.log)/second.$1/gr;
$t->write_file('second.conf', $text);

my @second = ($t->{nginx}, '-p', $t->dir . '/', '-c', $t->dir . '/second.conf', '-e', $t->dir . '/second.error.log');
my ($code, $said) = Test::OhttpRelay::run_command('timeout', 10, @second);
isnt($code, 0, 'another nginx with the same file does not start');
like($said . $t->read_file('second.error.log'), qr/\[emerg\].*state file "\Q$state\E" is in use by another nginx/, 'and says why');
is((Test::OhttpRelay::run_command(@second, '-t'))[0], 0, 'nginx -t does not mind');
is(says($once), '401 token_spent', 'the first one goes on');
$t->quit;
$t->run;
is(says($once), '401 token_spent', 'and its file is as it should be');

$t->done;
