
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "credential.h"


#define ngx_ohttp_relay_scheme_is(p, last, lower)                            \
    ngx_ohttp_relay_token_equal(p, last, lower, sizeof(lower) - 1)


typedef struct {
    ngx_ohttp_relay_slice_t  name;
    ngx_ohttp_relay_slice_t  value;     /* without quotes */
    unsigned                 escaped;   /* there is a backslash in it */
} ngx_ohttp_relay_parameter_t;


static int ngx_ohttp_relay_credential_token(const u_char *p,
    const u_char *last, ngx_ohttp_relay_slice_t *token);
static const u_char *ngx_ohttp_relay_parameter(const u_char *p,
    const u_char *last, ngx_ohttp_relay_parameter_t *parameter);
static const u_char *ngx_ohttp_relay_parameter_bare(const u_char *p,
    const u_char *last, ngx_ohttp_relay_parameter_t *parameter);
static const u_char *ngx_ohttp_relay_parameter_quoted(const u_char *p,
    const u_char *last, ngx_ohttp_relay_parameter_t *parameter);
static int ngx_ohttp_relay_parameter_again(
    const ngx_ohttp_relay_parameter_t *parameters, unsigned n);
static const u_char *ngx_ohttp_relay_skip_token(const u_char *p,
    const u_char *last);
static const u_char *ngx_ohttp_relay_skip_space(const u_char *p,
    const u_char *last);


int
ngx_ohttp_relay_credential(const u_char *p, const u_char *last,
    ngx_ohttp_relay_credential_t *credential)
{
    int            rc;
    const u_char  *scheme;

    credential->kind = NGX_OHTTP_RELAY_CREDENTIAL_OTHER;
    credential->value.data = p;
    credential->value.len = 0;

    ngx_ohttp_relay_trim(&p, &last);

    scheme = p;
    p = ngx_ohttp_relay_skip_token(p, last);

    if (ngx_ohttp_relay_scheme_is(scheme, p, "privatetoken")) {
        credential->kind = NGX_OHTTP_RELAY_CREDENTIAL_TOKEN;

    } else if (ngx_ohttp_relay_scheme_is(scheme, p, "bearer")) {
        credential->kind = NGX_OHTTP_RELAY_CREDENTIAL_BEARER;

    } else {
        return NGX_OHTTP_RELAY_OK;
    }

    if (p == last || *p != ' ') {
        return NGX_OHTTP_RELAY_ERROR;
    }

    while (p < last && *p == ' ') {
        p++;
    }

    if (credential->kind == NGX_OHTTP_RELAY_CREDENTIAL_BEARER) {
        credential->value.data = p;
        credential->value.len = last - p;

        return p < last ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
    }

    rc = ngx_ohttp_relay_credential_token(p, last, &credential->value);

    if (rc == NGX_OHTTP_RELAY_ERROR) {
        credential->value.len = 0;
    }

    return rc;
}


static int
ngx_ohttp_relay_credential_token(const u_char *p, const u_char *last,
    ngx_ohttp_relay_slice_t *token)
{
    unsigned                     n, found;
    ngx_ohttp_relay_parameter_t  parameters[
                                       NGX_OHTTP_RELAY_CREDENTIAL_PARAMETERS];

    found = 0;

    for (n = 0; p < last; /* void */ ) {

        if (*p == ' ' || *p == '\t' || *p == ',') {
            p++;
            continue;
        }

        if (n == NGX_OHTTP_RELAY_CREDENTIAL_PARAMETERS) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        p = ngx_ohttp_relay_parameter(p, last, &parameters[n]);

        if (p == NULL || ngx_ohttp_relay_parameter_again(parameters, n)) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        if (ngx_ohttp_relay_token_equal(parameters[n].name.data,
                                        parameters[n].name.data
                                        + parameters[n].name.len,
                                        "token", 5))
        {
            if (parameters[n].escaped) {
                return NGX_OHTTP_RELAY_ERROR;
            }

            *token = parameters[n].value;
            found = 1;
        }

        n++;
    }

    return found ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}


/*
 * Reads name and value.  Returns where the element of the list ends: last, or
 * a comma; NULL if it is malformed.
 */

static const u_char *
ngx_ohttp_relay_parameter(const u_char *p, const u_char *last,
    ngx_ohttp_relay_parameter_t *parameter)
{
    parameter->name.data = p;
    parameter->escaped = 0;

    p = ngx_ohttp_relay_skip_token(p, last);

    parameter->name.len = p - parameter->name.data;

    p = ngx_ohttp_relay_skip_space(p, last);

    if (parameter->name.len == 0 || p == last || *p != '=') {
        return NULL;
    }

    p = ngx_ohttp_relay_skip_space(p + 1, last);

    if (p < last && *p == '"') {
        p = ngx_ohttp_relay_parameter_quoted(p + 1, last, parameter);

    } else {
        p = ngx_ohttp_relay_parameter_bare(p, last, parameter);
    }

    if (p == NULL) {
        return NULL;
    }

    p = ngx_ohttp_relay_skip_space(p, last);

    return p == last || *p == ',' ? p : NULL;
}


static const u_char *
ngx_ohttp_relay_parameter_bare(const u_char *p, const u_char *last,
    ngx_ohttp_relay_parameter_t *parameter)
{
    parameter->value.data = p;

    p = ngx_ohttp_relay_skip_token(p, last);

    if (p == parameter->value.data) {
        return NULL;
    }

    /* by the RFC a padded value has to be quoted; clients do not quote it */

    while (p < last && *p == '=') {
        p++;
    }

    parameter->value.len = p - parameter->value.data;

    return p;
}


/* a quoted string behind its first quote, RFC 9110, section 5.6.4 */

static const u_char *
ngx_ohttp_relay_parameter_quoted(const u_char *p, const u_char *last,
    ngx_ohttp_relay_parameter_t *parameter)
{
    const u_char  *quote;

    parameter->value.data = p;

    quote = p < last ? memchr(p, '"', last - p) : NULL;
    if (quote == NULL) {
        return NULL;
    }

    /* a token is long and has no backslash */

    if (memchr(p, '\\', quote - p) == NULL) {
        parameter->value.len = quote - p;

        return ngx_ohttp_relay_is_text(p, quote) ? quote + 1 : NULL;
    }

    for ( /* void */ ; p < last; p++) {

        if (*p == '"') {
            parameter->value.len = p - parameter->value.data;
            return p + 1;
        }

        if (*p == '\\') {
            parameter->escaped = 1;
            p++;

            if (p == last) {
                return NULL;
            }
        }

        if (!(ngx_ohttp_relay_byte_class[*p] & NGX_OHTTP_RELAY_BYTE_TEXT)) {
            return NULL;
        }
    }

    return NULL;
}


/* whether the last of n + 1 parameters has the name of one before it */

static int
ngx_ohttp_relay_parameter_again(const ngx_ohttp_relay_parameter_t *parameters,
    unsigned n)
{
    size_t         j, len;
    unsigned       i;
    const u_char  *a, *b;

    a = parameters[n].name.data;
    len = parameters[n].name.len;

    for (i = 0; i < n; i++) {

        if (parameters[i].name.len != len) {
            continue;
        }

        b = parameters[i].name.data;

        for (j = 0; j < len; j++) {

            if (a[j] == b[j]) {
                continue;
            }

            /* bytes that differ in this bit alone are letters of two cases */

            if ((a[j] ^ b[j]) != 0x20 || (a[j] | 0x20) < 'a'
                || (a[j] | 0x20) > 'z')
            {
                break;
            }
        }

        if (j == len) {
            return 1;
        }
    }

    return 0;
}


/* credentials are hundreds of bytes long: eight at a time */

static const u_char *
ngx_ohttp_relay_skip_token(const u_char *p, const u_char *last)
{
    const u_char  *classes;

    classes = ngx_ohttp_relay_byte_class;

    while (last - p >= 8
           && (classes[p[0]] & classes[p[1]] & classes[p[2]] & classes[p[3]]
               & classes[p[4]] & classes[p[5]] & classes[p[6]] & classes[p[7]]
               & NGX_OHTTP_RELAY_BYTE_TOKEN))
    {
        p += 8;
    }

    while (p < last && (classes[*p] & NGX_OHTTP_RELAY_BYTE_TOKEN)) {
        p++;
    }

    return p;
}


static const u_char *
ngx_ohttp_relay_skip_space(const u_char *p, const u_char *last)
{
    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    return p;
}
