
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_JSON_H_INCLUDED_
#define _NGX_OHTTP_RELAY_JSON_H_INCLUDED_


/*
 * JSON (RFC 8259) read in place, and read strictly: valid UTF-8 without a
 * byte order mark, no half of a surrogate pair as an escape, and no two
 * members of one object with the same name (RFC 7493, sections 2.1 and 2.3).
 * Names and strings are compared after unescaping, byte by byte: "\u0065xp"
 * is "exp", and "Exp" is not.
 */


#include "codec.h"


/* how many objects and arrays may be open at a time */
#define NGX_OHTTP_RELAY_JSON_DEPTH    16

/* how many members any one object may have */
#define NGX_OHTTP_RELAY_JSON_MEMBERS  64


typedef enum {
    NGX_OHTTP_RELAY_JSON_STRING = 0,
    NGX_OHTTP_RELAY_JSON_INTEGER,   /* a number without fraction, exponent */
    NGX_OHTTP_RELAY_JSON_NUMBER,    /* any other number */
    NGX_OHTTP_RELAY_JSON_OBJECT,
    NGX_OHTTP_RELAY_JSON_ARRAY,
    NGX_OHTTP_RELAY_JSON_TRUE,
    NGX_OHTTP_RELAY_JSON_FALSE,
    NGX_OHTTP_RELAY_JSON_NULL
} ngx_ohttp_relay_json_e;


/* the slices point into the text, and nothing in them is unescaped */

typedef struct {
    ngx_ohttp_relay_json_e   type;
    ngx_ohttp_relay_slice_t  name;      /* without quotes; empty in an array */
    ngx_ohttp_relay_slice_t  text;      /* of a string, without quotes */
} ngx_ohttp_relay_json_value_t;


typedef struct {
    const u_char            *p;
    const u_char            *last;
    unsigned                 object:1;
    unsigned                 first:1;
} ngx_ohttp_relay_json_iterator_t;


/*
 * Checks that p..last is one JSON object as described above, with perhaps
 * white space around it, and within the limits of depth and members at every
 * level.  The work is linear in the length of the text, but for names made
 * to have the same hash: at most NGX_OHTTP_RELAY_JSON_MEMBERS times that.
 * The stack holds at most about 32 KB.
 *
 * Returns NGX_OHTTP_RELAY_OK, or NGX_OHTTP_RELAY_ERROR.
 */
int ngx_ohttp_relay_json_object(const u_char *p, const u_char *last);

/*
 * Prepares to go over the members of an object, or over the elements of an
 * array: the text of a value, or a whole text that
 * ngx_ohttp_relay_json_object() has found right.
 *
 * Returns NGX_OHTTP_RELAY_OK; NGX_OHTTP_RELAY_ERROR if it is neither.
 */
int ngx_ohttp_relay_json_begin(const ngx_ohttp_relay_slice_t *text,
    ngx_ohttp_relay_json_iterator_t *it);

/*
 * Reads the next member or element.
 *
 * Returns NGX_OHTTP_RELAY_OK and fills *value; NGX_OHTTP_RELAY_DONE if there
 * are no more; NGX_OHTTP_RELAY_ERROR for text that is no JSON, which cannot
 * be if it has been checked before: then there is no going on.  What is
 * wrong behind the member, and a name that is there twice, is not seen here.
 */
int ngx_ohttp_relay_json_next(ngx_ohttp_relay_json_iterator_t *it,
    ngx_ohttp_relay_json_value_t *value);

/*
 * Finds a member of the object by its name, a string of UTF-8.
 *
 * Returns NGX_OHTTP_RELAY_OK and fills *value; NGX_OHTTP_RELAY_DONE if there
 * is no such member; NGX_OHTTP_RELAY_ERROR if it is no object, or as
 * ngx_ohttp_relay_json_next().
 */
int ngx_ohttp_relay_json_member(const ngx_ohttp_relay_slice_t *object,
    const char *name, ngx_ohttp_relay_json_value_t *value);

/* Returns 1 if the member has this name, a string of UTF-8; 0 if not. */
int ngx_ohttp_relay_json_name_equal(const ngx_ohttp_relay_json_value_t *value,
    const char *name);

/*
 * Returns 1 if the value is a string with this content, a string of UTF-8;
 * 0 if not, also for a value of any other type.
 */
int ngx_ohttp_relay_json_string_equal(
    const ngx_ohttp_relay_json_value_t *value, const char *text);

/*
 * The same with a text whose end is not marked by a NUL.  A NUL in it is a
 * byte as any other.
 */
int ngx_ohttp_relay_json_slice_equal(const ngx_ohttp_relay_json_value_t *value,
    const ngx_ohttp_relay_slice_t *text);

/*
 * Returns NGX_OHTTP_RELAY_OK with *n if the value is an integer (no fraction
 * and no exponent) from INT64_MIN to INT64_MAX; NGX_OHTTP_RELAY_ERROR if it
 * is anything else: then *n is undefined.
 */
int ngx_ohttp_relay_json_integer(const ngx_ohttp_relay_json_value_t *value,
    int64_t *n);

/*
 * Writes the content of a string as UTF-8 into out of size bytes, without a
 * final NUL.  It is never longer than value->text.len.
 *
 * Returns the number of bytes written; NGX_OHTTP_RELAY_ERROR if the value is
 * no string, if it has a NUL, or if it does not fit: then the content of out
 * is undefined.
 */
ssize_t ngx_ohttp_relay_json_unescape(
    const ngx_ohttp_relay_json_value_t *value, u_char *out, size_t size);


#endif /* _NGX_OHTTP_RELAY_JSON_H_INCLUDED_ */
