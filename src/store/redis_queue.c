
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "redis.h"


static ngx_uint_t ngx_ohttp_relay_redis_due(ngx_msec_t when);
static void ngx_ohttp_relay_redis_expire_waiting(
    ngx_ohttp_relay_redis_node_t *node);
static void ngx_ohttp_relay_redis_plan(ngx_ohttp_relay_redis_node_t *node,
    ngx_uint_t ready);


/* the timer is for the earliest deadline, or too early */

void
ngx_ohttp_relay_redis_arm(ngx_ohttp_relay_redis_node_t *node, ngx_msec_t when)
{
    ngx_msec_int_t  rest;

    if (node->deadline.timer_set) {

        if ((ngx_msec_int_t) (when - node->deadline.timer.key) >= 0) {
            return;
        }

        ngx_del_timer(&node->deadline);
    }

    rest = (ngx_msec_int_t) (when - ngx_current_msec);

    ngx_add_timer(&node->deadline, rest > 0 ? (ngx_msec_t) rest : 1);
}


void
ngx_ohttp_relay_redis_deadline_handler(ngx_event_t *ev)
{
    ngx_queue_t                      *q;
    ngx_ohttp_relay_redis_node_t     *node;
    ngx_ohttp_relay_redis_command_t  *command;

    node = ev->data;

    ngx_ohttp_relay_redis_expire_waiting(node);

    if (node->state == NGX_OHTTP_RELAY_REDIS_CONNECTING) {

        if (ngx_ohttp_relay_redis_due(node->connect)) {
            ngx_ohttp_relay_redis_fail(node, "does not answer in time");
            return;
        }

        ngx_ohttp_relay_redis_arm(node, node->connect);

    } else if (!ngx_queue_empty(&node->sent)) {

        q = ngx_queue_head(&node->sent);
        command = ngx_queue_data(q, ngx_ohttp_relay_redis_command_t, queue);

        if (ngx_ohttp_relay_redis_due(command->deadline)) {
            ngx_ohttp_relay_redis_add_figure(node->worker->redis,
                                             NGX_OHTTP_RELAY_REDIS_TIMEOUTS);
            ngx_ohttp_relay_redis_fail(node, "does not answer in time");
            return;
        }

        ngx_ohttp_relay_redis_arm(node, command->deadline);
    }
}


static ngx_uint_t
ngx_ohttp_relay_redis_due(ngx_msec_t when)
{
    return (ngx_msec_int_t) (when - ngx_current_msec) <= 0;
}


static void
ngx_ohttp_relay_redis_expire_waiting(ngx_ohttp_relay_redis_node_t *node)
{
    ngx_queue_t                      *q;
    ngx_ohttp_relay_redis_command_t  *command;

    while (!ngx_queue_empty(&node->waiting)) {

        q = ngx_queue_head(&node->waiting);
        command = ngx_queue_data(q, ngx_ohttp_relay_redis_command_t, queue);

        if (!ngx_ohttp_relay_redis_due(command->deadline)) {
            ngx_ohttp_relay_redis_arm(node, command->deadline);
            return;
        }

        ngx_queue_remove(q);

        /* nobody waits in vain any more, until there is a connection */

        node->hopeful = 0;

        ngx_ohttp_relay_redis_give_up(node->worker, command);
    }
}


void
ngx_ohttp_relay_redis_pause_handler(ngx_event_t *ev)
{
    ngx_ohttp_relay_redis_node_t  *node;

    node = ev->data;

    if (ngx_exiting) {
        return;
    }

    if (node->state == NGX_OHTTP_RELAY_REDIS_DOWN) {
        ngx_ohttp_relay_redis_connect(node);
        return;
    }

    if (node->state != NGX_OHTTP_RELAY_REDIS_READY || node->checks) {
        return;
    }

    ngx_ohttp_relay_redis_start_checks(node);

    if (node->broken) {
        ngx_ohttp_relay_redis_fail(node, node->broken);
    }
}


void
ngx_ohttp_relay_redis_fail(ngx_ohttp_relay_redis_node_t *node, char *reason)
{
    ngx_uint_t                       ready;
    ngx_queue_t                      sent, waiting;
    ngx_ohttp_relay_redis_worker_t  *worker;

    worker = node->worker;
    ready = node->state == NGX_OHTTP_RELAY_REDIS_READY;

    if (!node->quiet) {
        ngx_log_error(NGX_LOG_ERR, &worker->log, 0, "redis %V %s%s",
                      &node->name, reason,
                      ready ? "" : ", questions cannot be asked");
    }

    ngx_ohttp_relay_redis_disconnect(node);

    ngx_ohttp_relay_redis_move(&sent, &node->sent);
    ngx_ohttp_relay_redis_move(&waiting, &node->waiting);

    ngx_ohttp_relay_redis_plan(node, ready);

    /* one by one, and not from the node's own queues, which they may join */

    ngx_ohttp_relay_redis_try_all(worker, &sent, 1);
    ngx_ohttp_relay_redis_try_all(worker, &waiting, 0);
}


/*
 * A connection that was good is made again at once, so that questions whose
 * replies were lost can be asked once more.  All others wait, all workers for
 * different times.
 */

static void
ngx_ohttp_relay_redis_plan(ngx_ohttp_relay_redis_node_t *node,
    ngx_uint_t ready)
{
    ngx_msec_t                       pause;
    ngx_ohttp_relay_redis_t         *redis;
    ngx_ohttp_relay_redis_server_t  *server;
    ngx_ohttp_relay_redis_worker_t  *worker;

    worker = node->worker;
    redis = worker->redis;

    ngx_ohttp_relay_redis_add_figure(redis, NGX_OHTTP_RELAY_REDIS_RECONNECTS);

    if (redis->cluster) {
        ngx_ohttp_relay_redis_refresh(worker);

        if (!node->mapped) {
            ngx_ohttp_relay_redis_drop_node(node);
            return;
        }
    }

    if (ready && node->failures == 0) {
        node->failures = 1;
        node->hopeful = 1;
        ngx_ohttp_relay_redis_connect(node);
        return;
    }

    /* the server's name is told; from here on only that it is back */

    node->quiet = 1;
    node->hopeful = 0;
    node->log.log_level = NGX_LOG_ALERT;

    if (!redis->cluster && redis->servers.nelts > 1) {
        server = redis->servers.elts;
        worker->server = (worker->server + 1) % redis->servers.nelts;
        server += worker->server;

        ngx_ohttp_relay_redis_set_address(node, server->addr.sockaddr,
                                          server->addr.socklen,
                                          &server->host);
    }

    pause = NGX_OHTTP_RELAY_REDIS_PAUSE << ngx_min(node->failures, 6);
    pause = ngx_min(pause, NGX_OHTTP_RELAY_REDIS_PAUSE_MAX);
    pause = pause / 2 + (ngx_msec_t) ngx_random() % pause;

    node->failures++;

    if (node->pause.timer_set) {
        ngx_del_timer(&node->pause);
    }

    ngx_add_timer(&node->pause, pause);
}


void
ngx_ohttp_relay_redis_move(ngx_queue_t *to, ngx_queue_t *from)
{
    ngx_queue_init(to);

    if (!ngx_queue_empty(from)) {
        ngx_queue_add(to, from);
        ngx_queue_init(from);
    }
}


void
ngx_ohttp_relay_redis_try_all(ngx_ohttp_relay_redis_worker_t *worker,
    ngx_queue_t *queue, ngx_uint_t sent)
{
    ngx_queue_t                      *q;
    ngx_ohttp_relay_redis_command_t  *command;

    while (!ngx_queue_empty(queue)) {
        q = ngx_queue_head(queue);
        ngx_queue_remove(q);

        command = ngx_queue_data(q, ngx_ohttp_relay_redis_command_t, queue);

        ngx_ohttp_relay_redis_try_again(worker, command, sent);
    }
}


void
ngx_ohttp_relay_redis_set_ready(ngx_ohttp_relay_redis_node_t *node)
{
    ngx_queue_t  waiting;

    node->state = NGX_OHTTP_RELAY_REDIS_READY;
    node->log.log_level = node->worker->log.log_level;

    if (node->quiet) {
        node->quiet = 0;
        ngx_log_error(NGX_LOG_NOTICE, &node->worker->log, 0,
                      "redis %V is connected again", &node->name);
    }

    ngx_ohttp_relay_redis_move(&waiting, &node->waiting);
    ngx_ohttp_relay_redis_try_all(node->worker, &waiting, 0);
}


ngx_int_t
ngx_ohttp_relay_redis_submit(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command)
{
    ngx_str_t  asking;

    if (node->dropped || node->broken) {
        return NGX_DECLINED;
    }

    if (node->state == NGX_OHTTP_RELAY_REDIS_DOWN && node->hopeful
        && ngx_exiting)
    {
        /* it was closed as an idle one, and is needed once more */
        ngx_ohttp_relay_redis_connect(node);
    }

    if (node->state == NGX_OHTTP_RELAY_REDIS_CONNECTING && node->hopeful) {
        ngx_queue_insert_tail(&node->waiting, &command->queue);
        ngx_ohttp_relay_redis_arm(node, command->deadline);
        return NGX_AGAIN;
    }

    if (node->state != NGX_OHTTP_RELAY_REDIS_READY) {
        return node->condition > NGX_OHTTP_RELAY_REDIS_SOUND ? NGX_ERROR
                                                             : NGX_DECLINED;
    }

    if (node->condition != NGX_OHTTP_RELAY_REDIS_SOUND
        || ngx_ohttp_relay_redis_raised(node->worker, command->copy.group))
    {
        return NGX_ERROR;
    }

    ngx_ohttp_relay_redis_count(node);

    if (command->redirected) {
        ngx_str_set(&asking, "ASKING");

        if (ngx_ohttp_relay_redis_send(node, NGX_OHTTP_RELAY_REDIS_IGNORED,
                                       &asking, 1)
            == NULL)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_ohttp_relay_redis_write_command(node, command) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_queue_insert_tail(&node->sent, &command->queue);
    ngx_ohttp_relay_redis_arm(node, command->deadline);

    node->connection->idle = 0;

    if (node->connection->write->ready) {
        ngx_post_event(node->connection->write, &ngx_posted_events);
    }

    return NGX_AGAIN;
}


ngx_ohttp_relay_redis_command_t *
ngx_ohttp_relay_redis_send(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_kind_e kind, ngx_str_t *arguments, ngx_uint_t n)
{
    ngx_ohttp_relay_redis_command_t  *command;

    command = ngx_ohttp_relay_redis_create_command(node->worker, kind);
    if (command == NULL) {
        return NULL;
    }

    if (ngx_ohttp_relay_redis_write(node, arguments, n) != NGX_OK) {
        ngx_ohttp_relay_redis_free_command(node->worker, command);
        return NULL;
    }

    command->deadline = ngx_current_msec + node->worker->redis->timeout;

    ngx_queue_insert_tail(&node->sent, &command->queue);

    if (node->state == NGX_OHTTP_RELAY_REDIS_READY) {
        ngx_ohttp_relay_redis_arm(node, command->deadline);
    }

    node->connection->idle = 0;

    if (node->connection->write->ready) {
        ngx_post_event(node->connection->write, &ngx_posted_events);
    }

    return command;
}
