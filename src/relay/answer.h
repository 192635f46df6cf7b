
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_ANSWER_H_INCLUDED_
#define _NGX_OHTTP_RELAY_ANSWER_H_INCLUDED_


#include "relay.h"


/*
 * nginx's upstream callbacks of the response side: the head, of which only
 * allowlisted headers are ever kept (RFC 9458, section 5), and the body, passed
 * on byte for byte without its transfer coding.
 */
ngx_int_t ngx_ohttp_relay_process_header(ngx_http_request_t *r);
ngx_int_t ngx_ohttp_relay_input_filter_init(void *data);
ngx_int_t ngx_ohttp_relay_input_filter(void *data, ssize_t bytes);

/*
 * Appends p..last, bytes of a body in the upstream buffer or in memory that
 * stays, to what goes to the client next.  Returns NGX_OK or NGX_ERROR (no
 * memory).
 */
ngx_int_t ngx_ohttp_relay_input_append(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, u_char *p, u_char *last);

/*
 * Adds a header to the response; name and value must last as long as the
 * request.  Returns NGX_OK or NGX_ERROR (no memory).
 */
ngx_int_t ngx_ohttp_relay_add_header(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value);


#endif /* _NGX_OHTTP_RELAY_ANSWER_H_INCLUDED_ */
