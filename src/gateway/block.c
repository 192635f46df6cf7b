
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../conf/conf.h"
#include "block.h"
#include "pool.h"


/* seconds */
#define NGX_OHTTP_RELAY_MAX_REPLAY  (24 * 60 * 60)


static ngx_ohttp_relay_gateway_t *ngx_ohttp_relay_gateway_create(
    ngx_pool_t *pool);

static char *ngx_ohttp_relay_gateway_url_slot(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_ohttp_relay_gateway_pin_slot(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_ohttp_relay_gateway_request_header(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_ohttp_relay_gateway_response_header(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_ohttp_relay_gateway_media_types(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_ohttp_relay_gateway_replay_window(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


static ngx_conf_bitmask_t  ngx_ohttp_relay_tls_protocols[] = {
    { ngx_string("TLSv1.2"), NGX_SSL_TLSv1_2 },
    { ngx_string("TLSv1.3"), NGX_SSL_TLSv1_3 },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_ohttp_relay_keys_formats[] = {
    { ngx_string("as-is"), NGX_OHTTP_RELAY_KEYS_AS_IS },
    { ngx_string("list"), NGX_OHTTP_RELAY_KEYS_AS_LIST },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_ohttp_relay_unknown_keys[] = {
    { ngx_string("pass"), 0 },
    { ngx_string("400"), 400 },
    { ngx_string("422"), 422 },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_ohttp_relay_tls_commands[] = {

    { ngx_string("trusted_certificate"),
      NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      0,
      offsetof(ngx_ohttp_relay_tls_t, trusted_certificate),
      NULL },

    { ngx_string("certificate"),
      NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      0,
      offsetof(ngx_ohttp_relay_tls_t, certificate),
      NULL },

    { ngx_string("certificate_key"),
      NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      0,
      offsetof(ngx_ohttp_relay_tls_t, certificate_key),
      NULL },

    { ngx_string("password_file"),
      NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      0,
      offsetof(ngx_ohttp_relay_tls_t, password_file),
      NULL },

    { ngx_string("crl"),
      NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      0,
      offsetof(ngx_ohttp_relay_tls_t, crl),
      NULL },

    { ngx_string("ciphers"),
      NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      0,
      offsetof(ngx_ohttp_relay_tls_t, ciphers),
      NULL },

    { ngx_string("protocols"),
      NGX_CONF_1MORE,
      ngx_conf_set_bitmask_slot,
      0,
      offsetof(ngx_ohttp_relay_tls_t, protocols),
      &ngx_ohttp_relay_tls_protocols },

    { ngx_string("verify_depth"),
      NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      0,
      offsetof(ngx_ohttp_relay_tls_t, verify_depth),
      NULL },

      ngx_null_command
};


static ngx_command_t  ngx_ohttp_relay_gateway_commands[] = {

    { ngx_string("url"),
      NGX_CONF_TAKE1,
      ngx_ohttp_relay_gateway_url_slot,
      0,
      0,
      NULL },

    { ngx_string("tls"),
      NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, tls),
      NULL },

    { ngx_string("ssl_pin"),
      NGX_CONF_1MORE,
      ngx_ohttp_relay_gateway_pin_slot,
      0,
      0,
      NULL },

    { ngx_string("ssl_name"),
      NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, tls_name),
      NULL },

    { ngx_string("insecure"),
      NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, insecure),
      NULL },

    { ngx_string("request_header"),
      NGX_CONF_TAKE2,
      ngx_ohttp_relay_gateway_request_header,
      0,
      0,
      NULL },

    { ngx_string("pass_response_header"),
      NGX_CONF_1MORE,
      ngx_ohttp_relay_gateway_response_header,
      0,
      0,
      NULL },

    { ngx_string("media_types"),
      NGX_CONF_1MORE,
      ngx_ohttp_relay_gateway_media_types,
      0,
      0,
      NULL },

    { ngx_string("max_body"),
      NGX_CONF_TAKE1,
      ngx_conf_set_off_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, max_body),
      NULL },

    { ngx_string("buffer_size"),
      NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, upstream.buffer_size),
      NULL },

    { ngx_string("connect_timeout"),
      NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, upstream.connect_timeout),
      NULL },

    { ngx_string("send_timeout"),
      NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, upstream.send_timeout),
      NULL },

    { ngx_string("read_timeout"),
      NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, upstream.read_timeout),
      NULL },

    { ngx_string("keepalive"),
      NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, keepalive),
      NULL },

    { ngx_string("keepalive_requests"),
      NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, keepalive_requests),
      NULL },

    { ngx_string("keepalive_timeout"),
      NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, keepalive_timeout),
      NULL },

    { ngx_string("replay_window"),
      NGX_CONF_TAKE1,
      ngx_ohttp_relay_gateway_replay_window,
      0,
      0,
      NULL },

    { ngx_string("max_in_flight"),
      NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, max_in_flight),
      NULL },

    { ngx_string("pool"),
      NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, pool_name),
      NULL },

    { ngx_string("selector"),
      NGX_CONF_TAKE1,
      ngx_ohttp_relay_selector_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, selector),
      NULL },

    { ngx_string("key_ids"),
      NGX_CONF_1MORE,
      ngx_ohttp_relay_key_ids_slot,
      0,
      0,
      NULL },

    { ngx_string("weight"),
      NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, weight),
      NULL },

    { ngx_string("keys_file"),
      NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, keys_file),
      NULL },

    { ngx_string("keys_format"),
      NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, keys_format),
      &ngx_ohttp_relay_keys_formats },

    { ngx_string("keys_max_age"),
      NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, keys_max_age),
      NULL },

    { ngx_string("unknown_key"),
      NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, unknown_key),
      &ngx_ohttp_relay_unknown_keys },

      ngx_null_command
};


/* headers that the relay writes itself, or that belong to one connection */

static ngx_str_t  ngx_ohttp_relay_reserved_fields[] = {
    ngx_string("host"),
    ngx_string("content-type"),
    ngx_string("content-length"),
    ngx_string("transfer-encoding"),
    ngx_string("incremental"),
    ngx_string("connection"),
    ngx_string("keep-alive"),
    ngx_string("proxy-connection"),
    ngx_string("te"),
    ngx_string("trailer"),
    ngx_string("upgrade"),
    ngx_string("expect"),
    ngx_null_string
};


char *
ngx_ohttp_relay_gateway_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ohttp_relay_gateways_t *gateways = conf;

    char                        *rv;
    ngx_str_t                   *value;
    ngx_ohttp_relay_gateway_t   *gateway, **slot;

    value = cf->args->elts;

    if (ngx_ohttp_relay_conf_name(cf, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_ohttp_relay_gateway_find(gateways, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate gateway \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    gateway = ngx_ohttp_relay_gateway_create(cf->pool);
    slot = ngx_array_push(&gateways->gateways);

    if (gateway == NULL || slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = gateway;
    gateway->name = value[1];
    gateway->index = gateways->gateways.nelts - 1;
    gateway->file = cf->conf_file->file.name.data;
    gateway->line = cf->conf_file->line;

    rv = ngx_ohttp_relay_conf_block(cf, ngx_ohttp_relay_gateway_commands,
                                    gateway);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (gateway->url_text.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "gateway \"%V\" has no \"url\"", &gateway->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_ohttp_relay_tls_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ohttp_relay_gateways_t *gateways = conf;

    ngx_str_t               *value;
    ngx_uint_t               i;
    ngx_ohttp_relay_tls_t   *tls, **slot;

    value = cf->args->elts;

    if (ngx_ohttp_relay_conf_name(cf, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    slot = gateways->tls.elts;

    for (i = 0; i < gateways->tls.nelts; i++) {
        if (ngx_ohttp_relay_conf_equal(&slot[i]->name, &value[1])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate ohttp_relay_tls \"%V\"", &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    tls = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_tls_t));
    slot = ngx_array_push(&gateways->tls);

    if (tls == NULL || slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = tls;
    tls->name = value[1];
    tls->verify_depth = NGX_CONF_UNSET_UINT;

    return ngx_ohttp_relay_conf_block(cf, ngx_ohttp_relay_tls_commands, tls);
}


static ngx_ohttp_relay_gateway_t *
ngx_ohttp_relay_gateway_create(ngx_pool_t *pool)
{
    ngx_ohttp_relay_gateway_t  *gateway;

    gateway = ngx_pcalloc(pool, sizeof(ngx_ohttp_relay_gateway_t));
    if (gateway == NULL) {
        return NULL;
    }

    gateway->max_body = NGX_CONF_UNSET;
    gateway->keepalive = NGX_CONF_UNSET_UINT;
    gateway->keepalive_requests = NGX_CONF_UNSET_UINT;
    gateway->keepalive_timeout = NGX_CONF_UNSET_MSEC;
    gateway->max_in_flight = NGX_CONF_UNSET_UINT;
    gateway->replay_window = NGX_CONF_UNSET;
    gateway->weight = NGX_CONF_UNSET_UINT;
    ngx_str_set(&gateway->selector, "");
    gateway->insecure = NGX_CONF_UNSET;
    gateway->keys_format = NGX_CONF_UNSET_UINT;
    gateway->keys_max_age = NGX_CONF_UNSET;
    gateway->unknown_key = NGX_CONF_UNSET_UINT;
    gateway->upstream.buffer_size = NGX_CONF_UNSET_SIZE;
    gateway->upstream.connect_timeout = NGX_CONF_UNSET_MSEC;
    gateway->upstream.send_timeout = NGX_CONF_UNSET_MSEC;
    gateway->upstream.read_timeout = NGX_CONF_UNSET_MSEC;

    return gateway;
}


static char *
ngx_ohttp_relay_gateway_url_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_ohttp_relay_gateway_t *gateway = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (gateway->url_text.len) {
        return "is duplicate";
    }

    gateway->url_text = value[1];

    if (ngx_ohttp_relay_gateway_url(value[1].data,
                                    value[1].data + value[1].len,
                                    &gateway->url)
        != NGX_OHTTP_RELAY_OK)
    {
        return "wants http:// or https://, a host, perhaps a port and a path, "
               "and neither user name nor fragment";
    }

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_gateway_pin_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_ohttp_relay_gateway_t *gateway = conf;

    ngx_str_t              *value;
    ngx_uint_t              i;
    ngx_ohttp_relay_pin_t  *pin;

    value = cf->args->elts;

    if (gateway->pins == NULL) {
        gateway->pins = ngx_array_create(cf->pool, 2,
                                         sizeof(ngx_ohttp_relay_pin_t));
        if (gateway->pins == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    for (i = 1; i < cf->args->nelts; i++) {

        pin = ngx_array_push(gateway->pins);
        if (pin == NULL) {
            return NGX_CONF_ERROR;
        }

        if (ngx_ohttp_relay_pin(value[i].data, value[i].data + value[i].len,
                                pin)
            != NGX_OHTTP_RELAY_OK)
        {
            return "wants cert-sha256:<64 hex digits> or "
                   "spki-sha256:<64 hex digits>";
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_gateway_request_header(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_ohttp_relay_gateway_t *gateway = conf;

    ngx_str_t     *value;
    ngx_keyval_t  *header;

    value = cf->args->elts;

    if (!ngx_ohttp_relay_field_name(&value[1])) {
        return "wants the name of a header";
    }

    if (ngx_ohttp_relay_field_reserved(&value[1])) {
        return "names a header that the relay writes itself";
    }

    if (ngx_strlchr(value[2].data, value[2].data + value[2].len, '$')) {
        return "takes a constant: a variable could tell clients apart";
    }

    if (!ngx_ohttp_relay_is_text(value[2].data,
                                 value[2].data + value[2].len))
    {
        return "has control characters in its value";
    }

    if (gateway->request_headers == NULL) {
        gateway->request_headers = ngx_array_create(cf->pool, 2,
                                                    sizeof(ngx_keyval_t));
        if (gateway->request_headers == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    header = ngx_array_push(gateway->request_headers);
    if (header == NULL) {
        return NGX_CONF_ERROR;
    }

    header->key = value[1];
    header->value = value[2];

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_gateway_response_header(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_ohttp_relay_gateway_t *gateway = conf;

    ngx_str_t   *value, *name;
    ngx_uint_t   i;

    value = cf->args->elts;

    if (gateway->pass_response_headers == NULL) {
        gateway->pass_response_headers = ngx_array_create(cf->pool, 4,
                                                          sizeof(ngx_str_t));
        if (gateway->pass_response_headers == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (!ngx_ohttp_relay_field_name(&value[i])) {
            return "wants names of headers";
        }

        if (ngx_ohttp_relay_field_reserved(&value[i])) {
            return "names a header that the relay writes itself";
        }

        name = ngx_array_push(gateway->pass_response_headers);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_gateway_media_types(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_ohttp_relay_gateway_t *gateway = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    if (gateway->kinds) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        switch (ngx_ohttp_relay_media_type(value[i].data,
                                           value[i].data + value[i].len))
        {
        case NGX_OHTTP_RELAY_MEDIA_REQ:
            gateway->kinds |= NGX_OHTTP_RELAY_KIND_SINGLE;
            break;

        case NGX_OHTTP_RELAY_MEDIA_CHUNKED_REQ:
            gateway->kinds |= NGX_OHTTP_RELAY_KIND_CHUNKED;
            break;

        default:
            return "wants message/ohttp-req or message/ohttp-chunked-req";
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_gateway_replay_window(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_ohttp_relay_gateway_t *gateway = conf;

    ngx_str_t  *value;

    if (gateway->replay_window != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        gateway->replay_window = 0;
        return NGX_CONF_OK;
    }

    gateway->replay_window = ngx_parse_time(&value[1], 1);

    if (gateway->replay_window < 1
        || gateway->replay_window > NGX_OHTTP_RELAY_MAX_REPLAY)
    {
        return "wants \"off\" or a time from 1s to 1d";
    }

    return NGX_CONF_OK;
}


ngx_uint_t
ngx_ohttp_relay_field_name(ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < name->len; i++) {
        if (!(ngx_ohttp_relay_byte_class[name->data[i]]
              & NGX_OHTTP_RELAY_BYTE_TOKEN))
        {
            return 0;
        }
    }

    return i != 0;
}


ngx_uint_t
ngx_ohttp_relay_field_reserved(ngx_str_t *name)
{
    ngx_str_t  *field;

    for (field = ngx_ohttp_relay_reserved_fields; field->len; field++) {
        if (ngx_ohttp_relay_token_equal(name->data, name->data + name->len,
                                        (char *) field->data, field->len))
        {
            return 1;
        }
    }

    return 0;
}
