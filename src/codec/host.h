
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_HOST_H_INCLUDED_
#define _NGX_OHTTP_RELAY_HOST_H_INCLUDED_


#include "codec.h"


typedef struct {
    ngx_ohttp_relay_slice_t  name;          /* an IPv6 one without brackets */
    uint16_t                 port;          /* 0 if none was given */
    unsigned                 address:1;     /* an IP address, not a name */
    unsigned                 bracketed:1;   /* an IPv6 address */
} ngx_ohttp_relay_host_t;


/*
 * Reads p..last as host[:port] (RFC 3986, section 3.2, without user
 * information): a DNS name (letters, digits, "-" and "_", at most 253 bytes,
 * no final dot), an IPv4 address of four decimal numbers, or an IPv6 address
 * in brackets without a zone; perhaps a port, 1 to 65535 without leading
 * zeros.
 *
 * Returns NGX_OHTTP_RELAY_OK and fills *host, whose slice points into the
 * input; NGX_OHTTP_RELAY_ERROR for anything else: then the content of *host
 * is undefined.
 */
int ngx_ohttp_relay_host(const u_char *p, const u_char *last,
    ngx_ohttp_relay_host_t *host);

/*
 * Returns NGX_OHTTP_RELAY_OK if p..last is one or more host[:port] with one
 * comma and nothing else between them, as in the origin_info of RFC 9577,
 * section 2.1; NGX_OHTTP_RELAY_ERROR for anything else, also for empty text.
 */
int ngx_ohttp_relay_host_list(const u_char *p, const u_char *last);

/*
 * Reads a decimal number without sign and leading zeros, at most max, from
 * *p, and advances *p to the first byte that is no digit.
 *
 * Returns NGX_OHTTP_RELAY_OK with *n; NGX_OHTTP_RELAY_ERROR if there is no
 * digit, a leading zero, or more than max: then *p and *n are undefined.
 */
int ngx_ohttp_relay_read_decimal(const u_char **p, const u_char *last,
    uint64_t max, uint64_t *n);


#endif /* _NGX_OHTTP_RELAY_HOST_H_INCLUDED_ */
