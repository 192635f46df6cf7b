
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_BOOLEAN_H_INCLUDED_
#define _NGX_OHTTP_RELAY_BOOLEAN_H_INCLUDED_


#include "codec.h"


/*
 * Reads the field value p..last as a structured field: one Item that is a
 * Boolean (RFC 9651, sections 3.3.6 and 4.2).  Parameters are ignored; only
 * their outer shape is checked: a key, and perhaps "=" with a value.
 *
 * Returns 1 for true, 0 for false, NGX_OHTTP_RELAY_ERROR for anything else,
 * also for an empty value and for a list.
 */
int ngx_ohttp_relay_boolean(const u_char *p, const u_char *last);


#endif /* _NGX_OHTTP_RELAY_BOOLEAN_H_INCLUDED_ */
