
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "opengradient.h"
#include "base64.h"
#include "hex.h"
#include "json.h"
#include "key_config.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>


#define NGX_OHTTP_RELAY_OPENGRADIENT_DOMAIN                                  \
    "OPENGRADIENT_TEE_OHTTP_CONFIG_V1"

#define NGX_OHTTP_RELAY_OPENGRADIENT_BITS  2048
#define NGX_OHTTP_RELAY_OPENGRADIENT_SALT  32


static const char *ngx_ohttp_relay_opengradient_config(
    const ngx_ohttp_relay_slice_t *object, ngx_ohttp_relay_opengradient_t *og);
static int ngx_ohttp_relay_opengradient_number(
    const ngx_ohttp_relay_slice_t *object, const char *name, int64_t max,
    uint16_t *n);
static int ngx_ohttp_relay_opengradient_hex(
    const ngx_ohttp_relay_slice_t *object, const char *name, u_char *out,
    size_t size, size_t *len);
static int ngx_ohttp_relay_opengradient_base64(
    const ngx_ohttp_relay_slice_t *object, const char *name, u_char *out,
    size_t size, size_t *len);
static int ngx_ohttp_relay_opengradient_spki(
    const ngx_ohttp_relay_slice_t *object, ngx_ohttp_relay_opengradient_t *og);
static int ngx_ohttp_relay_opengradient_agrees(
    const ngx_ohttp_relay_opengradient_t *og);
static void ngx_ohttp_relay_opengradient_word(u_char *out, uint16_t n);
static ngx_ohttp_relay_answer_e ngx_ohttp_relay_opengradient_signature(
    const ngx_ohttp_relay_opengradient_t *og, EVP_PKEY *key,
    const u_char *message, ngx_ohttp_relay_finding_t *finding);


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_opengradient_parse(const u_char *p, const u_char *last,
    ngx_ohttp_relay_opengradient_t *og, ngx_ohttp_relay_finding_t *finding)
{
    const char                    *error;
    ngx_ohttp_relay_slice_t        text;
    ngx_ohttp_relay_json_value_t   hpke;

    memset(og, 0, sizeof(ngx_ohttp_relay_opengradient_t));

    if (last - p > NGX_OHTTP_RELAY_OPENGRADIENT_BYTES
        || ngx_ohttp_relay_json_object(p, last) != NGX_OHTTP_RELAY_OK)
    {
        return ngx_ohttp_relay_malformed(finding,
                                         "the keys are no JSON object");
    }

    text.data = p;
    text.len = last - p;

    if (ngx_ohttp_relay_json_member(&text, "hpke", &hpke)
        == NGX_OHTTP_RELAY_OK)
    {
        if (hpke.type != NGX_OHTTP_RELAY_JSON_OBJECT
            || ngx_ohttp_relay_opengradient_spki(&text, og)
               != NGX_OHTTP_RELAY_OK)
        {
            return ngx_ohttp_relay_malformed(finding,
                                    "there is no public key, or it is wrong");
        }

        text = hpke.text;
    }

    error = ngx_ohttp_relay_opengradient_config(&text, og);

    if (error != NULL) {
        return ngx_ohttp_relay_malformed(finding, error);
    }

    if (!ngx_ohttp_relay_opengradient_agrees(og)) {
        return ngx_ohttp_relay_refused(finding,
                   "key_config is not what stands beside it");
    }

    return ngx_ohttp_relay_accepted(finding);
}


/* returns NULL, or what is wrong */

static const char *
ngx_ohttp_relay_opengradient_config(const ngx_ohttp_relay_slice_t *object,
    ngx_ohttp_relay_opengradient_t *og)
{
    uint16_t                      key_id;
    ngx_ohttp_relay_json_value_t  value;

    if (ngx_ohttp_relay_opengradient_number(object, "key_id", 0xff, &key_id)
        != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_opengradient_number(object, "kem_id", 0xffff,
                                               &og->kem_id)
           != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_opengradient_number(object, "kdf_id", 0xffff,
                                               &og->kdf_id)
           != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_opengradient_number(object, "aead_id", 0xffff,
                                               &og->aead_id)
           != NGX_OHTTP_RELAY_OK)
    {
        return "an identifier of the key is missing or wrong";
    }

    og->key_id = (uint8_t) key_id;

    if (ngx_ohttp_relay_opengradient_hex(object, "public_key", og->public_key,
                                         sizeof(og->public_key),
                                         &og->public_key_len)
        != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_opengradient_base64(object, "key_config",
                                               og->key_config,
                                               sizeof(og->key_config),
                                               &og->key_config_len)
           != NGX_OHTTP_RELAY_OK)
    {
        return "public_key or key_config is missing or wrong";
    }

    /* some versions do not sign it */

    if (ngx_ohttp_relay_json_member(object, "signature", &value)
        != NGX_OHTTP_RELAY_OK)
    {
        return NULL;
    }

    if (ngx_ohttp_relay_opengradient_base64(object, "signature",
                                            og->signature,
                                            sizeof(og->signature),
                                            &og->signature_len)
        != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_opengradient_hex(object, "tee_id", og->tee_id,
                                            sizeof(og->tee_id),
                                            &og->tee_id_len)
           != NGX_OHTTP_RELAY_OK
        || og->tee_id_len != sizeof(og->tee_id))
    {
        return "signature or tee_id is missing or wrong";
    }

    return NULL;
}


static int
ngx_ohttp_relay_opengradient_number(const ngx_ohttp_relay_slice_t *object,
    const char *name, int64_t max, uint16_t *n)
{
    int64_t                       number;
    ngx_ohttp_relay_json_value_t  value;

    if (ngx_ohttp_relay_json_member(object, name, &value)
        != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_json_integer(&value, &number) != NGX_OHTTP_RELAY_OK
        || number < 0 || number > max)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    *n = (uint16_t) number;

    return NGX_OHTTP_RELAY_OK;
}


/* one byte at least, with 0x in front of the digits or without */

static int
ngx_ohttp_relay_opengradient_hex(const ngx_ohttp_relay_slice_t *object,
    const char *name, u_char *out, size_t size, size_t *len)
{
    const u_char                  *p, *last;
    ngx_ohttp_relay_json_value_t   value;

    if (ngx_ohttp_relay_json_member(object, name, &value)
        != NGX_OHTTP_RELAY_OK
        || value.type != NGX_OHTTP_RELAY_JSON_STRING)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    p = value.text.data;
    last = p + value.text.len;

    if (last - p >= 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
        p += 2;
    }

    *len = (last - p) / 2;

    if (*len == 0 || *len > size) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return ngx_ohttp_relay_hex(p, last, out);
}


static int
ngx_ohttp_relay_opengradient_base64(const ngx_ohttp_relay_slice_t *object,
    const char *name, u_char *out, size_t size, size_t *len)
{
    ssize_t                       n;
    u_char                        text[NGX_OHTTP_RELAY_OPENGRADIENT_CONFIG * 2];
    ngx_ohttp_relay_json_value_t  value;

    /* a slash may stand there as an escape */

    if (ngx_ohttp_relay_json_member(object, name, &value)
        != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    n = ngx_ohttp_relay_json_unescape(&value, text, sizeof(text));

    if (n > 0) {
        n = ngx_ohttp_relay_base64(text, text + n, out, size);
    }

    *len = n > 0 ? (size_t) n : 0;

    return n > 0 ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}


/* the bytes of the PEM block as they are: their hash is what is attested */

static int
ngx_ohttp_relay_opengradient_spki(const ngx_ohttp_relay_slice_t *object,
    ngx_ohttp_relay_opengradient_t *og)
{
    int                           ok;
    BIO                          *bio;
    char                         *name, *header;
    long                          len;
    u_char                       *data, text[4096];
    ssize_t                       n;
    ngx_ohttp_relay_json_value_t  value;

    if (ngx_ohttp_relay_json_member(object, "public_key", &value)
        != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    n = ngx_ohttp_relay_json_unescape(&value, text, sizeof(text));
    bio = n > 0 ? BIO_new_mem_buf(text, (int) n) : NULL;

    if (bio == NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    ok = PEM_read_bio(bio, &name, &header, &data, &len) == 1;

    if (ok) {
        ok = strcmp(name, PEM_STRING_PUBLIC) == 0 && header[0] == '\0'
             && len > 0 && (size_t) len <= sizeof(og->spki);

        if (ok) {
            memcpy(og->spki, data, len);
            og->spki_len = len;
        }

        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
    }

    BIO_free(bio);
    ERR_clear_error();

    return ok ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}


/*
 * The signature is over public_key and over key_config, each by itself: only
 * here it is seen that they are about the same key.
 */

static int
ngx_ohttp_relay_opengradient_agrees(const ngx_ohttp_relay_opengradient_t *og)
{
    size_t                         i, len;
    const char                    *error;
    const u_char                  *p;
    ngx_ohttp_relay_key_set_t      set;
    ngx_ohttp_relay_key_config_t  *config;

    if (ngx_ohttp_relay_key_set(og->key_config,
                                og->key_config + og->key_config_len, &set,
                                &error)
        != NGX_OHTTP_RELAY_OK
        || set.form != NGX_OHTTP_RELAY_KEYS_BARE)
    {
        return 0;
    }

    config = &set.keys[0];

    if (config->id != og->key_id || config->kem != og->kem_id
        || config->key.len != og->public_key_len
        || memcmp(config->key.data, og->public_key, config->key.len) != 0)
    {
        return 0;
    }

    /* the pairs behind the key, after their length; none of an unknown KEM */

    p = config->key.data + config->key.len;
    len = og->key_config + og->key_config_len - p;

    for (i = 2; i + 4 <= len; i += 4) {
        if ((p[i] << 8 | p[i + 1]) == og->kdf_id
            && (p[i + 2] << 8 | p[i + 3]) == og->aead_id)
        {
            return 1;
        }
    }

    return 0;
}


void
ngx_ohttp_relay_opengradient_message(const ngx_ohttp_relay_opengradient_t *og,
    const u_char tee_id[NGX_OHTTP_RELAY_KECCAK],
    u_char out[NGX_OHTTP_RELAY_KECCAK])
{
    u_char         words[8 * NGX_OHTTP_RELAY_KECCAK], *w;
    const u_char  *domain;

    w = words;
    domain = (const u_char *) NGX_OHTTP_RELAY_OPENGRADIENT_DOMAIN;

    ngx_ohttp_relay_keccak(domain, domain
                           + sizeof(NGX_OHTTP_RELAY_OPENGRADIENT_DOMAIN) - 1,
                           w);
    w += NGX_OHTTP_RELAY_KECCAK;

    memcpy(w, tee_id, NGX_OHTTP_RELAY_KECCAK);
    w += NGX_OHTTP_RELAY_KECCAK;

    ngx_ohttp_relay_opengradient_word(w, og->key_id);
    w += NGX_OHTTP_RELAY_KECCAK;

    ngx_ohttp_relay_opengradient_word(w, og->kem_id);
    w += NGX_OHTTP_RELAY_KECCAK;

    ngx_ohttp_relay_opengradient_word(w, og->kdf_id);
    w += NGX_OHTTP_RELAY_KECCAK;

    ngx_ohttp_relay_opengradient_word(w, og->aead_id);
    w += NGX_OHTTP_RELAY_KECCAK;

    ngx_ohttp_relay_keccak(og->public_key,
                           og->public_key + og->public_key_len, w);
    w += NGX_OHTTP_RELAY_KECCAK;

    ngx_ohttp_relay_keccak(og->key_config,
                           og->key_config + og->key_config_len, w);
    w += NGX_OHTTP_RELAY_KECCAK;

    ngx_ohttp_relay_keccak(words, w, out);
}


/* a number as a contract has it: 32 bytes, big endian */

static void
ngx_ohttp_relay_opengradient_word(u_char *out, uint16_t n)
{
    memset(out, 0, NGX_OHTTP_RELAY_KECCAK);

    out[NGX_OHTTP_RELAY_KECCAK - 2] = (u_char) (n >> 8);
    out[NGX_OHTTP_RELAY_KECCAK - 1] = (u_char) n;
}


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_opengradient_verify(const ngx_ohttp_relay_opengradient_t *og,
    const u_char app[32], ngx_ohttp_relay_finding_t *finding)
{
    u_char         digest[SHA256_DIGEST_LENGTH];
    u_char         tee_id[NGX_OHTTP_RELAY_KECCAK];
    u_char         message[NGX_OHTTP_RELAY_KECCAK];
    EVP_PKEY      *key;
    const u_char  *p;

    if (og->spki_len == 0 || og->signature_len == 0) {
        return ngx_ohttp_relay_refused(finding, "the keys are not signed");
    }

    SHA256(og->spki, og->spki_len, digest);

    if (memcmp(digest, app, sizeof(digest)) != 0) {
        return ngx_ohttp_relay_refused(finding,
                   "the evidence does not name the key that signs");
    }

    ngx_ohttp_relay_keccak(og->spki, og->spki + og->spki_len, tee_id);

    if (memcmp(tee_id, og->tee_id, sizeof(tee_id)) != 0) {
        return ngx_ohttp_relay_refused(finding,
                                   "tee_id is not that of the key that signs");
    }

    p = og->spki;
    key = d2i_PUBKEY(NULL, &p, og->spki_len);

    if (key == NULL || p != og->spki + og->spki_len
        || !EVP_PKEY_is_a(key, "RSA")
        || EVP_PKEY_get_bits(key) < NGX_OHTTP_RELAY_OPENGRADIENT_BITS)
    {
        ngx_ohttp_relay_refused(finding, "the key that signs is no RSA key");

    } else {
        ngx_ohttp_relay_opengradient_message(og, tee_id, message);
        ngx_ohttp_relay_opengradient_signature(og, key, message, finding);
    }

    EVP_PKEY_free(key);
    ERR_clear_error();

    return finding->answer;
}


static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_opengradient_signature(
    const ngx_ohttp_relay_opengradient_t *og, EVP_PKEY *key,
    const u_char *message, ngx_ohttp_relay_finding_t *finding)
{
    int            rc;
    EVP_MD_CTX    *ctx;
    EVP_PKEY_CTX  *pctx;

    ctx = EVP_MD_CTX_new();

    if (ctx == NULL
        || EVP_DigestVerifyInit(ctx, &pctx, EVP_sha256(), NULL, key) != 1
        || EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) != 1
        || EVP_PKEY_CTX_set_rsa_mgf1_md(pctx, EVP_sha256()) != 1
        || EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx,
                                        NGX_OHTTP_RELAY_OPENGRADIENT_SALT)
           != 1)
    {
        EVP_MD_CTX_free(ctx);
        return ngx_ohttp_relay_unjudged(finding, "cannot verify a signature");
    }

    rc = EVP_DigestVerify(ctx, og->signature, og->signature_len, message,
                          NGX_OHTTP_RELAY_KECCAK);

    EVP_MD_CTX_free(ctx);

    return rc == 1 ? ngx_ohttp_relay_accepted(finding)
                   : ngx_ohttp_relay_refused(finding,
                              "the signature of the keys is wrong");
}
