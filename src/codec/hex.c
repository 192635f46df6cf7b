
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "hex.h"


int
ngx_ohttp_relay_hex_digit(u_char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }

    return NGX_OHTTP_RELAY_ERROR;
}


int
ngx_ohttp_relay_hex(const u_char *p, const u_char *last, u_char *out)
{
    int  high, low;

    if ((last - p) % 2 != 0) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    for ( /* void */ ; p < last; p += 2) {
        high = ngx_ohttp_relay_hex_digit(p[0]);
        low = ngx_ohttp_relay_hex_digit(p[1]);

        if (high < 0 || low < 0) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        *out++ = (u_char) (high << 4 | low);
    }

    return NGX_OHTTP_RELAY_OK;
}
