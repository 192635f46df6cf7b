
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_FILE_H_INCLUDED_
#define _NGX_OHTTP_RELAY_FILE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * What a file looks like from outside.  With the time of the last change of
 * its attributes, since mended rights change nothing else.
 */

typedef struct {
    ngx_err_t        err;       /* of stat(); then the rest is zero */
    mode_t           mode;
    uid_t            uid;
    dev_t            dev;
    ino_t            ino;
    off_t            size;
    struct timespec  mtime;
    struct timespec  ctime;
} ngx_ohttp_relay_file_id_t;


/* one attempt to read a file */

typedef struct {
    ngx_str_t                   name;    /* with a NUL behind it */
    size_t                      max;     /* bytes */
    ngx_uint_t                  guarded;

    ngx_ohttp_relay_file_id_t   id;
    u_char                     *p;
    u_char                     *last;
    uid_t                       folder;  /* whose it is, if it is guarded */

    ngx_err_t                   err;     /* of a system call, or 0 */
    char                       *error;   /* why it could not be read */
} ngx_ohttp_relay_file_t;


/*
 * Notes what the file "name" looks like now.
 */
void ngx_ohttp_relay_file_look(ngx_str_t *name, ngx_ohttp_relay_file_id_t *id);

/* Returns 1 if both look the same, 0 if not. */
ngx_uint_t ngx_ohttp_relay_file_same(ngx_ohttp_relay_file_id_t *one,
    ngx_ohttp_relay_file_id_t *other);

/*
 * Reads the file "name": a regular one of at most "max" bytes, not writable
 * by group or others, and not changed meanwhile.  A guarded one must not be a
 * symbolic link, and be in a folder to which neither group nor others can
 * write.  Whose it is is left to the caller.
 *
 * Returns NGX_OK, with p..last in memory of "pool"; NGX_DECLINED if it will
 * stay as it is until the file changes; NGX_AGAIN if a later attempt may be
 * luckier.  "id" is what was seen in any case; err and error say why not.
 */
ngx_int_t ngx_ohttp_relay_file_read(ngx_ohttp_relay_file_t *file,
    ngx_pool_t *pool, ngx_log_t *log);


#endif /* _NGX_OHTTP_RELAY_FILE_H_INCLUDED_ */
