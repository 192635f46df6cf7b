
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "pin.h"
#include "hex.h"


/* "cert-sha256:" and "spki-sha256:" are equally long */
#define NGX_OHTTP_RELAY_PIN_PREFIX  (sizeof("cert-sha256:") - 1)


int
ngx_ohttp_relay_pin(const u_char *p, const u_char *last,
    ngx_ohttp_relay_pin_t *pin)
{
    size_t  i, step;

    if ((size_t) (last - p) < NGX_OHTTP_RELAY_PIN_PREFIX) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (memcmp(p, "cert-sha256:", NGX_OHTTP_RELAY_PIN_PREFIX) == 0) {
        pin->kind = NGX_OHTTP_RELAY_PIN_CERT;

    } else if (memcmp(p, "spki-sha256:", NGX_OHTTP_RELAY_PIN_PREFIX) == 0) {
        pin->kind = NGX_OHTTP_RELAY_PIN_SPKI;

    } else {
        return NGX_OHTTP_RELAY_ERROR;
    }

    p += NGX_OHTTP_RELAY_PIN_PREFIX;

    /* the length tells whether there are colons */

    switch (last - p) {

    case 2 * NGX_OHTTP_RELAY_PIN_DIGEST:
        step = 2;
        break;

    case 3 * NGX_OHTTP_RELAY_PIN_DIGEST - 1:
        step = 3;
        break;

    default:
        return NGX_OHTTP_RELAY_ERROR;
    }

    for (i = 0; i < NGX_OHTTP_RELAY_PIN_DIGEST; i++) {

        if (step == 3 && i != 0 && p[-1] != ':') {
            return NGX_OHTTP_RELAY_ERROR;
        }

        if (ngx_ohttp_relay_hex(p, p + 2, &pin->digest[i])
            != NGX_OHTTP_RELAY_OK)
        {
            return NGX_OHTTP_RELAY_ERROR;
        }

        p += step;
    }

    return NGX_OHTTP_RELAY_OK;
}
