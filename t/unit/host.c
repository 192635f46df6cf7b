
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "host.h"


#define ERROR  NGX_OHTTP_RELAY_ERROR

#define LABEL  "a23456789012345678901234567890123456789012345678901234567890123"


static void test_case(size_t i);
static void test_long_name(void);
static void test_cut_off(const char *text, size_t len);
static void test_list(void);
static void test_decimal(void);
static void test_null(void);
static int host(const char *in, size_t len, char *name,
    ngx_ohttp_relay_host_t *got);


/* a name of NULL is an error */

static const struct {
    const char  *in;
    size_t       len;
    const char  *name;
    int          port;
    unsigned     address;
    unsigned     bracketed;
} cases[] = {
    { tap_bytes("issuer.example"), "issuer.example", 0, 0, 0 },
    { tap_bytes("Issuer.EXAMPLE:443"), "Issuer.EXAMPLE", 443, 0, 0 },
    { tap_bytes("localhost:1"), "localhost", 1, 0, 0 },
    { tap_bytes("aAzZ"), "aAzZ", 0, 0, 0 },
    { tap_bytes("my_redis-1:65535"), "my_redis-1", 65535, 0, 0 },
    { tap_bytes("1a.2b"), "1a.2b", 0, 0, 0 },
    { tap_bytes(LABEL ".example"), LABEL ".example", 0, 0, 0 },
    { tap_bytes("127.0.0.1"), "127.0.0.1", 0, 1, 0 },
    { tap_bytes("255.255.255.255:6379"), "255.255.255.255", 6379, 1, 0 },
    { tap_bytes("[::1]"), "::1", 0, 1, 1 },
    { tap_bytes("[::]:80"), "::", 80, 1, 1 },
    { tap_bytes("[2001:DB8::ff:0]:6379"), "2001:DB8::ff:0", 6379, 1, 1 },
    { tap_bytes("[1:2:3:4:5:6:7:8]"), "1:2:3:4:5:6:7:8", 0, 1, 1 },
    { tap_bytes("[1:2:3:4:5:6:7::]"), "1:2:3:4:5:6:7::", 0, 1, 1 },
    { tap_bytes("[::ffff:192.0.2.1]"), "::ffff:192.0.2.1", 0, 1, 1 },
    { tap_bytes("[1:2:3:4:5:6:192.0.2.1]"), "1:2:3:4:5:6:192.0.2.1", 0, 1,
      1 },

    { tap_bytes(""), NULL, 0, 0, 0 },
    { tap_bytes("."), NULL, 0, 0, 0 },
    { tap_bytes("a."), NULL, 0, 0, 0 },
    { tap_bytes(".a"), NULL, 0, 0, 0 },
    { tap_bytes("a..b"), NULL, 0, 0, 0 },
    { tap_bytes("-a"), NULL, 0, 0, 0 },
    { tap_bytes("a-"), NULL, 0, 0, 0 },
    { tap_bytes("a-.b"), NULL, 0, 0, 0 },
    { tap_bytes("a b"), NULL, 0, 0, 0 },
    { tap_bytes(" a"), NULL, 0, 0, 0 },
    { tap_bytes("a\t"), NULL, 0, 0, 0 },
    { tap_bytes("a\x00"), NULL, 0, 0, 0 },
    { tap_bytes("b\xc3\xbc" "cher.example"), NULL, 0, 0, 0 },
    { tap_bytes("a/"), NULL, 0, 0, 0 },
    { tap_bytes("a%41"), NULL, 0, 0, 0 },
    { tap_bytes("*.example"), NULL, 0, 0, 0 },
    { tap_bytes("https://a"), NULL, 0, 0, 0 },
    { tap_bytes("user@a"), NULL, 0, 0, 0 },
    { tap_bytes("user:pass@a"), NULL, 0, 0, 0 },
    { tap_bytes("a,b"), NULL, 0, 0, 0 },
    { tap_bytes(LABEL "4.example"), NULL, 0, 0, 0 },

    { tap_bytes("a:"), NULL, 0, 0, 0 },
    { tap_bytes(":80"), NULL, 0, 0, 0 },
    { tap_bytes("a:0"), NULL, 0, 0, 0 },
    { tap_bytes("a:080"), NULL, 0, 0, 0 },
    { tap_bytes("a:65536"), NULL, 0, 0, 0 },
    { tap_bytes("a:99999999999999999999999"), NULL, 0, 0, 0 },
    { tap_bytes("a:-1"), NULL, 0, 0, 0 },
    { tap_bytes("a:80 "), NULL, 0, 0, 0 },
    { tap_bytes("a:80:90"), NULL, 0, 0, 0 },
    { tap_bytes("a:http"), NULL, 0, 0, 0 },
    { tap_bytes("a:80/"), NULL, 0, 0, 0 },

    { tap_bytes("1"), NULL, 0, 0, 0 },
    { tap_bytes("1.2.3"), NULL, 0, 0, 0 },
    { tap_bytes("1.2.3.4.5"), NULL, 0, 0, 0 },
    { tap_bytes("1.2.3.256"), NULL, 0, 0, 0 },
    { tap_bytes("1.2.3.04"), NULL, 0, 0, 0 },
    { tap_bytes("a.1"), NULL, 0, 0, 0 },

    { tap_bytes("::1"), NULL, 0, 0, 0 },
    { tap_bytes("[::1"), NULL, 0, 0, 0 },
    { tap_bytes("["), NULL, 0, 0, 0 },
    { tap_bytes("[]"), NULL, 0, 0, 0 },
    { tap_bytes("[:]"), NULL, 0, 0, 0 },
    { tap_bytes("[:::]"), NULL, 0, 0, 0 },
    { tap_bytes("[1:2]"), NULL, 0, 0, 0 },
    { tap_bytes("[1::2::3]"), NULL, 0, 0, 0 },
    { tap_bytes("[1:2:3:4:5:6:7:8:9]"), NULL, 0, 0, 0 },
    { tap_bytes("[1:2:3:4:5:6:7:8::]"), NULL, 0, 0, 0 },
    { tap_bytes("[1:2:3:4:5:6:7:]"), NULL, 0, 0, 0 },
    { tap_bytes("[12345::]"), NULL, 0, 0, 0 },
    { tap_bytes("[g::]"), NULL, 0, 0, 0 },
    { tap_bytes("[fe80::1%eth0]"), NULL, 0, 0, 0 },
    { tap_bytes("[1.2.3.4]"), NULL, 0, 0, 0 },
    { tap_bytes("[::1.2.3]"), NULL, 0, 0, 0 },
    { tap_bytes("[name]"), NULL, 0, 0, 0 },
    { tap_bytes("[::1]80"), NULL, 0, 0, 0 },
    { tap_bytes("[::1]:"), NULL, 0, 0, 0 },
    { tap_bytes("[::1]]:80"), NULL, 0, 0, 0 },
    { tap_bytes("a[::1]"), NULL, 0, 0, 0 },
};


static const struct {
    const char  *in;
    size_t       len;
    int          rc;
} lists[] = {
    { tap_bytes("relay.example"), NGX_OHTTP_RELAY_OK },
    { tap_bytes("foo.example,bar.example"), NGX_OHTTP_RELAY_OK },
    { tap_bytes("a:1,127.0.0.1,[::1]:2,b"), NGX_OHTTP_RELAY_OK },
    { tap_bytes("a,a"), NGX_OHTTP_RELAY_OK },
    { tap_bytes(""), ERROR },
    { tap_bytes(","), ERROR },
    { tap_bytes("a,"), ERROR },
    { tap_bytes(",a"), ERROR },
    { tap_bytes("a,,b"), ERROR },
    { tap_bytes("a, b"), ERROR },
    { tap_bytes("a ,b"), ERROR },
    { tap_bytes("a;b"), ERROR },
    { tap_bytes("a b"), ERROR },
    { tap_bytes("a,user@b"), ERROR },
    { tap_bytes("a,b:0"), ERROR },
    { tap_bytes("[::1,::2]"), ERROR },
};


int
main(void)
{
    size_t  i;

    for (i = 0; i < tap_array_len(cases); i++) {
        test_case(i);
    }

    test_long_name();
    test_cut_off(tap_bytes("[2001:db8::192.0.2.1]:6379"));
    test_cut_off(tap_bytes("name-1.example.org:65535"));
    test_list();
    test_decimal();
    test_null();

    return tap_done();
}


static void
test_case(size_t i)
{
    int                     rc, ok;
    char                    name[256];
    ngx_ohttp_relay_host_t  got;

    rc = host(cases[i].in, cases[i].len, name, &got);

    if (cases[i].name == NULL) {
        ok = rc == ERROR;

    } else {
        ok = rc == NGX_OHTTP_RELAY_OK && strcmp(name, cases[i].name) == 0
             && got.port == cases[i].port && got.address == cases[i].address
             && got.bracketed == cases[i].bracketed;
    }

    tap_ok(ok, "%s is %s host", tap_text(cases[i].in, cases[i].len),
           cases[i].name ? "a" : "no");
}


static void
test_long_name(void)
{
    char                    text[300], name[300];
    ngx_ohttp_relay_host_t  got;

    memcpy(text, LABEL "." LABEL "." LABEL "." LABEL, 4 * sizeof(LABEL) - 1);

    tap_ok(host(text, 253, name, &got) == NGX_OHTTP_RELAY_OK
           && got.name.len == 253, "a name of 253 bytes");
    tap_ok(host(text, 254, name, &got) == ERROR, "a name of 254 bytes");
}


static void
test_cut_off(const char *text, size_t len)
{
    size_t                  n;
    char                    name[256];
    ngx_ohttp_relay_host_t  got;

    for (n = 0; n <= len; n++) {
        (void) host(text, n, name, &got);
    }

    tap_ok(1, "%s cut off anywhere", tap_text(text, len));
}


static void
test_list(void)
{
    size_t   i;
    u_char  *copy;

    for (i = 0; i < tap_array_len(lists); i++) {
        copy = tap_copy(lists[i].in, lists[i].len);

        tap_ok(ngx_ohttp_relay_host_list(copy, copy + lists[i].len)
               == lists[i].rc, "%s is %s list",
               tap_text(lists[i].in, lists[i].len),
               lists[i].rc == NGX_OHTTP_RELAY_OK ? "a" : "no");

        tap_free(copy, lists[i].len);
    }
}


static void
test_decimal(void)
{
    size_t         i;
    uint64_t       n;
    const u_char  *p;

    static const struct {
        const char  *in;
        uint64_t     max;
        int          rc;
        uint64_t     n;
        size_t       read;
    } numbers[] = {
        { "0", 0, NGX_OHTTP_RELAY_OK, 0, 1 },
        { "1", 0, ERROR, 0, 0 },
        { "7x", 9, NGX_OHTTP_RELAY_OK, 7, 1 },
        { "0x", 9, NGX_OHTTP_RELAY_OK, 0, 1 },
        { "9", 8, ERROR, 0, 0 },
        { "12", 12, NGX_OHTTP_RELAY_OK, 12, 2 },
        { "13", 12, ERROR, 0, 0 },
        { "18446744073709551615", UINT64_MAX, NGX_OHTTP_RELAY_OK, UINT64_MAX,
          20 },
        { "18446744073709551616", UINT64_MAX, ERROR, 0, 0 },
        { "184467440737095516150", UINT64_MAX, ERROR, 0, 0 },
        { "", 9, ERROR, 0, 0 },
        { "x", 9, ERROR, 0, 0 },
        { "-1", 9, ERROR, 0, 0 },
        { "+1", 9, ERROR, 0, 0 },
        { " 1", 9, ERROR, 0, 0 },
        { "00", 9, ERROR, 0, 0 },
        { "01", 9, ERROR, 0, 0 },
    };

    for (i = 0; i < tap_array_len(numbers); i++) {
        p = (const u_char *) numbers[i].in;

        tap_ok(ngx_ohttp_relay_read_decimal(&p, p + strlen(numbers[i].in),
                                       numbers[i].max, &n) == numbers[i].rc
               && (numbers[i].rc == ERROR
                   || (n == numbers[i].n
                       && p == (u_char *) numbers[i].in + numbers[i].read)),
               "\"%s\" is %s number of at most %llu", numbers[i].in,
               numbers[i].rc == ERROR ? "no" : "a",
               (unsigned long long) numbers[i].max);
    }
}


static void
test_null(void)
{
    uint64_t                 n;
    const u_char            *p;
    ngx_ohttp_relay_host_t   got;

    p = NULL;

    tap_ok(ngx_ohttp_relay_host(NULL, NULL, &got) == ERROR
           && ngx_ohttp_relay_host_list(NULL, NULL) == ERROR
           && ngx_ohttp_relay_read_decimal(&p, NULL, 1, &n) == ERROR,
           "no text at all is nothing of these");
}


static int
host(const char *in, size_t len, char *name, ngx_ohttp_relay_host_t *got)
{
    int      rc;
    u_char  *copy;

    copy = tap_copy(in, len);
    rc = ngx_ohttp_relay_host(copy, copy + len, got);

    if (rc == NGX_OHTTP_RELAY_OK) {
        memcpy(name, got->name.data, got->name.len);
        name[got->name.len] = '\0';
    }

    tap_free(copy, len);

    return rc;
}
