
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "hex.h"
#include "key_config.h"


#define OK     NGX_OHTTP_RELAY_OK
#define ERROR  NGX_OHTTP_RELAY_ERROR

#define LIST   NGX_OHTTP_RELAY_KEYS_LIST
#define BARE   NGX_OHTTP_RELAY_KEYS_BARE
#define JSON   NGX_OHTTP_RELAY_KEYS_JSON

/* RFC 9458, appendix A */
#define KEY                                                                  \
    "31e1f05a740102115220e9af918f738674aec95f54db6e04eb705aae8e798155"
#define RFC  "010020" KEY "00080001000100010003"

/* one pair of KDF and AEAD with its length */
#define PAIR  "000400010001"

/* 45 and 41 bytes */
#define LIST_RFC  "002d" RFC
#define LIST_TWO  LIST_RFC "0029" "020020" KEY PAIR

#define OTHER                                                                \
    "00000000000000000000000000000000000000000000000000000000000000aa"


static void test_forms(void);
static void test_every_byte(void);
static void test_sizes(void);
static void test_kem(uint16_t kem, size_t npk);
static void test_many(void);
static void test_ids(void);
static void test_changed(void);
static int changed(const char *before, const char *after);
static int changed_text(const char *before, const char *after);
static int read_set(const u_char *p, size_t len,
    ngx_ohttp_relay_key_set_t *set);
static size_t bytes(const char *hex, u_char *out);


static const struct {
    const char                   *hex;
    int                           rc;
    ngx_ohttp_relay_keys_form_e   form;
    unsigned                      n;
    const char                   *name;
} forms[] = {
    { RFC, OK, BARE, 1, "one bare key" },
    { LIST_RFC, OK, LIST, 1, "a list of one key" },
    { LIST_TWO, OK, LIST, 2, "a list of two keys" },
    { "", ERROR, 0, 0, "nothing" },
    { "0000", ERROR, 0, 0, "a list with an empty key" },
    { LIST_RFC "00", ERROR, 0, 0, "one byte behind a list" },
    { LIST_RFC "0000", ERROR, 0, 0, "an empty key in a list" },
    { "002e" RFC, ERROR, 0, 0, "a length that is too large" },
    { "002c" RFC, ERROR, 0, 0, "a length that is too small" },
    { RFC "00", ERROR, 0, 0, "one byte behind a key" },
    { RFC RFC, ERROR, 0, 0, "two keys without lengths" },
    { "010020" KEY "0000", ERROR, 0, 0, "a key without suites" },
    { "010020" KEY "0003000100", ERROR, 0, 0, "three bytes of suites" },
    { "010020" KEY "00060001000100", ERROR, 0, 0, "suites that are cut" },
    { "010020" KEY "0006000100010001", ERROR, 0, 0, "a suite and a half" },
    { "010020" KEY "000400090009", OK, BARE, 1, "a suite nobody knows" },
    { "01face0102030405" PAIR, OK, BARE, 1, "a KEM nobody knows" },
    { "000e01face0102030405" PAIR, OK, LIST, 1, "the same in a list" },
    { LIST_RFC "000e02face0102030405" PAIR, OK, LIST, 2, "beside another" },
    { "01face" PAIR, ERROR, 0, 0, "an unknown KEM without a key" },
    { "01face0102030405000400010001ff", ERROR, 0, 0, "without a tail" },
    { "7b7d", OK, JSON, 0, "an empty object" },
    { "0a7b7d20", OK, JSON, 0, "with white space" },
    { "5b5d", ERROR, 0, 0, "an array" },
    { "7b", ERROR, 0, 0, "half an object" },
    { "3c68746d6c3e6e6f7420666f756e643c2f68746d6c3e", ERROR, 0, 0, "HTML" },
    { "7b0020" KEY PAIR, OK, BARE, 1, "a key whose id looks like JSON" },
};


int
main(void)
{
    test_forms();
    test_every_byte();
    test_sizes();
    test_many();
    test_ids();
    test_changed();

    return tap_done();
}


static void
test_forms(void)
{
    int                         rc;
    u_char                      in[512];
    size_t                      i, len;
    ngx_ohttp_relay_key_set_t   set;

    for (i = 0; i < tap_array_len(forms); i++) {
        len = bytes(forms[i].hex, in);
        rc = read_set(in, len, &set);

        tap_ok(rc == forms[i].rc
               && (rc == ERROR || (set.form == forms[i].form
                                   && set.n == forms[i].n)),
               "%s: %d", forms[i].name, forms[i].rc);
    }
}


/* no shorter and no longer form of a list is one */

static void
test_every_byte(void)
{
    int                         bad;
    u_char                      in[512];
    size_t                      i, len;
    ngx_ohttp_relay_key_set_t   set;

    len = bytes(LIST_TWO, in);

    for (bad = 0, i = 0; i < len; i++) {
        bad |= (read_set(in, i, &set) == OK) != (i == 47);
    }

    tap_ok(!bad, "a list that is cut is one only where a key ends");

    len = bytes(RFC, in);

    for (bad = 0, i = 0; i < len; i++) {
        bad |= read_set(in, i, &set) == OK;
    }

    tap_ok(!bad, "a key that is cut is none");
}


static void
test_sizes(void)
{
    test_kem(0x0010, 65);
    test_kem(0x0011, 97);
    test_kem(0x0012, 133);
    test_kem(0x0020, 32);
    test_kem(0x0021, 56);
    test_kem(0x0040, 800);
    test_kem(0x0041, 1184);
    test_kem(0x0042, 1568);
    test_kem(0x0050, 1249);
    test_kem(0x0051, 1665);
    test_kem(0x647a, 1216);
}


static void
test_kem(uint16_t kem, size_t npk)
{
    int                         bad;
    u_char                      in[2048];
    ngx_ohttp_relay_key_set_t   set;

    memset(in, 0x55, sizeof(in));

    in[0] = 200;
    in[1] = (u_char) (kem >> 8);
    in[2] = (u_char) kem;
    memcpy(in + 3 + npk, "\0\4\0\1\0\1", 6);

    bad = read_set(in, npk + 9, &set) != OK || set.n != 1
          || set.keys[0].id != 200 || set.keys[0].kem != kem
          || set.keys[0].key.len != npk;

    memcpy(in + 2 + npk, "\0\4\0\1\0\1", 6);
    bad |= read_set(in, npk + 8, &set) == OK;

    tap_ok(!bad, "a key of KEM 0x%04x has %zu bytes", kem, npk);
}


static void
test_many(void)
{
    u_char                      *in, one[64];
    size_t                       i, len;
    ngx_ohttp_relay_key_set_t    set;

    len = bytes("0029" "000020" KEY PAIR, one);
    in = calloc(1, NGX_OHTTP_RELAY_KEYS_BYTES + 1);

    for (i = 0; i <= NGX_OHTTP_RELAY_KEYS_MAX; i++) {
        memcpy(in + i * len, one, len);
        in[i * len + 2] = (u_char) i;
    }

    tap_ok(read_set(in, len * NGX_OHTTP_RELAY_KEYS_MAX, &set) == OK
           && set.n == NGX_OHTTP_RELAY_KEYS_MAX, "so many keys");
    tap_ok(read_set(in, len * (NGX_OHTTP_RELAY_KEYS_MAX + 1), &set) == ERROR,
           "and not one more");

    /* one key of an unknown KEM, as long as can be */

    memset(in, 0xff, NGX_OHTTP_RELAY_KEYS_BYTES + 1);
    memcpy(in + NGX_OHTTP_RELAY_KEYS_BYTES - 6, "\0\4\0\1\0\1", 6);

    tap_ok(read_set(in, NGX_OHTTP_RELAY_KEYS_BYTES, &set) == OK,
           "64 KiB are a set");

    memcpy(in + NGX_OHTTP_RELAY_KEYS_BYTES - 5, "\0\4\0\1\0\1", 6);

    tap_ok(read_set(in, NGX_OHTTP_RELAY_KEYS_BYTES + 1, &set) == ERROR,
           "and not one byte more");

    free(in);
}


static void
test_ids(void)
{
    int                         bad;
    u_char                      in[512];
    unsigned                    id;
    ngx_ohttp_relay_key_set_t   set;

    static const char  json[] = "{\"kem_id\":32,\"key_id\":7}";
    static const char  none[] = "{\"key_id\":256}";

    bad = read_set(in, bytes(LIST_TWO, in), &set) != OK;

    for (id = 0; id < 256; id++) {
        bad |= ngx_ohttp_relay_key_set_has(&set, (uint8_t) id)
               != (id == 1 || id == 2);
    }

    tap_ok(!bad, "a list has the ids of its keys");

    tap_ok(read_set((u_char *) json, sizeof(json) - 1, &set) == OK
           && ngx_ohttp_relay_key_set_has(&set, 7)
           && !ngx_ohttp_relay_key_set_has(&set, 1),
           "JSON has the id of its member");

    tap_ok(read_set((u_char *) none, sizeof(none) - 1, &set) == OK
           && set.n == 0, "and none that is no byte");
}


static void
test_changed(void)
{
    tap_ok(changed(LIST_TWO, LIST_TWO) == ERROR, "nothing has changed");
    tap_ok(changed(RFC, LIST_RFC) == ERROR, "the form may change");
    tap_ok(changed(LIST_RFC, LIST_TWO) == ERROR, "a key may come");
    tap_ok(changed(LIST_TWO, LIST_RFC) == ERROR, "a key may go");
    tap_ok(changed(RFC, "010020" KEY PAIR) == ERROR, "suites may change");
    tap_ok(changed(RFC, "020020" OTHER PAIR) == ERROR,
           "another key may have another id");
    tap_ok(changed(RFC, "010020" OTHER PAIR) == 1, "but not the same id");
    tap_ok(changed(LIST_TWO, LIST_RFC "0029" "020020" OTHER PAIR) == 2,
           "as the second of two");
    tap_ok(changed(RFC, "7b") == -2, "what cannot be read is no set");
    tap_ok(changed("fffacf" OTHER PAIR, "fffad0" OTHER PAIR) == 255,
           "nor may the KEM change");
    tap_ok(changed("01face" KEY PAIR, "01face" OTHER PAIR) == 1,
           "nor a key whose KEM nobody knows");

    tap_ok(changed_text("{\"key_id\":1,\"public_key\":\"aa\",\"x\":1}",
                        "{\"key_id\":1,\"public_key\":\"aa\",\"x\":2}")
           == ERROR, "JSON with the same key");
    tap_ok(changed_text("{\"key_id\":1,\"public_key\":\"aa\"}",
                        "{\"key_id\":1,\"public_key\":\"ab\"}") == 1,
           "JSON with another one");
    tap_ok(changed_text("{\"key_id\":0,\"key_config\":\"aa\"}",
                        "{\"key_id\":0,\"key_config\":\"ab\"}") == 0,
           "with another configuration");
    tap_ok(changed_text("{\"key_id\":1,\"public_key\":\"aa\"}",
                        "{\"key_id\":2,\"public_key\":\"ab\"}") == ERROR,
           "with another id");
}


static int
changed(const char *before, const char *after)
{
    size_t                      na, nb;
    u_char                      a[512], b[512];
    const char                 *error;
    ngx_ohttp_relay_key_set_t   old, new;

    na = bytes(before, a);
    nb = bytes(after, b);

    if (ngx_ohttp_relay_key_set(a, a + na, &old, &error) != OK
        || ngx_ohttp_relay_key_set(b, b + nb, &new, &error) != OK)
    {
        return -2;
    }

    return ngx_ohttp_relay_key_set_changed(&old, &new);
}


static int
changed_text(const char *before, const char *after)
{
    const char                 *error;
    const u_char               *a, *b;
    ngx_ohttp_relay_key_set_t   old, new;

    a = (const u_char *) before;
    b = (const u_char *) after;

    if (ngx_ohttp_relay_key_set(a, a + strlen(before), &old, &error) != OK
        || ngx_ohttp_relay_key_set(b, b + strlen(after), &new, &error) != OK)
    {
        return -2;
    }

    return ngx_ohttp_relay_key_set_changed(&old, &new);
}


/* with a copy, so that no byte outside is read; its slices die with it */

static int
read_set(const u_char *p, size_t len, ngx_ohttp_relay_key_set_t *set)
{
    int          rc;
    u_char      *copy;
    const char  *error;

    error = NULL;
    copy = tap_copy(p, len);
    rc = ngx_ohttp_relay_key_set(copy, copy + len, set, &error);
    tap_free(copy, len);

    return (rc == ERROR && error == NULL) ? -3 : rc;
}


static size_t
bytes(const char *hex, u_char *out)
{
    size_t         len;
    const u_char  *p;

    p = (const u_char *) hex;
    len = strlen(hex);

    if (ngx_ohttp_relay_hex(p, p + len, out) != OK && len != 0) {
        abort();
    }

    return len / 2;
}
