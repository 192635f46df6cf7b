
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* what is recognised has the name of the type; dress does not matter */


#include "fuzz.h"
#include "media_type.h"


static const char  *fuzz_names[] = {
    [NGX_OHTTP_RELAY_MEDIA_REQ] = "message/ohttp-req",
    [NGX_OHTTP_RELAY_MEDIA_CHUNKED_REQ] = "message/ohttp-chunked-req",
    [NGX_OHTTP_RELAY_MEDIA_RES] = "message/ohttp-res",
    [NGX_OHTTP_RELAY_MEDIA_CHUNKED_RES] = "message/ohttp-chunked-res",
    [NGX_OHTTP_RELAY_MEDIA_JSON] = "application/json",
    [NGX_OHTTP_RELAY_MEDIA_PROBLEM_JSON] = "application/problem+json"
};


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                        *dressed;
    size_t                         i, n, len;
    const u_char                  *p, *last;
    ngx_ohttp_relay_media_type_e   type, want;

    type = ngx_ohttp_relay_media_type(data, data + size);

    /* the same by hand: up to ";", trimmed, lower case */

    for (len = 0; len < size && data[len] != ';'; len++) { /* void */ }

    p = data;
    last = data + len;
    ngx_ohttp_relay_trim(&p, &last);

    want = NGX_OHTTP_RELAY_MEDIA_OTHER;

    for (n = 1; n < sizeof(fuzz_names) / sizeof(fuzz_names[0]); n++) {

        if (strlen(fuzz_names[n]) != (size_t) (last - p)) {
            continue;
        }

        for (i = 0; p + i < last; i++) {
            if (fuzz_lower(p[i]) != (u_char) fuzz_names[n][i]) {
                break;
            }
        }

        if (p + i == last) {
            want = n;
        }
    }

    fuzz_assert(type == want);

    dressed = malloc(size + 8);
    fuzz_assert(dressed != NULL);

    memcpy(dressed, " \t", 2);

    for (i = 0; i < size; i++) {
        dressed[i + 2] = fuzz_lower(data[i]);
    }

    memcpy(dressed + 2 + size, "\t ;a=b", 6);

    fuzz_assert(ngx_ohttp_relay_media_type(dressed, dressed + size + 8)
                == type);

    free(dressed);

    return 0;
}
