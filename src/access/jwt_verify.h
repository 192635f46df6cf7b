
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_JWT_VERIFY_H_INCLUDED_
#define _NGX_OHTTP_RELAY_JWT_VERIFY_H_INCLUDED_


/*
 * Whether a JWT (RFC 7519) is good.  OpenSSL decides about the signature,
 * under the key and the algorithm that the issuer's set pins; libjwt reads
 * the claims of what has been verified before.  Plain C, knows no nginx.
 */


#include "jwks.h"

#include <sys/types.h>


/* the largest and, negated, the smallest time: RFC 7493, section 2.2 */
#define NGX_OHTTP_RELAY_JWT_MAX_TIME  9007199254740991LL


typedef enum {
    NGX_OHTTP_RELAY_JWT_GOOD = 0,
    NGX_OHTTP_RELAY_JWT_INVALID,    /* nobody takes it */
    NGX_OHTTP_RELAY_JWT_EXPIRED,    /* was good */
    NGX_OHTTP_RELAY_JWT_FOREIGN,    /* not of this issuer: perhaps another's */
    NGX_OHTTP_RELAY_JWT_FAILED      /* could not tell: no memory */
} ngx_ohttp_relay_jwt_e;


/* what an issuer's tokens must say; strings end with a NUL */

typedef struct {
    const char              *iss;
    const char              *aud;       /* NULL: any or none */
    const char              *scope;     /* NULL: any or none */
    int64_t                  leeway;    /* seconds, 0 or more */
    unsigned                 subject:1; /* whether there must be a subject */
} ngx_ohttp_relay_jwt_rules_t;


typedef struct {
    int64_t                  exp;       /* seconds since the epoch */
    char                    *subject;   /* "sub", or NULL if there is none */
} ngx_ohttp_relay_jwt_verified_t;


/*
 * Verifies p..last, a JWS in compact form, with the keys of an issuer, and
 * checks its claims at the time "now", in seconds:
 *
 *     iss     the string that the rules have;
 *     aud     has theirs, in a string or an array (RFC 7519, section 4.1.3);
 *     scope   or "scp" has theirs, in a string of words or an array;
 *     exp     an integer; passed no longer ago than the leeway;
 *     nbf     and "iat", if there: an integer no further ahead than that;
 *     sub     if there: a string.
 *
 * Returns NGX_OHTTP_RELAY_JWT_GOOD and fills *verified, whose subject is to
 * be freed with free().  FOREIGN is what this issuer has not signed, for all
 * that can be seen: no key of that name or algorithm, another signature; or
 * signed by it for another "iss", audience or scope.  EXPIRED is said of what
 * is right otherwise.  INVALID is the rest: what is no JWS, or was signed by
 * the issuer and must not be taken.  Nothing is left in OpenSSL's queue of
 * errors.
 */
ngx_ohttp_relay_jwt_e ngx_ohttp_relay_jwt_verify(ngx_ohttp_relay_jwks_t *jwks,
    const ngx_ohttp_relay_jwt_rules_t *rules, const u_char *p,
    const u_char *last, int64_t now, ngx_ohttp_relay_jwt_verified_t *verified);


#endif /* _NGX_OHTTP_RELAY_JWT_VERIFY_H_INCLUDED_ */
