
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_FIGURES_H_INCLUDED_
#define _NGX_OHTTP_RELAY_FIGURES_H_INCLUDED_


#include "relay.h"


/*
 * Adds the shared memory of the counters, and tells the room of gateways what
 * else there is to do for what comes into use.  Returns NGX_OK, or NGX_ERROR
 * after one logged line.
 */
ngx_int_t ngx_ohttp_relay_figures_init(ngx_conf_t *cf,
    ngx_ohttp_relay_main_conf_t *rmcf);

/*
 * What comes into use in a worker gets what its room does not know: a gateway
 * its counters, found by name, so that no request has to look for them; both
 * their published keys.  An ngx_ohttp_relay_use_pt and ..._use_pool_pt, whose
 * "data" is the main configuration.
 */
ngx_int_t ngx_ohttp_relay_figures_use(void *data,
    ngx_ohttp_relay_gateway_t *gateway, ngx_pool_t *memory);
ngx_int_t ngx_ohttp_relay_figures_use_pool(void *data,
    ngx_ohttp_relay_pool_t *pool, ngx_pool_t *memory);


#endif /* _NGX_OHTTP_RELAY_FIGURES_H_INCLUDED_ */
