
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_MEMORY_H_INCLUDED_
#define _NGX_OHTTP_RELAY_MEMORY_H_INCLUDED_


/* memory, names and questions for the unit tests of src/store */


#include "tap.h"
#include "ledger.h"


#define NOW      1800000000LL                   /* seconds */
#define MICRO    1000000ULL
#define LATER    (NOW + 3600)


static const uint64_t  store_key[2] = {
    0x0123456789abcdefULL, 0xfedcba9876543210ULL
};

static size_t   store_allocated;                /* pieces */
static size_t   store_largest;                  /* 0: no limit */


static void *
store_alloc(void *data, size_t size)
{
    void  *p;

    (void) data;

    if (store_largest && size > store_largest) {
        return NULL;
    }

    p = malloc(size);

    if (p == NULL) {
        printf("Bail out! no memory\n");
        exit(2);
    }

    /* what was there before must not matter */

    memset(p, 0x5a, size);
    store_allocated++;

    return p;
}


static void
store_free(void *data, void *p)
{
    (void) data;

    store_allocated--;
    free(p);
}


static __attribute__((unused)) void
store_memory(ngx_ohttp_relay_memory_t *memory, uint64_t *left)
{
    memory->alloc = store_alloc;
    memory->free = store_free;
    memory->data = NULL;
    memory->left = left;
}


/* name number n: even, and the same each time; static: good until the next */

static __attribute__((unused)) u_char *
store_name(uint64_t n)
{
    uint64_t       word[2];
    static u_char  name[NGX_OHTTP_RELAY_TABLE_NAME];

    word[0] = (n + 1) * 0x9e3779b97f4a7c15ULL;
    word[1] = (word[0] ^ word[0] >> 29) * 0xbf58476d1ce4e5b9ULL;

    memcpy(name, word, sizeof(name));

    return name;
}


/* a question about name n of an epoch that ends LATER */

static __attribute__((unused)) ngx_ohttp_relay_ledger_ask_t
store_ask(uint32_t kind, uint64_t epoch, u_char *name)
{
    ngx_ohttp_relay_ledger_ask_t  ask;

    memset(&ask, 0, sizeof(ask));

    ask.kind = kind;
    ask.name = name;
    ask.group = (const u_char *) "group..1";
    ask.epoch = epoch;
    ask.begins = NOW - 60;
    ask.expires = LATER;

    return ask;
}


#endif /* _NGX_OHTTP_RELAY_MEMORY_H_INCLUDED_ */
