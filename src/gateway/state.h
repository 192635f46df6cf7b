
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_STATE_H_INCLUDED_
#define _NGX_OHTTP_RELAY_STATE_H_INCLUDED_


#include "gateway.h"


/* whether a gateway takes new requests, and if not, why */

typedef enum {
    NGX_OHTTP_RELAY_STATE_READY = 0,
    NGX_OHTTP_RELAY_STATE_UNAVAILABLE,   /* drained, ejected, no address */
    NGX_OHTTP_RELAY_STATE_NOT_ATTESTED
} ngx_ohttp_relay_state_e;


/*
 * Tells whether the gateway takes a new request now.  Asked before anything is
 * claimed for it, and again for each gateway that is tried in its place.
 */
ngx_ohttp_relay_state_e ngx_ohttp_relay_gateway_state(
    ngx_ohttp_relay_gateway_t *gateway);


#endif /* _NGX_OHTTP_RELAY_STATE_H_INCLUDED_ */
