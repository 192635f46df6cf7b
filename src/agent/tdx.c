
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tdx.h"
#include "ecdsa.h"
#include "pem.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>


#define NGX_OHTTP_RELAY_TDX_DEBUG  0x01     /* of td_attributes, first byte */

/* what the owner of a TD may set, and has not unless a list asks about it */
#define NGX_OHTTP_RELAY_TDX_OWNED                                            \
    (1U << NGX_OHTTP_RELAY_TDX_MR_CONFIG_ID                                  \
     | 1U << NGX_OHTTP_RELAY_TDX_MR_OWNER                                    \
     | 1U << NGX_OHTTP_RELAY_TDX_MR_OWNER_CONFIG)


static ngx_ohttp_relay_answer_e ngx_ohttp_relay_tdx_genuine(
    const ngx_ohttp_relay_quote_t *quote, X509 *pck,
    ngx_ohttp_relay_finding_t *finding);
static ngx_ohttp_relay_answer_e ngx_ohttp_relay_tdx_platform(
    const ngx_ohttp_relay_quote_t *quote,
    const ngx_ohttp_relay_tdx_policy_t *policy,
    const ngx_ohttp_relay_collateral_t *collateral,
    ngx_ohttp_relay_tdx_t *tdx, ngx_ohttp_relay_finding_t *finding);
static ngx_ohttp_relay_answer_e ngx_ohttp_relay_tdx_chain(
    STACK_OF(X509) *certificates, const ngx_ohttp_relay_tdx_policy_t *policy,
    STACK_OF(X509_CRL) *crls, ngx_ohttp_relay_finding_t *finding);
static int ngx_ohttp_relay_tdx_binds_key(
    const ngx_ohttp_relay_quote_t *quote);
static ngx_ohttp_relay_answer_e ngx_ohttp_relay_tdx_status(
    const ngx_ohttp_relay_quote_t *quote,
    const ngx_ohttp_relay_tdx_policy_t *policy,
    const ngx_ohttp_relay_collateral_t *collateral,
    ngx_ohttp_relay_tdx_t *tdx, ngx_ohttp_relay_finding_t *finding);
static ngx_ohttp_relay_answer_e ngx_ohttp_relay_tdx_content(
    const ngx_ohttp_relay_quote_t *quote,
    const ngx_ohttp_relay_tdx_policy_t *policy,
    ngx_ohttp_relay_finding_t *finding);
static ngx_ohttp_relay_answer_e ngx_ohttp_relay_tdx_replay(
    const ngx_ohttp_relay_quote_t *quote,
    const ngx_ohttp_relay_tdx_policy_t *policy,
    ngx_ohttp_relay_event_log_t *log, ngx_ohttp_relay_finding_t *finding);


/* Intel's quoting enclave, as the header names it */

static const u_char  ngx_ohttp_relay_tdx_vendor[] = {
    0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3,
    0x95, 0x7f, 0x06, 0x07
};


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_tdx_verify(const ngx_ohttp_relay_quote_t *quote,
    const ngx_ohttp_relay_tdx_policy_t *policy, ngx_ohttp_relay_tdx_t *tdx,
    ngx_ohttp_relay_finding_t *finding)
{
    const u_char                  *p;
    ngx_ohttp_relay_collateral_t   collateral;

    memset(tdx, 0, sizeof(ngx_ohttp_relay_tdx_t));

    tdx->status = NGX_OHTTP_RELAY_TCB_UNKNOWN;
    finding->valid_until = policy->now + policy->max_age;

    p = policy->collateral.data;

    if (ngx_ohttp_relay_collateral_read(p, p + policy->collateral.len,
                                        policy->root, policy->now,
                                        policy->evaluation, &collateral,
                                        finding)
        == NGX_OHTTP_RELAY_ACCEPTED
        && ngx_ohttp_relay_tdx_platform(quote, policy, &collateral, tdx,
                                        finding)
           == NGX_OHTTP_RELAY_ACCEPTED)
    {
        ngx_ohttp_relay_tdx_content(quote, policy, finding);
    }

    ngx_ohttp_relay_collateral_free(&collateral);

    return finding->answer;
}


/* that a platform of Intel has made the quote, and how good it is */

static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_tdx_platform(const ngx_ohttp_relay_quote_t *quote,
    const ngx_ohttp_relay_tdx_policy_t *policy,
    const ngx_ohttp_relay_collateral_t *collateral,
    ngx_ohttp_relay_tdx_t *tdx, ngx_ohttp_relay_finding_t *finding)
{
    X509            *pck;
    const u_char    *p;
    STACK_OF(X509)  *certificates;

    certificates = sk_X509_new_null();

    if (certificates == NULL) {
        return ngx_ohttp_relay_unjudged(finding, "no memory");
    }

    p = quote->pck.data;

    if (ngx_ohttp_relay_pem_certificates(p, p + quote->pck.len, 3,
                                         certificates)
        != NGX_OHTTP_RELAY_OK)
    {
        ngx_ohttp_relay_malformed(finding,
                                  "there are not three certificates in it");
        goto done;
    }

    pck = sk_X509_value(certificates, 0);

    if (ngx_ohttp_relay_tdx_chain(certificates, policy, collateral->crls,
                                  finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        goto done;
    }

    if (ngx_ohttp_relay_pck(pck, &tdx->pck) != NGX_OHTTP_RELAY_OK) {
        ngx_ohttp_relay_refused(finding,
                                "the certificate is not that of a platform");
        goto done;
    }

    if (ngx_ohttp_relay_tdx_genuine(quote, pck, finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        goto done;
    }

    ngx_ohttp_relay_tdx_status(quote, policy, collateral, tdx, finding);

done:

    sk_X509_pop_free(certificates, X509_free);

    return finding->answer;
}


/* no chain needs the third of them, so it is compared */

static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_tdx_chain(STACK_OF(X509) *certificates,
    const ngx_ohttp_relay_tdx_policy_t *policy, STACK_OF(X509_CRL) *crls,
    ngx_ohttp_relay_finding_t *finding)
{
    X509                     *pck;
    ngx_ohttp_relay_chain_t   chain;

    if (X509_cmp(sk_X509_value(certificates, 2), policy->root) != 0) {
        return ngx_ohttp_relay_refused(finding,
                                   "the certificates lead to another root");
    }

    pck = sk_X509_value(certificates, 0);

    if (X509_check_ca(pck) != 0
        || !ngx_ohttp_relay_ecdsa_curve(X509_get0_pubkey(pck), "prime256v1"))
    {
        return ngx_ohttp_relay_refused(finding,
                                "the certificate is not that of a platform");
    }

    chain.root = policy->root;
    chain.crls = crls;
    chain.now = policy->now;
    chain.strict = 1;

    return ngx_ohttp_relay_chain_verify_by(&chain, pck,
                                           sk_X509_value(certificates, 1),
                                           finding);
}


/* from the platform's key over the quoting enclave to the quote */

static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_tdx_genuine(const ngx_ohttp_relay_quote_t *quote, X509 *pck,
    ngx_ohttp_relay_finding_t *finding)
{
    EVP_PKEY  *key;

    if (memcmp(quote->vendor.data, ngx_ohttp_relay_tdx_vendor,
               sizeof(ngx_ohttp_relay_tdx_vendor))
        != 0)
    {
        return ngx_ohttp_relay_refused(finding,
                               "the quoting enclave is not that of Intel");
    }

    if (ngx_ohttp_relay_ecdsa_verify(X509_get0_pubkey(pck), EVP_sha256(),
                                     &quote->qe_signature, &quote->qe_report,
                                     1, finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return finding->answer;
    }

    if (!ngx_ohttp_relay_tdx_binds_key(quote)) {
        return ngx_ohttp_relay_refused(finding,
                   "the quoting enclave does not name the key of the quote");
    }

    key = ngx_ohttp_relay_ecdsa_p256(quote->key.data);

    if (key == NULL) {
        return ngx_ohttp_relay_refused(finding,
                                       "the key of the quote is none");
    }

    ngx_ohttp_relay_ecdsa_verify(key, EVP_sha256(), &quote->signature,
                                 &quote->text, 1, finding);

    EVP_PKEY_free(key);

    return finding->answer;
}


static int
ngx_ohttp_relay_tdx_binds_key(const ngx_ohttp_relay_quote_t *quote)
{
    int            ok;
    u_char         digest[32];
    EVP_MD_CTX    *ctx;
    const u_char  *named;

    ctx = EVP_MD_CTX_new();

    ok = ctx != NULL
         && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1
         && EVP_DigestUpdate(ctx, quote->key.data, quote->key.len) == 1
         && EVP_DigestUpdate(ctx, quote->qe_auth.data, quote->qe_auth.len)
            == 1
         && EVP_DigestFinal_ex(ctx, digest, NULL) == 1;

    EVP_MD_CTX_free(ctx);

    named = quote->qe_report_data.data;

    return ok && memcmp(named, digest, sizeof(digest)) == 0
           && ngx_ohttp_relay_all_zero(named + sizeof(digest),
                                       quote->qe_report_data.len
                                       - sizeof(digest));
}


static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_tdx_status(const ngx_ohttp_relay_quote_t *quote,
    const ngx_ohttp_relay_tdx_policy_t *policy,
    const ngx_ohttp_relay_collateral_t *collateral,
    ngx_ohttp_relay_tdx_t *tdx, ngx_ohttp_relay_finding_t *finding)
{
    ngx_ohttp_relay_tcb_e  platform, qe;

    if (quote->td_attributes.data[0] & NGX_OHTTP_RELAY_TDX_DEBUG
        && !policy->debug)
    {
        return ngx_ohttp_relay_refused(finding, "it is a debug TD");
    }

    if (ngx_ohttp_relay_tcb_platform(collateral->tcb_info, quote, &tdx->pck,
                                     &platform, finding)
        != NGX_OHTTP_RELAY_ACCEPTED
        || ngx_ohttp_relay_tcb_qe(collateral->qe_identity, quote, &qe, finding)
           != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return finding->answer;
    }

    tdx->status = platform > qe ? platform : qe;

    /* no policy can ask for what is not understood */

    if (tdx->status == NGX_OHTTP_RELAY_TCB_UNKNOWN
        || !(policy->tcb & 1U << tdx->status))
    {
        return ngx_ohttp_relay_refused(finding,
                                    "the status of the TCB is not allowed");
    }

    return ngx_ohttp_relay_accepted(finding);
}


static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_tdx_content(const ngx_ohttp_relay_quote_t *quote,
    const ngx_ohttp_relay_tdx_policy_t *policy,
    ngx_ohttp_relay_finding_t *finding)
{
    unsigned                      i;
    ngx_ohttp_relay_slice_t       registers[NGX_OHTTP_RELAY_TDX_MAX];
    ngx_ohttp_relay_event_log_t   log;

    memset(registers, 0, sizeof(registers));

    registers[NGX_OHTTP_RELAY_TDX_MRTD] = quote->mrtd;
    registers[NGX_OHTTP_RELAY_TDX_MR_CONFIG_ID] = quote->mr_config_id;
    registers[NGX_OHTTP_RELAY_TDX_MR_OWNER] = quote->mr_owner;
    registers[NGX_OHTTP_RELAY_TDX_MR_OWNER_CONFIG] = quote->mr_owner_config;

    for (i = 0; i < 4; i++) {
        registers[NGX_OHTTP_RELAY_TDX_RTMR + i] = quote->rtmrs[i];
    }

    if (policy->event_log.data != NULL) {

        if (ngx_ohttp_relay_tdx_replay(quote, policy, &log, finding)
            != NGX_OHTTP_RELAY_ACCEPTED)
        {
            return finding->answer;
        }

        for (i = 0; i < NGX_OHTTP_RELAY_EVENTS; i++) {
            registers[NGX_OHTTP_RELAY_TDX_EVENT + i].data =
                                                      log.events[i].data;
            registers[NGX_OHTTP_RELAY_TDX_EVENT + i].len = log.events[i].len;
        }
    }

    if (!ngx_ohttp_relay_allowed(&policy->allow, registers,
                                 NGX_OHTTP_RELAY_TDX_MAX,
                                 NGX_OHTTP_RELAY_TDX_OWNED))
    {
        return ngx_ohttp_relay_refused(finding,
                                       "the measurements are not allowed");
    }

    if (policy->report_data.data != NULL
        && (policy->report_data.len != quote->report_data.len
            || CRYPTO_memcmp(policy->report_data.data,
                             quote->report_data.data, quote->report_data.len)
               != 0))
    {
        return ngx_ohttp_relay_refused(finding,
                                       "the report data is not the one");
    }

    return ngx_ohttp_relay_accepted(finding);
}


static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_tdx_replay(const ngx_ohttp_relay_quote_t *quote,
    const ngx_ohttp_relay_tdx_policy_t *policy,
    ngx_ohttp_relay_event_log_t *log, ngx_ohttp_relay_finding_t *finding)
{
    unsigned       i;
    const u_char  *p;

    p = policy->event_log.data;

    if (ngx_ohttp_relay_event_log(p, p + policy->event_log.len, log, finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return finding->answer;
    }

    for (i = 0; i < 4; i++) {
        if (memcmp(log->rtmrs[i], quote->rtmrs[i].data, NGX_OHTTP_RELAY_RTMR)
            != 0)
        {
            return ngx_ohttp_relay_refused(finding,
                       "the event log is not that of the quote");
        }
    }

    return ngx_ohttp_relay_accepted(finding);
}
