
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "gcra.h"
#include "ledger.h"


/* bytes: of an epoch's first segment, and of those that hold little */

#define NGX_OHTTP_RELAY_LEDGER_FIRST   65536
#define NGX_OHTTP_RELAY_LEDGER_LITTLE  4096


static int ngx_ohttp_relay_ledger_is_lost(ngx_ohttp_relay_ledger_t *ledger,
    const ngx_ohttp_relay_ledger_ask_t *ask);
static u_char *ngx_ohttp_relay_ledger_pinned(ngx_ohttp_relay_ledger_t *ledger,
    const u_char *group, u_char *name);
static ngx_ohttp_relay_ledger_answer_e ngx_ohttp_relay_ledger_open(
    ngx_ohttp_relay_ledger_t *ledger, ngx_ohttp_relay_memory_t *memory,
    const ngx_ohttp_relay_ledger_ask_t *ask, uint64_t now,
    ngx_ohttp_relay_ledger_epoch_t **epoch);
static unsigned ngx_ohttp_relay_ledger_chain(ngx_ohttp_relay_ledger_t *ledger,
    const u_char *group);
static int ngx_ohttp_relay_ledger_is_over(int64_t expires, int64_t now);
static int ngx_ohttp_relay_ledger_around(ngx_ohttp_relay_ledger_t *ledger,
    const ngx_ohttp_relay_ledger_ask_t *ask, const u_char *name);
static ngx_ohttp_relay_ledger_answer_e ngx_ohttp_relay_ledger_take(
    ngx_ohttp_relay_ledger_t *ledger, ngx_ohttp_relay_memory_t *memory,
    const ngx_ohttp_relay_ledger_ask_t *ask,
    ngx_ohttp_relay_ledger_epoch_t *epoch, const u_char *name, uint64_t now,
    uint64_t *wait);
static ngx_ohttp_relay_ledger_answer_e ngx_ohttp_relay_ledger_write_uses(
    ngx_ohttp_relay_ledger_t *ledger, ngx_ohttp_relay_memory_t *memory,
    ngx_ohttp_relay_ledger_epoch_t *epoch, const u_char *name, u_char *entry,
    const ngx_ohttp_relay_ledger_uses_t *uses);
static ngx_ohttp_relay_ledger_answer_e ngx_ohttp_relay_ledger_give(
    const ngx_ohttp_relay_ledger_ask_t *ask, u_char *entry);
static void ngx_ohttp_relay_ledger_drop(ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory, ngx_ohttp_relay_ledger_epoch_t **link);
static void ngx_ohttp_relay_ledger_raise(ngx_ohttp_relay_ledger_t *ledger,
    const u_char *group, int64_t from, int64_t to);


void
ngx_ohttp_relay_ledger_init(ngx_ohttp_relay_ledger_t *ledger,
    const uint64_t key[2], uint64_t left)
{
    memset(ledger, 0, sizeof(ngx_ohttp_relay_ledger_t));

    ledger->key[0] = key[0];
    ledger->key[1] = key[1];
    ledger->left = left;

    ngx_ohttp_relay_table_init(&ledger->pins,
                           NGX_OHTTP_RELAY_TABLE_NAME
                           + sizeof(ngx_ohttp_relay_ledger_pin_t),
                           NGX_OHTTP_RELAY_LEDGER_LITTLE);
}


ngx_ohttp_relay_ledger_answer_e
ngx_ohttp_relay_ledger_claim(ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory, const ngx_ohttp_relay_ledger_ask_t *ask,
    uint64_t now, uint64_t *wait)
{
    u_char                           name[NGX_OHTTP_RELAY_TABLE_NAME];
    ngx_ohttp_relay_ledger_epoch_t  *epoch;
    ngx_ohttp_relay_ledger_answer_e  answer;

    *wait = 0;

    if (ledger->lost && ngx_ohttp_relay_ledger_is_lost(ledger, ask)) {
        return NGX_OHTTP_RELAY_LEDGER_LOST;
    }

    answer = ngx_ohttp_relay_ledger_open(ledger, memory, ask, now, &epoch);

    if (answer != NGX_OHTTP_RELAY_LEDGER_GRANTED) {
        return answer;
    }

    ngx_ohttp_relay_table_name(ask->name, name);

    if (ask->kind == NGX_OHTTP_RELAY_LEDGER_USES) {
        return ngx_ohttp_relay_ledger_take(ledger, memory, ask, epoch, name,
                                           now, wait);
    }

    if (ngx_ohttp_relay_table_find(&epoch->names, ledger->key, name) != NULL
        || ngx_ohttp_relay_ledger_around(ledger, ask, name))
    {
        return NGX_OHTTP_RELAY_LEDGER_REFUSED;
    }

    if (ngx_ohttp_relay_table_add(&epoch->names, memory, ledger->key, name,
                                  NULL)
        != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_LEDGER_FULL;
    }

    return NGX_OHTTP_RELAY_LEDGER_GRANTED;
}


/* nobody can have spent anything of a key before there was the key */

static int
ngx_ohttp_relay_ledger_is_lost(ngx_ohttp_relay_ledger_t *ledger,
    const ngx_ohttp_relay_ledger_ask_t *ask)
{
    u_char                        name[NGX_OHTTP_RELAY_TABLE_NAME], *entry;
    int64_t                       begins;
    ngx_ohttp_relay_ledger_pin_t  pin;

    begins = ask->begins;

    if (begins == 0) {
        entry = ngx_ohttp_relay_ledger_pinned(ledger, ask->group, name);

        if (entry != NULL) {
            memcpy(&pin, entry + NGX_OHTTP_RELAY_TABLE_NAME, sizeof(pin));
            begins = pin.since;
        }
    }

    return begins <= ledger->lost;
}


/* the entry of a group, or NULL, and in any case the name it goes by */

static u_char *
ngx_ohttp_relay_ledger_pinned(ngx_ohttp_relay_ledger_t *ledger,
    const u_char *group, u_char *name)
{
    u_char  from[NGX_OHTTP_RELAY_TABLE_NAME];

    memset(from, 0, sizeof(from));
    memcpy(from, group, NGX_OHTTP_RELAY_LEDGER_GROUP);
    ngx_ohttp_relay_table_name(from, name);

    return ngx_ohttp_relay_table_find(&ledger->pins, ledger->key, name);
}


/* what ended before the latest epoch that was dropped may be gone as well */

static ngx_ohttp_relay_ledger_answer_e
ngx_ohttp_relay_ledger_open(ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory, const ngx_ohttp_relay_ledger_ask_t *ask,
    uint64_t now, ngx_ohttp_relay_ledger_epoch_t **epoch)
{
    *epoch = ngx_ohttp_relay_ledger_find(ledger, ask->kind, ask->group,
                                         ask->epoch);
    if (*epoch != NULL) {

        if ((*epoch)->expires < ask->expires) {
            (*epoch)->expires = ask->expires;
        }

        return NGX_OHTTP_RELAY_LEDGER_GRANTED;
    }

    if (ngx_ohttp_relay_ledger_is_over(ask->expires, now / 1000000)) {
        return NGX_OHTTP_RELAY_LEDGER_OVER;
    }

    if (ask->expires <= ledger->forgotten) {
        return NGX_OHTTP_RELAY_LEDGER_FORGOTTEN;
    }

    *epoch = ngx_ohttp_relay_ledger_make(ledger, memory, ask->kind, ask->group,
                                         ask->epoch, ask->expires);

    return *epoch ? NGX_OHTTP_RELAY_LEDGER_GRANTED
                  : NGX_OHTTP_RELAY_LEDGER_FULL;
}


ngx_ohttp_relay_ledger_epoch_t *
ngx_ohttp_relay_ledger_find(ngx_ohttp_relay_ledger_t *ledger, uint32_t kind,
    const u_char *group, uint64_t number)
{
    ngx_ohttp_relay_ledger_epoch_t  *epoch;

    epoch = ledger->chains[ngx_ohttp_relay_ledger_chain(ledger, group)];

    while (epoch != NULL) {

        if (epoch->epoch == number && epoch->kind == kind
            && memcmp(epoch->group, group, NGX_OHTTP_RELAY_LEDGER_GROUP) == 0)
        {
            break;
        }

        epoch = epoch->next;
    }

    return epoch;
}


/* the epochs of a group are in one chain */

static unsigned
ngx_ohttp_relay_ledger_chain(ngx_ohttp_relay_ledger_t *ledger,
    const u_char *group)
{
    uint64_t  word;

    memcpy(&word, group, NGX_OHTTP_RELAY_LEDGER_GROUP);

    word = (word ^ ledger->key[0]) * 0x9e3779b97f4a7c15ULL;

    return (word >> 32) % NGX_OHTTP_RELAY_LEDGER_CHAINS;
}


ngx_ohttp_relay_ledger_epoch_t *
ngx_ohttp_relay_ledger_make(ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory, uint32_t kind, const u_char *group,
    uint64_t number, int64_t expires)
{
    uint32_t                          entry;
    ngx_ohttp_relay_ledger_epoch_t   *epoch, **link;

    if (ledger->epochs >= NGX_OHTTP_RELAY_LEDGER_EPOCHS
        || *memory->left < sizeof(ngx_ohttp_relay_ledger_epoch_t))
    {
        return NULL;
    }

    epoch = memory->alloc(memory->data, sizeof(ngx_ohttp_relay_ledger_epoch_t));
    if (epoch == NULL) {
        return NULL;
    }

    *memory->left -= sizeof(ngx_ohttp_relay_ledger_epoch_t);

    link = &ledger->chains[ngx_ohttp_relay_ledger_chain(ledger, group)];
    entry = NGX_OHTTP_RELAY_TABLE_NAME;

    if (kind == NGX_OHTTP_RELAY_LEDGER_USES) {
        entry += sizeof(ngx_ohttp_relay_ledger_uses_t);
    }

    epoch->next = *link;
    epoch->epoch = number;
    epoch->expires = expires;
    epoch->kind = kind;

    memcpy(epoch->group, group, NGX_OHTTP_RELAY_LEDGER_GROUP);

    ngx_ohttp_relay_table_init(&epoch->names, entry,
                               NGX_OHTTP_RELAY_LEDGER_FIRST);
    ngx_ohttp_relay_table_init(&epoch->refunds,
                           NGX_OHTTP_RELAY_TABLE_NAME + sizeof(uint64_t),
                           NGX_OHTTP_RELAY_LEDGER_LITTLE);
    ledger->epochs++;

    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    *link = epoch;

    return epoch;
}


/* without the sum, which could overflow */

static int
ngx_ohttp_relay_ledger_is_over(int64_t expires, int64_t now)
{
    return expires < now - NGX_OHTTP_RELAY_LEDGER_MARGIN;
}


static int
ngx_ohttp_relay_ledger_around(ngx_ohttp_relay_ledger_t *ledger,
    const ngx_ohttp_relay_ledger_ask_t *ask, const u_char *name)
{
    int                              step;
    ngx_ohttp_relay_ledger_epoch_t  *epoch;

    if (!ask->around) {
        return 0;
    }

    for (step = -1; step <= 1; step += 2) {
        epoch = ngx_ohttp_relay_ledger_find(ledger, ask->kind, ask->group,
                                            ask->epoch + step);
        if (epoch != NULL
            && ngx_ohttp_relay_table_find(&epoch->names, ledger->key, name)
               != NULL)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_ohttp_relay_ledger_answer_e
ngx_ohttp_relay_ledger_take(ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory, const ngx_ohttp_relay_ledger_ask_t *ask,
    ngx_ohttp_relay_ledger_epoch_t *epoch, const u_char *name, uint64_t now,
    uint64_t *wait)
{
    u_char                         *entry;
    ngx_ohttp_relay_ledger_uses_t   uses;

    entry = ngx_ohttp_relay_table_find(&epoch->names, ledger->key, name);

    if (entry != NULL) {
        memcpy(&uses, entry + NGX_OHTTP_RELAY_TABLE_NAME, sizeof(uses));

    } else {
        memset(&uses, 0, sizeof(uses));
        uses.first = now;
    }

    if (ask->lifetime && now > uses.first
        && (now - uses.first) / 1000000 >= ask->lifetime)
    {
        return NGX_OHTTP_RELAY_LEDGER_USED_UP;
    }

    if (ask->uses && uses.uses >= ask->uses) {
        return NGX_OHTTP_RELAY_LEDGER_USED_UP;
    }

    if (ask->interval
        && ngx_ohttp_relay_gcra_take(&uses.arrival, now, ask->interval,
                                     ask->burst ? ask->burst : 1, wait)
           != NGX_OHTTP_RELAY_OK)
    {
        /* as before, unless the clock was set back */

        if (entry != NULL) {
            memcpy(entry + NGX_OHTTP_RELAY_TABLE_NAME, &uses, sizeof(uses));
        }

        return NGX_OHTTP_RELAY_LEDGER_REFUSED;
    }

    return ngx_ohttp_relay_ledger_write_uses(ledger, memory, epoch, name,
                                             entry, &uses);
}


/* one use more */

static ngx_ohttp_relay_ledger_answer_e
ngx_ohttp_relay_ledger_write_uses(ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory, ngx_ohttp_relay_ledger_epoch_t *epoch,
    const u_char *name, u_char *entry,
    const ngx_ohttp_relay_ledger_uses_t *uses)
{
    ngx_ohttp_relay_ledger_uses_t  now;

    now = *uses;

    if (now.uses < UINT32_MAX) {
        now.uses++;
    }

    if (entry != NULL) {
        memcpy(entry + NGX_OHTTP_RELAY_TABLE_NAME, &now, sizeof(now));
        return NGX_OHTTP_RELAY_LEDGER_GRANTED;
    }

    if (ngx_ohttp_relay_table_add(&epoch->names, memory, ledger->key, name,
                                  (u_char *) &now)
        != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_LEDGER_FULL;
    }

    return NGX_OHTTP_RELAY_LEDGER_GRANTED;
}


ngx_ohttp_relay_ledger_answer_e
ngx_ohttp_relay_ledger_mark(ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory, const ngx_ohttp_relay_ledger_ask_t *ask,
    uint64_t now)
{
    u_char                           name[NGX_OHTTP_RELAY_TABLE_NAME], *entry;
    ngx_ohttp_relay_ledger_uses_t    uses;
    ngx_ohttp_relay_ledger_epoch_t  *epoch;
    ngx_ohttp_relay_ledger_answer_e  answer;

    answer = ngx_ohttp_relay_ledger_open(ledger, memory, ask, now, &epoch);

    if (answer != NGX_OHTTP_RELAY_LEDGER_GRANTED) {
        return answer;
    }

    ngx_ohttp_relay_table_name(ask->name, name);
    entry = ngx_ohttp_relay_table_find(&epoch->names, ledger->key, name);

    if (ask->kind == NGX_OHTTP_RELAY_LEDGER_USES) {

        if (entry != NULL) {
            memcpy(&uses, entry + NGX_OHTTP_RELAY_TABLE_NAME, sizeof(uses));

        } else {
            memset(&uses, 0, sizeof(uses));
            uses.first = now;
        }

        if (ask->interval) {
            ngx_ohttp_relay_gcra_force(&uses.arrival, now, ask->interval);
        }

        return ngx_ohttp_relay_ledger_write_uses(ledger, memory, epoch, name,
                                                 entry, &uses);
    }

    if (entry == NULL
        && ngx_ohttp_relay_table_add(&epoch->names, memory, ledger->key, name,
                                     NULL)
           != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_LEDGER_FULL;
    }

    return NGX_OHTTP_RELAY_LEDGER_GRANTED;
}


ngx_ohttp_relay_ledger_answer_e
ngx_ohttp_relay_ledger_unclaim(ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory, const ngx_ohttp_relay_ledger_ask_t *ask)
{
    u_char                           name[NGX_OHTTP_RELAY_TABLE_NAME];
    u_char                          *entry, *count;
    uint64_t                         refunds;
    ngx_ohttp_relay_ledger_epoch_t  *epoch;

    ngx_ohttp_relay_table_name(ask->name, name);

    epoch = ngx_ohttp_relay_ledger_find(ledger, ask->kind, ask->group,
                                        ask->epoch);
    if (epoch == NULL) {
        return NGX_OHTTP_RELAY_LEDGER_REFUSED;
    }

    entry = ngx_ohttp_relay_table_find(&epoch->names, ledger->key, name);
    if (entry == NULL) {
        return NGX_OHTTP_RELAY_LEDGER_REFUSED;
    }

    if (ask->kind == NGX_OHTTP_RELAY_LEDGER_USES) {
        return ngx_ohttp_relay_ledger_give(ask, entry);
    }

    /* a request that never left is no burden, however often it comes */

    if (ask->kind == NGX_OHTTP_RELAY_LEDGER_SEALED) {
        ngx_ohttp_relay_table_remove(&epoch->names, entry);
        return NGX_OHTTP_RELAY_LEDGER_GRANTED;
    }

    /* counted first: to die in between must not give more than allowed */

    count = ngx_ohttp_relay_table_find(&epoch->refunds, ledger->key, name);
    refunds = 0;

    if (count != NULL) {
        memcpy(&refunds, count + NGX_OHTTP_RELAY_TABLE_NAME, sizeof(refunds));
    }

    if (refunds++ >= NGX_OHTTP_RELAY_LEDGER_REFUNDS) {
        return NGX_OHTTP_RELAY_LEDGER_REFUSED;
    }

    if (count != NULL) {
        memcpy(count + NGX_OHTTP_RELAY_TABLE_NAME, &refunds, sizeof(refunds));

    } else if (ngx_ohttp_relay_table_add(&epoch->refunds, memory, ledger->key,
                                         name, (u_char *) &refunds)
               != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_LEDGER_REFUSED;
    }

    ngx_ohttp_relay_table_remove(&epoch->names, entry);

    return NGX_OHTTP_RELAY_LEDGER_GRANTED;
}


/* the entry stays: it holds how often it was given back */

static ngx_ohttp_relay_ledger_answer_e
ngx_ohttp_relay_ledger_give(const ngx_ohttp_relay_ledger_ask_t *ask,
    u_char *entry)
{
    ngx_ohttp_relay_ledger_uses_t  uses;

    memcpy(&uses, entry + NGX_OHTTP_RELAY_TABLE_NAME, sizeof(uses));

    if (uses.uses == 0 || uses.refunds >= NGX_OHTTP_RELAY_LEDGER_REFUNDS) {
        return NGX_OHTTP_RELAY_LEDGER_REFUSED;
    }

    uses.uses--;
    uses.refunds++;

    if (ask->interval) {
        ngx_ohttp_relay_gcra_give(&uses.arrival, ask->interval);
    }

    memcpy(entry + NGX_OHTTP_RELAY_TABLE_NAME, &uses, sizeof(uses));

    return NGX_OHTTP_RELAY_LEDGER_GRANTED;
}


unsigned
ngx_ohttp_relay_ledger_sweep(ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory, int64_t now)
{
    unsigned                          i, dropped;
    ngx_ohttp_relay_ledger_epoch_t  **link;

    if (ledger->swept == now) {
        return 0;
    }

    ledger->swept = now;
    dropped = 0;

    for (i = 0; i < NGX_OHTTP_RELAY_LEDGER_CHAINS; i++) {
        link = &ledger->chains[i];

        while (*link != NULL) {

            if (!ngx_ohttp_relay_ledger_is_over((*link)->expires, now)) {
                link = &(*link)->next;
                continue;
            }

            if (ledger->forgotten < (*link)->expires) {
                ledger->forgotten = (*link)->expires;
            }

            ngx_ohttp_relay_ledger_drop(ledger, memory, link);
            dropped++;
        }
    }

    return dropped;
}


static void
ngx_ohttp_relay_ledger_drop(ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory, ngx_ohttp_relay_ledger_epoch_t **link)
{
    ngx_ohttp_relay_ledger_epoch_t  *epoch;

    epoch = *link;

    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    *link = epoch->next;
    ledger->epochs--;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);

    ngx_ohttp_relay_table_free(&epoch->names, memory);
    ngx_ohttp_relay_table_free(&epoch->refunds, memory);

    *memory->left += sizeof(ngx_ohttp_relay_ledger_epoch_t);

    memory->free(memory->data, epoch);
}


ngx_ohttp_relay_ledger_answer_e
ngx_ohttp_relay_ledger_pin(ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory, const u_char *group, int64_t expires,
    int64_t now)
{
    u_char                        name[NGX_OHTTP_RELAY_TABLE_NAME], *entry;
    ngx_ohttp_relay_ledger_pin_t  pin;

    entry = ngx_ohttp_relay_ledger_pinned(ledger, group, name);

    if (entry == NULL) {
        pin.expires = expires;
        pin.since = now;

        if (ngx_ohttp_relay_table_add(&ledger->pins, memory, ledger->key, name,
                                      (u_char *) &pin)
            != NGX_OHTTP_RELAY_OK)
        {
            return NGX_OHTTP_RELAY_LEDGER_FULL;
        }

        return NGX_OHTTP_RELAY_LEDGER_GRANTED;
    }

    memcpy(&pin, entry + NGX_OHTTP_RELAY_TABLE_NAME, sizeof(pin));

    if (expires <= pin.expires) {
        return NGX_OHTTP_RELAY_LEDGER_GRANTED;
    }

    if (ngx_ohttp_relay_ledger_is_over(pin.expires, now)) {
        return NGX_OHTTP_RELAY_LEDGER_REFUSED;
    }

    ngx_ohttp_relay_ledger_raise(ledger, group, pin.expires, expires);

    pin.expires = expires;

    memcpy(entry + NGX_OHTTP_RELAY_TABLE_NAME, &pin, sizeof(pin));

    return NGX_OHTTP_RELAY_LEDGER_GRANTED;
}


/* epochs that end with their group end later with it */

static void
ngx_ohttp_relay_ledger_raise(ngx_ohttp_relay_ledger_t *ledger,
    const u_char *group, int64_t from, int64_t to)
{
    ngx_ohttp_relay_ledger_epoch_t  *epoch;

    epoch = ledger->chains[ngx_ohttp_relay_ledger_chain(ledger, group)];

    while (epoch != NULL) {

        if (epoch->expires >= from && epoch->expires < to
            && memcmp(epoch->group, group, NGX_OHTTP_RELAY_LEDGER_GROUP) == 0)
        {
            epoch->expires = to;
        }

        epoch = epoch->next;
    }
}


uint64_t
ngx_ohttp_relay_ledger_names(ngx_ohttp_relay_ledger_t *ledger)
{
    uint64_t                         names;
    unsigned                         i;
    ngx_ohttp_relay_ledger_epoch_t  *epoch;

    names = 0;

    for (i = 0; i < NGX_OHTTP_RELAY_LEDGER_CHAINS; i++) {
        for (epoch = ledger->chains[i]; epoch; epoch = epoch->next) {
            names += epoch->names.names;
        }
    }

    return names;
}


void
ngx_ohttp_relay_ledger_reset(ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory)
{
    unsigned  i;

    for (i = 0; i < NGX_OHTTP_RELAY_LEDGER_CHAINS; i++) {
        while (ledger->chains[i] != NULL) {
            ngx_ohttp_relay_ledger_drop(ledger, memory, &ledger->chains[i]);
        }
    }

    ngx_ohttp_relay_table_free(&ledger->pins, memory);

    ledger->swept = 0;
    ledger->forgotten = 0;
    ledger->lost = 0;
}
