
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "pck.h"
#include "der.h"


#define NGX_OHTTP_RELAY_PCK_OID  "1.2.840.113741.1.13.1"

/* numbers behind that one, and behind that of the TCB */
#define NGX_OHTTP_RELAY_PCK_TCB     2
#define NGX_OHTTP_RELAY_PCK_PCEID   3
#define NGX_OHTTP_RELAY_PCK_FMSPC   4
#define NGX_OHTTP_RELAY_PCK_PCESVN  17

/* bits of what was there */
#define NGX_OHTTP_RELAY_PCK_ALL     0x07
#define NGX_OHTTP_RELAY_PCK_SVNS    0x1ffff


static int ngx_ohttp_relay_pck_member(const u_char **p, const u_char *last,
    size_t depth, unsigned *number, ngx_ohttp_relay_slice_t *value);
static int ngx_ohttp_relay_pck_octets(const ngx_ohttp_relay_slice_t *value,
    u_char *out, size_t len);
static int ngx_ohttp_relay_pck_tcb(const ngx_ohttp_relay_slice_t *value,
    ngx_ohttp_relay_pck_t *pck);


/* 1.2.840.113741.1.13.1 as it is encoded */

static const u_char  ngx_ohttp_relay_pck_oid[] = {
    0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01
};


int
ngx_ohttp_relay_pck_parse(const u_char *p, const u_char *last,
    ngx_ohttp_relay_pck_t *pck)
{
    int                       rc;
    unsigned                  bit, number, seen;
    const u_char             *q;
    ngx_ohttp_relay_slice_t   all, value;

    if (ngx_ohttp_relay_der(&p, last, NGX_OHTTP_RELAY_DER_SEQUENCE, &all)
        != NGX_OHTTP_RELAY_OK
        || p != last)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    q = all.data;
    last = q + all.len;

    for (seen = 0; q < last; /* void */ ) {

        if (ngx_ohttp_relay_pck_member(&q, last, 1, &number, &value)
            != NGX_OHTTP_RELAY_OK)
        {
            return NGX_OHTTP_RELAY_ERROR;
        }

        switch (number) {

        case NGX_OHTTP_RELAY_PCK_TCB:
            rc = ngx_ohttp_relay_pck_tcb(&value, pck);
            break;

        case NGX_OHTTP_RELAY_PCK_PCEID:
            rc = ngx_ohttp_relay_pck_octets(&value, pck->pceid, 2);
            break;

        case NGX_OHTTP_RELAY_PCK_FMSPC:
            rc = ngx_ohttp_relay_pck_octets(&value, pck->fmspc, 6);
            break;

        default:
            continue;
        }

        bit = 1U << (number - NGX_OHTTP_RELAY_PCK_TCB);

        if (rc != NGX_OHTTP_RELAY_OK || seen & bit) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        seen |= bit;
    }

    return seen == NGX_OHTTP_RELAY_PCK_ALL ? NGX_OHTTP_RELAY_OK
                                           : NGX_OHTTP_RELAY_ERROR;
}


/*
 * A sequence of an identifier, which is that of the extension and depth numbers
 * below 128 more, of which the last one is returned, and of a value.
 */

static int
ngx_ohttp_relay_pck_member(const u_char **p, const u_char *last, size_t depth,
    unsigned *number, ngx_ohttp_relay_slice_t *value)
{
    size_t                    len;
    const u_char             *q;
    ngx_ohttp_relay_slice_t   member, oid;

    if (ngx_ohttp_relay_der(p, last, NGX_OHTTP_RELAY_DER_SEQUENCE, &member)
        != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    q = member.data;
    last = q + member.len;
    len = sizeof(ngx_ohttp_relay_pck_oid);

    if (ngx_ohttp_relay_der(&q, last, NGX_OHTTP_RELAY_DER_OID, &oid)
        != NGX_OHTTP_RELAY_OK
        || oid.len != len + depth
        || memcmp(oid.data, ngx_ohttp_relay_pck_oid, len) != 0
        || (depth == 2 && oid.data[len] != NGX_OHTTP_RELAY_PCK_TCB)
        || oid.data[oid.len - 1] & 0x80)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    *number = oid.data[oid.len - 1];

    value->data = q;
    value->len = last - q;

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_pck_octets(const ngx_ohttp_relay_slice_t *value, u_char *out,
    size_t len)
{
    const u_char             *p, *last;
    ngx_ohttp_relay_slice_t   octets;

    p = value->data;
    last = p + value->len;

    if (ngx_ohttp_relay_der(&p, last, NGX_OHTTP_RELAY_DER_OCTETS, &octets)
        != NGX_OHTTP_RELAY_OK
        || p != last || octets.len != len)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    memcpy(out, octets.data, len);

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_pck_tcb(const ngx_ohttp_relay_slice_t *value,
    ngx_ohttp_relay_pck_t *pck)
{
    unsigned                  n, number, seen;
    const u_char             *p, *q, *last;
    ngx_ohttp_relay_slice_t   all, svn;

    p = value->data;
    last = p + value->len;

    if (ngx_ohttp_relay_der(&p, last, NGX_OHTTP_RELAY_DER_SEQUENCE, &all)
        != NGX_OHTTP_RELAY_OK
        || p != last)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    p = all.data;
    last = p + all.len;

    for (seen = 0; p < last; /* void */ ) {

        if (ngx_ohttp_relay_pck_member(&p, last, 2, &number, &svn)
            != NGX_OHTTP_RELAY_OK)
        {
            return NGX_OHTTP_RELAY_ERROR;
        }

        if (number == 0 || number > NGX_OHTTP_RELAY_PCK_PCESVN) {
            continue;
        }

        q = svn.data;

        if (ngx_ohttp_relay_der_number(&q, q + svn.len, &n)
            != NGX_OHTTP_RELAY_OK
            || q != svn.data + svn.len || seen & 1U << (number - 1))
        {
            return NGX_OHTTP_RELAY_ERROR;
        }

        seen |= 1U << (number - 1);

        if (number == NGX_OHTTP_RELAY_PCK_PCESVN) {
            pck->pcesvn = n;

        } else {
            pck->components[number - 1] = n;
        }
    }

    return seen == NGX_OHTTP_RELAY_PCK_SVNS ? NGX_OHTTP_RELAY_OK
                                            : NGX_OHTTP_RELAY_ERROR;
}


int
ngx_ohttp_relay_pck(X509 *cert, ngx_ohttp_relay_pck_t *pck)
{
    int                  i;
    ASN1_OBJECT         *oid;
    const u_char        *p;
    X509_EXTENSION      *extension;
    ASN1_OCTET_STRING   *octets;

    oid = OBJ_txt2obj(NGX_OHTTP_RELAY_PCK_OID, 1);
    if (oid == NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    i = X509_get_ext_by_OBJ(cert, oid, -1);

    if (i < 0 || X509_get_ext_by_OBJ(cert, oid, i) >= 0) {
        ASN1_OBJECT_free(oid);
        return NGX_OHTTP_RELAY_ERROR;
    }

    ASN1_OBJECT_free(oid);

    extension = X509_get_ext(cert, i);
    octets = X509_EXTENSION_get_data(extension);
    p = ASN1_STRING_get0_data(octets);

    return ngx_ohttp_relay_pck_parse(p, p + ASN1_STRING_length(octets), pck);
}
