
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * The chat API of Dstack's and NEAR's gateways, where the texts of a request
 * are sealed one by one, to a key that its headers name.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../codec/point.h"
#include "profile.h"


/* an error of either system */
#define ngx_ohttp_relay_dstack_error(result, status, type, message)          \
    { result, status,                                                        \
      ngx_string("{\"error\":{\"message\":\"" message "\",\"type\":\"" type  \
                 "\",\"param\":null,\"code\":null}}\n") }

#define ngx_ohttp_relay_dstack_malformed(type, message)                      \
    ngx_ohttp_relay_dstack_error(NGX_OHTTP_RELAY_MALFORMED_REQUEST, 400,     \
                                 type, message)

#define NGX_OHTTP_RELAY_DSTACK_SERVED                                        \
    "this relay serves POST /v1/chat/completions with sealed texts, "        \
    "GET /v1/attestation/report, GET /v1/signature/ID and GET /v1/models"


/* the first three are the same in both tables */

#define NGX_OHTTP_RELAY_DSTACK_ALGO       0
#define NGX_OHTTP_RELAY_DSTACK_CLIENT     1
#define NGX_OHTTP_RELAY_DSTACK_MODEL      2
#define NGX_OHTTP_RELAY_DSTACK_VERSION    3
#define NGX_OHTTP_RELAY_DSTACK_NONCE      4
#define NGX_OHTTP_RELAY_DSTACK_TIMESTAMP  5

#define NGX_OHTTP_RELAY_DSTACK_HEADERS    6
#define NGX_OHTTP_RELAY_NEAR_HEADERS      5


static ngx_ohttp_relay_fault_t *ngx_ohttp_relay_dstack_check(
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_ohttp_relay_fault_t *ngx_ohttp_relay_dstack_check_version(
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_uint_t ngx_ohttp_relay_dstack_is_key(ngx_ohttp_relay_slice_t *algo,
    ngx_ohttp_relay_slice_t *key);
static ngx_uint_t ngx_ohttp_relay_dstack_can_seal(
    ngx_ohttp_relay_slice_t *algo, ngx_ohttp_relay_slice_t *key);
static ngx_uint_t ngx_ohttp_relay_dstack_is_stranger(
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_uint_t ngx_ohttp_relay_dstack_claim(ngx_ohttp_relay_exchange_t *e,
    ngx_str_t *parts, time_t *time);
static ngx_ohttp_relay_fault_t *ngx_ohttp_relay_near_check(
    ngx_ohttp_relay_ctx_t *ctx);


static ngx_ohttp_relay_fault_t  ngx_ohttp_relay_dstack_missing =
    ngx_ohttp_relay_dstack_malformed("e2ee_header_missing",
        "E2EE requires X-Signing-Algo, X-Client-Pub-Key and X-Model-Pub-Key, "
        "and X-E2EE-Nonce together with X-E2EE-Timestamp: this relay carries "
        "nothing that is not sealed");

static ngx_ohttp_relay_fault_t  ngx_ohttp_relay_dstack_algo =
    ngx_ohttp_relay_dstack_malformed("e2ee_invalid_signing_algo",
        "X-Signing-Algo must be ecdsa or ed25519");

static ngx_ohttp_relay_fault_t  ngx_ohttp_relay_dstack_key =
    ngx_ohttp_relay_dstack_malformed("e2ee_invalid_public_key",
        "X-Client-Pub-Key and X-Model-Pub-Key must be hexadecimal: 64 or 65 "
        "bytes for ecdsa, 32 bytes for ed25519; and the client's a key to "
        "which an answer can be sealed");

static ngx_ohttp_relay_fault_t  ngx_ohttp_relay_dstack_version =
    ngx_ohttp_relay_dstack_malformed("e2ee_invalid_version",
        "X-E2EE-Version must be 1 or 2");

static ngx_ohttp_relay_fault_t  ngx_ohttp_relay_dstack_nonce =
    ngx_ohttp_relay_dstack_malformed("e2ee_invalid_nonce",
        "X-E2EE-Nonce must be 16 to 256 visible characters");

static ngx_ohttp_relay_fault_t  ngx_ohttp_relay_dstack_timestamp =
    ngx_ohttp_relay_dstack_malformed("e2ee_invalid_timestamp",
        "X-E2EE-Timestamp must be the time in seconds, and not far from now");

static ngx_ohttp_relay_fault_t  ngx_ohttp_relay_dstack_mismatch =
    ngx_ohttp_relay_dstack_error(NGX_OHTTP_RELAY_GATEWAY_UNKNOWN, 400,
        "e2ee_model_key_mismatch",
        "X-Model-Pub-Key does not match any instance that is registered here");

static ngx_ohttp_relay_fault_t  ngx_ohttp_relay_dstack_completions =
    ngx_ohttp_relay_dstack_malformed("invalid_e2ee_request",
        "E2EE is only supported on /v1/chat/completions");

static ngx_ohttp_relay_fault_t  ngx_ohttp_relay_dstack_unknown =
    ngx_ohttp_relay_dstack_error(NGX_OHTTP_RELAY_GATEWAY_UNKNOWN, 404,
        "not_found", NGX_OHTTP_RELAY_DSTACK_SERVED);

static ngx_ohttp_relay_fault_t  ngx_ohttp_relay_near_header =
    ngx_ohttp_relay_dstack_malformed("bad_request",
        "X-Signing-Algo (ecdsa or ed25519) and X-Client-Pub-Key (hexadecimal) "
        "must be present together, and the other key headers well formed: "
        "this relay carries nothing that is not sealed");

static ngx_ohttp_relay_fault_t  ngx_ohttp_relay_near_completions =
    ngx_ohttp_relay_dstack_malformed("bad_request",
        "this relay carries sealed requests to /v1/chat/completions only");


static ngx_ohttp_relay_fault_t  ngx_ohttp_relay_dstack_faults[] = {

    ngx_ohttp_relay_dstack_error(NGX_OHTTP_RELAY_REPLAY_DETECTED, 400,
        "e2ee_replay_detected",
        "Replay detected: X-E2EE-Nonce and X-E2EE-Timestamp have come before"),

    { NGX_OHTTP_RELAY_RESULT_NONE, 0, ngx_null_string }
};


static ngx_ohttp_relay_fault_t  ngx_ohttp_relay_near_faults[] = {
    { NGX_OHTTP_RELAY_RESULT_NONE, 0, ngx_null_string }
};


static ngx_ohttp_relay_parameter_t  ngx_ohttp_relay_dstack_report[] = {
    { "signing_algo", { NGX_OHTTP_RELAY_VALUE_WORD, 1, 8, "ecdsa ed25519" } },
    { "nonce", { NGX_OHTTP_RELAY_VALUE_HEX, 64, 64, NULL } },
    { "signing_address", { NGX_OHTTP_RELAY_VALUE_NAME, 40, 66, NULL } },
    { "version", { NGX_OHTTP_RELAY_VALUE_NUMBER, 1, 2, NULL } }
};


/* "model": what newer ones keep an answer under */

static ngx_ohttp_relay_parameter_t  ngx_ohttp_relay_dstack_signature[] = {
    { "signing_algo", { NGX_OHTTP_RELAY_VALUE_WORD, 1, 8, "ecdsa ed25519" } },
    { "model", { NGX_OHTTP_RELAY_VALUE_VISIBLE, 1, 256, NULL } }
};


static ngx_ohttp_relay_parameter_t  ngx_ohttp_relay_near_report[] = {
    { "signing_algo", { NGX_OHTTP_RELAY_VALUE_WORD, 1, 8, "ecdsa ed25519" } },
    { "nonce", { NGX_OHTTP_RELAY_VALUE_HEX, 64, 64, NULL } },
    { "signing_address", { NGX_OHTTP_RELAY_VALUE_NAME, 40, 66, NULL } },
    { "include_tls_fingerprint",
      { NGX_OHTTP_RELAY_VALUE_WORD, 1, 5, "true false" } }
};


#define NGX_OHTTP_RELAY_DSTACK_CHAT                                          \
    { NGX_HTTP_POST, ngx_string("POST"), "/v1/chat/completions",             \
      { 0, 0, 0, NULL }, NULL, 0,                                            \
      NGX_OHTTP_RELAY_MEDIA_JSON, ngx_string("application/json"), 2,         \
      1 << NGX_OHTTP_RELAY_MEDIA_JSON                                        \
      | 1 << NGX_OHTTP_RELAY_MEDIA_EVENT_STREAM, NULL }

#define ngx_ohttp_relay_dstack_refused(fault)                                \
    { NGX_HTTP_POST, ngx_string("POST"), "/v1/completions",                  \
      { 0, 0, 0, NULL }, NULL, 0,                                            \
      NGX_OHTTP_RELAY_MEDIA_JSON, ngx_null_string, 0, 0, fault }

#define ngx_ohttp_relay_dstack_get(pattern, parameters, n)                   \
    { NGX_HTTP_GET, ngx_string("GET"), pattern,                              \
      { NGX_OHTTP_RELAY_VALUE_NAME, 1, 128, NULL }, parameters, n,           \
      NGX_OHTTP_RELAY_MEDIA_OTHER, ngx_null_string, 0,                       \
      1 << NGX_OHTTP_RELAY_MEDIA_JSON, NULL }


static ngx_ohttp_relay_profile_route_t  ngx_ohttp_relay_dstack_routes[] = {
    NGX_OHTTP_RELAY_DSTACK_CHAT,
    ngx_ohttp_relay_dstack_refused(&ngx_ohttp_relay_dstack_completions),
    ngx_ohttp_relay_dstack_get("/v1/attestation/report",
                               ngx_ohttp_relay_dstack_report, 4),
    ngx_ohttp_relay_dstack_get("/v1/signature/*",
                               ngx_ohttp_relay_dstack_signature, 2),
    ngx_ohttp_relay_dstack_get("/v1/models", NULL, 0)
};


static ngx_ohttp_relay_profile_route_t  ngx_ohttp_relay_near_routes[] = {
    NGX_OHTTP_RELAY_DSTACK_CHAT,
    ngx_ohttp_relay_dstack_refused(&ngx_ohttp_relay_near_completions),
    ngx_ohttp_relay_dstack_get("/v1/attestation/report",
                               ngx_ohttp_relay_near_report, 4),
    ngx_ohttp_relay_dstack_get("/v1/signature/*",
                               ngx_ohttp_relay_near_report, 1),
    ngx_ohttp_relay_dstack_get("/v1/models", NULL, 0)
};


static ngx_ohttp_relay_profile_header_t  ngx_ohttp_relay_dstack_headers[] = {

    { ngx_string("x-signing-algo"), ngx_string("X-Signing-Algo"),
      { NGX_OHTTP_RELAY_VALUE_WORD, 1, 8, "ecdsa ed25519" },
      &ngx_ohttp_relay_dstack_algo },

    { ngx_string("x-client-pub-key"), ngx_string("X-Client-Pub-Key"),
      { NGX_OHTTP_RELAY_VALUE_HEX, 64, 130, NULL },
      &ngx_ohttp_relay_dstack_key },

    { ngx_string("x-model-pub-key"), ngx_string("X-Model-Pub-Key"),
      { NGX_OHTTP_RELAY_VALUE_HEX, 64, 130, NULL },
      &ngx_ohttp_relay_dstack_key },

    { ngx_string("x-e2ee-version"), ngx_string("X-E2EE-Version"),
      { NGX_OHTTP_RELAY_VALUE_WORD, 1, 1, "1 2" },
      &ngx_ohttp_relay_dstack_version },

    { ngx_string("x-e2ee-nonce"), ngx_string("X-E2EE-Nonce"),
      { NGX_OHTTP_RELAY_VALUE_VISIBLE, 16, 256, NULL },
      &ngx_ohttp_relay_dstack_nonce },

    { ngx_string("x-e2ee-timestamp"), ngx_string("X-E2EE-Timestamp"),
      { NGX_OHTTP_RELAY_VALUE_NUMBER, 1, 11, NULL },
      &ngx_ohttp_relay_dstack_timestamp }
};


static ngx_ohttp_relay_profile_header_t  ngx_ohttp_relay_near_headers[] = {

    { ngx_string("x-signing-algo"), ngx_string("X-Signing-Algo"),
      { NGX_OHTTP_RELAY_VALUE_WORD, 1, 8, "ecdsa ed25519" },
      &ngx_ohttp_relay_near_header },

    { ngx_string("x-client-pub-key"), ngx_string("X-Client-Pub-Key"),
      { NGX_OHTTP_RELAY_VALUE_HEX, 64, 130, NULL },
      &ngx_ohttp_relay_near_header },

    { ngx_string("x-model-pub-key"), ngx_string("X-Model-Pub-Key"),
      { NGX_OHTTP_RELAY_VALUE_HEX, 64, 130, NULL },
      &ngx_ohttp_relay_near_header },

    { ngx_string("x-encryption-version"), ngx_string("X-Encryption-Version"),
      { NGX_OHTTP_RELAY_VALUE_WORD, 1, 1, "1 2" },
      &ngx_ohttp_relay_near_header },

    { ngx_string("x-encrypt-all-fields"), ngx_string("X-Encrypt-All-Fields"),
      { NGX_OHTTP_RELAY_VALUE_WORD, 1, 5, "true false" },
      &ngx_ohttp_relay_near_header }
};


/* the code of Dstack says "Algo", its document "Alg" */

static ngx_str_t  ngx_ohttp_relay_dstack_answers[] = {
    ngx_string("X-E2EE-Applied"),
    ngx_string("X-E2EE-Version"),
    ngx_string("X-E2EE-Algo"),
    ngx_string("X-E2EE-Alg"),
    ngx_null_string
};


static ngx_str_t  ngx_ohttp_relay_near_answers[] = {
    ngx_null_string
};


static ngx_str_t  ngx_ohttp_relay_dstack_preflight[] = {
    ngx_string("Access-Control-Allow-Methods"),
    ngx_string("GET, POST, OPTIONS"),
    ngx_string("Access-Control-Allow-Headers"),
    ngx_string("authorization, proxy-authorization, content-type, accept, "
               "x-signing-algo, x-client-pub-key, x-model-pub-key, "
               "x-e2ee-version, x-e2ee-nonce, x-e2ee-timestamp"),
    ngx_string("Access-Control-Max-Age"),
    ngx_string("86400"),
    ngx_null_string
};


static ngx_str_t  ngx_ohttp_relay_near_preflight[] = {
    ngx_string("Access-Control-Allow-Methods"),
    ngx_string("GET, POST, OPTIONS"),
    ngx_string("Access-Control-Allow-Headers"),
    ngx_string("authorization, proxy-authorization, content-type, accept, "
               "x-signing-algo, x-client-pub-key, x-model-pub-key, "
               "x-encryption-version, x-encrypt-all-fields"),
    ngx_string("Access-Control-Max-Age"),
    ngx_string("86400"),
    ngx_null_string
};


ngx_ohttp_relay_profile_t  ngx_ohttp_relay_profile_dstack = {
    ngx_ohttp_relay_dstack_routes, 5,
    ngx_ohttp_relay_dstack_headers, NGX_OHTTP_RELAY_DSTACK_HEADERS,
    ngx_ohttp_relay_dstack_answers,
    ngx_ohttp_relay_dstack_answers,        /* confirm: the first of them */
    &ngx_ohttp_relay_dstack_unknown,
    NULL,                                  /* short body */
    ngx_ohttp_relay_dstack_faults,
    ngx_ohttp_relay_dstack_check,
    NULL,                                  /* enter */
    ngx_ohttp_relay_dstack_claim,
    ngx_ohttp_relay_dstack_preflight,
    ngx_string("Proxy-Status, Retry-After, WWW-Authenticate, X-E2EE-Applied, "
               "X-E2EE-Version, X-E2EE-Algo, X-E2EE-Alg")
};


ngx_ohttp_relay_profile_t  ngx_ohttp_relay_profile_near = {
    ngx_ohttp_relay_near_routes, 5,
    ngx_ohttp_relay_near_headers, NGX_OHTTP_RELAY_NEAR_HEADERS,
    ngx_ohttp_relay_near_answers,
    NULL,                                  /* confirm */
    &ngx_ohttp_relay_dstack_unknown,
    NULL,                                  /* short body */
    ngx_ohttp_relay_near_faults,
    ngx_ohttp_relay_near_check,
    NULL,                                  /* enter */
    NULL,                                  /* claim */
    ngx_ohttp_relay_near_preflight,
    ngx_string("Proxy-Status, Retry-After, WWW-Authenticate")
};


static ngx_ohttp_relay_fault_t *
ngx_ohttp_relay_dstack_check(ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_fault_t  *fault;
    ngx_ohttp_relay_slice_t  *header;

    header = ctx->exchange->headers;

    if (header[NGX_OHTTP_RELAY_DSTACK_ALGO].len == 0
        || header[NGX_OHTTP_RELAY_DSTACK_CLIENT].len == 0
        || header[NGX_OHTTP_RELAY_DSTACK_MODEL].len == 0)
    {
        return &ngx_ohttp_relay_dstack_missing;
    }

    fault = ngx_ohttp_relay_profile_check_headers(ctx);
    if (fault) {
        return fault;
    }

    if (!ngx_ohttp_relay_dstack_is_key(&header[NGX_OHTTP_RELAY_DSTACK_ALGO],
                                    &header[NGX_OHTTP_RELAY_DSTACK_CLIENT])
        || !ngx_ohttp_relay_dstack_is_key(
                                    &header[NGX_OHTTP_RELAY_DSTACK_ALGO],
                                    &header[NGX_OHTTP_RELAY_DSTACK_MODEL])
        || !ngx_ohttp_relay_dstack_can_seal(
                                    &header[NGX_OHTTP_RELAY_DSTACK_ALGO],
                                    &header[NGX_OHTTP_RELAY_DSTACK_CLIENT]))
    {
        return &ngx_ohttp_relay_dstack_key;
    }

    if (ngx_ohttp_relay_dstack_is_stranger(ctx)) {
        return &ngx_ohttp_relay_dstack_mismatch;
    }

    return ngx_ohttp_relay_dstack_check_version(ctx);
}


/* version 2 is one that has a nonce and a time; version 1 has none of both */

static ngx_ohttp_relay_fault_t *
ngx_ohttp_relay_dstack_check_version(ngx_ohttp_relay_ctx_t *ctx)
{
    time_t                    time, window, now;
    ngx_str_t                 parts[4];
    ngx_ohttp_relay_slice_t  *header, *nonce, *timestamp, *version;

    header = ctx->exchange->headers;
    nonce = &header[NGX_OHTTP_RELAY_DSTACK_NONCE];
    timestamp = &header[NGX_OHTTP_RELAY_DSTACK_TIMESTAMP];
    version = &header[NGX_OHTTP_RELAY_DSTACK_VERSION];

    if ((nonce->len == 0) != (timestamp->len == 0)
        || (nonce->len == 0 && version->len && version->data[0] == '2'))
    {
        return &ngx_ohttp_relay_dstack_missing;
    }

    if (ngx_ohttp_relay_dstack_claim(ctx->exchange, parts, &time) == 0
        || ctx->gateway == NULL
        || ctx->gateway->replay_window == 0)
    {
        return NULL;
    }

    now = ngx_time();
    window = ctx->gateway->replay_window;

    return (time < now - window || time > now + window)
           ? &ngx_ohttp_relay_dstack_timestamp : NULL;
}


static ngx_uint_t
ngx_ohttp_relay_dstack_is_key(ngx_ohttp_relay_slice_t *algo,
    ngx_ohttp_relay_slice_t *key)
{
    if (algo->len == sizeof("ed25519") - 1) {
        return key->len == NGX_OHTTP_RELAY_POINT_ED25519;
    }

    return key->len == NGX_OHTTP_RELAY_POINT_SECP256K1
           || (key->len == NGX_OHTTP_RELAY_POINT_PREFIXED
               && key->data[0] == '0' && key->data[1] == '4');
}


/*
 * Where nothing can be sealed to a client's key, the proxy has been seen to
 * send the events of a stream in clear, and to say "X-E2EE-Applied: true".
 */

static ngx_uint_t
ngx_ohttp_relay_dstack_can_seal(ngx_ohttp_relay_slice_t *algo,
    ngx_ohttp_relay_slice_t *key)
{
    const u_char  *last;

    last = key->data + key->len;

    return (algo->len == sizeof("ed25519") - 1
            ? ngx_ohttp_relay_point_ed25519(key->data, last)
            : ngx_ohttp_relay_point_secp256k1(key->data, last))
           == NGX_OHTTP_RELAY_OK;
}


/* the key is what the pool chooses by, and it is that of no gateway in it */

static ngx_uint_t
ngx_ohttp_relay_dstack_is_stranger(ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_str_t  *name;

    name = &ctx->profile->headers[NGX_OHTTP_RELAY_DSTACK_MODEL].lowcase;

    return ctx->gateway == NULL
           && ctx->named
           && ngx_ohttp_relay_select_reads(ctx->pool, name->data, name->len);
}


static ngx_uint_t
ngx_ohttp_relay_dstack_claim(ngx_ohttp_relay_exchange_t *e, ngx_str_t *parts,
    time_t *time)
{
    ngx_ohttp_relay_slice_t  *algo, *nonce, *timestamp;

    algo = &e->headers[NGX_OHTTP_RELAY_DSTACK_ALGO];
    nonce = &e->headers[NGX_OHTTP_RELAY_DSTACK_NONCE];
    timestamp = &e->headers[NGX_OHTTP_RELAY_DSTACK_TIMESTAMP];

    if (nonce->len == 0 || timestamp->len == 0) {
        return 0;
    }

    /* in any case of letters it is the same one */

    ngx_str_set(&parts[0], "e2ee");
    ngx_str_set(&parts[1], "ecdsa");

    if (algo->len == sizeof("ed25519") - 1) {
        ngx_str_set(&parts[1], "ed25519");
    }

    parts[2].data = (u_char *) timestamp->data;
    parts[2].len = timestamp->len;
    parts[3].data = (u_char *) nonce->data;
    parts[3].len = nonce->len;

    *time = ngx_atotm(parts[2].data, parts[2].len);

    return 4;
}


static ngx_ohttp_relay_fault_t *
ngx_ohttp_relay_near_check(ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_fault_t  *fault;
    ngx_ohttp_relay_slice_t  *header, *algo, *model;

    header = ctx->exchange->headers;
    algo = &header[NGX_OHTTP_RELAY_DSTACK_ALGO];
    model = &header[NGX_OHTTP_RELAY_DSTACK_MODEL];

    if (algo->len == 0 || header[NGX_OHTTP_RELAY_DSTACK_CLIENT].len == 0) {
        return &ngx_ohttp_relay_near_header;
    }

    fault = ngx_ohttp_relay_profile_check_headers(ctx);
    if (fault) {
        return fault;
    }

    if (!ngx_ohttp_relay_dstack_is_key(algo,
                                    &header[NGX_OHTTP_RELAY_DSTACK_CLIENT])
        || (model->len && !ngx_ohttp_relay_dstack_is_key(algo, model)))
    {
        return &ngx_ohttp_relay_near_header;
    }

    return NULL;
}
