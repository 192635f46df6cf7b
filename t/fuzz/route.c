
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * What fits the grammar needs no escape: in its written form it fits again, is
 * as long as it was, and has no byte that means something in a URL or a head.
 */


#include "fuzz.h"
#include "route.h"


static void fuzz_value(const u_char *p, const u_char *last);
static void fuzz_query(const u_char *p, const u_char *last);


static const ngx_ohttp_relay_grammar_t  grammars[] = {
    { NGX_OHTTP_RELAY_VALUE_NAME, 1, 64, NULL },
    { NGX_OHTTP_RELAY_VALUE_PATH, 2, 64, NULL },
    { NGX_OHTTP_RELAY_VALUE_HEX, 4, 130, NULL },
    { NGX_OHTTP_RELAY_VALUE_NUMBER, 1, 11, NULL },
    { NGX_OHTTP_RELAY_VALUE_VISIBLE, 1, 64, NULL },
    { NGX_OHTTP_RELAY_VALUE_WORD, 1, 8, "ecdsa ed25519" }
};


static const ngx_ohttp_relay_parameter_t  parameters[] = {
    { "algo", { NGX_OHTTP_RELAY_VALUE_WORD, 1, 8, "ecdsa ed25519" } },
    { "nonce", { NGX_OHTTP_RELAY_VALUE_HEX, 2, 64, NULL } },
    { "a", { NGX_OHTTP_RELAY_VALUE_NAME, 1, 8, NULL } },
    { "n", { NGX_OHTTP_RELAY_VALUE_NUMBER, 1, 2, NULL } }
};


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                   *copy;
    ngx_ohttp_relay_slice_t   value;

    copy = fuzz_copy(data, size);

    fuzz_value(copy, copy + size);
    fuzz_query(copy, copy + size);

    if (ngx_ohttp_relay_route("/v1/*", &grammars[0], copy, copy + size,
                              &value)
        == NGX_OHTTP_RELAY_OK)
    {
        fuzz_assert(value.data == copy + 4 && value.len == size - 4);
        fuzz_assert(memchr(value.data, '/', value.len) == NULL);
    }

    free(copy);

    return 0;
}


static void
fuzz_value(const u_char *p, const u_char *last)
{
    size_t   i, n, len;
    u_char  *out;

    len = last - p;

    for (n = 0; n < sizeof(grammars) / sizeof(grammars[0]); n++) {

        if (ngx_ohttp_relay_value(&grammars[n], p, last)
            != NGX_OHTTP_RELAY_OK)
        {
            continue;
        }

        fuzz_assert(len >= grammars[n].least && len <= grammars[n].most);

        out = malloc(len);
        fuzz_assert(out != NULL);

        fuzz_assert(ngx_ohttp_relay_value_write(&grammars[n], p, last, out)
                    == out + len);
        fuzz_assert(ngx_ohttp_relay_value(&grammars[n], out, out + len)
                    == NGX_OHTTP_RELAY_OK);

        for (i = 0; i < len; i++) {
            fuzz_assert(out[i] > 0x20 && out[i] < 0x7f);
            fuzz_assert(fuzz_lower(out[i]) == fuzz_lower(p[i]));
            fuzz_assert(grammars[n].kind == NGX_OHTTP_RELAY_VALUE_VISIBLE
                        || strchr("%?#&=;:@\\", out[i]) == NULL);
        }

        free(out);
    }
}


static void
fuzz_query(const u_char *p, const u_char *last)
{
    size_t                    i, used;
    u_char                   *out, *end;
    ngx_ohttp_relay_slice_t   values[4], again[4];

    if (ngx_ohttp_relay_query(parameters, 4, p, last, values)
        != NGX_OHTTP_RELAY_OK)
    {
        return;
    }

    out = malloc(last - p + 1);
    fuzz_assert(out != NULL);

    end = out;
    used = 0;

    for (i = 0; i < 4; i++) {

        if (values[i].len == 0) {
            continue;
        }

        fuzz_assert(values[i].data > p
                    && values[i].data + values[i].len <= last);

        if (end != out) {
            *end++ = '&';
        }

        memcpy(end, parameters[i].name, strlen(parameters[i].name));
        end += strlen(parameters[i].name);
        *end++ = '=';
        memcpy(end, values[i].data, values[i].len);
        end += values[i].len;
        used++;
    }

    /* nothing of it is left out, and in another order it is the same */

    fuzz_assert(end - out == last - p);
    fuzz_assert(ngx_ohttp_relay_query(parameters, 4, out, end, again)
                == NGX_OHTTP_RELAY_OK);

    for (i = 0; used && i < 4; i++) {
        fuzz_assert(again[i].len == values[i].len);
        fuzz_assert(again[i].len == 0
                    || memcmp(again[i].data, values[i].data, again[i].len)
                       == 0);
    }

    free(out);
}
