
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_CORS_H_INCLUDED_
#define _NGX_OHTTP_RELAY_CORS_H_INCLUDED_


#include "relay.h"


/*
 * Whether this is an origin in the one form in which browsers send it (RFC
 * 6454, section 6.2): http or https, a host in small letters, and a port only
 * if it is not that of the scheme.
 */
ngx_uint_t ngx_ohttp_relay_is_origin(ngx_str_t *value);

/*
 * Returns the entry of "origins" (ngx_str_t) that the value of the Origin
 * header is equal to; NULL if there is none.
 */
ngx_str_t *ngx_ohttp_relay_match_origin(ngx_array_t *origins,
    ngx_str_t *value);

/*
 * Answers a preflight of an allowed origin with 204 (Fetch, section 3.2.2).
 * Its lists are literal: "*" would not cover Authorization.  To be returned
 * from a content handler.
 */
ngx_int_t ngx_ohttp_relay_preflight(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);

/*
 * Adds the CORS headers to a response, of an error as well, so that a page of
 * an allowed origin may read it.  Returns NGX_OK or NGX_ERROR (no memory).
 */
ngx_int_t ngx_ohttp_relay_cors(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);


#endif /* _NGX_OHTTP_RELAY_CORS_H_INCLUDED_ */
