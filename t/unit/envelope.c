
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "envelope.h"


static void test_header(void);
static void test_min(void);
static void test_suite(void);
static void test_all_ids(void);
static int suite_is(const ngx_ohttp_relay_envelope_t *e, const char *want);


int
main(void)
{
    test_header();
    test_min();
    test_suite();
    test_all_ids();

    return tap_done();
}


static void
test_header(void)
{
    int                          rc;
    size_t                       len;
    u_char                      *copy;
    ngx_ohttp_relay_envelope_t   e;

    /* RFC 9458, appendix A: the start of the sealed request */

    static const u_char  request[] = {
        0x01, 0x00, 0x20, 0x00, 0x01, 0x00, 0x01, 0x4b, 0x28, 0xf8
    };

    for (len = 0; len <= sizeof(request); len++) {
        copy = tap_copy(request, len);
        rc = ngx_ohttp_relay_envelope(copy, copy + len, &e);
        tap_free(copy, len);

        if (len < NGX_OHTTP_RELAY_ENVELOPE_HEADER) {
            tap_ok(rc == NGX_OHTTP_RELAY_AGAIN, "%zu bytes are too few", len);
            continue;
        }

        tap_ok(rc == NGX_OHTTP_RELAY_OK && e.key_id == 1 && e.kem == 0x20
               && e.kdf == 1 && e.aead == 1,
               "%zu bytes of the request in RFC 9458, appendix A", len);
    }

    copy = tap_copy("\xff\xfe\xdc\xba\x98\x76\x54", 7);
    rc = ngx_ohttp_relay_envelope(copy, copy + 7, &e);
    tap_free(copy, 7);

    tap_ok(rc == NGX_OHTTP_RELAY_OK && e.key_id == 0xff && e.kem == 0xfedc
           && e.kdf == 0xba98 && e.aead == 0x7654,
           "ids are in network order, high bits kept");
}


static void
test_min(void)
{
    size_t                      i;
    ngx_ohttp_relay_envelope_t  e;

    static const struct {
        uint16_t  kem;
        size_t    min;
    } cases[] = {
        { 0x0010, 7 + 65 + 16 },
        { 0x0011, 7 + 97 + 16 },
        { 0x0012, 7 + 133 + 16 },
        { 0x0016, 7 + 65 + 16 },
        { 0x0020, 7 + 32 + 16 },
        { 0x0021, 7 + 56 + 16 },
        { 0x0030, 7 + 1120 + 16 },
        { 0x0040, 7 + 768 + 16 },
        { 0x0041, 7 + 1088 + 16 },
        { 0x0042, 7 + 1568 + 16 },
        { 0x0050, 7 + 1153 + 16 },
        { 0x0051, 7 + 1665 + 16 },
        { 0x647a, 7 + 1120 + 16 },
    };

    memset(&e, 0, sizeof(ngx_ohttp_relay_envelope_t));

    for (i = 0; i < tap_array_len(cases); i++) {
        e.kem = cases[i].kem;

        tap_ok(ngx_ohttp_relay_envelope_min(&e, 0) == cases[i].min,
               "a request under KEM 0x%04x has at least %zu bytes", e.kem,
               cases[i].min);
        tap_ok(ngx_ohttp_relay_envelope_min(&e, 1) == cases[i].min + 1,
               "a chunked request under KEM 0x%04x has one more", e.kem);
    }

    e.kem = 0x1234;

    tap_ok(ngx_ohttp_relay_envelope_min(&e, 0) == 7
           && ngx_ohttp_relay_envelope_min(&e, 1) == 7,
           "of a request under an unknown KEM only the header is known");
}


static void
test_suite(void)
{
    size_t                      i;
    ngx_ohttp_relay_envelope_t  e;

    static const struct {
        uint16_t     kem;
        uint16_t     kdf;
        uint16_t     aead;
        const char  *want;
    } cases[] = {
        { 0x20, 1, 1, "x25519/hkdf-sha256/aes-128-gcm" },
        { 0x20, 1, 3, "x25519/hkdf-sha256/chacha20poly1305" },
        { 0x10, 1, 2, "p256/hkdf-sha256/aes-256-gcm" },
        { 0x11, 2, 2, "p384/hkdf-sha384/aes-256-gcm" },
        { 0x12, 3, 2, "p521/hkdf-sha512/aes-256-gcm" },
        { 0x16, 1, 3, "secp256k1/hkdf-sha256/chacha20poly1305" },
        { 0x21, 0x10, 1, "x448/shake128/aes-128-gcm" },
        { 0x30, 0x11, 1, "x25519-kyber768/shake256/aes-128-gcm" },
        { 0x40, 0x12, 1, "mlkem512/turboshake128/aes-128-gcm" },
        { 0x41, 0x13, 1, "mlkem768/turboshake256/aes-128-gcm" },
        { 0x42, 1, 1, "mlkem1024/hkdf-sha256/aes-128-gcm" },
        { 0x50, 1, 1, "mlkem768-p256/hkdf-sha256/aes-128-gcm" },
        { 0x51, 1, 1, "mlkem1024-p384/hkdf-sha256/aes-128-gcm" },
        { 0x647a, 1, 1, "mlkem768-x25519/hkdf-sha256/aes-128-gcm" },
        { 0x1234, 1, 1, "other/hkdf-sha256/aes-128-gcm" },
        { 0x20, 0xabcd, 1, "x25519/other/aes-128-gcm" },
        { 0x20, 1, 0xffff, "x25519/hkdf-sha256/other" },
        { 0, 0, 0, "other/other/other" },
    };

    for (i = 0; i < tap_array_len(cases); i++) {
        e.key_id = 0;
        e.kem = cases[i].kem;
        e.kdf = cases[i].kdf;
        e.aead = cases[i].aead;

        tap_ok(suite_is(&e, cases[i].want), "%s", cases[i].want);
    }
}


static void
test_all_ids(void)
{
    int                         id, bad;
    size_t                      min, max, len, longest, shift;
    u_char                      buf[NGX_OHTTP_RELAY_SUITE_MAX];
    ngx_ohttp_relay_envelope_t  e;

    memset(&e, 0, sizeof(ngx_ohttp_relay_envelope_t));

    /* the longest names of a KDF and of an AEAD */

    e.kdf = 0x13;
    e.aead = 3;

    for (longest = 0, max = 0, bad = 0, id = 0; id < 65536; id++) {
        e.kem = (uint16_t) id;

        min = ngx_ohttp_relay_envelope_min(&e, 1);
        max = min > max ? min : max;

        len = ngx_ohttp_relay_envelope_suite(&e, buf, sizeof(buf));
        longest = len > longest ? len : longest;
        bad |= len == 0;
    }

    tap_ok(max == NGX_OHTTP_RELAY_ENVELOPE_MIN_MAX,
           "the largest minimum is the constant");
    tap_ok(!bad && longest == NGX_OHTTP_RELAY_SUITE_MAX,
           "the longest suite is the constant");

    for (bad = 0, id = 0; id < 65536; id++) {

        for (shift = 0; shift < 2; shift++) {
            e.kem = 0x30;
            e.kdf = shift ? (uint16_t) id : 0x13;
            e.aead = shift ? 3 : (uint16_t) id;

            bad |= ngx_ohttp_relay_envelope_suite(&e, buf, sizeof(buf)) == 0;
        }
    }

    tap_ok(!bad, "no KDF and no AEAD makes a suite longer than the constant");
}


/* also with the smallest buffer, and with one that is a byte too small */

static int
suite_is(const ngx_ohttp_relay_envelope_t *e, const char *want)
{
    int      ok;
    size_t   len, got;
    u_char  *buf;

    len = strlen(want);

    buf = tap_copy(want, len);
    memset(buf, 'x', len);

    got = ngx_ohttp_relay_envelope_suite(e, buf, len - 1);
    ok = got == 0 && buf[0] == 'x';

    got = ngx_ohttp_relay_envelope_suite(e, buf, len);
    ok &= got == len && memcmp(buf, want, len) == 0;

    if (!ok) {
        tap_note("got %.*s", (int) got, buf);
    }

    tap_free(buf, len);

    return ok;
}
