
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_RECORD_H_INCLUDED_
#define _NGX_OHTTP_RELAY_RECORD_H_INCLUDED_


#include "relay.h"


/*
 * The LOG phase: counts the request, whatever has ended it.
 */
ngx_int_t ngx_ohttp_relay_record(ngx_http_request_t *r);

/*
 * Adds $ohttp_relay_gateway, $ohttp_relay_result and $ohttp_relay_suite.  All
 * take values from configuration or from short fixed lists; none tells clients
 * apart.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_ohttp_relay_add_variables(ngx_conf_t *cf);


#endif /* _NGX_OHTTP_RELAY_RECORD_H_INCLUDED_ */
