
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "../codec/hex.h"
#include "../codec/token.h"
#include "../conf/conf.h"
#include "challenge.h"
#include "gateways.h"
#include "spki.h"


#define NGX_OHTTP_RELAY_MAX_SPKI    8192
#define NGX_OHTTP_RELAY_MAX_ORIGIN  1024
#define NGX_OHTTP_RELAY_MAX_USES    1000000
#define NGX_OHTTP_RELAY_MIN_WINDOW  60
#define NGX_OHTTP_RELAY_MAX_WINDOW  (366 * 24 * 60 * 60)


static ngx_ohttp_relay_token_key_t *ngx_ohttp_relay_token_key_add(
    ngx_conf_t *cf, ngx_array_t *keys, ngx_str_t *name);
static char *ngx_ohttp_relay_token_key_complete(ngx_conf_t *cf,
    ngx_ohttp_relay_token_key_t *key);
static ngx_ohttp_relay_token_key_t *ngx_ohttp_relay_token_key_same(
    ngx_array_t *keys, ngx_ohttp_relay_token_key_t *key);
static char *ngx_ohttp_relay_token_key_file(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_ohttp_relay_token_key_issuer(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_ohttp_relay_token_key_origin(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_ohttp_relay_token_key_context(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_ohttp_relay_token_key_window(
    ngx_ohttp_relay_token_key_t *key, ngx_str_t *value);
static char *ngx_ohttp_relay_token_key_uses(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_ohttp_relay_token_key_expires(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static time_t ngx_ohttp_relay_token_key_time(ngx_str_t *value);
static ngx_uint_t ngx_ohttp_relay_token_key_within(u_char *p, ngx_int_t least,
    ngx_int_t most);


static ngx_command_t  ngx_ohttp_relay_token_key_commands[] = {

    { ngx_string("key"),
      NGX_CONF_TAKE1,
      ngx_ohttp_relay_token_key_file,
      0,
      0,
      NULL },

    { ngx_string("issuer"),
      NGX_CONF_TAKE1,
      ngx_ohttp_relay_token_key_issuer,
      0,
      0,
      NULL },

    { ngx_string("origin"),
      NGX_CONF_TAKE1,
      ngx_ohttp_relay_token_key_origin,
      0,
      0,
      NULL },

    { ngx_string("context"),
      NGX_CONF_TAKE1,
      ngx_ohttp_relay_token_key_context,
      0,
      0,
      NULL },

    { ngx_string("uses"),
      NGX_CONF_1MORE,
      ngx_ohttp_relay_token_key_uses,
      0,
      0,
      NULL },

    { ngx_string("rate"),
      NGX_CONF_1MORE,
      ngx_ohttp_relay_limit_slot,
      0,
      offsetof(ngx_ohttp_relay_token_key_t, limit),
      NULL },

    { ngx_string("expires"),
      NGX_CONF_TAKE1,
      ngx_ohttp_relay_token_key_expires,
      0,
      0,
      NULL },

    { ngx_string("gateways"),
      NGX_CONF_1MORE,
      ngx_ohttp_relay_gateways_slot,
      0,
      offsetof(ngx_ohttp_relay_token_key_t, gateways),
      NULL },

      ngx_null_command
};


char *
ngx_ohttp_relay_token_key_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_array_t *keys = (ngx_array_t *) ((u_char *) conf + cmd->offset);

    char                         *rv;
    ngx_str_t                    *value;
    ngx_ohttp_relay_token_key_t  *key, *same;

    value = cf->args->elts;

    if (ngx_ohttp_relay_conf_name(cf, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    key = ngx_ohttp_relay_token_key_add(cf, keys, &value[1]);
    if (key == NULL) {
        return NGX_CONF_ERROR;
    }

    rv = ngx_ohttp_relay_conf_block(cf, ngx_ohttp_relay_token_key_commands,
                                    key);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_ohttp_relay_token_key_complete(cf, key);

    if (rv != NGX_CONF_OK && rv != NGX_CONF_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "token key \"%V\" %s",
                           &key->name, rv);
        return NGX_CONF_ERROR;
    }

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    same = ngx_ohttp_relay_token_key_same(keys, key);

    if (same) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "token key \"%V\" has the key and the challenge of "
                           "\"%V\": a token would be of both plans",
                           &key->name, &same->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_ohttp_relay_token_key_t *
ngx_ohttp_relay_token_key_add(ngx_conf_t *cf, ngx_array_t *keys,
    ngx_str_t *name)
{
    ngx_uint_t                     i;
    ngx_ohttp_relay_token_key_t   *key, **slot;

    slot = keys->elts;

    for (i = 0; i < keys->nelts; i++) {
        if (ngx_ohttp_relay_conf_equal(&slot[i]->name, name)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate token key \"%V\"", name);
            return NULL;
        }
    }

    key = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_token_key_t));
    slot = ngx_array_push(keys);

    if (key == NULL || slot == NULL) {
        return NULL;
    }

    *slot = key;
    key->name = *name;
    key->file = cf->conf_file->file.name.data;
    key->line = cf->conf_file->line;

    return key;
}


static char *
ngx_ohttp_relay_token_key_complete(ngx_conf_t *cf,
    ngx_ohttp_relay_token_key_t *key)
{
    if (key->spki.len == 0) {
        return "has no \"key\"";
    }

    if (key->issuer.len == 0) {
        return "has no \"issuer\"";
    }

    if (key->uses == 0) {
        key->uses = 1;
    }

    if (key->uses == 1 && (key->limit.burst || key->lifetime)) {
        return "works once: \"rate\" and \"per\" are for more \"uses\"";
    }

    if (key->expires == 0) {
        key->expires = NGX_OHTTP_RELAY_KEY_NO_END;

        if (key->window == 0) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "token key \"%V\" never expires: what is spent "
                               "has to be remembered for ever", &key->name);
        }
    }

    key->challenge = ngx_ohttp_relay_challenge_create(cf->pool, key);

    return key->challenge ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* another one with tokens that cannot be told from those of this one */

static ngx_ohttp_relay_token_key_t *
ngx_ohttp_relay_token_key_same(ngx_array_t *keys,
    ngx_ohttp_relay_token_key_t *key)
{
    ngx_uint_t                     i;
    ngx_ohttp_relay_token_key_t  **slot;

    slot = keys->elts;

    for (i = 0; i < keys->nelts; i++) {

        if (slot[i] != key
            && slot[i]->window == key->window
            && ngx_memcmp(slot[i]->id, key->id, NGX_OHTTP_RELAY_KEY_ID) == 0
            && ngx_ohttp_relay_conf_equal(&slot[i]->issuer, &key->issuer)
            && ngx_ohttp_relay_conf_equal(&slot[i]->origin, &key->origin)
            && ngx_ohttp_relay_conf_equal(&slot[i]->context, &key->context))
        {
            return slot[i];
        }
    }

    return NULL;
}


static char *
ngx_ohttp_relay_token_key_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ohttp_relay_token_key_t *key = conf;

    ngx_str_t  *value, content;

    if (key->spki.len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_ohttp_relay_conf_read(cf, &value[1], 1, NGX_OHTTP_RELAY_MAX_SPKI,
                                  0, &content)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_ohttp_relay_spki_read(cf, &content, key);
}


static char *
ngx_ohttp_relay_token_key_issuer(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_ohttp_relay_token_key_t *key = conf;

    ngx_str_t  *value;

    if (key->issuer.len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_ohttp_relay_challenge_issuer(value[1].data,
                                         value[1].data + value[1].len)
        != NGX_OHTTP_RELAY_OK)
    {
        return "wants a host, perhaps with a port, as in issuer.example";
    }

    key->issuer = value[1];

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_token_key_origin(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_ohttp_relay_token_key_t *key = conf;

    ngx_str_t  *value;

    if (key->origin.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len > NGX_OHTTP_RELAY_MAX_ORIGIN
        || ngx_ohttp_relay_challenge_origin(value[1].data,
                                            value[1].data + value[1].len)
           != NGX_OHTTP_RELAY_OK)
    {
        return "wants hosts, perhaps with ports, joined by \",\", of 1024 "
               "bytes at most";
    }

    key->origin = value[1];

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_token_key_context(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_ohttp_relay_token_key_t *key = conf;

    u_char     *context;
    ngx_str_t  *value;

    if (key->context.data || key->window) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "none") == 0) {
        key->context.data = value[1].data;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value[1].data, "window=", 7) == 0) {
        return ngx_ohttp_relay_token_key_window(key, &value[1]);
    }

    context = ngx_pnalloc(cf->pool, NGX_OHTTP_RELAY_CONTEXT);
    if (context == NULL) {
        return NGX_CONF_ERROR;
    }

    if (value[1].len != 2 * NGX_OHTTP_RELAY_CONTEXT
        || ngx_ohttp_relay_hex(value[1].data, value[1].data + value[1].len,
                               context)
           != NGX_OHTTP_RELAY_OK)
    {
        return "wants \"none\", \"window=TIME\" or 64 hexadecimal digits";
    }

    key->context.data = context;
    key->context.len = NGX_OHTTP_RELAY_CONTEXT;

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_token_key_window(ngx_ohttp_relay_token_key_t *key,
    ngx_str_t *value)
{
    time_t     window;
    ngx_str_t  length;

    length.data = value->data + 7;
    length.len = value->len - 7;

    window = ngx_parse_time(&length, 1);

    if (window == (time_t) NGX_ERROR
        || window < NGX_OHTTP_RELAY_MIN_WINDOW
        || window > NGX_OHTTP_RELAY_MAX_WINDOW)
    {
        return "wants a window from 1m to 366d";
    }

    key->window = window;

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_token_key_uses(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ohttp_relay_token_key_t *key = conf;

    ngx_int_t   uses;
    ngx_str_t  *value;

    if (key->uses) {
        return "is duplicate";
    }

    value = cf->args->elts;
    uses = ngx_atoi(value[1].data, value[1].len);

    if (uses < 1 || uses > NGX_OHTTP_RELAY_MAX_USES) {
        return "wants a number from 1 to 1000000";
    }

    key->uses = uses;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (cf->args->nelts != 4 || ngx_strcmp(value[2].data, "per") != 0) {
        return "takes a number, or a number \"per\" a time, as in 50 per 10m";
    }

    key->lifetime = ngx_parse_time(&value[3], 1);

    if (key->lifetime < 1) {
        return "wants a time such as 10m after \"per\"";
    }

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_token_key_expires(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_ohttp_relay_token_key_t *key = conf;

    ngx_str_t  *value;

    if (key->expires) {
        return "is duplicate";
    }

    value = cf->args->elts;

    key->expires = ngx_ohttp_relay_token_key_time(&value[1]);

    if (key->expires <= 0) {
        return "wants a time as in 2027-01-01T00:00:00Z";
    }

    if (key->expires <= ngx_time()) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "the tokens of token key \"%V\" have expired",
                           &key->name);
    }

    return NGX_CONF_OK;
}


/* RFC 3339 in UTC; -1 if it is anything else */

static time_t
ngx_ohttp_relay_token_key_time(ngx_str_t *value)
{
    time_t      t;
    ngx_tm_t    tm;
    ngx_uint_t  i;

    static char  form[] = "0000-00-00T00:00:00Z";

    if (value->len != sizeof(form) - 1) {
        return -1;
    }

    for (i = 0; i < value->len; i++) {
        if (form[i] == '0' ? (value->data[i] < '0' || value->data[i] > '9')
                           : value->data[i] != form[i])
        {
            return -1;
        }
    }

    /* what is beyond would be taken for a later time */

    if (!ngx_ohttp_relay_token_key_within(value->data + 5, 1, 12)
        || !ngx_ohttp_relay_token_key_within(value->data + 11, 0, 23)
        || !ngx_ohttp_relay_token_key_within(value->data + 14, 0, 59)
        || !ngx_ohttp_relay_token_key_within(value->data + 17, 0, 59))
    {
        return -1;
    }

    ngx_memzero(&tm, sizeof(ngx_tm_t));

    tm.ngx_tm_year = ngx_atoi(value->data, 4) - 1900;
    tm.ngx_tm_mon = ngx_atoi(value->data + 5, 2) - 1;
    tm.ngx_tm_mday = ngx_atoi(value->data + 8, 2);
    tm.ngx_tm_hour = ngx_atoi(value->data + 11, 2);
    tm.ngx_tm_min = ngx_atoi(value->data + 14, 2);
    tm.ngx_tm_sec = ngx_atoi(value->data + 17, 2);

    i = tm.ngx_tm_mday;
    t = timegm(&tm);

    /* the 30th of February would become another day */

    return (ngx_uint_t) tm.ngx_tm_mday == i ? t : -1;
}


/* two digits */

static ngx_uint_t
ngx_ohttp_relay_token_key_within(u_char *p, ngx_int_t least, ngx_int_t most)
{
    ngx_int_t  n;

    n = ngx_atoi(p, 2);

    return n >= least && n <= most;
}
