
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* no statement is accepted by an empty list, whatever it says */


#include "fuzz.h"
#include "secure_enclave.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                             *copy, key[32];
    ngx_ohttp_relay_finding_t           finding;
    ngx_ohttp_relay_enclave_policy_t    policy;

    memset(&policy, 0, sizeof(policy));

    policy.now = 1770000000;
    policy.max_age = NGX_OHTTP_RELAY_ENCLAVE_AGE;

    copy = fuzz_copy(data, size);

    fuzz_assert(ngx_ohttp_relay_enclave_verify(copy, copy + size, &policy, key,
                                               &finding)
                != NGX_OHTTP_RELAY_ACCEPTED);
    fuzz_assert(finding.reason[0] != '\0');

    free(copy);

    return 0;
}
