
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


#endif /* _NGX_OHTTP_RELAY_BLOCK_H_INCLUDED_ */
