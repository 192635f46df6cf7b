#!/usr/bin/perl

# A registry with a mistake in it is refused as a whole, with one line that names it, and the last good
# one keeps serving; at start it is an error of the configuration.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP qw/decode_json encode_json/;
use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new;
my $registry = $t->registry;
my $file = $t->dir . '/registry.json';

my $blocks = <<'EOC';
    ohttp_relay_gateway block { url http://127.0.0.1:8081/block; insecure on; pool og; selector block; }
    ohttp_relay_pool og { select header:X-TEE-ID; }
    ohttp_relay_tls ca { verify_depth 2; }
EOC

my $server = <<'EOC';
    server {
        listen 127.0.0.1:8080;
        location ~ ^/to/(?<name>.*)$ { ohttp_relay_pass $name; }
        location = /status { ohttp_relay_status json; }
    }
EOC

$t->http("    ohttp_relay_registry registry.json interval=100ms;\n$blocks$server");

$registry->row(good => 8081, pool => 'og', selector => 'good');
$registry->write;
my $good = $registry->text;

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer });
$t->run;

# The good text, changed as data.

sub with {
    my ($change) = @_;
    local $_ = decode_json($good);
    $change->($_);
    return JSON::PP->new->canonical->encode($_);
}

# A row beside the good one.

my $url = 'http://127.0.0.1:' . $t->port(8081) . '/new';

sub row {
    my (%members) = @_;
    my %row = (url => $url, insecure => JSON::PP::true, attestation => 'off', %members);
    return with(sub { $_->{gateways}{new} = { map { $_ => $row{$_} } grep { defined $row{$_} } keys %row } });
}

sub in_pool { my (%members) = @_; return with(sub {
    $_->{pools}{ways} = { select => 'path', %members };
    $_->{gateways}{new} = { url => $url, insecure => JSON::PP::true, attestation => 'off', pool => 'ways', selector => 'x' };
}) }

my $pin = 'cert-sha256:' . 'ab' x 32;

my @refused = (
    # what the file is
    ['nothing', '', qr/./],
    ['half of it', substr($good, 0, length($good) / 2), qr/line 1: this is not JSON, it ends too early/],
    ['something behind it', "$good x", qr/line 1: this is not JSON/],
    ['a comma too much', $good =~ s/\}\z/,\n}/r, qr/line 2: this is not JSON/],
    ['a mark in front', "\xef\xbb\xbf$good", qr/it begins with a byte order mark/],
    ['another encoding', $good =~ s/"pools"/"\xf6"/r, qr/line 1: this is not UTF-8/],
    ['no object', '[]', qr/./],
    ['another version', with(sub { $_->{version} = 2 }), qr/version/],
    ['no version', with(sub { delete $_->{version} }), qr/version/],
    ['more than it may be', $good . ' ' x (4 << 20), qr/more than 4194304 bytes/],

    # what its members are
    ['an unknown member', with(sub { $_->{colour} = 1 }), qr/"colour"/],
    ['an unknown member of a row', row(colour => 'red'), qr/gateway "new": .*"colour"/],
    ['an unknown member of a pool', in_pool(colour => 'red'), qr/pool "ways": .*"colour"/],
    ['a member twice', $good =~ s/"version":1/"version":1,"version":1/r, qr/./],
    ['a row twice', $good =~ s/("good":\{.*?\})/$1,$1/r, qr/./],
    ['a number in place of text', row(max_body => 5), qr/gateway "new": "max_body" must be a string/],
    ['text in place of a number', row(keepalive => '5'), qr/gateway "new": "keepalive" must be a number/],
    ['text in place of a flag', row(insecure => 'on'), qr/gateway "new": "insecure" must be true or false/],
    ['a flag in place of text', row(pool => JSON::PP::true), qr/gateway "new": "pool" must be a string/],
    ['a list in place of text', row(pool => ['og']), qr/gateway "new": "pool" must be a string/],
    ['a list of numbers', row(ssl_pin => [5]), qr/gateway "new": "ssl_pin" must be a string, or an array of strings/],
    ['a flag in place of ids', row(key_ids => JSON::PP::true), qr/gateway "new": "key_ids" must be a number or a string, or/],
    ['a name with odd letters', with(sub { $_->{gateways}{'a/b'} = $_->{gateways}{good} }), qr/./],
    ['a URL that is missing', row(url => undef), qr/gateway "new"/],

    # what they say: as of the block's directives
    ['a URL with a user', row(url => 'https://me@gateway.example/'), qr/gateway "new": "url" directive wants/],
    ['a URL without TLS', row(insecure => undef), qr/gateway "new": "url" is http:/],
    ['a size that is none', row(max_body => 'much'), qr/gateway "new": .*"max_body"/],
    ['a time that is none', row(read_timeout => '1x'), qr/gateway "new": .*"read_timeout"/],
    ['no size at all', row(max_body => '0'), qr/gateway "new": "max_body" must be/],
    ['a word that is none', row(unknown_key => '404'), qr/gateway "new": "unknown_key" directive has an invalid value "404"/],
    ['an admin that is none', row(admin => 'off'), qr/gateway "new": .*"admin"/],
    ['a media type that is none', row(media_types => ['text/plain']), qr/gateway "new": "media_types" directive wants/],
    ['a pin that is none', row(url => 'https://gateway.example/', insecure => undef, ssl_pin => 'sha1:00'),
        qr/gateway "new": "ssl_pin" directive wants/],
    ['a pin and a block of TLS', row(url => 'https://gateway.example/', insecure => undef, ssl_pin => $pin, tls => 'ca'),
        qr/gateway "new": "tls" and "ssl_pin" exclude/],
    ['a block of TLS that is not there', row(url => 'https://gateway.example/', insecure => undef, tls => 'nobody'),
        qr/gateway "new": there is no ohttp_relay_tls block "nobody"/],
    ['an address without a pin', row(url => 'https://203.0.113.7/', insecure => undef), qr/gateway "new": "url" has an address/],
    ['a header of the relay', row(request_header => { Host => 'a' }), qr/gateway "new": "request_header" directive names/],
    ['a header with a variable', row(request_header => { A => '$remote_addr' }), qr/gateway "new": "request_header" directive takes a constant/],
    ['a claim in a store that is not there', row(replay_window => '300s'), qr/gateway "new": "replay_window" needs a store/],

    # how they go together
    ['the name of a block', with(sub { $_->{gateways}{block} = $_->{gateways}{good} }), qr/gateway "block": .*same name/],
    ['the name of a pool', with(sub { $_->{gateways}{og} = $_->{gateways}{good} }), qr/pool "og": .*same name/],
    ['a pool with the name of a pool', with(sub { $_->{pools}{og} = { select => 'path' } }), qr/pool "og": .*same name/],
    ['a pool with the name of a row', with(sub { $_->{pools}{good} = { select => 'path' } }), qr/pool "good": a gateway has the same name/],
    ['a pool with the name of a block', with(sub { $_->{pools}{block} = { select => 'path' } }), qr/pool "block": a gateway has the same name/],
    ['a pool that is not there', row(pool => 'nobody', selector => 'x'), qr/gateway "new": there is no pool "nobody"/],
    ['a selector without a pool', row(selector => 'x'), qr/gateway "new": .* need a "pool"/],
    ['a pool without a selector', row(pool => 'og'), qr/gateway "new": it has no "selector"/],
    ['the selector of a row', row(pool => 'og', selector => 'GOOD'), qr/gateway "(?:new|good)": the same would choose gateway "(?:new|good)"/],
    ['the selector of a block', row(pool => 'og', selector => 'BLOCK'), qr/gateway "new": the same would choose gateway "block"/],
    ['a weight that is none', row(pool => 'og', selector => 'x', weight => 0), qr/gateway "new": "weight" must be/],
    ['a pool without a way to choose', in_pool(select => undef), qr/pool "ways"/],
    ['a pool with another way', in_pool(select => 'hash'), qr/pool "ways": .*"select"/],
    ['a default that is not there', in_pool(default => 'good'), qr/pool "ways": "default" is not the name/],
);

my $count = 0;

for (@refused) {
    my ($name, $text, $says) = @$_;
    $text =~ s/"select":null,?//;
    like($registry->refused($text) // '', qr/^is not taken over, its last good content stays in use: .*$says/, $name);
    is($t->post('/to/good')->says, '200', 'and the last good one serves') if $_ == $refused[-1] || !(++$count % 8);
}

is($t->post('/to/new')->says, '404 gateway_unknown', 'nothing of all this was taken over');
is($t->post('/to/good')->says, '200', 'and nothing was lost');

my $lines = () = $t->read_file('error.log') =~ /\[error\]/g;
is($lines, scalar @refused, 'each is one line');

sub status { $t->post('/status', method => 'GET', body => undef, type => undef)->body }
my ($failures) = status() =~ /"registry_file_failures":(\d+)/;
cmp_ok($failures // 0, '>', 0, 'which are counted');

# ---- rights

$registry->write($good);
chmod 0666, $file;
$t->waitfor('the file of others to be refused', sub {
    $t->read_file('error.log') =~ /registry\.json" is not taken over.*writable by its group or by others/ });
pass('a file that others can write is refused');
chmod 0644, $file;

unlink $file;
$t->waitfor('the missing file', sub { $t->read_file('error.log') =~ /registry\.json" is not taken over.*cannot be opened/ });
is($t->post('/to/good')->says, '200', 'without the file the last good one serves');

$registry->row(new => 8081)->publish;
is($t->post('/to/new')->says, '200', 'and a good one is taken over again');

# ---- the same when nginx is asked about its configuration

my $conf = "    ohttp_relay_registry registry.json;\n$blocks$server";

for (@refused) {
    my ($name, $text, $says) = @$_;
    next if $says =~ /store/;
    $text =~ s/"select":null,?//;
    $t->write_file('refused.json', $text);
    my ($code, $printed) = $t->nginx_t($conf =~ s/registry\.json/refused.json/r);
    my @lines = grep { /\[emerg\]/ } split /\n/, $printed;
    ok($code && @lines == 1 && $lines[0] =~ $says, "at start: $name") or diag($printed);
}

$t->write_file('refused.json', row(replay_window => '300s'));
is(($t->nginx_t($conf =~ s/registry\.json/refused.json/r))[0], 0, 'a row that claims something makes a store at start');

# ---- names in the configuration are those of the file as it is then

my $pass = sub { "server { listen 127.0.0.1:8083; location = /a { ohttp_relay_pass $_[0]; } }\n" };
my $key = "ohttp_relay_jwt_issuer a { secret_file secret; iss a; aud b; gateways %s; }\n";
$t->write_file('secret', 'x' x 64);
chmod 0600, $t->dir . '/secret';

for (
    ['a row', $pass->('good'), undef],
    ['nobody', $pass->('nobody'), qr/no gateway or pool "nobody" is registered/],
    ['the keys of a row without any', "server { listen 127.0.0.1:8083; location = /a { ohttp_relay_keys good; } }\n",
        qr/gateway "good" has no "keys_file"/],
    ['a plan for a row', sprintf($key, 'good og'), undef],
    ['a plan for nobody', sprintf($key, 'good nobody'), qr/"nobody", which is not registered/],
    ['a default that is a row', "ohttp_relay_pool dd { select header:X-A; default good; }\n",
        qr/ohttp_relay_pool "dd": "default" is not the name of a gateway in it/],
    ['the registry twice', "ohttp_relay_registry registry.json;\n", qr/"ohttp_relay_registry" directive is duplicate/],
) {
    my ($name, $more, $says) = @$_;
    my ($code, $printed) = $t->nginx_t($conf . $more);
    $says ? like($printed, $says, "$name is refused") : is($code, 0, "$name is known") || diag($printed);
}

for ('interval', 'interval=', 'interval=0', 'interval=1x', 'interval=10ms', 'interval=2m', 'every=1s', 'interval=1s 2') {
    isnt(($t->nginx_t($conf =~ s/registry\.json/registry.json $_/r))[0], 0, "refused: $_");
}

is(($t->nginx_t("    ohttp_relay_registry nothing.json;\n$server"))[0], 1, 'no file');

# A name is for nginx's resolver, which is asked for nothing here, or for nobody.
$registry->row(named => 8081, url => 'https://no-such-host.invalid/', insecure => undef)->write;
like(($t->nginx_t)[1], qr/gateway "named": "url" has a name, and there is no "resolver" in the http block/,
    'a name of a row without a resolver');
is(($t->nginx_t("resolver 127.0.0.1:1;\n$conf"))[0], 0, 'and one with it');

$t->done;
