
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "hex.h"
#include "selector.h"


/* digits of an uncompressed point of a curve of 256 bits */
#define NGX_OHTTP_RELAY_SELECTOR_POINT  (2 * (1 + 2 * 32))


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


/*
 * Where the digits begin; a word that only looks like a number is a word.  A
 * point of an elliptic curve, 64 bytes, is the same with the 04 before it that
 * says it is not compressed (SEC 1, section 2.3.3).
 */

static const u_char *
ngx_ohttp_relay_selector_prefix(const u_char *p, const u_char *last)
{
    const u_char  *digit, *first;

    first = p;

    if (last - p >= 3 && p[0] == '0' && (p[1] | 0x20) == 'x') {
        first += 2;
    }

    if (first == p && (last - p != NGX_OHTTP_RELAY_SELECTOR_POINT
                       || p[0] != '0' || p[1] != '4'))
    {
        return p;
    }

    for (digit = first; digit < last; digit++) {
        if (ngx_ohttp_relay_hex_digit(*digit) < 0) {
            return p;
        }
    }

    if (last - first == NGX_OHTTP_RELAY_SELECTOR_POINT
        && first[0] == '0' && first[1] == '4')
    {
        first += 2;
    }

    return first;
}
