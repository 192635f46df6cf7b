
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* the value stands at the start, and parameters do not change it */


#include "fuzz.h"
#include "boolean.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int            value, rc;
    size_t         len;
    u_char        *more;
    const u_char  *p, *last;

    value = ngx_ohttp_relay_boolean(data, data + size);

    fuzz_assert(value == 0 || value == 1 || value == NGX_OHTTP_RELAY_ERROR);

    p = data;
    last = data + size;
    ngx_ohttp_relay_trim(&p, &last);

    len = last - p;

    more = malloc(len + 8);
    fuzz_assert(more != NULL);

    memcpy(more, p, len);
    memcpy(more + len, ";z=1", 4);

    rc = ngx_ohttp_relay_boolean(more, more + len + 4);

    if (value == NGX_OHTTP_RELAY_ERROR) {

        /* nothing behind makes it good; an open string stays open */

        fuzz_assert(rc == NGX_OHTTP_RELAY_ERROR);

    } else {
        fuzz_assert(len >= 2 && p[0] == '?' && p[1] == '0' + value);
        fuzz_assert(rc == value);

        more[1] ^= 1;
        fuzz_assert(ngx_ohttp_relay_boolean(more, more + len) == !value);

        /* of a list there is no value */

        memcpy(more + len, ", ?1", 4);
        fuzz_assert(ngx_ohttp_relay_boolean(more, more + len + 4)
                    == NGX_OHTTP_RELAY_ERROR);

        memcpy(more + len, ",a=1", 4);
        fuzz_assert(ngx_ohttp_relay_boolean(more, more + len + 4)
                    == NGX_OHTTP_RELAY_ERROR);
    }

    free(more);

    return 0;
}
