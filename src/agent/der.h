
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_DER_H_INCLUDED_
#define _NGX_OHTTP_RELAY_DER_H_INCLUDED_


/* DER (X.690) read in place, one element after the other */


#include "codec.h"


#define NGX_OHTTP_RELAY_DER_INTEGER   0x02
#define NGX_OHTTP_RELAY_DER_OCTETS    0x04
#define NGX_OHTTP_RELAY_DER_OID       0x06
#define NGX_OHTTP_RELAY_DER_SEQUENCE  0x30


/*
 * Reads the element at *p, which must have this tag, of one byte, and a length
 * below 65536 in its shortest form; moves *p behind it.
 *
 * Returns NGX_OHTTP_RELAY_OK with what is in it; NGX_OHTTP_RELAY_ERROR.
 */
int ngx_ohttp_relay_der(const u_char **p, const u_char *last, unsigned tag,
    ngx_ohttp_relay_slice_t *content);

/*
 * The same for an INTEGER from 0 to 65535.
 */
int ngx_ohttp_relay_der_number(const u_char **p, const u_char *last,
    unsigned *n);


#endif /* _NGX_OHTTP_RELAY_DER_H_INCLUDED_ */
