
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* however an answer is cut, its bills come out of it, and all else as it is */


#define _GNU_SOURCE             /* memmem() */

#include "fuzz.h"
#include "billing.h"


#define OK     NGX_OHTTP_RELAY_OK
#define ERROR  NGX_OHTTP_RELAY_ERROR
#define AGAIN  NGX_OHTTP_RELAY_AGAIN
#define DONE   NGX_OHTTP_RELAY_DONE

#define FUZZ_KEPT  34                       /* at most, of a mark */

#define FUZZ_MARK  "\n--opengradient-ohttp-billing-v1--\n"


typedef struct {
    int                        rc;
    size_t                     in;
    size_t                     len;         /* of data, which passes */
    size_t                     json_len;
    size_t                     bills;       /* that are whole */
    u_char                    *data;
    u_char                    *json;
    ngx_ohttp_relay_billing_t  b;
} fuzz_answer_t;


static void fuzz_strip(fuzz_answer_t *a, const u_char *in, size_t size,
    uint16_t aead, size_t piece, size_t step);
static void fuzz_feed(fuzz_answer_t *a, const u_char *in, size_t len);
static void fuzz_same(const fuzz_answer_t *a, const fuzz_answer_t *b);
static void fuzz_built(const u_char *in, size_t size, size_t piece);
static void fuzz_bill(const u_char *in, size_t size);
static void fuzz_free(fuzz_answer_t *a);


/* two bytes say how to cut, one the AEAD; the rest is an answer, or a recipe */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t         piece, step;
    uint16_t       aead;
    fuzz_answer_t  whole, cut;

    if (size < 3) {
        return 0;
    }

    piece = data[0] + 1;
    step = data[1];
    aead = data[2];
    data += 3;
    size -= 3;

    fuzz_strip(&whole, data, size, aead, size + 1, 0);
    fuzz_assert(whole.len <= size);
    fuzz_assert(whole.rc != AGAIN
                || size - whole.len <= FUZZ_KEPT
                || memmem(data, size, FUZZ_MARK, sizeof(FUZZ_MARK) - 1));

    fuzz_strip(&cut, data, size, aead, piece, step);
    fuzz_same(&whole, &cut);
    fuzz_free(&cut);

    fuzz_strip(&cut, data, size, aead, 1, 0);
    fuzz_same(&whole, &cut);
    fuzz_free(&cut);

    fuzz_free(&whole);

    fuzz_built(data, size, piece);
    fuzz_bill(data, size);

    return 0;
}


/* pieces that become step bytes longer each time */

static void
fuzz_strip(fuzz_answer_t *a, const u_char *in, size_t size, uint16_t aead,
    size_t piece, size_t step)
{
    size_t  n;

    memset(a, 0, sizeof(fuzz_answer_t));

    a->rc = AGAIN;
    a->data = malloc(size + 1);
    a->json = malloc(size + 1);
    fuzz_assert(a->data != NULL && a->json != NULL);

    ngx_ohttp_relay_billing_init(&a->b, aead);

    while (size != 0) {
        n = piece < size ? piece : size;

        fuzz_feed(a, in, n);

        in += n;
        size -= n;
        piece += step;
    }
}


static void
fuzz_feed(fuzz_answer_t *a, const u_char *in, size_t len)
{
    u_char                   *copy;
    const u_char             *p, *last, *before;
    ngx_ohttp_relay_slice_t   piece;

    copy = fuzz_copy(in, len);
    p = copy;
    last = copy + len;

    a->in += len;

    for ( ;; ) {
        before = p;

        a->rc = ngx_ohttp_relay_billing(&a->b, &p, last, &piece);

        fuzz_assert(p >= before && p <= last);

        if (a->rc == OK) {
            fuzz_assert(piece.len > 0 && a->len + piece.len <= a->in);

            memcpy(a->data + a->len, piece.data, piece.len);
            a->len += piece.len;

        } else if (a->rc == DONE) {
            fuzz_assert(a->b.left + piece.len <= NGX_OHTTP_RELAY_BILLING_MAX);

            memcpy(a->json + a->json_len, piece.data, piece.len);
            a->json_len += piece.len;
            a->bills += a->b.left == 0;

        } else {
            break;
        }
    }

    fuzz_assert(a->rc == ERROR || (a->rc == AGAIN && p == last));

    free(copy);
}


static void
fuzz_same(const fuzz_answer_t *a, const fuzz_answer_t *b)
{
    fuzz_assert(a->rc == b->rc && a->bills == b->bills);
    fuzz_assert(a->len == b->len && memcmp(a->data, b->data, a->len) == 0);
    fuzz_assert(a->json_len == b->json_len);
    fuzz_assert(memcmp(a->json, b->json, a->json_len) == 0);
}


/*
 * A right answer with a chunk, or a bill, of so many bytes as each byte of the
 * input says: without its bills it must be what was built without them.
 */

static void
fuzz_built(const u_char *in, size_t size, size_t piece)
{
    size_t         i, n, bills;
    u_char        *p, *q, *with, *without;
    fuzz_answer_t  a;

    if (size > 64) {
        size = 64;
    }

    with = malloc(128 + size * 320);
    without = malloc(128 + size * 320);
    fuzz_assert(with != NULL && without != NULL);

    memset(with, '\n', 32);
    memset(without, '\n', 32);
    p = with + 32;
    q = without + 32;
    bills = 0;

    for (i = 0; i < size; i++) {
        n = in[i] >> 1;

        if (in[i] & 1) {
            p += sprintf((char *) p, "%s", FUZZ_MARK);
            memset(p, 0, 4);
            p[3] = (u_char) n;
            memset(p + 4, '\n', n);
            p += 4 + n;
            bills++;
            continue;
        }

        n += 16;
        *p++ = *q++ = (u_char) (0x40 | n >> 8);
        *p++ = *q++ = (u_char) n;
        memset(p, '\n', n);
        memset(q, '\n', n);
        p += n;
        q += n;
    }

    *p++ = *q++ = 0;
    p += sprintf((char *) p, "%s", FUZZ_MARK);
    q += sprintf((char *) q, "%s", FUZZ_MARK);

    fuzz_strip(&a, with, p - with, 3, piece, 1);

    fuzz_assert(a.rc == AGAIN && a.bills == bills);
    fuzz_assert(a.len == (size_t) (q - without));
    fuzz_assert(memcmp(a.data, without, a.len) == 0);

    fuzz_free(&a);
    free(with);
    free(without);
}


static void
fuzz_bill(const u_char *in, size_t size)
{
    u_char                   *copy;
    ngx_ohttp_relay_bill_t    bill;
    ngx_ohttp_relay_slice_t  *figure;

    copy = fuzz_copy(in, size);

    if (ngx_ohttp_relay_bill(copy, copy + size, &bill) == OK) {
        figure = &bill.cost_opg;

        fuzz_assert(ngx_ohttp_relay_is_figure(figure->data,
                                              figure->data + figure->len, 0));
        fuzz_assert(figure->data > copy
                    && figure->data + figure->len < copy + size);
    }

    (void) ngx_ohttp_relay_is_figure(copy, copy + size, 1);

    free(copy);
}


static void
fuzz_free(fuzz_answer_t *a)
{
    free(a->data);
    free(a->json);
}
