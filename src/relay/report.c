
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../gateway/eject.h"
#include "../gateway/live.h"
#include "../gateway/opaque.h"
#include "report.h"
#include "shown.h"


static void ngx_ohttp_relay_report_store(ngx_ohttp_relay_store_t *store,
    ngx_ohttp_relay_report_t *report);
static void ngx_ohttp_relay_report_jwt(ngx_ohttp_relay_jwt_t *jwt,
    ngx_ohttp_relay_report_t *report);
static void ngx_ohttp_relay_report_keys(ngx_ohttp_relay_keyring_t *ring,
    ngx_ohttp_relay_report_t *report);
static void ngx_ohttp_relay_report_models(ngx_ohttp_relay_gateways_t *gateways,
    ngx_ohttp_relay_report_t *report);
static void ngx_ohttp_relay_report_registry(
    ngx_ohttp_relay_gateways_t *gateways, ngx_ohttp_relay_report_t *report);
static void ngx_ohttp_relay_report_ejections(
    ngx_ohttp_relay_gateways_t *gateways, ngx_ohttp_relay_report_t *report);
static void ngx_ohttp_relay_report_add(ngx_ohttp_relay_report_t *report,
    char *room, char *name, char *help, ngx_uint_t gauge,
    ngx_atomic_uint_t value);


ngx_int_t
ngx_ohttp_relay_report_handler(ngx_http_request_t *r)
{
    ngx_ohttp_relay_extra_t       extra[NGX_OHTTP_RELAY_EXTRAS];
    ngx_ohttp_relay_report_t      report;
    ngx_ohttp_relay_loc_conf_t   *rlcf;
    ngx_ohttp_relay_main_conf_t  *rmcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_ohttp_relay_module);
    rmcf = ngx_http_get_module_main_conf(r, ngx_ohttp_relay_module);

    report.metrics = rmcf->metrics;
    report.store = NULL;
    report.extra = extra;
    report.nextra = 0;

    if (rmcf->store) {
        report.store = ngx_ohttp_relay_store_state(rmcf->store);
        ngx_ohttp_relay_report_store(rmcf->store, &report);
    }

    if (rmcf->access.jwt.cache) {
        ngx_ohttp_relay_report_jwt(&rmcf->access.jwt, &report);
    }

    ngx_ohttp_relay_report_keys(&rmcf->keyring, &report);
    ngx_ohttp_relay_report_models(&rmcf->gateways, &report);
    ngx_ohttp_relay_report_registry(&rmcf->gateways, &report);
    ngx_ohttp_relay_report_ejections(&rmcf->gateways, &report);

    if (ngx_ohttp_relay_shown_collect(rmcf, &report, r->pool) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_ohttp_relay_status(r, rlcf->status, &report);
}


static void
ngx_ohttp_relay_report_store(ngx_ohttp_relay_store_t *store,
    ngx_ohttp_relay_report_t *report)
{
    ngx_uint_t                       i, n;
    ngx_ohttp_relay_store_figure_t  *figure;

    figure = ngx_ohttp_relay_store_figures(store, &n);

    for (i = 0; i < n; i++) {
        ngx_ohttp_relay_report_add(report, "store", figure[i].name,
                                   figure[i].help, figure[i].gauge,
                                   figure[i].value);
    }
}


static void
ngx_ohttp_relay_report_jwt(ngx_ohttp_relay_jwt_t *jwt,
    ngx_ohttp_relay_report_t *report)
{
    ngx_uint_t                            i;
    ngx_atomic_uint_t                     broken, failures;
    ngx_ohttp_relay_jwt_issuer_t        **issuer;
    ngx_ohttp_relay_jwt_cache_figures_t   figures;

    ngx_ohttp_relay_jwt_cache_read(jwt->cache, &figures);

    broken = 0;
    failures = 0;
    issuer = jwt->issuers.elts;

    for (i = 0; i < jwt->issuers.nelts; i++) {

        if (issuer[i]->watched) {
            broken += ngx_ohttp_relay_watched_broken(issuer[i]->watched);
            failures += ngx_ohttp_relay_watched_failures(issuer[i]->watched);
        }
    }

    ngx_ohttp_relay_report_add(report, "jwt", "remembered",
                               "JWTs that had been verified before", 0,
                               figures.hits);
    ngx_ohttp_relay_report_add(report, "jwt", "verified",
                               "JWTs that had to be verified", 0,
                               figures.misses);
    ngx_ohttp_relay_report_add(report, "jwt", "files_broken",
                               "files of keys that are not taken over", 1,
                               broken);
    ngx_ohttp_relay_report_add(report, "jwt", "file_failures",
                               "changes of files that were not taken over", 0,
                               failures);
}


/* over all gateways and pools: which of them it is stands in the error log */

static void
ngx_ohttp_relay_report_keys(ngx_ohttp_relay_keyring_t *ring,
    ngx_ohttp_relay_report_t *report)
{
    ngx_uint_t                  n;
    ngx_queue_t                *q;
    ngx_atomic_uint_t           broken, failures, held, conflicts;
    ngx_ohttp_relay_keys_t     *keys;
    ngx_ohttp_relay_watched_t  *watched;

    n = 0;
    broken = 0;
    failures = 0;
    held = 0;
    conflicts = 0;

    for (q = ngx_queue_head(&ring->all);
         q != ngx_queue_sentinel(&ring->all);
         q = ngx_queue_next(q))
    {
        keys = ngx_queue_data(q, ngx_ohttp_relay_keys_t, queue);
        watched = keys->watched;

        if (watched) {
            n++;
            broken += ngx_ohttp_relay_watched_broken(watched);
            failures += ngx_ohttp_relay_watched_failures(watched);
            held += (ngx_ohttp_relay_watched_held(watched) >= 0);
            conflicts += ngx_ohttp_relay_watched_conflicts(watched);
        }
    }

    if (n == 0) {
        return;
    }

    ngx_ohttp_relay_report_add(report, "keys", "files_broken",
                               "files of gateways' keys that are not taken "
                               "over, and pools that do not agree", 1, broken);
    ngx_ohttp_relay_report_add(report, "keys", "file_failures",
                               "changes of such files that were not taken "
                               "over at once", 0, failures);
    ngx_ohttp_relay_report_add(report, "keys", "files_in_conflict",
                               "files that have another public key under the "
                               "id of a published one", 1, held);
    ngx_ohttp_relay_report_add(report, "keys", "conflicts",
                               "public keys that changed under their id, and "
                               "pools that did not agree", 0, conflicts);
}


static void
ngx_ohttp_relay_report_models(ngx_ohttp_relay_gateways_t *gateways,
    ngx_ohttp_relay_report_t *report)
{
    ngx_uint_t                   i, n;
    ngx_atomic_uint_t            broken, failures;
    ngx_ohttp_relay_gateway_t  **gateway;
    ngx_ohttp_relay_watched_t   *watched;

    n = 0;
    broken = 0;
    failures = 0;
    gateway = gateways->gateways.elts;

    for (i = 0; i < gateways->gateways.nelts; i++) {

        watched = ngx_ohttp_relay_opaque_watched(gateway[i]);

        if (watched) {
            n++;
            broken += ngx_ohttp_relay_watched_broken(watched);
            failures += ngx_ohttp_relay_watched_failures(watched);
        }
    }

    if (n == 0) {
        return;
    }

    ngx_ohttp_relay_report_add(report, "models", "files_broken",
                               "lists of models that are not taken over", 1,
                               broken);
    ngx_ohttp_relay_report_add(report, "models", "file_failures",
                               "changes of such lists that were not taken "
                               "over", 0, failures);
}


static void
ngx_ohttp_relay_report_registry(ngx_ohttp_relay_gateways_t *gateways,
    ngx_ohttp_relay_report_t *report)
{
    ngx_ohttp_relay_watched_t  *watched;

    watched = ngx_ohttp_relay_live_watched(gateways);

    if (watched == NULL) {
        return;
    }

    ngx_ohttp_relay_report_add(report, "registry", "gateways",
                               "gateways that are registered, in the "
                               "configuration too", 1,
                               gateways->roster->gateways.nelts);
    ngx_ohttp_relay_report_add(report, "registry", "file_broken",
                               "the registry is not taken over as it is", 1,
                               ngx_ohttp_relay_watched_broken(watched));
    ngx_ohttp_relay_report_add(report, "registry", "file_failures",
                               "changes of the registry that were not taken "
                               "over", 0,
                               ngx_ohttp_relay_watched_failures(watched));
}


static void
ngx_ohttp_relay_report_ejections(ngx_ohttp_relay_gateways_t *gateways,
    ngx_ohttp_relay_report_t *report)
{
    ngx_uint_t                   i;
    ngx_atomic_uint_t            ejected, ejections, n;
    ngx_ohttp_relay_gateway_t  **gateway;

    ejected = 0;
    ejections = 0;
    gateway = gateways->roster->gateways.elts;

    for (i = 0; i < gateways->roster->gateways.nelts; i++) {
        ejected += ngx_ohttp_relay_eject_figures(gateway[i], &n);
        ejections += n;
    }

    ngx_ohttp_relay_report_add(report, "gateways", "ejected",
                               "gateways that are left out, for no "
                               "connection could be made", 1, ejected);
    ngx_ohttp_relay_report_add(report, "gateways", "ejections",
                               "how often a gateway was left out", 0,
                               ejections);
}


static void
ngx_ohttp_relay_report_add(ngx_ohttp_relay_report_t *report, char *room,
    char *name, char *help, ngx_uint_t gauge, ngx_atomic_uint_t value)
{
    ngx_ohttp_relay_extra_t  *extra;

    if (report->nextra == NGX_OHTTP_RELAY_EXTRAS) {
        return;
    }

    extra = &report->extra[report->nextra++];

    extra->room = room;
    extra->name = name;
    extra->help = help;
    extra->gauge = gauge;
    extra->value = value;
}
