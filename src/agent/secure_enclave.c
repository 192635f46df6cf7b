
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "secure_enclave.h"
#include "base64.h"
#include "collateral.h"
#include "ecdsa.h"

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>


/* a point of P-256 that is not compressed, and the longest DER signature */
#define NGX_OHTTP_RELAY_ENCLAVE_POINT      65
#define NGX_OHTTP_RELAY_ENCLAVE_SIGNATURE  72


/* the members, in the order in which they are signed */

typedef enum {
    NGX_OHTTP_RELAY_ENCLAVE_STRING = 0,     /* its length in front */
    NGX_OHTTP_RELAY_ENCLAVE_NUMBER,         /* 64 bits, little endian */
    NGX_OHTTP_RELAY_ENCLAVE_FLAG            /* a byte, which must be 1 */
} ngx_ohttp_relay_enclave_e;


static ngx_ohttp_relay_answer_e ngx_ohttp_relay_enclave_statement(
    const json_t *signed_, const ngx_ohttp_relay_enclave_policy_t *policy,
    u_char *key, ngx_ohttp_relay_finding_t *finding);
static ngx_ohttp_relay_answer_e ngx_ohttp_relay_enclave_signature(
    const json_t *signed_, const u_char *point,
    ngx_ohttp_relay_finding_t *finding);
static int ngx_ohttp_relay_enclave_text(const json_t *statement, u_char *out,
    size_t *len);
static int ngx_ohttp_relay_enclave_append(const json_t *value,
    ngx_ohttp_relay_enclave_e type, u_char *out, size_t *len);
static int ngx_ohttp_relay_enclave_base64(const json_t *object,
    const char *name, u_char *out, size_t size, size_t *len);
static ngx_ohttp_relay_answer_e ngx_ohttp_relay_enclave_content(
    const json_t *statement, const ngx_ohttp_relay_enclave_policy_t *policy,
    const u_char *key, ngx_ohttp_relay_finding_t *finding);
static int64_t ngx_ohttp_relay_enclave_time(const char *text);
static int ngx_ohttp_relay_enclave_is(const json_t *statement,
    const char *name, const char *text);


static const char  ngx_ohttp_relay_enclave_domain[] =
    "mesh-llm-hardware-attestation-v1:";

static const struct {
    const char                 *name;
    ngx_ohttp_relay_enclave_e   type;
} ngx_ohttp_relay_enclave_members[] = {
    { "chip_name", NGX_OHTTP_RELAY_ENCLAVE_STRING },
    { "hardware_model", NGX_OHTTP_RELAY_ENCLAVE_STRING },
    { "unified_memory_bytes", NGX_OHTTP_RELAY_ENCLAVE_NUMBER },
    { "sip_enabled", NGX_OHTTP_RELAY_ENCLAVE_FLAG },
    { "secure_boot_enabled", NGX_OHTTP_RELAY_ENCLAVE_FLAG },
    { "rdma_disabled", NGX_OHTTP_RELAY_ENCLAVE_FLAG },
    { "node_endpoint_id", NGX_OHTTP_RELAY_ENCLAVE_STRING },
    { "inference_public_key", NGX_OHTTP_RELAY_ENCLAVE_STRING },
    { "se_public_key", NGX_OHTTP_RELAY_ENCLAVE_STRING },
    { "binary_hash", NGX_OHTTP_RELAY_ENCLAVE_STRING },
    { "timestamp", NGX_OHTTP_RELAY_ENCLAVE_STRING },
    { NULL, NGX_OHTTP_RELAY_ENCLAVE_STRING }
};


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_enclave_verify(const u_char *p, const u_char *last,
    const ngx_ohttp_relay_enclave_policy_t *policy,
    u_char key[NGX_OHTTP_RELAY_ENCLAVE_HASH],
    ngx_ohttp_relay_finding_t *finding)
{
    json_t  *signed_;

    finding->valid_until = policy->now + policy->max_age;
    signed_ = NULL;

    if (last - p <= NGX_OHTTP_RELAY_ENCLAVE_BYTES) {
        signed_ = json_loadb((const char *) p, last - p,
                             JSON_REJECT_DUPLICATES, NULL);
    }

    if (!json_is_object(signed_)) {
        ngx_ohttp_relay_malformed(finding, "it is no JSON object");

    } else {
        ngx_ohttp_relay_enclave_statement(signed_, policy, key, finding);
    }

    json_decref(signed_);

    return finding->answer;
}


static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_enclave_statement(const json_t *signed_,
    const ngx_ohttp_relay_enclave_policy_t *policy, u_char *key,
    ngx_ohttp_relay_finding_t *finding)
{
    size_t         len;
    u_char         point[NGX_OHTTP_RELAY_ENCLAVE_POINT];
    const json_t  *statement;

    statement = json_object_get(signed_, "attestation");

    if (ngx_ohttp_relay_enclave_base64(statement, "se_public_key", point,
                                       sizeof(point), &len)
        != NGX_OHTTP_RELAY_OK
        || len != sizeof(point) || point[0] != 0x04)
    {
        return ngx_ohttp_relay_malformed(finding,
                                         "se_public_key is no key of P-256");
    }

    SHA256(point, sizeof(point), key);

    if (ngx_ohttp_relay_enclave_signature(signed_, point, finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return finding->answer;
    }

    return ngx_ohttp_relay_enclave_content(statement, policy, key, finding);
}


static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_enclave_signature(const json_t *signed_, const u_char *point,
    ngx_ohttp_relay_finding_t *finding)
{
    int          rc;
    size_t       len, signature_len;
    u_char       text[NGX_OHTTP_RELAY_ENCLAVE_BYTES * 2];
    u_char       signature[NGX_OHTTP_RELAY_ENCLAVE_SIGNATURE];
    EVP_PKEY    *key;
    EVP_MD_CTX  *ctx;

    if (ngx_ohttp_relay_enclave_text(json_object_get(signed_, "attestation"),
                                     text, &len)
        != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_enclave_base64(signed_, "signature", signature,
                                          sizeof(signature), &signature_len)
           != NGX_OHTTP_RELAY_OK)
    {
        return ngx_ohttp_relay_malformed(finding,
                                         "a member is missing or wrong");
    }

    key = ngx_ohttp_relay_ecdsa_p256(point + 1);

    if (key == NULL) {
        return ngx_ohttp_relay_malformed(finding,
                                         "se_public_key is no key of P-256");
    }

    ctx = EVP_MD_CTX_new();

    if (ctx == NULL
        || EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) != 1)
    {
        ngx_ohttp_relay_unjudged(finding, "cannot verify a signature");

    } else {
        rc = EVP_DigestVerify(ctx, signature, signature_len, text, len);

        if (rc == 1) {
            ngx_ohttp_relay_accepted(finding);

        } else {
            ngx_ohttp_relay_refused(finding, "the signature is wrong");
        }
    }

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    ERR_clear_error();

    return finding->answer;
}


/*
 * What is signed.  The JSON is shorter than half of out, and what is added to
 * each of its members is not longer than its name.
 */

static int
ngx_ohttp_relay_enclave_text(const json_t *statement, u_char *out, size_t *len)
{
    unsigned       i;
    const json_t  *value;

    *len = sizeof(ngx_ohttp_relay_enclave_domain) - 1;
    memcpy(out, ngx_ohttp_relay_enclave_domain, *len);

    for (i = 0; ngx_ohttp_relay_enclave_members[i].name; i++) {

        value = json_object_get(statement,
                                ngx_ohttp_relay_enclave_members[i].name);

        if (ngx_ohttp_relay_enclave_append(value,
                                     ngx_ohttp_relay_enclave_members[i].type,
                                     out, len)
            != NGX_OHTTP_RELAY_OK)
        {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_enclave_append(const json_t *value,
    ngx_ohttp_relay_enclave_e type, u_char *out, size_t *len)
{
    size_t     i, n;
    uint64_t   number;

    n = 4;

    switch (type) {

    case NGX_OHTTP_RELAY_ENCLAVE_STRING:

        if (!json_is_string(value)) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        number = json_string_length(value);
        break;

    case NGX_OHTTP_RELAY_ENCLAVE_NUMBER:

        if (!json_is_integer(value) || json_integer_value(value) < 0) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        number = (uint64_t) json_integer_value(value);
        n = 8;
        break;

    default: /* NGX_OHTTP_RELAY_ENCLAVE_FLAG */

        if (!json_is_boolean(value)) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        number = json_is_true(value);
        n = 1;
    }

    for (i = 0; i < n; i++) {
        out[(*len)++] = (u_char) (number >> 8 * i);
    }

    if (type == NGX_OHTTP_RELAY_ENCLAVE_STRING) {
        memcpy(out + *len, json_string_value(value), number);
        *len += number;
    }

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_enclave_base64(const json_t *object, const char *name,
    u_char *out, size_t size, size_t *len)
{
    ssize_t        n;
    const u_char  *p;
    const json_t  *value;

    value = json_object_get(object, name);
    p = (const u_char *) json_string_value(value);

    if (p == NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    n = ngx_ohttp_relay_base64(p, p + json_string_length(value), out, size);
    *len = n > 0 ? (size_t) n : 0;

    return n > 0 ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}


static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_enclave_content(const json_t *statement,
    const ngx_ohttp_relay_enclave_policy_t *policy, const u_char *key,
    ngx_ohttp_relay_finding_t *finding)
{
    int64_t                   made;
    unsigned                  i;
    ngx_ohttp_relay_slice_t   slice;

    if (!ngx_ohttp_relay_enclave_is(statement, "node_endpoint_id",
                                    policy->node)
        || !ngx_ohttp_relay_enclave_is(statement, "inference_public_key",
                                       policy->inference_key))
    {
        return ngx_ohttp_relay_refused(finding,
                                       "it is of another node or another key");
    }

    for (i = 0; ngx_ohttp_relay_enclave_members[i].name; i++) {

        if (ngx_ohttp_relay_enclave_members[i].type
            == NGX_OHTTP_RELAY_ENCLAVE_FLAG
            && !json_is_true(json_object_get(statement,
                                   ngx_ohttp_relay_enclave_members[i].name)))
        {
            return ngx_ohttp_relay_refused(finding,
                       "the host says that it is open");
        }
    }

    made = ngx_ohttp_relay_enclave_time(
               json_string_value(json_object_get(statement, "timestamp")));

    if (made == -1) {
        return ngx_ohttp_relay_refused(finding, "it has no time");
    }

    if (made > policy->now + policy->skew) {
        return ngx_ohttp_relay_refused(finding, "it is of the future");
    }

    if (made < policy->now - policy->max_age) {
        return ngx_ohttp_relay_refused(finding, "it is too old");
    }

    slice.data = key;
    slice.len = NGX_OHTTP_RELAY_ENCLAVE_HASH;

    if (!ngx_ohttp_relay_allowed(&policy->keys, &slice, 1, 0)) {
        return ngx_ohttp_relay_refused(finding,
                                       "the key is not the one it had");
    }

    ngx_ohttp_relay_find_until(finding, made + policy->max_age);

    return ngx_ohttp_relay_accepted(finding);
}


/* RFC 3339 in UTC, with a fraction of a second perhaps; -1 if it is none */

static int64_t
ngx_ohttp_relay_enclave_time(const char *text)
{
    char         whole[sizeof("0000-00-00T00:00:00Z")];
    size_t       len;
    const char  *rest;

    len = sizeof(whole) - 2;

    if (text == NULL || strlen(text) < len) {
        return -1;
    }

    memcpy(whole, text, len);
    memcpy(whole + len, "Z", 2);

    rest = text + len;

    if (*rest == '.') {

        len = strspn(++rest, "0123456789");

        if (len == 0) {
            return -1;
        }

        rest += len;
    }

    return (strcmp(rest, "Z") == 0 || strcmp(rest, "+00:00") == 0)
           ? ngx_ohttp_relay_collateral_time(whole) : -1;
}


static int
ngx_ohttp_relay_enclave_is(const json_t *statement, const char *name,
    const char *text)
{
    const json_t  *value;

    value = json_object_get(statement, name);

    return text == NULL
           || (json_string_length(value) == strlen(text)
               && strcmp(json_string_value(value), text) == 0);
}
