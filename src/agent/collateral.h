
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_COLLATERAL_H_INCLUDED_
#define _NGX_OHTTP_RELAY_COLLATERAL_H_INCLUDED_


/* what Intel publishes to judge TDX quotes by, in one bundle of JSON */


#include "chain.h"

#include <jansson.h>


#define NGX_OHTTP_RELAY_COLLATERAL_BYTES  1048576   /* of a bundle, at most */


typedef struct {
    STACK_OF(X509_CRL)  *crls;
    json_t              *tcb_info;
    json_t              *qe_identity;
} ngx_ohttp_relay_collateral_t;


/*
 * Reads a bundle and verifies that all of it is signed under the root, not
 * revoked, valid now, and of an evaluation that has at least this number.
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED, with finding->valid_until not beyond the
 * next update of any of it; NGX_OHTTP_RELAY_REFUSED with a reason;
 * NGX_OHTTP_RELAY_UNJUDGED if it is no such bundle: it is not the evidence
 * that is malformed.  In any case *collateral is to be freed.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_collateral_read(const u_char *p,
    const u_char *last, X509 *root, int64_t now, unsigned evaluation,
    ngx_ohttp_relay_collateral_t *collateral,
    ngx_ohttp_relay_finding_t *finding);

void ngx_ohttp_relay_collateral_free(ngx_ohttp_relay_collateral_t *collateral);

/* Returns a time as "2025-06-19T10:16:03Z" in seconds, -1 if it is none. */
int64_t ngx_ohttp_relay_collateral_time(const char *text);


#endif /* _NGX_OHTTP_RELAY_COLLATERAL_H_INCLUDED_ */
