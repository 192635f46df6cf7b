
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../codec/selector.h"
#include "keys.h"
#include "select.h"


static void ngx_ohttp_relay_select_push(ngx_ohttp_relay_choice_t *choice,
    ngx_ohttp_relay_gateway_t *gateway);
static ngx_ohttp_relay_choice_t *ngx_ohttp_relay_select_find(
    ngx_ohttp_relay_pool_t *pool, ngx_str_t *key);


ngx_uint_t
ngx_ohttp_relay_select_reads(ngx_ohttp_relay_pool_t *pool, const u_char *name,
    size_t len)
{
    return pool->header.len == len
           && len
           && ngx_memcmp(pool->header.data, name, len) == 0;
}


ngx_ohttp_relay_choice_t *
ngx_ohttp_relay_select(ngx_ohttp_relay_pool_t *pool, ngx_str_t *value)
{
    u_char         buf[NGX_OHTTP_RELAY_SELECTOR_MAX];
    ngx_str_t      key;
    const u_char  *p, *last;

    /*
     * A URL is a registered one to the byte, or it is unknown: so it needs no
     * reading, and there is nothing to read it differently.
     */

    if (pool->select == NGX_OHTTP_RELAY_SELECT_TARGET) {
        return ngx_ohttp_relay_select_find(pool, value);
    }

    p = value->data;
    last = p + value->len;

    ngx_ohttp_relay_trim(&p, &last);

    /* a header without a name in it names nobody */

    if (p == last && pool->select == NGX_OHTTP_RELAY_SELECT_HEADER) {
        return pool->fallback;
    }

    key.data = buf;
    key.len = ngx_ohttp_relay_selector(p, last, buf);

    return key.len ? ngx_ohttp_relay_select_find(pool, &key) : NULL;
}


ngx_ohttp_relay_choice_t *
ngx_ohttp_relay_select_key(ngx_ohttp_relay_pool_t *pool, u_char id,
    ngx_pool_t *memory)
{
    ngx_str_t                    key;
    ngx_uint_t                   i, n, known;
    ngx_ohttp_relay_choice_t    *choice, *all;
    ngx_ohttp_relay_gateway_t  **gateway;

    key.data = &id;
    key.len = 1;

    choice = ngx_ohttp_relay_select_find(pool, &key);
    gateway = pool->keyed.elts;
    n = 0;

    for (i = 0; i < pool->keyed.nelts; i++) {
        n += ngx_ohttp_relay_keys_has(gateway[i], id);
    }

    if (n == 0) {
        return choice;
    }

    known = choice ? choice->nmembers : 0;

    /* whose key it is cannot be told: what is sealed to one opens no other's */

    if (known + n > 1 && !pool->shared) {
        ngx_log_error(NGX_LOG_ERR, memory->log, 0,
                      "pool \"%V\": %ui gateways have key id %ui, and keys "
                      "are not shared", &pool->name, known + n,
                      (ngx_uint_t) id);
        return NULL;
    }

    all = ngx_pcalloc(memory, sizeof(ngx_ohttp_relay_choice_t)
                       + (known + n) * sizeof(ngx_ohttp_relay_gateway_t *));
    if (all == NULL) {
        return NULL;
    }

    all->members = (ngx_ohttp_relay_gateway_t **) (all + 1);

    for (i = 0; i < known; i++) {
        ngx_ohttp_relay_select_push(all, choice->members[i]);
    }

    for (i = 0; i < pool->keyed.nelts; i++) {
        if (ngx_ohttp_relay_keys_has(gateway[i], id)) {
            ngx_ohttp_relay_select_push(all, gateway[i]);
        }
    }

    return all;
}


static void
ngx_ohttp_relay_select_push(ngx_ohttp_relay_choice_t *choice,
    ngx_ohttp_relay_gateway_t *gateway)
{
    choice->members[choice->nmembers++] = gateway;
    choice->weight += gateway->weight;
}


ngx_uint_t
ngx_ohttp_relay_select_none(ngx_ohttp_relay_pool_t *pool)
{
    return pool->choices.nelts == 0 && pool->keyed.nelts == 0;
}


ngx_ohttp_relay_choice_t *
ngx_ohttp_relay_select_path(ngx_ohttp_relay_pool_t *pool, ngx_str_t *uri)
{
    u_char     *p, *last;
    ngx_str_t   segment;

    last = uri->data + uri->len;

    for (p = last; p > uri->data && p[-1] != '/'; p--) { /* void */ }

    if (p == last) {
        return pool->fallback;
    }

    segment.data = p;
    segment.len = last - p;

    return ngx_ohttp_relay_select(pool, &segment);
}


static ngx_ohttp_relay_choice_t *
ngx_ohttp_relay_select_find(ngx_ohttp_relay_pool_t *pool, ngx_str_t *key)
{
    int                        order;
    ngx_uint_t                 low, high, middle;
    ngx_ohttp_relay_choice_t  *choice;

    choice = pool->choices.elts;
    low = 0;
    high = pool->choices.nelts;

    while (low < high) {
        middle = (low + high) / 2;

        order = ngx_ohttp_relay_select_compare(key, &choice[middle].key);

        if (order == 0) {
            return &choice[middle];
        }

        if (order < 0) {
            high = middle;

        } else {
            low = middle + 1;
        }
    }

    return NULL;
}


int
ngx_ohttp_relay_select_compare(ngx_str_t *one, ngx_str_t *two)
{
    if (one->len != two->len) {
        return one->len < two->len ? -1 : 1;
    }

    return ngx_memcmp(one->data, two->data, one->len);
}


ngx_uint_t
ngx_ohttp_relay_select_place(ngx_ohttp_relay_choice_t *choice)
{
    ngx_uint_t                   place, weight;
    ngx_ohttp_relay_gateway_t  **gateway;

    if (choice->nmembers == 1) {
        return 0;
    }

    gateway = choice->members;
    weight = (ngx_uint_t) ngx_random() % choice->weight;

    for (place = 0; weight >= gateway[place]->weight; place++) {
        weight -= gateway[place]->weight;
    }

    return place;
}


ngx_ohttp_relay_gateway_t *
ngx_ohttp_relay_select_at(ngx_ohttp_relay_choice_t *choice, ngx_uint_t place)
{
    return choice->members[place % choice->nmembers];
}
