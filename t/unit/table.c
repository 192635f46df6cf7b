
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "memory.h"
#include "table.h"


#define MEGABYTE  (1024 * 1024ULL)


static void test_many(uint32_t entry);
static void test_remove(void);
static void test_reserved(void);
static void test_full(void);
static void test_pieces(void);
static void test_reserve(void);
static void test_dense(void);
static int add(ngx_ohttp_relay_table_t *table,
    ngx_ohttp_relay_memory_t *memory, uint64_t n);
static u_char *find(ngx_ohttp_relay_table_t *table, uint64_t n);


int
main(void)
{
    test_many(16);
    test_many(24);
    test_many(40);
    test_remove();
    test_reserved();
    test_full();
    test_pieces();
    test_reserve();
    test_dense();

    return tap_done();
}


static void
test_many(uint32_t entry)
{
    int                             bad;
    u_char                          rest[64], *p;
    uint64_t                        i, left;
    ngx_ohttp_relay_table_t         table;
    ngx_ohttp_relay_memory_t        memory;
    ngx_ohttp_relay_table_cursor_t  cursor;

    left = 64 * MEGABYTE;
    store_memory(&memory, &left);
    ngx_ohttp_relay_table_init(&table, entry, 65536);

    for (bad = 0, i = 0; i < 100000; i++) {
        bad |= find(&table, i) != NULL;

        memset(rest, (int) i, sizeof(rest));
        bad |= ngx_ohttp_relay_table_add(&table, &memory, store_key,
                                         store_name(i),
                                         entry > 16 ? rest : NULL)
               != NGX_OHTTP_RELAY_OK;
    }

    for (i = 0; i < 100000; i++) {
        p = find(&table, i);
        bad |= p == NULL
               || (entry > 16 && (p[16] != (u_char) i
                                  || p[entry - 1] != (u_char) i));
    }

    tap_ok(!bad && table.names == 100000,
           "100000 entries of %u bytes are found, each with its own", entry);

    for (bad = 0, i = 100000; i < 200000; i++) {
        bad |= find(&table, i) != NULL;
    }

    tap_ok(!bad, "and nothing else");

    memset(&cursor, 0, sizeof(cursor));

    for (i = 0; ngx_ohttp_relay_table_next(&table, &cursor); i++) {
        /* void */
    }

    tap_ok(i == 100000, "each comes once in a walk");

    ngx_ohttp_relay_table_free(&table, &memory);
    tap_ok(store_allocated == 0 && left == 64 * MEGABYTE,
           "all memory is given back");
}


static void
test_remove(void)
{
    int                       bad;
    uint64_t                  i, left, bytes;
    ngx_ohttp_relay_table_t   table;
    ngx_ohttp_relay_memory_t  memory;

    left = MEGABYTE;
    store_memory(&memory, &left);
    ngx_ohttp_relay_table_init(&table, 16, 65536);

    for (i = 0; i < 10000; i++) {
        (void) add(&table, &memory, i);
    }

    for (i = 0; i < 10000; i += 2) {
        ngx_ohttp_relay_table_remove(&table, find(&table, i));
    }

    for (bad = 0, i = 0; i < 10000; i++) {
        bad |= (find(&table, i) != NULL) != (i % 2 == 1);
    }

    tap_ok(!bad && table.names == 5000, "what was removed is gone, only that");

    /* the same name again and again needs no memory */

    bytes = left;

    for (bad = 0, i = 0; i < 100000; i++) {
        bad |= add(&table, &memory, 4242424242) != NGX_OHTTP_RELAY_OK;
        ngx_ohttp_relay_table_remove(&table, find(&table, 4242424242));
    }

    tap_ok(!bad && left == bytes, "the room of what was removed is used again");

    ngx_ohttp_relay_table_free(&table, &memory);
}


static void
test_reserved(void)
{
    int                       bad;
    u_char                    zeros[16], ones[16], name[16], other[16];
    uint64_t                  left;
    ngx_ohttp_relay_table_t   table;
    ngx_ohttp_relay_memory_t  memory;

    left = MEGABYTE;
    store_memory(&memory, &left);
    ngx_ohttp_relay_table_init(&table, 16, 65536);

    memset(zeros, 0, sizeof(zeros));
    memset(ones, 0xff, sizeof(ones));

    ngx_ohttp_relay_table_name(zeros, name);
    bad = memcmp(name, zeros, 16) == 0
          || ngx_ohttp_relay_table_find(&table, store_key, name) != NULL;
    bad |= ngx_ohttp_relay_table_add(&table, &memory, store_key, name, NULL)
           != NGX_OHTTP_RELAY_OK;
    bad |= ngx_ohttp_relay_table_find(&table, store_key, name) == NULL;
    tap_ok(!bad, "a name of zeros is a name");

    ngx_ohttp_relay_table_name(ones, other);
    bad = memcmp(other, ones, 16) == 0 || memcmp(other, name, 16) == 0
          || ngx_ohttp_relay_table_find(&table, store_key, other) != NULL;
    bad |= ngx_ohttp_relay_table_add(&table, &memory, store_key, other, NULL)
           != NGX_OHTTP_RELAY_OK;
    bad |= ngx_ohttp_relay_table_find(&table, store_key, other) == NULL;
    tap_ok(!bad, "and so is one of ones");

    ngx_ohttp_relay_table_name(store_name(7), name);
    tap_ok(memcmp(name, store_name(7), 16) == 0, "others stay as they are");

    ngx_ohttp_relay_table_free(&table, &memory);
}


/* memory for so many, then no more: nothing that is there gets lost */

static void
test_full(void)
{
    int                       bad;
    uint64_t                  i, n, left;
    ngx_ohttp_relay_table_t   table;
    ngx_ohttp_relay_memory_t  memory;

    left = MEGABYTE;
    store_memory(&memory, &left);
    ngx_ohttp_relay_table_init(&table, 16, 65536);

    for (n = 0; add(&table, &memory, n) == NGX_OHTTP_RELAY_OK; n++) {
        /* void */
    }

    tap_ok(n >= 45000 && n < MEGABYTE / 16, "a megabyte takes %d names",
           (int) n);
    tap_ok(left < 65536, "it is used up");

    for (bad = 0, i = 0; i < n; i++) {
        bad |= find(&table, i) == NULL;
    }

    tap_ok(!bad, "all that were taken are still there");
    tap_ok(find(&table, n) == NULL, "the one without room is not");

    /* room that comes later is found */

    left += MEGABYTE;
    tap_ok(add(&table, &memory, n) == NGX_OHTTP_RELAY_OK,
           "and has its place when there is room again");

    ngx_ohttp_relay_table_free(&table, &memory);
}


/* memory in pieces is used as well, and keeps few places to look at */

static void
test_pieces(void)
{
    int                         segments;
    uint64_t                    n, left;
    ngx_ohttp_relay_table_t     table;
    ngx_ohttp_relay_memory_t    memory;
    ngx_ohttp_relay_segment_t  *segment;

    left = 8 * MEGABYTE;
    store_largest = 200000;
    store_memory(&memory, &left);
    ngx_ohttp_relay_table_init(&table, 16, 65536);

    for (n = 0; add(&table, &memory, n) == NGX_OHTTP_RELAY_OK; n++) {
        /* void */
    }

    store_largest = 0;

    for (segments = 0, segment = table.newest; segment;
         segment = segment->next)
    {
        segments++;
    }

    tap_ok(n > 7 * MEGABYTE * 3 / 4 / 16, "%d names in pieces", (int) n);
    tap_ok(segments < 100, "of which there are %d", segments);

    ngx_ohttp_relay_table_free(&table, &memory);
    tap_ok(store_allocated == 0 && left == 8 * MEGABYTE, "and all come back");
}


static void
test_reserve(void)
{
    int                       bad;
    uint64_t                  i, n, left, before;
    ngx_ohttp_relay_table_t   table;
    ngx_ohttp_relay_memory_t  memory;

    store_memory(&memory, &left);

    for (bad = 0, n = 1; n < 20000; n += n / 3 + 1) {
        left = MEGABYTE;
        ngx_ohttp_relay_table_init(&table, 16, 4096);

        bad |= ngx_ohttp_relay_table_reserve(&table, &memory, n)
               != NGX_OHTTP_RELAY_OK;
        before = table.bytes;

        for (i = 0; i < n; i++) {
            bad |= add(&table, &memory, i) != NGX_OHTTP_RELAY_OK;
        }

        bad |= table.bytes != before || before > n * 22 + 4096 + 128;

        ngx_ohttp_relay_table_free(&table, &memory);
    }

    tap_ok(!bad, "what was reserved is enough, and not more");

    left = MEGABYTE;
    ngx_ohttp_relay_table_init(&table, 16, 4096);

    tap_ok(ngx_ohttp_relay_table_reserve(&table, &memory, UINT64_MAX)
           == NGX_OHTTP_RELAY_ERROR
           && ngx_ohttp_relay_table_reserve(&table, &memory, UINT64_MAX / 16)
              == NGX_OHTTP_RELAY_ERROR
           && ngx_ohttp_relay_table_reserve(&table, &memory, 60000)
              == NGX_OHTTP_RELAY_ERROR
           && left == MEGABYTE && store_allocated == 0,
           "what cannot be had is not had in part");
}


/* bytes for a name when a segment has just become full */

static void
test_dense(void)
{
    double                    bytes, best;
    uint64_t                  i, left;
    ngx_ohttp_relay_table_t   table;
    ngx_ohttp_relay_memory_t  memory;

    left = 64 * MEGABYTE;
    store_memory(&memory, &left);
    ngx_ohttp_relay_table_init(&table, 16, 65536);

    for (best = 1000, i = 0; i < 400000; i++) {
        (void) add(&table, &memory, i);

        bytes = (double) table.bytes / (i + 1);

        if (bytes < best) {
            best = bytes;
        }
    }

    tap_ok(best < 21.5, "%.1f bytes for each name at best", best);

    ngx_ohttp_relay_table_free(&table, &memory);
}


static int
add(ngx_ohttp_relay_table_t *table, ngx_ohttp_relay_memory_t *memory,
    uint64_t n)
{
    return ngx_ohttp_relay_table_add(table, memory, store_key, store_name(n),
                                     NULL);
}


static u_char *
find(ngx_ohttp_relay_table_t *table, uint64_t n)
{
    return ngx_ohttp_relay_table_find(table, store_key, store_name(n));
}
