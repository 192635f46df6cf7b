
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "der.h"


int
ngx_ohttp_relay_der(const u_char **p, const u_char *last, unsigned tag,
    ngx_ohttp_relay_slice_t *content)
{
    size_t         i, n, len;
    const u_char  *q;

    q = *p;

    if (last - q < 2 || q[0] != tag) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    len = q[1];
    q += 2;

    if (len & 0x80) {

        n = len & 0x7f;

        if (n == 0 || n > 2 || (size_t) (last - q) < n) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        for (len = 0, i = 0; i < n; i++) {
            len = len << 8 | *q++;
        }

        if (len < (n == 1 ? 0x80 : 0x100)) {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    if ((size_t) (last - q) < len) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    content->data = q;
    content->len = len;

    *p = q + len;

    return NGX_OHTTP_RELAY_OK;
}


int
ngx_ohttp_relay_der_number(const u_char **p, const u_char *last, unsigned *n)
{
    size_t                    i;
    ngx_ohttp_relay_slice_t   content;

    if (ngx_ohttp_relay_der(p, last, NGX_OHTTP_RELAY_DER_INTEGER, &content)
        != NGX_OHTTP_RELAY_OK
        || content.len == 0 || content.len > 3 || content.data[0] & 0x80)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    /* a zero in front only keeps a number from being one below zero */

    if (content.len > 1 && content.data[0] == 0
        && !(content.data[1] & 0x80))
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    for (*n = 0, i = 0; i < content.len; i++) {
        *n = *n << 8 | content.data[i];
    }

    return *n <= 0xffff ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}
