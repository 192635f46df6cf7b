
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_ENCLAVE_H_INCLUDED_
#define _NGX_OHTTP_RELAY_ENCLAVE_H_INCLUDED_


/* documents of real enclaves, and how the unit tests judge them */


#include "evidence.h"
#include "chain.h"
#include "nitro.h"


#define ACCEPTED   NGX_OHTTP_RELAY_ACCEPTED
#define REFUSED    NGX_OHTTP_RELAY_REFUSED
#define MALFORMED  NGX_OHTTP_RELAY_MALFORMED

/* t/data/ORIGIN.md has what is in it */
#define NITRO_FILE  "nitro/nitro-20260212T175602Z-65ce3118.cose"
#define NITRO_TIME  1770918962LL


/* any measurement at a time; the root is to be freed */

static __attribute__((unused)) ngx_ohttp_relay_nitro_policy_t
nitro_policy(int64_t now)
{
    evidence_t                      file;
    ngx_ohttp_relay_nitro_policy_t  policy;

    file = evidence_read("nitro/aws_root_g1.pem");

    memset(&policy, 0, sizeof(policy));

    policy.root = ngx_ohttp_relay_chain_root(file.data, file.data + file.len);
    policy.now = now;
    policy.max_age = 600;
    policy.skew = 60;
    policy.allow.any = 1;

    if (policy.root == NULL) {
        printf("Bail out! no root\n");
        exit(2);
    }

    tap_free(file.data, file.len);

    return policy;
}


static __attribute__((unused)) ngx_ohttp_relay_answer_e
nitro_judge(const u_char *p, size_t len,
    const ngx_ohttp_relay_nitro_policy_t *policy,
    ngx_ohttp_relay_finding_t *finding)
{
    ngx_ohttp_relay_nitro_t  nitro;

    if (ngx_ohttp_relay_nitro_parse(p, p + len, &nitro, finding) != ACCEPTED) {
        return finding->answer;
    }

    return ngx_ohttp_relay_nitro_verify(&nitro, policy, finding);
}


#endif /* _NGX_OHTTP_RELAY_ENCLAVE_H_INCLUDED_ */
