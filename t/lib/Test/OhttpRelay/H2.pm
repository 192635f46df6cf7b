package Test::OhttpRelay::H2;

# A client connection over HTTP/2 (RFC 9113) with as many streams as a test opens. It knows
# as much of HPACK (RFC 7541) as nginx uses: no dynamic table.

use strict;
use warnings;

use parent 'Test::OhttpRelay::Client';

use Test::OhttpRelay::Message;

use constant {
    DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4, PING => 6, GOAWAY => 7,
    WINDOW_UPDATE => 8, CONTINUATION => 9, END_STREAM => 1, ACK => 1, END_HEADERS => 4,
};

my @static = (
    '', ':authority', [':method', 'GET'], [':method', 'POST'], [':path', '/'],
    [':path', '/index.html'], [':scheme', 'http'], [':scheme', 'https'],
    map({ [':status', $_] } 200, 204, 206, 304, 400, 404, 500),
    qw/accept-charset accept-encoding accept-language accept-ranges accept
    access-control-allow-origin age allow authorization cache-control content-disposition
    content-encoding content-language content-length content-location content-range
    content-type cookie date etag expect expires from host if-match if-modified-since
    if-none-match if-range if-unmodified-since last-modified link location max-forwards
    proxy-authenticate proxy-authorization range referer refresh retry-after server
    set-cookie strict-transport-security transfer-encoding user-agent vary via
    www-authenticate/,
);

# The Huffman code is canonical: symbols in order by the length of their codes say it all.
# Longer codes than these stand for nothing that a header of ours holds.

my %huffman;
{
    my %symbols = (
        5 => '012aceiost', 6 => ' %-./3456789=A_bdfghlmnpru',
        7 => ':BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz', 8 => '&*,;XZ', 10 => '!"()?',
        11 => q{'+|}, 12 => '#>', 13 => "\0\$@[]~", 14 => '^}', 15 => '<`{',
    );
    my ($code, $bits) = (0, 0);
    for my $length (sort { $a <=> $b } keys %symbols) {
        $code <<= $length - $bits;
        $bits = $length;
        $huffman{sprintf "%0${length}b", $code++} = $_ for split //, $symbols{$length};
    }
}

sub connect {
    my ($class, %opt) = @_;

    my $tls = $opt{tls} && { SSL_alpn_protocols => ['h2'], ref $opt{tls} ? %{ $opt{tls} } : () };
    my $self = $class->SUPER::connect(%opt, tls => $tls);
    $self->{scheme} = $tls ? 'https' : 'http';
    $self->{next} = 1;
    $self->{window} = $self->{initial} = 65_535;
    $self->{streams} = {};

    # Room for all that may come, so that only a test decides what is not read.
    $self->send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    $self->frame(SETTINGS, 0, 0, pack 'nN', 4, 1 << 30);
    $self->frame(WINDOW_UPDATE, 0, 0, pack 'N', 1 << 30);

    return $self;
}

sub frame {
    my ($self, $type, $flags, $id, $payload) = @_;
    return $self->send(substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $id)
        . $payload);
}

# Opens a stream by its request's head; with body => undef that is all of it.

sub open {
    my ($self, $method, $target, %opt) = @_;

    my $id = $self->{next};
    $self->{next} += 2;

    my @fields = @{ $opt{headers} // [] };
    unshift @fields, 'Content-Type' => $opt{type} if defined $opt{type};
    unshift @fields, 'Content-Length' => length $opt{body}
        if defined $opt{body} && !$opt{chunked};

    my (undef, @lines) = split /\r\n/, $self->head($method, $target, @fields);
    my %pseudo = (':method' => $method, ':path' => $target, ':scheme' => $self->{scheme});
    my $block = '';

    for my $line (@lines) {
        my ($name, $value) = split /: /, $line, 2;
        $name eq 'Host' ? $pseudo{':authority'} = $value : ($block .= literal(lc $name, $value));
    }

    $block = join('', map { literal($_, $pseudo{$_}) } sort keys %pseudo) . $block;
    $self->{streams}{$id} = { window => $self->{initial}, method => $method, body => '', heads => [] };

    my $end = defined $opt{body} || $opt{feed} || $opt{chunked} ? 0 : END_STREAM;
    my ($first, @rest) = unpack '(a16000)*', $block;
    $self->frame(HEADERS, $end | (@rest ? 0 : END_HEADERS), $id, $first);
    while (defined(my $part = shift @rest)) {
        $self->frame(CONTINUATION, @rest ? 0 : END_HEADERS, $id, $part);
    }

    return $id;
}

# Sends body bytes as far as flow control lets it; end says that they are the last ones.
# Gives up, false, when the stream has ended on the other side.

sub data {
    my ($self, $id, $bytes, $end) = @_;

    my $stream = $self->{streams}{$id};
    my $at = 0;

    do {
        while ($self->readable(0)) {
            $self->pump or return 0;
        }

        return 0 if $self->over($id);

        my ($n) = sort { $a <=> $b } length($bytes) - $at, $self->{window}, $stream->{window}, 16_384;
        if ($n > 0 || $at == length $bytes) {
            my $last = $end && $at + $n == length $bytes ? END_STREAM : 0;
            $self->frame(DATA, $last, $id, substr $bytes, $at, $n) or return 0;
            $at += $n;
            $_ -= $n for $self->{window}, $stream->{window};

        } else {
            $self->pump or return 0;
        }
    } while ($at < length $bytes);

    return 1;
}

# Trailing fields, which end the request.

sub trailers {
    my ($self, $id, %fields) = @_;
    return $self->frame(HEADERS, END_STREAM | END_HEADERS, $id,
        join '', map { literal($_, $fields{$_}) } sort keys %fields);
}

sub cancel { $_[0]->frame(RST_STREAM, 0, $_[1], pack 'N', 8) }

# Whether a stream has come to its end, in whatever way.

sub over {
    my ($self, $id) = @_;
    my $stream = $self->{streams}{$id};
    return $stream->{ended} || defined $stream->{reset} || $self->ended =~ /closed|reset/;
}

# What has come of an answer's body by now.

sub so_far { $_[0]{streams}{ $_[1] }{body} }

# Reads until the sub says true of the stream, or it is over, or nothing comes any more.

sub wait {
    my ($self, $id, $until) = @_;
    while (!($until && $until->($self->{streams}{$id})) && !$self->over($id)) {
        last unless $self->pump;
    }
}

# The answer of a stream, once that is over. {reset} is the code of a RST_STREAM.

sub answer {
    my ($self, $id) = @_;

    $self->wait($id //= 1);
    my $stream = $self->{streams}{$id};
    my @heads = @{ $stream->{heads} };
    my @interim = map { /^HTTP\S+ (1\d\d)/ ? $1 : () } @heads;
    my ($head) = grep { !/^HTTP\S+ 1\d\d/ } @heads;

    my $answer = Test::OhttpRelay::Message->new($head // '', interim => \@interim,
        body => $stream->{body}, reset => $stream->{reset});

    my $length = $answer->header('Content-Length');
    my $whole = !defined $length || $length == length $answer->body
        || $stream->{method} eq 'HEAD';
    $answer->{complete} = $stream->{ended} && $whole ? 1 : 0;
    $answer->show;
    return $answer;
}

# Takes in one frame. False at the end of the connection or when nothing comes.

sub pump {
    my ($self) = @_;

    my $head = $self->take(9);
    return 0 if length $head < 9;

    my ($high, $low, $type, $flags, $id) = unpack 'nCCCN', $head;
    my $payload = $self->take($high << 8 | $low);
    my $stream = $self->{streams}{$id &= 0x7fffffff};

    if ($type == DATA && $stream) {
        $stream->{sink} ? $stream->{sink}->($payload) : ($stream->{body} .= $payload);

    } elsif (($type == HEADERS || $type == CONTINUATION) && $stream) {
        $stream->{block} .= $payload;
        if ($flags & END_HEADERS) {
            push @{ $stream->{heads} }, decode(delete $stream->{block});
        }

    } elsif ($type == RST_STREAM && $stream) {
        $stream->{reset} = unpack 'N', $payload;

    } elsif ($type == SETTINGS && !($flags & ACK)) {
        my %settings = unpack '(nN)*', $payload;
        if (my $initial = $settings{4}) {
            $_->{window} += $initial - $self->{initial} for values %{ $self->{streams} };
            $self->{initial} = $initial;
        }
        $self->frame(SETTINGS, ACK, 0, '');

    } elsif ($type == WINDOW_UPDATE) {
        my $window = $id ? $stream && \$stream->{window} : \$self->{window};
        $$window += unpack 'N', $payload if $window;

    } elsif ($type == PING && !($flags & ACK)) {
        $self->frame(PING, ACK, 0, $payload);

    } elsif ($type == GOAWAY) {
        $self->{goaway} = unpack 'x4N', $payload;
    }

    $stream->{ended} = 1 if $stream && ($type == DATA || $type == HEADERS) && $flags & END_STREAM;
    return 1;
}

# ---- HPACK

sub literal {
    my ($name, $value) = @_;
    return "\0" . number(length $name, 7) . $name . number(length $value, 7) . $value;
}

sub number {
    my ($n, $bits) = @_;
    my $max = (1 << $bits) - 1;
    return chr $n if $n < $max;

    my $bytes = chr $max;
    for ($n -= $max; $n > 127; $n >>= 7) {
        $bytes .= chr(128 | $n & 127);
    }

    return $bytes . chr $n;
}

sub take_number {
    my ($block, $bits) = @_;
    my $max = (1 << $bits) - 1;
    my $n = ord(substr $$block, 0, 1, '') & $max;
    return $n if $n < $max;

    for (my $shift = 0; ; $shift += 7) {
        my $byte = ord substr $$block, 0, 1, '';
        $n += ($byte & 127) << $shift;
        return $n if $byte < 128;
    }
}

sub take_string {
    my ($block) = @_;
    my $coded = ord($$block) & 128;
    my $bytes = substr $$block, 0, take_number($block, 7), '';
    return $bytes unless $coded;

    my ($text, $code) = ('', '');
    for my $bit (split //, unpack 'B*', $bytes) {
        $code .= $bit;
        ($text, $code) = ($text . $huffman{$code}, '') if exists $huffman{$code};
    }

    return $text;
}

# A head in the shape that it has in HTTP/1.1.

sub decode {
    my ($block) = @_;

    my ($status, $fields) = ('', '');

    while ($block ne '') {
        my $first = ord $block;
        my ($name, $value);

        if ($first & 128) {
            ($name, $value) = @{ $static[take_number(\$block, 7)] };

        } elsif (($first & 0xe0) == 0x20) {
            take_number(\$block, 5);
            next;

        } else {
            my $index = take_number(\$block, $first & 64 ? 6 : 4);
            $name = $index ? $static[$index] : take_string(\$block);
            $name = $name->[0] if ref $name;
            $value = take_string(\$block);
        }

        $name eq ':status' ? ($status = $value) : ($fields .= "$name: $value\r\n");
    }

    return "HTTP/2 $status\r\n$fields\r\n";
}

1;
