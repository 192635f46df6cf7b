
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_EJECT_H_INCLUDED_
#define _NGX_OHTTP_RELAY_EJECT_H_INCLUDED_


/*
 * A gateway that cannot be connected to is left out for a while, by all
 * workers, if another one holds the same key.
 */


#include "pool.h"


/* a gateway that shows a key it must not have: for so long at least, ms */
#define NGX_OHTTP_RELAY_EJECT_FORGED  60000


/*
 * Handler of the directive "eject" of a gateway's block; "conf" is the
 * ngx_ohttp_relay_gateway_t.  Returns NGX_CONF_OK, or what is wrong.
 */
char *ngx_ohttp_relay_eject_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Whether a request of this kind (NGX_OHTTP_RELAY_SINGLE ...) must leave out
 * this member of a choice: 1 or 0.  0 without a choice, or if no other member
 * could take the request were it not ejected itself.  When the time is over,
 * the first who asks gets 0, and tries for all.
 */
ngx_uint_t ngx_ohttp_relay_eject_skips(ngx_ohttp_relay_gateway_t *gateway,
    ngx_ohttp_relay_choice_t *choice, ngx_uint_t kind);

/*
 * How many seconds it takes until a member of the choice may be tried again;
 * 0 if none is ejected.
 */
ngx_uint_t ngx_ohttp_relay_eject_wait(ngx_ohttp_relay_choice_t *choice);

/*
 * Told when none of the addresses of a member of a choice could be connected
 * to ("forged": it was there, and showed a key that is not its own), and when a
 * connection to a gateway has been made.
 */
void ngx_ohttp_relay_eject_failed(ngx_ohttp_relay_gateway_t *gateway,
    ngx_ohttp_relay_choice_t *choice, ngx_uint_t forged);
void ngx_ohttp_relay_eject_connected(ngx_ohttp_relay_gateway_t *gateway);

/* Whether a gateway is ejected now, and how often it ever was. */
ngx_uint_t ngx_ohttp_relay_eject_figures(ngx_ohttp_relay_gateway_t *gateway,
    ngx_atomic_uint_t *ejections);


#endif /* _NGX_OHTTP_RELAY_EJECT_H_INCLUDED_ */
