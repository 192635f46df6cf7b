
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_ALLOW_H_INCLUDED_
#define _NGX_OHTTP_RELAY_ALLOW_H_INCLUDED_


/* which measurements the operator allows; an empty list allows none */


#include "codec.h"


#define NGX_OHTTP_RELAY_MEASUREMENT  256    /* bytes; 48 of a register */

/* how many values one entry of a list may have */
#define NGX_OHTTP_RELAY_ALLOW_MAX    64


/* a value that a register may have; what a number means, the kind says */

typedef struct {
    unsigned                         number;
    size_t                           len;
    u_char                           value[NGX_OHTTP_RELAY_MEASUREMENT];
} ngx_ohttp_relay_allow_value_t;


/* all registers that it names must have one of the values it has for them */

typedef struct {
    unsigned                         n;
    ngx_ohttp_relay_allow_value_t    values[NGX_OHTTP_RELAY_ALLOW_MAX];
} ngx_ohttp_relay_allow_entry_t;


typedef struct {
    const ngx_ohttp_relay_allow_entry_t  *entries;
    unsigned                              n;
    unsigned                              any:1;    /* by express wish */
} ngx_ohttp_relay_allow_t;


/*
 * Compares registers, the i-th of which has the number i and no data if it is
 * not there, with a list.  The bits of zero are those of registers, below 32,
 * that must have zeros or no data if an entry does not name them.
 *
 * Returns 1 if an entry of the list fits, or if the list allows any; 0 if
 * none does.  An entry without values fits nothing, and a value of zeros does
 * not either: it is what a register has that nobody has measured into.
 */
int ngx_ohttp_relay_allowed(const ngx_ohttp_relay_allow_t *allow,
    const ngx_ohttp_relay_slice_t *registers, unsigned n, unsigned zero);

/*
 * Adds a value of hexadecimal digits of either case to an entry.
 *
 * Returns NGX_OHTTP_RELAY_OK; NGX_OHTTP_RELAY_ERROR if it does not have len
 * bytes (at most NGX_OHTTP_RELAY_MEASUREMENT), or if the entry is full.
 */
int ngx_ohttp_relay_allow_add(ngx_ohttp_relay_allow_entry_t *entry,
    unsigned number, const ngx_ohttp_relay_slice_t *hex, size_t len);

/* Returns 1 if all bytes are zero, also if there are none; 0 if not. */
int ngx_ohttp_relay_all_zero(const u_char *p, size_t len);


#endif /* _NGX_OHTTP_RELAY_ALLOW_H_INCLUDED_ */
