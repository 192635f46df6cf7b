
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "redis_url.h"


#define OK     NGX_OHTTP_RELAY_OK
#define ERROR  NGX_OHTTP_RELAY_ERROR

/* sixteen hosts */
#define HOSTS  "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p"

/* ten bytes of a path */
#define TEN    "/234567890"


static void test_wrong(void);
static void test_cut_off(void);
static int redis_url(const char *in, size_t len, char *out);


/* what was read, written as "tls user path db host:port ..." */

static const struct {
    const char  *in;
    const char  *out;
} cases[] = {
    { "redis://redis.example", "0 - - 0 redis.example:6379" },
    { "redis://redis.example:7000", "0 - - 0 redis.example:7000" },
    { "redis://127.0.0.1", "0 - - 0 127.0.0.1:6379" },
    { "rediss://redis.example", "1 - - 0 redis.example:6379" },
    { "REDISS://Redis.Example", "1 - - 0 Redis.Example:6379" },
    { "redis://[::1]", "0 - - 0 ::1:6379" },
    { "rediss://[2001:db8::1]:6380/7", "1 - - 7 2001:db8::1:6380" },
    { "redis://h/0", "0 - - 0 h:6379" },
    { "redis://h/1023", "0 - - 1023 h:6379" },
    { "redis://relay@h", "0 relay - 0 h:6379" },
    { "redis://!~@h", "0 !~ - 0 h:6379" },
    { "rediss://re-lay.1@h:1/2", "1 re-lay.1 - 2 h:1" },
    { "rediss://a:6379,b:6379,c:6379", "1 - - 0 a:6379 b:6379 c:6379" },
    { "rediss://u@a,b:1,[::1]:2,10.0.0.1/3",
      "1 u - 3 a:6379 b:1 ::1:2 10.0.0.1:6379" },
    { "redis://" HOSTS,
      "0 - - 0 a:6379 b:6379 c:6379 d:6379 e:6379 f:6379 g:6379 h:6379 "
      "i:6379 j:6379 k:6379 l:6379 m:6379 n:6379 o:6379 p:6379" },
    { "unix:/run/redis.sock", "0 - /run/redis.sock 0" },
    { "UNIX:/run/my redis@1:0", "0 - /run/my redis@1:0 0" },
    { "unix:///run/redis.sock", "0 - ///run/redis.sock 0" },
    { "unix:" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "/234567",
      "0 - " TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "/234567 0" },
};


static const struct {
    const char  *in;
    size_t       len;
} wrong[] = {
    { tap_bytes("") },
    { tap_bytes("redis") },
    { tap_bytes("redis:") },
    { tap_bytes("redis:/") },
    { tap_bytes("redis://") },
    { tap_bytes("redis:h") },
    { tap_bytes("redis:h/h") },
    { tap_bytes("redis:/hh") },
    { tap_bytes("redis:///0") },
    { tap_bytes("redi://h") },
    { tap_bytes("redisss://h") },
    { tap_bytes("http://h") },
    { tap_bytes("h:6379") },
    { tap_bytes("//h") },
    { tap_bytes(" redis://h") },
    { tap_bytes("redis://h ") },
    { tap_bytes("redis+unix:///run/redis.sock") },

    /* a password, with a user and without, and what looks like one */

    { tap_bytes("redis://user:secret@h") },
    { tap_bytes("redis://:secret@h") },
    { tap_bytes("redis://user:@h") },
    { tap_bytes("rediss://user:se@cret@h") },
    { tap_bytes("redis://@h") },
    { tap_bytes("redis://us%65r@h") },
    { tap_bytes("redis://us er@h") },
    { tap_bytes("redis://us\xc3\xa4r@h") },
    { tap_bytes("redis://us\x00r@h") },
    { tap_bytes("redis://a,b@h") },
    { tap_bytes("redis://a@b@h") },
    { tap_bytes("redis://u@a,u@b") },
    { tap_bytes("redis://u@") },
    { tap_bytes("redis://h/0?user=a@b") },

    /* hosts */

    { tap_bytes("redis://h:0") },
    { tap_bytes("redis://h:") },
    { tap_bytes("redis://h:65536") },
    { tap_bytes("redis://::1") },
    { tap_bytes("redis://[::1") },
    { tap_bytes("redis://a,") },
    { tap_bytes("redis://,a") },
    { tap_bytes("redis://a,,b") },
    { tap_bytes("redis://a, b") },
    { tap_bytes("redis://a,redis://b") },
    { tap_bytes("redis://" HOSTS ",q") },

    /* a database */

    { tap_bytes("redis://h/") },
    { tap_bytes("redis://h/1024") },
    { tap_bytes("redis://h/4294967296") },
    { tap_bytes("redis://h/01") },
    { tap_bytes("redis://h/-1") },
    { tap_bytes("redis://h/db") },
    { tap_bytes("redis://h/1/") },
    { tap_bytes("redis://h//1") },
    { tap_bytes("redis://h/1 ") },
    { tap_bytes("redis://a/1,b") },
    { tap_bytes("redis://h?db=1") },
    { tap_bytes("redis://h/1?x=y") },
    { tap_bytes("redis://h/1#x") },

    /* a socket */

    { tap_bytes("unix:") },
    { tap_bytes("unix:run/redis.sock") },
    { tap_bytes("unix:/") },
    { tap_bytes("unix:/run/") },
    { tap_bytes("unix:/run/a,unix:/run/b") },
    { tap_bytes("unix:/run/a\n") },
    { tap_bytes("unix:/run/a\x00" "b") },
    { tap_bytes("unix:/run/a\x7f") },
    { tap_bytes("unixs:/run/a") },
    { tap_bytes("unix:" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
                "/2345678") },
};


int
main(void)
{
    int     rc;
    char    out[512];
    size_t  i;

    for (i = 0; i < tap_array_len(cases); i++) {
        rc = redis_url(cases[i].in, strlen(cases[i].in), out);

        tap_ok(rc == OK && strcmp(out, cases[i].out) == 0, "%s",
               tap_text(cases[i].in, strlen(cases[i].in)));

        if (rc == OK && strcmp(out, cases[i].out) != 0) {
            tap_note("%s", out);
        }
    }

    test_wrong();
    test_cut_off();

    return tap_done();
}


static void
test_wrong(void)
{
    char                         out[512];
    size_t                       i;
    ngx_ohttp_relay_redis_url_t  url;

    for (i = 0; i < tap_array_len(wrong); i++) {
        tap_ok(redis_url(wrong[i].in, wrong[i].len, out) == ERROR,
               "%s is wrong", tap_text(wrong[i].in, wrong[i].len));
    }

    tap_ok(ngx_ohttp_relay_redis_url(NULL, NULL, &url) == ERROR,
           "no text at all is wrong");
}


static void
test_cut_off(void)
{
    int          bad;
    char         out[512];
    size_t       len;

    static const char  text[] = "rediss://user@host:6379,[::1]:6379/12";

    for (bad = 0, len = 0; len < sizeof("rediss://user@h") - 1; len++) {

        /* without "@" the user is a host, as it may be */

        bad |= (redis_url(text, len, out) == OK) != (len > 9 && len < 14);
    }

    for ( /* void */ ; len < sizeof(text); len++) {
        (void) redis_url(text, len, out);
    }

    tap_ok(!bad, "a URL cut off anywhere");
}


static int
redis_url(const char *in, size_t len, char *out)
{
    int                          rc;
    u_char                      *copy;
    unsigned                     i;
    ngx_ohttp_relay_redis_url_t  url;

    copy = tap_copy(in, len);
    rc = ngx_ohttp_relay_redis_url(copy, copy + len, &url);

    if (rc == OK) {
        out += sprintf(out, "%u %.*s %.*s %u", url.tls,
                       url.user.len ? (int) url.user.len : 1,
                       url.user.len ? (char *) url.user.data : "-",
                       url.path.len ? (int) url.path.len : 1,
                       url.path.len ? (char *) url.path.data : "-", url.db);

        for (i = 0; i < url.n; i++) {
            out += sprintf(out, " %.*s:%u", (int) url.hosts[i].name.len,
                           url.hosts[i].name.data, url.hosts[i].port);
        }
    }

    tap_free(copy, len);

    return rc;
}
