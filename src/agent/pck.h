
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_PCK_H_INCLUDED_
#define _NGX_OHTTP_RELAY_PCK_H_INCLUDED_


/* what Intel says about a platform in the certificate of its PCK */


#include "codec.h"

#include <openssl/x509.h>


#define NGX_OHTTP_RELAY_PCK_COMPONENTS  16


typedef struct {
    unsigned  components[NGX_OHTTP_RELAY_PCK_COMPONENTS];   /* their SVNs */
    unsigned  pcesvn;
    u_char    pceid[2];
    u_char    fmspc[6];
} ngx_ohttp_relay_pck_t;


/*
 * Reads the extension, p..last without the OCTET STRING around it: each of the
 * members above must be there once; others are skipped.
 *
 * Returns NGX_OHTTP_RELAY_OK, or NGX_OHTTP_RELAY_ERROR.
 */
int ngx_ohttp_relay_pck_parse(const u_char *p, const u_char *last,
    ngx_ohttp_relay_pck_t *pck);

/* The same for a certificate, which must have the extension once. */
int ngx_ohttp_relay_pck(X509 *cert, ngx_ohttp_relay_pck_t *pck);


#endif /* _NGX_OHTTP_RELAY_PCK_H_INCLUDED_ */
