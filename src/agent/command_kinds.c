
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "command_verify.h"
#include "key_config.h"
#include "near.h"
#include "nitro.h"
#include "pinned.h"
#include "snp.h"
#include "tdx.h"


static int ngx_ohttp_relay_kind_nitro_missing(
    const ngx_ohttp_relay_options_t *options);
static void ngx_ohttp_relay_kind_nitro(ngx_ohttp_relay_verify_t *verify);
static int ngx_ohttp_relay_kind_tdx_missing(
    const ngx_ohttp_relay_options_t *options);
static void ngx_ohttp_relay_kind_tdx(ngx_ohttp_relay_verify_t *verify);
static void ngx_ohttp_relay_kind_near(ngx_ohttp_relay_verify_t *verify);
static void ngx_ohttp_relay_kind_near_judge(ngx_ohttp_relay_verify_t *verify,
    const ngx_ohttp_relay_near_t *near, const u_char *spki);
static void ngx_ohttp_relay_kind_quote(ngx_ohttp_relay_verify_t *verify,
    const ngx_ohttp_relay_slice_t *evidence,
    const ngx_ohttp_relay_slice_t *event_log, const u_char *report_data);
static int ngx_ohttp_relay_kind_snp_missing(
    const ngx_ohttp_relay_options_t *options);
static void ngx_ohttp_relay_kind_snp(ngx_ohttp_relay_verify_t *verify);
static int ngx_ohttp_relay_kind_pinned_missing(
    const ngx_ohttp_relay_options_t *options);
static void ngx_ohttp_relay_kind_pinned(ngx_ohttp_relay_verify_t *verify);
static int ngx_ohttp_relay_kind_enclave_missing(
    const ngx_ohttp_relay_options_t *options);
static void ngx_ohttp_relay_kind_enclave(ngx_ohttp_relay_verify_t *verify);
static int ngx_ohttp_relay_kind_only_pinned(
    const ngx_ohttp_relay_options_t *options);
static void ngx_ohttp_relay_kind_allow(
    const ngx_ohttp_relay_options_t *options, ngx_ohttp_relay_allow_t *allow);


static const ngx_ohttp_relay_kind_t  ngx_ohttp_relay_kinds[] = {
    { "aws-nitro", "accepted", NGX_OHTTP_RELAY_NITRO_BYTES,
      ngx_ohttp_relay_kind_nitro, ngx_ohttp_relay_kind_nitro_missing,
      "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b",
      NULL },
    { "tdx", "accepted", NGX_OHTTP_RELAY_NEAR_BYTES,
      ngx_ohttp_relay_kind_tdx, ngx_ohttp_relay_kind_tdx_missing,
      "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3",
      NULL },
    { "sev-snp", "accepted", NGX_OHTTP_RELAY_SNP_BYTES,
      ngx_ohttp_relay_kind_snp, ngx_ohttp_relay_kind_snp_missing,
      /* of Milan and of Genoa */
      "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd "
      "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1",
      NULL },
    { "pinned", "pinned", NGX_OHTTP_RELAY_KEYS_BYTES,
      ngx_ohttp_relay_kind_pinned, ngx_ohttp_relay_kind_pinned_missing, NULL,
      "operator" },
    { "secure-enclave", "self-asserted", NGX_OHTTP_RELAY_ENCLAVE_BYTES,
      ngx_ohttp_relay_kind_enclave, ngx_ohttp_relay_kind_enclave_missing,
      NULL, "none" },
    { NULL, NULL, 0, NULL, NULL, NULL, NULL }
};


const ngx_ohttp_relay_kind_t *
ngx_ohttp_relay_kind(const char *name)
{
    const ngx_ohttp_relay_kind_t  *kind;

    for (kind = ngx_ohttp_relay_kinds; kind->name; kind++) {
        if (strcmp(kind->name, name) == 0) {
            return kind;
        }
    }

    return NULL;
}


static int
ngx_ohttp_relay_kind_nitro_missing(const ngx_ohttp_relay_options_t *options)
{
    return options->collateral || options->event_log
           || options->has_report_data
           || ngx_ohttp_relay_kind_only_pinned(options)
           || options->bind == NGX_OHTTP_RELAY_BIND_NEAR
           || (options->bind != NGX_OHTTP_RELAY_BIND_NOTHING)
              != (options->tls != NULL)
           || (options->bind == NGX_OHTTP_RELAY_BIND_OPENGRADIENT)
              != (options->keys != NULL);
}


static void
ngx_ohttp_relay_kind_nitro(ngx_ohttp_relay_verify_t *verify)
{
    ngx_ohttp_relay_nitro_t          nitro;
    ngx_ohttp_relay_options_t       *options;
    ngx_ohttp_relay_nitro_policy_t   policy;

    options = &verify->options;

    if (ngx_ohttp_relay_nitro_parse(verify->evidence.data,
                                    verify->evidence.data
                                    + verify->evidence.len, &nitro,
                                    &verify->finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return;
    }

    memset(&policy, 0, sizeof(ngx_ohttp_relay_nitro_policy_t));

    policy.root = verify->root;
    policy.now = options->at;
    policy.max_age = options->max_age;
    policy.skew = options->skew;
    policy.nonce.data = options->nonce_len ? options->nonce : NULL;
    policy.nonce.len = options->nonce_len;
    ngx_ohttp_relay_kind_allow(options, &policy.allow);
    policy.debug = options->debug;

    if (ngx_ohttp_relay_nitro_verify(&nitro, &policy, &verify->finding)
        == NGX_OHTTP_RELAY_ACCEPTED)
    {
        ngx_ohttp_relay_binding_nitro(&verify->binding, &nitro, &verify->pin,
                                      &verify->finding);

        verify->pinned = options->bind != NGX_OHTTP_RELAY_BIND_NOTHING;
    }
}


static int
ngx_ohttp_relay_kind_tdx_missing(const ngx_ohttp_relay_options_t *options)
{
    if (options->collateral == NULL || options->keys
        || ngx_ohttp_relay_kind_only_pinned(options))
    {
        return 1;
    }

    /* the report of NEAR has its log, and the nonce is in the report data */

    if (options->bind == NGX_OHTTP_RELAY_BIND_NEAR) {
        return options->tls == NULL || options->event_log
               || options->has_report_data
               || options->nonce_len != NGX_OHTTP_RELAY_NEAR_NONCE;
    }

    return options->bind != NGX_OHTTP_RELAY_BIND_NOTHING || options->tls
           || options->nonce_len;
}


static void
ngx_ohttp_relay_kind_tdx(ngx_ohttp_relay_verify_t *verify)
{
    ngx_ohttp_relay_options_t  *options;

    options = &verify->options;

    if (options->bind == NGX_OHTTP_RELAY_BIND_NEAR) {
        ngx_ohttp_relay_kind_near(verify);
        return;
    }

    ngx_ohttp_relay_kind_quote(verify, &verify->evidence, &verify->event_log,
                               options->has_report_data ? options->report_data
                                                        : NULL);
}


static void
ngx_ohttp_relay_kind_near(ngx_ohttp_relay_verify_t *verify)
{
    u_char                  spki[NGX_OHTTP_RELAY_PIN_DIGEST];
    const u_char           *p;
    ngx_ohttp_relay_near_t  near;

    p = verify->evidence.data;

    if (ngx_ohttp_relay_near_parse(p, p + verify->evidence.len, &near,
                                   &verify->finding)
        == NGX_OHTTP_RELAY_ACCEPTED)
    {
        if (ngx_ohttp_relay_pinned_digest(&verify->binding.certificate,
                                          NGX_OHTTP_RELAY_PIN_SPKI, spki)
            != NGX_OHTTP_RELAY_OK)
        {
            ngx_ohttp_relay_unjudged(&verify->finding,
                                     "cannot read the certificate");

        } else {
            ngx_ohttp_relay_kind_near_judge(verify, &near, spki);
        }
    }

    ngx_ohttp_relay_near_free(&near);
}


static void
ngx_ohttp_relay_kind_near_judge(ngx_ohttp_relay_verify_t *verify,
    const ngx_ohttp_relay_near_t *near, const u_char *spki)
{
    u_char  data[NGX_OHTTP_RELAY_QUOTE_DATA];

    if (ngx_ohttp_relay_near_report_data(near, spki, verify->options.nonce,
                                         data)
        != NGX_OHTTP_RELAY_OK)
    {
        ngx_ohttp_relay_unjudged(&verify->finding, "cannot hash");
        return;
    }

    ngx_ohttp_relay_kind_quote(verify, &near->quote, &near->event_log, data);

    if (verify->finding.answer != NGX_OHTTP_RELAY_ACCEPTED
        || ngx_ohttp_relay_near_verify(near, spki, &verify->finding)
           != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return;
    }

    verify->pinned = 1;
    verify->pin.kind = NGX_OHTTP_RELAY_PIN_SPKI;
    memcpy(verify->pin.digest, spki, sizeof(verify->pin.digest));
}


static void
ngx_ohttp_relay_kind_quote(ngx_ohttp_relay_verify_t *verify,
    const ngx_ohttp_relay_slice_t *evidence,
    const ngx_ohttp_relay_slice_t *event_log, const u_char *report_data)
{
    ngx_ohttp_relay_tdx_t           tdx;
    ngx_ohttp_relay_quote_t         quote;
    ngx_ohttp_relay_options_t      *options;
    ngx_ohttp_relay_tdx_policy_t    policy;

    options = &verify->options;

    if (ngx_ohttp_relay_quote_parse(evidence->data,
                                    evidence->data + evidence->len, &quote,
                                    &verify->finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return;
    }

    memset(&policy, 0, sizeof(ngx_ohttp_relay_tdx_policy_t));

    policy.root = verify->root;
    policy.collateral = verify->collateral;
    policy.event_log = *event_log;
    policy.now = options->at;
    policy.max_age = options->max_age;
    policy.tcb = options->tcb;
    policy.evaluation = options->evaluation;
    policy.report_data.data = report_data;
    policy.report_data.len = NGX_OHTTP_RELAY_QUOTE_DATA;
    ngx_ohttp_relay_kind_allow(options, &policy.allow);
    policy.debug = options->debug;

    ngx_ohttp_relay_tdx_verify(&quote, &policy, &tdx, &verify->finding);

    verify->status = ngx_ohttp_relay_tcb_word(tdx.status);
}


static int
ngx_ohttp_relay_kind_snp_missing(const ngx_ohttp_relay_options_t *options)
{
    return options->collateral == NULL || options->event_log || options->keys
           || options->tls || options->nonce_len
           || options->bind != NGX_OHTTP_RELAY_BIND_NOTHING
           || ngx_ohttp_relay_kind_only_pinned(options);
}


static void
ngx_ohttp_relay_kind_snp(ngx_ohttp_relay_verify_t *verify)
{
    const u_char                   *p;
    ngx_ohttp_relay_snp_t           snp;
    ngx_ohttp_relay_options_t      *options;
    ngx_ohttp_relay_snp_policy_t    policy;

    options = &verify->options;
    p = verify->evidence.data;

    if (ngx_ohttp_relay_snp_parse(p, p + verify->evidence.len, &snp,
                                  &verify->finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return;
    }

    memset(&policy, 0, sizeof(ngx_ohttp_relay_snp_policy_t));

    policy.root = verify->root;
    policy.chain = verify->collateral;
    policy.now = options->at;
    policy.max_age = options->max_age;
    policy.report_data.data = options->has_report_data ? options->report_data
                                                       : NULL;
    policy.report_data.len = NGX_OHTTP_RELAY_SNP_DATA;
    memcpy(policy.tcb, options->min_tcb, sizeof(policy.tcb));
    ngx_ohttp_relay_kind_allow(options, &policy.allow);
    policy.debug = options->debug;

    ngx_ohttp_relay_snp_verify(&snp, &policy, &verify->finding);
}


static int
ngx_ohttp_relay_kind_pinned_missing(const ngx_ohttp_relay_options_t *options)
{
    return options->tls == NULL || options->npins == 0 || options->any
           || options->debug || options->collateral || options->event_log
           || options->has_report_data || options->nonce_len || options->keys
           || options->bind != NGX_OHTTP_RELAY_BIND_NOTHING;
}


/* the evidence is the keys; the allow list holds their hashes */

static void
ngx_ohttp_relay_kind_pinned(ngx_ohttp_relay_verify_t *verify)
{
    ngx_ohttp_relay_options_t         *options;
    ngx_ohttp_relay_pinned_policy_t    policy;

    options = &verify->options;

    ngx_ohttp_relay_kind_allow(options, &policy.keys);

    policy.pins = options->pins;
    policy.npins = options->npins;
    policy.now = options->at;
    policy.max_age = options->max_age;
    policy.not_after = options->not_after;

    if (ngx_ohttp_relay_pinned_verify(&verify->evidence,
                                      &verify->binding.certificate, &policy,
                                      &verify->pin, &verify->finding)
        == NGX_OHTTP_RELAY_ACCEPTED)
    {
        verify->pinned = 1;
    }
}


static int
ngx_ohttp_relay_kind_enclave_missing(const ngx_ohttp_relay_options_t *options)
{
    return options->debug || options->collateral || options->event_log
           || options->has_report_data || options->nonce_len || options->keys
           || options->tls || options->bind != NGX_OHTTP_RELAY_BIND_NOTHING
           || ngx_ohttp_relay_kind_only_pinned(options);
}


static void
ngx_ohttp_relay_kind_enclave(ngx_ohttp_relay_verify_t *verify)
{
    const u_char                        *p;
    ngx_ohttp_relay_options_t           *options;
    ngx_ohttp_relay_enclave_policy_t     policy;

    options = &verify->options;
    p = verify->evidence.data;

    policy.now = options->at;
    policy.max_age = options->max_age;
    policy.skew = options->skew;
    policy.node = options->node;
    policy.inference_key = options->inference_key;
    ngx_ohttp_relay_kind_allow(options, &policy.keys);

    if (ngx_ohttp_relay_enclave_verify(p, p + verify->evidence.len, &policy,
                                       verify->key, &verify->finding)
        == NGX_OHTTP_RELAY_ACCEPTED)
    {
        verify->remember = 1;
    }
}


static int
ngx_ohttp_relay_kind_only_pinned(const ngx_ohttp_relay_options_t *options)
{
    return options->npins != 0 || options->not_after != -1;
}


static void
ngx_ohttp_relay_kind_allow(const ngx_ohttp_relay_options_t *options,
    ngx_ohttp_relay_allow_t *allow)
{
    allow->entries = &options->allow;
    allow->n = 1;
    allow->any = options->any;
}
