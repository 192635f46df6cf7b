package Test::OhttpRelay::Spending;

# Relays that spend in a Redis, as the tests of that store want them.
#
#     my $spending = Test::OhttpRelay::Spending->new($t);
#     $spending->run('redis redis://127.0.0.1:8379 timeout=500ms');
#     my $second = $spending->beside(8082, 'redis redis://127.0.0.1:8380 timeout=2s');
#     is($spending->spend($token), '200', 'once');
#     is($spending->spend($token, port => 8082), '401 token_spent', 'and not at the other relay');
#
# The first relay is the nginx of the test, on port 8080. The others have folders, logs and
# programs of their own, and end with the test. Locations of each:
#
#     /token   a token of the plan demo          /gone    the same, to a gateway that is not there
#     /uses    one of the plan uses, 3 times     /sealed  no credential, the sealed request counts
#     /open    neither of them                   /status  says whether the store can be asked
#
# The gateway is on port 8081 and answers by itself unless the test says otherwise.

use strict;
use warnings;

use Digest::SHA qw/hmac_sha256/;
use MIME::Base64 ();
use Test::More ();
use Time::HiRes qw/time/;

# answer: what the gateway does with a request; 0 for a test that plays it.

sub new {
    my ($class, $t, %opt) = @_;

    my $self = bless {
        t => $t, secret => join('', map { chr int rand 256 } 1 .. 40), expires => 2099,
    }, $class;

    my $answer = $opt{answer} // sub { $_[0]->answer };
    $self->{gateway} = $t->gateway(8081, $answer ? (answer => $answer) : ());
    $self->{key} = $t->access->issuer_key('demo');
    $self->{file} = $t->write_file('secret', $self->{secret});
    chmod 0600, $self->{file};
    $t->canary->plant(secret => $self->{secret});

    return $self;
}

sub gateway { $_[0]{gateway} }

# The inside of http{}. Options: port (8080), more (further lines of http{}, and of each
# server, more_server), expires (a year, of the plan demo).

sub inside {
    my ($self, $store, %opt) = @_;

    my $port = $opt{port} // 8080;
    my $h2 = $port + 100;
    my $expires = $opt{expires} // $self->{expires};
    my ($http, $server) = map { $_ // '' } @opt{qw/more more_server/};
    my $listen2 = $self->{t}->built_with('http_v2') ? "listen 127.0.0.1:$h2 http2;" : '';

    return <<"EOC";
    ohttp_relay_secret $self->{file};
    ohttp_relay_store  $store;

    ohttp_relay_gateway llm    { url http://127.0.0.1:8081/gateway; insecure on; }
    ohttp_relay_gateway gone   { url http://127.0.0.1:8085/gateway; insecure on; }
    ohttp_relay_gateway sealed { url http://127.0.0.1:8081/gateway; insecure on; replay_window 1h; }

    ohttp_relay_token_key demo {
        key $self->{key}{spki}; issuer issuer.example; expires $expires-01-01T00:00:00Z;
    }

    ohttp_relay_token_key uses {
        key $self->{key}{spki}; issuer issuer.example; origin uses.example; uses 3;
        expires 2099-01-01T00:00:00Z;
    }

    $http
    server {
        listen 127.0.0.1:$port reuseport;
        $listen2
        location = /token  { ohttp_relay_pass llm; ohttp_relay_auth token=demo; }
        location = /gone   { ohttp_relay_pass gone; ohttp_relay_auth token=demo; }
        location = /uses   { ohttp_relay_pass llm; ohttp_relay_auth token=uses; }
        location = /unused { ohttp_relay_pass gone; ohttp_relay_auth token=uses; }
        location = /sealed { ohttp_relay_pass sealed; }
        location = /open   { ohttp_relay_pass llm; }
        location = /status  { ohttp_relay_status json; }
        location = /metrics { ohttp_relay_status prometheus; }
        $server
    }
EOC
}

# ---- relays

# Writes the configuration of the first relay; workers: how many (1).

sub configure {
    my ($self, $store, %opt) = @_;

    my $t = $self->{t};
    $t->http($self->inside($store, %opt));
    $t->write_file('nginx.conf', $self->workers(8080, %opt) . $t->read_file('nginx.conf'));
}

sub workers {
    my ($self, $port, %opt) = @_;
    $self->{workers}{$port} = $opt{workers} // 1;
    return "worker_processes $self->{workers}{$port};\n";
}

sub run {
    my ($self, $store, %opt) = @_;

    $self->configure($store, %opt);
    $self->{t}->run;
    $self->wait_state('ok') if ($opt{state} // 'ok') eq 'ok';
}

sub reload {
    my ($self, $store, %opt) = @_;

    my $t = $self->{t};
    $self->configure($store, %opt);
    my %old = map { $_ => 1 } $t->workers;
    $t->reload;
    $t->waitfor('the old workers to end', sub { !grep { $old{$_} } $t->workers });
}

# Another relay on a port of its own. state: what to wait for, "ok" unless given, '' for
# nothing.

sub beside {
    my ($self, $port, $store, %opt) = @_;

    my $t = $self->{t};
    my $folder = $t->dir . "/relay-$port";
    my $text = $t->expand(Test::OhttpRelay::in_http($self->inside($store, %opt, port => $port)));
    my $dir = $t->dir;

    mkdir $folder or die "$folder: $!\n" if !-e $folder;
    $text =~ s{\Q$dir\E/(nginx.pid|error.log|access.log|\w+_temp)}{$folder/$1}g;
    $t->write_file("relay-$port.conf", $self->workers($port, %opt) . $text);

    $self->{beside}{$port} = $t->run_program("relay-$port/stderr", $t->{nginx}, '-p', "$folder/",
        '-c', "$dir/relay-$port.conf", '-e', "$folder/error.log");
    $t->waitforsocket($port);
    $self->wait_state($opt{state} // 'ok', $port) if $opt{state} // 1;
}

sub master { $_[0]{beside}{ $_[1] } }

# Ends such a relay in order.

sub end {
    my ($self, $port) = @_;
    my $pid = delete $self->{beside}{$port} or return;
    $self->{t}->end_program($pid, 'QUIT');
}

# What a relay logged.

sub log {
    my ($self, $port) = @_;
    return $self->{t}->read_file(($port // 8080) == 8080 ? 'error.log' : "relay-$port/error.log");
}

sub crit { my ($self, $port) = @_; return grep { /\[crit\]/ } split /\n/, $self->log($port) }

# Whether the store can be asked, in the word of the status page.

sub state {
    my ($self, $port) = @_;
    my $answer = $self->{t}->post('/status', method => 'GET', body => undef, type => undef, port => $port);
    return $answer->body =~ /"store":"(\w+)"/ ? $1 : '';
}

# Each answer is that of one worker, so several must agree where there are some.

sub wait_state {
    my ($self, $state, $port) = @_;

    my $asked = $self->{workers}{ $port // 8080 } > 1 ? 12 : 1;
    $self->{t}->waitfor("the store to be $state", sub {
        !grep { $self->state($port) ne $state } 1 .. $asked;
    });
}

# One of the figures. They move in steps, so that a test waits for what must come.

sub figure {
    my ($self, $name, $port) = @_;
    my $answer = $self->{t}->post('/metrics', method => 'GET', body => undef, type => undef, port => $port);
    return $answer->body =~ /^ohttp_relay_store_\Q$name\E (\d+)/m ? $1 : undef;
}

# ---- clients

sub token {
    my ($self, %opt) = @_;
    return ($self->{t}->access->tokens($self->{key}, direct => 1, issuer => 'issuer.example', %opt))[0];
}

sub with { (headers => [Authorization => "PrivateToken token=$_[1]"]) }

# Sends a request with a token; to: the location.

sub start {
    my ($self, $token, %opt) = @_;
    return $self->{t}->start(delete $opt{to} // '/token', $self->with($token), %opt);
}

sub spend { my ($self, @what) = @_; return $self->start(@what)->answer->says }

# One without a token that counts as a sealed request.

sub seal { my ($self, $body, %opt) = @_; return $self->{t}->post('/sealed', body => $body, %opt)->says }

# How long it took to say what: a text, and seconds.

sub timed {
    my ($sub) = @_;
    my $start = time;
    return ($sub->(), time - $start);
}

# ---- what stands in Redis

# The key under which a token, or a sealed request, is remembered; with another secret, or
# with none, another one.

sub key_of_token {
    my ($self, $token, $secret) = @_;
    # type, nonce, digest of the challenge, key id
    my (undef, $nonce, undef, $id) = unpack 'n a32 a32 a32', MIME::Base64::decode_base64url($token);
    return 's', tag($secret // $self->{secret}, 'token', $id, $nonce);
}

sub key_of_sealed {
    my ($self, $sealed) = @_;
    # X25519, unless a test says otherwise
    return 'e', tag($self->{secret}, 'sealed', substr $sealed, 0, 7 + 32);
}

sub redis_key { my ($kind, $tag) = @_; return "ohr:$kind:{$tag}" }

sub tag {
    my ($secret, @parts) = @_;
    my $digest = hmac_sha256(join('', map { pack 'N/a', $_ } @parts), $secret);
    return MIME::Base64::encode_base64url(substr $digest, 0, 16);
}

# Ends the relays' connections to a server, so that they look at it anew at once.

sub kick {
    my ($self, $redis) = @_;

    for my $line (split /\n/, $redis->command('CLIENT', 'LIST')) {
        my ($id, $addr, $flags) = $line =~ /^id=(\d+) addr=(\S+) .*? flags=(\S+)/ or next;
        $redis->reply('CLIENT', 'KILL', 'ID', $id) if !$redis->{own}{$addr} && $flags eq 'N';
    }
}

# The end of the test: relays beside the first one had no alert either.

sub done {
    my ($self) = @_;

    $self->end($_) for sort keys %{ $self->{beside} };

    my @logs = glob $self->{t}->dir . '/relay-*/*';
    my @alerts = grep { /\[(?:alert|emerg)\]|Sanitizer|runtime error:/ }
        map { split /\n/, $self->{t}->read_file($_) } grep { -f } @logs;
    Test::More::is(join("\n", @alerts), '', 'no alert of another relay');

    $self->{t}->done;
}

1;
