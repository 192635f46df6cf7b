
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../conf/conf.h"
#include "member.h"
#include "roster.h"
#include "select.h"


#define NGX_OHTTP_RELAY_ROSTER_POOLS  4


/* what gateways and pools begin with, and are sorted by */

typedef struct {
    ngx_str_t                    name;
} ngx_ohttp_relay_named_t;


static ngx_int_t ngx_ohttp_relay_roster_init(ngx_ohttp_relay_roster_t *roster,
    ngx_pool_t *memory, ngx_uint_t n);
static ngx_int_t ngx_ohttp_relay_roster_check(ngx_conf_t *cf,
    ngx_ohttp_relay_roster_t *roster);
static int ngx_libc_cdecl ngx_ohttp_relay_roster_compare(const void *one,
    const void *two);
static void *ngx_ohttp_relay_roster_find(ngx_array_t *array, ngx_str_t *name);


ngx_ohttp_relay_roster_t *
ngx_ohttp_relay_roster_of_blocks(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways)
{
    ngx_uint_t                   i;
    ngx_ohttp_relay_pool_t     **pool;
    ngx_ohttp_relay_roster_t    *roster;
    ngx_ohttp_relay_gateway_t  **gateway;

    roster = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_roster_t));

    if (roster == NULL
        || ngx_ohttp_relay_roster_init(roster, cf->pool,
                                       gateways->gateways.nelts)
           != NGX_OK)
    {
        return NULL;
    }

    gateway = gateways->gateways.elts;

    for (i = 0; i < gateways->gateways.nelts; i++) {
        if (ngx_ohttp_relay_roster_add(roster, gateway[i]) != NGX_OK) {
            return NULL;
        }
    }

    pool = gateways->pools.elts;

    for (i = 0; i < gateways->pools.nelts; i++) {
        if (ngx_ohttp_relay_roster_add_pool(roster, pool[i]) != NGX_OK) {
            return NULL;
        }
    }

    return ngx_ohttp_relay_roster_complete(cf, roster) == NGX_OK ? roster
                                                                 : NULL;
}


ngx_ohttp_relay_roster_t *
ngx_ohttp_relay_roster_create(ngx_log_t *log, ngx_uint_t n)
{
    ngx_pool_t                *memory;
    ngx_ohttp_relay_roster_t  *roster;

    memory = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, log);
    if (memory == NULL) {
        return NULL;
    }

    roster = ngx_pcalloc(memory, sizeof(ngx_ohttp_relay_roster_t));

    if (roster == NULL
        || ngx_ohttp_relay_roster_init(roster, memory, n) != NGX_OK)
    {
        ngx_destroy_pool(memory);
        return NULL;
    }

    roster->memory = memory;
    roster->refs = 1;
    roster->live = 1;

    return roster;
}


static ngx_int_t
ngx_ohttp_relay_roster_init(ngx_ohttp_relay_roster_t *roster,
    ngx_pool_t *memory, ngx_uint_t n)
{
    if (ngx_array_init(&roster->gateways, memory, n ? n : 1,
                       sizeof(ngx_ohttp_relay_gateway_t *))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_array_init(&roster->pools, memory,
                          NGX_OHTTP_RELAY_ROSTER_POOLS,
                          sizeof(ngx_ohttp_relay_pool_t *));
}


ngx_int_t
ngx_ohttp_relay_roster_add(ngx_ohttp_relay_roster_t *roster,
    ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_ohttp_relay_gateway_t  **slot;

    slot = ngx_array_push(&roster->gateways);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    *slot = gateway;

    roster->max_body = ngx_max(roster->max_body, gateway->max_body);
    roster->down |= (gateway->admin == NGX_OHTTP_RELAY_ADMIN_DOWN);
    roster->opaque |= (gateway->profile != NGX_OHTTP_RELAY_PROFILE_OHTTP);

    return NGX_OK;
}


ngx_int_t
ngx_ohttp_relay_roster_add_pool(ngx_ohttp_relay_roster_t *roster,
    ngx_ohttp_relay_pool_t *pool)
{
    ngx_ohttp_relay_pool_t  *own, **slot;

    slot = ngx_array_push(&roster->pools);
    own = ngx_palloc(roster->pools.pool, sizeof(ngx_ohttp_relay_pool_t));

    if (slot == NULL || own == NULL) {
        return NGX_ERROR;
    }

    *slot = own;
    *own = *pool;

    own->roster = roster->memory ? roster : NULL;

    return NGX_OK;
}


ngx_int_t
ngx_ohttp_relay_roster_complete(ngx_conf_t *cf,
    ngx_ohttp_relay_roster_t *roster)
{
    ngx_qsort(roster->gateways.elts, roster->gateways.nelts,
              sizeof(ngx_ohttp_relay_gateway_t *),
              ngx_ohttp_relay_roster_compare);

    ngx_qsort(roster->pools.elts, roster->pools.nelts,
              sizeof(ngx_ohttp_relay_pool_t *),
              ngx_ohttp_relay_roster_compare);

    if (ngx_ohttp_relay_roster_check(cf, roster) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_ohttp_relay_members_init(cf, roster);
}


/* one name is one thing; what has no place in a file is named second */

static ngx_int_t
ngx_ohttp_relay_roster_check(ngx_conf_t *cf, ngx_ohttp_relay_roster_t *roster)
{
    ngx_uint_t                   i;
    ngx_ohttp_relay_pool_t     **pool;
    ngx_ohttp_relay_gateway_t  **gateway;

    gateway = roster->gateways.elts;

    for (i = 1; i < roster->gateways.nelts; i++) {
        if (ngx_ohttp_relay_conf_equal(&gateway[i - 1]->name,
                                       &gateway[i]->name))
        {
            ngx_ohttp_relay_conf_wrong(cf->log, NULL, 0,
                                       "gateway \"%V\": an "
                                       "ohttp_relay_gateway block has the "
                                       "same name", &gateway[i]->name);
            return NGX_ERROR;
        }
    }

    pool = roster->pools.elts;

    for (i = 0; i < roster->pools.nelts; i++) {

        if (i && ngx_ohttp_relay_conf_equal(&pool[i - 1]->name,
                                            &pool[i]->name))
        {
            ngx_ohttp_relay_conf_wrong(cf->log, NULL, 0,
                                       "pool \"%V\": an ohttp_relay_pool "
                                       "block has the same name",
                                       &pool[i]->name);
            return NGX_ERROR;
        }

        if (ngx_ohttp_relay_roster_gateway(roster, &pool[i]->name)) {
            ngx_ohttp_relay_conf_wrong(cf->log, pool[i]->file, pool[i]->line,
                                       "ohttp_relay_pool \"%V\": a gateway "
                                       "has the same name", &pool[i]->name);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_ohttp_relay_roster_compare(const void *one, const void *two)
{
    ngx_ohttp_relay_named_t *const *a = one;
    ngx_ohttp_relay_named_t *const *b = two;

    return ngx_ohttp_relay_select_compare(&(*a)->name, &(*b)->name);
}


ngx_ohttp_relay_gateway_t *
ngx_ohttp_relay_roster_gateway(ngx_ohttp_relay_roster_t *roster,
    ngx_str_t *name)
{
    return ngx_ohttp_relay_roster_find(&roster->gateways, name);
}


ngx_ohttp_relay_pool_t *
ngx_ohttp_relay_roster_pool(ngx_ohttp_relay_roster_t *roster, ngx_str_t *name)
{
    return ngx_ohttp_relay_roster_find(&roster->pools, name);
}


static void *
ngx_ohttp_relay_roster_find(ngx_array_t *array, ngx_str_t *name)
{
    int                        order;
    ngx_uint_t                 low, high, middle;
    ngx_ohttp_relay_named_t  **named;

    named = array->elts;
    low = 0;
    high = array->nelts;

    while (low < high) {
        middle = (low + high) / 2;

        order = ngx_ohttp_relay_select_compare(name, &named[middle]->name);

        if (order == 0) {
            return named[middle];
        }

        if (order < 0) {
            high = middle;

        } else {
            low = middle + 1;
        }
    }

    return NULL;
}


void
ngx_ohttp_relay_roster_hold(ngx_ohttp_relay_roster_t *roster)
{
    if (roster->memory) {
        roster->refs++;
    }
}


void
ngx_ohttp_relay_roster_release(ngx_ohttp_relay_roster_t *roster)
{
    ngx_uint_t                   i;
    ngx_ohttp_relay_gateway_t  **gateway;

    if (roster->memory == NULL || --roster->refs) {
        return;
    }

    gateway = roster->gateways.elts;

    for (i = 0; i < roster->gateways.nelts; i++) {
        ngx_ohttp_relay_gateway_release(gateway[i]);
    }

    ngx_destroy_pool(roster->memory);
}


void
ngx_ohttp_relay_gateway_hold(ngx_ohttp_relay_gateway_t *gateway)
{
    if (gateway->memory) {
        gateway->refs++;
    }
}


void
ngx_ohttp_relay_gateway_release(ngx_ohttp_relay_gateway_t *gateway)
{
    if (gateway->memory && --gateway->refs == 0) {
        ngx_destroy_pool(gateway->memory);
    }
}
