
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * Fields lie inside of the payload, and those that must be there are.  What a
 * document says is read too, as it will be of one that somebody else has made:
 * no made-up one is ever accepted.
 */


#include "fuzz.h"
#include "chain.h"
#include "nitro.h"


static void fuzz_field(const ngx_ohttp_relay_nitro_t *nitro,
    const ngx_ohttp_relay_slice_t *field, size_t min, size_t max);
static void fuzz_judge(const ngx_ohttp_relay_nitro_t *nitro);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                     *copy;
    unsigned                    i;
    ngx_ohttp_relay_nitro_t     nitro;
    ngx_ohttp_relay_finding_t   finding;

    copy = fuzz_copy(data, size);

    if (ngx_ohttp_relay_nitro_parse(copy, copy + size, &nitro, &finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        fuzz_assert(finding.answer == NGX_OHTTP_RELAY_MALFORMED);
        fuzz_assert(finding.reason[0] != '\0');
        free(copy);
        return 0;
    }

    fuzz_assert(nitro.timestamp != 0);
    fuzz_assert(nitro.module_id.data != NULL);
    fuzz_assert(nitro.certificate.data != NULL);
    fuzz_assert(nitro.nbundle > 0
                && nitro.nbundle <= NGX_OHTTP_RELAY_NITRO_BUNDLE);

    for (i = 0; i < NGX_OHTTP_RELAY_NITRO_PCRS; i++) {
        fuzz_field(&nitro, &nitro.pcrs[i], 48, 48);
        fuzz_assert(i > 2 || nitro.pcrs[i].data != NULL);
    }

    for (i = 0; i < nitro.nbundle; i++) {
        fuzz_assert(nitro.bundle[i].data != NULL);
        fuzz_field(&nitro, &nitro.bundle[i], 1, 1024);
    }

    fuzz_field(&nitro, &nitro.module_id, 1, 256);
    fuzz_field(&nitro, &nitro.certificate, 1, 1024);
    fuzz_field(&nitro, &nitro.public_key, 1, 1024);
    fuzz_field(&nitro, &nitro.user_data, 0, 1024);
    fuzz_field(&nitro, &nitro.nonce, 0, 1024);

    fuzz_judge(&nitro);

    free(copy);

    return 0;
}


static void
fuzz_field(const ngx_ohttp_relay_nitro_t *nitro,
    const ngx_ohttp_relay_slice_t *field, size_t min, size_t max)
{
    const ngx_ohttp_relay_slice_t  *payload;

    payload = &nitro->cose.payload;

    fuzz_assert(field->data == NULL
                || (field->data > payload->data
                    && field->data + field->len
                       <= payload->data + payload->len
                    && field->len >= min && field->len <= max));
}


static void
fuzz_judge(const ngx_ohttp_relay_nitro_t *nitro)
{
    X509                            *root;
    const u_char                    *p;
    ngx_ohttp_relay_finding_t        finding;
    ngx_ohttp_relay_nitro_policy_t   policy;

    /* its own root: so that its certificates are looked at */

    p = nitro->bundle[0].data;
    root = ngx_ohttp_relay_chain_certificate(p, p + nitro->bundle[0].len);

    if (root == NULL) {
        return;
    }

    memset(&policy, 0, sizeof(policy));

    policy.root = root;
    policy.now = (int64_t) (nitro->timestamp / 1000);

    fuzz_assert(ngx_ohttp_relay_nitro_verify(nitro, &policy, &finding)
                != NGX_OHTTP_RELAY_ACCEPTED);
    fuzz_assert(finding.reason[0] != '\0');

    X509_free(root);
}
