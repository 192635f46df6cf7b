
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "nitro.h"
#include "cbor.h"


/* fields that nobody knows are signed too, so there may be some */
#define NGX_OHTTP_RELAY_NITRO_FIELDS  32

#define NGX_OHTTP_RELAY_NITRO_NAME    256
#define NGX_OHTTP_RELAY_NITRO_DATA    1024


typedef struct {
    ngx_ohttp_relay_cbor_t     reader;
    ngx_ohttp_relay_nitro_t   *nitro;
    unsigned                   seen;        /* a bit for each of the fields */
    unsigned                   nnames;
    ngx_ohttp_relay_slice_t    names[NGX_OHTTP_RELAY_NITRO_FIELDS];
} ngx_ohttp_relay_nitro_reader_t;


typedef struct {
    const char                *name;
    const char                *(*read)(ngx_ohttp_relay_nitro_reader_t *r);
    unsigned                   optional;
} ngx_ohttp_relay_nitro_field_t;


static const char *ngx_ohttp_relay_nitro_payload(
    ngx_ohttp_relay_nitro_reader_t *r);
static const char *ngx_ohttp_relay_nitro_field(
    ngx_ohttp_relay_nitro_reader_t *r);
static int ngx_ohttp_relay_nitro_name(ngx_ohttp_relay_nitro_reader_t *r);
static const char *ngx_ohttp_relay_nitro_module_id(
    ngx_ohttp_relay_nitro_reader_t *r);
static const char *ngx_ohttp_relay_nitro_digest(
    ngx_ohttp_relay_nitro_reader_t *r);
static const char *ngx_ohttp_relay_nitro_timestamp(
    ngx_ohttp_relay_nitro_reader_t *r);
static const char *ngx_ohttp_relay_nitro_pcrs(
    ngx_ohttp_relay_nitro_reader_t *r);
static const char *ngx_ohttp_relay_nitro_certificate(
    ngx_ohttp_relay_nitro_reader_t *r);
static const char *ngx_ohttp_relay_nitro_bundle(
    ngx_ohttp_relay_nitro_reader_t *r);
static const char *ngx_ohttp_relay_nitro_public_key(
    ngx_ohttp_relay_nitro_reader_t *r);
static const char *ngx_ohttp_relay_nitro_user_data(
    ngx_ohttp_relay_nitro_reader_t *r);
static const char *ngx_ohttp_relay_nitro_nonce(
    ngx_ohttp_relay_nitro_reader_t *r);
static int ngx_ohttp_relay_nitro_bytes(ngx_ohttp_relay_nitro_reader_t *r,
    size_t min, ngx_ohttp_relay_slice_t *bytes);
static int ngx_ohttp_relay_nitro_optional(ngx_ohttp_relay_nitro_reader_t *r,
    size_t min, ngx_ohttp_relay_slice_t *bytes);


static const ngx_ohttp_relay_nitro_field_t  ngx_ohttp_relay_nitro_fields[] = {
    { "module_id", ngx_ohttp_relay_nitro_module_id, 0 },
    { "digest", ngx_ohttp_relay_nitro_digest, 0 },
    { "timestamp", ngx_ohttp_relay_nitro_timestamp, 0 },
    { "pcrs", ngx_ohttp_relay_nitro_pcrs, 0 },
    { "certificate", ngx_ohttp_relay_nitro_certificate, 0 },
    { "cabundle", ngx_ohttp_relay_nitro_bundle, 0 },
    { "public_key", ngx_ohttp_relay_nitro_public_key, 1 },
    { "user_data", ngx_ohttp_relay_nitro_user_data, 1 },
    { "nonce", ngx_ohttp_relay_nitro_nonce, 1 },
    { NULL, NULL, 0 }
};


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_nitro_parse(const u_char *p, const u_char *last,
    ngx_ohttp_relay_nitro_t *nitro, ngx_ohttp_relay_finding_t *finding)
{
    const char                      *error;
    ngx_ohttp_relay_nitro_reader_t   r;

    memset(nitro, 0, sizeof(ngx_ohttp_relay_nitro_t));

    if (last - p > NGX_OHTTP_RELAY_NITRO_BYTES) {
        return ngx_ohttp_relay_malformed(finding, "it is too long");
    }

    if (ngx_ohttp_relay_cose_parse(p, last, &nitro->cose, finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return finding->answer;
    }

    r.reader.p = nitro->cose.payload.data;
    r.reader.last = r.reader.p + nitro->cose.payload.len;
    r.nitro = nitro;
    r.seen = 0;
    r.nnames = 0;

    error = ngx_ohttp_relay_nitro_payload(&r);

    if (error != NULL) {
        return ngx_ohttp_relay_malformed(finding, error);
    }

    return ngx_ohttp_relay_accepted(finding);
}


/* this one and those that read fields return NULL, or what is wrong */

static const char *
ngx_ohttp_relay_nitro_payload(ngx_ohttp_relay_nitro_reader_t *r)
{
    int                          rc;
    size_t                       i;
    const char                  *error;
    ngx_ohttp_relay_cbor_item_t  map;

    if (ngx_ohttp_relay_cbor_read(&r->reader, &map) != NGX_OHTTP_RELAY_OK
        || map.type != NGX_OHTTP_RELAY_CBOR_MAP)
    {
        return "the payload is no map";
    }

    for ( ;; ) {

        rc = ngx_ohttp_relay_cbor_more(&r->reader, &map);

        if (rc == NGX_OHTTP_RELAY_DONE) {
            break;
        }

        if (rc != NGX_OHTTP_RELAY_OK
            || ngx_ohttp_relay_nitro_name(r) != NGX_OHTTP_RELAY_OK
            || ngx_ohttp_relay_cbor_more(&r->reader, &map)
               != NGX_OHTTP_RELAY_OK)
        {
            return "a field has no name, or one that was there before";
        }

        error = ngx_ohttp_relay_nitro_field(r);

        if (error != NULL) {
            return error;
        }
    }

    if (r->reader.p != r->reader.last) {
        return "there is something behind the payload";
    }

    for (i = 0; ngx_ohttp_relay_nitro_fields[i].name; i++) {
        if (!ngx_ohttp_relay_nitro_fields[i].optional
            && !(r->seen & 1U << i))
        {
            return "a field is missing";
        }
    }

    return NULL;
}


/* the value of the field whose name is the last one that was read */

static const char *
ngx_ohttp_relay_nitro_field(ngx_ohttp_relay_nitro_reader_t *r)
{
    size_t                          i;
    const char                     *name;
    const ngx_ohttp_relay_slice_t  *field;

    field = &r->names[r->nnames - 1];

    for (i = 0; ngx_ohttp_relay_nitro_fields[i].name; i++) {

        name = ngx_ohttp_relay_nitro_fields[i].name;

        if (strlen(name) == field->len
            && memcmp(name, field->data, field->len) == 0)
        {
            r->seen |= 1U << i;
            return ngx_ohttp_relay_nitro_fields[i].read(r);
        }
    }

    return ngx_ohttp_relay_cbor_skip(&r->reader) == NGX_OHTTP_RELAY_OK
           ? NULL : "a field that is unknown is wrong";
}


static int
ngx_ohttp_relay_nitro_name(ngx_ohttp_relay_nitro_reader_t *r)
{
    unsigned                     i;
    ngx_ohttp_relay_slice_t     *name;
    ngx_ohttp_relay_cbor_item_t  item;

    if (r->nnames == NGX_OHTTP_RELAY_NITRO_FIELDS
        || ngx_ohttp_relay_cbor_read(&r->reader, &item) != NGX_OHTTP_RELAY_OK
        || item.type != NGX_OHTTP_RELAY_CBOR_TEXT
        || item.string.len > NGX_OHTTP_RELAY_NITRO_NAME)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    for (i = 0; i < r->nnames; i++) {

        name = &r->names[i];

        if (name->len == item.string.len
            && memcmp(name->data, item.string.data, name->len) == 0)
        {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    r->names[r->nnames++] = item.string;

    return NGX_OHTTP_RELAY_OK;
}


static const char *
ngx_ohttp_relay_nitro_module_id(ngx_ohttp_relay_nitro_reader_t *r)
{
    size_t                       i;
    ngx_ohttp_relay_cbor_item_t  item;

    if (ngx_ohttp_relay_cbor_read(&r->reader, &item) != NGX_OHTTP_RELAY_OK
        || item.type != NGX_OHTTP_RELAY_CBOR_TEXT
        || item.string.len == 0
        || item.string.len > NGX_OHTTP_RELAY_NITRO_NAME)
    {
        return "module_id is no text of 1 to 256 bytes";
    }

    for (i = 0; i < item.string.len; i++) {
        if (item.string.data[i] <= ' ' || item.string.data[i] > '~') {
            return "module_id has bytes that are no visible ASCII";
        }
    }

    r->nitro->module_id = item.string;

    return NULL;
}


static const char *
ngx_ohttp_relay_nitro_digest(ngx_ohttp_relay_nitro_reader_t *r)
{
    ngx_ohttp_relay_cbor_item_t  item;

    if (ngx_ohttp_relay_cbor_read(&r->reader, &item) != NGX_OHTTP_RELAY_OK
        || item.type != NGX_OHTTP_RELAY_CBOR_TEXT
        || item.string.len != sizeof("SHA384") - 1
        || memcmp(item.string.data, "SHA384", item.string.len) != 0)
    {
        return "digest is not SHA384";
    }

    return NULL;
}


static const char *
ngx_ohttp_relay_nitro_timestamp(ngx_ohttp_relay_nitro_reader_t *r)
{
    ngx_ohttp_relay_cbor_item_t  item;

    if (ngx_ohttp_relay_cbor_read(&r->reader, &item) != NGX_OHTTP_RELAY_OK
        || item.type != NGX_OHTTP_RELAY_CBOR_UINT
        || item.n == 0)
    {
        return "timestamp is no number above zero";
    }

    r->nitro->timestamp = item.n;

    return NULL;
}


static const char *
ngx_ohttp_relay_nitro_pcrs(ngx_ohttp_relay_nitro_reader_t *r)
{
    int                          rc;
    unsigned                     i;
    ngx_ohttp_relay_slice_t     *pcrs;
    ngx_ohttp_relay_cbor_item_t  item, map;

    pcrs = r->nitro->pcrs;

    if (ngx_ohttp_relay_cbor_read(&r->reader, &map) != NGX_OHTTP_RELAY_OK
        || map.type != NGX_OHTTP_RELAY_CBOR_MAP)
    {
        return "pcrs is no map";
    }

    for ( ;; ) {

        rc = ngx_ohttp_relay_cbor_more(&r->reader, &map);

        if (rc == NGX_OHTTP_RELAY_DONE) {
            break;
        }

        if (rc != NGX_OHTTP_RELAY_OK
            || ngx_ohttp_relay_cbor_read(&r->reader, &item)
               != NGX_OHTTP_RELAY_OK
            || item.type != NGX_OHTTP_RELAY_CBOR_UINT
            || item.n >= NGX_OHTTP_RELAY_NITRO_PCRS
            || pcrs[item.n].data != NULL)
        {
            return "a PCR has no number from 0 to 31, or is there twice";
        }

        if (ngx_ohttp_relay_cbor_more(&r->reader, &map) != NGX_OHTTP_RELAY_OK
            || ngx_ohttp_relay_nitro_bytes(r, NGX_OHTTP_RELAY_NITRO_PCR,
                                           &pcrs[item.n])
               != NGX_OHTTP_RELAY_OK
            || pcrs[item.n].len != NGX_OHTTP_RELAY_NITRO_PCR)
        {
            return "a PCR has not 48 bytes";
        }
    }

    for (i = 0; i < 3; i++) {
        if (pcrs[i].data == NULL) {
            return "PCR 0, 1 or 2 is missing";
        }
    }

    return NULL;
}


static const char *
ngx_ohttp_relay_nitro_certificate(ngx_ohttp_relay_nitro_reader_t *r)
{
    return ngx_ohttp_relay_nitro_bytes(r, 1, &r->nitro->certificate)
           == NGX_OHTTP_RELAY_OK ? NULL
           : "certificate is not 1 to 1024 bytes";
}


static const char *
ngx_ohttp_relay_nitro_bundle(ngx_ohttp_relay_nitro_reader_t *r)
{
    int                          rc;
    ngx_ohttp_relay_nitro_t     *nitro;
    ngx_ohttp_relay_cbor_item_t  array;

    nitro = r->nitro;

    if (ngx_ohttp_relay_cbor_read(&r->reader, &array) != NGX_OHTTP_RELAY_OK
        || array.type != NGX_OHTTP_RELAY_CBOR_ARRAY)
    {
        return "cabundle is no array";
    }

    for ( ;; ) {

        rc = ngx_ohttp_relay_cbor_more(&r->reader, &array);

        if (rc == NGX_OHTTP_RELAY_DONE) {
            break;
        }

        if (rc != NGX_OHTTP_RELAY_OK
            || nitro->nbundle == NGX_OHTTP_RELAY_NITRO_BUNDLE)
        {
            return "cabundle has more than 8 certificates";
        }

        if (ngx_ohttp_relay_nitro_bytes(r, 1, &nitro->bundle[nitro->nbundle])
            != NGX_OHTTP_RELAY_OK)
        {
            return "a certificate of cabundle is not 1 to 1024 bytes";
        }

        nitro->nbundle++;
    }

    return nitro->nbundle ? NULL : "cabundle is empty";
}


static const char *
ngx_ohttp_relay_nitro_public_key(ngx_ohttp_relay_nitro_reader_t *r)
{
    return ngx_ohttp_relay_nitro_optional(r, 1, &r->nitro->public_key)
           == NGX_OHTTP_RELAY_OK ? NULL
           : "public_key is neither 1 to 1024 bytes nor null";
}


static const char *
ngx_ohttp_relay_nitro_user_data(ngx_ohttp_relay_nitro_reader_t *r)
{
    return ngx_ohttp_relay_nitro_optional(r, 0, &r->nitro->user_data)
           == NGX_OHTTP_RELAY_OK ? NULL
           : "user_data is neither up to 1024 bytes nor null";
}


static const char *
ngx_ohttp_relay_nitro_nonce(ngx_ohttp_relay_nitro_reader_t *r)
{
    return ngx_ohttp_relay_nitro_optional(r, 0, &r->nitro->nonce)
           == NGX_OHTTP_RELAY_OK ? NULL
           : "nonce is neither up to 1024 bytes nor null";
}


/* a byte string of min bytes or more */

static int
ngx_ohttp_relay_nitro_bytes(ngx_ohttp_relay_nitro_reader_t *r, size_t min,
    ngx_ohttp_relay_slice_t *bytes)
{
    ngx_ohttp_relay_cbor_item_t  item;

    if (ngx_ohttp_relay_cbor_read(&r->reader, &item) != NGX_OHTTP_RELAY_OK
        || item.type != NGX_OHTTP_RELAY_CBOR_BYTES
        || item.string.len < min
        || item.string.len > NGX_OHTTP_RELAY_NITRO_DATA)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    *bytes = item.string;

    return NGX_OHTTP_RELAY_OK;
}


/* the text of AWS says that no field is null, and documents have it */

static int
ngx_ohttp_relay_nitro_optional(ngx_ohttp_relay_nitro_reader_t *r, size_t min,
    ngx_ohttp_relay_slice_t *bytes)
{
    ngx_ohttp_relay_cbor_t       before;
    ngx_ohttp_relay_cbor_item_t  item;

    before = r->reader;

    if (ngx_ohttp_relay_cbor_read(&r->reader, &item) == NGX_OHTTP_RELAY_OK
        && item.type == NGX_OHTTP_RELAY_CBOR_SIMPLE
        && item.n == NGX_OHTTP_RELAY_CBOR_NULL)
    {
        return NGX_OHTTP_RELAY_OK;
    }

    r->reader = before;

    return ngx_ohttp_relay_nitro_bytes(r, min, bytes);
}
