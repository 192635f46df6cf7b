
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "page.h"


/* what is said of a gateway but its results, and of other things */
#define NGX_OHTTP_RELAY_JSON_MORE  1536


static u_char *ngx_ohttp_relay_json_figures(u_char *p,
    ngx_ohttp_relay_figures_t *figures);
static u_char *ngx_ohttp_relay_json_gateway(u_char *p,
    ngx_ohttp_relay_shown_gateway_t *gateway, ngx_uint_t shown);
static u_char *ngx_ohttp_relay_json_keys(u_char *p,
    ngx_ohttp_relay_shown_keys_t *keys);
static u_char *ngx_ohttp_relay_json_pools(u_char *p, ngx_array_t *pools);
static u_char *ngx_ohttp_relay_json_files(u_char *p, ngx_array_t *files);
static u_char *ngx_ohttp_relay_json_text(u_char *p, ngx_str_t *text);


/* by NGX_OHTTP_RELAY_SHOWN_* */

static char  *ngx_ohttp_relay_json_states[] = {
    "unknown", "ready", "unavailable", "ejected", "not_attested"
};


size_t
ngx_ohttp_relay_status_json_size(ngx_ohttp_relay_page_t *page)
{
    size_t                         size;
    ngx_uint_t                     i;
    ngx_ohttp_relay_report_t      *report;
    ngx_ohttp_relay_shown_file_t  *file;

    report = page->report;
    file = report->files->elts;

    size = NGX_OHTTP_RELAY_JSON_MORE
           + page->n * (NGX_OHTTP_RELAY_JSON_MORE + NGX_OHTTP_RELAY_RESULTS
                                                    * 64)
           + report->pools->nelts * NGX_OHTTP_RELAY_JSON_MORE
           + report->nextra * NGX_OHTTP_RELAY_STATUS_LINE;

    for (i = 0; i < report->files->nelts; i++) {
        size += NGX_OHTTP_RELAY_STATUS_LINE + 6 * file[i].name.len;
    }

    return size;
}


u_char *
ngx_ohttp_relay_status_json(u_char *p, ngx_ohttp_relay_page_t *page)
{
    ngx_uint_t                        i;
    ngx_ohttp_relay_extra_t          *extra;
    ngx_ohttp_relay_shown_gateway_t  *gateway;

    p = ngx_sprintf(p, "{\"status\":\"ok\","
                       "\"version\":\"" NGX_OHTTP_RELAY_VERSION "\","
                       "\"step_seconds\":%d,\"no_gateway\":{",
                    NGX_OHTTP_RELAY_METRICS_STEP);

    p = ngx_ohttp_relay_json_figures(p, &page->gateways[0].figures);

    p = ngx_sprintf(p, "},\"gateways\":{");

    for (i = 1; i < page->n; i++) {
        p = ngx_sprintf(p, "%s\"%V\":{", i > 1 ? "," : "",
                        &page->gateways[i].name);

        gateway = ngx_ohttp_relay_status_gateway(page, i);

        if (gateway) {
            p = ngx_ohttp_relay_json_gateway(p, gateway,
                                             page->gateways[i].figures.shown);
        }

        p = ngx_ohttp_relay_json_figures(p, &page->gateways[i].figures);
        *p++ = '}';
    }

    *p++ = '}';

    p = ngx_ohttp_relay_json_pools(p, page->report->pools);
    p = ngx_ohttp_relay_json_files(p, page->report->files);

    if (page->report->store) {
        p = ngx_sprintf(p, ",\"store\":\"%s\"", page->report->store);
    }

    p = ngx_sprintf(p, ",\"figures\":{");

    for (i = 0; i < page->report->nextra; i++) {
        extra = &page->report->extra[i];
        p = ngx_sprintf(p, "%s\"%s_%s\":%uA", i ? "," : "", extra->room,
                        extra->name, extra->value);
    }

    return ngx_sprintf(p, "}}\n");
}


static u_char *
ngx_ohttp_relay_json_figures(u_char *p, ngx_ohttp_relay_figures_t *figures)
{
    ngx_uint_t  i;

    p = ngx_sprintf(p, "\"in_flight\":%uA,\"requests\":{",
                    figures->in_flight);

    for (i = 1; i < NGX_OHTTP_RELAY_RESULTS; i++) {
        p = ngx_sprintf(p, "%s\"%V\":%uA", i > 1 ? "," : "",
                        &ngx_ohttp_relay_result_names[i],
                        figures->results[i]);
    }

    *p++ = '}';

    return p;
}


static u_char *
ngx_ohttp_relay_json_gateway(u_char *p,
    ngx_ohttp_relay_shown_gateway_t *gateway, ngx_uint_t shown)
{
    p = ngx_sprintf(p, "\"admin\":\"%s\",\"state\":\"%s\",",
                    gateway->admin, ngx_ohttp_relay_json_states[shown]);

    if (gateway->pool.len) {
        p = ngx_sprintf(p, "\"pool\":\"%V\",", &gateway->pool);
    }

    if (gateway->keys.name.len) {
        p = ngx_sprintf(p, "\"keys\":");
        p = ngx_ohttp_relay_json_keys(p, &gateway->keys);
        *p++ = ',';
    }

    p = ngx_sprintf(p, "\"attestation\":{\"state\":\"%V\"",
                    &gateway->attestation);

    if (gateway->kind.len) {
        p = ngx_sprintf(p, ",\"kind\":");
        p = ngx_ohttp_relay_json_text(p, &gateway->kind);

        p = ngx_sprintf(p, ",\"root\":");
        p = ngx_ohttp_relay_json_text(p, &gateway->root);

        p = ngx_sprintf(p, ",\"verified_seconds_ago\":%T,"
                           "\"seconds_left\":%T",
                        gateway->age, gateway->left);
    }

    return ngx_sprintf(p, "},");
}


static u_char *
ngx_ohttp_relay_json_keys(u_char *p, ngx_ohttp_relay_shown_keys_t *keys)
{
    if (keys->sha256.len) {
        p = ngx_sprintf(p, "{\"sha256\":\"%V\"", &keys->sha256);

    } else {
        p = ngx_sprintf(p, "{\"sha256\":null");
    }

    return ngx_sprintf(p, ",\"conflict\":%s}",
                       keys->conflict ? "true" : "false");
}


static u_char *
ngx_ohttp_relay_json_pools(u_char *p, ngx_array_t *pools)
{
    ngx_uint_t                     i;
    ngx_ohttp_relay_shown_keys_t  *keys;

    keys = pools->elts;

    p = ngx_sprintf(p, ",\"pools\":{");

    for (i = 0; i < pools->nelts; i++) {
        p = ngx_sprintf(p, "%s\"%V\":{\"keys\":", i ? "," : "",
                        &keys[i].name);
        p = ngx_ohttp_relay_json_keys(p, &keys[i]);
        *p++ = '}';
    }

    *p++ = '}';

    return p;
}


static u_char *
ngx_ohttp_relay_json_files(u_char *p, ngx_array_t *files)
{
    ngx_uint_t                     i;
    ngx_ohttp_relay_shown_file_t  *file;

    file = files->elts;

    p = ngx_sprintf(p, ",\"files\":[");

    for (i = 0; i < files->nelts; i++) {
        p = ngx_sprintf(p, "%s{\"name\":", i ? "," : "");
        p = ngx_ohttp_relay_json_text(p, &file[i].name);
        p = ngx_sprintf(p, ",\"generation\":%uA,\"failures\":%uA,"
                           "\"broken\":%s}",
                        file[i].generation, file[i].failures,
                        file[i].broken ? "true" : "false");
    }

    *p++ = ']';

    return p;
}


static u_char *
ngx_ohttp_relay_json_text(u_char *p, ngx_str_t *text)
{
    *p++ = '"';
    p = (u_char *) ngx_escape_json(p, text->data, text->len);
    *p++ = '"';

    return p;
}
