
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* what is decoded and encoded again is the input in lower case */


#include "fuzz.h"
#include "hex.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int      rc;
    char     pair[3];
    size_t   i, digits;
    u_char  *out;

    out = malloc(size / 2 + 1);
    fuzz_assert(out != NULL);

    rc = ngx_ohttp_relay_hex(data, data + size, out);

    for (digits = 0; digits < size; digits++) {
        if (data[digits] == '\0'
            || strchr("0123456789abcdefABCDEF", data[digits]) == NULL)
        {
            break;
        }
    }

    fuzz_assert((rc == NGX_OHTTP_RELAY_OK)
                == (digits == size && size % 2 == 0));

    for (i = 0; rc == NGX_OHTTP_RELAY_OK && i < size / 2; i++) {
        snprintf(pair, sizeof(pair), "%02x", out[i]);

        fuzz_assert(pair[0] == fuzz_lower(data[2 * i]));
        fuzz_assert(pair[1] == fuzz_lower(data[2 * i + 1]));
    }

    free(out);

    return 0;
}
