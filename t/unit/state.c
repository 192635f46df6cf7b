
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "state.h"
#include "memory.h"


#define MEGABYTE  (1024 * 1024ULL)

#define SPENT     NGX_OHTTP_RELAY_LEDGER_SPENT
#define SEALED    NGX_OHTTP_RELAY_LEDGER_SEALED
#define USES      NGX_OHTTP_RELAY_LEDGER_USES

#define GRANTED   NGX_OHTTP_RELAY_LEDGER_GRANTED
#define REFUSED   NGX_OHTTP_RELAY_LEDGER_REFUSED
#define USED_UP   NGX_OHTTP_RELAY_LEDGER_USED_UP


typedef struct {
    u_char   data[1024 * 1024];
    size_t   len;
} stream_t;


static void test_empty(void);
static void test_round_trip(void);
static void test_marks(void);
static void test_each_cut(void);
static void test_each_byte(void);
static void test_counts(void);
static void test_twice(void);
static void test_no_room(void);
static void test_as_full_as_before(void);
static void fill(void);
static void spend(uint32_t kind, uint64_t epoch, uint64_t n);
static int put(void *data, const u_char *p, size_t len);
static void save(int running);
static int load(const u_char *p, size_t len);
static void reset(ngx_ohttp_relay_ledger_t *ledger);
static int ask_again(ngx_ohttp_relay_ledger_ask_t *ask);


static ngx_ohttp_relay_ledger_t  from, to;
static ngx_ohttp_relay_memory_t  from_memory, to_memory;
static ngx_ohttp_relay_state_t   state;
static stream_t                  stream;


int
main(void)
{
    test_empty();
    test_round_trip();
    test_marks();
    test_each_cut();
    test_each_byte();
    test_counts();
    test_twice();
    test_no_room();
    test_as_full_as_before();

    return tap_done();
}


static void
test_empty(void)
{
    reset(&from);
    save(0);

    tap_ok(stream.len == 96 + 48 + 32, "of nothing there is a head and an end");
    tap_ok(load(stream.data, stream.len) == NGX_OHTTP_RELAY_OK
           && to.epochs == 0 && to.pins.names == 0, "and nothing is read");
}


static void
test_round_trip(void)
{
    int                           i, bad;
    ngx_ohttp_relay_ledger_ask_t  ask;

    fill();
    save(0);

    tap_ok(load(stream.data, stream.len) == NGX_OHTTP_RELAY_OK,
           "%d bytes are read", (int) stream.len);
    tap_ok(to.epochs == 4
           && ngx_ohttp_relay_ledger_names(&to)
              == ngx_ohttp_relay_ledger_names(&from),
           "with as many epochs and names");

    for (bad = 0, i = 0; i < 5000; i++) {
        ask = store_ask(SPENT, 1, store_name(i));
        bad |= ask_again(&ask) != (i == 4999 ? GRANTED : REFUSED);
    }

    ask = store_ask(SPENT, 1, store_name(5000));
    bad |= ask_again(&ask) != GRANTED;

    tap_ok(!bad, "what was spent is, what was given back and the rest are not");

    /* given back two times before, so once is left */

    ask = store_ask(SPENT, 1, store_name(4999));
    bad = ngx_ohttp_relay_ledger_unclaim(&to, &to_memory, &ask) != GRANTED;
    bad |= ask_again(&ask) != GRANTED;
    bad |= ngx_ohttp_relay_ledger_unclaim(&to, &to_memory, &ask) != REFUSED;
    tap_ok(!bad, "how often something was given back is kept");

    ask = store_ask(USES, 1, store_name(3));
    ask.uses = 5;
    ask.lifetime = 100;
    bad = ask_again(&ask) != GRANTED || ask_again(&ask) != USED_UP;
    ask.uses = 10;
    bad |= ngx_ohttp_relay_ledger_unclaim(&to, &to_memory, &ask) != REFUSED;
    tap_ok(!bad, "and uses, and what was given back of them");

    bad = ngx_ohttp_relay_ledger_pin(&to, &to_memory,
                                     (const u_char *) "\0\0\0\0\0\0\0\0",
                                     LATER + 2, LATER + 500)
          != REFUSED;
    bad |= ngx_ohttp_relay_ledger_pin(&to, &to_memory,
                                      (const u_char *) "group..1", LATER + 2,
                                      LATER + 500)
           != GRANTED;
    tap_ok(!bad && to.pins.names == 2, "and when groups expire");

    ask = store_ask(SPENT, 7, store_name(1));
    ask.group = (const u_char *) "group..1";
    ask.begins = 0;
    to.lost = NOW - 1;
    bad = ask_again(&ask) != GRANTED;
    to.lost = NOW;
    bad |= ask_again(&ask) != NGX_OHTTP_RELAY_LEDGER_LOST;
    to.lost = 0;
    tap_ok(!bad, "and since when they are known");

    reset(&to);
}


static void
test_marks(void)
{
    int                           bad;
    u_char                       *p;
    ngx_ohttp_relay_state_head_t  head;

    fill();

    save(0);
    bad = load(stream.data, stream.len) != NGX_OHTTP_RELAY_OK
          || state.head.running;
    tap_ok(!bad && state.head.lost == -5 && state.head.forgotten == NOW
           && state.head.written == NOW + 7, "a head is read as written");

    save(1);
    bad = load(stream.data, stream.len) != NGX_OHTTP_RELAY_OK;
    tap_ok(!bad && state.head.running, "what was not completed is seen");

    save(0);
    p = stream.data + NGX_OHTTP_RELAY_STATE_MARK;
    p[3] ^= 1;
    bad = load(stream.data, stream.len) != NGX_OHTTP_RELAY_OK;
    tap_ok(!bad && state.head.running, "anything but complete is not");

    memset(&head, 0, sizeof(head));
    memcpy(head.run, "0123456789abcdef", 16);
    ngx_ohttp_relay_state_mark(&head, p);
    bad = load(stream.data, stream.len) != NGX_OHTTP_RELAY_OK;
    tap_ok(!bad && !state.head.running
           && memcmp(state.head.run, head.run, 16) == 0,
           "a mark can be changed in place");
}


static void
test_each_cut(void)
{
    int     bad;
    size_t  len;

    reset(&from);
    spend(SPENT, 1, 1);
    spend(USES, 2, 1);
    save(0);

    for (bad = 0, len = 0; len < stream.len; len++) {
        bad |= load(stream.data, len) != NGX_OHTTP_RELAY_ERROR;
    }

    tap_ok(!bad, "cut off anywhere of %d bytes, it is seen", (int) stream.len);
    tap_ok(load(stream.data, stream.len + 1) == NGX_OHTTP_RELAY_ERROR,
           "and so is a byte more");
}


/* the sum is not looked at here: nothing may crash, or pass unchecked */

static void
test_each_byte(void)
{
    int     bits, good;
    u_char  was;
    size_t  i;

    for (good = 0, i = 0; i < stream.len; i++) {
        was = stream.data[i];

        for (bits = 0; bits < 8; bits++) {
            stream.data[i] = was ^ (1 << bits);
            good += load(stream.data, stream.len) == NGX_OHTTP_RELAY_OK;
        }

        stream.data[i] = was;
    }

    tap_ok(good > 0, "%d of %d changes of a bit leave it well formed", good,
           (int) stream.len * 8);
    tap_ok(load(stream.data, stream.len) == NGX_OHTTP_RELAY_OK,
           "and it is as before");

    reset(&to);
    tap_ok(to.left == 4 * MEGABYTE, "no memory was lost on the way");
}


/* no memory for a number that nobody has verified */

static void
test_counts(void)
{
    int       bad;
    u_char   *p;
    size_t    i;

    reset(&from);
    spend(SPENT, 1, 1);
    save(0);

    store_largest = 65536;

    for (bad = 0, i = 0; i < 64; i++) {
        p = stream.data + 96 + 32 + 7 - i / 8;
        *p ^= 1 << (i % 8);
        bad |= load(stream.data, stream.len) != NGX_OHTTP_RELAY_ERROR;
        *p ^= 1 << (i % 8);

        p += 8;
        *p ^= 1 << (i % 8);
        bad |= load(stream.data, stream.len) != NGX_OHTTP_RELAY_ERROR;
        *p ^= 1 << (i % 8);
    }

    store_largest = 0;

    tap_ok(!bad, "a number of names that cannot follow is an error");
}


static void
test_twice(void)
{
    u_char  copy[16];

    reset(&from);
    spend(SPENT, 1, 1);
    spend(SPENT, 1, 2);
    save(0);

    memcpy(copy, stream.data + 96 + 48, 16);
    memcpy(stream.data + 96 + 48 + 16, copy, 16);
    tap_ok(load(stream.data, stream.len) == NGX_OHTTP_RELAY_ERROR,
           "a name that comes twice is an error");

    memset(stream.data + 96 + 48, 0, 16);
    tap_ok(load(stream.data, stream.len) == NGX_OHTTP_RELAY_ERROR,
           "and so is one of zeros");

    memset(stream.data + 96 + 48, 0xff, 16);
    tap_ok(load(stream.data, stream.len) == NGX_OHTTP_RELAY_ERROR,
           "and one of ones");
}


static void
test_no_room(void)
{
    fill();
    save(0);
    (void) load(stream.data, 0);

    to.left = 100000;
    to_memory.left = &to.left;

    ngx_ohttp_relay_state_start(&state, stream.len);
    tap_ok(load(NULL, stream.len) == NGX_OHTTP_RELAY_AGAIN,
           "a ledger that is too small says so");

    reset(&to);
}


/* what a ledger took bit by bit fits into one of the same size */

static void
test_as_full_as_before(void)
{
    int                           rc;
    uint64_t                      n, epoch, wait;
    ngx_ohttp_relay_ledger_ask_t  ask;

    reset(&from);
    from.left = MEGABYTE;
    n = 0;

    do {
        for (epoch = 1; epoch <= 4; epoch++) {
            ask = store_ask(SPENT, epoch, store_name(n));
            rc = ngx_ohttp_relay_ledger_claim(&from, &from_memory, &ask,
                                              NOW * MICRO, &wait);
            n += rc == GRANTED;
        }
    } while (rc == GRANTED);

    save(0);
    (void) load(stream.data, 0);
    to.left = MEGABYTE;
    ngx_ohttp_relay_state_start(&state, stream.len);

    tap_ok(load(NULL, stream.len) == NGX_OHTTP_RELAY_OK,
           "%d names of a full megabyte fit into a megabyte", (int) n);

    to.left += 3 * MEGABYTE;
    reset(&to);
    from.left += 3 * MEGABYTE;
    reset(&from);

    tap_ok(store_allocated == 0, "no memory is left");
}


/* four epochs of all kinds, refunds, and two pins */

static void
fill(void)
{
    int                           i;
    ngx_ohttp_relay_ledger_ask_t  ask;

    reset(&from);

    for (i = 0; i < 5000; i++) {
        spend(SPENT, 1, i);
    }

    spend(SPENT, 2, 1);
    spend(SEALED, 1, 1);

    ask = store_ask(SPENT, 1, store_name(4999));

    for (i = 0; i < 2; i++) {
        (void) ngx_ohttp_relay_ledger_unclaim(&from, &from_memory, &ask);

        if (i == 0) {
            spend(SPENT, 1, 4999);
        }
    }

    for (i = 0; i < 7; i++) {
        spend(USES, 1, 3);
    }

    ask = store_ask(USES, 1, store_name(3));

    for (i = 0; i < 3; i++) {
        (void) ngx_ohttp_relay_ledger_unclaim(&from, &from_memory, &ask);
    }

    (void) ngx_ohttp_relay_ledger_pin(&from, &from_memory,
                                      (const u_char *) "\0\0\0\0\0\0\0\0",
                                      LATER, NOW);
    (void) ngx_ohttp_relay_ledger_pin(&from, &from_memory,
                                      (const u_char *) "group..1",
                                      LATER + 1000, NOW);
}


static void
spend(uint32_t kind, uint64_t epoch, uint64_t n)
{
    uint64_t                      wait;
    ngx_ohttp_relay_ledger_ask_t  ask;

    ask = store_ask(kind, epoch, store_name(n));

    (void) ngx_ohttp_relay_ledger_claim(&from, &from_memory, &ask, NOW * MICRO,
                                        &wait);
}


static int
put(void *data, const u_char *p, size_t len)
{
    stream_t  *out;

    out = data;

    if (len > sizeof(out->data) - out->len) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    memcpy(out->data + out->len, p, len);
    out->len += len;

    return NGX_OHTTP_RELAY_OK;
}


/* with a sum of zeros: it is for those who have the file */

static void
save(int running)
{
    ngx_ohttp_relay_state_head_t  head;

    memset(&head, 0, sizeof(head));

    head.running = running;
    head.lost = -5;
    head.forgotten = NOW;
    head.written = NOW + 7;

    stream.len = 0;

    if (ngx_ohttp_relay_state_write(&from, &head, put, &stream)
        != NGX_OHTTP_RELAY_OK)
    {
        printf("Bail out! no room\n");
        exit(2);
    }

    memset(stream.data + stream.len, 0, NGX_OHTTP_RELAY_STATE_SUM);
    stream.len += NGX_OHTTP_RELAY_STATE_SUM;
}


/* of NULL the stream, into the ledger as it is; nothing is behind an item */

static int
load(const u_char *p, size_t len)
{
    int      rc;
    size_t   need, pos;
    u_char  *copy;

    if (p != NULL) {
        reset(&to);
        ngx_ohttp_relay_state_start(&state, len);

    } else {
        p = stream.data;
    }

    for (pos = 0; (need = ngx_ohttp_relay_state_need(&state)); pos += need) {

        if (need > len - pos) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        copy = tap_copy(p + pos, need);
        rc = ngx_ohttp_relay_state_item(&state, copy, &to, &to_memory);
        tap_free(copy, need);

        if (rc != NGX_OHTTP_RELAY_OK) {
            return rc;
        }
    }

    return NGX_OHTTP_RELAY_OK;
}


static void
reset(ngx_ohttp_relay_ledger_t *ledger)
{
    ngx_ohttp_relay_memory_t  *memory;

    memory = ledger == &to ? &to_memory : &from_memory;

    if (memory->left != NULL) {
        ngx_ohttp_relay_ledger_reset(ledger, memory);
    }

    ngx_ohttp_relay_ledger_init(ledger, store_key, 4 * MEGABYTE);
    store_memory(memory, &ledger->left);
}


static int
ask_again(ngx_ohttp_relay_ledger_ask_t *ask)
{
    uint64_t  wait;

    return ngx_ohttp_relay_ledger_claim(&to, &to_memory, ask,
                                        (NOW + 10) * MICRO, &wait);
}
