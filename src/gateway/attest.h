
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_ATTEST_H_INCLUDED_
#define _NGX_OHTTP_RELAY_ATTEST_H_INCLUDED_


/* what the two files of verdicts share, and nobody else needs to know */


#include "verdicts.h"


struct ngx_ohttp_relay_verdicts_s {
    ngx_str_t                         path;
    ngx_msec_t                        interval;
    uid_t                             owner;     /* -1: nobody was named */
    ngx_flag_t                        test_roots;

    ngx_cycle_t                      *cycle;
    ngx_ohttp_relay_watch_t          *watch;
    ngx_ohttp_relay_watched_t        *watched;

    /* how long the file in force holds, as all workers know it */
    ngx_shm_zone_t                   *zone;
    ngx_slab_pool_t                  *shpool;
    ngx_ohttp_relay_hold_t           *hold;

    /* the one in force in this process, or NULL, and its deadline */
    ngx_ohttp_relay_verdict_file_t   *file;
    uint64_t                          deadline;

    ngx_queue_t                       gateways;  /* ngx_ohttp_relay_attest_t */
    unsigned                          running:1;
};


/* Judges all gateways that are open, by the file that is in force now. */
void ngx_ohttp_relay_verdicts_judge_all(ngx_ohttp_relay_verdicts_t *verdicts);


#endif /* _NGX_OHTTP_RELAY_ATTEST_H_INCLUDED_ */
