
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_POINT_H_INCLUDED_
#define _NGX_OHTTP_RELAY_POINT_H_INCLUDED_


/*
 * Public keys of clients to which something can be sealed.  Gateways have been
 * seen that answer in clear where their cryptography fails.
 */


#include "codec.h"


/* digits of keys: of 32 bytes, of 64, and of these with 04 in front */

#define NGX_OHTTP_RELAY_POINT_ED25519    64
#define NGX_OHTTP_RELAY_POINT_SECP256K1  128
#define NGX_OHTTP_RELAY_POINT_PREFIXED   130


/*
 * Reads hexadecimal digits p..last, of either case, as a point of secp256k1
 * (SEC 1, section 2.3.4, uncompressed): x and y, perhaps with 04 in front.
 *
 * Returns NGX_OHTTP_RELAY_OK if it is on the curve, which leaves one group
 * whose order is a prime; NGX_OHTTP_RELAY_ERROR if it is not, for any other
 * text, and without memory.
 */
int ngx_ohttp_relay_point_secp256k1(const u_char *p, const u_char *last);

/*
 * Reads 64 hexadecimal digits p..last, of either case, as an Ed25519 key (RFC
 * 8032, section 5.1.2).
 *
 * Returns NGX_OHTTP_RELAY_OK; NGX_OHTTP_RELAY_ERROR for one of a small order,
 * with which no secret can be shared (RFC 7748, section 6.1), and for any other
 * text.  Whether it is on the curve is not asked: to X25519 it makes no
 * difference.
 */
int ngx_ohttp_relay_point_ed25519(const u_char *p, const u_char *last);


#endif /* _NGX_OHTTP_RELAY_POINT_H_INCLUDED_ */
