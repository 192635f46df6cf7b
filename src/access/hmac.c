
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "hmac.h"

#include <openssl/core_names.h>
#include <openssl/params.h>


EVP_MAC_CTX *
ngx_ohttp_relay_hmac_create(const u_char *p, const u_char *last)
{
    EVP_MAC      *mac;
    OSSL_PARAM    params[2];
    EVP_MAC_CTX  *ctx;

    mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (mac == NULL) {
        return NULL;
    }

    ctx = EVP_MAC_CTX_new(mac);

    EVP_MAC_free(mac);

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                                 (char *) "SHA256", 0);
    params[1] = OSSL_PARAM_construct_end();

    if (ctx && EVP_MAC_init(ctx, p, last - p, params) != 1) {
        EVP_MAC_CTX_free(ctx);
        return NULL;
    }

    return ctx;
}


int
ngx_ohttp_relay_hmac(EVP_MAC_CTX *mac, const ngx_ohttp_relay_slice_t *slices,
    unsigned n, u_char out[NGX_OHTTP_RELAY_HMAC])
{
    size_t    len;
    unsigned  i;

    /* without a key it starts again with the one that it has */

    if (EVP_MAC_init(mac, NULL, 0, NULL) != 1) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (EVP_MAC_update(mac, slices[i].data, slices[i].len) != 1) {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    if (EVP_MAC_final(mac, out, &len, NGX_OHTTP_RELAY_HMAC) != 1
        || len != NGX_OHTTP_RELAY_HMAC)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return NGX_OHTTP_RELAY_OK;
}
