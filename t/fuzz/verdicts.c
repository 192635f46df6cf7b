
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * What is accepted has nothing outside of its bounds, is found by its name, is
 * accepted again; and no verdict counts that does not say so.
 */


#include "fuzz.h"
#include "attested.h"


static void fuzz_verdict(const ngx_ohttp_relay_verdict_file_t *file,
    const ngx_ohttp_relay_verdict_t *verdict);
static void fuzz_text(const ngx_ohttp_relay_slice_t *slice, size_t max);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                             error[NGX_OHTTP_RELAY_VERDICTS_ERROR];
    u_char                          *copy;
    unsigned                         i;
    ngx_ohttp_relay_verdict_file_t  *file, *again;

    error[0] = '\0';
    copy = fuzz_copy(data, size);

    file = ngx_ohttp_relay_verdicts_read(copy, copy + size, error);

    if (file == NULL) {
        fuzz_assert(error[0] != '\0' && memchr(error, 0, sizeof(error)));
        free(copy);
        return 0;
    }

    again = ngx_ohttp_relay_verdicts_read(copy, copy + size, error);
    free(copy);

    fuzz_assert(again != NULL && again->n == file->n);
    fuzz_assert(file->seq >= 0 && file->written_at >= 0 && file->ttl >= 0);
    fuzz_assert(file->n <= NGX_OHTTP_RELAY_VERDICTS_ROWS);

    for (i = 0; i < file->n; i++) {
        fuzz_verdict(file, &file->verdicts[i]);
    }

    ngx_ohttp_relay_verdicts_free(again);
    ngx_ohttp_relay_verdicts_free(file);

    return 0;
}


static void
fuzz_verdict(const ngx_ohttp_relay_verdict_file_t *file,
    const ngx_ohttp_relay_verdict_t *verdict)
{
    const char                  *why;
    ngx_ohttp_relay_terms_t      terms;
    ngx_ohttp_relay_attested_e   attested;

    fuzz_text(&verdict->name, 64);
    fuzz_text(&verdict->kind, 64);
    fuzz_text(&verdict->reason, NGX_OHTTP_RELAY_VERDICT_REASON);

    fuzz_assert(verdict->name.len && verdict->kind.len);
    fuzz_assert(verdict->npins <= NGX_OHTTP_RELAY_VERDICT_PINS);
    fuzz_assert(verdict->valid_until >= 0 && verdict->verified_at >= 0);

    fuzz_assert(ngx_ohttp_relay_verdicts_find(file, verdict->name.data,
                                              verdict->name.len)
                == verdict);

    /* as good as it can be */

    memset(&terms, 0, sizeof(terms));
    memcpy(terms.entry_sha256, verdict->entry_sha256,
           sizeof(terms.entry_sha256));

    terms.kind = verdict->kind;
    terms.policy = 1;
    terms.https = 1;

    attested = ngx_ohttp_relay_attested(file, verdict, &terms, INT32_MAX,
                                        &why);

    if (attested == NGX_OHTTP_RELAY_ATTESTED_OK) {
        fuzz_assert(verdict->state == NGX_OHTTP_RELAY_VERDICT_OK);
        fuzz_assert(verdict->root != NGX_OHTTP_RELAY_ROOT_NONE
                    && verdict->root != NGX_OHTTP_RELAY_ROOT_TEST);
    }

    terms.entry_sha256[0] ^= 1;

    fuzz_assert(ngx_ohttp_relay_attested(file, verdict, &terms, INT32_MAX,
                                         &why)
                == NGX_OHTTP_RELAY_ATTESTED_NONE);
}


static void
fuzz_text(const ngx_ohttp_relay_slice_t *slice, size_t max)
{
    size_t  i;

    fuzz_assert(slice->len <= max && slice->data[slice->len] == '\0');

    for (i = 0; i < slice->len; i++) {
        fuzz_assert(slice->data[i] >= 0x20 && slice->data[i] != 0x7f);
    }
}
