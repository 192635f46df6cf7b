
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * The value stands in the input, written anew it is read the same, and
 * nothing behind a malformed credential makes it good.
 */


#include "fuzz.h"
#include "credential.h"


static void fuzz_again(const ngx_ohttp_relay_credential_t *credential);
static void fuzz_twice(const u_char *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                            rc;
    size_t                         i;
    u_char                        *copy;
    ngx_ohttp_relay_credential_t   got;

    copy = fuzz_copy(data, size);

    rc = ngx_ohttp_relay_credential(copy, copy + size, &got);

    fuzz_assert(rc == NGX_OHTTP_RELAY_OK || rc == NGX_OHTTP_RELAY_ERROR);
    fuzz_assert(got.value.data >= copy);
    fuzz_assert(got.value.data + got.value.len <= copy + size);

    if (got.kind == NGX_OHTTP_RELAY_CREDENTIAL_OTHER
        || rc == NGX_OHTTP_RELAY_ERROR)
    {
        fuzz_assert(got.value.len == 0);
        fuzz_assert(rc == NGX_OHTTP_RELAY_OK
                    || got.kind != NGX_OHTTP_RELAY_CREDENTIAL_OTHER);

    } else {
        fuzz_again(&got);
    }

    /* what a bearer is made of is not looked at here */

    if (rc == NGX_OHTTP_RELAY_OK
        && got.kind == NGX_OHTTP_RELAY_CREDENTIAL_TOKEN)
    {
        for (i = 0; i < got.value.len; i++) {
            fuzz_assert(got.value.data[i] != '"');
            fuzz_assert(got.value.data[i] != '\\');
            fuzz_assert(got.value.data[i] >= ' '
                        || got.value.data[i] == '\t');
        }

        fuzz_twice(copy, size);
    }

    free(copy);

    return 0;
}


static void
fuzz_again(const ngx_ohttp_relay_credential_t *credential)
{
    size_t                         len, value;
    u_char                        *text;
    ngx_ohttp_relay_credential_t   got;

    value = credential->value.len;
    text = malloc(value + 64);
    fuzz_assert(text != NULL);

    if (credential->kind == NGX_OHTTP_RELAY_CREDENTIAL_BEARER) {
        memcpy(text, "bearer ", 7);
        memcpy(text + 7, credential->value.data, value);
        len = value + 7;

    } else {
        memcpy(text, "privatetoken x=\"\\\"\",token=\"", 27);
        memcpy(text + 27, credential->value.data, value);
        text[27 + value] = '"';
        len = value + 28;
    }

    fuzz_assert(ngx_ohttp_relay_credential(text, text + len, &got)
                == NGX_OHTTP_RELAY_OK);
    fuzz_assert(got.kind == credential->kind && got.value.len == value);
    fuzz_assert(memcmp(got.value.data, credential->value.data, value) == 0);

    free(text);
}


/* a second credential behind it makes it malformed */

static void
fuzz_twice(const u_char *data, size_t size)
{
    u_char                        *text;
    ngx_ohttp_relay_credential_t   got;

    text = malloc(size + 32);
    fuzz_assert(text != NULL);

    memcpy(text, data, size);
    memcpy(text + size, ", token=\"x\"", 11);

    fuzz_assert(ngx_ohttp_relay_credential(text, text + size + 11, &got)
                == NGX_OHTTP_RELAY_ERROR);

    memcpy(text + size, ", PrivateToken token=x", 22);

    fuzz_assert(ngx_ohttp_relay_credential(text, text + size + 22, &got)
                == NGX_OHTTP_RELAY_ERROR);

    free(text);
}
