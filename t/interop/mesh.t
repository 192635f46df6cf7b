#!/usr/bin/perl

# What mesh-llm asks of a host that is killed in mid-stream holds for real clients and gateways:
# a clean abort, that no client takes for an end. And hosts old and new serve side by side.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Interop;
use Test::OhttpRelay::Tls;

my $t = Test::OhttpRelay->new->has(qw/http2 openssl/);
my $others = Test::OhttpRelay::Interop->new($t)->has(qw/go peer/);
my $dir = $t->dir;

certificate($t, 'ca');
certificate($t, 'relay', issuer => 'ca', names => ['IP:127.0.0.1']);

# Two hosts that can do everything, one that knows single requests only, each with keys of
# its own; a request names its host, as the gossip of a mesh does.

my $started = 0;
my %host = map { $_->[0] => host(@$_) } ['new', 8081], ['other', 8083], ['old', 8084];

$t->http(<<'EOC');
    ohttp_relay_pool mesh { select path; }
    ohttp_relay_gateway new   { url http://127.0.0.1:8081/ohttp; insecure on; pool mesh; selector new;
                                keys_file new.keys; request_header Authorization "Bearer t"; }
    ohttp_relay_gateway other { url http://127.0.0.1:8083/ohttp; insecure on; pool mesh; selector other;
                                keys_file other.keys; request_header Authorization "Bearer t"; }
    ohttp_relay_gateway old   { url http://127.0.0.1:8084/ohttp; insecure on; pool mesh; selector old;
                                keys_file old.keys; request_header Authorization "Bearer t";
                                media_types message/ohttp-req; }
    ohttp_relay_gateway slow  { url http://127.0.0.1:8085/; insecure on; keys_file slow.keys; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 ssl http2;
        ssl_certificate     %%TESTDIR%%/relay.crt;
        ssl_certificate_key %%TESTDIR%%/relay.key;

        location /to/             { ohttp_relay_pass mesh; }
        location = /slow          { ohttp_relay_pass slow; }
        location = /keys/new      { ohttp_relay_keys new; }
        location = /keys/other    { ohttp_relay_keys other; }
        location = /keys/old      { ohttp_relay_keys old; }
    }
EOC

my $slow = $others->peer('gateway', '--listen', '127.0.0.1:' . $t->port(8085), '--keys-out', "$dir/slow.keys",
    '--delay-ms', 600_000)->ready;
$t->run;

my %relay = (1 => 'http://127.0.0.1:' . $t->port(8080), 2 => 'https://127.0.0.1:' . $t->port(8082));
my $asked = JSON::PP::encode_json({ messages => [{ content => 'who is there?' }] });

# ---- hosts old and new

for my $http (1, 2) {
    for my $host (qw/new other old/) {
        my ($code, $said) = client($http, $host, '--body', $asked)->finish;
        is($code, 0, "a single request to the $host host, HTTP/$http") or diag($said);
        like($said, qr/You asked: who is there\?/, 'is answered by it');
    }

    my $client = client($http, 'old', '--interactive');
    my ($code, $said) = $client->finish;
    isnt($code, 0, "a chunked one, HTTP/$http");
    like($said, qr/^refusal .*unsupported_media_type/m, 'is refused for the old host, and not sent to it');
    unlike($t->read_file('captured/old.capture'), qr/chunked/, 'which has seen none');
}

# ---- killed in mid-stream

for my $http (1, 2) {
    for my $signal (qw/KILL TERM/) {
        my $client = client($http, 'new', '--interactive');
        $client->say('first');
        $client->until(qr/^piece "echo first"/);

        my $beside = client($http, 'other', '--interactive');
        $beside->say('first');
        $beside->until(qr/^piece "echo first"/);

        $host{new}->stop($signal);
        my ($code, $rest) = $client->finish;
        isnt($code, 0, "a host dies of SIG$signal in mid-stream, HTTP/$http: the client knows");
        unlike($rest, qr/^(?:end|piece)/m, 'it takes it for no end');
        like($client->log, $http == 1 ? qr/unexpected EOF/ : qr/INTERNAL_ERROR|stream error/, 'but for a broken connection');
        like($t->logged(scalar(my @before = $t->log_lines)), qr/^new gateway_error 200 /, 'as which it is counted');

        $beside->say('second');
        $beside->until(qr/^piece "echo second"/);
        ($code, $rest) = $beside->finish;
        is($rest, qq/piece "farewell"\nend\n/, 'a stream of another host goes on, to its end');

        # Its keys died with it: nobody else can open what is sealed to it.
        my $lost = client($http, 'new', '--body', $asked);
        ($code, $rest) = $lost->finish;
        isnt($code, 0, 'a dead host answers no more');
        like($rest, qr/^outer \S+ 502 application\/problem\+json$/m, 'which the relay says in JSON');
        like($rest, qr/^refusal .*gateway_error/m, 'with its code');

        $host{new} = host('new', 8081);
        $t->waitfor('its new keys', sub { published('new') eq $t->read_file('new.keys') });
        ($code, $rest) = client($http, 'new', '--body', $asked)->finish;
        is($code, 0, 'started again it serves again, with new keys') or diag($rest);
    }
}

# The same for a client in Rust, which has the beginning of an answer.

my $client = $others->peer('client', '--relay', "$relay{1}/slow", '--keys', "$dir/slow.keys", '--chunked',
    '--bind', $t->canary->address);
$client->until(qr/^= 200/);
$slow->stop('KILL');
my ($code, $said) = $client->finish;
isnt($code, 0, 'the client in Rust knows it too') or diag($said);

# A host that hangs up on half of a request, while the client still sends.

$client = client(1, 'other', '--interactive');
$client->say('first');
$client->until(qr/^piece "echo first"/);
$host{other}->stop('KILL');
$client->say('second');
($code) = $client->finish;
isnt($code, 0, 'a client that still sends is told');

$t->done;


# Each start has a new key, and a new id for it.

sub host {
    my ($name, $port) = @_;
    my $host = $others->go('gateway', '--listen', '127.0.0.1:' . $t->port($port), '--key-id', ++$started,
        '--keys-out', "$dir/$name.new", '--capture', "$dir/captured/$name.capture")->ready;
    rename "$dir/$name.new", "$dir/$name.keys" or die "$name: $!\n";
    return $host;
}

sub published { $t->post("/keys/$_[0]", method => 'GET', type => undef, body => undef)->body }

sub client {
    my ($http, $host, @more) = @_;
    push @more, '--path', '/v1/echo' if $more[0] eq '--interactive';
    return $others->go('client', '--relay', "$relay{$http}/to/$host", '--ca', "$dir/ca.crt",
        '--keys', "$relay{$http}/keys/$host", '--bind', $t->canary->address, @more);
}
