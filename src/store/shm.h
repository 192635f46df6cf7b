
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_SHM_H_INCLUDED_
#define _NGX_OHTTP_RELAY_SHM_H_INCLUDED_


/* what the files of the store "shm" share */


#include "backend.h"
#include "state.h"
#include "zone.h"


typedef struct {
    ngx_str_t    path;                   /* ends with a NUL; empty: no file */
    ngx_fd_t     fd;                     /* keeps the lock; or invalid */
    u_char       run[NGX_OHTTP_RELAY_STATE_RUN];
    ngx_log_t   *log;
} ngx_ohttp_relay_shm_file_t;


/* on_data_loss */

enum {
    ngx_ohttp_relay_shm_loss_unset = 0,
    ngx_ohttp_relay_shm_loss_closed,
    ngx_ohttp_relay_shm_loss_accept
};


typedef struct {
    ngx_ohttp_relay_store_t         *store;
    ngx_ohttp_relay_spent_t         *spent;
    ssize_t                          size;
    ngx_uint_t                       loss;
    ngx_uint_t                       raised;     /* how many of the pins */
    u_char                          *is_raised;  /* for each of the pins */
    ngx_ohttp_relay_shm_file_t       file;       /* state= */
    ngx_ohttp_relay_store_figure_t  *figures;
} ngx_ohttp_relay_shm_t;


/* how the file was left */

typedef enum {
    NGX_OHTTP_RELAY_SHM_ABSENT = 0,
    NGX_OHTTP_RELAY_SHM_COMPLETE,
    NGX_OHTTP_RELAY_SHM_RUNNING,         /* and never completed */
    NGX_OHTTP_RELAY_SHM_BROKEN,
    NGX_OHTTP_RELAY_SHM_IN_USE,          /* another nginx lives with it */
    NGX_OHTTP_RELAY_SHM_TOO_LARGE,       /* for the zone */
    NGX_OHTTP_RELAY_SHM_FAILED           /* could not be read; was logged */
} ngx_ohttp_relay_shm_found_e;


/*
 * Called when the zone is there, see spent.h: reads the state file into a
 * fresh zone, and compares the pins with those that are known.
 */
ngx_int_t ngx_ohttp_relay_shm_opened(ngx_ohttp_relay_spent_t *spent,
    void *data, ngx_uint_t fresh);

/*
 * The hooks of store.h: the first worker marks the state file as in use, the
 * master completes it.
 */
ngx_int_t ngx_ohttp_relay_shm_init_process(ngx_ohttp_relay_store_t *store,
    ngx_cycle_t *cycle);
void ngx_ohttp_relay_shm_exit_master(ngx_ohttp_relay_store_t *store,
    ngx_cycle_t *cycle);

/*
 * Checks, without a change to anything, that a file of this name can be
 * written and that it is nobody else's.  Returns NGX_OK, or NGX_ERROR after
 * one line.
 */
ngx_int_t ngx_ohttp_relay_shm_file_check(ngx_conf_t *cf, ngx_str_t *path);

/*
 * Opens, locks and reads the file into the empty ledger of a fresh zone, and
 * fills *head if it is COMPLETE or RUNNING.  In all other cases the ledger is
 * empty.  The file itself is not changed.
 */
ngx_ohttp_relay_shm_found_e ngx_ohttp_relay_shm_file_read(
    ngx_ohttp_relay_shm_file_t *file, ngx_ohttp_relay_spent_t *spent,
    ngx_ohttp_relay_state_head_t *head);

/*
 * Puts a broken file aside, as FILE.broken.
 */
void ngx_ohttp_relay_shm_file_put_aside(ngx_ohttp_relay_shm_file_t *file);

/*
 * Writes the ledger to the file, in one step as others see it, and keeps it
 * open and locked.  Returns NGX_OK, or NGX_ERROR after one line: then the
 * file is as it was before.
 */
ngx_int_t ngx_ohttp_relay_shm_file_write(ngx_ohttp_relay_shm_file_t *file,
    ngx_ohttp_relay_ledger_t *ledger,
    const ngx_ohttp_relay_state_head_t *head);

/*
 * Marks the open file as used by this run.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_ohttp_relay_shm_file_mark(ngx_ohttp_relay_shm_file_t *file);

/*
 * Whether the file of this name is still that of this run: NGX_OK; or
 * NGX_DECLINED if another nginx has taken it over.  In the latter case, and
 * if nobody uses it any more, it is marked so that it is taken for incomplete.
 */
ngx_int_t ngx_ohttp_relay_shm_file_claim(ngx_ohttp_relay_shm_file_t *file);


#endif /* _NGX_OHTTP_RELAY_SHM_H_INCLUDED_ */
