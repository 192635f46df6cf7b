
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_BASE64URL_H_INCLUDED_
#define _NGX_OHTTP_RELAY_BASE64URL_H_INCLUDED_


#include "codec.h"


/* how many characters n bytes become with padding; without, not more */
#define ngx_ohttp_relay_base64url_size(n)    (((n) + 2) / 3 * 4)

/* how many bytes n characters become at most */
#define ngx_ohttp_relay_base64url_bytes(n)   ((n) / 4 * 3 + (n) % 4)


/*
 * Tells whether p..last is base64url (RFC 4648, section 5): the 64 characters
 * and no others, no bits set behind the last byte, a length that can be.
 * With padding 0 any "=" is an error (RFC 7515, section 2); with padding 1
 * the text has all the "=" that belong to it, or none.
 *
 * Returns how many bytes it stands for, 0 for the empty text;
 * NGX_OHTTP_RELAY_ERROR for anything else.
 */
ssize_t ngx_ohttp_relay_base64url_check(const u_char *p, const u_char *last,
    unsigned padding);

/*
 * Decodes p..last, with the rules of ngx_ohttp_relay_base64url_check(), into
 * out, which has room for size bytes; it must not overlap the input.
 *
 * Returns the number of bytes written; NGX_OHTTP_RELAY_ERROR if the text is
 * wrong or has more than size bytes: then the content of out is undefined.
 * Nothing is written beyond size in any case.
 */
ssize_t ngx_ohttp_relay_base64url_decode(const u_char *p, const u_char *last,
    u_char *out, size_t size, unsigned padding);

/*
 * Encodes the bytes p..last into out, with "=" at the end if padding is not
 * 0, without a final NUL.  There must be room for
 * ngx_ohttp_relay_base64url_size(last - p) characters; out must not overlap
 * the input.
 *
 * Returns the number of characters written.
 */
size_t ngx_ohttp_relay_base64url_encode(const u_char *p, const u_char *last,
    u_char *out, unsigned padding);


#endif /* _NGX_OHTTP_RELAY_BASE64URL_H_INCLUDED_ */
