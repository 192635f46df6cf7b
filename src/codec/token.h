
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_TOKEN_H_INCLUDED_
#define _NGX_OHTTP_RELAY_TOKEN_H_INCLUDED_


/* tokens and challenges of type 0x0002, blind RSA of 2048 bits, RFC 9578 */


#include "codec.h"


/* there is something, but no token that could be of use here */
#define NGX_OHTTP_RELAY_NONE                   2

#define NGX_OHTTP_RELAY_TOKEN_TYPE             0x0002

/* bytes */
#define NGX_OHTTP_RELAY_TOKEN_SIZE             354
#define NGX_OHTTP_RELAY_TOKEN_SIGNED           98     /* the first ones */
#define NGX_OHTTP_RELAY_TOKEN_NONCE            32
#define NGX_OHTTP_RELAY_TOKEN_DIGEST           32     /* SHA-256 */
#define NGX_OHTTP_RELAY_TOKEN_KEY_ID           32     /* SHA-256 */
#define NGX_OHTTP_RELAY_TOKEN_AUTHENTICATOR    256

/* base64url characters; 354 is a multiple of 3, so there is no padding */
#define NGX_OHTTP_RELAY_TOKEN_TEXT             472

/* bytes of a redemption context, if there is one */
#define NGX_OHTTP_RELAY_CHALLENGE_CONTEXT      32

/* how long a challenge can become, bytes */
#define ngx_ohttp_relay_challenge_size(issuer_len, origin_len)               \
    (2 + 2 + (issuer_len) + 1 + NGX_OHTTP_RELAY_CHALLENGE_CONTEXT            \
     + 2 + (origin_len))


/* what has no length here has the one of the constant of its name */

typedef struct {
    uint16_t                 type;
    const u_char            *nonce;
    const u_char            *challenge_digest;
    const u_char            *key_id;
    const u_char            *authenticator;
    ngx_ohttp_relay_slice_t  input;     /* of the signature */
} ngx_ohttp_relay_token_t;


/*
 * Decodes the base64url text p..last, padded or not, as a token (RFC 9577,
 * section 2.2, with RFC 9578, section 6.3) into out; the pointers of *token
 * go into out, not into the text.  No signature is verified here.
 *
 * Returns
 *
 *     NGX_OHTTP_RELAY_OK     *token is filled;
 *     NGX_OHTTP_RELAY_NONE   no usable token: of another length, which is
 *                            seen before anything is decoded, or of another
 *                            type, as grease is;
 *     NGX_OHTTP_RELAY_ERROR  the right length, but no base64url.
 *
 * Unless it is NGX_OHTTP_RELAY_OK the contents of out and of *token are
 * undefined.
 */
int ngx_ohttp_relay_token_decode(const u_char *p, const u_char *last,
    u_char out[NGX_OHTTP_RELAY_TOKEN_SIZE], ngx_ohttp_relay_token_t *token);

/*
 * Writes a TokenChallenge (RFC 9577, section 2.1) of type 0x0002 into out of
 * size bytes: the issuer's name of 1 to 65535 bytes, a redemption context of
 * 0 or 32 bytes, the origins' names of 0 to 65535 bytes.  Names are written
 * as they are; the functions below tell whether they are right.
 *
 * Returns the number of bytes written; 0, with out unchanged, for a length
 * that cannot be and if they do not fit.
 */
size_t ngx_ohttp_relay_challenge_write(const ngx_ohttp_relay_slice_t *issuer,
    const ngx_ohttp_relay_slice_t *context,
    const ngx_ohttp_relay_slice_t *origin, u_char *out, size_t size);

/*
 * Returns NGX_OHTTP_RELAY_OK if p..last can be an issuer_name (RFC 9577,
 * section 2.1): one host[:port] as ngx_ohttp_relay_host() reads it, in any
 * case; NGX_OHTTP_RELAY_ERROR if not.
 */
int ngx_ohttp_relay_challenge_issuer(const u_char *p, const u_char *last);

/*
 * Returns NGX_OHTTP_RELAY_OK if p..last can be an origin_info (RFC 9577,
 * section 2.1): empty, or host[:port] once or several times with one comma
 * between, of at most 65535 bytes; NGX_OHTTP_RELAY_ERROR if not.
 */
int ngx_ohttp_relay_challenge_origin(const u_char *p, const u_char *last);


#endif /* _NGX_OHTTP_RELAY_TOKEN_H_INCLUDED_ */
