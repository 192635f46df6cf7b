
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "json.h"
#include "json_string.h"


/* the basis and the prime of FNV-1a in 64 bits */

#define NGX_OHTTP_RELAY_JSON_HASH   0xcbf29ce484222325ULL
#define NGX_OHTTP_RELAY_JSON_PRIME  0x100000001b3ULL


typedef struct {
    ngx_ohttp_relay_slice_t  text;
    uint64_t                 hash;      /* of the unescaped characters */
} ngx_ohttp_relay_json_name_t;


static const u_char *ngx_ohttp_relay_json_read(const u_char *p,
    const u_char *last, unsigned depth, ngx_ohttp_relay_json_value_t *value);
static const u_char *ngx_ohttp_relay_json_read_object(const u_char *p,
    const u_char *last, unsigned depth);
static const u_char *ngx_ohttp_relay_json_read_array(const u_char *p,
    const u_char *last, unsigned depth);
static const u_char *ngx_ohttp_relay_json_read_name(const u_char *p,
    const u_char *last, ngx_ohttp_relay_json_name_t *name);
static int ngx_ohttp_relay_json_again(const ngx_ohttp_relay_json_name_t *names,
    unsigned n);
static const u_char *ngx_ohttp_relay_json_read_string(const u_char *p,
    const u_char *last);
static const u_char *ngx_ohttp_relay_json_read_number(const u_char *p,
    const u_char *last, ngx_ohttp_relay_json_e *type);
static const u_char *ngx_ohttp_relay_json_read_digits(const u_char *p,
    const u_char *last);
static const u_char *ngx_ohttp_relay_json_read_literal(const u_char *p,
    const u_char *last, const char *literal);
static const u_char *ngx_ohttp_relay_json_skip_space(const u_char *p,
    const u_char *last);


int
ngx_ohttp_relay_json_object(const u_char *p, const u_char *last)
{
    p = ngx_ohttp_relay_json_skip_space(p, last);

    if (p == last || *p != '{') {
        return NGX_OHTTP_RELAY_ERROR;
    }

    p = ngx_ohttp_relay_json_read_object(p, last, 1);

    if (p == NULL || ngx_ohttp_relay_json_skip_space(p, last) != last) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return NGX_OHTTP_RELAY_OK;
}


int
ngx_ohttp_relay_json_begin(const ngx_ohttp_relay_slice_t *text,
    ngx_ohttp_relay_json_iterator_t *it)
{
    if (text->len == 0) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    it->last = text->data + text->len;
    it->p = ngx_ohttp_relay_json_skip_space(text->data, it->last);
    it->first = 1;

    if (it->p == it->last || (*it->p != '{' && *it->p != '[')) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    it->object = *it->p++ == '{';

    return NGX_OHTTP_RELAY_OK;
}


int
ngx_ohttp_relay_json_next(ngx_ohttp_relay_json_iterator_t *it,
    ngx_ohttp_relay_json_value_t *value)
{
    const u_char                 *p;
    ngx_ohttp_relay_json_name_t   name;

    p = ngx_ohttp_relay_json_skip_space(it->p, it->last);

    if (p < it->last && *p == (it->object ? '}' : ']')) {
        it->p = p;
        return NGX_OHTTP_RELAY_DONE;
    }

    if (!it->first) {

        if (p == it->last || *p != ',') {
            return NGX_OHTTP_RELAY_ERROR;
        }

        p = ngx_ohttp_relay_json_skip_space(p + 1, it->last);
    }

    if (it->object) {
        p = ngx_ohttp_relay_json_read_name(p, it->last, &name);
        if (p == NULL) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        value->name = name.text;

    } else {
        value->name.data = p;
        value->name.len = 0;
    }

    p = ngx_ohttp_relay_json_read(p, it->last, 0, value);
    if (p == NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    it->p = p;
    it->first = 0;

    return NGX_OHTTP_RELAY_OK;
}


int
ngx_ohttp_relay_json_member(const ngx_ohttp_relay_slice_t *object,
    const char *name, ngx_ohttp_relay_json_value_t *value)
{
    int                              rc;
    ngx_ohttp_relay_json_iterator_t  it;

    if (ngx_ohttp_relay_json_begin(object, &it) != NGX_OHTTP_RELAY_OK
        || !it.object)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    do {
        rc = ngx_ohttp_relay_json_next(&it, value);

    } while (rc == NGX_OHTTP_RELAY_OK
             && !ngx_ohttp_relay_json_name_equal(value, name));

    return rc;
}


int
ngx_ohttp_relay_json_integer(const ngx_ohttp_relay_json_value_t *value,
    int64_t *n)
{
    int            digit;
    unsigned       negative;
    const u_char  *p, *last;

    if (value->type != NGX_OHTTP_RELAY_JSON_INTEGER) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    p = value->text.data;
    last = p + value->text.len;

    negative = *p == '-';

    if (negative) {
        p++;
    }

    /* below zero, for there is one more number there than above */

    for (*n = 0; p < last; p++) {

        digit = *p - '0';

        if (*n < (INT64_MIN + digit) / 10) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        *n = *n * 10 - digit;
    }

    if (negative) {
        return NGX_OHTTP_RELAY_OK;
    }

    if (*n == INT64_MIN) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    *n = -*n;

    return NGX_OHTTP_RELAY_OK;
}


/*
 * The functions that read return where that ends which stands at p, or NULL
 * if it is wrong.  This one reads any value; with depth containers open
 * around it.
 */

static const u_char *
ngx_ohttp_relay_json_read(const u_char *p, const u_char *last, unsigned depth,
    ngx_ohttp_relay_json_value_t *value)
{
    const u_char  *start;

    if (p == last) {
        return NULL;
    }

    start = p;

    switch (*p) {

    case '{':
        value->type = NGX_OHTTP_RELAY_JSON_OBJECT;
        p = ngx_ohttp_relay_json_read_object(p, last, depth + 1);
        break;

    case '[':
        value->type = NGX_OHTTP_RELAY_JSON_ARRAY;
        p = ngx_ohttp_relay_json_read_array(p, last, depth + 1);
        break;

    case '"':
        value->type = NGX_OHTTP_RELAY_JSON_STRING;
        p = ngx_ohttp_relay_json_read_string(p, last);

        if (p != NULL) {
            value->text.data = start + 1;
            value->text.len = p - start - 2;
        }

        return p;

    case 't':
        value->type = NGX_OHTTP_RELAY_JSON_TRUE;
        p = ngx_ohttp_relay_json_read_literal(p, last, "true");
        break;

    case 'f':
        value->type = NGX_OHTTP_RELAY_JSON_FALSE;
        p = ngx_ohttp_relay_json_read_literal(p, last, "false");
        break;

    case 'n':
        value->type = NGX_OHTTP_RELAY_JSON_NULL;
        p = ngx_ohttp_relay_json_read_literal(p, last, "null");
        break;

    default:
        p = ngx_ohttp_relay_json_read_number(p, last, &value->type);
        break;
    }

    if (p != NULL) {
        value->text.data = start;
        value->text.len = p - start;
    }

    return p;
}


static const u_char *
ngx_ohttp_relay_json_read_object(const u_char *p, const u_char *last,
    unsigned depth)
{
    unsigned                      n;
    ngx_ohttp_relay_json_name_t   names[NGX_OHTTP_RELAY_JSON_MEMBERS];
    ngx_ohttp_relay_json_value_t  value;

    if (depth > NGX_OHTTP_RELAY_JSON_DEPTH) {
        return NULL;
    }

    p = ngx_ohttp_relay_json_skip_space(p + 1, last);

    if (p < last && *p == '}') {
        return p + 1;
    }

    for (n = 0; n < NGX_OHTTP_RELAY_JSON_MEMBERS; n++) {

        p = ngx_ohttp_relay_json_read_name(p, last, &names[n]);

        if (p == NULL || ngx_ohttp_relay_json_again(names, n)) {
            return NULL;
        }

        p = ngx_ohttp_relay_json_read(p, last, depth, &value);
        if (p == NULL) {
            return NULL;
        }

        p = ngx_ohttp_relay_json_skip_space(p, last);

        if (p == last) {
            return NULL;
        }

        if (*p == '}') {
            return p + 1;
        }

        if (*p != ',') {
            return NULL;
        }

        p = ngx_ohttp_relay_json_skip_space(p + 1, last);
    }

    return NULL;
}


static const u_char *
ngx_ohttp_relay_json_read_array(const u_char *p, const u_char *last,
    unsigned depth)
{
    ngx_ohttp_relay_json_value_t  value;

    if (depth > NGX_OHTTP_RELAY_JSON_DEPTH) {
        return NULL;
    }

    p = ngx_ohttp_relay_json_skip_space(p + 1, last);

    if (p < last && *p == ']') {
        return p + 1;
    }

    for ( ;; ) {

        p = ngx_ohttp_relay_json_read(p, last, depth, &value);
        if (p == NULL) {
            return NULL;
        }

        p = ngx_ohttp_relay_json_skip_space(p, last);

        if (p == last) {
            return NULL;
        }

        if (*p == ']') {
            return p + 1;
        }

        if (*p != ',') {
            return NULL;
        }

        p = ngx_ohttp_relay_json_skip_space(p + 1, last);
    }
}


/* the name of a member, and the colon; returns where the value begins */

static const u_char *
ngx_ohttp_relay_json_read_name(const u_char *p, const u_char *last,
    ngx_ohttp_relay_json_name_t *name)
{
    int32_t  c;

    if (p == last || *p != '"') {
        return NULL;
    }

    name->text.data = ++p;
    name->hash = NGX_OHTTP_RELAY_JSON_HASH;

    while (p < last && *p != '"') {

        c = ngx_ohttp_relay_json_char(&p, last);
        if (c < 0) {
            return NULL;
        }

        name->hash = (name->hash ^ (uint64_t) c) * NGX_OHTTP_RELAY_JSON_PRIME;
    }

    if (p == last) {
        return NULL;
    }

    name->text.len = p - name->text.data;

    p = ngx_ohttp_relay_json_skip_space(p + 1, last);

    if (p == last || *p != ':') {
        return NULL;
    }

    return ngx_ohttp_relay_json_skip_space(p + 1, last);
}


/* whether the last of n + 1 names is one of those before it */

static int
ngx_ohttp_relay_json_again(const ngx_ohttp_relay_json_name_t *names,
    unsigned n)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        if (names[i].hash == names[n].hash
            && ngx_ohttp_relay_json_same(&names[i].text, &names[n].text))
        {
            return 1;
        }
    }

    return 0;
}


static const u_char *
ngx_ohttp_relay_json_read_string(const u_char *p, const u_char *last)
{
    for (p++; p < last; /* void */ ) {

        /* most bytes are plain, and which they are is of no matter here */

        if (*p >= ' ' && *p < 0x80 && *p != '"' && *p != '\\') {
            p++;
            continue;
        }

        if (*p == '"') {
            return p + 1;
        }

        if (ngx_ohttp_relay_json_char(&p, last) < 0) {
            return NULL;
        }
    }

    return NULL;
}


static const u_char *
ngx_ohttp_relay_json_read_number(const u_char *p, const u_char *last,
    ngx_ohttp_relay_json_e *type)
{
    *type = NGX_OHTTP_RELAY_JSON_INTEGER;

    if (*p == '-') {
        p++;
    }

    /* a zero at the start stands alone */

    if (p < last && *p == '0') {
        p++;

    } else {
        p = ngx_ohttp_relay_json_read_digits(p, last);
    }

    if (p != NULL && p < last && *p == '.') {
        *type = NGX_OHTTP_RELAY_JSON_NUMBER;
        p = ngx_ohttp_relay_json_read_digits(p + 1, last);
    }

    if (p != NULL && p < last && (*p == 'e' || *p == 'E')) {
        *type = NGX_OHTTP_RELAY_JSON_NUMBER;
        p++;

        if (p < last && (*p == '+' || *p == '-')) {
            p++;
        }

        p = ngx_ohttp_relay_json_read_digits(p, last);
    }

    return p;
}


static const u_char *
ngx_ohttp_relay_json_read_digits(const u_char *p, const u_char *last)
{
    const u_char  *start;

    start = p;

    while (p < last && *p >= '0' && *p <= '9') {
        p++;
    }

    return p == start ? NULL : p;
}


static const u_char *
ngx_ohttp_relay_json_read_literal(const u_char *p, const u_char *last,
    const char *literal)
{
    size_t  len;

    len = strlen(literal);

    if ((size_t) (last - p) < len || memcmp(p, literal, len) != 0) {
        return NULL;
    }

    return p + len;
}


static const u_char *
ngx_ohttp_relay_json_skip_space(const u_char *p, const u_char *last)
{
    while (p < last
           && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
    {
        p++;
    }

    return p;
}
