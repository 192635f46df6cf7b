
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* reports of a NEAR gateway, made here; and gateways that are pinned */


#include "tdx_make.h"
#include "hex.h"
#include "near.h"
#include "pinned.h"
#include "tdx.h"


#define OK   NGX_OHTTP_RELAY_ACCEPTED
#define NO   NGX_OHTTP_RELAY_REFUSED
#define BAD  NGX_OHTTP_RELAY_MALFORMED

#define LOG                                                                  \
    "[{\"imr\":3,\"event_type\":134217729,\"digest\":\"\",\"event\":"        \
    "\"app-id\",\"event_payload\":\"01\"},{\"imr\":3,\"event_type\":"        \
    "134217729,\"digest\":\"\",\"event\":\"system-ready\","                  \
    "\"event_payload\":\"\"}]"


typedef enum {
    NEAR_GOOD = 0,
    NEAR_LOG_ARRAY,         /* not in a string */
    NEAR_PREFIXES,          /* 0x in front of digits */
    NEAR_ECDSA,
    NEAR_NO_OHTTP,
    NEAR_OTHER_KEY,         /* signs, and says so */
    NEAR_CLAIMED_KEY,       /* signs, and says it is the attested one */
    NEAR_SAYS_OTHER,        /* the attested one signs, and says it is not */
    NEAR_OTHER_BYTES,
    NEAR_LIST,              /* not a bare key, but signed */
    NEAR_SHORT_SIGNATURE,
    NEAR_NO_TLS,
    NEAR_ZERO_TLS,
    NEAR_OTHER_TLS,         /* says another one; the quote does not */
    NEAR_QUOTE_NO_TLS,      /* report data of the key alone */
    NEAR_QUOTE_OTHER_TLS,   /* of another connection */
    NEAR_OTHER_NONCE,
    NEAR_NO_QUOTE,
    NEAR_NO_LOG,
    NEAR_OTHER_LOG,
    NEAR_LONG_KEY,          /* of ECDSA: 64 bytes */
    NEAR_TWICE              /* a member */
} near_wrong_e;


static void test_reports(void);
static ngx_ohttp_relay_answer_e judge(near_wrong_e wrong);
static ngx_ohttp_relay_answer_e judge_report(const char *text,
    tdx_pki_t *pki);
static void near_data(near_wrong_e wrong);
static char *near_report(near_wrong_e wrong, tdx_pki_t *pki);
static json_t *near_ohttp(near_wrong_e wrong);
static json_t *near_hex(near_wrong_e wrong, const u_char *p, size_t len);
static void test_pinned(void);
static void test_pins(const u_char *der, size_t len);
static void pinned_key(const u_char *der, size_t len, u_char *digest);
static void pinned(const u_char *der, size_t len, size_t keys_len,
    const ngx_ohttp_relay_pinned_policy_t *policy,
    ngx_ohttp_relay_answer_e answer, const char *name);


static EVP_PKEY                   *signer, *other;
static u_char                      key[32], other_key[32], spki[32];
static u_char                      nonce[32], config[41];
static ngx_ohttp_relay_finding_t   finding;


int
main(void)
{
    size_t  len;

    len = 32;
    signer = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    EVP_PKEY_get_raw_public_key(signer, key, &len);

    len = 32;
    other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    EVP_PKEY_get_raw_public_key(other, other_key, &len);

    memset(spki, 0x77, sizeof(spki));
    memset(nonce, 0x99, sizeof(nonce));

    memcpy(config, "\x01\x00\x20", 3);
    memset(config + 3, 2, 32);
    memcpy(config + 35, "\x00\x04\x00\x01\x00\x03", 6);

    test_reports();
    test_pinned();

    EVP_PKEY_free(signer);
    EVP_PKEY_free(other);

    return tap_done();
}


static void
test_reports(void)
{
    size_t  i;

    static const struct {
        near_wrong_e               wrong;
        ngx_ohttp_relay_answer_e   answer;
        const char                *name;
    } cases[] = {
        { NEAR_GOOD, OK, "as it should be" },
        { NEAR_LOG_ARRAY, OK, "a log that is an array" },
        { NEAR_PREFIXES, OK, "digits with a prefix" },
        { NEAR_ECDSA, NO, "the other algorithm" },
        { NEAR_NO_OHTTP, NO, "no signed keys" },
        { NEAR_OTHER_KEY, NO, "signed by another key" },
        { NEAR_CLAIMED_KEY, NO, "signed by another key that hides" },
        { NEAR_SAYS_OTHER, NO, "another key is named" },
        { NEAR_OTHER_BYTES, NO, "other bytes are signed" },
        { NEAR_LIST, BAD, "a list of keys" },
        { NEAR_SHORT_SIGNATURE, BAD, "a short signature" },
        { NEAR_NO_TLS, NO, "no key of TLS" },
        { NEAR_ZERO_TLS, NO, "a key of TLS that is zero" },
        { NEAR_OTHER_TLS, NO, "another key of TLS beside the quote" },
        { NEAR_QUOTE_NO_TLS, NO, "a quote without a key of TLS" },
        { NEAR_QUOTE_OTHER_TLS, NO, "a quote with another one" },
        { NEAR_OTHER_NONCE, NO, "another nonce" },
        { NEAR_NO_QUOTE, BAD, "no quote" },
        { NEAR_NO_LOG, BAD, "no log" },
        { NEAR_OTHER_LOG, NO, "another log" },
        { NEAR_LONG_KEY, BAD, "a key of ECDSA" },
        { NEAR_TWICE, BAD, "a member twice" },
    };

    for (i = 0; i < tap_array_len(cases); i++) {
        judge(cases[i].wrong);
        tap_ok(finding.answer == cases[i].answer, "NEAR, %s: %d %s",
               cases[i].name, cases[i].answer, finding.reason);
    }
}


static ngx_ohttp_relay_answer_e
judge(near_wrong_e wrong)
{
    char                         *text;
    tdx_pki_t                     pki;
    ngx_ohttp_relay_event_log_t   log;

    if (ngx_ohttp_relay_event_log((const u_char *) LOG,
                                  (const u_char *) LOG + sizeof(LOG) - 1,
                                  &log, &finding)
        != OK)
    {
        printf("Bail out! no log\n");
        exit(2);
    }

    memcpy(tdx_rtmrs, log.rtmrs, sizeof(tdx_rtmrs));

    if (wrong == NEAR_OTHER_LOG) {
        tdx_rtmrs[3][0] ^= 1;
    }

    near_data(wrong);
    tdx_authorities(TDX_GOOD, &pki);

    text = near_report(wrong, &pki);
    judge_report(text, &pki);

    free(text);
    tdx_forget(&pki);

    return finding.answer;
}


static ngx_ohttp_relay_answer_e
judge_report(const char *text, tdx_pki_t *pki)
{
    char                            *bundle;
    u_char                          *copy, data[64];
    ngx_ohttp_relay_tdx_t            tdx;
    ngx_ohttp_relay_near_t           near;
    ngx_ohttp_relay_quote_t          quote;
    ngx_ohttp_relay_tdx_policy_t     policy;

    copy = tap_copy(text, strlen(text));

    if (ngx_ohttp_relay_near_parse(copy, copy + strlen(text), &near, &finding)
        == OK
        && ngx_ohttp_relay_quote_parse(near.quote.data,
                                       near.quote.data + near.quote.len,
                                       &quote, &finding)
           == OK)
    {
        bundle = tdx_bundle(TDX_GOOD, pki);
        ngx_ohttp_relay_near_report_data(&near, spki, nonce, data);

        memset(&policy, 0, sizeof(policy));

        policy.root = pki->root;
        policy.now = TDX_NOW;
        policy.max_age = 600;
        policy.tcb = 1;
        policy.collateral.data = (const u_char *) bundle;
        policy.collateral.len = strlen(bundle);
        policy.event_log = near.event_log;
        policy.report_data.data = data;
        policy.report_data.len = sizeof(data);
        policy.allow.any = 1;

        if (ngx_ohttp_relay_tdx_verify(&quote, &policy, &tdx, &finding) == OK)
        {
            ngx_ohttp_relay_near_verify(&near, spki, &finding);
        }

        free(bundle);
    }

    ngx_ohttp_relay_near_free(&near);
    tap_free(copy, strlen(text));

    return finding.answer;
}


/* what the quote says */

static void
near_data(near_wrong_e wrong)
{
    u_char  both[64];

    memcpy(both, key, 32);
    memcpy(both + 32, spki, 32);

    if (wrong == NEAR_QUOTE_OTHER_TLS) {
        both[63] ^= 1;
    }

    SHA256(both, sizeof(both), tdx_report_data);

    if (wrong == NEAR_QUOTE_NO_TLS) {
        memcpy(tdx_report_data, key, 32);
    }

    memcpy(tdx_report_data + 32, nonce, 32);
    tdx_report_data[63] ^= wrong == NEAR_OTHER_NONCE;
}


static char *
near_report(near_wrong_e wrong, tdx_pki_t *pki)
{
    char              *text, *again;
    u_char             tls[32], keys[64];
    json_t            *report;

    static tdx_buf_t   quote;

    report = json_object();
    tdx_quote(TDX_GOOD, pki, &quote);

    memcpy(tls, spki, sizeof(tls));
    memcpy(keys, key, 32);
    memset(keys + 32, 1, 32);

    if (wrong == NEAR_ZERO_TLS) {
        memset(tls, 0, sizeof(tls));
    }

    tls[0] ^= wrong == NEAR_OTHER_TLS;

    if (wrong != NEAR_NO_QUOTE) {
        json_object_set_new(report, "intel_quote",
                            near_hex(wrong, quote.data, quote.len));
    }

    if (wrong != NEAR_NO_LOG) {
        json_object_set_new(report, "event_log", wrong == NEAR_LOG_ARRAY
                            ? json_loads(LOG, 0, NULL) : json_string(LOG));
    }

    if (wrong != NEAR_NO_TLS) {
        json_object_set_new(report, "tls_cert_fingerprint",
                            near_hex(wrong, tls, sizeof(tls)));
    }

    if (wrong != NEAR_NO_OHTTP) {
        json_object_set_new(report, "ohttp_attestation", near_ohttp(wrong));
    }

    json_object_set_new(report, "signing_public_key",
                        near_hex(wrong, keys, wrong == NEAR_LONG_KEY ? 64
                                                                     : 32));
    json_object_set_new(report, "nvidia_payload", json_string("{}"));
    json_object_set_new(report, "nvidia_payloax", json_string("{}"));

    text = json_dumps(report, 0);
    json_decref(report);

    again = strstr(text, "nvidia_payloax");

    if (wrong == NEAR_TWICE) {
        again[13] = 'd';
    }

    return text;
}


static json_t *
near_ohttp(near_wrong_e wrong)
{
    size_t       len, signed_len;
    u_char       sig[64], keys[43], says[32];
    json_t      *ohttp;
    EVP_MD_CTX  *ctx;

    ohttp = json_object();
    len = wrong == NEAR_LIST ? 43 : 41;

    memcpy(keys, "\0\51", 2);
    memcpy(keys + (len - 41), config, 41);

    signed_len = sizeof(sig);
    ctx = EVP_MD_CTX_new();
    EVP_DigestSignInit(ctx, NULL, NULL, NULL,
                       wrong == NEAR_OTHER_KEY || wrong == NEAR_CLAIMED_KEY
                       ? other : signer);
    EVP_DigestSign(ctx, sig, &signed_len, keys, len);
    EVP_MD_CTX_free(ctx);

    keys[len - 1] ^= wrong == NEAR_OTHER_BYTES;

    memcpy(says, wrong == NEAR_OTHER_KEY || wrong == NEAR_SAYS_OTHER
                 ? other_key : key, 32);

    json_object_set_new(ohttp, "signing_algo",
                        json_string(wrong == NEAR_ECDSA ? "ecdsa"
                                                        : "ed25519"));
    json_object_set_new(ohttp, "signing_key", near_hex(wrong, says, 32));
    json_object_set_new(ohttp, "key_config", near_hex(wrong, keys, len));
    json_object_set_new(ohttp, "signature",
                        near_hex(wrong, sig, wrong == NEAR_SHORT_SIGNATURE
                                             ? 63 : 64));

    return ohttp;
}


static json_t *
near_hex(near_wrong_e wrong, const u_char *p, size_t len)
{
    json_t  *plain, *with;

    plain = tdx_hex(p, len);

    if (wrong != NEAR_PREFIXES) {
        return plain;
    }

    with = json_sprintf("0x%s", json_string_value(plain));
    json_decref(plain);

    return with;
}


static void
test_pinned(void)
{
    int         len;
    u_char     *der;
    tdx_pki_t   pki;

    tdx_authorities(TDX_GOOD, &pki);

    der = NULL;
    len = i2d_X509(pki.signer, &der);

    test_pins(der, len);

    OPENSSL_free(der);
    tdx_forget(&pki);
}


static void
test_pins(const u_char *der, size_t len)
{
    u_char                            list[43];
    ngx_ohttp_relay_pin_t             pins[2];
    ngx_ohttp_relay_allow_entry_t     entry;
    ngx_ohttp_relay_pinned_policy_t   policy;

    memset(&entry, 0, sizeof(entry));
    memset(&policy, 0, sizeof(policy));
    memset(pins, 0, sizeof(pins));

    policy.keys.entries = &entry;
    policy.keys.n = 1;
    policy.pins = pins;
    policy.npins = 2;
    policy.now = TDX_NOW;
    policy.max_age = 600;
    policy.not_after = -1;

    pins[1].kind = NGX_OHTTP_RELAY_PIN_SPKI;
    pinned(der, len, 41, &policy, NO, "no hash of keys");

    /* of the list that the bare key becomes */

    memcpy(list, "\0\51", 2);
    memcpy(list + 2, config, 41);
    entry.n = 1;
    entry.values[0].len = 32;
    SHA256(list, sizeof(list), entry.values[0].value);

    pinned(der, len, 41, &policy, NO, "another certificate");

    SHA256(der, len, pins[0].digest);
    pinned(der, len, 41, &policy, OK, "its certificate");

    pins[0].digest[31] ^= 1;
    pinned_key(der, len, pins[1].digest);
    pinned(der, len, 41, &policy, OK, "its key");
    tap_ok(finding.valid_until == TDX_NOW + 600, "for so long");

    policy.not_after = TDX_NOW + 60;
    pinned(der, len, 41, &policy, OK, "a policy with an end");
    tap_ok(finding.valid_until == TDX_NOW + 60, "until then");

    policy.not_after = TDX_NOW;
    pinned(der, len, 41, &policy, NO, "a policy that has ended");

    policy.not_after = -1;
    policy.npins = 1;
    pinned(der, len, 41, &policy, NO, "another pin");

    policy.npins = 0;
    pinned(der, len, 41, &policy, NO, "no pins");

    policy.npins = 2;
    pinned(der, len, 40, &policy, BAD, "keys that are none");
}


static void
pinned_key(const u_char *der, size_t len, u_char *digest)
{
    ngx_ohttp_relay_slice_t  cert;

    cert.data = der;
    cert.len = len;

    ngx_ohttp_relay_pinned_digest(&cert, NGX_OHTTP_RELAY_PIN_SPKI, digest);
}


static void
pinned(const u_char *der, size_t len, size_t keys_len,
    const ngx_ohttp_relay_pinned_policy_t *policy,
    ngx_ohttp_relay_answer_e answer, const char *name)
{
    ngx_ohttp_relay_pin_t     pin;
    ngx_ohttp_relay_slice_t   keys, cert;

    keys.data = config;
    keys.len = keys_len;
    cert.data = der;
    cert.len = len;

    tap_ok(ngx_ohttp_relay_pinned_verify(&keys, &cert, policy, &pin, &finding)
           == answer, "pinned, %s: %d", name, answer);
}
