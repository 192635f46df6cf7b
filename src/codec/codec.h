
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_CODEC_H_INCLUDED_
#define _NGX_OHTTP_RELAY_CODEC_H_INCLUDED_


/*
 * What all parsers of this room share.  They are pure: they read the bytes
 * from p up to, not including, last; allocate nothing, log nothing, and know
 * neither nginx nor a request.  Slices that they return point into the input.
 */


#include <sys/types.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>


/* the first three are equal to nginx's codes of the same name on purpose */

#define NGX_OHTTP_RELAY_OK     0
#define NGX_OHTTP_RELAY_ERROR  -1
#define NGX_OHTTP_RELAY_AGAIN  -2
#define NGX_OHTTP_RELAY_DONE   1


/* classes of bytes, RFC 9110, sections 5.5 and 5.6.2 */

#define NGX_OHTTP_RELAY_BYTE_TOKEN  1
#define NGX_OHTTP_RELAY_BYTE_TEXT   2    /* all but controls; TAB is text */


/* a word with the byte c eight times */
#define ngx_ohttp_relay_word(c)  ((uint64_t) (c) * 0x0101010101010101ULL)


typedef struct {
    const u_char  *data;
    size_t         len;
} ngx_ohttp_relay_slice_t;


/* for each byte the NGX_OHTTP_RELAY_BYTE_ classes that it belongs to */
extern const u_char  ngx_ohttp_relay_byte_class[256];


/*
 * Compares p..last with the len bytes of lower, which must be ASCII without
 * capitals, regardless of the case of ASCII letters in p..last.
 *
 * Returns 1 if equal, 0 if not.
 */
int ngx_ohttp_relay_token_equal(const u_char *p, const u_char *last,
    const char *lower, size_t len);

/*
 * Returns 1 if p..last has text bytes only: no control byte but TAB
 * (RFC 9110, section 5.5, with obs-text), 0 if not.  Empty is text.
 */
int ngx_ohttp_relay_is_text(const u_char *p, const u_char *last);

/*
 * Moves *p forward and *last back over optional white space, SP and TAB
 * (RFC 9110, section 5.6.3).
 */
void ngx_ohttp_relay_trim(const u_char **p, const u_char **last);


#endif /* _NGX_OHTTP_RELAY_CODEC_H_INCLUDED_ */
