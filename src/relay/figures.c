
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../gateway/opaque.h"
#include "figures.h"


#define NGX_OHTTP_RELAY_MIN_ZONE  (8 * ngx_pagesize)


ngx_int_t
ngx_ohttp_relay_figures_init(ngx_conf_t *cf, ngx_ohttp_relay_main_conf_t *rmcf)
{
    ngx_str_t                   *names;
    ngx_uint_t                   i, n;
    ngx_ohttp_relay_gateway_t  **gateway;

    if (rmcf->zone_size < NGX_OHTTP_RELAY_MIN_ZONE) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "ohttp_relay_zone must be at least %uz bytes",
                      NGX_OHTTP_RELAY_MIN_ZONE);
        return NGX_ERROR;
    }

    n = rmcf->gateways.gateways.nelts;
    gateway = rmcf->gateways.gateways.elts;

    names = ngx_palloc(cf->pool, n * sizeof(ngx_str_t));
    if (names == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        names[i] = gateway[i]->name;
    }

    rmcf->gateways.use = ngx_ohttp_relay_figures_use;
    rmcf->gateways.use_pool = ngx_ohttp_relay_figures_use_pool;
    rmcf->gateways.data = rmcf;

    rmcf->metrics = ngx_ohttp_relay_metrics_create(cf, rmcf->zone_size,
                                                   names, n,
                                                   &ngx_ohttp_relay_module);

    return rmcf->metrics ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_ohttp_relay_figures_use(void *data, ngx_ohttp_relay_gateway_t *gateway,
    ngx_pool_t *memory)
{
    ngx_ohttp_relay_main_conf_t *rmcf = data;

    gateway->counters = ngx_ohttp_relay_metrics_find(rmcf->metrics,
                                                     &gateway->name, memory);
    if (gateway->counters == NULL) {
        return NGX_ERROR;
    }

    if (ngx_ohttp_relay_keys_use(&rmcf->keyring, gateway, memory) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_ohttp_relay_opaque_models_use(gateway, rmcf->watch, memory);
}


ngx_int_t
ngx_ohttp_relay_figures_use_pool(void *data, ngx_ohttp_relay_pool_t *pool,
    ngx_pool_t *memory)
{
    ngx_ohttp_relay_main_conf_t *rmcf = data;

    return ngx_ohttp_relay_keys_use_pool(&rmcf->keyring, pool, memory);
}
