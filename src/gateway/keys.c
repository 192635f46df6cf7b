
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "keys.h"

#include <openssl/evp.h>


#define NGX_OHTTP_RELAY_KEYS_AGE      3600              /* seconds */
#define NGX_OHTTP_RELAY_KEYS_MAX_AGE  (24 * 60 * 60)

/* bytes of all files of rows together, and of what pools agree on */
#define NGX_OHTTP_RELAY_KEYS_LIVE     (64 * 1024 * 1024)


static ngx_int_t ngx_ohttp_relay_keys_init_live(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways, ngx_ohttp_relay_keyring_t *ring,
    void *tag);
static ngx_int_t ngx_ohttp_relay_keys_add(ngx_conf_t *cf,
    ngx_ohttp_relay_keyring_t *ring, ngx_ohttp_relay_gateway_t *gateway);
static void ngx_ohttp_relay_keys_free(void *data);
static char *ngx_ohttp_relay_keys_read(ngx_ohttp_relay_gateway_t *gateway,
    ngx_ohttp_relay_keys_snapshot_t *snapshot, u_char *p, u_char *last);
static ngx_int_t ngx_ohttp_relay_keys_tag(
    ngx_ohttp_relay_keys_snapshot_t *snapshot);
static void ngx_ohttp_relay_keys_refresh(ngx_ohttp_relay_keys_t *keys);
static void ngx_ohttp_relay_keys_release(void *data);
static void ngx_ohttp_relay_keys_log(void *data, ngx_log_t *log);


char *
ngx_ohttp_relay_keys_wrong(ngx_ohttp_relay_gateway_t *gateway)
{
    if (gateway->keys_file.len == 0
        && (gateway->keys_format != NGX_CONF_UNSET_UINT
            || gateway->keys_max_age != NGX_CONF_UNSET
            || (gateway->unknown_key != NGX_CONF_UNSET_UINT
                && gateway->unknown_key != 0)))
    {
        return "\"keys_format\", \"keys_max_age\" and \"unknown_key\" need "
               "\"keys_file\"";
    }

    ngx_conf_init_uint_value(gateway->keys_format, NGX_OHTTP_RELAY_KEYS_AS_IS);
    ngx_conf_init_value(gateway->keys_max_age, NGX_OHTTP_RELAY_KEYS_AGE);
    ngx_conf_init_uint_value(gateway->unknown_key, 0);

    if (gateway->keys_max_age < 1
        || gateway->keys_max_age > NGX_OHTTP_RELAY_KEYS_MAX_AGE)
    {
        return "\"keys_max_age\" must be from 1s to 1d";
    }

    return NULL;
}


ngx_int_t
ngx_ohttp_relay_keys_init(ngx_conf_t *cf, ngx_ohttp_relay_gateways_t *gateways,
    ngx_ohttp_relay_keyring_t *ring, ngx_ohttp_relay_watch_t **watch,
    void *tag)
{
    ngx_uint_t                   i;
    ngx_ohttp_relay_gateway_t  **gateway;

    ring->watch = watch;
    ngx_queue_init(&ring->all);

    gateway = gateways->gateways.elts;

    for (i = 0; i < gateways->gateways.nelts; i++) {

        if (gateway[i]->keys_file.len
            && ngx_ohttp_relay_keys_add(cf, ring, gateway[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_ohttp_relay_keys_init_live(cf, gateways, ring, tag);
}


/* rows come and go, and what pools publish is made while nginx runs */

static ngx_int_t
ngx_ohttp_relay_keys_init_live(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways, ngx_ohttp_relay_keyring_t *ring,
    void *tag)
{
    ngx_uint_t                i, shared;
    ngx_ohttp_relay_pool_t  **pool;

    shared = (gateways->live != NULL);
    pool = gateways->pools.elts;

    for (i = 0; i < gateways->pools.nelts; i++) {
        shared |= ngx_ohttp_relay_keys_pool_is_one(pool[i]);
    }

    if (shared
        && ngx_ohttp_relay_watch_live(cf, ring->watch,
                                      NGX_OHTTP_RELAY_KEYS_LIVE, tag)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ring->epochs && *ring->watch) {
        ngx_ohttp_relay_watch_then(*ring->watch, ngx_ohttp_relay_keys_log,
                                   ring);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_keys_add(ngx_conf_t *cf, ngx_ohttp_relay_keyring_t *ring,
    ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_ohttp_relay_keys_t  *keys;

    keys = ngx_ohttp_relay_keys_create(ring, &gateway->name, cf->pool);
    if (keys == NULL) {
        return NGX_ERROR;
    }

    keys->gateway = gateway;
    keys->watched = ngx_ohttp_relay_watch_add(cf, ring->watch,
                                              &gateway->keys_file,
                                              NGX_OHTTP_RELAY_KEYS_BYTES,
                                              ngx_ohttp_relay_keys_take, keys);
    if (keys->watched == NULL) {
        return NGX_ERROR;
    }

    /* so long clients may go on with what they have got */

    ngx_ohttp_relay_watch_hold(keys->watched, ngx_ohttp_relay_keys_conflict,
                               gateway->keys_max_age);

    gateway->keys = keys;

    return NGX_OK;
}


ngx_int_t
ngx_ohttp_relay_keys_use(ngx_ohttp_relay_keyring_t *ring,
    ngx_ohttp_relay_gateway_t *gateway, ngx_pool_t *pool)
{
    ngx_ohttp_relay_keys_t  *keys;

    if (gateway->keys_file.len == 0 || gateway->keys) {
        return NGX_OK;
    }

    keys = ngx_ohttp_relay_keys_create(ring, &gateway->name, pool);
    if (keys == NULL) {
        return NGX_ERROR;
    }

    keys->gateway = gateway;
    keys->watched = ngx_ohttp_relay_watch_open(*ring->watch,
                                               &gateway->keys_file,
                                               NGX_OHTTP_RELAY_KEYS_BYTES,
                                               ngx_ohttp_relay_keys_take, keys,
                                               pool);
    if (keys->watched) {
        ngx_ohttp_relay_watch_hold(keys->watched,
                                   ngx_ohttp_relay_keys_conflict,
                                   gateway->keys_max_age);
    }

    gateway->keys = keys;

    return NGX_OK;
}


ngx_ohttp_relay_keys_t *
ngx_ohttp_relay_keys_create(ngx_ohttp_relay_keyring_t *ring, ngx_str_t *name,
    ngx_pool_t *pool)
{
    ngx_pool_cleanup_t      *cln;
    ngx_ohttp_relay_keys_t  *keys;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_ohttp_relay_keys_t));
    if (cln == NULL) {
        return NULL;
    }

    keys = cln->data;

    ngx_memzero(keys, sizeof(ngx_ohttp_relay_keys_t));

    keys->name = *name;
    ngx_queue_insert_tail(&ring->all, &keys->queue);

    cln->handler = ngx_ohttp_relay_keys_free;

    return keys;
}


static void
ngx_ohttp_relay_keys_free(void *data)
{
    ngx_ohttp_relay_keys_t *keys = data;

    ngx_queue_remove(&keys->queue);

    if (keys->snapshot) {
        ngx_ohttp_relay_keys_release(keys->snapshot);
    }
}


/* takes over the content of the file of keys, when the watcher has read it */

ngx_int_t
ngx_ohttp_relay_keys_take(void *data, u_char *p, u_char *last,
    ngx_pool_t *pool, char **error)
{
    ngx_ohttp_relay_keys_t *keys = data;

    ngx_ohttp_relay_keys_snapshot_t  *snapshot;

    snapshot = ngx_alloc(offsetof(ngx_ohttp_relay_keys_snapshot_t, bytes)
                         + 2 + (last - p), pool->log);
    if (snapshot == NULL) {
        return NGX_ERROR;
    }

    *error = ngx_ohttp_relay_keys_read(keys->gateway, snapshot, p, last);

    if (*error) {
        ngx_free(snapshot);
        return NGX_ERROR;
    }

    if (keys->snapshot) {
        ngx_ohttp_relay_keys_release(keys->snapshot);
    }

    keys->snapshot = snapshot;
    keys->logged = 0;

    return NGX_OK;
}


/*
 * Fills a snapshot with room for two bytes more; NULL, or what is wrong.  Those
 * of a pool have their form from its gateways.
 */

static char *
ngx_ohttp_relay_keys_read(ngx_ohttp_relay_gateway_t *gateway,
    ngx_ohttp_relay_keys_snapshot_t *snapshot, u_char *p, u_char *last)
{
    size_t       size;
    u_char      *copy;
    const char  *error;

    size = last - p;

    /* in front of it there is room for the length of one bare key */

    copy = snapshot->bytes + 2;
    ngx_memcpy(copy, p, size);

    if (ngx_ohttp_relay_key_set(copy, copy + size, &snapshot->set, &error)
        != NGX_OHTTP_RELAY_OK)
    {
        return (char *) error;
    }

    if (gateway && gateway->unknown_key && snapshot->set.n == 0) {
        return "it has no \"key_id\", which \"unknown_key\" needs";
    }

    snapshot->content.data = copy;
    snapshot->content.len = size;

    ngx_str_set(&snapshot->type, "application/ohttp-keys");

    if (snapshot->set.form == NGX_OHTTP_RELAY_KEYS_JSON) {
        ngx_str_set(&snapshot->type, "application/json");
    }

    if (gateway && gateway->keys_format == NGX_OHTTP_RELAY_KEYS_AS_LIST) {

        if (snapshot->set.form == NGX_OHTTP_RELAY_KEYS_JSON) {
            return "it is JSON, and \"keys_format\" is \"list\"";
        }

        if (snapshot->set.form == NGX_OHTTP_RELAY_KEYS_BARE) {

            if (size > 65535) {
                return "it is too long for a list";
            }

            copy[-2] = (u_char) (size >> 8);
            copy[-1] = (u_char) size;

            snapshot->content.data -= 2;
            snapshot->content.len += 2;
        }
    }

    return ngx_ohttp_relay_keys_tag(snapshot) == NGX_OK ? NULL : "no memory";
}


static ngx_int_t
ngx_ohttp_relay_keys_tag(ngx_ohttp_relay_keys_snapshot_t *snapshot)
{
    u_char  *p;

    if (EVP_Digest(snapshot->content.data, snapshot->content.len,
                   snapshot->sha256, NULL, EVP_sha256(), NULL)
        != 1)
    {
        return NGX_ERROR;
    }

    p = snapshot->tag;

    *p++ = '"';
    p = ngx_hex_dump(p, snapshot->sha256, sizeof(snapshot->sha256));
    *p = '"';

    snapshot->etag.data = snapshot->tag;
    snapshot->etag.len = NGX_OHTTP_RELAY_KEYS_ETAG;
    snapshot->refs = 1;

    return NGX_OK;
}


/* another key under an id that is in use: clients would mix them up */

char *
ngx_ohttp_relay_keys_conflict(u_char *old, u_char *old_last, u_char *p,
    u_char *last, ngx_pool_t *pool)
{
    int                         id;
    u_char                     *text;
    const char                 *error;
    ngx_ohttp_relay_key_set_t   before, set;

    /* what is no set of keys is refused in any case */

    if (ngx_ohttp_relay_key_set(old, old_last, &before, &error)
        != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_key_set(p, last, &set, &error)
           != NGX_OHTTP_RELAY_OK)
    {
        return NULL;
    }

    id = ngx_ohttp_relay_key_set_changed(&before, &set);

    if (id == NGX_OHTTP_RELAY_ERROR) {
        return NULL;
    }

    text = ngx_pnalloc(pool, sizeof("the public key of key id  has changed")
                             + NGX_INT_T_LEN);
    if (text == NULL) {
        return "the public key of a key id has changed";
    }

    ngx_sprintf(text, "the public key of key id %d has changed%Z", id);

    return (char *) text;
}


/* once a worker has published other keys, no other one publishes the old */

static void
ngx_ohttp_relay_keys_refresh(ngx_ohttp_relay_keys_t *keys)
{
    if (keys->watched) {
        ngx_ohttp_relay_watched_refresh(keys->watched, ngx_cycle->log);
    }
}


ngx_ohttp_relay_keys_snapshot_t *
ngx_ohttp_relay_keys_get(ngx_ohttp_relay_keys_t *keys, ngx_pool_t *pool)
{
    ngx_pool_cleanup_t               *cln;
    ngx_ohttp_relay_keys_snapshot_t  *snapshot;

    ngx_ohttp_relay_keys_refresh(keys);

    if (keys->snapshot == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    snapshot = keys->snapshot;
    snapshot->refs++;

    cln->handler = ngx_ohttp_relay_keys_release;
    cln->data = snapshot;

    return snapshot;
}


static void
ngx_ohttp_relay_keys_release(void *data)
{
    ngx_ohttp_relay_keys_snapshot_t *snapshot = data;

    if (--snapshot->refs == 0) {
        ngx_free(snapshot);
    }
}


time_t
ngx_ohttp_relay_keys_age(ngx_ohttp_relay_keys_t *keys)
{
    time_t  held;

    held = keys->watched ? ngx_ohttp_relay_watched_held(keys->watched) : -1;

    if (held >= 0) {
        return held;
    }

    return keys->pool ? ngx_ohttp_relay_keys_pool_age(keys->pool)
                      : keys->gateway->keys_max_age;
}


ngx_int_t
ngx_ohttp_relay_keys_check(ngx_ohttp_relay_gateway_t *gateway, uint8_t id)
{
    if (gateway->unknown_key == 0) {
        return NGX_OK;
    }

    if (gateway->keys) {
        ngx_ohttp_relay_keys_refresh(gateway->keys);
    }

    if (gateway->keys == NULL || gateway->keys->snapshot == NULL) {
        return NGX_AGAIN;
    }

    return ngx_ohttp_relay_key_set_has(&gateway->keys->snapshot->set, id)
           ? NGX_OK : NGX_DECLINED;
}


ngx_uint_t
ngx_ohttp_relay_keys_has(ngx_ohttp_relay_gateway_t *gateway, uint8_t id)
{
    return gateway->keys
           && gateway->keys->snapshot
           && ngx_ohttp_relay_key_set_has(&gateway->keys->snapshot->set, id);
}


/* which of them are new to the log of what was published */

static void
ngx_ohttp_relay_keys_log(void *data, ngx_log_t *log)
{
    ngx_ohttp_relay_keyring_t *ring = data;

    ngx_queue_t             *q;
    ngx_ohttp_relay_keys_t  *keys;

    for (q = ngx_queue_head(&ring->all);
         q != ngx_queue_sentinel(&ring->all);
         q = ngx_queue_next(q))
    {
        keys = ngx_queue_data(q, ngx_ohttp_relay_keys_t, queue);

        if (keys->logged || keys->snapshot == NULL) {
            continue;
        }

        if (ngx_ohttp_relay_epochs_add(ring->epochs, &keys->name,
                                       keys->snapshot->sha256, log)
            != NGX_OK)
        {
            return;
        }

        keys->logged = 1;
    }
}
