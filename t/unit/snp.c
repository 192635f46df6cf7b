
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* a report of a real chip, and reports of one that is made here */


#include "evidence.h"
#include "pki.h"
#include "chain.h"
#include "snp.h"


#define OK   NGX_OHTTP_RELAY_ACCEPTED
#define NO   NGX_OHTTP_RELAY_REFUSED
#define BAD  NGX_OHTTP_RELAY_MALFORMED

/* the real certificate's validity */
#define FROM   1680549823LL
#define UNTIL  1901474623LL

#define NOW    1770000000LL
#define YEAR   (365 * 24 * 3600LL)


typedef enum {
    SNP_GOOD = 0,
    SNP_VERSION_1,
    SNP_VERSION_6,
    SNP_ALGORITHM,
    SNP_LONG_R,             /* bytes that neither number needs */
    SNP_LONG_S,
    SNP_TAIL,
    SNP_SIGNATURE,
    SNP_BIG_ENDIAN,
    SNP_DEBUG,
    SNP_MIGRATE,
    SNP_VMPL_1,
    SNP_HOST,               /* asked for by the host */
    SNP_MASKED,
    SNP_VLEK,
    SNP_OTHER_CHIP,
    SNP_NO_CHIP,            /* zeros, in both */
    SNP_BOOTLOADER,         /* another version than the certificate's */
    SNP_MICROCODE,
    SNP_RESERVED,
    SNP_TURIN,
    SNP_EXTENSION_MISSING,
    SNP_VCEK_CA,
    SNP_VCEK_P256,
    SNP_VCEK_EXPIRED,
    SNP_FOREIGN,
    SNP_HOST_DATA
} snp_wrong_e;


static void test_real(void);
static void test_truncated(void);
static void test_turned(void);
static void test_made(void);
static ngx_ohttp_relay_answer_e judge(const u_char *p, size_t len,
    const ngx_ohttp_relay_snp_policy_t *policy);
static ngx_ohttp_relay_answer_e judge_made(snp_wrong_e wrong, int as);
static void made_report(snp_wrong_e wrong, EVP_PKEY *key, u_char *report);
static X509 *made_chip(snp_wrong_e wrong, X509 *ask, EVP_PKEY *ask_key,
    EVP_PKEY *key);
static X509 *made_authority(const char *name, EVP_PKEY *key, X509 *issuer,
    EVP_PKEY *issuer_key);
static size_t made_pem(X509 *vcek, X509 *ask, u_char *out);


static ngx_ohttp_relay_finding_t  finding;


int
main(void)
{
    test_real();
    test_truncated();
    test_turned();
    test_made();

    return tap_done();
}


static ngx_ohttp_relay_answer_e
judge(const u_char *p, size_t len, const ngx_ohttp_relay_snp_policy_t *policy)
{
    ngx_ohttp_relay_snp_t  snp;

    if (ngx_ohttp_relay_snp_parse(p, p + len, &snp, &finding) != OK) {
        return finding.answer;
    }

    return ngx_ohttp_relay_snp_verify(&snp, policy, &finding);
}


static void
test_real(void)
{
    evidence_t                       root, chain, report;
    ngx_ohttp_relay_snp_policy_t     policy;

    root = evidence_read("snp/amd_ark_milan.pem");
    chain = evidence_read("snp/sev-milan-chain.pem");
    report = evidence_read("snp/sev-milan-report");

    memset(&policy, 0, sizeof(policy));

    policy.root = ngx_ohttp_relay_chain_root(root.data, root.data + root.len);
    policy.chain.data = chain.data;
    policy.chain.len = chain.len;
    policy.now = FROM;
    policy.max_age = 600;
    policy.allow.any = 1;

    tap_ok(judge(report.data, report.len, &policy) == OK
           && finding.valid_until == FROM + 600, "a report");

    policy.now = FROM - 1;
    tap_ok(judge(report.data, report.len, &policy) == NO, "not before");

    policy.now = UNTIL - 1;
    tap_ok(judge(report.data, report.len, &policy) == OK
           && finding.valid_until == UNTIL, "to the last second");

    policy.now = UNTIL;
    tap_ok(judge(report.data, report.len, &policy) == NO, "not after");

    policy.now = FROM;
    policy.chain.len--;
    tap_ok(judge(report.data, report.len, &policy) == OK,
           "certificates without a line end");

    policy.chain.len -= 2;
    tap_ok(judge(report.data, report.len, &policy)
           == NGX_OHTTP_RELAY_UNJUDGED, "certificates that are cut");
    policy.chain.len += 3;

    X509_free(policy.root);
    tap_free(root.data, root.len);
    root = evidence_read("snp/amd_ark_genoa.pem");
    policy.root = ngx_ohttp_relay_chain_root(root.data, root.data + root.len);
    tap_ok(judge(report.data, report.len, &policy) == NO,
           "not by the root of another product");

    X509_free(policy.root);
    tap_free(root.data, root.len);
    tap_free(chain.data, chain.len);
    tap_free(report.data, report.len);
}


static void
test_truncated(void)
{
    u_char                  *copy;
    size_t                   i, bad;
    evidence_t               report;
    ngx_ohttp_relay_snp_t    snp;

    report = evidence_read("snp/sev-milan-report");

    for (bad = 0, i = 0; i < report.len; i++) {
        copy = tap_copy(report.data, i);
        bad += ngx_ohttp_relay_snp_parse(copy, copy + i, &snp, &finding)
               != BAD;
        tap_free(copy, i);
    }

    tap_ok(!bad, "a report that is cut is none");
    tap_free(report.data, report.len);
}


/* a bit of each byte; all of them with TEST_NGINX_UNSAFE */

static void
test_turned(void)
{
    int                              bad;
    size_t                           i;
    evidence_t                       root, chain, report;
    ngx_ohttp_relay_snp_policy_t     policy;

    root = evidence_read("snp/amd_ark_milan.pem");
    chain = evidence_read("snp/sev-milan-chain.pem");
    report = evidence_read("snp/sev-milan-report");

    memset(&policy, 0, sizeof(policy));

    policy.root = ngx_ohttp_relay_chain_root(root.data, root.data + root.len);
    policy.chain.data = chain.data;
    policy.chain.len = chain.len;
    policy.now = FROM;
    policy.max_age = 600;
    policy.allow.any = 1;
    policy.debug = 1;

    for (bad = 0, i = 0; i < report.len * 8; i++) {

        if (i % 8 != i / 8 % 7 && getenv("TEST_NGINX_UNSAFE") == NULL) {
            continue;
        }

        report.data[i / 8] ^= 1 << i % 8;
        bad |= judge(report.data, report.len, &policy) == OK;
        report.data[i / 8] ^= 1 << i % 8;
    }

    tap_ok(!bad, "one bit of the report turned is refused");

    X509_free(policy.root);
    tap_free(root.data, root.len);
    tap_free(chain.data, chain.len);
    tap_free(report.data, report.len);
}


/* policies beside the usual one */
#define DEBUG     1
#define MEASURED  2     /* this measurement, and no other */
#define HOST      4     /* and this host data */
#define OTHER     8     /* another measurement */
#define NEWER     16    /* a microcode that is newer */
#define DATA      32    /* this report data */
#define OTHERS    64    /* other report data */
#define NOTHING   128   /* an empty list */


static void
test_made(void)
{
    size_t  i;

    static const struct {
        snp_wrong_e                wrong;
        int                        as;
        ngx_ohttp_relay_answer_e   answer;
        const char                *name;
    } cases[] = {
        { SNP_GOOD, 0, OK, "as it should be" },
        { SNP_GOOD, MEASURED, OK, "the measurement" },
        { SNP_GOOD, OTHER, NO, "another measurement" },
        { SNP_GOOD, NOTHING, NO, "no measurement" },
        { SNP_GOOD, DATA, OK, "the report data" },
        { SNP_GOOD, OTHERS, NO, "other report data" },
        { SNP_GOOD, NEWER, NO, "an older microcode" },
        { SNP_HOST_DATA, MEASURED, NO, "host data nobody asks about" },
        { SNP_HOST_DATA, MEASURED|HOST, OK, "host data that is asked for" },
        { SNP_VERSION_1, 0, BAD, "version 1" },
        { SNP_VERSION_6, 0, BAD, "version 6" },
        { SNP_ALGORITHM, 0, BAD, "another algorithm" },
        { SNP_LONG_R, 0, BAD, "r that is longer" },
        { SNP_LONG_S, 0, BAD, "s that is longer" },
        { SNP_TAIL, 0, BAD, "a byte behind the signature" },
        { SNP_SIGNATURE, 0, NO, "a wrong signature" },
        { SNP_BIG_ENDIAN, 0, NO, "a signature in big endian" },
        { SNP_DEBUG, 0, NO, "debugging" },
        { SNP_DEBUG, DEBUG, OK, "debugging, allowed" },
        { SNP_MIGRATE, DEBUG, NO, "migration" },
        { SNP_VMPL_1, 0, NO, "another level of privilege" },
        { SNP_HOST, 0, NO, "a report for the host" },
        { SNP_MASKED, 0, NO, "a chip that is not named" },
        { SNP_VLEK, 0, NO, "another kind of key" },
        { SNP_OTHER_CHIP, 0, NO, "another chip" },
        { SNP_NO_CHIP, 0, NO, "no chip" },
        { SNP_BOOTLOADER, 0, NO, "another boot loader" },
        { SNP_MICROCODE, 0, NO, "another microcode" },
        { SNP_RESERVED, 0, NO, "a version that is reserved" },
        { SNP_TURIN, 0, NO, "a product that is newer" },
        { SNP_EXTENSION_MISSING, 0, NO, "a certificate that lacks a version" },
        { SNP_VCEK_CA, 0, NO, "a chip that is an authority" },
        { SNP_VCEK_P256, 0, NO, "a chip of P-256" },
        { SNP_VCEK_EXPIRED, 0, NO, "a chip that has expired" },
        { SNP_FOREIGN, 0, NO, "another root" },
    };

    for (i = 0; i < tap_array_len(cases); i++) {
        judge_made(cases[i].wrong, cases[i].as);
        tap_ok(finding.answer == cases[i].answer, "made, %s: %d %s",
               cases[i].name, cases[i].answer, finding.reason);
    }
}


static ngx_ohttp_relay_answer_e
judge_made(snp_wrong_e wrong, int as)
{
    X509                            *ark, *ask, *vcek, *foreign;
    u_char                           report[1184], pem[8192], data[64];
    EVP_PKEY                        *key;
    ngx_ohttp_relay_allow_entry_t    entry;
    ngx_ohttp_relay_snp_policy_t     policy;

    static EVP_PKEY                 *keys[4];

    if (keys[0] == NULL) {
        keys[0] = pki_key("P-384");
        keys[1] = pki_key("P-384");
        keys[2] = pki_key("P-384");
        keys[3] = pki_key("P-256");
    }

    key = keys[wrong == SNP_VCEK_P256 ? 3 : 2];
    ark = made_authority("ARK", keys[0], NULL, NULL);
    foreign = made_authority("ARK", keys[2], NULL, NULL);
    ask = made_authority("ASK", keys[1], ark, keys[0]);
    vcek = made_chip(wrong, ask, keys[1], key);

    made_report(wrong, key, report);

    memset(&policy, 0, sizeof(policy));
    memset(&entry, 0, sizeof(entry));
    memset(data, as & OTHERS ? 2 : 1, sizeof(data));

    policy.root = wrong == SNP_FOREIGN ? foreign : ark;
    policy.chain.data = pem;
    policy.chain.len = made_pem(vcek, ask, pem);
    policy.now = NOW;
    policy.max_age = 600;
    policy.debug = as & DEBUG ? 1 : 0;
    policy.tcb[7] = as & NEWER ? 0x74 : 0x73;
    policy.report_data.data = as & (DATA|OTHERS) ? data : NULL;
    policy.report_data.len = 64;
    policy.allow.any = as & (MEASURED|OTHER|NOTHING) ? 0 : 1;
    policy.allow.entries = &entry;
    policy.allow.n = as & NOTHING ? 0 : 1;

    entry.n = as & HOST ? 2 : 1;
    entry.values[0].len = 48;
    memset(entry.values[0].value, as & OTHER ? 4 : 3, 48);
    entry.values[1].number = NGX_OHTTP_RELAY_SNP_HOST_DATA;
    entry.values[1].len = 32;
    memset(entry.values[1].value, 5, 32);

    judge(report, sizeof(report), &policy);

    X509_free(ark);
    X509_free(ask);
    X509_free(vcek);
    X509_free(foreign);

    return finding.answer;
}


static void
made_report(snp_wrong_e wrong, EVP_PKEY *key, u_char *report)
{
    int     i, len;
    u_char  sig[96], der[256];

    memset(report, 0, 1184);

    report[0x000] = wrong == SNP_VERSION_1 ? 1 : wrong == SNP_VERSION_6 ? 6 : 3;
    report[0x00a] = 3 | (wrong == SNP_DEBUG ? 8 : 0)
                    | (wrong == SNP_MIGRATE ? 4 : 0);
    report[0x030] = wrong == SNP_VMPL_1;
    memset(report + 0x030, wrong == SNP_HOST ? 0xff : report[0x030],
           wrong == SNP_HOST ? 4 : 1);
    report[0x034] = wrong == SNP_ALGORITHM ? 2 : 1;
    report[0x048] = wrong == SNP_MASKED ? 2 : wrong == SNP_VLEK ? 4 : 0;
    memset(report + 0x050, 1, 64);
    memset(report + 0x090, 3, 48);
    memset(report + 0x0c0, wrong == SNP_HOST_DATA ? 5 : 0, 32);
    memcpy(report + 0x180, "\x03\x00\x00\x00\x00\x00\x08\x73", 8);
    report[0x180] += wrong == SNP_BOOTLOADER;
    report[0x183] += wrong == SNP_RESERVED;
    report[0x187] += wrong == SNP_MICROCODE;
    memset(report + 0x1a0, wrong == SNP_NO_CHIP ? 0
                           : wrong == SNP_OTHER_CHIP ? 8 : 9, 64);

    len = wrong == SNP_VCEK_P256 ? 32 : 48;

    pki_sign(key, EVP_sha384(), report, 0x2a0, sig, len, der);

    for (i = 0; i < len; i++) {
        report[0x2a0 + i] = sig[wrong == SNP_BIG_ENDIAN ? i : len - 1 - i];
        report[0x2e8 + i] = sig[wrong == SNP_BIG_ENDIAN ? len + i
                                                        : 2 * len - 1 - i];
    }

    report[0x2a0 + 48] = wrong == SNP_LONG_R;
    report[0x2e8 + 71] = wrong == SNP_LONG_S;
    report[0x330] = wrong == SNP_TAIL;
    report[0x2a0] ^= wrong == SNP_SIGNATURE;
}


static X509 *
made_chip(snp_wrong_e wrong, X509 *ask, EVP_PKEY *ask_key, EVP_PKEY *key)
{
    u_char            chip[64];
    pki_cert_t        as;

    pki_extension_t   more[] = {
        { "1.3.6.1.4.1.3704.1.4", chip, sizeof(chip) },
        { "1.3.6.1.4.1.3704.1.3.1", (const u_char *) "\2\1\3", 3 },
        { "1.3.6.1.4.1.3704.1.3.2", (const u_char *) "\2\1\0", 3 },
        { "1.3.6.1.4.1.3704.1.3.4", (const u_char *) "\2\1\0", 3 },
        { "1.3.6.1.4.1.3704.1.3.5", (const u_char *) "\2\1\0", 3 },
        { "1.3.6.1.4.1.3704.1.3.6", (const u_char *) "\2\1\0", 3 },
        { "1.3.6.1.4.1.3704.1.3.7", (const u_char *) "\2\1\0", 3 },
        { "1.3.6.1.4.1.3704.1.3.8", (const u_char *) "\2\1\x73", 3 },
        { "1.3.6.1.4.1.3704.1.3.3", (const u_char *) "\2\1\x08", 3 },
        { "1.3.6.1.4.1.3704.1.3.9", (const u_char *) "\2\1\0", 3 }
    };

    memset(chip, wrong == SNP_NO_CHIP ? 0 : 9, sizeof(chip));
    memset(&as, 0, sizeof(as));

    as.name = "SEV-VCEK";
    as.key = key;
    as.issuer = ask;
    as.issuer_key = ask_key;
    as.from = NOW - YEAR;
    as.until = wrong == SNP_VCEK_EXPIRED ? NOW - 1 : NOW + YEAR;
    as.basic = wrong == SNP_VCEK_CA ? "critical,CA:TRUE" : NULL;
    as.more = more;
    as.nmore = wrong == SNP_TURIN ? 10 : wrong == SNP_EXTENSION_MISSING ? 8 : 9;

    return pki_certificate(&as);
}


static X509 *
made_authority(const char *name, EVP_PKEY *key, X509 *issuer,
    EVP_PKEY *issuer_key)
{
    pki_cert_t  as;

    memset(&as, 0, sizeof(as));

    as.name = name;
    as.key = key;
    as.issuer = issuer;
    as.issuer_key = issuer_key;
    as.from = NOW - YEAR;
    as.until = NOW + YEAR;
    as.basic = "critical,CA:TRUE";
    as.usage = "critical,keyCertSign";
    as.ids = 1;

    return pki_certificate(&as);
}


static size_t
made_pem(X509 *vcek, X509 *ask, u_char *out)
{
    BIO     *bio;
    char    *data;
    size_t   len;

    bio = BIO_new(BIO_s_mem());

    PEM_write_bio_X509(bio, vcek);
    PEM_write_bio_X509(bio, ask);

    len = BIO_get_mem_data(bio, &data);
    memcpy(out, data, len);

    BIO_free(bio);

    return len;
}
