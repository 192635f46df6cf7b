#!/usr/bin/perl

# A thousand rows that change under many workers: streams go on meanwhile. How long the longest pause
# between two pieces was is told, and decides nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use POSIX ();
use Test::More;
use Test::OhttpRelay;
use Time::HiRes qw/sleep time/;

use constant { WORKERS => 16, ROWS => 1000, STREAMS => 4, BEAT => 0.02, PIECES => 200 };

my $t = Test::OhttpRelay->new;
my $registry = $t->registry;

$t->http(<<'EOC');
    ohttp_relay_registry registry.json;
    ohttp_relay_pool og { select header:X-TEE-ID; }

    server {
        listen 127.0.0.1:8080 reuseport;
        location ~ ^/to/(?<name>.*)$ { ohttp_relay_pass $name; }
    }
EOC
$t->write_file('nginx.conf', 'worker_processes ' . WORKERS . ";\n" . $t->read_file('nginx.conf'));

# Each piece is the time at which it was sent.

my $gateway = $t->gateway(8081, answer => sub {
    my ($conn) = @_;
    $conn->body;
    $conn->start_chunks;
    for (1 .. PIECES) {
        $conn->send_chunk(sprintf '%.6f ', time);
        sleep BEAT;
    }
    $conn->end_chunks;
});

$registry->row(stream => 8081);
rows('1m');
$registry->write;
$t->run;

sub rows {
    my ($max_body) = @_;
    $registry->row("og-$_", 8081, pool => 'og', selector => sprintf('%064x', $_), max_body => $max_body,
        request_header => { Authorization => "Bearer $_" }) for 1 .. ROWS;
}

# What streams have come to; $change is called until they end.

sub streams {
    my ($change) = @_;

    pipe my $from, my $to or die "pipe: $!\n";
    my @watchers = map {
        my $pid = fork // die "fork: $!\n";
        if (!$pid) {
            my ($count, $late, $gap) = watch();
            syswrite $to, "$count $late $gap\n";
            POSIX::_exit(0);
        }
        $pid;
    } 1 .. STREAMS;
    close $to;

    my ($text, $changes) = ('', 0);
    my $select = IO::Select->new($from);
    while (1) {
        $change->(), $changes++ if $change && !$select->can_read(0);
        next if !$select->can_read($change ? 0 : 1);
        last if !sysread $from, $text, 4096, length $text;
    }
    waitpid $_, 0 for @watchers;

    my @all = map { [split] } split /\n/, $text;
    my ($late, $gap) = (0, 0);
    for (@all) {
        $late = $_->[1] if $_->[1] > $late;
        $gap = $_->[2] if $_->[2] > $gap;
    }
    return ([map { $_->[0] } @all], $late, $gap, $changes);
}

# The pieces of one stream, in the order they were sent; the latest of them, and the longest pause.

sub watch {
    my $client = $t->start('/to/stream');
    my $answer = $client->answer_head;
    my ($text, $late, $gap, $last) = ($client->{in}, 0, 0, undef);

    while ($text !~ /^0\r\n\r\n/m && sysread $client->socket, my $piece, 65536) {
        my $now = time;
        $text .= $piece;
        for my $sent ($piece =~ /(\d{10}\.\d{6}) /g) {
            $late = $now - $sent if $now - $sent > $late;
        }
        $gap = $now - $last if $last && $now - $last > $gap;
        $last = $now;
    }

    my @times = $text =~ /(\d+\.\d{6}) /g;
    my $count = join(' ', @times) eq join(' ', sort { $a <=> $b } @times) ? @times : -1;
    return ($answer->status == 200 && $text =~ /^0\r\n\r\n/m ? $count : 0, $late, $gap);
}

my ($whole, @still) = streams();
is_deeply($whole, [(PIECES) x STREAMS], 'nothing changes: streams are whole');

my $version = 1;
($whole, my @changing) = streams(sub { rows(++$version . 'm'); $registry->publish });
is_deeply($whole, [(PIECES) x STREAMS], 'all rows change, again and again: streams are whole');
cmp_ok($changing[2], '>', 0, 'all workers took over ' . $changing[2] . ' registries meanwhile');
is(() = $t->read_file('error.log') =~ /registry: @{[ ROWS + 1 ]} gateways, @{[ ROWS ]} changed/g, WORKERS * $changing[2],
    'each of them whole');

($whole, my @one) = streams(sub { $registry->change('og-7', max_body => ++$version . 'm')->publish });
is_deeply($whole, [(PIECES) x STREAMS], 'one row of them changes: streams are whole');

diag(sprintf '%d workers, %d rows, pieces each %d ms; the longest pause between two, and the most that one was late:',
    WORKERS, ROWS, BEAT * 1000);
diag(sprintf '    %-16s pause %3d ms, late %3d ms, %d changes', $_->[0], $_->[2] * 1000, $_->[1] * 1000, $_->[3] // 0)
    for ['none', @still], ['all rows', @changing], ['one row', @one];

$t->done;
