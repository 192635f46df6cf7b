
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_TLS_H_INCLUDED_
#define _NGX_OHTTP_RELAY_TLS_H_INCLUDED_


#include "gateway.h"


/*
 * Gives a gateway with an https URL its TLS context: that of its
 * ohttp_relay_tls block, the common one of all pins, or the one that trusts
 * the system's certification authorities.  Contexts are made on first use.
 * A gateway with pins is authenticated by them alone: the name is not checked
 * and no session is ever resumed.  Returns NGX_OK, or NGX_ERROR after one
 * logged line.
 */
ngx_int_t ngx_ohttp_relay_tls_init(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways, ngx_ohttp_relay_gateway_t *gateway);

/*
 * Makes all contexts that a row of the registry may ask for later: that of each
 * ohttp_relay_tls block and the two others.  Returns NGX_OK, or NGX_ERROR after
 * one logged line.
 */
ngx_int_t ngx_ohttp_relay_tls_prepare(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways);


#endif /* _NGX_OHTTP_RELAY_TLS_H_INCLUDED_ */
