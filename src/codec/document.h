
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_DOCUMENT_H_INCLUDED_
#define _NGX_OHTTP_RELAY_DOCUMENT_H_INCLUDED_


/*
 * What the JSON files that an operator or the agent writes have in common:
 * they are read whole, by jansson, and may have nothing that two readers
 * could take for two things.
 */


#include "codec.h"

#include <jansson.h>


#define NGX_OHTTP_RELAY_DOCUMENT_MAX     (4 * 1024 * 1024)
#define NGX_OHTTP_RELAY_DOCUMENT_DEPTH   16

/* how many values there may be in all, each of which takes memory */
#define NGX_OHTTP_RELAY_DOCUMENT_VALUES  262144

/* room for the sentence that says what is wrong */
#define NGX_OHTTP_RELAY_DOCUMENT_ERROR   256

#define NGX_OHTTP_RELAY_DOCUMENT_DIGEST  32      /* bytes of SHA-256 */

/* a name or a count of a document: 1 to 64 letters, digits, "-", "_", "." */
#define NGX_OHTTP_RELAY_DOCUMENT_NAME    64


/*
 * Reads p..last, one JSON object (RFC 8259) within the bounds above: UTF-8,
 * no name twice in an object, no control character in a name or a string,
 * escaped or not, and no number that is not an integer of 64 bits.
 *
 * Returns the object, which the caller releases with json_decref(), or NULL
 * with a sentence in error, NGX_OHTTP_RELAY_DOCUMENT_ERROR bytes: it tells a
 * line or a limit and never quotes a value, which may be a secret.
 */
json_t *ngx_ohttp_relay_document_read(const u_char *p, const u_char *last,
    char *error);

/* Returns 1 if text can name a gateway, a pool or a policy; 0 if not. */
int ngx_ohttp_relay_document_name(const char *text, size_t len);

/*
 * Returns the canonical text of a value of a document, to be freed: members
 * sorted by the bytes of their names, no blank anywhere, and in strings no
 * escapes but \" and \\.  NULL if there is no memory.
 */
char *ngx_ohttp_relay_document_canonical(json_t *value);

/*
 * Writes the SHA-256 of the canonical text to out.  Returns
 * NGX_OHTTP_RELAY_OK, or NGX_OHTTP_RELAY_ERROR if there is no memory.
 */
int ngx_ohttp_relay_document_digest(json_t *value, u_char *out);

/*
 * Writes a sentence to error, cut off if it has no room there, and returns
 * NGX_OHTTP_RELAY_ERROR.
 */
int ngx_ohttp_relay_document_fail(char *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));


#endif /* _NGX_OHTTP_RELAY_DOCUMENT_H_INCLUDED_ */
