
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "json.h"
#include "json_string.h"


#define OK     NGX_OHTTP_RELAY_OK
#define DONE   NGX_OHTTP_RELAY_DONE
#define ERROR  NGX_OHTTP_RELAY_ERROR


static void test_objects(void);
static void test_cut_off(void);
static void test_depth(void);
static void test_members(void);
static void test_same(void);
static void test_control_bytes(void);
static void test_iterate(void);
static void test_iterate_wrong(void);
static void test_member(void);
static void test_integers(void);
static void test_strings(void);
static int is_string(const ngx_ohttp_relay_json_value_t *value,
    const char *content, size_t len);
static void test_unescape_room(void);
static void test_null(void);
static int object(const char *in, size_t len);
static char *repeat(char *p, const char *text, unsigned n);
static int value_of(const char *in, size_t len,
    ngx_ohttp_relay_json_value_t *value);


static const struct {
    const char  *in;
    size_t       len;
    int          rc;
} objects[] = {
    { tap_bytes("{}"), OK },
    { tap_bytes(" \t\r\n{ \t\r\n} \t\r\n"), OK },
    { tap_bytes("{\"a\":1}"), OK },
    { tap_bytes("{ \"a\" : 1 , \"b\" : [ 1 , { } , [ ] ] }"), OK },
    { tap_bytes("{\"\":\"\"}"), OK },
    { tap_bytes("{\"a\":true,\"b\":false,\"c\":null}"), OK },
    { tap_bytes("{\"a\":{\"a\":{\"a\":[{\"a\":1},{\"a\":1}]}}}"), OK },
    { tap_bytes("{\"a\":1,\"A\":1}"), OK },

    /* one object, all of it, and nothing else */

    { tap_bytes(""), ERROR },
    { tap_bytes("  "), ERROR },
    { tap_bytes("[]"), ERROR },
    { tap_bytes("\"a\""), ERROR },
    { tap_bytes("1"), ERROR },
    { tap_bytes("null"), ERROR },
    { tap_bytes("{"), ERROR },
    { tap_bytes("}"), ERROR },
    { tap_bytes("{}{}"), ERROR },
    { tap_bytes("{},"), ERROR },
    { tap_bytes("{}\x00"), ERROR },
    { tap_bytes("\xef\xbb\xbf{}"), ERROR },
    { tap_bytes("\x0b{}"), ERROR },
    { tap_bytes("{\x0c}"), ERROR },
    { tap_bytes("{}\xc2\xa0"), ERROR },
    { tap_bytes("/**/{}"), ERROR },
    { tap_bytes("{}//"), ERROR },

    /* commas, colons, brackets */

    { tap_bytes("{,}"), ERROR },
    { tap_bytes("{\"a\":1,}"), ERROR },
    { tap_bytes("{,\"a\":1}"), ERROR },
    { tap_bytes("{\"a\":1,,\"b\":1}"), ERROR },
    { tap_bytes("{\"a\":1 \"b\":1}"), ERROR },
    { tap_bytes("{\"a\"}"), ERROR },
    { tap_bytes("{\"a\":}"), ERROR },
    { tap_bytes("{\"a\"::1}"), ERROR },
    { tap_bytes("{\"a\",1}"), ERROR },
    { tap_bytes("{:1}"), ERROR },
    { tap_bytes("{a:1}"), ERROR },
    { tap_bytes("{'a':1}"), ERROR },
    { tap_bytes("{1:1}"), ERROR },
    { tap_bytes("{\"a\":1]"), ERROR },
    { tap_bytes("{\"a\":[1}"), ERROR },
    { tap_bytes("{\"a\":[1,]}"), ERROR },
    { tap_bytes("{\"a\":[,1]}"), ERROR },
    { tap_bytes("{\"a\":[1 2]}"), ERROR },
    { tap_bytes("{\"a\":[\"b\":1]}"), ERROR },
    { tap_bytes("{\"a\":[1]]}"), ERROR },

    /* literals */

    { tap_bytes("{\"a\":True}"), ERROR },
    { tap_bytes("{\"a\":TRUE}"), ERROR },
    { tap_bytes("{\"a\":tru}"), ERROR },
    { tap_bytes("{\"a\":truee}"), ERROR },
    { tap_bytes("{\"a\":nul"), ERROR },
    { tap_bytes("{\"a\":NaN}"), ERROR },
    { tap_bytes("{\"a\":Infinity}"), ERROR },
    { tap_bytes("{\"a\":undefined}"), ERROR },

    /* numbers */

    { tap_bytes("{\"a\":[0,-0,10,-1,0.5,-0.0,1e1,1E+1,1e-01,1.25e10]}"),
      OK },
    { tap_bytes("{\"a\":99999999999999999999999999999999999999}"), OK },
    { tap_bytes("{\"a\":01}"), ERROR },
    { tap_bytes("{\"a\":00}"), ERROR },
    { tap_bytes("{\"a\":-01}"), ERROR },
    { tap_bytes("{\"a\":-}"), ERROR },
    { tap_bytes("{\"a\":--1}"), ERROR },
    { tap_bytes("{\"a\":+1}"), ERROR },
    { tap_bytes("{\"a\":.5}"), ERROR },
    { tap_bytes("{\"a\":-.5}"), ERROR },
    { tap_bytes("{\"a\":1.}"), ERROR },
    { tap_bytes("{\"a\":1.e1}"), ERROR },
    { tap_bytes("{\"a\":1e}"), ERROR },
    { tap_bytes("{\"a\":1e+}"), ERROR },
    { tap_bytes("{\"a\":1e1.5}"), ERROR },
    { tap_bytes("{\"a\":0x1}"), ERROR },
    { tap_bytes("{\"a\":1_000}"), ERROR },
    { tap_bytes("{\"a\":1a}"), ERROR },
    { tap_bytes("{\"a\":1 2}"), ERROR },

    /* strings: escapes */

    { tap_bytes("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"}"), OK },
    { tap_bytes("{\"a\":\"\\ud83d\\uDE00\"}"), OK },
    { tap_bytes("{\"a\":\"\\u0000\"}"), OK },
    { tap_bytes("{\"a\":\"\x7f\"}"), OK },
    { tap_bytes("{\"a\":\"\\\"}"), ERROR },
    { tap_bytes("{\"a\":\"\\a\"}"), ERROR },
    { tap_bytes("{\"a\":\"\\'\"}"), ERROR },
    { tap_bytes("{\"a\":\"\\x41\"}"), ERROR },
    { tap_bytes("{\"a\":\"\\\x00\"}"), ERROR },
    { tap_bytes("{\"a\":\"\\U0041\"}"), ERROR },
    { tap_bytes("{\"a\":\"\\u041\"}"), ERROR },
    { tap_bytes("{\"a\":\"\\u00g1\"}"), ERROR },
    { tap_bytes("{\"a\":\"\\u{41}\"}"), ERROR },
    { tap_bytes("{\"a\":\"\\ud83d\"}"), ERROR },
    { tap_bytes("{\"a\":\"\\ud83d \"}"), ERROR },
    { tap_bytes("{\"a\":\"\\ud83d\\n\"}"), ERROR },
    { tap_bytes("{\"a\":\"\\ud83d\\ud83d\"}"), ERROR },
    { tap_bytes("{\"a\":\"\\ud83d\\u0041\"}"), ERROR },
    { tap_bytes("{\"a\":\"\\ude00\"}"), ERROR },
    { tap_bytes("{\"a\":\"\\udfff\"}"), ERROR },
    { tap_bytes("{\"a\":\"\\udc00\\udc00\"}"), ERROR },
    { tap_bytes("{\"a\":\"\\ud83dxudc00\"}"), ERROR },
    { tap_bytes("{\"a\":\"\\ud83d\\ndc00\"}"), ERROR },
    { tap_bytes("{\"a\":\"\\ud83d\\\"}"), ERROR },
    { tap_bytes("{\"a\":\"\\ude00\\ud83d\"}"), ERROR },
    { tap_bytes("{\"\\ud83d\":1}"), ERROR },

    /* strings: UTF-8 at its limits, and what is none */

    { tap_bytes("{\"a\":\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80"
                "\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"}"), OK },
    { tap_bytes("{\"\xc3\xa9\":1}"), OK },
    { tap_bytes("{\"a\":\"\x80\"}"), ERROR },
    { tap_bytes("{\"a\":\"\xc0\x80\"}"), ERROR },
    { tap_bytes("{\"a\":\"\xc1\xbf\"}"), ERROR },
    { tap_bytes("{\"a\":\"\xe0\x9f\xbf\"}"), ERROR },
    { tap_bytes("{\"a\":\"\xed\xa0\x80\"}"), ERROR },
    { tap_bytes("{\"a\":\"\xed\xbf\xbf\"}"), ERROR },
    { tap_bytes("{\"a\":\"\xf0\x8f\xbf\xbf\"}"), ERROR },
    { tap_bytes("{\"a\":\"\xf4\x90\x80\x80\"}"), ERROR },
    { tap_bytes("{\"a\":\"\xf5\x80\x80\x80\"}"), ERROR },
    { tap_bytes("{\"a\":\"\xf9\x80\x80\x80\"}"), ERROR },
    { tap_bytes("{\"a\":\"\xff\"}"), ERROR },
    { tap_bytes("{\"a\":\"\xc3\"}"), ERROR },
    { tap_bytes("{\"a\":\"\xe2\x82\"}"), ERROR },
    { tap_bytes("{\"a\":\"\xc3("), ERROR },
    { tap_bytes("{\"a\":\"\xe9t\xe9\"}"), ERROR },
    { tap_bytes("{\"\xff\":1}"), ERROR },
    { tap_bytes("{\"a\":\xc3\xa9}"), ERROR },

    /* the same name twice, in any spelling, at any level */

    { tap_bytes("{\"a\":1,\"a\":1}"), ERROR },
    { tap_bytes("{\"a\":1,\"b\":2,\"c\":3,\"a\":1}"), ERROR },
    { tap_bytes("{\"\":1,\"\":1}"), ERROR },
    { tap_bytes("{\"exp\":1,\"\\u0065xp\":2}"), ERROR },
    { tap_bytes("{\"e\\u0078p\":1,\"ex\\u0070\":2}"), ERROR },
    { tap_bytes("{\"a/b\":1,\"a\\/b\":2}"), ERROR },
    { tap_bytes("{\"\\u00E9\":1,\"\\u00e9\":2}"), ERROR },
    { tap_bytes("{\"\\u00e9\":1,\"\xc3\xa9\":2}"), ERROR },
    { tap_bytes("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}"), ERROR },
    { tap_bytes("{\"\\n\":1,\"\\u000a\":2}"), ERROR },
    { tap_bytes("{\"\\u0000\":1,\"\\u0000\":2}"), ERROR },
    { tap_bytes("{\"a\":{\"b\":1,\"b\":2}}"), ERROR },
    { tap_bytes("{\"a\":[{\"b\":1,\"\\u0062\":2}]}"), ERROR },
    { tap_bytes("{\"a\":{\"a\":1},\"a\":1}"), ERROR },

    /* names that are not the same */

    { tap_bytes("{\"a\":1,\"aa\":1,\"aaa\":1,\"\":1}"), OK },
    { tap_bytes("{\"ab\":1,\"ba\":1}"), OK },
    { tap_bytes("{\"a\":1,\"a\\u0000\":1}"), OK },
    { tap_bytes("{\"\\\\u0061\":1,\"a\":1}"), OK },
    { tap_bytes("{\"e\xcc\x81\":1,\"\xc3\xa9\":1}"), OK },
};


/* what test_iterate() goes over */

static const struct {
    ngx_ohttp_relay_json_e   type;
    const char              *name;
    const char              *text;
} members[] = {
    { NGX_OHTTP_RELAY_JSON_STRING, "s", "x\\n" },
    { NGX_OHTTP_RELAY_JSON_INTEGER, "i", "-12" },
    { NGX_OHTTP_RELAY_JSON_NUMBER, "n", "1.0" },
    { NGX_OHTTP_RELAY_JSON_NUMBER, "e", "1e2" },
    { NGX_OHTTP_RELAY_JSON_OBJECT, "o", "{ \"a\" : 1 }" },
    { NGX_OHTTP_RELAY_JSON_ARRAY, "l", "[ 1 , \"two\" , [ ] ]" },
    { NGX_OHTTP_RELAY_JSON_TRUE, "t", "true" },
    { NGX_OHTTP_RELAY_JSON_FALSE, "f", "false" },
    { NGX_OHTTP_RELAY_JSON_NULL, "\\u0030", "null" },
};


/* content of NULL: it cannot be written */

static const struct {
    const char  *in;
    const char  *content;
} strings[] = {
    { "\"\"", "" },
    { "\"abc\"", "abc" },
    { "\"\\u0061b\\u0063\"", "abc" },
    { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
    { "\"\\u007f\\u0080\\u07ff\\u0800\\uffff\"",
      "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf" },
    { "\"\\ud800\\udc00\\uDBFF\\uDFFF\"",
      "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
    { "\"\xe2\x82\xac\"", "\xe2\x82\xac" },
    { "\"a\\u0000\"", NULL },
    { "\"\\u0000\"", NULL },
    { "1", NULL },
    { "true", NULL },
    { "null", NULL },
    { "[\"abc\"]", NULL },
};


int
main(void)
{
    test_objects();
    test_cut_off();
    test_depth();
    test_members();
    test_same();
    test_control_bytes();
    test_iterate();
    test_iterate_wrong();
    test_member();
    test_integers();
    test_strings();
    test_unescape_room();
    test_null();

    return tap_done();
}


static void
test_objects(void)
{
    size_t  i;

    for (i = 0; i < tap_array_len(objects); i++) {
        tap_ok(object(objects[i].in, objects[i].len) == objects[i].rc,
               "%s is %s", tap_text(objects[i].in, objects[i].len),
               objects[i].rc == OK ? "right" : "wrong");
    }
}


static void
test_cut_off(void)
{
    int     bad;
    size_t  len;

    static const char  text[] =
        "{\"a\":[1.5e3,true,false,null,{}],\"\\u0062\":\"\\ud83d\\ude00\","
        "\"\xe2\x82\xac\":{\"x\":-0,\"y\":\"\\\\\"}}";

    for (bad = 0, len = 0; len < sizeof(text) - 1; len++) {
        bad |= object(text, len) != ERROR;
    }

    tap_ok(!bad && object(text, len) == OK, "an object cut off anywhere");
}


static void
test_depth(void)
{
    int       bad;
    char      text[65536], *p;
    unsigned  n;

    for (bad = 0, n = 1; n < 20; n++) {
        p = repeat(text, "{\"a\":", n - 1);
        p = repeat(p, "{", 1);
        p = repeat(p, "}", n);

        bad |= object(text, p - text)
               != (n <= NGX_OHTTP_RELAY_JSON_DEPTH ? OK : ERROR);

        p = repeat(text, "{\"a\":", 1);
        p = repeat(p, "[", n - 1);
        p = repeat(p, n == 1 ? "1" : "", 1);
        p = repeat(p, "]", n - 1);
        p = repeat(p, "}", 1);

        bad |= object(text, p - text)
               != (n <= NGX_OHTTP_RELAY_JSON_DEPTH ? OK : ERROR);
    }

    tap_ok(!bad, "16 levels and no more");

    p = repeat(text, "{\"a\":", 13000);

    tap_ok(object(text, p - text) == ERROR, "very many levels");

    p = repeat(text, "{\"a\":[", 1);
    p = repeat(p, "[[]],", 1000);
    p = repeat(p, "[]]}", 1);

    tap_ok(object(text, p - text) == OK, "many arrays side by side");
}


static void
test_members(void)
{
    int       bad;
    char      text[4096], *p;
    unsigned  n, i;

    for (bad = 0, n = 1; n < 70; n++) {
        p = text + sprintf(text, "{\"x\":{");

        for (i = 0; i < n; i++) {
            p += sprintf(p, "%s\"m%u\":0", i ? "," : "", i);
        }

        p += sprintf(p, "}}");

        bad |= object(text, p - text)
               != (n <= NGX_OHTTP_RELAY_JSON_MEMBERS ? OK : ERROR);
        bad |= object(text + 5, p - text - 6)
               != (n <= NGX_OHTTP_RELAY_JSON_MEMBERS ? OK : ERROR);

        /* the last one once more under the name of the first one */

        memcpy(strrchr(text, 'm') - 1, "\"m0\":0}}", 9);

        bad |= n > 1 && object(text, strlen(text)) != ERROR;
    }

    tap_ok(!bad, "64 members and no more, each with a name of its own");
}


/* what is compared where two names have the same hash */

static void
test_same(void)
{
    size_t                   i;
    u_char                  *a, *b;
    ngx_ohttp_relay_slice_t  x, y;

    static const struct {
        const char  *a;
        const char  *b;
        int          same;
    } names[] = {
        { "", "", 1 }, { "a", "a", 1 }, { "exp", "\\u0065xp", 1 },
        { "\\/", "/", 1 }, { "\xc3\xa9", "\\u00E9", 1 },
        { "", "a", 0 }, { "ab", "a", 0 }, { "ab", "ac", 0 },
        { "ba", "ca", 0 }, { "a", "A", 0 }, { "a", "\\u0061a", 0 },
        { "\\\\u0061", "a", 0 },
    };

    for (i = 0; i < tap_array_len(names); i++) {
        x.len = strlen(names[i].a);
        y.len = strlen(names[i].b);
        a = tap_copy(names[i].a, x.len);
        b = tap_copy(names[i].b, y.len);
        x.data = a;
        y.data = b;

        tap_ok(ngx_ohttp_relay_json_same(&x, &y) == names[i].same
               && ngx_ohttp_relay_json_same(&y, &x) == names[i].same,
               "\"%s\" and \"%s\" are %s",
               tap_text(names[i].a, x.len), names[i].b,
               names[i].same ? "the same" : "not the same");

        tap_free(b, y.len);
        tap_free(a, x.len);
    }
}


static void
test_control_bytes(void)
{
    int   c, bad, want;
    char  text[] = "{\"a\":\"?\"}", name[] = "{\"?\":1}";

    for (bad = 0, c = 0; c < 128; c++) {
        text[6] = (char) c;
        name[2] = (char) c;

        want = c >= ' ' && c != '"' && c != '\\';

        bad |= object(text, sizeof(text) - 1) != (want ? OK : ERROR);
        bad |= object(name, sizeof(name) - 1) != (want ? OK : ERROR);
    }

    tap_ok(!bad, "control bytes must be escaped");
}


static void
test_iterate(void)
{
    int                              ok;
    size_t                           i;
    ngx_ohttp_relay_slice_t          text;
    ngx_ohttp_relay_json_value_t     value;
    ngx_ohttp_relay_json_iterator_t  it, inner;

    static const char  in[] =
        " { \"s\" : \"x\\n\" , \"i\":-12,\"n\":1.0 ,\"e\":1e2,\"o\" : { \"a\""
        " : 1 } , \"l\":[ 1 , \"two\" , [ ] ],\"t\":true,\"f\":false,"
        "\"\\u0030\":null } ";

    text.data = (u_char *) in;
    text.len = sizeof(in) - 1;

    ok = object(in, text.len) == OK
         && ngx_ohttp_relay_json_begin(&text, &it) == OK;

    for (i = 0; i < tap_array_len(members); i++) {
        ok = ok && ngx_ohttp_relay_json_next(&it, &value) == OK
             && value.type == members[i].type
             && value.name.len == strlen(members[i].name)
             && memcmp(value.name.data, members[i].name, value.name.len) == 0
             && value.text.len == strlen(members[i].text)
             && memcmp(value.text.data, members[i].text, value.text.len) == 0;

        tap_ok(ok, "member %s", members[i].name);

        if (value.type == NGX_OHTTP_RELAY_JSON_ARRAY) {
            ok &= ngx_ohttp_relay_json_begin(&value.text, &inner) == OK
                  && ngx_ohttp_relay_json_next(&inner, &value) == OK
                  && value.type == NGX_OHTTP_RELAY_JSON_INTEGER
                  && value.name.len == 0
                  && ngx_ohttp_relay_json_next(&inner, &value) == OK
                  && ngx_ohttp_relay_json_string_equal(&value, "two")
                  && ngx_ohttp_relay_json_next(&inner, &value) == OK
                  && value.type == NGX_OHTTP_RELAY_JSON_ARRAY
                  && value.text.len == 3
                  && ngx_ohttp_relay_json_next(&inner, &value) == DONE;

            tap_ok(ok, "elements of an array");
        }
    }

    tap_ok(ok && ngx_ohttp_relay_json_next(&it, &value) == DONE
           && ngx_ohttp_relay_json_next(&it, &value) == DONE,
           "no more members, and so it stays");
}


/* text that nobody has checked does no harm */

static void
test_iterate_wrong(void)
{
    int                              rc;
    size_t                           i;
    u_char                          *copy;
    unsigned                         n;
    ngx_ohttp_relay_slice_t          text;
    ngx_ohttp_relay_json_value_t     value;
    ngx_ohttp_relay_json_iterator_t  it;

    static const struct {
        const char  *in;
        unsigned     n;     /* members read before the error */
    } wrong[] = {
        { "{", 0 }, { "[", 0 }, { "{\"a\"", 0 }, { "{\"a\":", 0 },
        { "{1", 0 }, { "{\"a\":1", 1 }, { "{\"a\":1]", 1 }, { "[1}", 1 },
        { "[1 2]", 1 }, { "[1x2]", 1 }, { "[1,]", 1 }, { "[,1]", 0 },
        { "{\"a\":1,2}", 1 },
        { "[[", 0 }, { "[\"", 0 }, { "[1,\"\\", 1 },
    };

    for (i = 0; i < tap_array_len(wrong); i++) {
        text.len = strlen(wrong[i].in);
        copy = tap_copy(wrong[i].in, text.len);
        text.data = copy;

        n = 0;
        rc = ngx_ohttp_relay_json_begin(&text, &it);

        while (rc == OK) {
            rc = ngx_ohttp_relay_json_next(&it, &value);
            n += rc == OK;
        }

        tap_ok(rc == ERROR && n == wrong[i].n, "%s ends with an error",
               wrong[i].in);

        tap_free(copy, text.len);
    }

    text.data = (u_char *) "  1";
    text.len = 3;

    tap_ok(ngx_ohttp_relay_json_begin(&text, &it) == ERROR,
           "a number has no members");

    text.len = 2;

    tap_ok(ngx_ohttp_relay_json_begin(&text, &it) == ERROR,
           "white space has no members");
}


static void
test_member(void)
{
    ngx_ohttp_relay_slice_t       text;
    ngx_ohttp_relay_json_value_t  value;

    static const char  in[] =
        "{\"expiry\":1,\"\\u0065\\u0078p\":2,\"Exp\":3,\"ex\":4,"
        "\"nbf\\u0000\":5,\"o\":{\"iss\":6},\"\xc3\xa9\":7}";

    text.data = (u_char *) in;
    text.len = sizeof(in) - 1;

    tap_ok(ngx_ohttp_relay_json_member(&text, "exp", &value) == OK
           && value.text.data[0] == '2', "a member by its unescaped name");
    tap_ok(ngx_ohttp_relay_json_member(&text, "\xc3\xa9", &value) == OK
           && value.text.data[0] == '7', "a member by a name of UTF-8");
    tap_ok(ngx_ohttp_relay_json_member(&text, "EXP", &value) == DONE,
           "the case of a name matters");
    tap_ok(ngx_ohttp_relay_json_member(&text, "nbf", &value) == DONE,
           "a name with a NUL is another one");
    tap_ok(ngx_ohttp_relay_json_member(&text, "iss", &value) == DONE,
           "a member of a member is none");
    tap_ok(ngx_ohttp_relay_json_member(&text, "", &value) == DONE,
           "no member without a name");

    text.data = (u_char *) "[\"exp\"]";
    text.len = 7;

    tap_ok(ngx_ohttp_relay_json_member(&text, "exp", &value) == ERROR,
           "an array has no member with a name");
}


static void
test_integers(void)
{
    int                           rc;
    char                          text[64];
    size_t                        i, len;
    int64_t                       n;
    ngx_ohttp_relay_json_value_t  value;

    static const struct {
        const char  *in;
        int          rc;
        int64_t      n;
    } integers[] = {
        { "0", OK, 0 }, { "-0", OK, 0 }, { "1", OK, 1 }, { "-1", OK, -1 },
        { "1767225600", OK, 1767225600 },
        { "9223372036854775807", OK, INT64_MAX },
        { "9223372036854775808", ERROR, 0 },
        { "9223372036854775810", ERROR, 0 },
        { "-9223372036854775808", OK, INT64_MIN },
        { "-9223372036854775809", ERROR, 0 },
        { "99999999999999999999", ERROR, 0 },
        { "1.0", ERROR, 0 }, { "1e3", ERROR, 0 }, { "1E0", ERROR, 0 },
        { "0.0", ERROR, 0 }, { "\"1\"", ERROR, 0 }, { "true", ERROR, 0 },
        { "null", ERROR, 0 }, { "[1]", ERROR, 0 }, { "{}", ERROR, 0 },
    };

    for (i = 0; i < tap_array_len(integers); i++) {
        len = sprintf(text, "{\"v\":%s}", integers[i].in);
        rc = value_of(text, len, &value) == OK
             ? ngx_ohttp_relay_json_integer(&value, &n) : -100;

        tap_ok(rc == integers[i].rc && (rc != OK || n == integers[i].n),
               "%s is %s integer", integers[i].in,
               integers[i].rc == OK ? "an" : "no");
    }
}


static void
test_strings(void)
{
    int                           ok;
    char                          text[128];
    size_t                        i, len;
    u_char                        out[64];
    ssize_t                       n;
    ngx_ohttp_relay_slice_t       slice;
    ngx_ohttp_relay_json_value_t  value;

    for (i = 0; i < tap_array_len(strings); i++) {
        len = sprintf(text, "{\"v\":%s}", strings[i].in);
        ok = value_of(text, len, &value) == OK;

        n = ngx_ohttp_relay_json_unescape(&value, out, sizeof(out));

        if (strings[i].content == NULL) {
            ok &= n == ERROR && !ngx_ohttp_relay_json_string_equal(&value, "")
                  && !ngx_ohttp_relay_json_string_equal(&value, "a")
                  && !ngx_ohttp_relay_json_string_equal(&value,
                                                        strings[i].in);

        } else {
            ok &= n == (ssize_t) strlen(strings[i].content)
                  && memcmp(out, strings[i].content, n) == 0
                  && is_string(&value, strings[i].content, n);
        }

        tap_ok(ok, "%s is read", tap_text(strings[i].in,
                                          strlen(strings[i].in)));
    }

    value_of(tap_bytes("{\"v\":\"a\\u0000b\"}"), &value);
    slice.data = (u_char *) "a\0b";
    slice.len = 3;

    tap_ok(ngx_ohttp_relay_json_slice_equal(&value, &slice)
           && !ngx_ohttp_relay_json_string_equal(&value, "a"),
           "a NUL does not end a comparison");

    value_of(tap_bytes("{\"v\":\"RS256\"}"), &value);

    tap_ok(!ngx_ohttp_relay_json_string_equal(&value, "rs256")
           && ngx_ohttp_relay_json_string_equal(&value, "RS256"),
           "the case of a string matters");
}


/* equal to the content, and neither to more of it nor to less */

static int
is_string(const ngx_ohttp_relay_json_value_t *value, const char *content,
    size_t len)
{
    int                      ok;
    char                     text[64];
    ngx_ohttp_relay_slice_t  slice;

    memcpy(text, content, len + 1);

    slice.data = (u_char *) text;
    slice.len = len;

    ok = ngx_ohttp_relay_json_string_equal(value, content)
         && ngx_ohttp_relay_json_slice_equal(value, &slice);

    text[len] = 'x';
    slice.len = len + 1;

    ok &= !ngx_ohttp_relay_json_slice_equal(value, &slice);

    slice.len = len - 1;

    return ok && (len == 0
                  || !ngx_ohttp_relay_json_slice_equal(value, &slice));
}


static void
test_unescape_room(void)
{
    int                           bad;
    size_t                        size;
    u_char                       *out;
    ngx_ohttp_relay_json_value_t  value;

    value_of(tap_bytes("{\"v\":\"a\\u00e9\xe2\x82\xac\\ud83d\\ude00\"}"),
             &value);

    for (bad = 0, size = 0; size < 16; size++) {
        out = tap_copy("................", size);

        bad |= ngx_ohttp_relay_json_unescape(&value, out, size)
               != (size < 10 ? ERROR : 10);

        tap_free(out, size);
    }

    tap_ok(!bad, "what does not fit is an error");
}


static void
test_null(void)
{
    ngx_ohttp_relay_slice_t          text;
    ngx_ohttp_relay_json_value_t     value;
    ngx_ohttp_relay_json_iterator_t  it;

    text.data = NULL;
    text.len = 0;

    tap_ok(ngx_ohttp_relay_json_object(NULL, NULL) == ERROR
           && ngx_ohttp_relay_json_begin(&text, &it) == ERROR
           && ngx_ohttp_relay_json_member(&text, "a", &value) == ERROR,
           "no text at all is no object");

    value.type = NGX_OHTTP_RELAY_JSON_STRING;
    value.name = text;
    value.text = text;

    tap_ok(ngx_ohttp_relay_json_slice_equal(&value, &text)
           && ngx_ohttp_relay_json_string_equal(&value, "")
           && ngx_ohttp_relay_json_name_equal(&value, "")
           && ngx_ohttp_relay_json_unescape(&value, NULL, 0) == 0,
           "a string without data is empty");
}


static int
object(const char *in, size_t len)
{
    int      rc;
    u_char  *copy;

    copy = tap_copy(in, len);
    rc = ngx_ohttp_relay_json_object(copy, copy + len);
    tap_free(copy, len);

    return rc;
}


static char *
repeat(char *p, const char *text, unsigned n)
{
    while (n-- > 0) {
        p = stpcpy(p, text);
    }

    return p;
}


/* the member "v" of a right object */

static int
value_of(const char *in, size_t len, ngx_ohttp_relay_json_value_t *value)
{
    ngx_ohttp_relay_slice_t  text;

    if (object(in, len) != OK) {
        return ERROR;
    }

    text.data = (u_char *) in;
    text.len = len;

    return ngx_ohttp_relay_json_member(&text, "v", value);
}
