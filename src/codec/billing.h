
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_BILLING_H_INCLUDED_
#define _NGX_OHTTP_RELAY_BILLING_H_INCLUDED_


/*
 * OpenGradient's bill in a chunked OHTTP answer: some gateways put it, in
 * clear, between two sealed chunks, for the relay to take out.
 *
 *     nonce || ( varint(length) || sealed )* || varint(0) || sealed to the end
 *
 *     bill = "\n--opengradient-ohttp-billing-v1--\n" || length, 4 bytes || JSON
 *
 * It can only be where a chunk could begin, and is never taken for one: "\n"
 * would be a chunk of 10 bytes, and none is shorter than the 16 bytes of its
 * authentication tag.  Nor can sealed bytes be taken for it, as they are
 * passed over by their length, and behind the 0 that announces the last chunk
 * nothing is looked at.  All this needs no key.
 */


#include "codec.h"


/* the longest JSON of a bill, bytes; what claims to be more is none */
#define NGX_OHTTP_RELAY_BILLING_MAX  4096

/* the longest figure of a bill, bytes */
#define NGX_OHTTP_RELAY_FIGURE_MAX   40


typedef struct {
    uint64_t                 left;      /* bytes of what has begun to come */
    unsigned                 state;
    unsigned                 seen;      /* bytes of a mark or of a length */
} ngx_ohttp_relay_billing_t;


typedef struct {
    ngx_ohttp_relay_slice_t  cost_opg;         /* digits */
    ngx_ohttp_relay_slice_t  cost_usd;         /* digits, perhaps a fraction */
    ngx_ohttp_relay_slice_t  opg_price_usd;    /* the same */
} ngx_ohttp_relay_bill_t;


/*
 * Begins an answer to a request that was sealed with this AEAD: it tells how
 * long the answer's nonce is (RFC 9458, section 4.4).  One that is not known
 * is taken for one of 32 bytes; if that is wrong, no bill is found.
 */
void ngx_ohttp_relay_billing_init(ngx_ohttp_relay_billing_t *b, uint16_t aead);

/*
 * Goes through an answer piece by piece, however it is cut: advances *p, and
 * says what the bytes are that it has passed.  Together the pieces of the
 * first kind are the answer without its bills, to the byte.  Only a beginning
 * of a bill's mark at the end of the input is kept back, at most 34 bytes,
 * and what the answer ends with is dropped if it is such a beginning: nothing
 * else can begin so.  An answer that is no such sequence of chunks is passed
 * as it is from there on.
 *
 * Returns
 *
 *     NGX_OHTTP_RELAY_OK     *piece is a part of the answer, not empty: as
 *                            much of the input as has no bill in it, or, in
 *                            constant memory, what was kept back before;
 *     NGX_OHTTP_RELAY_DONE   *piece are bytes of a bill's JSON, and b->left
 *                            bytes of it follow.  The piece may be empty if
 *                            they are the first ones; the sum of both is at
 *                            most NGX_OHTTP_RELAY_BILLING_MAX then;
 *     NGX_OHTTP_RELAY_AGAIN  *p is last, and there is nothing to do with what
 *                            was passed;
 *     NGX_OHTTP_RELAY_ERROR  a bill claims to be longer than
 *                            NGX_OHTTP_RELAY_BILLING_MAX; so it stays if
 *                            called again.
 *
 * After the first two it is called again with the same *p.
 */
int ngx_ohttp_relay_billing(ngx_ohttp_relay_billing_t *b, const u_char **p,
    const u_char *last, ngx_ohttp_relay_slice_t *piece);

/*
 * Reads the JSON p..last of a bill.  Its three figures must be there, as
 * strings; other members are ignored.
 *
 * Returns NGX_OHTTP_RELAY_OK with the slices of *bill in the input, or
 * NGX_OHTTP_RELAY_ERROR: then *bill is undefined.
 */
int ngx_ohttp_relay_bill(const u_char *p, const u_char *last,
    ngx_ohttp_relay_bill_t *bill);

/*
 * Returns 1 if p..last is a figure as a bill may have it: digits without a
 * leading zero, with "fraction" perhaps a point and digits behind it, and at
 * most NGX_OHTTP_RELAY_FIGURE_MAX bytes; 0 if not.
 */
int ngx_ohttp_relay_is_figure(const u_char *p, const u_char *last,
    int fraction);


#endif /* _NGX_OHTTP_RELAY_BILLING_H_INCLUDED_ */
