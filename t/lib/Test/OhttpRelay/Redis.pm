package Test::OhttpRelay::Redis;

# A real redis-server in a folder of its own under the test's. It ends with the test.
#
#     my $redis = $t->redis;                 # 127.0.0.1:8379 in a configuration
#     my $redis = $t->redis(port => 8380, password => 'x', monitor => 1);
#     $redis->command(qw/GET key/);  $redis->freeze;  $redis->kill;  $redis->start;
#
# Options
#     port        a logical one, 8379 when not given
#     password    of the user default
#     acl         text of an ACL file, "user relay on >pw ~ohr:* +@all\n"; without a password
#                 the user default then has one that only the harness knows
#     tls         1 to speak TLS alone (certificate redis.crt of redis-ca.crt in the folder of
#                 the test); 'clients' to ask clients for a certificate of that CA as well
#     unix        1 for a socket too: see unix()
#     persist     1 for an append-only file, synced at each command; else nothing is kept
#     monitor     1 for monitor() from the start on
#     config      more lines of redis.conf

use strict;
use warnings;

use POSIX ();

use Test::OhttpRelay::Resp;
use Test::OhttpRelay::Tls;

sub new {
    my ($class, $t, %opt) = @_;

    my $logical = $opt{port} // 8379;
    my $self = bless {
        %opt, t => $t, logical => $logical, port => $t->port($logical), own => {},
        name => "redis-$logical", folder => $t->dir . "/redis-$logical",
    }, $class;

    mkdir $self->{folder} or die "$self->{folder}: $!\n";
    $self->make_certificates if $self->{tls};
    $self->{password} //= join '', map { ('a' .. 'z')[rand 26] } 1 .. 20 if $self->{acl};
    $self->write_acl if $self->{acl};
    $self->write_config;
    push @{ $t->{stores} }, $self;

    return $self;
}

sub port   { $_[0]{port} }
sub pid    { $_[0]{pid} }
sub folder { $_[0]{folder} }
sub unix   { "$_[0]{folder}/socket" }

# What it logged.

sub log { $_[0]{t}->read_file("$_[0]{name}/log") }

sub make_certificates {
    my ($self) = @_;

    my $t = $self->{t};
    return if -e $t->dir . '/redis.crt';

    certificate($t, 'redis-ca');
    certificate($t, $_, issuer => 'redis-ca', names => [qw/localhost IP:127.0.0.1/])
        for qw/redis redis-client/;
}

sub write_config {
    my ($self) = @_;

    my $dir = $self->{t}->dir;
    my @lines = (
        'bind 127.0.0.1', 'daemonize no', "dir $self->{folder}", "logfile $self->{folder}/log",
        'databases 4', 'save ""', 'enable-debug-command yes', 'repl-diskless-sync-delay 0',
        'repl-ping-replica-period 1',
    );

    push @lines, $self->{persist} ? ('appendonly yes', 'appendfsync always') : 'appendonly no';
    push @lines, "unixsocket " . $self->unix if $self->{unix};
    push @lines, "aclfile $self->{folder}/users.acl" if $self->{acl};
    push @lines, "requirepass $self->{password}", "masterauth $self->{password}"
        if defined $self->{password} && !$self->{acl};
    push @lines, 'masteruser default', "masterauth $self->{password}" if $self->{acl};

    push @lines, $self->{tls} ? (
        'port 0', "tls-port $self->{port}", "tls-cert-file $dir/redis.crt",
        "tls-key-file $dir/redis.key", "tls-ca-cert-file $dir/redis-ca.crt",
        'tls-auth-clients ' . ($self->{tls} eq 'clients' ? 'yes' : 'no'),
        'tls-replication yes',
    ) : "port $self->{port}";

    $self->write_file('redis.conf', join "\n", @lines, $self->{config} // '', '');
}

sub write_file {
    my ($self, $name, $text) = @_;
    open my $file, '>', "$self->{folder}/$name" or die "$name: $!\n";
    print $file $text;
    close $file;
}

sub write_acl {
    my ($self) = @_;
    my $default = $self->{acl} =~ /^user default /m ? ''
        : "user default on >$self->{password} ~* &* +\@all\n";
    $self->write_file('users.acl', $default . $self->{acl});
}

# Other users, or other rights of the same, while it runs.

sub set_acl {
    my ($self, $text) = @_;
    $self->{acl} = $text;
    $self->write_acl;
    $self->command(qw/ACL LOAD/);
}

# ---- running

# Starts it, again on the same port. Returns when it answers, and has loaded what it kept.

sub start {
    my ($self) = @_;

    die "$self->{name} runs already\n" if $self->{pid};
    unlink $self->unix;
    $self->{pid} = $self->{t}->run_program("$self->{name}/stderr", 'redis-server',
        "$self->{folder}/redis.conf");

    $self->{t}->waitfor("$self->{name} to answer", sub {
        if (waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid}) {
            delete $self->{pid};
            die "$self->{name} did not start:\n" . $self->log
                . $self->{t}->read_file("$self->{name}/stderr");
        }

        my $reply = eval { $self->reply('PING') };
        defined $reply && $reply eq 'PONG';
    });

    $self->monitor if $self->{monitor};
    return $self;
}

# Ends it in order; kill ends it as a crash does.

sub stop { $_[0]->end('TERM') }
sub kill { $_[0]->end('KILL') }

sub end {
    my ($self, $signal) = @_;

    my $pid = delete $self->{pid} or return;
    $self->drop;
    $self->{t}->end_program($pid, $signal);

    if (my $watcher = delete $self->{watcher}) {
        # which ends with the connection, when it has written down all that came
        $self->{t}->waitfor('the end of a monitor', sub { waitpid($watcher, POSIX::WNOHANG()) });
        $self->{t}->end_program($watcher);
    }
}

# Stops it in the middle of whatever it does, so that it takes connections and bytes (the
# system does that) and answers nothing; thaw lets it go on.

sub freeze {
    my ($self) = @_;
    CORE::kill(STOP => $self->{pid});
    $self->{t}->waitfor("$self->{name} to freeze", sub {
        Test::OhttpRelay::Gateway::slurp("/proc/$self->{pid}/stat") =~ /\) T /;
    });
}

sub thaw { CORE::kill(CONT => $_[0]{pid}) }

# ---- talking to it

# A command's reply. command dies with an error of the server, reply returns it as an object
# that reads as its text. Both use one connection, made again when it has ended.

sub command {
    my ($self, @words) = @_;
    my $reply = $self->reply(@words);
    die "$self->{name}: @words[0 .. ($#words && 1)]: $reply\n"
        if ref $reply eq 'Test::OhttpRelay::Resp::Error';
    return $reply;
}

sub reply {
    my ($self, @words) = @_;

    # Whether a TLS connection still lives cannot be seen without reading from it.
    my $client = $self->{client};
    $client = $self->{client} = $self->connect
        if !$client || $self->{tls} || $client->readable(0) && !$client->fill;

    my $reply = eval { $client->ask(@words) };
    my $error = $@;

    if ($error) {
        # a reply that comes later must not answer the next one
        $self->drop;
        die $error;
    }

    return $reply;
}

# Another connection, for a test that needs its own; its commands still count as the test's.
# Options: user and password, or anonymous.

sub connect {
    my ($self, %opt) = @_;

    my $dir = $self->{t}->dir;
    my $tls = $self->{tls} && {
        SSL_ca_file => "$dir/redis-ca.crt", SSL_verifycn_scheme => 'none',
        SSL_cert_file => "$dir/redis-client.crt", SSL_key_file => "$dir/redis-client.key",
    };

    my $client = Test::OhttpRelay::Resp->connect(port => $self->{port}, tls => $tls)
        or die "$self->{name} takes no connection\n";
    $self->{own}{ $client->address } = 1;

    my $password = $opt{password} // $self->{password};
    if (defined $password && !$opt{anonymous}) {
        my $reply = $client->ask('AUTH', $opt{user} // 'default', $password);
        die "$self->{name}: AUTH: $reply\n" if $reply ne 'OK';
    }

    return $client;
}

sub drop { my $client = delete $_[0]{client}; $client->close if $client }

# A field of INFO.

sub info {
    my ($self, $section, $field) = @_;
    return $self->command('INFO', $section) =~ /^\Q$field\E:(.*?)\r$/m ? $1 : undef;
}

# ---- watching it

# Writes down each command that it carries out, from now on. done() looks into what was
# written, as into what a gateway got.

sub monitor {
    my ($self) = @_;

    return if $self->{watcher};
    $self->{monitor} = 1;
    $self->{capture} = $self->{t}->dir . "/captured/$self->{name}.monitor";

    my $client = $self->connect;
    my $reply = $client->ask('MONITOR');
    die "$self->{name}: MONITOR: $reply\n" if $reply ne 'OK';

    open my $file, '>>:raw', $self->{capture} or die "$self->{capture}: $!\n";
    $file->autoflush(1);

    $self->{watcher} = $self->{t}->run_daemon(sub {
        # a line may have come with the reply
        print $file $client->{in};
        while (sysread $client->socket, my $bytes, 65_536) {
            print $file $bytes;
        }
    });

    $client->leave;
}

# The commands that others than the test have sent since the monitor began, in order: each
# has words (a list), from (an address, or lua), and db.

sub commands {
    my ($self) = @_;

    my $seen = $self->{pid} ? $self->caught_up : Test::OhttpRelay::Gateway::slurp($self->{capture});
    my @commands;
    for my $line (split /\r\n/, $seen) {
        my ($db, $from, $words) = $line =~ /^\+[\d.]+ \[(\d+) ([^\]]+)\] (.*)/s or next;
        next if $self->{own}{$from};
        my @words = map { unescape($_) } $words =~ /"((?:[^"\\]|\\.)*)"/gs;
        push @commands, { db => $db, from => $from, words => \@words };
    }

    return @commands;
}

# What the monitor wrote, once it has come to what the server does now.

sub caught_up {
    my ($self) = @_;

    my $mark = 'mark-' . ++$self->{marks};
    $self->command('ECHO', $mark);

    my $seen;
    $self->{t}->waitfor("the monitor of $self->{name}", sub {
        $seen = Test::OhttpRelay::Gateway::slurp($self->{capture});
        index($seen, qq{"ECHO" "$mark"}) >= 0;
    });

    return $seen;
}

# The same as lines of text, or only those of some names.

sub said {
    my ($self, @names) = @_;
    my %wanted = map { uc $_ => 1 } @names;
    return map { join ' ', @{ $_->{words} } }
        grep { !@names || $wanted{ uc $_->{words}[0] } } $self->commands;
}

# The bytes that MONITOR wrote with escapes.

sub unescape {
    my ($text) = @_;
    my %plain = (n => "\n", r => "\r", t => "\t", a => "\a", b => "\b");
    return $text =~ s/\\(?:x([0-9a-f]{2})|(.))/defined $1 ? chr hex $1 : $plain{$2} \/\/ $2/gesr;
}

1;
