
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * The client of the measurements.
 *
 * usage: client send PORT N         N requests on one connection
 *        client idle PORT N         N connections with one request each
 *        client hold PORT N KIND    N streams, KIND: single, chunked
 *        client first PORT PORT N   N streams through each port, in turn
 *
 * "idle" and "hold" say "open" when all are there, and go on when a line comes;
 * "hold" then reads each stream to its end, and says how many had one.
 * "first" prints, for each stream, the port's place and the nanoseconds from
 * the gateway's write of its two chunks to their arrival here.
 *
 * All requests are for /relay.
 */


#include "bench.h"


#define CLIENT_HEAD                                                          \
    "POST /relay HTTP/1.1\r\n"                                               \
    "Host: relay.example\r\n"                                                \
    "User-Agent: bench\r\n"                                                  \
    "Accept: */*\r\n"

#define CLIENT_SINGLE                                                        \
    CLIENT_HEAD "Content-Type: message/ohttp-req\r\n"                        \
    "Content-Length: 1024\r\n\r\n"

#define CLIENT_CHUNKED                                                       \
    CLIENT_HEAD "Content-Type: message/ohttp-chunked-req\r\n"                \
    "Transfer-Encoding: chunked\r\n\r\n" "400\r\n"

/* X25519, HKDF-SHA256, AES-128-GCM: all that is looked at in a sealed body */
#define CLIENT_ENVELOPE  "\x01\x00\x20\x00\x01\x00\x01"


static void client_send(int port, int n);
static void client_idle(int port, int n);
static void client_hold(int port, int n, int chunked);
static void client_wait(void);
static int client_ended(int fd);
static void client_first(const int *port, int n);
static void client_stream(int fd, int place);
static int client_connect(int port);
static void client_request(int fd, int chunked);
static void client_answer(int fd);
static size_t client_receive(int fd, char *in, size_t len);
static long client_since(const char *stamp, unsigned long long now);


int
main(int argc, char **argv)
{
    int          port[2];
    const char  *mode;

    if (argc < 4) {
        bench_die("usage: client MODE PORT ...");
    }

    mode = argv[1];
    port[0] = atoi(argv[2]);
    port[1] = atoi(argv[3]);

    if (strcmp(mode, "send") == 0) {
        client_send(port[0], atoi(argv[3]));

    } else if (strcmp(mode, "idle") == 0) {
        client_idle(port[0], atoi(argv[3]));

    } else if (strcmp(mode, "hold") == 0 && argc == 5) {
        client_hold(port[0], atoi(argv[3]), strcmp(argv[4], "chunked") == 0);

    } else if (strcmp(mode, "first") == 0 && argc == 5) {
        client_first(port, atoi(argv[4]));

    } else {
        bench_die("no such mode");
    }

    return 0;
}


static void
client_send(int port, int n)
{
    int  fd;

    fd = client_connect(port);

    while (n--) {
        client_request(fd, 0);
        client_answer(fd);
    }
}


static void
client_idle(int port, int n)
{
    int  fd;

    while (n--) {
        fd = client_connect(port);
        client_request(fd, 0);
        client_answer(fd);
    }

    client_wait();
}


static void
client_hold(int port, int n, int chunked)
{
    int      i, *fd, complete;
    char     in[BENCH_BUFFER];
    size_t   len;

    fd = malloc(n * sizeof(int));
    if (fd == NULL) {
        bench_die("no memory");
    }

    for (i = 0; i < n; i++) {
        fd[i] = client_connect(port);
        client_request(fd[i], chunked);

        for (len = 0; memchr(in, '@', len) == NULL; /* void */) {
            len += client_receive(fd[i], in, len);
        }
    }

    client_wait();

    complete = 0;

    for (i = 0; i < n; i++) {
        complete += client_ended(fd[i]);
    }

    printf("%d\n", complete);
}


static void
client_wait(void)
{
    char  line[16];

    printf("open\n");
    fflush(stdout);

    if (fgets(line, sizeof(line), stdin) == NULL) {
        exit(1);
    }
}


/* what is left of a stream, up to its end or to that of the connection */

static int
client_ended(int fd)
{
    char     in[BENCH_BUFFER];
    size_t   len, tail;
    ssize_t  n;

    tail = sizeof(BENCH_LAST_CHUNK) - 1;

    for (len = 0; len < sizeof(in); len += n) {
        n = recv(fd, in + len, sizeof(in) - len, 0);

        if (n <= 0) {
            return 0;
        }

        if (len + n >= tail
            && memcmp(in + len + n - tail, BENCH_LAST_CHUNK, tail) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static void
client_first(const int *port, int n)
{
    int  i, place, fd[2];

    for (place = 0; place < 2; place++) {
        fd[place] = client_connect(port[place]);
    }

    for (i = 0; i < n; i++) {
        for (place = 0; place < 2; place++) {
            client_stream(fd[place], place);
        }
    }
}


static void
client_stream(int fd, int place)
{
    int                  i;
    char                 in[BENCH_BUFFER], *stamp;
    long                 late[2];
    size_t               len, seen;
    unsigned long long   now;

    client_request(fd, 0);

    for (i = 0, len = 0, seen = 0; i < 2; /* void */) {
        len += client_receive(fd, in, len);
        now = bench_now();

        while (i < 2) {
            stamp = memchr(in + seen, '@', len - seen);

            if (stamp == NULL || in + len - stamp < BENCH_STAMP_LEN) {
                break;
            }

            late[i++] = client_since(stamp, now);
            seen = stamp + BENCH_STAMP_LEN - in;
        }
    }

    while (bench_message_length(in, len) == 0) {
        len += client_receive(fd, in, len);
    }

    printf("%d %ld %ld\n", place, late[0], late[1]);
}


static int
client_connect(int port)
{
    int                 fd;
    struct sockaddr_in  addr;

    addr = bench_loopback(port);
    fd = socket(AF_INET, SOCK_STREAM, 0);

    if (connect(fd, (struct sockaddr *) &addr, sizeof(addr)) == -1) {
        bench_die("connect");
    }

    return fd;
}


/* head and body in one write */

static void
client_request(int fd, int chunked)
{
    char    out[BENCH_BUFFER], *p;
    size_t  len;

    len = chunked ? sizeof(CLIENT_CHUNKED) - 1 : sizeof(CLIENT_SINGLE) - 1;
    p = out;

    memcpy(p, chunked ? CLIENT_CHUNKED : CLIENT_SINGLE, len);
    p += len;

    memset(p, 'x', BENCH_BODY);
    memcpy(p, CLIENT_ENVELOPE, sizeof(CLIENT_ENVELOPE) - 1);
    p += BENCH_BODY;

    if (chunked) {
        len = sizeof("\r\n" BENCH_LAST_CHUNK) - 1;
        memcpy(p, "\r\n" BENCH_LAST_CHUNK, len);
        p += len;
    }

    bench_send(fd, out, p - out);
}


static void
client_answer(int fd)
{
    char    in[BENCH_BUFFER];
    size_t  len;

    for (len = 0; bench_message_length(in, len) == 0; /* void */) {
        len += client_receive(fd, in, len);
    }

    if (memcmp(in, "HTTP/1.1 200 ", 13) != 0) {
        fprintf(stderr, "client: %.*s\n", 40, in);
        exit(1);
    }
}


static size_t
client_receive(int fd, char *in, size_t len)
{
    ssize_t  n;

    n = recv(fd, in + len, BENCH_BUFFER - len, 0);

    if (n <= 0) {
        bench_die("an answer has ended too early");
    }

    return n;
}


static long
client_since(const char *stamp, unsigned long long now)
{
    char  digits[BENCH_STAMP_LEN];

    memcpy(digits, stamp + 1, BENCH_STAMP_LEN - 1);
    digits[BENCH_STAMP_LEN - 1] = '\0';

    return (long) (now - strtoull(digits, NULL, 16));
}
