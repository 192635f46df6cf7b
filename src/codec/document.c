
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "document.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>


static const char *ngx_ohttp_relay_document_why(json_error_t *at);
static int ngx_ohttp_relay_document_bounded(const u_char *p,
    const u_char *last, char *error);
static int ngx_ohttp_relay_document_check(json_t *value, char *error);
static int ngx_ohttp_relay_document_plain(const char *text, size_t len);


json_t *
ngx_ohttp_relay_document_read(const u_char *p, const u_char *last, char *error)
{
    json_t        *root;
    json_error_t   at;

    if (ngx_ohttp_relay_document_bounded(p, last, error)
        != NGX_OHTTP_RELAY_OK)
    {
        return NULL;
    }

    root = json_loadb((const char *) p, last - p, JSON_REJECT_DUPLICATES, &at);

    if (root == NULL) {
        (void) ngx_ohttp_relay_document_fail(error, "line %d: %s", at.line,
                                           ngx_ohttp_relay_document_why(&at));
        return NULL;
    }

    if (!json_is_object(root)) {
        (void) ngx_ohttp_relay_document_fail(error, "it is not an object");

    } else if (ngx_ohttp_relay_document_check(root, error)
               == NGX_OHTTP_RELAY_OK)
    {
        return root;
    }

    json_decref(root);

    return NULL;
}


/* what jansson says quotes the file, and is not for a log */

static const char *
ngx_ohttp_relay_document_why(json_error_t *at)
{
    switch (json_error_code(at)) {

    case json_error_duplicate_key:
        return "a name is there twice in one object";

    case json_error_invalid_utf8:
        return "this is not UTF-8";

    case json_error_premature_end_of_input:
        return "this is not JSON, it ends too early";

    default:
        return "this is not JSON";
    }
}


/* before anything is allocated for what the text claims to hold */

static int
ngx_ohttp_relay_document_bounded(const u_char *p, const u_char *last,
    char *error)
{
    int       string;
    unsigned  depth, values;

    if (last - p > NGX_OHTTP_RELAY_DOCUMENT_MAX) {
        return ngx_ohttp_relay_document_fail(error,
                                             "it has more than %d bytes",
                                             NGX_OHTTP_RELAY_DOCUMENT_MAX);
    }

    if (last - p >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
        return ngx_ohttp_relay_document_fail(error,
                                             "it begins with a byte order "
                                             "mark, JSON must not");
    }

    string = 0;
    depth = 0;
    values = 1;

    for ( /* void */ ; p < last; p++) {

        if (*p == '"') {
            string = !string;

        } else if (string) {
            p += (*p == '\\');

        } else if (*p == '{' || *p == '[') {
            depth++;
            values++;

        } else if (*p == '}' || *p == ']') {
            depth -= (depth > 0);

        } else if (*p == ',') {
            values++;
        }

        if (depth > NGX_OHTTP_RELAY_DOCUMENT_DEPTH) {
            return ngx_ohttp_relay_document_fail(error,
                                                 "it is nested more than %d "
                                                 "levels deep",
                                              NGX_OHTTP_RELAY_DOCUMENT_DEPTH);
        }

        if (values > NGX_OHTTP_RELAY_DOCUMENT_VALUES) {
            return ngx_ohttp_relay_document_fail(error,
                                                 "it has more than %d values",
                                             NGX_OHTTP_RELAY_DOCUMENT_VALUES);
        }
    }

    return NGX_OHTTP_RELAY_OK;
}


/* what is written in more than one way by those who write JSON is refused */

static int
ngx_ohttp_relay_document_check(json_t *value, char *error)
{
    size_t       i;
    json_t      *item;
    const char  *name;

    switch (json_typeof(value)) {

    case JSON_OBJECT:
        json_object_foreach(value, name, item) {

            if (!ngx_ohttp_relay_document_plain(name, strlen(name))) {
                return ngx_ohttp_relay_document_fail(error,
                                     "a name has a control character in it");
            }

            if (ngx_ohttp_relay_document_check(item, error)
                != NGX_OHTTP_RELAY_OK)
            {
                return NGX_OHTTP_RELAY_ERROR;
            }
        }

        return NGX_OHTTP_RELAY_OK;

    case JSON_ARRAY:
        json_array_foreach(value, i, item) {
            if (ngx_ohttp_relay_document_check(item, error)
                != NGX_OHTTP_RELAY_OK)
            {
                return NGX_OHTTP_RELAY_ERROR;
            }
        }

        return NGX_OHTTP_RELAY_OK;

    case JSON_STRING:
        return ngx_ohttp_relay_document_plain(json_string_value(value),
                                              json_string_length(value))
               ? NGX_OHTTP_RELAY_OK
               : ngx_ohttp_relay_document_fail(error,
                                     "a string has a control character in it");

    case JSON_REAL:
        return ngx_ohttp_relay_document_fail(error,
                                             "a number is not an integer");

    default:
        return NGX_OHTTP_RELAY_OK;
    }
}


static int
ngx_ohttp_relay_document_plain(const char *text, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if ((u_char) text[i] < 0x20 || text[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}


int
ngx_ohttp_relay_document_name(const char *text, size_t len)
{
    char    c;
    size_t  i;

    if (len == 0 || len > NGX_OHTTP_RELAY_DOCUMENT_NAME) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        c = text[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
        {
            return 0;
        }
    }

    return 1;
}


char *
ngx_ohttp_relay_document_canonical(json_t *value)
{
    return json_dumps(value, JSON_COMPACT|JSON_SORT_KEYS|JSON_ENCODE_ANY);
}


int
ngx_ohttp_relay_document_digest(json_t *value, u_char *out)
{
    int    rc;
    char  *text;

    text = ngx_ohttp_relay_document_canonical(value);
    if (text == NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    rc = EVP_Digest(text, strlen(text), out, NULL, EVP_sha256(), NULL);

    free(text);

    return rc == 1 ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}


int
ngx_ohttp_relay_document_fail(char *error, const char *format, ...)
{
    va_list  args;

    va_start(args, format);
    (void) vsnprintf(error, NGX_OHTTP_RELAY_DOCUMENT_ERROR, format, args);
    va_end(args);

    return NGX_OHTTP_RELAY_ERROR;
}
