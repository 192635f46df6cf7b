
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "attested.h"


#define NOW    1000000
#define MONO   5000000

#define OK        NGX_OHTTP_RELAY_ATTESTED_OK
#define NONE      NGX_OHTTP_RELAY_ATTESTED_NONE
#define PINNED    NGX_OHTTP_RELAY_ATTESTED_PINNED
#define STALE     NGX_OHTTP_RELAY_ATTESTED_STALE
#define REFUSED   NGX_OHTTP_RELAY_ATTESTED_REFUSED
#define CONFLICT  NGX_OHTTP_RELAY_ATTESTED_KEY_CONFLICT


static void test_judgement(void);
static void test_holds(void);
static void test_hold(void);
static void test_hold_end(void);
static void test_words(void);


/* what differs from a good verdict about a gateway at https:// */

static const struct {
    const char                       *name;
    const char                       *kind;
    const char                       *policy_kind;
    ngx_ohttp_relay_verdict_state_e   state;
    ngx_ohttp_relay_root_e            root;
    int                               written;    /* s from now */
    int                               verified;   /* s from now */
    unsigned                          npins;
    unsigned                          entry;      /* another one */
    unsigned                          policy:1;
    unsigned                          tls:1;
    unsigned                          https:1;
    unsigned                          test_roots:1;
    ngx_ohttp_relay_attested_e        expected;
} cases[] = {
    { "ok", "tdx", "tdx", 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, OK },
    { "stale", "tdx", "tdx", 2, 1, 0, 0, 0, 0, 1, 0, 1, 0, STALE },
    { "refused", "tdx", "tdx", 3, 1, 0, 0, 0, 0, 1, 0, 1, 0, REFUSED },
    { "refused by nothing", "tdx", "tdx", 3, 0, 0, 0, 0, 0, 1, 1, 0, 0,
      REFUSED },
    { "key conflict", "tdx", "tdx", 4, 1, 0, 0, 0, 0, 1, 0, 1, 0, CONFLICT },

    { "no policy", "tdx", "tdx", 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, NONE },
    { "another entry", "tdx", "tdx", 0, 1, 0, 0, 0, 1, 1, 0, 1, 0, NONE },
    { "another entry's last byte", "tdx", "tdx", 0, 1, 0, 0, 0, 32, 1, 0, 1,
      0, NONE },
    { "another entry that is refused", "tdx", "tdx", 3, 1, 0, 0, 0, 1, 1, 0, 1,
      0, NONE },
    { "another kind", "tdx", "aws-nitro", 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, NONE },
    { "a kind that begins alike", "tdx", "td", 0, 1, 0, 0, 0, 0, 1, 0, 1, 0,
      NONE },

    { "pinned", "pinned", "pinned", 1, 3, 0, 0, 0, 0, 1, 0, 1, 0, PINNED },
    { "pinned where evidence is asked for", "tdx", "tdx", 1, 3, 0, 0, 0, 0, 1,
      0, 1, 0, NONE },
    { "evidence where it is pinned", "pinned", "pinned", 0, 1, 0, 0, 0, 0, 1,
      0, 1, 0, NONE },
    { "pinned and stale", "pinned", "pinned", 2, 3, 0, 0, 0, 0, 1, 0, 1, 0,
      NONE },

    { "a test root", "tdx", "tdx", 0, 4, 0, 0, 0, 0, 1, 0, 1, 0, NONE },
    { "a test root that counts", "tdx", "tdx", 0, 4, 0, 0, 0, 0, 1, 0, 1, 1,
      OK },
    { "test roots that would count", "tdx", "tdx", 0, 1, 0, 0, 0, 0, 1, 0, 1,
      1, OK },
    { "a service's root", "tdx", "tdx", 0, 2, 0, 0, 0, 0, 1, 0, 1, 0, OK },

    { "pins", "tdx", "tdx", 0, 1, 0, 0, 1, 0, 1, 1, 1, 0, OK },
    { "pins that nobody asks for", "tdx", "tdx", 0, 1, 0, 0, 1, 0, 1, 0, 1, 0,
      OK },
    { "no pins", "tdx", "tdx", 0, 1, 0, 0, 0, 0, 1, 1, 1, 0, NONE },
    { "pins of a pinned one", "pinned", "pinned", 1, 3, 0, 0, 0, 0, 1, 1, 1,
      0, NONE },
    { "pins without TLS", "tdx", "tdx", 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, NONE },
    { "no pins and no TLS", "tdx", "tdx", 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, OK },

    { "verified in 60 s", "tdx", "tdx", 0, 1, 0, 60, 0, 0, 1, 0, 1, 0, OK },
    { "verified in 61 s", "tdx", "tdx", 0, 1, 0, 61, 0, 0, 1, 0, 1, 0, NONE },
    { "written in 60 s", "tdx", "tdx", 0, 1, 60, 0, 0, 0, 1, 0, 1, 0, OK },
    { "written in 61 s", "tdx", "tdx", 0, 1, 61, 0, 0, 0, 1, 0, 1, 0, NONE },
    { "verified long ago", "tdx", "tdx", 0, 1, -9999, -9999, 0, 0, 1, 0, 1, 0,
      OK },
};


int
main(void)
{
    test_judgement();
    test_holds();
    test_hold();
    test_hold_end();
    test_words();

    return tap_done();
}


static void
test_judgement(void)
{
    size_t                           i;
    const char                      *why;
    ngx_ohttp_relay_terms_t          terms;
    ngx_ohttp_relay_verdict_t        verdict;
    ngx_ohttp_relay_attested_e       got;
    ngx_ohttp_relay_verdict_file_t   file;

    memset(&file, 0, sizeof(file));

    for (i = 0; i < tap_array_len(cases); i++) {
        memset(&verdict, 0, sizeof(verdict));
        memset(&terms, 0, sizeof(terms));

        file.written_at = NOW + cases[i].written;
        verdict.state = cases[i].state;
        verdict.root = cases[i].root;
        verdict.kind.data = (u_char *) cases[i].kind;
        verdict.kind.len = strlen(cases[i].kind);
        verdict.verified_at = NOW + cases[i].verified;
        verdict.npins = cases[i].npins;

        terms.kind.data = (u_char *) cases[i].policy_kind;
        terms.kind.len = strlen(cases[i].policy_kind);
        terms.policy = cases[i].policy;
        terms.tls = cases[i].tls;
        terms.https = cases[i].https;
        terms.test_roots = cases[i].test_roots;

        if (cases[i].entry) {
            terms.entry_sha256[cases[i].entry - 1] = 1;
        }

        why = NULL;
        got = ngx_ohttp_relay_attested(&file, &verdict, &terms, NOW, &why);

        tap_ok(got == cases[i].expected
               && (why == NULL) == (got == OK || got == PINNED || got == STALE),
               "%s", cases[i].name);
    }

    tap_ok(ngx_ohttp_relay_attested(NULL, NULL, &terms, NOW, &why) == NONE,
           "no file");
    tap_ok(ngx_ohttp_relay_attested(&file, NULL, &terms, NOW, &why) == NONE,
           "no verdict");
}


/* both clocks must be in front of the end */

static void
test_holds(void)
{
    size_t  i;

    static const struct {
        int64_t   wall;
        uint64_t  mono;
        int       holds;
    } times[] = {
        { NOW, MONO, 1 },
        { NOW + 9, MONO + 9999, 1 },
        { NOW + 10, MONO + 9999, 0 },
        { NOW + 9, MONO + 10000, 0 },
        { NOW + 11, MONO, 0 },
        { NOW, MONO + 20000, 0 },
        { NOW - 5000, MONO + 20000, 0 },
        { NOW - 5000, MONO + 9999, 1 },
    };

    for (i = 0; i < tap_array_len(times); i++) {
        tap_ok(ngx_ohttp_relay_holds(NOW + 10, MONO + 10000ULL, times[i].wall,
                                     times[i].mono) == times[i].holds,
               "%zu: it %s", i, times[i].holds ? "holds" : "holds no more");
    }
}


static void
test_hold(void)
{
    u_char                  id[NGX_OHTTP_RELAY_VERDICT_DIGEST];
    u_char                  other[NGX_OHTTP_RELAY_VERDICT_DIGEST];
    ngx_ohttp_relay_hold_t  hold;

    memset(&hold, 0, sizeof(hold));
    memset(id, 0, sizeof(id));
    memset(other, 0, sizeof(other));
    other[31] = 1;

    /* what is all zero is known of nothing, not even of an id of zeros */

    tap_ok(ngx_ohttp_relay_hold(&hold, id, 0, NOW + 10, NOW, MONO)
           == MONO + 10000, "a deadline by the clocks");

    tap_ok(ngx_ohttp_relay_hold(&hold, id, 0, NOW + 10, NOW, MONO + 3000)
           == MONO + 10000, "a clock that stands still prolongs nothing");

    tap_ok(ngx_ohttp_relay_hold(&hold, id, 0, NOW + 10, NOW - 3600,
                                MONO + 4000) == MONO + 10000,
           "nor does one that was set back");

    tap_ok(ngx_ohttp_relay_hold(&hold, id, 0, NOW + 3600, NOW + 4,
                                MONO + 4000) == MONO + 10000,
           "nor does a later end of the same");

    tap_ok(ngx_ohttp_relay_hold(&hold, id, 0, NOW + 8, NOW + 4, MONO + 4000)
           == MONO + 8000, "an earlier end of the same counts");

    tap_ok(ngx_ohttp_relay_hold(&hold, id, 1, NOW + 20, NOW + 4, MONO + 4000)
           == MONO + 20000, "of another number it is another one");

    tap_ok(ngx_ohttp_relay_hold(&hold, other, 1, NOW + 30, NOW + 4,
                                MONO + 4000) == MONO + 30000,
           "and of another id");

    tap_ok(ngx_ohttp_relay_hold(&hold, id, 2, NOW, NOW, MONO) == MONO
           && ngx_ohttp_relay_hold(&hold, id, 2, NOW, NOW - 100, MONO + 1)
              == MONO, "what has ended already has no time at all");
}


static void
test_hold_end(void)
{
    u_char                  id[NGX_OHTTP_RELAY_VERDICT_DIGEST];
    ngx_ohttp_relay_hold_t  hold;

    memset(&hold, 0, sizeof(hold));
    memset(id, 7, sizeof(id));

    tap_ok(!ngx_ohttp_relay_hold_end(&hold, id, 1, MONO),
           "nothing ends where nothing is");

    (void) ngx_ohttp_relay_hold(&hold, id, 1, NOW + 10, NOW, MONO);

    tap_ok(!ngx_ohttp_relay_hold_end(&hold, id, 2, MONO + 1)
           && hold.deadline == MONO + 10000, "another one does not end it");

    /* a clock that was wrong, and is set back again */

    tap_ok(ngx_ohttp_relay_hold_end(&hold, id, 1, MONO + 2)
           && hold.deadline == MONO + 2, "it ends");
    tap_ok(!ngx_ohttp_relay_hold_end(&hold, id, 1, MONO + 3)
           && hold.deadline == MONO + 2, "once");
    tap_ok(ngx_ohttp_relay_hold(&hold, id, 1, NOW + 10, NOW, MONO + 4)
           == MONO + 2, "and for good");

    (void) ngx_ohttp_relay_hold(&hold, id, 3, NOW + 10, NOW, MONO + 5);

    tap_ok(ngx_ohttp_relay_hold_end(&hold, id, 3, MONO + 20000)
           && hold.deadline == MONO + 10005, "its deadline is never put off");
}


static void
test_words(void)
{
    int  bad;

    bad = strcmp(ngx_ohttp_relay_attested_word(NGX_OHTTP_RELAY_ATTESTED_OFF),
                 "off");
    bad |= strcmp(ngx_ohttp_relay_attested_word(CONFLICT), "key_conflict");
    bad |= strcmp(ngx_ohttp_relay_attested_word(
                      NGX_OHTTP_RELAY_ATTESTED_LAPSED), "lapsed");

    tap_ok(!bad, "each has its word");
}
