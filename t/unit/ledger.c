
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "memory.h"


#define MEGABYTE  (1024 * 1024ULL)

#define SPENT     NGX_OHTTP_RELAY_LEDGER_SPENT
#define SEALED    NGX_OHTTP_RELAY_LEDGER_SEALED
#define USES      NGX_OHTTP_RELAY_LEDGER_USES

#define GRANTED   NGX_OHTTP_RELAY_LEDGER_GRANTED
#define REFUSED   NGX_OHTTP_RELAY_LEDGER_REFUSED
#define USED_UP   NGX_OHTTP_RELAY_LEDGER_USED_UP
#define FULL      NGX_OHTTP_RELAY_LEDGER_FULL


static void test_claim(void);
static void test_around(void);
static void test_expiry(void);
static void test_clock_set_back(void);
static void test_epochs(void);
static void test_refunds(void);
static void test_uses(void);
static void test_uses_rate(void);
static void test_uses_refunds(void);
static void test_mark(void);
static void test_full(void);
static void test_lost(void);
static void test_pins(void);
static void start(uint64_t left);
static void end(const char *what);
static int claim(ngx_ohttp_relay_ledger_ask_t *ask, int64_t now);
static int unclaim(ngx_ohttp_relay_ledger_ask_t *ask);


static ngx_ohttp_relay_ledger_t  ledger;
static ngx_ohttp_relay_memory_t  memory;
static uint64_t                  size, wait;


int
main(void)
{
    test_claim();
    test_around();
    test_expiry();
    test_clock_set_back();
    test_epochs();
    test_refunds();
    test_uses();
    test_uses_rate();
    test_uses_refunds();
    test_mark();
    test_full();
    test_lost();
    test_pins();

    return tap_done();
}


static void
test_claim(void)
{
    int                           bad;
    u_char                        name[16];
    ngx_ohttp_relay_ledger_ask_t  ask;

    start(4 * MEGABYTE);

    memcpy(name, store_name(1), 16);
    ask = store_ask(SPENT, 10, name);

    tap_ok(claim(&ask, NOW) == GRANTED, "a name is granted");
    tap_ok(claim(&ask, NOW) == REFUSED && wait == 0, "once");

    ask.epoch = 11;
    bad = claim(&ask, NOW) != GRANTED;
    ask.epoch = 10;
    ask.kind = SEALED;
    bad |= claim(&ask, NOW) != GRANTED;
    ask.kind = SPENT;
    ask.group = (const u_char *) "group..2";
    bad |= claim(&ask, NOW) != GRANTED;

    tap_ok(!bad, "another epoch, kind or group is another thing");

    ask.group = (const u_char *) "group..1";
    name[15] ^= 1;
    tap_ok(claim(&ask, NOW) == GRANTED, "the last byte of a name counts");

    end("claims");
}


static void
test_around(void)
{
    int                           bad;
    ngx_ohttp_relay_ledger_ask_t  ask;

    start(4 * MEGABYTE);

    ask = store_ask(SEALED, 100, store_name(1));
    bad = claim(&ask, NOW) != GRANTED;

    ask.around = 1;
    ask.epoch = 101;
    bad |= claim(&ask, NOW) != REFUSED;
    ask.epoch = 99;
    bad |= claim(&ask, NOW) != REFUSED;
    ask.epoch = 102;
    bad |= claim(&ask, NOW) != GRANTED;
    ask.epoch = 98;
    bad |= claim(&ask, NOW) != GRANTED;

    tap_ok(!bad, "a name must be new in the epochs around");

    ask = store_ask(SEALED, 0, store_name(2));
    ask.around = 1;
    bad = claim(&ask, NOW) != GRANTED;
    ask.epoch = UINT64_MAX;
    tap_ok(!bad && claim(&ask, NOW) == REFUSED, "numbers go round");

    end("epochs around");
}


static void
test_expiry(void)
{
    int                           bad;
    int64_t                       now;
    ngx_ohttp_relay_ledger_ask_t  ask, later;

    start(4 * MEGABYTE);

    ask = store_ask(SPENT, 1, store_name(1));
    later = store_ask(SPENT, 2, (u_char *) "name of sixteen.");
    later.expires = LATER + 86400;

    bad = claim(&ask, NOW) != GRANTED || claim(&later, NOW) != GRANTED;

    for (now = LATER - 2; now <= LATER + 300; now++) {
        bad |= ngx_ohttp_relay_ledger_sweep(&ledger, &memory, now) != 0;
        bad |= claim(&ask, now) != REFUSED;
    }

    tap_ok(!bad, "an epoch is remembered to its end and 300 s more");

    bad = ngx_ohttp_relay_ledger_sweep(&ledger, &memory, LATER + 301) != 1;
    tap_ok(!bad && ledger.epochs == 1, "then it is dropped as a whole");
    tap_ok(claim(&ask, LATER + 301) == NGX_OHTTP_RELAY_LEDGER_OVER,
           "who asks then is not granted");
    tap_ok(claim(&later, LATER + 301) == REFUSED, "others live on");

    /* a living epoch can end later, and not earlier */

    later.expires += 1000;
    bad = claim(&later, NOW) != REFUSED;
    later.expires -= 5000;
    bad |= claim(&later, NOW) != REFUSED;
    now = LATER + 86400 + 1000 + 300;
    bad |= ngx_ohttp_relay_ledger_sweep(&ledger, &memory, now) != 0;
    bad |= ngx_ohttp_relay_ledger_sweep(&ledger, &memory, now + 1) != 1;
    tap_ok(!bad, "the latest end counts");
    tap_ok(ledger.left == size, "what was dropped is free memory");

    end("dropped epochs");
}


/* a clock that runs ahead drops epochs; set right, they must not be new */

static void
test_clock_set_back(void)
{
    ngx_ohttp_relay_ledger_ask_t  ask;

    start(4 * MEGABYTE);

    ask = store_ask(SPENT, 1, store_name(1));
    (void) claim(&ask, NOW);
    (void) ngx_ohttp_relay_ledger_sweep(&ledger, &memory, LATER + 10000);

    tap_ok(claim(&ask, NOW) == NGX_OHTTP_RELAY_LEDGER_FORGOTTEN,
           "what was dropped too early is not granted again");

    ask.epoch = 2;
    ask.expires = LATER + 1;
    tap_ok(claim(&ask, NOW) == GRANTED, "what ends later is");

    end("the clock");
}


static void
test_epochs(void)
{
    int                           bad;
    uint64_t                      i;
    ngx_ohttp_relay_ledger_ask_t  ask;

    start(128 * MEGABYTE);

    for (bad = 0, i = 0; i < 1024; i++) {
        ask = store_ask(USES, i, store_name(i));
        bad |= claim(&ask, NOW) != GRANTED;
    }

    tap_ok(!bad && ledger.epochs == 1024, "1024 epochs are remembered");

    ask = store_ask(USES, i, store_name(i));
    tap_ok(claim(&ask, NOW) == FULL, "and one more is too many");

    ask = store_ask(USES, 17, store_name(i));
    tap_ok(claim(&ask, NOW) == GRANTED, "those that are there go on");

    end("many epochs");
}


static void
test_refunds(void)
{
    int                           i, bad;
    ngx_ohttp_relay_ledger_ask_t  ask;

    start(4 * MEGABYTE);

    ask = store_ask(SPENT, 1, store_name(1));
    tap_ok(unclaim(&ask) == REFUSED, "what was not spent is not given back");

    for (bad = 0, i = 0; i < 3; i++) {
        bad |= claim(&ask, NOW) != GRANTED;
        bad |= unclaim(&ask) != GRANTED;
        bad |= unclaim(&ask) != REFUSED;
    }

    tap_ok(!bad, "a name can be given back and claimed again");

    bad = claim(&ask, NOW) != GRANTED;
    tap_ok(!bad && unclaim(&ask) == REFUSED, "but not a fourth time");
    tap_ok(claim(&ask, NOW) == REFUSED, "then it stays spent");

    /* without memory for the count, the name stays spent */

    ask = store_ask(SPENT, 2, store_name(2));
    bad = claim(&ask, NOW) != GRANTED;
    store_largest = 1;
    bad |= unclaim(&ask) != REFUSED;
    store_largest = 0;
    bad |= claim(&ask, NOW) != REFUSED;
    tap_ok(!bad, "what cannot be counted is not given back");

    end("refunds");
}


static void
test_uses(void)
{
    int                           i, bad;
    ngx_ohttp_relay_ledger_ask_t  ask;

    start(4 * MEGABYTE);

    ask = store_ask(USES, 1, store_name(1));
    ask.uses = 50;
    ask.lifetime = 600;

    for (bad = 0, i = 0; i < 50; i++) {
        bad |= claim(&ask, NOW + i) != GRANTED;
    }

    tap_ok(!bad, "50 uses are 50");
    tap_ok(claim(&ask, NOW + 51) == USED_UP && wait == 0, "and used up then");

    ask = store_ask(USES, 1, (u_char *) "name of sixteen.");
    ask.uses = 50;
    ask.lifetime = 600;

    bad = claim(&ask, NOW) != GRANTED;
    bad |= claim(&ask, NOW + 599) != GRANTED;
    bad |= claim(&ask, NOW + 600) != USED_UP;
    bad |= claim(&ask, NOW + 700) != USED_UP;
    tap_ok(!bad, "the lifetime counts from the first use");
    tap_ok(claim(&ask, NOW - 500) == GRANTED,
           "a clock that went back does not end it");

    bad = ngx_ohttp_relay_ledger_sweep(&ledger, &memory, LATER) != 0;
    tap_ok(!bad && claim(&ask, LATER) == USED_UP,
           "it is remembered to the end of the epoch, idle or not");

    end("uses");
}


static void
test_uses_rate(void)
{
    int                           i, bad;
    ngx_ohttp_relay_ledger_ask_t  ask;

    start(4 * MEGABYTE);

    ask = store_ask(USES, 1, store_name(1));
    ask.uses = 8;
    ask.interval = 10 * MICRO;
    ask.burst = 3;

    for (bad = 0, i = 0; i < 3; i++) {
        bad |= claim(&ask, NOW) != GRANTED;
    }

    bad |= claim(&ask, NOW) != REFUSED;
    tap_ok(!bad && wait == 10 * MICRO, "a rate says how long to wait");

    for (i = 0; i < 20; i++) {
        bad |= claim(&ask, NOW + 9) != REFUSED;
    }

    tap_ok(!bad && wait == MICRO, "to be refused costs no use and no time");

    for (i = 1; i <= 5; i++) {
        bad |= claim(&ask, NOW + i * 10) != GRANTED;
    }

    tap_ok(!bad, "uses come with the rate");
    tap_ok(claim(&ask, NOW + 60) == USED_UP && wait == 0, "until used up");

    /* the clock goes back by far */

    ask = store_ask(USES, 1, (u_char *) "name of sixteen.");
    ask.interval = 10 * MICRO;

    bad = claim(&ask, NOW) != GRANTED;
    bad |= claim(&ask, NOW - 10000) != REFUSED || wait != 10 * MICRO;
    bad |= claim(&ask, NOW - 10000 + 10) != GRANTED;
    tap_ok(!bad, "and a clock that went back starves nobody");

    end("rates of uses");
}


static void
test_uses_refunds(void)
{
    int                           i, bad;
    ngx_ohttp_relay_ledger_ask_t  ask;

    start(4 * MEGABYTE);

    ask = store_ask(USES, 1, store_name(1));
    ask.uses = 2;
    ask.interval = MICRO;
    ask.burst = 2;

    bad = claim(&ask, NOW) != GRANTED || claim(&ask, NOW) != GRANTED;
    bad |= claim(&ask, NOW) != USED_UP;

    for (i = 0; i < 3; i++) {
        bad |= unclaim(&ask) != GRANTED;
        bad |= claim(&ask, NOW) != GRANTED;
    }

    tap_ok(!bad, "a use that was given back is a use, and in the rate");
    bad = unclaim(&ask) != REFUSED;
    tap_ok(!bad && claim(&ask, NOW) == USED_UP, "three times");

    end("refunds of uses");
}


static void
test_mark(void)
{
    int                           bad;
    ngx_ohttp_relay_ledger_ask_t  ask;

    start(4 * MEGABYTE);

    ask = store_ask(SPENT, 1, store_name(1));
    bad = ngx_ohttp_relay_ledger_mark(&ledger, &memory, &ask, NOW * MICRO)
          != GRANTED;
    bad |= claim(&ask, NOW) != REFUSED;
    bad |= ngx_ohttp_relay_ledger_mark(&ledger, &memory, &ask, NOW * MICRO)
           != GRANTED;
    tap_ok(!bad && ngx_ohttp_relay_ledger_names(&ledger) == 1,
           "what was granted elsewhere is spent");

    ask = store_ask(USES, 1, store_name(1));
    ask.uses = 3;
    bad = ngx_ohttp_relay_ledger_mark(&ledger, &memory, &ask, NOW * MICRO)
          != GRANTED;
    bad |= ngx_ohttp_relay_ledger_mark(&ledger, &memory, &ask, NOW * MICRO)
           != GRANTED;
    bad |= claim(&ask, NOW) != GRANTED || claim(&ask, NOW) != USED_UP;
    tap_ok(!bad, "and a use elsewhere is a use");

    end("marks");
}


static void
test_full(void)
{
    int                           bad, rc;
    uint64_t                      i, n;
    ngx_ohttp_relay_ledger_ask_t  ask;

    start(MEGABYTE);

    n = 0;

    do {
        ask = store_ask(SPENT, 1, store_name(n++));
        rc = claim(&ask, NOW);
    } while (rc == GRANTED);

    n--;
    tap_ok(rc == FULL, "%d names, and it is full", (int) n);

    for (bad = 0, i = 0; i < n; i++) {
        ask = store_ask(SPENT, 1, store_name(i));
        bad |= claim(&ask, NOW) != REFUSED;
    }

    tap_ok(!bad, "nothing was forgotten for the sake of others");

    ask = store_ask(SPENT, 2, store_name(n));
    tap_ok(claim(&ask, NOW) == FULL, "there is no other epoch, either");

    ask.expires = LATER + 10000;
    (void) ngx_ohttp_relay_ledger_sweep(&ledger, &memory, LATER + 301);
    tap_ok(claim(&ask, LATER + 301) == GRANTED, "until the first is over");

    end("being full");
}


static void
test_lost(void)
{
    int                           bad;
    ngx_ohttp_relay_ledger_ask_t  ask;

    start(MEGABYTE);
    ledger.lost = NOW;

    ask = store_ask(SPENT, 1, store_name(1));

    bad = claim(&ask, NOW) != NGX_OHTTP_RELAY_LEDGER_LOST;
    ask.begins = 0;
    bad |= claim(&ask, NOW) != NGX_OHTTP_RELAY_LEDGER_LOST;
    ask.begins = NOW;
    bad |= claim(&ask, NOW) != NGX_OHTTP_RELAY_LEDGER_LOST;
    tap_ok(!bad, "after a loss nobody knows what began before");

    ask.begins = NOW + 1;
    tap_ok(claim(&ask, NOW) == GRANTED, "what began later is granted");

    ask.begins = 0;
    bad = ngx_ohttp_relay_ledger_pin(&ledger, &memory,
                                     (const u_char *) "group..2", LATER, NOW)
          != GRANTED;
    ask.group = (const u_char *) "group..2";
    bad |= claim(&ask, NOW + 1) != NGX_OHTTP_RELAY_LEDGER_LOST;
    bad |= ngx_ohttp_relay_ledger_pin(&ledger, &memory,
                                      (const u_char *) "group..3", LATER,
                                      NOW + 1)
           != GRANTED;
    ask.group = (const u_char *) "group..3";
    bad |= claim(&ask, NOW + 1) != GRANTED;
    ledger.lost = NOW + 1;
    bad |= claim(&ask, NOW + 2) != NGX_OHTTP_RELAY_LEDGER_LOST;
    tap_ok(!bad, "a group without a begin began when it was pinned");

    end("a loss");
}


static void
test_pins(void)
{
    int                           bad;
    const u_char                 *group;
    ngx_ohttp_relay_ledger_ask_t  ask;

    start(MEGABYTE);
    group = (const u_char *) "group..1";

    ask = store_ask(SPENT, 0, store_name(1));
    bad = claim(&ask, NOW) != GRANTED;

    bad |= ngx_ohttp_relay_ledger_pin(&ledger, &memory, group, LATER, NOW)
           != GRANTED;
    bad |= ngx_ohttp_relay_ledger_pin(&ledger, &memory, group, LATER - 9, NOW)
           != GRANTED;
    tap_ok(!bad, "an expiry may stay or become earlier");

    bad = ngx_ohttp_relay_ledger_pin(&ledger, &memory, group, LATER + 1000,
                                     LATER + 300)
          != GRANTED;
    bad |= ngx_ohttp_relay_ledger_sweep(&ledger, &memory, LATER + 301) != 0;
    ask.expires = LATER + 1000;
    bad |= claim(&ask, LATER + 302) != REFUSED;
    tap_ok(!bad, "raised in time, the spent stay spent");

    bad = ngx_ohttp_relay_ledger_pin(&ledger, &memory, group, LATER + 9000,
                                     LATER + 1000 + 301)
          != REFUSED;
    bad |= ngx_ohttp_relay_ledger_pin(&ledger, &memory, group, LATER + 9000,
                                      LATER + 1000 + 301)
           != REFUSED;
    tap_ok(!bad, "raised too late, it is refused, and again");

    bad = ngx_ohttp_relay_ledger_pin(&ledger, &memory, group, LATER + 1000,
                                     LATER + 1000 + 301)
          != GRANTED;
    tap_ok(!bad, "set back, all is well");

    end("pins");
}


static void
start(uint64_t left)
{
    ngx_ohttp_relay_ledger_init(&ledger, store_key, left);
    store_memory(&memory, &ledger.left);
    size = left;
}


static void
end(const char *what)
{
    ngx_ohttp_relay_ledger_reset(&ledger, &memory);

    tap_ok(store_allocated == 0 && ledger.left == size && ledger.epochs == 0,
           "no memory is left from %s", what);
}


static int
claim(ngx_ohttp_relay_ledger_ask_t *ask, int64_t now)
{
    return ngx_ohttp_relay_ledger_claim(&ledger, &memory, ask, now * MICRO,
                                        &wait);
}


static int
unclaim(ngx_ohttp_relay_ledger_ask_t *ask)
{
    return ngx_ohttp_relay_ledger_unclaim(&ledger, &memory, ask);
}
