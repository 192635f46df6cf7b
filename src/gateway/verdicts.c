
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "attest.h"

#include <pwd.h>


#define NGX_OHTTP_RELAY_VERDICTS_INTERVAL      1000    /* ms */
#define NGX_OHTTP_RELAY_VERDICTS_MIN_INTERVAL  100
#define NGX_OHTTP_RELAY_VERDICTS_MAX_INTERVAL  (60 * 1000)

/* what the allocator of so little shared memory needs for itself */
#define NGX_OHTTP_RELAY_VERDICTS_PAGES         8

#define NGX_OHTTP_RELAY_VERDICTS_ZONE          "ohttp_relay_verdicts"


static char *ngx_ohttp_relay_verdicts_option(ngx_conf_t *cf,
    ngx_ohttp_relay_verdicts_t *verdicts, ngx_str_t *value);
static char *ngx_ohttp_relay_verdicts_user(ngx_conf_t *cf,
    ngx_ohttp_relay_verdicts_t *verdicts, u_char *name);
static void ngx_ohttp_relay_verdicts_find_old(ngx_conf_t *cf,
    ngx_ohttp_relay_verdicts_t *verdicts, void *tag);
static ngx_int_t ngx_ohttp_relay_verdicts_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static void ngx_ohttp_relay_verdicts_cleanup(void *data);
static ngx_int_t ngx_ohttp_relay_verdicts_take(void *data, u_char *p,
    u_char *last, ngx_pool_t *pool, char **error);
static ngx_int_t ngx_ohttp_relay_verdicts_enforce(
    ngx_ohttp_relay_verdicts_t *verdicts,
    ngx_ohttp_relay_verdict_file_t *file);


char *
ngx_ohttp_relay_verdicts_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_ohttp_relay_gateways_t *gateways = conf;

    char                        *wrong;
    ngx_str_t                   *value;
    ngx_uint_t                   i;
    ngx_ohttp_relay_verdicts_t  *verdicts;

    if (gateways->verdicts) {
        return "is duplicate";
    }

    verdicts = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_verdicts_t));
    if (verdicts == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    verdicts->path = value[1];
    verdicts->interval = NGX_OHTTP_RELAY_VERDICTS_INTERVAL;
    verdicts->owner = (uid_t) -1;
    verdicts->cycle = cf->cycle;

    ngx_queue_init(&verdicts->gateways);

    gateways->verdicts = verdicts;

    for (i = 2; i < cf->args->nelts; i++) {
        wrong = ngx_ohttp_relay_verdicts_option(cf, verdicts, &value[i]);

        if (wrong != NGX_CONF_OK) {
            return wrong;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_verdicts_option(ngx_conf_t *cf,
    ngx_ohttp_relay_verdicts_t *verdicts, ngx_str_t *value)
{
    ngx_str_t       time;
    ngx_msec_int_t  interval;

    if (ngx_strncmp(value->data, "interval=", sizeof("interval=") - 1) == 0) {
        time.data = value->data + sizeof("interval=") - 1;
        time.len = value->len - (sizeof("interval=") - 1);

        interval = ngx_parse_time(&time, 0);

        if (interval < NGX_OHTTP_RELAY_VERDICTS_MIN_INTERVAL
            || interval > NGX_OHTTP_RELAY_VERDICTS_MAX_INTERVAL)
        {
            return "takes \"interval=\" with a time from 100ms to 1m";
        }

        verdicts->interval = interval;

        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "user=", sizeof("user=") - 1) == 0) {
        return ngx_ohttp_relay_verdicts_user(cf, verdicts, value->data
                                                      + sizeof("user=") - 1);
    }

    if (ngx_strcmp(value->data, "test_roots=on") == 0) {
        verdicts->test_roots = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "test_roots=off") == 0) {
        return NGX_CONF_OK;
    }

    return "takes but \"interval=\", \"user=\" and \"test_roots=on\"";
}


static char *
ngx_ohttp_relay_verdicts_user(ngx_conf_t *cf,
    ngx_ohttp_relay_verdicts_t *verdicts, u_char *name)
{
    struct passwd  *user;

    ngx_set_errno(0);

    user = getpwnam((char *) name);

    if (user == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "there is no user \"%s\"", name);
        return NGX_CONF_ERROR;
    }

    verdicts->owner = user->pw_uid;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_ohttp_relay_verdicts_init(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways, void *tag)
{
    ngx_str_t                    name;
    ngx_pool_cleanup_t          *cln;
    ngx_ohttp_relay_verdicts_t  *verdicts;

    verdicts = gateways->verdicts;

    if (verdicts == NULL) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_ohttp_relay_verdicts_cleanup;
    cln->data = verdicts;

    ngx_ohttp_relay_verdicts_find_old(cf, verdicts, tag);

    verdicts->watched = ngx_ohttp_relay_watch_add_guarded(cf, &verdicts->watch,
                                   &verdicts->path,
                                   NGX_OHTTP_RELAY_VERDICTS_MAX,
                                   verdicts->owner,
                                   ngx_ohttp_relay_verdicts_take, verdicts);
    if (verdicts->watched == NULL) {
        return NGX_ERROR;
    }

    if (verdicts->test_roots) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"test_roots=on\" lets verdicts count that go back to "
                      "a test root: anyone can make their evidence");
    }

    ngx_str_set(&name, NGX_OHTTP_RELAY_VERDICTS_ZONE);

    verdicts->zone = ngx_shared_memory_add(cf, &name,
                                           NGX_OHTTP_RELAY_VERDICTS_PAGES
                                           * ngx_pagesize, tag);
    if (verdicts->zone == NULL) {
        return NGX_ERROR;
    }

    verdicts->zone->init = ngx_ohttp_relay_verdicts_init_zone;
    verdicts->zone->data = verdicts;

    /* its interval, and none of the files that come and go */

    ngx_ohttp_relay_watch_apart(verdicts->watch,
                                NGX_OHTTP_RELAY_VERDICTS_ZONE "_",
                                verdicts->interval);

    return ngx_ohttp_relay_watch_init(cf, verdicts->watch, tag);
}


/* until the new configuration has its own, to know which file was in force */

static void
ngx_ohttp_relay_verdicts_find_old(ngx_conf_t *cf,
    ngx_ohttp_relay_verdicts_t *verdicts, void *tag)
{
    size_t                       len;
    ngx_uint_t                   i;
    ngx_cycle_t                 *old;
    ngx_shm_zone_t              *zone;
    ngx_list_part_t             *part;
    ngx_ohttp_relay_verdicts_t  *before;

    old = cf->cycle->old_cycle;

    if (old == NULL || ngx_is_init_cycle(old)) {
        return;
    }

    len = sizeof(NGX_OHTTP_RELAY_VERDICTS_ZONE) - 1;

    for (part = &old->shared_memory.part; part; part = part->next) {

        zone = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (zone[i].tag == tag && zone[i].shm.name.len == len
                && ngx_strncmp(zone[i].shm.name.data,
                               NGX_OHTTP_RELAY_VERDICTS_ZONE, len)
                   == 0)
            {
                before = zone[i].data;

                verdicts->shpool = before->shpool;
                verdicts->hold = before->hold;

                return;
            }
        }
    }
}


static ngx_int_t
ngx_ohttp_relay_verdicts_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_ohttp_relay_verdicts_t  *verdicts;

    verdicts = shm_zone->data;
    verdicts->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (verdicts->shpool->data == NULL) {
        verdicts->shpool->data = ngx_slab_calloc(verdicts->shpool,
                                               sizeof(ngx_ohttp_relay_hold_t));
    }

    verdicts->hold = verdicts->shpool->data;

    return verdicts->hold ? NGX_OK : NGX_ERROR;
}


static void
ngx_ohttp_relay_verdicts_cleanup(void *data)
{
    ngx_ohttp_relay_verdicts_t *verdicts = data;

    ngx_ohttp_relay_verdicts_free(verdicts->file);
    verdicts->file = NULL;
}


static ngx_int_t
ngx_ohttp_relay_verdicts_take(void *data, u_char *p, u_char *last,
    ngx_pool_t *pool, char **error)
{
    ngx_ohttp_relay_verdicts_t *verdicts = data;

    char                            *text;
    ngx_ohttp_relay_verdict_file_t  *old, *file;

    text = ngx_pnalloc(pool, NGX_OHTTP_RELAY_VERDICTS_ERROR);
    if (text == NULL) {
        return NGX_ERROR;
    }

    file = ngx_ohttp_relay_verdicts_read(p, last, text);

    if (file == NULL) {
        *error = text;
        return NGX_ERROR;
    }

    if (ngx_ohttp_relay_verdicts_enforce(verdicts, file) != NGX_OK) {
        ngx_ohttp_relay_verdicts_free(file);

        *error = "its \"seq\" is smaller than that of the verdicts in force";
        return NGX_DECLINED;
    }

    old = verdicts->file;
    verdicts->file = file;

    if (verdicts->running) {
        ngx_ohttp_relay_verdicts_judge_all(verdicts);

        ngx_log_error(NGX_LOG_INFO, verdicts->cycle->log, 0,
                      "verdicts: seq %L, on %ui gateways", file->seq,
                      (ngx_uint_t) file->n);
    }

    ngx_ohttp_relay_verdicts_free(old);

    return NGX_OK;
}


/* NGX_DECLINED: a later file of the same boot is in force already */

static ngx_int_t
ngx_ohttp_relay_verdicts_enforce(ngx_ohttp_relay_verdicts_t *verdicts,
    ngx_ohttp_relay_verdict_file_t *file)
{
    ngx_int_t                rc;
    ngx_ohttp_relay_hold_t  *hold;

    hold = verdicts->hold;

    if (hold == NULL) {
        return NGX_OK;
    }

    rc = NGX_OK;

    ngx_shmtx_lock(&verdicts->shpool->mutex);

    if (hold->set && file->seq < hold->number
        && ngx_memcmp(hold->id, file->boot_id, sizeof(file->boot_id)) == 0)
    {
        rc = NGX_DECLINED;

    } else if (verdicts->running) {
        verdicts->deadline = ngx_ohttp_relay_hold(hold, file->boot_id,
                                                  file->seq,
                                                  file->written_at + file->ttl,
                                                  ngx_time(),
                                                  ngx_current_msec);
    }

    ngx_shmtx_unlock(&verdicts->shpool->mutex);

    return rc;
}


void
ngx_ohttp_relay_verdicts_init_process(ngx_ohttp_relay_gateways_t *gateways)
{
    ngx_ohttp_relay_verdicts_t  *verdicts;

    verdicts = gateways->verdicts;

    if (verdicts == NULL) {
        return;
    }

    verdicts->running = 1;

    /* older than what workers have read since: then it will come from them */

    if (verdicts->file
        && ngx_ohttp_relay_verdicts_enforce(verdicts, verdicts->file)
           != NGX_OK)
    {
        ngx_ohttp_relay_verdicts_free(verdicts->file);
        verdicts->file = NULL;
    }
}


ngx_int_t
ngx_ohttp_relay_verdicts_watch(ngx_ohttp_relay_gateways_t *gateways,
    ngx_cycle_t *cycle)
{
    return gateways->verdicts
           ? ngx_ohttp_relay_watch_init_process(gateways->verdicts->watch,
                                                cycle)
           : NGX_OK;
}


ngx_ohttp_relay_watched_t *
ngx_ohttp_relay_verdicts_watched(ngx_ohttp_relay_gateways_t *gateways)
{
    return gateways->verdicts ? gateways->verdicts->watched : NULL;
}
