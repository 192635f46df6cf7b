
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* what is read of a text is not more than base64 of it can be */


#include "fuzz.h"
#include "pem.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char          *copy, der[NGX_OHTTP_RELAY_PEM_MAX];
    ssize_t          n;
    const u_char    *p;
    STACK_OF(X509)  *certificates;

    copy = fuzz_copy(data, size);
    p = copy;

    n = ngx_ohttp_relay_pem(&p, copy + size, der);

    if (n >= 0) {
        fuzz_assert(p > copy && p <= copy + size);
        fuzz_assert(n <= NGX_OHTTP_RELAY_PEM_MAX);
        fuzz_assert((size_t) n <= (size_t) (p - copy) / 4 * 3);
    }

    certificates = sk_X509_new_null();
    fuzz_assert(certificates != NULL);

    if (ngx_ohttp_relay_pem_certificates(copy, copy + size, 2, certificates)
        == NGX_OHTTP_RELAY_OK)
    {
        fuzz_assert(sk_X509_num(certificates) == 2);
    }

    sk_X509_pop_free(certificates, X509_free);
    free(copy);

    return 0;
}
