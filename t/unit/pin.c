
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "pin.h"


#define HEX                                                                  \
    "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"

#define COLONS                                                               \
    "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:"                       \
    "10:11:12:13:14:15:16:17:18:19:1a:1b:1c:1d:1e:1f"

#define CERT  NGX_OHTTP_RELAY_PIN_CERT
#define SPKI  NGX_OHTTP_RELAY_PIN_SPKI


static void test_wrong_bytes(const char *good, size_t len);
static int pin(const char *in, size_t len, ngx_ohttp_relay_pin_t *out);


static const struct {
    const char                  *in;
    size_t                       len;
    int                          rc;
    ngx_ohttp_relay_pin_kind_e   kind;
} cases[] = {
    { tap_bytes("cert-sha256:" HEX), NGX_OHTTP_RELAY_OK, CERT },
    { tap_bytes("spki-sha256:" HEX), NGX_OHTTP_RELAY_OK, SPKI },
    { tap_bytes("cert-sha256:" COLONS), NGX_OHTTP_RELAY_OK, CERT },
    { tap_bytes("spki-sha256:" COLONS), NGX_OHTTP_RELAY_OK, SPKI },
    { tap_bytes(""), NGX_OHTTP_RELAY_ERROR, 0 },
    { tap_bytes("cert-sha256:"), NGX_OHTTP_RELAY_ERROR, 0 },
    { tap_bytes("cert-sha256" HEX), NGX_OHTTP_RELAY_ERROR, 0 },
    { tap_bytes("cert-sha1:" HEX), NGX_OHTTP_RELAY_ERROR, 0 },
    { tap_bytes("cert-sha512:" HEX), NGX_OHTTP_RELAY_ERROR, 0 },
    { tap_bytes("CERT-SHA256:" HEX), NGX_OHTTP_RELAY_ERROR, 0 },
    { tap_bytes("sha256:" HEX), NGX_OHTTP_RELAY_ERROR, 0 },
    { tap_bytes(HEX), NGX_OHTTP_RELAY_ERROR, 0 },
    { tap_bytes("cert-sha256: " HEX), NGX_OHTTP_RELAY_ERROR, 0 },
    { tap_bytes("cert-sha256:" HEX " "), NGX_OHTTP_RELAY_ERROR, 0 },
    { tap_bytes("cert-sha256:" HEX "0"), NGX_OHTTP_RELAY_ERROR, 0 },
    { tap_bytes("cert-sha256:" HEX "00"), NGX_OHTTP_RELAY_ERROR, 0 },
    { tap_bytes("cert-sha256:" COLONS ":"), NGX_OHTTP_RELAY_ERROR, 0 },
    { tap_bytes("cert-sha256:" COLONS ":00"), NGX_OHTTP_RELAY_ERROR, 0 },
    { tap_bytes("cert-sha256::" COLONS), NGX_OHTTP_RELAY_ERROR, 0 },
    { tap_bytes("cert-sha256:" HEX HEX), NGX_OHTTP_RELAY_ERROR, 0 },

    /* colons at some of the pairs only, in either of the two lengths */

    { tap_bytes("cert-sha256:00:0102030405060708090a0b0c0d0e0f10111213141516"
                "1718191a1b1c1d1e1f"), NGX_OHTTP_RELAY_ERROR, 0 },
    { tap_bytes("cert-sha256:00:01:02030405060708090a0b0c0d0e0f1011121314151"
                "61718191a1b1c1d1"), NGX_OHTTP_RELAY_ERROR, 0 },
};


int
main(void)
{
    int                    rc, bad;
    size_t                 i, j;
    ngx_ohttp_relay_pin_t  got;

    for (i = 0; i < tap_array_len(cases); i++) {
        rc = pin(cases[i].in, cases[i].len, &got);
        bad = rc != cases[i].rc;

        if (rc == NGX_OHTTP_RELAY_OK) {
            bad |= got.kind != cases[i].kind;

            for (j = 0; j < NGX_OHTTP_RELAY_PIN_DIGEST; j++) {
                bad |= got.digest[j] != j;
            }
        }

        tap_ok(!bad, "%s is %d", tap_text(cases[i].in, cases[i].len),
               cases[i].rc);
    }

    test_wrong_bytes(tap_bytes("cert-sha256:" HEX));
    test_wrong_bytes(tap_bytes("spki-sha256:" COLONS));

    return tap_done();
}


/* one byte changed, and one byte cut off, everywhere */

static void
test_wrong_bytes(const char *good, size_t len)
{
    int                    bad;
    char                   text[128];
    size_t                 i;
    ngx_ohttp_relay_pin_t  got;

    memcpy(text, good, len);

    for (bad = 0, i = 0; i < len; i++) {
        text[i] = '-';

        if (good[i] != '-') {
            bad |= pin(text, len, &got) != NGX_OHTTP_RELAY_ERROR;
        }

        text[i] = 'g';
        bad |= pin(text, len, &got) != NGX_OHTTP_RELAY_ERROR;

        text[i] = '0';

        if (i < 12 || good[i] == ':') {
            bad |= pin(text, len, &got) != NGX_OHTTP_RELAY_ERROR;
        }

        text[i] = good[i];

        bad |= pin(text, i, &got) != NGX_OHTTP_RELAY_ERROR;
    }

    tap_ok(!bad, "each byte of %s counts", tap_text(good, len));
}


static int
pin(const char *in, size_t len, ngx_ohttp_relay_pin_t *out)
{
    int      rc;
    u_char  *copy;

    copy = tap_copy(in, len);
    rc = ngx_ohttp_relay_pin(copy, copy + len, out);
    tap_free(copy, len);

    return rc;
}
