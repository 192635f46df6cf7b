
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* each key of a set that is taken has what its one algorithm needs */


#include "fuzz.h"
#include "jwks.h"

#include <openssl/err.h>


static void fuzz_key(ngx_ohttp_relay_jwk_t *key);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                  *copy;
    unsigned                 i;
    const char              *error;
    ngx_ohttp_relay_jwks_t  *jwks;
    ngx_ohttp_relay_jose_t   jose;

    error = NULL;
    copy = fuzz_copy(data, size);

    jwks = ngx_ohttp_relay_jwks_read(copy, copy + size, &error);

    free(copy);

    fuzz_assert(ERR_peek_error() == 0);

    if (jwks == NULL) {
        fuzz_assert(error != NULL);
        return 0;
    }

    fuzz_assert(jwks->n >= 1 && jwks->n <= NGX_OHTTP_RELAY_JWKS_MAX_KEYS);

    for (i = 0; i < jwks->n; i++) {
        fuzz_key(&jwks->keys[i]);

        /* a key is found by its name, and is the only one of that name */

        jose.has_kid = jwks->keys[i].has_kid;
        jose.kid_len = jwks->keys[i].kid_len;
        memcpy(jose.kid, jwks->keys[i].kid, sizeof(jose.kid));

        fuzz_assert(ngx_ohttp_relay_jwks_find(jwks, &jose) == &jwks->keys[i]);
    }

    ngx_ohttp_relay_jwks_free(jwks);

    return 0;
}


static void
fuzz_key(ngx_ohttp_relay_jwk_t *key)
{
    int  type;

    fuzz_assert(key->public != NULL && key->mac == NULL);

    type = EVP_PKEY_get_base_id(key->public);

    switch (key->alg) {

    case NGX_OHTTP_RELAY_JOSE_RS256:
    case NGX_OHTTP_RELAY_JOSE_PS256:
        fuzz_assert(type == EVP_PKEY_RSA && key->verify != NULL);
        fuzz_assert(EVP_PKEY_get_bits(key->public) >= NGX_OHTTP_RELAY_RSA_MIN
                    && EVP_PKEY_get_bits(key->public)
                       <= NGX_OHTTP_RELAY_RSA_MAX);
        break;

    case NGX_OHTTP_RELAY_JOSE_ES256:
        fuzz_assert(type == EVP_PKEY_EC && key->verify != NULL);
        fuzz_assert(EVP_PKEY_get_bits(key->public) == 256);
        break;

    default:
        fuzz_assert(key->alg == NGX_OHTTP_RELAY_JOSE_EDDSA);
        fuzz_assert(type == EVP_PKEY_ED25519 && key->digest != NULL
                    && key->copy != NULL);
    }
}
