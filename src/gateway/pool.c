
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
#include "select.h"


#define NGX_OHTTP_RELAY_KEY_IDS     256
#define NGX_OHTTP_RELAY_MAX_WEIGHT  65535


static char *ngx_ohttp_relay_pool_select(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_ohttp_relay_pool_header(ngx_conf_t *cf,
    ngx_ohttp_relay_pool_t *pool, ngx_str_t *name);
static char *ngx_ohttp_relay_pool_keys(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

static ngx_int_t ngx_ohttp_relay_pool_join(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways, ngx_ohttp_relay_gateway_t *gateway);
static char *ngx_ohttp_relay_pool_wrong(ngx_ohttp_relay_pool_t *pool,
    ngx_ohttp_relay_gateway_t *gateway);
static ngx_uint_t ngx_ohttp_relay_pool_is_fallback(
    ngx_ohttp_relay_pool_t *pool, ngx_ohttp_relay_gateway_t *gateway);
static ngx_int_t ngx_ohttp_relay_pool_add_member(ngx_conf_t *cf,
    ngx_ohttp_relay_pool_t *pool, ngx_ohttp_relay_gateway_t *gateway);
static ngx_int_t ngx_ohttp_relay_pool_add(ngx_conf_t *cf,
    ngx_ohttp_relay_pool_t *pool, ngx_ohttp_relay_gateway_t *gateway,
    ngx_str_t *key);
static ngx_ohttp_relay_choice_t *ngx_ohttp_relay_pool_choice(ngx_conf_t *cf,
    ngx_ohttp_relay_pool_t *pool, ngx_str_t *key);
static ngx_int_t ngx_ohttp_relay_pool_init(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways, ngx_ohttp_relay_pool_t *pool);
static char *ngx_ohttp_relay_pool_init_fallback(
    ngx_ohttp_relay_pool_t *pool);


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

    pool = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_pool_t));
    slot = ngx_array_push(&gateways->pools);

    if (pool == NULL || slot == NULL
        || ngx_array_init(&pool->choices, cf->pool, 4,
                          sizeof(ngx_ohttp_relay_choice_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    *slot = pool;
    pool->name = value[1];
    pool->file = cf->conf_file->file.name.data;
    pool->line = cf->conf_file->line;

    rv = ngx_ohttp_relay_conf_block(cf, ngx_ohttp_relay_pool_commands, pool);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (!pool->select_set && !pool->shared) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "ohttp_relay_pool \"%V\" has no \"select\"; only "
                           "with \"keys shared\" any gateway will do",
                           &pool->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
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


ngx_int_t
ngx_ohttp_relay_pools_init(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways)
{
    ngx_uint_t                   i;
    ngx_ohttp_relay_pool_t     **pool;
    ngx_ohttp_relay_gateway_t  **gateway;

    gateway = gateways->gateways.elts;

    for (i = 0; i < gateways->gateways.nelts; i++) {
        if (ngx_ohttp_relay_pool_join(cf, gateways, gateway[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    pool = gateways->pools.elts;

    for (i = 0; i < gateways->pools.nelts; i++) {
        if (ngx_ohttp_relay_pool_init(cf, gateways, pool[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_pool_join(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways, ngx_ohttp_relay_gateway_t *gateway)
{
    char                    *wrong;
    ngx_ohttp_relay_pool_t  *pool;

    pool = NULL;

    if (gateway->pool_name.len) {
        pool = ngx_ohttp_relay_pool_find(gateways, &gateway->pool_name);

        wrong = pool ? ngx_ohttp_relay_pool_wrong(pool, gateway)
                     : "there is no such \"pool\"";

    } else if (gateway->selector.len || gateway->nkey_ids
               || gateway->weight != NGX_CONF_UNSET_UINT)
    {
        wrong = "\"selector\", \"key_ids\" and \"weight\" need a \"pool\"";

    } else {
        return NGX_OK;
    }

    if (wrong) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "gateway \"%V\": %s in %s:%ui", &gateway->name, wrong,
                      gateway->file, gateway->line);
        return NGX_ERROR;
    }

    ngx_conf_init_uint_value(gateway->weight, 1);

    gateway->pool = pool;

    pool->profile = gateway->profile;
    pool->kinds |= gateway->kinds;
    pool->max_body = ngx_max(pool->max_body, gateway->max_body);

    return ngx_ohttp_relay_pool_add_member(cf, pool, gateway);
}


/* what is wrong with a gateway as a member; NULL if nothing is */

static char *
ngx_ohttp_relay_pool_wrong(ngx_ohttp_relay_pool_t *pool,
    ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_uint_t  named;

    if (gateway->weight != NGX_CONF_UNSET_UINT
        && (gateway->weight == 0
            || gateway->weight > NGX_OHTTP_RELAY_MAX_WEIGHT))
    {
        return "\"weight\" must be 1 to 65535";
    }

    named = pool->select == NGX_OHTTP_RELAY_SELECT_HEADER
            || pool->select == NGX_OHTTP_RELAY_SELECT_PATH;

    if (gateway->selector.len && !named) {
        return "its pool does not choose by a \"selector\"";
    }

    if (gateway->nkey_ids && pool->select != NGX_OHTTP_RELAY_SELECT_KEY_ID) {
        return "its pool does not choose by \"key_ids\"";
    }

    if (!gateway->nkey_ids && pool->select == NGX_OHTTP_RELAY_SELECT_KEY_ID) {
        return "its pool chooses by key id, and it has no \"key_ids\"";
    }

    if (named && gateway->selector.len == 0
        && !ngx_ohttp_relay_pool_is_fallback(pool, gateway))
    {
        return "it has no \"selector\", so nothing could choose it";
    }

    return ngx_ohttp_relay_opaque_pool_wrong(pool, gateway);
}


static ngx_uint_t
ngx_ohttp_relay_pool_is_fallback(ngx_ohttp_relay_pool_t *pool,
    ngx_ohttp_relay_gateway_t *gateway)
{
    return ngx_ohttp_relay_conf_equal(&pool->fallback_name, &gateway->name);
}


static ngx_int_t
ngx_ohttp_relay_pool_add_member(ngx_conf_t *cf, ngx_ohttp_relay_pool_t *pool,
    ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_str_t   key;
    ngx_uint_t  i;

    if (pool->select == NGX_OHTTP_RELAY_SELECT_TARGET) {
        return ngx_ohttp_relay_pool_add(cf, pool, gateway,
                                        &gateway->url_text);
    }

    /* without a selector an empty one, which no request can name */

    if (pool->select != NGX_OHTTP_RELAY_SELECT_KEY_ID) {
        return ngx_ohttp_relay_pool_add(cf, pool, gateway,
                                        &gateway->selector);
    }

    for (i = 0; i < gateway->nkey_ids; i++) {

        key.data = &gateway->key_ids[i];
        key.len = 1;

        if (ngx_ohttp_relay_pool_add(cf, pool, gateway, &key) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_pool_add(ngx_conf_t *cf, ngx_ohttp_relay_pool_t *pool,
    ngx_ohttp_relay_gateway_t *gateway, ngx_str_t *key)
{
    ngx_ohttp_relay_choice_t    *choice;
    ngx_ohttp_relay_gateway_t  **member;

    choice = ngx_ohttp_relay_pool_choice(cf, pool, key);
    if (choice == NULL) {
        return NGX_ERROR;
    }

    if (choice->members.nelts && !pool->shared) {
        member = choice->members.elts;

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "gateway \"%V\": the same would choose gateway \"%V\" "
                      "of pool \"%V\", whose keys are not shared, in %s:%ui",
                      &gateway->name, &member[0]->name, &pool->name,
                      gateway->file, gateway->line);
        return NGX_ERROR;
    }

    /* what is new for one must be new for all */

    if (choice->members.nelts) {
        member = choice->members.elts;

        if (member[0]->replay_window != gateway->replay_window) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "gateway \"%V\": its \"replay_window\" is not that "
                          "of gateway \"%V\" with the same key in %s:%ui",
                          &gateway->name, &member[0]->name, gateway->file,
                          gateway->line);
            return NGX_ERROR;
        }
    }

    member = ngx_array_push(&choice->members);
    if (member == NULL) {
        return NGX_ERROR;
    }

    *member = gateway;
    choice->weight += gateway->weight;

    return NGX_OK;
}


/* the one with this key; made if there is none, NULL without memory */

static ngx_ohttp_relay_choice_t *
ngx_ohttp_relay_pool_choice(ngx_conf_t *cf, ngx_ohttp_relay_pool_t *pool,
    ngx_str_t *key)
{
    ngx_uint_t                 i;
    ngx_ohttp_relay_choice_t  *choice;

    choice = pool->choices.elts;

    for (i = 0; i < pool->choices.nelts; i++) {
        if (ngx_ohttp_relay_conf_equal(&choice[i].key, key)) {
            return &choice[i];
        }
    }

    choice = ngx_array_push(&pool->choices);

    if (choice == NULL
        || ngx_array_init(&choice->members, cf->pool, 1,
                          sizeof(ngx_ohttp_relay_gateway_t *))
           != NGX_OK)
    {
        return NULL;
    }

    choice->key = *key;
    choice->weight = 0;

    return choice;
}


static ngx_int_t
ngx_ohttp_relay_pool_init(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways, ngx_ohttp_relay_pool_t *pool)
{
    char  *wrong;

    if (ngx_ohttp_relay_gateway_find(gateways, &pool->name)) {
        wrong = "a gateway has the same name";

    } else if (pool->choices.nelts == 0) {
        wrong = "no gateway is in it";

    } else {
        ngx_qsort(pool->choices.elts, pool->choices.nelts,
                  sizeof(ngx_ohttp_relay_choice_t),
                  ngx_ohttp_relay_select_compare);

        wrong = ngx_ohttp_relay_pool_init_fallback(pool);
    }

    if (wrong) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "ohttp_relay_pool \"%V\": %s in %s:%ui", &pool->name,
                      wrong, pool->file, pool->line);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* returns what is wrong with it, or NULL */

static char *
ngx_ohttp_relay_pool_init_fallback(ngx_ohttp_relay_pool_t *pool)
{
    ngx_uint_t                   i, n;
    ngx_ohttp_relay_choice_t    *choice;
    ngx_ohttp_relay_gateway_t  **member;

    choice = pool->choices.elts;

    if (pool->select == NGX_OHTTP_RELAY_SELECT_ANY) {
        pool->fallback = choice;

        return pool->fallback_name.len
               ? "\"default\" has no meaning without \"select\"" : NULL;
    }

    if (pool->fallback_name.len == 0) {
        return NULL;
    }

    if (pool->select == NGX_OHTTP_RELAY_SELECT_KEY_ID) {
        return "\"default\" has no meaning with \"select key_id\": each "
               "request has one";
    }

    for (i = 0; i < pool->choices.nelts; i++) {

        member = choice[i].members.elts;

        for (n = 0; n < choice[i].members.nelts; n++) {
            if (ngx_ohttp_relay_pool_is_fallback(pool, member[n])) {
                pool->fallback = &choice[i];
                return NULL;
            }
        }
    }

    return "\"default\" is not the name of a gateway in it";
}


ngx_ohttp_relay_pool_t *
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
