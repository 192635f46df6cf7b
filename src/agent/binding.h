
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_BINDING_H_INCLUDED_
#define _NGX_OHTTP_RELAY_BINDING_H_INCLUDED_


/*
 * What ties evidence to a gateway: the certificate of its connections, and the
 * keys that clients seal for.
 */


#include "nitro.h"
#include "pin.h"


typedef enum {
    NGX_OHTTP_RELAY_BIND_NOTHING = 0,
    NGX_OHTTP_RELAY_BIND_NITRIDING,
    NGX_OHTTP_RELAY_BIND_OPENGRADIENT,
    NGX_OHTTP_RELAY_BIND_NEAR               /* of tdx: see near.h */
} ngx_ohttp_relay_bind_e;


typedef struct {
    ngx_ohttp_relay_bind_e    scheme;
    ngx_ohttp_relay_slice_t   certificate;  /* of the connection, DER */
    ngx_ohttp_relay_slice_t   keys;         /* as they were delivered */
} ngx_ohttp_relay_binding_t;


/* Returns 1 and the scheme of a name, 0 if there is none of that name. */
int ngx_ohttp_relay_binding_scheme(const char *name,
    ngx_ohttp_relay_bind_e *scheme);

/*
 * Verifies that a document, which has been accepted, is about this gateway.
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED, with the pin that its connections must
 * have, unless the scheme is to bind nothing; any other answer with a reason.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_binding_nitro(
    const ngx_ohttp_relay_binding_t *binding,
    const ngx_ohttp_relay_nitro_t *nitro, ngx_ohttp_relay_pin_t *pin,
    ngx_ohttp_relay_finding_t *finding);


#endif /* _NGX_OHTTP_RELAY_BINDING_H_INCLUDED_ */
