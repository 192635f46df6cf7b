
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* the part of the watcher that runs in workers */


#include <ngx_config.h>
#include <ngx_core.h>

#include "watched.h"


static void ngx_ohttp_relay_watch_timer(ngx_event_t *ev);
static ngx_int_t ngx_ohttp_relay_watch_read(ngx_ohttp_relay_watched_t *watched,
    ngx_ohttp_relay_file_t *file, ngx_pool_t *pool, ngx_log_t *log);
static ngx_int_t ngx_ohttp_relay_watch_take(ngx_ohttp_relay_watched_t *watched,
    u_char *p, u_char *last, char **error, ngx_pool_t *pool);
static void ngx_ohttp_relay_watch_differ(ngx_ohttp_relay_watched_t *watched,
    char *error, ngx_log_t *log);
static void ngx_ohttp_relay_watch_complain(ngx_ohttp_relay_watched_t *watched,
    ngx_ohttp_relay_file_t *file, ngx_log_t *log);


ngx_int_t
ngx_ohttp_relay_watch_init_process(ngx_ohttp_relay_watch_t *watch,
    ngx_cycle_t *cycle)
{
    ngx_core_conf_t  *ccf;

    if (watch == NULL) {
        return NGX_OK;
    }

    watch->dummy.fd = (ngx_socket_t) -1;
    watch->dummy.data = watch;

    watch->timer.handler = ngx_ohttp_relay_watch_timer;
    watch->timer.data = &watch->dummy;
    watch->timer.log = cycle->log;
    watch->timer.cancelable = 1;

    /* what was published since the configuration was read, at once */

    ngx_ohttp_relay_watch_timer(&watch->timer);

    /*
     * Then one after the other: with many of them on a few processors, all that
     * take over a large file at a time would keep each other waiting.
     */

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (watch->live == NULL && ngx_worker < (ngx_uint_t) ccf->worker_processes)
    {
        ngx_del_timer(&watch->timer);
        ngx_add_timer(&watch->timer,
                      watch->interval * ngx_worker / ccf->worker_processes);
    }

    return NGX_OK;
}


static void
ngx_ohttp_relay_watch_timer(ngx_event_t *ev)
{
    ngx_uint_t                   i, reads;
    ngx_msec_t                   wait;
    ngx_connection_t            *dummy;
    ngx_ohttp_relay_watch_t     *watch;
    ngx_ohttp_relay_watched_t  **watched;

    dummy = ev->data;
    watch = dummy->data;
    watched = watch->files.elts;
    wait = watch->interval;

    /* one worker reads files, and none that is on its way out */

    reads = (ngx_worker == 0 && !ngx_exiting && !ngx_terminate);

    for (i = 0; i < watch->files.nelts; i++) {

        if (watched[i]->slot->generation != watched[i]->generation) {
            ngx_ohttp_relay_watch_follow(watched[i], ev->log);
        }

        if (reads) {
            (void) ngx_ohttp_relay_watch_look(watched[i], ev->log);
        }
    }

    if (watch->live) {
        wait = ngx_ohttp_relay_watch_live_round(watch, reads, ev->log);
    }

    if (watch->then && reads) {
        watch->then(watch->data, ev->log);
    }

    ngx_add_timer(ev, wait);
}


/* takes over what another worker has published */

void
ngx_ohttp_relay_watch_follow(ngx_ohttp_relay_watched_t *watched,
    ngx_log_t *log)
{
    char               *error;
    size_t              size;
    u_char             *p;
    ngx_int_t           rc;
    ngx_pool_t         *pool;
    ngx_atomic_uint_t   generation;

    generation = watched->slot->generation;

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, log);
    if (pool == NULL) {
        return;
    }

    p = ngx_ohttp_relay_watch_copy(watched, generation, &size, pool);
    error = "no memory";

    rc = p ? watched->take(watched->data, p, p + size, pool, &error)
           : NGX_DECLINED;

    if (rc == NGX_DECLINED) {
        /* a later one is there, or no memory: in a second it is tried again */

    } else if (rc == NGX_OK) {
        watched->generation = generation;

    } else if (watched->refused != generation) {
        watched->refused = generation;
        (void) ngx_atomic_fetch_add(&watched->slot->failures, 1);

        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "\"%V\" is not taken over from another worker: %s",
                      &watched->name, error);
    }

    ngx_destroy_pool(pool);
}


void
ngx_ohttp_relay_watched_refresh(ngx_ohttp_relay_watched_t *watched,
    ngx_log_t *log)
{
    ngx_atomic_uint_t  generation;

    if (watched->slot == NULL) {
        return;
    }

    generation = watched->slot->generation;

    /* what could not be taken over waits for the timer */

    if (generation != watched->generation && generation != watched->refused
        && watched->slot->epoch == watched->epoch)
    {
        ngx_ohttp_relay_watch_follow(watched, log);
    }
}


u_char *
ngx_ohttp_relay_watch_copy(ngx_ohttp_relay_watched_t *watched,
    ngx_atomic_uint_t generation, size_t *size, ngx_pool_t *pool)
{
    u_char                        *p;
    ngx_uint_t                     current;
    ngx_slab_pool_t               *shpool;
    ngx_ohttp_relay_watch_slot_t  *slot;

    slot = watched->slot;
    shpool = watched->shpool;

    current = generation & 1;
    *size = slot->size[current];

    p = ngx_pnalloc(pool, *size + 1);
    if (p == NULL) {
        return NULL;
    }

    ngx_shmtx_lock(&shpool->mutex);

    if (slot->generation == generation && slot->size[current] == *size
        && slot->epoch == watched->epoch)
    {
        ngx_memcpy(p, slot->content[current], *size);

    } else {
        p = NULL;
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return p;
}


/* whether this is what the file was before */

ngx_uint_t
ngx_ohttp_relay_watch_published(ngx_ohttp_relay_watched_t *watched, u_char *p,
    u_char *last)
{
    ngx_uint_t                     current, same;
    ngx_ohttp_relay_watch_slot_t  *slot;

    slot = watched->slot;

    /* while nginx is reloaded two workers read files, and give memory back */

    ngx_shmtx_lock(&watched->shpool->mutex);

    current = slot->generation & 1;

    /* the content is still that of nobody in a zone that is new */

    same = slot->generation != 0
           && slot->size[current] == (size_t) (last - p)
           && ngx_memcmp(slot->content[current], p, last - p) == 0;

    ngx_shmtx_unlock(&watched->shpool->mutex);

    return same;
}


ngx_uint_t
ngx_ohttp_relay_watch_look(ngx_ohttp_relay_watched_t *watched, ngx_log_t *log)
{
    ngx_int_t                   rc;
    ngx_pool_t                 *pool;
    ngx_ohttp_relay_file_t      file;
    ngx_ohttp_relay_file_id_t   id;

    ngx_ohttp_relay_file_look(&watched->name, &id);

    /* a worker opens it once in any case: perhaps it must not */

    if (watched->opened
        && ngx_ohttp_relay_file_same(&id, &watched->slot->seen))
    {
        return 0;
    }

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, log);
    if (pool == NULL) {
        return 0;
    }

    ngx_memzero(&file, sizeof(ngx_ohttp_relay_file_t));

    file.name = watched->name;
    file.max = watched->max;
    file.guarded = watched->guarded;
    file.id = id;

    rc = ngx_ohttp_relay_watch_read(watched, &file, pool, log);

    if (rc != NGX_OK) {
        ngx_ohttp_relay_watch_complain(watched, &file, log);

    } else {
        ngx_memzero(&watched->complained, sizeof(ngx_ohttp_relay_file_id_t));
    }

    if (rc != NGX_AGAIN) {
        watched->opened = 1;
        watched->slot->seen = file.id;
        watched->slot->broken = (rc != NGX_OK);
    }

    ngx_destroy_pool(pool);

    return 1;
}


/* NGX_OK, NGX_DECLINED or NGX_AGAIN as of ngx_ohttp_relay_file_read() */

static ngx_int_t
ngx_ohttp_relay_watch_read(ngx_ohttp_relay_watched_t *watched,
    ngx_ohttp_relay_file_t *file, ngx_pool_t *pool, ngx_log_t *log)
{
    ngx_int_t  rc;

    rc = ngx_ohttp_relay_file_read(file, pool, log);
    if (rc != NGX_OK) {
        return rc;
    }

    watched->folder = file->folder;

    file->error = ngx_ohttp_relay_watch_check_owner(watched, &file->id);
    if (file->error) {
        return NGX_DECLINED;
    }

    if (ngx_ohttp_relay_watch_published(watched, file->p, file->last)) {
        watched->slot->held = 0;
        return NGX_OK;
    }

    file->error = ngx_ohttp_relay_watch_conflict(watched, file->p, file->last,
                                                 pool, log);
    if (file->error) {
        /* which was said, and counted, as what it is */
        watched->complained = file->id;
        return NGX_AGAIN;
    }

    rc = ngx_ohttp_relay_watch_take(watched, file->p, file->last, &file->error,
                                    pool);
    if (rc == NGX_OK) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "\"%V\" %swas taken over", &watched->name,
                      watched->generation > 1 ? "has changed and " : "");
    }

    return rc;
}


/* for all workers or for none; NGX_AGAIN: another time perhaps */

static ngx_int_t
ngx_ohttp_relay_watch_take(ngx_ohttp_relay_watched_t *watched, u_char *p,
    u_char *last, char **error, ngx_pool_t *pool)
{
    u_char             *room;
    ngx_int_t           rc;
    ngx_atomic_uint_t   generation;

    static char  no_memory[] = "no memory";

    generation = watched->slot->generation;
    room = NULL;

    if (watched->live) {
        room = ngx_slab_alloc(watched->shpool, last - p + 1);
        if (room == NULL) {
            *error = "there is no room to hand it on to other workers";
            return NGX_AGAIN;
        }
    }

    *error = no_memory;

    if (watched->take(watched->data, p, last, pool, error) != NGX_OK) {

        /* without a word on the content it may be right */

        rc = (*error == no_memory) ? NGX_AGAIN : NGX_DECLINED;

    } else {
        rc = ngx_ohttp_relay_watch_publish(watched, generation, p, last, room);

        if (rc == NGX_OK) {
            watched->generation = generation + 1;
            return NGX_OK;
        }

        /* another process was faster: its content is taken in a moment */
        rc = NGX_OK;
    }

    if (room) {
        ngx_slab_free(watched->shpool, room);
    }

    return rc;
}


ngx_uint_t
ngx_ohttp_relay_watch_look_made(ngx_ohttp_relay_watched_t *watched,
    ngx_log_t *log)
{
    char        *error;
    u_char      *p, *last;
    ngx_int_t    rc;
    ngx_pool_t  *pool;

    rc = watched->make(watched->data, &p, &last, &error);

    if (rc == NGX_ERROR) {
        ngx_ohttp_relay_watch_differ(watched, error, log);
    }

    if (rc != NGX_OK) {
        return 0;
    }

    if (ngx_ohttp_relay_watch_published(watched, p, last)) {
        watched->wrong = 0;
        watched->slot->held = 0;
        watched->slot->broken = 0;
        return 0;
    }

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, log);
    if (pool == NULL) {
        return 0;
    }

    if (ngx_ohttp_relay_watch_conflict(watched, p, last, pool, log)) {
        /* it waits */

    } else if (ngx_ohttp_relay_watch_take(watched, p, last, &error, pool)
               != NGX_OK)
    {
        ngx_ohttp_relay_watch_differ(watched, error, log);
    }

    ngx_destroy_pool(pool);

    return 1;
}


/* what is written one by one may differ for a moment: the second look counts */

static void
ngx_ohttp_relay_watch_differ(ngx_ohttp_relay_watched_t *watched, char *error,
    ngx_log_t *log)
{
    if (watched->wrong == 2 || ++watched->wrong < 2) {
        return;
    }

    watched->slot->broken = 1;
    watched->slot->conflicts++;
    (void) ngx_atomic_fetch_add(&watched->slot->failures, 1);

    ngx_log_error(NGX_LOG_CRIT, log, 0,
                  "%V: %s; %s", &watched->name, error,
                  watched->slot->generation
                  ? "what was published before stays in use"
                  : "nothing is published");
}


/* one line for each state of the file, however often it is looked at */

static void
ngx_ohttp_relay_watch_complain(ngx_ohttp_relay_watched_t *watched,
    ngx_ohttp_relay_file_t *file, ngx_log_t *log)
{
    if (ngx_ohttp_relay_file_same(&file->id, &watched->complained)) {
        return;
    }

    watched->complained = file->id;
    (void) ngx_atomic_fetch_add(&watched->slot->failures, 1);

    ngx_log_error(NGX_LOG_ERR, log, file->err,
                  "\"%V\" is not taken over, %s: %s", &watched->name,
                  watched->slot->generation
                  ? "its last good content stays in use"
                  : "and nothing can be used in its place", file->error);
}
