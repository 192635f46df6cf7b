
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_EPOCH_H_INCLUDED_
#define _NGX_OHTTP_RELAY_EPOCH_H_INCLUDED_


#include "codec.h"


#define NGX_OHTTP_RELAY_EPOCH_DIGEST  32

/* bytes of the name of a gateway, and of a line without its end */
#define NGX_OHTTP_RELAY_EPOCH_NAME    64
#define NGX_OHTTP_RELAY_EPOCH_MAX     320


/* a line of the log of published keys; see docs/directives.md */

typedef struct {
    uint64_t                 seq;        /* from 1 */
    uint64_t                 time;       /* seconds since 1970 */
    ngx_ohttp_relay_slice_t  gateway;    /* or pool */
    u_char                   sha256[NGX_OHTTP_RELAY_EPOCH_DIGEST];
    u_char                   previous[NGX_OHTTP_RELAY_EPOCH_DIGEST];
} ngx_ohttp_relay_epoch_t;


/*
 * Reads a line, p..last, without its end.  There is one way to write each, and
 * no other is taken: its hash must say all there is to say.
 *
 * Returns NGX_OHTTP_RELAY_OK and fills *epoch, whose slice points into p..last;
 * NGX_OHTTP_RELAY_ERROR for anything else, then *epoch is undefined.
 */
int ngx_ohttp_relay_epoch(const u_char *p, const u_char *last,
    ngx_ohttp_relay_epoch_t *epoch);

/*
 * Writes that line to "out", which has room for NGX_OHTTP_RELAY_EPOCH_MAX
 * bytes; the name is one that could be read.  Returns the end of it.
 */
u_char *ngx_ohttp_relay_epoch_write(u_char *out,
    const ngx_ohttp_relay_epoch_t *epoch);


#endif /* _NGX_OHTTP_RELAY_EPOCH_H_INCLUDED_ */
