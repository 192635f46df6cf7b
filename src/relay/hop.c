
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../codec/response_head.h"
#include "hop.h"


static void ngx_ohttp_relay_drop_listed(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_ohttp_relay_slice_t *list);
static void ngx_ohttp_relay_drop_named(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_ohttp_relay_slice_t *name);


/* Connection may stand behind what it names, so the whole head is there */

void
ngx_ohttp_relay_drop_hop(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_buf_t                      *b;
    const u_char                   *p;
    ngx_ohttp_relay_field_t         field;
    ngx_ohttp_relay_status_line_t   line;

    b = &r->upstream->buffer;

    (void) ngx_ohttp_relay_status_line(b->start, b->pos, &line);

    for (p = b->start + line.length;
         ngx_ohttp_relay_field_line(p, b->pos, &field) == NGX_OHTTP_RELAY_OK;
         p += field.length)
    {
        if (ngx_ohttp_relay_field_id(&field.name)
            == NGX_OHTTP_RELAY_FIELD_CONNECTION)
        {
            ngx_ohttp_relay_drop_listed(r, ctx, &field.value);
        }
    }
}


static void
ngx_ohttp_relay_drop_listed(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_slice_t *list)
{
    const u_char             *p, *end, *comma, *last;
    ngx_ohttp_relay_slice_t   name;

    last = list->data + list->len;

    for (p = list->data; p < last; p = comma + 1) {

        for (comma = p; comma < last && *comma != ','; comma++) { /* void */ }

        name.data = p;
        end = comma;

        ngx_ohttp_relay_trim(&name.data, &end);

        name.len = end - name.data;

        ngx_ohttp_relay_drop_named(r, ctx, &name);
    }
}


static void
ngx_ohttp_relay_drop_named(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_slice_t *name)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == name->len
                && ngx_strncasecmp(h[i].key.data, (u_char *) name->data,
                                   name->len)
                   == 0)
            {
                h[i].hash = 0;
            }
        }
    }

    /* these two are said by the relay, or by nginx, in their place */

    switch (ngx_ohttp_relay_field_id(name)) {

    case NGX_OHTTP_RELAY_FIELD_CACHE_CONTROL:
        ctx->cache_control = 0;
        break;

    case NGX_OHTTP_RELAY_FIELD_DATE:
        r->headers_out.date = NULL;
        break;

    default:
        break;
    }
}
