
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* elements of DER lie inside the input; numbers are as large as they may be */


#include "fuzz.h"
#include "der.h"
#include "pck.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                   *copy;
    unsigned                  i, n;
    const u_char             *p, *last;
    ngx_ohttp_relay_pck_t     pck;
    ngx_ohttp_relay_slice_t   content;

    copy = fuzz_copy(data, size);
    last = copy + size;

    p = copy;

    if (size != 0
        && ngx_ohttp_relay_der(&p, last, copy[0], &content)
           == NGX_OHTTP_RELAY_OK)
    {
        fuzz_assert(content.data >= copy + 2 && content.data <= copy + 4);
        fuzz_assert(p == content.data + content.len && p <= last);
    }

    p = copy;

    if (ngx_ohttp_relay_der_number(&p, last, &n) == NGX_OHTTP_RELAY_OK) {
        fuzz_assert(n <= 0xffff && p > copy && p <= last);
    }

    if (ngx_ohttp_relay_pck_parse(copy, last, &pck) == NGX_OHTTP_RELAY_OK) {

        fuzz_assert(pck.pcesvn <= 0xffff);

        for (i = 0; i < NGX_OHTTP_RELAY_PCK_COMPONENTS; i++) {
            fuzz_assert(pck.components[i] <= 0xffff);
        }
    }

    free(copy);

    return 0;
}
