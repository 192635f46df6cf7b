
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "codec.h"


static void test_token_equal(void);
static void test_is_text(void);
static void test_trim(void);
static void test_byte_class(void);
static int reference_text(u_char c);
static int reference_equal(const u_char *p, const char *lower, size_t len);


/* all the neighbours of letters, and bytes that differ from others by 0x20 */
static const char  lower_text[] = "a-z/0+9@[`{m_;.~^q!k:x?|s%t&content-type";


int
main(void)
{
    test_token_equal();
    test_is_text();
    test_trim();
    test_byte_class();

    return tap_done();
}


static void
test_token_equal(void)
{
    int      c, bad;
    size_t   len, i;
    u_char  *copy;

    for (len = 0; len < sizeof(lower_text); len++) {

        copy = tap_copy(lower_text, len);
        bad = !ngx_ohttp_relay_token_equal(copy, copy + len, lower_text, len);

        for (i = 0; i < len; i++) {

            for (c = 0; c < 256; c++) {
                copy[i] = (u_char) c;
                bad |= ngx_ohttp_relay_token_equal(copy, copy + len,
                                                   lower_text, len)
                       != reference_equal(copy, lower_text, len);
            }

            copy[i] = (u_char) lower_text[i];
        }

        bad |= ngx_ohttp_relay_token_equal(copy, copy + len, lower_text,
                                           len + 1);

        if (len != 0) {
            bad |= ngx_ohttp_relay_token_equal(copy, copy + len, lower_text,
                                               len - 1);

            for (i = 0; i < len; i++) {
                if (copy[i] >= 'a' && copy[i] <= 'z') {
                    copy[i] -= 0x20;
                }
            }

            bad |= !ngx_ohttp_relay_token_equal(copy, copy + len, lower_text,
                                                len);
        }

        tap_free(copy, len);

        tap_ok(!bad, "%zu bytes are compared, letters without case", len);
    }
}


static void
test_is_text(void)
{
    int      c, bad;
    size_t   len, i;
    u_char  *copy;

    for (len = 0; len < 20; len++) {

        copy = tap_copy("abcdefgh\t\x80\xff~ABCDEFGHI", len);
        bad = !ngx_ohttp_relay_is_text(copy, copy + len);

        for (i = 0; i < len; i++) {

            for (c = 0; c < 256; c++) {
                copy[i] = (u_char) c;
                bad |= ngx_ohttp_relay_is_text(copy, copy + len)
                       != reference_text((u_char) c);
            }

            copy[i] = 'x';
        }

        tap_free(copy, len);

        tap_ok(!bad, "a control byte is found anywhere in %zu bytes", len);
    }

    /* bytes next to each other in one word must not hide each other */

    for (bad = 0, c = 0; c < 65536; c++) {
        u_char  word[8] = { 'a', 'b', 'c', (u_char) c, (u_char) (c >> 8),
                            'd', 'e', 'f' };

        bad |= ngx_ohttp_relay_is_text(word, word + 8)
               != (reference_text(word[3]) && reference_text(word[4]));
    }

    tap_ok(!bad, "a control byte is found beside every other byte");
}


static void
test_trim(void)
{
    size_t         i, len;
    u_char        *copy;
    const u_char  *p, *last;

    static const struct {
        const char  *in;
        size_t       len;
        const char  *out;
    } cases[] = {
        { tap_bytes(""), "" },
        { tap_bytes(" "), "" },
        { tap_bytes(" \t \t"), "" },
        { tap_bytes("a"), "a" },
        { tap_bytes("\t a b\t "), "a b" },
        { tap_bytes("\ra\v"), "\ra\v" },
    };

    for (i = 0; i < tap_array_len(cases); i++) {
        copy = tap_copy(cases[i].in, cases[i].len);
        p = copy;
        last = copy + cases[i].len;

        ngx_ohttp_relay_trim(&p, &last);

        len = strlen(cases[i].out);

        tap_ok((size_t) (last - p) == len && !memcmp(p, cases[i].out, len),
               "trim %s", tap_text(cases[i].in, cases[i].len));

        tap_free(copy, cases[i].len);
    }
}


static void
test_byte_class(void)
{
    int          c, letter, token, bad;
    const char  *others;

    others = "!#$%&'*+-.^_`|~";

    for (bad = 0, c = 0; c < 256; c++) {
        letter = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
                 || (c >= 'a' && c <= 'z');
        token = letter || (c != 0 && strchr(others, c) != NULL);

        bad |= ngx_ohttp_relay_byte_class[c]
               != (token ? NGX_OHTTP_RELAY_BYTE_TOKEN : 0)
                  + (reference_text((u_char) c) ? NGX_OHTTP_RELAY_BYTE_TEXT
                                                : 0);
    }

    tap_ok(!bad, "the classes of all bytes are those of RFC 9110");
}


static int
reference_text(u_char c)
{
    return c == '\t' || (c >= ' ' && c != 0x7f);
}


static int
reference_equal(const u_char *p, const char *lower, size_t len)
{
    size_t  i;
    u_char  c;

    for (i = 0; i < len; i++) {
        c = p[i];

        if (c >= 'A' && c <= 'Z') {
            c += 0x20;
        }

        if (c != (u_char) lower[i]) {
            return 0;
        }
    }

    return 1;
}
