
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "cbor.h"


#define NGX_OHTTP_RELAY_CBOR_BREAK  0xff

/* what the five bits of additional information say beside small numbers */
#define NGX_OHTTP_RELAY_CBOR_BYTE        24
#define NGX_OHTTP_RELAY_CBOR_EIGHT       27
#define NGX_OHTTP_RELAY_CBOR_INDEFINITE  31


static int ngx_ohttp_relay_cbor_number(ngx_ohttp_relay_cbor_t *reader,
    unsigned info, uint64_t *n);
static int ngx_ohttp_relay_cbor_string(ngx_ohttp_relay_cbor_t *reader,
    ngx_ohttp_relay_cbor_item_t *item);
static int ngx_ohttp_relay_cbor_container(ngx_ohttp_relay_cbor_t *reader,
    ngx_ohttp_relay_cbor_item_t *item);
static int ngx_ohttp_relay_cbor_simple(ngx_ohttp_relay_cbor_t *reader,
    unsigned info, ngx_ohttp_relay_cbor_item_t *item);
static int ngx_ohttp_relay_cbor_skip_item(ngx_ohttp_relay_cbor_t *reader,
    unsigned depth);


int
ngx_ohttp_relay_cbor_read(ngx_ohttp_relay_cbor_t *reader,
    ngx_ohttp_relay_cbor_item_t *item)
{
    unsigned  info, major;

    if (reader->p == reader->last) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    major = *reader->p >> 5;
    info = *reader->p & 0x1f;
    reader->p++;

    item->type = (ngx_ohttp_relay_cbor_e) major;
    item->string.data = NULL;
    item->string.len = 0;
    item->indefinite = 0;
    item->n = 0;

    if (item->type == NGX_OHTTP_RELAY_CBOR_SIMPLE) {
        return ngx_ohttp_relay_cbor_simple(reader, info, item);
    }

    if (info == NGX_OHTTP_RELAY_CBOR_INDEFINITE) {

        /* of strings this form is chunks, and of numbers it is none */

        if (item->type != NGX_OHTTP_RELAY_CBOR_ARRAY
            && item->type != NGX_OHTTP_RELAY_CBOR_MAP)
        {
            return NGX_OHTTP_RELAY_ERROR;
        }

        item->indefinite = 1;
        return NGX_OHTTP_RELAY_OK;
    }

    if (ngx_ohttp_relay_cbor_number(reader, info, &item->n)
        != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    switch (item->type) {

    case NGX_OHTTP_RELAY_CBOR_BYTES:
    case NGX_OHTTP_RELAY_CBOR_TEXT:
        return ngx_ohttp_relay_cbor_string(reader, item);

    case NGX_OHTTP_RELAY_CBOR_ARRAY:
    case NGX_OHTTP_RELAY_CBOR_MAP:
        return ngx_ohttp_relay_cbor_container(reader, item);

    default:
        return NGX_OHTTP_RELAY_OK;
    }
}


/* the number that follows the first byte of an item, in its shortest form */

static int
ngx_ohttp_relay_cbor_number(ngx_ohttp_relay_cbor_t *reader, unsigned info,
    uint64_t *n)
{
    size_t  i, len;

    if (info < NGX_OHTTP_RELAY_CBOR_BYTE) {
        *n = info;
        return NGX_OHTTP_RELAY_OK;
    }

    if (info > NGX_OHTTP_RELAY_CBOR_EIGHT) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    len = (size_t) 1 << (info - NGX_OHTTP_RELAY_CBOR_BYTE);

    if ((size_t) (reader->last - reader->p) < len) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    for (*n = 0, i = 0; i < len; i++) {
        *n = *n << 8 | *reader->p++;
    }

    if (len == 1) {
        return *n >= NGX_OHTTP_RELAY_CBOR_BYTE
               ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
    }

    /* half of the bytes would have done */

    return *n >> (len * 4) ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}


static int
ngx_ohttp_relay_cbor_string(ngx_ohttp_relay_cbor_t *reader,
    ngx_ohttp_relay_cbor_item_t *item)
{
    if (item->n > (uint64_t) (reader->last - reader->p)) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    item->string.data = reader->p;
    item->string.len = (size_t) item->n;

    reader->p += item->string.len;

    return NGX_OHTTP_RELAY_OK;
}


/* an item has a byte or more: what cannot be there is not waited for */

static int
ngx_ohttp_relay_cbor_container(ngx_ohttp_relay_cbor_t *reader,
    ngx_ohttp_relay_cbor_item_t *item)
{
    uint64_t  left;

    left = (uint64_t) (reader->last - reader->p);

    if (item->type == NGX_OHTTP_RELAY_CBOR_MAP) {

        if (item->n > left / 2) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        item->n *= 2;
    }

    return item->n <= left ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}


static int
ngx_ohttp_relay_cbor_simple(ngx_ohttp_relay_cbor_t *reader, unsigned info,
    ngx_ohttp_relay_cbor_item_t *item)
{
    size_t  len;

    if (info < NGX_OHTTP_RELAY_CBOR_BYTE) {
        item->n = info;
        return NGX_OHTTP_RELAY_OK;
    }

    if (info > NGX_OHTTP_RELAY_CBOR_EIGHT) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    len = (size_t) 1 << (info - NGX_OHTTP_RELAY_CBOR_BYTE);

    if ((size_t) (reader->last - reader->p) < len) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (info == NGX_OHTTP_RELAY_CBOR_BYTE) {

        /* RFC 8949, section 3.3: those below have one byte */

        item->n = *reader->p++;
        return item->n >= 32 ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
    }

    item->type = NGX_OHTTP_RELAY_CBOR_FLOAT;
    reader->p += len;

    return NGX_OHTTP_RELAY_OK;
}


int
ngx_ohttp_relay_cbor_more(ngx_ohttp_relay_cbor_t *reader,
    ngx_ohttp_relay_cbor_item_t *container)
{
    if (!container->indefinite) {

        if (container->n == 0) {
            return NGX_OHTTP_RELAY_DONE;
        }

        container->n--;
        return NGX_OHTTP_RELAY_OK;
    }

    if (reader->p == reader->last) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (*reader->p != NGX_OHTTP_RELAY_CBOR_BREAK) {
        container->n++;
        return NGX_OHTTP_RELAY_OK;
    }

    /* a name without a value */

    if (container->type == NGX_OHTTP_RELAY_CBOR_MAP && container->n % 2 != 0) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    reader->p++;

    return NGX_OHTTP_RELAY_DONE;
}


int
ngx_ohttp_relay_cbor_skip(ngx_ohttp_relay_cbor_t *reader)
{
    return ngx_ohttp_relay_cbor_skip_item(reader, 0);
}


static int
ngx_ohttp_relay_cbor_skip_item(ngx_ohttp_relay_cbor_t *reader, unsigned depth)
{
    int                          rc;
    unsigned                     i;
    ngx_ohttp_relay_cbor_item_t  item;

    if (ngx_ohttp_relay_cbor_read(reader, &item) != NGX_OHTTP_RELAY_OK) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (item.type != NGX_OHTTP_RELAY_CBOR_ARRAY
        && item.type != NGX_OHTTP_RELAY_CBOR_MAP
        && item.type != NGX_OHTTP_RELAY_CBOR_TAG)
    {
        return NGX_OHTTP_RELAY_OK;
    }

    if (depth == NGX_OHTTP_RELAY_CBOR_DEPTH) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (item.type == NGX_OHTTP_RELAY_CBOR_TAG) {
        return ngx_ohttp_relay_cbor_skip_item(reader, depth + 1);
    }

    for (i = 0; i <= NGX_OHTTP_RELAY_CBOR_ITEMS; i++) {

        rc = ngx_ohttp_relay_cbor_more(reader, &item);

        if (rc == NGX_OHTTP_RELAY_DONE) {
            return NGX_OHTTP_RELAY_OK;
        }

        if (rc == NGX_OHTTP_RELAY_ERROR
            || ngx_ohttp_relay_cbor_skip_item(reader, depth + 1)
               != NGX_OHTTP_RELAY_OK)
        {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    return NGX_OHTTP_RELAY_ERROR;
}
