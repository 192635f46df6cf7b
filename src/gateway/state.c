
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "names.h"
#include "state.h"
#include "verdicts.h"


ngx_ohttp_relay_state_e
ngx_ohttp_relay_gateway_state(ngx_ohttp_relay_gateway_t *gateway)
{
    /* one that has been closed is in a roster that is not in use any more */

    if (gateway->closed || gateway->admin != NGX_OHTTP_RELAY_ADMIN_UP
        || ngx_ohttp_relay_names_addrs(gateway) == NULL)
    {
        return NGX_OHTTP_RELAY_STATE_UNAVAILABLE;
    }

    if (!ngx_ohttp_relay_verdicts_allow(gateway)) {
        return NGX_OHTTP_RELAY_STATE_NOT_ATTESTED;
    }

    return NGX_OHTTP_RELAY_STATE_READY;
}
