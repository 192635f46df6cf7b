
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* a body in pieces is the body as a whole; an encoded body comes back */


#include "fuzz.h"
#include "chunk.h"


#define OK     NGX_OHTTP_RELAY_OK
#define ERROR  NGX_OHTTP_RELAY_ERROR
#define AGAIN  NGX_OHTTP_RELAY_AGAIN
#define DONE   NGX_OHTTP_RELAY_DONE


typedef struct {
    int                      rc;
    size_t                   used;
    size_t                   len;
    u_char                  *data;
    ngx_ohttp_relay_chunk_t  ch;
} fuzz_body_t;


static void fuzz_decode(fuzz_body_t *body, const u_char *in, size_t size,
    size_t piece, size_t step);
static void fuzz_feed(fuzz_body_t *body, const u_char *in, size_t len);
static void fuzz_encoded(const u_char *in, size_t size, size_t piece);


/* the first two bytes say how to cut, the rest is a body, or its content */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t       piece, step;
    fuzz_body_t  whole, cut;

    if (size < 2) {
        return 0;
    }

    piece = data[0] + 1;
    step = data[1];
    data += 2;
    size -= 2;

    fuzz_decode(&whole, data, size, size + 1, 0);
    fuzz_assert(whole.used <= size && whole.len <= whole.used);
    fuzz_assert(whole.rc != AGAIN || whole.used == size);

    fuzz_decode(&cut, data, size, piece, step);

    fuzz_assert(cut.rc == whole.rc && cut.used == whole.used);
    fuzz_assert(cut.len == whole.len);
    fuzz_assert(memcmp(cut.data, whole.data, cut.len) == 0);

    free(cut.data);

    fuzz_decode(&cut, data, size, 1, 0);

    fuzz_assert(cut.rc == whole.rc && cut.used == whole.used);
    fuzz_assert(cut.len == whole.len);
    fuzz_assert(memcmp(cut.data, whole.data, cut.len) == 0);

    free(cut.data);
    free(whole.data);

    fuzz_encoded(data, size, piece);

    return 0;
}


/* pieces that become step bytes longer each time */

static void
fuzz_decode(fuzz_body_t *body, const u_char *in, size_t size, size_t piece,
    size_t step)
{
    size_t  n;

    memset(body, 0, sizeof(fuzz_body_t));

    body->rc = AGAIN;
    body->data = malloc(size + 1);
    fuzz_assert(body->data != NULL);

    while (size != 0 && body->rc == AGAIN) {
        n = piece < size ? piece : size;

        fuzz_feed(body, in, n);

        in += n;
        size -= n;
        piece += step;
    }
}


static void
fuzz_feed(fuzz_body_t *body, const u_char *in, size_t len)
{
    size_t         n;
    u_char        *copy;
    const u_char  *p, *last, *before;

    copy = fuzz_copy(in, len);
    p = copy;
    last = copy + len;

    for ( ;; ) {
        before = p;

        body->rc = ngx_ohttp_relay_chunk(&body->ch, &p, last);

        fuzz_assert(p >= before && p <= last);

        if (body->rc != OK) {
            break;
        }

        fuzz_assert(p < last && body->ch.size > 0);
        fuzz_assert(body->ch.size <= INT64_MAX);

        n = last - p;

        if (n > body->ch.size) {
            n = body->ch.size;
        }

        memcpy(body->data + body->len, p, n);

        body->len += n;
        body->ch.size -= n;
        p += n;
    }

    fuzz_assert(body->rc == AGAIN || body->rc == DONE || body->rc == ERROR);
    fuzz_assert(body->rc != AGAIN || p == last);

    body->used += p - copy;

    before = p;

    if (body->rc != AGAIN) {
        fuzz_assert(ngx_ohttp_relay_chunk(&body->ch, &p, last) == body->rc);
        fuzz_assert(p == before);
    }

    free(copy);
}


static void
fuzz_encoded(const u_char *in, size_t size, size_t piece)
{
    size_t        n, at;
    u_char       *p, *encoded;
    fuzz_body_t   body;

    /* at most 16 bytes around each piece and at the end */

    encoded = malloc(size + (size / piece + 2) * 16);
    fuzz_assert(encoded != NULL);

    p = encoded;

    for (at = 0; at < size; at += n) {
        n = piece < size - at ? piece : size - at;

        p += sprintf((char *) p, "%zx\r\n", n);
        memcpy(p, in + at, n);
        p += n;
        p += sprintf((char *) p, "\r\n");
    }

    p += sprintf((char *) p, "0\r\n\r\n");

    fuzz_decode(&body, encoded, p - encoded, piece, 1);

    fuzz_assert(body.rc == DONE && body.used == (size_t) (p - encoded));
    fuzz_assert(body.len == size);
    fuzz_assert(size == 0 || memcmp(body.data, in, size) == 0);

    free(body.data);
    free(encoded);
}
