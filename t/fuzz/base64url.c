
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * Text that is decoded and encoded again is the same text, bytes that are
 * encoded and decoded again are the same bytes, and room is kept to.
 */


#include "fuzz.h"
#include "base64url.h"


static void fuzz_text(const u_char *data, size_t size, unsigned padding);
static void fuzz_bytes(const u_char *data, size_t size, unsigned padding);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_text(data, size, 0);
    fuzz_text(data, size, 1);
    fuzz_bytes(data, size, 0);
    fuzz_bytes(data, size, 1);

    return 0;
}


static void
fuzz_text(const u_char *data, size_t size, unsigned padding)
{
    size_t    n;
    u_char   *out, *again;
    ssize_t   len;

    len = ngx_ohttp_relay_base64url_check(data, data + size, padding);

    fuzz_assert(len == NGX_OHTTP_RELAY_ERROR || len >= 0);

    n = len > 0 ? len : 0;

    fuzz_assert(n <= ngx_ohttp_relay_base64url_bytes(size));

    out = malloc(n ? n : 1);
    again = malloc(ngx_ohttp_relay_base64url_size(n) + 1);
    fuzz_assert(out != NULL && again != NULL);

    fuzz_assert(ngx_ohttp_relay_base64url_decode(data, data + size, out, n,
                                                 padding) == len);

    if (n > 0) {
        fuzz_assert(ngx_ohttp_relay_base64url_decode(data, data + size, out,
                                                     n - 1, padding)
                    == NGX_OHTTP_RELAY_ERROR);
        fuzz_assert(ngx_ohttp_relay_base64url_decode(data, data + size, out,
                                                     n, padding) == len);

        padding = data[size - 1] == '=';

        fuzz_assert(ngx_ohttp_relay_base64url_encode(out, out + n, again,
                                                     padding) == size);
        fuzz_assert(memcmp(again, data, size) == 0);
    }

    free(again);
    free(out);
}


static void
fuzz_bytes(const u_char *data, size_t size, unsigned padding)
{
    size_t   n;
    u_char  *text, *again;

    text = malloc(ngx_ohttp_relay_base64url_size(size) + 1);
    again = malloc(size ? size : 1);
    fuzz_assert(text != NULL && again != NULL);

    n = ngx_ohttp_relay_base64url_encode(data, data + size, text, padding);

    fuzz_assert(n <= ngx_ohttp_relay_base64url_size(size));
    fuzz_assert(!padding || n == ngx_ohttp_relay_base64url_size(size));

    fuzz_assert(ngx_ohttp_relay_base64url_decode(text, text + n, again, size,
                                                 padding)
                == (ssize_t) size);
    fuzz_assert(memcmp(again, data, size) == 0);

    free(again);
    free(text);
}
