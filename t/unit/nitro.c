
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "enclave.h"
#include "hex.h"

#include <openssl/crypto.h>


#define HOUR  3600

/* of documents: 48 bytes of zeros */
#define ZERO  "00000000000000000000000000000000"
#define ZEROS  ZERO ZERO ZERO


static void test_documents(void);
static void test_times(const u_char *p, size_t len, int64_t time,
    int64_t from, int64_t until);
static void test_fields(void);
static void test_nonce(void);
static void test_roots(void);
static void test_allow(void);
static void test_debug(void);
static void test_truncated(void);
static void test_behind(void);
static int reason(ngx_ohttp_relay_finding_t *finding,
    ngx_ohttp_relay_answer_e answer, const char *text);
static int add(ngx_ohttp_relay_allow_entry_t *entry, unsigned number,
    const char *hex);


/* the time of each, and when its certificate is valid */

static const struct {
    const char  *file;
    int64_t      time;
    int64_t      from;
    int64_t      until;
    int          debug;
    unsigned     pcrs;
} documents[] = {
    { NITRO_FILE, NITRO_TIME, 1770918959, 1770929762, 0, 16 },
    { "nitro/nitro-20251225T160419Z-54ae0f97.cose", 1766678659,
      1766678656, 1766689459, 0, 16 },
    { "nitro/nitro-20251225T082046Z-1c921bd7.cose", 1766650846,
      1766650843, 1766661646, 1, 16 },
    { "nitro/nitro-20251110T172010Z-8e5652f3.cose", 1762795210,
      1762795207, 1762806010, 0, 17 },
    { "nitro/nitro-20250415T153857Z-f8fab7fa.cose", 1744731537,
      1744729233, 1744740036, 0, 16 },
};


static const char  pcr0[] =
    "9baef83909784e4d2cb84466c02931bb8125e948b62029029e80bfa1698bfd70"
    "69408e4ab20d1c99c859e8f774cce0ff";

static const char  pcr1[] =
    "4b4d5b3661b3efc12920900c80e126e4ce783c522de6c02a2a5bf7af3a2b9327"
    "b86776f188e4be1c1c404a129dbda493";


static ngx_ohttp_relay_finding_t  finding;


int
main(void)
{
    test_documents();
    test_fields();
    test_nonce();
    test_roots();
    test_allow();
    test_debug();
    test_truncated();
    test_behind();

    return tap_done();
}


static void
test_documents(void)
{
    size_t                           i;
    evidence_t                       file;
    ngx_ohttp_relay_nitro_policy_t   policy;

    for (i = 0; i < tap_array_len(documents); i++) {

        file = evidence_read(documents[i].file);
        policy = nitro_policy(documents[i].time);

        nitro_judge(file.data, file.len, &policy, &finding);

        if (documents[i].debug) {
            tap_ok(reason(&finding, REFUSED, "debug"),
                   "%s is of a debug enclave", documents[i].file);
            policy.debug = 1;
            nitro_judge(file.data, file.len, &policy, &finding);
        }

        tap_ok(finding.answer == ACCEPTED
               && finding.valid_until == documents[i].time + 600,
               "%s at its time", documents[i].file);

        X509_free(policy.root);

        test_times(file.data, file.len, documents[i].time, documents[i].from,
                   documents[i].until);
        tap_free(file.data, file.len);
    }
}


/* debug or not: time comes before it */

static void
test_times(const u_char *p, size_t len, int64_t time, int64_t from,
    int64_t until)
{
    ngx_ohttp_relay_nitro_policy_t  policy;

    policy = nitro_policy(time + 4 * HOUR);

    nitro_judge(p, len, &policy, &finding);
    tap_ok(reason(&finding, REFUSED, "expired"), "not four hours later");

    policy.max_age = 8 * HOUR;
    nitro_judge(p, len, &policy, &finding);
    tap_ok(reason(&finding, REFUSED, "expired"), "not with a longer age");

    policy.now = time - 24 * HOUR;
    nitro_judge(p, len, &policy, &finding);
    tap_ok(reason(&finding, REFUSED, "not yet valid"), "not a day before");

    policy.debug = 1;
    policy.now = from;
    policy.skew = time - from;

    nitro_judge(p, len, &policy, &finding);
    tap_ok(finding.answer == ACCEPTED, "from the first second of its chain");

    policy.now = until - 1;
    nitro_judge(p, len, &policy, &finding);
    tap_ok(finding.answer == ACCEPTED && finding.valid_until == until,
           "until the last");

    policy.now = until;
    nitro_judge(p, len, &policy, &finding);
    tap_ok(reason(&finding, REFUSED, "expired"), "and not after it");

    policy.skew = 60;
    policy.now = time - 60;
    nitro_judge(p, len, &policy, &finding);
    tap_ok(finding.answer == ACCEPTED, "by a clock that is a minute slow");

    policy.now = time - 61;
    nitro_judge(p, len, &policy, &finding);
    tap_ok(finding.answer == REFUSED, "not by one that is slower");

    policy.max_age = 600;
    policy.now = time + 601;
    nitro_judge(p, len, &policy, &finding);
    tap_ok(reason(&finding, REFUSED, "old"), "not when it is too old");

    X509_free(policy.root);
}


static void
test_fields(void)
{
    size_t                    i;
    unsigned                  k, n;
    evidence_t                file;
    ngx_ohttp_relay_nitro_t   nitro;

    for (i = 0; i < tap_array_len(documents); i++) {

        file = evidence_read(documents[i].file);

        ngx_ohttp_relay_nitro_parse(file.data, file.data + file.len, &nitro,
                                    &finding);

        for (n = 0, k = 0; k < NGX_OHTTP_RELAY_NITRO_PCRS; k++) {
            n += nitro.pcrs[k].data != NULL;
        }

        tap_ok(finding.answer == ACCEPTED && n == documents[i].pcrs
               && nitro.timestamp / 1000 == (uint64_t) documents[i].time
               && nitro.nbundle == 4 && nitro.module_id.len == 39,
               "%s is read", documents[i].file);

        if (i == 0) {
            tap_ok(nitro.user_data.len == 68 && nitro.nonce.len == 20
                   && nitro.public_key.len == 5, "optional fields");
        }

        if (i == 1) {
            tap_ok(nitro.user_data.len == 64 && nitro.nonce.data == NULL
                   && nitro.public_key.data == NULL, "fields that are null");
        }

        if (i == 3) {
            tap_ok(nitro.user_data.data != NULL && nitro.user_data.len == 0
                   && nitro.public_key.len == 32, "a field that is empty");
        }

        tap_free(file.data, file.len);
    }
}


static void
test_nonce(void)
{
    u_char                           nonce[21];
    evidence_t                       file;
    ngx_ohttp_relay_nitro_policy_t   policy;

    file = evidence_read(NITRO_FILE);
    policy = nitro_policy(NITRO_TIME);

    memcpy(nonce, "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab"
           "\xcd\xef\x01\x23\x45\x67", 21);

    policy.nonce.data = nonce;
    policy.nonce.len = 20;

    nitro_judge(file.data, file.len, &policy, &finding);
    tap_ok(finding.answer == ACCEPTED, "the nonce that was asked for");

    policy.nonce.len = 19;
    nitro_judge(file.data, file.len, &policy, &finding);
    tap_ok(reason(&finding, REFUSED, "nonce"), "not the beginning of it");

    policy.nonce.len = 21;
    nitro_judge(file.data, file.len, &policy, &finding);
    tap_ok(reason(&finding, REFUSED, "nonce"), "not one that is longer");

    policy.nonce.len = 20;
    nonce[19] ^= 1;
    nitro_judge(file.data, file.len, &policy, &finding);
    tap_ok(reason(&finding, REFUSED, "nonce"), "not another one");

    tap_free(file.data, file.len);

    file = evidence_read(documents[1].file);
    policy.now = documents[1].time;
    nitro_judge(file.data, file.len, &policy, &finding);
    tap_ok(reason(&finding, REFUSED, "nonce"), "not a document without one");

    policy.nonce.len = 0;
    nitro_judge(file.data, file.len, &policy, &finding);
    tap_ok(reason(&finding, REFUSED, "nonce"), "nor is none an empty one");

    X509_free(policy.root);
    tap_free(file.data, file.len);
}


static void
test_roots(void)
{
    evidence_t                       file, root;
    ngx_ohttp_relay_nitro_policy_t   policy;

    file = evidence_read(NITRO_FILE);
    policy = nitro_policy(NITRO_TIME);
    X509_free(policy.root);

    root = evidence_read("tdx/intel_sgx_root.der");
    policy.root = ngx_ohttp_relay_chain_root(root.data, root.data + root.len);

    nitro_judge(file.data, file.len, &policy, &finding);
    tap_ok(policy.root && reason(&finding, REFUSED, "root"),
           "not under another root");

    tap_ok(ngx_ohttp_relay_chain_root(root.data, root.data + root.len - 1)
           == NULL, "a root that is cut is none");
    X509_free(policy.root);

    tap_free(root.data, root.len);
    tap_free(file.data, file.len);
}


static void
test_allow(void)
{
    evidence_t                       file;
    ngx_ohttp_relay_allow_entry_t    entries[2];
    ngx_ohttp_relay_nitro_policy_t   policy;

    file = evidence_read(NITRO_FILE);
    policy = nitro_policy(NITRO_TIME);

    memset(entries, 0, sizeof(entries));
    policy.allow.any = 0;
    policy.allow.entries = entries;

    nitro_judge(file.data, file.len, &policy, &finding);
    tap_ok(reason(&finding, REFUSED, "measurements"),
           "an empty list allows nothing");

    policy.allow.n = 1;
    nitro_judge(file.data, file.len, &policy, &finding);
    tap_ok(finding.answer == REFUSED, "an empty entry allows nothing");

    add(&entries[0], 0, pcr0);
    nitro_judge(file.data, file.len, &policy, &finding);
    tap_ok(finding.answer == ACCEPTED, "PCR 0 is allowed");

    add(&entries[0], 1, pcr0);
    nitro_judge(file.data, file.len, &policy, &finding);
    tap_ok(finding.answer == REFUSED, "PCR 1 is not the value of PCR 0");

    add(&entries[0], 1, pcr1);
    nitro_judge(file.data, file.len, &policy, &finding);
    tap_ok(finding.answer == ACCEPTED, "one of two values for PCR 1");

    add(&entries[0], 16, pcr1);
    nitro_judge(file.data, file.len, &policy, &finding);
    tap_ok(finding.answer == REFUSED, "a PCR that is not there");

    policy.allow.n = 2;
    add(&entries[1], 1, pcr1);
    nitro_judge(file.data, file.len, &policy, &finding);
    tap_ok(finding.answer == ACCEPTED, "another entry allows it");

    /* PCR 3 of this enclave is zero */

    add(&entries[1], 3, ZEROS);
    nitro_judge(file.data, file.len, &policy, &finding);
    tap_ok(finding.answer == REFUSED, "zeros never match");

    tap_ok(!add(&entries[1], 0, ZERO) && !add(&entries[1], 0, ZEROS "0")
           && !add(&entries[1], 0, "x" ZEROS), "values are 96 digits");

    X509_free(policy.root);
    tap_free(file.data, file.len);
}


static void
test_debug(void)
{
    evidence_t                       file;
    ngx_ohttp_relay_allow_entry_t    entry;
    ngx_ohttp_relay_nitro_policy_t   policy;

    file = evidence_read(documents[2].file);
    policy = nitro_policy(documents[2].time);

    memset(&entry, 0, sizeof(entry));
    add(&entry, 0, ZEROS);

    policy.allow.any = 0;
    policy.allow.entries = &entry;
    policy.allow.n = 1;

    nitro_judge(file.data, file.len, &policy, &finding);
    tap_ok(reason(&finding, REFUSED, "debug"),
           "a list of zeros lets no debug enclave in");

    policy.debug = 1;
    nitro_judge(file.data, file.len, &policy, &finding);
    tap_ok(reason(&finding, REFUSED, "measurements"),
           "not even if debug enclaves are allowed");

    X509_free(policy.root);
    tap_free(file.data, file.len);
}


static void
test_truncated(void)
{
    int                       bad;
    u_char                   *copy;
    size_t                    i, k;
    evidence_t                file;
    ngx_ohttp_relay_nitro_t   nitro;

    for (bad = 0, i = 0; i < tap_array_len(documents); i++) {

        file = evidence_read(documents[i].file);

        for (k = 0; k < file.len; k++) {
            copy = tap_copy(file.data, k);
            bad += ngx_ohttp_relay_nitro_parse(copy, copy + k, &nitro,
                                               &finding)
                   != MALFORMED;
            tap_free(copy, k);
        }

        tap_free(file.data, file.len);
    }

    tap_ok(bad == 0, "a document that is cut anywhere is none");
}


static void
test_behind(void)
{
    u_char                   *copy;
    evidence_t                file;
    ngx_ohttp_relay_nitro_t   nitro;

    file = evidence_read(NITRO_FILE);
    copy = calloc(1, 20481);

    memcpy(copy, file.data, file.len);

    ngx_ohttp_relay_nitro_parse(copy, copy + file.len + 1, &nitro, &finding);
    tap_ok(reason(&finding, MALFORMED, "behind"), "nothing may follow it");

    ngx_ohttp_relay_nitro_parse(copy, copy + 20481, &nitro, &finding);
    tap_ok(reason(&finding, MALFORMED, "long"), "it has an end");

    free(copy);
    tap_free(file.data, file.len);
}


static int
reason(ngx_ohttp_relay_finding_t *finding, ngx_ohttp_relay_answer_e answer,
    const char *text)
{
    if (finding->answer == answer && strstr(finding->reason, text) != NULL) {
        return 1;
    }

    tap_note("%d: %s", finding->answer, finding->reason);

    return 0;
}


static int
add(ngx_ohttp_relay_allow_entry_t *entry, unsigned number, const char *hex)
{
    ngx_ohttp_relay_slice_t  slice;

    slice.data = (const u_char *) hex;
    slice.len = strlen(hex);

    return ngx_ohttp_relay_allow_add(entry, number, &slice,
                                     NGX_OHTTP_RELAY_NITRO_PCR)
           == NGX_OHTTP_RELAY_OK;
}
