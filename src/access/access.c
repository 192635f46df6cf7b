
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "../codec/credential.h"
#include "../conf/conf.h"
#include "access.h"
#include "challenge.h"
#include "gateways.h"
#include "token.h"


#define NGX_OHTTP_RELAY_DAY  (24 * 60 * 60)


static ngx_int_t ngx_ohttp_relay_auth_add(ngx_conf_t *cf,
    ngx_ohttp_relay_auth_t *auth, ngx_str_t *value, size_t prefix);
static ngx_int_t ngx_ohttp_relay_auth_lookup(ngx_conf_t *cf,
    ngx_ohttp_relay_access_t *access, ngx_ohttp_relay_auth_t *auth,
    ngx_keyval_t *credential);
static ngx_ohttp_relay_access_e ngx_ohttp_relay_access_jwt(
    ngx_ohttp_relay_access_t *access, ngx_ohttp_relay_auth_t *auth,
    ngx_ohttp_relay_credentials_t *credentials,
    ngx_ohttp_relay_admission_t *admission);
static ngx_ohttp_relay_access_e ngx_ohttp_relay_access_admit(
    ngx_ohttp_relay_access_t *access, ngx_ohttp_relay_jwt_issuer_t *issuer,
    ngx_ohttp_relay_jwt_claims_t *claims,
    ngx_ohttp_relay_admission_t *admission);


ngx_int_t
ngx_ohttp_relay_access_create(ngx_pool_t *pool,
    ngx_ohttp_relay_access_t *access)
{
    if (ngx_array_init(&access->keys, pool, 4, sizeof(void *)) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_ohttp_relay_jwt_create(pool, &access->jwt, &access->secret);
}


ngx_int_t
ngx_ohttp_relay_access_init(ngx_conf_t *cf, ngx_ohttp_relay_access_t *access)
{
    u_char                         digest[NGX_OHTTP_RELAY_DIGEST];
    ngx_str_t                      parts[6];
    ngx_uint_t                     i;
    ngx_ohttp_relay_token_key_t  **key;

    if (ngx_ohttp_relay_secret_start(cf, &access->secret) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "HMAC-SHA256 is not available in this OpenSSL");
        return NGX_ERROR;
    }

    key = access->keys.elts;

    for (i = 0; i < access->keys.nelts; i++) {

        ngx_str_set(&parts[0], "token key");
        parts[1].data = key[i]->id;
        parts[1].len = NGX_OHTTP_RELAY_KEY_ID;

        /* plans of one key have different challenges, and ends of their own */

        parts[2] = key[i]->issuer;
        parts[3] = key[i]->origin;
        parts[4] = key[i]->context;
        parts[5].data = (u_char *) &key[i]->window;
        parts[5].len = sizeof(time_t);

        if (ngx_ohttp_relay_secret_digest(&access->secret, parts, 6, digest)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_memcpy(key[i]->group, digest, sizeof(key[i]->group));
    }

    return NGX_OK;
}


char *
ngx_ohttp_relay_auth_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ohttp_relay_auth_t **slot = (ngx_ohttp_relay_auth_t **)
                                        ((u_char *) conf + cmd->offset);

    size_t                   prefix;
    ngx_str_t               *value;
    ngx_uint_t               i;
    ngx_ohttp_relay_auth_t  *auth;

    if (*slot != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    auth = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_auth_t));

    if (auth == NULL
        || ngx_array_init(&auth->names, cf->pool, 2, sizeof(ngx_keyval_t))
           != NGX_OK
        || ngx_array_init(&auth->keys, cf->pool, 2, sizeof(void *)) != NGX_OK
        || ngx_array_init(&auth->issuers, cf->pool, 2, sizeof(void *))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    *slot = auth;

    auth->file = cf->conf_file->file.name.data;
    auth->line = cf->conf_file->line;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "token=", 6) == 0) {
            prefix = 6;

        } else if (ngx_strncmp(value[i].data, "jwt=", 4) == 0) {
            prefix = 4;

        } else {
            return "takes \"off\", or \"token=NAME\" and \"jwt=NAME\"";
        }

        if (ngx_ohttp_relay_auth_add(cf, auth, &value[i], prefix) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_ohttp_relay_auth_add(ngx_conf_t *cf, ngx_ohttp_relay_auth_t *auth,
    ngx_str_t *value, size_t prefix)
{
    ngx_str_t      name;
    ngx_uint_t     i;
    ngx_keyval_t  *credential;

    name.data = value->data + prefix;
    name.len = value->len - prefix;

    credential = auth->names.elts;

    for (i = 0; i < auth->names.nelts; i++) {

        if (credential[i].key.len == prefix - 1
            && ngx_ohttp_relay_conf_equal(&credential[i].value, &name))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"ohttp_relay_auth\" directive names \"%V\" "
                               "twice", value);
            return NGX_ERROR;
        }
    }

    credential = ngx_array_push(&auth->names);
    if (credential == NULL) {
        return NGX_ERROR;
    }

    credential->key.data = value->data;
    credential->key.len = prefix - 1;
    credential->value = name;

    return NGX_OK;
}


ngx_int_t
ngx_ohttp_relay_auth_resolve(ngx_conf_t *cf, ngx_ohttp_relay_access_t *access,
    ngx_ohttp_relay_auth_t *auth)
{
    ngx_uint_t     i;
    ngx_keyval_t  *credential;

    credential = auth->names.elts;

    for (i = 0; i < auth->names.nelts; i++) {
        if (ngx_ohttp_relay_auth_lookup(cf, access, auth, &credential[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    auth->names.nelts = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_auth_lookup(ngx_conf_t *cf, ngx_ohttp_relay_access_t *access,
    ngx_ohttp_relay_auth_t *auth, ngx_keyval_t *credential)
{
    void         *found, **slot;
    ngx_uint_t    i;
    ngx_array_t  *list;

    found = NULL;

    if (credential->key.data[0] == 't') {
        list = &auth->keys;
        slot = access->keys.elts;

        for (i = 0; i < access->keys.nelts; i++) {
            if (ngx_ohttp_relay_conf_equal(&credential->value,
                       &((ngx_ohttp_relay_token_key_t *) slot[i])->name))
            {
                found = slot[i];
            }
        }

    } else {
        list = &auth->issuers;
        found = ngx_ohttp_relay_jwt_find(&access->jwt, &credential->value);
    }

    if (found == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "ohttp_relay_auth names \"%V=%V\", which is not "
                      "configured, in %s:%ui", &credential->key,
                      &credential->value, auth->file, auth->line);
        return NGX_ERROR;
    }

    slot = ngx_array_push(list);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    *slot = found;

    return NGX_OK;
}


ngx_uint_t
ngx_ohttp_relay_auth_asks(ngx_ohttp_relay_auth_t *auth)
{
    return auth && (auth->keys.nelts || auth->issuers.nelts);
}


void
ngx_ohttp_relay_credentials_note(ngx_ohttp_relay_credentials_t *credentials,
    ngx_uint_t proxy, const u_char *p, const u_char *last)
{
    ngx_ohttp_relay_credential_t  credential;

    if (proxy) {
        credentials->ambiguous |= credentials->proxy_authorization;
        credentials->proxy_authorization = 1;

    } else {
        credentials->ambiguous |= credentials->authorization;
        credentials->authorization = 1;
    }

    if (ngx_ohttp_relay_credential(p, last, &credential)
        != NGX_OHTTP_RELAY_OK)
    {
        /* it counts as one, and as one that cannot hold */
        ngx_memzero(&credential.value, sizeof(ngx_ohttp_relay_slice_t));
    }

    switch (credential.kind) {

    case NGX_OHTTP_RELAY_CREDENTIAL_TOKEN:
        credentials->ambiguous |= credentials->tokens;
        credentials->tokens = 1;
        credentials->token = credential.value;
        break;

    case NGX_OHTTP_RELAY_CREDENTIAL_BEARER:
        credentials->ambiguous |= credentials->bearers;
        credentials->bearers = 1;
        credentials->bearer = credential.value;
        break;

    default:
        break;
    }
}


ngx_ohttp_relay_access_e
ngx_ohttp_relay_access_check(ngx_ohttp_relay_access_t *access,
    ngx_ohttp_relay_auth_t *auth, ngx_ohttp_relay_credentials_t *credentials,
    ngx_ohttp_relay_admission_t *admission)
{
    ngx_ohttp_relay_access_e  jwt, token;

    if (credentials->ambiguous) {
        return NGX_OHTTP_RELAY_ACCESS_AMBIGUOUS;
    }

    jwt = ngx_ohttp_relay_access_jwt(access, auth, credentials, admission);

    if (jwt == NGX_OHTTP_RELAY_ACCESS_GRANTED
        || jwt == NGX_OHTTP_RELAY_ACCESS_FAILED)
    {
        return jwt;
    }

    token = ngx_ohttp_relay_access_token(access, auth, credentials, admission);

    if (token == NGX_OHTTP_RELAY_ACCESS_GRANTED) {
        return token;
    }

    /* they are in order: what can be said about the better of the two */

    return ngx_max(jwt, token);
}


static ngx_ohttp_relay_access_e
ngx_ohttp_relay_access_jwt(ngx_ohttp_relay_access_t *access,
    ngx_ohttp_relay_auth_t *auth, ngx_ohttp_relay_credentials_t *credentials,
    ngx_ohttp_relay_admission_t *admission)
{
    ngx_uint_t                      i;
    const u_char                   *p;
    ngx_ohttp_relay_jwt_e           rc;
    ngx_ohttp_relay_access_e        found;
    ngx_ohttp_relay_jwt_claims_t    claims;
    ngx_ohttp_relay_jwt_issuer_t  **issuer;

    if (!credentials->bearers || auth->issuers.nelts == 0) {
        return NGX_OHTTP_RELAY_ACCESS_REQUIRED;
    }

    found = NGX_OHTTP_RELAY_ACCESS_INVALID;

    p = credentials->bearer.data;
    issuer = auth->issuers.elts;

    for (i = 0; i < auth->issuers.nelts; i++) {

        rc = ngx_ohttp_relay_jwt_check(issuer[i], credentials->memo, p,
                                       p + credentials->bearer.len, &claims);

        if (rc == NGX_OHTTP_RELAY_JWT_GOOD) {
            return ngx_ohttp_relay_access_admit(access, issuer[i], &claims,
                                                admission);
        }

        if (rc == NGX_OHTTP_RELAY_JWT_FAILED) {
            return NGX_OHTTP_RELAY_ACCESS_FAILED;
        }

        if (rc == NGX_OHTTP_RELAY_JWT_EXPIRED) {
            found = NGX_OHTTP_RELAY_ACCESS_EXPIRED;
        }
    }

    return found;
}


/* a subject has another name each day */

static ngx_ohttp_relay_access_e
ngx_ohttp_relay_access_admit(ngx_ohttp_relay_access_t *access,
    ngx_ohttp_relay_jwt_issuer_t *issuer, ngx_ohttp_relay_jwt_claims_t *claims,
    ngx_ohttp_relay_admission_t *admission)
{
    u_char      digest[NGX_OHTTP_RELAY_DIGEST];
    ngx_str_t   parts[3];

    admission->issuer = issuer;

    if (issuer->limit.burst == 0) {
        return NGX_OHTTP_RELAY_ACCESS_GRANTED;
    }

    admission->cost = NGX_OHTTP_RELAY_COST_RATE;
    admission->epoch = ngx_time() / NGX_OHTTP_RELAY_DAY;
    admission->begins = admission->epoch * NGX_OHTTP_RELAY_DAY;
    admission->expires = admission->begins + NGX_OHTTP_RELAY_DAY;
    admission->limit = issuer->limit;

    ngx_str_set(&parts[0], "rate");
    parts[1].data = (u_char *) &admission->epoch;
    parts[1].len = sizeof(uint64_t);
    parts[2].data = claims->subject;
    parts[2].len = sizeof(claims->subject);

    if (ngx_ohttp_relay_secret_digest(&access->secret, parts, 3, digest)
        != NGX_OK)
    {
        return NGX_OHTTP_RELAY_ACCESS_FAILED;
    }

    ngx_memcpy(admission->name, digest, sizeof(admission->name));

    return NGX_OHTTP_RELAY_ACCESS_GRANTED;
}


ngx_ohttp_relay_access_e
ngx_ohttp_relay_access_token(ngx_ohttp_relay_access_t *access,
    ngx_ohttp_relay_auth_t *auth, ngx_ohttp_relay_credentials_t *credentials,
    ngx_ohttp_relay_admission_t *admission)
{
    const u_char  *p;

    ngx_memzero(admission, sizeof(ngx_ohttp_relay_admission_t));

    if (!credentials->tokens || auth->keys.nelts == 0) {
        return NGX_OHTTP_RELAY_ACCESS_REQUIRED;
    }

    p = credentials->token.data;

    /* a header of this scheme that cannot be read is not a missing one */

    if (p == NULL) {
        return NGX_OHTTP_RELAY_ACCESS_INVALID;
    }

    return ngx_ohttp_relay_token_check(&access->secret, auth->keys.elts,
                                       auth->keys.nelts, p,
                                       p + credentials->token.len, admission);
}


ngx_uint_t
ngx_ohttp_relay_access_admits(ngx_ohttp_relay_admission_t *admission,
    ngx_str_t *gateway)
{
    return ngx_ohttp_relay_gateways_admit(admission->key
                                          ? admission->key->gateways
                                          : admission->issuer->gateways,
                                          gateway);
}


ngx_str_t *
ngx_ohttp_relay_access_challenge(ngx_ohttp_relay_auth_t *auth, ngx_uint_t n)
{
    ngx_ohttp_relay_token_key_t  **key;

    static ngx_str_t  bearer = ngx_string("Bearer");

    key = auth->keys.elts;

    if (n < auth->keys.nelts) {
        return ngx_ohttp_relay_challenge_header(key[n]);
    }

    return (n == auth->keys.nelts && auth->issuers.nelts) ? &bearer : NULL;
}
