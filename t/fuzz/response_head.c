
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* a head in pieces is the head as a whole; a field written back is the same */


#include "fuzz.h"
#include "response_head.h"


#define OK     NGX_OHTTP_RELAY_OK
#define ERROR  NGX_OHTTP_RELAY_ERROR
#define AGAIN  NGX_OHTTP_RELAY_AGAIN
#define DONE   NGX_OHTTP_RELAY_DONE

#define FUZZ_ALL_PREFIXES  64


typedef int (*fuzz_parse_pt)(const u_char *p, const u_char *last,
    size_t *length);


static size_t fuzz_line(fuzz_parse_pt parse, const u_char *p, size_t size,
    size_t cut);
static void fuzz_prefix(fuzz_parse_pt parse, const u_char *p, size_t n,
    int rc, size_t length);
static int fuzz_status(const u_char *p, const u_char *last, size_t *length);
static int fuzz_field(const u_char *p, const u_char *last, size_t *length);
static void fuzz_again(const ngx_ohttp_relay_field_t *field);
static void fuzz_values(const ngx_ohttp_relay_slice_t *value);


/* the first byte says where to cut, the rest is a head */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t  n, cut;

    if (size == 0) {
        return 0;
    }

    cut = *data++;
    size--;

    /* what is no status line may still be fields */

    n = fuzz_line(fuzz_status, data, size, cut);

    while (n < size) {
        data += n;
        size -= n;

        n = fuzz_line(fuzz_field, data, size, cut);

        if (n == 0) {
            break;
        }
    }

    return 0;
}


/* returns how many bytes the line has, 0 if there is no more */

static size_t
fuzz_line(fuzz_parse_pt parse, const u_char *p, size_t size, size_t cut)
{
    int     rc;
    size_t  n, length;

    length = 0;
    rc = parse(p, p + size, &length);

    if (rc == OK || rc == DONE) {
        fuzz_assert(length > 0 && length <= size && p[length - 1] == '\n');

    } else {
        fuzz_assert(rc == AGAIN || rc == ERROR);
        fuzz_assert(rc == ERROR || memchr(p, '\n', size) == NULL);
    }

    for (n = 0; n < size && n < FUZZ_ALL_PREFIXES; n++) {
        fuzz_prefix(parse, p, n, rc, length);
    }

    if (size != 0) {
        fuzz_prefix(parse, p, cut % size, rc, length);
    }

    if (length != 0) {
        fuzz_prefix(parse, p, length - 1, rc, length);
        fuzz_prefix(parse, p, length, rc, length);
    }

    return rc == OK ? length : 0;
}


/* rc and length are what the whole gave */

static void
fuzz_prefix(fuzz_parse_pt parse, const u_char *p, size_t n, int rc,
    size_t length)
{
    int      got;
    u_char  *copy;
    size_t   len;

    copy = fuzz_copy(p, n);

    got = parse(copy, copy + n, &len);

    if (rc == AGAIN) {
        fuzz_assert(got == AGAIN);

    } else if (rc == ERROR) {
        fuzz_assert(got == AGAIN || got == ERROR);

    } else if (n < length) {
        fuzz_assert(got == AGAIN);

    } else {
        fuzz_assert(got == rc && len == length);
    }

    free(copy);
}


static int
fuzz_status(const u_char *p, const u_char *last, size_t *length)
{
    int                            rc;
    char                           text[16];
    ngx_ohttp_relay_status_line_t  line;

    rc = ngx_ohttp_relay_status_line(p, last, &line);

    if (rc == OK) {
        fuzz_assert(line.status >= 100 && line.status <= 599);

        snprintf(text, sizeof(text), "HTTP/1.%u %u", line.minor, line.status);

        fuzz_assert(memcmp(text, p, 12) == 0);
        fuzz_assert(p[12] == ' ' || p[12] == '\r' || p[12] == '\n');

        *length = line.length;
    }

    return rc;
}


static int
fuzz_field(const u_char *p, const u_char *last, size_t *length)
{
    int                      rc;
    ngx_ohttp_relay_field_t  field;

    rc = ngx_ohttp_relay_field_line(p, last, &field);

    if (rc == DONE) {
        *length = field.length;
        fuzz_assert(*length == (*p == '\r' ? 2 : 1));
    }

    if (rc == OK) {
        *length = field.length;

        fuzz_assert(field.name.data == p && field.name.len > 0);
        fuzz_assert(p[field.name.len] == ':');
        fuzz_assert(field.value.data > p + field.name.len);
        fuzz_assert(field.value.data + field.value.len < p + field.length);

        fuzz_again(&field);
        fuzz_values(&field.value);
        (void) ngx_ohttp_relay_field_id(&field.name);
    }

    return rc;
}


/* written in the plain form it is the same field */

static void
fuzz_again(const ngx_ohttp_relay_field_t *field)
{
    u_char                   *line, *p;
    ngx_ohttp_relay_field_t   again;

    line = malloc(field->name.len + field->value.len + 4);
    fuzz_assert(line != NULL);

    memcpy(line, field->name.data, field->name.len);
    p = line + field->name.len;

    *p++ = ':';
    *p++ = ' ';

    memcpy(p, field->value.data, field->value.len);
    p += field->value.len;

    *p++ = '\r';
    *p++ = '\n';

    fuzz_assert(ngx_ohttp_relay_field_line(line, p, &again) == OK);
    fuzz_assert(again.length == (size_t) (p - line));
    fuzz_assert(again.name.len == field->name.len);
    fuzz_assert(again.value.len == field->value.len);
    fuzz_assert(memcmp(again.value.data, field->value.data, again.value.len)
                == 0);
    fuzz_assert(ngx_ohttp_relay_field_id(&again.name)
                == ngx_ohttp_relay_field_id(&field->name));

    free(line);
}


static void
fuzz_values(const ngx_ohttp_relay_slice_t *value)
{
    char          *text;
    size_t         i;
    u_char         digits[24];
    int64_t        n;
    const u_char  *last;

    last = value->data + value->len;

    if (ngx_ohttp_relay_content_length(value->data, last, &n) == OK) {
        fuzz_assert(n >= 0);

        snprintf((char *) digits, sizeof(digits), "%lld", (long long) n);

        for (i = 0; i < value->len - 1 && value->data[i] == '0'; i++) {
            /* void */
        }

        fuzz_assert(strlen((char *) digits) == value->len - i);
        fuzz_assert(memcmp(digits, value->data + i, value->len - i) == 0);
    }

    if (ngx_ohttp_relay_connection_close(value->data, last)) {

        text = malloc(value->len + 1);
        fuzz_assert(text != NULL);

        for (i = 0; i < value->len; i++) {
            text[i] = (char) fuzz_lower(value->data[i]);
        }

        text[i] = '\0';

        fuzz_assert(strstr(text, "close") != NULL);

        free(text);
    }
}
