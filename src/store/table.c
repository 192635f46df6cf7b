
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "table.h"


/* a segment takes names up to 3/4 of its slots ... */
#define ngx_ohttp_relay_table_limit(slots)  ((slots) - (slots) / 4)

/* ... and the next one is made ready from 5/8 on */
#define ngx_ohttp_relay_table_early(slots)  ((slots) - (slots) / 8 * 3)

/* without memory for the next one, how often to look for some: per names */
#define NGX_OHTTP_RELAY_TABLE_RETRY  256

/* bytes of a segment that nobody has made ready: to empty it takes time */
#define NGX_OHTTP_RELAY_TABLE_HASTE  (1024 * 1024)

#define NGX_OHTTP_RELAY_TABLE_PAGE   4096

/* of a cache */
#define NGX_OHTTP_RELAY_TABLE_LINE   64

/* what has been written so far is written before what comes */
#define ngx_ohttp_relay_table_order()  __atomic_signal_fence(__ATOMIC_SEQ_CST)


typedef struct {
    uint64_t  high;
    uint64_t  low;
} ngx_ohttp_relay_table_word_t;


static uint64_t ngx_ohttp_relay_table_hash(const uint64_t key[2],
    const u_char *name);
static u_char *ngx_ohttp_relay_table_slot(ngx_ohttp_relay_segment_t *segment,
    uint32_t entry, uint64_t hash);
static u_char *ngx_ohttp_relay_table_probe(ngx_ohttp_relay_segment_t *segment,
    uint32_t entry, uint64_t hash, const u_char *name, u_char **room);
static int ngx_ohttp_relay_table_grow(ngx_ohttp_relay_table_t *table,
    ngx_ohttp_relay_memory_t *memory);
static ngx_ohttp_relay_segment_t *ngx_ohttp_relay_table_larger(
    ngx_ohttp_relay_table_t *table, ngx_ohttp_relay_memory_t *memory,
    uint64_t most);
static ngx_ohttp_relay_segment_t *ngx_ohttp_relay_table_segment(
    ngx_ohttp_relay_table_t *table, ngx_ohttp_relay_memory_t *memory,
    uint64_t size);
static void ngx_ohttp_relay_table_write(u_char *entry,
    const ngx_ohttp_relay_table_word_t *word);
static void ngx_ohttp_relay_table_prepare(ngx_ohttp_relay_table_t *table,
    ngx_ohttp_relay_memory_t *memory);
static void ngx_ohttp_relay_table_clear(ngx_ohttp_relay_segment_t *segment,
    uint64_t bytes);
static void ngx_ohttp_relay_table_give(ngx_ohttp_relay_memory_t *memory,
    ngx_ohttp_relay_segment_t *segment);


static const ngx_ohttp_relay_table_word_t  ngx_ohttp_relay_table_removed = {
    UINT64_MAX, UINT64_MAX
};


void
ngx_ohttp_relay_table_init(ngx_ohttp_relay_table_t *table, uint32_t entry,
    uint32_t least)
{
    memset(table, 0, sizeof(ngx_ohttp_relay_table_t));

    table->entry = entry;
    table->least = least;
}


void
ngx_ohttp_relay_table_name(const u_char *from, u_char *name)
{
    ngx_ohttp_relay_table_word_t  word;

    memcpy(&word, from, NGX_OHTTP_RELAY_TABLE_NAME);

    if ((word.high | word.low) == 0 || (word.high & word.low) == UINT64_MAX) {
        word.low ^= 1;
    }

    memcpy(name, &word, NGX_OHTTP_RELAY_TABLE_NAME);
}


u_char *
ngx_ohttp_relay_table_find(ngx_ohttp_relay_table_t *table,
    const uint64_t key[2], const u_char *name)
{
    u_char                     *p, *room;
    uint64_t                    hash;
    ngx_ohttp_relay_segment_t  *segment;

    hash = ngx_ohttp_relay_table_hash(key, name);

    /* all segments have to be looked at: their memory may come meanwhile */

    for (segment = table->newest; segment; segment = segment->next) {
        p = ngx_ohttp_relay_table_slot(segment, table->entry, hash);

        __builtin_prefetch(p);
        __builtin_prefetch(p + NGX_OHTTP_RELAY_TABLE_LINE);
    }

    for (segment = table->newest; segment; segment = segment->next) {

        p = ngx_ohttp_relay_table_probe(segment, table->entry, hash, name,
                                        &room);
        if (p != NULL) {
            return p;
        }
    }

    return NULL;
}


/* names are even already: what is wanted is that nobody knows their places */

static uint64_t
ngx_ohttp_relay_table_hash(const uint64_t key[2], const u_char *name)
{
    uint64_t                      hash;
    ngx_ohttp_relay_table_word_t  word;

    memcpy(&word, name, NGX_OHTTP_RELAY_TABLE_NAME);

    hash = (word.high ^ key[0]) * 0x9e3779b97f4a7c15ULL;
    hash ^= hash >> 32;
    hash = (hash ^ word.low ^ key[1]) * 0xd6e8feb86659fd93ULL;
    hash ^= hash >> 32;
    hash *= 0xd6e8feb86659fd93ULL;

    return hash >> 32;
}


/* where to begin to look */

static u_char *
ngx_ohttp_relay_table_slot(ngx_ohttp_relay_segment_t *segment, uint32_t entry,
    uint64_t hash)
{
    return (u_char *) segment + NGX_OHTTP_RELAY_TABLE_HEADER
           + (hash * segment->slots >> 32) * entry;
}


/* *room: the first slot on the way that could take the name, or NULL */

static u_char *
ngx_ohttp_relay_table_probe(ngx_ohttp_relay_segment_t *segment, uint32_t entry,
    uint64_t hash, const u_char *name, u_char **room)
{
    u_char                        *p, *first, *last;
    uint64_t                       n;
    ngx_ohttp_relay_table_word_t   word, wanted;

    first = (u_char *) segment + NGX_OHTTP_RELAY_TABLE_HEADER;
    last = first + segment->slots * entry;
    p = ngx_ohttp_relay_table_slot(segment, entry, hash);

    memcpy(&wanted, name, sizeof(wanted));
    *room = NULL;

    for (n = 0; n < segment->slots; n++) {
        memcpy(&word, p, sizeof(word));

        if (word.high == wanted.high && word.low == wanted.low) {
            return p;
        }

        if ((word.high | word.low) == 0) {

            if (*room == NULL) {
                *room = p;
            }

            return NULL;
        }

        if (*room == NULL && (word.high & word.low) == UINT64_MAX) {
            *room = p;
        }

        p += entry;

        if (p == last) {
            p = first;
        }
    }

    return NULL;
}


int
ngx_ohttp_relay_table_add(ngx_ohttp_relay_table_t *table,
    ngx_ohttp_relay_memory_t *memory, const uint64_t key[2],
    const u_char *name, const u_char *rest)
{
    u_char                        *room;
    uint64_t                       hash;
    ngx_ohttp_relay_segment_t     *segment;
    ngx_ohttp_relay_table_word_t   word;

    hash = ngx_ohttp_relay_table_hash(key, name);

    for ( ;; ) {
        segment = table->newest;

        if (segment != NULL) {
            (void) ngx_ohttp_relay_table_probe(segment, table->entry, hash,
                                               name, &room);
            if (room != NULL) {
                memcpy(&word, room, sizeof(word));

                if ((word.high | word.low) != 0) {
                    break;
                }

                if (segment->used < ngx_ohttp_relay_table_limit(segment->slots))
                {
                    segment->used++;
                    break;
                }
            }
        }

        if (ngx_ohttp_relay_table_grow(table, memory) != NGX_OHTTP_RELAY_OK) {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    ngx_ohttp_relay_table_order();

    if (rest != NULL) {
        memcpy(room + NGX_OHTTP_RELAY_TABLE_NAME, rest,
               table->entry - NGX_OHTTP_RELAY_TABLE_NAME);
        ngx_ohttp_relay_table_order();
    }

    memcpy(&word, name, sizeof(word));
    ngx_ohttp_relay_table_write(room, &word);

    table->names++;

    ngx_ohttp_relay_table_prepare(table, memory);

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_table_grow(ngx_ohttp_relay_table_t *table,
    ngx_ohttp_relay_memory_t *memory)
{
    ngx_ohttp_relay_segment_t  *segment;

    segment = table->coming;

    if (segment == NULL) {
        segment = ngx_ohttp_relay_table_larger(table, memory,
                                               NGX_OHTTP_RELAY_TABLE_HASTE);
        if (segment == NULL) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        table->coming = segment;
    }

    ngx_ohttp_relay_table_clear(segment, segment->size);

    segment->next = table->newest;
    ngx_ohttp_relay_table_order();

    table->newest = segment;
    table->coming = NULL;
    table->bytes += segment->size;

    return NGX_OHTTP_RELAY_OK;
}


/*
 * As large as all before together, but at most half of what is left, for
 * others live there too.  What is tiny against the whole is not worth a
 * further place to look at: so the number of segments grows slowly only.
 */

static ngx_ohttp_relay_segment_t *
ngx_ohttp_relay_table_larger(ngx_ohttp_relay_table_t *table,
    ngx_ohttp_relay_memory_t *memory, uint64_t most)
{
    uint64_t                    size, least;
    ngx_ohttp_relay_segment_t  *segment;

    size = table->bytes < most ? table->bytes : most;
    least = table->bytes / 64;

    if (size > *memory->left / 2) {
        size = *memory->left / 2;
    }

    if (least < table->least) {
        least = table->least;
    }

    if (size < least) {
        size = least;
    }

    for ( ;; ) {
        segment = ngx_ohttp_relay_table_segment(table, memory, size);

        if (segment != NULL || size == least) {
            return segment;
        }

        size /= 2;

        if (size < least) {
            size = least;
        }
    }
}


static ngx_ohttp_relay_segment_t *
ngx_ohttp_relay_table_segment(ngx_ohttp_relay_table_t *table,
    ngx_ohttp_relay_memory_t *memory, uint64_t size)
{
    ngx_ohttp_relay_segment_t  *segment;

    size -= size % NGX_OHTTP_RELAY_TABLE_PAGE;

    if (size > *memory->left || size > SIZE_MAX) {
        return NULL;
    }

    segment = memory->alloc(memory->data, (size_t) size);
    if (segment == NULL) {
        return NULL;
    }

    *memory->left -= size;

    segment->next = NULL;
    segment->size = size;
    segment->slots = (size - NGX_OHTTP_RELAY_TABLE_HEADER) / table->entry;
    segment->used = 0;
    segment->cleared = 0;

    return segment;
}


/* half a name is no name, but not empty either: it does no harm */

static void
ngx_ohttp_relay_table_write(u_char *entry,
    const ngx_ohttp_relay_table_word_t *word)
{
    memcpy(entry + sizeof(uint64_t), &word->low, sizeof(uint64_t));
    ngx_ohttp_relay_table_order();

    memcpy(entry, &word->high, sizeof(uint64_t));
    ngx_ohttp_relay_table_order();
}


/* to empty many megabytes at once would keep all others waiting */

static void
ngx_ohttp_relay_table_prepare(ngx_ohttp_relay_table_t *table,
    ngx_ohttp_relay_memory_t *memory)
{
    uint64_t                    early;
    ngx_ohttp_relay_segment_t  *segment;

    segment = table->newest;
    early = ngx_ohttp_relay_table_early(segment->slots);

    if (segment->used < early || table->names <= table->reserved) {
        return;
    }

    if (table->coming == NULL) {

        if ((segment->used - early) % NGX_OHTTP_RELAY_TABLE_RETRY == 0) {
            table->coming = ngx_ohttp_relay_table_larger(table, memory,
                                                         UINT64_MAX);
        }

        return;
    }

    ngx_ohttp_relay_table_clear(table->coming,
                            table->coming->size / (segment->slots / 8) + 64);
}


static void
ngx_ohttp_relay_table_clear(ngx_ohttp_relay_segment_t *segment,
    uint64_t bytes)
{
    uint64_t  left;

    left = segment->size - NGX_OHTTP_RELAY_TABLE_HEADER - segment->cleared;

    if (bytes > left) {
        bytes = left;
    }

    memset((u_char *) segment + NGX_OHTTP_RELAY_TABLE_HEADER
           + segment->cleared, 0, (size_t) bytes);
    ngx_ohttp_relay_table_order();

    segment->cleared += bytes;
}


void
ngx_ohttp_relay_table_remove(ngx_ohttp_relay_table_t *table, u_char *entry)
{
    ngx_ohttp_relay_table_write(entry, &ngx_ohttp_relay_table_removed);

    table->names--;
}


int
ngx_ohttp_relay_table_reserve(ngx_ohttp_relay_table_t *table,
    ngx_ohttp_relay_memory_t *memory, uint64_t names)
{
    uint64_t                    size;
    ngx_ohttp_relay_segment_t  *segment;

    if (table->newest != NULL || names > *memory->left / table->entry) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    /*
     * The least number of slots with that limit, so that this needs no page
     * more than segments that have grown.
     */

    size = NGX_OHTTP_RELAY_TABLE_HEADER + (names + names / 3) * table->entry;
    size += NGX_OHTTP_RELAY_TABLE_PAGE - 1;

    if (size < table->least) {
        size = table->least;
    }

    segment = ngx_ohttp_relay_table_segment(table, memory, size);
    if (segment == NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    table->coming = segment;
    table->reserved = names;

    return ngx_ohttp_relay_table_grow(table, memory);
}


void
ngx_ohttp_relay_table_free(ngx_ohttp_relay_table_t *table,
    ngx_ohttp_relay_memory_t *memory)
{
    ngx_ohttp_relay_segment_t  *segment;

    segment = table->coming;
    table->coming = NULL;

    if (segment != NULL) {
        ngx_ohttp_relay_table_give(memory, segment);
    }

    /* what is given back is out of the table before */

    while (table->newest != NULL) {
        segment = table->newest;
        table->newest = segment->next;
        ngx_ohttp_relay_table_order();

        ngx_ohttp_relay_table_give(memory, segment);
    }

    table->names = 0;
    table->reserved = 0;
    table->bytes = 0;
}


static void
ngx_ohttp_relay_table_give(ngx_ohttp_relay_memory_t *memory,
    ngx_ohttp_relay_segment_t *segment)
{
    *memory->left += segment->size;

    memory->free(memory->data, segment);
}


u_char *
ngx_ohttp_relay_table_next(ngx_ohttp_relay_table_t *table,
    ngx_ohttp_relay_table_cursor_t *cursor)
{
    u_char                        *p;
    ngx_ohttp_relay_table_word_t   word;

    if (!cursor->started) {
        cursor->started = 1;
        cursor->segment = table->newest;
        cursor->slot = 0;
    }

    while (cursor->segment != NULL) {

        while (cursor->slot < cursor->segment->slots) {
            p = (u_char *) cursor->segment + NGX_OHTTP_RELAY_TABLE_HEADER
                + cursor->slot++ * table->entry;

            memcpy(&word, p, sizeof(word));

            if ((word.high | word.low) != 0
                && (word.high & word.low) != UINT64_MAX)
            {
                return p;
            }
        }

        cursor->segment = cursor->segment->next;
        cursor->slot = 0;
    }

    return NULL;
}
