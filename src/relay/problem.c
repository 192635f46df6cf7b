
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "answer.h"
#include "problem.h"
#include "profile.h"


#define NGX_OHTTP_RELAY_UNPROCESSABLE          422
#define NGX_OHTTP_RELAY_TOO_EARLY_STATUS       425
#define NGX_OHTTP_RELAY_FIELDS_TOO_LARGE       431


typedef struct {
    ngx_uint_t   status;
    char        *error;        /* RFC 9209, section 2.3 */
    char        *title;
    char        *detail;
} ngx_ohttp_relay_problem_t;


static ngx_ohttp_relay_problem_t *ngx_ohttp_relay_problem(
    ngx_ohttp_relay_result_e result);
static char *ngx_ohttp_relay_problem_detail(ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_problem_text(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_uint_t status);
static ngx_int_t ngx_ohttp_relay_problem_headers(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_str_t *ngx_ohttp_relay_problem_allow(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_problem_challenges(ngx_http_request_t *r,
    ngx_ohttp_relay_auth_t *auth);
static ngx_int_t ngx_ohttp_relay_problem_retry(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static char *ngx_ohttp_relay_proxy_error(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_proxy_status(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);


/* from NGX_OHTTP_RELAY_FIRST_PROBLEM on, in the order of the results */

static ngx_ohttp_relay_problem_t  ngx_ohttp_relay_problems[] = {

    { 405, "http_request_error",
      "Method not allowed",
      "Send the request with a method that Allow lists." },

    { 415, "http_request_error",
      "Unsupported media type",
      "Send a Content-Type of message/ohttp-req or message/ohttp-chunked-req "
      "that this gateway accepts." },

    { 400, "http_request_error",
      "Malformed request",
      "Send one whole sealed request as the body, to the plain path without "
      "a query, and at most one credential of a kind." },

    { 413, "http_request_error",
      "Payload too large",
      "The sealed request is larger than this gateway accepts; send a smaller "
      "one." },

    { 425, "http_request_denied",
      "Too early",
      "Send the request again after the TLS handshake has ended; early data "
      "could be replayed." },

    { 401, "http_request_denied",
      "Credential required",
      "Send a credential that this relay accepts." },

    { 401, "http_request_denied",
      "Credential invalid",
      "The credential is not one that this relay accepts; get a new one from "
      "its issuer." },

    { 401, "http_request_denied",
      "Credential expired",
      "The credential has expired; get a new one from its issuer." },

    { 401, "http_request_denied",
      "Token spent",
      "The token has been used before; take the next one, and seal a new "
      "request for it." },

    { 429, "http_request_denied",
      "Too many requests",
      "Wait as long as Retry-After says, then send the request again." },

    { 404, "destination_not_found",
      "Unknown gateway",
      "No gateway of this name is registered here; check the URL, and the "
      "header that names one." },

    { 403, "http_request_denied",
      "Not allowed",
      "This client or credential may not use this gateway through this "
      "relay." },

    { 503, "destination_unavailable",
      "Gateway unavailable",
      "The gateway takes no more requests at the moment; wait as long as "
      "Retry-After says, then send the request again." },

    { 503, "destination_unavailable",
      "Gateway not attested",
      "The relay has no fresh proof of what this gateway runs and sends it "
      "nothing; wait as long as Retry-After says, then try again." },

    /* the status is that of the gateway's block */

    { 0, "http_request_denied",
      "Unknown key",
      "The gateway has no key of this id any more; get its keys anew, and "
      "seal a new request." },

    { 409, "http_request_denied",
      "Replay detected",
      "This sealed request has come before; seal a new one." },

    { 503, "proxy_internal_error",
      "Store unavailable",
      "The relay cannot tell at the moment whether the credential may be "
      "used; wait as long as Retry-After says, then send the request again." },

    { 502, "http_protocol_error",
      "Gateway error",
      "The gateway could not be reached or its answer was not valid; the "
      "request may have reached it, so seal a new one before a retry." },

    { 504, "http_response_timeout",
      "Gateway timeout",
      "The gateway did not answer in time; the request may have reached it, "
      "so seal a new one before a retry." }
};


static ngx_ohttp_relay_problem_t *
ngx_ohttp_relay_problem(ngx_ohttp_relay_result_e result)
{
    return &ngx_ohttp_relay_problems[result - NGX_OHTTP_RELAY_FIRST_PROBLEM];
}


ngx_int_t
ngx_ohttp_relay_problem_status(ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_fault_t  *fault;

    fault = ctx->profile ? ngx_ohttp_relay_profile_fault(ctx) : NULL;

    if (fault) {
        return fault->status;
    }

    if (ctx->result == NGX_OHTTP_RELAY_UNKNOWN_KEY) {
        return ctx->gateway->unknown_key;
    }

    return ngx_ohttp_relay_problem(ctx->result)->status;
}


ngx_ohttp_relay_result_e
ngx_ohttp_relay_problem_of(ngx_uint_t status)
{
    ngx_uint_t  i;

    for (i = 0; i < sizeof(ngx_ohttp_relay_problems)
                    / sizeof(ngx_ohttp_relay_problem_t); i++)
    {
        /* nginx's own limits answer 503, and name no gateway */

        if (ngx_ohttp_relay_problems[i].status == status && status != 503) {
            return NGX_OHTTP_RELAY_FIRST_PROBLEM + i;
        }
    }

    if (status == 503) {
        return NGX_OHTTP_RELAY_RATE_LIMITED;
    }

    /* an unknown transfer coding or version of HTTP is the client's */

    return (status < 500 || status == 501 || status == 505)
           ? NGX_OHTTP_RELAY_MALFORMED_REQUEST
           : NGX_OHTTP_RELAY_GATEWAY_UNAVAILABLE;
}


ngx_int_t
ngx_ohttp_relay_problem_head(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx,
    ngx_uint_t status)
{
    ngx_ohttp_relay_fault_t  *fault;

    ngx_str_set(&r->headers_out.content_type, "application/problem+json");

    fault = ctx->profile ? ngx_ohttp_relay_profile_fault(ctx) : NULL;

    if (fault) {
        ngx_str_set(&r->headers_out.content_type, "application/json");
        ctx->body = fault->body;

    } else if (ngx_ohttp_relay_problem_text(r, ctx, status) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->problem = 1;

    r->headers_out.status = status;
    r->headers_out.status_line.len = 0;
    r->headers_out.content_length_n = ctx->body.len;
    r->headers_out.content_type_lowcase = NULL;
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    /* nginx 1.22 knows no reasons for these */

    if (status == NGX_OHTTP_RELAY_UNPROCESSABLE) {
        ngx_str_set(&r->headers_out.status_line, "422 Unprocessable Content");

    } else if (status == NGX_OHTTP_RELAY_TOO_EARLY_STATUS) {
        ngx_str_set(&r->headers_out.status_line, "425 Too Early");

    } else if (status == NGX_OHTTP_RELAY_FIELDS_TOO_LARGE) {
        ngx_str_set(&r->headers_out.status_line,
                    "431 Request Header Fields Too Large");
    }

    ngx_http_clear_location(r);

    return ngx_ohttp_relay_problem_headers(r, ctx);
}


/*
 * Clients of OpenGradient choose another gateway when they read these words of
 * one that they have named.
 */

static char *
ngx_ohttp_relay_problem_detail(ngx_ohttp_relay_ctx_t *ctx)
{
    if (ctx->result == NGX_OHTTP_RELAY_GATEWAY_UNKNOWN
        && ctx->named
        && ctx->pool->select == NGX_OHTTP_RELAY_SELECT_HEADER)
    {
        return "Selected TEE is not active in the registry of this relay; "
               "choose another one, and seal a new request to its key.";
    }

    return ngx_ohttp_relay_problem(ctx->result)->detail;
}


/* the body, with a type that is registered where there is one */

static ngx_int_t
ngx_ohttp_relay_problem_text(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx,
    ngx_uint_t status)
{
    char                       *detail;
    u_char                     *p;
    size_t                      len;
    ngx_str_t                  *code, *base, *name;
    ngx_ohttp_relay_problem_t  *problem;

    static ngx_str_t  urn = ngx_string("urn:ohttp-relay:problem:");

    /* RFC 9458, section 5.3 */
    static ngx_str_t  iana = ngx_string("https://iana.org/assignments/"
                                        "http-problem-types#");
    static ngx_str_t  key = ngx_string("ohttp-key");

    static char  body[] =
        "{\"type\":\"%V%V\",\"title\":\"%s\","
        "\"status\":%ui,\"detail\":\"%s\","
        "\"error\":{\"message\":\"%s\",\"type\":\"relay_error\","
        "\"param\":null,\"code\":\"%V\"}}\n";

    problem = ngx_ohttp_relay_problem(ctx->result);
    detail = ngx_ohttp_relay_problem_detail(ctx);
    code = &ngx_ohttp_relay_result_names[ctx->result];

    base = &urn;
    name = code;

    if (ctx->result == NGX_OHTTP_RELAY_UNKNOWN_KEY) {
        base = &iana;
        name = &key;
    }

    len = sizeof(body) + NGX_INT_T_LEN + base->len + name->len + code->len
          + ngx_strlen(problem->title) + 2 * ngx_strlen(detail);

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->body.data = p;
    ctx->body.len = ngx_snprintf(p, len, body, base, name, problem->title,
                                 status, detail, detail, code)
                    - p;

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_problem_headers(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_int_t                    rc;
    ngx_ohttp_relay_loc_conf_t  *rlcf;

    static ngx_str_t  cache_control = ngx_string("Cache-Control");
    static ngx_str_t  no_store = ngx_string("no-store");
    static ngx_str_t  allow = ngx_string("Allow");

    if (ngx_ohttp_relay_add_header(r, &cache_control, &no_store) != NGX_OK) {
        return NGX_ERROR;
    }

    rlcf = ngx_http_get_module_loc_conf(r, ngx_ohttp_relay_module);

    switch (ctx->result) {

    case NGX_OHTTP_RELAY_METHOD_NOT_ALLOWED:
        rc = ngx_ohttp_relay_add_header(r, &allow,
                                       ngx_ohttp_relay_problem_allow(r, ctx));
        break;

    case NGX_OHTTP_RELAY_CREDENTIAL_REQUIRED:
    case NGX_OHTTP_RELAY_CREDENTIAL_INVALID:
    case NGX_OHTTP_RELAY_CREDENTIAL_EXPIRED:
    case NGX_OHTTP_RELAY_TOKEN_SPENT:
        rc = ngx_ohttp_relay_problem_challenges(r, rlcf->keys ? NULL
                                                              : rlcf->auth);
        break;

    case NGX_OHTTP_RELAY_RATE_LIMITED:
    case NGX_OHTTP_RELAY_GATEWAY_UNAVAILABLE:
    case NGX_OHTTP_RELAY_GATEWAY_NOT_ATTESTED:
    case NGX_OHTTP_RELAY_STORE_UNAVAILABLE:
        rc = ngx_ohttp_relay_problem_retry(r, ctx);
        break;

    default:
        rc = NGX_OK;
    }

    return rc == NGX_OK ? ngx_ohttp_relay_proxy_status(r, ctx) : rc;
}


/* RFC 9110, section 10.2.1: which methods there are */

static ngx_str_t *
ngx_ohttp_relay_problem_allow(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_loc_conf_t  *rlcf;

    static ngx_str_t  post = ngx_string("POST");
    static ngx_str_t  post_options = ngx_string("POST, OPTIONS");
    static ngx_str_t  get = ngx_string("GET");
    static ngx_str_t  get_options = ngx_string("GET, OPTIONS");
    static ngx_str_t  get_head = ngx_string("GET, HEAD");

    rlcf = ngx_http_get_module_loc_conf(r, ngx_ohttp_relay_module);

    if (rlcf->keys) {
        return &get_head;
    }

    if (ctx->exchange && ctx->exchange->route
        && ctx->exchange->route->method == NGX_HTTP_GET)
    {
        return rlcf->origins ? &get_options : &get;
    }

    return rlcf->origins ? &post_options : &post;
}


/* RFC 9110, section 11.6.1: what would be accepted */

static ngx_int_t
ngx_ohttp_relay_problem_challenges(ngx_http_request_t *r,
    ngx_ohttp_relay_auth_t *auth)
{
    ngx_str_t   *challenge;
    ngx_uint_t   n;

    static ngx_str_t  name = ngx_string("WWW-Authenticate");

    /* nginx's own auth_basic brings a challenge of its own */

    if (!ngx_ohttp_relay_auth_asks(auth)) {
        return NGX_OK;
    }

    for (n = 0; /* void */ ; n++) {

        challenge = ngx_ohttp_relay_access_challenge(auth, n);

        if (challenge == NULL) {
            return NGX_OK;
        }

        if (ngx_ohttp_relay_add_header(r, &name, challenge) != NGX_OK) {
            return NGX_ERROR;
        }
    }
}


static ngx_int_t
ngx_ohttp_relay_problem_retry(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_str_t  value;

    static ngx_str_t  name = ngx_string("Retry-After");

    value.data = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "%ui", ngx_max(ctx->retry_after, 1))
                - value.data;

    return ngx_ohttp_relay_add_header(r, &name, &value);
}


/* whether a gateway could be reached at all is worth a word of its own */

static char *
ngx_ohttp_relay_proxy_error(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    if (r->upstream && !r->upstream->request_sent) {

        if (ctx->result == NGX_OHTTP_RELAY_GATEWAY_ERROR) {
            return "destination_unavailable";
        }

        if (ctx->result == NGX_OHTTP_RELAY_GATEWAY_TIMEOUT) {
            return "connection_timeout";
        }
    }

    return ngx_ohttp_relay_problem(ctx->result)->error;
}


static ngx_int_t
ngx_ohttp_relay_proxy_status(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    u_char     *p, *last;
    size_t      len;
    ngx_str_t   value;

    static ngx_str_t  name = ngx_string("Proxy-Status");

    len = sizeof("ohttp-relay; error=; received-status=; details=\"\"")
          + sizeof("destination_unavailable") + NGX_INT_T_LEN
          + sizeof("unsupported_media_type");

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = ngx_snprintf(p, len, "ohttp-relay; error=%s",
                        ngx_ohttp_relay_proxy_error(r, ctx));

    if (ctx->refused_status) {
        last = ngx_snprintf(last, p + len - last, "; received-status=%ui",
                            ctx->refused_status);
    }

    last = ngx_snprintf(last, p + len - last, "; details=\"%V\"",
                        &ngx_ohttp_relay_result_names[ctx->result]);

    value.data = p;
    value.len = last - p;

    return ngx_ohttp_relay_add_header(r, &name, &value);
}


ngx_chain_t *
ngx_ohttp_relay_problem_body(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_buf_t    *b;
    ngx_chain_t  *out;

    b = ngx_calloc_buf(r->pool);
    out = ngx_alloc_chain_link(r->pool);

    if (b == NULL || out == NULL) {
        return NULL;
    }

    b->pos = ctx->body.data;
    b->last = ctx->body.data + ctx->body.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out->buf = b;
    out->next = NULL;

    return out;
}
