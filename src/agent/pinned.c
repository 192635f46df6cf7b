
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "pinned.h"
#include "chain.h"
#include "key_list.h"

#include <openssl/sha.h>


static int ngx_ohttp_relay_pinned_fits(
    const ngx_ohttp_relay_slice_t *certificate,
    const ngx_ohttp_relay_pinned_policy_t *policy, ngx_ohttp_relay_pin_t *pin);


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_pinned_verify(const ngx_ohttp_relay_slice_t *keys,
    const ngx_ohttp_relay_slice_t *certificate,
    const ngx_ohttp_relay_pinned_policy_t *policy, ngx_ohttp_relay_pin_t *pin,
    ngx_ohttp_relay_finding_t *finding)
{
    u_char                              digest[SHA256_DIGEST_LENGTH];
    ngx_ohttp_relay_slice_t             slice;

    static ngx_ohttp_relay_key_list_t   list;

    finding->valid_until = policy->now + policy->max_age;

    if (ngx_ohttp_relay_key_list_make(keys->data, keys->data + keys->len,
                                      &list, finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return finding->answer;
    }

    SHA256(list.data, list.len, digest);

    slice.data = digest;
    slice.len = sizeof(digest);

    if (!ngx_ohttp_relay_allowed(&policy->keys, &slice, 1, 0)) {
        return ngx_ohttp_relay_refused(finding, "the keys are not pinned");
    }

    if (!ngx_ohttp_relay_pinned_fits(certificate, policy, pin)) {
        return ngx_ohttp_relay_refused(finding,
                                       "the certificate is not pinned");
    }

    if (policy->not_after != -1) {

        if (policy->now >= policy->not_after) {
            return ngx_ohttp_relay_refused(finding, "the pins have expired");
        }

        ngx_ohttp_relay_find_until(finding, policy->not_after);
    }

    return ngx_ohttp_relay_accepted(finding);
}


static int
ngx_ohttp_relay_pinned_fits(const ngx_ohttp_relay_slice_t *certificate,
    const ngx_ohttp_relay_pinned_policy_t *policy, ngx_ohttp_relay_pin_t *pin)
{
    u_char    digest[NGX_OHTTP_RELAY_PIN_DIGEST];
    unsigned  i;

    for (i = 0; i < policy->npins; i++) {

        if (ngx_ohttp_relay_pinned_digest(certificate, policy->pins[i].kind,
                                          digest)
            == NGX_OHTTP_RELAY_OK
            && memcmp(digest, policy->pins[i].digest, sizeof(digest)) == 0)
        {
            *pin = policy->pins[i];
            return 1;
        }
    }

    return 0;
}


int
ngx_ohttp_relay_pinned_digest(const ngx_ohttp_relay_slice_t *certificate,
    ngx_ohttp_relay_pin_kind_e kind, u_char out[NGX_OHTTP_RELAY_PIN_DIGEST])
{
    int            len;
    X509          *cert;
    u_char        *der;
    const u_char  *p;

    if (kind == NGX_OHTTP_RELAY_PIN_CERT) {
        return SHA256(certificate->data, certificate->len, out) != NULL
               ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
    }

    p = certificate->data;
    cert = ngx_ohttp_relay_chain_certificate(p, p + certificate->len);

    if (cert == NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    der = NULL;
    len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

    if (len > 0) {
        SHA256(der, len, out);
    }

    OPENSSL_free(der);
    X509_free(cert);

    return len > 0 ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}
