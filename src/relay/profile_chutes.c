
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * The API of Chutes, as far as its own client-side proxies use it: a request
 * is sealed as a whole, to an instance that its headers name.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../codec/models.h"
#include "../gateway/opaque.h"
#include "profile.h"


/* the API says "detail", and the proxies compare it; they say "error" */
#define ngx_ohttp_relay_chutes_error(result, status, detail, message)        \
    { result, status,                                                        \
      ngx_string("{\"detail\":\"" detail "\",\"error\":{\"message\":\""      \
                 message "\",\"type\":\"proxy_error\",\"param\":null,"       \
                 "\"code\":null}}\n") }

/* a key of ML-KEM-768 in its capsule, a nonce, and the tag of an empty text */
#define NGX_OHTTP_RELAY_CHUTES_LEAST  (1088 + 12 + 16)

#define NGX_OHTTP_RELAY_CHUTES_CHUTE     0
#define NGX_OHTTP_RELAY_CHUTES_INSTANCE  1
#define NGX_OHTTP_RELAY_CHUTES_NONCE     2

#define NGX_OHTTP_RELAY_CHUTES_HEADERS   5


static ngx_ohttp_relay_fault_t *ngx_ohttp_relay_chutes_check(
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_ohttp_relay_result_e ngx_ohttp_relay_chutes_enter(
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_ohttp_relay_slice_t *ngx_ohttp_relay_chutes_chute(
    ngx_ohttp_relay_exchange_t *e);


static ngx_ohttp_relay_fault_t  ngx_ohttp_relay_chutes_header =
    ngx_ohttp_relay_chutes_error(NGX_OHTTP_RELAY_MALFORMED_REQUEST, 400,
        "Invalid E2E headers",
        "X-Chute-Id, X-Instance-Id and X-E2E-Nonce must be there once, and "
        "X-E2E-Stream and X-E2E-Path well formed");

static ngx_ohttp_relay_fault_t  ngx_ohttp_relay_chutes_short =
    ngx_ohttp_relay_chutes_error(NGX_OHTTP_RELAY_MALFORMED_REQUEST, 400,
        "Empty request body",
        "the body is shorter than any sealed request");

static ngx_ohttp_relay_fault_t  ngx_ohttp_relay_chutes_plain =
    ngx_ohttp_relay_chutes_error(NGX_OHTTP_RELAY_GATEWAY_UNKNOWN, 404,
        "Not Found",
        "this relay serves POST /e2e/invoke with sealed requests, "
        "GET /e2e/instances/ID, GET /v1/models and GET /model_aliases/; it "
        "carries nothing in clear");

static ngx_ohttp_relay_fault_t  ngx_ohttp_relay_chutes_other =
    ngx_ohttp_relay_chutes_error(NGX_OHTTP_RELAY_GATEWAY_NOT_ALLOWED, 404,
        "No E2E-capable instances available",
        "this model does not run in confidential hardware, as far as this "
        "relay knows; choose another one");


/* as the API answers what is no sealed request; its proxies probe with that */

static ngx_ohttp_relay_fault_t  ngx_ohttp_relay_chutes_faults[] = {

    ngx_ohttp_relay_chutes_error(NGX_OHTTP_RELAY_UNSUPPORTED_MEDIA_TYPE, 422,
        "Content-Type must be application/octet-stream",
        "send one sealed request as application/octet-stream, without a "
        "Content-Encoding"),

    { NGX_OHTTP_RELAY_RESULT_NONE, 0, ngx_null_string }
};


#define ngx_ohttp_relay_chutes_get(pattern)                                  \
    { NGX_HTTP_GET, ngx_string("GET"), pattern,                              \
      { NGX_OHTTP_RELAY_VALUE_NAME, 1, NGX_OHTTP_RELAY_CHUTE_MAX, NULL },    \
      NULL, 0, NGX_OHTTP_RELAY_MEDIA_OTHER, ngx_null_string, 0,              \
      1 << NGX_OHTTP_RELAY_MEDIA_JSON, NULL }


static ngx_ohttp_relay_profile_route_t  ngx_ohttp_relay_chutes_routes[] = {

    { NGX_HTTP_POST, ngx_string("POST"), "/e2e/invoke",
      { 0, 0, 0, NULL }, NULL, 0,
      NGX_OHTTP_RELAY_MEDIA_OCTET_STREAM,
      ngx_string("application/octet-stream"), NGX_OHTTP_RELAY_CHUTES_LEAST,
      1 << NGX_OHTTP_RELAY_MEDIA_OCTET_STREAM
      | 1 << NGX_OHTTP_RELAY_MEDIA_EVENT_STREAM, NULL },

    ngx_ohttp_relay_chutes_get("/e2e/instances/*"),
    ngx_ohttp_relay_chutes_get("/v1/models"),
    ngx_ohttp_relay_chutes_get("/model_aliases/")
};


static ngx_ohttp_relay_profile_header_t  ngx_ohttp_relay_chutes_headers[] = {

    { ngx_string("x-chute-id"), ngx_string("X-Chute-Id"),
      { NGX_OHTTP_RELAY_VALUE_NAME, 1, NGX_OHTTP_RELAY_CHUTE_MAX, NULL },
      &ngx_ohttp_relay_chutes_header },

    { ngx_string("x-instance-id"), ngx_string("X-Instance-Id"),
      { NGX_OHTTP_RELAY_VALUE_NAME, 1, 64, NULL },
      &ngx_ohttp_relay_chutes_header },

    { ngx_string("x-e2e-nonce"), ngx_string("X-E2E-Nonce"),
      { NGX_OHTTP_RELAY_VALUE_NAME, 8, 128, NULL },
      &ngx_ohttp_relay_chutes_header },

    { ngx_string("x-e2e-stream"), ngx_string("X-E2E-Stream"),
      { NGX_OHTTP_RELAY_VALUE_WORD, 1, 5, "true false" },
      &ngx_ohttp_relay_chutes_header },

    { ngx_string("x-e2e-path"), ngx_string("X-E2E-Path"),
      { NGX_OHTTP_RELAY_VALUE_PATH, 2, 128, NULL },
      &ngx_ohttp_relay_chutes_header }
};


static ngx_str_t  ngx_ohttp_relay_chutes_answers[] = {
    ngx_string("X-Chutes-Quota-Total"),
    ngx_string("X-Chutes-Quota-Used"),
    ngx_string("X-Chutes-Quota-Remaining"),
    ngx_string("X-Chutes-RL-User"),
    ngx_string("X-Chutes-RL-Chute"),
    ngx_string("X-Chutes-Invoice-Billing"),
    ngx_null_string
};


static ngx_str_t  ngx_ohttp_relay_chutes_preflight[] = {
    ngx_string("Access-Control-Allow-Methods"),
    ngx_string("GET, POST, OPTIONS"),
    ngx_string("Access-Control-Allow-Headers"),
    ngx_string("authorization, proxy-authorization, content-type, accept, "
               "x-chute-id, x-instance-id, x-e2e-nonce, x-e2e-stream, "
               "x-e2e-path"),
    ngx_string("Access-Control-Max-Age"),
    ngx_string("86400"),
    ngx_null_string
};


ngx_ohttp_relay_profile_t  ngx_ohttp_relay_profile_chutes = {
    ngx_ohttp_relay_chutes_routes, 4,
    ngx_ohttp_relay_chutes_headers, NGX_OHTTP_RELAY_CHUTES_HEADERS,
    ngx_ohttp_relay_chutes_answers,
    NULL,                                  /* confirm */
    &ngx_ohttp_relay_chutes_plain,
    &ngx_ohttp_relay_chutes_short,
    ngx_ohttp_relay_chutes_faults,
    ngx_ohttp_relay_chutes_check,
    ngx_ohttp_relay_chutes_enter,
    NULL,                                  /* claim: the nonce is the API's */
    ngx_ohttp_relay_chutes_preflight,
    ngx_string("Proxy-Status, Retry-After, WWW-Authenticate, "
               "X-Chutes-Quota-Total, X-Chutes-Quota-Used, "
               "X-Chutes-Quota-Remaining, X-Chutes-RL-User, "
               "X-Chutes-RL-Chute, X-Chutes-Invoice-Billing")
};


static ngx_ohttp_relay_fault_t *
ngx_ohttp_relay_chutes_check(ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_slice_t  *header;

    header = ctx->exchange->headers;

    if (header[NGX_OHTTP_RELAY_CHUTES_CHUTE].len == 0
        || header[NGX_OHTTP_RELAY_CHUTES_INSTANCE].len == 0
        || header[NGX_OHTTP_RELAY_CHUTES_NONCE].len == 0)
    {
        return &ngx_ohttp_relay_chutes_header;
    }

    return ngx_ohttp_relay_profile_check_headers(ctx);
}


/* each gateway has a list of its own */

static ngx_ohttp_relay_result_e
ngx_ohttp_relay_chutes_enter(ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_slice_t  *chute;

    chute = ngx_ohttp_relay_chutes_chute(ctx->exchange);

    if (chute->len == 0) {
        return NGX_OHTTP_RELAY_RESULT_NONE;
    }

    switch (ngx_ohttp_relay_opaque_model(ctx->gateway, chute->data,
                                         chute->data + chute->len))
    {
    case NGX_OHTTP_RELAY_MODEL_CONFIDENTIAL:
        return NGX_OHTTP_RELAY_RESULT_NONE;

    case NGX_OHTTP_RELAY_MODEL_OTHER:
        ctx->exchange->fault = &ngx_ohttp_relay_chutes_other;
        return ngx_ohttp_relay_chutes_other.result;

    default: /* NGX_OHTTP_RELAY_MODEL_UNKNOWN */
        return NGX_OHTTP_RELAY_GATEWAY_NOT_ATTESTED;
    }
}


/* whose model it is about; empty if it is about none */

static ngx_ohttp_relay_slice_t *
ngx_ohttp_relay_chutes_chute(ngx_ohttp_relay_exchange_t *e)
{
    return e->route->method == NGX_HTTP_POST
           ? &e->headers[NGX_OHTTP_RELAY_CHUTES_CHUTE] : &e->segment;
}
