
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_KEY_LIST_H_INCLUDED_
#define _NGX_OHTTP_RELAY_KEY_LIST_H_INCLUDED_


/* the keys of a gateway as they are published, whatever form it serves */


#include "finding.h"
#include "key_config.h"


typedef struct {
    ngx_ohttp_relay_keys_form_e  form;      /* that it had */
    ngx_ohttp_relay_key_set_t    set;       /* of data */
    size_t                       len;
    u_char                       data[NGX_OHTTP_RELAY_KEYS_BYTES];
} ngx_ohttp_relay_key_list_t;


/*
 * Makes a list (RFC 9458, section 3.2) of p..last: of a list, of one bare key
 * configuration, or of OpenGradient's JSON.  One key at least must be of a KEM
 * that is known.
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED and fills *list; NGX_OHTTP_RELAY_MALFORMED
 * or NGX_OHTTP_RELAY_REFUSED with a reason in *finding.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_key_list_make(const u_char *p,
    const u_char *last, ngx_ohttp_relay_key_list_t *list,
    ngx_ohttp_relay_finding_t *finding);

/*
 * Finds the pairs of KDF and AEAD of the i-th key, four bytes each; none if
 * its KEM is not known.
 */
void ngx_ohttp_relay_key_list_suites(const ngx_ohttp_relay_key_list_t *list,
    unsigned i, const u_char **p, const u_char **last);


#endif /* _NGX_OHTTP_RELAY_KEY_LIST_H_INCLUDED_ */
