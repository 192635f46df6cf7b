package Test::OhttpRelay;

# The harness of the behaviour tests. A test reads like this:
#
#     my $t = Test::OhttpRelay->new->has(qw/http2/);
#     my $gateway = $t->gateway(8081, answer => sub { my ($conn) = @_; $conn->answer(200) });
#     $t->http(<<'EOF');          # the inside of http{}; %%TESTDIR%% and 127.0.0.1:8xxx are replaced
#     ...
#     $t->run;
#     is($t->post('/relay')->says, '200', 'a sealed request gets its answer');
#     $t->done;
#
# Every request carries canaries: a client address and port of its own, identifying fields,
# marks in the sealed body. done() ends nginx in order and asserts for every test: no [alert]
# or [emerg], nothing from a sanitizer, no connection left open, no temporary file, and no
# canary in anything that was written down or that a gateway got.
#
# Environment: TEST_NGINX_BINARY, TEST_NGINX_MODULE, TEST_NGINX_GLOBALS,
# TEST_NGINX_GLOBALS_HTTP, TEST_NGINX_LEAVE, TEST_NGINX_CATLOG, TEST_NGINX_VERBOSE,
# TEST_NGINX_UNSAFE (the large sizes), TEST_OHTTP_PEER, TEST_ACCESS_PEER.

use strict;
use warnings;

use Cwd qw/abs_path/;
use File::Basename qw/dirname/;
use File::Find qw/find/;
use File::Path qw/remove_tree/;
use File::Temp qw/tempdir/;
use IO::Socket::INET;
use POSIX qw/:sys_wait_h/;
use Test::More ();
use Time::HiRes qw/sleep time/;

use Test::OhttpRelay::Apart;
use Test::OhttpRelay::Canary;
use Test::OhttpRelay::Client;
use Test::OhttpRelay::Gateway;
use Test::OhttpRelay::Message;

my $root = abs_path(dirname(abs_path(__FILE__)) . '/../../..');
my @alive;

# The assertions of done(), by the name under which a test may waive one.

my @checks = (
    alerts => 'no alert',
    sanitizer => 'nothing from a sanitizer',
    leaks => 'no connection left open',
    temp => 'no temporary file left',
    canary => 'no canary in a log, a temporary file or the gateway',
);

sub new {
    my ($class) = @_;

    my $self = bless {
        owner => $$, pids => [], ports => {}, waived => {}, written => {},
        nginx => $ENV{TEST_NGINX_BINARY} || '/usr/sbin/nginx',
        module => abs_path($ENV{TEST_NGINX_MODULE} || "$root/build/ngx_ohttp_relay_module.so"),
        dir => tempdir('ohttp-relay-XXXXXX', TMPDIR => 1),
    }, $class;

    chmod 0755, $self->{dir};
    $self->{canary} = Test::OhttpRelay::Canary->new("$self->{dir}/planted");
    $self->{written}{planted} = 1;
    mkdir "$self->{dir}/captured" or die "mkdir: $!\n";
    push @alive, $self;

    $SIG{ALRM} = sub { die "the whole test took too long\n" };
    $SIG{$_} = sub { exit 1 } for qw/INT TERM HUP/;
    alarm 150;

    -e ($self->{module} // '') or die "no module to test: make build\n";
    return $self;
}

sub root   { $root }
sub dir    { $_[0]{dir} }
sub canary { $_[0]{canary} }

# Skips the whole test where something is missing here: openssl (the program), ssl (for
# Perl), peer (the real OHTTP peer), access-peer (tokens and JWTs), redis (its server),
# http2, or part of any option of nginx's configure.

sub has {
    my ($self, @needs) = @_;

    for my $need (@needs) {
        my $there = $need eq 'ssl' ? eval { require IO::Socket::SSL; 1 }
            : $need eq 'http2' ? $self->built_with('http_v2')
            : $need eq 'peer' ? -x $self->peer
            : $need eq 'access-peer' ? -e $self->access_peer && is_program('node')
            : $need eq 'openssl' ? is_program('openssl')
            : $need eq 'redis' ? is_program('redis-server')
            : $self->built_with($need);

        if (!$there) {
            Test::More::plan(skip_all => "no $need here");
        }
    }

    return $self;
}

sub is_program { system("command -v $_[0] >/dev/null 2>&1") == 0 }

sub built_with {
    my ($self, $option) = @_;
    return qx{$self->{nginx} -V 2>&1} =~ /--with-\S*\Q$option\E/;
}

# The version of nginx as a number that compares: 1.22.1 is 1022001.

sub version {
    my ($self) = @_;
    return qx{$self->{nginx} -v 2>&1} =~ m{nginx/(\d+)\.(\d+)\.(\d+)}
        ? $1 * 1_000_000 + $2 * 1000 + $3 : 0;
}

sub peer { $ENV{TEST_OHTTP_PEER} || "$root/build/ohttp-peer" }

sub access_peer { $ENV{TEST_ACCESS_PEER} || "$root/build/access-peer/access-peer.mjs" }

# ---- configuration and files

# A free port for a logical one. A test owns ranges of ports, each for as long as it holds
# the first of it, so tests side by side cannot take each other's.

sub port {
    my ($self, $logical) = @_;

    while (!$self->{ports}{$logical}) {
        $self->take_range if !$self->{range} || $self->{range} % 25 == 24;
        my $port = ++$self->{range};
        my $probe = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
            Proto => 'tcp', Listen => 1, ReuseAddr => 1) or next;
        $self->{ports}{$logical} = $port;
    }

    return $self->{ports}{$logical};
}

sub take_range {
    my ($self) = @_;

    for (1 .. 200) {
        my $first = 10000 + 25 * int rand 880;
        my $lock = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $first,
            Proto => 'tcp', Listen => 1) or next;
        push @{ $self->{locks} }, $lock;
        $self->{range} = $first;
        return;
    }

    die "no free range of ports\n";
}

sub expand {
    my ($self, $text) = @_;

    my $user = $> == 0 ? 'user root;' : '';
    my $extra = $ENV{TEST_NGINX_GLOBALS} // '';
    my $extra_http = $ENV{TEST_NGINX_GLOBALS_HTTP} // '';
    my $temp = join '', map { "    ${_}_temp_path %%TESTDIR%%/${_}_temp;\n" }
        qw/client_body proxy fastcgi uwsgi scgi/;

    $text =~ s/%%TEST_GLOBALS%%/load_module $self->{module};
pid %%TESTDIR%%\/nginx.pid;
error_log %%TESTDIR%%\/error.log info;
daemon off;
$user
$extra/;
    $text =~ s/%%TEST_GLOBALS_HTTP%%/$temp
    log_format relay '\$time_iso8601 \$ohttp_relay_gateway \$ohttp_relay_result \$status \$ohttp_relay_suite';
    access_log %%TESTDIR%%\/access.log relay;
    $extra_http/;
    $text =~ s/%%TESTDIR%%/$self->{dir}/g;
    $text =~ s/127\.0\.0\.1:(8\d\d\d)\b/'127.0.0.1:' . $self->port($1)/ge;

    return $text;
}

sub write_file {
    my ($self, $name, $content) = @_;
    open my $file, '>:raw', "$self->{dir}/$name" or die "$name: $!\n";
    print $file $content;
    close $file;
    $self->{written}{$name} = 1;
    return "$self->{dir}/$name";
}

sub write_file_expand {
    my ($self, $name, $text) = @_;
    return $self->write_file($name, $self->expand($text));
}

# The configuration, from the inside of its http block.

sub http {
    my ($self, $inside) = @_;
    $self->write_file_expand('nginx.conf', in_http($inside));
    return $self;
}

sub in_http {
    my ($inside) = @_;
    return "%%TEST_GLOBALS%%\nevents {\n    worker_connections 1024;\n}\n\n"
        . "http {\n%%TEST_GLOBALS_HTTP%%\n$inside}\n";
}

sub read_file {
    my ($self, $name) = @_;
    return Test::OhttpRelay::Gateway::slurp($name =~ m{^/} ? $name : "$self->{dir}/$name");
}

# The lines of the access log, each without its time.

sub log_lines {
    my ($self) = @_;
    return map { s/^\S+ //r } split /\n/, $self->read_file('access.log');
}

# The last line of the access log, once there are so many of them.

sub logged {
    my ($self, $count) = @_;
    my @lines;
    $self->waitfor("$count lines in access.log", sub { (@lines = $self->log_lines) >= $count });
    return $lines[-1];
}

# ---- nginx and other processes

# Asks nginx about the configuration of the test, or about another one given by the inside
# of its http block and what stands outside: its exit code and what it printed.

sub nginx_t {
    my ($self, $inside, $outside) = @_;

    my $conf = "$self->{dir}/nginx.conf";
    if (defined $inside) {
        my $text = in_http($inside);
        $text =~ s/^events/$outside\nevents/m if defined $outside;
        $conf = $self->write_file_expand('tested.conf', $text);
    }

    my @command = ($self->{nginx}, '-t', '-p', "$self->{dir}/", '-c', $conf,
        '-e', "$self->{dir}/tested.log");
    my ($code, $printed) = run_command(@command);
    unlink "$self->{dir}/tested.log";

    return ($code, $printed);
}

# Runs a program to its end: its exit code and what it printed on both outputs.

sub run_command {
    my (@command) = @_;
    my $pid = open(my $output, '-|') // die "fork: $!\n";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }

    local $/;
    my $printed = <$output> // '';
    close $output;
    return ($? >> 8 || $? & 127, $printed);
}

sub run {
    my ($self) = @_;

    my @command = ($self->{nginx}, '-p', "$self->{dir}/", '-c', "$self->{dir}/nginx.conf",
        '-e', "$self->{dir}/error.log");

    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDERR, '>>', "$self->{dir}/stderr.log";
        open STDOUT, '>&', \*STDERR;
        exec @command or POSIX::_exit(127);
    }

    $self->{master} = $pid;
    $self->waitfor('nginx to start', sub {
        -s "$self->{dir}/nginx.pid" || waitpid($pid, WNOHANG) == $pid && do {
            delete $self->{master};
            die "nginx did not start:\n" . $self->read_file('stderr.log')
                . $self->read_file('error.log');
        };
    });
    $self->waitfor('a worker', sub { $self->workers })
        if $self->read_file('nginx.conf') !~ /^\s*master_process\s+off;/m;

    return $self;
}

# The pids of the workers that take connections (old ones after a reload count as well).

sub workers { children($_[0]{master} // return) }

sub children {
    my ($parent) = @_;
    my @children;

    for my $stat (glob '/proc/[0-9]*/stat') {
        my $line = Test::OhttpRelay::Gateway::slurp($stat);
        push @children, $1 if $line =~ /^(\d+) \(.*\) [^Z] $parent /s;
    }

    return @children;
}

# Reloads the configuration; returns when new workers run.

sub reload {
    my ($self) = @_;
    my %old = map { $_ => 1 } $self->workers;
    my $failed = () = $self->read_file('error.log') =~ /\[emerg\]/g;

    kill HUP => $self->{master};
    $self->waitfor('new workers', sub {
        my $now = () = $self->read_file('error.log') =~ /\[emerg\]/g;
        die "the reload failed\n" if $now > $failed;
        grep { !$old{$_} } $self->workers;
    });

    return $self;
}

# The same, and returns when no worker of before is left.

sub reload_whole {
    my ($self) = @_;
    my %old = map { $_ => 1 } $self->workers;
    $self->reload;
    $self->waitfor('old workers to end', sub { !grep { $old{$_} } $self->workers });
    return $self;
}

sub signal { kill $_[1] => $_[0]{master} }

# Kills nginx with all its workers, as a machine that loses its power would.

sub crash {
    my ($self) = @_;
    my $pid = delete $self->{master};

    # the master first, or it would start new workers
    kill STOP => $pid;
    kill KILL => $pid, children($pid);
    waitpid $pid, 0;
    unlink "$self->{dir}/nginx.pid";

    return $self;
}

# Ends nginx in order (quit) or at once (stop). Both return its exit code.

sub quit { $_[0]->end('QUIT') }
sub stop { $_[0]->end('TERM') }

sub end {
    my ($self, $signal) = @_;

    my $pid = delete $self->{master} or return 0;
    my $code;

    kill $signal => $pid;
    my $gone = eval {
        $self->waitfor('nginx to end', sub { waitpid($pid, WNOHANG) == $pid && do { $code = $?; 1 } });
    };

    if (!$gone) {
        kill KILL => children($pid), $pid;
        waitpid $pid, 0;
        Test::More::fail("nginx ends after $signal");
    }

    return $code;
}

# A peer in a process of its own; it ends with the test.

sub run_daemon {
    my ($self, $sub, @args) = @_;

    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        $SIG{$_} = 'DEFAULT' for qw/INT TERM HUP ALRM/;
        eval { $sub->(@args); 1 } or print STDERR "# peer: $@";
        POSIX::_exit(0);
    }

    push @{ $self->{pids} }, $pid;
    return $pid;
}

# A program that runs beside the test and writes to a log in its folder; its pid. It ends
# with the test, also with one that is killed. A hash before the command may have pipes: in,
# out.

sub run_program {
    my ($self, $log, @command) = @_;

    my $pipes = ref $command[0] ? shift @command : {};
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDERR, '>>', "$self->{dir}/$log";
        $pipes->{in} ? open(STDIN, '<&', $pipes->{in}) : open(STDIN, '<', '/dev/null');
        open STDOUT, '>&', $pipes->{out} // \*STDERR;
        no warnings 'exec';
        exec 'setpriv', '--pdeathsig', 'KILL', @command;
        exec @command;
        POSIX::_exit(127);
    }

    push @{ $self->{pids} }, $pid;
    return $pid;
}

# Ends one of the peers now. One that does not end when told to is killed.

sub end_program {
    my ($self, $pid, $signal) = @_;

    my @all = ($pid, children($pid));
    my $end = time + 5;
    kill $signal // 'TERM', @all;
    # which a stopped one would never hear of
    kill CONT => @all;

    while (waitpid($pid, WNOHANG) == 0) {
        kill KILL => @all if time > $end;
        sleep 0.01;
    }

    $self->{pids} = [ grep { $_ != $pid } @{ $self->{pids} } ];
}

# Polls until the sub says something true; dies after some seconds. For events that must
# come, so that no test hangs on the speed of the machine.

sub waitfor {
    my ($self, $what, $sub, $seconds) = @_;

    my $end = time + ($seconds // 20);
    while (time < $end) {
        my $value = $sub->();
        return $value if $value;
        sleep 0.01;
    }

    die "waited in vain for $what\n";
}

sub waitforsocket {
    my ($self, $logical) = @_;
    my $port = $self->port($logical);
    $self->waitfor("port $logical", sub {
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp');
    });
}

# ---- peers

# A fake gateway on a logical port. With answer => sub it runs by itself.

sub gateway {
    my ($self, $logical, %opt) = @_;

    my $gateway = Test::OhttpRelay::Gateway->new(
        port => $self->port($logical), name => $logical, folder => "$self->{dir}/captured",
        sealed => $self->{canary}->body, %opt,
    );

    if ($opt{answer}) {
        $self->run_daemon(sub { $gateway->serve });
        delete $gateway->{listener};
    }

    return $gateway;
}

# The issuer, the clients and the identity provider: see Test::OhttpRelay::Access.

sub access {
    my ($self) = @_;
    require Test::OhttpRelay::Access;
    return $self->{access} //= Test::OhttpRelay::Access->new($self);
}

# The registry file: see Test::OhttpRelay::Registry.

sub registry {
    my ($self) = @_;
    require Test::OhttpRelay::Registry;
    return $self->{registry} //= Test::OhttpRelay::Registry->new($self);
}

# The file of verdicts: see Test::OhttpRelay::Verdicts.

sub verdicts {
    my ($self) = @_;
    require Test::OhttpRelay::Verdicts;
    return $self->{verdicts} //= Test::OhttpRelay::Verdicts->new($self);
}

# Real Redis servers, and a fake one: see Test::OhttpRelay::Redis, ::RedisCluster and
# ::FakeRedis.

sub redis {
    my ($self, %opt) = @_;
    require Test::OhttpRelay::Redis;
    return Test::OhttpRelay::Redis->new($self, %opt)->start;
}

sub redis_cluster {
    my ($self, %opt) = @_;
    require Test::OhttpRelay::RedisCluster;
    return Test::OhttpRelay::RedisCluster->new($self, %opt);
}

sub fake_redis {
    my ($self, $logical, %opt) = @_;

    require Test::OhttpRelay::FakeRedis;
    my $fake = Test::OhttpRelay::FakeRedis->new(port => $self->port($logical),
        folder => "$self->{dir}/captured", name => "redis-$logical", %opt);

    if ($opt{script}) {
        $self->run_daemon(sub { $fake->serve });
        delete $fake->{listener};
    }

    return $fake;
}

# What stands for a sealed request: a true envelope header (X25519, HKDF-SHA256,
# AES-128-GCM unless given) and opaque bytes of all kinds, marked at both ends.

sub sealed {
    my ($self, $length, $header) = @_;

    my $mark = $self->{canary}->body;
    my $head = ($header // "\x01\x00\x20\x00\x01\x00\x01") . "\0\r\n$mark";
    my $fill = ($length // 300) - length($head) - length($mark);
    $fill = 0 if $fill < 0;
    my $block = join '', map { chr int rand 256 } 1 .. ($fill < 4096 ? $fill : 4096);

    return $head . substr($block x (1 + int($fill / 4096)), 0, $fill) . $mark;
}

# A connection to the relay on a logical port.

sub client {
    my ($self, $logical, %opt) = @_;
    return Test::OhttpRelay::Client->connect(
        canary => $self->{canary}, port => $self->port($logical // 8080), %opt);
}

# One whole exchange. Options: type, body, chunked, method, headers (a list), port (logical),
# tls, and http: 1 or 2.

sub post {
    my ($self, $target, %opt) = @_;
    return $self->start($target, %opt)->answer;
}

# Sends a request and returns at once what has an answer() later.

sub start {
    my ($self, $target, %opt) = @_;

    $opt{type} = 'message/ohttp-req' unless exists $opt{type};
    $opt{body} = $self->sealed unless exists $opt{body} || $opt{feed};

    if (($opt{http} // 1) == 2) {
        return Test::OhttpRelay::Apart->start($self, $target, %opt);
    }

    my $client = $self->client($opt{port}, tls => $opt{tls});
    return $client->request($opt{method} // 'POST', $target, $opt{body}, %opt);
}

# ---- the end

# Leaves out one of the closing assertions and says why; with a pattern only those of its
# findings that match.

sub waive {
    my ($self, $check, $reason, $pattern) = @_;
    $self->{waived}{$check} = { reason => $reason, pattern => $pattern };
}

sub done {
    my ($self) = @_;

    Test::More::is($self->quit, 0, 'nginx ends in order') if $self->{master};
    $self->end_peers;

    my @list = @checks;
    while (my ($check, $name) = splice @list, 0, 2) {
        my $method = "check_$check";
        my @found = $self->$method;

        if (my $waived = $self->{waived}{$check}) {
            my $pattern = $waived->{pattern} // qr//;
            @found = grep { $_ !~ $pattern } @found;
            $name .= " (waived: $waived->{reason})";
        }

        Test::More::is(join("\n", @found), '', $name);
    }

    Test::More::done_testing();
    $self->{done} = 1;
}

sub check_alerts {
    my ($self) = @_;
    return grep { /\[(?:alert|emerg)\]/ && !/open socket #/ } split /\n/, $self->logs;
}

sub check_sanitizer {
    my ($self) = @_;
    my @files = glob "$self->{dir}/sanitizer.* $self->{dir}/asan.*";
    return grep { /Sanitizer|runtime error:/ } split /\n/,
        join '', $self->logs, map { $self->read_file($_) } @files;
}

sub check_leaks {
    my ($self) = @_;
    return grep { /open socket #/ } split /\n/, $self->logs;
}

sub check_temp {
    my ($self) = @_;
    my @left;
    my @folders = grep { -d } glob "$self->{dir}/*_temp" or return;
    find({ no_chdir => 1, wanted => sub { push @left, $_ if -f } }, @folders);
    return @left;
}

sub check_canary {
    my ($self) = @_;

    my @found;

    find({ no_chdir => 1, wanted => sub {
        return unless -f;
        my $name = substr $_, 1 + length $self->{dir};
        return if $self->{written}{$name} || $self->{written}{ $name =~ s{/.*}{/}sr };

        # What a store was told or wrote down is full of numbers, but holds nothing sealed.
        my $store = $name =~ m{^(?:captured/)?redis-};
        my $captured = $name =~ m{^captured/} && !$store;
        my $sealed = $captured && $name !~ /\.head$/ || $store;
        my $bytes = $self->read_file($_);
        $bytes .= Test::OhttpRelay::Redis::unescape($bytes) if $name =~ /\.monitor$/;
        # Times, pids and connection numbers are not ports, and neither is a length.
        $bytes =~ s/^\S+ \S+ \[\w+\] \d+#\d+: (?:\*\d+ )?//mg;
        $bytes =~ s/^Content-Length: \d+\r$//mgi if $captured;

        my @planted = $self->{canary}->found($bytes,
            sealed => !$captured, ports => !$sealed);
        push @found, "$name: " . join ', ', @planted if @planted;
    } }, $self->{dir});

    return @found;
}

sub logs { $_[0]->read_file('error.log') . $_[0]->read_file('stderr.log') }

sub end_peers {
    my ($self) = @_;

    # these have something to write down to the end
    eval { $_->stop } for @{ delete $self->{stores} // [] };
    $self->end_program($_) for @{ $self->{pids} };
}

# However a test ends, nothing of it keeps running.

END {
    my $status = $?;

    for my $t (@alive) {
        next if $t->{owner} != $$;
        $t->stop;
        $t->end_peers;
        Test::More::diag($t->logs) if $ENV{TEST_NGINX_CATLOG};

        if ($ENV{TEST_NGINX_LEAVE}) {
            Test::More::diag("left: $t->{dir}");
        } else {
            remove_tree($t->{dir}, { safe => 0 });
        }
    }

    $? = $status;
}

1;
