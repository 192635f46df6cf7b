
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * Files that come and go while nginx runs, as rows of a registry do.  All
 * workers find the slot of a file by its name.  Each says from time to time
 * that it still uses it, so that nothing is left of a worker that dies; what
 * nobody has used for a while is given back.  Memory of a slot is used again
 * and never freed, and counts its names: who has slept meanwhile sees that.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "watched.h"


#define NGX_OHTTP_RELAY_WATCH_LIVE    "ohttp_relay_files"

/* ms: looks that come soon after a file, and rounds that are not complete */
#define NGX_OHTTP_RELAY_WATCH_SOON    50
#define NGX_OHTTP_RELAY_WATCH_REST    10
#define NGX_OHTTP_RELAY_WATCH_HURRY   20

/* files that are read, or followed, in a round; the rest is in the next one */
#define NGX_OHTTP_RELAY_WATCH_READS   32

/* ms: after these a slot that nobody uses goes; and how often that is asked */
#define NGX_OHTTP_RELAY_WATCH_UNUSED  30000
#define NGX_OHTTP_RELAY_WATCH_SWEEP   10000


static ngx_int_t ngx_ohttp_relay_watch_live_init_zone(
    ngx_shm_zone_t *shm_zone, void *data);
static ngx_ohttp_relay_watched_t *ngx_ohttp_relay_watch_add_live(
    ngx_ohttp_relay_watch_t *watch, ngx_str_t *name, ngx_pool_t *pool);
static void ngx_ohttp_relay_watch_close(void *data);
static void ngx_ohttp_relay_watch_detach(ngx_ohttp_relay_watched_t *watched);
static ngx_int_t ngx_ohttp_relay_watch_attach(
    ngx_ohttp_relay_watched_t *watched);
static ngx_ohttp_relay_watch_slot_t *ngx_ohttp_relay_watch_slot(
    ngx_ohttp_relay_watch_live_t *live, ngx_str_t *name);
static ngx_ohttp_relay_watch_slot_t *ngx_ohttp_relay_watch_slot_new(
    ngx_ohttp_relay_watch_live_t *live);
static void ngx_ohttp_relay_watch_sweep(ngx_ohttp_relay_watch_live_t *live);
static void ngx_ohttp_relay_watch_soon(ngx_ohttp_relay_watch_t *watch);
static ngx_uint_t ngx_ohttp_relay_watch_visit(
    ngx_ohttp_relay_watched_t *watched, ngx_uint_t reads, ngx_log_t *log);


ngx_int_t
ngx_ohttp_relay_watch_live(ngx_conf_t *cf, ngx_ohttp_relay_watch_t **watch,
    size_t size, void *tag)
{
    ngx_str_t                      name;
    ngx_ohttp_relay_watch_live_t  *live;

    if (*watch == NULL) {
        *watch = ngx_ohttp_relay_watch_create(cf);
        if (*watch == NULL) {
            return NGX_ERROR;
        }
    }

    live = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_watch_live_t));
    if (live == NULL) {
        return NGX_ERROR;
    }

    live->reader = ngx_pcalloc(cf->pool, NGX_OHTTP_RELAY_WATCH_FILES
                                      * sizeof(ngx_ohttp_relay_watched_t *));
    if (live->reader == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&live->files);
    ngx_str_set(&name, NGX_OHTTP_RELAY_WATCH_LIVE);

    /* beside the contents: slots, and names, which may be long */

    size += NGX_OHTTP_RELAY_WATCH_FILES
            * (sizeof(ngx_ohttp_relay_watch_slot_t) + 512);

    live->zone = ngx_shared_memory_add(cf, &name, size, tag);
    if (live->zone == NULL) {
        return NGX_ERROR;
    }

    live->zone->init = ngx_ohttp_relay_watch_live_init_zone;
    live->zone->data = live;

    (*watch)->live = live;

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_watch_live_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_ohttp_relay_watch_live_t     *live;
    ngx_ohttp_relay_watch_live_sh_t  *sh;

    live = shm_zone->data;
    live->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (live->shpool->data) {
        live->sh = live->shpool->data;
        return NGX_OK;
    }

    live->shpool->log_nomem = 0;

    sh = ngx_slab_calloc(live->shpool,
                         sizeof(ngx_ohttp_relay_watch_live_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    ngx_rbtree_init(&sh->rbtree, &sh->sentinel, ngx_str_rbtree_insert_value);
    ngx_queue_init(&sh->named);
    ngx_queue_init(&sh->free);

    live->shpool->data = sh;
    live->sh = sh;

    return NGX_OK;
}


ngx_ohttp_relay_watched_t *
ngx_ohttp_relay_watch_open(ngx_ohttp_relay_watch_t *watch, ngx_str_t *path,
    size_t max, ngx_ohttp_relay_watch_take_pt take, void *data,
    ngx_pool_t *pool)
{
    ngx_str_t                   name;
    ngx_ohttp_relay_watched_t  *watched;

    /* the system wants a zero behind it */

    name.len = path->len;
    name.data = ngx_pnalloc(pool, path->len + 1);

    if (name.data == NULL) {
        return NULL;
    }

    (void) ngx_cpystrn(name.data, path->data, path->len + 1);

    if (ngx_get_full_name(pool, &watch->cycle->conf_prefix, &name) != NGX_OK) {
        return NULL;
    }

    watched = ngx_ohttp_relay_watch_add_live(watch, &name, pool);
    if (watched == NULL) {
        return NULL;
    }

    watched->max = max;
    watched->take = take;
    watched->data = data;

    if (watched->slot->generation) {
        ngx_ohttp_relay_watch_follow(watched, pool->log);
    }

    ngx_ohttp_relay_watch_soon(watch);

    return watched;
}


ngx_ohttp_relay_watched_t *
ngx_ohttp_relay_watch_open_made(ngx_ohttp_relay_watch_t *watch,
    ngx_str_t *name, size_t max, ngx_ohttp_relay_watch_make_pt make,
    ngx_ohttp_relay_watch_take_pt take, void *data, ngx_pool_t *pool)
{
    ngx_ohttp_relay_watched_t  *watched;

    watched = ngx_ohttp_relay_watch_add_live(watch, name, pool);
    if (watched == NULL) {
        return NULL;
    }

    watched->max = max;
    watched->make = make;
    watched->take = take;
    watched->data = data;

    /* no worker must be without what the others have already */

    if (watched->slot->generation == 0) {
        (void) ngx_ohttp_relay_watch_look_made(watched, pool->log);
    }

    if (watched->slot->generation != watched->generation) {
        ngx_ohttp_relay_watch_follow(watched, pool->log);
    }

    ngx_ohttp_relay_watch_soon(watch);

    return watched;
}


static ngx_ohttp_relay_watched_t *
ngx_ohttp_relay_watch_add_live(ngx_ohttp_relay_watch_t *watch, ngx_str_t *name,
    ngx_pool_t *pool)
{
    ngx_pool_cleanup_t            *cln;
    ngx_ohttp_relay_watched_t     *watched;
    ngx_ohttp_relay_watch_live_t  *live;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_ohttp_relay_watched_t));
    if (cln == NULL) {
        return NULL;
    }

    live = watch->live;
    watched = cln->data;

    ngx_memzero(watched, sizeof(ngx_ohttp_relay_watched_t));

    watched->watch = watch;
    watched->shpool = live->shpool;
    watched->name = *name;
    watched->live = 1;

    if (ngx_ohttp_relay_watch_attach(watched) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, pool->log, 0,
                      "\"%V\" is not watched: there is no room, or there are "
                      "%d files already", name, NGX_OHTTP_RELAY_WATCH_FILES);
        return NULL;
    }

    ngx_queue_insert_tail(&live->files, &watched->queue);
    live->nfiles++;

    cln->handler = ngx_ohttp_relay_watch_close;

    return watched;
}


static void
ngx_ohttp_relay_watch_close(void *data)
{
    ngx_ohttp_relay_watched_t *watched = data;

    ngx_ohttp_relay_watch_detach(watched);

    ngx_queue_remove(&watched->queue);
    watched->watch->live->nfiles--;
}


static void
ngx_ohttp_relay_watch_detach(ngx_ohttp_relay_watched_t *watched)
{
    ngx_ohttp_relay_watched_t  **reader;

    reader = &watched->watch->live->reader[watched->slot->index];

    if (*reader == watched) {
        *reader = NULL;
    }
}


/* finds the slot, and begins anew with it */

static ngx_int_t
ngx_ohttp_relay_watch_attach(ngx_ohttp_relay_watched_t *watched)
{
    ngx_ohttp_relay_watch_live_t  *live;
    ngx_ohttp_relay_watch_slot_t  *slot;

    live = watched->watch->live;

    ngx_shmtx_lock(&live->shpool->mutex);

    slot = ngx_ohttp_relay_watch_slot(live, &watched->name);

    if (slot) {
        slot->used = ngx_current_msec;
        watched->epoch = slot->epoch;
    }

    ngx_shmtx_unlock(&live->shpool->mutex);

    if (slot == NULL) {
        return NGX_ERROR;
    }

    if (watched->slot) {
        ngx_ohttp_relay_watch_detach(watched);
    }

    watched->slot = slot;
    watched->generation = 0;
    watched->opened = 0;
    live->reader[slot->index] = watched;

    return NGX_OK;
}


static ngx_ohttp_relay_watch_slot_t *
ngx_ohttp_relay_watch_slot(ngx_ohttp_relay_watch_live_t *live, ngx_str_t *name)
{
    u_char                        *p;
    uint32_t                       hash;
    ngx_str_node_t                *found;
    ngx_ohttp_relay_watch_slot_t  *slot;

    hash = ngx_crc32_long(name->data, name->len);

    found = ngx_str_rbtree_lookup(&live->sh->rbtree, name, hash);

    if (found) {
        return (ngx_ohttp_relay_watch_slot_t *)
                   ((u_char *) found
                    - offsetof(ngx_ohttp_relay_watch_slot_t, node));
    }

    p = ngx_slab_alloc_locked(live->shpool, name->len);
    if (p == NULL) {
        return NULL;
    }

    slot = ngx_ohttp_relay_watch_slot_new(live);
    if (slot == NULL) {
        ngx_slab_free_locked(live->shpool, p);
        return NULL;
    }

    ngx_memcpy(p, name->data, name->len);

    slot->node.str.data = p;
    slot->node.str.len = name->len;
    slot->node.node.key = hash;
    slot->epoch++;

    ngx_rbtree_insert(&live->sh->rbtree, &slot->node.node);
    ngx_queue_insert_tail(&live->sh->named, &slot->queue);

    return slot;
}


static ngx_ohttp_relay_watch_slot_t *
ngx_ohttp_relay_watch_slot_new(ngx_ohttp_relay_watch_live_t *live)
{
    ngx_queue_t                   *q;
    ngx_ohttp_relay_watch_slot_t  *slot;

    if (!ngx_queue_empty(&live->sh->free)) {
        q = ngx_queue_head(&live->sh->free);
        ngx_queue_remove(q);
        return ngx_queue_data(q, ngx_ohttp_relay_watch_slot_t, queue);
    }

    if (live->sh->nslots == NGX_OHTTP_RELAY_WATCH_FILES) {
        return NULL;
    }

    slot = ngx_slab_calloc_locked(live->shpool,
                                  sizeof(ngx_ohttp_relay_watch_slot_t));
    if (slot) {
        slot->index = live->sh->nslots++;
    }

    return slot;
}


/* what nobody uses any more is forgotten */

static void
ngx_ohttp_relay_watch_sweep(ngx_ohttp_relay_watch_live_t *live)
{
    ngx_uint_t                     index;
    ngx_queue_t                   *q, *next;
    ngx_atomic_uint_t              epoch;
    ngx_ohttp_relay_watch_slot_t  *slot;

    ngx_shmtx_lock(&live->shpool->mutex);

    for (q = ngx_queue_head(&live->sh->named);
         q != ngx_queue_sentinel(&live->sh->named);
         q = next)
    {
        next = ngx_queue_next(q);
        slot = ngx_queue_data(q, ngx_ohttp_relay_watch_slot_t, queue);

        if ((ngx_msec_int_t) (ngx_current_msec - slot->used)
            < NGX_OHTTP_RELAY_WATCH_UNUSED)
        {
            continue;
        }

        ngx_rbtree_delete(&live->sh->rbtree, &slot->node.node);
        ngx_queue_remove(q);

        ngx_slab_free_locked(live->shpool, slot->node.str.data);
        ngx_ohttp_relay_watch_drop(live->shpool, slot, 0);
        ngx_ohttp_relay_watch_drop(live->shpool, slot, 1);

        index = slot->index;
        epoch = slot->epoch;

        ngx_memzero(slot, sizeof(ngx_ohttp_relay_watch_slot_t));

        slot->index = index;
        slot->epoch = epoch + 1;

        ngx_queue_insert_tail(&live->sh->free, &slot->queue);
    }

    ngx_shmtx_unlock(&live->shpool->mutex);
}


/* what has just come is looked at before a second is over */

static void
ngx_ohttp_relay_watch_soon(ngx_ohttp_relay_watch_t *watch)
{
    watch->live->hurry = NGX_OHTTP_RELAY_WATCH_HURRY;

    if (watch->timer.timer_set) {
        ngx_del_timer(&watch->timer);
        ngx_add_timer(&watch->timer, NGX_OHTTP_RELAY_WATCH_REST);
    }
}


ngx_msec_t
ngx_ohttp_relay_watch_live_round(ngx_ohttp_relay_watch_t *watch,
    ngx_uint_t reads, ngx_log_t *log)
{
    ngx_uint_t                     i, work;
    ngx_queue_t                   *q;
    ngx_ohttp_relay_watched_t     *watched;
    ngx_ohttp_relay_watch_live_t  *live;

    live = watch->live;
    work = 0;

    if (reads && (ngx_msec_int_t) (ngx_current_msec - live->swept)
                 >= NGX_OHTTP_RELAY_WATCH_SWEEP)
    {
        live->swept = ngx_current_msec;
        ngx_ohttp_relay_watch_sweep(live);
    }

    /* who had its turn goes to the end: none can keep the others waiting */

    for (i = live->nfiles; i; i--) {

        if (work == NGX_OHTTP_RELAY_WATCH_READS) {
            return NGX_OHTTP_RELAY_WATCH_REST;
        }

        q = ngx_queue_head(&live->files);
        watched = ngx_queue_data(q, ngx_ohttp_relay_watched_t, queue);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&live->files, q);

        work += ngx_ohttp_relay_watch_visit(watched, reads, log);
    }

    if (live->hurry) {
        live->hurry--;
        return NGX_OHTTP_RELAY_WATCH_SOON;
    }

    return watch->interval;
}


static ngx_uint_t
ngx_ohttp_relay_watch_visit(ngx_ohttp_relay_watched_t *watched,
    ngx_uint_t reads, ngx_log_t *log)
{
    ngx_uint_t                      work;
    ngx_ohttp_relay_watched_t     **reader;
    ngx_ohttp_relay_watch_live_t   *live;

    live = watched->watch->live;

    if (watched->slot->epoch != watched->epoch
        && ngx_ohttp_relay_watch_attach(watched) != NGX_OK)
    {
        return 0;
    }

    watched->slot->used = ngx_current_msec;
    work = 0;

    if (watched->slot->generation != watched->generation) {
        ngx_ohttp_relay_watch_follow(watched, log);
        work = 1;
    }

    if (!reads) {
        return work;
    }

    reader = &live->reader[watched->slot->index];

    if (*reader == NULL) {
        *reader = watched;
    }

    if (*reader != watched) {
        return work;
    }

    return work | (watched->make
                   ? ngx_ohttp_relay_watch_look_made(watched, log)
                   : ngx_ohttp_relay_watch_look(watched, log));
}
