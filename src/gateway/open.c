
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "names.h"
#include "open.h"
#include "peer.h"
#include "verdicts.h"


ngx_int_t
ngx_ohttp_relay_gateway_open(ngx_ohttp_relay_gateway_t *gateway,
    ngx_cycle_t *cycle)
{
    /* rows have memory of their own */

    if (gateway->all->use(gateway->all->data, gateway,
                          gateway->memory ? gateway->memory : cycle->pool)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    gateway->seat = ngx_ohttp_relay_seat_find(gateway->all->seats,
                                              &gateway->name);
    if (gateway->seat == NULL) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "gateway \"%V\": more than %d names of gateways are in "
                      "use, it cannot be attested or ejected", &gateway->name,
                      NGX_OHTTP_RELAY_SEATS);
    }

    ngx_ohttp_relay_names_open(gateway, cycle);
    ngx_ohttp_relay_verdicts_open(gateway);

    return NGX_OK;
}


void
ngx_ohttp_relay_gateway_close(ngx_ohttp_relay_gateway_t *gateway)
{
    gateway->closed = 1;

    ngx_ohttp_relay_names_close(gateway);
    ngx_ohttp_relay_peer_close(gateway);
    ngx_ohttp_relay_verdicts_close(gateway);

    if (gateway->seat) {
        ngx_ohttp_relay_seat_release(gateway->all->seats, gateway->seat);
        gateway->seat = NULL;
    }
}
