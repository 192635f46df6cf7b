
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "state.h"


#define NGX_OHTTP_RELAY_STATE_MAGIC     "ohrstate"
#define NGX_OHTTP_RELAY_STATE_COMPLETE  "complete"
#define NGX_OHTTP_RELAY_STATE_RUNNING   "running!"

/* of the magic and of either mark */
#define NGX_OHTTP_RELAY_STATE_WORD      8

#define NGX_OHTTP_RELAY_STATE_VERSION   1

/* types of records */

#define NGX_OHTTP_RELAY_STATE_PIN       1
#define NGX_OHTTP_RELAY_STATE_EPOCH     2
#define NGX_OHTTP_RELAY_STATE_END       255

#define NGX_OHTTP_RELAY_STATE_COUNT                                          \
    (NGX_OHTTP_RELAY_TABLE_NAME + sizeof(uint64_t))


/* steps of a reader: what comes next */

enum {
    ngx_ohttp_relay_state_head = 0,
    ngx_ohttp_relay_state_record,
    ngx_ohttp_relay_state_name,
    ngx_ohttp_relay_state_refund,
    ngx_ohttp_relay_state_end
};


typedef struct {
    u_char         type;
    u_char         kind;
    const u_char  *group;
    uint64_t       epoch;
    int64_t        expires;
    uint64_t       names;
    uint64_t       refunds;
} ngx_ohttp_relay_state_record_t;


static int ngx_ohttp_relay_state_write_head(
    const ngx_ohttp_relay_state_head_t *head,
    ngx_ohttp_relay_state_write_pt write, void *data);
static int ngx_ohttp_relay_state_write_pins(ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_state_write_pt write, void *data);
static int ngx_ohttp_relay_state_write_epoch(
    ngx_ohttp_relay_ledger_epoch_t *epoch,
    ngx_ohttp_relay_state_write_pt write, void *data);
static uint64_t ngx_ohttp_relay_state_count(ngx_ohttp_relay_table_t *table);
static int ngx_ohttp_relay_state_write_record(
    const ngx_ohttp_relay_state_record_t *record,
    ngx_ohttp_relay_state_write_pt write, void *data);
static size_t ngx_ohttp_relay_state_write_name(
    ngx_ohttp_relay_ledger_epoch_t *epoch, const u_char *entry, u_char *p);
static int ngx_ohttp_relay_state_read_head(ngx_ohttp_relay_state_t *state,
    const u_char *p);
static int ngx_ohttp_relay_state_read_record(ngx_ohttp_relay_state_t *state,
    const u_char *p, ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory);
static int ngx_ohttp_relay_state_read_pin(
    const ngx_ohttp_relay_state_record_t *record,
    ngx_ohttp_relay_ledger_t *ledger, ngx_ohttp_relay_memory_t *memory);
static int ngx_ohttp_relay_state_read_epoch(ngx_ohttp_relay_state_t *state,
    const ngx_ohttp_relay_state_record_t *record,
    ngx_ohttp_relay_ledger_t *ledger, ngx_ohttp_relay_memory_t *memory);
static int ngx_ohttp_relay_state_read_name(ngx_ohttp_relay_state_t *state,
    const u_char *p, ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory);
static int ngx_ohttp_relay_state_add(ngx_ohttp_relay_table_t *table,
    const u_char *name, const u_char *rest, ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory);
static void ngx_ohttp_relay_state_next(ngx_ohttp_relay_state_t *state);
static u_char *ngx_ohttp_relay_state_put(u_char *p, uint64_t value,
    unsigned bytes);
static uint64_t ngx_ohttp_relay_state_get(const u_char *p, unsigned bytes);
static int ngx_ohttp_relay_state_is_zero(const u_char *p, size_t len);


int
ngx_ohttp_relay_state_write(ngx_ohttp_relay_ledger_t *ledger,
    const ngx_ohttp_relay_state_head_t *head,
    ngx_ohttp_relay_state_write_pt write, void *data)
{
    int                              rc;
    unsigned                         i;
    ngx_ohttp_relay_ledger_epoch_t  *epoch;
    ngx_ohttp_relay_state_record_t   end;

    rc = ngx_ohttp_relay_state_write_head(head, write, data);

    if (rc == NGX_OHTTP_RELAY_OK) {
        rc = ngx_ohttp_relay_state_write_pins(ledger, write, data);
    }

    for (i = 0; i < NGX_OHTTP_RELAY_LEDGER_CHAINS; i++) {
        epoch = ledger->chains[i];

        while (epoch != NULL && rc == NGX_OHTTP_RELAY_OK) {
            rc = ngx_ohttp_relay_state_write_epoch(epoch, write, data);
            epoch = epoch->next;
        }
    }

    if (rc != NGX_OHTTP_RELAY_OK) {
        return rc;
    }

    memset(&end, 0, sizeof(end));
    end.type = NGX_OHTTP_RELAY_STATE_END;

    return ngx_ohttp_relay_state_write_record(&end, write, data);
}


static int
ngx_ohttp_relay_state_write_head(const ngx_ohttp_relay_state_head_t *head,
    ngx_ohttp_relay_state_write_pt write, void *data)
{
    u_char  buf[NGX_OHTTP_RELAY_STATE_HEAD], *p;

    memset(buf, 0, sizeof(buf));
    memcpy(buf, NGX_OHTTP_RELAY_STATE_MAGIC, NGX_OHTTP_RELAY_STATE_WORD);

    p = buf + NGX_OHTTP_RELAY_STATE_WORD;
    p = ngx_ohttp_relay_state_put(p, NGX_OHTTP_RELAY_STATE_VERSION, 4);
    p = ngx_ohttp_relay_state_put(p, NGX_OHTTP_RELAY_STATE_HEAD, 4);

    ngx_ohttp_relay_state_mark(head, p);
    p += NGX_OHTTP_RELAY_STATE_MARKED;

    p = ngx_ohttp_relay_state_put(p, head->lost, 8);
    p = ngx_ohttp_relay_state_put(p, head->forgotten, 8);
    (void) ngx_ohttp_relay_state_put(p, head->written, 8);

    return write(data, buf, sizeof(buf));
}


void
ngx_ohttp_relay_state_mark(const ngx_ohttp_relay_state_head_t *head,
    u_char *p)
{
    memcpy(p, head->running ? NGX_OHTTP_RELAY_STATE_RUNNING
                            : NGX_OHTTP_RELAY_STATE_COMPLETE,
           NGX_OHTTP_RELAY_STATE_WORD);
    memcpy(p + NGX_OHTTP_RELAY_STATE_WORD, head->run,
           NGX_OHTTP_RELAY_STATE_RUN);
}


static int
ngx_ohttp_relay_state_write_pins(ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_state_write_pt write, void *data)
{
    int                              rc;
    u_char                          *entry;
    ngx_ohttp_relay_ledger_pin_t     pin;
    ngx_ohttp_relay_state_record_t   record;
    ngx_ohttp_relay_table_cursor_t   cursor;

    memset(&cursor, 0, sizeof(cursor));
    memset(&record, 0, sizeof(record));

    record.type = NGX_OHTTP_RELAY_STATE_PIN;

    while ((entry = ngx_ohttp_relay_table_next(&ledger->pins, &cursor))) {
        record.group = entry;
        memcpy(&pin, entry + NGX_OHTTP_RELAY_TABLE_NAME, sizeof(pin));
        record.epoch = (uint64_t) pin.since;
        record.expires = pin.expires;

        rc = ngx_ohttp_relay_state_write_record(&record, write, data);
        if (rc != NGX_OHTTP_RELAY_OK) {
            return rc;
        }
    }

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_state_write_epoch(ngx_ohttp_relay_ledger_epoch_t *epoch,
    ngx_ohttp_relay_state_write_pt write, void *data)
{
    int                              rc;
    u_char                          *entry, buf[NGX_OHTTP_RELAY_STATE_ITEM];
    size_t                           len;
    uint64_t                         count;
    ngx_ohttp_relay_state_record_t   record;
    ngx_ohttp_relay_table_cursor_t   cursor;

    record.type = NGX_OHTTP_RELAY_STATE_EPOCH;
    record.kind = (u_char) epoch->kind;
    record.group = epoch->group;
    record.epoch = epoch->epoch;
    record.expires = epoch->expires;
    record.names = ngx_ohttp_relay_state_count(&epoch->names);
    record.refunds = ngx_ohttp_relay_state_count(&epoch->refunds);

    rc = ngx_ohttp_relay_state_write_record(&record, write, data);

    memset(&cursor, 0, sizeof(cursor));

    while (rc == NGX_OHTTP_RELAY_OK
           && (entry = ngx_ohttp_relay_table_next(&epoch->names, &cursor)))
    {
        len = ngx_ohttp_relay_state_write_name(epoch, entry, buf);
        rc = write(data, buf, len);
    }

    memset(&cursor, 0, sizeof(cursor));

    while (rc == NGX_OHTTP_RELAY_OK
           && (entry = ngx_ohttp_relay_table_next(&epoch->refunds, &cursor)))
    {
        memcpy(buf, entry, NGX_OHTTP_RELAY_TABLE_NAME);
        memcpy(&count, entry + NGX_OHTTP_RELAY_TABLE_NAME, sizeof(count));
        (void) ngx_ohttp_relay_state_put(buf + NGX_OHTTP_RELAY_TABLE_NAME,
                                         count, 8);

        rc = write(data, buf, NGX_OHTTP_RELAY_STATE_COUNT);
    }

    return rc;
}


/* not table->names: a process that died may have left that behind by one */

static uint64_t
ngx_ohttp_relay_state_count(ngx_ohttp_relay_table_t *table)
{
    uint64_t                        n;
    ngx_ohttp_relay_table_cursor_t  cursor;

    memset(&cursor, 0, sizeof(cursor));

    for (n = 0; ngx_ohttp_relay_table_next(table, &cursor); n++) {
        /* void */
    }

    return n;
}


static int
ngx_ohttp_relay_state_write_record(
    const ngx_ohttp_relay_state_record_t *record,
    ngx_ohttp_relay_state_write_pt write, void *data)
{
    u_char  buf[NGX_OHTTP_RELAY_STATE_RECORD], *p;

    memset(buf, 0, sizeof(buf));

    buf[0] = record->type;
    buf[1] = record->kind;
    p = buf + 8;

    if (record->group != NULL) {
        memcpy(p, record->group, NGX_OHTTP_RELAY_LEDGER_GROUP);
    }

    p += NGX_OHTTP_RELAY_LEDGER_GROUP;
    p = ngx_ohttp_relay_state_put(p, record->epoch, 8);
    p = ngx_ohttp_relay_state_put(p, record->expires, 8);
    p = ngx_ohttp_relay_state_put(p, record->names, 8);
    (void) ngx_ohttp_relay_state_put(p, record->refunds, 8);

    return write(data, buf, sizeof(buf));
}


static size_t
ngx_ohttp_relay_state_write_name(ngx_ohttp_relay_ledger_epoch_t *epoch,
    const u_char *entry, u_char *p)
{
    u_char                         *start;
    ngx_ohttp_relay_ledger_uses_t   uses;

    start = p;

    memcpy(p, entry, NGX_OHTTP_RELAY_TABLE_NAME);
    p += NGX_OHTTP_RELAY_TABLE_NAME;

    if (epoch->kind == NGX_OHTTP_RELAY_LEDGER_USES) {
        memcpy(&uses, entry + NGX_OHTTP_RELAY_TABLE_NAME, sizeof(uses));

        p = ngx_ohttp_relay_state_put(p, uses.arrival, 8);
        p = ngx_ohttp_relay_state_put(p, uses.first, 8);
        p = ngx_ohttp_relay_state_put(p, uses.uses, 4);
        p = ngx_ohttp_relay_state_put(p, uses.refunds, 4);
    }

    return p - start;
}


void
ngx_ohttp_relay_state_start(ngx_ohttp_relay_state_t *state, uint64_t size)
{
    memset(state, 0, sizeof(ngx_ohttp_relay_state_t));

    state->step = ngx_ohttp_relay_state_head;
    state->left = size;
}


size_t
ngx_ohttp_relay_state_need(ngx_ohttp_relay_state_t *state)
{
    switch (state->step) {

    case ngx_ohttp_relay_state_head:
        return NGX_OHTTP_RELAY_STATE_HEAD;

    case ngx_ohttp_relay_state_record:
        return NGX_OHTTP_RELAY_STATE_RECORD;

    case ngx_ohttp_relay_state_name:
        return state->epoch->names.entry;

    case ngx_ohttp_relay_state_refund:
        return NGX_OHTTP_RELAY_STATE_COUNT;

    default: /* ngx_ohttp_relay_state_end */
        return 0;
    }
}


int
ngx_ohttp_relay_state_item(ngx_ohttp_relay_state_t *state, const u_char *p,
    ngx_ohttp_relay_ledger_t *ledger, ngx_ohttp_relay_memory_t *memory)
{
    size_t    need;
    uint64_t  count;

    need = ngx_ohttp_relay_state_need(state);

    if (need == 0 || need > state->left) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    state->left -= need;

    switch (state->step) {

    case ngx_ohttp_relay_state_head:
        return ngx_ohttp_relay_state_read_head(state, p);

    case ngx_ohttp_relay_state_record:
        return ngx_ohttp_relay_state_read_record(state, p, ledger, memory);

    case ngx_ohttp_relay_state_name:
        return ngx_ohttp_relay_state_read_name(state, p, ledger, memory);

    default: /* ngx_ohttp_relay_state_refund */
        state->refunds--;
        count = ngx_ohttp_relay_state_get(p + NGX_OHTTP_RELAY_TABLE_NAME, 8);
        ngx_ohttp_relay_state_next(state);

        return ngx_ohttp_relay_state_add(&state->epoch->refunds, p,
                                         (u_char *) &count, ledger, memory);
    }
}


static int
ngx_ohttp_relay_state_read_head(ngx_ohttp_relay_state_t *state,
    const u_char *p)
{
    const u_char                  *last;
    ngx_ohttp_relay_state_head_t  *head;

    last = p + NGX_OHTTP_RELAY_STATE_HEAD;
    head = &state->head;

    if (memcmp(p, NGX_OHTTP_RELAY_STATE_MAGIC, NGX_OHTTP_RELAY_STATE_WORD)) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    p += NGX_OHTTP_RELAY_STATE_WORD;

    if (ngx_ohttp_relay_state_get(p, 4) != NGX_OHTTP_RELAY_STATE_VERSION
        || ngx_ohttp_relay_state_get(p + 4, 4) != NGX_OHTTP_RELAY_STATE_HEAD)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    p += 8;

    /* anything else than "complete" is not complete */

    head->running = memcmp(p, NGX_OHTTP_RELAY_STATE_COMPLETE,
                           NGX_OHTTP_RELAY_STATE_WORD) != 0;
    p += NGX_OHTTP_RELAY_STATE_WORD;

    memcpy(head->run, p, NGX_OHTTP_RELAY_STATE_RUN);
    p += NGX_OHTTP_RELAY_STATE_RUN;

    head->lost = (int64_t) ngx_ohttp_relay_state_get(p, 8);
    head->forgotten = (int64_t) ngx_ohttp_relay_state_get(p + 8, 8);
    head->written = (int64_t) ngx_ohttp_relay_state_get(p + 16, 8);
    p += 24;

    state->step = ngx_ohttp_relay_state_record;

    return ngx_ohttp_relay_state_is_zero(p, last - p) ? NGX_OHTTP_RELAY_OK
                                                      : NGX_OHTTP_RELAY_ERROR;
}


static int
ngx_ohttp_relay_state_read_record(ngx_ohttp_relay_state_t *state,
    const u_char *p, ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory)
{
    ngx_ohttp_relay_state_record_t  record;

    if (!ngx_ohttp_relay_state_is_zero(p + 2, 6)) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    record.type = p[0];
    record.kind = p[1];
    record.group = p + 8;
    record.epoch = ngx_ohttp_relay_state_get(p + 16, 8);
    record.expires = (int64_t) ngx_ohttp_relay_state_get(p + 24, 8);
    record.names = ngx_ohttp_relay_state_get(p + 32, 8);
    record.refunds = ngx_ohttp_relay_state_get(p + 40, 8);

    switch (record.type) {

    case NGX_OHTTP_RELAY_STATE_PIN:
        return ngx_ohttp_relay_state_read_pin(&record, ledger, memory);

    case NGX_OHTTP_RELAY_STATE_EPOCH:
        return ngx_ohttp_relay_state_read_epoch(state, &record, ledger,
                                                memory);

    case NGX_OHTTP_RELAY_STATE_END:

        /* behind it is the sum, and nothing else */

        if (!ngx_ohttp_relay_state_is_zero(p + 1,
                                           NGX_OHTTP_RELAY_STATE_RECORD - 1)
            || state->left != NGX_OHTTP_RELAY_STATE_SUM)
        {
            return NGX_OHTTP_RELAY_ERROR;
        }

        state->step = ngx_ohttp_relay_state_end;

        return NGX_OHTTP_RELAY_OK;

    default:
        return NGX_OHTTP_RELAY_ERROR;
    }
}


static int
ngx_ohttp_relay_state_read_pin(const ngx_ohttp_relay_state_record_t *record,
    ngx_ohttp_relay_ledger_t *ledger, ngx_ohttp_relay_memory_t *memory)
{
    u_char                        name[NGX_OHTTP_RELAY_TABLE_NAME];
    ngx_ohttp_relay_ledger_pin_t  pin;

    if (record->kind | record->names | record->refunds) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    pin.expires = record->expires;
    pin.since = (int64_t) record->epoch;

    memset(name, 0, sizeof(name));
    memcpy(name, record->group, NGX_OHTTP_RELAY_LEDGER_GROUP);

    return ngx_ohttp_relay_state_add(&ledger->pins, name,
                                     (u_char *) &pin, ledger, memory);
}


/* memory is taken for what the rest of the stream can hold, not for more */

static int
ngx_ohttp_relay_state_read_epoch(ngx_ohttp_relay_state_t *state,
    const ngx_ohttp_relay_state_record_t *record,
    ngx_ohttp_relay_ledger_t *ledger, ngx_ohttp_relay_memory_t *memory)
{
    ngx_ohttp_relay_ledger_epoch_t  *epoch;

    if (record->kind > NGX_OHTTP_RELAY_LEDGER_USES
        || ngx_ohttp_relay_ledger_find(ledger, record->kind, record->group,
                                       record->epoch))
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    epoch = ngx_ohttp_relay_ledger_make(ledger, memory, record->kind,
                                        record->group, record->epoch,
                                        record->expires);
    if (epoch == NULL) {
        return NGX_OHTTP_RELAY_AGAIN;
    }

    if (record->names > state->left / epoch->names.entry
        || record->refunds > state->left / NGX_OHTTP_RELAY_STATE_COUNT)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    if ((record->names
         && ngx_ohttp_relay_table_reserve(&epoch->names, memory,
                                          record->names)
            != NGX_OHTTP_RELAY_OK)
        || (record->refunds
            && ngx_ohttp_relay_table_reserve(&epoch->refunds, memory,
                                             record->refunds)
               != NGX_OHTTP_RELAY_OK))
    {
        return NGX_OHTTP_RELAY_AGAIN;
    }

    state->epoch = epoch;
    state->names = record->names;
    state->refunds = record->refunds;

    ngx_ohttp_relay_state_next(state);

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_state_read_name(ngx_ohttp_relay_state_t *state,
    const u_char *p, ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory)
{
    u_char                         *rest;
    const u_char                   *name;
    ngx_ohttp_relay_table_t        *table;
    ngx_ohttp_relay_ledger_uses_t   uses;

    name = p;
    rest = NULL;
    table = &state->epoch->names;

    if (state->epoch->kind == NGX_OHTTP_RELAY_LEDGER_USES) {
        p += NGX_OHTTP_RELAY_TABLE_NAME;

        uses.arrival = ngx_ohttp_relay_state_get(p, 8);
        uses.first = ngx_ohttp_relay_state_get(p + 8, 8);
        uses.uses = (uint32_t) ngx_ohttp_relay_state_get(p + 16, 4);
        uses.refunds = (uint32_t) ngx_ohttp_relay_state_get(p + 20, 4);

        rest = (u_char *) &uses;
    }

    state->names--;
    ngx_ohttp_relay_state_next(state);

    return ngx_ohttp_relay_state_add(table, name, rest, ledger, memory);
}


/* reserved values and names that come twice were not written by us */

static int
ngx_ohttp_relay_state_add(ngx_ohttp_relay_table_t *table, const u_char *name,
    const u_char *rest, ngx_ohttp_relay_ledger_t *ledger,
    ngx_ohttp_relay_memory_t *memory)
{
    u_char  own[NGX_OHTTP_RELAY_TABLE_NAME];

    ngx_ohttp_relay_table_name(name, own);

    if (table == &ledger->pins) {

        /* a pin's name is made from its group */

    } else if (memcmp(own, name, NGX_OHTTP_RELAY_TABLE_NAME) != 0) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (ngx_ohttp_relay_table_find(table, ledger->key, own) != NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return ngx_ohttp_relay_table_add(table, memory, ledger->key, own, rest)
           == NGX_OHTTP_RELAY_OK ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_AGAIN;
}


static void
ngx_ohttp_relay_state_next(ngx_ohttp_relay_state_t *state)
{
    if (state->names) {
        state->step = ngx_ohttp_relay_state_name;

    } else if (state->refunds) {
        state->step = ngx_ohttp_relay_state_refund;

    } else {
        state->step = ngx_ohttp_relay_state_record;
    }
}


static u_char *
ngx_ohttp_relay_state_put(u_char *p, uint64_t value, unsigned bytes)
{
    while (bytes--) {
        *p++ = (u_char) (value >> (8 * bytes));
    }

    return p;
}


static uint64_t
ngx_ohttp_relay_state_get(const u_char *p, unsigned bytes)
{
    uint64_t  value;

    value = 0;

    while (bytes--) {
        value = value << 8 | *p++;
    }

    return value;
}


static int
ngx_ohttp_relay_state_is_zero(const u_char *p, size_t len)
{
    while (len--) {
        if (*p++) {
            return 0;
        }
    }

    return 1;
}
