
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "host.h"
#include "hex.h"


#define NGX_OHTTP_RELAY_HOST_NAME   253
#define NGX_OHTTP_RELAY_HOST_LABEL  63


static int ngx_ohttp_relay_host_is_name(const u_char *p, const u_char *last);
static const u_char *ngx_ohttp_relay_host_label(const u_char *p,
    const u_char *last, unsigned *numeric);
static int ngx_ohttp_relay_host_is_ipv4(const u_char *p, const u_char *last);
static int ngx_ohttp_relay_host_is_ipv6(const u_char *p, const u_char *last);


int
ngx_ohttp_relay_host(const u_char *p, const u_char *last,
    ngx_ohttp_relay_host_t *host)
{
    uint64_t       port;
    const u_char  *end;

    host->bracketed = p < last && *p == '[';

    if (host->bracketed) {
        p++;
    }

    end = p < last ? memchr(p, host->bracketed ? ']' : ':', last - p) : NULL;

    if (end == NULL) {

        if (host->bracketed) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        end = last;
    }

    host->name.data = p;
    host->name.len = end - p;

    if (host->bracketed) {
        host->address = 1;

        if (!ngx_ohttp_relay_host_is_ipv6(p, end)) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        end++;

    } else {
        host->address = ngx_ohttp_relay_host_is_ipv4(p, end) ? 1 : 0;

        if (!host->address && !ngx_ohttp_relay_host_is_name(p, end)) {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    host->port = 0;

    if (end == last) {
        return NGX_OHTTP_RELAY_OK;
    }

    if (*end++ != ':'
        || ngx_ohttp_relay_read_decimal(&end, last, 65535, &port)
           != NGX_OHTTP_RELAY_OK
        || port == 0 || end != last)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    host->port = (uint16_t) port;

    return NGX_OHTTP_RELAY_OK;
}


int
ngx_ohttp_relay_host_list(const u_char *p, const u_char *last)
{
    const u_char            *comma;
    ngx_ohttp_relay_host_t   host;

    for ( ;; ) {
        comma = p < last ? memchr(p, ',', last - p) : NULL;

        if (ngx_ohttp_relay_host(p, comma != NULL ? comma : last, &host)
            != NGX_OHTTP_RELAY_OK)
        {
            return NGX_OHTTP_RELAY_ERROR;
        }

        if (comma == NULL) {
            return NGX_OHTTP_RELAY_OK;
        }

        p = comma + 1;
    }
}


int
ngx_ohttp_relay_read_decimal(const u_char **p, const u_char *last,
    uint64_t max, uint64_t *n)
{
    unsigned       digit;
    const u_char  *start;

    start = *p;

    for (*n = 0; *p < last && **p >= '0' && **p <= '9'; (*p)++) {

        digit = **p - '0';

        if (digit > max || *n > (max - digit) / 10
            || (*p > start && *start == '0'))
        {
            return NGX_OHTTP_RELAY_ERROR;
        }

        *n = *n * 10 + digit;
    }

    return *p == start ? NGX_OHTTP_RELAY_ERROR : NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_host_is_name(const u_char *p, const u_char *last)
{
    unsigned       numeric;
    const u_char  *end;

    if (last - p > NGX_OHTTP_RELAY_HOST_NAME) {
        return 0;
    }

    for ( ;; ) {
        end = ngx_ohttp_relay_host_label(p, last, &numeric);

        if (end == p || end - p > NGX_OHTTP_RELAY_HOST_LABEL || *p == '-'
            || end[-1] == '-')
        {
            return 0;
        }

        if (end == last) {
            break;
        }

        if (*end != '.') {
            return 0;
        }

        p = end + 1;
    }

    /* with a number at its end it would be a broken IPv4 address */

    return !numeric;
}


/* returns where the label at p ends; *numeric: all of it are digits */

static const u_char *
ngx_ohttp_relay_host_label(const u_char *p, const u_char *last,
    unsigned *numeric)
{
    for (*numeric = 1; p < last; p++) {

        if (*p >= '0' && *p <= '9') {
            continue;
        }

        if (((*p | 0x20) < 'a' || (*p | 0x20) > 'z') && *p != '-'
            && *p != '_')
        {
            break;
        }

        *numeric = 0;
    }

    return p;
}


static int
ngx_ohttp_relay_host_is_ipv4(const u_char *p, const u_char *last)
{
    int       i;
    uint64_t  n;

    for (i = 0; i < 4; i++) {

        if (i != 0 && (p == last || *p++ != '.')) {
            return 0;
        }

        if (ngx_ohttp_relay_read_decimal(&p, last, 255, &n)
            != NGX_OHTTP_RELAY_OK)
        {
            return 0;
        }
    }

    return p == last;
}


static int
ngx_ohttp_relay_host_is_ipv6(const u_char *p, const u_char *last)
{
    int            groups, gap;
    const u_char  *start;

    groups = 0;
    gap = 0;

    if (last - p >= 2 && p[0] == ':' && p[1] == ':') {
        gap = 1;
        p += 2;
    }

    while (p < last) {

        /* an IPv4 address may stand for the last two groups */

        if (ngx_ohttp_relay_host_is_ipv4(p, last)) {
            groups += 2;
            break;
        }

        start = p;

        while (p < last && p - start < 4
               && ngx_ohttp_relay_hex_digit(*p) >= 0)
        {
            p++;
        }

        if (p == start) {
            return 0;
        }

        groups++;

        if (p == last) {
            break;
        }

        /* behind a colon a group must follow, or the one gap */

        if (*p++ != ':' || p == last || (*p == ':' && gap)) {
            return 0;
        }

        if (*p == ':') {
            gap = 1;
            p++;
        }
    }

    return gap ? groups < 8 : groups == 8;
}
