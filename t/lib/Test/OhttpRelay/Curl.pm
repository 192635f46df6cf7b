package Test::OhttpRelay::Curl;

# A client that is curl, over HTTP/2 unless told otherwise, from an address of its own.

use strict;
use warnings;

use POSIX ();

use Test::OhttpRelay::Message;

# Options as those of Test::OhttpRelay::post; curl: more arguments; feed: the body comes
# through write() and end_body() while the exchange runs.

sub start {
    my ($class, $t, $target, %opt) = @_;

    my $name = 'curl-' . ++$t->{curls};
    my $self = bless { t => $t, name => $name }, $class;
    my @command = $self->command($target, %opt);

    $t->{written}{"$name.$_"} = 1 for qw/head body/;
    pipe(my $input, $self->{feed}) or die "pipe: $!\n";
    $self->{feed}->autoflush(1);

    $self->{pid} = open($self->{output}, '-|') // die "fork: $!\n";
    if (!$self->{pid}) {
        open STDIN, '<&', $input;
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }

    CORE::close($input);
    return $self;
}

sub command {
    my ($self, $target, %opt) = @_;

    my ($t, $canary) = ($self->{t}, $self->{t}->canary);
    my $base = $t->dir . "/$self->{name}";
    my %fields = ($canary->headers, 'Host' => 'relay.example');
    my @given = @{ $opt{headers} // [] };

    while (my ($name, $value) = splice @given, 0, 2) {
        delete $fields{$_} for grep { lc $_ eq lc $name } keys %fields;
        $fields{$name} = $value if defined $value;
    }

    my @command = ('curl', '-sS', '-k', '-N', '-g', '--path-as-is', '--max-time', 60,
        '--noproxy', '*', '-X', $opt{method} // 'POST', $opt{tls} ? '--http2' : '--http2-prior-knowledge',
        '--interface', $canary->address, '-D', "$base.head", '-o', "$base.body",
        '-w', '%{local_port}', '-H', 'Content-Type:' . (defined $opt{type} ? " $opt{type}" : ''),
        map({ ('-H', "$_: $fields{$_}") } sort keys %fields), @{ $opt{curl} // [] });

    if ($opt{feed}) {
        push @command, '-T', '.', '-H', 'Expect:';

    } elsif (defined $opt{body}) {
        my $file = $t->write_file("$self->{name}.sent", $opt{body});
        push @command, $opt{chunked} ? ('-T', $file, '-H', 'Content-Length:', '-H', 'Expect:')
            : ('--data-binary', "\@$file", '-H', 'Expect:');
    }

    my $port = $t->port($opt{port} // 8082);
    return (@command, ($opt{tls} ? 'https' : 'http') . "://127.0.0.1:$port$target");
}

sub write    { my ($self, $bytes) = @_; syswrite $self->{feed}, $bytes }
sub end_body { CORE::close(delete $_[0]{feed}) }

# Ends curl in the middle of it all.

sub kill { CORE::kill(KILL => $_[0]{pid}) }

# What has come of the answer's body by now.

sub so_far { $_[0]{t}->read_file("$_[0]{name}.body") }

# The answer, once curl has ended; its {exit} is curl's.

sub answer {
    my ($self) = @_;

    $self->end_body if $self->{feed};

    my $t = $self->{t};
    my $printed = do { local $/; readline $self->{output} } // '';
    CORE::close($self->{output});
    my $exit = $? >> 8;

    $t->canary->port($1) if $printed =~ /(\d+)$/;

    my @heads = split /(?<=\r\n\r\n)/, $t->read_file("$self->{name}.head");
    my $answer = Test::OhttpRelay::Message->new(pop(@heads) // '',
        body => $self->so_far, complete => $exit == 0, exit => $exit,
        interim => [map { m{^HTTP/\S+ (\d+)} ? $1 : () } @heads]);
    $answer->show;
    return $answer;
}

1;
