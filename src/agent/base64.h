
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_BASE64_H_INCLUDED_
#define _NGX_OHTTP_RELAY_BASE64_H_INCLUDED_


#include "codec.h"


/*
 * Decodes base64 (RFC 4648, section 4), with all of its "=" and nothing else
 * in it, into out of size bytes; unlike elsewhere, out may be the input.
 *
 * Returns the number of bytes; NGX_OHTTP_RELAY_ERROR if the text is wrong, or
 * has more than size bytes: then the content of out is undefined.
 */
ssize_t ngx_ohttp_relay_base64(const u_char *p, const u_char *last,
    u_char *out, size_t size);


#endif /* _NGX_OHTTP_RELAY_BASE64_H_INCLUDED_ */
