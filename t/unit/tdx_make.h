
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_TDX_MAKE_H_INCLUDED_
#define _NGX_OHTTP_RELAY_TDX_MAKE_H_INCLUDED_


/* quotes and collateral of the platform in tdx_pki.h */


#include "tdx_pki.h"

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/sha.h>


/* what the RTMRs and the report data of a quote are */
static u_char  tdx_rtmrs[4][48];
static u_char  tdx_report_data[64];


static void
tdx_body(tdx_wrong_e wrong, tdx_buf_t *b)
{
    int  i;

    /* versions of the module, and of the microcode behind it */

    tdx_byte(b, wrong == TDX_MODULE_SVN ? 1
                : wrong == TDX_MODULE_OUT_OF_DATE ? 2 : 6, 1);
    tdx_byte(b, wrong == TDX_MODULE_0 ? 0
                : wrong == TDX_MODULE_UNKNOWN ? 9 : 1, 1);
    tdx_byte(b, wrong == TDX_TDX_COMPONENT ? 0
                : wrong == TDX_SECOND_LEVEL ? 1 : 3, 1);
    tdx_byte(b, 0, 13);

    tdx_byte(b, 0x70, 48);
    tdx_byte(b, wrong == TDX_MODULE_SIGNER, 48);
    tdx_byte(b, wrong == TDX_MODULE_ATTRIBUTES, 8);
    tdx_byte(b, wrong == TDX_DEBUG, 1);
    tdx_byte(b, 0, 7);
    tdx_byte(b, 0xe7, 8);
    tdx_byte(b, 0x11, 48);                      /* mrtd */
    tdx_byte(b, wrong == TDX_CONFIG_ID, 48);
    tdx_byte(b, 0, 96);

    for (i = 0; i < 4; i++) {
        tdx_put(b, tdx_rtmrs[i], 48);
    }

    tdx_put(b, tdx_report_data, 64);

    if (wrong == TDX_VERSION_5_TD_15) {
        tdx_byte(b, 0x66, 64);
    }
}


static void
tdx_header(tdx_wrong_e wrong, tdx_buf_t *b)
{
    int  five, td15;

    td15 = wrong == TDX_VERSION_5_TD_15;
    five = td15 || wrong == TDX_VERSION_5 || wrong == TDX_BODY_TYPE
           || wrong == TDX_BODY_SIZE || wrong == TDX_BODY_OTHER_SIZE;

    tdx_number(b, wrong == TDX_VERSION_3 ? 3 : five ? 5 : 4, 2);
    tdx_number(b, wrong == TDX_KEY_TYPE ? 3 : 2, 2);
    tdx_number(b, wrong == TDX_SGX ? 0 : 0x81, 4);
    tdx_byte(b, 0, 4);
    tdx_put(b, "\x93\x9a\x72\x33\xf7\x9c\x4c\xa9\x94\x0a\x0d\xb3\x95\x7f\x06",
            15);
    tdx_byte(b, wrong == TDX_VENDOR ? 8 : 7, 1);
    tdx_byte(b, 0, 20);

    if (five) {
        tdx_number(b, wrong == TDX_BODY_TYPE ? 1 : td15 ? 3 : 2, 2);
        tdx_number(b, wrong == TDX_BODY_SIZE ? 583
                      : td15 || wrong == TDX_BODY_OTHER_SIZE ? 648 : 584, 4);
    }
}


static void
tdx_point(EVP_PKEY *key, u_char *xy)
{
    size_t  len;
    u_char  point[65];

    pki_must(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY,
                                             point, sizeof(point), &len)
             == 1 && len == 65, "a point");

    memcpy(xy, point + 1, 64);
}


/* the quoting enclave's report, for a key and data beside it */

static void
tdx_report(tdx_wrong_e wrong, const u_char *xy, const char *auth,
    tdx_buf_t *b)
{
    u_char  both[128], digest[32];
    size_t  start;

    start = b->len;

    memcpy(both, xy, 64);
    memcpy(both + 64, auth, strlen(auth));
    SHA256(both, 64 + strlen(auth), digest);

    if (wrong == TDX_QE_DATA) {
        digest[31] ^= 1;
    }

    tdx_byte(b, 0, 384);
    memset(b->data + start + 16, wrong == TDX_QE_MISCSELECT, 4);
    b->data[start + 48] = wrong == TDX_QE_ATTRIBUTES ? 0x13 : 0x11;
    memset(b->data + start + 128, wrong == TDX_QE_SIGNER ? 0xdd : 0xdc, 32);
    b->data[start + 256] = wrong == TDX_QE_PRODUCT ? 3 : 2;
    b->data[start + 258] = wrong == TDX_QE_SVN ? 1
                           : wrong == TDX_QE_OUT_OF_DATE ? 4 : 6;
    memcpy(b->data + start + 320, digest, 32);
    b->data[start + 383] = wrong == TDX_QE_DATA_TAIL;
}


static void
tdx_chain(tdx_wrong_e wrong, tdx_pki_t *pki, tdx_buf_t *b)
{
    int     n;
    X509   *certs[4];
    size_t  len;
    char    text[16384];

    certs[0] = pki->pck;
    certs[1] = pki->ca;
    certs[2] = wrong == TDX_ROOT_COPY ? pki->foreign : pki->root;
    certs[3] = pki->root;

    n = wrong == TDX_TWO_CERTIFICATES ? 2
        : wrong == TDX_FOUR_CERTIFICATES ? 4 : 3;

    len = tdx_pem(certs, 1, text);

    if (wrong == TDX_TEXT_BETWEEN) {
        len += sprintf(text + len, "\n");
    }

    len += tdx_pem(certs + 1, n - 1, text + len);

    tdx_put(b, text, len);
    tdx_byte(b, 0, wrong != TDX_NO_NUL);
}


/* what the certification data of the quote has inside */

static void
tdx_certification(tdx_wrong_e wrong, tdx_pki_t *pki, const u_char *xy,
    tdx_buf_t *b)
{
    u_char            sig[96], der[256];
    EVP_PKEY         *key;
    const char       *auth;

    static tdx_buf_t  chain;

    chain.len = 0;
    auth = wrong == TDX_NO_AUTH ? "" : "authentication data";

    tdx_report(wrong, xy, auth, b);

    /* a certificate of P-384 has no key of this form: any will do */

    key = X509_get0_pubkey(pki->pck) ? pki->pck_key : NULL;
    pki_sign(wrong == TDX_QE_SIGNATURE ? pki->ca_key : key, EVP_sha256(),
             b->data, 384, sig, 32, der);
    tdx_put(b, sig, 64);

    tdx_number(b, strlen(auth) + (wrong == TDX_QE_AUTH_LONG), 2);
    tdx_put(b, wrong == TDX_QE_AUTH ? "authentication date" : auth,
            strlen(auth));

    tdx_chain(wrong, pki, &chain);
    tdx_number(b, wrong == TDX_CHAIN_TYPE ? 4 : 5, 2);
    tdx_number(b, chain.len - (wrong == TDX_CHAIN_SHORT)
                  + (wrong == TDX_CHAIN_LONG), 4);
    tdx_put(b, chain.data, chain.len);
}


static void
tdx_quote(tdx_wrong_e wrong, tdx_pki_t *pki, tdx_buf_t *b)
{
    u_char            sig[96], der[256], xy[64];

    static tdx_buf_t  auth, inner;

    b->len = auth.len = inner.len = 0;

    tdx_header(wrong, b);
    tdx_body(wrong, b);

    pki_sign(pki->quote_key, EVP_sha256(), b->data, b->len, sig, 32, der);
    tdx_point(pki->quote_key, xy);

    if (wrong == TDX_KEY) {
        xy[63] ^= 1;
    }

    if (wrong == TDX_SIGNATURE) {
        sig[63] ^= 1;
    }

    tdx_certification(wrong, pki, xy, &inner);

    tdx_put(&auth, sig, 64);
    tdx_put(&auth, xy, 64);
    tdx_number(&auth, wrong == TDX_REPORT_TYPE ? 5 : 6, 2);
    tdx_number(&auth, inner.len - (wrong == TDX_REPORT_SHORT)
                      + (wrong == TDX_REPORT_LONG), 4);
    tdx_put(&auth, inner.data, inner.len);

    tdx_number(b, auth.len - (wrong == TDX_AUTH_SHORT)
                  + (wrong == TDX_AUTH_LONG), 4);
    tdx_put(b, auth.data, auth.len);

    tdx_byte(b, 0, wrong == TDX_PADDED ? 4096
                   : wrong == TDX_PAD_LONG ? 4097 : 0);
    tdx_byte(b, 1, wrong == TDX_PAD_ONE);
}


static void
tdx_components(char *out, int least)
{
    int  i;

    for (i = 0; i < 16; i++) {
        out += sprintf(out, "%s{\"svn\":%d}", i ? "," : "", least);
    }
}


/* one level of TCB: all SGX components 5, and the third of TDX this one */

static int
tdx_level(char *out, int third, int pcesvn, const char *status)
{
    char  components[512];

    tdx_components(components, 5);

    return sprintf(out, "{\"tcb\":{\"sgxtcbcomponents\":[%s],\"pcesvn\":%d,"
                   "\"tdxtcbcomponents\":[{\"svn\":5},{\"svn\":0},"
                   "{\"svn\":%d},{\"svn\":0},{\"svn\":0},{\"svn\":0},"
                   "{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0},"
                   "{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0},"
                   "{\"svn\":0},{\"svn\":0}]},\"tcbStatus\":\"%s\"}",
                   components, pcesvn, third, status);
}


#define TDX_ZEROS16  "0000000000000000"
#define TDX_ZEROS96  TDX_ZEROS16 TDX_ZEROS16 TDX_ZEROS16 TDX_ZEROS16        \
                     TDX_ZEROS16 TDX_ZEROS16

#define TDX_MODULE                                                          \
    "\"mrsigner\":\"" TDX_ZEROS96 "\",\"attributes\":\"" TDX_ZEROS16        \
    "\",\"attributesMask\":\"FFFFFFFFFFFFFFFF\""


/* now is 2026-02-02T02:40:00Z */

static void
tdx_info(tdx_wrong_e wrong, char *out)
{
    const char  *status;

    status = wrong == TDX_HARDENING ? "SWHardeningNeeded"
             : wrong == TDX_REVOKED_STATUS ? "Revoked"
             : wrong == TDX_UNKNOWN_STATUS ? "Splendid" : "UpToDate";

    out += sprintf(out, "{\"id\":\"%s\",\"version\":%d,"
                   "\"issueDate\":\"%s\",\"nextUpdate\":\"%s\","
                   "\"fmspc\":\"%s\",\"pceId\":\"%s\",\"tcbType\":0,"
                   "\"tcbEvaluationDataNumber\":%d,"
                   "\"tdxModule\":{" TDX_MODULE "},\"tdxModuleIdentities\":["
                   "{\"id\":\"TDX_03\"},{\"id\":\"TDX_01\"," TDX_MODULE ","
                   "\"tcbLevels\":["
                   "{\"tcb\":{\"isvsvn\":4},\"tcbStatus\":\"UpToDate\"},"
                   "{\"tcb\":{\"isvsvn\":2},\"tcbStatus\":\"OutOfDate\"}]}],"
                   "\"tcbLevels\":[",
                   wrong == TDX_INFO_SGX ? "SGX" : "TDX",
                   wrong == TDX_INFO_VERSION ? 2 : 3,
                   wrong == TDX_INFO_FUTURE ? "2026-02-02T02:40:01Z"
                   : wrong == TDX_INFO_TIME ? "2026-02-01 02:40:00Z"
                                            : "2026-02-01T02:40:00Z",
                   wrong == TDX_INFO_EXPIRED ? "2026-02-02T02:39:59Z"
                                             : "2026-03-02T02:40:00Z",
                   wrong == TDX_INFO_FMSPC ? "010203040507" : "010203040506",
                   wrong == TDX_INFO_PCEID ? "0001" : "0000",
                   wrong == TDX_INFO_EVALUATION ? 16 : 17);

    out += tdx_level(out, 2, 11, status);
    *out++ = ',';
    out += tdx_level(out, 1, 5, "OutOfDate");

    sprintf(out, "]}");
}


static void
tdx_identity(tdx_wrong_e wrong, char *out)
{
    int          i;
    char         signer[65];

    for (i = 0; i < 32; i++) {
        sprintf(signer + 2 * i, "DC");
    }

    sprintf(out, "{\"id\":\"%s\",\"version\":2,"
            "\"issueDate\":\"2026-02-01T02:40:00Z\",\"nextUpdate\":\"%s\","
            "\"tcbEvaluationDataNumber\":%d,\"miscselect\":\"00000000\","
            "\"miscselectMask\":\"FFFFFFFF\","
            "\"attributes\":\"11000000000000000000000000000000\","
            "\"attributesMask\":\"FBFFFFFFFFFFFFFF0000000000000000\","
            "\"mrsigner\":\"%s\",\"isvprodid\":2,\"tcbLevels\":["
            "{\"tcb\":{\"isvsvn\":5},\"tcbStatus\":\"UpToDate\"},"
            "{\"tcb\":{\"isvsvn\":2},\"tcbStatus\":\"OutOfDate\"}]}",
            wrong == TDX_QE_SGX ? "QE" : "TD_QE",
            wrong == TDX_QE_EXPIRED ? "2026-02-02T02:39:59Z"
                                    : "2026-03-02T02:40:00Z",
            wrong == TDX_QE_EVALUATION ? 16 : 17, signer);
}


static json_t *
tdx_hex(const u_char *p, size_t len)
{
    char    *text;
    size_t   i;
    json_t  *json;

    text = malloc(2 * len + 1);

    for (i = 0; i < len; i++) {
        sprintf(text + 2 * i, "%02x", p[i]);
    }

    json = json_string(text);
    free(text);

    return json;
}


static json_t *
tdx_crl(X509 *issuer, EVP_PKEY *key, int expired, X509 *revoked, int trailing)
{
    int        len;
    u_char     der[4096], *p;
    X509_CRL  *crl;

    crl = pki_crl(issuer, key, TDX_NOW - TDX_DAY,
                  expired ? TDX_NOW - 1 : TDX_NOW + 30 * TDX_DAY, revoked);

    p = der;
    len = i2d_X509_CRL(crl, &p);
    der[len] = 0;
    X509_CRL_free(crl);

    return tdx_hex(der, len + trailing);
}


static json_t *
tdx_signed(EVP_PKEY *key, const char *text, int spoil)
{
    u_char  sig[96], der[256];

    pki_sign(key, EVP_sha256(), (const u_char *) text, strlen(text), sig, 32,
             der);

    sig[40] ^= spoil;

    return tdx_hex(sig, 64);
}


/* what only the text shows */

static void
tdx_spoil(tdx_wrong_e wrong, char *text)
{
    if (wrong == TDX_BUNDLE_CUT) {
        text[strlen(text) - 1] = '\0';
    }

    /* the same member once more */

    if (wrong == TDX_BUNDLE_TWICE) {
        memcpy(strstr(text, "pck_crx"), "pck_crl", 7);
    }
}


/* returns what is to be freed */

static char *
tdx_bundle(tdx_wrong_e wrong, tdx_pki_t *pki)
{
    X509      *certs[2];
    char      *text, chain[8192], info[8192], identity[2048];
    json_t    *bundle, *crl;
    EVP_PKEY  *key;

    bundle = json_object();

    certs[0] = wrong == TDX_SIGNER_PCK ? pki->pck : pki->signer;
    certs[1] = wrong == TDX_SIGNER_FOREIGN ? pki->foreign : pki->root;
    key = wrong == TDX_SIGNER_PCK ? pki->pck_key : pki->signer_key;

    tdx_pem(certs, 2, chain);
    tdx_info(wrong, info);
    tdx_identity(wrong, identity);

    crl = tdx_crl(wrong == TDX_CRL_OTHER ? pki->signer : pki->ca,
                  wrong == TDX_CRL_OTHER ? pki->signer_key : pki->ca_key,
                  wrong == TDX_CRL_EXPIRED,
                  wrong == TDX_PCK_REVOKED ? pki->pck : NULL,
                  wrong == TDX_BUNDLE_CRL_TRAILING);

    json_object_set_new(bundle, "pck_crl", crl);
    json_object_set_new(bundle, "root_ca_crl",
                    wrong == TDX_ROOT_CRL_MISSING ? json_incref(crl)
                    : tdx_crl(pki->root, pki->root_key,
                              wrong == TDX_ROOT_CRL_EXPIRED,
                              wrong == TDX_CA_REVOKED ? pki->ca
                              : wrong == TDX_SIGNER_REVOKED ? pki->signer
                              : NULL, 0));

    json_object_set_new(bundle, "tcb_info_issuer_chain", json_string(chain));
    json_object_set_new(bundle, "qe_identity_issuer_chain",
                        json_string(chain));
    json_object_set_new(bundle, "tcb_info", json_string(info));
    json_object_set_new(bundle, "qe_identity", json_string(identity));
    json_object_set_new(bundle, "tcb_info_signature",
                        tdx_signed(key, info, wrong == TDX_INFO_SIGNATURE));
    json_object_set_new(bundle, "qe_identity_signature",
                        tdx_signed(key, identity,
                                   wrong == TDX_QE_SIGNATURE_INFO));

    if (wrong == TDX_BUNDLE_TWICE) {
        json_object_set(bundle, "pck_crx", crl);
    }

    if (wrong == TDX_BUNDLE_NO_CRL) {
        json_object_del(bundle, "pck_crl");
    }

    if (wrong == TDX_BUNDLE_NO_INFO) {
        json_object_del(bundle, "tcb_info");
    }

    text = json_dumps(bundle, 0);
    json_decref(bundle);

    tdx_spoil(wrong, text);

    return text;
}


#endif /* _NGX_OHTTP_RELAY_TDX_MAKE_H_INCLUDED_ */
