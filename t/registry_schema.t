#!/usr/bin/perl

# docs/registry.schema.json has each member that the registry may have, of the same type, and no
# other one; and so have the blocks of the configuration.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::OhttpRelay;

my $t = Test::OhttpRelay->new;

sub source { $t->read_file($t->root . "/$_[0]") }

my $schema = JSON::PP->new->utf8->decode(source('docs/registry.schema.json'));

# JSON::PP takes the second of two members of one name, and says nothing.
is(join("\n", sort split /\n/, source('docs/registry.schema.json') =~ s/,$//mgr),
    join("\n", sort split /\n/, JSON::PP->new->utf8->canonical->pretty->indent_length(2)->space_before(0)->encode($schema) =~ s/,$//mgr),
    'no member of the schema is there twice');

my $row = source('src/codec/registry_row.c');
my %blocks = (gateway => source('src/gateway/block.c'), pool => source('src/gateway/pool.c'));

# What the parser's types are in the schema.

sub types {
    my ($value) = @_;
    return map { types($_) } @{ $value->{anyOf} } if $value->{anyOf};
    return map { ref() ? 'boolean' : /^\d+$/ ? 'integer' : 'string' } @{ $value->{enum} } if !$value->{type};
    return map { "array of $_" } types($value->{items}) if $value->{type} eq 'array';
    return ref $value->{type} ? @{ $value->{type} } : $value->{type};
}

sub unique { my %seen; join ', ', sort grep { !$seen{$_}++ } @_ }

my %expected = (
    STRING => ['string'], FLAG => ['boolean'], COUNT => ['integer'], ADMIN => ['string'],
    STRINGS => ['string', 'array of string'], HEADERS => ['object', 'array of string'],
);

for my $what (qw/gateway pool/) {
    my ($table) = $row =~ /registry_${what}_members\[\] =\n\{\n(.*?)\{ NULL, 0 \}/s;
    my %parsed = $table =~ /\{ "(\w+)",\s+(NGX_[A-Z_|]+) \}/g;
    my $properties = $schema->{'$defs'}{$what}{properties};

    is(scalar(() = $table =~ /\{ "/g), scalar keys %parsed, "a member of a $what stands once in the parser's table");
    cmp_ok(scalar keys %parsed, '>=', $what eq 'pool' ? 3 : 30, "the parser's members of a $what");
    is(join(' ', sort keys %$properties), join(' ', sort keys %parsed), 'are those of the schema');
    is($schema->{'$defs'}{$what}{additionalProperties}, JSON::PP::false, 'which takes no other one');

    for my $name (sort keys %parsed) {
        my @types = map { @{ $expected{$_} } } $parsed{$name} =~ /MEMBER_([A-Z]+)/g;
        push @types, 'array of integer' if $parsed{$name} =~ /STRINGS.*COUNT/;
        is(unique(types($properties->{$name})), unique(@types), "$what: the type of $name");
        is($properties->{$name}{minimum}, 0, 'with no less than 0') if $parsed{$name} =~ /_COUNT$/ && @types == 1;
    }

    my ($commands) = $blocks{$what} =~ /relay_${what}_commands\[\] = \{\n(.*?)ngx_null_command/s;
    my @directives = sort $commands =~ /ngx_string\("(\w+)"\)/g;
    is(join(' ', @directives), join(' ', sort grep { $_ ne 'admin' } keys %parsed), "and of a block of a $what");
}

my ($known) = source('src/codec/registry.c') =~ /json_object_foreach\(root, name, value\) \{(.*?)return/s;
is(unique($known =~ /"(\w+)"/g), unique(keys %{ $schema->{properties} }), 'the members of the whole');
is($schema->{properties}{version}{const}, 1, 'its version');

my ($rows) = source('src/codec/registry.h') =~ /REGISTRY_ROWS +(\d+)/;
is($schema->{properties}{$_}{maxProperties}, $rows, "as many $_") for qw/gateways pools policies/;

# ---- what the documentation shows is one, and the digest it shows is that of its entry

my $docs = source('docs/directives.md');
my ($example, $verdicts) = $docs =~ /^### ohttp_relay_verdicts\n.*?^```json\n(.*?)^```.*?^```json\n(.*?)^```/ms;
my $registry = $t->registry;
$registry->write($example);
$t->verdicts->write($verdicts);
my ($code, $said) = $t->nginx_t(<<'EOC');
    ohttp_relay_registry registry.json;
    ohttp_relay_verdicts verdicts.json;
    server { listen 127.0.0.1:8080; location / { ohttp_relay_pass og-1; } }
EOC
is($code, 0, 'the examples are taken') or diag($said);

my ($digest, $text) = $docs =~ /the digest `([0-9a-f]{64})`.*?^(\{"name":.*?\})$/ms;
my $decoded = JSON::PP->new->utf8->decode($example);
$registry->{policies} = $decoded->{policies};
my ($name) = sort keys %{ $decoded->{gateways} };
my $entry = $decoded->{gateways}{$name};
is($t->verdicts->entry($name, $entry->{url}, $entry->{policy}), $digest, 'the digest is that of the entry');
is(Digest::SHA::sha256_hex($text), $digest, 'and that of the text');
is(JSON::PP->new->utf8->decode($verdicts)->{gateways}{$name}{entry_sha256}, $digest, 'and the verdict names it');

$t->done;
