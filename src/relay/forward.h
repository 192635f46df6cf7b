
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_FORWARD_H_INCLUDED_
#define _NGX_OHTTP_RELAY_FORWARD_H_INCLUDED_


#include "relay.h"


/*
 * Sends the request to ctx->gateway: the constant head, then the body as it
 * comes (RFC 9458, section 5).  Nothing is sent twice: another address of the
 * gateway is tried only while none of the request has left.
 */
void ngx_ohttp_relay_forward(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);

/*
 * Makes requests to a gateway that cannot be reached go to another one, where
 * the keys are shared (see handler.h).
 */
void ngx_ohttp_relay_forward_init(void);


#endif /* _NGX_OHTTP_RELAY_FORWARD_H_INCLUDED_ */
