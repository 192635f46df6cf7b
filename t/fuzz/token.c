
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * A token encoded again is the input; any bytes that make a token are
 * decoded; a challenge has its parts where they belong.
 */


#include "fuzz.h"
#include "base64url.h"
#include "token.h"


static void fuzz_text(const u_char *data, size_t size);
static void fuzz_bytes(const u_char *data, size_t size);
static void fuzz_challenge(const u_char *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int  issuer, origin;

    fuzz_text(data, size);

    if (size > 0) {
        fuzz_bytes(data, size);
    }

    if (size > 3) {
        fuzz_challenge(data, size);
    }

    issuer = ngx_ohttp_relay_challenge_issuer(data, data + size);
    origin = ngx_ohttp_relay_challenge_origin(data, data + size);

    fuzz_assert(issuer == NGX_OHTTP_RELAY_ERROR
                || origin == NGX_OHTTP_RELAY_OK);

    return 0;
}


static void
fuzz_text(const u_char *data, size_t size)
{
    int                        rc;
    u_char                    *copy, *out, text[NGX_OHTTP_RELAY_TOKEN_TEXT];
    ngx_ohttp_relay_token_t    token;

    copy = fuzz_copy(data, size);
    out = malloc(NGX_OHTTP_RELAY_TOKEN_SIZE);
    fuzz_assert(out != NULL);

    rc = ngx_ohttp_relay_token_decode(copy, copy + size, out, &token);

    if (rc == NGX_OHTTP_RELAY_OK) {
        fuzz_assert(size == NGX_OHTTP_RELAY_TOKEN_TEXT);
        fuzz_assert(token.type == 2);
        fuzz_assert(token.authenticator + NGX_OHTTP_RELAY_TOKEN_AUTHENTICATOR
                    == out + NGX_OHTTP_RELAY_TOKEN_SIZE);
        fuzz_assert(token.input.data + token.input.len
                    == token.authenticator);

        (void) ngx_ohttp_relay_base64url_encode(out,
                               out + NGX_OHTTP_RELAY_TOKEN_SIZE, text, 1);

        fuzz_assert(memcmp(text, data, size) == 0);

    } else if (size == NGX_OHTTP_RELAY_TOKEN_TEXT && data[size - 1] != '=') {
        fuzz_assert((rc == NGX_OHTTP_RELAY_ERROR)
                    == (ngx_ohttp_relay_base64url_check(data, data + size, 0)
                        == NGX_OHTTP_RELAY_ERROR));

    } else {
        fuzz_assert(rc == NGX_OHTTP_RELAY_NONE);
    }

    free(out);
    free(copy);
}


/* the input over and over, as the bytes of a token */

static void
fuzz_bytes(const u_char *data, size_t size)
{
    u_char                   raw[NGX_OHTTP_RELAY_TOKEN_SIZE];
    u_char                   out[NGX_OHTTP_RELAY_TOKEN_SIZE];
    u_char                   text[NGX_OHTTP_RELAY_TOKEN_TEXT];
    size_t                   i;
    ngx_ohttp_relay_token_t  token;

    for (i = 0; i < sizeof(raw); i++) {
        raw[i] = data[i % size];
    }

    (void) ngx_ohttp_relay_base64url_encode(raw, raw + sizeof(raw), text, 0);

    fuzz_assert(ngx_ohttp_relay_token_decode(text, text + sizeof(text), out,
                                             &token)
                == (raw[0] == 0 && raw[1] == 2 ? NGX_OHTTP_RELAY_OK
                                               : NGX_OHTTP_RELAY_NONE));
    fuzz_assert(memcmp(raw, out, sizeof(raw)) == 0);
}


/* the first bytes say how the rest is divided, and how much room there is */

static void
fuzz_challenge(const u_char *data, size_t size)
{
    size_t                    n, room, want;
    u_char                   *out;
    ngx_ohttp_relay_slice_t   issuer, context, origin;

    n = size - 3;

    issuer.data = data + 3;
    issuer.len = data[0] % (n + 1);
    context.data = issuer.data + issuer.len;
    context.len = data[1] % (n - issuer.len + 1);
    origin.data = context.data + context.len;
    origin.len = n - issuer.len - context.len;

    want = 7 + n;
    room = want - 1 + data[2] % 3;

    out = malloc(room);
    fuzz_assert(out != NULL);

    n = ngx_ohttp_relay_challenge_write(&issuer, &context, &origin, out,
                                        room);

    if (issuer.len == 0 || (context.len != 0 && context.len != 32)
        || room < want)
    {
        fuzz_assert(n == 0);

    } else {
        fuzz_assert(n == want);
        fuzz_assert(out[0] == 0 && out[1] == 2);
        fuzz_assert((size_t) (out[2] << 8 | out[3]) == issuer.len);
        fuzz_assert(memcmp(out + 4, issuer.data, issuer.len) == 0);
        fuzz_assert(out[4 + issuer.len] == context.len);
        fuzz_assert(memcmp(out + n - origin.len, origin.data, origin.len)
                    == 0);
    }

    free(out);
}
