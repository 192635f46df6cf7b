
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "hex.h"
#include "route.h"


static int ngx_ohttp_relay_value_bytes(ngx_ohttp_relay_value_e kind,
    const u_char *p, const u_char *last);
static int ngx_ohttp_relay_value_name(const u_char *p, const u_char *last);
static int ngx_ohttp_relay_value_path(const u_char *p, const u_char *last);
static int ngx_ohttp_relay_value_word(const char *words, const u_char *p,
    const u_char *last);
static int ngx_ohttp_relay_query_one(
    const ngx_ohttp_relay_parameter_t *parameters, size_t n, const u_char *p,
    const u_char *last, ngx_ohttp_relay_slice_t *values);


int
ngx_ohttp_relay_value(const ngx_ohttp_relay_grammar_t *grammar,
    const u_char *p, const u_char *last)
{
    size_t  len;

    len = last - p;

    if (len < grammar->least || len > grammar->most || len == 0) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    switch (grammar->kind) {

    case NGX_OHTTP_RELAY_VALUE_NAME:
        return ngx_ohttp_relay_value_name(p, last);

    case NGX_OHTTP_RELAY_VALUE_PATH:
        return ngx_ohttp_relay_value_path(p, last);

    case NGX_OHTTP_RELAY_VALUE_WORD:
        return ngx_ohttp_relay_value_word(grammar->words, p, last);

    case NGX_OHTTP_RELAY_VALUE_HEX:
        if (len & 1) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        break;

    case NGX_OHTTP_RELAY_VALUE_NUMBER:
        if (*p == '0' && len > 1) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        break;

    default:
        break;
    }

    return ngx_ohttp_relay_value_bytes(grammar->kind, p, last);
}


static int
ngx_ohttp_relay_value_bytes(ngx_ohttp_relay_value_e kind, const u_char *p,
    const u_char *last)
{
    int  good;

    for ( /* void */ ; p < last; p++) {

        switch (kind) {

        case NGX_OHTTP_RELAY_VALUE_HEX:
            good = (ngx_ohttp_relay_hex_digit(*p) >= 0);
            break;

        case NGX_OHTTP_RELAY_VALUE_NUMBER:
            good = (*p >= '0' && *p <= '9');
            break;

        default: /* NGX_OHTTP_RELAY_VALUE_VISIBLE */
            good = (*p > 0x20 && *p < 0x7f);
        }

        if (!good) {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_value_name(const u_char *p, const u_char *last)
{
    if (p == last
        || (*p == '.' && (last - p == 1 || (last - p == 2 && p[1] == '.'))))
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    for ( /* void */ ; p < last; p++) {

        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')
              || (*p >= '0' && *p <= '9')
              || *p == '-' || *p == '.' || *p == '_'))
        {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_value_path(const u_char *p, const u_char *last)
{
    const u_char  *slash;

    while (p < last) {

        if (*p++ != '/') {
            return NGX_OHTTP_RELAY_ERROR;
        }

        slash = p < last ? memchr(p, '/', last - p) : NULL;

        if (slash == NULL) {
            slash = last;
        }

        if (ngx_ohttp_relay_value_name(p, slash) != NGX_OHTTP_RELAY_OK) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        p = slash;
    }

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_value_word(const char *words, const u_char *p,
    const u_char *last)
{
    size_t  len;

    for ( ;; ) {
        len = strcspn(words, " ");

        if (ngx_ohttp_relay_token_equal(p, last, words, len)) {
            return NGX_OHTTP_RELAY_OK;
        }

        words += len;

        if (*words++ == '\0') {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }
}


u_char *
ngx_ohttp_relay_value_write(const ngx_ohttp_relay_grammar_t *grammar,
    const u_char *p, const u_char *last, u_char *out)
{
    int  lower;

    lower = (grammar->kind == NGX_OHTTP_RELAY_VALUE_HEX
             || grammar->kind == NGX_OHTTP_RELAY_VALUE_WORD);

    for ( /* void */ ; p < last; p++) {
        *out++ = (lower && *p >= 'A' && *p <= 'Z') ? (u_char) (*p | 0x20) : *p;
    }

    return out;
}


int
ngx_ohttp_relay_route(const char *pattern,
    const ngx_ohttp_relay_grammar_t *grammar, const u_char *p,
    const u_char *last, ngx_ohttp_relay_slice_t *value)
{
    size_t  len;

    len = strcspn(pattern, "*");

    if ((size_t) (last - p) < len || memcmp(p, pattern, len) != 0) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    p += len;

    if (pattern[len] == '\0') {
        value->len = 0;

        return p == last ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
    }

    value->data = p;
    value->len = last - p;

    return ngx_ohttp_relay_value(grammar, p, last);
}


int
ngx_ohttp_relay_query(const ngx_ohttp_relay_parameter_t *parameters,
    size_t n, const u_char *p, const u_char *last,
    ngx_ohttp_relay_slice_t *values)
{
    const u_char  *end;

    memset(values, 0, n * sizeof(ngx_ohttp_relay_slice_t));

    if (p == last) {
        return NGX_OHTTP_RELAY_OK;
    }

    for ( ;; ) {
        end = p < last ? memchr(p, '&', last - p) : NULL;

        if (ngx_ohttp_relay_query_one(parameters, n, p, end ? end : last,
                                      values)
            != NGX_OHTTP_RELAY_OK)
        {
            return NGX_OHTTP_RELAY_ERROR;
        }

        if (end == NULL) {
            return NGX_OHTTP_RELAY_OK;
        }

        p = end + 1;
    }
}


static int
ngx_ohttp_relay_query_one(const ngx_ohttp_relay_parameter_t *parameters,
    size_t n, const u_char *p, const u_char *last,
    ngx_ohttp_relay_slice_t *values)
{
    size_t         i, len;
    const u_char  *equals;

    equals = p < last ? memchr(p, '=', last - p) : NULL;

    if (equals == NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    for (i = 0; i < n; i++) {
        len = strlen(parameters[i].name);

        if ((size_t) (equals - p) == len
            && memcmp(p, parameters[i].name, len) == 0)
        {
            break;
        }
    }

    if (i == n || values[i].len != 0
        || ngx_ohttp_relay_value(&parameters[i].grammar, equals + 1, last)
           != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    values[i].data = equals + 1;
    values[i].len = last - (equals + 1);

    return NGX_OHTTP_RELAY_OK;
}
