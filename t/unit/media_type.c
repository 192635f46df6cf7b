
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "media_type.h"


static void test_known(const char *type, ngx_ohttp_relay_media_type_e want);
static ngx_ohttp_relay_media_type_e media_type(const char *in, size_t len);


#define OTHER  NGX_OHTTP_RELAY_MEDIA_OTHER
#define REQ    NGX_OHTTP_RELAY_MEDIA_REQ


static const struct {
    const char                    *in;
    size_t                         len;
    ngx_ohttp_relay_media_type_e   want;
} cases[] = {
    { tap_bytes("Message/OHTTP-Req ; a=b"), REQ },
    { tap_bytes("MESSAGE/OHTTP-REQ"), REQ },
    { tap_bytes(" \t message/ohttp-req\t "), REQ },
    { tap_bytes("message/ohttp-req;"), REQ },
    { tap_bytes("message/ohttp-req;;;"), REQ },
    { tap_bytes("message/ohttp-req;a=\"message/ohttp-res\""), REQ },
    { tap_bytes("message/ohttp-req;\0"), REQ },
    { tap_bytes(""), OTHER },
    { tap_bytes(" "), OTHER },
    { tap_bytes(";"), OTHER },
    { tap_bytes(";message/ohttp-req"), OTHER },
    { tap_bytes("xmessage/ohttp-reqx"), OTHER },
    { tap_bytes("xmessage/ohttp-req"), OTHER },
    { tap_bytes("message/ohttp-reqx"), OTHER },
    { tap_bytes("message/ohttp-req message/ohttp-req"), OTHER },
    { tap_bytes("message/ohttp-req,message/ohttp-req"), OTHER },
    { tap_bytes("message / ohttp-req"), OTHER },
    { tap_bytes("message/ ohttp-req"), OTHER },
    { tap_bytes("message/ohttp-req\0"), OTHER },
    { tap_bytes("message/ohttp-req\r\n"), OTHER },
    { tap_bytes("message/ohttp-keys"), OTHER },
    { tap_bytes("application/ohttp-keys"), OTHER },
    { tap_bytes("message/ohttp\rreq"), OTHER },
    { tap_bytes("message\x0fohttp-req"), OTHER },
    { tap_bytes("message/bhttp"), OTHER },
    { tap_bytes("text/plain"), OTHER },
    { tap_bytes("application/octet-strean"), OTHER },
    { tap_bytes("text/event-streams"), OTHER },
    { tap_bytes("text/event-strean"), OTHER },
    { tap_bytes("application/jsom"), OTHER },
    { tap_bytes("application/problem-json"), OTHER },
    { tap_bytes("application/problem\x0bjson"), OTHER },
};


int
main(void)
{
    size_t  i;

    test_known("message/ohttp-req", NGX_OHTTP_RELAY_MEDIA_REQ);
    test_known("message/ohttp-chunked-req", NGX_OHTTP_RELAY_MEDIA_CHUNKED_REQ);
    test_known("message/ohttp-res", NGX_OHTTP_RELAY_MEDIA_RES);
    test_known("message/ohttp-chunked-res", NGX_OHTTP_RELAY_MEDIA_CHUNKED_RES);
    test_known("application/json", NGX_OHTTP_RELAY_MEDIA_JSON);
    test_known("application/problem+json",
               NGX_OHTTP_RELAY_MEDIA_PROBLEM_JSON);
    test_known("application/octet-stream",
               NGX_OHTTP_RELAY_MEDIA_OCTET_STREAM);
    test_known("text/event-stream", NGX_OHTTP_RELAY_MEDIA_EVENT_STREAM);

    for (i = 0; i < tap_array_len(cases); i++) {
        tap_ok(media_type(cases[i].in, cases[i].len) == cases[i].want,
               "%s is%s known", tap_text(cases[i].in, cases[i].len),
               cases[i].want == OTHER ? " not" : "");
    }

    return tap_done();
}


static void
test_known(const char *type, ngx_ohttp_relay_media_type_e want)
{
    int     bad;
    char    text[64];
    size_t  len, i;

    len = strlen(type);

    tap_ok(media_type(type, len) == want, "%s", type);

    for (i = 0; i < len; i++) {
        text[i] = type[i] >= 'a' && type[i] <= 'z' ? type[i] - 0x20 : type[i];
    }

    tap_ok(media_type(text, len) == want, "%s in capitals", type);

    memcpy(text, type, len);
    memcpy(text + len, " \t;charset=utf-8", 16);
    tap_ok(media_type(text, len + 16) == want, "%s with a parameter", type);

    for (bad = 0, i = 0; i < len; i++) {
        bad |= media_type(type, i) != OTHER;
        bad |= media_type(type + len - i, i) != OTHER;
    }

    tap_ok(!bad, "no part of %s is enough", type);

    for (bad = 0, i = 0; i < len; i++) {
        text[i] ^= 1;
        bad |= media_type(text, len) == want;
        text[i] ^= 1;
    }

    tap_ok(!bad, "each byte of %s counts", type);
}


static ngx_ohttp_relay_media_type_e
media_type(const char *in, size_t len)
{
    u_char                        *copy;
    ngx_ohttp_relay_media_type_e   type;

    copy = tap_copy(in, len);
    type = ngx_ohttp_relay_media_type(copy, copy + len);
    tap_free(copy, len);

    return type;
}
