
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_LIVE_H_INCLUDED_
#define _NGX_OHTTP_RELAY_LIVE_H_INCLUDED_


/*
 * The registry: a file with gateways and pools that is watched, and that each
 * process takes over as a roster of its own.
 */


#include "../watch/watch.h"
#include "roster.h"


/*
 * Called when there are rows in a new roster that are to be down: nothing that
 * is on its way to a gateway of such a name may go on.
 */
typedef void (*ngx_ohttp_relay_down_pt)(ngx_ohttp_relay_roster_t *roster);

/*
 * Handler of the directive "ohttp_relay_registry FILE [interval=TIME]": "conf"
 * is an ngx_ohttp_relay_gateways_t.  Returns NGX_CONF_OK or what is wrong.
 */
char *ngx_ohttp_relay_registry_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Reads the registry when all blocks are complete, and makes the first roster.
 * Returns NGX_OK, or NGX_ERROR after one logged line.
 */
ngx_int_t ngx_ohttp_relay_live_init(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways);

/*
 * Adds the shared memory through which workers hand the registry on, if there
 * is one; "tag" is the module, and "store" tells whether rows that claim
 * something in a store may come (1) or not (0).  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_ohttp_relay_live_share(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways, ngx_uint_t store, void *tag);

/*
 * Opens all gateways in a worker, and starts to follow the registry; closes
 * them at its end.  The first returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_ohttp_relay_live_init_process(
    ngx_ohttp_relay_gateways_t *gateways, ngx_cycle_t *cycle);
void ngx_ohttp_relay_live_exit_process(ngx_ohttp_relay_gateways_t *gateways);

/*
 * Sets who is called when rows are down.
 */
void ngx_ohttp_relay_live_ask_down(ngx_ohttp_relay_down_pt down);

/* The file as it is watched, for its figures; NULL without a registry. */
ngx_ohttp_relay_watched_t *ngx_ohttp_relay_live_watched(
    ngx_ohttp_relay_gateways_t *gateways);


#endif /* _NGX_OHTTP_RELAY_LIVE_H_INCLUDED_ */
