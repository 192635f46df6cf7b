
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "billing.h"
#include "json.h"


#define NGX_OHTTP_RELAY_BILLING_NONCE   32
#define NGX_OHTTP_RELAY_BILLING_TAG     16
#define NGX_OHTTP_RELAY_BILLING_LENGTH  4

/* AES-128-GCM: neither its key nor its nonce has more than 16 bytes */
#define NGX_OHTTP_RELAY_AEAD_AES_128    0x0001

#define NGX_OHTTP_RELAY_BILLING_MARK_LEN                                     \
    (sizeof(ngx_ohttp_relay_billing_mark) - 1)


typedef enum {
    NGX_OHTTP_RELAY_BILLING_REST = 0,   /* all that comes is passed */
    NGX_OHTTP_RELAY_BILLING_SKIP,       /* the nonce, or a sealed chunk */
    NGX_OHTTP_RELAY_BILLING_START,      /* a chunk's length, or a mark */
    NGX_OHTTP_RELAY_BILLING_VARINT,     /* after its first byte */
    NGX_OHTTP_RELAY_BILLING_MARK,       /* the same, and it was kept back */
    NGX_OHTTP_RELAY_BILLING_SIZE,       /* the JSON's length */
    NGX_OHTTP_RELAY_BILLING_JSON,
    NGX_OHTTP_RELAY_BILLING_FAILED
} ngx_ohttp_relay_billing_state_e;


static const u_char *ngx_ohttp_relay_billing_walk(
    ngx_ohttp_relay_billing_t *b, const u_char **p, const u_char *last);
static void ngx_ohttp_relay_billing_varint(ngx_ohttp_relay_billing_t *b,
    u_char c);
static const u_char *ngx_ohttp_relay_billing_match(
    ngx_ohttp_relay_billing_t *b, const u_char *p, const u_char *last);
static int ngx_ohttp_relay_billing_size(ngx_ohttp_relay_billing_t *b,
    const u_char **p, const u_char *last);
static int ngx_ohttp_relay_bill_figure(const ngx_ohttp_relay_slice_t *object,
    const char *name, int fraction, ngx_ohttp_relay_slice_t *figure);


static const u_char  ngx_ohttp_relay_billing_mark[] =
    "\n--opengradient-ohttp-billing-v1--\n";


void
ngx_ohttp_relay_billing_init(ngx_ohttp_relay_billing_t *b, uint16_t aead)
{
    b->left = (aead == NGX_OHTTP_RELAY_AEAD_AES_128)
              ? NGX_OHTTP_RELAY_BILLING_NONCE / 2
              : NGX_OHTTP_RELAY_BILLING_NONCE;
    b->state = NGX_OHTTP_RELAY_BILLING_SKIP;
    b->seen = 0;
}


int
ngx_ohttp_relay_billing(ngx_ohttp_relay_billing_t *b, const u_char **p,
    const u_char *last, ngx_ohttp_relay_slice_t *piece)
{
    unsigned       kept;
    const u_char  *end;

    if (b->state == NGX_OHTTP_RELAY_BILLING_MARK) {
        kept = b->seen;
        end = ngx_ohttp_relay_billing_match(b, *p, last);

        if (b->state == NGX_OHTTP_RELAY_BILLING_REST) {
            piece->data = ngx_ohttp_relay_billing_mark;
            piece->len = kept;

            return NGX_OHTTP_RELAY_OK;
        }

        *p = end;
    }

    if (b->state < NGX_OHTTP_RELAY_BILLING_MARK) {
        piece->data = *p;
        piece->len = ngx_ohttp_relay_billing_walk(b, p, last) - piece->data;

        if (piece->len != 0) {
            return NGX_OHTTP_RELAY_OK;
        }
    }

    if (b->state == NGX_OHTTP_RELAY_BILLING_SIZE) {

        if (ngx_ohttp_relay_billing_size(b, p, last) == NGX_OHTTP_RELAY_AGAIN) {
            return NGX_OHTTP_RELAY_AGAIN;
        }

    } else if (*p == last) {
        return b->state == NGX_OHTTP_RELAY_BILLING_FAILED
                   ? NGX_OHTTP_RELAY_ERROR : NGX_OHTTP_RELAY_AGAIN;
    }

    if (b->state == NGX_OHTTP_RELAY_BILLING_FAILED) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    piece->data = *p;
    piece->len = b->left < (uint64_t) (last - *p) ? (size_t) b->left
                                                  : (size_t) (last - *p);

    *p += piece->len;
    b->left -= piece->len;

    if (b->left == 0) {
        b->state = NGX_OHTTP_RELAY_BILLING_START;
    }

    return NGX_OHTTP_RELAY_DONE;
}


/*
 * Advances *p to last, or to behind a bill's mark.  Returns the end of what
 * is to be passed: *p, but for what may be, or is, a mark in front of it.
 */

static const u_char *
ngx_ohttp_relay_billing_walk(ngx_ohttp_relay_billing_t *b, const u_char **p,
    const u_char *last)
{
    const u_char  *end;

    while (*p < last) {

        switch (b->state) {

        case NGX_OHTTP_RELAY_BILLING_REST:
            *p = last;
            break;

        case NGX_OHTTP_RELAY_BILLING_SKIP:

            if (b->left > (uint64_t) (last - *p)) {
                b->left -= last - *p;
                *p = last;
                break;
            }

            *p += b->left;
            b->state = NGX_OHTTP_RELAY_BILLING_START;
            break;

        case NGX_OHTTP_RELAY_BILLING_START:

            if (**p == ngx_ohttp_relay_billing_mark[0]) {
                end = *p;
                b->seen = 0;
                *p = ngx_ohttp_relay_billing_match(b, *p, last);

                if (b->state != NGX_OHTTP_RELAY_BILLING_REST) {
                    return end;
                }

                break;
            }

            /* fall through */

        default: /* NGX_OHTTP_RELAY_BILLING_VARINT */
            ngx_ohttp_relay_billing_varint(b, *(*p)++);
        }
    }

    return *p;
}


/* one byte of a chunk's length (RFC 9000, section 16), of any form */

static void
ngx_ohttp_relay_billing_varint(ngx_ohttp_relay_billing_t *b, u_char c)
{
    if (b->state == NGX_OHTTP_RELAY_BILLING_START) {
        b->left = c & 0x3f;
        b->seen = (1 << (c >> 6)) - 1;
        b->state = NGX_OHTTP_RELAY_BILLING_VARINT;

    } else {
        b->left = b->left << 8 | c;
        b->seen--;
    }

    if (b->seen != 0) {
        return;
    }

    /* 0 is the last chunk's, and what is too short for a tag is no chunk's */

    b->state = b->left < NGX_OHTTP_RELAY_BILLING_TAG
                   ? NGX_OHTTP_RELAY_BILLING_REST
                   : NGX_OHTTP_RELAY_BILLING_SKIP;
}


/*
 * Compares with the mark, from its byte b->seen on, and returns where that
 * has ended.  If it was in vain, what comes is neither a bill nor a chunk.
 */

static const u_char *
ngx_ohttp_relay_billing_match(ngx_ohttp_relay_billing_t *b, const u_char *p,
    const u_char *last)
{
    b->state = NGX_OHTTP_RELAY_BILLING_MARK;

    while (p < last && *p == ngx_ohttp_relay_billing_mark[b->seen]) {
        p++;

        if (++b->seen == NGX_OHTTP_RELAY_BILLING_MARK_LEN) {
            b->state = NGX_OHTTP_RELAY_BILLING_SIZE;
            b->left = 0;
            b->seen = 0;

            return p;
        }
    }

    if (p < last) {
        b->state = NGX_OHTTP_RELAY_BILLING_REST;
    }

    return p;
}


static int
ngx_ohttp_relay_billing_size(ngx_ohttp_relay_billing_t *b, const u_char **p,
    const u_char *last)
{
    while (b->seen < NGX_OHTTP_RELAY_BILLING_LENGTH) {

        if (*p == last) {
            return NGX_OHTTP_RELAY_AGAIN;
        }

        b->left = b->left << 8 | *(*p)++;
        b->seen++;
    }

    b->state = b->left > NGX_OHTTP_RELAY_BILLING_MAX
                   ? NGX_OHTTP_RELAY_BILLING_FAILED
                   : NGX_OHTTP_RELAY_BILLING_JSON;

    return NGX_OHTTP_RELAY_OK;
}


int
ngx_ohttp_relay_bill(const u_char *p, const u_char *last,
    ngx_ohttp_relay_bill_t *bill)
{
    ngx_ohttp_relay_slice_t  object;

    if (ngx_ohttp_relay_json_object(p, last) != NGX_OHTTP_RELAY_OK) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    object.data = p;
    object.len = last - p;

    return ngx_ohttp_relay_bill_figure(&object, "cost_opg", 0, &bill->cost_opg)
           && ngx_ohttp_relay_bill_figure(&object, "cost_usd", 1,
                                          &bill->cost_usd)
           && ngx_ohttp_relay_bill_figure(&object, "opg_price_usd", 1,
                                          &bill->opg_price_usd)
               ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}


static int
ngx_ohttp_relay_bill_figure(const ngx_ohttp_relay_slice_t *object,
    const char *name, int fraction, ngx_ohttp_relay_slice_t *figure)
{
    ngx_ohttp_relay_json_value_t  value;

    if (ngx_ohttp_relay_json_member(object, name, &value) != NGX_OHTTP_RELAY_OK
        || value.type != NGX_OHTTP_RELAY_JSON_STRING)
    {
        return 0;
    }

    *figure = value.text;

    return ngx_ohttp_relay_is_figure(figure->data, figure->data + figure->len,
                                     fraction);
}


int
ngx_ohttp_relay_is_figure(const u_char *p, const u_char *last, int fraction)
{
    const u_char  *start, *point;

    if (last - p > NGX_OHTTP_RELAY_FIGURE_MAX) {
        return 0;
    }

    start = p;
    point = NULL;

    for ( /* void */ ; p < last; p++) {

        if (*p == '.' && fraction && point == NULL) {
            point = p;
            continue;
        }

        if (*p < '0' || *p > '9') {
            return 0;
        }
    }

    if (point == NULL) {
        point = last;

    } else if (point + 1 == last) {
        return 0;
    }

    return point == start + 1 || (point > start && *start != '0');
}
