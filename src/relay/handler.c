
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../gateway/eject.h"
#include "../gateway/state.h"
#include "body.h"
#include "claim.h"
#include "cors.h"
#include "flight.h"
#include "handler.h"
#include "hold.h"
#include "privacy.h"
#include "problem.h"
#include "profile.h"


/* gateways that are tried in place of one that cannot be reached */
#define NGX_OHTTP_RELAY_MAX_OTHERS  2


static void ngx_ohttp_relay_free_ctx(void *data);
static ngx_int_t ngx_ohttp_relay_door(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_uint_t ngx_ohttp_relay_is_nowhere(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_uint_t ngx_ohttp_relay_is_early(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_check_credential(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_check_gateway(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_refuse_choice(ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_enter(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_ohttp_relay_result_e ngx_ohttp_relay_try_gateway(
    ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx);
static ngx_uint_t ngx_ohttp_relay_is_allowed(ngx_http_request_t *r,
    ngx_ohttp_relay_permit_t *permit, ngx_ohttp_relay_gateway_t *gateway);
static ngx_uint_t ngx_ohttp_relay_plan_admits(
    ngx_ohttp_relay_admission_t *admission,
    ngx_ohttp_relay_gateway_t *gateway);
static void ngx_ohttp_relay_cleanup(void *data);
static ngx_int_t ngx_ohttp_relay_check_envelope(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_choose_by_key(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static void ngx_ohttp_relay_renew_pool(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);


ngx_int_t
ngx_ohttp_relay_handler(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_ohttp_relay_ctx_t  *ctx;

    /* a copy of a sealed request must never reach a second gateway */

    if (r != r->main) {
        return NGX_HTTP_NOT_FOUND;
    }

    ctx = ngx_ohttp_relay_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_ohttp_relay_look(r, ctx);
    ngx_ohttp_relay_open_log(r);

    if (r->method == NGX_HTTP_OPTIONS && ctx->origin) {
        return ngx_ohttp_relay_preflight(r, ctx);
    }

    rc = ngx_ohttp_relay_door(r, ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_ohttp_relay_check_credential(r, ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ctx->profile) {
        rc = ngx_ohttp_relay_profile_check(ctx);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    rc = ngx_ohttp_relay_check_gateway(r, ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    /* from here on it goes as the body comes */

    return ngx_ohttp_relay_read_body(r, ctx,
                                     ctx->profile
                                     ? ngx_ohttp_relay_profile_check_body
                                     : ngx_ohttp_relay_check_envelope,
                                     ngx_ohttp_relay_claim);
}


ngx_uint_t
ngx_ohttp_relay_owns(ngx_http_request_t *r)
{
    ngx_ohttp_relay_srv_conf_t  *rscf;
    ngx_ohttp_relay_loc_conf_t  *rlcf;

    if (r != r->main) {
        return 0;
    }

    rlcf = ngx_http_get_module_loc_conf(r, ngx_ohttp_relay_module);

    if (rlcf->relay) {
        return 1;
    }

    rscf = ngx_http_get_module_srv_conf(r, ngx_ohttp_relay_module);

    /* the first handler of the first phase is our own */

    return rscf->relay && r->phase_handler == 0;
}


ngx_ohttp_relay_ctx_t *
ngx_ohttp_relay_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t     *cln;
    ngx_ohttp_relay_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);

    if (ctx == NULL) {
        cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_ohttp_relay_ctx_t));
        if (cln == NULL) {
            return NULL;
        }

        ctx = cln->data;
        ngx_memzero(ctx, sizeof(ngx_ohttp_relay_ctx_t));

        cln->handler = ngx_ohttp_relay_free_ctx;

        ctx->connection = r->connection;
        ctx->declared = -1;
        ctx->content_length = -1;

        ngx_http_set_ctx(r, ctx, ngx_ohttp_relay_module);
    }

    return ctx;
}


/* nothing is logged any more: what stood in logs to the end can go */

static void
ngx_ohttp_relay_free_ctx(void *data)
{
    ngx_ohttp_relay_ctx_t *ctx = data;

    ngx_ohttp_relay_restore(ctx);
    ngx_ohttp_relay_hold_pool(ctx, NULL);
    ngx_ohttp_relay_hold_gateway(ctx, NULL);
}


ngx_ohttp_relay_permit_t *
ngx_ohttp_relay_get_permit(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    if (ctx->permit == NULL) {
        ctx->permit = ngx_pcalloc(r->pool, sizeof(ngx_ohttp_relay_permit_t));
    }

    return ctx->permit;
}


ngx_int_t
ngx_ohttp_relay_refuse(ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_result_e result)
{
    if (ctx->result == NGX_OHTTP_RELAY_RESULT_NONE) {
        ctx->result = result;
    }

    return ngx_ohttp_relay_problem_status(ctx);
}


/* what headers alone decide, before a byte of the body is asked for */

static ngx_int_t
ngx_ohttp_relay_door(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_main_conf_t  *rmcf;

    if (ngx_ohttp_relay_is_nowhere(r, ctx)) {
        return ngx_ohttp_relay_refuse_choice(ctx);
    }

    if (r->method != NGX_HTTP_POST && ctx->profile == NULL) {
        return ngx_ohttp_relay_refuse(ctx, NGX_OHTTP_RELAY_METHOD_NOT_ALLOWED);
    }

    if (ngx_ohttp_relay_is_early(r, ctx)) {
        return ngx_ohttp_relay_refuse(ctx, NGX_OHTTP_RELAY_TOO_EARLY);
    }

    if (ctx->profile) {
        return ngx_ohttp_relay_profile_door(r, ctx);
    }

    if (!ctx->accepted) {
        return ngx_ohttp_relay_refuse(ctx,
                                      NGX_OHTTP_RELAY_UNSUPPORTED_MEDIA_TYPE);
    }

    /*
     * A query could carry an identifier to the next log; a body that somebody
     * has read before, a mirror or an earlier handler, has been elsewhere.
     */

    if (ctx->query || r->request_body || r->discard_body) {
        return ngx_ohttp_relay_refuse(ctx, NGX_OHTTP_RELAY_MALFORMED_REQUEST);
    }

    if (!r->headers_in.chunked) {

        ctx->declared = r->headers_in.content_length_n;

        if (ctx->declared < NGX_OHTTP_RELAY_ENVELOPE_HEADER) {
            return ngx_ohttp_relay_refuse(ctx,
                                          NGX_OHTTP_RELAY_MALFORMED_REQUEST);
        }

        rmcf = ngx_http_get_module_main_conf(r, ngx_ohttp_relay_module);

        if (ctx->declared > rmcf->gateways.roster->max_body) {
            return ngx_ohttp_relay_refuse(ctx,
                                          NGX_OHTTP_RELAY_PAYLOAD_TOO_LARGE);
        }
    }

    return NGX_OK;
}


/*
 * Where gateways have other profiles, or rows may bring some, it is not known
 * what clients of one that is not here speak: what is no sealed request may be
 * right for it, so neither its method nor its type is found wrong.  But who has
 * not shown a credential yet does not try names.
 */

static ngx_uint_t
ngx_ohttp_relay_is_nowhere(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_roster_t     *roster;
    ngx_ohttp_relay_loc_conf_t   *rlcf;
    ngx_ohttp_relay_main_conf_t  *rmcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_ohttp_relay_module);

    if ((r->method == NGX_HTTP_POST && ctx->accepted)
        || (rlcf->name.lengths && ngx_ohttp_relay_auth_asks(rlcf->auth)))
    {
        return 0;
    }

    rmcf = ngx_http_get_module_main_conf(r, ngx_ohttp_relay_module);
    roster = rmcf->gateways.roster;

    if (!roster->opaque && !roster->live) {
        return 0;
    }

    return ctx->gateway == NULL
           && (ctx->pool == NULL || ngx_ohttp_relay_select_none(ctx->pool));
}


/*
 * RFC 8470: what came before the handshake ended could be somebody's replay.
 * The handshake may end between the bytes and this question, so the first
 * request of a connection with early data counts as early in any case.
 */

static ngx_uint_t
ngx_ohttp_relay_is_early(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
#if (NGX_HTTP_SSL)

    SSL         *ssl;
    ngx_uint_t   before;

    if (r->connection->ssl) {
        ssl = r->connection->ssl->connection;

        /* an HTTP/2 stream is not yet counted, and QUIC counts otherwise */

        before = r->connection->requests;
        before -= (r->http_version < NGX_HTTP_VERSION_20);

        if (!SSL_is_init_finished(ssl)
            || (SSL_get_early_data_status(ssl) == SSL_EARLY_DATA_ACCEPTED
                && r->http_version <= NGX_HTTP_VERSION_20 && before == 0))
        {
            return 1;
        }
    }

#endif

    return ctx->early;
}


/* a matter of signatures: what the credential costs is asked for later */

static ngx_int_t
ngx_ohttp_relay_check_credential(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_permit_t     *permit;
    ngx_ohttp_relay_loc_conf_t   *rlcf;
    ngx_ohttp_relay_main_conf_t  *rmcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_ohttp_relay_module);

    if (!ngx_ohttp_relay_auth_asks(rlcf->auth)) {
        return NGX_OK;
    }

    permit = ctx->permit;
    if (permit == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (permit->credentials.bearers && rlcf->auth->issuers.nelts) {
        permit->credentials.memo = ngx_ohttp_relay_jwt_memo(r->connection);
    }

    rmcf = ngx_http_get_module_main_conf(r, ngx_ohttp_relay_module);

    switch (ngx_ohttp_relay_access_check(&rmcf->access, rlcf->auth,
                                         &permit->credentials,
                                         &permit->admission))
    {
    case NGX_OHTTP_RELAY_ACCESS_GRANTED:
        permit->admitted = 1;
        return NGX_OK;

    case NGX_OHTTP_RELAY_ACCESS_REQUIRED:
        return ngx_ohttp_relay_refuse(ctx,
                                      NGX_OHTTP_RELAY_CREDENTIAL_REQUIRED);

    case NGX_OHTTP_RELAY_ACCESS_INVALID:
        return ngx_ohttp_relay_refuse(ctx,
                                      NGX_OHTTP_RELAY_CREDENTIAL_INVALID);

    case NGX_OHTTP_RELAY_ACCESS_EXPIRED:
        return ngx_ohttp_relay_refuse(ctx,
                                      NGX_OHTTP_RELAY_CREDENTIAL_EXPIRED);

    case NGX_OHTTP_RELAY_ACCESS_AMBIGUOUS:
        return ngx_ohttp_relay_refuse(ctx,
                                      NGX_OHTTP_RELAY_MALFORMED_REQUEST);

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


/* a pool that chooses by key waits for the body; what none takes ends here */

static ngx_int_t
ngx_ohttp_relay_check_gateway(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_pool_t  *pool;

    if (ctx->ambiguous) {
        return ngx_ohttp_relay_refuse(ctx, NGX_OHTTP_RELAY_MALFORMED_REQUEST);
    }

    if (ctx->gateway) {
        return ngx_ohttp_relay_enter(r, ctx);
    }

    pool = ctx->pool;

    if (pool == NULL || pool->select != NGX_OHTTP_RELAY_SELECT_KEY_ID
        || ngx_ohttp_relay_select_none(pool))
    {
        return ngx_ohttp_relay_refuse_choice(ctx);
    }

    if (!(pool->kinds & (1 << ctx->kind))) {
        return ngx_ohttp_relay_refuse(ctx,
                                      NGX_OHTTP_RELAY_UNSUPPORTED_MEDIA_TYPE);
    }

    if (ctx->declared > pool->max_body) {
        return ngx_ohttp_relay_refuse(ctx, NGX_OHTTP_RELAY_PAYLOAD_TOO_LARGE);
    }

    return NGX_OK;
}


/* the gateways of a pool that has none may come back */

static ngx_int_t
ngx_ohttp_relay_refuse_choice(ngx_ohttp_relay_ctx_t *ctx)
{
    return ngx_ohttp_relay_refuse(ctx,
                                  ctx->pool
                                  && ngx_ohttp_relay_select_none(ctx->pool)
                                  ? NGX_OHTTP_RELAY_GATEWAY_UNAVAILABLE
                                  : NGX_OHTTP_RELAY_GATEWAY_UNKNOWN);
}


/* where others hold the same key, one of them may do what the first does not */

static ngx_int_t
ngx_ohttp_relay_enter(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_uint_t                  i, n, place;
    ngx_http_cleanup_t         *cln;
    ngx_ohttp_relay_result_e    result;
    ngx_ohttp_relay_gateway_t  *first;

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    first = ctx->gateway;
    result = ngx_ohttp_relay_try_gateway(r, ctx);

    if (result != NGX_OHTTP_RELAY_RESULT_NONE && ctx->choice) {

        n = ctx->choice->nmembers;
        place = ngx_ohttp_relay_select_place(ctx->choice);

        for (i = 0; i < n && !ctx->flying; i++) {
            ngx_ohttp_relay_hold_gateway(ctx,
                            ngx_ohttp_relay_select_at(ctx->choice, place + i));
            (void) ngx_ohttp_relay_try_gateway(r, ctx);
        }
    }

    if (!ctx->flying) {
        ngx_ohttp_relay_hold_gateway(ctx, first);
        ctx->retry_after = ngx_ohttp_relay_eject_wait(ctx->choice);
        return ngx_ohttp_relay_refuse(ctx, result);
    }

    cln->handler = ngx_ohttp_relay_cleanup;
    cln->data = r;

    return NGX_OK;
}


/* a place at ctx->gateway, with ctx->flying set, or why there is none */

static ngx_ohttp_relay_result_e
ngx_ohttp_relay_try_gateway(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_state_e     state;
    ngx_ohttp_relay_gateway_t  *gateway;

    gateway = ctx->gateway;

    if (ctx->permit && ctx->permit->admitted
        && !ngx_ohttp_relay_is_allowed(r, ctx->permit, gateway))
    {
        return NGX_OHTTP_RELAY_GATEWAY_NOT_ALLOWED;
    }

    if (ctx->profile && ngx_ohttp_relay_profile_enter(ctx) != NGX_OK) {
        return ctx->exchange->result;
    }

    if (!(gateway->kinds & (1 << ctx->kind))) {
        return NGX_OHTTP_RELAY_UNSUPPORTED_MEDIA_TYPE;
    }

    if (ctx->declared > gateway->max_body
        || ctx->received > gateway->max_body)
    {
        return NGX_OHTTP_RELAY_PAYLOAD_TOO_LARGE;
    }

    state = ngx_ohttp_relay_gateway_state(gateway);

    if (state == NGX_OHTTP_RELAY_STATE_NOT_ATTESTED) {
        return NGX_OHTTP_RELAY_GATEWAY_NOT_ATTESTED;
    }

    if (state != NGX_OHTTP_RELAY_STATE_READY
        || ngx_ohttp_relay_eject_skips(gateway, ctx->choice, ctx->kind))
    {
        return NGX_OHTTP_RELAY_GATEWAY_UNAVAILABLE;
    }

    if (ngx_ohttp_relay_metrics_enter(gateway->counters,
                                      gateway->max_in_flight)
        != NGX_OK)
    {
        return NGX_OHTTP_RELAY_GATEWAY_UNAVAILABLE;
    }

    ctx->flying = 1;

    ngx_ohttp_relay_flight_enter(ctx);

    return NGX_OHTTP_RELAY_RESULT_NONE;
}


/* by the credential found good, or by a token beside a JWT that is not */

static ngx_uint_t
ngx_ohttp_relay_is_allowed(ngx_http_request_t *r,
    ngx_ohttp_relay_permit_t *permit, ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_ohttp_relay_admission_t   other;
    ngx_ohttp_relay_loc_conf_t   *rlcf;
    ngx_ohttp_relay_main_conf_t  *rmcf;

    if (ngx_ohttp_relay_plan_admits(&permit->admission, gateway)) {
        return 1;
    }

    rlcf = ngx_http_get_module_loc_conf(r, ngx_ohttp_relay_module);
    rmcf = ngx_http_get_module_main_conf(r, ngx_ohttp_relay_module);

    if (permit->admission.issuer == NULL
        || ngx_ohttp_relay_access_token(&rmcf->access, rlcf->auth,
                                        &permit->credentials, &other)
           != NGX_OHTTP_RELAY_ACCESS_GRANTED
        || !ngx_ohttp_relay_plan_admits(&other, gateway))
    {
        return 0;
    }

    permit->admission = other;

    return 1;
}


/* a pool's name covers its members */

static ngx_uint_t
ngx_ohttp_relay_plan_admits(ngx_ohttp_relay_admission_t *admission,
    ngx_ohttp_relay_gateway_t *gateway)
{
    return ngx_ohttp_relay_access_admits(admission, &gateway->name)
           || (gateway->pool_name.len
               && ngx_ohttp_relay_access_admits(admission,
                                                &gateway->pool_name));
}


ngx_int_t
ngx_ohttp_relay_enter_other(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_uint_t                  i, n, place;
    ngx_ohttp_relay_gateway_t  *failed;

    if (ctx->choice == NULL || ctx->others == NGX_OHTTP_RELAY_MAX_OTHERS
        || ngx_ohttp_relay_hold_tried(r, ctx->gateway) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    ctx->others++;

    n = ctx->choice->nmembers;
    place = ngx_ohttp_relay_select_place(ctx->choice);
    failed = ctx->gateway;

    ngx_ohttp_relay_leave(ctx);

    for (i = 0; i < n; i++) {
        ngx_ohttp_relay_hold_gateway(ctx,
                            ngx_ohttp_relay_select_at(ctx->choice, place + i));

        if (ctx->gateway != failed
            && ngx_ohttp_relay_try_gateway(r, ctx)
               == NGX_OHTTP_RELAY_RESULT_NONE)
        {
            return NGX_OK;
        }
    }

    ngx_ohttp_relay_hold_gateway(ctx, failed);

    return NGX_DECLINED;
}


/*
 * The place is free as soon as the gateway is: a client may take its time with
 * what is left of its request.
 */

void
ngx_ohttp_relay_leave(ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_flight_leave(ctx);

    if (ctx->flying) {
        ngx_ohttp_relay_metrics_leave(ctx->gateway->counters);
        ctx->flying = 0;
    }
}


static void
ngx_ohttp_relay_cleanup(void *data)
{
    ngx_http_request_t *r = data;

    ngx_ohttp_relay_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);

    ngx_ohttp_relay_claim_abandon(r, ctx);
    ngx_ohttp_relay_leave(ctx);
}


/*
 * Called with the first bytes of the body, as many as there are, until they
 * are enough.  Returns NGX_OK, NGX_AGAIN if more are needed, or a status.
 */

static ngx_int_t
ngx_ohttp_relay_check_envelope(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx)
{
    off_t       least, there;
    u_char      header[NGX_OHTTP_RELAY_ENVELOPE_HEADER], *last;
    ngx_int_t   rc;

    last = ngx_ohttp_relay_peek_body(r, ctx, header,
                                     NGX_OHTTP_RELAY_ENVELOPE_HEADER);

    least = NGX_OHTTP_RELAY_ENVELOPE_HEADER;

    if (ngx_ohttp_relay_envelope(header, last, &ctx->envelope)
        == NGX_OHTTP_RELAY_OK)
    {
        ctx->suite = 1;

        least = ngx_ohttp_relay_envelope_min(&ctx->envelope,
                                   ctx->kind == NGX_OHTTP_RELAY_CHUNKED);

        if (ctx->gateway == NULL
            && (ctx->declared < 0 || ctx->declared >= least))
        {
            rc = ngx_ohttp_relay_choose_by_key(r, ctx);
            if (rc != NGX_OK) {
                return rc;
            }
        }

        /* what the gateway could not open would cost a token for nothing */

        rc = ctx->gateway ? ngx_ohttp_relay_keys_check(ctx->gateway,
                                                       ctx->envelope.key_id)
                          : NGX_OK;
        if (rc != NGX_OK) {
            return ngx_ohttp_relay_refuse(ctx, rc == NGX_DECLINED
                                     ? NGX_OHTTP_RELAY_UNKNOWN_KEY
                                     : NGX_OHTTP_RELAY_GATEWAY_UNAVAILABLE);
        }

        /* of a request that must be new, the part that makes it so */

        if (ctx->gateway
            && ctx->gateway->replay_window
            && r->reading_body
            && ctx->received < (off_t) ngx_ohttp_relay_claim_sealed(ctx))
        {
            return NGX_AGAIN;
        }
    }

    there = (ctx->declared >= 0) ? ctx->declared : ctx->received;

    if (ctx->suite && there >= least) {
        return NGX_OK;
    }

    if (r->reading_body && (ctx->declared < 0 || !ctx->suite)) {
        return NGX_AGAIN;
    }

    return ngx_ohttp_relay_refuse(ctx, NGX_OHTTP_RELAY_MALFORMED_REQUEST);
}


/* the id is in clear (RFC 9458, section 4.3); nothing has been claimed yet */

static ngx_int_t
ngx_ohttp_relay_choose_by_key(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_renew_pool(r, ctx);

    if (ctx->pool) {
        ctx->choice = ngx_ohttp_relay_select_key(ctx->pool,
                                                 ctx->envelope.key_id,
                                                 r->pool);
    }

    if (ctx->choice == NULL) {
        return ngx_ohttp_relay_refuse_choice(ctx);
    }

    ngx_ohttp_relay_hold_gateway(ctx, ngx_ohttp_relay_select_at(ctx->choice,
                                  ngx_ohttp_relay_select_place(ctx->choice)));

    return ngx_ohttp_relay_enter(r, ctx);
}


/* the body took its time: the pool may have become another, or be gone */

static void
ngx_ohttp_relay_renew_pool(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_pool_t       *pool;
    ngx_ohttp_relay_roster_t     *roster;
    ngx_ohttp_relay_main_conf_t  *rmcf;

    rmcf = ngx_http_get_module_main_conf(r, ngx_ohttp_relay_module);
    roster = rmcf->gateways.roster;

    if (ctx->pool->roster == NULL || ctx->pool->roster == roster) {
        return;
    }

    pool = ngx_ohttp_relay_roster_pool(roster, &ctx->pool->name);

    if (pool && pool->select != NGX_OHTTP_RELAY_SELECT_KEY_ID) {
        pool = NULL;
    }

    ngx_ohttp_relay_hold_pool(ctx, pool);
}
