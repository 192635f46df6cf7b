
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_PROFILE_H_INCLUDED_
#define _NGX_OHTTP_RELAY_PROFILE_H_INCLUDED_


/*
 * Systems whose bodies are sealed by other means than OHTTP.  Each is a table
 * that is compiled in: which paths there are, and what of a client's head
 * passes, in an order and a spelling of the table's own.  What no table has
 * does not pass.
 */


#include "../codec/media_type.h"
#include "../codec/response_head.h"
#include "../codec/route.h"
#include "relay.h"


/* the most headers of a client that one profile reads */
#define NGX_OHTTP_RELAY_PROFILE_HEADERS  8


/* an error as the system's own gateways say it: the whole body, a constant */

typedef struct {
    ngx_ohttp_relay_result_e      result;     /* as which it is counted */
    ngx_uint_t                    status;
    ngx_str_t                     body;       /* JSON */
} ngx_ohttp_relay_fault_t;


typedef struct {
    ngx_uint_t                    method;     /* NGX_HTTP_GET or _POST */
    ngx_str_t                     name;       /* of the method */
    char                         *pattern;    /* see ngx_ohttp_relay_route() */
    ngx_ohttp_relay_grammar_t     segment;    /* in place of the "*" */
    ngx_ohttp_relay_parameter_t  *parameters;
    ngx_uint_t                    nparameters;

    /* of a POST; its client's headers pass, those of a GET do not */
    ngx_uint_t                    media;      /* ..._MEDIA_* it must have */
    ngx_str_t                     type;       /* written for it */
    off_t                         least;      /* bytes of body */

    ngx_uint_t                    answers;    /* bits 1 << ..._MEDIA_* */
    ngx_ohttp_relay_fault_t      *refused;    /* NULL: it is served */
} ngx_ohttp_relay_profile_route_t;


typedef struct {
    ngx_str_t                     lowcase;
    ngx_str_t                     name;       /* as it is written */
    ngx_ohttp_relay_grammar_t     grammar;
    ngx_ohttp_relay_fault_t      *wrong;      /* not that, or there twice */
} ngx_ohttp_relay_profile_header_t;


/* what of a client's head the profile's own routes and headers are */

struct ngx_ohttp_relay_exchange_s {
    ngx_ohttp_relay_profile_route_t  *route;  /* NULL: there is none */
    ngx_ohttp_relay_fault_t      *fault;      /* why it was refused, or NULL */
    ngx_ohttp_relay_result_e      result;     /* the same, of "enter" */
    ngx_ohttp_relay_slice_t       segment;
    ngx_ohttp_relay_slice_t       parameters[NGX_OHTTP_RELAY_PARAMETERS];
    ngx_ohttp_relay_slice_t       headers[NGX_OHTTP_RELAY_PROFILE_HEADERS];

    ngx_uint_t                    media;      /* of the request */
    unsigned                      repeated;   /* bits of headers */
    unsigned                      typed:1;    /* "media" is known */
    unsigned                      packed:1;   /* the body is, so they say */
    unsigned                      query:1;    /* it is not of the route */
    unsigned                      method:1;   /* and this is not, either */
    unsigned                      confirmed:1;   /* see profile->confirm */
    unsigned                      denied:1;
    unsigned                      coded:1;    /* the answer is, unasked */
};


struct ngx_ohttp_relay_profile_s {
    ngx_ohttp_relay_profile_route_t   *routes;
    ngx_uint_t                         nroutes;
    ngx_ohttp_relay_profile_header_t  *headers;
    ngx_uint_t                         nheaders;
    ngx_str_t                         *answers;   /* headers, to the first
                                                     empty one */
    ngx_str_t                         *confirm;   /* one of them that a 2xx to
                                                     a POST has as "true" */

    ngx_ohttp_relay_fault_t           *unknown;   /* no such path */
    ngx_ohttp_relay_fault_t           *short_body;    /* or NULL */

    /* in place of the relay's own: by result, to the first of RESULT_NONE */
    ngx_ohttp_relay_fault_t           *faults;

    /* the headers of a POST as a whole: NULL, or why it is refused */
    ngx_ohttp_relay_fault_t         *(*check)(ngx_ohttp_relay_ctx_t *ctx);

    /* RESULT_NONE if the gateway chosen takes it; NULL: nobody asks */
    ngx_ohttp_relay_result_e         (*enter)(ngx_ohttp_relay_ctx_t *ctx);

    /*
     * What a request that must be new is known by: n parts, at most 4, and
     * the time in it.  0: it has nothing of the kind.  NULL: no request has.
     */
    ngx_uint_t                       (*claim)(ngx_ohttp_relay_exchange_t *e,
                                              ngx_str_t *parts, time_t *time);

    /* for browsers: names and values, as in cors.c; and who may read what */
    ngx_str_t                         *preflight;
    ngx_str_t                          exposed;
};


extern ngx_ohttp_relay_profile_t  ngx_ohttp_relay_profile_dstack;
extern ngx_ohttp_relay_profile_t  ngx_ohttp_relay_profile_near;
extern ngx_ohttp_relay_profile_t  ngx_ohttp_relay_profile_chutes;


/*
 * Notes of the client's head what the profile of the gateway in "ctx", or of
 * its pool, reads, as ctx->profile and ctx->exchange; without memory for the
 * latter the door refuses.  Not to be called with the profile "ohttp".
 */
void ngx_ohttp_relay_profile_look(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);

/*
 * In place of the door of sealed requests, and of the check of their envelope:
 * what the path, the method, the type and the query decide, and then what the
 * headers do.  Return NGX_OK, or the HTTP status of a refusal.
 */
ngx_int_t ngx_ohttp_relay_profile_door(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
ngx_int_t ngx_ohttp_relay_profile_check(ngx_ohttp_relay_ctx_t *ctx);

/*
 * Whether the client's headers are those of the profile: each there at most
 * once, and of its grammar.  Returns NULL, or the fault of the first that is
 * not.
 */
ngx_ohttp_relay_fault_t *ngx_ohttp_relay_profile_check_headers(
    ngx_ohttp_relay_ctx_t *ctx);

/* Whether the body can be a sealed one; an ngx_ohttp_relay_check_pt. */
ngx_int_t ngx_ohttp_relay_profile_check_body(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);

/*
 * Whether the gateway in ctx->gateway takes the request: NGX_OK, or else
 * NGX_DECLINED with the reason in ctx->exchange->result.
 */
ngx_int_t ngx_ohttp_relay_profile_enter(ngx_ohttp_relay_ctx_t *ctx);

/*
 * What the request is known by among those that must be new: fills parts[4],
 * and the time that stands in it.  Returns the number of parts; 0 if it
 * cannot come twice, or nobody could tell.
 */
ngx_uint_t ngx_ohttp_relay_profile_claim(ngx_ohttp_relay_ctx_t *ctx,
    ngx_str_t *parts, time_t *time);

/* The head for the gateway, as a buffer; NULL without memory. */
ngx_buf_t *ngx_ohttp_relay_profile_head(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);

/*
 * Takes note of a header of the answer.  Returns the name under which it
 * passes, or NULL.
 */
ngx_str_t *ngx_ohttp_relay_profile_field(ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_field_t *field);

/* What is wrong with the head of a 2xx, in a word; NULL if nothing is. */
char *ngx_ohttp_relay_profile_answer(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);

/*
 * What the system's own gateways would say in place of the problem in
 * ctx->result; NULL if that is the relay's own.
 */
ngx_ohttp_relay_fault_t *ngx_ohttp_relay_profile_fault(
    ngx_ohttp_relay_ctx_t *ctx);


#endif /* _NGX_OHTTP_RELAY_PROFILE_H_INCLUDED_ */
