
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "hex.h"
#include "cbor.h"


#define OK     NGX_OHTTP_RELAY_OK
#define ERROR  NGX_OHTTP_RELAY_ERROR
#define DONE   NGX_OHTTP_RELAY_DONE


static void test_items(void);
static void test_skip(void);
static void test_more(void);
static size_t bytes(const char *hex, u_char *out);


/* RFC 8949, appendix A, and what is not in it */

static const struct {
    const char              *hex;
    int                      rc;
    ngx_ohttp_relay_cbor_e   type;
    uint64_t                 n;
    unsigned                 indefinite;
    size_t                   left;
} items[] = {
    { "00", OK, NGX_OHTTP_RELAY_CBOR_UINT, 0, 0, 0 },
    { "17", OK, NGX_OHTTP_RELAY_CBOR_UINT, 23, 0, 0 },
    { "1818", OK, NGX_OHTTP_RELAY_CBOR_UINT, 24, 0, 0 },
    { "1817", ERROR, 0, 0, 0, 0 },
    { "18", ERROR, 0, 0, 0, 0 },
    { "1903e8", OK, NGX_OHTTP_RELAY_CBOR_UINT, 1000, 0, 0 },
    { "1900ff", ERROR, 0, 0, 0, 0 },
    { "1903", ERROR, 0, 0, 0, 0 },
    { "1a000f4240", OK, NGX_OHTTP_RELAY_CBOR_UINT, 1000000, 0, 0 },
    { "1a0000ffff", ERROR, 0, 0, 0, 0 },
    { "1bffffffffffffffff", OK, NGX_OHTTP_RELAY_CBOR_UINT, UINT64_MAX, 0, 0 },
    { "1b00000000ffffffff", ERROR, 0, 0, 0, 0 },
    { "1bffffffffffffff", ERROR, 0, 0, 0, 0 },
    { "1c", ERROR, 0, 0, 0, 0 },
    { "1d", ERROR, 0, 0, 0, 0 },
    { "1e", ERROR, 0, 0, 0, 0 },
    { "1f", ERROR, 0, 0, 0, 0 },
    { "3822", OK, NGX_OHTTP_RELAY_CBOR_NEGATIVE, 34, 0, 0 },
    { "3f", ERROR, 0, 0, 0, 0 },
    { "40", OK, NGX_OHTTP_RELAY_CBOR_BYTES, 0, 0, 0 },
    { "4401020304", OK, NGX_OHTTP_RELAY_CBOR_BYTES, 4, 0, 0 },
    { "44010203", ERROR, 0, 0, 0, 0 },
    { "580401020304", ERROR, 0, 0, 0, 0 },
    { "5bffffffffffffffff00", ERROR, 0, 0, 0, 0 },
    { "5f42010243030405ff", ERROR, 0, 0, 0, 0 },
    { "6161", OK, NGX_OHTTP_RELAY_CBOR_TEXT, 1, 0, 0 },
    { "7f6161ff", ERROR, 0, 0, 0, 0 },
    { "80", OK, NGX_OHTTP_RELAY_CBOR_ARRAY, 0, 0, 0 },
    { "83010203", OK, NGX_OHTTP_RELAY_CBOR_ARRAY, 3, 0, 3 },
    { "830102", ERROR, 0, 0, 0, 0 },
    { "9bffffffffffffffff00", ERROR, 0, 0, 0, 0 },
    { "9fff", OK, NGX_OHTTP_RELAY_CBOR_ARRAY, 0, 1, 1 },
    { "a0", OK, NGX_OHTTP_RELAY_CBOR_MAP, 0, 0, 0 },
    { "a201020304", OK, NGX_OHTTP_RELAY_CBOR_MAP, 4, 0, 4 },
    { "a2010203", ERROR, 0, 0, 0, 0 },
    { "bb800000000000000000", ERROR, 0, 0, 0, 0 },
    { "bfff", OK, NGX_OHTTP_RELAY_CBOR_MAP, 0, 1, 1 },
    { "d200", OK, NGX_OHTTP_RELAY_CBOR_TAG, 18, 0, 1 },
    { "df", ERROR, 0, 0, 0, 0 },
    { "f4", OK, NGX_OHTTP_RELAY_CBOR_SIMPLE, 20, 0, 0 },
    { "f6", OK, NGX_OHTTP_RELAY_CBOR_SIMPLE, 22, 0, 0 },
    { "f820", OK, NGX_OHTTP_RELAY_CBOR_SIMPLE, 32, 0, 0 },
    { "f818", ERROR, 0, 0, 0, 0 },
    { "f8", ERROR, 0, 0, 0, 0 },
    { "f93c00", OK, NGX_OHTTP_RELAY_CBOR_FLOAT, 0, 0, 0 },
    { "fb3ff199999999999a", OK, NGX_OHTTP_RELAY_CBOR_FLOAT, 0, 0, 0 },
    { "fa3c00", ERROR, 0, 0, 0, 0 },
    { "fc", ERROR, 0, 0, 0, 0 },
    { "ff", ERROR, 0, 0, 0, 0 },
    { "", ERROR, 0, 0, 0, 0 },
};


static const struct {
    const char  *hex;
    int          rc;
    size_t       left;
    const char  *name;
} skips[] = {
    { "0001", OK, 1, "a number, and no more" },
    { "a26161016162820203", OK, 0, "a map with an array in it" },
    { "bf61610161629f0203ffff", OK, 0, "the same, closed by breaks" },
    { "bf6161ff", ERROR, 0, "a name without a value" },
    { "9f01", ERROR, 0, "an array that is not closed" },
    { "8101ff", OK, 1, "a break that belongs to nobody" },
    { "81ff", ERROR, 0, "a break instead of an item" },
    { "d2d2d2d200", OK, 0, "four tags" },
    { "d2d2d2d2d200", ERROR, 0, "five" },
    { "8181818100", OK, 0, "four arrays" },
    { "818181818100", ERROR, 0, "five" },
    { "818181818180", ERROR, 0, "five, the last of them empty" },
    { "9f9f9f9f9f9f9f9fffffffffffffffff", ERROR, 0, "many that are open" },
    { "815f4101ff", ERROR, 0, "chunks inside" },
};


int
main(void)
{
    test_items();
    test_skip();
    test_more();

    return tap_done();
}


static void
test_items(void)
{
    int                           rc, ok;
    u_char                        data[64], *copy;
    size_t                        i, len;
    ngx_ohttp_relay_cbor_t        reader;
    ngx_ohttp_relay_cbor_item_t   item;

    for (i = 0; i < tap_array_len(items); i++) {

        len = bytes(items[i].hex, data);
        copy = tap_copy(data, len);

        reader.p = copy;
        reader.last = copy + len;

        rc = ngx_ohttp_relay_cbor_read(&reader, &item);
        ok = rc == items[i].rc;

        if (rc == OK) {
            ok = ok && item.type == items[i].type && item.n == items[i].n
                 && item.indefinite == items[i].indefinite
                 && (size_t) (reader.last - reader.p) == items[i].left;
        }

        tap_ok(ok, "%s: %d", items[i].hex[0] ? items[i].hex : "nothing",
               items[i].rc);
        tap_free(copy, len);
    }
}


static void
test_skip(void)
{
    int                      rc;
    u_char                   data[256], *copy;
    size_t                   i, len;
    ngx_ohttp_relay_cbor_t   reader;

    for (i = 0; i < tap_array_len(skips); i++) {

        len = bytes(skips[i].hex, data);
        copy = tap_copy(data, len);

        reader.p = copy;
        reader.last = copy + len;

        rc = ngx_ohttp_relay_cbor_skip(&reader);

        tap_ok(rc == skips[i].rc
               && (rc == ERROR
                   || (size_t) (reader.last - reader.p) == skips[i].left),
               "skip %s: %d", skips[i].name, skips[i].rc);
        tap_free(copy, len);
    }

    for (i = 64; i <= 65; i++) {

        memset(data, 0, sizeof(data));
        data[0] = 0x98;
        data[1] = (u_char) i;

        reader.p = data;
        reader.last = data + 2 + i;

        tap_ok(ngx_ohttp_relay_cbor_skip(&reader) == (i == 64 ? OK : ERROR),
               "%zu items are %s", i, i == 64 ? "skipped" : "too many");

        data[1] = 0x9f;
        data[2 + i] = 0xff;

        reader.p = data + 1;
        reader.last = data + 3 + i;

        tap_ok(ngx_ohttp_relay_cbor_skip(&reader) == (i == 64 ? OK : ERROR),
               "the same with a break");
    }
}


static void
test_more(void)
{
    u_char                       data[] = { 0xbf, 0x01, 0x02, 0xff };
    ngx_ohttp_relay_cbor_t       reader;
    ngx_ohttp_relay_cbor_item_t  map, item;

    reader.p = data;
    reader.last = data + sizeof(data);

    tap_ok(ngx_ohttp_relay_cbor_read(&reader, &map) == OK
           && ngx_ohttp_relay_cbor_more(&reader, &map) == OK
           && ngx_ohttp_relay_cbor_read(&reader, &item) == OK
           && ngx_ohttp_relay_cbor_more(&reader, &map) == OK
           && ngx_ohttp_relay_cbor_read(&reader, &item) == OK
           && ngx_ohttp_relay_cbor_more(&reader, &map) == DONE
           && reader.p == reader.last, "a map is read to its break");

    data[2] = 0xff;
    reader.p = data;

    tap_ok(ngx_ohttp_relay_cbor_read(&reader, &map) == OK
           && ngx_ohttp_relay_cbor_more(&reader, &map) == OK
           && ngx_ohttp_relay_cbor_read(&reader, &item) == OK
           && ngx_ohttp_relay_cbor_more(&reader, &map) == ERROR,
           "no break between a name and its value");
}


static size_t
bytes(const char *hex, u_char *out)
{
    size_t  len;

    len = strlen(hex);

    if (ngx_ohttp_relay_hex((const u_char *) hex, (const u_char *) hex + len,
                            out)
        != OK)
    {
        printf("Bail out! wrong digits in a test\n");
        exit(2);
    }

    return len / 2;
}
