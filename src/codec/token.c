
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "token.h"
#include "base64url.h"
#include "host.h"


#define NGX_OHTTP_RELAY_CHALLENGE_NAME  65535


static u_char *ngx_ohttp_relay_write_number(u_char *out, size_t n);
static u_char *ngx_ohttp_relay_write_slice(u_char *out,
    const ngx_ohttp_relay_slice_t *slice);


int
ngx_ohttp_relay_token_decode(const u_char *p, const u_char *last,
    u_char out[NGX_OHTTP_RELAY_TOKEN_SIZE], ngx_ohttp_relay_token_t *token)
{
    /* with "=" at its end it would be padding of something shorter */

    if (last - p != NGX_OHTTP_RELAY_TOKEN_TEXT || last[-1] == '=') {
        return NGX_OHTTP_RELAY_NONE;
    }

    if (ngx_ohttp_relay_base64url_decode(p, last, out,
                                         NGX_OHTTP_RELAY_TOKEN_SIZE, 0)
        != NGX_OHTTP_RELAY_TOKEN_SIZE)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    token->type = (uint16_t) (out[0] << 8 | out[1]);

    if (token->type != NGX_OHTTP_RELAY_TOKEN_TYPE) {
        return NGX_OHTTP_RELAY_NONE;
    }

    token->nonce = out + 2;
    token->challenge_digest = token->nonce + NGX_OHTTP_RELAY_TOKEN_NONCE;
    token->key_id = token->challenge_digest + NGX_OHTTP_RELAY_TOKEN_DIGEST;
    token->authenticator = token->key_id + NGX_OHTTP_RELAY_TOKEN_KEY_ID;

    token->input.data = out;
    token->input.len = NGX_OHTTP_RELAY_TOKEN_SIGNED;

    return NGX_OHTTP_RELAY_OK;
}


size_t
ngx_ohttp_relay_challenge_write(const ngx_ohttp_relay_slice_t *issuer,
    const ngx_ohttp_relay_slice_t *context,
    const ngx_ohttp_relay_slice_t *origin, u_char *out, size_t size)
{
    u_char  *p;

    if (issuer->len == 0 || issuer->len > NGX_OHTTP_RELAY_CHALLENGE_NAME
        || origin->len > NGX_OHTTP_RELAY_CHALLENGE_NAME
        || (context->len != 0
            && context->len != NGX_OHTTP_RELAY_CHALLENGE_CONTEXT)
        || size < 2 + 2 + issuer->len + 1 + context->len + 2 + origin->len)
    {
        return 0;
    }

    p = ngx_ohttp_relay_write_number(out, NGX_OHTTP_RELAY_TOKEN_TYPE);

    p = ngx_ohttp_relay_write_number(p, issuer->len);
    p = ngx_ohttp_relay_write_slice(p, issuer);

    *p++ = (u_char) context->len;
    p = ngx_ohttp_relay_write_slice(p, context);

    p = ngx_ohttp_relay_write_number(p, origin->len);
    p = ngx_ohttp_relay_write_slice(p, origin);

    return p - out;
}


int
ngx_ohttp_relay_challenge_issuer(const u_char *p, const u_char *last)
{
    ngx_ohttp_relay_host_t  host;

    return ngx_ohttp_relay_host(p, last, &host);
}


int
ngx_ohttp_relay_challenge_origin(const u_char *p, const u_char *last)
{
    if (p == last) {
        return NGX_OHTTP_RELAY_OK;
    }

    if (last - p > NGX_OHTTP_RELAY_CHALLENGE_NAME) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return ngx_ohttp_relay_host_list(p, last);
}


/* two bytes, the high one first */

static u_char *
ngx_ohttp_relay_write_number(u_char *out, size_t n)
{
    *out++ = (u_char) (n >> 8);
    *out++ = (u_char) n;

    return out;
}


static u_char *
ngx_ohttp_relay_write_slice(u_char *out, const ngx_ohttp_relay_slice_t *slice)
{
    /* of an empty slice the data may be NULL */

    if (slice->len != 0) {
        memcpy(out, slice->data, slice->len);
    }

    return out + slice->len;
}
