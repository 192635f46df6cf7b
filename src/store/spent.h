
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_SPENT_H_INCLUDED_
#define _NGX_OHTTP_RELAY_SPENT_H_INCLUDED_


#include "store.h"


/*
 * What was spent, in the memory of this machine: tables in a shared memory
 * zone of their own, which all workers use under one lock.  Nothing here
 * waits, and nothing that can still be asked for is ever forgotten to make
 * room; the only exception are the buckets of NGX_OHTTP_RELAY_STORE_RATE.
 */

typedef struct ngx_ohttp_relay_spent_s  ngx_ohttp_relay_spent_t;


/*
 * Called when the zone is there: while a configuration is loaded, in the
 * master, with "fresh" set if the zone is a new and empty one, and not if it
 * was taken over from the configuration before.  Returns NGX_OK, or NGX_ERROR
 * after one line: then the configuration is not loaded.
 */
typedef ngx_int_t (*ngx_ohttp_relay_spent_opened_pt)(
    ngx_ohttp_relay_spent_t *spent, void *data, ngx_uint_t fresh);


/* how things stand, in all workers together; counters unless said */

typedef struct {
    ngx_atomic_uint_t  names;         /* a gauge: remembered, not RATE */
    ngx_atomic_uint_t  epochs;        /* a gauge */
    ngx_atomic_uint_t  used;          /* a gauge: bytes taken by tables */
    ngx_atomic_uint_t  size;          /* a gauge: bytes of the zone */
    ngx_atomic_uint_t  full;          /* a gauge: 1 while there is no room */
    ngx_atomic_uint_t  full_events;   /* how often it became full */
    ngx_atomic_uint_t  evictions;     /* of buckets that were not idle */
    ngx_atomic_uint_t  granted;
    ngx_atomic_uint_t  refused;
    ngx_atomic_uint_t  unknown;
    ngx_atomic_uint_t  refunds;       /* that were possible */
} ngx_ohttp_relay_spent_figures_t;


/*
 * Adds a zone with this name, of "size" bytes, to the configuration; "tag" is
 * the module, "label" the directive or parameter that messages speak of, of
 * static lifetime.  A zone of this name keeps its content over a reload, and
 * a reload with another size is refused.  "opened" may be NULL.  Returns NULL
 * after one line.
 */
ngx_ohttp_relay_spent_t *ngx_ohttp_relay_spent_create(ngx_conf_t *cf,
    ngx_str_t *name, size_t size, void *tag, char *label,
    ngx_ohttp_relay_spent_opened_pt opened, void *data);

/* bytes that a zone must have at least */
#define NGX_OHTTP_RELAY_SPENT_MIN  (1024 * 1024)

/*
 * Answers a question of any kind at once: GRANTED, REFUSED (with used_up and
 * retry_after set) or UNKNOWN, if there is no room left or if the epoch has
 * already been forgotten.  The answer is returned and not written to
 * ask->answer; ask->handler, data and pending are not looked at.
 */
ngx_ohttp_relay_store_answer_e ngx_ohttp_relay_spent_claim(
    ngx_ohttp_relay_spent_t *spent, ngx_ohttp_relay_ask_t *ask);

/*
 * Records what was granted elsewhere, without asking: a name is spent from
 * then on, a take counts one use and moves the rate on, past any limit.  A
 * name that is spent already stays so.  Returns NGX_OK, or NGX_ERROR if there
 * is no room.
 */
ngx_int_t ngx_ohttp_relay_spent_mark(ngx_ohttp_relay_spent_t *spent,
    ngx_ohttp_relay_ask_t *ask);

/*
 * Takes back what this very ask was granted by _claim() or recorded by
 * _mark(), which is for the caller to know: entries hold no request id.
 * GRANTED: it can be used again.  REFUSED: it stays spent, since it was given
 * back NGX_OHTTP_RELAY_STORE_REFUNDS times before, or since that could not be
 * recorded, or since it is not remembered at all.  Takes of the kind RATE are
 * given back as far as their bucket is still there, and are always GRANTED.
 */
ngx_ohttp_relay_store_answer_e ngx_ohttp_relay_spent_unclaim(
    ngx_ohttp_relay_spent_t *spent, ngx_ohttp_relay_ask_t *ask);

/*
 * Copies the figures as they are now.
 */
void ngx_ohttp_relay_spent_figures(ngx_ohttp_relay_spent_t *spent,
    ngx_ohttp_relay_spent_figures_t *figures);


/*
 * For a rate that must not be lost (buckets of the kind RATE may be evicted):
 * ask with the kind USES, "uses" and "lifetime" 0.
 */


#endif /* _NGX_OHTTP_RELAY_SPENT_H_INCLUDED_ */
