
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "gcra.h"


static uint64_t ngx_ohttp_relay_gcra_add(uint64_t a, uint64_t b);


int
ngx_ohttp_relay_gcra_take(uint64_t *arrival, uint64_t now, uint64_t interval,
    uint64_t burst, uint64_t *wait)
{
    uint64_t  next, span, last;

    span = burst > UINT64_MAX / interval ? UINT64_MAX : interval * burst;
    last = ngx_ohttp_relay_gcra_add(now, span);

    /* no use can have led further than this: the clock was set back */

    if (*arrival > last) {
        *arrival = last;
    }

    next = ngx_ohttp_relay_gcra_add(*arrival < now ? now : *arrival, interval);

    if (next > last) {
        *wait = next - last;
        return NGX_OHTTP_RELAY_AGAIN;
    }

    *arrival = next;

    return NGX_OHTTP_RELAY_OK;
}


/* the sum, or the largest number if there is none */

static uint64_t
ngx_ohttp_relay_gcra_add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}


void
ngx_ohttp_relay_gcra_force(uint64_t *arrival, uint64_t now, uint64_t interval)
{
    *arrival = ngx_ohttp_relay_gcra_add(*arrival < now ? now : *arrival,
                                        interval);
}


void
ngx_ohttp_relay_gcra_give(uint64_t *arrival, uint64_t interval)
{
    *arrival = *arrival > interval ? *arrival - interval : 0;
}
