
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "collateral.h"
#include "ecdsa.h"
#include "hex.h"
#include "pem.h"
#include "tcb.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>


#define NGX_OHTTP_RELAY_COLLATERAL_SIGNER  "Intel SGX TCB Signing"


/* one of the two documents that are signed */

typedef struct {
    const char  *name;
    const char  *signature;
    const char  *chain;
    const char  *id;
    int          version;
} ngx_ohttp_relay_collateral_document_t;


typedef struct {
    json_t                       *bundle;
    X509                         *root;
    int64_t                       now;
    unsigned                      evaluation;
    STACK_OF(X509_CRL)           *crls;
    ngx_ohttp_relay_finding_t    *finding;
} ngx_ohttp_relay_collateral_reader_t;


static ngx_ohttp_relay_answer_e ngx_ohttp_relay_collateral_crl(
    ngx_ohttp_relay_collateral_reader_t *r, const char *name);
static ngx_ohttp_relay_answer_e ngx_ohttp_relay_collateral_document(
    ngx_ohttp_relay_collateral_reader_t *r,
    const ngx_ohttp_relay_collateral_document_t *document, json_t **json);
static ngx_ohttp_relay_answer_e ngx_ohttp_relay_collateral_signed(
    ngx_ohttp_relay_collateral_reader_t *r,
    const ngx_ohttp_relay_collateral_document_t *document,
    const ngx_ohttp_relay_slice_t *text);
static ngx_ohttp_relay_answer_e ngx_ohttp_relay_collateral_signer(
    ngx_ohttp_relay_collateral_reader_t *r, STACK_OF(X509) *certificates);
static int ngx_ohttp_relay_collateral_is_signer(X509 *cert);
static ngx_ohttp_relay_answer_e ngx_ohttp_relay_collateral_current(
    ngx_ohttp_relay_collateral_reader_t *r,
    const ngx_ohttp_relay_collateral_document_t *document,
    const json_t *json);


static const ngx_ohttp_relay_collateral_document_t
    ngx_ohttp_relay_collateral_tcb_info =
{
    "tcb_info", "tcb_info_signature", "tcb_info_issuer_chain", "TDX", 3
};

static const ngx_ohttp_relay_collateral_document_t
    ngx_ohttp_relay_collateral_qe_identity =
{
    "qe_identity", "qe_identity_signature", "qe_identity_issuer_chain",
    "TD_QE", 2
};


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_collateral_read(const u_char *p, const u_char *last,
    X509 *root, int64_t now, unsigned evaluation,
    ngx_ohttp_relay_collateral_t *collateral,
    ngx_ohttp_relay_finding_t *finding)
{
    ngx_ohttp_relay_collateral_reader_t  r;

    memset(collateral, 0, sizeof(ngx_ohttp_relay_collateral_t));

    collateral->crls = sk_X509_CRL_new_null();

    r.bundle = NULL;
    r.root = root;
    r.now = now;
    r.evaluation = evaluation;
    r.crls = collateral->crls;
    r.finding = finding;

    if (last - p <= NGX_OHTTP_RELAY_COLLATERAL_BYTES) {
        r.bundle = json_loadb((const char *) p, last - p,
                              JSON_REJECT_DUPLICATES, NULL);
    }

    if (r.bundle == NULL || r.crls == NULL) {
        ngx_ohttp_relay_unjudged(finding, "the collateral is no JSON");

    } else if (ngx_ohttp_relay_collateral_crl(&r, "root_ca_crl")
               == NGX_OHTTP_RELAY_ACCEPTED
               && ngx_ohttp_relay_collateral_crl(&r, "pck_crl")
                  == NGX_OHTTP_RELAY_ACCEPTED
               && ngx_ohttp_relay_collateral_document(&r,
                          &ngx_ohttp_relay_collateral_tcb_info,
                          &collateral->tcb_info)
                  == NGX_OHTTP_RELAY_ACCEPTED)
    {
        ngx_ohttp_relay_collateral_document(&r,
                          &ngx_ohttp_relay_collateral_qe_identity,
                          &collateral->qe_identity);
    }

    json_decref(r.bundle);

    return finding->answer;
}


void
ngx_ohttp_relay_collateral_free(ngx_ohttp_relay_collateral_t *collateral)
{
    sk_X509_CRL_pop_free(collateral->crls, X509_CRL_free);
    json_decref(collateral->tcb_info);
    json_decref(collateral->qe_identity);
}


/* a list of revoked certificates, DER in hexadecimal digits */

static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_collateral_crl(ngx_ohttp_relay_collateral_reader_t *r,
    const char *name)
{
    u_char        *der;
    size_t         len;
    X509_CRL      *crl;
    const char    *text;
    const u_char  *p;

    text = json_string_value(json_object_get(r->bundle, name));
    len = text ? strlen(text) : 0;
    der = malloc(len / 2 + 1);
    crl = NULL;

    if (der != NULL && len != 0
        && ngx_ohttp_relay_hex((const u_char *) text,
                               (const u_char *) text + len, der)
           == NGX_OHTTP_RELAY_OK)
    {
        p = der;
        crl = d2i_X509_CRL(NULL, &p, len / 2);

        if (crl != NULL && p != der + len / 2) {
            X509_CRL_free(crl);
            crl = NULL;
        }
    }

    free(der);
    ERR_clear_error();

    if (crl == NULL || sk_X509_CRL_push(r->crls, crl) == 0) {
        X509_CRL_free(crl);
        return ngx_ohttp_relay_unjudged(r->finding,
                   "the collateral has no list of revoked certificates");
    }

    return ngx_ohttp_relay_accepted(r->finding);
}


/* nothing of a document is looked into before its signature is verified */

static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_collateral_document(ngx_ohttp_relay_collateral_reader_t *r,
    const ngx_ohttp_relay_collateral_document_t *document, json_t **json)
{
    const json_t             *member;
    ngx_ohttp_relay_slice_t   text;

    member = json_object_get(r->bundle, document->name);

    text.data = (const u_char *) json_string_value(member);
    text.len = json_string_length(member);

    if (text.data == NULL) {
        return ngx_ohttp_relay_unjudged(r->finding,
                   "the collateral lacks TCB info, or a QE identity");
    }

    if (ngx_ohttp_relay_collateral_signed(r, document, &text)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return r->finding->answer;
    }

    *json = json_loadb((const char *) text.data, text.len,
                       JSON_REJECT_DUPLICATES, NULL);

    if (*json == NULL) {
        return ngx_ohttp_relay_unjudged(r->finding,
                   "TCB info or QE identity is no JSON");
    }

    return ngx_ohttp_relay_collateral_current(r, document, *json);
}


static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_collateral_signed(ngx_ohttp_relay_collateral_reader_t *r,
    const ngx_ohttp_relay_collateral_document_t *document,
    const ngx_ohttp_relay_slice_t *text)
{
    u_char                    signature[64];
    const json_t             *chain;
    const u_char             *p;
    STACK_OF(X509)           *certificates;
    ngx_ohttp_relay_slice_t   slice;

    chain = json_object_get(r->bundle, document->chain);
    certificates = sk_X509_new_null();

    p = (const u_char *) json_string_value(chain);

    if (p == NULL || certificates == NULL
        || ngx_ohttp_relay_tcb_hex(r->bundle, document->signature, signature,
                                   sizeof(signature))
           != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_pem_certificates(p, p + json_string_length(chain),
                                            2, certificates)
           != NGX_OHTTP_RELAY_OK)
    {
        ngx_ohttp_relay_unjudged(r->finding,
                   "the collateral lacks a signature, or who has signed");

    } else if (ngx_ohttp_relay_collateral_signer(r, certificates)
               == NGX_OHTTP_RELAY_ACCEPTED)
    {
        slice.data = signature;
        slice.len = sizeof(signature);

        ngx_ohttp_relay_ecdsa_verify(
                          X509_get0_pubkey(sk_X509_value(certificates, 0)),
                          EVP_sha256(), &slice, text, 1, r->finding);
    }

    sk_X509_pop_free(certificates, X509_free);

    return r->finding->answer;
}


/* a PCK stands under the same root, and signs nothing here */

static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_collateral_signer(ngx_ohttp_relay_collateral_reader_t *r,
    STACK_OF(X509) *certificates)
{
    X509                     *signer;
    ngx_ohttp_relay_chain_t   chain;

    signer = sk_X509_value(certificates, 0);

    if (X509_cmp(sk_X509_value(certificates, 1), r->root) != 0) {
        return ngx_ohttp_relay_refused(r->finding,
                                   "the collateral is signed under another"
                                   " root");
    }

    if (!ngx_ohttp_relay_collateral_is_signer(signer)) {
        return ngx_ohttp_relay_refused(r->finding,
                   "the collateral is not signed by who signs collateral");
    }

    chain.issuers = sk_X509_new_null();

    if (chain.issuers == NULL) {
        return ngx_ohttp_relay_unjudged(r->finding, "no memory");
    }

    chain.root = r->root;
    chain.crls = r->crls;
    chain.now = r->now;
    chain.strict = 1;

    ngx_ohttp_relay_chain_verify(&chain, signer, r->finding);

    sk_X509_free(chain.issuers);

    return r->finding->answer;
}


static int
ngx_ohttp_relay_collateral_is_signer(X509 *cert)
{
    int                       i;
    X509_NAME                *name;
    const ASN1_STRING        *value;

    name = X509_get_subject_name(cert);
    i = X509_NAME_get_index_by_NID(name, NID_commonName, -1);

    if (i < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, i) >= 0
        || X509_check_ca(cert) != 0
        || !ngx_ohttp_relay_ecdsa_curve(X509_get0_pubkey(cert), "prime256v1"))
    {
        return 0;
    }

    value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i));

    return ASN1_STRING_length(value)
           == sizeof(NGX_OHTTP_RELAY_COLLATERAL_SIGNER) - 1
           && memcmp(ASN1_STRING_get0_data(value),
                     NGX_OHTTP_RELAY_COLLATERAL_SIGNER,
                     sizeof(NGX_OHTTP_RELAY_COLLATERAL_SIGNER) - 1)
              == 0;
}


static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_collateral_current(ngx_ohttp_relay_collateral_reader_t *r,
    const ngx_ohttp_relay_collateral_document_t *document, const json_t *json)
{
    int64_t      issued, next;
    const char  *id;

    id = json_string_value(json_object_get(json, "id"));

    if (id == NULL || strcmp(id, document->id) != 0
        || json_integer_value(json_object_get(json, "version"))
           != document->version)
    {
        return ngx_ohttp_relay_refused(r->finding,
                   "TCB info or QE identity is not of TDX");
    }

    issued = ngx_ohttp_relay_collateral_time(
                     json_string_value(json_object_get(json, "issueDate")));
    next = ngx_ohttp_relay_collateral_time(
                     json_string_value(json_object_get(json, "nextUpdate")));

    if (issued == -1 || next == -1 || r->now < issued) {
        return ngx_ohttp_relay_refused(r->finding,
                                  "TCB info or QE identity is not yet valid");
    }

    if (r->now > next) {
        return ngx_ohttp_relay_refused(r->finding,
                                    "TCB info or QE identity has expired");
    }

    if (json_integer_value(json_object_get(json, "tcbEvaluationDataNumber"))
        < (json_int_t) r->evaluation)
    {
        return ngx_ohttp_relay_refused(r->finding,
                   "TCB info or QE identity is of an evaluation too old");
    }

    ngx_ohttp_relay_find_until(r->finding, next);

    return ngx_ohttp_relay_accepted(r->finding);
}


int64_t
ngx_ohttp_relay_collateral_time(const char *text)
{
    size_t     i;
    struct tm  tm;

    static const char  form[] = "0000-00-00T00:00:00Z";

    if (text == NULL || strlen(text) != sizeof(form) - 1) {
        return -1;
    }

    for (i = 0; form[i]; i++) {
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9'
                           : text[i] != form[i])
        {
            return -1;
        }
    }

    memset(&tm, 0, sizeof(tm));

    tm.tm_year = atoi(text) - 1900;
    tm.tm_mon = atoi(text + 5) - 1;
    tm.tm_mday = atoi(text + 8);
    tm.tm_hour = atoi(text + 11);
    tm.tm_min = atoi(text + 14);
    tm.tm_sec = atoi(text + 17);

    if (tm.tm_year < 70 || tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1
        || tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59
        || tm.tm_sec > 59)
    {
        return -1;
    }

    return timegm(&tm);
}
