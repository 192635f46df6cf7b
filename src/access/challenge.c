
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "../codec/base64url.h"
#include "../codec/token.h"
#include "challenge.h"

#include <openssl/sha.h>


struct ngx_ohttp_relay_challenge_s {
    ngx_uint_t   known;      /* the window below is */
    uint64_t     window;     /* the current one */
    u_char       digest[NGX_OHTTP_RELAY_CHALLENGE_KEPT][SHA256_DIGEST_LENGTH];
    ngx_str_t    text;       /* of the current challenge, as it is hashed */
    ngx_str_t    header;
};


/* what a challenge has beside its two values */

#define NGX_OHTTP_RELAY_CHALLENGE_FORM                                       \
    "PrivateToken challenge=\"\", token-key=\"\""


static void ngx_ohttp_relay_challenge_update(
    ngx_ohttp_relay_token_key_t *key);
static void ngx_ohttp_relay_challenge_make(ngx_ohttp_relay_token_key_t *key,
    uint64_t window, u_char *digest);
static void ngx_ohttp_relay_challenge_context(time_t length, uint64_t window,
    u_char *context);
static u_char *ngx_ohttp_relay_challenge_number(u_char *p, uint64_t n);


ngx_ohttp_relay_challenge_t *
ngx_ohttp_relay_challenge_create(ngx_pool_t *pool,
    ngx_ohttp_relay_token_key_t *key)
{
    size_t                        size;
    ngx_ohttp_relay_challenge_t  *challenge;

    challenge = ngx_pcalloc(pool, sizeof(ngx_ohttp_relay_challenge_t));
    if (challenge == NULL) {
        return NULL;
    }

    size = ngx_ohttp_relay_challenge_size(key->issuer.len, key->origin.len);

    challenge->text.data = ngx_pnalloc(pool, size);
    if (challenge->text.data == NULL) {
        return NULL;
    }

    challenge->text.len = size;

    size = sizeof(NGX_OHTTP_RELAY_CHALLENGE_FORM)
           + ngx_ohttp_relay_base64url_size(size)
           + ngx_ohttp_relay_base64url_size(key->spki.len);

    challenge->header.data = ngx_pnalloc(pool, size);
    if (challenge->header.data == NULL) {
        return NULL;
    }

    return challenge;
}


ngx_int_t
ngx_ohttp_relay_challenge_age(ngx_ohttp_relay_token_key_t *key,
    const u_char *digest)
{
    ngx_int_t                     age, kept;
    ngx_ohttp_relay_challenge_t  *challenge;

    ngx_ohttp_relay_challenge_update(key);

    challenge = key->challenge;
    kept = key->window ? NGX_OHTTP_RELAY_CHALLENGE_KEPT : 1;

    for (age = 0; age < kept; age++) {
        if (ngx_memcmp(challenge->digest[age], digest, SHA256_DIGEST_LENGTH)
            == 0)
        {
            return age;
        }
    }

    return NGX_DECLINED;
}


uint64_t
ngx_ohttp_relay_challenge_window(ngx_ohttp_relay_token_key_t *key)
{
    return key->challenge->window;
}


ngx_str_t *
ngx_ohttp_relay_challenge_header(ngx_ohttp_relay_token_key_t *key)
{
    ngx_ohttp_relay_challenge_update(key);

    return &key->challenge->header;
}


/* once for each window, and once in all if there are none */

static void
ngx_ohttp_relay_challenge_update(ngx_ohttp_relay_token_key_t *key)
{
    u_char                       *p;
    uint64_t                      window;
    ngx_uint_t                    age;
    ngx_ohttp_relay_challenge_t  *challenge;

    challenge = key->challenge;
    window = key->window ? (uint64_t) (ngx_time() / key->window) : 0;

    if (challenge->known && challenge->window == window) {
        return;
    }

    /* the oldest first: the text that stays is that of the current window */

    for (age = key->window ? NGX_OHTTP_RELAY_CHALLENGE_KEPT : 1; age; age--) {
        ngx_ohttp_relay_challenge_make(key, window - (age - 1),
                                       challenge->digest[age - 1]);
    }

    p = ngx_cpymem(challenge->header.data, "PrivateToken challenge=\"",
                   sizeof("PrivateToken challenge=\"") - 1);

    p += ngx_ohttp_relay_base64url_encode(challenge->text.data,
                                          challenge->text.data
                                          + challenge->text.len,
                                          p, 1);

    p = ngx_cpymem(p, "\", token-key=\"", sizeof("\", token-key=\"") - 1);

    p += ngx_ohttp_relay_base64url_encode(key->spki.data,
                                          key->spki.data + key->spki.len,
                                          p, 1);
    *p++ = '"';

    challenge->header.len = p - challenge->header.data;
    challenge->window = window;
    challenge->known = 1;
}


static void
ngx_ohttp_relay_challenge_make(ngx_ohttp_relay_token_key_t *key,
    uint64_t window, u_char *digest)
{
    u_char                        derived[NGX_OHTTP_RELAY_CONTEXT];
    ngx_str_t                    *text;
    ngx_ohttp_relay_slice_t       issuer, origin, context;

    text = &key->challenge->text;

    issuer.data = key->issuer.data;
    issuer.len = key->issuer.len;
    origin.data = key->origin.data;
    origin.len = key->origin.len;
    context.data = key->context.data;
    context.len = key->context.len;

    if (key->window) {
        ngx_ohttp_relay_challenge_context(key->window, window, derived);

        context.data = derived;
        context.len = NGX_OHTTP_RELAY_CONTEXT;
    }

    /* there is room for the longest that these names can make */

    text->len = ngx_ohttp_relay_challenge_write(&issuer, &context, &origin,
                         text->data,
                         ngx_ohttp_relay_challenge_size(issuer.len,
                                                        origin.len));

    SHA256(text->data, text->len, digest);
}


/* SHA-256("ohr-window" || be64(length) || be64(window)) */

static void
ngx_ohttp_relay_challenge_context(time_t length, uint64_t window,
    u_char *context)
{
    u_char  *p, input[sizeof("ohr-window") - 1 + 8 + 8];

    p = ngx_cpymem(input, "ohr-window", sizeof("ohr-window") - 1);
    p = ngx_ohttp_relay_challenge_number(p, length);
    p = ngx_ohttp_relay_challenge_number(p, window);

    SHA256(input, p - input, context);
}


static u_char *
ngx_ohttp_relay_challenge_number(u_char *p, uint64_t n)
{
    ngx_uint_t  shift;

    for (shift = 64; shift; shift -= 8) {
        *p++ = (u_char) (n >> (shift - 8));
    }

    return p;
}
