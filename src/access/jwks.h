
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_JWKS_H_INCLUDED_
#define _NGX_OHTTP_RELAY_JWKS_H_INCLUDED_


/*
 * The keys of an issuer of JWTs, from a JWK Set (RFC 7517) or from a shared
 * secret, each bound to exactly one algorithm.  Plain C: this room's part that
 * knows no nginx, so that it can be tested without one.
 */


#include "../codec/jws.h"

#include <openssl/evp.h>


/* of a JWK Set, bytes and keys */

#define NGX_OHTTP_RELAY_JWKS_MAX       65536
#define NGX_OHTTP_RELAY_JWKS_MAX_KEYS  32

/* of an RSA modulus, bits */

#define NGX_OHTTP_RELAY_RSA_MIN        2048
#define NGX_OHTTP_RELAY_RSA_MAX        8192

/* of a secret for HS256, bytes (RFC 7518, section 3.2) */
#define NGX_OHTTP_RELAY_HS256_MIN      32


typedef struct {
    ngx_ohttp_relay_jose_e   alg;

    unsigned                 has_kid:1;
    size_t                   kid_len;
    u_char                   kid[NGX_OHTTP_RELAY_JOSE_KID_MAX];

    /* what the algorithm needs, ready for use; the rest is NULL */
    EVP_PKEY                *public;
    EVP_PKEY_CTX            *verify;   /* RS256, PS256, ES256 */
    EVP_MD_CTX              *digest;   /* EdDSA: a template to copy */
    EVP_MD_CTX              *copy;     /* and where to */
    EVP_MAC_CTX             *mac;      /* HS256 */
} ngx_ohttp_relay_jwk_t;


typedef struct {
    unsigned                 n;        /* at least 1 */
    ngx_ohttp_relay_jwk_t    keys[NGX_OHTTP_RELAY_JWKS_MAX_KEYS];
} ngx_ohttp_relay_jwks_t;


/*
 * Reads a JWK Set, p..last.
 *
 * Taken are RSA keys of 2048 to 8192 bits (RS256, or PS256 if "alg" says so),
 * P-256 (ES256) and Ed25519 (EdDSA).  Ignored are keys for other purposes
 * ("use", "key_ops"), of other types, curves or algorithms, and RSA keys of
 * other sizes.  The whole set is refused if it has a private or secret key, a
 * key that is broken, a name twice in an object, a "kid" twice among the keys
 * taken, a key without "kid" beside others, or no key to take.
 *
 * Returns the set, to be freed by ngx_ohttp_relay_jwks_free(); NULL with a
 * constant *error otherwise.
 */
ngx_ohttp_relay_jwks_t *ngx_ohttp_relay_jwks_read(const u_char *p,
    const u_char *last, const char **error);

/*
 * Makes a set of one key for HS256 and nothing else, p..last, whatever "kid" a
 * token has.  Returns as ngx_ohttp_relay_jwks_read().
 */
ngx_ohttp_relay_jwks_t *ngx_ohttp_relay_jwks_secret(const u_char *p,
    const u_char *last, const char **error);

void ngx_ohttp_relay_jwks_free(ngx_ohttp_relay_jwks_t *jwks);

/*
 * Finds the key of a token with this header: the one of the same "kid"; the
 * only one for a token without "kid".  Returns NULL if there is none.
 */
ngx_ohttp_relay_jwk_t *ngx_ohttp_relay_jwks_find(ngx_ohttp_relay_jwks_t *jwks,
    const ngx_ohttp_relay_jose_t *jose);


#endif /* _NGX_OHTTP_RELAY_JWKS_H_INCLUDED_ */
