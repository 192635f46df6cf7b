
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_GATEWAYS_H_INCLUDED_
#define _NGX_OHTTP_RELAY_GATEWAYS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * The directive "gateways NAME..." of a block; cmd->offset leads to an
 * ngx_array_t * of ngx_str_t, NULL where the directive is absent.  Returns
 * NGX_CONF_OK or an error text.  Names are checked by the front door, which
 * knows the gateways.
 */
char *ngx_ohttp_relay_gateways_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Whether a list of names admits a gateway: 1 or 0; NULL admits all.
 */
ngx_uint_t ngx_ohttp_relay_gateways_admit(ngx_array_t *names,
    ngx_str_t *gateway);


#endif /* _NGX_OHTTP_RELAY_GATEWAYS_H_INCLUDED_ */
