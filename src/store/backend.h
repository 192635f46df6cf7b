
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_BACKEND_H_INCLUDED_
#define _NGX_OHTTP_RELAY_BACKEND_H_INCLUDED_


#include "store.h"


/*
 * What a kind of store has to offer.  The functions are those of store.h with
 * the same name; "data" is the backend's own.
 */

typedef struct {
    ngx_str_t    name;                   /* the directive's first argument */

    /* reads the directive's arguments from the second on */
    char      *(*directive)(ngx_conf_t *cf, ngx_ohttp_relay_store_t *store);

    ngx_int_t  (*init)(ngx_conf_t *cf, ngx_ohttp_relay_store_t *store,
                   ngx_uint_t secret);
    ngx_int_t  (*init_process)(ngx_ohttp_relay_store_t *store,
                   ngx_cycle_t *cycle);
    void       (*exit_process)(ngx_ohttp_relay_store_t *store,
                   ngx_cycle_t *cycle);
    void       (*exit_master)(ngx_ohttp_relay_store_t *store,
                   ngx_cycle_t *cycle);

    ngx_int_t  (*ask)(ngx_ohttp_relay_store_t *store,
                   ngx_ohttp_relay_ask_t *ask);
    ngx_int_t  (*refund)(ngx_ohttp_relay_store_t *store,
                   ngx_ohttp_relay_ask_t *ask);
    void       (*abandon)(ngx_ohttp_relay_ask_t *ask);

    char      *(*state)(ngx_ohttp_relay_store_t *store);
    ngx_ohttp_relay_store_figure_t *(*figures)(ngx_ohttp_relay_store_t *store,
                   ngx_uint_t *n);
} ngx_ohttp_relay_backend_t;


/* a group that was told of by ngx_ohttp_relay_store_pin() */

typedef struct {
    u_char       group[NGX_OHTTP_RELAY_STORE_GROUP];
    time_t       expires;
    ngx_str_t    label;
} ngx_ohttp_relay_store_pin_t;


struct ngx_ohttp_relay_store_s {
    ngx_ohttp_relay_backend_t  *backend;
    void                       *data;
    void                       *tag;
    ngx_array_t                 pins;    /* ngx_ohttp_relay_store_pin_t */
};


extern ngx_ohttp_relay_backend_t  ngx_ohttp_relay_shm_backend;
extern ngx_ohttp_relay_backend_t  ngx_ohttp_relay_redis_backend;


#endif /* _NGX_OHTTP_RELAY_BACKEND_H_INCLUDED_ */
