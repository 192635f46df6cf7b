
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_KECCAK_H_INCLUDED_
#define _NGX_OHTTP_RELAY_KECCAK_H_INCLUDED_


/*
 * Keccak-256 as it was before it became SHA-3, whose padding is another one.
 * OpenSSL has it from 3.2 on.
 */


#include "codec.h"


#define NGX_OHTTP_RELAY_KECCAK  32      /* bytes of a digest */


/* Writes the digest of p..last into out; they must not overlap. */
void ngx_ohttp_relay_keccak(const u_char *p, const u_char *last,
    u_char out[NGX_OHTTP_RELAY_KECCAK]);


#endif /* _NGX_OHTTP_RELAY_KECCAK_H_INCLUDED_ */
