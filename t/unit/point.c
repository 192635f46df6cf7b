
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "point.h"


/* the base point of secp256k1, SEC 2, section 2.4.1 */

#define X  "79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798"
#define Y  "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"

#define Z  "0000000000000000000000000000000000000000000000000000000000000000"
#define F  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

#define OK     NGX_OHTTP_RELAY_OK
#define ERROR  NGX_OHTTP_RELAY_ERROR


typedef struct {
    const char  *in;
    size_t       len;
    int          rc;
} point_case_t;


static void test_all(int (*read)(const u_char *p, const u_char *last),
    const point_case_t *cases, size_t n);


static const point_case_t  secp256k1[] = {
    { tap_bytes(X Y), OK },
    { tap_bytes("04" X Y), OK },
    { tap_bytes(X X), ERROR },
    { tap_bytes(Y X), ERROR },
    { tap_bytes(Z Z), ERROR },
    { tap_bytes("04" Z Z), ERROR },
    { tap_bytes(F "ff" F "ff"), ERROR },
    { tap_bytes("02" X), ERROR },
    { tap_bytes("02" X Y), ERROR },
    { tap_bytes("0404" X Y), ERROR },
    { tap_bytes("0x" X Y), ERROR },
    { tap_bytes(X), ERROR },
    { tap_bytes(""), ERROR },
    { tap_bytes(Z Z "0"), ERROR },
};


static const point_case_t  ed25519[] = {
    { tap_bytes(X), OK },
    { tap_bytes("02" F), OK },
    { tap_bytes(Z), ERROR },
    { tap_bytes("01" "00000000000000000000000000000000000000000000000000000000"
                "000000"), ERROR },
    { tap_bytes("01" "00000000000000000000000000000000000000000000000000000000"
                "000080"), ERROR },
    { tap_bytes("c7176a703d4dd84fba3c0b760d10670f"
                "2a2053fa2c39ccc64ec7fd7792ac037a"), ERROR },
    { tap_bytes("c7176a703d4dd84fba3c0b760d10670f"
                "2a2053fa2c39ccc64ec7fd7792ac03fa"), ERROR },
    { tap_bytes("26e8958fc2b227b045c3f489f2ef98f0"
                "d5dfac05d3c63339b13802886d53fc05"), ERROR },
    { tap_bytes("26e8958fc2b227b045c3f489f2ef98f0"
                "d5dfac05d3c63339b13802886d53fc85"), ERROR },
    { tap_bytes("ec" "ffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
                "ffff7f"), ERROR },
    { tap_bytes("ed" F), ERROR },
    { tap_bytes("EE" F), ERROR },
    { tap_bytes("ef" F), OK },
    { tap_bytes(X Y), ERROR },
    { tap_bytes("g" Z), ERROR },
    { tap_bytes(""), ERROR },
};


int
main(void)
{
    test_all(ngx_ohttp_relay_point_secp256k1, secp256k1,
             tap_array_len(secp256k1));
    test_all(ngx_ohttp_relay_point_ed25519, ed25519, tap_array_len(ed25519));

    return tap_done();
}


static void
test_all(int (*read)(const u_char *p, const u_char *last),
    const point_case_t *cases, size_t n)
{
    size_t   i;
    u_char  *copy;

    for (i = 0; i < n; i++) {
        copy = tap_copy(cases[i].in, cases[i].len);

        tap_ok(read(copy, copy + cases[i].len) == cases[i].rc, "%s is %d",
               tap_text(cases[i].in, cases[i].len), cases[i].rc);

        tap_free(copy, cases[i].len);
    }
}
