
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* keys lie inside of the input, in order, and a set is equal to itself */


#include "fuzz.h"
#include "key_config.h"


static void fuzz_keys(const ngx_ohttp_relay_key_set_t *set, const u_char *p,
    const u_char *last);
static void fuzz_as_list(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                     *copy;
    const char                 *error;
    ngx_ohttp_relay_key_set_t   set;

    copy = fuzz_copy(data, size);
    error = NULL;

    if (ngx_ohttp_relay_key_set(copy, copy + size, &set, &error)
        != NGX_OHTTP_RELAY_OK)
    {
        fuzz_assert(error != NULL);
        free(copy);
        return 0;
    }

    fuzz_assert(set.n <= NGX_OHTTP_RELAY_KEYS_MAX);
    fuzz_assert(set.n != 0 || set.form == NGX_OHTTP_RELAY_KEYS_JSON);
    fuzz_assert(ngx_ohttp_relay_key_set_changed(&set, &set)
                == NGX_OHTTP_RELAY_ERROR);

    fuzz_keys(&set, copy, copy + size);

    free(copy);

    if (set.form == NGX_OHTTP_RELAY_KEYS_BARE && size < 65534) {
        fuzz_as_list(data, size);
    }

    return 0;
}


static void
fuzz_keys(const ngx_ohttp_relay_key_set_t *set, const u_char *p,
    const u_char *last)
{
    int       id, has;
    size_t    len;
    unsigned  i;

    for (i = 0; i < set->n; i++) {

        fuzz_assert(set->keys[i].key.data >= p
                    && set->keys[i].key.data + set->keys[i].key.len <= last);
        fuzz_assert(ngx_ohttp_relay_key_set_has(set, set->keys[i].id));

        if (set->form == NGX_OHTTP_RELAY_KEYS_LIST) {
            len = (size_t) p[0] << 8 | p[1];
            fuzz_assert(p[2] == set->keys[i].id);
            fuzz_assert(set->keys[i].key.data == p + 5);
            p += 2 + len;
        }
    }

    fuzz_assert(set->form != NGX_OHTTP_RELAY_KEYS_LIST || p == last);

    for (has = 0, id = 0; id < 256; id++) {
        has += ngx_ohttp_relay_key_set_has(set, (uint8_t) id);
    }

    fuzz_assert(has <= (int) set->n);
}


/* a key of its own is one in a list of one too */

static void
fuzz_as_list(const uint8_t *data, size_t size)
{
    u_char                     *copy;
    const char                 *error;
    ngx_ohttp_relay_key_set_t   set;

    copy = malloc(size + 2);
    fuzz_assert(copy != NULL);

    copy[0] = (u_char) (size >> 8);
    copy[1] = (u_char) size;
    memcpy(copy + 2, data, size);

    fuzz_assert(ngx_ohttp_relay_key_set(copy, copy + size + 2, &set, &error)
                == NGX_OHTTP_RELAY_OK);

    free(copy);
}
