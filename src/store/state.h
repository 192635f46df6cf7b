
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_STATE_H_INCLUDED_
#define _NGX_OHTTP_RELAY_STATE_H_INCLUDED_


/*
 * A ledger as a stream of bytes, for the time when no nginx runs.  Pure: the
 * file, its checksum and the lock are the caller's.  All numbers are big
 * endian.
 *
 *   head, 96 bytes:
 *     magic       8  "ohrstate"
 *     version     4  1
 *     head        4  96, bytes of the head
 *     mark        8  "complete", or "running!" while an nginx uses the file
 *     run        16  random, of the nginx that uses it
 *     lost        8  seconds, see ledger.h
 *     forgotten   8  seconds
 *     written     8  seconds
 *     zero       32
 *   records, 48 bytes each:
 *     type        1  1: pin, 2: epoch, 255: end
 *     kind        1
 *     zero        6
 *     group       8
 *     epoch       8  of a pin: seconds, since when the group is known
 *     expires     8
 *     names       8  how many follow an epoch: 16 bytes each, or 40 (name,
 *                    arrival 8, first 8, uses 4, refunds 4) of kind USES
 *     refunds     8  how many follow those: 24 bytes each (name, count 8)
 *   sum, 32 bytes:
 *     SHA-256 of all before, but with mark and run taken for zero
 *
 * Mark and run can so be changed in place.
 */


#include "ledger.h"


#define NGX_OHTTP_RELAY_STATE_HEAD     96            /* bytes */
#define NGX_OHTTP_RELAY_STATE_RECORD   48
#define NGX_OHTTP_RELAY_STATE_SUM      32
#define NGX_OHTTP_RELAY_STATE_RUN      16

/* what the sum leaves out, mark and run */
#define NGX_OHTTP_RELAY_STATE_MARK     16            /* offset */
#define NGX_OHTTP_RELAY_STATE_MARKED   24            /* bytes */

/* the largest item */
#define NGX_OHTTP_RELAY_STATE_ITEM     NGX_OHTTP_RELAY_STATE_HEAD


typedef struct {
    int                              running;    /* not "complete" */
    u_char                           run[NGX_OHTTP_RELAY_STATE_RUN];
    int64_t                          lost;
    int64_t                          forgotten;
    int64_t                          written;
} ngx_ohttp_relay_state_head_t;


/* the state of a reader */

typedef struct {
    int                              step;
    uint64_t                         left;       /* bytes behind this item */
    uint64_t                         names;      /* still to come */
    uint64_t                         refunds;
    ngx_ohttp_relay_state_head_t     head;
    ngx_ohttp_relay_ledger_epoch_t  *epoch;
} ngx_ohttp_relay_state_t;


/* takes "len" bytes; returns NGX_OHTTP_RELAY_OK or NGX_OHTTP_RELAY_ERROR */
typedef int (*ngx_ohttp_relay_state_write_pt)(void *data, const u_char *p,
    size_t len);


/*
 * Writes head, records and end of a ledger, not the sum, by many calls of
 * "write", the first of which has the whole head.  Returns what "write"
 * returned if that was not OK.
 */
int ngx_ohttp_relay_state_write(ngx_ohttp_relay_ledger_t *ledger,
    const ngx_ohttp_relay_state_head_t *head,
    ngx_ohttp_relay_state_write_pt write, void *data);

/*
 * Writes mark and run as they stand in the head,
 * NGX_OHTTP_RELAY_STATE_MARKED bytes.
 */
void ngx_ohttp_relay_state_mark(const ngx_ohttp_relay_state_head_t *head,
    u_char *p);

/*
 * Starts to read a stream of "size" bytes in all, the sum included.
 */
void ngx_ohttp_relay_state_start(ngx_ohttp_relay_state_t *state,
    uint64_t size);

/*
 * How many bytes the next item has, at most NGX_OHTTP_RELAY_STATE_ITEM; 0 if
 * there is no further one, and only the sum is left.
 */
size_t ngx_ohttp_relay_state_need(ngx_ohttp_relay_state_t *state);

/*
 * Reads the next item, which has the size that _need() said, into a ledger
 * that was empty at the beginning.  Returns NGX_OHTTP_RELAY_OK;
 * NGX_OHTTP_RELAY_ERROR if it is not well formed; or NGX_OHTTP_RELAY_AGAIN if
 * the ledger has no room for it.  After an error the ledger is to be reset.
 * state->head is there after the first item; it is not put into the ledger.
 */
int ngx_ohttp_relay_state_item(ngx_ohttp_relay_state_t *state,
    const u_char *p, ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory);


#endif /* _NGX_OHTTP_RELAY_STATE_H_INCLUDED_ */
