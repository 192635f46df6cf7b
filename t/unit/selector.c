
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "selector.h"


static size_t selector(const char *in, size_t len, u_char *out);


static const struct {
    const char  *in;
    size_t       len;
    const char  *out;
} cases[] = {
    { tap_bytes("0x00ff"), "00ff" },
    { tap_bytes("00ff"), "00ff" },
    { tap_bytes("0X00FF"), "00ff" },
    { tap_bytes("00Ff"), "00ff" },
    { tap_bytes(" \t0x00ff\t "), "00ff" },
    { tap_bytes("0x0x00"), "0x0x00" },
    { tap_bytes("0xnode"), "0xnode" },
    { tap_bytes("0x"), "0x" },
    { tap_bytes("0"), "0" },
    { tap_bytes("Node-1@~"), "node-1@~" },
    { tap_bytes("[\\]^_`{|}"), "[\\]^_`{|}" },
    { tap_bytes(""), "" },
    { tap_bytes("  "), "" },
    { tap_bytes("a b"), "" },
    { tap_bytes("a\tb"), "" },
    { tap_bytes("a\0"), "" },
    { tap_bytes("a\x7f"), "" },
    { tap_bytes("\xc3\xa4"), "" },
};


int
main(void)
{
    char    text[NGX_OHTTP_RELAY_SELECTOR_MAX + 4];
    size_t  i, n;
    u_char  out[NGX_OHTTP_RELAY_SELECTOR_MAX];

    for (i = 0; i < tap_array_len(cases); i++) {
        n = selector(cases[i].in, cases[i].len, out);

        tap_ok(n == strlen(cases[i].out)
               && memcmp(out, cases[i].out, n) == 0,
               "%s is %s", tap_text(cases[i].in, cases[i].len),
               n ? cases[i].out : "no selector");
    }

    memset(text, 'a', sizeof(text));

    tap_ok(selector(text, NGX_OHTTP_RELAY_SELECTOR_MAX, out)
           == NGX_OHTTP_RELAY_SELECTOR_MAX, "as long as may be");
    tap_ok(selector(text, NGX_OHTTP_RELAY_SELECTOR_MAX + 1, out) == 0,
           "one byte longer");

    /* an uncompressed point of a curve */

    text[0] = '0';
    text[1] = '4';

    n = selector(text, 130, out);

    tap_ok(n == 128 && memcmp(out, text + 2, n) == 0,
           "a point without the 04 before it");

    text[1] = '2';

    tap_ok(selector(text, 130, out) == 0, "130 digits that are no point");

    text[1] = '4';
    text[129] = 'g';

    tap_ok(selector(text, 130, out) == 0, "130 bytes that are no digits");
    tap_ok(selector(text, 129, out) == 0, "129 digits");

    memcpy(text, "0x04", 4);
    text[129] = 'a';

    tap_ok(selector(text, 132, out) == 128, "a point behind 0x");

    n = selector(text, 130, out);

    tap_ok(n == 128 && out[0] == '0' && out[1] == '4',
           "128 digits that begin so are no point");

    text[0] = '0';
    text[1] = 'x';

    tap_ok(selector(text, NGX_OHTTP_RELAY_SELECTOR_MAX + 2, out)
           == NGX_OHTTP_RELAY_SELECTOR_MAX, "as long as may be, behind 0x");
    tap_ok(selector(text, NGX_OHTTP_RELAY_SELECTOR_MAX + 3, out) == 0,
           "one digit longer, behind 0x");

    return tap_done();
}


static size_t
selector(const char *in, size_t len, u_char *out)
{
    size_t   n;
    u_char  *copy, *room;

    copy = tap_copy(in, len);
    room = malloc(NGX_OHTTP_RELAY_SELECTOR_MAX);

    n = ngx_ohttp_relay_selector(copy, copy + len, room);

    memcpy(out, room, n);

    free(room);
    tap_free(copy, len);

    return n;
}
