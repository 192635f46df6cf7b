
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "route.h"


#define NAME     NGX_OHTTP_RELAY_VALUE_NAME
#define PATH     NGX_OHTTP_RELAY_VALUE_PATH
#define HEX      NGX_OHTTP_RELAY_VALUE_HEX
#define NUMBER   NGX_OHTTP_RELAY_VALUE_NUMBER
#define VISIBLE  NGX_OHTTP_RELAY_VALUE_VISIBLE
#define WORD     NGX_OHTTP_RELAY_VALUE_WORD

#define OK       NGX_OHTTP_RELAY_OK
#define ERROR    NGX_OHTTP_RELAY_ERROR


static void test_value(void);
static void test_bytes(void);
static void test_route(void);
static void test_query(void);
static int value(const ngx_ohttp_relay_grammar_t *grammar, const char *in,
    size_t len, char *out);


static const struct {
    ngx_ohttp_relay_grammar_t   grammar;
    const char                 *in;
    size_t                      len;
    const char                 *out;     /* NULL: it does not fit */
} values[] = {
    { { NAME, 1, 4, NULL }, tap_bytes("aZ9-"), "aZ9-" },
    { { NAME, 1, 4, NULL }, tap_bytes("._."), "._." },
    { { NAME, 1, 4, NULL }, tap_bytes("..."), "..." },
    { { NAME, 1, 4, NULL }, tap_bytes(""), NULL },
    { { NAME, 0, 4, NULL }, tap_bytes(""), NULL },
    { { NAME, 1, 4, NULL }, tap_bytes("abcde"), NULL },
    { { NAME, 2, 4, NULL }, tap_bytes("a"), NULL },
    { { NAME, 1, 4, NULL }, tap_bytes("."), NULL },
    { { NAME, 1, 4, NULL }, tap_bytes(".."), NULL },
    { { NAME, 1, 4, NULL }, tap_bytes("a/b"), NULL },
    { { NAME, 1, 4, NULL }, tap_bytes("a%b"), NULL },
    { { NAME, 1, 4, NULL }, tap_bytes("a b"), NULL },

    { { PATH, 2, 99, NULL }, tap_bytes("/v1/chat"), "/v1/chat" },
    { { PATH, 1, 99, NULL }, tap_bytes("/a"), "/a" },
    { { PATH, 1, 99, NULL }, tap_bytes("/"), NULL },
    { { PATH, 1, 99, NULL }, tap_bytes("a"), NULL },
    { { PATH, 1, 99, NULL }, tap_bytes("a/b"), NULL },
    { { PATH, 1, 99, NULL }, tap_bytes("/a/"), NULL },
    { { PATH, 1, 99, NULL }, tap_bytes("//a"), NULL },
    { { PATH, 1, 99, NULL }, tap_bytes("/a//b"), NULL },
    { { PATH, 1, 99, NULL }, tap_bytes("/a/../b"), NULL },
    { { PATH, 1, 99, NULL }, tap_bytes("/a/./b"), NULL },
    { { PATH, 1, 99, NULL }, tap_bytes("/a/.."), NULL },
    { { PATH, 1, 99, NULL }, tap_bytes("/a?b"), NULL },
    { { PATH, 1, 99, NULL }, tap_bytes("/a%2f"), NULL },

    { { HEX, 4, 8, NULL }, tap_bytes("00fF"), "00ff" },
    { { HEX, 4, 8, NULL }, tap_bytes("ABCDEF12"), "abcdef12" },
    { { HEX, 4, 8, NULL }, tap_bytes("00"), NULL },
    { { HEX, 4, 8, NULL }, tap_bytes("0000000000"), NULL },
    { { HEX, 4, 8, NULL }, tap_bytes("00000"), NULL },
    { { HEX, 4, 8, NULL }, tap_bytes("0x00"), NULL },
    { { HEX, 4, 8, NULL }, tap_bytes("00 0"), NULL },
    { { HEX, 4, 8, NULL }, tap_bytes("000g"), NULL },

    { { NUMBER, 1, 4, NULL }, tap_bytes("0"), "0" },
    { { NUMBER, 1, 4, NULL }, tap_bytes("1790"), "1790" },
    { { NUMBER, 1, 4, NULL }, tap_bytes("17900"), NULL },
    { { NUMBER, 1, 4, NULL }, tap_bytes("01"), NULL },
    { { NUMBER, 1, 4, NULL }, tap_bytes("00"), NULL },
    { { NUMBER, 1, 4, NULL }, tap_bytes("-1"), NULL },
    { { NUMBER, 1, 4, NULL }, tap_bytes("1a"), NULL },

    { { VISIBLE, 1, 9, NULL }, tap_bytes("!aB~/?%"), "!aB~/?%" },
    { { VISIBLE, 1, 9, NULL }, tap_bytes("a b"), NULL },
    { { VISIBLE, 1, 9, NULL }, tap_bytes("a\x7f"), NULL },
    { { VISIBLE, 1, 9, NULL }, tap_bytes("a\x80"), NULL },
    { { VISIBLE, 1, 9, NULL }, tap_bytes("a\0"), NULL },
    { { VISIBLE, 1, 9, NULL }, tap_bytes("a\r\nb"), NULL },

    { { WORD, 1, 9, "true false" }, tap_bytes("true"), "true" },
    { { WORD, 1, 9, "true false" }, tap_bytes("False"), "false" },
    { { WORD, 1, 9, "one" }, tap_bytes("ONE"), "one" },
    { { WORD, 1, 9, "true false" }, tap_bytes("tru"), NULL },
    { { WORD, 1, 9, "true false" }, tap_bytes("falsey"), NULL },
    { { WORD, 1, 9, "true false" }, tap_bytes("true fals"), NULL },
    { { WORD, 1, 4, "true false" }, tap_bytes("false"), NULL },
};


static const struct {
    const char  *pattern;
    const char  *in;
    size_t       len;
    const char  *value;     /* NULL: another path */
} routes[] = {
    { "/v1/models", tap_bytes("/v1/models"), "" },
    { "/v1/models", tap_bytes("/v1/models/"), NULL },
    { "/v1/models", tap_bytes("/v1/model"), NULL },
    { "/v1/models", tap_bytes("/V1/models"), NULL },
    { "/v1/models", tap_bytes("/v1/models\0"), NULL },
    { "/v1/models", tap_bytes(""), NULL },
    { "/a/*", tap_bytes("/a/b-1"), "b-1" },
    { "/a/*", tap_bytes("/a/"), NULL },
    { "/a/*", tap_bytes("/a"), NULL },
    { "/a/*", tap_bytes("/a/b/c"), NULL },
    { "/a/*", tap_bytes("/a/.."), NULL },
    { "/a/*", tap_bytes("/a/*"), NULL },
    { "/a/*", tap_bytes("/a/bcdefghi"), NULL },
};


static const ngx_ohttp_relay_parameter_t  parameters[] = {
    { "algo", { WORD, 1, 8, "ecdsa ed25519" } },
    { "nonce", { HEX, 4, 4, NULL } }
};


static const struct {
    const char  *in;
    size_t       len;
    const char  *algo;      /* NULL: it is refused */
    const char  *nonce;
} queries[] = {
    { tap_bytes(""), "", "" },
    { tap_bytes("algo=ecdsa"), "ecdsa", "" },
    { tap_bytes("nonce=00FF"), "", "00FF" },
    { tap_bytes("algo=Ecdsa&nonce=00ff"), "Ecdsa", "00ff" },
    { tap_bytes("nonce=00ff&algo=ed25519"), "ed25519", "00ff" },
    { tap_bytes("algo"), NULL, NULL },
    { tap_bytes("algo="), NULL, NULL },
    { tap_bytes("=ecdsa"), NULL, NULL },
    { tap_bytes("="), NULL, NULL },
    { tap_bytes("&"), NULL, NULL },
    { tap_bytes("algo=ecdsa&"), NULL, NULL },
    { tap_bytes("&algo=ecdsa"), NULL, NULL },
    { tap_bytes("algo=ecdsa&&nonce=00ff"), NULL, NULL },
    { tap_bytes("algo=ecdsa&algo=ecdsa"), NULL, NULL },
    { tap_bytes("algo=ecdsa;nonce=00ff"), NULL, NULL },
    { tap_bytes("Algo=ecdsa"), NULL, NULL },
    { tap_bytes("alg=ecdsa"), NULL, NULL },
    { tap_bytes("algos=ecdsa"), NULL, NULL },
    { tap_bytes("algo=%65cdsa"), NULL, NULL },
    { tap_bytes("algo=ecdsa=x"), NULL, NULL },
    { tap_bytes("algo=ecdsa\0"), NULL, NULL },
    { tap_bytes("nonce=00ff00"), NULL, NULL },
    { tap_bytes("other=1"), NULL, NULL },
};


int
main(void)
{
    test_value();
    test_bytes();
    test_route();
    test_query();

    return tap_done();
}


static void
test_value(void)
{
    int     rc;
    char    out[128];
    size_t  i;

    for (i = 0; i < tap_array_len(values); i++) {
        rc = value(&values[i].grammar, values[i].in, values[i].len, out);

        tap_ok(rc == (values[i].out ? OK : ERROR)
               && (rc != OK || strcmp(out, values[i].out) == 0),
               "value %s is %s", tap_text(values[i].in, values[i].len),
               values[i].out ? values[i].out : "none");
    }
}


/* which bytes a value may have at all, each of them between two that fit */

static void
test_bytes(void)
{
    int   c, bad;
    char  in[3], out[4];

    static const struct {
        ngx_ohttp_relay_grammar_t   grammar;
        const char                 *name;
        const char                 *good;
    } kinds[] = {
        { { NAME, 3, 3, NULL }, "a name",
          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
          "-._" },
        { { NUMBER, 3, 3, NULL }, "a number", "0123456789" },
    };

    size_t  i;

    for (i = 0; i < tap_array_len(kinds); i++) {
        bad = 0;

        for (c = 0; c < 256; c++) {
            memcpy(in, "1x1", 3);
            in[1] = (char) c;

            bad |= (value(&kinds[i].grammar, in, 3, out) == OK)
                   != (c != 0 && strchr(kinds[i].good, c) != NULL);
        }

        tap_ok(!bad, "the bytes of %s", kinds[i].name);
    }
}


static void
test_route(void)
{
    int                       rc;
    size_t                    i;
    u_char                   *copy;
    ngx_ohttp_relay_slice_t   slice;

    static const ngx_ohttp_relay_grammar_t  grammar = { NAME, 1, 7, NULL };

    for (i = 0; i < tap_array_len(routes); i++) {
        copy = tap_copy(routes[i].in, routes[i].len);
        slice.len = 99;

        rc = ngx_ohttp_relay_route(routes[i].pattern, &grammar, copy,
                                   copy + routes[i].len, &slice);

        tap_ok(rc == (routes[i].value ? OK : ERROR)
               && (rc != OK
                   || (slice.len == strlen(routes[i].value)
                       && (slice.len == 0
                           || memcmp(slice.data, routes[i].value, slice.len)
                              == 0))),
               "%s %s %s", tap_text(routes[i].in, routes[i].len),
               routes[i].value ? "is" : "is not", routes[i].pattern);

        tap_free(copy, routes[i].len);
    }
}


static void
test_query(void)
{
    int                       rc, good;
    size_t                    i;
    u_char                   *copy;
    ngx_ohttp_relay_slice_t   slices[2];

    for (i = 0; i < tap_array_len(queries); i++) {
        copy = tap_copy(queries[i].in, queries[i].len);

        rc = ngx_ohttp_relay_query(parameters, 2, copy,
                                   copy + queries[i].len, slices);

        good = (rc == (queries[i].algo ? OK : ERROR));

        if (rc == OK && good) {
            good = slices[0].len == strlen(queries[i].algo)
                   && slices[1].len == strlen(queries[i].nonce)
                   && (slices[0].len == 0
                       || memcmp(slices[0].data, queries[i].algo,
                                 slices[0].len) == 0)
                   && (slices[1].len == 0
                       || memcmp(slices[1].data, queries[i].nonce,
                                 slices[1].len) == 0);
        }

        tap_ok(good, "query \"%s\" is %s",
               tap_text(queries[i].in, queries[i].len),
               queries[i].algo ? "read" : "refused");

        tap_free(copy, queries[i].len);
    }

    tap_ok(ngx_ohttp_relay_query(NULL, 0, (const u_char *) "",
                                 (const u_char *) "", slices) == OK,
           "no query where no parameter is known");
    tap_ok(ngx_ohttp_relay_query(NULL, 0, NULL, NULL, slices) == OK,
           "nor where there is no text at all");
}


static int
value(const ngx_ohttp_relay_grammar_t *grammar, const char *in, size_t len,
    char *out)
{
    int      rc;
    u_char  *copy, *end;

    copy = tap_copy(in, len);
    rc = ngx_ohttp_relay_value(grammar, copy, copy + len);

    if (rc == OK) {
        end = ngx_ohttp_relay_value_write(grammar, copy, copy + len,
                                          (u_char *) out);
        *end = '\0';

        if (end != (u_char *) out + len) {
            rc = 99;
        }
    }

    tap_free(copy, len);

    return rc;
}
