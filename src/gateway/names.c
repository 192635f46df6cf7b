
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/evp.h>

#include "../conf/conf.h"
#include "names.h"
#include "peer.h"


/* how long an answer serves until it is asked for again, s */
#define NGX_OHTTP_RELAY_NAMES_MIN      5
#define NGX_OHTTP_RELAY_NAMES_MAX      300

/* after a failure, s: while the last addresses serve, and with none */
#define NGX_OHTTP_RELAY_NAMES_RETRY    5
#define NGX_OHTTP_RELAY_NAMES_HASTE    1

/* of an answer: a request tries them one after the other */
#define NGX_OHTTP_RELAY_NAMES_ADDRS    NGX_OHTTP_RELAY_SEAT_ADDRS

#define NGX_OHTTP_RELAY_NAMES_TIMEOUT  30000
#define NGX_OHTTP_RELAY_NAMES_POOL     1024


/* one worker's view of a gateway's name */

struct ngx_ohttp_relay_names_s {
    ngx_ohttp_relay_gateway_t  *gateway;
    ngx_ohttp_relay_addrs_t    *addrs;      /* NULL: none yet */
    ngx_resolver_ctx_t         *ctx;        /* a question under way, or NULL */
    ngx_event_t                 timer;
    ngx_str_t                   host;       /* nginx makes it lower case */
    u_char                      digest[32]; /* SHA-256 of it */
    ngx_uint_t                  failed;     /* which has been said */
};


static ngx_int_t ngx_ohttp_relay_names_lookup(ngx_conf_t *cf,
    ngx_ohttp_relay_gateway_t *gateway);
static void ngx_ohttp_relay_names_cleanup(void *data);
static void ngx_ohttp_relay_names_resolve(ngx_event_t *ev);
static void ngx_ohttp_relay_names_answered(ngx_resolver_ctx_t *ctx);
static void ngx_ohttp_relay_names_take(ngx_ohttp_relay_names_t *names,
    ngx_resolver_ctx_t *ctx);
static void ngx_ohttp_relay_names_tell(ngx_ohttp_relay_names_t *names,
    ngx_int_t state);
static void ngx_ohttp_relay_names_wait(ngx_ohttp_relay_names_t *names,
    time_t delay);
static void ngx_ohttp_relay_names_recall(ngx_ohttp_relay_names_t *names);
static void ngx_ohttp_relay_names_remember(ngx_ohttp_relay_names_t *names);
static ngx_ohttp_relay_addrs_t *ngx_ohttp_relay_addrs_create(ngx_uint_t n);
static ngx_int_t ngx_ohttp_relay_addrs_add(ngx_ohttp_relay_addrs_t *addrs,
    struct sockaddr *sockaddr, socklen_t socklen, in_port_t port);
static ngx_uint_t ngx_ohttp_relay_addrs_equal(ngx_ohttp_relay_addrs_t *a,
    ngx_ohttp_relay_addrs_t *b);
static void ngx_ohttp_relay_addrs_release(void *data);


void
ngx_ohttp_relay_names_resolver(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* nginx makes one without name servers where there is none */

    if (clcf->resolver == NULL || clcf->resolver->connections.nelts == 0) {
        return;
    }

    gateways->resolver = clcf->resolver;
    gateways->resolver_timeout = clcf->resolver_timeout == NGX_CONF_UNSET_MSEC
                                 ? NGX_OHTTP_RELAY_NAMES_TIMEOUT
                                 : clcf->resolver_timeout;
}


ngx_int_t
ngx_ohttp_relay_names_init(ngx_conf_t *cf, ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_pool_cleanup_t       *cln;
    ngx_ohttp_relay_names_t  *names;

    names = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_names_t));
    if (names == NULL) {
        return NGX_ERROR;
    }

    gateway->names = names;
    names->gateway = gateway;

    if (gateway->url.address || gateway->all->resolver == NULL) {

        /* who looks up a name waits, and a worker must not */

        if (!gateway->url.address && gateway->memory) {
            ngx_ohttp_relay_conf_wrong(cf->log, gateway->file, gateway->line,
                                       "gateway \"%V\": \"url\" has a name, "
                                       "and there is no \"resolver\" in the "
                                       "http block", &gateway->name);
            return NGX_ERROR;
        }

        return ngx_ohttp_relay_names_lookup(cf, gateway);
    }

    names->host.len = gateway->url.host.len;
    names->host.data = ngx_pnalloc(cf->pool, names->host.len);
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (names->host.data == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(names->host.data, (u_char *) gateway->url.host.data,
               names->host.len);

    if (EVP_Digest(names->host.data, names->host.len, names->digest, NULL,
                   EVP_sha256(), NULL)
        != 1)
    {
        return NGX_ERROR;
    }

    cln->handler = ngx_ohttp_relay_names_cleanup;
    cln->data = names;

    return NGX_OK;
}


/* at once, and for good */

static ngx_int_t
ngx_ohttp_relay_names_lookup(ngx_conf_t *cf,
    ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_url_t                 u;
    ngx_ohttp_relay_addrs_t  *addrs;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url.len = gateway->url.authority.len;
    u.url.data = (u_char *) gateway->url.authority.data;
    u.default_port = gateway->url.port;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_ohttp_relay_conf_wrong(cf->log, gateway->file, gateway->line,
                                   "gateway \"%V\": %s in \"%V\"",
                                   &gateway->name,
                                   u.err ? u.err : "no address",
                                   &gateway->url_text);
        return NGX_ERROR;
    }

    addrs = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_addrs_t));
    if (addrs == NULL) {
        return NGX_ERROR;
    }

    addrs->addrs = u.addrs;
    addrs->naddrs = u.naddrs;

    gateway->names->addrs = addrs;

    return NGX_OK;
}


/* the gateway goes, and with it all of its requests have gone */

static void
ngx_ohttp_relay_names_cleanup(void *data)
{
    ngx_ohttp_relay_names_t *names = data;

    if (names->addrs) {
        ngx_ohttp_relay_addrs_release(names->addrs);
    }
}


void
ngx_ohttp_relay_names_open(ngx_ohttp_relay_gateway_t *gateway,
    ngx_cycle_t *cycle)
{
    ngx_msec_t                delay;
    ngx_ohttp_relay_names_t  *names;

    names = gateway->names;

    if (names->host.len == 0) {
        return;
    }

    names->timer.handler = ngx_ohttp_relay_names_resolve;
    names->timer.data = names;
    names->timer.log = cycle->log;

    /* a worker that is to end need not wait for the next answer */
    names->timer.cancelable = 1;

    ngx_ohttp_relay_names_recall(names);

    /* all workers begin at the same time, and nobody waits if there are some */

    delay = names->addrs ? (ngx_msec_t) ngx_random() % 1000 : 1;

    ngx_add_timer(&names->timer, delay);
}


void
ngx_ohttp_relay_names_close(ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_ohttp_relay_names_t  *names;

    names = gateway->names;

    if (names->timer.timer_set) {
        ngx_del_timer(&names->timer);
    }

    if (names->ctx) {
        ngx_resolve_name_done(names->ctx);
        names->ctx = NULL;
    }
}


static void
ngx_ohttp_relay_names_resolve(ngx_event_t *ev)
{
    ngx_resolver_ctx_t          *ctx;
    ngx_ohttp_relay_names_t     *names;
    ngx_ohttp_relay_gateways_t  *gateways;

    names = ev->data;
    gateways = names->gateway->all;

    ctx = ngx_resolve_start(gateways->resolver, NULL);

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        ngx_ohttp_relay_names_wait(names, NGX_OHTTP_RELAY_NAMES_RETRY);
        return;
    }

    ctx->name = names->host;
    ctx->handler = ngx_ohttp_relay_names_answered;
    ctx->data = names;
    ctx->timeout = gateways->resolver_timeout;
    ctx->cancelable = 1;

    /* the answer may come before this returns, and ends the question */

    names->ctx = ctx;

    if (ngx_resolve_name(ctx) != NGX_OK) {
        names->ctx = NULL;
        ngx_ohttp_relay_names_wait(names, NGX_OHTTP_RELAY_NAMES_RETRY);
    }
}


static void
ngx_ohttp_relay_names_answered(ngx_resolver_ctx_t *ctx)
{
    time_t                    delay;
    ngx_ohttp_relay_names_t  *names;

    names = ctx->data;

    if (ctx->state == NGX_OK) {
        ngx_ohttp_relay_names_take(names, ctx);

        /* the resolver has forgotten it in the second after */

        delay = ctx->valid - ngx_time() + 1;
        delay = ngx_max(delay, NGX_OHTTP_RELAY_NAMES_MIN);
        delay = ngx_min(delay, NGX_OHTTP_RELAY_NAMES_MAX);

    } else {
        delay = names->addrs ? NGX_OHTTP_RELAY_NAMES_RETRY
                             : NGX_OHTTP_RELAY_NAMES_HASTE;
    }

    ngx_ohttp_relay_names_tell(names, ctx->state);

    ngx_resolve_name_done(ctx);
    names->ctx = NULL;

    ngx_ohttp_relay_names_wait(names, delay);
}


/* what cannot be taken over now changes nothing */

static void
ngx_ohttp_relay_names_take(ngx_ohttp_relay_names_t *names,
    ngx_resolver_ctx_t *ctx)
{
    ngx_uint_t                i, n;
    ngx_ohttp_relay_addrs_t  *addrs, *old;

    n = ngx_min(ctx->naddrs, NGX_OHTTP_RELAY_NAMES_ADDRS);

    addrs = ngx_ohttp_relay_addrs_create(n);
    if (addrs == NULL) {
        return;
    }

    for (i = 0; i < n; i++) {
        if (ngx_ohttp_relay_addrs_add(addrs, ctx->addrs[i].sockaddr,
                                      ctx->addrs[i].socklen,
                                      names->gateway->url.port)
            != NGX_OK)
        {
            break;
        }
    }

    old = names->addrs;

    if (i < n || addrs->naddrs == 0
        || (old && ngx_ohttp_relay_addrs_equal(old, addrs)))
    {
        ngx_ohttp_relay_addrs_release(addrs);
        return;
    }

    names->addrs = addrs;

    ngx_ohttp_relay_names_remember(names);

    if (old) {
        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                      "gateway \"%V\" has other addresses",
                      &names->gateway->name);

        ngx_ohttp_relay_peer_moved(names->gateway);
        ngx_ohttp_relay_addrs_release(old);
    }
}


/* once when it begins to fail, and once when it has ended */

static void
ngx_ohttp_relay_names_tell(ngx_ohttp_relay_names_t *names, ngx_int_t state)
{
    if (state == NGX_OK && names->failed) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "gateway \"%V\": its name is resolved again",
                      &names->gateway->name);
    }

    if (state != NGX_OK && !names->failed) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "gateway \"%V\": \"%V\" cannot be resolved (%i: %s), %s",
                      &names->gateway->name, &names->host, state,
                      ngx_resolver_strerror(state),
                      names->addrs ? "the last addresses serve"
                                   : "it has no address yet");
    }

    names->failed = (state != NGX_OK);
}


/* workers that began together do not ask together for ever */

static void
ngx_ohttp_relay_names_wait(ngx_ohttp_relay_names_t *names, time_t delay)
{
    ngx_msec_t  ms;

    ms = (ngx_msec_t) delay * 1000;

    ngx_add_timer(&names->timer, ms + (ngx_msec_t) ngx_random() % (ms / 10));
}


ngx_ohttp_relay_addrs_t *
ngx_ohttp_relay_names_addrs(ngx_ohttp_relay_gateway_t *gateway)
{
    return gateway->names->addrs;
}


/* a worker need not begin without an address if others had one */

static void
ngx_ohttp_relay_names_recall(ngx_ohttp_relay_names_t *names)
{
    ngx_int_t                 rc;
    ngx_uint_t                i;
    struct sockaddr          *sockaddr;
    ngx_slab_pool_t          *shpool;
    ngx_ohttp_relay_seat_t   *seat;
    ngx_ohttp_relay_addrs_t  *addrs;

    seat = names->gateway->seat;
    addrs = ngx_ohttp_relay_addrs_create(NGX_OHTTP_RELAY_NAMES_ADDRS);

    if (seat == NULL || addrs == NULL) {
        goto done;
    }

    shpool = names->gateway->all->seats->shpool;
    rc = NGX_OK;

    ngx_shmtx_lock(&shpool->mutex);

    if (ngx_memcmp(seat->host, names->digest, sizeof(seat->host)) == 0) {

        for (i = 0; i < seat->naddrs && rc == NGX_OK; i++) {
            sockaddr = (struct sockaddr *) &seat->addrs[i];

            rc = ngx_ohttp_relay_addrs_add(addrs, sockaddr,
                                           sockaddr->sa_family == AF_INET6
                                           ? sizeof(struct sockaddr_in6)
                                           : sizeof(struct sockaddr_in),
                                           names->gateway->url.port);
        }
    }

    ngx_shmtx_unlock(&shpool->mutex);

    if (addrs->naddrs) {
        names->addrs = addrs;
        return;
    }

done:

    if (addrs) {
        ngx_ohttp_relay_addrs_release(addrs);
    }
}


static void
ngx_ohttp_relay_names_remember(ngx_ohttp_relay_names_t *names)
{
    ngx_uint_t                i;
    ngx_slab_pool_t          *shpool;
    ngx_ohttp_relay_seat_t   *seat;
    ngx_ohttp_relay_addrs_t  *addrs;

    seat = names->gateway->seat;
    addrs = names->addrs;

    if (seat == NULL) {
        return;
    }

    shpool = names->gateway->all->seats->shpool;

    ngx_shmtx_lock(&shpool->mutex);

    ngx_memcpy(seat->host, names->digest, sizeof(seat->host));

    for (i = 0; i < addrs->naddrs; i++) {
        ngx_memcpy(&seat->addrs[i], addrs->addrs[i].sockaddr,
                   addrs->addrs[i].socklen);
    }

    seat->naddrs = addrs->naddrs;

    ngx_shmtx_unlock(&shpool->mutex);
}


/* with room for n, and none yet */

static ngx_ohttp_relay_addrs_t *
ngx_ohttp_relay_addrs_create(ngx_uint_t n)
{
    ngx_pool_t               *pool;
    ngx_ohttp_relay_addrs_t  *addrs;

    pool = ngx_create_pool(NGX_OHTTP_RELAY_NAMES_POOL, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    addrs = ngx_pcalloc(pool, sizeof(ngx_ohttp_relay_addrs_t));

    if (addrs) {
        addrs->pool = pool;
        addrs->refs = 1;
        addrs->addrs = ngx_pcalloc(pool, n * sizeof(ngx_addr_t));
    }

    if (addrs == NULL || addrs->addrs == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    return addrs;
}


static ngx_int_t
ngx_ohttp_relay_addrs_add(ngx_ohttp_relay_addrs_t *addrs,
    struct sockaddr *sockaddr, socklen_t socklen, in_port_t port)
{
    u_char      *p;
    ngx_addr_t  *addr;

    if (socklen > sizeof(struct sockaddr_in6)) {
        return NGX_ERROR;
    }

    addr = &addrs->addrs[addrs->naddrs];

    addr->sockaddr = ngx_pcalloc(addrs->pool, socklen);
    p = ngx_pnalloc(addrs->pool, NGX_SOCKADDR_STRLEN);

    if (addr->sockaddr == NULL || p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(addr->sockaddr, sockaddr, socklen);
    ngx_inet_set_port(addr->sockaddr, port);

    addr->socklen = socklen;
    addr->name.data = p;
    addr->name.len = ngx_sock_ntop(addr->sockaddr, socklen, p,
                                   NGX_SOCKADDR_STRLEN, 1);

    if (ngx_ohttp_relay_addrs_find(addrs, addr) == NULL) {
        addrs->naddrs++;
    }

    return NGX_OK;
}


/* in whatever order: name servers turn them */

static ngx_uint_t
ngx_ohttp_relay_addrs_equal(ngx_ohttp_relay_addrs_t *a,
    ngx_ohttp_relay_addrs_t *b)
{
    ngx_uint_t  i;

    for (i = 0; i < a->naddrs; i++) {
        if (ngx_ohttp_relay_addrs_find(b, &a->addrs[i]) == NULL) {
            return 0;
        }
    }

    return a->naddrs == b->naddrs;
}


ngx_addr_t *
ngx_ohttp_relay_addrs_find(ngx_ohttp_relay_addrs_t *addrs, ngx_addr_t *addr)
{
    ngx_uint_t  i;

    for (i = 0; i < addrs->naddrs; i++) {
        if (ngx_cmp_sockaddr(addrs->addrs[i].sockaddr, addrs->addrs[i].socklen,
                             addr->sockaddr, addr->socklen, 1)
            == NGX_OK)
        {
            return &addrs->addrs[i];
        }
    }

    return NULL;
}


ngx_int_t
ngx_ohttp_relay_addrs_hold(ngx_ohttp_relay_addrs_t *addrs, ngx_pool_t *pool)
{
    ngx_pool_cleanup_t  *cln;

    if (addrs->pool == NULL) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_ohttp_relay_addrs_release;
    cln->data = addrs;

    addrs->refs++;

    return NGX_OK;
}


static void
ngx_ohttp_relay_addrs_release(void *data)
{
    ngx_ohttp_relay_addrs_t *addrs = data;

    if (--addrs->refs == 0) {
        ngx_destroy_pool(addrs->pool);
    }
}
