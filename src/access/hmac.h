
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_HMAC_H_INCLUDED_
#define _NGX_OHTTP_RELAY_HMAC_H_INCLUDED_


/* HMAC-SHA256 under a key that stays.  Plain C, knows no nginx. */


#include "../codec/codec.h"

#include <openssl/evp.h>


#define NGX_OHTTP_RELAY_HMAC  32    /* bytes */


/*
 * Makes a context with the key p..last, which is copied.  To be freed by
 * EVP_MAC_CTX_free().  Returns NULL if there is no memory.
 */
EVP_MAC_CTX *ngx_ohttp_relay_hmac_create(const u_char *p, const u_char *last);

/*
 * Writes the HMAC of n slices, one behind the other, to out.  The context can
 * be used again.  Returns NGX_OHTTP_RELAY_OK, or NGX_OHTTP_RELAY_ERROR if
 * OpenSSL fails.
 */
int ngx_ohttp_relay_hmac(EVP_MAC_CTX *mac,
    const ngx_ohttp_relay_slice_t *slices, unsigned n,
    u_char out[NGX_OHTTP_RELAY_HMAC]);


#endif /* _NGX_OHTTP_RELAY_HMAC_H_INCLUDED_ */
