
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_GATHER_H_INCLUDED_
#define _NGX_OHTTP_RELAY_GATHER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* bytes collected in memory; all zero is empty */

typedef struct {
    ngx_chain_t   *first;
    ngx_chain_t   *last;
    off_t          size;           /* bytes */
} ngx_ohttp_relay_gather_t;


/*
 * Copies the memory buffers of "in" behind what is there and marks them as
 * consumed.  Memory comes from "pool" as the bytes arrive, never by a length
 * that somebody declared.  The caller bounds the size.  Returns NGX_OK or
 * NGX_ERROR (no memory).
 */
ngx_int_t ngx_ohttp_relay_gather(ngx_pool_t *pool,
    ngx_ohttp_relay_gather_t *gather, ngx_chain_t *in);


#endif /* _NGX_OHTTP_RELAY_GATHER_H_INCLUDED_ */
