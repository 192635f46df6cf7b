#!/usr/bin/perl

# A request whose body takes its time goes to nobody who is not attested when it has come.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new;
my $registry = $t->registry;
my $verdicts = $t->verdicts;

$t->http(<<'EOC');
    ohttp_relay_registry registry.json interval=100ms;
    ohttp_relay_verdicts verdicts.json interval=100ms;

    server {
        listen 127.0.0.1:8080;
        location ~ ^/to/(?<name>.*)$ { ohttp_relay_pass $name; }
    }
EOC

$registry->{policies} = { p => { kind => 'tdx' } };
my %url;
for my $name (qw/one both-1 both-2/) {
    $registry->row($name => 8081, policy => 'p', attestation => undef, replay_window => '300s',
        $name =~ /both/ ? (pool => 'both') : ());
    $url{$name} = 'http://127.0.0.1:' . $t->port(8081) . "/$name";
}
$registry->change('both-1' => weight => 65535);
$registry->pool(both => keys => 'shared');
$registry->write;

sub judge { $verdicts->good($_ => $url{$_}, @_) for sort keys %url; return $verdicts }
judge()->write;

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

my $no = '503 gateway_not_attested';

# A request of which nobody has said how long it is: the relay collects it.

sub begin {
    my ($name, $body) = @_;
    my $client = $t->client;
    $client->send($client->head('POST', "/to/$name", 'Content-Type' => 'message/ohttp-req',
        'Transfer-Encoding' => 'chunked', Expect => '100-continue'));
    like($client->until("\r\n\r\n"), qr/ 100 /, "$name: the relay waits for the body");
    $client->send_chunk(substr $body, 0, 100);
    $gateway->forget;
    return $client;
}

sub finish {
    my ($client, $body) = @_;
    $client->send_chunk(substr $body, 100);
    $client->send("0\r\n\r\n");
    my $says = $client->answer->says;
    $client->close;
    return join ' ', $says, map { $_->target } $gateway->requests;
}

my $body = $t->sealed;
is(finish(begin('one', $body), $body), '200 /one', 'as long as it is attested');

# ---- it is refused meanwhile

$body = $t->sealed;
my $client = begin('one', $body);
$verdicts->good(one => $url{one}, state => 'refused')->publish;
is(finish($client, $body), $no, 'refused: it gets nothing');
judge()->publish;
is($t->post('/to/one', body => $body)->says, '200', 'and what was claimed was given back');

# ---- another one holds the key

$body = $t->sealed;
$client = begin('both', $body);
$verdicts->good('both-1' => $url{'both-1'}, state => 'refused')->publish;
is(finish($client, $body), '200 /both-2', 'the other one has its key, and is attested');

$body = $t->sealed;
$client = begin('both', $body);
$verdicts->good($_ => $url{$_}, state => 'refused') for qw/both-1 both-2/;
$verdicts->publish;
is(finish($client, $body), $no, 'none of them is');
judge()->publish;

# ---- its row is another one: verdicts are on that

$body = $t->sealed;
$client = begin('one', $body);
$registry->change(one => max_body => '1m')->publish;
$verdicts->good(one => $url{one}, state => 'refused')->publish;
is(finish($client, $body), $no, 'a row that is gone has no verdict');

judge()->publish;
is($t->post('/to/one', body => $body)->says, '200', 'its successor has');

$t->done;
