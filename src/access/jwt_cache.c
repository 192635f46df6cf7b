
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "jwt_cache.h"

#include <openssl/rand.h>


/* places that one key may take */
#define NGX_OHTTP_RELAY_JWT_CACHE_WAYS  8


typedef struct {
    u_char                            key[NGX_OHTTP_RELAY_HMAC];
    time_t                            until;    /* 0: free */
    ngx_ohttp_relay_jwt_claims_t      claims;
} ngx_ohttp_relay_jwt_place_t;


typedef struct {
    ngx_ohttp_relay_jwt_place_t       places[NGX_OHTTP_RELAY_JWT_CACHE_WAYS];
} ngx_ohttp_relay_jwt_set_t;


/* what stands in shared memory */

typedef struct {
    u_char                            secret[NGX_OHTTP_RELAY_HMAC];
    ngx_atomic_t                      hits;
    ngx_atomic_t                      misses;
    ngx_uint_t                        n;
    ngx_ohttp_relay_jwt_set_t        *sets;
} ngx_ohttp_relay_jwt_cache_sh_t;


struct ngx_ohttp_relay_jwt_cache_s {
    ngx_shm_zone_t                   *zone;
    ngx_slab_pool_t                  *shpool;
    ngx_ohttp_relay_jwt_cache_sh_t   *sh;
    EVP_MAC_CTX                      *mac;
};


static void ngx_ohttp_relay_jwt_cache_stop(void *data);
static ngx_int_t ngx_ohttp_relay_jwt_cache_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_ohttp_relay_jwt_cache_make(
    ngx_ohttp_relay_jwt_cache_t *cache);
static ngx_ohttp_relay_jwt_set_t *ngx_ohttp_relay_jwt_cache_set(
    ngx_ohttp_relay_jwt_cache_t *cache, u_char *key);


ngx_ohttp_relay_jwt_cache_t *
ngx_ohttp_relay_jwt_cache_create(ngx_conf_t *cf, size_t size, void *tag)
{
    ngx_str_t                     name;
    ngx_pool_cleanup_t           *cln;
    ngx_ohttp_relay_jwt_cache_t  *cache;

    cache = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_jwt_cache_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (cache == NULL || cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_ohttp_relay_jwt_cache_stop;
    cln->data = cache;

    if (size < NGX_OHTTP_RELAY_JWT_CACHE_MIN) {
        size = NGX_OHTTP_RELAY_JWT_CACHE_MIN;
    }

    ngx_str_set(&name, "ohttp_relay_jwt");

    cache->zone = ngx_shared_memory_add(cf, &name, size, tag);
    if (cache->zone == NULL) {
        return NULL;
    }

    cache->zone->init = ngx_ohttp_relay_jwt_cache_init_zone;
    cache->zone->data = cache;

    return cache;
}


static void
ngx_ohttp_relay_jwt_cache_stop(void *data)
{
    ngx_ohttp_relay_jwt_cache_t *cache = data;

    EVP_MAC_CTX_free(cache->mac);
    cache->mac = NULL;
}


static ngx_int_t
ngx_ohttp_relay_jwt_cache_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_ohttp_relay_jwt_cache_t *old = data;

    ngx_ohttp_relay_jwt_cache_t  *cache;

    cache = shm_zone->data;
    cache->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (old) {
        cache->sh = old->sh;

    } else if (shm_zone->shm.exists) {
        cache->sh = cache->shpool->data;

    } else if (ngx_ohttp_relay_jwt_cache_make(cache) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "cannot make the zone of verified tokens");
        return NGX_ERROR;
    }

    /* for all processes to come */

    cache->mac = ngx_ohttp_relay_hmac_create(cache->sh->secret,
                                             cache->sh->secret
                                             + sizeof(cache->sh->secret));

    return cache->mac ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_ohttp_relay_jwt_cache_make(ngx_ohttp_relay_jwt_cache_t *cache)
{
    ngx_uint_t                       n;
    ngx_ohttp_relay_jwt_cache_sh_t  *sh;

    sh = ngx_slab_calloc(cache->shpool,
                         sizeof(ngx_ohttp_relay_jwt_cache_sh_t));
    if (sh == NULL || RAND_bytes(sh->secret, sizeof(sh->secret)) != 1) {
        return NGX_ERROR;
    }

    /* as many as the slab has pages in a row for */

    cache->shpool->log_nomem = 0;

    for (n = cache->zone->shm.size / sizeof(ngx_ohttp_relay_jwt_set_t); n;
         n -= n / 64 + 1)
    {
        sh->sets = ngx_slab_calloc(cache->shpool,
                                   n * sizeof(ngx_ohttp_relay_jwt_set_t));
        if (sh->sets) {
            break;
        }
    }

    if (n == 0) {
        return NGX_ERROR;
    }

    sh->n = n;

    cache->sh = sh;
    cache->shpool->data = sh;

    return NGX_OK;
}


ngx_int_t
ngx_ohttp_relay_jwt_cache_key(ngx_ohttp_relay_jwt_cache_t *cache,
    u_char context[NGX_OHTTP_RELAY_HMAC], const u_char *p,
    const u_char *last, u_char key[NGX_OHTTP_RELAY_HMAC])
{
    ngx_ohttp_relay_slice_t  slices[2];

    slices[0].data = context;
    slices[0].len = NGX_OHTTP_RELAY_HMAC;

    slices[1].data = p;
    slices[1].len = last - p;

    return ngx_ohttp_relay_hmac(cache->mac, slices, 2, key);
}


/* nobody can choose tokens so that they meet in one set: the key is an HMAC */

static ngx_ohttp_relay_jwt_set_t *
ngx_ohttp_relay_jwt_cache_set(ngx_ohttp_relay_jwt_cache_t *cache, u_char *key)
{
    uint32_t  hash;

    ngx_memcpy(&hash, key, sizeof(hash));

    return &cache->sh->sets[((uint64_t) hash * cache->sh->n) >> 32];
}


ngx_int_t
ngx_ohttp_relay_jwt_cache_find(ngx_ohttp_relay_jwt_cache_t *cache,
    u_char key[NGX_OHTTP_RELAY_HMAC], time_t now,
    ngx_ohttp_relay_jwt_claims_t *claims)
{
    ngx_int_t                     rc;
    ngx_uint_t                    i;
    ngx_ohttp_relay_jwt_set_t    *set;
    ngx_ohttp_relay_jwt_place_t  *place;

    rc = NGX_DECLINED;
    set = ngx_ohttp_relay_jwt_cache_set(cache, key);

    ngx_shmtx_lock(&cache->shpool->mutex);

    for (i = 0; i < NGX_OHTTP_RELAY_JWT_CACHE_WAYS; i++) {

        place = &set->places[i];

        if (place->until > now
            && ngx_memcmp(place->key, key, NGX_OHTTP_RELAY_HMAC) == 0)
        {
            *claims = place->claims;
            rc = NGX_OK;
            break;
        }
    }

    ngx_shmtx_unlock(&cache->shpool->mutex);

    if (rc == NGX_OK) {
        ngx_ohttp_relay_jwt_cache_hit(cache);

    } else {
        (void) ngx_atomic_fetch_add(&cache->sh->misses, 1);
    }

    return rc;
}


void
ngx_ohttp_relay_jwt_cache_hit(ngx_ohttp_relay_jwt_cache_t *cache)
{
    (void) ngx_atomic_fetch_add(&cache->sh->hits, 1);
}


void
ngx_ohttp_relay_jwt_cache_store(ngx_ohttp_relay_jwt_cache_t *cache,
    u_char key[NGX_OHTTP_RELAY_HMAC], time_t now,
    ngx_ohttp_relay_jwt_claims_t *claims)
{
    ngx_uint_t                    i;
    ngx_ohttp_relay_jwt_set_t    *set;
    ngx_ohttp_relay_jwt_place_t  *place, *best;

    if (claims->until <= now) {
        return;
    }

    set = ngx_ohttp_relay_jwt_cache_set(cache, key);

    ngx_shmtx_lock(&cache->shpool->mutex);

    best = &set->places[0];

    for (i = 0; i < NGX_OHTTP_RELAY_JWT_CACHE_WAYS; i++) {

        place = &set->places[i];

        if (ngx_memcmp(place->key, key, NGX_OHTTP_RELAY_HMAC) == 0) {
            best = place;
            break;
        }

        if (place->until < best->until) {
            best = place;
        }
    }

    /* whoever dies in between leaves a place that nobody finds */

    best->until = 0;
    ngx_memory_barrier();

    ngx_memcpy(best->key, key, NGX_OHTTP_RELAY_HMAC);
    best->claims = *claims;

    ngx_memory_barrier();
    best->until = claims->until;

    ngx_shmtx_unlock(&cache->shpool->mutex);
}


void
ngx_ohttp_relay_jwt_cache_read(ngx_ohttp_relay_jwt_cache_t *cache,
    ngx_ohttp_relay_jwt_cache_figures_t *figures)
{
    figures->hits = cache->sh->hits;
    figures->misses = cache->sh->misses;
    figures->places = cache->sh->n * NGX_OHTTP_RELAY_JWT_CACHE_WAYS;
}
