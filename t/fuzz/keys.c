
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* a list that was made of keys is a list of keys, and stays one */


#include "fuzz.h"
#include "key_list.h"
#include "opengradient.h"


static void fuzz_opengradient(const u_char *p, const u_char *last);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                             *copy;
    unsigned                            i;
    const u_char                       *p, *last;
    ngx_ohttp_relay_finding_t           finding;

    static ngx_ohttp_relay_key_list_t   list, again;

    copy = fuzz_copy(data, size);

    fuzz_opengradient(copy, copy + size);

    if (ngx_ohttp_relay_key_list_make(copy, copy + size, &list, &finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        fuzz_assert(finding.reason[0] != '\0');
        free(copy);
        return 0;
    }

    fuzz_assert(list.set.form == NGX_OHTTP_RELAY_KEYS_LIST);

    for (i = 0; i < list.set.n; i++) {
        ngx_ohttp_relay_key_list_suites(&list, i, &p, &last);
        fuzz_assert(p <= last && (last - p) % 4 == 0);
        fuzz_assert(p > list.data && last <= list.data + list.len);
    }

    fuzz_assert(ngx_ohttp_relay_key_list_make(list.data, list.data + list.len,
                                              &again, &finding)
                == NGX_OHTTP_RELAY_ACCEPTED);
    fuzz_assert(again.len == list.len
                && memcmp(again.data, list.data, list.len) == 0);

    free(copy);

    return 0;
}


static void
fuzz_opengradient(const u_char *p, const u_char *last)
{
    u_char                           app[32];
    ngx_ohttp_relay_finding_t        finding;
    ngx_ohttp_relay_opengradient_t   og;

    if (ngx_ohttp_relay_opengradient_parse(p, last, &og, &finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return;
    }

    fuzz_assert(og.key_config_len > og.public_key_len);
    fuzz_assert(og.spki_len <= sizeof(og.spki));
    fuzz_assert(og.signature_len <= sizeof(og.signature));

    memset(app, 1, sizeof(app));
    fuzz_assert(ngx_ohttp_relay_opengradient_verify(&og, app, &finding)
                == NGX_OHTTP_RELAY_REFUSED);
}
