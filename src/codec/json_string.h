
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_JSON_STRING_H_INCLUDED_
#define _NGX_OHTTP_RELAY_JSON_STRING_H_INCLUDED_


/* strings of JSON between their quotes, for json.c */


#include "codec.h"


/*
 * Reads one character at *p, which is below last: a byte of ASCII, an escape
 * (RFC 8259, section 7) or UTF-8 (RFC 3629), and advances *p behind it.  A
 * quote is a character as any other here.
 *
 * Returns its code point, which is no surrogate and may be 0; -1 for a
 * control byte, an unknown escape, half of a surrogate pair, and what is no
 * UTF-8: then *p is undefined, but not above last.
 */
int32_t ngx_ohttp_relay_json_char(const u_char **p, const u_char *last);

/*
 * Returns 1 if two strings, both well formed and with data that is not NULL,
 * are equal after unescaping; 0 if not.
 */
int ngx_ohttp_relay_json_same(const ngx_ohttp_relay_slice_t *a,
    const ngx_ohttp_relay_slice_t *b);


#endif /* _NGX_OHTTP_RELAY_JSON_STRING_H_INCLUDED_ */
