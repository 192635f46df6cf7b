
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_FILTER_H_INCLUDED_
#define _NGX_OHTTP_RELAY_FILTER_H_INCLUDED_


#include "relay.h"


/* the longest error of a gateway that is passed on, bytes */
#define NGX_OHTTP_RELAY_MAX_ERROR  65536


/*
 * Puts the filters in nginx's chains, as the outermost ones: what leaves a
 * relay location is either a gateway's answer or a problem of the relay, also
 * where nginx's core or another module made the error.
 */
void ngx_ohttp_relay_filter_init(void);

/*
 * A second module of the same file stands, through this function, where behind
 * it nothing but the protocols (HTTP/1.1 chunked, HTTP/2, HTTP/3) follows.
 * Bodies of relay locations are sent from there, past every filter that could
 * change them; type and length of the head are restored there.
 */
ngx_int_t ngx_ohttp_relay_exit_init(ngx_conf_t *cf);


#endif /* _NGX_OHTTP_RELAY_FILTER_H_INCLUDED_ */
