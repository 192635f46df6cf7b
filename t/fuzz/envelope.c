
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* the header written back is the input; minimum and suite keep their bounds */


#include "fuzz.h"
#include "envelope.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                          rc;
    u_char                      *buf, header[NGX_OHTTP_RELAY_ENVELOPE_HEADER];
    size_t                       min, len, slashes, i;
    ngx_ohttp_relay_envelope_t   e;

    rc = ngx_ohttp_relay_envelope(data, data + size, &e);

    if (size < NGX_OHTTP_RELAY_ENVELOPE_HEADER) {
        fuzz_assert(rc == NGX_OHTTP_RELAY_AGAIN);
        return 0;
    }

    fuzz_assert(rc == NGX_OHTTP_RELAY_OK);

    header[0] = e.key_id;
    header[1] = e.kem >> 8;
    header[2] = e.kem & 0xff;
    header[3] = e.kdf >> 8;
    header[4] = e.kdf & 0xff;
    header[5] = e.aead >> 8;
    header[6] = e.aead & 0xff;

    fuzz_assert(memcmp(header, data, sizeof(header)) == 0);

    min = ngx_ohttp_relay_envelope_min(&e, 0);
    len = ngx_ohttp_relay_envelope_min(&e, 1);

    fuzz_assert(min >= NGX_OHTTP_RELAY_ENVELOPE_HEADER);
    fuzz_assert(len <= NGX_OHTTP_RELAY_ENVELOPE_MIN_MAX);
    fuzz_assert(len == min + (min > NGX_OHTTP_RELAY_ENVELOPE_HEADER));

    buf = malloc(NGX_OHTTP_RELAY_SUITE_MAX);
    fuzz_assert(buf != NULL);

    len = ngx_ohttp_relay_envelope_suite(&e, buf, NGX_OHTTP_RELAY_SUITE_MAX);

    fuzz_assert(len >= sizeof("x/x/x") - 1);
    fuzz_assert(len <= NGX_OHTTP_RELAY_SUITE_MAX);

    for (slashes = 0, i = 0; i < len; i++) {
        slashes += buf[i] == '/';

        fuzz_assert((buf[i] >= 'a' && buf[i] <= 'z')
                    || (buf[i] >= '-' && buf[i] <= '9' && buf[i] != '.'));
    }

    fuzz_assert(slashes == 2);
    fuzz_assert(ngx_ohttp_relay_envelope_suite(&e, buf, len) == len);
    fuzz_assert(ngx_ohttp_relay_envelope_suite(&e, buf, len - 1) == 0);

    free(buf);

    return 0;
}
