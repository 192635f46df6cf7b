#!/usr/bin/perl

# A gateway's bill between sealed chunks is taken out, or ends the answer, or passes: as it is set.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new->has(qw/http2/);

$t->http(<<'EOC');
    ohttp_relay_gateway strip  { url http://127.0.0.1:8081/v1/ohttp; insecure on; billing_frame strip; read_timeout 5s; }
    ohttp_relay_gateway reject { url http://127.0.0.1:8081/v1/ohttp; insecure on; billing_frame reject; }
    ohttp_relay_gateway pass   { url http://127.0.0.1:8081/v1/ohttp; insecure on; billing_frame pass; }
    ohttp_relay_gateway unset  { url http://127.0.0.1:8081/v1/ohttp; insecure on; }

    log_format bill '$ohttp_relay_gateway $ohttp_relay_result $ohttp_relay_cost_opg $ohttp_relay_cost_usd $ohttp_relay_opg_price_usd';

    server {
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8082 http2;
        access_log %%TESTDIR%%/access.log relay;
        access_log %%TESTDIR%%/bill.log bill;

        location ~ ^/to/(?<name>.*)$ { ohttp_relay_pass $name; }
    }
EOC

my $gateway = $t->gateway(8081);
$t->run;

my $vectors = JSON::PP->new->decode($t->read_file($t->root . '/t/data/opengradient_ohttp_vectors.json'));
my ($request, $plain, $frame, $billed)
    = map { pack 'H*', $vectors->{$_} } qw/request_wire chunked_wire billing_frame chunked_wire_with_billing_frame/;
my @figures = ('1234567890', '0.001234', '1.234');
my $at = index $billed, $frame;
my $mark = substr $frame, 0, 35;

my $count = 0;

# An exchange in which the gateway sends just these pieces, each in a write of its own once the one before
# has been read, in a framing of its choice, and then does what it is told.

sub answered {
    my ($name, $pieces, %opt) = @_;

    my $framing = $opt{framing} // 'chunked';
    my $client = $t->start("/to/$name", body => $opt{body} // $request, http => $opt{http} // 1);
    my $conn = $gateway->accept;
    $conn->request;
    $conn->body;

    my $length = 0;
    $length += length for @$pieces;
    my @fields = $framing eq 'chunked' ? ('Transfer-Encoding' => 'chunked')
        : $framing eq 'length' ? ('Content-Length' => $length) : ('Connection' => 'close');

    my $head = $conn->answer_head(200, $opt{type} // 'message/ohttp-chunked-res', @fields, @{ $opt{fields} // [] });
    my @writes = map { $framing eq 'chunked' ? sprintf("%x\r\n%s\r\n", length $_, $_) : $_ } @$pieces;
    my $end = $framing eq 'chunked' && !$opt{then} ? "0\r\n\r\n" : '';

    # all in one, or in pieces that cannot come together: the relay has asked for more in between
    $conn->send($opt{at_once} ? join('', $head, @writes, $end) : $head);
    if (!$opt{at_once}) {
        for my $write (@writes) {
            $conn->send($write);
            $conn->settled;
        }

        $conn->send($end) if $end ne '';
    }

    $opt{then} ? $opt{then}->($conn) : $framing eq 'close' && $conn->close;
    my $answer = $client->answer;
    $conn->close;
    $count++;
    return $answer;
}

sub billed {
    my @lines;
    $t->waitfor("$count lines in bill.log", sub { (@lines = split /\n/, $t->read_file('bill.log')) >= $count });
    return $lines[-1];
}

sub cut_at {
    my ($bytes, @at) = @_;
    my @pieces;
    my $from = 0;
    for (sort { $a <=> $b } @at) {
        next if $_ <= $from || $_ >= length $bytes;
        push @pieces, substr $bytes, $from, $_ - $from;
        $from = $_;
    }

    return [@pieces, substr $bytes, $from];
}

# Taken out, wherever it is cut.

my @cuts = map { [$_] } 1 .. length($billed) - 1;
my $wrong = 0;
for (@cuts) {
    my $answer = answered('strip', cut_at($billed, @$_), at_once => 1);
    $wrong++ if $answer->body ne $plain || $answer->says ne '200';
}

is($wrong, 0, 'a bill in two transfer chunks is taken out, at each of ' . @cuts . ' cuts');
is(billed(), "strip ok @figures", 'and read');

for my $http (1, 2) {
    for my $framing (qw/chunked length close/) {
        for (['in one piece', []], ['byte by byte', [1 .. length $billed], 'slow'], ['cut before it', [$at]],
            ['cut in its mark', [$at + 1]], ['cut before its length', [$at + 35]], ['cut in its length', [$at + 37]],
            ['cut in its JSON', [$at + 50]], ['cut behind it', [$at + length $frame]])
        {
            my ($name, $cuts, $slow) = @$_;
            next if $slow && $http == 2;
            my $answer = answered('strip', cut_at($billed, @$cuts), framing => $framing, http => $http,
                at_once => !@$cuts);
            is($answer->body, $plain, "a bill $name, framed by $framing, HTTP/$http");
            is($answer->says, '200', 'the answer ends well');
            is($answer->header('Content-Length'), undef, 'and has no length');
            is(billed(), "strip ok @figures", 'the bill is read');
        }

        my $answer = answered('strip', [$plain], framing => $framing, http => $http);
        is($answer->body, $plain, "an answer without a bill, framed by $framing, HTTP/$http");
        is(billed(), 'strip ok - - -', 'has no figures');
    }
}

# Where else it may be, and what only looks like it.

my $sealed = 'x' x 16;
my $nonce = substr $plain, 0, 32;
my $big = 'y' x 20_000;
my $aes = $t->sealed(300);    # AES-128-GCM

sub bill { $mark . pack('N', length $_[0]) . $_[0] }
my $json = '{"cost_opg":"5","cost_usd":"0.5","opg_price_usd":"0.1"}';

for (
    ['a bill behind the nonce', $nonce . bill($json) . "\0$sealed", "$nonce\0$sealed", '5 0.5 0.1'],
    ['a bill behind a nonce of 16 bytes', 'n' x 16 . bill($json) . "\0$sealed", 'n' x 16 . "\0$sealed", '5 0.5 0.1', $aes],
    ['a bill behind a large chunk', $nonce . "\x80\0\x4e\x20$big" . bill($json) . "\0$sealed",
        $nonce . "\x80\0\x4e\x20$big\0$sealed", '5 0.5 0.1'],
    ['two bills, of which the first counts', $nonce . bill($json) . bill('{}') . "\0$sealed", "$nonce\0$sealed", '5 0.5 0.1'],
    ['a bill with members that nobody knows', $nonce . bill('{"x":[1],' . substr $json, 1) . "\0$sealed", "$nonce\0$sealed", '5 0.5 0.1'],
    ['a bill that is no JSON', $nonce . bill('bill') . "\0$sealed", "$nonce\0$sealed", '- - -'],
    ['a bill without a word', $nonce . bill('') . "\0$sealed", "$nonce\0$sealed", '- - -'],
    ['a figure that is no number', $nonce . bill($json =~ s/0\.5/1e9/r) . "\0$sealed", "$nonce\0$sealed", '- - -'],
    ['the longest bill', $nonce . bill($json . ' ' x (4096 - length $json)) . "\0$sealed", "$nonce\0$sealed", '5 0.5 0.1'],
    ['a mark in a sealed chunk', "$nonce\x29${mark}abcdef\0$sealed", "$nonce\x29${mark}abcdef\0$sealed", '- - -'],
    ['a mark in the last chunk', "$nonce\0" . bill($json), "$nonce\0" . bill($json), '- - -'],
    ['a mark behind a long 0', "$nonce\xc0\0\0\0\0\0\0\0" . bill($json), "$nonce\xc0\0\0\0\0\0\0\0" . bill($json), '- - -'],
    ['a mark that goes on differently', $nonce . substr($mark, 0, 20) . "x$sealed", $nonce . substr($mark, 0, 20) . "x$sealed", '- - -'],
    ['a nonce alone', $nonce, $nonce, '- - -'],
    ['less than a nonce', 'abc', 'abc', '- - -'],
    ['half a mark at the end', $nonce . substr($mark, 0, 20), $nonce, '- - -'],
    ['half a bill at the end', $nonce . substr(bill($json), 0, 60), $nonce, '- - -'],
) {
    my ($name, $bytes, $expected, $figures, $body) = @$_;
    for my $framing (qw/chunked length close/) {
        my $answer = answered('strip', cut_at($bytes, 30, 40, 60), framing => $framing, body => $body);
        ok($answer->body eq $expected, "$name, framed by $framing");
        is($answer->says, '200', 'ends as the gateway ended it');
        is(billed(), "strip ok $figures", 'its figures');
    }
}

my ($warned) = $t->read_file('error.log') =~ /\[warn\] .*?(gateway sent a bill that cannot be read)/;
ok($warned, 'a bill that cannot be read is mentioned');

# Broken answers stay broken.

for my $http (1, 2) {
    my $answer = answered('strip', [substr $billed, 0, $at + 60], http => $http, then => sub { $_[0]->close });
    is($answer->says, '200 cut', "a gateway that closes within a bill, HTTP/$http");
    is($answer->body, substr($plain, 0, $at), 'what came before has passed');
    is(billed(), 'strip gateway_error - - -', 'and is counted');

    $answer = answered('strip', [$billed], http => $http, then => sub { $_[0]->reset });
    is($answer->says, '200 cut', "one that resets behind the last byte, HTTP/$http");

    for my $framing (qw/chunked length close/) {
        for (["$nonce$mark\0\0\x10\1" . 'z' x 40, 'claims too much', 'strip'],
            ["$nonce$mark\xff\xff\xff\xff" . 'z' x 40, 'claims all there is', 'strip'],
            [$billed, 'is there', 'reject'], [$nonce . bill('') . "\0$sealed", 'has no word', 'reject'],
            ["$nonce$mark\xff\xff\xff\xff" . 'z' x 40, 'claims too much', 'reject'])
        {
            my ($bytes, $what, $name) = @$_;
            my $begins = index $bytes, $mark;
            my $tells = $begins + 38;    # the last byte of its length
            for my $at_once (0, 1) {
                $answer = answered($name, cut_at($bytes, $begins + 10, $tells, $tells + 1), framing => $framing,
                    http => $http, at_once => $at_once);
                is($answer->says, '200 cut', "a bill that $what, to $name, framed by $framing, HTTP/$http");
                is($answer->body, substr($bytes, 0, $begins), 'what came before it has passed');
                is(billed(), "$name gateway_error - - -", 'it is an error of the gateway');
            }
        }
    }

    $answer = answered('reject', [$plain], framing => 'length', http => $http);
    is($answer->body, $plain, "reject takes what has none, HTTP/$http");
    is($answer->header('Content-Length'), length $plain, 'and leaves its length');
    is(billed(), 'reject ok - - -', 'and is content');
}

# What is not chunked OHTTP, or not to be looked at, passes.

for my $http (1, 2) {
    for (['pass', 'message/ohttp-chunked-res'], ['unset', 'message/ohttp-chunked-res'], ['strip', 'message/ohttp-res'],
        ['reject', 'message/ohttp-res'])
    {
        my ($name, $type) = @$_;
        my $answer = answered($name, [$billed], type => $type, framing => 'length', http => $http);
        is($answer->body, $billed, "a bill to $name in $type passes, HTTP/$http");
        is($answer->header('Content-Length'), length $billed, 'with its length');
        is(billed(), "$name ok - - -", 'and is not read');
    }

    my $answer = answered('strip', [$billed], type => 'Message/OHTTP-Chunked-Res; a=b', http => $http);
    is($answer->body, $plain, "another spelling of the type, HTTP/$http");
}

# A single answer has its figures in headers. They are no client's business.

my @priced = ('X-Inference-Cost-OPG' => '77', 'x-inference-cost-usd' => '0.77', 'X-Inference-Price-OPG-USD' => '1.07');

my $answer = answered('strip', ['single'], type => 'message/ohttp-res', fields => \@priced);
is(billed(), 'strip ok 77 0.77 1.07', 'figures of headers');
is(join(' ', grep { /inference/i } $answer->names), '', 'which do not pass');
answered('pass', ['single'], type => 'message/ohttp-res', fields => \@priced);
is(billed(), 'pass ok - - -', 'and are not read where nothing is to be read');
answered('strip', ['single'], type => 'message/ohttp-res',
    fields => ['X-Inference-Cost-OPG' => '7.5', 'X-Inference-Cost-USD' => '0x7', 'X-Inference-Price-OPG-USD' => '9' x 41]);
is(billed(), 'strip ok - - -', 'what is no figure is none');
answered('strip', [$billed], fields => \@priced);
is(billed(), "strip ok @figures", 'a bill knows better');

# A log that does not ask for figures has none.

unlike($t->read_file('access.log') . $t->logs, qr/\Q$figures[0]\E|\Q$figures[1]\E/, 'no figure in any other log');

# The connection to the gateway is kept behind an answer whose bill was taken out.

$gateway->forget;
my @conn;
for (1, 2) {
    my $client = $t->start('/to/strip', body => $request);
    $conn[0] //= $gateway->accept;
    $conn[0]->request;
    $conn[0]->body;
    $conn[0]->start_chunks;
    $conn[0]->send_chunk($billed);
    $conn[0]->end_chunks;
    is($client->answer->body, $plain, 'an answer on a connection that is kept');
}

# A piece is with the client before the next one leaves the gateway.

my $client = $t->start('/to/strip', body => $request);
$conn[0]->request;
$conn[0]->body;
$conn[0]->start_chunks;
$answer = $client->answer_head;
my $seen = '';
for (@{ cut_at($billed, 32, 58, $at, $at + 20, $at + length $frame) }) {
    $conn[0]->send_chunk($_);
    next if index($frame, $_) >= 0;
    $seen .= $client->chunk;
}

is($seen, $plain, 'nothing waits for what comes later');
$conn[0]->end_chunks;
is($client->chunk, '', 'and the end is the end');

$t->done;
