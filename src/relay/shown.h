
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_SHOWN_H_INCLUDED_
#define _NGX_OHTTP_RELAY_SHOWN_H_INCLUDED_


#include "relay.h"


/*
 * Collects what the status page shows of gateways, pools and files, in memory
 * of "pool".  Nothing of it comes from a request, but whether a gateway is
 * ejected: that goes the way of the figures.  Returns NGX_OK, or NGX_ERROR
 * without memory.
 */
ngx_int_t ngx_ohttp_relay_shown_collect(ngx_ohttp_relay_main_conf_t *rmcf,
    ngx_ohttp_relay_report_t *report, ngx_pool_t *pool);


#endif /* _NGX_OHTTP_RELAY_SHOWN_H_INCLUDED_ */
