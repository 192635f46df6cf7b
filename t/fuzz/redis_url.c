
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* a URL written anew is read the same; there is never a password in it */


#include "fuzz.h"
#include "redis_url.h"


static size_t fuzz_write(const ngx_ohttp_relay_redis_url_t *url, char *out);
static void fuzz_same(const ngx_ohttp_relay_slice_t *a,
    const ngx_ohttp_relay_slice_t *b);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                         *text;
    size_t                        len;
    u_char                       *copy;
    unsigned                      i;
    ngx_ohttp_relay_redis_url_t   url, again;

    copy = fuzz_copy(data, size);

    if (ngx_ohttp_relay_redis_url(copy, copy + size, &url)
        != NGX_OHTTP_RELAY_OK)
    {
        free(copy);
        return 0;
    }

    fuzz_assert((url.n == 0) == (url.path.len != 0));
    fuzz_assert(url.n <= NGX_OHTTP_RELAY_REDIS_HOSTS);
    fuzz_assert(url.db <= NGX_OHTTP_RELAY_REDIS_DB_MAX);
    fuzz_assert(url.path.data >= copy);
    fuzz_assert(url.path.data + url.path.len <= copy + size);
    fuzz_assert(memchr(url.user.data, ':', url.user.len) == NULL);

    text = malloc(size + 16 * NGX_OHTTP_RELAY_REDIS_HOSTS + 64);
    fuzz_assert(text != NULL);

    len = fuzz_write(&url, text);

    fuzz_assert(ngx_ohttp_relay_redis_url((u_char *) text,
                                          (u_char *) text + len, &again)
                == NGX_OHTTP_RELAY_OK);
    fuzz_assert(again.n == url.n && again.db == url.db);
    fuzz_assert(again.tls == url.tls);
    fuzz_same(&again.user, &url.user);
    fuzz_same(&again.path, &url.path);

    for (i = 0; i < url.n; i++) {
        fuzz_assert(url.hosts[i].port != 0);
        fuzz_assert(again.hosts[i].port == url.hosts[i].port);
        fuzz_same(&again.hosts[i].name, &url.hosts[i].name);
    }

    free(text);
    free(copy);

    return 0;
}


static size_t
fuzz_write(const ngx_ohttp_relay_redis_url_t *url, char *out)
{
    char                          *p;
    unsigned                       i;
    const ngx_ohttp_relay_host_t  *host;

    if (url->n == 0) {
        return sprintf(out, "unix:%.*s", (int) url->path.len,
                       url->path.data);
    }

    p = out + sprintf(out, "%s://%.*s%s", url->tls ? "rediss" : "redis",
                      (int) url->user.len, url->user.data,
                      url->user.len ? "@" : "");

    for (i = 0; i < url->n; i++) {
        host = &url->hosts[i];

        p += sprintf(p, "%s%s%.*s%s:%u", i ? "," : "",
                     host->bracketed ? "[" : "", (int) host->name.len,
                     host->name.data, host->bracketed ? "]" : "",
                     host->port);
    }

    return p + sprintf(p, "/%u", url->db) - out;
}


static void
fuzz_same(const ngx_ohttp_relay_slice_t *a, const ngx_ohttp_relay_slice_t *b)
{
    fuzz_assert(a->len == b->len && memcmp(a->data, b->data, a->len) == 0);
}
