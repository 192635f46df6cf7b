
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "block.h"
#include "row.h"
#include "verdicts.h"


/* bytes: most rows fit, with all that belongs to them; each worker has all */
#define NGX_OHTTP_RELAY_ROW_MEMORY  5120


static ngx_int_t ngx_ohttp_relay_row_apply(ngx_conf_t *cf,
    ngx_ohttp_relay_gateway_t *gateway, ngx_ohttp_relay_registry_row_t *row);
static ngx_int_t ngx_ohttp_relay_row_args(ngx_conf_t *cf,
    ngx_ohttp_relay_registry_directive_t *directive);
static ngx_int_t ngx_ohttp_relay_row_copy(ngx_pool_t *memory, ngx_str_t *to,
    ngx_ohttp_relay_slice_t *from);


ngx_ohttp_relay_gateway_t *
ngx_ohttp_relay_row_gateway(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways, ngx_log_t *log,
    ngx_ohttp_relay_registry_row_t *row)
{
    ngx_str_t                   name;
    ngx_conf_t                  own;
    ngx_pool_t                 *memory;
    ngx_ohttp_relay_gateway_t  *gateway;

    memory = ngx_create_pool(NGX_OHTTP_RELAY_ROW_MEMORY, log);
    if (memory == NULL) {
        return NULL;
    }

    own = *cf;
    own.pool = memory;

    gateway = NULL;

    if (ngx_ohttp_relay_row_copy(memory, &name, &row->name) == NGX_OK) {
        gateway = ngx_ohttp_relay_gateway_create(memory, &name);
    }

    if (gateway == NULL) {
        ngx_destroy_pool(memory);
        return NULL;
    }

    gateway->memory = memory;
    gateway->refs = 1;
    gateway->admin = row->admin;

    ngx_memcpy(gateway->sha256, row->sha256, sizeof(gateway->sha256));
    ngx_memcpy(gateway->entry_sha256, row->entry_sha256,
               sizeof(gateway->entry_sha256));

    if (ngx_ohttp_relay_row_apply(&own, gateway, row) != NGX_OK
        || ngx_ohttp_relay_gateway_init(&own, gateways, gateway) != NGX_OK)
    {
        ngx_destroy_pool(memory);
        return NULL;
    }

    ngx_ohttp_relay_verdicts_bind(gateway, row->policy);

    return gateway;
}


static ngx_int_t
ngx_ohttp_relay_row_apply(ngx_conf_t *cf, ngx_ohttp_relay_gateway_t *gateway,
    ngx_ohttp_relay_registry_row_t *row)
{
    ngx_uint_t  i;

    for (i = 0; i < row->ndirectives; i++) {
        if (ngx_ohttp_relay_row_args(cf, &row->directives[i]) != NGX_OK
            || ngx_ohttp_relay_gateway_directive(cf, gateway) != NGX_CONF_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_ohttp_relay_gateway_complete(cf, gateway) == NGX_CONF_OK
           ? NGX_OK : NGX_ERROR;
}


ngx_ohttp_relay_pool_t *
ngx_ohttp_relay_row_pool(ngx_conf_t *cf, ngx_ohttp_relay_registry_row_t *row)
{
    ngx_str_t                name;
    ngx_uint_t               i;
    ngx_ohttp_relay_pool_t  *pool;

    if (ngx_ohttp_relay_row_copy(cf->pool, &name, &row->name) != NGX_OK) {
        return NULL;
    }

    pool = ngx_ohttp_relay_pool_create(cf->pool, &name);
    if (pool == NULL) {
        return NULL;
    }

    for (i = 0; i < row->ndirectives; i++) {
        if (ngx_ohttp_relay_row_args(cf, &row->directives[i]) != NGX_OK
            || ngx_ohttp_relay_pool_directive(cf, pool) != NGX_CONF_OK)
        {
            return NULL;
        }
    }

    return ngx_ohttp_relay_pool_complete(cf, pool) == NGX_CONF_OK ? pool
                                                                  : NULL;
}


/* as nginx has read them: what a setter keeps must live as long as its block */

static ngx_int_t
ngx_ohttp_relay_row_args(ngx_conf_t *cf,
    ngx_ohttp_relay_registry_directive_t *directive)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    cf->args->nelts = 0;

    for (i = 0; i < directive->argc; i++) {

        value = ngx_array_push(cf->args);

        if (value == NULL
            || ngx_ohttp_relay_row_copy(cf->pool, value, &directive->argv[i])
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* with a NUL behind it */

static ngx_int_t
ngx_ohttp_relay_row_copy(ngx_pool_t *memory, ngx_str_t *to,
    ngx_ohttp_relay_slice_t *from)
{
    to->len = from->len;
    to->data = ngx_pnalloc(memory, from->len + 1);

    if (to->data == NULL) {
        return NGX_ERROR;
    }

    *ngx_cpymem(to->data, from->data, from->len) = '\0';

    return NGX_OK;
}
