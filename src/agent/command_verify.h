
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_COMMAND_VERIFY_H_INCLUDED_
#define _NGX_OHTTP_RELAY_COMMAND_VERIFY_H_INCLUDED_


/* what the command "verify" knows about kinds of evidence */


#include "command_options.h"
#include "binding.h"
#include "secure_enclave.h"


typedef struct {
    ngx_ohttp_relay_options_t   options;
    ngx_ohttp_relay_slice_t     evidence;
    ngx_ohttp_relay_slice_t     collateral;
    ngx_ohttp_relay_slice_t     event_log;
    X509                       *root;
    ngx_ohttp_relay_binding_t   binding;

    ngx_ohttp_relay_finding_t   finding;
    ngx_ohttp_relay_pin_t       pin;
    unsigned                    pinned:1;   /* is there a pin */
    const char                 *status;     /* of the TCB; NULL: it has none */
    unsigned                    remember:1; /* is there a key to be known by */
    u_char                      key[NGX_OHTTP_RELAY_ENCLAVE_HASH];
} ngx_ohttp_relay_verify_t;


typedef struct {
    const char                 *name;
    const char                 *word;       /* for what has been accepted */
    size_t                      max;        /* bytes of evidence */
    void                      (*judge)(ngx_ohttp_relay_verify_t *verify);
    int                       (*missing)(
                                     const ngx_ohttp_relay_options_t *options);
    const char                 *pin;        /* SHA-256 of real roots */
    const char                 *anchor;     /* without a root: what stands in */
} ngx_ohttp_relay_kind_t;


/* Returns the kind of a name, or NULL. */
const ngx_ohttp_relay_kind_t *ngx_ohttp_relay_kind(const char *name);


#endif /* _NGX_OHTTP_RELAY_COMMAND_VERIFY_H_INCLUDED_ */
