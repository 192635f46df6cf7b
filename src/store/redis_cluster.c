
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "redis.h"


/* milliseconds from one reading of the map to the next, at least */
#define NGX_OHTTP_RELAY_REDIS_REFRESH  100

/* what has a marker: so many slots in a row */
#define NGX_OHTTP_RELAY_REDIS_RANGE                                          \
    (NGX_OHTTP_RELAY_REDIS_SLOTS / NGX_OHTTP_RELAY_REDIS_MARKERS)


static void ngx_ohttp_relay_redis_place_markers(
    ngx_ohttp_relay_redis_worker_t *worker);
static void ngx_ohttp_relay_redis_refresh_handler(ngx_event_t *ev);
static void ngx_ohttp_relay_redis_connect_seed(
    ngx_ohttp_relay_redis_worker_t *worker);
static void ngx_ohttp_relay_redis_sweep_handler(ngx_event_t *ev);
static ngx_int_t ngx_ohttp_relay_redis_read_range(
    ngx_ohttp_relay_redis_node_t *node, ngx_ohttp_relay_redis_reply_t *range,
    ngx_ohttp_relay_redis_node_t **slots);
static ngx_ohttp_relay_redis_node_t *ngx_ohttp_relay_redis_get_node(
    ngx_ohttp_relay_redis_node_t *from, const u_char *host, size_t len,
    ngx_uint_t port);
static ngx_ohttp_relay_redis_node_t *ngx_ohttp_relay_redis_use_node(
    ngx_ohttp_relay_redis_worker_t *worker, struct sockaddr *sockaddr,
    socklen_t socklen);
static ngx_int_t ngx_ohttp_relay_redis_read_address(const u_char *host,
    size_t len, ngx_uint_t port, ngx_sockaddr_t *sockaddr, socklen_t *socklen);
static ngx_str_t *ngx_ohttp_relay_redis_find_host(
    ngx_ohttp_relay_redis_t *redis, struct sockaddr *sockaddr,
    socklen_t socklen, ngx_str_t *address);


ngx_int_t
ngx_ohttp_relay_redis_init_cluster(ngx_ohttp_relay_redis_worker_t *worker)
{
    worker->slots = ngx_calloc(NGX_OHTTP_RELAY_REDIS_SLOTS
                               * sizeof(ngx_ohttp_relay_redis_node_t *),
                               &worker->log);
    worker->map = ngx_calloc(NGX_OHTTP_RELAY_REDIS_SLOTS
                             * sizeof(ngx_ohttp_relay_redis_node_t *),
                             &worker->log);

    if (worker->slots == NULL || worker->map == NULL) {
        return NGX_ERROR;
    }

    ngx_ohttp_relay_redis_place_markers(worker);

    worker->refresh.handler = ngx_ohttp_relay_redis_refresh_handler;
    worker->refresh.data = worker;
    worker->refresh.log = &worker->log;
    worker->refresh.cancelable = 1;

    worker->sweep.handler = ngx_ohttp_relay_redis_sweep_handler;
    worker->sweep.data = worker;
    worker->sweep.log = &worker->log;

    ngx_ohttp_relay_redis_connect_seed(worker);

    return NGX_OK;
}


/*
 * Each part of the slots has a marker of its own, which moves together with its
 * slot.  A number between the braces decides on the slot: one is looked for
 * that lies in the part.
 */

static void
ngx_ohttp_relay_redis_place_markers(ngx_ohttp_relay_redis_worker_t *worker)
{
    u_char      tag[NGX_INT_T_LEN];
    size_t      len;
    ngx_uint_t  i, n, slot, found;

    found = 0;

    for (i = 0; found < NGX_OHTTP_RELAY_REDIS_MARKERS; i++) {

        len = ngx_sprintf(tag, "%ui", i) - tag;
        slot = ngx_ohttp_relay_redis_hash_slot(tag, len);
        n = slot / NGX_OHTTP_RELAY_REDIS_RANGE;

        if (worker->markers[n].len) {
            continue;
        }

        ngx_memcpy(worker->markers[n].tag, tag, len);
        worker->markers[n].len = len;
        worker->markers[n].slot = slot;
        found++;
    }
}


ngx_ohttp_relay_redis_node_t *
ngx_ohttp_relay_redis_find_node(ngx_ohttp_relay_redis_worker_t *worker,
    u_char *tag, size_t len)
{
    ngx_uint_t                     i;
    ngx_ohttp_relay_redis_node_t  *node;

    node = worker->slots[ngx_ohttp_relay_redis_hash_slot(tag, len)];

    if (node || worker->mapped) {
        return node;
    }

    /* there is no map so far: the first one asked for it makes wait */

    for (i = 0; i < worker->nnodes; i++) {
        node = worker->nodes[i];

        if (node->hopeful && !node->dropped
            && node->state == NGX_OHTTP_RELAY_REDIS_CONNECTING)
        {
            return node;
        }
    }

    return NULL;
}


void
ngx_ohttp_relay_redis_refresh(ngx_ohttp_relay_redis_worker_t *worker)
{
    ngx_msec_t  pause;

    if (worker->refresh.timer_set) {
        return;
    }

    pause = NGX_OHTTP_RELAY_REDIS_REFRESH << ngx_min(worker->refreshes, 4);
    pause = pause / 2 + (ngx_msec_t) ngx_random() % pause;

    worker->refreshes++;

    ngx_add_timer(&worker->refresh, pause);
}


static void
ngx_ohttp_relay_redis_refresh_handler(ngx_event_t *ev)
{
    ngx_str_t                        argument[2];
    ngx_uint_t                       i, first;
    ngx_ohttp_relay_redis_node_t    *node;
    ngx_ohttp_relay_redis_worker_t  *worker;

    worker = ev->data;
    first = (ngx_uint_t) ngx_random();

    if (ngx_exiting) {
        return;
    }

    for (i = 0; i < worker->nnodes; i++) {
        node = worker->nodes[(first + i) % worker->nnodes];

        if (node->state != NGX_OHTTP_RELAY_REDIS_READY || node->dropped) {
            continue;
        }

        ngx_str_set(&argument[0], "CLUSTER");
        ngx_str_set(&argument[1], "SLOTS");

        if (ngx_ohttp_relay_redis_send(node, NGX_OHTTP_RELAY_REDIS_MAP,
                                       argument, 2))
        {
            return;
        }
    }

    ngx_ohttp_relay_redis_connect_seed(worker);
}


static void
ngx_ohttp_relay_redis_connect_seed(ngx_ohttp_relay_redis_worker_t *worker)
{
    ngx_uint_t                       i;
    ngx_ohttp_relay_redis_t         *redis;
    ngx_ohttp_relay_redis_node_t    *node;
    ngx_ohttp_relay_redis_server_t  *server;

    redis = worker->redis;

    server = redis->servers.elts;
    server += worker->server++ % redis->servers.nelts;

    for (i = 0; i < worker->nnodes; i++) {
        node = worker->nodes[i];

        if (ngx_cmp_sockaddr(&node->sockaddr.sockaddr, node->socklen,
                             server->addr.sockaddr, server->addr.socklen, 1)
            == NGX_OK)
        {
            /* it is tried as it is, by a timer of its own */
            return;
        }
    }

    node = ngx_ohttp_relay_redis_create_node(worker, server->addr.sockaddr,
                                             server->addr.socklen,
                                             &server->host);
    if (node) {
        node->hopeful = !worker->mapped;
        ngx_ohttp_relay_redis_connect(node);
    }
}


/* a node may drop itself while it reads: it is freed in a turn of its own */

void
ngx_ohttp_relay_redis_drop_node(ngx_ohttp_relay_redis_node_t *node)
{
    node->dropped = 1;

    ngx_post_event(&node->worker->sweep, &ngx_posted_events);
}


static void
ngx_ohttp_relay_redis_sweep_handler(ngx_event_t *ev)
{
    ngx_uint_t                       i;
    ngx_ohttp_relay_redis_worker_t  *worker;

    worker = ev->data;

    /* what a freed node had to ask can create others, at the end */

    for (i = worker->nnodes; i > 0; i--) {

        if (i <= worker->nnodes && worker->nodes[i - 1]->dropped) {
            ngx_ohttp_relay_redis_free_node(worker->nodes[i - 1]);
        }
    }
}


ngx_int_t
ngx_ohttp_relay_redis_read_map(ngx_ohttp_relay_redis_node_t *from,
    ngx_ohttp_relay_redis_reply_t *reply)
{
    ngx_uint_t                       i, slot;
    ngx_ohttp_relay_redis_node_t    *node;
    ngx_ohttp_relay_redis_worker_t  *worker;

    worker = from->worker;

    if (reply->type != NGX_OHTTP_RELAY_REDIS_ARRAY || reply->len == 0) {
        return NGX_ERROR;
    }

    ngx_memzero(worker->map, NGX_OHTTP_RELAY_REDIS_SLOTS
                             * sizeof(ngx_ohttp_relay_redis_node_t *));

    for (i = 0; i < reply->len; i++) {

        if (ngx_ohttp_relay_redis_read_range(from, reply->elements[i],
                                             worker->map)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < worker->nnodes; i++) {
        worker->nodes[i]->mapped = 0;
    }

    for (slot = 0; slot < NGX_OHTTP_RELAY_REDIS_SLOTS; slot++) {

        node = worker->map[slot];
        worker->slots[slot] = node;

        if (node) {
            node->mapped = 1;
        }
    }

    worker->mapped = 1;
    worker->refreshes = 0;

    for (i = 0; i < worker->nnodes; i++) {
        node = worker->nodes[i];

        if (!node->mapped && (node != from || !node->checks)) {
            ngx_ohttp_relay_redis_drop_node(node);
        }
    }

    return NGX_OK;
}


/* [ first slot, last slot, [ address, port, ... ] of the master, ... ] */

static ngx_int_t
ngx_ohttp_relay_redis_read_range(ngx_ohttp_relay_redis_node_t *from,
    ngx_ohttp_relay_redis_reply_t *range, ngx_ohttp_relay_redis_node_t **slots)
{
    int64_t                         slot;
    ngx_ohttp_relay_redis_node_t   *node;
    ngx_ohttp_relay_redis_reply_t  *first, *last, *master, *host, *port;

    if (range->type != NGX_OHTTP_RELAY_REDIS_ARRAY || range->len < 3) {
        return NGX_ERROR;
    }

    first = range->elements[0];
    last = range->elements[1];
    master = range->elements[2];

    if (first->type != NGX_OHTTP_RELAY_REDIS_INTEGER || first->integer < 0
        || last->type != NGX_OHTTP_RELAY_REDIS_INTEGER
        || last->integer >= NGX_OHTTP_RELAY_REDIS_SLOTS
        || master->type != NGX_OHTTP_RELAY_REDIS_ARRAY || master->len < 2)
    {
        return NGX_ERROR;
    }

    host = master->elements[0];
    port = master->elements[1];

    if (port->type != NGX_OHTTP_RELAY_REDIS_INTEGER || port->integer < 1
        || port->integer > 65535
        || (host->type != NGX_OHTTP_RELAY_REDIS_STRING
            && host->type != NGX_OHTTP_RELAY_REDIS_NIL))
    {
        return NGX_ERROR;
    }

    node = ngx_ohttp_relay_redis_get_node(from, host->data, host->len,
                                          port->integer);
    if (node == NULL) {
        return NGX_ERROR;
    }

    for (slot = first->integer; slot <= last->integer; slot++) {
        slots[slot] = node;
    }

    return NGX_OK;
}


/* a node of this worker with the address; a new one is connected */

static ngx_ohttp_relay_redis_node_t *
ngx_ohttp_relay_redis_get_node(ngx_ohttp_relay_redis_node_t *from,
    const u_char *host, size_t len, ngx_uint_t port)
{
    socklen_t                        socklen;
    ngx_sockaddr_t                   sockaddr;
    ngx_ohttp_relay_redis_worker_t  *worker;

    worker = from->worker;

    if (len == 0) {

        /* a server that does not know its own address: where it was asked */

        if (from->sockaddr.sockaddr.sa_family == AF_UNIX) {
            return from;
        }

        sockaddr = from->sockaddr;
        socklen = from->socklen;
        ngx_inet_set_port(&sockaddr.sockaddr, (in_port_t) port);

    } else if (ngx_ohttp_relay_redis_read_address(host, len, port, &sockaddr,
                                                  &socklen)
               != NGX_OK)
    {
        if (ngx_ohttp_relay_redis_note(worker->redis, (u_char *) "host", 4,
                                       NGX_OHTTP_RELAY_REDIS_MISCONFIGURED))
        {
            ngx_log_error(NGX_LOG_CRIT, &worker->log, 0,
                          "redis %V names other servers of the cluster not by "
                          "numeric addresses (cluster-preferred-endpoint-type):"
                          " nothing can be claimed", &from->name);
        }

        return NULL;
    }

    return ngx_ohttp_relay_redis_use_node(worker, &sockaddr.sockaddr, socklen);
}


static ngx_ohttp_relay_redis_node_t *
ngx_ohttp_relay_redis_use_node(ngx_ohttp_relay_redis_worker_t *worker,
    struct sockaddr *sockaddr, socklen_t socklen)
{
    u_char                         text[NGX_SOCKADDR_STRLEN];
    ngx_str_t                      address;
    ngx_uint_t                     i;
    ngx_ohttp_relay_redis_node_t  *node;

    for (i = 0; i < worker->nnodes; i++) {
        node = worker->nodes[i];

        if (ngx_cmp_sockaddr(&node->sockaddr.sockaddr, node->socklen,
                             sockaddr, socklen, 1)
            == NGX_OK)
        {
            /* one that is just being dropped comes back */

            if (node->dropped) {
                node->dropped = 0;
                node->mapped = 1;
                node->hopeful = 1;

                if (node->state == NGX_OHTTP_RELAY_REDIS_DOWN) {
                    ngx_ohttp_relay_redis_connect(node);
                }
            }

            return node;
        }
    }

    address.data = text;
    address.len = ngx_sock_ntop(sockaddr, socklen, text,
                                NGX_SOCKADDR_STRLEN, 0);

    node = ngx_ohttp_relay_redis_create_node(worker, sockaddr,
                            socklen,
                            ngx_ohttp_relay_redis_find_host(worker->redis,
                                                            sockaddr, socklen,
                                                            &address));
    if (node) {
        node->mapped = 1;
        node->hopeful = 1;
        ngx_ohttp_relay_redis_connect(node);
    }

    return node;
}


static ngx_int_t
ngx_ohttp_relay_redis_read_address(const u_char *host, size_t len,
    ngx_uint_t port, ngx_sockaddr_t *sockaddr, socklen_t *socklen)
{
    in_addr_t  address;

    ngx_memzero(sockaddr, sizeof(ngx_sockaddr_t));

    address = ngx_inet_addr((u_char *) host, len);

    if (address != INADDR_NONE) {
        sockaddr->sockaddr_in.sin_family = AF_INET;
        sockaddr->sockaddr_in.sin_addr.s_addr = address;
        *socklen = sizeof(struct sockaddr_in);

#if (NGX_HAVE_INET6)

    } else if (ngx_inet6_addr((u_char *) host, len,
                              sockaddr->sockaddr_in6.sin6_addr.s6_addr)
               == NGX_OK)
    {
        sockaddr->sockaddr_in6.sin6_family = AF_INET6;
        *socklen = sizeof(struct sockaddr_in6);

#endif

    } else {
        return NGX_ERROR;
    }

    ngx_inet_set_port(&sockaddr->sockaddr, (in_port_t) port);

    return NGX_OK;
}


/* what a certificate is verified against: the name if it has been told */

static ngx_str_t *
ngx_ohttp_relay_redis_find_host(ngx_ohttp_relay_redis_t *redis,
    struct sockaddr *sockaddr, socklen_t socklen, ngx_str_t *address)
{
    ngx_uint_t                       i;
    ngx_ohttp_relay_redis_server_t  *server;

    server = redis->servers.elts;

    for (i = 0; i < redis->servers.nelts; i++) {

        if (ngx_cmp_sockaddr(server[i].addr.sockaddr, server[i].addr.socklen,
                             sockaddr, socklen, 1)
            == NGX_OK)
        {
            return &server[i].host;
        }
    }

    return address;
}


ngx_int_t
ngx_ohttp_relay_redis_redirect(ngx_ohttp_relay_redis_node_t *from,
    ngx_ohttp_relay_redis_command_t *command,
    ngx_ohttp_relay_redis_reply_t *reply)
{
    ngx_ohttp_relay_redis_node_t    *node;
    ngx_ohttp_relay_redis_place_t    place;
    ngx_ohttp_relay_redis_worker_t  *worker;

    worker = from->worker;

    if (!worker->redis->cluster
        || ngx_ohttp_relay_redis_read_place(reply, &place)
           != NGX_OHTTP_RELAY_REDIS_OK)
    {
        return NGX_ERROR;
    }

    if (command->hops == NGX_OHTTP_RELAY_REDIS_HOPS) {
        return NGX_DECLINED;
    }

    command->hops++;

    node = ngx_ohttp_relay_redis_get_node(from, place.host, place.host_len,
                                          place.port);
    if (node == NULL) {
        return NGX_ERROR;
    }

    command->redirected = ngx_ohttp_relay_redis_sort_error(reply)
                          == NGX_OHTTP_RELAY_REDIS_ASK;

    if (!command->redirected) {
        worker->slots[place.slot] = node;
        node->mapped = 1;
        ngx_ohttp_relay_redis_refresh(worker);
    }

    return ngx_ohttp_relay_redis_submit(node, command);
}
