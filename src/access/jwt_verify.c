
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "hmac.h"
#include "jwt_claims.h"
#include "jwt_verify.h"
#include "../codec/base64url.h"

#include <openssl/crypto.h>
#include <openssl/err.h>


/* bytes of a SHA-256, and of each half of an ES256 signature */
#define NGX_OHTTP_RELAY_JWT_DIGEST     32

/* the longest signature: that of the largest RSA key */
#define NGX_OHTTP_RELAY_JWT_SIGNATURE  (NGX_OHTTP_RELAY_RSA_MAX / 8)

/* SEQUENCE of two INTEGER, each with a zero byte in front */
#define NGX_OHTTP_RELAY_JWT_DER        (2 + 2 * (3 + 32))


static ngx_ohttp_relay_jwt_e ngx_ohttp_relay_jwt_check_signature(
    ngx_ohttp_relay_jwk_t *key, const ngx_ohttp_relay_jws_t *jws);
static int ngx_ohttp_relay_jwt_verify_digest(ngx_ohttp_relay_jwk_t *key,
    const ngx_ohttp_relay_slice_t *input, const u_char *signature, size_t len);
static size_t ngx_ohttp_relay_jwt_write_der(const u_char *signature,
    u_char *der);
static u_char *ngx_ohttp_relay_jwt_write_integer(u_char *out,
    const u_char *number);
static int ngx_ohttp_relay_jwt_verify_eddsa(ngx_ohttp_relay_jwk_t *key,
    const ngx_ohttp_relay_slice_t *input, const u_char *signature, size_t len);
static int ngx_ohttp_relay_jwt_verify_hmac(ngx_ohttp_relay_jwk_t *key,
    const ngx_ohttp_relay_slice_t *input, const u_char *signature, size_t len);


ngx_ohttp_relay_jwt_e
ngx_ohttp_relay_jwt_verify(ngx_ohttp_relay_jwks_t *jwks,
    const ngx_ohttp_relay_jwt_rules_t *rules, const u_char *p,
    const u_char *last, int64_t now, ngx_ohttp_relay_jwt_verified_t *verified)
{
    u_char                   json[ngx_ohttp_relay_base64url_bytes(
                                      NGX_OHTTP_RELAY_JWS_MAX)];
    ssize_t                  n;
    ngx_ohttp_relay_jwk_t   *key;
    ngx_ohttp_relay_jws_t    jws;
    ngx_ohttp_relay_jwt_e    rc;
    ngx_ohttp_relay_jose_t   jose;
    ngx_ohttp_relay_slice_t  payload;

    if (ngx_ohttp_relay_jws(p, last, &jws) != NGX_OHTTP_RELAY_OK) {
        return NGX_OHTTP_RELAY_JWT_INVALID;
    }

    n = ngx_ohttp_relay_base64url_decode(jws.header.data,
                                         jws.header.data + jws.header.len,
                                         json, sizeof(json), 0);

    if (n < 0
        || ngx_ohttp_relay_jose_header(json, json + n, &jose)
           != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_JWT_INVALID;
    }

    /* the algorithm is the key's; that of the token has only to be the same */

    key = ngx_ohttp_relay_jwks_find(jwks, &jose);

    if (key == NULL || key->alg != jose.alg) {
        return NGX_OHTTP_RELAY_JWT_FOREIGN;
    }

    rc = ngx_ohttp_relay_jwt_check_signature(key, &jws);

    if (rc != NGX_OHTTP_RELAY_JWT_GOOD) {
        ERR_clear_error();
        return rc;
    }

    n = ngx_ohttp_relay_base64url_decode(jws.payload.data,
                                         jws.payload.data + jws.payload.len,
                                         json, sizeof(json), 0);
    if (n < 0) {
        return NGX_OHTTP_RELAY_JWT_INVALID;
    }

    payload.data = json;
    payload.len = n;

    return ngx_ohttp_relay_jwt_check_claims(rules, &jws.payload, &payload, now,
                                            verified);
}


static ngx_ohttp_relay_jwt_e
ngx_ohttp_relay_jwt_check_signature(ngx_ohttp_relay_jwk_t *key,
    const ngx_ohttp_relay_jws_t *jws)
{
    int      rc;
    size_t   len;
    u_char   signature[NGX_OHTTP_RELAY_JWT_SIGNATURE];
    u_char   der[NGX_OHTTP_RELAY_JWT_DER];
    ssize_t  n;

    n = ngx_ohttp_relay_base64url_decode(jws->signature.data,
                                    jws->signature.data + jws->signature.len,
                                    signature, sizeof(signature), 0);
    if (n < 0) {
        return NGX_OHTTP_RELAY_JWT_FOREIGN;
    }

    len = n;

    switch (key->alg) {

    case NGX_OHTTP_RELAY_JOSE_RS256:
    case NGX_OHTTP_RELAY_JOSE_PS256:
        rc = ngx_ohttp_relay_jwt_verify_digest(key, &jws->input, signature,
                                               len);
        break;

    case NGX_OHTTP_RELAY_JOSE_ES256:
        if (len != 2 * NGX_OHTTP_RELAY_JWT_DIGEST) {
            return NGX_OHTTP_RELAY_JWT_FOREIGN;
        }

        len = ngx_ohttp_relay_jwt_write_der(signature, der);
        rc = ngx_ohttp_relay_jwt_verify_digest(key, &jws->input, der, len);
        break;

    case NGX_OHTTP_RELAY_JOSE_EDDSA:
        rc = ngx_ohttp_relay_jwt_verify_eddsa(key, &jws->input, signature,
                                              len);
        break;

    case NGX_OHTTP_RELAY_JOSE_HS256:
        rc = ngx_ohttp_relay_jwt_verify_hmac(key, &jws->input, signature, len);
        break;

    default:
        return NGX_OHTTP_RELAY_JWT_FOREIGN;
    }

    if (rc == NGX_OHTTP_RELAY_AGAIN) {
        return NGX_OHTTP_RELAY_JWT_FAILED;
    }

    return rc == NGX_OHTTP_RELAY_OK ? NGX_OHTTP_RELAY_JWT_GOOD
                                    : NGX_OHTTP_RELAY_JWT_FOREIGN;
}


/* these three: NGX_OHTTP_RELAY_AGAIN is a failure of OpenSSL's own */

static int
ngx_ohttp_relay_jwt_verify_digest(ngx_ohttp_relay_jwk_t *key,
    const ngx_ohttp_relay_slice_t *input, const u_char *signature, size_t len)
{
    u_char    digest[NGX_OHTTP_RELAY_JWT_DIGEST];
    unsigned  n;

    if (EVP_Digest(input->data, input->len, digest, &n, EVP_sha256(), NULL)
        != 1 || n != sizeof(digest))
    {
        return NGX_OHTTP_RELAY_AGAIN;
    }

    return EVP_PKEY_verify(key->verify, signature, len, digest, sizeof(digest))
           == 1 ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}


/* r and s of 32 bytes each (RFC 7518, section 3.4), as OpenSSL wants them */

static size_t
ngx_ohttp_relay_jwt_write_der(const u_char *signature, u_char *der)
{
    u_char  *p;

    p = der + 2;

    p = ngx_ohttp_relay_jwt_write_integer(p, signature);
    p = ngx_ohttp_relay_jwt_write_integer(p, signature
                                             + NGX_OHTTP_RELAY_JWT_DIGEST);

    der[0] = 0x30;
    der[1] = (u_char) (p - der - 2);

    return p - der;
}


static u_char *
ngx_ohttp_relay_jwt_write_integer(u_char *out, const u_char *number)
{
    size_t  len;

    len = NGX_OHTTP_RELAY_JWT_DIGEST;

    while (len > 1 && *number == 0) {
        number++;
        len--;
    }

    *out++ = 0x02;
    *out++ = (u_char) (len + (*number >> 7));

    if (*number & 0x80) {
        *out++ = 0;
    }

    memcpy(out, number, len);

    return out + len;
}


static int
ngx_ohttp_relay_jwt_verify_eddsa(ngx_ohttp_relay_jwk_t *key,
    const ngx_ohttp_relay_slice_t *input, const u_char *signature, size_t len)
{
    if (EVP_MD_CTX_copy_ex(key->copy, key->digest) != 1) {
        return NGX_OHTTP_RELAY_AGAIN;
    }

    return EVP_DigestVerify(key->copy, signature, len, input->data, input->len)
           == 1 ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}


static int
ngx_ohttp_relay_jwt_verify_hmac(ngx_ohttp_relay_jwk_t *key,
    const ngx_ohttp_relay_slice_t *input, const u_char *signature, size_t len)
{
    u_char  mac[NGX_OHTTP_RELAY_HMAC];

    if (ngx_ohttp_relay_hmac(key->mac, input, 1, mac) != NGX_OHTTP_RELAY_OK) {
        return NGX_OHTTP_RELAY_AGAIN;
    }

    return len == sizeof(mac) && CRYPTO_memcmp(mac, signature, len) == 0
           ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}
