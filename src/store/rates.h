
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_RATES_H_INCLUDED_
#define _NGX_OHTTP_RELAY_RATES_H_INCLUDED_


/*
 * Buckets of rates in a fixed piece of memory that several processes share
 * under a lock.  A new name takes the place of an idle bucket, whose loss
 * changes nothing, or of the one that would be idle first.
 */


#include "../codec/codec.h"


#define NGX_OHTTP_RELAY_RATES_NAME  16               /* bytes */


typedef struct {
    uint64_t    sets;
    uint64_t    evictions;                 /* of buckets that were not idle */
} ngx_ohttp_relay_rates_t;


/*
 * Makes "size" bytes at "p", 4096 at least and aligned to 8, to empty buckets
 * and returns p.  24 bytes take one bucket.
 */
ngx_ohttp_relay_rates_t *ngx_ohttp_relay_rates_init(void *p, size_t size);

/*
 * Returns the state of the bucket with this name for gcra.h, to be changed
 * under the same lock, or NULL if there is none; it is made if "make" is set.
 * "now" is in microseconds, "key" random and always the same.
 */
uint64_t *ngx_ohttp_relay_rates_bucket(ngx_ohttp_relay_rates_t *rates,
    const uint64_t key[2], const u_char *name, uint64_t now, int make);


#endif /* _NGX_OHTTP_RELAY_RATES_H_INCLUDED_ */
