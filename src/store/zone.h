
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_ZONE_H_INCLUDED_
#define _NGX_OHTTP_RELAY_ZONE_H_INCLUDED_


/* what is inside of spent.h, for the store "shm" and nobody else */


#include "ledger.h"
#include "rates.h"
#include "spent.h"


/* what stands in shared memory */

typedef struct {
    ngx_ohttp_relay_ledger_t          ledger;
    ngx_ohttp_relay_rates_t          *rates;
    ngx_ohttp_relay_spent_figures_t   figures;    /* the counters only */
    ngx_ohttp_relay_spent_figures_t   published;
    time_t                            published_at;
    ngx_uint_t                        full;       /* since the last drop */
    ngx_uint_t                        back;       /* the clock went back */
    ngx_atomic_t                      marked;     /* the file, as in use */
} ngx_ohttp_relay_spent_sh_t;


struct ngx_ohttp_relay_spent_s {
    ngx_shm_zone_t                   *zone;
    ngx_slab_pool_t                  *shpool;
    ngx_ohttp_relay_spent_sh_t       *sh;
    ngx_ohttp_relay_memory_t          memory;
    char                             *label;
    ngx_ohttp_relay_spent_opened_pt   opened;
    void                             *data;
    void                             *old;        /* "data" before a reload */
};


#endif /* _NGX_OHTTP_RELAY_ZONE_H_INCLUDED_ */
