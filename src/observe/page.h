
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_PAGE_H_INCLUDED_
#define _NGX_OHTTP_RELAY_PAGE_H_INCLUDED_


/* what the files of this room share, and nobody else needs to know */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "status.h"


/* a line of either format: gateway, result and number with their words */
#define NGX_OHTTP_RELAY_STATUS_LINE  256


typedef struct {
    ngx_ohttp_relay_report_t     *report;
    ngx_ohttp_relay_published_t  *gateways;  /* first: no gateway */
    ngx_uint_t                    n;
} ngx_ohttp_relay_page_t;


/*
 * What is known of the gateway of which the page has the figures at i, from 1;
 * NULL if it is not registered any more.
 */
ngx_ohttp_relay_shown_gateway_t *ngx_ohttp_relay_status_gateway(
    ngx_ohttp_relay_page_t *page, ngx_uint_t i);

/*
 * Writes the page as JSON to "p", which has room for so many bytes at least;
 * returns its end.
 */
size_t ngx_ohttp_relay_status_json_size(ngx_ohttp_relay_page_t *page);
u_char *ngx_ohttp_relay_status_json(u_char *p, ngx_ohttp_relay_page_t *page);


#endif /* _NGX_OHTTP_RELAY_PAGE_H_INCLUDED_ */
