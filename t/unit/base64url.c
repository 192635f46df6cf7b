
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "base64url.h"


#define ERROR  NGX_OHTTP_RELAY_ERROR


static void test_pair(size_t i);
static void test_alphabet(void);
static void test_trailing_bits(void);
static void test_room(void);
static void test_lengths(void);
static void test_null(void);
static ssize_t decode(const char *in, size_t len, u_char *out, size_t size,
    unsigned padding);


/* RFC 4648, section 10; RFC 7515, appendix C; and the whole alphabet */

static const struct {
    const char  *bytes;
    size_t       bytes_len;
    const char  *text;
    size_t       text_len;
    const char  *padded;
    size_t       padded_len;
} pairs[] = {
    { tap_bytes(""), tap_bytes(""), tap_bytes("") },
    { tap_bytes("f"), tap_bytes("Zg"), tap_bytes("Zg==") },
    { tap_bytes("fo"), tap_bytes("Zm8"), tap_bytes("Zm8=") },
    { tap_bytes("foo"), tap_bytes("Zm9v"), tap_bytes("Zm9v") },
    { tap_bytes("foob"), tap_bytes("Zm9vYg"), tap_bytes("Zm9vYg==") },
    { tap_bytes("fooba"), tap_bytes("Zm9vYmE"), tap_bytes("Zm9vYmE=") },
    { tap_bytes("foobar"), tap_bytes("Zm9vYmFy"), tap_bytes("Zm9vYmFy") },
    { tap_bytes("\x03\xec\xff\xe0\xc1"), tap_bytes("A-z_4ME"),
      tap_bytes("A-z_4ME=") },
    { tap_bytes("\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3\x8f\x41\x14\x93"
                "\x51\x55\x97\x61\x96\x9b\x71\xd7\x9f\x82\x18\xa3\x92\x59\xa7"
                "\xa2\x9a\xab\xb2\xdb\xaf\xc3\x1c\xb3\xd3\x5d\xb7\xe3\x9e\xbb"
                "\xf3\xdf\xbf"),
      tap_bytes("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                "0123456789-_"),
      tap_bytes("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                "0123456789-_") },
};


static const struct {
    const char  *text;
    size_t       len;
    unsigned     padding;
} wrong[] = {

    /* no length */

    { tap_bytes("Z"), 0 }, { tap_bytes("Z"), 1 },
    { tap_bytes("Zm9vY"), 0 }, { tap_bytes("Zm9vY"), 1 },

    /* padding that is not wanted, too little, too much, out of place */

    { tap_bytes("Zg=="), 0 }, { tap_bytes("Zm8="), 0 },
    { tap_bytes("Zm9v="), 0 },
    { tap_bytes("="), 0 }, { tap_bytes("===="), 0 },
    { tap_bytes("="), 1 }, { tap_bytes("=="), 1 }, { tap_bytes("==="), 1 },
    { tap_bytes("===="), 1 },
    { tap_bytes("Zg="), 1 }, { tap_bytes("Zg==="), 1 },
    { tap_bytes("Zm8=="), 1 }, { tap_bytes("Zm9v="), 1 },
    { tap_bytes("Zm9v=="), 1 }, { tap_bytes("Zm9v===="), 1 },
    { tap_bytes("Z==="), 1 }, { tap_bytes("Zm9vY==="), 1 },
    { tap_bytes("Zg==Zm9v"), 1 }, { tap_bytes("=Zm9"), 1 },
    { tap_bytes("Z=m9"), 1 }, { tap_bytes("Zm=9"), 1 },
    { tap_bytes("Z=="), 1 }, { tap_bytes("Zg= ="), 1 },

    /* base64 that is not base64url, white space, bytes above ASCII */

    { tap_bytes("A+z_"), 0 }, { tap_bytes("A-z/"), 0 },
    { tap_bytes("A+z/"), 1 }, { tap_bytes("A-z_4M+"), 0 },
    { tap_bytes(" Zm9v"), 0 }, { tap_bytes("Zm9v "), 0 },
    { tap_bytes("Zm9v\n"), 0 }, { tap_bytes("Zm 9v"), 0 },
    { tap_bytes("Zm9v\r\nYmFy"), 1 },
    { tap_bytes("Zm9\x00"), 0 }, { tap_bytes("\xc3\xa4\xc3\xa4"), 0 },
    { tap_bytes("Zm9v."), 0 }, { tap_bytes("Zm~v"), 0 },
};


int
main(void)
{
    size_t  i;
    u_char  out[64];

    for (i = 0; i < tap_array_len(pairs); i++) {
        test_pair(i);
    }

    for (i = 0; i < tap_array_len(wrong); i++) {
        tap_ok(decode(wrong[i].text, wrong[i].len, out, sizeof(out),
                      wrong[i].padding) == ERROR,
               "%s is wrong with padding %u",
               tap_text(wrong[i].text, wrong[i].len), wrong[i].padding);
    }

    test_alphabet();
    test_trailing_bits();
    test_room();
    test_lengths();
    test_null();

    return tap_done();
}


static void
test_pair(size_t i)
{
    int      ok;
    size_t   len;
    u_char   out[128];
    ssize_t  n;

    n = decode(pairs[i].text, pairs[i].text_len, out, pairs[i].bytes_len, 0);
    ok = n == (ssize_t) pairs[i].bytes_len
         && memcmp(out, pairs[i].bytes, n) == 0;

    n = decode(pairs[i].text, pairs[i].text_len, out, pairs[i].bytes_len, 1);
    ok &= n == (ssize_t) pairs[i].bytes_len
          && memcmp(out, pairs[i].bytes, n) == 0;

    n = decode(pairs[i].padded, pairs[i].padded_len, out, pairs[i].bytes_len,
               1);
    ok &= n == (ssize_t) pairs[i].bytes_len
          && memcmp(out, pairs[i].bytes, n) == 0;

    tap_ok(ok, "%s is decoded, padded and not",
           tap_text(pairs[i].text, pairs[i].text_len));

    len = ngx_ohttp_relay_base64url_encode((u_char *) pairs[i].bytes,
                                           (u_char *) pairs[i].bytes
                                           + pairs[i].bytes_len, out, 0);
    ok = len == pairs[i].text_len && memcmp(out, pairs[i].text, len) == 0;

    len = ngx_ohttp_relay_base64url_encode((u_char *) pairs[i].bytes,
                                           (u_char *) pairs[i].bytes
                                           + pairs[i].bytes_len, out, 1);
    ok &= len == pairs[i].padded_len
          && memcmp(out, pairs[i].padded, len) == 0
          && len == ngx_ohttp_relay_base64url_size(pairs[i].bytes_len);

    tap_ok(ok, "%s is encoded, padded and not",
           tap_text(pairs[i].text, pairs[i].text_len));
}


/* each byte at each place of four, and in what is left behind them */

static void
test_alphabet(void)
{
    int      c, bad, want;
    char     text[12];
    size_t   i, len;
    u_char   out[16];
    ssize_t  n;

    bad = 0;

    for (len = 6; len <= 8; len++) {

        for (i = 0; i < len; i++) {

            for (c = 0; c < 256; c++) {
                memcpy(text, "AAAAAAAA", 8);
                text[i] = (char) c;

                want = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
                       || (c >= '0' && c <= '9') || c == '-' || c == '_';

                /* of the last character only some have no bits left over */

                if (i == len - 1 && len != 8) {
                    want = c != 0
                           && strchr(len == 6 ? "AQgw" : "AEIMQUYcgkosw048",
                                     c) != NULL;
                }

                n = decode(text, len, out, sizeof(out), 0);
                bad |= (n != ERROR) != want;
            }
        }
    }

    tap_ok(!bad, "64 characters and no others, wherever they are");
}


static void
test_trailing_bits(void)
{
    u_char  out[8];

    tap_ok(decode(tap_bytes("Zh"), out, 8, 0) == ERROR
           && decode(tap_bytes("Zo=="), out, 8, 1) == ERROR
           && decode(tap_bytes("Zg"), out, 8, 0) == 1,
           "four bits behind one byte must be zero");

    tap_ok(decode(tap_bytes("Zm9"), out, 8, 0) == ERROR
           && decode(tap_bytes("Zm-="), out, 8, 1) == ERROR
           && decode(tap_bytes("Zm8"), out, 8, 0) == 2,
           "two bits behind two bytes must be zero");
}


/* decode() gives a copy of exactly this size, so the sanitizer looks on */

static void
test_room(void)
{
    int     bad;
    size_t  size;
    u_char  out[16];

    for (bad = 0, size = 0; size < 12; size++) {
        bad |= decode(tap_bytes("Zm9vYmFy"), out, size, 0)
               != (size < 6 ? ERROR : 6);
        bad |= decode(tap_bytes("Zm9vYmE"), out, size, 0)
               != (size < 5 ? ERROR : 5);
        bad |= decode(tap_bytes("Zm9vYg=="), out, size, 1)
               != (size < 4 ? ERROR : 4);
    }

    tap_ok(!bad, "what does not fit is an error");
}


static void
test_lengths(void)
{
    int      bad;
    size_t   i, len, n;
    u_char   bytes[300], text[ngx_ohttp_relay_base64url_size(300)], back[300];
    ssize_t  got;

    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (u_char) (i * 167 + 13);
    }

    for (bad = 0, len = 0; len <= sizeof(bytes); len++) {

        n = ngx_ohttp_relay_base64url_encode(bytes, bytes + len, text,
                                             len & 1);

        bad |= ngx_ohttp_relay_base64url_bytes(n) < len;
        bad |= ngx_ohttp_relay_base64url_check(text, text + n, len & 1)
               != (ssize_t) len;

        got = decode((char *) text, n, back, len, len & 1);

        bad |= got != (ssize_t) len || memcmp(back, bytes, len) != 0;
    }

    tap_ok(!bad, "each length is encoded and decoded again");
}


static void
test_null(void)
{
    tap_ok(ngx_ohttp_relay_base64url_check(NULL, NULL, 1) == 0
           && ngx_ohttp_relay_base64url_decode(NULL, NULL, NULL, 0, 0) == 0
           && ngx_ohttp_relay_base64url_encode(NULL, NULL, NULL, 1) == 0,
           "no text at all is no bytes");
}


/* also compares with what a check says */

static ssize_t
decode(const char *in, size_t len, u_char *out, size_t size, unsigned padding)
{
    u_char   *copy, *room;
    ssize_t   n, checked;

    copy = tap_copy(in, len);
    room = tap_copy("................................................"
                    "................................................"
                    "................................................"
                    "................................................"
                    "................................................"
                    "................................................"
                    "............", size);

    n = ngx_ohttp_relay_base64url_decode(copy, copy + len, room, size,
                                         padding);
    checked = ngx_ohttp_relay_base64url_check(copy, copy + len, padding);

    if (n > 0) {
        memcpy(out, room, n);
    }

    tap_free(room, size);
    tap_free(copy, len);

    if (n != checked && !(n == ERROR && checked > (ssize_t) size)) {
        tap_ok(0, "a check of %s says the same", tap_text(in, len));
    }

    return n;
}
