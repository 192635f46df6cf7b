
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "../conf/conf.h"
#include "gateways.h"
#include "jwt.h"


#define NGX_OHTTP_RELAY_JWT_LEEWAY      30     /* seconds */
#define NGX_OHTTP_RELAY_JWT_MAX_LEEWAY  300

/* of a secret_file, bytes */
#define NGX_OHTTP_RELAY_JWT_MAX_SECRET  4096


static ngx_ohttp_relay_jwt_issuer_t *ngx_ohttp_relay_jwt_issuer_create(
    ngx_conf_t *cf, ngx_str_t *name, ngx_ohttp_relay_jwt_t *jwt);
static void ngx_ohttp_relay_jwt_issuer_free(void *data);
static char *ngx_ohttp_relay_jwt_issuer_check(
    ngx_ohttp_relay_jwt_issuer_t *issuer);
static void ngx_ohttp_relay_jwt_issuer_finish(ngx_conf_t *cf,
    ngx_ohttp_relay_jwt_issuer_t *issuer);
static ngx_int_t ngx_ohttp_relay_jwt_load_secret(ngx_conf_t *cf,
    ngx_ohttp_relay_jwt_issuer_t *issuer);
static ngx_int_t ngx_ohttp_relay_jwt_take(void *data, u_char *p, u_char *last,
    ngx_pool_t *pool, char **error);
static ngx_int_t ngx_ohttp_relay_jwt_set_keys(
    ngx_ohttp_relay_jwt_issuer_t *issuer, ngx_ohttp_relay_jwks_t *keys,
    u_char *p, u_char *last);
static ngx_ohttp_relay_jwt_e ngx_ohttp_relay_jwt_read(
    ngx_ohttp_relay_jwt_issuer_t *issuer, const u_char *p, const u_char *last,
    time_t now, ngx_ohttp_relay_jwt_claims_t *claims);
static ngx_int_t ngx_ohttp_relay_jwt_prepare(
    ngx_ohttp_relay_jwt_issuer_t *issuer);
static ngx_int_t ngx_ohttp_relay_jwt_digest_subject(
    ngx_ohttp_relay_jwt_issuer_t *issuer, char *subject, const u_char *p,
    const u_char *last, u_char out[NGX_OHTTP_RELAY_DIGEST]);


static ngx_command_t  ngx_ohttp_relay_jwt_issuer_commands[] = {

    { ngx_string("jwks"),
      NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      0,
      offsetof(ngx_ohttp_relay_jwt_issuer_t, jwks),
      NULL },

    { ngx_string("secret_file"),
      NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      0,
      offsetof(ngx_ohttp_relay_jwt_issuer_t, secret_file),
      NULL },

    { ngx_string("iss"),
      NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      0,
      offsetof(ngx_ohttp_relay_jwt_issuer_t, iss),
      NULL },

    { ngx_string("aud"),
      NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      0,
      offsetof(ngx_ohttp_relay_jwt_issuer_t, aud),
      NULL },

    { ngx_string("scope"),
      NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      0,
      offsetof(ngx_ohttp_relay_jwt_issuer_t, scope),
      NULL },

    { ngx_string("leeway"),
      NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      0,
      offsetof(ngx_ohttp_relay_jwt_issuer_t, leeway),
      NULL },

    { ngx_string("rate"),
      NGX_CONF_1MORE,
      ngx_ohttp_relay_limit_slot,
      0,
      offsetof(ngx_ohttp_relay_jwt_issuer_t, limit),
      NULL },

    { ngx_string("gateways"),
      NGX_CONF_1MORE,
      ngx_ohttp_relay_gateways_slot,
      0,
      offsetof(ngx_ohttp_relay_jwt_issuer_t, gateways),
      NULL },

      ngx_null_command
};


ngx_int_t
ngx_ohttp_relay_jwt_create(ngx_pool_t *pool, ngx_ohttp_relay_jwt_t *jwt,
    ngx_ohttp_relay_secret_t *secret)
{
    jwt->secret = secret;

    return ngx_array_init(&jwt->issuers, pool, 2,
                          sizeof(ngx_ohttp_relay_jwt_issuer_t *));
}


char *
ngx_ohttp_relay_jwt_issuer_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_ohttp_relay_jwt_t *jwt = (ngx_ohttp_relay_jwt_t *)
                                     ((u_char *) conf + cmd->offset);

    char                          *rv, *error;
    ngx_str_t                     *value;
    ngx_ohttp_relay_jwt_issuer_t  *issuer;

    value = cf->args->elts;

    if (ngx_ohttp_relay_conf_name(cf, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_ohttp_relay_jwt_find(jwt, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate JWT issuer \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    issuer = ngx_ohttp_relay_jwt_issuer_create(cf, &value[1], jwt);
    if (issuer == NULL) {
        return NGX_CONF_ERROR;
    }

    rv = ngx_ohttp_relay_conf_block(cf, ngx_ohttp_relay_jwt_issuer_commands,
                                    issuer);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    error = ngx_ohttp_relay_jwt_issuer_check(issuer);

    if (error) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "JWT issuer \"%V\" %s",
                           &issuer->name, error);
        return NGX_CONF_ERROR;
    }

    ngx_ohttp_relay_jwt_issuer_finish(cf, issuer);

    if (issuer->secret_file.len
        && ngx_ohttp_relay_jwt_load_secret(cf, issuer) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_ohttp_relay_jwt_issuer_t *
ngx_ohttp_relay_jwt_issuer_create(ngx_conf_t *cf, ngx_str_t *name,
    ngx_ohttp_relay_jwt_t *jwt)
{
    ngx_pool_cleanup_t            *cln;
    ngx_ohttp_relay_jwt_issuer_t  *issuer, **slot;

    issuer = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_jwt_issuer_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);
    slot = ngx_array_push(&jwt->issuers);

    if (issuer == NULL || cln == NULL || slot == NULL) {
        return NULL;
    }

    *slot = issuer;

    issuer->name = *name;
    issuer->file = cf->conf_file->file.name.data;
    issuer->line = cf->conf_file->line;
    issuer->jwt = jwt;
    issuer->leeway = NGX_CONF_UNSET;

    cln->handler = ngx_ohttp_relay_jwt_issuer_free;
    cln->data = issuer;

    return issuer;
}


static void
ngx_ohttp_relay_jwt_issuer_free(void *data)
{
    ngx_ohttp_relay_jwt_issuer_t *issuer = data;

    ngx_ohttp_relay_jwks_free(issuer->keys);
    issuer->keys = NULL;
}


static char *
ngx_ohttp_relay_jwt_issuer_check(ngx_ohttp_relay_jwt_issuer_t *issuer)
{
    if (issuer->jwks.len == 0 && issuer->secret_file.len == 0) {
        return "has neither \"jwks\" nor \"secret_file\"";
    }

    if (issuer->jwks.len && issuer->secret_file.len) {
        return "has both \"jwks\" and \"secret_file\"";
    }

    if (issuer->iss.len == 0) {
        return "has no \"iss\"";
    }

    if (issuer->aud.data && issuer->aud.len == 0) {
        return "has an empty \"aud\"";
    }

    if (issuer->scope.data && (issuer->scope.len == 0
                               || ngx_strchr(issuer->scope.data, ' ')))
    {
        return "has a \"scope\" that is not one word";
    }

    if (issuer->leeway > NGX_OHTTP_RELAY_JWT_MAX_LEEWAY) {
        return "has a \"leeway\" of more than 300s";
    }

    return NULL;
}


static void
ngx_ohttp_relay_jwt_issuer_finish(ngx_conf_t *cf,
    ngx_ohttp_relay_jwt_issuer_t *issuer)
{
    ngx_conf_init_value(issuer->leeway, NGX_OHTTP_RELAY_JWT_LEEWAY);

    if (issuer->aud.len == 0) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "JWT issuer \"%V\" has no \"aud\": tokens that it "
                           "gives out for other services are good here",
                           &issuer->name);
    }

    issuer->rules.iss = (char *) issuer->iss.data;
    issuer->rules.aud = issuer->aud.len ? (char *) issuer->aud.data : NULL;
    issuer->rules.scope = issuer->scope.len ? (char *) issuer->scope.data
                                            : NULL;
    issuer->rules.leeway = issuer->leeway;
    issuer->rules.subject = issuer->limit.burst != 0;
}


static ngx_int_t
ngx_ohttp_relay_jwt_load_secret(ngx_conf_t *cf,
    ngx_ohttp_relay_jwt_issuer_t *issuer)
{
    ngx_int_t                rc;
    ngx_str_t                key;
    const char              *error;
    ngx_ohttp_relay_jwks_t  *keys;

    if (ngx_ohttp_relay_conf_read(cf, &issuer->secret_file,
                                  NGX_OHTTP_RELAY_HS256_MIN,
                                  NGX_OHTTP_RELAY_JWT_MAX_SECRET, 1, &key)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    error = "no memory";
    keys = ngx_ohttp_relay_jwks_secret(key.data, key.data + key.len, &error);

    rc = keys ? ngx_ohttp_relay_jwt_set_keys(issuer, keys, key.data,
                                             key.data + key.len)
              : NGX_ERROR;

    /* it goes on in OpenSSL's memory, which is wiped when it is freed */

    ngx_explicit_memzero(key.data, key.len);

    if (rc != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\": %s",
                           &issuer->secret_file, error);
    }

    return rc;
}


ngx_ohttp_relay_jwt_issuer_t *
ngx_ohttp_relay_jwt_find(ngx_ohttp_relay_jwt_t *jwt, ngx_str_t *name)
{
    ngx_uint_t                      i;
    ngx_ohttp_relay_jwt_issuer_t  **issuer;

    issuer = jwt->issuers.elts;

    for (i = 0; i < jwt->issuers.nelts; i++) {
        if (issuer[i]->name.len == name->len
            && ngx_strncmp(issuer[i]->name.data, name->data, name->len) == 0)
        {
            return issuer[i];
        }
    }

    return NULL;
}


ngx_array_t *
ngx_ohttp_relay_jwt_issuers(ngx_ohttp_relay_jwt_t *jwt)
{
    return &jwt->issuers;
}


ngx_int_t
ngx_ohttp_relay_jwt_init(ngx_conf_t *cf, ngx_ohttp_relay_jwt_t *jwt,
    ngx_ohttp_relay_watch_t **watch, size_t cache, void *tag)
{
    ngx_uint_t                      i;
    ngx_ohttp_relay_jwt_issuer_t  **issuer;

    if (jwt->issuers.nelts == 0) {
        return NGX_OK;
    }

    issuer = jwt->issuers.elts;

    for (i = 0; i < jwt->issuers.nelts; i++) {

        if (issuer[i]->jwks.len == 0) {
            continue;
        }

        issuer[i]->watched = ngx_ohttp_relay_watch_add(cf, watch,
                                                   &issuer[i]->jwks,
                                                   NGX_OHTTP_RELAY_JWKS_MAX,
                                                   ngx_ohttp_relay_jwt_take,
                                                   issuer[i]);
        if (issuer[i]->watched == NULL) {
            return NGX_ERROR;
        }
    }

    jwt->cache = ngx_ohttp_relay_jwt_cache_create(cf, cache, tag);

    return jwt->cache ? NGX_OK : NGX_ERROR;
}


/* takes over the content of the file of keys, when the watcher has read it */

static ngx_int_t
ngx_ohttp_relay_jwt_take(void *data, u_char *p, u_char *last, ngx_pool_t *pool,
    char **error)
{
    ngx_ohttp_relay_jwt_issuer_t *issuer = data;

    ngx_ohttp_relay_jwks_t  *keys;

    keys = ngx_ohttp_relay_jwks_read(p, last, (const char **) error);

    if (keys == NULL) {
        return NGX_ERROR;
    }

    return ngx_ohttp_relay_jwt_set_keys(issuer, keys, p, last);
}


static ngx_int_t
ngx_ohttp_relay_jwt_set_keys(ngx_ohttp_relay_jwt_issuer_t *issuer,
    ngx_ohttp_relay_jwks_t *keys, u_char *p, u_char *last)
{
    u_char  digest[NGX_OHTTP_RELAY_DIGEST];

    /*
     * The digest stands for the generation of the keys: it is the same in all
     * workers that have the same keys, before and after a reload.
     */

    if (EVP_Digest(p, last - p, digest, NULL, EVP_sha256(), NULL) != 1) {
        ngx_ohttp_relay_jwks_free(keys);
        return NGX_ERROR;
    }

    ngx_ohttp_relay_jwks_free(issuer->keys);
    issuer->keys = keys;

    ngx_memcpy(issuer->digest, digest, sizeof(digest));
    issuer->ready = 0;

    return NGX_OK;
}


ngx_ohttp_relay_jwt_e
ngx_ohttp_relay_jwt_check(ngx_ohttp_relay_jwt_issuer_t *issuer,
    ngx_ohttp_relay_jwt_memo_t *memo, const u_char *p, const u_char *last,
    ngx_ohttp_relay_jwt_claims_t *claims)
{
    time_t                        now;
    u_char                        key[NGX_OHTTP_RELAY_DIGEST];
    ngx_ohttp_relay_jwt_e         answer;
    ngx_ohttp_relay_jwt_cache_t  *cache;

    if (last - p > NGX_OHTTP_RELAY_JWS_MAX) {
        return NGX_OHTTP_RELAY_JWT_INVALID;
    }

    now = ngx_time();
    cache = issuer->jwt->cache;

    if (ngx_ohttp_relay_jwt_prepare(issuer) != NGX_OK) {
        return NGX_OHTTP_RELAY_JWT_FAILED;
    }

    if (ngx_ohttp_relay_jwt_memo_find(memo, issuer->context, p, last, now,
                                      claims)
        == NGX_OK)
    {
        ngx_ohttp_relay_jwt_cache_hit(cache);
        return NGX_OHTTP_RELAY_JWT_GOOD;
    }

    if (ngx_ohttp_relay_jwt_cache_key(cache, issuer->context, p, last, key)
        != NGX_OK)
    {
        return NGX_OHTTP_RELAY_JWT_FAILED;
    }

    if (ngx_ohttp_relay_jwt_cache_find(cache, key, now, claims) == NGX_OK) {
        ngx_ohttp_relay_jwt_memo_store(memo, issuer->context, p, last, claims);
        return NGX_OHTTP_RELAY_JWT_GOOD;
    }

    answer = ngx_ohttp_relay_jwt_read(issuer, p, last, now, claims);

    if (answer == NGX_OHTTP_RELAY_JWT_GOOD) {
        ngx_ohttp_relay_jwt_cache_store(cache, key, now, claims);
    }

    return answer;
}


/* one that nobody remembers */

static ngx_ohttp_relay_jwt_e
ngx_ohttp_relay_jwt_read(ngx_ohttp_relay_jwt_issuer_t *issuer,
    const u_char *p, const u_char *last, time_t now,
    ngx_ohttp_relay_jwt_claims_t *claims)
{
    ngx_int_t                       rc;
    ngx_ohttp_relay_jwt_e           answer;
    ngx_ohttp_relay_jwt_verified_t  verified;

    answer = ngx_ohttp_relay_jwt_verify(issuer->keys, &issuer->rules, p, last,
                                        now, &verified);

    if (answer != NGX_OHTTP_RELAY_JWT_GOOD) {
        return answer;
    }

    claims->until = ngx_min(verified.exp, now + NGX_OHTTP_RELAY_JWT_CACHE_TIME);

    rc = ngx_ohttp_relay_jwt_digest_subject(issuer, verified.subject, p, last,
                                            claims->subject);

    /* not ngx_free(): it came from malloc() */

    if (verified.subject) {
        ngx_explicit_memzero(verified.subject, ngx_strlen(verified.subject));
        free(verified.subject);
    }

    return rc == NGX_OK ? NGX_OHTTP_RELAY_JWT_GOOD
                        : NGX_OHTTP_RELAY_JWT_FAILED;
}


/* what a remembered token depends on, beside itself: anew with each key set */

static ngx_int_t
ngx_ohttp_relay_jwt_prepare(ngx_ohttp_relay_jwt_issuer_t *issuer)
{
    ngx_str_t  parts[7];

    if (issuer->ready) {
        return NGX_OK;
    }

    ngx_str_set(&parts[0], "JWT context");

    parts[1] = issuer->name;
    parts[2] = issuer->iss;
    parts[3] = issuer->aud;
    parts[4] = issuer->scope;

    parts[5].data = (u_char *) &issuer->rules.leeway;
    parts[5].len = sizeof(issuer->rules.leeway);

    parts[6].data = issuer->digest;
    parts[6].len = sizeof(issuer->digest);

    if (issuer->rules.subject) {
        ngx_str_set(&parts[0], "JWT context with subject");
    }

    if (ngx_ohttp_relay_secret_digest(issuer->jwt->secret, parts, 7,
                                      issuer->context)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    issuer->ready = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_jwt_digest_subject(ngx_ohttp_relay_jwt_issuer_t *issuer,
    char *subject, const u_char *p, const u_char *last,
    u_char out[NGX_OHTTP_RELAY_DIGEST])
{
    ngx_str_t  parts[4];

    parts[1] = issuer->name;
    parts[2] = issuer->iss;

    if (subject) {
        ngx_str_set(&parts[0], "subject");

        parts[3].data = (u_char *) subject;
        parts[3].len = ngx_strlen(subject);

    } else {
        ngx_str_set(&parts[0], "token");

        parts[3].data = (u_char *) p;
        parts[3].len = last - p;
    }

    return ngx_ohttp_relay_secret_digest(issuer->jwt->secret, parts, 4,
                                         out);
}
