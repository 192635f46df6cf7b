
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* reports of JSON, and collateral: what is read of either is freed */


#include "fuzz.h"
#include "collateral.h"
#include "near.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    X509                          *root;
    u_char                        *copy;
    ngx_ohttp_relay_near_t         near;
    ngx_ohttp_relay_finding_t      finding;
    ngx_ohttp_relay_collateral_t   collateral;

    copy = fuzz_copy(data, size);

    if (ngx_ohttp_relay_near_parse(copy, copy + size, &near, &finding)
        == NGX_OHTTP_RELAY_ACCEPTED)
    {
        fuzz_assert(near.quote.data != NULL && near.quote.len > 0
                    && near.quote.len <= NGX_OHTTP_RELAY_QUOTE_BYTES);
        fuzz_assert(near.event_log.data != NULL);
        fuzz_assert(near.key_config_len > 0
                    && near.key_config_len <= NGX_OHTTP_RELAY_NEAR_CONFIG);

    } else {
        fuzz_assert(finding.reason[0] != '\0');
    }

    ngx_ohttp_relay_near_free(&near);

    /* a root that has signed nothing */

    root = X509_new();
    fuzz_assert(root != NULL);

    fuzz_assert(ngx_ohttp_relay_collateral_read(copy, copy + size, root,
                                                1750385400, 0, &collateral,
                                                &finding)
                != NGX_OHTTP_RELAY_ACCEPTED);
    fuzz_assert(finding.reason[0] != '\0');

    ngx_ohttp_relay_collateral_free(&collateral);
    X509_free(root);
    free(copy);

    return 0;
}
