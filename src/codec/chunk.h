
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_CHUNK_H_INCLUDED_
#define _NGX_OHTTP_RELAY_CHUNK_H_INCLUDED_


#include "codec.h"


/* the longest line with a chunk size and extensions, bytes with CRLF */
#define NGX_OHTTP_RELAY_CHUNK_LINE_MAX     4096

/* the longest trailer section, bytes with the empty line that ends it */
#define NGX_OHTTP_RELAY_CHUNK_TRAILER_MAX  8192


/* all zero is the start of a body */

typedef struct {
    uint64_t  size;         /* bytes of the current chunk still to come */
    unsigned  state;
    unsigned  overhead;     /* bytes of the line or of the trailers so far */
} ngx_ohttp_relay_chunk_t;


/*
 * Decodes the chunked transfer coding (RFC 9112, section 7.1) piece by piece:
 * advances *p over framing, up to data or to last.  Lines end with CRLF only.
 * Extensions and trailers are checked loosely and dropped.
 *
 * Returns
 *
 *     NGX_OHTTP_RELAY_OK     *p stands at data and is below last; ch->size
 *                            bytes of data follow in all.  The caller takes
 *                            what is there of them, advances *p, subtracts
 *                            from ch->size, and calls again;
 *     NGX_OHTTP_RELAY_AGAIN  *p is last, and the body goes on;
 *     NGX_OHTTP_RELAY_DONE   the body has ended, *p stands just behind it;
 *                            so it stays if called again;
 *     NGX_OHTTP_RELAY_ERROR  wrong framing, a size above INT64_MAX, or a
 *                            limit passed; so it stays if called again.
 */
int ngx_ohttp_relay_chunk(ngx_ohttp_relay_chunk_t *ch, const u_char **p,
    const u_char *last);


#endif /* _NGX_OHTTP_RELAY_CHUNK_H_INCLUDED_ */
