
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "hex.h"
#include "selector.h"


static const u_char *ngx_ohttp_relay_selector_prefix(const u_char *p,
    const u_char *last);


size_t
ngx_ohttp_relay_selector(const u_char *p, const u_char *last, u_char *out)
{
    size_t  i, len;

    ngx_ohttp_relay_trim(&p, &last);

    p = ngx_ohttp_relay_selector_prefix(p, last);
    len = last - p;

    if (len > NGX_OHTTP_RELAY_SELECTOR_MAX) {
        return 0;
    }

    for (i = 0; i < len; i++) {

        if (p[i] <= 0x20 || p[i] >= 0x7f) {
            return 0;
        }

        out[i] = (p[i] >= 'A' && p[i] <= 'Z') ? (u_char) (p[i] | 0x20) : p[i];
    }

    return len;
}


/* where the digits begin; a word that only looks like a number is a word */

static const u_char *
ngx_ohttp_relay_selector_prefix(const u_char *p, const u_char *last)
{
    const u_char  *digit;

    if (last - p < 3 || p[0] != '0' || (p[1] | 0x20) != 'x') {
        return p;
    }

    for (digit = p + 2; digit < last; digit++) {
        if (ngx_ohttp_relay_hex_digit(*digit) < 0) {
            return p;
        }
    }

    return p + 2;
}
