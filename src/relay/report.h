
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_REPORT_H_INCLUDED_
#define _NGX_OHTTP_RELAY_REPORT_H_INCLUDED_


#include "relay.h"


/*
 * The content handler of "ohttp_relay_status": collects what all rooms have to
 * say and has the page written.
 */
ngx_int_t ngx_ohttp_relay_report_handler(ngx_http_request_t *r);


#endif /* _NGX_OHTTP_RELAY_REPORT_H_INCLUDED_ */
