
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "rate.h"


static int rate(const char *in, size_t len, uint64_t *interval);
static int burst(const char *in, size_t len, unsigned *n);


/* an interval of 0 is an error */

static const struct {
    const char  *in;
    size_t       len;
    uint64_t     interval;
} rates[] = {
    { tap_bytes("1r/s"), 1000000 },
    { tap_bytes("10r/s"), 100000 },
    { tap_bytes("60r/m"), 1000000 },
    { tap_bytes("5r/h"), 720000000 },
    { tap_bytes("100r/d"), 864000000 },
    { tap_bytes("1r/d"), 86400000000ULL },

    /* up, never down: three times 333333 would be less than a second */

    { tap_bytes("3r/s"), 333334 },
    { tap_bytes("7r/m"), 8571429 },

    /* the fastest of each unit */

    { tap_bytes("100000r/s"), 10 },
    { tap_bytes("100001r/s"), 0 },
    { tap_bytes("99999r/s"), 11 },
    { tap_bytes("6000000r/m"), 10 },
    { tap_bytes("6000001r/m"), 0 },
    { tap_bytes("360000000r/h"), 10 },
    { tap_bytes("360000001r/h"), 0 },
    { tap_bytes("8640000000r/d"), 10 },
    { tap_bytes("8640000001r/d"), 0 },
    { tap_bytes("18446744073709551617r/d"), 0 },
    { tap_bytes("99999999999999999999999999r/s"), 0 },

    { tap_bytes(""), 0 },
    { tap_bytes("0r/s"), 0 },
    { tap_bytes("01r/s"), 0 },
    { tap_bytes("-1r/s"), 0 },
    { tap_bytes("+1r/s"), 0 },
    { tap_bytes("1.5r/s"), 0 },
    { tap_bytes("1e3r/s"), 0 },
    { tap_bytes("1"), 0 },
    { tap_bytes("1r"), 0 },
    { tap_bytes("1r/"), 0 },
    { tap_bytes("r/s"), 0 },
    { tap_bytes("1/s"), 0 },
    { tap_bytes("1r/w"), 0 },
    { tap_bytes("1r/S"), 0 },
    { tap_bytes("1R/s"), 0 },
    { tap_bytes("1r\\s"), 0 },
    { tap_bytes("1r/s "), 0 },
    { tap_bytes(" 1r/s"), 0 },
    { tap_bytes("1 r/s"), 0 },
    { tap_bytes("1r/sec"), 0 },
    { tap_bytes("1r/s\x00"), 0 },
    { tap_bytes("50per10m"), 0 },
};


/* a burst of 0 is an error */

static const struct {
    const char  *in;
    size_t       len;
    unsigned     n;
} bursts[] = {
    { tap_bytes("burst=1"), 1 },
    { tap_bytes("burst=20"), 20 },
    { tap_bytes("burst=1000000"), 1000000 },
    { tap_bytes("burst=1000001"), 0 },
    { tap_bytes("burst=4294967297"), 0 },
    { tap_bytes("burst=0"), 0 },
    { tap_bytes("burst=02"), 0 },
    { tap_bytes("burst="), 0 },
    { tap_bytes("burst"), 0 },
    { tap_bytes("burst=-1"), 0 },
    { tap_bytes("burst=2 "), 0 },
    { tap_bytes("burst=2r"), 0 },
    { tap_bytes("Burst=2"), 0 },
    { tap_bytes("bursts=2"), 0 },
    { tap_bytes("20"), 0 },
    { tap_bytes(""), 0 },
};


int
main(void)
{
    int       rc;
    size_t    i;
    uint64_t  interval;
    unsigned  n;

    for (i = 0; i < tap_array_len(rates); i++) {
        rc = rate(rates[i].in, rates[i].len, &interval);

        tap_ok(rates[i].interval == 0
                   ? rc == NGX_OHTTP_RELAY_ERROR
                   : rc == NGX_OHTTP_RELAY_OK
                     && interval == rates[i].interval,
               "%s is %llu microseconds",
               tap_text(rates[i].in, rates[i].len),
               (unsigned long long) rates[i].interval);
    }

    for (i = 0; i < tap_array_len(bursts); i++) {
        rc = burst(bursts[i].in, bursts[i].len, &n);

        tap_ok(bursts[i].n == 0
                   ? rc == NGX_OHTTP_RELAY_ERROR
                   : rc == NGX_OHTTP_RELAY_OK && n == bursts[i].n,
               "%s is %u", tap_text(bursts[i].in, bursts[i].len),
               bursts[i].n);
    }

    tap_ok(ngx_ohttp_relay_rate(NULL, NULL, &interval)
           == NGX_OHTTP_RELAY_ERROR
           && ngx_ohttp_relay_rate_burst(NULL, NULL, &n)
              == NGX_OHTTP_RELAY_ERROR,
           "no text at all is neither");

    return tap_done();
}


static int
rate(const char *in, size_t len, uint64_t *interval)
{
    int      rc;
    u_char  *copy;

    copy = tap_copy(in, len);
    rc = ngx_ohttp_relay_rate(copy, copy + len, interval);
    tap_free(copy, len);

    return rc;
}


static int
burst(const char *in, size_t len, unsigned *n)
{
    int      rc;
    u_char  *copy;

    copy = tap_copy(in, len);
    rc = ngx_ohttp_relay_rate_burst(copy, copy + len, n);
    tap_free(copy, len);

    return rc;
}
