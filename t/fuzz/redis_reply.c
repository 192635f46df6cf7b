
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * However replies are cut into pieces, they are the same, and what is no clean
 * answer is never a yes.
 */


#include "fuzz.h"
#include "../../src/store/redis_reply.h"


#define FUZZ_ID  "\1\2\3\4\5\6\7\10"


static size_t fuzz_read(const uint8_t *data, size_t size, size_t piece,
    uint64_t *sum);
static void fuzz_look(const ngx_ohttp_relay_redis_reply_t *reply,
    uint64_t *sum);
static void fuzz_add(uint64_t *sum, uint64_t value);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t    whole, cut;
    uint64_t  first, second;

    if (size == 0) {
        return 0;
    }

    whole = fuzz_read(data + 1, size - 1, size, &first);
    cut = fuzz_read(data + 1, size - 1, data[0] % 64 + 1, &second);

    fuzz_assert(whole == cut);
    fuzz_assert(first == second);

    return 0;
}


/* returns how many replies there were */

static size_t
fuzz_read(const uint8_t *data, size_t size, size_t piece, uint64_t *sum)
{
    int                              rc;
    size_t                           n, len;
    u_char                          *copy;
    ngx_ohttp_relay_redis_reply_t   *reply;
    ngx_ohttp_relay_redis_reader_t  *reader;

    n = 0;
    *sum = 0;
    rc = NGX_OHTTP_RELAY_REDIS_AGAIN;

    reader = ngx_ohttp_relay_redis_create_reader();
    fuzz_assert(reader != NULL);

    while (size && rc == NGX_OHTTP_RELAY_REDIS_AGAIN) {

        len = piece < size ? piece : size;
        copy = fuzz_copy(data, len);

        fuzz_assert(ngx_ohttp_relay_redis_feed(reader, copy, len)
                    == NGX_OHTTP_RELAY_REDIS_OK);
        free(copy);

        data += len;
        size -= len;

        for ( ;; ) {
            rc = ngx_ohttp_relay_redis_next(reader, &reply);

            if (rc != NGX_OHTTP_RELAY_REDIS_OK) {
                break;
            }

            n++;
            fuzz_look(reply, sum);
            ngx_ohttp_relay_redis_free_reply(reply);
        }
    }

    ngx_ohttp_relay_redis_free_reader(reader);

    return n;
}


static void
fuzz_look(const ngx_ohttp_relay_redis_reply_t *reply, uint64_t *sum)
{
    size_t                           i, len;
    const u_char                    *value;
    ngx_ohttp_relay_redis_take_t     take;
    ngx_ohttp_relay_redis_place_t    place;
    ngx_ohttp_relay_redis_answer_e   answer;

    fuzz_add(sum, reply->type);
    fuzz_add(sum, reply->len);
    fuzz_add(sum, (uint64_t) reply->integer);

    answer = ngx_ohttp_relay_redis_read_claim(reply, (u_char *) FUZZ_ID, 8);

    fuzz_assert(answer != NGX_OHTTP_RELAY_REDIS_YES
                || reply->type == NGX_OHTTP_RELAY_REDIS_NIL
                || (reply->type == NGX_OHTTP_RELAY_REDIS_STRING
                    && reply->len == 8
                    && memcmp(reply->data, FUZZ_ID, 8) == 0));

    answer = ngx_ohttp_relay_redis_read_refund(reply);

    fuzz_assert(answer != NGX_OHTTP_RELAY_REDIS_YES
                || (reply->type == NGX_OHTTP_RELAY_REDIS_INTEGER
                    && reply->integer == 1));

    ngx_ohttp_relay_redis_read_take(reply, &take);

    fuzz_assert(take.answer != NGX_OHTTP_RELAY_REDIS_YES
                || (reply->type == NGX_OHTTP_RELAY_REDIS_ARRAY
                    && reply->len == 3 && reply->elements[0]->integer == 1));

    if (ngx_ohttp_relay_redis_read_place(reply, &place)
        == NGX_OHTTP_RELAY_REDIS_OK)
    {
        fuzz_assert(place.slot < NGX_OHTTP_RELAY_REDIS_SLOTS);
        fuzz_assert(place.port > 0 && place.port < 65536);
        fuzz_assert(place.host >= reply->data
                    && place.host + place.host_len < reply->data + reply->len);
    }

    value = ngx_ohttp_relay_redis_find_info(reply, "role", &len);

    fuzz_assert(value == NULL
                || (value >= reply->data
                    && value + len <= reply->data + reply->len));

    if (reply->type == NGX_OHTTP_RELAY_REDIS_ARRAY) {
        fuzz_assert(reply->len <= NGX_OHTTP_RELAY_REDIS_ELEMENTS);

        for (i = 0; i < reply->len; i++) {
            fuzz_assert(reply->elements[i] != NULL);
            fuzz_look(reply->elements[i], sum);
        }

    } else {

        for (i = 0; i < reply->len; i++) {
            fuzz_add(sum, reply->data[i]);
        }
    }
}


static void
fuzz_add(uint64_t *sum, uint64_t value)
{
    *sum = (*sum ^ value) * 0x100000001b3ULL;
}
