package Test::OhttpRelay::Message;

# One HTTP message, a request that a gateway got or an answer that a client got:
# its head exactly as it came, and its body with a word on how it ended.

use strict;
use warnings;

use JSON::PP ();
use Test::More ();

sub new {
    my ($class, $head, %more) = @_;

    my ($start, @lines) = split /\r?\n/, $head;
    my @fields = map { [split /:[ \t]*/, $_, 2] } @lines;

    return bless {
        head => $head, start => $start // '', fields => \@fields,
        body => '', complete => 0, interim => [], %more,
    }, $class;
}

# The head's bytes, its first line, and its field names in order.

sub head  { $_[0]{head} }
sub start { $_[0]{start} }
sub names { map { $_->[0] } @{ $_[0]{fields} } }

sub method { (split / /, $_[0]{start})[0] }
sub target { (split / /, $_[0]{start})[1] }

sub status {
    my ($self) = @_;
    return $self->{start} =~ m{^HTTP/\S+ (\d{3})} ? $1 : 0;
}

# The values of a field, joined; undef when it is absent.

sub header {
    my ($self, $name) = @_;
    my @values = map { $_->[1] } grep { lc $_->[0] eq lc $name } @{ $self->{fields} };
    return @values ? join(', ', @values) : undef;
}

sub chunked { (shift->header('Transfer-Encoding') // '') =~ /\bchunked$/i }

# complete: the body ended as its framing says it must, and not by a broken connection.

sub body     { $_[0]{body} }
sub complete { $_[0]{complete} }

# The statuses of the 1xx answers that came before.

sub interim { @{ $_[0]{interim} } }

# The code of one of the relay's own errors, '' when this is none.

sub code {
    my ($self) = @_;
    my $body = $self->json or return '';
    return ref $body->{error} eq 'HASH' ? $body->{error}{code} // '' : '';
}

sub json {
    my ($self) = @_;
    my $value = eval { JSON::PP->new->utf8->decode($self->{body}) };
    return ref $value eq 'HASH' ? $value : undef;
}

# For an assertion in one line: "405 method_not_allowed", "200".

sub says {
    my ($self) = @_;
    my $code = $self->code;
    return $self->status . ($code ne '' ? " $code" : '') . ($self->{complete} ? '' : ' cut');
}

# Shows it in the output of prove -v when TEST_NGINX_VERBOSE is set.

sub show {
    my ($self) = @_;
    return unless $ENV{TEST_NGINX_VERBOSE};
    Test::More::note($self->{head}, length $self->{body}, ' bytes of body, ',
        $self->{complete} ? 'complete' : 'cut');
}

1;
