
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_GATEWAY_H_INCLUDED_
#define _NGX_OHTTP_RELAY_GATEWAY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../codec/gateway_url.h"
#include "../codec/media_type.h"
#include "../codec/pin.h"
#include "../codec/registry.h"
#include "seat.h"


/* the two media types a request may have, as bits and as array indices */

#define NGX_OHTTP_RELAY_SINGLE       0
#define NGX_OHTTP_RELAY_CHUNKED      1
#define NGX_OHTTP_RELAY_KINDS        2

#define NGX_OHTTP_RELAY_KIND_SINGLE  (1 << NGX_OHTTP_RELAY_SINGLE)
#define NGX_OHTTP_RELAY_KIND_CHUNKED (1 << NGX_OHTTP_RELAY_CHUNKED)


/* how keys are published */

#define NGX_OHTTP_RELAY_KEYS_AS_IS   0
#define NGX_OHTTP_RELAY_KEYS_AS_LIST 1


/* whether a gateway serves only as long as its attestation is fresh */

#define NGX_OHTTP_RELAY_ATTESTATION_OFF      0
#define NGX_OHTTP_RELAY_ATTESTATION_REQUIRE  1


/* by what means the bodies are sealed */

#define NGX_OHTTP_RELAY_PROFILE_OHTTP        0
#define NGX_OHTTP_RELAY_PROFILE_DSTACK       1
#define NGX_OHTTP_RELAY_PROFILE_CHUTES       2
#define NGX_OHTTP_RELAY_PROFILE_NEAR         3
#define NGX_OHTTP_RELAY_PROFILES             4


/* what becomes of a bill that stands in clear between sealed chunks */

#define NGX_OHTTP_RELAY_BILLING_PASS         0
#define NGX_OHTTP_RELAY_BILLING_STRIP        1
#define NGX_OHTTP_RELAY_BILLING_REJECT       2


typedef struct ngx_ohttp_relay_gateways_s  ngx_ohttp_relay_gateways_t;
typedef struct ngx_ohttp_relay_peers_s     ngx_ohttp_relay_peers_t;
typedef struct ngx_ohttp_relay_pool_s      ngx_ohttp_relay_pool_t;
typedef struct ngx_ohttp_relay_keys_s      ngx_ohttp_relay_keys_t;
typedef struct ngx_ohttp_relay_names_s     ngx_ohttp_relay_names_t;
typedef struct ngx_ohttp_relay_attest_s    ngx_ohttp_relay_attest_t;
typedef struct ngx_ohttp_relay_verdicts_s  ngx_ohttp_relay_verdicts_t;
typedef struct ngx_ohttp_relay_live_s      ngx_ohttp_relay_live_t;
typedef struct ngx_ohttp_relay_roster_s    ngx_ohttp_relay_roster_t;
typedef struct ngx_ohttp_relay_list_s      ngx_ohttp_relay_list_t;


/* an ohttp_relay_tls block: one TLS context, shared by its gateways */

typedef struct {
    ngx_str_t                      name;
    ngx_str_t                      trusted_certificate;
    ngx_str_t                      certificate;
    ngx_str_t                      certificate_key;
    ngx_str_t                      crl;
    ngx_str_t                      ciphers;
    ngx_str_t                      password_file;
    ngx_uint_t                     protocols;
    ngx_uint_t                     verify_depth;
    ngx_ssl_t                     *ssl;
} ngx_ohttp_relay_tls_t;


/* what a gateway's certificate comes to, as a pin of each kind has it */

typedef struct {
    u_char                         digest[NGX_OHTTP_RELAY_PIN_KINDS]
                                         [NGX_OHTTP_RELAY_PIN_DIGEST];
} ngx_ohttp_relay_shown_t;


/*
 * A registered gateway: a block of the configuration, or a row of the registry
 * as long as it stays the same.  Everything here is written before it is used
 * for the first time and never afterwards, but "refs" and "closed"; what else
 * changes lives behind "idle" and "keys".
 */

typedef struct {
    ngx_str_t                      name;
    ngx_uint_t                     index;      /* of a block; -1 of a row */
    u_char                        *file;       /* where it stands, or NULL */
    ngx_uint_t                     line;
    ngx_ohttp_relay_gateways_t    *all;        /* that it is one of */

    /* of a row alone: see roster.h */
    ngx_pool_t                    *memory;     /* that it is in; or NULL */
    ngx_uint_t                     refs;
    u_char                  sha256[NGX_OHTTP_RELAY_REGISTRY_DIGEST];
    u_char                  entry_sha256[NGX_OHTTP_RELAY_REGISTRY_DIGEST];

    unsigned                       closed:1;   /* no new request comes */

    ngx_str_t                      url_text;
    ngx_ohttp_relay_gateway_url_t  url;
    ngx_str_t                      tls_name;   /* for SNI and verification */

    ngx_str_t                      tls;        /* an ohttp_relay_tls block */
    ngx_array_t                   *pins;       /* ngx_ohttp_relay_pin_t */
    ngx_array_t                   *request_headers;       /* ngx_keyval_t */
    ngx_array_t                   *pass_response_headers; /* ngx_str_t */

    ngx_uint_t                     kinds;      /* NGX_OHTTP_RELAY_KIND_* */
    off_t                          max_body;
    ngx_uint_t                     keepalive;
    ngx_uint_t                     keepalive_requests;
    ngx_msec_t                     keepalive_timeout;
    ngx_uint_t                     max_in_flight;         /* 0: no limit */
    time_t                         replay_window;         /* s; 0: off */
    ngx_msec_t                     eject;                 /* 0: off */
    ngx_flag_t                     insecure;

    ngx_str_t                      pool_name;  /* empty: it is in none */
    ngx_str_t                      selector;   /* as it is compared */
    ngx_uint_t                     weight;     /* among its like */
    ngx_uint_t                     nkey_ids;
    u_char                        *key_ids;    /* that it holds keys of */
    ngx_str_t                      keys_file;
    ngx_uint_t                     keys_format;  /* NGX_OHTTP_RELAY_KEYS_AS_* */
    time_t                         keys_max_age; /* s */
    ngx_uint_t                     unknown_key;  /* 0: pass, or a status */

    ngx_ohttp_relay_admin_e        admin;
    ngx_uint_t                     attestation;  /* ..._ATTESTATION_* */
    ngx_str_t                      policy;
    ngx_str_t                      evidence_url; /* for the agent, as is */
    ngx_str_t                      keys_url;     /* for the agent, as is */
    ngx_uint_t                     profile;      /* ..._PROFILE_* */
    ngx_str_t                      confidential_models;  /* file, or "off" */
    ngx_uint_t                     billing_frame;  /* ..._BILLING_* */

    /*
     * The request head is a constant for each media type; that of a single
     * request ends in "Content-Length: ", the length is added at run time.
     * With another profile than "ohttp" the first of them is what all its
     * requests have in common: it begins behind the method and the path.
     */
    ngx_str_t                      head[NGX_OHTTP_RELAY_KINDS];

    ngx_http_upstream_conf_t       upstream;
    ngx_http_upstream_srv_conf_t   peers;
    ngx_ohttp_relay_peers_t       *idle;
    ngx_ohttp_relay_names_t       *names;        /* its addresses */
    ngx_ohttp_relay_keys_t        *keys;         /* NULL without keys_file */
    ngx_ohttp_relay_list_t        *models;       /* NULL: any model will do */
    ngx_ohttp_relay_attest_t      *attest;       /* NULL: none is required */
    void                          *counters;     /* see src/relay/figures.h */
    ngx_ohttp_relay_seat_t        *seat;         /* see open.h; or NULL */
} ngx_ohttp_relay_gateway_t;


/*
 * Called in each worker for a gateway, or for a pool behind all its gateways,
 * that comes into use there, before its first request.  What is kept of it is
 * good as long as "memory", where it lives itself.  Return NGX_OK or NGX_ERROR
 * (no memory).
 */
typedef ngx_int_t (*ngx_ohttp_relay_use_pt)(void *data,
    ngx_ohttp_relay_gateway_t *gateway, ngx_pool_t *memory);
typedef ngx_int_t (*ngx_ohttp_relay_use_pool_pt)(void *data,
    ngx_ohttp_relay_pool_t *pool, ngx_pool_t *memory);


/* all that the room remembers between two configurations' directives */

struct ngx_ohttp_relay_gateways_s {
    ngx_array_t                    gateways;   /* ngx_ohttp_relay_gateway_t * */
    ngx_array_t                    pools;      /* ngx_ohttp_relay_pool_t * */
    ngx_array_t                    tls;        /* ngx_ohttp_relay_tls_t * */
    ngx_ssl_t                     *system_ssl; /* system's CAs, made on use */
    ngx_ssl_t                     *pinned_ssl; /* all pins, made on use */
    ngx_ohttp_relay_seats_t       *seats;      /* of all names */
    ngx_resolver_t                *resolver;   /* NULL: names are looked up */
    ngx_msec_t                     resolver_timeout;
    ngx_ohttp_relay_verdicts_t    *verdicts;   /* NULL without their file */

    /* blocks, and rows: what there is now; replaced by the registry alone */
    ngx_ohttp_relay_roster_t      *roster;
    ngx_ohttp_relay_live_t        *live;       /* NULL without a registry */

    /* what the relay adds to what comes into use in a worker, and its data */
    ngx_ohttp_relay_use_pt         use;
    ngx_ohttp_relay_use_pool_pt    use_pool;
    void                          *data;
};


/*
 * Prepares an empty set of gateways.  Memory comes from "pool".
 * Returns NGX_OK or NGX_ERROR (no memory).
 */
ngx_int_t ngx_ohttp_relay_gateways_create(ngx_pool_t *pool,
    ngx_ohttp_relay_gateways_t *gateways);

/*
 * Completes all gateways once the whole configuration has been read: resolves
 * addresses, makes TLS contexts, connection pools and constant heads, reads
 * the registry and calls the roll.  Returns NGX_OK, or NGX_ERROR after one
 * logged line.
 */
ngx_int_t ngx_ohttp_relay_gateways_init(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways);

/*
 * Completes one gateway, of which all directives have been read, in memory of
 * cf->pool.  The host of a row is not looked up: it has addresses only if it is
 * one.  Returns NGX_OK, or NGX_ERROR after one line in cf->log.
 */
ngx_int_t ngx_ohttp_relay_gateway_init(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways, ngx_ohttp_relay_gateway_t *gateway);

/*
 * Finds the block of a gateway by its exact name; NULL when there is none.
 */
ngx_ohttp_relay_gateway_t *ngx_ohttp_relay_gateway_find(
    ngx_ohttp_relay_gateways_t *gateways, ngx_str_t *name);

/*
 * Tells whether a response header (name in any case) is one of the gateway's
 * "pass_response_header"; returns the name as configured, or NULL.
 */
ngx_str_t *ngx_ohttp_relay_gateway_passes(ngx_ohttp_relay_gateway_t *gateway,
    const u_char *name, size_t len);


#endif /* _NGX_OHTTP_RELAY_GATEWAY_H_INCLUDED_ */
