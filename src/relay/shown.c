
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../gateway/eject.h"
#include "../gateway/live.h"
#include "../gateway/state.h"
#include "../gateway/verdicts.h"
#include "shown.h"


static ngx_int_t ngx_ohttp_relay_shown_gateways(
    ngx_ohttp_relay_roster_t *roster, ngx_ohttp_relay_report_t *report);
static ngx_ohttp_relay_shown_e ngx_ohttp_relay_shown_state(
    ngx_ohttp_relay_gateway_t *gateway);
static void ngx_ohttp_relay_shown_attestation(
    ngx_ohttp_relay_gateway_t *gateway,
    ngx_ohttp_relay_shown_gateway_t *shown);
static void ngx_ohttp_relay_shown_keys(ngx_ohttp_relay_keys_t *keys,
    ngx_ohttp_relay_shown_keys_t *shown);
static ngx_int_t ngx_ohttp_relay_shown_pools(ngx_ohttp_relay_roster_t *roster,
    ngx_ohttp_relay_report_t *report);
static ngx_int_t ngx_ohttp_relay_shown_files(ngx_ohttp_relay_main_conf_t *rmcf,
    ngx_ohttp_relay_report_t *report);
static ngx_int_t ngx_ohttp_relay_shown_file(ngx_ohttp_relay_watched_t *watched,
    ngx_ohttp_relay_report_t *report, ngx_uint_t all);


/* by NGX_OHTTP_RELAY_ADMIN_* */

static char  *ngx_ohttp_relay_shown_admins[] = { "up", "drain", "down" };


ngx_int_t
ngx_ohttp_relay_shown_collect(ngx_ohttp_relay_main_conf_t *rmcf,
    ngx_ohttp_relay_report_t *report, ngx_pool_t *pool)
{
    ngx_ohttp_relay_roster_t  *roster;

    roster = rmcf->gateways.roster;

    report->gateways = ngx_array_create(pool, roster->gateways.nelts + 1,
                                      sizeof(ngx_ohttp_relay_shown_gateway_t));
    report->pools = ngx_array_create(pool, roster->pools.nelts + 1,
                                     sizeof(ngx_ohttp_relay_shown_keys_t));
    report->files = ngx_array_create(pool, 4,
                                     sizeof(ngx_ohttp_relay_shown_file_t));

    if (report->gateways == NULL || report->pools == NULL
        || report->files == NULL)
    {
        return NGX_ERROR;
    }

    if (ngx_ohttp_relay_shown_gateways(roster, report) != NGX_OK
        || ngx_ohttp_relay_shown_pools(roster, report) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_ohttp_relay_shown_files(rmcf, report);
}


static ngx_int_t
ngx_ohttp_relay_shown_gateways(ngx_ohttp_relay_roster_t *roster,
    ngx_ohttp_relay_report_t *report)
{
    ngx_uint_t                         i;
    ngx_ohttp_relay_gateway_t        **gateway;
    ngx_ohttp_relay_shown_gateway_t   *shown;

    gateway = roster->gateways.elts;

    for (i = 0; i < roster->gateways.nelts; i++) {

        shown = ngx_array_push(report->gateways);
        if (shown == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(shown, sizeof(ngx_ohttp_relay_shown_gateway_t));

        shown->name = gateway[i]->name;
        shown->pool = gateway[i]->pool_name;
        shown->admin = ngx_ohttp_relay_shown_admins[gateway[i]->admin];

        ngx_ohttp_relay_shown_attestation(gateway[i], shown);

        if (gateway[i]->keys) {
            ngx_ohttp_relay_shown_keys(gateway[i]->keys, &shown->keys);
        }

        ngx_ohttp_relay_metrics_show(gateway[i]->counters,
                                     ngx_ohttp_relay_shown_state(gateway[i]));
    }

    return NGX_OK;
}


static ngx_ohttp_relay_shown_e
ngx_ohttp_relay_shown_state(ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_atomic_uint_t  ejections;

    switch (ngx_ohttp_relay_gateway_state(gateway)) {

    case NGX_OHTTP_RELAY_STATE_READY:
        return ngx_ohttp_relay_eject_figures(gateway, &ejections)
               ? NGX_OHTTP_RELAY_SHOWN_EJECTED : NGX_OHTTP_RELAY_SHOWN_READY;

    case NGX_OHTTP_RELAY_STATE_NOT_ATTESTED:
        return NGX_OHTTP_RELAY_SHOWN_NOT_ATTESTED;

    default: /* NGX_OHTTP_RELAY_STATE_UNAVAILABLE */
        return NGX_OHTTP_RELAY_SHOWN_UNAVAILABLE;
    }
}


static void
ngx_ohttp_relay_shown_attestation(ngx_ohttp_relay_gateway_t *gateway,
    ngx_ohttp_relay_shown_gateway_t *shown)
{
    ngx_ohttp_relay_verdicts_state_t  state;

    ngx_ohttp_relay_verdicts_state(gateway, &state);

    shown->attestation = state.state;
    shown->kind = state.kind;
    shown->root = state.root;
    shown->age = ngx_max(0, ngx_time() - state.verified_at);
    shown->left = ngx_max(0, state.valid_until - ngx_time());
}


static void
ngx_ohttp_relay_shown_keys(ngx_ohttp_relay_keys_t *keys,
    ngx_ohttp_relay_shown_keys_t *shown)
{
    shown->name = keys->name;
    ngx_str_null(&shown->sha256);
    shown->conflict = 0;

    if (keys->snapshot) {

        /* without its quotes */

        shown->sha256.data = keys->snapshot->etag.data + 1;
        shown->sha256.len = keys->snapshot->etag.len - 2;
    }

    if (keys->watched) {
        shown->conflict = ngx_ohttp_relay_watched_held(keys->watched) >= 0
                          || (keys->pool
                              && ngx_ohttp_relay_watched_broken(keys->watched));
    }
}


static ngx_int_t
ngx_ohttp_relay_shown_pools(ngx_ohttp_relay_roster_t *roster,
    ngx_ohttp_relay_report_t *report)
{
    ngx_uint_t                      i;
    ngx_ohttp_relay_pool_t        **pool;
    ngx_ohttp_relay_shown_keys_t   *shown;

    pool = roster->pools.elts;

    for (i = 0; i < roster->pools.nelts; i++) {

        if (pool[i]->keys == NULL) {
            continue;
        }

        shown = ngx_array_push(report->pools);
        if (shown == NULL) {
            return NGX_ERROR;
        }

        ngx_ohttp_relay_shown_keys(pool[i]->keys, shown);
    }

    return NGX_OK;
}


/* the registry and the verdicts, and of the files of keys those that fail */

static ngx_int_t
ngx_ohttp_relay_shown_files(ngx_ohttp_relay_main_conf_t *rmcf,
    ngx_ohttp_relay_report_t *report)
{
    ngx_queue_t             *q;
    ngx_ohttp_relay_keys_t  *keys;

    if (ngx_ohttp_relay_shown_file(
                ngx_ohttp_relay_live_watched(&rmcf->gateways), report, 1)
        != NGX_OK
        || ngx_ohttp_relay_shown_file(
                ngx_ohttp_relay_verdicts_watched(&rmcf->gateways), report, 1)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (q = ngx_queue_head(&rmcf->keyring.all);
         q != ngx_queue_sentinel(&rmcf->keyring.all);
         q = ngx_queue_next(q))
    {
        keys = ngx_queue_data(q, ngx_ohttp_relay_keys_t, queue);

        if (keys->gateway
            && ngx_ohttp_relay_shown_file(keys->watched, report, 0) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_shown_file(ngx_ohttp_relay_watched_t *watched,
    ngx_ohttp_relay_report_t *report, ngx_uint_t all)
{
    ngx_ohttp_relay_shown_file_t  *file;

    if (watched == NULL || (!all && !ngx_ohttp_relay_watched_broken(watched))) {
        return NGX_OK;
    }

    file = ngx_array_push(report->files);
    if (file == NULL) {
        return NGX_ERROR;
    }

    file->name = *ngx_ohttp_relay_watched_name(watched);
    file->generation = ngx_ohttp_relay_watched_generation(watched);
    file->failures = ngx_ohttp_relay_watched_failures(watched);
    file->broken = ngx_ohttp_relay_watched_broken(watched);

    return NGX_OK;
}
