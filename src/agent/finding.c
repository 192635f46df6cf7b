
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "finding.h"


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_find(ngx_ohttp_relay_finding_t *finding,
    ngx_ohttp_relay_answer_e answer, const char *reason)
{
    finding->answer = answer;
    finding->reason = reason;

    return answer;
}


void
ngx_ohttp_relay_find_until(ngx_ohttp_relay_finding_t *finding, int64_t when)
{
    if (when < finding->valid_until) {
        finding->valid_until = when;
    }
}
