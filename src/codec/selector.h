
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_SELECTOR_H_INCLUDED_
#define _NGX_OHTTP_RELAY_SELECTOR_H_INCLUDED_


#include "codec.h"


/* bytes that a selector has at most, what is dropped not counted */
#define NGX_OHTTP_RELAY_SELECTOR_MAX  128


/*
 * Brings what p..last tells of a gateway, "0x" and hexadecimal digits or a
 * word, into the form in which it is compared: without blanks around it, in
 * lower case, and without the "0x" if nothing but hexadecimal digits follow.
 * Of 130 such digits a "04" in front is dropped: an uncompressed point of a
 * curve of 256 bits is the same key with it and without.  out must have room
 * for NGX_OHTTP_RELAY_SELECTOR_MAX bytes.
 *
 * Returns the number of bytes written to out, at least 1; 0 if p..last is
 * empty, too long, or has other bytes than visible ASCII: no gateway is
 * called so.
 */
size_t ngx_ohttp_relay_selector(const u_char *p, const u_char *last,
    u_char *out);


#endif /* _NGX_OHTTP_RELAY_SELECTOR_H_INCLUDED_ */
