
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "file.h"


static void ngx_ohttp_relay_file_note(ngx_file_info_t *info,
    ngx_ohttp_relay_file_id_t *id);
static ngx_int_t ngx_ohttp_relay_file_open(ngx_ohttp_relay_file_t *file,
    ngx_pool_t *pool, ngx_log_t *log, ngx_fd_t *fd);
static ngx_int_t ngx_ohttp_relay_file_open_at(ngx_ohttp_relay_file_t *file,
    ngx_fd_t folder, u_char *name, ngx_fd_t *fd);
static ngx_int_t ngx_ohttp_relay_file_open_failed(
    ngx_ohttp_relay_file_t *file, ngx_err_t err);
static ngx_int_t ngx_ohttp_relay_file_check_folder(
    ngx_ohttp_relay_file_t *file, ngx_fd_t folder);
static ngx_int_t ngx_ohttp_relay_file_read_open(ngx_ohttp_relay_file_t *file,
    ngx_fd_t fd, ngx_pool_t *pool);
static ngx_int_t ngx_ohttp_relay_file_check(ngx_ohttp_relay_file_t *file,
    ngx_file_info_t *info, ngx_pool_t *pool);
static ngx_int_t ngx_ohttp_relay_file_fill(ngx_ohttp_relay_file_t *file,
    ngx_fd_t fd, size_t size);
static ngx_int_t ngx_ohttp_relay_file_fail(ngx_ohttp_relay_file_t *file,
    ngx_int_t rc, ngx_err_t err, char *error);


void
ngx_ohttp_relay_file_look(ngx_str_t *name, ngx_ohttp_relay_file_id_t *id)
{
    ngx_file_info_t  info;

    if (ngx_file_info(name->data, &info) == NGX_FILE_ERROR) {
        ngx_memzero(id, sizeof(ngx_ohttp_relay_file_id_t));
        id->err = ngx_errno;
        return;
    }

    ngx_ohttp_relay_file_note(&info, id);
}


static void
ngx_ohttp_relay_file_note(ngx_file_info_t *info, ngx_ohttp_relay_file_id_t *id)
{
    id->err = 0;
    id->mode = info->st_mode;
    id->uid = info->st_uid;
    id->dev = info->st_dev;
    id->ino = info->st_ino;
    id->size = info->st_size;
    id->mtime = info->st_mtim;
    id->ctime = info->st_ctim;
}


ngx_uint_t
ngx_ohttp_relay_file_same(ngx_ohttp_relay_file_id_t *one,
    ngx_ohttp_relay_file_id_t *other)
{
    return one->err == other->err
           && one->mode == other->mode
           && one->uid == other->uid
           && one->dev == other->dev
           && one->ino == other->ino
           && one->size == other->size
           && one->mtime.tv_sec == other->mtime.tv_sec
           && one->mtime.tv_nsec == other->mtime.tv_nsec
           && one->ctime.tv_sec == other->ctime.tv_sec
           && one->ctime.tv_nsec == other->ctime.tv_nsec;
}


ngx_int_t
ngx_ohttp_relay_file_read(ngx_ohttp_relay_file_t *file, ngx_pool_t *pool,
    ngx_log_t *log)
{
    ngx_fd_t   fd;
    ngx_int_t  rc;

    rc = ngx_ohttp_relay_file_open(file, pool, log, &fd);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_ohttp_relay_file_read_open(file, fd, pool);

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", &file->name);
    }

    return rc;
}


static ngx_int_t
ngx_ohttp_relay_file_open(ngx_ohttp_relay_file_t *file, ngx_pool_t *pool,
    ngx_log_t *log, ngx_fd_t *fd)
{
    u_char     *p, *name;
    ngx_fd_t    folder;
    ngx_int_t   rc;

    if (!file->guarded) {
        return ngx_ohttp_relay_file_open_at(file, AT_FDCWD, file->name.data,
                                            fd);
    }

    /* the name is that of a full path */

    name = file->name.data + file->name.len;

    while (name[-1] != '/') {
        name--;
    }

    p = ngx_pnalloc(pool, name - file->name.data + 1);
    if (p == NULL) {
        return ngx_ohttp_relay_file_fail(file, NGX_AGAIN, 0, "no memory");
    }

    *ngx_cpymem(p, file->name.data, name - file->name.data) = '\0';

    folder = open((char *) p, O_PATH|O_DIRECTORY|O_CLOEXEC);

    if (folder == NGX_INVALID_FILE) {
        return ngx_ohttp_relay_file_open_failed(file, ngx_errno);
    }

    rc = ngx_ohttp_relay_file_check_folder(file, folder);

    if (rc == NGX_OK) {
        rc = ngx_ohttp_relay_file_open_at(file, folder, name, fd);
    }

    if (ngx_close_file(folder) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      ngx_close_file_n " \"%s\" failed", p);
    }

    return rc;
}


static ngx_int_t
ngx_ohttp_relay_file_open_at(ngx_ohttp_relay_file_t *file, ngx_fd_t folder,
    u_char *name, ngx_fd_t *fd)
{
    /* a pipe in its place must not make the process wait for a writer */

    *fd = openat(folder, (char *) name,
                 NGX_FILE_RDONLY|NGX_FILE_NONBLOCK|O_CLOEXEC
                 |(file->guarded ? O_NOFOLLOW : 0));

    return *fd == NGX_INVALID_FILE
           ? ngx_ohttp_relay_file_open_failed(file, ngx_errno) : NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_file_open_failed(ngx_ohttp_relay_file_t *file, ngx_err_t err)
{
    ngx_ohttp_relay_file_look(&file->name, &file->id);

    return ngx_ohttp_relay_file_fail(file,
               (err == NGX_EMFILE || err == NGX_ENFILE
                || err == NGX_ENOMEM || err == NGX_EINTR)
               ? NGX_AGAIN : NGX_DECLINED, err,
               (file->guarded && err == NGX_ELOOP)
               ? "it is a symbolic link" : "it cannot be opened");
}


static ngx_int_t
ngx_ohttp_relay_file_check_folder(ngx_ohttp_relay_file_t *file,
    ngx_fd_t folder)
{
    ngx_file_info_t  info;

    if (ngx_fd_info(folder, &info) == NGX_FILE_ERROR) {
        return ngx_ohttp_relay_file_fail(file, NGX_AGAIN, ngx_errno,
                                         "its folder cannot be looked at");
    }

    file->folder = info.st_uid;

    if (!(info.st_mode & (S_IWGRP|S_IWOTH))) {
        return NGX_OK;
    }

    ngx_ohttp_relay_file_look(&file->name, &file->id);

    return ngx_ohttp_relay_file_fail(file, NGX_DECLINED, 0,
                       "its folder is writable by its group or by others");
}


static ngx_int_t
ngx_ohttp_relay_file_read_open(ngx_ohttp_relay_file_t *file, ngx_fd_t fd,
    ngx_pool_t *pool)
{
    size_t                      size;
    ngx_int_t                   rc;
    ngx_file_info_t             info;
    ngx_ohttp_relay_file_id_t   after;

    if (ngx_fd_info(fd, &info) == NGX_FILE_ERROR) {
        return ngx_ohttp_relay_file_fail(file, NGX_AGAIN, ngx_errno,
                                         "it cannot be looked at");
    }

    ngx_ohttp_relay_file_note(&info, &file->id);

    rc = ngx_ohttp_relay_file_check(file, &info, pool);
    if (rc != NGX_OK) {
        return rc;
    }

    size = ngx_file_size(&info);

    /* one byte more, to see that there is none */

    file->p = ngx_pnalloc(pool, size + 1);
    if (file->p == NULL) {
        return ngx_ohttp_relay_file_fail(file, NGX_AGAIN, 0, "no memory");
    }

    rc = ngx_ohttp_relay_file_fill(file, fd, size);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_fd_info(fd, &info) == NGX_FILE_ERROR) {
        return ngx_ohttp_relay_file_fail(file, NGX_AGAIN, ngx_errno,
                                         "it cannot be looked at");
    }

    ngx_ohttp_relay_file_note(&info, &after);

    /* a rename over the file takes its link away, but leaves it as it is */

    if (after.size != file->id.size
        || after.mtime.tv_sec != file->id.mtime.tv_sec
        || after.mtime.tv_nsec != file->id.mtime.tv_nsec)
    {
        return ngx_ohttp_relay_file_fail(file, NGX_AGAIN, 0,
                                         "it changed while it was read");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_file_check(ngx_ohttp_relay_file_t *file, ngx_file_info_t *info,
    ngx_pool_t *pool)
{
    u_char  *text;

    if (!ngx_is_file(info)) {
        return ngx_ohttp_relay_file_fail(file, NGX_DECLINED, 0,
                                         "it is not a regular file");
    }

    if (info->st_mode & (S_IWGRP|S_IWOTH)) {
        return ngx_ohttp_relay_file_fail(file, NGX_DECLINED, 0,
                                   "it is writable by its group or by others");
    }

    if (ngx_file_size(info) < 0 || (size_t) ngx_file_size(info) > file->max) {

        text = ngx_pnalloc(pool, sizeof("it has more than  bytes")
                                 + NGX_SIZE_T_LEN);
        if (text == NULL) {
            return ngx_ohttp_relay_file_fail(file, NGX_AGAIN, 0, "no memory");
        }

        ngx_sprintf(text, "it has more than %uz bytes%Z", file->max);

        return ngx_ohttp_relay_file_fail(file, NGX_DECLINED, 0, (char *) text);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_file_fill(ngx_ohttp_relay_file_t *file, ngx_fd_t fd,
    size_t size)
{
    ssize_t  n;

    file->last = file->p;

    for ( ;; ) {
        n = ngx_read_fd(fd, file->last, size + 1 - (file->last - file->p));

        if (n == -1) {
            return ngx_ohttp_relay_file_fail(file, NGX_AGAIN, ngx_errno,
                                             "it cannot be read");
        }

        file->last += n;

        if (n == 0 || (size_t) (file->last - file->p) > size) {
            break;
        }
    }

    if ((size_t) (file->last - file->p) != size) {
        return ngx_ohttp_relay_file_fail(file, NGX_AGAIN, 0,
                                         "it changed while it was read");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_file_fail(ngx_ohttp_relay_file_t *file, ngx_int_t rc,
    ngx_err_t err, char *error)
{
    file->err = err;
    file->error = error;

    return rc;
}
