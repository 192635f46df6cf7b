
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../conf/conf.h"
#include "attest.h"


/* whether it is one of the three that count */
#define ngx_ohttp_relay_attest_counts(attested)                              \
    ((attested) == NGX_OHTTP_RELAY_ATTESTED_OK                               \
     || (attested) == NGX_OHTTP_RELAY_ATTESTED_PINNED                        \
     || (attested) == NGX_OHTTP_RELAY_ATTESTED_STALE)

#define ngx_ohttp_relay_attest_holds(attest)                                 \
    ngx_ohttp_relay_holds((attest)->until, (attest)->deadline, ngx_time(),   \
                          (uint64_t) ngx_current_msec)


static void ngx_ohttp_relay_attest_judge(ngx_ohttp_relay_attest_t *attest);
static void ngx_ohttp_relay_attest_hold(ngx_ohttp_relay_attest_t *attest,
    const ngx_ohttp_relay_verdict_t *verdict);
static void ngx_ohttp_relay_attest_pin(ngx_ohttp_relay_attest_t *attest,
    const ngx_ohttp_relay_verdict_t *verdict);
static void ngx_ohttp_relay_attest_log(ngx_ohttp_relay_attest_t *attest,
    const ngx_ohttp_relay_verdict_t *verdict);
static void ngx_ohttp_relay_attest_lapse(ngx_ohttp_relay_attest_t *attest);
static void ngx_ohttp_relay_attest_word(ngx_str_t *text, const char *word);


char *
ngx_ohttp_relay_verdicts_prepare(ngx_pool_t *pool,
    ngx_ohttp_relay_gateways_t *gateways, ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_ohttp_relay_attest_t  *attest;

    if (gateway->attestation != NGX_OHTTP_RELAY_ATTESTATION_REQUIRE) {
        return NULL;
    }

    if (gateway->policy.len == 0) {
        return "\"attestation require\" needs a \"policy\"";
    }

    if (gateways->verdicts == NULL) {
        return "\"attestation require\" needs \"ohttp_relay_verdicts\"";
    }

    if (gateways->live == NULL) {
        return "\"attestation require\" needs \"ohttp_relay_registry\", which "
               "has the policies";
    }

    attest = ngx_pcalloc(pool, sizeof(ngx_ohttp_relay_attest_t));
    if (attest == NULL) {
        return "no memory";
    }

    attest->gateway = gateway;
    attest->attested = NGX_OHTTP_RELAY_ATTESTED_NONE;
    attest->why = "";
    attest->terms.kind.data = attest->kind;
    attest->terms.https = gateway->url.tls;
    attest->terms.test_roots = gateways->verdicts->test_roots;

    gateway->attest = attest;

    return NULL;
}


void
ngx_ohttp_relay_verdicts_bind(ngx_ohttp_relay_gateway_t *gateway,
    ngx_ohttp_relay_registry_policy_t *policy)
{
    ngx_ohttp_relay_slice_t    name, url;
    ngx_ohttp_relay_terms_t   *terms;
    ngx_ohttp_relay_attest_t  *attest;

    attest = gateway->attest;

    if (attest == NULL) {
        return;
    }

    terms = &attest->terms;
    terms->policy = 0;

    if (policy) {
        name.data = gateway->name.data;
        name.len = gateway->name.len;
        url.data = gateway->url_text.data;
        url.len = gateway->url_text.len;

        terms->policy = ngx_ohttp_relay_registry_entry(&name, &url, policy,
                                                       terms->entry_sha256)
                        == NGX_OHTTP_RELAY_OK;
        terms->tls = (policy->tls.len != 0);
        terms->kind.len = policy->kind.len;

        ngx_memcpy(attest->kind, policy->kind.data, policy->kind.len);
    }

    if (attest->open) {
        ngx_ohttp_relay_attest_judge(attest);
    }
}


void
ngx_ohttp_relay_verdicts_bind_blocks(ngx_ohttp_relay_gateways_t *gateways,
    ngx_ohttp_relay_registry_t *registry)
{
    ngx_uint_t                   i;
    ngx_ohttp_relay_slice_t      name;
    ngx_ohttp_relay_gateway_t  **gateway;

    gateway = gateways->gateways.elts;

    for (i = 0; i < gateways->gateways.nelts; i++) {
        name.data = gateway[i]->policy.data;
        name.len = gateway[i]->policy.len;

        ngx_ohttp_relay_verdicts_bind(gateway[i],
                            ngx_ohttp_relay_registry_policy(registry, &name));
    }
}


ngx_int_t
ngx_ohttp_relay_verdicts_check_blocks(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways,
    ngx_ohttp_relay_registry_t *registry)
{
    ngx_uint_t                   i;
    ngx_ohttp_relay_gateway_t  **gateway;

    ngx_ohttp_relay_verdicts_bind_blocks(gateways, registry);

    gateway = gateways->gateways.elts;

    for (i = 0; i < gateways->gateways.nelts; i++) {

        if (gateway[i]->attest && !gateway[i]->attest->terms.policy) {
            ngx_ohttp_relay_conf_wrong(cf->log, gateway[i]->file,
                                       gateway[i]->line,
                                       "gateway \"%V\": its policy \"%V\" is "
                                       "not in the registry",
                                       &gateway[i]->name, &gateway[i]->policy);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_ohttp_relay_verdicts_open(ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_ohttp_relay_attest_t  *attest;

    attest = gateway->attest;

    if (attest) {
        attest->open = 1;

        ngx_queue_insert_tail(&gateway->all->verdicts->gateways,
                              &attest->queue);

        ngx_ohttp_relay_attest_judge(attest);
    }
}


void
ngx_ohttp_relay_verdicts_close(ngx_ohttp_relay_gateway_t *gateway)
{
    if (gateway->attest && gateway->attest->open) {
        gateway->attest->open = 0;

        ngx_queue_remove(&gateway->attest->queue);
    }
}


void
ngx_ohttp_relay_verdicts_judge_all(ngx_ohttp_relay_verdicts_t *verdicts)
{
    ngx_queue_t  *q;

    for (q = ngx_queue_head(&verdicts->gateways);
         q != ngx_queue_sentinel(&verdicts->gateways);
         q = ngx_queue_next(q))
    {
        ngx_ohttp_relay_attest_judge(ngx_queue_data(q,
                                                    ngx_ohttp_relay_attest_t,
                                                    queue));
    }
}


static void
ngx_ohttp_relay_attest_judge(ngx_ohttp_relay_attest_t *attest)
{
    const char                       *why;
    ngx_ohttp_relay_gateway_t        *gateway;
    ngx_ohttp_relay_verdicts_t       *verdicts;
    const ngx_ohttp_relay_verdict_t  *verdict;

    gateway = attest->gateway;
    verdicts = gateway->all->verdicts;
    why = attest->why;

    verdict = verdicts->file
              ? ngx_ohttp_relay_verdicts_find(verdicts->file,
                                              gateway->name.data,
                                              gateway->name.len)
              : NULL;

    attest->why = NULL;
    attest->attested = ngx_ohttp_relay_attested(verdicts->file, verdict,
                                                &attest->terms, ngx_time(),
                                                &attest->why);
    attest->until = 0;

    if (ngx_ohttp_relay_attest_counts(attest->attested)) {

        if (gateway->seat) {
            ngx_ohttp_relay_attest_hold(attest, verdict);
            ngx_ohttp_relay_attest_pin(attest, verdict);

        } else {
            attest->attested = NGX_OHTTP_RELAY_ATTESTED_NONE;
            attest->why = "there is no shared memory for it";
        }
    }

    if (ngx_worker == 0 && attest->why != why) {
        ngx_ohttp_relay_attest_log(attest, verdict);
    }
}


/* the verdict's own end, and that of its file unless it is pinned */

static void
ngx_ohttp_relay_attest_hold(ngx_ohttp_relay_attest_t *attest,
    const ngx_ohttp_relay_verdict_t *verdict)
{
    ngx_slab_pool_t                 *shpool;
    ngx_ohttp_relay_gateway_t       *gateway;
    ngx_ohttp_relay_verdicts_t      *verdicts;
    ngx_ohttp_relay_verdict_file_t  *file;

    gateway = attest->gateway;
    verdicts = gateway->all->verdicts;
    file = verdicts->file;
    shpool = gateway->all->seats->shpool;

    attest->verified_at = verdict->verified_at;
    attest->valid_until = verdict->valid_until;

    ngx_memcpy(attest->evidence_sha256, verdict->evidence_sha256,
               sizeof(attest->evidence_sha256));

    ngx_shmtx_lock(&shpool->mutex);

    attest->deadline = ngx_ohttp_relay_hold(&gateway->seat->verdict,
                                            attest->evidence_sha256,
                                            attest->verified_at,
                                            attest->valid_until, ngx_time(),
                                            ngx_current_msec);

    ngx_shmtx_unlock(&shpool->mutex);

    attest->until = attest->valid_until;

    if (attest->attested != NGX_OHTTP_RELAY_ATTESTED_PINNED) {
        attest->until = ngx_min(attest->until, file->written_at + file->ttl);
        attest->deadline = ngx_min(attest->deadline, verdicts->deadline);
    }
}


static void
ngx_ohttp_relay_attest_pin(ngx_ohttp_relay_attest_t *attest,
    const ngx_ohttp_relay_verdict_t *verdict)
{
    attest->npins = verdict->npins;

    ngx_memcpy(attest->pins, verdict->pins, sizeof(attest->pins));
}


static void
ngx_ohttp_relay_attest_log(ngx_ohttp_relay_attest_t *attest,
    const ngx_ohttp_relay_verdict_t *verdict)
{
    ngx_log_t   *log;
    ngx_str_t   *name;
    ngx_uint_t   level;

    log = attest->gateway->all->verdicts->cycle->log;
    name = &attest->gateway->name;

    if (attest->why == NULL) {

        /* one that has lapsed already: the first request finds it out */

        if (!ngx_ohttp_relay_attest_holds(attest)) {
            return;
        }

        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "gateway \"%V\" is attested: it is %s", name,
                      ngx_ohttp_relay_attested_word(attest->attested));
        return;
    }

    level = attest->attested == NGX_OHTTP_RELAY_ATTESTED_NONE
            ? verdict ? NGX_LOG_WARN : NGX_LOG_NOTICE : NGX_LOG_ERR;

    ngx_log_error(level, log, 0,
                  "gateway \"%V\" is not attested, %s%s%s", name, attest->why,
                  verdict && verdict->reason.len ? ": " : "",
                  verdict ? (char *) verdict->reason.data : "");
}


ngx_uint_t
ngx_ohttp_relay_verdicts_allow(ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_ohttp_relay_attest_t  *attest;

    attest = gateway->attest;

    if (attest == NULL) {
        return 1;
    }

    /* one that is closed is not judged any more: nobody knows */

    if (!attest->open) {
        return 0;
    }

    if (ngx_ohttp_relay_attest_holds(attest)) {
        return 1;
    }

    if (ngx_ohttp_relay_attest_counts(attest->attested)) {
        ngx_ohttp_relay_attest_lapse(attest);
    }

    return 0;
}


/*
 * What somebody was refused for has ended for good, also for workers that come
 * later, and even if only a clock had gone wrong.
 */

static void
ngx_ohttp_relay_attest_lapse(ngx_ohttp_relay_attest_t *attest)
{
    ngx_uint_t                       first, whole;
    ngx_slab_pool_t                 *shpool;
    ngx_ohttp_relay_gateway_t       *gateway;
    ngx_ohttp_relay_verdicts_t      *verdicts;
    ngx_ohttp_relay_verdict_file_t  *file;

    gateway = attest->gateway;
    verdicts = gateway->all->verdicts;
    file = verdicts->file;

    whole = attest->attested != NGX_OHTTP_RELAY_ATTESTED_PINNED
            && !ngx_ohttp_relay_holds(file->written_at + file->ttl,
                                      verdicts->deadline, ngx_time(),
                                      (uint64_t) ngx_current_msec);

    attest->attested = NGX_OHTTP_RELAY_ATTESTED_LAPSED;
    attest->why = "its verdict has lapsed";
    attest->until = 0;

    shpool = whole ? verdicts->shpool : gateway->all->seats->shpool;

    ngx_shmtx_lock(&shpool->mutex);

    first = whole ? ngx_ohttp_relay_hold_end(verdicts->hold, file->boot_id,
                                             file->seq, ngx_current_msec)
                  : ngx_ohttp_relay_hold_end(&gateway->seat->verdict,
                                             attest->evidence_sha256,
                                             attest->verified_at,
                                             ngx_current_msec);

    ngx_shmtx_unlock(&shpool->mutex);

    if (!first) {
        return;
    }

    if (whole) {
        ngx_log_error(NGX_LOG_ERR, verdicts->cycle->log, 0,
                      "the verdicts in \"%V\" have lapsed, nobody has written "
                      "new ones: \"%V\" and others are not attested",
                      &verdicts->path, &gateway->name);
        return;
    }

    ngx_log_error(NGX_LOG_ERR, verdicts->cycle->log, 0,
                  "gateway \"%V\" is not attested, %s", &gateway->name,
                  attest->why);
}


ngx_ohttp_relay_pin_t *
ngx_ohttp_relay_verdicts_pins(ngx_ohttp_relay_gateway_t *gateway,
    ngx_uint_t *n)
{
    ngx_ohttp_relay_attest_t  *attest;

    attest = gateway->attest;

    if (attest == NULL || (attest->npins == 0 && !attest->terms.tls)) {
        return NULL;
    }

    *n = attest->npins;

    return attest->pins;
}


void
ngx_ohttp_relay_verdicts_state(ngx_ohttp_relay_gateway_t *gateway,
    ngx_ohttp_relay_verdicts_state_t *state)
{
    ngx_ohttp_relay_attest_t         *attest;
    ngx_ohttp_relay_attested_e        attested;
    ngx_ohttp_relay_verdicts_t       *verdicts;
    const ngx_ohttp_relay_verdict_t  *verdict;

    ngx_memzero(state, sizeof(ngx_ohttp_relay_verdicts_state_t));

    attest = gateway->attest;
    attested = attest ? attest->attested : NGX_OHTTP_RELAY_ATTESTED_OFF;

    if (ngx_ohttp_relay_attest_counts(attested)
        && !ngx_ohttp_relay_attest_holds(attest))
    {
        attested = NGX_OHTTP_RELAY_ATTESTED_LAPSED;
    }

    ngx_ohttp_relay_attest_word(&state->state,
                                ngx_ohttp_relay_attested_word(attested));

    verdicts = gateway->all->verdicts;

    if (attest == NULL || verdicts->file == NULL) {
        return;
    }

    verdict = ngx_ohttp_relay_verdicts_find(verdicts->file, gateway->name.data,
                                            gateway->name.len);
    if (verdict == NULL) {
        return;
    }

    ngx_ohttp_relay_attest_word(&state->kind, (char *) verdict->kind.data);
    ngx_ohttp_relay_attest_word(&state->root,
                            ngx_ohttp_relay_verdict_root_word(verdict->root));
    ngx_ohttp_relay_attest_word(&state->reason,
                                verdict->reason.len || attest->why == NULL
                                ? (char *) verdict->reason.data
                                : attest->why);

    state->verified_at = verdict->verified_at;
    state->valid_until = verdict->valid_until;
}


static void
ngx_ohttp_relay_attest_word(ngx_str_t *text, const char *word)
{
    text->data = (u_char *) word;
    text->len = ngx_strlen(word);
}
