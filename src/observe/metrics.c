
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_channel.h>

#include "metrics.h"


struct ngx_ohttp_relay_counters_s {
    ngx_str_node_t               node;        /* by name */
    ngx_queue_t                  all;         /* in the order they came */
    ngx_queue_t                  unused;      /* the longest unused one first */

    ngx_ohttp_relay_figures_t    figures;
    ngx_ohttp_relay_figures_t    published;

    /* gateway objects with this name, over all workers; under the lock */
    ngx_uint_t                   uses;
    unsigned                     shared:1;

    /* what each process has of "in_flight" and of "uses" */
    uint32_t                     held[NGX_MAX_PROCESSES];
    uint16_t                     using[NGX_MAX_PROCESSES];

    u_char                       name[NGX_OHTTP_RELAY_METRICS_NAME];
};


/* what stands in shared memory */

typedef struct {
    ngx_rbtree_t                 rbtree;      /* gateways, but these two */
    ngx_rbtree_node_t            sentinel;
    ngx_ohttp_relay_counters_t  *none;
    ngx_ohttp_relay_counters_t  *others;

    ngx_queue_t                  all;         /* these two as well */
    ngx_queue_t                  unused;
    ngx_uint_t                   n;           /* of "all" */

    ngx_msec_t                   published;   /* by the clock of timers */
    ngx_atomic_uint_t            extra[NGX_OHTTP_RELAY_EXTRAS];
    unsigned                     full:1;      /* "others" have begun */
} ngx_ohttp_relay_metrics_sh_t;


struct ngx_ohttp_relay_metrics_s {
    ngx_shm_zone_t               *zone;
    ngx_slab_pool_t              *shpool;
    ngx_ohttp_relay_metrics_sh_t *sh;
    ngx_str_t                    *names;
    ngx_uint_t                    n;
};


/* one use, which ends with its pool */

typedef struct {
    ngx_ohttp_relay_counters_t   *counters;
    ngx_ohttp_relay_metrics_sh_t *sh;
    ngx_slab_pool_t              *shpool;
} ngx_ohttp_relay_metrics_use_t;


static ngx_int_t ngx_ohttp_relay_metrics_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_ohttp_relay_metrics_make(
    ngx_ohttp_relay_metrics_t *metrics);
static ngx_int_t ngx_ohttp_relay_metrics_attach_all(
    ngx_ohttp_relay_metrics_t *metrics);
static ngx_ohttp_relay_counters_t *ngx_ohttp_relay_metrics_attach(
    ngx_ohttp_relay_metrics_t *metrics, ngx_str_t *name);
static ngx_ohttp_relay_counters_t *ngx_ohttp_relay_metrics_room(
    ngx_ohttp_relay_metrics_t *metrics);
static ngx_ohttp_relay_counters_t *ngx_ohttp_relay_metrics_new(
    ngx_ohttp_relay_metrics_t *metrics);
static void ngx_ohttp_relay_metrics_unuse(void *data);
static void ngx_ohttp_relay_metrics_give_back(
    ngx_ohttp_relay_metrics_sh_t *sh, ngx_ohttp_relay_counters_t *counters,
    ngx_uint_t n);
static void ngx_ohttp_relay_metrics_add(ngx_atomic_t *counter,
    ngx_ohttp_relay_bucket_t *bucket, off_t value);
static void ngx_ohttp_relay_metrics_publish(ngx_ohttp_relay_metrics_sh_t *sh,
    ngx_ohttp_relay_extra_t *extra, ngx_uint_t nextra);
static ngx_ohttp_relay_published_t *ngx_ohttp_relay_metrics_copy(
    ngx_ohttp_relay_published_t *published,
    ngx_ohttp_relay_counters_t *counters, u_char **name);


ngx_str_t  ngx_ohttp_relay_result_names[NGX_OHTTP_RELAY_RESULTS] = {
    ngx_string("-"),
    ngx_string("ok"),
    ngx_string("gateway_refused"),
    ngx_string("client_closed"),
    ngx_string("preflight"),
    ngx_string("keys"),
    ngx_string("method_not_allowed"),
    ngx_string("unsupported_media_type"),
    ngx_string("malformed_request"),
    ngx_string("payload_too_large"),
    ngx_string("too_early"),
    ngx_string("credential_required"),
    ngx_string("credential_invalid"),
    ngx_string("credential_expired"),
    ngx_string("token_spent"),
    ngx_string("rate_limited"),
    ngx_string("gateway_unknown"),
    ngx_string("gateway_not_allowed"),
    ngx_string("gateway_unavailable"),
    ngx_string("gateway_not_attested"),
    ngx_string("unknown_key"),
    ngx_string("replay_detected"),
    ngx_string("store_unavailable"),
    ngx_string("gateway_error"),
    ngx_string("gateway_timeout")
};


/* coarse: a size must not tell which request it was */

ngx_ohttp_relay_bucket_t
    ngx_ohttp_relay_size_buckets[NGX_OHTTP_RELAY_SIZE_BUCKETS] =
{
    { 1024, "1024" },
    { 4096, "4096" },
    { 16384, "16384" },
    { 65536, "65536" },
    { 262144, "262144" },
    { 1048576, "1048576" },
    { 16777216, "16777216" },
    { 268435456, "268435456" },
    { NGX_MAX_OFF_T_VALUE, "+Inf" }
};

ngx_ohttp_relay_bucket_t
    ngx_ohttp_relay_time_buckets[NGX_OHTTP_RELAY_TIME_BUCKETS] =
{
    { 1, "0.001" },
    { 5, "0.005" },
    { 10, "0.01" },
    { 50, "0.05" },
    { 100, "0.1" },
    { 250, "0.25" },
    { 500, "0.5" },
    { 1000, "1" },
    { 5000, "5" },
    { 30000, "30" },
    { 120000, "120" },
    { NGX_MAX_OFF_T_VALUE, "+Inf" }
};


ngx_ohttp_relay_metrics_t *
ngx_ohttp_relay_metrics_create(ngx_conf_t *cf, size_t size, ngx_str_t *names,
    ngx_uint_t n, void *tag)
{
    ngx_str_t                   name;
    ngx_ohttp_relay_metrics_t  *metrics;

    metrics = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_metrics_t));
    if (metrics == NULL) {
        return NULL;
    }

    metrics->names = names;
    metrics->n = n;

    ngx_str_set(&name, "ohttp_relay");

    metrics->zone = ngx_shared_memory_add(cf, &name, size, tag);
    if (metrics->zone == NULL) {
        return NULL;
    }

    metrics->zone->init = ngx_ohttp_relay_metrics_init_zone;
    metrics->zone->data = metrics;

    return metrics;
}


static ngx_int_t
ngx_ohttp_relay_metrics_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_ohttp_relay_metrics_t *old = data;

    ngx_int_t                   rc;
    ngx_ohttp_relay_metrics_t  *metrics;

    metrics = shm_zone->data;
    metrics->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    /* what is too small for what is said in a line of our own */
    metrics->shpool->log_nomem = 0;

    if (old) {
        metrics->sh = old->sh;

    } else if (shm_zone->shm.exists) {
        metrics->sh = metrics->shpool->data;

    } else if (ngx_ohttp_relay_metrics_make(metrics) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "ohttp_relay_zone is too small");
        return NGX_ERROR;
    }

    /* workers of before may be at work in it */

    ngx_shmtx_lock(&metrics->shpool->mutex);
    rc = ngx_ohttp_relay_metrics_attach_all(metrics);
    ngx_shmtx_unlock(&metrics->shpool->mutex);

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "ohttp_relay_zone is too small for %ui gateways",
                      metrics->n);
    }

    return rc;
}


static ngx_int_t
ngx_ohttp_relay_metrics_make(ngx_ohttp_relay_metrics_t *metrics)
{
    ngx_ohttp_relay_metrics_sh_t  *sh;

    sh = ngx_slab_calloc(metrics->shpool, sizeof(ngx_ohttp_relay_metrics_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    metrics->sh = sh;
    metrics->shpool->data = sh;

    ngx_rbtree_init(&sh->rbtree, &sh->sentinel, ngx_str_rbtree_insert_value);
    ngx_queue_init(&sh->all);
    ngx_queue_init(&sh->unused);

    sh->none = ngx_ohttp_relay_metrics_new(metrics);
    sh->others = ngx_ohttp_relay_metrics_new(metrics);

    if (sh->none == NULL || sh->others == NULL) {
        return NGX_ERROR;
    }

    sh->none->node.str.data = sh->none->name;

    sh->others->node.str.data = sh->others->name;
    sh->others->node.str.len = sizeof(NGX_OHTTP_RELAY_METRICS_OTHERS) - 1;
    ngx_memcpy(sh->others->name, NGX_OHTTP_RELAY_METRICS_OTHERS,
               sizeof(NGX_OHTTP_RELAY_METRICS_OTHERS) - 1);
    sh->others->shared = 1;

    return NGX_OK;
}


/* those of the configuration must have room beside each other */

static ngx_int_t
ngx_ohttp_relay_metrics_attach_all(ngx_ohttp_relay_metrics_t *metrics)
{
    uint32_t     hash;
    ngx_str_t   *name;
    ngx_uint_t   i;

    name = metrics->names;

    for (i = 0; i < metrics->n; i++) {
        if (ngx_ohttp_relay_metrics_attach(metrics, &name[i]) == NULL) {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < metrics->n; i++) {
        hash = ngx_crc32_short(name[i].data, name[i].len);

        if (ngx_str_rbtree_lookup(&metrics->sh->rbtree, &name[i], hash)
            == NULL)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* a gateway keeps its counters over a reload, also one that left and returns */

static ngx_ohttp_relay_counters_t *
ngx_ohttp_relay_metrics_attach(ngx_ohttp_relay_metrics_t *metrics,
    ngx_str_t *name)
{
    uint32_t                       hash;
    ngx_ohttp_relay_counters_t    *counters;
    ngx_ohttp_relay_metrics_sh_t  *sh;

    sh = metrics->sh;
    hash = ngx_crc32_short(name->data, name->len);

    counters = (ngx_ohttp_relay_counters_t *)
                   ngx_str_rbtree_lookup(&sh->rbtree, name, hash);

    if (counters || name->len > NGX_OHTTP_RELAY_METRICS_NAME) {
        return counters;
    }

    counters = ngx_ohttp_relay_metrics_room(metrics);
    if (counters == NULL) {
        return NULL;
    }

    ngx_memcpy(counters->name, name->data, name->len);

    counters->node.str.data = counters->name;
    counters->node.str.len = name->len;
    counters->node.node.key = hash;

    ngx_rbtree_insert(&sh->rbtree, &counters->node.node);
    ngx_queue_insert_tail(&sh->unused, &counters->unused);

    return counters;
}


/* fresh memory, or that of a gateway that is gone */

static ngx_ohttp_relay_counters_t *
ngx_ohttp_relay_metrics_room(ngx_ohttp_relay_metrics_t *metrics)
{
    ngx_queue_t                   *q;
    ngx_ohttp_relay_counters_t    *counters;
    ngx_ohttp_relay_metrics_sh_t  *sh;

    sh = metrics->sh;

    counters = ngx_ohttp_relay_metrics_new(metrics);
    if (counters) {
        return counters;
    }

    for (q = ngx_queue_head(&sh->unused);
         q != ngx_queue_sentinel(&sh->unused);
         q = ngx_queue_next(q))
    {
        counters = ngx_queue_data(q, ngx_ohttp_relay_counters_t, unused);

        if (counters->figures.in_flight) {
            continue;
        }

        ngx_rbtree_delete(&sh->rbtree, &counters->node.node);
        ngx_queue_remove(&counters->unused);
        ngx_queue_remove(&counters->all);

        ngx_memzero(counters, sizeof(ngx_ohttp_relay_counters_t));
        ngx_queue_insert_tail(&sh->all, &counters->all);

        return counters;
    }

    return NULL;
}


static ngx_ohttp_relay_counters_t *
ngx_ohttp_relay_metrics_new(ngx_ohttp_relay_metrics_t *metrics)
{
    ngx_ohttp_relay_counters_t  *counters;

    counters = ngx_slab_calloc_locked(metrics->shpool,
                                      sizeof(ngx_ohttp_relay_counters_t));
    if (counters) {
        ngx_queue_insert_tail(&metrics->sh->all, &counters->all);
        metrics->sh->n++;
    }

    return counters;
}


ngx_ohttp_relay_counters_t *
ngx_ohttp_relay_metrics_find(ngx_ohttp_relay_metrics_t *metrics,
    ngx_str_t *name, ngx_pool_t *pool)
{
    ngx_uint_t                      first;
    ngx_pool_cleanup_t             *cln;
    ngx_ohttp_relay_counters_t     *counters;
    ngx_ohttp_relay_metrics_use_t  *use;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_ohttp_relay_metrics_use_t));
    if (cln == NULL) {
        return NULL;
    }

    first = 0;

    ngx_shmtx_lock(&metrics->shpool->mutex);

    counters = ngx_ohttp_relay_metrics_attach(metrics, name);

    if (counters == NULL) {
        counters = metrics->sh->others;
        first = !metrics->sh->full;
        metrics->sh->full = 1;

    } else if (counters->uses++ == 0) {
        ngx_queue_remove(&counters->unused);
    }

    counters->using[ngx_process_slot]++;

    ngx_shmtx_unlock(&metrics->shpool->mutex);

    if (first) {
        ngx_log_error(NGX_LOG_WARN, pool->log, 0,
                      "ohttp_relay_zone is full: gateway \"%V\" and more are "
                      "counted together, without \"max_in_flight\"", name);
    }

    use = cln->data;
    use->counters = counters;
    use->sh = metrics->sh;
    use->shpool = metrics->shpool;

    cln->handler = ngx_ohttp_relay_metrics_unuse;

    return counters;
}


static void
ngx_ohttp_relay_metrics_unuse(void *data)
{
    ngx_ohttp_relay_metrics_use_t *use = data;

    /* a single process outlives shared memory of other configurations */

    if (ngx_process != NGX_PROCESS_WORKER) {
        return;
    }

    ngx_shmtx_lock(&use->shpool->mutex);

    use->counters->using[ngx_process_slot]--;
    ngx_ohttp_relay_metrics_give_back(use->sh, use->counters, 1);

    ngx_shmtx_unlock(&use->shpool->mutex);
}


static void
ngx_ohttp_relay_metrics_give_back(ngx_ohttp_relay_metrics_sh_t *sh,
    ngx_ohttp_relay_counters_t *counters, ngx_uint_t n)
{
    if (counters->shared || n == 0) {
        return;
    }

    counters->uses -= n;

    if (counters->uses == 0) {
        ngx_queue_insert_tail(&sh->unused, &counters->unused);
    }
}


ngx_ohttp_relay_counters_t *
ngx_ohttp_relay_metrics_none(ngx_ohttp_relay_metrics_t *metrics)
{
    return metrics->sh->none;
}


ngx_int_t
ngx_ohttp_relay_metrics_enter(ngx_ohttp_relay_counters_t *counters,
    ngx_uint_t max)
{
    ngx_atomic_uint_t  n;

    n = ngx_atomic_fetch_add(&counters->figures.in_flight, 1);

    if (max && n >= max && !counters->shared) {
        (void) ngx_atomic_fetch_add(&counters->figures.in_flight, -1);
        return NGX_BUSY;
    }

    /* written by this process alone */
    counters->held[ngx_process_slot]++;

    return NGX_OK;
}


void
ngx_ohttp_relay_metrics_leave(ngx_ohttp_relay_counters_t *counters)
{
    counters->held[ngx_process_slot]--;

    (void) ngx_atomic_fetch_add(&counters->figures.in_flight, -1);
}


void
ngx_ohttp_relay_metrics_show(ngx_ohttp_relay_counters_t *counters,
    ngx_ohttp_relay_shown_e shown)
{
    if (!counters->shared) {
        counters->figures.shown = shown;
    }
}


void
ngx_ohttp_relay_metrics_worker(ngx_ohttp_relay_metrics_t *metrics)
{
    ngx_uint_t                     held, using;
    ngx_queue_t                   *q;
    ngx_ohttp_relay_counters_t    *counters;
    ngx_ohttp_relay_metrics_sh_t  *sh;

    sh = metrics->sh;

    ngx_shmtx_lock(&metrics->shpool->mutex);

    for (q = ngx_queue_head(&sh->all);
         q != ngx_queue_sentinel(&sh->all);
         q = ngx_queue_next(q))
    {
        counters = ngx_queue_data(q, ngx_ohttp_relay_counters_t, all);

        held = counters->held[ngx_process_slot];
        using = counters->using[ngx_process_slot];

        counters->held[ngx_process_slot] = 0;
        counters->using[ngx_process_slot] = 0;

        (void) ngx_atomic_fetch_add(&counters->figures.in_flight,
                                    -(ngx_atomic_int_t) held);

        ngx_ohttp_relay_metrics_give_back(sh, counters, using);
    }

    ngx_shmtx_unlock(&metrics->shpool->mutex);
}


void
ngx_ohttp_relay_metrics_count(ngx_ohttp_relay_counters_t *counters,
    ngx_ohttp_relay_observation_t *observation)
{
    ngx_ohttp_relay_figures_t  *figures;

    figures = &counters->figures;

    (void) ngx_atomic_fetch_add(&figures->results[observation->result], 1);

    ngx_ohttp_relay_metrics_add(figures->request_size,
                                ngx_ohttp_relay_size_buckets,
                                observation->request_size);
    ngx_ohttp_relay_metrics_add(figures->response_size,
                                ngx_ohttp_relay_size_buckets,
                                observation->response_size);
    ngx_ohttp_relay_metrics_add(figures->connect_time,
                                ngx_ohttp_relay_time_buckets,
                                observation->connect_time);
    ngx_ohttp_relay_metrics_add(figures->first_byte_time,
                                ngx_ohttp_relay_time_buckets,
                                observation->first_byte_time);
}


/* the last bucket holds whatever there is */

static void
ngx_ohttp_relay_metrics_add(ngx_atomic_t *counter,
    ngx_ohttp_relay_bucket_t *bucket, off_t value)
{
    if (value < 0) {
        return;
    }

    while (value > bucket->bound) {
        bucket++;
        counter++;
    }

    (void) ngx_atomic_fetch_add(counter, 1);
}


ngx_ohttp_relay_published_t *
ngx_ohttp_relay_metrics_read(ngx_ohttp_relay_metrics_t *metrics,
    ngx_pool_t *pool, ngx_uint_t *n, ngx_ohttp_relay_extra_t *extra,
    ngx_uint_t nextra)
{
    u_char                        *name;
    ngx_uint_t                     room;
    ngx_queue_t                   *q;
    ngx_ohttp_relay_counters_t    *counters;
    ngx_ohttp_relay_published_t   *first, *next;
    ngx_ohttp_relay_metrics_sh_t  *sh;

    sh = metrics->sh;

    /* what comes between these lines is shown the next time */

    room = sh->n;

    first = ngx_palloc(pool, room * (sizeof(ngx_ohttp_relay_published_t)
                                     + NGX_OHTTP_RELAY_METRICS_NAME));
    if (first == NULL) {
        return NULL;
    }

    name = (u_char *) (first + room);

    ngx_shmtx_lock(&metrics->shpool->mutex);

    ngx_ohttp_relay_metrics_publish(sh, extra, nextra);

    next = ngx_ohttp_relay_metrics_copy(first, sh->none, &name);

    for (q = ngx_queue_head(&sh->all);
         q != ngx_queue_sentinel(&sh->all);
         q = ngx_queue_next(q))
    {
        counters = ngx_queue_data(q, ngx_ohttp_relay_counters_t, all);

        if (counters == sh->none || counters == sh->others) {
            continue;
        }

        if (next == first + room - 1) {
            break;
        }

        next = ngx_ohttp_relay_metrics_copy(next, counters, &name);
    }

    if (sh->full) {
        next = ngx_ohttp_relay_metrics_copy(next, sh->others, &name);
    }

    ngx_shmtx_unlock(&metrics->shpool->mutex);

    *n = next - first;

    return first;
}


/* "extra" gets what is published, and that is taken anew if it is old */

static void
ngx_ohttp_relay_metrics_publish(ngx_ohttp_relay_metrics_sh_t *sh,
    ngx_ohttp_relay_extra_t *extra, ngx_uint_t nextra)
{
    ngx_uint_t                   i;
    ngx_msec_t                   now;
    ngx_queue_t                 *q;
    ngx_ohttp_relay_counters_t  *counters;

    /* time of day has steps of its own, and can be set back */

    now = ngx_current_msec;

    if (sh->published == 0
        || (ngx_msec_int_t) (now - sh->published)
           >= NGX_OHTTP_RELAY_METRICS_STEP * 1000)
    {
        for (q = ngx_queue_head(&sh->all);
             q != ngx_queue_sentinel(&sh->all);
             q = ngx_queue_next(q))
        {
            counters = ngx_queue_data(q, ngx_ohttp_relay_counters_t, all);
            counters->published = counters->figures;
        }

        for (i = 0; i < nextra; i++) {
            sh->extra[i] = extra[i].value;
        }

        sh->published = now;
    }

    for (i = 0; i < nextra; i++) {
        extra[i].value = sh->extra[i];
    }
}


static ngx_ohttp_relay_published_t *
ngx_ohttp_relay_metrics_copy(ngx_ohttp_relay_published_t *published,
    ngx_ohttp_relay_counters_t *counters, u_char **name)
{
    published->figures = counters->published;
    published->name.len = counters->node.str.len;
    published->name.data = *name;

    *name = ngx_cpymem(*name, counters->node.str.data, counters->node.str.len);

    return published + 1;
}
