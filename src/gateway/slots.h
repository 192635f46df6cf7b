
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_SLOTS_H_INCLUDED_
#define _NGX_OHTTP_RELAY_SLOTS_H_INCLUDED_


#include "gateway.h"


/*
 * Handlers of the directives of a gateway's block, one each; "conf" is the
 * ngx_ohttp_relay_gateway_t.  They return NGX_CONF_OK, what is wrong, or
 * NGX_CONF_ERROR without memory.
 */
char *ngx_ohttp_relay_gateway_url_slot(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_ohttp_relay_gateway_pin_slot(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_ohttp_relay_gateway_request_header(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_ohttp_relay_gateway_response_header(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_ohttp_relay_gateway_media_types(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_ohttp_relay_gateway_replay_window(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_ohttp_relay_gateway_policy(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);

/* the same for an address that is for the agent: a string at cmd->offset */
char *ngx_ohttp_relay_gateway_agent_url(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


#endif /* _NGX_OHTTP_RELAY_SLOTS_H_INCLUDED_ */
