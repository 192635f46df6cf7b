
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_WATCH_H_INCLUDED_
#define _NGX_OHTTP_RELAY_WATCH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct ngx_ohttp_relay_watch_s    ngx_ohttp_relay_watch_t;
typedef struct ngx_ohttp_relay_watched_s  ngx_ohttp_relay_watched_t;


/*
 * Takes over the content of a watched file, p..last, for this process; called
 * while the configuration is read and whenever the content has changed.
 * Returns NGX_OK, or NGX_ERROR with a short reason in *error (a constant, or
 * in memory of "pool"): what was taken over before then stays in use.  "pool"
 * is gone after the call.
 */
typedef ngx_int_t (*ngx_ohttp_relay_watch_take_pt)(void *data, u_char *p,
    u_char *last, ngx_pool_t *pool, char **error);


/*
 * Compares what is published with the changed content that is to take its
 * place, p..last.  Returns NULL if it may, else why it must wait (a constant,
 * or in memory of "pool").
 */
typedef char *(*ngx_ohttp_relay_watch_conflict_pt)(u_char *old,
    u_char *old_last, u_char *p, u_char *last, ngx_pool_t *pool);


/*
 * Makes what is published from other things than a file, in *p..*last, which
 * must stay until the call after this one.  Returns NGX_OK; NGX_DECLINED if
 * there is nothing now; NGX_ERROR if it cannot be made, with the reason in
 * *error.  In both cases what was published before stays.
 */
typedef ngx_int_t (*ngx_ohttp_relay_watch_make_pt)(void *data, u_char **p,
    u_char **last, char **error);


/* called in the worker that reads files, after each round */

typedef void (*ngx_ohttp_relay_watch_then_pt)(void *data, ngx_log_t *log);


/*
 * Adds a file to those that one worker polls each second.  It must be a
 * regular file of at most "max" bytes, not writable by group or others, and
 * is read and taken at once: what is wrong with it now is one [emerg] line.
 * "path" is relative to nginx's conf prefix.  Returns NULL after a line.
 */
ngx_ohttp_relay_watched_t *ngx_ohttp_relay_watch_add(ngx_conf_t *cf,
    ngx_ohttp_relay_watch_t **watch, ngx_str_t *path, size_t max,
    ngx_ohttp_relay_watch_take_pt take, void *data);

/*
 * The same for a file on which trust depends, and that another program writes:
 * it must be no symbolic link, its folder must not be writable by group or
 * others, and both may also belong to "owner".  That it is not there yet is a
 * [warn] line and no error.  And "take" may return NGX_DECLINED with a reason:
 * then, too, what was published before stays in use, without a file that has
 * nothing wrong with it standing in the way of a new configuration.
 */
ngx_ohttp_relay_watched_t *ngx_ohttp_relay_watch_add_guarded(ngx_conf_t *cf,
    ngx_ohttp_relay_watch_t **watch, ngx_str_t *path, size_t max, uid_t owner,
    ngx_ohttp_relay_watch_take_pt take, void *data);

/*
 * Lets "conflict" judge each change of the file.  A content that it objects to
 * waits for "hold" seconds, also over reloads, and is taken over then if it
 * still stands there; the one published before stays in use so long.  Its
 * beginning and its end are a [crit] line each.
 */
void ngx_ohttp_relay_watch_hold(ngx_ohttp_relay_watched_t *watched,
    ngx_ohttp_relay_watch_conflict_pt conflict, time_t hold);

/*
 * Makes room for files that come and go while nginx runs; contents that are in
 * use at a time may be "size" bytes together.  Once for a configuration; "tag"
 * is the module.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_ohttp_relay_watch_live(ngx_conf_t *cf,
    ngx_ohttp_relay_watch_t **watch, size_t size, void *tag);

/*
 * Adds a file in this worker, as long as "pool" lives; each worker must.  All
 * are told by the name of the file, and what another worker has published is
 * taken at once.  What is wrong with the file is one [error] line of the worker
 * that reads it, and nothing is taken until it is mended.  Returns NULL after
 * one line: too many files, or no memory.
 */
ngx_ohttp_relay_watched_t *ngx_ohttp_relay_watch_open(
    ngx_ohttp_relay_watch_t *watch, ngx_str_t *path, size_t max,
    ngx_ohttp_relay_watch_take_pt take, void *data, ngx_pool_t *pool);

/*
 * The same for what is not read from a file but made; "name" is not a path.
 * Where nothing is published yet it is made at once.
 */
ngx_ohttp_relay_watched_t *ngx_ohttp_relay_watch_open_made(
    ngx_ohttp_relay_watch_t *watch, ngx_str_t *name, size_t max,
    ngx_ohttp_relay_watch_make_pt make, ngx_ohttp_relay_watch_take_pt take,
    void *data, ngx_pool_t *pool);

/*
 * Has "then" called after each round of the worker that reads files.
 */
void ngx_ohttp_relay_watch_then(ngx_ohttp_relay_watch_t *watch,
    ngx_ohttp_relay_watch_then_pt then, void *data);

/*
 * Keeps the files of "watch" apart from those of others, if there are any yet:
 * in a zone whose name begins with "zone", and looked at each "interval"
 * milliseconds.  To be called before the next one.
 */
void ngx_ohttp_relay_watch_apart(ngx_ohttp_relay_watch_t *watch, char *zone,
    ngx_msec_t interval);

/*
 * Adds the shared memory through which workers hand contents on, if there is
 * anything to watch; "tag" is the module.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_ohttp_relay_watch_init(ngx_conf_t *cf,
    ngx_ohttp_relay_watch_t *watch, void *tag);

/*
 * Starts watching in a worker.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_ohttp_relay_watch_init_process(ngx_ohttp_relay_watch_t *watch,
    ngx_cycle_t *cycle);

/*
 * Takes over now what another worker has published, rather than at the next
 * look: for what clients could see workers differ in.  In a worker.
 */
void ngx_ohttp_relay_watched_refresh(ngx_ohttp_relay_watched_t *watched,
    ngx_log_t *log);

/*
 * Its full name, and how many contents have been taken over: reloads count on.
 */
ngx_str_t *ngx_ohttp_relay_watched_name(ngx_ohttp_relay_watched_t *watched);
ngx_atomic_uint_t ngx_ohttp_relay_watched_generation(
    ngx_ohttp_relay_watched_t *watched);

/*
 * How often a changed file could not be taken over, since nginx started; and
 * whether that is so at the moment (1) or not (0).
 */
ngx_atomic_uint_t ngx_ohttp_relay_watched_failures(
    ngx_ohttp_relay_watched_t *watched);
ngx_uint_t ngx_ohttp_relay_watched_broken(ngx_ohttp_relay_watched_t *watched);

/*
 * Whether there is no such file at the moment, as the one worker that reads it
 * has seen last (1) or not (0).
 */
ngx_uint_t ngx_ohttp_relay_watched_gone(ngx_ohttp_relay_watched_t *watched);

/*
 * How many seconds the content in use stays so although another one waits:
 * -1 if none does.  And how often one has had to wait.
 */
time_t ngx_ohttp_relay_watched_held(ngx_ohttp_relay_watched_t *watched);
ngx_atomic_uint_t ngx_ohttp_relay_watched_conflicts(
    ngx_ohttp_relay_watched_t *watched);


#endif /* _NGX_OHTTP_RELAY_WATCH_H_INCLUDED_ */
