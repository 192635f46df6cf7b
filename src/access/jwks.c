
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "hmac.h"
#include "jwks.h"
#include "../codec/base64url.h"

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <stdlib.h>


/* bytes of a coordinate of P-256, and of an Ed25519 key */
#define NGX_OHTTP_RELAY_JWK_COORDINATE  32

/* a modulus, perhaps with the zero byte in front that some put there */
#define NGX_OHTTP_RELAY_JWK_MODULUS     (NGX_OHTTP_RELAY_RSA_MAX / 8 + 1)

/* of an RSA exponent; OpenSSL takes no larger one either */
#define NGX_OHTTP_RELAY_JWK_EXPONENT    8


typedef int (*ngx_ohttp_relay_jwk_read_pt)(json_t *object,
    ngx_ohttp_relay_jwk_t *key, const char **error);


static int ngx_ohttp_relay_jwks_take(json_t *keys,
    ngx_ohttp_relay_jwks_t *jwks, const char **error);
static int ngx_ohttp_relay_jwks_check(const ngx_ohttp_relay_jwks_t *jwks,
    const char **error);
static int ngx_ohttp_relay_jwk_read(json_t *object, ngx_ohttp_relay_jwk_t *key,
    const char **error);
static int ngx_ohttp_relay_jwk_is_private(json_t *object);
static int ngx_ohttp_relay_jwk_for_verifying(json_t *object);
static int ngx_ohttp_relay_jwk_read_kid(json_t *object,
    ngx_ohttp_relay_jwk_t *key, const char **error);
static int ngx_ohttp_relay_jwk_read_rsa(json_t *object,
    ngx_ohttp_relay_jwk_t *key, const char **error);
static int ngx_ohttp_relay_jwk_make_rsa(ngx_ohttp_relay_jwk_t *key, BIGNUM *n,
    BIGNUM *e, const char **error);
static int ngx_ohttp_relay_jwk_read_ec(json_t *object,
    ngx_ohttp_relay_jwk_t *key, const char **error);
static int ngx_ohttp_relay_jwk_read_okp(json_t *object,
    ngx_ohttp_relay_jwk_t *key, const char **error);
static int ngx_ohttp_relay_jwk_read_alg(json_t *object,
    ngx_ohttp_relay_jwk_t *key, const char *name,
    ngx_ohttp_relay_jose_e implied);
static ssize_t ngx_ohttp_relay_jwk_bytes(json_t *object, const char *name,
    u_char *out, size_t size);
static int ngx_ohttp_relay_jwk_import(ngx_ohttp_relay_jwk_t *key,
    const char *type, OSSL_PARAM *params);
static int ngx_ohttp_relay_jwk_prepare(ngx_ohttp_relay_jwk_t *key);
static int ngx_ohttp_relay_jwk_prepare_digest(ngx_ohttp_relay_jwk_t *key);
static void ngx_ohttp_relay_jwk_free(ngx_ohttp_relay_jwk_t *key);


static const struct {
    const char                   *kty;
    ngx_ohttp_relay_jwk_read_pt   read;
} ngx_ohttp_relay_jwk_types[] = {
    { "RSA", ngx_ohttp_relay_jwk_read_rsa },
    { "EC", ngx_ohttp_relay_jwk_read_ec },
    { "OKP", ngx_ohttp_relay_jwk_read_okp },
    { NULL, NULL }
};


ngx_ohttp_relay_jwks_t *
ngx_ohttp_relay_jwks_read(const u_char *p, const u_char *last,
    const char **error)
{
    json_t                  *set;
    ngx_ohttp_relay_jwks_t  *jwks;

    if (last - p > NGX_OHTTP_RELAY_JWKS_MAX) {
        *error = "it is too large for a JWK Set";
        return NULL;
    }

    set = json_loadb((const char *) p, last - p, JSON_REJECT_DUPLICATES, NULL);
    if (set == NULL) {
        *error = "it is not JSON, or has a name twice in an object";
        return NULL;
    }

    jwks = calloc(1, sizeof(ngx_ohttp_relay_jwks_t));

    if (jwks == NULL) {
        *error = "no memory";

    } else if (ngx_ohttp_relay_jwks_take(json_object_get(set, "keys"), jwks,
                                         error)
               != NGX_OHTTP_RELAY_OK
               || ngx_ohttp_relay_jwks_check(jwks, error)
                  != NGX_OHTTP_RELAY_OK)
    {
        ngx_ohttp_relay_jwks_free(jwks);
        jwks = NULL;
    }

    json_decref(set);
    ERR_clear_error();

    return jwks;
}


static int
ngx_ohttp_relay_jwks_take(json_t *keys, ngx_ohttp_relay_jwks_t *jwks,
    const char **error)
{
    int     rc;
    size_t  i;

    if (!json_is_array(keys)) {
        *error = "it is not a JWK Set: there is no array \"keys\"";
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (json_array_size(keys) > NGX_OHTTP_RELAY_JWKS_MAX_KEYS) {
        *error = "it has more than 32 keys";
        return NGX_OHTTP_RELAY_ERROR;
    }

    for (i = 0; i < json_array_size(keys); i++) {

        /* a key that fails half way is freed with the others */

        rc = ngx_ohttp_relay_jwk_read(json_array_get(keys, i),
                                      &jwks->keys[jwks->n++], error);

        if (rc == NGX_OHTTP_RELAY_ERROR) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        if (rc == NGX_OHTTP_RELAY_DONE) {
            jwks->n--;
            memset(&jwks->keys[jwks->n], 0, sizeof(ngx_ohttp_relay_jwk_t));
        }
    }

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_jwks_check(const ngx_ohttp_relay_jwks_t *jwks,
    const char **error)
{
    unsigned                      i, k;
    const ngx_ohttp_relay_jwk_t  *a, *b;

    if (jwks->n == 0) {
        *error = "it has no key that could be used";
        return NGX_OHTTP_RELAY_ERROR;
    }

    for (i = 0; i < jwks->n; i++) {

        a = &jwks->keys[i];

        if (!a->has_kid && jwks->n > 1) {
            *error = "it has a key without \"kid\" beside others";
            return NGX_OHTTP_RELAY_ERROR;
        }

        for (k = 0; k < i; k++) {

            b = &jwks->keys[k];

            if (a->kid_len == b->kid_len
                && memcmp(a->kid, b->kid, a->kid_len) == 0)
            {
                *error = "it has two keys with the same \"kid\"";
                return NGX_OHTTP_RELAY_ERROR;
            }
        }
    }

    return NGX_OHTTP_RELAY_OK;
}


/* NGX_OHTTP_RELAY_DONE, here and below: a key that is none of ours */

static int
ngx_ohttp_relay_jwk_read(json_t *object, ngx_ohttp_relay_jwk_t *key,
    const char **error)
{
    int          i, rc;
    const char  *kty;

    if (!json_is_object(object)) {
        *error = "it has a key that is no object";
        return NGX_OHTTP_RELAY_ERROR;
    }

    kty = json_string_value(json_object_get(object, "kty"));

    if (kty == NULL) {
        *error = "it has a key without \"kty\"";
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (strcmp(kty, "oct") == 0 || ngx_ohttp_relay_jwk_is_private(object)) {
        *error = "it has a private or secret key: this file takes public "
                 "keys only";
        return NGX_OHTTP_RELAY_ERROR;
    }

    for (i = 0; ngx_ohttp_relay_jwk_types[i].kty; i++) {
        if (strcmp(kty, ngx_ohttp_relay_jwk_types[i].kty) == 0) {
            break;
        }
    }

    if (ngx_ohttp_relay_jwk_types[i].kty == NULL
        || !ngx_ohttp_relay_jwk_for_verifying(object))
    {
        return NGX_OHTTP_RELAY_DONE;
    }

    rc = ngx_ohttp_relay_jwk_types[i].read(object, key, error);

    if (rc != NGX_OHTTP_RELAY_OK) {
        return rc;
    }

    if (ngx_ohttp_relay_jwk_prepare(key) != NGX_OHTTP_RELAY_OK) {
        *error = "OpenSSL does not take one of its keys";
        return NGX_OHTTP_RELAY_ERROR;
    }

    return ngx_ohttp_relay_jwk_read_kid(object, key, error);
}


/* RFC 7518, sections 6.2.2, 6.3.2, 6.4.1; "priv" is that of newer types */

static int
ngx_ohttp_relay_jwk_is_private(json_t *object)
{
    unsigned  i;

    static const char  *names[] = {
        "d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (json_object_get(object, names[i])) {
            return 1;
        }
    }

    return 0;
}


/* RFC 7517, sections 4.2 and 4.3 */

static int
ngx_ohttp_relay_jwk_for_verifying(json_t *object)
{
    json_t      *use, *ops;
    size_t       i;
    const char  *op;

    use = json_object_get(object, "use");

    if (use && (!json_is_string(use)
                || strcmp(json_string_value(use), "sig") != 0))
    {
        return 0;
    }

    ops = json_object_get(object, "key_ops");

    if (ops == NULL) {
        return 1;
    }

    for (i = 0; i < json_array_size(ops); i++) {
        op = json_string_value(json_array_get(ops, i));

        if (op && strcmp(op, "verify") == 0) {
            return 1;
        }
    }

    return 0;
}


static int
ngx_ohttp_relay_jwk_read_kid(json_t *object, ngx_ohttp_relay_jwk_t *key,
    const char **error)
{
    json_t  *kid;

    kid = json_object_get(object, "kid");

    if (kid == NULL) {
        return NGX_OHTTP_RELAY_OK;
    }

    if (!json_is_string(kid) || json_string_length(kid) > sizeof(key->kid)) {
        *error = "it has a \"kid\" that is no string or is too long";
        return NGX_OHTTP_RELAY_ERROR;
    }

    key->has_kid = 1;
    key->kid_len = json_string_length(kid);
    memcpy(key->kid, json_string_value(kid), key->kid_len);

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_jwk_read_rsa(json_t *object, ngx_ohttp_relay_jwk_t *key,
    const char **error)
{
    int      rc;
    u_char   modulus[NGX_OHTTP_RELAY_JWK_MODULUS];
    u_char   exponent[NGX_OHTTP_RELAY_JWK_EXPONENT];
    BIGNUM  *n, *e;
    ssize_t  n_len, e_len;

    if (ngx_ohttp_relay_jwk_read_alg(object, key, "RS256",
                                     NGX_OHTTP_RELAY_JOSE_RS256)
        != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_DONE;
    }

    n_len = ngx_ohttp_relay_jwk_bytes(object, "n", modulus, sizeof(modulus));
    e_len = ngx_ohttp_relay_jwk_bytes(object, "e", exponent,
                                      sizeof(exponent));

    if (n_len < 0 || e_len < 0) {
        *error = "it has an RSA key whose \"n\" or \"e\" is broken";
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (n_len > (ssize_t) sizeof(modulus)
        || e_len > (ssize_t) sizeof(exponent))
    {
        return NGX_OHTTP_RELAY_DONE;
    }

    n = BN_bin2bn(modulus, n_len, NULL);
    e = BN_bin2bn(exponent, e_len, NULL);

    if (n && e) {
        rc = ngx_ohttp_relay_jwk_make_rsa(key, n, e, error);

    } else {
        *error = "no memory";
        rc = NGX_OHTTP_RELAY_ERROR;
    }

    BN_free(n);
    BN_free(e);

    return rc;
}


static int
ngx_ohttp_relay_jwk_make_rsa(ngx_ohttp_relay_jwk_t *key, BIGNUM *n, BIGNUM *e,
    const char **error)
{
    int              rc;
    OSSL_PARAM      *params;
    OSSL_PARAM_BLD  *bld;

    if (BN_num_bits(n) < NGX_OHTTP_RELAY_RSA_MIN
        || BN_num_bits(n) > NGX_OHTTP_RELAY_RSA_MAX)
    {
        return NGX_OHTTP_RELAY_DONE;
    }

    if (!BN_is_odd(n) || !BN_is_odd(e) || BN_is_one(e)) {
        *error = "it has an RSA key that cannot be one";
        return NGX_OHTTP_RELAY_ERROR;
    }

    params = NULL;
    bld = OSSL_PARAM_BLD_new();

    if (bld
        && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) == 1
        && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) == 1)
    {
        params = OSSL_PARAM_BLD_to_param(bld);
    }

    rc = params ? ngx_ohttp_relay_jwk_import(key, "RSA", params)
                : NGX_OHTTP_RELAY_ERROR;

    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);

    if (rc != NGX_OHTTP_RELAY_OK) {
        *error = "OpenSSL does not take one of its RSA keys";
    }

    return rc;
}


static int
ngx_ohttp_relay_jwk_read_ec(json_t *object, ngx_ohttp_relay_jwk_t *key,
    const char **error)
{
    u_char       point[1 + 2 * NGX_OHTTP_RELAY_JWK_COORDINATE];
    OSSL_PARAM   params[3];
    const char  *crv;

    crv = json_string_value(json_object_get(object, "crv"));

    if (crv == NULL || strcmp(crv, "P-256") != 0
        || ngx_ohttp_relay_jwk_read_alg(object, key, "ES256",
                                        NGX_OHTTP_RELAY_JOSE_ES256)
           != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_DONE;
    }

    /* SEC 1, section 2.3.3, not compressed */
    point[0] = 0x04;

    if (ngx_ohttp_relay_jwk_bytes(object, "x", &point[1],
                                  NGX_OHTTP_RELAY_JWK_COORDINATE)
        != NGX_OHTTP_RELAY_JWK_COORDINATE
        || ngx_ohttp_relay_jwk_bytes(object, "y",
                                     &point[1 + NGX_OHTTP_RELAY_JWK_COORDINATE],
                                     NGX_OHTTP_RELAY_JWK_COORDINATE)
           != NGX_OHTTP_RELAY_JWK_COORDINATE)
    {
        *error = "it has an EC key whose \"x\" or \"y\" is broken";
        return NGX_OHTTP_RELAY_ERROR;
    }

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                 (char *) "prime256v1", 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                  point, sizeof(point));
    params[2] = OSSL_PARAM_construct_end();

    if (ngx_ohttp_relay_jwk_import(key, "EC", params) != NGX_OHTTP_RELAY_OK) {
        *error = "it has an EC key that is no point of its curve";
        return NGX_OHTTP_RELAY_ERROR;
    }

    return NGX_OHTTP_RELAY_OK;
}


/* RFC 8037, section 2 */

static int
ngx_ohttp_relay_jwk_read_okp(json_t *object, ngx_ohttp_relay_jwk_t *key,
    const char **error)
{
    u_char       point[NGX_OHTTP_RELAY_JWK_COORDINATE];
    OSSL_PARAM   params[2];
    const char  *crv;

    crv = json_string_value(json_object_get(object, "crv"));

    if (crv == NULL || strcmp(crv, "Ed25519") != 0
        || ngx_ohttp_relay_jwk_read_alg(object, key, "EdDSA",
                                        NGX_OHTTP_RELAY_JOSE_EDDSA)
           != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_DONE;
    }

    if (ngx_ohttp_relay_jwk_bytes(object, "x", point, sizeof(point))
        != sizeof(point))
    {
        *error = "it has an OKP key whose \"x\" is broken";
        return NGX_OHTTP_RELAY_ERROR;
    }

    params[0] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                  point, sizeof(point));
    params[1] = OSSL_PARAM_construct_end();

    if (ngx_ohttp_relay_jwk_import(key, "ED25519", params)
        != NGX_OHTTP_RELAY_OK)
    {
        *error = "OpenSSL does not take one of its OKP keys";
        return NGX_OHTTP_RELAY_ERROR;
    }

    return NGX_OHTTP_RELAY_OK;
}


/* the algorithm that the type of key implies, unless "alg" says otherwise */

static int
ngx_ohttp_relay_jwk_read_alg(json_t *object, ngx_ohttp_relay_jwk_t *key,
    const char *name, ngx_ohttp_relay_jose_e implied)
{
    json_t      *alg;
    const char  *value;

    alg = json_object_get(object, "alg");
    value = json_string_value(alg);

    if (alg == NULL || (value && strcmp(value, name) == 0)) {
        key->alg = implied;
        return NGX_OHTTP_RELAY_OK;
    }

    if (value && strcmp(value, "PS256") == 0
        && implied == NGX_OHTTP_RELAY_JOSE_RS256)
    {
        key->alg = NGX_OHTTP_RELAY_JOSE_PS256;
        return NGX_OHTTP_RELAY_OK;
    }

    return NGX_OHTTP_RELAY_DONE;
}


/* the number of bytes, which out has not taken if they are more than size */

static ssize_t
ngx_ohttp_relay_jwk_bytes(json_t *object, const char *name, u_char *out,
    size_t size)
{
    json_t        *member;
    ssize_t        n;
    const u_char  *p, *last;

    member = json_object_get(object, name);

    if (!json_is_string(member)) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    p = (const u_char *) json_string_value(member);
    last = p + json_string_length(member);

    n = ngx_ohttp_relay_base64url_check(p, last, 0);

    if (n <= 0) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    if ((size_t) n > size) {
        return n;
    }

    return ngx_ohttp_relay_base64url_decode(p, last, out, size, 0);
}


static int
ngx_ohttp_relay_jwk_import(ngx_ohttp_relay_jwk_t *key, const char *type,
    OSSL_PARAM *params)
{
    int            rc;
    EVP_PKEY_CTX  *ctx;

    ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

    rc = ctx != NULL
         && EVP_PKEY_fromdata_init(ctx) == 1
         && EVP_PKEY_fromdata(ctx, &key->public, EVP_PKEY_PUBLIC_KEY, params)
            == 1
         && key->public != NULL;

    EVP_PKEY_CTX_free(ctx);

    return rc ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}


/* all that can be done once is done here, and not for each token */

static int
ngx_ohttp_relay_jwk_prepare(ngx_ohttp_relay_jwk_t *key)
{
    if (key->alg == NGX_OHTTP_RELAY_JOSE_EDDSA) {
        return ngx_ohttp_relay_jwk_prepare_digest(key);
    }

    key->verify = EVP_PKEY_CTX_new_from_pkey(NULL, key->public, NULL);

    if (key->verify == NULL
        || EVP_PKEY_verify_init(key->verify) != 1
        || EVP_PKEY_CTX_set_signature_md(key->verify, EVP_sha256()) != 1)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (key->alg == NGX_OHTTP_RELAY_JOSE_RS256
        && EVP_PKEY_CTX_set_rsa_padding(key->verify, RSA_PKCS1_PADDING) != 1)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    /* RFC 7518, section 3.5: MGF1 with the same digest, a salt as long */

    if (key->alg == NGX_OHTTP_RELAY_JOSE_PS256
        && (EVP_PKEY_CTX_set_rsa_padding(key->verify, RSA_PKCS1_PSS_PADDING)
            != 1
            || EVP_PKEY_CTX_set_rsa_mgf1_md(key->verify, EVP_sha256()) != 1
            || EVP_PKEY_CTX_set_rsa_pss_saltlen(key->verify,
                                                RSA_PSS_SALTLEN_DIGEST)
               != 1))
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_jwk_prepare_digest(ngx_ohttp_relay_jwk_t *key)
{
    key->digest = EVP_MD_CTX_new();
    key->copy = EVP_MD_CTX_new();

    if (key->digest == NULL || key->copy == NULL
        || EVP_DigestVerifyInit(key->digest, NULL, NULL, NULL, key->public)
           != 1)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return NGX_OHTTP_RELAY_OK;
}


ngx_ohttp_relay_jwks_t *
ngx_ohttp_relay_jwks_secret(const u_char *p, const u_char *last,
    const char **error)
{
    ngx_ohttp_relay_jwks_t  *jwks;

    if (last - p < NGX_OHTTP_RELAY_HS256_MIN) {
        *error = "it has less than 32 bytes";
        return NULL;
    }

    jwks = calloc(1, sizeof(ngx_ohttp_relay_jwks_t));

    if (jwks) {
        jwks->n = 1;
        jwks->keys[0].alg = NGX_OHTTP_RELAY_JOSE_HS256;
        jwks->keys[0].mac = ngx_ohttp_relay_hmac_create(p, last);
    }

    if (jwks == NULL || jwks->keys[0].mac == NULL) {
        *error = "no memory";
        ngx_ohttp_relay_jwks_free(jwks);
        ERR_clear_error();
        return NULL;
    }

    return jwks;
}


void
ngx_ohttp_relay_jwks_free(ngx_ohttp_relay_jwks_t *jwks)
{
    unsigned  i;

    if (jwks == NULL) {
        return;
    }

    for (i = 0; i < jwks->n; i++) {
        ngx_ohttp_relay_jwk_free(&jwks->keys[i]);
    }

    free(jwks);
}


static void
ngx_ohttp_relay_jwk_free(ngx_ohttp_relay_jwk_t *key)
{
    EVP_MAC_CTX_free(key->mac);
    EVP_MD_CTX_free(key->copy);
    EVP_MD_CTX_free(key->digest);
    EVP_PKEY_CTX_free(key->verify);
    EVP_PKEY_free(key->public);
}


ngx_ohttp_relay_jwk_t *
ngx_ohttp_relay_jwks_find(ngx_ohttp_relay_jwks_t *jwks,
    const ngx_ohttp_relay_jose_t *jose)
{
    unsigned                i;
    ngx_ohttp_relay_jwk_t  *key;

    key = &jwks->keys[0];

    /* a secret has no name of its own */

    if (key->alg == NGX_OHTTP_RELAY_JOSE_HS256) {
        return key;
    }

    if (!jose->has_kid) {
        return jwks->n == 1 ? key : NULL;
    }

    for (i = 0; i < jwks->n; i++) {

        key = &jwks->keys[i];

        if (key->has_kid && key->kid_len == jose->kid_len
            && memcmp(key->kid, jose->kid, key->kid_len) == 0)
        {
            return key;
        }
    }

    return NULL;
}
