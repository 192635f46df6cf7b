
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../codec/selector.h"
#include "select.h"


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

    if (pool->select == NGX_OHTTP_RELAY_SELECT_TARGET
        || pool->select == NGX_OHTTP_RELAY_SELECT_KEY_ID)
    {
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
