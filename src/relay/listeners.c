
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include "privacy.h"


static ngx_int_t ngx_ohttp_relay_check_location(ngx_conf_t *cf,
    void **loc_conf);
static ngx_uint_t ngx_ohttp_relay_core_flag(ngx_conf_t *cf, void **loc_conf,
    char *name);
static ngx_uint_t ngx_ohttp_relay_has_mirror(ngx_conf_t *cf, void **loc_conf);
static ngx_int_t ngx_ohttp_relay_check_debug(ngx_conf_t *cf);
static ngx_int_t ngx_ohttp_relay_check_listener(ngx_conf_t *cf,
    ngx_ohttp_relay_main_conf_t *rmcf, ngx_http_conf_port_t *port,
    ngx_http_conf_addr_t *addr, ngx_uint_t *plain);
static ngx_uint_t ngx_ohttp_relay_same_socket(ngx_http_conf_port_t *port,
    ngx_http_conf_addr_t *addr, ngx_http_conf_addr_t *other);
static ngx_uint_t ngx_ohttp_relay_count_relays(ngx_http_conf_addr_t *addr);
static ngx_int_t ngx_ohttp_relay_check_neighbours(ngx_conf_t *cf,
    ngx_http_conf_addr_t *addr);
static ngx_uint_t ngx_ohttp_relay_is_relay(ngx_http_core_srv_conf_t *cscf);
static ngx_uint_t ngx_ohttp_relay_has_debug(ngx_log_t *log);
static ngx_int_t ngx_ohttp_relay_end_debug(ngx_cycle_t *cycle,
    ngx_ohttp_relay_main_conf_t *rmcf);
static ngx_int_t ngx_ohttp_relay_list_variables(ngx_cycle_t *cycle,
    ngx_ohttp_relay_main_conf_t *rmcf);
static ngx_http_addr_conf_t *ngx_ohttp_relay_listening_addr(
    ngx_listening_t *ls, ngx_uint_t i, ngx_sockaddr_t *sa);
static ngx_uint_t ngx_ohttp_relay_is_quiet(
    ngx_ohttp_relay_main_conf_t *rmcf, ngx_listening_t *ls);
static ngx_int_t ngx_ohttp_relay_clamp_listener(ngx_cycle_t *cycle,
    ngx_listening_t *ls);
static ngx_int_t ngx_ohttp_relay_clamp_log(ngx_cycle_t *cycle,
    ngx_listening_t *ls, ngx_uint_t level);
static ngx_int_t ngx_ohttp_relay_clamp(ngx_cycle_t *cycle, ngx_log_t **log,
    ngx_uint_t level);


ngx_int_t
ngx_ohttp_relay_privacy_check(ngx_conf_t *cf,
    ngx_ohttp_relay_main_conf_t *rmcf)
{
    void                       ***loc_conf;
    ngx_uint_t                    i, k, plain;
    ngx_http_conf_port_t         *port;
    ngx_http_conf_addr_t         *addr;
    ngx_http_core_main_conf_t    *cmcf;

    if (rmcf->locations.nelts == 0) {
        return NGX_OK;
    }

    if (ngx_ohttp_relay_check_debug(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    loc_conf = rmcf->locations.elts;

    for (i = 0; i < rmcf->locations.nelts; i++) {
        if (ngx_ohttp_relay_check_location(cf, loc_conf[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (cmcf->ports == NULL) {
        return NGX_OK;
    }

    plain = 0;
    port = cmcf->ports->elts;

    for (i = 0; i < cmcf->ports->nelts; i++) {
        addr = port[i].addrs.elts;

        for (k = 0; k < port[i].addrs.nelts; k++) {
            if (ngx_ohttp_relay_check_listener(cf, rmcf, &port[i], &addr[k],
                                               &plain)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    if (plain) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "a relay location listens without TLS: clients must "
                      "reach it through something that speaks TLS to them");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_check_location(ngx_conf_t *cf, void **loc_conf)
{
    char                        *wrong;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_ohttp_relay_loc_conf_t  *rlcf;

    wrong = NULL;
    clcf = loc_conf[ngx_http_core_module.ctx_index];
    rlcf = loc_conf[ngx_ohttp_relay_module.ctx_index];

    if (ngx_ohttp_relay_has_debug(clcf->error_log)) {
        wrong = "\"error_log ... debug\" prints headers and bodies";
    }

    if (clcf->client_body_in_file_only) {
        wrong = "\"client_body_in_file_only\" writes bodies to disk";
    }

    /* nginx 1.31.5 and later */

    if (ngx_ohttp_relay_core_flag(cf, loc_conf, "client_body_early_read")) {
        wrong = "\"client_body_early_read\" reads bodies before the relay is "
                "asked";
    }

    if (ngx_ohttp_relay_has_mirror(cf, loc_conf)) {
        wrong = "\"mirror\" sends copies elsewhere";
    }

    if (wrong == NULL) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "relay location \"%V\": %s: not allowed here in %s:%ui",
                  &clcf->name, wrong, rlcf->file, rlcf->line);

    return NGX_ERROR;
}


/*
 * The value of a flag of nginx's core that the nginx we are built with may
 * not have; 0 if it has not.
 */

static ngx_uint_t
ngx_ohttp_relay_core_flag(ngx_conf_t *cf, void **loc_conf, char *name)
{
    u_char         *conf;
    ngx_flag_t      flag;
    ngx_command_t  *cmd;

    for (cmd = ngx_http_core_module.commands; cmd->name.len; cmd++) {

        if (ngx_strcmp(cmd->name.data, name) != 0
            || cmd->set != ngx_conf_set_flag_slot)
        {
            continue;
        }

        if (cmd->conf == NGX_HTTP_LOC_CONF_OFFSET) {
            conf = loc_conf[ngx_http_core_module.ctx_index];

        } else if (cmd->conf == NGX_HTTP_SRV_CONF_OFFSET) {
            conf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

        } else {
            break;
        }

        flag = *(ngx_flag_t *) (conf + cmd->offset);

        return flag == 1;
    }

    return 0;
}


/* in all versions the mirror module keeps a location's list of them first */

static ngx_uint_t
ngx_ohttp_relay_has_mirror(ngx_conf_t *cf, void **loc_conf)
{
    ngx_uint_t     i;
    ngx_array_t  **mirrors;

    for (i = 0; cf->cycle->modules[i]; i++) {
        if (ngx_strcmp(cf->cycle->modules[i]->name, "ngx_http_mirror_module")
            == 0)
        {
            mirrors = loc_conf[cf->cycle->modules[i]->ctx_index];
            return *mirrors != NULL;
        }
    }

    return 0;
}


static ngx_int_t
ngx_ohttp_relay_check_debug(ngx_conf_t *cf)
{
#if (NGX_DEBUG)

    ngx_event_conf_t  *ecf;

    if (ngx_get_conf(cf->cycle->conf_ctx, ngx_events_module) == NULL) {
        return NGX_OK;
    }

    ecf = ngx_event_get_conf(cf->cycle->conf_ctx, ngx_event_core_module);

    if (ecf->debug_connection.nelts) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"debug_connection\" prints headers and bodies: not "
                      "allowed beside a relay location");
        return NGX_ERROR;
    }

#endif

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_check_listener(ngx_conf_t *cf,
    ngx_ohttp_relay_main_conf_t *rmcf, ngx_http_conf_port_t *port,
    ngx_http_conf_addr_t *addr, ngx_uint_t *plain)
{
    ngx_uint_t                i, others;
    ngx_http_conf_addr_t     *other;
    ngx_ohttp_relay_quiet_t  *quiet;

    if (ngx_ohttp_relay_count_relays(addr) == 0) {
        return NGX_OK;
    }

#if (NGX_HTTP_SSL)
    if (!addr->opt.ssl)
#endif
    {
        *plain = 1;
    }

    others = 0;
    other = port->addrs.elts;

    for (i = 0; i < port->addrs.nelts; i++) {

        if (!ngx_ohttp_relay_same_socket(port, addr, &other[i])) {
            continue;
        }

        others += other[i].servers.nelts
                  - ngx_ohttp_relay_count_relays(&other[i]);

        if (ngx_ohttp_relay_check_neighbours(cf, &other[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (others) {
        rmcf->shared = 1;

        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "listener %V is shared by relay servers and others: "
                      "what is logged before a request names its server has "
                      "the client's address", &addr->opt.addr_text);
        return NGX_OK;
    }

    quiet = ngx_array_push(&rmcf->quiet);
    if (quiet == NULL) {
        return NGX_ERROR;
    }

    quiet->sockaddr = addr->opt.sockaddr;
    quiet->socklen = addr->opt.socklen;

    return NGX_OK;
}


/*
 * Where a port has a wildcard nginx opens one socket for it and for all other
 * addresses of the port that are not bound by themselves.
 */

static ngx_uint_t
ngx_ohttp_relay_same_socket(ngx_http_conf_port_t *port,
    ngx_http_conf_addr_t *addr, ngx_http_conf_addr_t *other)
{
    ngx_uint_t             i;
    ngx_http_conf_addr_t  *any;

    if (addr == other) {
        return 1;
    }

    if ((addr->opt.bind && !addr->opt.wildcard)
        || (other->opt.bind && !other->opt.wildcard))
    {
        return 0;
    }

    any = port->addrs.elts;

    for (i = 0; i < port->addrs.nelts; i++) {
        if (any[i].opt.wildcard) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_ohttp_relay_count_relays(ngx_http_conf_addr_t *addr)
{
    ngx_uint_t                  i, relays;
    ngx_http_core_srv_conf_t  **cscf;

    relays = 0;
    cscf = addr->servers.elts;

    for (i = 0; i < addr->servers.nelts; i++) {
        relays += ngx_ohttp_relay_is_relay(cscf[i]);
    }

    return relays;
}


/* the log of another server of the listener is in use until one is named */

static ngx_int_t
ngx_ohttp_relay_check_neighbours(ngx_conf_t *cf, ngx_http_conf_addr_t *addr)
{
    ngx_uint_t                  i;
    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_core_srv_conf_t  **cscf;

    cscf = addr->servers.elts;

    for (i = 0; i < addr->servers.nelts; i++) {

        if (ngx_ohttp_relay_is_relay(cscf[i])) {
            continue;
        }

        clcf = cscf[i]->ctx->loc_conf[ngx_http_core_module.ctx_index];

        if (ngx_ohttp_relay_has_debug(clcf->error_log)) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "listener %V is shared with a relay server: "
                          "\"error_log ... debug\" of server \"%V\" prints "
                          "headers of the relay's requests: not allowed here",
                          &addr->opt.addr_text, &cscf[i]->server_name);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_ohttp_relay_is_relay(ngx_http_core_srv_conf_t *cscf)
{
    ngx_ohttp_relay_srv_conf_t  *rscf;

    rscf = cscf->ctx->srv_conf[ngx_ohttp_relay_module.ctx_index];

    return rscf->relay;
}


static ngx_uint_t
ngx_ohttp_relay_has_debug(ngx_log_t *log)
{
    for ( /* void */ ; log; log = log->next) {
        if (log->log_level & NGX_LOG_DEBUG_ALL) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_ohttp_relay_privacy_apply(ngx_cycle_t *cycle,
    ngx_ohttp_relay_main_conf_t *rmcf)
{
    void                      ***loc_conf;
    ngx_uint_t                   i;
    ngx_listening_t             *ls;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_ohttp_relay_loc_conf_t  *rlcf;

    if (ngx_ohttp_relay_list_variables(cycle, rmcf) != NGX_OK
        || ngx_ohttp_relay_end_debug(cycle, rmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    loc_conf = rmcf->around.elts;

    for (i = 0; i < rmcf->around.nelts; i++) {
        clcf = loc_conf[i][ngx_http_core_module.ctx_index];

        if (ngx_ohttp_relay_clamp(cycle, &clcf->error_log, NGX_LOG_WARN)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    loc_conf = rmcf->locations.elts;

    for (i = 0; i < rmcf->locations.nelts; i++) {
        clcf = loc_conf[i][ngx_http_core_module.ctx_index];
        rlcf = loc_conf[i][ngx_ohttp_relay_module.ctx_index];

        rlcf->log = clcf->error_log;

        if (ngx_ohttp_relay_clamp(cycle, &clcf->error_log, NGX_LOG_CRIT)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ls = cycle->listening.elts;

    for (i = 0; i < cycle->listening.nelts; i++) {

        if (ls[i].handler != ngx_http_init_connection) {
            continue;
        }

        if (ngx_ohttp_relay_is_quiet(rmcf, &ls[i])) {
            ls[i].addr_ntop = 0;
        }

        if (ngx_ohttp_relay_clamp_listener(cycle, &ls[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * What stands behind "http" was not there to be refused when that was read, and
 * now an error would end a running server.
 */

static ngx_int_t
ngx_ohttp_relay_end_debug(ngx_cycle_t *cycle, ngx_ohttp_relay_main_conf_t *rmcf)
{
    ngx_uint_t                   i;
    ngx_listening_t             *ls;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_core_srv_conf_t   **cscf;
    ngx_http_core_main_conf_t   *cmcf;

#if (NGX_DEBUG)

    ngx_event_conf_t  *ecf;

    ecf = ngx_event_get_conf(cycle->conf_ctx, ngx_event_core_module);

    if (ecf->debug_connection.nelts) {
        ecf->debug_connection.nelts = 0;

        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "\"debug_connection\" has no effect beside a relay "
                      "location");
    }

#endif

    if (!rmcf->shared || !(cycle->new_log.log_level & NGX_LOG_DEBUG_ALL)) {
        return NGX_OK;
    }

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);
    cscf = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {
        clcf = cscf[i]->ctx->loc_conf[ngx_http_core_module.ctx_index];

        if (ngx_ohttp_relay_clamp(cycle, &clcf->error_log, NGX_LOG_INFO)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ls = cycle->listening.elts;

    for (i = 0; i < cycle->listening.nelts; i++) {
        if (ls[i].handler == ngx_http_init_connection
            && ngx_ohttp_relay_clamp_log(cycle, &ls[i], NGX_LOG_INFO) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* the variables that are made of a client's head, if something names them */

static ngx_int_t
ngx_ohttp_relay_list_variables(ngx_cycle_t *cycle,
    ngx_ohttp_relay_main_conf_t *rmcf)
{
    ngx_str_t                  *prefix;
    ngx_uint_t                  i, *index;
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;

    static ngx_str_t  prefixes[] = {
        ngx_string("http_"),
        ngx_string("arg_"),
        ngx_string("args"),
        ngx_string("cookie_"),
        ngx_string("query_string"),
        ngx_string("is_args"),
        ngx_string("request_uri"),
        ngx_string("request"),
        ngx_string("remote_"),
        ngx_string("realip_"),
        ngx_string("proxy_add_"),
        ngx_string("content_"),
        ngx_string("host"),
        ngx_null_string
    };

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);
    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {

        for (prefix = prefixes; prefix->len; prefix++) {

            if (v[i].name.len < prefix->len
                || ngx_strncmp(v[i].name.data, prefix->data, prefix->len) != 0)
            {
                continue;
            }

            index = ngx_array_push(&rmcf->forget);
            if (index == NULL) {
                return NGX_ERROR;
            }

            *index = i;
            break;
        }
    }

    return NGX_OK;
}


/*
 * A listening socket may serve several addresses of one port: the i-th of them
 * and its configuration.
 */

static ngx_http_addr_conf_t *
ngx_ohttp_relay_listening_addr(ngx_listening_t *ls, ngx_uint_t i,
    ngx_sockaddr_t *sa)
{
    ngx_http_port_t      *port;
    ngx_http_in_addr_t   *addr;
#if (NGX_HAVE_INET6)
    ngx_http_in6_addr_t  *addr6;
#endif

    port = ls->servers;

    ngx_memcpy(sa, ls->sockaddr, ls->socklen);

    switch (ls->sockaddr->sa_family) {

#if (NGX_HAVE_INET6)
    case AF_INET6:
        addr6 = port->addrs;

        if (port->naddrs > 1) {
            sa->sockaddr_in6.sin6_addr = addr6[i].addr6;
        }

        return &addr6[i].conf;
#endif

    default: /* AF_INET and AF_UNIX */
        addr = port->addrs;

        if (port->naddrs > 1) {
            sa->sockaddr_in.sin_addr.s_addr = addr[i].addr;
        }

        return &addr[i].conf;
    }
}


static ngx_uint_t
ngx_ohttp_relay_is_quiet(ngx_ohttp_relay_main_conf_t *rmcf,
    ngx_listening_t *ls)
{
    ngx_uint_t                i, k;
    ngx_sockaddr_t            sa;
    ngx_http_port_t          *port;
    ngx_ohttp_relay_quiet_t  *quiet;

    port = ls->servers;
    quiet = rmcf->quiet.elts;

    for (i = 0; i < port->naddrs; i++) {

        (void) ngx_ohttp_relay_listening_addr(ls, i, &sa);

        for (k = 0; k < rmcf->quiet.nelts; k++) {
            if (ngx_cmp_sockaddr(&sa.sockaddr, ls->socklen, quiet[k].sockaddr,
                                 quiet[k].socklen, 1)
                == NGX_OK)
            {
                break;
            }
        }

        if (k == rmcf->quiet.nelts) {
            return 0;
        }
    }

    return 1;
}


/*
 * What is logged before there is a request goes to the log of the default
 * server.  Without a PROXY protocol header nginx prints what came instead,
 * whatever it is, at "error": there, not even that.
 */

static ngx_int_t
ngx_ohttp_relay_clamp_listener(ngx_cycle_t *cycle, ngx_listening_t *ls)
{
    ngx_uint_t             i;
    ngx_sockaddr_t         sa;
    ngx_http_port_t       *port;
    ngx_http_addr_conf_t  *conf;

    port = ls->servers;

    for (i = 0; i < port->naddrs; i++) {

        conf = ngx_ohttp_relay_listening_addr(ls, i, &sa);

        if (!ngx_ohttp_relay_is_relay(conf->default_server)) {
            continue;
        }

        if (ngx_ohttp_relay_clamp_log(cycle, ls,
                                      conf->proxy_protocol ? NGX_LOG_CRIT
                                                           : NGX_LOG_WARN)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_clamp_log(ngx_cycle_t *cycle, ngx_listening_t *ls,
    ngx_uint_t level)
{
    ngx_log_t  log;

    if (ngx_ohttp_relay_clamp(cycle, &ls->logp, level) != NGX_OK) {
        return NGX_ERROR;
    }

    log = *ls->logp;
    log.handler = ls->log.handler;
    log.data = ls->log.data;
    ls->log = log;

    return NGX_OK;
}


/*
 * At "info" nginx prints lines that a client has sent.  The log may belong to
 * other servers as well, so a relay gets a copy of its own.
 */

static ngx_int_t
ngx_ohttp_relay_clamp(ngx_cycle_t *cycle, ngx_log_t **log, ngx_uint_t level)
{
    ngx_log_t  *copy;

    for ( /* void */ ; *log; log = &(*log)->next) {

        copy = ngx_palloc(cycle->pool, sizeof(ngx_log_t));
        if (copy == NULL) {
            return NGX_ERROR;
        }

        *copy = **log;
        copy->log_level = ngx_min(copy->log_level, level);

        *log = copy;
    }

    return NGX_OK;
}
