
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_PKI_H_INCLUDED_
#define _NGX_OHTTP_RELAY_PKI_H_INCLUDED_


/*
 * Authorities for tests: keys, certificates and revocation lists, made by
 * OpenSSL alone.  What cannot be made ends the test.
 */


#include "tap.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>


/* an extension that OpenSSL does not know */

typedef struct {
    const char   *oid;
    const u_char *der;
    size_t        len;
} pki_extension_t;


/* the values of extensions as OpenSSL writes them; NULL: there is none */

typedef struct {
    const char             *name;       /* CN of the subject */
    EVP_PKEY               *key;
    X509                   *issuer;     /* NULL: issued by itself */
    EVP_PKEY               *issuer_key;
    int64_t                 from;
    int64_t                 until;
    const char             *basic;
    const char             *usage;
    int                     ids;        /* with identifiers of both keys */
    const pki_extension_t  *more;
    size_t                  nmore;
} pki_cert_t;


static __attribute__((unused)) void
pki_must(int ok, const char *what)
{
    if (!ok) {
        printf("Bail out! cannot make %s\n", what);
        exit(2);
    }
}


static __attribute__((unused)) EVP_PKEY *
pki_key(const char *curve)
{
    EVP_PKEY  *key;

    key = EVP_EC_gen(curve);
    pki_must(key != NULL, "a key");

    return key;
}


static void
pki_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX       ctx;
    X509_EXTENSION  *extension;

    if (value == NULL) {
        return;
    }

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);

    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    pki_must(extension != NULL && X509_add_ext(cert, extension, -1) == 1,
             "an extension");

    X509_EXTENSION_free(extension);
}


static void
pki_raw_extension(X509 *cert, const pki_extension_t *as)
{
    ASN1_OBJECT        *object;
    X509_EXTENSION     *extension;
    ASN1_OCTET_STRING  *string;

    object = OBJ_txt2obj(as->oid, 1);
    string = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(string, as->der, (int) as->len);

    extension = X509_EXTENSION_create_by_OBJ(NULL, object, 0, string);
    pki_must(extension != NULL && X509_add_ext(cert, extension, -1) == 1,
             "an extension");

    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(string);
    ASN1_OBJECT_free(object);
}


static __attribute__((unused)) X509 *
pki_certificate(const pki_cert_t *as)
{
    X509         *cert, *issuer;
    size_t        i;
    X509_NAME    *name;
    static long   serial;

    cert = X509_new();
    issuer = as->issuer ? as->issuer : cert;

    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
    ASN1_TIME_set(X509_getm_notBefore(cert), as->from);
    ASN1_TIME_set(X509_getm_notAfter(cert), as->until);
    X509_set_pubkey(cert, as->key);

    name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               (const u_char *) as->name, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(issuer));

    pki_extension(cert, issuer, NID_basic_constraints, as->basic);
    pki_extension(cert, issuer, NID_key_usage, as->usage);

    if (as->ids) {
        pki_extension(cert, issuer, NID_subject_key_identifier, "hash");
        pki_extension(cert, issuer, NID_authority_key_identifier, "keyid");
    }

    for (i = 0; i < as->nmore; i++) {
        pki_raw_extension(cert, &as->more[i]);
    }

    pki_must(X509_sign(cert, as->issuer_key ? as->issuer_key : as->key,
                       EVP_get_digestbyname("SHA384"))
             > 0, "a certificate");

    return cert;
}


/* a list of one certificate that is revoked, or of none */

static __attribute__((unused)) X509_CRL *
pki_crl(X509 *issuer, EVP_PKEY *key, int64_t from, int64_t until,
    X509 *revoked)
{
    X509_CRL        *crl;
    X509V3_CTX       ctx;
    ASN1_TIME       *time;
    ASN1_INTEGER    *number;
    X509_REVOKED    *entry;
    X509_EXTENSION  *extension;

    crl = X509_CRL_new();
    time = ASN1_TIME_new();

    X509_CRL_set_version(crl, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer));

    ASN1_TIME_set(time, from);
    X509_CRL_set1_lastUpdate(crl, time);
    ASN1_TIME_set(time, until);
    X509_CRL_set1_nextUpdate(crl, time);

    if (revoked != NULL) {
        entry = X509_REVOKED_new();
        ASN1_TIME_set(time, from);
        X509_REVOKED_set_revocationDate(entry, time);
        X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked));
        X509_CRL_add0_revoked(crl, entry);
    }

    number = ASN1_INTEGER_new();
    ASN1_INTEGER_set(number, 1);
    X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0);

    X509V3_set_ctx(&ctx, issuer, NULL, NULL, crl, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier,
                                    "keyid");
    pki_must(extension != NULL && X509_CRL_add_ext(crl, extension, -1) == 1,
             "an extension");
    X509_EXTENSION_free(extension);

    pki_must(X509_CRL_sign(crl, key, EVP_sha256()) > 0, "a list");

    ASN1_INTEGER_free(number);
    ASN1_TIME_free(time);

    return crl;
}


/* r and s of a signature, each of len bytes; returns the length of the DER */

static __attribute__((unused)) size_t
pki_sign(EVP_PKEY *key, const EVP_MD *md, const u_char *p, size_t size,
    u_char *out, int len, u_char *der)
{
    size_t         n;
    ECDSA_SIG     *sig;
    EVP_MD_CTX    *ctx;
    const u_char  *q;

    n = 256;
    ctx = EVP_MD_CTX_new();

    EVP_DigestSignInit(ctx, NULL, md, NULL, key);
    pki_must(EVP_DigestSign(ctx, der, &n, p, size) == 1, "a signature");
    EVP_MD_CTX_free(ctx);

    q = der;
    sig = d2i_ECDSA_SIG(NULL, &q, n);

    BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, len);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + len, len);

    ECDSA_SIG_free(sig);

    return n;
}


#endif /* _NGX_OHTTP_RELAY_PKI_H_INCLUDED_ */
