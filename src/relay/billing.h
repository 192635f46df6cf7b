
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_RELAY_BILLING_H_INCLUDED_
#define _NGX_OHTTP_RELAY_RELAY_BILLING_H_INCLUDED_


#include "../codec/response_head.h"
#include "relay.h"


/*
 * What a gateway writes of its price, for the relay and for nobody else: in
 * headers, or as a bill between the chunks of an answer.  None of this is
 * called for a gateway with "billing_frame pass".
 */


/*
 * Notes a header of the gateway's answer if it is one of its price.  Its value
 * stays where it is: it must be there as long as the request.  Returns NGX_OK
 * or NGX_ERROR (no memory).
 */
ngx_int_t ngx_ohttp_relay_billing_field(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_ohttp_relay_field_t *field);

/*
 * Has the answer, a chunked one, looked through for bills.  Returns NGX_OK or
 * NGX_ERROR (no memory).
 */
ngx_int_t ngx_ohttp_relay_billing_follow(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);

/*
 * Takes a piece of such an answer, in the upstream buffer, and appends what is
 * no bill to what goes to the client.  An answer whose bill is not to be taken
 * out is broken off: u->error is set then, and u->length is not 0 any more.
 * Returns NGX_OK or NGX_ERROR (no memory).
 */
ngx_int_t ngx_ohttp_relay_billing_input(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, u_char *p, u_char *last);

/*
 * The get_handler of the variables with figures of a bill; "data" is the place
 * of a figure in ngx_ohttp_relay_bill_t.
 */
ngx_int_t ngx_ohttp_relay_billing_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


#endif /* _NGX_OHTTP_RELAY_RELAY_BILLING_H_INCLUDED_ */
