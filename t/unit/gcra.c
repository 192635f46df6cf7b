
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "gcra.h"


static void test_burst(void);
static void test_rate(void);
static void test_refusal_writes_nothing(void);
static void test_give(void);
static void test_force(void);
static void test_clock_set_back(void);
static void test_large_numbers(void);


int
main(void)
{
    test_burst();
    test_rate();
    test_refusal_writes_nothing();
    test_give();
    test_force();
    test_clock_set_back();
    test_large_numbers();

    return tap_done();
}


static void
test_burst(void)
{
    int       i, granted;
    uint64_t  arrival, wait;

    arrival = 0;

    for (i = 0, granted = 0; i < 10; i++) {
        granted += ngx_ohttp_relay_gcra_take(&arrival, 5000, 100, 4, &wait)
                   == NGX_OHTTP_RELAY_OK;
    }

    tap_ok(granted == 4, "a burst of 4 is 4 at once, not %d", granted);
    tap_ok(wait == 100, "and then one interval of waiting");

    tap_ok(ngx_ohttp_relay_gcra_take(&arrival, 5099, 100, 4, &wait)
           == NGX_OHTTP_RELAY_AGAIN && wait == 1,
           "a microsecond early is too early");
    tap_ok(ngx_ohttp_relay_gcra_take(&arrival, 5100, 100, 4, &wait)
           == NGX_OHTTP_RELAY_OK, "in time is in time");
}


/* over a long time, with a question each 7 of an interval of 100 */

static void
test_rate(void)
{
    int       granted;
    uint64_t  arrival, wait, now;

    arrival = 0;

    for (now = 1000, granted = 0; now < 1000 + 100 * 1000; now += 7) {
        granted += ngx_ohttp_relay_gcra_take(&arrival, now, 100, 5, &wait)
                   == NGX_OHTTP_RELAY_OK;
    }

    tap_ok(granted == 1000 + 4, "1000 intervals and a burst of 5: %d",
           granted);

    now += 1000 * 100;
    granted = 0;

    while (ngx_ohttp_relay_gcra_take(&arrival, now, 100, 5, &wait)
           == NGX_OHTTP_RELAY_OK)
    {
        granted++;
    }

    tap_ok(granted == 5, "being idle saves no more than the burst");
}


static void
test_refusal_writes_nothing(void)
{
    int       i;
    uint64_t  arrival, before, wait;

    arrival = 0;
    (void) ngx_ohttp_relay_gcra_take(&arrival, 1000, 100, 1, &wait);
    before = arrival;

    for (i = 0; i < 5; i++) {
        (void) ngx_ohttp_relay_gcra_take(&arrival, 1010, 100, 1, &wait);
    }

    tap_ok(arrival == before, "refusals change nothing");
    tap_ok(wait == 90, "and the waiting gets no longer");
}


static void
test_give(void)
{
    uint64_t  arrival, wait;

    arrival = 0;
    (void) ngx_ohttp_relay_gcra_take(&arrival, 1000, 100, 1, &wait);
    ngx_ohttp_relay_gcra_give(&arrival, 100);

    tap_ok(ngx_ohttp_relay_gcra_take(&arrival, 1000, 100, 1, &wait)
           == NGX_OHTTP_RELAY_OK, "what was given back can be taken");
    tap_ok(ngx_ohttp_relay_gcra_take(&arrival, 1000, 100, 1, &wait)
           == NGX_OHTTP_RELAY_AGAIN, "once");

    arrival = 50;
    ngx_ohttp_relay_gcra_give(&arrival, 100);
    tap_ok(arrival == 0, "there is nothing below never used");
}


static void
test_force(void)
{
    uint64_t  arrival, wait;

    arrival = 0;
    ngx_ohttp_relay_gcra_force(&arrival, 1000, 100);
    ngx_ohttp_relay_gcra_force(&arrival, 1000, 100);
    tap_ok(arrival == 1200, "what was granted elsewhere counts");

    (void) ngx_ohttp_relay_gcra_take(&arrival, 1000, 100, 2, &wait);
    tap_ok(wait == 100, "and has to be waited for");
}


static void
test_clock_set_back(void)
{
    uint64_t  arrival, wait, now;

    arrival = 0;
    now = 1000000000;

    while (ngx_ohttp_relay_gcra_take(&arrival, now, 100, 4, &wait)
           == NGX_OHTTP_RELAY_OK)
    {
        /* void */
    }

    now /= 2;

    tap_ok(ngx_ohttp_relay_gcra_take(&arrival, now, 100, 4, &wait)
           == NGX_OHTTP_RELAY_AGAIN && wait == 100,
           "a clock that went back makes nobody wait longer");
    tap_ok(ngx_ohttp_relay_gcra_take(&arrival, now + 100, 100, 4, &wait)
           == NGX_OHTTP_RELAY_OK, "and time goes on from there");
    tap_ok(arrival == now + 500, "with the new clock");
}


static void
test_large_numbers(void)
{
    uint64_t  arrival, wait;

    arrival = 0;
    tap_ok(ngx_ohttp_relay_gcra_take(&arrival, 1800000000000000ULL,
                                     UINT64_MAX / 2, 3, &wait)
           == NGX_OHTTP_RELAY_OK, "a span that cannot be written is long");

    arrival = 0;
    tap_ok(ngx_ohttp_relay_gcra_take(&arrival, UINT64_MAX - 5, 100, 1, &wait)
           == NGX_OHTTP_RELAY_OK, "the end of time is no overflow");
}
