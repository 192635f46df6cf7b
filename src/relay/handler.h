
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_HANDLER_H_INCLUDED_
#define _NGX_OHTTP_RELAY_HANDLER_H_INCLUDED_


#include "relay.h"


/*
 * The content handler of relay locations: a request's whole way through the
 * relay (RFC 9458, section 5).
 */
ngx_int_t ngx_ohttp_relay_handler(ngx_http_request_t *r);

/*
 * Tells whether a request is the relay's: on a relay location, or to a relay
 * server and ended before it had a location.
 */
ngx_uint_t ngx_ohttp_relay_owns(ngx_http_request_t *r);

/*
 * The request's context, made if there is none; NULL if there is no memory.
 */
ngx_ohttp_relay_ctx_t *ngx_ohttp_relay_get_ctx(ngx_http_request_t *r);

/*
 * Returns ctx->permit, which is made if there was none; NULL without memory.
 */
ngx_ohttp_relay_permit_t *ngx_ohttp_relay_get_permit(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);

/*
 * Gives back the request's place among those in flight, if it still has one.
 */
void ngx_ohttp_relay_leave(ngx_ohttp_relay_ctx_t *ctx);

/*
 * Gives back the request's place at its gateway, which cannot be reached, and
 * takes one at another that holds the same key: NGX_OK with ctx->gateway
 * changed, or NGX_DECLINED if there is none or enough were tried.
 */
ngx_int_t ngx_ohttp_relay_enter_other(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);

/*
 * Notes how the request ends.  The first note stands, later failures are but
 * consequences.  Returns the HTTP status of the problem that is noted, for
 * ngx_http_finalize_request() or as a handler's return value.
 */
ngx_int_t ngx_ohttp_relay_refuse(ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_result_e result);


#endif /* _NGX_OHTTP_RELAY_HANDLER_H_INCLUDED_ */
