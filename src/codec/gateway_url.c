
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "gateway_url.h"
#include "hex.h"


#define NGX_OHTTP_RELAY_HOST_MAX   253
#define NGX_OHTTP_RELAY_LABEL_MAX  63


static const u_char *ngx_ohttp_relay_url_scheme(const u_char *p,
    const u_char *last, ngx_ohttp_relay_gateway_url_t *url);
static const u_char *ngx_ohttp_relay_url_host(const u_char *p,
    const u_char *last, ngx_ohttp_relay_gateway_url_t *url);
static const u_char *ngx_ohttp_relay_url_port(const u_char *p,
    const u_char *last, ngx_ohttp_relay_gateway_url_t *url);
static int ngx_ohttp_relay_url_path(const u_char *p, const u_char *last,
    ngx_ohttp_relay_gateway_url_t *url);
static int ngx_ohttp_relay_is_name(const u_char *p, const u_char *last);
static int ngx_ohttp_relay_is_ipv4(const u_char *p, const u_char *last);
static int ngx_ohttp_relay_is_ipv6(const u_char *p, const u_char *last);
static int ngx_ohttp_relay_decimal(const u_char **p, const u_char *last,
    int max);


int
ngx_ohttp_relay_gateway_url(const u_char *p, const u_char *last,
    ngx_ohttp_relay_gateway_url_t *url)
{
    p = ngx_ohttp_relay_url_scheme(p, last, url);
    if (p == NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    p = ngx_ohttp_relay_url_host(p, last, url);
    if (p == NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    p = ngx_ohttp_relay_url_port(p, last, url);
    if (p == NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return ngx_ohttp_relay_url_path(p, last, url);
}


static const u_char *
ngx_ohttp_relay_url_scheme(const u_char *p, const u_char *last,
    ngx_ohttp_relay_gateway_url_t *url)
{
    const u_char  *colon;

    colon = p < last ? memchr(p, ':', last - p) : NULL;

    if (colon == NULL || last - colon < 3 || colon[1] != '/'
        || colon[2] != '/')
    {
        return NULL;
    }

    if (ngx_ohttp_relay_token_equal(p, colon, "https", 5)) {
        url->tls = 1;
        url->port = 443;

    } else if (ngx_ohttp_relay_token_equal(p, colon, "http", 4)) {
        url->tls = 0;
        url->port = 80;

    } else {
        return NULL;
    }

    return colon + 3;
}


static const u_char *
ngx_ohttp_relay_url_host(const u_char *p, const u_char *last,
    ngx_ohttp_relay_gateway_url_t *url)
{
    const u_char  *start;

    start = p;

    if (p < last && *p == '[') {
        p = memchr(p, ']', last - p);

        if (p == NULL || !ngx_ohttp_relay_is_ipv6(start + 1, p)) {
            return NULL;
        }

        url->host.data = start + 1;
        url->host.len = p - url->host.data;
        url->address = 1;

        p++;

    } else {

        while (p < last && *p != ':' && *p != '/') {
            p++;
        }

        url->address = ngx_ohttp_relay_is_ipv4(start, p) ? 1 : 0;

        if (!url->address && !ngx_ohttp_relay_is_name(start, p)) {
            return NULL;
        }

        url->host.data = start;
        url->host.len = p - start;
    }

    url->authority.data = start;
    url->authority.len = p - start;

    return p;
}


static const u_char *
ngx_ohttp_relay_url_port(const u_char *p, const u_char *last,
    ngx_ohttp_relay_gateway_url_t *url)
{
    int  port;

    if (p == last || *p != ':') {
        return p;
    }

    p++;

    port = ngx_ohttp_relay_decimal(&p, last, 65535);

    if (port <= 0) {
        return NULL;
    }

    if (port != url->port) {
        url->port = (uint16_t) port;
        url->authority.len = p - url->authority.data;
    }

    return p;
}


static int
ngx_ohttp_relay_url_path(const u_char *p, const u_char *last,
    ngx_ohttp_relay_gateway_url_t *url)
{
    if (p == last) {
        url->path.data = (const u_char *) "/";
        url->path.len = 1;

        return NGX_OHTTP_RELAY_OK;
    }

    if (*p != '/') {
        return NGX_OHTTP_RELAY_ERROR;
    }

    url->path.data = p;
    url->path.len = last - p;

    for ( /* void */ ; p < last; p++) {
        if (*p <= ' ' || *p > '~' || *p == '#') {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_is_name(const u_char *p, const u_char *last)
{
    unsigned       numeric;
    const u_char  *label;

    if (p == last || last - p > NGX_OHTTP_RELAY_HOST_MAX) {
        return 0;
    }

    for ( ;; ) {

        numeric = 1;

        for (label = p; p < last && *p != '.'; p++) {

            if (*p >= '0' && *p <= '9') {
                continue;
            }

            numeric = 0;

            if ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z') {
                continue;
            }

            if (*p != '-' && *p != '_') {
                return 0;
            }
        }

        if (p == label || p - label > NGX_OHTTP_RELAY_LABEL_MAX
            || *label == '-' || p[-1] == '-')
        {
            return 0;
        }

        if (p == last) {
            break;
        }

        p++;
    }

    /* with a number at its end it would be a broken IPv4 address */

    return !numeric;
}


static int
ngx_ohttp_relay_is_ipv4(const u_char *p, const u_char *last)
{
    int  i;

    for (i = 0; i < 4; i++) {

        if (i != 0 && (p == last || *p++ != '.')) {
            return 0;
        }

        if (ngx_ohttp_relay_decimal(&p, last, 255) < 0) {
            return 0;
        }
    }

    return p == last;
}


static int
ngx_ohttp_relay_is_ipv6(const u_char *p, const u_char *last)
{
    int            groups;
    unsigned       gap;
    const u_char  *group;

    groups = 0;
    gap = 0;

    if (last - p >= 2 && p[0] == ':' && p[1] == ':') {
        gap = 1;
        p += 2;
    }

    while (p < last) {

        /* the last two groups may be written as an IPv4 address */

        if (ngx_ohttp_relay_is_ipv4(p, last)) {
            groups += 2;
            break;
        }

        for (group = p; p < last && ngx_ohttp_relay_hex_digit(*p) >= 0; p++) {
            /* void */
        }

        if (p == group || p - group > 4) {
            return 0;
        }

        groups++;

        if (p == last) {
            break;
        }

        /* one colon and a group, or the only gap */

        if (*p++ != ':' || p == last) {
            return 0;
        }

        if (*p == ':') {

            if (gap) {
                return 0;
            }

            gap = 1;
            p++;
        }
    }

    return gap ? groups < 8 : groups == 8;
}


/* 0 to max without leading zeros, or NGX_OHTTP_RELAY_ERROR; advances *p */

static int
ngx_ohttp_relay_decimal(const u_char **p, const u_char *last, int max)
{
    int            n;
    const u_char  *start;

    start = *p;

    for (n = 0; *p < last && **p >= '0' && **p <= '9'; (*p)++) {

        n = n * 10 + (**p - '0');

        if (n > max || (*p > start && *start == '0')) {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    return *p == start ? NGX_OHTTP_RELAY_ERROR : n;
}
