
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * All that is handed out is plain text with a NUL behind it; what is accepted
 * is accepted again in the same way; a refusal says why.
 */


#include "fuzz.h"
#include "registry.h"


static void fuzz_rows(const ngx_ohttp_relay_registry_row_t *rows, unsigned n);
static void fuzz_text(const ngx_ohttp_relay_slice_t *slice);
static void fuzz_again(const ngx_ohttp_relay_registry_t *registry,
    const u_char *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                         error[NGX_OHTTP_RELAY_REGISTRY_ERROR];
    u_char                      *copy;
    unsigned                     i;
    ngx_ohttp_relay_registry_t  *registry;

    error[0] = '\0';
    copy = fuzz_copy(data, size);

    registry = ngx_ohttp_relay_registry_read(copy, copy + size, error);

    if (registry == NULL) {
        fuzz_assert(error[0] != '\0' && memchr(error, 0, sizeof(error)));
        free(copy);
        return 0;
    }

    fuzz_again(registry, copy, size);
    free(copy);

    for (i = 0; i < registry->npolicies; i++) {
        fuzz_text(&registry->policies[i].name);
        fuzz_text(&registry->policies[i].text);
        fuzz_text(&registry->policies[i].kind);
        fuzz_assert(registry->policies[i].kind.len >= 1);

        fuzz_assert(ngx_ohttp_relay_registry_policy(registry,
                                                  &registry->policies[i].name)
                    == &registry->policies[i]);
    }

    fuzz_rows(registry->pools, registry->npools);
    fuzz_rows(registry->gateways, registry->ngateways);

    ngx_ohttp_relay_registry_free(registry);

    return 0;
}


static void
fuzz_rows(const ngx_ohttp_relay_registry_row_t *rows, unsigned n)
{
    unsigned                                     i, j, k;
    const ngx_ohttp_relay_registry_directive_t  *directive;

    fuzz_assert(n <= NGX_OHTTP_RELAY_REGISTRY_ROWS);

    for (i = 0; i < n; i++) {
        fuzz_text(&rows[i].name);
        fuzz_assert(rows[i].name.len >= 1 && rows[i].name.len <= 64);
        fuzz_assert(rows[i].admin <= NGX_OHTTP_RELAY_ADMIN_DOWN);

        for (j = 0; j < rows[i].ndirectives; j++) {
            directive = &rows[i].directives[j];

            fuzz_assert(directive->argc >= 2);
            fuzz_assert(directive->argc <= NGX_OHTTP_RELAY_REGISTRY_ARGS + 1);

            for (k = 0; k < directive->argc; k++) {
                fuzz_text(&directive->argv[k]);
            }
        }
    }
}


static void
fuzz_text(const ngx_ohttp_relay_slice_t *slice)
{
    size_t  i;

    fuzz_assert(slice->data[slice->len] == '\0');

    for (i = 0; i < slice->len; i++) {
        fuzz_assert(slice->data[i] >= 0x20 && slice->data[i] != 0x7f);
    }
}


static void
fuzz_again(const ngx_ohttp_relay_registry_t *registry, const u_char *data,
    size_t size)
{
    char                         error[NGX_OHTTP_RELAY_REGISTRY_ERROR];
    unsigned                     i;
    ngx_ohttp_relay_registry_t  *again;

    again = ngx_ohttp_relay_registry_read(data, data + size, error);

    fuzz_assert(again != NULL);
    fuzz_assert(again->npools == registry->npools);
    fuzz_assert(again->ngateways == registry->ngateways);
    fuzz_assert(again->npolicies == registry->npolicies);

    for (i = 0; i < again->ngateways; i++) {
        fuzz_assert(again->gateways[i].ndirectives
                    == registry->gateways[i].ndirectives);
        fuzz_assert(memcmp(again->gateways[i].sha256,
                           registry->gateways[i].sha256,
                           NGX_OHTTP_RELAY_REGISTRY_DIGEST) == 0);
    }

    ngx_ohttp_relay_registry_free(again);
}
