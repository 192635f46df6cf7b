
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_ACCESS_H_INCLUDED_
#define _NGX_OHTTP_RELAY_ACCESS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "../codec/codec.h"
#include "jwt.h"
#include "secret.h"
#include "token_key.h"


typedef enum {
    NGX_OHTTP_RELAY_ACCESS_GRANTED = 0,
    NGX_OHTTP_RELAY_ACCESS_REQUIRED,    /* there is no credential */
    NGX_OHTTP_RELAY_ACCESS_INVALID,     /* there is none that holds */
    NGX_OHTTP_RELAY_ACCESS_EXPIRED,     /* one that held once */
    NGX_OHTTP_RELAY_ACCESS_AMBIGUOUS,   /* two of the same kind */
    NGX_OHTTP_RELAY_ACCESS_FAILED       /* nobody can tell */
} ngx_ohttp_relay_access_e;


/* all credentials that the configuration knows */

typedef struct {
    ngx_ohttp_relay_secret_t       secret;
    ngx_array_t                    keys;     /* ngx_ohttp_relay_token_key_t * */
    ngx_ohttp_relay_jwt_t          jwt;
} ngx_ohttp_relay_access_t;


/* those that a location accepts: what "ohttp_relay_auth" lists */

typedef struct {
    ngx_array_t                    names;    /* ngx_keyval_t, until resolved */
    ngx_array_t                    keys;     /* ngx_ohttp_relay_token_key_t * */
    ngx_array_t                    issuers;  /* ngx_ohttp_relay_jwt_issuer_t */
                                             /* * */
    u_char                        *file;
    ngx_uint_t                     line;
} ngx_ohttp_relay_auth_t;


/* what a client has sent; slices of its head, valid as long as that is */

typedef struct {
    ngx_ohttp_relay_slice_t        token;
    ngx_ohttp_relay_slice_t        bearer;
    ngx_ohttp_relay_jwt_memo_t    *memo;     /* of its connection, or NULL */
    unsigned                       tokens:2;       /* there were so many */
    unsigned                       bearers:2;
    unsigned                       authorization:1;
    unsigned                       proxy_authorization:1;
    unsigned                       ambiguous:1;
} ngx_ohttp_relay_credentials_t;


/* what a request costs, once it is known who may send it */

typedef enum {
    NGX_OHTTP_RELAY_COST_NOTHING = 0,
    NGX_OHTTP_RELAY_COST_TOKEN,         /* it works once */
    NGX_OHTTP_RELAY_COST_USE,           /* of a token that works more often */
    NGX_OHTTP_RELAY_COST_RATE           /* of a subject */
} ngx_ohttp_relay_cost_e;


/*
 * How a request was let in.  What it costs is named by HMACs under the
 * relay's secret; nothing here leads back to a nonce or a subject.
 */

typedef struct {
    ngx_ohttp_relay_token_key_t   *key;      /* NULL unless it was a token */
    ngx_ohttp_relay_jwt_issuer_t  *issuer;   /* NULL unless it was a JWT */

    ngx_ohttp_relay_cost_e         cost;
    u_char                         name[16];
    u_char                         group[8];
    uint64_t                       epoch;    /* window or day, see store.h */
    time_t                         begins;
    time_t                         expires;
    ngx_uint_t                     uses;
    time_t                         lifetime;
    ngx_ohttp_relay_limit_t        limit;
} ngx_ohttp_relay_admission_t;


/*
 * Prepares an empty set of credentials.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_ohttp_relay_access_create(ngx_pool_t *pool,
    ngx_ohttp_relay_access_t *access);

/*
 * Completes it when the configuration has been read: the secret, the groups
 * of the keys.  Returns NGX_OK, or NGX_ERROR after one logged line.
 */
ngx_int_t ngx_ohttp_relay_access_init(ngx_conf_t *cf,
    ngx_ohttp_relay_access_t *access);

/*
 * The directive "ohttp_relay_auth off | token=NAME... jwt=NAME..."; cmd->offset
 * leads to an ngx_ohttp_relay_auth_t *.  Returns NGX_CONF_OK, an error text,
 * or NGX_CONF_ERROR.
 */
char *ngx_ohttp_relay_auth_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Looks up the names that a location's "ohttp_relay_auth" lists; a second
 * call does nothing.  Returns NGX_OK, or NGX_ERROR after one logged line.
 */
ngx_int_t ngx_ohttp_relay_auth_resolve(ngx_conf_t *cf,
    ngx_ohttp_relay_access_t *access, ngx_ohttp_relay_auth_t *auth);

/*
 * Whether it lists anything at all: 1, or 0 for "off".
 */
ngx_uint_t ngx_ohttp_relay_auth_asks(ngx_ohttp_relay_auth_t *auth);

/*
 * Takes note of a header "Authorization", or with "proxy" not 0 of
 * "Proxy-Authorization", whose value is p..last.
 */
void ngx_ohttp_relay_credentials_note(
    ngx_ohttp_relay_credentials_t *credentials, ngx_uint_t proxy,
    const u_char *p, const u_char *last);

/*
 * Decides whether one of the credentials is one that "auth" lists: a JWT
 * first, so that no token is spent beside one that satisfies.  CPU only:
 * whether a token is spent is the store's matter.
 *
 * Returns NGX_OHTTP_RELAY_ACCESS_GRANTED and fills *admission, or the reason
 * why not.
 */
ngx_ohttp_relay_access_e ngx_ohttp_relay_access_check(
    ngx_ohttp_relay_access_t *access, ngx_ohttp_relay_auth_t *auth,
    ngx_ohttp_relay_credentials_t *credentials,
    ngx_ohttp_relay_admission_t *admission);

/*
 * The same for its token alone, where its JWT does not lead to the gateway.
 */
ngx_ohttp_relay_access_e ngx_ohttp_relay_access_token(
    ngx_ohttp_relay_access_t *access, ngx_ohttp_relay_auth_t *auth,
    ngx_ohttp_relay_credentials_t *credentials,
    ngx_ohttp_relay_admission_t *admission);

/*
 * Whether this plan may use the gateway of this name: 1 or 0.
 */
ngx_uint_t ngx_ohttp_relay_access_admits(
    ngx_ohttp_relay_admission_t *admission, ngx_str_t *gateway);

/*
 * The value of the n-th WWW-Authenticate header that asks for what "auth"
 * lists, from 0 on; NULL if there are no more.  It is valid until the next
 * request.
 */
ngx_str_t *ngx_ohttp_relay_access_challenge(ngx_ohttp_relay_auth_t *auth,
    ngx_uint_t n);


#endif /* _NGX_OHTTP_RELAY_ACCESS_H_INCLUDED_ */
