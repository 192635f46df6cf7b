
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_KEY_CONFIG_H_INCLUDED_
#define _NGX_OHTTP_RELAY_KEY_CONFIG_H_INCLUDED_


#include "codec.h"


/* how many keys a set may have */
#define NGX_OHTTP_RELAY_KEYS_MAX    32

/* bytes of a set; lists of post-quantum keys are long */
#define NGX_OHTTP_RELAY_KEYS_BYTES  65536


typedef enum {
    NGX_OHTTP_RELAY_KEYS_LIST = 0,  /* RFC 9458, section 3.2 */
    NGX_OHTTP_RELAY_KEYS_BARE,      /* one of section 3.1 without a length */
    NGX_OHTTP_RELAY_KEYS_JSON       /* a gateway's own object */
} ngx_ohttp_relay_keys_form_e;


/*
 * One key.  "key" is what tells it from another one with the same id: the
 * public key; if nobody knows where that ends, all that follows the KEM; of
 * JSON, what the object says in "public_key", else in "key_config", else all.
 */

typedef struct {
    uint8_t                      id;
    uint16_t                     kem;       /* 0 of JSON */
    ngx_ohttp_relay_slice_t      key;
} ngx_ohttp_relay_key_config_t;


typedef struct {
    ngx_ohttp_relay_keys_form_e  form;
    unsigned                     n;         /* 0: JSON without "key_id" */
    ngx_ohttp_relay_key_config_t keys[NGX_OHTTP_RELAY_KEYS_MAX];
} ngx_ohttp_relay_key_set_t;


/*
 * Reads the keys of a gateway, p..last, of at most NGX_OHTTP_RELAY_KEYS_BYTES:
 * a list of key configurations, one bare key configuration, or a JSON object,
 * of which no more is asked than that it is one.  A binary set is checked to
 * its last byte.  No KEM, KDF or AEAD is refused for being unknown: of a KEM
 * that is, the length of the public key is taken from the suites behind it.
 *
 * Returns NGX_OHTTP_RELAY_OK and fills *set, whose slices point into p..last;
 * or NGX_OHTTP_RELAY_ERROR, with a reason in *error: then *set is undefined.
 */
int ngx_ohttp_relay_key_set(const u_char *p, const u_char *last,
    ngx_ohttp_relay_key_set_t *set, const char **error);

/* Returns 1 if a key of the set has this id, 0 if none has. */
int ngx_ohttp_relay_key_set_has(const ngx_ohttp_relay_key_set_t *set,
    uint8_t id);

/*
 * Compares a set with the one before it: an id that both have must stand for
 * a key that stood there before.  Keys that cannot be compared are different.
 *
 * Returns an id, 0 to 255, whose key has changed; NGX_OHTTP_RELAY_ERROR if
 * there is none.
 */
int ngx_ohttp_relay_key_set_changed(const ngx_ohttp_relay_key_set_t *before,
    const ngx_ohttp_relay_key_set_t *set);


#endif /* _NGX_OHTTP_RELAY_KEY_CONFIG_H_INCLUDED_ */
