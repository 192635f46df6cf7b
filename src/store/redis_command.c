
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_sha1.h>

#include "redis.h"


/* the longest decimal number of a header, with its mark and CRLF */
#define NGX_OHTTP_RELAY_REDIS_HEADER  (1 + NGX_SIZE_T_LEN + 2)

/* seconds for which a bucket stays when it is idle */
#define NGX_OHTTP_RELAY_REDIS_IDLE    10


typedef struct {
    char       *text;
    u_char      sha[NGX_OHTTP_RELAY_REDIS_SHA];
} ngx_ohttp_relay_redis_script_t;


static void ngx_ohttp_relay_redis_write_claim(
    ngx_ohttp_relay_redis_command_t *command, ngx_str_t *argument,
    ngx_uint_t *n);
static ngx_ohttp_relay_redis_script_t *ngx_ohttp_relay_redis_find_script(
    ngx_ohttp_relay_redis_kind_e kind);
static ngx_int_t ngx_ohttp_relay_redis_write_script(
    ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command);
static time_t ngx_ohttp_relay_redis_until(
    ngx_ohttp_relay_redis_worker_t *worker, ngx_ohttp_relay_ask_t *ask);
static int64_t ngx_ohttp_relay_redis_refunds(ngx_ohttp_relay_ask_t *ask);
static void ngx_ohttp_relay_redis_add_number(ngx_str_t *argument,
    u_char **p, int64_t number);
static u_char *ngx_ohttp_relay_redis_write_name(
    ngx_ohttp_relay_redis_t *redis, u_char *p,
    ngx_ohttp_relay_redis_command_t *command, char *kind);
static void ngx_ohttp_relay_redis_take_answer(
    ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command,
    ngx_ohttp_relay_redis_reply_t *reply);
static ngx_ohttp_relay_store_answer_e ngx_ohttp_relay_redis_to_answer(
    ngx_ohttp_relay_redis_answer_e answer);
static void ngx_ohttp_relay_redis_take_error(
    ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command,
    ngx_ohttp_relay_redis_reply_t *reply,
    ngx_ohttp_relay_redis_error_e error);
static void ngx_ohttp_relay_redis_tell_error(
    ngx_ohttp_relay_redis_node_t *node, ngx_ohttp_relay_redis_reply_t *reply);


/* the keys of a command, in Redis; the order is that of the store's kinds */

static char  *ngx_ohttp_relay_redis_keys[] = { "s", "e", "g", "r" };


/*
 * All answers are whole numbers: a script's other numbers lose their
 * fractions, and what is written down would get an exponent.
 */

static ngx_ohttp_relay_redis_script_t  ngx_ohttp_relay_redis_scripts[] = {

    /*
     * Takes one use.  Arguments: microseconds between uses (0: no rate), burst,
     * uses in all (0: no limit), seconds from the first use (0: for ever), the
     * time at which the state may be forgotten (0: when it is idle), seconds
     * for which it stays when it is idle.
     */

    { "local time = redis.call('TIME')\n"
      "local now = time[1] * 1000000 + time[2]\n"
      "local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])\n"
      "local uses, lifetime = tonumber(ARGV[3]), tonumber(ARGV[4])\n"
      "local used, next, first = 0, now, now\n"
      "local state = redis.call('GET', KEYS[1])\n"
      "if state then\n"
      "  used, next, first = string.match(state, '^(%d+) (%d+) (%d+)$')\n"
      "  if not used then\n"
      "    return redis.error_reply('WRONGTYPE not a state of uses')\n"
      "  end\n"
      "  used, next, first = tonumber(used), tonumber(next), tonumber(first)\n"
      "end\n"
      "if lifetime > 0 and now - first >= lifetime * 1000000 then\n"
      "  return {0, 2, 0}\n"
      "end\n"
      "if uses > 0 and used + 1 > uses then\n"
      "  return {0, 1, 0}\n"
      "end\n"
      "if next < now then next = now end\n"
      "if interval > 0 then\n"
      "  local wait = next + interval - interval * burst - now\n"
      "  if wait > 0 then\n"
      "    return {0, 0, math.ceil(wait / 1000)}\n"
      "  end\n"
      "  next = next + interval\n"
      "end\n"
      "state = string.format('%d %d %d', used + 1, next, first)\n"
      "if ARGV[5] ~= '0' then\n"
      "  redis.call('SET', KEYS[1], state, 'EXAT', ARGV[5])\n"
      "else\n"
      "  local idle = math.ceil((next - now) / 1000000) + tonumber(ARGV[6])\n"
      "  redis.call('SET', KEYS[1], state, 'EX',\n"
      "             string.format('%d', idle))\n"
      "end\n"
      "return {1, 0, 0}\n", "" },

    /*
     * Gives back a claim if it is the one of this request, at most so often
     * for one name.  The second key has the requests that gave back.
     * Arguments: request id, how often, the time at which to forget.
     */

    { "local value = redis.call('GET', KEYS[1])\n"
      "local back = redis.call('GET', KEYS[2]) or ''\n"
      "local id = ARGV[1]\n"
      "if not value and #back > 0 and string.sub(back, -#id) == id then\n"
      "  return 1\n"
      "end\n"
      "if value ~= id or #back >= #id * tonumber(ARGV[2]) then\n"
      "  return 0\n"
      "end\n"
      "redis.call('SET', KEYS[2], back .. id, 'EXAT', ARGV[3])\n"
      "redis.call('DEL', KEYS[1])\n"
      "return 1\n", "" },

    /*
     * Gives back one use, once for a request.  Arguments: request id, how
     * often, microseconds between uses, the time at which to forget (0: with
     * the state of uses itself).
     */

    { "local state = redis.call('GET', KEYS[1])\n"
      "local back = redis.call('GET', KEYS[2]) or ''\n"
      "local id = ARGV[1]\n"
      "for i = 1, #back, #id do\n"
      "  if string.sub(back, i, i + #id - 1) == id then return 1 end\n"
      "end\n"
      "if not state or #back >= #id * tonumber(ARGV[2]) then\n"
      "  return 0\n"
      "end\n"
      "local used, next, first = string.match(state, '^(%d+) (%d+) (%d+)$')\n"
      "if not used or tonumber(used) < 1 then return 0 end\n"
      "next = math.max(0, tonumber(next) - tonumber(ARGV[3]))\n"
      "if ARGV[4] ~= '0' then\n"
      "  redis.call('SET', KEYS[2], back .. id, 'EXAT', ARGV[4])\n"
      "else\n"
      "  redis.call('SET', KEYS[2], back .. id, 'PX',\n"
      "             math.max(1, redis.call('PTTL', KEYS[1])))\n"
      "end\n"
      "redis.call('SET', KEYS[1],\n"
      "           string.format('%d %d %d', used - 1, next, first),\n"
      "           'KEEPTTL')\n"
      "return 1\n", "" },

    { NULL, "" }
};


void
ngx_ohttp_relay_redis_init_scripts(void)
{
    u_char                           digest[20];
    ngx_sha1_t                       sha1;
    ngx_ohttp_relay_redis_script_t  *script;

    for (script = ngx_ohttp_relay_redis_scripts; script->text; script++) {
        ngx_sha1_init(&sha1);
        ngx_sha1_update(&sha1, script->text, ngx_strlen(script->text));
        ngx_sha1_final(digest, &sha1);
        (void) ngx_hex_dump(script->sha, digest, sizeof(digest));
    }
}


ngx_int_t
ngx_ohttp_relay_redis_write_command(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command)
{
    u_char                   buf[2 * NGX_OHTTP_RELAY_REDIS_KEY
                                 + 8 * NGX_INT64_LEN], *p;
    ngx_str_t                argument[NGX_OHTTP_RELAY_REDIS_ARGUMENTS];
    ngx_uint_t               n;
    ngx_ohttp_relay_redis_t *redis;

    redis = node->worker->redis;
    p = buf;
    n = 3;

    if (command->kind == NGX_OHTTP_RELAY_REDIS_CLAIM
        || command->kind == NGX_OHTTP_RELAY_REDIS_REPLAY)
    {
        argument[1].data = p;
        p = ngx_ohttp_relay_redis_write_name(redis, p, command,
                              ngx_ohttp_relay_redis_keys[command->copy.kind]);
        argument[1].len = p - argument[1].data;

        ngx_ohttp_relay_redis_add_number(&argument[6], &p,
                                   ngx_ohttp_relay_redis_until(node->worker,
                                                             &command->copy));

        ngx_ohttp_relay_redis_write_claim(command, argument, &n);

        return ngx_ohttp_relay_redis_write(node, argument, n);
    }

    return ngx_ohttp_relay_redis_write_script(node, command);
}


/*
 * One command decides: nil, the claim is ours; our own id, it was ours already
 * and the reply got lost; another id, it is somebody else's.
 */

static void
ngx_ohttp_relay_redis_write_claim(ngx_ohttp_relay_redis_command_t *command,
    ngx_str_t *argument, ngx_uint_t *n)
{
    ngx_str_set(&argument[0], "SET");

    argument[2].len = NGX_OHTTP_RELAY_STORE_ID;
    argument[2].data = command->copy.id;

    ngx_str_set(&argument[3], "NX");
    ngx_str_set(&argument[4], "GET");
    ngx_str_set(&argument[5], "EXAT");

    *n = 7;
}


static ngx_ohttp_relay_redis_script_t *
ngx_ohttp_relay_redis_find_script(ngx_ohttp_relay_redis_kind_e kind)
{
    switch (kind) {

    case NGX_OHTTP_RELAY_REDIS_TAKE:
        return &ngx_ohttp_relay_redis_scripts[0];

    case NGX_OHTTP_RELAY_REDIS_REFUND:
        return &ngx_ohttp_relay_redis_scripts[1];

    default: /* NGX_OHTTP_RELAY_REDIS_RETURN */
        return &ngx_ohttp_relay_redis_scripts[2];
    }
}


static ngx_int_t
ngx_ohttp_relay_redis_write_script(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command)
{
    time_t                           expires;
    u_char                           buf[2 * NGX_OHTTP_RELAY_REDIS_KEY
                                         + 8 * NGX_INT64_LEN], *p;
    ngx_str_t                        argument[NGX_OHTTP_RELAY_REDIS_ARGUMENTS];
    ngx_uint_t                       n, rate;
    ngx_ohttp_relay_ask_t           *ask;
    ngx_ohttp_relay_redis_script_t  *script;

    p = buf;
    ask = &command->copy;
    script = ngx_ohttp_relay_redis_find_script(command->kind);
    rate = ask->kind == NGX_OHTTP_RELAY_STORE_RATE;
    expires = rate ? 0 : ngx_ohttp_relay_redis_until(node->worker, ask);

    ngx_str_set(&argument[0], "EVALSHA");

    argument[1].len = NGX_OHTTP_RELAY_REDIS_SHA;
    argument[1].data = script->sha;

    argument[3].data = p;
    p = ngx_ohttp_relay_redis_write_name(node->worker->redis, p, command,
                                      ngx_ohttp_relay_redis_keys[ask->kind]);
    argument[3].len = p - argument[3].data;

    if (command->kind == NGX_OHTTP_RELAY_REDIS_TAKE) {
        ngx_str_set(&argument[2], "1");

        ngx_ohttp_relay_redis_add_number(&argument[4], &p, ask->interval);
        ngx_ohttp_relay_redis_add_number(&argument[5], &p,
                                         ask->burst ? ask->burst : 1);
        ngx_ohttp_relay_redis_add_number(&argument[6], &p, ask->uses);
        ngx_ohttp_relay_redis_add_number(&argument[7], &p, ask->lifetime);
        ngx_ohttp_relay_redis_add_number(&argument[8], &p, expires);
        ngx_ohttp_relay_redis_add_number(&argument[9], &p,
                                  NGX_OHTTP_RELAY_REDIS_IDLE
                                  + 2 * (ask->interval / 1000000));

        return ngx_ohttp_relay_redis_write(node, argument, 10);
    }

    ngx_str_set(&argument[2], "2");

    argument[4].data = p;
    p = ngx_ohttp_relay_redis_write_name(node->worker->redis, p, command, "f");
    argument[4].len = p - argument[4].data;

    argument[5].len = NGX_OHTTP_RELAY_STORE_ID;
    argument[5].data = ask->id;

    ngx_ohttp_relay_redis_add_number(&argument[6], &p,
                                     ngx_ohttp_relay_redis_refunds(ask));
    n = 7;

    if (command->kind == NGX_OHTTP_RELAY_REDIS_RETURN) {
        ngx_ohttp_relay_redis_add_number(&argument[n++], &p, ask->interval);
    }

    ngx_ohttp_relay_redis_add_number(&argument[n++], &p, expires);

    return ngx_ohttp_relay_redis_write(node, argument, n);
}


/*
 * Until when something is remembered: at least until the first expiry that its
 * group ever had, for one that was lowered may be set back.
 */

static time_t
ngx_ohttp_relay_redis_until(ngx_ohttp_relay_redis_worker_t *worker,
    ngx_ohttp_relay_ask_t *ask)
{
    time_t                        expires;
    ngx_ohttp_relay_redis_pin_t  *pin;

    pin = ngx_ohttp_relay_redis_find_pin(worker, ask->group);
    expires = pin ? ngx_max(ask->expires, pin->first) : ask->expires;

    return expires + NGX_OHTTP_RELAY_STORE_MARGIN;
}


/* a request that never left is no burden, however often it comes */

static int64_t
ngx_ohttp_relay_redis_refunds(ngx_ohttp_relay_ask_t *ask)
{
    return ask->kind == NGX_OHTTP_RELAY_STORE_SEALED
           ? NGX_MAX_INT32_VALUE : NGX_OHTTP_RELAY_STORE_REFUNDS;
}


static void
ngx_ohttp_relay_redis_add_number(ngx_str_t *argument, u_char **p,
    int64_t number)
{
    argument->data = *p;
    *p = ngx_sprintf(*p, "%L", number);
    argument->len = *p - argument->data;
}


static u_char *
ngx_ohttp_relay_redis_write_name(ngx_ohttp_relay_redis_t *redis, u_char *p,
    ngx_ohttp_relay_redis_command_t *command, char *kind)
{
    return ngx_ohttp_relay_redis_write_key(redis, p, kind, command->copy.name,
                                           NGX_OHTTP_RELAY_STORE_NAME);
}


u_char *
ngx_ohttp_relay_redis_write_key(ngx_ohttp_relay_redis_t *redis, u_char *p,
    char *kind, u_char *tag, size_t len)
{
    ngx_str_t  name, encoded;

    p = ngx_cpymem(p, redis->prefix.data, redis->prefix.len);
    *p++ = ':';
    p = ngx_cpymem(p, kind, ngx_strlen(kind));
    *p++ = ':';
    *p++ = '{';

    name.len = len;
    name.data = tag;
    encoded.data = p;

    ngx_encode_base64url(&encoded, &name);

    p += encoded.len;
    *p++ = '}';

    return p;
}


/*
 * An array of strings, the form of every command.  hiredis' formatter would
 * take memory for each and then have it copied.
 */

ngx_int_t
ngx_ohttp_relay_redis_write(ngx_ohttp_relay_redis_node_t *node,
    ngx_str_t *arguments, ngx_uint_t n)
{
    size_t       size, room;
    u_char      *p, *out;
    ngx_uint_t   i;

    size = NGX_OHTTP_RELAY_REDIS_HEADER;

    for (i = 0; i < n; i++) {
        size += NGX_OHTTP_RELAY_REDIS_HEADER + arguments[i].len + 2;
    }

    if (node->out_size - node->out_last < size) {

        room = ngx_max(node->out_size * 2, 16384);

        while (room - node->out_last < size) {
            room *= 2;
        }

        out = ngx_alloc(room, &node->log);
        if (out == NULL) {
            return NGX_ERROR;
        }

        if (node->out) {
            ngx_memcpy(out, node->out, node->out_last);
            ngx_free(node->out);
        }

        node->out = out;
        node->out_size = room;
    }

    p = node->out + node->out_last;

    p = ngx_sprintf(p, "*%ui\r\n", n);

    for (i = 0; i < n; i++) {
        p = ngx_sprintf(p, "$%uz\r\n", arguments[i].len);
        p = ngx_cpymem(p, arguments[i].data, arguments[i].len);
        *p++ = '\r';
        *p++ = '\n';
    }

    node->out_last = p - node->out;

    return NGX_OK;
}


ngx_int_t
ngx_ohttp_relay_redis_load_scripts(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_kind_e kind)
{
    ngx_str_t                        argument[3];
    ngx_ohttp_relay_redis_script_t  *script;

    ngx_str_set(&argument[0], "SCRIPT");
    ngx_str_set(&argument[1], "LOAD");

    for (script = ngx_ohttp_relay_redis_scripts; script->text; script++) {

        argument[2].data = (u_char *) script->text;
        argument[2].len = ngx_strlen(script->text);

        if (ngx_ohttp_relay_redis_send(node, kind, argument, 3) == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_ohttp_relay_redis_take_reply(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command,
    ngx_ohttp_relay_redis_reply_t *reply)
{
    ngx_ohttp_relay_redis_error_e   error;
    ngx_ohttp_relay_redis_answer_e  answer;

    error = ngx_ohttp_relay_redis_sort_error(reply);

    if (error != NGX_OHTTP_RELAY_REDIS_FINE) {
        ngx_ohttp_relay_redis_take_error(node, command, reply, error);
        return;
    }

    node->failures = 0;

    if (command->kind == NGX_OHTTP_RELAY_REDIS_REPLAY) {
        answer = ngx_ohttp_relay_redis_read_claim(reply, command->copy.id,
                                                  NGX_OHTTP_RELAY_STORE_ID);

        ngx_ohttp_relay_redis_test_step(node,
                                   answer != NGX_OHTTP_RELAY_REDIS_UNCLEAR);
        ngx_ohttp_relay_redis_take_replay(node->worker, command, answer);
        return;
    }

    ngx_ohttp_relay_redis_take_answer(node, command, reply);
}


static void
ngx_ohttp_relay_redis_take_answer(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command,
    ngx_ohttp_relay_redis_reply_t *reply)
{
    ngx_ohttp_relay_ask_t           *ask;
    ngx_ohttp_relay_redis_t         *redis;
    ngx_ohttp_relay_redis_take_t     take;
    ngx_ohttp_relay_redis_answer_e   answer;

    ask = &command->copy;
    redis = node->worker->redis;

    switch (command->kind) {

    case NGX_OHTTP_RELAY_REDIS_CLAIM:
        answer = ngx_ohttp_relay_redis_read_claim(reply, ask->id,
                                                  NGX_OHTTP_RELAY_STORE_ID);
        break;

    case NGX_OHTTP_RELAY_REDIS_TAKE:
        ngx_ohttp_relay_redis_read_take(reply, &take);
        answer = take.answer;
        ask->used_up = take.used_up;
        ask->retry_after = ngx_min(take.retry_after, NGX_MAX_INT32_VALUE);
        break;

    default: /* refunds */
        answer = ngx_ohttp_relay_redis_read_refund(reply);
    }

    ngx_ohttp_relay_redis_test_step(node,
                                    answer != NGX_OHTTP_RELAY_REDIS_UNCLEAR);

    ask->answer = ngx_ohttp_relay_redis_to_answer(answer);

    /* said of data that is not what it was */

    if (redis->shared->lost) {
        ask->answer = NGX_OHTTP_RELAY_STORE_UNKNOWN;
    }

    if (redis->spent && ask->answer != NGX_OHTTP_RELAY_STORE_UNKNOWN) {

        if (command->kind == NGX_OHTTP_RELAY_REDIS_CLAIM
            || command->kind == NGX_OHTTP_RELAY_REDIS_TAKE)
        {
            ngx_ohttp_relay_redis_remember(redis, ask);

        } else if (ask->answer == NGX_OHTTP_RELAY_STORE_GRANTED) {
            (void) ngx_ohttp_relay_spent_unclaim(redis->spent, ask);
        }
    }

    ngx_ohttp_relay_redis_complete(node->worker, command, ask->answer);
}


void
ngx_ohttp_relay_redis_test_step(ngx_ohttp_relay_redis_node_t *node,
    ngx_uint_t fits)
{
    if (!fits && node->broken == NULL) {
        node->broken = "gives the reply to another question";
    }
}


static ngx_ohttp_relay_store_answer_e
ngx_ohttp_relay_redis_to_answer(ngx_ohttp_relay_redis_answer_e answer)
{
    switch (answer) {

    case NGX_OHTTP_RELAY_REDIS_YES:
        return NGX_OHTTP_RELAY_STORE_GRANTED;

    case NGX_OHTTP_RELAY_REDIS_NO:
        return NGX_OHTTP_RELAY_STORE_REFUSED;

    default: /* NGX_OHTTP_RELAY_REDIS_UNCLEAR */
        return NGX_OHTTP_RELAY_STORE_UNKNOWN;
    }
}


static void
ngx_ohttp_relay_redis_take_error(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command,
    ngx_ohttp_relay_redis_reply_t *reply, ngx_ohttp_relay_redis_error_e error)
{
    ngx_int_t  rc;

    rc = NGX_ERROR;

    switch (error) {

    case NGX_OHTTP_RELAY_REDIS_MOVED:
    case NGX_OHTTP_RELAY_REDIS_ASK:
        rc = ngx_ohttp_relay_redis_redirect(node, command, reply);
        break;

    case NGX_OHTTP_RELAY_REDIS_NOSCRIPT:

        /* in front of the same command, on the same connection */

        if (!command->loaded
            && ngx_ohttp_relay_redis_load_scripts(node,
                                              NGX_OHTTP_RELAY_REDIS_IGNORED)
               == NGX_OK)
        {
            command->loaded = 1;
            rc = ngx_ohttp_relay_redis_submit(node, command);
        }

        break;

    case NGX_OHTTP_RELAY_REDIS_AWAY:
        node->broken = "is loading, or a replica";
        rc = NGX_DECLINED;
        break;

    case NGX_OHTTP_RELAY_REDIS_LATER:

        if (node->worker->redis->cluster) {
            ngx_ohttp_relay_redis_refresh(node->worker);
        }

        rc = NGX_DECLINED;
        break;

    default: /* no right, no memory, another type, ... */
        ngx_ohttp_relay_redis_tell_error(node, reply);
    }

    if (rc == NGX_DECLINED) {
        ngx_ohttp_relay_redis_give_up(node->worker, command);

    } else if (rc == NGX_ERROR) {
        ngx_ohttp_relay_redis_complete(node->worker, command,
                                       NGX_OHTTP_RELAY_STORE_UNKNOWN);
    }
}


/* the word of the error only, and once for all of this kind */

static void
ngx_ohttp_relay_redis_tell_error(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_reply_t *reply)
{
    u_char  *word, *p;

    word = reply->data;

    for (p = word; (*p >= 'A' && *p <= 'Z') && p - word < 32; p++) {
        /* void */
    }

    if (ngx_ohttp_relay_redis_note(node->worker->redis, word, p - word,
                                   NGX_OHTTP_RELAY_REDIS_MISCONFIGURED))
    {
        ngx_log_error(NGX_LOG_CRIT, &node->worker->log, 0,
                      "redis %V does not carry out a command: %*s",
                      &node->name, (size_t) (p - word), word);
    }
}
