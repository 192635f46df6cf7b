
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_REDIS_URL_H_INCLUDED_
#define _NGX_OHTTP_RELAY_REDIS_URL_H_INCLUDED_


#include "codec.h"
#include "host.h"


#define NGX_OHTTP_RELAY_REDIS_PORT      6379

#define NGX_OHTTP_RELAY_REDIS_HOSTS     16
#define NGX_OHTTP_RELAY_REDIS_DB_MAX    1023

/* the longest path of a socket, bytes: with a NUL it has to fit sun_path */
#define NGX_OHTTP_RELAY_REDIS_PATH_MAX  107


/* the slices point into the URL */

typedef struct {
    ngx_ohttp_relay_slice_t  user;      /* of length 0 if there is none */
    ngx_ohttp_relay_slice_t  path;      /* of a socket; else of length 0 */
    ngx_ohttp_relay_host_t   hosts[NGX_OHTTP_RELAY_REDIS_HOSTS];
    unsigned                 n;         /* hosts; 0 with a path */
    unsigned                 db;
    unsigned                 tls:1;     /* rediss */
} ngx_ohttp_relay_redis_url_t;


/*
 * Reads where a Redis server is, in one of the forms
 *
 *     redis://[user@]host[:port][,host[:port]...][/db]
 *     rediss://...                        the same, with TLS
 *     unix:/path                          one socket, database 0
 *
 * with a scheme in any case, hosts as ngx_ohttp_relay_host() reads them, at
 * most NGX_OHTTP_RELAY_REDIS_HOSTS of them, each with a port afterwards; a
 * user of printable ASCII without space and any of :@/,%?#[]\"' in it; a
 * database from 0 to NGX_OHTTP_RELAY_REDIS_DB_MAX without leading zeros; a
 * path of printable bytes without comma that does not end with "/".
 *
 * Returns NGX_OHTTP_RELAY_OK and fills *url.  Returns NGX_OHTTP_RELAY_ERROR
 * for anything else, also for a password, which has no place in a
 * configuration, and for a query: then the content of *url is undefined.
 */
int ngx_ohttp_relay_redis_url(const u_char *p, const u_char *last,
    ngx_ohttp_relay_redis_url_t *url);


#endif /* _NGX_OHTTP_RELAY_REDIS_URL_H_INCLUDED_ */
