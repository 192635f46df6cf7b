
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_PIN_H_INCLUDED_
#define _NGX_OHTTP_RELAY_PIN_H_INCLUDED_


#include "codec.h"


#define NGX_OHTTP_RELAY_PIN_DIGEST  32      /* bytes of SHA-256 */


typedef enum {
    NGX_OHTTP_RELAY_PIN_CERT = 0,   /* of the whole certificate, DER */
    NGX_OHTTP_RELAY_PIN_SPKI        /* of its SubjectPublicKeyInfo, DER */
} ngx_ohttp_relay_pin_kind_e;

#define NGX_OHTTP_RELAY_PIN_KINDS   2


typedef struct {
    ngx_ohttp_relay_pin_kind_e  kind;
    u_char                      digest[NGX_OHTTP_RELAY_PIN_DIGEST];
} ngx_ohttp_relay_pin_t;


/*
 * Reads a pin: "cert-sha256:" or "spki-sha256:" in lower case, and 64
 * hexadecimal digits of either case, either plain or with a colon between all
 * pairs, as openssl prints a fingerprint.
 *
 * Returns NGX_OHTTP_RELAY_OK and fills *pin; NGX_OHTTP_RELAY_ERROR for
 * anything else: then the content of *pin is undefined.
 */
int ngx_ohttp_relay_pin(const u_char *p, const u_char *last,
    ngx_ohttp_relay_pin_t *pin);


#endif /* _NGX_OHTTP_RELAY_PIN_H_INCLUDED_ */
