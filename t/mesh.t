#!/usr/bin/perl

# The policies of mesh-llm hold here: hosts without attestation get nothing, a verdict is good
# for no longer than it says, old hosts stand beside new ones, and nothing is left when all are
# gone but an answer that says so.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::OhttpRelay;
use Time::HiRes ();

use constant { REFRESH => 300, MAX_AGE => 660 };

my $t = Test::OhttpRelay->new->has(qw/access-peer http2/);
my $access = $t->access;
my $issuer = $access->issuer_key('demo');
my @tokens = $access->tokens($issuer, issuer => 'issuer.example', count => 4, direct => 1);

my $registry = $t->registry;
my $verdicts = $t->verdicts;

my $age = 0;
$verdicts->{ttl} = 3 * REFRESH;
$registry->{policies}{mesh} = {
    kind => 'mesh-host', refresh => REFRESH, max_age => MAX_AGE, allow => [{ binary_hash => 'ab' x 32 }],
};
$registry->pool(hosts => keys => 'shared');
$registry->pool(own => select => 'path');

# Two hosts that have one key, and two with keys of their own; old ones attest nothing.

for (['new', 8081, 'hosts'], ['old', 8083, 'hosts'], ['own-new', 8081, 'own'], ['own-old', 8083, 'own']) {
    my ($name, $port, $pool) = @$_;
    $registry->row($name, $port, pool => $pool, attestation => 'require', policy => 'mesh',
        $pool eq 'own' ? (selector => $name) : ());
}

$registry->row('trusted', 8083, attestation => 'off');
$registry->write;

$t->http(<<"EOC");
    ohttp_relay_registry registry.json interval=100ms;
    ohttp_relay_verdicts verdicts.json interval=100ms;

    ohttp_relay_token_key demo { key $issuer->{spki}; issuer issuer.example; expires 2099-01-01T00:00:00Z; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        location = /hosts { ohttp_relay_pass hosts; }
        location /own/    { ohttp_relay_pass own; }
        location = /paid  { ohttp_relay_pass hosts; ohttp_relay_auth token=demo; }
        location = /trusted { ohttp_relay_pass trusted; }
    }
EOC

my %gateway = map { $_ => $t->gateway($_, answer => \&slowly) } 8081, 8083;
$t->run;

# ---- nobody is attested

for my $http (1, 2) {
    for my $target (qw{/hosts /own/own-new /own/own-old}) {
        my $answer = $t->post($target, http => $http);
        is($answer->says, '503 gateway_not_attested', "$target without a verdict, HTTP/$http");
        like($answer->header('Retry-After'), qr/^\d+$/, 'says when to come again');
        is($answer->header('Content-Type'), 'application/problem+json', 'in JSON');
        ok(JSON::PP::decode_json($answer->body)->{error}{message}, 'with a sentence');
    }
}

is(paid(0)->says, '503 gateway_not_attested', 'a token is refused with it');
is($t->post('/trusted')->says, '200', 'who needs no attestation is served');
is(asked(8081), 0, 'nothing reached the hosts');
is(asked(8083), 1, 'but that');

# ---- old and new hosts

verdict($_) for 'new', 'own-new';
$verdicts->publish;

is(paid(0)->says, '200', 'the same token, once there is an attested host: it was not used');
is(paid(0)->says, '401 token_spent', 'now it is');

$_->forget for values %gateway;
is($t->post('/hosts', http => 1 + $_ % 2)->says, '200', 'an attested host takes it') for 1 .. 12;
is(asked(8083), 0, 'and never the old one beside it');
is($t->post('/own/own-new')->says, '200', 'the same where keys differ');
is($t->post('/own/own-old')->says, '503 gateway_not_attested', 'what is sealed to the old one goes to no other');
is(asked(8083), 0, 'nor to it');

# ---- how old is too old

verdict('own-new', verified => -(MAX_AGE - 60));
is(says(written_at => time - REFRESH), '200', 'evidence of ten minutes ago, written down five minutes ago');

verdict('own-new', verified => -MAX_AGE - 1);
is(says(), '503 gateway_not_attested', 'evidence of more than eleven minutes ago is too old');

verdict('own-new');
is(says(), '200', 'new evidence');
is(says(written_at => time - 3 * REFRESH - 1), '503 gateway_not_attested',
    'a file that nobody has renewed three times in a row is too old, whatever it says');

verdict('own-new', verified => 3600);
is(says(), '503 gateway_not_attested', 'evidence of the future is none');

verdict('own-new', entry_sha256 => 'ab' x 32);
is(says(), '503 gateway_not_attested', 'nor is that of another host');

# It ends while nobody writes anything.

verdict('own-new', verified => 5 - MAX_AGE);
is(says(), '200', 'evidence that is good for five more seconds');
ends();

# ---- in mid-stream

for my $http (1, 2) {
    for my $what (qw/finish break/) {
        verdict('own-new');
        $verdicts->publish;

        my $stream = $t->start('/own/own-new', http => $http, type => 'message/ohttp-chunked-req',
            body => $t->sealed(100) . $what);
        $t->waitfor('the stream to begin', sub { -e $t->dir . "/captured/begun-$what" });

        verdict('own-new', state => 'refused', reason => 'the hash of its program is not allowed');
        is(says(), '503 gateway_not_attested', 'evidence that is refused');
        $t->write_file("go-$what", '');

        my $answer = $stream->answer;
        is($answer->says, $what eq 'finish' ? '200' : '200 cut',
            "a stream that began before may $what, HTTP/$http");
        unlink map { $t->dir . "/$_-$what" } 'go', 'captured/begun';
    }
}

# ---- the file goes, or is none

verdict('own-new');
$verdicts->publish;
$verdicts->refused('{"version":1');
is($t->post('/own/own-new')->says, '200', 'a broken file changes nothing');

verdict('own-new', verified => 5 - MAX_AGE);
$verdicts->publish;
$verdicts->refused(sub { unlink $verdicts->file });
is($t->post('/own/own-new')->says, '200', 'a verdict ends by its time, not with its file');
ends();
$t->reload_whole;
is($t->post('/own/own-new')->says, '503 gateway_not_attested', 'also after a reload');

# ---- all of them are gone

verdict($_) for qw/new old/;
$verdicts->publish;
my @hosts = @{ $t->{pids} }[-2, -1];
$t->end_program($_) for @hosts;

is($t->post('/hosts')->says, '502 gateway_error', 'the first request after the last host is gone');

for my $http (1, 2) {
    my $answer = $t->post('/hosts', http => $http);
    is($answer->says, '503 gateway_unavailable', "no host is left, HTTP/$http");
    like($answer->header('Retry-After'), qr/^\d+$/, 'when to come again');
    is($answer->header('Content-Type'), 'application/problem+json', 'in JSON');
}

is(paid(1)->says, '503 gateway_unavailable', 'for a token too');

$t->done;


# A verdict on a host; "verified" is in seconds from now.

sub verdict {
    my ($name, %opt) = @_;
    my $verified = int(time) + (delete $opt{verified} // -++$age);
    $verdicts->good($name, $registry->{gateways}{$name}{url}, policy => 'mesh',
        verified_at => $verified, valid_until => $verified + MAX_AGE, %opt);
}

# What a request is answered with when the verdicts are taken over.

sub says {
    my (%head) = @_;
    $verdicts->publish($verdicts->text(%head));
    return $t->post('/own/own-new')->says;
}

sub ends {
    $t->waitfor('the verdict to end', sub { $t->post('/own/own-new')->says eq '503 gateway_not_attested' });
    pass('it ends by itself');
}

sub paid { $t->post('/paid', headers => [Authorization => "PrivateToken token=\"$tokens[$_[0]]\""]) }

# Of the gateway a stream that waits until it is told to end, or to break off.

sub slowly {
    my ($conn, $request) = @_;
    my $what = $conn->body->body =~ /(finish|break)$/ ? $1 : return $conn->answer;

    $conn->start_chunks;
    $conn->send_chunk('begun');
    $t->write_file("captured/begun-$what", '');
    Time::HiRes::sleep(0.01) until -e $t->dir . "/go-$what";
    return $conn->close if $what eq 'break';
    $conn->send_chunk('the end');
    $conn->end_chunks;
}

sub asked { scalar(my @requests = $gateway{ $_[0] }->requests) }
