
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_BLOCK_H_INCLUDED_
#define _NGX_OHTTP_RELAY_BLOCK_H_INCLUDED_


#include "gateway.h"


/*
 * Handlers of the directives "ohttp_relay_gateway NAME { ... }" and
 * "ohttp_relay_tls NAME { ... }": "conf" is an ngx_ohttp_relay_gateways_t.
 * Both return NGX_CONF_OK, or NGX_CONF_ERROR after one logged line.
 */
char *ngx_ohttp_relay_gateway_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_ohttp_relay_tls_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Makes a gateway in "memory" of which nothing has been said but its name; its
 * directives, cf->args, can be told one by one, and must be complete in the
 * end.  ngx_ohttp_relay_gateway_create() returns NULL without memory; the
 * others return NGX_CONF_OK, or NGX_CONF_ERROR after one line in cf->log.
 */
ngx_ohttp_relay_gateway_t *ngx_ohttp_relay_gateway_create(ngx_pool_t *memory,
    ngx_str_t *name);
char *ngx_ohttp_relay_gateway_directive(ngx_conf_t *cf,
    ngx_ohttp_relay_gateway_t *gateway);
char *ngx_ohttp_relay_gateway_complete(ngx_conf_t *cf,
    ngx_ohttp_relay_gateway_t *gateway);

/*
 * Whether this could be the name of a header (RFC 9110, section 5.1), and
 * whether it is one that the relay writes itself or that belongs to one
 * connection: 1 or 0.
 */
ngx_uint_t ngx_ohttp_relay_field_name(ngx_str_t *name);
ngx_uint_t ngx_ohttp_relay_field_reserved(ngx_str_t *name);


#endif /* _NGX_OHTTP_RELAY_BLOCK_H_INCLUDED_ */
