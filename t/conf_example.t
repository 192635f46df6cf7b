#!/usr/bin/perl

# conf.example is what it says: nginx takes it, with each line that is commented out as well.
# And docs/directives.md has what the module has: directives, defaults, words of results.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::IP;
use Test::More;
use Test::OhttpRelay;
use Test::OhttpRelay::Tls;

my $t = Test::OhttpRelay->new->has(qw/openssl ssl http2/);

certificate($t, $_) for qw/tls ca client/;

# The example with its paths in the folder of the test, and its ports free ones.

my $ipv6 = IO::Socket::IP->new(LocalHost => '::1', Listen => 1);

my $example = $t->read_file($t->root . '/conf.example');

sub moved {
    my ($text) = @_;
    my $dir = $t->dir;

    $text =~ s{^load_module \K\S+;}{$t->{module};}m;
    $text =~ s{/(?:etc|run|var/lib)/ohttp-relay/}{$dir/}g;
    $text =~ s{(?<![\d.:])(8443|8080)(?= ssl|;)}{'127.0.0.1:' . $t->port($1)}ge;
    $text =~ s{\[::\]:(8443)(?= ssl)}{'[::1]:' . $t->port($1)}ge;
    $text =~ s{^ *listen +\[::1\].*\n}{}mg if !$ipv6;
    $text =~ s{127\.0\.0\.1:9090}{'127.0.0.1:' . $t->port(9090)}ge;
    $text =~ s{^(?=events)}{daemon off;\nuser root;\n}m if $> == 0;
    $text =~ s{^(?=events)}{daemon off;\n}m if $> != 0;
    return $text;
}

# The keys of issuers that it names: any key, and that of RFC 8037, appendix A.2.

system('openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 2>/dev/null'
    . " | openssl pkey -pubout -outform DER -out '" . $t->dir . "/demo.spki'") == 0 or die "openssl failed\n";
$t->write_file('jwks.json', '{"keys":[{"kty":"OKP","crv":"Ed25519",'
    . '"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}');

# The keys of the gateway, one of X25519.

$t->write_file('example.keys', my $keys = "\0\x29\1\0\x20" . 'k' x 32 . "\0\4\0\1\0\1");

# The registry, of no one.

$t->write_file('registry.json', '{"version":1,"gateways":{}}');

# Verdicts on no gateway at all.

$t->verdicts->write;

# Uncommented: a directive, a block or its end, a continued string; the rest is prose.

sub with_options {
    my ($text) = @_;
    $text =~ s/^( *)#(?! )((?:.*[;{}])?)$/$1$2/mg;
    $text =~ s/^( *)#((?:    )+(?:\w.*[;{]|\}))$/$1$2/mg;
    return $text;
}

sub accepted {
    my ($name, $text) = @_;
    $t->write_file('nginx.conf', moved($text));
    my ($code, $said) = $t->nginx_t;

    is($code, 0, "$name is accepted") or diag($said);
    is(join("\n", grep { /\[(?:emerg|alert|crit|error)\]/ } split /\n/, $said), '', 'without an error');
    return grep { /\[warn\]/ } split /\n/, $said;
}

sub but_http2 { join "\n", grep { !/"listen \.\.\. http2" directive is deprecated/ } @_ }

is(but_http2(accepted('conf.example', $example)), '', 'and nothing to warn about');

(my $unsaid = $example) =~ s/^ *ohttp_relay_auth +off;\n//m;
like(but_http2(accepted('not saying that no credential is asked for', $unsaid)),
    qr/^[^\n]*ohttp_relay_auth is off[^\n]*$/, 'with one warning');

# A name of the machine instead of one that only DNS could know.

(my $more = with_options($example)) =~ s/enclave\.example/localhost/;
$more =~ s/^ *access_log +off;\n//m;
like($more, qr/^ *$_\b/m, "$_ is among the options") for qw/ohttp_relay_tls ohttp_relay_cors
    ohttp_relay_keys ohttp_relay_epochs keys_file unknown_key billing_frame ohttp_relay_pool
    ohttp_relay_registry ohttp_relay_token_key
    ohttp_relay_jwt_issuer ohttp_relay_store replay_window
    ohttp_relay_early_data_header max_in_flight request_header pass_response_header keepalive_timeout/;
like($more, qr/^ *listen +\[::\]:8443 ssl/m, 'and so is IPv6');
like(but_http2(accepted('all of it', $more)), qr/^[^\n]*without TLS[^\n]*$/,
    'with one warning, for the listener without TLS');

# The values that the example calls defaults are those of docs/directives.md.

my $docs = $t->read_file($t->root . '/docs/directives.md');
my ($block) = $example =~ /has these values\.\n(.*?)^\s+# Constants/ms;
my %default = $block =~ /^\s+#(\w+) +(.+);$/mg;
is(scalar keys %default, 8, 'eight defaults are shown');
for my $name (sort keys %default) {
    like($docs, qr/^Syntax: +$name .*;\nDefault: +$name \Q$default{$name}\E;$/m, "the default of $name is documented");
}

# Every directive has its section with four lines, and there is no section for another.

my $source = join '', map { $t->read_file($_) } $t->root . '/ngx_ohttp_relay_module.c',
    glob $t->root . '/src/{access,gateway}/*.c';
my %has = map { $_ => 1 } $source =~ /ngx_string\("(\w+)"\),\n\s+NGX_(?:HTTP|CONF)_/g;
my @has = sort keys %has;
my @told = sort $docs =~ /^### (\w+)\n\n```\nSyntax: +\1 .+;?\n(?: {10}\1 .+;\n)*Default: +.+\nContext: +.+\nPhase: +.+\n```$/mg;
cmp_ok(scalar @has, '>', 30, 'the directives of the source');
is("@told", "@has", 'are those of the documentation');

my $readme = $t->read_file($t->root . '/README.md');
is(join(' ', grep { $readme !~ /\[$_\]|`$_`/ } @has), '', 'and of the README');

my ($names) = $t->read_file($t->root . '/src/observe/metrics.c') =~ /result_names\[.*?\{(.*?)\};/s;
like($docs, qr/^\| `$_` \|/m, "the result $_ is documented") for $names =~ /ngx_string\("(\w+)"\)/g;

# It does what it is for.

my $gateway = $t->gateway(8081, answer => sub { $_[0]->answer },
    tls => certificate($t, 'gateway'));
my $url = 'https://127.0.0.1:' . $t->port(8081) . '/gateway';
my $pin = pin_spki($t, 'gateway');

$more =~ s{https://203\.0\.113\.7/gateway}{$url};
$more =~ s{spki-sha256:0{64}}{$pin};
$more =~ s{^worker_rlimit_nofile .*\n}{}m;    # the machine of a test may allow less
accepted('a gateway of our own', $more);
$t->run;

sub get { $t->post($_[0], method => 'GET', type => undef, body => undef, @_[1 .. $#_]) }

is($t->post('/relay/example', port => 8443, tls => 1)->says, '200', 'a sealed request passes');
is($t->post('/relay/example', port => 8443, tls => 1, http => 2)->says, '200', 'over HTTP/2 too');
is($t->post('/relay/example', port => 8080)->says, '200', 'and behind a load balancer');
is($t->post('/api/v1/chat/ohttp', port => 8443, tls => 1, headers => ['X-TEE-ID' => 'AA'])->says, '404 gateway_unknown',
    'a pool wants the whole name');
is($t->post('/relay/nobody', port => 8443, tls => 1)->says, '404 gateway_unknown', 'a name that is not registered');
is(get('/keys/example', port => 8443, tls => 1)->body, $keys, 'the keys are published');
is_deeply(get('/health', port => 8443, tls => 1)->json, { status => 'ok' }, 'health is public');
is(get('/metrics', port => 8443, tls => 1)->status, 404, 'figures are not');
like(get('/metrics', port => 9090)->body, qr/^ohttp_relay_requests_total/m, 'they are for the operator');
is(get('/status', port => 9090)->json->{status}, 'ok', 'in JSON as well');

my @lines = grep { /^example ok / } map { s/^\S+ //r } split /\n/, $t->read_file('access.log');
is(join("\n", sort @lines), join("\n", ('example ok 200 x25519/hkdf-sha256/aes-128-gcm') x 3), 'the log has its three words');

$t->done;
