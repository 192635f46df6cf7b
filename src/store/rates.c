
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "rates.h"


/* a set is three cache lines */
#define NGX_OHTTP_RELAY_RATES_WAYS    8

#define NGX_OHTTP_RELAY_RATES_HEADER  64


typedef struct {
    u_char      name[NGX_OHTTP_RELAY_RATES_NAME];
    uint64_t    arrival;                   /* 0: the bucket is empty */
} ngx_ohttp_relay_rates_bucket_t;


static ngx_ohttp_relay_rates_bucket_t *ngx_ohttp_relay_rates_set(
    ngx_ohttp_relay_rates_t *rates, const uint64_t key[2],
    const u_char *name);


ngx_ohttp_relay_rates_t *
ngx_ohttp_relay_rates_init(void *p, size_t size)
{
    ngx_ohttp_relay_rates_t  *rates;

    memset(p, 0, size);

    rates = p;
    rates->sets = (size - NGX_OHTTP_RELAY_RATES_HEADER)
                  / (NGX_OHTTP_RELAY_RATES_WAYS
                     * sizeof(ngx_ohttp_relay_rates_bucket_t));

    return rates;
}


uint64_t *
ngx_ohttp_relay_rates_bucket(ngx_ohttp_relay_rates_t *rates,
    const uint64_t key[2], const u_char *name, uint64_t now, int make)
{
    unsigned                         i;
    ngx_ohttp_relay_rates_bucket_t  *bucket, *idlest;

    bucket = ngx_ohttp_relay_rates_set(rates, key, name);
    idlest = bucket;

    for (i = 0; i < NGX_OHTTP_RELAY_RATES_WAYS; i++) {

        if (bucket[i].arrival != 0
            && memcmp(bucket[i].name, name, NGX_OHTTP_RELAY_RATES_NAME) == 0)
        {
            return &bucket[i].arrival;
        }

        if (bucket[i].arrival < idlest->arrival) {
            idlest = &bucket[i];
        }
    }

    if (!make) {
        return NULL;
    }

    if (idlest->arrival > now) {
        rates->evictions++;
    }

    idlest->arrival = 0;
    memcpy(idlest->name, name, NGX_OHTTP_RELAY_RATES_NAME);

    return &idlest->arrival;
}


static ngx_ohttp_relay_rates_bucket_t *
ngx_ohttp_relay_rates_set(ngx_ohttp_relay_rates_t *rates,
    const uint64_t key[2], const u_char *name)
{
    u_char    *first;
    uint64_t   high, low, hash;

    memcpy(&high, name, sizeof(high));
    memcpy(&low, name + sizeof(high), sizeof(low));

    hash = (high ^ key[1]) * 0x9e3779b97f4a7c15ULL;
    hash ^= hash >> 32;
    hash = (hash ^ low ^ key[0]) * 0xd6e8feb86659fd93ULL;
    hash >>= 32;

    first = (u_char *) rates + NGX_OHTTP_RELAY_RATES_HEADER;

    return (ngx_ohttp_relay_rates_bucket_t *) first
           + (hash * rates->sets >> 32) * NGX_OHTTP_RELAY_RATES_WAYS;
}
