package Test::OhttpRelay::Registry;

# The registry file of a test.
#
#     my $registry = $t->registry;           # configured as "ohttp_relay_registry registry.json interval=100ms;"
#     $registry->row('llm-1', 8081, selector => 'one');
#     $registry->write;                      # into its place, at once
#     ... $t->run;
#     $registry->row('llm-1', 8081, selector => 'two')->publish;     # and all workers have it

use strict;
use warnings;

use JSON::PP ();

my $json = JSON::PP->new->canonical->utf8;

sub new {
    my ($class, $t) = @_;
    $t->{written}{$_} = 1 for 'registry.json', 'registry.json.new';
    return bless { t => $t, version => 1, gateways => {}, pools => {}, policies => {} }, $class;
}

sub true  { JSON::PP::true }
sub false { JSON::PP::false }

# A row for a fake gateway on a logical port; a member that is undef is left out.

sub row {
    my ($self, $name, $port, %members) = @_;
    my %row = (
        url => 'http://127.0.0.1:' . $self->{t}->port($port) . "/$name",
        insecure => true, attestation => 'off', %members,
    );
    $self->{gateways}{$name} = { map { $_ => $row{$_} } grep { defined $row{$_} } keys %row };
    return $self;
}

# Changes members of a row; undef takes one away.

sub change {
    my ($self, $name, %members) = @_;
    my $row = $self->{gateways}{$name};
    %$row = (%$row, %members);
    delete $row->{$_} for grep { !defined $row->{$_} } keys %$row;
    return $self;
}

sub pool { my ($self, $name, %members) = @_; $self->{pools}{$name} = \%members; return $self }

sub drop {
    my ($self, @names) = @_;
    delete @{ $self->{$_} }{@names} for qw/gateways pools/;
    return $self;
}

sub text {
    my ($self) = @_;
    return $json->encode({ map { $_ => $self->{$_} } qw/version gateways pools policies/ });
}

# Puts it, or another text, into the file's place.

sub write {
    my ($self, $text) = @_;
    my $new = $self->{t}->write_file('registry.json.new', $text // $self->text);
    chmod 0644, $new;
    rename $new, $self->{t}->dir . '/registry.json' or die "rename: $!\n";
    return $self;
}

# The same, and returns when each worker, old ones too, has taken it over.

sub publish {
    my ($self) = @_;
    my $t = $self->{t};
    my $before = length $t->read_file('error.log');
    my %late = map { $_ => 1 } $t->workers;

    $self->write;
    $t->waitfor('the registry to be taken over', sub {
        my $log = substr $t->read_file('error.log'), $before;
        delete $late{$_} for $log =~ /\[info\] (\d+)#\d+: registry: /g;

        # one that a reload has left behind, without a stream, may end first
        my %alive = map { $_ => 1 } $t->workers;
        !grep { $alive{$_} } keys %late;
    });

    return $self;
}

# Writes a text that is to be refused; what nginx says then.

sub refused {
    my ($self, $text) = @_;
    my $t = $self->{t};
    my $before = length $t->read_file('error.log');
    my $said;

    $self->write($text);
    $t->waitfor('the registry to be refused', sub {
        ($said) = substr($t->read_file('error.log'), $before) =~ /\[error\] \S+ "\S+registry\.json" (.*)\n/;
    });

    return $said;
}

1;
