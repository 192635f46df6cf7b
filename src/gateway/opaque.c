
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../codec/models.h"
#include "../conf/conf.h"
#include "opaque.h"


/* bytes of a list; that of a large provider has some hundred kilobytes */
#define NGX_OHTTP_RELAY_MODELS_BYTES  (1024 * 1024)

/* seconds: what the gateways of Dstack themselves accept */
#define NGX_OHTTP_RELAY_OPAQUE_WINDOW  300


/* a copy of the ids, sorted, and the slices that point into it */

typedef struct {
    size_t                       n;
    ngx_ohttp_relay_slice_t     *id;
} ngx_ohttp_relay_models_t;


struct ngx_ohttp_relay_list_s {
    ngx_ohttp_relay_watched_t   *watched;
    ngx_ohttp_relay_models_t     models;     /* of this process */
};


static ngx_uint_t ngx_ohttp_relay_opaque_lists(
    ngx_ohttp_relay_gateway_t *gateway);
static ngx_uint_t ngx_ohttp_relay_opaque_takes_any(
    ngx_ohttp_relay_gateway_t *gateway);
static ngx_ohttp_relay_list_t *ngx_ohttp_relay_opaque_list(ngx_pool_t *pool);
static void ngx_ohttp_relay_opaque_list_free(void *data);
static ngx_int_t ngx_ohttp_relay_opaque_take(void *data, u_char *p,
    u_char *last, ngx_pool_t *pool, char **error);
static ngx_ohttp_relay_slice_t *ngx_ohttp_relay_opaque_copy(
    ngx_ohttp_relay_slice_t *id, size_t n, ngx_log_t *log);


char *
ngx_ohttp_relay_opaque_wrong(ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_uint_t  chutes;

    chutes = (gateway->profile == NGX_OHTTP_RELAY_PROFILE_CHUTES);

    if (!chutes && gateway->confidential_models.len) {
        return "\"confidential_models\" needs \"profile chutes-e2e\"";
    }

    if (gateway->profile == NGX_CONF_UNSET_UINT
        || gateway->profile == NGX_OHTTP_RELAY_PROFILE_OHTTP)
    {
        return NULL;
    }

    if (gateway->kinds || gateway->keys_file.len || gateway->nkey_ids
        || (gateway->billing_frame != NGX_CONF_UNSET_UINT
            && gateway->billing_frame != NGX_OHTTP_RELAY_BILLING_PASS))
    {
        return "\"media_types\", \"keys_file\", \"key_ids\" and "
               "\"billing_frame\" need \"profile ohttp\"";
    }

    if (ngx_strlchr((u_char *) gateway->url.path.data,
                    (u_char *) gateway->url.path.data + gateway->url.path.len,
                    '?'))
    {
        return "\"url\" has a query, and its profile brings one of its own";
    }

    if (gateway->profile != NGX_OHTTP_RELAY_PROFILE_DSTACK
        && gateway->replay_window != NGX_CONF_UNSET
        && gateway->replay_window != 0)
    {
        return "\"replay_window\" has no meaning with its profile: the "
               "gateway itself tells what came before, or nobody does";
    }

    if (chutes && gateway->confidential_models.len == 0) {
        return "\"profile chutes-e2e\" needs \"confidential_models\": the "
               "file that lists them, or \"off\" to accept any model";
    }

    return NULL;
}


void
ngx_ohttp_relay_opaque_init_values(ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_conf_init_uint_value(gateway->profile, NGX_OHTTP_RELAY_PROFILE_OHTTP);

    if (gateway->profile == NGX_OHTTP_RELAY_PROFILE_OHTTP) {
        return;
    }

    /* a length is declared to all of them */
    gateway->kinds = NGX_OHTTP_RELAY_KIND_SINGLE;

    if (gateway->profile == NGX_OHTTP_RELAY_PROFILE_DSTACK) {
        ngx_conf_init_value(gateway->replay_window,
                            NGX_OHTTP_RELAY_OPAQUE_WINDOW);
    }
}


ngx_int_t
ngx_ohttp_relay_opaque_head(ngx_conf_t *cf, ngx_ohttp_relay_gateway_t *gateway)
{
    u_char        *p;
    size_t         len;
    ngx_uint_t     i, n;
    ngx_keyval_t  *header;

    n = gateway->request_headers ? gateway->request_headers->nelts : 0;
    header = n ? gateway->request_headers->elts : NULL;

    len = sizeof(" HTTP/1.1" CRLF "Host: " CRLF) - 1
          + gateway->url.authority.len;

    for (i = 0; i < n; i++) {
        len += header[i].key.len + sizeof(": " CRLF) - 1 + header[i].value.len;
    }

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    gateway->head[NGX_OHTTP_RELAY_SINGLE].data = p;
    gateway->head[NGX_OHTTP_RELAY_SINGLE].len = len;

    p = ngx_sprintf(p, " HTTP/1.1" CRLF "Host: %*s" CRLF,
                    gateway->url.authority.len, gateway->url.authority.data);

    for (i = 0; i < n; i++) {
        p = ngx_sprintf(p, "%V: %V" CRLF, &header[i].key, &header[i].value);
    }

    return NGX_OK;
}


ngx_str_t
ngx_ohttp_relay_opaque_base(ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_str_t  base;

    base.data = (u_char *) gateway->url.path.data;
    base.len = gateway->url.path.len;

    if (base.data[base.len - 1] == '/') {
        base.len--;
    }

    return base;
}


char *
ngx_ohttp_relay_opaque_pool_wrong(ngx_ohttp_relay_pool_t *pool,
    ngx_ohttp_relay_gateway_t *gateway)
{
    if (pool->members.nelts && pool->profile != gateway->profile) {
        return "its \"profile\" is not that of the others in its pool";
    }

    if (gateway->profile != NGX_OHTTP_RELAY_PROFILE_OHTTP
        && (pool->select == NGX_OHTTP_RELAY_SELECT_PATH
            || pool->select == NGX_OHTTP_RELAY_SELECT_KEY_ID))
    {
        return "its pool chooses by path or key id, which its profile has "
               "another use for, or none";
    }

    return NULL;
}


ngx_int_t
ngx_ohttp_relay_opaque_models_init(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways, ngx_ohttp_relay_watch_t **watch)
{
    ngx_uint_t                   i;
    ngx_ohttp_relay_list_t      *list;
    ngx_ohttp_relay_gateway_t  **gateway;

    gateway = gateways->gateways.elts;

    for (i = 0; i < gateways->gateways.nelts; i++) {

        if (!ngx_ohttp_relay_opaque_lists(gateway[i])) {
            continue;
        }

        list = ngx_ohttp_relay_opaque_list(cf->pool);
        if (list == NULL) {
            return NGX_ERROR;
        }

        list->watched = ngx_ohttp_relay_watch_add(cf, watch,
                                             &gateway[i]->confidential_models,
                                             NGX_OHTTP_RELAY_MODELS_BYTES,
                                             ngx_ohttp_relay_opaque_take,
                                             list);
        if (list->watched == NULL) {
            return NGX_ERROR;
        }

        gateway[i]->models = list;
    }

    return NGX_OK;
}


ngx_int_t
ngx_ohttp_relay_opaque_models_use(ngx_ohttp_relay_gateway_t *gateway,
    ngx_ohttp_relay_watch_t *watch, ngx_pool_t *pool)
{
    ngx_ohttp_relay_list_t  *list;

    if (gateway->models || !ngx_ohttp_relay_opaque_lists(gateway)) {
        return NGX_OK;
    }

    list = ngx_ohttp_relay_opaque_list(pool);
    if (list == NULL) {
        return NGX_ERROR;
    }

    /* a list that is not there has no model */

    gateway->models = list;

    list->watched = ngx_ohttp_relay_watch_open(watch,
                                             &gateway->confidential_models,
                                             NGX_OHTTP_RELAY_MODELS_BYTES,
                                             ngx_ohttp_relay_opaque_take,
                                             list, pool);

    return NGX_OK;
}


/* whether there is to be a list */

static ngx_uint_t
ngx_ohttp_relay_opaque_lists(ngx_ohttp_relay_gateway_t *gateway)
{
    return gateway->confidential_models.len
           && !ngx_ohttp_relay_opaque_takes_any(gateway);
}


static ngx_uint_t
ngx_ohttp_relay_opaque_takes_any(ngx_ohttp_relay_gateway_t *gateway)
{
    static ngx_str_t  any = ngx_string("off");

    return ngx_ohttp_relay_conf_equal(&gateway->confidential_models, &any);
}


static ngx_ohttp_relay_list_t *
ngx_ohttp_relay_opaque_list(ngx_pool_t *pool)
{
    ngx_pool_cleanup_t      *cln;
    ngx_ohttp_relay_list_t  *list;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_ohttp_relay_list_t));
    if (cln == NULL) {
        return NULL;
    }

    list = cln->data;

    ngx_memzero(list, sizeof(ngx_ohttp_relay_list_t));

    cln->handler = ngx_ohttp_relay_opaque_list_free;

    return list;
}


static void
ngx_ohttp_relay_opaque_list_free(void *data)
{
    ngx_ohttp_relay_list_t *list = data;

    if (list->models.id) {
        ngx_free(list->models.id);
    }
}


/* takes over the content of the list, when the watcher has read it */

static ngx_int_t
ngx_ohttp_relay_opaque_take(void *data, u_char *p, u_char *last,
    ngx_pool_t *pool, char **error)
{
    ngx_ohttp_relay_list_t *list = data;

    ssize_t                   n;
    const char               *reason;
    ngx_ohttp_relay_slice_t  *id, *copy;

    n = ngx_ohttp_relay_models(p, last, NULL, 0, &reason);

    if (n == NGX_OHTTP_RELAY_ERROR) {
        *error = (char *) reason;
        return NGX_ERROR;
    }

    *error = "no memory";

    id = ngx_palloc(pool, (n + 1) * sizeof(ngx_ohttp_relay_slice_t));
    if (id == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_ohttp_relay_models(p, last, id, n, &reason);

    ngx_qsort(id, n, sizeof(ngx_ohttp_relay_slice_t),
              ngx_ohttp_relay_models_compare);

    copy = ngx_ohttp_relay_opaque_copy(id, n, pool->log);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    ngx_ohttp_relay_opaque_list_free(list);

    list->models.id = copy;
    list->models.n = n;

    return NGX_OK;
}


static ngx_ohttp_relay_slice_t *
ngx_ohttp_relay_opaque_copy(ngx_ohttp_relay_slice_t *id, size_t n,
    ngx_log_t *log)
{
    u_char                   *p;
    size_t                    i, size;
    ngx_ohttp_relay_slice_t  *copy;

    /* of an empty list there is memory, too: it is a list */

    size = 1 + n * sizeof(ngx_ohttp_relay_slice_t);

    for (i = 0; i < n; i++) {
        size += id[i].len;
    }

    copy = ngx_alloc(size, log);
    if (copy == NULL) {
        return NULL;
    }

    p = (u_char *) (copy + n);

    for (i = 0; i < n; i++) {
        copy[i].data = p;
        copy[i].len = id[i].len;
        p = ngx_cpymem(p, id[i].data, id[i].len);
    }

    return copy;
}


ngx_ohttp_relay_model_e
ngx_ohttp_relay_opaque_model(ngx_ohttp_relay_gateway_t *gateway,
    const u_char *p, const u_char *last)
{
    ngx_ohttp_relay_list_t   *list;
    ngx_ohttp_relay_slice_t   id;

    list = gateway->models;

    if (list == NULL) {
        return ngx_ohttp_relay_opaque_takes_any(gateway)
               ? NGX_OHTTP_RELAY_MODEL_CONFIDENTIAL
               : NGX_OHTTP_RELAY_MODEL_UNKNOWN;
    }

    /* a list that was taken away says nothing, whatever stood in it */

    if (list->models.id == NULL
        || ngx_ohttp_relay_watched_gone(list->watched))
    {
        return NGX_OHTTP_RELAY_MODEL_UNKNOWN;
    }

    id.data = p;
    id.len = last - p;

    return bsearch(&id, list->models.id, list->models.n,
                   sizeof(ngx_ohttp_relay_slice_t),
                   ngx_ohttp_relay_models_compare)
           ? NGX_OHTTP_RELAY_MODEL_CONFIDENTIAL
           : NGX_OHTTP_RELAY_MODEL_OTHER;
}


ngx_ohttp_relay_watched_t *
ngx_ohttp_relay_opaque_watched(ngx_ohttp_relay_gateway_t *gateway)
{
    return gateway->models ? gateway->models->watched : NULL;
}
