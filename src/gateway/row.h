
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_ROW_H_INCLUDED_
#define _NGX_OHTTP_RELAY_ROW_H_INCLUDED_


#include "roster.h"


/*
 * Makes a complete gateway of a row of the registry, with memory of its own and
 * in use once: its directives are those of a block, and nothing is read twice.
 * "cf" has a log, a cycle and memory for the time of the call.  Returns NULL
 * after one line in cf->log, or without memory.
 */
ngx_ohttp_relay_gateway_t *ngx_ohttp_relay_row_gateway(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways, ngx_log_t *log,
    ngx_ohttp_relay_registry_row_t *row);

/*
 * The same for a pool, in memory of cf->pool.
 */
ngx_ohttp_relay_pool_t *ngx_ohttp_relay_row_pool(ngx_conf_t *cf,
    ngx_ohttp_relay_registry_row_t *row);


#endif /* _NGX_OHTTP_RELAY_ROW_H_INCLUDED_ */
