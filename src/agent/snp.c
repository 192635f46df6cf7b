
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "snp.h"
#include "chain.h"
#include "der.h"
#include "ecdsa.h"
#include "pem.h"

#include <openssl/crypto.h>
#include <openssl/x509v3.h>


/* where fields are */
#define NGX_OHTTP_RELAY_SNP_POLICY      0x008
#define NGX_OHTTP_RELAY_SNP_VMPL        0x030
#define NGX_OHTTP_RELAY_SNP_ALGORITHM   0x034
#define NGX_OHTTP_RELAY_SNP_FLAGS       0x048
#define NGX_OHTTP_RELAY_SNP_REPORT_DATA 0x050
#define NGX_OHTTP_RELAY_SNP_TCB_AT      0x180
#define NGX_OHTTP_RELAY_SNP_CHIP_ID     0x1a0
#define NGX_OHTTP_RELAY_SNP_TEXT        0x2a0

/* r and s in little endian, which is longer than either can be */
#define NGX_OHTTP_RELAY_SNP_NUMBER      72

/* of the policy: a migration agent may move the guest, it may be debugged */
#define NGX_OHTTP_RELAY_SNP_MIGRATE     ((uint64_t) 1 << 18)
#define NGX_OHTTP_RELAY_SNP_DEBUG       ((uint64_t) 1 << 19)

/* of the flags: the chip is not named, and which key has signed (0: VCEK) */
#define NGX_OHTTP_RELAY_SNP_MASKED      0x02
#define NGX_OHTTP_RELAY_SNP_KEY         0x1c

#define NGX_OHTTP_RELAY_SNP_CHIP        64


static uint64_t ngx_ohttp_relay_snp_number(const u_char *p, unsigned len);
static int ngx_ohttp_relay_snp_signature(const u_char *p, u_char *out);
static ngx_ohttp_relay_answer_e ngx_ohttp_relay_snp_signed(
    const ngx_ohttp_relay_snp_t *snp,
    const ngx_ohttp_relay_snp_policy_t *policy,
    STACK_OF(X509) *certificates, ngx_ohttp_relay_finding_t *finding);
static ngx_ohttp_relay_answer_e ngx_ohttp_relay_snp_chain(
    const ngx_ohttp_relay_snp_policy_t *policy,
    STACK_OF(X509) *certificates, ngx_ohttp_relay_finding_t *finding);
static int ngx_ohttp_relay_snp_is_chip(const ngx_ohttp_relay_snp_t *snp,
    X509 *vcek);
static int ngx_ohttp_relay_snp_extension(X509 *vcek, const char *oid,
    ngx_ohttp_relay_slice_t *value);
static ngx_ohttp_relay_answer_e ngx_ohttp_relay_snp_guest(
    const ngx_ohttp_relay_snp_t *snp,
    const ngx_ohttp_relay_snp_policy_t *policy,
    ngx_ohttp_relay_finding_t *finding);
static ngx_ohttp_relay_answer_e ngx_ohttp_relay_snp_content(
    const ngx_ohttp_relay_snp_t *snp,
    const ngx_ohttp_relay_snp_policy_t *policy,
    ngx_ohttp_relay_finding_t *finding);


static const struct {
    size_t  at;
    size_t  len;
} ngx_ohttp_relay_snp_registers[NGX_OHTTP_RELAY_SNP_MAX] = {
    { 0x090, 48 },
    { 0x0c0, 32 },
    { 0x0e0, 48 },
    { 0x110, 48 }
};


/* the versions that a VCEK is for: their extensions, and their bytes */

static const struct {
    const char  *oid;
    size_t       byte;
} ngx_ohttp_relay_snp_versions[] = {
    { "1.3.6.1.4.1.3704.1.3.1", 0 },        /* boot loader */
    { "1.3.6.1.4.1.3704.1.3.2", 1 },        /* TEE */
    { "1.3.6.1.4.1.3704.1.3.4", 2 },        /* reserved, as the next three */
    { "1.3.6.1.4.1.3704.1.3.5", 3 },
    { "1.3.6.1.4.1.3704.1.3.6", 4 },
    { "1.3.6.1.4.1.3704.1.3.7", 5 },
    { "1.3.6.1.4.1.3704.1.3.3", 6 },        /* SNP firmware */
    { "1.3.6.1.4.1.3704.1.3.8", 7 },        /* microcode */
    { NULL, 0 }
};


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_snp_parse(const u_char *p, const u_char *last,
    ngx_ohttp_relay_snp_t *snp, ngx_ohttp_relay_finding_t *finding)
{
    unsigned  i;

    memset(snp, 0, sizeof(ngx_ohttp_relay_snp_t));

    if (last - p != NGX_OHTTP_RELAY_SNP_BYTES) {
        return ngx_ohttp_relay_malformed(finding,
                                         "it has not the length of a report");
    }

    snp->version = (uint32_t) ngx_ohttp_relay_snp_number(p, 4);
    snp->policy = ngx_ohttp_relay_snp_number(p + NGX_OHTTP_RELAY_SNP_POLICY,
                                             8);
    snp->vmpl = (uint32_t) ngx_ohttp_relay_snp_number(
                                       p + NGX_OHTTP_RELAY_SNP_VMPL, 4);
    snp->flags = (uint32_t) ngx_ohttp_relay_snp_number(
                                       p + NGX_OHTTP_RELAY_SNP_FLAGS, 4);

    if (snp->version < 2 || snp->version > 5
        || ngx_ohttp_relay_snp_number(p + NGX_OHTTP_RELAY_SNP_ALGORITHM, 4)
           != 1)
    {
        return ngx_ohttp_relay_malformed(finding,
                   "it is no report of version 2 to 5, signed by ECDSA");
    }

    if (ngx_ohttp_relay_snp_signature(p + NGX_OHTTP_RELAY_SNP_TEXT,
                                      snp->signature)
        != NGX_OHTTP_RELAY_OK)
    {
        return ngx_ohttp_relay_malformed(finding,
                   "the signature is longer than one of P-384");
    }

    snp->text.data = p;
    snp->text.len = NGX_OHTTP_RELAY_SNP_TEXT;
    snp->report_data.data = p + NGX_OHTTP_RELAY_SNP_REPORT_DATA;
    snp->report_data.len = NGX_OHTTP_RELAY_SNP_DATA;
    snp->reported_tcb.data = p + NGX_OHTTP_RELAY_SNP_TCB_AT;
    snp->reported_tcb.len = NGX_OHTTP_RELAY_SNP_TCB;
    snp->chip_id.data = p + NGX_OHTTP_RELAY_SNP_CHIP_ID;
    snp->chip_id.len = NGX_OHTTP_RELAY_SNP_CHIP;

    for (i = 0; i < NGX_OHTTP_RELAY_SNP_MAX; i++) {
        snp->registers[i].data = p + ngx_ohttp_relay_snp_registers[i].at;
        snp->registers[i].len = ngx_ohttp_relay_snp_registers[i].len;
    }

    return ngx_ohttp_relay_accepted(finding);
}


static uint64_t
ngx_ohttp_relay_snp_number(const u_char *p, unsigned len)
{
    uint64_t  n;

    for (n = 0; len > 0; len--) {
        n = n << 8 | p[len - 1];
    }

    return n;
}


/* r and s from the least byte up; all that they do not need is zero */

static int
ngx_ohttp_relay_snp_signature(const u_char *p, u_char *out)
{
    size_t         i, k, half;
    const u_char  *last;

    half = NGX_OHTTP_RELAY_SNP_SIGNATURE / 2;
    last = p + NGX_OHTTP_RELAY_SNP_BYTES - NGX_OHTTP_RELAY_SNP_TEXT;

    for (k = 0; k < 2; k++) {

        for (i = 0; i < half; i++) {
            out[k * half + i] = p[half - 1 - i];
        }

        if (!ngx_ohttp_relay_all_zero(p + half,
                                      NGX_OHTTP_RELAY_SNP_NUMBER - half))
        {
            return NGX_OHTTP_RELAY_ERROR;
        }

        p += NGX_OHTTP_RELAY_SNP_NUMBER;
    }

    return ngx_ohttp_relay_all_zero(p, last - p) ? NGX_OHTTP_RELAY_OK
                                                 : NGX_OHTTP_RELAY_ERROR;
}


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_snp_verify(const ngx_ohttp_relay_snp_t *snp,
    const ngx_ohttp_relay_snp_policy_t *policy,
    ngx_ohttp_relay_finding_t *finding)
{
    const u_char    *p;
    STACK_OF(X509)  *certificates;

    finding->valid_until = policy->now + policy->max_age;

    p = policy->chain.data;
    certificates = sk_X509_new_null();

    if (certificates == NULL
        || ngx_ohttp_relay_pem_certificates(p, p + policy->chain.len, 2,
                                            certificates)
           != NGX_OHTTP_RELAY_OK)
    {
        ngx_ohttp_relay_unjudged(finding,
                                 "the collateral is not VCEK and ASK");

    } else if (ngx_ohttp_relay_snp_signed(snp, policy, certificates, finding)
               == NGX_OHTTP_RELAY_ACCEPTED
               && ngx_ohttp_relay_snp_guest(snp, policy, finding)
                  == NGX_OHTTP_RELAY_ACCEPTED)
    {
        ngx_ohttp_relay_snp_content(snp, policy, finding);
    }

    sk_X509_pop_free(certificates, X509_free);

    return finding->answer;
}


static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_snp_signed(const ngx_ohttp_relay_snp_t *snp,
    const ngx_ohttp_relay_snp_policy_t *policy, STACK_OF(X509) *certificates,
    ngx_ohttp_relay_finding_t *finding)
{
    X509                     *vcek;
    ngx_ohttp_relay_slice_t   signature;

    vcek = sk_X509_value(certificates, 0);

    if (ngx_ohttp_relay_snp_chain(policy, certificates, finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return finding->answer;
    }

    if (snp->flags & (NGX_OHTTP_RELAY_SNP_MASKED|NGX_OHTTP_RELAY_SNP_KEY)) {
        return ngx_ohttp_relay_refused(finding,
                   "it is not signed by the key of a chip that it names");
    }

    if (!ngx_ohttp_relay_snp_is_chip(snp, vcek)) {
        return ngx_ohttp_relay_refused(finding,
                   "the certificate is of another chip, or another version");
    }

    signature.data = snp->signature;
    signature.len = sizeof(snp->signature);

    return ngx_ohttp_relay_ecdsa_verify(X509_get0_pubkey(vcek), EVP_sha384(),
                                        &signature, &snp->text, 1, finding);
}


static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_snp_chain(const ngx_ohttp_relay_snp_policy_t *policy,
    STACK_OF(X509) *certificates, ngx_ohttp_relay_finding_t *finding)
{
    X509                     *vcek;
    ngx_ohttp_relay_chain_t   chain;

    vcek = sk_X509_value(certificates, 0);

    if (X509_check_ca(vcek) != 0
        || X509_get_extension_flags(vcek) & (EXFLAG_CA|EXFLAG_INVALID)
        || !ngx_ohttp_relay_ecdsa_curve(X509_get0_pubkey(vcek), "secp384r1"))
    {
        return ngx_ohttp_relay_refused(finding,
                                       "the certificate is not that of a chip");
    }

    chain.root = policy->root;
    chain.crls = NULL;
    chain.now = policy->now;
    chain.strict = 0;

    return ngx_ohttp_relay_chain_verify_by(&chain, vcek,
                                           sk_X509_value(certificates, 1),
                                           finding);
}


/* whether a VCEK is of the chip and of the versions in the report */

static int
ngx_ohttp_relay_snp_is_chip(const ngx_ohttp_relay_snp_t *snp, X509 *vcek)
{
    unsigned                  i, n;
    const u_char             *p, *last;
    ngx_ohttp_relay_slice_t   value;

    if (ngx_ohttp_relay_snp_extension(vcek, "1.3.6.1.4.1.3704.1.4", &value)
        != NGX_OHTTP_RELAY_OK
        || value.len != snp->chip_id.len
        || memcmp(value.data, snp->chip_id.data, value.len) != 0
        || ngx_ohttp_relay_all_zero(value.data, value.len))
    {
        return 0;
    }

    for (i = 0; ngx_ohttp_relay_snp_versions[i].oid; i++) {

        if (ngx_ohttp_relay_snp_extension(vcek,
                                          ngx_ohttp_relay_snp_versions[i].oid,
                                          &value)
            != NGX_OHTTP_RELAY_OK)
        {
            return 0;
        }

        p = value.data;
        last = p + value.len;

        if (ngx_ohttp_relay_der_number(&p, last, &n) != NGX_OHTTP_RELAY_OK
            || p != last
            || n != snp->reported_tcb
                        .data[ngx_ohttp_relay_snp_versions[i].byte])
        {
            return 0;
        }
    }

    /* later products order their versions in another way, with one more */

    return ngx_ohttp_relay_snp_extension(vcek, "1.3.6.1.4.1.3704.1.3.9",
                                         &value)
           != NGX_OHTTP_RELAY_OK;
}


/* an extension that is there once */

static int
ngx_ohttp_relay_snp_extension(X509 *vcek, const char *oid,
    ngx_ohttp_relay_slice_t *value)
{
    int                 i, again;
    ASN1_OBJECT        *object;
    ASN1_OCTET_STRING  *octets;

    object = OBJ_txt2obj(oid, 1);
    if (object == NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    i = X509_get_ext_by_OBJ(vcek, object, -1);
    again = i >= 0 ? X509_get_ext_by_OBJ(vcek, object, i) : -1;

    ASN1_OBJECT_free(object);

    if (i < 0 || again >= 0) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    octets = X509_EXTENSION_get_data(X509_get_ext(vcek, i));

    value->data = ASN1_STRING_get0_data(octets);
    value->len = ASN1_STRING_length(octets);

    return NGX_OHTTP_RELAY_OK;
}


/* what the guest is: a report that the host has asked for is of none */

static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_snp_guest(const ngx_ohttp_relay_snp_t *snp,
    const ngx_ohttp_relay_snp_policy_t *policy,
    ngx_ohttp_relay_finding_t *finding)
{
    unsigned  i;

    if (snp->policy & NGX_OHTTP_RELAY_SNP_DEBUG && !policy->debug) {
        return ngx_ohttp_relay_refused(finding, "it may be debugged");
    }

    if (snp->policy & NGX_OHTTP_RELAY_SNP_MIGRATE) {
        return ngx_ohttp_relay_refused(finding,
                                       "a migration agent may move it");
    }

    if (snp->vmpl != 0) {
        return ngx_ohttp_relay_refused(finding,
                                       "it is not of the guest itself");
    }

    for (i = 0; i < NGX_OHTTP_RELAY_SNP_TCB; i++) {
        if (snp->reported_tcb.data[i] < policy->tcb[i]) {
            return ngx_ohttp_relay_refused(finding,
                       "a version of the platform is too old");
        }
    }

    return ngx_ohttp_relay_accepted(finding);
}


static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_snp_content(const ngx_ohttp_relay_snp_t *snp,
    const ngx_ohttp_relay_snp_policy_t *policy,
    ngx_ohttp_relay_finding_t *finding)
{
    /* what the host has set is not set, unless a list asks about it */

    if (!ngx_ohttp_relay_allowed(&policy->allow, snp->registers,
                                 NGX_OHTTP_RELAY_SNP_MAX,
                                 1U << NGX_OHTTP_RELAY_SNP_HOST_DATA))
    {
        return ngx_ohttp_relay_refused(finding,
                                       "the measurements are not allowed");
    }

    if (policy->report_data.data != NULL
        && (policy->report_data.len != snp->report_data.len
            || CRYPTO_memcmp(policy->report_data.data, snp->report_data.data,
                             snp->report_data.len)
               != 0))
    {
        return ngx_ohttp_relay_refused(finding,
                                       "the report data is not the one");
    }

    return ngx_ohttp_relay_accepted(finding);
}
