
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "base64url.h"


/* what no value of six bits has, so that one test serves four characters */
#define NO  0xc0


static const u_char *ngx_ohttp_relay_base64url_unpad(const u_char *p,
    const u_char *last, unsigned padding);
static int ngx_ohttp_relay_base64url_rest(const u_char *p, const u_char *last,
    u_char *rest);


static const u_char  ngx_ohttp_relay_base64url_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


static const u_char  ngx_ohttp_relay_base64url_values[256] = {
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, 62, NO, NO,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, NO, NO, NO, NO, NO, NO,
    NO,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, NO, NO, NO, NO, 63,
    NO, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO
};


ssize_t
ngx_ohttp_relay_base64url_check(const u_char *p, const u_char *last,
    unsigned padding)
{
    int            rest;
    size_t         len;
    u_char         bytes[2];
    unsigned       bits;
    const u_char  *end;

    if (p == last) {
        return 0;
    }

    last = ngx_ohttp_relay_base64url_unpad(p, last, padding);
    if (last == NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    len = last - p;
    end = last - len % 4;

    for (bits = 0; p < end; p++) {
        bits |= ngx_ohttp_relay_base64url_values[*p];
    }

    rest = ngx_ohttp_relay_base64url_rest(p, last, bytes);

    if ((bits & NO) || rest == NGX_OHTTP_RELAY_ERROR) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return len / 4 * 3 + rest;
}


ssize_t
ngx_ohttp_relay_base64url_decode(const u_char *p, const u_char *last,
    u_char *out, size_t size, unsigned padding)
{
    int            rest;
    size_t         len;
    u_char         bytes[2], *start;
    unsigned       a, b, c, d, bits;
    const u_char  *end;

    if (p == last) {
        return 0;
    }

    last = ngx_ohttp_relay_base64url_unpad(p, last, padding);
    if (last == NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    len = last - p;
    end = last - len % 4;

    rest = ngx_ohttp_relay_base64url_rest(end, last, bytes);

    if (rest == NGX_OHTTP_RELAY_ERROR || len / 4 * 3 + rest > size) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    start = out;

    for (bits = 0; p < end; p += 4) {
        a = ngx_ohttp_relay_base64url_values[p[0]];
        b = ngx_ohttp_relay_base64url_values[p[1]];
        c = ngx_ohttp_relay_base64url_values[p[2]];
        d = ngx_ohttp_relay_base64url_values[p[3]];

        bits |= a | b | c | d;

        *out++ = (u_char) (a << 2 | b >> 4);
        *out++ = (u_char) (b << 4 | c >> 2);
        *out++ = (u_char) (c << 6 | d);
    }

    if (bits & NO) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (rest > 0) {
        *out++ = bytes[0];
    }

    if (rest > 1) {
        *out++ = bytes[1];
    }

    return out - start;
}


size_t
ngx_ohttp_relay_base64url_encode(const u_char *p, const u_char *last,
    u_char *out, unsigned padding)
{
    size_t         len, rest;
    u_char        *start;
    const u_char  *digits;

    digits = ngx_ohttp_relay_base64url_digits;
    start = out;

    for (len = last - p; len >= 3; len -= 3, p += 3) {
        *out++ = digits[p[0] >> 2];
        *out++ = digits[(p[0] & 0x03) << 4 | p[1] >> 4];
        *out++ = digits[(p[1] & 0x0f) << 2 | p[2] >> 6];
        *out++ = digits[p[2] & 0x3f];
    }

    if (len == 0) {
        return out - start;
    }

    rest = 3 - len;

    *out++ = digits[p[0] >> 2];

    if (len == 1) {
        *out++ = digits[(p[0] & 0x03) << 4];

    } else {
        *out++ = digits[(p[0] & 0x03) << 4 | p[1] >> 4];
        *out++ = digits[(p[1] & 0x0f) << 2];
    }

    while (padding && rest-- > 0) {
        *out++ = '=';
    }

    return out - start;
}


/* returns where the characters end, NULL if the padding is wrong */

static const u_char *
ngx_ohttp_relay_base64url_unpad(const u_char *p, const u_char *last,
    unsigned padding)
{
    if (!padding || last[-1] != '=') {
        return last;
    }

    if ((last - p) % 4 != 0) {
        return NULL;
    }

    /* a third "=" is none of the alphabet */

    return last[-2] == '=' ? last - 2 : last - 1;
}


/*
 * Decodes the characters behind the last four.  Returns how many bytes there
 * are in rest, 0 to 2, or NGX_OHTTP_RELAY_ERROR.
 */

static int
ngx_ohttp_relay_base64url_rest(const u_char *p, const u_char *last,
    u_char *rest)
{
    unsigned  a, b, c;

    if (p == last) {
        return 0;
    }

    if (last - p == 1) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    a = ngx_ohttp_relay_base64url_values[p[0]];
    b = ngx_ohttp_relay_base64url_values[p[1]];
    c = last - p == 3 ? ngx_ohttp_relay_base64url_values[p[2]] : 0;

    if ((a | b | c) & NO) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    rest[0] = (u_char) (a << 2 | b >> 4);
    rest[1] = (u_char) (b << 4 | c >> 2);

    if (last - p == 2) {
        return rest[1] == 0 ? 1 : NGX_OHTTP_RELAY_ERROR;
    }

    return (c & 0x03) == 0 ? 2 : NGX_OHTTP_RELAY_ERROR;
}
