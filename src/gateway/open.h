
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_OPEN_H_INCLUDED_
#define _NGX_OHTTP_RELAY_OPEN_H_INCLUDED_


#include "gateway.h"


/*
 * Called once for each gateway in each worker before requests may come to it:
 * when the worker starts, or when the registry brings it.  Returns NGX_OK, or
 * NGX_ERROR if it cannot serve (no memory): then nothing of it is open.
 */
ngx_int_t ngx_ohttp_relay_gateway_open(ngx_ohttp_relay_gateway_t *gateway,
    ngx_cycle_t *cycle);

/*
 * Called once for each that was opened, when no new request may come to it:
 * the registry has taken it back, or the worker ends.  Idle connections are
 * closed; requests that are on their way go on, and its memory stays as long
 * as they do.
 */
void ngx_ohttp_relay_gateway_close(ngx_ohttp_relay_gateway_t *gateway);


#endif /* _NGX_OHTTP_RELAY_OPEN_H_INCLUDED_ */
