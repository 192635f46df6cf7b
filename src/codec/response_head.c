
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "response_head.h"


/* what a status line begins with: byte by byte the least and the greatest */

#define NGX_OHTTP_RELAY_STATUS_LOW   "HTTP/1.0 100"
#define NGX_OHTTP_RELAY_STATUS_HIGH  "HTTP/1.1 599"
#define NGX_OHTTP_RELAY_STATUS_LEN   (sizeof(NGX_OHTTP_RELAY_STATUS_LOW) - 1)


static int ngx_ohttp_relay_line_end(const u_char *p, const u_char *last,
    const u_char **end, const u_char **next);
static int ngx_ohttp_relay_name_is(const ngx_ohttp_relay_slice_t *name,
    const char *lower);


int
ngx_ohttp_relay_status_line(const u_char *p, const u_char *last,
    ngx_ohttp_relay_status_line_t *line)
{
    int            rc;
    size_t         i;
    const u_char  *next, *end;

    for (i = 0; i < NGX_OHTTP_RELAY_STATUS_LEN; i++) {

        if (p + i == last) {
            return NGX_OHTTP_RELAY_AGAIN;
        }

        if (p[i] < (u_char) NGX_OHTTP_RELAY_STATUS_LOW[i]
            || p[i] > (u_char) NGX_OHTTP_RELAY_STATUS_HIGH[i])
        {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    rc = ngx_ohttp_relay_line_end(p + i, last, &end, &next);

    if (rc == NGX_OHTTP_RELAY_ERROR || (end > p + i && p[i] != ' ')) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (rc == NGX_OHTTP_RELAY_OK) {
        line->minor = p[7] - '0';
        line->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + p[11] - '0';
        line->length = next - p;
    }

    return rc;
}


int
ngx_ohttp_relay_field_line(const u_char *p, const u_char *last,
    ngx_ohttp_relay_field_t *field)
{
    int            rc;
    const u_char  *name, *value, *end, *next;

    name = p;

    while (p < last
           && (ngx_ohttp_relay_byte_class[*p] & NGX_OHTTP_RELAY_BYTE_TOKEN))
    {
        p++;
    }

    if (p == last) {
        return NGX_OHTTP_RELAY_AGAIN;
    }

    if (p == name) {

        /* no name: the empty line, or an error */

        rc = ngx_ohttp_relay_line_end(p, last, &end, &next);

        if (rc == NGX_OHTTP_RELAY_ERROR || end != name) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        if (rc == NGX_OHTTP_RELAY_OK) {
            field->length = next - name;
            return NGX_OHTTP_RELAY_DONE;
        }

        return rc;
    }

    if (*p != ':') {
        return NGX_OHTTP_RELAY_ERROR;
    }

    field->name.data = name;
    field->name.len = p - name;

    value = p + 1;

    rc = ngx_ohttp_relay_line_end(value, last, &end, &next);

    if (rc == NGX_OHTTP_RELAY_OK) {
        ngx_ohttp_relay_trim(&value, &end);

        field->value.data = value;
        field->value.len = end - value;
        field->length = next - name;
    }

    return rc;
}


ngx_ohttp_relay_field_e
ngx_ohttp_relay_field_id(const ngx_ohttp_relay_slice_t *name)
{
    ngx_ohttp_relay_field_e  id;
    const char              *lower;

    switch (name->len) {

    case sizeof("date") - 1:
        id = NGX_OHTTP_RELAY_FIELD_DATE;
        lower = "date";
        break;

    case sizeof("connection") - 1:
        id = NGX_OHTTP_RELAY_FIELD_CONNECTION;
        lower = "connection";
        break;

    case sizeof("retry-after") - 1:

        /* as long as "incremental" */

        if ((name->data[0] | 0x20) == 'r') {
            id = NGX_OHTTP_RELAY_FIELD_RETRY_AFTER;
            lower = "retry-after";

        } else {
            id = NGX_OHTTP_RELAY_FIELD_INCREMENTAL;
            lower = "incremental";
        }

        break;

    case sizeof("content-type") - 1:
        id = NGX_OHTTP_RELAY_FIELD_CONTENT_TYPE;
        lower = "content-type";
        break;

    case sizeof("cache-control") - 1:
        id = NGX_OHTTP_RELAY_FIELD_CACHE_CONTROL;
        lower = "cache-control";
        break;

    case sizeof("content-length") - 1:
        id = NGX_OHTTP_RELAY_FIELD_CONTENT_LENGTH;
        lower = "content-length";
        break;

    case sizeof("transfer-encoding") - 1:
        id = NGX_OHTTP_RELAY_FIELD_TRANSFER_ENCODING;
        lower = "transfer-encoding";
        break;

    default:
        return NGX_OHTTP_RELAY_FIELD_OTHER;
    }

    return ngx_ohttp_relay_name_is(name, lower) ? id
                                                : NGX_OHTTP_RELAY_FIELD_OTHER;
}


int
ngx_ohttp_relay_content_length(const u_char *p, const u_char *last,
    int64_t *length)
{
    int      digit;
    int64_t  n;

    if (p == last) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    for (n = 0; p < last; p++) {

        if (*p < '0' || *p > '9') {
            return NGX_OHTTP_RELAY_ERROR;
        }

        digit = *p - '0';

        if (n > (INT64_MAX - digit) / 10) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        n = n * 10 + digit;
    }

    *length = n;

    return NGX_OHTTP_RELAY_OK;
}


int
ngx_ohttp_relay_connection_close(const u_char *p, const u_char *last)
{
    const u_char  *comma, *start, *end;

    for (start = p; start < last; start = comma + 1) {

        comma = memchr(start, ',', last - start);
        if (comma == NULL) {
            comma = last;
        }

        p = start;
        end = comma;

        ngx_ohttp_relay_trim(&p, &end);

        if (ngx_ohttp_relay_token_equal(p, end, "close", 5)) {
            return 1;
        }

        if (comma == last) {
            break;
        }
    }

    return 0;
}


/*
 * Checks the rest of a line from p.  *end is where its text ends, *next where
 * the next line begins.  Without a LF that is AGAIN, and there is no *next:
 * then a CR at the end may belong to the line end.
 */

static int
ngx_ohttp_relay_line_end(const u_char *p, const u_char *last,
    const u_char **end, const u_char **next)
{
    const u_char  *lf, *text;

    lf = p < last ? memchr(p, '\n', last - p) : NULL;
    text = lf != NULL ? lf : last;

    if (text > p && text[-1] == '\r') {
        text--;
    }

    *end = text;

    if (!ngx_ohttp_relay_is_text(p, text)) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (lf == NULL) {
        return NGX_OHTTP_RELAY_AGAIN;
    }

    *next = lf + 1;

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_name_is(const ngx_ohttp_relay_slice_t *name, const char *lower)
{
    /* the caller has compared the length */

    return ngx_ohttp_relay_token_equal(name->data, name->data + name->len,
                                       lower, name->len);
}
