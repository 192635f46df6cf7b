
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "key_config.h"
#include "json.h"


#define ngx_ohttp_relay_be16(p)  ((size_t) (p)[0] << 8 | (p)[1])

/* bytes of the id of the key and of the KEM */
#define NGX_OHTTP_RELAY_KEY_HEAD   3

/* bytes of one pair of KDF and AEAD, and of all that may follow a key */
#define NGX_OHTTP_RELAY_SUITE      4
#define NGX_OHTTP_RELAY_SUITES_MAX 65532


static int ngx_ohttp_relay_key_list(const u_char *p, const u_char *last,
    ngx_ohttp_relay_key_set_t *set, const char **error);
static int ngx_ohttp_relay_key_bare(const u_char *p, const u_char *last,
    ngx_ohttp_relay_key_config_t *config);
static int ngx_ohttp_relay_key_config(const u_char *p, const u_char *last,
    ngx_ohttp_relay_key_config_t *config);
static size_t ngx_ohttp_relay_kem_key(uint16_t kem);
static int ngx_ohttp_relay_key_suites(const u_char *p, const u_char *last);
static int ngx_ohttp_relay_key_json(const u_char *p, const u_char *last,
    ngx_ohttp_relay_key_set_t *set, const char **error);


/* RFC 9180, section 7.1, and draft-ietf-hpke-pq: Npk, bytes */

static const struct {
    uint16_t  kem;
    uint16_t  key;
} ngx_ohttp_relay_kem_keys[] = {
    { 0x0010, 65 },
    { 0x0011, 97 },
    { 0x0012, 133 },
    { 0x0020, 32 },
    { 0x0021, 56 },
    { 0x0040, 800 },
    { 0x0041, 1184 },
    { 0x0042, 1568 },
    { 0x0050, 1249 },
    { 0x0051, 1665 },
    { 0x647a, 1216 },
    { 0, 0 }
};


int
ngx_ohttp_relay_key_set(const u_char *p, const u_char *last,
    ngx_ohttp_relay_key_set_t *set, const char **error)
{
    const u_char                  *first;
    ngx_ohttp_relay_key_config_t   bare;

    if (last - p > NGX_OHTTP_RELAY_KEYS_BYTES) {
        *error = "it is too long";
        return NGX_OHTTP_RELAY_ERROR;
    }

    first = p;

    while (first != last && (*first == ' ' || *first == '\t' || *first == '\r'
                             || *first == '\n'))
    {
        first++;
    }

    if (first != last && *first == '{'
        && ngx_ohttp_relay_key_json(p, last, set, error)
           == NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_OK;
    }

    if (ngx_ohttp_relay_key_bare(p, last, &bare) != NGX_OHTTP_RELAY_OK) {
        return ngx_ohttp_relay_key_list(p, last, set, error);
    }

    /* rarely it could be either: a KEM that is known decides */

    if (ngx_ohttp_relay_key_list(p, last, set, error) == NGX_OHTTP_RELAY_OK
        && (ngx_ohttp_relay_kem_key(set->keys[0].kem) != 0
            || ngx_ohttp_relay_kem_key(bare.kem) == 0))
    {
        return NGX_OHTTP_RELAY_OK;
    }

    set->form = NGX_OHTTP_RELAY_KEYS_BARE;
    set->n = 1;
    set->keys[0] = bare;

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_key_list(const u_char *p, const u_char *last,
    ngx_ohttp_relay_key_set_t *set, const char **error)
{
    size_t  len;

    set->form = NGX_OHTTP_RELAY_KEYS_LIST;
    set->n = 0;

    *error = "it is neither a list of key configurations nor one of them";

    do {
        if (last - p < 2) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        if (set->n == NGX_OHTTP_RELAY_KEYS_MAX) {
            *error = "it has too many keys";
            return NGX_OHTTP_RELAY_ERROR;
        }

        len = ngx_ohttp_relay_be16(p);
        p += 2;

        if (len > (size_t) (last - p)
            || ngx_ohttp_relay_key_config(p, p + len, &set->keys[set->n])
               != NGX_OHTTP_RELAY_OK)
        {
            return NGX_OHTTP_RELAY_ERROR;
        }

        set->n++;
        p += len;

    } while (p != last);

    return NGX_OHTTP_RELAY_OK;
}


/*
 * A list with a wrong length looks like one key of some KEM that is unknown:
 * what has a key of a known one behind two bytes is taken for a list.
 */

static int
ngx_ohttp_relay_key_bare(const u_char *p, const u_char *last,
    ngx_ohttp_relay_key_config_t *config)
{
    size_t  len;

    if (ngx_ohttp_relay_key_config(p, last, config) != NGX_OHTTP_RELAY_OK) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (ngx_ohttp_relay_kem_key(config->kem) != 0) {
        return NGX_OHTTP_RELAY_OK;
    }

    /* a key configuration has five bytes and more */

    p += 2;
    len = ngx_ohttp_relay_kem_key((uint16_t) ngx_ohttp_relay_be16(p + 1));

    if (len == 0
        || (size_t) (last - p) < NGX_OHTTP_RELAY_KEY_HEAD + len + 2)
    {
        return NGX_OHTTP_RELAY_OK;
    }

    len = ngx_ohttp_relay_be16(p + NGX_OHTTP_RELAY_KEY_HEAD + len);

    return (len != 0 && len % NGX_OHTTP_RELAY_SUITE == 0)
           ? NGX_OHTTP_RELAY_ERROR : NGX_OHTTP_RELAY_OK;
}


/* RFC 9458, section 3.1 */

static int
ngx_ohttp_relay_key_config(const u_char *p, const u_char *last,
    ngx_ohttp_relay_key_config_t *config)
{
    size_t  len, tail;

    if (last - p < NGX_OHTTP_RELAY_KEY_HEAD) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    config->id = p[0];
    config->kem = (uint16_t) ngx_ohttp_relay_be16(p + 1);

    p += NGX_OHTTP_RELAY_KEY_HEAD;
    len = ngx_ohttp_relay_kem_key(config->kem);

    config->key.data = p;

    if (len != 0) {
        config->key.len = len;

        return len <= (size_t) (last - p)
               ? ngx_ohttp_relay_key_suites(p + len, last)
               : NGX_OHTTP_RELAY_ERROR;
    }

    config->key.len = last - p;

    /* the shortest tail that could be it: where it begins matters to nobody */

    for (tail = 2 + NGX_OHTTP_RELAY_SUITE;
         tail < config->key.len && tail <= 2 + NGX_OHTTP_RELAY_SUITES_MAX;
         tail += NGX_OHTTP_RELAY_SUITE)
    {
        if (ngx_ohttp_relay_key_suites(last - tail, last)
            == NGX_OHTTP_RELAY_OK)
        {
            return NGX_OHTTP_RELAY_OK;
        }
    }

    return NGX_OHTTP_RELAY_ERROR;
}


/* 0: the KEM is not known */

static size_t
ngx_ohttp_relay_kem_key(uint16_t kem)
{
    size_t  i;

    for (i = 0; ngx_ohttp_relay_kem_keys[i].key; i++) {
        if (ngx_ohttp_relay_kem_keys[i].kem == kem) {
            return ngx_ohttp_relay_kem_keys[i].key;
        }
    }

    return 0;
}


/* the length of the pairs, and so many bytes of pairs, at least one of them */

static int
ngx_ohttp_relay_key_suites(const u_char *p, const u_char *last)
{
    size_t  len;

    if (last - p < 2 + NGX_OHTTP_RELAY_SUITE) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    len = ngx_ohttp_relay_be16(p);

    return (len == (size_t) (last - p) - 2
            && len % NGX_OHTTP_RELAY_SUITE == 0)
           ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}


static int
ngx_ohttp_relay_key_json(const u_char *p, const u_char *last,
    ngx_ohttp_relay_key_set_t *set, const char **error)
{
    int64_t                        id;
    ngx_ohttp_relay_slice_t        text;
    ngx_ohttp_relay_json_value_t   value;
    ngx_ohttp_relay_key_config_t  *config;

    if (ngx_ohttp_relay_json_object(p, last) != NGX_OHTTP_RELAY_OK) {
        *error = "it is not JSON";
        return NGX_OHTTP_RELAY_ERROR;
    }

    set->form = NGX_OHTTP_RELAY_KEYS_JSON;
    set->n = 0;

    text.data = p;
    text.len = last - p;

    if (ngx_ohttp_relay_json_member(&text, "key_id", &value)
        != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_json_integer(&value, &id) != NGX_OHTTP_RELAY_OK
        || id < 0 || id > 255)
    {
        return NGX_OHTTP_RELAY_OK;
    }

    config = &set->keys[set->n++];

    config->id = (uint8_t) id;
    config->kem = 0;

    if ((ngx_ohttp_relay_json_member(&text, "public_key", &value)
         == NGX_OHTTP_RELAY_OK
         && value.type == NGX_OHTTP_RELAY_JSON_STRING)
        || (ngx_ohttp_relay_json_member(&text, "key_config", &value)
            == NGX_OHTTP_RELAY_OK
            && value.type == NGX_OHTTP_RELAY_JSON_STRING))
    {
        config->key = value.text;

    } else {
        config->key = text;
    }

    return NGX_OHTTP_RELAY_OK;
}


int
ngx_ohttp_relay_key_set_has(const ngx_ohttp_relay_key_set_t *set, uint8_t id)
{
    unsigned  i;

    for (i = 0; i < set->n; i++) {
        if (set->keys[i].id == id) {
            return 1;
        }
    }

    return 0;
}


int
ngx_ohttp_relay_key_set_changed(const ngx_ohttp_relay_key_set_t *before,
    const ngx_ohttp_relay_key_set_t *set)
{
    unsigned                             i, k;
    const ngx_ohttp_relay_key_config_t  *a, *b;

    for (i = 0; i < set->n; i++) {

        b = &set->keys[i];

        if (!ngx_ohttp_relay_key_set_has(before, b->id)) {
            continue;
        }

        for (k = 0; k < before->n; k++) {

            a = &before->keys[k];

            if (a->id == b->id && a->kem == b->kem && a->key.len == b->key.len
                && memcmp(a->key.data, b->key.data, a->key.len) == 0)
            {
                break;
            }
        }

        if (k == before->n) {
            return b->id;
        }
    }

    return NGX_OHTTP_RELAY_ERROR;
}
