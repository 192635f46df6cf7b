
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* a URL written back is the same; addresses are those of inet_pton() */


#include "fuzz.h"
#include "gateway_url.h"

#include <arpa/inet.h>


static int fuzz_slice_equal(const ngx_ohttp_relay_slice_t *a,
    const ngx_ohttp_relay_slice_t *b);
static void fuzz_again(const ngx_ohttp_relay_gateway_url_t *url);
static void fuzz_addresses(const u_char *p, size_t len);
static int fuzz_is_address(int family, const u_char *p, size_t len);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                         i;
    ngx_ohttp_relay_gateway_url_t  url;

    fuzz_addresses(data, size);

    if (ngx_ohttp_relay_gateway_url(data, data + size, &url)
        != NGX_OHTTP_RELAY_OK)
    {
        return 0;
    }

    fuzz_assert(url.port != 0);
    fuzz_assert(url.host.len != 0 && url.path.len != 0);
    fuzz_assert(url.host.data > data);
    fuzz_assert(url.authority.data <= url.host.data);
    fuzz_assert(url.host.data + url.host.len
                <= url.authority.data + url.authority.len);
    fuzz_assert(url.authority.data + url.authority.len <= data + size);

    /* nothing that could break a request head */

    for (i = 0; i < url.authority.len; i++) {
        fuzz_assert(url.authority.data[i] > ' ');
        fuzz_assert(url.authority.data[i] < 0x7f);
        fuzz_assert(strchr("/?#@\\%", url.authority.data[i]) == NULL);
    }

    fuzz_assert(url.path.data[0] == '/');

    for (i = 0; i < url.path.len; i++) {
        fuzz_assert(url.path.data[i] > ' ' && url.path.data[i] < 0x7f);
        fuzz_assert(url.path.data[i] != '#');
    }

    fuzz_assert((fuzz_is_address(AF_INET, url.host.data, url.host.len)
                 || fuzz_is_address(AF_INET6, url.host.data, url.host.len))
                == url.address);

    fuzz_again(&url);

    return 0;
}


static int
fuzz_slice_equal(const ngx_ohttp_relay_slice_t *a,
    const ngx_ohttp_relay_slice_t *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}


static void
fuzz_again(const ngx_ohttp_relay_gateway_url_t *url)
{
    char                           *text;
    size_t                          len;
    ngx_ohttp_relay_gateway_url_t   again;

    text = malloc(url->authority.len + url->path.len + 16);
    fuzz_assert(text != NULL);

    len = sprintf(text, "%s://%.*s%.*s", url->tls ? "https" : "http",
                  (int) url->authority.len, url->authority.data,
                  (int) url->path.len, url->path.data);

    fuzz_assert(ngx_ohttp_relay_gateway_url((u_char *) text,
                                            (u_char *) text + len, &again)
                == NGX_OHTTP_RELAY_OK);

    fuzz_assert(fuzz_slice_equal(&again.host, &url->host));
    fuzz_assert(fuzz_slice_equal(&again.authority, &url->authority));
    fuzz_assert(fuzz_slice_equal(&again.path, &url->path));
    fuzz_assert(again.port == url->port);
    fuzz_assert(again.tls == url->tls && again.address == url->address);

    free(text);
}


/* the input as a host in brackets, and as one without */

static void
fuzz_addresses(const u_char *p, size_t len)
{
    int                             ok;
    u_char                         *text;
    ngx_ohttp_relay_gateway_url_t   url;

    /* what would end the host is left out, a name is no address */

    if (memchr(p, ']', len) != NULL || memchr(p, '/', len) != NULL
        || memchr(p, '\0', len) != NULL)
    {
        return;
    }

    text = malloc(len + 16);
    fuzz_assert(text != NULL);

    memcpy(text, "https://[", 9);
    memcpy(text + 9, p, len);
    text[9 + len] = ']';

    ok = ngx_ohttp_relay_gateway_url(text, text + len + 10, &url)
         == NGX_OHTTP_RELAY_OK;

    fuzz_assert(ok == fuzz_is_address(AF_INET6, p, len));

    if (memchr(p, ':', len) == NULL && memchr(p, '[', len) == NULL) {
        memcpy(text + 8, p, len);

        ok = ngx_ohttp_relay_gateway_url(text, text + len + 8, &url)
             == NGX_OHTTP_RELAY_OK && url.address;

        fuzz_assert(ok == fuzz_is_address(AF_INET, p, len));
    }

    free(text);
}


static int
fuzz_is_address(int family, const u_char *p, size_t len)
{
    char    text[64];
    u_char  address[16];

    if (len >= sizeof(text)) {
        return 0;
    }

    memcpy(text, p, len);
    text[len] = '\0';

    return inet_pton(family, text, address) == 1;
}
