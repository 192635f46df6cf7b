
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "eject.h"
#include "peer.h"
#include "state.h"


/* an hour, in milliseconds */
#define NGX_OHTTP_RELAY_EJECT_MAX  3600000


static ngx_uint_t ngx_ohttp_relay_eject_has_other(
    ngx_ohttp_relay_gateway_t *gateway, ngx_ohttp_relay_choice_t *choice,
    ngx_uint_t kind);


/* what is left of a time, in milliseconds; not above 0: it is over */

#define ngx_ohttp_relay_eject_left(until)                                    \
    ((ngx_msec_int_t) ((until) - ngx_current_msec))


char *
ngx_ohttp_relay_eject_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ohttp_relay_gateway_t *gateway = conf;

    ngx_int_t   time;
    ngx_str_t  *value;

    if (gateway->eject != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        gateway->eject = 0;
        return NGX_CONF_OK;
    }

    time = ngx_parse_time(&value[1], 0);

    if (time < 1 || time > NGX_OHTTP_RELAY_EJECT_MAX) {
        return "wants \"off\" or a time from 1ms to 1h";
    }

    gateway->eject = time;

    return NGX_CONF_OK;
}


ngx_uint_t
ngx_ohttp_relay_eject_skips(ngx_ohttp_relay_gateway_t *gateway,
    ngx_ohttp_relay_choice_t *choice, ngx_uint_t kind)
{
    ngx_atomic_uint_t  until;

    if (choice == NULL || gateway->seat == NULL || gateway->eject == 0) {
        return 0;
    }

    until = gateway->seat->ejected_until;

    if (until == 0
        || !ngx_ohttp_relay_eject_has_other(gateway, choice, kind))
    {
        return 0;
    }

    /* who comes first after the time also ends if its client is slow or gone */

    if (ngx_ohttp_relay_eject_left(until) > 0
        || !ngx_atomic_cmp_set(&gateway->seat->ejected_until, until,
                               ngx_current_msec + gateway->eject))
    {
        return 1;
    }

    /* a connection that was kept would not tell whether another can be made */

    ngx_ohttp_relay_peer_close(gateway);

    return 0;
}


static ngx_uint_t
ngx_ohttp_relay_eject_has_other(ngx_ohttp_relay_gateway_t *gateway,
    ngx_ohttp_relay_choice_t *choice, ngx_uint_t kind)
{
    ngx_uint_t                  i;
    ngx_ohttp_relay_gateway_t  *other;

    for (i = 0; i < choice->nmembers; i++) {
        other = choice->members[i];

        if (other != gateway
            && (other->kinds & (1 << kind))
            && ngx_ohttp_relay_gateway_state(other)
               == NGX_OHTTP_RELAY_STATE_READY)
        {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_ohttp_relay_eject_wait(ngx_ohttp_relay_choice_t *choice)
{
    ngx_uint_t               i;
    ngx_msec_int_t           left, least;
    ngx_atomic_uint_t        until;
    ngx_ohttp_relay_seat_t  *seat;

    least = 0;

    if (choice == NULL) {
        return 0;
    }

    for (i = 0; i < choice->nmembers; i++) {

        seat = choice->members[i]->seat;
        until = seat ? seat->ejected_until : 0;
        left = until ? ngx_ohttp_relay_eject_left(until) : 0;

        if (left > 0 && (least == 0 || left < least)) {
            least = left;
        }
    }

    return (least + 999) / 1000;
}


void
ngx_ohttp_relay_eject_failed(ngx_ohttp_relay_gateway_t *gateway,
    ngx_ohttp_relay_choice_t *choice, ngx_uint_t forged)
{
    ngx_msec_t               time;
    ngx_uint_t               first, level;
    ngx_atomic_uint_t        old;
    ngx_ohttp_relay_seat_t  *seat;

    seat = gateway->seat;

    if (seat == NULL || gateway->eject == 0
        || choice == NULL || choice->nmembers == 1)
    {
        return;
    }

    time = gateway->eject;

    if (forged) {
        time = ngx_max(time, NGX_OHTTP_RELAY_EJECT_FORGED);
    }

    old = seat->ejected_until;

    if (old && ngx_ohttp_relay_eject_left(old) >= (ngx_msec_int_t) time) {
        return;
    }

    first = ngx_atomic_cmp_set(&seat->ejected_until, old,
                               ngx_current_msec + time)
            && old == 0;

    /* it is said once, however often it is tried in vain */

    if (!first) {
        return;
    }

    (void) ngx_atomic_fetch_add(&seat->ejections, 1);

    level = forged ? NGX_LOG_ERR : NGX_LOG_WARN;

    ngx_log_error(level, ngx_cycle->log, 0,
                  "gateway \"%V\" is left out for %Mms: %s", &gateway->name,
                  time, forged ? "it shows a key that is not its own"
                               : "it cannot be connected to");
}


void
ngx_ohttp_relay_eject_connected(ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_atomic_uint_t        old;
    ngx_ohttp_relay_seat_t  *seat;

    seat = gateway->seat;

    if (seat == NULL || seat->ejected_until == 0) {
        return;
    }

    old = seat->ejected_until;

    if (old && ngx_atomic_cmp_set(&seat->ejected_until, old, 0)) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "gateway \"%V\" is back", &gateway->name);
    }
}


ngx_uint_t
ngx_ohttp_relay_eject_figures(ngx_ohttp_relay_gateway_t *gateway,
    ngx_atomic_uint_t *ejections)
{
    if (gateway->seat == NULL) {
        *ejections = 0;
        return 0;
    }

    *ejections = gateway->seat->ejections;

    return gateway->seat->ejected_until != 0;
}
