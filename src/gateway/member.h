
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_MEMBER_H_INCLUDED_
#define _NGX_OHTTP_RELAY_MEMBER_H_INCLUDED_


#include "roster.h"


/*
 * Puts the gateways of a roster, whose names are sorted and checked, into its
 * pools.  Returns NGX_OK, or NGX_ERROR after one line in cf->log.
 */
ngx_int_t ngx_ohttp_relay_members_init(ngx_conf_t *cf,
    ngx_ohttp_relay_roster_t *roster);


#endif /* _NGX_OHTTP_RELAY_MEMBER_H_INCLUDED_ */
