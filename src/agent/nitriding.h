
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_NITRIDING_H_INCLUDED_
#define _NGX_OHTTP_RELAY_NITRIDING_H_INCLUDED_


/* what an enclave that runs nitriding commits to in its document */


#include "nitro.h"


#define NGX_OHTTP_RELAY_NITRIDING_HASH  32      /* bytes of SHA-256 */


typedef struct {
    u_char  tls[NGX_OHTTP_RELAY_NITRIDING_HASH];    /* certificate, DER */
    u_char  app[NGX_OHTTP_RELAY_NITRIDING_HASH];    /* what the application
                                                       has posted */
} ngx_ohttp_relay_nitriding_t;


/*
 * Reads user_data of a document: two multihashes of SHA-256.  Zeros stand for
 * what nobody has said, and are refused in either.
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED and fills *nitriding;
 * NGX_OHTTP_RELAY_REFUSED with a reason in *finding.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_nitriding(
    const ngx_ohttp_relay_slice_t *user_data,
    ngx_ohttp_relay_nitriding_t *nitriding,
    ngx_ohttp_relay_finding_t *finding);


#endif /* _NGX_OHTTP_RELAY_NITRIDING_H_INCLUDED_ */
