
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "jwt_claims.h"
#include "../codec/json.h"

#include <errno.h>
#include <jwt.h>
#include <stdlib.h>


static int ngx_ohttp_relay_jwt_parse_without_verifying(
    const ngx_ohttp_relay_slice_t *payload, jwt_t **jwt);
static ngx_ohttp_relay_jwt_e ngx_ohttp_relay_jwt_check_whose(jwt_t *jwt,
    const ngx_ohttp_relay_jwt_rules_t *rules);
static int ngx_ohttp_relay_jwt_claim_has(jwt_t *jwt, const char *name,
    const char *wanted, unsigned words);
static int ngx_ohttp_relay_jwt_words_have(const char *words,
    const char *wanted);
static int ngx_ohttp_relay_jwt_list_has(jwt_t *jwt, const char *name,
    const char *wanted);
static ngx_ohttp_relay_jwt_e ngx_ohttp_relay_jwt_check_times(jwt_t *jwt,
    const ngx_ohttp_relay_slice_t *json, int64_t leeway, int64_t now,
    int64_t *exp);
static int ngx_ohttp_relay_jwt_read_time(jwt_t *jwt,
    const ngx_ohttp_relay_slice_t *json, const char *name, int64_t *time);
static ngx_ohttp_relay_jwt_e ngx_ohttp_relay_jwt_read_subject(jwt_t *jwt,
    const ngx_ohttp_relay_slice_t *json, unsigned required, char **subject);


ngx_ohttp_relay_jwt_e
ngx_ohttp_relay_jwt_check_claims(const ngx_ohttp_relay_jwt_rules_t *rules,
    const ngx_ohttp_relay_slice_t *text, const ngx_ohttp_relay_slice_t *json,
    int64_t now, ngx_ohttp_relay_jwt_verified_t *verified)
{
    int                    err;
    jwt_t                 *jwt;
    ngx_ohttp_relay_jwt_e  rc;

    /* libjwt takes arrays as well, and of names that are twice the last */

    if (ngx_ohttp_relay_json_object(json->data, json->data + json->len)
        != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_JWT_INVALID;
    }

    err = ngx_ohttp_relay_jwt_parse_without_verifying(text, &jwt);

    if (err) {
        return err == ENOMEM ? NGX_OHTTP_RELAY_JWT_FAILED
                             : NGX_OHTTP_RELAY_JWT_INVALID;
    }

    rc = ngx_ohttp_relay_jwt_check_whose(jwt, rules);

    if (rc == NGX_OHTTP_RELAY_JWT_GOOD) {
        rc = ngx_ohttp_relay_jwt_check_times(jwt, json, rules->leeway, now,
                                             &verified->exp);
    }

    if (rc == NGX_OHTTP_RELAY_JWT_GOOD) {
        rc = ngx_ohttp_relay_jwt_read_subject(jwt, json, rules->subject,
                                              &verified->subject);
    }

    jwt_free(jwt);

    return rc;
}


/*
 * The one form in which every libjwt from 1.10 on reads any payload: a header
 * of no algorithm, the payload, no signature, no key.  It verifies nothing;
 * it is for a payload whose signature has been verified, and for no other.
 * Returns 0 or the error number.
 */

static int
ngx_ohttp_relay_jwt_parse_without_verifying(
    const ngx_ohttp_relay_slice_t *payload, jwt_t **jwt)
{
    char  *p;

    static const char  header[] = "eyJhbGciOiJub25lIn0.";  /* alg none */

    char  text[sizeof(header) + NGX_OHTTP_RELAY_JWS_MAX + sizeof(".")];

    if (payload->len > NGX_OHTTP_RELAY_JWS_MAX) {
        return EINVAL;
    }

    p = text;

    memcpy(p, header, sizeof(header) - 1);
    p += sizeof(header) - 1;

    memcpy(p, payload->data, payload->len);
    p += payload->len;

    memcpy(p, ".", sizeof("."));

    return jwt_decode(jwt, text, NULL, 0);
}


static ngx_ohttp_relay_jwt_e
ngx_ohttp_relay_jwt_check_whose(jwt_t *jwt,
    const ngx_ohttp_relay_jwt_rules_t *rules)
{
    int          rc;
    const char  *iss;

    iss = jwt_get_grant(jwt, "iss");

    if (iss == NULL || strcmp(iss, rules->iss) != 0) {
        return NGX_OHTTP_RELAY_JWT_FOREIGN;
    }

    if (rules->aud) {
        rc = ngx_ohttp_relay_jwt_claim_has(jwt, "aud", rules->aud, 0);

        if (rc != NGX_OHTTP_RELAY_OK) {
            return rc == NGX_OHTTP_RELAY_AGAIN ? NGX_OHTTP_RELAY_JWT_FAILED
                                               : NGX_OHTTP_RELAY_JWT_FOREIGN;
        }
    }

    if (rules->scope == NULL) {
        return NGX_OHTTP_RELAY_JWT_GOOD;
    }

    /* RFC 8693, section 4.2; "scp" is what some issuers call it */

    rc = ngx_ohttp_relay_jwt_claim_has(jwt, "scope", rules->scope, 1);

    if (rc == NGX_OHTTP_RELAY_ERROR) {
        rc = ngx_ohttp_relay_jwt_claim_has(jwt, "scp", rules->scope, 1);
    }

    if (rc != NGX_OHTTP_RELAY_OK) {
        return rc == NGX_OHTTP_RELAY_AGAIN ? NGX_OHTTP_RELAY_JWT_FAILED
                                           : NGX_OHTTP_RELAY_JWT_FOREIGN;
    }

    return NGX_OHTTP_RELAY_JWT_GOOD;
}


/* whether a string is it or has the word, or an array has the string */

static int
ngx_ohttp_relay_jwt_claim_has(jwt_t *jwt, const char *name, const char *wanted,
    unsigned words)
{
    int          rc;
    const char  *value;

    value = jwt_get_grant(jwt, name);

    if (value == NULL) {
        return ngx_ohttp_relay_jwt_list_has(jwt, name, wanted);
    }

    rc = words ? ngx_ohttp_relay_jwt_words_have(value, wanted)
               : strcmp(value, wanted) == 0;

    return rc ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}


static int
ngx_ohttp_relay_jwt_words_have(const char *words, const char *wanted)
{
    size_t  len, n;

    len = strlen(wanted);

    for ( ;; ) {
        n = strcspn(words, " ");

        if (n == len && memcmp(words, wanted, len) == 0) {
            return 1;
        }

        if (words[n] == '\0') {
            return 0;
        }

        words += n + 1;
    }
}


static int
ngx_ohttp_relay_jwt_list_has(jwt_t *jwt, const char *name, const char *wanted)
{
    int                              rc;
    char                            *text;
    ngx_ohttp_relay_slice_t          slice;
    ngx_ohttp_relay_json_value_t     value;
    ngx_ohttp_relay_json_iterator_t  it;

    errno = 0;
    text = jwt_get_grants_json(jwt, name);

    if (text == NULL) {
        return errno == ENOMEM ? NGX_OHTTP_RELAY_AGAIN : NGX_OHTTP_RELAY_ERROR;
    }

    slice.data = (const u_char *) text;
    slice.len = strlen(text);

    rc = NGX_OHTTP_RELAY_ERROR;

    if (text[0] == '['
        && ngx_ohttp_relay_json_begin(&slice, &it) == NGX_OHTTP_RELAY_OK)
    {
        while (ngx_ohttp_relay_json_next(&it, &value) == NGX_OHTTP_RELAY_OK) {

            if (ngx_ohttp_relay_json_string_equal(&value, wanted)) {
                rc = NGX_OHTTP_RELAY_OK;
                break;
            }
        }
    }

    free(text);

    return rc;
}


static ngx_ohttp_relay_jwt_e
ngx_ohttp_relay_jwt_check_times(jwt_t *jwt,
    const ngx_ohttp_relay_slice_t *json, int64_t leeway, int64_t now,
    int64_t *exp)
{
    int          rc;
    int64_t      time;
    unsigned     i;

    static const char  *begins[] = { "nbf", "iat" };

    if (ngx_ohttp_relay_jwt_read_time(jwt, json, "exp", exp)
        != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_JWT_INVALID;
    }

    for (i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {

        rc = ngx_ohttp_relay_jwt_read_time(jwt, json, begins[i], &time);

        if (rc == NGX_OHTTP_RELAY_ERROR
            || (rc == NGX_OHTTP_RELAY_OK && time > now + leeway))
        {
            return NGX_OHTTP_RELAY_JWT_INVALID;
        }
    }

    /* RFC 7519, section 4.1.4: "on or after" it is too late */

    return now - leeway >= *exp ? NGX_OHTTP_RELAY_JWT_EXPIRED
                                : NGX_OHTTP_RELAY_JWT_GOOD;
}


/*
 * libjwt reads any number, and 0 if there is none: the type is looked up
 * here.  NGX_OHTTP_RELAY_DONE: there is no such claim.
 */

static int
ngx_ohttp_relay_jwt_read_time(jwt_t *jwt, const ngx_ohttp_relay_slice_t *json,
    const char *name, int64_t *time)
{
    int                           rc;
    ngx_ohttp_relay_json_value_t  value;

    rc = ngx_ohttp_relay_json_member(json, name, &value);

    if (rc != NGX_OHTTP_RELAY_OK) {
        return rc;
    }

    if (ngx_ohttp_relay_json_integer(&value, time) != NGX_OHTTP_RELAY_OK
        || *time > NGX_OHTTP_RELAY_JWT_MAX_TIME
        || *time < -NGX_OHTTP_RELAY_JWT_MAX_TIME
        || *time != jwt_get_grant_int(jwt, name))
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return NGX_OHTTP_RELAY_OK;
}


static ngx_ohttp_relay_jwt_e
ngx_ohttp_relay_jwt_read_subject(jwt_t *jwt,
    const ngx_ohttp_relay_slice_t *json, unsigned required, char **subject)
{
    int                            rc;
    const char                    *sub;
    ngx_ohttp_relay_json_value_t   value;

    *subject = NULL;

    rc = ngx_ohttp_relay_json_member(json, "sub", &value);

    if (rc == NGX_OHTTP_RELAY_DONE) {
        return required ? NGX_OHTTP_RELAY_JWT_INVALID
                        : NGX_OHTTP_RELAY_JWT_GOOD;
    }

    sub = jwt_get_grant(jwt, "sub");

    /* all who have an empty one would share a rate */

    if (rc != NGX_OHTTP_RELAY_OK || sub == NULL
        || (required && sub[0] == '\0'))
    {
        return NGX_OHTTP_RELAY_JWT_INVALID;
    }

    *subject = strdup(sub);

    return *subject ? NGX_OHTTP_RELAY_JWT_GOOD : NGX_OHTTP_RELAY_JWT_FAILED;
}
