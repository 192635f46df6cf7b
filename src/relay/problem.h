
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_PROBLEM_H_INCLUDED_
#define _NGX_OHTTP_RELAY_PROBLEM_H_INCLUDED_


#include "relay.h"


/*
 * The HTTP status that goes with the problem in ctx->result; of an unknown key
 * that which the gateway's block asks for.
 */
ngx_int_t ngx_ohttp_relay_problem_status(ngx_ohttp_relay_ctx_t *ctx);

/*
 * The problem that an error status, made by nginx or by another module, means
 * on a relay location.
 */
ngx_ohttp_relay_result_e ngx_ohttp_relay_problem_of(ngx_uint_t status);

/*
 * Turns the response headers of "r" into those of the problem in ctx->result
 * (RFC 9457, with Proxy-Status of RFC 9209).  "status" is what is sent; it may
 * differ from the problem's own where nginx is more precise.  Returns NGX_OK
 * or NGX_ERROR (no memory).
 */
ngx_int_t ngx_ohttp_relay_problem_head(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_uint_t status);

/*
 * The problem's body as one last buffer, NULL if there is no memory.  Its
 * length has been announced by ngx_ohttp_relay_problem_head().
 */
ngx_chain_t *ngx_ohttp_relay_problem_body(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);


#endif /* _NGX_OHTTP_RELAY_PROBLEM_H_INCLUDED_ */
