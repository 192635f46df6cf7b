
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_PEER_H_INCLUDED_
#define _NGX_OHTTP_RELAY_PEER_H_INCLUDED_


#include "gateway.h"


/*
 * Asked when no address of a request's gateway could be connected to, and not
 * a byte of it was sent; "forged" if one of them showed a key that is not the
 * gateway's.  Returns another gateway that may have the request, with all of
 * r->upstream made ready for it, or NULL.
 */
typedef ngx_ohttp_relay_gateway_t *(*ngx_ohttp_relay_other_pt)(
    ngx_http_request_t *r, ngx_uint_t forged);

/*
 * Prepares the pool of idle connections of a gateway and hangs it, as
 * nginx's load balancer interface, under gateway->peers.  Idle connections
 * are kept per gateway and per worker, are picked at random, so that requests
 * of one client do not follow each other on one connection, and serve a
 * bounded number of requests.  Returns NGX_OK or NGX_ERROR (no memory).
 */
ngx_int_t ngx_ohttp_relay_peer_init(ngx_conf_t *cf,
    ngx_ohttp_relay_gateway_t *gateway);

/*
 * Told when the gateway has other addresses: idle connections to those that it
 * has no more are closed.
 */
void ngx_ohttp_relay_peer_moved(ngx_ohttp_relay_gateway_t *gateway);

/*
 * Closes the idle connections of a gateway; of one to which no new request
 * comes those in use are closed, too, when they are free.
 */
void ngx_ohttp_relay_peer_close(ngx_ohttp_relay_gateway_t *gateway);

/*
 * Sets who is asked for another gateway, for all of them.
 */
void ngx_ohttp_relay_peer_ask_other(ngx_ohttp_relay_other_pt other);

/*
 * Told in the handshake of a request's connection what the gateway shows, or
 * that this is not its own; and before a request's first byte is sent.
 */
void ngx_ohttp_relay_peer_shown(ngx_http_request_t *r,
    ngx_ohttp_relay_shown_t *shown);
void ngx_ohttp_relay_peer_forged(ngx_http_request_t *r);
void ngx_ohttp_relay_peer_connected(ngx_http_request_t *r);


#endif /* _NGX_OHTTP_RELAY_PEER_H_INCLUDED_ */
