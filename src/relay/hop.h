
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_HOP_H_INCLUDED_
#define _NGX_OHTTP_RELAY_HOP_H_INCLUDED_


#include "relay.h"


/*
 * Takes out of the response's headers what the gateway's Connection fields
 * name: it was meant for the relay (RFC 9110, section 7.6.1).  The upstream
 * buffer holds the head of the gateway's final answer from "start" to "pos",
 * and it has been parsed without an error.
 */
void ngx_ohttp_relay_drop_hop(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);


#endif /* _NGX_OHTTP_RELAY_HOP_H_INCLUDED_ */
