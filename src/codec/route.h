
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_ROUTE_H_INCLUDED_
#define _NGX_OHTTP_RELAY_ROUTE_H_INCLUDED_


/*
 * What a client of a system beside OHTTP may say in a path, in a query and in
 * a header.  Nothing that fits has to be escaped anywhere, so what is passed
 * on cannot be read as anything else than what was checked.
 */


#include "codec.h"


/* the most parameters that a query may have */
#define NGX_OHTTP_RELAY_PARAMETERS  4


typedef enum {
    NGX_OHTTP_RELAY_VALUE_NAME = 0,   /* letters, digits, "-", ".", "_" */
    NGX_OHTTP_RELAY_VALUE_PATH,       /* such names, with "/" before each */
    NGX_OHTTP_RELAY_VALUE_HEX,        /* two digits for each byte */
    NGX_OHTTP_RELAY_VALUE_NUMBER,     /* decimal, without a 0 in front */
    NGX_OHTTP_RELAY_VALUE_VISIBLE,    /* any visible ASCII */
    NGX_OHTTP_RELAY_VALUE_WORD        /* one of "words" */
} ngx_ohttp_relay_value_e;


/* what a value may be; HEX and WORD are of any case, and passed on in lower */

typedef struct {
    ngx_ohttp_relay_value_e   kind;
    size_t                    least;    /* bytes */
    size_t                    most;
    const char               *words;    /* with a space between them */
} ngx_ohttp_relay_grammar_t;


typedef struct {
    const char                 *name;
    ngx_ohttp_relay_grammar_t   grammar;
} ngx_ohttp_relay_parameter_t;


/*
 * Returns NGX_OHTTP_RELAY_OK if p..last is a value of this grammar;
 * NGX_OHTTP_RELAY_ERROR if not.  A NAME is neither "." nor "..", and neither
 * is a part of a PATH.
 */
int ngx_ohttp_relay_value(const ngx_ohttp_relay_grammar_t *grammar,
    const u_char *p, const u_char *last);

/*
 * Writes p..last, which is of this grammar, to out in the form in which it is
 * passed on, last - p bytes.  Returns the end of what was written.
 */
u_char *ngx_ohttp_relay_value_write(const ngx_ohttp_relay_grammar_t *grammar,
    const u_char *p, const u_char *last, u_char *out);

/*
 * Compares a path with a pattern, which may end in "*": then a value of the
 * grammar stands in its place, and *value is it; else value->len is 0.
 *
 * Returns NGX_OHTTP_RELAY_OK; NGX_OHTTP_RELAY_ERROR if it is another path.
 */
int ngx_ohttp_relay_route(const char *pattern,
    const ngx_ohttp_relay_grammar_t *grammar, const u_char *p,
    const u_char *last, ngx_ohttp_relay_slice_t *value);

/*
 * Reads a query without its "?": perhaps nothing, else NAME=VALUE with "&"
 * between them, of n parameters, at most NGX_OHTTP_RELAY_PARAMETERS, each
 * once, and of its grammar.
 *
 * Returns NGX_OHTTP_RELAY_OK and fills values[n], in the order of the
 * parameters; of one that is absent the length is 0.  NGX_OHTTP_RELAY_ERROR
 * for anything else: then the content of values is undefined.
 */
int ngx_ohttp_relay_query(const ngx_ohttp_relay_parameter_t *parameters,
    size_t n, const u_char *p, const u_char *last,
    ngx_ohttp_relay_slice_t *values);


#endif /* _NGX_OHTTP_RELAY_ROUTE_H_INCLUDED_ */
