
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_NITRO_H_INCLUDED_
#define _NGX_OHTTP_RELAY_NITRO_H_INCLUDED_


/*
 * The attestation document of an AWS Nitro enclave: a COSE_Sign1 of a CBOR
 * map, signed by a certificate that the map carries together with its issuers.
 */


#include "allow.h"
#include "cose.h"

#include <openssl/x509.h>


#define NGX_OHTTP_RELAY_NITRO_BYTES    20480    /* of a document, at most */
#define NGX_OHTTP_RELAY_NITRO_PCRS     32
#define NGX_OHTTP_RELAY_NITRO_PCR      48       /* bytes of one, SHA-384 */
#define NGX_OHTTP_RELAY_NITRO_BUNDLE   8        /* issuers, the root too */


/* slices point into the document; no data: null there, or missing */

typedef struct {
    ngx_ohttp_relay_cose_t           cose;
    ngx_ohttp_relay_slice_t          module_id;
    uint64_t                         timestamp;     /* milliseconds */
    ngx_ohttp_relay_slice_t          pcrs[NGX_OHTTP_RELAY_NITRO_PCRS];
    ngx_ohttp_relay_slice_t          certificate;
    unsigned                         nbundle;
    ngx_ohttp_relay_slice_t          bundle[NGX_OHTTP_RELAY_NITRO_BUNDLE];
    ngx_ohttp_relay_slice_t          public_key;
    ngx_ohttp_relay_slice_t          user_data;
    ngx_ohttp_relay_slice_t          nonce;
} ngx_ohttp_relay_nitro_t;


typedef struct {
    X509                            *root;
    int64_t                          now;           /* seconds, as all here */
    int64_t                          max_age;
    int64_t                          skew;
    ngx_ohttp_relay_slice_t          nonce;         /* no data: none */
    ngx_ohttp_relay_allow_t          allow;         /* numbers of PCRs */
    unsigned                         debug:1;       /* may it be a debug one */
} ngx_ohttp_relay_nitro_policy_t;


/*
 * Reads a document and judges nothing: p..last has to be one, with all the
 * fields that it must have, each of its type and size and there once.
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED and fills *nitro; NGX_OHTTP_RELAY_MALFORMED
 * with a reason in *finding.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_nitro_parse(const u_char *p,
    const u_char *last, ngx_ohttp_relay_nitro_t *nitro,
    ngx_ohttp_relay_finding_t *finding);

/*
 * Judges a document that has been read: issuers, signature, that it is of no
 * debug enclave, nonce, age, measurements, in this order.
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED with finding->valid_until set; any other
 * answer with a reason.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_nitro_verify(
    const ngx_ohttp_relay_nitro_t *nitro,
    const ngx_ohttp_relay_nitro_policy_t *policy,
    ngx_ohttp_relay_finding_t *finding);


#endif /* _NGX_OHTTP_RELAY_NITRO_H_INCLUDED_ */
