
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* what is skipped is what is read, item by item, and lies inside the input */


#include "fuzz.h"
#include "cbor.h"


static unsigned fuzz_items(ngx_ohttp_relay_cbor_t *reader, unsigned depth);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                      rc;
    u_char                  *copy;
    ngx_ohttp_relay_cbor_t   reader, other;

    copy = fuzz_copy(data, size);

    reader.p = copy;
    reader.last = copy + size;
    other = reader;

    rc = ngx_ohttp_relay_cbor_skip(&reader);

    fuzz_assert(reader.p >= copy && reader.p <= reader.last);

    if (rc == NGX_OHTTP_RELAY_OK) {
        fuzz_assert(reader.p > copy);
        fuzz_assert(fuzz_items(&other, 0) > 0);
        fuzz_assert(other.p == reader.p);

        /* cut before its end it is none */

        other.p = copy;
        other.last = reader.p - 1;
        fuzz_assert(ngx_ohttp_relay_cbor_skip(&other)
                    == NGX_OHTTP_RELAY_ERROR);
    }

    free(copy);

    return 0;
}


static unsigned
fuzz_items(ngx_ohttp_relay_cbor_t *reader, unsigned depth)
{
    int                           rc;
    unsigned                      n;
    const u_char                 *before;
    ngx_ohttp_relay_cbor_item_t   item;

    before = reader->p;
    fuzz_assert(depth <= NGX_OHTTP_RELAY_CBOR_DEPTH);
    fuzz_assert(ngx_ohttp_relay_cbor_read(reader, &item)
                == NGX_OHTTP_RELAY_OK);

    switch (item.type) {

    case NGX_OHTTP_RELAY_CBOR_BYTES:
    case NGX_OHTTP_RELAY_CBOR_TEXT:
        fuzz_assert(item.string.data > before
                    && item.string.data + item.string.len == reader->p);
        return 1;

    case NGX_OHTTP_RELAY_CBOR_TAG:
        return 1 + fuzz_items(reader, depth + 1);

    case NGX_OHTTP_RELAY_CBOR_ARRAY:
    case NGX_OHTTP_RELAY_CBOR_MAP:
        break;

    default:
        return 1;
    }

    for (n = 0; (rc = ngx_ohttp_relay_cbor_more(reader, &item))
                == NGX_OHTTP_RELAY_OK; n++)
    {
        fuzz_items(reader, depth + 1);
    }

    fuzz_assert(rc == NGX_OHTTP_RELAY_DONE);
    fuzz_assert(n <= NGX_OHTTP_RELAY_CBOR_ITEMS);
    fuzz_assert(item.type != NGX_OHTTP_RELAY_CBOR_MAP || n % 2 == 0);

    return n + 1;
}
