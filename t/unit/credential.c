
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "credential.h"


#define OTHER   NGX_OHTTP_RELAY_CREDENTIAL_OTHER
#define TOKEN   NGX_OHTTP_RELAY_CREDENTIAL_TOKEN
#define BEARER  NGX_OHTTP_RELAY_CREDENTIAL_BEARER


static void test_case(size_t i);
static void test_too_many(void);
static void test_cut_off(void);
static void test_null(void);
static int credential(const char *in, size_t len,
    ngx_ohttp_relay_credential_e *kind, char *value);


/* a value of NULL is an error */

static const struct {
    const char                    *in;
    size_t                         len;
    ngx_ohttp_relay_credential_e   kind;
    const char                    *value;
} cases[] = {

    /* not ours */

    { tap_bytes(""), OTHER, "" },
    { tap_bytes("  \t "), OTHER, "" },
    { tap_bytes("Basic dXNlcjpwYXNz"), OTHER, "" },
    { tap_bytes("Basic x, PrivateToken token=abc"), OTHER, "" },
    { tap_bytes("PrivateTokens token=abc"), OTHER, "" },
    { tap_bytes("Private token=abc"), OTHER, "" },
    { tap_bytes("XPrivateToken token=abc"), OTHER, "" },
    { tap_bytes("Bearers abc"), OTHER, "" },
    { tap_bytes("Bear er"), OTHER, "" },
    { tap_bytes("token=abc"), OTHER, "" },
    { tap_bytes("\"PrivateToken\" token=abc"), OTHER, "" },
    { tap_bytes("\x00PrivateToken token=abc"), OTHER, "" },
    { tap_bytes(", PrivateToken token=abc"), OTHER, "" },

    /* quoted and bare, padded and not */

    { tap_bytes("PrivateToken token=abc"), TOKEN, "abc" },
    { tap_bytes("PrivateToken token=\"abc\""), TOKEN, "abc" },
    { tap_bytes("PrivateToken token=abc="), TOKEN, "abc=" },
    { tap_bytes("PrivateToken token=ab=="), TOKEN, "ab==" },
    { tap_bytes("PrivateToken token=\"ab==\""), TOKEN, "ab==" },
    { tap_bytes("PrivateToken token=AZaz09-_"), TOKEN, "AZaz09-_" },
    { tap_bytes("PrivateToken token=\"\""), TOKEN, "" },
    { tap_bytes("PrivateToken token=\"a, b\""), TOKEN, "a, b" },

    /* the case of names */

    { tap_bytes("privatetoken token=abc"), TOKEN, "abc" },
    { tap_bytes("PRIVATETOKEN TOKEN=abc"), TOKEN, "abc" },
    { tap_bytes("pRIVATEtOKEN tOkEn=\"AbC\""), TOKEN, "AbC" },

    /* white space and empty elements */

    { tap_bytes("PrivateToken   token=abc"), TOKEN, "abc" },
    { tap_bytes("PrivateToken \ttoken=abc"), TOKEN, "abc" },
    { tap_bytes(" \tPrivateToken token=abc \t"), TOKEN, "abc" },
    { tap_bytes("PrivateToken token = abc"), TOKEN, "abc" },
    { tap_bytes("PrivateToken token\t=\t\"abc\"\t"), TOKEN, "abc" },
    { tap_bytes("PrivateToken ,token=abc"), TOKEN, "abc" },
    { tap_bytes("PrivateToken , ,\t, token=abc,, ,"), TOKEN, "abc" },
    { tap_bytes("PrivateToken a=b , token=abc , c=d"), TOKEN, "abc" },
    { tap_bytes("PrivateToken a=b,token=abc,c=d"), TOKEN, "abc" },

    /* other parameters */

    { tap_bytes("PrivateToken extensions=\"AAA=\", token=abc"), TOKEN,
      "abc" },
    { tap_bytes("PrivateToken token=abc, extensions=AAA="), TOKEN, "abc" },
    { tap_bytes("PrivateToken x=\"a, token=no, b\", token=yes"), TOKEN,
      "yes" },
    { tap_bytes("PrivateToken x=\"\\\"token=no\\\\\", token=yes"), TOKEN,
      "yes" },
    { tap_bytes("PrivateToken x=\"\", token=abc"), TOKEN, "abc" },
    { tap_bytes("PrivateToken x=\"\tgr\xc3\xbc\xc3\x9f\\\xfc\", token=abc"),
      TOKEN, "abc" },
    { tap_bytes("PrivateToken tokens=1, tok=2, token=3"), TOKEN, "3" },
    { tap_bytes("PrivateToken !#$%&'*+-.^_`|~=x, token=3"), TOKEN, "3" },

    /* nothing, or no token */

    { tap_bytes("PrivateToken"), TOKEN, NULL },
    { tap_bytes("PrivateToken "), TOKEN, NULL },
    { tap_bytes("PrivateToken ,"), TOKEN, NULL },
    { tap_bytes("PrivateToken extensions=abc"), TOKEN, NULL },
    { tap_bytes("PrivateToken tokens=abc"), TOKEN, NULL },
    { tap_bytes("PrivateToken abc"), TOKEN, NULL },
    { tap_bytes("PrivateToken abc="), TOKEN, NULL },
    { tap_bytes("PrivateToken token"), TOKEN, NULL },
    { tap_bytes("PrivateToken token="), TOKEN, NULL },
    { tap_bytes("PrivateToken token=,"), TOKEN, NULL },
    { tap_bytes("PrivateToken token=="), TOKEN, NULL },
    { tap_bytes("PrivateToken token=\"abc"), TOKEN, NULL },
    { tap_bytes("PrivateToken token=abc\""), TOKEN, NULL },
    { tap_bytes("PrivateToken token='abc def'"), TOKEN, NULL },

    /* the same twice, any of them, in any case */

    { tap_bytes("PrivateToken token=abc, token=abc"), TOKEN, NULL },
    { tap_bytes("PrivateToken token=abc, TOKEN=\"def\""), TOKEN, NULL },
    { tap_bytes("PrivateToken a=1, token=abc, A=1"), TOKEN, NULL },
    { tap_bytes("PrivateToken Z=1, token=abc, z=1"), TOKEN, NULL },
    { tap_bytes("PrivateToken x-1=1, token=abc, x-1=1"), TOKEN, NULL },
    { tap_bytes("PrivateToken x^=1, token=abc, x~=1"), TOKEN, "abc" },
    { tap_bytes("PrivateToken token=abc, extensions=a, extensions=b"), TOKEN,
      NULL },
    { tap_bytes("PrivateToken token=abc, PrivateToken token=def"), TOKEN,
      NULL },
    { tap_bytes("PrivateToken token=abc, Bearer def"), TOKEN, NULL },

    /* a backslash, well formed or not */

    { tap_bytes("PrivateToken token=\"a\\bc\""), TOKEN, NULL },
    { tap_bytes("PrivateToken token=\"abc\\\\\""), TOKEN, NULL },
    { tap_bytes("PrivateToken token=\"abc\\"), TOKEN, NULL },
    { tap_bytes("PrivateToken token=\"abc\\\""), TOKEN, NULL },
    { tap_bytes("PrivateToken token=abc, x=\"\\\x01\""), TOKEN, NULL },

    /* what stands between and behind */

    { tap_bytes("PrivateToken token=abc def"), TOKEN, NULL },
    { tap_bytes("PrivateToken token=\"abc\"def"), TOKEN, NULL },
    { tap_bytes("PrivateToken token=\"abc\" x=y"), TOKEN, NULL },
    { tap_bytes("PrivateToken token=abc; x=y"), TOKEN, NULL },
    { tap_bytes("PrivateToken token=abc, x"), TOKEN, NULL },
    { tap_bytes("PrivateToken token=abc, =y"), TOKEN, NULL },
    { tap_bytes("PrivateToken token=abc, x y=z"), TOKEN, NULL },
    { tap_bytes("PrivateToken token=abc=d"), TOKEN, NULL },
    { tap_bytes("PrivateToken token=a/c"), TOKEN, NULL },
    { tap_bytes("PrivateToken token=abc, x=\"\x7f\""), TOKEN, NULL },
    { tap_bytes("PrivateToken token=abc, x=\"\x00\""), TOKEN, NULL },
    { tap_bytes("PrivateToken token=abc\r\n"), TOKEN, NULL },
    { tap_bytes("PrivateToken token=\xfc"), TOKEN, NULL },

    /* no space behind the scheme */

    { tap_bytes("PrivateToken\ttoken=abc"), TOKEN, NULL },
    { tap_bytes("PrivateToken, token=abc"), TOKEN, NULL },
    { tap_bytes("PrivateToken=abc"), TOKEN, NULL },
    { tap_bytes("PrivateToken\"token=abc\""), TOKEN, NULL },
    { tap_bytes("Bearer\tabc"), BEARER, NULL },
    { tap_bytes("Bearer=abc"), BEARER, NULL },

    /* Bearer */

    { tap_bytes("Bearer abc"), BEARER, "abc" },
    { tap_bytes("bearer abc"), BEARER, "abc" },
    { tap_bytes("BEARER   abc"), BEARER, "abc" },
    { tap_bytes(" Bearer abc\t "), BEARER, "abc" },
    { tap_bytes("Bearer eyJ9.eyJ9.Zm9v"), BEARER, "eyJ9.eyJ9.Zm9v" },
    { tap_bytes("Bearer a-._~+/Z9=="), BEARER, "a-._~+/Z9==" },
    { tap_bytes("Bearer"), BEARER, NULL },
    { tap_bytes("Bearer "), BEARER, NULL },
    { tap_bytes("Bearer ="), BEARER, "=" },
    { tap_bytes("Bearer a=b"), BEARER, "a=b" },
    { tap_bytes("Bearer a b"), BEARER, "a b" },
    { tap_bytes("Bearer \tabc"), BEARER, "\tabc" },
    { tap_bytes("Bearer abc,def"), BEARER, "abc,def" },
    { tap_bytes("Bearer abc, Bearer def"), BEARER, "abc, Bearer def" },
    { tap_bytes("Bearer \"abc\""), BEARER, "\"abc\"" },
    { tap_bytes("Bearer token=\"abc\""), BEARER, "token=\"abc\"" },
    { tap_bytes("Bearer \xc3\xa4"), BEARER, "\xc3\xa4" },
};


int
main(void)
{
    size_t  i;

    for (i = 0; i < tap_array_len(cases); i++) {
        test_case(i);
    }

    test_too_many();
    test_cut_off();
    test_null();

    return tap_done();
}


static void
test_case(size_t i)
{
    int                           rc, ok;
    char                          value[64];
    ngx_ohttp_relay_credential_e  kind;

    rc = credential(cases[i].in, cases[i].len, &kind, value);

    ok = kind == cases[i].kind;

    if (cases[i].value == NULL) {
        ok &= rc == NGX_OHTTP_RELAY_ERROR && value[0] == '\0';

    } else {
        ok &= rc == NGX_OHTTP_RELAY_OK && strcmp(value, cases[i].value) == 0;
    }

    tap_ok(ok, "%s is %s", tap_text(cases[i].in, cases[i].len),
           cases[i].value ? cases[i].value : "malformed");

    if (!ok) {
        tap_note("rc %d, kind %d, value %s", rc, kind, value);
    }
}


static void
test_too_many(void)
{
    int                           rc;
    char                          text[8192], value[64], *p;
    unsigned                      n;
    ngx_ohttp_relay_credential_e  kind;

    p = text + sprintf(text, "PrivateToken token=abc");

    for (n = 1; n < NGX_OHTTP_RELAY_CREDENTIAL_PARAMETERS; n++) {
        p += sprintf(p, ", p%u=x", n);
    }

    rc = credential(text, p - text, &kind, value);

    tap_ok(rc == NGX_OHTTP_RELAY_OK && strcmp(value, "abc") == 0,
           "%d parameters", NGX_OHTTP_RELAY_CREDENTIAL_PARAMETERS);

    p += sprintf(p, ", p%u=x", n);

    rc = credential(text, p - text, &kind, value);

    tap_ok(rc == NGX_OHTTP_RELAY_ERROR, "one parameter too many");

    memset(text, ',', sizeof(text));
    memcpy(text, "PrivateToken ", 13);
    memcpy(text + sizeof(text) - 9, "token=abc", 9);

    rc = credential(text, sizeof(text), &kind, value);

    tap_ok(rc == NGX_OHTTP_RELAY_OK && strcmp(value, "abc") == 0,
           "8 KB of nothing before the token");

    memset(text + 13, 'x', sizeof(text) - 13);

    tap_ok(credential(text, sizeof(text), &kind, value)
           == NGX_OHTTP_RELAY_ERROR && kind == TOKEN, "8 KB of junk");
}


/* cut off anywhere it is read to its end at most, and never half a string */

static void
test_cut_off(void)
{
    int                           bad, rc;
    char                          value[64];
    size_t                        len;
    ngx_ohttp_relay_credential_e  kind;

    static const char  text[] = "PrivateToken x=\"\\\"\", token=\"abcdefgh\"";

    for (bad = 0, len = 0; len < sizeof(text) - 1; len++) {
        rc = credential(text, len, &kind, value);
        bad |= rc != (len < sizeof("PrivateToken") - 1
                      ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR);
    }

    tap_ok(!bad, "a credential cut off anywhere");
}


static void
test_null(void)
{
    ngx_ohttp_relay_credential_t  got;

    tap_ok(ngx_ohttp_relay_credential(NULL, NULL, &got) == NGX_OHTTP_RELAY_OK
           && got.kind == OTHER && got.value.len == 0, "no value at all");
}


static int
credential(const char *in, size_t len, ngx_ohttp_relay_credential_e *kind,
    char *value)
{
    int                           rc;
    u_char                       *copy;
    ngx_ohttp_relay_credential_t  got;

    copy = tap_copy(in, len);
    rc = ngx_ohttp_relay_credential(copy, copy + len, &got);

    *kind = got.kind;
    memcpy(value, got.value.data, got.value.len);
    value[got.value.len] = '\0';

    tap_free(copy, len);

    return rc;
}
