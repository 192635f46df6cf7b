
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_COMMAND_OPTIONS_H_INCLUDED_
#define _NGX_OHTTP_RELAY_COMMAND_OPTIONS_H_INCLUDED_


/* what the command "verify" is asked to do */


#include "allow.h"
#include "binding.h"
#include "snp.h"
#include "tdx.h"


#define NGX_OHTTP_RELAY_NONCE_MAX  64       /* bytes */
#define NGX_OHTTP_RELAY_PINS_MAX   8


typedef struct {
    const char                     *kind;
    const char                     *root;
    const char                     *file;
    const char                     *tls;        /* certificate, a file */
    const char                     *keys;       /* a file */
    ngx_ohttp_relay_bind_e          bind;
    const char                     *node;
    const char                     *inference_key;
    const char                     *collateral; /* a file */
    const char                     *event_log;  /* a file */
    unsigned                        tcb;        /* a bit for each status */
    unsigned                        evaluation;
    u_char                          report_data[NGX_OHTTP_RELAY_QUOTE_DATA];
    unsigned                        has_report_data:1;
    u_char                          min_tcb[NGX_OHTTP_RELAY_SNP_TCB];
    int64_t                         at;         /* -1: not said */
    int64_t                         max_age;
    int64_t                         skew;
    u_char                          nonce[NGX_OHTTP_RELAY_NONCE_MAX];
    size_t                          nonce_len;  /* 0: none */
    ngx_ohttp_relay_allow_entry_t   allow;
    unsigned                        npins;
    ngx_ohttp_relay_pin_t           pins[NGX_OHTTP_RELAY_PINS_MAX];
    int64_t                         not_after;  /* -1: not said */
    unsigned                        any:1;
    unsigned                        debug:1;
    unsigned                        json:1;
} ngx_ohttp_relay_options_t;


/*
 * Reads the arguments of "verify", the first of which is its name.
 *
 * Returns 0 and fills *options, whose strings are arguments; an exit code
 * after a line on the standard error.
 */
int ngx_ohttp_relay_command_options(int argc, char **argv,
    ngx_ohttp_relay_options_t *options);


#endif /* _NGX_OHTTP_RELAY_COMMAND_OPTIONS_H_INCLUDED_ */
