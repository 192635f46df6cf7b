
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* a report is as long as all others, and its numbers are all that is in it */


#include "fuzz.h"
#include "snp.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                     *copy;
    unsigned                    i;
    ngx_ohttp_relay_snp_t       snp;
    ngx_ohttp_relay_finding_t   finding;

    copy = fuzz_copy(data, size);

    if (ngx_ohttp_relay_snp_parse(copy, copy + size, &snp, &finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        fuzz_assert(finding.answer == NGX_OHTTP_RELAY_MALFORMED);
        fuzz_assert(finding.reason[0] != '\0');
        free(copy);
        return 0;
    }

    fuzz_assert(size == NGX_OHTTP_RELAY_SNP_BYTES);
    fuzz_assert(snp.version >= 2 && snp.version <= 5);
    fuzz_assert(snp.signature[47] == copy[0x2a0]
                && snp.signature[48] == copy[0x2e8 + 47]);
    fuzz_assert(ngx_ohttp_relay_all_zero(copy + 0x330, size - 0x330));

    for (i = 0; i < NGX_OHTTP_RELAY_SNP_MAX; i++) {
        fuzz_assert(snp.registers[i].data > copy
                    && snp.registers[i].data + snp.registers[i].len
                       <= copy + 0x2a0);
    }

    free(copy);

    return 0;
}
