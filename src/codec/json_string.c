
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "json.h"
#include "json_string.h"
#include "hex.h"


/* the longest character in UTF-8, bytes */
#define NGX_OHTTP_RELAY_JSON_CHAR  4


static int ngx_ohttp_relay_json_equal(const ngx_ohttp_relay_slice_t *raw,
    const u_char *text, size_t len);
static size_t ngx_ohttp_relay_json_write(u_char *out, int32_t c);
static int32_t ngx_ohttp_relay_json_escape(const u_char **p,
    const u_char *last);
static int32_t ngx_ohttp_relay_json_unit(const u_char **p,
    const u_char *last);
static int32_t ngx_ohttp_relay_json_utf8(const u_char **p,
    const u_char *last);


/* what may stand behind a backslash, and at the same place what it means */

static const char  ngx_ohttp_relay_json_escapes[] = "\"\\/bfnrt";
static const char  ngx_ohttp_relay_json_escaped[] = "\"\\/\b\f\n\r\t";


int
ngx_ohttp_relay_json_name_equal(const ngx_ohttp_relay_json_value_t *value,
    const char *name)
{
    return ngx_ohttp_relay_json_equal(&value->name, (const u_char *) name,
                                      strlen(name));
}


int
ngx_ohttp_relay_json_string_equal(const ngx_ohttp_relay_json_value_t *value,
    const char *text)
{
    return value->type == NGX_OHTTP_RELAY_JSON_STRING
           && ngx_ohttp_relay_json_equal(&value->text, (const u_char *) text,
                                         strlen(text));
}


int
ngx_ohttp_relay_json_slice_equal(const ngx_ohttp_relay_json_value_t *value,
    const ngx_ohttp_relay_slice_t *text)
{
    return value->type == NGX_OHTTP_RELAY_JSON_STRING
           && ngx_ohttp_relay_json_equal(&value->text, text->data, text->len);
}


ssize_t
ngx_ohttp_relay_json_unescape(const ngx_ohttp_relay_json_value_t *value,
    u_char *out, size_t size)
{
    size_t         len, n;
    u_char         bytes[NGX_OHTTP_RELAY_JSON_CHAR];
    int32_t        c;
    const u_char  *p, *last;

    if (value->type != NGX_OHTTP_RELAY_JSON_STRING) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (value->text.len == 0) {
        return 0;
    }

    p = value->text.data;
    last = p + value->text.len;

    for (len = 0; p < last; len += n) {

        c = ngx_ohttp_relay_json_char(&p, last);
        if (c <= 0) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        n = ngx_ohttp_relay_json_write(bytes, c);

        if (n > size - len) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        memcpy(out + len, bytes, n);
    }

    return len;
}


int
ngx_ohttp_relay_json_same(const ngx_ohttp_relay_slice_t *a,
    const ngx_ohttp_relay_slice_t *b)
{
    const u_char  *p, *q, *p_last, *q_last;

    p = a->data;
    p_last = p + a->len;
    q = b->data;
    q_last = q + b->len;

    while (p < p_last && q < q_last) {
        if (ngx_ohttp_relay_json_char(&p, p_last)
            != ngx_ohttp_relay_json_char(&q, q_last))
        {
            return 0;
        }
    }

    return p == p_last && q == q_last;
}


int32_t
ngx_ohttp_relay_json_char(const u_char **p, const u_char *last)
{
    u_char  c;

    c = **p;

    if (c == '\\') {
        (*p)++;
        return ngx_ohttp_relay_json_escape(p, last);
    }

    if (c >= 0x80) {
        return ngx_ohttp_relay_json_utf8(p, last);
    }

    if (c < ' ') {
        return -1;
    }

    (*p)++;

    return c;
}


/* whether what stands escaped in raw is the text of len bytes */

static int
ngx_ohttp_relay_json_equal(const ngx_ohttp_relay_slice_t *raw,
    const u_char *text, size_t len)
{
    size_t         n;
    u_char         bytes[NGX_OHTTP_RELAY_JSON_CHAR];
    int32_t        c;
    const u_char  *p, *last;

    if (raw->len == 0) {
        return len == 0;
    }

    p = raw->data;
    last = p + raw->len;

    while (p < last) {

        c = ngx_ohttp_relay_json_char(&p, last);
        if (c < 0) {
            return 0;
        }

        n = ngx_ohttp_relay_json_write(bytes, c);

        if (n > len || memcmp(bytes, text, n) != 0) {
            return 0;
        }

        text += n;
        len -= n;
    }

    return len == 0;
}


/* writes a character as UTF-8; returns the number of bytes */

static size_t
ngx_ohttp_relay_json_write(u_char *out, int32_t c)
{
    if (c < 0x80) {
        out[0] = (u_char) c;
        return 1;
    }

    if (c < 0x800) {
        out[0] = (u_char) (0xc0 | c >> 6);
        out[1] = (u_char) (0x80 | (c & 0x3f));
        return 2;
    }

    if (c < 0x10000) {
        out[0] = (u_char) (0xe0 | c >> 12);
        out[1] = (u_char) (0x80 | (c >> 6 & 0x3f));
        out[2] = (u_char) (0x80 | (c & 0x3f));
        return 3;
    }

    out[0] = (u_char) (0xf0 | c >> 18);
    out[1] = (u_char) (0x80 | (c >> 12 & 0x3f));
    out[2] = (u_char) (0x80 | (c >> 6 & 0x3f));
    out[3] = (u_char) (0x80 | (c & 0x3f));

    return 4;
}


/* what stands behind a backslash */

static int32_t
ngx_ohttp_relay_json_escape(const u_char **p, const u_char *last)
{
    u_char       c;
    int32_t      high, low;
    const char  *escape;

    if (*p == last) {
        return -1;
    }

    c = *(*p)++;

    if (c != 'u') {
        escape = c != '\0' ? strchr(ngx_ohttp_relay_json_escapes, c) : NULL;

        if (escape == NULL) {
            return -1;
        }

        return ngx_ohttp_relay_json_escaped[escape
                                            - ngx_ohttp_relay_json_escapes];
    }

    high = ngx_ohttp_relay_json_unit(p, last);

    if (high < 0xd800 || high > 0xdfff) {
        return high;
    }

    /* of a surrogate pair, RFC 8259, section 7 */

    if (high > 0xdbff || last - *p < 2 || (*p)[0] != '\\'
        || (*p)[1] != 'u')
    {
        return -1;
    }

    *p += 2;

    low = ngx_ohttp_relay_json_unit(p, last);

    if (low < 0xdc00 || low > 0xdfff) {
        return -1;
    }

    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}


/* the four digits of one UTF-16 code unit */

static int32_t
ngx_ohttp_relay_json_unit(const u_char **p, const u_char *last)
{
    int      i, digit;
    int32_t  unit;

    if (last - *p < 4) {
        return -1;
    }

    for (unit = 0, i = 0; i < 4; i++) {

        digit = ngx_ohttp_relay_hex_digit(*(*p)++);
        if (digit < 0) {
            return -1;
        }

        unit = unit << 4 | digit;
    }

    return unit;
}


/* RFC 3629: no longer form than needed, no surrogate, at most U+10FFFF */

static int32_t
ngx_ohttp_relay_json_utf8(const u_char **p, const u_char *last)
{
    int      n;
    u_char   first;
    int32_t  c, least;

    first = *(*p)++;

    if (first >= 0xc2 && first <= 0xdf) {
        n = 1;
        least = 0x80;

    } else if (first >= 0xe0 && first <= 0xef) {
        n = 2;
        least = 0x800;

    } else if (first >= 0xf0 && first <= 0xf4) {
        n = 3;
        least = 0x10000;

    } else {
        return -1;
    }

    if (last - *p < n) {
        return -1;
    }

    for (c = first & (0x3f >> n); n > 0; n--) {

        if ((**p & 0xc0) != 0x80) {
            return -1;
        }

        c = c << 6 | (*(*p)++ & 0x3f);
    }

    if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return -1;
    }

    return c;
}
