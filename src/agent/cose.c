
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "cose.h"
#include "cbor.h"
#include "ecdsa.h"


#define NGX_OHTTP_RELAY_COSE_TAG  18


static int ngx_ohttp_relay_cose_begin(ngx_ohttp_relay_cbor_t *reader);
static int ngx_ohttp_relay_cose_empty(ngx_ohttp_relay_cbor_t *reader);
static int ngx_ohttp_relay_cose_bytes(ngx_ohttp_relay_cbor_t *reader,
    ngx_ohttp_relay_slice_t *bytes);


/* the map {1: -35}: the algorithm is ES384, RFC 9053, section 2.1 */

static const u_char  ngx_ohttp_relay_cose_es384[] = { 0xa1, 0x01, 0x38, 0x22 };


/*
 * What is signed, RFC 9052, section 4.4, up to the length of the payload: an
 * array of the context, the protected header and empty external data.
 */

static const u_char  ngx_ohttp_relay_cose_context[] = {
    0x84, 0x6a, 'S', 'i', 'g', 'n', 'a', 't', 'u', 'r', 'e', '1',
    0x44, 0xa1, 0x01, 0x38, 0x22, 0x40
};


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_cose_parse(const u_char *p, const u_char *last,
    ngx_ohttp_relay_cose_t *cose, ngx_ohttp_relay_finding_t *finding)
{
    ngx_ohttp_relay_cbor_t   reader;
    ngx_ohttp_relay_slice_t  bytes;

    reader.p = p;
    reader.last = last;

    if (ngx_ohttp_relay_cose_begin(&reader) != NGX_OHTTP_RELAY_OK) {
        return ngx_ohttp_relay_malformed(finding, "it is no COSE_Sign1");
    }

    if (ngx_ohttp_relay_cose_bytes(&reader, &bytes) != NGX_OHTTP_RELAY_OK
        || bytes.len != sizeof(ngx_ohttp_relay_cose_es384)
        || memcmp(bytes.data, ngx_ohttp_relay_cose_es384, bytes.len) != 0)
    {
        return ngx_ohttp_relay_malformed(finding,
                   "the protected header is not just the algorithm ES384");
    }

    if (ngx_ohttp_relay_cose_empty(&reader) != NGX_OHTTP_RELAY_OK) {
        return ngx_ohttp_relay_malformed(finding,
                                     "the unprotected header is not empty");
    }

    if (ngx_ohttp_relay_cose_bytes(&reader, &cose->payload)
        != NGX_OHTTP_RELAY_OK
        || cose->payload.len == 0
        || cose->payload.len > NGX_OHTTP_RELAY_COSE_PAYLOAD)
    {
        return ngx_ohttp_relay_malformed(finding,
                         "the payload is missing, not bytes, or too long");
    }

    if (ngx_ohttp_relay_cose_bytes(&reader, &cose->signature)
        != NGX_OHTTP_RELAY_OK
        || cose->signature.len != NGX_OHTTP_RELAY_COSE_SIGNATURE)
    {
        return ngx_ohttp_relay_malformed(finding,
                                         "the signature has not 96 bytes");
    }

    if (reader.p != last) {
        return ngx_ohttp_relay_malformed(finding,
                                         "there is something behind it");
    }

    return ngx_ohttp_relay_accepted(finding);
}


/* the tag, which may be missing, and the head of an array of four */

static int
ngx_ohttp_relay_cose_begin(ngx_ohttp_relay_cbor_t *reader)
{
    ngx_ohttp_relay_cbor_item_t  item;

    if (ngx_ohttp_relay_cbor_read(reader, &item) != NGX_OHTTP_RELAY_OK) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (item.type == NGX_OHTTP_RELAY_CBOR_TAG
        && item.n == NGX_OHTTP_RELAY_COSE_TAG
        && ngx_ohttp_relay_cbor_read(reader, &item) != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return (item.type == NGX_OHTTP_RELAY_CBOR_ARRAY && !item.indefinite
            && item.n == 4)
           ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}


/* an empty map of either form */

static int
ngx_ohttp_relay_cose_empty(ngx_ohttp_relay_cbor_t *reader)
{
    ngx_ohttp_relay_cbor_item_t  item;

    return (ngx_ohttp_relay_cbor_read(reader, &item) == NGX_OHTTP_RELAY_OK
            && item.type == NGX_OHTTP_RELAY_CBOR_MAP
            && ngx_ohttp_relay_cbor_more(reader, &item)
               == NGX_OHTTP_RELAY_DONE)
           ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}


static int
ngx_ohttp_relay_cose_bytes(ngx_ohttp_relay_cbor_t *reader,
    ngx_ohttp_relay_slice_t *bytes)
{
    ngx_ohttp_relay_cbor_item_t  item;

    if (ngx_ohttp_relay_cbor_read(reader, &item) != NGX_OHTTP_RELAY_OK
        || item.type != NGX_OHTTP_RELAY_CBOR_BYTES)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    *bytes = item.string;

    return NGX_OHTTP_RELAY_OK;
}


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_cose_verify(const ngx_ohttp_relay_cose_t *cose, EVP_PKEY *key,
    ngx_ohttp_relay_finding_t *finding)
{
    size_t                   len;
    u_char                   head[3];
    ngx_ohttp_relay_slice_t  slices[3];

    /* the head of a byte string, its length in the shortest form */

    len = cose->payload.len;

    if (len < 24) {
        head[0] = (u_char) (0x40 | len);
        slices[1].len = 1;

    } else if (len < 256) {
        head[0] = 0x58;
        head[1] = (u_char) len;
        slices[1].len = 2;

    } else {
        head[0] = 0x59;
        head[1] = (u_char) (len >> 8);
        head[2] = (u_char) len;
        slices[1].len = 3;
    }

    slices[0].data = ngx_ohttp_relay_cose_context;
    slices[0].len = sizeof(ngx_ohttp_relay_cose_context);
    slices[1].data = head;
    slices[2] = cose->payload;

    return ngx_ohttp_relay_ecdsa_verify(key, EVP_sha384(), &cose->signature,
                                        slices, 3, finding);
}
