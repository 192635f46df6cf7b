
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * The store alone, behind nginx: a location that puts one question for each
 * request, and one that puts many and measures.  For tests; never installed.
 *
 *     /store?do=ask&kind=spent&name=N&id=I&group=G&expires=S
 *         &interval=US&burst=B&uses=U&lifetime=S
 *     /store?do=refund&...     /store?do=abandon&...     /store?do=state
 *     /store?do=bench&n=N&depth=D&kind=...
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_md5.h>

#include "../../../src/store/store.h"


#define NGX_OHTTP_STORE_BENCH_DEPTH  4096


typedef struct {
    ngx_ohttp_relay_store_t      *store;
    ngx_flag_t                    secret;
    ngx_array_t                   pins;       /* ngx_str_t: name, seconds */
} ngx_ohttp_store_bench_conf_t;


typedef struct {
    ngx_http_request_t           *request;
    ngx_ohttp_relay_store_t      *store;
    ngx_ohttp_relay_ask_t         ask;        /* the pattern of all */
    ngx_ohttp_relay_ask_t        *asks;
    ngx_uint_t                    bench;
    ngx_uint_t                    left;       /* to be asked */
    ngx_uint_t                    open;       /* asked */
    ngx_uint_t                    answers[4];
    struct timeval                start;
} ngx_ohttp_store_bench_ctx_t;


static void *ngx_ohttp_store_bench_create(ngx_conf_t *cf);
static char *ngx_ohttp_store_bench_add_pin(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_ohttp_store_bench_set_handler(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_ohttp_store_bench_init(ngx_conf_t *cf);
static ngx_int_t ngx_ohttp_store_bench_init_process(ngx_cycle_t *cycle);
static void ngx_ohttp_store_bench_exit_process(ngx_cycle_t *cycle);
static void ngx_ohttp_store_bench_exit_master(ngx_cycle_t *cycle);
static ngx_int_t ngx_ohttp_store_bench_handler(ngx_http_request_t *r);
static ngx_int_t ngx_ohttp_store_bench_start(
    ngx_ohttp_store_bench_ctx_t *ctx);
static void ngx_ohttp_store_bench_read_ask(ngx_http_request_t *r,
    ngx_ohttp_relay_ask_t *ask);
static ngx_int_t ngx_ohttp_store_bench_number(ngx_http_request_t *r,
    char *name, ngx_int_t value);
static ngx_uint_t ngx_ohttp_store_bench_is(ngx_http_request_t *r, char *name,
    char *value);
static void ngx_ohttp_store_bench_hash(ngx_http_request_t *r, char *name,
    u_char *hash, size_t len);
static void ngx_ohttp_store_bench_cleanup(void *data);
static void ngx_ohttp_store_bench_answered(ngx_ohttp_relay_ask_t *ask);
static void ngx_ohttp_store_bench_many(ngx_ohttp_store_bench_ctx_t *ctx,
    ngx_ohttp_relay_ask_t *ask);
static ngx_int_t ngx_ohttp_store_bench_report(
    ngx_ohttp_store_bench_ctx_t *ctx);
static ngx_int_t ngx_ohttp_store_bench_state(ngx_http_request_t *r,
    ngx_ohttp_relay_store_t *store);
static ngx_int_t ngx_ohttp_store_bench_send(ngx_http_request_t *r,
    u_char *text, size_t len);


static ngx_command_t  ngx_ohttp_store_bench_commands[] = {

    { ngx_string("store_bench_store"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_ohttp_relay_store_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_ohttp_store_bench_conf_t, store),
      NULL },

    { ngx_string("store_bench_secret"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_ohttp_store_bench_conf_t, secret),
      NULL },

    { ngx_string("store_bench_pin"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_ohttp_store_bench_add_pin,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("store_bench"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_ohttp_store_bench_set_handler,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_ohttp_store_bench_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_ohttp_store_bench_init,            /* postconfiguration */

    ngx_ohttp_store_bench_create,          /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_ohttp_store_bench_module = {
    NGX_MODULE_V1,
    &ngx_ohttp_store_bench_module_ctx,     /* module context */
    ngx_ohttp_store_bench_commands,        /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_ohttp_store_bench_init_process,    /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_ohttp_store_bench_exit_process,    /* exit process */
    ngx_ohttp_store_bench_exit_master,     /* exit master */
    NGX_MODULE_V1_PADDING
};


static char  *ngx_ohttp_store_bench_answers[] = {
    "WAITING", "GRANTED", "REFUSED", "UNKNOWN"
};


static void *
ngx_ohttp_store_bench_create(ngx_conf_t *cf)
{
    ngx_ohttp_store_bench_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_store_bench_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->secret = NGX_CONF_UNSET;

    if (ngx_array_init(&conf->pins, cf->pool, 4, 2 * sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NULL;
    }

    return conf;
}


static char *
ngx_ohttp_store_bench_add_pin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ohttp_store_bench_conf_t *sbcf = conf;

    ngx_str_t  *pin, *value;

    pin = ngx_array_push(&sbcf->pins);
    if (pin == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;
    pin[0] = value[1];
    pin[1] = value[2];

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_store_bench_set_handler(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_ohttp_store_bench_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_ohttp_store_bench_init(ngx_conf_t *cf)
{
    u_char                         hash[16];
    ngx_md5_t                      md5;
    ngx_str_t                     *pin;
    ngx_uint_t                     i;
    ngx_ohttp_store_bench_conf_t  *sbcf;

    sbcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_ohttp_store_bench_module);

    if (ngx_ohttp_relay_store_init(cf, &sbcf->store, sbcf->secret != 0,
                                   &ngx_ohttp_store_bench_module)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    pin = sbcf->pins.elts;

    for (i = 0; i < sbcf->pins.nelts; i++, pin += 2) {
        ngx_md5_init(&md5);
        ngx_md5_update(&md5, pin[0].data, pin[0].len);
        ngx_md5_final(hash, &md5);

        if (ngx_ohttp_relay_store_pin(sbcf->store, hash,
                                      ngx_atotm(pin[1].data, pin[1].len),
                                      &pin[0])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_store_bench_init_process(ngx_cycle_t *cycle)
{
    ngx_ohttp_store_bench_conf_t  *sbcf;

    sbcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_ohttp_store_bench_module);

    return sbcf ? ngx_ohttp_relay_store_init_process(sbcf->store, cycle)
                : NGX_OK;
}


static void
ngx_ohttp_store_bench_exit_process(ngx_cycle_t *cycle)
{
    ngx_ohttp_store_bench_conf_t  *sbcf;

    sbcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_ohttp_store_bench_module);
    if (sbcf) {
        ngx_ohttp_relay_store_exit_process(sbcf->store, cycle);
    }
}


static void
ngx_ohttp_store_bench_exit_master(ngx_cycle_t *cycle)
{
    ngx_ohttp_store_bench_conf_t  *sbcf;

    sbcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_ohttp_store_bench_module);
    if (sbcf) {
        ngx_ohttp_relay_store_exit_master(sbcf->store, cycle);
    }
}


static ngx_int_t
ngx_ohttp_store_bench_handler(ngx_http_request_t *r)
{
    ngx_http_cleanup_t            *cln;
    ngx_ohttp_store_bench_ctx_t   *ctx;
    ngx_ohttp_store_bench_conf_t  *sbcf;

    sbcf = ngx_http_get_module_main_conf(r, ngx_ohttp_store_bench_module);

    if (ngx_ohttp_store_bench_is(r, "do", "state")) {
        return ngx_ohttp_store_bench_state(r, sbcf->store);
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_ohttp_store_bench_ctx_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (ctx == NULL || cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_ohttp_store_bench_cleanup;
    cln->data = ctx;

    ctx->request = r;
    ctx->store = sbcf->store;
    ctx->ask.handler = ngx_ohttp_store_bench_answered;
    ctx->ask.data = ctx;

    ngx_ohttp_store_bench_read_ask(r, &ctx->ask);

    ctx->asks = ngx_pcalloc(r->pool, NGX_OHTTP_STORE_BENCH_DEPTH
                                     * sizeof(ngx_ohttp_relay_ask_t));
    if (ctx->asks == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_ohttp_store_bench_start(ctx);
}


static ngx_int_t
ngx_ohttp_store_bench_start(ngx_ohttp_store_bench_ctx_t *ctx)
{
    ngx_int_t               rc;
    ngx_http_request_t     *r;
    ngx_ohttp_relay_ask_t  *ask;

    r = ctx->request;
    ask = ctx->asks;

    *ask = ctx->ask;
    ctx->left = ngx_ohttp_store_bench_number(r, "n", 1);
    ctx->bench = ngx_ohttp_store_bench_is(r, "do", "bench");

    ngx_gettimeofday(&ctx->start);

    if (ctx->bench) {
        ngx_ohttp_store_bench_many(ctx, NULL);
        rc = ctx->open ? NGX_AGAIN : NGX_OK;

    } else if (ngx_ohttp_store_bench_is(r, "do", "refund")) {
        rc = ngx_ohttp_relay_store_refund(ctx->store, ask);

    } else {
        rc = ngx_ohttp_relay_store_ask(ctx->store, ask);
    }

    if (rc == NGX_AGAIN && ngx_ohttp_store_bench_is(r, "do", "abandon")) {
        ngx_ohttp_relay_store_abandon(ask);
        return ngx_ohttp_store_bench_send(r, (u_char *) "ABANDONED\n", 10);
    }

    if (rc == NGX_AGAIN) {
        r->main->count++;
        return NGX_DONE;
    }

    return ngx_ohttp_store_bench_report(ctx);
}


static void
ngx_ohttp_store_bench_read_ask(ngx_http_request_t *r,
    ngx_ohttp_relay_ask_t *ask)
{
    time_t  period;

    ngx_ohttp_store_bench_hash(r, "name", ask->name,
                               NGX_OHTTP_RELAY_STORE_NAME);
    ngx_ohttp_store_bench_hash(r, "group", ask->group,
                               NGX_OHTTP_RELAY_STORE_GROUP);
    ngx_ohttp_store_bench_hash(r, "id", ask->id, NGX_OHTTP_RELAY_STORE_ID);

    period = ngx_ohttp_store_bench_number(r, "expires", 86400);

    /* the end of a period, so that questions of one test agree */

    ask->epoch = ngx_time() / period;
    ask->begins = ask->epoch * period;
    ask->expires = (ask->epoch + 1) * period
                   - ngx_ohttp_store_bench_number(r, "before", 0);

    ask->interval = ngx_ohttp_store_bench_number(r, "interval", 0);
    ask->burst = ngx_ohttp_store_bench_number(r, "burst", 1);
    ask->uses = ngx_ohttp_store_bench_number(r, "uses", 0);
    ask->lifetime = ngx_ohttp_store_bench_number(r, "lifetime", 0);

    if (ngx_ohttp_store_bench_is(r, "kind", "sealed")) {
        ask->kind = NGX_OHTTP_RELAY_STORE_SEALED;

    } else if (ngx_ohttp_store_bench_is(r, "kind", "uses")) {
        ask->kind = NGX_OHTTP_RELAY_STORE_USES;

    } else if (ngx_ohttp_store_bench_is(r, "kind", "rate")) {
        ask->kind = NGX_OHTTP_RELAY_STORE_RATE;
    }
}


static ngx_int_t
ngx_ohttp_store_bench_number(ngx_http_request_t *r, char *name,
    ngx_int_t value)
{
    ngx_str_t  text;

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &text) != NGX_OK) {
        return value;
    }

    return ngx_atoi(text.data, text.len);
}


static ngx_uint_t
ngx_ohttp_store_bench_is(ngx_http_request_t *r, char *name, char *value)
{
    ngx_str_t  text;

    return ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &text) == NGX_OK
           && text.len == ngx_strlen(value)
           && ngx_strncmp(text.data, value, text.len) == 0;
}


static void
ngx_ohttp_store_bench_hash(ngx_http_request_t *r, char *name, u_char *hash,
    size_t len)
{
    u_char     digest[16];
    ngx_str_t  text;
    ngx_md5_t  md5;

    ngx_str_null(&text);
    (void) ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &text);

    ngx_md5_init(&md5);
    ngx_md5_update(&md5, text.data ? text.data : (u_char *) "", text.len);
    ngx_md5_final(digest, &md5);

    ngx_memcpy(hash, digest, len);
}


static void
ngx_ohttp_store_bench_cleanup(void *data)
{
    ngx_uint_t                    i;
    ngx_ohttp_store_bench_ctx_t  *ctx;

    ctx = data;

    for (i = 0; ctx->asks && i < NGX_OHTTP_STORE_BENCH_DEPTH; i++) {
        ngx_ohttp_relay_store_abandon(&ctx->asks[i]);
    }
}


static void
ngx_ohttp_store_bench_answered(ngx_ohttp_relay_ask_t *ask)
{
    ngx_connection_t             *c;
    ngx_http_request_t           *r;
    ngx_ohttp_store_bench_ctx_t  *ctx;

    ctx = ask->data;
    r = ctx->request;

    if (ctx->bench) {
        ctx->answers[ask->answer]++;
        ctx->open--;

        ngx_ohttp_store_bench_many(ctx, ask);

        if (ctx->open) {
            return;
        }
    }

    c = r->connection;

    ngx_http_finalize_request(r, ngx_ohttp_store_bench_report(ctx));
    ngx_http_run_posted_requests(c);
}


static void
ngx_ohttp_store_bench_many(ngx_ohttp_store_bench_ctx_t *ctx,
    ngx_ohttp_relay_ask_t *ask)
{
    ngx_uint_t  i, depth;

    depth = ask ? 1 : ngx_min(ngx_ohttp_store_bench_number(ctx->request,
                                                           "depth", 64),
                              NGX_OHTTP_STORE_BENCH_DEPTH);

    for (i = 0; ctx->left && i < depth; /* void */ ) {

        if (depth > 1) {
            ask = &ctx->asks[i];
            *ask = ctx->ask;
        }

        /* a new name each time, that of the pattern is the seed */

        ngx_memcpy(ask->name, ctx->ask.name, NGX_OHTTP_RELAY_STORE_NAME);
        ngx_memcpy(ask->name, &ctx->left, sizeof(ngx_uint_t));

        ctx->left--;

        if (ngx_ohttp_relay_store_ask(ctx->store, ask) == NGX_AGAIN) {
            ctx->open++;
            i++;
            continue;
        }

        ctx->answers[ask->answer]++;
    }
}


static ngx_int_t
ngx_ohttp_store_bench_report(ngx_ohttp_store_bench_ctx_t *ctx)
{
    u_char                  text[256], *p;
    ngx_int_t               us;
    ngx_uint_t              all;
    struct timeval          now;
    ngx_ohttp_relay_ask_t  *ask;

    ask = ctx->asks;
    ngx_gettimeofday(&now);

    us = (now.tv_sec - ctx->start.tv_sec) * 1000000
         + (now.tv_usec - ctx->start.tv_usec);

    if (!ctx->bench) {
        p = ngx_sprintf(text, "%s used_up:%ui retry_after:%M us:%i\n",
                        ngx_ohttp_store_bench_answers[ask->answer],
                        ask->used_up, ask->retry_after, us);

    } else {
        all = ctx->answers[1] + ctx->answers[2] + ctx->answers[3];

        p = ngx_sprintf(text, "granted:%ui refused:%ui unknown:%ui us:%i "
                        "per_second:%ui\n", ctx->answers[1], ctx->answers[2],
                        ctx->answers[3], us,
                        all * 1000000 / (us ? us : 1));
    }

    return ngx_ohttp_store_bench_send(ctx->request, text, p - text);
}


static ngx_int_t
ngx_ohttp_store_bench_state(ngx_http_request_t *r,
    ngx_ohttp_relay_store_t *store)
{
    u_char                           text[2048], *p;
    ngx_uint_t                       i, n;
    ngx_ohttp_relay_store_figure_t  *figure;

    p = ngx_sprintf(text, "%s", ngx_ohttp_relay_store_state(store));
    figure = ngx_ohttp_relay_store_figures(store, &n);

    for (i = 0; i < n; i++) {
        p = ngx_sprintf(p, " %s:%uA", figure[i].name, figure[i].value);
    }

    *p++ = '\n';

    return ngx_ohttp_store_bench_send(r, text, p - text);
}


static ngx_int_t
ngx_ohttp_store_bench_send(ngx_http_request_t *r, u_char *text, size_t len)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    b = ngx_create_temp_buf(r->pool, len);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = ngx_cpymem(b->last, text, len);
    b->last_buf = 1;

    out.buf = b;
    out.next = NULL;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, &out);
}
