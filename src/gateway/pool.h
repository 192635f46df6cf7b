
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_POOL_H_INCLUDED_
#define _NGX_OHTTP_RELAY_POOL_H_INCLUDED_


#include "gateway.h"


/* what of a request tells which gateway of a pool is meant */

typedef enum {
    NGX_OHTTP_RELAY_SELECT_ANY = 0,  /* nothing: the keys are shared */
    NGX_OHTTP_RELAY_SELECT_HEADER,   /* a header with a selector */
    NGX_OHTTP_RELAY_SELECT_TARGET,   /* a header with a gateway's URL */
    NGX_OHTTP_RELAY_SELECT_PATH,     /* the last segment of the path */
    NGX_OHTTP_RELAY_SELECT_KEY_ID    /* the first byte of the body */
} ngx_ohttp_relay_select_e;


/*
 * What a request can choose: a gateway, or in a pool with shared keys all that
 * the same key leads to; any of them will do.
 */

typedef struct {
    ngx_str_t                      key;      /* in the form compared */
    ngx_ohttp_relay_gateway_t    **members;
    ngx_uint_t                     nmembers;
    ngx_uint_t                     weight;   /* of all of them */
} ngx_ohttp_relay_choice_t;


/* one way to choose a gateway, before all of its like become a choice */

typedef struct {
    ngx_str_t                      key;
    ngx_ohttp_relay_gateway_t     *gateway;
} ngx_ohttp_relay_member_t;


/*
 * An ohttp_relay_pool block, or a pool of the registry.  Where gateways come
 * and go each roster has one of its own, with those of the time.
 */

struct ngx_ohttp_relay_pool_s {
    ngx_str_t                      name;
    u_char                        *file;     /* where it stands, or NULL */
    ngx_uint_t                     line;
    ngx_ohttp_relay_roster_t      *roster;   /* that it is of, if counted */

    ngx_ohttp_relay_select_e       select;
    ngx_str_t                      header;   /* lower case */
    ngx_str_t                      fallback_name;
    ngx_uint_t                     shared;   /* their keys are the same */

    ngx_array_t                    members;  /* ngx_ohttp_relay_member_t */
    ngx_array_t                    choices;  /* ..._choice_t, sorted by key */
    ngx_array_t                    keyed;    /* ..._gateway_t *: those whose */
                                             /* key ids stand in a file */
    ngx_ohttp_relay_choice_t      *fallback; /* of who says nothing; NULL */
    ngx_uint_t                     profile;  /* of all its members */
    ngx_uint_t                     kinds;    /* of any member */
    off_t                          max_body; /* the largest of a member */
    ngx_ohttp_relay_keys_t        *keys;     /* they agree on; NULL: none */

    unsigned                       select_set:1;
    unsigned                       keys_set:1;
};


/*
 * Handler of the directive "ohttp_relay_pool NAME { ... }": "conf" is an
 * ngx_ohttp_relay_gateways_t.  Returns NGX_CONF_OK, or NGX_CONF_ERROR after one
 * logged line.
 */
char *ngx_ohttp_relay_pool_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Handlers of the directives "selector" and "key_ids" of a gateway's block;
 * "conf" is the ngx_ohttp_relay_gateway_t.  Both return NGX_CONF_OK or what
 * is wrong.
 */
char *ngx_ohttp_relay_selector_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_ohttp_relay_key_ids_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Makes an empty pool; its directives, cf->args, can be told one by one, and
 * must be complete in the end.  ngx_ohttp_relay_pool_create() returns NULL
 * without memory; the others return NGX_CONF_OK, or NGX_CONF_ERROR after one
 * line in cf->log.
 */
ngx_ohttp_relay_pool_t *ngx_ohttp_relay_pool_create(ngx_pool_t *memory,
    ngx_str_t *name);
char *ngx_ohttp_relay_pool_directive(ngx_conf_t *cf,
    ngx_ohttp_relay_pool_t *pool);
char *ngx_ohttp_relay_pool_complete(ngx_conf_t *cf,
    ngx_ohttp_relay_pool_t *pool);


#endif /* _NGX_OHTTP_RELAY_POOL_H_INCLUDED_ */
