
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "../codec/rate.h"
#include "limit.h"


char *
ngx_ohttp_relay_limit_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ohttp_relay_limit_t *limit = (ngx_ohttp_relay_limit_t *)
                                         ((u_char *) conf + cmd->offset);

    unsigned    burst;
    ngx_str_t  *value;

    if (limit->burst) {
        return "is duplicate";
    }

    value = cf->args->elts;
    burst = 1;

    if (ngx_ohttp_relay_rate(value[1].data, value[1].data + value[1].len,
                             &limit->interval)
        != NGX_OHTTP_RELAY_OK)
    {
        return "wants a rate such as 10r/s, 60r/m, 5r/h or 100r/d";
    }

    if (cf->args->nelts > 3) {
        return "takes a rate and perhaps a burst";
    }

    if (cf->args->nelts == 3) {

        if (ngx_strncmp(value[2].data, "burst=", 6) != 0) {
            return "takes \"burst=\" beside the rate";
        }

        if (ngx_ohttp_relay_rate_burst(value[2].data,
                                       value[2].data + value[2].len, &burst)
            != NGX_OHTTP_RELAY_OK)
        {
            return "wants a burst from 1 to 1000000";
        }
    }

    limit->burst = burst;

    return NGX_CONF_OK;
}
