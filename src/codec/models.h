
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_MODELS_H_INCLUDED_
#define _NGX_OHTTP_RELAY_MODELS_H_INCLUDED_


/*
 * The list of models that run in confidential hardware: what Chutes answers
 * at /v1/models, or a shorter form of it that is written by hand.
 *
 *     { "data": [ { "chute_id": "...", "confidential_compute": true } ] }
 *     { "data": [ "..." ] }
 */


#include "codec.h"


/* bytes that the id of a chute has at most */
#define NGX_OHTTP_RELAY_CHUTE_MAX  64


/*
 * Reads the list p..last: one JSON object (see json.h) with an array "data",
 * whose elements are ids, or objects.  Of these only the ones with
 * "confidential_compute" true count, and must have a "chute_id"; what else
 * stands in them is ignored.  An id has letters, digits, "-", "." and "_",
 * at most NGX_OHTTP_RELAY_CHUTE_MAX, and no escapes.
 *
 * "ids" has room for "max" slices, which point into the text.  Returns how
 * many ids there are, also if they are more than max: then call again with
 * more room.  Returns NGX_OHTTP_RELAY_ERROR with *error, a constant, for
 * anything else.
 */
ssize_t ngx_ohttp_relay_models(const u_char *p, const u_char *last,
    ngx_ohttp_relay_slice_t *ids, size_t max, const char **error);

/*
 * Orders two ids, for a search: below 0, 0 or above, by length, then bytes.
 */
int ngx_ohttp_relay_models_compare(const void *one, const void *two);


#endif /* _NGX_OHTTP_RELAY_MODELS_H_INCLUDED_ */
