
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_BODY_H_INCLUDED_
#define _NGX_OHTTP_RELAY_BODY_H_INCLUDED_


#include "relay.h"


/*
 * Reads the request's body until "check" is content, then calls "ready" while
 * the rest is still to come.  To be returned from a content handler.
 */
ngx_int_t ngx_ohttp_relay_read_body(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_ohttp_relay_check_pt check,
    ngx_ohttp_relay_ready_pt ready);

/*
 * Called by "ready" or later, calls another "ready" when the request can be
 * forwarded.  The body of a single request whose length nobody declared is
 * read whole before, in memory, and ctx->declared set: its gateway must get
 * Content-Length whatever the client used.  Finalizes the request if that
 * fails.
 */
void ngx_ohttp_relay_read_rest(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_ohttp_relay_ready_pt ready);

/*
 * Copies the first bytes of the body, "size" at most, to "buf"; they stay
 * where they are.  Returns the end of what was copied.
 */
u_char *ngx_ohttp_relay_peek_body(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, u_char *buf, size_t size);

/*
 * Puts the counter of received bytes, which also enforces max_body on bodies
 * of any framing, into nginx's chain of request body filters.
 */
void ngx_ohttp_relay_body_init(void);


#endif /* _NGX_OHTTP_RELAY_BODY_H_INCLUDED_ */
