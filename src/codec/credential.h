
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_CREDENTIAL_H_INCLUDED_
#define _NGX_OHTTP_RELAY_CREDENTIAL_H_INCLUDED_


#include "codec.h"


/* the most parameters that one credential may have */
#define NGX_OHTTP_RELAY_CREDENTIAL_PARAMETERS  16


typedef enum {
    NGX_OHTTP_RELAY_CREDENTIAL_OTHER = 0,   /* no scheme of ours, or empty */
    NGX_OHTTP_RELAY_CREDENTIAL_TOKEN,       /* PrivateToken, RFC 9577 */
    NGX_OHTTP_RELAY_CREDENTIAL_BEARER       /* Bearer, RFC 6750 */
} ngx_ohttp_relay_credential_e;


typedef struct {
    ngx_ohttp_relay_credential_e  kind;
    ngx_ohttp_relay_slice_t       value;    /* of length 0 for OTHER */
} ngx_ohttp_relay_credential_t;


/*
 * Reads one field value p..last of Authorization or Proxy-Authorization
 * (RFC 9110, sections 11.4 and 11.6.2).  The scheme is compared without
 * regard to case; one or more SP follow it.
 *
 * PrivateToken (RFC 9577, section 2.2.2): parameters in any order, names in
 * any case, white space around "=" and ",", empty elements of the list.  A
 * value is quoted, or bare with perhaps "=" at its end.  The value is that
 * of the parameter "token" without quotes: still base64url, perhaps padded,
 * perhaps of no length, its alphabet unchecked.  All other parameters are
 * ignored, but they must be well formed.
 *
 * Bearer (RFC 6750, section 2.1): the value is all that follows, its alphabet
 * unchecked.  Whoever reads it, see jws.h, refuses what is no b64token, and
 * whoever has seen the same bytes before need not read them.
 *
 * Returns NGX_OHTTP_RELAY_OK and fills *credential.  Returns
 * NGX_OHTTP_RELAY_ERROR for a scheme of ours with anything else behind it,
 * also for no token, for any parameter that is there twice, for a backslash
 * in the token, and for more than NGX_OHTTP_RELAY_CREDENTIAL_PARAMETERS: then
 * the kind is set, and the value is of length 0.
 */
int ngx_ohttp_relay_credential(const u_char *p, const u_char *last,
    ngx_ohttp_relay_credential_t *credential);


#endif /* _NGX_OHTTP_RELAY_CREDENTIAL_H_INCLUDED_ */
