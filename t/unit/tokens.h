
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_TOKENS_H_INCLUDED_
#define _NGX_OHTTP_RELAY_TOKENS_H_INCLUDED_


/* what the unit tests of JWTs share: tokens, and how they are answered */


#include "signer.h"
#include "jwt_verify.h"

#include <openssl/err.h>


#define NOW     1790000000
#define EXP     "\"exp\":1790000060"
#define CLAIMS  "{\"iss\":\"https://a.example\",\"aud\":\"relay\"," EXP "}"

#define GOOD     NGX_OHTTP_RELAY_JWT_GOOD
#define INVALID  NGX_OHTTP_RELAY_JWT_INVALID
#define EXPIRED  NGX_OHTTP_RELAY_JWT_EXPIRED
#define FOREIGN  NGX_OHTTP_RELAY_JWT_FOREIGN


/* a key for PSS, when the test has one; and that of MACs */
static EVP_PKEY  *pss;
static char       hmac_key[] = "0123456789abcdef0123456789ABCDEF";

static ngx_ohttp_relay_jwt_rules_t  rules = {
    "https://a.example", NULL, NULL, 30, 0
};


/* whether a token is answered so, and the error queue is left as it was */

static int
test_answer(ngx_ohttp_relay_jwks_t *jwks, const char *token, size_t len,
    ngx_ohttp_relay_jwt_e expected, const char *subject)
{
    int                              ok;
    u_char                          *copy;
    ngx_ohttp_relay_jwt_e            rc;
    ngx_ohttp_relay_jwt_verified_t   verified;

    verified.subject = NULL;
    copy = tap_copy(token, len);

    rc = ngx_ohttp_relay_jwt_verify(jwks, &rules, copy, copy + len, NOW,
                                    &verified);

    ok = rc == expected && ERR_peek_error() == 0;

    if (rc == GOOD && subject) {
        ok = ok && verified.subject && strcmp(verified.subject, subject) == 0;
    }

    if (!ok) {
        tap_note("answer %d, expected %d", rc, expected);
    }

    free(rc == GOOD ? verified.subject : NULL);
    tap_free(copy, len);

    return ok;
}


static void
test_token(const char *name, ngx_ohttp_relay_jwks_t *jwks, const char *token,
    ngx_ohttp_relay_jwt_e expected)
{
    tap_ok(test_answer(jwks, token, strlen(token), expected, NULL), "%s",
           name);
}


/* header and payload signed with a key as its kind does, or MACed without */

static const char *
test_sign_bytes(EVP_PKEY *key, const char *header, const void *payload,
    size_t len)
{
    char         *text;
    size_t        n;
    u_char        signature[1024];

    signer_forget();

    text = signer_alloc(4 * SIGNER_TEXT);

    sprintf(text, "%s.%s", signer_encode(header, strlen(header)),
            signer_encode(payload, len));

    n = key ? signer_sign(key, key == pss ? 32 : -1, text, signature)
            : signer_mac(hmac_key, strlen(hmac_key), text, signature);

    strcat(text, ".");
    strcat(text, signer_encode(signature, n));

    return text;
}


static const char *
test_sign(EVP_PKEY *key, const char *header, const char *payload)
{
    return test_sign_bytes(key, header, payload, strlen(payload));
}


static ngx_ohttp_relay_jwks_t *
test_set(const char *format, ...)
{
    va_list                  args;
    const char              *error;
    static char              text[4 * 4096];
    ngx_ohttp_relay_jwks_t  *jwks;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    jwks = ngx_ohttp_relay_jwks_read((u_char *) text,
                                     (u_char *) text + strlen(text), &error);
    tap_ok(jwks != NULL, "a set of keys");

    return jwks;
}


#endif /* _NGX_OHTTP_RELAY_TOKENS_H_INCLUDED_ */
