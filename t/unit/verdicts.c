
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "verdicts.h"


#define HEX                                                                  \
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

#define PIN  "\"cert-sha256:" HEX "\""

#define HEAD                                                                 \
    "{\"version\":1,\"seq\":42,\"boot_id\":\"0aff\",\"written_at\":100,"     \
    "\"ttl\":900,\"gateways\":"

#define ROW                                                                  \
    "{\"state\":\"ok\",\"kind\":\"aws-nitro\",\"root\":\"hardware\","        \
    "\"reason\":\"\",\"entry_sha256\":\"" HEX "\",\"verified_at\":100,"      \
    "\"valid_until\":700,\"tls_pins\":[" PIN "],"                            \
    "\"evidence_sha256\":\"" HEX "\"}"

#define GOOD  HEAD "{\"og-1\":" ROW "}}"


static void test_good(void);
static void test_find(void);
static void test_many(void);
static void test_members(void);
static const char *error_of(const char *text, size_t len);
static ngx_ohttp_relay_verdict_file_t *read_text(const char *text);
static const char *replaced(const char *from, const char *to);


/* one thing of the good file changed, and the error; or NULL, if none */

static const struct {
    const char  *from;
    const char  *to;
    const char  *error;
} cases[] = {
    { "", "", NULL },
    { "\"version\":1", "\"version\":2", "\"version\" is wrong" },
    { "\"version\":1", "\"version\":0", "\"version\" is wrong" },
    { "\"version\":1", "\"version\":\"1\"", "\"version\" is wrong" },
    { "\"version\":1", "\"version\":1,\"version\":1",
      "line 1: a name is there twice in one object" },
    { "\"seq\":42", "\"seq\":0", NULL },
    { "\"seq\":42", "\"seq\":9223372036854775807", NULL },
    { "\"seq\":42", "\"seq\":9223372036854775808",
      "line 1: this is not JSON" },
    { "\"seq\":42", "\"seq\":-1", "\"seq\" is wrong" },
    { "\"seq\":42", "\"seq\":null", "\"seq\" is wrong" },
    { "\"seq\":42", "\"seq\":42.0", "a number is not an integer" },
    { "\"seq\":42,", "", "\"seq\" is missing" },
    { "\"seq\":42", "\"seq\":42,\"peer\":1", "unknown member \"peer\"" },
    { "\"0aff\"", "\"\"", "\"boot_id\" is wrong" },
    { "\"0aff\"", "\"0\"", "\"boot_id\" is wrong" },
    { "\"0aff\"", "\"0affx\"", "\"boot_id\" is wrong" },
    { "\"0aff\"", "\"" HEX "\"", NULL },
    { "\"0aff\"", "\"" HEX "00\"", "\"boot_id\" is wrong" },
    { "\"0aff\"", "10", "\"boot_id\" is wrong" },
    { "\"written_at\":100", "\"written_at\":\"100\"",
      "\"written_at\" is wrong" },
    { "\"written_at\":100", "\"written_at\":253402300799", NULL },
    { "\"written_at\":100", "\"written_at\":253402300800",
      "\"written_at\" is wrong" },
    { "\"ttl\":900", "\"ttl\":0", NULL },
    { "\"ttl\":900", "\"ttl\":2592000", NULL },
    { "\"ttl\":900", "\"ttl\":2592001", "\"ttl\" is wrong" },
    { "\"ttl\":900", "\"ttl\":-1", "\"ttl\" is wrong" },
    { "{\"og-1\":" ROW "}", "{}", NULL },
    { "{\"og-1\":" ROW "}", "[]",
      "\"gateways\" must be an object of at most 4096 members" },
    { ROW, "[]", "gateway \"og-1\": it must be an object" },
    { "\"og-1\"", "\"og/1\"",
      "gateway \"og/1\": a name is 1 to 64 letters, digits, \"-\", \"_\" or "
      "\".\"" },
    { "\"og-1\"", "\"\"",
      "gateway \"\": a name is 1 to 64 letters, digits, \"-\", \"_\" or "
      "\".\"" },

    { "\"state\":\"ok\"", "\"state\":\"OK\"",
      "gateway \"og-1\": \"state\" is wrong" },
    { "\"state\":\"ok\"", "\"state\":true",
      "gateway \"og-1\": \"state\" is wrong" },
    { "\"state\":\"ok\"", "\"state\":\"lapsed\"",
      "gateway \"og-1\": \"state\" is wrong" },
    { "\"state\":\"ok\"", "\"state\":\"stale\"", NULL },
    { "\"state\":\"ok\"", "\"state\":\"pinned\"", NULL },
    { "\"state\":\"ok\"", "\"state\":\"refused\"", NULL },
    { "\"state\":\"ok\"", "\"state\":\"key_conflict\"", NULL },
    { "\"kind\":\"aws-nitro\"", "\"kind\":\"\"",
      "gateway \"og-1\": \"kind\" is wrong" },
    { "\"kind\":\"aws-nitro\"", "\"kind\":\"" HEX "\"", NULL },
    { "\"kind\":\"aws-nitro\"", "\"kind\":\"" HEX "0\"",
      "gateway \"og-1\": \"kind\" is wrong" },
    { "\"root\":\"hardware\"", "\"root\":\"service\"", NULL },
    { "\"root\":\"hardware\"", "\"root\":\"operator\"", NULL },
    { "\"root\":\"hardware\"", "\"root\":\"test-root\"", NULL },
    { "\"root\":\"hardware\"", "\"root\":\"hardwar\"",
      "gateway \"og-1\": \"root\" is wrong" },
    { "\"root\":\"hardware\"", "\"root\":\"\"",
      "gateway \"og-1\": \"root\" is wrong" },
    { "\"reason\":\"\"", "\"reason\":\"the PCR0 is another one\"", NULL },
    { "\"reason\":\"\"", "\"reason\":\"" HEX HEX HEX HEX "\"", NULL },
    { "\"reason\":\"\"", "\"reason\":\"" HEX HEX HEX HEX "0\"",
      "gateway \"og-1\": \"reason\" is wrong" },
    { "\"reason\":\"\"", "\"reason\":\"a\\nb\"",
      "a string has a control character in it" },
    { "\"entry_sha256\":\"" HEX, "\"entry_sha256\":\"",
      "gateway \"og-1\": \"entry_sha256\" is wrong" },
    { "\"entry_sha256\":\"00", "\"entry_sha256\":\"",
      "gateway \"og-1\": \"entry_sha256\" is wrong" },
    { "\"entry_sha256\":\"00", "\"entry_sha256\":\"0x",
      "gateway \"og-1\": \"entry_sha256\" is wrong" },
    { "\"evidence_sha256\":\"" HEX, "\"evidence_sha256\":\"",
      "gateway \"og-1\": \"evidence_sha256\" is wrong" },
    { "\"evidence_sha256\":\"00", "\"evidence_sha256\":\"0000",
      "gateway \"og-1\": \"evidence_sha256\" is wrong" },
    { "\"verified_at\":100", "\"verified_at\":-1",
      "gateway \"og-1\": \"verified_at\" is wrong" },
    { "\"valid_until\":700", "\"valid_until\":253402300799", NULL },
    { "\"valid_until\":700", "\"valid_until\":253402300800",
      "gateway \"og-1\": \"valid_until\" is wrong" },
    { "\"valid_until\":700,", "",
      "gateway \"og-1\": \"valid_until\" is missing" },
    { "\"valid_until\":700", "\"valid_until\":700,\"url\":\"https://x/\"",
      "gateway \"og-1\": unknown member \"url\"" },
    { PIN, "", NULL },
    { PIN, PIN "," PIN "," PIN "," PIN "," PIN "," PIN "," PIN "," PIN, NULL },
    { PIN, PIN "," PIN "," PIN "," PIN "," PIN "," PIN "," PIN "," PIN ","
      PIN, "gateway \"og-1\": \"tls_pins\" is wrong" },
    { PIN, "\"spki-sha256:" HEX "\"", NULL },
    { PIN, "\"" HEX "\"", "gateway \"og-1\": \"tls_pins\" is wrong" },
    { PIN, "\"\"", "gateway \"og-1\": \"tls_pins\" is wrong" },
    { PIN, "1", "gateway \"og-1\": \"tls_pins\" is wrong" },
    { "[" PIN "]", PIN, "gateway \"og-1\": \"tls_pins\" is wrong" },
    { "[" PIN "]", "null", "gateway \"og-1\": \"tls_pins\" is wrong" },
};


int
main(void)
{
    int          bad;
    size_t       i;
    const char  *text, *error;

    for (i = 0; i < tap_array_len(cases); i++) {
        text = replaced(cases[i].from, cases[i].to);
        error = error_of(text, strlen(text));

        bad = cases[i].error ? error == NULL
                               || strcmp(error, cases[i].error) != 0
                             : error != NULL;

        tap_ok(!bad, "%s for %zu", tap_text(cases[i].to, strlen(cases[i].to)),
               i);

        if (bad) {
            tap_note("got %s", error ? error : "no error");
        }
    }

    test_good();
    test_find();
    test_many();
    test_members();

    for (bad = 0, i = 0; i < strlen(GOOD); i++) {
        bad |= error_of(GOOD, i) == NULL;
    }

    tap_ok(!bad, "no part of a file is one");

    ngx_ohttp_relay_verdicts_free(NULL);

    return tap_done();
}


static void
test_good(void)
{
    int                              i, bad;
    const ngx_ohttp_relay_verdict_t *verdict;
    ngx_ohttp_relay_verdict_file_t  *file;

    file = read_text(GOOD);

    tap_ok(file->seq == 42 && file->written_at == 100 && file->ttl == 900
           && file->n == 1, "the head");

    for (bad = 0, i = 2; i < NGX_OHTTP_RELAY_VERDICTS_BOOT; i++) {
        bad |= file->boot_id[i];
    }

    tap_ok(file->boot_id[0] == 0x0a && file->boot_id[1] == 0xff && !bad,
           "the boot");

    verdict = &file->verdicts[0];

    for (bad = 0, i = 0; i < NGX_OHTTP_RELAY_VERDICT_DIGEST; i++) {
        bad |= verdict->entry_sha256[i] != i
               || verdict->evidence_sha256[i] != i
               || verdict->pins[0].digest[i] != i;
    }

    tap_ok(verdict->state == NGX_OHTTP_RELAY_VERDICT_OK
           && verdict->root == NGX_OHTTP_RELAY_ROOT_HARDWARE
           && strcmp((char *) verdict->kind.data, "aws-nitro") == 0
           && verdict->reason.len == 0 && verdict->verified_at == 100
           && verdict->valid_until == 700 && verdict->npins == 1
           && verdict->pins[0].kind == NGX_OHTTP_RELAY_PIN_CERT && !bad,
           "the verdict");

    tap_ok(strcmp(ngx_ohttp_relay_verdict_state_word(verdict->state), "ok")
           == 0
           && strcmp(ngx_ohttp_relay_verdict_root_word(verdict->root),
                     "hardware") == 0, "its words");

    ngx_ohttp_relay_verdicts_free(file);

    /* what is bad may go back to nothing, what is pinned has no evidence */

    file = read_text(HEAD "{\"a\":{\"state\":\"refused\",\"kind\":\"tdx\","
                     "\"root\":\"\",\"reason\":\"r\",\"entry_sha256\":\"" HEX
                     "\",\"verified_at\":1,\"valid_until\":2,\"tls_pins\":[],"
                     "\"evidence_sha256\":\"\"},\"b\":{\"state\":\"pinned\","
                     "\"kind\":\"pinned\",\"root\":\"operator\",\"reason\":"
                     "\"\",\"entry_sha256\":\"" HEX "\",\"verified_at\":1,"
                     "\"valid_until\":2,\"tls_pins\":[],\"evidence_sha256\":"
                     "\"\"}}}");

    tap_ok(file->n == 2
           && file->verdicts[0].root == NGX_OHTTP_RELAY_ROOT_NONE
           && strcmp((char *) file->verdicts[0].reason.data, "r") == 0
           && file->verdicts[1].evidence_sha256[31] == 0,
           "refused, and pinned");

    ngx_ohttp_relay_verdicts_free(file);
}


/* names that begin alike, in no order */

static void
test_find(void)
{
    size_t                           i;
    const ngx_ohttp_relay_verdict_t *verdict;
    ngx_ohttp_relay_verdict_file_t  *file;

    static const char  *there[] = { "og", "og-10", "a", "og-1", "z", "OG" };
    static const char  *others[] = { "", "o", "og-", "og-100", "b", "zz", "O" };

    file = read_text(HEAD "{\"og\":" ROW ",\"og-10\":" ROW ",\"a\":" ROW
                     ",\"og-1\":" ROW ",\"z\":" ROW ",\"OG\":" ROW "}}");

    for (i = 0; i < tap_array_len(there); i++) {
        verdict = ngx_ohttp_relay_verdicts_find(file, (u_char *) there[i],
                                                strlen(there[i]));
        tap_ok(verdict && strcmp((char *) verdict->name.data, there[i]) == 0,
               "%s is found", there[i]);
    }

    for (i = 0; i < tap_array_len(others); i++) {
        verdict = ngx_ohttp_relay_verdicts_find(file, (u_char *) others[i],
                                                strlen(others[i]));
        tap_ok(verdict == NULL, "\"%s\" is not", others[i]);
    }

    ngx_ohttp_relay_verdicts_free(file);
}


static void
test_many(void)
{
    char      *text, *p;
    unsigned   i, n;

    text = malloc((NGX_OHTTP_RELAY_VERDICTS_ROWS + 1)
                  * (sizeof(ROW) + 16) + sizeof(HEAD));

    for (n = NGX_OHTTP_RELAY_VERDICTS_ROWS;
         n <= NGX_OHTTP_RELAY_VERDICTS_ROWS + 1;
         n++)
    {
        p = text + sprintf(text, HEAD "{");

        for (i = 0; i < n; i++) {
            p += sprintf(p, "%s\"g%u\":%s", i ? "," : "", i, ROW);
        }

        sprintf(p, "}}");

        tap_ok((error_of(text, strlen(text)) == NULL)
               == (n == NGX_OHTTP_RELAY_VERDICTS_ROWS), "%u verdicts", n);
    }

    free(text);
}


/* each of them must be there */

static void
test_members(void)
{
    char         text[2048], wanted[128];
    size_t       i;
    const char  *error, *from;

    static const char  *members[] = {
        "version", "seq", "boot_id", "written_at", "ttl", "gateways",
        "state", "kind", "root", "reason", "entry_sha256", "verified_at",
        "valid_until", "tls_pins", "evidence_sha256"
    };

    for (i = 0; i < tap_array_len(members); i++) {
        sprintf(wanted, "\"%s\"", members[i]);
        from = strstr(GOOD, wanted);

        sprintf(text, "%.*s\"X\"%s", (int) (from - GOOD), GOOD,
                from + strlen(wanted));

        error = error_of(text, strlen(text));
        tap_ok(error && strstr(error, "unknown member \"X\""),
               "%s by another name", members[i]);
    }
}


static const char *
error_of(const char *text, size_t len)
{
    u_char                          *copy;
    ngx_ohttp_relay_verdict_file_t  *file;

    static char  error[NGX_OHTTP_RELAY_VERDICTS_ERROR];

    copy = tap_copy(text, len);
    file = ngx_ohttp_relay_verdicts_read(copy, copy + len, error);
    tap_free(copy, len);

    ngx_ohttp_relay_verdicts_free(file);

    return file ? NULL : error;
}


static ngx_ohttp_relay_verdict_file_t *
read_text(const char *text)
{
    char                             error[NGX_OHTTP_RELAY_VERDICTS_ERROR];
    ngx_ohttp_relay_verdict_file_t  *file;

    file = ngx_ohttp_relay_verdicts_read((u_char *) text,
                                         (u_char *) text + strlen(text),
                                         error);
    if (file == NULL) {
        printf("Bail out! %s\n", error);
        exit(2);
    }

    return file;
}


static const char *
replaced(const char *from, const char *to)
{
    const char  *at;

    static char  text[4096];

    at = strstr(GOOD, from);

    sprintf(text, "%.*s%s%s", (int) (at - GOOD), GOOD, to, at + strlen(from));

    return text;
}
