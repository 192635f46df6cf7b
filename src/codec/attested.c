
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "attested.h"


#define NGX_OHTTP_RELAY_ATTESTED_PINNED_KIND  "pinned"


static const char *ngx_ohttp_relay_attested_wrong(
    const ngx_ohttp_relay_verdict_t *verdict,
    const ngx_ohttp_relay_terms_t *terms);
static int ngx_ohttp_relay_hold_is(const ngx_ohttp_relay_hold_t *hold,
    const u_char *id, int64_t number);


ngx_ohttp_relay_attested_e
ngx_ohttp_relay_attested(const ngx_ohttp_relay_verdict_file_t *file,
    const ngx_ohttp_relay_verdict_t *verdict,
    const ngx_ohttp_relay_terms_t *terms, int64_t wall, const char **why)
{
    if (!terms->policy) {
        *why = "its policy is not in the registry";
        return NGX_OHTTP_RELAY_ATTESTED_NONE;
    }

    if (file == NULL || verdict == NULL) {
        *why = file ? "there is no verdict on it" : "there are no verdicts";
        return NGX_OHTTP_RELAY_ATTESTED_NONE;
    }

    *why = ngx_ohttp_relay_attested_wrong(verdict, terms);

    if (*why) {
        return NGX_OHTTP_RELAY_ATTESTED_NONE;
    }

    if (file->written_at - wall > NGX_OHTTP_RELAY_ATTESTED_SKEW
        || verdict->verified_at - wall > NGX_OHTTP_RELAY_ATTESTED_SKEW)
    {
        *why = "its verdict is of the future: clocks differ";
        return NGX_OHTTP_RELAY_ATTESTED_NONE;
    }

    switch (verdict->state) {

    case NGX_OHTTP_RELAY_VERDICT_OK:
        return NGX_OHTTP_RELAY_ATTESTED_OK;

    case NGX_OHTTP_RELAY_VERDICT_PINNED:
        return NGX_OHTTP_RELAY_ATTESTED_PINNED;

    case NGX_OHTTP_RELAY_VERDICT_STALE:
        return NGX_OHTTP_RELAY_ATTESTED_STALE;

    case NGX_OHTTP_RELAY_VERDICT_KEY_CONFLICT:
        *why = "its keys are not those of its pool";
        return NGX_OHTTP_RELAY_ATTESTED_KEY_CONFLICT;

    default: /* NGX_OHTTP_RELAY_VERDICT_REFUSED */
        *why = "its evidence was refused";
        return NGX_OHTTP_RELAY_ATTESTED_REFUSED;
    }
}


/* why it does not count, whatever it says; NULL if it does */

static const char *
ngx_ohttp_relay_attested_wrong(const ngx_ohttp_relay_verdict_t *verdict,
    const ngx_ohttp_relay_terms_t *terms)
{
    size_t    len;
    unsigned  pinned;

    if (memcmp(verdict->entry_sha256, terms->entry_sha256,
               NGX_OHTTP_RELAY_VERDICT_DIGEST)
        != 0)
    {
        return "its verdict is for another entry of the registry";
    }

    if (verdict->kind.len != terms->kind.len
        || memcmp(verdict->kind.data, terms->kind.data, terms->kind.len) != 0)
    {
        return "its verdict is of another kind than its policy";
    }

    /* what is bad has reached no end to compare */

    if (verdict->state >= NGX_OHTTP_RELAY_VERDICT_REFUSED) {
        return NULL;
    }

    /* no evidence is enough only where the policy asks for none */

    len = sizeof(NGX_OHTTP_RELAY_ATTESTED_PINNED_KIND) - 1;

    pinned = terms->kind.len == len
             && memcmp(terms->kind.data, NGX_OHTTP_RELAY_ATTESTED_PINNED_KIND,
                       len) == 0;

    if ((verdict->state == NGX_OHTTP_RELAY_VERDICT_PINNED) != pinned) {
        return "its verdict's state and its kind do not go together";
    }

    if (verdict->root == NGX_OHTTP_RELAY_ROOT_TEST && !terms->test_roots) {
        return "its verdict goes back to a test root";
    }

    if (terms->tls && verdict->npins == 0) {
        return "its verdict has no pins, which its policy asks for";
    }

    if (verdict->npins && !terms->https) {
        return "its verdict has pins, and its \"url\" is http://";
    }

    return NULL;
}


uint64_t
ngx_ohttp_relay_hold(ngx_ohttp_relay_hold_t *hold, const u_char *id,
    int64_t number, int64_t until, int64_t wall, uint64_t mono)
{
    uint64_t  deadline;

    deadline = until > wall ? mono + (uint64_t) (until - wall) * 1000 : mono;

    if (!ngx_ohttp_relay_hold_is(hold, id, number)) {
        memcpy(hold->id, id, NGX_OHTTP_RELAY_VERDICT_DIGEST);

        hold->number = number;
        hold->deadline = deadline;
        hold->set = 1;
        hold->ended = 0;
    }

    if (deadline < hold->deadline) {
        hold->deadline = deadline;
    }

    return hold->deadline;
}


int
ngx_ohttp_relay_hold_end(ngx_ohttp_relay_hold_t *hold, const u_char *id,
    int64_t number, uint64_t mono)
{
    int  first;

    if (!ngx_ohttp_relay_hold_is(hold, id, number)) {
        return 0;
    }

    first = !hold->ended;
    hold->ended = 1;

    if (mono < hold->deadline) {
        hold->deadline = mono;
    }

    return first;
}


static int
ngx_ohttp_relay_hold_is(const ngx_ohttp_relay_hold_t *hold, const u_char *id,
    int64_t number)
{
    return hold->set && hold->number == number
           && memcmp(hold->id, id, NGX_OHTTP_RELAY_VERDICT_DIGEST) == 0;
}


const char *
ngx_ohttp_relay_attested_word(ngx_ohttp_relay_attested_e attested)
{
    static const char  *words[] = {
        "off", "none", "ok", "pinned", "stale", "lapsed", "refused",
        "key_conflict"
    };

    return words[attested];
}
