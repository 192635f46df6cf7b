package Test::OhttpRelay::Canary;

# What a client would not want to be known by. Each test plants its own: addresses, ports,
# header values, credentials, and marks inside the sealed bodies. The harness looks for them
# at the end in everything that was written down or sent to a gateway.
#
# A credential is looked for in each form that would give it away: whole or a part of it,
# in base64url, hex or raw bytes, and under a hash that anyone can compute.

use strict;
use warnings;

use Digest::SHA qw/sha256/;
use MIME::Base64 qw/decode_base64url encode_base64 encode_base64url/;

# Anything shorter may stand in a log by chance.
use constant SHORTEST => 8;

my %forms = (token => \&token_forms, jwt => \&jwt_forms, value => \&text_forms);

# What is planted stands in a file, so that processes of the test share it.

sub new {
    my ($class, $file) = @_;

    my $word = join '', map { ('a' .. 'z')[rand 26] } 1 .. 14;

    return bless { word => "canary$word", body => "sealed$word", file => $file }, $class;
}

sub keep {
    my ($self, $kind, $value) = @_;
    open my $file, '>>', $self->{file} or die "$self->{file}: $!\n";
    print $file "$kind $value\n";
    return $value;
}

sub word { $_[0]{word} }
sub body { $_[0]{body} }

# A client address: never the one that nginx and the gateways listen on.

sub address { $_[0]->keep('address', '127.0.0.' . (2 + int rand 249)) }

sub port { $_[1] && $_[0]->keep('port', $_[1]) }

# Plants one more value that must not appear, and returns it. With a name before it, it is
# looked for in all its forms: token (a PrivateToken in base64url), jwt, or any other name
# for a text such as a subject or an API key.

sub plant {
    my ($self, @what) = @_;

    my ($value, $name) = reverse @what;
    return $self->keep('value', $value) unless defined $name;

    my %found = ($forms{$name} // $forms{value})->($value);

    for my $form (sort keys %found) {
        my $bytes = $found{$form};
        die "a $name $form of less than " . SHORTEST . " bytes cannot be looked for\n"
            if length $bytes < SHORTEST;
        $self->keep('form', unpack('H*', $bytes) . " $name $form");
    }

    return $value;
}

# The parts of a token that only its client knows: nonce and authenticator.

sub token_forms {
    my ($text) = @_;

    $text =~ s/=+$//;
    my $token = decode_base64url($text);
    return text_forms($text) if length $token != 354;
    my ($nonce, $authenticator) = (substr($token, 2, 32), substr($token, 98));

    return (
        'text' => $text,
        # characters of which all bits are the nonce's, or the authenticator's
        'nonce inside' => substr($text, 4, 40),
        'authenticator inside' => substr($text, 132, 40),
        'authenticator' => substr($authenticator, 0, 32),
        hashes('nonce', $nonce), raw('nonce', $nonce), hashes('token', $token),
        hashes('text', $text),
    );
}

sub jwt_forms {
    my ($text) = @_;

    my ($header, $claims, $signature) = split /\./, $text;
    my %found = ('text' => $text, hashes('text', $text));

    # Claims of a raw token may be too short to be anybody's.
    $found{claims} = $claims if length($claims // '') >= 24;
    %found = (%found, 'signature' => $signature, raw('signature', decode_base64url($signature)))
        if length($signature // '') >= 24;

    return %found;
}

# A text, and what base64 makes of it wherever in a longer text it stands.

sub text_forms {
    my ($text) = @_;

    my %found = ('text' => $text, 'hex' => unpack('H*', $text), hashes('text', $text));

    for my $before (0 .. 2) {
        my $inside = encode_base64url('x' x $before . $text);
        my $from = $before && $before + 1;
        my $whole = int(8 * ($before + length $text) / 6);
        $inside = substr($inside, $from, $whole - $from);
        $found{"base64 $before"} = $inside if length $inside >= SHORTEST;
    }

    return %found;
}

sub raw {
    my ($name, $bytes) = @_;
    return ($name => $bytes, "$name in hex" => unpack('H*', $bytes),
        "$name in base64url" => encode_base64url($bytes));
}

sub hashes {
    my ($name, $bytes) = @_;
    return raw("SHA-256 of the $name", sha256($bytes));
}

sub planted {
    my ($self) = @_;
    my %planted;

    open my $file, '<', $self->{file} or return;
    while (defined(my $line = <$file>)) {
        push @{ $planted{$1} }, $2 if $line =~ /^(\w+) (.*)/;
    }

    return %planted;
}

# The identifying fields that every request of the harness carries.

sub headers {
    my ($self) = @_;

    my $word = $self->{word};
    my $from = $self->{from} //= $self->plant('198.51.100.' . (2 + int rand 249));
    my $basic = $self->plant(encode_base64("$word:secret", ''));

    return (
        'X-Forwarded-For' => $from,
        'X-Real-IP' => $from,
        'Forwarded' => "for=$from;by=$word",
        'User-Agent' => "$word-agent/1.0",
        'Accept-Language' => "xx-$word",
        'Cookie' => "session=$word",
        'Referer' => "https://$word.example/page",
        'Origin' => "https://$word.example",
        'Authorization' => "Bearer $word",
        'Proxy-Authorization' => "Basic $basic",
        'X-Request-Id' => $word,
        'traceparent' => "00-$word-01",
        'baggage' => "user=$word",
        'Via' => "1.1 $word",
        "X-$word" => '1',
    );
}

# What of it all stands in these bytes: a list of words for a person. Sealed bytes may go to
# a gateway and nowhere else; ports are looked for in text that holds no other numbers.

sub found {
    my ($self, $bytes, %look) = @_;

    my @found;
    my %planted = $self->planted;
    my %name = (address => 'client address', port => 'client port', value => 'planted value');

    push @found, 'header value' if index(lc $bytes, $self->{word}) >= 0;
    push @found, 'sealed bytes' if $look{sealed} && index($bytes, $self->{body}) >= 0;

    for my $kind (qw/address value port/) {
        next if $kind eq 'port' && !$look{ports};
        my $any = join '|', map { quotemeta } @{ $planted{$kind} // next };
        push @found, "$name{$kind} $1" if $bytes =~ /(?<![0-9A-Za-z.])($any)(?![0-9A-Za-z])/;
    }

    push @found, $self->forms_found($bytes, @{ $planted{form} // [] });
    return @found;
}

# Which forms stand in the bytes; of hex also the upper case.

sub forms_found {
    my ($self, $bytes, @forms) = @_;

    my %form;
    for (@forms) {
        my ($hex, $name) = /^([0-9a-f]+) (.+)/ or next;
        my $form = pack 'H*', $hex;
        $form{$form} = $name;
        $form{uc $form} = $name if $name =~ /hex$/;
    }

    my $any = join '|', map { quotemeta } keys %form;
    return unless $any ne '';

    my %found;
    $found{ $form{$1} }++ while $bytes =~ /($any)/g;
    return sort keys %found;
}

1;
