#!/usr/bin/perl

# Sealed bytes pass unchanged both ways, and always to the gateway that the location names.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->http(<<'EOC');
    ohttp_relay_gateway llm   { url http://127.0.0.1:8081/gateway?v=1; insecure on; max_body 4m; keepalive 0; }
    ohttp_relay_gateway other { url http://127.0.0.1:8083/; insecure on; keepalive 0; }

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;

        location = /relay { ohttp_relay_pass llm; }
        location ~ ^/to/(?<name>[a-z/.-]+)$ { ohttp_relay_pass $name; }
    }
EOC

my %gateway = map { $_ => $t->gateway($_) } 8081, 8083;
$t->run;

# One exchange in which the gateway answers with the given type and bytes.

sub exchange {
    my ($port, $target, $type, $bytes, %opt) = @_;
    my $client = $t->start($target, %opt);
    my $conn = $gateway{$port}->accept or return;
    $conn->request;
    my $request = $conn->body;
    $conn->answer(200, $type, $bytes);
    my $answer = $client->answer;
    $conn->close;
    return ($request, $answer);
}

sub vector {
    my ($name) = @_;
    my $vector = JSON::PP::decode_json($t->read_file("$FindBin::Bin/data/$name.json"));
    $vector = $vector->{vectors}[0] if $vector->{vectors};
    return map { pack 'H*', $vector->{$_} } qw/encapsulatedRequest encapsulatedResponse/;
}

for my $http (1, 2) {
    my ($sealed, $opened) = vector('rfc9458');
    my ($request, $answer) = exchange(8081, '/relay', 'message/ohttp-res', $opened,
        http => $http, body => $sealed);
    is($request->body, $sealed, "request of RFC 9458 Appendix A arrives, HTTP/$http");
    is($answer->body, $opened, "response of RFC 9458 Appendix A arrives, HTTP/$http");
    is($answer->says, '200', "and is complete, HTTP/$http");
    is($answer->header('Content-Type'), 'message/ohttp-res', "under its type, HTTP/$http");

    ($sealed, $opened) = vector('chunked-ohttp-08');
    ($request, $answer) = exchange(8081, '/relay', 'message/ohttp-chunked-res', $opened,
        http => $http, body => $sealed, type => 'message/ohttp-chunked-req');
    is($request->body, $sealed, "request of the chunked draft arrives, HTTP/$http");
    is($answer->body, $opened, "response of the chunked draft arrives, HTTP/$http");

    for my $size (55, 8192, 65_536, 3_000_000) {
        $sealed = $t->sealed($size);
        $opened = join '', map { chr int rand 256 } 1 .. 997;
        $opened .= "\0\r\n0\r\n\r\n";
        ($request, $answer) = exchange(8081, '/relay', 'message/ohttp-res', $opened,
            http => $http, body => $sealed);
        ok($request->body eq $sealed, "$size opaque bytes arrive, HTTP/$http");
        ok($answer->body eq $opened, "and their answer, HTTP/$http");
    }
}

# Where it goes is not for the client to say.

my ($request) = exchange(8081, '/relay', 'message/ohttp-res', 'x');
is($request->target, '/gateway?v=1', 'the registered path and query');

my $host = '127.0.0.1:' . $t->port(8081);
($request) = exchange(8081, "http://127.0.0.1:@{[$t->port(8083)]}/relay", 'message/ohttp-res', 'x');
is($request->header('Host'), $host, 'an absolute target goes to the registered gateway');
is($request->target, '/gateway?v=1', 'and to its path');

($request) = exchange(8081, '/relay', 'message/ohttp-res', 'x',
    headers => ['Host' => '127.0.0.1:' . $t->port(8083)]);
is($request->header('Host'), $host, "a client's Host chooses nothing");

($request) = exchange(8083, '/to/other', 'message/ohttp-res', 'x');
is($request->target, '/', 'a gateway named by a variable');

for my $name (qw{nobody ll llmx llm/other llm.}) {
    is($t->post("/to/$name")->status, 404, "no gateway $name");
}

is($t->post('/to/nobody')->says, '404 gateway_unknown', 'an unknown gateway has its code');
ok(!$gateway{$_}->asked, "nothing else reached gateway $_") for 8081, 8083;

$t->done;
