
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tokens.h"

#include <openssl/pem.h>
#include <openssl/x509.h>


static EVP_PKEY                *rsa, *ec, *ed;
static ngx_ohttp_relay_jwks_t  *all, *only_rsa, *secret;


/* an otherwise right token with this header */

static void
test_header(const char *name, ngx_ohttp_relay_jwt_e expected, EVP_PKEY *key,
    const char *header)
{
    test_token(name, all, test_sign(key, header, CLAIMS), expected);
}


static void
test_algorithms(void)
{
    static const char  rs256[] = "{\"alg\":\"RS256\",\"kid\":\"r\"}";

    test_header("RS256", GOOD, rsa, rs256);
    test_header("PS256", GOOD, pss, "{\"alg\":\"PS256\",\"kid\":\"p\"}");
    test_header("ES256", GOOD, ec, "{\"alg\":\"ES256\",\"kid\":\"e\"}");
    test_header("EdDSA", GOOD, ed, "{\"alg\":\"EdDSA\",\"kid\":\"d\"}");

    test_header("RS256 by another key", FOREIGN, ec, rs256);
    test_header("RS256 by another RSA key", FOREIGN, rsa,
                "{\"alg\":\"RS256\",\"kid\":\"s\"}");
    test_header("RS256 again", GOOD, rsa, rs256);

    test_header("typ at+jwt", GOOD, rsa,
                "{\"alg\":\"RS256\",\"kid\":\"r\",\"typ\":\"at+jwt\"}");
    test_header("typ AT+JWT", GOOD, pss,
                "{\"typ\":\"AT+JWT\",\"alg\":\"PS256\",\"kid\":\"p\"}");
    test_header("typ JWT", GOOD, ed,
                "{\"typ\":\"JWT\",\"alg\":\"EdDSA\",\"kid\":\"d\"}");
    test_header("typ of something else", INVALID, ed,
                "{\"typ\":\"dpop+jwt\",\"alg\":\"EdDSA\",\"kid\":\"d\"}");

    test_token("no kid, one key", only_rsa,
               test_sign(rsa, "{\"alg\":\"RS256\"}", CLAIMS), GOOD);
    test_token("the kid of the one key", only_rsa,
               test_sign(rsa, rs256, CLAIMS), GOOD);
    test_token("another kid than of the one key", only_rsa,
               test_sign(rsa, "{\"alg\":\"RS256\",\"kid\":\"R\"}", CLAIMS),
               FOREIGN);

    test_header("no kid, several keys", FOREIGN, rsa, "{\"alg\":\"RS256\"}");
    test_header("unknown kid", FOREIGN, rsa,
                "{\"alg\":\"RS256\",\"kid\":\"x\"}");
    test_header("a kid with more", FOREIGN, rsa,
                "{\"alg\":\"RS256\",\"kid\":\"rr\"}");
    test_header("empty kid", FOREIGN, rsa, "{\"alg\":\"RS256\",\"kid\":\"\"}");
    test_header("kid of another key", FOREIGN, rsa,
                "{\"alg\":\"RS256\",\"kid\":\"e\"}");

    test_token("HS256 with a secret", secret,
               test_sign(NULL, "{\"alg\":\"HS256\"}", CLAIMS), GOOD);
    test_token("HS256 with a secret and some kid", secret,
               test_sign(NULL, "{\"alg\":\"HS256\",\"kid\":\"x\"}", CLAIMS),
               GOOD);
    test_token("RS256 for a secret", secret,
               test_sign(rsa, "{\"alg\":\"RS256\"}", CLAIMS), FOREIGN);
    test_token("HS256 in the header, signed with RSA", secret,
               test_sign(rsa, "{\"alg\":\"HS256\"}", CLAIMS), FOREIGN);

    hmac_key[0] ^= 1;
    test_token("HS256 with another secret", secret,
               test_sign(NULL, "{\"alg\":\"HS256\"}", CLAIMS), FOREIGN);
    hmac_key[0] ^= 1;
}


static void
test_none(void)
{
    char         header[64], token[1024];
    unsigned     i;
    const char  *good;

    static const char  *spellings[] = {
        "none", "None", "NONE", "nOnE", "n\\u006fne", " none", "none ", "",
        "null"
    };

    for (i = 0; i < tap_array_len(spellings); i++) {
        sprintf(header, "{\"alg\":\"%s\",\"kid\":\"r\"}", spellings[i]);

        good = test_sign(rsa, header, CLAIMS);

        tap_ok(test_answer(all, good, strlen(good), INVALID, NULL),
               "alg \"%s\", signed", spellings[i]);

        strcpy(token, good);
        *(strrchr(token, '.') + 1) = '\0';

        tap_ok(test_answer(all, token, strlen(token), INVALID, NULL)
               && test_answer(only_rsa, token, strlen(token), INVALID, NULL)
               && test_answer(secret, token, strlen(token), INVALID, NULL),
               "alg \"%s\", without signature", spellings[i]);
    }

    test_header("no alg", INVALID, rsa, "{\"kid\":\"r\"}");
    test_header("alg null", INVALID, rsa, "{\"alg\":null,\"kid\":\"r\"}");
    test_header("alg in an array", INVALID, rsa,
                "{\"alg\":[\"RS256\"],\"kid\":\"r\"}");
    test_header("alg in lower case", INVALID, rsa,
                "{\"alg\":\"rs256\",\"kid\":\"r\"}");
    test_header("RS384", INVALID, rsa, "{\"alg\":\"RS384\",\"kid\":\"r\"}");
    test_header("HS512", INVALID, NULL, "{\"alg\":\"HS512\",\"kid\":\"r\"}");
}


/* HS256 keyed with what everyone knows of the public key */

static void
test_confused(const char *name, const void *key, size_t len)
{
    char        *token;
    size_t       n;
    u_char       mac[32];
    const char  *other;

    other = test_sign(NULL, "{\"alg\":\"HS256\",\"kid\":\"r\"}", CLAIMS);

    token = signer_alloc(strlen(other) + 1);
    strcpy(token, other);
    *strrchr(token, '.') = '\0';

    n = signer_mac(key, len, token, mac);

    strcat(token, ".");
    strcat(token, signer_encode(mac, n));

    tap_ok(test_answer(all, token, strlen(token), FOREIGN, NULL)
           && test_answer(only_rsa, token, strlen(token), FOREIGN, NULL)
           && test_answer(secret, token, strlen(token), FOREIGN, NULL),
           "HS256 with the public key as secret: %s", name);
}


static void
test_confusion(void)
{
    BIO     *bio;
    char    *pem;
    size_t   n;
    u_char  *der;

    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, rsa);
    n = BIO_get_mem_data(bio, &pem);

    test_confused("PEM", pem, n);
    test_confused("PEM without its line end", pem, n - 1);

    BIO_free(bio);

    der = NULL;
    n = i2d_PUBKEY(rsa, &der);

    test_confused("DER", der, n);

    /* the frame of an SPKI takes 24 bytes, an exponent at the end 5 */

    test_confused("DER of PKCS #1", der + 24, n - 24);
    test_confused("the modulus", der + n - 5 - 256, 256);
    test_confused("nothing", der, 0);

    OPENSSL_free(der);
}


/* the algorithm is that of the key, not that of the token */

static void
test_algorithm_of_key(void)
{
    test_header("PS256 by a key for RS256", FOREIGN, rsa,
                "{\"alg\":\"PS256\",\"kid\":\"r\"}");
    test_header("RS256 by a key for PS256", FOREIGN, pss,
                "{\"alg\":\"RS256\",\"kid\":\"p\"}");
    test_header("RS256 in the header, PSS in the signature", FOREIGN, pss,
                "{\"alg\":\"RS256\",\"kid\":\"r\"}");
    test_header("ES256 by a key for EdDSA", FOREIGN, ed,
                "{\"alg\":\"ES256\",\"kid\":\"d\"}");
    test_header("EdDSA by a key for ES256", FOREIGN, ec,
                "{\"alg\":\"EdDSA\",\"kid\":\"e\"}");
    test_header("a key that comes with the token", FOREIGN, ec,
                "{\"alg\":\"ES256\",\"jwk\":{\"kty\":\"EC\"}}");
}


static void
test_headers(void)
{
    test_header("crit", INVALID, rsa,
                "{\"alg\":\"RS256\",\"kid\":\"r\",\"crit\":[\"exp\"]}");
    test_header("crit of nothing", INVALID, rsa,
                "{\"alg\":\"RS256\",\"kid\":\"r\",\"crit\":[]}");
    test_header("crit, escaped", INVALID, rsa,
                "{\"alg\":\"RS256\",\"kid\":\"r\",\"cr\\u0069t\":[\"x\"]}");
    test_header("b64", INVALID, rsa,
                "{\"alg\":\"RS256\",\"kid\":\"r\",\"b64\":false}");
    test_header("alg twice", INVALID, rsa,
                "{\"alg\":\"RS256\",\"kid\":\"r\",\"alg\":\"RS256\"}");
    test_header("kid twice", INVALID, rsa,
                "{\"alg\":\"RS256\",\"kid\":\"r\",\"kid\":\"e\"}");
    test_header("a kid that is a number", INVALID, rsa,
                "{\"alg\":\"RS256\",\"kid\":1}");
    test_header("an array", INVALID, rsa, "[\"RS256\"]");
    test_header("not JSON", INVALID, rsa, "{alg:RS256}");
}


static void
test_forms(void)
{
    char         token[4096], *dot;
    unsigned     i;
    const char  *good;

    static const struct {
        const char  *name;
        const char  *before;
        const char  *behind;
    } forms[] = {
        { "a part in front", "e30.", "" },
        { "a dot in front", ".", "" },
        { "a fourth part", "", ".e30" },
        { "a dot behind", "", "." },
        { "padding", "", "=" },
        { "two padding", "", "==" },
        { "a blank in front", " ", "" },
        { "a line end behind", "", "\n" },
        { "a plus", "", "+" },
        { "a slash", "", "/AAA" },
        { "a character that is not ASCII", "", "\303\251" }
    };

    good = test_sign(ec, "{\"alg\":\"ES256\",\"kid\":\"e\"}", CLAIMS);
    test_token("a token", all, good, GOOD);

    for (i = 0; i < tap_array_len(forms); i++) {
        sprintf(token, "%s%s%s", forms[i].before, good, forms[i].behind);
        test_token(forms[i].name, all, token, INVALID);
    }

    strcpy(token, good);
    dot = strrchr(token, '.');

    dot[1] = '\0';
    test_token("no signature", all, token, INVALID);

    dot[0] = '\0';
    test_token("two parts", all, token, INVALID);

    *strrchr(token, '.') = '\0';
    test_token("one part", all, token, INVALID);

    test_token("nothing", all, "", INVALID);
    test_token("dots", all, "..", INVALID);
    test_token("more dots", all, "...", INVALID);
}


/* a token of exactly this size, right but for it */

static const char *
test_sized(size_t size)
{
    char         payload[8192], *p;
    size_t       len;
    const char  *token;

    p = payload + sprintf(payload, "{\"iss\":\"https://a.example\"," EXP ",");

    for (len = 5900; len < 6144; len++) {
        sprintf(p, "\"x\":\"%0*d\"}", (int) len, 0);

        token = test_sign(ec, "{\"alg\":\"ES256\",\"kid\":\"e\"}", payload);

        if (strlen(token) >= size) {
            return token;
        }
    }

    return NULL;
}


static void
test_sizes(void)
{
    const char  *token;

    /* three of four sizes are possible for a payload */

    token = test_sized(8191);
    tap_ok(token && strlen(token) <= 8192
           && test_answer(all, token, strlen(token), GOOD, NULL),
           "the largest token");

    token = test_sized(8193);
    tap_ok(token && strlen(token) <= 8194
           && test_answer(all, token, strlen(token), INVALID, NULL),
           "a larger one");
}


/* another signature of a token */

static const char *
test_resign(const char *token, const u_char *signature, size_t len)
{
    char  *text;

    text = signer_alloc(strlen(token)
                        + ngx_ohttp_relay_base64url_size(len) + 1);

    strcpy(text, token);
    strcpy(strrchr(text, '.') + 1, signer_encode(signature, len));

    return text;
}


static void
test_signatures(void)
{
    char         text[1024];
    u_char       raw[1024];
    size_t       n;
    const char  *token;

    memset(raw, 0, sizeof(raw));

    token = test_sign(ec, "{\"alg\":\"ES256\",\"kid\":\"e\"}", CLAIMS);
    strcpy(text, token);
    *strrchr(text, '.') = '\0';

    test_token("r and s are 0", all, test_resign(token, raw, 64), FOREIGN);

    n = signer_sign(ec, -1, text, raw);
    test_token("another good signature", all, test_resign(token, raw, n),
               GOOD);
    test_token("a byte more", all, test_resign(token, raw, n + 1), FOREIGN);
    test_token("a byte less", all, test_resign(token, raw, n - 1), FOREIGN);

    memset(raw + 32, 0, 32);
    test_token("s is 0", all, test_resign(token, raw, 64), FOREIGN);

    memset(raw, 0xff, 64);
    test_token("r and s are too large", all, test_resign(token, raw, 64),
               FOREIGN);

    token = test_sign(pss, "{\"alg\":\"PS256\",\"kid\":\"p\"}", CLAIMS);
    strcpy(text, token);
    *strrchr(text, '.') = '\0';

    n = signer_sign(pss, 20, text, raw);
    test_token("PS256 with a salt of 20 bytes", all,
               test_resign(token, raw, n), FOREIGN);
    n = signer_sign(pss, 0, text, raw);
    test_token("PS256 without salt", all, test_resign(token, raw, n),
               FOREIGN);
    n = signer_sign(pss, -1, text, raw);
    test_token("PS256 in the header, PKCS #1 in the signature", all,
               test_resign(token, raw, n), FOREIGN);

    memset(raw, 0, sizeof(raw));
    test_token("an RSA signature of 0", all, test_resign(token, raw, 256),
               FOREIGN);
    test_token("an RSA signature that is too long", all,
               test_resign(token, raw, 1024), FOREIGN);
}


/* a MAC is compared whole */

static void
test_macs(void)
{
    char         text[1024];
    u_char       mac[64];
    size_t       n;
    unsigned     i, taken;
    const char  *token, *other;

    token = test_sign(NULL, "{\"alg\":\"HS256\"}", CLAIMS);
    strcpy(text, token);
    *strrchr(text, '.') = '\0';

    memset(mac, 0, sizeof(mac));
    n = signer_mac(hmac_key, strlen(hmac_key), text, mac);

    for (i = 1, taken = 0; i < sizeof(mac); i++) {
        other = test_resign(token, mac, i);
        taken += !test_answer(secret, other, strlen(other),
                              i == n ? GOOD : FOREIGN, NULL);
    }

    tap_ok(taken == 0, "HS256 with a MAC of any other length");
}


/* DER where r and s belong; all other tests of ES256 take the raw form */

static void
test_der(void)
{
    char         text[1024];
    u_char       der[128];
    size_t       n;
    const char  *token;
    EVP_MD_CTX  *ctx;

    token = test_sign(ec, "{\"alg\":\"ES256\",\"kid\":\"e\"}", CLAIMS);
    strcpy(text, token);
    *strrchr(text, '.') = '\0';

    n = sizeof(der);
    ctx = EVP_MD_CTX_new();

    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, ec);
    EVP_DigestSign(ctx, der, &n, (u_char *) text, strlen(text));
    EVP_MD_CTX_free(ctx);

    test_token("ES256 in DER", all, test_resign(token, der, n), FOREIGN);
}


/* many r and s, so that some of them are short or have their first bit set */

static void
test_es256_often(void)
{
    int          i, good;
    const char  *token;

    for (i = 0, good = 0; i < 600; i++) {
        token = test_sign(ec, "{\"alg\":\"ES256\",\"kid\":\"e\"}", CLAIMS);
        good += test_answer(all, token, strlen(token), GOOD, NULL);
    }

    tap_ok(good == 600, "600 ES256 signatures");
}


/* no character of a token can be another */

static void
test_changed(const char *name, ngx_ohttp_relay_jwks_t *jwks, const char *good)
{
    char                             token[4096], c;
    size_t                           i, len;
    unsigned                         taken;
    ngx_ohttp_relay_jwt_verified_t   verified;

    len = strlen(good);
    memcpy(token, good, len);

    for (i = 0, taken = 0; i < len; i++) {
        c = token[i];
        token[i] = c == 'A' ? 'B' : 'A';

        if (ngx_ohttp_relay_jwt_verify(jwks, &rules, (u_char *) token,
                                       (u_char *) token + len, NOW, &verified)
            == GOOD)
        {
            free(verified.subject);
            taken++;
        }

        token[i] = c;
    }

    tap_ok(taken == 0 && test_answer(jwks, token, len, GOOD, NULL),
           "%s: no character can be changed", name);
}


static void
test_make(void)
{
    EVP_PKEY    *other;
    const char  *error;

    rsa = EVP_RSA_gen(2048);
    pss = EVP_RSA_gen(2048);
    other = EVP_RSA_gen(2048);
    ec = EVP_EC_gen("P-256");
    ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

    all = test_set("{\"keys\":[{\"kid\":\"r\",%s},{\"kid\":\"s\",%s},"
                   "{\"kid\":\"p\",\"alg\":\"PS256\",%s},{\"kid\":\"e\",%s},"
                   "{\"kid\":\"d\",%s}]}", signer_jwk(rsa), signer_jwk(other),
                   signer_jwk(pss), signer_jwk(ec), signer_jwk(ed));

    only_rsa = test_set("{\"keys\":[{\"kid\":\"r\",%s}]}", signer_jwk(rsa));

    secret = ngx_ohttp_relay_jwks_secret((u_char *) hmac_key,
                                         (u_char *) hmac_key
                                             + strlen(hmac_key), &error);
    EVP_PKEY_free(other);
}


int
main(void)
{
    test_make();

    test_algorithms();
    test_none();
    test_confusion();
    test_algorithm_of_key();
    test_headers();
    test_forms();
    test_sizes();
    test_signatures();
    test_macs();
    test_der();
    test_es256_often();

    test_changed("RS256", all,
                 test_sign(rsa, "{\"alg\":\"RS256\",\"kid\":\"r\"}", CLAIMS));
    test_changed("PS256", all,
                 test_sign(pss, "{\"alg\":\"PS256\",\"kid\":\"p\"}", CLAIMS));
    test_changed("ES256", all,
                 test_sign(ec, "{\"alg\":\"ES256\",\"kid\":\"e\"}", CLAIMS));
    test_changed("EdDSA", all,
                 test_sign(ed, "{\"alg\":\"EdDSA\",\"kid\":\"d\"}", CLAIMS));
    test_changed("HS256", secret,
                 test_sign(NULL, "{\"alg\":\"HS256\"}", CLAIMS));

    ngx_ohttp_relay_jwks_free(all);
    ngx_ohttp_relay_jwks_free(only_rsa);
    ngx_ohttp_relay_jwks_free(secret);

    EVP_PKEY_free(rsa);
    EVP_PKEY_free(pss);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(ed);

    return tap_done();
}
