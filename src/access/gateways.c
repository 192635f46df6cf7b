
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "../conf/conf.h"
#include "gateways.h"


char *
ngx_ohttp_relay_gateways_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_array_t **names = (ngx_array_t **) ((u_char *) conf + cmd->offset);

    ngx_str_t   *value, *name;
    ngx_uint_t   i;

    if (*names) {
        return "is duplicate";
    }

    value = cf->args->elts;

    *names = ngx_array_create(cf->pool, cf->args->nelts - 1,
                              sizeof(ngx_str_t));
    if (*names == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_ohttp_relay_gateways_admit(*names, &value[i])) {
            return "names a gateway twice";
        }

        name = ngx_array_push(*names);
        *name = value[i];
    }

    return NGX_CONF_OK;
}


ngx_uint_t
ngx_ohttp_relay_gateways_admit(ngx_array_t *names, ngx_str_t *gateway)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    if (names == NULL) {
        return 1;
    }

    name = names->elts;

    for (i = 0; i < names->nelts; i++) {
        if (ngx_ohttp_relay_conf_equal(&name[i], gateway)) {
            return 1;
        }
    }

    return 0;
}
