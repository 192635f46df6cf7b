
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "signer.h"
#include "jwks.h"

#include <openssl/err.h>


static EVP_PKEY  *rsa, *weak, *ec, *ed;


/* the set of a text; checks the number of keys, 0: refused */

static ngx_ohttp_relay_jwks_t *
test_read(const char *name, unsigned n, const char *reason, const char *text)
{
    int                      ok;
    u_char                  *copy;
    const char              *error;
    ngx_ohttp_relay_jwks_t  *jwks;

    copy = tap_copy(text, strlen(text));
    error = NULL;

    jwks = ngx_ohttp_relay_jwks_read(copy, copy + strlen(text), &error);

    ok = n ? jwks != NULL && jwks->n == n
           : jwks == NULL && error != NULL && strstr(error, reason) != NULL;

    tap_ok(ok && ERR_peek_error() == 0, "%s", name);

    if (!ok) {
        tap_note("%s", error ? error : "taken");
    }

    tap_free(copy, strlen(text));

    return jwks;
}


static __attribute__((format(printf, 4, 5))) void
test_set(const char *name, unsigned n, const char *reason, const char *format,
    ...)
{
    va_list      args;
    static char  text[8 * SIGNER_TEXT];

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    ngx_ohttp_relay_jwks_free(test_read(name, n, reason, text));
}


static void
test_algorithm(const char *name, EVP_PKEY *key, const char *more,
    ngx_ohttp_relay_jose_e alg)
{
    char                     text[SIGNER_TEXT];
    ngx_ohttp_relay_jwks_t  *jwks;

    snprintf(text, sizeof(text), "{\"keys\":[{%s%s}]}", signer_jwk(key), more);

    jwks = test_read(name, alg ? 1 : 0, "no key that could be used", text);

    if (alg) {
        tap_ok(jwks && jwks->keys[0].alg == alg
               && EVP_PKEY_eq(jwks->keys[0].public, key) == 1,
               "... with its key and algorithm");
    }

    ngx_ohttp_relay_jwks_free(jwks);
}


static void
test_algorithms(void)
{
    test_algorithm("RSA implies RS256", rsa, "", NGX_OHTTP_RELAY_JOSE_RS256);
    test_algorithm("RSA for RS256", rsa, ",\"alg\":\"RS256\"",
                   NGX_OHTTP_RELAY_JOSE_RS256);
    test_algorithm("RSA for PS256", rsa, ",\"alg\":\"PS256\"",
                   NGX_OHTTP_RELAY_JOSE_PS256);
    test_algorithm("P-256 implies ES256", ec, "", NGX_OHTTP_RELAY_JOSE_ES256);
    test_algorithm("P-256 for ES256", ec, ",\"alg\":\"ES256\"",
                   NGX_OHTTP_RELAY_JOSE_ES256);
    test_algorithm("Ed25519 implies EdDSA", ed, "",
                   NGX_OHTTP_RELAY_JOSE_EDDSA);
    test_algorithm("Ed25519 for EdDSA", ed, ",\"alg\":\"EdDSA\"",
                   NGX_OHTTP_RELAY_JOSE_EDDSA);

    test_algorithm("for signatures", ec,
                   ",\"use\":\"sig\",\"key_ops\":[\"verify\"],\"x5c\":[]",
                   NGX_OHTTP_RELAY_JOSE_ES256);
    test_algorithm("for encryption", rsa, ",\"use\":\"enc\"", 0);
    test_algorithm("a use that is no string", rsa, ",\"use\":[\"sig\"]", 0);
    test_algorithm("for signing only", rsa, ",\"key_ops\":[\"sign\"]", 0);
    test_algorithm("for no operation", rsa, ",\"key_ops\":[]", 0);
    test_algorithm("operations not in an array", rsa,
                   ",\"key_ops\":\"verify\"", 0);

    test_algorithm("RSA for HS256", rsa, ",\"alg\":\"HS256\"", 0);
    test_algorithm("RSA for RS512", rsa, ",\"alg\":\"RS512\"", 0);
    test_algorithm("RSA for ES256", rsa, ",\"alg\":\"ES256\"", 0);
    test_algorithm("RSA for none", rsa, ",\"alg\":\"none\"", 0);
    test_algorithm("RSA for rs256", rsa, ",\"alg\":\"rs256\"", 0);
    test_algorithm("an alg that is no string", rsa, ",\"alg\":null", 0);
    test_algorithm("P-256 for PS256", ec, ",\"alg\":\"PS256\"", 0);
    test_algorithm("Ed25519 for ES256", ed, ",\"alg\":\"ES256\"", 0);
    test_algorithm("RSA of 1024 bits", weak, "", 0);
}


static void
test_sets(void)
{
    char  *r, *e, *d;

    r = signer_jwk(rsa);
    e = signer_jwk(ec);
    d = signer_jwk(ed);

    test_set("three keys", 3, "", "{\"keys\":[{\"kid\":\"a\",%s},"
             "{\"kid\":\"b\",%s},{\"kid\":\"\",%s}]}", r, e, d);
    test_set("keys of other kinds are passed over", 1, "",
             "{\"keys\":[{\"kty\":\"AKP\",\"kid\":\"a\"},"
             "{\"kty\":\"EC\",\"crv\":\"P-384\",\"kid\":\"a\"},"
             "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"kid\":\"a\"},"
             "{\"kid\":\"a\",%s,\"use\":\"enc\"},"
             "{\"kid\":\"a\",%s}],\"more\":1}", e, d);

    test_set("the same kid twice", 0, "same \"kid\"",
             "{\"keys\":[{\"kid\":\"a\",%s},{\"kid\":\"a\",%s}]}", r, e);
    test_set("the same kid twice, one escaped", 0, "same \"kid\"",
             "{\"keys\":[{\"kid\":\"a\",%s},{\"kid\":\"\\u0061\",%s}]}", r,
             e);
    test_set("no kid beside others", 0, "without \"kid\"",
             "{\"keys\":[{\"kid\":\"a\",%s},{%s}]}", r, e);
    test_set("a kid that is a number", 0, "\"kid\"",
             "{\"keys\":[{\"kid\":1,%s}]}", r);
    test_set("a kid of 257 bytes", 0, "\"kid\"",
             "{\"keys\":[{\"kid\":\"%0257d\",%s}]}", 0, r);
    test_set("a kid of 256 bytes", 1, "",
             "{\"keys\":[{\"kid\":\"%0256d\",%s}]}", 0, r);

    test_set("a private member of RSA", 0, "private",
             "{\"keys\":[{%s,\"d\":\"AQ\"}]}", r);
    test_set("a private member of EC", 0, "private",
             "{\"keys\":[{%s,\"kid\":\"a\"},{%s,\"kid\":\"b\",\"d\":1}]}", r,
             e);
    test_set("a private key that is not for us", 0, "private",
             "{\"keys\":[{%s,\"kid\":\"a\"},"
             "{\"kty\":\"AKP\",\"priv\":\"AQ\"}]}", r);
    test_set("a prime", 0, "private", "{\"keys\":[{%s,\"q\":\"AQ\"}]}", r);
    test_set("a secret key", 0, "secret",
             "{\"keys\":[{%s},{\"kty\":\"oct\",\"k\":\"AQ\"}]}", r);
    test_set("a secret key without k", 0, "secret",
             "{\"keys\":[{\"kty\":\"oct\"}]}");

    test_set("a name twice", 0, "twice",
             "{\"keys\":[{\"kid\":\"a\",%s,\"kid\":\"b\"}]}", r);
    test_set("keys twice", 0, "twice", "{\"keys\":[{%s}],\"keys\":[]}", r);
    test_set("no keys", 0, "no key", "{\"keys\":[]}");
    test_set("a key that is no object", 0, "no object", "{\"keys\":[1]}");
    test_set("a key without kty", 0, "kty", "{\"keys\":[{}]}");
    test_set("keys that are no array", 0, "JWK Set", "{\"keys\":{%s}}", r);
    test_set("one key, not a set", 0, "JWK Set", "{%s}", r);
    test_set("an array", 0, "JWK Set", "[{%s}]", r);
    test_set("text behind it", 0, "JSON", "{\"keys\":[{%s}]} x", r);
    test_set("cut off", 0, "JSON", "{\"keys\":[{%s}]", r);
    test_set("nothing", 0, "JSON", "%s", "");
}


static void
test_broken(void)
{
    char  *n;

    n = signer_number(rsa, OSSL_PKEY_PARAM_RSA_N, 0);

    test_set("a zero byte in front of n", 1, "",
             "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"%s\"}]}",
             signer_number(rsa, OSSL_PKEY_PARAM_RSA_N, 257));
    test_set("padding of n", 0, "\"n\"",
             "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"%s==\"}]}", n);
    test_set("n in the other base64", 0, "\"n\"",
             "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"+%s\"}]}", n);
    test_set("no n", 0, "\"n\"",
             "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\"}]}");
    test_set("n is a number", 0, "\"n\"",
             "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":5}]}");
    test_set("no e", 0, "\"e\"",
             "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"%s\"}]}", n);
    test_set("e is 1", 0, "cannot be one",
             "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQ\",\"n\":\"%s\"}]}", n);
    test_set("e is 2", 0, "cannot be one",
             "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"Ag\",\"n\":\"%s\"}]}", n);
    test_set("e is 0", 0, "cannot be one",
             "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AA\",\"n\":\"%s\"}]}", n);
    test_set("e is 3", 1, "",
             "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"Aw\",\"n\":\"%s\"}]}", n);
    test_set("e of nine bytes", 0, "no key that could be used",
             "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAAAAAAAAAB\","
             "\"n\":\"%s\"}]}", n);
    test_set("n of more than 8192 bits", 0, "no key that could be used",
             "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\","
             "\"n\":\"__%01402d\"}]}", 0);

    test_set("a point beside the curve", 0, "curve",
             "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\","
             "\"y\":\"%s\"}]}",
             signer_number(ec, OSSL_PKEY_PARAM_EC_PUB_X, 32),
             signer_number(ec, OSSL_PKEY_PARAM_EC_PUB_X, 32));
    test_set("a coordinate of 33 bytes", 0, "\"x\"",
             "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\","
             "\"y\":\"%s\"}]}",
             signer_number(ec, OSSL_PKEY_PARAM_EC_PUB_X, 33),
             signer_number(ec, OSSL_PKEY_PARAM_EC_PUB_Y, 32));
    test_set("Ed25519 of 31 bytes", 0, "\"x\"",
             "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"}]}",
             signer_encode("0123456789012345678901234567890", 31));
}


static void
test_sizes(void)
{
    char      text[4 * SIGNER_TEXT], *p;
    unsigned  i, n;

    for (n = 32; n <= 33; n++) {
        p = text + sprintf(text, "{\"keys\":[");

        for (i = 0; i < n; i++) {
            p += sprintf(p, "%s{\"kid\":\"%u\",%s}", i ? "," : "", i,
                         signer_jwk(ed));
        }

        sprintf(p, "]}");

        test_set(n == 32 ? "32 keys" : "33 keys", n == 32 ? 32 : 0,
                 "more than 32", "%s", text);
    }

    p = text + sprintf(text, "{\"keys\":[{%s}]}", signer_jwk(ed));

    memset(p, ' ', text + NGX_OHTTP_RELAY_JWKS_MAX - p);
    text[NGX_OHTTP_RELAY_JWKS_MAX] = '\0';
    test_set("64 KiB", 1, "", "%s", text);

    text[NGX_OHTTP_RELAY_JWKS_MAX] = ' ';
    text[NGX_OHTTP_RELAY_JWKS_MAX + 1] = '\0';
    test_set("a byte more", 0, "too large", "%s", text);
}


static void
test_find(void)
{
    char                     text[SIGNER_TEXT];
    const char              *error;
    ngx_ohttp_relay_jwks_t  *one, *two, *secret;
    ngx_ohttp_relay_jose_t   none, a, c;

    memset(&none, 0, sizeof(none));

    a = none;
    a.has_kid = 1;
    a.kid_len = 1;
    a.kid[0] = 'a';

    c = a;
    c.kid[0] = 'c';

    sprintf(text, "{\"keys\":[{%s,\"kid\":\"a\"}]}", signer_jwk(rsa));
    one = test_read("a set of one key", 1, "", text);

    sprintf(text, "{\"keys\":[{%s,\"kid\":\"b\"},{%s,\"kid\":\"a\"}]}",
            signer_jwk(rsa), signer_jwk(ec));
    two = test_read("a set of two keys", 2, "", text);

    tap_ok(ngx_ohttp_relay_jwks_find(one, &none) == &one->keys[0],
           "without kid the only key");
    tap_ok(ngx_ohttp_relay_jwks_find(two, &none) == NULL,
           "without kid none of two");
    tap_ok(ngx_ohttp_relay_jwks_find(two, &a) == &two->keys[1], "by kid");
    tap_ok(ngx_ohttp_relay_jwks_find(one, &c) == NULL,
           "another kid is not the only key's");
    tap_ok(ngx_ohttp_relay_jwks_find(two, &c) == NULL, "unknown kid");

    ngx_ohttp_relay_jwks_free(one);
    ngx_ohttp_relay_jwks_free(two);

    tap_ok(ngx_ohttp_relay_jwks_secret((u_char *) text, (u_char *) text + 31,
                                       &error) == NULL, "a secret too short");

    secret = ngx_ohttp_relay_jwks_secret((u_char *) text, (u_char *) text + 32,
                                         &error);

    tap_ok(secret && secret->n == 1
           && secret->keys[0].alg == NGX_OHTTP_RELAY_JOSE_HS256,
           "a secret of 32 bytes is for HS256");
    tap_ok(ngx_ohttp_relay_jwks_find(secret, &c) == &secret->keys[0],
           "whatever the kid");

    ngx_ohttp_relay_jwks_free(secret);
}


int
main(void)
{
    rsa = EVP_RSA_gen(2048);
    weak = EVP_RSA_gen(1024);
    ec = EVP_EC_gen("P-256");
    ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

    test_algorithms();
    test_sets();
    test_broken();
    test_sizes();
    test_find();

    EVP_PKEY_free(rsa);
    EVP_PKEY_free(weak);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(ed);

    return tap_done();
}
