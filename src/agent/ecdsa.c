
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "ecdsa.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>


/* SEQUENCE of two INTEGER, each perhaps with a zero in front */
#define NGX_OHTTP_RELAY_ECDSA_DER  (3 + 2 * (3 + NGX_OHTTP_RELAY_ECDSA_NUMBER))


static int ngx_ohttp_relay_ecdsa_der(const ngx_ohttp_relay_slice_t *signature,
    u_char *out);
static int ngx_ohttp_relay_ecdsa_run(EVP_MD_CTX *ctx, EVP_PKEY *key,
    const EVP_MD *md, const ngx_ohttp_relay_slice_t *slices, unsigned n);


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_ecdsa_verify(EVP_PKEY *key, const EVP_MD *md,
    const ngx_ohttp_relay_slice_t *signature,
    const ngx_ohttp_relay_slice_t *slices, unsigned n,
    ngx_ohttp_relay_finding_t *finding)
{
    int          len, rc;
    u_char       der[NGX_OHTTP_RELAY_ECDSA_DER];
    EVP_MD_CTX  *ctx;

    len = ngx_ohttp_relay_ecdsa_der(signature, der);
    ctx = EVP_MD_CTX_new();

    if (len <= 0 || ctx == NULL
        || ngx_ohttp_relay_ecdsa_run(ctx, key, md, slices, n) != 1)
    {
        EVP_MD_CTX_free(ctx);
        return ngx_ohttp_relay_unjudged(finding, "cannot verify a signature");
    }

    rc = EVP_DigestVerifyFinal(ctx, der, len);

    EVP_MD_CTX_free(ctx);

    /* what it has to say about a wrong signature is of no use to anybody */

    ERR_clear_error();

    return rc == 1 ? ngx_ohttp_relay_accepted(finding)
                   : ngx_ohttp_relay_refused(finding, "the signature is wrong");
}


/* returns the length, 0 or less if there is no memory */

static int
ngx_ohttp_relay_ecdsa_der(const ngx_ohttp_relay_slice_t *signature,
    u_char *out)
{
    int         len;
    BIGNUM     *r, *s;
    ECDSA_SIG  *sig;

    len = signature->len / 2;

    if (len > NGX_OHTTP_RELAY_ECDSA_NUMBER) {
        return 0;
    }

    sig = ECDSA_SIG_new();
    r = BN_bin2bn(signature->data, len, NULL);
    s = BN_bin2bn(signature->data + len, len, NULL);

    if (sig == NULL || r == NULL || s == NULL
        || ECDSA_SIG_set0(sig, r, s) != 1)
    {
        ECDSA_SIG_free(sig);
        BN_free(r);
        BN_free(s);
        return 0;
    }

    len = i2d_ECDSA_SIG(sig, &out);

    ECDSA_SIG_free(sig);

    return len;
}


static int
ngx_ohttp_relay_ecdsa_run(EVP_MD_CTX *ctx, EVP_PKEY *key, const EVP_MD *md,
    const ngx_ohttp_relay_slice_t *slices, unsigned n)
{
    unsigned  i;

    if (EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) != 1) {
        return 0;
    }

    for (i = 0; i < n; i++) {
        if (EVP_DigestVerifyUpdate(ctx, slices[i].data, slices[i].len) != 1) {
            return 0;
        }
    }

    return 1;
}


EVP_PKEY *
ngx_ohttp_relay_ecdsa_p256(const u_char *xy)
{
    u_char         point[65];
    EVP_PKEY      *key;
    OSSL_PARAM     params[3];
    EVP_PKEY_CTX  *ctx;

    /* a point that is not compressed, SEC 1, section 2.3.3 */

    point[0] = 0x04;
    memcpy(point + 1, xy, 64);

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                 (char *) "prime256v1", 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                  point, sizeof(point));
    params[2] = OSSL_PARAM_construct_end();

    key = NULL;
    ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);

    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1
        || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
    {
        key = NULL;
        ERR_clear_error();
    }

    EVP_PKEY_CTX_free(ctx);

    return key;
}


int
ngx_ohttp_relay_ecdsa_curve(const EVP_PKEY *key, const char *curve)
{
    char    name[64];
    size_t  len;

    return EVP_PKEY_is_a(key, "EC")
           && EVP_PKEY_get_group_name(key, name, sizeof(name), &len) == 1
           && strcmp(name, curve) == 0;
}
