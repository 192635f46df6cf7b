
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "../codec/token.h"
#include "challenge.h"
#include "token.h"

#include <openssl/err.h>
#include <openssl/sha.h>


static ngx_ohttp_relay_access_e ngx_ohttp_relay_token_check_keys(
    ngx_ohttp_relay_secret_t *secret, ngx_ohttp_relay_token_key_t **keys,
    ngx_uint_t n, ngx_ohttp_relay_token_t *token,
    ngx_ohttp_relay_admission_t *admission);
static ngx_ohttp_relay_access_e ngx_ohttp_relay_token_check_key(
    ngx_ohttp_relay_token_key_t *key, ngx_ohttp_relay_token_t *token,
    ngx_int_t *age);
static ngx_ohttp_relay_access_e ngx_ohttp_relay_token_verify(
    ngx_ohttp_relay_token_key_t *key, ngx_ohttp_relay_token_t *token);
static ngx_ohttp_relay_access_e ngx_ohttp_relay_token_admit(
    ngx_ohttp_relay_secret_t *secret, ngx_ohttp_relay_token_key_t *key,
    ngx_ohttp_relay_token_t *token, ngx_int_t age,
    ngx_ohttp_relay_admission_t *admission);


ngx_ohttp_relay_access_e
ngx_ohttp_relay_token_check(ngx_ohttp_relay_secret_t *secret,
    ngx_ohttp_relay_token_key_t **keys, ngx_uint_t n, const u_char *p,
    const u_char *last, ngx_ohttp_relay_admission_t *admission)
{
    u_char                    bytes[NGX_OHTTP_RELAY_TOKEN_SIZE];
    ngx_ohttp_relay_token_t   token;
    ngx_ohttp_relay_access_e  rc;

    switch (ngx_ohttp_relay_token_decode(p, last, bytes, &token)) {

    case NGX_OHTTP_RELAY_OK:
        break;

    case NGX_OHTTP_RELAY_NONE:
        return NGX_OHTTP_RELAY_ACCESS_REQUIRED;

    default:
        return NGX_OHTTP_RELAY_ACCESS_INVALID;
    }

    rc = ngx_ohttp_relay_token_check_keys(secret, keys, n, &token, admission);

    /* a core file would have the nonce */
    ngx_explicit_memzero(bytes, sizeof(bytes));

    return rc;
}


static ngx_ohttp_relay_access_e
ngx_ohttp_relay_token_check_keys(ngx_ohttp_relay_secret_t *secret,
    ngx_ohttp_relay_token_key_t **keys, ngx_uint_t n,
    ngx_ohttp_relay_token_t *token, ngx_ohttp_relay_admission_t *admission)
{
    ngx_int_t                 age;
    ngx_uint_t                i;
    ngx_ohttp_relay_access_e  rc, found;

    found = NGX_OHTTP_RELAY_ACCESS_INVALID;

    /* a key may stand in several plans, told apart by their challenges */

    for (i = 0; i < n; i++) {

        rc = ngx_ohttp_relay_token_check_key(keys[i], token, &age);

        if (rc == NGX_OHTTP_RELAY_ACCESS_GRANTED) {
            rc = ngx_ohttp_relay_token_verify(keys[i], token);

            return rc == NGX_OHTTP_RELAY_ACCESS_GRANTED
                   ? ngx_ohttp_relay_token_admit(secret, keys[i], token, age,
                                                 admission)
                   : rc;
        }

        if (rc == NGX_OHTTP_RELAY_ACCESS_EXPIRED) {
            found = rc;
        }
    }

    return found;
}


/* what costs little, and ends all random garbage */

static ngx_ohttp_relay_access_e
ngx_ohttp_relay_token_check_key(ngx_ohttp_relay_token_key_t *key,
    ngx_ohttp_relay_token_t *token, ngx_int_t *age)
{
    if (ngx_memcmp(key->id, token->key_id, NGX_OHTTP_RELAY_KEY_ID) != 0) {
        return NGX_OHTTP_RELAY_ACCESS_INVALID;
    }

    *age = ngx_ohttp_relay_challenge_age(key, token->challenge_digest);

    if (*age == NGX_DECLINED) {
        return NGX_OHTTP_RELAY_ACCESS_INVALID;
    }

    if (*age >= NGX_OHTTP_RELAY_CHALLENGE_ACCEPTED
        || ngx_time() >= key->expires)
    {
        return NGX_OHTTP_RELAY_ACCESS_EXPIRED;
    }

    return NGX_OHTTP_RELAY_ACCESS_GRANTED;
}


static ngx_ohttp_relay_access_e
ngx_ohttp_relay_token_verify(ngx_ohttp_relay_token_key_t *key,
    ngx_ohttp_relay_token_t *token)
{
    int     rc;
    u_char  digest[SHA384_DIGEST_LENGTH];

    if (EVP_DigestInit_ex(key->digest, NULL, NULL) != 1
        || EVP_DigestUpdate(key->digest, token->input.data, token->input.len)
           != 1
        || EVP_DigestFinal_ex(key->digest, digest, NULL) != 1)
    {
        ERR_clear_error();
        return NGX_OHTTP_RELAY_ACCESS_FAILED;
    }

    rc = EVP_PKEY_verify(key->verify, token->authenticator,
                         NGX_OHTTP_RELAY_TOKEN_AUTHENTICATOR, digest,
                         SHA384_DIGEST_LENGTH);

    if (rc == 1) {
        return NGX_OHTTP_RELAY_ACCESS_GRANTED;
    }

    /* what is left in the queue would be taken for another connection's */
    ERR_clear_error();

    return NGX_OHTTP_RELAY_ACCESS_INVALID;
}


static ngx_ohttp_relay_access_e
ngx_ohttp_relay_token_admit(ngx_ohttp_relay_secret_t *secret,
    ngx_ohttp_relay_token_key_t *key, ngx_ohttp_relay_token_t *token,
    ngx_int_t age, ngx_ohttp_relay_admission_t *admission)
{
    u_char     digest[NGX_OHTTP_RELAY_DIGEST];
    ngx_str_t  parts[3];

    ngx_str_set(&parts[0], "token");
    parts[1].data = key->id;
    parts[1].len = NGX_OHTTP_RELAY_KEY_ID;
    parts[2].data = (u_char *) token->nonce;
    parts[2].len = NGX_OHTTP_RELAY_TOKEN_NONCE;

    if (ngx_ohttp_relay_secret_digest(secret, parts, 3, digest) != NGX_OK) {
        return NGX_OHTTP_RELAY_ACCESS_FAILED;
    }

    ngx_memcpy(admission->name, digest, sizeof(admission->name));
    ngx_memcpy(admission->group, key->group, sizeof(admission->group));

    admission->key = key;
    admission->cost = key->uses == 1 ? NGX_OHTTP_RELAY_COST_TOKEN
                                     : NGX_OHTTP_RELAY_COST_USE;
    admission->uses = key->uses;
    admission->lifetime = key->lifetime;
    admission->limit = key->limit;

    if (key->window) {
        admission->epoch = ngx_ohttp_relay_challenge_window(key) - age;
        admission->begins = admission->epoch * key->window;
        admission->expires = admission->begins + 2 * key->window;

    } else {
        admission->expires = key->expires;
    }

    return NGX_OHTTP_RELAY_ACCESS_GRANTED;
}
