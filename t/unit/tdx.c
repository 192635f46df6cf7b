
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "evidence.h"
#include "tdx.h"


#define ACCEPTED   NGX_OHTTP_RELAY_ACCEPTED
#define REFUSED    NGX_OHTTP_RELAY_REFUSED
#define MALFORMED  NGX_OHTTP_RELAY_MALFORMED
#define UNJUDGED   NGX_OHTTP_RELAY_UNJUDGED

#define QUOTE  "tdx/dcapqvl-tdx_quote"
#define TIME   1750385400LL

/* from when the QE identity is issued to when the list of PCKs ends */
#define FROM   1750329147LL
#define UNTIL  1752919235LL

/* what is signed of it, and where its last length is */
#define TEXT   632


static void test_fields(void);
static void test_times(void);
static void test_policies(void);
static void test_content(void);
static void test_turned(void);
static void test_truncated(void);
static void test_collateral(void);
static void test_spoiled(const char *from, const char *to, const char *name);
static void test_words(void);
static void test_clock(void);
static void judge(const u_char *p, size_t len);
static int reason(ngx_ohttp_relay_answer_e answer, const char *text);


static ngx_ohttp_relay_tdx_t          tdx;
static ngx_ohttp_relay_finding_t      finding;
static ngx_ohttp_relay_tdx_policy_t   policy;


int
main(void)
{
    evidence_t  root, collateral;

    root = evidence_read("tdx/intel_sgx_root.der");
    collateral = evidence_read("tdx/dcapqvl-tdx_quote_collateral.json");

    policy.root = ngx_ohttp_relay_chain_root(root.data, root.data + root.len);
    policy.collateral.data = collateral.data;
    policy.collateral.len = collateral.len;
    policy.now = TIME;
    policy.max_age = 600;
    policy.tcb = 1U << NGX_OHTTP_RELAY_TCB_UP_TO_DATE;
    policy.evaluation = 17;
    policy.allow.any = 1;

    test_fields();
    test_times();
    test_policies();
    test_content();
    test_turned();
    test_truncated();
    test_collateral();
    test_words();
    test_clock();

    X509_free(policy.root);
    tap_free(root.data, root.len);
    tap_free(collateral.data, collateral.len);

    return tap_done();
}


static void
test_fields(void)
{
    evidence_t                file;
    ngx_ohttp_relay_quote_t   quote;

    file = evidence_read(QUOTE);

    judge(file.data, file.len);
    tap_ok(reason(ACCEPTED, "") && finding.valid_until == TIME + 600,
           "the quote at its time");

    tap_ok(tdx.status == NGX_OHTTP_RELAY_TCB_UP_TO_DATE
           && memcmp(tdx.pck.fmspc, "\xb0\xc0\x6f\0\0\0", 6) == 0
           && memcmp(tdx.pck.pceid, "\0\0", 2) == 0 && tdx.pck.pcesvn == 11
           && tdx.pck.components[0] == 3 && tdx.pck.components[4] == 4
           && tdx.pck.components[7] == 5 && tdx.pck.components[15] == 0,
           "the platform and its status");

    ngx_ohttp_relay_quote_parse(file.data, file.data + file.len, &quote,
                                &finding);

    tap_ok(quote.version == 4 && quote.text.len == TEXT
           && quote.report_data.data == file.data + 568
           && memcmp(quote.tee_tcb_svn.data, "\6\1\3", 3) == 0
           && memcmp(quote.mrtd.data, "\x91\xeb\x2b\x44", 4) == 0
           && memcmp(quote.rtmrs[2].data, "\xd8\x33\xfe\xef", 4) == 0
           && quote.qe_isvprodid == 2 && quote.qe_isvsvn == 6,
           "the fields of the quote");

    tap_free(file.data, file.len);
}


static void
test_times(void)
{
    size_t      i;
    evidence_t  file;

    static const struct {
        int64_t      now;
        int          answer;
        const char  *text;
    } times[] = {
        { FROM - 1, REFUSED, "not yet" },
        { FROM, ACCEPTED, "" },
        { UNTIL - 1, ACCEPTED, "" },
        { UNTIL, REFUSED, "list has expired" },
        { TIME + 400 * 24 * 3600LL, REFUSED, "expired" },
        { TIME - 24 * 3600, REFUSED, "not yet" },
    };

    file = evidence_read(QUOTE);

    for (i = 0; i < tap_array_len(times); i++) {
        policy.now = times[i].now;
        judge(file.data, file.len);
        tap_ok(reason(times[i].answer, times[i].text)
               && (finding.answer != ACCEPTED || finding.valid_until <= UNTIL),
               "at %lld: %d %s", (long long) times[i].now, times[i].answer,
               finding.reason);
    }

    policy.now = TIME;
    tap_free(file.data, file.len);
}


static void
test_policies(void)
{
    X509        *root;
    evidence_t   file, pem;

    file = evidence_read(QUOTE);
    pem = evidence_read("nitro/aws_root_g1.pem");

    root = policy.root;
    policy.root = ngx_ohttp_relay_chain_root(pem.data, pem.data + pem.len);
    judge(file.data, file.len);
    tap_ok(reason(REFUSED, "root"), "not under another root");
    X509_free(policy.root);
    policy.root = root;

    policy.evaluation = 18;
    judge(file.data, file.len);
    tap_ok(reason(REFUSED, "evaluation"), "not of an older evaluation");
    policy.evaluation = 17;

    policy.tcb = 1U << NGX_OHTTP_RELAY_TCB_OUT_OF_DATE;
    judge(file.data, file.len);
    tap_ok(reason(REFUSED, "status"), "not of a status that is not listed");
    policy.tcb = 1;

    tap_free(pem.data, pem.len);
    tap_free(file.data, file.len);
}


static void
test_content(void)
{
    u_char                            data[64];
    evidence_t                        file;
    ngx_ohttp_relay_allow_entry_t     entry;

    file = evidence_read(QUOTE);

    memset(&entry, 0, sizeof(entry));
    policy.allow.any = 0;
    judge(file.data, file.len);
    tap_ok(reason(REFUSED, "measurements"), "an empty list allows nothing");

    entry.n = 1;
    entry.values[0].number = NGX_OHTTP_RELAY_TDX_MRTD;
    entry.values[0].len = 48;
    memcpy(entry.values[0].value, file.data + 48 + 136, 48);

    policy.allow.entries = &entry;
    policy.allow.n = 1;
    judge(file.data, file.len);
    tap_ok(reason(ACCEPTED, ""), "its MRTD is allowed");

    entry.values[0].value[47] ^= 1;
    judge(file.data, file.len);
    tap_ok(reason(REFUSED, "measurements"), "another one is not");

    policy.allow.any = 1;
    memcpy(data, file.data + 568, 64);
    policy.report_data.data = data;
    policy.report_data.len = 64;
    judge(file.data, file.len);
    tap_ok(reason(ACCEPTED, ""), "its report data");

    data[63] ^= 1;
    judge(file.data, file.len);
    tap_ok(reason(REFUSED, "report data"), "not with other report data");
    policy.report_data.data = NULL;

    policy.event_log.data = (const u_char *) "[]";
    policy.event_log.len = 2;
    judge(file.data, file.len);
    tap_ok(reason(REFUSED, "event log"), "not with a log of another one");
    policy.event_log.data = NULL;

    tap_free(file.data, file.len);
}


/*
 * A bit of each byte of what is signed, and of each fourth one behind it; all
 * of them with TEST_NGINX_UNSAFE.
 */

static void
test_turned(void)
{
    int         bad;
    size_t      i;
    evidence_t  file;

    file = evidence_read(QUOTE);

    for (bad = 0, i = 0; i < file.len * 8; i++) {

        if ((i % 8 != i / 8 % 7 || (i >= TEXT * 8 && i / 8 % 4 != 0))
            && getenv("TEST_NGINX_UNSAFE") == NULL)
        {
            continue;
        }

        file.data[i / 8] ^= 1 << i % 8;
        judge(file.data, file.len);
        file.data[i / 8] ^= 1 << i % 8;

        if (finding.answer != REFUSED && finding.answer != MALFORMED) {
            tap_note("bit %zu: %d", i, finding.answer);
            bad = 1;
        }
    }

    tap_ok(!bad, "one bit of the quote turned is refused");
    tap_free(file.data, file.len);
}


/* what is behind the certificates is zeros, and as many as anybody likes */

static void
test_truncated(void)
{
    int                       bad;
    u_char                   *copy;
    size_t                    i;
    evidence_t                file;
    ngx_ohttp_relay_quote_t   quote;

    file = evidence_read(QUOTE);

    for (bad = 0, i = 0; i < file.len; i++) {
        copy = tap_copy(file.data, i);
        bad |= (ngx_ohttp_relay_quote_parse(copy, copy + i, &quote, &finding)
                == MALFORMED) != (i < file.len - 70);
        tap_free(copy, i);
    }

    tap_ok(!bad, "a quote that is cut is none");
    tap_free(file.data, file.len);
}


static void
test_collateral(void)
{
    evidence_t  file;

    file = evidence_read(QUOTE);

    test_spoiled("\\\"tcbEvaluationDataNumber\\\":17",
                 "\\\"tcbEvaluationDataNumber\\\":18", "changed TCB info");
    test_spoiled("\"tcb_info_signature\": \"02", "\"tcb_info_signature\": \"03",
                 "another signature");
    test_spoiled("\"tcb_info_issuer_chain\": \"---", "\"tcb_info_issuer_chain\""
                 ": \"--+", "no certificates");
    test_spoiled("\"tcb_info\"", "\"tcb_infx\"", "no TCB info");
    test_spoiled("\"root_ca_crl\"", "\"root_ca_crx\"", "no list of the root");
    test_spoiled("{", "[", "no JSON");

    tap_free(file.data, file.len);
}


static void
test_spoiled(const char *from, const char *to, const char *name)
{
    char                     *text, *p;
    evidence_t                file;
    ngx_ohttp_relay_slice_t   right;

    file = evidence_read(QUOTE);
    right = policy.collateral;

    text = calloc(1, right.len + 1);
    memcpy(text, right.data, right.len);

    p = strstr(text, from);

    if (p == NULL) {
        tap_ok(0, "%s: the collateral has none", name);

    } else {
        memcpy(p, to, strlen(to));
        policy.collateral.data = (const u_char *) text;
        judge(file.data, file.len);
        tap_ok(finding.answer == REFUSED || finding.answer == UNJUDGED,
               "collateral, %s: %s", name, finding.reason);
    }

    policy.collateral = right;
    free(text);
    tap_free(file.data, file.len);
}


static void
test_words(void)
{
    unsigned  i;

    for (i = 0; i < NGX_OHTTP_RELAY_TCB_UNKNOWN; i++) {
        tap_ok(ngx_ohttp_relay_tcb(ngx_ohttp_relay_tcb_word(i)) == i,
               "%s is a status", ngx_ohttp_relay_tcb_word(i));
    }

    tap_ok(ngx_ohttp_relay_tcb("unknown") == NGX_OHTTP_RELAY_TCB_UNKNOWN
           && ngx_ohttp_relay_tcb("") == NGX_OHTTP_RELAY_TCB_UNKNOWN
           && ngx_ohttp_relay_tcb("uptodate") == NGX_OHTTP_RELAY_TCB_UNKNOWN
           && ngx_ohttp_relay_tcb(NULL) == NGX_OHTTP_RELAY_TCB_UNKNOWN,
           "no other word is");
}


static void
test_clock(void)
{
    size_t  i;

    static const struct {
        const char  *text;
        int64_t      time;
    } times[] = {
        { "2025-06-20T02:10:00Z", TIME },
        { "1970-01-01T00:00:00Z", 0 },
        { "2025-06-20 02:10:00Z", -1 },
        { "2025-06-20T02:10:00z", -1 },
        { "2025-06-20T02:10:00", -1 },
        { "2025-06-20T02:10:00ZZ", -1 },
        { "2025-13-20T02:10:00Z", -1 },
        { "2025-00-20T02:10:00Z", -1 },
        { "2025-06-00T02:10:00Z", -1 },
        { "2025-06-32T02:10:00Z", -1 },
        { "2025-06-20T24:10:00Z", -1 },
        { "2025-06-20T02:60:00Z", -1 },
        { "2025-06-20T02:10:60Z", -1 },
        { "+025-06-20T02:10:00Z", -1 },
        { "1969-06-20T02:10:00Z", -1 },
        { "", -1 },
        { NULL, -1 },
    };

    for (i = 0; i < tap_array_len(times); i++) {
        tap_ok(ngx_ohttp_relay_collateral_time(times[i].text)
               == times[i].time, "%s: %lld",
               times[i].text ? times[i].text : "none",
               (long long) times[i].time);
    }
}


static void
judge(const u_char *p, size_t len)
{
    ngx_ohttp_relay_quote_t  quote;

    if (ngx_ohttp_relay_quote_parse(p, p + len, &quote, &finding) == ACCEPTED)
    {
        ngx_ohttp_relay_tdx_verify(&quote, &policy, &tdx, &finding);
    }
}


static int
reason(ngx_ohttp_relay_answer_e answer, const char *text)
{
    if (finding.answer == answer && strstr(finding.reason, text) != NULL) {
        return 1;
    }

    tap_note("%d: %s", finding.answer, finding.reason);

    return 0;
}
