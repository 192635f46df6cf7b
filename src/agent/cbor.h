
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_CBOR_H_INCLUDED_
#define _NGX_OHTTP_RELAY_CBOR_H_INCLUDED_


/*
 * CBOR (RFC 8949) read in place, and read strictly: no string in chunks, no
 * length or number that is longer than it need be, no container that says it
 * has more than there are bytes for.  Maps and arrays may be of either form,
 * with a count or closed by a break.
 */


#include "codec.h"


/* how many containers and tags may be open at a time in what is skipped */
#define NGX_OHTTP_RELAY_CBOR_DEPTH  4

/* how many items a container may have in what is skipped */
#define NGX_OHTTP_RELAY_CBOR_ITEMS  64


typedef enum {
    NGX_OHTTP_RELAY_CBOR_UINT = 0,
    NGX_OHTTP_RELAY_CBOR_NEGATIVE,      /* the number -1 - n */
    NGX_OHTTP_RELAY_CBOR_BYTES,
    NGX_OHTTP_RELAY_CBOR_TEXT,          /* whether it is UTF-8 is not seen */
    NGX_OHTTP_RELAY_CBOR_ARRAY,
    NGX_OHTTP_RELAY_CBOR_MAP,
    NGX_OHTTP_RELAY_CBOR_TAG,
    NGX_OHTTP_RELAY_CBOR_SIMPLE,        /* n is 22 of null */
    NGX_OHTTP_RELAY_CBOR_FLOAT
} ngx_ohttp_relay_cbor_e;


#define NGX_OHTTP_RELAY_CBOR_NULL  22


typedef struct {
    const u_char                *p;
    const u_char                *last;
} ngx_ohttp_relay_cbor_t;


/*
 * One item; of a container or tag only what stands in front of its content,
 * and n is the number of items in it: of a map, two for each of its pairs.
 */

typedef struct {
    ngx_ohttp_relay_cbor_e       type;
    uint64_t                     n;
    ngx_ohttp_relay_slice_t      string;
    unsigned                     indefinite:1;
} ngx_ohttp_relay_cbor_item_t;


/*
 * Reads the item that stands at reader->p, and moves p behind it: behind the
 * head of a container, whose items are then read one by one.
 *
 * Returns NGX_OHTTP_RELAY_OK and fills *item; NGX_OHTTP_RELAY_ERROR for what
 * is none, a break included: then there is no going on.
 */
int ngx_ohttp_relay_cbor_read(ngx_ohttp_relay_cbor_t *reader,
    ngx_ohttp_relay_cbor_item_t *item);

/*
 * Tells whether a container, of which all items so far have been read, has
 * another one.  Of a map this is asked before each name only, and before its
 * value again; a break between the two is an error.
 *
 * Returns NGX_OHTTP_RELAY_OK if there is one; NGX_OHTTP_RELAY_DONE if there
 * is none: a break has been read; NGX_OHTTP_RELAY_ERROR if the text ends.
 */
int ngx_ohttp_relay_cbor_more(ngx_ohttp_relay_cbor_t *reader,
    ngx_ohttp_relay_cbor_item_t *container);

/*
 * Reads one item with all that is in it, within the limits of depth and of
 * items above.
 *
 * Returns NGX_OHTTP_RELAY_OK, or NGX_OHTTP_RELAY_ERROR.
 */
int ngx_ohttp_relay_cbor_skip(ngx_ohttp_relay_cbor_t *reader);


#endif /* _NGX_OHTTP_RELAY_CBOR_H_INCLUDED_ */
