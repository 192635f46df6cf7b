
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "media_type.h"


#define ngx_ohttp_relay_media_is(p, last, lower)                             \
    ngx_ohttp_relay_token_equal(p, last, lower, sizeof(lower) - 1)


ngx_ohttp_relay_media_type_e
ngx_ohttp_relay_media_type(const u_char *p, const u_char *last)
{
    const u_char  *semicolon;

    semicolon = p < last ? memchr(p, ';', last - p) : NULL;
    if (semicolon != NULL) {
        last = semicolon;
    }

    ngx_ohttp_relay_trim(&p, &last);

    switch (last - p) {

    case sizeof("message/ohttp-req") - 1:
        if (ngx_ohttp_relay_media_is(p, last, "message/ohttp-req")) {
            return NGX_OHTTP_RELAY_MEDIA_REQ;
        }

        if (ngx_ohttp_relay_media_is(p, last, "message/ohttp-res")) {
            return NGX_OHTTP_RELAY_MEDIA_RES;
        }

        if (ngx_ohttp_relay_media_is(p, last, "text/event-stream")) {
            return NGX_OHTTP_RELAY_MEDIA_EVENT_STREAM;
        }

        break;

    case sizeof("message/ohttp-chunked-req") - 1:
        if (ngx_ohttp_relay_media_is(p, last, "message/ohttp-chunked-req")) {
            return NGX_OHTTP_RELAY_MEDIA_CHUNKED_REQ;
        }

        if (ngx_ohttp_relay_media_is(p, last, "message/ohttp-chunked-res")) {
            return NGX_OHTTP_RELAY_MEDIA_CHUNKED_RES;
        }

        break;

    case sizeof("application/json") - 1:
        if (ngx_ohttp_relay_media_is(p, last, "application/json")) {
            return NGX_OHTTP_RELAY_MEDIA_JSON;
        }

        break;

    case sizeof("application/problem+json") - 1:
        if (ngx_ohttp_relay_media_is(p, last, "application/problem+json")) {
            return NGX_OHTTP_RELAY_MEDIA_PROBLEM_JSON;
        }

        if (ngx_ohttp_relay_media_is(p, last, "application/octet-stream")) {
            return NGX_OHTTP_RELAY_MEDIA_OCTET_STREAM;
        }

        break;
    }

    return NGX_OHTTP_RELAY_MEDIA_OTHER;
}
