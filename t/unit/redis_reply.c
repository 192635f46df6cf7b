
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "../../src/store/redis_reply.h"


#define YES      NGX_OHTTP_RELAY_REDIS_YES
#define NO       NGX_OHTTP_RELAY_REDIS_NO
#define UNCLEAR  NGX_OHTTP_RELAY_REDIS_UNCLEAR


static ngx_ohttp_relay_redis_reply_t *read_one(const char *in, size_t len);
static void test_claims(void);
static void test_takes(void);
static void test_refunds(void);
static void test_errors(void);
static void test_places(void);
static void test_info(void);
static void test_limits(void);
static void test_split(void);
static void test_slots(void);


int
main(void)
{
    test_claims();
    test_takes();
    test_refunds();
    test_errors();
    test_places();
    test_info();
    test_limits();
    test_split();
    test_slots();

    return tap_done();
}


/* the first reply; NULL if there is none */

static ngx_ohttp_relay_redis_reply_t *
read_one(const char *in, size_t len)
{
    u_char                          *copy;
    ngx_ohttp_relay_redis_reply_t   *reply;
    ngx_ohttp_relay_redis_reader_t  *reader;

    reply = NULL;
    copy = tap_copy(in, len);
    reader = ngx_ohttp_relay_redis_create_reader();

    if (ngx_ohttp_relay_redis_feed(reader, copy, len)
        != NGX_OHTTP_RELAY_REDIS_OK
        || ngx_ohttp_relay_redis_next(reader, &reply)
           != NGX_OHTTP_RELAY_REDIS_OK)
    {
        reply = NULL;
    }

    ngx_ohttp_relay_redis_free_reader(reader);
    tap_free(copy, len);

    return reply;
}


static void
test_claims(void)
{
    int                              answer;
    size_t                           i;
    ngx_ohttp_relay_redis_reply_t   *reply;

    static const struct {
        const char  *in;
        size_t       len;
        int          answer;
    } cases[] = {
        { tap_bytes("$-1\r\n"), YES },
        { tap_bytes("*-1\r\n"), YES },
        { tap_bytes("$8\r\n\0\1\r\n\n567\r\n"), YES },
        { tap_bytes("$8\r\n\0\1\r\n\n568\r\n"), NO },
        { tap_bytes("$7\r\n\0\1\r\n\n56\r\n"), UNCLEAR },
        { tap_bytes("$9\r\n\0\1\r\n\n5678\r\n"), UNCLEAR },
        { tap_bytes("$0\r\n\r\n"), UNCLEAR },
        { tap_bytes("+OK\r\n"), UNCLEAR },
        { tap_bytes(":0\r\n"), UNCLEAR },
        { tap_bytes(":1\r\n"), UNCLEAR },
        { tap_bytes("*0\r\n"), UNCLEAR },
        { tap_bytes("*1\r\n$-1\r\n"), UNCLEAR },
        { tap_bytes("-\r\n"), UNCLEAR },
        { tap_bytes("-ERR\r\n"), UNCLEAR },
        { tap_bytes("-OOM command not allowed\r\n"), UNCLEAR },
        { tap_bytes("-LOADING Redis is loading\r\n"), UNCLEAR },
    };

    for (i = 0; i < tap_array_len(cases); i++) {
        reply = read_one(cases[i].in, cases[i].len);
        answer = -1;

        if (reply) {
            answer = ngx_ohttp_relay_redis_read_claim(reply,
                                         (const u_char *) "\0\1\r\n\n567", 8);
        }

        tap_ok(answer == cases[i].answer, "claim %s is %d",
               tap_text(cases[i].in, cases[i].len), cases[i].answer);

        ngx_ohttp_relay_redis_free_reply(reply);
    }
}


static void
test_takes(void)
{
    size_t                          i;
    ngx_ohttp_relay_redis_take_t    take;
    ngx_ohttp_relay_redis_reply_t  *reply;

    static const struct {
        const char  *in;
        size_t       len;
        int          answer;
        unsigned     used_up;
        uint64_t     retry_after;
    } cases[] = {
        { tap_bytes("*3\r\n:1\r\n:0\r\n:0\r\n"), YES, 0, 0 },
        { tap_bytes("*3\r\n:0\r\n:0\r\n:1500\r\n"), NO, 0, 1500 },
        { tap_bytes("*3\r\n:0\r\n:1\r\n:0\r\n"), NO, 1, 0 },
        { tap_bytes("*3\r\n:0\r\n:2\r\n:0\r\n"), NO, 1, 0 },
        { tap_bytes("*3\r\n:2\r\n:0\r\n:0\r\n"), UNCLEAR, 0, 0 },
        { tap_bytes("*3\r\n:-1\r\n:0\r\n:0\r\n"), UNCLEAR, 0, 0 },
        { tap_bytes("*3\r\n:0\r\n:0\r\n:-5\r\n"), UNCLEAR, 0, 0 },
        { tap_bytes("*2\r\n:1\r\n:0\r\n"), UNCLEAR, 0, 0 },
        { tap_bytes("*4\r\n:1\r\n:0\r\n:0\r\n:0\r\n"), UNCLEAR, 0, 0 },
        { tap_bytes("*3\r\n$1\r\n1\r\n:0\r\n:0\r\n"), UNCLEAR, 0, 0 },
        { tap_bytes("*3\r\n$-1\r\n:0\r\n:0\r\n"), UNCLEAR, 0, 0 },
        { tap_bytes("$-1\r\n"), UNCLEAR, 0, 0 },
        { tap_bytes(":1\r\n"), UNCLEAR, 0, 0 },
        { tap_bytes("-NOSCRIPT No matching script\r\n"), UNCLEAR, 0, 0 },
    };

    for (i = 0; i < tap_array_len(cases); i++) {
        reply = read_one(cases[i].in, cases[i].len);

        if (reply) {
            ngx_ohttp_relay_redis_read_take(reply, &take);
        }

        tap_ok(reply && (int) take.answer == cases[i].answer
               && take.used_up == cases[i].used_up
               && take.retry_after == cases[i].retry_after,
               "take %s is %d", tap_text(cases[i].in, cases[i].len),
               cases[i].answer);

        ngx_ohttp_relay_redis_free_reply(reply);
    }
}


static void
test_refunds(void)
{
    int                             answer;
    size_t                          i;
    ngx_ohttp_relay_redis_reply_t  *reply;

    static const struct {
        const char  *in;
        size_t       len;
        int          answer;
    } cases[] = {
        { tap_bytes(":1\r\n"), YES },
        { tap_bytes(":0\r\n"), NO },
        { tap_bytes(":2\r\n"), UNCLEAR },
        { tap_bytes(":-1\r\n"), UNCLEAR },
        { tap_bytes("$1\r\n1\r\n"), UNCLEAR },
        { tap_bytes("$-1\r\n"), UNCLEAR },
        { tap_bytes("+OK\r\n"), UNCLEAR },
        { tap_bytes("-READONLY\r\n"), UNCLEAR },
    };

    for (i = 0; i < tap_array_len(cases); i++) {
        reply = read_one(cases[i].in, cases[i].len);
        answer = reply ? (int) ngx_ohttp_relay_redis_read_refund(reply) : -1;

        tap_ok(answer == cases[i].answer, "refund %s is %d",
               tap_text(cases[i].in, cases[i].len), cases[i].answer);

        ngx_ohttp_relay_redis_free_reply(reply);
    }
}


static void
test_errors(void)
{
    int                             error;
    size_t                          i;
    ngx_ohttp_relay_redis_reply_t  *reply;

    static const struct {
        const char  *in;
        size_t       len;
        int          error;
    } cases[] = {
        { tap_bytes("+OK\r\n"), NGX_OHTTP_RELAY_REDIS_FINE },
        { tap_bytes("$4\r\n-OOM\r\n"), NGX_OHTTP_RELAY_REDIS_FINE },
        { tap_bytes("-MOVED 1 a:1\r\n"), NGX_OHTTP_RELAY_REDIS_MOVED },
        { tap_bytes("-ASK 1 a:1\r\n"), NGX_OHTTP_RELAY_REDIS_ASK },
        { tap_bytes("-ASKED 1\r\n"), NGX_OHTTP_RELAY_REDIS_FAILED },
        { tap_bytes("-AS\r\n"), NGX_OHTTP_RELAY_REDIS_FAILED },
        { tap_bytes("-NOSCRIPT x\r\n"), NGX_OHTTP_RELAY_REDIS_NOSCRIPT },
        { tap_bytes("-LOADING x\r\n"), NGX_OHTTP_RELAY_REDIS_AWAY },
        { tap_bytes("-READONLY x\r\n"), NGX_OHTTP_RELAY_REDIS_AWAY },
        { tap_bytes("-MASTERDOWN x\r\n"), NGX_OHTTP_RELAY_REDIS_AWAY },
        { tap_bytes("-CLUSTERDOWN x\r\n"), NGX_OHTTP_RELAY_REDIS_LATER },
        { tap_bytes("-TRYAGAIN\r\n"), NGX_OHTTP_RELAY_REDIS_LATER },
        { tap_bytes("-NOPERM x\r\n"), NGX_OHTTP_RELAY_REDIS_FORBIDDEN },
        { tap_bytes("-NOAUTH x\r\n"), NGX_OHTTP_RELAY_REDIS_FORBIDDEN },
        { tap_bytes("-WRONGPASS x\r\n"), NGX_OHTTP_RELAY_REDIS_FORBIDDEN },
        { tap_bytes("-OOM x\r\n"), NGX_OHTTP_RELAY_REDIS_FAILED },
        { tap_bytes("-MISCONF x\r\n"), NGX_OHTTP_RELAY_REDIS_FAILED },
        { tap_bytes("-\r\n"), NGX_OHTTP_RELAY_REDIS_FAILED },
    };

    for (i = 0; i < tap_array_len(cases); i++) {
        reply = read_one(cases[i].in, cases[i].len);
        error = reply ? (int) ngx_ohttp_relay_redis_sort_error(reply) : -1;

        tap_ok(error == cases[i].error, "error %s is %d",
               tap_text(cases[i].in, cases[i].len), cases[i].error);

        ngx_ohttp_relay_redis_free_reply(reply);
    }
}


static void
test_places(void)
{
    int                             good;
    size_t                          i;
    ngx_ohttp_relay_redis_place_t   place;
    ngx_ohttp_relay_redis_reply_t  *reply;

    static const struct {
        const char  *in;
        size_t       len;
        unsigned     slot;
        const char  *host;            /* NULL: not a place */
        unsigned     port;
    } cases[] = {
        { tap_bytes("-MOVED 3999 127.0.0.1:6381\r\n"), 3999, "127.0.0.1",
          6381 },
        { tap_bytes("-ASK 0 ::1:1\r\n"), 0, "::1", 1 },
        { tap_bytes("-MOVED 16383 :65535\r\n"), 16383, "", 65535 },
        { tap_bytes("-MOVED 16384 a:1\r\n"), 0, NULL, 0 },
        { tap_bytes("-MOVED -1 a:1\r\n"), 0, NULL, 0 },
        { tap_bytes("-MOVED 1 a:0\r\n"), 0, NULL, 0 },
        { tap_bytes("-MOVED 1 a:65536\r\n"), 0, NULL, 0 },
        { tap_bytes("-MOVED 1 a:\r\n"), 0, NULL, 0 },
        { tap_bytes("-MOVED 1 a\r\n"), 0, NULL, 0 },
        { tap_bytes("-MOVED 1\r\n"), 0, NULL, 0 },
        { tap_bytes("-MOVED\r\n"), 0, NULL, 0 },
        { tap_bytes("-MOVED  a:1\r\n"), 0, NULL, 0 },
        { tap_bytes("-OOM 1 a:1\r\n"), 0, NULL, 0 },
        { tap_bytes("+MOVED 1 a:1\r\n"), 0, NULL, 0 },
    };

    for (i = 0; i < tap_array_len(cases); i++) {
        reply = read_one(cases[i].in, cases[i].len);
        good = 0;

        if (reply && ngx_ohttp_relay_redis_read_place(reply, &place)
                     == NGX_OHTTP_RELAY_REDIS_OK)
        {
            good = cases[i].host && place.slot == cases[i].slot
                   && place.port == cases[i].port
                   && place.host_len == strlen(cases[i].host)
                   && memcmp(place.host, cases[i].host, place.host_len) == 0;

        } else if (reply) {
            good = cases[i].host == NULL;
        }

        tap_ok(good, "place %s", tap_text(cases[i].in, cases[i].len));

        ngx_ohttp_relay_redis_free_reply(reply);
    }
}


static void
test_info(void)
{
    size_t                          i, len;
    const u_char                   *value;
    ngx_ohttp_relay_redis_reply_t  *reply;

    static const char  info[] =
        "$72\r\n# Server\r\nredis_version:7.0.15\r\nempty:\r\nrole:master\r\n"
        "xrole:slave\r\nlast:1\r\n";

    static const struct {
        const char  *name;
        const char  *value;
    } cases[] = {
        { "redis_version", "7.0.15" },
        { "role", "master" },
        { "empty", "" },
        { "last", "1" },
        { "version", NULL },
        { "rol", NULL },
        { "Server", NULL },
    };

    reply = read_one(info, sizeof(info) - 1);

    for (i = 0; i < tap_array_len(cases); i++) {
        value = reply ? ngx_ohttp_relay_redis_find_info(reply, cases[i].name,
                                                        &len)
                      : NULL;

        tap_ok(reply
               && (value ? cases[i].value && strlen(cases[i].value) == len
                           && memcmp(value, cases[i].value, len) == 0
                         : cases[i].value == NULL),
               "info %s", cases[i].name);
    }

    ngx_ohttp_relay_redis_free_reply(reply);
}


static void
test_limits(void)
{
    int                              rc;
    u_char                           block[4096];
    size_t                           i, n;
    ngx_ohttp_relay_redis_reply_t   *reply;
    ngx_ohttp_relay_redis_reader_t  *reader;

    static const char  *broken[] = {
        "HTTP/1.1 200 OK\r\n", "*1000000000\r\n", "*1025\r\n", "*-2\r\n",
        ",1.5\r\n", "#t\r\n", "%1\r\n+a\r\n+b\r\n", "~1\r\n+a\r\n",
        ">1\r\n+a\r\n", "(123\r\n", "=5\r\ntxt:a\r\n", "_x\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
    };

    for (i = 0; i < tap_array_len(broken); i++) {
        reply = read_one(broken[i], strlen(broken[i]));
        tap_ok(reply == NULL, "no reply: %s",
               tap_text(broken[i], strlen(broken[i])));
        ngx_ohttp_relay_redis_free_reply(reply);
    }

    /* one reply that never ends */

    reader = ngx_ohttp_relay_redis_create_reader();
    (void) ngx_ohttp_relay_redis_feed(reader, (u_char *) "$900000000\r\n", 12);
    memset(block, 'x', sizeof(block));

    for (n = 0, rc = NGX_OHTTP_RELAY_REDIS_AGAIN;
         rc == NGX_OHTTP_RELAY_REDIS_AGAIN && n < 1000;
         n++)
    {
        (void) ngx_ohttp_relay_redis_feed(reader, block, sizeof(block));
        rc = ngx_ohttp_relay_redis_next(reader, &reply);
    }

    tap_ok(rc == NGX_OHTTP_RELAY_REDIS_BROKEN
           && n == NGX_OHTTP_RELAY_REDIS_LONGEST / sizeof(block),
           "a reply without an end is given up after %zu blocks", n);

    ngx_ohttp_relay_redis_free_reader(reader);
}


/* many replies, cut everywhere: all of them, in order */

static void
test_split(void)
{
    int                              bad;
    char                             text[64];
    size_t                           i, len, part;
    int64_t                          seen;
    ngx_ohttp_relay_redis_reply_t   *reply;
    ngx_ohttp_relay_redis_reader_t  *reader;

    for (part = 1; part < 32; part++) {
        bad = 0;
        seen = 0;
        reader = ngx_ohttp_relay_redis_create_reader();

        for (i = 0; i < 2000; i++) {
            len = snprintf(text, sizeof(text), ":%zu\r\n$-1\r\n", i);

            if (part < len) {
                (void) ngx_ohttp_relay_redis_feed(reader, (u_char *) text,
                                                  part);

                while (ngx_ohttp_relay_redis_next(reader, &reply)
                       == NGX_OHTTP_RELAY_REDIS_OK)
                {
                    bad |= reply->type == NGX_OHTTP_RELAY_REDIS_INTEGER
                           && reply->integer != seen++;
                    ngx_ohttp_relay_redis_free_reply(reply);
                }

                (void) ngx_ohttp_relay_redis_feed(reader,
                                                  (u_char *) text + part,
                                                  len - part);

            } else {
                (void) ngx_ohttp_relay_redis_feed(reader, (u_char *) text,
                                                  len);
            }

            while (ngx_ohttp_relay_redis_next(reader, &reply)
                   == NGX_OHTTP_RELAY_REDIS_OK)
            {
                bad |= reply->type == NGX_OHTTP_RELAY_REDIS_INTEGER
                       && reply->integer != seen++;
                ngx_ohttp_relay_redis_free_reply(reply);
            }
        }

        tap_ok(!bad && seen == 2000, "replies cut at %zu", part);

        ngx_ohttp_relay_redis_free_reader(reader);
    }
}


/* the values of the cluster's specification, and those of CLUSTER KEYSLOT */

static void
test_slots(void)
{
    size_t  i;

    static const struct {
        const char  *tag;
        unsigned     slot;
    } cases[] = {
        { "123456789", 0x31c3 },
        { "foo", 12182 },
        { "", 0 },
        { "user1000", 3443 },
    };

    for (i = 0; i < tap_array_len(cases); i++) {
        tap_ok(ngx_ohttp_relay_redis_hash_slot((u_char *) cases[i].tag,
                                               strlen(cases[i].tag))
               == cases[i].slot,
               "slot of \"%s\"", cases[i].tag);
    }
}
