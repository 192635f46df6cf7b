
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_PUBLISH_H_INCLUDED_
#define _NGX_OHTTP_RELAY_PUBLISH_H_INCLUDED_


#include "relay.h"


/*
 * The content handler of "ohttp_relay_keys": the gateway's keys, the same bytes
 * and headers for everybody who asks at a time (RFC 9458, section 7).
 */
ngx_int_t ngx_ohttp_relay_publish_handler(ngx_http_request_t *r);


#endif /* _NGX_OHTTP_RELAY_PUBLISH_H_INCLUDED_ */
