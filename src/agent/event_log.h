
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_EVENT_LOG_H_INCLUDED_
#define _NGX_OHTTP_RELAY_EVENT_LOG_H_INCLUDED_


/* what dstack has measured into the RTMRs of a TD, and in which order */


#include "finding.h"


#define NGX_OHTTP_RELAY_EVENT_LOG_BYTES  524288     /* of JSON, at most */
#define NGX_OHTTP_RELAY_EVENT_DATA       256        /* of an event's payload */
#define NGX_OHTTP_RELAY_RTMR             48


/* events that the system itself has written; others mean nothing */

typedef enum {
    NGX_OHTTP_RELAY_EVENT_COMPOSE_HASH = 0,
    NGX_OHTTP_RELAY_EVENT_OS_IMAGE_HASH,
    NGX_OHTTP_RELAY_EVENT_APP_ID,
    NGX_OHTTP_RELAY_EVENT_KEY_PROVIDER,
    NGX_OHTTP_RELAY_EVENTS
} ngx_ohttp_relay_event_e;


typedef struct {
    size_t  len;                                    /* 0: there was none */
    u_char  data[NGX_OHTTP_RELAY_EVENT_DATA];
} ngx_ohttp_relay_event_t;


typedef struct {
    u_char                   rtmrs[4][NGX_OHTTP_RELAY_RTMR];
    ngx_ohttp_relay_event_t  events[NGX_OHTTP_RELAY_EVENTS];
} ngx_ohttp_relay_event_log_t;


/*
 * Replays a log: what the RTMRs are after all of it.  Digests of the events of
 * the system are made of their names and payloads, whatever the log says they
 * are; they are taken from before "system-ready" only, which must be there,
 * and each once: behind it the application may write what it likes.
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED and fills *log;
 * NGX_OHTTP_RELAY_MALFORMED, or NGX_OHTTP_RELAY_REFUSED for an event that is
 * there twice, with a reason in *finding.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_event_log(const u_char *p,
    const u_char *last, ngx_ohttp_relay_event_log_t *log,
    ngx_ohttp_relay_finding_t *finding);

/* Returns the event of a name, NGX_OHTTP_RELAY_EVENTS if it is none. */
ngx_ohttp_relay_event_e ngx_ohttp_relay_event(const char *name);


#endif /* _NGX_OHTTP_RELAY_EVENT_LOG_H_INCLUDED_ */
