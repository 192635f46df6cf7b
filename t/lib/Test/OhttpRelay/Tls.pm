package Test::OhttpRelay::Tls;

# Certificates for a test, made by openssl in its folder.

use strict;
use warnings;

use Digest::SHA qw/sha256_hex/;
use Exporter qw/import/;

our @EXPORT = qw/certificate pin_cert pin_spki/;

# NAME.crt and NAME.key; issuer is the name of another one, without it the certificate
# signs itself. names: DNS names, or addresses written as IP:127.0.0.1.

sub certificate {
    my ($t, $name, %opt) = @_;

    my @names = map { /:/ ? $_ : "DNS:$_" } @{ $opt{names} // [] };
    my @command = qw/openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7/;

    push @command, '-subj', '/CN=' . ($opt{cn} // $name);
    push @command, '-keyout', $t->dir . "/$name.key", '-out', $t->dir . "/$name.crt";
    push @command, '-addext', 'subjectAltName=' . join(',', @names) if @names;

    if ($opt{issuer}) {
        push @command, '-addext', 'basicConstraints=critical,CA:FALSE';
        push @command, '-CA', $t->dir . "/$opt{issuer}.crt", '-CAkey', $t->dir . "/$opt{issuer}.key";
    }

    my ($code, $printed) = Test::OhttpRelay::run_command(@command);
    die "openssl: $printed\n" if $code;

    return {
        SSL_cert_file => $t->dir . "/$name.crt", SSL_key_file => $t->dir . "/$name.key",
    };
}

sub pin_cert { 'cert-sha256:' . sha256_hex(der($_[0], $_[1], 'x509', '-outform', 'DER')) }

sub pin_spki {
    my ($t, $name) = @_;
    my $dir = $t->dir;
    my $der = qx{openssl x509 -in $dir/$name.crt -noout -pubkey | openssl pkey -pubin -outform DER};
    return 'spki-sha256:' . sha256_hex($der);
}

sub der {
    my ($t, $name, @how) = @_;
    open my $pipe, '-|', 'openssl', @how, '-in', $t->dir . "/$name.crt" or die "openssl: $!\n";
    binmode $pipe;
    local $/;
    return scalar <$pipe>;
}

1;
