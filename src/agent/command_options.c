
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "command.h"
#include "command_options.h"
#include "hex.h"
#include "nitro.h"

#include <getopt.h>


/* seconds: as far as any certificate */
#define NGX_OHTTP_RELAY_TIME_MAX  253402300799LL


static int ngx_ohttp_relay_options_set(ngx_ohttp_relay_options_t *options,
    int option, const char *value);
static int ngx_ohttp_relay_options_of_kind(
    ngx_ohttp_relay_options_t *options, int option, const char *value);
static int ngx_ohttp_relay_options_tdx(ngx_ohttp_relay_options_t *options,
    int option, const char *value);
static int ngx_ohttp_relay_options_complete(
    ngx_ohttp_relay_options_t *options);
static int ngx_ohttp_relay_options_number(const char *value, int64_t max,
    int64_t *n);
static int ngx_ohttp_relay_options_nonce(ngx_ohttp_relay_options_t *options,
    const char *value);
static int ngx_ohttp_relay_options_register(
    ngx_ohttp_relay_options_t *options, const char *value, unsigned n,
    unsigned first);
static int ngx_ohttp_relay_options_event(ngx_ohttp_relay_options_t *options,
    const char *value);
static int ngx_ohttp_relay_options_bytes(const char *hex, u_char *out,
    size_t len);
static int ngx_ohttp_relay_options_pin(ngx_ohttp_relay_options_t *options,
    const char *value);
static int ngx_ohttp_relay_options_value(ngx_ohttp_relay_options_t *options,
    const char *hex, unsigned number, size_t len);


enum {
    OPTION_KIND = 256,
    OPTION_ROOT,
    OPTION_AT,
    OPTION_MAX_AGE,
    OPTION_SKEW,
    OPTION_NONCE,
    OPTION_PCR,
    OPTION_BIND,
    OPTION_TLS,
    OPTION_KEYS,
    OPTION_COLLATERAL,
    OPTION_EVENT_LOG,
    OPTION_TCB,
    OPTION_EVALUATION,
    OPTION_REPORT_DATA,
    OPTION_RTMR,
    OPTION_EVENT,
    OPTION_MRTD,
    OPTION_MR_CONFIG_ID,
    OPTION_MR_OWNER,
    OPTION_MR_OWNER_CONFIG,
    OPTION_MEASUREMENT,
    OPTION_HOST_DATA,
    OPTION_ID_KEY_DIGEST,
    OPTION_AUTHOR_KEY_DIGEST,
    OPTION_MIN_TCB,
    OPTION_NODE,
    OPTION_INFERENCE_KEY,
    OPTION_KEY_SHA256,
    OPTION_PIN,
    OPTION_NOT_AFTER,
    OPTION_ANY,
    OPTION_DEBUG,
    OPTION_JSON
};


static const struct option  ngx_ohttp_relay_options[] = {
    { "kind", required_argument, NULL, OPTION_KIND },
    { "root", required_argument, NULL, OPTION_ROOT },
    { "at", required_argument, NULL, OPTION_AT },
    { "max-age", required_argument, NULL, OPTION_MAX_AGE },
    { "skew", required_argument, NULL, OPTION_SKEW },
    { "nonce", required_argument, NULL, OPTION_NONCE },
    { "pcr", required_argument, NULL, OPTION_PCR },
    { "bind", required_argument, NULL, OPTION_BIND },
    { "tls", required_argument, NULL, OPTION_TLS },
    { "keys", required_argument, NULL, OPTION_KEYS },
    { "collateral", required_argument, NULL, OPTION_COLLATERAL },
    { "event-log", required_argument, NULL, OPTION_EVENT_LOG },
    { "tcb", required_argument, NULL, OPTION_TCB },
    { "min-tcb-evaluation", required_argument, NULL, OPTION_EVALUATION },
    { "report-data", required_argument, NULL, OPTION_REPORT_DATA },
    { "rtmr", required_argument, NULL, OPTION_RTMR },
    { "event", required_argument, NULL, OPTION_EVENT },
    { "mrtd", required_argument, NULL, OPTION_MRTD },
    { "mr-config-id", required_argument, NULL, OPTION_MR_CONFIG_ID },
    { "mr-owner", required_argument, NULL, OPTION_MR_OWNER },
    { "mr-owner-config", required_argument, NULL, OPTION_MR_OWNER_CONFIG },
    { "measurement", required_argument, NULL, OPTION_MEASUREMENT },
    { "host-data", required_argument, NULL, OPTION_HOST_DATA },
    { "id-key-digest", required_argument, NULL, OPTION_ID_KEY_DIGEST },
    { "author-key-digest", required_argument, NULL,
      OPTION_AUTHOR_KEY_DIGEST },
    { "min-tcb", required_argument, NULL, OPTION_MIN_TCB },
    { "node", required_argument, NULL, OPTION_NODE },
    { "inference-key", required_argument, NULL, OPTION_INFERENCE_KEY },
    { "key-sha256", required_argument, NULL, OPTION_KEY_SHA256 },
    { "pin", required_argument, NULL, OPTION_PIN },
    { "not-after", required_argument, NULL, OPTION_NOT_AFTER },
    { "any-measurement", no_argument, NULL, OPTION_ANY },
    { "allow-debug", no_argument, NULL, OPTION_DEBUG },
    { "json", no_argument, NULL, OPTION_JSON },
    { NULL, 0, NULL, 0 }
};


int
ngx_ohttp_relay_command_options(int argc, char **argv,
    ngx_ohttp_relay_options_t *options)
{
    int  option, index;

    memset(options, 0, sizeof(ngx_ohttp_relay_options_t));

    options->at = -1;
    options->not_after = -1;
    options->max_age = 600;
    options->skew = 60;

    opterr = 0;

    for ( ;; ) {

        index = -1;
        option = getopt_long(argc, argv, "", ngx_ohttp_relay_options, &index);

        if (option == -1) {
            break;
        }

        if (index == -1) {
            return ngx_ohttp_relay_command_usage(
                       "an option that is unknown, or without its value:"
                       " \"%s\"", argv[optind - 1]);
        }

        if (ngx_ohttp_relay_options_set(options, option, optarg)
            != NGX_OHTTP_RELAY_OK)
        {
            return ngx_ohttp_relay_command_usage("a wrong value of --%s: "
                       "\"%s\"", ngx_ohttp_relay_options[index].name, optarg);
        }
    }

    if (optind != argc - 1) {
        return ngx_ohttp_relay_command_usage("one FILE is needed");
    }

    options->file = argv[optind];

    return ngx_ohttp_relay_options_complete(options);
}


static int
ngx_ohttp_relay_options_complete(ngx_ohttp_relay_options_t *options)
{
    if (options->kind == NULL || options->at == -1) {
        return ngx_ohttp_relay_command_usage("--kind and --at are needed");
    }

    if (options->tcb == 0) {
        options->tcb = 1U << NGX_OHTTP_RELAY_TCB_UP_TO_DATE;
    }

    return 0;
}


static int
ngx_ohttp_relay_options_set(ngx_ohttp_relay_options_t *options, int option,
    const char *value)
{
    switch (option) {

    case OPTION_KIND:
        options->kind = value;
        return NGX_OHTTP_RELAY_OK;

    case OPTION_ROOT:
        options->root = value;
        return NGX_OHTTP_RELAY_OK;

    case OPTION_AT:
        return ngx_ohttp_relay_options_number(value, NGX_OHTTP_RELAY_TIME_MAX,
                                              &options->at);

    case OPTION_MAX_AGE:
        return ngx_ohttp_relay_options_number(value, NGX_OHTTP_RELAY_TIME_MAX,
                                              &options->max_age);

    case OPTION_SKEW:
        return ngx_ohttp_relay_options_number(value, 3600, &options->skew);

    case OPTION_NONCE:
        return ngx_ohttp_relay_options_nonce(options, value);

    case OPTION_BIND:
        return ngx_ohttp_relay_binding_scheme(value, &options->bind)
               ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;

    case OPTION_TLS:
        options->tls = value;
        return NGX_OHTTP_RELAY_OK;

    case OPTION_KEYS:
        options->keys = value;
        return NGX_OHTTP_RELAY_OK;

    case OPTION_ANY:
        options->any = 1;
        return NGX_OHTTP_RELAY_OK;

    case OPTION_DEBUG:
        options->debug = 1;
        return NGX_OHTTP_RELAY_OK;

    case OPTION_JSON:
        options->json = 1;
        return NGX_OHTTP_RELAY_OK;

    default:
        return ngx_ohttp_relay_options_of_kind(options, option, value);
    }
}


static int
ngx_ohttp_relay_options_of_kind(ngx_ohttp_relay_options_t *options,
    int option, const char *value)
{
    switch (option) {

    case OPTION_PCR:
        return ngx_ohttp_relay_options_register(options, value,
                                                NGX_OHTTP_RELAY_NITRO_PCRS, 0);

    case OPTION_MEASUREMENT:
        return ngx_ohttp_relay_options_value(options, value,
                                             NGX_OHTTP_RELAY_SNP_MEASUREMENT,
                                             48);

    case OPTION_HOST_DATA:
        return ngx_ohttp_relay_options_value(options, value,
                                             NGX_OHTTP_RELAY_SNP_HOST_DATA,
                                             32);

    case OPTION_ID_KEY_DIGEST:
    case OPTION_AUTHOR_KEY_DIGEST:
        return ngx_ohttp_relay_options_value(options, value,
                                             NGX_OHTTP_RELAY_SNP_ID_KEY_DIGEST
                                             + (option - OPTION_ID_KEY_DIGEST),
                                             48);

    case OPTION_MIN_TCB:
        return ngx_ohttp_relay_options_bytes(value, options->min_tcb,
                                             sizeof(options->min_tcb));

    case OPTION_NODE:
        options->node = value;
        return NGX_OHTTP_RELAY_OK;

    case OPTION_INFERENCE_KEY:
        options->inference_key = value;
        return NGX_OHTTP_RELAY_OK;

    case OPTION_KEY_SHA256:
        return ngx_ohttp_relay_options_value(options, value, 0, 32);

    case OPTION_PIN:
        return ngx_ohttp_relay_options_pin(options, value);

    case OPTION_NOT_AFTER:
        return ngx_ohttp_relay_options_number(value, NGX_OHTTP_RELAY_TIME_MAX,
                                              &options->not_after);

    default:
        return ngx_ohttp_relay_options_tdx(options, option, value);
    }
}


static int
ngx_ohttp_relay_options_tdx(ngx_ohttp_relay_options_t *options, int option,
    const char *value)
{
    int64_t  n;

    switch (option) {

    case OPTION_COLLATERAL:
        options->collateral = value;
        return NGX_OHTTP_RELAY_OK;

    case OPTION_EVENT_LOG:
        options->event_log = value;
        return NGX_OHTTP_RELAY_OK;

    case OPTION_TCB:
        options->tcb |= 1U << ngx_ohttp_relay_tcb(value);
        return options->tcb & 1U << NGX_OHTTP_RELAY_TCB_UNKNOWN
               ? NGX_OHTTP_RELAY_ERROR : NGX_OHTTP_RELAY_OK;

    case OPTION_EVALUATION:
        if (ngx_ohttp_relay_options_number(value, 0xffff, &n)
            != NGX_OHTTP_RELAY_OK)
        {
            return NGX_OHTTP_RELAY_ERROR;
        }

        options->evaluation = (unsigned) n;
        return NGX_OHTTP_RELAY_OK;

    case OPTION_REPORT_DATA:
        options->has_report_data = 1;
        return ngx_ohttp_relay_options_bytes(value, options->report_data,
                                             sizeof(options->report_data));

    case OPTION_RTMR:
        return ngx_ohttp_relay_options_register(options, value, 4,
                                                NGX_OHTTP_RELAY_TDX_RTMR);

    case OPTION_EVENT:
        return ngx_ohttp_relay_options_event(options, value);

    case OPTION_MRTD:
        return ngx_ohttp_relay_options_value(options, value,
                                             NGX_OHTTP_RELAY_TDX_MRTD, 48);

    default: /* OPTION_MR_CONFIG_ID and those behind it, in their order */
        return ngx_ohttp_relay_options_value(options, value,
                                             NGX_OHTTP_RELAY_TDX_MR_CONFIG_ID
                                             + (option - OPTION_MR_CONFIG_ID),
                                             48);
    }
}


static int
ngx_ohttp_relay_options_number(const char *value, int64_t max, int64_t *n)
{
    const char  *p;

    for (*n = 0, p = value; *p >= '0' && *p <= '9'; p++) {

        *n = *n * 10 + (*p - '0');

        if (*n > max) {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    return (p != value && *p == '\0') ? NGX_OHTTP_RELAY_OK
                                      : NGX_OHTTP_RELAY_ERROR;
}


static int
ngx_ohttp_relay_options_nonce(ngx_ohttp_relay_options_t *options,
    const char *value)
{
    size_t         len;
    const u_char  *p;

    p = (const u_char *) value;
    len = strlen(value);

    if (len == 0 || len > 2 * NGX_OHTTP_RELAY_NONCE_MAX) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    options->nonce_len = len / 2;

    return ngx_ohttp_relay_hex(p, p + len, options->nonce);
}


/* "N=HEX" for one of n registers, which have numbers from first on */

static int
ngx_ohttp_relay_options_register(ngx_ohttp_relay_options_t *options,
    const char *value, unsigned n, unsigned first)
{
    char         number[4];
    size_t       len;
    int64_t      i;
    const char  *hex;

    hex = strchr(value, '=');

    if (hex == NULL || (size_t) (hex - value) >= sizeof(number)) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    len = hex - value;

    memcpy(number, value, len);
    number[len] = '\0';

    if (ngx_ohttp_relay_options_number(number, n - 1, &i)
        != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return ngx_ohttp_relay_options_value(options, hex + 1,
                                         first + (unsigned) i, 48);
}


/* "NAME=HEX" for an event of dstack, whose values are of any length */

static int
ngx_ohttp_relay_options_event(ngx_ohttp_relay_options_t *options,
    const char *value)
{
    char                      name[32];
    size_t                    len;
    const char               *hex;
    ngx_ohttp_relay_event_e   event;

    hex = strchr(value, '=');

    if (hex == NULL || (size_t) (hex - value) >= sizeof(name)) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    len = hex - value;

    memcpy(name, value, len);
    name[len] = '\0';

    event = ngx_ohttp_relay_event(name);
    len = strlen(hex + 1) / 2;

    if (event == NGX_OHTTP_RELAY_EVENTS || len == 0) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return ngx_ohttp_relay_options_value(options, hex + 1,
                                         NGX_OHTTP_RELAY_TDX_EVENT + event,
                                         len);
}


/* so many bytes and no others */

static int
ngx_ohttp_relay_options_bytes(const char *hex, u_char *out, size_t len)
{
    const u_char  *p;

    p = (const u_char *) hex;

    return strlen(hex) == 2 * len ? ngx_ohttp_relay_hex(p, p + 2 * len, out)
                                  : NGX_OHTTP_RELAY_ERROR;
}


static int
ngx_ohttp_relay_options_pin(ngx_ohttp_relay_options_t *options,
    const char *value)
{
    if (options->npins == NGX_OHTTP_RELAY_PINS_MAX) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return ngx_ohttp_relay_pin((const u_char *) value,
                               (const u_char *) value + strlen(value),
                               &options->pins[options->npins++]);
}


static int
ngx_ohttp_relay_options_value(ngx_ohttp_relay_options_t *options,
    const char *hex, unsigned number, size_t len)
{
    ngx_ohttp_relay_slice_t  slice;

    slice.data = (const u_char *) hex;
    slice.len = strlen(hex);

    return ngx_ohttp_relay_allow_add(&options->allow, number, &slice, len);
}
