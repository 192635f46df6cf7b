
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_SPKI_H_INCLUDED_
#define _NGX_OHTTP_RELAY_SPKI_H_INCLUDED_


#include "token_key.h"


/*
 * Reads an issuer's public key, DER or PEM: a SubjectPublicKeyInfo of
 * RSASSA-PSS with SHA-384 and a salt of 48 bytes (RFC 9578, section 6.5), or
 * of rsaEncryption, which is converted to that form.  The modulus has 2048
 * bits, the exponent is 65537.  Fills spki, id, key, verify and digest of
 * *key, in memory of cf->pool; what OpenSSL holds is freed with the pool.
 *
 * Returns NGX_CONF_OK or an error text.
 */
char *ngx_ohttp_relay_spki_read(ngx_conf_t *cf, ngx_str_t *content,
    ngx_ohttp_relay_token_key_t *key);


#endif /* _NGX_OHTTP_RELAY_SPKI_H_INCLUDED_ */
