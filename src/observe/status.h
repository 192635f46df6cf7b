
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_STATUS_H_INCLUDED_
#define _NGX_OHTTP_RELAY_STATUS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "metrics.h"


#define NGX_OHTTP_RELAY_VERSION  "0.1.0"


typedef enum {
    NGX_OHTTP_RELAY_STATUS_OFF = 0,
    NGX_OHTTP_RELAY_STATUS_HEALTH,
    NGX_OHTTP_RELAY_STATUS_JSON,
    NGX_OHTTP_RELAY_STATUS_PROMETHEUS
} ngx_ohttp_relay_status_e;


/* published keys */

typedef struct {
    ngx_str_t                   name;          /* of a gateway or a pool */
    ngx_str_t                   sha256;        /* hex; empty: none are there */
    ngx_uint_t                  conflict;      /* others are held back */
} ngx_ohttp_relay_shown_keys_t;


/* a gateway that is registered now */

typedef struct {
    ngx_str_t                   name;
    ngx_str_t                   pool;          /* empty: in none */
    char                       *admin;
    ngx_ohttp_relay_shown_keys_t  keys;        /* its name: empty without */

    ngx_str_t                   attestation;   /* its state */
    ngx_str_t                   kind;          /* empty: there was no verdict */
    ngx_str_t                   root;
    time_t                      age;           /* s, since it was verified */
    time_t                      left;          /* s, until it lapses */
} ngx_ohttp_relay_shown_gateway_t;


/* a watched file */

typedef struct {
    ngx_str_t                   name;
    ngx_atomic_uint_t           generation;
    ngx_atomic_uint_t           failures;
    ngx_uint_t                  broken;
} ngx_ohttp_relay_shown_file_t;


/* what a page is made of */

typedef struct {
    ngx_ohttp_relay_metrics_t  *metrics;
    char                       *store;         /* its state; NULL: no store */
    ngx_ohttp_relay_extra_t    *extra;         /* figures of other rooms */
    ngx_uint_t                  nextra;

    ngx_array_t                *gateways;      /* ..._shown_gateway_t */
    ngx_array_t                *pools;         /* ..._shown_keys_t */
    ngx_array_t                *files;         /* ..._shown_file_t */
} ngx_ohttp_relay_report_t;


/*
 * Answers a GET or HEAD request with the page of this format; health is
 * public and says {"status":"ok"}, nothing else.  To be returned from a
 * content handler.
 */
ngx_int_t ngx_ohttp_relay_status(ngx_http_request_t *r,
    ngx_ohttp_relay_status_e format, ngx_ohttp_relay_report_t *report);


#endif /* _NGX_OHTTP_RELAY_STATUS_H_INCLUDED_ */
