
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "jws.h"


#define OK     NGX_OHTTP_RELAY_OK
#define ERROR  NGX_OHTTP_RELAY_ERROR

#define RS256  NGX_OHTTP_RELAY_JOSE_RS256


static void test_parts(void);
static void test_length(void);
static void test_algorithms(void);
static void test_headers(void);
static void test_kid(void);
static void test_kid_length(void);
static void test_null(void);
static int jws(const char *in, size_t len, char *out);
static int header(const char *in, size_t len, ngx_ohttp_relay_jose_t *jose);


/* what was read, written as "header payload signature input" */

static const struct {
    const char  *in;
    size_t       len;
    const char  *out;
} parts[] = {
    { tap_bytes("eyJ9.e30.Zm9v"), "eyJ9 e30 Zm9v eyJ9.e30" },
    { tap_bytes("AA.AA.AA"), "AA AA AA AA.AA" },
    { tap_bytes("A-_0.AAA.AAAAAA"), "A-_0 AAA AAAAAA A-_0.AAA" },

    { tap_bytes(""), NULL },
    { tap_bytes("."), NULL },
    { tap_bytes(".."), NULL },
    { tap_bytes("..."), NULL },
    { tap_bytes("AA"), NULL },
    { tap_bytes("AA."), NULL },
    { tap_bytes("AA.AA"), NULL },
    { tap_bytes("AA.AA."), NULL },          /* no signature */
    { tap_bytes("AA..AA"), NULL },          /* a detached payload */
    { tap_bytes(".AA.AA"), NULL },
    { tap_bytes("AA.AA.AA."), NULL },
    { tap_bytes("AA.AA.AA.AA"), NULL },
    { tap_bytes("AA.AA.AA.AA.AA"), NULL },  /* this would be a JWE */
    { tap_bytes("AA.AA..AA"), NULL },

    { tap_bytes("AA==.AA.AA"), NULL },
    { tap_bytes("AA.AAA=.AA"), NULL },
    { tap_bytes("AA.AA.AA=="), NULL },
    { tap_bytes("A.AA.AA"), NULL },
    { tap_bytes("AA.AAAAA.AA"), NULL },
    { tap_bytes("AA.AA.A"), NULL },
    { tap_bytes("AB.AA.AA"), NULL },
    { tap_bytes("AA.AAB.AA"), NULL },
    { tap_bytes("AA.AA.AP"), NULL },
    { tap_bytes("AAA+.AA.AA"), NULL },
    { tap_bytes("AA.AAA/.AA"), NULL },
    { tap_bytes("AA.AA.AAA\xc3"), NULL },
    { tap_bytes(" AA.AA.AA"), NULL },
    { tap_bytes("AA.AA.AA "), NULL },
    { tap_bytes("AA.AA.AA\n"), NULL },
    { tap_bytes("AA. AA.AA"), NULL },
    { tap_bytes("AA.AA.AA\x00"), NULL },
    { tap_bytes("AA.A\x00.AA"), NULL },
    { tap_bytes("Bearer AA.AA.AA"), NULL },
};


static const struct {
    const char  *in;
    int          rc;
} headers[] = {
    { "{\"alg\":\"RS256\"}", OK },
    { " { \"alg\" : \"RS256\" } ", OK },
    { "{\"\\u0061lg\":\"RS\\u003256\"}", OK },
    { "{\"x\":{\"crit\":1,\"b64\":1},\"alg\":\"RS256\"}", OK },

    /* keys that the sender has chosen are not even looked at */

    { "{\"alg\":\"RS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"},"
      "\"jku\":\"https://evil.example/\",\"x5u\":1,\"x5c\":[\"AA\"],"
      "\"x5t\":\"AA\"}", OK },

    { "{\"alg\":\"RS256\",\"typ\":\"JWT\"}", OK },
    { "{\"alg\":\"RS256\",\"typ\":\"jwt\"}", OK },
    { "{\"alg\":\"RS256\",\"typ\":\"at+jwt\"}", OK },
    { "{\"alg\":\"RS256\",\"typ\":\"AT+JWT\"}", OK },
    { "{\"alg\":\"RS256\",\"typ\":\"application/at+jwt\"}", OK },
    { "{\"alg\":\"RS256\",\"typ\":\"Application\\/AT+jwt\"}", OK },
    { "{\"alg\":\"RS256\",\"typ\":\"\"}", ERROR },
    { "{\"alg\":\"RS256\",\"typ\":\"JW\"}", ERROR },
    { "{\"alg\":\"RS256\",\"typ\":\"JWTs\"}", ERROR },
    { "{\"alg\":\"RS256\",\"typ\":\"JWT\\u0000\"}", ERROR },
    { "{\"alg\":\"RS256\",\"typ\":\"application/jwt\"}", ERROR },
    { "{\"alg\":\"RS256\",\"typ\":\"application/at+jwt;a=b\"}", ERROR },
    { "{\"alg\":\"RS256\",\"typ\":\"dpop+jwt\"}", ERROR },
    { "{\"alg\":\"RS256\",\"typ\":\"JOSE\"}", ERROR },
    { "{\"alg\":\"RS256\",\"typ\":null}", ERROR },
    { "{\"alg\":\"RS256\",\"typ\":[\"JWT\"]}", ERROR },
    { "{\"alg\":\"RS256\",\"TYP\":\"JOSE\"}", OK },

    { "{\"alg\":\"RS256\",\"crit\":[\"exp\"]}", ERROR },
    { "{\"alg\":\"RS256\",\"crit\":[]}", ERROR },
    { "{\"alg\":\"RS256\",\"crit\":null}", ERROR },
    { "{\"alg\":\"RS256\",\"\\u0063rit\":[\"b64\"]}", ERROR },
    { "{\"crit\":[\"exp\"],\"alg\":\"RS256\"}", ERROR },
    { "{\"alg\":\"RS256\",\"b64\":true}", ERROR },
    { "{\"alg\":\"RS256\",\"b64\":false}", ERROR },
    { "{\"alg\":\"RS256\",\"b\\u00364\":false}", ERROR },

    { "{}", ERROR },
    { "{\"typ\":\"JWT\"}", ERROR },
    { "{\"Alg\":\"RS256\"}", ERROR },
    { "{\"x\":{\"alg\":\"RS256\"}}", ERROR },
    { "{\"alg\":\"RS256\",\"alg\":\"RS256\"}", ERROR },
    { "{\"alg\":\"RS256\",\"\\u0061lg\":\"none\"}", ERROR },
    { "{\"alg\":\"RS256\",\"x\":1,\"x\":1}", ERROR },
    { "{\"alg\":\"RS256\"", ERROR },
    { "{\"alg\":\"RS256\"}{}", ERROR },
    { "[\"alg\",\"RS256\"]", ERROR },
    { "\"RS256\"", ERROR },
    { "", ERROR },
    { "eyJhbGciOiJSUzI1NiJ9", ERROR },
};


int
main(void)
{
    test_parts();
    test_length();
    test_algorithms();
    test_headers();
    test_kid();
    test_kid_length();
    test_null();

    return tap_done();
}


static void
test_parts(void)
{
    int     rc;
    char    out[256];
    size_t  i;

    for (i = 0; i < tap_array_len(parts); i++) {
        rc = jws(parts[i].in, parts[i].len, out);

        tap_ok(parts[i].out == NULL
                   ? rc == ERROR
                   : rc == OK && strcmp(out, parts[i].out) == 0,
               "%s is %s JWS", tap_text(parts[i].in, parts[i].len),
               parts[i].out ? "a" : "no");
    }
}


static void
test_length(void)
{
    char    text[8300], out[40000];
    size_t  dot;

    memset(text, 'A', sizeof(text));

    text[4] = '.';

    dot = 4088;
    text[dot] = '.';

    /* 4 + 4083 + 4103 characters and two dots */

    tap_ok(jws(text, 8192, out) == OK, "8192 bytes");
    tap_ok(jws(text, 8193, out) == ERROR, "8193 bytes");
    tap_ok(jws(text, 8300, out) == ERROR, "8300 bytes");
}


static void
test_algorithms(void)
{
    int                     rc;
    char                    text[128];
    size_t                  i, len;
    ngx_ohttp_relay_jose_t  jose;

    /* 0: refused; the value as JSON */

    static const struct {
        const char              *in;
        int                      alg;
    } algorithms[] = {
        { "\"RS256\"", NGX_OHTTP_RELAY_JOSE_RS256 },
        { "\"ES256\"", NGX_OHTTP_RELAY_JOSE_ES256 },
        { "\"PS256\"", NGX_OHTTP_RELAY_JOSE_PS256 },
        { "\"EdDSA\"", NGX_OHTTP_RELAY_JOSE_EDDSA },
        { "\"HS256\"", NGX_OHTTP_RELAY_JOSE_HS256 },
        { "\"none\"", 0 }, { "\"None\"", 0 }, { "\"nOnE\"", 0 },
        { "\"NONE\"", 0 }, { "\"\\u006eone\"", 0 }, { "\"\"", 0 },
        { "\"rs256\"", 0 }, { "\"Rs256\"", 0 }, { "\"hs256\"", 0 },
        { "\"EDDSA\"", 0 }, { "\"eddsa\"", 0 }, { "\"Ed25519\"", 0 },
        { "\"RS384\"", 0 }, { "\"RS512\"", 0 }, { "\"ES384\"", 0 },
        { "\"ES512\"", 0 }, { "\"ES256K\"", 0 }, { "\"PS512\"", 0 },
        { "\"HS384\"", 0 }, { "\"HS512\"", 0 }, { "\"RS256 \"", 0 },
        { "\" RS256\"", 0 }, { "\"RS256\\u0000\"", 0 }, { "\"RS25\"", 0 },
        { "\"RS256,none\"", 0 }, { "[\"RS256\"]", 0 }, { "null", 0 },
        { "true", 0 }, { "256", 0 }, { "{\"alg\":\"RS256\"}", 0 },
    };

    for (i = 0; i < tap_array_len(algorithms); i++) {
        len = sprintf(text, "{\"typ\":\"JWT\",\"alg\":%s}",
                      algorithms[i].in);
        rc = header(text, len, &jose);

        tap_ok(algorithms[i].alg == 0
                   ? rc == ERROR
                   : rc == OK && (int) jose.alg == algorithms[i].alg,
               "%s is %s", algorithms[i].in,
               algorithms[i].alg ? "known" : "refused");
    }
}


static void
test_headers(void)
{
    int                     rc;
    size_t                  i;
    ngx_ohttp_relay_jose_t  jose;

    for (i = 0; i < tap_array_len(headers); i++) {
        rc = header(headers[i].in, strlen(headers[i].in), &jose);

        tap_ok(rc == headers[i].rc
               && (rc == ERROR
                   || (jose.alg == RS256 && !jose.has_kid
                       && jose.kid_len == 0)),
               "%s is %s", tap_text(headers[i].in, strlen(headers[i].in)),
               headers[i].rc == OK ? "right" : "refused");
    }

    tap_ok(header(tap_bytes("{\"alg\":\"RS256\"}\x00"), &jose) == ERROR
           && header(tap_bytes("{\"alg\":\"RS256\",\"x\":\"\xff\"}"), &jose)
              == ERROR, "a header is text");
}


static void
test_kid(void)
{
    int                     rc;
    char                    text[128];
    size_t                  i, len;
    ngx_ohttp_relay_jose_t  jose;

    /* a content of NULL: refused */

    static const struct {
        const char  *in;
        const char  *kid;
    } kids[] = {
        { "\"key-1\"", "key-1" },
        { "\"\"", "" },
        { "\"k\\u00e9y\"", "k\xc3\xa9y" },
        { "\"\\\"/\\\\..\\/\"", "\"/\\../" },
        { "\"key\\u0000\"", NULL },
        { "\"\\ud800\"", NULL },
        { "1", NULL },
        { "null", NULL },
        { "[\"key-1\"]", NULL },
    };

    for (i = 0; i < tap_array_len(kids); i++) {
        len = sprintf(text, "{\"kid\":%s,\"alg\":\"RS256\"}", kids[i].in);
        rc = header(text, len, &jose);

        tap_ok(kids[i].kid == NULL
                   ? rc == ERROR
                   : rc == OK && jose.has_kid
                     && jose.kid_len == strlen(kids[i].kid)
                     && memcmp(jose.kid, kids[i].kid, jose.kid_len) == 0,
               "kid %s is %s", tap_text(kids[i].in, strlen(kids[i].in)),
               kids[i].kid ? "read" : "refused");
    }
}


static void
test_kid_length(void)
{
    char                    text[512], kid[300];
    size_t                  len;
    ngx_ohttp_relay_jose_t  jose;

    memset(kid, 'k', sizeof(kid));

    len = sprintf(text, "{\"alg\":\"RS256\",\"kid\":\"%.256s\"}", kid);

    tap_ok(header(text, len, &jose) == OK && jose.kid_len == 256,
           "a kid of 256 bytes");

    len = sprintf(text, "{\"alg\":\"RS256\",\"kid\":\"%.257s\"}", kid);

    tap_ok(header(text, len, &jose) == ERROR, "a kid of 257 bytes");

    len = sprintf(text, "{\"alg\":\"RS256\",\"kid\":\"%.254s\\u00e9\"}", kid);

    tap_ok(header(text, len, &jose) == OK && jose.kid_len == 256,
           "a kid of 260 bytes that become 256");

    len = sprintf(text, "{\"alg\":\"RS256\",\"kid\":\"%.255s\xc3\xa9\"}",
                  kid);

    tap_ok(header(text, len, &jose) == ERROR,
           "a kid whose last character does not fit");
}


static void
test_null(void)
{
    ngx_ohttp_relay_jws_t   got;
    ngx_ohttp_relay_jose_t  jose;

    tap_ok(ngx_ohttp_relay_jws(NULL, NULL, &got) == ERROR
           && ngx_ohttp_relay_jose_header(NULL, NULL, &jose) == ERROR,
           "no text at all is neither");
}


static int
jws(const char *in, size_t len, char *out)
{
    int                     rc;
    u_char                 *copy;
    ngx_ohttp_relay_jws_t   got;

    copy = tap_copy(in, len);
    rc = ngx_ohttp_relay_jws(copy, copy + len, &got);

    if (rc == OK) {
        sprintf(out, "%.*s %.*s %.*s %.*s", (int) got.header.len,
                got.header.data, (int) got.payload.len, got.payload.data,
                (int) got.signature.len, got.signature.data,
                (int) got.input.len, got.input.data);
    }

    tap_free(copy, len);

    return rc;
}


static int
header(const char *in, size_t len, ngx_ohttp_relay_jose_t *jose)
{
    int      rc;
    u_char  *copy;

    copy = tap_copy(in, len);
    rc = ngx_ohttp_relay_jose_header(copy, copy + len, jose);
    tap_free(copy, len);

    return rc;
}
