
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_SIGNER_H_INCLUDED_
#define _NGX_OHTTP_RELAY_SIGNER_H_INCLUDED_


/*
 * An issuer for tests: makes keys, writes them as JWKs, signs tokens.  All of
 * it by OpenSSL directly, nothing by the code under test but the encoding in
 * base64url.  The texts that it returns live until signer_forget().
 */


#include "tap.h"
#include "base64url.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>


#define SIGNER_TEXT  32768


static char    signer_memory[1024 * 1024];
static size_t  signer_used;


static char *
signer_alloc(size_t size)
{
    signer_used += size;

    if (signer_used > sizeof(signer_memory)) {
        printf("Bail out! no memory\n");
        exit(2);
    }

    return &signer_memory[signer_used - size];
}


static __attribute__((unused)) void
signer_forget(void)
{
    signer_used = 0;
}


static char *
signer_encode(const void *data, size_t len)
{
    char    *text;
    size_t   n;

    text = signer_alloc(ngx_ohttp_relay_base64url_size(len) + 1);

    n = ngx_ohttp_relay_base64url_encode(data, (const u_char *) data + len,
                                         (u_char *) text, 0);
    text[n] = '\0';

    return text;
}


static char *
signer_number(EVP_PKEY *key, const char *name, int size)
{
    char    *text;
    u_char   data[1024];
    BIGNUM  *number;

    number = NULL;

    if (EVP_PKEY_get_bn_param(key, name, &number) != 1) {
        printf("Bail out! no such number of a key\n");
        exit(2);
    }

    if (size == 0) {
        size = BN_num_bytes(number);
    }

    BN_bn2binpad(number, data, size);
    text = signer_encode(data, size);

    BN_free(number);

    return text;
}


/* the members of a JWK that hold the public key, with "kty" */

static __attribute__((unused)) char *
signer_jwk(EVP_PKEY *key)
{
    char    *text;
    size_t   len;
    u_char   data[64];

    text = signer_alloc(4096);

    switch (EVP_PKEY_get_base_id(key)) {

    case EVP_PKEY_RSA:
        snprintf(text, 4096,
                 "\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"",
                 signer_number(key, OSSL_PKEY_PARAM_RSA_N, 0),
                 signer_number(key, OSSL_PKEY_PARAM_RSA_E, 0));
        break;

    case EVP_PKEY_EC:
        snprintf(text, 4096,
                 "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"",
                 signer_number(key, OSSL_PKEY_PARAM_EC_PUB_X, 32),
                 signer_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32));
        break;

    default:
        len = sizeof(data);
        EVP_PKEY_get_raw_public_key(key, data, &len);
        snprintf(text, 4096,
                 "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"",
                 signer_encode(data, len));
    }

    return text;
}


/* the signature of text as a JWS has it; salt is that of PSS, -1 for PKCS1 */

static __attribute__((unused)) size_t
signer_sign(EVP_PKEY *key, int salt, const char *text, u_char *out)
{
    size_t         len;
    u_char         der[1024];
    ECDSA_SIG     *ecdsa;
    EVP_MD_CTX    *ctx;
    EVP_PKEY_CTX  *pctx;
    const u_char  *p;

    len = sizeof(der);
    ctx = EVP_MD_CTX_new();

    EVP_DigestSignInit(ctx, &pctx, EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519
                       ? NULL : EVP_sha256(), NULL, key);

    if (salt >= 0) {
        EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, salt);
    }

    if (EVP_DigestSign(ctx, der, &len, (const u_char *) text, strlen(text))
        != 1)
    {
        printf("Bail out! cannot sign\n");
        exit(2);
    }

    EVP_MD_CTX_free(ctx);

    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) {
        memcpy(out, der, len);
        return len;
    }

    p = der;
    ecdsa = d2i_ECDSA_SIG(NULL, &p, len);

    BN_bn2binpad(ECDSA_SIG_get0_r(ecdsa), out, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(ecdsa), out + 32, 32);

    ECDSA_SIG_free(ecdsa);

    return 64;
}


static __attribute__((unused)) size_t
signer_mac(const void *key, size_t len, const char *text, u_char *out)
{
    unsigned  n;

    HMAC(EVP_sha256(), key, len, (const u_char *) text, strlen(text), out, &n);

    return n;
}


#endif /* _NGX_OHTTP_RELAY_SIGNER_H_INCLUDED_ */
