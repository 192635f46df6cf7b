
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tdx_pki.h"
#include "der.h"
#include "pck.h"


static void test_der(void);
static void test_numbers(void);
static void test_extension(void);


int
main(void)
{
    test_der();
    test_numbers();
    test_extension();

    return tap_done();
}


static void
test_der(void)
{
    int                       rc;
    u_char                   *copy;
    size_t                    i;
    const u_char             *p;
    ngx_ohttp_relay_slice_t   content;

    static const struct {
        const char  *bytes;
        size_t       len;
        int          rc;        /* or the length of the content */
        const char  *name;
    } elements[] = {
        { tap_bytes("\x04\x00"), 0, "an empty one" },
        { tap_bytes("\x04\x02zz"), 2, "one of two bytes" },
        { tap_bytes("\x04\x01zz"), 1, "one with another behind it" },
        { tap_bytes(""), -1, "nothing" },
        { tap_bytes("\x04"), -1, "no length" },
        { tap_bytes("\x05\x00"), -1, "another tag" },
        { tap_bytes("\x04\x03zz"), -1, "one that is cut" },
        { tap_bytes("\x04\x80zz"), -1, "one without an end" },
        { tap_bytes("\x04\x81\x02zz"), -1, "a length that is too long" },
        { tap_bytes("\x04\x82\x00\x02zz"), -1, "one that is longer still" },
        { tap_bytes("\x04\x82\x00\x80zz"), -1, "two bytes where one does" },
        { tap_bytes("\x04\x83\x01\x00\x00z"), -1, "three bytes of length" },
        { tap_bytes("\x04\x81"), -1, "a length that is cut" },
        { tap_bytes("\x04\x82\x01"), -1, "half a length" },
    };

    for (i = 0; i < tap_array_len(elements); i++) {

        copy = tap_copy(elements[i].bytes, elements[i].len);
        p = copy;

        rc = ngx_ohttp_relay_der(&p, copy + elements[i].len,
                                 NGX_OHTTP_RELAY_DER_OCTETS, &content);

        tap_ok((rc == 0 ? (int) content.len : -1) == elements[i].rc
               && (rc != 0 || p == content.data + content.len),
               "DER, %s: %d", elements[i].name, elements[i].rc);
        tap_free(copy, elements[i].len);
    }
}


static void
test_numbers(void)
{
    int            rc;
    u_char        *copy;
    size_t         i;
    unsigned       n;
    const u_char  *p;

    static const struct {
        const char  *bytes;
        size_t       len;
        int          n;
    } numbers[] = {
        { tap_bytes("\x02\x01\x00"), 0 },
        { tap_bytes("\x02\x01\x7f"), 127 },
        { tap_bytes("\x02\x02\x00\x80"), 128 },
        { tap_bytes("\x02\x03\x00\xff\xff"), 65535 },
        { tap_bytes("\x02\x00"), -1 },
        { tap_bytes("\x02\x01\x80"), -1 },
        { tap_bytes("\x02\x02\x00\x7f"), -1 },
        { tap_bytes("\x02\x03\x01\x00\x00"), -1 },
        { tap_bytes("\x02\x04\x00\x00\x00\x01"), -1 },
        { tap_bytes("\x0a\x01\x00"), -1 },
    };

    for (i = 0; i < tap_array_len(numbers); i++) {

        copy = tap_copy(numbers[i].bytes, numbers[i].len);
        p = copy;

        rc = ngx_ohttp_relay_der_number(&p, copy + numbers[i].len, &n);

        tap_ok((rc == 0 ? (int) n : -1) == numbers[i].n, "number %zu: %d", i,
               numbers[i].n);
        tap_free(copy, numbers[i].len);
    }
}


static void
test_extension(void)
{
    int                     bad;
    u_char                 *copy;
    size_t                  i;
    ngx_ohttp_relay_pck_t   pck;

    static tdx_buf_t        b, twice;

    tdx_extension(TDX_GOOD, &b);

    tap_ok(ngx_ohttp_relay_pck_parse(b.data, b.data + b.len, &pck) == 0
           && pck.pcesvn == 11 && pck.components[0] == 5
           && pck.components[15] == 5
           && memcmp(pck.fmspc, "\1\2\3\4\5\6", 6) == 0
           && memcmp(pck.pceid, "\0\0", 2) == 0, "an extension");

    for (bad = 0, i = 0; i < b.len; i++) {
        copy = tap_copy(b.data, i);
        bad |= ngx_ohttp_relay_pck_parse(copy, copy + i, &pck) == 0;
        tap_free(copy, i);
    }

    tap_ok(!bad, "one that is cut is none");

    b.data[b.len] = 0;
    tap_ok(ngx_ohttp_relay_pck_parse(b.data, b.data + b.len + 1, &pck) != 0,
           "nothing may follow it");

    tdx_extension(TDX_PCK_SHORT_EXTENSION, &b);
    tap_ok(ngx_ohttp_relay_pck_parse(b.data, b.data + b.len, &pck) != 0,
           "one without an FMSPC");

    /* all members, and one of them again */

    tdx_extension(TDX_GOOD, &b);
    memmove(b.data, b.data + 4, b.len - 4);
    b.len -= 4;
    twice.len = 0;
    tdx_member(&b, 4, 0, 0x04, "\1\2\3\4\5\6", 6);
    tdx_der(&twice, 0x30, &b);
    tap_ok(ngx_ohttp_relay_pck_parse(twice.data, twice.data + twice.len, &pck)
           != 0, "one with two of them");
}
