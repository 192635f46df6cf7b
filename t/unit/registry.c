
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "hex.h"
#include "registry.h"


#define POLICY                                                               \
    "\"policies\":{\"p\":{\"kind\":\"aws-nitro\",\"max_age\":600}}"

#define GATEWAY(members)                                                     \
    "{\"version\":1,\"gateways\":{\"g\":{\"url\":\"https://a/\","            \
    "\"attestation\":\"off\"" members "}}}"

#define ATTESTED(members)                                                    \
    "{\"version\":1," POLICY ",\"gateways\":{\"g\":{\"url\":\"https://a/\""  \
    members "}}}"

#define POOL(members)                                                        \
    "{\"version\":1,\"pools\":{\"g\":{" members "}}}"

#define OFF  "gateway g up: url=https://a/ attestation=off"


static void test_digests(void);
static void test_same(void);
static void test_bounds(void);
static void test_cut(void);
static const char *render(const char *in, size_t len, char *out, size_t size);
static size_t render_row(const char *what,
    const ngx_ohttp_relay_registry_row_t *row, char *out, size_t size);
static ngx_ohttp_relay_registry_t *read_text(const char *in);
static char *repeated(const char *head, const char *item, unsigned n,
    const char *tail);


/* what is accepted, and as which directives; or why it is not */

static const struct {
    const char  *in;
    const char  *out;
} cases[] = {
    { "{\"version\":1}", "" },
    { " {\n\"version\" : 1 }\n", "" },
    { "{\"version\":1,\"pools\":{},\"gateways\":{},\"policies\":{}}", "" },

    { GATEWAY(""), OFF "\n" },
    { GATEWAY(",\"insecure\":true"), OFF " insecure=on\n" },
    { GATEWAY(",\"insecure\":false"), OFF " insecure=off\n" },
    { GATEWAY(",\"weight\":3,\"keepalive\":0"), OFF " weight=3 keepalive=0\n" },
    { GATEWAY(",\"weight\":9223372036854775807"),
      OFF " weight=9223372036854775807\n" },
    { GATEWAY(",\"max_body\":\"20m\",\"read_timeout\":\"5s\""),
      OFF " max_body=20m read_timeout=5s\n" },
    { GATEWAY(",\"media_types\":[\"a\",\"b\"],\"ssl_pin\":\"x\""),
      OFF " media_types=a,b ssl_pin=x\n" },
    { GATEWAY(",\"key_ids\":[1,\"0x02\"]"), OFF " key_ids=1,0x02\n" },
    { GATEWAY(",\"unknown_key\":400"), OFF " unknown_key=400\n" },
    { GATEWAY(",\"unknown_key\":\"422\""), OFF " unknown_key=422\n" },
    { GATEWAY(",\"request_header\":{\"A\":\"1\",\"B\":\"\"}"),
      OFF " request_header=A,1 request_header=B,\n" },
    { GATEWAY(",\"request_header\":[\"A\",\"1 2\"]"),
      OFF " request_header=A,1 2\n" },
    { GATEWAY(",\"request_header\":{}"), OFF "\n" },
    { GATEWAY(",\"admin\":\"up\""), OFF "\n" },
    { GATEWAY(",\"admin\":\"drain\""),
      "gateway g drain: url=https://a/ attestation=off\n" },
    { GATEWAY(",\"admin\":\"down\""),
      "gateway g down: url=https://a/ attestation=off\n" },
    { GATEWAY(",\"\\u0070ool\":\"\\u006fg\""), OFF " pool=og\n" },

    /* attested unless it says no, and by a policy */

    { ATTESTED(",\"policy\":\"p\""),
      "policy p aws-nitro - {\"kind\":\"aws-nitro\",\"max_age\":600}\n"
      "gateway g up: url=https://a/ policy=p attestation=require by p\n" },
    { ATTESTED(",\"policy\":\"p\",\"attestation\":\"off\""),
      "policy p aws-nitro - {\"kind\":\"aws-nitro\",\"max_age\":600}\n"
      "gateway g up: url=https://a/ policy=p attestation=off by p\n" },
    { ATTESTED(",\"policy\":\"p\",\"attestation\":\"require\""),
      "policy p aws-nitro - {\"kind\":\"aws-nitro\",\"max_age\":600}\n"
      "gateway g up: url=https://a/ policy=p attestation=require by p\n" },
    { ATTESTED(""),
      "! gateway \"g\": \"policy\" must be there unless \"attestation\" is "
      "\"off\"" },
    { ATTESTED(",\"attestation\":\"require\""),
      "! gateway \"g\": \"policy\" must be there unless \"attestation\" is "
      "\"off\"" },
    { ATTESTED(",\"policy\":\"q\""),
      "! gateway \"g\": \"policy\" must be one of those in \"policies\"" },
    { ATTESTED(",\"policy\":\"q\",\"attestation\":\"off\""),
      "! gateway \"g\": \"policy\" must be one of those in \"policies\"" },
    { ATTESTED(",\"policy\":\"\""),
      "! gateway \"g\": \"policy\" must be one of those in \"policies\"" },
    { ATTESTED(",\"policy\":null"),
      "! gateway \"g\": \"policy\" must be a string" },

    { POOL("\"select\":\"path\",\"keys\":\"shared\",\"default\":\"a\""),
      "pool g: select=path keys=shared default=a\n" },
    { POOL(""), "pool g:\n" },
    { POOL("\"url\":\"x\""), "! pool \"g\": unknown member \"url\"" },
    { POOL("\"admin\":\"up\""), "! pool \"g\": unknown member \"admin\"" },
    { POOL("\"select\":[\"path\"]"),
      "! pool \"g\": \"select\" must be a string" },

    { "{\"version\":1,\"policies\":{\"p\":{\"kind\":\"x\",\"bind\":{\"tls\":"
      "\"spki-sha256\"}, \"b\":[ 1 ,{} ],\"\\u0061\":\"\\/\\\"\"}}}",
      "policy p x spki-sha256 {\"a\":\"/\\\"\",\"b\":[1,{}],\"bind\":"
      "{\"tls\":\"spki-sha256\"},\"kind\":\"x\"}\n" },
    { "{\"version\":1,\"policies\":{\"p\":{}}}",
      "! policy \"p\": it must be an object with a \"kind\"" },
    { "{\"version\":1,\"policies\":{\"p\":\"kind\"}}",
      "! policy \"p\": it must be an object with a \"kind\"" },
    { "{\"version\":1,\"policies\":{\"p\":{\"kind\":\"a b\"}}}",
      "! policy \"p\": it must be an object with a \"kind\"" },
    { "{\"version\":1,\"policies\":{\"p\":{\"kind\":\"a\",\"bind\":[]}}}",
      "! policy \"p\": \"bind\" must be an object, its \"tls\" "
      "\"cert-sha256\" or \"spki-sha256\"" },
    { "{\"version\":1,\"policies\":{\"p\":{\"kind\":\"a\",\"bind\":"
      "{\"tls\":\"none\"}}}}",
      "! policy \"p\": \"bind\" must be an object, its \"tls\" "
      "\"cert-sha256\" or \"spki-sha256\"" },
    { "{\"version\":1,\"policies\":{\"p p\":{\"kind\":\"a\"}}}",
      "! policy \"p p\": a name is 1 to 64 letters, digits, \"-\", \"_\" or "
      "\".\"" },
    { "{\"version\":1,\"policies\":[]}",
      "! \"policies\" must be an object of at most 4096 members" },
    { "{\"version\":1,\"gateways\":[]}",
      "! \"gateways\" must be an object of at most 4096 members" },
    { "{\"version\":1,\"pools\":null}",
      "! \"pools\" must be an object of at most 4096 members" },

    { "{}", "! \"version\" must be 1" },
    { "{\"version\":2}", "! \"version\" must be 1" },
    { "{\"version\":\"1\"}", "! \"version\" must be 1" },
    { "{\"version\":true}", "! \"version\" must be 1" },
    { "{\"version\":1.0}", "! a number is not an integer" },
    { "{\"version\":1e0}", "! a number is not an integer" },
    { "{\"version\":1,\"Gateways\":{}}", "! unknown member \"Gateways\"" },
    { "[]", "! it is not an object" },
    { "1", "! line 1: this is not JSON" },
    { "", "! line 1: this is not JSON, it ends too early" },
    { "{\"version\":1", "! line 1: this is not JSON, it ends too early" },
    { "\xef\xbb\xbf{\"version\":1}",
      "! it begins with a byte order mark, JSON must not" },
    { "\xff\xfe{\0", "! line 1: this is not UTF-8" },
    { "{\"version\":1}\n1", "! line 2: this is not JSON" },
    { "{\"version\":1,}", "! line 1: this is not JSON" },
    { "{\"version\":1,\"version\":1}",
      "! line 1: a name is there twice in one object" },
    { "{\"version\":1,\n\"gateways\":{\"a\":{},\n\"\\u0061\":{}}}",
      "! line 3: a name is there twice in one object" },
    { "{\"version\":1,\"gateways\":{\"\xff\":{}}}",
      "! line 1: this is not UTF-8" },
    { GATEWAY(",\"pool\":\"a\\u0000b\""), "! line 1: this is not JSON" },
    { GATEWAY(",\"pool\":\"a\\nb\""),
      "! a string has a control character in it" },
    { GATEWAY(",\"pool\":\"a\x7f" "b\""),
      "! a string has a control character in it" },
    { GATEWAY(",\"po\\tol\":\"a\""),
      "! a name has a control character in it" },

    { GATEWAY(",\"colour\":\"red\""),
      "! gateway \"g\": unknown member \"colour\"" },
    { GATEWAY(",\"URL\":\"red\""), "! gateway \"g\": unknown member \"URL\"" },
    { GATEWAY(",\"weight\":\"1\""),
      "! gateway \"g\": \"weight\" must be a number" },
    { GATEWAY(",\"weight\":-1"),
      "! gateway \"g\": \"weight\" must not be negative" },
    { GATEWAY(",\"weight\":99999999999999999999"),
      "! line 1: this is not JSON" },
    { GATEWAY(",\"weight\":true"),
      "! gateway \"g\": \"weight\" must be a number" },
    { GATEWAY(",\"insecure\":\"on\""),
      "! gateway \"g\": \"insecure\" must be true or false" },
    { GATEWAY(",\"insecure\":1"),
      "! gateway \"g\": \"insecure\" must be true or false" },
    { GATEWAY(",\"max_body\":20"),
      "! gateway \"g\": \"max_body\" must be a string" },
    { GATEWAY(",\"pool\":[\"og\"]"),
      "! gateway \"g\": \"pool\" must be a string" },
    { GATEWAY(",\"pool\":{}"),
      "! gateway \"g\": \"pool\" must be a string" },
    { GATEWAY(",\"media_types\":[]"),
      "! gateway \"g\": \"media_types\" must have 1 to 256 elements" },
    { GATEWAY(",\"media_types\":[[\"a\"]]"),
      "! gateway \"g\": \"media_types\" must be a string, or an array of "
      "strings" },
    { GATEWAY(",\"media_types\":[1]"),
      "! gateway \"g\": \"media_types\" must be a string, or an array of "
      "strings" },
    { GATEWAY(",\"request_header\":\"A\""),
      "! gateway \"g\": \"request_header\" must be an object of names and "
      "values, or an array of one name and its value" },
    { GATEWAY(",\"request_header\":[\"A\",\"1\",\"2\"]"),
      "! gateway \"g\": \"request_header\" must be an object of names and "
      "values, or an array of one name and its value" },
    { GATEWAY(",\"request_header\":[\"A\",1]"),
      "! gateway \"g\": \"request_header\" must be a string" },
    { GATEWAY(",\"request_header\":{\"A\":[\"1\"]}"),
      "! gateway \"g\": \"request_header\" must be a string" },
    { GATEWAY(",\"admin\":\"UP\""),
      "! gateway \"g\": \"admin\" must be \"up\", \"drain\" or \"down\"" },
    { GATEWAY(",\"admin\":true"),
      "! gateway \"g\": \"admin\" must be \"up\", \"drain\" or \"down\"" },
    { "{\"version\":1,\"gateways\":{\"g\":{\"attestation\":\"off\"}}}",
      "! gateway \"g\": \"url\" must be there" },
    { "{\"version\":1,\"gateways\":{\"g\":{\"url\":1}}}",
      "! gateway \"g\": \"url\" must be a string" },
    { "{\"version\":1,\"gateways\":{\"g\":[]}}",
      "! gateway \"g\": it must be an object" },
    { "{\"version\":1,\"gateways\":{\"\":{}}}",
      "! gateway \"\": a name is 1 to 64 letters, digits, \"-\", \"_\" or "
      "\".\"" },
    { "{\"version\":1,\"gateways\":{\"a/b\":{}}}",
      "! gateway \"a/b\": a name is 1 to 64 letters, digits, \"-\", \"_\" or "
      "\".\"" },
};


int
main(void)
{
    char         out[4096];
    size_t       i;
    const char  *got;

    for (i = 0; i < tap_array_len(cases); i++) {
        got = render(cases[i].in, strlen(cases[i].in), out, sizeof(out));

        tap_ok(strcmp(got, cases[i].out) == 0, "%zu: %s", i,
               tap_text(cases[i].in, strlen(cases[i].in)));

        if (strcmp(got, cases[i].out) != 0) {
            tap_note("got %s", got);
        }
    }

    test_digests();
    test_same();
    test_bounds();
    test_cut();

    ngx_ohttp_relay_registry_free(NULL);

    return tap_done();
}


/* computed by other means: the agent must come to the same bytes */

static void
test_digests(void)
{
    u_char                       digest[NGX_OHTTP_RELAY_REGISTRY_DIGEST];
    ngx_ohttp_relay_slice_t      name, url;
    ngx_ohttp_relay_registry_t  *registry;

    static const char  attested[] =
        "02ff4f00f8beb4d535b09082a32f1889"
        "eb43cc660d752e6fafd468a7f4a3acef";
    static const char  plain[] =
        "c304178ef8d7ebc298e1f2fe8599ceb4"
        "84d9c0121a3b9bc1af3fb4bdbebf8afc";

    registry = read_text("{\"version\":1,\"policies\":{\"p\":{ \"max_age\":"
                         "600, \"kind\":\"aws-nitro\",\"bind\":{\"tls\":"
                         "\"cert-sha256\",\"scheme\":\"nitriding\"},"
                         "\"note\":\"caf\\u00e9 \\/ \\\"q\\\" \\\\\"}},"
                         "\"gateways\":{\"og-1\":{\"weight\":2,\"policy\":"
                         "\"p\",\"url\":\"https://203.0.113.7/v1/ohttp\"}}}");

    (void) ngx_ohttp_relay_hex((u_char *) attested,
                               (u_char *) attested + sizeof(attested) - 1,
                               digest);

    tap_ok(memcmp(registry->gateways[0].entry_sha256, digest, sizeof(digest))
           == 0, "the digest of an entry with a policy");

    ngx_ohttp_relay_registry_free(registry);

    (void) ngx_ohttp_relay_hex((u_char *) plain,
                               (u_char *) plain + sizeof(plain) - 1, digest);

    registry = read_text("{\"version\":1,\"gateways\":{\"og-1\":{\"url\":"
                         "\"https://203.0.113.7/v1/ohttp\",\"attestation\":"
                         "\"off\"}}}");

    tap_ok(memcmp(registry->gateways[0].entry_sha256, digest, sizeof(digest))
           == 0, "the digest of an entry without a policy");

    ngx_ohttp_relay_registry_free(registry);

    name.data = (u_char *) "og-1";
    name.len = 4;
    url.data = (u_char *) "https://\xff/";
    url.len = 10;

    tap_ok(ngx_ohttp_relay_registry_entry(&name, &url, NULL, digest)
           == NGX_OHTTP_RELAY_ERROR, "no digest of what is not UTF-8");
}


/* a row is known again by its digest, and so is a change of it */

static void
test_same(void)
{
    size_t                       i;
    ngx_ohttp_relay_registry_t  *one, *other;

    static const struct {
        const char  *text;
        int          same;
        int          entry;
    } rows[] = {
        { ATTESTED(",\"policy\":\"p\",\"weight\":1"), 1, 1 },
        { ATTESTED(",\"weight\": 1, \"polic\\u0079\":\"p\""), 1, 1 },
        { ATTESTED(",\"policy\":\"p\",\"weight\":2"), 0, 1 },
        { ATTESTED(",\"policy\":\"p\",\"weight\":1,\"admin\":\"up\""), 1, 1 },
        { ATTESTED(",\"policy\":\"p\",\"weight\":1,\"admin\":\"drain\""), 0,
          1 },
        { "{\"version\":1,\"policies\":{\"p\":{\"kind\":\"aws-nitro\","
          "\"max_age\":601}},\"gateways\":{\"g\":{\"url\":\"https://a/\","
          "\"policy\":\"p\",\"weight\":1}}}", 0, 0 },
        { "{\"version\":1," POLICY ",\"gateways\":{\"h\":{\"url\":"
          "\"https://a/\",\"policy\":\"p\",\"weight\":1}}}", 0, 0 },
        { "{\"version\":1," POLICY ",\"gateways\":{\"g\":{\"url\":"
          "\"https://b/\",\"policy\":\"p\",\"weight\":1}}}", 0, 0 },
    };

    one = read_text(rows[0].text);

    for (i = 0; i < tap_array_len(rows); i++) {
        other = read_text(rows[i].text);

        tap_ok((memcmp(one->gateways[0].sha256, other->gateways[0].sha256,
                       NGX_OHTTP_RELAY_REGISTRY_DIGEST) == 0) == rows[i].same
               && (memcmp(one->gateways[0].entry_sha256,
                          other->gateways[0].entry_sha256,
                          NGX_OHTTP_RELAY_REGISTRY_DIGEST) == 0)
                  == rows[i].entry,
               "row %zu is %s, its entry %s", i,
               rows[i].same ? "the same" : "another",
               rows[i].entry ? "the same" : "another");

        ngx_ohttp_relay_registry_free(other);
    }

    ngx_ohttp_relay_registry_free(one);
}


static void
test_bounds(void)
{
    char      *text, out[4096];
    unsigned   i;

    static const struct {
        const char  *head;
        const char  *item;
        unsigned     most;
        const char  *tail;
        const char  *error;
    } bounds[] = {
        { "{\"version\":1,\"gateways\":{\"g\":{\"url\":\"a\",\"attestation\":"
          "\"off\",\"key_ids\":[", "1", 256, "]}}}",
          "! gateway \"g\": \"key_ids\" must have 1 to 256 elements" },
        { "{\"version\":1,\"policies\":{\"p\":{\"kind\":\"x\",\"allow\":[",
          "0", 262144 - 6, "]}}}", "! it has more than 262144 values" },
    };

    for (i = 0; i < tap_array_len(bounds); i++) {
        text = repeated(bounds[i].head, bounds[i].item, bounds[i].most,
                        bounds[i].tail);
        tap_ok(render(text, strlen(text), out, sizeof(out))[0] != '!',
               "%u elements", bounds[i].most);
        free(text);

        text = repeated(bounds[i].head, bounds[i].item, bounds[i].most + 1,
                        bounds[i].tail);
        tap_ok(strcmp(render(text, strlen(text), out, sizeof(out)),
                      bounds[i].error) == 0, "%u elements",
               bounds[i].most + 1);
        free(text);
    }

    text = malloc(17);
    memset(text, '[', 17);

    tap_ok(strcmp(render(text, 17, out, sizeof(out)),
                  "! it is nested more than 16 levels deep") == 0,
           "17 levels");
    tap_ok(strcmp(render(text, 16, out, sizeof(out)),
                  "! line 1: this is not JSON, it ends too early") == 0,
           "16 levels");
    free(text);

    text = malloc(NGX_OHTTP_RELAY_REGISTRY_MAX + 1);
    memset(text, ' ', NGX_OHTTP_RELAY_REGISTRY_MAX + 1);
    memcpy(text, "{\"version\":1}", 13);

    tap_ok(strcmp(render(text, NGX_OHTTP_RELAY_REGISTRY_MAX, out,
                         sizeof(out)), "") == 0, "4 MiB");
    tap_ok(strcmp(render(text, NGX_OHTTP_RELAY_REGISTRY_MAX + 1, out,
                         sizeof(out)), "! it has more than 4194304 bytes")
           == 0, "4 MiB and a byte");
    free(text);
}


/* half a file is no file */

static void
test_cut(void)
{
    int          bad;
    char         out[4096];
    size_t       i;

    static const char  text[] = ATTESTED(",\"policy\":\"p\",\"key_ids\":[1]");

    for (bad = 0, i = 0; i < sizeof(text) - 1; i++) {
        bad |= render(text, i, out, sizeof(out))[0] != '!';
    }

    tap_ok(!bad, "no part of a file is one");
}


/* a registry as text; "! " and the sentence if it is none */

static const char *
render(const char *in, size_t len, char *out, size_t size)
{
    char                               *p, *last;
    u_char                             *copy;
    unsigned                            i;
    ngx_ohttp_relay_registry_t         *registry;
    ngx_ohttp_relay_registry_policy_t  *policy;

    static char  error[NGX_OHTTP_RELAY_REGISTRY_ERROR + 2] = "! ";

    copy = tap_copy(in, len);
    registry = ngx_ohttp_relay_registry_read(copy, copy + len, error + 2);
    tap_free(copy, len);

    if (registry == NULL) {
        return error;
    }

    p = out;
    last = out + size;
    *p = '\0';

    for (i = 0; i < registry->npolicies && last - p > 1; i++) {
        policy = &registry->policies[i];
        p += snprintf(p, last - p, "policy %s %s %s %s\n",
                      policy->name.data, policy->kind.data,
                      policy->tls.len ? (char *) policy->tls.data : "-",
                      policy->text.data);
    }

    for (i = 0; i < registry->npools && last - p > 1; i++) {
        p += render_row("pool", &registry->pools[i], p, last - p);
    }

    for (i = 0; i < registry->ngateways && last - p > 1; i++) {
        p += render_row("gateway", &registry->gateways[i], p, last - p);
    }

    ngx_ohttp_relay_registry_free(registry);

    return out;
}


static size_t
render_row(const char *what, const ngx_ohttp_relay_registry_row_t *row,
    char *out, size_t size)
{
    char                                  *p, *last;
    unsigned                               i, k;
    ngx_ohttp_relay_registry_directive_t  *directive;

    static const char  *admin[] = { " up", " drain", " down" };

    p = out;
    last = out + size;

    p += snprintf(p, last - p, "%s %s%s:", what, row->name.data,
                  what[0] == 'g' ? admin[row->admin] : "");

    for (i = 0; i < row->ndirectives; i++) {
        directive = &row->directives[i];

        for (k = 0; k < directive->argc; k++) {
            p += snprintf(p, last - p, "%s%s",
                          k == 0 ? " " : k == 1 ? "=" : ",",
                          directive->argv[k].data);
        }
    }

    p += snprintf(p, last - p, "%s%s\n", row->policy ? " by " : "",
                  row->policy ? (char *) row->policy->name.data : "");

    return p - out;
}


static ngx_ohttp_relay_registry_t *
read_text(const char *in)
{
    char                         error[NGX_OHTTP_RELAY_REGISTRY_ERROR];
    ngx_ohttp_relay_registry_t  *registry;

    registry = ngx_ohttp_relay_registry_read((u_char *) in,
                                             (u_char *) in + strlen(in),
                                             error);
    if (registry == NULL) {
        printf("Bail out! %s\n", error);
        exit(2);
    }

    return registry;
}


static char *
repeated(const char *head, const char *item, unsigned n, const char *tail)
{
    char      *text, *p;
    unsigned   i;

    text = malloc(strlen(head) + n * (strlen(item) + 1) + strlen(tail) + 1);
    p = text + sprintf(text, "%s", head);

    for (i = 0; i < n; i++) {
        p += sprintf(p, "%s%s", i ? "," : "", item);
    }

    sprintf(p, "%s", tail);

    return text;
}
