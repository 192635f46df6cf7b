
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * A state file that was read is written and read again: the same.  What is
 * wrong takes no memory that the file does not justify, and gives all back.
 */


#include "fuzz.h"
#include "state.h"


#define LEFT  (4 * 1024 * 1024)


typedef struct {
    u_char   *data;
    size_t    len;
    size_t    room;
} fuzz_stream_t;


static int fuzz_read(const u_char *p, size_t size,
    ngx_ohttp_relay_ledger_t *ledger, ngx_ohttp_relay_memory_t *memory,
    ngx_ohttp_relay_state_head_t *head);
static int fuzz_write(void *data, const u_char *p, size_t len);
static void *fuzz_alloc(void *data, size_t size);
static void fuzz_free(void *data, void *p);
static void fuzz_start(ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory);


static size_t  pieces;


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t                      names;
    fuzz_stream_t                 out;
    ngx_ohttp_relay_ledger_t      ledger, again;
    ngx_ohttp_relay_memory_t      memory, other;
    ngx_ohttp_relay_state_head_t  head, second;

    fuzz_start(&ledger, &memory);

    if (fuzz_read(data, size, &ledger, &memory, &head)
        == NGX_OHTTP_RELAY_OK)
    {
        names = ngx_ohttp_relay_ledger_names(&ledger);
        fuzz_assert(names <= size / 16 && ledger.epochs <= size / 48);

        out.len = 0;
        out.room = size - NGX_OHTTP_RELAY_STATE_SUM;
        out.data = malloc(size);
        fuzz_assert(out.data != NULL);

        fuzz_assert(ngx_ohttp_relay_state_write(&ledger, &head, fuzz_write,
                                                &out)
                    == NGX_OHTTP_RELAY_OK);
        fuzz_assert(out.len == out.room);

        memset(out.data + out.len, 0, NGX_OHTTP_RELAY_STATE_SUM);
        fuzz_start(&again, &other);

        fuzz_assert(fuzz_read(out.data, size, &again, &other, &second)
                    == NGX_OHTTP_RELAY_OK);
        fuzz_assert(ngx_ohttp_relay_ledger_names(&again) == names);
        fuzz_assert(again.epochs == ledger.epochs);
        fuzz_assert(second.lost == head.lost
                    && second.forgotten == head.forgotten
                    && second.running == head.running);

        ngx_ohttp_relay_ledger_reset(&again, &other);
        free(out.data);
    }

    ngx_ohttp_relay_ledger_reset(&ledger, &memory);

    fuzz_assert(pieces == 0 && ledger.left == LEFT);

    return 0;
}


static int
fuzz_read(const u_char *p, size_t size, ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory, ngx_ohttp_relay_state_head_t *head)
{
    int                       rc;
    size_t                    need, pos;
    u_char                   *copy;
    ngx_ohttp_relay_state_t   state;

    ngx_ohttp_relay_state_start(&state, size);

    for (pos = 0; (need = ngx_ohttp_relay_state_need(&state)); pos += need) {

        fuzz_assert(need <= NGX_OHTTP_RELAY_STATE_ITEM);

        if (need > size - pos) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        copy = fuzz_copy(p + pos, need);
        rc = ngx_ohttp_relay_state_item(&state, copy, ledger, memory);
        free(copy);

        if (rc != NGX_OHTTP_RELAY_OK) {
            return rc;
        }
    }

    fuzz_assert(size - pos == NGX_OHTTP_RELAY_STATE_SUM);

    *head = state.head;

    return NGX_OHTTP_RELAY_OK;
}


static int
fuzz_write(void *data, const u_char *p, size_t len)
{
    fuzz_stream_t  *out;

    out = data;

    fuzz_assert(len <= out->room - out->len);

    memcpy(out->data + out->len, p, len);
    out->len += len;

    return NGX_OHTTP_RELAY_OK;
}


static void *
fuzz_alloc(void *data, size_t size)
{
    void  *p;

    (void) data;

    fuzz_assert(size <= LEFT);

    p = malloc(size);
    fuzz_assert(p != NULL);

    memset(p, 0x5a, size);
    pieces++;

    return p;
}


static void
fuzz_free(void *data, void *p)
{
    (void) data;

    pieces--;
    free(p);
}


static void
fuzz_start(ngx_ohttp_relay_ledger_t *ledger, ngx_ohttp_relay_memory_t *memory)
{
    static const uint64_t  key[2] = { 1, 2 };

    ngx_ohttp_relay_ledger_init(ledger, key, LEFT);

    memory->alloc = fuzz_alloc;
    memory->free = fuzz_free;
    memory->data = NULL;
    memory->left = &ledger->left;
}
