
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* a line that is read is the one that would be written */


#include "fuzz.h"
#include "epoch.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                   *copy, *last, out[NGX_OHTTP_RELAY_EPOCH_MAX];
    ngx_ohttp_relay_epoch_t   epoch;

    copy = fuzz_copy(data, size);

    if (ngx_ohttp_relay_epoch(copy, copy + size, &epoch)
        == NGX_OHTTP_RELAY_OK)
    {
        fuzz_assert(size < sizeof(out));
        fuzz_assert(epoch.seq != 0);
        fuzz_assert(epoch.gateway.len <= NGX_OHTTP_RELAY_EPOCH_NAME);

        last = ngx_ohttp_relay_epoch_write(out, &epoch);

        fuzz_assert((size_t) (last - out) == size);
        fuzz_assert(memcmp(out, data, size) == 0);
    }

    free(copy);

    return 0;
}
