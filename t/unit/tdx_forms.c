
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * Quotes and collateral that are made here, one thing in each of them wrong,
 * or none.  Who wrote this wrote the verifier too: a real quote is in tdx.c.
 */


#include "tdx_make.h"
#include "tdx.h"


#define OK        NGX_OHTTP_RELAY_ACCEPTED
#define NO        NGX_OHTTP_RELAY_REFUSED
#define BAD       NGX_OHTTP_RELAY_MALFORMED
#define UNJUDGED  NGX_OHTTP_RELAY_UNJUDGED

/* policies beside the usual one, which allows any measurement */
#define DEBUG  1        /* debug TDs */
#define OLD    2        /* OutOfDate */
#define ALL    4        /* all that has a word */
#define MRTD   8        /* this MRTD, and no other */
#define NAMED  16       /* and this mr_config_id */


static void test_form(size_t i);
static void test_events(void);
static void test_log(const char *log, ngx_ohttp_relay_answer_e answer,
    const char *text, const char *name);
static void judge(tdx_wrong_e wrong, int as);
static void add(ngx_ohttp_relay_allow_entry_t *entry, unsigned number,
    int byte, size_t len);


static const struct {
    tdx_wrong_e                wrong;
    int                        as;
    ngx_ohttp_relay_answer_e   answer;
    const char                *name;
} forms[] = {
    { TDX_GOOD, 0, OK, "as it should be" },
    { TDX_GOOD, MRTD, OK, "with the measurement that is allowed" },
    { TDX_VERSION_5, 0, OK, "version 5" },
    { TDX_VERSION_5_TD_15, 0, OK, "version 5, TD 1.5" },
    { TDX_PADDED, 0, OK, "4096 zeros behind it" },
    { TDX_NO_NUL, 0, OK, "no NUL behind the certificates" },
    { TDX_NO_AUTH, 0, OK, "no authentication data" },
    { TDX_MODULE_0, 0, OK, "a module without an identity" },

    { TDX_SECOND_LEVEL, 0, NO, "OutOfDate" },
    { TDX_SECOND_LEVEL, OLD, OK, "OutOfDate, allowed" },
    { TDX_QE_OUT_OF_DATE, 0, NO, "a quoting enclave that is OutOfDate" },
    { TDX_QE_OUT_OF_DATE, OLD, OK, "the same, allowed" },
    { TDX_MODULE_OUT_OF_DATE, 0, NO, "a module that is OutOfDate" },
    { TDX_MODULE_OUT_OF_DATE, OLD, OK, "the same, allowed" },
    { TDX_HARDENING, 0, NO, "SWHardeningNeeded" },
    { TDX_HARDENING, OLD, NO, "SWHardeningNeeded, another one allowed" },
    { TDX_HARDENING, ALL, OK, "SWHardeningNeeded, allowed" },
    { TDX_REVOKED_STATUS, OLD, NO, "Revoked" },
    { TDX_UNKNOWN_STATUS, ALL, NO, "a status that is unknown" },
    { TDX_DEBUG, 0, NO, "a debug TD" },
    { TDX_DEBUG, DEBUG, OK, "a debug TD, allowed" },
    { TDX_CONFIG_ID, 0, OK, "mr_config_id, any measurement" },
    { TDX_CONFIG_ID, MRTD, NO, "mr_config_id that nobody asks about" },
    { TDX_CONFIG_ID, MRTD|NAMED, OK, "mr_config_id that is asked for" },
    { TDX_GOOD, MRTD|NAMED, NO, "mr_config_id that is missing" },

    { TDX_VERSION_3, 0, BAD, "version 3" },
    { TDX_KEY_TYPE, 0, BAD, "another kind of key" },
    { TDX_SGX, 0, BAD, "a quote of SGX" },
    { TDX_BODY_TYPE, 0, BAD, "another kind of report" },
    { TDX_BODY_SIZE, 0, BAD, "a report that is shorter" },
    { TDX_BODY_OTHER_SIZE, 0, BAD, "a report with the other's length" },
    { TDX_AUTH_SHORT, 0, BAD, "authentication data, one less" },
    { TDX_AUTH_LONG, 0, BAD, "authentication data, one more" },
    { TDX_REPORT_SHORT, 0, BAD, "certification data, one less" },
    { TDX_REPORT_LONG, 0, BAD, "certification data, one more" },
    { TDX_QE_AUTH_LONG, 0, BAD, "data of the enclave, one more" },
    { TDX_CHAIN_SHORT, 0, BAD, "certificates, one less" },
    { TDX_CHAIN_LONG, 0, BAD, "certificates, one more" },
    { TDX_REPORT_TYPE, 0, BAD, "another type outside" },
    { TDX_CHAIN_TYPE, 0, BAD, "another type inside" },
    { TDX_PAD_ONE, 0, BAD, "a byte behind it" },
    { TDX_PAD_LONG, 0, BAD, "4097 zeros behind it" },
    { TDX_TWO_CERTIFICATES, 0, BAD, "two certificates" },
    { TDX_FOUR_CERTIFICATES, 0, BAD, "four" },
    { TDX_TEXT_BETWEEN, 0, BAD, "a line between them" },

    { TDX_VENDOR, 0, NO, "another vendor" },
    { TDX_SIGNATURE, 0, NO, "a wrong signature" },
    { TDX_QE_SIGNATURE, 0, NO, "a wrong signature of the enclave" },
    { TDX_QE_DATA, 0, NO, "an enclave that names another key" },
    { TDX_QE_DATA_TAIL, 0, NO, "an enclave that says more" },
    { TDX_QE_AUTH, 0, NO, "other data of the enclave" },
    { TDX_KEY, 0, NO, "a key beside the curve" },
    { TDX_ROOT_COPY, 0, NO, "another copy of the root" },
    { TDX_FOREIGN, 0, NO, "an authority under another root" },
    { TDX_PCK_CA, 0, NO, "a platform that is an authority" },
    { TDX_PCK_P384, 0, NO, "a platform of P-384" },
    { TDX_PCK_EXPIRED, 0, NO, "a platform that has expired" },
    { TDX_PCK_NO_EXTENSION, 0, NO, "a platform without an extension" },
    { TDX_PCK_SHORT_EXTENSION, 0, NO, "a platform without an FMSPC" },
    { TDX_PCK_REVOKED, 0, NO, "a platform that is revoked" },
    { TDX_CA_REVOKED, 0, NO, "an authority that is revoked" },
    { TDX_CA_EXPIRED, 0, NO, "an authority that has expired" },

    { TDX_SIGNER_REVOKED, 0, NO, "a signer that is revoked" },
    { TDX_SIGNER_PCK, 0, NO, "collateral signed by a platform" },
    { TDX_SIGNER_NAME, 0, NO, "collateral signed by another name" },
    { TDX_SIGNER_BY_CA, 0, NO, "a signer by the platforms' authority" },
    { TDX_SIGNER_FOREIGN, 0, NO, "a signer under another root" },
    { TDX_INFO_SIGNATURE, 0, NO, "TCB info with a wrong signature" },
    { TDX_INFO_EXPIRED, 0, NO, "TCB info that has expired" },
    { TDX_INFO_FUTURE, 0, NO, "TCB info of the future" },
    { TDX_INFO_SGX, 0, NO, "TCB info of SGX" },
    { TDX_INFO_VERSION, 0, NO, "TCB info of version 2" },
    { TDX_INFO_FMSPC, 0, NO, "TCB info of another FMSPC" },
    { TDX_INFO_PCEID, 0, NO, "TCB info of another PCE" },
    { TDX_INFO_EVALUATION, 0, NO, "TCB info of an older evaluation" },
    { TDX_INFO_TIME, 0, NO, "TCB info without a time" },
    { TDX_QE_EXPIRED, 0, NO, "a QE identity that has expired" },
    { TDX_QE_SGX, 0, NO, "a QE identity of SGX" },
    { TDX_QE_EVALUATION, 0, NO, "a QE identity of an older evaluation" },
    { TDX_QE_SIGNATURE_INFO, 0, NO, "a QE identity, wrongly signed" },
    { TDX_CRL_EXPIRED, 0, NO, "a list that has expired" },
    { TDX_CRL_OTHER, 0, NO, "a list of another authority" },
    { TDX_ROOT_CRL_EXPIRED, 0, NO, "the root's list has expired" },
    { TDX_ROOT_CRL_MISSING, 0, NO, "another list in its place" },

    { TDX_COMPONENT, ALL, NO, "a component below all levels" },
    { TDX_PCESVN, ALL, NO, "a PCE below all levels" },
    { TDX_TDX_COMPONENT, ALL, NO, "a TDX component below all levels" },
    { TDX_MODULE_UNKNOWN, ALL, NO, "a module nobody knows" },
    { TDX_MODULE_SVN, ALL, NO, "a module below all levels" },
    { TDX_MODULE_SIGNER, ALL, NO, "a module signed by another" },
    { TDX_MODULE_ATTRIBUTES, ALL, NO, "a module with other attributes" },
    { TDX_QE_SIGNER, ALL, NO, "an enclave signed by another" },
    { TDX_QE_PRODUCT, ALL, NO, "another product" },
    { TDX_QE_SVN, ALL, NO, "an enclave below all levels" },
    { TDX_QE_ATTRIBUTES, ALL, NO, "an enclave with other attributes" },
    { TDX_QE_MISCSELECT, ALL, NO, "an enclave with another miscselect" },

    { TDX_BUNDLE_CUT, 0, UNJUDGED, "a bundle that is cut" },
    { TDX_BUNDLE_TWICE, 0, UNJUDGED, "a bundle with a member twice" },
    { TDX_BUNDLE_NO_CRL, 0, UNJUDGED, "a bundle without a list" },
    { TDX_BUNDLE_NO_INFO, 0, UNJUDGED, "a bundle without TCB info" },
    { TDX_BUNDLE_CRL_TRAILING, 0, UNJUDGED, "a byte behind a list" },
};


static const char                  *event_log;
static ngx_ohttp_relay_finding_t    finding;


int
main(void)
{
    size_t  i;

    for (i = 0; i < tap_array_len(forms); i++) {
        test_form(i);
    }

    test_events();

    return tap_done();
}


static void
test_form(size_t i)
{
    judge(forms[i].wrong, forms[i].as);

    tap_ok(finding.answer == forms[i].answer, "%s: %d%s%s", forms[i].name,
           forms[i].answer, finding.reason[0] ? " " : "", finding.reason);

    if (finding.answer == OK && finding.valid_until != TDX_NOW + 600) {
        tap_ok(0, "%s: until then", forms[i].name);
    }
}


static void
judge(tdx_wrong_e wrong, int as)
{
    char                            *bundle;
    u_char                          *copy;
    tdx_pki_t                        pki;
    ngx_ohttp_relay_tdx_t            tdx;
    ngx_ohttp_relay_quote_t          quote;
    ngx_ohttp_relay_tdx_policy_t     policy;
    ngx_ohttp_relay_allow_entry_t    entry;

    static tdx_buf_t                 b;

    tdx_authorities(wrong, &pki);
    tdx_quote(wrong, &pki, &b);
    bundle = tdx_bundle(wrong, &pki);
    copy = tap_copy(b.data, b.len);

    memset(&policy, 0, sizeof(policy));
    memset(&entry, 0, sizeof(entry));

    policy.root = pki.root;
    policy.now = TDX_NOW;
    policy.max_age = 600;
    policy.collateral.data = (const u_char *) bundle;
    policy.collateral.len = strlen(bundle);
    policy.tcb = 1;
    policy.evaluation = 17;
    policy.debug = as & DEBUG ? 1 : 0;

    policy.tcb |= as & OLD ? 1U << NGX_OHTTP_RELAY_TCB_OUT_OF_DATE : 0;
    policy.tcb |= as & ALL ? ~0U : 0;

    policy.allow.any = as & MRTD ? 0 : 1;
    policy.allow.entries = &entry;
    policy.allow.n = 1;
    add(&entry, NGX_OHTTP_RELAY_TDX_MRTD, 0x11, 48);

    if (as & NAMED) {
        add(&entry, NGX_OHTTP_RELAY_TDX_MR_CONFIG_ID, 1, 48);
    }

    if (event_log != NULL) {
        policy.event_log.data = (const u_char *) event_log;
        policy.event_log.len = strlen(event_log);
        policy.allow.any = 0;
        add(&entry, NGX_OHTTP_RELAY_TDX_EVENT, 0xaa, 32);
    }

    if (ngx_ohttp_relay_quote_parse(copy, copy + b.len, &quote, &finding)
        == OK)
    {
        ngx_ohttp_relay_tdx_verify(&quote, &policy, &tdx, &finding);
    }

    tap_free(copy, b.len);
    free(bundle);
    tdx_forget(&pki);
}


static void
add(ngx_ohttp_relay_allow_entry_t *entry, unsigned number, int byte,
    size_t len)
{
    entry->values[entry->n].number = number;
    entry->values[entry->n].len = len;
    memset(entry->values[entry->n].value, byte, len);
    entry->n++;
}


/* digits of 48 bytes, and of the 32 of the hash that is allowed */

#define D8    "1212121212121212" "1212121212121212"
#define D48   D8 D8 D8
#define H8    "aaaaaaaaaaaaaaaa" "aaaaaaaaaaaaaaaa"
#define H32   H8 H8

#define BOOT(imr)                                                            \
    "{\"imr\":" imr ",\"event_type\":1,\"digest\":\"" D48 "\","              \
    "\"event\":\"\",\"event_payload\":\"\"}"

#define RUN(name, payload)                                                   \
    "{\"imr\":3,\"event_type\":134217729,\"digest\":\"\",\"event\":\"" name  \
    "\",\"event_payload\":\"" payload "\"}"

#define RUN2(name, payload)                                                  \
    "{\"imr\":3,\"event_type\":134217729,\"digest\":\"\",\"event\":\"" name  \
    "\",\"event_payload\":\"" payload "\",\"version\":2}"

#define COMPOSE  RUN("compose-hash", H32)
#define READY    RUN("system-ready", "")
#define HEAD     "[" BOOT("0") "," BOOT("1") "," RUN("app-id", "0102") ","


static void
test_events(void)
{
    /* the RTMRs of the quote are those of the log, but where it says "as" */

    test_log(HEAD COMPOSE "," READY "]", OK, NULL, "a log");
    test_log(HEAD RUN2("compose-hash", H32) "," RUN2("system-ready", "") "]",
             OK, NULL, "a log of version 2");
    test_log(HEAD COMPOSE "," READY "," RUN("compose-hash", "00") "]", OK,
             NULL, "a second hash behind system-ready");
    test_log(HEAD COMPOSE "," RUN("compose-hash", H32) "," READY "]", NO,
             "twice", "a second hash before it");
    test_log(HEAD READY "," COMPOSE "]", NO, "measurements",
             "a hash behind it only");
    test_log(HEAD COMPOSE "]", NO, "measurements", "no system-ready");
    test_log(HEAD READY "]", NO, "measurements", "no hash");
    test_log(HEAD RUN("compose-hash", "00") "," READY "]", NO,
             "measurements", "another hash");

    event_log = HEAD COMPOSE "," READY "]";
    memset(tdx_rtmrs[3], 0, 48);
    judge(TDX_GOOD, 0);
    tap_ok(finding.answer == NO && strstr(finding.reason, "log"),
           "a log that is not that of the quote");

    /* the same events in another order, against the RTMRs of the first one */

    test_log(HEAD COMPOSE "," READY "]", OK, NULL, "a log, once more");
    event_log = "[" BOOT("1") "," BOOT("0") "," RUN("app-id", "0102") ","
                COMPOSE "," READY "]";
    judge(TDX_GOOD, 0);
    tap_ok(finding.answer == OK, "registers do not know of each other");

    event_log = "[" BOOT("0") "," BOOT("1") "," COMPOSE ","
                RUN("app-id", "0102") "," READY "]";
    judge(TDX_GOOD, 0);
    tap_ok(finding.answer == NO && strstr(finding.reason, "log"),
           "events in another order");

    event_log = NULL;
}


static void
test_log(const char *log, ngx_ohttp_relay_answer_e answer, const char *text,
    const char *name)
{
    ngx_ohttp_relay_event_log_t  replayed;

    memset(tdx_rtmrs, 0, sizeof(tdx_rtmrs));

    if (ngx_ohttp_relay_event_log((const u_char *) log,
                                  (const u_char *) log + strlen(log),
                                  &replayed, &finding)
        == OK)
    {
        memcpy(tdx_rtmrs, replayed.rtmrs, sizeof(tdx_rtmrs));
    }

    event_log = log;
    judge(TDX_GOOD, 0);
    event_log = NULL;

    tap_ok(finding.answer == answer
           && (text == NULL || strstr(finding.reason, text)), "%s: %d %s",
           name, answer, finding.reason);
}
