
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * The parts of a JWS put together are the input; a header that is accepted
 * has none of what must be refused, and each of these makes it refused.
 */


#include "fuzz.h"
#include "base64url.h"
#include "json.h"
#include "jws.h"


static void fuzz_jws(const u_char *data, size_t size);
static void fuzz_part(const ngx_ohttp_relay_slice_t *part);
static void fuzz_header(const u_char *data, size_t size);
static void fuzz_refused(const ngx_ohttp_relay_slice_t *text,
    const char *member);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char  *copy;

    copy = fuzz_copy(data, size);

    fuzz_jws(copy, size);
    fuzz_header(copy, size);

    free(copy);

    return 0;
}


static void
fuzz_jws(const u_char *data, size_t size)
{
    u_char                  out[NGX_OHTTP_RELAY_JWS_MAX];
    ssize_t                 n;
    ngx_ohttp_relay_jws_t   jws;

    if (ngx_ohttp_relay_jws(data, data + size, &jws) != NGX_OHTTP_RELAY_OK) {
        return;
    }

    fuzz_assert(size <= NGX_OHTTP_RELAY_JWS_MAX);
    fuzz_assert(jws.header.data == data && jws.input.data == data);
    fuzz_assert(jws.header.data[jws.header.len] == '.');
    fuzz_assert(jws.payload.data == data + jws.header.len + 1);
    fuzz_assert(jws.payload.data[jws.payload.len] == '.');
    fuzz_assert(jws.input.len == jws.header.len + 1 + jws.payload.len);
    fuzz_assert(jws.signature.data == data + jws.input.len + 1);
    fuzz_assert(jws.signature.data + jws.signature.len == data + size);

    fuzz_part(&jws.header);
    fuzz_part(&jws.payload);
    fuzz_part(&jws.signature);

    n = ngx_ohttp_relay_base64url_decode(jws.header.data,
                                         jws.header.data + jws.header.len,
                                         out, sizeof(out), 0);

    fuzz_assert(n > 0);

    fuzz_header(out, n);
}


static void
fuzz_part(const ngx_ohttp_relay_slice_t *part)
{
    fuzz_assert(part->len > 0);
    fuzz_assert(ngx_ohttp_relay_base64url_check(part->data,
                                                part->data + part->len, 0)
                > 0);
    fuzz_assert(memchr(part->data, '.', part->len) == NULL);
}


static void
fuzz_header(const u_char *data, size_t size)
{
    int                           rc;
    ngx_ohttp_relay_jose_t        jose;
    ngx_ohttp_relay_slice_t       text, kid;
    ngx_ohttp_relay_json_value_t  value;

    if (ngx_ohttp_relay_jose_header(data, data + size, &jose)
        != NGX_OHTTP_RELAY_OK)
    {
        return;
    }

    fuzz_assert(ngx_ohttp_relay_json_object(data, data + size)
                == NGX_OHTTP_RELAY_OK);
    fuzz_assert(jose.alg >= NGX_OHTTP_RELAY_JOSE_RS256);
    fuzz_assert(jose.alg <= NGX_OHTTP_RELAY_JOSE_HS256);

    text.data = data;
    text.len = size;

    fuzz_assert(ngx_ohttp_relay_json_member(&text, "crit", &value)
                == NGX_OHTTP_RELAY_DONE);
    fuzz_assert(ngx_ohttp_relay_json_member(&text, "b64", &value)
                == NGX_OHTTP_RELAY_DONE);

    rc = ngx_ohttp_relay_json_member(&text, "kid", &value);

    fuzz_assert((rc == NGX_OHTTP_RELAY_OK) == jose.has_kid);

    if (jose.has_kid) {
        kid.data = jose.kid;
        kid.len = jose.kid_len;

        fuzz_assert(ngx_ohttp_relay_json_slice_equal(&value, &kid));
    }

    fuzz_refused(&text, "\"crit\":[]");
    fuzz_refused(&text, "\"\\u0062\\u0036\\u0034\":true");
    fuzz_refused(&text, "\"alg\":\"RS256\"");
    fuzz_refused(&text, "\"typ\":\"x\"");
}


/* the header with this member in front is refused */

static void
fuzz_refused(const ngx_ohttp_relay_slice_t *text, const char *member)
{
    size_t                  len, rest;
    u_char                 *out;
    const u_char           *brace;
    ngx_ohttp_relay_jose_t  jose;

    out = malloc(text->len + strlen(member) + 4);
    fuzz_assert(out != NULL);

    brace = memchr(text->data, '{', text->len);
    rest = text->data + text->len - brace - 1;

    len = sprintf((char *) out, "{%s,", member);
    memcpy(out + len, brace + 1, rest);

    fuzz_assert(ngx_ohttp_relay_jose_header(out, out + len + rest, &jose)
                == NGX_OHTTP_RELAY_ERROR);

    free(out);
}
