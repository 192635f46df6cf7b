
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* each id stands in the text, and a list of them alone is the same list */


#include "fuzz.h"
#include "models.h"


#define ROOM  256


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                   *copy, *list, *p;
    ssize_t                   i, n;
    const char               *error;
    ngx_ohttp_relay_slice_t   ids[ROOM], again[ROOM];

    copy = fuzz_copy(data, size);
    error = NULL;

    n = ngx_ohttp_relay_models(copy, copy + size, ids, ROOM, &error);

    if (n == NGX_OHTTP_RELAY_ERROR) {
        fuzz_assert(error != NULL);
        free(copy);
        return 0;
    }

    fuzz_assert(n >= 0 && (size_t) n <= size / 3);
    fuzz_assert(ngx_ohttp_relay_models(copy, copy + size, NULL, 0, &error)
                == n);

    if (n > ROOM) {
        free(copy);
        return 0;
    }

    list = malloc(sizeof("{\"data\":[]}")
                  + n * (3 + NGX_OHTTP_RELAY_CHUTE_MAX));
    fuzz_assert(list != NULL);

    p = list + sprintf((char *) list, "{\"data\":[");

    for (i = 0; i < n; i++) {
        fuzz_assert(ids[i].data > copy
                    && ids[i].data + ids[i].len < copy + size);
        fuzz_assert(ids[i].len > 0 && ids[i].len <= NGX_OHTTP_RELAY_CHUTE_MAX);

        p += sprintf((char *) p, "%s\"%.*s\"", i ? "," : "",
                     (int) ids[i].len, (const char *) ids[i].data);
    }

    p += sprintf((char *) p, "]}");

    fuzz_assert(ngx_ohttp_relay_models(list, p, again, ROOM, &error) == n);

    for (i = 0; i < n; i++) {
        fuzz_assert(ngx_ohttp_relay_models_compare(&ids[i], &again[i]) == 0);
    }

    free(list);
    free(copy);

    return 0;
}
