#!/usr/bin/perl

# The file of an issuer's keys is watched: all workers follow it within seconds, and a bad one
# changes nothing but the log.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::OhttpRelay;
use Time::HiRes qw/sleep/;

my $t = Test::OhttpRelay->new->has(qw/access-peer/);
my $access = $t->access;
my @sets = map { $access->jwks } 1 .. 3;

my $file = $t->dir . '/jwks.json';
publish(0);

$t->http(<<"EOC");
    ohttp_relay_gateway llm { url http://127.0.0.1:8081/gateway; insecure on; keepalive 8; }

    ohttp_relay_jwt_issuer accounts { jwks jwks.json; iss https://accounts.example; aud relay; }

    server {
        listen 127.0.0.1:8080;
        location = /relay { ohttp_relay_pass llm; ohttp_relay_auth jwt=accounts; }
    }
EOC
$t->write_file('nginx.conf', "worker_processes 2;\n" . $t->read_file('nginx.conf'));

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

my @jwt = map { jwt($_) } 0 .. 2;

# ---- a new set

is(says(0), '200', 'a token of the first set lets in');
is(says(0), '200', 'and is remembered');
is(says(1), '401 credential_invalid', 'one of another set does not');

publish(1);
follows(1, 'a new set is taken over');
all_say(0, '401 credential_invalid', 'and the old one is forgotten, with the tokens remembered');

# ---- a set that is broken

my $lines = errors();
put('{"keys":[]}');
$t->waitfor('the complaint', sub { errors() > $lines });
sleep 2.5;
is(errors(), $lines + 1, 'a broken set makes one line, however long it stays');
like($t->read_file('error.log'), qr/\[error\] [^\n]*jwks\.json" is not taken over[^\n]*no key/,
    'with its name and the reason');
all_say(1, '200', 'and the last good one stays in use');

put('{"keys":');
$t->waitfor('the second complaint', sub { errors() > $lines + 1 });
is(errors(), $lines + 2, 'another broken one makes another line');

put($t->read_file($sets[1]{jwks}));
sleep 2.2;
is(errors(), $lines + 2, 'the good one again makes none');

unlink $file;
$t->waitfor('the complaint about nothing', sub { errors() > $lines + 2 });
publish(2);
follows(2, 'a set in the place of a file that was gone');

# ---- whose it is

chmod 0664, $file;
$t->waitfor('the complaint about rights', sub { errors() > $lines + 3 });
like($t->read_file('error.log'), qr/jwks\.json"[^\n]*writable/, 'a group that may write is refused');
all_say(2, '200', 'and the last good one stays in use');

publish(1);
chmod 0666, $file;
$t->waitfor('the complaint about others', sub { errors() > $lines + 4 });
all_say(1, '401 credential_invalid', 'nor is a new one taken that others may write');
chmod 0644, $file;
follows(1, 'until its rights are mended');

# ---- workers that come later

put('broken');
$t->waitfor('the complaint', sub { errors() > $lines + 5 });

my %old = map { $_ => 1 } $t->workers;
kill KILL => keys %old;
$t->waitfor('new workers', sub { 2 == grep { !$old{$_} } $t->workers });
$t->waitfor('an answer', sub { eval { says(1) eq '200' } });
all_say(1, '200', 'a worker that comes later starts with the last good set');
all_say(0, '401 credential_invalid', 'not with that of the configuration');

ok(!eval { $t->reload; 1 }, 'a reload with a broken set is refused');
all_say(1, '200', 'and changes nothing');
$t->waive('alerts', 'workers were killed, a reload was refused',
    qr/exited on signal 9|jwks\.json": it is not JSON/);

publish(2);
$t->reload;
follows(2, 'a reload reads the file anew');

# ---- another list of files

$t->write_file('nginx.conf', $t->read_file('nginx.conf')
    =~ s/(ohttp_relay_jwt_issuer) accounts/$1 more { jwks $sets[0]{jwks}; iss https:\/\/more; aud x; }\n$&/r);
$t->reload;
follows(2, 'a reload with another file to watch');
publish(0);
follows(0, 'and the first one is still watched');

$t->done;


sub publish { put($t->read_file($sets[$_[0]]{jwks})) }

# as the agent does it: never half a file
sub put {
    $t->write_file('jwks.new', $_[0]);
    chmod 0644, $t->dir . '/jwks.new';
    rename $t->dir . '/jwks.new', $file or die "rename: $!\n";
    $t->{written}{'jwks.json'} = 1;
    delete $t->{written}{'jwks.new'};
}

sub jwt {
    return $access->jwt($sets[$_[0]], kid => 'es256-' . (qw/a b c/)[$_[0]],
        claims => { iss => 'https://accounts.example', aud => 'relay', exp => time + 600 });
}

sub says { $t->post('/relay', headers => [Authorization => "Bearer $jwt[$_[0]]"])->says }

sub errors { scalar(() = $t->read_file('error.log') =~ /\[error\] [^\n]*jwks\.json/g) }

# in each worker, as good as certainly
sub all_say {
    my ($set, $says, $name) = @_;
    my %said;
    $said{ says($set) }++ for 1 .. 20;
    is_deeply([keys %said], [$says], $name);
}

sub follows {
    my ($set, $name) = @_;
    $t->waitfor($name, sub { says($set) eq '200' });
    # in the other worker, which looks once a second
    sleep 1.2;
    $t->waitfor($name, sub { !grep { says($set) ne '200' } 1 .. 10 });
    all_say($set, '200', $name);
}
