
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_FINDING_H_INCLUDED_
#define _NGX_OHTTP_RELAY_FINDING_H_INCLUDED_


/* what was found out about a piece of evidence */


#include "codec.h"


/* the numbers are those that the program exits with */

typedef enum {
    NGX_OHTTP_RELAY_ACCEPTED = 0,
    NGX_OHTTP_RELAY_REFUSED,        /* read, and not what is asked for */
    NGX_OHTTP_RELAY_MALFORMED,      /* nothing that could be read */
    NGX_OHTTP_RELAY_UNJUDGED        /* could not be judged: neither of all */
} ngx_ohttp_relay_answer_e;


typedef struct {
    ngx_ohttp_relay_answer_e  answer;
    const char               *reason;   /* constant, "" if accepted */
    int64_t                   valid_until;  /* seconds, if accepted */
} ngx_ohttp_relay_finding_t;


/*
 * Puts down what was found: an answer, and one of our own sentences, which is
 * never made of evidence.
 *
 * Returns the answer.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_find(
    ngx_ohttp_relay_finding_t *finding, ngx_ohttp_relay_answer_e answer,
    const char *reason);

/* Ends the validity at a time, in seconds, unless it ends before that. */
void ngx_ohttp_relay_find_until(ngx_ohttp_relay_finding_t *finding,
    int64_t when);


/* as ngx_ohttp_relay_find() with the answer of that name */

#define ngx_ohttp_relay_accepted(finding)                                    \
    ngx_ohttp_relay_find(finding, NGX_OHTTP_RELAY_ACCEPTED, "")

#define ngx_ohttp_relay_refused(finding, reason)                             \
    ngx_ohttp_relay_find(finding, NGX_OHTTP_RELAY_REFUSED, reason)

#define ngx_ohttp_relay_malformed(finding, reason)                           \
    ngx_ohttp_relay_find(finding, NGX_OHTTP_RELAY_MALFORMED, reason)

#define ngx_ohttp_relay_unjudged(finding, reason)                            \
    ngx_ohttp_relay_find(finding, NGX_OHTTP_RELAY_UNJUDGED, reason)


#endif /* _NGX_OHTTP_RELAY_FINDING_H_INCLUDED_ */
