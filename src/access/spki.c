
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "spki.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>


/* both forms end alike: the bit string with modulus and exponent */

#define NGX_OHTTP_RELAY_SPKI_PSS    342
#define NGX_OHTTP_RELAY_SPKI_PLAIN  294
#define NGX_OHTTP_RELAY_SPKI_TAIL   275


static char *ngx_ohttp_relay_spki_der(ngx_pool_t *pool, ngx_str_t *content,
    ngx_str_t *der);
static char *ngx_ohttp_relay_spki_pss(ngx_pool_t *pool, ngx_str_t *der);
static char *ngx_ohttp_relay_spki_check(EVP_PKEY *key);
static ngx_int_t ngx_ohttp_relay_spki_verify(
    ngx_ohttp_relay_token_key_t *key);
static void ngx_ohttp_relay_spki_cleanup(void *data);


/* what stands before the bit string, RFC 9578, section 6.5 */

static u_char  ngx_ohttp_relay_spki_head_pss[] = {
    0x30, 0x82, 0x01, 0x52, 0x30, 0x3d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
    0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30, 0x30, 0xa0, 0x0d, 0x30, 0x0b, 0x06,
    0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0xa1, 0x1a,
    0x30, 0x18, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
    0x08, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
    0x02, 0x02, 0xa2, 0x03, 0x02, 0x01, 0x30
};

static u_char  ngx_ohttp_relay_spki_head_plain[] = {
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
    0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00
};


char *
ngx_ohttp_relay_spki_read(ngx_conf_t *cf, ngx_str_t *content,
    ngx_ohttp_relay_token_key_t *key)
{
    char                *error;
    const u_char        *p;
    ngx_pool_cleanup_t  *cln;

    error = ngx_ohttp_relay_spki_der(cf->pool, content, &key->spki);

    if (error == NGX_CONF_OK) {
        error = ngx_ohttp_relay_spki_pss(cf->pool, &key->spki);
    }

    if (error != NGX_CONF_OK) {
        return error;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_ohttp_relay_spki_cleanup;
    cln->data = key;

    p = key->spki.data;
    key->key = d2i_PUBKEY(NULL, &p, key->spki.len);

    ERR_clear_error();

    if (key->key == NULL || p != key->spki.data + key->spki.len) {
        return "is no public key";
    }

    error = ngx_ohttp_relay_spki_check(key->key);
    if (error != NGX_CONF_OK) {
        return error;
    }

    SHA256(key->spki.data, key->spki.len, key->id);

    return ngx_ohttp_relay_spki_verify(key) == NGX_OK
           ? NGX_CONF_OK : "cannot be used by this OpenSSL";
}


static char *
ngx_ohttp_relay_spki_der(ngx_pool_t *pool, ngx_str_t *content, ngx_str_t *der)
{
    BIO     *bio;
    long     len;
    char    *name, *header, *error;
    u_char  *data;

    if (content->len && content->data[0] == 0x30) {
        *der = *content;
        return NGX_CONF_OK;
    }

    bio = BIO_new_mem_buf(content->data, content->len);
    if (bio == NULL) {
        return NGX_CONF_ERROR;
    }

    if (PEM_read_bio(bio, &name, &header, &data, &len) != 1) {
        ERR_clear_error();
        BIO_free(bio);
        return "holds neither DER nor PEM";
    }

    error = NGX_CONF_OK;

    if (ngx_strcmp(name, PEM_STRING_PUBLIC) == 0) {
        der->len = len;
        der->data = ngx_pnalloc(pool, len);

        if (der->data) {
            ngx_memcpy(der->data, data, len);

        } else {
            error = NGX_CONF_ERROR;
        }

    } else {
        error = "holds something else than a public key";
    }

    OPENSSL_clear_free(data, len);
    OPENSSL_free(header);
    OPENSSL_free(name);
    BIO_free(bio);

    return error;
}


/* the id of a key is the hash of its RSASSA-PSS form, whatever was given */

static char *
ngx_ohttp_relay_spki_pss(ngx_pool_t *pool, ngx_str_t *der)
{
    u_char  *p, *data;

    if (der->len == NGX_OHTTP_RELAY_SPKI_PSS
        && ngx_memcmp(der->data, ngx_ohttp_relay_spki_head_pss,
                      sizeof(ngx_ohttp_relay_spki_head_pss))
           == 0)
    {
        return NGX_CONF_OK;
    }

    if (der->len != NGX_OHTTP_RELAY_SPKI_PLAIN
        || ngx_memcmp(der->data, ngx_ohttp_relay_spki_head_plain,
                      sizeof(ngx_ohttp_relay_spki_head_plain))
           != 0)
    {
        return "wants a public RSA key of 2048 bits, RSASSA-PSS with SHA-384 "
               "and a salt of 48 bytes or rsaEncryption";
    }

    data = ngx_pnalloc(pool, NGX_OHTTP_RELAY_SPKI_PSS);
    if (data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_cpymem(data, ngx_ohttp_relay_spki_head_pss,
                   sizeof(ngx_ohttp_relay_spki_head_pss));

    ngx_memcpy(p, der->data + der->len - NGX_OHTTP_RELAY_SPKI_TAIL,
               NGX_OHTTP_RELAY_SPKI_TAIL);

    der->data = data;
    der->len = NGX_OHTTP_RELAY_SPKI_PSS;

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_spki_check(EVP_PKEY *key)
{
    BIGNUM    *e;
    unsigned   right;

    e = NULL;

    right = EVP_PKEY_get_bits(key) == 2048
            && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1
            && BN_is_word(e, RSA_F4);

    BN_free(e);

    return right ? NGX_CONF_OK
                 : "wants a modulus of 2048 bits and the exponent 65537";
}


/* RSASSA-PSS as RFC 9578, section 6.4, has it; never an automatic salt */

static ngx_int_t
ngx_ohttp_relay_spki_verify(ngx_ohttp_relay_token_key_t *key)
{
    EVP_MD        *md;
    ngx_int_t      rc;
    EVP_PKEY_CTX  *ctx;

    /* looked up here: for each token it would take longer than the hash */

    md = EVP_MD_fetch(NULL, "SHA384", NULL);
    key->digest = EVP_MD_CTX_new();

    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->key, NULL);
    key->verify = ctx;

    rc = NGX_OK;

    if (md == NULL || key->digest == NULL || ctx == NULL
        || EVP_DigestInit_ex(key->digest, md, NULL) != 1
        || EVP_PKEY_verify_init(ctx) != 1
        || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) != 1
        || EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha384()) != 1
        || EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha384()) != 1
        || EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, SHA384_DIGEST_LENGTH) != 1)
    {
        ERR_clear_error();
        rc = NGX_ERROR;
    }

    EVP_MD_free(md);

    return rc;
}


static void
ngx_ohttp_relay_spki_cleanup(void *data)
{
    ngx_ohttp_relay_token_key_t *key = data;

    EVP_MD_CTX_free(key->digest);
    EVP_PKEY_CTX_free(key->verify);
    EVP_PKEY_free(key->key);
}
