
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_PRIVACY_H_INCLUDED_
#define _NGX_OHTTP_RELAY_PRIVACY_H_INCLUDED_


#include "relay.h"


/*
 * What must not reach a log.  nginx renders a client's address when it accepts
 * a connection, prints it with the request line before each log line of a
 * request, and offers both, with every header, to access logs.
 */


/*
 * The POST_READ phase, where the server is first known: from here on the log
 * lines of a relay server's request have no client in them.
 */
ngx_int_t ngx_ohttp_relay_post_read(ngx_http_request_t *r);

/*
 * Puts back what it has taken, when the request is freed.
 */
void ngx_ohttp_relay_restore(ngx_ohttp_relay_ctx_t *ctx);

/*
 * Reads once what the relay has to know of the client's head, into "ctx", and
 * then makes nginx forget the rest: headers, query, credentials, and an
 * address that realip has put back.  Log formats find none of them afterwards;
 * what "set" or "map" have made of them before stays what it is.
 */
void ngx_ohttp_relay_look(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx);

/*
 * The LOG phase, in front of all other handlers of it: has the request looked
 * at, and so forgotten, that ended before anybody did.
 */
ngx_int_t ngx_ohttp_relay_before_log(ngx_http_request_t *r);

/*
 * On a relay location the error log is closed to anything below "crit" until
 * the relay has the request: what other modules say of it before, about its
 * rewrites or its user, has words of the client in it.  Opens it, up to the
 * level "warn".
 */
void ngx_ohttp_relay_open_log(ngx_http_request_t *r);

/*
 * Called when the configuration has been read: refuses what would leak and
 * cannot be neutralised, warns about listeners shared with other servers, and
 * notes the listeners that are not.  Returns NGX_OK, or NGX_ERROR after one
 * logged line.
 */
ngx_int_t ngx_ohttp_relay_privacy_check(ngx_conf_t *cf,
    ngx_ohttp_relay_main_conf_t *rmcf);

/*
 * Called when listeners and log files are open: keeps client addresses from
 * being rendered on the listeners noted, and limits the error logs of relay
 * servers.  Returns NGX_OK or NGX_ERROR (no memory).
 */
ngx_int_t ngx_ohttp_relay_privacy_apply(ngx_cycle_t *cycle,
    ngx_ohttp_relay_main_conf_t *rmcf);


#endif /* _NGX_OHTTP_RELAY_PRIVACY_H_INCLUDED_ */
