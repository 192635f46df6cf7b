
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "shm.h"


#define NGX_OHTTP_RELAY_SHM_SIZE   (64 * 1024 * 1024)

/* figures move in steps of this many seconds: nobody can time one request */
#define NGX_OHTTP_RELAY_SHM_STEP   10

#define NGX_OHTTP_RELAY_SHM_LABEL  "ohttp_relay_store"


static char *ngx_ohttp_relay_shm_directive(ngx_conf_t *cf,
    ngx_ohttp_relay_store_t *store);
static ngx_ohttp_relay_shm_t *ngx_ohttp_relay_shm_create(ngx_conf_t *cf,
    ngx_ohttp_relay_store_t *store);
static char *ngx_ohttp_relay_shm_set_size(ngx_conf_t *cf,
    ngx_ohttp_relay_shm_t *shm, ngx_str_t *value);
static char *ngx_ohttp_relay_shm_set_state(ngx_conf_t *cf,
    ngx_ohttp_relay_shm_t *shm, ngx_str_t *value);
static char *ngx_ohttp_relay_shm_set_loss(ngx_conf_t *cf,
    ngx_ohttp_relay_shm_t *shm, ngx_str_t *value);
static ngx_int_t ngx_ohttp_relay_shm_init(ngx_conf_t *cf,
    ngx_ohttp_relay_store_t *store, ngx_uint_t secret);
static void ngx_ohttp_relay_shm_cleanup(void *data);
static void ngx_ohttp_relay_shm_exit_process(ngx_ohttp_relay_store_t *store,
    ngx_cycle_t *cycle);
static ngx_int_t ngx_ohttp_relay_shm_ask(ngx_ohttp_relay_store_t *store,
    ngx_ohttp_relay_ask_t *ask);
static ngx_uint_t ngx_ohttp_relay_shm_is_raised(ngx_ohttp_relay_shm_t *shm,
    ngx_ohttp_relay_ask_t *ask);
static ngx_int_t ngx_ohttp_relay_shm_refund(ngx_ohttp_relay_store_t *store,
    ngx_ohttp_relay_ask_t *ask);
static char *ngx_ohttp_relay_shm_state(ngx_ohttp_relay_store_t *store);
static ngx_ohttp_relay_store_figure_t *ngx_ohttp_relay_shm_figures(
    ngx_ohttp_relay_store_t *store, ngx_uint_t *n);


ngx_ohttp_relay_backend_t  ngx_ohttp_relay_shm_backend = {
    ngx_string("shm"),
    ngx_ohttp_relay_shm_directive,
    ngx_ohttp_relay_shm_init,
    ngx_ohttp_relay_shm_init_process,
    ngx_ohttp_relay_shm_exit_process,
    ngx_ohttp_relay_shm_exit_master,
    ngx_ohttp_relay_shm_ask,
    ngx_ohttp_relay_shm_refund,
    NULL,                                /* abandon: nobody ever waits */
    ngx_ohttp_relay_shm_state,
    ngx_ohttp_relay_shm_figures
};


static ngx_str_t  ngx_ohttp_relay_shm_zone_name = ngx_string(
                                                      "ohttp_relay_store");


/* in the order of the members of ngx_ohttp_relay_spent_figures_t */

static ngx_ohttp_relay_store_figure_t  ngx_ohttp_relay_shm_figure[] = {
    { "names", "what is remembered, rates not counted", 1, 0 },
    { "epochs", "epochs that are remembered", 1, 0 },
    { "used_bytes", "shared memory in use", 1, 0 },
    { "size_bytes", "shared memory in all", 1, 0 },
    { "full", "whether there is no room at the moment", 1, 0 },
    { "full_events", "how often the store became full", 0, 0 },
    { "evictions", "rates in use that were given up for others", 0, 0 },
    { "granted", "questions that were granted", 0, 0 },
    { "refused", "questions that were refused", 0, 0 },
    { "unknown", "questions that could not be answered", 0, 0 },
    { "refunds", "what was given back", 0, 0 }
};

#define NGX_OHTTP_RELAY_SHM_FIGURES                                          \
    (sizeof(ngx_ohttp_relay_shm_figure)                                      \
     / sizeof(ngx_ohttp_relay_shm_figure[0]))


static char *
ngx_ohttp_relay_shm_directive(ngx_conf_t *cf, ngx_ohttp_relay_store_t *store)
{
    char                   *rv;
    ngx_str_t              *value;
    ngx_uint_t              i;
    ngx_ohttp_relay_shm_t  *shm;

    shm = ngx_ohttp_relay_shm_create(cf, store);
    if (shm == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "size=", 5) == 0) {
            rv = ngx_ohttp_relay_shm_set_size(cf, shm, &value[i]);

        } else if (ngx_strncmp(value[i].data, "state=", 6) == 0) {
            rv = ngx_ohttp_relay_shm_set_state(cf, shm, &value[i]);

        } else if (ngx_strncmp(value[i].data, "on_data_loss=", 13) == 0) {
            rv = ngx_ohttp_relay_shm_set_loss(cf, shm, &value[i]);

        } else {
            rv = "is none of size=, state= and on_data_loss=";
        }

        if (rv == NGX_CONF_OK) {
            continue;
        }

        if (rv != NGX_CONF_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "ohttp_relay_store shm: \"%V\" %s", &value[i],
                               rv);
        }

        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_ohttp_relay_shm_t *
ngx_ohttp_relay_shm_create(ngx_conf_t *cf, ngx_ohttp_relay_store_t *store)
{
    ngx_ohttp_relay_shm_t  *shm;

    shm = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_shm_t));
    if (shm == NULL) {
        return NULL;
    }

    shm->store = store;
    shm->file.fd = NGX_INVALID_FILE;

    store->data = shm;

    return shm;
}


static char *
ngx_ohttp_relay_shm_set_size(ngx_conf_t *cf, ngx_ohttp_relay_shm_t *shm,
    ngx_str_t *value)
{
    ngx_str_t  text;

    if (shm->size) {
        return "is a duplicate";
    }

    text.data = value->data + 5;
    text.len = value->len - 5;

    shm->size = ngx_parse_size(&text);

    if (shm->size == NGX_ERROR) {
        return "is no size";
    }

    if (shm->size < NGX_OHTTP_RELAY_SPENT_MIN) {
        return "is too small, 1m is the least";
    }

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_shm_set_state(ngx_conf_t *cf, ngx_ohttp_relay_shm_t *shm,
    ngx_str_t *value)
{
    if (shm->file.path.len) {
        return "is a duplicate";
    }

    shm->file.path.data = value->data + 6;
    shm->file.path.len = value->len - 6;

    if (shm->file.path.len == 0
        || shm->file.path.data[shm->file.path.len - 1] == '/')
    {
        return "names no file";
    }

    if (ngx_conf_full_name(cf->cycle, &shm->file.path, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_ohttp_relay_shm_file_check(cf, &shm->file.path) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_shm_set_loss(ngx_conf_t *cf, ngx_ohttp_relay_shm_t *shm,
    ngx_str_t *value)
{
    if (shm->loss) {
        return "is a duplicate";
    }

    if (ngx_strcmp(value->data + 13, "closed") == 0) {
        shm->loss = ngx_ohttp_relay_shm_loss_closed;

    } else if (ngx_strcmp(value->data + 13, "accept") == 0) {
        shm->loss = ngx_ohttp_relay_shm_loss_accept;

    } else {
        return "is neither \"closed\" nor \"accept\"";
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_ohttp_relay_shm_init(ngx_conf_t *cf, ngx_ohttp_relay_store_t *store,
    ngx_uint_t secret)
{
    ngx_pool_cleanup_t     *cln;
    ngx_ohttp_relay_shm_t  *shm;

    shm = store->data;

    if (shm == NULL) {
        shm = ngx_ohttp_relay_shm_create(cf, store);
        if (shm == NULL) {
            return NGX_ERROR;
        }
    }

    if (shm->size == 0) {
        shm->size = NGX_OHTTP_RELAY_SHM_SIZE;
    }

    shm->figures = ngx_palloc(cf->pool, sizeof(ngx_ohttp_relay_shm_figure));
    if (shm->figures == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(shm->figures, ngx_ohttp_relay_shm_figure,
               sizeof(ngx_ohttp_relay_shm_figure));

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_ohttp_relay_shm_cleanup;
    cln->data = shm;

    shm->spent = ngx_ohttp_relay_spent_create(cf,
                     &ngx_ohttp_relay_shm_zone_name, shm->size, store->tag,
                     NGX_OHTTP_RELAY_SHM_LABEL, ngx_ohttp_relay_shm_opened,
                     shm);

    return shm->spent ? NGX_OK : NGX_ERROR;
}


static void
ngx_ohttp_relay_shm_cleanup(void *data)
{
    ngx_ohttp_relay_shm_t *shm = data;

    if (shm->file.fd != NGX_INVALID_FILE) {
        (void) ngx_close_file(shm->file.fd);
    }
}


static void
ngx_ohttp_relay_shm_exit_process(ngx_ohttp_relay_store_t *store,
    ngx_cycle_t *cycle)
{
    /* nothing of this store belongs to a worker */
}


static ngx_int_t
ngx_ohttp_relay_shm_ask(ngx_ohttp_relay_store_t *store,
    ngx_ohttp_relay_ask_t *ask)
{
    ngx_ohttp_relay_shm_t  *shm;

    shm = store->data;

    ask->pending = NULL;

    if (shm->raised && ngx_ohttp_relay_shm_is_raised(shm, ask)) {
        ask->answer = NGX_OHTTP_RELAY_STORE_UNKNOWN;
        return NGX_OK;
    }

    ask->answer = ngx_ohttp_relay_spent_claim(shm->spent, ask);

    return NGX_OK;
}


static ngx_uint_t
ngx_ohttp_relay_shm_is_raised(ngx_ohttp_relay_shm_t *shm,
    ngx_ohttp_relay_ask_t *ask)
{
    ngx_uint_t                    i;
    ngx_ohttp_relay_store_pin_t  *pin;

    pin = shm->store->pins.elts;

    for (i = 0; i < shm->store->pins.nelts; i++) {

        if (shm->is_raised[i]
            && ngx_memcmp(pin[i].group, ask->group,
                          NGX_OHTTP_RELAY_STORE_GROUP)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_ohttp_relay_shm_refund(ngx_ohttp_relay_store_t *store,
    ngx_ohttp_relay_ask_t *ask)
{
    ngx_ohttp_relay_shm_t  *shm;

    shm = store->data;

    ask->answer = ngx_ohttp_relay_spent_unclaim(shm->spent, ask);

    return NGX_OK;
}


static char *
ngx_ohttp_relay_shm_state(ngx_ohttp_relay_store_t *store)
{
    ngx_ohttp_relay_shm_t       *shm;
    ngx_ohttp_relay_spent_sh_t  *sh;

    shm = store->data;
    sh = shm->spent->sh;

    if (sh->ledger.lost || sh->back) {
        return "data_loss";
    }

    if (sh->full) {
        return "full";
    }

    return shm->raised ? "raised" : "ok";
}


static ngx_ohttp_relay_store_figure_t *
ngx_ohttp_relay_shm_figures(ngx_ohttp_relay_store_t *store, ngx_uint_t *n)
{
    ngx_uint_t                        i;
    ngx_atomic_uint_t                *value;
    ngx_ohttp_relay_shm_t            *shm;
    ngx_ohttp_relay_spent_sh_t       *sh;
    ngx_ohttp_relay_spent_figures_t   now;

    shm = store->data;
    sh = shm->spent->sh;

    if (sh->published_at == 0 || ngx_time() < sh->published_at
        || ngx_time() - sh->published_at >= NGX_OHTTP_RELAY_SHM_STEP)
    {
        ngx_ohttp_relay_spent_figures(shm->spent, &now);

        sh->published = now;
        sh->published_at = ngx_time();
    }

    value = (ngx_atomic_uint_t *) &sh->published;

    for (i = 0; i < NGX_OHTTP_RELAY_SHM_FIGURES; i++) {
        shm->figures[i].value = value[i];
    }

    *n = NGX_OHTTP_RELAY_SHM_FIGURES;

    return shm->figures;
}
