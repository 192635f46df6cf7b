
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "watched.h"


static ngx_uint_t ngx_ohttp_relay_watch_trusts(
    ngx_ohttp_relay_watched_t *watched, uid_t uid);


ngx_int_t
ngx_ohttp_relay_watch_admit(ngx_ohttp_relay_watched_t *watched, ngx_log_t *log)
{
    char                       *error;
    ngx_core_conf_t            *ccf;
    ngx_ohttp_relay_file_id_t  *id;

    id = &watched->id;

    if (watched->p == NULL) {
        return NGX_OK;
    }

    error = ngx_ohttp_relay_watch_check_owner(watched, id);

    if (error) {
        ngx_log_error(NGX_LOG_EMERG, log, 0, "\"%V\": %s",
                      &watched->name, error);
        return NGX_ERROR;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(watched->watch->cycle->conf_ctx,
                                           ngx_core_module);

    if (watched->watch->uid != 0 || !ccf->master || ccf->user == 0) {
        return NGX_OK;
    }

    /* what cannot be told from the mode alone the worker will find out */

    if (id->uid == ccf->user
        ? !(id->mode & S_IRUSR) : !(id->mode & (S_IRGRP|S_IROTH)))
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "\"%V\": workers, which run as user \"%s\", cannot read "
                      "it", &watched->name, ccf->username);
        return NGX_ERROR;
    }

    return NGX_OK;
}


char *
ngx_ohttp_relay_watch_check_owner(ngx_ohttp_relay_watched_t *watched,
    ngx_ohttp_relay_file_id_t *id)
{
    if (!ngx_ohttp_relay_watch_trusts(watched, id->uid)) {
        return "it belongs neither to root nor to a user of nginx";
    }

    if (watched->guarded
        && !ngx_ohttp_relay_watch_trusts(watched, watched->folder))
    {
        return "its folder belongs neither to root nor to a user of nginx";
    }

    return NULL;
}


static ngx_uint_t
ngx_ohttp_relay_watch_trusts(ngx_ohttp_relay_watched_t *watched, uid_t uid)
{
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(watched->watch->cycle->conf_ctx,
                                           ngx_core_module);

    return uid == 0 || uid == watched->watch->uid
           || (watched->guarded && uid == watched->owner)
           || (ccf->user != (ngx_uid_t) NGX_CONF_UNSET_UINT
               && uid == ccf->user);
}
