
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "conf.h"


static ngx_int_t ngx_ohttp_relay_conf_read_fd(ngx_conf_t *cf,
    ngx_file_t *file, size_t min, size_t max, ngx_uint_t secret,
    ngx_str_t *content);


ngx_int_t
ngx_ohttp_relay_conf_read(ngx_conf_t *cf, ngx_str_t *path, size_t min,
    size_t max, ngx_uint_t secret, ngx_str_t *content)
{
    ngx_int_t   rc;
    ngx_file_t  file;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(&file, sizeof(ngx_file_t));

    file.name = *path;
    file.log = cf->log;

    /* a pipe would keep nginx waiting, and is refused below */

    file.fd = ngx_open_file(path->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                            NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", path);
        return NGX_ERROR;
    }

    rc = ngx_ohttp_relay_conf_read_fd(cf, &file, min, max, secret, content);

    if (ngx_close_file(file.fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", path);
    }

    return rc;
}


static ngx_int_t
ngx_ohttp_relay_conf_read_fd(ngx_conf_t *cf, ngx_file_t *file, size_t min,
    size_t max, ngx_uint_t secret, ngx_str_t *content)
{
    u_char           *p;
    size_t            size;
    ngx_file_info_t   info;

    if (ngx_fd_info(file->fd, &info) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", &file->name);
        return NGX_ERROR;
    }

    if (!ngx_is_file(&info) || (info.st_mode & (S_IWGRP | S_IWOTH))) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must be a file that only its owner can "
                           "write", &file->name);
        return NGX_ERROR;
    }

    if (secret && (info.st_mode & S_IRWXO)) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" is a secret that others can read",
                           &file->name);
    }

    if (ngx_file_size(&info) < (off_t) min
        || ngx_file_size(&info) > (off_t) max)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must have %uz to %uz bytes", &file->name,
                           min, max);
        return NGX_ERROR;
    }

    size = ngx_file_size(&info);

    p = ngx_pnalloc(cf->pool, size + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (ngx_read_file(file, p, size, 0) != (ssize_t) size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" could not be read whole", &file->name);
        return NGX_ERROR;
    }

    p[size] = '\0';

    content->data = p;
    content->len = size;

    return NGX_OK;
}
