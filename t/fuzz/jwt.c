
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * A payload that a known secret has signed, or a whole token, is answered; a
 * good one has a time and a subject that the payload has.  The first byte
 * tells which of the two, and chooses the rules.
 */


#include "fuzz.h"
#include "base64url.h"
#include "json.h"
#include "hmac.h"
#include "jwt_verify.h"

#include <openssl/err.h>


#define FUZZ_NOW     1790000000
#define FUZZ_HEADER  "eyJhbGciOiJIUzI1NiJ9."    /* HS256 */


static size_t fuzz_sign(const u_char *payload, size_t len, u_char *token);
static void fuzz_check(const u_char *payload, size_t len,
    const ngx_ohttp_relay_jwt_rules_t *rules,
    ngx_ohttp_relay_jwt_verified_t *verified);


static const u_char             fuzz_key[] = "a secret that is long enough...";
static EVP_MAC_CTX             *fuzz_mac;
static ngx_ohttp_relay_jwks_t  *fuzz_jwks;


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                           len;
    u_char                           token[16384], *copy;
    const char                      *error;
    ngx_ohttp_relay_jwt_e            rc;
    ngx_ohttp_relay_jwt_rules_t      rules;
    ngx_ohttp_relay_jwt_verified_t   verified;

    if (fuzz_jwks == NULL) {
        fuzz_jwks = ngx_ohttp_relay_jwks_secret(fuzz_key, fuzz_key
                                                + sizeof(fuzz_key), &error);
        fuzz_mac = ngx_ohttp_relay_hmac_create(fuzz_key, fuzz_key
                                               + sizeof(fuzz_key));
    }

    if (size == 0 || size > 8192) {
        return 0;
    }

    rules.iss = "https://a.example";
    rules.aud = data[0] & 1 ? "relay" : NULL;
    rules.scope = data[0] & 2 ? "ohttp" : NULL;
    rules.subject = (data[0] & 4) != 0;
    rules.leeway = data[0] & 8 ? 300 : 0;

    if (data[0] & 16) {
        len = size - 1;
        copy = fuzz_copy(data + 1, len);

    } else {
        len = fuzz_sign(data + 1, size - 1, token);
        copy = fuzz_copy(token, len);
    }

    rc = ngx_ohttp_relay_jwt_verify(fuzz_jwks, &rules, copy, copy + len,
                                    FUZZ_NOW, &verified);
    free(copy);

    fuzz_assert(ERR_peek_error() == 0);
    fuzz_assert(rc != NGX_OHTTP_RELAY_JWT_FAILED);

    if (rc == NGX_OHTTP_RELAY_JWT_GOOD) {
        if (!(data[0] & 16)) {
            fuzz_check(data + 1, size - 1, &rules, &verified);
        }

        free(verified.subject);
    }

    return 0;
}


static size_t
fuzz_sign(const u_char *payload, size_t len, u_char *token)
{
    u_char                   *p, mac[NGX_OHTTP_RELAY_HMAC];
    ngx_ohttp_relay_slice_t   input;

    memcpy(token, FUZZ_HEADER, sizeof(FUZZ_HEADER) - 1);
    p = token + sizeof(FUZZ_HEADER) - 1;

    p += ngx_ohttp_relay_base64url_encode(payload, payload + len, p, 0);

    input.data = token;
    input.len = p - token;

    fuzz_assert(ngx_ohttp_relay_hmac(fuzz_mac, &input, 1, mac)
                == NGX_OHTTP_RELAY_OK);

    *p++ = '.';
    p += ngx_ohttp_relay_base64url_encode(mac, mac + sizeof(mac), p, 0);

    return p - token;
}


static void
fuzz_check(const u_char *payload, size_t len,
    const ngx_ohttp_relay_jwt_rules_t *rules,
    ngx_ohttp_relay_jwt_verified_t *verified)
{
    int64_t                       n;
    ngx_ohttp_relay_slice_t       json;
    ngx_ohttp_relay_json_value_t  value;

    json.data = payload;
    json.len = len;

    fuzz_assert(ngx_ohttp_relay_json_object(payload, payload + len)
                == NGX_OHTTP_RELAY_OK);
    fuzz_assert(ngx_ohttp_relay_json_member(&json, "exp", &value)
                == NGX_OHTTP_RELAY_OK);
    fuzz_assert(ngx_ohttp_relay_json_integer(&value, &n) == NGX_OHTTP_RELAY_OK);
    fuzz_assert(n == verified->exp && n > FUZZ_NOW - rules->leeway);

    fuzz_assert(ngx_ohttp_relay_json_member(&json, "iss", &value)
                == NGX_OHTTP_RELAY_OK);
    fuzz_assert(ngx_ohttp_relay_json_string_equal(&value, rules->iss));

    if (ngx_ohttp_relay_json_member(&json, "sub", &value)
        != NGX_OHTTP_RELAY_OK)
    {
        fuzz_assert(verified->subject == NULL && !rules->subject);
        return;
    }

    fuzz_assert(verified->subject != NULL);
    fuzz_assert(ngx_ohttp_relay_json_string_equal(&value, verified->subject));
}
