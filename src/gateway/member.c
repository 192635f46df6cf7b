
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../conf/conf.h"
#include "member.h"
#include "opaque.h"
#include "select.h"


static ngx_int_t ngx_ohttp_relay_member_join(ngx_conf_t *cf,
    ngx_ohttp_relay_roster_t *roster, ngx_ohttp_relay_gateway_t *gateway);
static char *ngx_ohttp_relay_member_wrong(ngx_ohttp_relay_pool_t *pool,
    ngx_ohttp_relay_gateway_t *gateway);
static ngx_uint_t ngx_ohttp_relay_member_is_fallback(
    ngx_ohttp_relay_pool_t *pool, ngx_ohttp_relay_gateway_t *gateway);
static ngx_int_t ngx_ohttp_relay_member_add(ngx_ohttp_relay_pool_t *pool,
    ngx_ohttp_relay_gateway_t *gateway);
static ngx_int_t ngx_ohttp_relay_member_push(ngx_ohttp_relay_pool_t *pool,
    ngx_ohttp_relay_gateway_t *gateway, ngx_str_t *key);
static ngx_int_t ngx_ohttp_relay_member_group(ngx_conf_t *cf,
    ngx_ohttp_relay_pool_t *pool);
static int ngx_libc_cdecl ngx_ohttp_relay_member_compare(const void *one,
    const void *two);
static ngx_int_t ngx_ohttp_relay_member_check(ngx_conf_t *cf,
    ngx_ohttp_relay_pool_t *pool, ngx_ohttp_relay_gateway_t *first,
    ngx_ohttp_relay_gateway_t *gateway);
static ngx_int_t ngx_ohttp_relay_member_check_keyed(ngx_conf_t *cf,
    ngx_ohttp_relay_pool_t *pool);
static char *ngx_ohttp_relay_member_fallback(ngx_ohttp_relay_roster_t *roster,
    ngx_ohttp_relay_pool_t *pool);


ngx_int_t
ngx_ohttp_relay_members_init(ngx_conf_t *cf, ngx_ohttp_relay_roster_t *roster)
{
    char                        *wrong;
    ngx_uint_t                   i;
    ngx_ohttp_relay_pool_t     **pool;
    ngx_ohttp_relay_gateway_t  **gateway;

    pool = roster->pools.elts;

    for (i = 0; i < roster->pools.nelts; i++) {
        if (ngx_array_init(&pool[i]->members, cf->pool, 4,
                           sizeof(ngx_ohttp_relay_member_t))
            != NGX_OK
            || ngx_array_init(&pool[i]->keyed, cf->pool, 1,
                              sizeof(ngx_ohttp_relay_gateway_t *))
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    gateway = roster->gateways.elts;

    for (i = 0; i < roster->gateways.nelts; i++) {
        if (ngx_ohttp_relay_member_join(cf, roster, gateway[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < roster->pools.nelts; i++) {

        if (ngx_ohttp_relay_member_group(cf, pool[i]) != NGX_OK
            || ngx_ohttp_relay_member_check_keyed(cf, pool[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }

        wrong = ngx_ohttp_relay_member_fallback(roster, pool[i]);

        if (wrong) {
            ngx_ohttp_relay_conf_wrong(cf->log, pool[i]->file, pool[i]->line,
                                       "ohttp_relay_pool \"%V\": %s",
                                       &pool[i]->name, wrong);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_member_join(ngx_conf_t *cf, ngx_ohttp_relay_roster_t *roster,
    ngx_ohttp_relay_gateway_t *gateway)
{
    char                    *wrong;
    ngx_ohttp_relay_pool_t  *pool;

    if (gateway->pool_name.data == NULL) {
        return NGX_OK;
    }

    pool = ngx_ohttp_relay_roster_pool(roster, &gateway->pool_name);

    if (pool == NULL) {
        ngx_ohttp_relay_conf_wrong(cf->log, gateway->file, gateway->line,
                                   "gateway \"%V\": there is no pool \"%V\"",
                                   &gateway->name, &gateway->pool_name);
        return NGX_ERROR;
    }

    wrong = ngx_ohttp_relay_member_wrong(pool, gateway);

    if (wrong) {
        ngx_ohttp_relay_conf_wrong(cf->log, gateway->file, gateway->line,
                                   "gateway \"%V\": %s", &gateway->name,
                                   wrong);
        return NGX_ERROR;
    }

    pool->profile = gateway->profile;
    pool->kinds |= gateway->kinds;
    pool->max_body = ngx_max(pool->max_body, gateway->max_body);

    return ngx_ohttp_relay_member_add(pool, gateway);
}


/* what is wrong with a gateway as a member; NULL if nothing is */

static char *
ngx_ohttp_relay_member_wrong(ngx_ohttp_relay_pool_t *pool,
    ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_uint_t  named;

    named = pool->select == NGX_OHTTP_RELAY_SELECT_HEADER
            || pool->select == NGX_OHTTP_RELAY_SELECT_PATH;

    if (gateway->selector.len && !named) {
        return "its pool does not choose by a \"selector\"";
    }

    if (gateway->nkey_ids && pool->select != NGX_OHTTP_RELAY_SELECT_KEY_ID) {
        return "its pool does not choose by \"key_ids\"";
    }

    if (!gateway->nkey_ids && gateway->keys_file.len == 0
        && pool->select == NGX_OHTTP_RELAY_SELECT_KEY_ID)
    {
        return "its pool chooses by key id, and it has neither \"key_ids\" "
               "nor a \"keys_file\"";
    }

    if (named && gateway->selector.len == 0
        && !ngx_ohttp_relay_member_is_fallback(pool, gateway))
    {
        return "it has no \"selector\", so nothing could choose it";
    }

    return ngx_ohttp_relay_opaque_pool_wrong(pool, gateway);
}


static ngx_uint_t
ngx_ohttp_relay_member_is_fallback(ngx_ohttp_relay_pool_t *pool,
    ngx_ohttp_relay_gateway_t *gateway)
{
    return ngx_ohttp_relay_conf_equal(&pool->fallback_name, &gateway->name);
}


static ngx_int_t
ngx_ohttp_relay_member_add(ngx_ohttp_relay_pool_t *pool,
    ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_str_t                    key;
    ngx_uint_t                   i;
    ngx_ohttp_relay_gateway_t  **keyed;

    if (pool->select == NGX_OHTTP_RELAY_SELECT_TARGET) {
        return ngx_ohttp_relay_member_push(pool, gateway, &gateway->url_text);
    }

    /* without a selector an empty one, which no request can name */

    if (pool->select != NGX_OHTTP_RELAY_SELECT_KEY_ID) {
        return ngx_ohttp_relay_member_push(pool, gateway, &gateway->selector);
    }

    if (gateway->nkey_ids == 0) {
        keyed = ngx_array_push(&pool->keyed);
        if (keyed == NULL) {
            return NGX_ERROR;
        }

        *keyed = gateway;
    }

    for (i = 0; i < gateway->nkey_ids; i++) {

        key.data = &gateway->key_ids[i];
        key.len = 1;

        if (ngx_ohttp_relay_member_push(pool, gateway, &key) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_member_push(ngx_ohttp_relay_pool_t *pool,
    ngx_ohttp_relay_gateway_t *gateway, ngx_str_t *key)
{
    ngx_ohttp_relay_member_t  *member;

    member = ngx_array_push(&pool->members);
    if (member == NULL) {
        return NGX_ERROR;
    }

    member->key = *key;
    member->gateway = gateway;

    return NGX_OK;
}


/* all that one key leads to become one choice, sorted by keys */

static ngx_int_t
ngx_ohttp_relay_member_group(ngx_conf_t *cf, ngx_ohttp_relay_pool_t *pool)
{
    ngx_uint_t                   i, n;
    ngx_ohttp_relay_choice_t    *choice;
    ngx_ohttp_relay_member_t    *member;
    ngx_ohttp_relay_gateway_t  **gateways;

    n = pool->members.nelts;
    member = pool->members.elts;

    ngx_qsort(member, n, sizeof(ngx_ohttp_relay_member_t),
              ngx_ohttp_relay_member_compare);

    gateways = ngx_palloc(cf->pool, n * sizeof(ngx_ohttp_relay_gateway_t *));

    if (gateways == NULL
        || ngx_array_init(&pool->choices, cf->pool, n ? n : 1,
                          sizeof(ngx_ohttp_relay_choice_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    choice = NULL;

    for (i = 0; i < n; i++) {

        if (choice == NULL
            || !ngx_ohttp_relay_conf_equal(&choice->key, &member[i].key))
        {
            choice = ngx_array_push(&pool->choices);

            choice->key = member[i].key;
            choice->members = &gateways[i];
            choice->nmembers = 0;
            choice->weight = 0;

        } else if (ngx_ohttp_relay_member_check(cf, pool, choice->members[0],
                                                member[i].gateway)
                   != NGX_OK)
        {
            return NGX_ERROR;
        }

        choice->members[choice->nmembers++] = member[i].gateway;
        choice->weight += member[i].gateway->weight;
    }

    return NGX_OK;
}


/* those that are alike: blocks as they stand in the configuration, then rows */

static int ngx_libc_cdecl
ngx_ohttp_relay_member_compare(const void *one, const void *two)
{
    const ngx_ohttp_relay_member_t *a = one;
    const ngx_ohttp_relay_member_t *b = two;

    int  order;

    order = ngx_ohttp_relay_select_compare((ngx_str_t *) &a->key,
                                           (ngx_str_t *) &b->key);
    if (order) {
        return order;
    }

    if (a->gateway->index != b->gateway->index) {
        return a->gateway->index < b->gateway->index ? -1 : 1;
    }

    return ngx_ohttp_relay_select_compare(&a->gateway->name,
                                          &b->gateway->name);
}


static ngx_int_t
ngx_ohttp_relay_member_check(ngx_conf_t *cf, ngx_ohttp_relay_pool_t *pool,
    ngx_ohttp_relay_gateway_t *first, ngx_ohttp_relay_gateway_t *gateway)
{
    if (!pool->shared) {
        ngx_ohttp_relay_conf_wrong(cf->log, gateway->file, gateway->line,
                                   "gateway \"%V\": the same would choose "
                                   "gateway \"%V\" of pool \"%V\", whose keys "
                                   "are not shared", &gateway->name,
                                   &first->name, &pool->name);
        return NGX_ERROR;
    }

    /* what is new for one must be new for all */

    if (first->replay_window != gateway->replay_window) {
        ngx_ohttp_relay_conf_wrong(cf->log, gateway->file, gateway->line,
                                   "gateway \"%V\": its \"replay_window\" is "
                                   "not that of gateway \"%V\" with the same "
                                   "key", &gateway->name, &first->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* one whose ids are not known yet may come to share each of the others' */

static ngx_int_t
ngx_ohttp_relay_member_check_keyed(ngx_conf_t *cf,
    ngx_ohttp_relay_pool_t *pool)
{
    ngx_uint_t                   i;
    ngx_ohttp_relay_choice_t    *choice;
    ngx_ohttp_relay_gateway_t  **keyed;

    if (!pool->shared || pool->keyed.nelts == 0) {
        return NGX_OK;
    }

    keyed = pool->keyed.elts;
    choice = pool->choices.elts;

    for (i = 0; i < pool->choices.nelts; i++) {
        if (ngx_ohttp_relay_member_check(cf, pool, choice[i].members[0],
                                         keyed[0])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    for (i = 1; i < pool->keyed.nelts; i++) {
        if (ngx_ohttp_relay_member_check(cf, pool, keyed[0], keyed[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* returns what is wrong with it, or NULL */

static char *
ngx_ohttp_relay_member_fallback(ngx_ohttp_relay_roster_t *roster,
    ngx_ohttp_relay_pool_t *pool)
{
    ngx_uint_t                 i, n;
    ngx_ohttp_relay_choice_t  *choice;

    choice = pool->choices.elts;

    if (ngx_ohttp_relay_select_none(pool) && !roster->live) {
        return "no gateway is in it";
    }

    if (pool->select == NGX_OHTTP_RELAY_SELECT_ANY) {
        pool->fallback = pool->choices.nelts ? choice : NULL;

        return pool->fallback_name.len
               ? "\"default\" has no meaning without \"select\"" : NULL;
    }

    if (pool->fallback_name.len == 0) {
        return NULL;
    }

    if (pool->select == NGX_OHTTP_RELAY_SELECT_KEY_ID) {
        return "\"default\" has no meaning with \"select key_id\": each "
               "request has one";
    }

    for (i = 0; i < pool->choices.nelts; i++) {
        for (n = 0; n < choice[i].nmembers; n++) {
            if (ngx_ohttp_relay_member_is_fallback(pool,
                                                   choice[i].members[n]))
            {
                pool->fallback = &choice[i];
                return NULL;
            }
        }
    }

    /* who has named it in a block cannot take that back while nginx runs */

    if (pool->file && roster->running) {
        return NULL;
    }

    return "\"default\" is not the name of a gateway in it";
}
