
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "chain.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <time.h>


/* 128 bits of security: no RSA below 3072 bits, no SHA-1 */
#define NGX_OHTTP_RELAY_CHAIN_LEVEL  3


static int ngx_ohttp_relay_chain_prepare(const ngx_ohttp_relay_chain_t *chain,
    X509_STORE *store, X509_STORE_CTX *ctx, X509 *leaf);
static const char *ngx_ohttp_relay_chain_error(int error);
static int ngx_ohttp_relay_chain_same(const ngx_ohttp_relay_chain_t *chain,
    STACK_OF(X509) *verified);
static void ngx_ohttp_relay_chain_until(const ngx_ohttp_relay_chain_t *chain,
    STACK_OF(X509) *verified, ngx_ohttp_relay_finding_t *finding);


/* what our sentences say about the errors that an operator can act on */

static const struct {
    int          error;
    const char  *reason;
} ngx_ohttp_relay_chain_errors[] = {
    { X509_V_ERR_CERT_HAS_EXPIRED, "a certificate has expired" },
    { X509_V_ERR_CERT_NOT_YET_VALID, "a certificate is not yet valid" },
    { X509_V_ERR_CERT_REVOKED, "a certificate is revoked" },
    { X509_V_ERR_CRL_HAS_EXPIRED, "a revocation list has expired" },
    { X509_V_ERR_CRL_NOT_YET_VALID, "a revocation list is not yet valid" },
    { X509_V_ERR_UNABLE_TO_GET_CRL, "a revocation list is missing" },
    { X509_V_ERR_CRL_SIGNATURE_FAILURE,
      "the signature of a revocation list is wrong" },
    { X509_V_ERR_CERT_SIGNATURE_FAILURE,
      "the signature of a certificate is wrong" },
    { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
      "the certificates do not lead to the root" },
    { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
      "the certificates do not lead to the root" },
    { X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
      "the certificates lead to another root" },
    { X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
      "the certificates lead to another root" },
    { X509_V_ERR_INVALID_CA, "a certificate is issued by one that is no CA" },
    { X509_V_ERR_PATH_LENGTH_EXCEEDED,
      "there are more certificates than an issuer allows" },
    { X509_V_ERR_OUT_OF_MEM, NULL },
    { 0, NULL }
};


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_chain_verify(const ngx_ohttp_relay_chain_t *chain, X509 *leaf,
    ngx_ohttp_relay_finding_t *finding)
{
    const char      *reason;
    X509_STORE      *store;
    STACK_OF(X509)  *verified;
    X509_STORE_CTX  *ctx;

    store = X509_STORE_new();
    ctx = X509_STORE_CTX_new();
    reason = NULL;

    if (store == NULL || ctx == NULL
        || ngx_ohttp_relay_chain_prepare(chain, store, ctx, leaf) != 1)
    {
        ngx_ohttp_relay_unjudged(finding, "cannot verify certificates");
        goto done;
    }

    if (X509_verify_cert(ctx) != 1) {
        reason = ngx_ohttp_relay_chain_error(X509_STORE_CTX_get_error(ctx));

        if (reason == NULL) {
            ngx_ohttp_relay_unjudged(finding, "cannot verify certificates");

        } else {
            ngx_ohttp_relay_refused(finding, reason);
        }

        goto done;
    }

    verified = X509_STORE_CTX_get0_chain(ctx);

    if (!ngx_ohttp_relay_chain_same(chain, verified)) {
        ngx_ohttp_relay_refused(finding,
                                "the certificates are not in their order");
        goto done;
    }

    ngx_ohttp_relay_chain_until(chain, verified, finding);
    ngx_ohttp_relay_accepted(finding);

done:

    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    ERR_clear_error();

    return finding->answer;
}


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_chain_verify_by(ngx_ohttp_relay_chain_t *chain, X509 *leaf,
    X509 *issuer, ngx_ohttp_relay_finding_t *finding)
{
    STACK_OF(X509)  *issuers;

    issuers = sk_X509_new_null();

    if (issuers == NULL || sk_X509_push(issuers, issuer) == 0) {
        sk_X509_free(issuers);
        return ngx_ohttp_relay_unjudged(finding, "no memory");
    }

    chain->issuers = issuers;

    (void) ngx_ohttp_relay_chain_verify(chain, leaf, finding);

    sk_X509_free(issuers);

    return finding->answer;
}


static int
ngx_ohttp_relay_chain_prepare(const ngx_ohttp_relay_chain_t *chain,
    X509_STORE *store, X509_STORE_CTX *ctx, X509 *leaf)
{
    int                 i;
    unsigned long       flags;
    X509_VERIFY_PARAM  *param;

    if (X509_STORE_add_cert(store, chain->root) != 1
        || X509_STORE_CTX_init(ctx, store, leaf, chain->issuers) != 1)
    {
        return 0;
    }

    flags = chain->strict ? X509_V_FLAG_X509_STRICT : 0;

    if (chain->crls) {

        /* the second of them asks about the issuers too */

        flags |= X509_V_FLAG_CRL_CHECK|X509_V_FLAG_CRL_CHECK_ALL;

        for (i = 0; i < sk_X509_CRL_num(chain->crls); i++) {
            if (X509_STORE_add_crl(store, sk_X509_CRL_value(chain->crls, i))
                != 1)
            {
                return 0;
            }
        }
    }

    param = X509_STORE_CTX_get0_param(ctx);

    X509_VERIFY_PARAM_set_time(param, (time_t) chain->now);
    X509_VERIFY_PARAM_set_depth(param, NGX_OHTTP_RELAY_CHAIN_DEPTH);
    X509_VERIFY_PARAM_set_auth_level(param, NGX_OHTTP_RELAY_CHAIN_LEVEL);

    return X509_VERIFY_PARAM_set_flags(param, flags);
}


/* NULL: it is not the certificates' fault */

static const char *
ngx_ohttp_relay_chain_error(int error)
{
    size_t  i;

    for (i = 0; ngx_ohttp_relay_chain_errors[i].error; i++) {
        if (ngx_ohttp_relay_chain_errors[i].error == error) {
            return ngx_ohttp_relay_chain_errors[i].reason;
        }
    }

    return "the certificates are wrong";
}


/*
 * OpenSSL looks for issuers wherever they stand, and takes some for authorities
 * that do not say they are one.
 */

static int
ngx_ohttp_relay_chain_same(const ngx_ohttp_relay_chain_t *chain,
    STACK_OF(X509) *verified)
{
    int    i, n;
    X509  *cert;

    n = sk_X509_num(chain->issuers);

    if (sk_X509_num(verified) != n + 2) {
        return 0;
    }

    for (i = 0; i <= n; i++) {

        cert = i < n ? sk_X509_value(chain->issuers, i) : chain->root;

        if (X509_cmp(sk_X509_value(verified, i + 1), cert) != 0
            || X509_check_ca(cert) != 1)
        {
            return 0;
        }
    }

    return 1;
}


static void
ngx_ohttp_relay_chain_until(const ngx_ohttp_relay_chain_t *chain,
    STACK_OF(X509) *verified, ngx_ohttp_relay_finding_t *finding)
{
    int        i;
    X509      *cert;
    X509_CRL  *crl;

    for (i = 0; i < sk_X509_num(verified); i++) {
        cert = sk_X509_value(verified, i);
        ngx_ohttp_relay_find_until(finding,
                ngx_ohttp_relay_chain_time(X509_get0_notAfter(cert)));
    }

    for (i = 0; chain->crls && i < sk_X509_CRL_num(chain->crls); i++) {
        crl = sk_X509_CRL_value(chain->crls, i);
        ngx_ohttp_relay_find_until(finding,
                ngx_ohttp_relay_chain_time(X509_CRL_get0_nextUpdate(crl)));
    }
}


X509 *
ngx_ohttp_relay_chain_certificate(const u_char *p, const u_char *last)
{
    X509  *cert;

    cert = d2i_X509(NULL, &p, last - p);

    if (cert != NULL && p != last) {
        X509_free(cert);
        cert = NULL;
    }

    ERR_clear_error();

    return cert;
}


X509 *
ngx_ohttp_relay_chain_root(const u_char *p, const u_char *last)
{
    BIO   *bio;
    X509  *cert, *second;

    /* the first byte of DER is none of text */

    if (p < last && *p == 0x30) {
        return ngx_ohttp_relay_chain_certificate(p, last);
    }

    bio = BIO_new_mem_buf(p, (int) (last - p));
    if (bio == NULL) {
        return NULL;
    }

    cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    second = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    if (second != NULL) {
        X509_free(second);
        X509_free(cert);
        cert = NULL;
    }

    BIO_free(bio);
    ERR_clear_error();

    return cert;
}


int64_t
ngx_ohttp_relay_chain_time(const ASN1_TIME *when)
{
    struct tm  tm;

    /* without a time it gives the one it is now */

    if (when == NULL || ASN1_TIME_to_tm(when, &tm) != 1) {
        return -1;
    }

    return timegm(&tm);
}
