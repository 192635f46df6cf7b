
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * The client of the measurements.
 *
 * usage: client send PORT N STATUS [FILE FIRST]
 *                                   N requests on one connection
 *        client load PORT N STATUS PID [FILE FIRST]
 *                                   N requests on 16 connections
 *        client idle PORT N         N connections with one request each
 *        client hold PORT N KIND [FILE FIRST]
 *                                   N streams, KIND: single, chunked
 *        client first PORT PORT N   N streams through each port, in turn
 *
 * STATUS is that of all answers.  FILE has lines of one length: each request
 * says the next one as "Authorization", beginning with that of the number
 * FIRST, and from the start again after the last.
 *
 * "load" prints how long it took, and the CPU time of the process PID in that
 * time, both in nanoseconds.
 *
 * "idle" and "hold" say "open" when all are there, and go on when a line comes;
 * "hold" then reads each stream to its end, and says how many had one.
 * "first" prints, for each stream, the port's place and the nanoseconds from
 * the gateway's write of its two chunks to their arrival here.
 *
 * All requests are for /relay.
 */


#include "bench.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>


#define CLIENT_CONNECTIONS  16

#define CLIENT_HEAD                                                          \
    "POST /relay HTTP/1.1\r\n"                                               \
    "Host: relay.example\r\n"                                                \
    "User-Agent: bench\r\n"                                                  \
    "Accept: */*\r\n"

#define CLIENT_AUTHORIZATION  "Authorization: "

#define CLIENT_SINGLE                                                        \
    "Content-Type: message/ohttp-req\r\n"                        \
    "Content-Length: 1024\r\n\r\n"

#define CLIENT_CHUNKED                                                       \
    "Content-Type: message/ohttp-chunked-req\r\n"                \
    "Transfer-Encoding: chunked\r\n\r\n" "400\r\n"

/* X25519, HKDF-SHA256, AES-128-GCM: all that is looked at in a sealed body */
#define CLIENT_ENVELOPE  "\x01\x00\x20\x00\x01\x00\x01"


/* what the requests say as "Authorization" */

typedef struct {
    const char  *lines;        /* NULL: they say nothing */
    size_t       len;          /* of each, with its end */
    size_t       n;
    size_t       next;
} credentials_t;


typedef struct {
    int          fd;
    size_t       len;
    char         in[BENCH_BUFFER];
} exchange_t;


static void client_open(const char *path, const char *first);
static void client_send(int port, int n, const char *status);
static void client_load(int port, int n, const char *status, pid_t pid);
static void client_exchange(int port, int n, const char *status);
static void client_idle(int port, int n);
static void client_hold(int port, int n, int chunked);
static void client_wait(void);
static int client_ended(int fd);
static void client_first(const int *port, int n);
static void client_stream(int fd, int place);
static int client_connect(int port);
static void client_request(int fd, int chunked);
static char *client_authorization(char *p);
static void client_answer(int fd, const char *status);
static void client_check(const char *in, const char *status);
static size_t client_receive(int fd, char *in, size_t len);
static long client_since(const char *stamp, unsigned long long now);


static credentials_t  credentials;


int
main(int argc, char **argv)
{
    int          port[2];
    const char  *mode;

    if (argc < 5 && !(argc == 4 && strcmp(argv[1], "idle") == 0)) {
        bench_die("usage: client MODE PORT ...");
    }

    mode = argv[1];
    port[0] = atoi(argv[2]);
    port[1] = atoi(argv[3]);

    if (strcmp(mode, "send") == 0) {
        client_open(argv[5], argc > 6 ? argv[6] : "0");
        client_send(port[0], atoi(argv[3]), argv[4]);

    } else if (strcmp(mode, "load") == 0 && argc > 5) {
        client_open(argv[6], argc > 7 ? argv[7] : "0");
        client_load(port[0], atoi(argv[3]), argv[4], atoi(argv[5]));

    } else if (strcmp(mode, "idle") == 0) {
        client_idle(port[0], atoi(argv[3]));

    } else if (strcmp(mode, "hold") == 0) {
        client_open(argv[5], argc > 6 ? argv[6] : "0");
        client_hold(port[0], atoi(argv[3]), strcmp(argv[4], "chunked") == 0);

    } else if (strcmp(mode, "first") == 0) {
        client_first(port, atoi(argv[4]));

    } else {
        bench_die("no such mode");
    }

    return 0;
}


/* path is NULL if there is no such argument */

static void
client_open(const char *path, const char *first)
{
    int           fd;
    char         *end;
    struct stat   st;

    if (path == NULL) {
        return;
    }

    fd = open(path, O_RDONLY);

    if (fd == -1 || fstat(fd, &st) == -1) {
        bench_die(path);
    }

    credentials.lines = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

    if (credentials.lines == MAP_FAILED) {
        bench_die(path);
    }

    end = memchr(credentials.lines, '\n', st.st_size);

    if (end == NULL || end - credentials.lines > BENCH_BODY) {
        bench_die("no lines that a request has room for");
    }

    credentials.len = end + 1 - credentials.lines;
    credentials.n = st.st_size / credentials.len;
    credentials.next = atol(first) % credentials.n;
}


static void
client_send(int port, int n, const char *status)
{
    int  fd;

    fd = client_connect(port);

    while (n--) {
        client_request(fd, 0);
        client_answer(fd, status);
    }
}


static void
client_load(int port, int n, const char *status, pid_t pid)
{
    clockid_t            cpu;
    unsigned long long   start, used;

    if (clock_getcpuclockid(pid, &cpu) != 0) {
        bench_die("no clock of that process");
    }

    start = bench_now();
    used = bench_clock(cpu);

    client_exchange(port, n, status);

    printf("%llu %llu\n", bench_now() - start, bench_clock(cpu) - used);
}


/* each connection sends its next request when it has its answer */

static void
client_exchange(int port, int n, const char *status)
{
    int                  i, epoll, events, sent, done;
    exchange_t          *e;
    struct epoll_event   event, ready[CLIENT_CONNECTIONS];

    static exchange_t    exchanges[CLIENT_CONNECTIONS];

    epoll = epoll_create1(0);

    for (sent = 0; sent < CLIENT_CONNECTIONS && sent < n; sent++) {
        e = &exchanges[sent];
        e->fd = client_connect(port);

        event.events = EPOLLIN;
        event.data.ptr = e;

        if (epoll_ctl(epoll, EPOLL_CTL_ADD, e->fd, &event) == -1) {
            bench_die("epoll");
        }

        client_request(e->fd, 0);
    }

    for (done = 0; done < n; /* void */) {
        events = epoll_wait(epoll, ready, CLIENT_CONNECTIONS, -1);

        for (i = 0; i < events; i++) {
            e = ready[i].data.ptr;
            e->len += client_receive(e->fd, e->in, e->len);

            if (bench_message_length(e->in, e->len) == 0) {
                continue;
            }

            client_check(e->in, status);
            e->len = 0;
            done++;

            if (sent < n) {
                client_request(e->fd, 0);
                sent++;
            }
        }
    }
}


static void
client_idle(int port, int n)
{
    int  fd;

    while (n--) {
        fd = client_connect(port);
        client_request(fd, 0);
        client_answer(fd, "200");
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

    memcpy(out, CLIENT_HEAD, sizeof(CLIENT_HEAD) - 1);
    p = client_authorization(out + sizeof(CLIENT_HEAD) - 1);

    len = chunked ? sizeof(CLIENT_CHUNKED) - 1 : sizeof(CLIENT_SINGLE) - 1;

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


static char *
client_authorization(char *p)
{
    size_t  len;

    if (credentials.lines == NULL) {
        return p;
    }

    len = sizeof(CLIENT_AUTHORIZATION) - 1;
    memcpy(p, CLIENT_AUTHORIZATION, len);
    p += len;

    len = credentials.len - 1;
    memcpy(p, credentials.lines + credentials.next * credentials.len, len);
    p += len;

    credentials.next = (credentials.next + 1) % credentials.n;

    *p++ = '\r';
    *p++ = '\n';

    return p;
}


static void
client_answer(int fd, const char *status)
{
    char    in[BENCH_BUFFER];
    size_t  len;

    for (len = 0; bench_message_length(in, len) == 0; /* void */) {
        len += client_receive(fd, in, len);
    }

    client_check(in, status);
}


static void
client_check(const char *in, const char *status)
{
    if (memcmp(in, "HTTP/1.1 ", 9) != 0 || memcmp(in + 9, status, 3) != 0) {
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
