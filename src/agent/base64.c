
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "base64.h"
#include "base64url.h"


static int ngx_ohttp_relay_base64_four(const u_char *p, u_char *four);


ssize_t
ngx_ohttp_relay_base64(const u_char *p, const u_char *last, u_char *out,
    size_t size)
{
    u_char   four[4], bytes[3];
    size_t   len;
    ssize_t  n;

    if ((last - p) % 4 != 0) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    for (len = 0; p < last; p += 4) {

        if (ngx_ohttp_relay_base64_four(p, four) != NGX_OHTTP_RELAY_OK) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        n = ngx_ohttp_relay_base64url_decode(four, four + 4, bytes,
                                             sizeof(bytes), 1);

        /* only the last four may be of less than three bytes */

        if (n <= 0 || (size_t) n > size - len || (n < 3 && last - p != 4)) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        memcpy(out + len, bytes, n);
        len += n;
    }

    return len;
}


/* the same four characters in the other alphabet */

static int
ngx_ohttp_relay_base64_four(const u_char *p, u_char *four)
{
    unsigned  i;

    for (i = 0; i < 4; i++) {

        switch (p[i]) {

        case '+':
            four[i] = '-';
            break;

        case '/':
            four[i] = '_';
            break;

        case '-':
        case '_':
            return NGX_OHTTP_RELAY_ERROR;

        default:
            four[i] = p[i];
        }
    }

    return NGX_OHTTP_RELAY_OK;
}
