#!/usr/bin/perl

# What is published is one answer in all of many workers, over HTTP/1.1 and HTTP/2, before and after a
# reload; and once one client has got other keys, nobody gets the old ones any more.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw/sha256_hex/;
use Test::More;
use Test::OhttpRelay;

use constant WORKERS => 6;

my $t = Test::OhttpRelay->new->has(qw/http2/);
my $registry = $t->registry;

my @keys = map { list(bare(1, 'a'), $_ ? bare($_ + 1, chr(97 + $_)) : ()) } 0 .. 9;
my @targets = qw{/keys/block /keys/row /keys/pool};
my $at = 'url http://127.0.0.1:8081/; insecure on;';

put($_, $keys[0]) for qw/block row pool/;

$registry->row(row => 8081, keys_file => 'row.keys', unknown_key => '422');
$registry->write;

$t->http(<<"EOC");
    ohttp_relay_registry registry.json;
    ohttp_relay_gateway block { $at keys_file block.keys; unknown_key 422; }
    ohttp_relay_gateway one   { $at keys_file pool.keys; pool pool; }
    ohttp_relay_gateway two   { $at keys_file pool.keys; pool pool; }
    ohttp_relay_pool pool { keys shared; }

    server {
        listen 127.0.0.1:8080 reuseport;
        listen 127.0.0.1:8082 http2 reuseport;
        location ~ ^/keys/(?<name>[^/]+)\$ { ohttp_relay_keys \$name; add_header X-Worker \$pid always; }
        location = /.well-known/ohttp-gateway { ohttp_relay_keys block; }
        location = /v1/ohttp/config           { ohttp_relay_keys row; }
        location ~ ^/to/(?<name>[^/]+)\$   { ohttp_relay_pass \$name; }
    }
EOC
$t->write_file('nginx.conf', 'worker_processes ' . WORKERS . ";\n" . $t->read_file('nginx.conf'));

$t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;
$t->waitfor('the keys of the row and the pool', sub { 2 == grep { get($_)->status == 200 } @targets[1, 2] });

# ---- each worker is asked, each way

sub everywhere {
    my ($bytes, $name) = @_;

    for my $target (@targets) {
        my (%worker, %answer);
        for my $n (1 .. 600) {
            my $http = 1 + $n % 2;
            my $answer = get($target, http => $http, headers => [Range => 'bytes=0-3', 'X-Client' => $n]);
            $worker{ $answer->header('X-Worker') }{$http}++;
            $answer{ join ' ', $answer->status, map { $answer->header($_) // '-' } qw/ETag Content-Type Content-Length Content-Range/ }
                { $answer->body }++;
            last if WORKERS == grep { keys %$_ == 2 } values %worker;
        }
        is(scalar(grep { keys %$_ == 2 } values %worker), WORKERS, "$name: all workers of $target, over HTTP/1.1 and HTTP/2");
        is(join("\n", sort keys %answer),
            join(' ', 200, '"' . sha256_hex($bytes) . '"', 'application/ohttp-keys', length $bytes, '-'), 'have one head');
        is(join("\n", map { unpack 'H*', $_ } map { keys %$_ } values %answer), unpack('H*', $bytes), 'and one body');
    }
}

everywhere($keys[0], 'at first');

# ---- HEAD, and what is known

my $tag = '"' . sha256_hex($keys[0]) . '"';
for my $target (@targets) {
    for my $http (1, 2) {
        my $answer = get($target, http => $http, method => 'HEAD');
        is($answer->status . ' ' . $answer->header('ETag') . ' ' . $answer->header('Content-Length'),
            "200 $tag " . length $keys[0], "HEAD of $target, HTTP/$http, has the head of GET");
        is(get($target, http => $http, method => $_, headers => ['If-None-Match' => $tag])->status, 304, "$_ with what is known")
            for qw/GET HEAD/;
        is(get($target, http => $http, headers => [@$_])->body, $keys[0], "$$_[0] changes nothing")
            for ['Range' => 'bytes=0-0'], ['Range' => 'bytes=9999-'], ['If-Range' => $tag, 'Range' => 'bytes=1-2'], ['If-Match' => '"x"'],
                ['If-Unmodified-Since' => 'Thu, 01 Jan 1970 00:00:00 GMT'], ['Accept' => 'application/json'], ['Accept-Encoding' => 'br'],
                ['Cookie' => 'keys=other'], ['Authorization' => 'Bearer other'], ['X-TEE-ID' => 'other'], ['Cache-Control' => 'no-cache'];
    }
}

# ---- where clients look for them

for my $place (qw{/.well-known/ohttp-gateway /v1/ohttp/config}) {
    my $answer = get($place, headers => [Accept => 'application/ohttp-keys']);
    is($answer->body . $answer->header('Content-Type'), $keys[0] . 'application/ohttp-keys', $place);
}

# ---- a change is one moment for all clients, whichever worker they come to

for my $round (1 .. 4) {
    put($_, $keys[$round]) for qw/block row pool/;
    my %behind = map { $_ => 0 } @targets;
    my %new;

    $t->waitfor('other keys everywhere', sub {
        for my $target (@targets) {
            my $is_new = get($target, http => 1 + int rand 2)->body eq $keys[$round];
            $behind{$target}++ if $new{$target} && !$is_new;
            $new{$target} += $is_new;
        }
        return !grep { ($new{$_} // 0) < 40 } @targets;
    });
    is_deeply(\%behind, { map { $_ => 0 } @targets }, "change $round: who comes later gets no older keys");
}

# ---- a key that was published is known to all workers

my $known = 4;
for my $name (qw/block row/) {
    put($name, $keys[$known + 1]);
    $t->waitfor('a new key', sub { get("/keys/$name")->body eq $keys[$known + 1] });
    my %says;
    $says{ $t->post("/to/$name", body => $t->sealed(300, chr($known + 2) . "\0\x20\0\1\0\1"))->says }++ for 1 .. 40;
    is_deeply(\%says, { 200 => 40 }, "$name: who has got the new key is never told that it is unknown");
}
put('pool', $keys[$known + 1]);
$t->waitfor('the pool', sub { get('/keys/pool')->body eq $keys[$known + 1] });

everywhere($keys[$known + 1], 'later');
$t->reload_whole;
everywhere($keys[$known + 1], 'after a reload');

$t->done;


sub bare { my ($id, $letter) = @_; return chr($id) . "\0\x20" . $letter x 32 . "\0\x08\0\1\0\1\0\1\0\3" }

sub list { return join '', map { pack('n', length) . $_ } @_ }

sub get { $t->post($_[0], method => 'GET', type => undef, body => undef, @_[1 .. $#_]) }

sub put {
    my ($name, $content) = @_;
    $t->write_file("$name.new", $content);
    chmod 0644, $t->dir . "/$name.new";
    rename $t->dir . "/$name.new", $t->dir . "/$name.keys" or die "rename: $!\n";
    $t->{written}{"$name.keys"} = 1;
    delete $t->{written}{"$name.new"};
}
