
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "near.h"
#include "event_log.h"
#include "hex.h"
#include "key_config.h"

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>


static ngx_ohttp_relay_answer_e ngx_ohttp_relay_near_report(
    const json_t *report, ngx_ohttp_relay_near_t *near,
    ngx_ohttp_relay_finding_t *finding);
static ngx_ohttp_relay_answer_e ngx_ohttp_relay_near_signed(
    const json_t *report, ngx_ohttp_relay_near_t *near,
    ngx_ohttp_relay_finding_t *finding);
static ssize_t ngx_ohttp_relay_near_hex(const json_t *object,
    const char *name, u_char *out, size_t size);
static int ngx_ohttp_relay_near_quote(const json_t *report,
    ngx_ohttp_relay_near_t *near);
static int ngx_ohttp_relay_near_event_log(const json_t *report,
    ngx_ohttp_relay_near_t *near);
static int ngx_ohttp_relay_near_one_key(const ngx_ohttp_relay_near_t *near);


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_near_parse(const u_char *p, const u_char *last,
    ngx_ohttp_relay_near_t *near, ngx_ohttp_relay_finding_t *finding)
{
    json_t  *report;

    memset(near, 0, sizeof(ngx_ohttp_relay_near_t));

    report = NULL;

    if (last - p <= NGX_OHTTP_RELAY_NEAR_BYTES) {
        report = json_loadb((const char *) p, last - p,
                            JSON_REJECT_DUPLICATES, NULL);
    }

    if (!json_is_object(report)) {
        ngx_ohttp_relay_malformed(finding, "the report is no JSON object");

    } else if (ngx_ohttp_relay_near_report(report, near, finding)
               == NGX_OHTTP_RELAY_ACCEPTED)
    {
        ngx_ohttp_relay_near_signed(report, near, finding);
    }

    json_decref(report);

    return finding->answer;
}


void
ngx_ohttp_relay_near_free(ngx_ohttp_relay_near_t *near)
{
    free((void *) near->quote.data);
    free((void *) near->event_log.data);
}


/* the evidence: quote, event log, and the key that the quote has to name */

static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_near_report(const json_t *report, ngx_ohttp_relay_near_t *near,
    ngx_ohttp_relay_finding_t *finding)
{
    if (ngx_ohttp_relay_near_quote(report, near) != NGX_OHTTP_RELAY_OK) {
        return ngx_ohttp_relay_malformed(finding,
                                         "the report has no intel_quote");
    }

    if (ngx_ohttp_relay_near_event_log(report, near) != NGX_OHTTP_RELAY_OK) {
        return ngx_ohttp_relay_malformed(finding,
                                         "the report has no event_log");
    }

    if (ngx_ohttp_relay_near_hex(report, "signing_public_key",
                                 near->signing_key, sizeof(near->signing_key))
        != NGX_OHTTP_RELAY_NEAR_KEY)
    {
        return ngx_ohttp_relay_malformed(finding,
                   "signing_public_key is no key of Ed25519");
    }

    /* without it the server has silently left out what ties it to TLS */

    if (ngx_ohttp_relay_near_hex(report, "tls_cert_fingerprint",
                                 near->fingerprint,
                                 sizeof(near->fingerprint))
        != (ssize_t) sizeof(near->fingerprint))
    {
        return ngx_ohttp_relay_refused(finding,
                                       "the report names no key of TLS");
    }

    return ngx_ohttp_relay_accepted(finding);
}


/* the key configuration, and who has signed it */

static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_near_signed(const json_t *report, ngx_ohttp_relay_near_t *near,
    ngx_ohttp_relay_finding_t *finding)
{
    u_char         key[NGX_OHTTP_RELAY_NEAR_KEY];
    ssize_t        n;
    const char    *algorithm;
    const json_t  *ohttp;

    ohttp = json_object_get(report, "ohttp_attestation");
    algorithm = json_string_value(json_object_get(ohttp, "signing_algo"));

    if (algorithm == NULL || strcmp(algorithm, "ed25519") != 0) {
        return ngx_ohttp_relay_refused(finding,
                                   "the keys are not signed by Ed25519");
    }

    n = ngx_ohttp_relay_near_hex(ohttp, "key_config", near->key_config,
                                 sizeof(near->key_config));

    if (n <= 0
        || ngx_ohttp_relay_near_hex(ohttp, "signing_key", key, sizeof(key))
           != NGX_OHTTP_RELAY_NEAR_KEY
        || ngx_ohttp_relay_near_hex(ohttp, "signature", near->signature,
                                    sizeof(near->signature))
           != (ssize_t) sizeof(near->signature))
    {
        return ngx_ohttp_relay_malformed(finding,
                                         "ohttp_attestation lacks a member");
    }

    near->key_config_len = n;

    if (memcmp(key, near->signing_key, sizeof(key)) != 0) {
        return ngx_ohttp_relay_refused(finding,
                   "the keys are signed by a key that is not attested");
    }

    if (!ngx_ohttp_relay_near_one_key(near)) {
        return ngx_ohttp_relay_malformed(finding,
                                     "key_config is no key configuration");
    }

    return ngx_ohttp_relay_accepted(finding);
}


static int
ngx_ohttp_relay_near_one_key(const ngx_ohttp_relay_near_t *near)
{
    const char                 *error;
    ngx_ohttp_relay_key_set_t   set;

    return ngx_ohttp_relay_key_set(near->key_config,
                                   near->key_config + near->key_config_len,
                                   &set, &error)
           == NGX_OHTTP_RELAY_OK
           && set.form == NGX_OHTTP_RELAY_KEYS_BARE;
}


/* returns the number of bytes; 0x may stand in front of them */

static ssize_t
ngx_ohttp_relay_near_hex(const json_t *object, const char *name, u_char *out,
    size_t size)
{
    size_t         len;
    const u_char  *p;

    p = (const u_char *) json_string_value(json_object_get(object, name));

    if (p == NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
        p += 2;
    }

    len = strlen((const char *) p);

    if (len / 2 > size
        || ngx_ohttp_relay_hex(p, p + len, out) != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return len / 2;
}


static int
ngx_ohttp_relay_near_quote(const json_t *report, ngx_ohttp_relay_near_t *near)
{
    u_char   *data;
    ssize_t   n;

    data = malloc(NGX_OHTTP_RELAY_QUOTE_BYTES);
    if (data == NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    near->quote.data = data;

    n = ngx_ohttp_relay_near_hex(report, "intel_quote", data,
                                 NGX_OHTTP_RELAY_QUOTE_BYTES);
    if (n <= 0) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    near->quote.len = n;

    return NGX_OHTTP_RELAY_OK;
}


/* JSON in a string, or as it is */

static int
ngx_ohttp_relay_near_event_log(const json_t *report,
    ngx_ohttp_relay_near_t *near)
{
    char          *text;
    const json_t  *event_log;

    event_log = json_object_get(report, "event_log");

    text = json_is_string(event_log) ? strdup(json_string_value(event_log))
                                     : json_dumps(event_log, JSON_COMPACT);

    near->event_log.data = (const u_char *) text;
    near->event_log.len = text ? strlen(text) : 0;

    return text && near->event_log.len <= NGX_OHTTP_RELAY_EVENT_LOG_BYTES
           ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}


int
ngx_ohttp_relay_near_report_data(const ngx_ohttp_relay_near_t *near,
    const u_char spki[32], const u_char nonce[NGX_OHTTP_RELAY_NEAR_NONCE],
    u_char out[NGX_OHTTP_RELAY_QUOTE_DATA])
{
    u_char  both[NGX_OHTTP_RELAY_NEAR_KEY + 32];

    memcpy(both, near->signing_key, NGX_OHTTP_RELAY_NEAR_KEY);
    memcpy(both + NGX_OHTTP_RELAY_NEAR_KEY, spki, 32);

    memcpy(out + 32, nonce, NGX_OHTTP_RELAY_NEAR_NONCE);

    return SHA256(both, sizeof(both), out) != NULL ? NGX_OHTTP_RELAY_OK
                                                   : NGX_OHTTP_RELAY_ERROR;
}


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_near_verify(const ngx_ohttp_relay_near_t *near,
    const u_char spki[32], ngx_ohttp_relay_finding_t *finding)
{
    int          rc;
    EVP_PKEY    *key;
    EVP_MD_CTX  *ctx;

    if (memcmp(near->fingerprint, spki, sizeof(near->fingerprint)) != 0) {
        return ngx_ohttp_relay_refused(finding,
                   "the evidence does not name the certificate");
    }

    key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
                                      near->signing_key,
                                      sizeof(near->signing_key));
    ctx = EVP_MD_CTX_new();

    if (key == NULL || ctx == NULL
        || EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) != 1)
    {
        ngx_ohttp_relay_unjudged(finding, "cannot verify a signature");

    } else {
        rc = EVP_DigestVerify(ctx, near->signature, sizeof(near->signature),
                              near->key_config, near->key_config_len);

        if (rc == 1) {
            ngx_ohttp_relay_accepted(finding);

        } else {
            ngx_ohttp_relay_refused(finding,
                                    "the signature of the keys is wrong");
        }
    }

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    ERR_clear_error();

    return finding->answer;
}
