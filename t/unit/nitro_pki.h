
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_NITRO_PKI_H_INCLUDED_
#define _NGX_OHTTP_RELAY_NITRO_PKI_H_INCLUDED_


/*
 * An AWS of our own: the certificates that stand behind a document, right ones
 * and wrong ones, and documents that are signed under them.
 */


#include "pki.h"
#include "hex.h"


#define ENCLAVE_NOW    1770000000LL
#define ENCLAVE_HOUR   3600LL
#define ENCLAVE_DAY    (24 * ENCLAVE_HOUR)

/* root, regional, zonal, instance, leaf */
#define ENCLAVE_CERTS  5

#define ENCLAVE_MAX    65536


/* what is wrong with the certificates */

typedef enum {
    PKI_GOOD = 0,
    PKI_FOREIGN,            /* all right, but for the root */
    PKI_LEAF_CA,
    PKI_LEAF_NO_USAGE,      /* without the extension */
    PKI_LEAF_AGREEMENT,     /* keyAgreement only */
    PKI_LEAF_CERT_SIGN,     /* digitalSignature and keyCertSign */
    PKI_LEAF_P256,
    PKI_LEAF_EXPIRED,
    PKI_LEAF_FUTURE,
    PKI_ZONAL_EXPIRED,
    PKI_ZONAL_FUTURE,
    PKI_ROOT_EXPIRED,
    PKI_PATH_LENGTH,        /* the zonal one may not have another below */
    PKI_ISSUER_NO_CA,
    PKI_ISSUER_NO_BASIC,    /* keyCertSign and no basic constraints */
    PKI_ISSUER_NO_SIGN,     /* CA without keyCertSign */
    PKI_LEAF_BY_ZONAL,      /* not by the instance */
    PKI_MAX
} enclave_pki_e;


typedef struct {
    EVP_PKEY  *keys[ENCLAVE_CERTS];
    X509      *certs[ENCLAVE_CERTS];
} enclave_pki_t;


typedef struct {
    u_char  data[ENCLAVE_MAX];
    size_t  len;
} enclave_buf_t;


static void
enclave_pki_wrong(enclave_pki_e kind, int i, pki_cert_t *as)
{
    if (i == 4) {

        switch (kind) {

        case PKI_LEAF_CA:
            as->basic = "critical,CA:TRUE";
            break;

        case PKI_LEAF_NO_USAGE:
            as->usage = NULL;
            break;

        case PKI_LEAF_AGREEMENT:
            as->usage = "critical,keyAgreement";
            break;

        case PKI_LEAF_CERT_SIGN:
            as->usage = "critical,digitalSignature,keyCertSign";
            break;

        case PKI_LEAF_EXPIRED:
            as->until = ENCLAVE_NOW - 1;
            break;

        case PKI_LEAF_FUTURE:
            as->from = ENCLAVE_NOW + 60;
            break;

        default:
            break;
        }
    }

    if (i == 2 && kind == PKI_ZONAL_EXPIRED) {
        as->until = ENCLAVE_NOW - 1;
    }

    if (i == 2 && kind == PKI_ZONAL_FUTURE) {
        as->from = ENCLAVE_NOW + 60;
    }

    if (i == 2 && kind == PKI_PATH_LENGTH) {
        as->basic = "critical,CA:TRUE,pathlen:0";
    }

    if (i == 0 && kind == PKI_ROOT_EXPIRED) {
        as->until = ENCLAVE_NOW - 1;
    }

    if (i == 3 && kind == PKI_ISSUER_NO_CA) {
        as->basic = "critical,CA:FALSE";
    }

    if (i == 3 && kind == PKI_ISSUER_NO_BASIC) {
        as->basic = NULL;
    }

    if (i == 3 && kind == PKI_ISSUER_NO_SIGN) {
        as->usage = "critical,cRLSign";
    }
}


/* made once for each kind; a good root stands above all but the foreign ones */

static enclave_pki_t *
enclave_pki(enclave_pki_e kind)
{
    int                   i, up;
    pki_cert_t            as;
    enclave_pki_t        *pki;

    static enclave_pki_t  all[PKI_MAX];

    static const char    *basic[ENCLAVE_CERTS] = {
        "critical,CA:TRUE", "critical,CA:TRUE,pathlen:2",
        "critical,CA:TRUE,pathlen:1", "critical,CA:TRUE,pathlen:0",
        "critical,CA:FALSE"
    };

    static const char    *names[ENCLAVE_CERTS] = {
        "test.nitro-enclaves", "regional", "zonal", "instance", "leaf"
    };

    static const int64_t  lives[ENCLAVE_CERTS] = {
        3650 * ENCLAVE_DAY, 20 * ENCLAVE_DAY, 6 * ENCLAVE_DAY, ENCLAVE_DAY,
        3 * ENCLAVE_HOUR
    };

    pki = &all[kind];

    for (i = 0; i < ENCLAVE_CERTS && pki->certs[i] == NULL; i++) {

        pki->keys[i] = pki_key(i == 4 && kind == PKI_LEAF_P256 ? "P-256"
                                                               : "P-384");

        if (i == 0 && kind != PKI_FOREIGN && kind != PKI_ROOT_EXPIRED
            && kind != PKI_GOOD)
        {
            EVP_PKEY_free(pki->keys[0]);
            *pki = *enclave_pki(PKI_GOOD);
            memset(&pki->certs[1], 0, 4 * sizeof(X509 *));
            continue;
        }

        up = i - 1 - (i == 4 && kind == PKI_LEAF_BY_ZONAL);

        memset(&as, 0, sizeof(as));

        as.name = names[i];
        as.key = pki->keys[i];
        as.issuer = i ? pki->certs[up] : NULL;
        as.issuer_key = i ? pki->keys[up] : NULL;
        as.from = ENCLAVE_NOW - 3;
        as.until = ENCLAVE_NOW - 3 + lives[i];
        as.basic = basic[i];
        as.usage = i == 4 ? "critical,digitalSignature,nonRepudiation"
                          : "critical,digitalSignature,keyCertSign,cRLSign";
        as.ids = i != 4;

        enclave_pki_wrong(kind, i, &as);

        pki->certs[i] = pki_certificate(&as);
    }

    return pki;
}


static void
enclave_raw(enclave_buf_t *b, const void *data, size_t len)
{
    pki_must(b->len + len <= ENCLAVE_MAX, "so long a document");
    memcpy(b->data + b->len, data, len);
    b->len += len;
}


static void
enclave_hex(enclave_buf_t *b, const char *hex)
{
    size_t  len;

    len = strlen(hex);

    pki_must(b->len + len / 2 <= ENCLAVE_MAX
             && ngx_ohttp_relay_hex((const u_char *) hex,
                                    (const u_char *) hex + len,
                                    b->data + b->len)
                == NGX_OHTTP_RELAY_OK, "bytes of such digits");
    b->len += len / 2;
}


static void
enclave_head(enclave_buf_t *b, unsigned major, size_t n)
{
    u_char  head[3];

    head[0] = (u_char) (major << 5 | (n < 24 ? n : n < 256 ? 24 : 25));
    head[1] = (u_char) (n < 256 ? n : n >> 8);
    head[2] = (u_char) n;

    enclave_raw(b, head, n < 24 ? 1 : n < 256 ? 2 : 3);
}


static void
enclave_bytes(enclave_buf_t *b, const void *data, size_t len)
{
    enclave_head(b, 2, len);
    enclave_raw(b, data, len);
}


static void
enclave_text(enclave_buf_t *b, const char *text)
{
    enclave_head(b, 3, strlen(text));
    enclave_raw(b, text, strlen(text));
}


static void
enclave_certificate(enclave_buf_t *b, X509 *cert)
{
    int      len;
    u_char  *der;

    der = NULL;
    len = i2d_X509(cert, &der);
    pki_must(len > 0, "DER");

    enclave_bytes(b, der, len);
    OPENSSL_free(der);
}


#endif /* _NGX_OHTTP_RELAY_NITRO_PKI_H_INCLUDED_ */
