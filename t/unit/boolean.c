
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "boolean.h"


#define ERROR  NGX_OHTTP_RELAY_ERROR


static const struct {
    const char  *in;
    size_t       len;
    int          want;
} cases[] = {
    { tap_bytes("?1"), 1 },
    { tap_bytes("?0"), 0 },
    { tap_bytes("  ?1  "), 1 },
    { tap_bytes("\t?0\t"), 0 },
    { tap_bytes("?1;foo"), 1 },
    { tap_bytes("?0;foo"), 0 },
    { tap_bytes("?1; foo"), 1 },
    { tap_bytes("?1;   foo   "), 1 },
    { tap_bytes("?1;foo;bar"), 1 },
    { tap_bytes("?1;a=1;b=?0;c=tok/en:x;d=:YQ==:;e=-1.5"), 1 },
    { tap_bytes("?1;*key_9-.*=x"), 1 },
    { tap_bytes("?1;a=\"x;y z\";b"), 1 },
    { tap_bytes("?1;a=\"q\\\"\\\\;\""), 1 },
    { tap_bytes("?1;a=\"\""), 1 },
    { tap_bytes("?1;a=\"b,?1\""), 1 },
    { tap_bytes("?1;a=%\"f%c3%bc;\""), 1 },
    { tap_bytes("?1;a=@1659578233"), 1 },
    { tap_bytes(""), ERROR },
    { tap_bytes(" "), ERROR },
    { tap_bytes("?"), ERROR },
    { tap_bytes("1"), ERROR },
    { tap_bytes("?2"), ERROR },
    { tap_bytes("?/"), ERROR },
    { tap_bytes("?11"), ERROR },
    { tap_bytes("?1x"), ERROR },
    { tap_bytes("? 1"), ERROR },
    { tap_bytes("??1"), ERROR },
    { tap_bytes("?T"), ERROR },
    { tap_bytes("true"), ERROR },
    { tap_bytes("\"?1\""), ERROR },
    { tap_bytes("?1, ?1"), ERROR },
    { tap_bytes("?1,"), ERROR },
    { tap_bytes("?1;a,?1"), ERROR },
    { tap_bytes("?1;a=b,?1"), ERROR },
    { tap_bytes("?1;a=\"b\",?1"), ERROR },
    { tap_bytes("?1 ?1"), ERROR },
    { tap_bytes("(?1)"), ERROR },
    { tap_bytes("?1 ;foo"), ERROR },
    { tap_bytes("?1;"), ERROR },
    { tap_bytes("?1;;a"), ERROR },
    { tap_bytes("?1;a;"), ERROR },
    { tap_bytes("?1;=1"), ERROR },
    { tap_bytes("?1;a="), ERROR },
    { tap_bytes("?1;a=;b"), ERROR },
    { tap_bytes("?1;a= 1"), ERROR },
    { tap_bytes("?1;a =1"), ERROR },
    { tap_bytes("?1;a=b c"), ERROR },
    { tap_bytes("?1;a=\"x"), ERROR },
    { tap_bytes("?1;a=\"x\\"), ERROR },
    { tap_bytes("?1;a=\"x\\y\""), ERROR },
    { tap_bytes("?1;a=\"x\x01\""), ERROR },
    { tap_bytes("?1;a=\"x\x80\""), ERROR },
    { tap_bytes("?1;a=\x7f"), ERROR },
    { tap_bytes("?1;a=x\x80"), ERROR },
    { tap_bytes("?1;A"), ERROR },
    { tap_bytes("?1;1a"), ERROR },
    { tap_bytes("?1;-a"), ERROR },
    { tap_bytes("?1;\ta"), ERROR },
    { tap_bytes("?1\0"), ERROR },
    { tap_bytes("?1\r\n"), ERROR },
};


int
main(void)
{
    int      got;
    size_t   i;
    u_char  *copy;

    for (i = 0; i < tap_array_len(cases); i++) {
        copy = tap_copy(cases[i].in, cases[i].len);
        got = ngx_ohttp_relay_boolean(copy, copy + cases[i].len);
        tap_free(copy, cases[i].len);

        tap_ok(got == cases[i].want, "%s is %d",
               tap_text(cases[i].in, cases[i].len), cases[i].want);

        if (got != cases[i].want) {
            tap_note("got %d", got);
        }
    }

    return tap_done();
}
