
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "base64url.h"
#include "hex.h"
#include "host.h"
#include "rfc9578.h"
#include "token.h"


#define OK     NGX_OHTTP_RELAY_OK
#define NONE   NGX_OHTTP_RELAY_NONE
#define ERROR  NGX_OHTTP_RELAY_ERROR

#define SIZE   NGX_OHTTP_RELAY_TOKEN_SIZE
#define TEXT   NGX_OHTTP_RELAY_TOKEN_TEXT


static void test_vector(size_t i);
static void test_lengths(void);
static void test_padding(void);
static void test_alphabet(void);
static void test_types(void);
static void test_challenge_values(void);
static void test_challenge_lengths(void);
static void test_names(void);
static void test_null(void);
static int decode(const char *text, size_t len);
static size_t challenge(size_t issuer, size_t context, size_t origin,
    size_t size);
static size_t bytes(const char *hex, u_char *out);
static int is(const u_char *p, const char *hex);


int
main(void)
{
    size_t  i;

    for (i = 0; i < tap_array_len(rfc9578); i++) {
        test_vector(i);
    }

    test_lengths();
    test_padding();
    test_alphabet();
    test_types();
    test_challenge_values();
    test_challenge_lengths();
    test_names();
    test_null();

    return tap_done();
}


static void
test_vector(size_t i)
{
    u_char                    raw[SIZE], text[TEXT], out[SIZE], context[32];
    u_char                    written[256];
    size_t                    len;
    ngx_ohttp_relay_slice_t   issuer, redemption, origin;
    ngx_ohttp_relay_token_t   token;

    len = bytes(rfc9578[i].token, raw);

    tap_ok(len == SIZE
           && ngx_ohttp_relay_base64url_encode(raw, raw + SIZE, text, 1)
              == TEXT, "token %zu has 354 bytes, 472 characters", i);

    tap_ok(ngx_ohttp_relay_token_decode(text, text + TEXT, out, &token) == OK
           && memcmp(out, raw, SIZE) == 0, "token %zu is decoded", i);

    tap_ok(token.type == 2 && token.nonce == out + 2
           && token.challenge_digest == out + 34 && token.key_id == out + 66
           && token.authenticator == out + 98 && token.input.data == out
           && token.input.len == 98, "its parts are where they belong");

    tap_ok(is(token.nonce, rfc9578[i].nonce)
           && is(token.challenge_digest, rfc9578[i].digest)
           && is(token.key_id, RFC9578_KEY_ID), "its parts are right");

    issuer.data = (u_char *) "issuer.example";
    issuer.len = 14;
    redemption.data = context;
    redemption.len = bytes(rfc9578[i].context, context);
    origin.data = (u_char *) rfc9578[i].origin;
    origin.len = strlen(rfc9578[i].origin);

    len = ngx_ohttp_relay_challenge_write(&issuer, &redemption, &origin,
                                          written, sizeof(written));

    tap_ok(len == strlen(rfc9578[i].challenge) / 2
           && is(written, rfc9578[i].challenge), "its challenge is written");

    tap_ok(ngx_ohttp_relay_challenge_origin(origin.data,
                                            origin.data + origin.len) == OK,
           "its origin is one");
}


static void
test_lengths(void)
{
    int     bad;
    char    text[1024];
    size_t  len;

    memset(text, 'A', sizeof(text));

    /* 0x0002, so that only the length is wrong */

    text[2] = 'I';

    for (bad = 0, len = 0; len < sizeof(text); len++) {
        bad |= decode(text, len) != (len == TEXT ? OK : NONE);
    }

    tap_ok(!bad, "any other length is none");

    memset(text, '!', sizeof(text));

    for (bad = 0, len = 0; len < sizeof(text); len++) {
        bad |= decode(text, len) != (len == TEXT ? ERROR : NONE);
    }

    tap_ok(!bad, "of another length the alphabet does not matter");
}


static void
test_padding(void)
{
    char  text[480];

    memset(text, 'A', sizeof(text));
    text[2] = 'I';

    text[472] = text[473] = text[474] = text[475] = '=';

    tap_ok(decode(text, 473) == NONE && decode(text, 474) == NONE
           && decode(text, 476) == NONE,
           "padding behind 472 characters is no padding");

    text[471] = '=';

    tap_ok(decode(text, 472) == NONE, "353 bytes, padded, are too short");

    text[470] = '=';

    tap_ok(decode(text, 472) == NONE, "352 bytes, padded, are too short");

    text[470] = '=';
    text[471] = 'A';

    tap_ok(decode(text, 472) == ERROR, "padding in the middle is wrong");
}


static void
test_alphabet(void)
{
    int     c, bad, want;
    char    text[TEXT];
    size_t  i;

    memset(text, 'A', sizeof(text));
    text[2] = 'I';

    for (bad = 0, i = 4; i < TEXT; i += 3) {

        for (c = 0; c < 256; c++) {
            text[i] = (char) c;

            want = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
                   || (c >= '0' && c <= '9') || c == '-' || c == '_';

            bad |= decode(text, TEXT) != (want ? OK : ERROR);
        }

        text[i] = 'A';
    }

    tap_ok(!bad, "base64url and nothing else");
}


static void
test_types(void)
{
    int       bad;
    u_char    raw[SIZE], text[TEXT];
    unsigned  type;

    memset(raw, 0x5a, SIZE);

    for (bad = 0, type = 0; type < 65536; type += type < 512 ? 1 : 257) {
        raw[0] = (u_char) (type >> 8);
        raw[1] = (u_char) type;

        (void) ngx_ohttp_relay_base64url_encode(raw, raw + SIZE, text, 0);

        bad |= decode((char *) text, TEXT) != (type == 2 ? OK : NONE);
    }

    tap_ok(!bad, "any other type is none");
}


static void
test_challenge_values(void)
{
    u_char                   out[64];
    ngx_ohttp_relay_slice_t  issuer, none, origin;

    static const char  empty[] = "0002000e6973737565722e6578616d706c65000000";
    static const char  relay[] = "0002000e6973737565722e6578616d706c6500"
                                 "000d72656c61792e6578616d706c65";

    issuer.data = (u_char *) "issuer.example";
    issuer.len = 14;
    none.data = NULL;
    none.len = 0;
    origin.data = (u_char *) "relay.example";
    origin.len = 13;

    tap_ok(ngx_ohttp_relay_challenge_write(&issuer, &none, &none, out, 64)
           == 21 && is(out, empty), "a challenge with an issuer only");

    tap_ok(ngx_ohttp_relay_challenge_write(&issuer, &none, &origin, out, 64)
           == 34 && is(out, relay), "a challenge with an origin");
}


static void
test_challenge_lengths(void)
{
    int     bad;
    size_t  n;

    tap_ok(challenge(1, 0, 0, 8) == 8 && challenge(1, 0, 0, 7) == 0
           && challenge(1, 32, 1, 41) == 41 && challenge(1, 32, 1, 40) == 0,
           "a challenge fits exactly, or is not written");

    tap_ok(challenge(0, 0, 0, 100) == 0, "an issuer has a name");

    for (bad = 0, n = 0; n < 300; n++) {
        bad |= challenge(1, n, 1, 400)
               != (n == 0 ? 9 : n == 32 ? 41 : 0);
    }

    tap_ok(!bad, "a context has 0 or 32 bytes");

    tap_ok(challenge(65535, 32, 65535, 140000)
           == ngx_ohttp_relay_challenge_size(65535, 65535)
           && challenge(65536, 0, 0, 140000) == 0
           && challenge(1, 0, 65536, 140000) == 0,
           "names have at most 65535 bytes");
}


static void
test_names(void)
{
    size_t         i;
    u_char        *text;
    const u_char  *p;

    static const struct {
        const char  *text;
        int          issuer;
        int          origin;
    } names[] = {
        { "issuer.example", OK, OK },
        { "Issuer.Example:8443", OK, OK },
        { "[2001:db8::1]:8443", OK, OK },
        { "", ERROR, OK },
        { "a.example,b.example", ERROR, OK },
        { "a.example, b.example", ERROR, ERROR },
        { "a.example,", ERROR, ERROR },
        { "user@issuer.example", ERROR, ERROR },
        { "https://issuer.example", ERROR, ERROR },
        { "issuer.example/", ERROR, ERROR },
        { "b\xc3\xbc" "cher.example", ERROR, ERROR },
    };

    for (i = 0; i < tap_array_len(names); i++) {
        p = (const u_char *) names[i].text;

        tap_ok(ngx_ohttp_relay_challenge_issuer(p, p + strlen(names[i].text))
               == names[i].issuer, "\"%s\" as an issuer",
               tap_text(names[i].text, strlen(names[i].text)));

        tap_ok(ngx_ohttp_relay_challenge_origin(p, p + strlen(names[i].text))
               == names[i].origin, "\"%s\" as origins",
               tap_text(names[i].text, strlen(names[i].text)));
    }

    text = malloc(65536);

    for (i = 0; i < 65536; i++) {
        text[i] = i % 2 ? ',' : 'a';
    }

    tap_ok(ngx_ohttp_relay_challenge_origin(text, text + 65535) == OK
           && ngx_ohttp_relay_challenge_origin(text + 1, text + 65536)
              == ERROR, "65535 bytes of origins");

    text[65535] = 'a';

    tap_ok(ngx_ohttp_relay_challenge_origin(text, text + 65536) == ERROR,
           "65536 bytes of origins are too many");

    free(text);
}


static void
test_null(void)
{
    u_char                   out[SIZE];
    ngx_ohttp_relay_token_t  token;

    tap_ok(ngx_ohttp_relay_token_decode(NULL, NULL, out, &token) == NONE
           && ngx_ohttp_relay_challenge_issuer(NULL, NULL) == ERROR
           && ngx_ohttp_relay_challenge_origin(NULL, NULL) == OK,
           "no text at all");
}


static int
decode(const char *text, size_t len)
{
    int                       rc;
    u_char                   *copy, out[SIZE];
    ngx_ohttp_relay_token_t   token;

    copy = tap_copy(text, len);
    rc = ngx_ohttp_relay_token_decode(copy, copy + len, out, &token);
    tap_free(copy, len);

    return rc;
}


/* a challenge of parts of these lengths; nothing is written without room */

static size_t
challenge(size_t issuer, size_t context, size_t origin, size_t size)
{
    size_t                    n, i;
    u_char                   *data, *out;
    ngx_ohttp_relay_slice_t   a, b, c;

    data = malloc(70000);
    out = malloc(size);

    memset(data, 'x', 70000);
    memset(out, 0xee, size);

    a.data = b.data = c.data = data;
    a.len = issuer;
    b.len = context;
    c.len = origin;

    n = ngx_ohttp_relay_challenge_write(&a, &b, &c, out, size);

    for (i = n; i < size; i++) {
        if (out[i] != 0xee) {
            tap_ok(0, "nothing is written behind its end");
            break;
        }
    }

    free(out);
    free(data);

    return n;
}


static size_t
bytes(const char *hex, u_char *out)
{
    const u_char  *p;

    p = (const u_char *) hex;

    if (ngx_ohttp_relay_hex(p, p + strlen(hex), out) != OK) {
        return 0;
    }

    return strlen(hex) / 2;
}


static int
is(const u_char *p, const char *hex)
{
    u_char  out[512];

    return memcmp(p, out, bytes(hex, out)) == 0;
}
