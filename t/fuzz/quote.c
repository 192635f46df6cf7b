
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* all of a quote is accounted for, and fields lie where they belong */


#include "fuzz.h"
#include "quote.h"


static void fuzz_field(const ngx_ohttp_relay_slice_t *field, size_t len,
    const u_char *p, const u_char *last);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                     *copy;
    unsigned                    i;
    const u_char               *text, *last;
    ngx_ohttp_relay_quote_t     quote, again;
    ngx_ohttp_relay_finding_t   finding;

    copy = fuzz_copy(data, size);
    last = copy + size;

    if (ngx_ohttp_relay_quote_parse(copy, last, &quote, &finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        fuzz_assert(finding.answer == NGX_OHTTP_RELAY_MALFORMED);
        fuzz_assert(finding.reason[0] != '\0');
        free(copy);
        return 0;
    }

    text = quote.text.data + quote.text.len;

    fuzz_assert(quote.text.data == copy);
    fuzz_assert(quote.text.len == 632
                || quote.text.len == 638 || quote.text.len == 702);
    fuzz_assert((quote.text.len == 632) == (quote.version == 4));

    fuzz_field(&quote.tee_tcb_svn, 16, copy, text);
    fuzz_field(&quote.mr_signer_seam, 48, copy, text);
    fuzz_field(&quote.td_attributes, 8, copy, text);
    fuzz_field(&quote.mrtd, 48, copy, text);
    fuzz_field(&quote.mr_owner_config, 48, copy, text);
    fuzz_field(&quote.report_data, 64, copy, text);

    for (i = 0; i < 4; i++) {
        fuzz_field(&quote.rtmrs[i], 48, copy, text);
    }

    fuzz_field(&quote.signature, 64, text, last);
    fuzz_field(&quote.key, 64, text, last);
    fuzz_field(&quote.qe_report, 384, text, last);
    fuzz_field(&quote.qe_report_data, 64, text, last);
    fuzz_field(&quote.qe_signature, 64, text, last);
    fuzz_field(&quote.qe_auth, quote.qe_auth.len, text, last);
    fuzz_field(&quote.pck, quote.pck.len, text, last);

    /* without the last byte it is another one, or none */

    if (quote.pck.data + quote.pck.len == last) {
        fuzz_assert(ngx_ohttp_relay_quote_parse(copy, last - 1, &again,
                                                &finding)
                    == NGX_OHTTP_RELAY_MALFORMED);
    }

    free(copy);

    return 0;
}


static void
fuzz_field(const ngx_ohttp_relay_slice_t *field, size_t len, const u_char *p,
    const u_char *last)
{
    fuzz_assert(field->len == len);
    fuzz_assert(field->data >= p && field->data + len <= last);
}
