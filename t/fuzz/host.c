
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* addresses are those of inet_pton(), and what is written back is the input */


#include "fuzz.h"
#include "host.h"

#include <arpa/inet.h>


static void fuzz_list(const u_char *data, size_t size, int rc);
static int fuzz_is_address(int family, const u_char *p, size_t len);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                      rc, n;
    char                     port[16];
    size_t                   i, len;
    ngx_ohttp_relay_host_t   host;

    rc = ngx_ohttp_relay_host(data, data + size, &host);

    fuzz_assert(rc == NGX_OHTTP_RELAY_OK || rc == NGX_OHTTP_RELAY_ERROR);

    fuzz_list(data, size, rc);

    if (size > 2 && data[0] == '[' && data[size - 1] == ']') {
        fuzz_assert((rc == NGX_OHTTP_RELAY_OK)
                    == fuzz_is_address(AF_INET6, data + 1, size - 2));
    }

    if (fuzz_is_address(AF_INET, data, size)) {
        fuzz_assert(rc == NGX_OHTTP_RELAY_OK && host.address);
    }

    if (rc == NGX_OHTTP_RELAY_ERROR) {
        return 0;
    }

    fuzz_assert(host.name.len > 0);
    fuzz_assert(host.name.data == data + host.bracketed);

    fuzz_assert(fuzz_is_address(host.bracketed ? AF_INET6 : AF_INET,
                                host.name.data, host.name.len)
                == host.address);

    for (i = 0; i < host.name.len; i++) {
        fuzz_assert(host.name.data[i] > ' ' && host.name.data[i] < 0x7f);
        fuzz_assert(strchr("/?#@\\%,[]", host.name.data[i]) == NULL);
    }

    len = host.name.len + 2 * host.bracketed;
    n = sprintf(port, ":%u", host.port);

    fuzz_assert(len == size
                ? host.port == 0
                : host.port != 0 && len + n == size
                  && memcmp(data + len, port, n) == 0);

    return 0;
}


/* one host is a list of one; a list is one with another host behind it */

static void
fuzz_list(const u_char *data, size_t size, int rc)
{
    int      list;
    u_char  *text;

    list = ngx_ohttp_relay_host_list(data, data + size);

    if (size == 0 || memchr(data, ',', size) == NULL) {
        fuzz_assert(list == rc);

    } else {
        fuzz_assert(rc == NGX_OHTTP_RELAY_ERROR);
    }

    text = malloc(size + 3);
    fuzz_assert(text != NULL);

    memcpy(text, data, size);
    memcpy(text + size, ",a", 2);

    fuzz_assert(ngx_ohttp_relay_host_list(text, text + size + 2) == list);
    fuzz_assert(ngx_ohttp_relay_host_list(text, text + size + 1)
                == NGX_OHTTP_RELAY_ERROR);

    free(text);
}


static int
fuzz_is_address(int family, const u_char *p, size_t len)
{
    char    text[64];
    u_char  address[16];

    if (len >= sizeof(text) || memchr(p, '\0', len) != NULL) {
        return 0;
    }

    memcpy(text, p, len);
    text[len] = '\0';

    return inet_pton(family, text, address) == 1;
}
