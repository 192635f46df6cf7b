
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_md5.h>

#include "epochs.h"

#include <openssl/evp.h>


/* of the name of the zone; behind it stands which file it is for */
#define NGX_OHTTP_RELAY_EPOCHS_ZONE  "ohttp_relay_epochs_"
#define NGX_OHTTP_RELAY_EPOCHS_SIZE  (2 * 1024 * 1024)

/* of the end of the file, that is read to know what was published */
#define NGX_OHTTP_RELAY_EPOCHS_TAIL  (1024 * 1024)


/* what the log says of a gateway */

typedef struct {
    ngx_str_node_t                 node;
    u_char                         sha256[NGX_OHTTP_RELAY_EPOCH_DIGEST];
    u_char                         name[NGX_OHTTP_RELAY_EPOCH_NAME];
} ngx_ohttp_relay_epochs_entry_t;


/* what stands in shared memory */

typedef struct {
    ngx_rbtree_t                   rbtree;
    ngx_rbtree_node_t              sentinel;
    uint64_t                       seq;      /* of the last line */
    u_char                         last[NGX_OHTTP_RELAY_EPOCH_DIGEST];
    ngx_atomic_t                   torn;     /* the file ends within a line */
    ngx_atomic_t                   writing;  /* or was being written to */
    ngx_atomic_t                   failing;  /* which was said */
} ngx_ohttp_relay_epochs_sh_t;


struct ngx_ohttp_relay_epochs_s {
    ngx_open_file_t               *file;
    ngx_str_t                      name;
    ngx_shm_zone_t                *zone;
    ngx_slab_pool_t               *shpool;
    ngx_ohttp_relay_epochs_sh_t   *sh;
};


static ngx_int_t ngx_ohttp_relay_epochs_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static char *ngx_ohttp_relay_epochs_read(ngx_ohttp_relay_epochs_t *epochs,
    ngx_log_t *log);
static char *ngx_ohttp_relay_epochs_read_fd(ngx_ohttp_relay_epochs_t *epochs,
    ngx_fd_t fd, ngx_log_t *log);
static char *ngx_ohttp_relay_epochs_tail(ngx_ohttp_relay_epochs_t *epochs,
    u_char *p, u_char *last, ngx_uint_t whole);
static void ngx_ohttp_relay_epochs_line(ngx_ohttp_relay_epochs_t *epochs,
    u_char *p, u_char *last);
static ngx_ohttp_relay_epochs_entry_t *ngx_ohttp_relay_epochs_entry(
    ngx_ohttp_relay_epochs_t *epochs, ngx_str_t *name);
static ngx_int_t ngx_ohttp_relay_epochs_mend(ngx_ohttp_relay_epochs_t *epochs,
    ngx_log_t *log);
static ngx_int_t ngx_ohttp_relay_epochs_append(
    ngx_ohttp_relay_epochs_t *epochs, ngx_str_t *name, u_char *sha256,
    ngx_log_t *log);
static ngx_int_t ngx_ohttp_relay_epochs_write(
    ngx_ohttp_relay_epochs_t *epochs, u_char *line, u_char *last,
    ngx_log_t *log);
static void ngx_ohttp_relay_epochs_complain(ngx_ohttp_relay_epochs_t *epochs,
    ngx_err_t err, char *error, ngx_log_t *log);


char *
ngx_ohttp_relay_epochs_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_ohttp_relay_epochs_t **epochs = (ngx_ohttp_relay_epochs_t **)
                                            ((u_char *) conf + cmd->offset);

    ngx_str_t  *value;

    if (*epochs) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "wants the name of a file";
    }

    *epochs = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_epochs_t));
    if (*epochs == NULL) {
        return NGX_CONF_ERROR;
    }

    /* one of nginx's own: opened to append, and anew when it says so */

    (*epochs)->file = ngx_conf_open_file(cf->cycle, &value[1]);
    if ((*epochs)->file == NULL) {
        return NGX_CONF_ERROR;
    }

    (*epochs)->name = (*epochs)->file->name;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_ohttp_relay_epochs_init(ngx_conf_t *cf, ngx_ohttp_relay_epochs_t *epochs,
    void *tag)
{
    u_char     *p, digest[16];
    ngx_str_t   name;
    ngx_md5_t   md5;

    if (epochs == NULL) {
        return NGX_OK;
    }

    /* another file is another chain */

    ngx_md5_init(&md5);
    ngx_md5_update(&md5, epochs->name.data, epochs->name.len);
    ngx_md5_final(digest, &md5);

    name.len = sizeof(NGX_OHTTP_RELAY_EPOCHS_ZONE) - 1 + 2 * sizeof(digest);

    name.data = ngx_pnalloc(cf->pool, name.len);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(name.data, NGX_OHTTP_RELAY_EPOCHS_ZONE,
                   sizeof(NGX_OHTTP_RELAY_EPOCHS_ZONE) - 1);
    (void) ngx_hex_dump(p, digest, sizeof(digest));

    epochs->zone = ngx_shared_memory_add(cf, &name,
                                         NGX_OHTTP_RELAY_EPOCHS_SIZE, tag);
    if (epochs->zone == NULL) {
        return NGX_ERROR;
    }

    epochs->zone->init = ngx_ohttp_relay_epochs_init_zone;
    epochs->zone->data = epochs;

    return NGX_OK;
}


/* only a start reads the file: later the shared memory knows what it says */

static ngx_int_t
ngx_ohttp_relay_epochs_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    char                         *error;
    ngx_ohttp_relay_epochs_t     *epochs;
    ngx_ohttp_relay_epochs_sh_t  *sh;

    epochs = shm_zone->data;
    epochs->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    epochs->sh = epochs->shpool->data;

    if (epochs->sh) {
        return NGX_OK;
    }

    epochs->shpool->log_nomem = 0;

    sh = ngx_slab_calloc(epochs->shpool, sizeof(ngx_ohttp_relay_epochs_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    ngx_rbtree_init(&sh->rbtree, &sh->sentinel, ngx_str_rbtree_insert_value);

    epochs->sh = sh;

    error = ngx_ohttp_relay_epochs_read(epochs, shm_zone->shm.log);

    if (error) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0, "\"%V\": %s",
                      &epochs->name, error);
        return NGX_ERROR;
    }

    epochs->shpool->data = sh;

    return NGX_OK;
}


/* what the end of the file says; NULL, or why it cannot be told */

static char *
ngx_ohttp_relay_epochs_read(ngx_ohttp_relay_epochs_t *epochs, ngx_log_t *log)
{
    char      *error;
    ngx_fd_t   fd;

    fd = ngx_open_file(epochs->name.data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        return "it cannot be opened to be read";
    }

    error = ngx_ohttp_relay_epochs_read_fd(epochs, fd, log);

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", &epochs->name);
    }

    return error;
}


static char *
ngx_ohttp_relay_epochs_read_fd(ngx_ohttp_relay_epochs_t *epochs, ngx_fd_t fd,
    ngx_log_t *log)
{
    char             *error;
    off_t             size, offset;
    u_char           *p;
    ngx_file_info_t   info;

    if (ngx_fd_info(fd, &info) == NGX_FILE_ERROR || !ngx_is_file(&info)) {
        return "it is not a regular file";
    }

    size = ngx_file_size(&info);
    offset = ngx_max(0, size - NGX_OHTTP_RELAY_EPOCHS_TAIL);
    size -= offset;

    p = ngx_alloc(size + 1, log);
    if (p == NULL) {
        return "no memory";
    }

    error = (pread(fd, p, size, offset) == size)
            ? ngx_ohttp_relay_epochs_tail(epochs, p, p + size, offset == 0)
            : "it cannot be read";

    ngx_free(p);

    return error;
}


/*
 * A line without its end is the last one of a relay that died: if it is
 * complete otherwise it counts, else the next one stands in its place.
 */

static char *
ngx_ohttp_relay_epochs_tail(ngx_ohttp_relay_epochs_t *epochs, u_char *p,
    u_char *last, ngx_uint_t whole)
{
    u_char      *end;
    ngx_uint_t   begun;

    /* a first line that is torn is all there is */

    begun = whole && (p == last || (*p == '{' && ngx_strlchr(p, last, LF)
                                                 == NULL));
    if (!whole) {
        p = ngx_strlchr(p, last, LF);
        p = p ? p + 1 : last;
    }

    epochs->sh->torn = (p < last && last[-1] != LF);

    for ( /* void */ ; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, LF);
        end = end ? end : last;

        ngx_ohttp_relay_epochs_line(epochs, p, end);
    }

    return (begun || epochs->sh->seq) ? NULL
                                      : "it is no log of published keys";
}


static void
ngx_ohttp_relay_epochs_line(ngx_ohttp_relay_epochs_t *epochs, u_char *p,
    u_char *last)
{
    ngx_str_t                        name;
    ngx_ohttp_relay_epoch_t          epoch;
    ngx_ohttp_relay_epochs_entry_t  *entry;

    if (ngx_ohttp_relay_epoch(p, last, &epoch) != NGX_OHTTP_RELAY_OK
        || EVP_Digest(p, last - p, epochs->sh->last, NULL, EVP_sha256(), NULL)
           != 1)
    {
        return;
    }

    epochs->sh->seq = epoch.seq;

    name.data = (u_char *) epoch.gateway.data;
    name.len = epoch.gateway.len;

    entry = ngx_ohttp_relay_epochs_entry(epochs, &name);

    if (entry) {
        ngx_memcpy(entry->sha256, epoch.sha256, NGX_OHTTP_RELAY_EPOCH_DIGEST);
    }
}


/* under the lock, or before anybody else is there; NULL without memory */

static ngx_ohttp_relay_epochs_entry_t *
ngx_ohttp_relay_epochs_entry(ngx_ohttp_relay_epochs_t *epochs, ngx_str_t *name)
{
    uint32_t                         hash;
    ngx_ohttp_relay_epochs_entry_t  *entry;

    hash = ngx_crc32_short(name->data, name->len);

    entry = (ngx_ohttp_relay_epochs_entry_t *)
                ngx_str_rbtree_lookup(&epochs->sh->rbtree, name, hash);

    if (entry || name->len > NGX_OHTTP_RELAY_EPOCH_NAME) {
        return entry;
    }

    entry = ngx_slab_calloc_locked(epochs->shpool,
                                   sizeof(ngx_ohttp_relay_epochs_entry_t));
    if (entry == NULL) {
        return NULL;
    }

    ngx_memcpy(entry->name, name->data, name->len);

    entry->node.str.data = entry->name;
    entry->node.str.len = name->len;
    entry->node.node.key = hash;

    ngx_rbtree_insert(&epochs->sh->rbtree, &entry->node.node);

    return entry;
}


ngx_int_t
ngx_ohttp_relay_epochs_add(ngx_ohttp_relay_epochs_t *epochs, ngx_str_t *name,
    u_char *sha256, ngx_log_t *log)
{
    ngx_int_t                        rc;
    ngx_ohttp_relay_epochs_entry_t  *entry;

    /* nobody waits for this lock but a worker that does the same */

    ngx_shmtx_lock(&epochs->shpool->mutex);

    rc = ngx_ohttp_relay_epochs_mend(epochs, log);
    entry = ngx_ohttp_relay_epochs_entry(epochs, name);

    if (rc != NGX_OK) {
        /* another time */

    } else if (entry == NULL
               || ngx_memcmp(entry->sha256, sha256,
                             NGX_OHTTP_RELAY_EPOCH_DIGEST)
                  != 0)
    {
        rc = ngx_ohttp_relay_epochs_append(epochs, name, sha256, log);

        if (rc == NGX_OK && entry) {
            ngx_memcpy(entry->sha256, sha256, NGX_OHTTP_RELAY_EPOCH_DIGEST);
        }
    }

    ngx_shmtx_unlock(&epochs->shpool->mutex);

    return rc;
}


/* a worker died while it wrote: the file knows what became of its line */

static ngx_int_t
ngx_ohttp_relay_epochs_mend(ngx_ohttp_relay_epochs_t *epochs, ngx_log_t *log)
{
    char  *error;

    if (!epochs->sh->writing) {
        return NGX_OK;
    }

    error = ngx_ohttp_relay_epochs_read(epochs, log);

    if (error == NULL) {
        epochs->sh->writing = 0;
        return NGX_OK;
    }

    ngx_ohttp_relay_epochs_complain(epochs, 0, error, log);

    return NGX_ERROR;
}


static ngx_int_t
ngx_ohttp_relay_epochs_append(ngx_ohttp_relay_epochs_t *epochs,
    ngx_str_t *name, u_char *sha256, ngx_log_t *log)
{
    u_char                        line[1 + NGX_OHTTP_RELAY_EPOCH_MAX + 1];
    u_char                        digest[NGX_OHTTP_RELAY_EPOCH_DIGEST], *last;
    ngx_ohttp_relay_epoch_t       epoch;
    ngx_ohttp_relay_epochs_sh_t  *sh;

    sh = epochs->sh;

    epoch.seq = sh->seq + 1;
    epoch.time = ngx_time();
    epoch.gateway.data = name->data;
    epoch.gateway.len = name->len;
    ngx_memcpy(epoch.sha256, sha256, NGX_OHTTP_RELAY_EPOCH_DIGEST);
    ngx_memcpy(epoch.previous, sh->last, NGX_OHTTP_RELAY_EPOCH_DIGEST);

    line[0] = LF;
    last = ngx_ohttp_relay_epoch_write(line + 1, &epoch);

    if (EVP_Digest(line + 1, last - line - 1, digest, NULL, EVP_sha256(), NULL)
        != 1)
    {
        return NGX_ERROR;
    }

    *last++ = LF;

    sh->writing = 1;

    if (ngx_ohttp_relay_epochs_write(epochs, line + !sh->torn, last, log)
        == NGX_OK)
    {
        ngx_memcpy(sh->last, digest, NGX_OHTTP_RELAY_EPOCH_DIGEST);
        sh->seq = epoch.seq;
    }

    sh->writing = 0;

    return sh->seq == epoch.seq ? NGX_OK : NGX_ERROR;
}


/* NGX_OK: the line is there, even if its end is not */

static ngx_int_t
ngx_ohttp_relay_epochs_write(ngx_ohttp_relay_epochs_t *epochs, u_char *line,
    u_char *last, ngx_log_t *log)
{
    ssize_t  n;

    n = ngx_write_fd(epochs->file->fd, line, last - line);

    if (n == last - line) {
        epochs->sh->torn = 0;
        epochs->sh->failing = 0;
        return NGX_OK;
    }

    ngx_ohttp_relay_epochs_complain(epochs, n == -1 ? ngx_errno : 0,
                                    "it cannot be written to", log);

    if (n > 0) {
        epochs->sh->torn = 1;
    }

    return n == last - line - 1 ? NGX_OK : NGX_ERROR;
}


/* one line, however often it is tried */

static void
ngx_ohttp_relay_epochs_complain(ngx_ohttp_relay_epochs_t *epochs,
    ngx_err_t err, char *error, ngx_log_t *log)
{
    if (epochs->sh->failing) {
        return;
    }

    epochs->sh->failing = 1;

    ngx_log_error(NGX_LOG_CRIT, log, err,
                  "\"%V\": %s; keys are published without a line here, "
                  "which is tried again", &epochs->name, error);
}
