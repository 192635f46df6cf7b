
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "redis.h"


static ngx_int_t ngx_ohttp_relay_redis_init_zone(ngx_shm_zone_t *zone,
    void *data);
static void ngx_ohttp_relay_redis_take_over(ngx_ohttp_relay_redis_t *redis);
static void ngx_ohttp_relay_redis_lose(ngx_ohttp_relay_redis_node_t *node,
    ngx_uint_t changed, char *what);


static ngx_str_t  ngx_ohttp_relay_redis_zone = ngx_string("ohttp_relay_redis");


ngx_int_t
ngx_ohttp_relay_redis_share(ngx_conf_t *cf, ngx_ohttp_relay_redis_t *redis)
{
    size_t  size;

    size = sizeof(ngx_ohttp_relay_redis_shared_t)
           + NGX_OHTTP_RELAY_REDIS_JOURNAL
             * sizeof(ngx_ohttp_relay_redis_entry_t);

    /* one size for all configurations, as it outlives a reload */

    size = ngx_align(size, ngx_pagesize) + 16 * ngx_pagesize;

    redis->zone = ngx_shared_memory_add(cf, &ngx_ohttp_relay_redis_zone, size,
                                        redis->store->tag);
    if (redis->zone == NULL) {
        return NGX_ERROR;
    }

    if (redis->zone->data) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "there is another store \"redis\" already");
        return NGX_ERROR;
    }

    redis->zone->init = ngx_ohttp_relay_redis_init_zone;
    redis->zone->data = redis;

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_redis_init_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_ohttp_relay_redis_t  *old = data;

    ngx_ohttp_relay_redis_t  *redis;

    redis = zone->data;
    redis->shpool = (ngx_slab_pool_t *) zone->shm.addr;

    if (old) {
        redis->shared = old->shared;
        ngx_ohttp_relay_redis_take_over(redis);
        return NGX_OK;
    }

    if (zone->shm.exists) {
        redis->shared = redis->shpool->data;
        ngx_ohttp_relay_redis_take_over(redis);
        return NGX_OK;
    }

    redis->shared = ngx_slab_calloc(redis->shpool,
                              sizeof(ngx_ohttp_relay_redis_shared_t)
                              + NGX_OHTTP_RELAY_REDIS_JOURNAL
                                * sizeof(ngx_ohttp_relay_redis_entry_t));
    if (redis->shared == NULL) {
        return NGX_ERROR;
    }

    redis->shpool->data = redis->shared;

    ngx_ohttp_relay_redis_take_over(redis);

    return NGX_OK;
}


/*
 * What is known of other servers, or of another part of them, says nothing of
 * these.
 */

static void
ngx_ohttp_relay_redis_take_over(ngx_ohttp_relay_redis_t *redis)
{
    uint32_t                         sum;
    ngx_uint_t                       i;
    ngx_ohttp_relay_redis_server_t  *server;
    ngx_ohttp_relay_redis_shared_t  *shared;

    shared = redis->shared;
    server = redis->servers.elts;

    ngx_crc32_init(sum);

    for (i = 0; i < redis->servers.nelts; i++) {
        ngx_crc32_update(&sum, server[i].addr.name.data,
                         server[i].addr.name.len);
    }

    ngx_crc32_update(&sum, redis->prefix.data, redis->prefix.len);
    ngx_crc32_update(&sum, (u_char *) &redis->db, sizeof(ngx_int_t));
    ngx_crc32_final(sum);

    if (shared->servers == sum) {
        return;
    }

    ngx_shmtx_lock(&redis->shpool->mutex);

    shared->servers = sum;
    shared->lost = 0;
    ngx_memzero(shared->markers, sizeof(shared->markers));
    ngx_memzero(shared->notes, sizeof(shared->notes));

    ngx_shmtx_unlock(&redis->shpool->mutex);
}


ngx_uint_t
ngx_ohttp_relay_redis_note(ngx_ohttp_relay_redis_t *redis, u_char *data,
    size_t len, ngx_uint_t condition)
{
    uint32_t                       key;
    ngx_uint_t                     i, changed;
    ngx_ohttp_relay_redis_note_t  *note;

    key = ngx_crc32_long(data, len);
    key = key ? key : 1;

    note = redis->shared->notes;
    changed = 1;

    ngx_shmtx_lock(&redis->shpool->mutex);

    for (i = 0; i < NGX_OHTTP_RELAY_REDIS_NOTES; i++) {

        if (note[i].key == 0) {
            note[i].key = key;
            note[i].condition = NGX_OHTTP_RELAY_REDIS_SOUND;
        }

        if (note[i].key == key) {
            changed = note[i].condition != condition;
            note[i].condition = condition;
            break;
        }
    }

    ngx_shmtx_unlock(&redis->shpool->mutex);

    return changed;
}


void
ngx_ohttp_relay_redis_see_marker(ngx_ohttp_relay_redis_node_t *node,
    ngx_uint_t number, u_char *value)
{
    ngx_uint_t                       lost, mended;
    ngx_ohttp_relay_redis_t         *redis;
    ngx_ohttp_relay_redis_marker_t  *marker;

    redis = node->worker->redis;
    marker = &redis->shared->markers[number];

    lost = 0;
    mended = 0;

    ngx_shmtx_lock(&redis->shpool->mutex);

    if (!marker->seen) {
        marker->seen = 1;
        ngx_memcpy(marker->value, value, NGX_OHTTP_RELAY_REDIS_MARKER);

    } else if (ngx_memcmp(marker->value, value, NGX_OHTTP_RELAY_REDIS_MARKER)
               != 0)
    {
        lost = redis->accept_loss || !marker->changed;

        if (redis->accept_loss) {

            /* all that was known of the old data goes with it */

            redis->shared->lost -= marker->changed || marker->behind;
            ngx_memzero(marker, sizeof(ngx_ohttp_relay_redis_marker_t));
            marker->seen = 1;
            ngx_memcpy(marker->value, value, NGX_OHTTP_RELAY_REDIS_MARKER);

        } else {
            redis->shared->lost += !marker->changed && !marker->behind;
            marker->changed = 1;
        }

    } else if (marker->changed) {
        mended = 1;
        marker->changed = 0;
        redis->shared->lost -= !marker->behind;
    }

    ngx_shmtx_unlock(&redis->shpool->mutex);

    if (lost) {
        ngx_ohttp_relay_redis_lose(node, 1, "its marker is another one");
    }

    if (mended) {
        ngx_log_error(NGX_LOG_NOTICE, &node->worker->log, 0,
                      "redis %V: the data that was lost is there again",
                      &node->name);
    }
}


void
ngx_ohttp_relay_redis_see_count(ngx_ohttp_relay_redis_node_t *node,
    ngx_uint_t number, uint64_t asked, uint64_t count)
{
    ngx_uint_t                       lost;
    ngx_ohttp_relay_redis_t         *redis;
    ngx_ohttp_relay_redis_marker_t  *marker;

    redis = node->worker->redis;
    marker = &redis->shared->markers[number];

    lost = 0;

    ngx_shmtx_lock(&redis->shpool->mutex);

    /*
     * Each count is higher than all that had been told when it was asked for.
     * Another worker may have accepted a loss in the meantime.
     */

    asked = ngx_min(asked, marker->count);

    if (marker->changed) {
        /* it counts in other data than ours */

    } else if (count <= asked) {
        lost = redis->accept_loss || !marker->behind;

        if (redis->accept_loss) {
            redis->shared->lost -= marker->behind;
            marker->behind = 0;
            marker->count = count;

        } else {
            redis->shared->lost += lost;
            marker->behind = 1;
        }

    } else if (redis->accept_loss) {
        redis->shared->lost -= marker->behind;
        marker->behind = 0;
        marker->count = ngx_max(marker->count, count);

    } else if (!marker->behind) {
        marker->count = ngx_max(marker->count, count);
    }

    ngx_shmtx_unlock(&redis->shpool->mutex);

    if (lost) {
        ngx_ohttp_relay_redis_lose(node, 0, "its counter has gone back");
    }
}


static void
ngx_ohttp_relay_redis_lose(ngx_ohttp_relay_redis_node_t *node,
    ngx_uint_t changed, char *what)
{
    ngx_ohttp_relay_redis_t  *redis;

    redis = node->worker->redis;

    ngx_ohttp_relay_redis_add_figure(redis,
                                     NGX_OHTTP_RELAY_REDIS_DATA_LOSSES);

    ngx_log_error(NGX_LOG_CRIT, &node->worker->log, 0,
                  "redis %V has lost data: %s; %s", &node->name, what,
                  redis->accept_loss
                  ? "accepted, what was spent can be spent once more"
                  : "nothing can be claimed until the data is back, or a "
                    "reload with \"on_data_loss=accept\"");
}
