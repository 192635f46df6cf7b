
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/rand.h>

#include "body.h"
#include "claim.h"
#include "forward.h"
#include "handler.h"
#include "profile.h"


static ngx_int_t ngx_ohttp_relay_claim_prepare(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_claim_prepare_sealed(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_uint_t ngx_ohttp_relay_claim_parts(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_str_t *parts, u_char *head);
static ngx_int_t ngx_ohttp_relay_claim_prepare_cost(ngx_http_request_t *r,
    ngx_ohttp_relay_permit_t *permit);
static ngx_ohttp_relay_ask_t *ngx_ohttp_relay_claim_add(ngx_http_request_t *r,
    ngx_ohttp_relay_permit_t *permit, ngx_uint_t about);
static ngx_int_t ngx_ohttp_relay_claim_identify(ngx_ohttp_relay_ask_t *ask);
static void ngx_ohttp_relay_claim_next(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static void ngx_ohttp_relay_claim_answered(ngx_ohttp_relay_ask_t *ask);
static ngx_ohttp_relay_result_e ngx_ohttp_relay_claim_result(
    ngx_ohttp_relay_ctx_t *ctx, ngx_ohttp_relay_ask_t *ask);
static ngx_uint_t ngx_ohttp_relay_claim_returnable(ngx_http_request_t *r);
static void ngx_ohttp_relay_claim_returned(ngx_ohttp_relay_ask_t *ask);


/* what the two questions are about */

#define NGX_OHTTP_RELAY_CLAIM_SEALED  0
#define NGX_OHTTP_RELAY_CLAIM_COST    1

/* so many ids are made at a time */
#define NGX_OHTTP_RELAY_CLAIM_IDS     64


void
ngx_ohttp_relay_claim(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    if (ngx_ohttp_relay_claim_prepare(r, ctx) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    ngx_ohttp_relay_claim_next(r, ctx);
}


static ngx_int_t
ngx_ohttp_relay_claim_prepare(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_permit_t  *permit;

    if (ctx->gateway->replay_window
        && ngx_ohttp_relay_claim_prepare_sealed(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    permit = ctx->permit;

    if (permit == NULL
        || permit->admission.cost == NGX_OHTTP_RELAY_COST_NOTHING)
    {
        return NGX_OK;
    }

    return ngx_ohttp_relay_claim_prepare_cost(r, permit);
}


static ngx_int_t
ngx_ohttp_relay_claim_prepare_sealed(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx)
{
    time_t                        time, window;
    u_char                        digest[NGX_OHTTP_RELAY_DIGEST];
    u_char                        head[NGX_OHTTP_RELAY_ENVELOPE_ENC_MAX];
    ngx_str_t                     parts[NGX_OHTTP_RELAY_SECRET_PARTS];
    ngx_uint_t                    n;
    ngx_ohttp_relay_ask_t        *ask;
    ngx_ohttp_relay_permit_t     *permit;
    ngx_ohttp_relay_main_conf_t  *rmcf;

    if (ctx->profile) {
        n = ngx_ohttp_relay_profile_claim(ctx, parts, &time);

        if (n == 0) {
            return NGX_OK;
        }

    } else {
        time = ngx_time();
        n = ngx_ohttp_relay_claim_parts(r, ctx, parts, head);
    }

    permit = ngx_ohttp_relay_get_permit(r, ctx);
    if (permit == NULL) {
        return NGX_ERROR;
    }

    rmcf = ngx_http_get_module_main_conf(r, ngx_ohttp_relay_module);

    if (ngx_ohttp_relay_secret_digest(&rmcf->access.secret, parts, n, digest)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ask = ngx_ohttp_relay_claim_add(r, permit, NGX_OHTTP_RELAY_CLAIM_SEALED);
    if (ask == NULL) {
        return NGX_ERROR;
    }

    window = ctx->gateway->replay_window;

    ask->kind = NGX_OHTTP_RELAY_STORE_SEALED;
    ngx_memcpy(ask->name, digest, NGX_OHTTP_RELAY_STORE_NAME);
    ngx_memcpy(ask->group, "sealed\0", NGX_OHTTP_RELAY_STORE_GROUP);

    ask->epoch = time / window;
    ask->expires = (ask->epoch + 2) * window;
    ask->around = 1;

    /*
     * It may have come in the epoch before, which must be known as well.  One
     * that has its time in it belongs to the epoch of that, whenever it comes.
     */

    ask->begins = (ask->epoch - 1) * window;

    return NGX_OK;
}


/* of a sealed request, what makes it new: "head" has room for that */

static ngx_uint_t
ngx_ohttp_relay_claim_parts(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx,
    ngx_str_t *parts, u_char *head)
{
    ngx_str_set(&parts[0], "sealed");
    parts[1].data = head;
    parts[1].len = ngx_ohttp_relay_peek_body(r, ctx, head,
                                        ngx_ohttp_relay_claim_sealed(ctx))
                   - head;

    return 2;
}


size_t
ngx_ohttp_relay_claim_sealed(ngx_ohttp_relay_ctx_t *ctx)
{
    return ngx_ohttp_relay_envelope_enc(&ctx->envelope);
}


static ngx_int_t
ngx_ohttp_relay_claim_prepare_cost(ngx_http_request_t *r,
    ngx_ohttp_relay_permit_t *permit)
{
    ngx_ohttp_relay_ask_t        *ask;
    ngx_ohttp_relay_admission_t  *admission;

    ask = ngx_ohttp_relay_claim_add(r, permit, NGX_OHTTP_RELAY_CLAIM_COST);
    if (ask == NULL) {
        return NGX_ERROR;
    }

    admission = &permit->admission;

    switch (admission->cost) {

    case NGX_OHTTP_RELAY_COST_TOKEN:
        ask->kind = NGX_OHTTP_RELAY_STORE_SPENT;
        break;

    case NGX_OHTTP_RELAY_COST_USE:
        ask->kind = NGX_OHTTP_RELAY_STORE_USES;
        break;

    default:
        ask->kind = NGX_OHTTP_RELAY_STORE_RATE;
        break;
    }

    ngx_memcpy(ask->name, admission->name, NGX_OHTTP_RELAY_STORE_NAME);
    ngx_memcpy(ask->group, admission->group, NGX_OHTTP_RELAY_STORE_GROUP);

    ask->epoch = admission->epoch;
    ask->begins = admission->begins;
    ask->expires = admission->expires;
    ask->around = (admission->key && admission->key->window);

    ask->interval = admission->limit.interval;
    ask->burst = admission->limit.burst;
    ask->uses = admission->uses;
    ask->lifetime = admission->lifetime;

    return NGX_OK;
}


/* a question about one of the two things, empty but for who asks */

static ngx_ohttp_relay_ask_t *
ngx_ohttp_relay_claim_add(ngx_http_request_t *r,
    ngx_ohttp_relay_permit_t *permit, ngx_uint_t about)
{
    ngx_ohttp_relay_ask_t  *ask;

    if (permit->ask == NULL) {
        permit->ask = ngx_pcalloc(r->pool, NGX_OHTTP_RELAY_ASKS
                                           * sizeof(ngx_ohttp_relay_ask_t));
        if (permit->ask == NULL) {
            return NULL;
        }
    }

    ask = &permit->ask[about];

    if (ngx_ohttp_relay_claim_identify(ask) != NGX_OK) {
        return NULL;
    }

    ask->handler = ngx_ohttp_relay_claim_answered;
    ask->data = r;

    return ask;
}


/*
 * What takes time is to ask for random bytes, not how many they are.  No
 * process that forks serves requests: a worker begins without any.
 */

static ngx_int_t
ngx_ohttp_relay_claim_identify(ngx_ohttp_relay_ask_t *ask)
{
    u_char  *id;

    static u_char      ids[NGX_OHTTP_RELAY_CLAIM_IDS]
                          [NGX_OHTTP_RELAY_STORE_ID];
    static ngx_uint_t  left;

    if (left == 0) {
        if (RAND_bytes(ids[0], sizeof(ids)) != 1) {
            return NGX_ERROR;
        }

        left = NGX_OHTTP_RELAY_CLAIM_IDS;
    }

    id = ids[--left];

    ngx_memcpy(ask->id, id, NGX_OHTTP_RELAY_STORE_ID);

    return NGX_OK;
}


/* one after the other: a question that is refused makes the next one idle */

static void
ngx_ohttp_relay_claim_next(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_ask_t        *ask;
    ngx_ohttp_relay_permit_t     *permit;
    ngx_ohttp_relay_main_conf_t  *rmcf;

    rmcf = ngx_http_get_module_main_conf(r, ngx_ohttp_relay_module);
    permit = ctx->permit;

    for ( /* void */ ;
         permit && permit->ask && permit->asked < NGX_OHTTP_RELAY_ASKS;
         permit->asked++)
    {
        ask = &permit->ask[permit->asked];

        if (ask->handler == NULL) {
            continue;
        }

        if (ask->answer == NGX_OHTTP_RELAY_STORE_WAITING
            && ngx_ohttp_relay_store_ask(rmcf->store, ask) == NGX_AGAIN)
        {
            /* a client that goes away meanwhile is noticed */
            r->read_event_handler = ngx_http_test_reading;
            return;
        }

        if (ask->answer != NGX_OHTTP_RELAY_STORE_GRANTED) {
            ngx_ohttp_relay_leave(ctx);
            ngx_http_finalize_request(r, ngx_ohttp_relay_refuse(ctx,
                                     ngx_ohttp_relay_claim_result(ctx, ask)));
            return;
        }
    }

    ngx_ohttp_relay_read_rest(r, ctx, ngx_ohttp_relay_forward);
}


static void
ngx_ohttp_relay_claim_answered(ngx_ohttp_relay_ask_t *ask)
{
    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    ngx_ohttp_relay_ctx_t  *ctx;

    r = ask->data;
    c = r->connection;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);

    ngx_http_set_log_request(c->log, r);

    /* nobody has read the body meanwhile: it is not the client that was late */
    c->read->timedout = 0;

    ngx_ohttp_relay_claim_next(r, ctx);

    ngx_http_run_posted_requests(c);
}


static ngx_ohttp_relay_result_e
ngx_ohttp_relay_claim_result(ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_ask_t *ask)
{
    if (ask->answer == NGX_OHTTP_RELAY_STORE_UNKNOWN) {
        return NGX_OHTTP_RELAY_STORE_UNAVAILABLE;
    }

    switch (ask->kind) {

    case NGX_OHTTP_RELAY_STORE_SEALED:
        return NGX_OHTTP_RELAY_REPLAY_DETECTED;

    case NGX_OHTTP_RELAY_STORE_SPENT:
        return NGX_OHTTP_RELAY_TOKEN_SPENT;

    default:
        if (ask->used_up) {
            return NGX_OHTTP_RELAY_TOKEN_SPENT;
        }

        ctx->retry_after = (ask->retry_after + 999) / 1000;

        return NGX_OHTTP_RELAY_RATE_LIMITED;
    }
}


/* RFC 9458, section 6.5: only what certainly was not seen by a gateway */

static ngx_uint_t
ngx_ohttp_relay_claim_returnable(ngx_http_request_t *r)
{
    return r->upstream == NULL || !r->upstream->request_sent;
}


ngx_int_t
ngx_ohttp_relay_claim_return(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_int_t                     rc;
    ngx_uint_t                    i;
    ngx_ohttp_relay_ask_t        *ask;
    ngx_ohttp_relay_permit_t     *permit;
    ngx_ohttp_relay_main_conf_t  *rmcf;

    permit = ctx->permit;

    if (permit == NULL || permit->ask == NULL
        || !ngx_ohttp_relay_claim_returnable(r))
    {
        return NGX_OK;
    }

    rmcf = ngx_http_get_module_main_conf(r, ngx_ohttp_relay_module);
    rc = NGX_OK;

    for (i = 0; i < NGX_OHTTP_RELAY_ASKS; i++) {

        ask = &permit->ask[i];

        if (ask->handler != ngx_ohttp_relay_claim_answered
            || ask->answer != NGX_OHTTP_RELAY_STORE_GRANTED)
        {
            continue;
        }

        ask->handler = ngx_ohttp_relay_claim_returned;
        ask->answer = NGX_OHTTP_RELAY_STORE_WAITING;

        if (ngx_ohttp_relay_store_refund(rmcf->store, ask) == NGX_AGAIN) {
            permit->returning++;
            rc = NGX_AGAIN;
        }
    }

    return rc;
}


/* whether it could be given back or not, the client gets its answer now */

static void
ngx_ohttp_relay_claim_returned(ngx_ohttp_relay_ask_t *ask)
{
    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    ngx_ohttp_relay_ctx_t  *ctx;

    r = ask->data;
    c = r->connection;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);

    if (--ctx->permit->returning) {
        return;
    }

    ngx_http_set_log_request(c->log, r);

    r->write_event_handler(r);

    ngx_http_run_posted_requests(c);
}


void
ngx_ohttp_relay_claim_stop(ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_uint_t  i;

    if (ctx->permit == NULL || ctx->permit->ask == NULL) {
        return;
    }

    for (i = 0; i < NGX_OHTTP_RELAY_ASKS; i++) {
        ngx_ohttp_relay_store_abandon(&ctx->permit->ask[i]);
    }
}


void
ngx_ohttp_relay_claim_abandon(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx)
{
    (void) ngx_ohttp_relay_claim_return(r, ctx);

    ngx_ohttp_relay_claim_stop(ctx);
}
