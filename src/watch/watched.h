
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_WATCHED_H_INCLUDED_
#define _NGX_OHTTP_RELAY_WATCHED_H_INCLUDED_


/* what the files of this room share, and nobody else needs to know */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "file.h"
#include "watch.h"


/* what stands in shared memory for each file, in the order of the files */

typedef struct {
    ngx_atomic_t                  generation;
    ngx_atomic_t                  failures;
    ngx_atomic_t                  broken;
    ngx_atomic_t                  held;     /* since, by ngx_current_msec */
    ngx_atomic_t                  conflicts;

    /* written by the one worker that reads files */
    ngx_ohttp_relay_file_id_t     seen;

    /* the one of the generation, and the one of the next */
    u_char                       *content[2];
    size_t                        size[2];
} ngx_ohttp_relay_watch_slot_t;


struct ngx_ohttp_relay_watched_s {
    ngx_ohttp_relay_watch_t      *watch;
    ngx_str_t                     name;
    size_t                        max;

    ngx_ohttp_relay_watch_take_pt take;
    void                         *data;

    ngx_ohttp_relay_watch_conflict_pt  conflict;   /* or NULL */
    time_t                        hold;     /* seconds */

    /* of a guarded one: another one whose it may be, and whose its folder is */
    uid_t                         owner;
    uid_t                         folder;

    /*
     * As the configuration read it; the content is gone once it is shared, and
     * NULL if there was none to take over.
     */
    ngx_ohttp_relay_file_id_t     id;
    u_char                       *p;
    u_char                       *last;

    ngx_ohttp_relay_watch_slot_t *slot;

    /* this process: what it has taken, could not take, complained about */
    ngx_atomic_uint_t             generation;
    ngx_atomic_uint_t             refused;
    ngx_ohttp_relay_file_id_t     complained;
    unsigned                      opened:1;
    unsigned                      guarded:1;
};


struct ngx_ohttp_relay_watch_s {
    ngx_array_t                   files;    /* ngx_ohttp_relay_watched_t * */
    ngx_cycle_t                  *cycle;
    uid_t                         uid;      /* of the master */
    ngx_str_t                     prefix;   /* of the name of the zone */
    ngx_msec_t                    interval;

    ngx_shm_zone_t               *zone;
    ngx_slab_pool_t              *shpool;
    ngx_ohttp_relay_watch_t      *old;      /* while a configuration loads */

    ngx_connection_t              dummy;    /* what debug logs ask an event */
    ngx_event_t                   timer;
};


/*
 * Whose a watched file may be: root's, or that of the user as whom the master
 * or the workers run, or of the one whom a guarded file was said to be of.
 * Returns NULL, or the reason why not.
 */
char *ngx_ohttp_relay_watch_check_owner(ngx_ohttp_relay_watched_t *watched,
    ngx_ohttp_relay_file_id_t *id);

/*
 * Checks the same of the file as the configuration has read it, and that the
 * workers can read it: not before its end is it known as whom they will run.
 * Returns NGX_OK, or NGX_ERROR after one logged line.
 */
ngx_int_t ngx_ohttp_relay_watch_admit(ngx_ohttp_relay_watched_t *watched,
    ngx_log_t *log);

/* Returns 1 if p..last is the content published last, 0 if not. */
ngx_uint_t ngx_ohttp_relay_watch_published(ngx_ohttp_relay_watched_t *watched,
    u_char *p, u_char *last);

/*
 * Whether p..last, which is not what was published last, must wait.  Returns
 * NULL if not, else the reason; counts and logs the beginning of the wait.
 */
char *ngx_ohttp_relay_watch_conflict(ngx_ohttp_relay_watched_t *watched,
    u_char *p, u_char *last, ngx_pool_t *pool, ngx_log_t *log);

/* Hands p..last, at most "max" bytes, on to the other workers. */
void ngx_ohttp_relay_watch_publish(ngx_ohttp_relay_watched_t *watched,
    u_char *p, u_char *last);


#endif /* _NGX_OHTTP_RELAY_WATCHED_H_INCLUDED_ */
