
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../conf/conf.h"
#include "block.h"
#include "eject.h"
#include "slots.h"


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


static ngx_conf_enum_t  ngx_ohttp_relay_attestations[] = {
    { ngx_string("off"), NGX_OHTTP_RELAY_ATTESTATION_OFF },
    { ngx_string("require"), NGX_OHTTP_RELAY_ATTESTATION_REQUIRE },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_ohttp_relay_profiles[] = {
    { ngx_string("ohttp"), NGX_OHTTP_RELAY_PROFILE_OHTTP },
    { ngx_string("dstack-e2ee"), NGX_OHTTP_RELAY_PROFILE_DSTACK },
    { ngx_string("chutes-e2e"), NGX_OHTTP_RELAY_PROFILE_CHUTES },
    { ngx_string("near-e2ee"), NGX_OHTTP_RELAY_PROFILE_NEAR },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_ohttp_relay_billing_frames[] = {
    { ngx_string("pass"), NGX_OHTTP_RELAY_BILLING_PASS },
    { ngx_string("strip"), NGX_OHTTP_RELAY_BILLING_STRIP },
    { ngx_string("reject"), NGX_OHTTP_RELAY_BILLING_REJECT },
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

    { ngx_string("eject"),
      NGX_CONF_TAKE1,
      ngx_ohttp_relay_eject_slot,
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

    { ngx_string("keys_url"),
      NGX_CONF_TAKE1,
      ngx_ohttp_relay_gateway_agent_url,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, keys_url),
      NULL },

    { ngx_string("evidence_url"),
      NGX_CONF_TAKE1,
      ngx_ohttp_relay_gateway_agent_url,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, evidence_url),
      NULL },

    { ngx_string("policy"),
      NGX_CONF_TAKE1,
      ngx_ohttp_relay_gateway_policy,
      0,
      0,
      NULL },

    { ngx_string("attestation"),
      NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, attestation),
      &ngx_ohttp_relay_attestations },

    { ngx_string("profile"),
      NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, profile),
      &ngx_ohttp_relay_profiles },

    { ngx_string("confidential_models"),
      NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, confidential_models),
      NULL },

    { ngx_string("billing_frame"),
      NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      0,
      offsetof(ngx_ohttp_relay_gateway_t, billing_frame),
      &ngx_ohttp_relay_billing_frames },

      ngx_null_command
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

    gateway = ngx_ohttp_relay_gateway_create(cf->pool, &value[1]);
    slot = ngx_array_push(&gateways->gateways);

    if (gateway == NULL || slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = gateway;
    gateway->index = gateways->gateways.nelts - 1;
    gateway->file = cf->conf_file->file.name.data;
    gateway->line = cf->conf_file->line;

    rv = ngx_ohttp_relay_conf_block(cf, ngx_ohttp_relay_gateway_commands,
                                    gateway);

    return rv == NGX_CONF_OK ? ngx_ohttp_relay_gateway_complete(cf, gateway)
                             : rv;
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


ngx_ohttp_relay_gateway_t *
ngx_ohttp_relay_gateway_create(ngx_pool_t *memory, ngx_str_t *name)
{
    ngx_ohttp_relay_gateway_t  *gateway;

    gateway = ngx_pcalloc(memory, sizeof(ngx_ohttp_relay_gateway_t));
    if (gateway == NULL) {
        return NULL;
    }

    gateway->name = *name;
    gateway->index = NGX_CONF_UNSET_UINT;

    gateway->max_body = NGX_CONF_UNSET;
    gateway->keepalive = NGX_CONF_UNSET_UINT;
    gateway->keepalive_requests = NGX_CONF_UNSET_UINT;
    gateway->keepalive_timeout = NGX_CONF_UNSET_MSEC;
    gateway->max_in_flight = NGX_CONF_UNSET_UINT;
    gateway->replay_window = NGX_CONF_UNSET;
    gateway->eject = NGX_CONF_UNSET_MSEC;
    gateway->weight = NGX_CONF_UNSET_UINT;
    ngx_str_set(&gateway->selector, "");
    gateway->insecure = NGX_CONF_UNSET;
    gateway->keys_format = NGX_CONF_UNSET_UINT;
    gateway->keys_max_age = NGX_CONF_UNSET;
    gateway->unknown_key = NGX_CONF_UNSET_UINT;
    gateway->attestation = NGX_CONF_UNSET_UINT;
    gateway->profile = NGX_CONF_UNSET_UINT;
    gateway->billing_frame = NGX_CONF_UNSET_UINT;
    gateway->upstream.buffer_size = NGX_CONF_UNSET_SIZE;
    gateway->upstream.connect_timeout = NGX_CONF_UNSET_MSEC;
    gateway->upstream.send_timeout = NGX_CONF_UNSET_MSEC;
    gateway->upstream.read_timeout = NGX_CONF_UNSET_MSEC;

    return gateway;
}


char *
ngx_ohttp_relay_gateway_directive(ngx_conf_t *cf,
    ngx_ohttp_relay_gateway_t *gateway)
{
    return ngx_ohttp_relay_conf_apply(cf, ngx_ohttp_relay_gateway_commands,
                                      gateway);
}


char *
ngx_ohttp_relay_gateway_complete(ngx_conf_t *cf,
    ngx_ohttp_relay_gateway_t *gateway)
{
    if (gateway->url_text.len) {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "gateway \"%V\" has no \"url\"",
                       &gateway->name);

    return NGX_CONF_ERROR;
}
