
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* the rate is never exceeded, and a shorter interval would exceed it */


#include "fuzz.h"
#include "rate.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char      text[64];
    u_char   *copy;
    uint64_t  interval, unit, uses;
    unsigned  burst;

    copy = fuzz_copy(data, size);

    if (ngx_ohttp_relay_rate(copy, copy + size, &interval)
        == NGX_OHTTP_RELAY_OK)
    {
        unit = 1000000ULL * (data[size - 1] == 's' ? 1
                             : data[size - 1] == 'm' ? 60
                             : data[size - 1] == 'h' ? 3600 : 86400);

        fuzz_assert(size < sizeof(text));

        memcpy(text, data, size);
        text[size] = '\0';
        uses = strtoull(text, NULL, 10);

        fuzz_assert(interval >= NGX_OHTTP_RELAY_RATE_INTERVAL_MIN);
        fuzz_assert(uses * interval >= unit);
        fuzz_assert(uses * (interval - 1) < unit);
    }

    if (ngx_ohttp_relay_rate_burst(copy, copy + size, &burst)
        == NGX_OHTTP_RELAY_OK)
    {
        fuzz_assert(burst > 0 && burst <= NGX_OHTTP_RELAY_RATE_BURST_MAX);
        fuzz_assert(sprintf(text, "burst=%u", burst) == (int) size);
        fuzz_assert(memcmp(text, data, size) == 0);
    }

    free(copy);

    return 0;
}
