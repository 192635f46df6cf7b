
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_BENCH_H_INCLUDED_
#define _NGX_OHTTP_RELAY_BENCH_H_INCLUDED_


/* what the client and the gateway of the measurements share */


#define _GNU_SOURCE

#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>


/* bytes of a request's body, and of a fixed answer's */
#define BENCH_BODY        1024

#define BENCH_BUFFER      4096

/* no body of a measurement holds these bytes before its end */
#define BENCH_LAST_CHUNK  "0\r\n\r\n"

/* a chunk of a stream: nanoseconds of the clock of both sides */
#define BENCH_STAMP       "@%016llx"
#define BENCH_STAMP_LEN   17


static void
bench_die(const char *text)
{
    perror(text);
    exit(1);
}


static inline struct sockaddr_in
bench_loopback(int port)
{
    struct sockaddr_in  addr;

    memset(&addr, 0, sizeof(addr));
    addr.sin_family = AF_INET;
    addr.sin_port = htons(port);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    return addr;
}


static inline int
bench_listen(int port)
{
    int                 fd, on;
    struct sockaddr_in  addr;

    addr = bench_loopback(port);
    fd = socket(AF_INET, SOCK_STREAM, 0);

    on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));

    if (bind(fd, (struct sockaddr *) &addr, sizeof(addr)) == -1
        || listen(fd, 511) == -1)
    {
        bench_die("listen");
    }

    return fd;
}


/* small pieces to a reader that takes them: they always fit */

static inline void
bench_send(int fd, const char *data, size_t len)
{
    if (send(fd, data, len, MSG_NOSIGNAL) != (ssize_t) len) {
        bench_die("send");
    }
}


/* nanoseconds */

static inline unsigned long long
bench_clock(clockid_t clock)
{
    struct timespec  ts;

    clock_gettime(clock, &ts);

    return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}


static inline unsigned long long
bench_now(void)
{
    return bench_clock(CLOCK_MONOTONIC);
}


/* the length of the message that in begins with, 0 while it is incomplete */

static inline size_t
bench_message_length(const char *in, size_t len)
{
    char    *end, *length;
    size_t   head, tail;

    end = memmem(in, len, "\r\n\r\n", 4);
    if (end == NULL) {
        return 0;
    }

    head = end + 4 - in;
    tail = sizeof(BENCH_LAST_CHUNK) - 1;

    length = memmem(in, head, "\r\nContent-Length: ", 18);

    if (length != NULL) {
        head += strtoul(length + 18, NULL, 10);
        return len >= head ? head : 0;
    }

    if (memmem(in, head, "\r\nTransfer-Encoding: ", 21) == NULL) {
        return head;
    }

    return len >= head + tail
           && memcmp(in + len - tail, BENCH_LAST_CHUNK, tail) == 0 ? len : 0;
}


#endif /* _NGX_OHTTP_RELAY_BENCH_H_INCLUDED_ */
