
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "response_head.h"


#define OK     NGX_OHTTP_RELAY_OK
#define ERROR  NGX_OHTTP_RELAY_ERROR
#define AGAIN  NGX_OHTTP_RELAY_AGAIN
#define DONE   NGX_OHTTP_RELAY_DONE

#define HEAD_MAX  512


/* what either line parser says of len bytes, in one shape */

typedef struct {
    int       rc;
    size_t    length;
    unsigned  minor;
    unsigned  status;
    char      name[HEAD_MAX];
    char      value[HEAD_MAX];
} line_t;


typedef void (*parse_pt)(const char *in, size_t len, line_t *line);


static void parse_status(const char *in, size_t len, line_t *line);
static void parse_field(const char *in, size_t len, line_t *line);
static void test_pieces(parse_pt parse, const char *in, size_t len,
    const line_t *whole);
static void test_status_lines(void);
static void test_status_bytes(void);
static void test_field_lines(void);
static void test_field_bytes(void);
static void test_whole_head(void);
static void test_field_ids(void);
static void test_content_length(void);
static void test_connection_close(void);


static const struct {
    const char  *in;
    size_t       len;
    int          rc;
    unsigned     minor;
    unsigned     status;
} status_lines[] = {
    { tap_bytes("HTTP/1.1 200 OK\r\n"), OK, 1, 200 },
    { tap_bytes("HTTP/1.1 200 OK\n"), OK, 1, 200 },
    { tap_bytes("HTTP/1.0 404 Not Found\r\n"), OK, 0, 404 },
    { tap_bytes("HTTP/1.1 200\r\n"), OK, 1, 200 },
    { tap_bytes("HTTP/1.1 200\n"), OK, 1, 200 },
    { tap_bytes("HTTP/1.1 200 \r\n"), OK, 1, 200 },
    { tap_bytes("HTTP/1.1 200  OK \r\n"), OK, 1, 200 },
    { tap_bytes("HTTP/1.1 100 Continue\r\n"), OK, 1, 100 },
    { tap_bytes("HTTP/1.1 199\r\n"), OK, 1, 199 },
    { tap_bytes("HTTP/1.1 599 x\r\n"), OK, 1, 599 },
    { tap_bytes("HTTP/1.1 500 \tt\xc3\xa4t\xff\r\n"), OK, 1, 500 },
    { tap_bytes("HTTP/1.1 503 a reason that is longer than a word\r\n"),
      OK, 1, 503 },
    { tap_bytes(""), AGAIN, 0, 0 },
    { tap_bytes("HTTP/1.1 200 OK\r"), AGAIN, 0, 0 },
    { tap_bytes("HTTP/1.1 200\r"), AGAIN, 0, 0 },
    { tap_bytes("HTTP/1.1 200"), AGAIN, 0, 0 },
    { tap_bytes("HTTP/1.1 200 OK"), AGAIN, 0, 0 },
    { tap_bytes("<html><body>HTTP/0.9</body></html>\n"), ERROR, 0, 0 },
    { tap_bytes("\r\nHTTP/1.1 200 OK\r\n"), ERROR, 0, 0 },
    { tap_bytes("\n"), ERROR, 0, 0 },
    { tap_bytes(" HTTP/1.1 200 OK\r\n"), ERROR, 0, 0 },
    { tap_bytes("http/1.1 200 OK\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/0.9 200 OK\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.2 200 OK\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/2.0 200 OK\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/2 200\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1 200 OK\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.10 200 OK\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.1\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.1 \r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.1  200 OK\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.1\t200 OK\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.1 20 OK\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.1 20\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.1 2000 OK\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.1 2x0 OK\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.1 200OK\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.1 200\tOK\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.1 099 OK\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.1 000 OK\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.1 600 OK\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.1 -20 OK\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.1 200 a\rb\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.1 200 a\r\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.1 200\r\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.1 200 a\0b\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.1 200 a\x7f\r\n"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.1 200 \x1b[0m\r\n"), ERROR, 0, 0 },

    /* what can no longer become right does not wait for the line end */

    { tap_bytes("HTTP/1.1 200 a\x01"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.1 200 a\rb"), ERROR, 0, 0 },
    { tap_bytes("HTTP/1.1 2000"), ERROR, 0, 0 },
    { tap_bytes("HTTP/2"), ERROR, 0, 0 },
    { tap_bytes("<"), ERROR, 0, 0 },
};


static const struct {
    const char  *in;
    size_t       len;
    int          rc;
    const char  *name;
    const char  *value;
} field_lines[] = {
    { tap_bytes("Content-Type: message/ohttp-res\r\n"), OK,
      "Content-Type", "message/ohttp-res" },
    { tap_bytes("A:b\r\n"), OK, "A", "b" },
    { tap_bytes("A:b\n"), OK, "A", "b" },
    { tap_bytes("A:\r\n"), OK, "A", "" },
    { tap_bytes("A:\n"), OK, "A", "" },
    { tap_bytes("A: \t \r\n"), OK, "A", "" },
    { tap_bytes("A: \t b\tc  d \t\r\n"), OK, "A", "b\tc  d" },
    { tap_bytes("a-b_c.d!e#f$g%h&i'j*k+l^m`n|o~9: :;\"\r\n"), OK,
      "a-b_c.d!e#f$g%h&i'j*k+l^m`n|o~9", ":;\"" },
    { tap_bytes("A: \x80\xff\r\n"), OK, "A", "\x80\xff" },
    { tap_bytes("X-Long: 0123456789abcdefghijklmnopqrstuvwxyz\r\n"), OK,
      "X-Long", "0123456789abcdefghijklmnopqrstuvwxyz" },
    { tap_bytes("\r\n"), DONE, "", "" },
    { tap_bytes("\n"), DONE, "", "" },
    { tap_bytes(""), AGAIN, "", "" },
    { tap_bytes("\r"), AGAIN, "", "" },
    { tap_bytes("A"), AGAIN, "", "" },
    { tap_bytes("A:"), AGAIN, "", "" },
    { tap_bytes("A: b\r"), AGAIN, "", "" },
    { tap_bytes("A: b "), AGAIN, "", "" },
    { tap_bytes(": b\r\n"), ERROR, "", "" },
    { tap_bytes("A\r\n"), ERROR, "", "" },
    { tap_bytes("A\n"), ERROR, "", "" },
    { tap_bytes("A : b\r\n"), ERROR, "", "" },
    { tap_bytes("A\t: b\r\n"), ERROR, "", "" },
    { tap_bytes("A B: c\r\n"), ERROR, "", "" },
    { tap_bytes("A\0: c\r\n"), ERROR, "", "" },
    { tap_bytes("A\x80: c\r\n"), ERROR, "", "" },
    { tap_bytes(" A: b\r\n"), ERROR, "", "" },
    { tap_bytes("\tfolded\r\n"), ERROR, "", "" },
    { tap_bytes(" \r\n"), ERROR, "", "" },
    { tap_bytes("\rA: b\r\n"), ERROR, "", "" },
    { tap_bytes("\r\r\n"), ERROR, "", "" },
    { tap_bytes("\0\r\n"), ERROR, "", "" },
    { tap_bytes("A: b\rc\r\n"), ERROR, "", "" },
    { tap_bytes("A: b\r\r\n"), ERROR, "", "" },
    { tap_bytes("A:\r\r\n"), ERROR, "", "" },
    { tap_bytes("A: b\0c\r\n"), ERROR, "", "" },
    { tap_bytes("A: b\x7f\r\n"), ERROR, "", "" },
    { tap_bytes("A: 0123456789abcdef\x01ghijklm\r\n"), ERROR, "", "" },
    { tap_bytes("A: b\x01"), ERROR, "", "" },
    { tap_bytes("A: b\rc"), ERROR, "", "" },
    { tap_bytes("A "), ERROR, "", "" },
    { tap_bytes(" "), ERROR, "", "" },
    { tap_bytes(":"), ERROR, "", "" },
    { tap_bytes("(A): b\r\n"), ERROR, "", "" },
    { tap_bytes("\"A\": b\r\n"), ERROR, "", "" },
};


int
main(void)
{
    test_status_lines();
    test_status_bytes();
    test_field_lines();
    test_field_bytes();
    test_whole_head();
    test_field_ids();
    test_content_length();
    test_connection_close();

    return tap_done();
}


static void
parse_status(const char *in, size_t len, line_t *line)
{
    u_char                         *copy;
    ngx_ohttp_relay_status_line_t   status;

    memset(line, 0, sizeof(line_t));

    copy = tap_copy(in, len);
    line->rc = ngx_ohttp_relay_status_line(copy, copy + len, &status);
    tap_free(copy, len);

    if (line->rc == OK) {
        line->length = status.length;
        line->minor = status.minor;
        line->status = status.status;
    }
}


static void
parse_field(const char *in, size_t len, line_t *line)
{
    u_char                   *copy;
    ngx_ohttp_relay_field_t   field;

    memset(line, 0, sizeof(line_t));

    copy = tap_copy(in, len);
    line->rc = ngx_ohttp_relay_field_line(copy, copy + len, &field);

    if (line->rc == OK) {
        memcpy(line->name, field.name.data, field.name.len);
        memcpy(line->value, field.value.data, field.value.len);
    }

    if (line->rc == OK || line->rc == DONE) {
        line->length = field.length;
    }

    tap_free(copy, len);
}


/*
 * With the first bytes of a line its end must not be seen; an error once seen
 * must stay; and what follows a line must not change it.
 */

static void
test_pieces(parse_pt parse, const char *in, size_t len, const line_t *whole)
{
    int     bad, failed;
    char    more[HEAD_MAX];
    size_t  n;
    line_t  line;

    for (bad = 0, failed = 0, n = 0; n <= len; n++) {

        parse(in, n, &line);

        if (line.rc == ERROR) {
            failed = 1;
        }

        if (whole->rc == ERROR) {
            bad |= line.rc != (failed ? ERROR : AGAIN);

        } else if (whole->rc == AGAIN || n < whole->length) {
            bad |= line.rc != AGAIN;

        } else {
            bad |= memcmp(&line, whole, sizeof(line_t)) != 0;
        }
    }

    if (whole->rc != AGAIN) {
        memcpy(more, in, len);
        memcpy(more + len, "\0\rX: y\n", 7);

        parse(more, len + 7, &line);

        bad |= memcmp(&line, whole, sizeof(line_t)) != 0;
    }

    tap_ok(!bad, "%s in pieces and with more behind", tap_text(in, len));
}


static void
test_status_lines(void)
{
    size_t       i, len;
    line_t       line;
    const char  *in;

    for (i = 0; i < tap_array_len(status_lines); i++) {
        in = status_lines[i].in;
        len = status_lines[i].len;

        parse_status(in, len, &line);

        tap_ok(line.rc == status_lines[i].rc
               && line.minor == status_lines[i].minor
               && line.status == status_lines[i].status
               && line.length == (line.rc == OK ? len : 0),
               "%s is %d", tap_text(in, len), status_lines[i].rc);

        line.rc = status_lines[i].rc;

        test_pieces(parse_status, in, len, &line);
    }
}


static void
test_status_bytes(void)
{
    int     c, bad;
    char    text[32];
    line_t  line;

    for (bad = 0, c = 0; c < 1000; c++) {
        snprintf(text, sizeof(text), "HTTP/1.1 %03d x\r\n", c);
        parse_status(text, 16, &line);

        bad |= line.rc != (c >= 100 && c <= 599 ? OK : ERROR);
        bad |= line.rc == OK && line.status != (unsigned) c;
    }

    tap_ok(!bad, "of all statuses 100 to 599 are taken, with their number");

    memcpy(text, "HTTP/1.1 200 ab\r\n", 17);

    for (bad = 0, c = 0; c < 256; c++) {
        text[13] = (char) c;
        parse_status(text, 17, &line);

        bad |= line.rc != (c == '\t' || c == '\n' || (c >= ' ' && c != 0x7f)
                           ? OK : ERROR);
    }

    tap_ok(!bad, "of all bytes no control byte may be in a reason");
}


static void
test_field_lines(void)
{
    size_t       i, len;
    line_t       line;
    const char  *in;

    for (i = 0; i < tap_array_len(field_lines); i++) {
        in = field_lines[i].in;
        len = field_lines[i].len;

        parse_field(in, len, &line);

        tap_ok(line.rc == field_lines[i].rc
               && strcmp(line.name, field_lines[i].name) == 0
               && strcmp(line.value, field_lines[i].value) == 0
               && line.length == (line.rc >= OK ? len : 0),
               "%s is %d", tap_text(in, len), field_lines[i].rc);

        line.rc = field_lines[i].rc;

        test_pieces(parse_field, in, len, &line);
    }
}


static void
test_field_bytes(void)
{
    int     c, bad;
    char    text[] = "ab: 0123456789\r\n";
    line_t  line;

    for (bad = 0, c = 0; c < 256; c++) {
        text[1] = (char) c;
        parse_field(text, sizeof(text) - 1, &line);

        bad |= line.rc != (ngx_ohttp_relay_byte_class[c]
                           & NGX_OHTTP_RELAY_BYTE_TOKEN || c == ':'
                           ? OK : ERROR);
    }

    tap_ok(!bad, "of all bytes those of a token may be in a name");

    text[1] = 'b';

    for (bad = 0, c = 0; c < 256; c++) {
        text[8] = (char) c;
        parse_field(text, sizeof(text) - 1, &line);

        bad |= line.rc != (c == '\t' || c == '\n' || (c >= ' ' && c != 0x7f)
                           ? OK : ERROR);
    }

    tap_ok(!bad, "of all bytes no control byte may be in a value");
}


/* a head as gateways send it, line after line, at every point of arrival */

static void
test_whole_head(void)
{
    int      bad, rc;
    size_t   n, at, fields;
    u_char  *copy;

    ngx_ohttp_relay_field_t        field;
    ngx_ohttp_relay_status_line_t  line;

    static const char  head[] =
        "HTTP/1.1 200 OK\r\n"
        "Date: Tue, 01 Sep 2026 00:00:00 GMT\r\n"
        "Content-Type: message/ohttp-chunked-res\n"
        "Transfer-Encoding: chunked\r\n"
        "Incremental: ?1\r\n"
        "\r\n";

    for (bad = 0, n = 0; n < sizeof(head); n++) {

        copy = tap_copy(head, n);
        fields = 0;

        rc = ngx_ohttp_relay_status_line(copy, copy + n, &line);
        at = rc == OK ? line.length : 0;

        while (rc == OK) {
            rc = ngx_ohttp_relay_field_line(copy + at, copy + n, &field);

            if (rc == OK || rc == DONE) {
                at += field.length;
            }

            fields += rc == OK;
        }

        if (n < sizeof(head) - 1) {
            bad |= rc != AGAIN;

        } else {
            bad |= rc != DONE || at != n || fields != 4;
        }

        tap_free(copy, n);
    }

    tap_ok(!bad, "a whole head ends where it ends, and not before");
}


static void
test_field_ids(void)
{
    int                       bad;
    char                      text[32];
    size_t                    i, j, len;
    ngx_ohttp_relay_slice_t   name;

    static const struct {
        const char               *name;
        ngx_ohttp_relay_field_e   id;
    } cases[] = {
        { "content-type", NGX_OHTTP_RELAY_FIELD_CONTENT_TYPE },
        { "content-length", NGX_OHTTP_RELAY_FIELD_CONTENT_LENGTH },
        { "transfer-encoding", NGX_OHTTP_RELAY_FIELD_TRANSFER_ENCODING },
        { "connection", NGX_OHTTP_RELAY_FIELD_CONNECTION },
        { "cache-control", NGX_OHTTP_RELAY_FIELD_CACHE_CONTROL },
        { "retry-after", NGX_OHTTP_RELAY_FIELD_RETRY_AFTER },
        { "incremental", NGX_OHTTP_RELAY_FIELD_INCREMENTAL },
        { "date", NGX_OHTTP_RELAY_FIELD_DATE },
        { "x", NGX_OHTTP_RELAY_FIELD_OTHER },
        { "set-cookie", NGX_OHTTP_RELAY_FIELD_OTHER },
        { "server", NGX_OHTTP_RELAY_FIELD_OTHER },
        { "etag", NGX_OHTTP_RELAY_FIELD_OTHER },
        { "x-accel-redirect", NGX_OHTTP_RELAY_FIELD_OTHER },
    };

    for (i = 0; i < tap_array_len(cases); i++) {
        len = strlen(cases[i].name);
        memcpy(text, cases[i].name, len);

        name.data = (u_char *) text;
        name.len = len;
        bad = ngx_ohttp_relay_field_id(&name) != cases[i].id;

        for (j = 0; j < len; j++) {

            /* another letter, and the byte that only the case bit changes */

            text[j] ^= 1;
            bad |= ngx_ohttp_relay_field_id(&name)
                   != NGX_OHTTP_RELAY_FIELD_OTHER;
            text[j] ^= 1;

            text[j] ^= 0x20;
            bad |= ngx_ohttp_relay_field_id(&name)
                   != (cases[i].name[j] == '-' ? NGX_OHTTP_RELAY_FIELD_OTHER
                                               : cases[i].id);
            text[j] ^= 0x20;

            name.len = j;
            bad |= ngx_ohttp_relay_field_id(&name)
                   != NGX_OHTTP_RELAY_FIELD_OTHER;
            name.len = len;
        }

        tap_ok(!bad, "the field %s is %d", cases[i].name, cases[i].id);
    }
}


static void
test_content_length(void)
{
    int       rc;
    size_t    i;
    u_char   *copy;
    int64_t   n;

    static const struct {
        const char  *in;
        size_t       len;
        int64_t      want;
    } cases[] = {
        { tap_bytes("0"), 0 },
        { tap_bytes("5"), 5 },
        { tap_bytes("1073741824"), 1073741824 },
        { tap_bytes("007"), 7 },
        { tap_bytes("9223372036854775807"), INT64_MAX },
        { tap_bytes("9223372036854775808"), -1 },
        { tap_bytes("9223372036854775810"), -1 },
        { tap_bytes("18446744073709551617"), -1 },
        { tap_bytes("99999999999999999999999999"), -1 },
        { tap_bytes(""), -1 },
        { tap_bytes("5, 5"), -1 },
        { tap_bytes("5,5"), -1 },
        { tap_bytes("+5"), -1 },
        { tap_bytes("-5"), -1 },
        { tap_bytes(" 5"), -1 },
        { tap_bytes("5 "), -1 },
        { tap_bytes("5\0"), -1 },
        { tap_bytes("0x5"), -1 },
        { tap_bytes("5."), -1 },
        { tap_bytes("1e3"), -1 },
        { tap_bytes("/"), -1 },
        { tap_bytes(":"), -1 },
    };

    for (i = 0; i < tap_array_len(cases); i++) {
        n = -1;

        copy = tap_copy(cases[i].in, cases[i].len);
        rc = ngx_ohttp_relay_content_length(copy, copy + cases[i].len, &n);
        tap_free(copy, cases[i].len);

        tap_ok(rc == (cases[i].want < 0 ? ERROR : OK) && n == cases[i].want,
               "the length %s is %lld",
               tap_text(cases[i].in, cases[i].len),
               (long long) cases[i].want);
    }
}


static void
test_connection_close(void)
{
    int      got;
    size_t   i;
    u_char  *copy;

    static const struct {
        const char  *in;
        size_t       len;
        int          want;
    } cases[] = {
        { tap_bytes("close"), 1 },
        { tap_bytes("Close"), 1 },
        { tap_bytes("CLOSE"), 1 },
        { tap_bytes(" \tclose\t "), 1 },
        { tap_bytes("keep-alive, close"), 1 },
        { tap_bytes("close,keep-alive"), 1 },
        { tap_bytes("keep-alive,close"), 1 },
        { tap_bytes(",,close,,"), 1 },
        { tap_bytes("upgrade ,\tclose"), 1 },
        { tap_bytes(""), 0 },
        { tap_bytes(","), 0 },
        { tap_bytes(" , ,"), 0 },
        { tap_bytes("keep-alive"), 0 },
        { tap_bytes("closed"), 0 },
        { tap_bytes("xclose"), 0 },
        { tap_bytes("clos"), 0 },
        { tap_bytes("close keep-alive"), 0 },
        { tap_bytes("close;a"), 0 },
        { tap_bytes("close\0"), 0 },
        { tap_bytes("clo,se"), 0 },
    };

    for (i = 0; i < tap_array_len(cases); i++) {
        copy = tap_copy(cases[i].in, cases[i].len);
        got = ngx_ohttp_relay_connection_close(copy, copy + cases[i].len);
        tap_free(copy, cases[i].len);

        tap_ok(got == cases[i].want, "the list %s %s close",
               tap_text(cases[i].in, cases[i].len),
               cases[i].want ? "holds" : "does not hold");
    }
}
