
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_QUOTE_H_INCLUDED_
#define _NGX_OHTTP_RELAY_QUOTE_H_INCLUDED_


/* a quote of Intel TDX (DCAP), of version 4 or 5, for a TD of 1.0 or 1.5 */


#include "finding.h"


#define NGX_OHTTP_RELAY_QUOTE_BYTES      65536  /* at most */

#define NGX_OHTTP_RELAY_QUOTE_REGISTER   48
#define NGX_OHTTP_RELAY_QUOTE_DATA       64     /* of report_data */
#define NGX_OHTTP_RELAY_QUOTE_SVNS       16


/* slices point into the quote; lengths are fixed but where none is said */

typedef struct {
    unsigned                  version;
    ngx_ohttp_relay_slice_t   text;         /* what is signed */
    ngx_ohttp_relay_slice_t   vendor;       /* of the quoting enclave: 16 */
    ngx_ohttp_relay_slice_t   tee_tcb_svn;
    ngx_ohttp_relay_slice_t   mr_seam;
    ngx_ohttp_relay_slice_t   mr_signer_seam;
    ngx_ohttp_relay_slice_t   seam_attributes;  /* 8 */
    ngx_ohttp_relay_slice_t   td_attributes;    /* 8 */
    ngx_ohttp_relay_slice_t   mrtd;
    ngx_ohttp_relay_slice_t   mr_config_id;
    ngx_ohttp_relay_slice_t   mr_owner;
    ngx_ohttp_relay_slice_t   mr_owner_config;
    ngx_ohttp_relay_slice_t   rtmrs[4];
    ngx_ohttp_relay_slice_t   report_data;

    ngx_ohttp_relay_slice_t   signature;
    ngx_ohttp_relay_slice_t   key;              /* x and y */

    ngx_ohttp_relay_slice_t   qe_report;
    ngx_ohttp_relay_slice_t   qe_miscselect;    /* 4 */
    ngx_ohttp_relay_slice_t   qe_attributes;    /* 16 */
    ngx_ohttp_relay_slice_t   qe_mrsigner;      /* 32 */
    unsigned                  qe_isvprodid;
    unsigned                  qe_isvsvn;
    ngx_ohttp_relay_slice_t   qe_report_data;
    ngx_ohttp_relay_slice_t   qe_signature;
    ngx_ohttp_relay_slice_t   qe_auth;          /* any length */
    ngx_ohttp_relay_slice_t   pck;              /* PEM, any length, no NUL */
} ngx_ohttp_relay_quote_t;


/*
 * Reads a quote to its last byte: all lengths in it must add up, and only
 * zeros may follow it.
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED and fills *quote; NGX_OHTTP_RELAY_MALFORMED
 * with a reason in *finding.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_quote_parse(const u_char *p,
    const u_char *last, ngx_ohttp_relay_quote_t *quote,
    ngx_ohttp_relay_finding_t *finding);


#endif /* _NGX_OHTTP_RELAY_QUOTE_H_INCLUDED_ */
