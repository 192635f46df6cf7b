
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_COSE_H_INCLUDED_
#define _NGX_OHTTP_RELAY_COSE_H_INCLUDED_


/* COSE_Sign1 (RFC 9052, section 4.2) with ES384 and no other algorithm */


#include "finding.h"

#include <openssl/evp.h>


#define NGX_OHTTP_RELAY_COSE_PAYLOAD    16384   /* bytes at most */
#define NGX_OHTTP_RELAY_COSE_SIGNATURE  96      /* r and s, 48 each */


typedef struct {
    ngx_ohttp_relay_slice_t  payload;
    ngx_ohttp_relay_slice_t  signature;
} ngx_ohttp_relay_cose_t;


/*
 * Reads p..last, which is one COSE_Sign1, with its tag or without: an array
 * of a protected header that holds the algorithm and nothing else, an empty
 * unprotected one, a payload of at least one byte, and a signature.
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED and fills *cose with slices of the input;
 * NGX_OHTTP_RELAY_MALFORMED with a reason in *finding.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_cose_parse(const u_char *p,
    const u_char *last, ngx_ohttp_relay_cose_t *cose,
    ngx_ohttp_relay_finding_t *finding);

/*
 * Verifies the signature under a key of P-384.  External data is empty.
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED; NGX_OHTTP_RELAY_REFUSED if the signature
 * is not of this key, or NGX_OHTTP_RELAY_UNJUDGED if OpenSSL cannot, with a
 * reason in *finding.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_cose_verify(
    const ngx_ohttp_relay_cose_t *cose, EVP_PKEY *key,
    ngx_ohttp_relay_finding_t *finding);


#endif /* _NGX_OHTTP_RELAY_COSE_H_INCLUDED_ */
