
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_GCRA_H_INCLUDED_
#define _NGX_OHTTP_RELAY_GCRA_H_INCLUDED_


/*
 * A rate by the generic cell rate algorithm: one number of state, the
 * theoretical arrival time of the next use.  All times are microseconds, of
 * any clock; state 0 is "never used".
 */


#include "../codec/codec.h"


/*
 * Takes one use at "now" of a rate of one each "interval" (more than 0),
 * "burst" (at least 1) of them at once.
 *
 * Returns NGX_OHTTP_RELAY_OK and moves *arrival on; or NGX_OHTTP_RELAY_AGAIN
 * with *wait, more than 0: then *arrival is as before, unless it was further
 * away than any use leads.  That shows a clock that was set back: *arrival is
 * brought near, so that nobody waits longer than "interval".
 */
int ngx_ohttp_relay_gcra_take(uint64_t *arrival, uint64_t now,
    uint64_t interval, uint64_t burst, uint64_t *wait);

/*
 * The same for a use that was granted elsewhere: without a limit.
 */
void ngx_ohttp_relay_gcra_force(uint64_t *arrival, uint64_t now,
    uint64_t interval);

/*
 * Gives one use back.
 */
void ngx_ohttp_relay_gcra_give(uint64_t *arrival, uint64_t interval);


#endif /* _NGX_OHTTP_RELAY_GCRA_H_INCLUDED_ */
