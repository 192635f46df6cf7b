
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "../conf/conf.h"
#include "secret.h"


#define NGX_OHTTP_RELAY_MIN_SECRET  32
#define NGX_OHTTP_RELAY_MAX_SECRET  4096

/* bytes of all parts and their lengths: what requests bring is shorter */
#define NGX_OHTTP_RELAY_SECRET_SMALL  256


static void ngx_ohttp_relay_secret_forget(void *data);
static void ngx_ohttp_relay_secret_stop(void *data);


char *
ngx_ohttp_relay_secret_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_ohttp_relay_secret_t *secret = (ngx_ohttp_relay_secret_t *)
                                           ((u_char *) conf + cmd->offset);

    ngx_str_t           *value;
    ngx_pool_cleanup_t  *cln;

    if (secret->key.len) {
        return "is duplicate";
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    if (ngx_ohttp_relay_conf_read(cf, &value[1], NGX_OHTTP_RELAY_MIN_SECRET,
                                  NGX_OHTTP_RELAY_MAX_SECRET, 1, &secret->key)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_ohttp_relay_secret_forget;
    cln->data = secret;

    return NGX_CONF_OK;
}


static void
ngx_ohttp_relay_secret_forget(void *data)
{
    ngx_ohttp_relay_secret_t *secret = data;

    ngx_explicit_memzero(secret->key.data, secret->key.len);
}


ngx_int_t
ngx_ohttp_relay_secret_start(ngx_conf_t *cf, ngx_ohttp_relay_secret_t *secret)
{
    ngx_str_t           *key;
    ngx_pool_cleanup_t  *cln;

    static ngx_str_t  none = ngx_string("no ohttp_relay_secret was given");

    key = secret->key.len ? &secret->key : &none;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_ohttp_relay_secret_stop;
    cln->data = secret;

    secret->mac = ngx_ohttp_relay_hmac_create(key->data,
                                              key->data + key->len);

    return secret->mac ? NGX_OK : NGX_ERROR;
}


static void
ngx_ohttp_relay_secret_stop(void *data)
{
    ngx_ohttp_relay_secret_t *secret = data;

    EVP_MAC_CTX_free(secret->mac);
}


ngx_int_t
ngx_ohttp_relay_secret_digest(ngx_ohttp_relay_secret_t *secret,
    ngx_str_t *parts, ngx_uint_t n, u_char out[NGX_OHTTP_RELAY_DIGEST])
{
    size_t                   len;
    u_char                   lengths[NGX_OHTTP_RELAY_SECRET_PARTS][4], *p;
    u_char                   buf[NGX_OHTTP_RELAY_SECRET_SMALL];
    ngx_int_t                rc;
    ngx_uint_t               i;
    ngx_ohttp_relay_slice_t  slices[2 * NGX_OHTTP_RELAY_SECRET_PARTS];

    if (n > NGX_OHTTP_RELAY_SECRET_PARTS) {
        return NGX_ERROR;
    }

    len = 0;

    for (i = 0; i < n; i++) {

        p = lengths[i];

        p[0] = (u_char) (parts[i].len >> 24);
        p[1] = (u_char) (parts[i].len >> 16);
        p[2] = (u_char) (parts[i].len >> 8);
        p[3] = (u_char) parts[i].len;

        slices[2 * i].data = p;
        slices[2 * i].len = sizeof(lengths[i]);
        slices[2 * i + 1].data = parts[i].data;
        slices[2 * i + 1].len = parts[i].len;

        len += sizeof(lengths[i]) + parts[i].len;
    }

    if (len > sizeof(buf)) {
        return ngx_ohttp_relay_hmac(secret->mac, slices, 2 * n, out);
    }

    /* OpenSSL takes longer to be called than to hash what is called for */

    for (i = 0, p = buf; i < 2 * n; i++) {

        /* what is empty may have no memory */

        if (slices[i].len) {
            p = ngx_cpymem(p, slices[i].data, slices[i].len);
        }
    }

    slices[0].data = buf;
    slices[0].len = len;

    rc = ngx_ohttp_relay_hmac(secret->mac, slices, 1, out);

    /* a core file would have the nonce */
    ngx_explicit_memzero(buf, len);

    return rc;
}
