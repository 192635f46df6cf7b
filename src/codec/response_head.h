
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_RESPONSE_HEAD_H_INCLUDED_
#define _NGX_OHTTP_RELAY_RESPONSE_HEAD_H_INCLUDED_


/*
 * The head of what a gateway answers, RFC 9112, sections 2.2, 4 and 5.  A
 * line ends with CRLF or a bare LF; a bare CR is an error.  The line parsers
 * keep no state: after NGX_OHTTP_RELAY_AGAIN call again with the same start
 * and more bytes.  The caller bounds how many that may become.
 */


#include "codec.h"


typedef struct {
    unsigned                 minor;     /* of HTTP/1.minor: 0 or 1 */
    unsigned                 status;    /* 100 to 599 */
    size_t                   length;    /* bytes with the line end */
} ngx_ohttp_relay_status_line_t;


typedef struct {
    ngx_ohttp_relay_slice_t  name;
    ngx_ohttp_relay_slice_t  value;     /* without white space around */
    size_t                   length;    /* bytes with the line end */
} ngx_ohttp_relay_field_t;


typedef enum {
    NGX_OHTTP_RELAY_FIELD_OTHER = 0,
    NGX_OHTTP_RELAY_FIELD_CONTENT_TYPE,
    NGX_OHTTP_RELAY_FIELD_CONTENT_LENGTH,
    NGX_OHTTP_RELAY_FIELD_TRANSFER_ENCODING,
    NGX_OHTTP_RELAY_FIELD_CONNECTION,
    NGX_OHTTP_RELAY_FIELD_CACHE_CONTROL,
    NGX_OHTTP_RELAY_FIELD_RETRY_AFTER,
    NGX_OHTTP_RELAY_FIELD_INCREMENTAL,
    NGX_OHTTP_RELAY_FIELD_DATE
} ngx_ohttp_relay_field_e;


/*
 * Reads the status line at p (RFC 9112, section 4).  The reason, with the
 * space before it, may be missing.
 *
 * Returns NGX_OHTTP_RELAY_OK and fills *line; NGX_OHTTP_RELAY_AGAIN if the
 * line has no end yet and can still become right; NGX_OHTTP_RELAY_ERROR for
 * anything but HTTP/1.0 and HTTP/1.1, for a status out of range, and for
 * control bytes in the reason.
 */
int ngx_ohttp_relay_status_line(const u_char *p, const u_char *last,
    ngx_ohttp_relay_status_line_t *line);

/*
 * Reads one field line at p (RFC 9112, section 5).
 *
 * Returns NGX_OHTTP_RELAY_OK and fills *field, whose slices point into the
 * input; NGX_OHTTP_RELAY_DONE for the empty line that ends the head, with
 * only field->length set; NGX_OHTTP_RELAY_AGAIN if the line has no end yet
 * and can still become right; NGX_OHTTP_RELAY_ERROR for an empty name, a byte
 * in the name that is none of a token (a space before the colon, too), a
 * control byte but TAB in the value, and a folded line.
 */
int ngx_ohttp_relay_field_line(const u_char *p, const u_char *last,
    ngx_ohttp_relay_field_t *field);

/*
 * Returns which of the fields that the relay knows has this name, compared
 * without regard to case; NGX_OHTTP_RELAY_FIELD_OTHER if none.
 */
ngx_ohttp_relay_field_e ngx_ohttp_relay_field_id(
    const ngx_ohttp_relay_slice_t *name);

/*
 * Reads the Content-Length value p..last: digits and nothing else (RFC 9110,
 * section 8.6).
 *
 * Returns NGX_OHTTP_RELAY_OK with *length in bytes; NGX_OHTTP_RELAY_ERROR for
 * anything else, also for a list of equal lengths and for more than INT64_MAX.
 */
int ngx_ohttp_relay_content_length(const u_char *p, const u_char *last,
    int64_t *length);

/*
 * Returns 1 if the Connection value p..last lists the option "close"
 * (RFC 9110, section 7.6.1), without regard to case, 0 if not.
 */
int ngx_ohttp_relay_connection_close(const u_char *p, const u_char *last);


#endif /* _NGX_OHTTP_RELAY_RESPONSE_HEAD_H_INCLUDED_ */
