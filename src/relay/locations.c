
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "handler.h"
#include "locations.h"
#include "publish.h"


/* of a request body; the head of the largest envelope must fit */
#define NGX_OHTTP_RELAY_MIN_BUFFER  4096


static ngx_int_t ngx_ohttp_relay_locations_note(ngx_conf_t *cf,
    ngx_array_t *confs);
static ngx_int_t ngx_ohttp_relay_locations_take_server(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf);
static void ngx_ohttp_relay_locations_take(ngx_http_core_loc_conf_t *clcf);
static ngx_int_t ngx_ohttp_relay_location_init(ngx_conf_t *cf,
    ngx_ohttp_relay_main_conf_t *rmcf, ngx_ohttp_relay_loc_conf_t *rlcf,
    ngx_http_core_loc_conf_t *clcf);
static ngx_int_t ngx_ohttp_relay_location_name(ngx_conf_t *cf,
    ngx_ohttp_relay_main_conf_t *rmcf, ngx_ohttp_relay_loc_conf_t *rlcf,
    ngx_http_core_loc_conf_t *clcf);
static char *ngx_ohttp_relay_location_keys(ngx_ohttp_relay_gateway_t *gateway,
    ngx_ohttp_relay_pool_t *pool);
static ngx_int_t ngx_ohttp_relay_locations_plans(ngx_conf_t *cf,
    ngx_ohttp_relay_main_conf_t *rmcf);
static ngx_int_t ngx_ohttp_relay_locations_plan(ngx_conf_t *cf,
    ngx_ohttp_relay_main_conf_t *rmcf, ngx_array_t *names, ngx_str_t *plan,
    u_char *file, ngx_uint_t line);


ngx_int_t
ngx_ohttp_relay_locations_around(ngx_conf_t *cf,
    ngx_ohttp_relay_main_conf_t *rmcf, ngx_http_core_loc_conf_t *clcf)
{
    if (ngx_ohttp_relay_locations_note(cf, &rmcf->around) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_ohttp_relay_locations_take_server(cf, clcf);
}


ngx_int_t
ngx_ohttp_relay_locations_add(ngx_conf_t *cf,
    ngx_ohttp_relay_main_conf_t *rmcf, ngx_http_core_loc_conf_t *clcf)
{
    if (ngx_ohttp_relay_locations_note(cf, &rmcf->locations) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_ohttp_relay_locations_take(clcf);

    return NGX_OK;
}


/* notes the configuration of the location, or server, that is being merged */

static ngx_int_t
ngx_ohttp_relay_locations_note(ngx_conf_t *cf, ngx_array_t *confs)
{
    void  ***loc_conf;

    loc_conf = ngx_array_push(confs);
    if (loc_conf == NULL) {
        return NGX_ERROR;
    }

    *loc_conf = ((ngx_http_conf_ctx_t *) cf->ctx)->loc_conf;

    return NGX_OK;
}


/*
 * A server's error pages, those of requests that fail before they have a
 * location: a relay server answers them itself.  Locations have their own copy
 * of the list already.
 */

static ngx_int_t
ngx_ohttp_relay_locations_take_server(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf)
{
    ngx_uint_t                  i, k;
    ngx_array_t                *pages;
    ngx_http_err_page_t        *page, *kept;
    ngx_http_core_srv_conf_t   *cscf;

    static ngx_int_t  early[] = { 400, 405, 408, 414, 421, 431, 494, 495, 496,
                                  497, 501, 505 };

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    if (cscf->ctx->loc_conf != ((ngx_http_conf_ctx_t *) cf->ctx)->loc_conf
        || clcf->error_pages == NULL)
    {
        return NGX_OK;
    }

    pages = ngx_array_create(cf->pool, clcf->error_pages->nelts,
                             sizeof(ngx_http_err_page_t));
    if (pages == NULL) {
        return NGX_ERROR;
    }

    page = clcf->error_pages->elts;

    for (i = 0; i < clcf->error_pages->nelts; i++) {

        for (k = 0; k < sizeof(early) / sizeof(early[0]); k++) {
            if (page[i].status == early[k]) {
                break;
            }
        }

        if (k == sizeof(early) / sizeof(early[0])) {
            kept = ngx_array_push(pages);
            *kept = page[i];
        }
    }

    clcf->error_pages = pages;

    return NGX_OK;
}


/* what the relay decides in the core's place; see docs/directives.md */

static void
ngx_ohttp_relay_locations_take(ngx_http_core_loc_conf_t *clcf)
{
    /* max_body of the gateway holds instead, for chunked bodies as well */
    clcf->client_max_body_size = 0;

    /* errors are the relay's own, and never a redirect */
    clcf->error_pages = NULL;
    ngx_str_null(&clcf->post_action);

    /* without it the end of a stream would look like a cut */
    clcf->chunked_transfer_encoding = 1;

    if (clcf->client_body_buffer_size < NGX_OHTTP_RELAY_MIN_BUFFER) {
        clcf->client_body_buffer_size = NGX_OHTTP_RELAY_MIN_BUFFER;
    }
}


ngx_int_t
ngx_ohttp_relay_locations_init(ngx_conf_t *cf,
    ngx_ohttp_relay_main_conf_t *rmcf)
{
    void                      ***loc_conf;
    ngx_uint_t                   i, unsaid;
    ngx_ohttp_relay_loc_conf_t  *rlcf;

    if (ngx_ohttp_relay_locations_plans(cf, rmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    unsaid = 0;
    loc_conf = rmcf->locations.elts;

    for (i = 0; i < rmcf->locations.nelts; i++) {

        rlcf = loc_conf[i][ngx_ohttp_relay_module.ctx_index];

        unsaid |= (rlcf->auth == NULL && !rlcf->keys);

        if (ngx_ohttp_relay_location_init(cf, rmcf, rlcf,
                            loc_conf[i][ngx_http_core_module.ctx_index])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (unsaid) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "ohttp_relay_auth is off: relay locations serve clients "
                      "without a credential");
    }

    return NGX_OK;
}


/* names that are constants are looked up now, and must be right */

static ngx_int_t
ngx_ohttp_relay_location_init(ngx_conf_t *cf,
    ngx_ohttp_relay_main_conf_t *rmcf, ngx_ohttp_relay_loc_conf_t *rlcf,
    ngx_http_core_loc_conf_t *clcf)
{
    ngx_http_handler_pt  handler;

    if (rlcf->auth
        && ngx_ohttp_relay_auth_resolve(cf, &rmcf->access, rlcf->auth)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    handler = rlcf->keys ? ngx_ohttp_relay_publish_handler
                         : ngx_ohttp_relay_handler;

    if (clcf->handler != handler) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "relay location \"%V\" has another content handler "
                      "beside %s in %s:%ui", &clcf->name,
                      rlcf->keys ? "ohttp_relay_keys" : "ohttp_relay_pass",
                      rlcf->file, rlcf->line);
        return NGX_ERROR;
    }

    return rlcf->name.lengths
           ? NGX_OK : ngx_ohttp_relay_location_name(cf, rmcf, rlcf, clcf);
}


static ngx_int_t
ngx_ohttp_relay_location_name(ngx_conf_t *cf,
    ngx_ohttp_relay_main_conf_t *rmcf, ngx_ohttp_relay_loc_conf_t *rlcf,
    ngx_http_core_loc_conf_t *clcf)
{
    char                       *error;
    ngx_ohttp_relay_pool_t     *pool;
    ngx_ohttp_relay_roster_t   *roster;
    ngx_ohttp_relay_gateway_t  *gateway;

    roster = rmcf->gateways.roster;

    gateway = ngx_ohttp_relay_roster_gateway(roster, &rlcf->name.value);
    pool = ngx_ohttp_relay_roster_pool(roster, &rlcf->name.value);

    if (gateway == NULL && pool == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "relay location \"%V\": no gateway or pool \"%V\" is "
                      "registered in %s:%ui", &clcf->name,
                      &rlcf->name.value, rlcf->file, rlcf->line);
        return NGX_ERROR;
    }

    error = rlcf->keys ? ngx_ohttp_relay_location_keys(gateway, pool) : NULL;

    if (error) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "location \"%V\": %s \"%V\" has %s in %s:%ui",
                      &clcf->name, gateway ? "gateway" : "pool",
                      &rlcf->name.value, error, rlcf->file, rlcf->line);
        return NGX_ERROR;
    }

    /* a row, and a pool that rows are in, is looked up for each request */

    if (gateway && gateway->memory == NULL) {
        rlcf->gateway = gateway;
    }

    if (pool && pool->roster == NULL) {
        rlcf->pool = pool;
    }

    return NGX_OK;
}


/* whether there is something to publish; NULL, or why not */

static char *
ngx_ohttp_relay_location_keys(ngx_ohttp_relay_gateway_t *gateway,
    ngx_ohttp_relay_pool_t *pool)
{
    if (gateway) {
        return gateway->keys_file.len ? NULL : "no \"keys_file\"";
    }

    if (pool && !ngx_ohttp_relay_keys_pool_is_one(pool)) {
        return "gateways with keys of their own, which are published gateway "
               "by gateway";
    }

    return (pool == NULL || ngx_ohttp_relay_keys_pool_age(pool) < 0)
           ? "no gateway with a \"keys_file\"" : NULL;
}


/* the gateways, and pools, that plans are good for are registered */

static ngx_int_t
ngx_ohttp_relay_locations_plans(ngx_conf_t *cf,
    ngx_ohttp_relay_main_conf_t *rmcf)
{
    ngx_uint_t                      i;
    ngx_array_t                    *issuers;
    ngx_ohttp_relay_token_key_t   **key;
    ngx_ohttp_relay_jwt_issuer_t  **issuer;

    key = rmcf->access.keys.elts;

    for (i = 0; i < rmcf->access.keys.nelts; i++) {
        if (ngx_ohttp_relay_locations_plan(cf, rmcf, key[i]->gateways,
                                           &key[i]->name, key[i]->file,
                                           key[i]->line)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    issuers = ngx_ohttp_relay_jwt_issuers(&rmcf->access.jwt);
    issuer = issuers->elts;

    for (i = 0; i < issuers->nelts; i++) {
        if (ngx_ohttp_relay_locations_plan(cf, rmcf, issuer[i]->gateways,
                                           &issuer[i]->name, issuer[i]->file,
                                           issuer[i]->line)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_locations_plan(ngx_conf_t *cf,
    ngx_ohttp_relay_main_conf_t *rmcf, ngx_array_t *names, ngx_str_t *plan,
    u_char *file, ngx_uint_t line)
{
    ngx_str_t                 *name;
    ngx_uint_t                 i;
    ngx_ohttp_relay_roster_t  *roster;

    if (names == NULL) {
        return NGX_OK;
    }

    name = names->elts;
    roster = rmcf->gateways.roster;

    for (i = 0; i < names->nelts; i++) {
        if (ngx_ohttp_relay_roster_gateway(roster, &name[i]) == NULL
            && ngx_ohttp_relay_roster_pool(roster, &name[i]) == NULL)
        {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"%V\" is good for gateway \"%V\", which is not "
                          "registered, in %s:%ui", plan, &name[i], file, line);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_uint_t
ngx_ohttp_relay_locations_claim(ngx_ohttp_relay_main_conf_t *rmcf)
{
    ngx_uint_t                      i;
    ngx_array_t                    *issuers;
    ngx_ohttp_relay_gateway_t     **gateway;
    ngx_ohttp_relay_jwt_issuer_t  **issuer;

    issuers = ngx_ohttp_relay_jwt_issuers(&rmcf->access.jwt);
    issuer = issuers->elts;

    for (i = 0; i < issuers->nelts; i++) {
        if (issuer[i]->limit.burst) {
            return 1;
        }
    }

    gateway = rmcf->gateways.roster->gateways.elts;

    for (i = 0; i < rmcf->gateways.roster->gateways.nelts; i++) {
        if (gateway[i]->replay_window) {
            return 1;
        }
    }

    return rmcf->access.keys.nelts != 0;
}
