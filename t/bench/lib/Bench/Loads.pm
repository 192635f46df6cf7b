package Bench::Loads;

# What is sent to which nginx: requests with and without credentials, and the keys of those
# where the configurations look for them.

use strict;
use warnings;

use Bench::Servers qw/directory run_helper/;

use Exporter qw/import/;
our @EXPORT_OK = qw/load_of verifications/;

# The nginx that gets a load, the status of all answers, and the kind of the credentials.

my %loads = (
    relay  => ['relay', 200],
    proxy  => ['proxy', 200],
    direct => ['direct', 200],
    token  => ['token', 200, 'sign'],
    redis  => ['redis', 200, 'sign'],
    jwt    => ['jwt', 200, 'jwt'],

    # the same requests where nobody asks
    unasked_token => ['relay', 200, 'sign'],
    unasked_jwt   => ['relay', 200, 'jwt'],

    # what is refused
    none   => ['token', 401],
    random => ['token', 401, 'random'],
    keyed  => ['token', 401, 'keyed'],
    forged => ['token', 401, 'forged'],
);

my %made;

# The nginx and the status of a load, and a file of credentials for n requests if it has any.

sub load_of {
    my ($name, $n) = @_;

    my ($nginx, $status, $kind) = @{$loads{$name}};

    make_keys() if !%made;
    return ($nginx, $status, $kind ? credentials($kind, $n) : ());
}

# The name of a file with at least n credentials of a kind, one in each line: "sign" (tokens
# that are good), "forged", "keyed", "random" (tokens that are not) or "jwt" (always one).

sub credentials {
    my ($kind, $n) = @_;

    my $dir = directory();
    my $path = "$dir/$kind.credentials";

    if (($made{$kind} // 0) < $n) {
        run_helper([], 'tokens', $kind, "$dir/key.pem", $kind eq 'jwt' ? () : $n, $path);
        $made{$kind} = $n;
    }

    return $path;
}

sub make_keys {
    my $dir = directory();

    open my $file, '>', "$dir/secret" or die "$dir/secret: $!\n";
    print $file 'x' x 32;
    close $file;
    chmod 0600, "$dir/secret";

    run_helper([], 'tokens', 'key', $dir);
    $made{key} = 1;
}

# What n verifications of a token's signature take in a loop, time and CPU time in nanoseconds.

sub verifications {
    my ($prefix, $n) = @_;

    return split ' ', run_helper($prefix, 'tokens', 'verify', directory() . '/key.pem', $n);
}

1;
