
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* a pin written back is the input, and the same in both forms */


#include "fuzz.h"
#include "pin.h"


static size_t fuzz_write(const ngx_ohttp_relay_pin_t *pin, const char *between,
    char *out);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                   plain[128], colons[128], *form;
    size_t                 i, len;
    ngx_ohttp_relay_pin_t  pin, again;

    if (ngx_ohttp_relay_pin(data, data + size, &pin) != NGX_OHTTP_RELAY_OK) {
        return 0;
    }

    len = fuzz_write(&pin, "", plain);
    form = plain;

    fuzz_assert(ngx_ohttp_relay_pin((u_char *) plain, (u_char *) plain + len,
                                    &again) == NGX_OHTTP_RELAY_OK);
    fuzz_assert(again.kind == pin.kind);
    fuzz_assert(memcmp(again.digest, pin.digest, sizeof(pin.digest)) == 0);

    if (len != size) {
        len = fuzz_write(&pin, ":", colons);
        form = colons;
    }

    fuzz_assert(len == size);

    for (i = 0; i < size; i++) {
        fuzz_assert(fuzz_lower(data[i]) == (u_char) form[i]);
    }

    return 0;
}


static size_t
fuzz_write(const ngx_ohttp_relay_pin_t *pin, const char *between, char *out)
{
    char    *p;
    size_t   i;

    p = out + sprintf(out, pin->kind == NGX_OHTTP_RELAY_PIN_CERT
                           ? "cert-sha256:" : "spki-sha256:");

    for (i = 0; i < NGX_OHTTP_RELAY_PIN_DIGEST; i++) {
        p += sprintf(p, "%s%02x", i ? between : "", pin->digest[i]);
    }

    return p - out;
}
