
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_NAMES_H_INCLUDED_
#define _NGX_OHTTP_RELAY_NAMES_H_INCLUDED_


/*
 * The addresses of gateways.  Those of a name come from nginx's "resolver",
 * again and again and without waiting for it; without one they are looked up
 * once, when the configuration is read.
 */


#include "gateway.h"


/*
 * Addresses as they were at a time, never changed.  They stay as long as
 * somebody holds them: requests have pointers to them to their very end.
 */

typedef struct {
    ngx_pool_t                    *pool;       /* its own; NULL: it stays */
    ngx_uint_t                     refs;
    ngx_addr_t                    *addrs;
    ngx_uint_t                     naddrs;     /* at least 1 */
} ngx_ohttp_relay_addrs_t;


/*
 * Finds the resolver of the http block for all gateways, for the first time
 * before any of them is made ready.
 */
void ngx_ohttp_relay_names_resolver(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways);

/*
 * Makes ready what a gateway's addresses need; memory comes from cf->pool.
 * Asks nobody if there is a resolver, or if the URL has an address; a row of
 * the registry with a name wants a resolver.  Returns NGX_OK, or NGX_ERROR
 * after one logged line.
 */
ngx_int_t ngx_ohttp_relay_names_init(ngx_conf_t *cf,
    ngx_ohttp_relay_gateway_t *gateway);

/*
 * Begins, and ends, to keep up with a gateway's name in this worker.
 * gateway->seat is set, or NULL.
 */
void ngx_ohttp_relay_names_open(ngx_ohttp_relay_gateway_t *gateway,
    ngx_cycle_t *cycle);
void ngx_ohttp_relay_names_close(ngx_ohttp_relay_gateway_t *gateway);

/*
 * The gateway's addresses now; NULL if its name was never resolved.
 */
ngx_ohttp_relay_addrs_t *ngx_ohttp_relay_names_addrs(
    ngx_ohttp_relay_gateway_t *gateway);

/*
 * Keeps addresses as long as "pool" is there.  Returns NGX_OK or NGX_ERROR
 * (no memory).
 */
ngx_int_t ngx_ohttp_relay_addrs_hold(ngx_ohttp_relay_addrs_t *addrs,
    ngx_pool_t *pool);

/*
 * The same address, its port included, among others; NULL if it is not there.
 */
ngx_addr_t *ngx_ohttp_relay_addrs_find(ngx_ohttp_relay_addrs_t *addrs,
    ngx_addr_t *addr);


#endif /* _NGX_OHTTP_RELAY_NAMES_H_INCLUDED_ */
