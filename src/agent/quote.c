
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "quote.h"
#include "allow.h"


#define NGX_OHTTP_RELAY_QUOTE_HEADER   48
#define NGX_OHTTP_RELAY_QUOTE_BODY_10  584
#define NGX_OHTTP_RELAY_QUOTE_BODY_15  648
#define NGX_OHTTP_RELAY_QUOTE_QE       384
#define NGX_OHTTP_RELAY_QUOTE_PAD      4096

/* kinds of certification data: a report with more inside, a chain as PEM */
#define NGX_OHTTP_RELAY_QUOTE_REPORT   6
#define NGX_OHTTP_RELAY_QUOTE_CHAIN    5

#define ngx_ohttp_relay_le16(p)                                              \
    ((unsigned) (p)[0] | (unsigned) (p)[1] << 8)

#define ngx_ohttp_relay_le32(p)                                              \
    (ngx_ohttp_relay_le16(p) | (uint32_t) ngx_ohttp_relay_le16((p) + 2) << 16)


static const char *ngx_ohttp_relay_quote_header(
    ngx_ohttp_relay_slice_t *rest, ngx_ohttp_relay_quote_t *quote,
    size_t *body);
static void ngx_ohttp_relay_quote_body(const u_char *p,
    ngx_ohttp_relay_quote_t *quote);
static int ngx_ohttp_relay_quote_signed(ngx_ohttp_relay_slice_t *rest,
    ngx_ohttp_relay_quote_t *quote);
static int ngx_ohttp_relay_quote_certification(ngx_ohttp_relay_slice_t *rest,
    unsigned type, ngx_ohttp_relay_slice_t *data);
static void ngx_ohttp_relay_quote_qe(ngx_ohttp_relay_quote_t *quote);
static int ngx_ohttp_relay_quote_take(ngx_ohttp_relay_slice_t *rest,
    size_t len, ngx_ohttp_relay_slice_t *taken);
static void ngx_ohttp_relay_quote_field(const u_char *p, size_t len,
    ngx_ohttp_relay_slice_t *field);


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_quote_parse(const u_char *p, const u_char *last,
    ngx_ohttp_relay_quote_t *quote, ngx_ohttp_relay_finding_t *finding)
{
    size_t                    body;
    const char               *error;
    ngx_ohttp_relay_slice_t   rest, len, data;

    memset(quote, 0, sizeof(ngx_ohttp_relay_quote_t));

    if (last - p > NGX_OHTTP_RELAY_QUOTE_BYTES) {
        return ngx_ohttp_relay_malformed(finding, "it is too long");
    }

    rest.data = p;
    rest.len = last - p;

    error = ngx_ohttp_relay_quote_header(&rest, quote, &body);

    if (error != NULL) {
        return ngx_ohttp_relay_malformed(finding, error);
    }

    if (ngx_ohttp_relay_quote_take(&rest, body, &data) != NGX_OHTTP_RELAY_OK) {
        return ngx_ohttp_relay_malformed(finding, "the report is cut");
    }

    ngx_ohttp_relay_quote_body(data.data, quote);

    quote->text.data = p;
    quote->text.len = data.data + data.len - p;

    if (ngx_ohttp_relay_quote_take(&rest, 4, &len) != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_quote_take(&rest, ngx_ohttp_relay_le32(len.data),
                                      &data)
           != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_quote_signed(&data, quote) != NGX_OHTTP_RELAY_OK)
    {
        return ngx_ohttp_relay_malformed(finding,
                   "the signature is cut, or a length in it is wrong");
    }

    if (rest.len > NGX_OHTTP_RELAY_QUOTE_PAD
        || !ngx_ohttp_relay_all_zero(rest.data, rest.len))
    {
        return ngx_ohttp_relay_malformed(finding,
                                         "there is something behind it");
    }

    return ngx_ohttp_relay_accepted(finding);
}


/* returns NULL with the length of the body, or what is wrong */

static const char *
ngx_ohttp_relay_quote_header(ngx_ohttp_relay_slice_t *rest,
    ngx_ohttp_relay_quote_t *quote, size_t *body)
{
    unsigned                  type;
    const u_char             *p;
    ngx_ohttp_relay_slice_t   header;

    if (ngx_ohttp_relay_quote_take(rest, NGX_OHTTP_RELAY_QUOTE_HEADER, &header)
        != NGX_OHTTP_RELAY_OK)
    {
        return "it is shorter than a quote";
    }

    p = header.data;
    quote->version = ngx_ohttp_relay_le16(p);

    if ((quote->version != 4 && quote->version != 5)
        || ngx_ohttp_relay_le16(p + 2) != 2
        || ngx_ohttp_relay_le32(p + 4) != 0x81)
    {
        return "it is no TDX quote of version 4 or 5, signed by ECDSA";
    }

    ngx_ohttp_relay_quote_field(p + 12, 16, &quote->vendor);

    *body = NGX_OHTTP_RELAY_QUOTE_BODY_10;

    if (quote->version == 4) {
        return NULL;
    }

    /* type and length of the body */

    if (ngx_ohttp_relay_quote_take(rest, 6, &header) != NGX_OHTTP_RELAY_OK) {
        return "it is shorter than a quote";
    }

    type = ngx_ohttp_relay_le16(header.data);

    if (type == 3) {
        *body = NGX_OHTTP_RELAY_QUOTE_BODY_15;
    }

    return ((type == 2 || type == 3)
            && ngx_ohttp_relay_le32(header.data + 2) == *body)
           ? NULL : "it has no report of TD 1.0 or 1.5";
}


/* that of TD 1.5 begins as that of 1.0 does */

static void
ngx_ohttp_relay_quote_body(const u_char *p, ngx_ohttp_relay_quote_t *quote)
{
    unsigned  i;

    ngx_ohttp_relay_quote_field(p, 16, &quote->tee_tcb_svn);
    ngx_ohttp_relay_quote_field(p + 16, 48, &quote->mr_seam);
    ngx_ohttp_relay_quote_field(p + 64, 48, &quote->mr_signer_seam);
    ngx_ohttp_relay_quote_field(p + 112, 8, &quote->seam_attributes);
    ngx_ohttp_relay_quote_field(p + 120, 8, &quote->td_attributes);
    ngx_ohttp_relay_quote_field(p + 136, 48, &quote->mrtd);
    ngx_ohttp_relay_quote_field(p + 184, 48, &quote->mr_config_id);
    ngx_ohttp_relay_quote_field(p + 232, 48, &quote->mr_owner);
    ngx_ohttp_relay_quote_field(p + 280, 48, &quote->mr_owner_config);

    for (i = 0; i < 4; i++) {
        ngx_ohttp_relay_quote_field(p + 328 + 48 * i, 48, &quote->rtmrs[i]);
    }

    ngx_ohttp_relay_quote_field(p + 520, 64, &quote->report_data);
}


/* each length says exactly what is there */

static int
ngx_ohttp_relay_quote_signed(ngx_ohttp_relay_slice_t *rest,
    ngx_ohttp_relay_quote_t *quote)
{
    size_t                    nul;
    ngx_ohttp_relay_slice_t   data, len;

    if (ngx_ohttp_relay_quote_take(rest, 64, &quote->signature)
        != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_quote_take(rest, 64, &quote->key)
           != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_quote_certification(rest,
                                               NGX_OHTTP_RELAY_QUOTE_REPORT,
                                               &data)
           != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_quote_take(&data, NGX_OHTTP_RELAY_QUOTE_QE,
                                      &quote->qe_report)
           != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_quote_take(&data, 64, &quote->qe_signature)
           != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_quote_take(&data, 2, &len) != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_quote_take(&data, ngx_ohttp_relay_le16(len.data),
                                      &quote->qe_auth)
           != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_quote_certification(&data,
                                               NGX_OHTTP_RELAY_QUOTE_CHAIN,
                                               &quote->pck)
           != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    ngx_ohttp_relay_quote_qe(quote);

    /* the text ends as a string of C, or does not */

    nul = quote->pck.len
          && quote->pck.data[quote->pck.len - 1] == '\0' ? 1 : 0;

    quote->pck.len -= nul;

    return NGX_OHTTP_RELAY_OK;
}


/* what is left of rest: its type, its length, and all of it */

static int
ngx_ohttp_relay_quote_certification(ngx_ohttp_relay_slice_t *rest,
    unsigned type, ngx_ohttp_relay_slice_t *data)
{
    ngx_ohttp_relay_slice_t  head;

    if (ngx_ohttp_relay_quote_take(rest, 6, &head) != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_le16(head.data) != type
        || ngx_ohttp_relay_le32(head.data + 2) != rest->len)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return ngx_ohttp_relay_quote_take(rest, rest->len, data);
}


static void
ngx_ohttp_relay_quote_qe(ngx_ohttp_relay_quote_t *quote)
{
    const u_char  *p;

    p = quote->qe_report.data;

    ngx_ohttp_relay_quote_field(p + 16, 4, &quote->qe_miscselect);
    ngx_ohttp_relay_quote_field(p + 48, 16, &quote->qe_attributes);
    ngx_ohttp_relay_quote_field(p + 128, 32, &quote->qe_mrsigner);
    ngx_ohttp_relay_quote_field(p + 320, 64, &quote->qe_report_data);

    quote->qe_isvprodid = ngx_ohttp_relay_le16(p + 256);
    quote->qe_isvsvn = ngx_ohttp_relay_le16(p + 258);
}


static int
ngx_ohttp_relay_quote_take(ngx_ohttp_relay_slice_t *rest, size_t len,
    ngx_ohttp_relay_slice_t *taken)
{
    if (rest->len < len) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    taken->data = rest->data;
    taken->len = len;

    rest->data += len;
    rest->len -= len;

    return NGX_OHTTP_RELAY_OK;
}


static void
ngx_ohttp_relay_quote_field(const u_char *p, size_t len,
    ngx_ohttp_relay_slice_t *field)
{
    field->data = p;
    field->len = len;
}
