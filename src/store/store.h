
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_STORE_H_INCLUDED_
#define _NGX_OHTTP_RELAY_STORE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* bytes */

#define NGX_OHTTP_RELAY_STORE_NAME    16    /* of what is remembered */
#define NGX_OHTTP_RELAY_STORE_GROUP   8     /* of what belongs together */
#define NGX_OHTTP_RELAY_STORE_ID      8     /* of one request */

/* how often one token may be given back */
#define NGX_OHTTP_RELAY_STORE_REFUNDS  3

/* seconds for which a thing is remembered beyond its end: clocks differ */
#define NGX_OHTTP_RELAY_STORE_MARGIN   300


typedef enum {
    NGX_OHTTP_RELAY_STORE_SPENT = 0,  /* claim: a token that works once */
    NGX_OHTTP_RELAY_STORE_SEALED,     /* claim: a sealed request */
    NGX_OHTTP_RELAY_STORE_USES,       /* take: a token of several uses */
    NGX_OHTTP_RELAY_STORE_RATE        /* take: a rate and nothing else */
} ngx_ohttp_relay_store_kind_e;


/* the three answers that are never confused, and the state before them */

typedef enum {
    NGX_OHTTP_RELAY_STORE_WAITING = 0,
    NGX_OHTTP_RELAY_STORE_GRANTED,
    NGX_OHTTP_RELAY_STORE_REFUSED,
    NGX_OHTTP_RELAY_STORE_UNKNOWN     /* could not ask */
} ngx_ohttp_relay_store_answer_e;


typedef struct ngx_ohttp_relay_store_s  ngx_ohttp_relay_store_t;
typedef struct ngx_ohttp_relay_ask_s    ngx_ohttp_relay_ask_t;

typedef void (*ngx_ohttp_relay_ask_handler_pt)(ngx_ohttp_relay_ask_t *ask);


/*
 * One question, in memory of the asker, which must stay until the answer is
 * there or the question is abandoned.  What stands in "name" and "group" are
 * truncated HMACs under the relay's secret: they tell nobody anything.
 */

struct ngx_ohttp_relay_ask_s {
    ngx_ohttp_relay_store_kind_e     kind;

    u_char                           name[NGX_OHTTP_RELAY_STORE_NAME];
    u_char                           group[NGX_OHTTP_RELAY_STORE_GROUP];
    u_char                           id[NGX_OHTTP_RELAY_STORE_ID];

    /*
     * What is remembered belongs to an epoch of its group and is forgotten
     * together with it.  With "around" the name must be new in the epochs
     * before and after as well.
     */
    uint64_t                         epoch;
    time_t                           begins;     /* of the epoch; 0: ever */
    time_t                           expires;    /* of the epoch, no margin */
    ngx_uint_t                       around;

    /* take: a use each "interval" on the average, "burst" of them at once */
    uint64_t                         interval;   /* microseconds; 0: no rate */
    ngx_uint_t                       burst;      /* at least 1 with a rate */
    ngx_uint_t                       uses;       /* in all; 0: no limit */
    time_t                           lifetime;   /* s from first use; 0: none */

    ngx_ohttp_relay_store_answer_e   answer;
    ngx_uint_t                       used_up;    /* REFUSED, and for good */
    ngx_msec_t                       retry_after;  /* ms; REFUSED by a rate */
    ngx_uint_t                       unrecorded; /* GRANTED without memory */

    /* called with the answer, never from within the question */
    ngx_ohttp_relay_ask_handler_pt   handler;
    void                            *data;
    void                            *pending;    /* the store's own */
};


/* a figure for the status page; names are parts of metric names */

typedef struct {
    char                            *name;
    char                            *help;
    ngx_uint_t                       gauge;      /* 0: a counter */
    ngx_atomic_uint_t                value;
} ngx_ohttp_relay_store_figure_t;


/*
 * The directive "ohttp_relay_store"; cmd->offset leads to an
 * ngx_ohttp_relay_store_t *, NULL where the directive is absent.  Returns
 * NGX_CONF_OK, or an error text, or NGX_CONF_ERROR after one line.
 */
char *ngx_ohttp_relay_store_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Completes the store once the whole configuration has been read; *store is
 * made as "shm" of the default size if there was no directive.  "secret" is
 * set if the configuration has one; "tag" is the module.  Adds shared memory,
 * and makes no connection.  Returns NGX_OK, or NGX_ERROR after one line.
 */
ngx_int_t ngx_ohttp_relay_store_init(ngx_conf_t *cf,
    ngx_ohttp_relay_store_t **store, ngx_uint_t secret, void *tag);

/*
 * Tells the store of a group whose names are remembered until "expires", a
 * token key for one; "label" is for messages.  Raising that time later could
 * reopen what was forgotten: the store notices, and then answers UNKNOWN to
 * all questions of the group.  Of several times for one group the latest
 * counts, with the first label.  Returns NGX_OK or NGX_ERROR (no memory).
 */
ngx_int_t ngx_ohttp_relay_store_pin(ngx_ohttp_relay_store_t *store,
    u_char *group, time_t expires, ngx_str_t *label);

/* process hooks, for workers only; exit for the master as well */

ngx_int_t ngx_ohttp_relay_store_init_process(ngx_ohttp_relay_store_t *store,
    ngx_cycle_t *cycle);
void ngx_ohttp_relay_store_exit_process(ngx_ohttp_relay_store_t *store,
    ngx_cycle_t *cycle);
void ngx_ohttp_relay_store_exit_master(ngx_ohttp_relay_store_t *store,
    ngx_cycle_t *cycle);

/*
 * Asks.  Returns NGX_OK with ask->answer set, or NGX_AGAIN: the handler is
 * called later, once, unless the question is abandoned.
 */
ngx_int_t ngx_ohttp_relay_store_ask(ngx_ohttp_relay_store_t *store,
    ngx_ohttp_relay_ask_t *ask);

/*
 * Gives back what this ask was granted before, with the same "id"; a token at
 * most NGX_OHTTP_RELAY_STORE_REFUNDS times.  Returns as _ask() does;
 * GRANTED: it can be used again, REFUSED: it stays spent, UNKNOWN: nobody
 * could be asked, and it is to be taken for spent.
 */
ngx_int_t ngx_ohttp_relay_store_refund(ngx_ohttp_relay_store_t *store,
    ngx_ohttp_relay_ask_t *ask);

/*
 * The asker goes away: its handler is not called any more, and what is still
 * granted is given back by the store itself.  Without a pending question it
 * does nothing.
 */
void ngx_ohttp_relay_store_abandon(ngx_ohttp_relay_ask_t *ask);

/*
 * Whether questions can be answered at the moment, as a word for the status
 * page ("ok", "down", "data_loss", "full", ...), and figures: *n of them in
 * memory of the store.
 */
char *ngx_ohttp_relay_store_state(ngx_ohttp_relay_store_t *store);
ngx_ohttp_relay_store_figure_t *ngx_ohttp_relay_store_figures(
    ngx_ohttp_relay_store_t *store, ngx_uint_t *n);


#endif /* _NGX_OHTTP_RELAY_STORE_H_INCLUDED_ */
