
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/rand.h>

#include "redis.h"


/* the first version that has SET with both NX and GET */
#define NGX_OHTTP_RELAY_REDIS_MAJOR  7


static void ngx_ohttp_relay_redis_log_in(ngx_ohttp_relay_redis_node_t *node);
static void ngx_ohttp_relay_redis_check(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_kind_e kind, ngx_str_t *arguments, ngx_uint_t n);
static void ngx_ohttp_relay_redis_start_second(
    ngx_ohttp_relay_redis_node_t *node);
static ngx_uint_t ngx_ohttp_relay_redis_has_marker(
    ngx_ohttp_relay_redis_node_t *node, ngx_uint_t number);
static void ngx_ohttp_relay_redis_ask_marker(
    ngx_ohttp_relay_redis_node_t *node, ngx_uint_t number, ngx_uint_t round);
static ngx_str_t ngx_ohttp_relay_redis_marker_key(
    ngx_ohttp_relay_redis_node_t *node, ngx_uint_t number, char *name,
    u_char *buf);
static void ngx_ohttp_relay_redis_ask_pins(ngx_ohttp_relay_redis_node_t *node);
static void ngx_ohttp_relay_redis_expect(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command, ngx_uint_t round);
static void ngx_ohttp_relay_redis_see(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command,
    ngx_ohttp_relay_redis_reply_t *reply);
static void ngx_ohttp_relay_redis_see_error(
    ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command,
    ngx_ohttp_relay_redis_reply_t *reply,
    ngx_ohttp_relay_redis_error_e error);
static void ngx_ohttp_relay_redis_see_info(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_reply_t *reply);
static ngx_uint_t ngx_ohttp_relay_redis_is_recent(
    ngx_ohttp_relay_redis_reply_t *reply);
static ngx_uint_t ngx_ohttp_relay_redis_info_is(
    ngx_ohttp_relay_redis_reply_t *reply, char *name, char *value);
static void ngx_ohttp_relay_redis_see_time(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_reply_t *reply);
static void ngx_ohttp_relay_redis_see_epoch(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command,
    ngx_ohttp_relay_redis_reply_t *reply);
static void ngx_ohttp_relay_redis_see_pin(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command,
    ngx_ohttp_relay_redis_reply_t *reply);
static void ngx_ohttp_relay_redis_find(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_condition_e condition, char *text);
static void ngx_ohttp_relay_redis_conclude(
    ngx_ohttp_relay_redis_node_t *node);
static void ngx_ohttp_relay_redis_finish_checks(
    ngx_ohttp_relay_redis_node_t *node);
static void ngx_ohttp_relay_redis_tell(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_condition_e condition);


/* what a command is for, to tell which right is missing */

static char  *ngx_ohttp_relay_redis_refused[] = {
    NULL, NULL, NULL, NULL, NULL, NULL,
    "refuses the user, the password or the database",
    "does not let this user run INFO",
    "does not let this user run TIME",
    "does not let this user run CLUSTER SLOTS",
    "does not let this user run SCRIPT LOAD",
    "does not let this user run SET and GET with this prefix",
    "does not let this user run INCR with this prefix",
    "does not let this user run SET and GET with this prefix"
};


void
ngx_ohttp_relay_redis_start_checks(ngx_ohttp_relay_redis_node_t *node)
{
    ngx_str_t  argument[2];

    node->found = NGX_OHTTP_RELAY_REDIS_SOUND;
    node->reason = "";
    node->second = 0;
    node->login = 0;
    node->checks = 0;

    if (node->state == NGX_OHTTP_RELAY_REDIS_CONNECTING) {
        ngx_ohttp_relay_redis_log_in(node);
    }

    ngx_str_set(&argument[0], "INFO");
    ngx_ohttp_relay_redis_check(node, NGX_OHTTP_RELAY_REDIS_INFO, argument, 1);

    ngx_str_set(&argument[0], "TIME");
    ngx_ohttp_relay_redis_check(node, NGX_OHTTP_RELAY_REDIS_TIME, argument, 1);

    if (node->worker->redis->cluster) {
        ngx_str_set(&argument[0], "CLUSTER");
        ngx_str_set(&argument[1], "SLOTS");
        ngx_ohttp_relay_redis_check(node, NGX_OHTTP_RELAY_REDIS_MAP, argument,
                                    2);
    }
}


static void
ngx_ohttp_relay_redis_log_in(ngx_ohttp_relay_redis_node_t *node)
{
    u_char                    buf[NGX_INT_T_LEN];
    ngx_str_t                 argument[3];
    ngx_uint_t                n;
    ngx_ohttp_relay_redis_t  *redis;

    redis = node->worker->redis;

    if (redis->password.len) {
        ngx_str_set(&argument[0], "AUTH");
        n = 1;

        if (redis->user.len) {
            argument[n++] = redis->user;
        }

        argument[n++] = redis->password;

        ngx_ohttp_relay_redis_check(node, NGX_OHTTP_RELAY_REDIS_LOGIN,
                                    argument, n);
    }

    if (redis->db > 0) {
        ngx_str_set(&argument[0], "SELECT");
        argument[1].data = buf;
        argument[1].len = ngx_sprintf(buf, "%i", redis->db) - buf;

        ngx_ohttp_relay_redis_check(node, NGX_OHTTP_RELAY_REDIS_LOGIN,
                                    argument, 2);
    }
}


static void
ngx_ohttp_relay_redis_check(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_kind_e kind, ngx_str_t *arguments, ngx_uint_t n)
{
    ngx_ohttp_relay_redis_expect(node,
                     ngx_ohttp_relay_redis_send(node, kind, arguments, n), 1);
}


/* these write, and are asked of a server that is fit to be written to */

static void
ngx_ohttp_relay_redis_start_second(ngx_ohttp_relay_redis_node_t *node)
{
    ngx_uint_t  i;

    node->second = 1;

    if (node->state == NGX_OHTTP_RELAY_REDIS_CONNECTING) {
        ngx_ohttp_relay_redis_load_scripts(node, NGX_OHTTP_RELAY_REDIS_SCRIPT);
    }

    for (i = 0; i < NGX_OHTTP_RELAY_REDIS_MARKERS; i++) {
        if (ngx_ohttp_relay_redis_has_marker(node, i)) {
            ngx_ohttp_relay_redis_ask_marker(node, i, 1);
        }
    }

    ngx_ohttp_relay_redis_ask_pins(node);

    if (node->checks == 0) {
        ngx_ohttp_relay_redis_conclude(node);
    }
}


static ngx_uint_t
ngx_ohttp_relay_redis_has_marker(ngx_ohttp_relay_redis_node_t *node,
    ngx_uint_t number)
{
    ngx_ohttp_relay_redis_worker_t  *worker;

    worker = node->worker;

    if (!worker->redis->cluster) {
        return number == 0;
    }

    return worker->slots[worker->markers[number].slot] == node;
}


static void
ngx_ohttp_relay_redis_ask_marker(ngx_ohttp_relay_redis_node_t *node,
    ngx_uint_t number, ngx_uint_t round)
{
    u_char                            buf[NGX_OHTTP_RELAY_REDIS_KEY];
    u_char                            random[NGX_OHTTP_RELAY_REDIS_MARKER / 2];
    u_char                            value[NGX_OHTTP_RELAY_REDIS_MARKER];
    ngx_str_t                         argument[5];
    ngx_ohttp_relay_redis_command_t  *command;

    if (RAND_bytes(random, sizeof(random)) != 1) {
        node->broken = "gets no random bytes here";
        return;
    }

    (void) ngx_hex_dump(value, random, sizeof(random));

    ngx_str_set(&argument[0], "SET");
    argument[1] = ngx_ohttp_relay_redis_marker_key(node, number, "epoch", buf);
    argument[2].data = value;
    argument[2].len = sizeof(value);
    ngx_str_set(&argument[3], "NX");
    ngx_str_set(&argument[4], "GET");

    command = ngx_ohttp_relay_redis_send(node, NGX_OHTTP_RELAY_REDIS_EPOCH,
                                         argument, 5);
    ngx_ohttp_relay_redis_expect(node, command, round);

    if (command) {
        command->number = number;
        ngx_memcpy(command->copy.name, value, sizeof(value));
    }

    ngx_str_set(&argument[0], "INCR");
    argument[1] = ngx_ohttp_relay_redis_marker_key(node, number, "count", buf);

    command = ngx_ohttp_relay_redis_send(node, NGX_OHTTP_RELAY_REDIS_COUNT,
                                         argument, 2);
    ngx_ohttp_relay_redis_expect(node, command, round);

    if (command) {
        command->number = number;
        command->value = node->worker->redis->shared->markers[number].count;
    }
}


static ngx_str_t
ngx_ohttp_relay_redis_marker_key(ngx_ohttp_relay_redis_node_t *node,
    ngx_uint_t number, char *name, u_char *buf)
{
    u_char                          *p;
    ngx_str_t                        key;
    ngx_ohttp_relay_redis_worker_t  *worker;

    worker = node->worker;

    p = ngx_sprintf(buf, "%V:%s", &worker->redis->prefix, name);

    if (worker->redis->cluster) {
        p = ngx_sprintf(p, ":{%*s}", worker->markers[number].len,
                        worker->markers[number].tag);
    }

    key.data = buf;
    key.len = p - buf;

    return key;
}


static void
ngx_ohttp_relay_redis_ask_pins(ngx_ohttp_relay_redis_node_t *node)
{
    u_char                            buf[NGX_OHTTP_RELAY_REDIS_KEY], *tag;
    u_char                            time[NGX_INT64_LEN];
    ngx_str_t                         argument[5];
    ngx_uint_t                        i;
    ngx_array_t                      *pins;
    ngx_ohttp_relay_redis_t          *redis;
    ngx_ohttp_relay_store_pin_t      *pin;
    ngx_ohttp_relay_redis_command_t  *command;

    redis = node->worker->redis;
    pins = &redis->store->pins;
    pin = pins->elts;

    ngx_str_set(&argument[0], "SET");
    ngx_str_set(&argument[3], "NX");
    ngx_str_set(&argument[4], "GET");

    for (i = 0; i < pins->nelts; i++) {

        argument[1].data = buf;
        argument[1].len = ngx_ohttp_relay_redis_write_key(redis, buf, "k",
                                                pin[i].group,
                                                NGX_OHTTP_RELAY_STORE_GROUP)
                          - buf;

        tag = (u_char *) ngx_strlchr(buf, buf + argument[1].len, '{') + 1;

        if (redis->cluster
            && ngx_ohttp_relay_redis_find_node(node->worker, tag,
                                         buf + argument[1].len - 1 - tag)
               != node)
        {
            continue;
        }

        argument[2].data = time;
        argument[2].len = ngx_sprintf(time, "%T", pin[i].expires) - time;

        command = ngx_ohttp_relay_redis_send(node, NGX_OHTTP_RELAY_REDIS_PIN,
                                             argument, 5);
        ngx_ohttp_relay_redis_expect(node, command, 1);

        if (command) {
            command->number = i;
        }
    }
}


static void
ngx_ohttp_relay_redis_expect(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command, ngx_uint_t round)
{
    if (command == NULL) {
        node->broken = "has no memory here";
        return;
    }

    if (round) {
        command->round = 1;
        node->checks++;
    }
}


void
ngx_ohttp_relay_redis_count(ngx_ohttp_relay_redis_node_t *node)
{
    ngx_uint_t  i;

    if (ngx_current_msec - node->counted < NGX_OHTTP_RELAY_REDIS_BEAT) {
        return;
    }

    node->counted = ngx_current_msec;

    for (i = 0; i < NGX_OHTTP_RELAY_REDIS_MARKERS; i++) {
        if (ngx_ohttp_relay_redis_has_marker(node, i)) {
            ngx_ohttp_relay_redis_ask_marker(node, i, 0);
            break;
        }
    }
}


void
ngx_ohttp_relay_redis_take_check(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command,
    ngx_ohttp_relay_redis_reply_t *reply)
{
    ngx_uint_t                     round;
    ngx_ohttp_relay_redis_error_e  error;

    round = command->round;
    error = ngx_ohttp_relay_redis_sort_error(reply);

    if (error == NGX_OHTTP_RELAY_REDIS_FINE) {
        ngx_ohttp_relay_redis_see(node, command, reply);

    } else {
        ngx_ohttp_relay_redis_see_error(node, command, reply, error);
    }

    ngx_ohttp_relay_redis_free_command(node->worker, command);

    if (round && --node->checks == 0) {
        ngx_ohttp_relay_redis_conclude(node);
    }
}


static void
ngx_ohttp_relay_redis_see(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command,
    ngx_ohttp_relay_redis_reply_t *reply)
{
    switch (command->kind) {

    case NGX_OHTTP_RELAY_REDIS_INFO:
        ngx_ohttp_relay_redis_see_info(node, reply);
        break;

    case NGX_OHTTP_RELAY_REDIS_TIME:
        ngx_ohttp_relay_redis_see_time(node, reply);
        break;

    case NGX_OHTTP_RELAY_REDIS_MAP:

        if (ngx_ohttp_relay_redis_read_map(node, reply) != NGX_OK) {
            ngx_ohttp_relay_redis_find(node, NGX_OHTTP_RELAY_REDIS_UNFIT,
                                       "has no usable map of the cluster");
        }

        break;

    case NGX_OHTTP_RELAY_REDIS_EPOCH:
        ngx_ohttp_relay_redis_see_epoch(node, command, reply);
        break;

    case NGX_OHTTP_RELAY_REDIS_COUNT:

        if (reply->type == NGX_OHTTP_RELAY_REDIS_INTEGER
            && reply->integer > 0)
        {
            ngx_ohttp_relay_redis_see_count(node, command->number,
                                            command->value, reply->integer);

        } else {
            ngx_ohttp_relay_redis_test_step(node, 0);
        }

        break;

    case NGX_OHTTP_RELAY_REDIS_PIN:
        ngx_ohttp_relay_redis_see_pin(node, command, reply);
        break;

    default: /* OK, or the name of a script */
        break;
    }
}


static void
ngx_ohttp_relay_redis_see_error(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command,
    ngx_ohttp_relay_redis_reply_t *reply, ngx_ohttp_relay_redis_error_e error)
{
    if (command->kind == NGX_OHTTP_RELAY_REDIS_LOGIN) {
        node->login = 1;
        ngx_ohttp_relay_redis_find(node, NGX_OHTTP_RELAY_REDIS_MISCONFIGURED,
                                ngx_ohttp_relay_redis_refused[command->kind]);
        return;
    }

    if (command->kind == NGX_OHTTP_RELAY_REDIS_IGNORED) {
        return;
    }

    switch (error) {

    case NGX_OHTTP_RELAY_REDIS_MOVED:
    case NGX_OHTTP_RELAY_REDIS_ASK:

        if (node->worker->redis->cluster) {
            /* the slot is on its way to another server, with its marker */
            ngx_ohttp_relay_redis_refresh(node->worker);

        } else {
            ngx_ohttp_relay_redis_find(node,
                              NGX_OHTTP_RELAY_REDIS_MISCONFIGURED,
                              "is part of a cluster: \"cluster\" is missing");
        }

        break;

    case NGX_OHTTP_RELAY_REDIS_AWAY:
    case NGX_OHTTP_RELAY_REDIS_LATER:
        ngx_ohttp_relay_redis_find(node, NGX_OHTTP_RELAY_REDIS_UNFIT,
                                   "is loading, busy, or a replica");
        break;

    case NGX_OHTTP_RELAY_REDIS_FORBIDDEN:

        ngx_ohttp_relay_redis_find(node, NGX_OHTTP_RELAY_REDIS_MISCONFIGURED,
                                   reply->len > 6
                                   && ngx_memcmp(reply->data, "NOAUTH", 6) == 0
                                   ? "wants a user or a password"
                                   : ngx_ohttp_relay_redis_refused[
                                                             command->kind]);
        break;

    default:
        ngx_ohttp_relay_redis_find(node, NGX_OHTTP_RELAY_REDIS_MISCONFIGURED,
                                   "fails in the checks: full, unable to save "
                                   "its data, or of another kind");
    }
}


static void
ngx_ohttp_relay_redis_see_info(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_reply_t *reply)
{
    ngx_ohttp_relay_redis_t  *redis;

    redis = node->worker->redis;

    if (!ngx_ohttp_relay_redis_info_is(reply, "loading", "0")) {
        ngx_ohttp_relay_redis_find(node, NGX_OHTTP_RELAY_REDIS_UNFIT,
                                   "is loading its data");
    }

    if (node->mapped
        && !ngx_ohttp_relay_redis_info_is(reply, "role", "master"))
    {
        ngx_ohttp_relay_redis_find(node, NGX_OHTTP_RELAY_REDIS_UNFIT,
                                   "is a replica");
    }

    if (!ngx_ohttp_relay_redis_is_recent(reply)) {
        ngx_ohttp_relay_redis_find(node, NGX_OHTTP_RELAY_REDIS_MISCONFIGURED,
                                   "is older than Redis 7.0");
    }

    if (redis->cluster
        != ngx_ohttp_relay_redis_info_is(reply, "cluster_enabled", "1"))
    {
        ngx_ohttp_relay_redis_find(node, NGX_OHTTP_RELAY_REDIS_MISCONFIGURED,
                                redis->cluster
                                ? "is not part of a cluster"
                                : "is part of a cluster: \"cluster\" is "
                                  "missing");
    }

    if (!ngx_ohttp_relay_redis_info_is(reply, "maxmemory_policy",
                                       "noeviction"))
    {
        ngx_ohttp_relay_redis_find(node, NGX_OHTTP_RELAY_REDIS_EVICTING,
                                   "may evict what was spent: its "
                                   "maxmemory-policy is not noeviction");
    }

    if (!ngx_ohttp_relay_redis_info_is(reply, "aof_enabled", "1")
        && ngx_ohttp_relay_redis_note(redis, node->name.data,
                                      node->name.len - 1,
                                      NGX_OHTTP_RELAY_REDIS_LOST))
    {
        ngx_log_error(NGX_LOG_WARN, &node->worker->log, 0,
                      "redis %V writes no append-only file: a restart can "
                      "forget what was spent", &node->name);
    }
}


static ngx_uint_t
ngx_ohttp_relay_redis_is_recent(ngx_ohttp_relay_redis_reply_t *reply)
{
    size_t         len, i;
    int64_t        major;
    const u_char  *value;

    /* Valkey calls itself Redis 7.2 beside that */

    if (ngx_ohttp_relay_redis_find_info(reply, "valkey_version", &len)) {
        return 1;
    }

    value = ngx_ohttp_relay_redis_find_info(reply, "redis_version", &len);

    if (value == NULL) {
        return 0;
    }

    for (i = 0; i < len && value[i] != '.'; i++) {
        /* void */
    }

    major = ngx_ohttp_relay_redis_read_number(value, i);

    return major >= NGX_OHTTP_RELAY_REDIS_MAJOR;
}


static ngx_uint_t
ngx_ohttp_relay_redis_info_is(ngx_ohttp_relay_redis_reply_t *reply,
    char *name, char *value)
{
    size_t         len;
    const u_char  *found;

    found = ngx_ohttp_relay_redis_find_info(reply, name, &len);

    return found && len == ngx_strlen(value)
           && ngx_memcmp(found, value, len) == 0;
}


static void
ngx_ohttp_relay_redis_see_time(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_reply_t *reply)
{
    int64_t  seconds;

    seconds = -1;

    if (reply->type == NGX_OHTTP_RELAY_REDIS_ARRAY && reply->len == 2
        && reply->elements[0]->type == NGX_OHTTP_RELAY_REDIS_STRING)
    {
        seconds = ngx_ohttp_relay_redis_read_number(reply->elements[0]->data,
                                                    reply->elements[0]->len);
    }

    if (seconds < ngx_time() - NGX_OHTTP_RELAY_STORE_MARGIN / 2
        || seconds > ngx_time() + NGX_OHTTP_RELAY_STORE_MARGIN / 2)
    {
        ngx_ohttp_relay_redis_find(node, NGX_OHTTP_RELAY_REDIS_MISCONFIGURED,
                                   "has another time than this machine");
    }
}


static void
ngx_ohttp_relay_redis_see_epoch(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command,
    ngx_ohttp_relay_redis_reply_t *reply)
{
    u_char  value[NGX_OHTTP_RELAY_REDIS_MARKER];

    /* there was none: what we have sent is the marker now */

    if (reply->type == NGX_OHTTP_RELAY_REDIS_NIL) {
        ngx_ohttp_relay_redis_see_marker(node, command->number,
                                         command->copy.name);
        return;
    }

    if (reply->type != NGX_OHTTP_RELAY_REDIS_STRING) {
        ngx_ohttp_relay_redis_test_step(node, 0);
        return;
    }

    ngx_memzero(value, sizeof(value));
    ngx_memcpy(value, reply->data, ngx_min(reply->len, sizeof(value)));

    ngx_ohttp_relay_redis_see_marker(node, command->number, value);
}


static void
ngx_ohttp_relay_redis_see_pin(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command,
    ngx_ohttp_relay_redis_reply_t *reply)
{
    int64_t                             first;
    ngx_ohttp_relay_redis_t            *redis;
    ngx_ohttp_relay_redis_pin_t        *seen;
    ngx_ohttp_relay_store_pin_t        *pin;
    ngx_ohttp_relay_redis_condition_e   condition;

    redis = node->worker->redis;
    pin = redis->store->pins.elts;
    pin += command->number;

    condition = NGX_OHTTP_RELAY_REDIS_SOUND;
    first = pin->expires;

    if (reply->type != NGX_OHTTP_RELAY_REDIS_NIL) {

        first = reply->type == NGX_OHTTP_RELAY_REDIS_STRING
                ? ngx_ohttp_relay_redis_read_number(reply->data, reply->len)
                : -1;

        if (first < pin->expires) {
            condition = NGX_OHTTP_RELAY_REDIS_RAISED;
        }
    }

    seen = &node->worker->pins[command->number];

    seen->condition = condition;
    seen->first = first;

    if (!ngx_ohttp_relay_redis_note(redis, pin->group,
                                    NGX_OHTTP_RELAY_STORE_GROUP, condition))
    {
        return;
    }

    if (condition == NGX_OHTTP_RELAY_REDIS_RAISED) {
        ngx_log_error(NGX_LOG_CRIT, &node->worker->log, 0,
                      "the expiry of \"%V\" has been raised: what is spent "
                      "would be forgotten before, nothing of it can be claimed",
                      &pin->label);

    } else {
        ngx_log_error(NGX_LOG_NOTICE, &node->worker->log, 0,
                      "the expiry of \"%V\" is the first one again",
                      &pin->label);
    }
}


/* the gravest of what is found counts */

static void
ngx_ohttp_relay_redis_find(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_condition_e condition, char *text)
{
    if (condition > node->found) {
        node->found = condition;
        node->reason = text;
    }
}


static void
ngx_ohttp_relay_redis_conclude(ngx_ohttp_relay_redis_node_t *node)
{
    if (node->broken) {
        return;
    }

    if (node->found == NGX_OHTTP_RELAY_REDIS_UNFIT) {
        node->broken = node->reason;
        return;
    }

    if (node->login) {
        ngx_ohttp_relay_redis_tell(node, node->found);
        node->condition = node->found;
        node->broken = node->reason;
        return;
    }

    if (!node->mapped) {

        /* it has told of the cluster's masters and is not one of them */

        ngx_ohttp_relay_redis_tell(node, node->found);
        ngx_ohttp_relay_redis_drop_node(node);
        return;
    }

    if (!node->second && node->found != NGX_OHTTP_RELAY_REDIS_MISCONFIGURED) {
        ngx_ohttp_relay_redis_start_second(node);
        return;
    }

    ngx_ohttp_relay_redis_finish_checks(node);
}


static void
ngx_ohttp_relay_redis_finish_checks(ngx_ohttp_relay_redis_node_t *node)
{
    ngx_ohttp_relay_redis_worker_t  *worker;

    worker = node->worker;

    ngx_ohttp_relay_redis_tell(node, node->found);

    node->condition = node->found;

    if (node->pause.timer_set) {
        ngx_del_timer(&node->pause);
    }

    ngx_add_timer(&node->pause, NGX_OHTTP_RELAY_REDIS_RECHECK
                                - (ngx_msec_t) ngx_random()
                                  % (NGX_OHTTP_RELAY_REDIS_RECHECK / 4));

    if (node->state == NGX_OHTTP_RELAY_REDIS_CONNECTING) {
        ngx_ohttp_relay_redis_set_ready(node);

    } else {
        node->failures = 0;
    }

    if (node->condition == NGX_OHTTP_RELAY_REDIS_SOUND) {
        worker->redis->shared->recovered = 1;
        ngx_ohttp_relay_redis_replay(worker);
    }
}


/* once for all workers, and again when it has changed */

static void
ngx_ohttp_relay_redis_tell(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_condition_e condition)
{
    if (!ngx_ohttp_relay_redis_note(node->worker->redis, node->name.data,
                                    node->name.len, condition))
    {
        return;
    }

    if (condition == NGX_OHTTP_RELAY_REDIS_SOUND) {
        ngx_log_error(NGX_LOG_NOTICE, &node->worker->log, 0,
                      "redis %V is as it must be again", &node->name);

    } else {
        ngx_log_error(NGX_LOG_CRIT, &node->worker->log, 0,
                      "redis %V %s: nothing can be claimed", &node->name,
                      node->reason);
    }
}
