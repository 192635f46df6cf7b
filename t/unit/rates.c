
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "gcra.h"
#include "rates.h"
#include "memory.h"


#define SIZE  4096


static void test_buckets(void);
static void test_eviction(void);
static int take(ngx_ohttp_relay_rates_t *rates, uint64_t n, uint64_t now);


int
main(void)
{
    test_buckets();
    test_eviction();

    return tap_done();
}


static void
test_buckets(void)
{
    int                       bad;
    void                     *p;
    uint64_t                 *arrival;
    ngx_ohttp_relay_rates_t  *rates;

    p = malloc(SIZE);
    memset(p, 0x5a, SIZE);
    rates = ngx_ohttp_relay_rates_init(p, SIZE);

    tap_ok(ngx_ohttp_relay_rates_bucket(rates, store_key, store_name(1), NOW,
                                        0)
           == NULL, "there is no bucket unless it is made");

    bad = !take(rates, 1, 1000) || take(rates, 1, 1000);
    bad |= !take(rates, 2, 1000) || take(rates, 2, 1000);
    bad |= take(rates, 1, 1099) || !take(rates, 1, 1100);
    tap_ok(!bad, "each name has a rate of its own");

    arrival = ngx_ohttp_relay_rates_bucket(rates, store_key, store_name(2),
                                           1000, 0);
    bad = arrival == NULL;

    if (arrival != NULL) {
        ngx_ohttp_relay_gcra_give(arrival, 100);
    }

    tap_ok(!bad && take(rates, 2, 1000), "what was given back is there");

    free(p);
}


/* more names than buckets */

static void
test_eviction(void)
{
    int                       bad, again;
    void                     *p;
    uint64_t                  i, buckets;
    ngx_ohttp_relay_rates_t  *rates;

    p = malloc(SIZE);
    rates = ngx_ohttp_relay_rates_init(p, SIZE);
    buckets = rates->sets * 8;

    tap_ok(64 + buckets * 24 <= SIZE && 64 + (buckets + 8) * 24 > SIZE,
           "%d buckets in %d bytes", (int) buckets, SIZE);

    /* idle ones are no loss */

    for (bad = 0, i = 0; i < 1000; i++) {
        bad |= !take(rates, i, 1000 + i * 100);
    }

    tap_ok(!bad && rates->evictions == 0, "idle buckets are used again");

    /* all at once */

    for (bad = 0, i = 0; i < 1000; i++) {
        bad |= !take(rates, 5000 + i, 1000000);
    }

    tap_ok(!bad, "a new name is never refused");
    tap_ok(rates->evictions >= 1000 - buckets && rates->evictions < 1000,
           "what others lose is counted: %d", (int) rates->evictions);

    /* in a set the idlest goes */

    rates->sets = 1;
    memset((u_char *) p + 64, 0, 8 * 24);

    for (i = 0; i < 8; i++) {
        (void) take(rates, i, 2000000 + (i * 5 % 8));
    }

    (void) take(rates, 100, 2000010);

    for (again = 0, i = 1; i < 8; i++) {
        again += take(rates, i, 2000010);
    }

    tap_ok(again == 0, "and it is the idlest that goes");

    free(p);
}


/* one use each 100, no burst; whether it was granted */

static int
take(ngx_ohttp_relay_rates_t *rates, uint64_t n, uint64_t now)
{
    uint64_t  *arrival, wait;

    arrival = ngx_ohttp_relay_rates_bucket(rates, store_key, store_name(n),
                                           now, 1);

    return ngx_ohttp_relay_gcra_take(arrival, now, 100, 1, &wait)
           == NGX_OHTTP_RELAY_OK;
}
