
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_SNP_H_INCLUDED_
#define _NGX_OHTTP_RELAY_SNP_H_INCLUDED_


/*
 * The attestation report of an AMD SEV-SNP guest, signed by the key of its
 * chip at its version (VCEK), of the Milan and Genoa families.
 */


#include "allow.h"
#include "finding.h"

#include <openssl/x509.h>


#define NGX_OHTTP_RELAY_SNP_BYTES      1184     /* of a report, exactly */
#define NGX_OHTTP_RELAY_SNP_CHAIN      16384    /* of its certificates */
#define NGX_OHTTP_RELAY_SNP_DATA       64       /* of report_data */
#define NGX_OHTTP_RELAY_SNP_TCB        8
#define NGX_OHTTP_RELAY_SNP_SIGNATURE  96       /* r and s, big endian */


/* the numbers of what may be in an allow list */

typedef enum {
    NGX_OHTTP_RELAY_SNP_MEASUREMENT = 0,
    NGX_OHTTP_RELAY_SNP_HOST_DATA,
    NGX_OHTTP_RELAY_SNP_ID_KEY_DIGEST,
    NGX_OHTTP_RELAY_SNP_AUTHOR_KEY_DIGEST,
    NGX_OHTTP_RELAY_SNP_MAX
} ngx_ohttp_relay_snp_e;


/* slices point into the report */

typedef struct {
    uint32_t                  version;
    uint64_t                  policy;
    uint32_t                  vmpl;
    uint32_t                  flags;            /* which key has signed */
    ngx_ohttp_relay_slice_t   text;             /* what is signed */
    ngx_ohttp_relay_slice_t   report_data;
    ngx_ohttp_relay_slice_t   registers[NGX_OHTTP_RELAY_SNP_MAX];
    ngx_ohttp_relay_slice_t   reported_tcb;
    ngx_ohttp_relay_slice_t   chip_id;          /* 64 */
    u_char                    signature[NGX_OHTTP_RELAY_SNP_SIGNATURE];
} ngx_ohttp_relay_snp_t;


typedef struct {
    X509                     *root;         /* the ARK of the product */
    ngx_ohttp_relay_slice_t   chain;        /* VCEK and ASK, PEM */
    int64_t                   now;          /* seconds, as all here */
    int64_t                   max_age;
    u_char                    tcb[NGX_OHTTP_RELAY_SNP_TCB];     /* at least */
    ngx_ohttp_relay_slice_t   report_data;  /* 64 bytes; no data: any */
    ngx_ohttp_relay_allow_t   allow;
    unsigned                  debug:1;      /* may it be debugged */
} ngx_ohttp_relay_snp_policy_t;


/*
 * Reads a report and judges nothing.
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED and fills *snp; NGX_OHTTP_RELAY_MALFORMED
 * with a reason in *finding.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_snp_parse(const u_char *p,
    const u_char *last, ngx_ohttp_relay_snp_t *snp,
    ngx_ohttp_relay_finding_t *finding);

/*
 * Judges a report that has been read: certificates, signature, that it may not
 * be debugged or moved, chip and versions, measurements and report_data.
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED with finding->valid_until set; any other
 * answer with a reason.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_snp_verify(
    const ngx_ohttp_relay_snp_t *snp,
    const ngx_ohttp_relay_snp_policy_t *policy,
    ngx_ohttp_relay_finding_t *finding);


#endif /* _NGX_OHTTP_RELAY_SNP_H_INCLUDED_ */
