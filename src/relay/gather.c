
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "gather.h"


#define NGX_OHTTP_RELAY_GATHER_MIN  4096
#define NGX_OHTTP_RELAY_GATHER_MAX  65536


static ngx_int_t ngx_ohttp_relay_gather_grow(ngx_pool_t *pool,
    ngx_ohttp_relay_gather_t *gather);


ngx_int_t
ngx_ohttp_relay_gather(ngx_pool_t *pool, ngx_ohttp_relay_gather_t *gather,
    ngx_chain_t *in)
{
    size_t      n;
    ngx_buf_t  *b, *to;

    for ( /* void */ ; in; in = in->next) {

        b = in->buf;

        while (b->pos < b->last) {

            if ((gather->last == NULL
                 || gather->last->buf->last == gather->last->buf->end)
                && ngx_ohttp_relay_gather_grow(pool, gather) != NGX_OK)
            {
                return NGX_ERROR;
            }

            to = gather->last->buf;
            n = ngx_min(b->last - b->pos, to->end - to->last);

            to->last = ngx_cpymem(to->last, b->pos, n);
            b->pos += n;
            gather->size += n;
        }
    }

    return NGX_OK;
}


/* each buffer is as large as all before it, within bounds */

static ngx_int_t
ngx_ohttp_relay_gather_grow(ngx_pool_t *pool, ngx_ohttp_relay_gather_t *gather)
{
    size_t        size;
    ngx_chain_t  *cl;

    size = ngx_max(NGX_OHTTP_RELAY_GATHER_MIN,
                   ngx_min(gather->size, NGX_OHTTP_RELAY_GATHER_MAX));

    cl = ngx_alloc_chain_link(pool);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    cl->next = NULL;
    cl->buf = ngx_create_temp_buf(pool, size);

    if (cl->buf == NULL) {
        return NGX_ERROR;
    }

    if (gather->last) {
        gather->last->next = cl;

    } else {
        gather->first = cl;
    }

    gather->last = cl;

    return NGX_OK;
}
