
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_FLIGHT_H_INCLUDED_
#define _NGX_OHTTP_RELAY_FLIGHT_H_INCLUDED_


#include "relay.h"


/*
 * Notes that a request is on its way to ctx->gateway, or that it is no more;
 * what is not noted may be told again.  When rows of the registry are down
 * those on their way to them end at once: before anything of an answer has
 * been passed on with a problem, and without a proper end later.
 */
void ngx_ohttp_relay_flight_enter(ngx_ohttp_relay_ctx_t *ctx);
void ngx_ohttp_relay_flight_leave(ngx_ohttp_relay_ctx_t *ctx);

/*
 * To be called once when the configuration has been read.
 */
void ngx_ohttp_relay_flight_init(void);


#endif /* _NGX_OHTTP_RELAY_FLIGHT_H_INCLUDED_ */
