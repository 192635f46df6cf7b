
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_TABLE_H_INCLUDED_
#define _NGX_OHTTP_RELAY_TABLE_H_INCLUDED_


/*
 * A table of names with something small beside each, by open addressing, in
 * memory that several processes share: all of them must have it at the same
 * address and hold the same lock.  It knows neither nginx nor the lock.
 *
 * It grows by further segments and never moves an entry.  A process that dies
 * in the middle leaves a table that can be used: what counts is written last.
 */


#include "../codec/codec.h"


#define NGX_OHTTP_RELAY_TABLE_NAME     16            /* bytes */

/* what a name may take at most, in bytes: the name and what is beside it */
#define NGX_OHTTP_RELAY_TABLE_ENTRY    64

/* bytes of a segment in front of its entries */
#define NGX_OHTTP_RELAY_TABLE_HEADER   64


/* where tables get memory from; the functions are called under the lock */

typedef struct {
    void      *(*alloc)(void *data, size_t size);
    void       (*free)(void *data, void *p);
    void        *data;
    uint64_t    *left;          /* bytes that may still be allocated */
} ngx_ohttp_relay_memory_t;


typedef struct ngx_ohttp_relay_segment_s  ngx_ohttp_relay_segment_t;

struct ngx_ohttp_relay_segment_s {
    ngx_ohttp_relay_segment_t  *next;       /* the older ones */
    uint64_t                    size;       /* bytes, all together */
    uint64_t                    slots;
    uint64_t                    used;       /* slots that are not empty */
    uint64_t                    cleared;    /* bytes of entries made empty */
};


typedef struct {
    ngx_ohttp_relay_segment_t  *newest;
    ngx_ohttp_relay_segment_t  *coming;     /* made ready bit by bit */
    uint64_t                    names;
    uint64_t                    reserved;   /* names that have their room */
    uint64_t                    bytes;      /* of all segments but "coming" */
    uint32_t                    entry;      /* bytes of an entry */
    uint32_t                    least;      /* bytes of the first segment */
} ngx_ohttp_relay_table_t;


/* a place between two entries, all zero at the beginning */

typedef struct {
    ngx_ohttp_relay_segment_t  *segment;
    uint64_t                    slot;
    int                         started;
} ngx_ohttp_relay_table_cursor_t;


/*
 * Makes an empty table that has no memory yet.  "entry" bytes are a multiple
 * of 8, from NGX_OHTTP_RELAY_TABLE_NAME to NGX_OHTTP_RELAY_TABLE_ENTRY;
 * "least" bytes a multiple of 4096.
 */
void ngx_ohttp_relay_table_init(ngx_ohttp_relay_table_t *table, uint32_t entry,
    uint32_t least);

/*
 * Copies a name, 16 bytes, and changes it if it is one of the two values that
 * have a meaning of their own.  All functions below want names from here.
 */
void ngx_ohttp_relay_table_name(const u_char *from, u_char *name);

/*
 * Returns the entry of a name, the name first, or NULL.  "key" is random and
 * the same for the life of the table: where names stand cannot be foreseen.
 */
u_char *ngx_ohttp_relay_table_find(ngx_ohttp_relay_table_t *table,
    const uint64_t key[2], const u_char *name);

/*
 * Adds a name that _find() has not found; "rest" are the bytes beside it, or
 * NULL if entries are nothing but names.  Returns NGX_OHTTP_RELAY_OK, or
 * NGX_OHTTP_RELAY_ERROR if there is no memory: then nothing has changed.
 */
int ngx_ohttp_relay_table_add(ngx_ohttp_relay_table_t *table,
    ngx_ohttp_relay_memory_t *memory, const uint64_t key[2],
    const u_char *name, const u_char *rest);

/*
 * Removes an entry that _find() has returned.
 */
void ngx_ohttp_relay_table_remove(ngx_ohttp_relay_table_t *table,
    u_char *entry);

/*
 * Gives a table without memory as much as "names" names take, and not more.
 * Returns NGX_OHTTP_RELAY_OK or NGX_OHTTP_RELAY_ERROR.
 */
int ngx_ohttp_relay_table_reserve(ngx_ohttp_relay_table_t *table,
    ngx_ohttp_relay_memory_t *memory, uint64_t names);

/*
 * Gives all memory of the table back.
 */
void ngx_ohttp_relay_table_free(ngx_ohttp_relay_table_t *table,
    ngx_ohttp_relay_memory_t *memory);

/*
 * Returns the next entry, in no order of meaning, or NULL after the last one.
 */
u_char *ngx_ohttp_relay_table_next(ngx_ohttp_relay_table_t *table,
    ngx_ohttp_relay_table_cursor_t *cursor);


#endif /* _NGX_OHTTP_RELAY_TABLE_H_INCLUDED_ */
