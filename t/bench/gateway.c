
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * The gateway of the measurements: as little work per request as possible.
 *
 * usage: gateway PORT
 *
 *     /fixed   one answer with a length
 *     /stream  a stream of two chunks, each with the time of its writing
 *     /idle    a stream whose first chunk comes at once, and its end when
 *              somebody asks for /release
 *
 * A request, with its body, must fit into the buffer.
 */


#include "bench.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>


#define GATEWAY_EVENTS  512

#define GATEWAY_HEAD                                                         \
    "HTTP/1.1 200 OK\r\n"                                                    \
    "Content-Type: message/ohttp-res\r\n"                                    \
    "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"

#define GATEWAY_FIXED                                                        \
    GATEWAY_HEAD "Content-Length: 1024\r\n\r\n"

#define GATEWAY_STREAM                                                       \
    GATEWAY_HEAD "Transfer-Encoding: chunked\r\n\r\n"

#define GATEWAY_EMPTY                                                        \
    "HTTP/1.1 204 No Content\r\n\r\n"

/* between the chunks of /stream, microseconds */
#define GATEWAY_PAUSE  1000


typedef struct connection_s  connection_t;

struct connection_s {
    int            fd;
    size_t         len;
    connection_t  *next;       /* of those that wait for /release */
    char           in[BENCH_BUFFER];
};


static void gateway_accept(void);
static void gateway_read(connection_t *c);
static void gateway_close(connection_t *c);
static void gateway_answer(connection_t *c);
static void gateway_fixed(connection_t *c);
static void gateway_chunk(connection_t *c, const char *head);
static void gateway_release(void);


static int            epoll;
static int            listener;
static connection_t  *idle;


int
main(int argc, char **argv)
{
    int                 i, n;
    struct epoll_event  events[GATEWAY_EVENTS], event;

    if (argc != 2) {
        bench_die("usage: gateway PORT");
    }

    listener = bench_listen(atoi(argv[1]));
    epoll = epoll_create1(0);

    event.events = EPOLLIN;
    event.data.ptr = NULL;
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);

    for ( ;; ) {
        n = epoll_wait(epoll, events, GATEWAY_EVENTS, -1);

        for (i = 0; i < n; i++) {

            if (events[i].data.ptr == NULL) {
                gateway_accept();
                continue;
            }

            gateway_read(events[i].data.ptr);
        }
    }
}


static void
gateway_accept(void)
{
    int                 fd, on;
    connection_t       *c;
    struct epoll_event  event;

    fd = accept(listener, NULL, NULL);
    if (fd == -1) {
        return;
    }

    c = malloc(sizeof(connection_t));
    if (c == NULL) {
        bench_die("no memory");
    }

    on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    c->fd = fd;
    c->len = 0;
    c->next = NULL;

    event.events = EPOLLIN;
    event.data.ptr = c;
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}


static void
gateway_read(connection_t *c)
{
    ssize_t  n;

    n = recv(c->fd, c->in + c->len, sizeof(c->in) - 1 - c->len, 0);

    if (n <= 0) {
        gateway_close(c);
        return;
    }

    c->len += n;

    if (bench_message_length(c->in, c->len)) {
        gateway_answer(c);
        c->len = 0;
    }
}


static void
gateway_close(connection_t *c)
{
    connection_t  **waiting;

    for (waiting = &idle; *waiting; waiting = &(*waiting)->next) {
        if (*waiting == c) {
            *waiting = c->next;
            break;
        }
    }

    close(c->fd);
    free(c);
}


static void
gateway_answer(connection_t *c)
{
    if (memcmp(c->in, "POST /fixed ", 12) == 0) {
        gateway_fixed(c);

    } else if (memcmp(c->in, "POST /stream ", 13) == 0) {
        gateway_chunk(c, GATEWAY_STREAM);
        usleep(GATEWAY_PAUSE);
        gateway_chunk(c, "");
        usleep(GATEWAY_PAUSE);
        bench_send(c->fd, BENCH_LAST_CHUNK, sizeof(BENCH_LAST_CHUNK) - 1);

    } else if (memcmp(c->in, "POST /idle ", 11) == 0) {
        gateway_chunk(c, GATEWAY_STREAM);
        c->next = idle;
        idle = c;

    } else {
        gateway_release();
        bench_send(c->fd, GATEWAY_EMPTY, sizeof(GATEWAY_EMPTY) - 1);
    }
}


static void
gateway_fixed(connection_t *c)
{
    static char  answer[sizeof(GATEWAY_FIXED) - 1 + BENCH_BODY];

    if (answer[0] == '\0') {
        memset(answer, 'y', sizeof(answer));
        memcpy(answer, GATEWAY_FIXED, sizeof(GATEWAY_FIXED) - 1);
    }

    bench_send(c->fd, answer, sizeof(answer));
}


/* the head, if there is one, leaves in the same write */

static void
gateway_chunk(connection_t *c, const char *head)
{
    int   n;
    char  out[BENCH_BUFFER];

    n = snprintf(out, sizeof(out), "%s%x\r\n" BENCH_STAMP "\r\n", head,
                 BENCH_STAMP_LEN, bench_now());

    bench_send(c->fd, out, n);
}


static void
gateway_release(void)
{
    connection_t  *c, *next;

    for (c = idle; c; c = next) {
        next = c->next;
        c->next = NULL;
        bench_send(c->fd, BENCH_LAST_CHUNK, sizeof(BENCH_LAST_CHUNK) - 1);
    }

    idle = NULL;
}
