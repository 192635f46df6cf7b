
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_LEDGER_H_INCLUDED_
#define _NGX_OHTTP_RELAY_LEDGER_H_INCLUDED_


/*
 * All that was spent, by epochs: what belongs to one epoch of one group is
 * forgotten together, when the epoch is over, and never before.  Pure: memory
 * that several processes share at the same address under one lock, which the
 * caller holds; no clock of its own.  Seconds are those of time(), and
 * microseconds are of the same clock.
 */


#include "table.h"


#define NGX_OHTTP_RELAY_LEDGER_GROUP    8            /* bytes */
#define NGX_OHTTP_RELAY_LEDGER_EPOCHS   1024         /* at most */
#define NGX_OHTTP_RELAY_LEDGER_CHAINS   128
#define NGX_OHTTP_RELAY_LEDGER_REFUNDS  3            /* of one name */
#define NGX_OHTTP_RELAY_LEDGER_MARGIN   300          /* s beyond the end */


/* kinds, equal to those of store.h; RATE is none of the ledger's */

#define NGX_OHTTP_RELAY_LEDGER_SPENT    0
#define NGX_OHTTP_RELAY_LEDGER_SEALED   1
#define NGX_OHTTP_RELAY_LEDGER_USES     2


typedef enum {
    NGX_OHTTP_RELAY_LEDGER_GRANTED = 0,
    NGX_OHTTP_RELAY_LEDGER_REFUSED,
    NGX_OHTTP_RELAY_LEDGER_USED_UP,     /* refused, and for good */
    NGX_OHTTP_RELAY_LEDGER_FULL,        /* no memory, or too many epochs */
    NGX_OHTTP_RELAY_LEDGER_OVER,        /* the epoch's end is long past */
    NGX_OHTTP_RELAY_LEDGER_FORGOTTEN,   /* dropped; the clock went back */
    NGX_OHTTP_RELAY_LEDGER_LOST         /* began before a loss of data */
} ngx_ohttp_relay_ledger_answer_e;


/* what is beside the name of a token of several uses */

typedef struct {
    uint64_t                       arrival;    /* of its rate, see gcra.h */
    uint64_t                       first;      /* use, microseconds */
    uint32_t                       uses;
    uint32_t                       refunds;
} ngx_ohttp_relay_ledger_uses_t;


/* what is beside a group that is pinned */

typedef struct {
    int64_t                        expires;
    int64_t                        since;      /* when it was pinned first */
} ngx_ohttp_relay_ledger_pin_t;


typedef struct ngx_ohttp_relay_ledger_epoch_s  ngx_ohttp_relay_ledger_epoch_t;

struct ngx_ohttp_relay_ledger_epoch_s {
    ngx_ohttp_relay_ledger_epoch_t *next;
    uint64_t                       epoch;
    int64_t                        expires;    /* without the margin */
    u_char                         group[NGX_OHTTP_RELAY_LEDGER_GROUP];
    uint32_t                       kind;
    ngx_ohttp_relay_table_t        names;
    ngx_ohttp_relay_table_t        refunds;    /* name -> uint64_t */
};


typedef struct {
    uint64_t                       key[2];     /* random; set by the owner */
    uint64_t                       left;       /* bytes for tables */
    uint64_t                       epochs;
    int64_t                        swept;      /* when it was done last */
    int64_t                        forgotten;  /* the latest end dropped */
    int64_t                        lost;       /* when data was; 0: never */
    ngx_ohttp_relay_table_t        pins;       /* group -> ..._pin_t */
    ngx_ohttp_relay_ledger_epoch_t *chains[NGX_OHTTP_RELAY_LEDGER_CHAINS];
} ngx_ohttp_relay_ledger_t;


/* what a question is about; its meaning is that of store.h */

typedef struct {
    uint32_t                       kind;
    const u_char                  *name;
    const u_char                  *group;
    uint64_t                       epoch;
    int64_t                        begins;
    int64_t                        expires;
    int                            around;
    uint64_t                       interval;
    uint64_t                       burst;
    uint64_t                       uses;
    uint64_t                       lifetime;   /* seconds */
} ngx_ohttp_relay_ledger_ask_t;


/*
 * Makes an empty ledger that may allocate "left" bytes.
 */
void ngx_ohttp_relay_ledger_init(ngx_ohttp_relay_ledger_t *ledger,
    const uint64_t key[2], uint64_t left);

/*
 * Claims a name, or takes one use of it at "now" (microseconds).  On REFUSED
 * by a rate, *wait is more than 0 (microseconds), otherwise 0.  Nothing is
 * changed unless the answer is GRANTED, but the end of the epoch, which can
 * only be raised.  What has no begin, 0, began when its group was pinned.
 */
ngx_ohttp_relay_ledger_answer_e ngx_ohttp_relay_ledger_claim(
    ngx_ohttp_relay_ledger_t *ledger, ngx_ohttp_relay_memory_t *memory,
    const ngx_ohttp_relay_ledger_ask_t *ask, uint64_t now, uint64_t *wait);

/*
 * Records what was granted elsewhere, past all limits.  Returns GRANTED, or
 * FULL, OVER or FORGOTTEN.
 */
ngx_ohttp_relay_ledger_answer_e ngx_ohttp_relay_ledger_mark(
    ngx_ohttp_relay_ledger_t *ledger, ngx_ohttp_relay_memory_t *memory,
    const ngx_ohttp_relay_ledger_ask_t *ask, uint64_t now);

/*
 * Takes one claim or use back.  Returns GRANTED, or REFUSED if the name was
 * given back too often, is unknown, or if that cannot be recorded.
 */
ngx_ohttp_relay_ledger_answer_e ngx_ohttp_relay_ledger_unclaim(
    ngx_ohttp_relay_ledger_t *ledger, ngx_ohttp_relay_memory_t *memory,
    const ngx_ohttp_relay_ledger_ask_t *ask);

/*
 * Drops the epochs that ended more than the margin before "now" (seconds).
 * Does nothing when it was done in the same second.  Returns their number.
 */
unsigned ngx_ohttp_relay_ledger_sweep(ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory, int64_t now);

/*
 * Remembers when a group expires, and since when it is known.  A time later
 * than the one known is taken over, for the group's living epochs as well, as
 * long as the known one and the margin are not past: nothing has been
 * forgotten yet.  Later on the answer is REFUSED, and the known time stays.
 * Returns GRANTED, REFUSED or FULL.
 */
ngx_ohttp_relay_ledger_answer_e ngx_ohttp_relay_ledger_pin(
    ngx_ohttp_relay_ledger_t *ledger, ngx_ohttp_relay_memory_t *memory,
    const u_char *group, int64_t expires, int64_t now);

/*
 * The epoch of this kind, group and number, or NULL; with _make() an empty
 * one is made, and NULL means that there is no room.
 */
ngx_ohttp_relay_ledger_epoch_t *ngx_ohttp_relay_ledger_find(
    ngx_ohttp_relay_ledger_t *ledger, uint32_t kind, const u_char *group,
    uint64_t epoch);
ngx_ohttp_relay_ledger_epoch_t *ngx_ohttp_relay_ledger_make(
    ngx_ohttp_relay_ledger_t *ledger, ngx_ohttp_relay_memory_t *memory,
    uint32_t kind, const u_char *group, uint64_t epoch, int64_t expires);

/*
 * How many names are remembered, over all epochs.
 */
uint64_t ngx_ohttp_relay_ledger_names(ngx_ohttp_relay_ledger_t *ledger);

/*
 * Gives all memory back and is empty again.
 */
void ngx_ohttp_relay_ledger_reset(ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory);


#endif /* _NGX_OHTTP_RELAY_LEDGER_H_INCLUDED_ */
