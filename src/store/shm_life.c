
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* how the store "shm" begins, what it takes over, and how it ends */


#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/rand.h>

#include "shm.h"


static ngx_int_t ngx_ohttp_relay_shm_start(ngx_ohttp_relay_shm_t *shm);
static ngx_int_t ngx_ohttp_relay_shm_start_file(ngx_ohttp_relay_shm_t *shm);
static void ngx_ohttp_relay_shm_tell_loss(ngx_ohttp_relay_shm_t *shm,
    time_t lost);
static ngx_int_t ngx_ohttp_relay_shm_lose(ngx_ohttp_relay_shm_t *shm,
    char *reason);
static ngx_int_t ngx_ohttp_relay_shm_reload(ngx_ohttp_relay_shm_t *shm);
static ngx_int_t ngx_ohttp_relay_shm_write(ngx_ohttp_relay_shm_t *shm,
    ngx_uint_t running, ngx_uint_t content);
static void ngx_ohttp_relay_shm_accept(ngx_ohttp_relay_shm_t *shm);
static ngx_int_t ngx_ohttp_relay_shm_pin(ngx_ohttp_relay_shm_t *shm);


/* "nginx -t" comes here, too, and must leave the state file alone */

ngx_int_t
ngx_ohttp_relay_shm_opened(ngx_ohttp_relay_spent_t *spent, void *data,
    ngx_uint_t fresh)
{
    ngx_ohttp_relay_shm_t *shm = data;

    ngx_int_t  rc;

    if (ngx_test_config) {
        return NGX_OK;
    }

    shm->spent = spent;
    shm->file.log = spent->zone->shm.log;

    rc = fresh ? ngx_ohttp_relay_shm_start(shm)
               : ngx_ohttp_relay_shm_reload(shm);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (shm->loss == ngx_ohttp_relay_shm_loss_accept) {
        ngx_ohttp_relay_shm_accept(shm);
    }

    return ngx_ohttp_relay_shm_pin(shm);
}


static ngx_int_t
ngx_ohttp_relay_shm_start(ngx_ohttp_relay_shm_t *shm)
{
    if (shm->file.path.len) {

        if (RAND_bytes(shm->file.run, NGX_OHTTP_RELAY_STATE_RUN) != 1) {
            return NGX_ERROR;
        }

        return ngx_ohttp_relay_shm_start_file(shm);
    }

    if (shm->loss == ngx_ohttp_relay_shm_loss_closed) {
        shm->spent->sh->ledger.lost = ngx_time();

        ngx_log_error(NGX_LOG_NOTICE, shm->file.log, 0,
                      "ohttp_relay_store: what began before this start is "
                      "answered with \"store_unavailable\", since "
                      "on_data_loss is \"closed\" and no state= file tells "
                      "what was spent");
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_NOTICE, shm->file.log, 0,
                  "ohttp_relay_store: without a state= file each restart "
                  "forgets what was spent: unexpired tokens can be spent "
                  "once more, and sealed requests repeated");

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_shm_start_file(ngx_ohttp_relay_shm_t *shm)
{
    ngx_ohttp_relay_ledger_t      *ledger;
    ngx_ohttp_relay_state_head_t   head;

    ledger = &shm->spent->sh->ledger;

    switch (ngx_ohttp_relay_shm_file_read(&shm->file, shm->spent, &head)) {

    case NGX_OHTTP_RELAY_SHM_ABSENT:
        return ngx_ohttp_relay_shm_write(shm, 0, 1);

    case NGX_OHTTP_RELAY_SHM_COMPLETE:
        ledger->forgotten = head.forgotten;
        ledger->lost = head.lost;

        if (head.lost) {
            ngx_ohttp_relay_shm_tell_loss(shm, (time_t) head.lost);
        }

        return NGX_OK;

    case NGX_OHTTP_RELAY_SHM_RUNNING:
        ledger->forgotten = head.forgotten;
        return ngx_ohttp_relay_shm_lose(shm, "was not completed when nginx "
                                        "ended");

    case NGX_OHTTP_RELAY_SHM_BROKEN:
        ngx_ohttp_relay_shm_file_put_aside(&shm->file);

        (void) ngx_ohttp_relay_shm_lose(shm, "is broken");
        return ngx_ohttp_relay_shm_write(shm, 1, 1);

    case NGX_OHTTP_RELAY_SHM_IN_USE:

        if (ngx_inherited) {
            (void) ngx_ohttp_relay_shm_lose(shm, "is in use by the nginx that "
                                            "this one is to replace");
            return ngx_ohttp_relay_shm_write(shm, 1, 1);
        }

        ngx_log_error(NGX_LOG_EMERG, shm->file.log, 0,
                      "ohttp_relay_store: state file \"%V\" is in use by "
                      "another nginx", &shm->file.path);
        return NGX_ERROR;

    case NGX_OHTTP_RELAY_SHM_TOO_LARGE:
        ngx_log_error(NGX_LOG_EMERG, shm->file.log, 0,
                      "ohttp_relay_store: what is in state file \"%V\" has no "
                      "room in a store of %uz bytes: raise size=",
                      &shm->file.path, shm->spent->zone->shm.size);
        return NGX_ERROR;

    default: /* NGX_OHTTP_RELAY_SHM_FAILED */
        return NGX_ERROR;
    }
}


static void
ngx_ohttp_relay_shm_tell_loss(ngx_ohttp_relay_shm_t *shm, time_t lost)
{
    u_char  when[sizeof("Mon, 28 Sep 1970 06:00:00 GMT")];

    *ngx_http_time(when, lost) = '\0';

    ngx_log_error(NGX_LOG_CRIT, shm->file.log, 0,
                  "ohttp_relay_store: what began before the data loss of %s "
                  "is still answered with \"store_unavailable\": see "
                  "on_data_loss", when);
}


static ngx_int_t
ngx_ohttp_relay_shm_lose(ngx_ohttp_relay_shm_t *shm, char *reason)
{
    shm->spent->sh->ledger.lost = ngx_time();

    if (shm->loss == ngx_ohttp_relay_shm_loss_accept) {
        ngx_log_error(NGX_LOG_WARN, shm->file.log, 0,
                      "ohttp_relay_store: state file \"%V\" %s: what was "
                      "spent and is not in it can be spent once more, as "
                      "on_data_loss=accept allows", &shm->file.path, reason);

        shm->spent->sh->ledger.lost = 0;
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_CRIT, shm->file.log, 0,
                  "ohttp_relay_store: state file \"%V\" %s: what began before "
                  "this start is answered with \"store_unavailable\" until it "
                  "has ended; use new token keys, or let on_data_loss=accept "
                  "take the risk that tokens are spent once more",
                  &shm->file.path, reason);

    return NGX_OK;
}


/* the zone lives on, and with it the file, unless the file is another one */

static ngx_int_t
ngx_ohttp_relay_shm_reload(ngx_ohttp_relay_shm_t *shm)
{
    ngx_ohttp_relay_shm_t *old = shm->spent->old;

    if (shm->file.path.len == 0) {
        return NGX_OK;
    }

    if (old && old->file.fd != NGX_INVALID_FILE
        && old->file.path.len == shm->file.path.len
        && ngx_strcmp(old->file.path.data, shm->file.path.data) == 0)
    {
        ngx_memcpy(shm->file.run, old->file.run, NGX_OHTTP_RELAY_STATE_RUN);

        shm->file.fd = fcntl(old->file.fd, F_DUPFD_CLOEXEC, 0);

        if (shm->file.fd == NGX_INVALID_FILE) {
            ngx_log_error(NGX_LOG_EMERG, shm->file.log, ngx_errno,
                          "fcntl(F_DUPFD_CLOEXEC) failed");
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    if (RAND_bytes(shm->file.run, NGX_OHTTP_RELAY_STATE_RUN) != 1) {
        return NGX_ERROR;
    }

    /* the content comes when nginx stops: workers are changing it now */

    return ngx_ohttp_relay_shm_write(shm, 1, 0);
}


static ngx_int_t
ngx_ohttp_relay_shm_write(ngx_ohttp_relay_shm_t *shm, ngx_uint_t running,
    ngx_uint_t content)
{
    uint64_t                       key[2];
    ngx_ohttp_relay_ledger_t      *ledger, empty;
    ngx_ohttp_relay_state_head_t   head;

    ledger = &shm->spent->sh->ledger;

    head.running = (int) running;
    head.lost = ledger->lost;
    head.forgotten = ledger->forgotten;
    head.written = ngx_time();

    ngx_memcpy(head.run, shm->file.run, NGX_OHTTP_RELAY_STATE_RUN);

    if (!content) {
        ngx_memzero(key, sizeof(key));
        ngx_ohttp_relay_ledger_init(&empty, key, 0);
        ledger = &empty;
    }

    return ngx_ohttp_relay_shm_file_write(&shm->file, ledger, &head);
}


static void
ngx_ohttp_relay_shm_accept(ngx_ohttp_relay_shm_t *shm)
{
    ngx_ohttp_relay_spent_sh_t  *sh;

    sh = shm->spent->sh;

    if (sh->ledger.lost) {
        ngx_log_error(NGX_LOG_WARN, shm->file.log, 0,
                      "ohttp_relay_store: a loss of data is accepted: what "
                      "was spent before can be spent once more");
    }

    ngx_shmtx_lock(&shm->spent->shpool->mutex);

    sh->ledger.lost = 0;
    sh->ledger.forgotten = 0;
    sh->back = 0;

    ngx_shmtx_unlock(&shm->spent->shpool->mutex);
}


static ngx_int_t
ngx_ohttp_relay_shm_pin(ngx_ohttp_relay_shm_t *shm)
{
    ngx_uint_t                        i;
    ngx_array_t                      *pins;
    ngx_ohttp_relay_spent_t          *spent;
    ngx_ohttp_relay_store_pin_t      *pin;
    ngx_ohttp_relay_ledger_answer_e   answer;

    spent = shm->spent;
    pins = &shm->store->pins;
    pin = pins->elts;

    shm->is_raised = ngx_pcalloc(pins->pool, pins->nelts + 1);
    if (shm->is_raised == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < pins->nelts; i++) {

        ngx_shmtx_lock(&spent->shpool->mutex);

        answer = ngx_ohttp_relay_ledger_pin(&spent->sh->ledger,
                                            &spent->memory, pin[i].group,
                                            pin[i].expires, ngx_time());

        ngx_shmtx_unlock(&spent->shpool->mutex);

        switch (answer) {

        case NGX_OHTTP_RELAY_LEDGER_GRANTED:
            break;

        case NGX_OHTTP_RELAY_LEDGER_REFUSED:
            shm->is_raised[i] = 1;
            shm->raised++;

            ngx_log_error(NGX_LOG_CRIT, shm->file.log, 0,
                          "ohttp_relay_store: the expiry of \"%V\" was raised "
                          "after it had passed, and what was spent is "
                          "forgotten: its tokens are answered with "
                          "\"store_unavailable\" until it is set back; use a "
                          "new key instead", &pin[i].label);
            break;

        default:
            ngx_log_error(NGX_LOG_EMERG, shm->file.log, 0,
                          "ohttp_relay_store: no room to remember the expiry "
                          "of \"%V\"", &pin[i].label);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* nothing was spent before there is a worker: until then nothing is lost */

ngx_int_t
ngx_ohttp_relay_shm_init_process(ngx_ohttp_relay_store_t *store,
    ngx_cycle_t *cycle)
{
    ngx_ohttp_relay_shm_t       *shm;
    ngx_ohttp_relay_spent_sh_t  *sh;

    shm = store->data;
    sh = shm->spent->sh;

    if (shm->file.path.len == 0 || sh->marked) {
        return NGX_OK;
    }

    shm->file.log = cycle->log;

    if (ngx_ohttp_relay_shm_file_mark(&shm->file) != NGX_OK) {
        return NGX_ERROR;
    }

    sh->marked = 1;

    return NGX_OK;
}


/* all workers are gone; also without any, when nginx is a single process */

void
ngx_ohttp_relay_shm_exit_master(ngx_ohttp_relay_store_t *store,
    ngx_cycle_t *cycle)
{
    ngx_ohttp_relay_shm_t    *shm;
    ngx_ohttp_relay_spent_t  *spent;

    shm = store->data;
    spent = shm->spent;

    if (shm->file.path.len == 0 || spent->sh == NULL || !spent->sh->marked) {
        return;
    }

    shm->file.log = cycle->log;

    if (ngx_ohttp_relay_shm_file_claim(&shm->file) != NGX_OK) {
        ngx_log_error(NGX_LOG_CRIT, cycle->log, 0,
                      "ohttp_relay_store: state file \"%V\" is not this "
                      "nginx's any more, and what was spent is not kept",
                      &shm->file.path);
        return;
    }

    (void) ngx_ohttp_relay_ledger_sweep(&spent->sh->ledger, &spent->memory,
                                        ngx_time());

    (void) ngx_ohttp_relay_shm_write(shm, 0, 1);
}
