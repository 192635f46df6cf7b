
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../codec/selector.h"
#include "../conf/conf.h"
#include "block.h"
#include "opaque.h"
#include "pool.h"


#define NGX_OHTTP_RELAY_KEY_IDS  256


static ngx_ohttp_relay_pool_t *ngx_ohttp_relay_pool_find(
    ngx_ohttp_relay_gateways_t *gateways, ngx_str_t *name);
static char *ngx_ohttp_relay_pool_select(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_ohttp_relay_pool_header(ngx_conf_t *cf,
    ngx_ohttp_relay_pool_t *pool, ngx_str_t *name);
static char *ngx_ohttp_relay_pool_keys(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


static ngx_command_t  ngx_ohttp_relay_pool_commands[] = {

    { ngx_string("select"),
      NGX_CONF_TAKE1,
      ngx_ohttp_relay_pool_select,
      0,
      0,
      NULL },

    { ngx_string("keys"),
      NGX_CONF_TAKE1,
      ngx_ohttp_relay_pool_keys,
      0,
      0,
      NULL },

    { ngx_string("default"),
      NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      0,
      offsetof(ngx_ohttp_relay_pool_t, fallback_name),
      NULL },

      ngx_null_command
};


/* what the relay reads for itself, or lets nobody choose by */

static ngx_str_t  ngx_ohttp_relay_pool_reserved[] = {
    ngx_string("authorization"),
    ngx_string("proxy-authorization"),
    ngx_string("cookie"),
    ngx_string("origin"),
    ngx_string("early-data"),
    ngx_null_string
};


char *
ngx_ohttp_relay_pool_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ohttp_relay_gateways_t *gateways = conf;

    char                     *rv;
    ngx_str_t                *value;
    ngx_ohttp_relay_pool_t   *pool, **slot;

    value = cf->args->elts;

    if (ngx_ohttp_relay_conf_name(cf, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_ohttp_relay_pool_find(gateways, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate ohttp_relay_pool \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    pool = ngx_ohttp_relay_pool_create(cf->pool, &value[1]);
    slot = ngx_array_push(&gateways->pools);

    if (pool == NULL || slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = pool;
    pool->file = cf->conf_file->file.name.data;
    pool->line = cf->conf_file->line;

    rv = ngx_ohttp_relay_conf_block(cf, ngx_ohttp_relay_pool_commands, pool);

    return rv == NGX_CONF_OK ? ngx_ohttp_relay_pool_complete(cf, pool) : rv;
}


static ngx_ohttp_relay_pool_t *
ngx_ohttp_relay_pool_find(ngx_ohttp_relay_gateways_t *gateways,
    ngx_str_t *name)
{
    ngx_uint_t                i;
    ngx_ohttp_relay_pool_t  **pool;

    pool = gateways->pools.elts;

    for (i = 0; i < gateways->pools.nelts; i++) {
        if (ngx_ohttp_relay_conf_equal(&pool[i]->name, name)) {
            return pool[i];
        }
    }

    return NULL;
}


ngx_ohttp_relay_pool_t *
ngx_ohttp_relay_pool_create(ngx_pool_t *memory, ngx_str_t *name)
{
    ngx_ohttp_relay_pool_t  *pool;

    pool = ngx_pcalloc(memory, sizeof(ngx_ohttp_relay_pool_t));

    if (pool) {
        pool->name = *name;
    }

    return pool;
}


char *
ngx_ohttp_relay_pool_directive(ngx_conf_t *cf, ngx_ohttp_relay_pool_t *pool)
{
    return ngx_ohttp_relay_conf_apply(cf, ngx_ohttp_relay_pool_commands, pool);
}


char *
ngx_ohttp_relay_pool_complete(ngx_conf_t *cf, ngx_ohttp_relay_pool_t *pool)
{
    if (pool->select_set || pool->shared) {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "ohttp_relay_pool \"%V\" has no \"select\"; only with "
                       "\"keys shared\" any gateway will do", &pool->name);

    return NGX_CONF_ERROR;
}


static char *
ngx_ohttp_relay_pool_select(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ohttp_relay_pool_t *pool = conf;

    ngx_str_t  *value, name;

    if (pool->select_set) {
        return "is duplicate";
    }

    pool->select_set = 1;

    value = cf->args->elts;
    name = value[1];

    if (ngx_strcmp(name.data, "path") == 0) {
        pool->select = NGX_OHTTP_RELAY_SELECT_PATH;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(name.data, "key_id") == 0) {
        pool->select = NGX_OHTTP_RELAY_SELECT_KEY_ID;
        return NGX_CONF_OK;
    }

    /* both are of one length */

    if (ngx_strncmp(name.data, "header:", sizeof("header:") - 1) == 0) {
        pool->select = NGX_OHTTP_RELAY_SELECT_HEADER;

    } else if (ngx_strncmp(name.data, "target:", sizeof("target:") - 1) == 0) {
        pool->select = NGX_OHTTP_RELAY_SELECT_TARGET;

    } else {
        return "wants header:NAME, target:NAME, path or key_id";
    }

    name.data += sizeof("header:") - 1;
    name.len -= sizeof("header:") - 1;

    return ngx_ohttp_relay_pool_header(cf, pool, &name);
}


static char *
ngx_ohttp_relay_pool_header(ngx_conf_t *cf, ngx_ohttp_relay_pool_t *pool,
    ngx_str_t *name)
{
    ngx_str_t  *field;

    if (!ngx_ohttp_relay_field_name(name)
        || ngx_strlchr(name->data, name->data + name->len, '_'))
    {
        return "wants the name of a header, and nginx drops those with \"_\"";
    }

    pool->header.len = name->len;
    pool->header.data = ngx_pnalloc(cf->pool, name->len);

    if (pool->header.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_strlow(pool->header.data, name->data, name->len);

    if (ngx_ohttp_relay_field_reserved(name)) {
        return "names a header that means something else";
    }

    for (field = ngx_ohttp_relay_pool_reserved; field->len; field++) {
        if (ngx_ohttp_relay_conf_equal(field, &pool->header)) {
            return "names a header that means something else";
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_pool_keys(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ohttp_relay_pool_t *pool = conf;

    ngx_str_t  *value;

    if (pool->keys_set) {
        return "is duplicate";
    }

    pool->keys_set = 1;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "shared") == 0) {
        pool->shared = 1;
        return NGX_CONF_OK;
    }

    return ngx_strcmp(value[1].data, "per-gateway") == 0
           ? NGX_CONF_OK : "wants \"per-gateway\" or \"shared\"";
}


char *
ngx_ohttp_relay_selector_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ohttp_relay_gateway_t *gateway = conf;

    u_char      buf[NGX_OHTTP_RELAY_SELECTOR_MAX];
    ngx_str_t  *value;

    if (gateway->selector.len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    gateway->selector.len = ngx_ohttp_relay_selector(value[1].data,
                                                 value[1].data + value[1].len,
                                                 buf);
    if (gateway->selector.len == 0) {
        return "wants 1 to 128 visible characters, or 0x and hexadecimal "
               "digits";
    }

    /* as it is compared */

    gateway->selector.data = ngx_pnalloc(cf->pool, gateway->selector.len);

    if (gateway->selector.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(gateway->selector.data, buf, gateway->selector.len);

    return NGX_CONF_OK;
}


char *
ngx_ohttp_relay_key_ids_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ohttp_relay_gateway_t *gateway = conf;

    ngx_int_t    id;
    ngx_str_t   *value;
    ngx_uint_t   i;

    static char  wrong[] = "wants numbers from 0 to 255, or 0x00 to 0xff";

    if (gateway->nkey_ids) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts > NGX_OHTTP_RELAY_KEY_IDS + 1) {
        return "names an id twice";
    }

    gateway->key_ids = ngx_pnalloc(cf->pool, cf->args->nelts - 1);
    if (gateway->key_ids == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        id = ngx_strncmp(value[i].data, "0x", 2) == 0
             ? ngx_hextoi(value[i].data + 2, value[i].len - 2)
             : ngx_atoi(value[i].data, value[i].len);

        if (id < 0 || id >= NGX_OHTTP_RELAY_KEY_IDS) {
            return wrong;
        }

        if (ngx_strlchr(gateway->key_ids, gateway->key_ids + i - 1,
                        (u_char) id))
        {
            return "names an id twice";
        }

        gateway->key_ids[i - 1] = (u_char) id;
        gateway->nkey_ids = i;
    }

    return NGX_CONF_OK;
}
