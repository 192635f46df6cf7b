#!/usr/bin/perl

# A gateway that cannot be connected to is left out, by all workers, where others hold its key.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Tls;
use Time::HiRes qw/sleep/;

my $t = Test::OhttpRelay->new->has(qw/openssl ssl/);

certificate($t, 'gateway');
my $wrong = 'cert-sha256:' . '00' x 32;

# Nobody listens on 8083 to 8085, at first; 8087 takes connections until its queue is full.

$t->http(<<"EOC");
    ohttp_relay_gateway there { url http://127.0.0.1:8081/there; insecure on; }

    ohttp_relay_gateway gone    { url http://127.0.0.1:8083/; insecure on; pool far; weight 65535; eject 1h; }
    ohttp_relay_gateway near    { url http://127.0.0.1:8081/; insecure on; pool far; }
    ohttp_relay_pool far { keys shared; }

    ohttp_relay_gateway tried   { url http://127.0.0.1:8083/; insecure on; pool ever; weight 65535; eject off; }
    ohttp_relay_gateway tried-2 { url http://127.0.0.1:8081/; insecure on; pool ever; }
    ohttp_relay_pool ever { keys shared; }

    ohttp_relay_gateway away    { url http://127.0.0.1:8084/; insecure on; pool again; weight 65535; eject 300ms; }
    ohttp_relay_gateway away-2  { url http://127.0.0.1:8081/; insecure on; pool again; }
    ohttp_relay_pool again { keys shared; }

    ohttp_relay_gateway lost-1  { url http://127.0.0.1:8085/1; insecure on; pool lost; eject 2s; replay_window 300s; }
    ohttp_relay_gateway lost-2  { url http://127.0.0.1:8085/2; insecure on; pool lost; eject 2s; replay_window 300s; }
    ohttp_relay_pool lost { keys shared; }

    ohttp_relay_gateway forged-1 { url https://127.0.0.1:8086/; ssl_pin $wrong; pool forged; }
    ohttp_relay_gateway forged-2 { url https://127.0.0.1:8086/; ssl_pin $wrong; pool forged; }
    ohttp_relay_pool forged { keys shared; }

    ohttp_relay_gateway plain   { url https://127.0.0.1:8086/; ssl_name gateway.test; pool deaf; weight 65535; eject 1h; }
    ohttp_relay_gateway plain-2 { url http://127.0.0.1:8081/; insecure on; pool deaf; }
    ohttp_relay_pool deaf { keys shared; }

    ohttp_relay_gateway full    { url http://127.0.0.1:8087/; insecure on; pool slow; weight 65535; eject 1h; connect_timeout 300ms; }
    ohttp_relay_gateway full-2  { url http://127.0.0.1:8081/; insecure on; pool slow; }
    ohttp_relay_pool slow { keys shared; }

    ohttp_relay_gateway once    { url http://127.0.0.1:8087/; insecure on; pool probe; weight 65535; eject 2s; connect_timeout 300ms; }
    ohttp_relay_gateway once-2  { url http://127.0.0.1:8081/; insecure on; pool probe; }
    ohttp_relay_pool probe { keys shared; }

    ohttp_relay_gateway lone    { url http://127.0.0.1:8083/; insecure on; pool own; selector one; }
    ohttp_relay_gateway other   { url http://127.0.0.1:8081/; insecure on; pool own; selector two; }
    ohttp_relay_pool own { select header:X-TEE-ID; default lone; }

    ohttp_relay_gateway single  { url http://127.0.0.1:8083/; insecure on; pool kinds; weight 65535; eject 1h; }
    ohttp_relay_gateway chunks  { url http://127.0.0.1:8081/; insecure on; pool kinds; media_types message/ohttp-chunked-req; }
    ohttp_relay_pool kinds { keys shared; }

    ohttp_relay_gateway cut     { url http://127.0.0.1:8088/; insecure on; pool begun; weight 65535; eject 1h; }
    ohttp_relay_gateway cut-2   { url http://127.0.0.1:8081/; insecure on; pool begun; }
    ohttp_relay_pool begun { keys shared; }

    server {
        listen 127.0.0.1:8080;
        location ~ ^/to/(?<name>.*)\$ { ohttp_relay_pass \$name; }
        location = /status { ohttp_relay_status json; }
    }
EOC

$t->write_file('nginx.conf', "worker_processes 2;\n" . $t->read_file('nginx.conf'));

my $certificate = { SSL_cert_file => $t->dir . '/gateway.crt', SSL_key_file => $t->dir . '/gateway.key' };
my $near = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->gateway(8086, answer => sub { $_[0]->answer }, tls => $certificate);
my $cut = $t->gateway(8088);

my $deaf = $t->port(8087);
my $queue = IO::Socket::INET->new(Proto => 'tcp', LocalAddr => '127.0.0.1', LocalPort => $deaf,
    Listen => 1, ReuseAddr => 1) // die "listen: $!\n";
my @queue = map {
    IO::Socket::INET->new(Proto => 'tcp', PeerAddr => '127.0.0.1', PeerPort => $deaf, Blocking => 0)
} 1 .. 8;

$t->run;

sub goes { $t->post("/to/$_[0]", @_[1 .. $#_])->says }
sub matches { return scalar(() = $t->read_file('error.log') =~ /$_[0]/g) }
sub failures { return matches(qr/connect\(\) failed .*gateway: (?:$_[0])$/m) }

# One request finds out, for all workers, and a new worker knows it, too.

is(goes('far'), '200', 'nobody is there: another one') for 1 .. 20;
is(failures('gone'), 1, 'and it was tried once');
is(matches(qr/\[warn\].* gateway "gone" is left out for 3600000ms: it cannot be connected to/), 1, 'which is said once');

$t->reload_whole;
is(goes('far'), '200', 'after a reload as well') for 1 .. 10;
is(failures('gone'), 1, 'it is left out');

# Where nobody else would do it, it is tried.

is(goes('gone'), '502 gateway_error', 'it alone is asked for: it is tried') for 1 .. 3;
is(goes('own'), '502 gateway_error', 'nobody else has its key: it is tried') for 1 .. 3;
is(goes('kinds'), '502 gateway_error', 'the other one takes no such request: it is tried') for 1 .. 3;
is(goes('ever'), '200', 'it is never to be left out: another one') for 1 .. 3;
is(failures('gone|lone|single|tried'), 13, 'each time');
is(matches(qr/gateway "(?:lone|tried)" is left out/), 0, 'of which nothing is said');

# Other ways not to be there.

is(goes('deaf'), '200', 'a certificate of nobody: another one') for 1 .. 8;
is(matches(qr/\[warn\].* gateway "plain" is left out/), 1, 'is a reason');
is(matches(qr/certificate verify error/), 1, 'and was tried once');
is(goes('slow'), '200', 'no answer: another one') for 1 .. 8;
is(matches(qr/\[warn\].* gateway "full" is left out/), 1, 'is a reason');
is(matches(qr/upstream timed out/), 1, 'and was tried once');

# Of those that come when the time is over one tries; it takes its time, and nobody else waits.

is(goes('probe'), '200', 'another one that does not answer');
my ($tries, $more) = (matches(qr/upstream timed out/));
$t->waitfor('another try', sub {
    sleep 0.2;
    my @clients = map { $t->start('/to/probe') } 1 .. 6;
    $_->answer for @clients;
    return $more = matches(qr/upstream timed out/) - $tries;
});
is($more, 1, 'one of them has tried');

# What comes after a byte was sent says nothing of the next request.

for (1 .. 2) {
    my $client = $t->start('/to/begun');
    my $conn = $cut->accept;
    ok($conn && $conn->request, 'one that breaks off') or next;
    $conn->reset;
    is($client->answer->says, '502 gateway_error', 'is asked again');
}

# The wrong key: longer, and an error.

is(goes('forged'), '502 gateway_error', 'both show another key');
my $answer = $t->post('/to/forged');
is($answer->says, '503 gateway_unavailable', 'both are left out');
like($answer->header('Retry-After'), qr/^(?:5\d|60)$/, 'for a minute');
is(matches(qr/\[error\].* gateway "forged-[12]" is left out for 60000ms: it shows a key that is not its own/), 2, 'which is said');

# Nobody is left: nothing is claimed, and once the time is over one request tries.

my $body = $t->sealed;
is(goes('lost'), '502 gateway_error', 'both are gone');
$t->waitfor('both to be left out', sub {
    $answer = $t->post('/to/lost', body => $body);
    $answer->says eq '503 gateway_unavailable';
});
like($answer->header('Retry-After'), qr/^[12]$/, 'for a time that is told');
$t->gateway(8085, answer => sub { $_[0]->answer });
my $says;
$t->waitfor('another try', sub { ($says = goes('lost', body => $body)) ne '503 gateway_unavailable' });
is($says, '200', 'and the same request, which nobody has had, is taken then');
is(goes('lost', body => $body), '409 replay_detected', 'once');

# One that stays away is tried from time to time, and when it is back, all the work is.

$t->waitfor('it to be tried again', sub { goes('again') eq '200' or die; failures('away') >= 3 });
is(matches(qr/gateway "away" is left out/), 1, 'one line for all of this');
my $away = $t->gateway(8084, answer => sub { $_[0]->answer });
$t->waitfor('it to be back', sub { goes('again'); scalar $away->requests });
is(matches(qr/\[notice\].* gateway "away" is back/), 1, 'it is back');
my $asked = $away->requests;
is(goes('again'), '200', 'and works') for 1 .. 5;
is(scalar(my @all = $away->requests) - $asked, 5, 'as before');

$t->done;
