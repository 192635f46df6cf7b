
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "event_log.h"
#include "hex.h"

#include <openssl/sha.h>


#define ACCEPTED   NGX_OHTTP_RELAY_ACCEPTED
#define REFUSED    NGX_OHTTP_RELAY_REFUSED
#define MALFORMED  NGX_OHTTP_RELAY_MALFORMED

#define D24   "121212121212121212121212121212121212121212121212"
#define D48   D24 D24

#define EVENT(imr, type, digest, name, payload, more)                        \
    "{\"imr\":" imr ",\"event_type\":" type ",\"digest\":\"" digest "\","    \
    "\"event\":\"" name "\",\"event_payload\":\"" payload "\"" more "}"

#define BOOT            EVENT("0", "4", D48, "", "", "")
#define RUN(name, data) EVENT("3", "134217729", "", name, data, "")
#define READY           RUN("system-ready", "")


static void test_forms(void);
static void test_digests(void);
static void test_digest(const char *event, const char *text, size_t len,
    const char *name);
static void test_kept(void);
static void test_many(void);
static ngx_ohttp_relay_answer_e replay(const char *text);


static const struct {
    const char                *log;
    ngx_ohttp_relay_answer_e   answer;
    const char                *name;
} forms[] = {
    { "[]", ACCEPTED, "no events" },
    { "[" BOOT "]", ACCEPTED, "an event of the boot" },
    { "[" READY "]", ACCEPTED, "one of the system" },
    { "", MALFORMED, "nothing" },
    { "{}", MALFORMED, "an object" },
    { "[" BOOT, MALFORMED, "an array that is cut" },
    { "[" BOOT "]]", MALFORMED, "something behind it" },
    { "[1]", MALFORMED, "a number" },
    { "[{}]", MALFORMED, "an empty event" },
    { "[" EVENT("4", "4", D48, "", "", "") "]", MALFORMED, "RTMR 4" },
    { "[" EVENT("-1", "4", D48, "", "", "") "]", MALFORMED, "RTMR -1" },
    { "[" EVENT("0.0", "4", D48, "", "", "") "]", MALFORMED, "RTMR 0.0" },
    { "[" EVENT("0", "-4", D48, "", "", "") "]", MALFORMED, "a type below 0" },
    { "[" EVENT("0", "4294967296", D48, "", "", "") "]", MALFORMED,
      "a type of 33 bits" },
    { "[" EVENT("0", "4", D24, "", "", "") "]", MALFORMED,
      "a digest of 24 bytes" },
    { "[" EVENT("0", "4", D48 "12", "", "", "") "]", MALFORMED,
      "a digest of 49 bytes" },
    { "[" EVENT("0", "4", "", "", "", "") "]", MALFORMED,
      "no digest of the boot" },
    { "[" EVENT("3", "4", D48, "", "", "") "]", MALFORMED,
      "an event of the boot in RTMR 3" },
    { "[" EVENT("2", "134217729", "", "app-id", "01", "") "]", MALFORMED,
      "one of the system in RTMR 2" },
    { "[" RUN("app-id", "0") "]", MALFORMED, "half a byte" },
    { "[" RUN("app-id", "0g") "]", MALFORMED, "a payload that is no hex" },
    { "[" EVENT("3", "134217729", "", "a", "", ",\"version\":1") "]", ACCEPTED,
      "version 1" },
    { "[" EVENT("3", "134217729", "", "a", "", ",\"version\":null") "]",
      ACCEPTED, "version null" },
    { "[" EVENT("3", "134217729", "", "a", "", ",\"version\":3") "]",
      MALFORMED, "version 3" },
    { "[" EVENT("3", "134217729", "", "a", "", ",\"version\":\"1\"") "]",
      MALFORMED, "a version that is text" },
    { "[" EVENT("3", "134217729", "", "a\\\"b", "", ",\"version\":2") "]",
      MALFORMED, "a quote in a name of version 2" },
    { "[" EVENT("3", "134217729", "", "a\\\\b", "", ",\"version\":2") "]",
      MALFORMED, "a backslash in one" },
    { "[" EVENT("3", "134217729", "", "\xc3\xa4", "", ",\"version\":2") "]",
      MALFORMED, "a letter of two bytes in one" },
    { "[" EVENT("3", "134217729", "", "a", "", ",\"imr\":3") "]", MALFORMED,
      "a member twice" },
    { "[" RUN("app-id", "01") "," RUN("app-id", "01") "," READY "]", REFUSED,
      "an event of the system twice" },
    { "[" RUN("app-id", "") "," READY "]", REFUSED, "one without content" },
    { "[" RUN("other", "01") "," RUN("other", "01") "," READY "]", ACCEPTED,
      "another one twice" },
};


static ngx_ohttp_relay_event_log_t   event_log;
static ngx_ohttp_relay_finding_t     finding;


int
main(void)
{
    test_forms();
    test_digests();
    test_kept();
    test_many();

    return tap_done();
}


static void
test_forms(void)
{
    size_t  i;

    for (i = 0; i < tap_array_len(forms); i++) {
        tap_ok(replay(forms[i].log) == forms[i].answer, "%s: %d",
               forms[i].name, forms[i].answer);
    }
}


/* what the digest is of, by itself: dstack's own text says so */

static void
test_digests(void)
{
    u_char  both[96], right[48];

    test_digest(EVENT("3", "134217729", "", "app-id", "0aff", ""),
                tap_bytes("\1\0\0\x08:app-id:\x0a\xff"), "version 1");
    test_digest(EVENT("3", "134217729", D48, "app-id", "0AFF", ""),
                tap_bytes("\1\0\0\x08:app-id:\x0a\xff"),
                "version 1, whatever the log says");
    test_digest(EVENT("3", "134217729", "", "app-id", "0AFF",
                      ",\"version\":2"),
                tap_bytes("{\"name\":\"app-id\",\"payload\":\"0aff\","
                          "\"type\":134217729}"), "version 2");

    /* an event of the boot: its digest stands in the log */

    memset(both, 0, 48);
    memset(both + 48, 0x12, 48);
    SHA384(both, 96, right);

    replay("[" BOOT "]");
    tap_ok(memcmp(event_log.rtmrs[0], right, 48) == 0, "a register, once");

    memcpy(both, right, 48);
    SHA384(both, 96, right);

    replay("[" BOOT "," BOOT "]");
    tap_ok(memcmp(event_log.rtmrs[0], right, 48) == 0, "a register, twice");

    memset(right, 0, 48);
    tap_ok(memcmp(event_log.rtmrs[1], right, 48) == 0, "and no other one");
}


static void
test_digest(const char *event, const char *text, size_t len,
    const char *name)
{
    char    log[512];
    u_char  both[96], right[48];

    memset(both, 0, 48);
    SHA384((const u_char *) text, len, both + 48);
    SHA384(both, 96, right);

    snprintf(log, sizeof(log), "[%s]", event);

    tap_ok(replay(log) == ACCEPTED
           && memcmp(event_log.rtmrs[3], right, 48) == 0, "%s", name);
}


static void
test_kept(void)
{
    replay("[" RUN("app-id", "0aff") "," READY "," RUN("compose-hash", "01")
           "]");

    tap_ok(event_log.events[NGX_OHTTP_RELAY_EVENT_APP_ID].len == 2
           && memcmp(event_log.events[NGX_OHTTP_RELAY_EVENT_APP_ID].data,
                     "\x0a\xff", 2) == 0, "an event before system-ready");
    tap_ok(event_log.events[NGX_OHTTP_RELAY_EVENT_COMPOSE_HASH].len == 0,
           "none behind it");

    replay("[" RUN("app-id", "0aff") "]");
    tap_ok(event_log.events[NGX_OHTTP_RELAY_EVENT_APP_ID].len == 0,
           "none without it");

    tap_ok(ngx_ohttp_relay_event("os-image-hash")
           == NGX_OHTTP_RELAY_EVENT_OS_IMAGE_HASH
           && ngx_ohttp_relay_event("key-provider")
              == NGX_OHTTP_RELAY_EVENT_KEY_PROVIDER
           && ngx_ohttp_relay_event("system-ready")
              == NGX_OHTTP_RELAY_EVENTS, "names");
}


static void
test_many(void)
{
    char    *log, *p;
    size_t   i, n;

    for (n = 1024; n <= 1025; n++) {

        log = malloc(n * (sizeof(BOOT) + 1) + 2);
        p = log;

        for (i = 0; i < n; i++) {
            p += sprintf(p, "%s%s", i ? "," : "[", BOOT);
        }

        sprintf(p, "]");

        tap_ok(replay(log) == (n == 1024 ? ACCEPTED : MALFORMED),
               "%zu events", n);
        free(log);
    }
}


static ngx_ohttp_relay_answer_e
replay(const char *text)
{
    u_char                    *copy;
    ngx_ohttp_relay_answer_e   answer;

    copy = tap_copy(text, strlen(text));
    answer = ngx_ohttp_relay_event_log(copy, copy + strlen(text), &event_log,
                                       &finding);
    tap_free(copy, strlen(text));

    return answer;
}
