
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
 * and no session is ever resumed.  One that must be attested shows also what
 * the verdict on it names, if that names anything.  Returns NGX_OK, or
 * NGX_ERROR after one logged line.
 */
ngx_int_t ngx_ohttp_relay_tls_init(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways, ngx_ohttp_relay_gateway_t *gateway);

/*
 * Whether what a gateway has shown in a handshake is what the verdict on it
 * asks for now: 1 or 0.  1 for one that need not be attested.  "shown" is all
 * zeros if nothing was.
 */
ngx_uint_t ngx_ohttp_relay_tls_attested(ngx_ohttp_relay_gateway_t *gateway,
    ngx_ohttp_relay_shown_t *shown);

/*
 * Makes all contexts that a row of the registry may ask for later: that of each
 * ohttp_relay_tls block and the two others.  Returns NGX_OK, or NGX_ERROR after
 * one logged line.
 */
ngx_int_t ngx_ohttp_relay_tls_prepare(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways);


#endif /* _NGX_OHTTP_RELAY_TLS_H_INCLUDED_ */
