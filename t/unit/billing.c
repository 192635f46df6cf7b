
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "billing.h"
#include "hex.h"
#include "json.h"


#define OK     NGX_OHTTP_RELAY_OK
#define ERROR  NGX_OHTTP_RELAY_ERROR
#define AGAIN  NGX_OHTTP_RELAY_AGAIN
#define DONE   NGX_OHTTP_RELAY_DONE

#define TEST_MAX  16384

#define AES_128      0x0001
#define CHACHA20     0x0003

#define VECTORS      "t/data/opengradient_ohttp_vectors.json"

#define MARK         "\n--opengradient-ohttp-billing-v1--\n"
#define NONCE_16     "0123456789abcdef"
#define NONCE        NONCE_16 NONCE_16

/* sealed bytes, 16 and 64 of them, with their length in front */
#define SEALED       "0123456789abcdef"
#define CHUNK        "\x10" SEALED
#define CHUNK_64     "\x40\x40" SEALED SEALED SEALED SEALED

#define BILL(n, s)   MARK "\0\0\0" n s


/* bytes as they come out, and what was found in between */

typedef struct {
    int                        rc;
    int                        bills;      /* that have come as a whole */
    size_t                     len;
    size_t                     json_len;   /* of all bills together */
    ngx_ohttp_relay_billing_t  b;
    u_char                     data[TEST_MAX];
    u_char                     json[TEST_MAX];
} answer_t;


static void test_vectors(void);
static size_t vector_get(const char *name, u_char *out);
static void test_cases(void);
static void test_case(const char *name, int aead, const void *in, size_t len,
    const void *out, size_t out_len, const char *json, size_t json_len,
    int bills, int rc);
static void test_prefixes(void);
static void test_lengths(void);
static void test_kept(void);
static void test_figures(void);
static void test_bills(void);
static void begin(answer_t *a, int aead);
static void feed(answer_t *a, const void *in, size_t len);
static int answer_is(const answer_t *a, const void *out, size_t len,
    const char *json, size_t json_len, int bills, int rc);


static const struct {
    const char  *name;
    int          aead;
    const char  *in;
    size_t       len;
    const char  *out;
    size_t       out_len;
    const char  *json;
    size_t       json_len;
    int          bills;
    int          rc;
} cases[] = {

    { "nothing", CHACHA20, tap_bytes(""), tap_bytes(""), tap_bytes(""), 0,
      AGAIN },

    { "a bill in between", CHACHA20,
      tap_bytes(NONCE CHUNK BILL("\x02", "{}") CHUNK "\0" SEALED),
      tap_bytes(NONCE CHUNK CHUNK "\0" SEALED), tap_bytes("{}"), 1, AGAIN },

    { "a bill before the last chunk", CHACHA20,
      tap_bytes(NONCE CHUNK_64 BILL("\x02", "{}") "\0" SEALED),
      tap_bytes(NONCE CHUNK_64 "\0" SEALED), tap_bytes("{}"), 1, AGAIN },

    { "the longest length of one byte", CHACHA20,
      tap_bytes(NONCE "\x3f" SEALED SEALED SEALED "0123456789abcde"
                BILL("\x02", "{}") "\0" SEALED),
      tap_bytes(NONCE "\x3f" SEALED SEALED SEALED "0123456789abcde" "\0"
                SEALED), tap_bytes("{}"), 1, AGAIN },

    { "a bill behind the nonce", CHACHA20,
      tap_bytes(NONCE BILL("\x02", "{}") "\0" SEALED),
      tap_bytes(NONCE "\0" SEALED), tap_bytes("{}"), 1, AGAIN },

    { "a bill behind a nonce of 16 bytes", AES_128,
      tap_bytes(NONCE_16 BILL("\x02", "{}") "\0" SEALED),
      tap_bytes(NONCE_16 "\0" SEALED), tap_bytes("{}"), 1, AGAIN },

    { "an AEAD that nobody knows", 0xfefe,
      tap_bytes(NONCE BILL("\x02", "{}") "\0" SEALED),
      tap_bytes(NONCE "\0" SEALED), tap_bytes("{}"), 1, AGAIN },

    { "two bills, one behind the other", CHACHA20,
      tap_bytes(NONCE BILL("\x02", "{}") BILL("\x03", "[1]") "\0" SEALED),
      tap_bytes(NONCE "\0" SEALED), tap_bytes("{}[1]"), 2, AGAIN },

    { "an empty bill", CHACHA20,
      tap_bytes(NONCE CHUNK BILL("\0", "") "\0" SEALED),
      tap_bytes(NONCE CHUNK "\0" SEALED), tap_bytes(""), 1, AGAIN },

    { "a bill with a mark in it", CHACHA20,
      tap_bytes(NONCE BILL("\x23", MARK) "\0" SEALED),
      tap_bytes(NONCE "\0" SEALED), tap_bytes(MARK), 1, AGAIN },

    { "lengths of two, four and eight bytes", CHACHA20,
      tap_bytes(NONCE "\x40\x10" SEALED "\x80\0\0\x10" SEALED
                "\xc0\0\0\0\0\0\0\x10" SEALED BILL("\x02", "{}")
                "\xc0\0\0\0\0\0\0\0" SEALED),
      tap_bytes(NONCE "\x40\x10" SEALED "\x80\0\0\x10" SEALED
                "\xc0\0\0\0\0\0\0\x10" SEALED "\xc0\0\0\0\0\0\0\0" SEALED),
      tap_bytes("{}"), 1, AGAIN },

    { "behind a 0 of two bytes", CHACHA20,
      tap_bytes(NONCE "\x40\0" BILL("\x02", "{}")),
      tap_bytes(NONCE "\x40\0" BILL("\x02", "{}")), tap_bytes(""), 0, AGAIN },

    { "a bill in the last chunk", CHACHA20,
      tap_bytes(NONCE "\0" BILL("\x02", "{}") CHUNK),
      tap_bytes(NONCE "\0" BILL("\x02", "{}") CHUNK), tap_bytes(""), 0,
      AGAIN },

    { "a bill in a chunk", CHACHA20,
      tap_bytes(NONCE "\x29" BILL("\x02", "{}") "\0" SEALED),
      tap_bytes(NONCE "\x29" BILL("\x02", "{}") "\0" SEALED), tap_bytes(""),
      0, AGAIN },

    { "a bill in the nonce", AES_128,
      tap_bytes(BILL("\x02", "{}") CHUNK),
      tap_bytes(BILL("\x02", "{}") CHUNK), tap_bytes(""), 0, AGAIN },

    { "chunks that only begin as a bill", CHACHA20,
      tap_bytes(NONCE "\x0a-opengradient" CHUNK BILL("\x02", "{}")),
      tap_bytes(NONCE "\x0a-opengradient" CHUNK BILL("\x02", "{}")),
      tap_bytes(""), 0, AGAIN },

    { "another version", CHACHA20,
      tap_bytes(NONCE "\n--opengradient-ohttp-billing-v2--\n\0\0\0\x02{}"),
      tap_bytes(NONCE "\n--opengradient-ohttp-billing-v2--\n\0\0\0\x02{}"),
      tap_bytes(""), 0, AGAIN },

    { "a length of 10 in two bytes", CHACHA20,
      tap_bytes(NONCE "\x40\x0a" "0123456789" BILL("\x02", "{}")),
      tap_bytes(NONCE "\x40\x0a" "0123456789" BILL("\x02", "{}")),
      tap_bytes(""), 0, AGAIN },

    { "the largest length", CHACHA20,
      tap_bytes(NONCE "\xff\xff\xff\xff\xff\xff\xff\xff" BILL("\x02", "{}")),
      tap_bytes(NONCE "\xff\xff\xff\xff\xff\xff\xff\xff" BILL("\x02", "{}")),
      tap_bytes(""), 0, AGAIN },

    { "a bill that is cut off", CHACHA20,
      tap_bytes(NONCE BILL("\x10", "{\"cost")), tap_bytes(NONCE),
      tap_bytes("{\"cost"), 0, AGAIN },

    { "a bill too long", CHACHA20,
      tap_bytes(NONCE CHUNK MARK "\0\0\x10\x01{}"), tap_bytes(NONCE CHUNK),
      tap_bytes(""), 0, ERROR },

    { "a bill as long as can be said", CHACHA20,
      tap_bytes(NONCE MARK "\xff\xff\xff\xff{}"), tap_bytes(NONCE),
      tap_bytes(""), 0, ERROR },
};


static const struct {
    const char  *text;
    int          integer;
    int          decimal;
} figures[] = {
    { "0", 1, 1 },
    { "7", 1, 1 },
    { "10", 1, 1 },
    { "12345678901234567890", 1, 1 },
    { "1234567890123456789012345678901234567890", 1, 1 },
    { "12345678901234567890123456789012345678901", 0, 0 },
    { "0.0", 0, 1 },
    { "0.001234", 0, 1 },
    { "1.2340", 0, 1 },
    { "10.5", 0, 1 },
    { "0.12345678901234567890123456789012345678", 0, 1 },
    { "0.123456789012345678901234567890123456789", 0, 0 },
    { "", 0, 0 },
    { "00", 0, 0 },
    { "01", 0, 0 },
    { "01.5", 0, 0 },
    { "00.5", 0, 0 },
    { ".", 0, 0 },
    { ".5", 0, 0 },
    { "5.", 0, 0 },
    { "1.2.3", 0, 0 },
    { "1..2", 0, 0 },
    { "-1", 0, 0 },
    { "+1", 0, 0 },
    { " 1", 0, 0 },
    { "1 ", 0, 0 },
    { "1,5", 0, 0 },
    { "1e5", 0, 0 },
    { "0x1", 0, 0 },
    { "1\n", 0, 0 },
    { "NaN", 0, 0 },
    { "\xd9\xa1", 0, 0 },
};


static const struct {
    const char  *text;
    int          rc;
} bills[] = {
    { "{\"cost_opg\":\"1\",\"cost_usd\":\"0.2\",\"opg_price_usd\":\"3.4\"}",
      OK },
    { " {\"opg_price_usd\":\"3.4\", \"cost_usd\":\"0.2\",\"cost_opg\":\"1\","
      "\"more\":{\"cost_opg\":\"x\"}} ", OK },
    { "{\"cost_opg\":\"1.5\",\"cost_usd\":\"0.2\",\"opg_price_usd\":\"3.4\"}",
      ERROR },
    { "{\"cost_opg\":1,\"cost_usd\":\"0.2\",\"opg_price_usd\":\"3.4\"}",
      ERROR },
    { "{\"cost_opg\":\"1\",\"cost_usd\":null,\"opg_price_usd\":\"3.4\"}",
      ERROR },
    { "{\"cost_opg\":\"1\",\"cost_usd\":\"0.2\"}", ERROR },
    { "{\"cost_opg\":\"1\",\"cost_opg\":\"1\",\"cost_usd\":\"0.2\","
      "\"opg_price_usd\":\"3.4\"}", ERROR },
    { "{\"cost_opg\":\"\\u0031\",\"cost_usd\":\"0.2\","
      "\"opg_price_usd\":\"3.4\"}", ERROR },
    { "{\"cost_opg\":\"1\",\"cost_usd\":\"0.2\",\"opg_price_usd\":\"3.4\"",
      ERROR },
    { "[\"cost_opg\",\"1\"]", ERROR },
    { "{}", ERROR },
    { "", ERROR },
    { "bill", ERROR },
};


int
main(void)
{
    test_vectors();
    test_cases();
    test_prefixes();
    test_lengths();
    test_kept();
    test_figures();
    test_bills();

    return tap_done();
}


static void
test_vectors(void)
{
    size_t  len, plain_len, frame_len;
    u_char  wire[TEST_MAX], plain[TEST_MAX], frame[TEST_MAX];

    len = vector_get("chunked_wire_with_billing_frame", wire);
    plain_len = vector_get("chunked_wire", plain);
    frame_len = vector_get("billing_frame", frame);

    tap_ok(len == plain_len + frame_len && frame_len == 110,
           "the vectors are there");

    test_case("the vector", CHACHA20, wire, len, plain, plain_len,
              (char *) frame + 39, frame_len - 39, 1, AGAIN);

    test_case("the vector without a bill", CHACHA20, plain, plain_len, plain,
              plain_len, "", 0, 0, AGAIN);
}


static size_t
vector_get(const char *name, u_char *out)
{
    int                            digit;
    FILE                          *file;
    size_t                         i;
    u_char                         text[TEST_MAX];
    ngx_ohttp_relay_slice_t        object;
    ngx_ohttp_relay_json_value_t   value;

    file = fopen(VECTORS, "r");

    if (file == NULL) {
        return 0;
    }

    object.data = text;
    object.len = fread(text, 1, TEST_MAX, file);

    fclose(file);

    if (ngx_ohttp_relay_json_object(text, text + object.len) != OK
        || ngx_ohttp_relay_json_member(&object, name, &value) != OK)
    {
        return 0;
    }

    for (i = 0; i < value.text.len; i++) {
        digit = ngx_ohttp_relay_hex_digit(value.text.data[i]);
        out[i / 2] = (u_char) (i & 1 ? out[i / 2] | digit : digit << 4);
    }

    return i / 2;
}


static void
test_cases(void)
{
    size_t  i;

    for (i = 0; i < tap_array_len(cases); i++) {
        test_case(cases[i].name, cases[i].aead, cases[i].in, cases[i].len,
                  cases[i].out, cases[i].out_len, cases[i].json,
                  cases[i].json_len, cases[i].bills, cases[i].rc);
    }
}


/* as a whole, cut once at each place, cut twice, and in pieces of each size */

static void
test_case(const char *name, int aead, const void *in, size_t len,
    const void *out, size_t out_len, const char *json, size_t json_len,
    int bills, int rc)
{
    size_t           i, n, wrong;
    const u_char    *p;
    static answer_t  a;

    p = in;
    wrong = 0;

    for (i = 0; i <= len; i++) {
        begin(&a, aead);
        feed(&a, p, i);
        feed(&a, p + i, len - i);

        wrong += !answer_is(&a, out, out_len, json, json_len, bills, rc);
    }

    tap_ok(wrong == 0, "%s, cut at each place", name);

    for (i = 0, wrong = 0; i <= len; i++) {
        for (n = i; n <= len; n++) {
            begin(&a, aead);
            feed(&a, p, i);
            feed(&a, p + i, n - i);
            feed(&a, p + n, len - n);

            wrong += !answer_is(&a, out, out_len, json, json_len, bills, rc);
        }
    }

    tap_ok(wrong == 0, "%s, cut at each two places", name);

    for (n = 1, wrong = 0; n <= len; n++) {
        begin(&a, aead);

        for (i = 0; i < len; i += n) {
            feed(&a, p + i, n < len - i ? n : len - i);
        }

        wrong += !answer_is(&a, out, out_len, json, json_len, bills, rc);
    }

    tap_ok(wrong == 0, "%s, in pieces of each size", name);
}


/* what begins as a mark and goes on differently passes, and so does the rest */

static void
test_prefixes(void)
{
    char    name[64];
    size_t  n, len;
    u_char  in[TEST_MAX];

    for (n = 1; n < sizeof(MARK) - 1; n++) {

        memcpy(in, NONCE, 32);
        memcpy(in + 32, MARK, n);
        len = 32 + n;
        in[len++] = 'X';
        memcpy(in + len, CHUNK BILL("\x02", "{}"), 17 + 41);
        len += 17 + 41;

        snprintf(name, sizeof(name), "%zu bytes of a mark", n);

        test_case(name, CHACHA20, in, len, in, len, "", 0, 0, AGAIN);
    }
}


/* no chunk is shorter than its tag: what follows then is not looked at */

static void
test_lengths(void)
{
    char    name[64];
    size_t  n, len, used;
    u_char  in[TEST_MAX];

    for (n = 1; n < 20; n++) {

        if (n == 10) {
            continue;
        }

        memcpy(in, NONCE, 32);
        in[32] = (u_char) n;
        memset(in + 33, 'x', n);
        used = 33 + n;
        memcpy(in + used, BILL("\x02", "{}"), 41);
        len = used + 41;

        snprintf(name, sizeof(name), "a chunk of %zu bytes", n);

        if (n < 16) {
            test_case(name, CHACHA20, in, len, in, len, "", 0, 0, AGAIN);

        } else {
            test_case(name, CHACHA20, in, len, in, used, "{}", 2, 1, AGAIN);
        }
    }
}


/* nothing waits but what may be a mark, and a large bill is not a larger one */

static void
test_kept(void)
{
    size_t           i, wrong;
    static u_char    in[4096];
    static answer_t  a;

    begin(&a, CHACHA20);

    for (i = 0, wrong = 0; i < 32 + 17; i++) {
        feed(&a, NONCE CHUNK + i, 1);
        wrong += a.len != i + 1;
    }

    tap_ok(wrong == 0, "each byte of nonce and chunk leaves at once");

    for (i = 0, wrong = 0; i < 35; i++) {
        feed(&a, MARK + i, 1);
        wrong += a.len != 32 + 17;
    }

    tap_ok(wrong == 0, "no byte of a mark leaves");

    begin(&a, CHACHA20);
    feed(&a, NONCE MARK, 32 + 34);
    tap_ok(a.len == 32, "34 bytes are kept back");
    feed(&a, "x", 1);
    tap_ok(answer_is(&a, NONCE "\n--opengradient-ohttp-billing-v1--x", 67, "",
                     0, 0, AGAIN),
           "and leave with the byte that tells");

    begin(&a, CHACHA20);
    feed(&a, NONCE MARK "\0\0\x10\0", 32 + 35 + 4);
    memset(in, 'j', sizeof(in));
    feed(&a, in, 4095);
    tap_ok(a.bills == 0 && a.json_len == 4095 && a.rc == AGAIN,
           "the longest bill but one byte");
    feed(&a, in, 1);
    tap_ok(a.bills == 1 && a.json_len == 4096, "the longest bill");
    feed(&a, "\0" SEALED, 17);
    tap_ok(a.len == 32 + 17 && a.rc == AGAIN, "and what follows passes");
}


static void
test_figures(void)
{
    size_t   i, len;
    u_char  *copy;

    for (i = 0; i < tap_array_len(figures); i++) {
        len = strlen(figures[i].text);
        copy = tap_copy(figures[i].text, len);

        tap_ok(ngx_ohttp_relay_is_figure(copy, copy + len, 0)
               == figures[i].integer
               && ngx_ohttp_relay_is_figure(copy, copy + len, 1)
                  == figures[i].decimal,
               "figure %s", tap_text(figures[i].text, len));

        tap_free(copy, len);
    }

    tap_ok(!ngx_ohttp_relay_is_figure((u_char *) "1\0", (u_char *) "1\0" + 2,
                                      0),
           "no NUL in a figure");
}


static void
test_bills(void)
{
    int                      rc;
    size_t                   i, len;
    u_char                  *copy;
    ngx_ohttp_relay_bill_t   bill;

    for (i = 0; i < tap_array_len(bills); i++) {
        len = strlen(bills[i].text);
        copy = tap_copy(bills[i].text, len);

        rc = ngx_ohttp_relay_bill(copy, copy + len, &bill);

        if (rc == OK) {
            rc = bill.cost_opg.len == 1 && *bill.cost_opg.data == '1'
                 && bill.cost_usd.len == 3
                 && memcmp(bill.cost_usd.data, "0.2", 3) == 0
                 && bill.opg_price_usd.len == 3
                 && memcmp(bill.opg_price_usd.data, "3.4", 3) == 0
                     ? OK : DONE;
        }

        tap_ok(rc == bills[i].rc, "bill %s", tap_text(bills[i].text, len));

        tap_free(copy, len);
    }
}


static void
begin(answer_t *a, int aead)
{
    memset(a, 0, offsetof(answer_t, data));
    ngx_ohttp_relay_billing_init(&a->b, (uint16_t) aead);

    a->rc = AGAIN;
}


static void
feed(answer_t *a, const void *in, size_t len)
{
    u_char                   *copy;
    const u_char             *p, *last;
    ngx_ohttp_relay_slice_t   piece;

    copy = tap_copy(in, len);
    p = copy;
    last = copy + len;

    for ( ;; ) {
        a->rc = ngx_ohttp_relay_billing(&a->b, &p, last, &piece);

        if (a->rc == OK) {
            memcpy(a->data + a->len, piece.data, piece.len);
            a->len += piece.len;

        } else if (a->rc == DONE) {
            memcpy(a->json + a->json_len, piece.data, piece.len);
            a->json_len += piece.len;
            a->bills += a->b.left == 0;

        } else {
            break;
        }
    }

    tap_free(copy, len);
}


static int
answer_is(const answer_t *a, const void *out, size_t len, const char *json,
    size_t json_len, int bills, int rc)
{
    return a->rc == rc
           && a->bills == bills
           && a->len == len
           && memcmp(a->data, out, len) == 0
           && a->json_len == json_len
           && memcmp(a->json, json, json_len) == 0;
}
