
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_RATE_H_INCLUDED_
#define _NGX_OHTTP_RELAY_RATE_H_INCLUDED_


#include "codec.h"


/* the shortest time between two uses, microseconds: 100000r/s */
#define NGX_OHTTP_RELAY_RATE_INTERVAL_MIN  10

/* the greatest burst, uses */
#define NGX_OHTTP_RELAY_RATE_BURST_MAX     1000000


/*
 * Reads a rate of the configuration: a number of uses, at least 1 and without
 * leading zeros, and "r/s", "r/m", "r/h" or "r/d", as in "10r/s".
 *
 * Returns NGX_OHTTP_RELAY_OK with *interval, the time between two uses in
 * microseconds, rounded up so that the rate is never exceeded;
 * NGX_OHTTP_RELAY_ERROR for anything else, and for a rate whose interval is
 * below NGX_OHTTP_RELAY_RATE_INTERVAL_MIN: then *interval is undefined.
 */
int ngx_ohttp_relay_rate(const u_char *p, const u_char *last,
    uint64_t *interval);

/*
 * Reads "burst=" and a number of uses without leading zeros, 1 to
 * NGX_OHTTP_RELAY_RATE_BURST_MAX.
 *
 * Returns NGX_OHTTP_RELAY_OK with *burst; NGX_OHTTP_RELAY_ERROR for anything
 * else: then *burst is undefined.
 */
int ngx_ohttp_relay_rate_burst(const u_char *p, const u_char *last,
    unsigned *burst);


#endif /* _NGX_OHTTP_RELAY_RATE_H_INCLUDED_ */
