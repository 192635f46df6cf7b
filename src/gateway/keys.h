
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_GATEWAY_KEYS_H_INCLUDED_
#define _NGX_OHTTP_RELAY_GATEWAY_KEYS_H_INCLUDED_


/*
 * The keys of gateways, as a file has them that an operator or an agent
 * writes: what is published, and which key ids there are.  Nothing is fetched.
 */


#include "../codec/key_config.h"
#include "../watch/watch.h"
#include "gateway.h"


/* of an ETag: a SHA-256 in hexadecimal, in quotes */
#define NGX_OHTTP_RELAY_KEYS_ETAG  (2 + 64)


/* what is published at a time, the same in all workers and for all clients */

typedef struct {
    ngx_uint_t                  refs;
    ngx_str_t                   content;
    ngx_str_t                   type;
    ngx_str_t                   etag;
    ngx_ohttp_relay_key_set_t   set;        /* points into the content */
    u_char                      tag[NGX_OHTTP_RELAY_KEYS_ETAG];
    u_char                      bytes[1];
} ngx_ohttp_relay_keys_snapshot_t;


/*
 * Completes what a block says of keys with the defaults.  Returns NULL, or
 * what is wrong with it.
 */
char *ngx_ohttp_relay_keys_wrong(ngx_ohttp_relay_gateway_t *gateway);

/*
 * Reads the files of all gateways that have one, and adds them to those
 * watched.  Returns NGX_OK, or NGX_ERROR after one logged line.
 */
ngx_int_t ngx_ohttp_relay_keys_init(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways, ngx_ohttp_relay_watch_t **watch);

/*
 * What is published of this gateway now; it stays as it is as long as "pool"
 * does.  NULL if nothing is, or if there is no memory.
 */
ngx_ohttp_relay_keys_snapshot_t *ngx_ohttp_relay_keys_get(
    ngx_ohttp_relay_gateway_t *gateway, ngx_pool_t *pool);

/*
 * How many seconds from now on a client may use what is published.
 */
time_t ngx_ohttp_relay_keys_age(ngx_ohttp_relay_gateway_t *gateway);

/*
 * Returns 1 if requests sealed to this key id are to be refused: the gateway's
 * block says so, and none of its keys has the id.  Else 0.
 */
ngx_uint_t ngx_ohttp_relay_keys_refuse(ngx_ohttp_relay_gateway_t *gateway,
    uint8_t id);

/* The file as it is watched, for its figures; NULL without one. */
ngx_ohttp_relay_watched_t *ngx_ohttp_relay_keys_watched(
    ngx_ohttp_relay_gateway_t *gateway);


#endif /* _NGX_OHTTP_RELAY_GATEWAY_KEYS_H_INCLUDED_ */
