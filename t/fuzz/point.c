
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* no text is a key of both kinds, and 04 in front makes no other point */


#include "fuzz.h"
#include "point.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int     secp256k1, ed25519;
    u_char  prefixed[NGX_OHTTP_RELAY_POINT_PREFIXED];

    secp256k1 = ngx_ohttp_relay_point_secp256k1(data, data + size);
    ed25519 = ngx_ohttp_relay_point_ed25519(data, data + size);

    fuzz_assert(secp256k1 != NGX_OHTTP_RELAY_OK
                || ed25519 != NGX_OHTTP_RELAY_OK);

    if (size == NGX_OHTTP_RELAY_POINT_SECP256K1) {
        prefixed[0] = '0';
        prefixed[1] = '4';
        memcpy(prefixed + 2, data, size);

        fuzz_assert(ngx_ohttp_relay_point_secp256k1(prefixed,
                                                    prefixed + size + 2)
                    == secp256k1);
    }

    return 0;
}
