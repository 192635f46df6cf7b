
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_METRICS_H_INCLUDED_
#define _NGX_OHTTP_RELAY_METRICS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "result.h"


/* bytes of the name of a gateway */
#define NGX_OHTTP_RELAY_METRICS_NAME  64

#define NGX_OHTTP_RELAY_SIZE_BUCKETS  9        /* the last has no bound */
#define NGX_OHTTP_RELAY_TIME_BUCKETS  12       /* the last has no bound */

/* published figures move in steps of this many seconds */
#define NGX_OHTTP_RELAY_METRICS_STEP  10


/* the upper bound of a bucket, and how it is written: bytes or seconds */

typedef struct {
    off_t          bound;
    char          *label;
} ngx_ohttp_relay_bucket_t;


/* whether a gateway takes new requests, and if not, why */

typedef enum {
    NGX_OHTTP_RELAY_SHOWN_NONE = 0,          /* nobody has said */
    NGX_OHTTP_RELAY_SHOWN_READY,
    NGX_OHTTP_RELAY_SHOWN_UNAVAILABLE,
    NGX_OHTTP_RELAY_SHOWN_EJECTED,
    NGX_OHTTP_RELAY_SHOWN_NOT_ATTESTED
} ngx_ohttp_relay_shown_e;


/* plain counters of one gateway: what is added to, and what is published */

typedef struct {
    ngx_atomic_t   results[NGX_OHTTP_RELAY_RESULTS];
    ngx_atomic_t   request_size[NGX_OHTTP_RELAY_SIZE_BUCKETS];
    ngx_atomic_t   response_size[NGX_OHTTP_RELAY_SIZE_BUCKETS];
    ngx_atomic_t   connect_time[NGX_OHTTP_RELAY_TIME_BUCKETS];
    ngx_atomic_t   first_byte_time[NGX_OHTTP_RELAY_TIME_BUCKETS];
    ngx_atomic_t   in_flight;
    ngx_atomic_t   shown;                    /* NGX_OHTTP_RELAY_SHOWN_* */
} ngx_ohttp_relay_figures_t;


/* what is published of a gateway; its name is no longer than that above */

typedef struct {
    ngx_str_t                  name;
    ngx_ohttp_relay_figures_t  figures;
} ngx_ohttp_relay_published_t;


/* how many figures of other rooms there may be */
#define NGX_OHTTP_RELAY_EXTRAS  48


/* a figure of another room: "room" and "name" make the metric's name */

typedef struct {
    char               *room;
    char               *name;
    char               *help;
    ngx_uint_t          gauge;                 /* 0: a counter */
    ngx_atomic_uint_t   value;
} ngx_ohttp_relay_extra_t;


typedef struct ngx_ohttp_relay_counters_s  ngx_ohttp_relay_counters_t;
typedef struct ngx_ohttp_relay_metrics_s   ngx_ohttp_relay_metrics_t;


/* one finished request; what did not happen is -1 */

typedef struct {
    ngx_ohttp_relay_result_e   result;
    off_t                      request_size;   /* bytes of body received */
    off_t                      response_size;  /* bytes of body sent */
    ngx_msec_int_t             connect_time;   /* ms; -1 if kept alive */
    ngx_msec_int_t             first_byte_time; /* ms */
} ngx_ohttp_relay_observation_t;


/*
 * Adds the shared memory of the counters, "size" bytes, to the configuration.
 * "names" has the names of the "n" gateways of the configuration, which must
 * have room; those of a registry come and go later.  Counters survive reloads
 * by name.  Returns NULL after one logged line.
 */
ngx_ohttp_relay_metrics_t *ngx_ohttp_relay_metrics_create(ngx_conf_t *cf,
    size_t size, ngx_str_t *names, ngx_uint_t n, void *tag);

/*
 * The counters of the gateway with this name, in a worker, for as long as
 * "pool" lives: those that it had before, or new ones.  Without room the place
 * of a gateway is taken that nobody has used for the longest time; without
 * even that, after one logged line, all such gateways share what is called
 * NGX_OHTTP_RELAY_METRICS_OTHERS.  Not for request time: it takes a lock.
 * Returns NULL if "pool" has no memory.
 */
#define NGX_OHTTP_RELAY_METRICS_OTHERS  "(others)"

ngx_ohttp_relay_counters_t *ngx_ohttp_relay_metrics_find(
    ngx_ohttp_relay_metrics_t *metrics, ngx_str_t *name, ngx_pool_t *pool);

/*
 * The counters of requests that never came to a gateway.
 */
ngx_ohttp_relay_counters_t *ngx_ohttp_relay_metrics_none(
    ngx_ohttp_relay_metrics_t *metrics);

/*
 * Takes a place among the streams in flight of a gateway, over all workers.
 * Returns NGX_OK, or NGX_BUSY if there are "max" already; 0 is no limit, and
 * there is none where gateways share their counters.  Each NGX_OK is given back
 * by one ngx_ohttp_relay_metrics_leave().
 */
ngx_int_t ngx_ohttp_relay_metrics_enter(ngx_ohttp_relay_counters_t *counters,
    ngx_uint_t max);
void ngx_ohttp_relay_metrics_leave(ngx_ohttp_relay_counters_t *counters);

/*
 * Says how a gateway fares, which may hang on a single request: so it is
 * published in steps as well.
 */
void ngx_ohttp_relay_metrics_show(ngx_ohttp_relay_counters_t *counters,
    ngx_ohttp_relay_shown_e shown);

/*
 * Gives back what a worker that died in this one's process slot still held.
 * Called once when a worker starts.
 */
void ngx_ohttp_relay_metrics_worker(ngx_ohttp_relay_metrics_t *metrics);

/*
 * Counts a finished request.  Atomic additions only, no lock.
 */
void ngx_ohttp_relay_metrics_count(ngx_ohttp_relay_counters_t *counters,
    ngx_ohttp_relay_observation_t *observation);

/*
 * Returns the published figures in memory of "pool", and how many there are in
 * *n: first those without a gateway, by the empty name, then those of all
 * gateways that there are or were, and at last those that gateways share, if
 * any has to.  NULL without memory.  Of other rooms, "extra" brings nextra
 * figures, always the same ones in the same order, and gets those that are
 * published.  All are taken anew at most once in NGX_OHTTP_RELAY_METRICS_STEP
 * seconds, so that nobody who reads them often can time a single request.
 */
ngx_ohttp_relay_published_t *ngx_ohttp_relay_metrics_read(
    ngx_ohttp_relay_metrics_t *metrics, ngx_pool_t *pool, ngx_uint_t *n,
    ngx_ohttp_relay_extra_t *extra, ngx_uint_t nextra);

/* buckets of sizes, in bytes, and of times, in milliseconds */
extern ngx_ohttp_relay_bucket_t
    ngx_ohttp_relay_size_buckets[NGX_OHTTP_RELAY_SIZE_BUCKETS];
extern ngx_ohttp_relay_bucket_t
    ngx_ohttp_relay_time_buckets[NGX_OHTTP_RELAY_TIME_BUCKETS];


#endif /* _NGX_OHTTP_RELAY_METRICS_H_INCLUDED_ */
