
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_TCB_H_INCLUDED_
#define _NGX_OHTTP_RELAY_TCB_H_INCLUDED_


/* how Intel judges a platform and its quoting enclave, by their versions */


#include "pck.h"
#include "quote.h"

#include <jansson.h>


/* from the best to the worst; more words than these are not understood */

typedef enum {
    NGX_OHTTP_RELAY_TCB_UP_TO_DATE = 0,
    NGX_OHTTP_RELAY_TCB_HARDENING,              /* SWHardeningNeeded */
    NGX_OHTTP_RELAY_TCB_CONFIGURATION,          /* ConfigurationNeeded */
    NGX_OHTTP_RELAY_TCB_CONFIGURATION_HARDENING,
    NGX_OHTTP_RELAY_TCB_OUT_OF_DATE,
    NGX_OHTTP_RELAY_TCB_OUT_OF_DATE_CONFIGURATION,
    NGX_OHTTP_RELAY_TCB_REVOKED,
    NGX_OHTTP_RELAY_TCB_UNKNOWN
} ngx_ohttp_relay_tcb_e;


/* Returns the status of a word, which may be NULL. */
ngx_ohttp_relay_tcb_e ngx_ohttp_relay_tcb(const char *word);

/* Returns the word of a status, "unknown" if it is none. */
const char *ngx_ohttp_relay_tcb_word(ngx_ohttp_relay_tcb_e status);

/*
 * Judges a platform by TCB info that has been verified: that it is about this
 * platform, which of its levels it reaches, and that of its TDX module.
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED with the worse of both in *status;
 * NGX_OHTTP_RELAY_REFUSED with a reason if it reaches none, or is another one.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_tcb_platform(const json_t *info,
    const ngx_ohttp_relay_quote_t *quote, const ngx_ohttp_relay_pck_t *pck,
    ngx_ohttp_relay_tcb_e *status, ngx_ohttp_relay_finding_t *finding);

/* The same for the quoting enclave, by its identity. */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_tcb_qe(const json_t *identity,
    const ngx_ohttp_relay_quote_t *quote, ngx_ohttp_relay_tcb_e *status,
    ngx_ohttp_relay_finding_t *finding);

/*
 * Reads a member that is a string of 2 * len hexadecimal digits.  Returns
 * NGX_OHTTP_RELAY_OK, or NGX_OHTTP_RELAY_ERROR.
 */
int ngx_ohttp_relay_tcb_hex(const json_t *object, const char *name,
    u_char *out, size_t len);


#endif /* _NGX_OHTTP_RELAY_TCB_H_INCLUDED_ */
