
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_ECDSA_H_INCLUDED_
#define _NGX_OHTTP_RELAY_ECDSA_H_INCLUDED_


/* signatures as r and s, each as long as the order of the curve */


#include "finding.h"

#include <openssl/evp.h>


/* the longest r or s: of P-384 */
#define NGX_OHTTP_RELAY_ECDSA_NUMBER  48


/*
 * Verifies a signature, r and s of equal length in big endian, over n slices
 * that are read as one text.
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED; NGX_OHTTP_RELAY_REFUSED if it is not of
 * this key; NGX_OHTTP_RELAY_UNJUDGED if OpenSSL cannot: both with a reason in
 * *finding.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_ecdsa_verify(EVP_PKEY *key,
    const EVP_MD *md, const ngx_ohttp_relay_slice_t *signature,
    const ngx_ohttp_relay_slice_t *slices, unsigned n,
    ngx_ohttp_relay_finding_t *finding);

/*
 * Makes a key of P-256 of its x and y, 32 bytes each.
 *
 * Returns the key, to be freed; NULL if it is no point of the curve, or if
 * OpenSSL has no memory.
 */
EVP_PKEY *ngx_ohttp_relay_ecdsa_p256(const u_char *xy);

/* Returns 1 if the key is of the curve that OpenSSL calls so, 0 if not. */
int ngx_ohttp_relay_ecdsa_curve(const EVP_PKEY *key, const char *curve);


#endif /* _NGX_OHTTP_RELAY_ECDSA_H_INCLUDED_ */
