
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* the form in which it is compared is one that stays, with "0x" or without */


#include "fuzz.h"
#include "hex.h"
#include "selector.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int      digits;
    size_t   i, n;
    u_char   first[NGX_OHTTP_RELAY_SELECTOR_MAX];
    u_char   again[NGX_OHTTP_RELAY_SELECTOR_MAX];
    u_char   longer[NGX_OHTTP_RELAY_SELECTOR_MAX + 2];

    n = ngx_ohttp_relay_selector(data, data + size, first);

    fuzz_assert(n <= NGX_OHTTP_RELAY_SELECTOR_MAX && n <= size);

    if (n == 0) {
        return 0;
    }

    for (digits = 1, i = 0; i < n; i++) {
        fuzz_assert(first[i] > ' ' && first[i] < 0x7f);
        fuzz_assert(first[i] < 'A' || first[i] > 'Z');

        digits &= ngx_ohttp_relay_hex_digit(first[i]) >= 0;
    }

    fuzz_assert(ngx_ohttp_relay_selector(first, first + n, again) == n);
    fuzz_assert(memcmp(first, again, n) == 0);

    longer[0] = '0';
    longer[1] = 'X';
    memcpy(longer + 2, first, n);

    if (digits) {
        fuzz_assert(ngx_ohttp_relay_selector(longer, longer + n + 2, again)
                    == n);
        fuzz_assert(memcmp(first, again, n) == 0);
    }

    return 0;
}
