
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_JWS_H_INCLUDED_
#define _NGX_OHTTP_RELAY_JWS_H_INCLUDED_


#include "codec.h"


/* the longest JWS, bytes */
#define NGX_OHTTP_RELAY_JWS_MAX  8192

/* the longest "kid", bytes of UTF-8 */
#define NGX_OHTTP_RELAY_JOSE_KID_MAX  256


/* base64url without padding; the slices point into the text */

typedef struct {
    ngx_ohttp_relay_slice_t     header;
    ngx_ohttp_relay_slice_t     payload;
    ngx_ohttp_relay_slice_t     signature;
    ngx_ohttp_relay_slice_t     input;      /* of the signature */
} ngx_ohttp_relay_jws_t;


/* 0 is none of them on purpose */

typedef enum {
    NGX_OHTTP_RELAY_JOSE_RS256 = 1,
    NGX_OHTTP_RELAY_JOSE_ES256,
    NGX_OHTTP_RELAY_JOSE_PS256,
    NGX_OHTTP_RELAY_JOSE_EDDSA,
    NGX_OHTTP_RELAY_JOSE_HS256
} ngx_ohttp_relay_jose_e;


typedef struct {
    ngx_ohttp_relay_jose_e      alg;
    unsigned                    has_kid:1;  /* it may be of length 0 */
    size_t                      kid_len;
    u_char                      kid[NGX_OHTTP_RELAY_JOSE_KID_MAX];
} ngx_ohttp_relay_jose_t;


/*
 * Divides p..last, a JWS in compact serialization (RFC 7515, section 7.1):
 * exactly three parts with a dot between them, none of them empty, each of
 * them base64url that decodes without padding (section 2).  What is encoded
 * in them is not looked at.
 *
 * Returns NGX_OHTTP_RELAY_OK and fills *jws; jws->input is the text up to,
 * not including, the second dot.  Returns NGX_OHTTP_RELAY_ERROR for anything
 * else, also for more than NGX_OHTTP_RELAY_JWS_MAX bytes: then the content of
 * *jws is undefined.
 */
int ngx_ohttp_relay_jws(const u_char *p, const u_char *last,
    ngx_ohttp_relay_jws_t *jws);

/*
 * Reads the decoded header p..last of a JWS (RFC 7515, section 4): JSON as
 * ngx_ohttp_relay_json_object() has it, with
 *
 *     alg    one of those above, by its exact name; so never "none";
 *     kid    not there, or a string of at most NGX_OHTTP_RELAY_JOSE_KID_MAX
 *            bytes without NUL;
 *     typ    not there, or "JWT", "at+jwt" or "application/at+jwt" (RFC 9068)
 *            in any case.
 *
 * "crit" and "b64" must not be there: no extension is known here, and none
 * may be passed over (section 4.1.11; RFC 7797).  Keys and certificates that
 * come with the token are ignored as all other members are, for the sender of
 * a forged token would choose them.
 *
 * Returns NGX_OHTTP_RELAY_OK and fills *jose; NGX_OHTTP_RELAY_ERROR for
 * anything else: then the content of *jose is undefined.  That the algorithm
 * is allowed, and is that of the key, is for the caller to see to.
 */
int ngx_ohttp_relay_jose_header(const u_char *p, const u_char *last,
    ngx_ohttp_relay_jose_t *jose);


#endif /* _NGX_OHTTP_RELAY_JWS_H_INCLUDED_ */
