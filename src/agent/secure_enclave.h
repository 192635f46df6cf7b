
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_SECURE_ENCLAVE_H_INCLUDED_
#define _NGX_OHTTP_RELAY_SECURE_ENCLAVE_H_INCLUDED_


/*
 * What a mesh-llm host says about itself, signed by a key that it says is in
 * the Secure Enclave of its Apple chip.  Nobody vouches for the key, and any
 * program could have made it: this is a signed statement, and never evidence.
 */


#include "allow.h"
#include "finding.h"


#define NGX_OHTTP_RELAY_ENCLAVE_BYTES  16384    /* of JSON, at most */
#define NGX_OHTTP_RELAY_ENCLAVE_HASH   32       /* of a key, SHA-256 */

/* what its clients accept: two refreshes and a grace, and a clock ahead */
#define NGX_OHTTP_RELAY_ENCLAVE_AGE    660
#define NGX_OHTTP_RELAY_ENCLAVE_SKEW   30


typedef struct {
    int64_t                    now;         /* seconds, as all here */
    int64_t                    max_age;
    int64_t                    skew;
    ngx_ohttp_relay_allow_t    keys;        /* number 0: SHA-256 of the key */
    const char                *node;        /* NULL: any */
    const char                *inference_key;
} ngx_ohttp_relay_enclave_policy_t;


/*
 * Judges a statement: that its own key has signed it, that it is about this
 * node and key, of a host that is closed as it should be, and fresh.
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED with the hash of the key, to be remembered,
 * in key, and finding->valid_until set; any other answer with a reason.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_enclave_verify(const u_char *p,
    const u_char *last, const ngx_ohttp_relay_enclave_policy_t *policy,
    u_char key[NGX_OHTTP_RELAY_ENCLAVE_HASH],
    ngx_ohttp_relay_finding_t *finding);


#endif /* _NGX_OHTTP_RELAY_SECURE_ENCLAVE_H_INCLUDED_ */
