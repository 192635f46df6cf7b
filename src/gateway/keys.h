
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
#include "epochs.h"
#include "pool.h"


/* of an ETag: a SHA-256 in hexadecimal, in quotes */
#define NGX_OHTTP_RELAY_KEYS_ETAG  (2 + 64)


/* what is published at a time, the same in all workers and for all clients */

typedef struct {
    ngx_uint_t                  refs;
    ngx_str_t                   content;
    ngx_str_t                   type;
    ngx_str_t                   etag;
    ngx_ohttp_relay_key_set_t   set;        /* points into the content */
    u_char                      sha256[NGX_OHTTP_RELAY_EPOCH_DIGEST];
    u_char                      tag[NGX_OHTTP_RELAY_KEYS_ETAG];
    u_char                      bytes[1];
} ngx_ohttp_relay_keys_snapshot_t;


/* the keys of one gateway, or those on which a pool's gateways agree */

struct ngx_ohttp_relay_keys_s {
    ngx_str_t                         name;
    ngx_ohttp_relay_gateway_t        *gateway;    /* NULL: of a pool */
    ngx_ohttp_relay_pool_t           *pool;
    ngx_ohttp_relay_watched_t        *watched;    /* NULL: no room for it */
    ngx_ohttp_relay_keys_snapshot_t  *snapshot;   /* of this process */

    ngx_queue_t                       queue;      /* of "ring" */
    unsigned                          logged:1;   /* the snapshot is */
    char                              text[192];  /* how they disagree */
};


/* all keys that are published, in this process */

typedef struct {
    ngx_queue_t                       all;        /* ngx_ohttp_relay_keys_t */
    ngx_ohttp_relay_watch_t         **watch;
    ngx_ohttp_relay_epochs_t         *epochs;     /* NULL: there is no log */
} ngx_ohttp_relay_keyring_t;


/*
 * Completes what a block says of keys with the defaults.  Returns NULL, or
 * what is wrong with it.
 */
char *ngx_ohttp_relay_keys_wrong(ngx_ohttp_relay_gateway_t *gateway);

/*
 * Reads the files of all gateways that have one, and adds them to those
 * watched, which may come and go if pools or a registry need that.  Returns
 * NGX_OK, or NGX_ERROR after one logged line.
 */
ngx_int_t ngx_ohttp_relay_keys_init(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways, ngx_ohttp_relay_keyring_t *ring,
    ngx_ohttp_relay_watch_t **watch, void *tag);

/*
 * Has the file of a gateway that comes into use in this worker watched as long
 * as "pool" lives, unless it has none or it is already.  The gateway serves in
 * any case.  Returns NGX_OK or NGX_ERROR (no memory).
 */
ngx_int_t ngx_ohttp_relay_keys_use(ngx_ohttp_relay_keyring_t *ring,
    ngx_ohttp_relay_gateway_t *gateway, ngx_pool_t *pool);

/*
 * Has what the gateways of a pool with shared keys agree on published, as long
 * as "memory" lives: after those gateways came into use, in each worker.
 * Returns NGX_OK or NGX_ERROR (no memory).
 */
ngx_int_t ngx_ohttp_relay_keys_use_pool(ngx_ohttp_relay_keyring_t *ring,
    ngx_ohttp_relay_pool_t *pool, ngx_pool_t *memory);

/*
 * What is published of these keys now; it stays as it is as long as "pool"
 * does.  NULL if nothing is, or if there is no memory.
 */
ngx_ohttp_relay_keys_snapshot_t *ngx_ohttp_relay_keys_get(
    ngx_ohttp_relay_keys_t *keys, ngx_pool_t *pool);

/*
 * How many seconds from now on a client may use what is published.
 */
time_t ngx_ohttp_relay_keys_age(ngx_ohttp_relay_keys_t *keys);

/*
 * Whether requests sealed to this key id may pass: NGX_OK, also where nobody
 * is to ask; NGX_DECLINED if the gateway is to be spared what it has no key
 * for; NGX_AGAIN if that cannot be said, since none of its keys are there yet.
 */
ngx_int_t ngx_ohttp_relay_keys_check(ngx_ohttp_relay_gateway_t *gateway,
    uint8_t id);

/* Returns 1 if what is published of it has a key of this id, 0 if not. */
ngx_uint_t ngx_ohttp_relay_keys_has(ngx_ohttp_relay_gateway_t *gateway,
    uint8_t id);

/*
 * Whether a pool has one set of keys to publish: they are shared, and nothing
 * in a request chooses among its gateways.  1 or 0.  And how long clients may
 * use it; -1 if none of its gateways has a file of keys.
 */
ngx_uint_t ngx_ohttp_relay_keys_pool_is_one(ngx_ohttp_relay_pool_t *pool);
time_t ngx_ohttp_relay_keys_pool_age(ngx_ohttp_relay_pool_t *pool);

/* What the rest of the room needs to make keys of its own; see keys.c. */
ngx_ohttp_relay_keys_t *ngx_ohttp_relay_keys_create(
    ngx_ohttp_relay_keyring_t *ring, ngx_str_t *name, ngx_pool_t *pool);
ngx_int_t ngx_ohttp_relay_keys_take(void *data, u_char *p, u_char *last,
    ngx_pool_t *pool, char **error);
char *ngx_ohttp_relay_keys_conflict(u_char *old, u_char *old_last,
    u_char *p, u_char *last, ngx_pool_t *pool);


#endif /* _NGX_OHTTP_RELAY_GATEWAY_KEYS_H_INCLUDED_ */
