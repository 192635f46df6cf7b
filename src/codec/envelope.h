
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_ENVELOPE_H_INCLUDED_
#define _NGX_OHTTP_RELAY_ENVELOPE_H_INCLUDED_


#include "codec.h"


/* bytes of the header: key id, KEM, KDF, AEAD */
#define NGX_OHTTP_RELAY_ENVELOPE_HEADER   7

/* the largest value of ngx_ohttp_relay_envelope_min() */
#define NGX_OHTTP_RELAY_ENVELOPE_MIN_MAX  (7 + 1665 + 16 + 1)

/* the largest value of ngx_ohttp_relay_envelope_enc() */
#define NGX_OHTTP_RELAY_ENVELOPE_ENC_MAX  (7 + 1665)

/* the largest value of ngx_ohttp_relay_envelope_suite(), bytes */
#define NGX_OHTTP_RELAY_SUITE_MAX                                            \
    (sizeof("x25519-kyber768/turboshake128/chacha20poly1305") - 1)


typedef struct {
    uint8_t   key_id;
    uint16_t  kem;
    uint16_t  kdf;
    uint16_t  aead;
} ngx_ohttp_relay_envelope_t;


/*
 * Reads the header of a sealed request (RFC 9458, section 4.3; the chunked
 * form has the same) from the start of p..last.  No id is refused here.
 *
 * Returns NGX_OHTTP_RELAY_OK and fills *envelope, or NGX_OHTTP_RELAY_AGAIN if
 * there are fewer than NGX_OHTTP_RELAY_ENVELOPE_HEADER bytes.
 */
int ngx_ohttp_relay_envelope(const u_char *p, const u_char *last,
    ngx_ohttp_relay_envelope_t *envelope);

/*
 * Returns how many bytes a sealed request with this header has at least:
 * header, encapsulated key and authentication tag; in the chunked form, with
 * chunked not 0, also the length byte of the final chunk.  For an unknown KEM
 * the size of the header.
 */
size_t ngx_ohttp_relay_envelope_min(const ngx_ohttp_relay_envelope_t *e,
    int chunked);

/*
 * Returns where the encapsulated key of a sealed request with this header
 * ends, in bytes from the start.  It is new for each request.  Of an unknown
 * KEM, 32 bytes behind the header count: no key that is in use is shorter.
 */
size_t ngx_ohttp_relay_envelope_enc(const ngx_ohttp_relay_envelope_t *e);

/*
 * Writes the suite as "kem/kdf/aead" into buf of size bytes, without a final
 * NUL: known ids by a name in lower case, all others as "other".
 *
 * Returns the number of bytes written, at most NGX_OHTTP_RELAY_SUITE_MAX; 0,
 * with buf unchanged, if they do not fit.
 */
size_t ngx_ohttp_relay_envelope_suite(const ngx_ohttp_relay_envelope_t *e,
    u_char *buf, size_t size);


#endif /* _NGX_OHTTP_RELAY_ENVELOPE_H_INCLUDED_ */
