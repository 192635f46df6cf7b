
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "gateway_url.h"


#define LABEL_50    "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
#define LABEL_63    LABEL_50 "fffffffffffff"
#define LABELS_192  LABEL_63 "." LABEL_63 "." LABEL_63 "."


static int parse(const char *in, size_t len,
    ngx_ohttp_relay_gateway_url_t *url, u_char **copy);
static int slice_is(const ngx_ohttp_relay_slice_t *slice, const char *want);


static const struct {
    const char  *in;
    const char  *host;
    const char  *authority;
    const char  *path;
    unsigned     port;
    unsigned     tls;
    unsigned     address;
} good[] = {
    { "https://enclave.example:8443/v1/ohttp",
      "enclave.example", "enclave.example:8443",
      "/v1/ohttp", 8443, 1, 0 },
    { "https://enclave.example/v1/ohttp",
      "enclave.example", "enclave.example",
      "/v1/ohttp", 443, 1, 0 },
    { "http://enclave.example/",
      "enclave.example", "enclave.example",
      "/", 80, 0, 0 },
    { "https://enclave.example",
      "enclave.example", "enclave.example",
      "/", 443, 1, 0 },
    { "https://enclave.example:443/a",
      "enclave.example", "enclave.example",
      "/a", 443, 1, 0 },
    { "http://enclave.example:80",
      "enclave.example", "enclave.example",
      "/", 80, 0, 0 },
    { "https://enclave.example:80/",
      "enclave.example", "enclave.example:80",
      "/", 80, 1, 0 },
    { "http://enclave.example:443/",
      "enclave.example", "enclave.example:443",
      "/", 443, 0, 0 },
    { "HTTPS://Enclave.Example/A",
      "Enclave.Example", "Enclave.Example",
      "/A", 443, 1, 0 },
    { "https://x/",
      "x", "x",
      "/", 443, 1, 0 },
    { "https://a-b_c.1d.x9/",
      "a-b_c.1d.x9", "a-b_c.1d.x9",
      "/", 443, 1, 0 },
    { "https://_dns.example/",
      "_dns.example", "_dns.example",
      "/", 443, 1, 0 },
    { "https://xn--bcher-kva.example/",
      "xn--bcher-kva.example", "xn--bcher-kva.example",
      "/", 443, 1, 0 },
    { "https://1.2.3.example/",
      "1.2.3.example", "1.2.3.example",
      "/", 443, 1, 0 },
    { "https://enclave.example:1/",
      "enclave.example", "enclave.example:1",
      "/", 1, 1, 0 },
    { "https://enclave.example:65535/",
      "enclave.example", "enclave.example:65535",
      "/", 65535, 1, 0 },
    { "https://203.0.113.7/v1/ohttp",
      "203.0.113.7", "203.0.113.7",
      "/v1/ohttp", 443, 1, 1 },
    { "http://127.0.0.1:8080",
      "127.0.0.1", "127.0.0.1:8080",
      "/", 8080, 0, 1 },
    { "http://0.0.0.0/",
      "0.0.0.0", "0.0.0.0",
      "/", 80, 0, 1 },
    { "http://255.255.255.255/",
      "255.255.255.255", "255.255.255.255",
      "/", 80, 0, 1 },
    { "https://[2001:db8::7]:8443/x",
      "2001:db8::7", "[2001:db8::7]:8443",
      "/x", 8443, 1, 1 },
    { "https://[::1]/",
      "::1", "[::1]",
      "/", 443, 1, 1 },
    { "https://[::1]:443",
      "::1", "[::1]",
      "/", 443, 1, 1 },
    { "https://[::]/",
      "::", "[::]",
      "/", 443, 1, 1 },
    { "https://[1::]/",
      "1::", "[1::]",
      "/", 443, 1, 1 },
    { "https://[1:2:3:4:5:6:7:8]/",
      "1:2:3:4:5:6:7:8", "[1:2:3:4:5:6:7:8]",
      "/", 443, 1, 1 },
    { "https://[1:2:3:4:5:6:7::]/",
      "1:2:3:4:5:6:7::", "[1:2:3:4:5:6:7::]",
      "/", 443, 1, 1 },
    { "https://[::2:3:4:5:6:7:8]/",
      "::2:3:4:5:6:7:8", "[::2:3:4:5:6:7:8]",
      "/", 443, 1, 1 },
    { "https://[::ffff:203.0.113.7]/",
      "::ffff:203.0.113.7", "[::ffff:203.0.113.7]",
      "/", 443, 1, 1 },
    { "https://[1:2:3:4:5:6:7.8.9.10]/",
      "1:2:3:4:5:6:7.8.9.10", "[1:2:3:4:5:6:7.8.9.10]",
      "/", 443, 1, 1 },
    { "https://[ABCD:ef01::]/",
      "ABCD:ef01::", "[ABCD:ef01::]",
      "/", 443, 1, 1 },
    { "https://enclave.example/a?b=c&d=%20@:/?~!",
      "enclave.example", "enclave.example",
      "/a?b=c&d=%20@:/?~!", 443, 1, 0 },
    { "https://enclave.example//",
      "enclave.example", "enclave.example",
      "//", 443, 1, 0 },
    { "https://" LABEL_63 ".example/",
      LABEL_63 ".example", LABEL_63 ".example",
      "/", 443, 1, 0 },
    { "https://" LABELS_192 LABEL_50 ".aaaaaaaaaa/",
      LABELS_192 LABEL_50 ".aaaaaaaaaa", LABELS_192 LABEL_50 ".aaaaaaaaaa",
      "/", 443, 1, 0 },
};


static const struct {
    const char  *in;
    size_t       len;
} bad[] = {
    { tap_bytes("") },
    { tap_bytes("https") },
    { tap_bytes("https:") },
    { tap_bytes("https:/") },
    { tap_bytes("https://") },
    { tap_bytes("https:///") },
    { tap_bytes("//enclave.example/") },
    { tap_bytes("enclave.example") },
    { tap_bytes("enclave.example:443") },
    { tap_bytes("ftp://enclave.example/") },
    { tap_bytes("httpss://enclave.example/") },
    { tap_bytes("ttps://enclave.example/") },
    { tap_bytes("unix:/run/socket") },
    { tap_bytes(" https://enclave.example/") },
    { tap_bytes("https ://enclave.example/") },
    { tap_bytes("https://user@enclave.example/") },
    { tap_bytes("https://user:pw@enclave.example/") },
    { tap_bytes("https://enclave.example@/") },
    { tap_bytes("https://enclave.example/#f") },
    { tap_bytes("https://enclave.example#f") },
    { tap_bytes("https://enclave.example/a?b#") },
    { tap_bytes("https://enclave.example?b") },
    { tap_bytes("https://enclave.example /") },
    { tap_bytes("https:// enclave.example/") },
    { tap_bytes("https://enclave.example/a b") },
    { tap_bytes("https://enclave.example/\t") },
    { tap_bytes("https://enclave.example/\x7f") },
    { tap_bytes("https://enclave.example/\xc3\xa4") },
    { tap_bytes("https://b\xc3\xbc" "cher.example/") },
    { tap_bytes("https://enclave.example/\r\nHost: x") },
    { tap_bytes("https://enclave.example\\a/") },
    { tap_bytes("https://enclave%2eexample/") },
    { tap_bytes("https://$host/") },
    { tap_bytes("https://enclave.example./") },
    { tap_bytes("https://.example/") },
    { tap_bytes("https://a..example/") },
    { tap_bytes("https://-a.example/") },
    { tap_bytes("https://a-.example/") },
    { tap_bytes("https://a.-b/") },
    { tap_bytes("https://a.b-/") },
    { tap_bytes("https://*.example/") },
    { tap_bytes("https://enclave.example:/") },
    { tap_bytes("https://enclave.example:0/") },
    { tap_bytes("https://enclave.example:00443/") },
    { tap_bytes("https://enclave.example:65536/") },
    { tap_bytes("https://enclave.example:4294967739/") },
    { tap_bytes("https://enclave.example:+443/") },
    { tap_bytes("https://enclave.example:44x/") },
    { tap_bytes("https://enclave.example:443:443/") },
    { tap_bytes("https://enclave.example: 443/") },
    { tap_bytes("https://enclave.example:443?x") },
    { tap_bytes("https://:443/") },
    { tap_bytes("https://1.2.3/") },
    { tap_bytes("https://1.2.3.4.5/") },
    { tap_bytes("https://1.2.3.256/") },
    { tap_bytes("https://1.2.3.04/") },
    { tap_bytes("https://1.2.3.4./") },
    { tap_bytes("https://1.2.3./") },
    { tap_bytes("https://1234/") },
    { tap_bytes("https://a.123/") },
    { tap_bytes("https://0x7f.0.0.1/") },
    { tap_bytes("https://1.2.3.4x4.5/") },
    { tap_bytes("https://[]/") },
    { tap_bytes("https://[/") },
    { tap_bytes("https://[::1/") },
    { tap_bytes("https://::1/") },
    { tap_bytes("https://2001:db8::7/") },
    { tap_bytes("https://[::1]x/") },
    { tap_bytes("https://[::1]443/") },
    { tap_bytes("https://[:::]/") },
    { tap_bytes("https://[1:::2]/") },
    { tap_bytes("https://[1::2::3]/") },
    { tap_bytes("https://[:1::]/") },
    { tap_bytes("https://[1:]/") },
    { tap_bytes("https://[::1:]/") },
    { tap_bytes("https://[1:2:3:4:5:6:7]/") },
    { tap_bytes("https://[1:2:3:4:5:6:7:8:9]/") },
    { tap_bytes("https://[1::2:3:4:5:6:7:8]/") },
    { tap_bytes("https://[::1:2:3:4:5:6:7:8]/") },
    { tap_bytes("https://[12345::]/") },
    { tap_bytes("https://[g::]/") },
    { tap_bytes("https://[fe80::1%eth0]/") },
    { tap_bytes("https://[fe80::1%25eth0]/") },
    { tap_bytes("https://[1.2.3.4]/") },
    { tap_bytes("https://[::1.2.3]/") },
    { tap_bytes("https://[::1.2.3.4:5]/") },
    { tap_bytes("https://[1:2:3:4:5:6:7:1.2.3.4]/") },
    { tap_bytes("https://[::1.2.3.256]/") },
    { tap_bytes("https://[enclave.example]/") },
    { tap_bytes("https://[::1]/#") },
    { tap_bytes("https://enclave.example/\0") },
    { tap_bytes("https://enclave\0.example/") },
    { tap_bytes("https://" LABEL_63 "f.example/") },
    { tap_bytes("https://" LABELS_192 LABEL_50 ".aaaaaaaaaaa/") },
};


int
main(void)
{
    int                             ok;
    u_char                         *copy;
    size_t                          i, len;
    ngx_ohttp_relay_gateway_url_t   url;

    for (i = 0; i < tap_array_len(good); i++) {
        len = strlen(good[i].in);

        ok = parse(good[i].in, len, &url, &copy) == NGX_OHTTP_RELAY_OK
             && slice_is(&url.host, good[i].host)
             && slice_is(&url.authority, good[i].authority)
             && slice_is(&url.path, good[i].path)
             && url.port == good[i].port && url.tls == good[i].tls
             && url.address == good[i].address;

        tap_free(copy, len);

        tap_ok(ok, "%s", tap_text(good[i].in, len));
    }

    for (i = 0; i < tap_array_len(bad); i++) {
        ok = parse(bad[i].in, bad[i].len, &url, &copy)
             == NGX_OHTTP_RELAY_ERROR;

        tap_free(copy, bad[i].len);

        tap_ok(ok, "refused: %s", tap_text(bad[i].in, bad[i].len));
    }

    return tap_done();
}


/* *url is filled before, so that nothing can be left out; *copy: to free */

static int
parse(const char *in, size_t len, ngx_ohttp_relay_gateway_url_t *url,
    u_char **copy)
{
    memset(url, 0xff, sizeof(ngx_ohttp_relay_gateway_url_t));

    *copy = tap_copy(in, len);

    return ngx_ohttp_relay_gateway_url(*copy, *copy + len, url);
}


static int
slice_is(const ngx_ohttp_relay_slice_t *slice, const char *want)
{
    if (slice->len == strlen(want)
        && memcmp(slice->data, want, slice->len) == 0)
    {
        return 1;
    }

    tap_note("want %s, got %.*s", want, (int) slice->len, slice->data);

    return 0;
}
