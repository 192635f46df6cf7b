
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_channel.h>

#include "metrics.h"


struct ngx_ohttp_relay_counters_s {
    ngx_ohttp_relay_figures_t    figures;
    ngx_ohttp_relay_figures_t    published;
    ngx_atomic_t                 held[NGX_MAX_PROCESSES]; /* of in_flight */
    ngx_ohttp_relay_counters_t  *next;
    size_t                       len;
    u_char                       name[1];
};


/* what stands in shared memory */

typedef struct {
    ngx_ohttp_relay_counters_t  *first;
    ngx_msec_t                   published;  /* by the clock of timers */
    ngx_atomic_uint_t            extra[NGX_OHTTP_RELAY_EXTRAS];
} ngx_ohttp_relay_metrics_sh_t;


struct ngx_ohttp_relay_metrics_s {
    ngx_shm_zone_t               *zone;
    ngx_slab_pool_t              *shpool;
    ngx_ohttp_relay_metrics_sh_t *sh;
    ngx_str_t                    *names;
    ngx_uint_t                    n;
    ngx_ohttp_relay_counters_t  **counters;  /* n + 1, first: no gateway */
};


static ngx_int_t ngx_ohttp_relay_metrics_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_ohttp_relay_counters_t *ngx_ohttp_relay_metrics_attach(
    ngx_ohttp_relay_metrics_t *metrics, ngx_str_t *name);
static void ngx_ohttp_relay_metrics_add(ngx_atomic_t *counter,
    ngx_ohttp_relay_bucket_t *bucket, off_t value);


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

    metrics->counters = ngx_pcalloc(cf->pool,
                           (n + 1) * sizeof(ngx_ohttp_relay_counters_t *));
    if (metrics->counters == NULL) {
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

    ngx_uint_t                  i;
    ngx_str_t                   none;
    ngx_ohttp_relay_metrics_t  *metrics;

    metrics = shm_zone->data;
    metrics->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    /* what is too small for what is said in a line of our own */
    metrics->shpool->log_nomem = 0;

    if (old) {
        metrics->sh = old->sh;

    } else if (shm_zone->shm.exists) {
        metrics->sh = metrics->shpool->data;

    } else {
        metrics->sh = ngx_slab_calloc(metrics->shpool,
                                      sizeof(ngx_ohttp_relay_metrics_sh_t));
        if (metrics->sh == NULL) {
            return NGX_ERROR;
        }

        metrics->shpool->data = metrics->sh;
    }

    ngx_str_set(&none, "");

    for (i = 0; i <= metrics->n; i++) {
        metrics->counters[i] = ngx_ohttp_relay_metrics_attach(metrics,
                                     i ? &metrics->names[i - 1] : &none);

        if (metrics->counters[i] == NULL) {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "ohttp_relay_zone is too small for %ui gateways",
                          metrics->n);
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
    ngx_ohttp_relay_counters_t  *counters;

    for (counters = metrics->sh->first; counters; counters = counters->next) {
        if (counters->len == name->len
            && ngx_memcmp(counters->name, name->data, name->len) == 0)
        {
            return counters;
        }
    }

    counters = ngx_slab_calloc(metrics->shpool,
                           offsetof(ngx_ohttp_relay_counters_t, name)
                           + name->len + 1);
    if (counters == NULL) {
        return NULL;
    }

    counters->len = name->len;
    ngx_memcpy(counters->name, name->data, name->len);

    counters->next = metrics->sh->first;
    metrics->sh->first = counters;

    return counters;
}


ngx_ohttp_relay_counters_t *
ngx_ohttp_relay_metrics_counters(ngx_ohttp_relay_metrics_t *metrics,
    ngx_uint_t index)
{
    return metrics->counters[index + 1];
}


ngx_int_t
ngx_ohttp_relay_metrics_enter(ngx_ohttp_relay_counters_t *counters,
    ngx_uint_t max)
{
    ngx_atomic_uint_t  n;

    n = ngx_atomic_fetch_add(&counters->figures.in_flight, 1);

    if (max && n >= max) {
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
ngx_ohttp_relay_metrics_worker(ngx_ohttp_relay_metrics_t *metrics)
{
    ngx_atomic_uint_t            held;
    ngx_ohttp_relay_counters_t  *counters;

    for (counters = metrics->sh->first; counters; counters = counters->next) {

        held = counters->held[ngx_process_slot];

        if (held) {
            counters->held[ngx_process_slot] = 0;

            (void) ngx_atomic_fetch_add(&counters->figures.in_flight,
                                        -(ngx_atomic_int_t) held);
        }
    }
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


void
ngx_ohttp_relay_metrics_read(ngx_ohttp_relay_metrics_t *metrics,
    ngx_ohttp_relay_figures_t *figures, ngx_ohttp_relay_extra_t *extra,
    ngx_uint_t nextra)
{
    ngx_uint_t                     i;
    ngx_msec_t                     now;
    ngx_ohttp_relay_counters_t    *counters;
    ngx_ohttp_relay_metrics_sh_t  *sh;

    sh = metrics->sh;

    ngx_shmtx_lock(&metrics->shpool->mutex);

    /* time of day has steps of its own, and can be set back */

    now = ngx_current_msec;

    if (sh->published == 0
        || (ngx_msec_int_t) (now - sh->published)
           >= NGX_OHTTP_RELAY_METRICS_STEP * 1000)
    {
        for (counters = sh->first; counters; counters = counters->next) {
            counters->published = counters->figures;
        }

        for (i = 0; i < nextra; i++) {
            sh->extra[i] = extra[i].value;
        }

        sh->published = now;
    }

    for (i = 0; i <= metrics->n; i++) {
        figures[i] = metrics->counters[i]->published;
    }

    for (i = 0; i < nextra; i++) {
        extra[i].value = sh->extra[i];
    }

    ngx_shmtx_unlock(&metrics->shpool->mutex);
}
