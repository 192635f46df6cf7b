
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <stdlib.h>
#include <string.h>
#include <hiredis/hiredis.h>

#include "redis_reply.h"


/* the type of an array's length has changed with hiredis 1.0 */

#if (HIREDIS_MAJOR >= 1)
typedef size_t  ngx_ohttp_relay_redis_count_t;
#else
typedef int     ngx_ohttp_relay_redis_count_t;
#endif


struct ngx_ohttp_relay_redis_reader_s {
    redisReader                *reader;
    redisReplyObjectFunctions   functions;
    size_t                      fed;       /* since the last whole reply */
};


static void *ngx_ohttp_relay_redis_create_text(const redisReadTask *task,
    char *data, size_t len);
static void *ngx_ohttp_relay_redis_create_array(const redisReadTask *task,
    ngx_ohttp_relay_redis_count_t n);
static void *ngx_ohttp_relay_redis_create_integer(const redisReadTask *task,
    long long value);
static void *ngx_ohttp_relay_redis_create_nil(const redisReadTask *task);
#if (HIREDIS_MAJOR >= 1)
static void *ngx_ohttp_relay_redis_refuse_double(const redisReadTask *task,
    double value, char *data, size_t len);
static void *ngx_ohttp_relay_redis_refuse_bool(const redisReadTask *task,
    int value);
#endif
static unsigned ngx_ohttp_relay_redis_count_parents(const redisReadTask *task);
static ngx_ohttp_relay_redis_reply_t *ngx_ohttp_relay_redis_create_reply(
    const redisReadTask *task, ngx_ohttp_relay_redis_type_e type,
    size_t extra);
static void ngx_ohttp_relay_redis_free_object(void *object);


static const struct {
    const char                     *word;
    ngx_ohttp_relay_redis_error_e   error;
} ngx_ohttp_relay_redis_errors[] = {
    { "MOVED", NGX_OHTTP_RELAY_REDIS_MOVED },
    { "ASK", NGX_OHTTP_RELAY_REDIS_ASK },
    { "NOSCRIPT", NGX_OHTTP_RELAY_REDIS_NOSCRIPT },
    { "LOADING", NGX_OHTTP_RELAY_REDIS_AWAY },
    { "READONLY", NGX_OHTTP_RELAY_REDIS_AWAY },
    { "MASTERDOWN", NGX_OHTTP_RELAY_REDIS_AWAY },
    { "CLUSTERDOWN", NGX_OHTTP_RELAY_REDIS_LATER },
    { "TRYAGAIN", NGX_OHTTP_RELAY_REDIS_LATER },
    { "BUSY", NGX_OHTTP_RELAY_REDIS_LATER },
    { "NOREPLICAS", NGX_OHTTP_RELAY_REDIS_LATER },
    { "NOAUTH", NGX_OHTTP_RELAY_REDIS_FORBIDDEN },
    { "WRONGPASS", NGX_OHTTP_RELAY_REDIS_FORBIDDEN },
    { "NOPERM", NGX_OHTTP_RELAY_REDIS_FORBIDDEN },
    { NULL, NGX_OHTTP_RELAY_REDIS_FAILED }
};


/* the most frequent answer of all: somebody has won; it is never freed */

static ngx_ohttp_relay_redis_reply_t  ngx_ohttp_relay_redis_nil;


ngx_ohttp_relay_redis_reader_t *
ngx_ohttp_relay_redis_create_reader(void)
{
    ngx_ohttp_relay_redis_reader_t  *reader;

    reader = calloc(1, sizeof(ngx_ohttp_relay_redis_reader_t));
    if (reader == NULL) {
        return NULL;
    }

    reader->functions.createString = ngx_ohttp_relay_redis_create_text;
    reader->functions.createArray = ngx_ohttp_relay_redis_create_array;
    reader->functions.createInteger = ngx_ohttp_relay_redis_create_integer;
    reader->functions.createNil = ngx_ohttp_relay_redis_create_nil;
    reader->functions.freeObject = ngx_ohttp_relay_redis_free_object;

#if (HIREDIS_MAJOR >= 1)

    /* not of the protocol that we speak: the reader must not invent objects */
    reader->functions.createDouble = ngx_ohttp_relay_redis_refuse_double;
    reader->functions.createBool = ngx_ohttp_relay_redis_refuse_bool;

#endif

    reader->reader = redisReaderCreateWithFunctions(&reader->functions);
    if (reader->reader == NULL) {
        free(reader);
        return NULL;
    }

    return reader;
}


void
ngx_ohttp_relay_redis_free_reader(ngx_ohttp_relay_redis_reader_t *reader)
{
    if (reader) {
        redisReaderFree(reader->reader);
        free(reader);
    }
}


int
ngx_ohttp_relay_redis_feed(ngx_ohttp_relay_redis_reader_t *reader,
    const u_char *data, size_t len)
{
    if (redisReaderFeed(reader->reader, (const char *) data, len)
        != REDIS_OK)
    {
        return NGX_OHTTP_RELAY_REDIS_BROKEN;
    }

    reader->fed += len;

    return NGX_OHTTP_RELAY_REDIS_OK;
}


int
ngx_ohttp_relay_redis_next(ngx_ohttp_relay_redis_reader_t *reader,
    ngx_ohttp_relay_redis_reply_t **reply)
{
    void  *object;

    object = NULL;

    if (redisReaderGetReply(reader->reader, &object) != REDIS_OK) {
        return NGX_OHTTP_RELAY_REDIS_BROKEN;
    }

    if (object) {
        reader->fed = reader->reader->len - reader->reader->pos;
        *reply = object;
        return NGX_OHTTP_RELAY_REDIS_OK;
    }

    if (reader->fed > NGX_OHTTP_RELAY_REDIS_LONGEST) {
        return NGX_OHTTP_RELAY_REDIS_BROKEN;
    }

    return NGX_OHTTP_RELAY_REDIS_AGAIN;
}


static void *
ngx_ohttp_relay_redis_create_text(const redisReadTask *task, char *data,
    size_t len)
{
    ngx_ohttp_relay_redis_type_e    type;
    ngx_ohttp_relay_redis_reply_t  *reply;

    switch (task->type) {

    case REDIS_REPLY_STRING:
        type = NGX_OHTTP_RELAY_REDIS_STRING;
        break;

    case REDIS_REPLY_STATUS:
        type = NGX_OHTTP_RELAY_REDIS_STATUS;
        break;

    case REDIS_REPLY_ERROR:
        type = NGX_OHTTP_RELAY_REDIS_ERROR;
        break;

    default:
        return NULL;
    }

    reply = ngx_ohttp_relay_redis_create_reply(task, type, len + 1);

    if (reply) {
        reply->len = len;
        reply->data = (u_char *) (reply + 1);
        memcpy(reply->data, data, len);
        reply->data[len] = '\0';
    }

    return reply;
}


static void *
ngx_ohttp_relay_redis_create_array(const redisReadTask *task,
    ngx_ohttp_relay_redis_count_t n)
{
    size_t                          i;
    ngx_ohttp_relay_redis_reply_t  *reply;

    /* a length below zero, where its type has any, is a large one here */

    if (task->type != REDIS_REPLY_ARRAY
        || (size_t) n > NGX_OHTTP_RELAY_REDIS_ELEMENTS
        || ngx_ohttp_relay_redis_count_parents(task)
           >= NGX_OHTTP_RELAY_REDIS_DEPTH)
    {
        return NULL;
    }

    reply = ngx_ohttp_relay_redis_create_reply(task,
                                  NGX_OHTTP_RELAY_REDIS_ARRAY,
                                  n * sizeof(ngx_ohttp_relay_redis_reply_t *));
    if (reply) {
        reply->len = n;
        reply->elements = (ngx_ohttp_relay_redis_reply_t **) (reply + 1);

        for (i = 0; i < (size_t) n; i++) {
            reply->elements[i] = &ngx_ohttp_relay_redis_nil;
        }
    }

    return reply;
}


static void *
ngx_ohttp_relay_redis_create_integer(const redisReadTask *task,
    long long value)
{
    ngx_ohttp_relay_redis_reply_t  *reply;

    reply = ngx_ohttp_relay_redis_create_reply(task,
                                             NGX_OHTTP_RELAY_REDIS_INTEGER, 0);
    if (reply) {
        reply->integer = value;
    }

    return reply;
}


static void *
ngx_ohttp_relay_redis_create_nil(const redisReadTask *task)
{
    /* in an array it stands already */

    (void) task;

    return &ngx_ohttp_relay_redis_nil;
}


#if (HIREDIS_MAJOR >= 1)

static void *
ngx_ohttp_relay_redis_refuse_double(const redisReadTask *task, double value,
    char *data, size_t len)
{
    (void) task;
    (void) value;
    (void) data;
    (void) len;

    return NULL;
}


static void *
ngx_ohttp_relay_redis_refuse_bool(const redisReadTask *task, int value)
{
    (void) task;
    (void) value;

    return NULL;
}

#endif


static unsigned
ngx_ohttp_relay_redis_count_parents(const redisReadTask *task)
{
    unsigned  n;

    for (n = 0; task->parent; n++) {
        task = task->parent;
    }

    return n;
}


static ngx_ohttp_relay_redis_reply_t *
ngx_ohttp_relay_redis_create_reply(const redisReadTask *task,
    ngx_ohttp_relay_redis_type_e type, size_t extra)
{
    ngx_ohttp_relay_redis_reply_t  *reply, *parent;

    reply = malloc(sizeof(ngx_ohttp_relay_redis_reply_t) + extra);
    if (reply == NULL) {
        return NULL;
    }

    memset(reply, 0, sizeof(ngx_ohttp_relay_redis_reply_t));
    reply->type = type;

    if (task->parent) {
        parent = task->parent->obj;
        parent->elements[task->idx] = reply;
    }

    return reply;
}


void
ngx_ohttp_relay_redis_free_reply(ngx_ohttp_relay_redis_reply_t *reply)
{
    ngx_ohttp_relay_redis_free_object(reply);
}


static void
ngx_ohttp_relay_redis_free_object(void *object)
{
    size_t                          i;
    ngx_ohttp_relay_redis_reply_t  *reply;

    reply = object;

    if (reply == NULL || reply == &ngx_ohttp_relay_redis_nil) {
        return;
    }

    if (reply->type == NGX_OHTTP_RELAY_REDIS_ARRAY) {
        for (i = 0; i < reply->len; i++) {
            ngx_ohttp_relay_redis_free_object(reply->elements[i]);
        }
    }

    free(reply);
}


ngx_ohttp_relay_redis_error_e
ngx_ohttp_relay_redis_sort_error(const ngx_ohttp_relay_redis_reply_t *reply)
{
    size_t  i, len;

    if (reply->type != NGX_OHTTP_RELAY_REDIS_ERROR) {
        return NGX_OHTTP_RELAY_REDIS_FINE;
    }

    for (len = 0; len < reply->len && reply->data[len] != ' '; len++) {
        /* the first word */
    }

    for (i = 0; ngx_ohttp_relay_redis_errors[i].word; i++) {

        if (strlen(ngx_ohttp_relay_redis_errors[i].word) == len
            && memcmp(ngx_ohttp_relay_redis_errors[i].word, reply->data, len)
               == 0)
        {
            break;
        }
    }

    return ngx_ohttp_relay_redis_errors[i].error;
}


ngx_ohttp_relay_redis_answer_e
ngx_ohttp_relay_redis_read_claim(const ngx_ohttp_relay_redis_reply_t *reply,
    const u_char *id, size_t id_len)
{
    if (reply->type == NGX_OHTTP_RELAY_REDIS_NIL) {
        return NGX_OHTTP_RELAY_REDIS_YES;
    }

    if (reply->type != NGX_OHTTP_RELAY_REDIS_STRING || reply->len != id_len) {
        return NGX_OHTTP_RELAY_REDIS_UNCLEAR;
    }

    return memcmp(reply->data, id, id_len) == 0 ? NGX_OHTTP_RELAY_REDIS_YES
                                                : NGX_OHTTP_RELAY_REDIS_NO;
}


ngx_ohttp_relay_redis_answer_e
ngx_ohttp_relay_redis_read_refund(const ngx_ohttp_relay_redis_reply_t *reply)
{
    if (reply->type != NGX_OHTTP_RELAY_REDIS_INTEGER
        || reply->integer < 0 || reply->integer > 1)
    {
        return NGX_OHTTP_RELAY_REDIS_UNCLEAR;
    }

    return reply->integer ? NGX_OHTTP_RELAY_REDIS_YES
                          : NGX_OHTTP_RELAY_REDIS_NO;
}


void
ngx_ohttp_relay_redis_read_take(const ngx_ohttp_relay_redis_reply_t *reply,
    ngx_ohttp_relay_redis_take_t *take)
{
    size_t    i;
    int64_t  value[3];

    memset(take, 0, sizeof(ngx_ohttp_relay_redis_take_t));
    take->answer = NGX_OHTTP_RELAY_REDIS_UNCLEAR;

    if (reply->type != NGX_OHTTP_RELAY_REDIS_ARRAY || reply->len != 3) {
        return;
    }

    for (i = 0; i < 3; i++) {

        if (reply->elements[i]->type != NGX_OHTTP_RELAY_REDIS_INTEGER
            || reply->elements[i]->integer < 0)
        {
            return;
        }

        value[i] = reply->elements[i]->integer;
    }

    if (value[0] == 1) {
        take->answer = NGX_OHTTP_RELAY_REDIS_YES;

    } else if (value[0] == 0) {
        take->answer = NGX_OHTTP_RELAY_REDIS_NO;
        take->used_up = value[1] != 0;
        take->retry_after = value[2];
    }
}


int
ngx_ohttp_relay_redis_read_place(const ngx_ohttp_relay_redis_reply_t *reply,
    ngx_ohttp_relay_redis_place_t *place)
{
    int64_t        number;
    const u_char  *p, *last, *blank, *colon;

    switch (ngx_ohttp_relay_redis_sort_error(reply)) {

    case NGX_OHTTP_RELAY_REDIS_MOVED:
    case NGX_OHTTP_RELAY_REDIS_ASK:
        break;

    default:
        return NGX_OHTTP_RELAY_REDIS_BROKEN;
    }

    last = reply->data + reply->len;
    p = memchr(reply->data, ' ', reply->len);

    if (p == NULL) {
        return NGX_OHTTP_RELAY_REDIS_BROKEN;
    }

    p++;
    blank = memchr(p, ' ', last - p);

    if (blank == NULL) {
        return NGX_OHTTP_RELAY_REDIS_BROKEN;
    }

    number = ngx_ohttp_relay_redis_read_number(p, blank - p);

    if (number < 0 || number >= NGX_OHTTP_RELAY_REDIS_SLOTS) {
        return NGX_OHTTP_RELAY_REDIS_BROKEN;
    }

    place->slot = number;

    /* the last colon: the host may be an IPv6 address without brackets */

    for (colon = last; colon > blank && *(colon - 1) != ':'; colon--) {
        /* void */
    }

    if (colon == blank) {
        return NGX_OHTTP_RELAY_REDIS_BROKEN;
    }

    number = ngx_ohttp_relay_redis_read_number(colon, last - colon);

    if (number < 1 || number > 65535) {
        return NGX_OHTTP_RELAY_REDIS_BROKEN;
    }

    place->port = number;
    place->host = blank + 1;
    place->host_len = colon - 1 - place->host;

    return NGX_OHTTP_RELAY_REDIS_OK;
}


const u_char *
ngx_ohttp_relay_redis_find_info(const ngx_ohttp_relay_redis_reply_t *reply,
    const char *name, size_t *len)
{
    size_t         name_len;
    const u_char  *p, *end, *last;

    if (reply->type != NGX_OHTTP_RELAY_REDIS_STRING) {
        return NULL;
    }

    name_len = strlen(name);
    last = reply->data + reply->len;

    for (p = reply->data; p < last; p = end + 1) {

        end = memchr(p, '\n', last - p);

        if (end == NULL) {
            end = last;
        }

        if ((size_t) (end - p) > name_len && p[name_len] == ':'
            && memcmp(p, name, name_len) == 0)
        {
            p += name_len + 1;
            *len = end - p;

            if (*len && p[*len - 1] == '\r') {
                (*len)--;
            }

            return p;
        }

        if (end == last) {
            break;
        }
    }

    return NULL;
}


int64_t
ngx_ohttp_relay_redis_read_number(const u_char *data, size_t len)
{
    size_t   i;
    int64_t  value;

    if (len == 0 || len > 18) {
        return -1;
    }

    for (value = 0, i = 0; i < len; i++) {

        if (data[i] < '0' || data[i] > '9') {
            return -1;
        }

        value = value * 10 + (data[i] - '0');
    }

    return value;
}


/* CRC-16/XMODEM, as the cluster specification of Redis has it */

unsigned
ngx_ohttp_relay_redis_hash_slot(const u_char *tag, size_t len)
{
    size_t    i, bit;
    uint16_t  crc;

    for (crc = 0, i = 0; i < len; i++) {

        crc ^= (uint16_t) (tag[i] << 8);

        for (bit = 0; bit < 8; bit++) {
            crc = (uint16_t) (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1);
        }
    }

    return crc % NGX_OHTTP_RELAY_REDIS_SLOTS;
}
