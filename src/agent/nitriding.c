
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "nitriding.h"


/* code and length of a multihash of SHA-256, and both of them */
#define NGX_OHTTP_RELAY_MULTIHASH       "\x12\x20"
#define NGX_OHTTP_RELAY_MULTIHASH_LEN   2
#define NGX_OHTTP_RELAY_NITRIDING_LEN                                        \
    (2 * (NGX_OHTTP_RELAY_MULTIHASH_LEN + NGX_OHTTP_RELAY_NITRIDING_HASH))


static int ngx_ohttp_relay_nitriding_hash(const u_char *p, u_char *out);


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_nitriding(const ngx_ohttp_relay_slice_t *user_data,
    ngx_ohttp_relay_nitriding_t *nitriding, ngx_ohttp_relay_finding_t *finding)
{
    const u_char  *p;

    p = user_data->data;

    if (p == NULL || user_data->len != NGX_OHTTP_RELAY_NITRIDING_LEN) {
        return ngx_ohttp_relay_refused(finding,
                                       "user_data is not that of nitriding");
    }

    if (ngx_ohttp_relay_nitriding_hash(p, nitriding->tls)
        != NGX_OHTTP_RELAY_OK)
    {
        return ngx_ohttp_relay_refused(finding,
                                    "user_data has no hash of a certificate");
    }

    p += NGX_OHTTP_RELAY_NITRIDING_LEN / 2;

    if (ngx_ohttp_relay_nitriding_hash(p, nitriding->app)
        != NGX_OHTTP_RELAY_OK)
    {
        return ngx_ohttp_relay_refused(finding,
                                "user_data has no hash of the application");
    }

    return ngx_ohttp_relay_accepted(finding);
}


static int
ngx_ohttp_relay_nitriding_hash(const u_char *p, u_char *out)
{
    if (memcmp(p, NGX_OHTTP_RELAY_MULTIHASH, NGX_OHTTP_RELAY_MULTIHASH_LEN)
        != 0)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    p += NGX_OHTTP_RELAY_MULTIHASH_LEN;

    memcpy(out, p, NGX_OHTTP_RELAY_NITRIDING_HASH);

    return ngx_ohttp_relay_all_zero(p, NGX_OHTTP_RELAY_NITRIDING_HASH)
           ? NGX_OHTTP_RELAY_ERROR : NGX_OHTTP_RELAY_OK;
}
