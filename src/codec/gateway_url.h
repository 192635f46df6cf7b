
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_GATEWAY_URL_H_INCLUDED_
#define _NGX_OHTTP_RELAY_GATEWAY_URL_H_INCLUDED_


#include "codec.h"


/* the slices point into the URL, or to constants */

typedef struct {
    ngx_ohttp_relay_slice_t  host;          /* an IPv6 one without brackets */
    ngx_ohttp_relay_slice_t  authority;     /* as for the Host header */
    ngx_ohttp_relay_slice_t  path;          /* with the query, "/" if none */
    uint16_t                 port;
    unsigned                 tls:1;         /* https */
    unsigned                 address:1;     /* the host is an IP address */
} ngx_ohttp_relay_gateway_url_t;


/*
 * Reads the URL of a gateway (RFC 3986; RFC 9110, section 4.2): http or
 * https; a DNS name (letters, digits, "-" and "_", no final dot), an IPv4
 * address of four decimal numbers, or an IPv6 address in brackets without a
 * zone; perhaps a port, 1 to 65535; perhaps a path of printable ASCII, which
 * may have a query.
 *
 * Returns NGX_OHTTP_RELAY_OK and fills *url.  url->authority has the host as
 * written, an IPv6 one in brackets, and the port unless that is the default
 * of the scheme (RFC 9110, section 4.2.3).  Returns NGX_OHTTP_RELAY_ERROR for
 * anything else, also for user information and for a fragment: then the
 * content of *url is undefined.
 */
int ngx_ohttp_relay_gateway_url(const u_char *p, const u_char *last,
    ngx_ohttp_relay_gateway_url_t *url);


#endif /* _NGX_OHTTP_RELAY_GATEWAY_URL_H_INCLUDED_ */
