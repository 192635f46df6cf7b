
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "redis_url.h"


static int ngx_ohttp_relay_redis_path(const u_char *p, const u_char *last,
    ngx_ohttp_relay_redis_url_t *url);
static const u_char *ngx_ohttp_relay_redis_user(const u_char *p,
    const u_char *last, ngx_ohttp_relay_redis_url_t *url);
static int ngx_ohttp_relay_redis_hosts(const u_char *p, const u_char *last,
    ngx_ohttp_relay_redis_url_t *url);
static int ngx_ohttp_relay_redis_db(const u_char *p, const u_char *last,
    ngx_ohttp_relay_redis_url_t *url);


int
ngx_ohttp_relay_redis_url(const u_char *p, const u_char *last,
    ngx_ohttp_relay_redis_url_t *url)
{
    const u_char  *colon, *slash;

    url->user.data = p;
    url->user.len = 0;
    url->path.data = p;
    url->path.len = 0;
    url->n = 0;
    url->db = 0;
    url->tls = 0;

    colon = p < last ? memchr(p, ':', last - p) : NULL;
    if (colon == NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (ngx_ohttp_relay_token_equal(p, colon, "unix", 4)) {
        return ngx_ohttp_relay_redis_path(colon + 1, last, url);
    }

    if (ngx_ohttp_relay_token_equal(p, colon, "rediss", 6)) {
        url->tls = 1;

    } else if (!ngx_ohttp_relay_token_equal(p, colon, "redis", 5)) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (last - colon < 3 || colon[1] != '/' || colon[2] != '/') {
        return NGX_OHTTP_RELAY_ERROR;
    }

    p = ngx_ohttp_relay_redis_user(colon + 3, last, url);
    if (p == NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    slash = p < last ? memchr(p, '/', last - p) : NULL;

    if (slash == NULL) {
        return ngx_ohttp_relay_redis_hosts(p, last, url);
    }

    if (ngx_ohttp_relay_redis_hosts(p, slash, url) != NGX_OHTTP_RELAY_OK) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return ngx_ohttp_relay_redis_db(slash + 1, last, url);
}


static int
ngx_ohttp_relay_redis_path(const u_char *p, const u_char *last,
    ngx_ohttp_relay_redis_url_t *url)
{
    if (p == last || *p != '/' || last[-1] == '/'
        || last - p > NGX_OHTTP_RELAY_REDIS_PATH_MAX)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    url->path.data = p;
    url->path.len = last - p;

    for ( /* void */ ; p < last; p++) {
        if (*p < ' ' || *p == 0x7f || *p == ',') {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    return NGX_OHTTP_RELAY_OK;
}


/* returns where the hosts begin, NULL if something is wrong before them */

static const u_char *
ngx_ohttp_relay_redis_user(const u_char *p, const u_char *last,
    ngx_ohttp_relay_redis_url_t *url)
{
    const u_char  *at;

    at = p < last ? memchr(p, '@', last - p) : NULL;

    if (at == NULL) {
        return p;
    }

    if (at == p) {
        return NULL;
    }

    url->user.data = p;
    url->user.len = at - p;

    /* behind a colon there would be a password */

    for ( /* void */ ; p < at; p++) {
        if (*p <= ' ' || *p > '~' || strchr(":/,%?#[]\"'\\", *p) != NULL) {
            return NULL;
        }
    }

    return at + 1;
}


static int
ngx_ohttp_relay_redis_hosts(const u_char *p, const u_char *last,
    ngx_ohttp_relay_redis_url_t *url)
{
    const u_char            *comma;
    ngx_ohttp_relay_host_t  *host;

    for ( ;; ) {

        if (url->n == NGX_OHTTP_RELAY_REDIS_HOSTS) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        comma = p < last ? memchr(p, ',', last - p) : NULL;
        host = &url->hosts[url->n++];

        if (ngx_ohttp_relay_host(p, comma != NULL ? comma : last, host)
            != NGX_OHTTP_RELAY_OK)
        {
            return NGX_OHTTP_RELAY_ERROR;
        }

        if (host->port == 0) {
            host->port = NGX_OHTTP_RELAY_REDIS_PORT;
        }

        if (comma == NULL) {
            return NGX_OHTTP_RELAY_OK;
        }

        p = comma + 1;
    }
}


static int
ngx_ohttp_relay_redis_db(const u_char *p, const u_char *last,
    ngx_ohttp_relay_redis_url_t *url)
{
    uint64_t  db;

    if (ngx_ohttp_relay_read_decimal(&p, last, NGX_OHTTP_RELAY_REDIS_DB_MAX,
                                     &db)
        != NGX_OHTTP_RELAY_OK
        || p != last)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    url->db = (unsigned) db;

    return NGX_OHTTP_RELAY_OK;
}
