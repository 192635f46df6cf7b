
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * Documents that are made here, each in one form: the good ones are accepted,
 * the others refused, those that cannot be read at all by the parser.  Who
 * wrote this wrote the verifier too: real documents are in nitro.c.
 */


#include "enclave.h"
#include "nitro_pki.h"


/* a PCR of one byte 48 times, and one of zeros */
#define B8     "0707070707070707"
#define B48    B8 B8 B8 B8 B8 B8
#define PCR    "5830" B48
#define PCRS   "a3" "00" PCR "01" PCR "02" PCR
#define PCRSI  "bf" "00" PCR "01" PCR "02" PCR "ff"

#define B64    B8 B8 B8 B8 B8 B8 B8 B8
#define B256   B64 B64 B64 B64
#define B1024  B256 B256 B256 B256

#define NONE   ""       /* a field that is left out */

/* the text "xNN" as a field nobody knows, with the value 0 */
#define X(a)   "63783" a "00"
#define X10(a) X(a "30") X(a "31") X(a "32") X(a "33") X(a "34") X(a "35")   \
               X(a "36") X(a "37") X(a "38") X(a "39")


typedef enum {
    SIGN_RAW = 0,
    SIGN_HIGH_S,
    SIGN_SWAPPED,
    SIGN_DER,
    SIGN_ZERO,
    SIGN_SHORT,
    SIGN_LONG,
    SIGN_PROTECTED,     /* over another protected header */
    SIGN_EXTERNAL,      /* with external data */
    SIGN_SHA256,
    SIGN_OTHER          /* by another key */
} form_sign_e;


typedef enum {
    BUNDLE_ALL = 0,
    BUNDLE_INDEFINITE,
    BUNDLE_EMPTY,
    BUNDLE_REVERSED,
    BUNDLE_NO_ROOT,
    BUNDLE_NO_ZONAL,
    BUNDLE_SWAPPED,     /* regional and zonal */
    BUNDLE_TWICE,       /* the zonal one */
    BUNDLE_OUR_ROOT,    /* in front of all, in place of none */
    BUNDLE_ROOT_REPLACED,
    BUNDLE_OTHER_ROOT,  /* in place of ours, which issued the others */
    BUNDLE_TRAILING,    /* a byte behind the DER of the zonal one */
    BUNDLE_NINE,
    BUNDLE_TEXT
} form_bundle_e;


typedef struct {
    const char               *name;
    ngx_ohttp_relay_answer_e  answer;

    enclave_pki_e             pki;
    form_bundle_e             bundle;
    form_sign_e               sign;

    /* CBOR as hexadecimal digits; NULL: as it should be */

    const char               *head;         /* tag and head of the array */
    const char               *protect;
    const char               *unprotect;
    const char               *payload;      /* all of it, and its head */
    const char               *tail;         /* behind the signature */

    const char               *map;          /* head of the payload's map */
    const char               *map_end;
    const char               *module_id;
    const char               *digest;
    const char               *timestamp;
    const char               *pcrs;
    const char               *certificate;
    const char               *cabundle;
    const char               *extra;        /* more names and values */
    const char               *payload_tail;
} form_t;


/* what stands behind a name in the payload */
static int form_fields;


static void form_make(const form_t *form, enclave_buf_t *b);
static void form_payload(const form_t *form, enclave_buf_t *b);
static void form_field(enclave_buf_t *b, const char *name, const char *hex);
static void form_bundle(const form_t *form, enclave_buf_t *b);
static void form_signature(const form_t *form, const enclave_buf_t *payload,
    enclave_buf_t *b);
static void form_high(u_char *s);
static void form_test(const form_t *form);


#define OK   ACCEPTED
#define NO   REFUSED
#define BAD  MALFORMED


static const form_t  forms[] = {

    /* right ones */

    { "definite", OK, .map = "a6" },
    { "indefinite", OK, .map = "bf", .map_end = "ff" },
    { "PCRs with a break", OK, .pcrs = PCRSI },
    { "a bundle with a break", OK, .bundle = BUNDLE_INDEFINITE },
    { "all with breaks", OK, .map = "bf", .map_end = "ff", .pcrs = PCRSI,
      .bundle = BUNDLE_INDEFINITE, .unprotect = "bfff" },
    { "tag 18", OK, .head = "d284" },
    { "unprotected with a break", OK, .unprotect = "bfff" },
    { "s above half of the order", OK, .sign = SIGN_HIGH_S },
    { "an unknown field", OK, .map = "a7", .extra = "6161a1616200" },
    { "an unknown float", OK, .map = "a7", .extra = "6161f93c00" },
    { "optional fields that are null", OK, .map = "a9", .extra =
      "6a7075626c69635f6b6579f6" "69757365725f64617461f6" "656e6f6e6365f6" },
    { "optional fields that are empty", OK, .map = "a8",
      .extra = "69757365725f6461746140" "656e6f6e636540" },
    { "user_data of 1024 bytes", OK, .map = "a7",
      .extra = "69757365725f64617461590400" B1024 },
    { "PCR 31", OK, .pcrs = "a4" "00" PCR "01" PCR "02" PCR "181f" PCR },
    { "26 fields nobody knows", OK, .map = "bf", .map_end = "ff",
      .extra = X10("0") X10("1") X("230") X("231") X("232") X("233")
      X("234") X("235") },

    /* wrong outside */

    { "ES256", BAD, .protect = "43a10126" },
    { "ES512", BAD, .protect = "44a1013823" },
    { "no algorithm", BAD, .protect = "41a0" },
    { "an empty protected header", BAD, .protect = "40" },
    { "more in the protected header", BAD, .protect = "46a20138220440" },
    { "a protected header with a longer form", BAD,
      .protect = "45a118013822" },
    { "a byte behind the protected header", BAD, .protect = "45a101382200" },
    { "a protected header that is cut", BAD, .protect = "43a10138" },
    { "a protected header that is a map", BAD, .protect = "a1013822" },
    { "the algorithm in the unprotected header only", BAD, .protect = "41a0",
      .unprotect = "a1013822" },
    { "an unprotected header", BAD, .unprotect = "a10440" },
    { "an unprotected header that is no map", BAD, .unprotect = "80" },
    { "tag 17", BAD, .head = "d184" },
    { "tag 18 twice", BAD, .head = "d2d284" },
    { "an array of three", BAD, .head = "83" },
    { "an array of five", BAD, .head = "85", .tail = "00" },
    { "an array with a break", BAD, .head = "9f", .tail = "ff" },
    { "a map", BAD, .head = "a2" },
    { "no payload", BAD, .payload = "f6" },
    { "an empty payload", BAD, .payload = "40" },
    { "a payload that is text", BAD, .payload = "6161" },
    { "a payload in chunks", BAD, .payload = "5f41a0ff" },
    { "a payload that is no map", BAD, .payload = "4180" },
    { "a payload that is an empty map", BAD, .payload = "41a0" },
    { "a payload that never ends", BAD, .payload = "5bffffffffffffffff" },
    { "a byte behind it", BAD, .tail = "00" },
    { "a break behind it", BAD, .tail = "ff" },

    /* wrong signatures */

    { "signed with another protected header", NO, .sign = SIGN_PROTECTED },
    { "signed with external data", NO, .sign = SIGN_EXTERNAL },
    { "r and s exchanged", NO, .sign = SIGN_SWAPPED },
    { "a signature of zeros", NO, .sign = SIGN_ZERO },
    { "a signature of SHA-256", NO, .sign = SIGN_SHA256 },
    { "signed by another key", NO, .sign = SIGN_OTHER },
    { "a signature of DER", BAD, .sign = SIGN_DER },
    { "a signature of 95 bytes", BAD, .sign = SIGN_SHORT },
    { "a signature of 97 bytes", BAD, .sign = SIGN_LONG },

    /* wrong payloads */

    { "a byte behind the payload", BAD, .payload_tail = "00" },
    { "one field less than said", BAD, .map = "a7" },
    { "one field more than said", BAD, .map = "a5" },
    { "a map that is not closed", BAD, .map = "bf" },
    { "a break that is not due", BAD, .map_end = "ff" },
    { "a name without a value", BAD, .map = "bf", .map_end = "6161ff" },
    { "a map of 2^64 - 1", BAD, .map = "bbffffffffffffffff" },
    { "a name that is a number", BAD, .map = "a7", .extra = "0000" },
    { "a name in chunks", BAD, .map = "a7", .extra = "7f6161ff00" },
    { "a field twice", BAD, .map = "a7",
      .extra = "66646967657374" "66534841333834" },
    { "an unknown field twice", BAD, .map = "a8", .extra = "61610061" "6100" },
    { "an optional field twice", BAD, .map = "a8",
      .extra = "656e6f6e636540" "656e6f6e636540" },
    { "33 fields", BAD, .map = "bf", .map_end = "ff",
      .extra = X10("0") X10("1") X("230") X("231") X("232") X("233")
      X("234") X("235") X("236") },
    { "an unknown field, nested deeply", BAD, .map = "a7",
      .extra = "6161818181818100" },
    { "an unknown array of 2^64 - 1", BAD, .map = "a7",
      .extra = "61619bffffffffffffffff" },
    { "no module_id", BAD, .map = "a5", .module_id = NONE },
    { "an empty module_id", BAD, .module_id = "60" },
    { "module_id of bytes", BAD, .module_id = "4161" },
    { "module_id of 257 bytes", BAD, .module_id = "790101" "61" B256 },
    { "module_id with a line end", BAD, .module_id = "62610a" },
    { "module_id that is null", BAD, .module_id = "f6" },
    { "no digest", BAD, .map = "a5", .digest = NONE },
    { "digest SHA256", BAD, .digest = "66534841323536" },
    { "digest in small letters", BAD, .digest = "66736861333834" },
    { "digest of bytes", BAD, .digest = "46534841333834" },
    { "no timestamp", BAD, .map = "a5", .timestamp = NONE },
    { "timestamp 0", BAD, .timestamp = "00" },
    { "timestamp below zero", BAD, .timestamp = "20" },
    { "timestamp that is a float", BAD, .timestamp = "fb4279c1ae5d0c0000" },
    { "timestamp in a longer form", BAD, .timestamp = "1b0000000000000001" },
    { "timestamp that is text", BAD, .timestamp = "6131" },
    { "timestamp in seconds", NO, .timestamp = "1a69800000" },
    { "timestamp of 2^64 - 1", NO, .timestamp = "1bffffffffffffffff" },
    { "no pcrs", BAD, .map = "a5", .pcrs = NONE },
    { "pcrs that is an array", BAD, .pcrs = "83" PCR PCR PCR },
    { "pcrs that is null", BAD, .pcrs = "f6" },
    { "pcrs that is empty", BAD, .pcrs = "a0" },
    { "no PCR 0", BAD, .pcrs = "a2" "01" PCR "02" PCR },
    { "no PCR 2", BAD, .pcrs = "a2" "00" PCR "01" PCR },
    { "a PCR twice", BAD, .pcrs = "a4" "00" PCR "01" PCR "02" PCR "02" PCR },
    { "PCR 32", BAD, .pcrs = "a4" "00" PCR "01" PCR "02" PCR "1820" PCR },
    { "a PCR below zero", BAD, .pcrs = "a4" "00" PCR "01" PCR "02" PCR
      "20" PCR },
    { "a PCR whose number is text", BAD, .pcrs = "a4" "00" PCR "01" PCR
      "02" PCR "6133" PCR },
    { "a PCR of 32 bytes", BAD, .pcrs = "a3" "00" PCR "01" PCR
      "02" "5820" B8 B8 B8 B8 },
    { "a PCR of 64 bytes", BAD, .pcrs = "a3" "00" PCR "01" PCR
      "02" "5840" B64 },
    { "a PCR that is null", BAD, .pcrs = "a3" "00" PCR "01" PCR "02f6" },
    { "a PCR in chunks", BAD, .pcrs = "a3" "00" PCR "01" PCR "025f" PCR "ff" },
    { "a debug enclave", NO, .pcrs = "a3" "005830" "00000000000000000000000000"
      "0000000000000000000000000000000000000000000000000000000000000000000000"
      "01" PCR "02" PCR },
    { "no certificate", BAD, .map = "a5", .certificate = NONE },
    { "an empty certificate", BAD, .certificate = "40" },
    { "a certificate that is none", BAD, .certificate = "4130" },
    { "a certificate of 1025 bytes", BAD,
      .certificate = "590401" "07" B1024 },
    { "no cabundle", BAD, .map = "a5", .cabundle = NONE },
    { "cabundle of bytes", BAD, .cabundle = "4107" },
    { "cabundle of 2^64 - 1", BAD, .cabundle = "9bffffffffffffffff" },
    { "an empty public_key", BAD, .map = "a7",
      .extra = "6a7075626c69635f6b657940" },
    { "user_data of 1025 bytes", BAD, .map = "a7",
      .extra = "69757365725f64617461590401" "07" B1024 },
    { "user_data that is text", BAD, .map = "a7",
      .extra = "69757365725f6461746160" },
    { "nonce in chunks", BAD, .map = "a7", .extra = "656e6f6e63655f40ff" },

    /* wrong certificates */

    { "an empty bundle", BAD, .bundle = BUNDLE_EMPTY },
    { "nine in the bundle", BAD, .bundle = BUNDLE_NINE },
    { "text in the bundle", BAD, .bundle = BUNDLE_TEXT },
    { "a byte behind a certificate", BAD, .bundle = BUNDLE_TRAILING },
    { "a reversed bundle", NO, .bundle = BUNDLE_REVERSED },
    { "a bundle without the root", NO, .bundle = BUNDLE_NO_ROOT },
    { "a bundle without one of them", NO, .bundle = BUNDLE_NO_ZONAL },
    { "two of the bundle exchanged", NO, .bundle = BUNDLE_SWAPPED },
    { "one of the bundle twice", NO, .bundle = BUNDLE_TWICE },
    { "a foreign root", NO, .pki = PKI_FOREIGN },
    { "our root in front of a foreign one", NO, .pki = PKI_FOREIGN,
      .bundle = BUNDLE_OUR_ROOT },
    { "our root in place of a foreign one", NO, .pki = PKI_FOREIGN,
      .bundle = BUNDLE_ROOT_REPLACED },
    { "a foreign root in place of ours", NO, .bundle = BUNDLE_OTHER_ROOT },
    { "a leaf that is an authority", NO, .pki = PKI_LEAF_CA },
    { "a leaf without usage", NO, .pki = PKI_LEAF_NO_USAGE },
    { "a leaf for agreement", NO, .pki = PKI_LEAF_AGREEMENT },
    { "a leaf that may sign certificates", NO, .pki = PKI_LEAF_CERT_SIGN },
    { "a leaf of P-256", NO, .pki = PKI_LEAF_P256 },
    { "a leaf that has expired", NO, .pki = PKI_LEAF_EXPIRED },
    { "a leaf of the future", NO, .pki = PKI_LEAF_FUTURE },
    { "an issuer that has expired", NO, .pki = PKI_ZONAL_EXPIRED },
    { "an issuer of the future", NO, .pki = PKI_ZONAL_FUTURE },
    { "a root that has expired", NO, .pki = PKI_ROOT_EXPIRED },
    { "a path that is too long", NO, .pki = PKI_PATH_LENGTH },
    { "an issuer that is no authority", NO, .pki = PKI_ISSUER_NO_CA },
    { "an issuer without constraints", NO, .pki = PKI_ISSUER_NO_BASIC },
    { "an issuer that may not sign", NO, .pki = PKI_ISSUER_NO_SIGN },
    { "a leaf by another of the bundle", NO, .pki = PKI_LEAF_BY_ZONAL },
};


int
main(void)
{
    size_t  i;

    for (i = 0; i < tap_array_len(forms); i++) {
        form_test(&forms[i]);
    }

    return tap_done();
}


static void
form_test(const form_t *form)
{
    u_char                          *copy;
    ngx_ohttp_relay_nitro_t          nitro;
    ngx_ohttp_relay_finding_t        finding;
    ngx_ohttp_relay_nitro_policy_t   policy;

    static enclave_buf_t             b;

    form_make(form, &b);
    copy = tap_copy(b.data, b.len);

    memset(&policy, 0, sizeof(policy));

    policy.root = enclave_pki(form->pki == PKI_ROOT_EXPIRED
                              ? PKI_ROOT_EXPIRED : PKI_GOOD)->certs[0];
    policy.now = ENCLAVE_NOW;
    policy.max_age = 600;
    policy.skew = 60;
    policy.allow.any = 1;

    nitro_judge(copy, b.len, &policy, &finding);

    tap_ok(finding.answer == form->answer, "%s: %s%s%s", form->name,
           form->answer == OK ? "accepted"
                              : form->answer == NO ? "refused" : "malformed",
           finding.reason[0] ? ": " : "", finding.reason);

    /* what only a certificate shows, the parser takes */

    if (finding.answer == NO
        && ngx_ohttp_relay_nitro_parse(copy, copy + b.len, &nitro, &finding)
           != ACCEPTED)
    {
        tap_ok(0, "%s: read", form->name);
    }

    tap_free(copy, b.len);
}


static void
form_make(const form_t *form, enclave_buf_t *b)
{
    static enclave_buf_t  payload;

    payload.len = 0;
    b->len = 0;

    enclave_hex(b, form->head ? form->head : "84");
    enclave_hex(b, form->protect ? form->protect : "44a1013822");
    enclave_hex(b, form->unprotect ? form->unprotect : "a0");

    form_payload(form, &payload);

    if (form->payload) {
        enclave_hex(b, form->payload);

    } else {
        enclave_bytes(b, payload.data, payload.len);
    }

    form_signature(form, &payload, b);
    enclave_hex(b, form->tail ? form->tail : "");
}


static void
form_payload(const form_t *form, enclave_buf_t *b)
{
    char  number[32];

    snprintf(number, sizeof(number), "1b%016llx", ENCLAVE_NOW * 1000);

    form_fields = 0;
    enclave_hex(b, form->map ? form->map : "a6");

    form_field(b, "module_id", form->module_id ? form->module_id
                                               : "68692d31323334353" "6");
    form_field(b, "digest", form->digest ? form->digest : "66534841333834");
    form_field(b, "timestamp", form->timestamp ? form->timestamp : number);
    form_field(b, "pcrs", form->pcrs ? form->pcrs : PCRS);

    if (form->certificate) {
        form_field(b, "certificate", form->certificate);

    } else {
        enclave_text(b, "certificate");
        enclave_certificate(b, enclave_pki(form->pki)->certs[4]);
    }

    if (form->cabundle) {
        form_field(b, "cabundle", form->cabundle);

    } else {
        enclave_text(b, "cabundle");
        form_bundle(form, b);
    }

    enclave_hex(b, form->extra ? form->extra : "");
    enclave_hex(b, form->map_end ? form->map_end : "");
    enclave_hex(b, form->payload_tail ? form->payload_tail : "");
}


static void
form_field(enclave_buf_t *b, const char *name, const char *hex)
{
    if (hex[0] != '\0') {
        enclave_text(b, name);
        enclave_hex(b, hex);
    }
}


static void
form_bundle(const form_t *form, enclave_buf_t *b)
{
    size_t         i;
    X509          *root, **certs;
    const char    *order;

    /* r: our root; f: a foreign one; t: text; others: by their number */

    static const char  *orders[] = {
        "0123", "0123", "", "3210", "123", "013", "0213", "01223", "r0123",
        "r123", "f123", "01T3", "012333333", "012t"
    };

    order = orders[form->bundle];
    certs = enclave_pki(form->pki)->certs;
    root = enclave_pki(PKI_GOOD)->certs[0];

    if (form->bundle == BUNDLE_INDEFINITE) {
        enclave_hex(b, "9f");

    } else {
        enclave_head(b, 4, strlen(order));
    }

    for (i = 0; order[i]; i++) {

        switch (order[i]) {

        case 'r':
            enclave_certificate(b, root);
            break;

        case 'f':
            enclave_certificate(b, enclave_pki(PKI_FOREIGN)->certs[0]);
            break;

        case 't':
            enclave_text(b, "x");
            break;

        case 'T':
            {
            int      len;
            u_char   der[2048], *p;

            p = der;
            len = i2d_X509(certs[2], &p);
            der[len] = 0;
            enclave_bytes(b, der, len + 1);
            break;
            }

        default:
            enclave_certificate(b, certs[order[i] - '0']);
        }
    }

    if (form->bundle == BUNDLE_INDEFINITE) {
        enclave_hex(b, "ff");
    }
}


static void
form_signature(const form_t *form, const enclave_buf_t *payload,
    enclave_buf_t *b)
{
    size_t                n;
    u_char                sig[97], der[256], half[48];
    EVP_PKEY             *key;

    static enclave_buf_t  text;

    text.len = 0;
    enclave_hex(&text, "84");
    enclave_text(&text, "Signature1");
    enclave_hex(&text, form->sign == SIGN_PROTECTED ? "40" : "44a1013822");
    enclave_hex(&text, form->sign == SIGN_EXTERNAL ? "4100" : "40");
    enclave_bytes(&text, payload->data, payload->len);

    key = enclave_pki(form->sign == SIGN_OTHER ? PKI_FOREIGN : form->pki)
              ->keys[4];

    n = pki_sign(key, form->sign == SIGN_SHA256 ? EVP_sha256() : EVP_sha384(),
                 text.data, text.len, sig, 48, der);

    sig[96] = 0;

    switch (form->sign) {

    case SIGN_DER:
        enclave_bytes(b, der, n);
        return;

    case SIGN_SHORT:
        enclave_bytes(b, sig, 95);
        return;

    case SIGN_LONG:
        enclave_bytes(b, sig, 97);
        return;

    case SIGN_ZERO:
        memset(sig, 0, 96);
        break;

    case SIGN_SWAPPED:
        memcpy(half, sig, 48);
        memcpy(sig, sig + 48, 48);
        memcpy(sig + 48, half, 48);
        break;

    case SIGN_HIGH_S:
        form_high(sig + 48);
        break;

    default:
        break;
    }

    enclave_bytes(b, sig, 96);
}


/* the order of P-384 without s, if s is in the lower half */

static void
form_high(u_char *s)
{
    BIGNUM  *order, *low;

    order = NULL;

    BN_hex2bn(&order, "ffffffffffffffffffffffffffffffffffffffffffffffff"
                      "c7634d81f4372ddf581a0db248b0a77aecec196accc52973");

    low = BN_bin2bn(s, 48, NULL);

    if (!(s[0] & 0x80)) {
        BN_sub(low, order, low);
        BN_bn2binpad(low, s, 48);
    }

    BN_free(order);
    BN_free(low);
}
