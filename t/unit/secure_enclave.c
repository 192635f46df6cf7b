
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* what a mesh-llm host says about itself */


#include "pki.h"
#include "base64.h"
#include "secure_enclave.h"

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/sha.h>


#define OK   NGX_OHTTP_RELAY_ACCEPTED
#define NO   NGX_OHTTP_RELAY_REFUSED
#define BAD  NGX_OHTTP_RELAY_MALFORMED

#define NOW  1770000000LL       /* 2026-02-02T02:40:00Z */


static void statement(const char *member, json_t *value, int after,
    const char *time, ngx_ohttp_relay_answer_e answer, const char *name);
static void sign(json_t *statement, char *out);
static void put(u_char *out, size_t *len, const void *data, size_t n);
static void test_keys(void);
static void test_forms(void);


static EVP_PKEY                          *key;
static char                               key_text[128];
static ngx_ohttp_relay_finding_t          finding;
static ngx_ohttp_relay_enclave_policy_t   policy;


int
main(void)
{
    size_t  len;
    u_char  point[65];

    key = pki_key("P-256");
    EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point,
                                    sizeof(point), &len);
    EVP_EncodeBlock((u_char *) key_text, point, (int) len);

    policy.now = NOW;
    policy.max_age = NGX_OHTTP_RELAY_ENCLAVE_AGE;
    policy.skew = NGX_OHTTP_RELAY_ENCLAVE_SKEW;
    policy.keys.any = 1;
    policy.node = "node";
    policy.inference_key = "a2V5";

    statement(NULL, NULL, 0, NULL, OK, "as it should be");
    statement(NULL, NULL, 0, "2026-02-02T02:39:00.123456789+00:00", OK,
              "with a fraction");
    statement(NULL, NULL, 0, "2026-02-02T02:40:30Z", OK, "a clock ahead");
    statement(NULL, NULL, 0, "2026-02-02T02:40:31Z", NO, "one too far ahead");
    statement(NULL, NULL, 0, "2026-02-02T02:29:00Z", OK, "eleven minutes old");
    statement(NULL, NULL, 0, "2026-02-02T02:28:59Z", NO, "a second older");
    statement(NULL, NULL, 0, "2026-02-02T02:40:00+01:00", NO,
              "another time zone");
    statement(NULL, NULL, 0, "2026-02-02T02:40:00.Z", NO, "no fraction");
    statement(NULL, NULL, 0, "2026-02-02T02:40:00", NO, "no zone");

    statement("sip_enabled", json_false(), 0, NULL, NO, "SIP is off");
    statement("secure_boot_enabled", json_false(), 0, NULL, NO, "boot is not");
    statement("rdma_disabled", json_false(), 0, NULL, NO, "RDMA is on");
    statement("sip_enabled", json_true(), 1, NULL, OK, "the same again");
    statement("node_endpoint_id", json_string("edon"), 0, NULL, NO,
              "another node");
    statement("inference_public_key", json_string("a2V6"), 0, NULL, NO,
              "another key");

    statement("chip_name", json_string("M9"), 1, NULL, NO,
              "changed afterwards");
    statement("unified_memory_bytes", json_integer(2), 1, NULL, NO,
              "a number changed afterwards");
    statement("binary_hash", json_string("00"), 1, NULL, NO,
              "the last but one changed afterwards");

    statement("chip_name", json_integer(1), 1, NULL, BAD, "a wrong type");
    statement("sip_enabled", json_integer(1), 1, NULL, BAD, "a wrong flag");
    statement("unified_memory_bytes", json_integer(-1), 1, NULL, BAD,
              "a number below zero");
    statement("binary_hash", NULL, 1, NULL, BAD, "a member is missing");
    statement("se_public_key", json_string("BAAA"), 1, NULL, BAD,
              "a key that is short");

    test_keys();
    test_forms();

    EVP_PKEY_free(key);

    return tap_done();
}


/* a member is changed before it is signed, or after; NULL: taken away */

static void
statement(const char *member, json_t *value, int after, const char *time,
    ngx_ohttp_relay_answer_e answer, const char *name)
{
    char     signature[256], *text;
    u_char   hash[32], *copy;
    json_t  *json, *both;

    json = json_pack("{s:s, s:s, s:i, s:b, s:b, s:b, s:s, s:s, s:s, s:s, s:s}",
                     "chip_name", "Apple M4", "hardware_model", "Mac16,1",
                     "unified_memory_bytes", 1, "sip_enabled", 1,
                     "secure_boot_enabled", 1, "rdma_disabled", 1,
                     "node_endpoint_id", "node",
                     "inference_public_key", "a2V5",
                     "se_public_key", key_text, "binary_hash", "ff",
                     "timestamp", time ? time : "2026-02-02T02:40:00Z");

    if (member && !after) {
        json_object_set(json, member, value);
    }

    sign(json, signature);

    if (member && after && value) {
        json_object_set(json, member, value);

    } else if (member && after) {
        json_object_del(json, member);
    }

    both = json_pack("{s:O, s:s}", "attestation", json, "signature",
                     signature);
    text = json_dumps(both, 0);
    copy = tap_copy(text, strlen(text));

    ngx_ohttp_relay_enclave_verify(copy, copy + strlen(text), &policy, hash,
                                   &finding);

    tap_ok(finding.answer == answer, "%s: %d %s", name, answer,
           finding.reason);

    tap_free(copy, strlen(text));
    free(text);
    json_decref(both);
    json_decref(json);
    json_decref(value);
}


/* as mesh-llm does it: lengths of 4 bytes, little endian, before strings */

static void
sign(json_t *statement, char *out)
{
    int          i;
    size_t       len, n;
    u_char       text[4096], der[256], number[8];
    json_t      *value;
    EVP_MD_CTX  *ctx;

    static const char *const  names[] = {
        "chip_name", "hardware_model", "unified_memory_bytes", "sip_enabled",
        "secure_boot_enabled", "rdma_disabled", "node_endpoint_id",
        "inference_public_key", "se_public_key", "binary_hash", "timestamp"
    };

    len = 0;
    put(text, &len, "mesh-llm-hardware-attestation-v1:", 33);

    for (i = 0; i < 11; i++) {

        value = json_object_get(statement, names[i]);
        memset(number, 0, sizeof(number));

        if (json_is_string(value)) {
            n = json_string_length(value);
            number[0] = (u_char) n;
            put(text, &len, number, 4);
            put(text, &len, json_string_value(value), n);

        } else {
            number[0] = json_is_integer(value)
                        ? (u_char) json_integer_value(value)
                        : (u_char) json_is_true(value);
            put(text, &len, number, json_is_integer(value) ? 8 : 1);
        }
    }

    n = sizeof(der);
    ctx = EVP_MD_CTX_new();
    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key);
    EVP_DigestSign(ctx, der, &n, text, len);
    EVP_MD_CTX_free(ctx);

    EVP_EncodeBlock((u_char *) out, der, (int) n);
}


static void
put(u_char *out, size_t *len, const void *data, size_t n)
{
    memcpy(out + *len, data, n);
    *len += n;
}


/* the first key is remembered: another one is not accepted any more */

static void
test_keys(void)
{
    u_char                          point[66];
    ngx_ohttp_relay_allow_entry_t   entry;

    memset(&entry, 0, sizeof(entry));
    policy.keys.any = 0;
    statement(NULL, NULL, 0, NULL, NO, "an empty list");

    policy.keys.entries = &entry;
    policy.keys.n = 1;
    entry.n = 1;
    entry.values[0].len = 32;

    ngx_ohttp_relay_base64((u_char *) key_text,
                           (u_char *) key_text + strlen(key_text), point,
                           sizeof(point));
    SHA256(point, 65, entry.values[0].value);
    statement(NULL, NULL, 0, NULL, OK, "the key that it had");

    entry.values[0].value[31] ^= 1;
    statement(NULL, NULL, 0, NULL, NO, "another key");

    policy.keys.any = 1;
}


static void
test_forms(void)
{
    size_t   i;
    u_char   hash[32], *copy;

    static const char *const  forms[] = {
        "", "[]", "{}", "{\"attestation\":{}}", "{\"attestation\":1}",
        "{\"attestation\":{\"se_public_key\":1},\"signature\":\"\"}",
        "{\"signature\":\"AA==\",\"signature\":\"AA==\"}"
    };

    for (i = 0; i < tap_array_len(forms); i++) {

        copy = tap_copy(forms[i], strlen(forms[i]));

        tap_ok(ngx_ohttp_relay_enclave_verify(copy, copy + strlen(forms[i]),
                                              &policy, hash, &finding)
               == BAD, "%s", tap_text(forms[i], strlen(forms[i])));
        tap_free(copy, strlen(forms[i]));
    }
}
