
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "answer.h"
#include "billing.h"
#include "handler.h"


#define ngx_ohttp_relay_billing_is(name, lower)                              \
    ngx_ohttp_relay_token_equal((name)->data, (name)->data + (name)->len,    \
                                lower, sizeof(lower) - 1)


static ngx_ohttp_relay_billed_t *ngx_ohttp_relay_billing_get(
    ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_billing_json(ngx_http_request_t *r,
    ngx_ohttp_relay_billed_t *billed, ngx_ohttp_relay_slice_t *piece);
static void ngx_ohttp_relay_billing_broken(ngx_http_request_t *r, char *what);


ngx_int_t
ngx_ohttp_relay_billing_field(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_ohttp_relay_field_t *field)
{
    size_t                     figure;
    ngx_ohttp_relay_slice_t   *value;
    ngx_ohttp_relay_billed_t  *billed;

    if (ngx_ohttp_relay_billing_is(&field->name, "x-inference-cost-opg")) {
        figure = offsetof(ngx_ohttp_relay_bill_t, cost_opg);

    } else if (ngx_ohttp_relay_billing_is(&field->name,
                                          "x-inference-cost-usd"))
    {
        figure = offsetof(ngx_ohttp_relay_bill_t, cost_usd);

    } else if (ngx_ohttp_relay_billing_is(&field->name,
                                          "x-inference-price-opg-usd"))
    {
        figure = offsetof(ngx_ohttp_relay_bill_t, opg_price_usd);

    } else {
        return NGX_OK;
    }

    value = &field->value;

    if (!ngx_ohttp_relay_is_figure(value->data, value->data + value->len,
                                   figure != offsetof(ngx_ohttp_relay_bill_t,
                                                      cost_opg)))
    {
        return NGX_OK;
    }

    billed = ngx_ohttp_relay_billing_get(r, ctx);
    if (billed == NULL) {
        return NGX_ERROR;
    }

    *(ngx_ohttp_relay_slice_t *) ((u_char *) &billed->bill + figure) = *value;

    return NGX_OK;
}


static ngx_ohttp_relay_billed_t *
ngx_ohttp_relay_billing_get(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    if (ctx->billed == NULL) {
        ctx->billed = ngx_pcalloc(r->pool, sizeof(ngx_ohttp_relay_billed_t));
    }

    return ctx->billed;
}


ngx_int_t
ngx_ohttp_relay_billing_follow(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_billed_t  *billed;

    billed = ngx_ohttp_relay_billing_get(r, ctx);
    if (billed == NULL) {
        return NGX_ERROR;
    }

    ngx_ohttp_relay_billing_init(&billed->frame, ctx->envelope.aead);

    billed->follow = 1;

    return NGX_OK;
}


ngx_int_t
ngx_ohttp_relay_billing_input(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, u_char *p, u_char *last)
{
    int                        rc;
    const u_char              *next;
    ngx_ohttp_relay_slice_t    piece;
    ngx_ohttp_relay_billed_t  *billed;

    billed = ctx->billed;
    next = p;

    while (!r->upstream->error) {

        rc = ngx_ohttp_relay_billing(&billed->frame, &next, last, &piece);

        if (rc == NGX_OHTTP_RELAY_AGAIN) {
            break;
        }

        if (rc == NGX_OHTTP_RELAY_OK) {

            if (ngx_ohttp_relay_input_append(r, ctx, (u_char *) piece.data,
                                            (u_char *) piece.data + piece.len)
                != NGX_OK)
            {
                return NGX_ERROR;
            }

        } else if (rc == NGX_OHTTP_RELAY_ERROR) {
            ngx_ohttp_relay_billing_broken(r, "that is too long");

        } else if (ctx->gateway->billing_frame
                   == NGX_OHTTP_RELAY_BILLING_REJECT)
        {
            ngx_ohttp_relay_billing_broken(r, "and must not");

        } else if (ngx_ohttp_relay_billing_json(r, billed, &piece) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * The first bill is read, and what comes after it is only taken out: a gateway
 * could send any number of them.
 */

static ngx_int_t
ngx_ohttp_relay_billing_json(ngx_http_request_t *r,
    ngx_ohttp_relay_billed_t *billed, ngx_ohttp_relay_slice_t *piece)
{
    ngx_ohttp_relay_bill_t  bill;

    if (billed->read) {
        return NGX_OK;
    }

    /* the length of the whole is known to be small: see codec/billing.h */

    if (billed->json == NULL) {
        billed->json = ngx_pnalloc(r->pool, piece->len + billed->frame.left);
        if (billed->json == NULL) {
            return NGX_ERROR;
        }

        billed->json_last = billed->json;
    }

    billed->json_last = ngx_cpymem(billed->json_last, piece->data, piece->len);

    if (billed->frame.left) {
        return NGX_OK;
    }

    billed->read = 1;

    if (ngx_ohttp_relay_bill(billed->json, billed->json_last, &bill)
        != NGX_OHTTP_RELAY_OK)
    {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "gateway sent a bill that cannot be read");
        return NGX_OK;
    }

    billed->bill = bill;

    return NGX_OK;
}


/* no end of the body ends it well any more: see answer.c */

static void
ngx_ohttp_relay_billing_broken(ngx_http_request_t *r, char *what)
{
    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "gateway sent a bill %s", what);

    r->upstream->error = 1;
    r->upstream->length = 1;
}


ngx_int_t
ngx_ohttp_relay_billing_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_ohttp_relay_ctx_t    *ctx;
    ngx_ohttp_relay_slice_t  *figure;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);

    if (ctx == NULL || ctx->billed == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    figure = (ngx_ohttp_relay_slice_t *)
                 ((u_char *) &ctx->billed->bill + data);

    if (figure->len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = (u_char *) figure->data;
    v->len = figure->len;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}
