
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "backend.h"


static ngx_ohttp_relay_store_t *ngx_ohttp_relay_store_create(ngx_conf_t *cf,
    ngx_ohttp_relay_backend_t *backend);


static ngx_ohttp_relay_backend_t  *ngx_ohttp_relay_backends[] = {
    &ngx_ohttp_relay_shm_backend,
    &ngx_ohttp_relay_redis_backend,
    NULL
};


char *
ngx_ohttp_relay_store_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ohttp_relay_store_t **slot = (ngx_ohttp_relay_store_t **)
                                         ((u_char *) conf + cmd->offset);

    ngx_str_t                   *value;
    ngx_ohttp_relay_store_t     *store;
    ngx_ohttp_relay_backend_t  **backend;

    if (*slot) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (backend = ngx_ohttp_relay_backends; *backend; backend++) {

        if (value[1].len == (*backend)->name.len
            && ngx_strncmp(value[1].data, (*backend)->name.data, value[1].len)
               == 0)
        {
            break;
        }
    }

    if (*backend == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "ohttp_relay_store: unknown kind of store \"%V\", "
                           "it must be \"shm\" or \"redis\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    store = ngx_ohttp_relay_store_create(cf, *backend);
    if (store == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = store;

    return store->backend->directive(cf, store);
}


static ngx_ohttp_relay_store_t *
ngx_ohttp_relay_store_create(ngx_conf_t *cf,
    ngx_ohttp_relay_backend_t *backend)
{
    ngx_ohttp_relay_store_t  *store;

    store = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_store_t));
    if (store == NULL) {
        return NULL;
    }

    if (ngx_array_init(&store->pins, cf->pool, 4,
                       sizeof(ngx_ohttp_relay_store_pin_t))
        != NGX_OK)
    {
        return NULL;
    }

    store->backend = backend;

    return store;
}


ngx_int_t
ngx_ohttp_relay_store_init(ngx_conf_t *cf, ngx_ohttp_relay_store_t **store,
    ngx_uint_t secret, void *tag)
{
    if (*store == NULL) {
        *store = ngx_ohttp_relay_store_create(cf,
                                              &ngx_ohttp_relay_shm_backend);
        if (*store == NULL) {
            return NGX_ERROR;
        }
    }

    (*store)->tag = tag;

    return (*store)->backend->init(cf, *store, secret);
}


ngx_int_t
ngx_ohttp_relay_store_pin(ngx_ohttp_relay_store_t *store, u_char *group,
    time_t expires, ngx_str_t *label)
{
    ngx_uint_t                    i;
    ngx_ohttp_relay_store_pin_t  *pin;

    pin = store->pins.elts;

    /* a key that stands in several plans lives as long as the last of them */

    for (i = 0; i < store->pins.nelts; i++) {

        if (ngx_memcmp(pin[i].group, group, NGX_OHTTP_RELAY_STORE_GROUP)
            == 0)
        {
            pin[i].expires = ngx_max(pin[i].expires, expires);
            return NGX_OK;
        }
    }

    pin = ngx_array_push(&store->pins);
    if (pin == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(pin->group, group, NGX_OHTTP_RELAY_STORE_GROUP);
    pin->expires = expires;
    pin->label = *label;

    return NGX_OK;
}


ngx_int_t
ngx_ohttp_relay_store_init_process(ngx_ohttp_relay_store_t *store,
    ngx_cycle_t *cycle)
{
    return store->backend->init_process(store, cycle);
}


void
ngx_ohttp_relay_store_exit_process(ngx_ohttp_relay_store_t *store,
    ngx_cycle_t *cycle)
{
    store->backend->exit_process(store, cycle);
}


void
ngx_ohttp_relay_store_exit_master(ngx_ohttp_relay_store_t *store,
    ngx_cycle_t *cycle)
{
    store->backend->exit_master(store, cycle);
}


ngx_int_t
ngx_ohttp_relay_store_ask(ngx_ohttp_relay_store_t *store,
    ngx_ohttp_relay_ask_t *ask)
{
    ask->answer = NGX_OHTTP_RELAY_STORE_WAITING;
    ask->used_up = 0;
    ask->retry_after = 0;

    return store->backend->ask(store, ask);
}


ngx_int_t
ngx_ohttp_relay_store_refund(ngx_ohttp_relay_store_t *store,
    ngx_ohttp_relay_ask_t *ask)
{
    ask->answer = NGX_OHTTP_RELAY_STORE_WAITING;
    ask->used_up = 0;
    ask->retry_after = 0;

    return store->backend->refund(store, ask);
}


void
ngx_ohttp_relay_store_abandon(ngx_ohttp_relay_ask_t *ask)
{
    if (ask->pending == NULL) {
        return;
    }

    /* the only store that keeps anybody waiting */

    ngx_ohttp_relay_redis_backend.abandon(ask);
}


char *
ngx_ohttp_relay_store_state(ngx_ohttp_relay_store_t *store)
{
    return store->backend->state(store);
}


ngx_ohttp_relay_store_figure_t *
ngx_ohttp_relay_store_figures(ngx_ohttp_relay_store_t *store, ngx_uint_t *n)
{
    return store->backend->figures(store, n);
}
