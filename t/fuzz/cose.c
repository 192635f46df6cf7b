
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* payload and signature are as long as they may be, and end the message */


#include "fuzz.h"
#include "cose.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                     *copy;
    ngx_ohttp_relay_cose_t      cose;
    ngx_ohttp_relay_finding_t   finding;

    copy = fuzz_copy(data, size);

    if (ngx_ohttp_relay_cose_parse(copy, copy + size, &cose, &finding)
        == NGX_OHTTP_RELAY_ACCEPTED)
    {
        fuzz_assert(cose.payload.len > 0
                    && cose.payload.len <= NGX_OHTTP_RELAY_COSE_PAYLOAD);
        fuzz_assert(cose.payload.data > copy);
        fuzz_assert(cose.payload.data + cose.payload.len + 2
                    == cose.signature.data);
        fuzz_assert(cose.signature.data + 96 == copy + size);

    } else {
        fuzz_assert(finding.answer == NGX_OHTTP_RELAY_MALFORMED);
        fuzz_assert(finding.reason[0] != '\0');
    }

    free(copy);

    return 0;
}
