
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "watched.h"

#include <ngx_md5.h>


/* of the name of the zone; behind it stands which files it is for */
#define NGX_OHTTP_RELAY_WATCH_ZONE   "ohttp_relay_watch_"

#define NGX_OHTTP_RELAY_WATCH_INTERVAL  1000    /* ms */

/* of the zone, beside the contents: slots, and what the slab itself takes */
#define NGX_OHTTP_RELAY_WATCH_PAGES  16


static ngx_ohttp_relay_watched_t *ngx_ohttp_relay_watch_add_unread(
    ngx_conf_t *cf, ngx_ohttp_relay_watch_t **watch, ngx_str_t *path,
    size_t max, ngx_ohttp_relay_watch_take_pt take, void *data);
static void ngx_ohttp_relay_watch_stop(void *data);
static ngx_int_t ngx_ohttp_relay_watch_read_now(ngx_conf_t *cf,
    ngx_ohttp_relay_watched_t *watched);
static ngx_int_t ngx_ohttp_relay_watch_not_now(ngx_conf_t *cf,
    ngx_ohttp_relay_watched_t *watched, ngx_uint_t later, ngx_err_t err,
    char *error);
static ngx_int_t ngx_ohttp_relay_watch_name(ngx_conf_t *cf,
    ngx_ohttp_relay_watch_t *watch, ngx_str_t *name);
static ngx_ohttp_relay_watch_t *ngx_ohttp_relay_watch_find_old(ngx_conf_t *cf,
    ngx_ohttp_relay_watch_t *watch, void *tag);
static size_t ngx_ohttp_relay_watch_size(ngx_ohttp_relay_watch_t *watch);
static ngx_int_t ngx_ohttp_relay_watch_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_ohttp_relay_watch_make_slots(
    ngx_ohttp_relay_watch_t *watch);
static ngx_int_t ngx_ohttp_relay_watch_start(
    ngx_ohttp_relay_watched_t *watched, ngx_log_t *log);
static ngx_int_t ngx_ohttp_relay_watch_keep(ngx_ohttp_relay_watched_t *watched,
    ngx_pool_t *pool, ngx_log_t *log);
static void ngx_ohttp_relay_watch_inherit(ngx_ohttp_relay_watch_t *watch,
    ngx_ohttp_relay_watched_t *watched);


ngx_ohttp_relay_watched_t *
ngx_ohttp_relay_watch_add(ngx_conf_t *cf, ngx_ohttp_relay_watch_t **watch,
    ngx_str_t *path, size_t max, ngx_ohttp_relay_watch_take_pt take,
    void *data)
{
    ngx_ohttp_relay_watched_t  *watched;

    watched = ngx_ohttp_relay_watch_add_unread(cf, watch, path, max, take,
                                               data);

    return watched && ngx_ohttp_relay_watch_read_now(cf, watched) == NGX_OK
           ? watched : NULL;
}


ngx_ohttp_relay_watched_t *
ngx_ohttp_relay_watch_add_guarded(ngx_conf_t *cf,
    ngx_ohttp_relay_watch_t **watch, ngx_str_t *path, size_t max, uid_t owner,
    ngx_ohttp_relay_watch_take_pt take, void *data)
{
    ngx_ohttp_relay_watched_t  *watched;

    watched = ngx_ohttp_relay_watch_add_unread(cf, watch, path, max, take,
                                               data);
    if (watched == NULL) {
        return NULL;
    }

    watched->guarded = 1;
    watched->owner = owner;

    return ngx_ohttp_relay_watch_read_now(cf, watched) == NGX_OK ? watched
                                                                 : NULL;
}


static ngx_ohttp_relay_watched_t *
ngx_ohttp_relay_watch_add_unread(ngx_conf_t *cf,
    ngx_ohttp_relay_watch_t **watch, ngx_str_t *path, size_t max,
    ngx_ohttp_relay_watch_take_pt take, void *data)
{
    ngx_ohttp_relay_watched_t  *watched, **slot;

    if (*watch == NULL) {
        *watch = ngx_ohttp_relay_watch_create(cf);
        if (*watch == NULL) {
            return NULL;
        }
    }

    watched = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_watched_t));
    slot = ngx_array_push(&(*watch)->files);

    if (watched == NULL || slot == NULL) {
        return NULL;
    }

    *slot = watched;

    watched->watch = *watch;
    watched->name = *path;
    watched->max = max;
    watched->take = take;
    watched->data = data;

    return ngx_conf_full_name(cf->cycle, &watched->name, 1) == NGX_OK
           ? watched : NULL;
}


ngx_ohttp_relay_watch_t *
ngx_ohttp_relay_watch_create(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t       *cln;
    ngx_ohttp_relay_watch_t  *watch;

    watch = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_watch_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (watch == NULL || cln == NULL
        || ngx_array_init(&watch->files, cf->pool, 4,
                          sizeof(ngx_ohttp_relay_watched_t *))
           != NGX_OK)
    {
        return NULL;
    }

    watch->cycle = cf->cycle;
    watch->uid = geteuid();
    watch->interval = NGX_OHTTP_RELAY_WATCH_INTERVAL;

    ngx_str_set(&watch->prefix, NGX_OHTTP_RELAY_WATCH_ZONE);

    cln->handler = ngx_ohttp_relay_watch_stop;
    cln->data = watch;

    return watch;
}


/* a single process outlives its configurations */

static void
ngx_ohttp_relay_watch_stop(void *data)
{
    ngx_ohttp_relay_watch_t *watch = data;

    if (watch->timer.timer_set) {
        ngx_del_timer(&watch->timer);
    }
}


static ngx_int_t
ngx_ohttp_relay_watch_read_now(ngx_conf_t *cf,
    ngx_ohttp_relay_watched_t *watched)
{
    char                    *error;
    ngx_int_t                rc;
    ngx_pool_t              *pool;
    ngx_ohttp_relay_file_t   file;

    ngx_memzero(&file, sizeof(ngx_ohttp_relay_file_t));

    file.name = watched->name;
    file.max = watched->max;
    file.guarded = watched->guarded;

    rc = ngx_ohttp_relay_file_read(&file, cf->temp_pool, cf->log);

    watched->id = file.id;
    watched->folder = file.folder;

    if (rc != NGX_OK) {
        return ngx_ohttp_relay_watch_not_now(cf, watched,
                        watched->guarded && file.err == NGX_ENOENT,
                        file.err, file.error);
    }

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, cf->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    error = "no memory";
    rc = watched->take(watched->data, file.p, file.last, pool, &error);

    if (rc == NGX_OK) {
        watched->p = file.p;
        watched->last = file.last;

    } else {
        rc = ngx_ohttp_relay_watch_not_now(cf, watched, rc == NGX_DECLINED, 0,
                                           error);
    }

    ngx_destroy_pool(pool);

    return rc;
}


/* NGX_OK: a worker looks again, and has nothing to add to this line */

static ngx_int_t
ngx_ohttp_relay_watch_not_now(ngx_conf_t *cf,
    ngx_ohttp_relay_watched_t *watched, ngx_uint_t later, ngx_err_t err,
    char *error)
{
    if (!later) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err, "\"%V\": %s",
                           &watched->name, error);
        return NGX_ERROR;
    }

    watched->complained = watched->id;

    ngx_conf_log_error(NGX_LOG_WARN, cf, err,
                       "\"%V\" is not taken over now: %s", &watched->name,
                       error);

    return NGX_OK;
}


void
ngx_ohttp_relay_watch_apart(ngx_ohttp_relay_watch_t *watch, char *zone,
    ngx_msec_t interval)
{
    watch->prefix.data = (u_char *) zone;
    watch->prefix.len = ngx_strlen(zone);
    watch->interval = interval;
}


ngx_int_t
ngx_ohttp_relay_watch_init(ngx_conf_t *cf, ngx_ohttp_relay_watch_t *watch,
    void *tag)
{
    ngx_str_t  name;

    if (watch == NULL || watch->files.nelts == 0) {
        return NGX_OK;
    }

    if (ngx_ohttp_relay_watch_name(cf, watch, &name) != NGX_OK) {
        return NGX_ERROR;
    }

    watch->zone = ngx_shared_memory_add(cf, &name,
                                        ngx_ohttp_relay_watch_size(watch),
                                        tag);
    if (watch->zone == NULL) {
        return NGX_ERROR;
    }

    watch->zone->init = ngx_ohttp_relay_watch_init_zone;
    watch->zone->data = watch;

    watch->old = ngx_ohttp_relay_watch_find_old(cf, watch, tag);

    return NGX_OK;
}


/*
 * Another list of files has another zone, and workers of the old configuration
 * go on with theirs.  "noreuse" would not do: nginx frees a zone that had it
 * at the next reload, even if that one goes on with it.
 */

static ngx_int_t
ngx_ohttp_relay_watch_name(ngx_conf_t *cf, ngx_ohttp_relay_watch_t *watch,
    ngx_str_t *name)
{
    u_char                      *p, digest[16];
    ngx_md5_t                    md5;
    ngx_uint_t                   i;
    ngx_ohttp_relay_watched_t  **watched;

    watched = watch->files.elts;

    ngx_md5_init(&md5);

    for (i = 0; i < watch->files.nelts; i++) {

        /* with the zero at its end, so that no two lists are the same */

        ngx_md5_update(&md5, watched[i]->name.data, watched[i]->name.len + 1);
        ngx_md5_update(&md5, &watched[i]->max, sizeof(size_t));
    }

    ngx_md5_final(digest, &md5);

    name->len = watch->prefix.len + 2 * sizeof(digest);

    name->data = ngx_pnalloc(cf->pool, name->len);
    if (name->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(name->data, watch->prefix.data, watch->prefix.len);

    (void) ngx_hex_dump(p, digest, sizeof(digest));

    return NGX_OK;
}


static ngx_ohttp_relay_watch_t *
ngx_ohttp_relay_watch_find_old(ngx_conf_t *cf, ngx_ohttp_relay_watch_t *watch,
    void *tag)
{
    ngx_uint_t        i;
    ngx_cycle_t      *old;
    ngx_shm_zone_t   *zone;
    ngx_list_part_t  *part;

    old = cf->cycle->old_cycle;

    if (old == NULL || ngx_is_init_cycle(old)) {
        return NULL;
    }

    for (part = &old->shared_memory.part; part; part = part->next) {

        zone = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (zone[i].tag == tag
                && zone[i].shm.name.len > watch->prefix.len
                && ngx_strncmp(zone[i].shm.name.data, watch->prefix.data,
                               watch->prefix.len)
                   == 0)
            {
                return zone[i].data;
            }
        }
    }

    return NULL;
}


/* pages that nobody writes to are not taken from the machine */

static size_t
ngx_ohttp_relay_watch_size(ngx_ohttp_relay_watch_t *watch)
{
    size_t                       pages;
    ngx_uint_t                   i;
    ngx_ohttp_relay_watched_t  **watched;

    watched = watch->files.elts;

    pages = NGX_OHTTP_RELAY_WATCH_PAGES
            + watch->files.nelts * sizeof(ngx_ohttp_relay_watch_slot_t)
              / ngx_pagesize;

    for (i = 0; i < watch->files.nelts; i++) {
        pages += 2 * (watched[i]->max / ngx_pagesize + 1);
    }

    /* the slab's own entry of each page */
    pages += pages * sizeof(ngx_slab_page_t) / ngx_pagesize + 1;

    return pages * ngx_pagesize;
}


static ngx_int_t
ngx_ohttp_relay_watch_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_uint_t                   i, fresh;
    ngx_ohttp_relay_watch_t     *watch;
    ngx_ohttp_relay_watched_t  **watched;

    watch = shm_zone->data;
    watched = watch->files.elts;

    watch->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    /* "data" does not tell: newer nginx hands on that of a zone not reused */

    fresh = (watch->shpool->data == NULL);

    if (fresh && ngx_ohttp_relay_watch_make_slots(watch) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "no memory for the content of watched files");
        return NGX_ERROR;
    }

    for (i = 0; i < watch->files.nelts; i++) {

        if (ngx_ohttp_relay_watch_admit(watched[i], shm_zone->shm.log)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        watched[i]->shpool = watch->shpool;
        watched[i]->slot = (ngx_ohttp_relay_watch_slot_t *)
                               watch->shpool->data + i;

        if (fresh) {
            ngx_ohttp_relay_watch_inherit(watch, watched[i]);
        }

        if (ngx_ohttp_relay_watch_start(watched[i], shm_zone->shm.log)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    watch->old = NULL;

    return NGX_OK;
}


/* publishes what the configuration has read, unless it must wait */

static ngx_int_t
ngx_ohttp_relay_watch_start(ngx_ohttp_relay_watched_t *watched, ngx_log_t *log)
{
    ngx_int_t    rc;
    ngx_pool_t  *pool;

    rc = NGX_OK;
    watched->slot->seen = watched->id;

    if (watched->p == NULL) {

        /* workers go on with what was published before, if anything was */

        watched->slot->broken = 1;
        return NGX_OK;
    }

    if (ngx_ohttp_relay_watch_published(watched, watched->p, watched->last)) {
        watched->slot->held = 0;

    } else {
        pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, log);
        if (pool == NULL) {
            return NGX_ERROR;
        }

        rc = ngx_ohttp_relay_watch_keep(watched, pool, log);
        ngx_destroy_pool(pool);

        if (rc == NGX_DECLINED) {
            rc = ngx_ohttp_relay_watch_publish(watched,
                                               watched->slot->generation,
                                               watched->p, watched->last,
                                               NULL);
        }
    }

    watched->generation = watched->slot->generation;
    watched->slot->broken = 0;

    watched->p = NULL;
    watched->last = NULL;

    return rc;
}


/* NGX_DECLINED: nothing is to be kept */

static ngx_int_t
ngx_ohttp_relay_watch_keep(ngx_ohttp_relay_watched_t *watched,
    ngx_pool_t *pool, ngx_log_t *log)
{
    char                          *error;
    u_char                        *p;
    ngx_uint_t                     current;
    ngx_ohttp_relay_watch_slot_t  *slot;

    slot = watched->slot;
    current = slot->generation & 1;

    if (ngx_ohttp_relay_watch_conflict(watched, watched->p, watched->last,
                                       pool, log)
        == NULL)
    {
        return NGX_DECLINED;
    }

    /* a worker looks at the file again */
    ngx_memzero(&slot->seen, sizeof(ngx_ohttp_relay_file_id_t));

    error = "no memory";
    p = slot->content[current];

    if (watched->take(watched->data, p, p + slot->size[current], pool, &error)
        == NGX_OK)
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "the last content of \"%V\" is not taken over: %s",
                  &watched->name, error);

    return NGX_ERROR;
}


static ngx_int_t
ngx_ohttp_relay_watch_make_slots(ngx_ohttp_relay_watch_t *watch)
{
    ngx_uint_t                      i, k;
    ngx_ohttp_relay_watched_t     **watched;
    ngx_ohttp_relay_watch_slot_t   *slot;

    watched = watch->files.elts;

    slot = ngx_slab_calloc(watch->shpool, watch->files.nelts
                                     * sizeof(ngx_ohttp_relay_watch_slot_t));
    if (slot == NULL) {
        return NGX_ERROR;
    }

    watch->shpool->data = slot;

    for (i = 0; i < watch->files.nelts; i++) {
        for (k = 0; k < 2; k++) {

            slot[i].content[k] = ngx_slab_alloc(watch->shpool,
                                                watched[i]->max);
            if (slot[i].content[k] == NULL) {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* figures and contents go on when the list of files has changed */

static void
ngx_ohttp_relay_watch_inherit(ngx_ohttp_relay_watch_t *watch,
    ngx_ohttp_relay_watched_t *watched)
{
    size_t                         size;
    ngx_uint_t                     i, current;
    ngx_ohttp_relay_watched_t    **old;
    ngx_ohttp_relay_watch_slot_t  *slot;

    if (watch->old == NULL) {
        return;
    }

    old = watch->old->files.elts;

    for (i = 0; i < watch->old->files.nelts; i++) {

        if (old[i]->name.len == watched->name.len
            && ngx_strcmp(old[i]->name.data, watched->name.data) == 0
            && old[i]->slot)
        {
            slot = old[i]->slot;
            current = slot->generation & 1;
            size = slot->size[current];

            watched->slot->generation = slot->generation;
            watched->slot->failures = slot->failures;
            watched->slot->held = slot->held;
            watched->slot->conflicts = slot->conflicts;

            if (size <= watched->max) {
                ngx_memcpy(watched->slot->content[current],
                           slot->content[current], size);
                watched->slot->size[current] = size;
            }

            return;
        }
    }
}


char *
ngx_ohttp_relay_watch_conflict(ngx_ohttp_relay_watched_t *watched, u_char *p,
    u_char *last, ngx_pool_t *pool, ngx_log_t *log)
{
    char                          *error;
    size_t                         size;
    u_char                        *old;
    ngx_atomic_uint_t              generation;
    ngx_ohttp_relay_watch_slot_t  *slot;

    slot = watched->slot;
    generation = slot->generation;

    if (watched->conflict == NULL || generation == 0) {
        return NULL;
    }

    old = ngx_ohttp_relay_watch_copy(watched, generation, &size, pool);
    if (old == NULL) {
        return "what was published before cannot be read now";
    }

    error = size ? watched->conflict(old, old + size, p, last, pool) : NULL;
    if (error == NULL) {
        return NULL;
    }

    if (slot->held == 0) {
        slot->held = ngx_current_msec ? ngx_current_msec : 1;
        slot->conflicts++;

        ngx_log_error(NGX_LOG_CRIT, log, 0,
                      "\"%V\": %s; what was published before stays in use "
                      "for %T seconds", &watched->name, error, watched->hold);
    }

    if (ngx_ohttp_relay_watched_held(watched) > 0) {
        return error;
    }

    ngx_log_error(NGX_LOG_CRIT, log, 0,
                  "\"%V\": %s; what was published before has lapsed",
                  &watched->name, error);

    return NULL;
}


ngx_int_t
ngx_ohttp_relay_watch_publish(ngx_ohttp_relay_watched_t *watched,
    ngx_atomic_uint_t generation, u_char *p, u_char *last, u_char *room)
{
    ngx_uint_t                     next;
    ngx_slab_pool_t               *shpool;
    ngx_ohttp_relay_watch_slot_t  *slot;

    slot = watched->slot;
    shpool = watched->shpool;

    ngx_shmtx_lock(&shpool->mutex);

    if (slot->generation != generation || slot->epoch != watched->epoch) {
        ngx_shmtx_unlock(&shpool->mutex);
        return NGX_DECLINED;
    }

    next = (generation + 1) & 1;

    if (room) {
        ngx_ohttp_relay_watch_drop(shpool, slot, next);
        slot->content[next] = room;
    }

    ngx_memcpy(slot->content[next], p, last - p);
    slot->size[next] = last - p;

    /* who dies before this line has published nothing */

    ngx_memory_barrier();
    slot->generation++;
    slot->held = 0;

    /* what comes and goes takes memory for one content */

    if (room) {
        ngx_ohttp_relay_watch_drop(shpool, slot, !next);
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return NGX_OK;
}


void
ngx_ohttp_relay_watch_drop(ngx_slab_pool_t *shpool,
    ngx_ohttp_relay_watch_slot_t *slot, ngx_uint_t which)
{
    if (slot->content[which]) {
        ngx_slab_free_locked(shpool, slot->content[which]);
        slot->content[which] = NULL;
        slot->size[which] = 0;
    }
}


void
ngx_ohttp_relay_watch_hold(ngx_ohttp_relay_watched_t *watched,
    ngx_ohttp_relay_watch_conflict_pt conflict, time_t hold)
{
    watched->conflict = conflict;
    watched->hold = hold;
}


void
ngx_ohttp_relay_watch_then(ngx_ohttp_relay_watch_t *watch,
    ngx_ohttp_relay_watch_then_pt then, void *data)
{
    watch->then = then;
    watch->data = data;
}


time_t
ngx_ohttp_relay_watched_held(ngx_ohttp_relay_watched_t *watched)
{
    ngx_msec_t  since, passed;

    since = watched->slot ? watched->slot->held : 0;

    if (since == 0) {
        return -1;
    }

    passed = (ngx_current_msec - since) / 1000;

    return (passed < (ngx_msec_t) watched->hold)
           ? watched->hold - (time_t) passed : 0;
}


ngx_atomic_uint_t
ngx_ohttp_relay_watched_conflicts(ngx_ohttp_relay_watched_t *watched)
{
    return watched->slot ? watched->slot->conflicts : 0;
}


ngx_str_t *
ngx_ohttp_relay_watched_name(ngx_ohttp_relay_watched_t *watched)
{
    return &watched->name;
}


ngx_atomic_uint_t
ngx_ohttp_relay_watched_generation(ngx_ohttp_relay_watched_t *watched)
{
    return watched->slot ? watched->slot->generation : 0;
}


ngx_atomic_uint_t
ngx_ohttp_relay_watched_failures(ngx_ohttp_relay_watched_t *watched)
{
    return watched->slot ? watched->slot->failures : 0;
}


ngx_uint_t
ngx_ohttp_relay_watched_broken(ngx_ohttp_relay_watched_t *watched)
{
    return watched->slot ? watched->slot->broken : 0;
}


ngx_uint_t
ngx_ohttp_relay_watched_gone(ngx_ohttp_relay_watched_t *watched)
{
    return watched->slot && watched->slot->seen.err == NGX_ENOENT;
}
