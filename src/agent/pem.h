
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_PEM_H_INCLUDED_
#define _NGX_OHTTP_RELAY_PEM_H_INCLUDED_


/*
 * Certificates as text (RFC 7468), read strictly: nothing between the blocks,
 * and nothing in them but base64 and line ends, so that no byte of the text
 * can be another one and go unseen.
 */


#include "codec.h"

#include <openssl/x509.h>


/* bytes of DER */
#define NGX_OHTTP_RELAY_PEM_MAX  4096


/*
 * Reads the block at *p, and the line end behind it if there is one, into out;
 * moves *p behind it.
 *
 * Returns the number of bytes; NGX_OHTTP_RELAY_ERROR if there is no such block,
 * or if its content has more than NGX_OHTTP_RELAY_PEM_MAX bytes.
 */
ssize_t ngx_ohttp_relay_pem(const u_char **p, const u_char *last,
    u_char out[NGX_OHTTP_RELAY_PEM_MAX]);

/*
 * Reads n certificates and no more; those read so far are pushed also if there
 * is an error.
 *
 * Returns NGX_OHTTP_RELAY_OK, or NGX_OHTTP_RELAY_ERROR.
 */
int ngx_ohttp_relay_pem_certificates(const u_char *p, const u_char *last,
    int n, STACK_OF(X509) *certificates);


#endif /* _NGX_OHTTP_RELAY_PEM_H_INCLUDED_ */
