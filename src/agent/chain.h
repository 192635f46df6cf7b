
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_CHAIN_H_INCLUDED_
#define _NGX_OHTTP_RELAY_CHAIN_H_INCLUDED_


/* chains of certificates to one root that is pinned: it is the only anchor */


#include "finding.h"

#include <openssl/x509.h>


/* how many certificates may stand between the leaf and the root */
#define NGX_OHTTP_RELAY_CHAIN_DEPTH  8


typedef struct {
    X509                *root;
    STACK_OF(X509)      *issuers;   /* from that of the leaf up, no root */
    STACK_OF(X509_CRL)  *crls;      /* NULL: revocation is not asked for */
    int64_t              now;       /* seconds */
    unsigned             strict:1;  /* RFC 5280 to the letter */
} ngx_ohttp_relay_chain_t;


/*
 * Verifies that the leaf has been issued under the root by these issuers, in
 * their order and by no others, that all of them are valid now and, if there
 * are lists, that none of them is revoked.  The leaf's own purpose is for the
 * caller to check.
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED, with finding->valid_until not beyond the
 * end of any of the certificates or lists; NGX_OHTTP_RELAY_REFUSED or
 * NGX_OHTTP_RELAY_UNJUDGED with a reason.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_chain_verify(
    const ngx_ohttp_relay_chain_t *chain, X509 *leaf,
    ngx_ohttp_relay_finding_t *finding);

/*
 * The same with one issuer between the leaf and the root; chain->issuers is set
 * here, and of no use afterwards.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_chain_verify_by(
    ngx_ohttp_relay_chain_t *chain, X509 *leaf, X509 *issuer,
    ngx_ohttp_relay_finding_t *finding);

/*
 * Reads a certificate of DER that ends at last and not before.  Returns it,
 * to be freed with X509_free(), or NULL.
 */
X509 *ngx_ohttp_relay_chain_certificate(const u_char *p, const u_char *last);

/*
 * The same for a file of one certificate, as DER or as PEM: of the latter one
 * block with perhaps white space around it.
 */
X509 *ngx_ohttp_relay_chain_root(const u_char *p, const u_char *last);

/* Returns a time in seconds, -1 if it is none. */
int64_t ngx_ohttp_relay_chain_time(const ASN1_TIME *when);


#endif /* _NGX_OHTTP_RELAY_CHAIN_H_INCLUDED_ */
