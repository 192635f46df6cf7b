package Test::OhttpRelay::Canary;

# What a client would not want to be known by. Each test plants its own: addresses, ports,
# header values, credentials, and marks inside the sealed bodies. The harness looks for them
# at the end in everything that was written down or sent to a gateway.

use strict;
use warnings;

use MIME::Base64 qw/encode_base64/;

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

# Plants one more value that must not appear.

sub plant { $_[0]->keep('value', $_[1]) }

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

    return @found;
}

1;
