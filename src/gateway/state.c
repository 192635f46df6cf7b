
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "state.h"


ngx_ohttp_relay_state_e
ngx_ohttp_relay_gateway_state(ngx_ohttp_relay_gateway_t *gateway)
{
    return gateway->admin == NGX_OHTTP_RELAY_ADMIN_UP
           ? NGX_OHTTP_RELAY_STATE_READY : NGX_OHTTP_RELAY_STATE_UNAVAILABLE;
}
