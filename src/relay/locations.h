
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_LOCATIONS_H_INCLUDED_
#define _NGX_OHTTP_RELAY_LOCATIONS_H_INCLUDED_


#include "relay.h"


/*
 * To be called while the configuration of a location, or server, is merged
 * that belongs to a relay server.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_ohttp_relay_locations_around(ngx_conf_t *cf,
    ngx_ohttp_relay_main_conf_t *rmcf, ngx_http_core_loc_conf_t *clcf);

/*
 * The same for a relay location: some of the core's settings become the
 * relay's own there.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_ohttp_relay_locations_add(ngx_conf_t *cf,
    ngx_ohttp_relay_main_conf_t *rmcf, ngx_http_core_loc_conf_t *clcf);

/*
 * Looks up what relay locations name, gateways and credentials, when the
 * whole configuration has been read.  Returns NGX_OK, or NGX_ERROR after one
 * logged line.
 */
ngx_int_t ngx_ohttp_relay_locations_init(ngx_conf_t *cf,
    ngx_ohttp_relay_main_conf_t *rmcf);

/*
 * Whether there is anything that a relay location may have to claim in a
 * store: 1 or 0.
 */
ngx_uint_t ngx_ohttp_relay_locations_claim(ngx_ohttp_relay_main_conf_t *rmcf);


#endif /* _NGX_OHTTP_RELAY_LOCATIONS_H_INCLUDED_ */
