
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event_connect.h>
#include <ngx_http.h>

#include "eject.h"
#include "names.h"
#include "peer.h"
#include "tls.h"


typedef struct {
    ngx_connection_t              *connection;
    ngx_ohttp_relay_peers_t       *pool;
    ngx_uint_t                     place;      /* in pool->idle */
    ngx_addr_t                    *addr;       /* one of its gateway's now */
    ngx_ohttp_relay_shown_t        shown;      /* of an attested gateway */
} ngx_ohttp_relay_idle_t;


/* one worker's connections to one gateway */

struct ngx_ohttp_relay_peers_s {
    ngx_ohttp_relay_gateway_t     *gateway;
    ngx_ohttp_relay_idle_t       **idle;       /* the first n are in use */
    ngx_uint_t                     n;
    ngx_uint_t                     next;       /* address to begin with */
    ngx_ssl_session_t             *session;
};


typedef struct {
    ngx_http_request_t            *request;
    ngx_http_upstream_t           *upstream;
    ngx_ohttp_relay_peers_t       *pool;
    ngx_ohttp_relay_addrs_t       *addrs;      /* held; NULL at first */
    ngx_ohttp_relay_shown_t       *shown;      /* NULL: nothing, or no matter */
    unsigned                       address:16; /* of these, from 1; 0: none */
    unsigned                       forged:1;
    unsigned                       connected:1;
} ngx_ohttp_relay_peer_t;


static ngx_int_t ngx_ohttp_relay_peer_start(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *uscf);
static ngx_int_t ngx_ohttp_relay_peer_get(ngx_peer_connection_t *pc,
    void *data);
static ngx_ohttp_relay_idle_t *ngx_ohttp_relay_peer_idle(
    ngx_ohttp_relay_peer_t *peer);
static ngx_int_t ngx_ohttp_relay_peer_addrs(ngx_ohttp_relay_peer_t *peer);
static ngx_addr_t *ngx_ohttp_relay_peer_address(ngx_ohttp_relay_peer_t *peer);
static void ngx_ohttp_relay_peer_free(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state);
static void ngx_ohttp_relay_peer_give_up(ngx_peer_connection_t *pc,
    ngx_http_upstream_t *u);
static void ngx_ohttp_relay_peer_move(ngx_peer_connection_t *pc,
    ngx_ohttp_relay_peer_t *peer);
static ngx_uint_t ngx_ohttp_relay_peer_reusable(ngx_ohttp_relay_peer_t *peer,
    ngx_connection_t *c, ngx_uint_t state);
static void ngx_ohttp_relay_peer_keep(ngx_ohttp_relay_peer_t *peer,
    ngx_connection_t *c);
static ngx_connection_t *ngx_ohttp_relay_idle_take(
    ngx_ohttp_relay_idle_t *idle);
static void ngx_ohttp_relay_idle_handler(ngx_event_t *ev);
static void ngx_ohttp_relay_idle_close(ngx_ohttp_relay_idle_t *idle);
static void ngx_ohttp_relay_idle_dummy_handler(ngx_event_t *ev);
static ngx_int_t ngx_ohttp_relay_peer_set_session(ngx_peer_connection_t *pc,
    void *data);
static void ngx_ohttp_relay_peer_save_session(ngx_peer_connection_t *pc,
    void *data);


/* the one in use */
#define ngx_ohttp_relay_peer_addr(peer)                                      \
    (&(peer)->addrs->addrs[(peer)->address - 1])


static ngx_ohttp_relay_other_pt  ngx_ohttp_relay_peer_other;


void
ngx_ohttp_relay_peer_ask_other(ngx_ohttp_relay_other_pt other)
{
    ngx_ohttp_relay_peer_other = other;
}


ngx_int_t
ngx_ohttp_relay_peer_init(ngx_conf_t *cf, ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_uint_t               i;
    ngx_ohttp_relay_idle_t  *idle;
    ngx_ohttp_relay_peers_t  *pool;

    pool = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_peers_t));
    if (pool == NULL) {
        return NGX_ERROR;
    }

    pool->idle = ngx_palloc(cf->pool,
                       gateway->keepalive * sizeof(ngx_ohttp_relay_idle_t *));
    idle = ngx_pcalloc(cf->pool,
                       gateway->keepalive * sizeof(ngx_ohttp_relay_idle_t));

    if (pool->idle == NULL || idle == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < gateway->keepalive; i++) {
        idle[i].pool = pool;
        idle[i].place = i;
        pool->idle[i] = &idle[i];
    }

    pool->gateway = gateway;

    gateway->idle = pool;
    gateway->peers.peer.init = ngx_ohttp_relay_peer_start;
    gateway->peers.peer.data = gateway;

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_peer_start(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *uscf)
{
    ngx_http_upstream_t        *u;
    ngx_ohttp_relay_peer_t     *peer;
    ngx_ohttp_relay_addrs_t    *addrs;
    ngx_ohttp_relay_gateway_t  *gateway;

    u = r->upstream;
    gateway = uscf->peer.data;
    addrs = ngx_ohttp_relay_names_addrs(gateway);

    peer = ngx_pcalloc(r->pool, sizeof(ngx_ohttp_relay_peer_t));
    if (peer == NULL || addrs == NULL) {
        return NGX_ERROR;
    }

    peer->request = r;
    peer->upstream = u;
    peer->pool = gateway->idle;

    u->peer.data = peer;
    u->peer.get = ngx_ohttp_relay_peer_get;
    u->peer.free = ngx_ohttp_relay_peer_free;
    u->peer.tries = addrs->naddrs;
    u->peer.set_session = ngx_ohttp_relay_peer_set_session;
    u->peer.save_session = ngx_ohttp_relay_peer_save_session;

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_peer_get(ngx_peer_connection_t *pc, void *data)
{
    ngx_ohttp_relay_peer_t *peer = data;

    ngx_addr_t              *addr;
    ngx_connection_t        *c;
    ngx_ohttp_relay_idle_t  *idle;

    if (ngx_ohttp_relay_peer_addrs(peer) != NGX_OK) {
        return NGX_ERROR;
    }

    idle = ngx_ohttp_relay_peer_idle(peer);
    addr = idle ? idle->addr : ngx_ohttp_relay_peer_address(peer);

    peer->address = addr - peer->addrs->addrs + 1;

    pc->sockaddr = addr->sockaddr;
    pc->socklen = addr->socklen;
    pc->name = &addr->name;
    pc->connection = NULL;
    pc->cached = 0;

    if (idle == NULL) {
        return NGX_OK;
    }

    c = ngx_ohttp_relay_idle_take(idle);

    c->idle = 0;
    c->sent = 0;
    c->data = NULL;
    c->log = pc->log;
    c->read->log = pc->log;
    c->write->log = pc->log;
    c->pool->log = pc->log;

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    pc->connection = c;
    pc->cached = 1;

    return NGX_DONE;
}


/* what its gateway showed when it began may not be right any more */

static ngx_ohttp_relay_idle_t *
ngx_ohttp_relay_peer_idle(ngx_ohttp_relay_peer_t *peer)
{
    ngx_ohttp_relay_idle_t     *idle;
    ngx_ohttp_relay_peers_t    *pool;
    ngx_ohttp_relay_gateway_t  *gateway;

    pool = peer->pool;
    gateway = pool->gateway;

    while (pool->n) {
        idle = pool->idle[(ngx_uint_t) ngx_random() % pool->n];

        if (gateway->attestation == NGX_OHTTP_RELAY_ATTESTATION_OFF) {
            return idle;
        }

        if (ngx_ohttp_relay_tls_attested(gateway, &idle->shown)) {
            ngx_ohttp_relay_peer_shown(peer->request, &idle->shown);
            return idle;
        }

        ngx_ohttp_relay_idle_close(idle);
    }

    return NULL;
}


/* they may have changed meanwhile, and the gateway, too */

static ngx_int_t
ngx_ohttp_relay_peer_addrs(ngx_ohttp_relay_peer_t *peer)
{
    ngx_ohttp_relay_addrs_t  *addrs;

    addrs = ngx_ohttp_relay_names_addrs(peer->pool->gateway);

    if (addrs == peer->addrs) {
        return NGX_OK;
    }

    /* nginx points to them until the request has been logged */

    if (ngx_ohttp_relay_addrs_hold(addrs, peer->request->pool) != NGX_OK) {
        return NGX_ERROR;
    }

    peer->addrs = addrs;
    peer->address = 0;

    return NGX_OK;
}


/* requests begin with an address in turn, and each goes its own way from it */

static ngx_addr_t *
ngx_ohttp_relay_peer_address(ngx_ohttp_relay_peer_t *peer)
{
    ngx_uint_t                n;
    ngx_ohttp_relay_addrs_t  *addrs;

    addrs = peer->addrs;

    n = peer->address ? peer->address : peer->pool->next++;

    return &addrs->addrs[n % addrs->naddrs];
}


static void
ngx_ohttp_relay_peer_free(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state)
{
    ngx_ohttp_relay_peer_t *peer = data;

    ngx_connection_t  *c;

    c = pc->connection;

    if (c && ngx_ohttp_relay_peer_reusable(peer, c, state)) {
        pc->connection = NULL;
        ngx_ohttp_relay_peer_keep(peer, c);
    }

    if (pc->tries) {
        pc->tries--;
    }

    if ((state & NGX_PEER_FAILED) && peer->upstream->request_sent) {
        ngx_ohttp_relay_peer_give_up(pc, peer->upstream);
        return;
    }

    /* one that was kept may just have ended: nginx allows for one try more */

    if (pc->tries == 0
        && !pc->cached
        && (state & NGX_PEER_FAILED)
        && ngx_ohttp_relay_peer_other)
    {
        ngx_ohttp_relay_peer_move(pc, peer);
    }
}


/*
 * What nginx knows to be idempotent, a GET, it would take to another address,
 * or to the same one if its connection had been kept.
 */

static void
ngx_ohttp_relay_peer_give_up(ngx_peer_connection_t *pc, ngx_http_upstream_t *u)
{
    pc->tries = 0;

    if (pc->cached) {
        pc->cached = 0;

        /* there was no connecting whose time could be counted */
        u->state->connect_time = (ngx_msec_t) -1;
    }
}


/* where the same key is, and nothing of the request has been seen elsewhere */

static void
ngx_ohttp_relay_peer_move(ngx_peer_connection_t *pc,
    ngx_ohttp_relay_peer_t *peer)
{
    ngx_ohttp_relay_gateway_t  *gateway;

    gateway = ngx_ohttp_relay_peer_other(peer->request, peer->forged);

    if (gateway) {
        peer->pool = gateway->idle;
        peer->address = 0;
        peer->shown = NULL;
        peer->forged = 0;
        pc->tries = ngx_ohttp_relay_names_addrs(gateway)->naddrs;
    }
}


void
ngx_ohttp_relay_peer_shown(ngx_http_request_t *r,
    ngx_ohttp_relay_shown_t *shown)
{
    ngx_ohttp_relay_peer_t  *peer;

    peer = r->upstream->peer.data;

    if (peer->pool->gateway->attestation == NGX_OHTTP_RELAY_ATTESTATION_OFF) {
        return;
    }

    if (peer->shown == NULL) {
        peer->shown = ngx_palloc(r->pool, sizeof(ngx_ohttp_relay_shown_t));
    }

    if (peer->shown) {
        *peer->shown = *shown;
    }
}


void
ngx_ohttp_relay_peer_forged(ngx_http_request_t *r)
{
    ngx_ohttp_relay_peer_t  *peer;

    peer = r->upstream->peer.data;
    peer->forged = 1;
}


void
ngx_ohttp_relay_peer_connected(ngx_http_request_t *r)
{
    ngx_ohttp_relay_peer_t  *peer;

    peer = r->upstream->peer.data;

    if (!peer->connected) {
        peer->connected = 1;

        if (!r->upstream->peer.cached) {
            ngx_ohttp_relay_eject_connected(peer->pool->gateway);
        }
    }
}


/*
 * A connection serves again only after an exchange that ended exactly where
 * both sides expected it: otherwise bytes of one stream could reach another.
 */

static ngx_uint_t
ngx_ohttp_relay_peer_reusable(ngx_ohttp_relay_peer_t *peer,
    ngx_connection_t *c, ngx_uint_t state)
{
    ngx_http_upstream_t        *u;
    ngx_ohttp_relay_gateway_t  *gateway;

    u = peer->upstream;
    gateway = peer->pool->gateway;

    if ((state & NGX_PEER_FAILED)
        || !u->keepalive
        || !u->request_body_sent
        || u->output.busy
        || u->writer.out
        || c->read->eof
        || c->read->error
        || c->read->timedout
        || c->write->error
        || c->write->timedout)
    {
        return 0;
    }

    /* bytes behind the answer that TLS has already taken from the socket */

    if (c->ssl && SSL_has_pending(c->ssl->connection)) {
        return 0;
    }

    if (gateway->closed
        || c->requests >= gateway->keepalive_requests
        || peer->pool->n == gateway->keepalive
        || ngx_terminate
        || ngx_exiting)
    {
        return 0;
    }

    /* there may be nobody of ours any more */

    if (ngx_ohttp_relay_addrs_find(ngx_ohttp_relay_names_addrs(gateway),
                                   ngx_ohttp_relay_peer_addr(peer))
        == NULL)
    {
        return 0;
    }

    return ngx_handle_read_event(c->read, 0) == NGX_OK;
}


static void
ngx_ohttp_relay_peer_keep(ngx_ohttp_relay_peer_t *peer, ngx_connection_t *c)
{
    ngx_ohttp_relay_idle_t  *idle;
    ngx_ohttp_relay_peers_t  *pool;

    pool = peer->pool;

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    idle = pool->idle[pool->n++];
    idle->connection = c;
    idle->addr = ngx_ohttp_relay_addrs_find(
                                    ngx_ohttp_relay_names_addrs(pool->gateway),
                                    ngx_ohttp_relay_peer_addr(peer));

    ngx_memzero(&idle->shown, sizeof(ngx_ohttp_relay_shown_t));

    if (peer->shown) {
        idle->shown = *peer->shown;
    }

    c->idle = 1;
    c->data = idle;
    c->log = ngx_cycle->log;
    c->read->log = ngx_cycle->log;
    c->write->log = ngx_cycle->log;
    c->pool->log = ngx_cycle->log;
    c->read->handler = ngx_ohttp_relay_idle_handler;
    c->write->handler = ngx_ohttp_relay_idle_dummy_handler;

    ngx_add_timer(c->read, pool->gateway->keepalive_timeout);

    if (c->read->ready) {
        ngx_ohttp_relay_idle_handler(c->read);
    }
}


static ngx_connection_t *
ngx_ohttp_relay_idle_take(ngx_ohttp_relay_idle_t *idle)
{
    ngx_uint_t               place;
    ngx_ohttp_relay_idle_t  *last;
    ngx_ohttp_relay_peers_t  *pool;

    pool = idle->pool;
    place = idle->place;
    last = pool->idle[--pool->n];

    pool->idle[place] = last;
    last->place = place;

    pool->idle[pool->n] = idle;
    idle->place = pool->n;

    return idle->connection;
}


/*
 * Nothing is expected on an idle connection: whatever comes, an end or bytes
 * nobody asked for, closes it.
 */

static void
ngx_ohttp_relay_idle_handler(ngx_event_t *ev)
{
    int                n;
    u_char             byte;
    ngx_connection_t  *c;

    c = ev->data;

    if (!c->close && !c->read->timedout) {

        n = recv(c->fd, &byte, 1, MSG_PEEK);

        if (n == -1 && ngx_socket_errno == NGX_EAGAIN) {
            ev->ready = 0;

            if (ngx_handle_read_event(c->read, 0) == NGX_OK) {
                return;
            }
        }
    }

    ngx_ohttp_relay_idle_close(c->data);
}


static void
ngx_ohttp_relay_idle_close(ngx_ohttp_relay_idle_t *idle)
{
    ngx_connection_t  *c;

    c = ngx_ohttp_relay_idle_take(idle);

    if (c->ssl) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;

        (void) ngx_ssl_shutdown(c);
    }

    ngx_destroy_pool(c->pool);
    ngx_close_connection(c);
}


static void
ngx_ohttp_relay_idle_dummy_handler(ngx_event_t *ev)
{
    /* a write event on an idle connection says nothing */
}


void
ngx_ohttp_relay_peer_moved(ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_uint_t                i;
    ngx_ohttp_relay_idle_t   *idle;
    ngx_ohttp_relay_addrs_t  *addrs;
    ngx_ohttp_relay_peers_t  *pool;

    pool = gateway->idle;
    addrs = ngx_ohttp_relay_names_addrs(gateway);

    /* one that is closed gives its place to the last one, which is done */

    for (i = pool->n; i--; /* void */) {
        idle = pool->idle[i];
        idle->addr = ngx_ohttp_relay_addrs_find(addrs, idle->addr);

        if (idle->addr == NULL) {
            ngx_ohttp_relay_idle_close(idle);
        }
    }
}


void
ngx_ohttp_relay_peer_close(ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_ohttp_relay_peers_t  *pool;

    pool = gateway->idle;

    while (pool->n) {
        ngx_ohttp_relay_idle_close(pool->idle[pool->n - 1]);
    }

    if (pool->session) {
        ngx_ssl_free_session(pool->session);
        pool->session = NULL;
    }
}


static ngx_int_t
ngx_ohttp_relay_peer_set_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_ohttp_relay_peer_t *peer = data;

    if (peer->pool->session == NULL) {
        return NGX_OK;
    }

    return ngx_ssl_set_session(pc->connection, peer->pool->session);
}


static void
ngx_ohttp_relay_peer_save_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_ohttp_relay_peer_t *peer = data;

    ngx_ssl_session_t  *session;

    session = ngx_ssl_get_session(pc->connection);

    if (session == NULL) {
        return;
    }

    if (peer->pool->gateway->closed) {
        ngx_ssl_free_session(session);
        return;
    }

    if (peer->pool->session) {
        ngx_ssl_free_session(peer->pool->session);
    }

    peer->pool->session = session;
}
