
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../conf/conf.h"
#include "block.h"
#include "slots.h"


/* seconds */
#define NGX_OHTTP_RELAY_MAX_REPLAY  (24 * 60 * 60)


static ngx_uint_t ngx_ohttp_relay_field_pays(ngx_str_t *name);


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


/*
 * What a gateway has to say to who pays it (x402).  Some of it pays for more:
 * whoever knows an X-Upto-Session spends the relay's money.
 */

static ngx_str_t  ngx_ohttp_relay_payment_fields[] = {
    ngx_string("x-upto"),
    ngx_string("x-payment"),
    ngx_string("payment-"),
    ngx_null_string
};


char *
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


char *
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


char *
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


char *
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

        if (ngx_ohttp_relay_field_pays(&value[i])) {
            return "names a header of the payment between relay and gateway";
        }

        name = ngx_array_push(gateway->pass_response_headers);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    return NGX_CONF_OK;
}


char *
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


char *
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


char *
ngx_ohttp_relay_gateway_policy(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ohttp_relay_gateway_t *gateway = conf;

    ngx_str_t  *value;

    if (gateway->policy.len) {
        return "is duplicate";
    }

    value = cf->args->elts;
    gateway->policy = value[1];

    return ngx_ohttp_relay_conf_name(cf, &value[1]) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


char *
ngx_ohttp_relay_gateway_agent_url(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    char  *p = conf;

    ngx_str_t                      *value, *field;
    ngx_ohttp_relay_gateway_url_t   url;

    field = (ngx_str_t *) (p + cmd->offset);

    if (field->len) {
        return "is duplicate";
    }

    value = cf->args->elts;
    *field = value[1];

    return ngx_ohttp_relay_gateway_url(value[1].data,
                                       value[1].data + value[1].len, &url)
           == NGX_OHTTP_RELAY_OK
           ? NGX_CONF_OK
           : "wants http:// or https://, a host, perhaps a port and a path, "
             "and neither user name nor fragment";
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


static ngx_uint_t
ngx_ohttp_relay_field_pays(ngx_str_t *name)
{
    ngx_str_t  *field;

    for (field = ngx_ohttp_relay_payment_fields; field->len; field++) {
        if (name->len >= field->len
            && ngx_strncasecmp(name->data, field->data, field->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}
