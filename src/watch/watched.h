
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


/* how many files may come and go */
#define NGX_OHTTP_RELAY_WATCH_FILES  4096


/*
 * What stands in shared memory for each file: in the order of the files for
 * those of the configuration, by name for those that come and go.
 */

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

    /* of files that come and go alone: see live.c */
    ngx_str_node_t                node;
    ngx_queue_t                   queue;
    ngx_uint_t                    index;
    ngx_atomic_t                  epoch;    /* how many names it has had */
    ngx_atomic_t                  used;     /* by ngx_current_msec */
} ngx_ohttp_relay_watch_slot_t;


/* and around those */

typedef struct {
    ngx_rbtree_t                  rbtree;   /* slots that have a name */
    ngx_rbtree_node_t             sentinel;
    ngx_queue_t                   named;
    ngx_queue_t                   free;
    ngx_uint_t                    nslots;   /* there are, at most ..._FILES */
} ngx_ohttp_relay_watch_live_sh_t;


/* files that come and go, in this process */

typedef struct {
    ngx_shm_zone_t                  *zone;
    ngx_slab_pool_t                 *shpool;
    ngx_ohttp_relay_watch_live_sh_t *sh;
    ngx_queue_t                      files;   /* ngx_ohttp_relay_watched_t */
    ngx_uint_t                       nfiles;
    ngx_uint_t                       hurry;   /* looks that come soon */
    ngx_msec_t                       swept;

    /* by slot, who reads the file: the one that was opened last */
    ngx_ohttp_relay_watched_t      **reader;
} ngx_ohttp_relay_watch_live_t;


struct ngx_ohttp_relay_watched_s {
    ngx_ohttp_relay_watch_t      *watch;
    ngx_slab_pool_t              *shpool;   /* that the slot is in */
    ngx_str_t                     name;
    size_t                        max;

    ngx_ohttp_relay_watch_take_pt take;
    void                         *data;

    ngx_ohttp_relay_watch_conflict_pt  conflict;   /* or NULL */
    time_t                        hold;     /* seconds */

    /* of a guarded one: another one whose it may be, and whose its folder is */
    uid_t                         owner;
    uid_t                         folder;

    ngx_ohttp_relay_watch_make_pt make;     /* NULL: it is a file */

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
    unsigned                      live:1;   /* it may go */
    unsigned                      wrong:2;  /* it could not be made so often */

    ngx_queue_t                   queue;    /* of "live" */
    ngx_atomic_uint_t             epoch;    /* of the slot */
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

    ngx_ohttp_relay_watch_live_t *live;     /* NULL: none comes or goes */

    ngx_ohttp_relay_watch_then_pt then;     /* or NULL */
    void                         *data;

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

/*
 * Hands p..last, at most "max" bytes, on to the other workers, as the
 * generation behind "generation".  "room" is shared memory for it, which is the
 * slot's then, or NULL if the slot has its own.  Returns NGX_OK, or
 * NGX_DECLINED if another process has been faster.
 */
ngx_int_t ngx_ohttp_relay_watch_publish(ngx_ohttp_relay_watched_t *watched,
    ngx_atomic_uint_t generation, u_char *p, u_char *last, u_char *room);

/*
 * A copy of what was published as "generation", in memory of "pool", and its
 * size; NULL if that is not the one published last any more, or if there is no
 * memory.
 */
u_char *ngx_ohttp_relay_watch_copy(ngx_ohttp_relay_watched_t *watched,
    ngx_atomic_uint_t generation, size_t *size, ngx_pool_t *pool);

/* Gives the memory of one content back; under the lock. */
void ngx_ohttp_relay_watch_drop(ngx_slab_pool_t *shpool,
    ngx_ohttp_relay_watch_slot_t *slot, ngx_uint_t which);

/* An empty list of files; NULL without memory. */
ngx_ohttp_relay_watch_t *ngx_ohttp_relay_watch_create(ngx_conf_t *cf);

/* Takes over what another worker has published; what is wrong is one line. */
void ngx_ohttp_relay_watch_follow(ngx_ohttp_relay_watched_t *watched,
    ngx_log_t *log);

/*
 * Looks at the file, or makes what stands for one, and publishes it if it has
 * changed.  Returns 1 if that was more than a look, else 0.
 */
ngx_uint_t ngx_ohttp_relay_watch_look(ngx_ohttp_relay_watched_t *watched,
    ngx_log_t *log);
ngx_uint_t ngx_ohttp_relay_watch_look_made(ngx_ohttp_relay_watched_t *watched,
    ngx_log_t *log);

/*
 * One round over the files that come and go; "reads": this is the worker that
 * reads files.  Returns after how many milliseconds the next one is due.
 */
ngx_msec_t ngx_ohttp_relay_watch_live_round(ngx_ohttp_relay_watch_t *watch,
    ngx_uint_t reads, ngx_log_t *log);


#endif /* _NGX_OHTTP_RELAY_WATCHED_H_INCLUDED_ */
