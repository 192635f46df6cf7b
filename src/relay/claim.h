
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_CLAIM_H_INCLUDED_
#define _NGX_OHTTP_RELAY_CLAIM_H_INCLUDED_


#include "relay.h"


/*
 * How many bytes of a sealed request tell it from all others: up to the end
 * of its encapsulated key, which is new for each.
 */
size_t ngx_ohttp_relay_claim_sealed(ngx_ohttp_relay_ctx_t *ctx);

/*
 * Claims in the store what the request costs, first that it is new, and then
 * passes it on to ngx_ohttp_relay_forward(); or finalizes it.  The store may
 * take its time.  To be called once, with the request taken over.
 */
void ngx_ohttp_relay_claim(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx);

/*
 * Gives back all that was claimed, if no byte of the request has gone to a
 * gateway.  Returns NGX_OK, or NGX_AGAIN if that takes time: when it is done
 * the request's write handler is called.
 */
ngx_int_t ngx_ohttp_relay_claim_return(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);

/*
 * A question that is still open is not waited for; what it grants is given back
 * by itself.
 */
void ngx_ohttp_relay_claim_stop(ngx_ohttp_relay_ctx_t *ctx);

/*
 * The request ends: nobody waits for the store any more.  What it still
 * grants it gives back by itself.
 */
void ngx_ohttp_relay_claim_abandon(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);


#endif /* _NGX_OHTTP_RELAY_CLAIM_H_INCLUDED_ */
