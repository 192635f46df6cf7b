
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_TDX_PKI_H_INCLUDED_
#define _NGX_OHTTP_RELAY_TDX_PKI_H_INCLUDED_


/*
 * An Intel of our own: its authorities, a platform, the collateral for it, and
 * quotes that the platform makes.  Each can have one thing that is wrong.
 */


#include "pki.h"


#define TDX_NOW   1770000000LL
#define TDX_DAY   (24 * 3600LL)

#define TDX_MAX   65536


typedef enum {
    TDX_GOOD = 0,

    /* quotes that are right too */

    TDX_VERSION_5,
    TDX_VERSION_5_TD_15,
    TDX_PADDED,
    TDX_NO_NUL,
    TDX_NO_AUTH,
    TDX_MODULE_0,               /* tdxModule, no identity */
    TDX_SECOND_LEVEL,           /* OutOfDate */
    TDX_QE_OUT_OF_DATE,
    TDX_MODULE_OUT_OF_DATE,
    TDX_HARDENING,
    TDX_REVOKED_STATUS,
    TDX_UNKNOWN_STATUS,
    TDX_DEBUG,
    TDX_CONFIG_ID,              /* not zero */

    /* quotes that cannot be read */

    TDX_VERSION_3,
    TDX_KEY_TYPE,
    TDX_SGX,
    TDX_BODY_TYPE,
    TDX_BODY_SIZE,
    TDX_BODY_OTHER_SIZE,        /* that of the other type */
    TDX_AUTH_SHORT,             /* lengths that are one less */
    TDX_AUTH_LONG,
    TDX_REPORT_SHORT,
    TDX_REPORT_LONG,
    TDX_QE_AUTH_LONG,
    TDX_CHAIN_SHORT,
    TDX_CHAIN_LONG,
    TDX_REPORT_TYPE,
    TDX_CHAIN_TYPE,
    TDX_PAD_ONE,                /* a byte that is not zero */
    TDX_PAD_LONG,
    TDX_TWO_CERTIFICATES,
    TDX_FOUR_CERTIFICATES,
    TDX_TEXT_BETWEEN,

    /* quotes that nobody vouches for */

    TDX_VENDOR,
    TDX_SIGNATURE,
    TDX_QE_SIGNATURE,
    TDX_QE_DATA,                /* not the key's hash */
    TDX_QE_DATA_TAIL,           /* not zero */
    TDX_QE_AUTH,                /* changed afterwards */
    TDX_KEY,                    /* not on the curve */
    TDX_ROOT_COPY,
    TDX_FOREIGN,
    TDX_PCK_CA,
    TDX_PCK_P384,
    TDX_PCK_EXPIRED,
    TDX_PCK_NO_EXTENSION,
    TDX_PCK_SHORT_EXTENSION,
    TDX_PCK_REVOKED,
    TDX_CA_REVOKED,
    TDX_CA_EXPIRED,

    /* collateral that is wrong */

    TDX_SIGNER_REVOKED,
    TDX_SIGNER_PCK,
    TDX_SIGNER_NAME,
    TDX_SIGNER_BY_CA,
    TDX_SIGNER_FOREIGN,
    TDX_INFO_SIGNATURE,
    TDX_INFO_EXPIRED,
    TDX_INFO_FUTURE,
    TDX_INFO_SGX,
    TDX_INFO_VERSION,
    TDX_INFO_FMSPC,
    TDX_INFO_PCEID,
    TDX_INFO_EVALUATION,
    TDX_INFO_TIME,              /* not one of this form */
    TDX_QE_EXPIRED,
    TDX_QE_SGX,
    TDX_QE_EVALUATION,
    TDX_QE_SIGNATURE_INFO,      /* of the QE identity */
    TDX_CRL_EXPIRED,
    TDX_CRL_OTHER,              /* of another authority */
    TDX_ROOT_CRL_EXPIRED,
    TDX_ROOT_CRL_MISSING,       /* that of the PCK twice */

    /* platforms that are not good enough */

    TDX_COMPONENT,              /* below all levels */
    TDX_PCESVN,
    TDX_TDX_COMPONENT,
    TDX_MODULE_UNKNOWN,
    TDX_MODULE_SVN,
    TDX_MODULE_SIGNER,
    TDX_MODULE_ATTRIBUTES,
    TDX_QE_SIGNER,
    TDX_QE_PRODUCT,
    TDX_QE_SVN,
    TDX_QE_ATTRIBUTES,
    TDX_QE_MISCSELECT,

    /* bundles that are none */

    TDX_BUNDLE_CUT,
    TDX_BUNDLE_TWICE,           /* a member */
    TDX_BUNDLE_NO_CRL,
    TDX_BUNDLE_NO_INFO,
    TDX_BUNDLE_CRL_TRAILING
} tdx_wrong_e;


typedef struct {
    u_char  data[TDX_MAX];
    size_t  len;
} tdx_buf_t;


typedef struct {
    EVP_PKEY  *root_key, *ca_key, *pck_key, *signer_key, *quote_key;
    X509      *root, *ca, *pck, *signer, *foreign;
} tdx_pki_t;


static void
tdx_put(tdx_buf_t *b, const void *data, size_t len)
{
    pki_must(b->len + len <= TDX_MAX, "so long a quote");
    memcpy(b->data + b->len, data, len);
    b->len += len;
}


static void
tdx_byte(tdx_buf_t *b, int byte, size_t n)
{
    pki_must(b->len + n <= TDX_MAX, "so long a quote");
    memset(b->data + b->len, byte, n);
    b->len += n;
}


static __attribute__((unused)) void
tdx_number(tdx_buf_t *b, unsigned long n, size_t len)
{
    for ( /* void */ ; len > 0; len--, n >>= 8) {
        tdx_byte(b, n & 0xff, 1);
    }
}


/* an element of DER around what another buffer has */

static void
tdx_der(tdx_buf_t *b, int tag, const tdx_buf_t *content)
{
    tdx_byte(b, tag, 1);

    if (content->len >= 0x100) {
        tdx_byte(b, 0x82, 1);
        tdx_byte(b, (int) (content->len >> 8), 1);

    } else if (content->len >= 0x80) {
        tdx_byte(b, 0x81, 1);
    }

    tdx_byte(b, (int) (content->len & 0xff), 1);
    tdx_put(b, content->data, content->len);
}


/* a member of the extension: its number, or two, and its value */

static void
tdx_member(tdx_buf_t *b, int first, int second, int tag, const void *data,
    size_t len)
{
    static tdx_buf_t  oid, value, both;

    oid.len = value.len = both.len = 0;

    tdx_put(&oid, "\x2a\x86\x48\x86\xf8\x4d\x01\x0d\x01", 9);
    tdx_byte(&oid, first, 1);

    if (second) {
        tdx_byte(&oid, second, 1);
    }

    tdx_put(&value, data, len);

    tdx_der(&both, 0x06, &oid);
    tdx_der(&both, tag, &value);
    tdx_der(b, 0x30, &both);
}


/* components 5, PCESVN 11, PCE id 0000, FMSPC 010203040506 */

static void
tdx_extension(tdx_wrong_e wrong, tdx_buf_t *b)
{
    int               i;

    static tdx_buf_t  tcb, all;

    tcb.len = all.len = b->len = 0;

    for (i = 1; i <= 17; i++) {
        tdx_member(&tcb, 2, i, 0x02,
                   i < 17 ? (wrong == TDX_COMPONENT && i == 16 ? "\1" : "\5")
                          : (wrong == TDX_PCESVN ? "\3" : "\13"), 1);
    }

    tdx_member(&tcb, 2, 18, 0x04, "0123456789abcdef", 16);

    tdx_member(&all, 1, 0, 0x04, "0123456789abcdef", 16);
    tdx_member(&all, 2, 0, 0x30, tcb.data, tcb.len);
    tdx_member(&all, 3, 0, 0x04, "\0\0", 2);

    if (wrong != TDX_PCK_SHORT_EXTENSION) {
        tdx_member(&all, 4, 0, 0x04, "\1\2\3\4\5\6", 6);
    }

    tdx_member(&all, 5, 0, 0x0a, "\0", 1);

    tdx_der(b, 0x30, &all);
}


static X509 *
tdx_certificate(const char *name, EVP_PKEY *key, X509 *issuer,
    EVP_PKEY *issuer_key, int64_t until, const char *basic, const char *usage,
    const tdx_buf_t *extension)
{
    pki_cert_t       as;
    pki_extension_t  more;

    memset(&as, 0, sizeof(as));

    as.name = name;
    as.key = key;
    as.issuer = issuer;
    as.issuer_key = issuer_key;
    as.from = TDX_NOW - TDX_DAY;
    as.until = until;
    as.basic = basic;
    as.usage = usage;
    as.ids = 1;

    if (extension != NULL) {
        more.oid = "1.2.840.113741.1.13.1";
        more.der = extension->data;
        more.len = extension->len;
        as.more = &more;
        as.nmore = 1;
    }

    return pki_certificate(&as);
}


/* the certificate of a platform */

static X509 *
tdx_platform(tdx_wrong_e wrong, tdx_pki_t *pki, EVP_PKEY *key)
{
    int64_t           until;
    const char       *basic, *usage;

    static tdx_buf_t  extension;

    tdx_extension(wrong, &extension);

    until = wrong == TDX_PCK_EXPIRED ? TDX_NOW - 1 : TDX_NOW + 1000 * TDX_DAY;

    if (wrong == TDX_PCK_CA) {
        basic = "critical,CA:TRUE";
        usage = "critical,keyCertSign";

    } else {
        basic = "critical,CA:FALSE";
        usage = "critical,digitalSignature,nonRepudiation";
    }

    return tdx_certificate("Intel SGX PCK Certificate", key, pki->ca,
                           pki->ca_key, until, basic, usage,
                           wrong == TDX_PCK_NO_EXTENSION ? NULL : &extension);
}


/* keys are made once, certificates each time */

static __attribute__((unused)) void
tdx_authorities(tdx_wrong_e wrong, tdx_pki_t *pki)
{
    int64_t           far;

    static EVP_PKEY  *keys[6];

    if (keys[0] == NULL) {
        keys[0] = pki_key("P-256");
        keys[1] = pki_key("P-256");
        keys[2] = pki_key("P-256");
        keys[3] = pki_key("P-256");
        keys[4] = pki_key("P-256");
        keys[5] = pki_key("P-384");
    }

    pki->root_key = keys[0];
    pki->ca_key = keys[1];
    pki->pck_key = keys[2];
    pki->signer_key = keys[3];
    pki->quote_key = keys[4];

    far = TDX_NOW + 1000 * TDX_DAY;

    pki->root = tdx_certificate("Intel SGX Root CA", pki->root_key, NULL, NULL,
                                far, "critical,CA:TRUE,pathlen:1",
                                "critical,keyCertSign,cRLSign", NULL);

    pki->foreign = tdx_certificate("Intel SGX Root CA", pki->signer_key, NULL,
                                   NULL, far, "critical,CA:TRUE,pathlen:1",
                                   "critical,keyCertSign,cRLSign", NULL);

    pki->ca = tdx_certificate("Intel SGX PCK Platform CA", pki->ca_key,
                              wrong == TDX_FOREIGN ? pki->foreign : pki->root,
                              wrong == TDX_FOREIGN ? pki->signer_key
                                                   : pki->root_key,
                              wrong == TDX_CA_EXPIRED ? TDX_NOW - 1 : far,
                              "critical,CA:TRUE,pathlen:0",
                              "critical,keyCertSign,cRLSign", NULL);

    pki->pck = tdx_platform(wrong, pki, wrong == TDX_PCK_P384 ? keys[5]
                                                              : keys[2]);

    pki->signer = tdx_certificate(wrong == TDX_SIGNER_NAME
                                  ? "Intel SGX TCB Signing 2"
                                  : "Intel SGX TCB Signing", pki->signer_key,
                                  wrong == TDX_SIGNER_BY_CA ? pki->ca
                                                            : pki->root,
                                  wrong == TDX_SIGNER_BY_CA ? pki->ca_key
                                                            : pki->root_key,
                                  far, "critical,CA:FALSE",
                                  "critical,digitalSignature,nonRepudiation",
                                  NULL);
}


static __attribute__((unused)) void
tdx_forget(tdx_pki_t *pki)
{
    X509_free(pki->root);
    X509_free(pki->ca);
    X509_free(pki->pck);
    X509_free(pki->signer);
    X509_free(pki->foreign);
}


/* certificates as text; returns its length */

static __attribute__((unused)) size_t
tdx_pem(X509 **certs, int n, char *out)
{
    int      i, len, k;
    char     text[8192], *start;
    u_char  *der;

    for (start = out, i = 0; i < n; i++) {

        der = NULL;
        len = i2d_X509(certs[i], &der);
        EVP_EncodeBlock((u_char *) text, der, len);
        OPENSSL_free(der);

        out += sprintf(out, "-----BEGIN CERTIFICATE-----\n");

        for (k = 0; text[k]; k += 64) {
            out += sprintf(out, "%.64s\n", text + k);

            if (strlen(text + k) <= 64) {
                break;
            }
        }

        out += sprintf(out, "-----END CERTIFICATE-----\n");
    }

    return out - start;
}


#endif /* _NGX_OHTTP_RELAY_TDX_PKI_H_INCLUDED_ */
