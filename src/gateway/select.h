
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_SELECT_H_INCLUDED_
#define _NGX_OHTTP_RELAY_SELECT_H_INCLUDED_


#include "pool.h"


/*
 * Whether a pool's gateway is told by a header, and it is this one, its name
 * in lower case: 1 or 0.
 */
ngx_uint_t ngx_ohttp_relay_select_reads(ngx_ohttp_relay_pool_t *pool,
    const u_char *name, size_t len);

/*
 * What the value of that header, or a last segment of a path, chooses; a header
 * that is empty, as if it were not there.  Returns NULL if no gateway of the
 * pool is called so: it is looked up, and nothing else is ever made of it (RFC
 * 9458, section 8.2).
 */
ngx_ohttp_relay_choice_t *ngx_ohttp_relay_select(ngx_ohttp_relay_pool_t *pool,
    ngx_str_t *value);

/*
 * What a key id chooses: who has it among its key_ids, or in its keys_file as
 * it is now.  Memory comes from "memory", if any is needed.  Returns NULL if
 * nobody has it, or more than one has where keys are not shared.
 */
ngx_ohttp_relay_choice_t *ngx_ohttp_relay_select_key(
    ngx_ohttp_relay_pool_t *pool, u_char id, ngx_pool_t *memory);

/*
 * Whether there is no gateway in the pool: 1 or 0.
 */
ngx_uint_t ngx_ohttp_relay_select_none(ngx_ohttp_relay_pool_t *pool);

/*
 * What a request for this path (decoded, without query) chooses by it: the
 * last segment; without one, as if it had said nothing.  NULL if unknown.
 */
ngx_ohttp_relay_choice_t *ngx_ohttp_relay_select_path(
    ngx_ohttp_relay_pool_t *pool, ngx_str_t *uri);

/*
 * A place among the gateways chosen, from 0, at random by weight.
 */
ngx_uint_t ngx_ohttp_relay_select_place(ngx_ohttp_relay_choice_t *choice);

/*
 * The gateway at a place; behind the last one comes the first one again.
 */
ngx_ohttp_relay_gateway_t *ngx_ohttp_relay_select_at(
    ngx_ohttp_relay_choice_t *choice, ngx_uint_t place);

/*
 * The order in which keys, and names, are searched: their lengths, then the
 * bytes.  Returns less than, equal to or greater than 0.
 */
int ngx_ohttp_relay_select_compare(ngx_str_t *one, ngx_str_t *two);


#endif /* _NGX_OHTTP_RELAY_SELECT_H_INCLUDED_ */
