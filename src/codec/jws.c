
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "jws.h"
#include "base64url.h"
#include "json.h"


static const u_char *ngx_ohttp_relay_jws_part(const u_char *p,
    const u_char *last, ngx_ohttp_relay_slice_t *part);
static int ngx_ohttp_relay_jose_member(
    const ngx_ohttp_relay_json_value_t *value, ngx_ohttp_relay_jose_t *jose);
static int ngx_ohttp_relay_jose_algorithm(
    const ngx_ohttp_relay_json_value_t *value, ngx_ohttp_relay_jose_t *jose);
static int ngx_ohttp_relay_jose_kid(const ngx_ohttp_relay_json_value_t *value,
    ngx_ohttp_relay_jose_t *jose);
static int ngx_ohttp_relay_jose_type(
    const ngx_ohttp_relay_json_value_t *value);


static const struct {
    const char              *name;
    ngx_ohttp_relay_jose_e   id;
} ngx_ohttp_relay_jose_algorithms[] = {
    { "RS256", NGX_OHTTP_RELAY_JOSE_RS256 },
    { "ES256", NGX_OHTTP_RELAY_JOSE_ES256 },
    { "PS256", NGX_OHTTP_RELAY_JOSE_PS256 },
    { "EdDSA", NGX_OHTTP_RELAY_JOSE_EDDSA },
    { "HS256", NGX_OHTTP_RELAY_JOSE_HS256 },
    { NULL, 0 }
};


int
ngx_ohttp_relay_jws(const u_char *p, const u_char *last,
    ngx_ohttp_relay_jws_t *jws)
{
    const u_char  *start;

    if (last - p > NGX_OHTTP_RELAY_JWS_MAX) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    start = p;

    p = ngx_ohttp_relay_jws_part(p, last, &jws->header);

    if (p == NULL || p == last) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    p = ngx_ohttp_relay_jws_part(p + 1, last, &jws->payload);

    if (p == NULL || p == last) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    jws->input.data = start;
    jws->input.len = p - start;

    p = ngx_ohttp_relay_jws_part(p + 1, last, &jws->signature);

    return p == last && p != NULL ? NGX_OHTTP_RELAY_OK
                                  : NGX_OHTTP_RELAY_ERROR;
}


int
ngx_ohttp_relay_jose_header(const u_char *p, const u_char *last,
    ngx_ohttp_relay_jose_t *jose)
{
    int                              rc;
    ngx_ohttp_relay_slice_t          text;
    ngx_ohttp_relay_json_value_t     value;
    ngx_ohttp_relay_json_iterator_t  it;

    /* also that no member is there twice, so that none is overlooked */

    if (ngx_ohttp_relay_json_object(p, last) != NGX_OHTTP_RELAY_OK) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    text.data = p;
    text.len = last - p;

    jose->alg = 0;
    jose->has_kid = 0;
    jose->kid_len = 0;

    rc = ngx_ohttp_relay_json_begin(&text, &it);

    while (rc == NGX_OHTTP_RELAY_OK) {

        rc = ngx_ohttp_relay_json_next(&it, &value);

        if (rc == NGX_OHTTP_RELAY_OK) {
            rc = ngx_ohttp_relay_jose_member(&value, jose);
        }
    }

    if (rc != NGX_OHTTP_RELAY_DONE || jose->alg == 0) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return NGX_OHTTP_RELAY_OK;
}


/* reads one part; returns the dot behind it, or last; NULL if it is wrong */

static const u_char *
ngx_ohttp_relay_jws_part(const u_char *p, const u_char *last,
    ngx_ohttp_relay_slice_t *part)
{
    const u_char  *dot;

    dot = p < last ? memchr(p, '.', last - p) : NULL;
    if (dot == NULL) {
        dot = last;
    }

    part->data = p;
    part->len = dot - p;

    return ngx_ohttp_relay_base64url_check(p, dot, 0) > 0 ? dot : NULL;
}


static int
ngx_ohttp_relay_jose_member(const ngx_ohttp_relay_json_value_t *value,
    ngx_ohttp_relay_jose_t *jose)
{
    if (ngx_ohttp_relay_json_name_equal(value, "alg")) {
        return ngx_ohttp_relay_jose_algorithm(value, jose);
    }

    if (ngx_ohttp_relay_json_name_equal(value, "kid")) {
        return ngx_ohttp_relay_jose_kid(value, jose);
    }

    if (ngx_ohttp_relay_json_name_equal(value, "typ")) {
        return ngx_ohttp_relay_jose_type(value);
    }

    if (ngx_ohttp_relay_json_name_equal(value, "crit")
        || ngx_ohttp_relay_json_name_equal(value, "b64"))
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_jose_algorithm(const ngx_ohttp_relay_json_value_t *value,
    ngx_ohttp_relay_jose_t *jose)
{
    size_t  i;

    for (i = 0; ngx_ohttp_relay_jose_algorithms[i].name != NULL; i++) {

        if (ngx_ohttp_relay_json_string_equal(value,
                                     ngx_ohttp_relay_jose_algorithms[i].name))
        {
            jose->alg = ngx_ohttp_relay_jose_algorithms[i].id;
            return NGX_OHTTP_RELAY_OK;
        }
    }

    return NGX_OHTTP_RELAY_ERROR;
}


static int
ngx_ohttp_relay_jose_kid(const ngx_ohttp_relay_json_value_t *value,
    ngx_ohttp_relay_jose_t *jose)
{
    ssize_t  len;

    len = ngx_ohttp_relay_json_unescape(value, jose->kid, sizeof(jose->kid));
    if (len == NGX_OHTTP_RELAY_ERROR) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    jose->has_kid = 1;
    jose->kid_len = len;

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_jose_type(const ngx_ohttp_relay_json_value_t *value)
{
    u_char   type[sizeof("application/at+jwt") - 1];
    ssize_t  len;

    len = ngx_ohttp_relay_json_unescape(value, type, sizeof(type));
    if (len == NGX_OHTTP_RELAY_ERROR) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (ngx_ohttp_relay_token_equal(type, type + len, "jwt", 3)
        || ngx_ohttp_relay_token_equal(type, type + len, "at+jwt", 6)
        || ngx_ohttp_relay_token_equal(type, type + len,
                                       "application/at+jwt", sizeof(type)))
    {
        return NGX_OHTTP_RELAY_OK;
    }

    return NGX_OHTTP_RELAY_ERROR;
}
