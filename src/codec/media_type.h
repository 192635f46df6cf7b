
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_MEDIA_TYPE_H_INCLUDED_
#define _NGX_OHTTP_RELAY_MEDIA_TYPE_H_INCLUDED_


#include "codec.h"


typedef enum {
    NGX_OHTTP_RELAY_MEDIA_OTHER = 0,
    NGX_OHTTP_RELAY_MEDIA_REQ,              /* message/ohttp-req */
    NGX_OHTTP_RELAY_MEDIA_CHUNKED_REQ,      /* message/ohttp-chunked-req */
    NGX_OHTTP_RELAY_MEDIA_RES,              /* message/ohttp-res */
    NGX_OHTTP_RELAY_MEDIA_CHUNKED_RES,      /* message/ohttp-chunked-res */
    NGX_OHTTP_RELAY_MEDIA_JSON,             /* application/json */
    NGX_OHTTP_RELAY_MEDIA_PROBLEM_JSON,     /* application/problem+json */
    NGX_OHTTP_RELAY_MEDIA_OCTET_STREAM,     /* application/octet-stream */
    NGX_OHTTP_RELAY_MEDIA_EVENT_STREAM      /* text/event-stream */
} ngx_ohttp_relay_media_type_e;


/*
 * Tells which media type the Content-Type value p..last has.  Type and
 * subtype are compared as a whole and without regard to case, parameters and
 * the white space around are ignored (RFC 9110, section 8.3.1).
 *
 * Returns NGX_OHTTP_RELAY_MEDIA_OTHER for everything unknown, also for an
 * empty value.
 */
ngx_ohttp_relay_media_type_e ngx_ohttp_relay_media_type(const u_char *p,
    const u_char *last);


#endif /* _NGX_OHTTP_RELAY_MEDIA_TYPE_H_INCLUDED_ */
