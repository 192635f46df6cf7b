
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "rate.h"
#include "host.h"


#define NGX_OHTTP_RELAY_RATE_SECOND  1000000ULL     /* microseconds */


int
ngx_ohttp_relay_rate(const u_char *p, const u_char *last, uint64_t *interval)
{
    uint64_t  n, unit;

    unit = NGX_OHTTP_RELAY_RATE_SECOND;

    if (ngx_ohttp_relay_read_decimal(&p, last, INT64_MAX, &n)
        != NGX_OHTTP_RELAY_OK
        || n == 0 || last - p != 3 || p[0] != 'r' || p[1] != '/')
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    switch (p[2]) {

    case 's':
        break;

    case 'm':
        unit *= 60;
        break;

    case 'h':
        unit *= 60 * 60;
        break;

    case 'd':
        unit *= 24 * 60 * 60;
        break;

    default:
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (n > unit / NGX_OHTTP_RELAY_RATE_INTERVAL_MIN) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    *interval = (unit + n - 1) / n;

    return NGX_OHTTP_RELAY_OK;
}


int
ngx_ohttp_relay_rate_burst(const u_char *p, const u_char *last,
    unsigned *burst)
{
    uint64_t  n;

    if (last - p < 6 || memcmp(p, "burst=", 6) != 0) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    p += 6;

    if (ngx_ohttp_relay_read_decimal(&p, last,
                                     NGX_OHTTP_RELAY_RATE_BURST_MAX, &n)
        != NGX_OHTTP_RELAY_OK
        || n == 0 || p != last)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    *burst = (unsigned) n;

    return NGX_OHTTP_RELAY_OK;
}
