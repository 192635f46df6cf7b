
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "seat.h"


/* what stands in shared memory */

struct ngx_ohttp_relay_seats_sh_s {
    ngx_rbtree_t             tree;
    ngx_rbtree_node_t        sentinel;
    ngx_queue_t              queue;
    ngx_uint_t               n;              /* so many were ever taken */
    ngx_pid_t                pids[NGX_MAX_PROCESSES];  /* 0: no worker */
    ngx_ohttp_relay_seat_t   seats[NGX_OHTTP_RELAY_SEATS];
};


static ngx_int_t ngx_ohttp_relay_seats_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_ohttp_relay_seat_t *ngx_ohttp_relay_seat_take(
    ngx_ohttp_relay_seats_sh_t *sh, ngx_str_t *name, uint32_t hash);
static ngx_ohttp_relay_seat_t *ngx_ohttp_relay_seat_reuse(
    ngx_ohttp_relay_seats_sh_t *sh);
static void ngx_ohttp_relay_seats_living(ngx_ohttp_relay_seats_sh_t *sh,
    ngx_atomic_uint_t *living);


#define ngx_ohttp_relay_seat_word()                                          \
    (ngx_process_slot / NGX_OHTTP_RELAY_SEAT_BITS)

#define ngx_ohttp_relay_seat_bit()                                           \
    ((ngx_atomic_uint_t) 1 << ngx_process_slot % NGX_OHTTP_RELAY_SEAT_BITS)


/* how often this process has found each of them: a row follows a row */

static ngx_uint_t  ngx_ohttp_relay_seats_held[NGX_OHTTP_RELAY_SEATS];


ngx_ohttp_relay_seats_t *
ngx_ohttp_relay_seats_create(ngx_conf_t *cf, void *tag)
{
    size_t                    size;
    ngx_str_t                 name;
    ngx_ohttp_relay_seats_t  *seats;

    seats = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_seats_t));
    if (seats == NULL) {
        return NULL;
    }

    ngx_str_set(&name, "ohttp_relay_seats");

    /* one piece of whole pages, and what the allocator wants for itself */

    size = ngx_align(sizeof(ngx_ohttp_relay_seats_sh_t), ngx_pagesize);
    size += size / ngx_pagesize * sizeof(ngx_slab_page_t) + 8 * ngx_pagesize;

    seats->zone = ngx_shared_memory_add(cf, &name, size, tag);
    if (seats->zone == NULL) {
        return NULL;
    }

    seats->zone->init = ngx_ohttp_relay_seats_init_zone;
    seats->zone->data = seats;

    return seats;
}


static ngx_int_t
ngx_ohttp_relay_seats_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_ohttp_relay_seats_t *old = data;

    ngx_ohttp_relay_seats_t     *seats;
    ngx_ohttp_relay_seats_sh_t  *sh;

    seats = shm_zone->data;
    seats->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (old || shm_zone->shm.exists) {
        seats->sh = seats->shpool->data;
        return NGX_OK;
    }

    sh = ngx_slab_calloc(seats->shpool, sizeof(ngx_ohttp_relay_seats_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    ngx_rbtree_init(&sh->tree, &sh->sentinel, ngx_str_rbtree_insert_value);
    ngx_queue_init(&sh->queue);

    seats->shpool->data = sh;
    seats->sh = sh;

    return NGX_OK;
}


void
ngx_ohttp_relay_seats_worker(ngx_ohttp_relay_seats_t *seats)
{
    ngx_uint_t                   i;
    ngx_ohttp_relay_seats_sh_t  *sh;

    sh = seats->sh;

    ngx_shmtx_lock(&seats->shpool->mutex);

    for (i = 0; i < sh->n; i++) {
        sh->seats[i].workers[ngx_ohttp_relay_seat_word()] &=
                                                  ~ngx_ohttp_relay_seat_bit();
    }

    sh->pids[ngx_process_slot] = ngx_pid;

    ngx_shmtx_unlock(&seats->shpool->mutex);

    ngx_memzero(ngx_ohttp_relay_seats_held,
                sizeof(ngx_ohttp_relay_seats_held));
}


ngx_ohttp_relay_seat_t *
ngx_ohttp_relay_seat_find(ngx_ohttp_relay_seats_t *seats, ngx_str_t *name)
{
    uint32_t                     hash;
    ngx_ohttp_relay_seat_t      *seat;
    ngx_ohttp_relay_seats_sh_t  *sh;

    sh = seats->sh;
    hash = ngx_crc32_long(name->data, name->len);

    ngx_shmtx_lock(&seats->shpool->mutex);

    seat = (ngx_ohttp_relay_seat_t *)
               ngx_str_rbtree_lookup(&sh->tree, name, hash);

    if (seat) {
        ngx_queue_remove(&seat->queue);

    } else {
        seat = ngx_ohttp_relay_seat_take(sh, name, hash);
    }

    if (seat) {
        ngx_queue_insert_head(&sh->queue, &seat->queue);

        seat->workers[ngx_ohttp_relay_seat_word()] |=
                                                   ngx_ohttp_relay_seat_bit();

        ngx_ohttp_relay_seats_held[seat->index]++;
    }

    ngx_shmtx_unlock(&seats->shpool->mutex);

    return seat;
}


static ngx_ohttp_relay_seat_t *
ngx_ohttp_relay_seat_take(ngx_ohttp_relay_seats_sh_t *sh, ngx_str_t *name,
    uint32_t hash)
{
    ngx_uint_t               index;
    ngx_ohttp_relay_seat_t  *seat;

    if (name->len > NGX_OHTTP_RELAY_SEAT_NAME) {
        return NULL;
    }

    seat = (sh->n < NGX_OHTTP_RELAY_SEATS) ? &sh->seats[sh->n++]
                                           : ngx_ohttp_relay_seat_reuse(sh);
    if (seat == NULL) {
        return NULL;
    }

    index = seat - sh->seats;

    ngx_memzero(seat, sizeof(ngx_ohttp_relay_seat_t));

    seat->index = index;
    seat->node.node.key = hash;
    seat->node.str.len = name->len;
    seat->node.str.data = seat->name;
    ngx_memcpy(seat->name, name->data, name->len);

    ngx_rbtree_insert(&sh->tree, &seat->node.node);

    return seat;
}


/* the one that nobody has found for the longest time, of those not in use */

static ngx_ohttp_relay_seat_t *
ngx_ohttp_relay_seat_reuse(ngx_ohttp_relay_seats_sh_t *sh)
{
    ngx_uint_t               i;
    ngx_queue_t             *q;
    ngx_atomic_uint_t        used, living[NGX_OHTTP_RELAY_SEAT_WORDS];
    ngx_ohttp_relay_seat_t  *seat;

    ngx_ohttp_relay_seats_living(sh, living);

    for (q = ngx_queue_last(&sh->queue);
         q != ngx_queue_sentinel(&sh->queue);
         q = ngx_queue_prev(q))
    {
        seat = ngx_queue_data(q, ngx_ohttp_relay_seat_t, queue);
        used = 0;

        for (i = 0; i < NGX_OHTTP_RELAY_SEAT_WORDS; i++) {
            used |= seat->workers[i] & living[i];
        }

        if (used == 0) {
            ngx_queue_remove(q);
            ngx_rbtree_delete(&sh->tree, &seat->node.node);

            return seat;
        }
    }

    return NULL;
}


/*
 * A worker that died has given nothing back, and perhaps no other one will
 * ever have its process slot.
 */

static void
ngx_ohttp_relay_seats_living(ngx_ohttp_relay_seats_sh_t *sh,
    ngx_atomic_uint_t *living)
{
    ngx_uint_t  i;

    ngx_memzero(living,
                NGX_OHTTP_RELAY_SEAT_WORDS * sizeof(ngx_atomic_uint_t));

    for (i = 0; i < NGX_MAX_PROCESSES; i++) {

        if (sh->pids[i] == 0) {
            continue;
        }

        if (kill(sh->pids[i], 0) == -1 && ngx_errno == NGX_ESRCH) {
            sh->pids[i] = 0;
            continue;
        }

        living[i / NGX_OHTTP_RELAY_SEAT_BITS] |=
                      (ngx_atomic_uint_t) 1 << i % NGX_OHTTP_RELAY_SEAT_BITS;
    }
}


void
ngx_ohttp_relay_seat_release(ngx_ohttp_relay_seats_t *seats,
    ngx_ohttp_relay_seat_t *seat)
{
    if (--ngx_ohttp_relay_seats_held[seat->index]) {
        return;
    }

    ngx_shmtx_lock(&seats->shpool->mutex);

    seat->workers[ngx_ohttp_relay_seat_word()] &= ~ngx_ohttp_relay_seat_bit();

    ngx_shmtx_unlock(&seats->shpool->mutex);
}
