
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_RELAY_H_INCLUDED_
#define _NGX_OHTTP_RELAY_RELAY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../access/access.h"
#include "../codec/billing.h"
#include "../codec/chunk.h"
#include "../codec/envelope.h"
#include "../gateway/keys.h"
#include "../gateway/roster.h"
#include "../gateway/select.h"
#include "../observe/metrics.h"
#include "../observe/status.h"
#include "../store/store.h"
#include "../watch/watch.h"
#include "gather.h"


/* questions to the store: that a request is new, and what it costs */
#define NGX_OHTTP_RELAY_ASKS  2


typedef struct ngx_ohttp_relay_ctx_s      ngx_ohttp_relay_ctx_t;
typedef struct ngx_ohttp_relay_profile_s  ngx_ohttp_relay_profile_t;
typedef struct ngx_ohttp_relay_exchange_s ngx_ohttp_relay_exchange_t;


/*
 * Asked with the bytes of the body that are there: NGX_OK, NGX_AGAIN for
 * more, or the HTTP status of a refusal.
 */
typedef ngx_int_t (*ngx_ohttp_relay_check_pt)(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);

/* takes the request over and finalizes it in the end */
typedef void (*ngx_ohttp_relay_ready_pt)(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);


/* configuration: written when it is read, never at request time */

typedef struct {
    ngx_ohttp_relay_gateways_t    gateways;
    ngx_ohttp_relay_access_t      access;
    ngx_ohttp_relay_store_t      *store;      /* NULL if nobody needs one */
    ngx_ohttp_relay_watch_t      *watch;      /* NULL without such files */
    ngx_ohttp_relay_keyring_t     keyring;    /* lists them for each worker */
    ngx_ohttp_relay_metrics_t    *metrics;

    ngx_array_t                   locations;  /* loc_conf, void **, of relays */
    ngx_array_t                   around;     /* all in servers with such */
    ngx_array_t                   forget;     /* ngx_uint_t, see privacy.c */
    ngx_array_t                   quiet;      /* ngx_ohttp_relay_quiet_t */

    size_t                        zone_size;
    ngx_flag_t                    dumpable;
    ngx_uint_t                    status;     /* some location shows figures */
    ngx_uint_t                    shared;     /* some listener has others */
} ngx_ohttp_relay_main_conf_t;


/* a listening address whose servers are all relay servers */

typedef struct {
    struct sockaddr              *sockaddr;
    socklen_t                     socklen;
} ngx_ohttp_relay_quiet_t;


typedef struct {
    ngx_uint_t                    relay;      /* has a relay location */
} ngx_ohttp_relay_srv_conf_t;


typedef struct {
    ngx_uint_t                    relay;      /* ohttp_relay_pass is here */
    ngx_uint_t                    keys;       /* or it is ohttp_relay_keys */
    ngx_log_t                    *log;        /* see privacy.h */
    ngx_http_complex_value_t      name;       /* of a gateway or a pool */

    /* NULL if the name varies, or what it is the name of may change */
    ngx_ohttp_relay_gateway_t    *gateway;
    ngx_ohttp_relay_pool_t       *pool;

    ngx_array_t                  *origins;    /* ngx_str_t, ohttp_relay_cors */
    ngx_flag_t                    early_data_header;
    ngx_ohttp_relay_auth_t       *auth;       /* NULL: nothing was said */
    u_char                       *file;       /* where either is */
    ngx_uint_t                    line;
    ngx_uint_t                    status;     /* NGX_OHTTP_RELAY_STATUS_* */
} ngx_ohttp_relay_loc_conf_t;


/*
 * Who may send a request, and what it costs: it is there only where one of
 * the two is asked, as most of what a relay holds for a request.
 */

typedef struct {
    ngx_ohttp_relay_credentials_t  credentials;
    ngx_ohttp_relay_admission_t    admission;
    ngx_ohttp_relay_ask_t         *ask;       /* ..._ASKS; NULL: no question */
    ngx_uint_t                     asked;     /* so many have their answer */
    ngx_uint_t                     returning;  /* refunds that are awaited */

    unsigned                       admitted:1; /* "admission" is known */
} ngx_ohttp_relay_permit_t;


/*
 * What the gateway wrote of its price.  It is there only where somebody reads
 * it: see billing.h.
 */

typedef struct {
    ngx_ohttp_relay_bill_t        bill;       /* empty figures are unknown */
    ngx_ohttp_relay_billing_t     frame;
    u_char                       *json;       /* NULL: none has begun */
    u_char                       *json_last;

    unsigned                      follow:1;   /* the body may have bills */
    unsigned                      read:1;     /* a bill has come */
} ngx_ohttp_relay_billed_t;


/*
 * One request on its way, in the request's pool.  It is made when the server
 * is known (POST_READ), or at the latest by the handler.
 */

struct ngx_ohttp_relay_ctx_s {
    ngx_connection_t             *connection;
    ngx_log_handler_pt            log_handler;  /* see privacy.c */

    ngx_ohttp_relay_result_e      result;
    uint32_t                      retry_after;  /* s, with our own answer */
                                                /* 0: unknown */

    /* see hold.h */
    ngx_ohttp_relay_pool_t       *pool;       /* NULL: a gateway is named */
    ngx_ohttp_relay_choice_t     *choice;     /* of the pool; NULL: none */
    ngx_ohttp_relay_gateway_t    *gateway;    /* NULL: not known, or yet */

    ngx_ohttp_relay_profile_t    *profile;    /* NULL: it is OHTTP */
    ngx_ohttp_relay_exchange_t   *exchange;   /* see profile.h */
    ngx_queue_t                   flight;     /* to a row; next: or NULL */

    /* what the door has found in the client's head */
    ngx_str_t                    *origin;     /* NULL: none that may ask */

    ngx_ohttp_relay_permit_t     *permit;     /* NULL: nobody asked for one */

    /* the request's body */
    ngx_ohttp_relay_envelope_t    envelope;
    off_t                         declared;   /* bytes; -1: nobody said */
    off_t                         received;   /* bytes */
    ngx_ohttp_relay_gather_t      collected;
    ngx_ohttp_relay_check_pt      check;
    ngx_ohttp_relay_ready_pt      ready;

    /* its framing towards the gateway */
    ngx_chain_t                  *free;
    ngx_chain_t                  *busy;

    /* the gateway's answer */
    off_t                         content_length;  /* -1: not declared */
    ngx_ohttp_relay_chunk_t       chunk;
    off_t                         sent;       /* bytes without framing */
    ngx_chain_t                  *out_last;   /* of u->out_bufs */
    ngx_ohttp_relay_gather_t      held;       /* an error */
    ngx_ohttp_relay_billed_t     *billed;     /* NULL: nothing is known */

    /* what no filter on the way out may change */
    ngx_str_t                     out_type;
    off_t                         out_length;

    /* the relay's own answer */
    ngx_str_t                     body;

    unsigned                      status:10;  /* the gateway's; 0: unread */
    unsigned                      refused_status:10;  /* that did not pass */
    unsigned                      addr_len:8; /* see privacy.c */
    unsigned                      scrubbed:1; /* its connection's log */
    unsigned                      kind:1;     /* NGX_OHTTP_RELAY_SINGLE ... */
    unsigned                      interim:6;  /* heads of 1xx dropped */
    unsigned                      looked:1;   /* the client's head was read */
    unsigned                      query:1;    /* it has one */
    unsigned                      accepted:1; /* it has a right media type */
    unsigned                      named:1;    /* it has a pool's header */
    unsigned                      ambiguous:1;  /* it has two of them */
    unsigned                      early:1;    /* it has Early-Data: 1 */
    unsigned                      flying:1;   /* counted at its gateway */
    unsigned                      suite:1;    /* "envelope" is known */
    unsigned                      rest:1;     /* of a body: see body.h */
    unsigned                      others:2;   /* so many gateways more */
    unsigned                      head_sent:1;

    unsigned                      http_10:1;
    unsigned                      close:1;
    unsigned                      chunked:1;
    unsigned                      type:1;
    unsigned                      json:1;
    unsigned                      cache_control:1;
    unsigned                      hop:1;      /* Connection names fields */

    unsigned                      filtered:1; /* the response is ours */
    unsigned                      answered:1; /* the gateway's head passes */
    unsigned                      holding:1;  /* but waits for its body */
    unsigned                      exited:1;   /* its head left the filters */
    unsigned                      problem:1;  /* the body is our own */
    unsigned                      waiting:1;  /* it goes after a refund */
    unsigned                      cut:1;      /* it must not end well */
    unsigned                      last_sent:1;
};


extern ngx_module_t  ngx_ohttp_relay_module;


#endif /* _NGX_OHTTP_RELAY_RELAY_H_INCLUDED_ */
