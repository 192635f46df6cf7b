
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "base64.h"
#include "binding.h"
#include "hex.h"
#include "key_list.h"
#include "nitriding.h"
#include "opengradient.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>


#define ACCEPTED   NGX_OHTTP_RELAY_ACCEPTED
#define REFUSED    NGX_OHTTP_RELAY_REFUSED
#define MALFORMED  NGX_OHTTP_RELAY_MALFORMED

#define CERTIFICATE  "not looked into: only its hash counts"


/* what of a signed configuration is made wrong */

typedef enum {
    GOOD = 0,
    SALT,               /* of 20 bytes */
    PKCS1,
    HASHED,             /* the digest is signed, not the message */
    SPKI,               /* another key is shown */
    SIGNER,             /* another key is shown, and signs */
    TEE_ID,
    NO_TEE_ID,
    UNSIGNED,
    KEY_ID,             /* these are changed after signing */
    KEM_ID,
    KDF_ID,
    AEAD_ID,
    PUBLIC_KEY,
    KEY_CONFIG,
    AGREED,             /* both, so that they agree */
    SIGNED_APART,       /* before: all of it is signed, and they disagree */
    SIGNED_SUITE        /* before: the pair is not in the configuration */
} wrong_e;


static void test_base64(void);
static void test_nitriding(void);
static void test_message(void);
static void test_signed(void);
static void test_forms(void);
static void test_key_list(void);
static ngx_ohttp_relay_answer_e judge(wrong_e wrong, int bare);
static ngx_ohttp_relay_answer_e judge_bound(const u_char *keys, size_t len,
    size_t certificate);
static void config_defaults(ngx_ohttp_relay_opengradient_t *og);
static void config_change(ngx_ohttp_relay_opengradient_t *og, wrong_e wrong);
static void config_sign(ngx_ohttp_relay_opengradient_t *og, wrong_e wrong);
static char *config_json(const ngx_ohttp_relay_opengradient_t *og, int bare);
static char *hex_text(const u_char *p, size_t len);
static char *base64_text(const u_char *p, size_t len);
static char *pem_text(EVP_PKEY *key);


static EVP_PKEY                   *signer, *other;
static u_char                      app[32];
static ngx_ohttp_relay_finding_t   finding;


int
main(void)
{
    u_char   *der;
    int       len;

    signer = EVP_RSA_gen(2048);
    other = EVP_RSA_gen(2048);

    der = NULL;
    len = i2d_PUBKEY(signer, &der);
    SHA256(der, len, app);
    OPENSSL_free(der);

    test_base64();
    test_nitriding();
    test_message();
    test_signed();
    test_forms();
    test_key_list();

    EVP_PKEY_free(signer);
    EVP_PKEY_free(other);

    return tap_done();
}


static void
test_base64(void)
{
    u_char   out[16], *copy;
    size_t   i, len;
    ssize_t  n;

    static const struct {
        const char  *text;
        ssize_t      n;
        const char  *bytes;
    } texts[] = {
        { "", 0, "" },
        { "Zg==", 1, "f" },
        { "Zm8=", 2, "fo" },
        { "Zm9v", 3, "foo" },
        { "Zm9vYg==", 4, "foob" },
        { "+/+/", 3, "\xfb\xff\xbf" },
        { "-_-_", -1, NULL },
        { "Zg", -1, NULL },
        { "Zg=", -1, NULL },
        { "Zg===", -1, NULL },
        { "Zh==", -1, NULL },
        { "Zg==Zg==", -1, NULL },
        { "====", -1, NULL },
        { "Zm9v\n", -1, NULL },
        { "Zm 9v", -1, NULL },
        { "Zm9vZm9vZm9vZm9vZm9vZm9v", -1, NULL },
    };

    for (i = 0; i < tap_array_len(texts); i++) {

        len = strlen(texts[i].text);
        copy = tap_copy(texts[i].text, len);

        n = ngx_ohttp_relay_base64(copy, copy + len, out, sizeof(out));

        tap_ok(n == texts[i].n && (n <= 0 || !memcmp(out, texts[i].bytes, n)),
               "base64 \"%s\": %zd", tap_text(texts[i].text, len),
               texts[i].n);
        tap_free(copy, len);
    }
}


static void
test_nitriding(void)
{
    u_char                        data[69], *copy;
    size_t                        i;
    ngx_ohttp_relay_slice_t       slice;
    ngx_ohttp_relay_nitriding_t   nitriding;

    static const struct {
        size_t                     len;
        int                        byte;    /* that is changed */
        u_char                     to;
        ngx_ohttp_relay_answer_e   answer;
        const char                *name;
    } cases[] = {
        { 68, 0, 0x12, ACCEPTED, "68 bytes" },
        { 67, 0, 0x12, REFUSED, "67" },
        { 69, 0, 0x12, REFUSED, "69" },
        { 0, 0, 0x12, REFUSED, "none" },
        { 68, 0, 0x13, REFUSED, "another hash of the certificate" },
        { 68, 1, 0x21, REFUSED, "another length" },
        { 68, 34, 0x11, REFUSED, "another hash of the application" },
        { 68, 35, 0x1f, REFUSED, "another length" },
    };

    memset(data, 7, sizeof(data));
    memcpy(data, "\x12\x20", 2);
    memcpy(data + 34, "\x12\x20", 2);

    for (i = 0; i < tap_array_len(cases); i++) {

        copy = tap_copy(data, cases[i].len);

        if (cases[i].len) {
            copy[cases[i].byte] = cases[i].to;
        }

        slice.data = copy;
        slice.len = cases[i].len;

        tap_ok(ngx_ohttp_relay_nitriding(&slice, &nitriding, &finding)
               == cases[i].answer, "nitriding: %s", cases[i].name);
        tap_free(copy, cases[i].len);
    }

    slice.data = data;
    slice.len = 68;

    memset(data + 36, 0, 32);
    tap_ok(ngx_ohttp_relay_nitriding(&slice, &nitriding, &finding) == REFUSED,
           "nitriding: nothing was posted");

    memset(data + 36, 7, 32);
    memset(data + 2, 0, 32);
    tap_ok(ngx_ohttp_relay_nitriding(&slice, &nitriding, &finding) == REFUSED,
           "nitriding: no certificate");

    slice.data = NULL;
    tap_ok(ngx_ohttp_relay_nitriding(&slice, &nitriding, &finding) == REFUSED,
           "nitriding: no user_data");
}


/* the id is 00 01 .. 1f; by an implementation of the gateway's language */

static void
test_message(void)
{
    u_char                           i, out[32], right[32], tee_id[32];
    ngx_ohttp_relay_opengradient_t   og;

    static const char  hex[] =
        "f2a783a780198b72145ce4f4824c3de4993975e17ee8df1e59f3b5dd78a0f1d9";

    for (i = 0; i < 32; i++) {
        tee_id[i] = i;
    }

    config_defaults(&og);
    ngx_ohttp_relay_hex((const u_char *) hex, (const u_char *) hex + 64,
                        right);
    ngx_ohttp_relay_opengradient_message(&og, tee_id, out);

    tap_ok(memcmp(out, right, 32) == 0, "the message that is signed");
}


static void
test_signed(void)
{
    size_t  i;

    static const struct {
        wrong_e                    wrong;
        ngx_ohttp_relay_answer_e   answer;
        const char                *name;
    } cases[] = {
        { GOOD, ACCEPTED, "as it should be" },
        { SALT, REFUSED, "a salt of 20 bytes" },
        { PKCS1, REFUSED, "another padding" },
        { HASHED, REFUSED, "a digest as message" },
        { SPKI, REFUSED, "another key" },
        { SIGNER, REFUSED, "another key that signs" },
        { TEE_ID, REFUSED, "another tee_id" },
        { NO_TEE_ID, MALFORMED, "no tee_id" },
        { UNSIGNED, REFUSED, "no signature" },
        { KEY_ID, REFUSED, "another key_id" },
        { KEM_ID, REFUSED, "another kem_id" },
        { KDF_ID, REFUSED, "another kdf_id" },
        { AEAD_ID, REFUSED, "another aead_id" },
        { PUBLIC_KEY, REFUSED, "another public_key" },
        { KEY_CONFIG, REFUSED, "another key_config" },
        { AGREED, REFUSED, "another key in both" },
        { SIGNED_APART, REFUSED, "two keys, signed" },
        { SIGNED_SUITE, REFUSED, "a pair that is not offered, signed" },
    };

    for (i = 0; i < tap_array_len(cases); i++) {
        judge(cases[i].wrong, 0);
        tap_ok(finding.answer == cases[i].answer, "OpenGradient, %s: %d %s",
               cases[i].name, cases[i].answer, finding.reason);
    }

    tap_ok(judge(GOOD, 1) == REFUSED, "a configuration without its key");
}


static ngx_ohttp_relay_answer_e
judge(wrong_e wrong, int bare)
{
    char                            *json;
    u_char                          *copy;
    ngx_ohttp_relay_opengradient_t   og;

    config_defaults(&og);

    if (wrong == SIGNED_APART || wrong == SIGNED_SUITE) {
        config_change(&og, wrong);
    }

    config_sign(&og, wrong);

    if (wrong != SIGNED_APART && wrong != SIGNED_SUITE) {
        config_change(&og, wrong);
    }

    json = config_json(&og, bare);
    copy = tap_copy(json, strlen(json));

    if (judge_bound(copy, strlen(json), sizeof(CERTIFICATE) - 2) == ACCEPTED) {
        tap_ok(0, "not with another certificate");
    }

    judge_bound(copy, strlen(json), sizeof(CERTIFICATE) - 1);

    tap_free(copy, strlen(json));

    return finding.answer;
}


/* keys, and a certificate as long as that */

static ngx_ohttp_relay_answer_e
judge_bound(const u_char *keys, size_t len, size_t certificate)
{
    u_char                       user_data[68];
    ngx_ohttp_relay_pin_t        pin;
    ngx_ohttp_relay_nitro_t      nitro;
    ngx_ohttp_relay_binding_t    binding;

    memcpy(user_data, "\x12\x20", 2);
    SHA256((const u_char *) CERTIFICATE, sizeof(CERTIFICATE) - 1,
           user_data + 2);
    memcpy(user_data + 34, "\x12\x20", 2);
    memcpy(user_data + 36, app, 32);

    memset(&nitro, 0, sizeof(nitro));
    memset(&pin, 0, sizeof(pin));

    nitro.user_data.data = user_data;
    nitro.user_data.len = sizeof(user_data);

    binding.scheme = NGX_OHTTP_RELAY_BIND_OPENGRADIENT;
    binding.certificate.data = (const u_char *) CERTIFICATE;
    binding.certificate.len = certificate;
    binding.keys.data = keys;
    binding.keys.len = len;

    ngx_ohttp_relay_binding_nitro(&binding, &nitro, &pin, &finding);

    if (finding.answer == ACCEPTED
        && (pin.kind != NGX_OHTTP_RELAY_PIN_CERT
            || memcmp(pin.digest, user_data + 2, 32) != 0))
    {
        tap_ok(0, "the pin is that of the evidence");
    }

    return finding.answer;
}


static void
config_defaults(ngx_ohttp_relay_opengradient_t *og)
{
    memset(og, 0, sizeof(ngx_ohttp_relay_opengradient_t));

    og->key_id = 1;
    og->kem_id = 0x20;
    og->kdf_id = 1;
    og->aead_id = 3;

    og->public_key_len = 32;
    memset(og->public_key, 2, 32);

    og->key_config_len = 41;
    memcpy(og->key_config, "\x01\x00\x20", 3);
    memset(og->key_config + 3, 2, 32);
    memcpy(og->key_config + 35, "\x00\x04\x00\x01\x00\x03", 6);
}


static void
config_change(ngx_ohttp_relay_opengradient_t *og, wrong_e wrong)
{
    switch (wrong) {

    case TEE_ID:
        og->tee_id[31] ^= 1;
        break;

    case NO_TEE_ID:
        og->tee_id_len = 0;
        break;

    case UNSIGNED:
        og->signature_len = 0;
        break;

    case KEY_ID:
        og->key_id = 2;
        break;

    case KEM_ID:
        og->kem_id = 0x10;
        break;

    case KDF_ID:
        og->kdf_id = 2;
        break;

    case AEAD_ID:
    case SIGNED_SUITE:
        og->aead_id = 1;
        break;

    case PUBLIC_KEY:
    case SIGNED_APART:
        og->public_key[0] = 3;
        break;

    case KEY_CONFIG:
        og->key_config[3] = 3;
        break;

    case AGREED:
        og->key_config[3] = 3;
        og->public_key[0] = 3;
        break;

    default:
        break;
    }
}


static void
config_sign(ngx_ohttp_relay_opengradient_t *og, wrong_e wrong)
{
    int            n;
    u_char        *der, message[32];
    EVP_MD_CTX    *ctx;
    EVP_PKEY_CTX  *pctx;

    der = og->spki;
    og->spki_len = i2d_PUBKEY(wrong == SIGNER ? other : signer, &der);

    og->tee_id_len = 32;
    ngx_ohttp_relay_keccak(og->spki, og->spki + og->spki_len, og->tee_id);
    ngx_ohttp_relay_opengradient_message(og, og->tee_id, message);

    n = sizeof(message);

    if (wrong == HASHED) {
        SHA256(message, n, message);
    }

    ctx = EVP_MD_CTX_new();
    EVP_DigestSignInit(ctx, &pctx, EVP_sha256(), NULL,
                       wrong == SIGNER ? other : signer);

    if (wrong != PKCS1) {
        EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, wrong == SALT ? 20 : 32);
    }

    og->signature_len = sizeof(og->signature);
    EVP_DigestSign(ctx, og->signature, &og->signature_len, message, n);
    EVP_MD_CTX_free(ctx);

    /* the JSON shows the other one then */

    if (wrong == SPKI || wrong == SIGNER) {
        og->spki_len = 0;
    }
}


/* what /signing-key says; bare: what /v1/ohttp/config says */

static char *
config_json(const ngx_ohttp_relay_opengradient_t *og, int bare)
{
    int          n;
    static char  json[16384], config[8192];

    n = snprintf(config, sizeof(config),
                 "{\"key_id\":%u,\"kem_id\":%u,\"kdf_id\":%u,\"aead_id\":%u,"
                 "\"public_key\":\"%s\",", og->key_id, og->kem_id, og->kdf_id,
                 og->aead_id, hex_text(og->public_key, og->public_key_len));

    n += snprintf(config + n, sizeof(config) - n, "\"key_config\":\"%s\"",
                  base64_text(og->key_config, og->key_config_len));

    if (og->signature_len) {
        n += snprintf(config + n, sizeof(config) - n, ",\"signature\":\"%s\"",
                      base64_text(og->signature, og->signature_len));
    }

    if (og->tee_id_len) {
        n += snprintf(config + n, sizeof(config) - n, ",\"tee_id\":\"0x%s\"",
                      hex_text(og->tee_id, og->tee_id_len));
    }

    snprintf(config + n, sizeof(config) - n, "}");

    if (bare) {
        return config;
    }

    snprintf(json, sizeof(json), "{\"tee_id\":\"0x%s\",\"public_key\":\"%s\","
             "\"timestamp\":1,\"hpke\":%s}\n", hex_text(og->tee_id, 32),
             pem_text(og->spki_len ? signer : other), config);

    return json;
}


static char *
hex_text(const u_char *p, size_t len)
{
    size_t       i;
    static char  text[256];

    for (i = 0; i < len && 2 * i + 2 < sizeof(text); i++) {
        snprintf(text + 2 * i, 3, "%02X", p[i]);
    }

    return text;
}


static char *
base64_text(const u_char *p, size_t len)
{
    static char  text[2048];

    EVP_EncodeBlock((u_char *) text, p, (int) len);

    return text;
}


/* with line ends as JSON writes them */

static char *
pem_text(EVP_PKEY *key)
{
    BIO          *bio;
    long          i, len;
    char         *data, *p;
    static char   text[2048];

    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, key);
    len = BIO_get_mem_data(bio, &data);

    for (p = text, i = 0; i < len; i++) {

        if (data[i] == '\n') {
            *p++ = '\\';
            *p++ = 'n';

        } else {
            *p++ = data[i];
        }
    }

    *p = '\0';
    BIO_free(bio);

    return text;
}


/* JSON that is another one, or none */

static void
test_forms(void)
{
    size_t                           i;
    u_char                          *copy;
    ngx_ohttp_relay_opengradient_t   og;

    static const char *const  forms[] = {
        "", "{", "[]", "{}", "{\"hpke\":1}", "{\"hpke\":{}}",
        "{\"key_id\":1}",
        "{\"key_id\":256,\"kem_id\":32,\"kdf_id\":1,\"aead_id\":3,"
            "\"public_key\":\"02\",\"key_config\":\"AQ==\"}",
        "{\"key_id\":\"1\",\"kem_id\":32,\"kdf_id\":1,\"aead_id\":3,"
            "\"public_key\":\"02\",\"key_config\":\"AQ==\"}",
        "{\"key_id\":1,\"kem_id\":32,\"kdf_id\":1,\"aead_id\":3,"
            "\"public_key\":\"\",\"key_config\":\"AQ==\"}",
        "{\"key_id\":1,\"kem_id\":32,\"kdf_id\":1,\"aead_id\":3,"
            "\"public_key\":\"0x\",\"key_config\":\"AQ==\"}",
        "{\"key_id\":1,\"kem_id\":32,\"kdf_id\":1,\"aead_id\":3,"
            "\"public_key\":\"02\",\"key_config\":\"AQ\"}",
        "{\"key_id\":1,\"key_id\":1,\"kem_id\":32,\"kdf_id\":1,\"aead_id\":3,"
            "\"public_key\":\"02\",\"key_config\":\"AQ==\"}",
        "{\"hpke\":{},\"public_key\":\"-----BEGIN PUBLIC KEY-----\"}",
    };

    for (i = 0; i < tap_array_len(forms); i++) {
        copy = tap_copy(forms[i], strlen(forms[i]));

        tap_ok(ngx_ohttp_relay_opengradient_parse(copy,
                                                  copy + strlen(forms[i]),
                                                  &og, &finding)
               == MALFORMED, "%s", tap_text(forms[i], strlen(forms[i])));
        tap_free(copy, strlen(forms[i]));
    }
}


static void
test_key_list(void)
{
    char                            *json;
    size_t                           len;
    u_char                           data[256];
    const u_char                    *p, *last;
    ngx_ohttp_relay_opengradient_t   og;

    static ngx_ohttp_relay_key_list_t  list, again;

    config_defaults(&og);

    tap_ok(ngx_ohttp_relay_key_list_make(og.key_config, og.key_config + 41,
                                         &list, &finding)
           == ACCEPTED && list.form == NGX_OHTTP_RELAY_KEYS_BARE
           && list.len == 43 && memcmp(list.data, "\0\51", 2) == 0
           && memcmp(list.data + 2, og.key_config, 41) == 0,
           "a bare key becomes a list");

    ngx_ohttp_relay_key_list_suites(&list, 0, &p, &last);
    tap_ok(last - p == 4 && memcmp(p, "\0\1\0\3", 4) == 0, "with its pair");

    tap_ok(ngx_ohttp_relay_key_list_make(list.data, list.data + list.len,
                                         &again, &finding)
           == ACCEPTED && again.form == NGX_OHTTP_RELAY_KEYS_LIST
           && again.len == 43 && memcmp(again.data, list.data, 43) == 0,
           "a list stays what it is");

    json = config_json(&og, 1);
    tap_ok(ngx_ohttp_relay_key_list_make((u_char *) json,
                                         (u_char *) json + strlen(json),
                                         &again, &finding)
           == ACCEPTED && again.form == NGX_OHTTP_RELAY_KEYS_JSON
           && again.len == 43 && memcmp(again.data, list.data, 43) == 0,
           "JSON becomes the same list");

    og.key_config[1] = 0x7f;
    tap_ok(ngx_ohttp_relay_key_list_make(og.key_config, og.key_config + 41,
                                         &again, &finding)
           == REFUSED, "a key of an unknown KEM is not published alone");

    memcpy(data, list.data, list.len);
    data[list.len] = 0;
    data[list.len + 1] = 41;
    memcpy(data + list.len + 2, og.key_config, 41);
    len = list.len + 43;

    tap_ok(ngx_ohttp_relay_key_list_make(data, data + len, &again, &finding)
           == ACCEPTED && again.len == len && again.set.n == 2,
           "beside another it is");

    ngx_ohttp_relay_key_list_suites(&again, 1, &p, &last);
    tap_ok(p == last && p == again.data + len, "without pairs");

    tap_ok(ngx_ohttp_relay_key_list_make(data, data + len - 1, &again,
                                         &finding)
           == MALFORMED, "a list that is cut is none");
}
