
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "binding.h"
#include "nitriding.h"
#include "opengradient.h"

#include <openssl/sha.h>


int
ngx_ohttp_relay_binding_scheme(const char *name,
    ngx_ohttp_relay_bind_e *scheme)
{
    unsigned  i;

    static const char  *names[] = {
        NULL, "nitriding", "opengradient", "near"
    };

    for (i = NGX_OHTTP_RELAY_BIND_NITRIDING; i <= NGX_OHTTP_RELAY_BIND_NEAR;
         i++)
    {
        if (strcmp(name, names[i]) == 0) {
            *scheme = (ngx_ohttp_relay_bind_e) i;
            return 1;
        }
    }

    return 0;
}


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_binding_nitro(const ngx_ohttp_relay_binding_t *binding,
    const ngx_ohttp_relay_nitro_t *nitro, ngx_ohttp_relay_pin_t *pin,
    ngx_ohttp_relay_finding_t *finding)
{
    u_char                           digest[SHA256_DIGEST_LENGTH];
    ngx_ohttp_relay_nitriding_t      nitriding;
    ngx_ohttp_relay_opengradient_t   og;

    if (binding->scheme == NGX_OHTTP_RELAY_BIND_NOTHING) {
        return ngx_ohttp_relay_accepted(finding);
    }

    if (binding->scheme == NGX_OHTTP_RELAY_BIND_NEAR) {
        return ngx_ohttp_relay_refused(finding,
                                       "a document of Nitro binds no quote");
    }

    if (ngx_ohttp_relay_nitriding(&nitro->user_data, &nitriding, finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return finding->answer;
    }

    SHA256(binding->certificate.data, binding->certificate.len, digest);

    if (memcmp(digest, nitriding.tls, sizeof(digest)) != 0) {
        return ngx_ohttp_relay_refused(finding,
                   "the evidence does not name the certificate");
    }

    if (binding->scheme == NGX_OHTTP_RELAY_BIND_OPENGRADIENT) {

        if (ngx_ohttp_relay_opengradient_parse(binding->keys.data,
                                               binding->keys.data
                                               + binding->keys.len, &og,
                                               finding)
            != NGX_OHTTP_RELAY_ACCEPTED
            || ngx_ohttp_relay_opengradient_verify(&og, nitriding.app, finding)
               != NGX_OHTTP_RELAY_ACCEPTED)
        {
            return finding->answer;
        }
    }

    pin->kind = NGX_OHTTP_RELAY_PIN_CERT;
    memcpy(pin->digest, nitriding.tls, sizeof(pin->digest));

    return ngx_ohttp_relay_accepted(finding);
}
