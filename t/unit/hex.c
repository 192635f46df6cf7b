
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "hex.h"


static int hex(const char *in, size_t len, u_char *out);


static const struct {
    const char  *in;
    size_t       len;
    int          rc;
    const char  *out;
} cases[] = {
    { tap_bytes(""), NGX_OHTTP_RELAY_OK, "" },
    { tap_bytes("00"), NGX_OHTTP_RELAY_OK, "\x00" },
    { tap_bytes("0123456789abcdef"), NGX_OHTTP_RELAY_OK,
      "\x01\x23\x45\x67\x89\xab\xcd\xef" },
    { tap_bytes("ABCDEFabcdefAbCdEf"), NGX_OHTTP_RELAY_OK,
      "\xab\xcd\xef\xab\xcd\xef\xab\xcd\xef" },
    { tap_bytes("ff00"), NGX_OHTTP_RELAY_OK, "\xff\x00" },
    { tap_bytes("0"), NGX_OHTTP_RELAY_ERROR, NULL },
    { tap_bytes("001"), NGX_OHTTP_RELAY_ERROR, NULL },
    { tap_bytes("0g"), NGX_OHTTP_RELAY_ERROR, NULL },
    { tap_bytes("g0"), NGX_OHTTP_RELAY_ERROR, NULL },
    { tap_bytes("0x00"), NGX_OHTTP_RELAY_ERROR, NULL },
    { tap_bytes(" 00 "), NGX_OHTTP_RELAY_ERROR, NULL },
    { tap_bytes("00:00:"), NGX_OHTTP_RELAY_ERROR, NULL },
};


int
main(void)
{
    int     c, rc, bad, want;
    char    text[8];
    size_t  i;
    u_char  out[32];

    for (i = 0; i < tap_array_len(cases); i++) {
        rc = hex(cases[i].in, cases[i].len, out);

        tap_ok(rc == cases[i].rc
               && (cases[i].out == NULL
                   || memcmp(out, cases[i].out, cases[i].len / 2) == 0),
               "%s is %d", tap_text(cases[i].in, cases[i].len), cases[i].rc);
    }

    for (bad = 0, c = 0; c < 256; c++) {
        snprintf(text, sizeof(text), "%02x%02X", c, c);
        bad |= hex(text, 4, out) != NGX_OHTTP_RELAY_OK || out[0] != c
               || out[1] != c;

        text[0] = (char) c;
        text[1] = '0';
        want = c != 0 && strchr("0123456789abcdefABCDEF", c) != NULL;
        bad |= hex(text, 2, out) != (want ? NGX_OHTTP_RELAY_OK
                                          : NGX_OHTTP_RELAY_ERROR);

        bad |= (ngx_ohttp_relay_hex_digit((u_char) c)
                == NGX_OHTTP_RELAY_ERROR) == want;
    }

    tap_ok(!bad, "each byte is decoded from both cases, no other digits pass");

    return tap_done();
}


/* out is filled exactly: a copy of half the length is what it is given */

static int
hex(const char *in, size_t len, u_char *out)
{
    int      rc;
    u_char  *copy, *half;

    copy = tap_copy(in, len);
    half = tap_copy(in, len / 2);

    rc = ngx_ohttp_relay_hex(copy, copy + len, half);

    memcpy(out, half, len / 2);

    tap_free(half, len / 2);
    tap_free(copy, len);

    return rc;
}
