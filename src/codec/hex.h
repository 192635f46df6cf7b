
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_HEX_H_INCLUDED_
#define _NGX_OHTTP_RELAY_HEX_H_INCLUDED_


#include "codec.h"


/*
 * Returns the value of one hexadecimal digit of either case (RFC 4648,
 * section 8), 0 to 15; NGX_OHTTP_RELAY_ERROR for any other byte.
 */
int ngx_ohttp_relay_hex_digit(u_char c);

/*
 * Decodes the hexadecimal digits p..last, of either case, into out, which
 * must have room for (last - p) / 2 bytes.
 *
 * Returns NGX_OHTTP_RELAY_OK; NGX_OHTTP_RELAY_ERROR for an odd number of
 * digits or any other byte: then the content of out is undefined.
 */
int ngx_ohttp_relay_hex(const u_char *p, const u_char *last, u_char *out);


#endif /* _NGX_OHTTP_RELAY_HEX_H_INCLUDED_ */
