
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <sys/file.h>

#include <openssl/evp.h>

#include "shm.h"


#define NGX_OHTTP_RELAY_SHM_FILE_BUFFER  65536       /* bytes */


/* a stream of bytes from or to a file, and their sum */

typedef struct {
    ngx_fd_t       fd;
    EVP_MD_CTX    *sum;
    u_char        *start;
    u_char        *pos;
    u_char        *last;
    ngx_uint_t     begun;
} ngx_ohttp_relay_shm_stream_t;


static ngx_int_t ngx_ohttp_relay_shm_file_folder(ngx_str_t *path,
    u_char *folder);
static ngx_int_t ngx_ohttp_relay_shm_stream_open(
    ngx_ohttp_relay_shm_stream_t *stream, ngx_fd_t fd, ngx_log_t *log);
static void ngx_ohttp_relay_shm_stream_close(
    ngx_ohttp_relay_shm_stream_t *stream);
static ngx_ohttp_relay_shm_found_e ngx_ohttp_relay_shm_file_parse(
    ngx_ohttp_relay_shm_stream_t *stream, uint64_t size,
    ngx_ohttp_relay_spent_t *spent, ngx_ohttp_relay_state_head_t *head);
static u_char *ngx_ohttp_relay_shm_stream_read(
    ngx_ohttp_relay_shm_stream_t *stream, size_t need);
static ngx_int_t ngx_ohttp_relay_shm_stream_sum(
    ngx_ohttp_relay_shm_stream_t *stream, const u_char *p, size_t len,
    ngx_uint_t head);
static ngx_fd_t ngx_ohttp_relay_shm_file_create(
    ngx_ohttp_relay_shm_file_t *file, u_char *temp);
static ngx_int_t ngx_ohttp_relay_shm_file_fill(ngx_fd_t fd,
    ngx_ohttp_relay_ledger_t *ledger,
    const ngx_ohttp_relay_state_head_t *head, ngx_log_t *log);
static int ngx_ohttp_relay_shm_stream_write(void *data, const u_char *p,
    size_t len);
static ngx_int_t ngx_ohttp_relay_shm_stream_flush(
    ngx_ohttp_relay_shm_stream_t *stream);
static ngx_int_t ngx_ohttp_relay_shm_file_sync_folder(
    ngx_ohttp_relay_shm_file_t *file);
static void ngx_ohttp_relay_shm_file_close(ngx_ohttp_relay_shm_file_t *file);


ngx_int_t
ngx_ohttp_relay_shm_file_check(ngx_conf_t *cf, ngx_str_t *path)
{
    u_char           folder[NGX_MAX_PATH];
    ngx_file_info_t  info;

    if (ngx_ohttp_relay_shm_file_folder(path, folder) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "ohttp_relay_store: too long name \"%V\"", path);
        return NGX_ERROR;
    }

    if (access((char *) folder, W_OK|X_OK) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "ohttp_relay_store: state file \"%V\" cannot be "
                           "written in its folder", path);
        return NGX_ERROR;
    }

    if (ngx_link_info(path->data, &info) == NGX_FILE_ERROR) {
        return NGX_OK;
    }

    if (!ngx_is_file(&info)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "ohttp_relay_store: state file \"%V\" is not a "
                           "regular file", path);
        return NGX_ERROR;
    }

    if (info.st_mode & (S_IWGRP|S_IWOTH)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "ohttp_relay_store: state file \"%V\" can be "
                           "written by others", path);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* leaves room for what is appended to the file's name, too */

static ngx_int_t
ngx_ohttp_relay_shm_file_folder(ngx_str_t *path, u_char *folder)
{
    size_t  len;

    if (path->len + sizeof(".broken") > NGX_MAX_PATH) {
        return NGX_ERROR;
    }

    for (len = path->len; len > 1 && path->data[len - 1] != '/'; len--) {
        /* void */
    }

    (void) ngx_cpystrn(folder, path->data, len + 1);

    return NGX_OK;
}


ngx_ohttp_relay_shm_found_e
ngx_ohttp_relay_shm_file_read(ngx_ohttp_relay_shm_file_t *file,
    ngx_ohttp_relay_spent_t *spent, ngx_ohttp_relay_state_head_t *head)
{
    ngx_file_info_t               info;
    ngx_ohttp_relay_shm_found_e   found;
    ngx_ohttp_relay_shm_stream_t  stream;

    file->fd = open((char *) file->path.data, O_RDWR|O_NOFOLLOW|O_CLOEXEC);

    if (file->fd == NGX_INVALID_FILE) {

        if (ngx_errno == NGX_ENOENT) {
            return NGX_OHTTP_RELAY_SHM_ABSENT;
        }

        ngx_log_error(NGX_LOG_EMERG, file->log, ngx_errno,
                      ngx_open_file_n " \"%V\" failed", &file->path);
        return NGX_OHTTP_RELAY_SHM_FAILED;
    }

    if (flock(file->fd, LOCK_EX|LOCK_NB) != 0) {
        found = NGX_OHTTP_RELAY_SHM_IN_USE;
        goto close;
    }

    if (ngx_fd_info(file->fd, &info) == NGX_FILE_ERROR
        || ngx_ohttp_relay_shm_stream_open(&stream, file->fd, file->log)
           != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, file->log, ngx_errno,
                      "reading \"%V\" failed", &file->path);
        found = NGX_OHTTP_RELAY_SHM_FAILED;
        goto close;
    }

    found = ngx_ohttp_relay_shm_file_parse(&stream, ngx_file_size(&info),
                                           spent, head);

    ngx_ohttp_relay_shm_stream_close(&stream);

    if (found != NGX_OHTTP_RELAY_SHM_COMPLETE
        && found != NGX_OHTTP_RELAY_SHM_RUNNING)
    {
        ngx_ohttp_relay_ledger_reset(&spent->sh->ledger, &spent->memory);
    }

    return found;

close:

    ngx_ohttp_relay_shm_file_close(file);

    return found;
}


static ngx_int_t
ngx_ohttp_relay_shm_stream_open(ngx_ohttp_relay_shm_stream_t *stream,
    ngx_fd_t fd, ngx_log_t *log)
{
    ngx_memzero(stream, sizeof(ngx_ohttp_relay_shm_stream_t));

    stream->fd = fd;
    stream->sum = EVP_MD_CTX_new();
    stream->start = ngx_alloc(NGX_OHTTP_RELAY_SHM_FILE_BUFFER, log);
    stream->pos = stream->start;
    stream->last = stream->start;

    if (stream->sum == NULL || stream->start == NULL
        || EVP_DigestInit_ex(stream->sum, EVP_sha256(), NULL) != 1)
    {
        ngx_ohttp_relay_shm_stream_close(stream);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_ohttp_relay_shm_stream_close(ngx_ohttp_relay_shm_stream_t *stream)
{
    EVP_MD_CTX_free(stream->sum);

    if (stream->start) {
        ngx_free(stream->start);
    }
}


static ngx_ohttp_relay_shm_found_e
ngx_ohttp_relay_shm_file_parse(ngx_ohttp_relay_shm_stream_t *stream,
    uint64_t size, ngx_ohttp_relay_spent_t *spent,
    ngx_ohttp_relay_state_head_t *head)
{
    int                       rc;
    size_t                    need;
    u_char                   *p, sum[NGX_OHTTP_RELAY_STATE_SUM];
    ngx_uint_t                first;
    ngx_ohttp_relay_state_t   state;

    ngx_ohttp_relay_state_start(&state, size);

    for (first = 1; (need = ngx_ohttp_relay_state_need(&state)); first = 0) {

        p = ngx_ohttp_relay_shm_stream_read(stream, need);
        if (p == NULL
            || ngx_ohttp_relay_shm_stream_sum(stream, p, need, first)
               != NGX_OK)
        {
            return NGX_OHTTP_RELAY_SHM_BROKEN;
        }

        rc = ngx_ohttp_relay_state_item(&state, p, &spent->sh->ledger,
                                        &spent->memory);

        if (rc == NGX_OHTTP_RELAY_AGAIN) {
            return NGX_OHTTP_RELAY_SHM_TOO_LARGE;
        }

        if (rc != NGX_OHTTP_RELAY_OK) {
            return NGX_OHTTP_RELAY_SHM_BROKEN;
        }
    }

    p = ngx_ohttp_relay_shm_stream_read(stream, sizeof(sum));

    if (p == NULL
        || EVP_DigestFinal_ex(stream->sum, sum, NULL) != 1
        || ngx_memcmp(p, sum, sizeof(sum)) != 0)
    {
        return NGX_OHTTP_RELAY_SHM_BROKEN;
    }

    *head = state.head;

    return head->running ? NGX_OHTTP_RELAY_SHM_RUNNING
                         : NGX_OHTTP_RELAY_SHM_COMPLETE;
}


/* the next bytes, in the buffer until the next call; NULL: there are less */

static u_char *
ngx_ohttp_relay_shm_stream_read(ngx_ohttp_relay_shm_stream_t *stream,
    size_t need)
{
    u_char   *p;
    size_t    room;
    ssize_t   n;

    if ((size_t) (stream->last - stream->pos) < need) {
        stream->last = ngx_movemem(stream->start, stream->pos,
                                   stream->last - stream->pos);
        stream->pos = stream->start;
    }

    while ((size_t) (stream->last - stream->pos) < need) {
        room = stream->start + NGX_OHTTP_RELAY_SHM_FILE_BUFFER - stream->last;

        n = ngx_read_fd(stream->fd, stream->last, room);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }

        if (n <= 0) {
            return NULL;
        }

        stream->last += n;
    }

    p = stream->pos;
    stream->pos += need;

    return p;
}


static ngx_int_t
ngx_ohttp_relay_shm_stream_sum(ngx_ohttp_relay_shm_stream_t *stream,
    const u_char *p, size_t len, ngx_uint_t head)
{
    u_char  copy[NGX_OHTTP_RELAY_STATE_HEAD];

    if (head) {
        ngx_memcpy(copy, p, len);
        ngx_memzero(copy + NGX_OHTTP_RELAY_STATE_MARK,
                    NGX_OHTTP_RELAY_STATE_MARKED);
        p = copy;
    }

    return EVP_DigestUpdate(stream->sum, p, len) == 1 ? NGX_OK : NGX_ERROR;
}


void
ngx_ohttp_relay_shm_file_put_aside(ngx_ohttp_relay_shm_file_t *file)
{
    u_char  name[NGX_MAX_PATH];

    (void) ngx_snprintf(name, sizeof(name), "%V.broken%Z", &file->path);

    if (ngx_rename_file(file->path.data, name) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ERR, file->log, ngx_errno,
                      ngx_rename_file_n " \"%V\" to \"%s\" failed",
                      &file->path, name);
    }
}


ngx_int_t
ngx_ohttp_relay_shm_file_write(ngx_ohttp_relay_shm_file_t *file,
    ngx_ohttp_relay_ledger_t *ledger,
    const ngx_ohttp_relay_state_head_t *head)
{
    u_char    temp[NGX_MAX_PATH];
    ngx_fd_t  fd;

    (void) ngx_snprintf(temp, sizeof(temp), "%V.new%Z", &file->path);

    fd = ngx_ohttp_relay_shm_file_create(file, temp);

    if (fd == NGX_INVALID_FILE
        || ngx_ohttp_relay_shm_file_fill(fd, ledger, head, file->log)
           != NGX_OK
        || fsync(fd) != 0
        || ngx_rename_file(temp, file->path.data) == NGX_FILE_ERROR
        || ngx_ohttp_relay_shm_file_sync_folder(file) != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, file->log, ngx_errno,
                      "ohttp_relay_store: state file \"%V\" could not be "
                      "written", &file->path);

        if (fd != NGX_INVALID_FILE) {
            (void) ngx_close_file(fd);
            (void) ngx_delete_file(temp);
        }

        return NGX_ERROR;
    }

    ngx_ohttp_relay_shm_file_close(file);
    file->fd = fd;

    return NGX_OK;
}


/* locked before it has its name: nobody finds it without a lock */

static ngx_fd_t
ngx_ohttp_relay_shm_file_create(ngx_ohttp_relay_shm_file_t *file,
    u_char *temp)
{
    ngx_fd_t  fd;

    if (ngx_delete_file(temp) == NGX_FILE_ERROR && ngx_errno != NGX_ENOENT) {
        return NGX_INVALID_FILE;
    }

    fd = open((char *) temp, O_RDWR|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);

    if (fd != NGX_INVALID_FILE && flock(fd, LOCK_EX|LOCK_NB) != 0) {
        (void) ngx_close_file(fd);
        return NGX_INVALID_FILE;
    }

    return fd;
}


static ngx_int_t
ngx_ohttp_relay_shm_file_fill(ngx_fd_t fd, ngx_ohttp_relay_ledger_t *ledger,
    const ngx_ohttp_relay_state_head_t *head, ngx_log_t *log)
{
    u_char                        sum[NGX_OHTTP_RELAY_STATE_SUM];
    ngx_int_t                     rc;
    ngx_ohttp_relay_shm_stream_t  stream;

    if (ngx_ohttp_relay_shm_stream_open(&stream, fd, log) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (ngx_ohttp_relay_state_write(ledger, head,
                                    ngx_ohttp_relay_shm_stream_write, &stream)
        == NGX_OHTTP_RELAY_OK
        && EVP_DigestFinal_ex(stream.sum, sum, NULL) == 1)
    {
        rc = ngx_ohttp_relay_shm_stream_flush(&stream);

        if (rc == NGX_OK) {
            stream.last = ngx_cpymem(stream.last, sum, sizeof(sum));
            rc = ngx_ohttp_relay_shm_stream_flush(&stream);
        }
    }

    ngx_ohttp_relay_shm_stream_close(&stream);

    return rc;
}


static int
ngx_ohttp_relay_shm_stream_write(void *data, const u_char *p, size_t len)
{
    ngx_ohttp_relay_shm_stream_t *stream = data;

    ngx_uint_t  first;

    first = !stream->begun;
    stream->begun = 1;

    if ((size_t) (stream->start + NGX_OHTTP_RELAY_SHM_FILE_BUFFER
                  - stream->last) < len
        && ngx_ohttp_relay_shm_stream_flush(stream) != NGX_OK)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    stream->last = ngx_cpymem(stream->last, p, len);

    return ngx_ohttp_relay_shm_stream_sum(stream, p, len, first) == NGX_OK
           ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}


static ngx_int_t
ngx_ohttp_relay_shm_stream_flush(ngx_ohttp_relay_shm_stream_t *stream)
{
    u_char   *p;
    ssize_t   n;

    p = stream->start;

    while (p < stream->last) {
        n = ngx_write_fd(stream->fd, p, stream->last - p);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }

        if (n <= 0) {
            return NGX_ERROR;
        }

        p += n;
    }

    stream->last = stream->start;

    return NGX_OK;
}


/* a rename that is lost would bring the older file back */

static ngx_int_t
ngx_ohttp_relay_shm_file_sync_folder(ngx_ohttp_relay_shm_file_t *file)
{
    int       rc;
    u_char    folder[NGX_MAX_PATH];
    ngx_fd_t  fd;

    if (ngx_ohttp_relay_shm_file_folder(&file->path, folder) != NGX_OK) {
        return NGX_ERROR;
    }

    fd = open((char *) folder, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    if (fd == NGX_INVALID_FILE) {
        return NGX_ERROR;
    }

    rc = fsync(fd);

    (void) ngx_close_file(fd);

    return rc == 0 ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_ohttp_relay_shm_file_mark(ngx_ohttp_relay_shm_file_t *file)
{
    u_char                        mark[NGX_OHTTP_RELAY_STATE_MARKED];
    ngx_ohttp_relay_state_head_t  head;

    ngx_memzero(&head, sizeof(ngx_ohttp_relay_state_head_t));

    head.running = 1;
    ngx_memcpy(head.run, file->run, NGX_OHTTP_RELAY_STATE_RUN);

    ngx_ohttp_relay_state_mark(&head, mark);

    if (pwrite(file->fd, mark, sizeof(mark), NGX_OHTTP_RELAY_STATE_MARK)
        != (ssize_t) sizeof(mark)
        || fsync(file->fd) != 0)
    {
        ngx_log_error(NGX_LOG_ALERT, file->log, ngx_errno,
                      "ohttp_relay_store: state file \"%V\" could not be "
                      "marked", &file->path);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_ohttp_relay_shm_file_claim(ngx_ohttp_relay_shm_file_t *file)
{
    u_char                      head[NGX_OHTTP_RELAY_STATE_HEAD];
    ngx_int_t                   rc;
    ngx_ohttp_relay_state_t     state;
    ngx_ohttp_relay_shm_file_t  other;

    other = *file;
    other.fd = open((char *) file->path.data, O_RDWR|O_NOFOLLOW|O_CLOEXEC);

    if (other.fd == NGX_INVALID_FILE) {
        return ngx_errno == NGX_ENOENT ? NGX_OK : NGX_DECLINED;
    }

    rc = NGX_DECLINED;
    ngx_ohttp_relay_state_start(&state, sizeof(head));

    if (pread(other.fd, head, sizeof(head), 0) != (ssize_t) sizeof(head)
        || ngx_ohttp_relay_state_item(&state, head, NULL, NULL)
           != NGX_OHTTP_RELAY_OK)
    {
        /* none of ours: hands off */

    } else if (ngx_memcmp(state.head.run, file->run,
                          NGX_OHTTP_RELAY_STATE_RUN)
               == 0)
    {
        rc = NGX_OK;

    } else if (flock(other.fd, LOCK_EX|LOCK_NB) == 0) {
        (void) ngx_ohttp_relay_shm_file_mark(&other);
    }

    (void) ngx_close_file(other.fd);

    return rc;
}


static void
ngx_ohttp_relay_shm_file_close(ngx_ohttp_relay_shm_file_t *file)
{
    if (file->fd != NGX_INVALID_FILE) {
        (void) ngx_close_file(file->fd);
        file->fd = NGX_INVALID_FILE;
    }
}
