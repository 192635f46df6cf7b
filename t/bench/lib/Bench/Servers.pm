package Bench::Servers;

# The processes of a measurement: nginx as relay, as plain proxy or as neither, the gateway
# and the clients. Everything that was started here is ended here, by its process id.

use strict;
use warnings;

use Cwd qw/abs_path/;
use File::Temp qw/tempdir/;
use IO::Socket::INET;
use IO::Socket::UNIX;
use IPC::Open2 qw/open2/;
use POSIX qw/WNOHANG/;
use Time::HiRes qw/sleep/;

use Exporter qw/import/;
our @EXPORT_OK = qw/apart build_directory directory helper refusal release run_client run_helper
    start_client start_gateway start_nginx start_redis stop/;

use constant FILES => 16384;

my $nginx = $ENV{TEST_NGINX_BINARY} || '/usr/sbin/nginx';
my $module = $ENV{TEST_NGINX_MODULE} || 'build/ngx_ohttp_relay_module.so';
my $build = $ENV{BUILD} || 'build';
my $dir = tempdir('ohttp-relay-bench-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $owner = $$;
my %running;

$SIG{$_} = sub { exit 1 } for qw/INT TERM HUP/;

# What is the same for all: nothing is logged, nothing ends a kept-alive connection.

my $common = <<'EOC';
daemon off;
master_process off;
pid %DIR%/%NAME%.pid;
error_log %DIR%/%NAME%.log notice;
events { worker_connections 16384; }
EOC

my $common_http = <<'EOC';
    access_log off;
    keepalive_requests 100000000;
    keepalive_timeout 300s;
    client_body_temp_path %DIR%/body;
    proxy_temp_path %DIR%/proxy;
    fastcgi_temp_path %DIR%/fastcgi;
    uwsgi_temp_path %DIR%/uwsgi;
    scgi_temp_path %DIR%/scgi;
    %GLOBALS%
EOC

# %PATH% is what the gateway is asked for, and so decides how it answers.

my $relay = <<'EOC';
load_module %MODULE%;
%COMMON%
http {
%COMMON_HTTP%
    %ACCESS%

    ohttp_relay_gateway bench {
        url http://127.0.0.1:%GATEWAY%%PATH%;
        insecure on;
        keepalive 64;
        keepalive_requests 100000000;
        read_timeout 300s;
        max_in_flight 16384;
    }

    server {
        listen 127.0.0.1:%PORT%;
        location = /relay { ohttp_relay_pass bench; %AUTH% }
    }
}
EOC

# What a relay is told about who may send, and where.

my $token_key = <<'EOC';
    ohttp_relay_secret %DIR%/secret;

    ohttp_relay_token_key bench {
        key     %DIR%/key.spki;
        issuer  issuer.example;
        expires 2099-01-01T00:00:00Z;
    }
EOC

my %access = (
    relay => ['', ''],

    token => [$token_key, 'ohttp_relay_auth token=bench;'],

    # a server that waits for its processor is no reason to refuse
    redis => ["$token_key    ohttp_relay_store redis unix:%DIR%/redis.sock timeout=5s;\n",
        'ohttp_relay_auth token=bench;'],

    jwt => [<<'EOC', 'ohttp_relay_auth jwt=bench;'],
    ohttp_relay_secret %DIR%/secret;

    ohttp_relay_jwt_issuer bench {
        jwks  %DIR%/jwks.json;
        iss   https://accounts.example;
        aud   relay;
        scope ohttp;
    }
EOC
);

# the store without a relay

my $claims = <<'EOC';
load_module %STORE_MODULE%;
%COMMON%
http {
%COMMON_HTTP%
    store_bench_store %STORE%;

    server {
        listen 127.0.0.1:%PORT%;
        location = /store { store_bench; }
    }
}
EOC

my %store = (
    claims_shm => 'shm size=64m',
    claims_redis => 'redis unix:%DIR%/redis.sock timeout=5s',
);

my %conf = (
    (map { $_ => $relay } keys %access),
    (map { $_ => $claims } keys %store),

    proxy => <<'EOC',
%COMMON%
http {
%COMMON_HTTP%
    upstream bench {
        server 127.0.0.1:%GATEWAY%;
        keepalive 64;
        keepalive_requests 100000000;
    }

    server {
        listen 127.0.0.1:%PORT%;
        location = /relay {
            proxy_pass http://bench%PATH%;
            proxy_pass_request_headers off;
            proxy_set_header Host gateway.example;
            proxy_set_header Content-Type message/ohttp-req;
            proxy_set_header Connection "";
            proxy_http_version 1.1;
            proxy_request_buffering off;
            proxy_buffering off;
            proxy_read_timeout 300s;
        }
    }
}
EOC

    direct => <<'EOC',
%COMMON%
http {
%COMMON_HTTP%
    server {
        listen 127.0.0.1:%PORT%;
        location = /relay { return 200; }
    }
}
EOC
);

# ---- processes

# A process with its output in a file, and as many files as 5,000 streams need.

sub start {
    my ($name, @command) = @_;

    defined(my $pid = fork) or die "fork: $!\n";

    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$dir/$name.out" or die "$name.out: $!\n";
        open STDERR, '>&', \*STDOUT;
        exec with_files(@command) or die "$command[0]: $!\n";
    }

    $running{$pid} = $name;
    return $pid;
}

sub with_files {
    return ('/bin/sh', '-c', 'ulimit -n ' . FILES . ' && exec "$@"', 'sh', @_);
}

# A command that runs an nginx worker on a processor of its own, or, with "others", all else
# where the worker is not. Empty where there is one processor only.

sub apart {
    my ($who) = @_;

    open my $file, '<', '/proc/self/status' or die "/proc/self/status: $!\n";
    my ($list) = map { /^Cpus_allowed_list:\s+(\S+)/ ? $1 : () } <$file>;
    my ($first, @rest) = map { /(\d+)-(\d+)/ ? $1 .. $2 : $_ } split /,/, $list;

    return @rest ? ('taskset', '-c', $who eq 'others' ? join(',', @rest) : $first) : ();
}

# Asks more than once: a signal that comes just before nginx begins to wait for events is
# noticed with the next event only.

sub stop {
    my ($pid, $signal) = @_;

    return if !delete $running{$pid};

    for my $n (1 .. 50) {
        kill $n < 50 ? $signal || 'TERM' : 'KILL', $pid;

        for (1 .. 10) {
            return if waitpid($pid, WNOHANG) == $pid;
            sleep 0.02;
        }
    }

    waitpid $pid, 0;
}

END {
    my $status = $?;

    if ($$ == $owner) {
        stop($_, 'KILL') for keys %running;
    }

    $? = $status;
}

sub start_gateway {
    my $port = free_port();
    my $pid = start('gateway', apart('others'), helper('gateway'), $port);

    await($port, $pid);
    return { port => $port, pid => $pid };
}

# Returns a hash with pid and port; prefix is a command to run nginx under.

sub start_nginx {
    my ($kind, $gateway, %options) = @_;

    my $port = free_port();
    my $name = "$kind-$port";
    my $pid = start($name, @{$options{prefix} || []},
        nginx_command($kind, $gateway, $name, $port, %options));

    await($port, $pid);
    return { port => $port, pid => $pid, name => $name };
}

# What nginx has against a configuration of this kind; undef if it takes it.

sub refusal {
    my ($kind, $gateway, %options) = @_;

    my @command = nginx_command($kind, $gateway, "test-$kind", free_port(), %options);

    open my $out, '-|', 'sh', '-c', '"$@" 2>&1', 'sh', @command, '-t' or die "nginx: $!\n";
    my @said = <$out>;
    return if close $out;

    my ($why) = map { /\[emerg\] (?:\d+#\d+: )?(.*)/ ? $1 : () } @said;
    return $why // "nginx -t has failed";
}

sub nginx_command {
    my ($kind, $gateway, $name, $port, %options) = @_;

    my %value = (MODULE => abs_path($module), GATEWAY => $gateway->{port}, PORT => $port,
        PATH => $options{path} || '/fixed', COMMON => $common, COMMON_HTTP => $common_http,
        DIR => $dir, NAME => $name, GLOBALS => $ENV{TEST_NGINX_GLOBALS_HTTP} || '');
    my $text = $conf{$kind};

    @value{qw/ACCESS AUTH/} = @{$access{$kind} || []};
    @value{qw/STORE STORE_MODULE/} = ($store{$kind}, $options{store_module});

    # twice: values hold names themselves
    $text =~ s/%([A-Z_]+)%/$value{$1}/g for 1 .. 2;

    open my $file, '>', "$dir/$name.conf" or die "$name.conf: $!\n";
    print $file $text;
    close $file;

    return ($nginx, '-e', "$dir/$name.log", '-p', $dir, '-c', "$dir/$name.conf");
}

# The pid of a server on the socket that the configuration names; undef if there is none here.

sub start_redis {
    my ($server) = grep { -x } map { "$_/redis-server" } split /:/, $ENV{PATH};
    return if !$server;

    my $pid = start('redis', apart('others'), $server, '--port', 0, '--save', '',
        '--appendonly', 'no', '--dir', $dir, '--unixsocket', "$dir/redis.sock");

    for (1 .. 500) {
        return $pid if IO::Socket::UNIX->new(Peer => "$dir/redis.sock");
        sleep 0.02;
    }

    die "redis-server does not listen:\n", slurp("$dir/redis.out"), "\n";
}

sub await {
    my ($port, $pid) = @_;

    for (1 .. 1500) {
        return if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);

        if (waitpid($pid, WNOHANG) == $pid) {
            my $name = delete $running{$pid};
            die "$name has not started:\n", slurp("$dir/$name.out"), "\n";
        }

        sleep 0.02;
    }

    die "nobody listens on port $port\n";
}

sub slurp {
    my ($path) = @_;

    open my $file, '<', $path or return '';
    local $/;
    return <$file>;
}

sub free_port {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
        or die "no free port: $!\n";
    return $socket->sockport;
}

# ---- helpers in C

my %links = (tokens => ['-lcrypto']);

# Built when they are needed, and when their source is newer.

sub helper {
    my ($name) = @_;

    my $to = "$build/bench/$name";
    my @from = map { abs_path(__FILE__) =~ s{lib/Bench/Servers\.pm$}{$_}r }
        "$name.c", 'bench.h';

    if (!-e $to || grep { -M $_ < -M $to } @from) {
        mkdir "$build/bench";
        system($ENV{CC} || 'gcc', qw/-O2 -Wall -Wextra -Werror -o/, $to, $from[0],
            @{$links{$name} || []}) == 0
            or die "cannot build $to\n";
    }

    return $to;
}

# ---- clients

# Runs a client to its end, and returns the lines it has printed.

sub run_client {
    my (@arguments) = @_;

    open my $out, '-|', with_files(helper('client'), @arguments) or die "client: $!\n";
    my @lines = <$out>;
    close $out or die "client @arguments has failed\n";
    return @lines;
}

# Runs another helper to its end, after the command prefix, and returns what it has printed.

sub run_helper {
    my ($prefix, $name, @arguments) = @_;

    open my $out, '-|', @$prefix, helper($name), @arguments or die "$name: $!\n";
    my $said = join '', <$out>;
    close $out or die "$name @arguments has failed\n";
    return $said;
}

# Starts a client that waits when its connections are open; $end->() lets it go on, and
# returns what it has to say.

sub start_client {
    my (@arguments) = @_;

    my $pid = open2(my $out, my $in, with_files(helper('client'), @arguments));
    $running{$pid} = 'client';
    (readline($out) // '') eq "open\n" or die "client @arguments has failed\n";

    return sub {
        print $in "\n";
        close $in;
        my $said = readline $out;
        delete $running{$pid};
        waitpid $pid, 0;
        $? == 0 or die "client @arguments has failed\n";
        return $said;
    };
}

# Lets the gateway end its idle streams.

sub release {
    my ($gateway) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $gateway->{port})
        or die "gateway: $!\n";
    print $socket "POST /release HTTP/1.1\r\nContent-Length: 0\r\n\r\n";
    readline $socket;
}

sub directory       { $dir }
sub build_directory { $build }

1;
