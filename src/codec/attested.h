
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_ATTESTED_H_INCLUDED_
#define _NGX_OHTTP_RELAY_ATTESTED_H_INCLUDED_


/*
 * Whether a verdict lets requests to a gateway, and for how long.  All clocks
 * are arguments: "wall" is the time of day in seconds, which can be set, and
 * "mono" milliseconds by a clock that nobody sets.
 */


#include "codec.h"
#include "verdicts.h"


/* seconds by which the clocks of the agent and of the relay may differ */
#define NGX_OHTTP_RELAY_ATTESTED_SKEW  60


typedef enum {
    NGX_OHTTP_RELAY_ATTESTED_OFF = 0,      /* nobody asks for it */
    NGX_OHTTP_RELAY_ATTESTED_NONE,         /* no verdict that counts */
    NGX_OHTTP_RELAY_ATTESTED_OK,
    NGX_OHTTP_RELAY_ATTESTED_PINNED,
    NGX_OHTTP_RELAY_ATTESTED_STALE,
    NGX_OHTTP_RELAY_ATTESTED_LAPSED,       /* what was one of the three */
    NGX_OHTTP_RELAY_ATTESTED_REFUSED,
    NGX_OHTTP_RELAY_ATTESTED_KEY_CONFLICT
} ngx_ohttp_relay_attested_e;


/* what the registry asks of the verdict on a gateway */

typedef struct {
    ngx_ohttp_relay_slice_t     kind;      /* of its policy */
    u_char            entry_sha256[NGX_OHTTP_RELAY_VERDICT_DIGEST];

    unsigned                    policy:1;  /* there is one */
    unsigned                    tls:1;     /* and it binds the certificate */
    unsigned                    https:1;   /* so that pins can be checked */
    unsigned                    test_roots:1;
} ngx_ohttp_relay_terms_t;


/*
 * How long what is known by an id and a number, such as the evidence and when
 * it was verified, holds by the clock that nobody sets.  All zero: of nothing.
 */

typedef struct {
    u_char            id[NGX_OHTTP_RELAY_VERDICT_DIGEST];
    int64_t                     number;
    uint64_t                    deadline;  /* mono */

    unsigned                    set:1;
    unsigned                    ended:1;   /* and somebody knows */
} ngx_ohttp_relay_hold_t;


/* Returns 1 if it still holds by both clocks, 0 if not. */
#define ngx_ohttp_relay_holds(until, deadline, wall, mono)                   \
    ((wall) < (until) && (int64_t) ((deadline) - (mono)) > 0)


/*
 * Judges the verdict by all but its end: whether it is about this entry of
 * the registry, by the right means, and good.  "file" and "verdict" may be
 * NULL: there is none.
 *
 * Returns NGX_OHTTP_RELAY_ATTESTED_OK, _PINNED or _STALE if it counts: until
 * its "valid_until", and, unless it is pinned, no longer than its file does,
 * until "written_at" and "ttl" together.  Else returns what it is instead, with
 * a phrase in *why, a constant.
 */
ngx_ohttp_relay_attested_e ngx_ohttp_relay_attested(
    const ngx_ohttp_relay_verdict_file_t *file,
    const ngx_ohttp_relay_verdict_t *verdict,
    const ngx_ohttp_relay_terms_t *terms, int64_t wall, const char **why);

/*
 * Notes that something holds until "until", wall, and returns its deadline,
 * mono: the one that follows from the clocks, or an earlier one that was noted
 * for the same id and number before.  So a clock that is set back in between
 * prolongs nothing.
 */
uint64_t ngx_ohttp_relay_hold(ngx_ohttp_relay_hold_t *hold, const u_char *id,
    int64_t number, int64_t until, int64_t wall, uint64_t mono);

/*
 * Notes that it was seen to have ended, by either clock, so that it has ended
 * for good.  Returns 1 to who sees that first, and 0 to others, and if the hold
 * is of something else by now.
 */
int ngx_ohttp_relay_hold_end(ngx_ohttp_relay_hold_t *hold, const u_char *id,
    int64_t number, uint64_t mono);

/* The word for it in the status; it lives as long as the program. */
const char *ngx_ohttp_relay_attested_word(ngx_ohttp_relay_attested_e attested);


#endif /* _NGX_OHTTP_RELAY_ATTESTED_H_INCLUDED_ */
