
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_REDIS_H_INCLUDED_
#define _NGX_OHTTP_RELAY_REDIS_H_INCLUDED_


/*
 * The inside of the store "redis", for its own files only.
 *
 *     redis.c          questions and answers: the backend
 *     redis_conf.c     the directive
 *     redis_shared.c   what the workers know together
 *     redis_command.c  commands and what their replies mean
 *     redis_conn.c     a connection, its bytes
 *     redis_queue.c    its queues of commands, deadlines and failures
 *     redis_tls.c      TLS of a connection
 *     redis_check.c    what must hold before a server is believed
 *     redis_cluster.c  which server to ask
 *     redis_local.c    what is done while nobody can be asked
 *     redis_reply.c    from bytes to replies, without nginx
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_event_connect.h>

#include "backend.h"
#include "redis_reply.h"
#include "spent.h"


/* bytes */

#define NGX_OHTTP_RELAY_REDIS_PREFIX     64     /* the longest */
#define NGX_OHTTP_RELAY_REDIS_KEY        (NGX_OHTTP_RELAY_REDIS_PREFIX + 40)
#define NGX_OHTTP_RELAY_REDIS_MARKER     16     /* of hexadecimal digits */
#define NGX_OHTTP_RELAY_REDIS_SHA        40     /* the same */

/* numbers */

#define NGX_OHTTP_RELAY_REDIS_MARKERS    64     /* one in a standalone server */
#define NGX_OHTTP_RELAY_REDIS_NOTES      512
#define NGX_OHTTP_RELAY_REDIS_NODES      128
#define NGX_OHTTP_RELAY_REDIS_HOPS       5
#define NGX_OHTTP_RELAY_REDIS_PENDING    32768  /* questions of a worker */
#define NGX_OHTTP_RELAY_REDIS_JOURNAL    32768
#define NGX_OHTTP_RELAY_REDIS_ARGUMENTS  12

/* milliseconds */

#define NGX_OHTTP_RELAY_REDIS_CONNECT    1000   /* or the timeout, if longer */
#define NGX_OHTTP_RELAY_REDIS_RECHECK    5000
#define NGX_OHTTP_RELAY_REDIS_BEAT       200
#define NGX_OHTTP_RELAY_REDIS_PAUSE      50     /* the shortest of a breaker */
#define NGX_OHTTP_RELAY_REDIS_PAUSE_MAX  2000


typedef enum {
    NGX_OHTTP_RELAY_REDIS_CLOSED = 0,
    NGX_OHTTP_RELAY_REDIS_LOCAL,
    NGX_OHTTP_RELAY_REDIS_GRACE
} ngx_ohttp_relay_redis_failure_e;


/* what keeps a server from being believed; the order is that of gravity */

typedef enum {
    NGX_OHTTP_RELAY_REDIS_UNCHECKED = 0,
    NGX_OHTTP_RELAY_REDIS_SOUND,
    NGX_OHTTP_RELAY_REDIS_RAISED,
    NGX_OHTTP_RELAY_REDIS_EVICTING,
    NGX_OHTTP_RELAY_REDIS_MISCONFIGURED,
    NGX_OHTTP_RELAY_REDIS_LOST,
    NGX_OHTTP_RELAY_REDIS_UNFIT            /* not now: try elsewhere, later */
} ngx_ohttp_relay_redis_condition_e;


typedef enum {
    NGX_OHTTP_RELAY_REDIS_DOWN = 0,
    NGX_OHTTP_RELAY_REDIS_CONNECTING,      /* and being checked */
    NGX_OHTTP_RELAY_REDIS_READY
} ngx_ohttp_relay_redis_state_e;


typedef enum {
    NGX_OHTTP_RELAY_REDIS_CLAIM = 0,
    NGX_OHTTP_RELAY_REDIS_TAKE,
    NGX_OHTTP_RELAY_REDIS_REFUND,          /* of a claim */
    NGX_OHTTP_RELAY_REDIS_RETURN,          /* of a take */
    NGX_OHTTP_RELAY_REDIS_REPLAY,          /* of what was granted locally */

    NGX_OHTTP_RELAY_REDIS_IGNORED,         /* ASKING, SCRIPT LOAD */
    NGX_OHTTP_RELAY_REDIS_LOGIN,
    NGX_OHTTP_RELAY_REDIS_INFO,
    NGX_OHTTP_RELAY_REDIS_TIME,
    NGX_OHTTP_RELAY_REDIS_MAP,
    NGX_OHTTP_RELAY_REDIS_SCRIPT,
    NGX_OHTTP_RELAY_REDIS_EPOCH,
    NGX_OHTTP_RELAY_REDIS_COUNT,
    NGX_OHTTP_RELAY_REDIS_PIN
} ngx_ohttp_relay_redis_kind_e;


typedef enum {
    NGX_OHTTP_RELAY_REDIS_ASKS = 0,
    NGX_OHTTP_RELAY_REDIS_UNKNOWNS,
    NGX_OHTTP_RELAY_REDIS_RECONNECTS,
    NGX_OHTTP_RELAY_REDIS_TIMEOUTS,
    NGX_OHTTP_RELAY_REDIS_DATA_LOSSES,
    NGX_OHTTP_RELAY_REDIS_DOUBLE_SPENDS,
    NGX_OHTTP_RELAY_REDIS_LOCAL_GRANTS,
    NGX_OHTTP_RELAY_REDIS_GRACE_GRANTS,
    NGX_OHTTP_RELAY_REDIS_JOURNAL_LENGTH,
    NGX_OHTTP_RELAY_REDIS_FIGURES
} ngx_ohttp_relay_redis_figure_e;


typedef struct ngx_ohttp_relay_redis_s          ngx_ohttp_relay_redis_t;
typedef struct ngx_ohttp_relay_redis_worker_s   ngx_ohttp_relay_redis_worker_t;
typedef struct ngx_ohttp_relay_redis_node_s     ngx_ohttp_relay_redis_node_t;
typedef struct ngx_ohttp_relay_redis_command_s  ngx_ohttp_relay_redis_command_t;
typedef struct ngx_ohttp_relay_redis_shared_s   ngx_ohttp_relay_redis_shared_t;


/* an address of the directive, and the host it was resolved from */

typedef struct {
    ngx_addr_t                         addr;
    ngx_str_t                          host;
} ngx_ohttp_relay_redis_server_t;


struct ngx_ohttp_relay_redis_s {
    ngx_ohttp_relay_store_t           *store;

    ngx_array_t                        servers;
    ngx_str_t                          user;
    ngx_str_t                          password_file;
    ngx_str_t                          password;
    ngx_str_t                          prefix;
    ngx_str_t                          ssl_name;
    ngx_str_t                          trusted_certificate;
    ngx_int_t                          db;
    ngx_uint_t                         cluster;
    ngx_uint_t                         tls;
    ngx_msec_t                         timeout;
    size_t                             size;

    ngx_ohttp_relay_redis_failure_e    on_failure;
    ngx_uint_t                         grace_rate;   /* grants per second */
    ngx_msec_t                         grace_time;
    ngx_uint_t                         accept_loss;

    ngx_ssl_t                         *ssl;
    ngx_shm_zone_t                    *zone;
    ngx_slab_pool_t                   *shpool;
    ngx_ohttp_relay_redis_shared_t    *shared;
    ngx_ohttp_relay_spent_t           *spent;        /* local only */

    ngx_ohttp_relay_redis_worker_t    *worker;       /* NULL in no worker */
};


/* in shared memory, under the lock of its zone unless atomic */

typedef struct {
    u_char                             value[NGX_OHTTP_RELAY_REDIS_MARKER];
    ngx_uint_t                         seen;
    ngx_uint_t                         changed;      /* another, or none */
    ngx_uint_t                         behind;       /* its count went back */
    uint64_t                           count;        /* highest that was said */
} ngx_ohttp_relay_redis_marker_t;


/* a condition that has been told of, once for all workers */

typedef struct {
    uint32_t                           key;
    uint32_t                           condition;
} ngx_ohttp_relay_redis_note_t;


typedef enum {
    NGX_OHTTP_RELAY_REDIS_SETTLED = 0,
    NGX_OHTTP_RELAY_REDIS_OPEN,
    NGX_OHTTP_RELAY_REDIS_ASKED
} ngx_ohttp_relay_redis_entry_e;


typedef struct {
    u_char                             name[NGX_OHTTP_RELAY_STORE_NAME];
    u_char                             id[NGX_OHTTP_RELAY_STORE_ID];
    time_t                             expires;
    ngx_msec_t                         asked;        /* when */
    uint32_t                           kind;
    uint32_t                           state;
} ngx_ohttp_relay_redis_entry_t;


struct ngx_ohttp_relay_redis_shared_s {
    uint32_t                           servers;      /* which: a checksum */

    ngx_atomic_t                       figures[NGX_OHTTP_RELAY_REDIS_FIGURES];
    ngx_atomic_t                       lost;         /* markers */

    ngx_ohttp_relay_redis_marker_t     markers[NGX_OHTTP_RELAY_REDIS_MARKERS];
    ngx_ohttp_relay_redis_note_t       notes[NGX_OHTTP_RELAY_REDIS_NOTES];

    /* grace: ngx_current_msec, in which all processes agree */
    ngx_uint_t                         out;
    ngx_msec_t                         began;
    ngx_msec_t                         last;
    uint64_t                           next;         /* microseconds */
    ngx_atomic_t                       recovered;

    /* local: from here on "first" <= n < "last" are in the journal */
    ngx_atomic_t                       incomplete;   /* until, time_t */
    ngx_atomic_t                       journal_first;
    ngx_atomic_t                       journal_last;
    ngx_ohttp_relay_redis_entry_t      journal[1];
};


/* on the heap, and longer alive than the question that it was made for */

struct ngx_ohttp_relay_redis_command_s {
    ngx_queue_t                        queue;
    ngx_ohttp_relay_redis_kind_e       kind;
    ngx_ohttp_relay_ask_t             *ask;          /* NULL: nobody waits */
    ngx_ohttp_relay_ask_t              copy;
    ngx_msec_t                         deadline;
    ngx_uint_t                         number;
    uint64_t                           value;

    unsigned                           hops:4;
    unsigned                           lost:1;       /* once, its reply */
    unsigned                           loaded:1;     /* its script, again */
    unsigned                           redirected:1; /* ASK: this time only */
    unsigned                           round:1;      /* of a node's checks */
};


struct ngx_ohttp_relay_redis_node_s {
    ngx_ohttp_relay_redis_worker_t    *worker;

    ngx_sockaddr_t                     sockaddr;
    socklen_t                          socklen;
    ngx_str_t                          name;         /* text of the address */
    ngx_str_t                          host;         /* of the certificate */
    u_char                             text[NGX_SOCKADDR_STRLEN];
    u_char                             host_text[NGX_MAXHOSTNAMELEN];

    ngx_peer_connection_t              peer;
    ngx_connection_t                  *connection;
    ngx_log_t                          log;
    ngx_ohttp_relay_redis_reader_t    *reader;

    u_char                            *out;          /* commands to write */
    size_t                             out_size;
    size_t                             out_first;
    size_t                             out_last;

    ngx_queue_t                        sent;         /* their replies follow */
    ngx_queue_t                        waiting;      /* for the connection */

    ngx_event_t                        deadline;
    ngx_event_t                        pause;        /* next try, next check */
    ngx_msec_t                         connect;      /* to be done by */
    ngx_msec_t                         counted;
    ngx_uint_t                         failures;

    ngx_ohttp_relay_redis_state_e      state;
    ngx_ohttp_relay_redis_condition_e  condition;
    ngx_ohttp_relay_redis_condition_e  found;        /* by this round */
    char                              *reason;
    ngx_uint_t                         checks;       /* replies to come */
    char                              *broken;

    unsigned                           open:1;       /* connected, and TLS */
    unsigned                           hopeful:1;    /* worth waiting for */
    unsigned                           quiet:1;      /* it has been told */
    unsigned                           second:1;     /* half of the checks */
    unsigned                           login:1;      /* refused */
    unsigned                           mapped:1;     /* masters only */
    unsigned                           dropped:1;
};


/* what Redis says of the expiry of a group */

typedef struct {
    ngx_ohttp_relay_redis_condition_e  condition;
    time_t                             first;        /* that it had; 0: ? */
} ngx_ohttp_relay_redis_pin_t;


struct ngx_ohttp_relay_redis_worker_s {
    ngx_ohttp_relay_redis_t           *redis;
    ngx_log_t                          log;

    ngx_ohttp_relay_redis_node_t      *nodes[NGX_OHTTP_RELAY_REDIS_NODES];
    ngx_uint_t                         nnodes;
    ngx_uint_t                         server;       /* the one in turn */

    ngx_queue_t                        done;
    ngx_event_t                        deliver;
    ngx_queue_t                        free;
    ngx_uint_t                         pending;
    ngx_uint_t                         replaying;

    ngx_ohttp_relay_redis_pin_t       *pins;         /* of the store's */

    /* cluster */
    ngx_ohttp_relay_redis_node_t     **slots;
    ngx_ohttp_relay_redis_node_t     **map;          /* as it is being read */
    ngx_event_t                        refresh;
    ngx_uint_t                         refreshes;    /* without success */
    ngx_event_t                        sweep;
    struct {
        ngx_uint_t                     slot;
        u_char                         tag[NGX_INT_T_LEN];
        size_t                         len;
    }                                  markers[NGX_OHTTP_RELAY_REDIS_MARKERS];

    unsigned                           mapped:1;     /* there is a map */
};


#define ngx_ohttp_relay_redis_add_figure(redis, figure)                      \
    (void) ngx_atomic_fetch_add(&(redis)->shared->figures[figure], 1)


/* redis_conf.c */

char *ngx_ohttp_relay_redis_directive(ngx_conf_t *cf,
    ngx_ohttp_relay_store_t *store);
ngx_int_t ngx_ohttp_relay_redis_init(ngx_conf_t *cf,
    ngx_ohttp_relay_store_t *store, ngx_uint_t secret);

/* redis_shared.c */

/* adds the zone; NGX_OK, or NGX_ERROR after one line */
ngx_int_t ngx_ohttp_relay_redis_share(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis);

/*
 * Notes a condition under a key of "data"; returns 1 if it is another one than
 * before, so that one worker of all tells of it.
 */
ngx_uint_t ngx_ohttp_relay_redis_note(ngx_ohttp_relay_redis_t *redis,
    u_char *data, size_t len, ngx_uint_t condition);

/*
 * Compares the marker of a server with the one known, of
 * NGX_OHTTP_RELAY_REDIS_MARKER bytes; or its count with the highest that was
 * known when it was asked for.  Logs and counts a loss of data.
 */
void ngx_ohttp_relay_redis_see_marker(ngx_ohttp_relay_redis_node_t *node,
    ngx_uint_t number, u_char *value);
void ngx_ohttp_relay_redis_see_count(ngx_ohttp_relay_redis_node_t *node,
    ngx_uint_t number, uint64_t asked, uint64_t count);

/* redis_command.c */

/* SHA-1 of the scripts; once in a process */
void ngx_ohttp_relay_redis_init_scripts(void);

/*
 * Writes a command to the node's buffer.  NGX_OK or NGX_ERROR, no memory.
 */
ngx_int_t ngx_ohttp_relay_redis_write_command(
    ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command);
ngx_int_t ngx_ohttp_relay_redis_write(ngx_ohttp_relay_redis_node_t *node,
    ngx_str_t *arguments, ngx_uint_t n);

/* sends SCRIPT LOAD for each script */
ngx_int_t ngx_ohttp_relay_redis_load_scripts(
    ngx_ohttp_relay_redis_node_t *node, ngx_ohttp_relay_redis_kind_e kind);

/* a reply to a question, a refund, or a replay; consumes the command */
void ngx_ohttp_relay_redis_take_reply(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command,
    ngx_ohttp_relay_redis_reply_t *reply);

/*
 * A reply that does not fit to what was asked: those behind it would not
 * either, and the absence of a value would be taken for a grant.
 */
void ngx_ohttp_relay_redis_test_step(ngx_ohttp_relay_redis_node_t *node,
    ngx_uint_t fits);

/* prefix:LETTER:{tag}, or without the tag; returns its end */
u_char *ngx_ohttp_relay_redis_write_key(ngx_ohttp_relay_redis_t *redis,
    u_char *p, char *kind, u_char *tag, size_t len);

/* redis_conn.c */

ngx_ohttp_relay_redis_node_t *ngx_ohttp_relay_redis_create_node(
    ngx_ohttp_relay_redis_worker_t *worker, struct sockaddr *sockaddr,
    socklen_t socklen, ngx_str_t *host);
void ngx_ohttp_relay_redis_free_node(ngx_ohttp_relay_redis_node_t *node);

/* the addresses are copied; "host" is what a certificate is for */
void ngx_ohttp_relay_redis_set_address(
    ngx_ohttp_relay_redis_node_t *node, struct sockaddr *sockaddr,
    socklen_t socklen, ngx_str_t *host);

/* starts a connection of a node that is down */
void ngx_ohttp_relay_redis_connect(ngx_ohttp_relay_redis_node_t *node);
void ngx_ohttp_relay_redis_disconnect(ngx_ohttp_relay_redis_node_t *node);

/* the connection is there, and with TLS the handshake has been done */
void ngx_ohttp_relay_redis_opened(ngx_ohttp_relay_redis_node_t *node);

/* redis_queue.c */

/* ends the connection: "reason" is told once, commands are tried again */
void ngx_ohttp_relay_redis_fail(ngx_ohttp_relay_redis_node_t *node,
    char *reason);

/* the checks have been passed, or not: questions get answers now */
void ngx_ohttp_relay_redis_set_ready(ngx_ohttp_relay_redis_node_t *node);

/*
 * Writes the command, or lets it wait for the connection.  NGX_AGAIN: the node
 * has it; NGX_DECLINED: the node cannot be asked now; NGX_ERROR: it must not
 * be asked, or there is no memory.
 */
ngx_int_t ngx_ohttp_relay_redis_submit(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command);

/* an own command: its reply is expected; NULL without memory */
ngx_ohttp_relay_redis_command_t *ngx_ohttp_relay_redis_send(
    ngx_ohttp_relay_redis_node_t *node, ngx_ohttp_relay_redis_kind_e kind,
    ngx_str_t *arguments, ngx_uint_t n);

/* the timer of a node fires at this time, or earlier */
void ngx_ohttp_relay_redis_arm(ngx_ohttp_relay_redis_node_t *node,
    ngx_msec_t when);
void ngx_ohttp_relay_redis_deadline_handler(ngx_event_t *ev);
void ngx_ohttp_relay_redis_pause_handler(ngx_event_t *ev);

/* all of a queue into another one, which is set up; all of it once more */
void ngx_ohttp_relay_redis_move(ngx_queue_t *to, ngx_queue_t *from);
void ngx_ohttp_relay_redis_try_all(ngx_ohttp_relay_redis_worker_t *worker,
    ngx_queue_t *queue, ngx_uint_t sent);

/* redis_tls.c */

ngx_int_t ngx_ohttp_relay_redis_init_tls(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis);

/* NULL, or what fails: "redis HOST ..." */
char *ngx_ohttp_relay_redis_start_tls(ngx_ohttp_relay_redis_node_t *node);

/* redis_check.c */

void ngx_ohttp_relay_redis_start_checks(ngx_ohttp_relay_redis_node_t *node);
void ngx_ohttp_relay_redis_take_check(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command,
    ngx_ohttp_relay_redis_reply_t *reply);

/* in front of a question, every now and then: is it still the same data? */
void ngx_ohttp_relay_redis_count(ngx_ohttp_relay_redis_node_t *node);

/* redis_cluster.c */

ngx_int_t ngx_ohttp_relay_redis_init_cluster(
    ngx_ohttp_relay_redis_worker_t *worker);
ngx_ohttp_relay_redis_node_t *ngx_ohttp_relay_redis_find_node(
    ngx_ohttp_relay_redis_worker_t *worker, u_char *tag, size_t len);

/* NGX_OK if the answer to CLUSTER SLOTS could be used */
ngx_int_t ngx_ohttp_relay_redis_read_map(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_reply_t *reply);

/* MOVED or ASK: the command goes to the node that was named, as _submit() */
ngx_int_t ngx_ohttp_relay_redis_redirect(ngx_ohttp_relay_redis_node_t *node,
    ngx_ohttp_relay_redis_command_t *command,
    ngx_ohttp_relay_redis_reply_t *reply);

/* asks some node for the map, soon */
void ngx_ohttp_relay_redis_refresh(ngx_ohttp_relay_redis_worker_t *worker);
void ngx_ohttp_relay_redis_drop_node(ngx_ohttp_relay_redis_node_t *node);

/* redis_local.c */

/* an answer without Redis, UNKNOWN for one; as on_failure says */
void ngx_ohttp_relay_redis_answer_locally(ngx_ohttp_relay_redis_t *redis,
    ngx_ohttp_relay_ask_t *ask);

/* an answer from Redis is remembered here; it can turn into REFUSED */
void ngx_ohttp_relay_redis_remember(ngx_ohttp_relay_redis_t *redis,
    ngx_ohttp_relay_ask_t *ask);

/* GRANTED if it was granted locally and is not any more; else WAITING */
ngx_ohttp_relay_store_answer_e ngx_ohttp_relay_redis_refund_locally(
    ngx_ohttp_relay_redis_t *redis, ngx_ohttp_relay_ask_t *ask);

void ngx_ohttp_relay_redis_replay(ngx_ohttp_relay_redis_worker_t *worker);
void ngx_ohttp_relay_redis_take_replay(ngx_ohttp_relay_redis_worker_t *worker,
    ngx_ohttp_relay_redis_command_t *command,
    ngx_ohttp_relay_redis_answer_e answer);

/* redis.c */

ngx_ohttp_relay_redis_command_t *ngx_ohttp_relay_redis_create_command(
    ngx_ohttp_relay_redis_worker_t *worker,
    ngx_ohttp_relay_redis_kind_e kind);
void ngx_ohttp_relay_redis_free_command(
    ngx_ohttp_relay_redis_worker_t *worker,
    ngx_ohttp_relay_redis_command_t *command);

/* what is known of the expiry of a group: NULL if it has none */
ngx_ohttp_relay_redis_pin_t *ngx_ohttp_relay_redis_find_pin(
    ngx_ohttp_relay_redis_worker_t *worker, u_char *group);

/* whether the expiry of the group is not, or not yet, what it was: 1 or 0 */
ngx_uint_t ngx_ohttp_relay_redis_raised(
    ngx_ohttp_relay_redis_worker_t *worker, u_char *group);

/* finds a node for the command; returns as _submit() */
ngx_int_t ngx_ohttp_relay_redis_dispatch(
    ngx_ohttp_relay_redis_worker_t *worker,
    ngx_ohttp_relay_redis_command_t *command);

/* once more for a command whose reply was lost, or that has not been sent */
void ngx_ohttp_relay_redis_try_again(ngx_ohttp_relay_redis_worker_t *worker,
    ngx_ohttp_relay_redis_command_t *command, ngx_uint_t sent);

/* the answer is delivered later; _give_up(): nobody could be asked */
void ngx_ohttp_relay_redis_complete(ngx_ohttp_relay_redis_worker_t *worker,
    ngx_ohttp_relay_redis_command_t *command,
    ngx_ohttp_relay_store_answer_e answer);
void ngx_ohttp_relay_redis_give_up(ngx_ohttp_relay_redis_worker_t *worker,
    ngx_ohttp_relay_redis_command_t *command);


#endif /* _NGX_OHTTP_RELAY_REDIS_H_INCLUDED_ */
