
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_ROSTER_H_INCLUDED_
#define _NGX_OHTTP_RELAY_ROSTER_H_INCLUDED_


#include "pool.h"


/*
 * All gateways and pools that there are at a time: the blocks, and the rows of
 * one content of the registry.  It is made whole, and never changes; the next
 * content makes another one.  One of blocks alone lives as long as the
 * configuration.  Others live as long as they are in use or a request chooses
 * in one of their pools, and a row as long as it is in a roster or a request
 * is on its way to it.
 */

struct ngx_ohttp_relay_roster_s {
    ngx_pool_t                    *memory;   /* its own, or NULL */
    ngx_uint_t                     refs;

    ngx_array_t                    gateways; /* ngx_ohttp_relay_gateway_t *, */
    ngx_array_t                    pools;    /* ngx_ohttp_relay_pool_t *, */
                                             /* both sorted by name */
    off_t                          max_body; /* the largest of them */

    unsigned                       opaque:1; /* some have another profile */
    unsigned                       live:1;   /* members come and go */
    unsigned                       running:1;  /* and they have begun to */
    unsigned                       down:1;   /* a row is to be down at once */
};


/*
 * The roster of a configuration without a registry, in memory of cf->pool.
 * Returns NULL after one logged line.
 */
ngx_ohttp_relay_roster_t *ngx_ohttp_relay_roster_of_blocks(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways);

/*
 * An empty roster for "n" gateways, with memory of its own, and in use once.
 * Returns NULL without memory.
 */
ngx_ohttp_relay_roster_t *ngx_ohttp_relay_roster_create(ngx_log_t *log,
    ngx_uint_t n);

/*
 * Adds a gateway, which is complete, and takes over the caller's reference if
 * it is a row; or a pool, of which the roster makes its own.  Returns NGX_OK,
 * or NGX_ERROR without memory: the reference stays the caller's.
 */
ngx_int_t ngx_ohttp_relay_roster_add(ngx_ohttp_relay_roster_t *roster,
    ngx_ohttp_relay_gateway_t *gateway);
ngx_int_t ngx_ohttp_relay_roster_add_pool(ngx_ohttp_relay_roster_t *roster,
    ngx_ohttp_relay_pool_t *pool);

/*
 * Nothing more comes: sorts and checks names, and puts gateways into pools.
 * Returns NGX_OK, or NGX_ERROR after one line in cf->log; cf->pool must live
 * as long as the roster does.
 */
ngx_int_t ngx_ohttp_relay_roster_complete(ngx_conf_t *cf,
    ngx_ohttp_relay_roster_t *roster);

/*
 * Find by the exact name; NULL when there is none.
 */
ngx_ohttp_relay_gateway_t *ngx_ohttp_relay_roster_gateway(
    ngx_ohttp_relay_roster_t *roster, ngx_str_t *name);
ngx_ohttp_relay_pool_t *ngx_ohttp_relay_roster_pool(
    ngx_ohttp_relay_roster_t *roster, ngx_str_t *name);

/*
 * A roster, or a gateway, is in use once more, or once less; without any use
 * its memory is gone.  Of what lives as long as the configuration no uses are
 * counted.
 */
void ngx_ohttp_relay_roster_hold(ngx_ohttp_relay_roster_t *roster);
void ngx_ohttp_relay_roster_release(ngx_ohttp_relay_roster_t *roster);
void ngx_ohttp_relay_gateway_hold(ngx_ohttp_relay_gateway_t *gateway);
void ngx_ohttp_relay_gateway_release(ngx_ohttp_relay_gateway_t *gateway);


#endif /* _NGX_OHTTP_RELAY_ROSTER_H_INCLUDED_ */
