
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_REDIS_REPLY_H_INCLUDED_
#define _NGX_OHTTP_RELAY_REDIS_REPLY_H_INCLUDED_


/*
 * What a Redis server says, from bytes to meaning: hiredis' reader with limits
 * of our own.  Pure: no nginx, no connection.  A reply that is not understood
 * is an error, and an error is never a yes.
 */


#include <sys/types.h>
#include <stddef.h>
#include <stdint.h>


#define NGX_OHTTP_RELAY_REDIS_OK        0
#define NGX_OHTTP_RELAY_REDIS_BROKEN    -1
#define NGX_OHTTP_RELAY_REDIS_AGAIN     -2

/* bytes of one reply; INFO has some 6 KiB */
#define NGX_OHTTP_RELAY_REDIS_LONGEST   65536

/* elements of one array: memory is taken before they have come */
#define NGX_OHTTP_RELAY_REDIS_ELEMENTS  1024

/* arrays in arrays; the map of a cluster has four, hiredis 1.x no limit */
#define NGX_OHTTP_RELAY_REDIS_DEPTH     6

#define NGX_OHTTP_RELAY_REDIS_SLOTS     16384


typedef enum {
    NGX_OHTTP_RELAY_REDIS_NIL = 0,
    NGX_OHTTP_RELAY_REDIS_STRING,
    NGX_OHTTP_RELAY_REDIS_STATUS,
    NGX_OHTTP_RELAY_REDIS_ERROR,
    NGX_OHTTP_RELAY_REDIS_INTEGER,
    NGX_OHTTP_RELAY_REDIS_ARRAY
} ngx_ohttp_relay_redis_type_e;


typedef struct ngx_ohttp_relay_redis_reply_s   ngx_ohttp_relay_redis_reply_t;
typedef struct ngx_ohttp_relay_redis_reader_s  ngx_ohttp_relay_redis_reader_t;

struct ngx_ohttp_relay_redis_reply_s {
    ngx_ohttp_relay_redis_type_e     type;
    int64_t                          integer;
    size_t                           len;       /* of text, or elements */
    u_char                          *data;      /* string, status, error */
    ngx_ohttp_relay_redis_reply_t  **elements;  /* never NULL below len */
};


/* what an error reply asks for */

typedef enum {
    NGX_OHTTP_RELAY_REDIS_FINE = 0,     /* it is not an error */
    NGX_OHTTP_RELAY_REDIS_MOVED,
    NGX_OHTTP_RELAY_REDIS_ASK,
    NGX_OHTTP_RELAY_REDIS_NOSCRIPT,
    NGX_OHTTP_RELAY_REDIS_AWAY,         /* another server, or later */
    NGX_OHTTP_RELAY_REDIS_LATER,        /* this server, and later */
    NGX_OHTTP_RELAY_REDIS_FORBIDDEN,    /* wrong password, or no right */
    NGX_OHTTP_RELAY_REDIS_FAILED        /* anything else */
} ngx_ohttp_relay_redis_error_e;


typedef enum {
    NGX_OHTTP_RELAY_REDIS_YES = 0,
    NGX_OHTTP_RELAY_REDIS_NO,
    NGX_OHTTP_RELAY_REDIS_UNCLEAR       /* nothing was said */
} ngx_ohttp_relay_redis_answer_e;


/* the answer to a take */

typedef struct {
    ngx_ohttp_relay_redis_answer_e   answer;
    unsigned                         used_up;      /* no, and for good */
    uint64_t                         retry_after;  /* ms; no, by the rate */
} ngx_ohttp_relay_redis_take_t;


/* text of another server's place, "host:port"; the host may be empty */

typedef struct {
    unsigned                         slot;
    const u_char                    *host;
    size_t                           host_len;
    unsigned                         port;
} ngx_ohttp_relay_redis_place_t;


/*
 * A reader of one connection; NULL without memory.  To be freed, which takes
 * NULL as well.
 */
ngx_ohttp_relay_redis_reader_t *ngx_ohttp_relay_redis_create_reader(void);
void ngx_ohttp_relay_redis_free_reader(ngx_ohttp_relay_redis_reader_t *reader);

/*
 * Takes len bytes that came.  Returns OK, or BROKEN if there is no memory.
 */
int ngx_ohttp_relay_redis_feed(ngx_ohttp_relay_redis_reader_t *reader,
    const u_char *data, size_t len);

/*
 * The next whole reply, to be freed by the caller.  Returns OK with *reply
 * set, AGAIN if there is none yet, or BROKEN: not the protocol, or more than
 * the limits allow; the reader is of no use any more then.  All replies that
 * are there are to be taken before more is fed.
 */
int ngx_ohttp_relay_redis_next(ngx_ohttp_relay_redis_reader_t *reader,
    ngx_ohttp_relay_redis_reply_t **reply);
void ngx_ohttp_relay_redis_free_reply(ngx_ohttp_relay_redis_reply_t *reply);

/*
 * Sorts an error reply by its first word.
 */
ngx_ohttp_relay_redis_error_e ngx_ohttp_relay_redis_sort_error(
    const ngx_ohttp_relay_redis_reply_t *reply);

/*
 * Reads the answer to "SET key id NX GET": nil or the own id, of id_len bytes,
 * is YES; another one of that length NO; all else UNCLEAR.
 */
ngx_ohttp_relay_redis_answer_e ngx_ohttp_relay_redis_read_claim(
    const ngx_ohttp_relay_redis_reply_t *reply, const u_char *id,
    size_t id_len);

/*
 * Reads the answer of a refund script, the integer 1 or 0, or of the script
 * for takes, {1, ...} or {0, reason, milliseconds}.
 */
ngx_ohttp_relay_redis_answer_e ngx_ohttp_relay_redis_read_refund(
    const ngx_ohttp_relay_redis_reply_t *reply);
void ngx_ohttp_relay_redis_read_take(
    const ngx_ohttp_relay_redis_reply_t *reply,
    ngx_ohttp_relay_redis_take_t *take);

/*
 * Reads "MOVED 3999 127.0.0.1:6381" or the same with ASK.  Returns OK with
 * *place pointing into the reply, or BROKEN.
 */
int ngx_ohttp_relay_redis_read_place(
    const ngx_ohttp_relay_redis_reply_t *reply,
    ngx_ohttp_relay_redis_place_t *place);

/*
 * Finds the line "name:value" in the answer to INFO.  Returns the value and
 * sets *len, or NULL if there is no such line.
 */
const u_char *ngx_ohttp_relay_redis_find_info(
    const ngx_ohttp_relay_redis_reply_t *reply, const char *name, size_t *len);

/*
 * Reads a whole decimal number.  Returns it, or -1: empty, not a number, or
 * more than 18 digits.
 */
int64_t ngx_ohttp_relay_redis_read_number(const u_char *data, size_t len);

/*
 * The cluster's slot of what stands between the braces of a key.
 */
unsigned ngx_ohttp_relay_redis_hash_slot(const u_char *tag, size_t len);


#endif /* _NGX_OHTTP_RELAY_REDIS_REPLY_H_INCLUDED_ */
