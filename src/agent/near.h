
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_NEAR_H_INCLUDED_
#define _NGX_OHTTP_RELAY_NEAR_H_INCLUDED_


/*
 * The attestation report of a NEAR gateway: a TDX quote with its event log, and
 * a key configuration signed by the key that the quote names.
 */


#include "quote.h"


#define NGX_OHTTP_RELAY_NEAR_BYTES   524288     /* of JSON, at most */
#define NGX_OHTTP_RELAY_NEAR_KEY     32         /* Ed25519 */
#define NGX_OHTTP_RELAY_NEAR_NONCE   32
#define NGX_OHTTP_RELAY_NEAR_CONFIG  4096


typedef struct {
    ngx_ohttp_relay_slice_t   quote;        /* these two to be freed */
    ngx_ohttp_relay_slice_t   event_log;    /* JSON */
    u_char                    signing_key[NGX_OHTTP_RELAY_NEAR_KEY];
    u_char                    fingerprint[32];  /* of the key of TLS, SPKI */
    size_t                    key_config_len;
    u_char                    key_config[NGX_OHTTP_RELAY_NEAR_CONFIG];
    u_char                    signature[64];
} ngx_ohttp_relay_near_t;


/*
 * Reads a report that was asked for with signing_algo=ed25519, a nonce and
 * include_tls_fingerprint.
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED and fills *near; NGX_OHTTP_RELAY_MALFORMED,
 * NGX_OHTTP_RELAY_REFUSED if it is of another algorithm, signs with another
 * key, or names no key of TLS; NGX_OHTTP_RELAY_UNJUDGED without memory.  In
 * any case *near is to be freed.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_near_parse(const u_char *p,
    const u_char *last, ngx_ohttp_relay_near_t *near,
    ngx_ohttp_relay_finding_t *finding);

void ngx_ohttp_relay_near_free(ngx_ohttp_relay_near_t *near);

/*
 * Writes the report data that the quote must have: of the key that signs, of
 * the key of TLS that was seen, and of the nonce that was sent.
 *
 * Returns NGX_OHTTP_RELAY_OK, or NGX_OHTTP_RELAY_ERROR if OpenSSL cannot.
 */
int ngx_ohttp_relay_near_report_data(const ngx_ohttp_relay_near_t *near,
    const u_char spki[32], const u_char nonce[NGX_OHTTP_RELAY_NEAR_NONCE],
    u_char out[NGX_OHTTP_RELAY_QUOTE_DATA]);

/*
 * Verifies the fingerprint and the signature of the key configuration, for
 * after the quote has been accepted with the report data above.
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED; any other answer with a reason.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_near_verify(
    const ngx_ohttp_relay_near_t *near, const u_char spki[32],
    ngx_ohttp_relay_finding_t *finding);


#endif /* _NGX_OHTTP_RELAY_NEAR_H_INCLUDED_ */
