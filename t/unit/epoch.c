
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "epoch.h"


#define HEX1  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEX0  "0000000000000000000000000000000000000000000000000000000000000000"
#define REST  "\"sha256\":\"" HEX1 "\",\"previous\":\"" HEX0 "\"}"
#define LONG  "0123456789012345678901234567890123456789012345678901234567890123"


static void test_line(void);
static void test_cut(void);
static void test_changed(void);
static int parse(const char *in, size_t len, ngx_ohttp_relay_epoch_t *epoch);


static const struct {
    const char  *in;
    size_t       len;
    int          ok;
} lines[] = {
    { tap_bytes("{\"seq\":1,\"time\":0,\"gateway\":\"a\"," REST), 1 },
    { tap_bytes("{\"seq\":9223372036854775807,\"time\":9223372036854775807,"
                "\"gateway\":\"" LONG "\"," REST), 1 },
    { tap_bytes("{\"seq\":7,\"time\":1790000000,\"gateway\":\"A-z_0.9\"," REST),
      1 },

    { tap_bytes(""), 0 },
    { tap_bytes("{}"), 0 },
    { tap_bytes("{\"seq\":0,\"time\":0,\"gateway\":\"a\"," REST), 0 },
    { tap_bytes("{\"seq\":01,\"time\":0,\"gateway\":\"a\"," REST), 0 },
    { tap_bytes("{\"seq\":-1,\"time\":0,\"gateway\":\"a\"," REST), 0 },
    { tap_bytes("{\"seq\":1.0,\"time\":0,\"gateway\":\"a\"," REST), 0 },
    { tap_bytes("{\"seq\":9223372036854775808,\"time\":0,\"gateway\":\"a\","
                REST), 0 },
    { tap_bytes("{\"seq\":1,\"time\":,\"gateway\":\"a\"," REST), 0 },
    { tap_bytes("{\"seq\":1,\"time\":00,\"gateway\":\"a\"," REST), 0 },
    { tap_bytes("{\"seq\":1,\"time\":0,\"gateway\":\"\"," REST), 0 },
    { tap_bytes("{\"seq\":1,\"time\":0,\"gateway\":\"" LONG "4\"," REST), 0 },
    { tap_bytes("{\"seq\":1,\"time\":0,\"gateway\":\"a b\"," REST), 0 },
    { tap_bytes("{\"seq\":1,\"time\":0,\"gateway\":\"a\\u0062\"," REST), 0 },
    { tap_bytes("{\"seq\":1,\"time\":0,\"gateway\":\"a\0\"," REST), 0 },
    { tap_bytes("{\"seq\": 1,\"time\":0,\"gateway\":\"a\"," REST), 0 },
    { tap_bytes(" {\"seq\":1,\"time\":0,\"gateway\":\"a\"," REST), 0 },
    { tap_bytes("{\"seq\":1,\"time\":0,\"gateway\":\"a\"," REST " "), 0 },
    { tap_bytes("{\"seq\":1,\"time\":0,\"gateway\":\"a\"," REST "\r"), 0 },
    { tap_bytes("{\"time\":0,\"seq\":1,\"gateway\":\"a\"," REST), 0 }
};


int
main(void)
{
    test_line();
    test_cut();
    test_changed();

    return tap_done();
}


static void
test_line(void)
{
    int                       rc;
    size_t                    i;
    u_char                    out[NGX_OHTTP_RELAY_EPOCH_MAX], *last;
    ngx_ohttp_relay_epoch_t   epoch;

    for (i = 0; i < tap_array_len(lines); i++) {
        rc = parse(lines[i].in, lines[i].len, &epoch);

        tap_ok((rc == NGX_OHTTP_RELAY_OK) == lines[i].ok, "line %zu", i);
    }

    for (i = 0; lines[i].ok; i++) {
        (void) ngx_ohttp_relay_epoch((const u_char *) lines[i].in,
                                     (const u_char *) lines[i].in
                                     + lines[i].len, &epoch);

        last = ngx_ohttp_relay_epoch_write(out, &epoch);

        tap_ok((size_t) (last - out) == lines[i].len
               && memcmp(out, lines[i].in, lines[i].len) == 0,
               "line %zu is written as it was read", i);
    }

    tap_ok(epoch.seq == 7 && epoch.time == 1790000000
           && epoch.gateway.len == 7 && epoch.sha256[0] == 0x01
           && epoch.sha256[31] == 0xef && epoch.previous[31] == 0,
           "and all of it is there");
}


/* no beginning of a line is a line: what is torn is seen */

static void
test_cut(void)
{
    int                      bad;
    size_t                   len;
    ngx_ohttp_relay_epoch_t  epoch;

    bad = 0;

    for (len = 0; len < lines[0].len; len++) {
        bad |= parse(lines[0].in, len, &epoch) == NGX_OHTTP_RELAY_OK;
    }

    tap_ok(!bad, "a line that is cut anywhere is none");
}


static void
test_changed(void)
{
    int                      bad;
    char                    *copy;
    size_t                   i, n;
    ngx_ohttp_relay_epoch_t  epoch;

    static const char  wrong[] = "AFg \"/:@`{";

    bad = 0;
    copy = malloc(lines[0].len);

    for (i = lines[0].len - 66; i < lines[0].len; i++) {
        for (n = 0; n < sizeof(wrong); n++) {

            memcpy(copy, lines[0].in, lines[0].len);

            if (copy[i] != wrong[n]) {
                copy[i] = wrong[n];
                bad |= parse(copy, lines[0].len, &epoch)
                       == NGX_OHTTP_RELAY_OK;
            }
        }
    }

    free(copy);

    tap_ok(!bad, "a digest has lower case digits, and an end");
}


static int
parse(const char *in, size_t len, ngx_ohttp_relay_epoch_t *epoch)
{
    int      rc;
    u_char  *copy;

    copy = malloc(len ? len : 1);
    memcpy(copy, in, len);

    rc = ngx_ohttp_relay_epoch(copy, copy + len, epoch);

    free(copy);

    return rc;
}
