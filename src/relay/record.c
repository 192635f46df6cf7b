
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "billing.h"
#include "handler.h"
#include "record.h"


static ngx_ohttp_relay_result_e ngx_ohttp_relay_result(
    ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx);
static void ngx_ohttp_relay_record_times(ngx_http_request_t *r,
    ngx_ohttp_relay_observation_t *observation);
static ngx_int_t ngx_ohttp_relay_variable_gateway(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_ohttp_relay_variable_result(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_ohttp_relay_variable_suite(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_ohttp_relay_variable_auth(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_ohttp_relay_variable_tier(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_ohttp_relay_variable_set(ngx_http_variable_value_t *v,
    u_char *data, size_t len);


static ngx_http_variable_t  ngx_ohttp_relay_variables[] = {

    { ngx_string("ohttp_relay_gateway"), NULL,
      ngx_ohttp_relay_variable_gateway, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("ohttp_relay_result"), NULL,
      ngx_ohttp_relay_variable_result, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("ohttp_relay_suite"), NULL,
      ngx_ohttp_relay_variable_suite, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("ohttp_relay_auth"), NULL,
      ngx_ohttp_relay_variable_auth, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("ohttp_relay_tier"), NULL,
      ngx_ohttp_relay_variable_tier, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("ohttp_relay_cost_opg"), NULL,
      ngx_ohttp_relay_billing_variable,
      offsetof(ngx_ohttp_relay_bill_t, cost_opg),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("ohttp_relay_cost_usd"), NULL,
      ngx_ohttp_relay_billing_variable,
      offsetof(ngx_ohttp_relay_bill_t, cost_usd),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("ohttp_relay_opg_price_usd"), NULL,
      ngx_ohttp_relay_billing_variable,
      offsetof(ngx_ohttp_relay_bill_t, opg_price_usd),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_ohttp_relay_record(ngx_http_request_t *r)
{
    ngx_ohttp_relay_ctx_t          *ctx;
    ngx_ohttp_relay_counters_t     *counters;
    ngx_ohttp_relay_loc_conf_t     *rlcf;
    ngx_ohttp_relay_main_conf_t    *rmcf;
    ngx_ohttp_relay_observation_t   observation;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);

    if (ctx == NULL || !ngx_ohttp_relay_owns(r)) {
        return NGX_OK;
    }

    rlcf = ngx_http_get_module_loc_conf(r, ngx_ohttp_relay_module);

    observation.result = ngx_ohttp_relay_result(r, ctx);
    observation.request_size = -1;
    observation.response_size = -1;
    observation.connect_time = -1;
    observation.first_byte_time = -1;

    rmcf = ngx_http_get_module_main_conf(r, ngx_ohttp_relay_module);
    counters = ngx_ohttp_relay_metrics_none(rmcf->metrics);

    if (ctx->gateway) {
        counters = ctx->gateway->counters;

        if (!rlcf->keys) {
            observation.request_size = ctx->received;
        }

        if (ctx->answered) {
            observation.response_size = ctx->sent;
        }

        ngx_ohttp_relay_record_times(r, &observation);
    }

    ngx_ohttp_relay_metrics_count(counters, &observation);

    return NGX_OK;
}


static ngx_ohttp_relay_result_e
ngx_ohttp_relay_result(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    if (ctx->result != NGX_OHTTP_RELAY_RESULT_NONE) {
        return ctx->result;
    }

    /* another module has answered, or nobody could any more */

    return ctx->filtered ? NGX_OHTTP_RELAY_RESULT_NONE
                         : NGX_OHTTP_RELAY_RESULT_CLIENT_CLOSED;
}


static void
ngx_ohttp_relay_record_times(ngx_http_request_t *r,
    ngx_ohttp_relay_observation_t *observation)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (u == NULL || u->state == NULL) {
        return;
    }

    if (!u->peer.cached && u->state->connect_time != (ngx_msec_t) -1) {
        observation->connect_time = u->state->connect_time;
    }

    if (u->state->header_time != (ngx_msec_t) -1) {
        observation->first_byte_time = u->state->header_time;
    }
}


ngx_int_t
ngx_ohttp_relay_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_ohttp_relay_variables; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_variable_gateway(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_ohttp_relay_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);

    if (ctx == NULL || ctx->gateway == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_ohttp_relay_variable_set(v, ctx->gateway->name.data,
                                 ctx->gateway->name.len);

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_variable_result(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t              *name;
    ngx_ohttp_relay_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);

    if (ctx == NULL || !ngx_ohttp_relay_owns(r)) {
        v->not_found = 1;
        return NGX_OK;
    }

    name = &ngx_ohttp_relay_result_names[ngx_ohttp_relay_result(r, ctx)];

    ngx_ohttp_relay_variable_set(v, name->data, name->len);

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_variable_suite(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                 *p;
    ngx_ohttp_relay_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);

    if (ctx == NULL || !ctx->suite) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_OHTTP_RELAY_SUITE_MAX);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_ohttp_relay_variable_set(v, p,
                  ngx_ohttp_relay_envelope_suite(&ctx->envelope, p,
                                                 NGX_OHTTP_RELAY_SUITE_MAX));

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_variable_auth(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t              *kind;
    ngx_ohttp_relay_ctx_t  *ctx;

    static ngx_str_t  token = ngx_string("token");
    static ngx_str_t  jwt = ngx_string("jwt");

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);

    if (ctx == NULL || ctx->permit == NULL || !ctx->permit->admitted) {
        v->not_found = 1;
        return NGX_OK;
    }

    kind = ctx->permit->admission.key ? &token : &jwt;

    ngx_ohttp_relay_variable_set(v, kind->data, kind->len);

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_variable_tier(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                    *name;
    ngx_ohttp_relay_ctx_t        *ctx;
    ngx_ohttp_relay_admission_t  *admission;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);

    if (ctx == NULL || ctx->permit == NULL || !ctx->permit->admitted) {
        v->not_found = 1;
        return NGX_OK;
    }

    admission = &ctx->permit->admission;
    name = admission->key ? &admission->key->name : &admission->issuer->name;

    ngx_ohttp_relay_variable_set(v, name->data, name->len);

    return NGX_OK;
}


static void
ngx_ohttp_relay_variable_set(ngx_http_variable_value_t *v, u_char *data,
    size_t len)
{
    v->data = data;
    v->len = len;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;
}
