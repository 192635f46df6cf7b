
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_OPAQUE_H_INCLUDED_
#define _NGX_OHTTP_RELAY_OPAQUE_H_INCLUDED_


/*
 * Gateways of another profile than "ohttp": their bodies are sealed by other
 * means, so there is no envelope and no key id, but there are several paths.
 */


#include "../watch/watch.h"
#include "pool.h"


/* whether a model may be used, and that nobody can tell */

typedef enum {
    NGX_OHTTP_RELAY_MODEL_CONFIDENTIAL = 0,
    NGX_OHTTP_RELAY_MODEL_OTHER,
    NGX_OHTTP_RELAY_MODEL_UNKNOWN     /* the list is not there */
} ngx_ohttp_relay_model_e;


/*
 * What is wrong with a block as the configuration has it, without defaults:
 * what has no meaning with its profile, or is missing.  NULL if nothing is.
 */
char *ngx_ohttp_relay_opaque_wrong(ngx_ohttp_relay_gateway_t *gateway);

/* Completes what depends on the profile with the defaults. */
void ngx_ohttp_relay_opaque_init_values(ngx_ohttp_relay_gateway_t *gateway);

/*
 * Makes what all heads of requests to the gateway have in common, in memory of
 * cf->pool.  Returns NGX_OK or NGX_ERROR (no memory).
 */
ngx_int_t ngx_ohttp_relay_opaque_head(ngx_conf_t *cf,
    ngx_ohttp_relay_gateway_t *gateway);

/*
 * The path in front of those of the profile: that of the gateway's URL without
 * a "/" at its end.
 */
ngx_str_t ngx_ohttp_relay_opaque_base(ngx_ohttp_relay_gateway_t *gateway);

/*
 * What is wrong with a gateway as a member of the pool, which knows those that
 * came before; NULL if nothing is.
 */
char *ngx_ohttp_relay_opaque_pool_wrong(ngx_ohttp_relay_pool_t *pool,
    ngx_ohttp_relay_gateway_t *gateway);

/*
 * Reads the lists of confidential models of all gateways that have one, and
 * adds them to the files watched.  Returns NGX_OK, or NGX_ERROR after one
 * logged line.
 */
ngx_int_t ngx_ohttp_relay_opaque_models_init(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways, ngx_ohttp_relay_watch_t **watch);

/*
 * The same for a row of the registry that comes into use in this worker: its
 * list is watched as long as "pool" lives.  Without a readable one no model may
 * be used.  Returns NGX_OK or NGX_ERROR (no memory).
 */
ngx_int_t ngx_ohttp_relay_opaque_models_use(ngx_ohttp_relay_gateway_t *gateway,
    ngx_ohttp_relay_watch_t *watch, ngx_pool_t *pool);

/*
 * Tells whether a model, a chute by its id p..last, may be used at the gateway.
 */
ngx_ohttp_relay_model_e ngx_ohttp_relay_opaque_model(
    ngx_ohttp_relay_gateway_t *gateway, const u_char *p, const u_char *last);

/* The list as it is watched, for its figures; NULL without one. */
ngx_ohttp_relay_watched_t *ngx_ohttp_relay_opaque_watched(
    ngx_ohttp_relay_gateway_t *gateway);


#endif /* _NGX_OHTTP_RELAY_OPAQUE_H_INCLUDED_ */
