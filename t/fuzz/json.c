
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * Of a right object all members can be read, their slices are in order and
 * inside of it, each is found by its name, and with any member once more
 * under another spelling it is wrong.  Text that is wrong can be gone over
 * without harm.
 */


#include "fuzz.h"
#include "json.h"


static void fuzz_walk(const ngx_ohttp_relay_slice_t *text, unsigned right,
    unsigned depth);
static void fuzz_value(const ngx_ohttp_relay_json_value_t *value);
static void fuzz_string(const ngx_ohttp_relay_json_value_t *value);
static void fuzz_name(const ngx_ohttp_relay_slice_t *text,
    const ngx_ohttp_relay_json_value_t *value);
static void fuzz_twice(const ngx_ohttp_relay_slice_t *text,
    const ngx_ohttp_relay_json_value_t *value);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                       rc;
    u_char                   *copy;
    ngx_ohttp_relay_slice_t   text;

    copy = fuzz_copy(data, size);

    rc = ngx_ohttp_relay_json_object(copy, copy + size);

    fuzz_assert(rc == NGX_OHTTP_RELAY_OK || rc == NGX_OHTTP_RELAY_ERROR);

    text.data = copy;
    text.len = size;

    fuzz_walk(&text, rc == NGX_OHTTP_RELAY_OK, 1);

    free(copy);

    return 0;
}


static void
fuzz_walk(const ngx_ohttp_relay_slice_t *text, unsigned right, unsigned depth)
{
    int                              rc;
    unsigned                         n;
    const u_char                    *p, *last;
    ngx_ohttp_relay_json_value_t     value;
    ngx_ohttp_relay_json_iterator_t  it;

    p = text->data;
    last = p + text->len;
    n = 0;

    rc = ngx_ohttp_relay_json_begin(text, &it);

    while (rc == NGX_OHTTP_RELAY_OK) {

        rc = ngx_ohttp_relay_json_next(&it, &value);

        if (rc != NGX_OHTTP_RELAY_OK) {
            break;
        }

        fuzz_assert(value.name.data > p && value.name.data < last);
        fuzz_assert(value.name.data + value.name.len <= value.text.data);

        p = value.text.data + value.text.len;

        fuzz_assert(p <= last);

        fuzz_value(&value);

        if (right && it.object && ++n <= 4) {
            fuzz_name(text, &value);

            if (depth == 1) {
                fuzz_twice(text, &value);
            }
        }

        if (value.type == NGX_OHTTP_RELAY_JSON_OBJECT
            || value.type == NGX_OHTTP_RELAY_JSON_ARRAY)
        {
            fuzz_assert(depth <= NGX_OHTTP_RELAY_JSON_DEPTH);
            fuzz_walk(&value.text, 1, depth + 1);
        }
    }

    fuzz_assert(!right || rc == NGX_OHTTP_RELAY_DONE);
}


static void
fuzz_value(const ngx_ohttp_relay_json_value_t *value)
{
    char     text[32];
    int64_t  n;

    if (ngx_ohttp_relay_json_integer(value, &n) == NGX_OHTTP_RELAY_OK) {
        fuzz_assert(value->type == NGX_OHTTP_RELAY_JSON_INTEGER);

        (void) sprintf(text, "%lld", (long long) n);

        fuzz_assert((value->text.len == strlen(text)
                     && memcmp(value->text.data, text, value->text.len) == 0)
                    || (value->text.len == 2
                        && memcmp(value->text.data, "-0", 2) == 0));
    }

    if (value->type == NGX_OHTTP_RELAY_JSON_STRING) {
        fuzz_string(value);

    } else {
        fuzz_assert(value->text.len > 0);
        fuzz_assert(!ngx_ohttp_relay_json_string_equal(value, ""));
    }
}


static void
fuzz_string(const ngx_ohttp_relay_json_value_t *value)
{
    u_char                   *out;
    ssize_t                   n;
    ngx_ohttp_relay_slice_t   slice;

    out = malloc(value->text.len + 1);
    fuzz_assert(out != NULL);

    n = ngx_ohttp_relay_json_unescape(value, out, value->text.len);

    if (n != NGX_OHTTP_RELAY_ERROR) {
        fuzz_assert(n >= 0 && n <= (ssize_t) value->text.len);
        fuzz_assert(memchr(out, '\0', n) == NULL);

        slice.data = out;
        slice.len = n;
        fuzz_assert(ngx_ohttp_relay_json_slice_equal(value, &slice));

        out[n] = '\0';
        fuzz_assert(ngx_ohttp_relay_json_string_equal(value, (char *) out));

        if (n > 0) {
            fuzz_assert(ngx_ohttp_relay_json_unescape(value, out, n - 1)
                        == NGX_OHTTP_RELAY_ERROR);

            slice.len = n - 1;
            fuzz_assert(!ngx_ohttp_relay_json_slice_equal(value, &slice));
        }
    }

    free(out);
}


static void
fuzz_name(const ngx_ohttp_relay_slice_t *text,
    const ngx_ohttp_relay_json_value_t *value)
{
    u_char                        *out;
    ssize_t                        n;
    ngx_ohttp_relay_json_value_t   name, found;

    out = malloc(value->name.len + 1);
    fuzz_assert(out != NULL);

    name.type = NGX_OHTTP_RELAY_JSON_STRING;
    name.text = value->name;

    n = ngx_ohttp_relay_json_unescape(&name, out, value->name.len);

    if (n != NGX_OHTTP_RELAY_ERROR) {
        out[n] = '\0';

        fuzz_assert(ngx_ohttp_relay_json_name_equal(value, (char *) out));
        fuzz_assert(ngx_ohttp_relay_json_member(text, (char *) out, &found)
                    == NGX_OHTTP_RELAY_OK);
        fuzz_assert(found.text.data == value->text.data);
    }

    free(out);
}


/* puts the member in front once more, its first character as an escape */

static void
fuzz_twice(const ngx_ohttp_relay_slice_t *text,
    const ngx_ohttp_relay_json_value_t *value)
{
    u_char  *out, *p;
    size_t   rest;

    if (value->name.len == 0 || value->name.data[0] == '\\'
        || value->name.data[0] >= 0x80)
    {
        return;
    }

    out = malloc(text->len + value->name.len + 32);
    fuzz_assert(out != NULL);

    p = out + sprintf((char *) out, "{\"\\u%04x", value->name.data[0]);

    memcpy(p, value->name.data + 1, value->name.len - 1);
    p += value->name.len - 1;

    memcpy(p, "\":0,", 4);
    p += 4;

    /* what stands behind the bracket of the object */

    rest = text->len - 1 - (size_t) ((u_char *) memchr(text->data, '{',
                                                       text->len)
                                     - text->data);

    memcpy(p, text->data + text->len - rest, rest);

    fuzz_assert(ngx_ohttp_relay_json_object(out, p + rest)
                == NGX_OHTTP_RELAY_ERROR);

    free(out);
}
