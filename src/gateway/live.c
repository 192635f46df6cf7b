
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "live.h"
#include "open.h"
#include "row.h"
#include "tls.h"
#include "verdicts.h"


#define NGX_OHTTP_RELAY_LIVE_INTERVAL      1000    /* ms */
#define NGX_OHTTP_RELAY_LIVE_MIN_INTERVAL  100
#define NGX_OHTTP_RELAY_LIVE_MAX_INTERVAL  (60 * 1000)


struct ngx_ohttp_relay_live_s {
    ngx_str_t                     path;
    ngx_msec_t                    interval;
    ngx_cycle_t                  *cycle;
    ngx_ohttp_relay_gateways_t   *gateways;
    ngx_ohttp_relay_watch_t      *watch;
    ngx_ohttp_relay_watched_t    *watched;

    unsigned                      ready:1;    /* the configuration is read */
    unsigned                      store:1;    /* there is one */
    unsigned                      running:1;  /* gateways are open */
};


/* a log that keeps the first line, and of which row it is said */

typedef struct {
    ngx_log_t                     log;
    ngx_pool_t                   *pool;
    u_char                       *text;

    char                         *kind;       /* "gateway", "pool", or NULL */
    ngx_str_t                     name;
    ngx_str_t                    *directive;
} ngx_ohttp_relay_reason_t;


static void ngx_ohttp_relay_live_free(void *data);
static ngx_int_t ngx_ohttp_relay_live_take(void *data, u_char *p, u_char *last,
    ngx_pool_t *pool, char **error);
static ngx_ohttp_relay_roster_t *ngx_ohttp_relay_live_make(
    ngx_ohttp_relay_live_t *live, ngx_ohttp_relay_registry_t *registry,
    ngx_pool_t *pool, char **error);
static void ngx_ohttp_relay_live_reason(ngx_log_t *log, ngx_uint_t level,
    u_char *buf, size_t len);
static ngx_uint_t ngx_ohttp_relay_live_named(ngx_ohttp_relay_reason_t *reason,
    u_char *buf, u_char *last);
static void ngx_ohttp_relay_live_where(ngx_conf_t *cf, char *kind,
    ngx_ohttp_relay_registry_row_t *row);
static ngx_int_t ngx_ohttp_relay_live_fill(ngx_conf_t *cf,
    ngx_ohttp_relay_live_t *live, ngx_ohttp_relay_roster_t *roster,
    ngx_ohttp_relay_registry_t *registry);
static ngx_ohttp_relay_gateway_t *ngx_ohttp_relay_live_row(ngx_conf_t *cf,
    ngx_ohttp_relay_live_t *live, ngx_ohttp_relay_registry_row_t *row);
static ngx_uint_t ngx_ohttp_relay_live_has(ngx_ohttp_relay_roster_t *roster,
    ngx_ohttp_relay_gateway_t *gateway);
static ngx_int_t ngx_ohttp_relay_live_replace(ngx_ohttp_relay_live_t *live,
    ngx_ohttp_relay_roster_t *roster);
static ngx_int_t ngx_ohttp_relay_live_open(ngx_ohttp_relay_gateways_t *all,
    ngx_ohttp_relay_roster_t *old, ngx_ohttp_relay_roster_t *roster,
    ngx_cycle_t *cycle);
static void ngx_ohttp_relay_live_undo(ngx_ohttp_relay_roster_t *old,
    ngx_ohttp_relay_roster_t *roster, ngx_uint_t n);
static ngx_uint_t ngx_ohttp_relay_live_close(ngx_ohttp_relay_roster_t *old,
    ngx_ohttp_relay_roster_t *roster);


static ngx_ohttp_relay_down_pt  ngx_ohttp_relay_live_down;


void
ngx_ohttp_relay_live_ask_down(ngx_ohttp_relay_down_pt down)
{
    ngx_ohttp_relay_live_down = down;
}


char *
ngx_ohttp_relay_registry_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_ohttp_relay_gateways_t *gateways = conf;

    ngx_str_t               *value, time;
    ngx_msec_int_t           interval;
    ngx_ohttp_relay_live_t  *live;

    if (gateways->live) {
        return "is duplicate";
    }

    live = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_live_t));
    if (live == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    live->path = value[1];
    live->interval = NGX_OHTTP_RELAY_LIVE_INTERVAL;

    gateways->live = live;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    interval = NGX_ERROR;

    if (ngx_strncmp(value[2].data, "interval=", sizeof("interval=") - 1) == 0) {
        time.data = value[2].data + sizeof("interval=") - 1;
        time.len = value[2].len - (sizeof("interval=") - 1);

        interval = ngx_parse_time(&time, 0);
    }

    if (interval < NGX_OHTTP_RELAY_LIVE_MIN_INTERVAL
        || interval > NGX_OHTTP_RELAY_LIVE_MAX_INTERVAL)
    {
        return "takes but \"interval=\" with a time from 100ms to 1m";
    }

    live->interval = interval;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_ohttp_relay_live_init(ngx_conf_t *cf, ngx_ohttp_relay_gateways_t *gateways)
{
    ngx_pool_cleanup_t      *cln;
    ngx_ohttp_relay_live_t  *live;

    live = gateways->live;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_ohttp_relay_live_free;
    cln->data = live;

    live->cycle = cf->cycle;
    live->gateways = gateways;

    /* what takes time is made now, whether a row asks for it or not */

    if (ngx_ohttp_relay_tls_prepare(cf, gateways) != NGX_OK) {
        return NGX_ERROR;
    }

    live->watched = ngx_ohttp_relay_watch_add(cf, &live->watch, &live->path,
                                              NGX_OHTTP_RELAY_REGISTRY_MAX,
                                              ngx_ohttp_relay_live_take, live);

    return live->watched ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_ohttp_relay_live_share(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways, ngx_uint_t store, void *tag)
{
    ngx_ohttp_relay_live_t  *live;

    live = gateways->live;

    if (live == NULL) {
        return NGX_OK;
    }

    live->store = store;
    live->ready = 1;

    /*
     * Apart from all other files: workers of before must hear of it as long as
     * they have streams, whatever else the configuration watches by then.
     */

    ngx_ohttp_relay_watch_apart(live->watch, "ohttp_relay_registry_",
                                live->interval);

    return ngx_ohttp_relay_watch_init(cf, live->watch, tag);
}


/* the configuration's end; in a single process that of one of many */

static void
ngx_ohttp_relay_live_free(void *data)
{
    ngx_ohttp_relay_live_t *live = data;

    ngx_ohttp_relay_gateways_t  *gateways;

    gateways = live->gateways;

    ngx_ohttp_relay_live_exit_process(gateways);

    if (gateways->roster) {
        ngx_ohttp_relay_roster_release(gateways->roster);
        gateways->roster = NULL;
    }
}


/* takes over the content of the registry, all of it or nothing */

static ngx_int_t
ngx_ohttp_relay_live_take(void *data, u_char *p, u_char *last,
    ngx_pool_t *pool, char **error)
{
    ngx_ohttp_relay_live_t *live = data;

    char                        *text;
    ngx_int_t                    rc;
    ngx_ohttp_relay_roster_t    *roster;
    ngx_ohttp_relay_registry_t  *registry;

    text = ngx_pnalloc(pool, NGX_OHTTP_RELAY_REGISTRY_ERROR);
    if (text == NULL) {
        return NGX_ERROR;
    }

    registry = ngx_ohttp_relay_registry_read(p, last, text);

    if (registry == NULL) {
        *error = text;
        return NGX_ERROR;
    }

    rc = NGX_ERROR;
    roster = ngx_ohttp_relay_live_make(live, registry, pool, error);

    if (roster == NULL) {
        /* void */

    } else if (!live->running) {
        live->gateways->roster = roster;
        rc = NGX_OK;

    } else if (ngx_ohttp_relay_live_replace(live, roster) == NGX_OK) {
        ngx_ohttp_relay_verdicts_bind_blocks(live->gateways, registry);
        rc = NGX_OK;

    } else {
        ngx_ohttp_relay_roster_release(roster);
    }

    ngx_ohttp_relay_registry_free(registry);

    return rc;
}


/* what the directives' setters and nginx itself complain about is the reason */

static ngx_ohttp_relay_roster_t *
ngx_ohttp_relay_live_make(ngx_ohttp_relay_live_t *live,
    ngx_ohttp_relay_registry_t *registry, ngx_pool_t *pool, char **error)
{
    ngx_int_t                  rc;
    ngx_conf_t                 cf;
    ngx_uint_t                 use_stderr;
    ngx_ohttp_relay_reason_t   reason;
    ngx_ohttp_relay_roster_t  *roster;

    roster = ngx_ohttp_relay_roster_create(&live->cycle->new_log,
                       live->gateways->gateways.nelts + registry->ngateways);
    if (roster == NULL) {
        return NULL;
    }

    roster->running = live->ready;

    ngx_memzero(&reason, sizeof(ngx_ohttp_relay_reason_t));

    reason.log.log_level = NGX_LOG_EMERG;
    reason.log.writer = ngx_ohttp_relay_live_reason;
    reason.log.wdata = &reason;
    reason.pool = pool;

    ngx_memzero(&cf, sizeof(ngx_conf_t));

    cf.cycle = live->cycle;
    cf.pool = roster->memory;
    cf.temp_pool = pool;
    cf.log = &reason.log;
    cf.args = ngx_array_create(pool, 10, sizeof(ngx_str_t));

    /* who has asked for the content says it, once */

    use_stderr = ngx_use_stderr;
    ngx_use_stderr = 0;

    rc = cf.args ? ngx_ohttp_relay_live_fill(&cf, live, roster, registry)
                 : NGX_ERROR;

    if (rc == NGX_OK && !live->ready) {
        rc = ngx_ohttp_relay_verdicts_check_blocks(&cf, live->gateways,
                                                   registry);
    }

    ngx_use_stderr = use_stderr;

    if (rc == NGX_OK) {
        return roster;
    }

    if (reason.text) {
        *error = (char *) reason.text;
    }

    ngx_ohttp_relay_roster_release(roster);

    return NULL;
}


/* nginx has written: time [level] pid#tid: message, and a line feed */

static void
ngx_ohttp_relay_live_reason(ngx_log_t *log, ngx_uint_t level, u_char *buf,
    size_t len)
{
    u_char                    *p, *last;
    ngx_ohttp_relay_reason_t  *reason;

    static ngx_str_t  invalid = ngx_string("invalid value");

    reason = log->wdata;
    last = buf + len;

    while (last > buf && (last[-1] == LF || last[-1] == CR)) {
        last--;
    }

    p = ngx_strlchr(buf, last, '#');
    p = p ? ngx_strlchr(p, last, ' ') : NULL;

    if (reason->text || p == NULL) {
        return;
    }

    buf = p + 1;
    len = NGX_MAX_ERROR_STR;

    p = ngx_pnalloc(reason->pool, len);
    if (p == NULL) {
        return;
    }

    reason->text = p;
    len--;

    if (reason->kind && !ngx_ohttp_relay_live_named(reason, buf, last)) {
        p = ngx_snprintf(p, len, "%s \"%V\": ", reason->kind, &reason->name);

        /* nginx's own setters leave it to nginx to say of what */

        if ((size_t) (last - buf) > invalid.len
            && ngx_strncmp(buf, invalid.data, invalid.len) == 0)
        {
            p = ngx_snprintf(p, reason->text + len - p,
                             "\"%V\" directive has an ", reason->directive);
        }
    }

    p = ngx_snprintf(p, reason->text + len - p, "%*s", last - buf, buf);
    *p = '\0';
}


/* whether the message begins with a few words and the name */

static ngx_uint_t
ngx_ohttp_relay_live_named(ngx_ohttp_relay_reason_t *reason, u_char *buf,
    u_char *last)
{
    u_char  *p;

    p = ngx_strlchr(buf, last, '"');

    return p && p != buf
           && (size_t) (last - p) > reason->name.len + 1
           && ngx_memcmp(p + 1, reason->name.data, reason->name.len) == 0
           && p[1 + reason->name.len] == '"';
}


static void
ngx_ohttp_relay_live_where(ngx_conf_t *cf, char *kind,
    ngx_ohttp_relay_registry_row_t *row)
{
    ngx_ohttp_relay_reason_t  *reason;

    reason = cf->log->wdata;
    reason->kind = kind;

    if (kind) {
        reason->name.data = (u_char *) row->name.data;
        reason->name.len = row->name.len;
        reason->directive = cf->args->elts;
    }
}


static ngx_int_t
ngx_ohttp_relay_live_fill(ngx_conf_t *cf, ngx_ohttp_relay_live_t *live,
    ngx_ohttp_relay_roster_t *roster, ngx_ohttp_relay_registry_t *registry)
{
    ngx_uint_t                   i;
    ngx_array_t                 *blocks;
    ngx_ohttp_relay_pool_t     **block, *pool;
    ngx_ohttp_relay_gateway_t  **gateway, *row;

    blocks = &live->gateways->gateways;
    gateway = blocks->elts;

    for (i = 0; i < blocks->nelts; i++) {
        if (ngx_ohttp_relay_roster_add(roster, gateway[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < registry->ngateways; i++) {

        ngx_ohttp_relay_live_where(cf, "gateway", &registry->gateways[i]);

        row = ngx_ohttp_relay_live_row(cf, live, &registry->gateways[i]);
        if (row == NULL) {
            return NGX_ERROR;
        }

        if (ngx_ohttp_relay_roster_add(roster, row) != NGX_OK) {
            ngx_ohttp_relay_gateway_release(row);
            return NGX_ERROR;
        }
    }

    blocks = &live->gateways->pools;
    block = blocks->elts;

    for (i = 0; i < blocks->nelts; i++) {
        if (ngx_ohttp_relay_roster_add_pool(roster, block[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < registry->npools; i++) {

        ngx_ohttp_relay_live_where(cf, "pool", &registry->pools[i]);

        pool = ngx_ohttp_relay_row_pool(cf, &registry->pools[i]);

        if (pool == NULL
            || ngx_ohttp_relay_roster_add_pool(roster, pool) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_ohttp_relay_live_where(cf, NULL, NULL);

    return ngx_ohttp_relay_roster_complete(cf, roster);
}


/* a row that has not changed goes on, with its connections and all */

static ngx_ohttp_relay_gateway_t *
ngx_ohttp_relay_live_row(ngx_conf_t *cf, ngx_ohttp_relay_live_t *live,
    ngx_ohttp_relay_registry_row_t *row)
{
    ngx_str_t                   name;
    ngx_ohttp_relay_roster_t   *old;
    ngx_ohttp_relay_gateway_t  *gateway;

    old = live->gateways->roster;

    name.data = (u_char *) row->name.data;
    name.len = row->name.len;

    gateway = old ? ngx_ohttp_relay_roster_gateway(old, &name) : NULL;

    if (gateway && gateway->memory
        && ngx_memcmp(gateway->sha256, row->sha256, sizeof(row->sha256)) == 0
        && ngx_memcmp(gateway->entry_sha256, row->entry_sha256,
                      sizeof(row->entry_sha256))
           == 0)
    {
        ngx_ohttp_relay_gateway_hold(gateway);
        return gateway;
    }

    gateway = ngx_ohttp_relay_row_gateway(cf, live->gateways,
                                          &live->cycle->new_log, row);

    if (gateway && gateway->replay_window && live->ready && !live->store) {

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"replay_window\" needs a store, and there was no use "
                      "for one when nginx was started; reload it, or "
                      "configure \"ohttp_relay_store\"");

        ngx_ohttp_relay_gateway_release(gateway);
        return NULL;
    }

    return gateway;
}


static ngx_uint_t
ngx_ohttp_relay_live_has(ngx_ohttp_relay_roster_t *roster,
    ngx_ohttp_relay_gateway_t *gateway)
{
    return ngx_ohttp_relay_roster_gateway(roster, &gateway->name) == gateway;
}


/* from one roster to the next, while requests may be on their way */

static ngx_int_t
ngx_ohttp_relay_live_replace(ngx_ohttp_relay_live_t *live,
    ngx_ohttp_relay_roster_t *roster)
{
    ngx_uint_t                 gone;
    ngx_ohttp_relay_roster_t  *old;

    old = live->gateways->roster;

    if (ngx_ohttp_relay_live_open(live->gateways, old, roster, live->cycle)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    live->gateways->roster = roster;

    gone = ngx_ohttp_relay_live_close(old, roster);

    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                  "registry: %ui gateways, %ui changed or gone",
                  roster->gateways.nelts, gone);

    if (roster->down && ngx_ohttp_relay_live_down) {
        ngx_ohttp_relay_live_down(roster);
    }

    ngx_ohttp_relay_roster_release(old);

    return NGX_OK;
}


/* opens what has not been there before */

static ngx_int_t
ngx_ohttp_relay_live_open(ngx_ohttp_relay_gateways_t *all,
    ngx_ohttp_relay_roster_t *old, ngx_ohttp_relay_roster_t *roster,
    ngx_cycle_t *cycle)
{
    ngx_uint_t                   i;
    ngx_pool_t                  *memory;
    ngx_ohttp_relay_pool_t     **pool;
    ngx_ohttp_relay_gateway_t  **gateway;

    gateway = roster->gateways.elts;

    for (i = 0; i < roster->gateways.nelts; i++) {

        if ((old && ngx_ohttp_relay_live_has(old, gateway[i]))
            || ngx_ohttp_relay_gateway_open(gateway[i], cycle) == NGX_OK)
        {
            continue;
        }

        ngx_ohttp_relay_live_undo(old, roster, i);

        return NGX_ERROR;
    }

    pool = roster->pools.elts;
    memory = roster->memory ? roster->memory : cycle->pool;

    for (i = 0; i < roster->pools.nelts; i++) {
        if (all->use_pool(all->data, pool[i], memory) != NGX_OK) {
            ngx_ohttp_relay_live_undo(old, roster, roster->gateways.nelts);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* the first "n" of them have been opened in vain */

static void
ngx_ohttp_relay_live_undo(ngx_ohttp_relay_roster_t *old,
    ngx_ohttp_relay_roster_t *roster, ngx_uint_t n)
{
    ngx_ohttp_relay_gateway_t  **gateway;

    gateway = roster->gateways.elts;

    while (n--) {
        if (!old || !ngx_ohttp_relay_live_has(old, gateway[n])) {
            ngx_ohttp_relay_gateway_close(gateway[n]);
        }
    }
}


/* closes what is not there any more, and counts it */

static ngx_uint_t
ngx_ohttp_relay_live_close(ngx_ohttp_relay_roster_t *old,
    ngx_ohttp_relay_roster_t *roster)
{
    ngx_uint_t                   i, n;
    ngx_ohttp_relay_gateway_t  **gateway;

    n = 0;
    gateway = old->gateways.elts;

    for (i = 0; i < old->gateways.nelts; i++) {
        if (roster == NULL || !ngx_ohttp_relay_live_has(roster, gateway[i])) {
            ngx_ohttp_relay_gateway_close(gateway[i]);
            n++;
        }
    }

    return n;
}


ngx_int_t
ngx_ohttp_relay_live_init_process(ngx_ohttp_relay_gateways_t *gateways,
    ngx_cycle_t *cycle)
{
    ngx_ohttp_relay_verdicts_init_process(gateways);

    if (ngx_ohttp_relay_live_open(gateways, NULL, gateways->roster, cycle)
        != NGX_OK
        || ngx_ohttp_relay_verdicts_watch(gateways, cycle) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (gateways->live == NULL) {
        return NGX_OK;
    }

    gateways->live->running = 1;

    return ngx_ohttp_relay_watch_init_process(gateways->live->watch, cycle);
}


void
ngx_ohttp_relay_live_exit_process(ngx_ohttp_relay_gateways_t *gateways)
{
    if (gateways->live && gateways->live->running) {
        gateways->live->running = 0;
        (void) ngx_ohttp_relay_live_close(gateways->roster, NULL);
    }
}


ngx_ohttp_relay_watched_t *
ngx_ohttp_relay_live_watched(ngx_ohttp_relay_gateways_t *gateways)
{
    return gateways->live ? gateways->live->watched : NULL;
}
