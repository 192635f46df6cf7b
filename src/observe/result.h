
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_RESULT_H_INCLUDED_
#define _NGX_OHTTP_RELAY_RESULT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * How a request ended.  The names are stable: they stand in problem bodies,
 * in $ohttp_relay_result and as label of the counters.
 */

typedef enum {
    NGX_OHTTP_RELAY_RESULT_NONE = 0,        /* not decided yet */
    NGX_OHTTP_RELAY_RESULT_OK,              /* the gateway's 2xx passed */
    NGX_OHTTP_RELAY_RESULT_GATEWAY_REFUSED, /* its 4xx or 5xx passed */
    NGX_OHTTP_RELAY_RESULT_CLIENT_CLOSED,   /* the client went away */
    NGX_OHTTP_RELAY_RESULT_PREFLIGHT,       /* CORS was answered */
    NGX_OHTTP_RELAY_RESULT_KEYS,            /* keys were published */

    NGX_OHTTP_RELAY_METHOD_NOT_ALLOWED,     /* from here on: problems */
    NGX_OHTTP_RELAY_UNSUPPORTED_MEDIA_TYPE,
    NGX_OHTTP_RELAY_MALFORMED_REQUEST,
    NGX_OHTTP_RELAY_PAYLOAD_TOO_LARGE,
    NGX_OHTTP_RELAY_TOO_EARLY,
    NGX_OHTTP_RELAY_CREDENTIAL_REQUIRED,
    NGX_OHTTP_RELAY_CREDENTIAL_INVALID,
    NGX_OHTTP_RELAY_CREDENTIAL_EXPIRED,
    NGX_OHTTP_RELAY_TOKEN_SPENT,
    NGX_OHTTP_RELAY_RATE_LIMITED,
    NGX_OHTTP_RELAY_GATEWAY_UNKNOWN,
    NGX_OHTTP_RELAY_GATEWAY_NOT_ALLOWED,
    NGX_OHTTP_RELAY_GATEWAY_UNAVAILABLE,
    NGX_OHTTP_RELAY_GATEWAY_NOT_ATTESTED,
    NGX_OHTTP_RELAY_UNKNOWN_KEY,
    NGX_OHTTP_RELAY_REPLAY_DETECTED,
    NGX_OHTTP_RELAY_STORE_UNAVAILABLE,
    NGX_OHTTP_RELAY_GATEWAY_ERROR,
    NGX_OHTTP_RELAY_GATEWAY_TIMEOUT,

    NGX_OHTTP_RELAY_RESULTS
} ngx_ohttp_relay_result_e;


#define NGX_OHTTP_RELAY_FIRST_PROBLEM  NGX_OHTTP_RELAY_METHOD_NOT_ALLOWED


/* by ngx_ohttp_relay_result_e; that of RESULT_NONE is "-" */
extern ngx_str_t  ngx_ohttp_relay_result_names[NGX_OHTTP_RELAY_RESULTS];


#endif /* _NGX_OHTTP_RELAY_RESULT_H_INCLUDED_ */
