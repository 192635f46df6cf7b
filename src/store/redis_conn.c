
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_event_connect.h>

#include "redis.h"


/* bytes read at once */
#define NGX_OHTTP_RELAY_REDIS_BUFFER  16384


static u_char *ngx_ohttp_relay_redis_log(ngx_log_t *log, u_char *buf,
    size_t len);
static void ngx_ohttp_relay_redis_write_handler(ngx_event_t *ev);
static char *ngx_ohttp_relay_redis_open(ngx_ohttp_relay_redis_node_t *node);
static char *ngx_ohttp_relay_redis_flush(ngx_ohttp_relay_redis_node_t *node);
static void ngx_ohttp_relay_redis_read_handler(ngx_event_t *ev);
static char *ngx_ohttp_relay_redis_read(ngx_ohttp_relay_redis_node_t *node);
static char *ngx_ohttp_relay_redis_take_replies(
    ngx_ohttp_relay_redis_node_t *node);
static void ngx_ohttp_relay_redis_rest(ngx_ohttp_relay_redis_node_t *node);


ngx_ohttp_relay_redis_node_t *
ngx_ohttp_relay_redis_create_node(ngx_ohttp_relay_redis_worker_t *worker,
    struct sockaddr *sockaddr, socklen_t socklen, ngx_str_t *host)
{
    ngx_ohttp_relay_redis_node_t  *node;

    if (worker->nnodes == NGX_OHTTP_RELAY_REDIS_NODES) {
        return NULL;
    }

    node = ngx_calloc(sizeof(ngx_ohttp_relay_redis_node_t), &worker->log);
    if (node == NULL) {
        return NULL;
    }

    node->worker = worker;

    ngx_ohttp_relay_redis_set_address(node, sockaddr, socklen, host);

    node->log = worker->log;
    node->log.handler = ngx_ohttp_relay_redis_log;
    node->log.data = node;
    node->log.connection = 0;

    ngx_queue_init(&node->sent);
    ngx_queue_init(&node->waiting);

    node->deadline.handler = ngx_ohttp_relay_redis_deadline_handler;
    node->deadline.data = node;
    node->deadline.log = &node->log;

    /* it must not keep a worker that is to end */

    node->pause.handler = ngx_ohttp_relay_redis_pause_handler;
    node->pause.data = node;
    node->pause.log = &node->log;
    node->pause.cancelable = 1;

    worker->nodes[worker->nnodes++] = node;

    return node;
}


void
ngx_ohttp_relay_redis_free_node(ngx_ohttp_relay_redis_node_t *node)
{
    ngx_uint_t                       i;
    ngx_queue_t                      queue;
    ngx_ohttp_relay_redis_worker_t  *worker;

    worker = node->worker;

    ngx_ohttp_relay_redis_disconnect(node);

    for (i = 0; i < worker->nnodes; i++) {
        if (worker->nodes[i] == node) {
            worker->nodes[i] = worker->nodes[--worker->nnodes];
            break;
        }
    }

    for (i = 0; worker->slots && i < NGX_OHTTP_RELAY_REDIS_SLOTS; i++) {
        if (worker->slots[i] == node) {
            worker->slots[i] = NULL;
        }
    }

    /* in an exiting process, where nobody listens any more, they just end */

    if (worker->redis->worker) {
        ngx_ohttp_relay_redis_move(&queue, &node->sent);
        ngx_ohttp_relay_redis_try_all(worker, &queue, 1);

        ngx_ohttp_relay_redis_move(&queue, &node->waiting);
        ngx_ohttp_relay_redis_try_all(worker, &queue, 0);

    } else {
        ngx_ohttp_relay_redis_move(&queue, &node->sent);
        ngx_queue_add(&worker->free, &queue);

        ngx_ohttp_relay_redis_move(&queue, &node->waiting);
        ngx_queue_add(&worker->free, &queue);
    }

    if (node->pause.timer_set) {
        ngx_del_timer(&node->pause);
    }

    if (node->deadline.timer_set) {
        ngx_del_timer(&node->deadline);
    }

    if (node->out) {
        ngx_free(node->out);
    }

    ngx_free(node);
}


static u_char *
ngx_ohttp_relay_redis_log(ngx_log_t *log, u_char *buf, size_t len)
{
    u_char                        *p;
    ngx_ohttp_relay_redis_node_t  *node;

    node = log->data;
    p = buf;

    if (log->action) {
        p = ngx_snprintf(buf, len, " while %s", log->action);
        len -= p - buf;
        buf = p;
    }

    return ngx_snprintf(buf, len, ", redis: %V", &node->name);
}


void
ngx_ohttp_relay_redis_set_address(ngx_ohttp_relay_redis_node_t *node,
    struct sockaddr *sockaddr, socklen_t socklen, ngx_str_t *host)
{
    ngx_memcpy(&node->sockaddr, sockaddr, socklen);
    node->socklen = socklen;

    node->name.data = node->text;
    node->name.len = ngx_sock_ntop(sockaddr, socklen, node->text,
                                   NGX_SOCKADDR_STRLEN, 1);

    node->host.data = node->host_text;
    node->host.len = ngx_min(host->len, sizeof(node->host_text));
    ngx_memcpy(node->host_text, host->data, node->host.len);
}


void
ngx_ohttp_relay_redis_connect(ngx_ohttp_relay_redis_node_t *node)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    node->state = NGX_OHTTP_RELAY_REDIS_CONNECTING;
    node->connect = ngx_current_msec
                    + ngx_max(node->worker->redis->timeout,
                              NGX_OHTTP_RELAY_REDIS_CONNECT);

    node->reader = ngx_ohttp_relay_redis_create_reader();
    if (node->reader == NULL) {
        ngx_ohttp_relay_redis_fail(node, "has no memory here");
        return;
    }

    ngx_memzero(&node->peer, sizeof(ngx_peer_connection_t));

    node->peer.sockaddr = &node->sockaddr.sockaddr;
    node->peer.socklen = node->socklen;
    node->peer.name = &node->name;
    node->peer.get = ngx_event_get_peer;
    node->peer.log = &node->log;
    node->peer.log_error = NGX_ERROR_ERR;
    node->peer.so_keepalive = 1;

    node->log.action = "connecting to the store";

    rc = ngx_event_connect_peer(&node->peer);

    c = node->peer.connection;
    node->connection = c;

    if (rc == NGX_ERROR || rc == NGX_BUSY || rc == NGX_DECLINED) {
        ngx_ohttp_relay_redis_fail(node, "cannot be reached");
        return;
    }

    c->data = node;
    c->read->handler = ngx_ohttp_relay_redis_read_handler;
    c->write->handler = ngx_ohttp_relay_redis_write_handler;

    c->pool = ngx_create_pool(512, &node->log);
    if (c->pool == NULL) {
        ngx_ohttp_relay_redis_fail(node, "has no memory here");
        return;
    }

    ngx_ohttp_relay_redis_arm(node, node->connect);

    if (rc == NGX_OK) {
        ngx_post_event(c->write, &ngx_posted_events);
    }
}


void
ngx_ohttp_relay_redis_disconnect(ngx_ohttp_relay_redis_node_t *node)
{
    ngx_pool_t        *pool;
    ngx_connection_t  *c;

    c = node->connection;
    node->connection = NULL;

    if (c) {

        if (c->ssl) {
            c->ssl->no_wait_shutdown = 1;
            c->ssl->no_send_shutdown = !node->open;
            (void) ngx_ssl_shutdown(c);
        }

        pool = c->pool;
        ngx_close_connection(c);

        if (pool) {
            ngx_destroy_pool(pool);
        }
    }

    ngx_ohttp_relay_redis_free_reader(node->reader);

    /* it would keep a worker that is to end; who waits on sets it again */

    if (node->deadline.timer_set) {
        ngx_del_timer(&node->deadline);
    }

    node->reader = NULL;
    node->out_first = 0;
    node->out_last = 0;
    node->open = 0;
    node->checks = 0;
    node->broken = NULL;
    node->state = NGX_OHTTP_RELAY_REDIS_DOWN;
}


static void
ngx_ohttp_relay_redis_write_handler(ngx_event_t *ev)
{
    char                          *failure;
    ngx_connection_t              *c;
    ngx_ohttp_relay_redis_node_t  *node;

    c = ev->data;
    node = c->data;

    failure = node->open ? ngx_ohttp_relay_redis_flush(node)
                         : ngx_ohttp_relay_redis_open(node);

    if (failure) {
        ngx_ohttp_relay_redis_fail(node, failure);
    }
}


/* a connection may be there now; what fails has its name returned */

static char *
ngx_ohttp_relay_redis_open(ngx_ohttp_relay_redis_node_t *node)
{
    int                err;
    socklen_t          len;
    ngx_connection_t  *c;

    c = node->connection;

    if (c->ssl) {
        return NULL;
    }

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    if (err) {
        (void) ngx_connection_error(c, err, "connect() failed");
        return "cannot be reached";
    }

    if (node->sockaddr.sockaddr.sa_family != AF_UNIX
        && ngx_tcp_nodelay(c) != NGX_OK)
    {
        return "cannot be reached";
    }

    if (node->worker->redis->tls) {
        return ngx_ohttp_relay_redis_start_tls(node);
    }

    ngx_ohttp_relay_redis_opened(node);

    return node->broken;
}


void
ngx_ohttp_relay_redis_opened(ngx_ohttp_relay_redis_node_t *node)
{
    ngx_connection_t  *c;

    c = node->connection;

    /* TLS has put its own here */

    c->read->handler = ngx_ohttp_relay_redis_read_handler;
    c->write->handler = ngx_ohttp_relay_redis_write_handler;

    node->open = 1;
    node->log.action = NULL;

    ngx_ohttp_relay_redis_start_checks(node);

    if (node->broken == NULL && c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);
    }
}


static char *
ngx_ohttp_relay_redis_flush(ngx_ohttp_relay_redis_node_t *node)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = node->connection;

    while (node->out_first < node->out_last) {

        n = c->send(c, node->out + node->out_first,
                    node->out_last - node->out_first);

        if (n > 0) {
            node->out_first += n;
            continue;
        }

        if (n == NGX_AGAIN) {
            break;
        }

        return "has closed the connection";
    }

    if (node->out_first == node->out_last) {
        node->out_first = 0;
        node->out_last = 0;
    }

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        return "cannot be written to";
    }

    return NULL;
}


static void
ngx_ohttp_relay_redis_read_handler(ngx_event_t *ev)
{
    char                          *failure;
    ngx_connection_t              *c;
    ngx_ohttp_relay_redis_node_t  *node;

    c = ev->data;
    node = c->data;

    /* nginx wants idle connections closed, as the worker is to end */

    if (c->close) {
        ngx_ohttp_relay_redis_disconnect(node);
        node->hopeful = 1;
        return;
    }

    /*
     * Nothing is read before the connection is known to be there, and with TLS
     * not before the handshake: those bytes would be nobody's.
     */

    failure = node->open ? ngx_ohttp_relay_redis_read(node)
                         : ngx_ohttp_relay_redis_open(node);

    if (failure) {
        ngx_ohttp_relay_redis_fail(node, failure);
        return;
    }

    if (node->open) {
        ngx_ohttp_relay_redis_rest(node);
    }
}


static char *
ngx_ohttp_relay_redis_read(ngx_ohttp_relay_redis_node_t *node)
{
    char              *failure;
    ssize_t            n;
    ngx_connection_t  *c;

    static u_char  buf[NGX_OHTTP_RELAY_REDIS_BUFFER];

    c = node->connection;

    /* until there is no more: epoll tells of an edge only once */

    for ( ;; ) {
        n = c->recv(c, buf, NGX_OHTTP_RELAY_REDIS_BUFFER);

        if (n == NGX_AGAIN) {
            return ngx_handle_read_event(c->read, 0) == NGX_OK
                   ? NULL : "cannot be read from";
        }

        if (n == 0 || n == NGX_ERROR) {
            return "has closed the connection";
        }

        if (ngx_ohttp_relay_redis_feed(node->reader, buf, n)
            != NGX_OHTTP_RELAY_REDIS_OK)
        {
            return "has no memory here";
        }

        failure = ngx_ohttp_relay_redis_take_replies(node);

        if (failure) {
            return failure;
        }
    }
}


static char *
ngx_ohttp_relay_redis_take_replies(ngx_ohttp_relay_redis_node_t *node)
{
    int                               rc;
    ngx_queue_t                      *q;
    ngx_ohttp_relay_redis_reply_t    *reply;
    ngx_ohttp_relay_redis_command_t  *command;

    for ( ;; ) {
        rc = ngx_ohttp_relay_redis_next(node->reader, &reply);

        if (rc == NGX_OHTTP_RELAY_REDIS_AGAIN) {
            return NULL;
        }

        if (rc != NGX_OHTTP_RELAY_REDIS_OK) {
            return "does not speak the protocol, or too much";
        }

        if (ngx_queue_empty(&node->sent)) {
            ngx_ohttp_relay_redis_free_reply(reply);
            return "answers what was not asked";
        }

        q = ngx_queue_head(&node->sent);
        ngx_queue_remove(q);

        command = ngx_queue_data(q, ngx_ohttp_relay_redis_command_t, queue);

        if (command->kind < NGX_OHTTP_RELAY_REDIS_IGNORED) {
            ngx_ohttp_relay_redis_take_reply(node, command, reply);

        } else {
            ngx_ohttp_relay_redis_take_check(node, command, reply);
        }

        ngx_ohttp_relay_redis_free_reply(reply);

        if (node->broken) {
            return node->broken;
        }
    }
}


/* a connection with nothing to do may be closed when the worker is to end */

static void
ngx_ohttp_relay_redis_rest(ngx_ohttp_relay_redis_node_t *node)
{
    ngx_uint_t  idle;

    idle = node->state == NGX_OHTTP_RELAY_REDIS_READY
           && ngx_queue_empty(&node->sent);

    node->connection->idle = idle;

    if (idle && ngx_exiting) {
        ngx_ohttp_relay_redis_disconnect(node);
        node->hopeful = 1;
    }
}
