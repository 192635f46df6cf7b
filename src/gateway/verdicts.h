
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_VERDICTS_H_INCLUDED_
#define _NGX_OHTTP_RELAY_VERDICTS_H_INCLUDED_


/*
 * The gate of gateways with "attestation require": a request comes to them only
 * as long as a verdict in the file "ohttp_relay_verdicts" lets it.
 */


#include "../watch/watch.h"
#include "gateway.h"


/*
 * What a worker knows of the attestation of one gateway.  It is part of the
 * gateway, and all that ever changes in it changes between two events.
 */

struct ngx_ohttp_relay_attest_s {

    /* read for each request: it passes in front of both, and then only */
    time_t                           until;      /* s, time of day */
    uint64_t                         deadline;   /* ms, clock of timers */

    ngx_ohttp_relay_attested_e       attested;   /* clocks left aside */
    const char                      *why;        /* not; or NULL */
    ngx_ohttp_relay_terms_t          terms;
    u_char                           kind[NGX_OHTTP_RELAY_REGISTRY_NAME];

    /* of the last verdict that counted */
    time_t                           verified_at;
    time_t                           valid_until;
    u_char                  evidence_sha256[NGX_OHTTP_RELAY_VERDICT_DIGEST];

    ngx_uint_t                       npins;
    ngx_ohttp_relay_pin_t            pins[NGX_OHTTP_RELAY_VERDICT_PINS];

    ngx_ohttp_relay_gateway_t       *gateway;
    ngx_queue_t                      queue;      /* of those that are open */
    unsigned                         open:1;
};


/* for figures; the strings are constants, or good until the next event */

typedef struct {
    ngx_str_t                        state;      /* off ok pinned stale lapsed
                                                    refused key_conflict none */
    ngx_str_t                        kind;       /* the rest: of the verdict, */
    ngx_str_t                        root;       /* empty if there is none */
    ngx_str_t                        reason;
    time_t                           verified_at;
    time_t                           valid_until;
} ngx_ohttp_relay_verdicts_state_t;


/*
 * Handler of the directive "ohttp_relay_verdicts FILE [interval=TIME]
 * [user=NAME] [test_roots=on|off]": "conf" is an ngx_ohttp_relay_gateways_t.
 * Returns NGX_CONF_OK or what is wrong.
 */
char *ngx_ohttp_relay_verdicts_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Reads the verdicts, if there are to be any, and adds the shared memory that
 * they need; "tag" is the module.  Returns NGX_OK, or NGX_ERROR after one
 * logged line.
 */
ngx_int_t ngx_ohttp_relay_verdicts_init(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways, void *tag);

/*
 * Starts in a worker, before the first gateway is opened, and begins to follow
 * the file after it.  Both return NGX_OK or NGX_ERROR.
 */
void ngx_ohttp_relay_verdicts_init_process(
    ngx_ohttp_relay_gateways_t *gateways);
ngx_int_t ngx_ohttp_relay_verdicts_watch(ngx_ohttp_relay_gateways_t *gateways,
    ngx_cycle_t *cycle);

/*
 * Prepares a gateway that is read, in memory of "pool".  Returns NULL, or what
 * is wrong with its attestation: a constant.
 */
char *ngx_ohttp_relay_verdicts_prepare(ngx_pool_t *pool,
    ngx_ohttp_relay_gateways_t *gateways, ngx_ohttp_relay_gateway_t *gateway);

/*
 * Takes over what the verdict on the gateway must be about: once for each row.
 * Without a policy (NULL) no verdict counts.
 */
void ngx_ohttp_relay_verdicts_bind(ngx_ohttp_relay_gateway_t *gateway,
    ngx_ohttp_relay_registry_policy_t *policy);

/*
 * The same for all blocks, with each content of the registry that is taken
 * over.  The policy of a block may be gone in a later one, but not in the first
 * one: the second function returns NGX_OK, or NGX_ERROR after one line in
 * cf->log.
 */
void ngx_ohttp_relay_verdicts_bind_blocks(ngx_ohttp_relay_gateways_t *gateways,
    ngx_ohttp_relay_registry_t *registry);
ngx_int_t ngx_ohttp_relay_verdicts_check_blocks(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways,
    ngx_ohttp_relay_registry_t *registry);

/*
 * The gateway comes into use in this worker, when it has its seat; and goes.
 */
void ngx_ohttp_relay_verdicts_open(ngx_ohttp_relay_gateway_t *gateway);
void ngx_ohttp_relay_verdicts_close(ngx_ohttp_relay_gateway_t *gateway);

/*
 * Whether a new request may come to the gateway: 1, also if nobody asks for
 * its attestation, or 0.
 */
ngx_uint_t ngx_ohttp_relay_verdicts_allow(ngx_ohttp_relay_gateway_t *gateway);

/*
 * The pins of the verdict on the gateway, one of which its certificate must
 * match: *n of them.  NULL if it has none and its policy asks for none.  None
 * of them (*n is 0) is no "any": then no certificate matches.
 *
 * They are those of the last verdict that counted, so that what was let in by
 * it may end.
 */
ngx_ohttp_relay_pin_t *ngx_ohttp_relay_verdicts_pins(
    ngx_ohttp_relay_gateway_t *gateway, ngx_uint_t *n);

/* Tells the state of the gateway's attestation in this worker. */
void ngx_ohttp_relay_verdicts_state(ngx_ohttp_relay_gateway_t *gateway,
    ngx_ohttp_relay_verdicts_state_t *state);

/* The file as it is watched, for its figures; NULL without one. */
ngx_ohttp_relay_watched_t *ngx_ohttp_relay_verdicts_watched(
    ngx_ohttp_relay_gateways_t *gateways);


#endif /* _NGX_OHTTP_RELAY_VERDICTS_H_INCLUDED_ */
