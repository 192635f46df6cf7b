
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "chunk.h"


#define OK     NGX_OHTTP_RELAY_OK
#define ERROR  NGX_OHTTP_RELAY_ERROR
#define AGAIN  NGX_OHTTP_RELAY_AGAIN
#define DONE   NGX_OHTTP_RELAY_DONE

#define TEST_MAX  16384


/* a decoder with what it has made so far */

typedef struct {
    int                      rc;
    size_t                   used;          /* bytes consumed */
    size_t                   len;
    ngx_ohttp_relay_chunk_t  ch;
    u_char                   data[TEST_MAX];    /* len bytes count */
} body_t;


static void test_cases(void);
static void test_split(const char *in, size_t len, int rc, const char *data,
    size_t data_len, size_t used);
static void test_sizes(void);
static void test_line_limit(void);
static void test_trailer_limit(void);
static void test_limit(const char *head, size_t fill, const char *tail,
    const char *data, const char *name);
static void test_after_end(void);
static void test_large_body(void);
static void feed(body_t *body, const void *in, size_t len);
static int body_is(const body_t *body, int rc, const char *data, size_t len,
    size_t used);


/* used counts when the body has ended */

static const struct {
    const char  *in;
    size_t       len;
    int          rc;
    const char  *data;
    size_t       used;
} bodies[] = {
    { tap_bytes("0\r\n\r\n"), DONE, "", 5 },
    { tap_bytes("000\r\n\r\n"), DONE, "", 7 },
    { tap_bytes("5\r\nhello\r\n0\r\n\r\n"), DONE, "hello", 15 },
    { tap_bytes("5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"), DONE,
      "hello", 15 },
    { tap_bytes("1\r\na\r\n02\r\nbc\r\n003\r\ndef\r\n0\r\n\r\n"), DONE,
      "abcdef", 29 },
    { tap_bytes("A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n"), DONE,
      "01234567890123456789a", 36 },
    { tap_bytes("4\r\n\r\n\r\n\r\n0\r\n\r\n"), DONE, "\r\n\r\n", 14 },
    { tap_bytes("3\r\n0\r\n\r\n0\r\n\r\n"), DONE, "0\r\n", 13 },
    { tap_bytes("2;a\r\nxy\r\n0;b\r\n\r\n"), DONE, "xy", 16 },
    { tap_bytes("2;a=\"b;c\";d\r\nxy\r\n0\r\n\r\n"), DONE, "xy", 22 },
    { tap_bytes("2 \t;\ta = \xff\r\nxy\r\n0\r\n\r\n"), DONE, "xy", 21 },
    { tap_bytes("2;\r\nxy\r\n0\r\n\r\n"), DONE, "xy", 13 },
    { tap_bytes("0\r\nA: b\r\n\r\n"), DONE, "", 11 },
    { tap_bytes("0\r\nA:\r\nb-c: \td \x80\r\n\r\nX"), DONE, "", 20 },
    { tap_bytes(""), AGAIN, "", 0 },
    { tap_bytes("5\r\nhel"), AGAIN, "hel", 0 },
    { tap_bytes("5\r\nhello"), AGAIN, "hello", 0 },
    { tap_bytes("5\r\nhello\r\n0\r\n\r"), AGAIN, "hello", 0 },
    { tap_bytes("0\r\nA: b\r\n"), AGAIN, "", 0 },
    { tap_bytes("\r\n"), ERROR, "", 0 },
    { tap_bytes("\n"), ERROR, "", 0 },
    { tap_bytes(";a\r\n"), ERROR, "", 0 },
    { tap_bytes(" 5\r\n"), ERROR, "", 0 },
    { tap_bytes("g\r\n"), ERROR, "", 0 },
    { tap_bytes("0x5\r\nhello\r\n"), ERROR, "", 0 },
    { tap_bytes("-1\r\n"), ERROR, "", 0 },
    { tap_bytes("+1\r\n"), ERROR, "", 0 },
    { tap_bytes("5\nhello\n0\n\n"), ERROR, "", 0 },
    { tap_bytes("5\r5"), ERROR, "", 0 },
    { tap_bytes("5\r\r\n"), ERROR, "", 0 },
    { tap_bytes("5 \r\nhello\r\n"), ERROR, "", 0 },
    { tap_bytes("5 5\r\n"), ERROR, "", 0 },
    { tap_bytes("5 g\r\n"), ERROR, "", 0 },
    { tap_bytes("5\0\r\n"), ERROR, "", 0 },
    { tap_bytes("5,\r\n"), ERROR, "", 0 },
    { tap_bytes("5;a\nhello\r\n"), ERROR, "", 0 },
    { tap_bytes("5;a\0\r\nhello\r\n"), ERROR, "", 0 },
    { tap_bytes("5;a\rb\r\nhello\r\n"), ERROR, "", 0 },
    { tap_bytes("5\r\nhello0\r\n\r\n"), ERROR, "hello", 0 },
    { tap_bytes("5\r\nhello\n0\r\n\r\n"), ERROR, "hello", 0 },
    { tap_bytes("5\r\nhello\n\n0\r\n\r\n"), ERROR, "hello", 0 },
    { tap_bytes("5\r\nhello\rX0\r\n\r\n"), ERROR, "hello", 0 },
    { tap_bytes("5\r\nhello!\r\n0\r\n\r\n"), ERROR, "hello", 0 },
    { tap_bytes("5\r\nhello\r\n\r\n"), ERROR, "hello", 0 },
    { tap_bytes("0\n\n"), ERROR, "", 0 },
    { tap_bytes("0\r\n\n"), ERROR, "", 0 },
    { tap_bytes("0\r\n\rX"), ERROR, "", 0 },
    { tap_bytes("0\r\nA: b\n\r\n"), ERROR, "", 0 },
    { tap_bytes("0\r\nA: b\rc\r\n"), ERROR, "", 0 },
    { tap_bytes("0\r\nA: b\r\r\n"), ERROR, "", 0 },
    { tap_bytes("0\r\nA: \0\r\n"), ERROR, "", 0 },
    { tap_bytes("0\r\nA\r\n"), ERROR, "", 0 },
    { tap_bytes("0\r\nA : b\r\n"), ERROR, "", 0 },
    { tap_bytes("0\r\n: b\r\n"), ERROR, "", 0 },
    { tap_bytes("0\r\n folded\r\n"), ERROR, "", 0 },
    { tap_bytes("0\r\nHTTP/1.1 200 OK\r\n"), ERROR, "", 0 },
};


int
main(void)
{
    test_cases();
    test_sizes();
    test_line_limit();
    test_trailer_limit();
    test_after_end();
    test_large_body();

    return tap_done();
}


static void
test_cases(void)
{
    size_t  i;

    for (i = 0; i < tap_array_len(bodies); i++) {
        test_split(bodies[i].in, bodies[i].len, bodies[i].rc, bodies[i].data,
                   strlen(bodies[i].data), bodies[i].used);
    }
}


/* whole, a byte at a time, and cut at one and at two points everywhere */

static void
test_split(const char *in, size_t len, int rc, const char *data,
    size_t data_len, size_t used)
{
    int     bad;
    body_t  body;
    size_t  i, j;

    memset(&body, 0, offsetof(body_t, data));
    feed(&body, in, len);

    tap_ok(body_is(&body, rc, data, data_len, used), "%s is %d",
           tap_text(in, len), rc);

    memset(&body, 0, offsetof(body_t, data));

    for (i = 0; i < len; i++) {
        feed(&body, in + i, 1);
    }

    feed(&body, in, 0);

    bad = !body_is(&body, rc, data, data_len, used);

    for (i = 0; i <= len; i++) {

        for (j = i; j <= len; j++) {

            memset(&body, 0, offsetof(body_t, data));

            feed(&body, in, i);
            feed(&body, in + i, j - i);
            feed(&body, in + j, len - j);

            bad |= !body_is(&body, rc, data, data_len, used);
        }
    }

    tap_ok(!bad, "%s in pieces", tap_text(in, len));
}


static void
test_sizes(void)
{
    int                      rc;
    size_t                   i, len;
    u_char                  *copy;
    const u_char            *p;
    ngx_ohttp_relay_chunk_t  ch;

    static const struct {
        const char  *in;
        int          rc;
        uint64_t     size;
    } cases[] = {
        { "1\r\nx", OK, 1 },
        { "ff\r\nx", OK, 255 },
        { "AbCdEf\r\nx", OK, 0xabcdef },
        { "40000000\r\nx", OK, 0x40000000 },
        { "100000000\r\nx", OK, 0x100000000 },
        { "7fffffffffffffff\r\nx", OK, INT64_MAX },
        { "00000000000000000000000000000005\r\nx", OK, 5 },
        { "5\r\n", AGAIN, 5 },
        { "8000000000000000\r\nx", ERROR, 0 },
        { "ffffffffffffffff\r\nx", ERROR, 0 },
        { "10000000000000000\r\nx", ERROR, 0 },
        { "10000000000000005\r\nx", ERROR, 0 },
    };

    for (i = 0; i < tap_array_len(cases); i++) {
        memset(&ch, 0, sizeof(ngx_ohttp_relay_chunk_t));

        len = strlen(cases[i].in);
        copy = tap_copy(cases[i].in, len);
        p = copy;

        rc = ngx_ohttp_relay_chunk(&ch, &p, copy + len);

        tap_ok(rc == cases[i].rc
               && (rc == ERROR || ch.size == cases[i].size)
               && (rc != OK || p == copy + len - 1)
               && (rc != AGAIN || p == copy + len),
               "the size %s is %d", tap_text(cases[i].in, len), cases[i].rc);

        /* nothing taken, nothing changed */

        if (rc == OK) {
            tap_ok(ngx_ohttp_relay_chunk(&ch, &p, copy + len) == OK
                   && ch.size == cases[i].size && p == copy + len - 1,
                   "the size %s stays until data is taken",
                   tap_text(cases[i].in, len));
        }

        tap_free(copy, len);
    }
}


/* "1;" and CRLF belong to the line, too, and each line counts anew */

static void
test_line_limit(void)
{
    test_limit("1;", NGX_OHTTP_RELAY_CHUNK_LINE_MAX - 4,
               "\r\nx\r\n0\r\n\r\n", "x", "an extension");
    test_limit("1\r\nx\r\n0;", NGX_OHTTP_RELAY_CHUNK_LINE_MAX - 4,
               "\r\n\r\n", "x", "the extension of the last chunk");
    test_limit("", NGX_OHTTP_RELAY_CHUNK_LINE_MAX - 3,
               "1\r\nx\r\n0\r\n\r\n", "x", "a size of zeros");
}


/* all trailers count together, with the empty line */

static void
test_trailer_limit(void)
{
    test_limit("0\r\nA:", NGX_OHTTP_RELAY_CHUNK_TRAILER_MAX - 6,
               "\r\n\r\n", "", "one trailer");
    test_limit("0\r\nA: b\r\nC: d\r\nE:",
               NGX_OHTTP_RELAY_CHUNK_TRAILER_MAX - 18, "\r\n\r\n", "",
               "three trailers");
    test_limit("0\r\n", NGX_OHTTP_RELAY_CHUNK_TRAILER_MAX - 5, ":\r\n\r\n", "",
               "a trailer's name");
}


/* with fill zeros after head all is well, with one more it is an error */

static void
test_limit(const char *head, size_t fill, const char *tail, const char *data,
    const char *name)
{
    int     bad, pieces;
    char    in[TEST_MAX];
    size_t  len, extra, i;
    body_t  body;

    for (extra = 0; extra < 2; extra++) {

        len = strlen(head);
        memcpy(in, head, len);

        memset(in + len, '0', fill + extra);
        len += fill + extra;

        memcpy(in + len, tail, strlen(tail));
        len += strlen(tail);

        for (bad = 0, pieces = 0; pieces < 2; pieces++) {

            memset(&body, 0, offsetof(body_t, data));

            for (i = 0; pieces && i < len - 1; i++) {
                feed(&body, in + i, 1);
            }

            feed(&body, in + i, len - i);

            bad |= extra ? body.rc != ERROR
                         : !body_is(&body, DONE, data, strlen(data), len);
        }

        tap_ok(!bad, "%s %s", name, extra ? "one byte too long fails"
                                          : "as long as allowed passes");
    }
}


static void
test_after_end(void)
{
    body_t         body;
    const u_char  *p, *start;

    memset(&body, 0, offsetof(body_t, data));
    feed(&body, "0\r\n\r\n", 5);

    start = (const u_char *) "5\r\nhello\r\n";
    p = start;

    tap_ok(ngx_ohttp_relay_chunk(&body.ch, &p, p + 10) == DONE && p == start,
           "after the end nothing more is taken");

    memset(&body, 0, offsetof(body_t, data));
    feed(&body, "x", 1);

    tap_ok(ngx_ohttp_relay_chunk(&body.ch, &p, p + 10) == ERROR,
           "after an error no good chunk helps");
}


/* more framing in sum than one line may have, and data in uneven pieces */

static void
test_large_body(void)
{
    int     n;
    char    in[TEST_MAX];
    size_t  len, i, piece;
    body_t  body;

    for (n = 0, len = 0; n < 1000; n++) {
        len += sprintf(in + len, "3;x=%d\r\n%03d\r\n", n % 10, n);
    }

    len += sprintf(in + len, "0\r\n\r\n");

    memset(&body, 0, offsetof(body_t, data));

    for (i = 0, piece = 1; i < len; i += piece, piece = piece % 13 + 1) {
        feed(&body, in + i, piece < len - i ? piece : len - i);
    }

    tap_ok(body.rc == DONE && body.used == len && body.len == 3000
           && memcmp(body.data + 2991, "997998999", 9) == 0,
           "the limit of a line is not one of the body");
}


/* what a caller does with one piece of input, which is then gone */

static void
feed(body_t *body, const void *in, size_t len)
{
    size_t         n;
    u_char        *copy;
    const u_char  *p, *last;

    if (body->rc == DONE || body->rc == ERROR) {
        return;
    }

    copy = tap_copy(in, len);
    p = copy;
    last = copy + len;

    for ( ;; ) {
        body->rc = ngx_ohttp_relay_chunk(&body->ch, &p, last);

        if (body->rc != OK) {
            break;
        }

        n = last - p;

        if (n == 0 || body->ch.size == 0) {
            tap_ok(0, "OK without data");
            exit(tap_done());
        }

        if (n > body->ch.size) {
            n = body->ch.size;
        }

        memcpy(body->data + body->len, p, n);

        body->len += n;
        body->ch.size -= n;
        p += n;
    }

    if (body->rc == AGAIN && p != last) {
        tap_ok(0, "AGAIN with input left");
        exit(tap_done());
    }

    body->used += p - copy;

    tap_free(copy, len);
}


static int
body_is(const body_t *body, int rc, const char *data, size_t len, size_t used)
{
    return body->rc == rc && body->len == len
           && memcmp(body->data, data, len) == 0
           && (rc != DONE || body->used == used);
}
