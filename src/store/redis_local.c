
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "redis.h"


/* entries of the journal that one worker has under way */
#define NGX_OHTTP_RELAY_REDIS_BATCH  256

/* milliseconds after which an entry is asked for again: the worker is gone */
#define NGX_OHTTP_RELAY_REDIS_STALE  10000


static ngx_uint_t ngx_ohttp_relay_redis_is_claim(ngx_ohttp_relay_ask_t *ask);
static void ngx_ohttp_relay_redis_claim_locally(ngx_ohttp_relay_redis_t *redis,
    ngx_ohttp_relay_ask_t *ask);
static ngx_int_t ngx_ohttp_relay_redis_write_journal(
    ngx_ohttp_relay_redis_t *redis, ngx_ohttp_relay_ask_t *ask);
static void ngx_ohttp_relay_redis_allow_grace(ngx_ohttp_relay_redis_t *redis,
    ngx_ohttp_relay_ask_t *ask);
static void ngx_ohttp_relay_redis_note_gap(ngx_ohttp_relay_redis_t *redis,
    ngx_ohttp_relay_ask_t *ask);
static ngx_ohttp_relay_redis_entry_t *ngx_ohttp_relay_redis_find_entry(
    ngx_ohttp_relay_redis_shared_t *shared, ngx_ohttp_relay_ask_t *ask);
static ngx_uint_t ngx_ohttp_relay_redis_next_entry(
    ngx_ohttp_relay_redis_t *redis, ngx_uint_t *n,
    ngx_ohttp_relay_redis_entry_t *copy);
static void ngx_ohttp_relay_redis_set_entry(ngx_ohttp_relay_redis_t *redis,
    ngx_uint_t n, u_char *id, ngx_ohttp_relay_redis_entry_e state,
    ngx_uint_t foreign);


#define ngx_ohttp_relay_redis_entry(shared, n)                               \
    (&(shared)->journal[(n) % NGX_OHTTP_RELAY_REDIS_JOURNAL])


void
ngx_ohttp_relay_redis_answer_locally(ngx_ohttp_relay_redis_t *redis,
    ngx_ohttp_relay_ask_t *ask)
{
    ask->answer = NGX_OHTTP_RELAY_STORE_UNKNOWN;

    switch (redis->on_failure) {

    case NGX_OHTTP_RELAY_REDIS_LOCAL:
        ngx_ohttp_relay_redis_claim_locally(redis, ask);
        break;

    case NGX_OHTTP_RELAY_REDIS_GRACE:
        ngx_ohttp_relay_redis_allow_grace(redis, ask);
        break;

    default: /* NGX_OHTTP_RELAY_REDIS_CLOSED */
        break;
    }
}


static ngx_uint_t
ngx_ohttp_relay_redis_is_claim(ngx_ohttp_relay_ask_t *ask)
{
    return ask->kind == NGX_OHTTP_RELAY_STORE_SPENT
           || ask->kind == NGX_OHTTP_RELAY_STORE_SEALED;
}


static void
ngx_ohttp_relay_redis_claim_locally(ngx_ohttp_relay_redis_t *redis,
    ngx_ohttp_relay_ask_t *ask)
{
    ngx_ohttp_relay_redis_shared_t  *shared;

    shared = redis->shared;

    if (ngx_ohttp_relay_redis_is_claim(ask)) {

        /* what was spent before is not all there, or would not be written */

        if ((time_t) shared->incomplete > ngx_time()
            || shared->journal_last - shared->journal_first
               >= NGX_OHTTP_RELAY_REDIS_JOURNAL)
        {
            return;
        }
    }

    ask->answer = ngx_ohttp_relay_spent_claim(redis->spent, ask);

    if (ask->answer != NGX_OHTTP_RELAY_STORE_GRANTED) {
        return;
    }

    if (ngx_ohttp_relay_redis_is_claim(ask)
        && ngx_ohttp_relay_redis_write_journal(redis, ask) != NGX_OK)
    {
        (void) ngx_ohttp_relay_spent_unclaim(redis->spent, ask);
        ask->answer = NGX_OHTTP_RELAY_STORE_UNKNOWN;
        return;
    }

    ngx_ohttp_relay_redis_add_figure(redis,
                                     NGX_OHTTP_RELAY_REDIS_LOCAL_GRANTS);
}


static ngx_int_t
ngx_ohttp_relay_redis_write_journal(ngx_ohttp_relay_redis_t *redis,
    ngx_ohttp_relay_ask_t *ask)
{
    ngx_ohttp_relay_redis_entry_t   *entry;
    ngx_ohttp_relay_redis_shared_t  *shared;

    shared = redis->shared;

    ngx_shmtx_lock(&redis->shpool->mutex);

    if (shared->journal_last - shared->journal_first
        >= NGX_OHTTP_RELAY_REDIS_JOURNAL)
    {
        ngx_shmtx_unlock(&redis->shpool->mutex);
        return NGX_ERROR;
    }

    entry = ngx_ohttp_relay_redis_entry(shared, shared->journal_last);

    ngx_memcpy(entry->name, ask->name, NGX_OHTTP_RELAY_STORE_NAME);
    ngx_memcpy(entry->id, ask->id, NGX_OHTTP_RELAY_STORE_ID);
    entry->expires = ask->expires;
    entry->kind = ask->kind;
    entry->state = NGX_OHTTP_RELAY_REDIS_OPEN;

    shared->journal_last++;

    ngx_shmtx_unlock(&redis->shpool->mutex);

    return NGX_OK;
}


/*
 * So many a second of all workers together, for so long since the outage
 * began.  It is a new outage only if Redis has answered in the meantime and
 * nobody has asked in vain for the same time.
 */

static void
ngx_ohttp_relay_redis_allow_grace(ngx_ohttp_relay_redis_t *redis,
    ngx_ohttp_relay_ask_t *ask)
{
    uint64_t                         now, interval;
    ngx_ohttp_relay_redis_shared_t  *shared;

    shared = redis->shared;
    interval = 1000000 / redis->grace_rate;
    now = (uint64_t) ngx_current_msec * 1000;

    ngx_shmtx_lock(&redis->shpool->mutex);

    if (!shared->out
        || (shared->recovered
            && ngx_current_msec - shared->last > redis->grace_time))
    {
        shared->out = 1;
        shared->began = ngx_current_msec;
        shared->next = now;
        shared->recovered = 0;
    }

    shared->last = ngx_current_msec;

    if (ngx_current_msec - shared->began < redis->grace_time) {

        shared->next = ngx_max(shared->next, now);

        /* a tenth of a second's grants may come at once */

        if (shared->next <= now + 100000) {
            shared->next += interval;
            ask->answer = NGX_OHTTP_RELAY_STORE_GRANTED;
            ask->unrecorded = 1;
        }
    }

    ngx_shmtx_unlock(&redis->shpool->mutex);

    if (ask->answer == NGX_OHTTP_RELAY_STORE_GRANTED) {
        ngx_ohttp_relay_redis_add_figure(redis,
                                         NGX_OHTTP_RELAY_REDIS_GRACE_GRANTS);
    }
}


void
ngx_ohttp_relay_redis_remember(ngx_ohttp_relay_redis_t *redis,
    ngx_ohttp_relay_ask_t *ask)
{
    ngx_ohttp_relay_redis_entry_t   *entry;
    ngx_ohttp_relay_store_answer_e   answer;

    if (!ngx_ohttp_relay_redis_is_claim(ask)) {

        if (ask->answer == NGX_OHTTP_RELAY_STORE_GRANTED) {
            (void) ngx_ohttp_relay_spent_mark(redis->spent, ask);
        }

        return;
    }

    if (ask->answer == NGX_OHTTP_RELAY_STORE_REFUSED) {

        if (ngx_ohttp_relay_spent_mark(redis->spent, ask) != NGX_OK) {
            ngx_ohttp_relay_redis_note_gap(redis, ask);
        }

        return;
    }

    answer = ngx_ohttp_relay_spent_claim(redis->spent, ask);

    if (answer == NGX_OHTTP_RELAY_STORE_UNKNOWN) {
        ngx_ohttp_relay_redis_note_gap(redis, ask);
        return;
    }

    if (answer == NGX_OHTTP_RELAY_STORE_GRANTED
        || redis->shared->journal_first == redis->shared->journal_last)
    {
        return;
    }

    /*
     * Granted here while Redis was away, and Redis has not been told of it so
     * far.  Now it holds the name as well, though under another id.
     */

    ngx_shmtx_lock(&redis->shpool->mutex);

    entry = ngx_ohttp_relay_redis_find_entry(redis->shared, ask);

    if (entry) {

        if (ngx_memcmp(entry->id, ask->id, NGX_OHTTP_RELAY_STORE_ID) != 0) {
            ask->answer = NGX_OHTTP_RELAY_STORE_REFUSED;
        }

        entry->state = NGX_OHTTP_RELAY_REDIS_SETTLED;
    }

    ngx_shmtx_unlock(&redis->shpool->mutex);
}


/* until this has expired the local memory does not know all that was spent */

static void
ngx_ohttp_relay_redis_note_gap(ngx_ohttp_relay_redis_t *redis,
    ngx_ohttp_relay_ask_t *ask)
{
    ngx_atomic_uint_t                until;
    ngx_ohttp_relay_redis_shared_t  *shared;

    shared = redis->shared;
    until = ask->expires + NGX_OHTTP_RELAY_STORE_MARGIN;

    ngx_shmtx_lock(&redis->shpool->mutex);

    shared->incomplete = ngx_max(shared->incomplete, until);

    ngx_shmtx_unlock(&redis->shpool->mutex);
}


/* from the newest on: what is looked for has mostly just been written */

static ngx_ohttp_relay_redis_entry_t *
ngx_ohttp_relay_redis_find_entry(ngx_ohttp_relay_redis_shared_t *shared,
    ngx_ohttp_relay_ask_t *ask)
{
    ngx_uint_t                      n;
    ngx_ohttp_relay_redis_entry_t  *entry;

    for (n = shared->journal_last; n != shared->journal_first; n--) {

        entry = ngx_ohttp_relay_redis_entry(shared, n - 1);

        if (entry->state != NGX_OHTTP_RELAY_REDIS_SETTLED
            && entry->kind == (uint32_t) ask->kind
            && ngx_memcmp(entry->name, ask->name, NGX_OHTTP_RELAY_STORE_NAME)
               == 0)
        {
            return entry;
        }
    }

    return NULL;
}


ngx_ohttp_relay_store_answer_e
ngx_ohttp_relay_redis_refund_locally(ngx_ohttp_relay_redis_t *redis,
    ngx_ohttp_relay_ask_t *ask)
{
    ngx_ohttp_relay_redis_entry_t   *entry;
    ngx_ohttp_relay_store_answer_e   answer;

    if (redis->spent == NULL || !ngx_ohttp_relay_redis_is_claim(ask)
        || redis->shared->journal_first == redis->shared->journal_last)
    {
        return NGX_OHTTP_RELAY_STORE_WAITING;
    }

    answer = NGX_OHTTP_RELAY_STORE_WAITING;

    ngx_shmtx_lock(&redis->shpool->mutex);

    entry = ngx_ohttp_relay_redis_find_entry(redis->shared, ask);

    if (entry
        && ngx_memcmp(entry->id, ask->id, NGX_OHTTP_RELAY_STORE_ID) == 0)
    {
        /* unless Redis is just being told of it: then it stays spent */

        answer = NGX_OHTTP_RELAY_STORE_REFUSED;

        if (entry->state == NGX_OHTTP_RELAY_REDIS_OPEN) {
            answer = ngx_ohttp_relay_spent_unclaim(redis->spent, ask);
        }

        if (answer == NGX_OHTTP_RELAY_STORE_GRANTED) {
            entry->state = NGX_OHTTP_RELAY_REDIS_SETTLED;
        }
    }

    ngx_shmtx_unlock(&redis->shpool->mutex);

    return answer;
}


/* tells Redis what was granted without it */

void
ngx_ohttp_relay_redis_replay(ngx_ohttp_relay_redis_worker_t *worker)
{
    ngx_uint_t                        n, first;
    ngx_ohttp_relay_redis_t          *redis;
    ngx_ohttp_relay_redis_entry_t     entry;
    ngx_ohttp_relay_redis_command_t  *command;

    redis = worker->redis;
    first = redis->shared->journal_first;

    if (worker->replaying || redis->shared->lost) {
        return;
    }

    for (n = first; worker->replaying < NGX_OHTTP_RELAY_REDIS_BATCH; n++) {

        if (!ngx_ohttp_relay_redis_next_entry(redis, &n, &entry)) {
            break;
        }

        command = ngx_ohttp_relay_redis_create_command(worker,
                                                NGX_OHTTP_RELAY_REDIS_REPLAY);
        if (command == NULL) {
            break;
        }

        command->number = n;
        command->deadline = ngx_current_msec + redis->timeout;
        command->copy.kind = entry.kind;
        command->copy.expires = entry.expires;
        ngx_memcpy(command->copy.name, entry.name, NGX_OHTTP_RELAY_STORE_NAME);
        ngx_memcpy(command->copy.id, entry.id, NGX_OHTTP_RELAY_STORE_ID);

        worker->replaying++;

        if (ngx_ohttp_relay_redis_dispatch(worker, command) != NGX_AGAIN) {
            worker->replaying--;
            ngx_ohttp_relay_redis_free_command(worker, command);
            ngx_ohttp_relay_redis_set_entry(redis, n, entry.id,
                                            NGX_OHTTP_RELAY_REDIS_OPEN, 0);
            break;
        }
    }
}


/* the next open entry from *n on, which is marked as being asked for */

static ngx_uint_t
ngx_ohttp_relay_redis_next_entry(ngx_ohttp_relay_redis_t *redis, ngx_uint_t *n,
    ngx_ohttp_relay_redis_entry_t *copy)
{
    ngx_uint_t                       found;
    ngx_ohttp_relay_redis_entry_t   *entry;
    ngx_ohttp_relay_redis_shared_t  *shared;

    found = 0;
    shared = redis->shared;

    ngx_shmtx_lock(&redis->shpool->mutex);

    while (shared->journal_first != shared->journal_last) {

        entry = ngx_ohttp_relay_redis_entry(shared, shared->journal_first);

        /* what has expired, nobody can claim any more */

        if (entry->state != NGX_OHTTP_RELAY_REDIS_SETTLED
            && entry->expires + NGX_OHTTP_RELAY_STORE_MARGIN > ngx_time() + 60)
        {
            break;
        }

        shared->journal_first++;
    }

    if ((ngx_int_t) (*n - shared->journal_first) < 0) {
        *n = shared->journal_first;
    }

    for ( /* void */ ; *n != shared->journal_last; (*n)++) {

        entry = ngx_ohttp_relay_redis_entry(shared, *n);

        if (entry->state == NGX_OHTTP_RELAY_REDIS_OPEN
            || (entry->state == NGX_OHTTP_RELAY_REDIS_ASKED
                && ngx_current_msec - entry->asked
                   > NGX_OHTTP_RELAY_REDIS_STALE))
        {
            entry->state = NGX_OHTTP_RELAY_REDIS_ASKED;
            entry->asked = ngx_current_msec;
            *copy = *entry;
            found = 1;
            break;
        }
    }

    ngx_shmtx_unlock(&redis->shpool->mutex);

    return found;
}


void
ngx_ohttp_relay_redis_take_replay(ngx_ohttp_relay_redis_worker_t *worker,
    ngx_ohttp_relay_redis_command_t *command,
    ngx_ohttp_relay_redis_answer_e answer)
{
    ngx_ohttp_relay_redis_entry_e  state;

    state = answer == NGX_OHTTP_RELAY_REDIS_UNCLEAR
            ? NGX_OHTTP_RELAY_REDIS_OPEN : NGX_OHTTP_RELAY_REDIS_SETTLED;

    ngx_ohttp_relay_redis_set_entry(worker->redis, command->number,
                                    command->copy.id, state,
                                    answer == NGX_OHTTP_RELAY_REDIS_NO);

    ngx_ohttp_relay_redis_free_command(worker, command);

    worker->replaying--;

    /* the next ones; after a failure not before the next round of checks */

    if (worker->replaying == 0 && answer != NGX_OHTTP_RELAY_REDIS_UNCLEAR) {
        ngx_ohttp_relay_redis_replay(worker);
    }
}


static void
ngx_ohttp_relay_redis_set_entry(ngx_ohttp_relay_redis_t *redis, ngx_uint_t n,
    u_char *id, ngx_ohttp_relay_redis_entry_e state, ngx_uint_t foreign)
{
    ngx_uint_t                       doubled;
    ngx_ohttp_relay_redis_entry_t   *entry;
    ngx_ohttp_relay_redis_shared_t  *shared;

    doubled = 0;
    shared = redis->shared;
    entry = ngx_ohttp_relay_redis_entry(shared, n);

    ngx_shmtx_lock(&redis->shpool->mutex);

    /* unless it has been settled otherwise, and its place used again */

    if (entry->state == NGX_OHTTP_RELAY_REDIS_ASKED
        && ngx_memcmp(entry->id, id, NGX_OHTTP_RELAY_STORE_ID) == 0)
    {
        entry->state = state;
        doubled = foreign;
    }

    while (shared->journal_first != shared->journal_last
           && ngx_ohttp_relay_redis_entry(shared, shared->journal_first)->state
              == NGX_OHTTP_RELAY_REDIS_SETTLED)
    {
        shared->journal_first++;
    }

    ngx_shmtx_unlock(&redis->shpool->mutex);

    if (doubled) {
        ngx_ohttp_relay_redis_add_figure(redis,
                                         NGX_OHTTP_RELAY_REDIS_DOUBLE_SPENDS);
    }
}
