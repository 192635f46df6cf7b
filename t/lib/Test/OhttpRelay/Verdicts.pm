package Test::OhttpRelay::Verdicts;

# The verdicts of a test, written by hand as the agent would write them.
#
#     my $verdicts = $t->verdicts;      # configured as "ohttp_relay_verdicts verdicts.json interval=100ms;"
#     $verdicts->good('llm-1', $url);   # a verdict that counts, on a gateway of the policy "p"
#     $verdicts->write;                 # into its place, with the next "seq"
#     ... $t->run;
#     $verdicts->change('llm-1', state => 'refused')->publish;        # and all workers have it

use strict;
use warnings;

use Digest::SHA qw/sha256_hex/;
use JSON::PP ();

my $json = JSON::PP->new->canonical->utf8;
# no two verifications are of the same evidence and the same second
my $evidence = 0;
my $start = time - 1000;

sub new {
    my ($class, $t) = @_;
    $t->{written}{$_} = 1 for 'verdicts.json', 'verdicts.json.new';
    return bless { t => $t, seq => 0, boot_id => '0123456789abcdef', ttl => 900, gateways => {} }, $class;
}

# What a verdict must name: docs/directives.md, section ohttp_relay_verdicts.

sub entry {
    my ($self, $name, $url, $policy) = @_;
    return sha256_hex($json->encode({ name => $name, url => $url, policy => $policy // '',
        policy_content => defined $policy ? $self->{t}->registry->{policies}{$policy} : undef }));
}

# A verdict of just now on a gateway at that URL, by a policy of the registry.

sub good {
    my ($self, $name, $url, %members) = @_;
    my $policy = delete $members{policy} // 'p';
    my $kind = $self->{t}->registry->{policies}{$policy}{kind};
    my $pinned = $kind eq 'pinned';
    $evidence++;

    $self->{gateways}{$name} = {
        state => $pinned ? 'pinned' : 'ok', kind => $kind, root => $pinned ? 'operator' : 'hardware',
        reason => '', entry_sha256 => $self->entry($name, $url, $policy),
        verified_at => $start + $evidence, valid_until => time + 600, tls_pins => [],
        evidence_sha256 => $pinned ? '' : sha256_hex("evidence $evidence"), %members,
    };
    return $self;
}

sub change {
    my ($self, $name, %members) = @_;
    my $verdict = $self->{gateways}{$name};
    %$verdict = (%$verdict, %members);
    return $self;
}

sub drop { my ($self, @names) = @_; delete @{ $self->{gateways} }{@names}; return $self }

# The text, with the next "seq"; other members of the head as told.

sub text {
    my ($self, %head) = @_;
    $self->{seq}++ if !defined $head{seq};
    return $json->encode({ version => 1, written_at => time,
        (map { $_ => $self->{$_} } qw/seq boot_id ttl gateways/), %head });
}

sub file { $_[0]{t}->dir . '/verdicts.json' }

# Puts it, or another text, into the file's place.

sub write {
    my ($self, $text) = @_;
    my $new = $self->{t}->write_file('verdicts.json.new', $text // $self->text);
    chmod 0644, $new;
    rename $new, $self->file or die "rename: $!\n";
    return $self;
}

# The same, and returns when each worker has taken it over.

sub publish {
    my ($self, $text) = @_;
    my $t = $self->{t};
    my $before = length $t->read_file('error.log');
    my %late = map { $_ => 1 } $t->workers;

    $self->write($text);
    $t->waitfor('the verdicts to be taken over', sub {
        my $log = substr $t->read_file('error.log'), $before;
        delete $late{$_} for $log =~ /\[info\] (\d+)#\d+: verdicts: /g;
        !%late;
    });

    return $self;
}

# Does something to the file that is to be refused; what nginx says then.

sub refused {
    my ($self, $what) = @_;
    my $t = $self->{t};
    my $before = length $t->read_file('error.log');
    my $said;

    ref $what ? $what->() : $self->write($what);
    $t->waitfor('the verdicts to be refused', sub {
        ($said) = substr($t->read_file('error.log'), $before) =~ /\[error\] \S+ "\S+verdicts\.json" (.*)\n/;
    });

    return $said;
}

1;
