
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <sys/prctl.h>

#include "src/gateway/block.h"
#include "src/gateway/live.h"
#include "src/gateway/opaque.h"
#include "src/gateway/verdicts.h"
#include "src/relay/body.h"
#include "src/relay/cors.h"
#include "src/relay/figures.h"
#include "src/relay/filter.h"
#include "src/relay/flight.h"
#include "src/relay/forward.h"
#include "src/relay/handler.h"
#include "src/relay/locations.h"
#include "src/relay/privacy.h"
#include "src/relay/publish.h"
#include "src/relay/record.h"
#include "src/relay/report.h"


/* verified JWTs are remembered in a part of the zone's size */
#define NGX_OHTTP_RELAY_JWT_SHARE   8


static void *ngx_ohttp_relay_create_main_conf(ngx_conf_t *cf);
static void *ngx_ohttp_relay_create_srv_conf(ngx_conf_t *cf);
static void *ngx_ohttp_relay_create_loc_conf(ngx_conf_t *cf);
static char *ngx_ohttp_relay_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_ohttp_relay_pass(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_ohttp_relay_set_keys(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_ohttp_relay_set_name(ngx_conf_t *cf,
    ngx_ohttp_relay_loc_conf_t *rlcf, ngx_str_t *name);
static char *ngx_ohttp_relay_own(ngx_conf_t *cf,
    ngx_ohttp_relay_loc_conf_t *rlcf, ngx_http_handler_pt handler);
static char *ngx_ohttp_relay_set_cors(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_ohttp_relay_set_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_ohttp_relay_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_ohttp_relay_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_ohttp_relay_init_phases(ngx_conf_t *cf);
static ngx_int_t ngx_ohttp_relay_init_store(ngx_conf_t *cf,
    ngx_ohttp_relay_main_conf_t *rmcf);
static ngx_int_t ngx_ohttp_relay_init_watch(ngx_conf_t *cf,
    ngx_ohttp_relay_main_conf_t *rmcf);
static ngx_int_t ngx_ohttp_relay_init_seats(ngx_conf_t *cf,
    ngx_ohttp_relay_main_conf_t *rmcf);
static ngx_int_t ngx_ohttp_relay_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_ohttp_relay_init_process(ngx_cycle_t *cycle);
static void ngx_ohttp_relay_exit_process(ngx_cycle_t *cycle);
static void ngx_ohttp_relay_exit_master(ngx_cycle_t *cycle);


static ngx_conf_enum_t  ngx_ohttp_relay_status_formats[] = {
    { ngx_string("health"), NGX_OHTTP_RELAY_STATUS_HEALTH },
    { ngx_string("json"), NGX_OHTTP_RELAY_STATUS_JSON },
    { ngx_string("prometheus"), NGX_OHTTP_RELAY_STATUS_PROMETHEUS },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_ohttp_relay_commands[] = {

    { ngx_string("ohttp_relay_gateway"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_ohttp_relay_gateway_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_ohttp_relay_main_conf_t, gateways),
      NULL },

    { ngx_string("ohttp_relay_pool"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_ohttp_relay_pool_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_ohttp_relay_main_conf_t, gateways),
      NULL },

    { ngx_string("ohttp_relay_registry"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_ohttp_relay_registry_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_ohttp_relay_main_conf_t, gateways),
      NULL },

    { ngx_string("ohttp_relay_verdicts"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_ohttp_relay_verdicts_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_ohttp_relay_main_conf_t, gateways),
      NULL },

    { ngx_string("ohttp_relay_tls"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_ohttp_relay_tls_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_ohttp_relay_main_conf_t, gateways),
      NULL },

    { ngx_string("ohttp_relay_secret"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_ohttp_relay_secret_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_ohttp_relay_main_conf_t, access.secret),
      NULL },

    { ngx_string("ohttp_relay_token_key"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_ohttp_relay_token_key_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_ohttp_relay_main_conf_t, access.keys),
      NULL },

    { ngx_string("ohttp_relay_jwt_issuer"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_ohttp_relay_jwt_issuer_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_ohttp_relay_main_conf_t, access.jwt),
      NULL },

    { ngx_string("ohttp_relay_store"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_ohttp_relay_store_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_ohttp_relay_main_conf_t, store),
      NULL },

    { ngx_string("ohttp_relay_epochs"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_ohttp_relay_epochs_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_ohttp_relay_main_conf_t, keyring.epochs),
      NULL },

    { ngx_string("ohttp_relay_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_ohttp_relay_main_conf_t, zone_size),
      NULL },

    { ngx_string("ohttp_relay_dumpable"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_ohttp_relay_main_conf_t, dumpable),
      NULL },

    { ngx_string("ohttp_relay_pass"),
      NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF|NGX_CONF_TAKE1,
      ngx_ohttp_relay_pass,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ohttp_relay_keys"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_ohttp_relay_set_keys,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ohttp_relay_auth"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_ohttp_relay_auth_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_ohttp_relay_loc_conf_t, auth),
      NULL },

    { ngx_string("ohttp_relay_cors"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_ohttp_relay_set_cors,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ohttp_relay_early_data_header"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_ohttp_relay_loc_conf_t, early_data_header),
      NULL },

    { ngx_string("ohttp_relay_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_ohttp_relay_set_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_ohttp_relay_loc_conf_t, status),
      &ngx_ohttp_relay_status_formats },

      ngx_null_command
};


static ngx_http_module_t  ngx_ohttp_relay_module_ctx = {
    ngx_ohttp_relay_preconfiguration,      /* preconfiguration */
    ngx_ohttp_relay_postconfiguration,     /* postconfiguration */

    ngx_ohttp_relay_create_main_conf,      /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_ohttp_relay_create_srv_conf,       /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_ohttp_relay_create_loc_conf,       /* create location configuration */
    ngx_ohttp_relay_merge_loc_conf         /* merge location configuration */
};


ngx_module_t  ngx_ohttp_relay_module = {
    NGX_MODULE_V1,
    &ngx_ohttp_relay_module_ctx,           /* module context */
    ngx_ohttp_relay_commands,              /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_ohttp_relay_init_module,           /* init module */
    ngx_ohttp_relay_init_process,          /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_ohttp_relay_exit_process,          /* exit process */
    ngx_ohttp_relay_exit_master,           /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_module_t  ngx_ohttp_relay_exit_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_ohttp_relay_exit_init,             /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_ohttp_relay_exit_module = {
    NGX_MODULE_V1,
    &ngx_ohttp_relay_exit_module_ctx,      /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_ohttp_relay_create_main_conf(ngx_conf_t *cf)
{
    ngx_ohttp_relay_main_conf_t  *rmcf;

    rmcf = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_main_conf_t));
    if (rmcf == NULL) {
        return NULL;
    }

    if (ngx_ohttp_relay_gateways_create(cf->pool, &rmcf->gateways) != NGX_OK
        || ngx_ohttp_relay_access_create(cf->pool, &rmcf->access) != NGX_OK
        || ngx_array_init(&rmcf->locations, cf->pool, 4, sizeof(void **))
           != NGX_OK
        || ngx_array_init(&rmcf->around, cf->pool, 4, sizeof(void **))
           != NGX_OK
        || ngx_array_init(&rmcf->forget, cf->pool, 4, sizeof(ngx_uint_t))
           != NGX_OK
        || ngx_array_init(&rmcf->quiet, cf->pool, 4,
                          sizeof(ngx_ohttp_relay_quiet_t))
           != NGX_OK)
    {
        return NULL;
    }

    rmcf->zone_size = NGX_CONF_UNSET_SIZE;
    rmcf->dumpable = NGX_CONF_UNSET;

    return rmcf;
}


static void *
ngx_ohttp_relay_create_srv_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_srv_conf_t));
}


static void *
ngx_ohttp_relay_create_loc_conf(ngx_conf_t *cf)
{
    ngx_ohttp_relay_loc_conf_t  *rlcf;

    rlcf = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_loc_conf_t));
    if (rlcf == NULL) {
        return NULL;
    }

    rlcf->origins = NGX_CONF_UNSET_PTR;
    rlcf->early_data_header = NGX_CONF_UNSET;
    rlcf->auth = NGX_CONF_UNSET_PTR;
    rlcf->status = NGX_CONF_UNSET_UINT;

    return rlcf;
}


static char *
ngx_ohttp_relay_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_ohttp_relay_loc_conf_t *prev = parent;
    ngx_ohttp_relay_loc_conf_t *conf = child;

    ngx_http_core_loc_conf_t     *clcf;
    ngx_ohttp_relay_srv_conf_t   *rscf;
    ngx_ohttp_relay_main_conf_t  *rmcf;

    ngx_conf_merge_ptr_value(conf->origins, prev->origins, NULL);
    ngx_conf_merge_value(conf->early_data_header, prev->early_data_header, 0);
    ngx_conf_merge_ptr_value(conf->auth, prev->auth, NULL);

    if (conf->status == NGX_CONF_UNSET_UINT) {
        conf->status = NGX_OHTTP_RELAY_STATUS_OFF;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    rscf = ngx_http_conf_get_module_srv_conf(cf, ngx_ohttp_relay_module);
    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_ohttp_relay_module);

    if (rscf->relay
        && ngx_ohttp_relay_locations_around(cf, rmcf, clcf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* "if" and "limit_except" are parts of the location around them */

    if (!conf->relay && prev->relay && (clcf->noname || clcf->lmt_excpt)) {
        conf->relay = 1;
        conf->keys = prev->keys;
        conf->name = prev->name;
        conf->file = prev->file;
        conf->line = prev->line;

        if (clcf->handler == NULL) {
            clcf->handler = conf->keys ? ngx_ohttp_relay_publish_handler
                                       : ngx_ohttp_relay_handler;
        }
    }

    if (!conf->relay) {
        return NGX_CONF_OK;
    }

    return ngx_ohttp_relay_locations_add(cf, rmcf, clcf) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_ohttp_relay_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ohttp_relay_loc_conf_t *rlcf = conf;

    ngx_str_t  *value;

    if (rlcf->relay) {
        return rlcf->keys ? "stands beside another content handler"
                          : "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_ohttp_relay_set_name(cf, rlcf, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_ohttp_relay_own(cf, rlcf, ngx_ohttp_relay_handler);
}


static char *
ngx_ohttp_relay_set_keys(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ohttp_relay_loc_conf_t *rlcf = conf;

    ngx_str_t  *value;

    if (rlcf->relay) {
        return rlcf->keys ? "is duplicate"
                          : "stands beside another content handler";
    }

    value = cf->args->elts;

    if (ngx_ohttp_relay_set_name(cf, rlcf, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    rlcf->keys = 1;

    return ngx_ohttp_relay_own(cf, rlcf, ngx_ohttp_relay_publish_handler);
}


static ngx_int_t
ngx_ohttp_relay_set_name(ngx_conf_t *cf, ngx_ohttp_relay_loc_conf_t *rlcf,
    ngx_str_t *name)
{
    ngx_http_compile_complex_value_t  ccv;

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = name;
    ccv.complex_value = &rlcf->name;

    return ngx_http_compile_complex_value(&ccv);
}


/* from here on the location, and its server, are those of a relay */

static char *
ngx_ohttp_relay_own(ngx_conf_t *cf, ngx_ohttp_relay_loc_conf_t *rlcf,
    ngx_http_handler_pt handler)
{
    ngx_http_core_loc_conf_t    *clcf;
    ngx_ohttp_relay_srv_conf_t  *rscf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        return "stands beside another content handler";
    }

    clcf->handler = handler;

    rlcf->relay = 1;
    rlcf->file = cf->conf_file->file.name.data;
    rlcf->line = cf->conf_file->line;

    rscf = ngx_http_conf_get_module_srv_conf(cf, ngx_ohttp_relay_module);
    rscf->relay = 1;

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_set_cors(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ohttp_relay_loc_conf_t *rlcf = conf;

    ngx_str_t   *value, *origin;
    ngx_uint_t   i;

    if (rlcf->origins != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    rlcf->origins = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                     sizeof(ngx_str_t));
    if (rlcf->origins == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (!ngx_ohttp_relay_is_origin(&value[i])) {
            return "wants origins as browsers send them, such as "
                   "https://chat.example: no path, no final \"/\"";
        }

        origin = ngx_array_push(rlcf->origins);
        *origin = value[i];
    }

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_set_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                         *rv;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_ohttp_relay_main_conf_t  *rmcf;

    rv = ngx_conf_set_enum_slot(cf, cmd, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        return "stands beside another content handler";
    }

    clcf->handler = ngx_ohttp_relay_report_handler;

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_ohttp_relay_module);
    rmcf->status = 1;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_ohttp_relay_preconfiguration(ngx_conf_t *cf)
{
    return ngx_ohttp_relay_add_variables(cf);
}


static ngx_int_t
ngx_ohttp_relay_postconfiguration(ngx_conf_t *cf)
{
    ngx_ohttp_relay_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_ohttp_relay_module);

    ngx_conf_init_size_value(rmcf->zone_size, 16 * 1024 * 1024);
    ngx_conf_init_value(rmcf->dumpable, 0);

    /* a module that is loaded and not used costs nothing */

    if (rmcf->locations.nelts == 0 && rmcf->gateways.gateways.nelts == 0
        && rmcf->gateways.live == NULL && !rmcf->status)
    {
        return NGX_OK;
    }

    if (ngx_ohttp_relay_gateways_init(cf, &rmcf->gateways) != NGX_OK
        || ngx_ohttp_relay_access_init(cf, &rmcf->access) != NGX_OK
        || ngx_ohttp_relay_locations_init(cf, rmcf) != NGX_OK
        || ngx_ohttp_relay_init_store(cf, rmcf) != NGX_OK
        || ngx_ohttp_relay_init_watch(cf, rmcf) != NGX_OK
        || ngx_ohttp_relay_privacy_check(cf, rmcf) != NGX_OK
        || ngx_ohttp_relay_figures_init(cf, rmcf) != NGX_OK
        || ngx_ohttp_relay_init_seats(cf, rmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (rmcf->locations.nelts == 0) {
        return NGX_OK;
    }

    ngx_ohttp_relay_filter_init();
    ngx_ohttp_relay_body_init();
    ngx_ohttp_relay_forward_init();
    ngx_ohttp_relay_flight_init();

    return ngx_ohttp_relay_init_phases(cf);
}


static ngx_int_t
ngx_ohttp_relay_init_phases(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h, *first;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_POST_READ_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_ohttp_relay_post_read;

    h = ngx_array_push_n(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers, 2);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h[1] = ngx_ohttp_relay_record;

    /* logs are written in this order: nothing may be written before it */

    first = cmcf->phases[NGX_HTTP_LOG_PHASE].handlers.elts;

    ngx_memmove(first + 1, first, (u_char *) h - (u_char *) first);
    *first = ngx_ohttp_relay_before_log;

    return NGX_OK;
}


/* a relay that remembers nothing has no store either */

static ngx_int_t
ngx_ohttp_relay_init_store(ngx_conf_t *cf, ngx_ohttp_relay_main_conf_t *rmcf)
{
    ngx_uint_t                     i;
    ngx_ohttp_relay_token_key_t  **key;

    if (rmcf->store == NULL && !ngx_ohttp_relay_locations_claim(rmcf)) {
        return NGX_OK;
    }

    if (ngx_ohttp_relay_store_init(cf, &rmcf->store,
                                   rmcf->access.secret.key.len != 0,
                                   &ngx_ohttp_relay_module)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    key = rmcf->access.keys.elts;

    for (i = 0; i < rmcf->access.keys.nelts; i++) {

        /* what belongs to a window is remembered as long as that, no longer */

        if (key[i]->window == 0
            && ngx_ohttp_relay_store_pin(rmcf->store, key[i]->group,
                                         key[i]->expires, &key[i]->name)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_init_watch(ngx_conf_t *cf, ngx_ohttp_relay_main_conf_t *rmcf)
{
    if (ngx_ohttp_relay_jwt_init(cf, &rmcf->access.jwt, &rmcf->watch,
                                 rmcf->zone_size / NGX_OHTTP_RELAY_JWT_SHARE,
                                 &ngx_ohttp_relay_module)
        != NGX_OK
        || ngx_ohttp_relay_keys_init(cf, &rmcf->gateways, &rmcf->keyring,
                                     &rmcf->watch, &ngx_ohttp_relay_module)
           != NGX_OK
        || ngx_ohttp_relay_epochs_init(cf, rmcf->keyring.epochs,
                                       &ngx_ohttp_relay_module)
           != NGX_OK
        || ngx_ohttp_relay_opaque_models_init(cf, &rmcf->gateways,
                                              &rmcf->watch)
            != NGX_OK
        || ngx_ohttp_relay_live_share(cf, &rmcf->gateways, rmcf->store != NULL,
                                      &ngx_ohttp_relay_module)
           != NGX_OK
        || ngx_ohttp_relay_verdicts_init(cf, &rmcf->gateways,
                                         &ngx_ohttp_relay_module)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_ohttp_relay_watch_init(cf, rmcf->watch,
                                      &ngx_ohttp_relay_module);
}


static ngx_int_t
ngx_ohttp_relay_init_seats(ngx_conf_t *cf, ngx_ohttp_relay_main_conf_t *rmcf)
{
    rmcf->gateways.seats = ngx_ohttp_relay_seats_create(cf,
                                                     &ngx_ohttp_relay_module);

    return rmcf->gateways.seats ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_ohttp_relay_init_module(ngx_cycle_t *cycle)
{
    ngx_ohttp_relay_main_conf_t  *rmcf;

    rmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_ohttp_relay_module);

    if (rmcf == NULL || rmcf->locations.nelts == 0) {
        return NGX_OK;
    }

    return ngx_ohttp_relay_privacy_apply(cycle, rmcf);
}


static ngx_int_t
ngx_ohttp_relay_init_process(ngx_cycle_t *cycle)
{
    ngx_ohttp_relay_main_conf_t  *rmcf;

    rmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_ohttp_relay_module);

    if (rmcf == NULL || rmcf->metrics == NULL
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    ngx_ohttp_relay_metrics_worker(rmcf->metrics);

    ngx_ohttp_relay_seats_worker(rmcf->gateways.seats);

    if (rmcf->store
        && ngx_ohttp_relay_store_init_process(rmcf->store, cycle) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_ohttp_relay_live_init_process(&rmcf->gateways, cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    if (rmcf->watch
        && ngx_ohttp_relay_watch_init_process(rmcf->watch, cycle) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* a core file would hold heads of requests together with addresses */

    if (rmcf->locations.nelts && !rmcf->dumpable
        && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
    {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      "prctl(PR_SET_DUMPABLE) failed");
    }

    return NGX_OK;
}


static void
ngx_ohttp_relay_exit_process(ngx_cycle_t *cycle)
{
    ngx_ohttp_relay_main_conf_t  *rmcf;

    rmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_ohttp_relay_module);

    if (rmcf == NULL) {
        return;
    }

    ngx_ohttp_relay_live_exit_process(&rmcf->gateways);

    if (rmcf->store) {
        ngx_ohttp_relay_store_exit_process(rmcf->store, cycle);
    }
}


static void
ngx_ohttp_relay_exit_master(ngx_cycle_t *cycle)
{
    ngx_ohttp_relay_main_conf_t  *rmcf;

    rmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_ohttp_relay_module);

    if (rmcf && rmcf->store) {
        ngx_ohttp_relay_store_exit_master(rmcf->store, cycle);
    }
}
