
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/rand.h>

#include "gcra.h"
#include "zone.h"


/* bytes for buckets of rates: a part of the zone, but not less than */

#define NGX_OHTTP_RELAY_SPENT_RATES      16
#define NGX_OHTTP_RELAY_SPENT_RATES_MIN  65536


static ngx_int_t ngx_ohttp_relay_spent_check_size(ngx_conf_t *cf,
    ngx_str_t *name, size_t size, void *tag, char *label);
static ngx_int_t ngx_ohttp_relay_spent_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_ohttp_relay_spent_make(ngx_ohttp_relay_spent_t *spent);
static void *ngx_ohttp_relay_spent_alloc(void *data, size_t size);
static void ngx_ohttp_relay_spent_free(void *data, void *p);
static ngx_uint_t ngx_ohttp_relay_spent_rate(ngx_ohttp_relay_spent_t *spent,
    ngx_ohttp_relay_ask_t *ask, uint64_t now, uint64_t *wait);
static void ngx_ohttp_relay_spent_translate(ngx_ohttp_relay_ask_t *ask,
    ngx_ohttp_relay_ledger_ask_t *question);
static ngx_uint_t ngx_ohttp_relay_spent_sweep(ngx_ohttp_relay_spent_t *spent,
    uint64_t now);
static ngx_uint_t ngx_ohttp_relay_spent_is_event(
    ngx_ohttp_relay_spent_sh_t *sh, ngx_uint_t answer);
static void ngx_ohttp_relay_spent_log(ngx_ohttp_relay_spent_t *spent,
    ngx_uint_t answer);
static uint64_t ngx_ohttp_relay_spent_now(void);


ngx_ohttp_relay_spent_t *
ngx_ohttp_relay_spent_create(ngx_conf_t *cf, ngx_str_t *name, size_t size,
    void *tag, char *label, ngx_ohttp_relay_spent_opened_pt opened, void *data)
{
    ngx_ohttp_relay_spent_t  *spent;

    if (ngx_ohttp_relay_spent_check_size(cf, name, size, tag, label)
        != NGX_OK)
    {
        return NULL;
    }

    spent = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_spent_t));
    if (spent == NULL) {
        return NULL;
    }

    spent->label = label;
    spent->opened = opened;
    spent->data = data;

    spent->zone = ngx_shared_memory_add(cf, name, size, tag);
    if (spent->zone == NULL) {
        return NULL;
    }

    spent->zone->init = ngx_ohttp_relay_spent_init_zone;
    spent->zone->data = spent;

    return spent;
}


/* nginx itself would take an empty zone of the new size, and say nothing */

static ngx_int_t
ngx_ohttp_relay_spent_check_size(ngx_conf_t *cf, ngx_str_t *name, size_t size,
    void *tag, char *label)
{
    ngx_uint_t        i;
    ngx_shm_zone_t   *zone;
    ngx_list_part_t  *part;

    if (size < NGX_OHTTP_RELAY_SPENT_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s: size must be 1m at least", label);
        return NGX_ERROR;
    }

    if (cf->cycle->old_cycle == NULL) {
        return NGX_OK;
    }

    for (part = &cf->cycle->old_cycle->shared_memory.part;
         part != NULL;
         part = part->next)
    {
        zone = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (zone[i].tag != tag || zone[i].shm.size == size
                || zone[i].shm.name.len != name->len
                || ngx_strncmp(zone[i].shm.name.data, name->data, name->len)
                   != 0)
            {
                continue;
            }

            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "%s: size cannot be changed from %uz to %uz "
                               "bytes by a reload, which would forget what "
                               "was spent: restart nginx", label,
                               zone[i].shm.size, size);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_spent_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_ohttp_relay_spent_t *old = data;

    ngx_uint_t                fresh;
    ngx_ohttp_relay_spent_t  *spent;

    spent = shm_zone->data;
    spent->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    fresh = 0;

    if (old) {
        spent->sh = old->sh;
        spent->old = old->data;

    } else if (shm_zone->shm.exists) {
        spent->sh = spent->shpool->data;

    } else {
        fresh = 1;

        if (ngx_ohttp_relay_spent_make(spent) != NGX_OK) {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "%s: cannot make its shared memory", spent->label);
            return NGX_ERROR;
        }
    }

    spent->memory.alloc = ngx_ohttp_relay_spent_alloc;
    spent->memory.free = ngx_ohttp_relay_spent_free;
    spent->memory.data = spent->shpool;
    spent->memory.left = &spent->sh->ledger.left;

    if (spent->opened == NULL) {
        return NGX_OK;
    }

    return spent->opened(spent, spent->data, fresh);
}


static ngx_int_t
ngx_ohttp_relay_spent_make(ngx_ohttp_relay_spent_t *spent)
{
    void                        *rates;
    size_t                       size;
    uint64_t                     key[2];
    ngx_slab_pool_t             *shpool;
    ngx_ohttp_relay_spent_sh_t  *sh;

    shpool = spent->shpool;

    /* to be full is told by the store itself, once */

    shpool->log_nomem = 0;

    if (RAND_bytes((u_char *) key, sizeof(key)) != 1) {
        return NGX_ERROR;
    }

    sh = ngx_slab_calloc(shpool, sizeof(ngx_ohttp_relay_spent_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    size = ngx_max(spent->zone->shm.size / NGX_OHTTP_RELAY_SPENT_RATES,
                   NGX_OHTTP_RELAY_SPENT_RATES_MIN);

    rates = ngx_slab_alloc(shpool, size);
    if (rates == NULL) {
        return NGX_ERROR;
    }

    sh->rates = ngx_ohttp_relay_rates_init(rates, size);

    ngx_ohttp_relay_ledger_init(&sh->ledger, key,
                                (uint64_t) shpool->pfree * ngx_pagesize);

    shpool->data = sh;
    spent->sh = sh;

    return NGX_OK;
}


static void *
ngx_ohttp_relay_spent_alloc(void *data, size_t size)
{
    return ngx_slab_alloc_locked(data, size);
}


static void
ngx_ohttp_relay_spent_free(void *data, void *p)
{
    ngx_slab_free_locked(data, p);
}


ngx_ohttp_relay_store_answer_e
ngx_ohttp_relay_spent_claim(ngx_ohttp_relay_spent_t *spent,
    ngx_ohttp_relay_ask_t *ask)
{
    uint64_t                         now, wait;
    ngx_uint_t                       answer, event;
    ngx_ohttp_relay_spent_sh_t      *sh;
    ngx_ohttp_relay_ledger_ask_t     question;
    ngx_ohttp_relay_store_answer_e   rc;

    sh = spent->sh;
    now = ngx_ohttp_relay_spent_now();

    ngx_shmtx_lock(&spent->shpool->mutex);

    if (ask->kind == NGX_OHTTP_RELAY_STORE_RATE) {
        answer = ngx_ohttp_relay_spent_rate(spent, ask, now, &wait);

    } else {
        (void) ngx_ohttp_relay_spent_sweep(spent, now);

        ngx_ohttp_relay_spent_translate(ask, &question);

        answer = ngx_ohttp_relay_ledger_claim(&sh->ledger, &spent->memory,
                                              &question, now, &wait);
    }

    event = ngx_ohttp_relay_spent_is_event(sh, answer);

    switch (answer) {

    case NGX_OHTTP_RELAY_LEDGER_GRANTED:
        sh->figures.granted++;
        rc = NGX_OHTTP_RELAY_STORE_GRANTED;
        break;

    case NGX_OHTTP_RELAY_LEDGER_REFUSED:
    case NGX_OHTTP_RELAY_LEDGER_USED_UP:
        sh->figures.refused++;
        rc = NGX_OHTTP_RELAY_STORE_REFUSED;
        break;

    default:
        sh->figures.unknown++;
        rc = NGX_OHTTP_RELAY_STORE_UNKNOWN;
    }

    ngx_shmtx_unlock(&spent->shpool->mutex);

    if (event) {
        ngx_ohttp_relay_spent_log(spent, answer);
    }

    ask->used_up = (answer == NGX_OHTTP_RELAY_LEDGER_USED_UP);
    ask->retry_after = (ngx_msec_t) (wait / 1000 + (wait % 1000 != 0));

    return rc;
}


static ngx_uint_t
ngx_ohttp_relay_spent_rate(ngx_ohttp_relay_spent_t *spent,
    ngx_ohttp_relay_ask_t *ask, uint64_t now, uint64_t *wait)
{
    uint64_t  *arrival;

    *wait = 0;

    if (ask->interval == 0) {
        return NGX_OHTTP_RELAY_LEDGER_GRANTED;
    }

    /* the first use of a new bucket is granted: it is not made for nothing */

    arrival = ngx_ohttp_relay_rates_bucket(spent->sh->rates,
                                           spent->sh->ledger.key, ask->name,
                                           now, 1);

    if (ngx_ohttp_relay_gcra_take(arrival, now, ask->interval,
                                  ask->burst ? ask->burst : 1, wait)
        != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_LEDGER_REFUSED;
    }

    return NGX_OHTTP_RELAY_LEDGER_GRANTED;
}


static void
ngx_ohttp_relay_spent_translate(ngx_ohttp_relay_ask_t *ask,
    ngx_ohttp_relay_ledger_ask_t *question)
{
    question->kind = ask->kind;
    question->name = ask->name;
    question->group = ask->group;
    question->epoch = ask->epoch;
    question->begins = ask->begins;
    question->expires = ask->expires;
    question->around = ask->around != 0;
    question->interval = ask->interval;
    question->burst = ask->burst;
    question->uses = ask->uses;
    question->lifetime = ask->lifetime > 0 ? ask->lifetime : 0;
}


/* what is given back may be room for others */

static ngx_uint_t
ngx_ohttp_relay_spent_sweep(ngx_ohttp_relay_spent_t *spent, uint64_t now)
{
    ngx_uint_t                   n;
    ngx_ohttp_relay_spent_sh_t  *sh;

    sh = spent->sh;

    n = ngx_ohttp_relay_ledger_sweep(&sh->ledger, &spent->memory,
                                     (int64_t) (now / 1000000));
    if (n) {
        sh->full = 0;
    }

    return n;
}


/* whether something begins that is to be told once, not for each question */

static ngx_uint_t
ngx_ohttp_relay_spent_is_event(ngx_ohttp_relay_spent_sh_t *sh,
    ngx_uint_t answer)
{
    if (answer == NGX_OHTTP_RELAY_LEDGER_FULL && !sh->full) {
        sh->full = 1;
        sh->figures.full_events++;
        return 1;
    }

    if (answer == NGX_OHTTP_RELAY_LEDGER_FORGOTTEN && !sh->back) {
        sh->back = 1;
        return 1;
    }

    return 0;
}


static void
ngx_ohttp_relay_spent_log(ngx_ohttp_relay_spent_t *spent, ngx_uint_t answer)
{
    if (answer == NGX_OHTTP_RELAY_LEDGER_FULL) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                      "%s: the store of %uz bytes is full, and what it "
                      "has no room for is answered with "
                      "\"store_unavailable\" until something in it expires: "
                      "raise its size and restart nginx", spent->label,
                      spent->zone->shm.size);
        return;
    }

    ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                  "%s: the clock went back behind what had expired and was "
                  "forgotten, and what would have expired before is answered "
                  "with \"store_unavailable\"", spent->label);
}


ngx_int_t
ngx_ohttp_relay_spent_mark(ngx_ohttp_relay_spent_t *spent,
    ngx_ohttp_relay_ask_t *ask)
{
    uint64_t                      now, *arrival;
    ngx_uint_t                    answer, event;
    ngx_ohttp_relay_spent_sh_t   *sh;
    ngx_ohttp_relay_ledger_ask_t  question;

    sh = spent->sh;
    now = ngx_ohttp_relay_spent_now();
    answer = NGX_OHTTP_RELAY_LEDGER_GRANTED;

    ngx_shmtx_lock(&spent->shpool->mutex);

    if (ask->kind != NGX_OHTTP_RELAY_STORE_RATE) {
        (void) ngx_ohttp_relay_spent_sweep(spent, now);

        ngx_ohttp_relay_spent_translate(ask, &question);

        answer = ngx_ohttp_relay_ledger_mark(&sh->ledger, &spent->memory,
                                             &question, now);

    } else if (ask->interval) {
        arrival = ngx_ohttp_relay_rates_bucket(sh->rates, sh->ledger.key,
                                               ask->name, now, 1);

        ngx_ohttp_relay_gcra_force(arrival, now, ask->interval);
    }

    event = ngx_ohttp_relay_spent_is_event(sh, answer);

    ngx_shmtx_unlock(&spent->shpool->mutex);

    if (event) {
        ngx_ohttp_relay_spent_log(spent, answer);
    }

    return answer == NGX_OHTTP_RELAY_LEDGER_GRANTED ? NGX_OK : NGX_ERROR;
}


ngx_ohttp_relay_store_answer_e
ngx_ohttp_relay_spent_unclaim(ngx_ohttp_relay_spent_t *spent,
    ngx_ohttp_relay_ask_t *ask)
{
    uint64_t                      *arrival;
    ngx_uint_t                     answer;
    ngx_ohttp_relay_spent_sh_t    *sh;
    ngx_ohttp_relay_ledger_ask_t   question;

    sh = spent->sh;
    answer = NGX_OHTTP_RELAY_LEDGER_GRANTED;

    ngx_shmtx_lock(&spent->shpool->mutex);

    if (ask->kind == NGX_OHTTP_RELAY_STORE_RATE) {
        arrival = ngx_ohttp_relay_rates_bucket(sh->rates, sh->ledger.key,
                                               ask->name, 0, 0);

        if (arrival && ask->interval) {
            ngx_ohttp_relay_gcra_give(arrival, ask->interval);
        }

    } else {
        ngx_ohttp_relay_spent_translate(ask, &question);

        answer = ngx_ohttp_relay_ledger_unclaim(&sh->ledger, &spent->memory,
                                                &question);
    }

    if (answer == NGX_OHTTP_RELAY_LEDGER_GRANTED) {
        sh->figures.refunds++;
    }

    ngx_shmtx_unlock(&spent->shpool->mutex);

    return answer == NGX_OHTTP_RELAY_LEDGER_GRANTED
           ? NGX_OHTTP_RELAY_STORE_GRANTED : NGX_OHTTP_RELAY_STORE_REFUSED;
}


void
ngx_ohttp_relay_spent_figures(ngx_ohttp_relay_spent_t *spent,
    ngx_ohttp_relay_spent_figures_t *figures)
{
    ngx_ohttp_relay_spent_sh_t  *sh;

    sh = spent->sh;

    ngx_shmtx_lock(&spent->shpool->mutex);

    (void) ngx_ohttp_relay_spent_sweep(spent, ngx_ohttp_relay_spent_now());

    *figures = sh->figures;

    figures->names = ngx_ohttp_relay_ledger_names(&sh->ledger);
    figures->epochs = sh->ledger.epochs;
    figures->size = spent->zone->shm.size;
    figures->used = spent->zone->shm.size - sh->ledger.left;
    figures->full = sh->full;
    figures->evictions = sh->rates->evictions;

    ngx_shmtx_unlock(&spent->shpool->mutex);
}


/* nginx's time, as it was when the events of this turn came: microseconds */

static uint64_t
ngx_ohttp_relay_spent_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (uint64_t) tp->sec * 1000000 + tp->msec * 1000;
}
