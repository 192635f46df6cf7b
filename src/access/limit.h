
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_LIMIT_H_INCLUDED_
#define _NGX_OHTTP_RELAY_LIMIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* a rate as GCRA takes it: all zero, there is none */

typedef struct {
    uint64_t     interval;    /* microseconds between two uses */
    ngx_uint_t   burst;       /* uses at once, at least 1 */
} ngx_ohttp_relay_limit_t;


/*
 * The directive "rate 10r/s [burst=20]" (r/s, r/m, r/h or r/d; the burst is 1
 * if it is not given) of a block; cmd->offset leads to an
 * ngx_ohttp_relay_limit_t.  Returns NGX_CONF_OK or an error text.
 */
char *ngx_ohttp_relay_limit_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_OHTTP_RELAY_LIMIT_H_INCLUDED_ */
