
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_SEAT_H_INCLUDED_
#define _NGX_OHTTP_RELAY_SEAT_H_INCLUDED_


/*
 * What all workers know of a gateway together, by its name: in shared memory,
 * so that it outlives reloads and generations of the registry.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "../codec/attested.h"


/* twice as many as there are gateways: those of old workers end in time */
#define NGX_OHTTP_RELAY_SEATS       2048

/* what ngx_ohttp_relay_conf_name() allows at most */
#define NGX_OHTTP_RELAY_SEAT_NAME   64

/* addresses of its name that are remembered */
#define NGX_OHTTP_RELAY_SEAT_ADDRS  16

#define NGX_OHTTP_RELAY_SEAT_BITS   (8 * sizeof(ngx_atomic_uint_t))
#define NGX_OHTTP_RELAY_SEAT_WORDS                                           \
    ((NGX_MAX_PROCESSES + NGX_OHTTP_RELAY_SEAT_BITS - 1)                     \
     / NGX_OHTTP_RELAY_SEAT_BITS)


/*
 * A seat.  Its words are read without a lock, each by itself; what must agree
 * with another word is written under seats->shpool->mutex.  All of it is zero
 * when a name takes the seat.
 */

typedef struct {
    ngx_str_node_t       node;           /* by name; its memory is "name" */
    ngx_queue_t          queue;          /* those found last come first */
    ngx_uint_t           index;

    /* whether it can be connected to, see eject.h */
    ngx_atomic_t         ejected_until;  /* ms, clock of timers; 0: it is in */
    ngx_atomic_t         ejections;      /* ever */

    /* to whom its name led last, see names.h; under the mutex only */
    u_char               host[32];       /* SHA-256 of the name; 0: nobody's */
    ngx_uint_t           naddrs;
    struct sockaddr_in6  addrs[NGX_OHTTP_RELAY_SEAT_ADDRS];  /* or IPv4 */

    /* how long the verdict on it holds, see verdicts.h; under the mutex only */
    ngx_ohttp_relay_hold_t  verdict;

    u_char               name[NGX_OHTTP_RELAY_SEAT_NAME];
    ngx_atomic_uint_t    workers[NGX_OHTTP_RELAY_SEAT_WORDS];
                                         /* bits, process slots that use it */
} ngx_ohttp_relay_seat_t;


typedef struct ngx_ohttp_relay_seats_sh_s  ngx_ohttp_relay_seats_sh_t;


/* one configuration's view of them */

typedef struct {
    ngx_shm_zone_t              *zone;
    ngx_slab_pool_t             *shpool;
    ngx_ohttp_relay_seats_sh_t  *sh;
} ngx_ohttp_relay_seats_t;


/*
 * Adds the shared memory zone "ohttp_relay_seats" to the configuration.  It is
 * there when workers start.  Returns NULL after one logged line.
 */
ngx_ohttp_relay_seats_t *ngx_ohttp_relay_seats_create(ngx_conf_t *cf,
    void *tag);

/*
 * Called once when a worker starts, before it finds a seat: what a worker that
 * was in this one's process slot had found is given back.
 */
void ngx_ohttp_relay_seats_worker(ngx_ohttp_relay_seats_t *seats);

/*
 * The seat of a name, of 1 to NGX_OHTTP_RELAY_SEAT_NAME bytes: the one it has,
 * a free one, or one of a name that no living worker uses.  Locks; takes time
 * logarithmic in the number of seats unless all are taken.  The seat stays this
 * name's until the worker has given it back as often as it has found it, or has
 * ended.  Returns NULL if there is none left.
 */
ngx_ohttp_relay_seat_t *ngx_ohttp_relay_seat_find(
    ngx_ohttp_relay_seats_t *seats, ngx_str_t *name);
void ngx_ohttp_relay_seat_release(ngx_ohttp_relay_seats_t *seats,
    ngx_ohttp_relay_seat_t *seat);


#endif /* _NGX_OHTTP_RELAY_SEAT_H_INCLUDED_ */
