
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_EPOCHS_H_INCLUDED_
#define _NGX_OHTTP_RELAY_EPOCHS_H_INCLUDED_


/*
 * The log of published keys: a line for each change, chained by hashes, so
 * that what was published cannot be denied later, and relays can be compared.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "../codec/epoch.h"


typedef struct ngx_ohttp_relay_epochs_s  ngx_ohttp_relay_epochs_t;


/*
 * Handler of the directive "ohttp_relay_epochs FILE"; cmd->offset leads to an
 * ngx_ohttp_relay_epochs_t *.  Returns NGX_CONF_OK or what is wrong.
 */
char *ngx_ohttp_relay_epochs_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Adds the shared memory that knows the end of the chain, over reloads; "tag"
 * is the module.  Returns NGX_OK, or NGX_ERROR after one logged line.
 */
ngx_int_t ngx_ohttp_relay_epochs_init(ngx_conf_t *cf,
    ngx_ohttp_relay_epochs_t *epochs, void *tag);

/*
 * Appends a line if what is published under this name, with this SHA-256 of
 * NGX_OHTTP_RELAY_EPOCH_DIGEST bytes, is not what the log has of it already.
 * Called in one worker.  Returns NGX_OK; NGX_ERROR if it must be tried again.
 */
ngx_int_t ngx_ohttp_relay_epochs_add(ngx_ohttp_relay_epochs_t *epochs,
    ngx_str_t *name, u_char *sha256, ngx_log_t *log);


#endif /* _NGX_OHTTP_RELAY_EPOCHS_H_INCLUDED_ */
