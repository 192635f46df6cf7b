
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "redis.h"


static ngx_int_t ngx_ohttp_relay_redis_init_process(
    ngx_ohttp_relay_store_t *store, ngx_cycle_t *cycle);
static ngx_int_t ngx_ohttp_relay_redis_start(
    ngx_ohttp_relay_redis_worker_t *worker);
static void ngx_ohttp_relay_redis_exit_process(ngx_ohttp_relay_store_t *store,
    ngx_cycle_t *cycle);
static void ngx_ohttp_relay_redis_exit_master(ngx_ohttp_relay_store_t *store,
    ngx_cycle_t *cycle);
static ngx_int_t ngx_ohttp_relay_redis_ask(ngx_ohttp_relay_store_t *store,
    ngx_ohttp_relay_ask_t *ask);
static ngx_int_t ngx_ohttp_relay_redis_test_ask(ngx_ohttp_relay_redis_t *redis,
    ngx_ohttp_relay_ask_t *ask);
static ngx_int_t ngx_ohttp_relay_redis_refund(ngx_ohttp_relay_store_t *store,
    ngx_ohttp_relay_ask_t *ask);
static ngx_int_t ngx_ohttp_relay_redis_question(
    ngx_ohttp_relay_redis_t *redis, ngx_ohttp_relay_ask_t *ask,
    ngx_ohttp_relay_redis_kind_e kind);
static ngx_int_t ngx_ohttp_relay_redis_finish(ngx_ohttp_relay_redis_t *redis,
    ngx_ohttp_relay_ask_t *ask);
static void ngx_ohttp_relay_redis_abandon(ngx_ohttp_relay_ask_t *ask);
static void ngx_ohttp_relay_redis_deliver(ngx_event_t *ev);
static void ngx_ohttp_relay_redis_give_back(
    ngx_ohttp_relay_redis_worker_t *worker,
    ngx_ohttp_relay_redis_command_t *command);
static char *ngx_ohttp_relay_redis_state(ngx_ohttp_relay_store_t *store);
static ngx_ohttp_relay_store_figure_t *ngx_ohttp_relay_redis_figures(
    ngx_ohttp_relay_store_t *store, ngx_uint_t *n);


ngx_ohttp_relay_backend_t  ngx_ohttp_relay_redis_backend = {
    ngx_string("redis"),
    ngx_ohttp_relay_redis_directive,
    ngx_ohttp_relay_redis_init,
    ngx_ohttp_relay_redis_init_process,
    ngx_ohttp_relay_redis_exit_process,
    ngx_ohttp_relay_redis_exit_master,
    ngx_ohttp_relay_redis_ask,
    ngx_ohttp_relay_redis_refund,
    ngx_ohttp_relay_redis_abandon,
    ngx_ohttp_relay_redis_state,
    ngx_ohttp_relay_redis_figures
};


/* in the order of ngx_ohttp_relay_redis_figure_e */

static ngx_ohttp_relay_store_figure_t  ngx_ohttp_relay_redis_table[] = {
    { "asks", "Questions to the store.", 0, 0 },
    { "unknown", "Questions that could not be answered.", 0, 0 },
    { "reconnects", "Connections to Redis that had to be made again.", 0, 0 },
    { "timeouts", "Replies of Redis that did not come in time.", 0, 0 },
    { "data_losses", "Losses of data that Redis has shown.", 0, 0 },
    { "double_spends", "Local grants that were spent elsewhere.", 0, 0 },
    { "local_grants", "Grants without Redis, from local memory.", 0, 0 },
    { "grace_grants", "Grants without any memory.", 0, 0 },
    { "journal", "Local grants that Redis does not know yet.", 1, 0 }
};


static ngx_int_t
ngx_ohttp_relay_redis_init_process(ngx_ohttp_relay_store_t *store,
    ngx_cycle_t *cycle)
{
    ngx_ohttp_relay_redis_t         *redis;
    ngx_ohttp_relay_redis_worker_t  *worker;

    redis = store->data;

    /* neither the cache manager nor the cache loader asks anything */

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    worker = ngx_pcalloc(cycle->pool, sizeof(ngx_ohttp_relay_redis_worker_t));
    if (worker == NULL) {
        return NGX_ERROR;
    }

    worker->redis = redis;

    /* a log of its own: no client context ever stands beside a message */

    worker->log = *cycle->log;
    worker->log.handler = NULL;
    worker->log.data = NULL;
    worker->log.action = NULL;

    ngx_queue_init(&worker->done);
    ngx_queue_init(&worker->free);

    worker->deliver.handler = ngx_ohttp_relay_redis_deliver;
    worker->deliver.data = worker;
    worker->deliver.log = &worker->log;

    worker->pins = ngx_pcalloc(cycle->pool,
                               (store->pins.nelts + 1)
                               * sizeof(ngx_ohttp_relay_redis_pin_t));
    if (worker->pins == NULL) {
        return NGX_ERROR;
    }

    ngx_ohttp_relay_redis_init_scripts();

    if (ngx_ohttp_relay_redis_start(worker) != NGX_OK) {
        return NGX_ERROR;
    }

    redis->worker = worker;

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_redis_start(ngx_ohttp_relay_redis_worker_t *worker)
{
    ngx_ohttp_relay_redis_node_t    *node;
    ngx_ohttp_relay_redis_server_t  *server;

    worker->server = (ngx_uint_t) ngx_random();

    if (worker->redis->cluster) {
        return ngx_ohttp_relay_redis_init_cluster(worker);
    }

    worker->server = 0;
    server = worker->redis->servers.elts;

    node = ngx_ohttp_relay_redis_create_node(worker, server->addr.sockaddr,
                                             server->addr.socklen,
                                             &server->host);
    if (node == NULL) {
        return NGX_ERROR;
    }

    node->mapped = 1;
    node->hopeful = 1;

    ngx_ohttp_relay_redis_connect(node);

    return NGX_OK;
}


static void
ngx_ohttp_relay_redis_exit_process(ngx_ohttp_relay_store_t *store,
    ngx_cycle_t *cycle)
{
    ngx_queue_t                     *q;
    ngx_ohttp_relay_redis_t         *redis;
    ngx_ohttp_relay_redis_worker_t  *worker;

    redis = store->data;
    worker = redis->worker;

    if (worker == NULL) {
        return;
    }

    /* requests are gone: nobody is told anything any more */

    redis->worker = NULL;

    while (worker->nnodes) {
        ngx_ohttp_relay_redis_free_node(worker->nodes[worker->nnodes - 1]);
    }

    if (worker->deliver.posted) {
        ngx_delete_posted_event(&worker->deliver);
    }

    if (worker->sweep.posted) {
        ngx_delete_posted_event(&worker->sweep);
    }

    if (!ngx_queue_empty(&worker->done)) {
        ngx_queue_add(&worker->free, &worker->done);
    }

    if (worker->slots) {
        ngx_free(worker->slots);
        ngx_free(worker->map);
    }

    while (!ngx_queue_empty(&worker->free)) {
        q = ngx_queue_head(&worker->free);
        ngx_queue_remove(q);
        ngx_free(ngx_queue_data(q, ngx_ohttp_relay_redis_command_t, queue));
    }
}


static void
ngx_ohttp_relay_redis_exit_master(ngx_ohttp_relay_store_t *store,
    ngx_cycle_t *cycle)
{
    /* the master has no connection */
}


static ngx_int_t
ngx_ohttp_relay_redis_ask(ngx_ohttp_relay_store_t *store,
    ngx_ohttp_relay_ask_t *ask)
{
    ngx_ohttp_relay_redis_t  *redis;

    redis = store->data;

    ask->answer = NGX_OHTTP_RELAY_STORE_WAITING;
    ask->used_up = 0;
    ask->retry_after = 0;
    ask->unrecorded = 0;
    ask->pending = NULL;

    ngx_ohttp_relay_redis_add_figure(redis, NGX_OHTTP_RELAY_REDIS_ASKS);

    if (ngx_ohttp_relay_redis_test_ask(redis, ask) != NGX_OK) {
        ask->answer = NGX_OHTTP_RELAY_STORE_UNKNOWN;
        return ngx_ohttp_relay_redis_finish(redis, ask);
    }

    return ngx_ohttp_relay_redis_question(redis, ask,
                                  ask->kind == NGX_OHTTP_RELAY_STORE_SPENT
                                  || ask->kind == NGX_OHTTP_RELAY_STORE_SEALED
                                  ? NGX_OHTTP_RELAY_REDIS_CLAIM
                                  : NGX_OHTTP_RELAY_REDIS_TAKE);
}


/* what can be neither asked nor answered locally */

static ngx_int_t
ngx_ohttp_relay_redis_test_ask(ngx_ohttp_relay_redis_t *redis,
    ngx_ohttp_relay_ask_t *ask)
{
    if (redis->worker == NULL || redis->shared->lost) {
        return NGX_ERROR;
    }

    /* a time in the past would store nothing, and grant everything */

    if (ask->kind != NGX_OHTTP_RELAY_STORE_RATE
        && ask->expires + NGX_OHTTP_RELAY_STORE_MARGIN <= ngx_time() + 60)
    {
        return NGX_ERROR;
    }

    return ngx_ohttp_relay_redis_raised(redis->worker, ask->group)
           ? NGX_ERROR : NGX_OK;
}


ngx_uint_t
ngx_ohttp_relay_redis_raised(ngx_ohttp_relay_redis_worker_t *worker,
    u_char *group)
{
    ngx_ohttp_relay_redis_pin_t  *pin;

    pin = ngx_ohttp_relay_redis_find_pin(worker, group);

    return pin && pin->condition == NGX_OHTTP_RELAY_REDIS_RAISED;
}


ngx_ohttp_relay_redis_pin_t *
ngx_ohttp_relay_redis_find_pin(ngx_ohttp_relay_redis_worker_t *worker,
    u_char *group)
{
    ngx_uint_t                    i;
    ngx_array_t                  *pins;
    ngx_ohttp_relay_store_pin_t  *pin;

    pins = &worker->redis->store->pins;
    pin = pins->elts;

    for (i = 0; i < pins->nelts; i++) {

        if (ngx_memcmp(pin[i].group, group, NGX_OHTTP_RELAY_STORE_GROUP)
            == 0)
        {
            return &worker->pins[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_ohttp_relay_redis_refund(ngx_ohttp_relay_store_t *store,
    ngx_ohttp_relay_ask_t *ask)
{
    ngx_ohttp_relay_redis_t  *redis;

    redis = store->data;

    ask->answer = NGX_OHTTP_RELAY_STORE_WAITING;
    ask->pending = NULL;

    /* there is nothing to be taken back, and nobody to be waited for */

    if (redis->worker == NULL || ask->unrecorded) {
        ask->answer = NGX_OHTTP_RELAY_STORE_UNKNOWN;
        return ngx_ohttp_relay_redis_finish(redis, ask);
    }

    ask->answer = ngx_ohttp_relay_redis_refund_locally(redis, ask);

    if (ask->answer != NGX_OHTTP_RELAY_STORE_WAITING) {
        return NGX_OK;
    }

    return ngx_ohttp_relay_redis_question(redis, ask,
                                  ask->kind == NGX_OHTTP_RELAY_STORE_SPENT
                                  || ask->kind == NGX_OHTTP_RELAY_STORE_SEALED
                                  ? NGX_OHTTP_RELAY_REDIS_REFUND
                                  : NGX_OHTTP_RELAY_REDIS_RETURN);
}


static ngx_int_t
ngx_ohttp_relay_redis_question(ngx_ohttp_relay_redis_t *redis,
    ngx_ohttp_relay_ask_t *ask, ngx_ohttp_relay_redis_kind_e kind)
{
    ngx_int_t                         rc;
    ngx_ohttp_relay_redis_worker_t   *worker;
    ngx_ohttp_relay_redis_command_t  *command;

    worker = redis->worker;
    command = NULL;

    if (worker->pending < NGX_OHTTP_RELAY_REDIS_PENDING) {
        command = ngx_ohttp_relay_redis_create_command(worker, kind);
    }

    if (command == NULL) {
        ask->answer = NGX_OHTTP_RELAY_STORE_UNKNOWN;
        return ngx_ohttp_relay_redis_finish(redis, ask);
    }

    command->ask = ask;
    command->copy = *ask;
    command->deadline = ngx_current_msec + redis->timeout;

    rc = ngx_ohttp_relay_redis_dispatch(worker, command);

    if (rc == NGX_AGAIN) {
        ask->pending = command;
        return NGX_AGAIN;
    }

    ngx_ohttp_relay_redis_free_command(worker, command);

    ask->answer = NGX_OHTTP_RELAY_STORE_UNKNOWN;

    if (rc == NGX_DECLINED
        && (kind == NGX_OHTTP_RELAY_REDIS_CLAIM
            || kind == NGX_OHTTP_RELAY_REDIS_TAKE))
    {
        ngx_ohttp_relay_redis_answer_locally(redis, ask);
    }

    return ngx_ohttp_relay_redis_finish(redis, ask);
}


static ngx_int_t
ngx_ohttp_relay_redis_finish(ngx_ohttp_relay_redis_t *redis,
    ngx_ohttp_relay_ask_t *ask)
{
    if (ask->answer == NGX_OHTTP_RELAY_STORE_UNKNOWN) {
        ngx_ohttp_relay_redis_add_figure(redis,
                                         NGX_OHTTP_RELAY_REDIS_UNKNOWNS);
    }

    return NGX_OK;
}


static void
ngx_ohttp_relay_redis_abandon(ngx_ohttp_relay_ask_t *ask)
{
    ngx_ohttp_relay_redis_command_t  *command;

    command = ask->pending;

    if (command) {
        command->ask = NULL;
        ask->pending = NULL;
    }
}


ngx_ohttp_relay_redis_command_t *
ngx_ohttp_relay_redis_create_command(ngx_ohttp_relay_redis_worker_t *worker,
    ngx_ohttp_relay_redis_kind_e kind)
{
    ngx_queue_t                      *q;
    ngx_ohttp_relay_redis_command_t  *command;

    if (!ngx_queue_empty(&worker->free)) {
        q = ngx_queue_head(&worker->free);
        ngx_queue_remove(q);
        command = ngx_queue_data(q, ngx_ohttp_relay_redis_command_t, queue);

    } else {
        command = ngx_alloc(sizeof(ngx_ohttp_relay_redis_command_t),
                            &worker->log);
        if (command == NULL) {
            return NULL;
        }
    }

    ngx_memzero(command, sizeof(ngx_ohttp_relay_redis_command_t));

    command->kind = kind;
    worker->pending++;

    return command;
}


void
ngx_ohttp_relay_redis_free_command(ngx_ohttp_relay_redis_worker_t *worker,
    ngx_ohttp_relay_redis_command_t *command)
{
    ngx_queue_insert_head(&worker->free, &command->queue);
    worker->pending--;
}


ngx_int_t
ngx_ohttp_relay_redis_dispatch(ngx_ohttp_relay_redis_worker_t *worker,
    ngx_ohttp_relay_redis_command_t *command)
{
    u_char                         tag[NGX_OHTTP_RELAY_REDIS_KEY];
    ngx_str_t                      name, encoded;
    ngx_ohttp_relay_redis_node_t  *node;

    if (!worker->redis->cluster) {
        return ngx_ohttp_relay_redis_submit(worker->nodes[0], command);
    }

    name.len = NGX_OHTTP_RELAY_STORE_NAME;
    name.data = command->copy.name;
    encoded.data = tag;

    ngx_encode_base64url(&encoded, &name);

    node = ngx_ohttp_relay_redis_find_node(worker, encoded.data, encoded.len);

    return node ? ngx_ohttp_relay_redis_submit(node, command) : NGX_DECLINED;
}


void
ngx_ohttp_relay_redis_try_again(ngx_ohttp_relay_redis_worker_t *worker,
    ngx_ohttp_relay_redis_command_t *command, ngx_uint_t sent)
{
    ngx_int_t  rc;

    if (command->kind >= NGX_OHTTP_RELAY_REDIS_IGNORED) {
        ngx_ohttp_relay_redis_free_command(worker, command);
        return;
    }

    if (!sent && !command->lost && command->ask == NULL
        && (command->kind == NGX_OHTTP_RELAY_REDIS_CLAIM
            || command->kind == NGX_OHTTP_RELAY_REDIS_TAKE))
    {
        /* it has granted nothing, and nobody waits for it */
        ngx_ohttp_relay_redis_free_command(worker, command);
        return;
    }

    if (sent) {

        /*
         * Whether it was carried out is not known.  With the same request id a
         * second try is exact, but not for a take, which would count twice.
         */

        if (command->lost || command->kind == NGX_OHTTP_RELAY_REDIS_TAKE) {
            ngx_ohttp_relay_redis_give_up(worker, command);
            return;
        }

        command->lost = 1;
    }

    command->redirected = 0;

    if ((ngx_msec_int_t) (command->deadline - ngx_current_msec) <= 0) {
        ngx_ohttp_relay_redis_give_up(worker, command);
        return;
    }

    rc = ngx_ohttp_relay_redis_dispatch(worker, command);

    if (rc == NGX_DECLINED) {
        ngx_ohttp_relay_redis_give_up(worker, command);

    } else if (rc == NGX_ERROR) {
        ngx_ohttp_relay_redis_complete(worker, command,
                                       NGX_OHTTP_RELAY_STORE_UNKNOWN);
    }
}


void
ngx_ohttp_relay_redis_give_up(ngx_ohttp_relay_redis_worker_t *worker,
    ngx_ohttp_relay_redis_command_t *command)
{
    command->copy.answer = NGX_OHTTP_RELAY_STORE_UNKNOWN;

    /* without an asker nothing is granted that would be given back at once */

    if (command->ask
        && (command->kind == NGX_OHTTP_RELAY_REDIS_CLAIM
            || command->kind == NGX_OHTTP_RELAY_REDIS_TAKE)
        && !worker->redis->shared->lost)
    {
        ngx_ohttp_relay_redis_answer_locally(worker->redis, &command->copy);
    }

    ngx_ohttp_relay_redis_complete(worker, command, command->copy.answer);
}


void
ngx_ohttp_relay_redis_complete(ngx_ohttp_relay_redis_worker_t *worker,
    ngx_ohttp_relay_redis_command_t *command,
    ngx_ohttp_relay_store_answer_e answer)
{
    if (command->kind == NGX_OHTTP_RELAY_REDIS_REPLAY) {
        ngx_ohttp_relay_redis_take_replay(worker, command,
                                          NGX_OHTTP_RELAY_REDIS_UNCLEAR);
        return;
    }

    command->copy.answer = answer;

    ngx_queue_insert_tail(&worker->done, &command->queue);
    ngx_post_event(&worker->deliver, &ngx_posted_events);
}


/* the only place from which the code of a request is called */

static void
ngx_ohttp_relay_redis_deliver(ngx_event_t *ev)
{
    ngx_queue_t                      *q, done;
    ngx_ohttp_relay_ask_t            *ask;
    ngx_ohttp_relay_redis_worker_t   *worker;
    ngx_ohttp_relay_redis_command_t  *command;

    worker = ev->data;

    /* handlers ask again: what they cause has its own turn */

    ngx_queue_init(&done);

    while (!ngx_queue_empty(&worker->done)) {
        q = ngx_queue_head(&worker->done);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&done, q);
    }

    while (!ngx_queue_empty(&done)) {
        q = ngx_queue_head(&done);
        ngx_queue_remove(q);

        command = ngx_queue_data(q, ngx_ohttp_relay_redis_command_t, queue);
        ask = command->ask;

        if (ask == NULL) {
            ngx_ohttp_relay_redis_give_back(worker, command);
            continue;
        }

        ask->answer = command->copy.answer;
        ask->used_up = command->copy.used_up;
        ask->retry_after = command->copy.retry_after;
        ask->unrecorded = command->copy.unrecorded;
        ask->pending = NULL;

        (void) ngx_ohttp_relay_redis_finish(worker->redis, ask);

        ngx_ohttp_relay_redis_free_command(worker, command);

        ask->handler(ask);
    }
}


/* the asker has gone: what it was granted goes back */

static void
ngx_ohttp_relay_redis_give_back(ngx_ohttp_relay_redis_worker_t *worker,
    ngx_ohttp_relay_redis_command_t *command)
{
    if (command->copy.answer != NGX_OHTTP_RELAY_STORE_GRANTED
        || (command->kind != NGX_OHTTP_RELAY_REDIS_CLAIM
            && command->kind != NGX_OHTTP_RELAY_REDIS_TAKE)
        || ngx_ohttp_relay_redis_refund_locally(worker->redis, &command->copy)
           != NGX_OHTTP_RELAY_STORE_WAITING)
    {
        ngx_ohttp_relay_redis_free_command(worker, command);
        return;
    }

    command->kind = command->kind == NGX_OHTTP_RELAY_REDIS_CLAIM
                    ? NGX_OHTTP_RELAY_REDIS_REFUND
                    : NGX_OHTTP_RELAY_REDIS_RETURN;
    command->deadline = ngx_current_msec + worker->redis->timeout;
    command->hops = 0;
    command->lost = 0;
    command->loaded = 0;
    command->redirected = 0;

    if (ngx_ohttp_relay_redis_dispatch(worker, command) != NGX_AGAIN) {
        ngx_ohttp_relay_redis_free_command(worker, command);
    }
}


static char *
ngx_ohttp_relay_redis_state(ngx_ohttp_relay_store_t *store)
{
    ngx_uint_t                       i, ready, connecting, mapped;
    ngx_ohttp_relay_redis_t         *redis;
    ngx_ohttp_relay_redis_node_t    *node;
    ngx_ohttp_relay_redis_worker_t  *worker;

    redis = store->data;
    worker = redis->worker;

    if (worker == NULL) {
        return "down";
    }

    if (redis->shared->lost) {
        return "data_loss";
    }

    ready = 0;
    mapped = 0;
    connecting = 0;

    for (i = 0; i < worker->nnodes; i++) {
        node = worker->nodes[i];

        if (node->condition == NGX_OHTTP_RELAY_REDIS_EVICTING) {
            return "evicting";
        }

        if (node->condition == NGX_OHTTP_RELAY_REDIS_MISCONFIGURED) {
            return "misconfigured";
        }

        mapped += node->mapped;
        ready += node->mapped && node->state == NGX_OHTTP_RELAY_REDIS_READY;
        connecting += node->hopeful
                      && node->state == NGX_OHTTP_RELAY_REDIS_CONNECTING;
    }

    for (i = 0; i < store->pins.nelts; i++) {
        if (worker->pins[i].condition == NGX_OHTTP_RELAY_REDIS_RAISED) {
            return "expiry_raised";
        }
    }

    if (ready && ready == mapped) {
        return "ok";
    }

    return connecting ? "connecting" : "down";
}


static ngx_ohttp_relay_store_figure_t *
ngx_ohttp_relay_redis_figures(ngx_ohttp_relay_store_t *store, ngx_uint_t *n)
{
    ngx_uint_t                       i;
    ngx_ohttp_relay_redis_t         *redis;
    ngx_ohttp_relay_redis_shared_t  *shared;

    redis = store->data;
    shared = redis->shared;

    for (i = 0; i < NGX_OHTTP_RELAY_REDIS_FIGURES; i++) {
        ngx_ohttp_relay_redis_table[i].value = shared->figures[i];
    }

    ngx_ohttp_relay_redis_table[NGX_OHTTP_RELAY_REDIS_JOURNAL_LENGTH].value =
                             shared->journal_last - shared->journal_first;

    *n = NGX_OHTTP_RELAY_REDIS_FIGURES;

    return ngx_ohttp_relay_redis_table;
}
