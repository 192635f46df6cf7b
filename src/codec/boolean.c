
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "boolean.h"


static const u_char *ngx_ohttp_relay_boolean_parameter(const u_char *p,
    const u_char *last);
static const u_char *ngx_ohttp_relay_boolean_string(const u_char *p,
    const u_char *last);


int
ngx_ohttp_relay_boolean(const u_char *p, const u_char *last)
{
    int  value;

    ngx_ohttp_relay_trim(&p, &last);

    if (last - p < 2 || p[0] != '?' || (p[1] != '0' && p[1] != '1')) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    value = p[1] - '0';

    for (p += 2; p < last; /* void */ ) {

        if (*p != ';') {
            return NGX_OHTTP_RELAY_ERROR;
        }

        p = ngx_ohttp_relay_boolean_parameter(p + 1, last);
        if (p == NULL) {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    return value;
}


/* returns where the parameter ends, NULL if it is none */

static const u_char *
ngx_ohttp_relay_boolean_parameter(const u_char *p, const u_char *last)
{
    const u_char  *start;

    while (p < last && *p == ' ') {
        p++;
    }

    start = p;

    while (p < last
           && ((*p >= 'a' && *p <= 'z') || *p == '*'
               || (p > start && ((*p >= '0' && *p <= '9') || *p == '_'
                                 || *p == '-' || *p == '.'))))
    {
        p++;
    }

    if (p == start) {
        return NULL;
    }

    if (p == last || *p != '=') {
        return p;
    }

    start = ++p;

    /* a comma outside of a string would make it a list */

    while (p < last && *p > ' ' && *p < 0x7f && *p != ';' && *p != ',') {

        if (*p != '"') {
            p++;
            continue;
        }

        p = ngx_ohttp_relay_boolean_string(p + 1, last);
        if (p == NULL) {
            return NULL;
        }
    }

    return p == start ? NULL : p;
}


/* skips a quoted string after its first quote, for a ";" may be inside */

static const u_char *
ngx_ohttp_relay_boolean_string(const u_char *p, const u_char *last)
{
    for ( /* void */ ; p < last; p++) {

        if (*p == '"') {
            return p + 1;
        }

        if (*p < ' ' || *p > '~') {
            return NULL;
        }

        if (*p == '\\') {
            p++;

            if (p == last || (*p != '"' && *p != '\\')) {
                return NULL;
            }
        }
    }

    return NULL;
}
