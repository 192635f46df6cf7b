
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "page.h"


typedef struct {
    char                       *name;
    char                       *help;
    size_t                      offset;      /* in the figures */
    ngx_uint_t                  n;
    ngx_ohttp_relay_bucket_t   *buckets;
} ngx_ohttp_relay_histogram_t;


static int ngx_libc_cdecl ngx_ohttp_relay_status_compare(const void *one,
    const void *two);
static ngx_int_t ngx_ohttp_relay_status_send(ngx_http_request_t *r,
    ngx_str_t *type, u_char *p, u_char *last);
static u_char *ngx_ohttp_relay_status_prometheus(u_char *p,
    ngx_ohttp_relay_page_t *page);
static u_char *ngx_ohttp_relay_status_results(u_char *p,
    ngx_ohttp_relay_page_t *page);
static u_char *ngx_ohttp_relay_status_histogram(u_char *p,
    ngx_ohttp_relay_page_t *page, ngx_ohttp_relay_histogram_t *histogram);
static u_char *ngx_ohttp_relay_status_extra(u_char *p,
    ngx_ohttp_relay_extra_t *extra);


static ngx_ohttp_relay_histogram_t  ngx_ohttp_relay_histograms[] = {

    { "request_bytes", "Sizes of sealed requests.",
      offsetof(ngx_ohttp_relay_figures_t, request_size),
      NGX_OHTTP_RELAY_SIZE_BUCKETS, ngx_ohttp_relay_size_buckets },

    { "response_bytes", "Sizes of gateways' answers.",
      offsetof(ngx_ohttp_relay_figures_t, response_size),
      NGX_OHTTP_RELAY_SIZE_BUCKETS, ngx_ohttp_relay_size_buckets },

    { "gateway_connect_seconds", "Time to a new connection to a gateway.",
      offsetof(ngx_ohttp_relay_figures_t, connect_time),
      NGX_OHTTP_RELAY_TIME_BUCKETS, ngx_ohttp_relay_time_buckets },

    { "gateway_first_byte_seconds", "Time to the head of a gateway's answer.",
      offsetof(ngx_ohttp_relay_figures_t, first_byte_time),
      NGX_OHTTP_RELAY_TIME_BUCKETS, ngx_ohttp_relay_time_buckets },

    { NULL, NULL, 0, 0, NULL }
};


static ngx_str_t  ngx_ohttp_relay_json = ngx_string("application/json");
static ngx_str_t  ngx_ohttp_relay_text =
    ngx_string("text/plain; version=0.0.4; charset=utf-8");


ngx_int_t
ngx_ohttp_relay_status(ngx_http_request_t *r, ngx_ohttp_relay_status_e format,
    ngx_ohttp_relay_report_t *report)
{
    u_char                  *p, *last;
    size_t                   lines;
    ngx_int_t                rc;
    ngx_ohttp_relay_page_t   page;

    static u_char  health[] = "{\"status\":\"ok\"}\n";

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (format == NGX_OHTTP_RELAY_STATUS_HEALTH) {
        return ngx_ohttp_relay_status_send(r, &ngx_ohttp_relay_json, health,
                                           health + sizeof(health) - 1);
    }

    page.report = report;
    page.gateways = ngx_ohttp_relay_metrics_read(report->metrics, r->pool,
                                                 &page.n, report->extra,
                                                 report->nextra);
    if (page.gateways == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (report->gateways->nelts) {
        ngx_qsort(report->gateways->elts, report->gateways->nelts,
                  sizeof(ngx_ohttp_relay_shown_gateway_t),
                  ngx_ohttp_relay_status_compare);
    }

    if (format == NGX_OHTTP_RELAY_STATUS_JSON) {
        p = ngx_pnalloc(r->pool, ngx_ohttp_relay_status_json_size(&page));
        if (p == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        last = ngx_ohttp_relay_status_json(p, &page);
        return ngx_ohttp_relay_status_send(r, &ngx_ohttp_relay_json, p, last);
    }

    /* the size follows from the gateways that there are or were */

    lines = 32 + 3 * report->nextra
            + page.n * (NGX_OHTTP_RELAY_RESULTS
                        + 2 * (NGX_OHTTP_RELAY_SIZE_BUCKETS + 1)
                        + 2 * (NGX_OHTTP_RELAY_TIME_BUCKETS + 1) + 3);

    p = ngx_pnalloc(r->pool, lines * NGX_OHTTP_RELAY_STATUS_LINE);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    last = ngx_ohttp_relay_status_prometheus(p, &page);

    return ngx_ohttp_relay_status_send(r, &ngx_ohttp_relay_text, p, last);
}


/* by name, as they are looked up */

static int ngx_libc_cdecl
ngx_ohttp_relay_status_compare(const void *one, const void *two)
{
    const ngx_str_t *a = one;
    const ngx_str_t *b = two;

    if (a->len != b->len) {
        return a->len < b->len ? -1 : 1;
    }

    return ngx_memcmp(a->data, b->data, a->len);
}


ngx_ohttp_relay_shown_gateway_t *
ngx_ohttp_relay_status_gateway(ngx_ohttp_relay_page_t *page, ngx_uint_t i)
{
    return bsearch(&page->gateways[i].name, page->report->gateways->elts,
                   page->report->gateways->nelts,
                   sizeof(ngx_ohttp_relay_shown_gateway_t),
                   ngx_ohttp_relay_status_compare);
}


static ngx_int_t
ngx_ohttp_relay_status_send(ngx_http_request_t *r, ngx_str_t *type, u_char *p,
    u_char *last)
{
    ngx_int_t         rc;
    ngx_buf_t        *b;
    ngx_chain_t       out;
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    b = ngx_calloc_buf(r->pool);

    if (h == NULL || b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    h->hash = 1;
    ngx_str_set(&h->key, "Cache-Control");
    ngx_str_set(&h->value, "no-store");
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = last - p;
    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = type->len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->pos = p;
    b->last = last;
    b->memory = 1;
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static u_char *
ngx_ohttp_relay_status_prometheus(u_char *p, ngx_ohttp_relay_page_t *page)
{
    ngx_uint_t                    i;
    ngx_ohttp_relay_histogram_t  *histogram;

    p = ngx_sprintf(p, "# HELP ohttp_relay_build_info The module's version.\n"
                       "# TYPE ohttp_relay_build_info gauge\n"
                       "ohttp_relay_build_info{version=\""
                       NGX_OHTTP_RELAY_VERSION "\"} 1\n");

    p = ngx_ohttp_relay_status_results(p, page);

    p = ngx_sprintf(p, "# HELP ohttp_relay_in_flight Streams in flight.\n"
                       "# TYPE ohttp_relay_in_flight gauge\n");

    for (i = 1; i < page->n; i++) {
        p = ngx_sprintf(p, "ohttp_relay_in_flight{gateway=\"%V\"} %uA\n",
                        &page->gateways[i].name,
                        page->gateways[i].figures.in_flight);
    }

    p = ngx_sprintf(p, "# HELP ohttp_relay_gateway_ready Whether new requests "
                       "may go to a gateway.\n"
                       "# TYPE ohttp_relay_gateway_ready gauge\n");

    for (i = 1; i < page->n; i++) {
        if (ngx_ohttp_relay_status_gateway(page, i)) {
            p = ngx_sprintf(p, "ohttp_relay_gateway_ready{gateway=\"%V\"} "
                               "%d\n",
                            &page->gateways[i].name,
                            page->gateways[i].figures.shown
                            == NGX_OHTTP_RELAY_SHOWN_READY);
        }
    }

    for (histogram = ngx_ohttp_relay_histograms; histogram->name; histogram++) {
        p = ngx_ohttp_relay_status_histogram(p, page, histogram);
    }

    for (i = 0; i < page->report->nextra; i++) {
        p = ngx_ohttp_relay_status_extra(p, &page->report->extra[i]);
    }

    return p;
}


static u_char *
ngx_ohttp_relay_status_extra(u_char *p, ngx_ohttp_relay_extra_t *extra)
{
    char  *suffix;

    suffix = extra->gauge ? "" : "_total";

    return ngx_sprintf(p, "# HELP ohttp_relay_%s_%s%s %s\n"
                          "# TYPE ohttp_relay_%s_%s%s %s\n"
                          "ohttp_relay_%s_%s%s %uA\n",
                       extra->room, extra->name, suffix, extra->help,
                       extra->room, extra->name, suffix,
                       extra->gauge ? "gauge" : "counter",
                       extra->room, extra->name, suffix, extra->value);
}


/* a request that came to no gateway has the empty label */

static u_char *
ngx_ohttp_relay_status_results(u_char *p, ngx_ohttp_relay_page_t *page)
{
    ngx_uint_t  i, result;

    p = ngx_sprintf(p, "# HELP ohttp_relay_requests_total Requests by gateway "
                       "and result.\n"
                       "# TYPE ohttp_relay_requests_total counter\n");

    for (i = 0; i < page->n; i++) {
        for (result = 1; result < NGX_OHTTP_RELAY_RESULTS; result++) {
            p = ngx_sprintf(p, "ohttp_relay_requests_total{gateway=\"%V\","
                               "result=\"%V\"} %uA\n",
                            &page->gateways[i].name,
                            &ngx_ohttp_relay_result_names[result],
                            page->gateways[i].figures.results[result]);
        }
    }

    return p;
}


/* no sum: over one request it would be that request's size */

static u_char *
ngx_ohttp_relay_status_histogram(u_char *p, ngx_ohttp_relay_page_t *page,
    ngx_ohttp_relay_histogram_t *histogram)
{
    char               *name;
    ngx_str_t          *gateway;
    ngx_uint_t          i, k;
    ngx_atomic_t       *counters;
    ngx_atomic_uint_t   total;

    name = histogram->name;

    p = ngx_sprintf(p, "# HELP ohttp_relay_%s %s\n"
                       "# TYPE ohttp_relay_%s histogram\n",
                    name, histogram->help, name);

    for (i = 1; i < page->n; i++) {

        gateway = &page->gateways[i].name;
        counters = (ngx_atomic_t *) ((u_char *) &page->gateways[i].figures
                                     + histogram->offset);
        total = 0;

        for (k = 0; k < histogram->n; k++) {
            total += counters[k];
            p = ngx_sprintf(p, "ohttp_relay_%s_bucket{gateway=\"%V\",le=\"%s\"}"
                               " %uA\n",
                            name, gateway, histogram->buckets[k].label, total);
        }

        p = ngx_sprintf(p, "ohttp_relay_%s_count{gateway=\"%V\"} %uA\n",
                        name, gateway, total);
    }

    return p;
}
