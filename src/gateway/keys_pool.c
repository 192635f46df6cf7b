
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* what the gateways of a pool with shared keys agree on */


#include <ngx_config.h>
#include <ngx_core.h>

#include "keys.h"


static ngx_int_t ngx_ohttp_relay_keys_agree(void *data, u_char **p,
    u_char **last, char **error);
static ngx_uint_t ngx_ohttp_relay_keys_members(ngx_ohttp_relay_pool_t *pool,
    ngx_uint_t i, ngx_ohttp_relay_gateway_t ***member);


ngx_int_t
ngx_ohttp_relay_keys_use_pool(ngx_ohttp_relay_keyring_t *ring,
    ngx_ohttp_relay_pool_t *pool, ngx_pool_t *memory)
{
    ngx_str_t                name;
    ngx_ohttp_relay_keys_t  *keys;

    if (!ngx_ohttp_relay_keys_pool_is_one(pool)
        || ngx_ohttp_relay_keys_pool_age(pool) < 0)
    {
        return NGX_OK;
    }

    keys = ngx_ohttp_relay_keys_create(ring, &pool->name, memory);
    name.data = ngx_pnalloc(memory, sizeof("pool ") - 1 + pool->name.len);

    if (keys == NULL || name.data == NULL) {
        return NGX_ERROR;
    }

    name.len = ngx_sprintf(name.data, "pool %V", &pool->name) - name.data;

    keys->pool = pool;
    keys->watched = ngx_ohttp_relay_watch_open_made(*ring->watch, &name,
                                              NGX_OHTTP_RELAY_KEYS_BYTES + 2,
                                              ngx_ohttp_relay_keys_agree,
                                              ngx_ohttp_relay_keys_take, keys,
                                              memory);
    if (keys->watched) {
        ngx_ohttp_relay_watch_hold(keys->watched,
                                   ngx_ohttp_relay_keys_conflict,
                                   ngx_ohttp_relay_keys_pool_age(pool));
    }

    pool->keys = keys;

    return NGX_OK;
}


/* where a request chooses, only those that it leads to have the same keys */

ngx_uint_t
ngx_ohttp_relay_keys_pool_is_one(ngx_ohttp_relay_pool_t *pool)
{
    return pool->shared && pool->select == NGX_OHTTP_RELAY_SELECT_ANY;
}


/* one whose keys nobody knows, or that is not used, has no voice */

static ngx_int_t
ngx_ohttp_relay_keys_agree(void *data, u_char **p, u_char **last, char **error)
{
    ngx_ohttp_relay_keys_t *keys = data;

    ngx_str_t                        *content, *other;
    ngx_uint_t                        i, k, n;
    ngx_ohttp_relay_gateway_t       **member, *first;

    first = NULL;
    content = NULL;

    for (i = 0; i < keys->pool->choices.nelts; i++) {

        n = ngx_ohttp_relay_keys_members(keys->pool, i, &member);

        for (k = 0; k < n; k++) {

            if (member[k]->admin != NGX_OHTTP_RELAY_ADMIN_UP
                || member[k]->keys == NULL
                || member[k]->keys->snapshot == NULL)
            {
                continue;
            }

            other = &member[k]->keys->snapshot->content;

            if (first == NULL) {
                first = member[k];
                content = other;
                continue;
            }

            if (other->len != content->len
                || ngx_memcmp(other->data, content->data, other->len) != 0)
            {
                ngx_snprintf((u_char *) keys->text, sizeof(keys->text),
                             "gateway \"%V\" has other keys than \"%V\"%Z",
                             &member[k]->name, &first->name);
                *error = keys->text;

                return NGX_ERROR;
            }
        }
    }

    if (first == NULL) {
        return NGX_DECLINED;
    }

    *p = content->data;
    *last = content->data + content->len;

    return NGX_OK;
}


/* the shortest of its gateways; -1 if none has a file of keys */

time_t
ngx_ohttp_relay_keys_pool_age(ngx_ohttp_relay_pool_t *pool)
{
    time_t                       age;
    ngx_uint_t                   i, k, n;
    ngx_ohttp_relay_gateway_t  **member;

    age = -1;

    for (i = 0; i < pool->choices.nelts; i++) {

        n = ngx_ohttp_relay_keys_members(pool, i, &member);

        for (k = 0; k < n; k++) {
            if (member[k]->keys_file.len
                && (age < 0 || member[k]->keys_max_age < age))
            {
                age = member[k]->keys_max_age;
            }
        }
    }

    return age;
}


/* those of one of the pool's choices */

static ngx_uint_t
ngx_ohttp_relay_keys_members(ngx_ohttp_relay_pool_t *pool, ngx_uint_t i,
    ngx_ohttp_relay_gateway_t ***member)
{
    ngx_ohttp_relay_choice_t  *choice;

    choice = pool->choices.elts;
    *member = choice[i].members;

    return choice[i].nmembers;
}
