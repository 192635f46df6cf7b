
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_TDX_H_INCLUDED_
#define _NGX_OHTTP_RELAY_TDX_H_INCLUDED_


/* whether a quote of Intel TDX is to be believed, and what it is of */


#include "allow.h"
#include "collateral.h"
#include "event_log.h"
#include "tcb.h"


/* the numbers of what may be in an allow list */

typedef enum {
    NGX_OHTTP_RELAY_TDX_MRTD = 0,
    NGX_OHTTP_RELAY_TDX_RTMR,               /* and three more */
    NGX_OHTTP_RELAY_TDX_MR_CONFIG_ID = NGX_OHTTP_RELAY_TDX_RTMR + 4,
    NGX_OHTTP_RELAY_TDX_MR_OWNER,
    NGX_OHTTP_RELAY_TDX_MR_OWNER_CONFIG,
    NGX_OHTTP_RELAY_TDX_EVENT,              /* and those of event_log.h */
    NGX_OHTTP_RELAY_TDX_MAX = NGX_OHTTP_RELAY_TDX_EVENT
                              + NGX_OHTTP_RELAY_EVENTS
} ngx_ohttp_relay_tdx_e;


typedef struct {
    X509                     *root;
    ngx_ohttp_relay_slice_t   collateral;   /* a bundle */
    ngx_ohttp_relay_slice_t   event_log;    /* no data: there is none */
    int64_t                   now;          /* seconds, as all here */
    int64_t                   max_age;
    unsigned                  tcb;          /* a bit for each status */
    unsigned                  evaluation;   /* at least */
    ngx_ohttp_relay_slice_t   report_data;  /* 64 bytes; no data: any */
    ngx_ohttp_relay_allow_t   allow;
    unsigned                  debug:1;      /* may it be a debug one */
} ngx_ohttp_relay_tdx_policy_t;


typedef struct {
    ngx_ohttp_relay_pck_t     pck;
    ngx_ohttp_relay_tcb_e     status;       /* the worst of the three */
} ngx_ohttp_relay_tdx_t;


/*
 * Judges a quote that has been read: the collateral, the certificate of the
 * platform and its issuers, the quoting enclave, the signature, that it is no
 * debug TD, the TCB, the event log, measurements and report_data, one after
 * the other.
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED with finding->valid_until set; any other
 * answer with a reason.  *tdx is filled as far as it came.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_tdx_verify(
    const ngx_ohttp_relay_quote_t *quote,
    const ngx_ohttp_relay_tdx_policy_t *policy, ngx_ohttp_relay_tdx_t *tdx,
    ngx_ohttp_relay_finding_t *finding);


#endif /* _NGX_OHTTP_RELAY_TDX_H_INCLUDED_ */
