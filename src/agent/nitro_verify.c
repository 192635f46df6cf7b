
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "nitro.h"
#include "chain.h"
#include "ecdsa.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>


static ngx_ohttp_relay_answer_e ngx_ohttp_relay_nitro_signed(
    const ngx_ohttp_relay_nitro_t *nitro,
    const ngx_ohttp_relay_nitro_policy_t *policy,
    ngx_ohttp_relay_finding_t *finding);
static ngx_ohttp_relay_answer_e ngx_ohttp_relay_nitro_chain(
    const ngx_ohttp_relay_nitro_t *nitro,
    const ngx_ohttp_relay_nitro_policy_t *policy, X509 *leaf,
    ngx_ohttp_relay_finding_t *finding);
static STACK_OF(X509) *ngx_ohttp_relay_nitro_issuers(
    const ngx_ohttp_relay_nitro_t *nitro);
static int ngx_ohttp_relay_nitro_is_root(const ngx_ohttp_relay_nitro_t *nitro,
    X509 *root);
static const char *ngx_ohttp_relay_nitro_leaf(X509 *leaf);
static ngx_ohttp_relay_answer_e ngx_ohttp_relay_nitro_content(
    const ngx_ohttp_relay_nitro_t *nitro,
    const ngx_ohttp_relay_nitro_policy_t *policy,
    ngx_ohttp_relay_finding_t *finding);


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_nitro_verify(const ngx_ohttp_relay_nitro_t *nitro,
    const ngx_ohttp_relay_nitro_policy_t *policy,
    ngx_ohttp_relay_finding_t *finding)
{
    finding->valid_until = policy->now + policy->max_age;

    if (ngx_ohttp_relay_nitro_signed(nitro, policy, finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return finding->answer;
    }

    return ngx_ohttp_relay_nitro_content(nitro, policy, finding);
}


/* that AWS has signed it; what it says comes afterwards */

static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_nitro_signed(const ngx_ohttp_relay_nitro_t *nitro,
    const ngx_ohttp_relay_nitro_policy_t *policy,
    ngx_ohttp_relay_finding_t *finding)
{
    X509        *leaf;
    const char  *error;

    leaf = ngx_ohttp_relay_chain_certificate(nitro->certificate.data,
                                             nitro->certificate.data
                                             + nitro->certificate.len);
    if (leaf == NULL) {
        return ngx_ohttp_relay_malformed(finding,
                                         "certificate is no certificate");
    }

    if (ngx_ohttp_relay_nitro_chain(nitro, policy, leaf, finding)
        == NGX_OHTTP_RELAY_ACCEPTED)
    {
        error = ngx_ohttp_relay_nitro_leaf(leaf);

        if (error != NULL) {
            ngx_ohttp_relay_refused(finding, error);

        } else {
            ngx_ohttp_relay_cose_verify(&nitro->cose, X509_get0_pubkey(leaf),
                                        finding);
        }
    }

    X509_free(leaf);

    return finding->answer;
}


static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_nitro_chain(const ngx_ohttp_relay_nitro_t *nitro,
    const ngx_ohttp_relay_nitro_policy_t *policy, X509 *leaf,
    ngx_ohttp_relay_finding_t *finding)
{
    uint64_t                 made, now;
    ngx_ohttp_relay_chain_t  chain;

    if (!ngx_ohttp_relay_nitro_is_root(nitro, policy->root)) {
        return ngx_ohttp_relay_refused(finding,
                       "the certificates do not begin with the root");
    }

    chain.issuers = ngx_ohttp_relay_nitro_issuers(nitro);

    if (chain.issuers == NULL) {
        return ngx_ohttp_relay_malformed(finding,
                             "a certificate of cabundle is no certificate");
    }

    /*
     * A new enclave signs three seconds after its certificate begins, by a
     * clock that may be ahead of ours.
     */

    now = (uint64_t) policy->now;
    made = nitro->timestamp / 1000;

    if (made > now && made - now <= (uint64_t) policy->skew) {
        now = made;
    }

    chain.root = policy->root;
    chain.crls = NULL;
    chain.now = (int64_t) now;
    chain.strict = 0;

    ngx_ohttp_relay_chain_verify(&chain, leaf, finding);

    sk_X509_pop_free(chain.issuers, X509_free);

    return finding->answer;
}


/* those of the bundle from its end up to, not including, the root */

static STACK_OF(X509) *
ngx_ohttp_relay_nitro_issuers(const ngx_ohttp_relay_nitro_t *nitro)
{
    X509            *cert;
    unsigned         i;
    const u_char    *p;
    STACK_OF(X509)  *issuers;

    issuers = sk_X509_new_null();
    if (issuers == NULL) {
        return NULL;
    }

    for (i = nitro->nbundle - 1; i > 0; i--) {

        p = nitro->bundle[i].data;
        cert = ngx_ohttp_relay_chain_certificate(p, p + nitro->bundle[i].len);

        if (cert == NULL || sk_X509_push(issuers, cert) == 0) {
            X509_free(cert);
            sk_X509_pop_free(issuers, X509_free);
            return NULL;
        }
    }

    return issuers;
}


static int
ngx_ohttp_relay_nitro_is_root(const ngx_ohttp_relay_nitro_t *nitro, X509 *root)
{
    int      len, same;
    u_char  *der;

    der = NULL;
    len = i2d_X509(root, &der);

    same = len > 0 && nitro->bundle[0].len == (size_t) len
           && memcmp(nitro->bundle[0].data, der, len) == 0;

    OPENSSL_free(der);

    return same;
}


/* returns NULL, or what is wrong with the certificate */

static const char *
ngx_ohttp_relay_nitro_leaf(X509 *leaf)
{
    uint32_t  flags, usage;

    flags = X509_get_extension_flags(leaf);

    /* an authority that may not sign certificates is one all the same */

    if (X509_check_ca(leaf) != 0 || flags & (EXFLAG_CA|EXFLAG_INVALID)) {
        return "the certificate is one of an authority";
    }

    /* without the extension any usage is allowed, but not here */

    usage = flags & EXFLAG_KUSAGE ? X509_get_key_usage(leaf) : 0;

    if (!(usage & KU_DIGITAL_SIGNATURE)
        || usage & (KU_KEY_CERT_SIGN|KU_CRL_SIGN))
    {
        return "the certificate is not for signatures alone";
    }

    if (!ngx_ohttp_relay_ecdsa_curve(X509_get0_pubkey(leaf), "secp384r1")) {
        return "the key of the certificate is not of P-384";
    }

    return NULL;
}


static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_nitro_content(const ngx_ohttp_relay_nitro_t *nitro,
    const ngx_ohttp_relay_nitro_policy_t *policy,
    ngx_ohttp_relay_finding_t *finding)
{
    int64_t   made;
    unsigned  i;

    /* a list with zeros in it would allow all debug enclaves of the world */

    for (i = 0; i < 3 && !policy->debug; i++) {
        if (ngx_ohttp_relay_all_zero(nitro->pcrs[i].data, nitro->pcrs[i].len))
        {
            return ngx_ohttp_relay_refused(finding, "it is a debug enclave");
        }
    }

    if (policy->nonce.data != NULL
        && (nitro->nonce.data == NULL
            || nitro->nonce.len != policy->nonce.len
            || CRYPTO_memcmp(nitro->nonce.data, policy->nonce.data,
                             nitro->nonce.len) != 0))
    {
        return ngx_ohttp_relay_refused(finding, "the nonce is not the one");
    }

    made = (int64_t) (nitro->timestamp / 1000);

    if (made > policy->now + policy->skew) {
        return ngx_ohttp_relay_refused(finding, "it is of the future");
    }

    if (made < policy->now - policy->max_age) {
        return ngx_ohttp_relay_refused(finding, "it is too old");
    }

    if (!ngx_ohttp_relay_allowed(&policy->allow, nitro->pcrs,
                                 NGX_OHTTP_RELAY_NITRO_PCRS, 0))
    {
        return ngx_ohttp_relay_refused(finding,
                                       "the measurements are not allowed");
    }

    return ngx_ohttp_relay_accepted(finding);
}
