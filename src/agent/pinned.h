
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_PINNED_H_INCLUDED_
#define _NGX_OHTTP_RELAY_PINNED_H_INCLUDED_


/*
 * A gateway without evidence, whose keys and certificate the operator knows by
 * their hashes.  It is pinned, and never attested.
 */


#include "allow.h"
#include "finding.h"
#include "pin.h"


typedef struct {
    ngx_ohttp_relay_allow_t        keys;    /* number 0: SHA-256 of the list */
    const ngx_ohttp_relay_pin_t   *pins;    /* of the certificate: one of */
    unsigned                       npins;
    int64_t                        now;
    int64_t                        max_age;
    int64_t                        not_after;   /* -1: the policy has no end */
} ngx_ohttp_relay_pinned_policy_t;


/*
 * Judges the keys that a gateway serves, in any form, by the hash of the list
 * that they become, and the certificate that it shows, DER.
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED with the pin that fits in *pin and
 * finding->valid_until set; any other answer with a reason.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_pinned_verify(
    const ngx_ohttp_relay_slice_t *keys,
    const ngx_ohttp_relay_slice_t *certificate,
    const ngx_ohttp_relay_pinned_policy_t *policy, ngx_ohttp_relay_pin_t *pin,
    ngx_ohttp_relay_finding_t *finding);

/*
 * Writes the SHA-256 of a certificate, DER, or of the key in it.  Returns
 * NGX_OHTTP_RELAY_OK; NGX_OHTTP_RELAY_ERROR if it is no certificate.
 */
int ngx_ohttp_relay_pinned_digest(const ngx_ohttp_relay_slice_t *certificate,
    ngx_ohttp_relay_pin_kind_e kind,
    u_char out[NGX_OHTTP_RELAY_PIN_DIGEST]);


#endif /* _NGX_OHTTP_RELAY_PINNED_H_INCLUDED_ */
